package report

import (
	"bytes"
	"strings"

	"mostrador/host/api/mostradorv1"
)

// maxRecipients bounds how many recipients of one report are kept.
const maxRecipients = 200

// deliveryStatus reads RFC 3464: one group of fields about the report, then one for each recipient.
func deliveryStatus(m *mail, r *mostradorv1.Report) bool {
	status := m.leaf("message/delivery-status", "message/global-delivery-status")
	reports := strings.EqualFold(m.params["report-type"], "delivery-status")
	if status == nil && reports {
		status = m.leaf("text/delivery-status", "application/octet-stream")
	}
	// Beyond multipart/report, where some gateways put it, the sender has to be a mail server.
	if status == nil || m.kind != "multipart/report" && !fromServer(m) || m.leaf("message/feedback-report") != nil {
		return false
	}
	worst := mostradorv1.ReportKind_REPORT_KIND_UNSPECIFIED
	for _, group := range groups(status.decoded(maxText * 4)) {
		if m.originalID == "" {
			m.originalID = group.get("x-original-message-id")
		}
		kind, recipient := statusOf(m, group)
		if recipient == nil || len(r.Recipients) >= maxRecipients {
			continue
		}
		r.Recipients = append(r.Recipients, recipient)
		if worst == mostradorv1.ReportKind_REPORT_KIND_UNSPECIFIED || kind == mostradorv1.ReportKind_REPORT_KIND_BOUNCE {
			worst = kind
		}
	}
	if len(r.Recipients) == 0 {
		return false
	}
	r.Kind, r.Method = worst, "rfc3464"
	return true
}

// groups splits a delivery status at its empty lines.
func groups(body []byte) []header {
	var all []header
	for len(body) > 0 && len(all) < 2*maxRecipients {
		body = bytes.TrimLeft(body, "\r\n")
		h, rest := readHeader(body)
		if len(h) == 0 { // not a field
			_, rest = cutLine(body)
		} else {
			all = append(all, h)
		}
		body = rest
	}
	return all
}

// statusOf reads one group; it is nil when the group is about no recipient. A group without bounce went well.
func statusOf(m *mail, group header) (mostradorv1.ReportKind, *mostradorv1.ReportedRecipient) {
	if !group.has("final-recipient") && !group.has("original-recipient") && !group.has("action") {
		return 0, nil
	}
	recipient := &mostradorv1.ReportedRecipient{Email: typedAddress(group.get("original-recipient"))}
	final := typedAddress(group.get("final-recipient"))
	if recipient.Email == "" {
		recipient.Email = final
	}
	if recipient.Email == "" {
		recipient.Email = addressOf(m.original().get("to"))
	}
	status := findStatus(group.get("status"))
	action, _, _ := strings.Cut(strings.ToLower(group.get("action")), " ")
	if action == "" {
		switch {
		case strings.HasPrefix(status, "2"):
			action = "delivered"
		case status == "":
			return 0, nil
		}
	}
	switch action {
	case "delivered", "relayed", "expanded":
		return mostradorv1.ReportKind_REPORT_KIND_DELIVERED, recipient
	}
	words := typedWords(group.get("diagnostic-code"))
	if words == "" {
		words = typedWords(group.get("x-supplementary-info"))
	}
	bounce := judge(evidence{status: status, words: words})
	if bounce.Reason == "other" || words == "" {
		// The report's own sentences about this recipient, for a server whose code says nothing.
		if told := toldOf(m, recipient.Email, final); told != "" {
			again := judge(evidence{status: status, words: told})
			if again.Reason != "other" {
				bounce = again
			}
			if words == "" {
				words = told
			}
		}
	}
	bounce.Words = clip(decodeHeader(words), maxWords)
	if action == "delayed" {
		bounce.Kind = mostradorv1.Bounce_KIND_DELAYED
	}
	recipient.Bounce = bounce
	return mostradorv1.ReportKind_REPORT_KIND_BOUNCE, recipient
}

// toldOf returns what the report says in words about one of its recipients.
func toldOf(m *mail, addresses ...string) string {
	if !m.split {
		m.split = true
		m.told, _ = cutReturned(m.ownText())
		m.sections = sectionsOf(m, m.told)
	}
	for _, s := range m.sections {
		for _, a := range addresses {
			if strings.EqualFold(s.address, a) {
				return s.words
			}
		}
	}
	if len(m.sections) <= 1 {
		return m.told
	}
	return ""
}

// typedAddress reads "rfc822; ana@example.com" (RFC 3464 2.3.1) with its xtext (RFC 3461 4).
func typedAddress(value string) string {
	kind, rest, ok := strings.Cut(value, ";")
	if !ok {
		kind, rest = "rfc822", value
	}
	rest = strings.TrimSpace(rest)
	if strings.EqualFold(strings.TrimSpace(kind), "x400") {
		return ""
	}
	if a := addressOf(unxtext(rest)); a != "" {
		return a
	}
	return addressOf(decodeHeader(rest))
}

// unxtext undoes "+2B", which xtext writes for "+"; other text it leaves alone, since most servers write no xtext.
func unxtext(s string) string {
	if !strings.Contains(s, "+") {
		return s
	}
	return strings.NewReplacer("+2B", "+", "+2b", "+", "+3D", "=", "+3d", "=").Replace(s)
}

// typedWords reads "smtp; 550 5.1.1 no such user".
func typedWords(value string) string {
	kind, rest, ok := strings.Cut(value, ";")
	if !ok || strings.ContainsAny(strings.TrimSpace(kind), " :<@") {
		return strings.TrimSpace(value)
	}
	return strings.TrimSpace(rest)
}
