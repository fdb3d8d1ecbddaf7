// Package datamodel is Clientes > Modelo de datos: the fields that the store keeps of its customers (seed 004). A
// technician adds and changes them: type, category, one value or many, rules with the sentence that is said when they do
// not hold, and a rule in CEL that can be tried on the spot. Before a change breaks or rewrites values that are kept,
// the screen shows which.
package datamodel

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// Screen is the list of fields.
type Screen struct {
	d       *ui.Desk
	content fyne.CanvasObject
	shelf   *ui.Shelf[*mostradorv1.Field]
	fresh   *ui.Button
	retired *ui.Check
}

var weights = []float32{24, 20, 16, 18, 22}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d}
	s.shelf = ui.NewShelf(d, ui.ShelfConfig[*mostradorv1.Field]{
		Captions: ui.Captions(weights, d.T("datamodel.name"), d.T("datamodel.id"), d.T("datamodel.type"), d.T("datamodel.category"), d.T("datamodel.marks")),
		Row:      newRow, Show: s.show, Open: s.open,
		Read: func(then func([]*mostradorv1.Field, error)) {
			req := &mostradorv1.ListFieldsRequest{Retired: s.retired.Checked}
			ui.Ask(d, d.Model.Fields.List, req, func(res *mostradorv1.ListFieldsResponse, err error) { then(res.GetFields(), err) })
		},
	})
	s.fresh = ui.NewButton(d.T("datamodel.new"), "F5", ui.Primary, s.create)
	s.retired = ui.NewCheck(d.T("datamodel.retired.show"), func(bool) { s.load("") })
	s.content = ui.Frame(12, ui.Row(12, ui.Title(d.T("area.datamodel")), ui.Spring(), s.retired, s.fresh), nil, s.shelf.Box, nil, nil)
	return s
}

// row is one field in the list.
type row struct {
	name, id, kind, category, marks *widget.Label
}

func newRow() fyne.CanvasObject {
	r := &row{ui.Cell(true), ui.Cell(false), ui.Cell(false), ui.Cell(false), ui.Cell(false)}
	return ui.Hold(r, ui.Columns(4, weights, r.name, r.id, r.kind, r.category, r.marks), 6)
}

func (s *Screen) show(f *mostradorv1.Field, o fyne.CanvasObject) {
	r := ui.Held[*row](o)
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
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen.
func (s *Screen) Show(string) {
	s.fresh.SetEnabled(s.may())
	s.shelf.Appear()
}

// Hide implements ui.Screen.
func (s *Screen) Hide() { s.shelf.Vanish() }

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
	if c.Kind == model.StoreChanged && (ui.OfCatalogue(c.Event.Kind) || c.Event.Kind == mostradorv1.WatchResponse_KIND_PLUGIN) {
		s.shelf.Load(nil)
	}
}

func (s *Screen) may() bool { return s.d.Model.May(mostradorv1.Role_ROLE_TECHNICIAN) }

// load reads the fields; the one of that id gets the highlight.
func (s *Screen) load(id string) {
	s.shelf.Load(func(f *mostradorv1.Field) bool { return id != "" && f.Id == id })
}

func (s *Screen) create() {
	if s.may() && s.d.TopModal() == nil {
		s.edit(&mostradorv1.Field{Type: "text", Category: mostradorv1.FieldCategory_FIELD_CATEGORY_PROFILE, Origin: mostradorv1.FieldOrigin_FIELD_ORIGIN_STORE})
	}
}

func (s *Screen) open(f *mostradorv1.Field) {
	switch f.Origin {
	case mostradorv1.FieldOrigin_FIELD_ORIGIN_STORE:
		s.edit(f)
	case mostradorv1.FieldOrigin_FIELD_ORIGIN_PLUGIN:
		s.d.Warn(s.d.T("datamodel.of_plugin", "plugin", f.Plugin))
	default:
		s.d.Warn(s.d.T("datamodel.of_core"))
	}
}
