package event_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/bbolt"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// joiner keeps a word for each customer, and of two who become one, both words.
type joiner struct {
	mu   sync.Mutex
	seen []string
}

func (j *joiner) Name() string        { return "PLG0001" }
func (j *joiner) Handles(string) bool { return true }

func (j *joiner) Deliver(_ context.Context, b *plgv1.Batch) (*plgv1.BatchDone, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	states := map[string]string{}
	done := &plgv1.BatchDone{}
	state := func(id string, sent []byte) string {
		if s, met := states[id]; met {
			return s
		}
		return string(sent)
	}
	for _, d := range b.Deliveries {
		e := decoded(d)
		id := e.GetCustomer().GetId()
		is := state(id, d.State)
		switch e.Type {
		case "word":
			is += e.GetCustom().GetFields()["word"].GetStringValue()
		case event.TypeMerged:
			is += state(e.GetCustomerMerged().GetGone().GetId(), d.OtherState)
		case event.TypeUnmerged:
			is = strings.TrimSuffix(is, state(e.GetCustomerUnmerged().GetGone().GetId(), d.OtherState))
		}
		j.seen = append(j.seen, e.Type+" "+is)
		states[id] = is
		done.Outcomes = append(done.Outcomes, &plgv1.Outcome{Effects: []*plgv1.Effect{{
			Effect: &plgv1.Effect_SaveState{SaveState: &plgv1.SaveState{State: []byte(is)}},
		}}})
	}
	return done, nil
}

func word(id, w string) *plgv1.Event {
	data, _ := structpb.NewStruct(map[string]any{"word": w})
	return &plgv1.Event{Type: "word", Customer: &plgv1.Customer{Id: id}, Detail: &plgv1.Event_Custom{Custom: data}}
}

func TestAMergeIsDeliveredWithTheRecordsOfBoth(t *testing.T) {
	ana, anna := &plgv1.Customer{Id: "ana"}, &plgv1.Customer{Id: "anna"}
	story := func() []*plgv1.Event {
		return []*plgv1.Event{
			word("ana", "a"), word("anna", "b"), word("anna", "c"),
			{Type: event.TypeMerged, Customer: ana, Detail: &plgv1.Event_CustomerMerged{CustomerMerged: &plgv1.CustomerMerged{Gone: anna}}},
			{Type: event.TypeUnmerged, Customer: ana, Detail: &plgv1.Event_CustomerUnmerged{CustomerUnmerged: &plgv1.CustomerUnmerged{Gone: anna}}},
			word("anna", "d"),
		}
	}
	want := "[word a word b word bc customer.merged abc customer.unmerged a word bcd]"
	for _, size := range []int{1, 2, 3, 4, 100} {
		t.Run(fmt.Sprintf("batches of %d", size), func(t *testing.T) {
			r := newRig(t, func(c *event.Config) { c.BatchEvents = size })
			r.update(func(tx *store.Tx) error {
				for _, e := range story() {
					if err := r.log.Append(tx, e); err != nil {
						return err
					}
				}
				return nil
			})
			j := new(joiner)
			r.attach(j)
			r.idle()
			if got := fmt.Sprint(j.seen); got != want {
				t.Errorf("it saw %s\nwant   %s", got, want)
			}
		})
	}
}

func TestAMergeStandsInTheHistoryOfBoth(t *testing.T) {
	r := newRig(t, nil)
	r.update(func(tx *store.Tx) error {
		return r.log.Append(tx, &plgv1.Event{
			Type: event.TypeMerged, Customer: &plgv1.Customer{Id: "ana"},
			Detail: &plgv1.Event_CustomerMerged{CustomerMerged: &plgv1.CustomerMerged{Gone: &plgv1.Customer{Id: "anna"}}},
		})
	})
	r.view(func(tx *store.Tx) {
		for _, id := range []string{"ana", "anna"} {
			if events, err := r.log.List(tx, event.Query{Customer: id}); err != nil || len(events) != 1 {
				t.Errorf("the history of %s has %d events (%v)", id, len(events), err)
			}
		}
	})
}

// A person is in the log in every way that there is; what is left of him afterwards is an id and a number.
func TestWhoIsForgottenIsNowhereInTheLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{TB: t, store: s, log: event.NewLog(s)}
	r.start(func(c *event.Config) { c.Attempts = 1 })
	secret := "SECRETO"
	ana := func() *plgv1.Customer {
		return &plgv1.Customer{Id: "ana", Number: 7, Name: secret, Phone: secret, Fields: map[string]string{"x": secret}}
	}
	bea := func() *plgv1.Customer { return &plgv1.Customer{Id: "bea", Number: 8, Name: "Bea"} }
	custom, _ := structpb.NewStruct(map[string]any{"text": secret})
	actor := &plgv1.Actor{Channel: "web", Ip: secret, UserAgent: secret}
	failing := &counter{name: "PLG0002", handles: func(k string) bool { return k == "parks" || k == "note" },
		event: func(e *plgv1.Event) ([]*plgv1.Effect, *plgv1.Fault) {
			if e.Type == "parks" {
				return nil, &plgv1.Fault{Message: "no " + secret}
			}
			return nil, nil
		}}
	var last []byte
	handling := &counter{name: "PLG0001", handles: func(k string) bool { return k == "note" || k == event.TypeErased }}
	silent := &quiet{}
	r.update(func(tx *store.Tx) error {
		return errors.Join(
			r.log.Append(tx, &plgv1.Event{Type: "customer.registered", Customer: ana(), Actor: actor}),
			r.log.Append(tx, &plgv1.Event{Type: "customer.changed", Customer: ana(), Detail: &plgv1.Event_CustomerChanged{
				CustomerChanged: &plgv1.CustomerChanged{Changes: []*plgv1.FieldChange{{Field: "name", From: secret, To: secret}}},
			}}),
			r.log.Append(tx, &plgv1.Event{Type: "note", Customer: ana(), Detail: &plgv1.Event_Custom{Custom: custom}}),
			r.log.Append(tx, &plgv1.Event{Type: "parks", Customer: ana()}),
			r.log.Append(tx, &plgv1.Event{Type: event.TypeMerged, Customer: bea(), Detail: &plgv1.Event_CustomerMerged{
				CustomerMerged: &plgv1.CustomerMerged{Gone: ana(), Merge: 3},
			}}),
			r.Schedule(tx, "PLG0001", &plgv1.Schedule{
				Time: timestamppb.New(r.Now().AddDate(1, 0, 0)), Name: "x", CustomerId: "ana", Data: custom,
			}, 0),
			r.Schedule(tx, "PLG0001", &plgv1.Schedule{
				Time: timestamppb.New(r.Now().AddDate(1, 0, 0)), Name: "x", CustomerId: "bea",
			}, 0),
		)
	})
	r.attach(failing)
	r.attach(handling)
	r.attach(silent)
	r.update(func(tx *store.Tx) error { event.PutState(tx, silent.Name(), "ana", []byte("1")); return nil })
	r.idle()
	if len(r.parked("PLG0002")) != 1 {
		t.Fatal("nothing is parked")
	}
	places, err := r.Scheduled("ana")
	if err != nil || len(places) != 1 {
		t.Fatalf("%d places, %v", len(places), err)
	}
	r.update(func(tx *store.Tx) error {
		if err := r.Forget(tx, "ana", places); err != nil {
			return err
		}
		if _, found := event.GetState(tx, "PLG0002", "ana"); found {
			t.Error("a plug-in that does not handle the event keeps its record")
		}
		last, _ = event.GetState(tx, "PLG0001", "ana")
		if string(last) != "1" {
			t.Errorf("the record is %q before the plug-in was told", last)
		}
		return r.log.Append(tx, &plgv1.Event{Type: event.TypeErased, Customer: &plgv1.Customer{Id: "ana", Number: 7}})
	})
	r.idle()
	r.view(func(tx *store.Tx) {
		for _, plugin := range []string{"PLG0001", silent.Name()} {
			if _, found := event.GetState(tx, plugin, "ana"); found {
				t.Errorf("the record of %s is still there after the event", plugin)
			}
		}
		events, err := r.log.List(tx, event.Query{Customer: "ana"})
		if err != nil || len(events) != 6 {
			t.Fatalf("%d events, %v", len(events), err)
		}
		for i, e := range events {
			if e.Sequence != uint64(i+1) {
				t.Errorf("event %d has sequence %d", i, e.Sequence)
			}
		}
		if c := events[1].GetCustomerChanged().GetChanges(); events[1].Customer.Number != 7 || len(c) != 1 || c[0].Field != "name" {
			t.Errorf("what happened is %v", events[1])
		}
		if m := events[4]; m.Customer.Name != "Bea" || m.GetCustomerMerged().Merge != 3 || m.GetCustomerMerged().Gone.Number != 7 {
			t.Errorf("the merge is %v", m)
		}
	})
	r.update(func(tx *store.Tx) error {
		event.PutState(tx, "PLG0001", "ana", []byte(secret))
		return nil
	})
	r.Close()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				if bytes.Contains(k, []byte(secret)) || bytes.Contains(v, []byte(secret)) {
					t.Errorf("%s %q holds the person: %q", name, k, v)
				}
				return nil
			})
		})
	}); err != nil {
		t.Error(err)
	}
}

// quiet handles customer.erased and wants nothing done.
type quiet struct{}

func (quiet) Name() string             { return "PLG0003" }
func (quiet) Handles(kind string) bool { return kind == event.TypeErased }

func (quiet) Deliver(_ context.Context, b *plgv1.Batch) (*plgv1.BatchDone, error) {
	return &plgv1.BatchDone{Outcomes: make([]*plgv1.Outcome, len(b.Deliveries))}, nil
}
