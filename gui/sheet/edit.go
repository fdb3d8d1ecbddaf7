package sheet

import (
	"strings"

	"fyne.io/fyne/v2/container"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// editor is the data of the sheet while it is being changed.
type editor struct {
	order  []string
	fields map[string]*ui.Field
	states map[string]*mostradorv1.FieldState
}

// toggle begins to edit, or saves.
func (s *Screen) toggle() {
	switch {
	case s.shown == nil:
	case s.editing != nil:
		s.save()
	default:
		s.startEditing()
	}
}

func (s *Screen) startEditing() {
	e := &editor{fields: map[string]*ui.Field{}, states: map[string]*mostradorv1.FieldState{}}
	grid := container.New(&pairs{})
	for _, f := range s.fields() {
		if !f.Visible || f.Type == "yes_no" {
			continue
		}
		field := s.field(f)
		if !f.Editable {
			field.Disable()
		}
		field.Say(f.Reason)
		e.order = append(e.order, f.Id)
		e.fields[f.Id], e.states[f.Id] = field, f
		grid.Add(field.Box)
	}
	s.editing = e
	s.data.RemoveAll()
	s.data.Add(grid)
	s.data.Add(ui.Row(8,
		ui.NewButton(s.d.T("save"), "F5", ui.Primary, s.save),
		ui.NewButton(s.d.T("cancel"), "Esc", ui.Plain, s.stopEditing)))
	s.edit.Disable()
	s.content.Refresh()
	for _, id := range e.order {
		if e.states[id].Editable {
			s.d.Window.Canvas().Focus(e.fields[id].Focus())
			break
		}
	}
}

// field is the box or choice for one field.
func (s *Screen) field(f *mostradorv1.FieldState) *ui.Field {
	name, none := f.Label, s.d.T("sheet.empty")
	if f.Required {
		name, none = name+" *", ""
	}
	if f.Type == "choice" {
		return ui.NewChoiceField(name, s.d.T("choose"), none, f.Choices, f.Value)
	}
	entry := ui.NewEntry("", func(string) { s.nextField(f.Id) })
	entry.SetText(f.Value)
	return ui.NewField(name, entry)
}

// nextField moves on from a field, and saves after the last.
func (s *Screen) nextField(from string) {
	passed := false
	for _, id := range s.editing.order {
		if passed && s.editing.states[id].Editable {
			s.d.Window.Canvas().Focus(s.editing.fields[id].Focus())
			return
		}
		passed = passed || id == from
	}
	s.save()
}

func (s *Screen) stopEditing() {
	if s.editing == nil {
		return
	}
	s.editing = nil
	s.edit.Enable()
	s.showData()
	s.content.Refresh()
	s.d.Window.Canvas().Focus(s.rest)
}

func (s *Screen) save() {
	c := &plgv1.Customer{Id: s.shown.Customer.Id, Revision: s.shown.Customer.Revision}
	var mask []string
	for _, id := range s.editing.order {
		f, text := s.editing.states[id], s.editing.fields[id].Value()
		s.editing.fields[id].Say("")
		if f.Editable && text != f.Value {
			setField(c, id, text)
			mask = append(mask, path(id))
		}
	}
	if len(mask) == 0 {
		s.stopEditing()
		return
	}
	s.update(c, mask, func(err error) {
		placed := false
		for _, diag := range model.Refusal(err).GetDiagnostics() {
			id := strings.TrimPrefix(strings.TrimPrefix(diag.Path, "customer."), "fields.")
			if s.editing == nil {
				break
			}
			if field := s.editing.fields[id]; field != nil {
				field.Say(ui.Sentence(diag))
				s.d.Window.Canvas().Focus(field.Focus())
				placed = true
			}
		}
		if !placed {
			s.d.Fail(s.d.Explain(err))
		}
		s.content.Refresh()
	})
}

// showActions draws the plugins' buttons from their states alone, each disabled one with its reason, and the
// opt-out that every customer may ask for (seed 000, step 3).
func (s *Screen) showActions() {
	s.actions.RemoveAll()
	add := func(id, label, reason string, style ui.Style, enabled bool, press func()) {
		// The same button stays through every refresh: the focus may be on it, or come back to it.
		b := s.buttons[id]
		if b == nil {
			b = ui.NewButton(label, "", style, nil)
			s.buttons[id] = b
		}
		b.OnTapped = press
		b.SetText(label)
		b.SetEnabled(enabled)
		s.actions.Add(b)
		if !enabled && reason != "" {
			s.actions.Add(ui.Pad(8, 0, ui.Tight(ui.Note(reason, lowImportance))))
		}
	}
	for _, a := range s.shown.Actions {
		add(a.Plugin+"/"+a.Id, a.Label, a.Reason, ui.Plain, a.Enabled, func() { s.press(a) })
	}
	if s.shown.Customer.GetConsent().GetPromotions() != plgv1.ConsentState_CONSENT_STATE_WITHDRAWN {
		add("", s.d.T("sheet.optout"), s.d.T("error.permission"), ui.Danger, s.d.Model.May(mostradorv1.Role_ROLE_OPERATOR), s.optOut)
	}
	s.actions.Refresh()
}

func (s *Screen) optOut() {
	c := s.shown.Customer
	s.d.Confirm(s.d.T("sheet.optout"), s.d.T("sheet.optout.text", "name", c.Name), s.d.T("sheet.optout.yes"), func() {
		ui.Ask(s.d, s.d.Model.Customers.Withdraw, &mostradorv1.WithdrawRequest{Id: c.Id}, func(res *mostradorv1.WithdrawResponse, err error) {
			if err != nil {
				s.d.Fail(s.d.Explain(err))
				return
			}
			if s.sheet != nil {
				s.sheet.Apply(res.Customer)
				s.sheet.Reload()
			}
			s.d.Say(s.d.T("sheet.optout.done", "name", c.Name))
		})
	})
}
