package host

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// accepts registers a customer who has accepted on the web.
func (h *Host) accepts(t *testing.T, i int, sequence uint64) *plgv1.Customer {
	t.Helper()
	c, err := h.customers.Register(t.Context(), clerk, person(i), "")
	if err != nil {
		t.Fatal(err)
	}
	h.taken(t, &mostradorv1.WebAct{
		Sequence: sequence, Kind: mostradorv1.WebAct_KIND_ACCEPT, CustomerId: c.Id, Round: 1, Means: plgv1.Means_MEANS_LINK,
		Time: timestamppb.Now(),
	})
	return h.fetch(t, c.Id)
}

func (h *Host) taken(t *testing.T, acts ...*mostradorv1.WebAct) {
	t.Helper()
	if err := h.takeOver(t.Context(), acts); err != nil {
		t.Fatal(err)
	}
}

// queues puts a mail into the outbox and returns how it stands when all is done.
func (h *Host) queues(t *testing.T, m *mostradorv1.Message) *mostradorv1.Message {
	t.Helper()
	if err := h.store.Update(t.Context(), func(tx *store.Tx) error { return h.messages.Queue(tx, m) }); err != nil {
		t.Fatal(err)
	}
	return h.stands(t, m.Id)
}

func (h *Host) stands(t *testing.T, id string) *mostradorv1.Message {
	t.Helper()
	row, err := h.messages.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return row.GetMessage()
}

func TestWebActsCountOnceAndTogether(t *testing.T) {
	h := open(t, t.TempDir())
	defer shut(t, h)
	c := h.accepts(t, 1, 10)
	m := &mostradorv1.Message{Id: "0198f2a0-0000-7000-8000-00000000000a", Kind: plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL, CustomerId: c.Id}
	h.queues(t, m)
	eventually(t, "the mail is tried", func() bool { return h.stands(t, m.Id).Attempts == 1 })
	at := func(second int64) *timestamppb.Timestamp {
		return &timestamppb.Timestamp{Seconds: 1_800_000_000 + second}
	}
	fetch := func(sequence uint64, kind mostradorv1.WebAct_Kind, machine bool, second int64) *mostradorv1.WebAct {
		return &mostradorv1.WebAct{Sequence: sequence, Kind: kind, MessageId: m.Id, Machine: machine, Time: at(second)}
	}
	acts := []*mostradorv1.WebAct{
		fetch(11, mostradorv1.WebAct_KIND_OPEN, true, 1),
		fetch(12, mostradorv1.WebAct_KIND_OPEN, false, 2),
		fetch(13, mostradorv1.WebAct_KIND_CLICK, false, 4),
		fetch(14, mostradorv1.WebAct_KIND_CLICK, false, 3), // settled later, done before
		{Sequence: 15, Kind: mostradorv1.WebAct_KIND_CLICK, MessageId: "none", Time: at(5)},
		{Sequence: 16, Kind: mostradorv1.WebAct_KIND_PREFERENCES, CustomerId: c.Id, Topics: map[string]bool{"promociones": false}, Time: at(6)},
		{Sequence: 17, Kind: mostradorv1.WebAct_KIND_PREFERENCES, CustomerId: "0198f2a0-0000-7000-8000-0000000000ff", Time: at(6)},
		{Sequence: 18, Kind: mostradorv1.WebAct_KIND_REASON, CustomerId: c.Id, Reason: "too_many", Words: "mucho", Time: at(7)},
		{Sequence: 19, Kind: mostradorv1.WebAct_KIND_OPT_OUT, CustomerId: c.Id, Means: plgv1.Means_MEANS_LINK, Time: timestamppb.Now()},
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.takeOver(ended, acts); err == nil {
		t.Fatal("taken over by nobody")
	}
	if h.fetch(t, c.Id).Consent.Promotions != plgv1.ConsentState_CONSENT_STATE_GIVEN {
		t.Fatal("a part of the acts was taken over")
	}
	for range 2 { // the second time after a crash between the commit and the next read
		h.taken(t, acts...)
	}
	d := h.stands(t, m.Id).GetDelivery()
	if d.GetOpens() != 1 || d.GetClicks() != 2 || d.GetMachine() != 1 || d.GetOpened().GetSeconds() != at(2).Seconds || d.GetClicked().GetSeconds() != at(3).Seconds {
		t.Errorf("delivery %v", d)
	}
	var shown *mostradorv1.ShowSubscriptionsResponse
	if err := h.store.View(func(tx *store.Tx) (err error) {
		if cursor := h.consent.Cursor(tx); cursor != 19 {
			t.Errorf("cursor %d", cursor)
		}
		shown, err = h.subscriptions.Show(tx, c.Id, "es")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(shown.History) != 1 || len(shown.Reasons) != 1 || shown.Subscriptions[0].On || shown.Notice == "" {
		t.Errorf("subscriptions %v", shown)
	}
	if h.fetch(t, c.Id).Consent.Promotions != plgv1.ConsentState_CONSENT_STATE_WITHDRAWN {
		t.Error("the opt-out behind them was not taken over")
	}
}

func TestAMailAboutWhatWasLeftIsHeldBackWithTheReason(t *testing.T) {
	h := open(t, t.TempDir())
	defer shut(t, h)
	c := h.accepts(t, 1, 10)
	if _, err := h.subscriptions.Change(t.Context(), clerk, &mostradorv1.ChangeSubscriptionRequest{CustomerId: c.Id, Channel: "email"}); err != nil {
		t.Fatal(err)
	}
	const id = "0198f2a0-0000-7000-8000-00000000000b"
	h.queues(t, &mostradorv1.Message{Id: id, Kind: plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL, CustomerId: c.Id})
	eventually(t, "the mail is judged", func() bool { return h.stands(t, id).State != mostradorv1.MessageState_MESSAGE_STATE_QUEUED })
	if row := h.stands(t, id); row.State != mostradorv1.MessageState_MESSAGE_STATE_SUPPRESSED ||
		!strings.Contains(row.LastAnswer, "pidió no recibir correos de promoción") || !strings.Contains(row.LastAnswer, "Lucía") {
		t.Errorf("%v: %s", row.State, row.LastAnswer)
	}
}

func TestLinksSayWhatTheirPagesNeed(t *testing.T) {
	h := open(t, t.TempDir())
	defer shut(t, h)
	c := h.accepts(t, 1, 10)
	if _, err := h.subscriptions.Change(t.Context(), clerk, &mostradorv1.ChangeSubscriptionRequest{CustomerId: c.Id, Topic: "promociones"}); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(48 * time.Hour)
	make := func(link *plgv1.Link) (sealed string, err error) {
		err = h.store.Update(t.Context(), func(tx *store.Tx) (err error) {
			sealed, err = h.linkToken(tx, cause{plugin: "PLG0110", event: &plgv1.Event{}}, c, &mostradorv1.Message{NotBefore: timestamppb.New(later)}, "x", link)
			return err
		})
		return sealed, err
	}
	for kind, purpose := range map[plgv1.Link_Kind]token.Purpose{
		plgv1.Link_KIND_ACTIVATION: token.Activation, plgv1.Link_KIND_OPT_OUT: token.OptOut, plgv1.Link_KIND_PREFERENCES: token.Preferences,
		plgv1.Link_KIND_REASON: token.Reason, plgv1.Link_KIND_ONCE: token.Once,
	} {
		sealed, err := make(&plgv1.Link{Kind: kind, CustomerId: c.Id, Url: "https://tienda.example/clave"})
		if err != nil {
			t.Fatal(err)
		}
		claims, err := token.Open(h.key, purpose, sealed, time.Now())
		if err != nil || claims.CustomerID != c.Id {
			t.Errorf("%s: %+v, %v", kind, claims, err)
		}
		switch purpose {
		case token.OptOut, token.Preferences, token.Reason:
			if claims.Left != "promociones" || claims.Seen != 10 || !claims.Expires.IsZero() {
				t.Errorf("%s: %+v", kind, claims)
			}
		case token.Once:
			if claims.URL != "https://tienda.example/clave" || claims.Expires.Before(later) || claims.Expires.After(later.Add(onceValidity+time.Second)) {
				t.Errorf("%s: %+v", kind, claims)
			}
		}
	}
	for _, link := range []*plgv1.Link{
		{Kind: plgv1.Link_KIND_ONCE, Url: "http://tienda.example/"}, {Kind: plgv1.Link_KIND_ONCE, Url: "javascript:alert(1)"},
		{Kind: plgv1.Link_KIND_ONCE}, {Kind: 99},
	} {
		if _, err := make(link); !errors.As(err, new(*event.Refused)) {
			t.Errorf("%v: %v", link, err)
		}
	}
}
