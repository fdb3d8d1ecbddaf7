package tag

import (
	"cmp"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// Entry is a tag that a task put on a customer, or took off.
type Entry struct {
	Task uint64
	Tag  string
	On   bool
	// Actor asked for the task, which ended, or began when it is still at work, at Time.
	Actor *plgv1.Actor
	Time  time.Time
}

// Tagged returns what tasks did to the tags of a customer, oldest first. What was done one by one is in the log.
func (s *Service) Tagged(tx *store.Tx, number uint32) ([]Entry, error) {
	list, err := s.Tasks.List(tx, task.Query{})
	if err != nil {
		return nil, err
	}
	block := number / set.BlockSize
	kinds := map[uint64]string{}
	deleted := map[uint32]string{}
	var entries []Entry
	for i := len(list) - 1; i >= 0; i-- {
		t := list[i]
		kinds[t.Id] = t.Kind
		if t.Kind != Kind && kinds[t.Undoes] != Kind {
			continue
		}
		for key, data := range task.Undos(tx, t.Id, rowKey(block, 0)[:4], nil) {
			_, tag, err := parseKey(key)
			if err != nil {
				return nil, err
			}
			r, err := decode(data)
			if err != nil {
				return nil, err
			}
			if !r.changed.Has(number) {
				continue
			}
			name, err := s.nameOf(tx, tag.Number(), deleted, list)
			if err != nil {
				return nil, err
			}
			at := cmp.Or(t.Ended, t.Created)
			entries = append(entries, Entry{Task: t.Id, Tag: name, On: !r.off, Actor: t.Actor, Time: at.AsTime()})
		}
	}
	return entries, nil
}

// nameOf is what a tag is called, or was called when it was deleted.
func (s *Service) nameOf(tx *store.Tx, id uint32, deleted map[uint32]string, list []*mostradorv1.Task) (string, error) {
	if name, known := deleted[id]; known {
		return name, nil
	}
	t, err := s.Customers.Tag(tx, id)
	if err != nil {
		return "", err
	}
	name := t.GetName()
	for _, done := range list {
		if name != "" {
			break
		}
		if done.Kind != Kind {
			continue
		}
		w, err := workOf(done)
		if err != nil {
			return "", err
		}
		if w.GetDeleted().GetId() == id {
			name = w.Deleted.Name
		}
	}
	deleted[id] = name
	return name, nil
}
