package ui

import (
	"errors"
	"image/color"
	"math"
	"regexp"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

var hexColor = regexp.MustCompile(`^#?([0-9A-Fa-f]{6})$`)

// ParseColor reads "#0f6674".
func ParseColor(text string) (color.Color, bool) {
	m := hexColor.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return nil, false
	}
	v, err := strconv.ParseUint(m[1], 16, 32)
	return rgb(uint32(v)), err == nil
}

// InkOn is the colour of text, black or white, that is the easier to read on a ground ("#0f6674"), by the contrast
// that WCAG 2.1 defines. A tag that is kept has it from the store; this is for one that is being chosen.
func InkOn(ground string) string {
	c, ok := ParseColor(ground)
	if !ok {
		return "#000000"
	}
	r, g, b, _ := c.RGBA()
	light := func(v uint32) float64 {
		x := float64(v) / 0xffff
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	luminance := 0.2126*light(r) + 0.7152*light(g) + 0.0722*light(b)
	if (luminance+0.05)/0.05 >= 1.05/(luminance+0.05) {
		return "#000000"
	}
	return "#ffffff"
}

// usualColors are offered beside the box; white text can be read on each.
var usualColors = []string{"#0f6674", "#0b5c8a", "#3b4ba3", "#6a3b8f", "#9c2a5f", "#b3261e", "#a34700", "#7a5c00", "#1a6f45", "#45525e"}

// Swatch is a patch of a colour; none is shown as an empty frame.
type Swatch struct {
	// Box is what is placed on the screen.
	Box  *fyne.Container
	face *canvas.Rectangle
}

// NewSwatch makes a square patch.
func NewSwatch(size float32, text string) *Swatch {
	s := &Swatch{face: canvas.NewRectangle(color.Transparent)}
	s.face.CornerRadius = 6
	s.face.StrokeWidth, s.face.StrokeColor = 1.5, Color(theme.ColorNameInputBorder)
	s.Box = Row(0, Least(size, size, s.face))
	s.Set(text)
	return s
}

// Set shows another colour.
func (s *Swatch) Set(text string) {
	s.face.FillColor = color.Transparent
	if c, ok := ParseColor(text); ok {
		s.face.FillColor = c
	}
	s.face.Refresh()
}

// color is a colour: a patch of it, its code, and the usual ones to choose from.
func (in *Input) color(d *Desk, spec Spec) {
	e := NewEntry("", nil)
	in.line(e, or(spec.Hint, usualColors[0]))
	patch := NewSwatch(36, "")
	pick := newSwatches(usualColors, func(c string) { e.SetText(c) })
	tell := func() {
		patch.Set(e.Text)
		pick.mark(e.Text)
	}
	e.OnChanged = func(string) { tell(); in.changed() }
	in.Box = Column(6, Row(10, patch.Box, Exactly(150, e)), pick, Tight(Note(d.T("input.color.keys"), widget.LowImportance)))
	in.Disable = func() { e.Disable(); pick.disabled = true }
	in.Set = func(value string) { e.Quiet(value); tell() }
	in.Value = func() (string, error) {
		text := strings.TrimSpace(e.Text)
		m := hexColor.FindStringSubmatch(text)
		switch {
		case text == "":
			return "", nil
		case m == nil:
			return "", errors.New(d.T("input.color"))
		}
		return "#" + strings.ToLower(m[1]), nil
	}
}

// swatches is a row of colours, one stop for Tab: Left and Right move over it, Space and Enter take one.
type swatches struct {
	widget.BaseWidget
	colors         []string
	picked         func(string)
	at, chosen     int
	focused        bool
	disabled       bool
	faces, borders []*canvas.Rectangle
	row            *fyne.Container
}

func newSwatches(colors []string, picked func(string)) *swatches {
	p := &swatches{colors: colors, picked: picked, chosen: -1}
	p.row = Row(2)
	for i, text := range colors {
		c, _ := ParseColor(text)
		face, border := canvas.NewRectangle(c), canvas.NewRectangle(color.Transparent)
		face.CornerRadius, border.CornerRadius = 5, 8
		p.faces, p.borders = append(p.faces, face), append(p.borders, border)
		p.row.Add(NewTap(container.NewStack(border, Pad(4, 4, Least(20, 20, face))), func() { p.at = i; p.take() }))
	}
	p.ExtendBaseWidget(p)
	return p
}

func (p *swatches) mark(text string) {
	p.chosen = -1
	for i, c := range p.colors {
		if strings.EqualFold(c, strings.TrimSpace(text)) {
			p.chosen, p.at = i, i
		}
	}
	p.Refresh()
}

func (p *swatches) take() {
	if !p.disabled {
		p.picked(p.colors[p.at])
	}
	p.Refresh()
}

// FocusGained implements fyne.Focusable.
func (p *swatches) FocusGained() { p.focused = true; p.Refresh() }

// FocusLost implements fyne.Focusable.
func (p *swatches) FocusLost() { p.focused = false; p.Refresh() }

// TypedRune implements fyne.Focusable.
func (p *swatches) TypedRune(r rune) {
	if r != ' ' {
		offerRune(p, r)
	}
}

// TypedKey implements fyne.Focusable.
func (p *swatches) TypedKey(ev *fyne.KeyEvent) {
	switch ev.Name {
	case fyne.KeyLeft:
		p.at = max(0, p.at-1)
	case fyne.KeyRight:
		p.at = min(len(p.colors)-1, p.at+1)
	case fyne.KeySpace, fyne.KeyReturn, fyne.KeyEnter:
		p.take()
	default:
		offer(p, ev)
	}
	p.Refresh()
}

// CreateRenderer implements fyne.Widget.
func (p *swatches) CreateRenderer() fyne.WidgetRenderer { return &swatchesRenderer{p} }

type swatchesRenderer struct{ p *swatches }

func (r *swatchesRenderer) Destroy()                     {}
func (r *swatchesRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.p.row} }
func (r *swatchesRenderer) MinSize() fyne.Size           { return r.p.row.MinSize() }
func (r *swatchesRenderer) Layout(size fyne.Size)        { r.p.row.Resize(size) }

func (r *swatchesRenderer) Refresh() {
	for i, border := range r.p.borders {
		border.StrokeWidth = 0
		switch {
		case r.p.focused && i == r.p.at:
			border.StrokeWidth, border.StrokeColor = 2, Color(theme.ColorNamePrimary)
		case i == r.p.chosen:
			border.StrokeWidth, border.StrokeColor = 1.5, Color(ColorMuted)
		}
		border.Refresh()
	}
}
