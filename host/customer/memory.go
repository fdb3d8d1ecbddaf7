package customer

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"sync"
	"sync/atomic"
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

// matchesKept is how many conditions are remembered, and stale after how long one is asked anew although
// customers may have changed since.
const (
	matchesKept = 4
	stale       = 5 * time.Second
)

// match returns who meets a condition.
func (s *Service) match(ctx context.Context, condition *mostradorv1.Condition, match func(*Known) bool) (*roaring.Bitmap, error) {
	key, err := proto.MarshalOptions{Deterministic: true}.Marshal(condition)
	if err != nil {
		return nil, err
	}
	s.matched.mu.Lock()
	defer s.matched.mu.Unlock()
	changes := s.changes.Load()
	for _, m := range s.matched.last {
		if m.condition == string(key) && (m.changes == changes || s.Now().Sub(m.time) < stale) {
			return m.numbers.Clone(), nil
		}
	}
	numbers, err := s.Matching(ctx, match)
	if err != nil {
		return nil, err
	}
	s.matched.last = append(s.matched.last, met{string(key), numbers, changes, s.Now()})
	if n := len(s.matched.last); n > matchesKept {
		s.matched.last = s.matched.last[n-matchesKept:]
	}
	return numbers.Clone(), nil
}

// Matching asks of every customer whether he meets a condition, on all processors. match is called from several
// goroutines and must keep nothing of what it is given.
func (s *Service) Matching(ctx context.Context, match func(*Known) bool) (*roaring.Bitmap, error) {
	var last uint32
	if err := s.Store.View(func(tx *store.Tx) error { last = s.LastNumber(tx); return nil }); err != nil {
		return nil, err
	}
	var next atomic.Uint32
	var mu sync.Mutex
	all := roaring.New()
	var failed error
	var working sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		working.Go(func() {
			for {
				after := (next.Add(1) - 1) * span
				if after >= last {
					return
				}
				numbers, err := s.matching(ctx, after, match)
				mu.Lock()
				all.Or(numbers)
				if err != nil {
					failed = err
				}
				stop := failed != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	working.Wait()
	return all, failed
}

// matching is Matching for a span behind a number.
func (s *Service) matching(ctx context.Context, after uint32, match func(*Known) bool) (*roaring.Bitmap, error) {
	numbers := roaring.New()
	if err := ctx.Err(); err != nil {
		return numbers, err
	}
	err := s.Store.View(func(tx *store.Tx) error {
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
			sets, err := s.sets.Of(tx, number)
			if err != nil {
				return err
			}
			if c.Tags, err = s.tagsIn(tx, sets); err != nil {
				return err
			}
			if match(&Known{c, facts.of(number), sets}) {
				numbers.Add(number)
			}
		}
		return nil
	})
	return numbers, err
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
