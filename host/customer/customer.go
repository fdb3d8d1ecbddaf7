// Package customer keeps the people whom the store knows.
//
// A record is a plgv1.Customer, stored as it is sent. Beside it stands one index bucket with four kinds of
// keys: the phone, the e-mail, each card, and each word of the name. All that a person types is normalised
// and judged before the transaction begins (the numbering plans of phones are the dear part); inside it
// only uniqueness is left to look up, so that registering costs little more than writing the bytes.
//
// Every change, whoever makes it, goes through one place (UpdateTx): there the rules of interplay set what
// they govern, the indexes follow, the revision grows, and the event customer.changed says what became of
// each field. What a rule governs nobody else can set: Register, Update and Set refuse it with the rule's
// own words.
package customer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
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
	// patterns are the compiled patterns of fields by their text.
	patterns sync.Map
}

// New returns the service of a store.
func New(c Config) *Service {
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
	return &Service{Config: c}
}

type noRules struct{}

func (noRules) Locked(string, *plgv1.Customer, string) (string, bool) { return "", false }
func (noRules) Apply(*plgv1.Customer) error                           { return nil }

const bucketCustomer store.Bucket = "customer"

// Get returns the customer of an id, or ErrNotFound.
func (s *Service) Get(tx *store.Tx, id string) (*plgv1.Customer, error) {
	if id == "" {
		return nil, ErrNotFound
	}
	c := new(plgv1.Customer)
	found, err := store.GetProto(tx, bucketCustomer, []byte(id), c)
	if err != nil {
		return nil, fmt.Errorf("customer %s: %w", id, err)
	}
	if !found {
		return nil, ErrNotFound
	}
	return c, nil
}

// Walk returns up to limit customers in the order of their ids, which is that of their registration,
// beginning behind the id after. Somebody who walks to bring everybody to new rules must first have switched
// the rules within an Update: then whoever registers during the walk already follows them.
func (s *Service) Walk(after string, limit int) ([]*plgv1.Customer, error) {
	var found []*plgv1.Customer
	var from []byte
	if after != "" {
		from = []byte(after)
	}
	err := s.Store.View(func(tx *store.Tx) error {
		for id, data := range tx.Scan(bucketCustomer, nil, from) {
			if len(found) >= limit {
				return nil
			}
			c := new(plgv1.Customer)
			if err := proto.Unmarshal(data, c); err != nil {
				return fmt.Errorf("customer %s: %w", id, err)
			}
			found = append(found, c)
		}
		return nil
	})
	return found, err
}

// Count is how many customers there are. It reads every key, so it is for work that will read them all anyway.
func (s *Service) Count() (n uint64, err error) {
	err = s.Store.View(func(tx *store.Tx) error {
		for range tx.Scan(bucketCustomer, nil, nil) {
			n++
		}
		return nil
	})
	return n, err
}

// text is a sentence of this package in the language of whoever asks.
func (s *Service) text(ctx context.Context, key string, args ...any) string {
	return s.Text.Text(locale.FromContext(ctx), "customer."+key, args...)
}
