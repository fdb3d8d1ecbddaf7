package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// margin is what stays in sight around an object that is scrolled to: its name above and its message below.
const margin float32 = 72

// reveal scrolls to an object that has got the focus, so that Tab never leads out of sight.
func reveal(o fyne.CanvasObject) {
	c := fyne.CurrentApp().Driver().CanvasForObject(o)
	if c == nil {
		return
	}
	root := c.Content()
	if top := c.Overlays().Top(); top != nil {
		root = top
	}
	find(root, o)
}

// find looks for an object below another and, on the way back, moves every scroller that it stands in.
func find(in, o fyne.CanvasObject) bool {
	switch at := in.(type) {
	case nil:
	case *fyne.Container:
		for _, child := range at.Objects {
			if child.Visible() && find(child, o) {
				return true
			}
		}
	case *widget.PopUp:
		return find(at.Content, o)
	case *container.Scroll:
		if find(at.Content, o) {
			follow(at, o)
			return true
		}
	}
	return in == o
}

// follow moves a scroller as little as shows the object.
func follow(s *container.Scroll, o fyne.CanvasObject) {
	if s.Size().Height <= 0 || o.Size().Height <= 0 {
		return // not placed yet
	}
	d := fyne.CurrentApp().Driver()
	top := d.AbsolutePositionForObject(o).Y - d.AbsolutePositionForObject(s.Content).Y
	bottom := top + o.Size().Height + margin
	top -= margin
	y := s.Offset.Y
	if bottom > y+s.Size().Height {
		y = bottom - s.Size().Height
	}
	y = max(0, min(y, top, s.Content.Size().Height-s.Size().Height))
	if y != s.Offset.Y {
		s.ScrollToOffset(fyne.NewPos(s.Offset.X, y))
	}
}
