package api

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

const (
	ready    = mostradorv1.WatchResponse_KIND_READY
	changedC = mostradorv1.WatchResponse_KIND_CUSTOMER
	changedS = mostradorv1.WatchResponse_KIND_SETTING
)

// screen is a reader of the hub that takes one change at a time, when it is told to.
type screen struct {
	sent chan *mostradorv1.WatchResponse
	done chan error
}

func always(context.Context) error { return nil }

func watching(t *testing.T, h *Hub) *screen {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &screen{sent: make(chan *mostradorv1.WatchResponse), done: make(chan error, 1)}
	go func() {
		s.done <- h.watch(ctx, always, func(change *mostradorv1.WatchResponse) error {
			select {
			case s.sent <- change:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-s.done:
		case <-time.After(5 * time.Second):
			t.Error("the watch does not end with its context")
		}
	})
	return s
}

func (s *screen) next(t *testing.T) *mostradorv1.WatchResponse {
	t.Helper()
	select {
	case change := <-s.sent:
		return change
	case <-time.After(5 * time.Second):
		t.Fatal("no change arrived")
		return nil
	}
}

func TestWatchBeginsWithReadyAndTellsChangesInOrder(t *testing.T) {
	h := NewHub()
	s := watching(t, h)
	if got := s.next(t); got.GetKind() != ready {
		t.Fatalf("the first answer is %v", got)
	}
	h.Publish(changedS, "TiendaNombre")
	h.PublishCustomer(&plgv1.Customer{Id: "c1", Name: "Ana"})
	if got := s.next(t); got.GetKind() != changedS || got.GetId() != "TiendaNombre" {
		t.Errorf("first change: %v", got)
	}
	if got := s.next(t); got.GetKind() != changedC || got.GetCustomer().GetName() != "Ana" {
		t.Errorf("second change: %v", got)
	}
}

// slow returns a screen that holds one change in its hands and takes no more until asked.
func slow(t *testing.T, h *Hub) *screen {
	t.Helper()
	s := watching(t, h)
	s.next(t)
	h.Publish(changedS, "held")
	waitFor(t, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		for r := range h.readers {
			r.mu.Lock()
			waiting := len(r.queue)
			r.mu.Unlock()
			return waiting == 0
		}
		return false
	})
	return s
}

func TestASlowScreenGetsOnlyTheNewestOfEachThing(t *testing.T) {
	h := NewHub()
	s := slow(t, h)
	for i := range 1000 {
		h.PublishCustomer(&plgv1.Customer{Id: "c1", Revision: uint64(i)})
	}
	s.next(t) // held
	if got := s.next(t); got.GetCustomer().GetRevision() != 999 {
		t.Errorf("revision %d, want the newest", got.GetCustomer().GetRevision())
	}
	h.Publish(changedS, "after")
	if got := s.next(t); got.GetId() != "after" {
		t.Errorf("what the newest replaced came too: %v", got)
	}
}

func TestAScreenThatFallsTooFarBehindIsToldToReadAgain(t *testing.T) {
	h := NewHub()
	s := slow(t, h)
	for i := range queueLimit + 1 {
		h.Publish(changedS, fmt.Sprint(i))
	}
	s.next(t) // held
	if got := s.next(t); got.GetKind() != ready {
		t.Errorf("got %v, want ready", got)
	}
	h.Publish(changedS, "after")
	if got := s.next(t); got.GetId() != "after" {
		t.Errorf("the watch does not go on: %v", got)
	}
}

func TestASlowScreenKeepsNobodyWaiting(t *testing.T) {
	h := NewHub()
	slow(t, h)
	quick := watching(t, h)
	quick.next(t)
	h.Publish(changedS, "x")
	if got := quick.next(t); got.GetId() != "x" {
		t.Errorf("got %v", got)
	}
}

func TestClosingTheHubEndsWatches(t *testing.T) {
	h := NewHub()
	s := watching(t, h)
	s.next(t)
	h.Close()
	select {
	case err := <-s.done:
		if err != nil {
			t.Errorf("the watch ended with %v", err)
		}
		s.done <- nil // for the cleanup
	case <-time.After(5 * time.Second):
		t.Fatal("the watch goes on")
	}
}

func TestAScreenThatIsGoneIsForgotten(t *testing.T) {
	h := NewHub()
	gone := errors.New("gone")
	if err := h.watch(t.Context(), always, func(*mostradorv1.WatchResponse) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("the watch ended with %v", err)
	}
	if len(h.readers) > 0 {
		t.Error("the hub still knows the reader")
	}
}

func waitFor(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not come about")
		}
	}
}
