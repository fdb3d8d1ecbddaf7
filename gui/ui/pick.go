package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// Pick shows a window with a list to choose one thing from, which a box above narrows while one types; Enter takes the
// marked one. A label stands above its detail.
func Pick(d *Desk, title, hint string, options []Option, then func(Option)) {
	var m *Modal
	shown := options
	var list *List
	take := func(i int) {
		if i < len(shown) {
			m.Close()
			then(shown[i])
		}
	}
	list = NewList(func() int { return len(shown) }, newPickRow, func(i int, o fyne.CanvasObject) {
		if i < len(shown) {
			r := Held[*pickRow](o)
			r.label.SetText(shown[i].Label)
			r.detail.SetText(shown[i].Detail)
		}
	}, take)
	filter := NewEntry(hint, func(string) { take(0) })
	filter.OnChanged = func(text string) {
		shown = Matching(options, text)
		list.UnselectAll()
		list.ScrollToTop()
		list.Refresh()
	}
	filter.OnKey = func(ev *fyne.KeyEvent) bool {
		if ev.Name == fyne.KeyDown && len(shown) > 0 {
			d.Window.Canvas().Focus(list)
			return true
		}
		return false
	}
	list.OnTop = func() { d.Window.Canvas().Focus(filter) }
	body := Frame(8, filter, nil, Least(0, 380, container.NewStack(list)), nil, nil)
	m = d.NewModal(title, 680, body, filter, NewButton(d.T("cancel"), "Esc", Plain, func() { m.Close() }))
}

// pickRow is one line of Pick.
type pickRow struct{ label, detail *widget.Label }

func newPickRow() fyne.CanvasObject {
	r := &pickRow{Cell(true), Cell(false)}
	r.detail.Importance, r.detail.SizeName = widget.LowImportance, theme.SizeNameCaptionText
	return Hold(r, Column(-14, r.label, r.detail), 0)
}
