package task

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

const (
	// together is how many tasks work at once: one long import keeps no small task waiting, and half of a machine of
	// two cores stays with the tills.
	together = 2
	// attempts is how often a task begins anew without one durable step in between.
	attempts = 5
	// While others write, a task rests after a step for restTimes as long as the step took, at most mostRest; others
	// count as busy for busyFor after their last event.
	restTimes = 3
	mostRest  = 100 * time.Millisecond
	busyFor   = 2 * time.Second
	// tellEvery is how often progress of one task is told.
	tellEvery = 200 * time.Millisecond
	// cleanEvery is how often old tasks are looked for.
	cleanEvery = time.Hour
)

// Run runs tasks until ctx ends, and returns when none is at work any more. Those that were under way when the
// program ended, however it ended, go on first.
func (s *Service) Run(ctx context.Context) error {
	if err := s.load(); err != nil {
		return err
	}
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { s.cleaning(ctx) })
	for {
		for {
			id, r, taskCtx := s.next(ctx)
			if r == nil {
				break
			}
			work.Go(func() {
				defer s.release(id, r)
				s.work(taskCtx, id)
			})
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// load finds the tasks that are to run.
func (s *Service) load() error {
	var ids []uint64
	err := s.Store.View(func(tx *store.Tx) error {
		list, err := s.List(tx, Query{Active: true})
		for _, t := range slices.Backward(list) {
			if t.State != paused {
				ids = append(ids, t.Id)
			}
		}
		return err
	})
	for _, id := range ids {
		s.enqueue(id)
	}
	return err
}

// enqueue has a task run when its turn comes.
func (s *Service) enqueue(id uint64) {
	s.mu.Lock()
	if at, there := slices.BinarySearch(s.waiting, id); !there {
		s.waiting = slices.Insert(s.waiting, at, id)
	}
	s.mu.Unlock()
	s.poke()
}

func (s *Service) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// next takes the first task whose lane is free, nil when there is none or enough work already.
func (s *Service) next(ctx context.Context) (uint64, *run, context.Context) {
	s.mu.Lock()
	waiting := slices.Clone(s.waiting)
	s.mu.Unlock()
	for _, id := range waiting {
		lane, err := s.lane(id)
		if err != nil {
			s.Logger.Error("a task cannot be read", "task", id, "error", err)
			lane = ""
		}
		if r, taskCtx := s.take(ctx, id, lane); r != nil {
			return id, r, taskCtx
		}
	}
	return 0, nil, nil
}

func (s *Service) take(ctx context.Context, id uint64, lane string) (*run, context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.running) >= together || s.running[id] != nil {
		return nil, nil
	}
	for _, r := range s.running {
		if r.lane == lane {
			return nil, nil
		}
	}
	taskCtx, stop := context.WithCancel(ctx)
	r := &run{lane: lane, stop: stop}
	s.running[id] = r
	s.waiting = slices.DeleteFunc(s.waiting, func(w uint64) bool { return w == id })
	return r, taskCtx
}

func (s *Service) release(id uint64, r *run) {
	r.stop()
	s.mu.Lock()
	delete(s.running, id)
	delete(s.told, id)
	s.mu.Unlock()
	s.poke()
}

// halt ends the context of a task at work.
func (s *Service) halt(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.running[id]; r != nil {
		r.stop()
	}
}

// lane is the kind whose tasks a task waits for.
func (s *Service) lane(id uint64) (lane string, err error) {
	err = s.Store.View(func(tx *store.Tx) error {
		t, err := s.Get(tx, id)
		if err == nil && t.Kind == KindUndo {
			t, err = s.Get(tx, t.Undoes)
		}
		lane = t.GetKind()
		return err
	})
	return lane, err
}

// work runs one task until it ends or stands still, and writes how it ended.
func (s *Service) work(ctx context.Context, id uint64) {
	t, undoes, err := s.prepare(ctx, id)
	if err == nil && t != nil {
		err = s.do(ctx, t, undoes)
	}
	if t == nil && err == nil || ctx.Err() != nil && err != nil || errors.Is(err, ErrStopped) || errors.Is(err, store.ErrClosed) {
		return // paused or cancelled, which is written already; or the program ends, and the next one goes on
	}
	if err != nil {
		s.Logger.Error("a task failed", "task", id, "error", err)
	}
	// What is done is done, even when the program is about to end.
	ctx = context.WithoutCancel(ctx)
	if endErr := s.finish(ctx, id, err); endErr != nil && !errors.Is(endErr, store.ErrClosed) {
		s.Logger.Error("the end of a task", "task", id, "error", endErr)
		// An end that cannot be told as it should be is a failure, with less to say.
		if err := s.finish(ctx, id, endErr); err != nil {
			s.Logger.Error("a task stands still until the program starts again", "task", id, "error", err)
		}
	}
}

// prepare marks a task as running. It returns nil when the task is not to run any more.
func (s *Service) prepare(ctx context.Context, id uint64) (t *Task, undoes *mostradorv1.Task, err error) {
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		t, undoes = nil, nil
		r, err := s.Get(tx, id)
		if err != nil {
			return err
		}
		if r.State != waiting && r.State != running {
			return nil
		}
		if r.Kind == KindUndo {
			if undoes, err = s.Get(tx, r.Undoes); err != nil {
				return err
			}
		}
		r.State = running
		r.Attempts++
		t = &Task{service: s, record: r}
		return s.put(tx, proto.CloneOf(r))
	})
	if err != nil {
		return nil, nil, err
	}
	if t != nil && t.record.Attempts > attempts {
		err = Fail(nil, "task.stuck", "n", attempts)
	}
	return t, undoes, err
}

// do has the Kind work. A panic of it is an error.
func (s *Service) do(ctx context.Context, t *Task, undoes *mostradorv1.Task) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	if undoes == nil {
		kind := s.kind(t.record.Kind)
		if kind == nil {
			return Fail(ErrKind, "task.unknown")
		}
		return kind.Run(ctx, t)
	}
	undoer, ok := s.kind(undoes.Kind).(Undoer)
	if !ok {
		return Fail(ErrKind, "task.unknown")
	}
	return undoer.Undo(ctx, undoes, t)
}

// finish writes how a task that ran ended: done, or failed with err.
func (s *Service) finish(ctx context.Context, id uint64, err error) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		t, getErr := s.Get(tx, id)
		if getErr != nil {
			return getErr
		}
		if t.State != running {
			return nil // somebody was faster
		}
		if err == nil {
			return s.end(tx, t, done, t.Actor)
		}
		words(t, err)
		return s.end(tx, t, failed, t.Actor)
	})
}

func (t *Task) step(ctx context.Context, fn func(tx *store.Tx) error) error {
	began := time.Now()
	saved := t.record
	var before, after uint64
	err := t.service.Store.Update(ctx, func(tx *store.Tx) error {
		before = t.service.Log.Last(tx)
		t.record = proto.CloneOf(saved) // what a step that fails has saved did not happen
		if err := fn(tx); err != nil {
			return err
		}
		after = t.service.Log.Last(tx)
		return nil
	})
	if err != nil {
		t.record = saved
		return err
	}
	if t.seen != 0 && before > t.seen {
		t.busy = time.Now().Add(busyFor)
	}
	t.seen = after
	return t.rest(ctx, time.Since(began))
}

// rest leaves the machine to the tills, when there is anything that they do.
func (t *Task) rest(ctx context.Context, took time.Duration) error {
	if !time.Now().Before(t.busy) {
		return ctx.Err()
	}
	rest := time.NewTimer(min(restTimes*took, mostRest))
	defer rest.Stop()
	select {
	case <-rest.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// save changes the task's record on disk, unless the task was stopped.
func (t *Task) save(tx *store.Tx, change func(*mostradorv1.Task)) error {
	r, err := t.service.Get(tx, t.record.Id)
	if err != nil {
		return err
	}
	if r.State != running {
		return ErrStopped
	}
	change(r)
	r.Attempts = 0
	if err := store.PutProto(tx, bucketTask, taskKey(r.Id), r); err != nil {
		return err
	}
	t.record = r
	tx.OnCommit(func() { t.service.tell(r.Id) })
	return nil
}

// tell tells of progress, unless that was done a moment ago.
func (s *Service) tell(id uint64) {
	now := time.Now()
	s.mu.Lock()
	soon := now.Sub(s.told[id]) < tellEvery
	if !soon {
		s.told[id] = now
	}
	s.mu.Unlock()
	if !soon {
		s.Changed(id)
	}
}
