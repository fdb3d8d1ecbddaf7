package segment

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/customer/set"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

var clerk = &plgv1.Actor{Operator: "Eva", Till: "1", Channel: "gui"}

// world is a store with customers, tasks and segments, and a clock that stands still.
type world struct {
	t         testing.TB
	path      string
	store     *store.Store
	log       *event.Log
	customers *customer.Service
	tasks     *task.Service
	segments  *Service
	model     *fakeModel
	mu        sync.Mutex
	now       time.Time
	stop      func()
	people    int
	// byNumber has told name customers by their numbers.
	byNumber bool
}

type fakeModel struct {
	mu     sync.Mutex
	fields []*mostradorv1.Field
}

func (m *fakeModel) List(string, bool) []*mostradorv1.Field {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.fields)
}

func newWorld(t testing.TB) *world {
	w := &world{
		t: t, path: filepath.Join(t.TempDir(), "store.db"), model: &fakeModel{fields: someFields()},
		now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
	}
	w.open()
	t.Cleanup(func() { w.close() })
	return w
}

func (w *world) open() {
	var err error
	fail := func(err error) {
		if err != nil {
			w.t.Helper()
			w.t.Fatal(err)
		}
	}
	w.store, err = store.Open(w.path, store.Options{NoSync: true})
	fail(err)
	w.log = event.NewLog(w.store)
	w.customers, err = customer.New(customer.Config{Store: w.store, Log: w.log, Now: w.clock})
	fail(err)
	w.tasks = task.New(task.Config{Store: w.store, Log: w.log, Text: locale.New(), Now: w.clock})
	w.segments, err = New(Config{
		Store: w.store, Log: w.log, Customers: w.customers, Tasks: w.tasks, Model: w.model,
		Measures: func() []manifest.Measure { return someMeasures() },
		Zone:     func() *time.Location { return time.UTC }, Now: w.clock,
	})
	fail(err)
	ctx, cancel := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { _ = w.tasks.Run(ctx) })
	w.stop = func() { cancel(); work.Wait() }
}

func (w *world) close() {
	if w.store != nil {
		w.stop()
		if err := w.store.Close(); err != nil {
			w.t.Error(err)
		}
		w.store = nil
	}
}

func (w *world) reopen() { w.close(); w.open() }

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) register(c *plgv1.Customer) *plgv1.Customer {
	w.t.Helper()
	if w.people++; c.Email == "" {
		c.Email = fmt.Sprintf("p%d@example.com", w.people)
	}
	kept, err := w.customers.Register(context.Background(), clerk, c, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return kept
}

func (w *world) update(fn func(tx *store.Tx) error) {
	w.t.Helper()
	if err := w.store.Update(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// put keeps a segment and waits until its members are worked out.
func (w *world) put(d *mostradorv1.Segment) *mostradorv1.Segment {
	w.t.Helper()
	kept, _, err := w.segments.Put(context.Background(), clerk, d)
	if err != nil {
		w.t.Fatal(err)
	}
	w.settle()
	return kept
}

func (w *world) cel(name, expression string) *mostradorv1.Segment {
	w.t.Helper()
	return w.put(&mostradorv1.Segment{Name: name, Expression: expression})
}

// settle waits until no task is under way.
func (w *world) settle() {
	w.t.Helper()
	w.await(func() bool {
		var active []*mostradorv1.Task
		if err := w.store.View(func(tx *store.Tx) (err error) {
			active, err = w.tasks.List(tx, task.Query{Active: true})
			return err
		}); err != nil {
			w.t.Fatal(err)
		}
		return len(active) == 0
	})
}

func (w *world) await(done func() bool) {
	w.t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			w.t.Fatal("it does not happen")
		}
	}
}

func (w *world) members(id uint32) []uint32 { return w.segments.Members(id).ToArray() }

// sets are the members by the rows on disk.
func (w *world) onDisk(id uint32) []uint32 {
	var list []uint32
	if err := w.store.View(func(tx *store.Tx) error {
		for block := range w.customers.LastNumber(tx)/set.BlockSize + 1 {
			b, err := w.customers.Sets().Block(tx, set.Segment(id), block)
			if err != nil {
				return err
			}
			list = append(list, b.Numbers(block)...)
		}
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return list
}

// told lists the joinings and leavings since an event: "+Name 3" and "-Name 3".
func (w *world) told(after uint64) (list []string, last uint64) {
	w.t.Helper()
	if err := w.store.View(func(tx *store.Tx) error {
		events, err := w.log.Read(tx, after, 0)
		for _, e := range events {
			last = e.Sequence
			name := e.GetCustomer().GetName()
			if w.byNumber {
				name = strconv.FormatUint(e.GetCustomer().GetNumber(), 10)
			}
			switch e.Type {
			case "segment.joined":
				list = append(list, "+"+e.GetSegmentJoined().GetName()+" "+name)
			case "segment.left":
				list = append(list, "-"+e.GetSegmentLeft().GetName()+" "+name)
			}
		}
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return list, max(last, after)
}

func (w *world) last() uint64 {
	_, last := w.told(0)
	return last
}

// whole evaluates a segment for everybody from scratch.
func (w *world) whole(id uint32) []uint32 {
	w.t.Helper()
	e := w.segments.graph().byID[id]
	if e == nil || e.test == nil {
		w.t.Fatalf("segment %d cannot be evaluated", id)
	}
	var members []uint32
	if err := w.store.View(func(tx *store.Tx) error {
		today, err := w.segments.today(tx)
		if err != nil {
			return err
		}
		for number := uint32(1); number <= w.customers.LastNumber(tx); number++ {
			c, err := w.customers.ByNumber(tx, number)
			if err != nil {
				continue
			}
			k, err := w.customers.Known(tx, c)
			if err != nil {
				return err
			}
			p := w.segments.person(today)
			p.see(k)
			p.in = func(id set.ID) bool { return slices.Contains(k.Sets, id) }
			p.tagged = func() bool { return hasTag(k.Sets) }
			if e.test(&p) {
				members = append(members, number)
			}
		}
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
	return members
}
