package sdk

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// defaultLanguage is the language of whoever names none, or one that there is no translation for.
const defaultLanguage = "es"

// texts are a plugin's sentences: locales/LANGUAGE.yaml, in the form of the host's own,
//
//	sent: "Se envió a {email}."
//	points: {one: "Un punto", other: "{n} puntos"}
//
// with arguments by name in braces and, where a count changes the wording, one sentence per plural form that
// the argument n chooses.
type texts struct {
	sentences map[string]map[string]sentence // by language, then by key
}

// sentence is one translation: a single wording under "other", or one per plural form.
type sentence map[string]string

func readTexts(files fs.FS) (*texts, error) {
	t := &texts{sentences: map[string]map[string]sentence{}}
	names, err := fs.Glob(files, "locales/*.yaml")
	if err != nil {
		return t, err
	}
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return t, err
		}
		sentences, err := readSentences(data)
		if err != nil {
			return t, fmt.Errorf("%s: %w", name, err)
		}
		t.sentences[strings.TrimSuffix(path.Base(name), ".yaml")] = sentences
	}
	return t, nil
}

// readSentences reads one language. It looks at the YAML tree itself, as package manifest does: to decode into Go's
// types would link much more into every plugin. The parser may panic on input that it did not foresee.
func readSentences(data []byte) (sentences map[string]sentence, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("this is not YAML: %v", r)
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, err
	}
	sentences = map[string]sentence{}
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		entries, ok := entriesOf(doc.Body)
		if !ok {
			return nil, errors.New("this is no map of sentences by their keys")
		}
		for _, e := range entries {
			key := e.Key.GetToken().Value
			if _, twice := sentences[key]; twice {
				return nil, fmt.Errorf("%s is there twice", key)
			}
			if sentences[key], err = readSentence(e.Value); err != nil {
				return nil, fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	return sentences, nil
}

func readSentence(value ast.Node) (sentence, error) {
	if text, ok := textOf(value); ok {
		return sentence{"other": text}, nil
	}
	entries, ok := entriesOf(value)
	if !ok {
		return nil, fmt.Errorf("%s is no sentence", value)
	}
	s := sentence{}
	for _, e := range entries {
		form := e.Key.GetToken().Value
		wording, ok := textOf(e.Value)
		if !ok || form != "one" && form != "other" {
			return nil, fmt.Errorf("%q is no plural form with a sentence", form)
		}
		s[form] = wording
	}
	if s["other"] == "" {
		return nil, errors.New("the plural form other is missing")
	}
	return s, nil
}

// entriesOf returns the entries of a map.
func entriesOf(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode: // a map of one
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// textOf returns the text of a scalar that is one.
func textOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

func (t *texts) text(lang, key string, args []any) string {
	s, ok := t.sentences[t.language(lang)][key]
	if !ok {
		return key
	}
	form := "other"
	pairs := make([]string, 0, len(args))
	for i := 0; i+1 < len(args); i += 2 {
		value := fmt.Sprint(args[i+1])
		pairs = append(pairs, fmt.Sprintf("{%v}", args[i]), value)
		if args[i] == "n" && value == "1" && s["one"] != "" {
			form = "one"
		}
	}
	return strings.NewReplacer(pairs...).Replace(s[form])
}

// check compares the languages: a key that one of them lacks is found before anybody reads it.
func (t *texts) check() error {
	var missing []error
	for _, lang := range slices.Sorted(maps.Keys(t.sentences)) {
		for _, other := range slices.Sorted(maps.Keys(t.sentences)) {
			for _, key := range slices.Sorted(maps.Keys(t.sentences[other])) {
				if _, ok := t.sentences[lang][key]; !ok {
					missing = append(missing, fmt.Errorf("sdk: locales/%s.yaml lacks %q of locales/%s.yaml", lang, key, other))
				}
			}
		}
	}
	return errors.Join(missing...)
}

// language is the one that the plugin speaks to somebody who asks for lang: "es-CO" is served by "es".
func (t *texts) language(lang string) string {
	base, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(lang, "_", "-")), "-")
	if _, ok := t.sentences[base]; ok {
		return base
	}
	return defaultLanguage
}

// Language is the language of whom the handler speaks to: of the person at the screen in an action or panel,
// otherwise the customer's, otherwise the store's.
func (tx *Tx) Language() string {
	if tx.language != "" {
		return tx.language
	}
	return tx.work.settings.text(settingLanguage, defaultLanguage)
}

// Text is the plugin's sentence of that key (locales/LANGUAGE.yaml) in Language, with its arguments as pairs
// of name and value: tx.Text("sent", "email", c.Email). A key that does not exist is returned as it is.
func (tx *Tx) Text(key string, args ...any) string {
	return tx.work.plugin.texts.text(tx.Language(), key, args)
}

// Number writes a whole number as people of Language do: 12.345.
func (tx *Tx) Number(n int64) string {
	sign, separator := "", "."
	if n < 0 {
		sign = "−"
	}
	if tx.english() {
		separator = ","
	}
	return sign + group(strconv.FormatUint(magnitude(n), 10), separator)
}

// Money writes an amount as people of Language do: 1.234,50 €.
func (tx *Tx) Money(m Money) string {
	whole, fraction, _ := strings.Cut(Money{Minor: int64(magnitude(m.Minor)), Currency: m.Currency}.Decimal(), ".")
	thousands, point := ".", ","
	if tx.english() {
		thousands, point = ",", "."
	}
	text := group(whole, thousands)
	if fraction != "" {
		text += point + fraction
	}
	sign := ""
	if m.Minor < 0 {
		sign = "−"
	}
	if tx.english() {
		return sign + m.symbol() + text
	}
	return sign + text + "\u00a0" + m.symbol()
}

// Date writes a day as people of Language do, in the time zone of the machine: 21/11/2026.
func (tx *Tx) Date(t time.Time) string {
	if tx.english() {
		return t.Local().Format("2 Jan 2006")
	}
	return t.Local().Format("02/01/2006")
}

func (tx *Tx) english() bool { return tx.work.plugin.texts.language(tx.Language()) == "en" }

// group puts a separator between the thousands. Four digits alone are left together, as Spanish spelling
// wants it and English allows.
func group(digits, separator string) string {
	if len(digits) <= 4 {
		return digits
	}
	first := (len(digits)-1)%3 + 1
	var b strings.Builder
	b.WriteString(digits[:first])
	for i := first; i < len(digits); i += 3 {
		b.WriteString(separator)
		b.WriteString(digits[i : i+3])
	}
	return b.String()
}
