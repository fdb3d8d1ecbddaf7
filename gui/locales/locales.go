// Package locales holds every sentence that the store application shows, Spanish first and English beside
// it, in es.yaml and en.yaml. Keys are grouped by screen ("billing.title"); values may name arguments in
// braces ("Hola, {name}"). Dates and amounts are written in the manner of the language as well.
package locales

import (
	"embed"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/sdk/plgv1"
)

//go:embed es.yaml en.yaml
var files embed.FS

// Languages are those with a translation file, best first.
func Languages() []string { return []string{"es", "en"} }

// Catalog says things in one language.
type Catalog struct {
	language string
	texts    map[string]string
	zone     *time.Location
}

// New loads the catalogue of a language; one that has no file falls back to Spanish. Times are shown in zone.
func New(language string, zone *time.Location) (*Catalog, error) {
	name := "es"
	for _, known := range Languages() {
		if strings.HasPrefix(strings.ToLower(language), known) {
			name = known
		}
	}
	data, err := files.ReadFile(name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("locales: %w", err)
	}
	texts := map[string]string{}
	if err := yaml.Unmarshal(data, &texts); err != nil {
		return nil, fmt.Errorf("locales: %s.yaml: %w", name, err)
	}
	return &Catalog{language: name, texts: texts, zone: zone}, nil
}

// Language is the language that the catalogue speaks ("es").
func (c *Catalog) Language() string { return c.language }

// Has tells whether there is a sentence for key.
func (c *Catalog) Has(key string) bool { _, ok := c.texts[key]; return ok }

// Keys lists all keys, in no order.
func (c *Catalog) Keys() []string {
	keys := make([]string, 0, len(c.texts))
	for key := range c.texts {
		keys = append(keys, key)
	}
	return keys
}

// Text is the sentence of key with its arguments, given as name, value, name, value. A key without a sentence
// comes back in angle quotes, which no test lets pass.
func (c *Catalog) Text(key string, args ...any) string {
	text, ok := c.texts[key]
	if !ok {
		return "«" + key + "»"
	}
	for i := 0; i+1 < len(args); i += 2 {
		text = strings.ReplaceAll(text, "{"+fmt.Sprint(args[i])+"}", fmt.Sprint(args[i+1]))
	}
	return text
}

// Money writes an amount: "1.234,50 €" in Spanish, "€1,234.50" in English.
func (c *Catalog) Money(m *plgv1.Money) string {
	if m == nil {
		return ""
	}
	minor, sign := m.Minor, ""
	if minor < 0 {
		minor, sign = -minor, "-"
	}
	point, group := ",", "."
	if c.language == "en" {
		point, group = ".", ","
	}
	whole := fmt.Sprint(minor / 100)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + group + whole[i:]
	}
	number := fmt.Sprintf("%s%s%s%02d", sign, whole, point, minor%100)
	symbol := map[string]string{"EUR": "€", "USD": "$", "GBP": "£"}[m.Currency]
	switch {
	case symbol == "":
		return strings.TrimSpace(number + " " + m.Currency)
	case c.language == "en":
		return symbol + number
	}
	return number + " " + symbol
}

// Number writes a number with the marks of the language, and at most two decimals: "1.234,5".
func (c *Catalog) Number(v float64) string {
	text := strconv.FormatFloat(math.Abs(v), 'f', 2, 64)
	text = strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
	whole, part, _ := strings.Cut(text, ".")
	point, group := ",", "."
	if c.language == "en" {
		point, group = ".", ","
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + group + whole[i:]
	}
	if part != "" {
		whole += point + part
	}
	if v < 0 && whole != "0" {
		whole = "-" + whole
	}
	return whole
}

// Plain writes an amount as it is typed into a field: "12,50".
func (c *Catalog) Plain(minor int64) string {
	text := fmt.Sprintf("%d,%02d", minor/100, minor%100)
	if c.language == "en" {
		text = strings.Replace(text, ",", ".", 1)
	}
	return text
}

// DateTime writes a moment with date and minute, and nothing when there is none.
func (c *Catalog) DateTime(t *timestamppb.Timestamp) string {
	if t == nil || !t.IsValid() {
		return ""
	}
	layout := "02/01/2006 15:04"
	if c.language == "en" {
		layout = "2 Jan 2006 15:04"
	}
	return t.AsTime().In(c.zone).Format(layout)
}

// Date writes a day.
func (c *Catalog) Date(t *timestamppb.Timestamp) string {
	if t == nil || !t.IsValid() {
		return ""
	}
	layout := "02/01/2006"
	if c.language == "en" {
		layout = "2 Jan 2006"
	}
	return t.AsTime().In(c.zone).Format(layout)
}

// Clock writes the time of day, for lists of today.
func (c *Catalog) Clock(t *timestamppb.Timestamp) string {
	if t == nil || !t.IsValid() {
		return ""
	}
	return t.AsTime().In(c.zone).Format("15:04")
}

// Phone writes an E.164 number in groups that can be read out: "+34 600 111 222".
func (c *Catalog) Phone(e164 string) string {
	digits := strings.TrimPrefix(e164, "+")
	if len(digits) < 9 || digits == e164 {
		return e164
	}
	prefix, rest := digits[:len(digits)-9], digits[len(digits)-9:]
	if prefix == "" {
		return e164
	}
	return "+" + prefix + " " + rest[:3] + " " + rest[3:6] + " " + rest[6:]
}
