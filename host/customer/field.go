package customer

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Fields are what a store keeps of its customers beyond the core's own fields: what the store itself declared
// (host/model), and what the active plugins add, as interplay leaves it. Fields are named by their ids, without
// "fields." before them. An answer of Config.Fields does not change; the next one may be another.
type Fields interface {
	// Field returns the declaration of a field, a retired one's too.
	Field(id string) (*Field, bool)
	// RequiredFields lists what whoever registers somebody has to fill in, fields of the core among it.
	RequiredFields() []string
	// FieldName is what people call a field.
	FieldName(id, lang string) string
}

// Field is a declaration as values are held to it. It never changes.
type Field struct {
	ID   string
	Type manifest.Type
	// Choices, Min, Max, Whole and Pattern are as in a manifest; Hint is said when Pattern does not match.
	Choices  []manifest.Choice
	Min, Max any
	Whole    bool
	Pattern  string
	Hint     manifest.Text
	// Many says that there may be more than one value, one a line.
	Many bool
	// Retired says that nobody can set it any more.
	Retired bool
	// Valid judges one value, which is as its type wants it: value is a text, float64 or bool, and kept the text that
	// would be stored. words say what is wrong with it; the store has a sentence where they are empty. It may be nil.
	Valid func(value any, kept, lang string) (words string, ok bool)
	// ValidFor is Valid for what depends on the rest of the customer, too. It may be nil.
	ValidFor func(c *plgv1.Customer, kept, lang string) (words string, ok bool)
}

// Types of the store's own fields beside those that manifests know.
const (
	// TypeInteger is a whole number of up to 18 digits.
	TypeInteger manifest.Type = "integer"
	// TypeDecimal is a number, kept with the digits that it was written with: "12.50".
	TypeDecimal manifest.Type = "decimal"
	// TypeDateTime is a moment on the store's clock: "2026-11-21T18:30".
	TypeDateTime manifest.Type = "date_time"
	// TypePostalAddress is two to six lines: street (one or two lines), postcode and city, region, country.
	TypePostalAddress manifest.Type = "postal_address"
	// TypeCustomer is another customer: kept as his id, typed as id or number.
	TypeCustomer manifest.Type = "customer"
)

// PluginFields are the fields of active plugins (host/interplay.Resolution).
type PluginFields interface {
	Field(id string) (*manifest.Field, bool)
	// ValidField tells whether a value (a text, float64 or bool, as the field's type is) meets the field's own
	// condition.
	ValidField(id string, value any) (bool, error)
	RequiredFields() []string
	FieldName(id, lang string) string
}

// OfPlugins are the fields of a store that declared none of its own.
func OfPlugins(p PluginFields) Fields { return pluginFields{p} }

type pluginFields struct{ PluginFields }

func (p pluginFields) Field(id string) (*Field, bool) {
	f, ok := p.PluginFields.Field(id)
	if !ok {
		return nil, false
	}
	return &Field{
		ID: f.ID, Type: f.Type, Choices: f.Choices, Min: f.Min, Max: f.Max, Whole: f.Whole, Pattern: f.Pattern, Hint: f.PatternHint,
		Valid: func(value any, _, lang string) (string, bool) {
			ok, err := p.ValidField(id, value)
			return f.ValidHint.In(lang), ok && err == nil
		},
	}, true
}

// declared are the fields in force; nil when nobody declares any.
func (s *Service) declared() Fields {
	if s.Fields == nil {
		return nil
	}
	return s.Fields()
}

// CheckForm brings the answer to a question of an action's form to the form in which a plugin gets it, or
// says in words what is wrong with it. An empty answer is as it should be, unless it is required.
func (s *Service) CheckForm(f *manifest.FormField, typed, lang string) (kept, problem string) {
	if strings.TrimSpace(typed) == "" {
		return "", ""
	}
	kept, _, wrong := s.parseValue(&Field{
		Type: f.Type, Choices: f.Choices, Min: f.Min, Max: f.Max, Whole: f.Whole, Pattern: f.Pattern, Hint: f.PatternHint,
	}, typed, lang)
	if wrong == nil {
		return kept, ""
	}
	j := &judgement{s: s, lang: lang}
	return "", j.words(wrong)
}

// Hold brings what somebody typed for a field to the form in which it is kept, or says what is wrong with it. With
// c, who may be nil, it is held to the rules that look at the rest of the customer, too; without tx references
// to other customers are not looked up.
func (s *Service) Hold(tx *store.Tx, f *Field, c *plgv1.Customer, typed, lang string) (kept string, wrong *plgv1.Diagnostic) {
	j := &judgement{s: s, lang: lang}
	say := func(c *complaint) *plgv1.Diagnostic {
		return &plgv1.Diagnostic{Severity: plgv1.Severity_SEVERITY_ERROR, Summary: j.words(c), Path: fieldPrefix + f.ID, Code: c.code}
	}
	value, ok := plainText(evenLines(typed), maxValue, true)
	if !ok {
		return "", say(complain("value_text"))
	}
	if value == "" {
		return "", nil
	}
	kept, problem := j.hold(f, value)
	if problem == nil && tx != nil && f.Type == TypeCustomer {
		var err error
		if kept, problem, err = s.resolve(tx, kept); err != nil {
			s.Logger.Error("looking up a reference to a customer", "field", f.ID, "error", err)
			problem = complain("value_customer", "customer", value)
		}
	}
	if problem == nil && c != nil {
		problem = j.holdFor(f, c, kept)
	}
	if problem != nil {
		return "", say(problem)
	}
	return kept, nil
}

// complaint is what is wrong with a value: the code of a sentence with its arguments, or words that are a
// sentence by themselves.
type complaint struct {
	code  string
	args  []any
	words string
}

// complain is a complaint when there is a problem.
func complain(code string, args ...any) *complaint {
	if code == "" {
		return nil
	}
	return &complaint{code: code, args: args}
}

// words is the sentence of a complaint.
func (j *judgement) words(c *complaint) string {
	if c.words != "" {
		return c.words
	}
	return j.sentence(c.code, c.args)
}

// evenLines ends lines as they are kept, whatever machine they were written on.
func evenLines(typed string) string {
	if !strings.Contains(typed, "\r") {
		return typed
	}
	return strings.ReplaceAll(strings.ReplaceAll(typed, "\r\n", "\n"), "\r", "\n")
}

func (j *judgement) normaliseField(c *plgv1.Customer, path string) {
	id, found := strings.CutPrefix(path, fieldPrefix)
	switch {
	case !found && plgv1Field(path):
		j.refuse(path, "field_read_only", "field", path)
	case !found || !fieldID.MatchString(id):
		j.refuse(path, "field_unknown", "field", path)
	case c.Fields[id] != "":
		value, ok := plainText(evenLines(c.Fields[id]), maxValue, true)
		if !ok {
			j.refuse(path, "value_invalid", "field", id)
			return
		}
		c.Fields[id] = j.checkField(path, id, value)
	}
}

// checkField holds the value of a declared field to its declaration and brings it to the form in which it is
// kept. Fields that nobody declares are texts.
func (j *judgement) checkField(path, id, value string) string {
	fields := j.s.declared()
	if fields == nil || value == "" {
		return value
	}
	f, ok := fields.Field(id)
	if !ok {
		return value
	}
	if f.Retired {
		j.refuse(path, "field_retired", "field", fields.FieldName(id, j.lang))
		return value
	}
	kept, wrong := j.hold(f, value)
	if wrong != nil {
		j.add(plgv1.Severity_SEVERITY_ERROR, path, wrong.code, j.words(wrong))
		return value
	}
	return kept
}

// hold brings a value to the form in which it is kept: of a field with many values each for itself, each once.
func (j *judgement) hold(f *Field, value string) (kept string, wrong *complaint) {
	if !f.Many {
		return j.holdOne(f, value)
	}
	var list []string
	for line := range strings.Lines(value) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		one, wrong := j.holdOne(f, line)
		if wrong != nil {
			return "", j.within(line, wrong)
		}
		list = append(list, one)
	}
	return strings.Join(unique(list), "\n"), nil
}

// within says of which of many values a complaint is.
func (j *judgement) within(value string, wrong *complaint) *complaint {
	return &complaint{code: wrong.code, words: j.sentence("value_of_many", []any{"value", value, "problem", j.words(wrong)})}
}

func (j *judgement) holdOne(f *Field, typed string) (string, *complaint) {
	kept, value, wrong := j.s.parseValue(f, typed, j.lang)
	if wrong != nil || f.Valid == nil {
		return kept, wrong
	}
	if words, ok := f.Valid(value, kept, j.lang); !ok {
		return "", &complaint{code: "value_condition", words: words}
	}
	return kept, nil
}

// holdFor holds a value that is in the form in which it is kept to the rules that look at the rest of the customer.
func (j *judgement) holdFor(f *Field, c *plgv1.Customer, kept string) *complaint {
	if f.ValidFor == nil {
		return nil
	}
	if !f.Many {
		if words, ok := f.ValidFor(c, kept, j.lang); !ok {
			return &complaint{code: "value_condition", words: words}
		}
		return nil
	}
	for one := range strings.SplitSeq(kept, "\n") {
		if words, ok := f.ValidFor(c, one, j.lang); !ok {
			return j.within(one, &complaint{code: "value_condition", words: words})
		}
	}
	return nil
}

// needed refuses to leave empty what has to be filled in, and holds values to the rules that look at the whole
// customer. With a mask only its paths are looked at: somebody whom the store knew before more was asked can
// still be changed, and a value that was good when it was typed troubles nobody who changes another one.
func (j *judgement) needed(c *plgv1.Customer, mask []string) {
	fields := j.s.declared()
	if fields == nil {
		return
	}
	for _, id := range fields.RequiredFields() {
		path := id
		f, declared := fields.Field(id)
		if declared {
			if f.Type == manifest.TypeYesNo {
				continue // a box that is not ticked is an answer
			}
			path = fieldPrefix + id
		}
		if mask != nil && !slices.Contains(mask, path) || textOf(c, path) != "" || j.about(path) {
			continue
		}
		j.refuse(path, "field_required", "field", fields.FieldName(id, j.lang))
	}
	for _, id := range slices.Sorted(maps.Keys(c.Fields)) {
		path := fieldPrefix + id
		if mask != nil && !slices.Contains(mask, path) || c.Fields[id] == "" || j.about(path) {
			continue
		}
		f, declared := fields.Field(id)
		if !declared || f.Retired {
			continue
		}
		if wrong := j.holdFor(f, c, c.Fields[id]); wrong != nil {
			j.add(plgv1.Severity_SEVERITY_ERROR, path, wrong.code, j.words(wrong))
		}
	}
}

// refer puts the ids of customers in the place of the numbers by which c refers to them, and refuses references to
// nobody, unless they stood there before: then he was erased.
func (j *judgement) refer(tx *store.Tx, c *plgv1.Customer) error {
	fields := j.s.declared()
	if fields == nil {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(c.Fields)) {
		f, declared := fields.Field(id)
		if !declared || f.Type != TypeCustomer || f.Retired || j.about(fieldPrefix+id) {
			continue
		}
		kept, wrong, err := j.s.resolve(tx, c.Fields[id])
		if err != nil {
			return err
		}
		if wrong == nil {
			c.Fields[id] = kept
			continue
		}
		before, err := j.s.ByNumber(tx, uint32(c.Number))
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		if before.GetFields()[id] != c.Fields[id] {
			j.add(plgv1.Severity_SEVERITY_ERROR, fieldPrefix+id, wrong.code, j.words(wrong))
		}
	}
	return nil
}

// Refer is what Register and Update do with references to other customers: it puts ids in the place of the numbers by
// which c refers to them, and says which of them nobody is.
func (j *Judge) Refer(tx *store.Tx, c *plgv1.Customer) ([]*plgv1.Diagnostic, error) {
	v := j.judgement()
	err := v.refer(tx, c)
	return v.Diagnostics, err
}
