package consent

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

const (
	// bucketLedger holds the chain: sequence (big endian) → hash || entry. The entry is a ConsentEntry
	// without its hashes.
	bucketLedger store.Bucket = "consent_ledger"
	// bucketHistory lists a customer's entries: id, 0, sequence → nothing.
	bucketHistory store.Bucket = "consent_customer"
	// bucketMeta holds the head of the chain (sequence || hash || HMAC of both), the cursor of the web feed
	// and the number of open activations.
	bucketMeta store.Bucket = "consent_meta"
)

var (
	keyHead   = []byte("head")
	keyCursor = []byte("cursor")
	keyOpen   = []byte("open")
)

// head is the newest entry of the chain; the zero value is that of an empty one.
type head struct {
	sequence uint64
	hash     []byte
}

// head reads the head, and reports whether its seal is intact.
func (s *Service) head(tx *store.Tx) (h head, intact bool) {
	data := tx.Get(bucketMeta, keyHead)
	if data == nil {
		return head{}, true
	}
	if len(data) != 8+2*sha256.Size {
		return head{}, false
	}
	sealed, seal := data[:8+sha256.Size], data[8+sha256.Size:]
	return head{binary.BigEndian.Uint64(sealed), bytes.Clone(sealed[8:])}, hmac.Equal(seal, s.seal(sealed))
}

func (s *Service) seal(data []byte) []byte {
	mac := hmac.New(sha256.New, s.headKey)
	mac.Write(data)
	return mac.Sum(nil)
}

// link is the hash of an entry that follows the one of the hash previous.
func link(previous, entry []byte) []byte {
	sum := sha256.New()
	sum.Write(previous)
	sum.Write(entry)
	return sum.Sum(nil)
}

// append adds an entry to the chain; it sets its sequence, when it was recorded, and its hashes.
func (s *Service) append(tx *store.Tx, e *mostradorv1.ConsentEntry) error {
	last, intact := s.head(tx)
	if !intact {
		// The store goes on, and Verify goes on telling: a refusal would only stop customers from leaving.
		s.Logger.Error("the head of the consent ledger was altered", "sequence", last.sequence)
	}
	e.Sequence, e.Recorded = last.sequence+1, stamp(s.Now())
	e.PreviousHash, e.Hash, e.Salt, e.Redacted = nil, nil, salt(), nil
	entry, err := proto.Marshal(e)
	if err != nil {
		return fmt.Errorf("consent entry %d: %w", e.Sequence, err)
	}
	e.PreviousHash, e.Hash, e.Salt = last.hash, link(last.hash, entry), nil
	key := sequenceKey(e.Sequence)
	tx.Put(bucketLedger, key, append(bytes.Clone(e.Hash), entry...))
	tx.Put(bucketHistory, append(historyPrefix(e.CustomerId), key...), nil)
	sealed := append(key, e.Hash...)
	tx.Put(bucketMeta, keyHead, append(sealed, s.seal(sealed)...))
	return nil
}

// history returns a customer's entries, oldest first, with their hashes.
func (s *Service) history(tx *store.Tx, customerID string) ([]*mostradorv1.ConsentEntry, error) {
	prefix := historyPrefix(customerID)
	var entries []*mostradorv1.ConsentEntry
	for key := range tx.Scan(bucketHistory, prefix, nil) {
		sequence := binary.BigEndian.Uint64(key[len(prefix):])
		e, err := decode(tx.Get(bucketLedger, sequenceKey(sequence)))
		if err != nil {
			return nil, fmt.Errorf("consent entry %d: %w", sequence, err)
		}
		e.PreviousHash = s.hashBefore(tx, sequence)
		entries = append(entries, e)
	}
	return entries, nil
}

// decode reads a value of the ledger.
func decode(value []byte) (*mostradorv1.ConsentEntry, error) {
	if len(value) < sha256.Size {
		return nil, fmt.Errorf("a record of %d bytes", len(value))
	}
	e := new(mostradorv1.ConsentEntry)
	if err := proto.Unmarshal(value[sha256.Size:], e); err != nil {
		return nil, err
	}
	e.Hash, e.Salt = bytes.Clone(value[:sha256.Size]), nil
	return e, nil
}

func sequenceKey(sequence uint64) []byte { return binary.BigEndian.AppendUint64(nil, sequence) }

func historyPrefix(customerID string) []byte { return append([]byte(customerID), 0) }

// verifyPart is how many entries Verify reads in one transaction: a long one would keep the file from
// reusing its pages.
const verifyPart = 5000

// Verify walks the whole chain: each entry must follow from the one before it, none may be missing, and the
// last must be the one that the sealed head names. It goes on while entries are being added.
func (s *Service) Verify(ctx context.Context) (*mostradorv1.VerifyConsentResponse, error) {
	var last head
	broken := func(reason string) *mostradorv1.VerifyConsentResponse {
		return &mostradorv1.VerifyConsentResponse{
			Entries: last.sequence, BrokenAt: last.sequence + 1, Reason: s.text(ctx, reason, "n", last.sequence+1),
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var verdict *mostradorv1.VerifyConsentResponse
		err := s.Store.View(func(tx *store.Tx) error {
			read := 0
			var after []byte
			if last.sequence > 0 {
				after = sequenceKey(last.sequence)
			}
			for key, value := range tx.Scan(bucketLedger, nil, after) {
				if reason := s.follows(last, key, value); reason != "" {
					verdict = broken(reason)
					return nil
				}
				last = head{last.sequence + 1, bytes.Clone(value[:sha256.Size])}
				if read++; read == verifyPart {
					return nil
				}
			}
			sealed, intact := s.head(tx)
			if !intact || sealed.sequence != last.sequence || !bytes.Equal(sealed.hash, last.hash) {
				verdict = broken("verify_head")
				return nil
			}
			verdict = &mostradorv1.VerifyConsentResponse{Ok: true, Entries: last.sequence}
			return nil
		})
		if err != nil || verdict != nil {
			return verdict, err
		}
	}
}

// follows says what is wrong with the record behind last: the key of a sentence, or nothing.
func (s *Service) follows(last head, key, value []byte) string {
	switch {
	case !bytes.Equal(key, sequenceKey(last.sequence+1)):
		return "verify_missing"
	case len(value) < sha256.Size ||
		!bytes.Equal(value[:sha256.Size], link(last.hash, value[sha256.Size:])) && !s.redacted(last.hash, value):
		return "verify_hash"
	}
	if e, err := decode(value); err != nil || e.Sequence != last.sequence+1 {
		return "verify_entry"
	}
	return ""
}
