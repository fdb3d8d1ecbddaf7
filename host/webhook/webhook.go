// Package webhook tells other systems of the store's events, signed, again and again until they take them.
//
// A webhook is an address with patterns of event types. It has a cursor in the log: everything up to there is done with.
// One goroutine a webhook reads on from the cursor and sends the events that match, one at a time and in order; the
// answer 2xx moves the cursor. Nothing is kept of events that wait, and what is sent is made from the log at the moment
// it leaves: of customers who were erased meanwhile nothing is sent.
//
// An event that is not taken is sent again after a back-off with jitter, up to an hour. One event that is never taken
// must not hold the rest for ever: after five tries it is parked, with a row of its own and its own tries, and the next
// goes out, provided that the webhook took something since the last was parked. So a receiver that is down has one
// parked event and one that knocks, and all the rest waits in order; a receiver that refuses one event misses that one.
// Only what is parked is overtaken. A parked event is given up three days after its first try; until its row is
// displaced (1,000 a webhook) it can be retried by hand. A webhook whose next event
// in order was not taken for three days, nor anything else, or that answers 410 (Gone), is set aside until a person
// enables it; it goes on where it stopped.
//
// Each event is delivered at least once, always under the same id. Requests are signed as the Standard Webhooks
// specification 1.0 says: webhook-id, webhook-timestamp, and webhook-signature over id.timestamp.body (HMAC-SHA256). For
// a day after a new secret was made, both sign. Addresses are https; private networks, loopback and plain http are for a
// technician to allow, link-local addresses (where clouds keep their metadata) are never called, and this is judged
// when the connection is made, of the address that the name then has (dial.go). Redirects are not followed.
package webhook

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	// bucketWebhook holds the webhooks: id → mostradorv1.Webhook, without its secret.
	bucketWebhook store.Bucket = "webhook"
	// bucketState holds how far each is: id → state (JSON).
	bucketState store.Bucket = "webhook_state"
	// bucketCall holds the calls: id, 0, sequence → mostradorv1.WebhookCall, without what follows from its key.
	bucketCall store.Bucket = "webhook_call"
)

// Limits.
const (
	maxWebhooks = 50
	maxName     = 80 // bytes
	maxURL      = 2000
	maxPatterns = 50
	// keptCalls is how many calls of a webhook are kept, maxParked how many of them may wait.
	keptCalls = 1000
	maxParked = 100
)

const (
	// attemptsInOrder is how often an event is tried before the next may overtake it.
	attemptsInOrder = 5
	// patience is how long an event is tried, and a webhook that takes nothing.
	patience = 72 * time.Hour
	// outage is after how long of nothing but faults what is parked is tried as soon as something is taken again.
	outage = 10 * time.Minute
	// rotation is how long the former secret signs too.
	rotation = 24 * time.Hour
	// timeout bounds a call.
	timeout = 15 * time.Second
)

// ErrNotFound says that there is no such webhook or call.
var ErrNotFound = errors.New("webhook: not found")

// Config is what a Service works with. Store, Log, Customers and Key are needed.
type Config struct {
	Store     *store.Store
	Log       *event.Log
	Customers *customer.Service
	// Key is the store's key, which seals the secrets.
	Key []byte
	// AllowPrivate tells whether a technician allows addresses in private networks and plain http to them; nil means no.
	AllowPrivate func() bool
	// StoreName is the source of events, for people; may be nil.
	StoreName func() string
	Text      *locale.Catalog
	Logger    hclog.Logger
	// RootCAs judge the receivers' certificates; nil means those of the system.
	RootCAs *x509.CertPool
	// Backoff says how long to wait after the try of that number, from 1; nil means 5 s, four times as long each time, up to
	// an hour, with jitter.
	Backoff func(attempt int) time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Service keeps webhooks and, while Run does, calls them. It is safe for concurrent use.
type Service struct {
	Config
	seal   cipher.AEAD
	client *client

	mu sync.Mutex
	// changed is closed when webhooks or calls are to be looked at again.
	changed chan struct{}
}

// New returns the webhooks of a store.
func New(c Config) (*Service, error) {
	if c.Text == nil {
		c.Text = locale.New()
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.AllowPrivate == nil {
		c.AllowPrivate = func() bool { return false }
	}
	if c.StoreName == nil {
		c.StoreName = func() string { return "" }
	}
	if c.Backoff == nil {
		c.Backoff = backoff
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	seal, err := newSeal(c.Key)
	if err != nil {
		return nil, err
	}
	return &Service{Config: c, seal: seal, client: newClient(c.AllowPrivate, c.RootCAs), changed: make(chan struct{})}, nil
}

// backoff waits 5 s, 20 s, 80 s, ... up to an hour, give or take a fifth.
func backoff(attempt int) time.Duration {
	wait := time.Hour
	if attempt < 6 {
		wait = 5 * time.Second << (2 * (attempt - 1))
	}
	jitter, err := rand.Int(rand.Reader, big.NewInt(int64(wait)*2/5))
	if err != nil {
		return wait
	}
	return wait*4/5 + time.Duration(jitter.Int64())
}

// List returns the webhooks by name, with what waits for each (1,001 stands for more than a thousand).
func (s *Service) List(ctx context.Context) ([]*mostradorv1.Webhook, error) {
	var list []*mostradorv1.Webhook
	err := s.Store.View(func(tx *store.Tx) error {
		for id, data := range tx.Scan(bucketWebhook, nil, nil) {
			w := new(mostradorv1.Webhook)
			if err := proto.Unmarshal(data, w); err != nil {
				return fmt.Errorf("webhook: %s: %w", id, err)
			}
			st, err := readState(tx, w.Id)
			if err != nil {
				return err
			}
			if err := s.show(ctx, tx, w, st); err != nil {
				return err
			}
			list = append(list, w)
		}
		return nil
	})
	slices.SortFunc(list, func(a, b *mostradorv1.Webhook) int {
		return strings.Compare(a.Name+"\x00"+a.Id, b.Name+"\x00"+b.Id)
	})
	return list, err
}

// show fills in what is not kept with a webhook.
func (s *Service) show(ctx context.Context, tx *store.Tx, w *mostradorv1.Webhook, st *state) error {
	w.LastError, w.SetAside, w.Pending = s.words(ctx, st.Fault, st.Status), st.SetAside, uint64(st.Parked)
	if !st.LastSuccess.IsZero() {
		w.LastSuccess = timestamppb.New(st.LastSuccess)
	}
	for after, looked := st.Cursor, 0; looked < 10000 && w.Pending <= 1000; looked += 500 {
		events, err := s.Log.Read(tx, after, 500)
		if err != nil || len(events) == 0 {
			return err
		}
		for _, e := range events {
			after = e.GetSequence()
			if matches(w.Events, e.GetType()) {
				w.Pending++
			}
		}
	}
	w.Pending = min(w.Pending, 1001)
	return nil
}

// Put keeps a new webhook (no id), or what is asked of one that there is. The secret is in the answer when it is new:
// for a new webhook, or with newSecret. A new webhook is told what happens from now on, and so is one that was switched
// off by a person; one that was set aside goes on where it stopped. What a person can mend is a *customer.Refused.
func (s *Service) Put(ctx context.Context, actor *plgv1.Actor, w *mostradorv1.Webhook, newSecret bool) (*mostradorv1.Webhook, error) {
	kept := &mostradorv1.Webhook{
		Id: w.GetId(), Name: strings.TrimSpace(w.GetName()), Url: strings.TrimSpace(w.GetUrl()), Enabled: w.GetEnabled(),
		Personal: w.GetPersonal(), Events: slices.Compact(slices.Sorted(slices.Values(w.GetEvents()))),
	}
	if err := s.judge(ctx, kept); err != nil {
		return nil, err
	}
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		st, was := &state{Took: true}, false
		if kept.Id == "" {
			n := 0
			for range tx.Scan(bucketWebhook, nil, nil) {
				n++
			}
			if n >= maxWebhooks {
				return s.refuse(ctx, "", "many", "n", maxWebhooks)
			}
			kept.Id, kept.Created, newSecret = "wh_"+strings.ToLower(rand.Text()[:10]), timestamppb.New(s.Now()), true
		} else {
			old, err := get(tx, kept.Id)
			if err != nil {
				return err
			}
			if st, err = readState(tx, kept.Id); err != nil {
				return err
			}
			was, kept.Created = old.Enabled || st.SetAside, old.Created
		}
		if !was {
			st.Cursor = s.Log.Last(tx)
		}
		if kept.Enabled {
			st.SetAside, st.FailingSince = false, time.Time{}
			if err := hurry(tx, kept.Id, s.Now()); err != nil {
				return err
			}
		}
		secret := ""
		if newSecret {
			secret = s.newSecret(kept.Id, st)
		}
		if err := store.PutProto(tx, bucketWebhook, []byte(kept.Id), kept); err != nil {
			return err
		}
		if err := st.write(tx, kept.Id); err != nil {
			return err
		}
		if err := s.show(ctx, tx, kept, st); err != nil {
			return err
		}
		kept.Secret = secret
		tx.OnCommit(s.wake)
		return s.note(tx, actor, "integration.webhook_saved", kept)
	})
	if err != nil {
		return nil, err
	}
	return kept, nil
}

// Delete takes a webhook away, with its calls.
func (s *Service) Delete(ctx context.Context, actor *plgv1.Actor, id string) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		w, err := get(tx, id)
		if err != nil {
			return err
		}
		tx.Delete(bucketWebhook, []byte(id))
		tx.Delete(bucketState, []byte(id))
		for key := range tx.Scan(bucketCall, callPrefix(id), nil) {
			tx.Delete(bucketCall, slices.Clone(key))
		}
		tx.OnCommit(s.wake)
		return s.note(tx, actor, "integration.webhook_deleted", w)
	})
}

func (s *Service) note(tx *store.Tx, actor *plgv1.Actor, eventType string, w *mostradorv1.Webhook) error {
	detail, err := structpb.NewStruct(map[string]any{"webhook": w.GetId(), "name": w.GetName(), "enabled": w.GetEnabled()})
	if err != nil {
		return err
	}
	return s.Log.Append(tx, &plgv1.Event{Type: eventType, Actor: actor, Detail: &plgv1.Event_Custom{Custom: detail}})
}

func get(tx *store.Tx, id string) (*mostradorv1.Webhook, error) {
	w := new(mostradorv1.Webhook)
	if id == "" || len(id) > maxName {
		return nil, ErrNotFound
	}
	found, err := store.GetProto(tx, bucketWebhook, []byte(id), w)
	if err == nil && !found {
		err = ErrNotFound
	}
	return w, err
}

// pattern is an event type, or the beginning of one with ".*" behind it.
var pattern = regexp.MustCompile(`^(\*|[a-z][a-z0-9_]*(\.[a-z0-9_]+)*(\.\*)?)$`)

func (s *Service) judge(ctx context.Context, w *mostradorv1.Webhook) error {
	if w.Name == "" || len(w.Name) > maxName || !plain(w.Name) {
		return s.refuse(ctx, "name", "name", "n", maxName)
	}
	u, err := url.Parse(w.Url)
	switch {
	case err != nil, len(w.Url) > maxURL, !plain(w.Url), u.Host == "", u.Hostname() == "", u.Opaque != "", u.Fragment != "":
		return s.refuse(ctx, "url", "url")
	case u.User != nil:
		return s.refuse(ctx, "url", "url_user")
	case u.Scheme == "http" && !s.AllowPrivate(), u.Scheme != "http" && u.Scheme != "https":
		return s.refuse(ctx, "url", "url_https")
	case len(w.Events) == 0 || len(w.Events) > maxPatterns:
		return s.refuse(ctx, "events", "events", "n", maxPatterns)
	}
	for _, p := range w.Events {
		if len(p) > maxName || !pattern.MatchString(p) {
			return s.refuse(ctx, "events", "event_pattern", "pattern", p[:min(len(p), maxName)])
		}
	}
	return nil
}

func plain(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) < 0
}

// untold are the types that no webhook is told: what staff do to the store itself, and what a plug-in tells itself.
var untold = []string{"integration.", "operator.", "setting.", "plugin.", "access.", event.TypeScheduled}

// matches reports whether events of that type are to be sent.
func matches(patterns []string, eventType string) bool {
	if slices.ContainsFunc(untold, func(begin string) bool { return strings.HasPrefix(eventType, begin) }) {
		return false
	}
	return slices.ContainsFunc(patterns, func(p string) bool {
		begin, any := strings.CutSuffix(p, "*")
		return p == eventType || any && strings.HasPrefix(eventType, begin)
	})
}

// refuse is a refusal of one sentence.
func (s *Service) refuse(ctx context.Context, path, code string, args ...any) error {
	return customer.Refuse(path, "webhook_"+code, s.text(ctx, code, args...))
}

func (s *Service) text(ctx context.Context, key string, args ...any) string {
	return s.Text.Text(locale.FromContext(ctx), "webhook."+key, args...)
}

// wake has the goroutines look again.
func (s *Service) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Service) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}
