// Package tags is Clientes > Etiquetas: the tags that customers may have, with their colours as they are drawn
// everywhere, and the form that makes or changes one. From a tag it is one key to the customers who have it.
package tags

import (
	"strings"

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
	filter  *ui.Entry
	list    *ui.List
	none    *fyne.Container
	fresh   *ui.Button
	actions *fyne.Container

	all, tags []*mostradorv1.Tag
	marked    int
	newest    ui.Latest
	shown     bool
}

var weights = []float32{26, 40, 14, 20}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d, marked: -1}
	s.filter = ui.NewEntry(d.T("tags.filter"), func(string) { s.open(0) })
	s.filter.OnChanged = func(string) { s.narrow() }
	s.filter.OnKey = func(ev *fyne.KeyEvent) bool {
		if ev.Name == fyne.KeyDown && len(s.tags) > 0 {
			d.Window.Canvas().Focus(s.list)
			return true
		}
		return false
	}
	s.list = ui.NewList(func() int { return len(s.tags) }, newRow, s.update, s.open)
	s.list.OnTop = func() { d.Window.Canvas().Focus(s.filter) }
	s.none = container.NewCenter(ui.Text(d.T("tags.none"), ui.SizeText, false, ui.ColorMuted))
	s.fresh = ui.NewButton(d.T("tags.new"), "F5", ui.Primary, s.create)
	head := ui.Row(8, ui.Title(d.T("area.tags")), ui.Spring(), s.fresh)
	caption := func(text string) fyne.CanvasObject { return ui.Pad(9, 0, ui.Caption(text)) }
	captions := ui.Columns(4, weights, caption(d.T("tags.name")), caption(d.T("tags.description")), caption(d.T("tags.customers")), caption(d.T("tags.created")))
	card := ui.Card("", ui.Frame(8, ui.Column(10, s.filter, captions), nil, container.NewStack(s.list, s.none), nil, nil))
	s.content = ui.Frame(12, head, nil, card, nil, nil)
	return s
}

// row is one tag in the list.
type row struct {
	chip                        *ui.Chip
	description, count, created *widget.Label
}

func newRow() fyne.CanvasObject {
	r := &row{chip: ui.NewChip(), description: ui.Cell(false), count: ui.Cell(false), created: ui.Cell(false)}
	return container.New(r, ui.Columns(4, weights, ui.Row(0, ui.Gap(9), container.NewCenter(r.chip.Box)), r.description, r.count, r.created))
}

// MinSize implements fyne.Layout.
func (*row) MinSize(o []fyne.CanvasObject) fyne.Size { return o[0].MinSize().AddWidthHeight(0, 6) }

// Layout implements fyne.Layout.
func (*row) Layout(o []fyne.CanvasObject, size fyne.Size) { o[0].Resize(size) }

func (s *Screen) update(i int, o fyne.CanvasObject) {
	if i >= len(s.tags) {
		return
	}
	t, r := s.tags[i], o.(*fyne.Container).Layout.(*row)
	r.chip.Tag(t.Name, t)
	r.description.SetText(t.Description)
	r.count.SetText(s.d.Text.Number(float64(t.Customers)))
	r.created.SetText(s.d.Text.Date(t.Created))
	o.Refresh()
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen.
func (s *Screen) Show(string) {
	s.shown = true
	s.fresh.SetEnabled(s.may())
	s.d.Window.Canvas().Focus(s.filter)
	s.load("")
}

// Hide implements ui.Screen.
func (s *Screen) Hide() { s.shown = false }

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	switch {
	case ev.Name == fyne.KeyF5:
		s.create()
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

// load reads the tags; the one of that name gets the highlight.
func (s *Screen) load(name string) {
	current := s.newest.Next()
	ui.Ask(s.d, s.d.Model.Tags.List, &mostradorv1.ListTagsRequest{}, func(res *mostradorv1.ListTagsResponse, err error) {
		if !current() || !s.shown {
			return
		}
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.all = res.Tags
		s.narrow()
		for i, t := range s.tags {
			if name != "" && t.Name == name {
				s.list.Mark(i)
			}
		}
	})
}

// narrow shows the tags that have what is typed in their name or description.
func (s *Screen) narrow() {
	typed := strings.ToLower(strings.TrimSpace(s.filter.Text))
	s.tags = s.tags[:0:0]
	for _, t := range s.all {
		if strings.Contains(strings.ToLower(t.Name+" "+t.Description), typed) {
			s.tags = append(s.tags, t)
		}
	}
	if len(s.tags) == 0 {
		s.none.Show()
	} else {
		s.none.Hide()
	}
	s.list.Refresh()
}

func (s *Screen) create() {
	if s.may() && s.d.TopModal() == nil {
		s.edit(&mostradorv1.Tag{Name: strings.TrimSpace(s.unknown()), Color: firstColor})
	}
}

// unknown is what was typed when no tag has it: who searches in vain makes it next.
func (s *Screen) unknown() string {
	if len(s.tags) == 0 {
		return s.filter.Text
	}
	return ""
}

func (s *Screen) open(i int) {
	if i >= len(s.tags) || s.d.TopModal() != nil {
		return
	}
	s.list.UnselectAll()
	s.edit(s.tags[i])
}

// customers shows who has a tag.
func (s *Screen) customers(t *mostradorv1.Tag) {
	s.d.Nav.Go(ui.Customers, ui.Arg(&mostradorv1.SearchRequest{Filter: &mostradorv1.Filter{Tags: []string{t.Name}}}))
}
