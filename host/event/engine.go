// Package event keeps the store's log of facts and hands them to the plugins, so that each event takes effect
// exactly once.
//
// The log is append-only, one record a fact, written in the transaction of the change that it tells of.
// Every consumer (a plugin process) has a cursor in the same store: the sequence up to which it is done. The
// engine reads what follows, hands it over in batches, gets effects back, and commits the effects of a batch
// and the new cursor in one transaction. Whatever is killed, whenever: either both are on disk or neither.
// While a batch is being committed the next one is already with the plugin, unless the plugin wrote records
// that it might read again.
//
// An event may fail alone (its outcome has a fault, or the Applier cannot apply its effects) or take the
// batch with it (the process crashes, or a deadline passes). A failing event is tried again after a
// back-off, and after Config.Attempts parked: kept aside with its error for a person to retry or discard,
// while the rest go on. A failing batch is tried again once and then split, until the event that is to
// blame stands alone. A consumer that is merely not running (ErrUnavailable) holds nothing against its
// events. Each consumer has its own goroutine and waits only for itself.
//
// A plugin may schedule events for itself; they wait in a bucket ordered by time and enter the log, once,
// when they are due. The records that plugins keep (per customer, or by keys of their own) are here as well,
// since they are written with the cursor.
package event

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// bucketCursor holds how far each consumer has come: name → sequence (big endian).
const bucketCursor store.Bucket = "event_cursor"

var (
	// ErrUnavailable is what Consumer.Deliver returns (or wraps) when the plugin is not running right now:
	// nobody's fault, the batch is delivered again.
	ErrUnavailable = errors.New("event: the plugin is not running")
	// ErrNotAttached is returned for a name that no consumer is attached under.
	ErrNotAttached = fmt.Errorf("%w: not attached", ErrUnavailable)
	// ErrNotParked is returned for an event that is not parked (any more).
	ErrNotParked = errors.New("event: not parked")
	// ErrClosed is returned after Engine.Close.
	ErrClosed = errors.New("event: engine closed")
)

// Consumer is who events are delivered to: a plugin process.
type Consumer interface {
	// Name is the plugin's id; cursor, records and effects go by it.
	Name() string
	// Handles reports whether events of this type are to be delivered. Scheduled events always are, to the
	// plugin that scheduled them. It may be asked while Deliver runs.
	Handles(eventType string) bool
	// Deliver hands over a batch and returns its outcomes, in order. An error means that the batch as a
	// whole failed. It ends when ctx does; calls for one consumer come one at a time.
	Deliver(ctx context.Context, batch *plgv1.Batch) (*plgv1.BatchDone, error)
}

// Applier carries out the effects of an event within the transaction that moves the cursor. An effect's
// identity is (plugin, e.Sequence, index). It returns *Refused for what can never succeed; after another
// error the event is tried again. The engine undoes what it wrote before an error.
type Applier interface {
	Apply(tx *store.Tx, plugin string, e *Record, effects []*plgv1.Effect) error
}

// Refused is an Applier's permanent error: the event is parked at once.
type Refused struct{ Err error }

func (r *Refused) Error() string { return r.Err.Error() }
func (r *Refused) Unwrap() error { return r.Err }

// Config is what an Engine works with. Store, Log and Applier are needed.
type Config struct {
	Store   *store.Store
	Log     *Log
	Applier Applier
	Logger  hclog.Logger
	// State returns the plugin's record of a customer, to travel with the event; nil means GetState.
	State func(tx *store.Tx, plugin, customerID string) (state []byte, found bool)
	// Facts returns, for a plugin that may see what the store has counted of customers, how to count, and nil for any
	// other; a nil Facts is nil for all.
	Facts func(plugin string) func(tx *store.Tx, customerID string) (*plgv1.Facts, error)
	// Customer returns the customer as of now, for scheduled events; nil means that these carry the id only.
	Customer func(tx *store.Tx, id string) (*plgv1.Customer, error)
	// ParkedChanged, when not nil, is told after each change of a plugin's parked events. It must be quick.
	ParkedChanged func(plugin string)
	// BatchEvents and BatchBytes bound a batch (default 1000 and 2 MiB: gRPC refuses messages of 4).
	BatchEvents, BatchBytes int
	// Attempts is how often a failing event is delivered before it is parked (default 4).
	Attempts int
	// DeliverTimeout is how long a consumer may take for one batch (default 30 s).
	DeliverTimeout time.Duration
	// Backoff says how long to wait after the attempt of that number, from 1 (default 100 ms, doubling, up to
	// 30 s).
	Backoff func(attempt int) time.Duration
	// Now is the clock of scheduled events (default time.Now).
	Now func() time.Time
}

// Engine delivers the log to the consumers attached to it.
type Engine struct {
	Config
	ctx    context.Context
	cancel context.CancelFunc
	owned  sync.WaitGroup
	// progress is sent whenever a consumer settled something, for Idle.
	progress  signal
	scheduled signal

	mu      sync.Mutex
	workers map[string]*worker
	closed  bool
}

// NewEngine starts an engine; Close ends it.
func NewEngine(c Config) *Engine {
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.State == nil {
		c.State = GetState
	}
	if c.ParkedChanged == nil {
		c.ParkedChanged = func(string) {}
	}
	if c.Backoff == nil {
		c.Backoff = func(attempt int) time.Duration {
			return min(100*time.Millisecond<<min(attempt-1, 16), 30*time.Second)
		}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.BatchEvents = orDefault(c.BatchEvents, 1000)
	c.BatchBytes = orDefault(c.BatchBytes, 2<<20)
	c.Attempts = orDefault(c.Attempts, 4)
	c.DeliverTimeout = orDefault(c.DeliverTimeout, 30*time.Second)
	e := &Engine{Config: c, workers: make(map[string]*worker)}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.owned.Go(e.runSchedule)
	return e
}

func orDefault[T int | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// Close ends all deliveries and waits for them. What was not committed is delivered again next time.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	e.cancel()
	e.owned.Wait()
}

// Attach begins to deliver to c from its cursor on, which is the beginning of the log for a name that is new
// (see SkipToEnd). It fails when the name is taken.
func (e *Engine) Attach(c Consumer) error {
	w := newWorker(e, c)
	err := e.Store.View(func(tx *store.Tx) error { w.begin(cursor(tx, w.name)); return nil })
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	if e.workers[w.name] != nil {
		return fmt.Errorf("event: %s is attached already", w.name)
	}
	e.workers[w.name] = w
	ctx, cancel := context.WithCancel(e.ctx)
	w.cancel = cancel
	e.owned.Go(func() { defer cancel(); w.run(ctx) })
	return nil
}

// Detach ends the delivery to a consumer and waits until its goroutine has ended. A batch under way is
// abandoned and will be delivered again. Without such a consumer it does nothing.
func (e *Engine) Detach(name string) {
	e.mu.Lock()
	w := e.workers[name]
	delete(e.workers, name)
	e.mu.Unlock()
	if w != nil {
		w.cancel()
		<-w.ended
		e.progress.send()
	}
}

// Wake tells that a consumer is available (again), which cuts short the wait after ErrUnavailable.
func (e *Engine) Wake(name string) {
	if w := e.worker(name); w != nil {
		select {
		case w.nudge <- struct{}{}:
		default:
		}
	}
}

func (e *Engine) worker(name string) *worker {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.workers[name]
}

// Do runs fn while nothing else goes on with this consumer: after the batch under way is committed, and
// before the next. It returns ErrNotAttached, ctx's error (fn has not begun then), or what fn returns.
func (e *Engine) Do(ctx context.Context, name string, fn func() error) error {
	w := e.worker(name)
	if w == nil {
		return ErrNotAttached
	}
	w.waiting.Add(1)
	err := w.take(ctx)
	w.waiting.Add(-1)
	if err != nil {
		return err
	}
	defer w.give()
	return fn()
}

// Pending is how many events a consumer has yet to pass. For one that is not attached it includes those
// that it will not want.
func (e *Engine) Pending(tx *store.Tx, name string) uint64 {
	place := cursor(tx, name)
	if w := e.worker(name); w != nil {
		place = max(place, w.place.Load())
	}
	last := e.Log.Last(tx)
	return last - min(place, last)
}

// SkipToEnd moves a consumer's cursor behind everything there is, so that only what comes later reaches it.
func (e *Engine) SkipToEnd(tx *store.Tx, name string) { setCursor(tx, name, e.Log.Last(tx)) }

// Cursor is the sequence up to which everything is settled for a consumer, on disk.
func (e *Engine) Cursor(tx *store.Tx, name string) uint64 { return cursor(tx, name) }

// Idle returns when all attached consumers are through with the log (parked events are done with) and no
// scheduled event is due.
func (e *Engine) Idle(ctx context.Context) error {
	for {
		progress := e.progress.next()
		// The places first: the log seen after them has all that those batches emitted.
		least := e.leastPlace()
		idle := false
		err := e.Store.View(func(tx *store.Tx) error {
			due, some := nextDue(tx)
			idle = least >= e.Log.Last(tx) && (!some || due.After(e.Now()))
			return nil
		})
		if idle || err != nil {
			return err
		}
		select {
		case <-progress:
		case <-ctx.Done():
			return ctx.Err()
		case <-e.ctx.Done():
			return ErrClosed
		}
	}
}

// leastPlace is how far all consumers have come.
func (e *Engine) leastPlace() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	least := uint64(math.MaxUint64)
	for _, w := range e.workers {
		least = min(least, w.place.Load())
	}
	return least
}

func cursor(tx *store.Tx, name string) uint64 {
	if v := tx.Get(bucketCursor, []byte(name)); len(v) == 8 {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func setCursor(tx *store.Tx, name string, sequence uint64) {
	tx.Put(bucketCursor, []byte(name), sequenceKey(sequence))
}
