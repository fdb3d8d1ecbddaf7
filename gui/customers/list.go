// Package customers is the list of customers, found while typing, and the form for a new one that can be
// filled in by keyboard alone (seed 000: Facturación > [C] > [Nuevo]).
package customers

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/contribution"
	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// page is how many customers are read at a time.
const page = 50

// List is the screen Clientes.
type List struct {
	d       *ui.Desk
	content fyne.CanvasObject
	entry   *ui.Entry
	list    *ui.List
	none    *fyne.Container
	found   []*plgv1.Customer
	next    string
	loading bool
	// enter remembers an Enter that was quicker than the answer to the last letter, as a scanner's is.
	enter  bool
	newest ui.Latest
	extras ui.Latest
	// buttons are the plug-ins' and bar where they stand.
	buttons *contribution.Actions
	bar     *fyne.Container
	offered []*mostradorv1.ActionState
}

var weights = []float32{30, 20, 30, 20}

// NewList builds the screen.
func NewList(d *ui.Desk) *List {
	s := &List{d: d, buttons: contribution.NewActions(d, ui.Plain), bar: ui.Row(8)}
	s.entry = ui.NewEntry(d.T("customers.search"), func(string) { s.enterPressed() })
	s.entry.OnChanged = func(string) { s.enter = false; s.search() }
	s.entry.OnKey = func(ev *fyne.KeyEvent) bool {
		if ev.Name == fyne.KeyDown && len(s.found) > 0 {
			d.Window.Canvas().Focus(s.list)
			return true
		}
		return false
	}
	s.list = ui.NewList(func() int { return len(s.found) }, func() fyne.CanvasObject {
		badge := ui.NewBadge(" ", ui.Quiet)
		name, phone, mail := ui.Cell(true), ui.Cell(false), ui.Cell(false)
		return container.New(&rowHolder{name, phone, mail, badge}, ui.Columns(4, weights, name, phone, mail, ui.Row(0, ui.Gap(9), badge.Box)))
	}, s.update, s.open)
	s.list.OnTop = func() { d.Window.Canvas().Focus(s.entry) }
	s.none = container.NewCenter(ui.Text(d.T("customers.none"), ui.SizeText, false, ui.ColorMuted))
	s.none.Hide()
	fresh := ui.NewButton(d.T("customers.new"), "F4", ui.Primary, func() { s.fresh() })
	head := ui.Row(8, ui.Title(d.T("menu.customers")), ui.Spring(), s.bar, fresh)
	caption := func(key string) fyne.CanvasObject { return ui.Pad(9, 0, ui.Caption(d.T(key))) }
	captions := ui.Columns(4, weights, caption("customer.name"), caption("customer.phone"), caption("customer.email"), caption("customer.consent"))
	card := ui.Card("", ui.Frame(8, ui.Column(10, s.entry, captions), nil, container.NewStack(s.list, s.none), nil, nil))
	s.content = ui.Frame(16, head, nil, card, nil, nil)
	return s
}

// rowHolder keeps the cells of one row.
type rowHolder struct {
	name, phone, mail *widget.Label
	badge             *ui.Badge
}

func (h *rowHolder) MinSize(o []fyne.CanvasObject) fyne.Size      { return o[0].MinSize() }
func (h *rowHolder) Layout(o []fyne.CanvasObject, size fyne.Size) { o[0].Resize(size) }

func (s *List) update(i int, o fyne.CanvasObject) {
	if i >= len(s.found) {
		return
	}
	c, row := s.found[i], o.(*fyne.Container).Layout.(*rowHolder)
	row.name.SetText(c.Name)
	row.phone.SetText(s.d.Text.Phone(c.Phone))
	row.mail.SetText(c.Email)
	switch c.Consent.GetPromotions() {
	case plgv1.ConsentState_CONSENT_STATE_GIVEN:
		row.badge.Set(s.d.T("consent.given"), ui.Good)
	case plgv1.ConsentState_CONSENT_STATE_WITHDRAWN:
		row.badge.Set(s.d.T("consent.withdrawn"), ui.Bad)
	default:
		row.badge.Set(s.d.T("consent.pending"), ui.Quiet)
	}
	o.Refresh()
	if i == len(s.found)-1 && s.next != "" && !s.loading {
		s.more()
	}
}

// Content implements ui.Screen.
func (s *List) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen.
func (s *List) Show(string) {
	s.d.Window.Canvas().Focus(s.entry)
	s.entry.TypedShortcut(&fyne.ShortcutSelectAll{})
	s.search()
	s.plugins()
}

// place is the place of this list's buttons in manifests, and few how many stand side by side; more of them are
// behind one button.
const (
	place = "list"
	few   = 2
)

// plugins shows the buttons that plug-ins bring to the list.
func (s *List) plugins() {
	current := s.extras.Next()
	req := &mostradorv1.ContributionsRequest{Place: place, Language: s.d.Model.Language()}
	ui.Ask(s.d, s.d.Model.Plugins.Contributions, req, func(res *mostradorv1.ContributionsResponse, err error) {
		if err != nil || !current() {
			return // the list itself says what is wrong
		}
		s.bar.RemoveAll()
		if len(res.Actions) > few {
			s.bar.Add(ui.NewButton(s.d.T("sheet.actions"), "F5", ui.Plain, s.all))
		}
		for _, a := range res.Actions {
			b := s.buttons.Button(a)
			if len(res.Actions) <= few {
				s.bar.Add(b)
			}
		}
		s.offered = res.Actions
		s.content.Refresh()
	})
}

// all shows every button with what a person should know about it.
func (s *List) all() {
	var m *ui.Modal
	box := ui.Column(6)
	for _, a := range s.offered {
		b := ui.NewButton(a.Label, "", ui.Plain, func() { m.Close(); s.buttons.Button(a).Tapped(nil) })
		b.SetEnabled(a.Enabled)
		box.Add(b)
		if note := s.buttons.Note(a); note != nil {
			box.Add(note)
		}
	}
	shut := ui.NewButton(s.d.T("close"), "Esc", ui.Primary, func() { m.Close() })
	m = s.d.NewModal(s.d.T("sheet.actions"), 420, ui.Fold(box, 460), box.Objects[0].(fyne.Focusable), shut)
	m.Fit()
}

// Hide implements ui.Screen.
func (s *List) Hide() { s.newest.Next(); s.loading, s.enter = false, false }

// Scanned implements ui.Screen: a card opens its customer.
func (s *List) Scanned(code string) {
	s.entry.SetText(code)
	s.enterPressed()
}

// enterPressed opens the first customer found, once the search has been answered.
func (s *List) enterPressed() {
	if s.loading {
		s.enter = true
		return
	}
	s.open(0)
}

// Key implements ui.Screen.
func (s *List) Key(ev *fyne.KeyEvent) {
	switch {
	case ev.Name == fyne.KeyF4:
		s.fresh()
	case ev.Name == fyne.KeyF5 && len(s.offered) > few:
		s.all()
	case ev.Name == fyne.KeyEscape && s.entry.Text != "":
		s.entry.SetText("")
		s.d.Window.Canvas().Focus(s.entry)
	default:
		return
	}
	ui.Take(ev)
}

// Changed implements ui.Screen.
func (s *List) Changed(c model.Change) {
	if c.Kind != model.StoreChanged {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_READY:
		s.search()
		s.plugins()
	case mostradorv1.WatchResponse_KIND_PLUGIN, mostradorv1.WatchResponse_KIND_SETTING:
		s.plugins()
	case mostradorv1.WatchResponse_KIND_CUSTOMER:
		for i, known := range s.found {
			if known.Id == c.Event.Id && c.Event.Customer != nil {
				s.found[i] = c.Event.Customer
				s.list.RefreshItem(i)
				return
			}
		}
		if s.entry.Text == "" {
			s.search() // somebody new
		}
	}
}

// fresh carries what was typed over into the form: who searches in vain registers next.
func (s *List) fresh() {
	typed := ""
	if len(s.found) == 0 {
		typed = strings.TrimSpace(s.entry.Text)
	}
	s.d.Nav.Go(ui.NewCustomer, typed)
}

func (s *List) open(i int) {
	if i < len(s.found) {
		s.list.UnselectAll()
		s.d.Nav.Go(ui.Sheet, s.found[i].Id)
	}
}

func (s *List) search() {
	current := s.newest.Next()
	s.loading = true
	req := &mostradorv1.SearchRequest{Query: strings.TrimSpace(s.entry.Text), Limit: page}
	ui.Ask(s.d, s.d.Model.Customers.Search, req, func(res *mostradorv1.SearchResponse, err error) {
		if !current() {
			return
		}
		s.loading = false
		if err != nil {
			s.enter = false
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.found, s.next = res.Customers, res.NextPage
		if len(s.found) == 0 {
			s.none.Show()
		} else {
			s.none.Hide()
		}
		s.list.UnselectAll()
		s.list.ScrollToTop()
		s.list.Refresh()
		if s.enter {
			s.enter = false
			s.open(0)
		}
	})
}

func (s *List) more() {
	current := s.newest.Next()
	s.loading = true
	req := &mostradorv1.SearchRequest{Query: strings.TrimSpace(s.entry.Text), Limit: page, Page: s.next}
	ui.Ask(s.d, s.d.Model.Customers.Search, req, func(res *mostradorv1.SearchResponse, err error) {
		if !current() {
			return
		}
		s.loading = false
		if err == nil {
			s.found, s.next = append(s.found, res.Customers...), res.NextPage
			s.list.Refresh()
		}
	})
}
