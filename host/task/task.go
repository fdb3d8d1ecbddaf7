// Package task runs what takes longer than a person waits: tagging a million customers, an import, the migration of a
// field.
//
// A task is a record on disk that says what is to be done, how far it is and how it ended, and a Kind that does the
// work. A Kind works in steps. Each step is one short transaction that changes something and saves, in the same
// transaction, the cursor from which to go on; so after a crash a task goes on with the step that was not durable,
// and nothing is done twice or left out. Between steps the task rests (Step), since tills go first.
//
// The record's state is changed only in transactions that read it: a step is refused (ErrStopped) once somebody
// paused or cancelled the task, which therefore stands still from the moment that they are told so. Tasks of one kind
// wait for each other in the order in which they were asked for; an undo waits with the kind of what it takes back.
//
// What a Kind needs to take its work back it keeps with KeepUndo, row by row beside its changes. An undo is a task of
// its own (kind "undo"), with progress and cancel. The rows go when the time to change one's mind is over.
package task

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"time"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	// bucketTask holds the tasks: id (big endian) → mostradorv1.Task.
	bucketTask store.Bucket = "task"
	// bucketUndo holds what a Kind keeps to undo a task: id (big endian), the kind's own key → its own value.
	bucketUndo store.Bucket = "task_undo"
)

// KindUndo is the kind of tasks that take another one back.
const KindUndo = "undo"

var (
	// ErrStopped is what a step meets whose task was paused or cancelled. A Kind returns it as it is.
	ErrStopped = errors.New("task: stopped")
	// ErrNotFound says that there is no task of that id.
	ErrNotFound = errors.New("task: not found")
	// ErrState says that the task is not in a state for that: a pause of one that ended, an undo of one that cannot
	// be undone.
	ErrState = errors.New("task: not in that state")
	// ErrKind says that nothing is registered for a kind.
	ErrKind = errors.New("task: unknown kind")
)

// Kind does the work of tasks of one kind. It must be safe to call Run again with the same task after a crash: it
// goes on from t.Cursor.
type Kind interface {
	// Run does what is left of t in steps (t.Step), each of which saves how far it is (t.Save), and returns when all
	// is done. ctx ends with a pause, a cancel and when the program ends; return its error or ErrStopped then. Any
	// other error fails the task; what was saved stays. One from Fail tells people why, in words.
	Run(ctx context.Context, t *Task) error
}

// Undoer is a Kind whose tasks can be taken back.
type Undoer interface {
	// Undo takes back what the ended task undone did, as the task t. It works like Run. What a first undo, which was
	// cancelled, has taken back already must not be taken back again: delete or mark the rows in the step.
	Undo(ctx context.Context, undone *mostradorv1.Task, t *Task) error
}

// Ender is a Kind that has something to say in the transaction with which a task ends: one event for all of it,
// for example. It is called exactly once for a task that is done, cancelled or failed, also for an undo of its kind.
type Ender interface {
	End(tx *store.Tx, t *mostradorv1.Task) error
}

// Keeper is an Undoer that wants its undo rows for longer than the usual time, for a customer's history. A task whose
// time to be undone is over stays in the list as long as its rows do.
type Keeper interface {
	Keep() time.Duration
}

// Task is one task at work, for its Kind. It is used by one goroutine.
type Task struct {
	service *Service
	record  *mostradorv1.Task
	// seen is the log's last sequence after the last step, busy until when somebody else counts as writing.
	seen uint64
	busy time.Time
}

// ID is the task's, from 1.
func (t *Task) ID() uint64 { return t.record.Id }

// Actor is who asked for the task.
func (t *Task) Actor() *plgv1.Actor { return t.record.Actor }

// Proto returns a copy of the task's record as of its last step.
func (t *Task) Proto() *mostradorv1.Task { return proto.CloneOf(t.record) }

// Data reads what Start was given into m.
func (t *Task) Data(m proto.Message) error {
	if err := proto.Unmarshal(t.record.Data, m); err != nil {
		return fmt.Errorf("task %d: data: %w", t.record.Id, err)
	}
	return nil
}

// Cursor is what the last durable step saved; nil before the first.
func (t *Task) Cursor() []byte { return t.record.Cursor }

// Done, Changed and Failed are as of the last durable step.
func (t *Task) Done() uint64    { return t.record.Done }
func (t *Task) Changed() uint64 { return t.record.Changed }
func (t *Task) Failed() uint64  { return t.record.Failed }

// Step runs fn in one transaction and then, while others write, rests for a moment, so that a task that has much to
// do leaves most of the time to the tills. fn does a bounded piece of work (some milliseconds) and calls t.Save.
func (t *Task) Step(ctx context.Context, fn func(tx *store.Tx) error) error { return t.step(ctx, fn) }

// Save keeps, as a part of the step tx, where to go on and how much is done by now: done of the total, and how many
// were really changed (both since the task began, not since the last step). It returns ErrStopped, with which the
// step must fail, when the task was paused or cancelled.
func (t *Task) Save(tx *store.Tx, cursor []byte, done, changed uint64) error {
	return t.save(tx, func(r *mostradorv1.Task) { r.Cursor, r.Done, r.Changed = cursor, done, changed })
}

// SetTotal says, as a part of a step, how much there is to do, when it was not known at the start or grew.
func (t *Task) SetTotal(tx *store.Tx, total uint64) error {
	return t.save(tx, func(r *mostradorv1.Task) { r.Total = total })
}

// SetFailed says, as a part of a step, how many rows or customers were refused so far.
func (t *Task) SetFailed(tx *store.Tx, failed uint64) error {
	return t.save(tx, func(r *mostradorv1.Task) { r.Failed = failed })
}

// SetData replaces, as a part of a step, what Start was given: what the kind learnt meanwhile.
func (t *Task) SetData(tx *store.Tx, m proto.Message) error {
	data, err := proto.Marshal(m)
	if err != nil {
		return fmt.Errorf("task %d: data: %w", t.record.Id, err)
	}
	return t.save(tx, func(r *mostradorv1.Task) { r.Data = data })
}

// KeepUndo keeps a row for Undo, as a part of the step.
func (t *Task) KeepUndo(tx *store.Tx, key, value []byte) { PutUndo(tx, t.record.Id, key, value) }

// PutUndo writes one row that is kept for a task's undo; nil deletes it.
func PutUndo(tx *store.Tx, id uint64, key, value []byte) {
	k := append(taskKey(id), key...)
	if value == nil {
		tx.Delete(bucketUndo, k)
		return
	}
	tx.Put(bucketUndo, k, value)
}

// GetUndo returns one row that is kept for a task's undo, nil when there is none.
func GetUndo(tx *store.Tx, id uint64, key []byte) []byte {
	return tx.Get(bucketUndo, append(taskKey(id), key...))
}

// Undos yields the rows that are kept for a task's undo in the order of their keys, only those whose key begins with
// prefix, and strictly after `after` when it is not nil (a whole key).
func Undos(tx *store.Tx, id uint64, prefix, after []byte) iter.Seq2[[]byte, []byte] {
	start := append(taskKey(id), prefix...)
	if after != nil {
		after = append(taskKey(id), after...)
	}
	return func(yield func(k, v []byte) bool) {
		for k, v := range tx.Scan(bucketUndo, start, after) {
			if !yield(k[8:], v) {
				return
			}
		}
	}
}

// Ended reports whether a task in this state has come to its end.
func Ended(s mostradorv1.TaskState) bool {
	switch s {
	case mostradorv1.TaskState_TASK_STATE_DONE, mostradorv1.TaskState_TASK_STATE_CANCELLED,
		mostradorv1.TaskState_TASK_STATE_FAILED, mostradorv1.TaskState_TASK_STATE_UNDONE:
		return true
	}
	return false
}

func taskKey(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }
