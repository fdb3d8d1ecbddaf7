package ui_test

import (
	"image"
	"testing"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
	"mostrador/gui/uitest"
	"mostrador/host/api/mostradorv1"
)

func TestEveryInputGivesWhatTheHostReads(t *testing.T) {
	w := uitest.SignIn(t, uitest.Serve(t))
	choices := []*mostradorv1.Choice{{Value: "a", Label: "Uno"}, {Value: "b", Label: "Dos"}}
	for _, c := range []struct {
		kind, value, typed string
		keys               []fyne.KeyName
		want, refused      string
	}{
		{kind: "text", typed: " hola ", want: "hola"},
		{kind: "text", value: "a", typed: "b", want: "ba"},
		{kind: "secret", typed: " s ", want: " s "},
		{kind: "number", value: "1.5", keys: []fyne.KeyName{fyne.KeyUp}, want: "2.5"},
		{kind: "number", typed: "12,25", want: "12.25"},
		{kind: "number", typed: "doce", refused: "Escriba un número."},
		{kind: "number", want: ""},
		{kind: "money", typed: "1.234,50", want: "1234.50"},
		{kind: "money", typed: "mucho", refused: "Escriba un importe, como 12,50."},
		{kind: "yes_no", value: "true", want: "true"},
		{kind: "yes_no", value: "true", keys: []fyne.KeyName{fyne.KeySpace}, want: "false"},
		{kind: "choice", value: "b", want: "b"},
		{kind: "choice", want: ""},
		{kind: "duration", value: "168h", want: "7d"},
		{kind: "span", value: "168h", want: "168h0m0s"},
		{kind: "span", value: "36h", keys: []fyne.KeyName{fyne.KeyUp}, want: "37h0m0s"},
		{kind: "span", typed: "3", want: "72h0m0s"}, // days, unless one says otherwise
		{kind: "span", typed: "mucho", refused: "Escriba un número."},
		{kind: "span", typed: "999999999", refused: "Escriba un número."},
		{kind: "span", want: ""},
		{kind: "date", value: "2026-03-31", keys: []fyne.KeyName{fyne.KeyUp}, want: "2026-04-01"},
		{kind: "date", keys: []fyne.KeyName{fyne.KeyDown}, want: "2026-03-09"}, // today, to begin with
		{kind: "date", typed: "9/3/26", refused: "Escriba la fecha con día, mes y año, como 31/12/2026."},
		{kind: "country", value: "ES", want: "ES"},
		{kind: "country", typed: "mexi", want: "MX"},
		{kind: "country", typed: "guinea", keys: []fyne.KeyName{fyne.KeyDown}, want: "GQ"},
		{kind: "country", typed: "xyz", refused: "Ningún país se llama así."},
		{kind: "country", want: ""},
		{kind: "color", typed: "0F6674", want: "#0f6674"},
		{kind: "color", typed: "rojo", refused: "Escriba el color como #0f6674."},
		{kind: "list", value: "a\nb", typed: "c", want: "a\nb\nc"}, // Enter was forgotten
		{kind: "list", value: "a\nb", keys: []fyne.KeyName{fyne.KeyDown, fyne.KeyDelete}, want: "b"},
	} {
		in := ui.NewInput(w.Desk, ui.Spec{Type: c.kind, Choices: choices, Label: "Sí o no"}, c.value)
		changed := 0
		in.OnChanged = func() { changed++ }
		m := w.Desk.NewModal(c.kind, 500, in.Box, in.Focus)
		w.Type(c.typed)
		for _, key := range c.keys {
			if _, check := in.Focus.(*ui.Check); check {
				in.Focus.TypedRune(' ')
				continue
			}
			w.Key(key)
		}
		got, err := in.Value()
		said := ""
		if err != nil {
			said = err.Error()
		}
		if got != c.want || said != c.refused {
			t.Errorf("%s of %q, typed %q and %v: %q, %q; want %q, %q", c.kind, c.value, c.typed, c.keys, got, said, c.want, c.refused)
		}
		if touched := c.typed != "" || len(c.keys) > 0; touched != (changed > 0) && c.kind != "country" {
			t.Errorf("%s, typed %q and %v: told of %d changes", c.kind, c.typed, c.keys, changed)
		}
		in.Disable()
		m.Close()
	}
}

func TestTheInputsOfAFormFitTogether(t *testing.T) {
	w := uitest.SignIn(t, uitest.Serve(t))
	box := ui.Column(8)
	var first fyne.Focusable
	for _, c := range []struct{ kind, name, value string }{
		{"number", "Número de socio", "12.5"}, {"money", "Crédito", "1250.5"}, {"date", "Fecha de nacimiento", "1985-04-15"}, {"country", "País", "MX"},
		{"duration", "Plazo de entrega", "36h"}, {"color", "Color", "#9c2a5f"},
	} {
		in := ui.NewInput(w.Desk, ui.Spec{Type: c.kind}, c.value)
		box.Add(ui.Text(c.name, ui.SizeCaption, true, ui.ColorMuted))
		box.Add(in.Box)
		if first == nil {
			first = in.Focus
		}
	}
	w.Desk.NewModal("Campos", 480, box, first, ui.NewButton("Guardar", "Enter", ui.Primary, nil))
	w.MustSee("1250,5", "15/04/1985", "lunes, 15 de abril de 1985", "México", "1 día 12 horas")
	shot := w.Canvas.Capture().(interface {
		SubImage(image.Rectangle) image.Image
	})
	uitest.Compare(t, "inputs", shot.SubImage(image.Rect(380, 80, 900, 720))) // without the screen behind
}
