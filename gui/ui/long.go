package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// LongList is a list of any length: it knows which row is the first in sight, and draws those in sight only. The
// toolkit's own list places rows by pixels from the first, of which there are too many to be counted exactly beyond
// some hundred thousand rows. It scrolls row by row.
//
// Keys: Up, Down, PageUp, PageDown, Home and End move the highlight; Enter opens; Space, and Shift with the keys that
// move, are told to OnPick.
type LongList struct {
	widget.BaseWidget
	// Length is the number of rows.
	Length func() int
	// OnOpen is called for a click and for Enter.
	OnOpen func(row int)
	// OnPick is called for Space, and for a click on the left edge or with Ctrl: the row is picked or dropped; or, with
	// Shift, all rows from the last one picked. It may be nil.
	OnPick func(row int, upTo bool)
	// OnMove follows the highlight; it may be nil.
	OnMove func(row int)
	// OnTop is called when Up is pressed on the first row; it may be nil.
	OnTop func()

	create  func() fyne.CanvasObject
	update  func(row int, o fyne.CanvasObject)
	height  float32
	top     int
	row     int
	part    float32 // of a row, that the wheel has gone beyond top
	rows    []*longRow
	focused bool
	shift   bool
	bar     *longBar
}

// pickEdge is how wide the left edge is where a click picks.
const pickEdge float32 = 34

// NewLongList makes a list of rows of one height.
func NewLongList(height float32, length func() int, create func() fyne.CanvasObject, update func(int, fyne.CanvasObject), open func(int)) *LongList {
	l := &LongList{Length: length, OnOpen: open, create: create, update: update, height: height}
	l.bar = newLongBar(l)
	l.ExtendBaseWidget(l)
	return l
}

// Row is the row under the highlight.
func (l *LongList) Row() int { return l.row }

// Sight is the first row in sight and how many there are.
func (l *LongList) Sight() (first, count int) { return l.top, l.visible() }

// visible is how many rows fit.
func (l *LongList) visible() int { return max(1, int(l.Size().Height/l.height)) }

// ScrollTo brings a row to the top, as far as the end allows.
func (l *LongList) ScrollTo(row int) {
	l.part = 0
	l.scroll(row)
}

// Mark puts the highlight on a row and brings it into sight, and tells nobody.
func (l *LongList) Mark(row int) {
	l.row = max(0, min(row, l.Length()-1))
	top := l.top
	if l.row < top {
		top = l.row
	}
	if n := l.visible(); l.row >= top+n {
		top = l.row - n + 1
	}
	l.scroll(top)
}

func (l *LongList) scroll(top int) {
	l.top = max(0, min(top, l.Length()-l.visible()))
	l.Refresh()
}

func (l *LongList) move(to int) {
	from := l.row
	l.Mark(to)
	if l.row != from && l.OnMove != nil {
		l.OnMove(l.row)
	}
	if l.shift && l.OnPick != nil {
		l.OnPick(l.row, true)
	}
}

// Scrolled implements fyne.Scrollable.
func (l *LongList) Scrolled(ev *fyne.ScrollEvent) {
	l.part -= ev.Scrolled.DY / 14
	whole := int(l.part)
	l.part -= float32(whole)
	if whole != 0 {
		l.scroll(l.top + whole)
	}
}

// FocusGained implements fyne.Focusable.
func (l *LongList) FocusGained() { l.focused = true; l.Mark(l.row) }

// FocusLost implements fyne.Focusable.
func (l *LongList) FocusLost() { l.focused, l.shift = false, false; l.Refresh() }

// KeyDown implements desktop.Keyable.
func (l *LongList) KeyDown(ev *fyne.KeyEvent) {
	if ev.Name == desktop.KeyShiftLeft || ev.Name == desktop.KeyShiftRight {
		l.shift = true
	}
}

// KeyUp implements desktop.Keyable.
func (l *LongList) KeyUp(ev *fyne.KeyEvent) {
	if ev.Name == desktop.KeyShiftLeft || ev.Name == desktop.KeyShiftRight {
		l.shift = false
	}
}

// TypedKey implements fyne.Focusable.
func (l *LongList) TypedKey(ev *fyne.KeyEvent) {
	enter := ev.Name == fyne.KeyReturn || ev.Name == fyne.KeyEnter
	if (Global(ev.Name) || enter) && offer(l, ev) || l.Length() == 0 {
		return
	}
	switch {
	case enter:
		l.OnOpen(min(l.row, l.Length()-1))
	case ev.Name == fyne.KeySpace && l.OnPick != nil:
		l.OnPick(min(l.row, l.Length()-1), l.shift)
	case ev.Name == fyne.KeyUp && l.row <= 0 && l.OnTop != nil:
		l.OnTop()
	case ev.Name == fyne.KeyUp:
		l.move(l.row - 1)
	case ev.Name == fyne.KeyDown:
		l.move(l.row + 1)
	case ev.Name == fyne.KeyPageUp:
		l.move(l.row - l.visible())
	case ev.Name == fyne.KeyPageDown:
		l.move(l.row + l.visible())
	case ev.Name == fyne.KeyHome:
		l.move(0)
	case ev.Name == fyne.KeyEnd:
		l.move(l.Length() - 1)
	}
}

// TypedRune implements fyne.Focusable.
func (l *LongList) TypedRune(r rune) {
	if r != ' ' {
		offerRune(l, r)
	}
}

// CreateRenderer implements fyne.Widget.
func (l *LongList) CreateRenderer() fyne.WidgetRenderer { return &longRenderer{l} }

type longRenderer struct{ l *LongList }

func (r *longRenderer) Destroy() {}

func (r *longRenderer) MinSize() fyne.Size { return fyne.NewSize(200, 3*r.l.height) }

func (r *longRenderer) Objects() []fyne.CanvasObject {
	objects := make([]fyne.CanvasObject, 0, len(r.l.rows)+1)
	for _, row := range r.l.rows {
		objects = append(objects, row)
	}
	return append(objects, r.l.bar)
}

func (r *longRenderer) Layout(size fyne.Size) {
	l := r.l
	for len(l.rows) < l.visible() {
		l.rows = append(l.rows, newLongRow(l, l.create()))
	}
	// What does not fill a row is spread over all of them.
	height := size.Height / float32(l.visible())
	for i, row := range l.rows {
		row.Move(fyne.NewPos(0, float32(i)*height))
		row.Resize(fyne.NewSize(size.Width-longBarWidth, height))
	}
	l.bar.Move(fyne.NewPos(size.Width-longBarWidth, 0))
	l.bar.Resize(fyne.NewSize(longBarWidth, size.Height))
	l.top = max(0, min(l.top, l.Length()-l.visible()))
	r.Refresh()
}

func (r *longRenderer) Refresh() {
	l := r.l
	n := l.visible()
	for i, row := range l.rows {
		row.at = l.top + i
		if i >= n || row.at >= l.Length() {
			row.Hide()
			continue
		}
		row.marked = l.focused && row.at == l.row
		l.update(row.at, row.item)
		row.Show()
		row.Refresh()
	}
	show(l.bar, l.Length() > n)
	l.bar.Refresh()
	canvas.Refresh(l)
}

// longRow is one row in sight.
type longRow struct {
	widget.BaseWidget
	l              *LongList
	item           fyne.CanvasObject
	face, line     *canvas.Rectangle
	at             int
	marked, inside bool
	picked         bool // by the mouse that goes up next
}

func newLongRow(l *LongList, item fyne.CanvasObject) *longRow {
	r := &longRow{l: l, item: item, face: canvas.NewRectangle(color.Transparent), line: canvas.NewRectangle(Color(theme.ColorNameSeparator))}
	r.face.CornerRadius = 5
	r.ExtendBaseWidget(r)
	return r
}

// Tapped implements fyne.Tappable.
func (r *longRow) Tapped(*fyne.PointEvent) {
	r.l.row = r.at
	if r.picked {
		r.picked = false
		return
	}
	r.l.OnOpen(r.at)
}

// MouseDown implements desktop.Mouseable: a click on the left edge, or with Ctrl or Shift, picks.
func (r *longRow) MouseDown(ev *desktop.MouseEvent) {
	upTo := ev.Modifier&fyne.KeyModifierShift != 0
	r.picked = false
	if r.l.OnPick != nil && (ev.Position.X < pickEdge || upTo || ev.Modifier&fyne.KeyModifierControl != 0) {
		r.l.row, r.picked = r.at, true
		r.l.OnPick(r.at, upTo)
	}
}

// MouseUp implements desktop.Mouseable.
func (r *longRow) MouseUp(*desktop.MouseEvent) {}

// MouseIn implements desktop.Hoverable.
func (r *longRow) MouseIn(*desktop.MouseEvent) { r.inside = true; r.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (r *longRow) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (r *longRow) MouseOut() { r.inside = false; r.Refresh() }

// CreateRenderer implements fyne.Widget.
func (r *longRow) CreateRenderer() fyne.WidgetRenderer { return &longRowRenderer{r} }

type longRowRenderer struct{ r *longRow }

func (r *longRowRenderer) Destroy() {}
func (r *longRowRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.r.face, r.r.line, r.r.item}
}
func (r *longRowRenderer) MinSize() fyne.Size { return fyne.NewSize(0, r.r.l.height) }

func (r *longRowRenderer) Layout(size fyne.Size) {
	r.r.face.Resize(size.SubtractWidthHeight(0, 1))
	r.r.line.Move(fyne.NewPos(0, size.Height-1))
	r.r.line.Resize(fyne.NewSize(size.Width, 1))
	r.r.item.Resize(size.SubtractWidthHeight(0, 1))
}

func (r *longRowRenderer) Refresh() {
	face := color.Color(color.Transparent)
	switch {
	case r.r.marked:
		face = Color(theme.ColorNameSelection)
	case r.r.inside:
		face = Color(theme.ColorNameHover)
	}
	if r.r.face.FillColor != face {
		r.r.face.FillColor = face
		r.r.face.Refresh()
	}
}

// longBarWidth is the width of the bar at the right, and longBarLeast the height of the piece to drag.
const (
	longBarWidth float32 = 14
	longBarLeast float32 = 28
)

// longBar says where the list is, and moves it when it is dragged or clicked.
type longBar struct {
	widget.BaseWidget
	l     *LongList
	piece *canvas.Rectangle
	grab  float32 // where the piece was taken hold of; negative when it is not
	at    float32 // the mouse while it drags
}

func newLongBar(l *LongList) *longBar {
	b := &longBar{l: l, piece: canvas.NewRectangle(Color(theme.ColorNameScrollBar)), grab: -1}
	b.piece.CornerRadius = 4
	b.ExtendBaseWidget(b)
	return b
}

// place is where the piece begins and how high it is.
func (b *longBar) place() (y, h float32) {
	room, n, seen := b.Size().Height, b.l.Length(), b.l.visible()
	if n <= seen {
		return 0, room
	}
	h = max(longBarLeast, room*float32(seen)/float32(n))
	return float32(float64(room-h) * float64(b.l.top) / float64(n-seen)), h
}

// to scrolls so that the piece begins at y.
func (b *longBar) to(y float32) {
	_, h := b.place()
	if room := b.Size().Height - h; room > 0 {
		share := float64(max(0, min(y, room))) / float64(room)
		b.l.ScrollTo(int(share*float64(b.l.Length()-b.l.visible()) + 0.5))
	}
}

// Dragged implements fyne.Draggable.
func (b *longBar) Dragged(ev *fyne.DragEvent) {
	if b.grab < 0 {
		y, _ := b.place()
		b.at = ev.Position.Y
		b.grab = max(0, ev.Position.Y-ev.Dragged.DY-y)
	} else {
		b.at += ev.Dragged.DY
	}
	b.to(b.at - b.grab)
}

// DragEnd implements fyne.Draggable.
func (b *longBar) DragEnd() { b.grab = -1 }

// Tapped implements fyne.Tappable: the piece comes to the mouse.
func (b *longBar) Tapped(ev *fyne.PointEvent) {
	_, h := b.place()
	b.to(ev.Position.Y - h/2)
}

// Scrolled implements fyne.Scrollable.
func (b *longBar) Scrolled(ev *fyne.ScrollEvent) { b.l.Scrolled(ev) }

// CreateRenderer implements fyne.Widget.
func (b *longBar) CreateRenderer() fyne.WidgetRenderer { return &longBarRenderer{b} }

type longBarRenderer struct{ b *longBar }

func (r *longBarRenderer) Destroy()                     {}
func (r *longBarRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.b.piece} }
func (r *longBarRenderer) MinSize() fyne.Size           { return fyne.NewSize(longBarWidth, 0) }
func (r *longBarRenderer) Layout(fyne.Size)             { r.Refresh() }

func (r *longBarRenderer) Refresh() {
	y, h := r.b.place()
	r.b.piece.Move(fyne.NewPos(4, y))
	r.b.piece.Resize(fyne.NewSize(longBarWidth-6, h))
	r.b.piece.Refresh()
}
