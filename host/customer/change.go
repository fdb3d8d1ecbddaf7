package customer

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// maxIdempotencyKey is the longest idempotency key, in bytes.
const maxIdempotencyKey = 200

func (s *Service) country() string {
	if s.Country != nil {
		if country := s.Country(); country != "" {
			return strings.ToUpper(country)
		}
	}
	return "ES"
}

// Register keeps a new customer and returns it as kept. The same idempotencyKey again (any string that the
// caller made up for this registration; may be empty) returns the customer of the first call.
func (s *Service) Register(ctx context.Context, actor *plgv1.Actor, c *plgv1.Customer, idempotencyKey string) (*plgv1.Customer, error) {
	// The numbering plans of phones are consulted before the transaction, which others wait for.
	newcomer, err := s.newcomer(ctx, c, idempotencyKey)
	if err != nil {
		return nil, err
	}
	var kept *plgv1.Customer
	err = s.Store.Update(ctx, func(tx *store.Tx) (err error) {
		kept, err = s.register(ctx, tx, actor, newcomer, idempotencyKey)
		return err
	})
	if err != nil {
		return nil, err
	}
	return kept, nil
}

// RegisterTx is Register as a part of the caller's transaction.
func (s *Service) RegisterTx(ctx context.Context, tx *store.Tx, actor *plgv1.Actor, c *plgv1.Customer, idempotencyKey string) (*plgv1.Customer, error) {
	newcomer, err := s.newcomer(ctx, c, idempotencyKey)
	if err != nil {
		return nil, err
	}
	return s.register(ctx, tx, actor, newcomer, idempotencyKey)
}

// newcomer is who is to be registered, as far as no transaction is needed to say so.
func (s *Service) newcomer(ctx context.Context, c *plgv1.Customer, idempotencyKey string) (*plgv1.Customer, error) {
	kept := clone(c)
	j := s.judge(ctx)
	s.judgeNew(j, kept)
	if len(idempotencyKey) > maxIdempotencyKey {
		j.refuse("idempotency_key", "key_long", "n", maxIdempotencyKey)
	}
	if err := j.err(); err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("customer id: %w", err)
	}
	kept.Id, kept.Revision = id.String(), 1
	kept.Created = timestamppb.New(s.Now())
	kept.Updated = kept.Created
	kept.Consent = &plgv1.Consent{
		Programme:  plgv1.ConsentState_CONSENT_STATE_PENDING,
		Promotions: plgv1.ConsentState_CONSENT_STATE_PENDING,
	}
	return kept, nil
}

// register keeps a newcomer.
func (s *Service) register(ctx context.Context, tx *store.Tx, actor *plgv1.Actor, kept *plgv1.Customer, idempotencyKey string) (*plgv1.Customer, error) {
	if idempotencyKey != "" {
		if first := tx.Get(bucketIndex, registrationKey(idempotencyKey)); first != nil {
			return s.ByNumber(tx, numberOf(first))
		}
	}
	kept.Number = uint64(s.LastNumber(tx)) + 1
	number := uint32(kept.Number)
	j := s.judge(ctx)
	if err := j.taken(tx, kept); err != nil {
		return nil, err
	}
	if err := j.err(); err != nil {
		return nil, err
	}
	if err := s.Rules.Apply(kept); err != nil {
		return nil, fmt.Errorf("customer rules: %w", err)
	}
	if idempotencyKey != "" {
		tx.Put(bucketIndex, registrationKey(idempotencyKey), numberKey(number))
	}
	tx.Put(bucketID, idKey(kept.Id), numberKey(number))
	index(tx, nil, kept)
	var err error
	if kept.Tags, err = s.tagNames(tx, kept.Tags); err != nil {
		return nil, err
	}
	if err := s.putTags(tx, number, nil, kept.Tags); err != nil {
		return nil, err
	}
	if err := s.put(tx, kept); err != nil {
		return nil, err
	}
	if err := s.tell(tx, nil, kept, nil, actor); err != nil {
		return nil, err
	}
	return kept, s.Log.Append(tx, &plgv1.Event{
		Type:     "customer.registered",
		Time:     kept.Created,
		Actor:    actor,
		Customer: kept,
		Detail:   &plgv1.Event_CustomerRegistered{CustomerRegistered: &plgv1.CustomerRegistered{}},
	})
}

// judgeNew normalises a customer to be registered and says all that can be said of it outside a transaction.
func (s *Service) judgeNew(j *judgement, c *plgv1.Customer) {
	j.normalise(c, allPaths(c))
	j.require(c)
	j.needed(c, nil)
	j.locked(c, setPaths(c))
}

// Check says what Register would refuse, or, when c has the id of an existing customer, what Update would;
// and returns the customer as it would be kept. The refusal may hold warnings only, and is never nil.
func (s *Service) Check(ctx context.Context, c *plgv1.Customer) (*plgv1.Customer, *mostradorv1.Refusal, error) {
	kept := clone(c)
	j := s.judge(ctx)
	err := s.Store.View(func(tx *store.Tx) error {
		if kept.Id == "" {
			s.judgeNew(j, kept)
			return j.taken(tx, kept)
		}
		current, err := s.Get(tx, kept.Id)
		if err != nil {
			return err
		}
		kept.Number = current.Number
		same := func(path string) bool { return textOf(kept, path) == textOf(current, path) }
		// What a field was before its plugin asked for more is nobody's mistake now.
		j.normalise(kept, slices.DeleteFunc(allPaths(kept), func(path string) bool {
			return strings.HasPrefix(path, fieldPrefix) && same(path)
		}))
		j.require(kept)
		j.needed(kept, slices.DeleteFunc(append(allPaths(kept), allPaths(current)...), same))
		j.locked(current, slices.DeleteFunc(allPaths(kept), same))
		return j.taken(tx, kept)
	})
	if err != nil {
		return nil, nil, err
	}
	return kept, j.Refusal, nil
}

// Update changes the fields of c that the mask names (see mostradorv1.UpdateRequest). A revision other than
// 0 must be the current one, else ErrConflict.
func (s *Service) Update(ctx context.Context, actor *plgv1.Actor, c *plgv1.Customer, mask []string) (*plgv1.Customer, error) {
	return s.Edit(ctx, actor, c, nil, mask)
}

// Edit is Update for a person who saw the customer as seen: what somebody else changed meanwhile stays, and is a
// *Refused that lists the conflicts where it is of the same fields. The revision does not count then.
func (s *Service) Edit(ctx context.Context, actor *plgv1.Actor, c, seen *plgv1.Customer, mask []string) (*plgv1.Customer, error) {
	c = clone(c)
	if err := s.normalised(ctx, c, mask); err != nil {
		return nil, err
	}
	var kept *plgv1.Customer
	err := s.Store.Update(ctx, func(tx *store.Tx) (err error) {
		kept, err = s.set(ctx, tx, actor, c, mask, seen)
		return err
	})
	if err != nil {
		return nil, err
	}
	return kept, nil
}

// Set sets one field from its text, for a plugin's effect SetField: "true" or "false" for a yes or no, and
// entries divided by commas for cards and tags. What Update would refuse is a *Refused.
func (s *Service) Set(ctx context.Context, tx *store.Tx, actor *plgv1.Actor, id, field, value string) (*plgv1.Customer, error) {
	c := &plgv1.Customer{Id: id}
	switch field {
	case fieldName:
		c.Name = value
	case fieldPhone:
		c.Phone = value
	case fieldEmail:
		c.Email = value
	case fieldLanguage:
		c.Language = value
	case fieldCards:
		c.Cards = list(value)
	case fieldTags:
		c.Tags = list(value)
	case fieldAplica:
		yes, err := strconv.ParseBool(value)
		if err != nil {
			return nil, Refuse(field, "value_invalid", s.text(ctx, "value_invalid", "field", field))
		}
		c.AplicaPromociones = yes
	default:
		if !plgv1Field(field) {
			field = fieldPrefix + strings.TrimPrefix(field, fieldPrefix)
		}
		c.Fields = map[string]string{strings.TrimPrefix(field, fieldPrefix): value}
	}
	mask := []string{field}
	if err := s.normalised(ctx, c, mask); err != nil {
		return nil, err
	}
	return s.set(ctx, tx, actor, c, mask, nil)
}

// list divides at commas; nothing is no entry.
func list(s string) []string {
	return slices.DeleteFunc(strings.Split(s, ","), func(entry string) bool { return strings.TrimSpace(entry) == "" })
}

// normalised normalises the fields of the mask in c.
func (s *Service) normalised(ctx context.Context, c *plgv1.Customer, mask []string) error {
	j := s.judge(ctx)
	j.normalise(c, mask)
	return j.err()
}

// set changes the fields of a mask to those of c, which are normalised.
func (s *Service) set(ctx context.Context, tx *store.Tx, actor *plgv1.Actor, c *plgv1.Customer, mask []string, seen *plgv1.Customer) (*plgv1.Customer, error) {
	current, err := s.Get(tx, c.Id)
	if err != nil {
		return nil, err
	}
	if slices.Contains(mask, fieldTags) {
		if c.Tags, err = s.tagNames(tx, c.Tags); err != nil {
			return nil, err
		}
	}
	if seen != nil {
		if err := s.unseen(ctx, tx, current, c, seen, mask); err != nil {
			return nil, err
		}
	} else if c.Revision != 0 && c.Revision != current.Revision {
		return nil, ErrConflict
	}
	next := clone(current)
	for _, path := range mask {
		copyField(next, c, path)
	}
	j := s.judge(ctx)
	j.locked(current, mask)
	j.require(next)
	j.needed(next, mask)
	if err := j.err(); err != nil {
		return nil, err
	}
	return s.keep(ctx, tx, actor, current, next)
}

// UpdateTx lets the store itself change a customer within its transaction and returns the customer after
// it. The rules are applied to the outcome; without any difference nothing is written and no event told.
// Consent has events of its own and is not among the changes that customer.changed lists.
func (s *Service) UpdateTx(tx *store.Tx, actor *plgv1.Actor, id string, change func(*plgv1.Customer)) (*plgv1.Customer, error) {
	current, err := s.Get(tx, id)
	if err != nil {
		return nil, err
	}
	next := clone(current)
	change(next)
	return s.keep(context.Background(), tx, actor, current, next)
}

// keep writes a customer that was changed: the rules have the last word, the indexes follow, and the event
// tells what became of it.
func (s *Service) keep(ctx context.Context, tx *store.Tx, actor *plgv1.Actor, current, next *plgv1.Customer) (*plgv1.Customer, error) {
	next.Id, next.Number, next.Revision = current.Id, current.Number, current.Revision
	next.Created, next.Updated = current.Created, current.Updated
	if err := s.Rules.Apply(next); err != nil {
		return nil, fmt.Errorf("customer rules: %w", err)
	}
	var err error
	if next.Tags, err = s.tagNames(tx, next.Tags); err != nil {
		return nil, err
	}
	if proto.Equal(current, next) {
		return current, nil
	}
	j := s.judge(ctx)
	if err := j.taken(tx, next); err != nil {
		return nil, err
	}
	if err := j.err(); err != nil {
		return nil, err
	}
	next.Revision++
	next.Updated = timestamppb.New(s.Now())
	number := uint32(next.Number)
	index(tx, current, next)
	before, err := s.sets.Of(tx, number)
	if err != nil {
		return nil, err
	}
	if err := s.putTags(tx, number, current.Tags, next.Tags); err != nil {
		return nil, err
	}
	if !proto.Equal(current.Consent, next.Consent) {
		if err := s.active(tx, number); err != nil {
			return nil, err
		}
	}
	if err := s.put(tx, next); err != nil {
		return nil, err
	}
	if err := s.tell(tx, current, next, before, actor); err != nil {
		return nil, err
	}
	changes := differences(current, next)
	if len(changes) == 0 {
		return next, nil
	}
	return next, s.Log.Append(tx, &plgv1.Event{
		Type:     "customer.changed",
		Time:     next.Updated,
		Actor:    actor,
		Customer: next,
		Detail:   &plgv1.Event_CustomerChanged{CustomerChanged: &plgv1.CustomerChanged{Changes: changes}},
	})
}

// differences lists the fields in which two states of a customer differ, in the order of allPaths.
func differences(was, is *plgv1.Customer) []*plgv1.FieldChange {
	var changes []*plgv1.FieldChange
	for _, path := range Paths(is, was) {
		from, to := textOf(was, path), textOf(is, path)
		if path == fieldAplica {
			from, to = strconv.FormatBool(was.AplicaPromociones), strconv.FormatBool(is.AplicaPromociones)
		}
		if from != to {
			changes = append(changes, &plgv1.FieldChange{Field: path, From: from, To: to})
		}
	}
	return changes
}
