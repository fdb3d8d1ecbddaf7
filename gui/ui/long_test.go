package ui_test

import (
	"fmt"
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
)

func TestALongListKnowsEachOfAHundredMillionRows(t *testing.T) {
	test.NewTempApp(t)
	const rows = 100_000_000
	shown := map[int]bool{}
	var opened, picked []int
	l := ui.NewLongList(40, func() int { return rows }, func() fyne.CanvasObject { return widget.NewLabel("") }, func(i int, o fyne.CanvasObject) {
		shown[i] = true
		o.(*widget.Label).SetText(fmt.Sprint(i))
	}, func(i int) { opened = append(opened, i) })
	l.OnPick = func(i int, _ bool) { picked = append(picked, i) }
	win := test.NewTempWindow(t, l)
	win.Resize(fyne.NewSize(400, 410))
	n := func() int { _, n := l.Sight(); return n }
	for _, row := range []int{1, 54_321_987, rows - n()} {
		clear(shown)
		l.ScrollTo(row)
		if first, count := l.Sight(); first != row || count != n() {
			t.Errorf("scrolled to %d: %d rows from %d are in sight", row, count, first)
		}
		for i := range n() {
			if !shown[row+i] {
				t.Errorf("row %d is not drawn", row+i)
			}
		}
		if len(shown) > n()+1 {
			t.Errorf("%d rows are drawn, %d are in sight", len(shown), n())
		}
	}
	win.Canvas().Focus(l)
	press := func(keys ...fyne.KeyName) {
		for _, key := range keys {
			l.TypedKey(&fyne.KeyEvent{Name: key})
		}
	}
	press(fyne.KeyEnd, fyne.KeyUp, fyne.KeyReturn, fyne.KeySpace, fyne.KeyHome, fyne.KeyPageDown, fyne.KeyReturn)
	if !slices.Equal(opened, []int{rows - 2, n()}) || !slices.Equal(picked, []int{rows - 2}) {
		t.Errorf("opened %v, picked %v", opened, picked)
	}
	l.Scrolled(&fyne.ScrollEvent{Scrolled: fyne.Delta{DY: -28}})
	if first, _ := l.Sight(); first != 3 {
		t.Errorf("the wheel leads to row %d", first)
	}
}
