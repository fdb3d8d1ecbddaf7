// Package report understands what comes back after mails were sent: bounces, complaints, automatic answers, receipts,
// requests to be left alone, and answers of people.
//
// Parse takes one raw mail and says what it is; Classify does the same for the reply of a mail server. Both only
// compute: they read nothing else, keep nothing, never fail and never panic; time and memory grow at most with the
// size of the mail, and of a huge one only the beginning is read.
//
// A mail is tried in this order, and the first that fits decides:
//
//  1. RFC 3464 and RFC 6533: the delivery status says, recipient by recipient, what happened ("rfc3464").
//  2. RFC 5965: a complaint ("arf"), and those of providers that keep only half to it ("arf:jmrp").
//  3. RFC 8098: a receipt ("rfc8098").
//  4. A bounce in words alone, from a mail server ("vendor:qmail", ..., "text").
//  5. RFC 3834: an automatic answer ("rfc3834"), or one that only its subject gives away ("subject").
//  6. RFC 2369: a person or his mail program asks by mail to be left alone ("unsubscribe").
//  7. Lists, newsletters, reports of machines, and what a filter before us called spam ("list", "spam").
//  8. A person's answer ("reply").
//
// Anything else is REPORT_KIND_UNKNOWN and left to people. What is quoted or attached never makes a mail a bounce: only
// its own structure and its own sender do. Whether it is about a mail of ours at all is the caller's to find out, with
// About; a faked bounce about a mail that was never sent then changes nothing.
//
// What a bounce means is decided by the rules at Classify. They err on the mild side: a wrong KIND_HARD costs a good
// customer his mail.
package report

import (
	"strings"

	"mostrador/host/api/mostradorv1"
)

// About helps to find the message that a report is about. The envelope's recipient, which the caller has, goes before
// it all.
type About struct {
	// MessageIDs are those of the mail that came back or was answered, without angle brackets, likeliest first.
	MessageIDs []string
	// Addresses are where this mail was sent to and the return path of the one that came back, likeliest first:
	// with VERP one of them names the message.
	Addresses []string
}

// Parse says what one raw mail (RFC 5322) is. Of the report it fills in kind, from, subject, recipients and method.
// A recipient's address is the one that the mail was sent to, as far as that is known; it is empty when a bounce is
// understood but names nobody.
func Parse(eml []byte) (*mostradorv1.Report, About) {
	m := read(eml)
	r := &mostradorv1.Report{
		Kind:    mostradorv1.ReportKind_REPORT_KIND_UNKNOWN,
		From:    addressOf(m.header.get("from")),
		Subject: clip(decodeHeader(m.header.get("subject")), maxSubject),
		Method:  "none",
	}
	for _, try := range []func(*mail, *mostradorv1.Report) bool{
		deliveryStatus, complaint, receipt, textBounce, autoReply, unsubscribe, bulk, answer,
	} {
		if try(m, r) {
			break
		}
	}
	return r, about(m, r)
}

// maxSubject and maxWords bound what is kept of a mail, in bytes.
const (
	maxSubject = 500
	maxWords   = 600
)

// about collects what leads to the original.
func about(m *mail, r *mostradorv1.Report) About {
	var a About
	own := messageID(m.header.get("message-id"))
	addID := func(value string) {
		for _, id := range messageIDs(value) {
			if id != own && len(a.MessageIDs) < 20 && !contains(a.MessageIDs, id) {
				a.MessageIDs = append(a.MessageIDs, id)
			}
		}
	}
	addAddress := func(value string) {
		for _, address := range addressesOf(value) {
			if len(a.Addresses) < 20 && !contains(a.Addresses, address) {
				a.Addresses = append(a.Addresses, address)
			}
		}
	}
	addID(m.originalID)
	original := m.original()
	addID(original.get("message-id"))
	switch r.Kind {
	case mostradorv1.ReportKind_REPORT_KIND_BOUNCE, mostradorv1.ReportKind_REPORT_KIND_COMPLAINT,
		mostradorv1.ReportKind_REPORT_KIND_DELIVERED:
		addAddress(original.get("return-path"))
	}
	for _, name := range []string{"in-reply-to", "references", "x-original-message-id"} {
		addID(m.header.get(name))
	}
	for _, name := range []string{"delivered-to", "x-original-to", "envelope-to", "to"} {
		addAddress(m.header.get(name))
	}
	return a
}

func contains(list []string, s string) bool {
	for _, other := range list {
		if strings.EqualFold(other, s) {
			return true
		}
	}
	return false
}
