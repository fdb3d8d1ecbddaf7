package ui

import (
	"image/color"
	"unicode"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// CodeEntry takes a code of a few digits in big boxes (seed 000, step 3). A digit of any script counts; it may
// be typed, pasted or scanned, and Enter submits.
type CodeEntry struct {
	widget.BaseWidget
	OnChanged   func(code string)
	OnSubmitted func(code string)

	digits  []rune
	length  int
	focused bool
}

// NewCodeEntry makes boxes for length digits.
func NewCodeEntry(length int, submitted func(string)) *CodeEntry {
	c := &CodeEntry{length: length, OnSubmitted: submitted}
	c.ExtendBaseWidget(c)
	return c
}

// Code is what has been typed so far.
func (c *CodeEntry) Code() string { return string(c.digits) }

// Clear empties the boxes.
func (c *CodeEntry) Clear() { c.digits = nil; c.changed() }

func (c *CodeEntry) changed() {
	c.Refresh()
	if c.OnChanged != nil {
		c.OnChanged(c.Code())
	}
}

// digit is the ASCII digit for a decimal digit of any script: their code points stand in runs of ten from zero.
func digit(r rune) (rune, bool) {
	if !unicode.Is(unicode.Nd, r) {
		return 0, false
	}
	n := rune(0)
	for n < 9 && unicode.Is(unicode.Nd, r-n-1) {
		n++
	}
	if n == 9 || !unicode.Is(unicode.Nd, r-n-1) {
		return '0' + n, true
	}
	return 0, false
}

// TypedRune implements fyne.Focusable.
func (c *CodeEntry) TypedRune(r rune) {
	if d, ok := digit(r); ok && len(c.digits) < c.length {
		c.digits = append(c.digits, d)
		c.changed()
	}
}

// TypedKey implements fyne.Focusable.
func (c *CodeEntry) TypedKey(ev *fyne.KeyEvent) {
	if Global(ev.Name) && offer(c, ev) {
		return
	}
	switch ev.Name {
	case fyne.KeyBackspace:
		if len(c.digits) > 0 {
			c.digits = c.digits[:len(c.digits)-1]
			c.changed()
		}
	case fyne.KeyDelete:
		c.Clear()
	case fyne.KeyReturn, fyne.KeyEnter:
		if c.OnSubmitted != nil {
			c.OnSubmitted(c.Code())
		}
	}
}

// TypedShortcut implements fyne.Shortcutable: paste.
func (c *CodeEntry) TypedShortcut(s fyne.Shortcut) {
	if paste, ok := s.(*fyne.ShortcutPaste); ok && paste.Clipboard != nil {
		for _, r := range paste.Clipboard.Content() {
			c.TypedRune(r)
		}
	}
}

// FocusGained implements fyne.Focusable.
func (c *CodeEntry) FocusGained() { c.focused = true; c.Refresh() }

// FocusLost implements fyne.Focusable.
func (c *CodeEntry) FocusLost() { c.focused = false; c.Refresh() }

// Tapped implements fyne.Tappable.
func (c *CodeEntry) Tapped(*fyne.PointEvent) {
	if canvas := fyne.CurrentApp().Driver().CanvasForObject(c); canvas != nil {
		canvas.Focus(c)
	}
}

// CreateRenderer implements fyne.Widget.
func (c *CodeEntry) CreateRenderer() fyne.WidgetRenderer {
	r := &codeRenderer{c: c}
	row := container.NewHBox()
	for range c.length {
		box := canvas.NewRectangle(color.White)
		box.CornerRadius = 8
		box.StrokeWidth = 2
		box.SetMinSize(fyne.NewSize(64, 78))
		text := Text("", 40, true, theme.ColorNameForeground)
		text.Alignment = fyne.TextAlignCenter
		r.boxes, r.texts = append(r.boxes, box), append(r.texts, text)
		row.Add(container.NewStack(box, container.NewCenter(text)))
	}
	r.row = container.NewCenter(row)
	r.Refresh()
	return r
}

type codeRenderer struct {
	c     *CodeEntry
	row   *fyne.Container
	boxes []*canvas.Rectangle
	texts []*canvas.Text
}

func (r *codeRenderer) Destroy()                     {}
func (r *codeRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.row} }
func (r *codeRenderer) MinSize() fyne.Size           { return r.row.MinSize() }
func (r *codeRenderer) Layout(size fyne.Size)        { r.row.Resize(size) }

func (r *codeRenderer) Refresh() {
	for i, box := range r.boxes {
		box.StrokeColor = Color(theme.ColorNameInputBorder)
		if r.c.focused && (i == len(r.c.digits) || i == r.c.length-1 && len(r.c.digits) == r.c.length) {
			box.StrokeColor = Color(theme.ColorNamePrimary)
		}
		r.texts[i].Text = ""
		if i < len(r.c.digits) {
			r.texts[i].Text = string(r.c.digits[i])
		}
	}
	r.row.Refresh()
}
