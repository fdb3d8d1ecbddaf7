// Package locale holds the sentences that the host says to people, Spanish first with English beside it.
//
// Each package of the host that speaks keeps its own file, LANGUAGE/PACKAGE.yaml, in every language. The
// file's name is the prefix of its keys: phone_empty in es/customer.yaml is "customer.phone_empty". A value
// is one sentence with arguments by name in braces,
//
//	phone_invalid: "{phone} no es un teléfono de {country}."
//
// or, where a count changes the wording, one sentence per plural form, chosen by the argument n:
//
//	tries_left: {one: "Queda un intento.", other: "Quedan {n} intentos."}
//
// A test compares the languages, so a key or argument that one of them lacks is found before anybody reads it.
package locale

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// Default is the language of whoever names none, or one that there is no translation for.
const Default = "es"

//go:embed es/*.yaml en/*.yaml
var files embed.FS

// Catalog is every sentence in every language. It does not change once made and is safe for concurrent use.
type Catalog struct {
	sentences map[string]map[string]sentence // by language, then by key
}

// sentence is one translation: a single wording under "other", or one per plural form.
type sentence map[string]string

// New reads the sentences that are part of the program.
func New() *Catalog {
	// A file that cannot be read leaves its keys to stand for themselves; the package's tests refuse it.
	c, _ := load(files)
	return c
}

// Text returns the sentence of a key in a language (BCP 47; "es-CO" is served by "es"), with its arguments
// as pairs of name and value: Text("es", "customer.phone_invalid", "phone", "600"). A key that does not
// exist is returned as it is.
func (c *Catalog) Text(lang, key string, args ...any) string {
	s, ok := c.sentences[c.Language(lang)][key]
	if !ok {
		return key
	}
	if len(args) == 0 {
		return s["other"]
	}
	pairs := make([]string, 0, len(args))
	form := "other"
	for i := 0; i+1 < len(args); i += 2 {
		value := fmt.Sprint(args[i+1])
		pairs = append(pairs, fmt.Sprintf("{%v}", args[i]), value)
		if args[i] == "n" && value == "1" && s["one"] != "" {
			form = "one"
		}
	}
	return strings.NewReplacer(pairs...).Replace(s[form])
}

// Language returns the language in which the catalogue speaks to somebody who asks for lang.
func (c *Catalog) Language(lang string) string {
	base, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(lang, "_", "-")), "-")
	if _, ok := c.sentences[base]; ok {
		return base
	}
	return Default
}

// Languages lists the languages that there are, in alphabetical order.
func (c *Catalog) Languages() []string {
	return slices.Sorted(maps.Keys(c.sentences))
}

// load reads LANGUAGE/PACKAGE.yaml files. What can be read is in the catalogue even when there is an error.
func load(fsys fs.FS) (*Catalog, error) {
	c := &Catalog{sentences: map[string]map[string]sentence{}}
	names, err := fs.Glob(fsys, "*/*.yaml")
	if err != nil {
		return c, err
	}
	var problems []error
	for _, name := range names {
		if err := c.read(fsys, name); err != nil {
			problems = append(problems, fmt.Errorf("locale %s: %w", name, err))
		}
	}
	return c, errors.Join(problems...)
}

func (c *Catalog) read(fsys fs.FS, name string) error {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	var entries map[string]any
	if err := yaml.UnmarshalWithOptions(data, &entries, yaml.Strict()); err != nil {
		return err
	}
	lang, prefix := path.Dir(name), strings.TrimSuffix(path.Base(name), ".yaml")
	if c.sentences[lang] == nil {
		c.sentences[lang] = map[string]sentence{}
	}
	for key, value := range entries {
		s, err := parse(value)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		c.sentences[lang][prefix+"."+key] = s
	}
	return nil
}

func parse(value any) (sentence, error) {
	switch v := value.(type) {
	case string:
		return sentence{"other": v}, nil
	case map[string]any:
		s := sentence{}
		for form, text := range v {
			wording, ok := text.(string)
			if !ok || (form != "one" && form != "other") {
				return nil, fmt.Errorf("plural form %q must be a sentence under one or other", form)
			}
			s[form] = wording
		}
		if s["other"] == "" {
			return nil, errors.New("the plural form other is missing")
		}
		return s, nil
	default:
		return nil, fmt.Errorf("a sentence is wanted, not %T", value)
	}
}
