package store

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"

	"go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"
)

// Tx is one transaction; it is valid only inside the function that it was given to, on that goroutine.
// Keys and values that it returns are valid until the transaction ends and must not be changed.
type Tx struct {
	base *bbolt.Tx
	// writes is the overlay of the forming group, nil in a View; below that of the group being committed.
	writes, below *overlay
	undo          []undo
	hooks         []func()
	buckets       map[Bucket]*bbolt.Bucket
	// err is the first wrong use; it fails the transaction.
	err error
}

// undo is what one write of this transaction replaced in the group's overlay.
type undo struct {
	keys *keyspace
	key  string
	old  []byte
	had  bool
}

var (
	errReadOnly = errors.New("store: write in a View")
	errKey      = fmt.Errorf("store: a key must have 1 to %d bytes", bbolt.MaxKeySize)
)

// Get returns the value of key, nil when there is none. A present value is never nil.
func (t *Tx) Get(b Bucket, key []byte) []byte {
	if v, ok := t.pending(b, key); ok {
		return v
	}
	if disk := t.disk(b); disk != nil {
		return disk.Get(key)
	}
	return nil
}

// Put sets the value of key; both are copied. A wrong use (a View, an empty key) fails the transaction.
func (t *Tx) Put(b Bucket, key, value []byte) {
	if t.writable(key) {
		t.set(b, key, t.writes.copy(value))
	}
}

// Delete removes key, if it is there.
func (t *Tx) Delete(b Bucket, key []byte) {
	if t.writable(key) {
		t.set(b, key, nil)
	}
}

// OnCommit has fn called when the transaction's writes are durable, in the order of the transactions, before
// Update returns. It must be quick, and must not call Update. It is not called when the writes vanish.
func (t *Tx) OnCommit(fn func()) {
	if t.writes == nil {
		t.fail(errReadOnly)
		return
	}
	t.hooks = append(t.hooks, fn)
}

// Try runs fn as a part of the transaction that may fail alone: when it returns an error or panics (the
// panic becomes the error), what it wrote and its OnCommit calls vanish and the transaction can go on.
func (t *Tx) Try(fn func() error) (err error) {
	writes, hooks := len(t.undo), len(t.hooks)
	done := false
	defer func() {
		if !done { // a panic, or the goroutine ends (runtime.Goexit)
			if r := recover(); r != nil {
				err = fmt.Errorf("store: panic in transaction: %v\n%s", r, debug.Stack())
			}
		}
		if err != nil || !done {
			t.rollback(writes, hooks)
		}
	}()
	err = fn()
	done = true
	return err
}

// Scan yields the records whose keys begin with prefix in ascending order, and only those strictly after
// `after` when it is not nil. Records may be written while it runs: what lies ahead is seen as it then is.
func (t *Tx) Scan(b Bucket, prefix, after []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		if t.writes == nil && t.below == nil {
			t.scanDisk(b, prefix, after, yield)
			return
		}
		m := t.merge(b, prefix)
		m.seekAfter(after)
		for k, v := m.next(); k != nil; k, v = m.next() {
			if !yield(k, v) {
				return
			}
		}
	}
}

// scanDisk is Scan where nothing lies over the file: a View's.
func (t *Tx) scanDisk(b Bucket, prefix, after []byte, yield func(k, v []byte) bool) {
	disk := t.disk(b)
	if disk == nil {
		return
	}
	cursor := disk.Cursor()
	start := prefix
	if after != nil && bytes.Compare(after, prefix) >= 0 {
		start = after
	}
	k, v := cursor.Seek(start)
	if after != nil && bytes.Equal(k, after) {
		k, v = cursor.Next()
	}
	for ; k != nil && bytes.HasPrefix(k, prefix); k, v = cursor.Next() {
		if !yield(k, v) {
			return
		}
	}
}

// ScanReverse is Scan in descending order, and only with keys strictly before `before` when it is not nil.
func (t *Tx) ScanReverse(b Bucket, prefix, before []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		m := t.merge(b, prefix)
		m.seekBefore(before)
		for k, v := m.previous(); k != nil; k, v = m.previous() {
			if !yield(k, v) {
				return
			}
		}
	}
}

// GetProto reads the record of key into m and reports whether there is one.
func GetProto[M proto.Message](tx *Tx, b Bucket, key []byte, m M) (bool, error) {
	v := tx.Get(b, key)
	if v == nil {
		return false, nil
	}
	if err := proto.Unmarshal(v, m); err != nil {
		return true, fmt.Errorf("store: record %s %q: %w", b, key, err)
	}
	return true, nil
}

// PutProto writes m as the record of key.
func PutProto(tx *Tx, b Bucket, key []byte, m proto.Message) error {
	if !tx.writable(key) {
		return tx.err
	}
	v, err := proto.MarshalOptions{}.MarshalAppend(tx.writes.space(proto.Size(m)), m)
	if err != nil {
		return fmt.Errorf("store: record %s %q: %w", b, key, err)
	}
	tx.set(b, key, v)
	return nil
}

// pending looks key up in the overlays; v is nil for a deleted one.
func (t *Tx) pending(b Bucket, key []byte) (v []byte, ok bool) {
	for _, o := range [2]*overlay{t.writes, t.below} {
		if o == nil {
			continue
		}
		if ks := o.buckets[b]; ks != nil {
			if v, ok := ks.values[string(key)]; ok {
				return v, true
			}
		}
	}
	return nil, false
}

// disk is the bucket as the transaction's base has it, nil when it is not there.
func (t *Tx) disk(b Bucket) *bbolt.Bucket {
	if t.base == nil {
		return nil
	}
	disk, ok := t.buckets[b]
	if !ok {
		disk = t.base.Bucket([]byte(b))
		if t.buckets == nil {
			t.buckets = make(map[Bucket]*bbolt.Bucket)
		}
		t.buckets[b] = disk
	}
	return disk
}

func (t *Tx) writable(key []byte) bool {
	switch {
	case t.writes == nil:
		t.fail(errReadOnly)
	case len(key) == 0 || len(key) > bbolt.MaxKeySize:
		t.fail(errKey)
	default:
		return true
	}
	return false
}

func (t *Tx) set(b Bucket, key, value []byte) {
	ks := t.writes.bucket(b)
	k, old, had := ks.set(key, value)
	t.undo = append(t.undo, undo{ks, k, old, had})
}

// rollback undoes all but the first so many writes and hooks.
func (t *Tx) rollback(writes, hooks int) {
	gone := make(map[*keyspace]bool)
	for i := len(t.undo) - 1; i >= writes; i-- {
		u := t.undo[i]
		if u.had {
			u.keys.values[u.key] = u.old
		} else {
			delete(u.keys.values, u.key)
			gone[u.keys] = true
		}
	}
	for ks := range gone {
		ks.forget()
	}
	t.undo, t.hooks = t.undo[:writes], t.hooks[:hooks]
}

func (t *Tx) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

func (t *Tx) end() {
	if t.base != nil {
		_ = t.base.Rollback() // it only read
	}
	t.base, t.writes, t.below, t.buckets = nil, nil, nil, nil
}
