package configguide_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"mostrador/configguide"
	"mostrador/sdk/plgv1"
)

// imported imports a file and returns its errors.
func (w *world) imported(file string, apply bool) string {
	w.Helper()
	im := w.importing(file, apply)
	var bad []string
	for _, d := range im.Diagnostics {
		if d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
			bad = append(bad, d.GetSummary())
		}
		if d.GetSummary() == "" || d.GetCode() == "" || strings.Contains(d.GetSummary(), "%!") {
			w.Errorf("a poor diagnostic: %v", d)
		}
	}
	if im.Applied != (apply && len(bad) == 0) {
		w.Errorf("applied: %v with %q", im.Applied, bad)
	}
	return strings.Join(bad, " ")
}

func (w *world) importing(file string, apply bool) configguide.Imported {
	w.Helper()
	im, err := w.guide.Import(w.Context(), ana, file, apply, "es")
	if err != nil {
		w.Fatal(err)
	}
	return im
}

func (w *world) exported(all bool) string {
	w.Helper()
	x, err := w.guide.Export(all, "es")
	if err != nil {
		w.Fatal(err)
	}
	return x.File
}

// filled sets something of everything.
func (w *world) filled() {
	w.Helper()
	for key, value := range map[string]any{
		"TiendaNombre": "La Esquina: «pan & café» # 1", "TiendaPais": "MX", "TiendaMoneda": "CLP", "CorreoPuerto": 465.0, "CorreoClave": "muy-secreta",
		"ConsentimientoTexto": "Uno.\n\n  Dos: {con} [todo]\n# no es un comentario\n", "PLG0074Activo": false, "PLG0074Lista": []any{"a: b", "- c", "no"},
		"CorreoUsuario": "12345", "PLG0074Plazo": "48h", "PLG0005Avisos": "+525512345678",
	} {
		if got := w.set(key, value); got != "" {
			w.Fatal(key, got)
		}
	}
	for _, bad := range []string{
		w.set("PLG0074Importe", "20"), w.change(printer, configguide.Chain, "de la cadena"), w.change(printer, configguide.Till("Caja: 1 #"), "una"),
		w.change(printer, configguide.Till("2"), ""), w.upload("PLG0005Logo", configguide.Store, "logo.png", "\x89PNG\x00\xff"),
		w.upload("PLG0005Logo", configguide.Till("2"), "texto.txt", "un texto\n"), w.write("hola.html", "<p>\n\tHola {{.Cliente}}</p>\n  y más \n"),
		w.change("PLG0005Clave", configguide.Till("2"), "otra-secreta"),
	} {
		if bad != "" {
			w.Fatal(bad)
		}
	}
}

func TestAnExportIsReadBackAsItWas(t *testing.T) {
	w := newWorld(t)
	w.filled()
	file := w.exported(false)
	if again := w.importing(file, false); len(again.Differences) != 0 || len(again.Diagnostics) != 0 {
		t.Errorf("it differs from itself: %+v", again)
	}
	x, _ := w.guide.Export(true, "en")
	if !slices.Equal(x.Secrets, []string{"CorreoClave", "PLG0005Clave"}) || strings.Contains(x.File, "secreta") {
		t.Errorf("secrets %v", x.Secrets)
	}
	for _, part := range []string{"# [Store]", "# Outgoing mail server (SMTP)", "# CorreoRemitente:", "CorreoPuerto: 465\n", "# RegistroNivel: \"info\"",
		"CorreoUsuario: \"12345\"", "    # Receipt printer\n    PLG0005Impresora: una\n"} {
		if !strings.Contains(x.File, part) {
			t.Errorf("it has no %q:\n%s", part, x.File)
		}
	}
	// Other readers of YAML read it too.
	var other struct {
		Format int
		Chain  map[string]any
		Store  map[string]any
		Tills  map[string]map[string]any
	}
	if err := yaml.UnmarshalWithOptions([]byte(x.File), &other, yaml.Strict()); err != nil {
		t.Fatal(err, x.File)
	}
	if other.Store["ConsentimientoTexto"] != w.guide.Text("ConsentimientoTexto") || other.Tills["Caja: 1 #"][printer] != "una" ||
		!reflect.DeepEqual(other.Store["PLG0074Lista"], []any{"a: b", "- c", "no"}) || other.Store["CorreoUsuario"] != "12345" {
		t.Errorf("others read %+v", other)
	}

	// Another store takes all of it over.
	b := newWorld(t)
	preview := b.importing(file, false)
	if len(preview.Diagnostics) != 0 || preview.Applied || len(b.history("")) != 0 {
		t.Fatalf("%+v", preview)
	}
	if files, _ := os.ReadDir(b.dir); len(files) != 0 {
		t.Error("a preview writes files")
	}
	if got := b.imported(file, true); got != "" {
		t.Fatal(got)
	}
	b.open()
	for _, till := range []string{"", "Caja: 1 #", "2"} {
		one, two := w.guide.EntriesFor("", till, "es"), b.guide.EntriesFor("", till, "es")
		for i := range one {
			if one[i].Type == "secret" {
				continue
			}
			if !reflect.DeepEqual(one[i], two[i]) {
				t.Errorf("%s at %q:\n%+v\n%+v", one[i].Key, till, one[i], two[i])
			}
		}
	}
	if len(b.history("")) != len(preview.Differences) || b.history("")[0].Operator != "ana" {
		t.Errorf("%d lines of history for %d differences", len(b.history("")), len(preview.Differences))
	}
	if data, err := os.ReadFile(filepath.Join(b.dir, "hola.html")); err != nil || !strings.Contains(string(data), "Hola {{.Cliente}}") {
		t.Error("the template has no file", err)
	}
	b.refresh()
	if len(b.history("")) != len(preview.Differences) {
		t.Error("the files of an import count as changed")
	}
	if len(b.seen) != 1 || len(b.seen[0]) != 14 {
		t.Errorf("watchers were told %v", b.seen)
	}
	if back := b.exported(false); stripped(back) != stripped(file) {
		t.Errorf("its export is\n%s\nwant\n%s", back, file)
	}
}

// stripped leaves the comments out, which tell the time and secrets.
func stripped(file string) string {
	lines := slices.DeleteFunc(strings.Split(file, "\n"), func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), "#") })
	return strings.Join(lines, "\n")
}

func TestAnImportTakesAllOrNothing(t *testing.T) {
	w := newWorld(t)
	w.policies = map[string]configguide.Policy{"RegistroNivel": {ReadOnly: true, Reason: "Lo fija la cadena."}}
	w.answer = func(_ context.Context, _, _ string, value any) ([]*plgv1.Diagnostic, error) {
		if value == "mala" {
			return []*plgv1.Diagnostic{{Severity: plgv1.Severity_SEVERITY_ERROR, Summary: "Esa cola no existe."}}, nil
		}
		return nil, nil
	}
	w.set("TiendaNombre", "Antes")
	before := maps.Clone(w.kv.records)
	for _, tt := range []struct{ file, bad string }{
		{"CorreoPuerto: 0", "Línea 4: «Puerto del servidor de correo» tiene que ser 1 o más"},
		{"NoHay: 1", "{NoHay}"},
		{"PLG0005Nada: 1", "{PLG0005Nada}"},
		{"CorreoClave: secreta", "es un secreto"},
		{"RegistroNivel: debug", "Lo fija la cadena."},
		{"TiendaPais:", ""},
		{"PLG0005Vigilada: mala", "Línea 4: Esa cola no existe."},
		{"PLG0074TextoFile: {file: x}", "comillas"},
		{"PLG0074TextoFile:\n    file: x.html\n    text: '{{malo}}'", "no se conoce «malo»"},
		{"PLG0074TextoFile:\n    file: ../x.html\n    text: hola", "no vale como nombre"},
		{"PLG0074TextoFile:\n    text: hola", "le falta file"},
		{"CorreoUsuario:\n    file: x\n    text: y", "no lleva un archivo"},
		{"PLG0005Copias: 3\ntills:\n  a:\n    TiendaPais: MX", "toda la tienda"},
		{"PLG0005Copias: 3\nchain:\n  PLG0005Copias: 9", "5 o menos"},
	} {
		if tt.bad == "" {
			continue
		}
		file := "format: 1\nstore:\n  TiendaNombre: Después\n  " + tt.file + "\n"
		if got := w.imported(file, true); !strings.Contains(got, tt.bad) {
			t.Errorf("%q: %q", tt.file, got)
		}
		if !maps.Equal(w.kv.records, before) || w.guide.Text("TiendaNombre") != "Antes" {
			t.Fatalf("%q: something changed", tt.file)
		}
	}
	if files, _ := os.ReadDir(w.dir); len(files) != 0 {
		t.Error("files were written")
	}
	good := "format: 1\nstore:\n  TiendaNombre: Después\n  CorreoPuerto: 25\n"
	w.kv.fail = errors.New("disk full")
	if _, err := w.guide.Import(t.Context(), ana, good, true, "es"); err == nil || w.guide.Text("TiendaNombre") != "Antes" {
		t.Error("a failed commit changed something", err)
	}
	if got := w.imported(good, true); got != "" || w.guide.Text("TiendaNombre") != "Después" || w.guide.Int("CorreoPuerto") != 25 {
		t.Error(got)
	}
	if last := w.seen[len(w.seen)-1]; !slices.Equal(last, []string{"CorreoPuerto", "TiendaNombre"}) {
		t.Errorf("watchers were told %v", last)
	}
	// Nothing behind the key takes the value away; what the file does not name stays.
	if got := w.imported("format: 1\nstore:\n  TiendaNombre:\n", true); got != "" || w.guide.Text("TiendaNombre") != "Mi tienda" || w.guide.Int("CorreoPuerto") != 25 {
		t.Error(got)
	}
}

// TestACutBetweenValueAndFileLosesNothing looks at the store as a power cut leaves it when an import has committed a
// template and not yet written its file.
func TestACutBetweenValueAndFileLosesNothing(t *testing.T) {
	w := newWorld(t)
	w.write("hola.html", "el de antes")
	w.kv.after = func() {
		cut := &world{TB: t, kv: &memory{records: maps.Clone(w.kv.records)}, dir: w.dir, now: w.now}
		cut.open()
		cut.inForce("el nuevo")
		cut.refresh()
		cut.inForce("el nuevo")
	}
	if got := w.imported("format: 1\nstore:\n  PLG0074TextoFile:\n    file: hola.html\n    text: el nuevo\n", true); got != "" || w.kv.after != nil {
		t.Fatal(got)
	}
	w.refresh()
	w.inForce("el nuevo")
	if len(w.history(welcomeKey)) != 2 {
		t.Errorf("%+v", w.history(welcomeKey))
	}
}

func TestDifferencesAreShownBeforeAnythingChanges(t *testing.T) {
	w := newWorld(t)
	w.set("TiendaNombre", "Uno")
	w.write("hola.html", "corto")
	im := w.importing("format: 1\nstore:\n  TiendaNombre: Dos\n  CorreoPuerto: mil\n  PLG0074TextoFile:\n    file: hola.html\n    text: más largo\ntills:\n  Caja 1:\n    PLG0005Impresora: tq\n", false)
	want := []configguide.Difference{
		{Key: "TiendaNombre", Name: "Nombre de la tienda", At: configguide.Store, From: "Uno", To: "Dos", Line: 3},
		{Key: "CorreoPuerto", Name: "Puerto del servidor de correo", At: configguide.Store, To: "mil", Line: 4,
			Refused: "«Puerto del servidor de correo» es un número: escriba solo cifras, como 12 o 0,5."},
		{Key: welcomeKey, Name: "Texto del mensaje de bienvenida para correo", At: configguide.Store, From: "hola.html (5 bytes)", To: "hola.html (10 bytes)", Line: 5},
		{Key: printer, Name: "Impresora de tiques", At: configguide.Till("Caja 1"), To: "tq", Line: 10},
	}
	if !reflect.DeepEqual(im.Differences, want) {
		t.Errorf("%+v", im.Differences)
	}
	if len(im.Diagnostics) != 1 || im.Diagnostics[0].GetPath() != "CorreoPuerto" {
		t.Errorf("%+v", im.Diagnostics)
	}
}

func TestValuesAsideTravelToo(t *testing.T) {
	w := newWorld(t)
	w.filled()
	w.switched("PLG0005", false)
	file := w.exported(false)
	b := newWorld(t)
	b.switched("PLG0005", false)
	im := b.importing(file, true)
	if !im.Applied || len(b.guide.Entries("@aside", "es")) != 3 {
		t.Fatalf("%+v %+v", im, b.guide.Entries("@aside", "es"))
	}
	var warned int
	for _, d := range im.Diagnostics {
		if d.GetSeverity() == plgv1.Severity_SEVERITY_WARNING && strings.Contains(d.GetSummary(), "se guardará aparte") {
			warned++
		}
	}
	if warned != 6 {
		t.Errorf("%d warnings: %+v", warned, im.Diagnostics)
	}
	b.switched("PLG0005", true)
	if b.guide.Value(printer, "Caja: 1 #") != "una" || b.guide.Text("PLG0005Avisos") != "+525512345678" {
		t.Error("the values do not hold when the plugin is there")
	}
	if name, content := b.guide.File("PLG0005Logo"); name != "logo.png" || content != "\x89PNG\x00\xff" {
		t.Errorf("%q %q", name, content)
	}
	// What nobody could check while the plugin was away is checked when it comes.
	c := newWorld(t)
	c.switched("PLG0074", false)
	if got := c.imported("format: 1\nstore:\n  PLG0074Importe: mucho\n  PLG0074Token: plano\n  PLG0074TextoFile:\n    file: m.html\n    text: '{{malo}}'\n", true); got != "" {
		t.Fatal(got)
	}
	c.switched("PLG0074", true)
	if text, _, err := c.guide.Template(welcomeKey); text != packaged || err != nil || c.guide.Text("PLG0074Importe") != "10.00" {
		t.Errorf("what is bad holds: %q %v", text, err)
	}
	if c.entry(welcomeKey).Warning == "" || c.entry("PLG0074Importe").Warning == "" || c.entry("PLG0074Token").IsSet {
		t.Error("nobody is told")
	}
}

func TestAFileThatIsNoneIsRefusedWithItsLine(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ file, bad string }{
		{"", "Línea 1: este archivo no es una exportación"},
		{"store:\n  TiendaNombre: x", "Línea 1: este archivo no es"},
		{"format: 2\n", "Línea 1: este archivo es de una versión más nueva"},
		{"format: 1\ncaja: 3\n", "Línea 2: no se conoce la sección «caja»"},
		{"format: 1\nstore: 3\n", "Línea 2: debajo de «store»"},
		{"format: 1\nstore:\n  TiendaNombre: a\n  TiendaNombre: b\n", "Línea 4: «TiendaNombre» está dos veces"},
		{"format: 1\nstore:\n  TiendaNombre: a\n   TiendaPais: b\n", "Línea 4: el principio"},
		{"format: 1\nstore:\n  TiendaNombre: a\n b: c\n", "Línea 4: el principio"},
		{"format: 1\nstore:\n  TiendaNombre\n", "Línea 3: se espera «Clave: valor»"},
		{"format: 1\nstore:\n  - TiendaNombre\n", "Línea 2: debajo de"},
		{"format: 1\nstore:\n  TiendaNombre: \"abierta\n", "Línea 3: las comillas"},
		{"format: 1\nstore:\n  TiendaNombre: 'a' b\n", "Línea 3: las comillas"},
		{"format: 1\nstore:\n  TiendaNombre: \"\\ud83d\"\n", "Línea 3: las comillas"},
		{"format: 1\nstore:\n  TiendaNombre: &a b\n", "Línea 3: un valor no puede empezar por «&»"},
		{"format: 1\nstore:\n  TiendaNombre: *a\n", "Línea 3: un valor no puede empezar por «*»"},
		{"format: 1\nstore:\n  TiendaNombre: !!str a\n", "Línea 3: un valor no puede empezar por «!»"},
		{"format: 1\nstore:\n  TiendaNombre: >\n    a\n", "Línea 3: un valor no puede empezar por «>»"},
		{"format: 1\nstore:\n  TiendaNombre: a: b\n", "Línea 3: el valor lleva dos puntos"},
		{"format: 1\nstore:\n  PLG0074Lista: [a, b\n", "Línea 3: la lista entre corchetes"},
		{"format: 1\nstore:\n  PLG0074Lista: [a, [b]]\n", "Línea 3: "},
		{"format: 1\nstore:\n  TiendaNombre:\n    a:\n      b: c\n", "Línea 4: el valor de «TiendaNombre»"},
		{"format: 1\nstore:\n\tTiendaNombre: a\n", "Línea 3: se espera"},
		{"format: 1\nstore:\n  TiendaNombre: \xff\n", "UTF-8"},
		{"format: 1\ntills:\n  \"\": {}\n", "Línea 3: "},
		{"format: 1\n" + strings.Repeat("# relleno\n", 800_000), "demasiado grande"},
		{strings.Repeat("[", 100_000), "Línea 1: "},
		{"format: 1\nstore:\n" + numbered(5001), "Línea 5003: el archivo tiene demasiados valores"},
	} {
		if got := w.imported(tt.file, true); !strings.Contains(got, tt.bad) {
			t.Errorf("%.60q: %q, want %q", tt.file, got, tt.bad)
		}
	}
	// As people write it.
	file := "\ufeff---\r\n# mío\r\nformat: 1 # sí\r\nstore: # todo\r\n  TiendaNombre:   La  Esquina   # nombre\r\n  'TiendaPais': \"MX\" # país\r\n  PLG0074Lista: [ a, 'b, c' ,\"d\" ]\r\n" +
		"  CorreoUsuario: it''s\r\n\r\n  ConsentimientoTexto: |-\r\n\r\n    uno\r\n\r\n      dos\r\n  PLG0074Activo: No\r\n  CorreoPuerto: 025\r\n"
	if got := w.imported(file, true); got != "" {
		t.Fatal(got)
	}
	got := fmt.Sprintf("%q %q %q %q %q %v %v", w.guide.Text("TiendaNombre"), w.guide.Text("TiendaPais"), w.guide.List("PLG0074Lista"),
		w.guide.Text("CorreoUsuario"), w.guide.Text("ConsentimientoTexto"), w.guide.Bool("PLG0074Activo"), w.guide.Int("CorreoPuerto"))
	if want := `"La  Esquina" "MX" ["a" "b, c" "d"] "it''s" "\nuno\n\n  dos" false 25`; got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

// numbered is many lines of values.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  PLG0099X%d: 1\n", i)
	}
	return b.String()
}

// FuzzImport checks that no file does harm: it is read or refused with a line, and what is taken over is exported and
// read back as it was.
func FuzzImport(f *testing.F) {
	w := newWorld(f)
	w.filled()
	f.Add(w.exported(true))
	for _, file := range []string{"", "format: 1\nstore:\n  TiendaNombre: x\n", "format: 1\nstore:\n  PLG0074Lista:\n  - a\n  - 'b'\n",
		"format: 1\nstore:\n  ConsentimientoTexto: |+\n   a\n\n", "format: 1\nchain:\n  PLG0099X: 1.5\ntills:\n  a:\n    PLG0005Impresora: \"\\u00e1\\n\"\n",
		"format: 1\nstore:\n  PLG0099F:\n    file: a\n    base64: AAEC\n"} {
		f.Add(file)
	}
	f.Fuzz(func(t *testing.T, file string) {
		w.TB, w.kv.records = t, map[string]string{}
		w.open()
		im := w.importing(file, true)
		for _, d := range im.Diagnostics {
			if !strings.HasPrefix(d.GetSummary(), "Línea ") || strings.Contains(d.GetSummary(), "%!") {
				t.Fatalf("a poor diagnostic: %v", d)
			}
		}
		if !im.Applied {
			if len(w.history("")) != 0 || len(im.Diagnostics) == 0 {
				t.Fatalf("refused in part, or without a reason: %+v", im)
			}
			return
		}
		w.open()
		back := w.importing(w.exported(false), true)
		if len(back.Differences) != 0 || !back.Applied {
			t.Fatalf("its export differs: %+v %+v\n%s", back.Differences, back.Diagnostics, w.exported(false))
		}
	})
}

// TestImportsAtRandomKeepTheRecordsWhole walks at random through sets, imports and clears at all scopes.
func TestImportsAtRandomKeepTheRecordsWhole(t *testing.T) {
	for seed := range uint64(10) {
		rnd := rand.New(rand.NewPCG(seed, 9))
		w := newWorld(t)
		places := []configguide.At{configguide.Chain, configguide.Store, configguide.Till("a"), configguide.Till("b")}
		model := map[configguide.At]any{}
		for range 40 {
			at := places[rnd.IntN(len(places))]
			var value any
			if n := rnd.IntN(4); n > 0 {
				value = fmt.Sprint("v", n)
			}
			if rnd.IntN(2) == 0 {
				w.change(printer, at, value)
			} else {
				text := map[configguide.Scope]string{configguide.ScopeChain: "chain:\n  ", configguide.ScopeStore: "store:\n  ",
					configguide.ScopeTill: "tills:\n  " + at.Till + ":\n    "}[at.Scope]
				line := printer + ":"
				if value != nil {
					line += " " + value.(string)
				}
				if got := w.imported("format: 1\n"+text+line+"\n", true); got != "" {
					t.Fatal(got)
				}
			}
			delete(model, at)
			if value != nil {
				model[at] = value
			}
			if rnd.IntN(8) == 0 {
				w.open()
			}
			got := map[configguide.At]any{}
			for _, v := range w.entry(printer).Values {
				got[v.At] = v.Value
			}
			if !reflect.DeepEqual(got, model) {
				t.Fatalf("seed %d: %v, want %v", seed, got, model)
			}
		}
	}
}
