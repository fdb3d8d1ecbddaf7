package marketplace

import (
	"net/url"
	"slices"
	"strings"

	"mostrador/host/consent/token"
)

// Target is the address to which a link of ours may lead on: absolute, of one of the schemes, with a host, and with
// nothing in it by which browsers and servers read different addresses from it. That it was sealed by the store is the
// caller's to know; a page never leads to an address that came with the request.
func Target(raw string, schemes ...string) (*url.URL, bool) {
	if len(raw) == 0 || len(raw) > token.MaxURL || strings.ContainsFunc(raw, unfit) {
		return nil, false
	}
	u, err := url.Parse(raw)
	if err != nil || !slices.Contains(schemes, u.Scheme) || u.Hostname() == "" || u.User != nil || u.Opaque != "" {
		return nil, false
	}
	return u, true
}

// unfit are control characters, blanks, and what browsers take for a slash.
func unfit(r rune) bool { return r <= ' ' || r == 0x7f || r == '\\' || r == '\ufffd' }
