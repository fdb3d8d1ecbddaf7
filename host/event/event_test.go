package event_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// rig is a store with its log, and an engine that does not dawdle.
type rig struct {
	testing.TB
	store *store.Store
	log   *event.Log
	*event.Engine
}

func newRig(t testing.TB, change func(*event.Config)) *rig {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	r := &rig{TB: t, store: s, log: event.NewLog(s)}
	r.start(change)
	return r
}

// start begins with a new engine, as after a restart of the host.
func (r *rig) start(change func(*event.Config)) {
	if r.Engine != nil {
		r.Close()
	}
	a := &applier{log: r.log}
	c := event.Config{
		Store: r.store, Log: r.log, Applier: a,
		Backoff: func(int) time.Duration { return time.Millisecond },
	}
	if change != nil {
		change(&c)
	}
	r.Engine = event.NewEngine(c)
	a.engine = r.Engine
	r.Cleanup(r.Close)
}

// append logs n events of a type, in turn for so many customers.
func (r *rig) append(n, customers int, kind string) {
	r.Helper()
	for i := 0; i < n; {
		r.update(func(tx *store.Tx) error {
			for end := min(n, i+1000); i < end; i++ {
				e := &plgv1.Event{Type: kind, Customer: &plgv1.Customer{Id: customer(i % customers)}}
				if err := r.log.Append(tx, e); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func (r *rig) update(fn func(*store.Tx) error) {
	r.Helper()
	if err := r.store.Update(r.Context(), fn); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) view(fn func(*store.Tx)) {
	r.Helper()
	if err := r.store.View(func(tx *store.Tx) error { fn(tx); return nil }); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) attach(c event.Consumer) {
	r.Helper()
	if err := r.Attach(c); err != nil {
		r.Fatal(err)
	}
}

func (r *rig) idle() {
	r.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	if err := r.Idle(ctx); err != nil {
		r.Fatalf("not idle: %v", err)
	}
}

// count is what a counter has counted for a customer.
func (r *rig) count(plugin, customer string) (n int) {
	r.Helper()
	r.view(func(tx *store.Tx) {
		state, _ := event.GetState(tx, plugin, customer)
		n, _ = strconv.Atoi(string(state))
	})
	return n
}

// parked are the sequences that are parked for a plugin, with how often they were tried.
func (r *rig) parked(plugin string) map[uint64]int32 {
	r.Helper()
	found := make(map[uint64]int32)
	r.view(func(tx *store.Tx) {
		all, err := r.Parked(tx)
		if err != nil {
			r.Fatal(err)
		}
		for _, p := range all {
			if p.Plugin == plugin {
				found[p.Event.Sequence] = p.Attempts
				if p.Error == "" || p.Time == nil {
					r.Errorf("event %d is parked without an error or a time", p.Event.Sequence)
				}
			}
		}
		if n := r.ParkedCount(tx, plugin); n != uint64(len(found)) {
			r.Errorf("ParkedCount is %d", n)
		}
	})
	return found
}

func customer(i int) string { return fmt.Sprintf("customer%04d", i) }

// eventually polls until ok.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// counter is a consumer that counts a customer's events in its record of him, in the manner of the SDK: it
// goes on from what an earlier event of the batch has saved.
type counter struct {
	name    string
	handles func(string) bool
	// before, when not nil, may fail a batch as a whole; event may fail one, or add effects.
	before func(ctx context.Context, b *plgv1.Batch) error
	event  func(e *plgv1.Event) ([]*plgv1.Effect, *plgv1.Fault)

	mu       sync.Mutex
	seen     []uint64
	batches  []int
	problems []string
}

func (c *counter) Name() string { return c.name }

func (c *counter) Handles(kind string) bool { return c.handles == nil || c.handles(kind) }

func (c *counter) Deliver(ctx context.Context, b *plgv1.Batch) (*plgv1.BatchDone, error) {
	if c.before != nil {
		if err := c.before(ctx, b); err != nil {
			return nil, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batches = append(c.batches, len(b.Deliveries))
	states := make(map[string]string)
	done := new(plgv1.BatchDone)
	for _, d := range b.Deliveries {
		e := decoded(d)
		c.seen = append(c.seen, e.Sequence)
		id := e.GetCustomer().GetId()
		state, met := states[id]
		if met && d.State != nil {
			c.problems = append(c.problems, fmt.Sprintf("event %d: a second state", e.Sequence))
		}
		if !met {
			state = string(d.State)
		}
		n, _ := strconv.Atoi(state)
		next := strconv.Itoa(n + 1)
		effects := []*plgv1.Effect{{Effect: &plgv1.Effect_SaveState{SaveState: &plgv1.SaveState{State: []byte(next)}}}}
		if c.event != nil {
			more, fault := c.event(e)
			if fault != nil {
				done.Outcomes = append(done.Outcomes, &plgv1.Outcome{Effects: effects, Fault: fault})
				return done, nil
			}
			effects = append(effects, more...)
		}
		states[id] = next
		done.Outcomes = append(done.Outcomes, &plgv1.Outcome{Effects: effects})
	}
	return done, nil
}

func (c *counter) check(t testing.TB) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.problems {
		t.Error(p)
	}
}

// decoded is the event of a delivery.
func decoded(d *plgv1.Delivery) *plgv1.Event {
	e := new(plgv1.Event)
	if err := proto.Unmarshal(d.Event, e); err != nil {
		panic(err)
	}
	return e
}

// applier carries out the effects that the tests use. The tag "refuse" is refused, "stumble" fails so often.
type applier struct {
	log      *event.Log
	engine   *event.Engine
	stumbles atomic.Int32
}

func (a *applier) Apply(tx *store.Tx, plugin string, e *event.Record, effects []*plgv1.Effect) error {
	for _, effect := range effects {
		switch v := effect.Effect.(type) {
		case *plgv1.Effect_SaveState:
			event.PutState(tx, plugin, e.Customer, v.SaveState.State)
		case *plgv1.Effect_Put:
			event.PutKV(tx, plugin, v.Put.Key, v.Put.Value)
		case *plgv1.Effect_Delete:
			event.DeleteKV(tx, plugin, v.Delete)
		case *plgv1.Effect_Schedule:
			if err := a.engine.Schedule(tx, plugin, v.Schedule, 0); err != nil {
				return err
			}
		case *plgv1.Effect_Emit:
			err := a.log.Append(tx, &plgv1.Event{Type: v.Emit.Type, Customer: &plgv1.Customer{Id: v.Emit.CustomerId}})
			if err != nil {
				return err
			}
		case *plgv1.Effect_AddTag:
			switch {
			case v.AddTag == "refuse":
				return fmt.Errorf("tag: %w", &event.Refused{Err: errors.New("no such tag")})
			case v.AddTag == "panic":
				panic("applier")
			case v.AddTag == "stumble" && a.stumbles.Add(-1) >= 0:
				return errors.New("not now")
			}
		}
	}
	return nil
}

func tag(name string) []*plgv1.Effect {
	return []*plgv1.Effect{{Effect: &plgv1.Effect_AddTag{AddTag: name}}}
}

func TestEveryEventTakesEffectOnceAndInOrder(t *testing.T) {
	r := newRig(t, func(c *event.Config) { c.BatchEvents = 100 })
	c := &counter{name: "PLG1"}
	r.append(1500, 7, "sale.completed")
	r.attach(c)
	r.append(1500, 7, "sale.completed")
	r.idle()
	total := 0
	for i := range 7 {
		total += r.count("PLG1", customer(i))
	}
	if total != 3000 {
		t.Errorf("%d effects", total)
	}
	c.check(t)
	for i, s := range c.seen {
		if s != uint64(i+1) {
			t.Fatalf("delivery %d was event %d", i, s)
		}
	}
	for _, n := range c.batches {
		if n > 100 {
			t.Errorf("a batch of %d", n)
		}
	}
	r.view(func(tx *store.Tx) {
		if n := r.Pending(tx, "PLG1"); n != 0 {
			t.Errorf("%d pending", n)
		}
	})
}

func TestCursorOutlivesTheEngine(t *testing.T) {
	r := newRig(t, nil)
	c := &counter{name: "PLG1"}
	r.attach(c)
	r.append(10, 1, "a")
	r.idle()
	r.start(nil)
	r.append(5, 1, "a")
	r.attach(c)
	r.idle()
	if n := r.count("PLG1", customer(0)); n != 15 || len(c.seen) != 15 {
		t.Errorf("%d effects, %d deliveries", n, len(c.seen))
	}
}

func TestEventsThatAreNotHandledCostNoCommit(t *testing.T) {
	r := newRig(t, nil)
	c := &counter{name: "PLG1", handles: func(kind string) bool { return kind == "wanted" }}
	r.attach(c)
	r.append(4000, 10, "other")
	r.idle()
	stored := func() (n uint64) {
		r.view(func(tx *store.Tx) {
			if n = r.Pending(tx, "PLG1"); r.log.Last(tx)-n > r.log.Last(tx) {
				t.Error("more pending than there is")
			}
			if v := tx.Get("event_cursor", []byte("PLG1")); v != nil {
				n = 1
			}
		})
		return n
	}
	if stored() != 0 {
		t.Error("skipped events wait, or had the cursor written")
	}
	r.append(1, 1, "wanted")
	r.idle()
	if len(c.seen) != 1 || c.seen[0] != 4001 {
		t.Errorf("delivered: %v", c.seen)
	}
	if stored() == 0 {
		t.Error("the cursor went along with no batch")
	}
	r.append(100, 10, "other")
	r.idle()
	r.Detach("PLG1")
	r.view(func(tx *store.Tx) {
		if n := r.Pending(tx, "PLG1"); n != 0 {
			t.Errorf("detached with %d pending", n)
		}
	})
}

func TestBatchesStayBelowTheByteLimit(t *testing.T) {
	r := newRig(t, func(c *event.Config) { c.BatchBytes = 64 << 10 })
	largest := 0
	c := &counter{name: "PLG1", before: func(_ context.Context, b *plgv1.Batch) error {
		size := 0
		for _, d := range b.Deliveries {
			size += len(decoded(d).Customer.Name) + len(d.State)
		}
		if len(b.Deliveries) > 1 {
			largest = max(largest, size)
		}
		return nil
	}}
	r.update(func(tx *store.Tx) error {
		for i := range 200 {
			event.PutState(tx, "PLG1", customer(i), make([]byte, 5000))
			size := 1000
			if i == 100 {
				size = 200 << 10 // alone more than a batch may have
			}
			e := &plgv1.Event{Type: "a", Customer: &plgv1.Customer{Id: customer(i), Name: string(make([]byte, size))}}
			if err := r.log.Append(tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	r.attach(c)
	r.idle()
	if largest == 0 || largest > 64<<10 {
		t.Errorf("the largest batch had %d bytes", largest)
	}
	if len(c.seen) != 200 {
		t.Errorf("%d deliveries", len(c.seen))
	}
}

func TestSlowConsumerDelaysNoOther(t *testing.T) {
	r := newRig(t, nil)
	hold := make(chan struct{})
	slow := &counter{name: "SLOW", before: func(ctx context.Context, _ *plgv1.Batch) error {
		select {
		case <-hold:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}
	quick := &counter{name: "QUICK"}
	r.attach(slow)
	r.attach(quick)
	r.append(100, 1, "a")
	eventually(t, "the quick one is through", func() bool { return r.count("QUICK", customer(0)) == 100 })
	if n := r.count("SLOW", customer(0)); n != 0 {
		t.Errorf("the slow one has done %d", n)
	}
	close(hold)
	r.idle()
	if n := r.count("SLOW", customer(0)); n != 100 {
		t.Errorf("the slow one has done %d", n)
	}
}

func TestEmittedEventsAreDeliveredBeforeIdle(t *testing.T) {
	r := newRig(t, nil)
	c := &counter{name: "PLG1", event: func(e *plgv1.Event) ([]*plgv1.Effect, *plgv1.Fault) {
		if e.Type != "plg1.step" && e.Type != "a" || e.Sequence > 5 {
			return nil, nil
		}
		return []*plgv1.Effect{{Effect: &plgv1.Effect_Emit{Emit: &plgv1.Emit{Type: "plg1.step", CustomerId: customer(0)}}}}, nil
	}}
	r.attach(c)
	r.append(1, 1, "a")
	r.idle()
	if n := r.count("PLG1", customer(0)); n != 6 {
		t.Errorf("%d events", n)
	}
}

func TestDoRunsBetweenBatches(t *testing.T) {
	r := newRig(t, func(c *event.Config) { c.BatchEvents = 10 })
	var busy atomic.Int32
	enter := func() {
		if busy.Add(1) != 1 {
			t.Error("two things at once")
		}
	}
	c := &counter{name: "PLG1", before: func(context.Context, *plgv1.Batch) error {
		enter()
		time.Sleep(100 * time.Microsecond) // gives the other side its chance to be wrong
		busy.Add(-1)
		return nil
	}}
	r.attach(c)
	r.append(3000, 1, "a")
	for range 50 {
		err := r.Do(t.Context(), "PLG1", func() error {
			enter()
			defer busy.Add(-1)
			// All that was delivered is committed: the record agrees with the deliveries.
			c.mu.Lock()
			defer c.mu.Unlock()
			if n := r.count("PLG1", customer(0)); n != len(c.seen) {
				t.Errorf("an action began with %d of %d deliveries committed", n, len(c.seen))
			}
			// An action writes the record too, and the next batch goes on from it.
			return r.store.Update(t.Context(), func(tx *store.Tx) error {
				event.PutState(tx, "PLG1", customer(0), []byte(strconv.Itoa(len(c.seen))))
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r.idle()
	if n := r.count("PLG1", customer(0)); n != 3000 {
		t.Errorf("%d effects", n)
	}
	if err := r.Do(t.Context(), "PLG1", func() error { return errors.ErrUnsupported }); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Do lost the error: %v", err)
	}
	if err := r.Do(t.Context(), "NONE", func() error { return nil }); !errors.Is(err, event.ErrUnavailable) {
		t.Errorf("Do for nobody: %v", err)
	}
}

func TestSkipToEndLeavesHistoryOut(t *testing.T) {
	r := newRig(t, nil)
	r.append(100, 1, "a")
	r.update(func(tx *store.Tx) error { r.SkipToEnd(tx, "PLG1"); return nil })
	c := &counter{name: "PLG1"}
	r.attach(c)
	r.append(3, 1, "a")
	r.idle()
	if n := r.count("PLG1", customer(0)); n != 3 {
		t.Errorf("%d effects", n)
	}
}

func TestSkipToEndHoldsAgainstABatchUnderWay(t *testing.T) {
	r := newRig(t, nil)
	r.append(10, 1, "a")
	delivering, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	c := &counter{name: "PLG1", before: func(context.Context, *plgv1.Batch) error {
		once.Do(func() { close(delivering); <-goOn })
		return nil
	}}
	r.attach(c)
	<-delivering
	r.append(10, 1, "a")
	r.update(func(tx *store.Tx) error { r.SkipToEnd(tx, "PLG1"); return nil })
	close(goOn)
	r.append(2, 1, "a")
	r.idle()
	if n := r.count("PLG1", customer(0)); n != 2 {
		t.Errorf("%d effects", n)
	}
}

func TestAttachAndDetach(t *testing.T) {
	r := newRig(t, nil)
	hanging := make(chan struct{})
	c := &counter{name: "PLG1", before: func(ctx context.Context, _ *plgv1.Batch) error {
		close(hanging)
		<-ctx.Done()
		return ctx.Err()
	}}
	r.attach(c)
	if err := r.Attach(&counter{name: "PLG1"}); err == nil {
		t.Error("attached twice")
	}
	r.append(1, 1, "a")
	<-hanging
	r.Detach("PLG1") // returns although the consumer was at work
	r.Detach("PLG1")
	c = &counter{name: "PLG1"}
	r.attach(c)
	r.idle()
	if n := r.count("PLG1", customer(0)); n != 1 {
		t.Errorf("%d effects", n)
	}
	if p := r.parked("PLG1"); len(p) != 0 {
		t.Errorf("parked: %v", p)
	}
	r.Close()
	if err := r.Attach(&counter{name: "PLG2"}); !errors.Is(err, event.ErrClosed) {
		t.Errorf("attached to a closed engine: %v", err)
	}
}

func TestRecordsOfPluginsAreTheirOwn(t *testing.T) {
	r := newRig(t, nil)
	r.update(func(tx *store.Tx) error {
		for _, plugin := range []string{"PLG1", "PLG10"} {
			for _, k := range []string{"a/1", "a/2", "a/3", "b"} {
				event.PutKV(tx, plugin, k, []byte(plugin))
			}
			event.PutState(tx, plugin, "c", []byte(plugin))
		}
		event.DeleteKV(tx, "PLG1", "a/2")
		event.DeleteState(tx, "PLG10", "c")
		return nil
	})
	r.view(func(tx *store.Tx) {
		list := func(prefix, after string, limit int) (keys string) {
			for _, kv := range event.ScanKV(tx, "PLG1", prefix, after, limit) {
				if string(kv.Value) != "PLG1" {
					t.Errorf("%s is %s's", kv.Key, kv.Value)
				}
				keys += kv.Key + " "
			}
			return keys
		}
		for got, want := range map[string]string{
			list("", "", 0):      "a/1 a/3 b ",
			list("a/", "a/1", 0): "a/3 ",
			list("", "a/1", 1):   "a/3 ",
			list("x", "", 0):     "",
		} {
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		if v, found := event.GetKV(tx, "PLG1", "b"); !found || string(v) != "PLG1" {
			t.Errorf("b: %q", v)
		}
		if _, found := event.GetState(tx, "PLG10", "c"); found {
			t.Error("a deleted record is there")
		}
	})
}
