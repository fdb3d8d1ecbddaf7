// Package promotion keeps promotions, of which each customer has a code of his own, and the offers that messages show to
// whom they fit (seed 003: "código promocional nominativo", "venta cruzada").
//
// A code is issued once per customer and promotion, in the transaction that queues the message which brings it, and is
// redeemed once, at the counter, by the customer whose it is: the same receipt again answers the same, any other is
// refused in words. Codes are drawn at random from more than a million times as many as a store will ever issue, so that
// none can be guessed. What a code is worth is a sentence for the person at the counter; the till takes the discount.
//
// An offer says whom it is for in two ways, both of which must hold: a condition in the language of segments, and, for
// cross-sale, articles or kinds of articles of which the customer bought one lately. Conditions are compiled when an offer
// is kept and again every now and then, since they speak of fields, tags and segments; ChooseTx, which is asked for every
// mail, only evaluates.
package promotion

import (
	"context"
	"encoding/binary"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	// bucketPromotion holds promotions: id → mostradorv1.Promotion, without its counts.
	bucketPromotion store.Bucket = "promotion"
	// bucketCount counts codes: promotion id → issued, redeemed (8 bytes each, big endian).
	bucketCount store.Bucket = "promotion_count"
	// bucketCode holds codes without their dash: code → mostradorv1.PromoCode.
	bucketCode store.Bucket = "promotion_code"
	// bucketHolder finds codes: "c" customer id 0 promotion id → code; "p" promotion id 0 code → "".
	bucketHolder store.Bucket = "promotion_holder"
	// bucketOffer holds offers: id → mostradorv1.Offer.
	bucketOffer store.Bucket = "promotion_offer"
)

// Bounds of what people write.
const (
	maxID         = 40
	maxName       = 80
	maxText       = 1000
	maxPromotions = 1000
	maxOffers     = 200
	maxDays       = 3650
)

// EventRedeemed is the type of the event that tells that a customer used his code: promotion, code, receipt, benefit.
const EventRedeemed = "promotion.redeemed"

// ErrNotFound says that there is no promotion, code or offer of that name.
var ErrNotFound = errors.New("promotion: not found")

// Match tells whether an expression in the language of segments holds for a customer.
type Match func(*customer.Known) bool

// Config is what the promotions work with.
type Config struct {
	Store     *store.Store
	Log       *event.Log
	Customers *customer.Service
	// Sales returns a customer's latest sales, newest first.
	Sales func(tx *store.Tx, customerID string, limit int) ([]*plgv1.Sale, error)
	// Compile reads an expression of an offer. It is called outside transactions; what is wrong is a *customer.Refused.
	Compile func(ctx context.Context, expression string) (Match, error)
	Text    *locale.Catalog
	Logger  hclog.Logger
	// Changed is told that the list of promotions or offers is another; may be nil. It must be quick.
	Changed func()
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Service keeps promotions, codes and offers. It is safe for concurrent use.
type Service struct {
	Config
	// edit serialises what changes the offers.
	edit sync.Mutex
	// offers are those that may be shown, compiled, best first; replaced as a whole.
	offers atomic.Pointer[[]compiled]
}

// New returns the promotions of a store. Run keeps the conditions of offers up to date.
func New(c Config) *Service {
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Changed == nil {
		c.Changed = func() {}
	}
	return &Service{Config: c}
}

// idPattern is what ids of promotions and offers look like: they are typed into rules and templates.
var idPattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// List returns the promotions with their counts, by id, those that are over included.
func (s *Service) List() ([]*mostradorv1.Promotion, error) {
	var list []*mostradorv1.Promotion
	err := s.Store.View(func(tx *store.Tx) error {
		for _, value := range tx.Scan(bucketPromotion, nil, nil) {
			p := new(mostradorv1.Promotion)
			if err := proto.Unmarshal(value, p); err != nil {
				return err
			}
			p.Issued, p.Redeemed = counts(tx, p.Id)
			list = append(list, p)
		}
		return nil
	})
	return list, err
}

// Put keeps a promotion; with create one that must not be there yet. What a person can mend is a *customer.Refused.
func (s *Service) Put(ctx context.Context, actor *plgv1.Actor, wanted *mostradorv1.Promotion, create bool) (*mostradorv1.Promotion, error) {
	p := proto.CloneOf(wanted)
	if p == nil {
		p = new(mostradorv1.Promotion)
	}
	p.Issued, p.Redeemed = 0, 0
	p.Id, p.Name, p.Benefit = strings.TrimSpace(p.Id), customer.OneLine(p.Name), customer.OneLine(p.Benefit)
	switch {
	case !idPattern.MatchString(p.Id) || len(p.Id) > maxID:
		return nil, s.refuse(ctx, "id", "id_invalid", "n", maxID)
	case p.Name == "" || utf8.RuneCountInString(p.Name) > maxName:
		return nil, s.refuse(ctx, "name", "name_invalid", "n", maxName)
	case p.Benefit == "" || utf8.RuneCountInString(p.Benefit) > maxName:
		return nil, s.refuse(ctx, "benefit", "benefit_invalid", "n", maxName)
	case p.Days < 0 || p.Days > maxDays:
		return nil, s.refuse(ctx, "days", "days_invalid", "n", maxDays)
	case p.Ends != nil && p.Starts != nil && !p.Ends.AsTime().After(p.Starts.AsTime()):
		return nil, s.refuse(ctx, "ends", "ends_before")
	}
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		there := tx.Get(bucketPromotion, []byte(p.Id)) != nil
		switch {
		case create && there:
			return s.refuse(ctx, "id", "id_taken", "id", p.Id)
		case !create && !there:
			return ErrNotFound
		case create && full(tx, bucketPromotion, maxPromotions):
			return s.refuse(ctx, "", "too_many", "n", maxPromotions)
		}
		if err := store.PutProto(tx, bucketPromotion, []byte(p.Id), p); err != nil {
			return err
		}
		p.Issued, p.Redeemed = counts(tx, p.Id)
		tx.OnCommit(s.Changed)
		return s.note(tx, actor, nil, "promotion.saved", map[string]any{"promotion": p.Id, "name": p.Name, "benefit": p.Benefit})
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (s *Service) promotion(tx *store.Tx, id string) (*mostradorv1.Promotion, error) {
	p := new(mostradorv1.Promotion)
	found, err := store.GetProto(tx, bucketPromotion, []byte(id), p)
	if err == nil && !found {
		err = ErrNotFound
	}
	return p, err
}

func counts(tx *store.Tx, id string) (issued, redeemed uint64) {
	if data := tx.Get(bucketCount, []byte(id)); len(data) == 16 {
		return binary.BigEndian.Uint64(data), binary.BigEndian.Uint64(data[8:])
	}
	return 0, 0
}

func count(tx *store.Tx, id string, issued, redeemed int) {
	i, r := counts(tx, id)
	data := binary.BigEndian.AppendUint64(nil, uint64(max(int64(i)+int64(issued), 0)))
	tx.Put(bucketCount, []byte(id), binary.BigEndian.AppendUint64(data, uint64(max(int64(r)+int64(redeemed), 0))))
}

// full tells whether a bucket holds so many records.
func full(tx *store.Tx, b store.Bucket, most int) bool {
	n := 0
	for range tx.Scan(b, nil, nil) {
		if n++; n >= most {
			return true
		}
	}
	return false
}

// note tells the log.
func (s *Service) note(tx *store.Tx, actor *plgv1.Actor, about *plgv1.Customer, kind string, data map[string]any) error {
	detail, err := structpb.NewStruct(data)
	if err != nil {
		return err
	}
	return s.Log.Append(tx, &plgv1.Event{Type: kind, Actor: actor, Customer: about, Detail: &plgv1.Event_Custom{Custom: detail}})
}

func (s *Service) refuse(ctx context.Context, path, code string, args ...any) error {
	return customer.Refuse(path, code, s.Text.Text(locale.FromContext(ctx), "promotion."+code, args...))
}

// trimmed are the entries of a list that are not empty, without space around them, each once.
func trimmed(list []string) []string {
	var kept []string
	for _, one := range list {
		if one = customer.OneLine(one); one != "" && !slices.Contains(kept, one) {
			kept = append(kept, one)
		}
	}
	return kept
}
