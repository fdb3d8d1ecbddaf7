package ui_test

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"mostrador/gui/ui"
)

func TestTheCursorGoesToALineHoweverLongTheLinesAbove(t *testing.T) {
	test.NewTempApp(t)
	e := ui.NewTextEntry(4)
	e.Quiet(strings.Repeat("palabra ", 40) + "\n\nseñal\n" + strings.Repeat("otra ", 40) + "\nfin")
	win := test.NewTempWindow(t, e)
	win.Resize(fyne.NewSize(300, 200))
	for line, begins := range map[int]string{1: "palabra", 2: "\n", 3: "señal", 4: "otra", 5: "fin", 0: "palabra", 99: "fin"} {
		e.GoTo(line)
		if rest := string([]rune(e.Text)[e.CursorTextOffset():]); !strings.HasPrefix(rest, begins) {
			t.Errorf("line %d: the cursor stands before %.12q", line, rest)
		}
	}
}

func TestInsertTypesWhereTheCursorIsAndTellsOnce(t *testing.T) {
	test.NewTempApp(t)
	e := ui.NewTextEntry(4)
	e.Quiet("uno\ndos")
	test.NewTempWindow(t, e).Resize(fyne.NewSize(300, 200))
	told := 0
	e.OnChanged = func(string) { told++ }
	e.GoTo(2)
	e.Insert("{{.Número}} ")
	if e.Text != "uno\n{{.Número}} dos" || told != 1 {
		t.Errorf("%q, told %d times", e.Text, told)
	}
}
