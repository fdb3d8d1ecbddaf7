package sheet

import (
	"strings"

	"fyne.io/fyne/v2/widget"

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
	grid := ui.Pairs()
	for _, f := range s.fields() {
		if !f.Visible || f.Type == "yes_no" {
			continue
		}
		field := ui.NewQuestion(s.d, ui.FieldQuestion(f), func() { s.nextField(f.Id) })
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
		f, field := s.editing.states[id], s.editing.fields[id]
		if !f.Editable {
			continue
		}
		if !field.Check() {
			s.content.Refresh()
			s.d.Window.Canvas().Focus(field.Focus())
			return
		}
		if text := field.Value(); text != f.Value {
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

// showActions draws the plug-ins' buttons from their states alone, each disabled one with its reason, and the
// opt-out that every customer may ask for (seed 000, step 3).
func (s *Screen) showActions() {
	s.actions.RemoveAll()
	for _, a := range s.shown.Actions {
		s.actions.Add(s.buttons.Button(a))
		if note := s.buttons.Note(a); note != nil {
			s.actions.Add(note)
		}
	}
	if s.shown.Customer.GetConsent().GetPromotions() != plgv1.ConsentState_CONSENT_STATE_WITHDRAWN {
		may := s.d.Model.May(mostradorv1.Role_ROLE_OPERATOR)
		s.leave.SetEnabled(may)
		s.actions.Add(s.leave)
		if !may {
			s.actions.Add(ui.Pad(8, 0, ui.Tight(ui.Note(s.d.T("error.permission"), widget.LowImportance))))
		}
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
