package message

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func clockAt(text string) *clock {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return &clock{now: at}
}

func (c *clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }
func (c *clock) set(o *outbox, now time.Time) {
	c.mu.Lock()
	c.now = now
	c.mu.Unlock()
	o.Wake()
}

func (o *outbox) change(fn func(set *Settings)) {
	o.mu.Lock()
	fn(&o.set)
	o.mu.Unlock()
}

func (o *outbox) idle() {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), 30*time.Second)
	defer cancel()
	if err := o.Idle(ctx); err != nil {
		o.t.Fatal(err)
	}
}

func (o *outbox) why(q *mostradorv1.WhyMessageRequest) *mostradorv1.WhyMessageResponse {
	o.t.Helper()
	why, err := o.Why(o.t.Context(), q)
	if err != nil {
		o.t.Fatal(err)
	}
	return why
}

// checked is the check of that name, nil for none.
func checked(checks []*mostradorv1.MessageCheck, name string) *mostradorv1.MessageCheck {
	for _, c := range checks {
		if c.Check == name {
			return c
		}
	}
	return nil
}

const cancelled = mostradorv1.MessageState_MESSAGE_STATE_CANCELLED

func TestGatesDecideAtTheMomentItLeaves(t *testing.T) {
	p := newPeer(t)
	c := clockAt("2026-03-10T12:00:00Z")
	until := c.Now().Add(time.Hour)
	o := freshOutbox(t, p.settings(), func(cfg *Config) {
		cfg.Now = c.Now
		cfg.Gates = []Gate{
			func(_ *store.Tx, m *mostradorv1.Message, _ *plgv1.Customer) (*mostradorv1.MessageCheck, error) {
				if m.Topic == "recetas" {
					return &mostradorv1.MessageCheck{Check: "subscription", Words: "No quiere recetas.", Actor: &plgv1.Actor{Operator: "Lucía"}}, nil
				}
				return nil, nil
			},
			func(_ *store.Tx, m *mostradorv1.Message, _ *plgv1.Customer) (*mostradorv1.MessageCheck, error) {
				switch m.Topic {
				case "espera":
					if now := c.Now(); now.Before(until) {
						return &mostradorv1.MessageCheck{Check: "channel", Words: "Espera un poco.", Until: timestamppb.New(until)}, nil
					}
				case "roto":
					return nil, errors.New("the gate is broken")
				}
				return &mostradorv1.MessageCheck{Check: "channel", Passed: true, Words: "Quiere correo."}, nil
			},
		}
		cfg.Backoff = func(string, int) time.Duration { return time.Hour }
	})
	mail := func(n int, topic string) *mostradorv1.Message {
		m := promotion("ana", n)
		m.Topic, m.Rule = topic, "Quien compra pan"
		return m
	}
	no, wait, broken, yes := mail(1, "recetas"), mail(2, "espera"), mail(3, "roto"), mail(4, "")
	o.queue(no, wait, broken, yes)
	o.idle()
	row := o.get(no.Id).Message
	if got := checked(row.Checks, "subscription"); row.State != heldBack || row.LastAnswer != "No quiere recetas." || got.GetActor().GetOperator() != "Lucía" || row.Attempts != 0 {
		t.Errorf("%v", row)
	}
	if checked(row.Checks, "channel") != nil || checked(row.Checks, "consent") == nil {
		t.Errorf("after the first no nothing more is asked: %v", row.Checks)
	}
	row = o.get(wait.Id).Message
	if row.State != queued || !row.NextAttempt.AsTime().Equal(until) || row.LastAnswer != "Espera un poco." || row.Attempts != 0 {
		t.Errorf("%v", row)
	}
	if why := o.why(&mostradorv1.WhyMessageRequest{Id: wait.Id}); !strings.Contains(why.Words, "Espera un poco.") || checked(why.Checks, "rule").GetWords() != "Quien compra pan" {
		t.Errorf("%v", why)
	}
	if row := o.get(broken.Id).Message; row.State != queued || !strings.Contains(row.LastAnswer, "the gate is broken") {
		t.Errorf("a gate that cannot answer lets it pass: %v", row)
	}
	row = o.get(yes.Id).Message
	for _, name := range []string{"customer", "address", "consent", "channel"} {
		if got := checked(row.Checks, name); !got.GetPassed() || got.GetWords() == "" || got.GetTime() == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	c.set(o, until)
	o.until(wait.Id, sent)
	if len(p.got()) != 2 {
		t.Errorf("%d mails", len(p.got()))
	}
}

func TestQuietHoursHoldAdvertisingUntilTheyEnd(t *testing.T) {
	p := newPeer(t)
	c := clockAt("2026-03-10T22:00:00Z")
	set := p.settings()
	set.Place, set.Quiet = time.UTC, Hours{"21:00", "09:00"}
	o := freshOutbox(t, set, func(cfg *Config) { cfg.Now = c.Now })
	ad, answer := promotion("ana", 1), welcome("ana", 2)
	o.queue(ad, answer)
	o.until(answer.Id, sent)
	o.idle() // what waits for the morning is not due
	if row := o.get(ad.Id).Message; row.State != queued || len(p.got()) != 1 {
		t.Errorf("%v", row)
	}
	if why := o.why(&mostradorv1.WhyMessageRequest{Id: ad.Id}); !strings.Contains(why.Words, "11/03/2026 a las 09:00") || !strings.Contains(why.Words, "silencio") {
		t.Error(why.Words)
	}
	c.set(o, c.Now().Add(10*time.Hour))
	if err := o.Idle(t.Context()); err != nil || len(p.got()) != 1 {
		t.Errorf("it left at night: %v", err)
	}
	c.set(o, c.Now().Add(time.Hour))
	row := o.until(ad.Id, sent)
	if got := checked(row.Checks, "quiet_hours"); !got.GetPassed() {
		t.Errorf("%v", row.Checks)
	}
}

func TestACustomerGetsNoMoreAdvertisingThanTheCap(t *testing.T) {
	p := newPeer(t)
	c := clockAt("2026-03-10T12:00:00Z")
	set := p.settings()
	set.PromotionsMost, set.PromotionsDays = 2, 7
	o := freshOutbox(t, set, func(cfg *Config) { cfg.Now = c.Now })
	send := func(m *mostradorv1.Message, want mostradorv1.MessageState) *mostradorv1.Message {
		o.queue(m)
		return o.until(m.Id, want)
	}
	send(promotion("ana", 1), sent)
	c.set(o, c.Now().Add(24*time.Hour))
	if row := send(promotion("ana", 2), sent); checked(row.Checks, "cap").GetWords() != "El cliente recibió 1 promociones de las 2 que puede recibir en 7 días." {
		t.Errorf("%v", row.Checks)
	}
	row := send(promotion("ana", 3), heldBack)
	if !strings.Contains(row.LastAnswer, "ya recibió 2 promociones en 7 días") {
		t.Error(row.LastAnswer)
	}
	send(welcome("ana", 4), sent) // an answer counts not and is not counted
	if why := o.why(&mostradorv1.WhyMessageRequest{CustomerId: "ana"}); !strings.HasPrefix(why.Words, "No:") || checked(why.Checks, "cap").GetPassed() {
		t.Error(why.Words)
	}
	c.set(o, c.Now().Add(6*24*time.Hour+time.Minute)) // the first is older than a week
	send(promotion("ana", 5), sent)
	send(promotion("ana", 6), heldBack)
}

func TestTheCapHoldsForWhatLeavesTogether(t *testing.T) {
	p := newPeer(t)
	c := clockAt("2026-03-10T12:00:00Z")
	set := p.settings()
	set.PromotionsMost, set.PromotionsDays, set.Connections = 1, 7, 16
	o := freshOutbox(t, set, func(cfg *Config) { cfg.Now = c.Now })
	var all []*mostradorv1.Message
	for i := range 50 {
		all = append(all, promotion("ana", i))
	}
	o.queue(all...)
	for range 60 { // those that met another on its way look again a minute later
		o.idle()
		c.set(o, c.Now().Add(time.Minute))
	}
	o.idle()
	if len(p.got()) != 1 {
		t.Errorf("%d mails", len(p.got()))
	}
	for _, m := range all {
		if row := o.get(m.Id).Message; row.State != sent && row.State != heldBack {
			t.Errorf("%v", row)
		}
	}
}

func TestWhatIsPlannedLeavesInItsTime(t *testing.T) {
	p := newPeer(t)
	c := clockAt("2026-03-10T12:00:00Z")
	o := freshOutbox(t, p.settings(), func(cfg *Config) { cfg.Now = c.Now })
	later, late := welcome("ana", 1), welcome("ana", 2)
	later.NotBefore = timestamppb.New(c.Now().Add(time.Hour))
	late.Expires = timestamppb.New(c.Now())
	o.queue(later, late)
	o.idle()
	row := o.get(late.Id).Message
	if row.State != cancelled || !strings.Contains(row.LastAnswer, "su plazo terminó") || checked(row.Checks, "expiry").GetPassed() {
		t.Errorf("%v", row)
	}
	if err := o.SettingsChanged(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.idle()
	if row := o.get(later.Id).Message; row.State != queued || len(p.got()) != 0 {
		t.Errorf("a change of settings sent what is planned: %v", row)
	}
	if why := o.why(&mostradorv1.WhyMessageRequest{Id: later.Id}); !strings.HasPrefix(why.Words, "Está previsto para el 10/03/2026") {
		t.Error(why.Words)
	}
	c.set(o, c.Now().Add(time.Hour))
	o.until(later.Id, sent)
	// What cannot leave before its time is over says so then and is not tried for days.
	p.mu.Lock()
	p.answers = []error{greylisted}
	p.mu.Unlock()
	short := welcome("ana", 3)
	short.Expires = timestamppb.New(c.Now().Add(time.Millisecond))
	o.queue(short)
	eventually(t, func() bool { return o.get(short.Id).Message.Attempts == 1 })
	c.set(o, c.Now().Add(time.Second))
	o.until(short.Id, cancelled)
}

func TestAdvertisingAlwaysHasAWayOut(t *testing.T) {
	p := newPeer(t)
	o := freshOutbox(t, p.settings(), func(c *Config) {
		c.OptOut = func(_ *store.Tx, id string) (string, error) { return "WAYOUT" + id, nil }
	})
	ad := promotion("ana", 1)
	ad.Links, ad.Tokens = nil, nil
	o.queue(ad)
	o.until(ad.Id, sent)
	mail := string(p.got()[0].body)
	if !strings.Contains(mail, "List-Unsubscribe: <https://tienda.example/b/WAYOUTana>") || !strings.Contains(mail, "List-Unsubscribe-Post: List-Unsubscribe=One-Click") {
		t.Error(mail)
	}
	err := o.st.Update(t.Context(), func(tx *store.Tx) error {
		return o.Queue(tx, &mostradorv1.Message{Kind: plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL, To: "x@example.com", Template: "b.html"})
	})
	if !errors.Is(err, ErrNobody) {
		t.Errorf("advertising to nobody known: %v", err)
	}
}

func TestAMailToSomebodyWhoIsNoCustomer(t *testing.T) {
	p := newPeer(t)
	o := freshOutbox(t, p.settings())
	m := welcome("", 1)
	m.Links, m.Tokens, m.To = nil, nil, "proveedor@example.com"
	o.queue(m)
	o.until(m.Id, sent)
	if p.got()[0].to != "proveedor@example.com" {
		t.Errorf("%v", p.got())
	}
}

func TestAMailGoesToTheAddressThatTheCustomerHasWhenItLeaves(t *testing.T) {
	p := newPeer(t)
	c := clockAt("2026-03-10T12:00:00Z")
	o := freshOutbox(t, p.settings(), func(cfg *Config) { cfg.Now = c.Now })
	m := welcome("ana", 1)
	m.NotBefore = timestamppb.New(c.Now().Add(time.Hour))
	o.queue(m)
	o.mu.Lock()
	o.customers["ana"] = &plgv1.Customer{Id: "ana", Name: "Ana", Email: "nueva@example.com"}
	o.mu.Unlock()
	c.set(o, c.Now().Add(time.Hour))
	if row := o.until(m.Id, sent); row.To != "nueva@example.com" || p.got()[0].to != "nueva@example.com" {
		t.Errorf("%v", row)
	}
}

func TestWhyForACustomerAsksEverything(t *testing.T) {
	o := freshOutbox(t, testSettings, func(c *Config) {
		c.ConsentAct = func(*store.Tx, string) (time.Time, *plgv1.Actor, error) {
			return time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), &plgv1.Actor{Operator: "Lucía"}, nil
		}
	})
	o.change(func(set *Settings) { set.Place = time.UTC })
	why := o.why(&mostradorv1.WhyMessageRequest{CustomerId: "eva"})
	if why.Words != "No: un mensaje así no le llegaría. No se envió: el cliente no acepta promociones. Desde el 01/03/2026 a las 09:00, por Lucía." {
		t.Error(why.Words)
	}
	if why := o.why(&mostradorv1.WhyMessageRequest{CustomerId: "ana"}); why.Words != "Sí: un mensaje así le llegaría ahora." || !strings.Contains(checked(why.Checks, "consent").Words, "por Lucía") {
		t.Errorf("%v", why)
	}
	if why := o.why(&mostradorv1.WhyMessageRequest{CustomerId: "nadie"}); !strings.Contains(why.Words, "ya no existe") {
		t.Error(why.Words)
	}
	if _, err := o.Why(t.Context(), &mostradorv1.WhyMessageRequest{Id: "no"}); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}
