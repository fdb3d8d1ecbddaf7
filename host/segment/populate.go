package segment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// kindSegment is the kind of the tasks that work out the members of a segment, or clear those of a deleted one.
const kindSegment = "segment"

// populating is the work of those tasks. Their data is a mostradorv1.Segment with an id.
type populating struct{ s *Service }

var _ task.Ender = populating{}

// progress is where a task goes on.
type progress struct {
	// Meaning is what is being evaluated, with all that depends on it, on Day.
	Meaning string  `json:"meaning"`
	Day     float64 `json:"day"`
	// Rank is which of the groups that do not depend on one another, Block the first block that is not done.
	Rank  int    `json:"rank"`
	Block uint32 `json:"block"`
	// Changed is how many joined or left.
	Changed uint64 `json:"changed"`
}

func (w populating) Run(ctx context.Context, t *task.Task) error {
	var data mostradorv1.Segment
	if err := t.Data(&data); err != nil {
		return err
	}
	for {
		e := w.s.graph().byID[data.Id]
		var err error
		switch {
		case e == nil:
			return w.clear(ctx, t, data.Id)
		case e.state.Task != t.ID():
			return nil // another definition came after
		default:
			err = w.populate(ctx, t, e)
		}
		if !errors.Is(err, errAgain) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// populate works out the members of a segment, then those of the segments that depend on it.
func (w populating) populate(ctx context.Context, t *task.Task, e *entry) error {
	s := w.s
	g := s.graph()
	groups := ranks(g.evaluated(append([]*entry{e}, g.dependents(e)...)))
	at := progress{}
	for _, group := range groups {
		for _, e := range group {
			at.Meaning += fmt.Sprintf("%d %s\n", e.definition.Id, e.meaning)
		}
	}
	if err := s.Store.View(func(tx *store.Tx) (err error) { at.Day, err = s.today(tx); return err }); err != nil {
		return err
	}
	var saved progress
	if cursor := t.Cursor(); cursor != nil {
		if err := json.Unmarshal(cursor, &saved); err != nil {
			return fmt.Errorf("segment: cursor: %w", err)
		}
		at.Changed = saved.Changed
		if saved.Meaning == at.Meaning && saved.Day == at.Day {
			at = saved
		}
	}
	for ; at.Rank < len(groups); at.Rank, at.Block = at.Rank+1, 0 {
		p := &pass{entries: groups[at.Rank], today: at.Day, actor: t.Actor(), step: t.Step}
		p.save = func(tx *store.Tx, next, end uint32, changed int) error {
			at := at
			at.Block = next
			at.Changed += uint64(changed)
			cursor, err := json.Marshal(at)
			if err != nil {
				return err
			}
			each := uint64(end) * set.BlockSize
			if err := t.SetTotal(tx, each*uint64(len(groups))); err != nil {
				return err
			}
			return t.Save(tx, cursor, each*uint64(at.Rank)+uint64(next)*set.BlockSize, at.Changed)
		}
		step := p.step
		p.step = func(ctx context.Context, fn func(*store.Tx) error) error {
			if err := step(ctx, fn); err != nil {
				return err
			}
			return json.Unmarshal(t.Cursor(), &at)
		}
		if err := s.run(ctx, p, at.Block); err != nil {
			return err
		}
	}
	return s.update(ctx, func(tx *store.Tx, g *graph) (*graph, error) {
		now := g.byID[e.definition.Id]
		if now == nil || now.state.Task != t.ID() || now.meaning != e.meaning {
			return nil, errAgain
		}
		return s.settled(tx, g, now, state{Meaning: now.meaning})
	})
}

// settled is the graph after the state of a segment became another.
func (s *Service) settled(tx *store.Tx, g *graph, e *entry, st state) (*graph, error) {
	next := *e
	next.state = st
	return g.with(&next), putState(tx, e.definition.Id, st)
}

// clear takes everybody out of a segment that is not there any more.
func (w populating) clear(ctx context.Context, t *task.Task, id uint32) error {
	members := w.s.Customers.Sets()
	total := members.Count(set.Segment(id))
	done := t.Done()
	for {
		blocks := members.Blocks(set.Segment(id), 0, chunk)
		if len(blocks) == 0 {
			return nil
		}
		if err := t.Step(ctx, func(tx *store.Tx) error {
			n := done
			for block, who := range blocks {
				left, err := members.PutBlock(tx, set.Segment(id), block, who, false)
				if err != nil {
					return err
				}
				n += uint64(left.Len())
			}
			if err := t.SetTotal(tx, total); err != nil {
				return err
			}
			return t.Save(tx, nil, n, n)
		}); err != nil {
			return err
		}
		done = t.Done()
	}
}

// End marks a segment whose members nobody works out any more.
func (w populating) End(tx *store.Tx, t *mostradorv1.Task) error {
	for _, e := range w.s.graph().entries {
		if e.state.Task == t.GetId() {
			g, err := w.s.settled(tx, w.s.graph(), e, state{Stopped: true, Meaning: e.meaning})
			if err != nil {
				return err
			}
			w.s.entries.Store(g)
			return nil
		}
	}
	return nil
}

// start asks for the task that works out a segment's members.
func (s *Service) start(tx *store.Tx, actor *plgv1.Actor, key string, d *mostradorv1.Segment) (*mostradorv1.Task, error) {
	return s.Tasks.Start(tx, actor, kindSegment, "segment."+key, map[string]string{"name": d.GetName()},
		&mostradorv1.Segment{Id: d.GetId()}, uint64(s.Customers.LastNumber(tx)))
}

// update changes the definitions or states in a transaction: change returns the graph that is then in force, for the
// followers from the end of change on.
func (s *Service) update(ctx context.Context, change func(tx *store.Tx, g *graph) (*graph, error)) error {
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		g, err := change(tx, s.graph())
		if err != nil {
			return err
		}
		s.entries.Store(g)
		tx.OnCommit(s.Changed)
		return nil
	})
	if err != nil && !errors.Is(err, errAgain) {
		// When the disk failed, what is in force is what it has.
		if loadErr := s.load(); loadErr != nil && !errors.Is(loadErr, store.ErrClosed) {
			s.Logger.Error("reading the segments", "error", loadErr)
		}
	}
	return err
}
