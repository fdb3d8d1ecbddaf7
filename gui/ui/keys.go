package ui

import (
	"strings"
	"time"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// keyTaken is the name that the canvas handler gives to a key which it has used.
const keyTaken fyne.KeyName = "taken"

// Take marks a key as used, so that the widget which offered it leaves it alone.
func Take(ev *fyne.KeyEvent) { ev.Name = keyTaken }

// Taken tells whether some handler has used the key.
func Taken(ev *fyne.KeyEvent) bool { return ev.Name == keyTaken }

// offer shows a key to the canvas handler first and tells whether that has taken it.
func offer(w fyne.CanvasObject, ev *fyne.KeyEvent) bool {
	c := fyne.CurrentApp().Driver().CanvasForObject(w)
	if c == nil || c.OnTypedKey() == nil {
		return false
	}
	shown := *ev
	c.OnTypedKey()(&shown)
	return Taken(&shown)
}

// offerRune passes text typed at a widget that has no use for it to the canvas handler.
func offerRune(w fyne.CanvasObject, r rune) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(w); c != nil && c.OnTypedRune() != nil {
		c.OnTypedRune()(r)
	}
}

// offerShortcut passes keys pressed with Ctrl or Alt to the canvas, for widgets that keep shortcuts of their own. The
// toolkit gives a shortcut to the focused widget only.
func offerShortcut(w fyne.CanvasObject, s fyne.Shortcut) {
	if c, ok := fyne.CurrentApp().Driver().CanvasForObject(w).(fyne.Shortcutable); ok {
		c.TypedShortcut(s)
	}
}

// WindowShortcut tells whether a shortcut belongs to the window rather than to a text box: Alt with a key, or going
// round with Ctrl and Tab.
func WindowShortcut(s fyne.Shortcut) bool {
	c, ok := s.(*desktop.CustomShortcut)
	return ok && (c.Modifier == fyne.KeyModifierAlt || c.KeyName == fyne.KeyTab)
}

// Global tells whether a key belongs to the window rather than to a text box.
func Global(name fyne.KeyName) bool {
	return name == fyne.KeyEscape || strings.HasPrefix(string(name), "F") && len(name) > 1 && name[1] >= '1' && name[1] <= '9'
}

// A scanner types faster than any person: its characters follow one another within scanGap, and a scan has
// at least scanMin of them and ends with Enter.
const (
	scanGap = 35 * time.Millisecond
	scanMin = 5
)

// Scan recognises a scanner in a run of typed characters.
type Scan struct {
	now   func() time.Time
	last  time.Time
	typed []rune
}

// NewScan makes a recogniser on the given clock.
func NewScan(now func() time.Time) *Scan { return &Scan{now: now} }

// Rune notes one typed character.
func (s *Scan) Rune(r rune) {
	at := s.now()
	if len(s.typed) > 0 && at.Sub(s.last) > scanGap {
		s.typed = s.typed[:0]
	}
	s.last = at
	if unicode.IsPrint(r) {
		s.typed = append(s.typed, r)
	}
}

// Enter ends the run and returns what was scanned, if it was a scanner that typed.
func (s *Scan) Enter() (string, bool) {
	code := string(s.typed)
	quick := len(s.typed) >= scanMin && s.now().Sub(s.last) <= scanGap
	s.typed = s.typed[:0]
	return code, quick
}

// Entry is the text box of the application.
type Entry struct {
	widget.Entry
	// OnKey sees keys before the box does; true keeps them from it. Up and Down move through lists this way.
	OnKey func(*fyne.KeyEvent) bool
	// OnScan, when set, takes what a scanner typed out of the box.
	OnScan func(code string)
	// OnLeave is called when the box loses the focus.
	OnLeave func()
	// OnEscape, when set, sees Escape before the window does; true keeps it from the window.
	OnEscape func() bool

	scan   *Scan
	before string
}

// NewEntry makes a one-line box.
func NewEntry(placeholder string, submitted func(string)) *Entry {
	e := &Entry{}
	e.Wrapping = fyne.TextWrap(fyne.TextTruncateClip)
	e.PlaceHolder = placeholder
	e.OnSubmitted = submitted
	e.ExtendBaseWidget(e)
	return e
}

// NewSecretEntry makes a one-line box that does not show what is typed.
func NewSecretEntry(placeholder string, submitted func(string)) *Entry {
	e := NewEntry(placeholder, submitted)
	e.Password = true
	return e
}

// NewTextEntry makes a box for several lines.
func NewTextEntry(rows int) *Entry {
	e := &Entry{}
	e.MultiLine = true
	e.Wrapping = fyne.TextWrapWord
	e.ExtendBaseWidget(e)
	e.SetMinRowsVisible(rows)
	return e
}

// ListenScanner makes the box tell scanner and person apart, on the given clock.
func (e *Entry) ListenScanner(now func() time.Time, scanned func(code string)) {
	e.scan, e.OnScan = NewScan(now), scanned
}

// AcceptsTab keeps Tab for moving on, in boxes of several lines too.
func (e *Entry) AcceptsTab() bool { return false }

// TypedRune implements fyne.Focusable.
func (e *Entry) TypedRune(r rune) {
	if e.scan != nil {
		e.scan.Rune(r)
		if len(e.scan.typed) == 1 {
			e.before = e.Text
		}
	}
	e.Entry.TypedRune(r)
}

// TypedKey implements fyne.Focusable.
func (e *Entry) TypedKey(ev *fyne.KeyEvent) {
	if ev.Name == fyne.KeyEscape && e.OnEscape != nil && e.OnEscape() || Global(ev.Name) && offer(e, ev) {
		return
	}
	enter := ev.Name == fyne.KeyReturn || ev.Name == fyne.KeyEnter
	if enter && e.scan != nil {
		if code, ok := e.scan.Enter(); ok {
			e.SetText(e.before)
			e.OnScan(code)
			return
		}
	}
	if e.OnKey != nil && e.OnKey(ev) {
		return
	}
	e.Entry.TypedKey(ev)
}

// TypedShortcut implements fyne.Shortcutable.
func (e *Entry) TypedShortcut(s fyne.Shortcut) {
	if WindowShortcut(s) {
		offerShortcut(e, s)
		return
	}
	e.Entry.TypedShortcut(s)
}

// FocusGained implements fyne.Focusable.
func (e *Entry) FocusGained() {
	e.Entry.FocusGained()
	reveal(e)
}

// FocusLost implements fyne.Focusable.
func (e *Entry) FocusLost() {
	e.Entry.FocusLost()
	if e.OnLeave != nil {
		e.OnLeave()
	}
}

// Quiet puts text into the box without telling OnChanged.
func (e *Entry) Quiet(text string) {
	changed := e.OnChanged
	e.OnChanged = nil
	e.SetText(text)
	e.OnChanged = changed
}

// List is a list with the window's keys; Enter opens the row under the highlight.
type List struct {
	widget.List
	OnOpen func(row int)
	// OnMove, when set, follows the highlight.
	OnMove func(row int)
	// OnTop is called when Up is pressed on the first row.
	OnTop func()
	// OnSpace, when set, is what Space does to the row under the highlight, such as switching it on or off.
	OnSpace func(row int)

	row int
}

// NewList makes a list. open is called for a click and for Enter.
func NewList(length func() int, create func() fyne.CanvasObject, update func(int, fyne.CanvasObject), open func(int)) *List {
	l := &List{OnOpen: open}
	l.Length, l.CreateItem, l.UpdateItem = length, create, update
	l.HideSeparators = false
	l.OnHighlighted = func(id widget.ListItemID) {
		l.row = id
		if l.OnMove != nil {
			l.OnMove(id)
		}
	}
	l.OnSelected = func(id widget.ListItemID) {
		l.row = id
		if l.OnOpen != nil {
			l.OnOpen(id)
		}
	}
	l.ExtendBaseWidget(l)
	return l
}

// Row is the row under the highlight.
func (l *List) Row() int { return l.row }

// Mark selects a row without opening it.
func (l *List) Mark(row int) {
	open := l.OnOpen
	l.OnOpen = nil
	l.Select(row)
	l.OnOpen = open
}

// Put marks a row and places the highlight there, and tells nobody.
func (l *List) Put(row int) {
	move := l.OnMove
	l.OnMove = nil
	l.Mark(row)
	l.Highlight(row)
	l.OnMove = move
}

// TypedKey implements fyne.Focusable.
func (l *List) TypedKey(ev *fyne.KeyEvent) {
	if (Global(ev.Name) || ev.Name == fyne.KeyReturn || ev.Name == fyne.KeyEnter) && offer(l, ev) {
		return
	}
	switch ev.Name {
	case fyne.KeyReturn, fyne.KeyEnter:
		if l.Length() > 0 {
			l.UnselectAll()
			l.Select(min(l.row, l.Length()-1))
		}
		return
	case fyne.KeySpace:
		if l.OnSpace != nil {
			if l.row < l.Length() {
				l.OnSpace(l.row)
			}
			return
		}
	case fyne.KeyUp:
		if l.row <= 0 && l.OnTop != nil {
			l.OnTop()
			return
		}
	}
	l.List.TypedKey(ev)
}

// TypedRune implements fyne.Focusable.
func (l *List) TypedRune(r rune) { offerRune(l, r) }

// Check is a box to tick; Space ticks it.
type Check struct {
	widget.Check
	// OnEnter, when set, is what Enter does, such as saving the form.
	OnEnter func()
}

// NewCheck makes a check box.
func NewCheck(label string, changed func(bool)) *Check {
	c := &Check{}
	c.Text, c.OnChanged = label, changed
	c.ExtendBaseWidget(c)
	return c
}

// FocusGained implements fyne.Focusable.
func (c *Check) FocusGained() {
	c.Check.FocusGained()
	reveal(c)
}

// TypedKey implements fyne.Focusable.
func (c *Check) TypedKey(ev *fyne.KeyEvent) {
	switch {
	case Global(ev.Name):
		offer(c, ev)
	case c.OnEnter != nil && (ev.Name == fyne.KeyReturn || ev.Name == fyne.KeyEnter):
		c.OnEnter()
	}
}

// Select is a choice with the window's keys.
type Select struct{ widget.Select }

// NewSelect makes a choice; placeholder shows while nothing is chosen.
func NewSelect(placeholder string, options []string, changed func(string)) *Select {
	s := &Select{}
	s.PlaceHolder, s.Options, s.OnChanged = placeholder, options, changed
	s.ExtendBaseWidget(s)
	return s
}

// FocusGained implements fyne.Focusable.
func (s *Select) FocusGained() {
	s.Select.FocusGained()
	reveal(s)
}

// TypedKey implements fyne.Focusable.
func (s *Select) TypedKey(ev *fyne.KeyEvent) {
	if Global(ev.Name) && offer(s, ev) {
		return
	}
	if ev.Name == fyne.KeyReturn || ev.Name == fyne.KeyEnter {
		ev = &fyne.KeyEvent{Name: fyne.KeySpace}
	}
	s.Select.TypedKey(ev)
}

// Tree is a tree with the window's keys; Enter selects.
type Tree struct{ widget.Tree }

// NewTree makes a tree of text nodes.
func NewTree(children func(string) []string, branch func(string) bool, create func(bool) fyne.CanvasObject, update func(string, bool, fyne.CanvasObject)) *Tree {
	t := &Tree{}
	t.ChildUIDs, t.IsBranch, t.CreateNode, t.UpdateNode = children, branch, create, update
	t.HideSeparators = true
	t.ExtendBaseWidget(t)
	return t
}

// TypedKey implements fyne.Focusable.
func (t *Tree) TypedKey(ev *fyne.KeyEvent) {
	if Global(ev.Name) && offer(t, ev) {
		return
	}
	if ev.Name == fyne.KeyReturn || ev.Name == fyne.KeyEnter {
		ev = &fyne.KeyEvent{Name: fyne.KeySpace}
	}
	t.Tree.TypedKey(ev)
}

// TypedRune implements fyne.Focusable.
func (t *Tree) TypedRune(r rune) { offerRune(t, r) }
