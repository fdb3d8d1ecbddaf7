package message

import "strings"

// families are the domains of the big mailbox providers that are one house: what one of them thinks of the store, the
// others think too.
var families = map[string]string{
	"googlemail.com": "gmail.com",
	"hotmail.com":    "outlook.com", "live.com": "outlook.com", "msn.com": "outlook.com", "hotmail.es": "outlook.com",
	"outlook.es": "outlook.com", "hotmail.co.uk": "outlook.com", "hotmail.fr": "outlook.com", "live.com.mx": "outlook.com",
	"ymail.com": "yahoo.com", "rocketmail.com": "yahoo.com", "yahoo.es": "yahoo.com", "yahoo.com.mx": "yahoo.com",
	"yahoo.com.ar": "yahoo.com", "yahoo.co.uk": "yahoo.com", "yahoo.fr": "yahoo.com", "aol.com": "yahoo.com",
	"me.com": "icloud.com", "mac.com": "icloud.com",
	"protonmail.com": "proton.me", "pm.me": "proton.me",
}

// Provider is who keeps the mailbox of an address, as far as its domain tells: the domain in small letters, and for the
// several domains of one big provider the best known of them ("outlook.com" for Hotmail). It is "" for what is no address.
func Provider(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 || len(address)-at > 254 {
		return ""
	}
	domain := strings.ToLower(address[at+1:])
	if strings.IndexByte(domain, 0) >= 0 {
		return ""
	}
	if family, ok := families[domain]; ok {
		return family
	}
	return domain
}
