package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// Tap is content that can be clicked and takes no focus: a part of a widget whose keys are elsewhere.
type Tap struct {
	widget.BaseWidget
	content fyne.CanvasObject
	tapped  func()
}

// NewTap makes content clickable.
func NewTap(content fyne.CanvasObject, tapped func()) *Tap {
	t := &Tap{content: content, tapped: tapped}
	t.ExtendBaseWidget(t)
	return t
}

// Tapped implements fyne.Tappable.
func (t *Tap) Tapped(*fyne.PointEvent) { t.tapped() }

// Cursor implements desktop.Cursorable.
func (t *Tap) Cursor() desktop.Cursor { return desktop.PointerCursor }

// CreateRenderer implements fyne.Widget.
func (t *Tap) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(t.content) }
