package tag

import (
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/host/task"
)

// bulk is the kind of tasks about tags.
type bulk struct{ *Service }

// keep is how long a task's rows are kept for the history of customers.
const keep = 5 * 366 * 24 * time.Hour

// Keep implements task.Keeper.
func (bulk) Keep() time.Duration { return keep }

const (
	// A step takes about stepTime, during which no till can write; it begins with firstBlocks and takes at most mostBlocks.
	stepTime    = 2 * time.Millisecond
	firstBlocks = 8
	mostBlocks  = 64
)

// pace is how many blocks a step takes.
type pace int

// follow brings it to how long the last step took.
func (p *pace) follow(took time.Duration) {
	switch {
	case took > stepTime:
		*p = max(1, *p/2)
	case took < stepTime/3:
		*p = min(mostBlocks, *p*2)
	}
}

// part is one tag that is put on or taken off.
type part struct {
	tag set.ID
	off bool
}

// Run implements task.Kind: the cursor is the next block.
func (b bulk) Run(ctx context.Context, t *task.Task) error {
	w, err := workOf(t.Proto())
	if err != nil {
		return err
	}
	whom, err := b.whom(t.ID(), w)
	if err != nil {
		return err
	}
	var next uint32
	if c := t.Cursor(); len(c) == 4 {
		next = binary.BigEndian.Uint32(c)
	}
	for p := pace(firstBlocks); ; {
		blocks := set.Split(whom, next, int(p))
		if len(blocks) == 0 {
			return nil
		}
		var after *mostradorv1.TagWork
		var took time.Duration
		order := slices.Sorted(maps.Keys(blocks))
		err := t.Step(ctx, func(tx *store.Tx) error {
			began := time.Now()
			after = proto.CloneOf(w)
			c := &change{bulk: b, tx: tx, t: t, work: after}
			parts, err := c.parts()
			if err != nil {
				return err
			}
			done := t.Done()
			for _, block := range order {
				who := blocks[block]
				done += uint64(who.Len())
				if err := c.block(block, who, parts); err != nil {
					return err
				}
			}
			next = order[len(order)-1] + 1
			err = c.save(binary.BigEndian.AppendUint32(nil, next), done)
			took = time.Since(began)
			return err
		})
		if err != nil {
			return err
		}
		w = after
		p.follow(took)
	}
}

// change is one step's.
type change struct {
	bulk
	tx   *store.Tx
	t    *task.Task
	work *mostradorv1.TagWork
	// blocks are those in which anything changed, in ascending order.
	blocks []changedBlock
	count  uint64
}

type changedBlock struct {
	block uint32
	who   set.Block
}

// parts are the tags that there are still to be put on and taken off.
func (c *change) parts() ([]part, error) {
	var parts []part
	for _, list := range []struct {
		ids []uint32
		off bool
	}{{c.work.Add, false}, {c.work.Remove, true}} {
		for _, id := range list.ids {
			if c.work.Deleted == nil { // else it is not there because it is deleted
				there, err := c.Customers.Tag(c.tx, id)
				if err != nil {
					return nil, err
				}
				if there == nil {
					continue
				}
			}
			parts = append(parts, part{set.Tag(id), list.off})
		}
	}
	return parts, nil
}

// block changes customers of one block.
func (c *change) block(block uint32, who set.Block, parts []part) error {
	var on, off set.Block
	for _, p := range parts {
		changed, err := c.put(block, p, who)
		if err != nil {
			return err
		}
		if p.off {
			off = or(off, changed)
		} else {
			on = or(on, changed)
		}
	}
	c.told(block, on, off)
	return nil
}

// put puts a tag on customers of one block, or takes it off, and keeps whom that changed.
func (c *change) put(block uint32, p part, who set.Block) (changed set.Block, err error) {
	if !p.off {
		gone, err := c.Customers.Sets().Block(c.tx, setGone, block)
		if err != nil {
			return changed, err
		}
		who = without(who, gone)
	}
	if changed, err = c.Customers.Sets().PutBlock(c.tx, p.tag, block, who, !p.off); err != nil || changed == (set.Block{}) {
		return changed, err
	}
	r := row{off: p.off, changed: changed, left: changed}
	c.t.KeepUndo(c.tx, rowKey(block, p.tag), r.encode())
	return changed, nil
}

// told counts who got and lost tags in a block.
func (c *change) told(block uint32, on, off set.Block) {
	c.work.Added += uint64(on.Len())
	c.work.Removed += uint64(off.Len())
	if all := or(on, off); all != (set.Block{}) {
		c.blocks = append(c.blocks, changedBlock{block, all})
		c.count += uint64(all.Len())
	}
}

// save ends the step: the segments follow, and the task keeps how far it is.
func (c *change) save(cursor []byte, done uint64) error {
	if c.Segments != nil && len(c.blocks) > 0 {
		if err := c.Segments.Recheck(c.tx, c.numbers(), c.t.Actor()); err != nil {
			return fmt.Errorf("segments after tags: %w", err)
		}
	}
	if err := c.t.SetData(c.tx, c.work); err != nil {
		return err
	}
	return c.t.Save(c.tx, cursor, done, c.t.Changed()+c.count)
}

func (c *change) numbers() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, b := range c.blocks {
			for _, number := range b.who.Numbers(b.block) {
				if !yield(number) {
					return
				}
			}
		}
	}
}

// Undo implements task.Undoer: the cursor is the key of the last row.
func (b bulk) Undo(ctx context.Context, undone *mostradorv1.Task, t *task.Task) error {
	was, err := workOf(undone)
	if err != nil {
		return err
	}
	w, err := workOf(t.Proto())
	if err != nil {
		return err
	}
	w.Add, w.Remove = was.Remove, was.Add
	more := true
	for p := pace(firstBlocks); more; {
		var after *mostradorv1.TagWork
		var took time.Duration
		err := t.Step(ctx, func(tx *store.Tx) error {
			began := time.Now()
			if was.Deleted != nil {
				if err := b.restore(tx, was.Deleted, t.Actor()); err != nil {
					return err
				}
			}
			after = proto.CloneOf(w)
			c := &change{bulk: b, tx: tx, t: t, work: after}
			cursor, done, err := c.takeBack(undone.Id, int(p))
			if err != nil {
				return err
			}
			more = cursor != nil
			if !more {
				cursor = t.Cursor()
			}
			err = c.save(cursor, t.Done()+done)
			took = time.Since(began)
			return err
		})
		if err != nil {
			return err
		}
		w = after
		p.follow(took)
	}
	return nil
}

// takeBack takes back some blocks of a task. cursor is nil when there was none left; done is how many customers the task
// had changed in them.
func (c *change) takeBack(id uint64, blocks int) (cursor []byte, done uint64, err error) {
	type entry struct {
		key   []byte
		block uint32
		tag   set.ID
		row
	}
	var entries []entry
	n := 0
	for key, data := range task.Undos(c.tx, id, nil, c.t.Cursor()) {
		block, tag, err := parseKey(key)
		if err != nil {
			return nil, 0, err
		}
		if len(entries) == 0 || entries[len(entries)-1].block != block {
			if n++; n > blocks {
				break
			}
		}
		r, err := decode(data)
		if err != nil {
			return nil, 0, err
		}
		entries = append(entries, entry{slices.Clone(key), block, tag, r})
	}
	for i := 0; i < len(entries); {
		block := entries[i].block
		var on, off, all set.Block
		for ; i < len(entries) && entries[i].block == block; i++ {
			e := &entries[i]
			all = or(all, e.changed)
			cursor = e.key
			if e.undone {
				continue
			}
			left, err := c.unclaimed(id, block, e.tag, e.left)
			if err != nil {
				return nil, 0, err
			}
			changed, err := c.put(block, part{e.tag, !e.off}, left)
			if err != nil {
				return nil, 0, err
			}
			if e.off {
				on = or(on, changed)
			} else {
				off = or(off, changed)
			}
			e.row.undone = true
			task.PutUndo(c.tx, id, e.key, e.encode())
		}
		done += uint64(all.Len())
		c.told(block, on, off)
	}
	return cursor, done, nil
}

// End implements task.Ender: one event says for all customers what was done.
func (b bulk) End(tx *store.Tx, t *mostradorv1.Task) error {
	w, err := workOf(t)
	if err != nil {
		return err
	}
	tx.Delete(bucketWhom, whomKey(t.Id))
	if t.Kind == task.KindUndo {
		if t.State == mostradorv1.TaskState_TASK_STATE_DONE {
			tx.OnCommit(func() { b.closed(t.Undoes) })
		}
	} else {
		ended := t.Ended.AsTime()
		tx.OnCommit(func() { b.ended(t.Id, ended) })
		if w.Deleted != nil && t.State != mostradorv1.TaskState_TASK_STATE_DONE {
			// Who still has a tag that is not to be deleted after all must be seen to have it.
			if err := b.restore(tx, w.Deleted, t.Actor); err != nil {
				return err
			}
		}
	}
	for _, told := range []struct {
		what string
		ids  []uint32
		n    uint64
	}{{"customers.tagged", w.Add, w.Added}, {"customers.untagged", w.Remove, w.Removed}} {
		if told.n == 0 {
			continue
		}
		names, err := b.names(tx, told.ids, w.Deleted)
		if err != nil {
			return err
		}
		err = b.say(tx, told.what, t.Actor, map[string]any{"tags": names, "customers": float64(told.n), "task": float64(t.Id)})
		if err != nil {
			return err
		}
	}
	if t.Changed > 0 {
		tx.OnCommit(b.changed)
		if b.Resync != nil {
			tx.OnCommit(b.Resync)
		}
	}
	return nil
}

// names are what tags are called, one that is not there any more as it was called.
func (s *Service) names(tx *store.Tx, ids []uint32, deleted *mostradorv1.Tag) ([]any, error) {
	var names []any
	for _, id := range ids {
		t, err := s.Customers.Tag(tx, id)
		if err != nil {
			return nil, err
		}
		if t == nil && deleted.GetId() == id {
			t = deleted
		}
		if t != nil {
			names = append(names, t.Name)
		}
	}
	return names, nil
}
