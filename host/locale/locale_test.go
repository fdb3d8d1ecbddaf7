package locale

import (
	"regexp"
	"slices"
	"testing"
	"testing/fstest"
)

func TestLanguagesHaveTheSameKeysAndArguments(t *testing.T) {
	c := load(files)
	if got := c.Languages(); !slices.Equal(got, []string{"en", "es"}) {
		t.Fatalf("languages %v", got)
	}
	argument := regexp.MustCompile(`\{[^{}]*\}`)
	arguments := func(s sentence) []string {
		found := argument.FindAllString(s["other"], -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	for lang, other := range map[string]string{"es": "en", "en": "es"} {
		for key, s := range all(t, c, lang) {
			twin, ok := c.find(other, key)
			switch {
			case !ok:
				t.Errorf("%s has no %s", other, key)
			case !slices.Equal(arguments(s), arguments(twin)):
				t.Errorf("%s: arguments %v in %s, %v in %s", key, arguments(s), lang, arguments(twin), other)
			case s["other"] == "":
				t.Errorf("%s is empty in %s", key, lang)
			}
		}
	}
}

// all reads every file of a language.
func all(t *testing.T, c *Catalog, lang string) map[string]sentence {
	t.Helper()
	sentences := map[string]sentence{}
	for pkg, f := range c.files[lang] {
		for key, s := range f.read() {
			sentences[pkg+"."+key] = s
		}
		if f.err != nil {
			t.Error(f.err)
		}
	}
	return sentences
}

func TestText(t *testing.T) {
	c := load(fstest.MapFS{
		"es/till.yaml": {Data: []byte("hello: Hola, {name}.\nleft: {one: Queda un intento., other: 'Quedan {n} intentos.'}\n")},
		"en/till.yaml": {Data: []byte("hello: Hello, {name}.\nleft: {one: One try left., other: '{n} tries left.'}\n")},
	})
	for _, test := range []struct {
		lang, key string
		args      []any
		want      string
	}{
		{"es", "till.hello", []any{"name", "{name} y {n}", "n", 2}, "Hola, {name} y {n}."},
		{"es", "till.hello", []any{"nam", "x", "name", 7}, "Hola, 7."},
		{"es", "till.hello", []any{"n", "x"}, "Hola, {name}."},
		{"es", "till.hello", []any{"name", "Ana"}, "Hola, Ana."},
		{"en-GB", "till.hello", []any{"name", "Ana"}, "Hello, Ana."},
		{"es_CO", "till.hello", []any{"name", "{n}"}, "Hola, {n}."},
		{"", "till.hello", []any{"name", "Ana"}, "Hola, Ana."},
		{"de", "till.hello", []any{"name", "Ana"}, "Hola, Ana."},
		{"es", "till.left", []any{"n", 1}, "Queda un intento."},
		{"es", "till.left", []any{"n", 3}, "Quedan 3 intentos."},
		{"en", "till.left", []any{"n", int32(1)}, "One try left."},
		{"es", "till.none", nil, "till.none"},
	} {
		if got := c.Text(test.lang, test.key, test.args...); got != test.want {
			t.Errorf("Text(%q, %q, %v) = %q, want %q", test.lang, test.key, test.args, got, test.want)
		}
	}
}

func TestBadFilesAreNamed(t *testing.T) {
	for name, data := range map[string]string{
		"a list":          "a: [x]",
		"a number":        "a: 3",
		"unknown plural":  "a: {few: x, other: y}",
		"no plural other": "a: {one: x}",
		"a repeated key":  "a: x\na: y",
	} {
		f := load(fstest.MapFS{"es/x.yaml": {Data: []byte(data)}}).files["es"]["x"]
		if f.read(); f.err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
