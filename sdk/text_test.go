package sdk

import (
	"maps"
	"testing"
)

func TestSentencesAreReadInEveryFormOfYAML(t *testing.T) {
	got, err := readSentences([]byte(`# a comment
plain: Hola, {name}.
"quoted": 'Queda {n}.'
long: >-
  Una frase
  larga.
lines: |
  Uno
  dos
left: {one: 'Queda {n}.', other: 'Quedan {n}.'}
block:
  other: Solo una
`))
	want := map[string]sentence{
		"plain": {"other": "Hola, {name}."}, "quoted": {"other": "Queda {n}."}, "long": {"other": "Una frase larga."},
		"lines": {"other": "Uno\ndos\n"}, "left": {"one": "Queda {n}.", "other": "Quedan {n}."}, "block": {"other": "Solo una"},
	}
	if err != nil || !maps.EqualFunc(got, want, maps.Equal[sentence, sentence]) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWhatIsNoSentenceIsRefused(t *testing.T) {
	for name, content := range map[string]string{
		"a list": "a: [1]", "a number": "a: 5", "nothing": "a:", "no map": "- a", "twice": "a: x\na: y",
		"an unknown form": "a: {few: x, other: y}", "without other": "a: {one: x}", "broken": "a: {", "an alias": "a: &x y\nb: *x",
	} {
		if got, err := readSentences([]byte(content)); err == nil {
			t.Errorf("%s became %q", name, got)
		}
	}
	if got, err := readSentences(nil); err != nil || len(got) != 0 {
		t.Errorf("nothing became %q, %v", got, err)
	}
}

func FuzzReadSentences(f *testing.F) {
	f.Add([]byte("hello: 'Hola, {name}.'\nleft: {one: 'Queda {n}.', other: 'Quedan {n}.'}\n"))
	f.Add([]byte("a: >\n  b\n"))
	f.Add([]byte("? a\n: b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<10 { // the parser's time grows faster than its input
			return
		}
		sentences, err := readSentences(data)
		if err != nil {
			return
		}
		for key, s := range sentences {
			if _, ok := s["other"]; !ok {
				t.Errorf("%q has no wording", key)
			}
		}
	})
}
