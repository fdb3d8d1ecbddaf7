// Package consent keeps the proof of what customers agreed to (GDPR art. 7(1), seed 000).
//
// The ledger is append-only and hash-chained: the value of entry n is sha256(hash of n-1 || bytes) || bytes,
// so that it verifies from the stored bytes alone. A customer's state is nothing but the fold of his
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
//     clocks say: in doubt there is no advertising.
//   - What has no effect stands in the ledger as WITNESSED and tells no event.
//
// The short code is the customer's own: it is derived from the store's key, is compared with the code of one
// customer only and never looked up, and no one but the customer ever sees it.
package consent

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
)

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
}

// Wording is one version of the policy, kept for good once it was in force.
type Wording struct {
	// ID is derived from the texts.
	ID string `json:"id"`
	// Version counts from 1 in the order in which wordings came into force.
	Version int32 `json:"version"`
	// Texts by language.
	Texts map[string]string `json:"texts"`
	Since time.Time         `json:"since"`
}

// texts of this package in the language of whoever asks.
func (s *Service) text(ctx context.Context, key string, args ...any) string {
	return s.Text.Text(locale.FromContext(ctx), "consent."+key, args...)
}

var _ = mostradorv1.ConsentAct_CONSENT_ACT_ASKED
