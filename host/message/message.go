// Package message is the outbox: every mail of the store, from the row that says it is to be sent to the
// server's answer.
//
// A mail begins as a row that Queue writes in the transaction of its cause, so that a cause and its mail are
// kept together or not at all. Run wakes when that transaction commits, renders the template that is then in
// force, composes the MIME message and hands it to the transport: the SMTP server of the settings, or the
// spool folder while none is set. What came of it is committed to the row. Between a server's acceptance and
// that commit a crash makes the mail leave once more, with the same Message-ID, date and boundary, so that it
// is recognisably the same mail; nothing is ever lost.
//
// A mail that the server refuses for now (4xx), and one that a fault of the network stopped, is tried again
// with back-off; one that it refuses for good (5xx) fails with the server's words. Advertising leaves only
// while the customer's consent to promotions stands, which is looked at when it leaves and not when it was
// queued (seed 000).
//
// Templates are html/template with a short list of variables and functions; see Parse. What can be done once for a text
// is done once: its HTML is cleaned (Sanitize), its rules of style are written into its tags (inline), pictures in it
// become parts of the mail (embed), and a plan is made of how its plain text comes about (newPlan), so that a mail is
// filled in and encoded and its HTML is never read. Rendering is bounded in size, in turns of ranges and in time. Checks
// is the list that people go through before a text is in force; which texts there are is kept by package library.
package message

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-hclog"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// The package's buckets.
const (
	// Every message by id.
	bucketMessage store.Bucket = "message"
	// Messages that wait: class, time of the next attempt, id (see dueKey).
	bucketDue store.Bucket = "message_due"
	// Messages that wait for a provider that asks to go slower (see laneKey).
	bucketLane store.Bucket = "message_lane"
	// Ids of messages that failed.
	bucketFailed store.Bucket = "message_failed"
	// Ids by customer: customer id, 0, message id.
	bucketCustomer store.Bucket = "message_customer"
	// The mail as it left, compressed, by message id.
	bucketMail store.Bucket = "message_mail"
	// What mails are compressed against, by template (see dictionary).
	bucketDictionary store.Bucket = "message_dictionary"
)

// The names of links that templates know.
const (
	// LinkActivate is the page on which the customer accepts: {{.Enlaces.activar}}.
	LinkActivate = "activar"
	// LinkOptOut is the page on which the customer leaves promotions: {{.Enlaces.baja}}.
	LinkOptOut = "baja"
	// LinkPreferences is the page on which he chooses topics: {{.Enlaces.preferencias}}.
	LinkPreferences = "preferencias"
	// LinkReason is the page that asks who has left why: {{.Enlaces.motivo}}.
	LinkReason = "motivo"
	// LinkOnce is a link that opens once: {{.Enlaces.unavez}}.
	LinkOnce = "unavez"
)

// ErrNotFound says that there is no message of that id.
var ErrNotFound = errors.New("no such message")

// ErrLeaving says that a message cannot be taken back any more: it has left, or is leaving just now.
var ErrLeaving = errors.New("the message is leaving or has left")

// Text returns a sentence for a person (locale.Catalog.Text).
type Text func(lang, key string, args ...any) string

// Config is what the outbox needs from the rest of the host.
type Config struct {
	Store  *store.Store
	Logger hclog.Logger
	// Text gives the sentences that staff read in a row's last_answer and in diagnostics.
	Text Text
	// Settings returns the values in force. It is called within transactions too, so it answers from memory.
	Settings func() Settings
	// Customer returns a customer within a transaction, or nil when there is none.
	Customer func(tx *store.Tx, id string) (*plgv1.Customer, error)
	// IDs, when set, are the ids under which a customer's messages are kept: his own, and those of who became part of him.
	IDs func(tx *store.Tx, id string) []string
	// Template returns a template's text in a language or the nearest that it has: one of the library, the value of a
	// template_file setting, or a file of the plugin's package. It is called outside transactions.
	Template func(plugin, template, lang string) (Source, error)
	// Known, when set, returns what is known of a message's customer beyond himself. It is asked only for templates that
	// speak of it.
	Known func(tx *store.Tx, m *mostradorv1.Message, c *plgv1.Customer) (*Known, error)
	// TrackLink returns the address that tells of a click before it leads to url, and TrackOpen that of a picture which
	// tells that the mail was opened; "" for none. Nil means that nothing is tracked.
	TrackLink func(m *mostradorv1.Message, c *plgv1.Customer, url string) string
	TrackOpen func(m *mostradorv1.Message, c *plgv1.Customer) string
	// Suppressed, when set, may hold back any mail at the moment it leaves; the reason is a sentence.
	Suppressed func(tx *store.Tx, m *mostradorv1.Message, c *plgv1.Customer) (reason string, suppressed bool)
	// Gates are asked at the moment when a mail leaves, in this order.
	Gates []Gate
	// ConsentAct, when set, returns when a customer's consent to promotions became what it is, and by whom; the zero time
	// when he never said anything.
	ConsentAct func(tx *store.Tx, customerID string) (since time.Time, by *plgv1.Actor, err error)
	// OptOut, when set, makes the token of a link by which a customer leaves promotions. Advertising that its plug-in gave
	// no such link gets one, since no advertising may be without (RFC 8058).
	OptOut func(tx *store.Tx, customerID string) (token string, err error)
	// Classify, when set, says what a server's no means; nil is nothing that it knows.
	Classify func(code int, words string) *mostradorv1.Bounce
	// Signer, when set, returns who signs mails before they leave (DKIM); nil for nobody.
	Signer func() Signer
	// Observe, when set, is called in the transaction of every change of a row, with the row before (nil when it is new)
	// and the row now. It must change neither.
	Observe func(tx *store.Tx, old, now *mostradorv1.Message) error
	// Changed, when set, is told of every committed change of a row: its id, customer, kind and state. It must be quick.
	Changed func(m *mostradorv1.Message)

	// SpoolDir is the folder in which mail collects while no server is set.
	SpoolDir string
	// Limits bound a conversation with the server; DefaultLimits when zero.
	Limits Limits
	// Backoff says how long to wait after the given number of attempts; Backoff of this package when nil.
	Backoff func(id string, attempts int) time.Duration
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Signer signs mails (RFC 6376): it returns the mail with its signature before it.
type Signer interface {
	Sign(mail []byte) ([]byte, error)
}

// Service is the outbox of one store. Make it with New and let it work with Run.
type Service struct {
	cfg       Config
	log       hclog.Logger
	templates *cache
	keeper    *keeper
	smtp      *SMTP
	sender    *sender
	// looks are what says whether a mail may leave.
	looks []look
}

// New returns the outbox. Nothing leaves until Run is called.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.Text == nil {
		cfg.Text = func(_, key string, _ ...any) string { return key }
	}
	if cfg.Limits == (Limits{}) {
		cfg.Limits = DefaultLimits
	}
	if cfg.Backoff == nil {
		cfg.Backoff = Backoff
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Service{
		cfg:       cfg,
		log:       cfg.Logger.Named("message"),
		templates: newCache(),
		keeper:    newKeeper(),
		smtp:      NewSMTP(cfg.Limits, mostConnections),
	}
	s.sender = newSender(s)
	s.looks = looksOf(s)
	return s
}

// ID returns the id of the message that a plugin's effect asks for: index is the effect's place among those
// of its cause, which is an event (its sequence in decimal) or an action (its id), and at is the cause's time.
// It is a UUIDv7 that depends on nothing else, so the same effect has the same message whenever it is applied.
func ID(at time.Time, plugin, cause string, index int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", plugin, cause, index))
	var id uuid.UUID
	copy(id[:], sum[:])
	var millis [8]byte
	binary.BigEndian.PutUint64(millis[:], uint64(at.UnixMilli()))
	copy(id[:6], millis[2:])
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}

// Get returns a message and the mail: as it left, or, when it has not, as it would leave now. The row comes
// without its tokens, which are the customer's.
func (s *Service) Get(ctx context.Context, id string) (*mostradorv1.GetMessageResponse, error) {
	var row *mostradorv1.Message
	var kept []byte
	err := s.cfg.Store.View(func(tx *store.Tx) error {
		var err error
		if row, err = load(tx, id); err != nil {
			return err
		}
		kept, err = unpack(tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	if kept == nil {
		mail, err := s.compose(ctx, row)
		if err != nil {
			// The row can be read even though its mail cannot be made; the reason stands in the mail's place.
			return &mostradorv1.GetMessageResponse{
				Message: s.public(row),
				Mail:    &mostradorv1.RenderedMail{To: row.To, Subject: row.Subject, Text: s.words(err)},
			}, nil
		}
		kept = mail.Bytes
	}
	mail, err := Read(kept)
	if err != nil {
		return nil, fmt.Errorf("message %s: %w", id, err)
	}
	return &mostradorv1.GetMessageResponse{Message: s.public(row), Mail: mail, Eml: kept}, nil
}

// Wake makes the sender look for due messages now. It never waits.
func (s *Service) Wake() { s.sender.poke() }

// Idle waits until no message is due and none is under way. Run must be working.
func (s *Service) Idle(ctx context.Context) error { return s.sender.idle(ctx) }

// Run sends what is queued until ctx ends, then lets conversations under way finish for a moment.
func (s *Service) Run(ctx context.Context) error { return s.sender.run(ctx) }
