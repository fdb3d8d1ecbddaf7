package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	transactional = plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL
	promotional   = plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL
)

func TestAHardBounceSuppressesAndAPersonReleases(t *testing.T) {
	w := newWorld(t)
	w.send("m1", "Ana@example.com")
	r := w.receive("bounce", "rebotes+m1@shop.example", bounceOf("other@forwarder.example", "", hard()))
	if got := r.Recipients[0]; got.Email != "Ana@example.com" || got.CustomerId != "ana" || got.MessageId != "m1" {
		t.Errorf("the report speaks of %v", got)
	}
	if got := w.standing("ana@EXAMPLE.com"); got != "suppressed hard_bounce" {
		t.Fatalf("the address is %s", got)
	}
	if passed, words := w.may("ana@example.com", transactional); passed || !strings.Contains(words, "el buzón no existe") {
		t.Errorf("passed %v: %s", passed, words)
	}
	a, err := w.Release(t.Context(), &plgv1.Actor{Operator: "Eva"}, "ANA@example.com", "lo ha arreglado")
	if err != nil {
		t.Fatal(err)
	}
	if a.State != mostradorv1.AddressState_ADDRESS_STATE_GOOD || a.Actor.GetOperator() != "Eva" || a.Note != "lo ha arreglado" {
		t.Errorf("released: %v", a)
	}
	if a.Email != "Ana@example.com" || a.CustomerName != "ANA" {
		t.Errorf("the address lost its form or its customer: %v", a)
	}
	if passed, _ := w.may("ana@example.com", promotional); !passed {
		t.Error("a released address gets no mail")
	}
	kinds := ""
	for _, e := range a.Events {
		kinds += e.Kind + " "
	}
	if kinds != "released bounce " {
		t.Errorf("what happened: %s", kinds)
	}
}

func TestTheSameMailTwiceChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.send("m1", "ana@example.com")
	first := w.receive("one", "", bounceOf("ana@example.com", "m1@shop.example", soft("mailbox_full")))
	second := w.receive("one", "", bounceOf("ana@example.com", "m1@shop.example", soft("mailbox_full")))
	if first.Id != second.Id {
		t.Error("the same mail made a second report")
	}
	// The server says the same again in other words.
	w.receive("two", "", bounceOf("ana@example.com", "m1@shop.example", soft("mailbox_full")))
	if a := w.address("ana@example.com"); len(a.Events) != 1 || a.Weight != 1 {
		t.Errorf("the address: %v", a)
	}
	if got := w.dashboard().Total.Soft; got != 1 {
		t.Errorf("%d soft bounces are counted", got)
	}
	all, err := w.Reports(t.Context(), &mostradorv1.ListReportsRequest{})
	if err != nil || len(all.Reports) != 2 {
		t.Errorf("%d reports, %v", len(all.GetReports()), err)
	}
}

func TestHearsayDoesNotSuppress(t *testing.T) {
	w := newWorld(t)
	w.send("m1", "ana@example.com")
	r := w.receive("forged", "", bounceOf("ana@example.com", "made.up@shop.example", hard()))
	if got := r.Recipients[0].MessageId; got != "m1" {
		t.Errorf("people see the message %q, want the last one", got)
	}
	if got := w.standing("ana@example.com"); got != "shaky" {
		t.Errorf("the address is %s", got)
	}
	if got := w.dashboard().Total; got.Hard != 0 || got.Delivered != 1 {
		t.Errorf("the message counts as %s", counts(got))
	}
	w.receive("of a stranger", "", bounceOf("stranger@example.net", "", hard()))
	if w.address("stranger@example.net") != nil {
		t.Error("an address that the store never wrote to is kept")
	}
}

func TestBlockedIsAboutTheStoreAndDelayedAboutNothing(t *testing.T) {
	w := newWorld(t)
	for i, kind := range []mostradorv1.Bounce_Kind{mostradorv1.Bounce_KIND_BLOCKED, mostradorv1.Bounce_KIND_DELAYED} {
		id, to := fmt.Sprintf("m%d", i), []string{"ana@example.com", "eva@example.com"}[i]
		w.send(id, to)
		w.receive(id, "rebotes+"+id+"@shop.example", bounceOf(to, "", &mostradorv1.Bounce{Kind: kind, Reason: "spam"}))
		if got := w.standing(to); got != "good" && got != "unspecified" {
			t.Errorf("%v: the address is %s", kind, got)
		}
	}
	if got := w.dashboard().Total; got.Blocked != 1 || got.Delivered != 1 || got.Sent != 2 {
		t.Errorf("counted: %s", counts(got))
	}
}

func TestAComplaintStopsAdvertisingOnly(t *testing.T) {
	w := newWorld(t)
	w.send("m1", "ana@example.com")
	w.receive("arf", "", &mostradorv1.Report{
		Kind:       mostradorv1.ReportKind_REPORT_KIND_COMPLAINT,
		Recipients: []*mostradorv1.ReportedRecipient{{MessageId: "m1@shop.example"}}, // the provider hides the address
	})
	if got := w.standing("ana@example.com"); got != "suppressed complaint" {
		t.Fatalf("the address is %s", got)
	}
	if passed, _ := w.may("ana@example.com", promotional); passed {
		t.Error("advertising leaves")
	}
	if passed, _ := w.may("ana@example.com", transactional); !passed {
		t.Error("a receipt is held back")
	}
	w.now = w.now.AddDate(3, 0, 0)
	if got := w.standing("ana@example.com"); got != "suppressed complaint" {
		t.Errorf("after three years the address is %s", got)
	}
	w.now = noon
	if got := w.dashboard().Total.Complained; got != 1 {
		t.Errorf("%d complaints are counted", got)
	}
}

func TestSoftBouncesSuppressForAWhile(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		id := fmt.Sprintf("m%d", i)
		w.send(id, "ana@example.com")
		w.receive(id, "rebotes+"+id+"@shop.example", bounceOf("ana@example.com", "", soft("mailbox_full")))
		want := "shaky"
		if i == 4 {
			want = "suppressed soft_bounces"
		}
		if got := w.standing("ana@example.com"); got != want {
			t.Fatalf("after %d bounces the address is %s", i+1, got)
		}
		w.now = w.now.Add(24 * time.Hour)
	}
	if passed, words := w.may("ana@example.com", promotional); passed || !strings.Contains(words, "el buzón está lleno") {
		t.Errorf("passed %v: %s", passed, words)
	}
	w.now = w.now.Add(17 * 24 * time.Hour)
	if got := w.standing("ana@example.com"); got != "shaky" {
		t.Errorf("after some weeks the address is %s", got)
	}
	// One more does not throw it back: what had decided has lapsed.
	w.send("again", "ana@example.com")
	w.receive("again", "rebotes+again@shop.example", bounceOf("ana@example.com", "", soft("mailbox_full")))
	if got := w.standing("ana@example.com"); got != "shaky" {
		t.Errorf("after one more bounce the address is %s", got)
	}
	// It is opened after all.
	w.put("again", func(m *mostradorv1.Message) { m.Delivery.Opened = timestamppb.New(w.now) })
	if got := w.standing("ana@example.com"); got != "good" {
		t.Errorf("after an opened mail the address is %s", got)
	}
}

func TestAMailThatDoesNotComeBackHeals(t *testing.T) {
	w := newWorld(t)
	w.send("m1", "ana@example.com")
	w.receive("m1", "rebotes+m1@shop.example", bounceOf("ana@example.com", "", soft("mailbox_full")))
	w.now = w.now.Add(48 * time.Hour)
	w.send("m2", "ana@example.com")
	if got := w.standing("ana@example.com"); got != "shaky" {
		t.Errorf("at once the address is %s", got)
	}
	w.now = w.now.Add(6 * 24 * time.Hour)
	if got := w.standing("ana@example.com"); got != "good" {
		t.Errorf("days later the address is %s", got)
	}
}

func TestARefusalToTheFaceCounts(t *testing.T) {
	w := newWorld(t)
	for id, state := range map[string]mostradorv1.MessageState{
		"m1": mostradorv1.MessageState_MESSAGE_STATE_FAILED, "m2": mostradorv1.MessageState_MESSAGE_STATE_QUEUED,
	} {
		w.put(id, func(m *mostradorv1.Message) {
			m.To = map[string]string{"m1": "ana@example.com", "m2": "eva@example.com"}[id]
			m.State = state
			b := hard()
			b.AtOnce = true
			m.Delivery = &mostradorv1.MessageDelivery{Bounced: timestamppb.New(w.now), Bounce: b}
		})
	}
	if got := w.standing("ana@example.com"); got != "suppressed hard_bounce" {
		t.Errorf("the refused address is %s", got)
	}
	if w.address("eva@example.com") != nil {
		t.Error("a mail that is tried again says something about its address")
	}
	d := w.dashboard()
	if d.Total.Failed != 1 || d.Total.Hard != 1 || d.Total.Delivered != 0 || d.Waiting != 1 {
		t.Errorf("counted: %s, waiting %d", counts(d.Total), d.Waiting)
	}
}

func TestWhatIsNotUnderstoodWaitsForAPerson(t *testing.T) {
	w := newWorld(t)
	w.send("m1", "ana@example.com")
	r := w.receive("???", "", &mostradorv1.Report{})
	if r.Kind != mostradorv1.ReportKind_REPORT_KIND_UNKNOWN {
		t.Fatalf("it is taken for %v", r.Kind)
	}
	w.now = w.now.AddDate(5, 0, 0)
	if err := w.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.now = noon
	got, err := w.Report(t.Context(), r.Id)
	if err != nil || string(got.Eml) != "???" {
		t.Fatalf("kept %q, %v", got.GetEml(), err)
	}
	var refused *customer.Refused
	for name, q := range map[string]*mostradorv1.SettleReportRequest{
		"no kind":    {Id: r.Id},
		"no bounce":  {Id: r.Id, Kind: mostradorv1.ReportKind_REPORT_KIND_BOUNCE, Email: "ana@example.com"},
		"no address": {Id: r.Id, Kind: mostradorv1.ReportKind_REPORT_KIND_BOUNCE, Bounce: hard()},
	} {
		if _, err := w.Settle(t.Context(), nil, q); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	settled, err := w.Settle(t.Context(), &plgv1.Actor{Operator: "Eva"}, &mostradorv1.SettleReportRequest{
		Id: r.Id, Kind: mostradorv1.ReportKind_REPORT_KIND_BOUNCE, Bounce: hard(), Email: "ana@example.com",
	})
	if err != nil {
		t.Fatal(err)
	}
	if settled.SettledBy.GetOperator() != "Eva" || settled.Recipients[0].MessageId != "m1" {
		t.Errorf("settled: %v", settled)
	}
	if got := w.standing("ana@example.com"); got != "suppressed hard_bounce" {
		t.Errorf("the address is %s", got)
	}
	if got := w.dashboard().Total.Hard; got != 1 {
		t.Errorf("%d hard bounces are counted", got)
	}
	unknown, _ := w.Reports(t.Context(), &mostradorv1.ListReportsRequest{Kind: mostradorv1.ReportKind_REPORT_KIND_UNKNOWN})
	bounces, _ := w.Reports(t.Context(), &mostradorv1.ListReportsRequest{Kind: mostradorv1.ReportKind_REPORT_KIND_BOUNCE})
	if len(unknown.GetReports()) != 0 || len(bounces.GetReports()) != 1 {
		t.Error("the report is listed under its former kind")
	}
	if _, err := w.Settle(t.Context(), nil, &mostradorv1.SettleReportRequest{Id: r.Id, Kind: mostradorv1.ReportKind_REPORT_KIND_OTHER}); !errors.As(err, &refused) {
		t.Errorf("settled twice: %v", err)
	}
}

func TestUnderstoodReportsGoInTheEnd(t *testing.T) {
	w := newWorld(t)
	r := w.receive("spam", "", &mostradorv1.Report{Kind: mostradorv1.ReportKind_REPORT_KIND_OTHER})
	w.now = w.now.Add(keepReports + time.Hour)
	if err := w.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Report(t.Context(), r.Id); !errors.Is(err, ErrNoReport) {
		t.Errorf("it is there still: %v", err)
	}
}

func TestAMailMayAskToBeLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.send("m1", "ana@example.com")
	w.receive("by return path", "rebotes+m1@shop.example", &mostradorv1.Report{Kind: mostradorv1.ReportKind_REPORT_KIND_UNSUBSCRIBE, From: "other@example.net"})
	w.receive("by sender", "", &mostradorv1.Report{Kind: mostradorv1.ReportKind_REPORT_KIND_UNSUBSCRIBE, From: "Eva <EVA@example.com>"})
	w.receive("by nobody", "", &mostradorv1.Report{Kind: mostradorv1.ReportKind_REPORT_KIND_UNSUBSCRIBE, From: "x@example.net"})
	if !slices.Equal(w.withdrawn, []string{"ana", "eva"}) {
		t.Errorf("withdrawn: %v", w.withdrawn)
	}
}

func TestErasureTakesReportsAndAddresses(t *testing.T) {
	w := newWorld(t)
	w.send("m1", "ana@example.com")
	r := w.receive("bounce", "rebotes+m1@shop.example", bounceOf("ana@example.com", "", hard()))
	if _, err := w.Suppress(t.Context(), nil, "old@example.com", ""); err != nil {
		t.Fatal(err)
	}
	before := counts(w.dashboard().Total)
	w.update(func(tx *store.Tx) error {
		old, err := row(tx, "m1")
		if err != nil {
			return err
		}
		if err := w.putTx(tx, old, &mostradorv1.Message{Id: "m1", State: old.State, CustomerId: "ana", Queued: old.Queued, Sent: old.Sent}); err != nil {
			return err
		}
		return w.Forget(tx, "ana", "OLD@example.com")
	})
	if _, err := w.Report(t.Context(), r.Id); !errors.Is(err, ErrNoReport) {
		t.Errorf("the report: %v", err)
	}
	for _, email := range []string{"ana@example.com", "old@example.com"} {
		if w.address(email) != nil {
			t.Errorf("%s is kept", email)
		}
	}
	list, err := w.Addresses(t.Context(), &mostradorv1.ListAddressesRequest{})
	if err != nil || len(list.Addresses) != 0 {
		t.Errorf("listed: %v, %v", list, err)
	}
	if after := counts(w.dashboard().Total); after != before {
		t.Errorf("the counts were %s and are %s", before, after)
	}
}

func TestAddressesAreListedWorstFirst(t *testing.T) {
	w := newWorld(t)
	for i, to := range []string{"ana@example.com", "eva@example.com", "luis@example.com"} {
		id := fmt.Sprintf("m%d", i)
		w.send(id, to)
		w.now = w.now.Add(time.Minute)
		w.receive(id, "rebotes+"+id+"@shop.example", bounceOf(to, "", []*mostradorv1.Bounce{hard(), soft("server"), hard()}[i]))
	}
	list := func(q *mostradorv1.ListAddressesRequest) (emails string) {
		for {
			page, err := w.Addresses(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range page.Addresses {
				emails += strings.TrimSuffix(a.Email, "@example.com") + " "
			}
			if q.Page = page.NextPage; q.Page == "" {
				return emails
			}
		}
	}
	for want, q := range map[string]*mostradorv1.ListAddressesRequest{
		"luis ana eva ": {Limit: 1},
		"eva ":          {State: mostradorv1.AddressState_ADDRESS_STATE_SHAKY},
		"ana ":          {Text: "ANA@"},
	} {
		if got := list(q); got != want {
			t.Errorf("%v: %s, want %s", q, got, want)
		}
	}
	var refused *customer.Refused
	if _, err := w.Addresses(t.Context(), &mostradorv1.ListAddressesRequest{Page: "?"}); !errors.As(err, &refused) {
		t.Errorf("a page that there is not: %v", err)
	}
	for _, email := range []string{"", "ana", "ana@", "a na@example.com", "ana@example.com\r\nBcc: x@y.z"} {
		if _, err := w.Suppress(t.Context(), nil, email, ""); !errors.As(err, &refused) {
			t.Errorf("suppressing %q: %v", email, err)
		}
	}
}

func TestAnAlertIsToldOnceAndGoes(t *testing.T) {
	w := newWorld(t)
	told := func() (alerts []string) {
		t.Helper()
		if err := w.CheckAlerts(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := w.cfg.Store.View(func(tx *store.Tx) error {
			events, err := w.cfg.Log.List(tx, event.Query{Type: TypeAlert})
			for _, e := range events {
				fields := e.GetCustom().GetFields()
				alerts = append(alerts, fields["code"].GetStringValue()+" "+fields["severity"].GetStringValue())
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return alerts
	}
	for i := range 200 {
		w.send(fmt.Sprintf("m%03d", i), "ana@example.com")
	}
	if got := told(); len(got) != 0 {
		t.Fatalf("told without cause: %v", got)
	}
	refused := func(id string) {
		w.put(id, func(m *mostradorv1.Message) {
			m.Delivery = &mostradorv1.MessageDelivery{Bounced: timestamppb.New(w.now), Bounce: hard()}
		})
	}
	for i := range 5 {
		refused(fmt.Sprintf("m%03d", i))
	}
	told()
	if got := told(); !slices.Equal(got, []string{"bounces warning"}) {
		t.Fatalf("told: %v", got)
	}
	if d := w.dashboard(); len(d.Alerts) != 1 || d.Alerts[0].Code != "bounces" || d.Alerts[0].Rate != 0.025 || !strings.Contains(d.Alerts[0].Words, "2.5 %") {
		t.Errorf("shown: %v", d.Alerts)
	}
	for i := range 10 {
		refused(fmt.Sprintf("m1%02d", i))
	}
	if got := told(); !slices.Equal(got, []string{"bounces warning", "bounces error"}) {
		t.Fatalf("told: %v", got)
	}
	w.now = w.now.AddDate(0, 0, 8)
	if got := told(); len(got) != 2 {
		t.Fatalf("told: %v", got)
	}
	if d := w.dashboard(); len(d.Alerts) != 0 {
		t.Errorf("it does not go away: %v", d.Alerts)
	}
}

// box is a mailbox of the tests.
type box struct {
	mails []string
	err   error
}

func (b *box) Fetch(ctx context.Context, keep func(context.Context, []byte, string) error) (n int, err error) {
	if b.err != nil {
		return 0, b.err
	}
	for _, m := range b.mails {
		if err := keep(ctx, []byte(m), ""); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func TestARealBounceFindsItsMail(t *testing.T) {
	w := newWorld(t)
	w.send("m1", "ana@example.com")
	eml := strings.ReplaceAll(`From: Mail Delivery System <MAILER-DAEMON@mx.example.com>
To: rebotes@shop.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

Sorry.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com

Final-Recipient: rfc822; ana@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <ana@example.com>: Recipient address rejected: User unknown

--b
Content-Type: text/rfc822-headers

From: tienda@shop.example
To: ana@example.com
Message-ID: <m1@shop.example>
Subject: Oferta

--b--
`, "\n", "\r\n")
	r, err := w.Receive(t.Context(), "http", []byte(eml), "")
	if err != nil {
		t.Fatal(err)
	}
	if r.Kind != mostradorv1.ReportKind_REPORT_KIND_BOUNCE || r.Method != "rfc3464" || r.Recipients[0].MessageId != "m1" {
		t.Errorf("it is read as %v", r)
	}
	if got := w.standing("ana@example.com"); got != "suppressed hard_bounce" {
		t.Errorf("the address is %s", got)
	}
	if d := w.dashboard(); d.Total.Hard != 1 || d.Bounces[0].Reason != "unknown_user" {
		t.Errorf("counted: %s, %v", counts(d.Total), d.Bounces)
	}
}

func TestAMailboxThatCannotBeReadIsShown(t *testing.T) {
	w := newWorld(t)
	if _, err := w.Fetch(t.Context()); !errors.Is(err, ErrNoMailbox) {
		t.Errorf("without a mailbox: %v", err)
	}
	b := &box{mails: []string{"one", "  ", "two"}}
	w.cfg.Open = func() ([]Box, error) { return []Box{{b, "imap"}}, nil }
	if n, err := w.Fetch(t.Context()); n != 3 || err != nil {
		t.Errorf("read %d, %v", n, err)
	}
	all, _ := w.Reports(t.Context(), &mostradorv1.ListReportsRequest{})
	if len(all.GetReports()) != 2 || all.Reports[0].Source != "imap" {
		t.Errorf("kept: %v", all)
	}
	b.err = errors.New("no route to host")
	for range 3 {
		if _, err := w.Fetch(t.Context()); !errors.Is(err, b.err) {
			t.Errorf("an unreadable mailbox: %v", err)
		}
	}
	if got := w.boxes.wait(); got != 8*fetchEvery {
		t.Errorf("the next visit after %v", got)
	}
	if d := w.dashboard(); len(d.Alerts) != 0 {
		t.Errorf("told at once: %v", d.Alerts)
	}
	w.now = w.now.Add(20 * time.Minute)
	if d := w.dashboard(); len(d.Alerts) != 1 || d.Alerts[0].Code != "mailbox" || !strings.Contains(d.Alerts[0].Words, "no route to host") {
		t.Errorf("shown: %v", d.Alerts)
	}
	b.err = nil
	if _, err := w.Fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := w.dashboard(); len(d.Alerts) != 0 {
		t.Errorf("it does not go away: %v", d.Alerts)
	}
}
