package ui

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"
)

const wholeDay = 24 * time.Hour

var daysOrWeeks = regexp.MustCompile(`^([0-9]{1,5}) ?([dw])$`)

// parseSpan reads a time as the host does: "30m", "1h30m", "7d" or "2w".
func parseSpan(text string) (time.Duration, bool) {
	if m := daysOrWeeks.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		unit := wholeDay
		if m[2] == "w" {
			unit *= 7
		}
		return time.Duration(n) * unit, err == nil && n <= int(1<<62/unit)
	}
	span, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
	return span, err == nil && span >= 0
}

// Span writes a time as a person types it: "7d" for the host's "168h", and "1h30m" for "1h30m0s".
func Span(text string) string {
	span, ok := parseSpan(text)
	switch {
	case !ok:
		return text
	case span > 0 && span%wholeDay == 0:
		return strconv.Itoa(int(span/wholeDay)) + "d"
	}
	text = span.String()
	for _, none := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, none) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// SpanWords writes a time in words: "1 hora 30 minutos". Empty when text is no time.
func (d *Desk) SpanWords(text string) string {
	span, ok := parseSpan(text)
	if !ok {
		return ""
	}
	var words []string
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"day", wholeDay}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		n := span / unit.size
		span -= n * unit.size
		switch {
		case n == 1:
			words = append(words, d.T("span."+unit.name))
		case n > 1, unit.size == time.Second && len(words) == 0:
			words = append(words, d.T("span."+unit.name+"s", "n", int64(n)))
		}
	}
	return strings.Join(words, " ")
}

// duration is a time, typed as a number and its unit, with what was understood below.
func (in *Input) duration(d *Desk, spec Spec) {
	e := NewEntry("", nil)
	in.line(e, or(spec.Hint, d.T("input.duration")))
	below := Note("", widget.LowImportance)
	tell := func() {
		text := d.T("input.duration.hint")
		if words := d.SpanWords(strings.TrimSpace(e.Text)); words != "" {
			text = "= " + words
		}
		below.SetText(text)
	}
	e.OnChanged = func(string) { tell(); in.changed() }
	in.Box = Column(6, e, Tight(below))
	in.Set = func(value string) { e.Quiet(Span(value)); tell() }
}

// isoDay is how the host writes a day.
const isoDay = "2006-01-02"

var dayOnly = regexp.MustCompile(`^([0-9]{1,2})[-/. ]([0-9]{1,2})[-/. ]([0-9]{4})$|^([0-9]{2})([0-9]{2})([0-9]{4})$`)

// parseDay reads 9/3/2026, 09032026 or 2026-03-09.
func parseDay(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	if m := dayOnly.FindStringSubmatch(text); m != nil {
		two := func(s string) string { return strings.Repeat("0", 2-len(s)) + s }
		text = m[3] + "-" + two(m[2]) + "-" + two(m[1])
		if m[6] != "" {
			text = m[6] + "-" + m[5] + "-" + m[4]
		}
	}
	day, err := time.Parse(isoDay, text)
	return day, err == nil
}

// Day writes a day of the host ("2026-03-09") as it is typed here: "09/03/2026".
func Day(text string) string {
	if day, ok := parseDay(text); ok {
		return day.Format("02/01/2006")
	}
	return text
}

// dayWords writes a day in words: "lunes, 9 de marzo de 2026".
func (d *Desk) dayWords(day time.Time) string {
	weekdays, months := strings.Split(d.T("date.weekdays"), ","), strings.Split(d.T("date.months"), ",")
	if len(weekdays) != 7 || len(months) != 12 {
		return day.Format(isoDay)
	}
	return d.T("date.long", "weekday", weekdays[day.Weekday()], "day", day.Day(), "month", months[day.Month()-1], "year", day.Year())
}

// date is a day, typed in figures, with its weekday and month in words below; Up and Down go day by day.
func (in *Input) date(d *Desk, spec Spec) {
	e := NewEntry("", nil)
	in.line(e, or(spec.Hint, d.T("input.date.hint")))
	below := Note("", widget.LowImportance)
	tell := func() {
		text := d.T("input.date.keys")
		if day, ok := parseDay(e.Text); ok {
			text = d.dayWords(day)
		}
		below.SetText(text)
	}
	e.OnChanged = func(string) { tell(); in.changed() }
	e.OnKey = func(ev *fyne.KeyEvent) bool {
		step := map[fyne.KeyName]int{fyne.KeyUp: 1, fyne.KeyDown: -1}[ev.Name]
		if step == 0 {
			return false
		}
		day, ok := parseDay(e.Text)
		if !ok {
			day, step = d.Clock(), 0
		}
		e.SetText(Day(day.AddDate(0, 0, step).Format(isoDay)))
		return true
	}
	in.Box = Column(6, e, Tight(below))
	if spec.Bare {
		in.Box = e
	}
	in.Set = func(value string) { e.Quiet(Day(value)); tell() }
	in.Value = func() (string, error) {
		text := strings.TrimSpace(e.Text)
		if text == "" {
			return "", nil
		}
		day, ok := parseDay(text)
		if !ok {
			return "", errors.New(d.T("input.date"))
		}
		return day.Format(isoDay), nil
	}
}
