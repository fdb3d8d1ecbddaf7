// Package store is the one bbolt file in which a host keeps everything, behind transactions that share
// their fsync.
//
// bbolt pays two fsyncs and a copy of every touched page for each of its write transactions, one after the
// other. Callers of Update therefore form groups. A caller takes its turn, runs its function over the file's
// last state plus everything that earlier members of the groups under way have written, and leaves its
// puts and deletes in the group's overlay (in memory). The first member of a group leads it: it waits until
// the group before is on disk, closes the group, writes the overlay into bbolt in the order of the keys and
// commits once for all. Meanwhile the next group forms. Nobody waits on a clock: a lone caller commits at
// once and on its own goroutine, and the busier the disk, the larger the groups.
//
// A member whose function fails (or panics) takes only its own writes with it, by a journal of what they
// replaced. When a commit itself fails, all of its group fail with it, and so does the group that had read
// its writes.
//
// The rule that bbolt imposes: never open a transaction (View or Update) inside another, and hold none
// open for long. A file that grows must wait until all readers have ended; a second transaction inside
// a first would wait for that in turn. The store logs an error when a commit has to wait suspiciously long.
package store

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/hashicorp/go-hclog"
	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
)

// Bucket names a keyspace of the file. Each package owns the buckets that it declares, and they appear in
// the file with their first record.
type Bucket string

// ErrClosed is returned by transactions begun after Close.
var ErrClosed = errors.New("store: closed")

// Options says how a store file is opened. The zero value is right for production.
type Options struct {
	Logger hclog.Logger
	// NoSync leaves out fsync: for tests that build much and prove nothing about durability.
	NoSync bool
	// Timeout is how long to wait for another process that has the file open; 0 means one second.
	Timeout time.Duration
}

// Store is an open store file. It is safe for use by many goroutines.
type Store struct {
	db  *bbolt.DB
	log hclog.Logger
	// turn has one place, held while a member's function runs or a group is closed. It guards the rest.
	turn       chan struct{}
	forming    *group
	committing *group
	closed     bool
}

// group is the members whose writes become durable by one commit.
type group struct {
	writes *overlay
	hooks  []func()
	// before is the group that was being committed when this one began; its writes are part of the view.
	before *group
	done   chan struct{}
	// err is the outcome, readable once done is closed.
	err error
}

// slowCommit is how long a commit may take before the log says so.
const slowCommit = 10 * time.Second

// Open opens the store file, and creates it when it is not there.
func Open(path string, opt Options) (*Store, error) {
	if opt.Timeout == 0 {
		opt.Timeout = time.Second
	}
	if opt.Logger == nil {
		opt.Logger = hclog.NewNullLogger()
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:      opt.Timeout,
		NoSync:       opt.NoSync,
		FreelistType: bbolt.FreelistMapType,
		NoStatistics: true,
	})
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	return &Store{db: db, log: opt.Logger, turn: make(chan struct{}, 1)}, nil
}

// Close waits until what is under way is durable and closes the file.
func (s *Store) Close() error {
	s.turn <- struct{}{}
	s.closed = true
	last := s.forming
	if last == nil {
		last = s.committing
	}
	<-s.turn
	if last != nil {
		<-last.done
	}
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// View runs fn on the durable state as it is now.
func (s *Store) View(fn func(*Tx) error) error {
	base, err := s.begin()
	if err != nil {
		return err
	}
	tx := &Tx{base: base}
	defer tx.end()
	if err := fn(tx); err != nil {
		return err
	}
	return tx.err
}

// Update runs fn once, on the caller's goroutine and serially with all others, on a view that includes
// the earlier members of its group, and returns when fn's writes are durable or have vanished. They vanish
// when fn returns an error or panics (the panic becomes the error), and when the disk fails. A ctx that
// ends before fn began is returned as its error; afterwards Update waits for the outcome.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	g, leads, err := s.join(fn)
	if err != nil {
		return err
	}
	if leads {
		s.lead(g)
	}
	<-g.done
	return g.err
}

// join runs fn as a member of the forming group and gives the turn back. It reports whether the caller is
// to lead the group.
func (s *Store) join(fn func(*Tx) error) (g *group, leads bool, err error) {
	defer func() { <-s.turn }()
	if s.closed {
		return nil, false, ErrClosed
	}
	g = s.forming
	if g == nil {
		g, leads = s.newGroup(), true
	}
	// After newGroup: a commit that ends between the two is then in both the base and the overlay below it, which is
	// the same. The other way round it would be in neither, and what it wrote would be written over unseen.
	base, err := s.begin()
	if err != nil {
		return nil, false, err
	}
	tx := &Tx{base: base, writes: g.writes, below: g.before.overlay()}
	defer tx.end()
	if err := tx.Try(func() error { return fn(tx) }); err != nil {
		return nil, false, err
	}
	if tx.err != nil {
		tx.rollback(0, 0)
		return nil, false, tx.err
	}
	g.hooks = append(g.hooks, tx.hooks...)
	s.forming = g
	return g, leads, nil
}

// newGroup stands on the group that is being committed, when there is one.
func (s *Store) newGroup() *group {
	g := &group{writes: newOverlay(), done: make(chan struct{})}
	if c := s.committing; c != nil {
		select {
		case <-c.done:
			s.committing = nil
		default:
			g.before = c
		}
	}
	return g
}

// overlay is nil for no group.
func (g *group) overlay() *overlay {
	if g == nil {
		return nil
	}
	return g.writes
}

// lead commits the group once the one before it is through. Callers who wait for their turn meanwhile
// still become members: the turn is granted in the order of asking.
func (s *Store) lead(g *group) {
	defer close(g.done)
	if g.before != nil {
		<-g.before.done
	}
	s.turn <- struct{}{}
	s.forming, s.committing = nil, g
	if g.before != nil {
		g.err, g.before = g.before.err, nil
	}
	g.writes.sort()
	if g.err != nil {
		s.committing = nil
	}
	<-s.turn
	if g.err != nil {
		return
	}
	if g.err = s.commit(g.writes); g.err != nil {
		return
	}
	for _, hook := range g.hooks {
		s.runHook(hook)
	}
}

// runHook keeps a hook's panic from the members of the group, who have nothing to do with it.
func (s *Store) runHook(hook func()) {
	defer func() {
		if r := recover(); r != nil {
			s.log.Error("panic after a commit", "panic", r, "stack", string(debug.Stack()))
		}
	}()
	hook()
}

// commit makes the overlay durable in one bbolt transaction.
func (s *Store) commit(writes *overlay) (err error) {
	if writes.empty() {
		return nil
	}
	defer func() {
		if r := recover(); r != nil { // bbolt panics on a damaged file
			err = fmt.Errorf("store: panic in commit: %v\n%s", r, debug.Stack())
		}
	}()
	slow := time.AfterFunc(slowCommit, func() {
		s.log.Error("a commit waits: is a transaction open inside another, or one held open?")
	})
	defer slow.Stop()
	tx, err := s.db.Begin(true)
	if err != nil {
		return fmt.Errorf("store: begin: %w", err)
	}
	defer tx.Rollback() // without effect after Commit
	if err := writes.apply(tx); err != nil {
		return fmt.Errorf("store: write: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("store: commit: %w", err)
	}
	return nil
}

func (s *Store) begin() (*bbolt.Tx, error) {
	base, err := s.db.Begin(false)
	switch {
	case errors.Is(err, bbolterrors.ErrDatabaseNotOpen):
		return nil, ErrClosed
	case err != nil:
		return nil, fmt.Errorf("store: begin: %w", err)
	}
	return base, nil
}
