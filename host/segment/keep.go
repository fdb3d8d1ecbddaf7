package segment

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer/set"
	"mostrador/host/locale"
	"mostrador/host/store"
)

// bucketSegment holds
//
//	d ID  → mostradorv1.Segment: the definition
//	s ID  → state: how far its members are worked out, in JSON
//	#     → the last id that was given; ids are never given again
//	@     → dayState: the store's day, in JSON
const bucketSegment store.Bucket = "segment"

var (
	keyLast = []byte("#")
	keyDay  = []byte("@")
)

func put32(n uint32) []byte   { return binary.BigEndian.AppendUint32(nil, n) }
func be32(data []byte) uint32 { return binary.BigEndian.Uint32(data) }

func definitionKey(id uint32) []byte { return binary.BigEndian.AppendUint32([]byte("d"), id) }
func stateKey(id uint32) []byte      { return binary.BigEndian.AppendUint32([]byte("s"), id) }

// state is how far the members of a segment are worked out.
type state struct {
	// Task works them out; 0 when they are.
	Task uint64 `json:"task,omitempty"`
	// Stopped tells that the task ended before its end.
	Stopped bool `json:"stopped,omitempty"`
	// Meaning is what the expression meant when they were last worked out, or the task began.
	Meaning string `json:"meaning"`
}

// entry is a segment in force. It does not change; another one takes its place.
type entry struct {
	definition *mostradorv1.Segment
	set        set.ID
	state      state
	// test is nil when the expression cannot be evaluated as things are; wrong says why. The members then stay
	// as they are.
	test  boolean
	deps  depends
	wrong *mistake
	// meaning is what the expression means with the present fields, tags and segments.
	meaning string
	// rank is greater than that of every segment that this one speaks of.
	rank int
}

// graph is all segments at one moment.
type graph struct {
	// entries are in the order of their ranks.
	entries []*entry
	byID    map[uint32]*entry
	// byDay tells whether any speaks of today.
	byDay bool
}

func (s *Service) graph() *graph { return s.entries.Load() }

// load reads the definitions and compiles them.
func (s *Service) load() error {
	return s.Store.View(func(tx *store.Tx) error {
		g, err := s.read(tx, nil)
		if err == nil {
			s.entries.Store(g)
		}
		return err
	})
}

// read compiles what tx holds. v may be nil: then it is made.
func (s *Service) read(tx *store.Tx, v *vocabulary) (*graph, error) {
	if v == nil {
		var err error
		if v, err = s.vocabulary(); err != nil {
			return nil, err
		}
	}
	var definitions []*mostradorv1.Segment
	for _, data := range tx.Scan(bucketSegment, []byte("d"), nil) {
		d := new(mostradorv1.Segment)
		if err := proto.Unmarshal(data, d); err != nil {
			return nil, fmt.Errorf("segment: definition: %w", err)
		}
		definitions = append(definitions, d)
	}
	named := s.namesIn(tx, definitions)
	g := &graph{byID: map[uint32]*entry{}}
	for _, d := range definitions {
		e := &entry{definition: d, set: set.Segment(d.Id)}
		if data := tx.Get(bucketSegment, stateKey(d.Id)); data != nil {
			if err := json.Unmarshal(data, &e.state); err != nil {
				return nil, fmt.Errorf("segment %d: state: %w", d.Id, err)
			}
		}
		e.test, e.deps, e.wrong = v.compile(d.Expression, named, true)
		e.meaning = v.meaning(d.Expression, &e.deps)
		g.byID[d.Id] = e
	}
	return g.with(), nil
}

// order ranks the entries. Of those on a circle (which Put refuses) none is evaluated.
func (g *graph) order() {
	const visiting = -1
	ranks := map[uint32]int{}
	var rank func(e *entry) int
	rank = func(e *entry) int {
		if r, done := ranks[e.definition.Id]; done {
			return r
		}
		ranks[e.definition.Id] = visiting
		r := 0
		for _, id := range e.uses() {
			other := g.byID[id]
			if other == nil {
				continue
			}
			below := rank(other)
			if below == visiting {
				e.test, e.wrong = nil, &mistake{key: "circle", args: []any{"name", other.definition.GetName()}}
				continue
			}
			r = max(r, below+1)
		}
		ranks[e.definition.Id] = r
		e.rank = r
		return r
	}
	for _, e := range g.entries {
		rank(e)
		g.byDay = g.byDay || e.byDay()
	}
	slices.SortStableFunc(g.entries, func(a, b *entry) int { return a.rank - b.rank })
}

// uses are the ids of the segments that it speaks of.
func (e *entry) uses() []uint32 {
	var ids []uint32
	for _, id := range e.deps.sets {
		if id.Kind() == set.KindSegment {
			ids = append(ids, id.Number())
		}
	}
	return ids
}

func (e *entry) byDay() bool { return e.test != nil && e.deps.on&onToday != 0 }

// dependents are those that speak of one of some segments, or of one that does, in the order of their ranks.
func (g *graph) dependents(of ...*entry) []*entry {
	touched := map[uint32]bool{}
	for _, e := range of {
		touched[e.definition.Id] = true
	}
	var found []*entry
	for _, e := range g.entries {
		if !touched[e.definition.Id] && slices.ContainsFunc(e.uses(), func(id uint32) bool { return touched[id] }) {
			touched[e.definition.Id] = true
			found = append(found, e)
		}
	}
	return found
}

// with is a graph with some entries in the place of those of the same ids, or beside the others.
func (g *graph) with(changed ...*entry) *graph {
	next := &graph{byID: map[uint32]*entry{}}
	for id, e := range g.byID {
		own := *e
		next.byID[id] = &own
	}
	for _, e := range changed {
		next.byID[e.definition.Id] = e
	}
	for _, id := range slices.Sorted(maps.Keys(next.byID)) {
		next.entries = append(next.entries, next.byID[id])
	}
	next.order()
	return next
}

// without is a graph without a segment.
func (g *graph) without(id uint32) *graph {
	next := g.with()
	delete(next.byID, id)
	next.entries = slices.DeleteFunc(next.entries, func(e *entry) bool { return e.definition.Id == id })
	return next
}

// vocabulary is what expressions may speak of now.
func (s *Service) vocabulary() (*vocabulary, error) {
	return newVocabulary(s.fields(locale.Default), s.measures())
}

// compile checks and compiles an expression.
func (v *vocabulary) compile(source string, n names, lenient bool) (boolean, depends, *mistake) {
	checked, m := v.check(source)
	if m != nil {
		return nil, depends{}, m
	}
	return compile(checked, n, lenient)
}

// meaning is what an expression means besides its text: the types of fields and the sets behind the names.
func (v *vocabulary) meaning(source string, d *depends) string {
	var b strings.Builder
	b.WriteString(source)
	for _, id := range d.fields {
		fmt.Fprintf(&b, "\n%s %v", id, v.types["fields."+id])
	}
	for _, id := range d.sets {
		fmt.Fprintf(&b, "\n%d", id)
	}
	return b.String()
}

// storeNames finds tags in a transaction, and segments in a list.
type storeNames struct {
	find     func(name string) (set.ID, bool)
	segments map[string]set.ID
}

func (n *storeNames) tag(name string) (set.ID, bool) { return n.find(name) }
func (n *storeNames) segment(name string) (set.ID, bool) {
	id, ok := n.segments[fold(name)]
	return id, ok
}

func (s *Service) namesIn(tx *store.Tx, definitions []*mostradorv1.Segment) names {
	n := &storeNames{find: func(name string) (set.ID, bool) { return s.Customers.TagID(tx, name) }, segments: map[string]set.ID{}}
	for _, d := range definitions {
		n.segments[fold(d.Name)] = set.Segment(d.Id)
	}
	return n
}

// definitions are those of a graph.
func (g *graph) definitions() []*mostradorv1.Segment {
	list := make([]*mostradorv1.Segment, 0, len(g.byID))
	for _, id := range slices.Sorted(maps.Keys(g.byID)) {
		list = append(list, g.byID[id].definition)
	}
	return list
}

// putDefinition and putState write; what is only shown is left out.
func putDefinition(tx *store.Tx, d *mostradorv1.Segment) error {
	d = proto.CloneOf(d)
	d.Customers, d.Counting, d.Percent, d.ByDay, d.Words, d.Problem = 0, false, 0, false, "", ""
	return store.PutProto(tx, bucketSegment, definitionKey(d.Id), d)
}

func putState(tx *store.Tx, id uint32, st state) error {
	data, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("segment %d: state: %w", id, err)
	}
	tx.Put(bucketSegment, stateKey(id), data)
	return nil
}
