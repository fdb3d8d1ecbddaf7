package tag

import (
	"maps"
	"slices"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// setGone are the numbers whose customers are not there any more, on whom a task that was asked for before puts no
// tag. It has the number that no tag gets.
var setGone = set.Tag(0)

// undoable is how long after its end a task is kept apart from single changes; no shorter than a task can be undone.
const undoable = 31 * 24 * time.Hour

// work is a task that can still be taken back.
type work struct {
	tags []set.ID
	// ended is zero for a task that did not end yet.
	ended time.Time
}

func newWork(w *mostradorv1.TagWork) *work {
	open := new(work)
	for _, id := range slices.Concat(w.Add, w.Remove) {
		open.tags = append(open.tags, set.Tag(id))
	}
	return open
}

// load finds the tasks that can still be taken back.
func (s *Service) load(tx *store.Tx) error {
	list, err := s.Tasks.List(tx, task.Query{Kind: Kind})
	for _, t := range list {
		ended := task.Ended(t.State)
		if ended && !t.Undoable {
			continue
		}
		w, err := workOf(t)
		if err != nil {
			return err
		}
		open := newWork(w)
		if ended {
			open.ended = t.Ended.AsTime()
		}
		s.open[t.Id] = open
	}
	return err
}

func (s *Service) opened(id uint64, w *work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[id] = w
}

func (s *Service) ended(id uint64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.open[id]; w != nil {
		s.open[id] = &work{tags: w.tags, ended: at}
	}
}

func (s *Service) closed(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, id)
}

// about lists the tasks that can be taken back and concern a tag, in the order of their ids.
func (s *Service) about(tag set.ID) []uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.open, func(_ uint64, w *work) bool { return !w.ended.IsZero() && s.Now().Sub(w.ended) > undoable })
	var list []uint64
	for id, w := range s.open {
		if slices.Contains(w.tags, tag) {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}

// Follow implements customer.Follower: whose tag was changed by hand after a task is not the task's to take back.
func (s *Service) Follow(tx *store.Tx, was, is *customer.Known, _ *plgv1.Actor) error {
	switch {
	case is == nil:
		number := uint32(was.Customer.Number)
		if _, err := s.Customers.Sets().Put(tx, setGone, number, true); err != nil {
			return err
		}
		return s.disclaim(tx, number, was.Sets)
	case was == nil:
		// A customer who comes back, when two were made one by mistake.
		number := uint32(is.Customer.Number)
		if s.Customers.Sets().Count(setGone) == 0 {
			return nil
		}
		_, err := s.Customers.Sets().Put(tx, setGone, number, false)
		return err
	}
	if slices.Equal(was.Sets, is.Sets) {
		return nil
	}
	var changed []set.ID
	for _, side := range [2][2][]set.ID{{was.Sets, is.Sets}, {is.Sets, was.Sets}} {
		for _, id := range side[0] {
			if id.Kind() == set.KindTag && !slices.Contains(side[1], id) {
				changed = append(changed, id)
			}
		}
	}
	return s.disclaim(tx, uint32(is.Customer.Number), changed)
}

// disclaim takes a customer out of what tasks may take back of tags.
func (s *Service) disclaim(tx *store.Tx, number uint32, tags []set.ID) error {
	for _, tag := range tags {
		if tag.Kind() != set.KindTag {
			continue
		}
		for _, id := range s.about(tag) {
			key := rowKey(number/set.BlockSize, tag)
			data := task.GetUndo(tx, id, key)
			if data == nil {
				continue
			}
			r, err := decode(data)
			if err != nil {
				return err
			}
			if !r.left.Has(number) {
				continue
			}
			var one set.Block
			one.Add(number)
			r.left = without(r.left, one)
			task.PutUndo(tx, id, key, r.encode())
		}
	}
	return nil
}

// unclaimed are those of left whom no later task changed, unless that was taken back itself.
func (c *change) unclaimed(id uint64, block uint32, tag set.ID, left set.Block) (set.Block, error) {
	for _, later := range c.about(tag) {
		if later <= id {
			continue
		}
		data := task.GetUndo(c.tx, later, rowKey(block, tag))
		if data == nil {
			continue
		}
		r, err := decode(data)
		if err != nil {
			return left, err
		}
		if !r.undone {
			left = without(left, r.changed)
		}
	}
	return left, nil
}
