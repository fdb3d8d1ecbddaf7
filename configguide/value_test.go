package configguide

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"mostrador/sdk/manifest"
)

// FuzzParse checks for every type that what is kept parses to itself, so that reading it back never changes it.
func FuzzParse(f *testing.F) {
	types := []manifest.Type{
		manifest.TypeText, manifest.TypeLongText, manifest.TypeNumber, manifest.TypeMoney, manifest.TypeYesNo,
		manifest.TypeChoice, manifest.TypeDuration, manifest.TypeEmail, manifest.TypeURL, manifest.TypeCountry,
		manifest.TypeSecret, manifest.TypeList, manifest.TypeColor, manifest.TypeDate, manifest.TypePhone,
	}
	for i := range types {
		for _, s := range []string{"", "12,50", "-0", "sí", "7d", "1h30m0s", "a@año.es", "https://a.b/c%2f/", "es", "a,b\n c", "#ABCDEF", "2026-11-21", "600 111 222", "+52 55 1234 5678", "0.000", "99999999999999999999", "\xff", "a\u2028"} {
			f.Add(i, s)
		}
	}
	f.Fuzz(func(t *testing.T, i int, text string) {
		if i < 0 || i >= len(types) {
			return
		}
		s := &manifest.Setting{Key: "Clave", Name: manifest.Text{"es": "Clave"}, Type: types[i],
			Choices: []manifest.Choice{{Value: "es"}}}
		for _, code := range []string{"EUR", "CLP", "TND", "no"} {
			kept, problem := parse(s, text, locality{code, "ES"})
			if problem != nil {
				for _, lang := range []string{"es", "en"} {
					if problem.sentence(s, lang) == problem.key {
						t.Fatalf("no sentence for %s", problem.key)
					}
				}
				continue
			}
			again, problem := parse(s, kept, locality{code, "ES"})
			if problem != nil || !reflect.DeepEqual(again, kept) {
				t.Fatalf("%s %q is kept as %#v, which is read as %#v (%v)", s.Type, text, kept, again, problem)
			}
		}
	})
}

// FuzzScalar checks that a text is read back to the letter, by Import and by other readers of YAML.
func FuzzScalar(f *testing.F) {
	for _, s := range []string{"", " a", "a ", "a\n", "\n\na", "  a\nb", "a\n\n", "\ta\n b", "#", "a #b", "no", "1e3", "- a", "a\n- b", "'", `"\`, "\u2028", "\x7f", "a\n  ", "😀\n😀", "a\r\nb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		file := "a:\n  b:\n    k: " + scalar(s, 2) + "\n    z:\n      - " + line(s) + "\n"
		root, flaws := parseYAML(file)
		if len(flaws) > 0 {
			t.Fatalf("%q is written as %q: %v", s, file, flaws)
		}
		got := root.pairs[0].value.pairs[0].value.pairs
		if got[0].value.text != s || got[1].value.list[0].text != s {
			t.Fatalf("%q is written as %q and read as %+v", s, file, got)
		}
		var other map[string]map[string]map[string]any
		if err := yaml.Unmarshal([]byte(file), &other); err != nil || other["a"]["b"]["k"] != s {
			t.Fatalf("others read %q as %q (%v)\n%s", s, other["a"]["b"]["k"], err, file)
		}
	})
}

func TestBothLanguagesHaveTheSameSentences(t *testing.T) {
	es, en := sentences()["es"], sentences()["en"]
	if a, b := slices.Sorted(maps.Keys(es)), slices.Sorted(maps.Keys(en)); !slices.Equal(a, b) {
		t.Errorf("keys differ: %v\n%v", a, b)
	}
	verb := regexp.MustCompile(`%\[\d\][a-z]`)
	for key := range es {
		a, b := verb.FindAllString(es[key], -1), verb.FindAllString(en[key], -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("%s: %v in Spanish, %v in English", key, a, b)
		}
	}
}

func BenchmarkText(b *testing.B) {
	g := &Guide{}
	g.now.Store(&snapshot{byKey: map[string]*entry{"TiendaNombre": {usual: "Mi tienda"}}})
	for b.Loop() {
		g.Text("TiendaNombre")
	}
}
