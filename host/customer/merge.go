package customer

import (
	"context"
	"encoding/binary"
	"slices"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/customer/finder"
	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// What happens to records as wholes: one becomes part of another (Absorb), becomes one of its own again (Restore), or
// is erased. Who became part of somebody has no record; his number and id lead to the other, and what is kept under
// his id elsewhere (sales, messages, events, consent) is found by way of IDs. Nothing of that moves, so a merge that
// was a mistake is taken back by putting the record in its place again.
const (
	// bucketPart lists who became part of a customer: the customer's number, theirs → their id (16 bytes).
	bucketPart store.Bucket = "customer_part"
	// bucketErased names who was erased: number → id (16 bytes).
	bucketErased store.Bucket = "customer_erased"
)

// Part is somebody who became part of a customer.
type Part struct {
	Number uint32
	ID     string
}

// Into returns the number of the customer of whom another became part, 0 when he did not.
func (s *Service) Into(tx *store.Tx, number uint32) uint32 {
	return numberOf(tx.Get(bucketMerged, numberKey(number)))
}

// leads returns the number to which another one leads: that of whom he became part, or his own.
func (s *Service) leads(tx *store.Tx, number uint32) uint32 {
	for range maxMerges {
		into := s.Into(tx, number)
		if into == 0 {
			break
		}
		number = into
	}
	return number
}

// Parts lists who became part of a customer, and who had become part of these before.
func (s *Service) Parts(tx *store.Tx, number uint32) (parts []Part) {
	for key, id := range tx.Scan(bucketPart, numberKey(number), nil) {
		part := Part{Number: binary.BigEndian.Uint32(key[4:])}
		if parsed, err := uuid.FromBytes(id); err == nil {
			part.ID = parsed.String()
		}
		parts = append(parts, part)
	}
	for _, p := range slices.Clone(parts) {
		parts = append(parts, s.Parts(tx, p.Number)...)
	}
	return parts
}

// IDs are the ids under which everything of a customer is kept: his own first, and those of his parts.
func (s *Service) IDs(tx *store.Tx, c *plgv1.Customer) []string {
	ids := []string{c.GetId()}
	for _, p := range s.Parts(tx, uint32(c.GetNumber())) {
		ids = append(ids, p.ID)
	}
	return ids
}

// Erased tells whether a number was that of somebody who was erased.
func (s *Service) Erased(tx *store.Tx, number uint32) bool {
	return tx.Get(bucketErased, numberKey(number)) != nil
}

func partKey(of, number uint32) []byte { return append(numberKey(of), numberKey(number)...) }

// Absorb makes gone part of keep, which becomes next: what is unique to gone is free for it, facts add up, and
// conversions are those of both. All three are records as Get returns them. What keep may not become is a *Refused.
func (s *Service) Absorb(ctx context.Context, tx *store.Tx, actor *plgv1.Actor, keep, gone, next *plgv1.Customer) (*plgv1.Customer, error) {
	into, number := uint32(keep.Number), uint32(gone.Number)
	facts, err := s.Facts(tx, number)
	if err != nil {
		return nil, err
	}
	sets, err := s.leave(tx, actor, gone)
	if err != nil {
		return nil, err
	}
	id := idKey(gone.Id)
	tx.Put(bucketMerged, numberKey(number), numberKey(into))
	tx.Put(bucketPart, partKey(into, number), id)
	if _, err := s.keep(ctx, tx, actor, keep, next); err != nil {
		return nil, err
	}
	for _, id := range sets {
		if id.Kind() == set.KindCampaign {
			if _, err := s.Join(tx, into, id, true, actor); err != nil {
				return nil, err
			}
		}
	}
	if err := s.Note(tx, into, actor, func(f *Facts) { f.Add(facts) }); err != nil {
		return nil, err
	}
	return s.ByNumber(tx, into)
}

// Lost is what somebody else has taken meanwhile.
type Lost struct {
	// Path is phone, email or cards.
	Path, Value string
	Holder      uint32
}

// Restore makes gone, who had become part of keep, a customer of his own again, with what is counted of him and the
// campaigns in which he converted. Keep must have given back before what is gone's. What others have taken meanwhile
// gone comes back without, and is returned.
func (s *Service) Restore(tx *store.Tx, actor *plgv1.Actor, keep uint32, gone *plgv1.Customer, facts Facts, campaigns []set.ID) (*plgv1.Customer, []Lost, error) {
	number := uint32(gone.Number)
	if s.Into(tx, number) != keep {
		return nil, nil, ErrNotFound
	}
	gone = clone(gone)
	var lost []Lost
	free := func(path, value string, key []byte) bool {
		holder := numberOf(tx.Get(bucketIndex, key))
		if value == "" || holder == 0 {
			return true
		}
		lost = append(lost, Lost{path, value, holder})
		return false
	}
	if !free(fieldPhone, gone.Phone, phoneKey(gone.Phone)) {
		gone.Phone = ""
	}
	if !free(fieldEmail, gone.Email, emailKey(gone.Email)) {
		gone.Email = ""
	}
	gone.Cards = slices.DeleteFunc(gone.Cards, func(card string) bool { return !free(fieldCards, card, cardKey(card)) })
	gone.Tags = slices.DeleteFunc(gone.Tags, func(tag string) bool {
		_, there := s.TagID(tx, tag)
		return !there
	})
	if len(lost) > 0 {
		gone.Revision++
		gone.Updated = timestamppb.New(s.Now())
	}
	tx.Delete(bucketMerged, numberKey(number))
	tx.Delete(bucketPart, partKey(keep, number))
	index(tx, nil, gone)
	if err := s.putTags(tx, number, nil, gone.Tags); err != nil {
		return nil, nil, err
	}
	for _, id := range campaigns {
		if _, err := s.sets.Put(tx, id, number, true); err != nil {
			return nil, nil, err
		}
	}
	if data := facts.encode(); !facts.empty() {
		tx.Put(bucketFact, numberKey(number), data)
	}
	if err := s.put(tx, gone); err != nil {
		return nil, nil, err
	}
	if err := s.tell(tx, nil, gone, nil, actor); err != nil {
		return nil, nil, err
	}
	restored, err := s.ByNumber(tx, number)
	return restored, lost, err
}

// Erase takes a customer out of the store for good, with his parts. That there was somebody of that number and id is
// all that stays.
func (s *Service) Erase(tx *store.Tx, actor *plgv1.Actor, number uint32) error {
	c, err := s.ByNumber(tx, number)
	if err != nil {
		return err
	}
	parts := s.Parts(tx, number)
	if _, err := s.leave(tx, actor, c); err != nil {
		return err
	}
	for _, p := range append(parts, Part{number, c.Id}) {
		into := s.Into(tx, p.Number)
		tx.Delete(bucketMerged, numberKey(p.Number))
		tx.Delete(bucketPart, partKey(into, p.Number))
		tx.Delete(bucketID, idKey(p.ID))
		tx.Put(bucketErased, numberKey(p.Number), idKey(p.ID))
	}
	return nil
}

// leave takes a customer's record out of the store, and whatever stands under his number; his id still leads to the
// number, which is not given again. It returns the sets that he was in.
func (s *Service) leave(tx *store.Tx, actor *plgv1.Actor, c *plgv1.Customer) ([]set.ID, error) {
	number := uint32(c.Number)
	before, err := s.sets.Clear(tx, number)
	if err != nil {
		return nil, err
	}
	index(tx, c, nil)
	if last := s.LastNumber(tx); last == number {
		tx.Put(bucketNext, keyNext, numberKey(number+1))
	}
	tx.Delete(bucketRecord, numberKey(number))
	tx.Delete(bucketFact, numberKey(number))
	s.forget(tx, number)
	return before, s.tell(tx, c, nil, slices.Clip(before), actor)
}

// Add adds what is counted of somebody who turned out to be the same person.
func (f *Facts) Add(other Facts) {
	f.Purchases += other.Purchases
	f.Spent += other.Spent
	if f.FirstPurchase == 0 || other.FirstPurchase != 0 && other.FirstPurchase < f.FirstPurchase {
		f.FirstPurchase = other.FirstPurchase
	}
	f.LastPurchase = max(f.LastPurchase, other.LastPurchase)
	f.LastActivity = max(f.LastActivity, other.LastActivity)
	for id, value := range other.Measures {
		if f.Measures == nil {
			f.Measures = map[string]float64{}
		}
		f.Measures[id] += value
	}
}

func (f *Facts) empty() bool {
	return f.Purchases == 0 && f.Spent == 0 && f.FirstPurchase == 0 && f.LastPurchase == 0 && f.LastActivity == 0 &&
		len(f.Measures) == 0
}

// Paths are the paths of all values that two records have, those of the core first, in a fixed order.
func Paths(a, b *plgv1.Customer) []string {
	paths := allPaths(a)
	for _, path := range allPaths(b) {
		if !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// TextOf is the value at a path as a text; empty when there is none.
func TextOf(c *plgv1.Customer, path string) string { return textOf(c, path) }

// CopyField sets a value of to as it is in from.
func CopyField(to, from *plgv1.Customer, path string) { copyField(to, from, path) }

// HolderOf returns the number of the customer to whom a phone, an e-mail or a card belongs (path phone, email or
// cards; the value as it is kept), 0 when it is nobody's.
func (s *Service) HolderOf(tx *store.Tx, path, value string) uint32 {
	switch path {
	case fieldPhone:
		return numberOf(tx.Get(bucketIndex, phoneKey(value)))
	case fieldEmail:
		return numberOf(tx.Get(bucketIndex, emailKey(value)))
	case fieldCards:
		return numberOf(tx.Get(bucketIndex, cardKey(value)))
	}
	return 0
}

// WithLocal returns up to limit customers whose e-mail has this part before the @.
func (s *Service) WithLocal(tx *store.Tx, local string, limit int) (numbers []uint32) {
	for _, number := range tx.Scan(bucketIndex, emailKey(local+"@"), nil) {
		if numbers = append(numbers, numberOf(number)); len(numbers) == limit {
			break
		}
	}
	return numbers
}

// Finder finds customers in memory; see Build.
func (s *Service) Finder() *finder.Finder { return s.finder }
