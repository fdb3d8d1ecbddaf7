package report

import (
	"strings"

	"mostrador/host/api/mostradorv1"
)

// complaint reads RFC 5965, and the mails of Microsoft's programme (JMRP), which bring the original along with its
// recipient in a field of their own and no report part.
func complaint(m *mail, r *mostradorv1.Report) bool {
	part := m.leaf("message/feedback-report")
	if part == nil {
		return jmrp(m, r)
	}
	if m.kind != "multipart/report" && isPerson(m) {
		return false
	}
	fields := header{}
	if all := groups(part.decoded(maxText)); len(all) > 0 {
		fields = all[0]
	}
	r.Method = "arf"
	switch strings.ToLower(fields.get("feedback-type")) {
	case "not-spam", "auth-failure", "virus": // RFC 6430, RFC 6591
		r.Kind = mostradorv1.ReportKind_REPORT_KIND_OTHER
		return true
	case "opt-out", "opt-out-list":
		r.Kind = mostradorv1.ReportKind_REPORT_KIND_UNSUBSCRIBE
	default:
		r.Kind = mostradorv1.ReportKind_REPORT_KIND_COMPLAINT
	}
	var recipients []string
	for _, f := range fields {
		if f.is("original-rcpt-to") || f.is("removal-recipient") {
			if a := addressOf(f.value); a != "" && !contains(recipients, a) && len(recipients) < maxRecipients {
				recipients = append(recipients, a)
			}
		}
	}
	if len(recipients) == 0 {
		recipients = complained(m)
	}
	addRecipients(r, recipients...)
	return true
}

func jmrp(m *mail, r *mostradorv1.Report) bool {
	from := strings.ToLower(r.From)
	if m.original().get("x-hmxmroriginalrecipient") == "" && from != "staff@hotmail.com" || len(m.original()) == 0 {
		return false
	}
	r.Kind, r.Method = mostradorv1.ReportKind_REPORT_KIND_COMPLAINT, "arf:jmrp"
	addRecipients(r, complained(m)...)
	return true
}

// complained returns whom the mail that is complained of was sent to; providers often black that out.
func complained(m *mail) []string {
	original := m.original()
	for _, name := range []string{"x-hmxmroriginalrecipient", "x-original-to", "delivered-to", "to"} {
		if a := addressOf(original.get(name)); a != "" {
			return []string{a}
		}
	}
	return nil
}

func addRecipients(r *mostradorv1.Report, addresses ...string) {
	for _, a := range addresses {
		if a != "" {
			r.Recipients = append(r.Recipients, &mostradorv1.ReportedRecipient{Email: a})
		}
	}
}
