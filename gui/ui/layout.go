package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// frame is a border layout whose objects stand in reading order, which is the order of Tab.
type frame struct{ top, left, middle, right, bottom fyne.CanvasObject }

// Frame places objects at the edges and one in the middle; Tab visits top, left, middle, right, bottom. Any
// of them may be nil. Gaps are gap units.
func Frame(gap float32, top, left, middle, right, bottom fyne.CanvasObject) *fyne.Container {
	var objects []fyne.CanvasObject
	for _, o := range []fyne.CanvasObject{top, left, middle, right, bottom} {
		if o != nil {
			objects = append(objects, o)
		}
	}
	return container.New(&frameLayout{frame{top, left, middle, right, bottom}, gap}, objects...)
}

type frameLayout struct {
	frame
	gap float32
}

func (f *frameLayout) shown(o fyne.CanvasObject) bool { return o != nil && o.Visible() }

func (f *frameLayout) MinSize([]fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range []fyne.CanvasObject{f.left, f.middle, f.right} {
		if f.shown(o) {
			m := o.MinSize()
			if size.Width > 0 {
				size.Width += f.gap
			}
			size.Width += m.Width
			size.Height = max(size.Height, m.Height)
		}
	}
	for _, o := range []fyne.CanvasObject{f.top, f.bottom} {
		if f.shown(o) {
			m := o.MinSize()
			size.Width = max(size.Width, m.Width)
			size.Height += m.Height + f.gap
		}
	}
	return size
}

func (f *frameLayout) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	x0, y0, x1, y1 := float32(0), float32(0), size.Width, size.Height
	if f.shown(f.top) {
		f.top.Resize(fyne.NewSize(size.Width, 1)) // wrapped text learns its width first
		h := f.top.MinSize().Height
		f.top.Move(fyne.NewPos(0, 0))
		f.top.Resize(fyne.NewSize(size.Width, h))
		y0 = h + f.gap
	}
	if f.shown(f.bottom) {
		f.bottom.Resize(fyne.NewSize(size.Width, 1))
		h := f.bottom.MinSize().Height
		f.bottom.Move(fyne.NewPos(0, size.Height-h))
		f.bottom.Resize(fyne.NewSize(size.Width, h))
		y1 = size.Height - h - f.gap
	}
	if f.shown(f.left) {
		w := f.left.MinSize().Width
		f.left.Move(fyne.NewPos(0, y0))
		f.left.Resize(fyne.NewSize(w, y1-y0))
		x0 = w + f.gap
	}
	if f.shown(f.right) {
		w := f.right.MinSize().Width
		f.right.Move(fyne.NewPos(size.Width-w, y0))
		f.right.Resize(fyne.NewSize(w, y1-y0))
		x1 = size.Width - w - f.gap
	}
	if f.shown(f.middle) {
		f.middle.Move(fyne.NewPos(x0, y0))
		f.middle.Resize(fyne.NewSize(max(0, x1-x0), max(0, y1-y0)))
	}
}

// Column stacks objects with a gap; hidden ones take no room.
func Column(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(layout.NewCustomPaddedVBoxLayout(gap), objects...)
}

// Row places objects side by side with a gap, vertically centred by their own height.
func Row(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&rowLayout{gap}, objects...)
}

type rowLayout struct{ gap float32 }

func (r *rowLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		m := o.MinSize()
		if size.Width > 0 {
			size.Width += r.gap
		}
		size.Width += m.Width
		size.Height = max(size.Height, m.Height)
	}
	return size
}

func (r *rowLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	spare := size.Width - r.MinSize(objects).Width
	springs := 0
	for _, o := range objects {
		if _, ok := o.(*layout.Spacer); ok && o.Visible() {
			springs++
		}
	}
	x := float32(0)
	for _, o := range objects {
		if !o.Visible() {
			continue
		}
		m := o.MinSize()
		if _, ok := o.(*layout.Spacer); ok {
			m.Width += max(0, spare) / float32(springs)
		}
		o.Move(fyne.NewPos(x, (size.Height-m.Height)/2))
		o.Resize(m)
		x += m.Width + r.gap
	}
}

// Spring takes the spare width of a Row.
func Spring() fyne.CanvasObject { return layout.NewSpacer() }

// Columns divides the width by weights; each object gets its share and the full height.
func Columns(gap float32, weights []float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&columnsLayout{gap, weights}, objects...)
}

type columnsLayout struct {
	gap     float32
	weights []float32
}

func (c *columnsLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		size.Height = max(size.Height, o.MinSize().Height)
	}
	size.Width = 40 * float32(len(objects))
	return size
}

func (c *columnsLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	total := float32(0)
	for _, w := range c.weights {
		total += w
	}
	room := size.Width - c.gap*float32(len(objects)-1)
	x := float32(0)
	for i, o := range objects {
		w := room * c.weights[i] / total
		h := size.Height
		if _, ok := o.(*canvas.Text); ok {
			h = o.MinSize().Height
		}
		o.Move(fyne.NewPos(x, (size.Height-h)/2))
		o.Resize(fyne.NewSize(w, h))
		x += w + c.gap
	}
}

// minimum gives an object at least a size, and at most a width when most is set.
type minimum struct {
	size fyne.Size
	most float32
}

func (m *minimum) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return objects[0].MinSize().Max(m.size)
}

func (m *minimum) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	if m.most > 0 && size.Width > m.most {
		size.Width = m.most
	}
	objects[0].Move(fyne.NewPos(0, 0))
	objects[0].Resize(size)
}

// Least gives an object at least a width and height.
func Least(w, h float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(&minimum{size: fyne.NewSize(w, h)}, o)
}

// Most keeps an object from growing wider than w.
func Most(w float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(&minimum{most: w}, o)
}

// Exactly gives an object a fixed width.
func Exactly(w float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(&minimum{size: fyne.NewSize(w, 0), most: w}, o)
}

// Pad surrounds an object with room.
func Pad(x, y float32, o fyne.CanvasObject) *fyne.Container {
	return container.New(layout.NewCustomPaddedLayout(y, y, x, x), o)
}

// Gap is empty room.
func Gap(h float32) fyne.CanvasObject {
	r := canvas.NewRectangle(color.Transparent)
	r.SetMinSize(fyne.NewSize(h, h))
	return r
}

// Panel is a box with a background.
func Panel(name fyne.ThemeColorName, radius float32, o fyne.CanvasObject) *fyne.Container {
	r := canvas.NewRectangle(Color(name))
	r.CornerRadius = radius
	return container.NewStack(r, o)
}

// Card is a white box with a thin border around content; title may be empty.
func Card(title string, content fyne.CanvasObject) *fyne.Container {
	r := canvas.NewRectangle(Color(ColorCard))
	r.CornerRadius = 10
	r.StrokeWidth = 1
	r.StrokeColor = Color(theme.ColorNameSeparator)
	if title != "" {
		content = Frame(10, Heading(title), nil, content, nil, nil)
	}
	return container.NewStack(r, Pad(18, 16, content))
}

// Boxed draws the border that a choice lacks.
func Boxed(o fyne.CanvasObject) *fyne.Container {
	r := canvas.NewRectangle(color.Transparent)
	r.CornerRadius = 6
	r.StrokeWidth, r.StrokeColor = 1.5, Color(theme.ColorNameInputBorder)
	return container.NewStack(o, r)
}

// Scrolled lets a column of cards scroll, with room for their borders and the bar.
func Scrolled(o fyne.CanvasObject) *container.Scroll {
	return container.NewVScroll(container.New(layout.NewCustomPaddedLayout(1, 3, 1, 12), o))
}

// Title is the name of a screen.
func Title(s string) *canvas.Text { return Text(s, SizeTitle, true, theme.ColorNameForeground) }

// Heading is the name of a part of a screen.
func Heading(s string) *canvas.Text { return Text(s, SizeHeading, true, theme.ColorNameForeground) }

// Caption is small quiet text of one line.
func Caption(s string) *canvas.Text { return Text(s, SizeCaption, false, ColorMuted) }

// Words is text that wraps.
func Words(s string) *widget.Label {
	l := widget.NewLabel(s)
	l.Wrapping = fyne.TextWrapWord
	return l
}

// Note is small text that wraps, with the weight given to it (danger for an error, low for an aside).
func Note(s string, weight widget.Importance) *widget.Label {
	l := Words(s)
	l.SizeName = theme.SizeNameCaptionText
	l.Importance = weight
	return l
}

// Tight takes away the padding that a label brings along.
func Tight(o fyne.CanvasObject) *fyne.Container {
	return container.New(layout.NewCustomPaddedLayout(-6, -6, -9, -9), o)
}

// Cell is a label for a list: one line, cut with an ellipsis.
func Cell(bold bool) *widget.Label {
	l := widget.NewLabel("")
	l.Truncation = fyne.TextTruncateEllipsis
	l.TextStyle.Bold = bold
	return l
}

// Tone is the colour of a badge.
type Tone int

// The tones of a badge.
const (
	Quiet Tone = iota
	Good
	Warn
	Bad
)

// Badge is a word on a coloured ground.
type Badge struct {
	// Box is what is placed on the screen.
	Box    *fyne.Container
	ground *canvas.Rectangle
	text   *canvas.Text
}

// NewBadge makes a badge.
func NewBadge(s string, tone Tone) *Badge {
	b := &Badge{ground: canvas.NewRectangle(color.Transparent), text: canvas.NewText("", color.Black)}
	b.ground.CornerRadius = 9
	b.text.TextSize = 12
	b.text.TextStyle.Bold = true
	b.text.Alignment = fyne.TextAlignCenter
	b.Box = container.NewStack(b.ground, container.New(layout.NewCustomPaddedLayout(3, 3, 10, 10), b.text))
	b.Set(s, tone)
	return b
}

// Set changes word and tone; an empty word hides the badge.
func (b *Badge) Set(s string, tone Tone) {
	b.text.Text = s
	ground, text := ColorQuietBg, ColorMuted
	switch tone {
	case Good:
		ground, text = ColorGoodBg, theme.ColorNameSuccess
	case Warn:
		ground, text = ColorWarnBg, theme.ColorNameWarning
	case Bad:
		ground, text = ColorBadBg, theme.ColorNameError
	}
	b.ground.FillColor, b.text.Color = Color(ground), Color(text)
	if s == "" {
		b.Box.Hide()
	} else {
		b.Box.Show()
	}
	b.Box.Refresh()
}

// Word is the badge's text.
func (b *Badge) Word() string { return b.text.Text }
