// Package consent keeps the proof of what customers agreed to (GDPR art. 7(1), seed 000).
//
// The ledger is append-only and hash-chained: the value of entry n is sha256(hash of n-1 || bytes) || bytes,
// so that it verifies from the stored bytes alone; its head is sealed with the store's key, so that nobody
// without it can cut the end off or write the chain anew. A customer's state is nothing but the fold of his
// entries; the copy in the customer's record is brought along in the same transaction, and with it whatever
// the rules of interplay make of it ("Aplica para Promociones").
//
// Acceptance gives two consents, programme and promotions; leaving withdraws promotions only. Facts reach
// the store twice and out of order: the customer presses the button on the web pages while the store is cut
// off, reads the short code to the staff, and the web's own confirmation follows hours later. So:
//
//   - An acceptance gives promotions unless they are given already, unless the customer withdrew at the same
//     time or later, and unless it is the first web acceptance of an activation whose short code was already
//     read out (that is one act with two witnesses). It gives the programme whenever that is not given.
//   - A withdrawal is effective whenever it is new and promotions are not withdrawn already, whatever the
//     clocks say (the web's and the store's differ): in doubt there is no advertising.
//   - An act that the ledger holds already, with the same means, time and activation, is passed over.
//   - What has no effect stands in the ledger as WITNESSED and tells no event.
//
// When two records of one person become one, an entry says how things stand from there on (the stricter, see Stricter),
// and the entries of both stay. When a person is erased, the ledger keeps the proof without the person: where he acted
// from goes out of his entries, and his id leads to nobody. The hash of such an entry, on which the next one stands,
// cannot fit any more; the store's seal over what is left takes its place in Verify. That is no weaker than the chain
// itself, whose head is sealed with the same key. What was taken out cannot be found again by trying addresses out
// against the hash, since every entry had a salt of its own, which went with it (entries from before there were salts
// had none).
//
// The short code is the customer's own: it is derived from the store's key, is compared with the code of one
// customer only and never looked up, and no one but the customer ever sees it.
package consent

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// defaultValidity is for a store that sets none.
const defaultValidity = 7 * 24 * time.Hour

// Config is what a Service works with.
type Config struct {
	Store     *store.Store
	Log       *event.Log
	Customers *customer.Service
	// Key is the store's master key (32 bytes); what is used is derived from it.
	Key []byte
	// Validity is how long an activation and its short code can be used (setting CodigoCortoDias).
	Validity func() time.Duration
	// Policy returns the wording in force by language (settings ConsentimientoTexto, ConsentimientoTextoEn).
	Policy func() map[string]string
	// Text holds the sentences.
	Text   *locale.Catalog
	Logger hclog.Logger
	// Now may be nil: then it is the clock.
	Now func() time.Time
}

// Service keeps the ledger. It is safe for concurrent use.
type Service struct {
	Config
	// codeKey makes short codes and hides them in the index; headKey seals the head of the chain.
	codeKey, headKey []byte
	// room is how many activations may be open at once.
	room int
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
	return &Service{
		Config:  c,
		codeKey: derive(c.Key, "mostrador/consent/code/v1"),
		headKey: derive(c.Key, "mostrador/consent/head/v1"),
		room:    maxOpen,
	}
}

// derive makes a sub-key; HKDF refuses only lengths that SHA-256 cannot give.
func derive(master []byte, info string) []byte {
	key, _ := hkdf.Key(sha256.New, master, nil, info, sha256.Size)
	return key
}

func (s *Service) validity() time.Duration {
	if s.Validity != nil {
		if d := s.Validity(); d > 0 {
			return d
		}
	}
	return defaultValidity
}

// text is a sentence of this package in the language of whoever asks.
func (s *Service) text(ctx context.Context, key string, args ...any) string {
	return s.Text.Text(locale.FromContext(ctx), "consent."+key, args...)
}

// Show returns a customer's entries, oldest first, and the activation that is open or locked.
func (s *Service) Show(tx *store.Tx, customerID string) (*mostradorv1.ShowConsentResponse, error) {
	c, err := s.Customers.Get(tx, customerID)
	if err != nil {
		return nil, err
	}
	customerID = c.Id
	entries, err := s.historyOf(tx, c)
	if err != nil {
		return nil, err
	}
	shown := &mostradorv1.ShowConsentResponse{Consent: c.Consent, Entries: entries}
	a, err := s.activation(tx, customerID)
	if err != nil {
		return nil, err
	}
	if a != nil && (a.open(s.Now()) || a.locked()) {
		shown.Activation = a.shown()
	}
	return shown, nil
}

// Words says how a customer's consent stands, one sentence per purpose: the programme, then promotions.
func (s *Service) Words(tx *store.Tx, customerID, lang string) ([]string, error) {
	entries, err := s.history(tx, customerID)
	if err != nil {
		return nil, err
	}
	var programme, promotions *mostradorv1.ConsentEntry
	for _, e := range entries {
		switch {
		case e.Act == mostradorv1.ConsentAct_CONSENT_ACT_GIVEN:
			if programme == nil {
				programme = e
			}
			if covers(e, plgv1.Purpose_PURPOSE_PROMOTIONS) {
				promotions = e
			}
		case e.Act == mostradorv1.ConsentAct_CONSENT_ACT_WITHDRAWN:
			promotions = e
		case e.State != nil:
			programme, promotions = e, e
		}
	}
	return []string{
		s.inWords("programme", programme, lang),
		s.inWords("promotions", promotions, lang),
	}, nil
}

// inWords says what the entry that decides about a purpose means for it; no entry means that it is pending.
func (s *Service) inWords(purpose string, e *mostradorv1.ConsentEntry, lang string) string {
	if e == nil {
		return s.Text.Text(lang, "consent."+purpose+"_pending")
	}
	key := "consent." + purpose + "_given"
	if e.Act == mostradorv1.ConsentAct_CONSENT_ACT_WITHDRAWN {
		key = "consent." + purpose + "_withdrawn"
	}
	if e.State != nil {
		state := e.State.Programme
		if purpose == "promotions" {
			state = e.State.Promotions
		}
		switch state {
		case plgv1.ConsentState_CONSENT_STATE_GIVEN:
		case plgv1.ConsentState_CONSENT_STATE_WITHDRAWN:
			key = "consent." + purpose + "_withdrawn"
		default:
			return s.Text.Text(lang, "consent."+purpose+"_pending")
		}
	}
	means := map[plgv1.Means]string{
		plgv1.Means_MEANS_LINK:       "means_link",
		plgv1.Means_MEANS_SHORT_CODE: "means_short_code",
		plgv1.Means_MEANS_ONE_CLICK:  "means_one_click",
		plgv1.Means_MEANS_STAFF:      "means_staff",
		plgv1.Means_MEANS_IMPORT:     "means_import",
	}[e.Means]
	if means == "" {
		means = "means_link"
	}
	date := e.Time.AsTime().In(s.Now().Location()).Format(s.Text.Text(lang, "consent.date"))
	return s.Text.Text(lang, key, "date", date,
		"means", s.Text.Text(lang, "consent."+means, "operator", e.GetActor().GetOperator()))
}

// stamp is a time as the ledger keeps it.
func stamp(t time.Time) *timestamppb.Timestamp { return timestamppb.New(t) }
