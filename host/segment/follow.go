package segment

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"

	"mostrador/host/customer"
	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// change is in what a customer became another.
type change struct {
	// all tells that he is new.
	all     bool
	on      dependency
	was, is *customer.Known
	// sets are those that he joined or left.
	sets []set.ID
}

// changeOf compares two states of a customer.
func changeOf(was, is *customer.Known) *change {
	c := &change{was: was, is: is, all: was == nil}
	if c.all {
		return c
	}
	a, b := was.Customer, is.Customer
	note := func(differ bool, on dependency) {
		if differ {
			c.on |= on
		}
	}
	note(a.GetName() != b.GetName(), onName)
	note(a.GetPhone() != b.GetPhone(), onPhone)
	note(a.GetEmail() != b.GetEmail(), onEmail)
	note(a.GetLanguage() != b.GetLanguage(), onLanguage)
	note(!slices.Equal(a.GetCards(), b.GetCards()), onCards)
	note(a.GetAplicaPromociones() != b.GetAplicaPromociones(), onAplica)
	// Giving or withdrawing consent is an activity, and both states come with the facts as they are after it.
	note(a.GetConsent().GetProgramme() != b.GetConsent().GetProgramme() ||
		a.GetConsent().GetPromotions() != b.GetConsent().GetPromotions(), onConsent|onFacts)
	f, g := &was.Facts, &is.Facts
	note(f.Purchases != g.Purchases || f.Spent != g.Spent || f.FirstPurchase != g.FirstPurchase ||
		f.LastPurchase != g.LastPurchase || f.LastActivity != g.LastActivity || !maps.Equal(f.Measures, g.Measures), onFacts)
	for _, id := range was.Sets {
		if !slices.Contains(is.Sets, id) {
			c.set(id)
		}
	}
	for _, id := range is.Sets {
		if !slices.Contains(was.Sets, id) {
			c.set(id)
		}
	}
	return c
}

func (c *change) set(id set.ID) {
	c.sets = append(c.sets, id)
	switch id.Kind() {
	case set.KindTag:
		c.on |= onTags
	case set.KindSegment:
		c.on |= onSegments
	}
}

// touches tells whether what a condition speaks of changed.
func (c *change) touches(d *depends) bool {
	const named = onTags | onSegments
	switch {
	case c.all || d.on&c.on&^named != 0:
		return true
	case d.anyTag && c.on&onTags != 0:
		return true
	}
	return slices.ContainsFunc(c.sets, func(id set.ID) bool { return slices.Contains(d.sets, id) }) ||
		slices.ContainsFunc(d.fields, func(id string) bool {
			return c.was.Customer.GetFields()[id] != c.is.Customer.GetFields()[id]
		})
}

// Follow brings the segments to a change of a customer, within its transaction, and tells who joined and left.
// It implements customer.Follower.
func (s *Service) Follow(tx *store.Tx, was, is *customer.Known, actor *plgv1.Actor) error {
	if is == nil { // whoever takes a customer away takes him out of all sets
		s.watch.note(uint32(was.Customer.GetNumber()))
		return nil
	}
	number := uint32(is.Customer.GetNumber())
	s.watch.note(number)
	g := s.graph()
	if len(g.entries) == 0 {
		return nil
	}
	c := changeOf(was, is)
	var p *person
	sets := is.Sets
	for _, e := range g.entries {
		if e.test == nil || !c.touches(&e.deps) {
			continue
		}
		if p == nil {
			made, err := s.personIn(tx, g)
			if err != nil {
				return err
			}
			p = &made
			p.see(is)
			p.in = func(id set.ID) bool { return slices.Contains(sets, id) }
			p.tagged = func() bool { return hasTag(sets) }
		}
		in := e.test(p)
		if in == slices.Contains(sets, e.set) {
			continue
		}
		changed, err := s.Customers.Sets().Put(tx, e.set, number, in)
		if err != nil {
			return err
		}
		// sets is the caller's until it changes.
		if in {
			sets = append(slices.Clone(sets), e.set)
		} else {
			sets = slices.DeleteFunc(slices.Clone(sets), func(id set.ID) bool { return id == e.set })
		}
		c.set(e.set)
		if !changed || s.silent(e, p, was, in, actor) {
			continue
		}
		if err := s.tell(tx, e, is.Customer, in, actor); err != nil {
			return err
		}
	}
	return nil
}

// personIn returns nobody yet, on the day that tx has.
func (s *Service) personIn(tx *store.Tx, g *graph) (person, error) {
	if !g.byDay {
		return s.person(absent), nil
	}
	today, err := s.today(tx)
	return s.person(today), err
}

// silent tells whether a joining or leaving is none: while a segment is being worked out, of customers whom the
// definition moved, not the change; and for a customer that an import brings, of whom no event tells.
func (s *Service) silent(e *entry, p *person, was *customer.Known, in bool, actor *plgv1.Actor) bool {
	if was == nil {
		return strings.HasPrefix(actor.GetChannel(), importChannel)
	}
	if e.state.Task == 0 {
		return false
	}
	before := *p
	before.see(was)
	before.in = func(id set.ID) bool { return slices.Contains(was.Sets, id) }
	before.tagged = func() bool { return hasTag(was.Sets) }
	return e.test(&before) == in
}

// importChannel begins the channel of an import's actor.
const importChannel = "import:"

// tell puts a joining or leaving into the log.
func (s *Service) tell(tx *store.Tx, e *entry, c *plgv1.Customer, joined bool, actor *plgv1.Actor) error {
	told := &plgv1.Event{Actor: actor, Customer: c}
	id, name := e.definition.GetId(), e.definition.GetName()
	if joined {
		told.Type = "segment.joined"
		told.Detail = &plgv1.Event_SegmentJoined{SegmentJoined: &plgv1.SegmentJoined{Segment: id, Name: name}}
	} else {
		told.Type = "segment.left"
		told.Detail = &plgv1.Event_SegmentLeft{SegmentLeft: &plgv1.SegmentLeft{Segment: id, Name: name}}
	}
	return s.Log.Append(tx, told)
}

// Recheck brings the segments that depend on tags to a change of many customers' tags, within its transaction, and
// tells who joined and left. The numbers are in ascending order.
func (s *Service) Recheck(tx *store.Tx, numbers iter.Seq[uint32], actor *plgv1.Actor) error {
	g := s.graph()
	var roots []*entry
	for _, e := range g.entries {
		if e.test != nil && e.deps.on&onTags != 0 {
			roots = append(roots, e)
		}
	}
	entries := g.evaluated(append(roots, g.dependents(roots...)...))
	today := absent
	if g.byDay && len(entries) > 0 {
		var err error
		if today, err = s.today(tx); err != nil {
			return err
		}
	}
	split := ranks(entries)
	evaluators := make([]*evaluator, len(split))
	for i, rank := range split {
		evaluators[i] = s.evaluator(today, tests(rank)...)
	}
	var block uint32
	var who set.Block
	flush := func() error {
		if who == (set.Block{}) {
			return nil
		}
		for i, rank := range split {
			found, err := evaluators[i].block(tx, block, who)
			if err != nil {
				return err
			}
			for j, e := range rank {
				if _, err := s.assign(tx, e, block, who, found[j], e.state.Task == 0, actor); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for number := range numbers {
		s.watch.note(number)
		if number/set.BlockSize != block {
			if err := flush(); err != nil {
				return err
			}
			block, who = number/set.BlockSize, set.Block{}
		}
		who.Add(number)
	}
	return flush()
}

// assign makes found the members of a segment among some customers of a block, and returns how many that changed.
func (s *Service) assign(tx *store.Tx, e *entry, block uint32, who, found set.Block, aloud bool, actor *plgv1.Actor) (changed int, err error) {
	sets := s.Customers.Sets()
	joined, err := sets.PutBlock(tx, e.set, block, and(found, who), true)
	if err != nil {
		return 0, err
	}
	left, err := sets.PutBlock(tx, e.set, block, without(who, found), false)
	if err != nil {
		return 0, err
	}
	changed = joined.Len() + left.Len()
	if !aloud {
		return changed, nil
	}
	for _, step := range []struct {
		who    set.Block
		joined bool
	}{{left, false}, {joined, true}} {
		for _, number := range step.who.Numbers(block) {
			c, err := s.Customers.ByNumber(tx, number)
			if errors.Is(err, customer.ErrNotFound) {
				continue
			}
			if err != nil {
				return 0, err
			}
			if err := s.tell(tx, e, c, step.joined, actor); err != nil {
				return 0, err
			}
		}
	}
	return changed, nil
}

// evaluated leaves out those that cannot be evaluated, and puts the rest into the order of their ranks.
func (g *graph) evaluated(entries []*entry) []*entry {
	return slices.DeleteFunc(slices.Clone(g.entries), func(e *entry) bool { return e.test == nil || !slices.Contains(entries, e) })
}

// ranks splits entries, in the order of their ranks, into those that do not depend on one another.
func ranks(entries []*entry) [][]*entry {
	var split [][]*entry
	for i, e := range entries {
		if i == 0 || e.rank != entries[i-1].rank {
			split = append(split, nil)
		}
		split[len(split)-1] = append(split[len(split)-1], e)
	}
	return split
}

func tests(entries []*entry) []test {
	list := make([]test, len(entries))
	for i, e := range entries {
		list[i] = test{e.test, &e.deps}
	}
	return list
}
