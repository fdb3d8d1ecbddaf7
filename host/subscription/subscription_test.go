package subscription_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/subscription"
	"mostrador/sdk/plgv1"
)

var (
	luisa = &plgv1.Actor{Operator: "Luisa", Till: "2", Channel: "api"}
	noon  = time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)
)

// world is a store with customers and subscriptions.
type world struct {
	*testing.T
	ctx       context.Context
	store     *store.Store
	log       *event.Log
	customers *customer.Service
	subs      *subscription.Service
	now       time.Time
	announced int
}

func newWorld(t *testing.T) *world {
	st, err := store.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	w := &world{T: t, ctx: locale.NewContext(t.Context(), "es"), store: st, log: event.NewLog(st), now: noon}
	if w.customers, err = customer.New(customer.Config{Store: st, Log: w.log, Text: locale.New()}); err != nil {
		t.Fatal(err)
	}
	w.subs = subscription.New(subscription.Config{
		Store: st, Log: w.log, Customers: w.customers, Changed: func() { w.announced++ }, Now: func() time.Time { return w.now },
	})
	return w
}

func (w *world) update(fn func(tx *store.Tx) error) {
	w.Helper()
	if err := w.store.Update(w.ctx, fn); err != nil {
		w.Fatal(err)
	}
}

func (w *world) register(name string) *plgv1.Customer {
	w.Helper()
	c, err := w.customers.Register(w.ctx, luisa, &plgv1.Customer{Name: name, Phone: fmt.Sprintf("+346001112%02d", len(name))}, "")
	if err != nil {
		w.Fatal(err)
	}
	return c
}

func (w *world) topic(id string) {
	w.Helper()
	if _, err := w.subs.PutTopic(w.ctx, luisa, &mostradorv1.Topic{Id: id, Name: strings.ToUpper(id)}, true); err != nil {
		w.Fatal(err)
	}
}

func (w *world) change(c *plgv1.Customer, topic, channel string, on bool) {
	w.Helper()
	if _, err := w.subs.Change(w.ctx, luisa, &mostradorv1.ChangeSubscriptionRequest{
		CustomerId: c.Id, Topic: topic, Channel: channel, On: on, Confirmed: on,
	}); err != nil {
		w.Fatal(err)
	}
}

func (w *world) choose(c *plgv1.Customer, at time.Time, topics map[string]bool) {
	w.Helper()
	w.update(func(tx *store.Tx) error {
		return w.subs.Choose(tx, c, &mostradorv1.WebAct{
			Kind: mostradorv1.WebAct_KIND_PREFERENCES, Topics: topics, Time: timestamppb.New(at), Ip: "192.0.2.1", UserAgent: "x",
		})
	})
}

func (w *world) gate(c *plgv1.Customer, m *mostradorv1.Message) (check *mostradorv1.MessageCheck) {
	w.Helper()
	if err := w.store.View(func(tx *store.Tx) (err error) { check, err = w.subs.Gate(tx, m, c); return err }); err != nil {
		w.Fatal(err)
	}
	return check
}

func (w *world) show(c *plgv1.Customer) (shown *mostradorv1.ShowSubscriptionsResponse) {
	w.Helper()
	if err := w.store.View(func(tx *store.Tx) (err error) { shown, err = w.subs.Show(tx, c.Id, "es"); return err }); err != nil {
		w.Fatal(err)
	}
	return shown
}

// left are the keys that a customer has left, as his links say it.
func (w *world) left(c *plgv1.Customer) string {
	w.Helper()
	var claims token.Claims
	if err := w.store.View(func(tx *store.Tx) (err error) { claims, err = w.subs.Claims(tx, c, 7); return err }); err != nil {
		w.Fatal(err)
	}
	return claims.Left
}

func (w *world) count(id string) uint64 {
	w.Helper()
	var topics []*mostradorv1.Topic
	if err := w.store.View(func(tx *store.Tx) (err error) { topics, err = w.subs.Topics(tx); return err }); err != nil {
		w.Fatal(err)
	}
	i := slices.IndexFunc(topics, func(t *mostradorv1.Topic) bool { return t.Id == id })
	return topics[i].Left
}

func (w *world) events(c *plgv1.Customer, kind string) (events []*plgv1.Event) {
	w.Helper()
	if err := w.store.View(func(tx *store.Tx) (err error) {
		events, err = w.log.List(tx, event.Query{Customer: c.Id, Type: kind})
		return err
	}); err != nil {
		w.Fatal(err)
	}
	return events
}

func promotion(topic string) *mostradorv1.Message {
	return &mostradorv1.Message{Kind: plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL, Topic: topic}
}

func refused(err error) string {
	var r *customer.Refused
	if !errors.As(err, &r) {
		return ""
	}
	return r.Refusal.Diagnostics[0].Code
}

func TestTheGeneralTopicAlwaysExists(t *testing.T) {
	w := newWorld(t)
	w.topic("novedades")
	w.topic("avisos")
	if err := w.subs.DeleteTopic(w.ctx, luisa, subscription.General); refused(err) != "topic_general" {
		t.Errorf("deleting the general topic: %v", err)
	}
	if _, err := w.subs.PutTopic(w.ctx, luisa, &mostradorv1.Topic{Id: subscription.General, Name: "Ofertas", NameEn: "Offers"}, false); err != nil {
		t.Fatal(err)
	}
	var names []string
	w.update(func(tx *store.Tx) error {
		topics, err := w.subs.Topics(tx)
		for _, topic := range topics {
			names = append(names, topic.Id+" "+topic.Name)
		}
		return err
	})
	if got := strings.Join(names, ", "); got != "promociones Ofertas, avisos AVISOS, novedades NOVEDADES" {
		t.Errorf("topics %s", got)
	}
	if w.announced != 3 {
		t.Errorf("the pages were told %d times", w.announced)
	}
}

func TestTopicsThatCannotBe(t *testing.T) {
	w := newWorld(t)
	w.topic("novedades")
	for _, test := range []struct {
		topic *mostradorv1.Topic
		code  string
	}{
		{&mostradorv1.Topic{Id: "Con espacio", Name: "x"}, "topic_id"},
		{&mostradorv1.Topic{Id: "channel:email", Name: "x"}, "topic_id"},
		{&mostradorv1.Topic{Id: "a,b", Name: "x"}, "topic_id"},
		{&mostradorv1.Topic{Id: "otro"}, "name_empty"},
		{&mostradorv1.Topic{Id: "otro", Name: "novedádes"}, "name_taken"},
		{&mostradorv1.Topic{Id: "novedades", Name: "x"}, "topic_taken"},
		{&mostradorv1.Topic{Id: "otro", Name: strings.Repeat("ñ", 61)}, "text_long"},
		{&mostradorv1.Topic{Id: "otro", Name: "a\nb"}, "text_long"},
	} {
		if _, err := w.subs.PutTopic(w.ctx, luisa, test.topic, true); refused(err) != test.code {
			t.Errorf("%v: %v", test.topic, err)
		}
	}
}

func TestWhatACustomerLeftDoesNotLeave(t *testing.T) {
	w := newWorld(t)
	w.topic("novedades")
	c := w.register("Ana")
	for _, topic := range []string{"", "novedades"} {
		if check := w.gate(c, promotion(topic)); !check.Passed || check.Check != "subscription" {
			t.Errorf("before leaving, %q: %v", topic, check)
		}
	}
	w.choose(c, noon, map[string]bool{"novedades": false, "promociones": true, "gone": false})
	check := w.gate(c, promotion("novedades"))
	if check.Passed || check.Words != "Dejó «NOVEDADES» el 20/05/2026 12:00 en la página de preferencias." {
		t.Errorf("%v", check)
	}
	if check.Actor.Ip != "" {
		t.Errorf("who asks why sees where the customer was: %v", check.Actor)
	}
	if check := w.gate(c, promotion("")); !check.Passed {
		t.Errorf("the general topic: %v", check)
	}
	w.change(c, "", "email", false)
	if check := w.gate(c, promotion("")); check.Passed || check.Check != "channel" ||
		!strings.Contains(check.Words, "en la tienda (lo anotó Luisa)") {
		t.Errorf("%v", check)
	}
	if check := w.gate(c, &mostradorv1.Message{Kind: plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL}); check != nil {
		t.Errorf("a receipt: %v", check)
	}
	if got := w.left(c); got != "channel:email,novedades" {
		t.Errorf("left %q", got)
	}
}

func TestADeletedTopicIsStillLeft(t *testing.T) {
	w := newWorld(t)
	w.topic("novedades")
	c := w.register("Ana")
	w.change(c, "novedades", "", false)
	if err := w.subs.DeleteTopic(w.ctx, luisa, "novedades"); err != nil {
		t.Fatal(err)
	}
	if check := w.gate(c, promotion("novedades")); check.Passed {
		t.Errorf("%v", check)
	}
	if err := w.subs.DeleteTopic(w.ctx, luisa, "novedades"); !errors.Is(err, subscription.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	w.topic("novedades")
	if check := w.gate(c, promotion("novedades")); check.Passed || w.count("novedades") != 1 {
		t.Errorf("made anew, he is taken up again: %v", check)
	}
}

func TestStaffTakeSomebodyUpAgainOnlyWhenTheyConfirmIt(t *testing.T) {
	w := newWorld(t)
	c := w.register("Ana")
	w.change(c, subscription.General, "", false)
	back := &mostradorv1.ChangeSubscriptionRequest{CustomerId: c.Id, Topic: subscription.General, On: true, Note: "Lo pidió en caja"}
	if _, err := w.subs.Change(w.ctx, luisa, back); refused(err) != "confirm" {
		t.Fatalf("unconfirmed: %v", err)
	}
	w.now = w.now.Add(time.Hour)
	back.Confirmed = true
	now, err := w.subs.Change(w.ctx, luisa, back)
	if err != nil {
		t.Fatal(err)
	}
	last := now.History[0]
	if len(now.History) != 2 || !last.On || last.Actor.Operator != "Luisa" || last.Note != "Lo pidió en caja" || last.Means != plgv1.Means_MEANS_STAFF {
		t.Errorf("history %v", now.History)
	}
	if !strings.Contains(now.Notice, "no ha aceptado las promociones") {
		t.Errorf("notice %q", now.Notice)
	}
	if c, _ := w.current(c); c.GetConsent().GetPromotions() == plgv1.ConsentState_CONSENT_STATE_GIVEN {
		t.Error("staff gave consent")
	}
	events := w.events(c, subscription.EventChanged)
	if len(events) != 2 || events[1].GetCustom().AsMap()["on"] != true || events[1].GetCustom().AsMap()["means"] != "staff" {
		t.Errorf("events %v", events)
	}
	if _, err := w.subs.Change(w.ctx, luisa, back); err != nil || len(w.events(c, subscription.EventChanged)) != 2 {
		t.Errorf("the same again: %v", err)
	}
}

func (w *world) current(c *plgv1.Customer) (now *plgv1.Customer, err error) {
	err = w.store.View(func(tx *store.Tx) error { now, err = w.customers.Get(tx, c.Id); return err })
	return now, err
}

func TestChangesThatCannotBe(t *testing.T) {
	w := newWorld(t)
	c := w.register("Ana")
	for _, test := range []struct {
		topic, channel, note, code string
	}{
		{"", "", "", "one_of_both"},
		{"promociones", "email", "", "one_of_both"},
		{"", "fax", "", "channel_unknown"},
		{"promociones", "", strings.Repeat("x", 301), "text_long"},
	} {
		_, err := w.subs.Change(w.ctx, luisa, &mostradorv1.ChangeSubscriptionRequest{CustomerId: c.Id, Topic: test.topic, Channel: test.channel, Note: test.note})
		if refused(err) != test.code {
			t.Errorf("%+v: %v", test, err)
		}
	}
	_, err := w.subs.Change(w.ctx, luisa, &mostradorv1.ChangeSubscriptionRequest{CustomerId: c.Id, Topic: "none"})
	if !errors.Is(err, subscription.ErrNotFound) {
		t.Errorf("no such topic: %v", err)
	}
}

func TestAnOldWishToHearDoesNotOverruleTheCounter(t *testing.T) {
	w := newWorld(t)
	c := w.register("Ana")
	w.choose(c, noon.Add(-2*time.Hour), map[string]bool{subscription.General: false})
	w.change(c, subscription.General, "", true)
	w.now = noon.Add(time.Hour)
	w.change(c, subscription.General, "", false)
	w.choose(c, noon.Add(30*time.Minute), map[string]bool{subscription.General: true}) // arrives late
	if check := w.gate(c, promotion("")); check.Passed {
		t.Error("the late act took him up again")
	}
	w.choose(c, noon.Add(2*time.Hour), map[string]bool{subscription.General: true})
	if check := w.gate(c, promotion("")); !check.Passed {
		t.Errorf("a later act does not: %v", check)
	}
}

func TestReasonsOfLeavingAreKept(t *testing.T) {
	w := newWorld(t)
	c := w.register("Ana")
	for _, act := range []*mostradorv1.WebAct{
		{Reason: "too_many", Words: "  Uno al día es demasiado  ", Time: timestamppb.New(noon)},
		{Reason: "invented", Words: strings.Repeat("ñ", 600), Time: timestamppb.New(noon.Add(time.Minute))},
	} {
		w.update(func(tx *store.Tx) error { return w.subs.Explain(tx, c, act) })
	}
	reasons := w.show(c).Reasons
	if len(reasons) != 2 || reasons[1].Words != "Uno al día es demasiado" || reasons[0].Reason != "other" || reasons[0].Words != strings.Repeat("ñ", 500) {
		t.Errorf("reasons %v", reasons)
	}
	events := w.events(c, subscription.EventReason)
	if len(events) != 2 || events[0].GetCustom().AsMap()["reason"] != "too_many" || events[0].GetCustom().AsMap()["words"] != "Uno al día es demasiado" {
		t.Errorf("events %v", events)
	}
}

func TestTwoRecordsOfOnePersonKeepWhatEitherLeft(t *testing.T) {
	w := newWorld(t)
	w.topic("novedades")
	w.topic("avisos")
	keep, gone := w.register("Ana"), w.register("Ana R.")
	w.change(keep, "avisos", "", false)
	w.change(gone, "novedades", "", false)
	w.change(gone, "avisos", "", false)
	var before, merged uint64
	w.update(func(tx *store.Tx) error {
		before = w.log.Last(tx)
		if err := w.subs.Merged(tx, luisa, keep, gone.Id); err != nil {
			return err
		}
		e := &plgv1.Event{Type: event.TypeMerged, Customer: keep}
		err := w.log.Append(tx, e)
		merged = e.Sequence
		return err
	})
	if got := w.left(keep); got != "avisos,novedades" {
		t.Errorf("merged, he has left %q", got)
	}
	if w.count("novedades") != 1 || w.count("avisos") != 1 {
		t.Errorf("counted %d and %d", w.count("novedades"), w.count("avisos"))
	}
	if check := w.gate(keep, promotion("novedades")); !strings.Contains(check.Words, "al unir") {
		t.Errorf("%v", check)
	}
	w.change(keep, subscription.General, "", false)
	w.update(func(tx *store.Tx) error { return w.subs.Unmerged(tx, luisa, keep, gone, before, merged) })
	if got := w.left(keep); got != "avisos,promociones" {
		t.Errorf("parted, who stayed has left %q", got)
	}
	if got := w.left(gone); got != "avisos,novedades,promociones" {
		t.Errorf("parted, who went has left %q", got)
	}
	if w.count("novedades") != 1 || w.count("avisos") != 2 || w.count(subscription.General) != 2 {
		t.Errorf("counted %d, %d, %d", w.count("novedades"), w.count("avisos"), w.count(subscription.General))
	}
}

func TestWhoIsForgottenIsNotCounted(t *testing.T) {
	w := newWorld(t)
	c, part := w.register("Ana"), w.register("Ana R.")
	w.change(c, subscription.General, "", false)
	w.change(part, subscription.General, "", false)
	w.update(func(tx *store.Tx) error { return w.subs.Merged(tx, luisa, c, part.Id) })
	w.update(func(tx *store.Tx) error {
		if err := w.subs.Explain(tx, c, &mostradorv1.WebAct{Reason: "other", Words: "secreto"}); err != nil {
			return err
		}
		return errors.Join(w.subs.Forget(tx, c.Id), w.subs.Forget(tx, part.Id))
	})
	if shown := w.show(c); len(shown.History)+len(shown.Reasons) != 0 || w.count(subscription.General) != 0 {
		t.Errorf("%v, counted %d", shown, w.count(subscription.General))
	}
}
