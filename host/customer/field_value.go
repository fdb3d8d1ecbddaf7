package customer

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"mostrador/host/store"
	"mostrador/sdk/manifest"
)

var (
	plainNumber = regexp.MustCompile(`^[+-]?[0-9]{1,15}([.,][0-9]{1,12})?$`)
	// groupedNumber is a number with separators of thousands and another one before the decimals, so that nobody can
	// take the one for the other.
	groupedNumber = regexp.MustCompile(`^[+-]?[0-9]{1,3}(?:(?:\.[0-9]{3})+,[0-9]{1,12}|(?:,[0-9]{3})+\.[0-9]{1,12}|(?:[ \x{a0}\x{202f}][0-9]{3})+(?:[.,][0-9]{1,12})?)$`)
	wholeNumber   = regexp.MustCompile(`^[+-]?[0-9]{1,18}(?:[.,]0{1,12})?$`)
	plainColor    = regexp.MustCompile(`^#(?:[0-9a-f]{6}|[0-9a-f]{3})$`)
	writtenDay    = regexp.MustCompile(`^([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})$`)
	yearFirst     = regexp.MustCompile(`^([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})$`)
	writtenTime   = regexp.MustCompile(`^([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]{1,9})?)?$`)
	customerNo    = regexp.MustCompile(`^(?:n\.?[ºo]?\.?|#)?[ \x{a0}]?([1-9][0-9]{0,9})$`)
)

// parseValue reads what somebody typed as one value of a field. kept is the text to keep, and value what a
// condition sees: a text, float64 or bool. What is kept is read as itself again.
func (s *Service) parseValue(f *Field, typed, lang string) (kept string, value any, wrong *complaint) {
	text, ok := plainText(typed, maxValue, f.Type == manifest.TypeLongText || f.Type == TypePostalAddress)
	if !ok {
		return "", nil, &complaint{code: "value_text"}
	}
	switch f.Type {
	case manifest.TypeNumber:
		return f.number(text)
	case TypeInteger:
		kept, wrong = integer(text)
	case TypeDecimal:
		if kept, ok = decimal(text); !ok {
			return "", nil, complain("value_number")
		}
	case manifest.TypeMoney:
		kept, wrong = f.money(text)
	case manifest.TypeYesNo:
		yes, ok := yesNo(text)
		if !ok {
			return "", nil, &complaint{code: "value_yes_no"}
		}
		return strconv.FormatBool(yes), yes, nil
	case manifest.TypeChoice:
		kept, wrong = f.choice(text, lang)
	case manifest.TypeDate:
		kept, wrong = f.date(text)
	case TypeDateTime:
		kept, wrong = s.dateTime(text)
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
		if kept, ok = country(text); !ok {
			return "", nil, &complaint{code: "value_country"}
		}
	case manifest.TypeColor:
		if kept, ok = color(text); !ok {
			return "", nil, &complaint{code: "value_color"}
		}
	case TypePostalAddress:
		kept, wrong = s.postalAddress(text)
	case TypeCustomer:
		kept, wrong = reference(text)
	default:
		kept, wrong = text, s.freeText(f, text, lang)
	}
	if wrong != nil {
		return "", nil, wrong
	}
	return kept, kept, nil
}

// freeText holds a text to its length and pattern.
func (s *Service) freeText(f *Field, text, lang string) *complaint {
	n := float64(utf8.RuneCountInString(text))
	if least, ok := f.Min.(float64); ok && n < least {
		return complain("value_short", "n", int(least))
	}
	if most, ok := f.Max.(float64); ok && n > most {
		return complain("value_long", "n", int(most))
	}
	if f.Pattern == "" {
		return nil
	}
	whole, ok := s.patterns.Load(f.Pattern)
	if !ok {
		compiled, err := regexp.Compile(`^(?:` + f.Pattern + `)$`)
		if err != nil { // the manifest was checked; what cannot be told is refused
			return &complaint{code: "value_condition", words: f.Hint.In(lang)}
		}
		whole, _ = s.patterns.LoadOrStore(f.Pattern, compiled)
	}
	if whole, ok := whole.(*regexp.Regexp); !ok || !whole.MatchString(text) {
		return &complaint{code: "value_condition", words: f.Hint.In(lang)}
	}
	return nil
}

// number reads a number as people write it, with a point or a comma.
func (f *Field) number(text string) (string, any, *complaint) {
	digits, ok := decimal(text)
	n, err := strconv.ParseFloat(digits, 64)
	switch {
	case err != nil || !ok:
		return "", nil, complain("value_number")
	case f.Whole && n != math.Trunc(n):
		return "", nil, complain("value_whole")
	}
	if least, ok := f.Min.(float64); ok && n < least {
		return "", nil, complain("value_least", "bound", figure(least))
	}
	if most, ok := f.Max.(float64); ok && n > most {
		return "", nil, complain("value_most", "bound", figure(most))
	}
	n += 0 // -0 is 0
	return figure(n), n, nil
}

// figure writes a number without needless digits.
func figure(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }

// decimal brings a number to digits with a point, all of which it keeps: "1.234,50" is "1234.50".
func decimal(text string) (string, bool) {
	switch {
	case plainNumber.MatchString(text):
		text = strings.Replace(text, ",", ".", 1)
	case groupedNumber.MatchString(text):
		at := strings.LastIndexAny(text, ".,")
		whole, fraction := text, ""
		if at >= 0 {
			whole, fraction = text[:at], "."+text[at+1:]
		}
		text = strings.Map(func(r rune) rune {
			if r == '+' || r == '-' || r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, whole) + fraction
		if !plainNumber.MatchString(text) {
			return "", false
		}
	default:
		return "", false
	}
	return plainDigits(text), true
}

// plainDigits takes a needless sign and needless zeros before a number away.
func plainDigits(text string) string {
	sign := ""
	if text[0] == '+' || text[0] == '-' {
		sign, text = strings.TrimPrefix(text[:1], "+"), text[1:]
	}
	for len(text) > 1 && text[0] == '0' && text[1] != '.' {
		text = text[1:]
	}
	if strings.Trim(text, "0.") == "" {
		sign = ""
	}
	return sign + text
}

// integer reads a whole number; "3,0" is one.
func integer(text string) (string, *complaint) {
	if !wholeNumber.MatchString(text) {
		if digits, ok := decimal(text); !ok {
			return "", complain("value_number")
		} else if text = digits; !wholeNumber.MatchString(text) {
			return "", complain("value_whole")
		}
	}
	if at := strings.IndexAny(text, ".,"); at >= 0 {
		text = text[:at]
	}
	return plainDigits(text), nil
}

// money reads an amount; it is kept with a point.
func (f *Field) money(text string) (string, *complaint) {
	text, ok := decimal(text)
	if !ok {
		return "", complain("value_money")
	}
	amount, ok := new(big.Rat).SetString(text)
	if !ok {
		return "", complain("value_money")
	}
	for _, b := range []struct {
		bound any
		code  string
		sign  int
	}{{f.Min, "value_least", -1}, {f.Max, "value_most", 1}} {
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
	case "true", "sí", "si", "s", "yes", "y", "1", "verdadero":
		return true, true
	case "false", "no", "n", "0", "falso":
		return false, true
	}
	return false, false
}

// choice reads one of the choices, by its value or by what people call it.
func (f *Field) choice(text, lang string) (string, *complaint) {
	for _, c := range f.Choices {
		if c.Value == text {
			return text, nil
		}
	}
	var names []string
	folded := fold(text)
	for _, c := range f.Choices {
		if fold(c.Value) == folded {
			return c.Value, nil
		}
		for _, name := range c.Name {
			if fold(name) == folded {
				return c.Value, nil
			}
		}
		names = append(names, c.Name.In(lang))
	}
	return "", complain("value_choice", "choices", strings.Join(names, ", "))
}

// day reads a day, as 2026-11-21 or as people here write it, 21/11/2026.
func day(text string) (string, bool) {
	parts := writtenDay.FindStringSubmatch(text)
	if parts != nil {
		slices.Reverse(parts[1:])
	} else if parts = yearFirst.FindStringSubmatch(text); parts == nil {
		_, err := time.Parse(time.DateOnly, text)
		return text, err == nil
	}
	text = fmt.Sprintf("%s-%02s-%02s", parts[1], parts[2], parts[3])
	_, err := time.Parse(time.DateOnly, text)
	return text, err == nil
}

// date reads a day. Spreadsheets write one as its first moment.
func (f *Field) date(text string) (string, *complaint) {
	date, clock, found := cutTime(text)
	text, ok := day(date)
	if !ok || found && strings.Trim(strings.TrimSuffix(clock, "Z"), "0:.,") != "" {
		return "", complain("value_date")
	}
	if least, ok := f.Min.(string); ok && text < least {
		return "", complain("value_least", "bound", least)
	}
	if most, ok := f.Max.(string); ok && text > most {
		return "", complain("value_most", "bound", most)
	}
	return text, nil
}

// cutTime divides a moment into its day and its time of day.
func cutTime(text string) (date, clock string, found bool) {
	if at := strings.IndexAny(text, "T "); at >= 0 {
		return text[:at], strings.TrimSpace(text[at+1:]), true
	}
	return text, "", false
}

// dateTime reads a moment on the store's clock. One with a zone is brought to the store's; without a time of day it
// is the day's first moment.
func (s *Service) dateTime(text string) (string, *complaint) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		text = t.In(s.Now().Location()).Format("2006-01-02T15:04:05")
	}
	date, clock, found := cutTime(text)
	date, ok := day(date)
	if !ok {
		return "", complain("value_date_time")
	}
	if !found {
		return date + "T00:00", nil
	}
	parts := writtenTime.FindStringSubmatch(clock)
	if parts == nil {
		return "", complain("value_date_time")
	}
	clock = fmt.Sprintf("%02s:%s", parts[1], parts[2])
	if parts[3] != "" && parts[3] != "00" {
		clock += ":" + parts[3]
	}
	layout := "15:04:05"[:len(clock)]
	if _, err := time.Parse(layout, clock); err != nil {
		return "", complain("value_date_time")
	}
	return date + "T" + clock, nil
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

// country reads a country by its code of two or three letters, or by its name in a language of the store.
func country(text string) (string, bool) {
	if len(text) == 2 || len(text) == 3 {
		if region, err := language.ParseRegion(text); err == nil {
			if region = region.Canonicalize(); region.IsCountry() && len(region.String()) == 2 {
				return region.String(), true
			}
		}
	}
	code, ok := countryNames()[fold(text)]
	return code, ok
}

// countryNames are the codes of countries by their folded names.
var countryNames = sync.OnceValue(func() map[string]string {
	names := map[string]string{}
	for _, lang := range []language.Tag{language.Spanish, language.English} {
		in := display.Regions(lang)
		for a := 'A'; a <= 'Z'; a++ {
			for b := 'A'; b <= 'Z'; b++ {
				region, err := language.ParseRegion(string([]rune{a, b}))
				if err != nil {
					continue
				}
				if region = region.Canonicalize(); !region.IsCountry() || len(region.String()) != 2 {
					continue
				}
				if name := fold(in.Name(region)); name != "" && names[name] == "" {
					names[name] = region.String()
				}
			}
		}
	}
	return names
})

// color reads a colour as pages write it: "#1a2b3c", or short "#abc".
func color(text string) (string, bool) {
	text = strings.ToLower(text)
	if !plainColor.MatchString(text) {
		return "", false
	}
	if len(text) == 4 {
		text = string([]byte{'#', text[1], text[1], text[2], text[2], text[3], text[3]})
	}
	return text, true
}

// reference reads how somebody refers to a customer: by id, or by number, which has to be looked up.
func reference(text string) (string, *complaint) {
	if parts := customerNo.FindStringSubmatch(strings.ToLower(text)); parts != nil {
		return parts[1], nil
	}
	if id, err := uuid.Parse(text); err == nil && len(text) == 36 {
		return id.String(), nil
	}
	return "", complain("value_customer", "customer", text)
}

// resolve returns the ids of the customers of references, one a line, or says which of them nobody is.
func (s *Service) resolve(tx *store.Tx, references string) (ids string, wrong *complaint, err error) {
	var list []string
	for typed := range strings.SplitSeq(references, "\n") {
		ref, wrong := reference(typed)
		if wrong != nil {
			return "", wrong, nil
		}
		if number, err := strconv.ParseUint(ref, 10, 32); err == nil {
			other, err := s.ByNumber(tx, uint32(number))
			switch {
			case err == nil:
				list = append(list, other.Id)
				continue
			case !errors.Is(err, ErrNotFound):
				return "", nil, err
			}
		} else if _, err := s.Get(tx, ref); err == nil {
			list = append(list, ref)
			continue
		} else if !errors.Is(err, ErrNotFound) {
			return "", nil, err
		}
		return "", complain("value_customer", "customer", typed), nil
	}
	return strings.Join(unique(list), "\n"), nil, nil
}
