// Package customer keeps the people whom the store knows.
//
// Everything about a customer stands under a number that the store gives at registration: the record
// (record.go), what the store counts of him (facts.go), and the sets that he is in, tags among them (tags.go,
// host/customer/set). An index keeps apart what belongs to one person only: phone, e-mail, cards (index.go).
// Names are not in the file's index: they are found in memory by host/customer/finder, which is built from the
// records when the store opens and follows every commit, so it cannot disagree with them (search.go). All that
// a person types is normalised and judged before the transaction begins (the numbering plans of phones are the
// dear part); inside it only uniqueness is left to look up.
//
// Every change, whoever makes it, goes through one place (keep): there the rules of interplay set what they
// govern, the indexes follow, the revision grows, the followers (segments) are told, and the event
// customer.changed says what became of each field. What a rule governs nobody else can set: Register, Update
// and Set refuse it with the rule's own words. Of two people who change one field at once the second is shown
// both values and chooses; what they changed apart from each other stays.
package customer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/hashicorp/go-hclog"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer/finder"
	"mostrador/host/customer/set"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

var (
	// ErrNotFound is returned when no customer has the id or key.
	ErrNotFound = errors.New("customer: not found")
	// ErrConflict is returned when somebody else changed the customer since the revision that an update names.
	ErrConflict = errors.New("customer: changed by somebody else meanwhile")
)

// Refused is the error for what a person can mend: its diagnostics are sentences in that person's language.
type Refused struct {
	Refusal *mostradorv1.Refusal
}

// Error joins the sentences.
func (r *Refused) Error() string {
	var sentences []string
	for _, d := range r.Refusal.GetDiagnostics() {
		if d.Severity != plgv1.Severity_SEVERITY_WARNING && d.Severity != plgv1.Severity_SEVERITY_INFO {
			sentences = append(sentences, d.Summary)
		}
	}
	return strings.Join(sentences, " ")
}

// Duplicate reports whether the refusal is about somebody else's phone, e-mail or card.
func (r *Refused) Duplicate() bool {
	return len(r.Refusal.GetDuplicates()) > 0
}

// Refuse returns an error of one diagnostic. Path is the form's field, code the stable name for programs.
func Refuse(path, code, sentence string) error {
	return &Refused{&mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{{
		Severity: plgv1.Severity_SEVERITY_ERROR, Summary: sentence, Path: path, Code: code,
	}}}}
}

// Rules are what the active plugins mean together for a customer (host/interplay).
type Rules interface {
	// Locked reports whether a rule governs a field (a path of UpdateRequest.mask, such as
	// "aplica_promociones" or "fields.x"), and its reason in words.
	Locked(field string, c *plgv1.Customer, lang string) (reason string, locked bool)
	// Apply sets the governed values in c.
	Apply(c *plgv1.Customer) error
}

// Config is what a Service works with.
type Config struct {
	Store *store.Store
	Log   *event.Log
	// Rules may be nil: then nothing is governed.
	Rules Rules
	// Fields are the declarations in force; may be nil: then every field is a text.
	Fields func() Fields
	// Indexed lists the ids of the fields by whose words customers are found; may be nil.
	Indexed func() []string
	// Select returns who meets a condition (host/segment); may be nil: then searches have none.
	Select func(ctx context.Context, condition *mostradorv1.Condition) (*roaring.Bitmap, error)
	// Imported returns the customers whom an import brought or changed; may be nil: then nobody.
	Imported func(id uint64) (*roaring.Bitmap, error)
	// Currency is the store's (ISO 4217); may be nil.
	Currency func() string
	// Country is the store's (ISO 3166), for phones without a country code.
	Country func() string
	// Text holds the sentences.
	Text   *locale.Catalog
	Logger hclog.Logger
	// Now may be nil: then it is the clock.
	Now func() time.Time
}

// Service keeps customers. It is safe for concurrent use.
type Service struct {
	Config
	sets      *set.Sets
	finder    *finder.Finder
	followers []Follower
	// building is held while the finder is being built; built tells that it was.
	building chan struct{}
	built    atomic.Bool
	// changes counts what was committed, by which found conditions know that they are out of date.
	changes atomic.Uint64
	matched matches
	// patterns are the compiled patterns of fields by their text.
	patterns sync.Map
}

// New returns the service of a store.
func New(c Config) (*Service, error) {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rules == nil {
		c.Rules = noRules{}
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Text == nil {
		c.Text = locale.New()
	}
	s := &Service{Config: c, finder: finder.New(), building: make(chan struct{}, 1)}
	var err error
	if s.sets, err = set.Open(c.Store); err != nil {
		return nil, err
	}
	if err := s.renumber(); err != nil {
		return nil, fmt.Errorf("bring customers to numbers: %w", err)
	}
	return s, nil
}

// Sets are the sets of customers.
func (s *Service) Sets() *set.Sets { return s.sets }

type noRules struct{}

func (noRules) Locked(string, *plgv1.Customer, string) (string, bool) { return "", false }
func (noRules) Apply(*plgv1.Customer) error                           { return nil }

// text is a sentence of this package in the language of whoever asks.
func (s *Service) text(ctx context.Context, key string, args ...any) string {
	return s.Text.Text(locale.FromContext(ctx), "customer."+key, args...)
}
