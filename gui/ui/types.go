package ui

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"fyne.io/fyne/v2/widget"
)

// integer is a whole number.
func (in *Input) integer(d *Desk, spec Spec) {
	in.number(d, spec)
	in.Value = func() (string, error) {
		text := decimal(in.Focus.(*Entry).Text)
		if n, err := strconv.ParseFloat(text, 64); text != "" && (err != nil || n != math.Trunc(n)) {
			return "", errors.New(d.T("input.integer"))
		}
		return text, nil
	}
}

// isoMinute is how the host writes a moment on the store's clock.
const isoMinute = "2006-01-02T15:04"

// parseMoment reads "9/3/2026 17:05", or the host's "2026-03-09T17:05"; a day alone begins at midnight.
func parseMoment(text string) (time.Time, bool) {
	text = strings.TrimSpace(text)
	if at, err := time.Parse(isoMinute, text); err == nil {
		return at, true
	}
	date, clock, found := strings.Cut(text, " ")
	day, ok := parseDay(date)
	if !ok || !found {
		return day, ok
	}
	clock = strings.TrimSpace(strings.ReplaceAll(clock, ".", ":"))
	of, err := time.Parse("15:04", clock)
	return day.Add(time.Duration(of.Hour())*time.Hour + time.Duration(of.Minute())*time.Minute), err == nil
}

// Moment writes a moment of the host ("2026-03-09T17:05") as it is typed here: "09/03/2026 17:05".
func Moment(text string) string {
	if at, ok := parseMoment(text); ok {
		return at.Format("02/01/2006 15:04")
	}
	return text
}

// moment is a day and the time on the store's clock.
func (in *Input) moment(d *Desk, spec Spec) {
	e := NewEntry("", nil)
	in.line(e, or(spec.Hint, d.T("input.moment.hint")))
	in.Set = func(value string) { e.Quiet(Moment(value)) }
	in.Value = func() (string, error) {
		text := strings.TrimSpace(e.Text)
		if text == "" {
			return "", nil
		}
		at, ok := parseMoment(text)
		if !ok {
			return "", errors.New(d.T("input.moment"))
		}
		return at.Format(isoMinute), nil
	}
}

// choices is any number of choices, ticked one by one; the value is one a line.
func (in *Input) choices(spec Spec) {
	column := Column(0)
	var boxes []*Check
	var odd []string // values that are no choice, such as of a choice that was taken out
	for i, c := range spec.Choices {
		box := NewCheck(Label(c), func(bool) { in.changed() })
		box.OnEnter = func() { in.submitted() }
		boxes = append(boxes, box)
		column.Add(box)
		if i == 0 {
			in.Focus = box
		}
	}
	in.Box = column
	if len(boxes) > 6 {
		in.Box = Fold(column, 200)
	}
	if in.Focus == nil {
		in.Focus = NewAnchor()
	}
	in.Disable = func() {
		for _, box := range boxes {
			box.Disable()
		}
	}
	in.Set = func(value string) {
		values := strings.Split(value, "\n")
		odd = nil
		for i, c := range spec.Choices {
			tell := boxes[i].OnChanged
			boxes[i].OnChanged = nil
			boxes[i].SetChecked(slices.Contains(values, c.Value))
			boxes[i].OnChanged = tell
			values = slices.DeleteFunc(values, func(v string) bool { return v == c.Value })
		}
		for _, v := range values {
			if v != "" {
				odd = append(odd, v)
			}
		}
	}
	in.Value = func() (string, error) {
		out := slices.Clone(odd)
		for i, c := range spec.Choices {
			if boxes[i].Checked {
				out = append(out, c.Value)
			}
		}
		return strings.Join(out, "\n"), nil
	}
}

// customer is another customer, found while typing; the value is his id.
func (in *Input) customer(d *Desk, spec Spec) {
	f := NewFinder(d, or(spec.Hint, d.T("customers.search")))
	f.Keep = true
	id, name := "", ""
	below := Note("", widget.LowImportance)
	f.OnFound = func(o Option) {
		id, name = o.Value, o.Label
		below.SetText(o.Detail)
		in.changed()
	}
	f.OnNone = func(none bool) {
		below.SetText("")
		if none {
			below.SetText(d.T("customers.none.plain"))
		}
	}
	f.OnEnter = func(string) { in.submitted() }
	in.Box, in.Focus, in.Disable = Column(2, f.Box, Tight(below)), f.Entry, f.Entry.Disable
	in.Set = func(value string) {
		id, name = value, value
		f.Set(Option{Value: value, Label: value})
		below.SetText("")
		if value == "" {
			return
		}
		d.Person(value, func(o Option) {
			if id == value && f.Entry.Text == name {
				name = o.Label
				f.Set(o)
				below.SetText(o.Detail)
			}
		})
	}
	in.Value = func() (string, error) {
		switch text := strings.TrimSpace(f.Entry.Text); {
		case text == "":
			return "", nil
		case text != name:
			return text, nil // a number, an id: the host knows
		}
		return id, nil
	}
}
