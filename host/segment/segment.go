// Package segment keeps segments: conditions over everything that is known of a customer, whose members
// follow the customers by themselves.
//
// A condition is a text in CEL; what is built on a screen from terms and operators is translated into one.
// CEL's own parser and checker judge it against the names that the store knows (language.go), and what they
// checked is compiled into Go functions (compile.go): no expression has a loop inside a loop, none can fail
// while it is evaluated, and one takes far less than a microsecond, so that no condition, however strange,
// keeps a till waiting. What is not there compares as false with everything: who has no birthday has none in
// the next seven days, and none before 1990 either; empty(x) asks for it by name.
//
// The members of a segment are a set of customers (host/customer/set) on disk. Whatever changes a customer
// tells Follow, within its transaction, and the segments that speak of what changed are worked out again for
// this one customer; who joins and who leaves is an event in the same transaction. A new or changed
// definition is worked out for everybody by a background task (populate.go): readers evaluate ranges of
// customers side by side and off the tills' way, then short transactions write what they found, looking again
// at those customers who changed meanwhile. It tells no events: nobody joined, the segment did.
//
// Time enters conditions only as `today`, a day of the store's zone that is written in the store file. When
// the zone's next day begins, be the program running or not, everybody is worked out again for the segments
// that speak of it (day.go), in durable steps, so each joining and leaving is told exactly once.
//
// A segment may speak of other segments and of tags. Segments are evaluated in the order in which they depend
// on one another, and none may depend on itself.
package segment

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"golang.org/x/text/currency"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/manifest"
)

// ErrNotFound is returned when there is no segment of an id.
var ErrNotFound = errors.New("segment: not found")

// Model is the store's data model (host/model).
type Model interface {
	// List returns the fields of customers with their names in a language: the store's own, those that are retired
	// too when asked for, and those of active plugins. The core's own (name, phone, ...) are passed over when they
	// are among them.
	List(lang string, retired bool) []*mostradorv1.Field
}

// Config is what a Service works with.
type Config struct {
	Store     *store.Store
	Log       *event.Log
	Customers *customer.Service
	// Tasks works out the members of new and changed segments.
	Tasks *task.Service
	// Model may be nil: then customers have no fields beside the core's.
	Model Model
	// Measures lists the measures of the active plugins; may be nil.
	Measures func() []manifest.Measure
	// Zone is the store's; nil means the machine's.
	Zone func() *time.Location
	// Currency is the store's (ISO 4217), whose minor units amounts are in; may be nil: then one has a hundred.
	Currency func() string
	Text     *locale.Catalog
	Logger   hclog.Logger
	// Now may be nil: then it is the clock.
	Now func() time.Time
	// Changed is called when a definition changed, and while members are worked out for everybody; may be nil. It must
	// be quick.
	Changed func()
}

// Service keeps segments. It is safe for concurrent use.
type Service struct {
	Config
	// entries are the segments as they are in force, in an order in which none stands before one that it
	// depends on. The slice and what it holds never change; a new one takes its place.
	entries atomic.Pointer[graph]
	// edit orders those who change definitions.
	edit sync.Mutex
	// passing is held by the pass that is at work.
	passing chan struct{}
	// watch notes who changes while a pass reads.
	watch watch
}

// New reads the segments of a store, and registers with the customers and the tasks.
func New(c Config) (*Service, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Text == nil {
		c.Text = locale.New()
	}
	if c.Changed == nil {
		c.Changed = func() {}
	}
	s := &Service{Config: c, passing: make(chan struct{}, 1)}
	s.watch.ranges = map[*reading]bool{}
	if err := s.load(); err != nil {
		return nil, err
	}
	c.Customers.AddFollower(s)
	c.Tasks.Register(kindSegment, populating{s})
	return s, nil
}

func (s *Service) zone() *time.Location {
	if s.Zone != nil {
		if z := s.Zone(); z != nil {
			return z
		}
	}
	return time.Local
}

// cents is how many minor units make one of the currency.
func (s *Service) cents() float64 {
	scale := 2
	if s.Currency != nil {
		if unit, err := currency.ParseISO(s.Currency()); err == nil {
			scale, _ = currency.Standard.Rounding(unit)
		}
	}
	return math.Pow10(scale)
}

// text is a sentence of this package in the language of whoever asks.
func (s *Service) text(ctx context.Context, key string, args ...any) string {
	return s.Text.Text(locale.FromContext(ctx), "segment."+key, args...)
}

// fields are the fields that expressions may name, retired ones too.
func (s *Service) fields(lang string) []*mostradorv1.Field {
	if s.Model == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.Model.List(lang, true)), func(f *mostradorv1.Field) bool {
		return f.GetOrigin() == mostradorv1.FieldOrigin_FIELD_ORIGIN_CORE
	})
}

func (s *Service) measures() []manifest.Measure {
	if s.Measures == nil {
		return nil
	}
	return s.Measures()
}
