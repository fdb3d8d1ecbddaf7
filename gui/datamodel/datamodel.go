// Package datamodel is Clientes > Modelo de datos: the fields that the store keeps of its customers (seed 004). A
// technician adds and changes them: type, category, one value or many, rules with the sentence that is said when they do
// not hold, and a rule in CEL that can be tried on the spot. Before a change breaks or rewrites values that are kept,
// the screen shows which.
package datamodel

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// Screen is the list of fields.
type Screen struct {
	d       *ui.Desk
	content fyne.CanvasObject
	list    *ui.List
	fresh   *ui.Button
	retired *ui.Check

	fields []*mostradorv1.Field
	newest ui.Latest
	shown  bool
}

var weights = []float32{24, 20, 16, 18, 22}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d}
	s.list = ui.NewList(func() int { return len(s.fields) }, newRow, s.update, s.open)
	s.fresh = ui.NewButton(d.T("datamodel.new"), "F5", ui.Primary, s.create)
	s.retired = ui.NewCheck(d.T("datamodel.retired.show"), func(bool) { s.load("") })
	head := ui.Row(12, ui.Title(d.T("area.datamodel")), ui.Spring(), s.retired, s.fresh)
	caption := func(text string) fyne.CanvasObject { return ui.Pad(9, 0, ui.Caption(text)) }
	captions := ui.Columns(4, weights, caption(d.T("datamodel.name")), caption(d.T("datamodel.id")), caption(d.T("datamodel.type")), caption(d.T("datamodel.category")), caption(d.T("datamodel.marks")))
	card := ui.Card("", ui.Frame(8, captions, nil, s.list, nil, nil))
	s.content = ui.Frame(12, head, nil, card, nil, nil)
	return s
}

// row is one field in the list.
type row struct {
	name, id, kind, category, marks *widget.Label
}

func newRow() fyne.CanvasObject {
	r := &row{ui.Cell(true), ui.Cell(false), ui.Cell(false), ui.Cell(false), ui.Cell(false)}
	return container.New(r, ui.Columns(4, weights, r.name, r.id, r.kind, r.category, r.marks))
}

// MinSize implements fyne.Layout.
func (*row) MinSize(o []fyne.CanvasObject) fyne.Size { return o[0].MinSize().AddWidthHeight(0, 6) }

// Layout implements fyne.Layout.
func (*row) Layout(o []fyne.CanvasObject, size fyne.Size) { o[0].Resize(size) }

func (s *Screen) update(i int, o fyne.CanvasObject) {
	if i >= len(s.fields) {
		return
	}
	f, r := s.fields[i], o.(*fyne.Container).Layout.(*row)
	r.name.SetText(f.Name)
	r.id.SetText(f.Id)
	r.kind.SetText(s.d.T("datamodel.type." + f.Type))
	r.category.SetText("")
	switch {
	case f.Origin == mostradorv1.FieldOrigin_FIELD_ORIGIN_CORE:
		r.category.SetText(s.d.T("datamodel.core"))
	case f.Origin == mostradorv1.FieldOrigin_FIELD_ORIGIN_PLUGIN:
		r.category.SetText(f.Plugin)
	case f.Category != mostradorv1.FieldCategory_FIELD_CATEGORY_UNSPECIFIED:
		r.category.SetText(s.d.T("datamodel." + f.Category.String()))
	}
	var marks []string
	for _, mark := range []struct {
		on  bool
		key string
	}{{f.Retired, "datamodel.retired"}, {f.Required, "datamodel.required"}, {f.Many, "datamodel.many.short"}, {f.Indexed, "datamodel.indexed.short"}, {len(f.Rules) > 0 || f.Script != "", "datamodel.rules.short"}} {
		if mark.on {
			marks = append(marks, s.d.T(mark.key))
		}
	}
	r.marks.SetText(strings.Join(marks, ", "))
	o.Refresh()
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen.
func (s *Screen) Show(string) {
	s.shown = true
	s.fresh.SetEnabled(s.may())
	s.d.Window.Canvas().Focus(s.list)
	s.load("")
}

// Hide implements ui.Screen.
func (s *Screen) Hide() { s.shown = false }

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	if ev.Name == fyne.KeyF5 {
		s.create()
		ui.Take(ev)
	}
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind != model.StoreChanged {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_CATALOGUE, mostradorv1.WatchResponse_KIND_PLUGIN:
		s.load("")
	}
}

func (s *Screen) may() bool { return s.d.Model.May(mostradorv1.Role_ROLE_TECHNICIAN) }

// load reads the fields; the one of that id gets the highlight.
func (s *Screen) load(id string) {
	current := s.newest.Next()
	ui.Ask(s.d, s.d.Model.Fields.List, &mostradorv1.ListFieldsRequest{Retired: s.retired.Checked}, func(res *mostradorv1.ListFieldsResponse, err error) {
		if !current() || !s.shown {
			return
		}
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.fields = res.Fields
		s.list.Refresh()
		for i, f := range s.fields {
			if id != "" && f.Id == id {
				s.list.Mark(i)
			}
		}
	})
}

func (s *Screen) create() {
	if s.may() && s.d.TopModal() == nil {
		s.edit(&mostradorv1.Field{Type: "text", Category: mostradorv1.FieldCategory_FIELD_CATEGORY_PROFILE, Origin: mostradorv1.FieldOrigin_FIELD_ORIGIN_STORE})
	}
}

func (s *Screen) open(i int) {
	if i >= len(s.fields) || s.d.TopModal() != nil {
		return
	}
	s.list.UnselectAll()
	switch f := s.fields[i]; f.Origin {
	case mostradorv1.FieldOrigin_FIELD_ORIGIN_STORE:
		s.edit(f)
	case mostradorv1.FieldOrigin_FIELD_ORIGIN_PLUGIN:
		s.d.Warn(s.d.T("datamodel.of_plugin", "plugin", f.Plugin))
	default:
		s.d.Warn(s.d.T("datamodel.of_core"))
	}
}
