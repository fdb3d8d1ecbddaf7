package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"

	"mostrador/host/api/mostradorv1"
)

// Chip is a small word on its own ground, such as a tag in its colour.
type Chip struct {
	// Box is what is placed on the screen.
	Box    *fyne.Container
	ground *canvas.Rectangle
	text   *canvas.Text
}

// NewChip makes a chip without a word, which is not seen.
func NewChip() *Chip {
	c := &Chip{ground: canvas.NewRectangle(color.Transparent), text: canvas.NewText("", color.Black)}
	c.ground.CornerRadius = 8
	c.text.TextSize = 12
	c.Box = container.NewStack(c.ground, Pad(8, 2, c.text))
	c.Box.Hide()
	return c
}

// Set shows a word in two colours.
func (c *Chip) Set(word string, ground, ink color.Color) {
	c.text.Text, c.text.Color, c.ground.FillColor = word, ink, ground
	show(c.Box, word != "")
	c.Box.Refresh()
}

// Plain shows a word in the quiet colours of the shop.
func (c *Chip) Plain(word string) { c.Set(word, Color(ColorQuietBg), Color(ColorMuted)) }

// Tag shows a tag as the store draws it; t may be nil for one that is not known.
func (c *Chip) Tag(name string, t *mostradorv1.Tag) {
	ground, ok := ParseColor(t.GetColor())
	ink, readable := ParseColor(t.GetTextColor())
	if !ok || !readable {
		c.Plain(name)
		return
	}
	c.Set(name, ground, ink)
}

// TagLooks is what a screen knows of the tags, by name.
type TagLooks map[string]*mostradorv1.Tag

// LoadTags reads the tags and hands them on; who may not or cannot read them sees them without colours.
func LoadTags(d *Desk, then func(TagLooks)) {
	Ask(d, d.Model.Tags.List, &mostradorv1.ListTagsRequest{}, func(res *mostradorv1.ListTagsResponse, err error) {
		if err != nil {
			return
		}
		all := TagLooks{}
		for _, t := range res.Tags {
			all[t.Name] = t
		}
		then(all)
	})
}

// Chips is a row of chips that breaks where the width ends.
func Chips(objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(&wrap{gap: 6}, objects...)
}

// wrap places objects side by side and goes on in the next line where the width ends.
type wrap struct {
	gap   float32
	width float32
}

func (w *wrap) place(o []fyne.CanvasObject, width float32, put func(fyne.CanvasObject, fyne.Position, fyne.Size)) (height float32) {
	x, y, line := float32(0), float32(0), float32(0)
	for _, object := range o {
		if !object.Visible() {
			continue
		}
		m := object.MinSize()
		if x > 0 && x+m.Width > width {
			x, y, line = 0, y+line+w.gap, 0
		}
		if put != nil {
			put(object, fyne.NewPos(x, y), m)
		}
		x, line = x+m.Width+w.gap, max(line, m.Height)
	}
	return y + line
}

// MinSize implements fyne.Layout: as high as the last width asks for.
func (w *wrap) MinSize(o []fyne.CanvasObject) fyne.Size {
	width := w.width
	if width == 0 {
		width = 1e6
	}
	wide := float32(0)
	for _, object := range o {
		if object.Visible() {
			wide = max(wide, object.MinSize().Width)
		}
	}
	return fyne.NewSize(wide, w.place(o, width, nil))
}

// Layout implements fyne.Layout.
func (w *wrap) Layout(o []fyne.CanvasObject, size fyne.Size) {
	w.width = size.Width
	line := float32(0)
	for _, object := range o {
		line = max(line, object.MinSize().Height)
	}
	w.place(o, size.Width, func(object fyne.CanvasObject, at fyne.Position, m fyne.Size) {
		object.Move(at.AddXY(0, max(0, (line-m.Height)/2)))
		object.Resize(m)
	})
}
