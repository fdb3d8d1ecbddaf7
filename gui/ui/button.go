package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Style says how much a button stands out.
type Style int

const (
	// Plain is white with a border.
	Plain Style = iota
	// Primary is the one thing to do next.
	Primary
	// Danger takes something away.
	Danger
	// Nav is a line of the menu at the left.
	Nav
	// NavCurrent is the line of the screen that is shown.
	NavCurrent
	// Link is text only.
	Link
)

// Button is the button of the application: text, optionally the key that does the same, and a ring while it
// has the focus. Enter and Space press it.
type Button struct {
	widget.BaseWidget
	OnTapped func()

	text, key       string
	style           Style
	disabled        bool
	focused, inside bool
	left            bool
	narrow          bool // one of many side by side
	ground          color.Color
	darkText        bool
}

// NewButton makes a button; key ("F4") is shown beside the text and may be empty.
func NewButton(text, key string, style Style, tapped func()) *Button {
	b := &Button{text: text, key: key, style: style, OnTapped: tapped, left: style == Nav || style == NavCurrent}
	b.ExtendBaseWidget(b)
	return b
}

// Text is what the button says.
func (b *Button) Text() string { return b.text }

// SetText changes what the button says.
func (b *Button) SetText(text string) {
	if b.text != text {
		b.text = text
		b.Refresh()
	}
}

// SetStyle changes the look.
func (b *Button) SetStyle(s Style) {
	if b.style != s {
		b.style = s
		b.Refresh()
	}
}

// SetGround gives the button a colour of its own; dark says whether that needs white text.
func (b *Button) SetGround(ground color.Color, dark bool) {
	b.ground, b.darkText = ground, !dark
	b.Refresh()
}

// Enable implements fyne.Disableable.
func (b *Button) Enable() { b.SetEnabled(true) }

// Disable implements fyne.Disableable.
func (b *Button) Disable() { b.SetEnabled(false) }

// Disabled implements fyne.Disableable.
func (b *Button) Disabled() bool { return b.disabled }

// SetEnabled allows or forbids pressing.
func (b *Button) SetEnabled(on bool) {
	if b.disabled == on {
		b.disabled = !on
		b.Refresh()
	}
}

// Tapped implements fyne.Tappable.
func (b *Button) Tapped(*fyne.PointEvent) {
	if !b.disabled && b.OnTapped != nil {
		b.OnTapped()
	}
}

// FocusGained implements fyne.Focusable.
func (b *Button) FocusGained() {
	b.focused = true
	b.Refresh()
	reveal(b)
}

// FocusLost implements fyne.Focusable.
func (b *Button) FocusLost() { b.focused = false; b.Refresh() }

// MouseIn implements desktop.Hoverable.
func (b *Button) MouseIn(*desktop.MouseEvent) { b.inside = true; b.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (b *Button) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (b *Button) MouseOut() { b.inside = false; b.Refresh() }

// Cursor implements desktop.Cursorable.
func (b *Button) Cursor() desktop.Cursor {
	if b.disabled {
		return desktop.DefaultCursor
	}
	return desktop.PointerCursor
}

// TypedRune implements fyne.Focusable.
func (b *Button) TypedRune(r rune) {
	if r != ' ' {
		offerRune(b, r)
	}
}

// TypedKey implements fyne.Focusable.
func (b *Button) TypedKey(ev *fyne.KeyEvent) {
	enter := ev.Name == fyne.KeyReturn || ev.Name == fyne.KeyEnter
	if (Global(ev.Name) || enter) && offer(b, ev) {
		return
	}
	if enter || ev.Name == fyne.KeySpace {
		b.Tapped(nil)
	}
}

// CreateRenderer implements fyne.Widget.
func (b *Button) CreateRenderer() fyne.WidgetRenderer {
	r := &buttonRenderer{b: b, ring: canvas.NewRectangle(color.Transparent), face: canvas.NewRectangle(color.Transparent),
		label: canvas.NewText("", color.Black), key: canvas.NewText("", color.Black)}
	r.ring.CornerRadius, r.face.CornerRadius = 9, 6
	r.label.TextSize, r.key.TextSize = SizeText, 12
	r.Refresh()
	return r
}

const (
	buttonRim    float32 = 3 // room of the focus ring
	buttonPadX   float32 = 15
	buttonNarrow float32 = 11
	buttonPadY   float32 = 8
	buttonGap    float32 = 9
)

type buttonRenderer struct {
	b          *Button
	ring, face *canvas.Rectangle
	label, key *canvas.Text
}

func (r *buttonRenderer) Destroy() {}

func (r *buttonRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.face, r.ring, r.label, r.key}
}

func (r *buttonRenderer) padX() float32 {
	switch {
	case r.b.style == Link:
		return 5
	case r.b.narrow:
		return buttonNarrow
	}
	return buttonPadX
}

func (r *buttonRenderer) MinSize() fyne.Size {
	label, key := r.label.MinSize(), r.key.MinSize()
	w := label.Width
	if r.b.key != "" {
		w += buttonGap + key.Width
	}
	return fyne.NewSize(w+2*(r.padX()+buttonRim), label.Height+2*(buttonPadY+buttonRim))
}

func (r *buttonRenderer) Layout(size fyne.Size) {
	r.ring.Resize(size)
	r.face.Move(fyne.NewPos(buttonRim, buttonRim))
	r.face.Resize(size.Subtract(fyne.NewSize(2*buttonRim, 2*buttonRim)))
	label, key := r.label.MinSize(), r.key.MinSize()
	x := r.padX() + buttonRim
	if !r.b.left {
		x = (size.Width - label.Width) / 2
		if r.b.key != "" {
			x = (size.Width - label.Width - buttonGap - key.Width) / 2
		}
	}
	r.label.Move(fyne.NewPos(x, (size.Height-label.Height)/2))
	r.label.Resize(label)
	kx := x + label.Width + buttonGap
	if r.b.left {
		kx = size.Width - buttonRim - 12 - key.Width
	}
	r.key.Move(fyne.NewPos(kx, (size.Height-key.Height)/2))
	r.key.Resize(key)
}

func (r *buttonRenderer) Refresh() {
	b := r.b
	face, text, border, key := Color(ColorCard), Color(theme.ColorNameForeground), Color(theme.ColorNameInputBorder), Color(ColorMuted)
	switch b.style {
	case Primary:
		face, text, border, key = Color(theme.ColorNamePrimary), color.Color(color.White), color.Transparent, color.NRGBA{0xd5, 0xea, 0xed, 0xff}
		if b.inside {
			face = rgb(0x0b5560)
		}
	case Danger:
		text, border = Color(theme.ColorNameError), rgb(0xdba9a5)
	case Nav, Link:
		face, border = color.Transparent, color.Transparent
		if b.style == Link {
			text = Color(theme.ColorNameHyperlink)
		}
	case NavCurrent:
		face, text, border, key = Color(ColorCard), Color(theme.ColorNamePrimary), color.Transparent, Color(theme.ColorNamePrimary)
	}
	if b.inside && b.style != Primary && !b.disabled {
		face = rgb(0xeef2f5)
		if b.style == Nav {
			face = rgb(0xdde5ea)
		}
	}
	if b.ground != nil {
		face, text = b.ground, color.White
		if b.darkText {
			text = Color(theme.ColorNameForeground)
		}
	}
	if b.disabled {
		text, key = Color(theme.ColorNameDisabled), Color(theme.ColorNameDisabled)
		if b.style != Nav && b.style != NavCurrent && b.style != Link {
			face, border = Color(theme.ColorNameDisabledButton), rgb(0xdfe4e9)
		}
	}
	r.face.FillColor, r.face.StrokeColor, r.face.StrokeWidth = face, border, 1
	if border == color.Transparent { // the GL driver draws a transparent stroke all the same
		r.face.StrokeWidth = 0
	}
	r.ring.StrokeColor, r.ring.StrokeWidth = Color(theme.ColorNamePrimary), 0
	if b.focused {
		r.ring.StrokeWidth = 2
	}
	r.label.Text, r.label.Color = b.text, text
	r.label.TextStyle.Bold = b.style == Primary || b.style == NavCurrent
	r.key.Text, r.key.Color = b.key, key
	r.Layout(b.Size())
	for _, o := range r.Objects() {
		canvas.Refresh(o)
	}
}
