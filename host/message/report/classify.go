package report

import (
	"strings"

	"mostrador/host/api/mostradorv1"
)

// Classify says what the reply of a mail server means: code is its SMTP code, 0 when there is none, and words are its
// text, with an enhanced status (RFC 3463) where the server gives one.
//
// Words say more than the status, and the status more than the code, but they contradict each other in practice. So:
//
//   - The reason comes from words that have one meaning only, then from the status, then from words that usually mean
//     something ("mailbox unavailable"), then from nothing: "other".
//   - Of several reasons in one text the mildest for the address counts: who is on a block list hears "user unknown",
//     too. Only loop, network and server stand behind, even behind a status of policy, since servers name them by the way.
//   - unknown_user, unknown_domain and disabled are KIND_HARD, but only with a permanent code and status (5xx, 5.x.x),
//     not when the words say "temporarily", and not against a status that speaks of something else (5.1.7 and 5.1.8 the sender, 5.2.2 full, 5.6.x content, 5.7.x policy): then KIND_SOFT,
//     which has to happen several times before it counts.
//   - spam, blocklist, policy, dmarc, relay and content are KIND_BLOCKED, be they 4xx or 5xx: the address may be good.
//   - Everything else is KIND_SOFT, a full mailbox even with 5.2.2 and what nobody understands even with 550.
//
// KIND_DELAYED never comes from a reply: only a report says that somebody else keeps trying.
func Classify(code int, words string) *mostradorv1.Bounce {
	words = words[:min(len(words), maxText)]
	b := judge(evidence{code: code, words: words})
	b.Words = clip(words, maxWords)
	b.AtOnce = true
	return b
}

// evidence is what a bounce is judged by; each may be missing.
type evidence struct {
	code   int
	status string // of a delivery status; words may have another
	words  string
}

// judge applies the rules at Classify. It leaves the words to the caller.
func judge(e evidence) *mostradorv1.Bounce {
	text := fold(e.words)
	code, own := findCode(text)
	if e.code == 0 {
		e.code = code
	}
	// The receiving server's own status says more than the one that was reported on its behalf.
	status := e.status
	if own != "" && (status == "" || !strings.HasSuffix(own, ".0.0")) {
		status = own
	}
	temporary := e.code >= 400 && e.code < 500 || strings.HasPrefix(status, "4") || strings.Contains(text, "temporarily")
	clear, vague := reasons().find(text)
	byStatus := reasonOfStatus(status)
	reason := clear
	if aside(clear) && strings.HasPrefix(status, "5.7.") {
		reason = byStatus
	}
	if reason == "" && (byStatus == "" || vague != "" && mild(vague) && !mild(byStatus)) {
		reason = vague
	}
	if reason == "" {
		reason = byStatus
	}
	if reason == "" {
		reason = "other"
	}
	b := &mostradorv1.Bounce{Reason: reason, Status: status, Kind: kindOfReason(reason)}
	if b.Kind == mostradorv1.Bounce_KIND_HARD && (temporary || byStatus != "" && speaksOfElse(status)) {
		b.Kind = mostradorv1.Bounce_KIND_SOFT
	}
	return b
}

// kindOfReason is the kind that a reason has when nothing speaks against it.
func kindOfReason(reason string) mostradorv1.Bounce_Kind {
	switch reason {
	case "unknown_user", "unknown_domain", "disabled":
		return mostradorv1.Bounce_KIND_HARD
	case "spam", "blocklist", "policy", "dmarc", "relay", "content":
		return mostradorv1.Bounce_KIND_BLOCKED
	}
	return mostradorv1.Bounce_KIND_SOFT
}

// aside reports whether servers name a reason by the way, beside the one that counts.
func aside(reason string) bool { return reason == "loop" || reason == "network" || reason == "server" }

func mild(reason string) bool { return kindOfReason(reason) != mostradorv1.Bounce_KIND_HARD }

// speaksOfElse reports whether a status is about something other than the recipient's existence.
func speaksOfElse(status string) bool {
	for _, prefix := range []string{"5.1.7", "5.1.8", "5.2.2", "5.2.3", "5.3.4", "5.6.", "5.7."} {
		if strings.HasPrefix(status, prefix) {
			return true
		}
	}
	return false
}

// reasonOfStatus reads an enhanced status (RFC 3463, RFC 7372, RFC 7505, and what Google and Microsoft number
// themselves). It is "" for one that says nothing ("5.0.0").
func reasonOfStatus(status string) string {
	if len(status) < 5 {
		return ""
	}
	detail := status[2:] // "1.1"
	switch detail {
	case "1.1", "1.3":
		return "unknown_user"
	case "1.2", "1.10", "4.310", "4.312":
		return "unknown_domain"
	case "1.6", "2.1":
		if status[0] == '4' {
			return "other"
		}
		return "disabled"
	case "1.7", "1.8":
		return "policy"
	case "2.2":
		return "mailbox_full"
	case "2.3", "3.4":
		return "too_large"
	case "4.6", "4.14":
		return "loop"
	case "7.20", "7.21", "7.22", "7.23", "7.24", "7.26", "7.30", "7.509", "7.515":
		return "dmarc"
	case "7.28":
		return "rate"
	case "7.511", "7.705", "7.708", "7.750":
		return "blocklist"
	}
	subject, _, _ := strings.Cut(detail, ".")
	switch subject {
	case "3", "5":
		if detail == "5.0" || detail == "3.0" {
			return ""
		}
		return "server"
	case "4":
		if detail == "4.0" || detail == "4.1" {
			return ""
		}
		return "network"
	case "6":
		return "content"
	case "7":
		if strings.HasPrefix(detail, "7.6") && len(detail) == 5 {
			return "blocklist" // 5.7.606 to 5.7.649: addresses that Microsoft banned
		}
		return "policy"
	}
	return ""
}

// findStatus returns the first enhanced status in a text, or "".
func findStatus(text string) string {
	for i := 0; i+4 < len(text); i++ {
		if s := statusAt(text, i); s != "" {
			return s
		}
	}
	return ""
}

// statusAt returns the enhanced status that begins at i, as far as it is no part of an address or version.
func statusAt(text string, i int) string {
	c := text[i]
	if c != '2' && c != '4' && c != '5' || i+4 >= len(text) || text[i+1] != '.' {
		return ""
	}
	if i > 0 && (text[i-1] == '.' || isAlnum(text[i-1])) {
		return ""
	}
	subject := digits(text, i+2)
	if subject == 0 || subject > 1 || i+3 >= len(text) || text[i+3] != '.' {
		return ""
	}
	detail := digits(text, i+4)
	end := i + 4 + detail
	if detail == 0 || detail > 3 || end < len(text) && (isAlnum(text[end]) || text[end] == '.' && digits(text, end+1) > 0) {
		return ""
	}
	return text[i:end]
}

// findCode finds the first SMTP code and the first enhanced status of a failure in folded text.
func findCode(text string) (code int, status string) {
	for i := 0; i+2 < len(text); i++ {
		if c := text[i]; c != '4' && c != '5' || i > 0 && (isAlnum(text[i-1]) || text[i-1] == '.' || text[i-1] == '-') {
			continue
		}
		if status == "" {
			if status = statusAt(text, i); status != "" {
				continue
			}
		}
		if code == 0 && digits(text, i) == 3 && text[i+1] <= '7' && text[i+1] != '6' &&
			(i+3 == len(text) || strings.IndexByte(" -)#:,;]", text[i+3]) >= 0) {
			code = int(text[i]-'0')*100 + int(text[i+1]-'0')*10 + int(text[i+2]-'0')
		}
		if code != 0 && status != "" {
			break
		}
	}
	return code, status
}

func digits(s string, at int) int {
	n := 0
	for at+n < len(s) && s[at+n] >= '0' && s[at+n] <= '9' {
		n++
	}
	return n
}

func isAlnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
