// Package intake takes in what other systems tell the store: the web shop, the blog, the accounts (seed 001).
//
// What they may tell are types: those that come with the program (types/*.json, one file a type with its JSON Schema and
// an example) and those that staff add. An event is taken in by Post, in one transaction: the customer is found, or
// registered by the rules that hold at the counter and with consent pending; files go to host/blob; and the event enters
// the log as "external.TYPE", its data in the event's custom detail with the files' names and hashes under "files". From
// there on it is an event like any other.
//
// Each event has an idempotency key, made up by the sender. What was taken in under a key is answered again, word for
// word, however often it is sent, and whatever else comes under that key is refused. Key and request are kept as keyed
// hashes, so nothing personal stands beside the log: 80 bytes an event, for as long as the log is kept.
//
// Over plain HTTP (Handler) a system shows an API key, of which the store keeps a hash. A key may be held to some
// types, and has a rate. Refusals are problems of RFC 9457 in the sender's language, with the JSON pointer of what is
// wrong; no value that a schema refuses is repeated.
package intake

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Prefix begins the type of every event in the log that another system told.
const Prefix = "external."

const (
	// bucketType holds the types that staff added: type → mostradorv1.EventType.
	bucketType store.Bucket = "intake_type"
	// bucketCount holds how many events of a type were taken in, and when the last: type → number, Unix nanoseconds.
	bucketCount store.Bucket = "intake_count"
	// bucketRequest holds what was taken in: keyed hash of sender and idempotency key → keyed hash of the request and
	// the answer.
	bucketRequest store.Bucket = "intake_request"
	// bucketFile holds the files of events that concern a customer: id, 0, sequence → their hashes, one after the other.
	bucketFile store.Bucket = "intake_file"
	// bucketKey holds the API keys: id → mostradorv1.IntegrationKey.
	bucketKey store.Bucket = "intake_key"
	// bucketSecret finds them: SHA-256 of the secret → id.
	bucketSecret store.Bucket = "intake_secret"
)

// Refused is why something is not taken in: sentences in the sender's language, and what kind of no it is.
type Refused struct {
	// Status is the HTTP status: 401 (no such key), 403 (not this type), 404 (no such type, customer, ...), 409 (the
	// idempotency key is another event's), 413 (too large), 422 (what was sent is wrong) or 429 (too much at once).
	Status int
	// Refusal has a path for what is wrong where that is one place: a JSON pointer into the request.
	Refusal *mostradorv1.Refusal
	// RetryAfter is how long to wait; 0 for what waiting does not mend.
	RetryAfter time.Duration
}

// Error is the first sentence.
func (r *Refused) Error() string {
	if d := r.Refusal.GetDiagnostics(); len(d) > 0 {
		return d[0].GetSummary()
	}
	return http.StatusText(r.Status)
}

// Config is what a Service works with. Store, Log, Customers and Key are needed.
type Config struct {
	Store     *store.Store
	Log       *event.Log
	Customers *customer.Service
	// Key is the store's key, with which hashes are keyed.
	Key []byte
	// Rate is how many events a minute a key may tell, told at most half of that at once; nil means 600.
	Rate func() int
	Text *locale.Catalog
	// Language is of whoever names none; nil means Spanish.
	Language func() string
	Logger   hclog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Service takes events in. It is safe for concurrent use.
type Service struct {
	Config
	// hashKey keys the hashes of what was taken in.
	hashKey  []byte
	builtins func() (map[string]*builtin, error)
	// schemas are the compiled schemas by their text.
	schemas sync.Map
	rates   rates
}

// New returns the intake of a store.
func New(c Config) (*Service, error) {
	if c.Text == nil {
		c.Text = locale.New()
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Rate == nil {
		c.Rate = func() int { return 600 }
	}
	if c.Language == nil {
		c.Language = func() string { return locale.Default }
	}
	key, err := hkdf.Key(sha256.New, c.Key, nil, "mostrador intake", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("intake: key: %w", err)
	}
	return &Service{Config: c, hashKey: key, builtins: sync.OnceValues(loadBuiltins)}, nil
}

// text is a sentence of this package in the language of whoever asks.
func (s *Service) text(ctx context.Context, key string, args ...any) string {
	return s.Text.Text(locale.FromContext(ctx), "intake."+key, args...)
}

// refuse is a refusal of one sentence, whose name is its code. Path is a JSON pointer, or empty.
func (s *Service) refuse(ctx context.Context, status int, path, code string, args ...any) *Refused {
	return &Refused{Status: status, Refusal: &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{s.diagnostic(ctx, path, code, args...)}}}
}

func (s *Service) diagnostic(ctx context.Context, path, code string, args ...any) *plgv1.Diagnostic {
	for i, arg := range args {
		if sent, ok := arg.(string); ok {
			args[i] = shown(sent)
		}
	}
	return &plgv1.Diagnostic{Severity: plgv1.Severity_SEVERITY_ERROR, Summary: s.text(ctx, code, args...), Path: path, Code: code}
}
