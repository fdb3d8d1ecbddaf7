package customer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer/finder"
	"mostrador/host/customer/set"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// This file is the way in and out for many customers at once (host/transfer). What it does in a transaction is what
// Register, Update and the index do for one; it is apart from them because the dear parts can be done before the
// transaction, and because neighbours share their pages.

// Judge judges customers as Register and Update do. It is for one goroutine; make one for each.
type Judge struct {
	s       *Service
	lang    string
	country string
	plans   *phonePlans
	// judging is the judgement that is made for each customer anew.
	judging judgement
	// languages are those that were judged and are right, by how they were typed.
	languages map[string]string
}

// NewJudge returns a judge whose sentences are in the language of ctx. country (ISO 3166) is that of phones without a
// prefix; empty means the store's.
func (s *Service) NewJudge(ctx context.Context, country string) *Judge {
	if country == "" {
		country = s.country()
	}
	lang := locale.FromContext(ctx)
	return &Judge{
		s: s, lang: lang, country: strings.ToUpper(country), plans: newPhonePlans(),
		judging: judgement{s: s, lang: lang, Refusal: new(mostradorv1.Refusal)}, languages: map[string]string{},
	}
}

// judgement begins a judgement, with which the one before ends: only what it said stays good.
func (j *Judge) judgement() *judgement {
	j.judging.Diagnostics, j.judging.Duplicates = nil, nil
	return &j.judging
}

// Values brings what c has to the form in which it is kept, and says what is wrong with it. What is empty is not
// looked at: c may be all of a customer, or only what is to be changed.
func (j *Judge) Values(c *plgv1.Customer) []*plgv1.Diagnostic {
	v := j.judgement()
	paths := setPaths(c)
	done := func(path string) {
		paths = slices.DeleteFunc(paths, func(p string) bool { return p == path })
	}
	if c.Phone != "" {
		if e164, plain := j.plans.parse(c.Phone, j.country); plain {
			c.Phone = e164
			done(fieldPhone)
		} else if e164, problem := parsePhone(c.Phone, j.country); problem == "" {
			c.Phone = e164
		}
	}
	if len(c.Cards) == 1 && asKept(c.Cards[0]) {
		done(fieldCards)
	}
	typed := c.Language
	if kept, known := j.languages[typed]; known {
		c.Language = kept
		done(fieldLanguage)
	}
	v.normalise(c, paths)
	if typed != "" && !v.about(fieldLanguage) && len(j.languages) < maxLanguages {
		j.languages[typed] = c.Language
	}
	return v.Diagnostics
}

// maxLanguages bounds what a judge remembers.
const maxLanguages = 1000

// asKept tells whether a card is typed in the form in which cards are kept.
func asKept(card string) bool {
	for i := range len(card) {
		if c := card[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return card != "" && len(card) <= maxWord
}

// Whole says what c, whose values are judged, lacks for being registered, and what nobody may set.
func (j *Judge) Whole(c *plgv1.Customer) []*plgv1.Diagnostic {
	v := j.judgement()
	if c.Name == "" {
		v.refuse(fieldName, "name_empty")
	}
	v.require(c)
	v.needed(c, nil)
	v.locked(c, setPaths(c))
	return v.Diagnostics
}

// Wrong tells whether diagnostics hold an error, not only warnings.
func Wrong(diagnostics []*plgv1.Diagnostic) bool {
	return slices.ContainsFunc(diagnostics, func(d *plgv1.Diagnostic) bool { return d.Severity == plgv1.Severity_SEVERITY_ERROR })
}

// SetPaths are the paths of what c has a value for, in the order of a form.
func SetPaths(c *plgv1.Customer) []string { return setPaths(c) }

// Label is what people call a path, in a language.
func (s *Service) Label(path, lang string) string { return s.label(path, lang) }

// IndexKeys are what belongs to c only, as the index keeps it: phone, e-mail and cards.
func IndexKeys(c *plgv1.Customer) [][]byte { return keys(c) }

// KeyPath is the path that a key of IndexKeys comes from.
func KeyPath(key []byte) string {
	switch key[0] {
	case kindPhone:
		return fieldPhone
	case kindEmail:
		return fieldEmail
	}
	return fieldCards
}

// Amended says what became of current if the paths of the mask were as in c: the changes (none when all is so
// already) and what stands against them. Nothing is written.
func (s *Service) Amended(ctx context.Context, tx *store.Tx, current, c *plgv1.Customer, mask []string) ([]*plgv1.FieldChange, *mostradorv1.Refusal, error) {
	next := clone(current)
	for _, path := range mask {
		copyField(next, c, path)
	}
	var err error
	if next.Tags, err = s.tagNames(tx, next.Tags); err != nil {
		return nil, nil, err
	}
	if len(differences(current, next)) == 0 {
		return nil, nil, nil
	}
	j := s.judge(ctx)
	j.locked(current, changedOnly(current, next, mask))
	j.require(next)
	j.needed(next, mask)
	if err := s.Rules.Apply(next); err != nil {
		return nil, nil, fmt.Errorf("customer rules: %w", err)
	}
	if err := j.taken(tx, next); err != nil {
		return nil, nil, err
	}
	return differences(current, next), j.Refusal, nil
}

// Amend makes the paths of the mask as in c, for the customer of a number, within the caller's transaction: what
// Update does. It returns the customer as it was and as it is. What Update would refuse is a *Refused.
func (s *Service) Amend(ctx context.Context, tx *store.Tx, actor *plgv1.Actor, number uint32, c *plgv1.Customer, mask []string) (was, is *plgv1.Customer, err error) {
	if was, err = s.ByNumber(tx, number); err != nil {
		return nil, nil, err
	}
	wanted := clone(c)
	wanted.Id, wanted.Revision = was.Id, 0
	is, err = s.set(ctx, tx, actor, wanted, changedOnly(was, wanted, mask), nil)
	return was, is, err
}

// changedOnly leaves out the paths in which nothing changes: a rule that governs one of them does not mind.
func changedOnly(current, wanted *plgv1.Customer, mask []string) []string {
	return slices.DeleteFunc(slices.Clone(mask), func(path string) bool { return textOf(current, path) == textOf(wanted, path) })
}

// Changes lists the fields in which two states of a customer differ.
func Changes(was, is *plgv1.Customer) []*plgv1.FieldChange { return differences(was, is) }

// leap is after how many records in between a search for sorted keys looks for the next key from above instead of
// going on to it.
const leap = 32

// Holders tells who holds which of keys, which ascend: i is the key's place.
func (s *Service) Holders(tx *store.Tx, keys [][]byte, found func(i int, number uint32)) {
	for i := 0; i < len(keys); {
		gap := 0
		if number := numberOf(tx.Get(bucketIndex, keys[i])); number != 0 {
			found(i, number)
		}
		key := keys[i]
		i++
		// From here on the records are walked through as long as keys come close behind one another.
		for k, v := range tx.Scan(bucketIndex, nil, key) {
			for i < len(keys) && bytes.Compare(keys[i], k) < 0 {
				i++
				gap = 0
			}
			if i == len(keys) {
				return
			}
			if bytes.Equal(keys[i], k) {
				found(i, numberOf(v))
				i++
				gap = 0
				continue
			}
			if gap++; gap > leap {
				break
			}
		}
		if gap <= leap { // the records came to an end
			return
		}
	}
}

// Reserve gives away n numbers, of which it returns the first: nobody else gets them, whether they are used or not.
func (s *Service) Reserve(tx *store.Tx, n uint32) (first uint32, err error) {
	last := s.LastNumber(tx)
	if n > ^uint32(0)-last-1 {
		return 0, errors.New("customer: no numbers left")
	}
	tx.Put(bucketNext, keyNext, numberKey(last+n+1))
	return last + 1, nil
}

// Claim has a key of the index belong to a reserved number, whose record comes later: nobody can take the key any
// more, and nobody is found by it yet. Whether it is free is the caller's to see to (Holders).
func (s *Service) Claim(tx *store.Tx, key []byte, number uint32) {
	tx.Put(bucketIndex, key, numberKey(number))
}

// Unclaim gives back a key if it belongs to a number.
func (s *Service) Unclaim(tx *store.Tx, key []byte, number uint32) {
	if numberOf(tx.Get(bucketIndex, key)) == number {
		tx.Delete(bucketIndex, key)
	}
}

// InForce are the declarations by which values are judged at this moment.
func (s *Service) InForce() Fields { return s.declared() }

// SameRules tells whether two answers of InForce are the same declarations.
func SameRules(a, b Fields) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// Newcomer is a customer of a reserved number that is ready to be written.
type Newcomer struct {
	Customer *plgv1.Customer
	id       uuid.UUID
	record   []byte
	person   *finder.Person
	// rules are those that were applied.
	rules Fields
}

// Prepare does all for a new customer that needs no transaction. c was judged, and its keys are claimed; it becomes
// the newcomer's.
func (s *Service) Prepare(c *plgv1.Customer, number uint32, id uuid.UUID, now time.Time) (*Newcomer, error) {
	c.Id, c.Number, c.Revision = id.String(), uint64(number), 1
	c.Created = timestamppb.New(now)
	c.Updated = c.Created
	c.Consent = &plgv1.Consent{
		Programme:  plgv1.ConsentState_CONSENT_STATE_PENDING,
		Promotions: plgv1.ConsentState_CONSENT_STATE_PENDING,
	}
	n := &Newcomer{Customer: c, id: id}
	return n, s.finish(n)
}

// finish applies the rules in force and makes of the customer what is written.
func (s *Service) finish(n *Newcomer) error {
	n.rules = s.declared()
	c := n.Customer
	if err := s.Rules.Apply(c); err != nil {
		return fmt.Errorf("customer rules: %w", err)
	}
	tags := c.Tags
	c.Tags = nil
	record, err := proto.Marshal(c)
	c.Tags = tags
	if err != nil {
		return fmt.Errorf("customer %d: %w", c.Number, err)
	}
	n.record, n.person = record, s.person(c, &Facts{})
	return nil
}

// Admit writes newcomers in ascending order of their numbers, with their tags. Followers are told of each; the event
// customer.registered is told of each only with announce, since an import is one fact for all of them.
func (s *Service) Admit(tx *store.Tx, actor *plgv1.Actor, people []*Newcomer, announce bool) error {
	if len(people) == 0 {
		return nil
	}
	tags := map[string]set.ID{}
	blocks := map[set.ID]map[uint32]set.Block{}
	sets := make([][]set.ID, len(people))
	rules := s.declared()
	for i, n := range people {
		if !SameRules(n.rules, rules) { // they changed since it was prepared
			if err := s.finish(n); err != nil {
				return err
			}
		}
		number := uint32(n.Customer.Number)
		key := numberKey(number)
		tx.Put(bucketRecord, key, n.record)
		tx.Put(bucketID, n.id[:], key)
		for _, name := range n.Customer.Tags {
			id, known := tags[name]
			if !known {
				var err error
				if id, err = s.EnsureTag(tx, name); err != nil {
					return err
				}
				tags[name] = id
				blocks[id] = map[uint32]set.Block{}
			}
			block := blocks[id][number/set.BlockSize]
			block.Add(number)
			blocks[id][number/set.BlockSize] = block
			sets[i] = append(sets[i], id)
		}
	}
	for id, of := range blocks {
		for block, who := range of {
			if _, err := s.sets.PutBlock(tx, id, block, who, true); err != nil {
				return err
			}
		}
	}
	for i, n := range people {
		if len(s.followers) > 0 {
			slices.Sort(sets[i])
			if err := s.follow(tx, nil, &Known{Customer: n.Customer, Sets: slices.Compact(sets[i])}, actor); err != nil {
				return err
			}
		}
		if !announce {
			continue
		}
		if err := s.Log.Append(tx, &plgv1.Event{
			Type: "customer.registered", Time: n.Customer.Created, Actor: actor, Customer: n.Customer,
			Detail: &plgv1.Event_CustomerRegistered{CustomerRegistered: &plgv1.CustomerRegistered{}},
		}); err != nil {
			return err
		}
	}
	persons := make([]*finder.Person, len(people))
	for i, n := range people {
		persons[i] = n.person
	}
	batch := finder.NewBatch(persons) // now, since nobody else commits while the finder takes it over
	tx.OnCommit(func() {
		s.finder.PutBatch(batch)
		s.changes.Add(1)
	})
	return nil
}

// Unregister takes a customer back whom an import brought and nobody has used: record, keys, sets and facts. The
// number is not given again.
func (s *Service) Unregister(tx *store.Tx, actor *plgv1.Actor, c *plgv1.Customer) error {
	if _, err := s.leave(tx, actor, c); err != nil {
		return err
	}
	if key := idKey(c.Id); key != nil {
		tx.Delete(bucketID, key)
	}
	return nil
}

// Exists tells whether a number has a record.
func (s *Service) Exists(tx *store.Tx, number uint32) bool {
	return tx.Get(bucketRecord, numberKey(number)) != nil
}
