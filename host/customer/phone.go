package customer

import (
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"
)

// maxPhone is the longest spelling of a phone, in bytes: 15 digits (E.164) and generous punctuation.
const maxPhone = 40

// parsePhone returns the E.164 form of a phone as somebody in country (ISO 3166) types it. A problem is the
// code of a diagnostic, empty when there is none: the number must be one that the numbering plan of its
// country gives to a person's line, mobile or fixed.
func parsePhone(typed, country string) (e164, problem string) {
	typed = plainPhone(typed)
	if len(typed) > maxPhone || !strings.ContainsAny(typed, "0123456789") ||
		strings.Trim(typed, phoneRunes) != "" {
		return "", "phone_invalid"
	}
	number, err := phonenumbers.Parse(typed, country)
	switch {
	case err == phonenumbers.ErrInvalidCountryCode:
		return "", "phone_country"
	case err != nil:
		return "", "phone_invalid"
	}
	switch phonenumbers.IsPossibleNumberWithReason(number) {
	case phonenumbers.TOO_SHORT, phonenumbers.IS_POSSIBLE_LOCAL_ONLY:
		return "", "phone_short"
	case phonenumbers.TOO_LONG:
		return "", "phone_long"
	case phonenumbers.INVALID_COUNTRY_CODE:
		return "", "phone_country"
	}
	switch phonenumbers.GetNumberType(number) {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE, phonenumbers.FIXED_LINE_OR_MOBILE,
		phonenumbers.VOIP, phonenumbers.PERSONAL_NUMBER:
		return phonenumbers.Format(number, phonenumbers.E164), ""
	case phonenumbers.UNKNOWN:
		return "", "phone_invalid"
	default: // premium rate, toll free, pager, ...
		return "", "phone_kind"
	}
}

// phoneRunes are what a phone may be spelled with. Letters are not among them: "1-800-FLOWERS" at a counter
// is a slip of the keyboard.
const phoneRunes = "0123456789+-()./ "

// plainPhone brings digits, signs and spaces of any script and width to ASCII.
func plainPhone(typed string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r >= '٠' && r <= '٩':
			return '0' + r - '٠'
		case r >= '۰' && r <= '۹':
			return '0' + r - '۰'
		case r == '‐' || r == '‑' || r == '‒' || r == '–' || r == '−':
			return '-'
		case r == '\u200e' || r == '\u202a' || r == '\u202c' || r == '\u2060': // marks that address books paste along
			return -1
		}
		return r
	}, norm.NFKC.String(typed)))
}

// callingCode is the country's prefix ("+34"), for sentences.
func callingCode(country string) string {
	if code := phonenumbers.GetCountryCodeForRegion(country); code != 0 {
		return "+" + strconv.Itoa(code)
	}
	return "+34"
}

// phonePrefixes returns the beginnings of E.164 numbers that a phone typed so far may mean; none when it
// does not look like a phone.
func phonePrefixes(typed, country string) []string {
	typed = plainPhone(typed)
	if typed == "" || strings.Trim(typed, phoneRunes) != "" {
		return nil
	}
	digits := strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, typed)
	switch {
	case digits == "":
		return nil
	case strings.HasPrefix(typed, "+"):
		return []string{"+" + digits}
	case strings.HasPrefix(digits, "00"):
		if digits == "00" {
			return nil
		}
		return []string{"+" + digits[2:]}
	}
	own := callingCode(country)
	prefixes := []string{own + digits}
	if trunk := phonenumbers.GetNddPrefixForRegion(country, true); trunk != "" {
		if rest, found := strings.CutPrefix(digits, trunk); found && rest != "" {
			prefixes = append(prefixes, own+rest)
		}
	}
	if strings.HasPrefix("+"+digits, own) { // the country code without its plus
		prefixes = append(prefixes, "+"+digits)
	}
	return prefixes
}
