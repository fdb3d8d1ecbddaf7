package sale

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"golang.org/x/text/currency"

	"mostrador/host/locale"
	"mostrador/sdk/plgv1"
)

// maxMinor is the largest amount, in minor units: ten thousand million, or a hundred million euros.
const maxMinor = 10_000_000_000

// Amount reads what a person typed as an amount in the store's currency ("12,50", "1.234,50"), in its minor
// unit. What is refused is a *customer.Refused.
func (s *Service) Amount(ctx context.Context, text string) (int64, error) {
	minor, err := parse(text, decimals(s.currency()))
	switch {
	case err == nil:
		return minor, nil
	case errors.Is(err, errAmbiguous):
		// "1.234" is a thousand to one reader and one to another; the example shows how to say it.
		return 0, s.refuse(ctx, "amount", "amount_ambiguous", "amount", short(text),
			"example", short(text)+s.Text.Text(locale.FromContext(ctx), "sale.decimal")+strings.Repeat("0", decimals(s.currency())))
	case errors.Is(err, errLarge):
		return 0, s.refuse(ctx, "amount", "amount_large")
	}
	return 0, s.refuse(ctx, "amount", "amount_invalid", "amount", short(text),
		"example", s.number(locale.FromContext(ctx), 1250, decimals(s.currency())))
}

var (
	errAmount    = errors.New("sale: not an amount")
	errAmbiguous = errors.New("sale: thousands or decimals")
	errLarge     = errors.New("sale: too large")
)

// parse reads a decimal number into units of 10^-decimals. The decimal sign is a comma or a point, and the
// other one, or a space, may stand between groups of three digits. There may be fewer decimals than the
// currency has, never more; and one sign with three digits behind it is refused unless the currency leaves
// only one meaning.
func parse(text string, decimals int) (int64, error) {
	text = strings.TrimSpace(text)
	if len(text) > 40 {
		return 0, errAmount
	}
	for _, space := range []string{"\u00a0", "\u202f", "'", "’"} { // what spreadsheets and the Swiss group with
		text = strings.ReplaceAll(text, space, " ")
	}
	whole, fraction, err := split(text, decimals)
	if err != nil {
		return 0, err
	}
	whole, err = ungroup(whole)
	if err != nil {
		return 0, err
	}
	digits := whole + fraction + strings.Repeat("0", decimals-len(fraction))
	if strings.Trim(digits, "0123456789") != "" {
		return 0, errAmount
	}
	minor, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || minor > maxMinor {
		return 0, errLarge
	}
	return minor, nil
}

// split parts the decimals from the whole, groups still in it.
func split(text string, decimals int) (whole, fraction string, err error) {
	at := strings.LastIndexAny(text, ".,")
	if at < 0 {
		return text, "", nil
	}
	sign := text[at : at+1]
	whole, fraction = text[:at], text[at+1:]
	others := strings.ContainsAny(whole, ".,")
	switch {
	case strings.Contains(whole, sign): // "1.234.567": a sign that comes twice can only group
		return text, "", nil
	case fraction == "" || whole == "":
		return "", "", errAmount
	case len(fraction) <= decimals:
		return whole, fraction, nil
	case len(fraction) != 3 || others:
		return "", "", errAmount
	case decimals > 0: // "1.234"
		return "", "", errAmbiguous
	}
	return text, "", nil
}

// ungroup takes the sign between groups of three digits out of a whole number; it must be the same throughout.
func ungroup(whole string) (string, error) {
	at := strings.IndexAny(whole, "., ")
	if at < 0 {
		if whole == "" {
			return "", errAmount
		}
		return whole, nil
	}
	groups := strings.Split(whole, whole[at:at+1])
	for i, group := range groups {
		if strings.Trim(group, "0123456789") != "" || i > 0 && len(group) != 3 ||
			i == 0 && (len(group) < 1 || len(group) > 3 || group[0] == '0') {
			return "", errAmount
		}
	}
	return strings.Join(groups, ""), nil
}

// decimals is how many decimals amounts of a currency have (ISO 4217); 2 for a currency that is unknown.
func decimals(code string) int {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return 2
	}
	scale, _ := currency.Standard.Rounding(unit)
	return scale
}

func (s *Service) currency() string {
	if s.Currency != nil {
		if code := s.Currency(); code != "" {
			return strings.ToUpper(code)
		}
	}
	return "EUR"
}

// symbols are those that everybody reads; other currencies are written by their code.
var symbols = map[string]string{"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "MXN": "$", "COP": "$", "ARS": "$", "CLP": "$"}

// Format writes an amount as the people of a language do ("1.234,50 €").
func (s *Service) Format(lang string, m *plgv1.Money) string {
	symbol := symbols[m.GetCurrency()]
	if symbol == "" {
		symbol = m.GetCurrency()
	}
	return s.Text.Text(lang, "sale.money", "amount", s.number(lang, m.GetMinor(), decimals(m.GetCurrency())), "symbol", symbol)
}

// number writes minor units with the language's signs.
func (s *Service) number(lang string, minor int64, decimals int) string {
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	digits := strconv.FormatInt(minor, 10)
	if missing := decimals + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	whole, fraction := digits[:len(digits)-decimals], digits[len(digits)-decimals:]
	for at := len(whole) - 3; at > 0; at -= 3 {
		whole = whole[:at] + s.Text.Text(lang, "sale.group") + whole[at:]
	}
	if fraction != "" {
		fraction = s.Text.Text(lang, "sale.decimal") + fraction
	}
	return sign + whole + fraction
}

// short shows no more of what was typed than a person would read.
func short(typed string) string {
	if runes := []rune(typed); len(runes) > 40 {
		return string(runes[:40]) + "…"
	}
	return strings.ToValidUTF8(typed, "\ufffd")
}
