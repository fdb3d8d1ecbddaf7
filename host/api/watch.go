package api

import (
	"context"
	"sync"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// queueLimit is how many different changes wait for one reader before it is told to read everything again.
const queueLimit = 256

// Hub hands changes to the screens that watch. Publishing never waits: what happens again to the same thing
// replaces what a reader has not taken yet, and a reader that falls too far behind gets KIND_READY instead of
// what it missed. Make it with NewHub; it is safe for concurrent use.
type Hub struct {
	mu      sync.Mutex
	readers map[*reader]struct{}
	closed  chan struct{}
	once    sync.Once
}

// NewHub returns a hub that nobody watches yet.
func NewHub() *Hub {
	return &Hub{readers: map[*reader]struct{}{}, closed: make(chan struct{})}
}

// Publish tells every reader of a change. It returns at once, so it may be called when a transaction commits.
func (h *Hub) Publish(kind mostradorv1.WatchResponse_Kind, id string) {
	h.publish(&mostradorv1.WatchResponse{Kind: kind, Id: id})
}

// PublishCustomer tells every reader of a customer's new state, which nobody may change afterwards.
func (h *Hub) PublishCustomer(c *plgv1.Customer) {
	h.publish(&mostradorv1.WatchResponse{Kind: mostradorv1.WatchResponse_KIND_CUSTOMER, Id: c.GetId(), Customer: c})
}

// PublishEvent tells what an event of the log means for a screen.
func (h *Hub) PublishEvent(e *plgv1.Event) {
	switch detail := e.GetDetail().(type) {
	case *plgv1.Event_SaleCompleted:
		h.Publish(mostradorv1.WatchResponse_KIND_SALE, detail.SaleCompleted.GetSale().GetReceipt())
	case *plgv1.Event_SaleRefunded:
		h.Publish(mostradorv1.WatchResponse_KIND_SALE, detail.SaleRefunded.GetSale().GetReceipt())
	case *plgv1.Event_CustomerRegistered, *plgv1.Event_CustomerChanged, *plgv1.Event_ConsentGiven, *plgv1.Event_ConsentWithdrawn:
		h.PublishCustomer(e.GetCustomer())
	}
}

// Follow publishes the events of the log from now on until ctx ends. While nobody watches it reads none.
func (h *Hub) Follow(ctx context.Context, st *store.Store, log *event.Log) error {
	var after uint64
	read := func(tx *store.Tx) error {
		if !h.watched() {
			after = log.Last(tx)
			return nil
		}
		for {
			events, err := log.Read(tx, after, followBatch)
			if err != nil || len(events) == 0 {
				return err
			}
			for _, e := range events {
				h.PublishEvent(e)
			}
			after = events[len(events)-1].GetSequence()
		}
	}
	if err := st.View(func(tx *store.Tx) error { after = log.Last(tx); return nil }); err != nil {
		return err
	}
	for {
		changed := log.Changed()
		if err := st.View(read); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// followBatch is how many events Follow reads at a time.
const followBatch = 500

func (h *Hub) watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.readers) > 0
}

// Close ends every watch. Later readers end at once.
func (h *Hub) Close() { h.once.Do(func() { close(h.closed) }) }

func (h *Hub) publish(change *mostradorv1.WatchResponse) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for r := range h.readers {
		r.add(change)
	}
}

// watch calls send for KIND_READY and then for each change until ctx or the hub ends, or send fails.
func (h *Hub) watch(ctx context.Context, send func(*mostradorv1.WatchResponse) error) error {
	r := &reader{wake: make(chan struct{}, 1)}
	h.mu.Lock()
	h.readers[r] = struct{}{}
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		delete(h.readers, r)
		h.mu.Unlock()
	}()
	ready := &mostradorv1.WatchResponse{Kind: mostradorv1.WatchResponse_KIND_READY}
	if err := send(ready); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-h.closed:
			return nil
		case <-r.wake:
		}
		changes, lost := r.take()
		if lost {
			changes = []*mostradorv1.WatchResponse{ready}
		}
		for _, change := range changes {
			if err := send(change); err != nil {
				return err
			}
		}
	}
}

// reader is one watch: the changes that it has not taken yet, in the order of their first mention.
type reader struct {
	mu     sync.Mutex
	queue  []*mostradorv1.WatchResponse
	places map[place]int
	lost   bool
	wake   chan struct{}
}

// place is what two changes must share for the later to replace the earlier.
type place struct {
	kind mostradorv1.WatchResponse_Kind
	id   string
}

func (r *reader) add(change *mostradorv1.WatchResponse) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := place{change.GetKind(), change.GetId()}
	at, waiting := r.places[p]
	switch {
	case r.lost:
		return
	case waiting:
		r.queue[at] = change
		return
	case len(r.queue) == queueLimit:
		r.lost, r.queue, r.places = true, nil, nil
		return
	}
	if r.places == nil {
		r.places = map[place]int{}
	}
	r.places[p] = len(r.queue)
	r.queue = append(r.queue, change)
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reader) take() (changes []*mostradorv1.WatchResponse, lost bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changes, lost = r.queue, r.lost
	r.queue, r.places, r.lost = nil, nil, false
	return changes, lost
}
