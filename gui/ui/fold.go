package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
)

// Fold shows content as high as it is, up to a height from which on it scrolls.
func Fold(content fyne.CanvasObject, most float32) *fyne.Container {
	return container.New(&fold{content, most}, Scrolled(content))
}

type fold struct {
	content fyne.CanvasObject
	most    float32
}

func (f *fold) MinSize([]fyne.CanvasObject) fyne.Size {
	size := f.content.MinSize()
	return fyne.NewSize(size.Width+13, min(size.Height+4, f.most))
}

func (f *fold) Layout(objects []fyne.CanvasObject, size fyne.Size) { objects[0].Resize(size) }

// Pairs sets objects two in a row, in reading order.
func Pairs(objects ...fyne.CanvasObject) *fyne.Container { return container.New(&pairs{}, objects...) }

type pairs struct{}

func (*pairs) rows(o []fyne.CanvasObject) []float32 {
	rows := make([]float32, (len(o)+1)/2)
	for i, object := range o {
		rows[i/2] = max(rows[i/2], object.MinSize().Height)
	}
	return rows
}

func (p *pairs) MinSize(o []fyne.CanvasObject) fyne.Size {
	h := float32(0)
	for _, row := range p.rows(o) {
		h += row + 8
	}
	return fyne.NewSize(200, max(0, h-8))
}

func (p *pairs) Layout(o []fyne.CanvasObject, size fyne.Size) {
	w, y := (size.Width-14)/2, float32(0)
	rows := p.rows(o)
	for i, object := range o {
		object.Move(fyne.NewPos(float32(i%2)*(w+14), y))
		object.Resize(fyne.NewSize(w, rows[i/2]))
		if i%2 == 1 {
			y += rows[i/2] + 8
		}
	}
}

// Panelled is a card without inner room, for lists whose rows bring their own.
func Panelled(o fyne.CanvasObject) *fyne.Container {
	r := canvas.NewRectangle(Color(ColorCard))
	r.CornerRadius = 10
	r.StrokeWidth, r.StrokeColor = 1, Color(theme.ColorNameSeparator)
	return container.NewStack(r, Pad(4, 6, o))
}

// Middle gives an object the full width and centres it by its height.
func Middle(o fyne.CanvasObject) *fyne.Container { return container.New(&middle{}, o) }

type middle struct{}

func (*middle) MinSize(o []fyne.CanvasObject) fyne.Size { return o[0].MinSize() }

func (*middle) Layout(o []fyne.CanvasObject, size fyne.Size) {
	o[0].Resize(fyne.NewSize(size.Width, 1)) // wrapped text learns its width first
	h := min(o[0].MinSize().Height, size.Height)
	o[0].Move(fyne.NewPos(0, (size.Height-h)/2))
	o[0].Resize(fyne.NewSize(size.Width, h))
}
