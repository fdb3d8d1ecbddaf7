// Package tag keeps the store's tags and puts them on customers, on one or on a million.
//
// A tag is a name with a description and a colour; who has it is a set of customers (host/customer/set), so that
// renaming touches nobody, and deleting takes the tag from everybody at once: what is left on disk means nothing any
// more and is cleared in the background.
//
// Up to a handful of customers are changed at once and one by one, with the events of any other change. More is one
// fact, done by a task of kind "tag": it goes through the customers in blocks of 256, changes a block by one small
// write, and keeps beside it which of the 256 really changed. That is what an undo takes back, and what a
// customer's history says of it (Tagged). The undo is exact though others work meanwhile: whose tag was changed by
// anybody after the task, by hand or by a later task, is not the task's any more and stays as it is.
package tag

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/customer/set"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// Kind is the kind of the tasks that put tags on customers.
const Kind = "tag"

// maxDescription is the longest description, in bytes.
const maxDescription = 500

// ErrNotFound says that there is no tag of that id.
var ErrNotFound = errors.New("tag: not found")

// Segments are the groups of customers that depend on tags (host/segment).
type Segments interface {
	// Recheck brings them to a change of the tags of customers, given in ascending order, within its transaction.
	Recheck(tx *store.Tx, numbers iter.Seq[uint32], actor *plgv1.Actor) error
}

// Config is what the tags work with.
type Config struct {
	Store     *store.Store
	Log       *event.Log
	Customers *customer.Service
	// Tasks get the kind "tag" registered.
	Tasks *task.Service
	Text  *locale.Catalog
	// Segments may be nil: then nothing follows the tags.
	Segments Segments
	// Resync has the rules of the plug-ins look at all customers again, after many of them changed; may be nil. It
	// must be quick.
	Resync func()
	// Changed is told that the list of tags, or the tags of many customers, are others; may be nil. It must be quick.
	Changed func()
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Service keeps the tags. It is safe for concurrent use.
type Service struct {
	Config
	mu sync.Mutex
	// open are the tasks that can still be taken back, by their ids.
	open map[uint64]*work
}

// New returns the tags of a store, and registers with the customers and the tasks.
func New(c Config) (*Service, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Service{Config: c, open: map[uint64]*work{}}
	if err := c.Store.View(s.load); err != nil {
		return nil, err
	}
	c.Customers.AddFollower(s)
	c.Tasks.Register(Kind, bulk{s})
	return s, nil
}

// List returns the tags by name, with how many customers have each.
func (s *Service) List() ([]*mostradorv1.Tag, error) {
	var tags []*mostradorv1.Tag
	err := s.Store.View(func(tx *store.Tx) (err error) { tags, err = s.Customers.Tags(tx); return err })
	if err != nil {
		return nil, err
	}
	for _, t := range tags {
		s.show(t)
	}
	slices.SortFunc(tags, func(a, b *mostradorv1.Tag) int {
		return cmp.Or(strings.Compare(customer.Fold(a.Name), customer.Fold(b.Name)), cmp.Compare(a.Id, b.Id))
	})
	return tags, nil
}

// show fills in what is not kept.
func (s *Service) show(t *mostradorv1.Tag) *mostradorv1.Tag {
	t.TextColor = TextColor(t.Color)
	t.Customers = s.Customers.Sets().Count(set.Tag(t.Id))
	return t
}

// Put keeps a new tag (id 0), or the name, description and colour of one that there is, and returns it as List does.
// Without a colour a tag keeps the one that it has. What a person can mend is a *customer.Refused.
func (s *Service) Put(ctx context.Context, actor *plgv1.Actor, t *mostradorv1.Tag) (*mostradorv1.Tag, error) {
	kept := &mostradorv1.Tag{Id: t.GetId(), Name: t.GetName(), Description: strings.TrimSpace(t.GetDescription())}
	if err := s.judge(ctx, kept, t.GetColor()); err != nil {
		return nil, err
	}
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		if other, taken := s.Customers.TagID(tx, kept.Name); taken && other.Number() != kept.Id {
			namesake, err := s.Customers.Tag(tx, other.Number())
			if err != nil {
				return err
			}
			return s.refuse(ctx, "name", "name_taken", "name", namesake.GetName())
		}
		what := "tag.created"
		kept.Created = timestamppb.New(s.Now())
		if kept.Id != 0 {
			was, err := s.Customers.Tag(tx, kept.Id)
			if err != nil {
				return err
			}
			if was == nil {
				return ErrNotFound
			}
			kept.Created, kept.Color = was.Created, cmp.Or(kept.Color, was.Color)
			if proto.Equal(was, kept) {
				return nil
			}
			what = "tag.changed"
		}
		kept.Color = cmp.Or(kept.Color, DefaultColor)
		if err := s.Customers.PutTag(tx, kept); err != nil {
			return err
		}
		tx.OnCommit(s.changed)
		return s.say(tx, what, actor, map[string]any{"tag": kept.Name, "id": float64(kept.Id), "color": kept.Color})
	})
	if err != nil {
		return nil, err
	}
	return s.show(kept), nil
}

// judge brings a tag to the form in which it is kept.
func (s *Service) judge(ctx context.Context, t *mostradorv1.Tag, color string) error {
	c := &plgv1.Customer{Tags: []string{t.Name}}
	for _, d := range s.Customers.NewJudge(ctx, "").Values(c) {
		return s.refuse(ctx, "name", "name_invalid", "reason", d.Summary)
	}
	t.Name = c.Tags[0]
	if strings.Contains(t.Name, ",") || customer.Fold(t.Name) == "" {
		return s.refuse(ctx, "name", "name_letters")
	}
	if len(t.Description) > maxDescription {
		return s.refuse(ctx, "description", "description_long", "n", maxDescription)
	}
	t.Description = strings.ToValidUTF8(t.Description, "\uFFFD")
	if color = strings.TrimSpace(color); color != "" {
		rgb, ok := parseColor(color)
		if !ok {
			return s.refuse(ctx, "color", "color_invalid", "color", color)
		}
		t.Color = rgb.String()
	}
	return nil
}

// Delete forgets a tag, with which nobody has it any more, and returns the task that clears up after it; its undo
// brings back the tag and who had it.
func (s *Service) Delete(ctx context.Context, actor *plgv1.Actor, id uint32) (*mostradorv1.Task, error) {
	var begun *mostradorv1.Task
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		t, err := s.Customers.Tag(tx, id)
		if err != nil {
			return err
		}
		if t == nil {
			return ErrNotFound
		}
		s.Customers.DropTag(tx, t)
		members := s.Customers.Sets().Count(set.Tag(id))
		begun, err = s.begin(tx, actor, "tag.title_delete", t.Name, &mostradorv1.TagWork{Remove: []uint32{id}, Deleted: t}, members)
		if err != nil {
			return err
		}
		tx.OnCommit(s.changed)
		return s.say(tx, "tag.deleted", actor, map[string]any{"tag": t.Name, "id": float64(id), "task": float64(begun.Id)})
	})
	return begun, err
}

// restore brings a deleted tag back under the same id, and under its name or, when another tag has that meanwhile,
// one like it.
func (s *Service) restore(tx *store.Tx, deleted *mostradorv1.Tag, actor *plgv1.Actor) error {
	there, err := s.Customers.Tag(tx, deleted.Id)
	if err != nil || there != nil {
		return err
	}
	t := proto.CloneOf(deleted)
	for taken := true; taken; {
		if _, taken = s.Customers.TagID(tx, t.Name); taken {
			t.Name += "*"
		}
	}
	if err := s.Customers.PutTag(tx, t); err != nil {
		return err
	}
	tx.OnCommit(s.changed)
	return s.say(tx, "tag.created", actor, map[string]any{"tag": t.Name, "id": float64(t.Id), "color": t.Color})
}

// say puts what happened to tags into the log.
func (s *Service) say(tx *store.Tx, what string, actor *plgv1.Actor, detail map[string]any) error {
	custom, err := structpb.NewStruct(detail)
	if err != nil {
		return err
	}
	return s.Log.Append(tx, &plgv1.Event{
		Type: what, Time: timestamppb.New(s.Now()), Actor: actor, Detail: &plgv1.Event_Custom{Custom: custom},
	})
}

func (s *Service) changed() {
	if s.Changed != nil {
		s.Changed()
	}
}

func (s *Service) refuse(ctx context.Context, path, code string, args ...any) error {
	return customer.Refuse(path, "tag_"+code, s.Text.Text(locale.FromContext(ctx), "tag."+code, args...))
}
