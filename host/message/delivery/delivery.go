// Package delivery supervises what becomes of mails after they left (seed 003): which addresses take mail, what came
// back, and how much of what left arrived.
//
// Three things feed it. The outbox calls Observe in the transaction of every change of a row. Mails that come in
// about mails (bounces, complaints, automatic answers) are read from the mailboxes of the settings by Run, or handed
// over by Receive; each is kept as it is, with what was understood of it, and one that nobody understood waits until
// a person says what it is (Settle). And staff suppress and release addresses by hand.
//
// An address is known here only when something happened to it. What that means is decided by the pure functions and
// constants of policy.go from the list of what happened. The outbox asks Gate before a mail leaves.
//
// Not everything that comes in is true: anybody can mail a bounce that nobody's server wrote. A report that proves
// which of our mails it is about, by the return path that only that mail had (VERP) or by its Message-ID, is taken at
// its word; one that merely names an address of a customer is hearsay, and weighs no more than a passing trouble.
//
// The counts are a function of the outbox's rows alone: each row adds to a few cells (counts.go), and a change of the
// row takes away what the old row added and adds what the new one does. So they stand for what the rows are, however
// often a row fails, is retried, or bounces after it was counted as delivered.
package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-hclog"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/message/report"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

var (
	// ErrNoReport says that there is no report of that id.
	ErrNoReport = errors.New("delivery: no such report")
	// ErrNoMail says that there is nothing to read where a mail was to be.
	ErrNoMail = errors.New("delivery: an empty mail")
	// ErrNoMailbox says that no mailbox is set to read from.
	ErrNoMailbox = errors.New("delivery: no mailbox is set")
	// ErrTooLarge says that a mail is longer than MaxMail.
	ErrTooLarge = errors.New("delivery: the mail is too large")
)

// MaxMail is the longest mail that is taken in, in bytes. Who sends more sends no report.
const MaxMail = 16 << 20

// Source is a place that reports are read from (mailbox.Source).
type Source interface {
	// Fetch hands every new mail to keep and takes it away, or marks it as read, once keep has returned nil. It returns
	// how many were kept. recipient is the address that the mailbox got the mail for, where it knows that.
	Fetch(ctx context.Context, keep func(ctx context.Context, eml []byte, recipient string) error) (mails int, err error)
}

// Box is a place to read from, and what it is called in reports: "imap", "pop3", "maildir".
type Box struct {
	Source
	Name string
}

// Config is what the supervision needs from the rest of the host. What is nil is done without.
type Config struct {
	Store  *store.Store
	Log    *event.Log
	Text   *locale.Catalog
	Logger hclog.Logger
	// Language is the store's, for sentences that nobody asked for in another.
	Language func() string

	// Parse says what a mail that came in is; report.Parse when nil.
	Parse func(eml []byte) (*mostradorv1.Report, report.About)
	// Read shows a mail (message.Read).
	Read func(eml []byte) (*mostradorv1.RenderedMail, error)
	// Open returns the places to read from; none when none is set. Explain says what is wrong with one, in a sentence.
	Open    func() ([]Box, error)
	Explain func(lang string, err error) string

	// Returned returns the message whose return path an address is (message.IDOfReturnPath).
	Returned func(recipient string) (id string, ok bool)
	// Message returns a row of the outbox, nil when there is none.
	Message func(tx *store.Tx, id string) (*mostradorv1.Message, error)
	// Recent returns a customer's last rows, newest first.
	Recent func(tx *store.Tx, customerID string, limit int) ([]*mostradorv1.Message, error)
	// Change changes a row; it calls Observe in turn.
	Change func(tx *store.Tx, id string, change func(*mostradorv1.Message)) error
	// Due is when the mail that waits longest was to leave, of the answers to customers and of all (message.Service.Due).
	Due func(tx *store.Tx) (answers, all time.Time)

	// Customer returns a customer, nil when there is none; Holder the one to whom an address belongs.
	Customer func(tx *store.Tx, id string) (*plgv1.Customer, error)
	Holder   func(tx *store.Tx, email string) (*plgv1.Customer, error)
	// Withdraw takes back a customer's consent to promotions, because he asked for that by mail.
	Withdraw func(tx *store.Tx, actor *plgv1.Actor, customerID string) error

	// Changed, when set, is told that an address, a report or an alert is another. It must be quick.
	Changed func()
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Service supervises the mails of one store. It is safe for concurrent use.
type Service struct {
	cfg   Config
	log   hclog.Logger
	boxes *boxes
}

// New returns the supervision of a store. It does nothing by itself until Run is called.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.Text == nil {
		cfg.Text = locale.New()
	}
	if cfg.Language == nil {
		cfg.Language = func() string { return locale.Default }
	}
	if cfg.Parse == nil {
		cfg.Parse = report.Parse
	}
	if cfg.Explain == nil {
		cfg.Explain = func(_ string, err error) string { return err.Error() }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Service{cfg: cfg, log: cfg.Logger, boxes: newBoxes()}
}

// text is a sentence of this package.
func (s *Service) text(lang, key string, args ...any) string {
	return s.cfg.Text.Text(lang, "delivery."+key, args...)
}

// changed tells the screens, once the transaction is durable.
func (s *Service) changed(tx *store.Tx) {
	if s.cfg.Changed != nil {
		tx.OnCommit(s.cfg.Changed)
	}
}

// message is a row, nil for an empty id, when there is none, and when it is that of somebody who was erased.
func (s *Service) message(tx *store.Tx, id string) (*mostradorv1.Message, error) {
	if id == "" || s.cfg.Message == nil {
		return nil, nil
	}
	m, err := s.cfg.Message(tx, id)
	if m.GetMessageId() == "" {
		return nil, err
	}
	return m, err
}

// holder is the customer to whom an address belongs, nil when it is nobody's.
func (s *Service) holder(tx *store.Tx, email string) (*plgv1.Customer, error) {
	if email == "" || s.cfg.Holder == nil {
		return nil, nil
	}
	return s.cfg.Holder(tx, email)
}
