package event

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	// firstBatch is the size of a consumer's first batch. A batch that took less than quick doubles the next
	// one, one that took more than slow halves it.
	firstBatch = 128
	quick      = 250 * time.Millisecond
	slow       = 2 * time.Second
	// split is into how many parts a failing batch is cut. Each failure may be a crashed process and each
	// success is cheap, hence more than two.
	split = 10
	// longestOutage is how long to wait at most before trying a consumer that was not available again.
	longestOutage = time.Second
	// lazy is after how many events without effects the cursor is written for their sake alone.
	lazy = 5000
)

// worker delivers to one consumer. Its goroutine is run; Do and RetryParked borrow the consumer between
// batches by taking the turn.
type worker struct {
	e      *Engine
	c      Consumer
	name   string
	cancel context.CancelFunc
	ended  chan struct{}
	// turn has one place, held while the consumer is at work or a batch of its is being committed.
	turn chan struct{}
	// waiting counts those who want the turn from the worker's goroutine.
	waiting atomic.Int32
	// nudge says that the consumer is available again.
	nudge chan struct{}
	// place is the sequence up to which all is settled: committed, or of no effect.
	place atomic.Uint64

	// What follows belongs to run.

	// stored is the cursor on disk as far as known; it may lag behind place by events without effects.
	stored uint64
	// size is how many events the next batch may have.
	size int
	// narrow, when not 0, bounds the batch further while the event to blame is sought among the next `among`.
	narrow, among int
	// suspect is the event that failed alone last, and how often.
	suspect  uint64
	attempts int
	// failures counts rounds that came to nothing in a row, crashes the batches that failed as a whole.
	failures, crashes int
}

func newWorker(e *Engine, c Consumer) *worker {
	return &worker{
		e: e, c: c, name: c.Name(), size: min(firstBatch, e.BatchEvents),
		ended: make(chan struct{}), turn: make(chan struct{}, 1), nudge: make(chan struct{}, 1),
	}
}

// begin sets the place from which to deliver, before run.
func (w *worker) begin(cursor uint64) {
	w.stored = cursor
	w.place.Store(cursor)
}

func (w *worker) take(ctx context.Context) error {
	select {
	case w.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-w.ended:
		return ErrNotAttached
	}
}

func (w *worker) give() { <-w.turn }

// run is the worker's goroutine.
func (w *worker) run(ctx context.Context) {
	defer close(w.ended)
	defer w.storePlace()
	for {
		news := w.e.Log.Changed()
		if w.take(ctx) != nil {
			return
		}
		next, pause := w.round(ctx)
		w.give()
		w.e.progress.send()
		if ctx.Err() != nil {
			return
		}
		if next == again {
			continue
		}
		var timeout <-chan time.Time
		if next == later {
			news, timeout = nil, time.After(pause)
		}
		select {
		case <-news:
		case <-timeout:
		case <-w.nudge:
		case <-ctx.Done():
			return
		}
	}
}

// verdict says how a worker goes on after a round.
type verdict int

const (
	again  verdict = iota // at once
	idle                  // when there is news
	later                 // after a pause
	caught                // (within a round) nothing stands in the way
)

// round delivers batch after batch, until the log ends, somebody waits for the turn, or something fails. While
// one batch is delivered, the one before is committed and the one behind is read. All that it began has ended
// when it returns.
func (w *worker) round(ctx context.Context) (verdict, time.Duration) {
	var open *commit // the commit under way
	settle := func() (verdict, time.Duration) {
		c := open
		open = nil
		return w.settle(c)
	}
	var ahead func() (*batch, error) // the batch being read
	defer func() {
		if ahead != nil {
			_, _ = ahead() // of no use now
		}
	}()
	for from := w.place.Load(); ; {
		if ahead == nil {
			ahead = func() (*batch, error) { return w.fetch(from, w.limit()) }
		}
		b, err := ahead()
		ahead = nil
		if err == nil {
			err = w.address(b, open.states())
		}
		if err != nil || len(b.events) == 0 {
			if v, pause := settle(); v != caught {
				return v, pause
			}
			if err != nil {
				return w.stumble("events cannot be read", err)
			}
			if b.upto == from {
				return idle, 0
			}
			from = b.upto
			w.advance(from)
			continue
		}
		if b.more {
			ahead = w.fetchAhead(b.upto, w.limit())
		}
		began := time.Now()
		outcomes, failure := w.deliver(ctx, b)
		took := time.Since(began)
		// Only now is it known whether the batch before was committed, on whose states this one stood.
		if v, pause := settle(); v != caught {
			return v, pause
		}
		if ctx.Err() != nil {
			return again, 0
		}
		p := newPlan(b, outcomes)
		switch {
		case failure == nil:
			w.pace(len(b.events), took)
		case len(b.events) == 1 && !errors.Is(failure, ErrUnavailable):
			p.fault = failure
		default:
			return w.failed(b, failure, took)
		}
		open, from = w.commit(ctx, p), b.upto
		if p.fault != nil || p.readable() || w.waiting.Load() > 0 {
			if v, pause := settle(); v != caught {
				return v, pause
			}
			if w.waiting.Load() > 0 {
				return again, 0
			}
		}
	}
}

// deliver hands a batch over and returns its outcomes: one an event, or fewer and then the last is a fault.
// A panic of an in-process consumer is a failure like a crash.
func (w *worker) deliver(ctx context.Context, b *batch) (outcomes []*plgv1.Outcome, err error) {
	ctx, cancel := context.WithTimeout(ctx, w.e.DeliverTimeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	done, err := w.c.Deliver(ctx, &plgv1.Batch{Deliveries: b.deliveries})
	if err != nil {
		return nil, err
	}
	outcomes = done.GetOutcomes()
	for i, o := range outcomes {
		if o.GetFault() != nil && i < len(b.events) {
			return outcomes[:i+1], nil // what follows was done without this event: it comes again
		}
	}
	if len(outcomes) != len(b.events) {
		return nil, fmt.Errorf("the plugin answered %d events with %d outcomes", len(b.events), len(outcomes))
	}
	return outcomes, nil
}

// deliverOne delivers a single event and returns its effects. The caller has the turn.
func (w *worker) deliverOne(ctx context.Context, e Record) ([]*plgv1.Effect, error) {
	b := &batch{events: []Record{e}}
	if err := w.address(b, nil); err != nil {
		return nil, err
	}
	outcomes, err := w.deliver(ctx, b)
	if err != nil {
		return nil, err
	}
	p := newPlan(b, outcomes)
	if p.fault != nil {
		return nil, p.fault
	}
	return p.effects[0], nil
}

// pace adapts the size of batches to how long they take.
func (w *worker) pace(events int, took time.Duration) {
	switch {
	case took > slow:
		w.size = max(1, min(w.size, events)/2)
	case took < quick && events >= w.size:
		w.size = min(2*w.size, w.e.BatchEvents)
	}
}

// failed decides after a batch of several events that failed as a whole, or a consumer that was not there.
func (w *worker) failed(b *batch, err error, took time.Duration) (verdict, time.Duration) {
	w.failures++
	if errors.Is(err, ErrUnavailable) {
		return later, min(w.e.Backoff(w.failures), longestOutage)
	}
	n := len(b.events)
	w.e.Logger.Warn("a batch failed", "plugin", w.name, "events", n, "first", b.events[0].Sequence, "error", err)
	if w.crashes++; w.crashes > 1 || w.narrow > 0 {
		w.narrow, w.among = max(1, n/split), n
	}
	if took > slow {
		w.size = max(1, n/2) // perhaps it was not a crash but a deadline
	}
	return later, w.e.Backoff(w.crashes)
}

// settle waits for a commit (nil: nothing to wait for) and takes its result over. It returns caught when
// the plan was carried out to its end, so that what stands on it stands.
func (w *worker) settle(c *commit) (verdict, time.Duration) {
	if c == nil {
		return caught, 0
	}
	<-c.done
	if c.err != nil {
		return w.stumble("a batch cannot be committed", c.err)
	}
	if c.stored {
		w.stored = c.settled
	}
	w.advance(c.settled)
	w.e.progress.send()
	if c.passed > 0 {
		w.failures, w.crashes = 0, 0
		if w.among -= c.passed; w.among <= 0 {
			w.narrow, w.among = 0, 0
		}
	}
	switch {
	case c.fault != nil: // the next batch is this event alone
		w.suspect, w.attempts = c.plan.events[c.passed].Sequence, c.attempts
		w.narrow, w.among = 1, 1
		w.e.Logger.Warn("an event failed", "plugin", w.name, "event", w.suspect, "attempt", w.attempts, "error", c.fault)
		return later, w.e.Backoff(w.attempts)
	case c.cut:
		return again, 0
	}
	return caught, 0
}

// advance notes that all up to a sequence is settled, and writes the cursor when it lags too far behind.
func (w *worker) advance(sequence uint64) {
	w.place.Store(sequence)
	if sequence > w.stored+lazy {
		w.storePlace()
	}
}

// storePlace writes the cursor for the sake of events that had no effect. When that fails, they are passed
// over once more next time.
func (w *worker) storePlace() {
	place := w.place.Load()
	if place <= w.stored {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := w.e.Store.Update(ctx, func(tx *store.Tx) error {
		if cursor(tx, w.name) < place {
			setCursor(tx, w.name, place)
		}
		return nil
	})
	if err == nil {
		w.stored = place
	}
}

// stumble is for failures that are neither an event's nor the plugin's: a full disk, a closed store.
func (w *worker) stumble(what string, err error) (verdict, time.Duration) {
	w.failures++
	if !errors.Is(err, context.Canceled) {
		w.e.Logger.Error(what, "plugin", w.name, "error", err)
	}
	return later, w.e.Backoff(w.failures)
}
