package marketplace

import (
	"net/http"
	"strings"
	"time"
)

// Who opens a mail or follows its links is often no person: scanners of companies follow every link before anybody sees
// the mail, mail programs fetch pictures beforehand or through a proxy, chat programs make previews. No window of time
// tells these apart (measured bursts of scanners come up to a day after sending), so a fetch is taken for a machine's only
// on evidence, and for a person's else:
//
//   - it asks for the header only (HEAD), or says that it fetches beforehand (Sec-Purpose, Purpose, X-Moz);
//   - it names itself, as proxies, scanners, robots and program libraries do, or has no name at all;
//   - it comes less than a second after the mail was made;
//   - another link of the same mail was followed within two seconds of it.
//
// A scanner that behaves like one person's browser counts as that person; the numbers are for orientation and nothing
// depends on them.
const (
	// machineReaction is faster than any person with a mail that has only just been made.
	machineReaction = time.Second
	// burstWindow is within which nobody follows two different links.
	burstWindow = 2 * time.Second
)

// fetch is a request for a link or the picture of a mail.
type fetch struct {
	message string
	// url is where the link leads; empty for the picture.
	url string
	// sealed is when the mail was made, at when it was asked for.
	sealed, at time.Time
	// declared tells that the request itself gives a machine away.
	declared bool
	// handed tells that it is with the engine already, and here only as evidence about others.
	handed bool
}

// agents name programs that fetch without a person, in lower case.
var agents = []string{
	// Proxies of mail services, which hide when and whether a person looked.
	"googleimageproxy", "yahoomailproxy", "ggpht.com",
	// Scanners of mail and of links in it.
	"barracuda", "mimecast", "proofpoint", "safelinks", "urldefense", "trendmicro", "trend micro", "symantec", "messagelabs",
	"forcepoint", "websense", "fireeye", "trellix", "zscaler", "ironport", "sophos", "checkpoint", "avanan", "bitdefender",
	"kaspersky", "virustotal", "google-safety", "linkscan", "scanner",
	// Robots and previews.
	"bot", "crawler", "spider", "slurp", "preview", "facebookexternalhit", "whatsapp", "embedly", "monitor",
	// Program libraries and browsers without a screen.
	"curl/", "wget/", "python-", "aiohttp", "go-http-client", "java/", "okhttp", "libwww", "perl", "ruby", "node-fetch",
	"axios", "headless", "phantomjs", "puppeteer", "playwright",
}

// declares tells whether a request itself says that a machine makes it.
func declares(method string, header http.Header) bool {
	if method != http.MethodGet {
		return true
	}
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		value := strings.ToLower(header.Get(name))
		if strings.Contains(value, "prefetch") || strings.Contains(value, "prerender") || strings.Contains(value, "preview") {
			return true
		}
	}
	agent := strings.ToLower(strings.TrimSpace(header.Get("User-Agent")))
	// Apple's Mail Privacy Protection fetches every picture of every mail, and calls itself no more than this.
	if agent == "" || agent == "mozilla/5.0" {
		return true
	}
	for _, name := range agents {
		if strings.Contains(agent, name) {
			return true
		}
	}
	return false
}

// byMachine tells whether a machine seems to have made a fetch, given the fetches of the same mail around it.
func byMachine(f fetch, around []fetch) bool {
	if f.declared || f.at.Sub(f.sealed) < machineReaction {
		return true
	}
	if f.url == "" {
		return false
	}
	for _, other := range around {
		if other.url != "" && other.url != f.url && other.at.Sub(f.at).Abs() <= burstWindow {
			return true
		}
	}
	return false
}
