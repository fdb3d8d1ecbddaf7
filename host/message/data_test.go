package message

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"mostrador/sdk/plgv1"
)

func TestWhatATemplateTakesDataForIsFound(t *testing.T) {
	const text = `<title>x</title>{{.Datos.a}} {{with .Datos.Evento}}{{.order}}{{$.Datos.b.c}}{{end}}
{{range $i, $x := .Datos.rows}}{{$x.name}} {{range .parts}}{{.url}}{{end}}{{end}} {{$d := .Datos.deep}}{{$d.er.still}} {{dinero .Datos.total}}`
	tmpl, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	var walk func(n *dataNode, path string)
	walk = func(n *dataNode, path string) {
		if n.element != nil {
			walk(n.element, path+"[]")
		}
		for _, name := range slices.Sorted(maps.Keys(n.fields)) {
			walk(n.fields[name], path+"."+name)
		}
		if n.element == nil && len(n.fields) == 0 {
			paths = append(paths, path)
		}
	}
	walk(tmpl.data, "")
	want := ".Evento.order .a .b.c .deep.er.still .rows[].name .rows[].parts[].url .total"
	if got := strings.Join(paths, " "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestAMailWhoseEventTellsLessIsWrittenAllTheSame(t *testing.T) {
	tmpl, err := Parse(`<title>{{.Datos.Evento.order}}</title>{{if .Datos.Evento.url}}url{{end}}{{range .Datos.rows}}{{.more.name}}{{end}}end`)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]map[string]any{
		"nothing":       {},
		"another event": {"rows": []any{map[string]any{}, map[string]any{"more": nil}}},
		"not an object": {"Evento": map[string]any{"order": nil}},
	} {
		v := newView(sampleMessage(), sampleCustomer(), Settings{}, nil)
		v.Datos = data
		r, err := tmpl.render(v, voice{lang: "es", currency: "EUR"}, nil)
		if err != nil || !strings.Contains(r.page, "end") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPreviewWithoutAnEventShowsAnExample(t *testing.T) {
	s := New(Config{Settings: func() Settings { return Settings{StoreName: "La Esquina", Language: "es"} }})
	d := Draft{Kind: plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL, Source: NewSource(
		`<title>Pedido {{.Datos.Evento.order}}</title>{{range .Datos.items}}<p>{{.name}}: {{dinero .price}}</p>{{end}}<a href="{{.Datos.Evento.url}}">Verlo</a>`, "")}
	_, seen, said, err := s.Draw(d, "es")
	if err != nil || seen == nil {
		t.Fatalf("%v, %v", said, err)
	}
	for _, want := range []string{"Pedido «order»", "«name»: 49,9", "https://example.com/"} {
		if !strings.Contains(seen.Subject+seen.Html, want) {
			t.Errorf("%q is missing in %s %s", want, seen.Subject, seen.Html)
		}
	}
}
