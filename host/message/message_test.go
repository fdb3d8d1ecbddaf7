package message

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

func TestListsAreNewestFirstAndPaged(t *testing.T) {
	set := testSettings
	o := freshOutbox(t, set)
	var all []*mostradorv1.Message
	for i := range 7 {
		customer := "ana"
		if i%3 == 2 {
			customer = "eva"
		}
		all = append(all, welcome(customer, i))
	}
	o.queue(all...)
	o.queue(promotion("eva", 7))
	if err := o.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	pages := func(q *mostradorv1.ListMessagesRequest) (ids []string) {
		for {
			page, err := o.List(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page.Messages {
				if m.Tokens != nil {
					t.Error("a token is shown")
				}
				ids = append(ids, m.Id)
			}
			if page.NextPage == "" {
				return ids
			}
			q.Page = page.NextPage
		}
	}
	for name, test := range map[string]struct {
		q    *mostradorv1.ListMessagesRequest
		want []int
	}{
		"all":         {&mostradorv1.ListMessagesRequest{}, []int{7, 6, 5, 4, 3, 2, 1, 0}},
		"pages of 3":  {&mostradorv1.ListMessagesRequest{Limit: 3}, []int{7, 6, 5, 4, 3, 2, 1, 0}},
		"of eva":      {&mostradorv1.ListMessagesRequest{CustomerId: "eva", Limit: 1}, []int{7, 5, 2}},
		"suppressed":  {&mostradorv1.ListMessagesRequest{State: heldBack}, []int{7}},
		"eva spooled": {&mostradorv1.ListMessagesRequest{CustomerId: "eva", State: spooled, Limit: 1}, []int{5, 2}},
		"of nobody":   {&mostradorv1.ListMessagesRequest{CustomerId: "ev", State: anyMessage}, nil},
	} {
		got := pages(test.q)
		var want []string
		for _, n := range test.want {
			want = append(want, welcome("", n).Id)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestChangesAreTold(t *testing.T) {
	p := newPeer(t)
	told := make(chan *mostradorv1.Message, 10)
	o := freshOutbox(t, p.settings(), func(c *Config) { c.Changed = func(m *mostradorv1.Message) { told <- m } })
	o.queue(welcome("ana", 1))
	for _, want := range []mostradorv1.MessageState{queued, sent} {
		select {
		case m := <-told:
			if m.State != want || m.CustomerId != "ana" || m.Tokens != nil {
				t.Errorf("%v", m)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("nothing was told")
		}
	}
}

func TestSendTestSaysWhatHappened(t *testing.T) {
	p := newPeer(t)
	o := freshOutbox(t, p.settings())
	answer, err := o.SendTest(t.Context(), "tecnico@example.com", "es")
	if err != nil || answer != "127.0.0.1 aceptó el mensaje para tecnico@example.com." || len(p.got()) != 1 {
		t.Errorf("%q %v", answer, err)
	}
	p.mu.Lock()
	p.answers = []error{unknown}
	p.mu.Unlock()
	var told *Failed
	if _, err = o.SendTest(t.Context(), "x@example.com", "es"); !errors.As(err, &told) || !strings.Contains(told.Words, "No such user here") {
		t.Errorf("%v", err)
	}
	if _, err = o.SendTest(t.Context(), "no es", "en"); !errors.As(err, &told) || told.Words != `"no es" is not a valid e-mail address.` {
		t.Errorf("%v", err)
	}
	o.mu.Lock()
	o.set.Server = ""
	o.mu.Unlock()
	if answer, err = o.SendTest(t.Context(), "tecnico@example.com", "en"); err != nil || !strings.Contains(answer, "spool") {
		t.Errorf("%q %v", answer, err)
	}
}

func TestAQueuedMailCanBeLookedAt(t *testing.T) {
	server := newRaw(t, atGreeting, false)
	set := server.settings()
	o := freshOutbox(t, set, func(c *Config) { c.Limits = DefaultLimits })
	m := welcome("ana", 1)
	m.Queued = timestamppb.New(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	o.queue(m)
	got := o.get(m.Id)
	if got.Message.State != queued || got.Mail.Subject != "Hola Ana" || !bytes.Contains(got.Eml, []byte(m.Id)) {
		t.Errorf("%v", got)
	}
}

// BenchmarkSend is from Queue to the server's acceptance and the outcome on disk, many at a time.
func BenchmarkSend(b *testing.B) {
	p := newPeer(b)
	st, err := store.Open(filepath.Join(b.TempDir(), "store.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	s := New(Config{
		Store: st, Settings: p.settings, Text: locale.New().Text,
		Template: func(_, _, _ string) (Source, error) {
			return NewSource(testTemplateText, ""), nil
		},
	})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	n := 0
	for b.Loop() {
		err := st.Update(ctx, func(tx *store.Tx) error {
			m := welcome("", n)
			m.To = "ana@example.com"
			return s.Queue(tx, m)
		})
		if err != nil {
			b.Fatal(err)
		}
		n++
	}
	if err := s.Idle(ctx); err != nil {
		b.Fatal(err)
	}
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
	if len(p.got()) != n {
		b.Fatalf("%d of %d mails", len(p.got()), n)
	}
}

func TestACustomerWhoCannotBeReadHoldsBackNoOther(t *testing.T) {
	p := newPeer(t)
	o := freshOutbox(t, p.settings(), func(c *Config) {
		customer := c.Customer
		c.Customer = func(tx *store.Tx, id string) (*plgv1.Customer, error) {
			if id == "roto" {
				return nil, errors.New("damaged")
			}
			return customer(tx, id)
		}
		c.Settings = limitedTo(c.Settings, 1)
		c.Backoff = func(string, int) time.Duration { return time.Hour }
	})
	broken := welcome("roto", 1)
	broken.To = "roto@example.com"
	m := welcome("ana", 2)
	o.queue(broken, m)
	o.until(m.Id, sent)
	if row := o.get(broken.Id).Message; row.State != queued || !strings.Contains(row.LastAnswer, "damaged") || row.Attempts != 1 {
		t.Errorf("%v", row)
	}
}
