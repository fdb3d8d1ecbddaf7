package sheet

import (
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"mostrador/gui/contribution"
	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// editor is the data of the sheet while it is being changed.
type editor struct {
	order  []string
	fields map[string]*ui.Field
	states map[string]*mostradorv1.FieldState // as the person saw them
	// stood is what the control held before anything was typed.
	stood map[string]string
}

// touched tells whether the person has changed a field.
func (e *editor) touched(id string) bool { return e.fields[id].Value() != e.stood[id] }

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
	s.tabs.Mark(tabProfile)
	s.turn(tabProfile)
	e := &editor{fields: map[string]*ui.Field{}, states: map[string]*mostradorv1.FieldState{}, stood: map[string]string{}}
	s.editing = e
	s.data.RemoveAll()
	for _, part := range sections(s.fields()) {
		grid := ui.Pairs()
		for _, f := range part.fields {
			if f.Type == "yes_no" {
				continue
			}
			field := ui.NewQuestion(s.d, ui.FieldQuestion(f), func() { s.nextField(f.Id) })
			e.order = append(e.order, f.Id)
			e.fields[f.Id], e.states[f.Id], e.stood[f.Id] = field, f, field.Value()
			grid.Add(field.Box)
		}
		if len(grid.Objects) == 0 {
			continue
		}
		if part.name != "" {
			s.data.Add(ui.Text(part.name, ui.SizeText, true, ui.ColorMuted))
		}
		s.data.Add(grid)
	}
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

// follow says at the fields what another till has changed while somebody edits here: a field that was left alone takes
// the new value, one that was changed keeps it, and the choice comes when it is saved.
func (s *Screen) follow() {
	e := s.editing
	for _, now := range s.fields() {
		field, saw := e.fields[now.Id], e.states[now.Id]
		if field == nil || now.Value == saw.Value {
			continue
		}
		if e.touched(now.Id) {
			field.Tell(s.d.T("sheet.elsewhere.mine", "value", contribution.Words(s.d, now)))
			continue
		}
		field.Input.Set(now.Value)
		e.states[now.Id], e.stood[now.Id] = now, field.Value()
		field.Tell(s.d.T("sheet.elsewhere", "value", contribution.Words(s.d, now)))
	}
}

func (s *Screen) save() {
	e := s.editing
	c, seen := &plgv1.Customer{Id: s.shown.Customer.Id}, &plgv1.Customer{}
	var mask []string
	for _, id := range e.order {
		f, field := e.states[id], e.fields[id]
		if !f.Editable {
			continue
		}
		if !field.Check() {
			s.content.Refresh()
			s.d.Window.Canvas().Focus(field.Focus())
			return
		}
		if text := field.Value(); text != f.Value && e.touched(id) {
			setField(c, id, text)
			setField(seen, id, f.Value)
			mask = append(mask, path(id))
		}
	}
	if len(mask) == 0 {
		s.stopEditing()
		return
	}
	s.send(c, seen, mask)
}

// send saves what was typed, and says at the fields what is refused.
func (s *Screen) send(c, seen *plgv1.Customer, mask []string) {
	s.update(c, seen, mask, func(err error) {
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

// update changes the fields of the mask. What somebody else changed as well is put side by side first.
func (s *Screen) update(c, seen *plgv1.Customer, mask []string, failed func(error)) {
	req := &mostradorv1.UpdateRequest{Customer: c, Seen: seen, Mask: &fieldmaskpb.FieldMask{Paths: mask}}
	ui.Ask(s.d, s.d.Model.Customers.Update, req, func(res *mostradorv1.UpdateResponse, err error) {
		if s.sheet == nil {
			return
		}
		if conflicts := model.Refusal(err).GetConflicts(); connect.CodeOf(err) == connect.CodeAborted && len(conflicts) > 0 {
			s.askConflicts(proto.CloneOf(c), proto.CloneOf(seen), mask, conflicts, failed)
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

// path is a field's name in an update mask.
func path(id string) string {
	switch id {
	case "name", "phone", "email", "language", "cards", "tags", "aplica_promociones":
		return id
	}
	return "fields." + id
}

// setField puts a value into a customer; lists are one a line.
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
	case "cards":
		c.Cards = lines(value)
	case "tags":
		c.Tags = lines(value)
	case "aplica_promociones":
		c.AplicaPromociones = value == "true"
	default:
		if c.Fields == nil {
			c.Fields = map[string]string{}
		}
		c.Fields[id] = value
	}
}

func lines(value string) []string {
	var all []string
	for one := range strings.Lines(value) {
		if one = strings.TrimSpace(one); one != "" {
			all = append(all, one)
		}
	}
	return all
}
