package task

import (
	"context"
	"fmt"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

const (
	// undoFor is how long after its end a task can be undone.
	undoFor = 30 * 24 * time.Hour
	// listed is how many ended tasks stay in the list in any case.
	listed = 200
	// cleanStep is how many rows are removed in one transaction.
	cleanStep = 2000
)

// cleaning calls Clean from time to time until ctx ends.
func (s *Service) cleaning(ctx context.Context) {
	tick := time.NewTicker(cleanEvery)
	defer tick.Stop()
	for {
		if err := s.Clean(ctx); err != nil && ctx.Err() == nil {
			s.Logger.Error("old tasks could not be removed", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Clean ends the time in which old tasks can be undone, removes the rows that were kept for them, and leaves out of
// the list the oldest tasks of which there is nothing else left. Run does it by itself.
func (s *Service) Clean(ctx context.Context) error {
	type old struct {
		id uint64
		// rows says that the task's rows go, line that its record does.
		rows, line bool
	}
	var todo []old
	err := s.Store.View(func(tx *store.Tx) error {
		list, err := s.List(tx, Query{})
		ended := 0
		for _, t := range list {
			if !Ended(t.State) {
				continue
			}
			ended++
			o := old{id: t.Id}
			has := hasRows(tx, t.Id)
			o.rows = has && s.past(tx, t)
			o.line = ended > listed && (!t.Undoable || s.overdue(t)) && (!has || o.rows)
			if o.rows || o.line || s.overdue(t) {
				todo = append(todo, o)
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, o := range todo {
		err := s.expire(ctx, o.id)
		for more := o.rows; more && err == nil; {
			more, err = s.removeRows(ctx, o.id)
		}
		if err == nil && o.line {
			err = s.Store.Update(ctx, func(tx *store.Tx) error { tx.Delete(bucketTask, taskKey(o.id)); return nil })
		}
		if err != nil {
			return fmt.Errorf("task %d: removing what is old: %w", o.id, err)
		}
	}
	return nil
}

// overdue reports that the time in which t could be undone is over. A task that is being taken back keeps its time.
func (s *Service) overdue(t *mostradorv1.Task) bool {
	return t.Undoable && t.UndoneBy == 0 && s.age(t) > undoFor
}

func (s *Service) age(t *mostradorv1.Task) time.Duration { return s.Now().Sub(t.Ended.AsTime()) }

// past reports that nobody wants t's rows any more: it cannot be undone, and its kind does not keep them for longer.
func (s *Service) past(tx *store.Tx, t *mostradorv1.Task) bool {
	if t.Undoable && !s.overdue(t) {
		return false
	}
	kind := t.Kind
	if kind == KindUndo {
		if undid, err := s.Get(tx, t.Undoes); err == nil {
			kind = undid.Kind
		}
	}
	keeper, ok := s.kind(kind).(Keeper)
	return !ok || s.age(t) > keeper.Keep()
}

// expire writes that a task cannot be undone any more, unless it is being undone just now.
func (s *Service) expire(ctx context.Context, id uint64) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		t, err := s.Get(tx, id)
		if err != nil || !s.overdue(t) {
			return err
		}
		t.Undoable = false
		return s.put(tx, t)
	})
}

// removeRows removes some of the rows of a task that cannot be undone, and reports whether there may be more.
func (s *Service) removeRows(ctx context.Context, id uint64) (more bool, err error) {
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		t, err := s.Get(tx, id)
		if err != nil || t.Undoable {
			more = false
			return err
		}
		n := 0
		for k := range tx.Scan(bucketUndo, taskKey(id), nil) {
			if n == cleanStep {
				break
			}
			tx.Delete(bucketUndo, k)
			n++
		}
		more = n == cleanStep
		return nil
	})
	return more, err
}

func hasRows(tx *store.Tx, id uint64) bool {
	for range tx.Scan(bucketUndo, taskKey(id), nil) {
		return true
	}
	return false
}
