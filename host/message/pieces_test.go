package message

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"mostrador/sdk/plgv1"
)

// inWords are templates of nothing but words, with values in every place that there are escapers for.
var inWords = []string{
	`<title>{{.Cliente.Nombre}} & {{.Tienda.Nombre}}</title><p>Hola, {{.Cliente.PrimerNombre}}: {{.Cliente.Correo}}</p>`,
	`<title>x</title><p title="{{.Cliente.Nombre}}">{{.Cliente.Nombre}}</p><img alt='{{.Cliente.Nombre}}' src="https://e.com/x.png">`,
	`<title>x</title><a href="{{.Cliente.Nombre}}">1</a><a href="https://e.com/{{.Cliente.Nombre}}/x">2</a><a href="https://e.com/?q={{.Cliente.Nombre}}&amp;r=1">3</a>`,
	`<title>x</title><a href="{{.Enlaces.baja}}">Baja</a> {{.Codigo}} {{.CodigoVence}} {{.Beneficio}} {{- .Cliente.Numero -}} .`,
}

// FuzzPiecesGiveWhatTemplatesGive compares the two ways to fill a template in.
func FuzzPiecesGiveWhatTemplatesGive(f *testing.F) {
	for _, value := range append(attacks, "", "Ana", `a"b'c&d<e>f+g`, "\x00\x01\x02", "javascript:alert(1)", "https://x.example/?a=b%20c%zz#d", "&amp;", "a:b/c", "\ufdd0\uffff", "{{x}}") {
		f.Add(value)
	}
	var templates []*Template
	for _, text := range inWords {
		tmpl, err := Parse(text)
		if err != nil {
			f.Fatal(err)
		}
		templates = append(templates, tmpl)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for i, tmpl := range templates {
			vo := voice{lang: "es", currency: "EUR"}
			view := func() *view {
				set := testSettings
				set.StoreName = value
				v := newView(testRow(), &plgv1.Customer{Name: value, Email: "a@e.com", Number: 7}, set, nil)
				v.Cliente.Nombre, v.Cliente.PrimerNombre, v.Enlaces["baja"], v.Codigo = value, value, value, value
				return v
			}
			exec, err := tmpl.in(vo)
			if err != nil {
				t.Fatal(err)
			}
			html, err := filled(exec.html, view(), &tmpl.pageSize)
			if err != nil {
				t.Fatal(err)
			}
			plan, err := filled(exec.plan, view(), &tmpl.planSize)
			if err != nil {
				t.Fatal(err)
			}
			for name, of := range map[string]struct {
				pieces pieces
				want   string
			}{"HTML": {newPieces(exec.html.Tree), html}, "plan": {newPieces(exec.plan.Tree), plan}} {
				if of.pieces == nil {
					t.Fatalf("the %s of %s is not in pieces", name, inWords[i])
				}
				if got, err := of.pieces.fill(view(), 0); err != nil || got != of.want {
					t.Errorf("%q: the %s is %q, %v\nand with the template %q", value, name, got, err, of.want)
				}
			}
		}
	})
}

// TestEveryEscaperIsMet keeps the list of escapers to those that the test above compares.
func TestEveryEscaperIsMet(t *testing.T) {
	left := maps.Clone(escapers)
	for _, text := range inWords {
		tmpl, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		exec, err := tmpl.in(voice{lang: "es", currency: "EUR"})
		if err != nil {
			t.Fatal(err)
		}
		said := exec.html.Tree.Root.String() + exec.plan.Tree.Root.String()
		for names := range left {
			if strings.Contains(said, " | "+strings.ReplaceAll(names, " ", " | ")+"}}") {
				delete(left, names)
			}
		}
	}
	if len(left) > 0 {
		t.Errorf("no template has %v", slices.Sorted(maps.Keys(left)))
	}
}

func TestATemplateThatDecidesIsNotInPieces(t *testing.T) {
	for _, text := range []string{
		`<title>x</title>{{if .Codigo}}{{.Codigo}}{{end}}`, `<title>x</title>{{.Cliente.Nombre | mayusculas}}`, `<title>x</title>{{.Datos.x}}`,
		`<title>x</title>{{range .Compras}}{{.Recibo}}{{end}}`, `<title>x</title>{{.Politica}}`, `<title>x</title><p title={{.Codigo}}>`,
		`<title>x</title>{{$x := .Codigo}}{{$x}}`, `<title>x</title>{{.Cliente.Campos.x}}`,
	} {
		tmpl, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if exec, err := tmpl.in(voice{lang: "es", currency: "EUR"}); err != nil || newPieces(exec.html.Tree) != nil {
			t.Errorf("%s is in pieces, %v", text, err)
		}
	}
}

func TestPiecesAreBounded(t *testing.T) {
	all := pieces{{words: strings.Repeat("x", maxRendered/2), value: plainWords["Codigo"], escape: escapeHTML}, {}}
	if _, err := all.fill(&view{Codigo: strings.Repeat("<", maxRendered/8)}, 0); err != nil {
		t.Error(err)
	}
	if _, err := all.fill(&view{Codigo: strings.Repeat("<", maxRendered/4)}, 0); err != errTooLong {
		t.Errorf("a mail of any length: %v", err)
	}
}
