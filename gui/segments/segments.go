// Package segments is Clientes > Segmentos: the segments of the store with their members as they are now, and the
// form in which a condition is built, or written in CEL, while who meets it is counted and the first are shown.
package segments

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// Screen is the list of segments.
type Screen struct {
	d       *ui.Desk
	content fyne.CanvasObject
	shelf   *ui.Shelf[*mostradorv1.Segment]
	fresh   *ui.Button
	// arg is the segment that the screen was last opened to make.
	arg string
}

var weights = []float32{24, 46, 12, 18}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d}
	s.shelf = ui.NewShelf(d, ui.ShelfConfig[*mostradorv1.Segment]{
		Hint: d.T("segments.filter"), None: d.T("segments.none"),
		Captions: ui.Captions(weights, d.T("segments.name"), d.T("segments.words"), d.T("segments.customers"), d.T("segments.state")),
		Row:      newRow, Show: s.show, Open: s.edit,
		Words: func(g *mostradorv1.Segment) string { return g.Name + " " + g.Description + " " + about(g) },
		Read: func(then func([]*mostradorv1.Segment, error)) {
			ui.Ask(d, d.Model.Segments.List, &mostradorv1.ListSegmentsRequest{}, func(res *mostradorv1.ListSegmentsResponse, err error) { then(res.GetSegments(), err) })
		},
	})
	s.fresh = ui.NewButton(d.T("segments.new"), "F5", ui.Primary, func() { s.create(new(mostradorv1.Segment)) })
	s.content = ui.Frame(12, ui.Row(8, ui.Title(d.T("area.segments")), ui.Spring(), s.fresh), nil, s.shelf.Box, nil, nil)
	return s
}

// row is one segment in the list.
type row struct {
	name, words, count *widget.Label
	state              *ui.Badge
}

func newRow() fyne.CanvasObject {
	r := &row{name: ui.Cell(true), words: ui.Cell(false), count: ui.Cell(false), state: ui.NewBadge(" ", ui.Quiet)}
	return ui.Hold(r, ui.Columns(4, weights, r.name, r.words, r.count, ui.Row(0, ui.Gap(9), r.state.Box)), 6)
}

func (s *Screen) show(g *mostradorv1.Segment, o fyne.CanvasObject) {
	r := ui.Held[*row](o)
	r.name.SetText(g.Name)
	r.words.SetText(about(g))
	r.count.SetText(s.d.Text.Number(float64(g.Customers)))
	switch {
	case g.Problem != "":
		r.state.Set(g.Problem, ui.Bad)
	case g.Counting:
		r.state.Set(s.d.T("segments.counting", "percent", g.Percent), ui.Quiet)
	case g.ByDay:
		r.state.Set(s.d.T("segments.by_day"), ui.Good)
	default:
		r.state.Set(s.d.T("segments.live"), ui.Good)
	}
}

// about is what a segment asks: in words when it was built, else as it was written.
func about(g *mostradorv1.Segment) string {
	if g.Words != "" {
		return g.Words
	}
	return strings.Join(strings.Fields(g.Expression), " ")
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen; arg may be a segment to be made (ui.Arg of a Segment).
func (s *Screen) Show(arg string) {
	s.fresh.SetEnabled(s.may())
	s.shelf.Appear()
	begun := new(mostradorv1.Segment)
	if arg != s.arg && ui.ReadArg(arg, begun) {
		s.create(begun)
	}
	s.arg = arg
}

// Hide implements ui.Screen.
func (s *Screen) Hide() { s.shelf.Vanish() }

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	switch {
	case ev.Name == fyne.KeyF5:
		s.create(new(mostradorv1.Segment))
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

func (s *Screen) create(begun *mostradorv1.Segment) {
	if !s.may() || s.d.TopModal() != nil {
		return
	}
	if begun.Name == "" {
		begun.Name = s.shelf.Unknown()
	}
	s.edit(begun)
}

// load reads the segments; the one of that name gets the highlight.
func (s *Screen) load(name string) {
	s.shelf.Load(func(g *mostradorv1.Segment) bool { return name != "" && g.Name == name })
}

// members shows who is in a segment.
func (s *Screen) members(g *mostradorv1.Segment) {
	s.d.Nav.Go(ui.Customers, ui.Arg(&mostradorv1.SearchRequest{Filter: &mostradorv1.Filter{Segments: []uint32{g.Id}}}))
}
