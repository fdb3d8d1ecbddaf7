package configguide_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"mostrador/configguide"
)

const printer = "PLG0005Impresora"

// inTill is the value that holds at a till, and where it comes from.
func (w *world) inTill(key, till string) string {
	w.Helper()
	e := w.entryAt(key, till)
	if v := w.guide.Value(key, till); fmt.Sprint(v) != fmt.Sprint(e.Value) {
		w.Errorf("the entry shows %v and %v holds", e.Value, v)
	}
	return fmt.Sprint(e.Value, " ", e.Scope)
}

func TestTheNarrowestScopeThatIsSetHolds(t *testing.T) {
	w := newWorld(t)
	steps := []struct {
		at     configguide.At
		value  any
		c1, c2 string // what holds at the tills
	}{
		{configguide.Chain, "cadena", "cadena 1", "cadena 1"},
		{configguide.Till("Caja 1"), "una", "una 3", "cadena 1"},
		{configguide.Store, "tienda", "una 3", "tienda 2"},
		{configguide.Till("Caja 2"), "dos", "una 3", "dos 3"},
		{configguide.Till("Caja 1"), nil, "tienda 2", "dos 3"},
		{configguide.Store, nil, "cadena 1", "dos 3"},
		{configguide.Chain, nil, "tm20 0", "dos 3"},
	}
	for i, s := range steps {
		if bad := w.change(printer, s.at, s.value); bad != "" {
			t.Fatal(bad)
		}
		w.open()
		if c1, c2 := w.inTill(printer, "Caja 1"), w.inTill(printer, "Caja 2"); c1 != s.c1 || c2 != s.c2 {
			t.Errorf("step %d: %q and %q, want %q and %q", i, c1, c2, s.c1, s.c2)
		}
	}
	h := w.history(printer)
	if len(h) != len(steps) || h[5].At != configguide.Till("Caja 1") || h[6].At != configguide.Chain || h[4].At != configguide.Store {
		t.Errorf("the history does not say whose value it was: %+v", h)
	}
	if e := w.entryAt(printer, "Caja 2"); len(e.Values) != 1 || e.Values[0].At != configguide.Till("Caja 2") || e.Narrowest != configguide.ScopeTill {
		t.Errorf("%+v", e)
	}
	// Back to the beginning, change by change.
	for i := range h {
		if _, err := w.guide.Revert(t.Context(), ana, printer, h[i].Sequence, "es"); err != nil {
			t.Fatal(err)
		}
	}
	if e := w.entryAt(printer, "Caja 2"); len(e.Values) != 0 || e.Value != "tm20" {
		t.Errorf("after all is reverted: %+v", e)
	}
}

func TestAValueOfBeforeScopesIsTheStores(t *testing.T) {
	w := newWorld(t)
	w.kv.records["setting\x00"+printer] = `{"value":"vieja"}`
	w.kv.records["setting_history\x00\x00\x00\x00\x00\x00\x00\x00\x01"] = `{"key":"` + printer + `","time":"2026-01-01T00:00:00Z","operator":"luis","from":{"value":"antigua"},"to":{"value":"vieja"}}`
	w.kv.records["setting_history_key\x00"+printer+"\x00\x00\x00\x00\x00\x00\x00\x00\x01"] = "\x01"
	w.open()
	if e := w.entryAt(printer, "Caja 1"); e.Value != "vieja" || e.Scope != configguide.ScopeStore {
		t.Errorf("%+v", e)
	}
	if h := w.history(printer); len(h) != 1 || h[0].At != configguide.Store || h[0].From != "antigua" {
		t.Errorf("%+v", h)
	}
	if e, err := w.guide.Revert(t.Context(), ana, printer, 1, "es"); err != nil || e.Value != "antigua" || e.Scope != configguide.ScopeStore {
		t.Errorf("%+v %v", e, err)
	}
	w.set(printer, "otra") // kept as it always was, so that the program of before reads it
	if !strings.Contains(w.kv.records["setting\x00"+printer], `"value":"otra"`) {
		t.Error("the store's value is kept under another key")
	}
}

func TestScopesThatMakeNoSenseAreRefused(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		key string
		at  configguide.At
		bad string
	}{
		{"TiendaNombre", configguide.Till("Caja 1"), "toda la tienda"},
		{welcomeKey, configguide.Till("Caja 1"), "toda la tienda"},
		{printer, configguide.Till(""), "en qué caja"},
		{printer, configguide.Till("a\x00b"), "en qué caja"},
		{printer, configguide.Till(strings.Repeat("x", 101)), "en qué caja"},
		{printer, configguide.At{Scope: configguide.ScopeDefault}, "en qué caja"},
	} {
		if got := w.change(tt.key, tt.at, "x"); !strings.Contains(got, tt.bad) {
			t.Errorf("%s at %v: %q", tt.key, tt.at, got)
		}
	}
	if len(w.history("")) != 0 {
		t.Error("something changed")
	}
	// What must not be empty may be left to a wider scope, and to nobody else.
	if got := w.change("PLG0005Copias", configguide.Store, 2.0); got != "" {
		t.Error(got)
	}
	if got := w.change("PLG0005Copias", configguide.Store, nil); !strings.Contains(got, "no puede quedar vacío") {
		t.Error(got)
	}
	w.change("PLG0005Copias", configguide.Chain, 3.0)
	if got := w.change("PLG0005Copias", configguide.Store, nil); got != "" || w.guide.Int("PLG0005Copias") != 3 {
		t.Error(got)
	}
}

func TestPluginsAndTheCoreSeeTheStoresValues(t *testing.T) {
	w := newWorld(t)
	w.change(printer, configguide.Till("Caja 1"), "una")
	w.change("PLG0005Clave", configguide.Till("Caja 1"), "secreta-una")
	w.change("PLG0005Clave", configguide.Store, "secreta-de-todas")
	w.upload("PLG0005Logo", configguide.Store, "logo.png", "\x89PNG\x00\xff")
	own := w.guide.ValuesFor("PLG0005")
	file, _ := own["PLG0005Logo"].(map[string]any)
	if own[printer] != "tm20" || own["PLG0005Clave"] != "secreta-de-todas" || file["name"] != "logo.png" || file["content"] != "iVBORwD/" {
		t.Errorf("%v", own)
	}
	if w.guide.Text(printer) != "tm20" || w.guide.Values()["PLG0005Logo"] != "logo.png" {
		t.Error("the core sees a till's value, or rules a file's content")
	}
	if shown := fmt.Sprintf("%+v %+v", w.guide.EntriesFor("", "Caja 1", "es"), w.history("")); strings.Contains(shown, "secreta-") {
		t.Error("a secret of a till is shown")
	}
}

func TestAFileIsKeptWithItsContent(t *testing.T) {
	w := newWorld(t)
	const key = "PLG0005Logo"
	for _, tt := range []struct{ name, content, bad string }{
		{"x.png", "", "vacío"},
		{"x.png", strings.Repeat("x", configguide.MaxFile+1), "256 KB"},
		{"a\nb", "x", "no vale como nombre"},
		{strings.Repeat("x", 300), "x", "no vale como nombre"},
	} {
		if got := w.upload(key, configguide.Store, tt.name, tt.content); !strings.Contains(got, tt.bad) || got == "" {
			t.Errorf("%q: %q", tt.name, got)
		}
	}
	if got := w.set(key, "x.png"); !strings.Contains(got, "contenido") {
		t.Errorf("a name without content: %q", got)
	}
	if got := w.upload(key, configguide.Store, `C:\fotos\../logo.png`, "\x00\xffuno"); got != "" {
		t.Fatal(got)
	}
	if got := w.upload(key, configguide.Till("Caja 1"), "caja.png", "dos"); got != "" {
		t.Fatal(got)
	}
	if got := w.set(key, "logo.png"); got != "" || len(w.history(key)) != 2 { // a screen hands it back
		t.Errorf("%q %v", got, w.history(key))
	}
	w.open()
	if name, content := w.guide.File(key); name != "logo.png" || content != "\x00\xffuno" {
		t.Errorf("%q %q", name, content)
	}
	if e := w.entryAt(key, "Caja 1"); e.Value != "caja.png" || e.Content != "dos" || e.Size != 3 {
		t.Errorf("%+v", e)
	}
	w.upload(key, configguide.Store, "otro.png", "tres")
	if name, content := w.guide.File(key); name != "otro.png" || content != "tres" {
		t.Errorf("%q %q", name, content)
	}
	w.set("TiendaNombre", "Otra") // others change, it stays
	if _, content := w.guide.File(key); content != "tres" {
		t.Errorf("%q", content)
	}
	if _, err := w.guide.Revert(t.Context(), ana, key, 3, "es"); err != nil {
		t.Fatal(err)
	}
	if name, content := w.guide.File(key); name != "logo.png" || content != "\x00\xffuno" {
		t.Errorf("after the revert %q %q", name, content)
	}
	for k := range w.kv.records {
		if strings.HasPrefix(k, "setting_text\x00") {
			w.kv.records[k] = "otro"
		}
	}
	w.open()
	if name, content := w.guide.File(key); name != "" || content != "" || !strings.Contains(w.entry(key).Warning, "dañado") {
		t.Errorf("a damaged content holds: %q %q, %q", name, content, w.entry(key).Warning)
	}
}

func TestValuesOfAPluginThatIsGoneAreKeptAside(t *testing.T) {
	w := newWorld(t)
	w.set(printer, "mía")
	w.change(printer, configguide.Till("Caja 1"), "una")
	w.set("PLG0005Clave", "muy-secreta")
	w.set("PLG0005Tope", 7.0)
	if len(w.guide.Entries("@aside", "es")) != 0 {
		t.Error("something is aside while its plugin is active")
	}
	w.switched("PLG0005", false)
	w.open()
	aside := w.guide.Entries("@aside", "es")
	if len(aside) != 3 || aside[1].Key != printer || !aside[1].Aside || aside[1].Name != "Impresora de tiques" ||
		len(aside[1].Values) != 2 || aside[1].Owner != "PLG0005" || aside[2].Type != "number" || aside[2].Value != 7.0 {
		t.Fatalf("%+v", aside)
	}
	if strings.Contains(fmt.Sprintf("%+v", aside), "muy-secreta") || aside[0].Type != "secret" || !aside[0].IsSet {
		t.Errorf("%+v", aside[0])
	}
	for query, want := range map[string]int{"@aside @plugin:plg0005": 3, "@aside @plugin:PLG0074": 0, "@aside tope": 1, "tope": 0} {
		if got := len(w.guide.Entries(query, "es")); got != want {
			t.Errorf("%q finds %d, want %d", query, got, want)
		}
	}
	if got := w.set(printer, "otra"); !strings.Contains(got, printer) {
		t.Errorf("a value aside was set: %q", got)
	}
	if _, err := w.guide.Entry(printer, "es"); !errors.Is(err, configguide.ErrUnknown) {
		t.Error(err)
	}
	if got := w.change(printer, configguide.Till("Caja 1"), nil); got != "" {
		t.Error(got)
	}
	if got := w.set(printer, nil); got != "" || len(w.guide.Entries("@aside", "es")) != 2 {
		t.Error(got)
	}
	e, err := w.guide.Revert(t.Context(), ana, printer, w.history(printer)[0].Sequence, "es")
	if err != nil || !e.Aside || e.Value != "mía" {
		t.Errorf("%+v %v", e, err)
	}
	w.switched("PLG0005", true)
	if w.guide.Text(printer) != "mía" || w.guide.Int("PLG0005Tope") != 7 {
		t.Error("the values do not hold again")
	}
}

func TestRulesOfInterplayLockRequireAndHide(t *testing.T) {
	w := newWorld(t)
	w.set(printer, "mía")
	w.policies = map[string]configguide.Policy{
		printer:         {ReadOnly: true, Reason: "Lo decide PLG0074."},
		"CorreoUsuario": {Required: true, Reason: "El servidor lo pide."},
		"RegistroNivel": {Hidden: true},
	}
	for key, value := range map[string]any{printer: "otra", "CorreoUsuario": ""} {
		got := w.set(key, value)
		if got == "" || !strings.Contains(got, w.policies[key].Reason) {
			t.Errorf("%s: %q", key, got)
		}
	}
	if got := w.set(printer, nil); got == "" {
		t.Error("a locked value was taken away")
	}
	if _, err := w.guide.Revert(t.Context(), ana, printer, 1, "es"); w.refusal(err) == "" {
		t.Error("a locked value was reverted")
	}
	if got := w.set(printer, "mía"); got != "" {
		t.Errorf("what is set already: %q", got)
	}
	if e := w.entry(printer); !e.ReadOnly || e.Reason != "Lo decide PLG0074." || e.Value != "mía" {
		t.Errorf("%+v", e)
	}
	if e := w.entry("CorreoUsuario"); !e.Required || e.ReadOnly {
		t.Errorf("%+v", e)
	}
	for _, e := range w.guide.Entries("nivel", "es") {
		if e.Key == "RegistroNivel" {
			t.Error("what is hidden is listed")
		}
	}
}
