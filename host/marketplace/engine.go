package marketplace

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

// Feed is the store's side of the web tier: what customers did, and what they are shown. The embedded Engine
// is one, and so is FeedClient for a web tier in another place.
type Feed interface {
	// Read returns the acts after a sequence, oldest first, at most limit of them. When there are none it
	// waits for the next one or for the end of ctx, whose error it then returns. To read after a sequence says
	// that everything up to it is safely in the store.
	Read(ctx context.Context, after uint64, limit int) ([]*mostradorv1.WebAct, error)
	// Publish makes p what customers see. Policy texts published earlier stay known, since links in old mails
	// name them.
	Publish(ctx context.Context, p *Profile) error
}

// Engine is what the pages need behind them. Every engine passes the same conformance suite.
type Engine interface {
	Feed
	// Act keeps what a customer did; once it returns, the act is durable and readers of the feed have been
	// woken. It sets sequence and round, and the time when there is none. An act that only repeats the customer's
	// latest one of its sort is not kept again: then the earlier act is returned and repeated is true. Acceptances and
	// opt-outs are of one sort, choices of preferences of another, reasons of a third.
	Act(ctx context.Context, act *mostradorv1.WebAct) (kept *mostradorv1.WebAct, repeated bool, err error)
	// Note keeps openings and clicks, many in one step. They are in the feed like any other act, and are nobody's
	// latest.
	Note(ctx context.Context, acts []*mostradorv1.WebAct) error
	// Latest returns the latest acceptance or opt-out of a customer, or nil.
	Latest(ctx context.Context, customerID string) (*mostradorv1.WebAct, error)
	// Choices returns what a customer chose last of each topic and channel by acts after a sequence.
	Choices(ctx context.Context, customerID string, after uint64) (map[string]bool, error)
	// Use uses something up that can be used once before a time, after which it is forgotten. Of all who do so exactly
	// one is the first.
	Use(ctx context.Context, id []byte, until time.Time) (first bool, err error)
	// Profile returns what was published, or ErrNoProfile.
	Profile(ctx context.Context) (*Profile, error)
}

// ErrNoProfile says that no store has published yet what its customers are shown.
var ErrNoProfile = errors.New("no store has published its profile yet")

// Profile is what the pages show of a store.
type Profile struct {
	StoreName string `json:"store_name"`
	// Language is the store's (BCP 47), for customers whose own is unknown.
	Language string `json:"language"`
	// Texts are the policy texts; the one in force comes before older ones of its language.
	Texts []PolicyText `json:"texts"`
	// Topics are what promotional mails are about, the general one first.
	Topics []Topic `json:"topics,omitempty"`
}

// Topic is something that customers may choose to hear of.
type Topic struct {
	ID string `json:"id"`
	// Name and Description are by language.
	Name        map[string]string `json:"name"`
	Description map[string]string `json:"description,omitempty"`
}

// PolicyText is one wording that customers are asked to accept.
type PolicyText struct {
	ID       string `json:"id"`
	Version  int32  `json:"version"`
	Language string `json:"language"`
	Text     string `json:"text"`
}

// Evidence is the text as an act of consent names it.
func (t PolicyText) Evidence() *mostradorv1.ConsentText {
	sum := sha256.Sum256([]byte(t.Text))
	return &mostradorv1.ConsentText{Id: t.ID, Version: t.Version, Language: t.Language, Sha256: sum[:]}
}

// find returns the text that a link names, in the reader's language when there is one; of an unknown name the
// text in force. ok is false only when there is no text at all.
func (p *Profile) find(id, lang string) (text PolicyText, ok bool) {
	best := -1
	for _, t := range p.Texts {
		score := 0
		if t.ID == id {
			score += 4
		}
		switch {
		case base(t.Language) == base(lang):
			score += 2
		case base(t.Language) == base(p.Language):
			score++
		}
		if score > best {
			text, best, ok = t, score, true
		}
	}
	return text, ok
}

// base is the language of a BCP 47 code without region: "es" of "es-CO".
func base(lang string) string {
	lang, _, _ = strings.Cut(strings.ToLower(lang), "-")
	return lang
}

// textsKept bounds the history of policy texts.
const textsKept = 200

// with returns p with the texts of an earlier profile that it lacks.
func (p *Profile) with(earlier *Profile) *Profile {
	merged := *p
	merged.Texts = slices.Clone(p.Texts)
	for _, old := range earlier.Texts {
		if len(merged.Texts) == textsKept {
			break
		}
		if !slices.ContainsFunc(merged.Texts, func(t PolicyText) bool {
			return t.ID == old.ID && t.Language == old.Language
		}) {
			merged.Texts = append(merged.Texts, old)
		}
	}
	return &merged
}

// The buckets of the embedded engine.
const (
	// Acts by sequence (8 bytes, big endian).
	bucketAct store.Bucket = "act"
	// The sequence of each customer's latest act of a sort, by customer id and the sort's suffix.
	bucketLatest store.Bucket = "latest"
	// Choices: customer id, 0, topic or channel → sequence of the act (8 bytes, big endian), 1 or 0.
	bucketChoice store.Bucket = "choice"
	// What was used up: until when it is remembered (Unix seconds, 8 bytes, big endian), id → nothing.
	bucketUsed store.Bucket = "used"
	// The round of each activation, by customer id, 0, activation id.
	bucketRound store.Bucket = "round"
	// The profile, JSON, under "profile".
	bucketProfile store.Bucket = "profile"
)

var profileKey = []byte("profile")

// repeatWindow is how long a second equal act is taken for the same press of the button.
const repeatWindow = time.Minute

// Embedded is the engine of a web tier of one process, over a store file of its own.
//
// Sequences grow from the microsecond in which the file was made, so that a store's cursor stays behind the
// feed even when the file was lost and made anew.
type Embedded struct {
	store *store.Store
	now   func() time.Time

	mu sync.Mutex
	// read is the greatest sequence that the store has confirmed in this process's life.
	read uint64
	// grown is closed and replaced when the feed grows.
	grown chan struct{}
}

var _ Engine = (*Embedded)(nil)

// NewEmbedded returns the engine over an open store file, which stays the caller's to close.
func NewEmbedded(st *store.Store) *Embedded {
	return &Embedded{store: st, now: time.Now, grown: make(chan struct{})}
}

// Act implements Engine. A repetition is an equal act that the store has not fetched yet, or that came within
// a minute: after that the customer may mean it anew, because in the store he may have changed his mind
// meanwhile, of which the web tier knows nothing.
func (e *Embedded) Act(ctx context.Context, act *mostradorv1.WebAct) (*mostradorv1.WebAct, bool, error) {
	kept, repeated := proto.CloneOf(act), false
	if kept.Time == nil {
		kept.Time = timestamppb.New(e.now())
	}
	err := e.store.Update(ctx, func(tx *store.Tx) error {
		latest, err := latestAct(tx, latestKey(act))
		if err != nil {
			return err
		}
		if e.repeats(latest, kept) {
			kept, repeated = latest, true
			return nil
		}
		if kept.Kind == mostradorv1.WebAct_KIND_ACCEPT {
			key := roundKey(act.CustomerId, act.ActivationId)
			round := binary.BigEndian.Uint32(append(make([]byte, 0, 4), pad(tx.Get(bucketRound, key))...)) + 1
			if round == 1 && latest.GetKind() == mostradorv1.WebAct_KIND_OPT_OUT {
				round = 2
			}
			kept.Round = int32(round)
			tx.Put(bucketRound, key, binary.BigEndian.AppendUint32(nil, round))
		}
		kept.Sequence = e.next(tx)
		key := binary.BigEndian.AppendUint64(nil, kept.Sequence)
		tx.Put(bucketLatest, latestKey(kept), key)
		for topic, on := range kept.Topics {
			tx.Put(bucketChoice, []byte(kept.CustomerId+"\x00"+topic), append(bytes.Clone(key), flag(on)))
		}
		tx.OnCommit(e.grow)
		return store.PutProto(tx, bucketAct, key, kept)
	})
	if err != nil {
		return nil, false, fmt.Errorf("keep a customer's act: %w", err)
	}
	return kept, repeated, nil
}

// pad makes four bytes of an absent round.
func pad(value []byte) []byte {
	if len(value) != 4 {
		return []byte{0, 0, 0, 0}
	}
	return value
}

func (e *Embedded) repeats(latest, act *mostradorv1.WebAct) bool {
	if latest == nil || latest.Kind != act.Kind {
		return false
	}
	switch act.Kind {
	case mostradorv1.WebAct_KIND_ACCEPT:
		if latest.ActivationId != act.ActivationId {
			return false
		}
	case mostradorv1.WebAct_KIND_PREFERENCES:
		if !maps.Equal(latest.Topics, act.Topics) {
			return false
		}
	case mostradorv1.WebAct_KIND_REASON:
		if latest.Reason != act.Reason || latest.Words != act.Words {
			return false
		}
	}
	e.mu.Lock()
	fetched := latest.Sequence <= e.read
	e.mu.Unlock()
	return !fetched || act.Time.AsTime().Sub(latest.Time.AsTime()) < repeatWindow
}

// next returns the sequence after the last.
func (e *Embedded) next(tx *store.Tx) uint64 {
	for key := range tx.ScanReverse(bucketAct, nil, nil) {
		return binary.BigEndian.Uint64(key) + 1
	}
	return uint64(e.now().UnixMicro())
}

func (e *Embedded) grow() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.grown)
	e.grown = make(chan struct{})
}

// Read implements Feed.
func (e *Embedded) Read(ctx context.Context, after uint64, limit int) ([]*mostradorv1.WebAct, error) {
	if limit <= 0 {
		limit = 1
	}
	e.mu.Lock()
	e.read = max(e.read, after)
	e.mu.Unlock()
	for {
		e.mu.Lock()
		grown := e.grown
		e.mu.Unlock()
		var acts []*mostradorv1.WebAct
		err := e.store.View(func(tx *store.Tx) error {
			for _, value := range tx.Scan(bucketAct, nil, binary.BigEndian.AppendUint64(nil, after)) {
				act := &mostradorv1.WebAct{}
				if err := proto.Unmarshal(value, act); err != nil {
					return err
				}
				if acts = append(acts, act); len(acts) == limit {
					return nil
				}
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the feed: %w", err)
		}
		if len(acts) > 0 {
			return acts, nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Latest implements Engine.
func (e *Embedded) Latest(_ context.Context, customerID string) (act *mostradorv1.WebAct, err error) {
	err = e.store.View(func(tx *store.Tx) error {
		act, err = latestAct(tx, []byte(customerID))
		return err
	})
	return act, err
}

// latestKey is where the latest act of the sort of an act is found.
func latestKey(act *mostradorv1.WebAct) []byte {
	switch act.Kind {
	case mostradorv1.WebAct_KIND_PREFERENCES:
		return []byte(act.CustomerId + "\x00p")
	case mostradorv1.WebAct_KIND_REASON:
		return []byte(act.CustomerId + "\x00m")
	}
	return []byte(act.CustomerId)
}

func latestAct(tx *store.Tx, latest []byte) (*mostradorv1.WebAct, error) {
	key := tx.Get(bucketLatest, latest)
	if key == nil {
		return nil, nil
	}
	act := &mostradorv1.WebAct{}
	if _, err := store.GetProto(tx, bucketAct, key, act); err != nil {
		return nil, err
	}
	return act, nil
}

// Note implements Engine.
func (e *Embedded) Note(ctx context.Context, acts []*mostradorv1.WebAct) error {
	err := e.store.Update(ctx, func(tx *store.Tx) error {
		next := e.next(tx)
		for i, act := range acts {
			kept := proto.CloneOf(act)
			kept.Sequence = next + uint64(i)
			if kept.Time == nil {
				kept.Time = timestamppb.New(e.now())
			}
			if err := store.PutProto(tx, bucketAct, binary.BigEndian.AppendUint64(nil, kept.Sequence), kept); err != nil {
				return err
			}
		}
		tx.OnCommit(e.grow)
		return nil
	})
	if err != nil {
		return fmt.Errorf("note openings and clicks: %w", err)
	}
	return nil
}

// Choices implements Engine.
func (e *Embedded) Choices(_ context.Context, customerID string, after uint64) (map[string]bool, error) {
	choices := map[string]bool{}
	prefix := []byte(customerID + "\x00")
	err := e.store.View(func(tx *store.Tx) error {
		for key, value := range tx.Scan(bucketChoice, prefix, nil) {
			if len(value) == 9 && binary.BigEndian.Uint64(value) > after {
				choices[string(key[len(prefix):])] = value[8] != 0
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read a customer's choices: %w", err)
	}
	return choices, nil
}

// Use implements Engine.
func (e *Embedded) Use(ctx context.Context, id []byte, until time.Time) (first bool, err error) {
	key := append(binary.BigEndian.AppendUint64(nil, uint64(until.Unix())), id...)
	err = e.store.Update(ctx, func(tx *store.Tx) error {
		first = tx.Get(bucketUsed, key) == nil
		if !first {
			return nil
		}
		now, cleared := binary.BigEndian.AppendUint64(nil, uint64(e.now().Unix())), 0
		for old := range tx.Scan(bucketUsed, nil, nil) {
			if bytes.Compare(old[:8], now) >= 0 || cleared == 10 {
				break
			}
			tx.Delete(bucketUsed, bytes.Clone(old))
			cleared++
		}
		tx.Put(bucketUsed, key, nil)
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("use up a link: %w", err)
	}
	return first, nil
}

func flag(on bool) byte {
	if on {
		return 1
	}
	return 0
}

func roundKey(customerID, activationID string) []byte {
	return []byte(customerID + "\x00" + activationID)
}

// Publish implements Feed.
func (e *Embedded) Publish(ctx context.Context, p *Profile) error {
	err := e.store.Update(ctx, func(tx *store.Tx) error {
		merged := p
		switch earlier, err := profile(tx); {
		case err == nil:
			merged = p.with(earlier)
		case !errors.Is(err, ErrNoProfile):
			return err
		}
		value, err := json.Marshal(merged)
		if err != nil {
			return err
		}
		tx.Put(bucketProfile, profileKey, value)
		return nil
	})
	if err != nil {
		return fmt.Errorf("publish the store's profile: %w", err)
	}
	return nil
}

// Profile implements Engine.
func (e *Embedded) Profile(context.Context) (p *Profile, err error) {
	err = e.store.View(func(tx *store.Tx) error {
		p, err = profile(tx)
		return err
	})
	return p, err
}

func profile(tx *store.Tx) (*Profile, error) {
	value := tx.Get(bucketProfile, profileKey)
	if value == nil {
		return nil, ErrNoProfile
	}
	p := &Profile{}
	if err := json.Unmarshal(value, p); err != nil {
		return nil, fmt.Errorf("read the store's profile: %w", err)
	}
	return p, nil
}
