package ui

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
)

// spanUnits are the units that a span is typed in, the smallest first.
var spanUnits = []struct {
	name string
	size time.Duration
}{{"minutes", time.Minute}, {"hours", time.Hour}, {"days", wholeDay}, {"weeks", 7 * wholeDay}}

// longestSpan bounds what is typed: more than anybody waits, and less than a duration holds.
const longestSpan = 200 * 365 * wholeDay

// span is a time as a number and, beside it, its unit; the value is Go's ("168h0m0s"), and empty for none.
func (in *Input) span(d *Desk, spec Spec) {
	e := NewEntry("", nil)
	in.line(e, spec.Hint)
	names := make([]string, len(spanUnits))
	for i, unit := range spanUnits {
		names[i] = d.T("unit." + unit.name)
	}
	unit := NewSelect("", names, nil)
	e.OnKey = func(ev *fyne.KeyEvent) bool {
		step := map[fyne.KeyName]int{fyne.KeyUp: 1, fyne.KeyDown: -1}[ev.Name]
		if n, err := strconv.Atoi(strings.TrimSpace(e.Text)); step != 0 && (err == nil || e.Text == "") {
			e.SetText(strconv.Itoa(max(0, n+step)))
		}
		return step != 0
	}
	in.Box = Frame(6, nil, Exactly(70, e), Boxed(unit), nil, nil)
	in.Disable = func() { e.Disable(); unit.Disable() }
	in.Set = func(value string) {
		span, _ := parseSpan(value)
		at := 2
		for i, u := range spanUnits {
			if span > 0 && span%u.size == 0 {
				at = i
			}
		}
		unit.OnChanged = nil
		unit.SetSelectedIndex(at)
		unit.OnChanged = func(string) { in.changed() }
		text := ""
		if span > 0 {
			text = strconv.FormatFloat(float64(span)/float64(spanUnits[at].size), 'f', -1, 64)
		}
		e.Quiet(text)
	}
	in.Value = func() (string, error) {
		text := strings.TrimSpace(e.Text)
		if text == "" {
			return "", nil
		}
		n, err := strconv.ParseFloat(decimal(text), 64)
		size := spanUnits[max(0, unit.SelectedIndex())].size
		if err != nil || n < 0 || math.IsNaN(n) || n*float64(size) > float64(longestSpan) {
			return "", errors.New(d.T("input.number"))
		}
		return time.Duration(n * float64(size)).String(), nil
	}
}
