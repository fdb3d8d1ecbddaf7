package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"mostrador/host/api/mostradorv1"
)

// Hold makes an object carry what fills it, a row's cells, and gives it room above and below. Held takes it out again.
func Hold[T any](cells T, o fyne.CanvasObject, room float32) *fyne.Container {
	return container.New(&holder[T]{cells, room}, o)
}

// Held is what Hold put into an object.
func Held[T any](o fyne.CanvasObject) T { return o.(*fyne.Container).Layout.(*holder[T]).cells }

// holder lays out one object and keeps what fills it.
type holder[T any] struct {
	cells T
	room  float32
}

// MinSize implements fyne.Layout.
func (h *holder[T]) MinSize(o []fyne.CanvasObject) fyne.Size {
	return o[0].MinSize().AddWidthHeight(0, h.room)
}

// Layout implements fyne.Layout.
func (h *holder[T]) Layout(o []fyne.CanvasObject, size fyne.Size) { o[0].Resize(size) }

// Captions are the heads of columns above a list.
func Captions(weights []float32, names ...string) fyne.CanvasObject {
	heads := make([]fyne.CanvasObject, len(names))
	for i, name := range names {
		heads[i] = Pad(9, 0, Caption(name))
	}
	return Columns(4, weights, heads...)
}

// OfCatalogue tells whether a change in the store may be one of tags, segments or the data model.
func OfCatalogue(kind mostradorv1.WatchResponse_Kind) bool {
	switch kind {
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_CATALOGUE, mostradorv1.WatchResponse_KIND_TASK:
		return true
	}
	return false
}

// Shelf is a list that is short enough to be read whole (tags, segments, fields): it is read from the store when it
// comes up and when it changes, and a box above narrows it while one types.
type Shelf[T any] struct {
	// Box is what is placed on the screen, Filter the box above the list; Filter is nil where nothing narrows.
	Box    fyne.CanvasObject
	Filter *Entry

	d          *Desk
	list       *List
	none       *fyne.Container
	words      func(T) string
	read       func(then func([]T, error))
	all, shown []T
	newest     Latest
	visible    bool
}

// ShelfConfig is what a Shelf is made of.
type ShelfConfig[T any] struct {
	// Hint stands in the empty box; without one there is no box. None stands where the list is empty.
	Hint, None string
	Captions   fyne.CanvasObject
	// Row makes an empty row, Show fills it.
	Row  func() fyne.CanvasObject
	Show func(T, fyne.CanvasObject)
	// Words are what is typed in the box is looked for in.
	Words func(T) string
	// Read asks the store for all of them.
	Read func(then func([]T, error))
	Open func(T)
	// Toggle, when set, is what Space does to the row under the highlight.
	Toggle func(T)
}

// NewShelf makes an empty shelf; Appear reads it.
func NewShelf[T any](d *Desk, c ShelfConfig[T]) *Shelf[T] {
	s := &Shelf[T]{d: d, words: c.Words, read: c.Read}
	open := func(i int) {
		if i < len(s.shown) && d.TopModal() == nil {
			s.list.UnselectAll()
			c.Open(s.shown[i])
		}
	}
	s.list = NewList(func() int { return len(s.shown) }, c.Row, func(i int, o fyne.CanvasObject) {
		if i < len(s.shown) {
			c.Show(s.shown[i], o)
			o.Refresh()
		}
	}, open)
	if c.Toggle != nil {
		s.list.OnSpace = func(i int) {
			if i < len(s.shown) && d.TopModal() == nil {
				c.Toggle(s.shown[i])
			}
		}
	}
	s.none = container.NewCenter(Text(c.None, SizeText, false, ColorMuted))
	s.none.Hide()
	head := Column(10)
	if c.Hint != "" {
		s.Filter = NewEntry(c.Hint, func(string) { open(0) })
		s.Filter.OnChanged = func(string) { s.narrow() }
		s.Filter.OnKey = func(ev *fyne.KeyEvent) bool {
			if ev.Name == fyne.KeyDown && len(s.shown) > 0 {
				d.Window.Canvas().Focus(s.list)
				return true
			}
			return false
		}
		s.list.OnTop = func() { d.Window.Canvas().Focus(s.Filter) }
		head.Add(s.Filter)
	}
	head.Add(c.Captions)
	s.Box = Card("", Frame(8, head, nil, container.NewStack(s.list, s.none), nil, nil))
	return s
}

// Appear gives the shelf the focus and reads it; Vanish has it read nothing more.
func (s *Shelf[T]) Appear() {
	s.visible = true
	s.Focus()
	s.Load(nil)
}

// Vanish is told that the screen is not shown any more.
func (s *Shelf[T]) Vanish() { s.visible = false }

// Focus goes to where typing or choosing begins.
func (s *Shelf[T]) Focus() {
	if s.Filter != nil {
		s.d.Window.Canvas().Focus(s.Filter)
		return
	}
	s.d.Window.Canvas().Focus(s.list)
}

// Visible tells whether the shelf is shown.
func (s *Shelf[T]) Visible() bool { return s.visible }

// Load reads the shelf again; what mark is true of, if it is given, gets the highlight.
func (s *Shelf[T]) Load(mark func(T) bool) {
	current := s.newest.Next()
	s.read(func(all []T, err error) {
		if !current() || !s.visible {
			return
		}
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.all = all
		s.narrow()
		for i, one := range s.shown {
			if mark != nil && mark(one) {
				s.list.Mark(i)
			}
		}
	})
}

// narrow shows those that have what is typed in their words.
func (s *Shelf[T]) narrow() {
	typed := ""
	if s.Filter != nil {
		typed = strings.ToLower(strings.TrimSpace(s.Filter.Text))
	}
	s.shown = s.shown[:0:0]
	for _, one := range s.all {
		if typed == "" || strings.Contains(strings.ToLower(s.words(one)), typed) {
			s.shown = append(s.shown, one)
		}
	}
	show(s.none, len(s.shown) == 0)
	s.list.Refresh()
}

// Unknown is what was typed when nothing has it: who searches in vain makes it next.
func (s *Shelf[T]) Unknown() string {
	if s.Filter == nil || len(s.shown) > 0 {
		return ""
	}
	return strings.TrimSpace(s.Filter.Text)
}

// Escape empties the box and tells whether there was anything in it.
func (s *Shelf[T]) Escape() bool {
	if s.Filter == nil || s.Filter.Text == "" {
		return false
	}
	s.Filter.SetText("")
	s.Focus()
	return true
}
