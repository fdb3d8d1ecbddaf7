package sdk

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Settings of the core that the SDK itself speaks by.
const (
	settingCurrency = "TiendaMoneda"
	settingLanguage = "TiendaIdioma"
)

// settings are the values in force as the host sent them.
type settings struct {
	values   map[string]*structpb.Value
	defaults *manifest.Manifest
	// derived is what Derive made of these values.
	derived map[string]any
}

// change puts other values in force.
func (s *settings) change(values map[string]*structpb.Value) {
	s.values, s.derived = values, nil
}

// value is the value in force; nil when there is neither one nor a default.
func (s *settings) value(key string) any {
	if v, ok := s.values[key]; ok {
		return v.AsInterface()
	}
	if entry, ok := s.defaults.Setting(key); ok {
		return entry.Default
	}
	return nil
}

func (s *settings) text(key, fallback string) string {
	if v, ok := s.value(key).(string); ok && v != "" {
		return v
	}
	return fallback
}

// Setting is one value of the Configuration Guide. The store has validated it where it was set; to read it as
// another type than its own makes the handler's outcome a fault. One that was never set is the zero value.
type Setting struct {
	tx    *Tx
	key   string
	value any
}

// Setting returns the value in force: of this plugin's own settings and of the store's public ones.
func (tx *Tx) Setting(key string) Setting {
	return Setting{tx: tx, key: key, value: tx.work.settings.value(key)}
}

// Key is the setting's key: "PLG0074TextoFile".
func (s Setting) Key() string { return s.key }

// Text is the value of a text, choice, email, url, country, color or template_file.
func (s Setting) Text() string {
	v, ok := s.value.(string)
	s.expect(ok, "a text")
	return v
}

// List is the value of a list.
func (s Setting) List() []string {
	items, ok := s.value.([]any)
	var list []string
	for _, item := range items {
		var text string
		if text, ok = item.(string); !ok {
			break
		}
		list = append(list, text)
	}
	s.expect(ok, "a list of texts")
	return list
}

// Number is the value of a number.
func (s Setting) Number() float64 {
	v, ok := s.value.(float64)
	s.expect(ok, "a number")
	return v
}

// Int is the value of a whole number.
func (s Setting) Int() int64 {
	v, ok := s.value.(float64)
	whole := v == math.Trunc(v) && math.Abs(v) < 1<<53
	s.expect(ok && whole, "a whole number")
	if !whole {
		return 0
	}
	return int64(v)
}

// Bool is the value of a yes_no.
func (s Setting) Bool() bool {
	v, ok := s.value.(bool)
	s.expect(ok, "yes or no")
	return v
}

// Duration is the value of a duration.
func (s Setting) Duration() time.Duration {
	text, ok := s.value.(string)
	v, err := time.ParseDuration(text)
	s.expect(ok && (err == nil || text == ""), "a duration")
	return v
}

// Money is the value of a money, in the store's currency.
func (s Setting) Money() Money {
	text, ok := s.value.(string)
	m := Money{Currency: s.tx.Currency()}
	if text == "" {
		s.expect(ok, "an amount of money")
		return m
	}
	m, err := ParseMoney(text, m.Currency)
	s.expect(ok && err == nil, "an amount of money")
	return m
}

// File is the value of a file: its name and what is in it. The plugin needs no permission for it, since the store
// keeps the content and hands it over; while no file is chosen both are empty.
func (s Setting) File() (name string, content []byte) {
	v, ok := s.value.(map[string]any)
	name, named := v["name"].(string)
	encoded, has := v["content"].(string)
	content, err := base64.StdEncoding.DecodeString(encoded)
	s.expect(ok && named && has && err == nil || s.value == "", "a file")
	return name, content
}

// Rules is the value of a message_rules.
func (s Setting) Rules() []*plgv1.MessageRule {
	items, ok := s.value.([]any)
	rules := make([]*plgv1.MessageRule, 0, len(items))
	for _, item := range items {
		rule := &plgv1.MessageRule{}
		data, err := json.Marshal(item)
		if err == nil {
			err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(data, rule)
		}
		if ok = err == nil; !ok {
			break
		}
		rules = append(rules, rule)
	}
	s.expect(ok, "a list of rules")
	return rules
}

// Derive is what a plugin makes of its settings, like compiled expressions: make is called when it is asked for first, and
// again when a setting has changed. What it returns is kept under that name and must not be changed; after an error it
// is asked again.
func Derive[T any](tx *Tx, name string, make func() (T, error)) (T, error) {
	s := &tx.work.settings
	if v, ok := s.derived[name].(T); ok {
		return v, nil
	}
	v, err := make()
	if err != nil {
		return v, err
	}
	if s.derived == nil {
		s.derived = map[string]any{}
	}
	s.derived[name] = v
	return v, nil
}

func (s Setting) expect(ok bool, what string) {
	if !ok && s.value != nil {
		s.tx.fail(fmt.Errorf("sdk: setting %s is not %s", s.key, what))
	}
}

// Currency is the store's currency (ISO 4217).
func (tx *Tx) Currency() string { return tx.work.settings.text(settingCurrency, "EUR") }

// Money is an amount in the minor unit of its currency (cents).
type Money struct {
	Minor int64
	// Currency is ISO 4217.
	Currency string
}

// maxMinor bounds what ParseMoney takes, so that sums of amounts stay far from overflow.
const maxMinor = 1e15

// ParseMoney reads a decimal amount as people type it, with point or comma: "12", "12,5", "12.50". It takes no
// separators of thousands, since "1.234" would then be two amounts, and no more decimals than the currency has
// unless they are zeros.
func ParseMoney(text, code string) (Money, error) {
	digits := Money{Currency: code}.decimals()
	bad := func(why string) (Money, error) {
		return Money{}, fmt.Errorf("sdk: %q is no amount of money: %s", text, why)
	}
	s := strings.TrimSpace(text)
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	whole, fraction, point := strings.Cut(strings.ReplaceAll(s, ",", "."), ".")
	missing := point && fraction == ""
	for len(fraction) > digits && strings.HasSuffix(fraction, "0") {
		fraction = fraction[:len(fraction)-1]
	}
	switch {
	case whole == "" || missing:
		return bad("digits are missing")
	case strings.Trim(whole+fraction, "0123456789") != "":
		return bad("only digits and one point or comma")
	case len(fraction) > digits:
		return bad(fmt.Sprintf("%s has %d decimals", code, digits))
	}
	minor, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", digits-len(fraction)), 10, 64)
	if err != nil || minor > maxMinor {
		return bad("too much")
	}
	if negative {
		minor = -minor
	}
	return Money{Minor: minor, Currency: code}, nil
}

// Decimal is the amount with a point and all the currency's decimals: "12.50".
func (m Money) Decimal() string {
	sign, digits := "", m.decimals()
	text := strconv.FormatUint(magnitude(m.Minor), 10)
	if m.Minor < 0 {
		sign = "-"
	}
	if digits == 0 {
		return sign + text
	}
	if missing := digits + 1 - len(text); missing > 0 {
		text = strings.Repeat("0", missing) + text
	}
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

// Form is what was typed into an action's form, by the field's id. The store has checked each against the
// type that the manifest gives it.
type Form map[string]string

// Text is the value without the spaces around it.
func (f Form) Text(id string) string { return strings.TrimSpace(f[id]) }

// Bool is the value of a yes_no.
func (f Form) Bool(id string) bool { return f.Text(id) == "true" }

// Int is the value of a whole number; an empty one is 0.
func (f Form) Int(id string) (int64, error) {
	text := f.Text(id)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("sdk: %s: %q is no whole number", id, text)
	}
	return n, nil
}

// Money is the value of an amount in the store's currency; an empty one is 0.
func (f Form) Money(tx *Tx, id string) (Money, error) {
	text := f.Text(id)
	if text == "" {
		return Money{Currency: tx.Currency()}, nil
	}
	return ParseMoney(text, tx.Currency())
}
