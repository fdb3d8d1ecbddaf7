package uitest

import (
	"strings"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
)

// Shortcut presses keys with Ctrl or Alt, as the driver does: whatever has the focus gets them when it knows
// shortcuts, and hands those of the window on, for which the test's canvas has no ear; else the window gets them.
func (w *Window) Shortcut(s fyne.Shortcut) {
	f, ok := w.Canvas.Focused().(fyne.Shortcutable)
	if ok {
		f.TypedShortcut(s)
	}
	if !ok || ui.WindowShortcut(s) {
		w.shell.Shortcut(s)
	}
	w.Settle()
}

// LongList is the first list of any length on the screen.
func (w *Window) LongList() *ui.LongList {
	w.T.Helper()
	var found *ui.LongList
	w.walk(func(o fyne.CanvasObject) {
		if l, ok := o.(*ui.LongList); ok && found == nil {
			found = l
		}
	})
	if found == nil {
		w.T.Fatal("there is no long list")
	}
	return found
}

// Words is everything that stands on the screen, line by line.
func (w *Window) Words() string {
	var lines []string
	w.walk(func(o fyne.CanvasObject) {
		if text := textOf(o); text != "" {
			lines = append(lines, text)
		}
	})
	return strings.Join(lines, "\n")
}
