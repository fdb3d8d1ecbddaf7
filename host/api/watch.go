package api

import (
	"context"
	"sync"

	"mostrador/host/api/mostradorv1"
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

// Close ends every watch. Later readers end at once.
func (h *Hub) Close() { h.once.Do(func() { close(h.closed) }) }

func (h *Hub) publish(change *mostradorv1.WatchResponse) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for r := range h.readers {
		r.add(change)
	}
}

// Watched reports whether anybody watches. Who begins to afterwards reads everything first.
func (h *Hub) Watched() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.readers) > 0
}

// recheck has every watch ask again whether it may go on.
func (h *Hub) recheck() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for r := range h.readers {
		r.mu.Lock()
		r.check = true
		r.mu.Unlock()
		r.poke()
	}
}

// watch calls send for KIND_READY and then for each change until ctx or the hub ends, or send fails. May is
// asked after each recheck; its error ends the watch.
func (h *Hub) watch(ctx context.Context, may func(context.Context) error, send func(*mostradorv1.WatchResponse) error) error {
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
		changes, lost, check := r.take()
		if check {
			if err := may(ctx); err != nil {
				return err
			}
		}
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
	check  bool
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
	r.poke()
}

// poke wakes the reader; one that is awake already will look once more.
func (r *reader) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *reader) take() (changes []*mostradorv1.WatchResponse, lost, check bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	changes, lost, check = r.queue, r.lost, r.check
	r.queue, r.places, r.lost, r.check = nil, nil, false, false
	return changes, lost, check
}
