package ui_test

import (
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/test"

	"mostrador/gui/ui"
)

// clock moves by step at each reading.
func clock(step *time.Duration) func() time.Time {
	now := time.Unix(0, 0)
	return func() time.Time { now = now.Add(*step); return now }
}

func TestAScannerIsToldFromAPersonBySpeedAlone(t *testing.T) {
	for _, c := range []struct {
		name    string
		text    string
		step    time.Duration
		scanned bool
	}{
		{"scanner", "8412345678905", 5 * time.Millisecond, true},
		{"person", "8412345678905", 80 * time.Millisecond, false},
		{"quick but too short", "841", 5 * time.Millisecond, false},
	} {
		step := c.step
		s := ui.NewScan(clock(&step))
		for _, r := range c.text {
			s.Rune(r)
		}
		code, ok := s.Enter()
		if ok != c.scanned || ok && code != c.text {
			t.Errorf("%s: %q, %v", c.name, code, ok)
		}
	}
}

func TestAScanLeavesNothingInTheBox(t *testing.T) {
	test.NewTempApp(t)
	step := 100 * time.Millisecond
	got, submitted := "", false
	e := ui.NewEntry("", func(string) { submitted = true })
	e.ListenScanner(clock(&step), func(code string) { got = code })
	test.Type(e, "12")
	step = time.Millisecond
	now := e.Text
	step = 100 * time.Millisecond
	e.TypedRune('8')
	step = time.Millisecond
	for _, r := range "412345" {
		e.TypedRune(r)
	}
	e.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if got != "8412345" || e.Text != now || submitted {
		t.Errorf("scanned %q, box %q, submitted %v", got, e.Text, submitted)
	}
}

func TestFunctionKeysReachTheWindowFromEveryWidget(t *testing.T) {
	test.NewTempApp(t)
	var keys []fyne.KeyName
	widgets := []fyne.CanvasObject{
		ui.NewEntry("", nil), ui.NewTextEntry(3), ui.NewButton("b", "", ui.Plain, nil), ui.NewCheck("c", nil),
		ui.NewSelect("s", []string{"a"}, nil), ui.NewCodeEntry(4, nil),
		ui.NewList(func() int { return 1 }, func() fyne.CanvasObject { return ui.Cell(false) }, func(int, fyne.CanvasObject) {}, nil),
		ui.NewTree(func(string) []string { return nil }, func(string) bool { return false }, func(bool) fyne.CanvasObject { return ui.Cell(false) }, func(string, bool, fyne.CanvasObject) {}),
	}
	w := test.NewTempWindow(t, container.NewVBox(widgets...))
	w.Canvas().SetOnTypedKey(func(ev *fyne.KeyEvent) { keys = append(keys, ev.Name); ui.Take(ev) })
	for i, o := range widgets {
		keys = nil
		f := o.(fyne.Focusable)
		f.TypedKey(&fyne.KeyEvent{Name: fyne.KeyF2})
		f.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
		if len(keys) != 2 || keys[0] != fyne.KeyF2 || keys[1] != fyne.KeyEscape {
			t.Errorf("widget %d (%T) offers %v", i, o, keys)
		}
	}
	for name, want := range map[fyne.KeyName]bool{fyne.KeyF: false, fyne.KeyF12: true, fyne.KeyA: false, fyne.KeyReturn: false} {
		if ui.Global(name) != want {
			t.Errorf("Global(%s) = %v", name, !want)
		}
	}
}

func TestACodeTakesDigitsOfAnyScriptAndNothingElse(t *testing.T) {
	test.NewTempApp(t)
	got := ""
	c := ui.NewCodeEntry(4, func(code string) { got = code })
	for _, r := range "x٠４-2७9" { // Arabic, full-width, ASCII, Devanagari, and one too many
		c.TypedRune(r)
	}
	c.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if got != "0427" {
		t.Errorf("code %q", got)
	}
	c.TypedKey(&fyne.KeyEvent{Name: fyne.KeyBackspace})
	if c.Code() != "042" {
		t.Errorf("after Backspace %q", c.Code())
	}
}

func TestTabFollowsTheReadingOrder(t *testing.T) {
	test.NewTempApp(t)
	top, left, middle, right, bottom := ui.NewEntry("", nil), ui.NewEntry("", nil), ui.NewEntry("", nil), ui.NewEntry("", nil), ui.NewEntry("", nil)
	w := test.NewTempWindow(t, ui.Frame(0, top, left, middle, right, bottom))
	for i, want := range []*ui.Entry{top, left, middle, right, bottom} {
		w.Canvas().FocusNext()
		if w.Canvas().Focused() != fyne.Focusable(want) {
			t.Errorf("step %d goes elsewhere", i)
		}
	}
}

func FuzzCodeEntryKeepsToDigits(f *testing.F) {
	f.Add("0427")
	f.Add("𝟎４٤")
	test.NewApp()
	f.Fuzz(func(t *testing.T, typed string) {
		c := ui.NewCodeEntry(4, nil)
		for _, r := range typed {
			c.TypedRune(r)
		}
		if len(c.Code()) > 4 {
			t.Fatalf("%q became %q", typed, c.Code())
		}
		for _, r := range c.Code() {
			if r < '0' || r > '9' {
				t.Fatalf("%q became %q", typed, c.Code())
			}
		}
	})
}
