package message

import "strings"

// localDomain stands in addresses of the store while it has no mail address of its own.
const localDomain = "localhost"

// senderAddress is the address that mails come from. Many servers want that of the account, and without a server
// mail stays in the spool, where any will do.
func senderAddress(set Settings) string {
	switch {
	case set.Sender != "":
		return set.Sender
	case set.Server == "":
		return "mostrador@" + localDomain
	case strings.Contains(set.Username, "@"):
		return set.Username
	}
	return ""
}

func senderName(set Settings) string {
	if set.SenderName != "" {
		return set.SenderName
	}
	return set.StoreName
}

// senderDomain is the domain of Message-IDs.
func senderDomain(set Settings) string {
	_, domain, _ := strings.Cut(senderAddress(set), "@")
	if !safeDomain(domain) {
		return localDomain
	}
	return domain
}

// safeAddress reports whether an address can stand in an SMTP command and in a header: one @, visible ASCII,
// nothing that has a meaning there, and the lengths of RFC 5321 4.5.3.1. Quoted local parts are not taken.
func safeAddress(address string) bool {
	local, domain, found := strings.Cut(address, "@")
	if !found || local == "" || len(local) > 64 || len(address) > 254 || !safeDomain(domain) {
		return false
	}
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return false
	}
	for _, r := range local {
		if !alphanumeric(r) && !strings.ContainsRune(".!#$%&'*+-/=?^_`{|}~", r) {
			return false
		}
	}
	return true
}

func safeDomain(domain string) bool {
	if domain == "" || len(domain) > 253 || strings.HasPrefix(domain, ".") || strings.Contains(domain, "..") {
		return false
	}
	for _, r := range domain {
		if !alphanumeric(r) && r != '-' && r != '.' {
			return false
		}
	}
	return true
}

func safeLanguage(lang string) bool {
	for _, r := range lang {
		if !alphanumeric(r) && r != '-' {
			return false
		}
	}
	return lang != "" && len(lang) <= 35
}

// safeURL reports whether an address can stand between angle brackets in a header.
func safeURL(address string) bool {
	if len(address) > 900 || !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
		return false
	}
	for _, r := range address {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune("<>\"\\`", r) {
			return false
		}
	}
	return true
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
