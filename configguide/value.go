package configguide

import (
	"math"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/net/idna"
	"golang.org/x/text/currency"
	"golang.org/x/text/language"

	"mostrador/sdk/manifest"
)

// Limits of texts for entries that set no max of their own, in characters, and of lists, in items.
const (
	maxText = 1000
	maxLong = 64 << 10
	maxList = 1000
)

// maxMinor bounds amounts of money, far from overflow.
const maxMinor = int64(1e15)

// parse checks a raw value and returns it as it is kept: string, float64, bool or []any. Nil means that the
// entry has no value (it is then not set). It is generous with how people and programs write a value, and
// strict with what it means:
//
//	number     12, "12", "0,5"          → float64
//	money      "12,50", 12.5            → "12.50" with the currency's decimals
//	yes_no     true, "sí", "no", "yes"  → bool
//	duration   "7d", "1h30m", "90s"     → what time.ParseDuration reads: "168h"
//	date       "2026-11-21"
//	phone      "600 111 222"            → "+34600111222", as in the store's country
//	email      "a@Ejemplo.COM"          → "a@ejemplo.com"
//	country    "es"                     → "ES"
//	list       ["a", "b"], "a, b"       → []any
//	message_rules  [{"id": "gracias"}]  → []any of map[string]any
func parse(s *manifest.Setting, raw any, at locality) (any, *problem) {
	if raw == nil {
		return none(s)
	}
	if text, ok := raw.(string); ok && s.Type != manifest.TypeSecret && strings.TrimSpace(text) == "" {
		if s.Required {
			return nil, &problem{key: "required"}
		}
		switch s.Type {
		case manifest.TypeText, manifest.TypeLongText, manifest.TypeEmail, manifest.TypePhone, manifest.TypeURL:
			return "", nil
		case manifest.TypeList, manifest.TypeMessageRules:
			return []any{}, nil
		}
		return nil, nil
	}
	switch s.Type {
	case manifest.TypeNumber:
		return parseNumber(s, raw)
	case manifest.TypeYesNo:
		return parseYesNo(raw)
	case manifest.TypeMoney:
		return parseMoney(s, raw, at.currency)
	case manifest.TypeList:
		return parseList(s, raw)
	case manifest.TypeMessageRules:
		return parseRules(s, raw)
	}
	text, ok := raw.(string)
	if !ok {
		return nil, &problem{key: "type.text"}
	}
	switch s.Type {
	case manifest.TypeLongText:
		return parseText(s, strings.ReplaceAll(text, "\r\n", "\n"), true)
	case manifest.TypeSecret:
		if text == "" {
			return none(s)
		}
		return parseText(s, text, false)
	}
	text = strings.TrimSpace(text)
	switch s.Type {
	case manifest.TypeChoice:
		return parseChoice(s, text)
	case manifest.TypeDuration:
		return parseDuration(s, text)
	case manifest.TypeDate:
		return parseDate(s, text)
	case manifest.TypeEmail:
		return parseEmail(text)
	case manifest.TypePhone:
		return parsePhone(text, at.country)
	case manifest.TypeURL:
		return parseURL(text)
	case manifest.TypeCountry:
		region, err := language.ParseRegion(text)
		if err != nil || !region.IsCountry() || len(text) != 2 {
			return nil, &problem{key: "type.country", args: []any{short(text)}}
		}
		return region.String(), nil
	case manifest.TypeColor:
		if !color.MatchString(text) {
			return nil, &problem{key: "type.color", args: []any{short(text)}}
		}
		return strings.ToLower(text), nil
	}
	return parseText(s, text, false)
}

var color = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)

// none is the value of an entry that is emptied.
func none(s *manifest.Setting) (any, *problem) {
	if s.Required && s.Default == nil {
		return nil, &problem{key: "required"}
	}
	return nil, nil
}

// parseText checks free text.
func parseText(s *manifest.Setting, text string, long bool) (any, *problem) {
	limit, bad := float64(maxText), "characters"
	if long {
		limit, bad = maxLong, "characters_long"
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) && (!long || r != '\n' && r != '\t') || r == '\u2028' || r == '\u2029'
	}) {
		return nil, &problem{key: bad}
	}
	if p := bounds(float64(utf8.RuneCountInString(text)), s.Min, orLimit(s.Max, limit), "_length"); p != nil {
		return nil, p
	}
	if s.Pattern != "" {
		whole, err := regexp.Compile(`^(?:` + s.Pattern + `)$`)
		if err != nil || !whole.MatchString(text) {
			return nil, &problem{key: "pattern", hint: s.PatternHint}
		}
	}
	return text, nil
}

// orLimit returns the entry's own maximum, or the usual one.
func orLimit(own any, usual float64) any {
	if own == nil {
		return usual
	}
	return own
}

// bounds checks a number against min and max of the same kind.
func bounds(n float64, least, most any, suffix string) *problem {
	if m, ok := least.(float64); ok && n < m {
		return &problem{key: "min" + suffix, args: []any{figure(m)}}
	}
	if m, ok := most.(float64); ok && n > m {
		return &problem{key: "max" + suffix, args: []any{figure(m)}}
	}
	return nil
}

// figure writes a number without needless digits.
func figure(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// parseNumber reads a number.
func parseNumber(s *manifest.Setting, raw any) (any, *problem) {
	var n float64
	switch v := raw.(type) {
	case float64:
		n = v
	case string:
		text := strings.Replace(strings.TrimSpace(v), ",", ".", 1)
		if !decimal.MatchString(text) {
			return nil, &problem{key: "type.number"}
		}
		n, _ = strconv.ParseFloat(text, 64)
	default:
		return nil, &problem{key: "type.number"}
	}
	if math.IsNaN(n) || math.Abs(n) > 1e15 {
		return nil, &problem{key: "type.number"}
	}
	if s.Whole && n != math.Trunc(n) {
		return nil, &problem{key: "type.whole"}
	}
	if p := bounds(n, s.Min, s.Max, ""); p != nil {
		return nil, p
	}
	return n + 0, nil // -0 is 0
}

var decimal = regexp.MustCompile(`^-?[0-9]{1,16}(\.[0-9]{1,16})?$`)

// parseYesNo reads yes or no.
func parseYesNo(raw any) (any, *problem) {
	switch v := raw.(type) {
	case bool:
		return v, nil
	case string:
		switch strings.ToLower(strings.TrimSpace(v)) {
		case "true", "sí", "si", "s", "yes", "y", "1":
			return true, nil
		case "false", "no", "n", "0":
			return false, nil
		}
	}
	return nil, &problem{key: "type.yes_no"}
}

// parseMoney reads an amount and writes it with the currency's decimals.
func parseMoney(s *manifest.Setting, raw any, code string) (any, *problem) {
	digits := decimals(code)
	bad := &problem{key: "type.money", args: []any{digits}}
	if f, ok := raw.(float64); ok {
		raw = figure(f)
	}
	text, ok := raw.(string)
	if !ok {
		return nil, bad
	}
	minor, ok := amount(text, digits)
	if !ok {
		return nil, bad
	}
	for _, b := range []struct {
		key   string
		bound any
		sign  int64
	}{{"min", s.Min, 1}, {"max", s.Max, -1}} {
		if text, ok := b.bound.(string); ok {
			if m, ok := amount(text, digits); ok && (minor-m)*b.sign < 0 {
				return nil, &problem{key: b.key, args: []any{text}}
			}
		}
	}
	return writeAmount(minor, digits), nil
}

// amount reads a decimal amount into minor units.
func amount(text string, digits int) (int64, bool) {
	text = strings.Replace(strings.TrimSpace(text), ",", ".", 1)
	if !decimal.MatchString(text) {
		return 0, false
	}
	whole, fraction, _ := strings.Cut(text, ".")
	fraction = strings.TrimRight(fraction, "0")
	if len(fraction) > digits {
		return 0, false
	}
	minor, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", digits-len(fraction)), 10, 64)
	return minor, err == nil && minor <= maxMinor && minor >= -maxMinor
}

// writeAmount writes minor units as a decimal text.
func writeAmount(minor int64, digits int) string {
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	text := strconv.FormatInt(minor, 10)
	if digits == 0 {
		return sign + text
	}
	if missing := digits + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// decimals is how many decimals a currency has (ISO 4217); two when it is not known.
func decimals(code string) int {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return 2
	}
	scale, _ := currency.Standard.Rounding(unit)
	return scale
}

// parseChoice checks that the value is one of the choices.
func parseChoice(s *manifest.Setting, text string) (any, *problem) {
	if slices.ContainsFunc(s.Choices, func(c manifest.Choice) bool { return c.Value == text }) {
		return text, nil
	}
	return nil, &problem{key: "type.choice", args: []any{short(text), func(lang string) string {
		names := make([]string, len(s.Choices))
		for i, c := range s.Choices {
			names[i] = c.Value
			if name := c.Name.In(lang); name != c.Value {
				names[i] += " (" + name + ")"
			}
		}
		return strings.Join(names, ", ")
	}}}
}

// parseDuration reads a time; it knows days and weeks, which time.ParseDuration does not.
func parseDuration(s *manifest.Setting, text string) (any, *problem) {
	d, ok := duration(text)
	if !ok {
		return nil, &problem{key: "type.duration"}
	}
	if least, ok := s.Min.(string); ok {
		if m, ok := duration(least); ok && d < m {
			return nil, &problem{key: "min", args: []any{least}}
		}
	}
	if most, ok := s.Max.(string); ok {
		if m, ok := duration(most); ok && d > m {
			return nil, &problem{key: "max", args: []any{most}}
		}
	}
	return writeDuration(d), nil
}

var days = regexp.MustCompile(`^([0-9]{1,5}) ?([dw])$`)

// duration reads a time that is not negative.
func duration(text string) (time.Duration, bool) {
	if m := days.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		unit := 24 * time.Hour
		if m[2] == "w" {
			unit *= 7
		}
		if err != nil || n > int(math.MaxInt64/unit) {
			return 0, false
		}
		return time.Duration(n) * unit, true
	}
	d, err := time.ParseDuration(strings.ReplaceAll(text, " ", ""))
	return d, err == nil && d >= 0
}

// writeDuration writes a time as time.ParseDuration reads it, without its zeros: "168h", "1h30m".
func writeDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// parseDate reads a day.
func parseDate(s *manifest.Setting, text string) (any, *problem) {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil || day.Year() < 1 {
		return nil, &problem{key: "type.date"}
	}
	if least, ok := s.Min.(string); ok && text < least { // of one length, so days compare as texts
		return nil, &problem{key: "min", args: []any{least}}
	}
	if most, ok := s.Max.(string); ok && text > most {
		return nil, &problem{key: "max", args: []any{most}}
	}
	return text, nil
}

// parsePhone reads a telephone number as somebody in the country writes it, and writes it as E.164.
func parsePhone(text, country string) (any, *problem) {
	number, err := phonenumbers.Parse(text, country)
	if err != nil || len(text) > 40 || !phonenumbers.IsValidNumber(number) {
		return nil, &problem{key: "type.phone", args: []any{short(text)}}
	}
	return phonenumbers.Format(number, phonenumbers.E164), nil
}

// parseEmail checks an address (RFC 5321, at most 64@255 and 254 in all) and folds its domain (IDNA).
func parseEmail(text string) (any, *problem) {
	bad := &problem{key: "type.email", args: []any{short(text)}}
	parsed, err := mail.ParseAddress(text)
	if err != nil || parsed.Name != "" || parsed.Address != text {
		return nil, bad
	}
	at := strings.LastIndexByte(text, '@')
	domain, err := idna.Lookup.ToASCII(text[at+1:])
	if err != nil || at > 64 || at < 1 || !strings.Contains(domain, ".") || strings.ContainsAny(text[:at], "\" \t") {
		return nil, bad
	}
	address := text[:at+1] + domain
	if len(address) > 254 {
		return nil, bad
	}
	return address, nil
}

// parseURL checks an absolute http address without a slash at its end.
func parseURL(text string) (any, *problem) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil ||
		u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(text, "#") || len(text) > 2000 ||
		strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '\\' }) {
		return nil, &problem{key: "type.url", args: []any{short(text)}}
	}
	u.Host = strings.ToLower(u.Host)
	return strings.TrimRight(u.String(), "/"), nil
}

// parseList reads a list of texts; a text is taken apart at lines, or else at commas.
func parseList(s *manifest.Setting, raw any) (any, *problem) {
	var items []any
	switch v := raw.(type) {
	case []any:
		items = v
	case []string:
		for _, text := range v {
			items = append(items, text)
		}
	case string:
		sep := ","
		if strings.Contains(v, "\n") {
			sep = "\n"
		}
		for text := range strings.SplitSeq(v, sep) {
			items = append(items, text)
		}
	default:
		return nil, &problem{key: "type.list"}
	}
	out := []any{}
	one := &manifest.Setting{Key: s.Key, Type: manifest.TypeText}
	for _, item := range items {
		text, ok := item.(string)
		if !ok {
			return nil, &problem{key: "type.list"}
		}
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		v, p := parseText(one, text, false)
		if p != nil {
			return nil, p
		}
		out = append(out, v)
	}
	if s.Required && len(out) == 0 {
		return nil, &problem{key: "required"}
	}
	if p := bounds(float64(len(out)), s.Min, orLimit(s.Max, maxList), "_items"); p != nil {
		return nil, p
	}
	return out, nil
}

// short cuts a text that is shown in a sentence.
func short(text string) string {
	if r := []rune(text); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return text
}
