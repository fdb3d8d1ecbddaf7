package report

import (
	"strings"
	"sync"

	"mostrador/host/api/mostradorv1"
)

// receipt reads RFC 8098. A mail that was shown, or thrown away unread, had arrived before.
func receipt(m *mail, r *mostradorv1.Report) bool {
	part := m.leaf("message/disposition-notification")
	if part == nil || m.kind != "multipart/report" {
		return false
	}
	for _, group := range groups(part.decoded(maxText)) {
		if id := group.get("original-message-id"); id != "" {
			m.originalID = id
		}
		for _, name := range []string{"original-recipient", "final-recipient"} {
			if a := typedAddress(group.get(name)); a != "" && len(r.Recipients) == 0 {
				addRecipients(r, a)
			}
		}
	}
	r.Kind, r.Method = mostradorv1.ReportKind_REPORT_KIND_DELIVERED, "rfc8098"
	return true
}

var (
	autos = sync.OnceValue(func() *phrases { return newPhrases(autoSubjects) })
	leave = sync.OnceValue(func() map[string]bool {
		words := map[string]bool{}
		for _, w := range unsubscribeWords {
			words[fold(w)] = true
		}
		return words
	})
)

// autoReply reads RFC 3834 and the fields that were in use before it.
func autoReply(m *mail, r *mostradorv1.Report) bool {
	auto, _, _ := strings.Cut(strings.ToLower(m.header.get("auto-submitted")), ";")
	auto = strings.TrimSpace(auto)
	marked := strings.EqualFold(m.header.get("precedence"), "auto_reply")
	for _, name := range []string{
		"x-autoreply", "x-autorespond", "x-autoreply-from", "x-autorespond-from", "x-mail-autoreply", "x-vacation",
	} {
		marked = marked || m.header.has(name)
	}
	switch {
	case strings.HasPrefix(auto, "auto-replied"), marked:
		r.Method = "rfc3834"
	case !isList(m) && autoWords(m):
		r.Method = "subject"
	case strings.HasPrefix(auto, "auto-generated") && m.header.has("in-reply-to") && !isList(m):
		r.Method = "rfc3834"
	default:
		return false
	}
	r.Kind = mostradorv1.ReportKind_REPORT_KIND_AUTO_REPLY
	addRecipients(r, r.From)
	return true
}

// autoWords reports whether the subject is one of an automatic answer.
func autoWords(m *mail) bool {
	subject := fold(clip(decodeHeader(m.header.get("subject")), maxSubject))
	if clear, _ := autos().find(subject); clear != "" {
		return true
	}
	if strings.TrimSpace(m.header.get("return-path")) != "<>" {
		return false
	}
	for _, start := range awayStarts {
		if rest, ok := strings.CutPrefix(subject, start); ok && (rest == "" || strings.ContainsAny(rest[:1], " :,.-!")) {
			return true
		}
	}
	return false
}

// unsubscribe reads what a mail program sends for "mailto:" in List-Unsubscribe, and a person who writes just that.
func unsubscribe(m *mail, r *mostradorv1.Report) bool {
	if isList(m) || fromServer(m) || r.From == "" {
		return false
	}
	to, _, _ := cutLast(fold(addressOf(m.header.get("to"))), '@')
	name, _, _ := strings.Cut(to, "+")
	asked := leave()[bare(r.Subject)] || name == "unsubscribe" || name == "baja" || name == "bajas"
	// "unsubscribe" and a token, as a List-Unsubscribe asks for.
	token, ok := strings.CutPrefix(fold(r.Subject), "unsubscribe ")
	asked = asked || ok && len(token) > 18 && !strings.Contains(token, " ")
	asked = asked || leave()[bare(ownWords(m.ownText()))]
	if !asked {
		return false
	}
	r.Kind, r.Method = mostradorv1.ReportKind_REPORT_KIND_UNSUBSCRIBE, "unsubscribe"
	addRecipients(r, r.From)
	return true
}

// bare folds a subject or sentence and takes away "Re:", quotes and punctuation around it.
func bare(s string) string {
	if len(s) > 300 {
		return ""
	}
	s = fold(s)
	for changed := true; changed; {
		changed = false
		s = strings.Trim(s, " .!?\"'*-_,;:")
		for _, prefix := range replyPrefixes {
			if rest, ok := strings.CutPrefix(s, prefix); ok {
				s, changed = rest, true
			}
		}
	}
	return s
}

// replyPrefixes stand before the subject of an answer, in the languages of mail programs.
var replyPrefixes = []string{"re:", "rv:", "res:", "aw:", "antw:", "sv:", "rif:", "r:", "ответ:", "на:", "回复:", "答复:", "ref:", "re :", "tr:", "fw:", "fwd:", "wg:", "enc:", "i:", "пересл:"}

// ownWords is what a person wrote above what he quotes, without greetings of his telephone.
func ownWords(text string) string {
	var own []string
	for _, line := range strings.Split(text[:min(len(text), 4096)], "\n") {
		line = strings.TrimSpace(line)
		lower := fold(line)
		switch {
		case line == "":
			continue
		case strings.ContainsAny(line[:1], ">-_"), startsQuote(lower),
			strings.HasSuffix(line, ":") && strings.ContainsAny(lower, "@0123456789"):
			return strings.Join(own, " ")
		}
		own = append(own, line)
	}
	return strings.Join(own, " ")
}

// startsQuote reports whether a folded line ends what a person wrote himself: the line of his telephone, or the first of
// what he quotes.
func startsQuote(line string) bool {
	for _, start := range []string{
		"sent from", "enviado desde", "enviado do", "envoye de", "inviato da", "von meinem", "отправлено с",
		"from:", "de:", "von:", "da:", "от:",
	} {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return false
}

// bulk tells what is of no concern: lists, newsletters, reports of machines, and what a filter marked as spam.
func bulk(m *mail, r *mostradorv1.Report) bool {
	switch {
	case spam(m):
		r.Method = "spam"
	case isList(m):
		r.Method = "list"
	case strings.HasPrefix(fold(r.Subject), "report domain:") && m.leaf("application/zip", "application/gzip", "application/x-zip-compressed") != nil, // RFC 7489 7.2.1.1
		m.kind == "multipart/report" && strings.EqualFold(m.params["report-type"], "tlsrpt"): // RFC 8460
		r.Method = "machine"
	default:
		return false
	}
	r.Kind = mostradorv1.ReportKind_REPORT_KIND_OTHER
	return true
}

// spam reports whether a filter before us marked the mail.
func spam(m *mail) bool {
	for _, name := range []string{"x-spam-flag", "x-spam-status", "x-spam"} {
		if strings.HasPrefix(strings.ToLower(m.header.get(name)), "yes") {
			return true
		}
	}
	return false
}

// isList reports whether a mail went to many (RFC 2369, RFC 2919).
func isList(m *mail) bool {
	switch strings.ToLower(m.header.get("precedence")) {
	case "list":
		return true
	case "bulk", "junk":
		return !fromServerName(m)
	}
	return m.header.has("list-id") || m.header.has("list-unsubscribe") || m.header.has("list-post")
}

// fromServerName is fromServer by the name alone.
func fromServerName(m *mail) bool {
	lower := strings.ToLower(m.header.get("from"))
	return strings.Contains(lower, "daemon") || strings.Contains(lower, "postmaster") || strings.Contains(lower, "mail delivery")
}

// answer tells a person's answer by what his mail program writes into it.
func answer(m *mail, r *mostradorv1.Report) bool {
	if !isPerson(m) || strings.TrimSpace(m.ownText()) == "" {
		return false
	}
	subject := fold(r.Subject)
	re := m.header.has("in-reply-to") || m.header.has("references")
	for _, prefix := range replyPrefixes {
		re = re || strings.HasPrefix(subject, prefix)
	}
	if !re {
		return false
	}
	r.Kind, r.Method = mostradorv1.ReportKind_REPORT_KIND_REPLY, "reply"
	addRecipients(r, r.From)
	return true
}

// isPerson reports whether a mail may be from a person: not from a server, a list or a robot.
func isPerson(m *mail) bool {
	local, _, _ := cutLast(strings.ToLower(addressOf(m.header.get("from"))), '@')
	switch local {
	case "", "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "no-responder", "noresponder", "nao-responda", "root", "daemon":
		return false
	}
	auto := strings.ToLower(m.header.get("auto-submitted"))
	return (auto == "" || auto == "no") && !fromServer(m) && !isList(m)
}
