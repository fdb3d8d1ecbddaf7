package interplay

import (
	"embed"
	"fmt"
	"sync"

	"github.com/goccy/go-yaml"

	"mostrador/sdk/manifest"
)

//go:embed locales/es.yaml locales/en.yaml
var localeFiles embed.FS

//go:embed core.yaml
var coreFile []byte

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

// houseRules are the rules of the house, which rank above those of plugins.
var houseRules = sync.OnceValues(func() ([]manifest.Rule, error) {
	return manifest.ParseRules(coreFile, "core.yaml")
})

// say writes a sentence in a language; Spanish for every language but English.
func say(lang, key string, args ...any) string {
	table := sentences()["es"]
	if len(lang) >= 2 && lang[:2] == "en" {
		table = sentences()["en"]
	}
	format, ok := table[key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return format
	}
	return fmt.Sprintf(format, args...)
}
