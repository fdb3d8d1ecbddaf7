package uitest

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
)

// textOf is what an object says by itself.
func textOf(o fyne.CanvasObject) string {
	switch t := o.(type) {
	case *canvas.Text:
		return t.Text
	case *widget.Label:
		return t.Text
	case *ui.Button:
		return t.Text()
	case *ui.Entry:
		return t.Text
	case *ui.Check:
		return t.Text
	case *widget.RichText:
		return strings.TrimSpace(t.String())
	}
	return ""
}
