package contribution

import (
	"image/color"
	"math"
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// Value draws what a field holds, as people of this language write it; an address can be opened, and a colour is
// seen.
func Value(d *ui.Desk, f *mostradorv1.FieldState) fyne.CanvasObject {
	text := Words(d, f)
	switch {
	case f.Value == "":
	case f.Many && strings.Contains(f.Value, "\n"), f.Type == "postal_address":
		return ui.Tight(ui.Words(text))
	case f.Type == "customer" && !f.Many:
		return person(d, f.Value)
	case f.Type == "url":
		return ui.Row(0, ui.Pad(-8, -11, ui.NewButton(text, "", ui.Link, func() { d.Open(f.Value) })))
	case f.Type == "color":
		if ink, ok := shade(f.Value); ok {
			swatch := canvas.NewRectangle(ink)
			swatch.CornerRadius = 4
			swatch.StrokeWidth, swatch.StrokeColor = 1, ui.Color(theme.ColorNameInputBorder)
			swatch.SetMinSize(fyne.NewSize(26, 18))
			return ui.Row(8, swatch, ui.Text(text, ui.SizeText, false, theme.ColorNameForeground))
		}
	case f.Type == "long_text":
		return ui.Tight(ui.Words(text))
	}
	value := ui.Cell(false)
	value.SetText(text)
	if f.Value == "" {
		value.Importance = widget.LowImportance
	}
	return ui.Tight(value)
}

// Words is what a field holds, in words.
func Words(d *ui.Desk, f *mostradorv1.FieldState) string {
	if f.Value == "" {
		return d.T("sheet.empty")
	}
	if f.Many {
		var lines []string
		for value := range strings.Lines(f.Value) {
			one := &mostradorv1.FieldState{Type: f.Type, Choices: f.Choices, Value: strings.TrimSpace(value)}
			lines = append(lines, Words(d, one))
		}
		return strings.Join(lines, "\n")
	}
	for _, c := range f.Choices {
		if c.Value == f.Value {
			return ui.Label(c)
		}
	}
	switch f.Type {
	case "phone":
		return d.Text.Phone(f.Value)
	case "date":
		return ui.Day(f.Value)
	case "date_time":
		return ui.Moment(f.Value)
	case "country":
		return ui.CountryName(d.Text.Language(), f.Value)
	case "number", "integer", "decimal":
		if n, err := strconv.ParseFloat(f.Value, 64); err == nil && figure(n) {
			return d.Text.Number(n)
		}
	case "money":
		if n, err := strconv.ParseFloat(f.Value, 64); err == nil && figure(n) {
			return d.Text.Money(&plgv1.Money{Minor: int64(math.Round(n * 100)), Currency: d.Model.Status().GetCurrency()})
		}
	case "yes_no":
		if f.Value == "true" {
			return d.T("yes")
		}
		return d.T("no")
	}
	return f.Value
}

// person is another customer: his name, which leads to his sheet.
func person(d *ui.Desk, id string) fyne.CanvasObject {
	b := ui.NewButton("…", "", ui.Link, func() { d.Nav.Go(ui.Sheet, id) })
	d.Person(id, func(o ui.Option) { b.SetText(o.Label) })
	return ui.Row(0, ui.Pad(-8, -11, b))
}

func figure(n float64) bool { return math.Abs(n) < 1e15 }

// shade reads "#rrggbb".
func shade(text string) (color.Color, bool) {
	v, err := strconv.ParseUint(strings.TrimPrefix(text, "#"), 16, 32)
	if err != nil || len(text) != 7 {
		return nil, false
	}
	return color.NRGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), 0xff}, true
}
