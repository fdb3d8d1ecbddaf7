package report_test

import (
	"slices"
	"testing"

	"mostrador/host/message/report"
)

// TestAboutLeadsToTheMessage has the ways in which a report names the mail that it is about.
func TestAboutLeadsToTheMessage(t *testing.T) {
	const verp = "rebotes+01jd8x7kq2.4f1a@tienda.example"
	for name, eml := range map[string]string{
		"returned mail": "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nTo: " + verp + "\nMessage-ID: <own@x.example>\n" +
			"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n" +
			"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n\n" +
			"--b\nContent-Type: text/rfc822-headers\n\nReturn-Path: <" + verp + ">\nMessage-ID: <m1@tienda.example>\nTo: a@x.example\n\n--b--\n",
		"quoted mail": "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nTo: " + verp + "\nSubject: failure notice\n\n<a@x.example>:\nno such user\n\n" +
			"--- Below this line is a copy of the message.\n\nReturn-Path: <" + verp + ">\nMessage-ID: <m1@tienda.example>\n\nHola\n",
		"receipt": "From: a@x.example\nTo: " + verp + "\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n" +
			"--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822;a@x.example\nOriginal-Message-ID: <m1@tienda.example>\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--\n",
		"answer": "From: a@x.example\nTo: " + verp + "\nMessage-ID: <own@x.example>\nIn-Reply-To: <m1@tienda.example>\nReferences: <m0@tienda.example> <m1@tienda.example>\nSubject: Re: x\n\nGracias\n",
		"complaint": "From: fbl@x.example\nTo: " + verp + "\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n" +
			"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n\n--b\nContent-Type: message/rfc822\n\nReturn-Path: <" + verp + ">\nMessage-ID: <m1@tienda.example>\nTo: a@x.example\n\nHola\n--b--\n",
	} {
		r, about := report.Parse([]byte(eml))
		if len(about.MessageIDs) == 0 || about.MessageIDs[0] != "m1@tienda.example" || slices.Contains(about.MessageIDs, "own@x.example") {
			t.Errorf("%s: ids %q", name, about.MessageIDs)
		}
		if len(about.Addresses) == 0 || about.Addresses[0] != verp {
			t.Errorf("%s: addresses %q", name, about.Addresses)
		}
		if len(r.Recipients) != 1 || r.Recipients[0].Email != "a@x.example" {
			t.Errorf("%s: recipients %v", name, r.Recipients)
		}
	}
}
