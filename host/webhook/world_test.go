package webhook_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/webhook"
	"mostrador/sdk/plgv1"
)

var ana = &plgv1.Actor{Operator: "Ana", Till: "2"}

// world is a store with webhooks.
type world struct {
	testing.TB
	path      string
	store     *store.Store
	log       *event.Log
	customers *customer.Service
	hooks     *webhook.Service
	// ahead is how far the clock is put forward.
	ahead   atomic.Int64
	private atomic.Bool
	end     func()
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, path: filepath.Join(t.TempDir(), "store.db")}
	w.private.Store(true)
	w.open()
	w.Cleanup(func() { w.end() })
	return w
}

// open opens the store and has its webhooks called.
func (w *world) open() {
	w.Helper()
	st, err := store.Open(w.path, store.Options{NoSync: true})
	if err != nil {
		w.Fatal(err)
	}
	w.store, w.log = st, event.NewLog(st)
	if w.customers, err = customer.New(customer.Config{Store: st, Log: w.log, Text: locale.New()}); err != nil {
		w.Fatal(err)
	}
	if w.hooks, err = webhook.New(webhook.Config{
		Store: st, Log: w.log, Customers: w.customers, Key: make([]byte, 32), Text: locale.New(),
		AllowPrivate: w.private.Load, StoreName: func() string { return "La Esquina" },
		Backoff: func(int) time.Duration { return time.Millisecond },
		Now:     func() time.Time { return time.Now().Add(time.Duration(w.ahead.Load())) },
	}); err != nil {
		w.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.hooks.Run(ctx) }()
	w.end = func() {
		w.end = func() {}
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			w.Errorf("Run ended with %v", err)
		}
		if err := st.Close(); err != nil {
			w.Error(err)
		}
	}
}

func (w *world) register(name, phone, email string) *plgv1.Customer {
	w.Helper()
	c, err := w.customers.Register(context.Background(), ana, &plgv1.Customer{Name: name, Phone: phone, Email: email}, "")
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// happen appends events of a type, and returns the sequence of the last.
func (w *world) happen(eventType string, n int, detail map[string]any) (sequence uint64) {
	w.Helper()
	data, err := structpb.NewStruct(detail)
	if err != nil {
		w.Fatal(err)
	}
	for range n {
		w.append(&plgv1.Event{Type: eventType, Detail: &plgv1.Event_Custom{Custom: data}}, &sequence)
	}
	return sequence
}

func (w *world) append(e *plgv1.Event, sequence *uint64) {
	w.Helper()
	if err := w.store.Update(context.Background(), func(tx *store.Tx) error { return w.log.Append(tx, e) }); err != nil {
		w.Fatal(err)
	}
	if sequence != nil {
		*sequence = e.Sequence
	}
}

// put makes a webhook or changes one.
func (w *world) put(h *mostradorv1.Webhook) *mostradorv1.Webhook {
	w.Helper()
	if h.Name == "" {
		h.Name = "Contabilidad"
	}
	h.Enabled = true
	kept, err := w.hooks.Put(context.Background(), ana, h, false)
	if err != nil {
		w.Fatal(err)
	}
	return kept
}

// shown is a webhook as the list has it.
func (w *world) shown(id string) *mostradorv1.Webhook {
	w.Helper()
	list, err := w.hooks.List(context.Background())
	if err != nil {
		w.Fatal(err)
	}
	for _, h := range list {
		if h.Id == id {
			return h
		}
	}
	w.Fatalf("there is no webhook %s", id)
	return nil
}

// calls are the calls of a webhook, the newest first.
func (w *world) calls(id string) []*mostradorv1.WebhookCall {
	w.Helper()
	list, _, err := w.hooks.Calls(context.Background(), id, 1000, "")
	if err != nil {
		w.Fatal(err)
	}
	return list
}

// until waits for something that another goroutine does.
func (w *world) until(what string, done func() bool) {
	w.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("it did not come to pass that %s", what)
		}
	}
}

// request is what a receiver got.
type request struct {
	id, timestamp, signature string
	body                     []byte
}

// receiver is a real server that other systems have.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	got []request
	// answer says what to do with a request; nil takes it.
	answer func(w http.ResponseWriter, r request)
}

func newReceiver(t testing.TB, answer func(w http.ResponseWriter, r request)) *receiver {
	rec := &receiver{answer: answer}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got := request{r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), r.Header.Get("webhook-signature"), body}
		rec.mu.Lock()
		rec.got = append(rec.got, got)
		answer := rec.answer
		rec.mu.Unlock()
		if answer != nil {
			answer(w, got)
		}
	}))
	t.Cleanup(rec.Close)
	return rec
}

func (r *receiver) requests() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]request(nil), r.got...)
}

func (r *receiver) answers(answer func(w http.ResponseWriter, r request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}
