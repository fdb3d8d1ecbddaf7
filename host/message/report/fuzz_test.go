package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/message/report"
)

// FuzzParse looks for mails that stop Parse or get more out of it than it promises.
func FuzzParse(f *testing.F) {
	for _, l := range readLabels(f) {
		if eml := readMail(f, l.name); len(eml) < 3000 {
			f.Add(eml)
		}
	}
	f.Add([]byte("Content-Type: multipart/mixed; boundary=\"\"\n\n--\n--\n"))
	f.Add([]byte("From: <@>\nTo: @@@@\n\n@"))
	f.Fuzz(func(t *testing.T, eml []byte) {
		r, about := report.Parse(eml)
		if r == nil || r.Kind == mostradorv1.ReportKind_REPORT_KIND_UNSPECIFIED || r.Method == "" {
			t.Fatalf("no kind: %v", r)
		}
		if len(r.Recipients) > 200 || len(about.MessageIDs) > 20 || len(about.Addresses) > 20 {
			t.Fatalf("too much: %d recipients, %v", len(r.Recipients), about)
		}
		if !utf8.ValidString(r.Subject) || !utf8.ValidString(r.From) {
			t.Fatalf("not UTF-8: %q %q", r.Subject, r.From)
		}
		for _, recipient := range r.Recipients {
			if (recipient.Bounce != nil) && r.Kind != mostradorv1.ReportKind_REPORT_KIND_BOUNCE {
				t.Fatalf("a bounce in a report of kind %v", r.Kind)
			}
			if !utf8.ValidString(recipient.Email) || strings.ContainsAny(recipient.Email, "\r\n <>") {
				t.Fatalf("address %q", recipient.Email)
			}
			checkBounce(t, recipient.Bounce)
		}
	})
}

// FuzzClassify looks for replies that break the rules at Classify.
func FuzzClassify(f *testing.F) {
	f.Add(550, "5.1.1 User unknown")
	f.Add(452, "4.2.2 mailbox full")
	f.Add(0, "550-5.7.1 [192.0.2.1] spam")
	f.Add(421, "\xff\xfe 收件人不存在")
	f.Fuzz(func(t *testing.T, code int, words string) {
		b := report.Classify(code, words)
		checkBounce(t, b)
		if b.Kind == mostradorv1.Bounce_KIND_HARD && code >= 400 && code < 500 {
			t.Fatalf("%d %q is hard", code, words)
		}
		if b.Kind == mostradorv1.Bounce_KIND_HARD && strings.HasPrefix(b.Status, "5.7.") {
			t.Fatalf("status %s is hard", b.Status)
		}
	})
}

func checkBounce(t *testing.T, b *mostradorv1.Bounce) {
	t.Helper()
	if b == nil {
		return
	}
	if b.Kind == mostradorv1.Bounce_KIND_UNSPECIFIED || b.Reason == "" || len(b.Words) > 600 || !utf8.ValidString(b.Words) {
		t.Fatalf("bounce %v", b)
	}
}

// TestParseTakesAsLongAsTheMailIsLarge feeds it what makes careless parsers slow.
func TestParseTakesAsLongAsTheMailIsLarge(t *testing.T) {
	nested := "Content-Type: text/plain\n\nx\n"
	for i := range 300 {
		b := string(rune('a'+i%26)) + strings.Repeat("x", i%40)
		nested = "Content-Type: multipart/mixed; boundary=" + b + "\n\n--" + b + "\n" + nested + "\n--" + b + "--\n"
	}
	daemon := "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nSubject: failure notice\n"
	for name, eml := range map[string]string{
		"nested":       nested,
		"many parts":   "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 400_000),
		"one field":    "Subject: " + strings.Repeat("=?utf-8?q?a?= ", 300_000) + "\n\n",
		"many fields":  strings.Repeat("A: b\n", 800_000),
		"folded":       "A: b\n" + strings.Repeat(" c\n", 1_000_000),
		"signs":        daemon + "\n" + strings.Repeat("@", 4_000_000),
		"addresses":    daemon + "\n" + strings.Repeat("a@b.example\n", 300_000),
		"ids":          "References: " + strings.Repeat("<a@b>", 800_000) + "\n\n",
		"tags":         daemon + "Content-Type: text/html\n\n" + strings.Repeat("<style><", 500_000),
		"open tags":    daemon + "Content-Type: text/html\n\n" + strings.Repeat("<", 4_000_000),
		"words":        daemon + "\n" + strings.Repeat("user ", 800_000),
		"base64":       daemon + "Content-Transfer-Encoding: base64\n\n" + strings.Repeat("QUJD", 1_000_000),
		"status lines": "Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n" + strings.Repeat("Final-Recipient: rfc822;a@b.example\nAction: failed\n\n", 70_000),
	} {
		began := time.Now()
		report.Parse([]byte(eml))
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%s: %v for %d bytes", name, took, len(eml))
		}
	}
}

// TestHugeMailIsReadAtItsBeginning has a bounce that brings a big mail along.
func TestHugeMailIsReadAtItsBeginning(t *testing.T) {
	eml := append(readMail(t, "qmail-no-mailbox"), bytes.Repeat([]byte("filler line of a big attachment\n"), 300_000)...)
	r, _ := report.Parse(eml)
	if r.Kind != mostradorv1.ReportKind_REPORT_KIND_BOUNCE || len(r.Recipients) != 1 {
		t.Errorf("got %v", r)
	}
}
