package integrations

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

var typeWeights = []float32{27, 24, 12, 17, 20}

// typeRow is one kind of event in the list.
type typeRow struct {
	name, kind, received, last *widget.Label
	origin                     *ui.Badge
}

func (s *Screen) newTypes() *ui.Shelf[*mostradorv1.EventType] {
	d := s.d
	return ui.NewShelf(d, ui.ShelfConfig[*mostradorv1.EventType]{
		Hint: d.T("integrations.type.filter"), None: d.T("integrations.type.none"),
		Captions: ui.Captions(typeWeights, d.T("integrations.name"), d.T("integrations.type"), d.T("integrations.received"), d.T("integrations.last"), d.T("templates.origin")),
		Row: func() fyne.CanvasObject {
			r := &typeRow{ui.Cell(true), ui.Cell(false), ui.Cell(false), ui.Cell(false), ui.NewBadge(" ", ui.Quiet)}
			return ui.Hold(r, ui.Columns(4, typeWeights, r.name, r.kind, r.received, r.last, ui.Row(0, ui.Gap(9), r.origin.Box)), 6)
		},
		Show: func(t *mostradorv1.EventType, o fyne.CanvasObject) {
			r := ui.Held[*typeRow](o)
			r.name.SetText(typeName(d, t))
			r.kind.SetText(t.Type)
			r.received.SetText(d.Text.Number(float64(t.Received)))
			r.last.SetText(d.Text.Date(t.Last))
			if t.Builtin {
				r.origin.Set(d.T("integrations.builtin"), ui.Quiet)
			} else {
				r.origin.Set(d.T("templates.own"), ui.Good)
			}
		},
		Words: func(t *mostradorv1.EventType) string {
			return t.Name + " " + t.NameEn + " " + t.Type + " " + t.Description
		},
		Read: func(then func([]*mostradorv1.EventType, error)) {
			ui.Ask(d, d.Model.Integrations.Types, &mostradorv1.ListEventTypesRequest{}, func(res *mostradorv1.ListEventTypesResponse, err error) { then(res.GetTypes(), err) })
		},
		Open: s.editType,
	})
}

func typeName(d *ui.Desk, t *mostradorv1.EventType) string {
	if d.Text.Language() == "en" && t.NameEn != "" {
		return t.NameEn
	}
	return t.Name
}

// editType makes a kind of event, changes one, or shows one that comes with the program.
func (s *Screen) editType(t *mostradorv1.EventType) {
	d := s.d
	fields := map[string]*ui.Field{}
	line := func(name, label, hint, value string) *ui.Field {
		f := ui.NewField(label, ui.NewEntry(hint, nil))
		f.Entry.Quiet(value)
		fields[name] = f
		return f
	}
	text := func(name, label string, rows int, value string) *ui.Field {
		e := ui.NewTextEntry(rows)
		e.TextStyle.Monospace = true
		e.Quiet(value)
		f := ui.NewField(label, e)
		fields[name] = f
		return f
	}
	kind := line("type", d.T("integrations.type"), "taller.reservado", t.Type)
	name := line("name", d.T("integrations.name"), "", t.Name)
	english := line("name_en", d.T("integrations.name.en"), "", t.NameEn)
	about := line("description", d.T("integrations.description"), "", t.Description)
	schema := text("schema", d.T("integrations.schema"), 8, t.Schema)
	example := text("example", d.T("integrations.example"), 8, t.Example)
	wrong := ui.Note("", widget.DangerImportance)
	var m *ui.Modal
	save := ui.NewButton(d.T("save"), "", ui.Primary, nil)
	save.OnTapped = func() {
		put := &mostradorv1.EventType{Type: kind.Value(), Name: name.Value(), NameEn: english.Value(), Description: about.Value(), Schema: schema.Value(), Example: example.Value()}
		if put.Type == "" {
			kind.Say(d.T("action.missing.value"))
			d.Window.Canvas().Focus(kind.Entry)
			return
		}
		save.Disable()
		ui.Ask(d, d.Model.Integrations.PutType, &mostradorv1.PutEventTypeRequest{Type: put}, func(_ *mostradorv1.PutEventTypeResponse, err error) {
			save.Enable()
			if err != nil {
				place(d, err, fields, wrong.SetText)
				m.Fit()
				return
			}
			m.Close()
			d.Say(d.T("integrations.saved", "name", put.Name))
			s.types.Load(func(o *mostradorv1.EventType) bool { return o.Type == put.Type })
		})
	}
	copy := copier(d, d.T("integrations.example.copy"), ui.Plain, func() string { return example.Entry.Text })
	buttons := []fyne.CanvasObject{copy}
	if t.Type != "" && !t.Builtin {
		buttons = append(buttons, ui.NewButton(d.T("integrations.delete"), "", ui.Danger, func() {
			d.Confirm(d.T("integrations.delete.title", "name", t.Name), d.T("integrations.type.delete"), d.T("integrations.delete"), func() {
				ui.Ask(d, d.Model.Integrations.DeleteType, &mostradorv1.DeleteEventTypeRequest{Type: t.Type}, func(_ *mostradorv1.DeleteEventTypeResponse, err error) {
					if err != nil {
						wrong.SetText(d.Explain(err))
						return
					}
					m.Close()
					d.Say(d.T("integrations.deleted", "name", t.Name))
					s.types.Load(nil)
				})
			})
		}))
	}
	buttons = append(buttons, ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() }))
	first := fyne.Focusable(kind.Entry)
	if t.Type != "" {
		kind.Entry.Disable()
		first = name.Entry
	}
	if t.Builtin {
		for _, f := range fields {
			f.Entry.Disable()
		}
		first = copy
	} else {
		buttons = append(buttons, save)
	}
	title := d.T("integrations.type.new")
	if t.Type != "" {
		title = typeName(d, t)
	}
	even := []float32{1, 1}
	body := ui.Column(2, ui.Columns(12, []float32{1, 1, 1}, kind.Box, name.Box, english.Box), about.Box, ui.Columns(12, even, schema.Box, example.Box),
		ui.Tight(ui.Note(d.T("integrations.how"), widget.LowImportance)), ui.Tight(wrong))
	m = d.NewModal(title, 940, body, first, buttons...)
}
