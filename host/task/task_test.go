package task_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

const (
	waiting   = mostradorv1.TaskState_TASK_STATE_WAITING
	running   = mostradorv1.TaskState_TASK_STATE_RUNNING
	paused    = mostradorv1.TaskState_TASK_STATE_PAUSED
	done      = mostradorv1.TaskState_TASK_STATE_DONE
	cancelled = mostradorv1.TaskState_TASK_STATE_CANCELLED
	failed    = mostradorv1.TaskState_TASK_STATE_FAILED
	undone    = mostradorv1.TaskState_TASK_STATE_UNDONE
)

// bucketFlag holds what the test's kind writes: a number → 1, once it is set.
const bucketFlag store.Bucket = "flag"

// setter sets the numbers from 1 to the task's data, one a step, and keeps those that it changed for the undo.
type setter struct {
	// each is called before each step; a test holds or breaks the work here.
	each func(ctx context.Context, n uint64) error
	mu   sync.Mutex
	ends []string
}

func key(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func (k *setter) Run(ctx context.Context, t *task.Task) error {
	var most wrapperspb.UInt64Value
	if err := t.Data(&most); err != nil {
		return err
	}
	at := uint64(0)
	if c := t.Cursor(); c != nil {
		at = binary.BigEndian.Uint64(c)
	}
	for at < most.Value {
		at++
		if err := k.before(ctx, at); err != nil {
			return err
		}
		err := t.Step(ctx, func(tx *store.Tx) error {
			changed := t.Changed()
			if tx.Get(bucketFlag, key(at)) == nil {
				changed++
				tx.Put(bucketFlag, key(at), []byte{1})
				t.KeepUndo(tx, key(at), []byte{1})
			}
			return t.Save(tx, key(at), t.Done()+1, changed)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *setter) before(ctx context.Context, n uint64) error {
	if k.each == nil {
		return nil
	}
	return k.each(ctx, n)
}

func (k *setter) Undo(ctx context.Context, undone *mostradorv1.Task, t *task.Task) error {
	for more := true; more; {
		if err := k.before(ctx, t.Done()); err != nil {
			return err
		}
		err := t.Step(ctx, func(tx *store.Tx) error {
			more = false
			for row := range task.Undos(tx, undone.Id, nil, nil) {
				tx.Delete(bucketFlag, row)
				task.PutUndo(tx, undone.Id, row, nil)
				more = true
				return t.Save(tx, nil, t.Done()+1, t.Changed()+1)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *setter) End(_ *store.Tx, t *mostradorv1.Task) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ends = append(k.ends, fmt.Sprint(t.Id, " ", t.Kind, " ", t.State, " ", t.Changed))
	return nil
}

// world is a store with tasks.
type world struct {
	*testing.T
	path  string
	store *store.Store
	log   *event.Log
	tasks *task.Service
	kind  *setter
	now   func() time.Time
	told  chan uint64
	end   func()
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, path: filepath.Join(t.TempDir(), "store.db"), kind: &setter{}}
	w.open()
	return w
}

// open opens the store; the tasks run with run.
func (w *world) open() {
	w.Helper()
	st, err := store.Open(w.path, store.Options{NoSync: true})
	if err != nil {
		w.Fatal(err)
	}
	w.store, w.log = st, event.NewLog(st)
	w.tasks = task.New(task.Config{Store: st, Log: w.log, Text: locale.New(), Now: w.now, Changed: func(id uint64) {
		if w.told != nil {
			w.told <- id
		}
	}})
	w.tasks.Register("set", w.kind)
	w.end = func() { _ = st.Close() }
	w.Cleanup(func() { w.end() })
}

// run has the tasks run until the test ends or close is called.
func (w *world) run() {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	tasks, st := w.tasks, w.store
	go func() { ended <- tasks.Run(ctx) }()
	w.end = func() {
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			w.Errorf("Run ended with %v", err)
		}
		if err := st.Close(); err != nil {
			w.Error(err)
		}
		w.end = func() {}
	}
}

func (w *world) start(kind string, most uint64) uint64 {
	w.Helper()
	var t *mostradorv1.Task
	w.update(func(tx *store.Tx) (err error) {
		t, err = w.tasks.Start(tx, &plgv1.Actor{Operator: "Ana"}, kind, "task.stuck", map[string]string{"n": fmt.Sprint(most)}, wrapperspb.UInt64(most), most)
		return err
	})
	return t.Id
}

func (w *world) update(fn func(tx *store.Tx) error) {
	w.Helper()
	if err := w.store.Update(w.Context(), fn); err != nil {
		w.Fatal(err)
	}
}

func (w *world) get(id uint64) (t *mostradorv1.Task) {
	w.Helper()
	err := w.store.View(func(tx *store.Tx) (err error) { t, err = w.tasks.Get(tx, id); return err })
	if err != nil {
		w.Fatal(err)
	}
	return t
}

// await waits until the task is in a state.
func (w *world) await(id uint64, state mostradorv1.TaskState) *mostradorv1.Task {
	w.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(2 * time.Millisecond) {
		if t := w.get(id); t.State == state {
			return t
		}
	}
	w.Fatalf("task %d is not %s but %v", id, state, w.get(id))
	return nil
}

// flags are the numbers that are set.
func (w *world) flags() (set []uint64) {
	w.Helper()
	err := w.store.View(func(tx *store.Tx) error {
		for k := range tx.Scan(bucketFlag, nil, nil) {
			set = append(set, binary.BigEndian.Uint64(k))
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return set
}

func upTo(n uint64) (list []uint64) {
	for i := uint64(1); i <= n; i++ {
		list = append(list, i)
	}
	return list
}

// gate lets steps pass one by one.
type gate struct{ ask, pass chan uint64 }

func newGate() *gate { return &gate{make(chan uint64), make(chan uint64)} }

func (g *gate) each(ctx context.Context, n uint64) error {
	select {
	case g.ask <- n:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-g.pass:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// let lets n steps pass and returns when the next one asks.
func (g *gate) let(n int) {
	for range n {
		g.pass <- 0
		<-g.ask
	}
}

func TestATaskDoesItsWorkAndSaysSo(t *testing.T) {
	w := newWorld(t)
	w.update(func(tx *store.Tx) error { tx.Put(bucketFlag, key(3), []byte{1}); return nil })
	w.run()
	id := w.start("set", 10)
	r := w.await(id, done)
	if r.Done != 10 || r.Changed != 9 || !r.Undoable || r.Ended == nil || r.Attempts != 0 {
		t.Errorf("the task ended as %v", r)
	}
	if got := w.flags(); !slices.Equal(got, upTo(10)) {
		t.Errorf("set %v", got)
	}
	var events []string
	_ = w.store.View(func(tx *store.Tx) error {
		list, err := w.log.Read(tx, 0, 0)
		for _, e := range list {
			f := e.GetCustom().GetFields()
			events = append(events, fmt.Sprint(e.Type, " ", e.Actor.GetOperator(), " ", f["task"].GetNumberValue(), " ", f["changed"].GetNumberValue(), " ", f["state"].GetStringValue()))
		}
		return err
	})
	if want := []string{"task.started Ana 1 0 waiting", "task.ended Ana 1 9 done"}; !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
	if want := []string{"1 set TASK_STATE_DONE 9"}; !slices.Equal(w.kind.ends, want) {
		t.Errorf("ends %q, want %q", w.kind.ends, want)
	}
}

func TestATaskGoesOnWhereTheProgramEnded(t *testing.T) {
	w := newWorld(t)
	g := newGate()
	w.kind.each = g.each
	w.run()
	id := w.start("set", 10)
	<-g.ask
	g.let(4)
	w.end()

	var first uint64
	w.kind.each = func(_ context.Context, n uint64) error {
		if first == 0 {
			first = n
		}
		return nil
	}
	w.open()
	if r := w.get(id); r.State != running || r.Done != 4 {
		t.Fatalf("after the program ended the task is %v", r)
	}
	w.run()
	if r := w.await(id, done); r.Done != 10 || r.Changed != 10 {
		t.Errorf("the task ended as %v", r)
	}
	if first != 5 {
		t.Errorf("it went on with %d, want 5", first)
	}
}

func TestAPausedTaskStandsStillUntilItIsResumed(t *testing.T) {
	w := newWorld(t)
	g := newGate()
	w.kind.each = g.each
	w.run()
	id := w.start("set", 6)
	<-g.ask
	g.let(2)
	if err := w.tasks.Pause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	next := w.start("set", 1)
	if n := <-g.ask; n != 1 {
		t.Fatalf("while one is paused the next one should begin, but %d asks", n)
	}
	g.pass <- 0
	w.await(next, done)
	if r := w.get(id); r.State != paused || r.Done != 2 {
		t.Errorf("paused, the task is %v", r)
	}
	w.kind.each = nil
	if err := w.tasks.Resume(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if r := w.await(id, done); r.Done != 6 || r.Changed != 6 {
		t.Errorf("the task ended as %v", r)
	}
	if err := w.tasks.Pause(t.Context(), id); !errors.Is(err, task.ErrState) {
		t.Errorf("pausing an ended task: %v", err)
	}
	if err := w.tasks.Resume(t.Context(), 99); !errors.Is(err, task.ErrNotFound) {
		t.Errorf("resuming nothing: %v", err)
	}
}

func TestCancelKeepsWhatIsDoneAndUndoTakesExactlyThatBack(t *testing.T) {
	w := newWorld(t)
	w.update(func(tx *store.Tx) error { tx.Put(bucketFlag, key(2), []byte{1}); return nil })
	g := newGate()
	w.kind.each = g.each
	w.run()
	id := w.start("set", 10)
	<-g.ask
	g.let(4)
	if err := w.tasks.Cancel(t.Context(), &plgv1.Actor{Operator: "Eva"}, id); err != nil {
		t.Fatal(err)
	}
	r := w.get(id)
	if r.State != cancelled || r.Done != 4 || r.Changed != 3 || !r.Undoable {
		t.Fatalf("cancelled, the task is %v", r)
	}
	if got := w.flags(); !slices.Equal(got, upTo(4)) {
		t.Fatalf("set %v", got)
	}

	// An undo that is cancelled half way leaves the rest to another one.
	undo, err := w.tasks.Undo(t.Context(), &plgv1.Actor{Operator: "Eva"}, id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.tasks.Undo(t.Context(), nil, id); !errors.Is(err, task.ErrState) {
		t.Errorf("two undos at once: %v", err)
	}
	<-g.ask
	g.let(1)
	if err := w.tasks.Cancel(t.Context(), &plgv1.Actor{Operator: "Eva"}, undo.Id); err != nil {
		t.Fatal(err)
	}
	if r := w.get(id); r.State != cancelled || r.UndoneBy != 0 || !r.Undoable {
		t.Errorf("half undone, the task is %v", r)
	}
	w.kind.each = nil
	undo, err = w.tasks.Undo(t.Context(), &plgv1.Actor{Operator: "Eva"}, id)
	if err != nil {
		t.Fatal(err)
	}
	if r := w.await(undo.Id, done); r.Changed != 2 || r.Undoes != id {
		t.Errorf("the undo ended as %v", r)
	}
	if r := w.get(id); r.State != undone || r.UndoneBy != undo.Id || r.Undoable {
		t.Errorf("undone, the task is %v", r)
	}
	if got := w.flags(); !slices.Equal(got, []uint64{2}) {
		t.Errorf("after the undo %v are set, want 2 alone", got)
	}
	if _, err := w.tasks.Undo(t.Context(), nil, id); !errors.Is(err, task.ErrState) {
		t.Errorf("undone twice: %v", err)
	}
	if want := 3; len(w.kind.ends) != want {
		t.Errorf("ends %q, want %d", w.kind.ends, want)
	}
}

// TestAStepAfterACancelLeavesNothing has a step under way while the task is cancelled: it must fail whole.
func TestAStepAfterACancelLeavesNothing(t *testing.T) {
	w := newWorld(t)
	inStep, goOn := make(chan uint64), make(chan struct{})
	w.kind.each = func(_ context.Context, n uint64) error { // deaf to ctx
		if n == 3 {
			inStep <- n
			<-goOn
		}
		return nil
	}
	w.run()
	id := w.start("set", 5)
	<-inStep
	if err := w.tasks.Cancel(t.Context(), &plgv1.Actor{Operator: "Eva"}, id); err != nil {
		t.Fatal(err)
	}
	close(goOn)
	w.kind.each = nil
	w.await(w.start("set", 1), done) // the same lane: the cancelled one has left it
	if got := w.flags(); !slices.Equal(got, upTo(2)) {
		t.Errorf("set %v, want 1 and 2", got)
	}
	if r := w.get(id); r.State != cancelled || r.Done != 2 {
		t.Errorf("the task is %v", r)
	}
}

func TestTasksOfOneKindWaitForEachOther(t *testing.T) {
	w := newWorld(t)
	other := &setter{}
	w.tasks.Register("other", other)
	third := &setter{}
	w.tasks.Register("third", third)
	g, h := newGate(), newGate()
	w.kind.each, other.each = g.each, h.each
	w.run()
	first, second := w.start("set", 1), w.start("set", 1)
	beside, late := w.start("other", 1), w.start("third", 1)
	<-g.ask
	<-h.ask
	for _, c := range []struct {
		id    uint64
		state mostradorv1.TaskState
	}{{first, running}, {second, waiting}, {beside, running}, {late, waiting}} {
		if r := w.get(c.id); r.State != c.state {
			t.Errorf("task %d is %s, want %s", c.id, r.State, c.state)
		}
	}
	g.pass <- 0
	w.await(first, done)
	<-g.ask // the second
	h.pass <- 0
	w.await(late, done)
	g.pass <- 0
	w.await(second, done)
}

func TestAPanicFailsTheTaskInWords(t *testing.T) {
	for _, c := range []struct {
		name   string
		each   func(context.Context, uint64) error
		es, en string
	}{
		{"panic", func(context.Context, uint64) error { panic("gone") }, "gone", "gone"},
		{"error", func(context.Context, uint64) error { return errors.New("disk full") }, "disk full", "disk full"},
		{"words", func(context.Context, uint64) error { return task.Fail(nil, "task.unknown") }, "no sabe", "cannot do"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.kind.each = func(ctx context.Context, n uint64) error {
				if n == 3 {
					return c.each(ctx, n)
				}
				return nil
			}
			w.run()
			id := w.start("set", 5)
			r := w.await(id, failed)
			if r.Done != 2 || !r.Undoable {
				t.Errorf("the task is %v", r)
			}
			for lang, want := range map[string]string{"es": c.es, "en": c.en} {
				if got := w.tasks.Show(lang, r).Error; !strings.Contains(got, want) {
					t.Errorf("%s: %q does not say %q", lang, got, want)
				}
			}
			w.kind.each = nil
			w.await(w.start("set", 3), done) // the lane is free
		})
	}
}

func TestATaskThatEndsTheProgramIsNotBegunForEver(t *testing.T) {
	w := newWorld(t)
	var id uint64
	for range 5 {
		g := newGate()
		w.kind.each = g.each
		w.run()
		if id == 0 {
			id = w.start("set", 5)
		}
		<-g.ask
		w.end()
		w.open()
	}
	w.run()
	r := w.await(id, failed)
	if got := w.tasks.Show("es", r).Error; !strings.Contains(got, "5 veces") {
		t.Errorf("it failed with %q", got)
	}
}

func TestAKindThatIsNotThereAnyMore(t *testing.T) {
	w := newWorld(t)
	w.tasks.Register("gone", &setter{})
	id := w.start("gone", 1)
	w.end()
	w.open()
	w.run()
	if r := w.await(id, failed); r.ErrorKey != "task.unknown" {
		t.Errorf("the task is %v", r)
	}
	err := w.store.Update(t.Context(), func(tx *store.Tx) error {
		_, err := w.tasks.Start(tx, nil, "gone", "", nil, nil, 0)
		return err
	})
	if !errors.Is(err, task.ErrKind) {
		t.Errorf("starting it: %v", err)
	}
}
