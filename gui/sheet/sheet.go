// Package sheet is the Ficha rápida: one customer with fields, consent in words, what plugins show and the
// buttons that they offer, and below the customer's messages and history. Everything about rules comes from
// the host: a field's or button's state is shown as the API gives it, with its reason beside it.
package sheet

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"mostrador/gui/contribution"
	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// Screen is the quick sheet of one customer.
type Screen struct {
	d       *ui.Desk
	sheet   *model.Sheet
	content *fyne.Container

	rest    *ui.Anchor // where the focus is when nothing is being done
	title   *widget.Label
	state   *ui.Badge
	edit    *ui.Button
	sell    *ui.Button
	data    *fyne.Container
	consent *fyne.Container
	actions *fyne.Container
	panels  *fyne.Container
	past    *past

	buttons *contribution.Actions
	leave   *ui.Button
	editing *editor
	shown   *mostradorv1.SheetResponse
}

// New builds an empty sheet; Show says whose it is.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d, rest: ui.NewAnchor()}
	s.buttons = contribution.NewActions(d, ui.Plain)
	s.buttons.Rest = s.rest
	s.buttons.Customer = func() string { return s.shown.Customer.GetId() }
	s.buttons.Done = s.answered
	s.leave = ui.NewButton(d.T("sheet.optout"), "", ui.Danger, s.optOut)
	s.title = ui.Cell(true)
	s.title.SizeName = theme.SizeNameHeadingText
	s.state = ui.NewBadge("", ui.Quiet)
	s.sell = ui.NewButton(d.T("sheet.sell"), "F2", ui.Plain, func() { s.sale() })
	s.edit = ui.NewButton(d.T("sheet.edit"), "F5", ui.Plain, s.toggle)
	s.data, s.consent, s.actions, s.panels = ui.Column(8), ui.Column(4), ui.Column(4), ui.Column(12)
	s.past = newPast(d)
	head := ui.Frame(8, nil, nil, container.NewStack(s.rest, ui.Tight(s.title)), ui.Row(8, s.state.Box, s.edit, s.sell), nil)
	left := ui.Scrolled(ui.Column(12,
		ui.Card(d.T("sheet.data"), s.data),
		ui.Card(d.T("sheet.consent"), s.consent)))
	right := ui.Scrolled(ui.Column(12, ui.Card(d.T("sheet.actions"), s.actions), s.panels))
	top := ui.Columns(16, []float32{56, 44}, left, right)
	s.content = ui.Frame(14, head, nil, container.New(&halves{}, top, s.past.content), nil, nil)
	return s
}

// halves gives the upper part what it needs and the lower part the rest, but at least a third.
type halves struct{}

func (*halves) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(400, 400) }

func (*halves) Layout(o []fyne.CanvasObject, size fyne.Size) {
	need := float32(0)
	for _, column := range o[0].(*fyne.Container).Objects {
		need = max(need, column.(*container.Scroll).Content.MinSize().Height)
	}
	h := min(need, size.Height-max(210, size.Height/3))
	o[0].Resize(fyne.NewSize(size.Width, h))
	o[1].Move(fyne.NewPos(0, h+14))
	o[1].Resize(fyne.NewSize(size.Width, size.Height-h-14))
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen; arg is the customer's id.
func (s *Screen) Show(arg string) {
	s.Hide()
	s.sheet = s.d.Model.OpenSheet(arg, func() { s.d.Do(s.refresh) })
	s.past.open(arg)
	s.d.Window.Canvas().Focus(s.rest)
}

// Hide implements ui.Screen.
func (s *Screen) Hide() {
	if s.sheet != nil {
		s.sheet.Close()
		s.sheet = nil
	}
}

// Scanned implements ui.Screen: the next customer's card opens the next sheet.
func (s *Screen) Scanned(code string) {
	ui.Ask(s.d, s.d.Model.Customers.Get, &mostradorv1.GetCustomerRequest{Key: code}, func(res *mostradorv1.GetCustomerResponse, err error) {
		if s.sheet == nil {
			return // gone elsewhere meanwhile
		}
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.d.Nav.Go(ui.Sheet, res.Customer.Id)
	})
}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	switch {
	case ev.Name == fyne.KeyF2:
		s.sale()
	case ev.Name == fyne.KeyF5:
		s.toggle()
	case ev.Name == fyne.KeyEscape && s.editing != nil:
		s.stopEditing()
	default:
		return
	}
	ui.Take(ev)
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind != model.StoreChanged || s.sheet == nil {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_MESSAGE, mostradorv1.WatchResponse_KIND_CUSTOMER,
		mostradorv1.WatchResponse_KIND_SALE, mostradorv1.WatchResponse_KIND_STATE:
		s.past.load()
	}
}

func (s *Screen) sale() {
	if s.shown != nil {
		s.d.Nav.Go(ui.Billing, s.shown.Customer.GetId())
	}
}

// refresh shows the newest state of the sheet.
func (s *Screen) refresh() {
	if s.sheet == nil {
		return
	}
	state := s.sheet.State()
	if err := s.sheet.Err(); err != nil {
		s.d.Fail(s.d.Explain(err))
	}
	if state == nil {
		return
	}
	s.shown = state
	c := state.Customer
	s.title.SetText(c.GetName())
	switch c.GetConsent().GetPromotions() {
	case plgv1.ConsentState_CONSENT_STATE_GIVEN:
		s.state.Set(s.d.T("consent.given"), ui.Good)
	case plgv1.ConsentState_CONSENT_STATE_WITHDRAWN:
		s.state.Set(s.d.T("consent.withdrawn"), ui.Bad)
	default:
		s.state.Set(s.d.T("consent.pending"), ui.Quiet)
	}
	if s.editing == nil {
		s.showData()
	}
	s.consent.RemoveAll()
	for _, line := range state.Consent {
		s.consent.Add(ui.Tight(ui.Words(line)))
	}
	s.showActions()
	s.showPanels()
	s.content.Refresh()
}

// fields are the fields of the sheet; a host that lists none of the basic ones still shows them.
func (s *Screen) fields() []*mostradorv1.FieldState {
	for _, f := range s.shown.Fields {
		if f.Id == "name" {
			return s.shown.Fields
		}
	}
	c := s.shown.Customer
	basic := []*mostradorv1.FieldState{
		{Id: "name", Label: s.d.T("customer.name"), Type: "text", Value: c.Name, Visible: true, Editable: true, Required: true},
		{Id: "phone", Label: s.d.T("customer.phone"), Type: "phone", Value: c.Phone, Visible: true, Editable: true},
		{Id: "email", Label: s.d.T("customer.email"), Type: "email", Value: c.Email, Visible: true, Editable: true},
	}
	return append(basic, s.shown.Fields...)
}

func (s *Screen) showData() {
	s.data.RemoveAll()
	grid := ui.Pairs()
	for _, f := range s.fields() {
		switch {
		case !f.Visible:
		case f.Type == "yes_no":
			s.data.Add(s.check(f))
		default:
			grid.Add(s.value(f))
		}
	}
	s.data.Objects = append([]fyne.CanvasObject{grid}, s.data.Objects...)
	c := s.shown.Customer
	if c.Created != nil {
		s.data.Add(ui.Caption(s.d.T("sheet.since", "date", s.d.Text.Date(c.Created))))
	}
	s.data.Refresh()
}

func (s *Screen) value(f *mostradorv1.FieldState) fyne.CanvasObject {
	box := ui.Column(1, ui.Caption(f.Label), contribution.Value(s.d, f))
	if f.Reason != "" {
		box.Add(ui.Tight(ui.Note(f.Reason, widget.LowImportance)))
	}
	return box
}

// check is a yes-or-no field: one click changes it, unless a rule governs it, which then says why.
func (s *Screen) check(f *mostradorv1.FieldState) fyne.CanvasObject {
	box := ui.NewCheck(f.Label, nil)
	box.SetChecked(f.Value == "true")
	if !f.Editable {
		box.Disable()
	}
	box.OnChanged = func(on bool) {
		c := &plgv1.Customer{Id: s.shown.Customer.Id, Revision: s.shown.Customer.Revision}
		setField(c, f.Id, map[bool]string{true: "true", false: "false"}[on])
		s.update(c, []string{path(f.Id)}, func(err error) {
			s.d.Fail(s.d.Explain(err))
			s.sheet.Reload()
		})
	}
	if f.Reason == "" {
		return box
	}
	return ui.Column(0, box, ui.Pad(33, 0, ui.Tight(ui.Note(f.Reason, widget.MediumImportance))))
}

// path is a field's name in an update mask.
func path(id string) string {
	switch id {
	case "name", "phone", "email", "language", "aplica_promociones":
		return id
	}
	return "fields." + id
}

func setField(c *plgv1.Customer, id, value string) {
	switch id {
	case "name":
		c.Name = value
	case "phone":
		c.Phone = value
	case "email":
		c.Email = value
	case "language":
		c.Language = value
	case "aplica_promociones":
		c.AplicaPromociones = value == "true"
	default:
		if c.Fields == nil {
			c.Fields = map[string]string{}
		}
		c.Fields[id] = value
	}
}

func (s *Screen) update(c *plgv1.Customer, mask []string, failed func(error)) {
	req := &mostradorv1.UpdateRequest{Customer: c, Mask: &fieldmaskpb.FieldMask{Paths: mask}}
	ui.Ask(s.d, s.d.Model.Customers.Update, req, func(res *mostradorv1.UpdateResponse, err error) {
		if s.sheet == nil {
			return
		}
		if err != nil {
			failed(err)
			return
		}
		s.stopEditing()
		s.sheet.Apply(res.Customer)
		s.sheet.Reload()
		s.d.Say(s.d.T("sheet.saved"))
	})
}

func (s *Screen) showPanels() {
	s.panels.RemoveAll()
	for _, p := range s.shown.Panels {
		s.panels.Add(contribution.Panel(s.d, p))
	}
	s.panels.Refresh()
}

// answered reads again what a plug-in's button may have changed.
func (s *Screen) answered() {
	if s.sheet != nil {
		s.sheet.Reload()
		s.past.load()
	}
}
