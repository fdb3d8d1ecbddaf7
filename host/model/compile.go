package model

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Bounds of a declaration, in entries and in characters.
const (
	maxFields     = 120
	maxRules      = 20
	maxConditions = 20
	maxChoices    = 500
	maxChoice     = 64
	maxName       = 100
	maxWords      = 500
	maxOperand    = 500
)

// kind is what there is to know of a type.
type kind struct {
	manifest.Type
	group group
	// single says that there cannot be many values: one may have lines of its own, or a second one has no meaning.
	single bool
}

// group is how values of a type compare.
type group int

const (
	groupText group = iota
	groupNumber
	groupDate
	groupYesNo
)

// kinds are the types that the store's own fields may have.
var kinds = []kind{
	{manifest.TypeText, groupText, false}, {manifest.TypeLongText, groupText, true}, {customer.TypeInteger, groupNumber, false},
	{customer.TypeDecimal, groupNumber, false}, {manifest.TypeMoney, groupNumber, false}, {manifest.TypeDate, groupDate, false},
	{customer.TypeDateTime, groupDate, false}, {manifest.TypeYesNo, groupYesNo, true}, {manifest.TypeEmail, groupText, false},
	{manifest.TypePhone, groupText, false}, {manifest.TypeURL, groupText, false}, {manifest.TypeChoice, groupText, false},
	{manifest.TypeCountry, groupText, false}, {customer.TypePostalAddress, groupText, true}, {customer.TypeCustomer, groupText, false},
	{manifest.TypeColor, groupText, false},
}

func kindOf(name string) (kind, bool) {
	i := slices.IndexFunc(kinds, func(k kind) bool { return string(k.Type) == name })
	if i < 0 {
		return kind{Type: manifest.TypeText}, false
	}
	return kinds[i], true
}

var (
	identifier = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,63}$`)
	// ofAPlugin is how the ids of plugins' fields begin, by the rules of manifests.
	ofAPlugin = regexp.MustCompile(`(?i)^plg[0-9]{4}_`)
)

// reserved are names that expressions give another meaning to.
var reserved = []string{"value", "today", "customer", "consent", "fields", "purchases", "measures", "registered", "points",
	"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop", "package", "namespace",
	"null", "return", "true", "var", "void", "while"}

// problems collects what is wrong with a declaration, in the language of whoever makes it.
type problems struct {
	s    *Service
	lang string
	list []*plgv1.Diagnostic
}

func (p *problems) add(path, code string, args ...any) {
	p.list = append(p.list, &plgv1.Diagnostic{
		Severity: plgv1.Severity_SEVERITY_ERROR, Summary: p.s.text(p.lang, code, args...), Path: path, Code: code,
	})
}

// line refuses a text that is longer than most, is to be there and is not, or has what cannot be seen.
func (p *problems) line(path, text string, most int, needed, lines bool) {
	switch {
	case needed && text == "":
		p.add(path, "empty")
	case utf8.RuneCountInString(text) > most:
		p.add(path, "long", "n", most)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && !(lines && r == '\n') || r == '\u2028' || r == '\u2029' || unicode.Is(unicode.Bidi_Control, r)
	}):
		p.add(path, "invisible")
	}
}

// tidied is a declaration as it is kept, without what is not the declarer's to say.
func tidied(f *mostradorv1.Field) *mostradorv1.Field {
	f = proto.CloneOf(f)
	if f == nil {
		f = new(mostradorv1.Field)
	}
	trim := func(text *string) {
		*text = strings.TrimSpace(norm.NFC.String(strings.ReplaceAll(*text, "\r\n", "\n")))
	}
	for _, text := range []*string{&f.Id, &f.Name, &f.Help, &f.Script, &f.ScriptMessage} {
		trim(text)
	}
	for _, c := range f.Choices {
		trim(&c.Value)
		trim(&c.Label)
		if c.Value == "" {
			c.Value = c.Label
		}
		if c.Label == "" {
			c.Label = c.Value
		}
	}
	for _, r := range f.Rules {
		trim(&r.Message)
	}
	f.Origin, f.Plugin = mostradorv1.FieldOrigin_FIELD_ORIGIN_STORE, ""
	if f.Category == mostradorv1.FieldCategory_FIELD_CATEGORY_UNSPECIFIED {
		f.Category = mostradorv1.FieldCategory_FIELD_CATEGORY_PROFILE
	}
	if f.Script == "" {
		f.ScriptMessage = ""
	}
	if f.Type != string(manifest.TypeChoice) {
		f.Choices = nil
	}
	return f
}

// named judges what a field is called.
func (p *problems) named(f *mostradorv1.Field, others *snapshot) {
	id := strings.ToLower(f.GetId())
	switch {
	case !identifier.MatchString(f.GetId()):
		p.add("id", "id_invalid")
	case ofAPlugin.MatchString(id):
		p.add("id", "id_plugin", "field", f.GetId())
	case slices.Contains(reserved, id) || ofTheCore(id):
		p.add("id", "id_core", "field", f.GetId())
	}
	p.line("name", f.GetName(), maxName, true, false)
	p.line("help", f.GetHelp(), maxWords, false, true)
	for _, o := range others.list {
		if o.GetId() != f.GetId() && strings.ToLower(o.GetId()) == id {
			p.add("id", "id_case", "field", o.GetId())
		}
		if o.GetId() != f.GetId() && !o.GetRetired() && strings.EqualFold(o.GetName(), f.GetName()) {
			p.add("name", "name_taken", "field", o.GetId())
		}
	}
	if _, ok := mostradorv1.FieldCategory_name[int32(f.GetCategory())]; !ok {
		p.add("category", "category_invalid")
	}
}

// ofTheCore tells whether the store itself has a field of that name, or counts something under it.
func ofTheCore(id string) bool {
	for _, m := range []proto.Message{new(plgv1.Customer), new(mostradorv1.Facts)} {
		for i, fields := 0, m.ProtoReflect().Descriptor().Fields(); i < fields.Len(); i++ {
			if string(fields.Get(i).Name()) == id {
				return true
			}
		}
	}
	return false
}

// compile makes of a declaration what values are held to, and says what is wrong with it. What is wrong is left out
// of what it returns, but for a script: what cannot be told is refused.
func (s *Service) compile(lang string, f *mostradorv1.Field) (*definition, []*plgv1.Diagnostic) {
	p := &problems{s: s, lang: lang}
	k, ok := kindOf(f.GetType())
	if !ok {
		p.add("type", "type_unknown", "type", f.GetType())
	}
	many := f.GetMany()
	if many && k.single {
		p.add("many", "many_single", "type", s.text(lang, "type_"+f.GetType()))
		many = false
	}
	d := &definition{Field: f, judged: &customer.Field{ID: f.GetId(), Type: k.Type, Many: many, Retired: f.GetRetired()}}
	d.judged.Choices = p.choices(f, k)
	rules := p.rules(f, k)
	if f.GetScript() != "" {
		d.script = p.script(f, k)
	}
	d.judged.Valid = func(_ any, kept, lang string) (string, bool) {
		for _, r := range rules {
			if !r.holds(kept) {
				return r.message, false
			}
		}
		if d.script != nil && !d.script.asks && !d.script.holds(nil, kept) {
			return s.scriptMessage(f, lang), false
		}
		return "", true
	}
	if d.script != nil && d.script.asks {
		d.judged.ValidFor = func(c *plgv1.Customer, kept, lang string) (string, bool) {
			if !d.script.holds(c, kept) {
				return s.scriptMessage(f, lang), false
			}
			return "", true
		}
	}
	return d, p.list
}

func (s *Service) scriptMessage(f *mostradorv1.Field, lang string) string {
	if m := f.GetScriptMessage(); m != "" {
		return m
	}
	return s.text(lang, "refused", "field", f.GetName())
}

// choices judges and compiles what can be chosen.
func (p *problems) choices(f *mostradorv1.Field, k kind) []manifest.Choice {
	if k.Type != manifest.TypeChoice {
		return nil
	}
	switch n := len(f.GetChoices()); {
	case n == 0:
		p.add("choices", "choices_none")
	case n > maxChoices:
		p.add("choices", "choices_many", "n", maxChoices)
		return nil
	}
	var list []manifest.Choice
	for i, c := range f.GetChoices() {
		path := fmt.Sprintf("choices[%d]", i)
		p.line(path+".value", c.GetValue(), maxChoice, true, false)
		p.line(path+".label", c.GetLabel(), maxName, false, false)
		for _, o := range f.GetChoices()[:i] {
			if strings.EqualFold(o.GetValue(), c.GetValue()) || strings.EqualFold(o.GetLabel(), c.GetLabel()) {
				p.add(path+".value", "choice_twice", "choice", c.GetLabel())
				break
			}
		}
		list = append(list, manifest.Choice{Value: c.GetValue(), Name: manifest.Text{"es": c.GetLabel()}})
	}
	return list
}
