// Package segments is Clientes > Segmentos: the segments of the store with their members as they are now, and the
// form in which a condition is built, or written in CEL, while who meets it is counted and the first are shown.
package segments

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// Screen is the list of segments.
type Screen struct {
	d       *ui.Desk
	content fyne.CanvasObject
	filter  *ui.Entry
	list    *ui.List
	none    *fyne.Container
	fresh   *ui.Button

	all, segments []*mostradorv1.Segment
	newest        ui.Latest
	shown         bool
	// arg is the segment that the screen was last opened to make.
	arg string
}

var weights = []float32{24, 46, 12, 18}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d}
	s.filter = ui.NewEntry(d.T("segments.filter"), func(string) { s.open(0) })
	s.filter.OnChanged = func(string) { s.narrow() }
	s.filter.OnKey = func(ev *fyne.KeyEvent) bool {
		if ev.Name == fyne.KeyDown && len(s.segments) > 0 {
			d.Window.Canvas().Focus(s.list)
			return true
		}
		return false
	}
	s.list = ui.NewList(func() int { return len(s.segments) }, newRow, s.update, s.open)
	s.list.OnTop = func() { d.Window.Canvas().Focus(s.filter) }
	s.none = container.NewCenter(ui.Text(d.T("segments.none"), ui.SizeText, false, ui.ColorMuted))
	s.fresh = ui.NewButton(d.T("segments.new"), "F5", ui.Primary, func() { s.create(new(mostradorv1.Segment)) })
	head := ui.Row(8, ui.Title(d.T("area.segments")), ui.Spring(), s.fresh)
	caption := func(text string) fyne.CanvasObject { return ui.Pad(9, 0, ui.Caption(text)) }
	captions := ui.Columns(4, weights, caption(d.T("segments.name")), caption(d.T("segments.words")), caption(d.T("segments.customers")), caption(d.T("segments.state")))
	card := ui.Card("", ui.Frame(8, ui.Column(10, s.filter, captions), nil, container.NewStack(s.list, s.none), nil, nil))
	s.content = ui.Frame(12, head, nil, card, nil, nil)
	return s
}

// row is one segment in the list.
type row struct {
	name, words, count *widget.Label
	state              *ui.Badge
}

func newRow() fyne.CanvasObject {
	r := &row{name: ui.Cell(true), words: ui.Cell(false), count: ui.Cell(false), state: ui.NewBadge(" ", ui.Quiet)}
	return container.New(r, ui.Columns(4, weights, r.name, r.words, r.count, ui.Row(0, ui.Gap(9), r.state.Box)))
}

// MinSize implements fyne.Layout.
func (*row) MinSize(o []fyne.CanvasObject) fyne.Size { return o[0].MinSize().AddWidthHeight(0, 6) }

// Layout implements fyne.Layout.
func (*row) Layout(o []fyne.CanvasObject, size fyne.Size) { o[0].Resize(size) }

func (s *Screen) update(i int, o fyne.CanvasObject) {
	if i >= len(s.segments) {
		return
	}
	g, r := s.segments[i], o.(*fyne.Container).Layout.(*row)
	r.name.SetText(g.Name)
	r.words.SetText(about(g))
	r.count.SetText(s.d.Text.Number(float64(g.Customers)))
	switch {
	case g.Counting:
		r.state.Set(s.d.T("segments.counting", "percent", g.Percent), ui.Quiet)
	case g.ByDay:
		r.state.Set(s.d.T("segments.by_day"), ui.Good)
	default:
		r.state.Set(s.d.T("segments.live"), ui.Good)
	}
	o.Refresh()
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
	s.shown = true
	s.fresh.SetEnabled(s.may())
	s.d.Window.Canvas().Focus(s.filter)
	s.load("")
	begun := new(mostradorv1.Segment)
	if arg != s.arg && ui.ReadArg(arg, begun) {
		s.create(begun)
	}
	s.arg = arg
}

// Hide implements ui.Screen.
func (s *Screen) Hide() { s.shown = false }

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	switch {
	case ev.Name == fyne.KeyF5:
		s.create(new(mostradorv1.Segment))
	case ev.Name == fyne.KeyEscape && s.filter.Text != "":
		s.filter.SetText("")
		s.d.Window.Canvas().Focus(s.filter)
	default:
		return
	}
	ui.Take(ev)
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind != model.StoreChanged {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_CATALOGUE, mostradorv1.WatchResponse_KIND_TASK:
		s.load("")
	}
}

func (s *Screen) may() bool { return s.d.Model.May(mostradorv1.Role_ROLE_OPERATOR) }

// load reads the segments; the one of that name gets the highlight.
func (s *Screen) load(name string) {
	current := s.newest.Next()
	ui.Ask(s.d, s.d.Model.Segments.List, &mostradorv1.ListSegmentsRequest{}, func(res *mostradorv1.ListSegmentsResponse, err error) {
		if !current() || !s.shown {
			return
		}
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.all = res.Segments
		s.narrow()
		for i, g := range s.segments {
			if name != "" && g.Name == name {
				s.list.Mark(i)
			}
		}
	})
}

// narrow shows the segments that have what is typed in their name, description or condition.
func (s *Screen) narrow() {
	typed := strings.ToLower(strings.TrimSpace(s.filter.Text))
	s.segments = s.segments[:0:0]
	for _, g := range s.all {
		if strings.Contains(strings.ToLower(g.Name+" "+g.Description+" "+about(g)), typed) {
			s.segments = append(s.segments, g)
		}
	}
	if len(s.segments) == 0 {
		s.none.Show()
	} else {
		s.none.Hide()
	}
	s.list.Refresh()
}

func (s *Screen) create(begun *mostradorv1.Segment) {
	if !s.may() || s.d.TopModal() != nil {
		return
	}
	if begun.Name == "" && len(s.segments) == 0 {
		begun.Name = strings.TrimSpace(s.filter.Text) // who searches in vain makes it next
	}
	s.edit(begun)
}

func (s *Screen) open(i int) {
	if i >= len(s.segments) || s.d.TopModal() != nil {
		return
	}
	s.list.UnselectAll()
	s.edit(s.segments[i])
}

// members shows who is in a segment.
func (s *Screen) members(g *mostradorv1.Segment) {
	s.d.Nav.Go(ui.Customers, ui.Arg(&mostradorv1.SearchRequest{Filter: &mostradorv1.Filter{Segments: []uint32{g.Id}}}))
}
