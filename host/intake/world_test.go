package intake_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/intake"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

var ana = &plgv1.Actor{Operator: "Ana", Till: "2"}

// world is a store with customers and an intake.
type world struct {
	testing.TB
	store     *store.Store
	log       *event.Log
	customers *customer.Service
	intake    *intake.Service
	now       time.Time
	rate      int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	w := &world{TB: t, store: st, log: event.NewLog(st), now: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC), rate: 100000}
	if w.customers, err = customer.New(customer.Config{Store: st, Log: w.log, Text: locale.New()}); err != nil {
		t.Fatal(err)
	}
	if w.intake, err = intake.New(intake.Config{
		Store: st, Log: w.log, Customers: w.customers, Key: make([]byte, 32), Text: locale.New(),
		Rate: func() int { return w.rate }, Now: func() time.Time { return w.now },
	}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) register(name, phone, email string) *plgv1.Customer {
	w.Helper()
	c, err := w.customers.Register(context.Background(), ana, &plgv1.Customer{Name: name, Phone: phone, Email: email}, "")
	if err != nil {
		w.Fatal(err)
	}
	return c
}

func (w *world) key(types ...string) (secret, id string) {
	w.Helper()
	k, secret, err := w.intake.CreateKey(context.Background(), ana, "Tienda web", types)
	if err != nil {
		w.Fatal(err)
	}
	return secret, k.Id
}

// events are those in the log of a type, or of all that other systems told.
func (w *world) events(eventType string) (events []*plgv1.Event) {
	w.Helper()
	if err := w.store.View(func(tx *store.Tx) (err error) {
		events, err = w.log.List(tx, event.Query{Type: eventType})
		return err
	}); err != nil {
		w.Fatal(err)
	}
	return events
}

func data(t testing.TB, text string) *structpb.Struct {
	t.Helper()
	s := new(structpb.Struct)
	if err := s.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

// post tells an event as staff do.
func (w *world) post(req *mostradorv1.PostEventRequest) (*mostradorv1.PostEventResponse, error) {
	return w.intake.Post(context.Background(), intake.Sender{Actor: ana}, req)
}

func (w *world) mustPost(req *mostradorv1.PostEventRequest) *mostradorv1.PostEventResponse {
	w.Helper()
	resp, err := w.post(req)
	if err != nil {
		w.Fatal(err)
	}
	return resp
}

// refused checks that an error is a refusal of that status and code, and returns it.
func refused(t testing.TB, err error, status int, code string) *intake.Refused {
	t.Helper()
	var no *intake.Refused
	if !errors.As(err, &no) {
		t.Fatalf("got %v, want a refusal (%s)", err, code)
	}
	d := no.Refusal.GetDiagnostics()
	if no.Status != status || len(d) == 0 || d[0].GetCode() != code {
		t.Fatalf("got %d %v, want %d %s", no.Status, d, status, code)
	}
	return no
}
