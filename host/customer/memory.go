package customer

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer/finder"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Build reads all customers into memory, once, so that they can be found; whoever searches before waits for it.
// It takes about a second for a million.
func (s *Service) Build(ctx context.Context) error {
	if s.built.Load() {
		return nil
	}
	select {
	case s.building <- struct{}{}:
		defer func() { <-s.building }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if s.built.Load() {
		return nil
	}
	if err := s.load(ctx, s.finder); err != nil {
		return err
	}
	s.built.Store(true)
	return nil
}

// Count is how many customers there are.
func (s *Service) Count(ctx context.Context) (uint64, error) {
	if err := s.Build(ctx); err != nil {
		return 0, err
	}
	return uint64(s.finder.Len()), nil
}

// Reindex reads everybody anew, after the fields by whose words customers are found have changed.
func (s *Service) Reindex(ctx context.Context) error {
	if err := s.Build(ctx); err != nil {
		return err
	}
	const step = 512
	for after := uint32(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		// Within an Update, so that no change comes between reading somebody and remembering him.
		last := after
		err := s.Store.Update(ctx, func(tx *store.Tx) error {
			for number, record := range s.Records(tx, after) {
				c := new(plgv1.Customer)
				if err := proto.Unmarshal(record, c); err != nil {
					return fmt.Errorf("customer %d: %w", number, err)
				}
				if err := s.remember(tx, c); err != nil {
					return err
				}
				if last = number; last-after >= step {
					break
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if last == after {
			return nil
		}
		after = last
	}
}

// span is how many numbers are read in one transaction: none is held open for longer, since a file that grows
// waits for its readers.
const span = 8192

// load reads the records into a finder. Several goroutines read, each a span at a time, and hand over what the
// finder keeps in the order of the numbers. Who changes meanwhile is in the finder already, which keeps that.
func (s *Service) load(ctx context.Context, f *finder.Finder) error {
	type piece struct {
		after   uint32
		persons []*finder.Person
		err     error
		done    chan struct{}
	}
	var last uint32
	if err := s.Store.View(func(tx *store.Tx) error { last = s.LastNumber(tx); return nil }); err != nil {
		return err
	}
	life, cancel := context.WithCancel(ctx)
	defer cancel()
	readers := runtime.GOMAXPROCS(0)
	work, ready := make(chan *piece), make(chan *piece, 2*readers)
	var working sync.WaitGroup
	working.Go(func() {
		defer close(ready)
		defer close(work)
		for after := uint32(0); after < last; after += span {
			p := &piece{after: after, done: make(chan struct{})}
			select {
			case work <- p:
				ready <- p
			case <-life.Done():
				return
			}
		}
	})
	for range readers {
		working.Go(func() {
			for p := range work {
				p.persons, p.err = s.persons(p.after)
				close(p.done)
			}
		})
	}
	var current []*finder.Person
	var failed error
	f.Load(int(last), func() (*finder.Person, bool) {
		for len(current) == 0 {
			p, more := <-ready
			if !more {
				return nil, false
			}
			<-p.done
			if p.err != nil && failed == nil {
				failed = p.err
				cancel()
			}
			current = p.persons
		}
		p := current[0]
		current = current[1:]
		return p, true
	})
	cancel()
	working.Wait()
	if failed == nil {
		failed = ctx.Err()
	}
	return failed
}

// persons reads a span of customers.
func (s *Service) persons(after uint32) (list []*finder.Person, err error) {
	err = s.Store.View(func(tx *store.Tx) error {
		facts := newFactsCursor(s, tx, after)
		defer facts.stop()
		for number, record := range s.Records(tx, after) {
			if number > after+span {
				return nil
			}
			c := new(plgv1.Customer)
			if err := proto.Unmarshal(record, c); err != nil {
				return fmt.Errorf("customer %d: %w", number, err)
			}
			known := facts.of(number)
			list = append(list, s.person(c, &known))
		}
		return nil
	})
	return list, err
}

// factsCursor walks through the facts beside the records.
type factsCursor struct {
	next   func() (uint32, Facts, bool)
	stop   func()
	number uint32
	facts  Facts
	more   bool
}

func newFactsCursor(s *Service, tx *store.Tx, after uint32) *factsCursor {
	c := new(factsCursor)
	c.next, c.stop = iter.Pull2(s.AllFacts(tx, after))
	c.number, c.facts, c.more = c.next()
	return c
}

// of returns the facts of a customer; numbers must be asked for in ascending order.
func (c *factsCursor) of(number uint32) Facts {
	for c.more && c.number < number {
		c.number, c.facts, c.more = c.next()
	}
	if c.more && c.number == number {
		return c.facts
	}
	return Facts{}
}

// matches remembers for a moment who met a condition, so that the next page does not ask everybody again.
type matches struct {
	mu   sync.Mutex
	last []met
}

type met struct {
	condition string
	numbers   *roaring.Bitmap
	changes   uint64
	time      time.Time
}

// matchesKept is how many conditions are remembered. One is asked anew stale after customers changed, and idle after it
// was asked in any case, since conditions know what day it is.
const (
	matchesKept = 4
	stale       = 5 * time.Second
	idle        = time.Minute
)

// meets returns who meets the condition of a filter; nil when it has none. The set is not to be changed. With now it is
// asked anew: whoever acts on many customers must not act on those of a moment ago.
func (s *Service) meets(ctx context.Context, filter *mostradorv1.Filter, now bool) (*roaring.Bitmap, error) {
	condition := filter.GetCondition()
	if condition == nil || s.Select == nil {
		return nil, nil
	}
	key, err := proto.MarshalOptions{Deterministic: true}.Marshal(condition)
	if err != nil {
		return nil, err
	}
	changes, asked := s.changes.Load()+s.sets.Changes(), s.Now()
	if numbers := s.matched.get(string(key), changes, asked); numbers != nil && !now {
		return numbers, nil
	}
	numbers, err := s.Select(ctx, condition)
	if err != nil {
		return nil, err
	}
	s.matched.put(met{string(key), numbers, changes, asked})
	return numbers, nil
}

// get returns who met a condition, nil when nobody has asked lately. The set is not to be changed.
func (m *matches) get(condition string, changes uint64, now time.Time) *roaring.Bitmap {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, known := range m.last {
		age := now.Sub(known.time)
		if known.condition == condition && (age < stale || age < idle && known.changes == changes) {
			return known.numbers
		}
	}
	return nil
}

func (m *matches) put(found met) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = slices.DeleteFunc(m.last, func(known met) bool { return known.condition == found.condition })
	m.last = append(m.last, found)
	m.last = m.last[max(0, len(m.last)-matchesKept):]
}

// facts is what the store counts of a customer, as the API says it.
func (s *Service) facts(c *plgv1.Customer, f *Facts) *mostradorv1.Facts {
	at := func(seconds int64) *timestamppb.Timestamp {
		if seconds == 0 {
			return nil
		}
		return &timestamppb.Timestamp{Seconds: seconds}
	}
	currency := ""
	if s.Currency != nil {
		currency = s.Currency()
	}
	return &mostradorv1.Facts{
		Purchases: f.Purchases, Spent: &plgv1.Money{Minor: f.Spent, Currency: currency},
		FirstPurchase: at(f.FirstPurchase), LastPurchase: at(f.LastPurchase),
		LastActivity: at(max(f.LastActivity, c.GetCreated().GetSeconds())), Measures: f.Measures,
	}
}

// Shown returns what the store counts of a customer, as the API says it.
func (s *Service) Shown(tx *store.Tx, c *plgv1.Customer) (*mostradorv1.Facts, error) {
	f, err := s.Facts(tx, uint32(c.Number))
	if err != nil {
		return nil, err
	}
	return s.facts(c, &f), nil
}
