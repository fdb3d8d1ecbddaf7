package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"
)

// Anchor is a place for the focus where no key does anything by itself: the keys of the window and the scanner
// work, Tab goes on to what stands after it, and an Enter too many is nobody's.
type Anchor struct{ widget.BaseWidget }

// NewAnchor makes an anchor; it shows nothing.
func NewAnchor() *Anchor {
	a := &Anchor{}
	a.ExtendBaseWidget(a)
	return a
}

// FocusGained implements fyne.Focusable.
func (a *Anchor) FocusGained() {}

// FocusLost implements fyne.Focusable.
func (a *Anchor) FocusLost() {}

// TypedRune implements fyne.Focusable.
func (a *Anchor) TypedRune(r rune) { offerRune(a, r) }

// TypedKey implements fyne.Focusable.
func (a *Anchor) TypedKey(ev *fyne.KeyEvent) { offer(a, ev) }

// CreateRenderer implements fyne.Widget.
func (a *Anchor) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(canvas.NewRectangle(color.Transparent))
}
