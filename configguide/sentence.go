package configguide

import (
	"fmt"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// sentences holds the translations by language and key; read on the first sentence that anybody asks for.
var sentences = sync.OnceValue(func() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, lang := range []string{"es", "en"} {
		table := map[string]string{}
		data, err := localeFiles.ReadFile("locales/" + lang + ".yaml")
		if err == nil {
			err = yaml.Unmarshal(data, &table)
		}
		if err != nil { // embedded and tested: only a broken build comes here
			table["broken"] = err.Error()
		}
		all[lang] = table
	}
	return all
})

// table returns the sentences of a language; Spanish for every language but English.
func table(lang string) map[string]string {
	if strings.HasPrefix(lang, "en") {
		return sentences()["en"]
	}
	return sentences()["es"]
}

// say writes a sentence.
func say(lang, key string, args ...any) string {
	format, ok := table(lang)[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}

// label is a path's element in a language: the manifest's own translation, else the Guide's, else as it is.
func label(t manifest.Text, lang string) string {
	if strings.HasPrefix(lang, "en") && t["en"] != "" {
		return t["en"]
	}
	es := t.In("es")
	if known, ok := table(lang)["label."+es]; ok {
		return known
	}
	return t.In(lang)
}

// problem is why a value is refused, before it is put into words.
type problem struct {
	key  string
	args []any
	// hint is the manifest's own sentence.
	hint manifest.Text
	// path is where below the entry it is; empty for all of it.
	path string
}

// sentence says the problem about an entry.
func (p *problem) sentence(s *manifest.Setting, lang string) string {
	args := []any{s.Name.In(lang)}
	for _, a := range p.args {
		if t, ok := a.(func(lang string) string); ok {
			a = t(lang)
		}
		args = append(args, a)
	}
	if p.hint != nil {
		args = append(args, p.hint.In(lang))
	}
	if strings.HasPrefix(p.key, "template.") {
		args = args[1:]
	}
	return say(lang, p.key, args...)
}

// refuse makes one problem a refusal.
func refuse(s *manifest.Setting, p *problem, lang string) *Refused {
	return &Refused{Diagnostics: []*plgv1.Diagnostic{{
		Severity: plgv1.Severity_SEVERITY_ERROR,
		Summary:  p.sentence(s, lang),
		Path:     below(s.Key, p.path),
		Code:     "setting_" + strings.ReplaceAll(p.key, ".", "_"),
	}}}
}

// below is a path below a key.
func below(key, path string) string {
	if path == "" || path == key {
		return key
	}
	return key + "." + strings.TrimPrefix(path, key+".")
}

// warning is what a person should know about an entry.
type warning struct {
	key     string
	problem *problem
	// texts are the template checker's own sentences by language.
	texts manifest.Text
}

// sentence says the warning.
func (w warning) sentence(s *manifest.Setting, lang string) string {
	if w.problem != nil {
		return say(lang, w.key, w.problem.sentence(s, lang))
	}
	return say(lang, w.key, w.texts.In(lang))
}
