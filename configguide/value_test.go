package configguide

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"testing"

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
