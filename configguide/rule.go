package configguide

import (
	"strings"
	"unicode"

	"mostrador/sdk/manifest"
)

// rule says in words what a value of the entry must be, beyond what its type shows; empty when anything goes.
func (e *entry) rule(lang string) string {
	var words []string
	add := func(key string, args ...any) { words = append(words, say(lang, key, args...)) }
	suffix := ""
	switch e.Type {
	case manifest.TypeText, manifest.TypeLongText, manifest.TypeSecret:
		suffix = "_length"
	case manifest.TypeList:
		suffix = "_items"
	case manifest.TypeDate:
		suffix = "_date"
	case manifest.TypeFile:
		add("rule.file", MaxFile>>10)
	}
	least, most := bound(e.Min), bound(e.Max)
	switch {
	case least != "" && most != "":
		add("rule.between"+suffix, least, most)
	case least != "":
		add("rule.min"+suffix, least)
	case most != "":
		add("rule.max"+suffix, most)
	}
	if e.Whole {
		add("rule.whole")
	}
	for _, hint := range []manifest.Text{e.PatternHint, e.ValidHint} {
		if text := strings.TrimRight(hint.In(lang), ". "); text != "" {
			words = append(words, text)
		}
	}
	if len(words) == 0 {
		return ""
	}
	text := []rune(strings.Join(words, "; "))
	return string(unicode.ToUpper(text[0])) + string(text[1:]) + "."
}

// bound writes min or max as a person reads it.
func bound(v any) string {
	switch v := v.(type) {
	case float64:
		return figure(v)
	case string:
		if d, ok := duration(v); ok && d%(24*3600e9) == 0 && d > 0 {
			return figure(d.Hours()/24) + "d"
		}
		return v
	}
	return ""
}
