package customer

import (
	"regexp"
	"strings"
	"unicode"
)

// PostalAddress is a postal address taken apart.
type PostalAddress struct {
	// Street is one or two lines.
	Street, Postcode, City, Region string
	// Country is an ISO 3166-1 code; empty means the store's.
	Country string
}

var (
	// townLine is a line with postcode and city, in either order.
	postcodeFirst = regexp.MustCompile(`^((?:[A-Za-z]{1,2}-)?[0-9]{3,6}(?:[- ][0-9]{2,4})?(?: ?[A-Za-z]{2}\b)?)[ ,]+(\pL.*)$`)
	postcodeLast  = regexp.MustCompile(`^(\pL.*?)[ ,]+([0-9]{4,6}(?:-[0-9]{3,4})?|[A-Za-z]{1,2}[0-9][A-Za-z0-9]? ?[0-9][A-Za-z]{2}|[A-Za-z][0-9][A-Za-z] ?[0-9][A-Za-z][0-9])$`)
	// inOneLine is a postcode with its city within a line: ", 28013 Madrid".
	inOneLine     = regexp.MustCompile(`,\s*([0-9]{4,6}\s+\pL[^,]*)(?:,|$)`)
	postcodeSpain = regexp.MustCompile(`^(?:0[1-9]|[1-4][0-9]|5[0-2])[0-9]{3}$`)
)

// ParseAddress takes an address apart that is in the form in which it is kept: street (one or two lines), postcode
// and city, then, where they are given, region and country, each on a line of its own.
func ParseAddress(kept string) PostalAddress {
	var a PostalAddress
	lines := strings.Split(kept, "\n")
	at := townLine(lines)
	if at < 0 {
		at = min(1, len(lines)-1)
	}
	a.Street = strings.Join(lines[:at], "\n")
	a.Postcode, a.City = town(lines[at])
	rest := lines[at+1:]
	if n := len(rest); n > 0 {
		if code, ok := country(rest[n-1]); ok {
			a.Country, rest = code, rest[:n-1]
		}
	}
	a.Region = strings.Join(rest, "\n")
	return a
}

// townLine is the place of the line with postcode and city, -1 when none has a postcode.
func townLine(lines []string) int {
	for i := 1; i < len(lines); i++ {
		if code, _ := town(lines[i]); code != "" {
			return i
		}
	}
	return -1
}

// town divides a line into postcode and city.
func town(line string) (postcode, city string) {
	if parts := postcodeFirst.FindStringSubmatch(line); parts != nil {
		return strings.ToUpper(parts[1]), parts[2]
	}
	if parts := postcodeLast.FindStringSubmatch(line); parts != nil {
		return strings.ToUpper(parts[2]), parts[1]
	}
	return "", line
}

// postalAddress brings an address to its lines. One that was written in a single line is divided where its postcode
// shows how.
func (s *Service) postalAddress(text string) (string, *complaint) {
	if !strings.Contains(text, "\n") {
		text = divided(text)
	}
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.Trim(strings.Join(strings.Fields(line), " "), ", "); line != "" {
			lines = append(lines, line)
		}
	}
	const most = 6
	if len(lines) < 2 || len(lines) > most || !strings.ContainsFunc(lines[0], unicode.IsLetter) {
		return "", complain("value_address")
	}
	if n := len(lines) - 1; n > 1 {
		if code, ok := country(lines[n]); ok {
			lines[n] = code
		}
	}
	a := ParseAddress(strings.Join(lines, "\n"))
	if at := townLine(lines); at > 2 || !strings.ContainsFunc(a.City, unicode.IsLetter) {
		return "", complain("value_address")
	}
	spain := a.Country == "ES" || a.Country == "" && s.country() == "ES"
	if spain && !postcodeSpain.MatchString(a.Postcode) {
		return "", complain("value_postcode")
	}
	return strings.Join(lines, "\n"), nil
}

// divided puts the parts of an address in one line on lines of their own.
func divided(text string) string {
	places := inOneLine.FindAllStringSubmatchIndex(text, -1)
	if len(places) == 0 {
		return text
	}
	at := places[len(places)-1]
	parts := []string{text[:at[0]], text[at[2]:at[3]]}
	for part := range strings.SplitSeq(text[at[3]:], ",") {
		parts = append(parts, part)
	}
	return strings.Join(parts, "\n")
}
