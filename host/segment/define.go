package segment

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/RoaringBitmap/roaring/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Bounds of a definition.
const (
	maxName        = 80
	maxDescription = 1000
	// maxSegments is how many there may be: each change of a customer looks at all of them.
	maxSegments = 500
)

// List returns the segments by name, as people see them.
func (s *Service) List(ctx context.Context) ([]*mostradorv1.Segment, error) {
	terms, err := s.terms(ctx)
	if err != nil {
		return nil, err
	}
	var list []*mostradorv1.Segment
	err = s.Store.View(func(tx *store.Tx) error {
		for _, e := range s.graph().entries {
			list = append(list, s.show(ctx, tx, e, terms))
		}
		return nil
	})
	slices.SortFunc(list, func(a, b *mostradorv1.Segment) int { return strings.Compare(fold(a.Name), fold(b.Name)) })
	return list, err
}

// Get returns one segment as people see it, by its id, or ErrNotFound.
func (s *Service) Get(ctx context.Context, id uint32) (*mostradorv1.Segment, error) {
	e := s.graph().byID[id]
	if e == nil {
		return nil, ErrNotFound
	}
	terms, err := s.terms(ctx)
	if err != nil {
		return nil, err
	}
	var shown *mostradorv1.Segment
	err = s.Store.View(func(tx *store.Tx) error { shown = s.show(ctx, tx, e, terms); return nil })
	return shown, err
}

// Name returns the name of a segment, empty when there is none of that id.
func (s *Service) Name(id uint32) string { return s.graph().byID[id].named() }

func (e *entry) named() string {
	if e == nil {
		return ""
	}
	return e.definition.GetName()
}

// Members are the customers' numbers, as committed; the caller may change what it gets.
func (s *Service) Members(id uint32) *roaring.Bitmap {
	return s.Customers.Sets().Members(set.Segment(id))
}

func (s *Service) show(ctx context.Context, tx *store.Tx, e *entry, terms []*term) *mostradorv1.Segment {
	d := proto.CloneOf(e.definition)
	d.Customers = s.Customers.Sets().Count(e.set)
	d.ByDay = e.deps.on&onToday != 0
	if d.Condition != nil {
		d.Words = s.words(ctx, newBuilder(terms), d.Condition)
	}
	switch {
	case e.wrong != nil:
		d.Problem = s.diagnose(ctx, e.wrong).GetSummary()
	case e.state.Stopped:
		d.Problem = s.text(ctx, "stopped")
	case e.state.Task != 0:
		d.Counting = true
		if t, err := s.Tasks.Get(tx, e.state.Task); err == nil && t.GetTotal() > 0 {
			d.Percent = int32(min(t.GetDone()*100/t.GetTotal(), 99))
		}
	}
	return d
}

// Put keeps a segment, a new one when its id is 0, and returns it with the task that works out its members, which is
// nil when only name or description changed. What is wrong with it is a *customer.Refused.
func (s *Service) Put(ctx context.Context, actor *plgv1.Actor, wanted *mostradorv1.Segment) (*mostradorv1.Segment, *mostradorv1.Task, error) {
	s.edit.Lock()
	defer s.edit.Unlock()
	d := &mostradorv1.Segment{
		Id: wanted.GetId(), Name: strings.Join(strings.Fields(wanted.GetName()), " "),
		Description: strings.TrimSpace(wanted.GetDescription()), Condition: wanted.GetCondition(),
		Expression: strings.TrimSpace(wanted.GetExpression()),
	}
	was := s.graph().byID[d.Id]
	if d.Id != 0 && was == nil {
		return nil, nil, ErrNotFound
	}
	diagnostics := s.judge(ctx, d)
	v, compiled, wrong, err := s.define(ctx, d)
	if err != nil {
		return nil, nil, err
	}
	if diagnostics = append(diagnostics, wrong...); len(diagnostics) > 0 {
		return nil, nil, refused(diagnostics)
	}
	var renamed []*entry
	if was != nil && was.definition.Name != d.Name {
		if renamed, err = s.renamed(ctx, v, was.definition.Name, d); err != nil {
			return nil, nil, err
		}
	}
	var task *mostradorv1.Task
	err = s.update(ctx, func(tx *store.Tx, g *graph) (_ *graph, err error) {
		now := timestamppb.New(s.Now())
		d.Created, d.Updated = now, now
		if was != nil {
			d.Created = was.definition.Created
			compiled.state = g.byID[d.Id].state
		} else {
			d.Id = nextID(tx)
		}
		compiled.set = set.Segment(d.Id)
		if was == nil || compiled.state.Meaning != compiled.meaning || compiled.state.Stopped {
			task, err = s.start(tx, actor, "title_count", d)
			if err != nil {
				return nil, err
			}
			compiled.state = state{Task: task.Id, Meaning: compiled.meaning}
		}
		for _, e := range append(renamed, compiled) {
			if err := putDefinition(tx, e.definition); err != nil {
				return nil, err
			}
			if err := putState(tx, e.definition.Id, e.state); err != nil {
				return nil, err
			}
		}
		return g.with(append(renamed, compiled)...), s.note(tx, actor, "segment.saved", d)
	})
	if err != nil {
		return nil, nil, err
	}
	shown, err := s.Get(ctx, d.Id)
	return shown, task, err
}

// judge says what is wrong with a definition besides its condition.
func (s *Service) judge(ctx context.Context, d *mostradorv1.Segment) []*plgv1.Diagnostic {
	refuse := func(path, key string, args ...any) []*plgv1.Diagnostic {
		return []*plgv1.Diagnostic{{
			Severity: plgv1.Severity_SEVERITY_ERROR, Path: path, Code: key, Summary: s.text(ctx, key, args...),
		}}
	}
	g := s.graph()
	switch {
	case d.Name == "":
		return refuse("name", "name_empty")
	case utf8.RuneCountInString(d.Name) > maxName || !utf8.ValidString(d.Name):
		return refuse("name", "name_long", "n", maxName)
	case utf8.RuneCountInString(d.Description) > maxDescription:
		return refuse("description", "description_long", "n", maxDescription)
	case d.Id == 0 && len(g.entries) >= maxSegments:
		return refuse("", "too_many", "n", maxSegments)
	}
	for _, e := range g.entries {
		if e.definition.Id != d.Id && fold(e.definition.Name) == fold(d.Name) {
			return refuse("name", "name_taken", "name", e.definition.Name)
		}
	}
	return nil
}

// define compiles a definition; its expression becomes the one of its condition. What is wrong is said in words.
func (s *Service) define(ctx context.Context, d *mostradorv1.Segment) (*vocabulary, *entry, []*plgv1.Diagnostic, error) {
	v, err := s.vocabulary()
	if err != nil {
		return nil, nil, nil, err
	}
	e := &entry{definition: d, set: set.Segment(d.Id)}
	if d.Condition != nil {
		terms, err := s.terms(ctx)
		if err != nil {
			return nil, nil, nil, err
		}
		var m *mistake
		if d.Expression, m = newBuilder(terms).build(d.Condition); m != nil {
			return v, nil, []*plgv1.Diagnostic{s.diagnose(ctx, m)}, nil
		}
	}
	g := s.graph()
	if err := s.Store.View(func(tx *store.Tx) error {
		e.test, e.deps, e.wrong = v.compile(d.Expression, s.namesIn(tx, g.definitions()), false)
		return nil
	}); err != nil {
		return nil, nil, nil, err
	}
	if e.wrong == nil && d.Id != 0 {
		e.wrong = g.circle(e)
	}
	if e.wrong != nil {
		return v, nil, []*plgv1.Diagnostic{s.diagnose(ctx, e.wrong)}, nil
	}
	e.meaning = v.meaning(d.Expression, &e.deps)
	return v, e, nil, nil
}

// circle says through which segment a new definition would depend on itself; nil when it does not.
func (g *graph) circle(e *entry) *mistake {
	id := e.definition.Id
	for _, used := range e.uses() {
		if used == id {
			return &mistake{line: 1, column: 1, key: "circle_self"}
		}
		other := g.byID[used]
		if was := g.byID[id]; other != nil && was != nil && slices.Contains(g.dependents(was), other) {
			return &mistake{line: 1, column: 1, key: "circle", args: []any{"name", other.named()}}
		}
	}
	return nil
}

// renamed are the segments that speak of one that gets another name, with the new name in their text.
func (s *Service) renamed(ctx context.Context, v *vocabulary, old string, d *mostradorv1.Segment) ([]*entry, error) {
	var changed []*entry
	g := s.graph()
	for _, e := range g.entries {
		if !slices.Contains(e.deps.sets, set.Segment(d.Id)) || e.definition.Id == d.Id {
			continue
		}
		next := *e
		next.definition = proto.CloneOf(e.definition)
		if next.definition.Condition != nil {
			rename(next.definition.Condition, old, d.Name)
			terms, err := s.terms(ctx)
			if err != nil {
				return nil, err
			}
			for _, t := range terms {
				if t.id == "segments" {
					t.choices = append(t.choices, &mostradorv1.Choice{Value: d.Name, Label: d.Name})
				}
			}
			text, m := newBuilder(terms).build(next.definition.Condition)
			if m != nil {
				continue // it stands still already, and says why
			}
			next.definition.Expression = text
		} else {
			next.definition.Expression = v.rename(e.definition.Expression, old, d.Name)
		}
		meaning := v.meaning(next.definition.Expression, &e.deps)
		if next.state.Meaning == e.meaning {
			next.state.Meaning = meaning
		}
		next.meaning = meaning
		changed = append(changed, &next)
	}
	return changed, nil
}

// rename replaces the name of a segment in a condition.
func rename(c *mostradorv1.Condition, old, name string) {
	for _, child := range c.GetConditions() {
		rename(child, old, name)
	}
	if c.GetTerm() != "segments" {
		return
	}
	for i, operand := range c.Operands {
		if fold(strings.TrimSpace(operand)) == fold(old) {
			c.Operands[i] = name
		}
	}
}

// Delete removes a segment; its members are cleared in the background. One of which others speak is refused.
func (s *Service) Delete(ctx context.Context, actor *plgv1.Actor, id uint32) error {
	s.edit.Lock()
	defer s.edit.Unlock()
	e := s.graph().byID[id]
	if e == nil {
		return ErrNotFound
	}
	var users []string
	for _, other := range s.graph().entries {
		if slices.Contains(other.uses(), id) {
			users = append(users, s.text(ctx, "quote", "text", other.named()))
		}
	}
	if len(users) > 0 {
		return customer.Refuse("", "in_use", s.text(ctx, "in_use", "list", s.join(ctx, users, "and")))
	}
	return s.update(ctx, func(tx *store.Tx, g *graph) (*graph, error) {
		tx.Delete(bucketSegment, definitionKey(id))
		tx.Delete(bucketSegment, stateKey(id))
		if _, err := s.start(tx, actor, "title_clear", e.definition); err != nil {
			return nil, err
		}
		return g.without(id), s.note(tx, actor, "segment.deleted", e.definition)
	})
}

// note tells the log of a definition.
func (s *Service) note(tx *store.Tx, actor *plgv1.Actor, kind string, d *mostradorv1.Segment) error {
	detail, err := structpb.NewStruct(map[string]any{
		"segment": float64(d.GetId()), "name": d.GetName(), "expression": strings.ToValidUTF8(d.GetExpression(), "\uFFFD"),
	})
	if err != nil {
		return fmt.Errorf("segment: event of %d: %w", d.GetId(), err)
	}
	return s.Log.Append(tx, &plgv1.Event{Type: kind, Actor: actor, Detail: &plgv1.Event_Custom{Custom: detail}})
}

// Refresh brings the segments to the present data model, measures, tags and plugins: those whose text means something
// else now are worked out again. Run does it every now and then; whoever changes these may call it at once.
func (s *Service) Refresh(ctx context.Context) error {
	s.edit.Lock()
	defer s.edit.Unlock()
	v, err := s.vocabulary()
	if err != nil {
		return err
	}
	var changed []*entry
	err = s.Store.View(func(tx *store.Tx) error {
		next, err := s.read(tx, v)
		if err != nil {
			return err
		}
		for _, e := range next.entries {
			now := s.graph().byID[e.definition.Id]
			if now == nil || now.meaning != e.meaning || (now.test == nil) != (e.test == nil) || e.outdated() {
				changed = append(changed, e)
			}
		}
		return nil
	})
	if err != nil || len(changed) == 0 {
		return err
	}
	return s.update(ctx, func(tx *store.Tx, g *graph) (*graph, error) {
		for _, e := range changed {
			if now := g.byID[e.definition.Id]; now != nil {
				e.state = now.state
			}
			switch {
			case e.test == nil && e.state.Task == 0 && e.state.Meaning != "":
				e.state = state{} // whatever it means once it can be evaluated, its members are not that
			case e.test != nil && e.outdated():
				t, err := s.start(tx, &plgv1.Actor{Channel: hostChannel}, "title_count", e.definition)
				if err != nil {
					return nil, err
				}
				e.state = state{Task: t.Id, Meaning: e.meaning}
			default:
				continue
			}
			if err := putState(tx, e.definition.Id, e.state); err != nil {
				return nil, err
			}
		}
		return g.with(changed...), nil
	})
}

// outdated tells whether the members are those of another meaning, and nobody is at it.
func (e *entry) outdated() bool {
	if e.test == nil {
		return e.state.Task == 0 && e.state.Meaning != ""
	}
	return e.state.Task == 0 && !e.state.Stopped && e.state.Meaning != e.meaning
}

func nextID(tx *store.Tx) uint32 {
	last := uint32(0)
	if data := tx.Get(bucketSegment, keyLast); len(data) == 4 {
		last = be32(data)
	}
	tx.Put(bucketSegment, keyLast, put32(last+1))
	return last + 1
}

func refused(diagnostics []*plgv1.Diagnostic) error {
	return &customer.Refused{Refusal: &mostradorv1.Refusal{Diagnostics: diagnostics}}
}
