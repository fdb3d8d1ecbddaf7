package manifest

import (
	"maps"
	"slices"
)

// Text is one text in several languages, by ISO 639-1 code. In YAML it is a map, {es: ..., en: ...}, or a
// plain text, which is Spanish.
type Text map[string]string

// In returns the text in that language ("es", "en", "es-CR"), else in Spanish, else in any.
func (t Text) In(language string) string {
	if len(t) == 0 {
		return ""
	}
	if s := t[language]; s != "" {
		return s
	}
	if len(language) > 2 {
		if s := t[language[:2]]; s != "" {
			return s
		}
	}
	if s := t["es"]; s != "" {
		return s
	}
	for _, l := range slices.Sorted(maps.Keys(t)) {
		if t[l] != "" {
			return t[l]
		}
	}
	return ""
}

// Empty tells whether there is no text in any language.
func (t Text) Empty() bool { return t.In("es") == "" }
