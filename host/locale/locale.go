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
	"sync"

	"github.com/goccy/go-yaml"
)

// Default is the language of whoever names none, or one that there is no translation for.
const Default = "es"

//go:embed es/*.yaml en/*.yaml
var files embed.FS

// Catalog is every sentence in every language. A file is read when its first sentence is said, since a store opens
// faster than all of them are read. It is safe for concurrent use.
type Catalog struct {
	files map[string]map[string]*file // by language, then by package
}

// file is one package's sentences in one language.
type file struct {
	fsys      fs.FS
	name      string
	once      sync.Once
	sentences map[string]sentence // by key without the package
	err       error
}

// sentence is one translation: a single wording under "other", or one per plural form.
type sentence map[string]string

// New returns the sentences that are part of the program. A file that cannot be read leaves its keys to stand for
// themselves; the package's tests refuse it.
func New() *Catalog { return load(files) }

// Text returns the sentence of a key in a language (BCP 47; "es-CO" is served by "es"), with its arguments
// as pairs of name and value: Text("es", "customer.phone_invalid", "phone", "600"). A key that does not
// exist is returned as it is.
func (c *Catalog) Text(lang, key string, args ...any) string {
	s, ok := c.find(c.Language(lang), key)
	if !ok {
		return key
	}
	if len(args) == 0 {
		return s["other"]
	}
	form := "other"
	for i := 0; i+1 < len(args); i += 2 {
		if args[i] == "n" && s["one"] != "" && text(args[i+1]) == "1" {
			form = "one"
		}
	}
	return fill(s[form], args)
}

// fill puts values into their places: {name}, where name is one of args. What else stands in braces stays.
func fill(sentence string, args []any) string {
	var out strings.Builder
	out.Grow(len(sentence) + 32)
	for {
		begin := strings.IndexByte(sentence, '{')
		if begin < 0 {
			break
		}
		out.WriteString(sentence[:begin])
		sentence = sentence[begin:]
		length := 1
		value := sentence[:1]
		for i := 0; i+1 < len(args); i += 2 {
			name := text(args[i])
			if rest := sentence[1:]; len(rest) > len(name) && rest[:len(name)] == name && rest[len(name)] == '}' {
				length, value = len(name)+2, text(args[i+1])
				break
			}
		}
		out.WriteString(value)
		sentence = sentence[length:]
	}
	out.WriteString(sentence)
	return out.String()
}

func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}

// Language returns the language in which the catalogue speaks to somebody who asks for lang.
func (c *Catalog) Language(lang string) string {
	base, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(lang, "_", "-")), "-")
	if _, ok := c.files[base]; ok {
		return base
	}
	return Default
}

// Languages lists the languages that there are, in alphabetical order.
func (c *Catalog) Languages() []string {
	return slices.Sorted(maps.Keys(c.files))
}

func (c *Catalog) find(lang, key string) (sentence, bool) {
	pkg, name, _ := strings.Cut(key, ".")
	f, ok := c.files[lang][pkg]
	if !ok {
		return nil, false
	}
	s, ok := f.read()[name]
	return s, ok
}

// load finds the LANGUAGE/PACKAGE.yaml files.
func load(fsys fs.FS) *Catalog {
	c := &Catalog{files: map[string]map[string]*file{}}
	names, _ := fs.Glob(fsys, "*/*.yaml") // its only error is a bad pattern
	for _, name := range names {
		lang := path.Dir(name)
		if c.files[lang] == nil {
			c.files[lang] = map[string]*file{}
		}
		c.files[lang][strings.TrimSuffix(path.Base(name), ".yaml")] = &file{fsys: fsys, name: name}
	}
	return c
}

// read returns the file's sentences: those before the first fault, when there is one.
func (f *file) read() map[string]sentence {
	f.once.Do(func() {
		f.sentences = map[string]sentence{}
		if err := f.parse(); err != nil {
			f.err = fmt.Errorf("locale %s: %w", f.name, err)
		}
	})
	return f.sentences
}

func (f *file) parse() error {
	data, err := fs.ReadFile(f.fsys, f.name)
	if err != nil {
		return err
	}
	var entries map[string]any
	if err := yaml.UnmarshalWithOptions(data, &entries, yaml.Strict()); err != nil {
		return err
	}
	for key, value := range entries {
		s, err := parse(value)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		f.sentences[key] = s
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
