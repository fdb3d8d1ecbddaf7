package configguide_test

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const welcomeKey = "PLG0074TextoFile"

// inForce checks which text is in force.
func (w *world) inForce(want string) {
	w.Helper()
	text, sha, err := w.guide.Template(welcomeKey)
	if text != want || sha != sha256.Sum256([]byte(want)) || err != nil {
		w.Errorf("in force is %q (%v), want %q", text, err, want)
	}
	if e := w.entry(welcomeKey); e.Content != want {
		w.Errorf("shown is %q, want %q", e.Content, want)
	}
}

// file writes a file as somebody with an editor would, with a time of its own.
func (w *world) file(path, text string) string {
	w.Helper()
	if !filepath.IsAbs(path) {
		path = filepath.Join(w.dir, path)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
	w.now = w.now.Add(time.Minute)
	if err := os.Chtimes(path, w.now, w.now); err != nil {
		w.Fatal(err)
	}
	return path
}

func TestThePackagesTextIsInForceUntilAnotherIsSet(t *testing.T) {
	w := newWorld(t)
	w.inForce(packaged)
	if e := w.entry(welcomeKey); e.IsSet || e.Warning != "" || e.Value != "templates/bienvenida.html" {
		t.Errorf("%+v", e)
	}
	other := w.file(filepath.Join(t.TempDir(), "mio.html"), "\ufeffel mío")
	if got := w.set(welcomeKey, other); got != "" {
		t.Fatal(got)
	}
	w.inForce("el mío")
	w.open()
	w.inForce("el mío")
	if got := w.set(welcomeKey, nil); got != "" {
		t.Fatal(got)
	}
	w.inForce(packaged)
}

func TestABadTemplateIsRefusedWithLineAndReason(t *testing.T) {
	w := newWorld(t)
	w.file("bueno.html", "bueno")
	w.set(welcomeKey, "bueno.html")
	bad := w.file(filepath.Join(t.TempDir(), "malo.html"), "uno\ndos {{malo}}")
	tests := []struct{ value, want string }{
		{bad, "Línea 2"},
		{"no-hay.html", "No se encuentra el archivo no-hay.html"},
		{filepath.Join(w.dir, "no-hay.html"), "No se encuentra"},
		{"../fuera.html", "nombre de archivo"},
		{w.dir, "no es un archivo"},
		{w.file("binario.html", "a\x00b"), "no es texto"},
		{w.file("latin1.html", "a\xf1o"), "no es texto"},
		{w.file("grande.html", strings.Repeat("x", 600<<10)), "demasiado grande"},
		{w.file("vacio.html", " \n"), "vacío"},
	}
	for _, tt := range tests {
		if got := w.set(welcomeKey, tt.value); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.value, got, tt.want)
		}
		w.inForce("bueno")
	}
	if got := w.write("x.html", "a {{malo}}"); !strings.Contains(got, "Línea 1") {
		t.Error(got)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "x.html")); err == nil {
		t.Error("a refused text was written to disk")
	}
	if len(w.history(welcomeKey)) != 1 {
		t.Error("a refusal left a line in the history")
	}
}

func TestATextTypedOnScreenIsKeptInAFileOfItsOwn(t *testing.T) {
	w := newWorld(t)
	elsewhere := w.file(filepath.Join(t.TempDir(), "ajeno.html"), "ajeno")
	tests := []struct{ value, name string }{
		{"", "PLG0074TextoFile.html"},
		{"templates/bienvenida.html", "PLG0074TextoFile.html"},
		{"navidad.html", "navidad.html"},
		{"temporada/verano.html", "temporada/verano.html"},
		{elsewhere, "ajeno.html"},
		{filepath.Join(w.dir, "propio.html"), "propio.html"},
	}
	for _, tt := range tests {
		text := "texto de " + tt.name + tt.value
		if got := w.write(tt.value, text); got != "" {
			t.Errorf("%s: %s", tt.value, got)
			continue
		}
		w.inForce(text)
		if e := w.entry(welcomeKey); e.Value != tt.name {
			t.Errorf("%s is kept as %v, want %s", tt.value, e.Value, tt.name)
		}
		if data, err := os.ReadFile(filepath.Join(w.dir, filepath.FromSlash(tt.name))); string(data) != text || err != nil {
			t.Errorf("%s holds %q (%v)", tt.name, data, err)
		}
		before := len(w.history(welcomeKey))
		w.refresh()
		if len(w.history(welcomeKey)) != before {
			t.Error("Refresh takes what was just written for a change")
		}
	}
	if data, _ := os.ReadFile(elsewhere); string(data) != "ajeno" {
		t.Error("a file elsewhere was overwritten")
	}
	for _, bad := range []string{"../x.html", "a/../../x.html", "/../x", "a\x00b"} {
		if filepath.IsAbs(bad) {
			continue // its base is used
		}
		if got := w.write(bad, "texto "+bad[:1]); !strings.Contains(got, "nombre de archivo") {
			t.Errorf("%q: %q", bad, got)
		}
	}
	left, _ := filepath.Glob(filepath.Join(w.dir, ".~*"))
	if len(left) > 0 {
		t.Errorf("drafts are left: %v", left)
	}
}

func TestAFileThatChangesOnDisk(t *testing.T) {
	w := newWorld(t)
	w.file("m.html", "uno")
	w.set(welcomeKey, "m.html")
	w.seen = nil

	w.refresh()
	if len(w.seen) != 0 {
		t.Errorf("nothing changed, and watchers were told %v", w.seen)
	}

	w.file("m.html", "dos")
	w.refresh()
	w.inForce("dos")
	h := w.history(welcomeKey)
	if len(h) != 2 || h[0].Operator != "archivo" || h[0].FromText == h[0].ToText || len(w.seen) != 1 {
		t.Errorf("history %+v, told %v", h, w.seen)
	}

	// A broken one leaves the previous in force, with a warning, also over other changes and a restart.
	w.file("m.html", "tres\n{{malo}}")
	w.refresh()
	w.inForce("dos")
	for _, step := range []func(){
		func() {}, func() { w.set("TiendaNombre", "Otra") }, func() { w.refresh() }, func() { w.open(); w.refresh() },
	} {
		step()
		if e := w.entry(welcomeKey); !strings.Contains(e.Warning, "Línea 2") || !strings.Contains(e.Warning, "sigue en vigor") {
			t.Errorf("warning %q", e.Warning)
		}
		w.inForce("dos")
	}
	if e, _ := w.guide.Entry(welcomeKey, "en"); !strings.Contains(e.Warning, "(en)") {
		t.Errorf("warning in English %q", e.Warning)
	}
	told := len(w.seen)
	w.refresh()
	if len(w.seen) != told {
		t.Error("the same fault is told again and again")
	}

	if err := os.Remove(filepath.Join(w.dir, "m.html")); err != nil {
		t.Fatal(err)
	}
	w.refresh()
	w.inForce("dos")
	if e := w.entry(welcomeKey); !strings.Contains(e.Warning, "No se encuentra") {
		t.Errorf("warning %q", e.Warning)
	}

	w.file("m.html", "dos") // as it was: no change, no warning
	w.refresh()
	if e := w.entry(welcomeKey); e.Warning != "" || len(w.history(welcomeKey)) != 2 {
		t.Errorf("warning %q, %d lines", e.Warning, len(w.history(welcomeKey)))
	}
	w.file("m.html", "tres")
	w.refresh()
	w.inForce("tres")
}

func TestARevertBringsTheTextBack(t *testing.T) {
	w := newWorld(t)
	own := w.file("m.html", "uno")
	w.set(welcomeKey, "m.html") // 1: nothing → uno
	w.write("m.html", "dos")    // 2: uno → dos
	w.file("m.html", "tres")    //
	w.refresh()                 // 3: dos → tres, by the file
	elsewhere := w.file(filepath.Join(t.TempDir(), "e.html"), "cuatro")
	w.set(welcomeKey, elsewhere) // 4: tres → cuatro
	w.file(elsewhere, "cinco")   //
	w.refresh()                  // 5: cuatro → cinco, by the file
	revert := func(sequence uint64, want string) {
		t.Helper()
		if _, err := w.guide.Revert(t.Context(), ana, welcomeKey, sequence, "es"); err != nil {
			t.Fatal(err)
		}
		w.inForce(want)
		w.refresh()
		w.inForce(want)
	}
	revert(5, "cuatro")
	if data, _ := os.ReadFile(elsewhere); string(data) != "cinco" {
		t.Error("a revert wrote to a file elsewhere")
	}
	w.file(elsewhere, "seis") // somebody changes it again: that counts
	w.refresh()
	w.inForce("seis")
	revert(3, "dos")
	if data, _ := os.ReadFile(own); string(data) != "dos" {
		t.Errorf("the file of the templates folder holds %q", data)
	}
	revert(2, "uno")
	revert(1, packaged)
	if e := w.entry(welcomeKey); e.IsSet {
		t.Error("the value is still set")
	}
	w.open()
	w.inForce(packaged)
}

func TestATextSurvivesItsFileAndADamagedCopyIsNotUsed(t *testing.T) {
	w := newWorld(t)
	w.write("m.html", "mío")
	if err := os.RemoveAll(w.dir); err != nil {
		t.Fatal(err)
	}
	w.open()
	w.inForce("mío")
	for key := range w.kv.records {
		if strings.HasPrefix(key, "setting_text\x00") {
			w.kv.records[key] = "otro"
		}
	}
	w.open()
	if text, _, err := w.guide.Template(welcomeKey); err == nil {
		t.Errorf("a damaged text is in force: %q", text)
	}
	if e := w.entry(welcomeKey); e.Warning == "" {
		t.Error("nobody is told")
	}
}
