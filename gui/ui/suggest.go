package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Option is one thing that a Suggest offers.
type Option struct {
	// Value is what a program knows it by, and Label what a person reads.
	Value, Label string
	// Detail stands behind the label in small letters; it may be empty.
	Detail string
	// Data is whatever the screen wants back.
	Data any
}

// Matching are the options whose label, or whose detail, has a word that begins with each word typed; all for "".
func Matching(all []Option, typed string) []Option {
	words := strings.Fields(plain(typed))
	var found []Option
	for _, o := range all {
		text, fits := " "+plain(o.Label+" "+o.Detail), true
		for _, w := range words {
			fits = fits && strings.Contains(text, " "+w)
		}
		if fits {
			found = append(found, o)
		}
	}
	return found
}

// suggested is how many hits stand below the box; Down goes on to the others.
const suggested = 6

// Suggest is a text box that says below it, while the person types, what could be meant: Up and Down go through the
// hits, Enter takes the marked one, Escape puts them away, and a click takes one.
type Suggest struct {
	// Box is what is placed on the screen.
	Box   *fyne.Container
	Entry *Entry
	// Hits is what stands below the entry, for screens that place the two themselves instead of Box.
	Hits *fyne.Container
	// Find says what fits what is typed; it may answer later, by Offer.
	Find func(typed string)
	// OnTaken is called with the option that the person takes.
	OnTaken func(Option)
	// OnEnter is what Enter does when no hit is shown; it may be nil.
	OnEnter func(typed string)
	// OnGrown is called when the box needs another height, so that what is around it is laid out anew.
	OnGrown func()
	// Keep leaves the label of what was taken in the box; without it the box is emptied for the next.
	Keep bool

	hits   []Option
	first  int // of the hits in sight
	at     int
	taken  Option
	column *fyne.Container
	rows   []*hit
}

// NewSuggest makes the box.
func NewSuggest(hint string) *Suggest {
	s := &Suggest{column: Column(0)}
	s.Entry = NewEntry(hint, func(string) { s.enter() })
	s.Entry.OnChanged = func(text string) { s.typed(text) }
	s.Entry.OnKey = s.key
	s.Entry.OnLeave = s.leave
	s.Entry.OnEscape = func() bool {
		shown := len(s.hits) > 0
		s.Offer(nil)
		return shown
	}
	for range suggested {
		r := newHit()
		s.rows = append(s.rows, r)
		s.column.Add(r)
	}
	s.Hits = Panel(ColorSoft, 6, Pad(0, 3, s.column))
	s.Hits.Hide()
	s.Box = Column(2, s.Entry, s.Hits)
	return s
}

// NewSuggestOf makes a box that searches among options that are all known.
func NewSuggestOf(hint string, all func() []Option) *Suggest {
	s := NewSuggest(hint)
	s.Find = func(typed string) { s.Offer(Matching(all(), typed)) }
	return s
}

// Offer shows the hits for what is typed.
func (s *Suggest) Offer(hits []Option) {
	s.hits, s.at, s.first = hits, 0, 0
	s.show()
}

// Set puts an option into the box without telling anybody.
func (s *Suggest) Set(o Option) {
	s.taken = o
	s.Entry.Quiet(o.Label)
	s.Offer(nil)
}

// Taken is the option in the box, when Keep is set and it was not overwritten since.
func (s *Suggest) Taken() (Option, bool) {
	return s.taken, s.taken.Value != "" && s.Entry.Text == s.taken.Label
}

func (s *Suggest) typed(text string) {
	if s.Find != nil && strings.TrimSpace(text) != "" {
		s.Find(text)
		return
	}
	s.Offer(nil)
}

func (s *Suggest) show() {
	shown := s.Hits.Visible()
	for i, r := range s.rows {
		if s.first+i < len(s.hits) {
			o := s.hits[s.first+i]
			r.set(o, s.first+i == s.at)
			r.tapped = func() { s.take(o) }
			r.Show()
			continue
		}
		r.Hide()
	}
	show(s.Hits, len(s.hits) > 0)
	s.Hits.Refresh()
	s.Box.Refresh()
	if s.OnGrown != nil && (shown || len(s.hits) > 0) {
		s.OnGrown()
	}
}

func (s *Suggest) take(o Option) {
	s.hits = nil
	s.taken = o
	if s.Keep {
		s.Entry.Quiet(o.Label)
	} else {
		s.Entry.Quiet("")
	}
	s.show()
	if s.OnTaken != nil {
		s.OnTaken(o)
	}
}

func (s *Suggest) enter() {
	switch {
	case s.at < len(s.hits):
		s.take(s.hits[s.at])
	case s.OnEnter != nil:
		s.OnEnter(s.Entry.Text)
	}
}

// leave takes what is marked, as far as something was typed, so that Tab loses nothing.
func (s *Suggest) leave() {
	if len(s.hits) == 0 {
		return
	}
	if _, same := s.Taken(); s.Keep && !same && strings.TrimSpace(s.Entry.Text) != "" {
		s.take(s.hits[s.at])
		return
	}
	s.Offer(nil)
}

func (s *Suggest) key(ev *fyne.KeyEvent) bool {
	switch {
	case ev.Name == fyne.KeyDown && len(s.hits) == 0 && s.Find != nil:
		if _, same := s.Taken(); same || strings.TrimSpace(s.Entry.Text) == "" {
			s.Find("")
		} else {
			s.Find(s.Entry.Text)
		}
	case ev.Name == fyne.KeyDown && s.at < len(s.hits)-1:
		s.at++
		s.first = max(s.first, s.at-suggested+1)
		s.show()
	case ev.Name == fyne.KeyUp && s.at > 0:
		s.at--
		s.first = min(s.first, s.at)
		s.show()
	default:
		return false
	}
	return true
}

// hit is one line below the box; it is taken when the mouse goes down, before the box loses the focus.
type hit struct {
	Tap
	label, detail *widget.Label
	face          *fyne.Container
}

func newHit() *hit {
	h := &hit{label: Cell(false), detail: Cell(false)}
	h.detail.Importance, h.detail.SizeName = widget.LowImportance, theme.SizeNameCaptionText
	h.face = Columns(0, []float32{56, 44}, Tight(Pad(9, 0, h.label)), Tight(h.detail))
	h.content = Least(0, 27, h.face)
	h.Tap.tapped = func() {}
	h.ExtendBaseWidget(h)
	h.Hide()
	return h
}

func (h *hit) set(o Option, marked bool) {
	mark := "   "
	if marked {
		mark = "› "
	}
	h.label.TextStyle.Bold = marked
	h.label.SetText(mark + o.Label)
	h.detail.SetText(o.Detail)
}

// MouseDown implements desktop.Mouseable.
func (h *hit) MouseDown(*desktop.MouseEvent) { h.tapped() }

// MouseUp implements desktop.Mouseable.
func (h *hit) MouseUp(*desktop.MouseEvent) {}

// Tapped implements fyne.Tappable: the mouse has done it already.
func (h *hit) Tapped(*fyne.PointEvent) {
	if h.Visible() {
		h.tapped()
	}
}
