package interplay

import (
	"maps"
	"regexp"
	"slices"
	"testing"
)

func TestBothLanguagesHaveTheSameSentences(t *testing.T) {
	es, en := sentences()["es"], sentences()["en"]
	if a, b := slices.Sorted(maps.Keys(es)), slices.Sorted(maps.Keys(en)); !slices.Equal(a, b) {
		t.Errorf("keys differ: %v\n%v", a, b)
	}
	verb := regexp.MustCompile(`%\[\d\][a-z]`)
	for key := range es {
		// A language may leave a datum out, but must not name one that is not there.
		for _, v := range verb.FindAllString(en[key], -1) {
			if !slices.Contains(verb.FindAllString(es[key], -1), v) {
				t.Errorf("%s: English has %s, Spanish has not", key, v)
			}
		}
	}
}
