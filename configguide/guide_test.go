package configguide_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"mostrador/configguide"
)

var errNotThere = fs.ErrNotExist

func TestEveryCoreEntryHasAGoodDefaultInBothLanguages(t *testing.T) {
	w := newWorld(t)
	keys := map[string]bool{}
	for _, lang := range []string{"es", "en"} {
		for _, e := range w.guide.Entries("", lang) {
			keys[e.Key] = true
			if e.Warning != "" || e.Name == "" || len(e.Path) == 0 || e.Owner == configguide.Core && e.Help == "" {
				t.Errorf("%s in %s: %+v", e.Key, lang, e)
			}
			if e.Default != nil && e.Value == nil {
				t.Errorf("%s: its default is not in force", e.Key)
			}
		}
	}
	for _, key := range strings.Fields("TiendaNombre TiendaPais TiendaMoneda TiendaIdioma CorreoServidor CorreoPuerto CorreoUsuario CorreoClave CorreoCifrado CorreoRemitente CorreoRemitenteNombre WebDireccionPublica ConsentimientoTexto ConsentimientoTextoEn CodigoCortoDias RegistroNivel PLG0074TextoFile") {
		if !keys[key] {
			t.Errorf("%s is missing", key)
		}
	}
	g := w.guide
	if g.Text("TiendaPais") != "ES" || g.Int("CorreoPuerto") != 587 || !g.Bool("PLG0074Activo") ||
		g.Duration("PLG0074Plazo") != 24*time.Hour || g.Money("PLG0074Importe").GetMinor() != 1000 ||
		g.Money("PLG0074Importe").GetCurrency() != "EUR" || len(g.List("PLG0074Lista")) != 0 {
		t.Error("the getters do not return the defaults")
	}
}

func TestValuesAreCheckedByTypeAndRule(t *testing.T) {
	tests := []struct {
		key  string
		in   any
		want any    // kept
		bad  string // part of the refusal
	}{
		{"TiendaNombre", "  Ferretería Ñ ", "Ferretería Ñ", ""},
		{"TiendaNombre", "", nil, "no puede quedar vacío"},
		{"TiendaNombre", strings.Repeat("ñ", 80), strings.Repeat("ñ", 80), ""},
		{"TiendaNombre", strings.Repeat("ñ", 81), nil, "como mucho 80"},
		{"TiendaNombre", "a\nb", nil, "una sola línea"},
		{"TiendaNombre", "a\u2028b", nil, "una sola línea"},
		{"TiendaNombre", "\xff", nil, "una sola línea"},
		{"TiendaNombre", 3.0, nil, "es un texto"},
		{"TiendaPais", "cr", "CR", ""},
		{"TiendaPais", "XX", nil, "no es un país"},
		{"TiendaPais", "150", nil, "no es un país"},
		{"TiendaMoneda", "CRC", "CRC", ""},
		{"TiendaMoneda", "crc", nil, "EUR (Euro)"},
		{"CorreoPuerto", 465.0, 465.0, ""},
		{"CorreoPuerto", "25", 25.0, ""},
		{"CorreoPuerto", "0,5", nil, "sin decimales"},
		{"CorreoPuerto", 0.0, nil, "1 o más"},
		{"CorreoPuerto", 65536.0, nil, "65535 o menos"},
		{"CorreoPuerto", "mil", nil, "es un número"},
		{"CorreoPuerto", "1e3", nil, "es un número"},
		{"CorreoPuerto", true, nil, "es un número"},
		{"CorreoServidor", "smtp.ejemplo.com", "smtp.ejemplo.com", ""},
		{"CorreoServidor", "", "", ""},
		{"CorreoServidor", "[::1]", "[::1]", ""},
		{"CorreoServidor", "smtp://ejemplo", nil, "Escriba solo el nombre"},
		{"CorreoRemitente", "Tienda@Ejemplo.COM", "Tienda@ejemplo.com", ""},
		{"CorreoRemitente", "tienda@año.es", "tienda@xn--ao-zja.es", ""},
		{"CorreoRemitente", "tienda@", nil, "no es una dirección"},
		{"CorreoRemitente", "Ana <a@b.es>", nil, "no es una dirección"},
		{"CorreoRemitente", "a@b.es\r\nBcc: c@d.es", nil, "no es una dirección"},
		{"CorreoRemitente", strings.Repeat("a", 65) + "@b.es", nil, "no es una dirección"},
		{"WebDireccionPublica", "HTTPS://Clientes.Ejemplo.com/tienda/", "https://clientes.ejemplo.com/tienda", ""},
		{"WebDireccionPublica", "ejemplo.com", nil, "dirección web"},
		{"WebDireccionPublica", "javascript:alert(1)", nil, "dirección web"},
		{"WebDireccionPublica", "https://u:p@ejemplo.com", nil, "dirección web"},
		{"WebDireccionPublica", "https://ejemplo.com/?a=1", nil, "dirección web"},
		{"WebDireccionPublica", "https://ejemplo.com/#", nil, "dirección web"},
		{"ConsentimientoTexto", "a\r\nb", "a\nb", ""},
		{"ConsentimientoTexto", "a\x00b", nil, "caracteres de control"},
		{"PLG0074Activo", "no", false, ""},
		{"PLG0074Activo", "Sí", true, ""},
		{"PLG0074Activo", "quizá", nil, "sí o no"},
		{"PLG0074Importe", "12,5", "12.50", ""},
		{"PLG0074Importe", 0.5, "0.50", ""},
		{"PLG0074Importe", "12.345", nil, "2 decimales"},
		{"PLG0074Importe", "1.234,50", nil, "2 decimales"},
		{"PLG0074Importe", "0,49", nil, "0.50 o más"},
		{"PLG0074Importe", "100.01", nil, "100 o menos"},
		{"PLG0074Importe", "-5", nil, "0.50 o más"},
		{"PLG0074Plazo", "7d", "168h", ""},
		{"PLG0074Plazo", "1h 30m", "1h30m", ""},
		{"PLG0074Plazo", "2w", "336h", ""},
		{"PLG0074Plazo", "30m", nil, "1h o más"},
		{"PLG0074Plazo", "31d", nil, "720h o menos"},
		{"PLG0074Plazo", "99999w", nil, "es un tiempo"},
		{"PLG0074Plazo", "-2h", nil, "es un tiempo"},
		{"PLG0074Lista", "a, b ,,c", []any{"a", "b", "c"}, ""},
		{"PLG0074Lista", []any{"x"}, []any{"x"}, ""},
		{"PLG0074Lista", "a\nb,c", []any{"a", "b,c"}, ""},
		{"PLG0074Lista", "a,b,c,d", nil, "como mucho 3"},
		{"PLG0074Lista", []any{1.0}, nil, "lista de textos"},
		{"PLG0074Color", "#1A7F37", "#1a7f37", ""},
		{"PLG0074Color", "verde", nil, "no es un color"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s=%.30v", tt.key, tt.in), func(t *testing.T) {
			w := newWorld(t)
			before := w.entry(tt.key).Value
			got := w.set(tt.key, tt.in)
			if tt.bad != "" {
				if !strings.Contains(got, tt.bad) {
					t.Errorf("refusal %q, want %q", got, tt.bad)
				}
				if now := w.entry(tt.key); !reflect.DeepEqual(now.Value, before) || now.IsSet || len(w.history(tt.key)) > 0 {
					t.Errorf("the old value did not stay: %+v", now)
				}
				return
			}
			w.open() // what is kept, not what is remembered
			if now := w.entry(tt.key); got != "" || !reflect.DeepEqual(now.Value, tt.want) || !now.IsSet {
				t.Errorf("got %#v %q, want %#v", now.Value, got, tt.want)
			}
		})
	}
}

func TestRefusalsSpeakTheLanguageAsked(t *testing.T) {
	w := newWorld(t)
	_, err := w.guide.Set(t.Context(), ana, "CorreoPuerto", 0.0, nil, "en")
	if err == nil || !strings.Contains(err.Error(), "must be 1 or more") {
		t.Error(err)
	}
	if _, err := w.guide.Set(t.Context(), ana, "NoHay", 1.0, nil, "es"); !errors.Is(err, configguide.ErrUnknown) || !strings.Contains(err.Error(), "{NoHay}") {
		t.Error(err)
	}
}

func TestAChangeIsRememberedAndWatched(t *testing.T) {
	w := newWorld(t)
	w.set("TiendaNombre", "Uno")
	w.set("TiendaNombre", "Uno") // no change
	w.set("TiendaNombre", "Dos")
	w.set("TiendaPais", "MX")
	w.set("TiendaNombre", nil)
	h := w.history("TiendaNombre")
	var got []string
	for _, c := range h {
		got = append(got, fmt.Sprintf("%d %v>%v %s %s", c.Sequence, c.From, c.To, c.Operator, c.Till))
	}
	want := "4 Dos><nil> ana caja 1; 2 Uno>Dos ana caja 1; 1 <nil>>Uno ana caja 1"
	if strings.Join(got, "; ") != want {
		t.Errorf("history %q, want %q", got, want)
	}
	if all := w.history(""); len(all) != 4 || all[0].Sequence != 4 || !all[0].Time.After(all[3].Time) {
		t.Errorf("all: %+v", all)
	}
	if len(w.seen) != 4 || w.seen[0][0] != "TiendaNombre" || w.seen[2][0] != "TiendaPais" {
		t.Errorf("watchers were told %v", w.seen)
	}
	if w.guide.Text("TiendaNombre") != "Mi tienda" {
		t.Error("the default did not come back")
	}
}

func TestAFailedCommitChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.kv.fail = errors.New("disk full")
	if _, err := w.guide.Set(t.Context(), ana, "TiendaNombre", "Uno", nil, "es"); err == nil {
		t.Fatal("no error")
	}
	if w.guide.Text("TiendaNombre") != "Mi tienda" || len(w.history("")) != 0 || len(w.seen) != 0 {
		t.Error("something changed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.guide.Set(ctx, ana, "TiendaNombre", "Uno", nil, "es"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestRevertPutsBackWhatAChangeReplaced walks at random through sets and reverts beside a model of them.
func TestRevertPutsBackWhatAChangeReplaced(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		w := newWorld(t)
		type line struct {
			key      string
			from, to any
		}
		values := map[string][]any{
			"TiendaNombre": {"Uno", "Dos", "Tres", nil}, "CorreoPuerto": {25.0, 465.0, nil},
			"PLG0074Lista": {[]any{"a"}, []any{"a", "b"}, nil}, "CorreoClave": {"secreta", "otra", nil},
		}
		keys := []string{"TiendaNombre", "CorreoPuerto", "PLG0074Lista", "CorreoClave"}
		now := map[string]any{}
		var lines []line
		for range 60 {
			key := keys[rnd.IntN(len(keys))]
			to := values[key][rnd.IntN(len(values[key]))]
			if n := len(lines); n > 0 && rnd.IntN(3) == 0 {
				at := rnd.IntN(n)
				key, to = lines[at].key, lines[at].from
				if _, err := w.guide.Revert(t.Context(), ana, key, uint64(at+1), "es"); err != nil {
					t.Fatal(err)
				}
			} else if got := w.set(key, to); got != "" {
				t.Fatal(got)
			}
			if !reflect.DeepEqual(now[key], to) {
				lines = append(lines, line{key, now[key], to})
				now[key] = to
			}
			if rnd.IntN(10) == 0 {
				w.open()
			}
			for _, key := range keys {
				e := w.entry(key)
				if key == "CorreoClave" {
					secret, err := w.guide.Secret(key)
					if want, _ := now[key].(string); secret != want || err != nil || e.Value != nil || e.IsSet != (want != "") {
						t.Fatalf("seed %d: secret %q %v %+v", seed, secret, err, e)
					}
				} else if e.IsSet != (now[key] != nil) || e.IsSet && !reflect.DeepEqual(e.Value, now[key]) {
					t.Fatalf("seed %d: %s is %v, want %v", seed, key, e.Value, now[key])
				}
			}
		}
		h := w.history("")
		if len(h) != len(lines) {
			t.Fatalf("seed %d: %d lines, want %d", seed, len(h), len(lines))
		}
		for i, c := range h {
			want := lines[len(lines)-1-i]
			if c.Key != want.key || c.Sequence != uint64(len(lines)-i) {
				t.Fatalf("seed %d: line %d is %+v, want %+v", seed, i, c, want)
			}
			if c.Key != "CorreoClave" && (!reflect.DeepEqual(c.From, want.from) || !reflect.DeepEqual(c.To, want.to)) {
				t.Fatalf("seed %d: line %d is %+v, want %+v", seed, i, c, want)
			}
		}
	}
}

func TestARevertOfNothingIsRefused(t *testing.T) {
	w := newWorld(t)
	w.set("TiendaNombre", "Uno")
	for _, tt := range []struct {
		key string
		seq uint64
	}{{"TiendaNombre", 2}, {"TiendaPais", 1}} {
		if _, err := w.guide.Revert(t.Context(), ana, tt.key, tt.seq, "es"); !errors.Is(err, configguide.ErrNoChange) {
			t.Errorf("%v: %v", tt, err)
		}
	}
}

func TestASecretIsNowhereInTheClear(t *testing.T) {
	w := newWorld(t)
	for _, secret := range []string{"hunter2-es-secreta", "otra-muy-secreta"} {
		w.set("CorreoClave", secret)
		w.set("PLG0074Token", secret)
	}
	w.set("CorreoClave", configguide.Masked) // handed back by a screen
	if s, err := w.guide.Secret("CorreoClave"); s != "otra-muy-secreta" || err != nil {
		t.Errorf("secret %q %v", s, err)
	}
	for key, value := range w.kv.records {
		if strings.Contains(value, "secreta") {
			t.Errorf("%q holds it in the clear", key)
		}
	}
	shown := fmt.Sprintf("%+v %+v %+v", w.guide.Entries("", "es"), w.history(""), w.guide.Values())
	if strings.Contains(shown, "-secreta") {
		t.Error("it is shown")
	}
	if !strings.Contains(fmt.Sprintf("%+v", w.history("CorreoClave")), configguide.Masked) || len(w.history("CorreoClave")) != 2 {
		t.Errorf("history %+v", w.history("CorreoClave"))
	}
	own := w.guide.ValuesFor("PLG0074")
	if own["PLG0074Token"] != "otra-muy-secreta" || own["CorreoClave"] != nil || own["CorreoPuerto"] != nil || own["TiendaNombre"] != "Mi tienda" {
		t.Errorf("the plugin sees %v", own)
	}
	if w.guide.ValuesFor("PLG0002")["PLG0074Token"] != nil {
		t.Error("another plugin sees it")
	}
	// Sealed under one setting's key it does not open as another's.
	w.kv.records["setting\x00CorreoClave"] = w.kv.records["setting\x00PLG0074Token"]
	w.open()
	if _, err := w.guide.Secret("CorreoClave"); err == nil {
		t.Error("a secret was moved to another key and still opens")
	}
}

func TestValuesOfAPluginStayWhileItIsOff(t *testing.T) {
	w := newWorld(t)
	w.set("PLG0074Importe", "50")
	w.write("hola.html", "mi texto")
	if err := w.guide.SetPlugins(nil); err != nil {
		t.Fatal(err)
	}
	if _, err := w.guide.Entry("PLG0074Importe", "es"); !errors.Is(err, configguide.ErrUnknown) {
		t.Error(err)
	}
	if w.guide.Text("PLG0074Importe") != "" || len(w.guide.Entries("PLG0074", "es")) != 0 || len(w.history("PLG0074Importe")) != 1 {
		t.Error("a plugin that is off is still there, or its history is not")
	}
	if err := w.guide.SetPlugins(w.plugins()); err != nil {
		t.Fatal(err)
	}
	if text, _, err := w.guide.Template("PLG0074TextoFile"); text != "mi texto" || err != nil || w.guide.Text("PLG0074Importe") != "50.00" {
		t.Errorf("the values did not stay: %q %v", text, err)
	}
}

func TestAStoredValueThatIsNoLongerGoodIsNotUsed(t *testing.T) {
	w := newWorld(t)
	w.set("PLG0074Importe", "50")
	m := w.plugins()
	m[0].Settings[1].Max = "20"
	if err := w.guide.SetPlugins(m); err != nil {
		t.Fatal(err)
	}
	if e := w.entry("PLG0074Importe"); e.Value != "10.00" || e.IsSet || !strings.Contains(e.Warning, "20 o menos") {
		t.Errorf("%+v", e)
	}
}

func TestSearchFindsByWordsAndByKey(t *testing.T) {
	w := newWorld(t)
	tests := map[string]string{
		"bienvenida correo": "PLG0074TextoFile", "BIENVENIDA": "PLG0074TextoFile", "welcome mail": "PLG0074TextoFile",
		"{PLG0074TextoFile}": "PLG0074TextoFile", "textofile": "PLG0074TextoFile", "promociones texto": "PLG0074TextoFile",
		"pais": "TiendaPais", "país": "TiendaPais", "contrasena": "CorreoClave", "codigocorto": "CodigoCortoDias",
	}
	for query, want := range tests {
		found := w.guide.Entries(query, "es")
		ok := false
		for _, e := range found {
			ok = ok || e.Key == want
		}
		if !ok || len(found) > 8 {
			t.Errorf("%q finds %d entries, among them %s: %v", query, len(found), want, ok)
		}
	}
	if found := w.guide.Entries("zzz", "es"); len(found) != 0 {
		t.Errorf("%v", found)
	}
	e := w.entry("PLG0074TextoFile")
	if strings.Join(e.Path, " > ") != "Plug-Ins > Promociones > Clientes" {
		t.Error(e.Path)
	}
	if e, _ := w.guide.Entry("PLG0074TextoFile", "en"); strings.Join(e.Path, " > ") != "Plug-ins > Promotions > Customers" {
		t.Error(e.Path)
	}
}

func TestEntriesComeInTheOrderOfTheTree(t *testing.T) {
	w := newWorld(t)
	var last string
	seen := map[string]bool{}
	for _, e := range w.guide.Entries("", "es") {
		branch := strings.Join(e.Path, ">")
		if branch != last && seen[branch] {
			t.Errorf("branch %s is torn apart at %s", branch, e.Key)
		}
		seen[branch], last = true, branch
	}
}

func TestManyMayReadAndChangeAtOnce(t *testing.T) {
	w := newWorld(t)
	var done sync.WaitGroup
	for i := range 8 {
		done.Go(func() {
			for n := range 20 {
				if _, err := w.guide.Set(context.Background(), ana, "TiendaNombre", fmt.Sprint("tienda ", i, "-", n), nil, "es"); err != nil {
					t.Error(err)
				}
				w.guide.Entries("tienda", "es")
				if err := w.guide.Refresh(context.Background()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	stop := w.guide.Watch(func([]string) {})
	stop()
	done.Wait()
	h := w.history("TiendaNombre")
	if len(h) != 160 || h[0].To != w.guide.Text("TiendaNombre") {
		t.Errorf("%d lines, newest %v, in force %q", len(h), h[0].To, w.guide.Text("TiendaNombre"))
	}
	for i := 1; i < len(h); i++ {
		if h[i-1].From != h[i].To {
			t.Fatalf("the history does not join at %d", h[i].Sequence)
		}
	}
}
