package event

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// glance is how many events one read looks at: a read transaction should be short.
const glance = 20000

// batch is a run of events for a consumer.
type batch struct {
	// from is the sequence that the batch begins after, upto the one that it covers: its last event and those
	// behind it that the consumer does not handle.
	from, upto uint64
	events     []Record
	deliveries []*plgv1.Delivery
	// more tells that the log goes on behind upto.
	more bool
}

// limit is how many events the next batch may have.
func (w *worker) limit() int {
	if w.narrow > 0 {
		return min(w.size, w.narrow)
	}
	return w.size
}

// fetch collects the events of the next batch, without states.
func (w *worker) fetch(from uint64, limit int) (*batch, error) {
	b := &batch{from: from, upto: from, events: make([]Record, 0, limit)}
	handled := map[string]bool{} // by type
	return b, w.e.Store.View(func(tx *store.Tx) error {
		size, seen := 0, 0
		for k, v := range tx.Scan(bucketEvent, nil, sequenceKey(from)) {
			if len(b.events) == limit || seen == glance {
				b.more = true
				break
			}
			seen++
			sequence := binary.BigEndian.Uint64(k)
			kind, customer := head(v)
			wanted, known := handled[string(kind)]
			if !known {
				wanted = w.c.Handles(string(kind))
				handled[string(kind)] = wanted
			}
			if string(kind) == TypeScheduled {
				var err error
				if wanted, err = w.scheduled(sequence, v); err != nil {
					return err
				}
			}
			if wanted {
				if size += len(v); size > w.e.BatchBytes && len(b.events) > 0 {
					b.more = true
					break
				}
				b.events = append(b.events, recordOf(sequence, kind, customer, bytes.Clone(v)))
			}
			b.upto = sequence
		}
		return nil
	})
}

// scheduled tells whether the consumer itself had scheduled this event.
func (w *worker) scheduled(sequence uint64, data []byte) (bool, error) {
	e, err := (&Record{Sequence: sequence, data: data}).Event()
	return e.GetScheduled().GetPlugin() == w.name, err
}

// fetchAhead fetches in the background. The function that it returns waits for the result, and must be called.
func (w *worker) fetchAhead(from uint64, limit int) func() (*batch, error) {
	var b *batch
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		b, err = w.fetch(from, limit)
	}()
	return func() (*batch, error) { <-done; return b, err }
}

// address makes the deliveries of a batch: each customer's first event carries the plugin's record of him,
// which is in written when the commit under way is about to write it. The batch ends early when the records
// make it too large.
func (w *worker) address(b *batch, written map[string][]byte) error {
	met := make(map[string]bool, len(b.events))
	deliveries := make([]plgv1.Delivery, len(b.events))
	b.deliveries = make([]*plgv1.Delivery, 0, len(b.events))
	size := 0
	var count func(*store.Tx, string) (*plgv1.Facts, error)
	if w.e.Facts != nil {
		count = w.e.Facts(w.name)
	}
	facts := map[string]*plgv1.Facts{}
	return w.e.Store.View(func(tx *store.Tx) error {
		for i := range b.events {
			e := &b.events[i]
			var state, other []byte
			if id := e.Customer; id != "" && !met[id] {
				met[id] = true
				state = w.state(tx, id, written)
			}
			if id := e.Other; id != "" && !met[id] { // else the plugin has it from an event before
				other = w.state(tx, id, written)
			}
			if size += len(e.data) + len(state) + len(other); size > w.e.BatchBytes && i > 0 {
				b.events, b.upto, b.more = b.events[:i], b.events[i-1].Sequence, true
				break
			}
			deliveries[i].Event, deliveries[i].State, deliveries[i].OtherState = e.data, state, other
			if count != nil && e.Customer != "" {
				counted, ok := facts[e.Customer]
				if !ok {
					var err error
					if counted, err = count(tx, e.Customer); err != nil {
						return err
					}
					facts[e.Customer] = counted
				}
				deliveries[i].Facts = counted
				size += factsSize
			}
			b.deliveries = append(b.deliveries, &deliveries[i])
		}
		return nil
	})
}

// factsSize is about how many bytes the facts of a customer take in a delivery.
const factsSize = 100

// state is the plugin's record of a customer, nil when there is none.
func (w *worker) state(tx *store.Tx, customerID string, written map[string][]byte) []byte {
	if state, ok := written[customerID]; ok {
		return state
	}
	if state, found := w.e.State(tx, w.name, customerID); found {
		return append([]byte{}, state...)
	}
	return nil
}

// plan is what is to be committed of a batch.
type plan struct {
	*batch
	// effects are those of the events that succeeded, in order.
	effects [][]*plgv1.Effect
	// fault is why the event behind those failed; nil when all succeeded.
	fault error
}

// newPlan sorts out the outcomes of a batch.
func newPlan(b *batch, outcomes []*plgv1.Outcome) *plan {
	p := &plan{batch: b, effects: make([][]*plgv1.Effect, 0, len(outcomes))}
	for _, o := range outcomes {
		if f := o.GetFault(); f != nil {
			p.fault = errors.New(f.Message)
			if f.Panic {
				p.fault = fmt.Errorf("panic: %s", f.Message)
			}
			break
		}
		p.effects = append(p.effects, o.GetEffects())
	}
	return p
}

// readable reports whether the effects write records that the plugin may ask for while it works.
func (p *plan) readable() bool {
	for _, effects := range p.effects {
		for _, effect := range effects {
			switch effect.Effect.(type) {
			case *plgv1.Effect_Put, *plgv1.Effect_Delete:
				return true
			}
		}
	}
	return false
}

// commit is a plan that is being carried out. The fields below done are its result, once that is closed.
type commit struct {
	plan *plan
	done chan struct{}
	// err is the store's failure; then nothing was settled.
	err error
	// settled is the sequence up to which all is settled, passed how many events of the batch that makes.
	settled uint64
	passed  int
	// stored tells that settled is the cursor on disk, cut that the plan was not carried out to its end.
	stored, cut bool
	// fault is why the event behind those failed, which is not parked yet, and attempts how often it has.
	fault    error
	attempts int
}

// states are the plugin's records that the plan writes, by customer.
func (c *commit) states() map[string][]byte {
	if c == nil {
		return nil
	}
	states := make(map[string][]byte, len(c.plan.effects))
	for i, effects := range c.plan.effects {
		for _, effect := range effects {
			if s := effect.GetSaveState(); s != nil {
				states[c.plan.events[i].Customer] = append([]byte{}, s.State...)
			}
		}
	}
	return states
}

// commit carries a plan out: the effects of all its events and the cursor in one transaction, on a goroutine
// of its own, which settle waits for. A batch without effects needs no transaction: delivered again after a
// crash, it has none again.
func (w *worker) commit(ctx context.Context, p *plan) *commit {
	c := &commit{plan: p, done: make(chan struct{})}
	suspect, attempts := w.suspect, w.attempts
	failures := func(e *Record) int {
		if e.Sequence == suspect {
			return attempts + 1
		}
		return 1
	}
	idle := true
	for i, effects := range p.effects {
		idle = idle && len(effects) == 0 && !p.events[i].Erased
	}
	if n := len(p.effects); idle && (p.fault == nil || failures(&p.events[n]) < w.e.Attempts) {
		c.pass(n)
		if p.fault != nil {
			c.fault, c.attempts, c.cut = p.fault, failures(&p.events[n]), true
		}
		close(c.done)
		return c
	}
	go func() {
		defer close(c.done)
		c.err = w.e.Store.Update(ctx, func(tx *store.Tx) error { return w.carryOut(tx, c, failures) })
	}()
	return c
}

// carryOut is the transaction of a commit.
func (w *worker) carryOut(tx *store.Tx, c *commit, failures func(*Record) int) error {
	p := c.plan
	if stored := cursor(tx, w.name); stored > p.from { // SkipToEnd came between
		c.settled, c.stored, c.cut = stored, true, true
		return nil
	}
	done, fault := 0, error(nil)
	for i, effects := range p.effects {
		fault = tx.Try(func() error { return w.e.apply(tx, w.name, &p.events[i], effects) })
		if fault != nil {
			break
		}
		done++
	}
	if fault == nil {
		fault = p.fault
	}
	c.pass(done)
	if fault != nil {
		c.cut = true
		failed := &p.events[done]
		var refused *Refused
		if n := failures(failed); n >= w.e.Attempts || errors.As(fault, &refused) {
			event, err := failed.Event()
			if err != nil {
				return err
			}
			if err := w.e.park(tx, w.name, event, fault, n); err != nil {
				return err
			}
			w.e.Logger.Error("an event is parked", "plugin", w.name, "event", event.Sequence, "error", fault)
			c.pass(done + 1)
		} else {
			c.fault, c.attempts = fault, n
		}
	}
	if c.settled > p.from {
		setCursor(tx, w.name, c.settled)
		c.stored = true
	}
	return nil
}

// apply carries out the effects of an event. The last that a plugin sees of who was erased is the event that says so.
func (e *Engine) apply(tx *store.Tx, plugin string, r *Record, effects []*plgv1.Effect) error {
	if err := e.Applier.Apply(tx, plugin, r, effects); err != nil {
		return err
	}
	if r.Erased {
		DeleteState(tx, plugin, r.Customer)
	}
	return nil
}

// pass notes that the first n events of the batch are done with.
func (c *commit) pass(n int) {
	c.passed = n
	switch b := c.plan.batch; n {
	case 0:
		c.settled = b.from
	case len(b.events):
		c.settled = b.upto
	default:
		c.settled = b.events[n-1].Sequence
	}
}
