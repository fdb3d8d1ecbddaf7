package customer

import (
	"math"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Fields are what the active plugins add to the customer, as interplay leaves it (host/interplay.Resolution).
// Fields are named by their ids, without "fields." before them.
type Fields interface {
	// Field returns the declaration of an active plugin's field.
	Field(id string) (*manifest.Field, bool)
	// ValidField tells whether a value (a text, float64 or bool, as the field's type is) meets the field's own
	// condition.
	ValidField(id string, value any) (bool, error)
	// RequiredFields lists what whoever registers somebody has to fill in, fields of the core among it.
	RequiredFields() []string
	// FieldName is what people call a field.
	FieldName(id, lang string) string
}

// asked is what a manifest asks of one value.
type asked struct {
	kind     manifest.Type
	choices  []manifest.Choice
	min, max any
	whole    bool
	pattern  string
	hint     manifest.Text
}

// complaint is what is wrong with a value: the code of a sentence with its arguments, or a hint of the
// manifest, which is a sentence by itself.
type complaint struct {
	code string
	args []any
	hint manifest.Text
}

var (
	plainNumber = regexp.MustCompile(`^[+-]?[0-9]{1,15}([.,][0-9]{1,12})?$`)
	plainColor  = regexp.MustCompile(`^#[0-9a-f]{6}$`)
	writtenDay  = regexp.MustCompile(`^([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})$`)
)

// CheckForm brings the answer to a question of an action's form to the form in which a plugin gets it, or
// says in words what is wrong with it. An empty answer is as it should be, unless it is required.
func (s *Service) CheckForm(f *manifest.FormField, typed, lang string) (kept, problem string) {
	if strings.TrimSpace(typed) == "" {
		return "", ""
	}
	kept, _, wrong := s.parseValue(&asked{f.Type, f.Choices, f.Min, f.Max, f.Whole, f.Pattern, f.PatternHint}, typed, lang)
	if wrong == nil {
		return kept, ""
	}
	j := &judgement{s: s, lang: lang}
	return "", j.words(wrong)
}

// words is the sentence of a complaint.
func (j *judgement) words(c *complaint) string {
	if !c.hint.Empty() {
		return c.hint.In(j.lang)
	}
	return j.sentence(c.code, c.args)
}

// checkField holds the value of an active plugin's field to its declaration and brings it to the form in
// which it is kept. Fields that nobody declares are texts.
func (j *judgement) checkField(path, id, value string) string {
	fields := j.s.declared()
	if fields == nil || value == "" {
		return value
	}
	f, ok := fields.Field(id)
	if !ok {
		return value
	}
	kept, parsed, wrong := j.s.parseValue(&asked{f.Type, f.Choices, f.Min, f.Max, f.Whole, f.Pattern, f.PatternHint}, value, j.lang)
	if wrong == nil {
		if ok, err := fields.ValidField(id, parsed); !ok || err != nil {
			wrong = &complaint{code: "value_condition", hint: f.ValidHint}
		}
	}
	if wrong != nil {
		j.add(plgv1.Severity_SEVERITY_ERROR, path, wrong.code, j.words(wrong))
		return value
	}
	return kept
}

// needed refuses to leave empty what has to be filled in. With a mask only its paths are looked at: somebody
// whom the store knew before a plugin asked for more can still be changed.
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
}

// declared are the fields of the active plugins; nil when nobody declares any.
func (s *Service) declared() Fields {
	if s.Fields == nil {
		return nil
	}
	return s.Fields()
}

// parseValue reads what somebody typed as a value of a type. kept is the text to keep, and value what a
// condition sees: a text, float64 or bool.
func (s *Service) parseValue(a *asked, typed, lang string) (kept string, value any, wrong *complaint) {
	text, ok := plainText(typed, maxValue, a.kind == manifest.TypeLongText)
	if !ok {
		return "", nil, &complaint{code: "value_text"}
	}
	switch a.kind {
	case manifest.TypeNumber:
		return a.number(text)
	case manifest.TypeMoney:
		kept, wrong = a.money(text)
	case manifest.TypeYesNo:
		yes, ok := yesNo(text)
		if !ok {
			return "", nil, &complaint{code: "value_yes_no"}
		}
		return strconv.FormatBool(yes), yes, nil
	case manifest.TypeChoice:
		kept, wrong = a.choice(text, lang)
	case manifest.TypeDate:
		kept, wrong = a.date(text)
	case manifest.TypeEmail:
		email, problem := parseEmail(text)
		kept, wrong = email, complain(problem, "email", text)
	case manifest.TypePhone:
		country := s.country()
		phone, problem := parsePhone(text, country)
		kept, wrong = phone, complain(problem, "phone", text, "prefix", callingCode(country))
	case manifest.TypeURL:
		kept, wrong = address(text)
	case manifest.TypeCountry:
		region, err := language.ParseRegion(text)
		if err != nil || !region.IsCountry() || len(text) != 2 {
			return "", nil, &complaint{code: "value_country"}
		}
		kept = region.String()
	case manifest.TypeColor:
		if kept = strings.ToLower(text); !plainColor.MatchString(kept) {
			return "", nil, &complaint{code: "value_color"}
		}
	default:
		kept, wrong = text, s.freeText(a, text)
	}
	if wrong != nil {
		return "", nil, wrong
	}
	return kept, kept, nil
}

// complain is a complaint when there is a problem.
func complain(code string, args ...any) *complaint {
	if code == "" {
		return nil
	}
	return &complaint{code: code, args: args}
}

// freeText holds a text to its length and pattern.
func (s *Service) freeText(a *asked, text string) *complaint {
	n := float64(utf8.RuneCountInString(text))
	if least, ok := a.min.(float64); ok && n < least {
		return complain("value_short", "n", int(least))
	}
	if most, ok := a.max.(float64); ok && n > most {
		return complain("value_long", "n", int(most))
	}
	if a.pattern == "" {
		return nil
	}
	whole, ok := s.patterns.Load(a.pattern)
	if !ok {
		compiled, err := regexp.Compile(`^(?:` + a.pattern + `)$`)
		if err != nil { // the manifest was checked; what cannot be told is refused
			return &complaint{code: "value_condition", hint: a.hint}
		}
		whole, _ = s.patterns.LoadOrStore(a.pattern, compiled)
	}
	if whole, ok := whole.(*regexp.Regexp); !ok || !whole.MatchString(text) {
		return &complaint{code: "value_condition", hint: a.hint}
	}
	return nil
}

// number reads a number as people write it, with a point or a comma.
func (a *asked) number(text string) (string, any, *complaint) {
	n, err := strconv.ParseFloat(strings.Replace(text, ",", ".", 1), 64)
	switch {
	case err != nil || !plainNumber.MatchString(text):
		return "", nil, complain("value_number")
	case a.whole && n != math.Trunc(n):
		return "", nil, complain("value_whole")
	}
	if least, ok := a.min.(float64); ok && n < least {
		return "", nil, complain("value_least", "bound", figure(least))
	}
	if most, ok := a.max.(float64); ok && n > most {
		return "", nil, complain("value_most", "bound", figure(most))
	}
	n += 0 // -0 is 0
	return figure(n), n, nil
}

// figure writes a number without needless digits.
func figure(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// money reads an amount; it is kept with a point.
func (a *asked) money(text string) (string, *complaint) {
	text = strings.TrimPrefix(strings.Replace(text, ",", ".", 1), "+")
	amount, ok := new(big.Rat).SetString(text)
	if !ok || !plainNumber.MatchString(text) {
		return "", complain("value_money")
	}
	for _, b := range []struct {
		bound any
		code  string
		sign  int
	}{{a.min, "value_least", -1}, {a.max, "value_most", 1}} {
		if bound, ok := b.bound.(string); ok {
			if limit, ok := new(big.Rat).SetString(bound); ok && amount.Cmp(limit) == b.sign {
				return "", complain(b.code, "bound", bound)
			}
		}
	}
	return text, nil
}

// yesNo reads a yes or no of the languages that the store speaks.
func yesNo(text string) (yes, ok bool) {
	switch strings.ToLower(text) {
	case "true", "sí", "si", "s", "yes", "y", "1":
		return true, true
	case "false", "no", "n", "0":
		return false, true
	}
	return false, false
}

// choice reads one of the choices, by its value.
func (a *asked) choice(text, lang string) (string, *complaint) {
	var names []string
	for _, c := range a.choices {
		if c.Value == text {
			return text, nil
		}
		names = append(names, c.Name.In(lang))
	}
	return "", complain("value_choice", "choices", strings.Join(names, ", "))
}

// date reads a day, as 2026-11-21 or as people here write it, 21/11/2026.
func (a *asked) date(text string) (string, *complaint) {
	if parts := writtenDay.FindStringSubmatch(text); parts != nil {
		day, _ := strconv.Atoi(parts[1])
		month, _ := strconv.Atoi(parts[2])
		year, _ := strconv.Atoi(parts[3])
		t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
		if t.Day() != day || int(t.Month()) != month {
			return "", complain("value_date")
		}
		text = t.Format(time.DateOnly)
	}
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return "", complain("value_date")
	}
	if least, ok := a.min.(string); ok && text < least {
		return "", complain("value_least", "bound", least)
	}
	if most, ok := a.max.(string); ok && text > most {
		return "", complain("value_most", "bound", most)
	}
	return text, nil
}

// address reads the address of a page.
func address(text string) (string, *complaint) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		strings.ContainsAny(text, " \\") {
		return "", complain("value_url")
	}
	u.Host = strings.ToLower(u.Host)
	return u.String(), nil
}
