package intake

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// SecretPrefix begins every API key, so that one that lies about is recognised.
const SecretPrefix = "mk_"

const (
	maxKeys    = 200
	maxKeyName = 80 // bytes
	// usedEvery is how exactly it is known when a key was last used.
	usedEvery = time.Minute
)

// Keys returns the API keys, the newest first.
func (s *Service) Keys() ([]*mostradorv1.IntegrationKey, error) {
	var keys []*mostradorv1.IntegrationKey
	err := s.Store.View(func(tx *store.Tx) error {
		for id, data := range tx.Scan(bucketKey, nil, nil) {
			k := new(mostradorv1.IntegrationKey)
			if err := proto.Unmarshal(data, k); err != nil {
				return fmt.Errorf("intake: key %s: %w", id, err)
			}
			keys = append(keys, k)
		}
		return nil
	})
	slices.SortFunc(keys, func(a, b *mostradorv1.IntegrationKey) int {
		return b.GetCreated().AsTime().Compare(a.GetCreated().AsTime())
	})
	return keys, err
}

// CreateKey makes an API key for some types, for all when none is named. The secret is in this answer only: the store
// keeps its hash. It has 130 random bits, so a plain hash is enough and nobody finds it by trying.
func (s *Service) CreateKey(ctx context.Context, actor *plgv1.Actor, name string, types []string) (*mostradorv1.IntegrationKey, string, error) {
	const unfit = http.StatusUnprocessableEntity
	name = strings.TrimSpace(name)
	if name == "" || len(name) > maxKeyName || shown(name) != name {
		return nil, "", s.refuse(ctx, unfit, "/name", "key_name", "n", maxKeyName)
	}
	types = slices.Compact(slices.Sorted(slices.Values(types)))
	secret := SecretPrefix + strings.ToLower(rand.Text())
	key := &mostradorv1.IntegrationKey{
		Id: strings.ToLower(rand.Text()[:10]), Name: name, Types: types, Created: timestamppb.New(s.Now()), Actor: actor,
	}
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		n := 0
		for range tx.Scan(bucketKey, nil, nil) {
			n++
		}
		if n >= maxKeys {
			return s.refuse(ctx, unfit, "", "keys_many", "n", maxKeys)
		}
		for _, t := range types {
			switch known, err := s.find(tx, t, locale.Default); {
			case err != nil:
				return err
			case known == nil:
				return s.refuse(ctx, unfit, "/types", "no_type", "type", t)
			}
		}
		sum := sha256.Sum256([]byte(secret))
		tx.Put(bucketSecret, sum[:], []byte(key.Id))
		if err := store.PutProto(tx, bucketKey, []byte(key.Id), key); err != nil {
			return err
		}
		return s.note(tx, actor, "integration.key_created", map[string]any{"key": key.Id, "name": name})
	})
	if err != nil {
		return nil, "", err
	}
	return key, secret, nil
}

// RevokeKey closes the door to whoever has a key, for good.
func (s *Service) RevokeKey(ctx context.Context, actor *plgv1.Actor, id string) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		key := new(mostradorv1.IntegrationKey)
		found := false
		if id != "" && len(id) <= maxKeyName {
			var err error
			if found, err = store.GetProto(tx, bucketKey, []byte(id), key); err != nil {
				return err
			}
		}
		switch {
		case !found:
			return s.refuse(ctx, http.StatusNotFound, "/id", "no_key")
		case key.Revoked:
			return nil
		}
		key.Revoked = true
		if err := store.PutProto(tx, bucketKey, []byte(id), key); err != nil {
			return err
		}
		return s.note(tx, actor, "integration.key_revoked", map[string]any{"key": id, "name": key.Name})
	})
}

// Authenticate returns the key of a secret; *Refused when it is nobody's, or was revoked.
func (s *Service) Authenticate(ctx context.Context, secret string) (*mostradorv1.IntegrationKey, error) {
	var key *mostradorv1.IntegrationKey
	err := s.Store.View(func(tx *store.Tx) (err error) {
		key, err = keyOf(tx, secret)
		return err
	})
	if err != nil {
		return nil, err
	}
	if key == nil || key.Revoked {
		return nil, s.refuse(ctx, http.StatusUnauthorized, "", "key_unknown")
	}
	if now := s.Now(); now.Sub(key.GetLastUsed().AsTime()) > usedEvery {
		err = s.Store.Update(ctx, func(tx *store.Tx) error {
			now, err := keyOf(tx, secret)
			if err != nil || now == nil {
				return err
			}
			now.LastUsed = timestamppb.New(s.Now())
			return store.PutProto(tx, bucketKey, []byte(now.Id), now)
		})
	}
	return key, err
}

func keyOf(tx *store.Tx, secret string) (*mostradorv1.IntegrationKey, error) {
	if !strings.HasPrefix(secret, SecretPrefix) || len(secret) > 100 {
		return nil, nil
	}
	sum := sha256.Sum256([]byte(secret))
	id := tx.Get(bucketSecret, sum[:])
	if id == nil {
		return nil, nil
	}
	key := new(mostradorv1.IntegrationKey)
	if found, err := store.GetProto(tx, bucketKey, id, key); !found || err != nil {
		return nil, err
	}
	return key, nil
}

// rates count what each key tells: a bucket that fills by the minute and holds half of one.
type rates struct {
	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// take takes n out of a key's bucket, or says how long until they are there. More than it ever holds is let through
// when it is full.
func (r *rates) take(key string, n, perMinute int, now time.Time) (wait time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	room := max(1, float64(perMinute)/2)
	b := r.buckets[key]
	if b == nil {
		if r.buckets == nil {
			r.buckets = map[string]*bucket{}
		}
		b = &bucket{left: room, at: now}
		r.buckets[key] = b
	}
	b.left = min(room, b.left+max(0, now.Sub(b.at).Minutes())*float64(perMinute))
	b.at = now
	if need := min(float64(n), room) - b.left; need > 0 {
		return time.Duration(need / float64(perMinute) * float64(time.Minute))
	}
	b.left -= float64(n)
	return 0
}
