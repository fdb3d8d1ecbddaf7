package ui

import (
	"errors"
	"math"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"

	"mostrador/host/api/mostradorv1"
)

// Spec says what an Input takes.
type Spec struct {
	// Type is a type of manifests: text, long_text, number, money, yes_no, choice, duration, date, email, phone,
	// url, country, color, secret or list, or one of the data model: integer, decimal, date_time, postal_address,
	// customer; choices is any number of choices, and span a time as a number and its unit. Any other is taken as text.
	Type string
	// Choices are those of a choice.
	Choices []*mostradorv1.Choice
	// None names the choice of nothing; without it a choice has none.
	None string
	// Label stands beside the box of yes_no.
	Label string
	// Hint shows in an empty text box; empty for the usual one of the type.
	Hint string
	// Rows of long_text and list; 0 for the usual number.
	Rows int
	// Many takes any number of values of the type, one a line.
	Many bool
	// Bare leaves out the lines below that help to fill in.
	Bare bool
	// Open shows all countries to choose from below the box, where there is room for that.
	Open bool
}

// Input is the control for one value of any type, in the Guide as well as in forms. It takes and gives the value
// as the text that the host reads: "12.5" for numbers and amounts, "true" or "false", "2026-03-09", "ES", "#0f6674",
// the value of a choice, and the lines of a list.
type Input struct {
	// Box is what is placed on the screen.
	Box fyne.CanvasObject
	// Focus is what takes the focus.
	Focus fyne.Focusable
	// Value is what was put in, or a sentence that says what is wrong with it. The host checks the rest.
	Value func() (string, error)
	// Set replaces what was put in, and tells nobody.
	Set func(string)
	// OnChanged is called when the person changes something; it may be nil.
	OnChanged func()
	// OnSubmitted is called for Enter where Enter has no other meaning; it may be nil.
	OnSubmitted func()
	// OnPlaced is to be called once the input has its size, when it is not nil.
	OnPlaced func()
	// Disable keeps the input from being changed.
	Disable func()
}

// NewInput makes the control for a value.
func NewInput(d *Desk, spec Spec, value string) *Input {
	in := &Input{}
	if spec.Many && spec.Type == "choice" {
		spec.Type = "choices"
	} else if spec.Many {
		spec.Type = "list"
	}
	switch spec.Type {
	case "yes_no":
		in.yesNo(spec)
	case "choice":
		in.choice(d, spec)
	case "choices":
		in.choices(spec)
	case "number", "decimal":
		in.number(d, spec)
	case "integer":
		in.integer(d, spec)
	case "date_time":
		in.moment(d, spec)
	case "customer":
		in.customer(d, spec)
	case "postal_address":
		in.line(NewTextEntry(4), or(spec.Hint, d.T("input.address.hint")))
	case "money":
		in.money(d, spec)
	case "duration":
		in.duration(d, spec)
	case "span":
		in.span(d, spec)
	case "date":
		in.date(d, spec)
	case "country":
		in.country(d, spec)
	case "color":
		in.color(d, spec)
	case "list":
		in.list(d, spec)
	case "long_text":
		rows := spec.Rows
		if rows == 0 {
			rows = 9
		}
		in.line(NewTextEntry(rows), spec.Hint)
	case "secret":
		e := NewSecretEntry("", nil)
		in.line(e, spec.Hint)
		in.Value = func() (string, error) { return e.Text, nil }
	case "email":
		in.line(NewEntry("", nil), or(spec.Hint, d.T("customer.email.hint")))
	case "phone":
		in.line(NewEntry("", nil), or(spec.Hint, d.T("customer.phone.hint")))
	case "url":
		in.line(NewEntry("", nil), or(spec.Hint, d.T("input.url.hint")))
	default:
		in.line(NewEntry("", nil), spec.Hint)
	}
	in.Set(value)
	return in
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (in *Input) changed() {
	if in.OnChanged != nil {
		in.OnChanged()
	}
}

func (in *Input) submitted() {
	if in.OnSubmitted != nil {
		in.OnSubmitted()
	}
}

// line makes the input a text box.
func (in *Input) line(e *Entry, hint string) {
	e.SetPlaceHolder(hint)
	e.OnChanged = func(string) { in.changed() }
	if !e.MultiLine {
		e.OnSubmitted = func(string) { in.submitted() }
	}
	in.Box, in.Focus, in.Set, in.Disable = e, e, e.Quiet, e.Disable
	in.Value = func() (string, error) { return strings.TrimSpace(e.Text), nil }
}

func (in *Input) yesNo(spec Spec) {
	check := NewCheck(spec.Label, nil)
	check.OnEnter = func() { in.submitted() }
	in.Box, in.Focus, in.Disable = Row(0, check), check, check.Disable
	in.Set = func(value string) {
		check.OnChanged = nil
		check.SetChecked(value == "true")
		check.OnChanged = func(bool) { in.changed() }
	}
	in.Value = func() (string, error) { return strconv.FormatBool(check.Checked), nil }
}

func (in *Input) choice(d *Desk, spec Spec) {
	var labels, values []string
	if spec.None != "" {
		labels, values = append(labels, spec.None), append(values, "")
	}
	for _, c := range spec.Choices {
		labels, values = append(labels, Label(c)), append(values, c.Value)
	}
	choice := NewSelect(or(spec.Hint, d.T("choose")), labels, nil)
	in.Box, in.Focus, in.Disable = Boxed(choice), choice, choice.Disable
	in.Set = func(value string) {
		choice.OnChanged = nil
		choice.ClearSelected()
		for i, v := range values {
			if v == value {
				choice.SetSelectedIndex(i)
			}
		}
		choice.OnChanged = func(string) { in.changed() }
	}
	in.Value = func() (string, error) {
		if i := choice.SelectedIndex(); i >= 0 {
			return values[i], nil
		}
		return "", nil
	}
}

// number is a text box that Up and Down count in.
func (in *Input) number(d *Desk, spec Spec) {
	e := NewEntry("", nil)
	in.line(e, spec.Hint)
	e.OnKey = func(ev *fyne.KeyEvent) bool {
		step := map[fyne.KeyName]float64{fyne.KeyUp: 1, fyne.KeyDown: -1}[ev.Name]
		n, err := strconv.ParseFloat(decimal(e.Text), 64)
		if step == 0 || err != nil {
			return step != 0
		}
		e.SetText(local(d, strconv.FormatFloat(n+step, 'f', -1, 64)))
		return true
	}
	in.Set = func(value string) { e.Quiet(local(d, value)) }
	in.Value = func() (string, error) {
		text := decimal(e.Text)
		if n, err := strconv.ParseFloat(text, 64); text != "" && (err != nil || math.IsNaN(n) || math.IsInf(n, 0)) {
			return "", errors.New(d.T("input.number"))
		}
		return text, nil
	}
}

// money is an amount in the store's currency, which stands beside it.
func (in *Input) money(d *Desk, spec Spec) {
	e := NewEntry("", nil)
	in.line(e, or(spec.Hint, d.Text.Plain(0)))
	if unit := d.Model.Status().GetCurrency(); unit != "" {
		in.Box = Frame(8, nil, nil, e, Text(unit, SizeText, true, ColorMuted), nil)
	}
	in.Set = func(value string) { e.Quiet(local(d, value)) }
	in.Value = func() (string, error) {
		text := decimal(e.Text)
		if _, err := strconv.ParseFloat(text, 64); text != "" && err != nil {
			return "", errors.New(d.T("input.money", "example", d.Text.Plain(1250)))
		}
		return text, nil
	}
}

// decimal reads a number as people of any language write it: the last point or comma begins the decimals, and
// what groups the thousands goes.
func decimal(text string) string {
	text = strings.Join(strings.Fields(text), "")
	at := strings.LastIndexAny(text, ".,")
	if at < 0 {
		return text
	}
	whole, rest := text[:at], text[at+1:]
	mark, group := text[at:at+1], "."
	if mark == "." {
		group = ","
	}
	if strings.Contains(whole, mark) { // 1.234.567 has no decimals
		return strings.NewReplacer(".", "", ",", "").Replace(text)
	}
	return strings.ReplaceAll(whole, group, "") + "." + rest
}

// local writes a number of the host as it is typed here.
func local(d *Desk, text string) string {
	if d.Text.Language() == "en" {
		return strings.Replace(text, ",", ".", 1)
	}
	return strings.Replace(text, ".", ",", 1)
}
