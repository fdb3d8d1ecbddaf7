// Package tags is Clientes > Etiquetas: the tags that customers may have, with their colours as they are drawn
// everywhere, and the form that makes or changes one. From a tag it is one key to the customers who have it.
package tags

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// Screen is the list of tags.
type Screen struct {
	d       *ui.Desk
	content fyne.CanvasObject
	shelf   *ui.Shelf[*mostradorv1.Tag]
	fresh   *ui.Button
}

var weights = []float32{26, 40, 14, 20}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d}
	s.shelf = ui.NewShelf(d, ui.ShelfConfig[*mostradorv1.Tag]{
		Hint: d.T("tags.filter"), None: d.T("tags.none"),
		Captions: ui.Captions(weights, d.T("tags.name"), d.T("tags.description"), d.T("tags.customers"), d.T("tags.created")),
		Row:      newRow, Show: s.show, Open: s.edit,
		Words: func(t *mostradorv1.Tag) string { return t.Name + " " + t.Description },
		Read: func(then func([]*mostradorv1.Tag, error)) {
			ui.Ask(d, d.Model.Tags.List, &mostradorv1.ListTagsRequest{}, func(res *mostradorv1.ListTagsResponse, err error) { then(res.GetTags(), err) })
		},
	})
	s.fresh = ui.NewButton(d.T("tags.new"), "F5", ui.Primary, s.create)
	s.content = ui.Frame(12, ui.Row(8, ui.Title(d.T("area.tags")), ui.Spring(), s.fresh), nil, s.shelf.Box, nil, nil)
	return s
}

// row is one tag in the list.
type row struct {
	chip                        *ui.Chip
	description, count, created *widget.Label
}

func newRow() fyne.CanvasObject {
	r := &row{chip: ui.NewChip(), description: ui.Cell(false), count: ui.Cell(false), created: ui.Cell(false)}
	return ui.Hold(r, ui.Columns(4, weights, ui.Row(0, ui.Gap(9), container.NewCenter(r.chip.Box)), r.description, r.count, r.created), 6)
}

func (s *Screen) show(t *mostradorv1.Tag, o fyne.CanvasObject) {
	r := ui.Held[*row](o)
	r.chip.Tag(t.Name, t)
	r.description.SetText(t.Description)
	r.count.SetText(s.d.Text.Number(float64(t.Customers)))
	r.created.SetText(s.d.Text.Date(t.Created))
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
	switch {
	case ev.Name == fyne.KeyF5:
		s.create()
	case ev.Name == fyne.KeyEscape && s.shelf.Escape():
	default:
		return
	}
	ui.Take(ev)
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind == model.StoreChanged && ui.OfCatalogue(c.Event.Kind) {
		s.shelf.Load(nil)
	}
}

func (s *Screen) may() bool { return s.d.Model.May(mostradorv1.Role_ROLE_OPERATOR) }

func (s *Screen) create() {
	if s.may() && s.d.TopModal() == nil {
		s.edit(&mostradorv1.Tag{Name: s.shelf.Unknown(), Color: firstColor})
	}
}

// load reads the tags; the one of that name gets the highlight.
func (s *Screen) load(name string) {
	s.shelf.Load(func(t *mostradorv1.Tag) bool { return name != "" && t.Name == name })
}

// customers shows who has a tag.
func (s *Screen) customers(t *mostradorv1.Tag) {
	s.d.Nav.Go(ui.Customers, ui.Arg(&mostradorv1.SearchRequest{Filter: &mostradorv1.Filter{Tags: []string{t.Name}}}))
}
