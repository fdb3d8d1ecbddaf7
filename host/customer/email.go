package customer

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Limits of RFC 5321 section 4.5.3.1: 64 octets before the @, and 256 for a path with its brackets.
const (
	maxLocal = 64
	maxEmail = 254
)

// domains brings an internationalised domain to ASCII by UTS 46, non-transitional ("straße" stays apart from
// "strasse"), and holds it to the rules of host names.
var domains = idna.New(
	idna.MapForLookup(),
	idna.Transitional(false),
	idna.StrictDomainName(true),
	idna.BidiRule(),
	idna.ValidateLabels(true),
	idna.CheckHyphens(true),
	idna.CheckJoiners(true),
	idna.VerifyDNSLength(true),
)

// parseEmail returns the address in the form in which it is kept: the local part as typed, the domain in
// lower-case ASCII. A problem is the code of a diagnostic, empty when there is none. Quoted local parts and
// address literals are refused (nobody has one), and so are letters beyond ASCII before the @: they need
// SMTPUTF8 (RFC 6531) on the whole way.
func parseEmail(typed string) (email, problem string) {
	typed = strings.TrimSpace(norm.NFC.String(typed))
	at := strings.LastIndexByte(typed, '@')
	if at <= 0 || at == len(typed)-1 || !utf8.ValidString(typed) {
		return "", "email_invalid"
	}
	local, domain := typed[:at], typed[at+1:]
	for _, r := range local {
		if r >= 0x80 {
			return "", "email_local"
		}
	}
	if !dotAtom(local) || strings.HasSuffix(domain, ".") {
		return "", "email_invalid"
	}
	ascii := domain
	if !plainDomain(domain) {
		var err error
		if ascii, err = domains.ToASCII(domain); err != nil {
			return "", "email_domain"
		}
	}
	last := ascii[strings.LastIndexByte(ascii, '.')+1:]
	if last == ascii || strings.Trim(last, "0123456789") == "" { // no dot, or an IP address
		return "", "email_domain"
	}
	email = local + "@" + ascii
	if len(local) > maxLocal || len(email) > maxEmail {
		return "", "email_long"
	}
	return email, ""
}

// plainDomain tells whether a domain is in the form that domains gives it, without anything to look at more closely:
// lower-case labels of letters and digits only, within the lengths of RFC 1035.
func plainDomain(domain string) bool {
	const maxDomain, maxLabel = 253, 63
	label := 0
	for i := range len(domain) {
		switch c := domain[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
			if label++; label > maxLabel {
				return false
			}
		case c == '.' && label > 0:
			label = 0
		default:
			return false
		}
	}
	return label > 0 && len(domain) <= maxDomain
}

// dotAtom reports whether s is a dot-string of RFC 5321 section 4.1.2.
func dotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false
		}
		for _, r := range atom {
			letter := r|0x20 >= 'a' && r|0x20 <= 'z'
			if !letter && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r) {
				return false
			}
		}
	}
	return true
}

// foldEmail is the key by which two spellings of one address meet: RFC 5321 lets a server tell upper from
// lower case before the @, but none that a customer uses does.
func foldEmail(email string) string { return strings.ToLower(email) }

// commonDomains are those that most customers' addresses end in, and some real ones that look like slips of
// them.
var commonDomains = []string{
	"gmail.com", "hotmail.com", "hotmail.es", "outlook.com", "outlook.es", "yahoo.com", "yahoo.es", "icloud.com",
	"live.com", "msn.com", "telefonica.net", "protonmail.com", "proton.me",
	"gmx.com", "gmx.es", "gmx.net", "gmx.de", "ymail.com", "mail.com", "email.com", "hotmail.fr", "hotmail.it",
	"yahoo.fr", "yahoo.it", "outlook.pt", "outlook.fr", "live.es", "live.fr", "me.com", "aol.com",
}

// typoHint returns the address that was probably meant when the domain is one slip of the fingers away from
// a common one ("gmial.com"), else nothing.
func typoHint(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	meant := ""
	for _, common := range commonDomains {
		if domain == common {
			return ""
		}
		if meant == "" && oneSlip(domain, common) {
			meant = local + "@" + common
		}
	}
	return meant
}

// oneSlip reports whether a becomes b by one letter too many, too few, wrong, or two exchanged.
func oneSlip(a, b string) bool {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	switch {
	case len(a) <= 1 && len(b) <= 1:
		return a != b
	case len(a) == 2 && len(b) == 2:
		return a[0] == b[1] && a[1] == b[0]
	}
	return false
}
