// Package subscription keeps what each customer wants to hear of, and by which channel (seed 004).
//
// A topic is something that promotional messages are about; "promociones" is the general one, which always exists and
// under which a message without a topic counts. The one channel so far is "email". Every customer begins with all of
// them on: what is kept is only who left what. A change is a row of the customer's state, a row of his history and the
// event "subscription.changed", all in the transaction of its cause; the rows of the history are numbered by their
// events.
//
// Subscriptions stand below consent, which is the ledger's alone (package consent): whoever has not accepted promotions,
// or has left them, gets none, whatever is on here. So staff may take a customer up again to a topic that he had left,
// after confirming that he asks for it, and give no consent by that; Show says when it has no effect.
//
// Events, for plug-ins that handle them (Custom events, with this data):
//
//	subscription.changed   topic or channel, on, means ("link", "staff", "merge"); the actor is who did it
//	subscription.reason    reason ("too_many", "not_interesting", "never_asked", "other"), words
//
// When two records of one person become one, what either of them had left is left (Merged); when that is taken back,
// both are as they were, but for what was left meanwhile, which holds for both: in doubt there is no advertising.
package subscription

import (
	"context"
	"encoding/binary"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	// General is the topic that always exists.
	General = "promociones"
	// Email is the channel of mails.
	Email = "email"
	// EventChanged and EventReason are the types of this package's events.
	EventChanged = "subscription.changed"
	EventReason  = "subscription.reason"
)

// The buckets.
const (
	// bucketTopic holds the topics but the general one, by id.
	bucketTopic store.Bucket = "subscription_topic"
	// bucketLeft counts who has left a topic or channel: key of the topic or channel → 8 bytes.
	bucketLeft store.Bucket = "subscription_left"
	// bucketState holds how a customer stands to what he ever changed: customer id, 0, key → sequence in the history,
	// and partMark behind it while he is part of another.
	bucketState store.Bucket = "subscription"
	// bucketHistory holds every change: customer id, 0, sequence of the event → Subscription.
	bucketHistory store.Bucket = "subscription_history"
	// bucketReason holds why customers left: customer id, 0, sequence of the event → LeavingReason.
	bucketReason store.Bucket = "subscription_reason"
)

const partMark = 'p'

// Config is what a Service works with.
type Config struct {
	Store     *store.Store
	Log       *event.Log
	Customers *customer.Service
	Text      *locale.Catalog
	// Language is the store's, for what staff read of messages; may be nil.
	Language func() string
	// Changed is told, when it is durable, that the list of topics is another; may be nil. It must be quick.
	Changed func()
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Service keeps the subscriptions. It is safe for concurrent use.
type Service struct{ Config }

// New returns the subscriptions of a store.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Text == nil {
		c.Text = locale.New()
	}
	if c.Language == nil {
		c.Language = func() string { return locale.Default }
	}
	return &Service{c}
}

func (s *Service) text(lang, key string, args ...any) string {
	return s.Text.Text(lang, "subscription."+key, args...)
}

func (s *Service) refuse(ctx context.Context, path, code string, args ...any) error {
	return customer.Refuse(path, code, s.text(locale.FromContext(ctx), code, args...))
}

// say appends an event about a customer and returns its sequence.
func (s *Service) say(tx *store.Tx, kind string, actor *plgv1.Actor, c *plgv1.Customer, data map[string]any) (uint64, error) {
	detail, err := structpb.NewStruct(data)
	if err != nil {
		return 0, err
	}
	e := &plgv1.Event{Type: kind, Actor: actor, Customer: c, Detail: &plgv1.Event_Custom{Custom: detail}}
	err = s.Log.Append(tx, e)
	return e.Sequence, err
}

func prefixOf(customerID string) []byte { return append([]byte(customerID), 0) }

func stateKey(customerID, key string) []byte { return append(prefixOf(customerID), key...) }

func sequenceKey(customerID string, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(prefixOf(customerID), sequence)
}
