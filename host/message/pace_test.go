package message

import (
	"fmt"
	"strings"
	"testing"
	"time"

	smtp "github.com/emersion/go-smtp"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

func TestAProviderThatComplainsGetsFewerMailsAndThenMoreAgain(t *testing.T) {
	p := newPaces(func() int { return 16 })
	now := time.Unix(1_770_000_000, 0)
	const slow = "421 too many"
	admit := func() bool { ok, _ := p.admit("gmail.com", now); return ok }
	for range 16 {
		if !admit() {
			t.Fatal("a provider that never complained has a limit")
		}
	}
	// All that were under way are refused: that counts once.
	for i := range 16 {
		if lowered := p.done("gmail.com", now, false, slow); lowered != (i == 0) {
			t.Errorf("answer %d lowers: %v", i, lowered)
		}
	}
	window, first, words, limited := p.limitOf("gmail.com")
	if !limited || window != 8 || words != slow {
		t.Fatalf("%d %v %q %v", window, first, words, limited)
	}
	if admit() {
		t.Error("it gets no rest")
	}
	if ok, _ := p.admit("outlook.com", now); !ok {
		t.Error("another provider waits with it")
	}
	// It goes on complaining: the rest doubles, the limits halve down to one mail a minute.
	last := time.Duration(0)
	for range 12 {
		ok, wait := p.admit("gmail.com", now)
		if ok || wait < last && last < maxRest {
			t.Fatalf("admitted %v, wait %v after %v", ok, wait, last)
		}
		last = wait
		now = now.Add(wait)
		if !admit() {
			t.Fatal("not admitted after its rest")
		}
		p.done("gmail.com", now, false, slow)
	}
	if window, rate, _, _ := p.limitOf("gmail.com"); window != 1 || rate != minRate || last != maxRest {
		t.Errorf("%d at a time, %v a second, rest %v", window, rate, last)
	}
	// It takes mails again: slowly more, until there is no limit.
	accepted, began := 0, now
	for {
		ok, wait := p.admit("gmail.com", now)
		if !ok {
			now = now.Add(max(wait, time.Millisecond))
			continue
		}
		p.done("gmail.com", now, true, "")
		accepted++
		if _, _, _, limited := p.limitOf("gmail.com"); !limited {
			break
		}
		if accepted > 100_000 {
			t.Fatal("it never recovers")
		}
	}
	if took := now.Sub(began); accepted < 500 || took < 30*time.Second || took > time.Hour {
		t.Errorf("free after %d mails and %v", accepted, took)
	}
}

func TestWhatANoAsksFor(t *testing.T) {
	o := freshOutbox(t, testSettings)
	for words, fewer := range map[string]bool{
		"421 4.7.0 Try again later, closing connection":                           true,
		"421 4.7.28 Our system has detected an unusual rate of unsolicited mail":  true,
		"450 4.2.1 The user you are trying to contact is receiving mail too fast": true,
		"451 4.7.1 Greylisting in action, please come back later":                 false,
		"452 4.2.2 Mailbox full":                        false,
		"452 4.3.1 Insufficient system storage":         true,
		"454 4.7.0 Too many login attempts":             true,
		"455 Command parameter temporarily unavailable": false,
		"550 5.7.1 Too many messages":                   false,
	} {
		var code int
		var rest string
		_, _ = fmt.Sscanf(words, "%d", &code)
		rest = words[4:]
		if got := o.complaint(&Refusal{Code: code, Words: rest}) != ""; got != fewer {
			t.Errorf("%s: %v", words, got)
		}
	}
	o.cfg.Classify = func(int, string) *mostradorv1.Bounce {
		return &mostradorv1.Bounce{Kind: mostradorv1.Bounce_KIND_SOFT, Reason: "mailbox_full"}
	}
	if o.complaint(&Refusal{Code: 452, Words: "storage"}) != "" {
		t.Error("who understands answers is not asked")
	}
}

func TestASlowProviderDelaysNoOther(t *testing.T) {
	p := newPeer(t)
	p.refuse = func(to string) error {
		if strings.HasSuffix(to, "@gmail.com") {
			return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 7, 28}, Message: "Too many messages"}
		}
		return nil
	}
	o := freshOutbox(t, p.settings(), func(c *Config) { c.Backoff = func(string, int) time.Duration { return time.Hour } })
	given := &plgv1.Consent{Promotions: plgv1.ConsentState_CONSENT_STATE_GIVEN}
	o.customers["slow"] = &plgv1.Customer{Id: "slow", Email: "a@gmail.com", Consent: given}
	var all []*mostradorv1.Message
	for i := range 400 {
		all = append(all, promotion("slow", i))
	}
	for i := range 50 {
		all = append(all, promotion("ana", 1000+i))
	}
	o.queue(all...)
	for i := range 50 {
		o.until(promotion("ana", 1000+i).Id, sent)
	}
	tried, waits := 0, 0
	for i := range 400 {
		row := o.get(promotion("slow", i).Id).Message
		tried += int(row.Attempts)
		if row.Attempts == 0 && strings.Contains(row.LastAnswer, "gmail.com pide ir más despacio") && strings.Contains(row.LastAnswer, "Too many messages") {
			waits++
		}
	}
	if tried > 40 || waits < 350 {
		t.Errorf("%d were tried with a provider that asks to go slower, %d say why they wait", tried, waits)
	}
	if !strings.Contains(o.logs.String(), "a provider asks for fewer mails") {
		t.Error("the log does not say so")
	}
	// It takes mail again; what waited leaves, also after the host began anew.
	p.mu.Lock()
	p.refuse = nil
	p.mu.Unlock()
	if err := o.SettingsChanged(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 400 {
		o.until(promotion("slow", i).Id, sent)
	}
	if len(p.got()) != 450 {
		t.Errorf("%d mails", len(p.got()))
	}
}

func TestProviders(t *testing.T) {
	for address, want := range map[string]string{
		"a@Gmail.com": "gmail.com", "a@googlemail.com": "gmail.com", "a@hotmail.es": "outlook.com",
		"a@tienda.example": "tienda.example", "nobody": "", "": "", "a@b\x00c": "",
	} {
		if got := Provider(address); got != want {
			t.Errorf("%q: %q", address, got)
		}
	}
}
