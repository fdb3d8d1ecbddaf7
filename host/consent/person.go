package consent

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// saltSize is the length of an entry's salt, in bytes.
const saltSize = 16

// salt makes the hash of an entry tell nothing of what was taken out of it: an address could be guessed else.
func salt() []byte {
	s := make([]byte, saltSize)
	rand.Read(s) // never fails (crypto/rand)
	return s
}

// Stricter is how consent stands when two records of one person become one: withdrawn rather than pending, pending
// rather than given, for each purpose.
func Stricter(a, b *plgv1.Consent) *plgv1.Consent {
	of := func(x, y plgv1.ConsentState) plgv1.ConsentState {
		for _, s := range []plgv1.ConsentState{plgv1.ConsentState_CONSENT_STATE_WITHDRAWN, plgv1.ConsentState_CONSENT_STATE_PENDING} {
			if x == s || y == s {
				return s
			}
		}
		if x == plgv1.ConsentState_CONSENT_STATE_GIVEN && y == x {
			return x
		}
		return plgv1.ConsentState_CONSENT_STATE_PENDING
	}
	return &plgv1.Consent{
		Programme: of(a.GetProgramme(), b.GetProgramme()), Promotions: of(a.GetPromotions(), b.GetPromotions()),
	}
}

// Merged notes that the customer other became part of a customer, whose consent stands as state from here on. The
// entries of both stay as they are. The customer's record is the caller's to bring along.
func (s *Service) Merged(tx *store.Tx, actor *plgv1.Actor, customerID, other string, state *plgv1.Consent) error {
	return s.settle(tx, actor, mostradorv1.ConsentAct_CONSENT_ACT_MERGED, customerID, other, state)
}

// Unmerged notes how the consent of a customer stands after a merge was taken back. It is called for both.
func (s *Service) Unmerged(tx *store.Tx, actor *plgv1.Actor, customerID, other string, state *plgv1.Consent) error {
	return s.settle(tx, actor, mostradorv1.ConsentAct_CONSENT_ACT_UNMERGED, customerID, other, state)
}

func (s *Service) settle(tx *store.Tx, actor *plgv1.Actor, act mostradorv1.ConsentAct, customerID, other string, state *plgv1.Consent) error {
	return s.append(tx, &mostradorv1.ConsentEntry{
		CustomerId: customerID, OtherId: other, Act: act, Means: plgv1.Means_MEANS_STAFF, Time: stamp(s.Now()),
		Actor: actor, State: state,
	})
}

// Last is the sequence of a customer's newest entry, 0 when there is none.
func (s *Service) Last(tx *store.Tx, customerID string) uint64 {
	for key := range tx.ScanReverse(bucketHistory, historyPrefix(customerID), nil) {
		return binary.BigEndian.Uint64(key[len(key)-8:])
	}
	return 0
}

// Acted tells whether a customer gave or withdrew consent behind an entry of the ledger, and whether he withdrew it.
func (s *Service) Acted(tx *store.Tx, customerID string, after uint64) (acted, withdrew bool, err error) {
	entries, err := s.history(tx, customerID)
	for _, e := range entries {
		if e.Sequence <= after {
			continue
		}
		switch e.Act {
		case mostradorv1.ConsentAct_CONSENT_ACT_GIVEN:
			acted, withdrew = true, false
		case mostradorv1.ConsentAct_CONSENT_ACT_WITHDRAWN:
			acted, withdrew = true, true
		}
	}
	return acted, withdrew, err
}

// Entries returns up to limit entries of one id before a sequence (0: from the end), newest first, with their hashes.
func (s *Service) Entries(tx *store.Tx, customerID string, before uint64, limit int) ([]*mostradorv1.ConsentEntry, error) {
	prefix := historyPrefix(customerID)
	var bound []byte
	if before > 0 {
		bound = append(bytes.Clone(prefix), sequenceKey(before)...)
	}
	var entries []*mostradorv1.ConsentEntry
	for key := range tx.ScanReverse(bucketHistory, prefix, bound) {
		if len(entries) == limit {
			break
		}
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

// Proof returns the bytes of an entry as the chain has them: its hash is that of the hash before and these.
func (s *Service) Proof(tx *store.Tx, sequence uint64) []byte {
	if value := tx.Get(bucketLedger, sequenceKey(sequence)); len(value) > sha256.Size {
		return bytes.Clone(value[sha256.Size:])
	}
	return nil
}

func (s *Service) hashBefore(tx *store.Tx, sequence uint64) []byte {
	if before := tx.Get(bucketLedger, sequenceKey(sequence-1)); len(before) >= sha256.Size {
		return bytes.Clone(before[:sha256.Size])
	}
	return nil
}

// Forget takes the person out of the ledger and notes that, with the reason: what was agreed to, when and how stays
// as proof, under an id that leads to nobody any more. Invitations end.
func (s *Service) Forget(tx *store.Tx, actor *plgv1.Actor, customerID, reason string) error {
	a, err := s.activation(tx, customerID)
	if err != nil {
		return err
	}
	if a != nil {
		s.delist(tx, a)
		tx.Delete(bucketActivation, []byte(customerID))
	}
	entries, err := s.history(tx, customerID)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := s.redact(tx, e); err != nil {
			return err
		}
	}
	return s.append(tx, &mostradorv1.ConsentEntry{
		CustomerId: customerID, Act: mostradorv1.ConsentAct_CONSENT_ACT_ERASED, Means: plgv1.Means_MEANS_STAFF,
		Time: stamp(s.Now()), Actor: actor, Reason: reason,
	})
}

// redact writes an entry anew without where the customer acted from. Its hash, on which the next one stands, stays.
func (s *Service) redact(tx *store.Tx, e *mostradorv1.ConsentEntry) error {
	hash, previous := e.Hash, e.PreviousHash
	e.Hash, e.PreviousHash, e.Salt = nil, nil, nil
	if e.Actor != nil {
		e.Actor.Ip, e.Actor.UserAgent = "", ""
	}
	var err error
	if e.Redacted, err = s.redaction(previous, hash, e); err != nil {
		return err
	}
	entry, err := proto.Marshal(e)
	if err != nil {
		return fmt.Errorf("consent entry %d: %w", e.Sequence, err)
	}
	tx.Put(bucketLedger, sequenceKey(e.Sequence), append(bytes.Clone(hash), entry...))
	return nil
}

// redaction is the seal of what is left of an entry between the hashes that the chain has.
func (s *Service) redaction(previous, hash []byte, e *mostradorv1.ConsentEntry) ([]byte, error) {
	left := proto.CloneOf(e)
	left.Redacted, left.Hash, left.PreviousHash = nil, nil, nil
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(left)
	if err != nil {
		return nil, fmt.Errorf("consent entry %d: %w", e.Sequence, err)
	}
	return s.seal(bytes.Join([][]byte{[]byte("redacted"), previous, hash, data}, []byte{0})), nil
}

// redacted tells whether an entry that does not have its hash any more is one that the store itself redacted.
func (s *Service) redacted(previous []byte, value []byte) bool {
	e, err := decode(value)
	if err != nil || len(e.Redacted) == 0 {
		return false
	}
	seal, err := s.redaction(previous, e.Hash, e)
	return err == nil && hmac.Equal(seal, e.Redacted)
}

// historyOf returns the entries of a customer and of who became part of him, oldest first.
func (s *Service) historyOf(tx *store.Tx, c *plgv1.Customer) ([]*mostradorv1.ConsentEntry, error) {
	var all []*mostradorv1.ConsentEntry
	for _, id := range s.Customers.IDs(tx, c) {
		entries, err := s.history(tx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, entries...)
	}
	slices.SortFunc(all, func(a, b *mostradorv1.ConsentEntry) int { return cmp.Compare(a.Sequence, b.Sequence) })
	return all, nil
}
