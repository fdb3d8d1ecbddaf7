package model

import (
	"context"
	"sync"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// sheetLimit bounds one reading of a sheet.
const sheetLimit = 10 * time.Second

// Sheet is one customer on a screen (Ficha rápida). What the stream says about the customer is applied at once;
// the rest (consent in words, buttons, panels) is read again right after.
type Sheet struct {
	m      *Model
	id     string
	notify func()
	cancel func()
	dirty  chan struct{}
	done   chan struct{}
	stop   context.CancelFunc

	mu    sync.Mutex
	state *mostradorv1.SheetResponse
	err   error
}

// OpenSheet follows a customer until Close. notify is called, on the model's goroutines, after each change of
// State or Err; it may be nil.
func (m *Model) OpenSheet(id string, notify func()) *Sheet {
	ctx, stop := context.WithCancel(context.Background())
	s := &Sheet{m: m, id: id, notify: notify, stop: stop, dirty: make(chan struct{}, 1), done: make(chan struct{})}
	s.cancel = m.Subscribe(s.hear)
	s.Reload()
	go s.run(ctx)
	return s
}

// Close ends the sheet and waits for its goroutine.
func (s *Sheet) Close() {
	s.cancel()
	s.stop()
	<-s.done
}

// State is the newest sheet, or nil before the first answer. It is not to be changed.
func (s *Sheet) State() *mostradorv1.SheetResponse {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Customer is the newest state of the customer, or nil before the first answer.
func (s *Sheet) Customer() *plgv1.Customer { return s.State().GetCustomer() }

// Err is why the last reading failed, or nil.
func (s *Sheet) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Reload reads everything again, soon.
func (s *Sheet) Reload() {
	select {
	case s.dirty <- struct{}{}:
	default:
	}
}

// Apply takes over a newer state of the customer, such as the answer of a change.
func (s *Sheet) Apply(c *plgv1.Customer) {
	s.mu.Lock()
	if c == nil || s.state == nil || c.Revision < s.state.Customer.GetRevision() {
		s.mu.Unlock()
		return
	}
	next := proto.CloneOf(s.state)
	next.Customer = c
	for _, field := range next.Fields {
		if field.Id == "aplica_promociones" {
			field.Value = yesNo(c.AplicaPromociones)
		}
	}
	s.state = next
	s.mu.Unlock()
	s.tell()
}

func yesNo(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

func (s *Sheet) tell() {
	if s.notify != nil {
		s.notify()
	}
}

func (s *Sheet) hear(c Change) {
	if c.Kind != StoreChanged {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_CUSTOMER:
		if c.Event.Id != s.id {
			return
		}
		s.Apply(c.Event.Customer)
	case mostradorv1.WatchResponse_KIND_STATE:
		if c.Event.Id != s.id && c.Event.Id != "" {
			return
		}
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_PLUGIN,
		mostradorv1.WatchResponse_KIND_SETTING, mostradorv1.WatchResponse_KIND_SALE:
	default:
		return
	}
	s.Reload()
}

func (s *Sheet) run(ctx context.Context) {
	defer close(s.done)
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.dirty:
		}
		limit, done := context.WithTimeout(ctx, sheetLimit)
		res, err := s.m.Customers.Sheet(limit, connect.NewRequest(&mostradorv1.SheetRequest{Id: s.id, Language: s.m.language}))
		done()
		if ctx.Err() != nil {
			return
		}
		s.mu.Lock()
		s.err = err
		if err == nil && res.Msg.Customer.GetRevision() >= s.state.GetCustomer().GetRevision() {
			s.state = res.Msg
		}
		s.mu.Unlock()
		s.tell()
	}
}
