package message

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/sdk/plgv1"
)

const head = "<title>Hola</title>\n"

func TestTemplateFaults(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want string // "line code what" of the first fault, "" for none
	}{
		"all variables": {head + `{{.Cliente.Nombre}} {{.Cliente.PrimerNombre}} {{.Cliente.Correo}} {{.Cliente.Telefono}}
{{.Tienda.Nombre}} {{.Politica}} <a href="{{.Enlaces.activar}}">x</a> <a href="{{.Enlaces.baja}}">x</a> {{.Datos.puntos}}`, ""},
		"blocks":               {head + `{{if .Datos.x}}a{{else if .Cliente.Correo}}b{{else}}c{{end}}{{with .Cliente}}{{.Nombre}}{{end}}{{range $i, $c := .Datos.compras}}{{$i}} {{.nombre}} {{$.Tienda.Nombre}} {{$c.precio}}{{end}}`, ""},
		"functions":            {head + `{{mayusculas .Cliente.Nombre}} {{.Datos.total | dinero}} {{fecha .Datos.dia}} {{len .Datos.x}} {{if and (gt .Datos.n 3.0) (eq .Cliente.Nombre "x")}}{{index .Datos.lista 0}}{{end}}`, ""},
		"unknown variable":     {head + "\n{{.Cliente.Apellido}}", "3 template_variable .Cliente.Apellido"},
		"unknown root":         {head + "{{.Cliete.Nombre}}", "2 template_variable .Cliete.Nombre"},
		"misspelt link":        {head + "{{.Enlaces.actvar}}", "2 template_variable .Enlaces.actvar"},
		"link of the plugin":   {head + "{{.Enlaces.restablecer}}", ""},
		"field of a leaf":      {head + "{{.Politica.x}}", "2 template_variable .Politica.x"},
		"unknown within with":  {head + "{{with .Cliente}}{{.Tienda.Nombre}}{{end}}", "2 template_variable .Tienda.Nombre"},
		"unknown by variable":  {head + "{{with $c := .Cliente}}\n{{$c.Edad}}{{end}}", "3 template_variable $c.Edad"},
		"unknown by root":      {head + "{{range .Datos.x}}{{$.Edad}}{{end}}", "2 template_variable $.Edad"},
		"unknown in condition": {head + "{{if .Cliente.Vip}}x{{end}}", "2 template_variable .Cliente.Vip"},
		"unknown in argument":  {head + "{{mayusculas .Edad}}", "2 template_variable .Edad"},
		"unknown in brackets":  {head + "{{(index .Datos.x 0).y}}{{(.Cliente).Edad}}", "2 template_variable (.Cliente).Edad"},
		"a whole object":       {head + "{{.Cliente}}", "2 template_variable .Cliente"},
		"everything":           {head + "{{.}}", "2 template_variable ."},
		"object as argument":   {head + "{{mayusculas .Cliente}}", "2 template_variable .Cliente"},
		"unknown function":     {head + "\n\n{{env `HOME`}}", "4 template_function env"},
		"printf":               {head + "{{printf `%1000000000d` 1}}", "2 template_function printf"},
		"function in a pipe":   {head + "{{.Cliente.Nombre | html}}", "2 template_function html"},
		"call":                 {head + "{{call .Datos.f}}", "2 template_function call"},
		"arguments of a value": {head + "{{.Cliente.Nombre 3}}", "2 template_not_function .Cliente.Nombre"},
		"endless range":        {head + "{{range 1000000000}}{{end}}", "2 template_range 1000000000"},
		"endless by variable":  {head + "{{$n := 1000000000}}{{range $n}}{{end}}", "2 template_range $n"},
		"range of a name":      {head + "{{range .Cliente.Nombre}}{{end}}", "2 template_range .Cliente.Nombre"},
		"range of or":          {head + "{{range or .Datos.x 1000000000}}{{end}}", "2 template_range or .Datos.x 1000000000"},
		"deep range":           {head + "{{range .Datos.a}}{{range .b}}{{range .c}}{{end}}{{end}}{{end}}", "2 template_range_depth "},
		"assignment":           {head + "{{$n := .Datos.x}}{{$n = 3}}", "2 template_forbidden $n ="},
		"template":             {head + `{{template "m"}}`, "2 template_forbidden template"},
		"define":               {head + "\n" + `{{define "x"}}{{end}}`, "3 template_forbidden define"},
		"block":                {head + `{{block "x" .}}{{.Nada}}{{end}}`, "2 template_forbidden define"},
		"no end":               {head + "{{if .Datos.x}}\n\n", "4 template_no_end unexpected EOF"},
		"stray end":            {head + "{{end}}", "2 template_stray_end unexpected {{end}}"},
		"unclosed":             {head + "{{.Cliente.Nombre", "2 template_unclosed unclosed action"},
		"unclosed over a line": {head + "{{.Cliente.Nombre\n", "2 template_unclosed unclosed action started at m:2"},
		"syntax":               {head + "{{if}}x{{end}}", "2 template_syntax missing value for if"},
		"unfit for the HTML":   {head + "<a href='{{if .Datos.x}}/'>{{else}}/\"{{end}}", "2 template_html"},
		"no title":             {"<p>x</p>", "1 template_title "},
		"title in a comment":   {"<!-- <title>x</title> -->", "1 template_title "},
		"empty":                {"", "0 template_empty "},
		"not UTF-8":            {head + "a\xf1o", "2 template_not_utf8 "},
		"too long":             {strings.Repeat("x", maxTemplate+1), "0 template_too_long 256"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(test.text)
			var faults Faults
			got := ""
			if errors.As(err, &faults) {
				got = fmt.Sprintf("%d %s %s", faults[0].Line, faults[0].Code, faults[0].What)
			} else if err != nil {
				t.Fatal(err)
			}
			if test.want == "" && got != "" || !strings.HasPrefix(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestAllFaultsAreNamedAtOnce(t *testing.T) {
	_, err := Parse("{{.A}}\n{{.B}}\n{{nada}}\n")
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 4 {
		t.Fatalf("%v", err)
	}
	for i, line := range []int{1, 2, 3, 1} {
		if faults[i].Line != line {
			t.Errorf("fault %d in line %d", i, faults[i].Line)
		}
	}
}

func TestDiagnosticsSayLineAndReason(t *testing.T) {
	s := New(Config{Text: locale.New().Text, Settings: func() Settings { return Settings{Language: "es"} }})
	found := s.Check(head+"\n{{.Cliente.Apellido}}", "es")
	if len(found) != 1 || found[0].Summary != "Línea 3: No existe la variable .Cliente.Apellido." ||
		found[0].Severity != plgv1.Severity_SEVERITY_ERROR || found[0].Code != "template_variable" {
		t.Errorf("%v", found)
	}
	found = s.Check(head+"<script>x</script>{{.Cliente.Nombre}}", "en", LinkActivate)
	if len(found) != 2 || found[0].Code != "template_active" || found[1].Code != "template_no_link" ||
		found[1].Severity != plgv1.Severity_SEVERITY_WARNING {
		t.Errorf("%v", found)
	}
	if found = s.Check(head+`<a href="{{.Enlaces.activar}}">x</a>`, "es", LinkActivate); len(found) != 0 {
		t.Errorf("%v", found)
	}
	if found = s.Check(head+`{{with $e := .Enlaces}}<a href="{{$e.activar}}">x</a>{{end}}`, "es", LinkActivate); len(found) != 0 {
		t.Errorf("%v", found)
	}
}

func TestEveryFaultHasASentence(t *testing.T) {
	text := locale.New().Text
	for _, key := range []string{
		"template_line", "template_too_long", "template_renders_too_long", "template_not_utf8", "template_empty", "template_syntax",
		"template_no_end", "template_stray_end", "template_unclosed", "template_html", "template_forbidden", "template_range",
		"template_range_depth", "template_not_function", "template_function", "template_index", "template_variable",
		"template_title", "template_active", "template_no_link", "no_consent", "customer_gone", "no_template", "bad_template",
		"bad_address", "bad_sender", "unreachable", "interrupted", "no_starttls", "open_password", "unknown_server", "no_answer",
		"bad_certificate", "no_tls", "test_title", "test_text", "test_accepted", "test_spooled",
	} {
		if text("es", "message."+key) == "message."+key {
			t.Errorf("no sentence for %s", key)
		}
	}
}

func TestPreviewShowsASampleCustomer(t *testing.T) {
	s := New(Config{
		Text:     locale.New().Text,
		Settings: func() Settings { return Settings{StoreName: "Tienda Sol", Language: "es", Server: "mx"} },
	})
	mail, said := s.Preview(`<title>Bienvenida, {{.Cliente.PrimerNombre}}</title><p>{{.Tienda.Nombre}}</p><a href="{{.Enlaces.activar}}">Activar</a>{{dinero .Datos.x}}`, "es")
	if len(said) != 0 || mail.GetSubject() != "Bienvenida, María" ||
		!strings.Contains(mail.Text, "Activar: https://example.com/a/ejemplo") || !strings.Contains(mail.Html, "Tienda Sol") {
		t.Errorf("%v %v", mail, said)
	}
	if mail, said = s.Preview("<title>x</title>{{.Nada}}", "es"); mail != nil || len(said) != 1 {
		t.Errorf("%v %v", mail, said)
	}
	if mail, said = s.Preview("<title>x</title>{{if gt .Datos.n 3.0}}x{{end}}", "es"); mail != nil || len(said) != 1 {
		t.Errorf("%v %v", mail, said)
	}
}

func render(t *testing.T, text string, c *plgv1.Customer, data map[string]any, set Settings) string {
	t.Helper()
	tmpl, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	values, err := structpb.NewStruct(data)
	if err != nil {
		t.Fatal(err)
	}
	m := &mostradorv1.Message{To: "ana@example.com", Data: values}
	r, err := tmpl.render(newView(m, c, set, nil), voice{lang: languageOf(c, set), currency: set.Currency}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(r.page, head)
}

func TestValuesAreEscapedForTheirPlace(t *testing.T) {
	set := Settings{Language: "es", Currency: "EUR", Policy: map[string]string{"es": "Uno & dos\nTres <b>"}}
	evil := &plgv1.Customer{Name: `<script>alert("x")</script>{{.Politica}}`}
	got := render(t, head+`{{.Cliente.Nombre}}|<a title="{{.Cliente.Nombre}}">|<a href="{{.Datos.u}}">|{{.Politica}}`, evil,
		map[string]any{"u": "javascript:alert(1)"}, set)
	want := `&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;{{.Politica}}|<a title="&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;{{.Politica}}">|<a href="#ZgotmplZ">|Uno &amp; dos<br>
Tres &lt;b&gt;`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFunctions(t *testing.T) {
	data := map[string]any{"t": 123450.0, "d": "2026-03-02", "i": "2026-03-02T10:00:00Z", "w": "mañana"}
	text := head + `{{dinero .Datos.t}}|{{fecha .Datos.d}}|{{fecha .Datos.i}}|{{fecha .Datos.w}}|{{mayusculas .Datos.w}}|{{dinero .Datos.nada}}|{{.Datos.nada}}|{{len .Datos}}`
	for _, test := range []struct{ lang, currency, want string }{
		{"es", "EUR", "1.234,50\u00a0€|2 de marzo de 2026|2 de marzo de 2026|mañana|MAÑANA|||4"},
		{"en", "EUR", "€1,234.50|2 March 2026|2 March 2026|mañana|MAÑANA|||4"},
		{"es-CR", "CRC", "1\u00a0234,50\u00a0₡|2 de marzo de 2026|2 de marzo de 2026|mañana|MAÑANA|||4"},
		{"es-CL", "CLP", "123.450\u00a0$|2 de marzo de 2026|2 de marzo de 2026|mañana|MAÑANA|||4"},
	} {
		if got := render(t, text, nil, data, Settings{Language: test.lang, Currency: test.currency}); got != test.want {
			t.Errorf("%s %s: %q", test.lang, test.currency, got)
		}
	}
}

func TestRenderingIsBounded(t *testing.T) {
	long := make([]any, 5000)
	for i := range long {
		long[i] = strings.Repeat("x", 50)
	}
	tmpl, err := Parse(head + "{{range .Datos.l}}{{range $.Datos.l}}{{.}}{{end}}{{end}}")
	if err != nil {
		t.Fatal(err)
	}
	data, err := structpb.NewStruct(map[string]any{"l": long})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	_, err = tmpl.render(newView(&mostradorv1.Message{Data: data}, nil, Settings{}, nil), voice{lang: "es"}, nil)
	if !errors.Is(err, errTooLong) || time.Since(begin) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		head + "{{.Cliente.Nombre}}", head + "{{range $i, $x := .Datos.l}}{{if $i}}, {{end}}{{$x.n | mayusculas}}{{end}}",
		head + "<a href='{{.Enlaces.baja}}'>{{with .Politica}}{{.}}{{else}}-{{end}}</a>", "{{/*", "{{define `x`}}{{end}}",
		head + "<script>var x = {{.Datos.x}}</script><style>{{.Datos.y}}</style>", head + "{{$x := .Datos}}{{index $x.a 1 2}}",
	} {
		f.Add(seed)
	}
	data, err := structpb.NewStruct(map[string]any{"l": []any{map[string]any{"n": "a"}, "b"}, "x": 3.0, "y": nil})
	if err != nil {
		f.Fatal(err)
	}
	m := &mostradorv1.Message{To: "a@example.com", Data: data}
	f.Fuzz(func(t *testing.T, text string) {
		tmpl, err := Parse(text)
		if err != nil {
			return
		}
		v := newView(m, &plgv1.Customer{Name: "Ana"}, Settings{StoreName: "s"}, nil)
		begin := time.Now()
		r, err := tmpl.render(v, voice{lang: "es", currency: "EUR"}, nil)
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("rendering took %v", time.Since(begin))
		}
		if err == nil && len(r.page) > maxRendered {
			t.Fatalf("%d bytes", len(r.page))
		}
	})
}
