package report

import (
	"slices"
	"strings"

	"mostrador/host/api/mostradorv1"
)

// textBounce reads the bounces that servers write in words alone. The mail has to come from a mail server and say that
// something was not delivered; which address, it says at the beginning of a line, or the mail that it brings back does.
func textBounce(m *mail, r *mostradorv1.Report) bool {
	if !fromServer(m) || isList(m) {
		return false
	}
	text, quoted := cutReturned(m.ownText())
	folded := fold(text[:min(len(text), 16<<10)])
	vendor, said, delayed := "", false, false
	note := func(found phrase) bool {
		said = true
		switch {
		case found.means == "delayed":
			delayed = true
		case found.means != "text" && (vendor == "" || marks().rank[found.means] < marks().rank[vendor]):
			vendor = found.means
		}
		return true
	}
	marks().each(fold(r.Subject), note)
	marks().each(folded, note)
	failed := m.header.get("x-failed-recipients")
	if quoted != "" && len(m.original()) == 0 {
		m.returned = quotedHeader(quoted)
	}
	sections := sectionsOf(m, text)
	whole := judge(evidence{words: text})
	// In a language without sentences here the server's code, beside an address, says it all the same.
	if !said && failed == "" && (len(sections) == 0 || whole.Status == "" || whole.Reason == "other") {
		return false
	}
	if len(sections) == 0 {
		sections = []section{{address: recipientOf(m.original()), words: text}}
	}
	for _, s := range sections {
		bounce, words := judge(evidence{words: s.words}), s.words
		// What stands before the only address is about it, too.
		if len(sections) == 1 && (bounce.Reason == "other" || bounce.Status == "" && whole.Status != "") {
			bounce = whole
			if bounce.Reason != "other" {
				words = text
			}
		}
		if s.address == "" && bounce.Reason == "other" {
			return false
		}
		if delayed {
			bounce.Kind = mostradorv1.Bounce_KIND_DELAYED
		}
		bounce.Words = clip(words, maxWords)
		r.Recipients = append(r.Recipients, &mostradorv1.ReportedRecipient{Email: s.address, Bounce: bounce})
	}
	r.Kind = mostradorv1.ReportKind_REPORT_KIND_BOUNCE
	r.Method = "text"
	if vendor == "" && failed != "" {
		vendor = "exim"
	}
	if vendor != "" {
		r.Method = "vendor:" + vendor
	}
	return true
}

// fromServer reports whether a mail server wrote the mail, not a person: by its name or by the empty return path
// (RFC 5321 4.5.5).
func fromServer(m *mail) bool {
	from := strings.ToLower(m.header.get("from"))
	local, _, _ := cutLast(strings.ToLower(addressOf(from)), '@')
	if local == "" {
		local = strings.TrimSpace(strings.Trim(from, "<>"))
	}
	switch local {
	case "mailer-daemon", "mailerdaemon", "mailer_daemon", "mailer.daemon", "postmaster", "mail-daemon", "maildaemon", "mdaemon",
		"mail.daemon", "mmdf", "mailsystem", "mail-system", "mailer", "postoffice", "ndr", "bounce", "bounces", "mail delivery subsystem",
		"mail delivery system", "mailadmin", "mail-administrator", "imailsrv", "daemon":
		return true
	}
	for _, prefix := range []string{"mailer-daemon", "microsoftexchange", "postmaster", "mail delivery subsystem <>", "mail delivery system <>"} {
		if strings.HasPrefix(local, prefix) {
			return true
		}
	}
	path := strings.TrimSpace(m.header.get("return-path"))
	if path != "<>" && !strings.HasPrefix(strings.ToLower(path), "<mailer-daemon") {
		return false
	}
	// Automatic answers of people have an empty return path, too (RFC 3834 3.3).
	auto := strings.ToLower(m.header.get("auto-submitted"))
	return !strings.HasPrefix(auto, "auto-replied") && !autoWords(m)
}

// cutReturned splits a bounce where the mail that came back begins.
func cutReturned(text string) (own, returned string) {
	for at := 0; at < len(text); {
		end := strings.IndexByte(text[at:], '\n')
		if end < 0 {
			end = len(text) - at
		}
		line := strings.TrimSpace(text[at : at+end])
		if len(line) > 8 && len(line) < 200 {
			switch line[0] {
			case '-', 'O', 'o', 'T', 't', 'M', 'm', 'E', 'e', 'C', 'c', 'I', 'i', 0xC3, 0xD0, 'U', 'u':
				folded := fold(line)
				for _, mark := range returnedMarks {
					if strings.HasPrefix(folded, mark) {
						return text[:at], text[min(at+end+1, len(text)):]
					}
				}
			case 'R':
				if strings.HasPrefix(line, "Return-Path: <") || strings.HasPrefix(line, "Received: from ") {
					return text[:at], text[at:]
				}
			}
		}
		at += end + 1
	}
	return text, ""
}

// quotedHeader reads the fields of a mail that is quoted in a text, perhaps indented.
func quotedHeader(text string) header {
	text = text[:min(len(text), maxText)]
	text = strings.TrimLeft(text, "\r\n -")
	var h header
	for _, line := range strings.Split(text, "\n") {
		name, value, ok := strings.Cut(strings.TrimLeft(line, " >|"), ":")
		if ok && len(name) < 40 && len(h) < maxFields && isToken([]byte(name)) {
			h = append(h, field{name, strings.TrimSpace(value)})
		}
	}
	return h
}

// recipientOf returns whom a mail was sent to.
func recipientOf(h header) string {
	for _, name := range []string{"x-original-to", "to"} {
		if a := addressOf(h.get(name)); a != "" {
			return a
		}
	}
	return ""
}

// section is what a bounce says about one address.
type section struct{ address, words string }

// sectionsOf splits the text of a bounce into what it says about each recipient: from the address up to the next, and
// the lines further down that name it again, without those that name another. Addresses in a row share what follows the
// last.
func sectionsOf(m *mail, text string) []section {
	known := addressesOf(m.header.get("x-failed-recipients"))
	places, again := placesOf(m, text, known)
	sections := make([]section, len(places))
	for i := len(places) - 1; i >= 0; i-- {
		p := places[i]
		end := len(text)
		if i+1 < len(places) {
			end = places[i+1].at
		}
		var words, further strings.Builder
		at := p.at
		for _, mention := range again {
			switch own := strings.EqualFold(mention.address, p.address); {
			case own && mention.begin >= end:
				further.WriteString("\n" + text[mention.begin:mention.end])
			case !own && mention.begin >= at && mention.end <= end:
				words.WriteString(text[at:mention.begin])
				at = mention.end
			}
		}
		said := words.String() + text[at:end] + further.String()
		if i+1 < len(places) && strings.Trim(strings.Replace(said, p.address, "", 1), " \t\r\n<>,;:\"'()*-") == "" {
			said += sections[i+1].words
		}
		sections[i] = section{address: p.address, words: said}
	}
	if len(sections) == 0 {
		for _, a := range known {
			sections = append(sections, section{address: a, words: text})
		}
	}
	return sections
}

// place is where a text names a recipient first: the beginning of that line.
type place struct {
	address string
	at      int
	strong  bool
}

// mention is a line that names a recipient again.
type mention struct {
	address    string
	begin, end int
}

// placesOf finds the recipients that a text names, and where it names them again. Where some are plainly meant, because they begin a line or the header
// names them, others are not.
func placesOf(m *mail, text string, known []string) ([]place, []mention) {
	original := m.original()
	other := map[string]bool{}
	for _, field := range []string{
		m.header.get("from"), m.header.get("to"), m.header.get("delivered-to"), original.get("from"),
		original.get("return-path"), original.get("reply-to"), original.get("sender"),
	} {
		for _, a := range addressesOf(field) {
			other[strings.ToLower(a)] = true
		}
	}
	to := strings.ToLower(recipientOf(original))
	var places []place
	var mentions []mention
	strong := false
	seen := map[string]int{}
	eachAddress(text, func(a string, begin, _ int) bool {
		lower := strings.ToLower(a)
		local, _, _ := strings.Cut(lower, "@")
		switch local {
		case "postmaster", "mailer-daemon", "abuse", "support", "helpdesk":
			return true
		}
		line := strings.LastIndexByte(text[:begin], '\n') + 1
		before := strings.TrimSpace(text[max(line, begin-100):begin])
		if other[lower] || strings.HasSuffix(before, "//") || strings.Contains(fold(before), "message-id") {
			return true
		}
		plainly := lower == to || contains(known, a) || startsLine(before)
		strong = strong || plainly
		if i, again := seen[lower]; again {
			places[i].strong = places[i].strong || plainly
			if len(mentions) < maxRecipients && line > places[i].at {
				rest, _, _ := strings.Cut(text[line:], "\n")
				mentions = append(mentions, mention{a, line, line + len(rest)})
			}
			return true
		}
		seen[lower] = len(places)
		places = append(places, place{address: a, at: line, strong: plainly})
		return len(places) < maxRecipients
	})
	return slices.DeleteFunc(places, func(p place) bool { return strong && !p.strong }), mentions
}

// startsLine reports whether what stands before an address in its line is but a label or a bullet.
func startsLine(before string) bool {
	before = strings.TrimRight(before, "<(\"'[* -=>.")
	return before == "" || len(before) < 40 && strings.HasSuffix(before, ":")
}
