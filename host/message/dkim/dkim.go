// Package dkim keeps the store's signing keys and signs its mails (RFC 6376), each with RSA of 2048 bits and with
// Ed25519 (RFC 8463): a verifier takes the one that it knows.
//
// The keys of a domain come in pairs and live through three states without anybody switching anything. A pair is made
// when somebody first asks what to put into DNS (Keys), and signs nothing yet: a signature whose key nobody finds is
// worth less than none. Once DNS has been seen to hold its record, which Published notes, a key signs. A pair that is a
// year old gets a successor, which takes over in the same way; the old record stays useful for the mails that are under
// way and may go a week later.
//
// Private keys are sealed with a key that is derived from the store's master key, and never leave the package.
package dkim

import (
	"bytes"
	"context"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mostrador/host/store"
)

// bucketKey holds the keys: domain, 0, selector → record.
const bucketKey store.Bucket = "dkim_key"

const (
	// rsaBits is the size of RSA keys: smaller ones are refused by some (RFC 8301 3.2), larger ones do not fit DNS answers.
	rsaBits = 2048
	// lifetime is after what time a pair gets a successor.
	lifetime = 365 * 24 * time.Hour
	// sealVersion is the first byte of what is sealed.
	sealVersion = 1
)

// The algorithms, as records name them (k=).
const (
	RSA     = "rsa"
	Ed25519 = "ed25519"
)

// Config is what a Service works with.
type Config struct {
	Store *store.Store
	// Key is the store's master key (32 bytes); what is used is derived from it.
	Key []byte
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Service keeps the keys of one store. It is safe for concurrent use.
type Service struct {
	store *store.Store
	seal  cipher.AEAD
	now   func() time.Time

	mu sync.Mutex
	// signers are those in force by domain; a domain is missing until it is asked for.
	signers map[string]*Signer
}

// New returns the keys of a store.
func New(c Config) (*Service, error) {
	if len(c.Key) < 16 {
		return nil, errors.New("dkim: the master key is too short")
	}
	key, err := hkdf.Key(sha256.New, c.Key, nil, "mostrador/dkim/key/v1", 32)
	if err != nil {
		return nil, fmt.Errorf("dkim: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("dkim: %w", err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("dkim: %w", err)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Service{store: c.Store, seal: seal, now: c.Now, signers: map[string]*Signer{}}, nil
}

// record is a key as it is kept.
type record struct {
	Algorithm string    `json:"algorithm"`
	Created   time.Time `json:"created"`
	// Published is when DNS was first seen to hold it; zero when never.
	Published time.Time `json:"published"`
	// Public is what stands in DNS (p=), Sealed the private key (PKCS #8).
	Public string `json:"public"`
	Sealed []byte `json:"sealed"`
}

// Key is one public key of a domain.
type Key struct {
	Domain, Selector string
	// Algorithm is RSA or Ed25519.
	Algorithm string
	Created   time.Time
	// Published is when DNS was first seen to hold it; zero when never, and then it signs nothing.
	Published time.Time
	// Signs tells whether mails are signed with it now: it is the latest published one of its algorithm.
	Signs bool
	// Public is the key as DNS has it: base64 (RFC 6376 3.6.1, RFC 8463 4.2).
	Public string
}

// Name is where the key stands in DNS: the name of a TXT record.
func (k Key) Name() string { return k.Selector + "._domainkey." + k.Domain }

// Value is what stands there. A value of over 255 characters is stored in parts; the forms of DNS providers see to that.
func (k Key) Value() string { return "v=DKIM1; k=" + k.Algorithm + "; p=" + k.Public }

// Normal is the form in which a domain is kept and signed for.
func Normal(domain string) string { return strings.ToLower(strings.TrimSuffix(domain, ".")) }

// Keys returns the keys of a domain, newest first, after making the first pair, or the successors of one that has served
// for a year.
func (s *Service) Keys(ctx context.Context, domain string) ([]Key, error) {
	domain = Normal(domain)
	if domain == "" || strings.ContainsAny(domain, "\x00/ ") {
		return nil, fmt.Errorf("dkim: no domain: %q", domain)
	}
	keys, err := s.list(domain)
	if err != nil {
		return nil, err
	}
	if len(keys) > 0 && s.now().Sub(keys[0].Created) < lifetime {
		return keys, nil
	}
	made, err := s.makePair(domain, keys)
	if err != nil {
		return nil, err
	}
	err = s.store.Update(ctx, func(tx *store.Tx) error {
		// Somebody else may have made a pair meanwhile; one is enough.
		if now, err := read(tx, domain); err != nil || len(now) != len(keys) {
			return err
		}
		for selector, r := range made {
			data, err := json.Marshal(r)
			if err != nil {
				return err
			}
			tx.Put(bucketKey, recordKey(domain, selector), data)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("dkim: keys of %s: %w", domain, err)
	}
	return s.list(domain)
}

// list returns the keys of a domain, newest first.
func (s *Service) list(domain string) ([]Key, error) {
	var keys []Key
	err := s.store.View(func(tx *store.Tx) error {
		records, err := read(tx, domain)
		for selector, r := range records {
			keys = append(keys, Key{
				Domain: domain, Selector: selector, Algorithm: r.Algorithm, Created: r.Created, Published: r.Published, Public: r.Public,
			})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("dkim: keys of %s: %w", domain, err)
	}
	slices.SortFunc(keys, func(a, b Key) int {
		if c := b.Created.Compare(a.Created); c != 0 {
			return c
		}
		return strings.Compare(b.Algorithm, a.Algorithm)
	})
	signs := map[string]bool{}
	for i := range keys {
		if k := &keys[i]; !k.Published.IsZero() && !signs[k.Algorithm] {
			k.Signs, signs[k.Algorithm] = true, true
		}
	}
	return keys, nil
}

// Published notes that DNS holds the records of these selectors: from now on they sign.
func (s *Service) Published(ctx context.Context, domain string, selectors ...string) error {
	domain = Normal(domain)
	err := s.store.Update(ctx, func(tx *store.Tx) error {
		records, err := read(tx, domain)
		if err != nil {
			return err
		}
		for _, selector := range selectors {
			r, known := records[selector]
			if !known || !r.Published.IsZero() {
				continue
			}
			r.Published = s.now()
			data, err := json.Marshal(r)
			if err != nil {
				return err
			}
			tx.Put(bucketKey, recordKey(domain, selector), data)
			tx.OnCommit(func() { s.forget(domain) })
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("dkim: publish %s: %w", domain, err)
	}
	return nil
}

// forget has the signer of a domain made anew.
func (s *Service) forget(domain string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.signers, domain)
}

// makePair makes a key of each algorithm, with selectors that keys has not.
func (s *Service) makePair(domain string, keys []Key) (map[string]*record, error) {
	now := s.now()
	pair := map[string]*record{}
	for _, algorithm := range []string{RSA, Ed25519} {
		private, public, err := generate(algorithm)
		if err != nil {
			return nil, fmt.Errorf("dkim: make a key: %w", err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			return nil, fmt.Errorf("dkim: make a key: %w", err)
		}
		base := now.Format("20060102") + algorithm[:1]
		selector := base
		for n := 2; slices.ContainsFunc(keys, func(k Key) bool { return k.Selector == selector }); n++ {
			selector = fmt.Sprintf("%s%d", base, n)
		}
		pair[selector] = &record{
			Algorithm: algorithm, Created: now, Public: base64.StdEncoding.EncodeToString(public),
			Sealed: s.seal.Seal([]byte{sealVersion}, nil, der, recordKey(domain, selector)),
		}
	}
	return pair, nil
}

// generate returns a new key and its public part as DNS has it.
func generate(algorithm string) (private crypto.Signer, public []byte, err error) {
	if algorithm == Ed25519 {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		return private, public, err
	}
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		return nil, nil, err
	}
	public, err = x509.MarshalPKIXPublicKey(&key.PublicKey)
	return key, public, err
}

// open opens a private key.
func (s *Service) open(domain, selector string, r *record) (crypto.Signer, error) {
	if len(r.Sealed) < 1 || r.Sealed[0] != sealVersion {
		return nil, errors.New("unknown seal")
	}
	der, err := s.seal.Open(nil, nil, r.Sealed[1:], recordKey(domain, selector))
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", key)
	}
	return signer, nil
}

func recordKey(domain, selector string) []byte { return []byte(domain + "\x00" + selector) }

// read returns the records of a domain by selector.
func read(tx *store.Tx, domain string) (map[string]*record, error) {
	records := map[string]*record{}
	prefix := recordKey(domain, "")
	for key, value := range tx.Scan(bucketKey, prefix, nil) {
		r := new(record)
		if err := json.Unmarshal(value, r); err != nil {
			return nil, fmt.Errorf("record %q: %w", key, err)
		}
		records[string(bytes.TrimPrefix(key, prefix))] = r
	}
	return records, nil
}
