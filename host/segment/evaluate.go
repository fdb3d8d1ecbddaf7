package segment

import (
	"fmt"
	"time"

	"mostrador/host/customer"
	"mostrador/host/customer/set"
	"mostrador/host/store"
)

// test is a compiled condition, of a segment or of a search.
type test struct {
	holds boolean
	deps  *depends
}

// bare tells whether a test asks only for sets, and for one at least: then nobody's record has to be read.
func (t *test) bare() bool {
	d := t.deps
	return len(d.within) > 0 && d.on&^(onTags|onSegments) == 0 && len(d.fields) == 0 && !d.anyTag
}

// few is how many customers of a block are looked up one by one; more are read in passing.
const few = 16

// evaluator evaluates tests for block after block. It is for one goroutine and one day.
type evaluator struct {
	s      *Service
	tests  []test
	person person
	// sets are those that the tests name, and who of the block is in them.
	sets   []set.ID
	blocks []set.Block
	facts  bool
	// found has the outcome of each test for the block.
	found []set.Block
}

// evaluator returns one for some tests on a day.
func (s *Service) evaluator(today float64, tests ...test) *evaluator {
	e := &evaluator{s: s, tests: tests, found: make([]set.Block, len(tests)), person: s.person(today)}
	seen := map[set.ID]bool{}
	for _, t := range tests {
		e.facts = e.facts || t.deps.on&onFacts != 0
		for _, id := range t.deps.sets {
			if !seen[id] {
				seen[id] = true
				e.sets = append(e.sets, id)
			}
		}
	}
	e.blocks = make([]set.Block, len(e.sets))
	return e
}

// person returns nobody yet.
func (s *Service) person(today float64) person {
	return person{today: today, zone: s.zone(), cents: s.cents()}
}

// block says for each test who of some customers of a block meets it, as tx has them. The answer is valid until the
// next call.
func (e *evaluator) block(tx *store.Tx, block uint32, who set.Block) ([]set.Block, error) {
	clear(e.found)
	for i, id := range e.sets {
		var err error
		if e.blocks[i], err = e.s.Customers.Sets().Block(tx, id, block); err != nil {
			return nil, fmt.Errorf("segment: sets of block %d: %w", block, err)
		}
	}
	var asked set.Block // by one test at least
	candidates := make([]set.Block, len(e.tests))
	bare := true
	for i, t := range e.tests {
		candidates[i] = who
		for _, id := range t.deps.within {
			candidates[i] = and(candidates[i], e.of(id))
		}
		asked = or(asked, candidates[i])
		bare = bare && t.bare()
	}
	if asked == (set.Block{}) {
		return e.found, nil
	}
	p := &e.person
	p.in = func(id set.ID) bool {
		b := e.of(id)
		return b.Has(p.number)
	}
	p.tagged = func() bool { return e.tagged(tx, p.number) }
	judge := func(number uint32) {
		for i := range e.tests {
			if candidates[i].Has(number) && e.tests[i].holds(p) {
				e.found[i].Add(number)
			}
		}
	}
	if bare {
		for _, number := range asked.Numbers(block) {
			p.scan(number, nil)
			judge(number)
		}
		return e.found, nil
	}
	if asked.Len() <= few {
		for _, number := range asked.Numbers(block) {
			for n, record := range e.s.Customers.Records(tx, number-1) {
				if n == number {
					if e.facts {
						var err error
						if p.facts, err = e.s.Customers.Facts(tx, number); err != nil {
							return nil, err
						}
					}
					p.scan(number, record)
					judge(number)
				}
				break
			}
		}
		return e.found, nil
	}
	var facts [set.BlockSize]customer.Facts
	first := block * set.BlockSize
	before := first
	if before > 0 { // numbers begin at 1
		before--
	}
	if e.facts {
		for n, f := range e.s.Customers.AllFacts(tx, before) {
			if n/set.BlockSize != block {
				break
			}
			facts[n%set.BlockSize] = f
		}
	}
	for n, record := range e.s.Customers.Records(tx, before) {
		if n/set.BlockSize != block {
			break
		}
		if asked.Has(n) {
			p.facts = facts[n%set.BlockSize]
			p.scan(n, record)
			judge(n)
		}
	}
	return e.found, nil
}

// of is who of the block is in a set.
func (e *evaluator) of(id set.ID) set.Block {
	for i, known := range e.sets {
		if known == id {
			return e.blocks[i]
		}
	}
	return set.Block{}
}

// tagged tells whether a customer has any tag.
func (e *evaluator) tagged(tx *store.Tx, number uint32) bool {
	ids, err := e.s.Customers.Sets().Of(tx, number)
	if err != nil {
		e.s.Logger.Error("reading the sets of a customer", "number", number, "error", err)
	}
	return hasTag(ids)
}

func hasTag(ids []set.ID) bool {
	for _, id := range ids {
		if id.Kind() == set.KindTag {
			return true
		}
	}
	return false
}

func and(a, b set.Block) set.Block {
	for i := range a {
		a[i] &= b[i]
	}
	return a
}

func or(a, b set.Block) set.Block {
	for i := range a {
		a[i] |= b[i]
	}
	return a
}

func without(a, b set.Block) set.Block {
	for i := range a {
		a[i] &^= b[i]
	}
	return a
}

// everybody is all customers of a block.
var everybody = set.Block{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}

// see has a person be a customer that followers are told of.
func (p *person) see(k *customer.Known) {
	p.number, p.message, p.facts = uint32(k.Customer.GetNumber()), k.Customer, k.Facts
}

// day is the day of a moment in the store's zone.
func (s *Service) day(now time.Time) float64 { return dayOf(now.Unix(), s.zone()) }
