package message

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

func checker(change ...func(*Config)) *Service {
	cfg := Config{
		Text: locale.New().Text, Settings: func() Settings { return Settings{StoreName: "Tienda Sol", Language: "es", Currency: "EUR"} },
		Now: func() time.Time { return time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC) },
	}
	for _, fn := range change {
		fn(&cfg)
	}
	return New(cfg)
}

const wellMade = "<title>Su pedido</title>\n<p>Hola, {{.Cliente.Nombre}}: su pedido está en camino.</p>\n"

func TestTheCheckListFindsWhatToMakeBetter(t *testing.T) {
	picture := `data:image/png;base64,` + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 110<<10)))
	for name, test := range map[string]struct {
		html, text string
		kind       plgv1.MessageKind
		want       string // check line severity of what is not well
	}{
		"all well":            {html: wellMade},
		"no subject":          {html: "<title> </title>" + wellMade[25:], want: "subject 0 WARNING"},
		"a long subject":      {html: "<title>" + strings.Repeat("larga ", 20) + "</title>" + wellMade[25:], want: "subject 0 WARNING"},
		"too large for Gmail": {html: wellMade + "<p>" + strings.Repeat("palabra ", 14_000) + "</p>", want: "size 0 WARNING"},
		"an empty link":       {html: wellMade + `<a href="">x</a>` + "\n" + `<a href="#">y</a>`, want: "links 3 WARNING, links 4 WARNING"},
		"an open link":        {html: wellMade + `<a href="http://e.com">x</a>`, want: "links 3 WARNING"},
		"a relative link":     {html: wellMade + `<a href="ofertas.html">x</a><a href="https://e.com">y</a>`, want: "links 3 WARNING"},
		"a picture in words":  {html: wellMade + "\n" + `<img src="https://e.com/x.png">`, want: "alt 4 WARNING"},
		"an open picture":     {html: wellMade + `<img src="http://e.com/x.png" alt="">`, want: "images 3 WARNING"},
		"a large picture":     {html: wellMade + `<img alt="Foto" src="` + picture + `">`, want: "images 3 WARNING"},
		"pictures alone":      {html: `<title>x</title><img src="https://e.com/x.png" alt="">`, want: "text 0 WARNING"},
		"a poor text":         {html: wellMade + strings.Repeat("palabra ", 40), text: "Véalo en la web, en la página de siempre, por favor.", want: "text 0 WARNING"},
		"no way out":          {html: wellMade, kind: plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL, want: "unsubscribe 0 ERROR"},
		"a way out":           {html: wellMade + `<a href="{{.Enlaces.baja}}">Baja</a>`, kind: plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL},
		"what Outlook lacks":  {html: wellMade + "<style>\n.x { display: flex }\n@font-face { src: url(https://e.com/f) }</style>" + "\n" + `<p style="position:absolute">x</p>`, want: "support 4 WARNING, support 5 WARNING, support 6 WARNING"},
		"what is taken out":   {html: wellMade + "<video src=x></video>", want: "syntax 3 WARNING, support 3 WARNING"},
		"a slip":              {html: wellMade + "{{.Cliente.Nonbre}}", want: "syntax 3 ERROR"},
		"a slip in the text":  {html: wellMade, text: "\n{{.Cliente.Nonbre}}", want: "syntax 2 ERROR"},
	} {
		mail, _, found, err := checker().Checks(Draft{Source: NewSource(test.html, test.text), Kind: test.kind}, "es")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range found {
			if c.Severity != plgv1.Severity_SEVERITY_INFO {
				got = append(got, fmt.Sprintf("%s %d %s", c.Check, c.Line, strings.TrimPrefix(c.Severity.String(), "SEVERITY_")))
			}
			if strings.HasPrefix(c.Words, "message.") || c.Words == "" {
				t.Errorf("%s: %s has no sentence: %q", name, c.Check, c.Words)
			}
		}
		if strings.Join(got, ", ") != test.want {
			t.Errorf("%s: %v, want %s", name, got, test.want)
		}
		if syntax := strings.Contains(test.want, "syntax") && strings.Contains(test.want, "ERROR"); (mail == nil) != syntax {
			t.Errorf("%s: a mail is there: %v", name, mail != nil)
		}
	}
}

func TestEveryVariableIsExplainedByAnExample(t *testing.T) {
	for _, lang := range []string{"es", "en"} {
		for _, v := range checker().Variables(lang) {
			if v.Example == "" && !strings.Contains(v.Written, "Datos") && !strings.Contains(v.Written, "Politica") {
				t.Errorf("%s has no example", v.Written)
			}
			if strings.HasPrefix(v.Words, "message.") {
				t.Errorf("%s has no words", v.Written)
			}
		}
	}
}

func TestAPreviewIsWrittenForARealCustomer(t *testing.T) {
	st, err := store.Open(t.TempDir()+"/store.db", store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	s := checker(func(c *Config) {
		c.Store = st
		c.Known = func(_ *store.Tx, _ *mostradorv1.Message, c *plgv1.Customer) (*Known, error) {
			return &Known{
				Facts: &plgv1.Facts{Purchases: 3, SpentMinor: 1_234_50, Measures: map[string]float64{"puntos": 12_345_678}},
				Sales: []*plgv1.Sale{{Receipt: "B-7", Total: &plgv1.Money{Minor: 990}, Lines: []*plgv1.SaleLine{{Name: "Té <verde>", Quantity: 2.5}}}},
				Code:  &mostradorv1.PromoCode{Code: "AAAAA-BBBBB", Promotion: "verano"},
				Offers: []*mostradorv1.ChosenOffer{{Offer: &mostradorv1.Offer{Title: "Uno", TitleEn: "One", Promotion: "verano"}},
					{Offer: &mostradorv1.Offer{Title: "Dos", Promotion: "otra"}}},
			}, nil
		}
	})
	data, err := structpb.NewStruct(map[string]any{"n": 1_500_000.0})
	if err != nil {
		t.Fatal(err)
	}
	ana := &plgv1.Customer{
		Id: "ana", Name: "Ana de la Fuente", Email: "ana@example.com", Number: 7, Language: "en",
		Fields: map[string]string{"color": "verde", "password": "x", "direccion": "Calle 1"},
	}
	_, seen, said, err := s.Draw(Draft{Source: NewSource(`<title>x</title>{{range .Compras}}{{.Recibo}} {{dinero .Total}}{{range .Lineas}} {{.Cantidad}} {{.Nombre}}{{end}}{{end}}
<p>{{.Puntos}} {{.Medidas.puntos}} {{.Resumen.Compras}} {{dinero .Resumen.Gastado}} {{.Codigo}} {{.Datos.n}}</p>
<p>{{.Cliente.Numero}} {{.Cliente.Apellidos}} {{.Cliente.Campos.color}} {{.Cliente.Direccion}} {{primero .Cliente.Apellidos}}|{{resto .Cliente.Apellidos}}</p>
{{range .Ofertas}}<p>{{.Titulo}} {{.Codigo}}</p>{{end}}{{with primero .Compras}}{{.Recibo}}{{end}}{{range resto .Ofertas}} {{.Titulo}}{{end}}`, ""), Customer: ana, Data: data}, "es")
	if err != nil || len(said) > 0 {
		t.Fatal(said, err)
	}
	want := "B-7 €9.90 2.5 Té <verde>\n\n12345678 12345678 3 €1,234.50 AAAAA-BBBBB 1500000\n\n7 de la Fuente verde Calle 1 de|la Fuente\n\nOne AAAAA-BBBBB\n\nDos\n\nB-7 Dos\n"
	if seen.Text != want || seen.To != `"Ana de la Fuente" <ana@example.com>` {
		t.Errorf("to %s\n got %q\nwant %q", seen.To, seen.Text, want)
	}
}

func TestAPasswordIsNeverMailed(t *testing.T) {
	for _, written := range []string{".Cliente.Contraseña", ".Cliente.password", ".Cliente.Campos.contrasena", ".Cliente.Clave", ".Datos.password", ".Cliente.Campos.pin"} {
		_, err := Parse(head + "{{" + written + "}}")
		if err == nil || !strings.Contains(err.Error(), "template_password") {
			t.Errorf("%s: %v", written, err)
		}
	}
	said := checker().Check(head+"{{.Cliente.Contraseña}}", "es")
	if len(said) != 1 || !strings.Contains(said[0].Summary, "enlace de un solo uso") {
		t.Errorf("%v", said)
	}
	if _, err := Parse(head + `<a href="{{.Enlaces.contrasena}}">x</a>`); err != nil {
		t.Errorf("the link to a new one: %v", err)
	}
}

func TestAHostileTemplateEndsSoon(t *testing.T) {
	long := make([]any, 1000)
	for i := range long {
		long[i] = map[string]any{"l": "x"}
	}
	data, err := structpb.NewStruct(map[string]any{"l": long})
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"nothing but turns": "",
		"comparisons":       strings.Repeat(`{{if eq "x" "y"}}a{{end}}`, 2000),
		"capitals":          strings.Repeat(`{{if eq (mayusculas $.Cliente.Nombre) "y"}}a{{end}}`, 1000),
	} {
		tmpl, err := Parse(head + "{{range .Datos.l}}{{range $.Datos.l}}" + body + "{{end}}{{end}}")
		if err != nil {
			t.Fatal(err)
		}
		v := newView(&mostradorv1.Message{Data: data}, nil, Settings{}, nil)
		begin := time.Now()
		_, err = tmpl.render(v, voice{lang: "es"}, nil)
		if err == nil || !strings.Contains(err.Error(), errTooMuch.Error()) || time.Since(begin) > 8*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(begin))
		}
		// What is left to one mail is not less for the next.
		if _, err := tmpl.render(newView(&mostradorv1.Message{}, nil, Settings{}, nil), voice{lang: "es"}, nil); err != nil {
			t.Errorf("%s: the next mail: %v", name, err)
		}
	}
	for _, text := range []string{`{{$ := 1}}`, `{{with $ := .Datos}}{{end}}`, `{{$.Paso 1}}`, `{{.Paso}}`, `{{range .Puntos}}{{end}}`, `{{range .Codigo}}{{end}}`} {
		if _, err := Parse(head + text); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
