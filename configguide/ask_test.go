package configguide_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"mostrador/configguide"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

const watched = "PLG0005Vigilada"

func TestThePluginItselfIsAsked(t *testing.T) {
	w := newWorld(t)
	var asked []string
	w.answer = func(ctx context.Context, plugin, key string, value any) ([]*plgv1.Diagnostic, error) {
		asked = append(asked, fmt.Sprint(plugin, " ", key, "=", value))
		if _, ok := ctx.Deadline(); !ok {
			t.Error("a plugin may think for ever")
		}
		// Nothing is locked meanwhile: others go on.
		if got := w.set("TiendaNombre", "Mientras "+fmt.Sprint(value)); got != "" {
			t.Error(got)
		}
		switch value {
		case "mala":
			return []*plgv1.Diagnostic{{Severity: plgv1.Severity_SEVERITY_ERROR, Summary: "Esa cola no existe.", Code: "no_queue"}}, nil
		case "rara":
			return []*plgv1.Diagnostic{{Severity: plgv1.Severity_SEVERITY_WARNING, Summary: "Esa cola está parada."}}, nil
		}
		return nil, nil
	}
	if got := w.set(watched, " buena "); got != "" || w.guide.Text(watched) != "buena" {
		t.Error(got)
	}
	if got := w.set(watched, "mala"); got != "Esa cola no existe." || w.guide.Text(watched) != "buena" {
		t.Error(got)
	}
	w.set(watched, "buena") // set already
	w.set(watched, "a\nb")  // wrong by its type
	if e, err := w.guide.Set(t.Context(), ana, watched, "rara", nil, "es"); err != nil || e.Value != "rara" || e.Warning != "Esa cola está parada." {
		t.Errorf("%+v %v", e, err)
	}
	w.set(printer, "x") // nobody asked for it
	want := "PLG0005 PLG0005Vigilada=buena; PLG0005 PLG0005Vigilada=mala; PLG0005 PLG0005Vigilada=rara"
	if strings.Join(asked, "; ") != want {
		t.Errorf("asked %q", asked)
	}
}

func TestASilentPluginDoesNotStandInTheWay(t *testing.T) {
	w := newWorld(t)
	w.answer = func(context.Context, string, string, any) ([]*plgv1.Diagnostic, error) {
		return nil, errors.New("it hangs")
	}
	e, err := w.guide.Set(t.Context(), ana, watched, "cola", nil, "es")
	if err != nil || e.Value != "cola" || !strings.Contains(e.Warning, "PLG0005 no ha contestado") {
		t.Errorf("%+v %v", e, err)
	}
	if w.entry(watched).Warning != "" {
		t.Error("the warning stays")
	}
	// Who gives up waiting has changed nothing.
	ctx, cancel := context.WithCancel(t.Context())
	w.answer = func(ctx context.Context, _, _ string, _ any) ([]*plgv1.Diagnostic, error) {
		cancel()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if _, err := w.guide.Set(ctx, ana, watched, "otra", nil, "es"); !errors.Is(err, context.Canceled) || w.guide.Text(watched) != "cola" {
		t.Error(err)
	}
}

func TestTheEntrysOwnRuleSeesWhatWouldBeInForce(t *testing.T) {
	w := newWorld(t)
	w.check = func(s *manifest.Setting, value any, values map[string]any) string {
		if s.Key != "PLG0005Copias" {
			return ""
		}
		if values[s.Key] != value || values["CorreoPuerto"] != nil || values["TiendaPais"] != "ES" || values["PLG0005Clave"] != nil {
			t.Errorf("the rule sees %v", values)
		}
		if limit, _ := values["PLG0005Tope"].(float64); value.(float64) > limit {
			return "Pasa del tope."
		}
		return ""
	}
	w.set("PLG0005Clave", "secreta")
	w.set("PLG0005Tope", 2.0)
	if got := w.set("PLG0005Copias", 3.0); got != "Pasa del tope." {
		t.Error(got)
	}
	if got := w.set("PLG0005Copias", 2.0); got != "" {
		t.Error(got)
	}
	// Together they are good, one after the other they are not.
	if got := w.imported("format: 1\nstore:\n  PLG0005Copias: 4\n  PLG0005Tope: 4\n", true); got != "" || w.guide.Int("PLG0005Copias") != 4 {
		t.Error(got)
	}
	if got := w.imported("format: 1\nstore:\n  PLG0005Copias: 5\n", true); got != "Línea 3: Pasa del tope." || w.guide.Int("PLG0005Copias") != 4 {
		t.Error(got)
	}
}

func TestSearchRanksTheBestFirst(t *testing.T) {
	w := newWorld(t)
	w.set("CorreoPuerto", 25.0)
	w.change(printer, configguide.Till("Caja 7"), "siete")
	first := map[string]string{
		"RegistroNivel": "RegistroNivel", "correopuerto": "CorreoPuerto", "{TiendaPais}": "TiendaPais", "@changed": "CorreoPuerto",
		"@changed impresora": printer, "@plugin:PLG0005 tope": "PLG0005Tope", "@plugin:core": "TiendaNombre",
		"teléfono avisos": "PLG0005Avisos", "nombre tienda": "TiendaNombre", "trazas": "", "depuracion": "RegistroNivel",
		"remitente": "CorreoRemitente", "moneda": "TiendaMoneda", "language": "TiendaIdioma", "páginas": "WebDireccionPublica", "conexión": "CorreoCifrado",
	}
	for query, want := range first {
		got := ""
		if found := w.guide.EntriesFor(query, "", "es"); len(found) > 0 {
			got = found[0].Key
		}
		if got != want {
			t.Errorf("%q finds %q first, want %q", query, got, want)
		}
	}
	if n := len(w.guide.Entries("@changed", "es")); n != 2 {
		t.Errorf("%d entries are changed, want 2", n)
	}
	// A word of the name is better than one of the path, and that better than one of the help.
	var order []string
	for _, e := range w.guide.Entries("tienda", "es") {
		order = append(order, e.Key)
	}
	at := func(key string) int {
		for i, k := range order {
			if k == key {
				return i
			}
		}
		return -1
	}
	if !(at("TiendaMoneda") == 2 && at("TiendaMoneda") < at("PluginsCarpetaDesarrollo") && at("PluginsCarpetaDesarrollo") >= 4) {
		t.Errorf("%v", order)
	}
}

func TestRulesAreSaidInWords(t *testing.T) {
	w := newWorld(t)
	for key, want := range map[string]string{
		"CorreoPuerto": "Entre 1 y 65535; sin decimales.", "TiendaNombre": "Como mucho 80 caracteres.", "PLG0074Plazo": "Entre 1h y 30d.",
		"PLG0074Importe": "Entre 0.50 y 100.", "PLG0074Lista": "Como mucho 3 elementos.", "PLG0005Desde": "Desde el 2020-01-01.",
		"PLG0005Logo": "Un archivo de hasta 256 KB.", "TiendaMoneda": "",
		"CorreoServidor": "Como mucho 253 caracteres; Escriba solo el nombre o la dirección del servidor, como smtp.ejemplo.com.",
	} {
		if got := w.entry(key).Rule; got != want {
			t.Errorf("%s: %q, want %q", key, got, want)
		}
	}
}

func TestDaysAndPhonesAreChecked(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		key, in string
		want    any
		bad     string
	}{
		{"PLG0005Desde", "2026-02-28", "2026-02-28", ""},
		{"PLG0005Desde", "2026-02-30", nil, "es una fecha"},
		{"PLG0005Desde", "1999-12-31", nil, "2020-01-01 o más"},
		{"PLG0005Avisos", "600 111 222", "+34600111222", ""},
		{"PLG0005Avisos", "+52 55 1234 5678", "+525512345678", ""},
		{"PLG0005Avisos", "12", nil, "no es un número de teléfono"},
		{"PLG0005Avisos", "", "", ""},
	} {
		if got := w.set(tt.key, tt.in); tt.bad == "" && (got != "" || w.guide.Value(tt.key, "") != tt.want) || !strings.Contains(got, tt.bad) {
			t.Errorf("%s=%q: %v %q", tt.key, tt.in, w.guide.Value(tt.key, ""), got)
		}
	}
}
