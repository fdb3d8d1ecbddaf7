package consent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

var (
	ctx   = context.Background()
	key   = bytes.Repeat([]byte{3}, 32)
	actor = &plgv1.Actor{Operator: "luis", Till: "1", Channel: "gui"}
)

// promotionsRule is the rule of seed 000: acceptance alone sets "Aplica para Promociones".
type promotionsRule struct{}

func (promotionsRule) Locked(field string, _ *plgv1.Customer, _ string) (string, bool) {
	return "Se activa sola.", field == "aplica_promociones"
}

func (promotionsRule) Apply(c *plgv1.Customer) error {
	c.AplicaPromociones = c.Consent.GetPromotions() == plgv1.ConsentState_CONSENT_STATE_GIVEN
	return nil
}

// shop is a store with a clock that the test turns.
type shop struct {
	*Service
	t      testing.TB
	now    time.Time
	policy map[string]string
	feed   uint64
}

func newShop(t testing.TB) *shop {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	s := &shop{
		t:      t,
		now:    time.Date(2026, 5, 20, 10, 0, 0, 0, time.UTC),
		policy: map[string]string{"es": "Acepto.", "en": "I accept."},
	}
	clock := func() time.Time { return s.now }
	log, text := event.NewLog(st), locale.New()
	customers, err := customer.New(customer.Config{Store: st, Log: log, Rules: promotionsRule{}, Text: text, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	s.Service = New(Config{
		Store: st, Log: log, Key: key, Text: text, Now: clock,
		Customers: customers,
		Policy:    func() map[string]string { return s.policy },
	})
	return s
}

var phones = 600000000

func (s *shop) register() *plgv1.Customer {
	s.t.Helper()
	phones++
	c, err := s.Customers.Register(ctx, actor, &plgv1.Customer{Name: "Ana Pérez", Phone: fmt.Sprint(phones)}, "")
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (s *shop) update(fn func(tx *store.Tx) error) {
	s.t.Helper()
	if err := s.Store.Update(ctx, fn); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) invite(id string) token.Claims {
	s.t.Helper()
	var sealed string
	s.update(func(tx *store.Tx) (err error) {
		_, sealed, err = s.Invite(tx, actor, id)
		return err
	})
	claims, err := token.Open(key, token.Activation, sealed, s.now)
	if err != nil {
		s.t.Fatal(err)
	}
	return claims
}

// web delivers what a customer did on the pages at a time.
func (s *shop) web(kind mostradorv1.WebAct_Kind, claims token.Claims, round int32, at time.Time) *mostradorv1.WebAct {
	s.t.Helper()
	s.feed++
	act := &mostradorv1.WebAct{
		Sequence: s.feed, Kind: kind, CustomerId: claims.CustomerID, ActivationId: claims.ActivationID, Round: round,
		Means: plgv1.Means_MEANS_LINK, Time: timestamppb.New(at), Ip: "203.0.113.9", UserAgent: "Firefox",
		Text: &mostradorv1.ConsentText{Id: claims.TextID, Language: claims.Language},
	}
	s.record(act)
	return act
}

func (s *shop) record(act *mostradorv1.WebAct) {
	s.t.Helper()
	if err := s.Record(ctx, act); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) show(id string) *mostradorv1.ShowConsentResponse {
	s.t.Helper()
	var shown *mostradorv1.ShowConsentResponse
	if err := s.Store.View(func(tx *store.Tx) (err error) {
		shown, err = s.Show(tx, id)
		return err
	}); err != nil {
		s.t.Fatal(err)
	}
	return shown
}

// told are the types of the consent events, in order.
func (s *shop) told() (types []string) {
	s.t.Helper()
	for _, e := range s.events() {
		types = append(types, e.Type)
	}
	return types
}

func (s *shop) events() []*plgv1.Event { return s.eventsOf("") }

// eventsOf are the events about one customer's consent, or about everybody's.
func (s *shop) eventsOf(id string) (list []*plgv1.Event) {
	s.t.Helper()
	if err := s.Store.View(func(tx *store.Tx) error {
		all, err := s.Log.List(tx, event.Query{Customer: id})
		for _, e := range all {
			if strings.HasPrefix(e.Type, "consent.") {
				list = append(list, e)
			}
		}
		return err
	}); err != nil {
		s.t.Fatal(err)
	}
	return list
}

func (s *shop) verify() *mostradorv1.VerifyConsentResponse {
	s.t.Helper()
	verdict, err := s.Verify(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return verdict
}

// stands checks how a customer's consent stands, and that the rule followed it.
func (s *shop) stands(id string, programme, promotions plgv1.ConsentState) {
	s.t.Helper()
	c, err := s.Customers.Find(ctx, id)
	if err != nil {
		s.t.Fatal(err)
	}
	if c.Consent.Programme != programme || c.Consent.Promotions != promotions {
		s.t.Errorf("consent %v, want %v and %v", c.Consent, programme, promotions)
	}
	if c.AplicaPromociones != (promotions == given) {
		s.t.Errorf("Aplica para Promociones is %t while promotions are %v", c.AplicaPromociones, promotions)
	}
}

const (
	pending   = plgv1.ConsentState_CONSENT_STATE_PENDING
	given     = plgv1.ConsentState_CONSENT_STATE_GIVEN
	withdrawn = plgv1.ConsentState_CONSENT_STATE_WITHDRAWN
	accept    = mostradorv1.WebAct_KIND_ACCEPT
	optOut    = mostradorv1.WebAct_KIND_OPT_OUT
)

func refusal(t testing.TB, err error) *plgv1.Diagnostic {
	t.Helper()
	var refused *customer.Refused
	if !errors.As(err, &refused) || len(refused.Refusal.Diagnostics) != 1 {
		t.Fatalf("not refused: %v", err)
	}
	d := refused.Refusal.Diagnostics[0]
	if d.Path != "codigo" || d.Summary == "consent."+d.Code {
		t.Errorf("%v", d)
	}
	return d
}

// wrong is a code that is not this one.
func wrong(code string) string {
	if code == "0000" {
		return "1111"
	}
	return "0000"
}

func TestTheLinkGivesBothPurposesWithItsEvidence(t *testing.T) {
	s := newShop(t)
	c := s.register()
	claims := s.invite(c.Id)
	s.stands(c.Id, pending, pending)
	s.now = s.now.Add(time.Hour)
	at := s.now.Add(-time.Minute)
	s.web(accept, claims, 1, at)
	s.stands(c.Id, given, given)

	entries := s.show(c.Id).Entries
	if len(entries) != 2 {
		t.Fatalf("%v", entries)
	}
	asked, e := entries[0], entries[1]
	if asked.Act != mostradorv1.ConsentAct_CONSENT_ACT_ASKED || asked.ActivationId != claims.ActivationID ||
		!proto.Equal(asked.Actor, actor) || !proto.Equal(asked.Text, e.Text) {
		t.Errorf("asked: %v", asked)
	}
	if e.Act != mostradorv1.ConsentAct_CONSENT_ACT_GIVEN || len(e.Purposes) != 2 || e.Means != plgv1.Means_MEANS_LINK ||
		!e.Time.AsTime().Equal(at) || !e.Recorded.AsTime().Equal(s.now) ||
		e.Actor.Ip != "203.0.113.9" || e.Actor.UserAgent != "Firefox" || e.ActivationId != claims.ActivationID {
		t.Errorf("given: %v", e)
	}
	if e.Text.Version != 1 || e.Text.Language != "es" || len(e.Text.Sha256) != 32 || e.Text.Id == "" {
		t.Errorf("text: %v", e.Text)
	}
	if !bytes.Equal(e.PreviousHash, asked.Hash) || len(e.Hash) != 32 {
		t.Error("the entries are not chained")
	}
	told := s.events()
	if len(told) != 1 || len(told[0].GetConsentGiven().GetPurposes()) != 2 || !told[0].Customer.AplicaPromociones {
		t.Errorf("told %v", told)
	}
}

func TestTheCodeActivatesAtOnceAndTheWebMergesLater(t *testing.T) {
	s := newShop(t)
	c := s.register()
	claims := s.invite(c.Id)
	clicked := s.now.Add(time.Minute)
	s.now = s.now.Add(2 * time.Minute)
	after, err := s.ActivateByCode(ctx, actor, c.Id, claims.Code)
	if err != nil || !after.AplicaPromociones {
		t.Fatalf("%v, %v", after, err)
	}
	s.stands(c.Id, given, given)
	s.now = s.now.Add(time.Hour)
	act := s.web(accept, claims, 1, clicked)
	s.record(act) // and once more
	s.stands(c.Id, given, given)
	entries := s.show(c.Id).Entries
	if len(entries) != 3 || entries[2].Act != mostradorv1.ConsentAct_CONSENT_ACT_WITNESSED {
		t.Errorf("%v", entries)
	}
	e := entries[1]
	if e.Means != plgv1.Means_MEANS_SHORT_CODE || !proto.Equal(e.Actor, actor) || e.Text.GetVersion() != 1 {
		t.Errorf("%v", e)
	}
	if got := s.told(); len(got) != 1 {
		t.Errorf("told %v", got)
	}
}

func TestLeavingStopsPromotionsAndKeepsTheAccount(t *testing.T) {
	s := newShop(t)
	c := s.register()
	claims := s.invite(c.Id)
	s.web(accept, claims, 1, s.now)
	s.now = s.now.Add(time.Hour)
	if after, err := s.Withdraw(ctx, actor, c.Id); err != nil || after.AplicaPromociones {
		t.Fatalf("%v, %v", after, err)
	}
	s.stands(c.Id, given, withdrawn)
	s.now = s.now.Add(time.Hour)
	s.web(optOut, claims, 0, s.now)
	s.stands(c.Id, given, withdrawn)
	s.now = s.now.Add(time.Hour)
	s.web(accept, claims, 2, s.now)
	s.stands(c.Id, given, given)
	if got := fmt.Sprint(s.told()); got != "[consent.given consent.withdrawn consent.given]" {
		t.Errorf("told %v", got)
	}
	if p := s.events()[2].GetConsentGiven().GetPurposes(); len(p) != 1 || p[0] != plgv1.Purpose_PURPOSE_PROMOTIONS {
		t.Errorf("the second acceptance gave %v", p)
	}
}

func TestALateAcceptanceGivesTheProgrammeButNotWhatWasLeftSince(t *testing.T) {
	s := newShop(t)
	c := s.register()
	claims := s.invite(c.Id)
	clicked := s.now
	s.now = s.now.Add(time.Hour)
	if _, err := s.Withdraw(ctx, actor, c.Id); err != nil {
		t.Fatal(err)
	}
	s.stands(c.Id, pending, withdrawn)
	s.now = s.now.Add(time.Hour)
	s.web(accept, claims, 1, clicked)
	s.stands(c.Id, given, withdrawn)
}

func TestAWebClockAheadDoesNotOverruleTheCounter(t *testing.T) {
	s := newShop(t)
	c := s.register()
	claims := s.invite(c.Id)
	s.web(optOut, claims, 0, s.now.Add(24*time.Hour))
	s.now = s.now.Add(time.Minute)
	if _, err := s.ActivateByCode(ctx, actor, c.Id, claims.Code); err != nil {
		t.Fatal(err)
	}
	s.stands(c.Id, given, given)
}

func TestTheWebsWordOfACodeIsNoSecondAcceptanceWhateverItsClock(t *testing.T) {
	s := newShop(t)
	c := s.register()
	claims := s.invite(c.Id)
	if _, err := s.ActivateByCode(ctx, actor, c.Id, claims.Code); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(time.Minute)
	if _, err := s.Withdraw(ctx, actor, c.Id); err != nil {
		t.Fatal(err)
	}
	clicked := s.now.Add(time.Hour) // by a clock that is ahead; in truth before the code was read out
	s.now = s.now.Add(2 * time.Hour)
	s.web(accept, claims, 1, clicked)
	s.stands(c.Id, given, withdrawn)
	s.web(accept, claims, 2, s.now) // this one came after an opt-out that the web knows of
	s.stands(c.Id, given, given)
}

func TestAWithdrawalCountsWhateverTheClocksSay(t *testing.T) {
	s := newShop(t)
	c := s.register()
	claims := s.invite(c.Id)
	s.web(accept, claims, 1, s.now)
	s.web(optOut, claims, 0, s.now.Add(-time.Hour)) // the web's clock was set back
	s.stands(c.Id, given, withdrawn)
}

func TestAnActOfNobodyDoesNotStopTheFeed(t *testing.T) {
	s := newShop(t)
	s.web(accept, token.Claims{CustomerID: "nobody"}, 1, s.now)
	if err := s.Store.View(func(tx *store.Tx) error {
		if got := s.Cursor(tx); got != s.feed {
			t.Errorf("cursor %d, want %d", got, s.feed)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if v := s.verify(); !v.Ok || v.Entries != 0 {
		t.Errorf("%v", v)
	}
}

func TestEachWordingInForceHasItsVersionForGood(t *testing.T) {
	s := newShop(t)
	c := s.register()
	versions := func() (list []string) {
		s.update(func(tx *store.Tx) error {
			w, err := s.Wordings(tx)
			for _, one := range w {
				list = append(list, fmt.Sprint(one.Version, " ", one.Texts["es"]))
			}
			return err
		})
		return list
	}
	first := s.invite(c.Id)
	s.policy = map[string]string{"es": "Acepto todo.", "en": "I accept."}
	second := s.invite(c.Id)
	s.policy = map[string]string{"es": "Acepto.", "en": "I accept."}
	third := s.invite(c.Id)
	if first.TextID != third.TextID || first.TextID == second.TextID {
		t.Errorf("texts %s %s %s", first.TextID, second.TextID, third.TextID)
	}
	if got := fmt.Sprint(versions()); got != "[1 Acepto. 2 Acepto todo.]" {
		t.Error(got)
	}
	s.web(accept, second, 1, s.now)
	if e := s.show(c.Id).Entries[3]; e.Text.Version != 2 {
		t.Errorf("the proof names version %d", e.Text.Version)
	}
}

func TestConsentIsSaidInWords(t *testing.T) {
	s := newShop(t)
	c := s.register()
	words := func(lang string) (lines []string) {
		s.update(func(tx *store.Tx) (err error) {
			lines, err = s.Words(tx, c.Id, lang)
			return err
		})
		return lines
	}
	if got := words("es"); len(got) != 2 || !strings.Contains(got[0], "pendiente") || !strings.Contains(got[1], "pendientes") {
		t.Error(got)
	}
	claims := s.invite(c.Id)
	if _, err := s.ActivateByCode(ctx, actor, c.Id, claims.Code); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(time.Hour)
	if _, err := s.Withdraw(ctx, actor, c.Id); err != nil {
		t.Fatal(err)
	}
	if got := words("es"); got[0] != "Plan de cliente frecuente: aceptado el 20/05/2026 10:00 con el código corto (lo anotó luis)." ||
		!strings.HasPrefix(got[1], "Promociones: baja el 20/05/2026 11:00 en la tienda (lo anotó luis).") {
		t.Error(got)
	}
	if got := words("en"); !strings.Contains(got[0], "accepted on 20 May 2026 10:00 with the short code") {
		t.Error(got)
	}
}

func TestAnAlteredLedgerIsFound(t *testing.T) {
	for name, alter := range map[string]struct {
		with   func(tx *store.Tx)
		broken uint64
	}{
		"an entry changed": {func(tx *store.Tx) {
			value := bytes.Clone(tx.Get(bucketLedger, sequenceKey(3)))
			value[len(value)-1] ^= 1
			tx.Put(bucketLedger, sequenceKey(3), value)
		}, 3},
		"an entry changed with its hash": {func(tx *store.Tx) {
			value := bytes.Clone(tx.Get(bucketLedger, sequenceKey(3)))
			previous := tx.Get(bucketLedger, sequenceKey(2))[:32]
			value[len(value)-1] ^= 1
			copy(value, link(previous, value[32:]))
			tx.Put(bucketLedger, sequenceKey(3), value)
		}, 4},
		"an entry taken out": {func(tx *store.Tx) { tx.Delete(bucketLedger, sequenceKey(2)) }, 2},
		"the end cut off":    {func(tx *store.Tx) { tx.Delete(bucketLedger, sequenceKey(6)) }, 6},
		"the last written anew": {func(tx *store.Tx) {
			value := bytes.Clone(tx.Get(bucketLedger, sequenceKey(6)))
			value[len(value)-1] ^= 1
			copy(value, link(tx.Get(bucketLedger, sequenceKey(5))[:32], value[32:]))
			tx.Put(bucketLedger, sequenceKey(6), value)
			tx.Put(bucketMeta, keyHead, append(append(sequenceKey(6), value[:32]...), make([]byte, 32)...))
		}, 7},
		"the head gone": {func(tx *store.Tx) { tx.Delete(bucketMeta, keyHead) }, 7},
	} {
		s := newShop(t)
		for range 3 {
			c := s.register()
			s.web(accept, s.invite(c.Id), 1, s.now)
		}
		if v := s.verify(); !v.Ok || v.Entries != 6 || v.BrokenAt != 0 {
			t.Fatalf("untouched: %v", v)
		}
		s.update(func(tx *store.Tx) error { alter.with(tx); return nil })
		if v := s.verify(); v.Ok || v.BrokenAt != alter.broken || v.Reason == "" || strings.HasPrefix(v.Reason, "consent.") {
			t.Errorf("%s: %v", name, v)
		}
	}
}

func TestALongLedgerVerifiesInParts(t *testing.T) {
	s := newShop(t)
	c := s.register()
	s.update(func(tx *store.Tx) error {
		for range verifyPart + 10 {
			if _, _, err := s.Invite(tx, actor, c.Id); err != nil {
				return err
			}
		}
		return nil
	})
	if v := s.verify(); !v.Ok || v.Entries != verifyPart+10 {
		t.Errorf("%v", v)
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Verify(stopped); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled walk: %v", err)
	}
}

// TestNoAnswerHoldsACode reads everything that staff and plugins can see.
func TestNoAnswerHoldsACode(t *testing.T) {
	s := newShop(t)
	c := s.register()
	code := s.invite(c.Id).Code
	_, err := s.ActivateByCode(ctx, actor, c.Id, wrong(code))
	seen := err.Error()
	for _, e := range s.show(c.Id).Entries {
		e.Time, e.Recorded, e.Hash, e.PreviousHash, e.Text, e.CustomerId, e.ActivationId = nil, nil, nil, nil, nil, "", ""
		seen += protojson.Format(e)
	}
	if strings.Contains(seen, code) {
		t.Errorf("the code %s is in %s", code, seen)
	}
	s.update(func(tx *store.Tx) error {
		record := string(tx.Get(bucketActivation, []byte(c.Id)))
		if strings.Contains(record, `"`+code+`"`) || tx.Get(bucketCode, []byte(code)) != nil {
			t.Errorf("the code is kept in the clear: %s", record)
		}
		return nil
	})
}
