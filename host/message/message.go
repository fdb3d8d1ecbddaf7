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
// Templates are html/template with a short list of variables and functions; see Parse.
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
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

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
	// Ids by customer: customer id, 0, message id.
	bucketCustomer store.Bucket = "message_customer"
	// The mail as it left, compressed, by message id.
	bucketMail store.Bucket = "message_mail"
)

// The names of links that templates know.
const (
	// LinkActivate is the page on which the customer accepts: {{.Enlaces.activar}}.
	LinkActivate = "activar"
	// LinkOptOut is the page on which the customer leaves promotions: {{.Enlaces.baja}}.
	LinkOptOut = "baja"
	// LinkPreferences is the page on which the customer chooses what he wants to hear of: {{.Enlaces.preferencias}}.
	LinkPreferences = "preferencias"
	// LinkReason is the page that asks who has left why: {{.Enlaces.motivo}}.
	LinkReason = "motivo"
	// LinkOnce opens once (a new password): {{.Enlaces.unico}}.
	LinkOnce = "unico"
)

// ErrNotFound says that there is no message of that id.
var ErrNotFound = errors.New("no such message")

// Text returns a sentence for a person (locale.Catalog.Text).
type Text func(lang, key string, args ...any) string

// Settings are the values of the Configuration Guide that mail depends on.
type Settings struct {
	// StoreName is TiendaNombre, Language TiendaIdioma (BCP 47), Currency TiendaMoneda (ISO 4217).
	StoreName string
	Language  string
	Currency  string
	// Policy is the text of data handling in the store's languages, by BCP 47 code.
	Policy map[string]string
	// WebAddress is where customers reach the web pages, without a slash at the end.
	WebAddress string

	// Server is CorreoServidor; while it is empty mail goes to the spool. Port 0 means the usual one of
	// Encryption (25, 587 or 465).
	Server     string
	Port       int
	Username   string
	Password   string
	Encryption Encryption
	// Sender is CorreoRemitente, the address in From and in the envelope; SenderName stands beside it.
	Sender     string
	SenderName string
}

// Encryption is CorreoCifrado: how the line to the mail server is protected.
type Encryption string

// The ways to protect the line.
const (
	// EncryptionNone leaves the line open: for a server on the same machine or network.
	EncryptionNone Encryption = "none"
	// EncryptionSTARTTLS wants RFC 3207 and sends nothing to a server that does not offer it.
	EncryptionSTARTTLS Encryption = "starttls"
	// EncryptionTLS begins with TLS (RFC 8314).
	EncryptionTLS Encryption = "tls"
)

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
	// Template returns the text of a plugin's template: the value of a template_file setting or a file of its
	// package. It is called outside transactions.
	Template func(plugin, template string) (text string, sha [sha256.Size]byte, err error)
	// Suppressed, when set, may hold back any mail at the moment it leaves; the reason is a sentence.
	Suppressed func(tx *store.Tx, m *mostradorv1.Message, c *plgv1.Customer) (reason string, suppressed bool)
	// Changed, when set, is told of every committed change of a row. It must be quick.
	Changed func(m *mostradorv1.Message)

	// SpoolDir is the folder in which mail collects while no server is set.
	SpoolDir string
	// Connections bounds how many mails leave at a time; 8 when 0.
	Connections int
	// Limits bound a conversation with the server; DefaultLimits when zero.
	Limits Limits
	// Backoff says how long to wait after the given number of attempts; Backoff of this package when nil.
	Backoff func(id string, attempts int) time.Duration
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Service is the outbox of one store. Make it with New and let it work with Run.
type Service struct {
	cfg       Config
	log       hclog.Logger
	templates *cache
	smtp      *SMTP
	sender    *sender
}

// New returns the outbox. Nothing leaves until Run is called.
func New(cfg Config) *Service {
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.Text == nil {
		cfg.Text = func(_, key string, _ ...any) string { return key }
	}
	if cfg.Connections <= 0 {
		cfg.Connections = 8
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
		smtp:      NewSMTP(cfg.Limits, cfg.Connections),
	}
	s.sender = newSender(s)
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

// Queue keeps a message in the caller's transaction; it leaves once that has committed. A message whose id is
// there already changes nothing. The caller gives kind, customer_id, to, template, plugin, event_sequence,
// links with their tokens, data, and an id made by ID (an empty one is made up); an empty to is the customer's
// address. The rest is filled in, in m itself.
func (s *Service) Queue(tx *store.Tx, m *mostradorv1.Message) error {
	now := s.cfg.Now()
	if m.Id == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("name a message: %w", err)
		}
		m.Id = id.String()
	}
	if tx.Get(bucketMessage, []byte(m.Id)) != nil {
		return nil
	}
	if m.MessageId == "" {
		m.MessageId = m.Id + "@" + senderDomain(s.cfg.Settings())
	}
	m.State = mostradorv1.MessageState_MESSAGE_STATE_QUEUED
	if m.Queued == nil {
		m.Queued = timestamppb.New(now)
	}
	m.NextAttempt = timestamppb.New(now)
	if m.To == "" {
		c, err := s.customer(tx, m)
		if err != nil {
			return err
		}
		m.To = c.GetEmail()
	}
	if m.CustomerId != "" {
		tx.Put(bucketCustomer, customerKey(m.CustomerId, m.Id), []byte{})
	}
	return s.put(tx, nil, m)
}

// put writes a row and keeps the queue of what is due in step; old is the row before, nil when new.
func (s *Service) put(tx *store.Tx, old, m *mostradorv1.Message) error {
	if waits(old) {
		tx.Delete(bucketDue, dueKey(old))
	}
	if waits(m) {
		tx.Put(bucketDue, dueKey(m), []byte{})
		tx.OnCommit(s.Wake)
	}
	if s.cfg.Changed != nil {
		public := withoutSecrets(m)
		tx.OnCommit(func() { s.cfg.Changed(public) })
	}
	return store.PutProto(tx, bucketMessage, []byte(m.Id), m)
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
		kept, err = unpack(tx.Get(bucketMail, []byte(id)))
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
				Message: withoutSecrets(row),
				Mail:    &mostradorv1.RenderedMail{To: row.To, Subject: row.Subject, Text: s.words(err)},
			}, nil
		}
		kept = mail.Bytes
	}
	mail, err := Read(kept)
	if err != nil {
		return nil, fmt.Errorf("message %s: %w", id, err)
	}
	return &mostradorv1.GetMessageResponse{Message: withoutSecrets(row), Mail: mail, Eml: kept}, nil
}

// listLimit is the most rows of one page, scanLimit the most that are looked at for it.
const (
	listLimit = 500
	scanLimit = 20_000
)

// List returns messages, newest first, without their tokens. A page may hold fewer rows than asked for and
// still have a next one.
func (s *Service) List(_ context.Context, q *mostradorv1.ListMessagesRequest) (*mostradorv1.ListMessagesResponse, error) {
	limit := int(q.GetLimit())
	if limit <= 0 || limit > listLimit {
		limit = listLimit
	}
	answer := &mostradorv1.ListMessagesResponse{}
	err := s.cfg.Store.View(func(tx *store.Tx) error {
		last, seen := "", 0
		for id := range idsNewestFirst(tx, s.ids(tx, q.GetCustomerId()), q.GetPage()) {
			if len(answer.Messages) == limit || seen == scanLimit {
				answer.NextPage = last
				return nil
			}
			last = id
			seen++
			m, err := load(tx, id)
			if err != nil {
				return err
			}
			if q.GetState() == mostradorv1.MessageState_MESSAGE_STATE_UNSPECIFIED || q.GetState() == m.State {
				answer.Messages = append(answer.Messages, withoutSecrets(m))
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	return answer, nil
}

// Retry puts a message that failed, was suppressed or waits for its next attempt at the head of the queue. It
// will leave with the same Message-ID. One that has left stays as it is.
func (s *Service) Retry(ctx context.Context, id string) (*mostradorv1.Message, error) {
	var row *mostradorv1.Message
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		old, err := load(tx, id)
		if err != nil {
			return err
		}
		row = old
		switch old.State {
		case mostradorv1.MessageState_MESSAGE_STATE_SENT, mostradorv1.MessageState_MESSAGE_STATE_SPOOLED:
			return nil
		}
		row = proto.CloneOf(old)
		row.State = mostradorv1.MessageState_MESSAGE_STATE_QUEUED
		row.Attempts = 0
		row.NextAttempt = timestamppb.New(s.cfg.Now())
		return s.put(tx, old, row)
	})
	if err != nil {
		return nil, err
	}
	return withoutSecrets(row), nil
}

// SettingsChanged makes everything that waits for its next attempt due at once, since what stopped it may have
// been a wrong server name or password.
func (s *Service) SettingsChanged(ctx context.Context) error {
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		now := s.cfg.Now()
		for key := range tx.Scan(bucketDue, nil, nil) {
			id := idOfDue(key)
			old, err := load(tx, id)
			if err != nil {
				return err
			}
			if !old.NextAttempt.AsTime().After(now) {
				continue
			}
			row := proto.CloneOf(old)
			row.NextAttempt = timestamppb.New(now)
			if err := s.put(tx, old, row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("wake the outbox: %w", err)
	}
	s.sender.resume()
	return nil
}

// Wake makes the sender look for due messages now. It never waits.
func (s *Service) Wake() { s.sender.poke() }

// Idle waits until no message is due and none is under way. Run must be working.
func (s *Service) Idle(ctx context.Context) error { return s.sender.idle(ctx) }

// Run sends what is queued until ctx ends, then lets conversations under way finish for a moment.
func (s *Service) Run(ctx context.Context) error { return s.sender.run(ctx) }
