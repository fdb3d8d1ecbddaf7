// Package record keeps a customer's record over time: what became of it, who else may be the same person, and what the
// law lets a person ask of it (seed 004; GDPR articles 15, 17 and 20).
//
// History puts together what the store keeps apart: the log of events, the ledger of consent, the outbox, and the tasks
// that tagged many at once. Nothing is written for it.
//
// A merge makes two records one, in one transaction. The one who goes loses the record and keeps the id, which leads to
// the other from then on; what is kept under that id elsewhere stays where it is and is found by way of
// customer.Service.IDs. So the record itself is all that changes, and a merge is taken back by putting it in its place
// again: what both were then is kept with the merge (bucket "record_merge"). What the one who stays came to since stays
// his. Plugins hear of both and bring their own records along.
//
// Duplicates are found by keys that two records of one person have in common although something was mistyped
// (blocking): the comparing itself is done only among those few. See keys.go and score.go.
//
// Erasing takes the person out of everything that the store keeps, and leaves what the law wants kept: sales that are
// nobody's, and the proof of consent under an id that leads to nobody. Records that were deleted stay readable in free
// pages of the store's file until these are written anew, and in backups; both are named in what Erase answers.
package record

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/message"
	"mostrador/host/sale"
	"mostrador/host/store"
	"mostrador/host/subscription"
	"mostrador/sdk/plgv1"
)

// The buckets.
const (
	// bucketMerge holds merges: number (8 bytes) → mostradorv1.MergeRecord.
	bucketMerge store.Bucket = "record_merge"
	// bucketMerged lists a customer's merges, of both sides: number of the customer, number of the merge → nothing.
	bucketMerged store.Bucket = "record_merged"
	// bucketPair holds suggested pairs: run, 100 minus the score, numbers of both → 1 when their name is rare.
	bucketPair store.Bucket = "record_pair"
	// bucketDismissed names pairs who are two persons: number, greater number → nothing. Both orders are there.
	bucketDismissed store.Bucket = "record_dismissed"
	// bucketMeta holds the state of the search for duplicates (see scan.go).
	bucketMeta store.Bucket = "record_meta"
)

// Tagging is a tag that a background task put on a customer, or took off.
type Tagging struct {
	Task  uint64
	Tag   string
	On    bool
	Actor *plgv1.Actor
	Time  time.Time
}

// Import is what is told of an import.
type Import struct {
	File  string
	Actor *plgv1.Actor
	Time  time.Time
}

// Config is what a Service works with.
type Config struct {
	Store     *store.Store
	Log       *event.Log
	Engine    *event.Engine
	Customers *customer.Service
	Consent   *consent.Service
	Sales     *sale.Service
	Messages  *message.Service
	// Subscriptions may be nil: then there are none.
	Subscriptions *subscription.Service
	// Codes returns the codes of promotions that a customer has; may be nil.
	Codes func(tx *store.Tx, customerID string) ([]*mostradorv1.PromoCode, error)
	// Tagged returns what tasks did to a customer's tags, oldest first; may be nil.
	Tagged func(tx *store.Tx, number uint32) ([]Tagging, error)
	// Import returns an import by its number, Imported the number of the one that a customer came with (0: none). Both
	// may be nil.
	Import   func(tx *store.Tx, id uint64) (Import, bool)
	Imported func(tx *store.Tx, number uint32) uint64
	// PluginName is what people call a plug-in, MeasureName what they call a measure; empty when nobody knows. Both may
	// be nil.
	PluginName  func(id, lang string) string
	MeasureName func(id, lang string) string
	// Reports forgets what came in about a customer's mails and what is known of his address, which is empty for a part of
	// him; may be nil.
	Reports func(tx *store.Tx, customerID, email string) error
	// Elsewhere forgets a customer in what this package does not know of, within the transaction of his erasure; id is
	// his, or that of a part of him. It may be nil. What it cannot forget it names in words.
	Elsewhere func(ctx context.Context, tx *store.Tx, id string, number uint32) (kept []string, err error)
	// StoreName is the store's, for what a person is given.
	StoreName func() string
	// Location is the store's zone; nil means the machine's.
	Location *time.Location
	Text     *locale.Catalog
	Logger   hclog.Logger
	// Now may be nil: then it is the clock.
	Now func() time.Time
}

// Service keeps records over time. It is safe for concurrent use. Run searches for duplicates in the background.
type Service struct {
	Config
	wake chan struct{}

	mu sync.Mutex
	// percent is how far the search under way is; 100 when there is none.
	percent int32
}

// New returns the service of a store.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Text == nil {
		c.Text = locale.New()
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Location == nil {
		c.Location = time.Local
	}
	if c.StoreName == nil {
		c.StoreName = func() string { return "" }
	}
	return &Service{Config: c, wake: make(chan struct{}, 1), percent: 100}
}

// text is a sentence of this package.
func (s *Service) text(lang, key string, args ...any) string {
	return s.Text.Text(lang, "record."+key, args...)
}

func (s *Service) refuse(ctx context.Context, path, code string, args ...any) error {
	return customer.Refuse(path, code, s.text(locale.FromContext(ctx), code, args...))
}

func (s *Service) pluginName(id, lang string) string {
	if s.PluginName != nil {
		if name := s.PluginName(id, lang); name != "" {
			return name
		}
	}
	return id
}

func (s *Service) measureName(id, lang string) string {
	if s.MeasureName != nil {
		if name := s.MeasureName(id, lang); name != "" {
			return name
		}
	}
	return id
}

func numberKey(number uint32) []byte { return binary.BigEndian.AppendUint32(nil, number) }

func mergeKey(merge uint64) []byte { return binary.BigEndian.AppendUint64(nil, merge) }

func mergedKey(number uint32, merge uint64) []byte {
	return binary.BigEndian.AppendUint64(numberKey(number), merge)
}

func pairKey(a, b uint32) []byte { return append(numberKey(a), numberKey(b)...) }
