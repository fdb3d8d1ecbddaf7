package access

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// cost is what one judgement of a PIN takes.
type cost struct {
	// memory in KiB.
	time, memory uint32
}

// defaultCost is some 50 ms on a till's processor, and OWASP's second choice for Argon2id.
var defaultCost = cost{time: 2, memory: 19 * 1024}

const (
	saltSize = 16
	hashSize = 32
	// recordSize: a hash is kept as time || memory (big endian) || salt || Argon2id of them, so that the
	// cost can grow without invalidating PINs.
	recordSize = 8 + saltSize + hashSize
	// hashesAtOnce bounds the memory that sign-ins can take.
	hashesAtOnce = 2
)

// hasher makes and judges hashes, a few at a time.
type hasher struct {
	cost  cost
	place chan struct{}
}

func newHasher(c cost) hasher { return hasher{cost: c, place: make(chan struct{}, hashesAtOnce)} }

// argon runs Argon2id when there is a place for it.
func (h hasher) argon(ctx context.Context, secret, salt []byte, c cost) ([]byte, error) {
	select {
	case h.place <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-h.place }()
	return argon2.IDKey(secret, salt, c.time, c.memory, 1, hashSize), nil
}

func (h hasher) make(ctx context.Context, secret []byte) ([]byte, error) {
	record := make([]byte, 0, recordSize)
	record = binary.BigEndian.AppendUint32(record, h.cost.time)
	record = binary.BigEndian.AppendUint32(record, h.cost.memory)
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails (crypto/rand)
	record = append(record, salt...)
	sum, err := h.argon(ctx, secret, salt, h.cost)
	if err != nil {
		return nil, err
	}
	return append(record, sum...), nil
}

// fits reports whether a secret is the one of a record. It takes as long when there is no record.
func (h hasher) fits(ctx context.Context, secret, record []byte) (bool, error) {
	if len(record) != recordSize {
		_, err := h.argon(ctx, secret, make([]byte, saltSize), h.cost)
		return false, err
	}
	c := cost{binary.BigEndian.Uint32(record), binary.BigEndian.Uint32(record[4:])}
	sum, err := h.argon(ctx, secret, record[8:8+saltSize], c)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(sum, record[8+saltSize:]) == 1, nil
}

// pinHash is what a new PIN is kept as.
func (s *Service) pinHash(ctx context.Context, pin string) ([]byte, error) {
	pin = plainPIN(pin)
	if len(pin) < minPIN || len(pin) > maxPIN || strings.Trim(pin, "0123456789") != "" {
		return nil, s.deny(ctx, "pin", "pin_format", "min", minPIN, "max", maxPIN)
	}
	return s.make(ctx, hidden(s.pinKey, pin))
}

// pinFits judges a PIN by its record, which may be nil.
func (s *Service) pinFits(ctx context.Context, pin string, record []byte) (bool, error) {
	return s.fits(ctx, hidden(s.pinKey, plainPIN(pin)), bytes.Clone(record))
}

// plainPIN takes digits in any width.
func plainPIN(typed string) string { return strings.TrimSpace(norm.NFKC.String(typed)) }
