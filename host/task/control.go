package task

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
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

// Query says which tasks to list.
type Query struct {
	// Active leaves out those that ended.
	Active bool
	// Kind is empty for all.
	Kind string
	// Limit is how many at most; 0 means all.
	Limit int
}

// List returns tasks, newest first, as Get does.
func (s *Service) List(tx *store.Tx, q Query) ([]*mostradorv1.Task, error) {
	var list []*mostradorv1.Task
	for k, v := range tx.ScanReverse(bucketTask, nil, nil) {
		t := new(mostradorv1.Task)
		if err := proto.Unmarshal(v, t); err != nil {
			return nil, fmt.Errorf("task: record %d: %w", binary.BigEndian.Uint64(k), err)
		}
		if q.Active && Ended(t.State) || q.Kind != "" && t.Kind != q.Kind {
			continue
		}
		if list = append(list, t); len(list) == q.Limit {
			break
		}
	}
	return list, nil
}

// Pause has a task stand still until Resume. ErrState for one that ended.
func (s *Service) Pause(ctx context.Context, id uint64) error {
	return s.change(ctx, id, func(tx *store.Tx, t *mostradorv1.Task) error {
		switch t.State {
		case paused:
			return nil
		case waiting, running:
			t.State = paused
			return s.put(tx, t)
		}
		return ErrState
	})
}

// Resume has a paused task go on. ErrState for one that ended.
func (s *Service) Resume(ctx context.Context, id uint64) error {
	return s.change(ctx, id, func(tx *store.Tx, t *mostradorv1.Task) error {
		switch t.State {
		case waiting, running:
			return nil
		case paused:
			t.State, t.Attempts = waiting, 0
			tx.OnCommit(func() { s.enqueue(id) })
			return s.put(tx, t)
		}
		return ErrState
	})
}

// Cancel ends a task where it is, which the log keeps as actor's doing. ErrState for one that ended.
func (s *Service) Cancel(ctx context.Context, actor *plgv1.Actor, id uint64) error {
	return s.change(ctx, id, func(tx *store.Tx, t *mostradorv1.Task) error {
		if Ended(t.State) {
			return ErrState
		}
		return s.end(tx, t, cancelled, actor)
	})
}

// Undo takes back what an ended task did, as a new task that is returned. ErrState when it cannot be undone.
func (s *Service) Undo(ctx context.Context, actor *plgv1.Actor, id uint64) (*mostradorv1.Task, error) {
	var undo *mostradorv1.Task
	err := s.change(ctx, id, func(tx *store.Tx, t *mostradorv1.Task) error {
		if !t.Undoable || t.UndoneBy != 0 {
			return ErrState
		}
		undo = &mostradorv1.Task{
			Kind: KindUndo, Undoes: id, TitleKey: t.TitleKey, TitleArgs: t.TitleArgs, Total: t.Changed, Actor: actor,
		}
		if err := s.begin(tx, undo); err != nil {
			return err
		}
		t.UndoneBy = undo.Id
		return s.put(tx, t)
	})
	return undo, err
}

// change runs fn on a task's record in a transaction, and has a run of the task look at what came of it.
func (s *Service) change(ctx context.Context, id uint64, fn func(*store.Tx, *mostradorv1.Task) error) error {
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		t, err := s.Get(tx, id)
		if err != nil {
			return err
		}
		if err := fn(tx, t); err != nil {
			return err
		}
		if t.State != running && t.State != waiting {
			tx.OnCommit(func() { s.halt(id) })
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("task %d: %w", id, err)
	}
	return err
}

// end writes how a task ended, and by whom. It is the one way to an end.
func (s *Service) end(tx *store.Tx, t *mostradorv1.Task, state mostradorv1.TaskState, actor *plgv1.Actor) error {
	t.State, t.Ended = state, timestamppb.New(s.Now())
	kind := s.kind(t.Kind)
	if t.Kind == KindUndo {
		undid, err := s.Get(tx, t.Undoes)
		if err != nil {
			return err
		}
		kind = s.kind(undid.Kind)
		if state == done {
			undid.State, undid.Undoable = undone, false
		} else {
			undid.UndoneBy = 0 // what is left of it can be taken back by another undo
		}
		if err := s.put(tx, undid); err != nil {
			return err
		}
	} else if _, can := kind.(Undoer); can {
		t.Undoable = t.Changed > 0
	}
	if ender, ok := kind.(Ender); ok {
		if err := ender.End(tx, proto.CloneOf(t)); err != nil {
			return fmt.Errorf("the end of a task of kind %s: %w", t.Kind, err)
		}
	}
	if err := s.put(tx, t); err != nil {
		return err
	}
	return s.say(tx, "task.ended", t, actor)
}
