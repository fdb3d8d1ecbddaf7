package segment

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Sizes of a pass over all customers, in blocks of 256.
const (
	// chunk is how many blocks are read before what was found is written.
	chunk = 512
	// stride is how many blocks a reader takes at a time.
	stride = 32
	// stepWork is how many customers one transaction looks at again or tells events of.
	stepWork = 500
)

// errAgain says that what a pass evaluates is not in force any more.
var errAgain = errors.New("segment: definitions or day changed")

// watch notes who changes while somebody reads.
type watch struct {
	active atomic.Int32
	mu     sync.Mutex
	ranges map[*reading]bool
}

// reading is the customers who changed since a pass began to read.
type reading struct{ changed *roaring.Bitmap }

func (w *watch) note(number uint32) {
	if w.active.Load() == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for r := range w.ranges {
		r.changed.Add(number)
	}
}

// begin notes from now on. Within a transaction it misses nobody: what changed before is durable with it.
func (w *watch) begin(r *reading) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r.changed = roaring.New()
	w.ranges[r] = true
	w.active.Store(int32(len(w.ranges)))
}

func (w *watch) end(r *reading) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.ranges, r)
	w.active.Store(int32(len(w.ranges)))
}

// among returns those of a block who changed.
func (w *watch) among(r *reading, block uint32) (who set.Block) {
	w.mu.Lock()
	defer w.mu.Unlock()
	it := r.changed.Iterator()
	it.AdvanceIfNeeded(block * set.BlockSize)
	for it.HasNext() && it.PeekNext()/set.BlockSize == block {
		who.Add(it.Next())
	}
	return who
}

// pass evaluates segments that do not depend on one another for everybody, and writes who belongs.
type pass struct {
	entries []*entry
	today   float64
	// aloud has it told who joins and leaves.
	aloud bool
	actor *plgv1.Actor
	// step runs a transaction; save keeps, as a part of it, that all blocks before next are done.
	step func(ctx context.Context, fn func(tx *store.Tx) error) error
	save func(tx *store.Tx, next, end uint32, changed int) error
}

// run works from a block on. It returns errAgain when a definition or the day changed meanwhile.
func (s *Service) run(ctx context.Context, p *pass, first uint32) error {
	select {
	case s.passing <- struct{}{}:
		defer func() { <-s.passing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	r := new(reading)
	defer s.watch.end(r)
	var end uint32
	// Who changed before this is durable when it returns, and so is seen by the readers; who changes later is noted.
	if err := s.Store.Update(ctx, func(tx *store.Tx) error {
		s.watch.begin(r)
		end = s.Customers.LastNumber(tx)/set.BlockSize + 1
		return nil
	}); err != nil {
		return err
	}
	for from := first; from < end; from += chunk {
		to := min(from+chunk, end)
		found, err := s.readers(ctx, p.today, tests(p.entries), from, to, nil)
		if err != nil {
			return err
		}
		for next := from; next < to; {
			if err := p.step(ctx, func(tx *store.Tx) (err error) {
				next, err = s.write(tx, p, r, found, from, next, to, end)
				return err
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes what was found in blocks from next on, as much as one transaction should, and returns where to go on.
func (s *Service) write(tx *store.Tx, p *pass, r *reading, found [][]set.Block, from, next, to, end uint32) (uint32, error) {
	if err := s.valid(tx, p); err != nil {
		return next, err
	}
	again := s.evaluator(p.today, tests(p.entries)...)
	work, changes := 0, 0
	for ; next < to && work < stepWork; next++ {
		outcome := found[next-from]
		if changed := s.watch.among(r, next); changed != (set.Block{}) {
			work += changed.Len()
			now, err := again.block(tx, next, changed)
			if err != nil {
				return next, err
			}
			for i := range outcome {
				outcome[i] = or(without(outcome[i], changed), now[i])
			}
		}
		for i, e := range p.entries {
			n, err := s.assign(tx, e, next, everybody, outcome[i], p.aloud && e.state.Task == 0, p.actor)
			if err != nil {
				return next, err
			}
			changes += n
			if p.aloud {
				work += n
			}
		}
	}
	if changes > 0 {
		tx.OnCommit(s.Changed)
	}
	return next, p.save(tx, next, end, changes)
}

// valid returns errAgain unless a pass evaluates what is in force.
func (s *Service) valid(tx *store.Tx, p *pass) error {
	g := s.graph()
	for _, e := range p.entries {
		now := g.byID[e.definition.Id]
		if now == nil || now.meaning != e.meaning || now.state.Task != e.state.Task {
			return errAgain
		}
	}
	today, err := s.today(tx)
	if err == nil && today != p.today {
		err = errAgain
	}
	return err
}

// readers evaluates tests for the blocks from one to another, as they are durable, on all processors. The result is by
// block, then by test. keep, when it is not nil, gets each block's outcome instead, from several goroutines.
func (s *Service) readers(ctx context.Context, today float64, tests []test, from, to uint32, keep func(block uint32, found []set.Block)) ([][]set.Block, error) {
	var all [][]set.Block
	if keep == nil {
		all = make([][]set.Block, to-from)
		keep = func(block uint32, found []set.Block) { all[block-from] = append([]set.Block(nil), found...) }
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Uint32
	next.Store(from)
	var work sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), 4) {
		work.Go(func() {
			e := s.evaluator(today, tests...)
			for ctx.Err() == nil {
				first := next.Add(stride) - stride
				if first >= to {
					return
				}
				if err := s.Store.View(func(tx *store.Tx) error {
					for block := first; block < min(first+stride, to) && ctx.Err() == nil; block++ {
						found, err := e.block(tx, block, everybody)
						if err != nil {
							return err
						}
						keep(block, found)
					}
					return nil
				}); err != nil {
					cancel(err)
				}
			}
		})
	}
	work.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return all, nil
}

// scan evaluates one test for everybody, as they are durable.
func (s *Service) scan(ctx context.Context, t test) (*roaring.Bitmap, error) {
	var end uint32
	var today float64
	if err := s.Store.View(func(tx *store.Tx) (err error) {
		end = s.Customers.LastNumber(tx)/set.BlockSize + 1
		today, err = s.today(tx)
		return err
	}); err != nil {
		return nil, err
	}
	found, err := s.readers(ctx, today, []test{t}, 0, end, nil)
	if err != nil {
		return nil, err
	}
	members := roaring.New()
	for block, outcome := range found {
		members.AddMany(outcome[0].Numbers(uint32(block)))
	}
	members.RunOptimize()
	return members, nil
}
