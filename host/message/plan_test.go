package message

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/sdk/plgv1"
)

// planned are templates whose plain text is made without reading each mail's HTML.
var planned = map[string]string{
	"words":       head + `<p>Hola, {{.Cliente.Nombre}}.</p><p>{{.Datos.a}} y {{.Datos.b}}</p>`,
	"heading":     head + `<h1>{{.Cliente.Nombre}}</h1><h2>{{.Datos.a}}{{.Datos.nada}}</h2>`,
	"conditions":  head + `{{if .Datos.a}}<p>uno</p>{{else}}<ul><li>dos</li></ul>{{end}}<div>{{with .Datos.nada}}<b>{{.}}</b>{{end}}tres</div>`,
	"rows":        head + `<table><tr><th>Qué</th></tr>{{range .Datos.l}}<tr><td>{{.}}</td><td>x</td></tr>{{end}}</table>`,
	"items":       head + `<ol start="4">{{range $i, $x := .Datos.l}}<li>{{$i}} {{$x}}</li>{{end}}</ol>`,
	"links":       head + `<a href="{{.Enlaces.activar}}">{{.Datos.a}}</a> <a href="https://e.com/{{.Datos.a}}?x={{.Datos.b}}#{{.Datos.a}}">ir</a> <a href="{{.Datos.u}}">u</a> <a href="{{.Datos.v}}">v</a>`,
	"itself":      head + `<p>{{.Enlaces.activar}}</p><a href="{{.Enlaces.activar}}">{{.Enlaces.activar}}</a>`,
	"picture":     head + `<img src="https://e.com/x.png" alt="{{.Cliente.Nombre}} {{if .Datos.a}}a{{end}}">`,
	"policy":      head + `<blockquote>{{.Politica}}</blockquote><p>{{mayusculas .Politica}}</p>`,
	"title":       `<title>{{with .Cliente.PrimerNombre}}{{.}}, {{end}}{{.Datos.a}} &amp; más</title>x`,
	"trimmed":     head + "<p>a <b> {{- .Datos.a -}} \n b</b> {{- /* nada */ -}} c</p>",
	"braces":      head + `<a href="{{.Datos.v}}#{0}">x</a><p>{ {{.Datos.a}} } &#123;&#123;.x}}</p>`,
	"hidden":      head + `<div style="display:none">{{if .Datos.a}}{{.Datos.b}}{{end}}</div><p class="{{.Datos.a}}">a</p>`,
	"by a class":  head + `<style>.x{display:none}</style><div class="x">{{.Datos.a}}</div><p>a</p>`,
	"comment":     head + `<!-- {{.Datos.a}} --><p>a</p>`,
	"variables":   head + `{{$x := .Datos.a}}<p>{{$x}}</p>`,
	"a list's":    head + `{{range .Compras}}<p>{{.Recibo}} {{fecha .Fecha}} {{dinero .Total}}{{range .Lineas}}<br>{{.Cantidad}} {{.Nombre}}{{end}}</p>{{end}}`,
	"left open":   head + `<p>a<p>b {{.Datos.a}}<ul><li>c<li>d</ul>`,
	"in brackets": head + `<p>{{if eq .Datos.a "}}"}}x{{else}}{{"}}"}}y{{end}}</p>`,
}

// unplanned are those in which HTML depends on the values, or might.
var unplanned = map[string]string{
	"an open tag":      head + `{{if .Datos.a}}<ul>{{end}}<li>x</li>`,
	"two kinds":        head + `{{if .Datos.a}}<p>{{else}}<div>{{end}}x`,
	"outside of cells": head + `<table>{{.Datos.a}}<tr><td>x</td></tr></table>`,
	"moved elements":   head + `<table>{{range .Datos.l}}<div>x</div>{{end}}</table>`,
	"hidden by value":  head + `<p style="display:{{.Datos.d}}">x</p>`,
	"tags by value":    head + `<p {{if .Datos.nada}}hidden{{end}}>x</p>`,
	"branched address": head + `<a href="{{if .Datos.a}}https://e.com{{else}}#{{end}}">x</a>`,
	"a jump":           head + `{{range .Datos.l}}<p>x{{break}}</p>{{end}}`,
	"preformatted":     head + `<pre>{{.Datos.a}}</pre>`,
}

var planData = map[string]any{
	"a": "A <b>&amp;\x01h\x02\u2028 á\t\r\n{{.Politica}}", "b": "dos  \x00palabras/?&", "l": []any{"x", "y\nz", 3.0, 1e7},
	"u": "javascript:alert(1)", "v": "https://e.com/a b?c=ñ&d='", "d": "none",
}

func planView(t testing.TB, data map[string]any, name string) *view {
	t.Helper()
	values, err := structpb.NewStruct(data)
	if err != nil {
		t.Fatal(err)
	}
	row := sampleMessage()
	row.Data = values
	set := testSettings
	return newView(row, &plgv1.Customer{Name: name, Email: "a@e.com"}, set, sampleKnown(row.Queued.AsTime()))
}

// agree compares both ways to the plain text.
func agree(t testing.TB, text string, tmpl *Template, data map[string]any, name string) {
	t.Helper()
	r, err := tmpl.render(planView(t, data, name), voice{lang: "es", currency: "EUR"}, nil)
	if err != nil {
		return
	}
	if title, body := plain(r.page); title != r.title || body != r.text {
		t.Errorf("%s\n%s\nis written %q %q\nand reads  %q %q", text, r.page, r.title, r.text, title, body)
	}
}

func TestThePlanGivesTheTextOfTheHTML(t *testing.T) {
	for what, text := range planned {
		tmpl, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if tmpl.plan == nil {
			t.Errorf("%s: there is no plan", what)
		}
		agree(t, text, tmpl, planData, "Ana <Muñoz>\x01A\x02")
		agree(t, text, tmpl, map[string]any{}, "")
	}
	for what, text := range unplanned {
		tmpl, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if tmpl.plan != nil {
			t.Errorf("%s: has a plan", what)
		}
		agree(t, text, tmpl, planData, "Ana")
	}
}

func TestTheMailsOfThePluginsHavePlans(t *testing.T) {
	files, err := filepath.Glob("../../plugins/*/templates/*.html")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tmpl, err := Parse(string(text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if tmpl.plan == nil {
			t.Errorf("%s has no plan: each of its mails is read", name)
		}
		if len(tmpl.warnings) > 0 {
			t.Errorf("%s: %v", name, tmpl.warnings)
		}
		agree(t, name, tmpl, planData, "Ana")
		agree(t, name, tmpl, nil, "")
	}
}

func FuzzPlan(f *testing.F) {
	for _, text := range planned {
		f.Add(text, "Ana", "x")
	}
	for _, text := range unplanned {
		f.Add(text, "<b>", "\x01")
	}
	f.Fuzz(func(t *testing.T, text, name, value string) {
		tmpl, err := Parse(text)
		if err != nil || tmpl.plan == nil {
			return
		}
		if !strings.Contains(value, "\xff") {
			agree(t, text, tmpl, map[string]any{"a": strings.ToValidUTF8(value, ""), "l": []any{"x", "y"}}, name)
		}
	})
}

func TestTheTextsOfPluginsAreTaken(t *testing.T) {
	files, err := filepath.Glob("../../plugins/*/templates/*.html")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(string(text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}
