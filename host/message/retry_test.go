package message

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	smtp "github.com/emersion/go-smtp"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/blob"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

func TestJustThoseThatFailedAreSentAgain(t *testing.T) {
	p := newPeer(t)
	p.refuse = func(string) error { return unknown }
	o := freshOutbox(t, p.settings())
	const n = 3*retryBatch + 7 // several transactions
	var all []*mostradorv1.Message
	for i := range n {
		m := welcome("ana", i)
		m.Rule = fmt.Sprint("regla ", i%2)
		m.Queued = timestamppb.New(time.Date(2026, 3, 1+i%10, 0, 0, 0, 0, time.UTC))
		if i%5 == 0 {
			m.Plugin = "PLG0110"
		}
		all = append(all, m)
	}
	o.queue(all...)
	o.idle()
	good := welcome("eva", 5000)
	p.mu.Lock()
	p.refuse = nil
	p.mu.Unlock()
	o.queue(good)
	o.until(good.Id, sent)
	for name, test := range map[string]struct {
		q    *mostradorv1.RetryFailedRequest
		want int
	}{
		"all":         {&mostradorv1.RetryFailedRequest{}, n},
		"a plug-in":   {&mostradorv1.RetryFailedRequest{Plugin: "PLG0110"}, (n + 4) / 5},
		"a template":  {&mostradorv1.RetryFailedRequest{Template: "otra.html"}, 0},
		"a rule":      {&mostradorv1.RetryFailedRequest{Rule: "regla 1"}, n / 2},
		"since then":  {&mostradorv1.RetryFailedRequest{Since: timestamppb.New(time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC))}, n / 10},
		"by id":       {&mostradorv1.RetryFailedRequest{Ids: []string{all[3].Id, all[4].Id, good.Id}}, 2},
		"two at once": {&mostradorv1.RetryFailedRequest{Plugin: "PLG0110", Rule: "regla 1"}, (n - 5 + 9) / 10},
	} {
		test.q.DryRun = true
		if got, err := o.RetryFailed(t.Context(), test.q); err != nil || got != uint64(test.want) {
			t.Errorf("%s: %d, want %d, %v", name, got, test.want, err)
		}
	}
	list, err := o.List(t.Context(), &mostradorv1.ListMessagesRequest{State: failed, Plugin: "PLG0110", Limit: 500})
	if err != nil || len(list.Messages) != (n+4)/5 {
		t.Errorf("%d, %v", len(list.Messages), err)
	}
	if got, err := o.RetryFailed(t.Context(), &mostradorv1.RetryFailedRequest{}); err != nil || got != n {
		t.Fatalf("%d, %v", got, err)
	}
	o.idle()
	if got := len(p.got()); got != n+1 {
		t.Errorf("%d mails", got)
	}
	if got, err := o.RetryFailed(t.Context(), &mostradorv1.RetryFailedRequest{}); err != nil || got != 0 {
		t.Errorf("%d more, %v", got, err)
	}
}

func TestFailuresFromBeforeTheirListAreFound(t *testing.T) {
	p := newPeer(t)
	p.refuse = func(string) error { return unknown }
	path := t.TempDir() + "/store.db"
	o := newOutbox(t, path, p.settings())
	m := welcome("ana", 1)
	o.queue(m)
	o.until(m.Id, failed)
	err := o.st.Update(t.Context(), func(tx *store.Tx) error {
		tx.Delete(bucketFailed, []byte(m.Id))
		tx.Delete(bucketFailed, indexed)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	o.stop()
	o = newOutbox(t, path, p.settings())
	o.idle()
	if n, err := o.RetryFailed(t.Context(), &mostradorv1.RetryFailedRequest{DryRun: true}); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
}

func TestWhatIsTakenBackDoesNotLeaveAndWhatLeavesIsNotTakenBack(t *testing.T) {
	p := newPeer(t)
	o := freshOutbox(t, p.settings())
	actor := &plgv1.Actor{Operator: "Lucía"}
	const n = 200
	var all []*mostradorv1.Message
	for i := range n {
		all = append(all, promotion("ana", i))
	}
	var mu sync.Mutex
	back := map[string]bool{}
	var wg sync.WaitGroup
	o.queue(all...)
	for _, m := range all {
		wg.Go(func() {
			switch _, err := o.Cancel(t.Context(), actor, m.Id); {
			case err == nil:
				mu.Lock()
				back[m.Id] = true
				mu.Unlock()
			case !errors.Is(err, ErrLeaving):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	o.idle()
	left := len(p.got())
	if left+len(back) != n {
		t.Errorf("%d left and %d were taken back of %d", left, len(back), n)
	}
	for _, m := range all {
		row := o.get(m.Id).Message
		if back[m.Id] != (row.State == cancelled) || !back[m.Id] != (row.State == sent) {
			t.Errorf("taken back %v: %v", back[m.Id], row)
		}
	}
}

func TestCancelSaysWhoAndCanBeUndone(t *testing.T) {
	p := newPeer(t)
	c := clockAt("2026-03-10T12:00:00Z")
	o := freshOutbox(t, p.settings(), func(cfg *Config) { cfg.Now = c.Now })
	m := welcome("ana", 1)
	m.NotBefore = timestamppb.New(c.Now().Add(time.Hour))
	o.queue(m)
	row, err := o.Cancel(t.Context(), &plgv1.Actor{Operator: "Lucía"}, m.Id)
	if err != nil || row.State != cancelled || row.Tokens != nil || checked(row.Checks, "cancelled").GetActor().GetOperator() != "Lucía" {
		t.Fatalf("%v %v", row, err)
	}
	if o.waiting() != 0 {
		t.Error("it still waits")
	}
	if _, err := o.Cancel(t.Context(), nil, "no"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	if row, err := o.Retry(t.Context(), m.Id); err != nil || row.State != queued || !row.NextAttempt.AsTime().Equal(m.NotBefore.AsTime()) {
		t.Errorf("%v %v", row, err)
	}
	c.set(o, c.Now().Add(time.Hour))
	o.until(m.Id, sent)
	if _, err := o.Cancel(t.Context(), nil, m.Id); !errors.Is(err, ErrLeaving) {
		t.Error(err)
	}
}

func TestARefusalAtOnceIsABounce(t *testing.T) {
	p := newPeer(t)
	p.refuse = func(string) error { return unknown }
	o := freshOutbox(t, p.settings(), func(c *Config) {
		c.Classify = func(code int, words string) *mostradorv1.Bounce {
			return &mostradorv1.Bounce{Kind: mostradorv1.Bounce_KIND_HARD, Reason: "unknown_user", Words: words}
		}
	})
	m := welcome("ana", 1)
	o.queue(m)
	row := o.until(m.Id, failed)
	if b := row.Delivery.GetBounce(); !b.GetAtOnce() || b.GetReason() != "unknown_user" || row.Delivery.Bounced == nil {
		t.Errorf("%v", row.Delivery)
	}
}

func TestEveryChangeIsObservedInItsTransaction(t *testing.T) {
	p := newPeer(t)
	var mu sync.Mutex
	var seen []string
	o := freshOutbox(t, p.settings(), func(c *Config) {
		c.Observe = func(_ *store.Tx, old, now *mostradorv1.Message) error {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, fmt.Sprintf("%d→%d opens %d", old.GetState(), now.GetState(), now.GetDelivery().GetOpens()))
			if now.GetSubject() == "" && now.GetState() == sent {
				return errors.New("never")
			}
			return nil
		}
	})
	m := welcome("ana", 1)
	o.queue(m)
	o.until(m.Id, sent)
	change := func(id string) error {
		return o.st.Update(t.Context(), func(tx *store.Tx) error {
			return o.Change(tx, id, func(m *mostradorv1.Message) { m.Delivery = &mostradorv1.MessageDelivery{Opens: 1} })
		})
	}
	if err := change(m.Id); err != nil {
		t.Fatal(err)
	}
	if err := change("no"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	mu.Lock()
	got := fmt.Sprint(seen)
	mu.Unlock()
	if got != "[0→1 opens 0 1→2 opens 0 2→2 opens 1]" {
		t.Error(got)
	}
	if row := o.get(m.Id).Message; row.Delivery.GetOpens() != 1 {
		t.Errorf("%v", row)
	}
}

func TestAFaultOfAnObserverMakesNoMailLeaveTwice(t *testing.T) {
	p := newPeer(t)
	o := freshOutbox(t, p.settings(), func(c *Config) {
		c.Observe = func(_ *store.Tx, _, now *mostradorv1.Message) error {
			if now.State == sent {
				return errors.New("the statistics are broken")
			}
			return nil
		}
	})
	m := welcome("ana", 1)
	o.queue(m)
	o.until(m.Id, sent)
	o.idle()
	if len(p.got()) != 1 {
		t.Errorf("%d mails", len(p.got()))
	}
}

func TestWhatBecameOfAMailMeanwhileStays(t *testing.T) {
	p := newPeer(t)
	hold, reached := make(chan struct{}), make(chan struct{})
	var once sync.Once
	p.refuse = func(string) error {
		once.Do(func() { close(reached) })
		<-hold
		return nil
	}
	o := freshOutbox(t, p.settings(), func(c *Config) { c.Limits = DefaultLimits })
	m := welcome("ana", 1)
	o.queue(m)
	<-reached
	if _, err := o.Cancel(t.Context(), nil, m.Id); !errors.Is(err, ErrLeaving) {
		t.Errorf("taken back although it is leaving: %v", err)
	}
	err := o.st.Update(t.Context(), func(tx *store.Tx) error {
		return o.Change(tx, m.Id, func(m *mostradorv1.Message) { m.Delivery = &mostradorv1.MessageDelivery{Clicks: 3} })
	})
	close(hold)
	if err != nil {
		t.Fatal(err)
	}
	if row := o.until(m.Id, sent); row.Delivery.GetClicks() != 3 || row.Subject != "Hola Ana" {
		t.Errorf("%v", row)
	}
}

func TestFilesComeAlongAndAreForgottenWithTheCustomer(t *testing.T) {
	o := freshOutbox(t, testSettings)
	m := welcome("ana", 1)
	bill := File{Name: "factura.pdf", Content: []byte("%PDF-1.4 factura")}
	err := o.st.Update(t.Context(), func(tx *store.Tx) error { return o.Queue(tx, m, bill) })
	if err != nil {
		t.Fatal(err)
	}
	f := o.get(m.Id).Message.Files[0]
	if f.Name != bill.Name || f.ContentType != "application/pdf" || f.Size != int64(len(bill.Content)) {
		t.Errorf("%v", f)
	}
	there := func() (n int) {
		_ = o.st.View(func(tx *store.Tx) error { n = len(blob.Get(tx, f.Sha256)); return nil })
		return n
	}
	if there() != len(bill.Content) {
		t.Error("it is not kept")
	}
	o.idle()
	err = o.st.Update(t.Context(), func(tx *store.Tx) error { _, err := o.Forget(tx, "ana"); return err })
	if err != nil || there() != 0 {
		t.Errorf("forgotten and still there: %v", err)
	}
	tooMuch := welcome("ana", 2)
	err = o.st.Update(t.Context(), func(tx *store.Tx) error {
		return o.Queue(tx, tooMuch, File{Name: "a.pdf", Content: make([]byte, maxFiles+1)})
	})
	if !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestAWelcomeFindsAConnectionWhateverTheCampaign(t *testing.T) {
	p := newPeer(t)
	release := make(chan struct{})
	p.refuse = func(to string) error {
		if to == "eva@example.com" {
			return nil
		}
		<-release
		return &smtp.SMTPError{Code: 550, Message: "no"}
	}
	set := p.settings()
	set.Connections = 4
	o := freshOutbox(t, set, func(c *Config) { c.Limits = DefaultLimits })
	var all []*mostradorv1.Message
	for i := range 30 {
		all = append(all, promotion("ana", i))
	}
	o.queue(all...)
	eventually(t, func() bool { return o.sender.flying[classLater].Load() == 3 })
	m := welcome("eva", 100)
	o.queue(m)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	o.until(m.Id, sent)
	close(release)
	if err := o.Idle(ctx); err != nil {
		t.Error(err)
	}
}
