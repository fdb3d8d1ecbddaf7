package tag_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/tag"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

var ana = &plgv1.Actor{Operator: "Ana", Till: "2"}

// world is a store with customers, tasks and tags.
type world struct {
	testing.TB
	path      string
	opt       store.Options
	config    func(*tag.Config)
	store     *store.Store
	log       *event.Log
	customers *customer.Service
	tasks     *task.Service
	tags      *tag.Service
	end       func()
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, path: filepath.Join(t.TempDir(), "store.db"), opt: store.Options{NoSync: true}}
	w.open()
	return w
}

// open opens the store and has its tasks run until close.
func (w *world) open() {
	w.Helper()
	st, err := store.Open(w.path, w.opt)
	if err != nil {
		w.Fatal(err)
	}
	w.store, w.log = st, event.NewLog(st)
	text := locale.New()
	if w.customers, err = customer.New(customer.Config{Store: st, Log: w.log, Text: text}); err != nil {
		w.Fatal(err)
	}
	w.tasks = task.New(task.Config{Store: st, Log: w.log, Text: text})
	c := tag.Config{Store: st, Log: w.log, Customers: w.customers, Tasks: w.tasks, Text: text}
	if w.config != nil {
		w.config(&c)
	}
	if w.tags, err = tag.New(c); err != nil {
		w.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.tasks.Run(ctx) }()
	w.end = func() {
		w.end = func() {}
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			w.Errorf("Run ended with %v", err)
		}
		if err := st.Close(); err != nil {
			w.Error(err)
		}
	}
	w.Cleanup(func() { w.end() })
}

// reopen ends the program and begins it again.
func (w *world) reopen() {
	w.Helper()
	w.end()
	w.open()
}

// admit brings n customers into the store, as an import does.
func (w *world) admit(n uint32) {
	w.Helper()
	const step = 5000
	for n > 0 {
		some := min(n, step)
		n -= some
		w.update(func(tx *store.Tx) error {
			first, err := w.customers.Reserve(tx, some)
			if err != nil {
				return err
			}
			var people []*customer.Newcomer
			for number := first; number < first+some; number++ {
				c := &plgv1.Customer{Name: fmt.Sprint("Cliente ", number), Phone: fmt.Sprintf("+346%08d", number)}
				p, err := w.customers.Prepare(c, number, uuid.New(), time.Now())
				if err != nil {
					return err
				}
				people = append(people, p)
			}
			return w.customers.Admit(tx, ana, people, false)
		})
	}
}

func (w *world) update(fn func(tx *store.Tx) error) {
	w.Helper()
	if err := w.store.Update(context.Background(), fn); err != nil {
		w.Fatal(err)
	}
}

func (w *world) view(fn func(tx *store.Tx) error) {
	w.Helper()
	if err := w.store.View(fn); err != nil {
		w.Fatal(err)
	}
}

// put makes tags.
func (w *world) put(names ...string) (tags []*mostradorv1.Tag) {
	w.Helper()
	for _, name := range names {
		t, err := w.tags.Put(context.Background(), ana, &mostradorv1.Tag{Name: name})
		if err != nil {
			w.Fatal(err)
		}
		tags = append(tags, t)
	}
	return tags
}

// ids are customers' ids by their numbers.
func (w *world) ids(numbers ...uint32) (ids []string) {
	w.Helper()
	w.view(func(tx *store.Tx) error {
		for _, number := range numbers {
			c, err := w.customers.ByNumber(tx, number)
			if err != nil {
				return err
			}
			ids = append(ids, c.Id)
		}
		return nil
	})
	return ids
}

var everybody = &mostradorv1.Selection{All: true}

// apply puts tags on and takes tags off a selection; the task is 0 when it was done at once.
func (w *world) apply(sel *mostradorv1.Selection, add, remove []string) (task, changed uint64) {
	w.Helper()
	begun, changed, err := w.tags.Apply(context.Background(), ana, sel, add, remove)
	if err != nil {
		w.Fatal(err)
	}
	return begun.GetId(), changed
}

func (w *world) get(id uint64) (t *mostradorv1.Task) {
	w.Helper()
	w.view(func(tx *store.Tx) (err error) { t, err = w.tasks.Get(tx, id); return err })
	return t
}

// ended waits until a task has ended.
func (w *world) ended(id uint64) *mostradorv1.Task {
	w.Helper()
	for began := time.Now(); time.Since(began) < 2*time.Minute; time.Sleep(time.Millisecond) {
		if t := w.get(id); task.Ended(t.State) {
			return t
		}
	}
	w.Fatalf("task %d does not end: %v", id, w.get(id))
	return nil
}

// moving waits until a task has done something since it was last looked at.
func (w *world) moving(id uint64) {
	w.Helper()
	first := w.get(id)
	for began := time.Now(); time.Since(began) < 2*time.Minute; time.Sleep(time.Millisecond) {
		if w.get(id).Done > first.Done {
			return
		}
	}
	w.Fatalf("task %d does not move: %v", id, w.get(id))
}

// cancel cancels a task that has done something, but not all.
func (w *world) cancel(id uint64) {
	w.Helper()
	w.moving(id)
	if err := w.tasks.Cancel(context.Background(), ana, id); err != nil {
		w.Fatal(err)
	}
}

// undo takes a task back and waits for that.
func (w *world) undo(id uint64) *mostradorv1.Task {
	w.Helper()
	t, err := w.tasks.Undo(context.Background(), ana, id)
	if err != nil {
		w.Fatal(err)
	}
	return w.ended(t.Id)
}

// members are the numbers of who has a tag: by the records, which must be what the sets in memory say.
func (w *world) members(name string) (numbers []uint32) {
	w.Helper()
	w.view(func(tx *store.Tx) error {
		for number := range w.customers.Records(tx, 0) {
			c, err := w.customers.ByNumber(tx, number)
			if err != nil {
				return err
			}
			if slices.Contains(c.Tags, name) {
				numbers = append(numbers, number)
			}
		}
		if id, known := w.customers.TagID(tx, name); known {
			if in := w.customers.Sets().Members(id).ToArray(); !slices.Equal(in, numbers) && len(in)+len(numbers) > 0 {
				w.Errorf("%s: in memory %d have it, by the records %d", name, len(in), len(numbers))
			}
		}
		return nil
	})
	return numbers
}

// events lists the events of a kind.
func (w *world) events(kinds ...string) (list []*plgv1.Event) {
	w.Helper()
	w.view(func(tx *store.Tx) error {
		all, err := w.log.Read(tx, 0, 0)
		for _, e := range all {
			if slices.Contains(kinds, e.Type) {
				list = append(list, e)
			}
		}
		return err
	})
	return list
}

// refusal is the code with which something was refused, empty when it was not.
func (w *world) refusal(err error) string {
	w.Helper()
	if err == nil {
		return ""
	}
	var refused *customer.Refused
	if !errors.As(err, &refused) {
		w.Fatalf("not refused but %v", err)
	}
	return refused.Refusal.Diagnostics[0].Code
}

func upTo(n uint32) (list []uint32) {
	for i := uint32(1); i <= n; i++ {
		list = append(list, i)
	}
	return list
}
