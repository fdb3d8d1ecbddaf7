package tag

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// handful is how many customers are changed at once, one by one.
const handful = 200

// bucketWhom holds whom a task is about: its id (8 bytes, big endian) → a serialised bitmap of numbers, until the
// task ends.
const bucketWhom store.Bucket = "tag_task"

// Apply puts the tags add on all customers whom the selection means, and takes the tags remove off them. A handful is
// changed at once: the task is nil and changed says how many customers really changed. More is done by the task that
// it returns. What a person can mend is a *customer.Refused.
func (s *Service) Apply(ctx context.Context, actor *plgv1.Actor, sel *mostradorv1.Selection, add, remove []string) (begun *mostradorv1.Task, changed uint64, err error) {
	numbers, err := s.Customers.Selected(ctx, sel)
	if err != nil {
		return nil, 0, err
	}
	total := numbers.GetCardinality()
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		on, err := s.named(ctx, tx, "add", add)
		if err != nil {
			return err
		}
		off, err := s.named(ctx, tx, "remove", remove)
		if err != nil {
			return err
		}
		if len(on)+len(off) == 0 {
			return s.refuse(ctx, "add", "nothing_chosen")
		}
		for _, t := range on {
			if slices.ContainsFunc(off, func(o *mostradorv1.Tag) bool { return o.Id == t.Id }) {
				return s.refuse(ctx, "remove", "both_ways", "name", t.Name)
			}
		}
		if total <= handful {
			changed, err = s.each(tx, actor, numbers, on, off)
			return err
		}
		title, names := title(on, off)
		if begun, err = s.begin(tx, actor, title, names, &mostradorv1.TagWork{Add: ids(on), Remove: ids(off)}, total); err != nil {
			return err
		}
		numbers.RunOptimize()
		data, err := numbers.ToBytes()
		if err != nil {
			return fmt.Errorf("tag: whom a task is about: %w", err)
		}
		tx.Put(bucketWhom, whomKey(begun.Id), data)
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	return begun, changed, nil
}

// named finds tags by their names.
func (s *Service) named(ctx context.Context, tx *store.Tx, path string, names []string) ([]*mostradorv1.Tag, error) {
	var tags []*mostradorv1.Tag
	for _, name := range names {
		id, known := s.Customers.TagID(tx, strings.TrimSpace(name))
		if !known {
			return nil, s.refuse(ctx, path, "unknown", "name", name)
		}
		t, err := s.Customers.Tag(tx, id.Number())
		if err != nil {
			return nil, err
		}
		if t != nil && !slices.ContainsFunc(tags, func(o *mostradorv1.Tag) bool { return o.Id == t.Id }) {
			tags = append(tags, t)
		}
	}
	return tags, nil
}

// each changes customers one by one.
func (s *Service) each(tx *store.Tx, actor *plgv1.Actor, numbers *roaring.Bitmap, on, off []*mostradorv1.Tag) (changed uint64, err error) {
	for it := numbers.Iterator(); it.HasNext(); {
		was, err := s.Customers.ByNumber(tx, it.Next())
		if errors.Is(err, customer.ErrNotFound) {
			continue // gone since he was selected
		}
		if err != nil {
			return 0, err
		}
		is, err := s.Customers.UpdateTx(tx, actor, was.Id, func(c *plgv1.Customer) {
			c.Tags = slices.DeleteFunc(c.Tags, func(name string) bool { return has(off, name) })
			for _, t := range on {
				if !slices.Contains(c.Tags, t.Name) {
					c.Tags = append(c.Tags, t.Name)
				}
			}
		})
		if err != nil {
			return 0, err
		}
		if !slices.Equal(was.Tags, is.Tags) {
			changed++
		}
	}
	if changed > 0 {
		tx.OnCommit(s.changed)
	}
	return changed, nil
}

func has(tags []*mostradorv1.Tag, name string) bool {
	return slices.ContainsFunc(tags, func(t *mostradorv1.Tag) bool { return t.Name == name })
}

func ids(tags []*mostradorv1.Tag) (list []uint32) {
	for _, t := range tags {
		list = append(list, t.Id)
	}
	return list
}

// title is the key of a task's title, and the names of its tags in it.
func title(on, off []*mostradorv1.Tag) (key, names string) {
	quote := func(tags []*mostradorv1.Tag) string {
		quoted := make([]string, len(tags))
		for i, t := range tags {
			quoted[i] = "«" + t.Name + "»"
		}
		return strings.Join(quoted, ", ")
	}
	switch {
	case len(off) == 0:
		return "tag.title_add", quote(on)
	case len(on) == 0:
		return "tag.title_remove", quote(off)
	}
	return "tag.title_both", quote(on) + " / " + quote(off)
}

// begin starts a task, from which on single changes of its tags are kept apart from its own.
func (s *Service) begin(tx *store.Tx, actor *plgv1.Actor, title, tags string, w *mostradorv1.TagWork, total uint64) (*mostradorv1.Task, error) {
	args := map[string]string{"tags": tags, "n": strconv.FormatUint(total, 10)}
	t, err := s.Tasks.Start(tx, actor, Kind, title, args, w, total)
	if err != nil {
		return nil, err
	}
	id, opened := t.Id, newWork(w)
	tx.OnCommit(func() { s.opened(id, opened) })
	return t, nil
}

// whom returns whom a task is about: those chosen when it was asked for or, when their tag is deleted, who still have it.
func (s *Service) whom(id uint64, w *mostradorv1.TagWork) (*roaring.Bitmap, error) {
	if w.Deleted != nil {
		return s.Customers.Sets().Members(set.Tag(w.Deleted.Id)), nil
	}
	numbers := roaring.New()
	err := s.Store.View(func(tx *store.Tx) error {
		data := tx.Get(bucketWhom, whomKey(id))
		if data == nil {
			return nil
		}
		return numbers.UnmarshalBinary(data)
	})
	if err != nil {
		return nil, fmt.Errorf("tag: whom task %d is about: %w", id, err)
	}
	return numbers, nil
}

// workOf reads what a task is about.
func workOf(t *mostradorv1.Task) (*mostradorv1.TagWork, error) {
	w := new(mostradorv1.TagWork)
	if err := proto.Unmarshal(t.Data, w); err != nil {
		return nil, fmt.Errorf("tag: data of task %d: %w", t.Id, err)
	}
	return w, nil
}
