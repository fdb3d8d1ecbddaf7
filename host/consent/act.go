package consent

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// standing is how a customer's consent stands: the fold of his entries.
type standing struct {
	programme, promotions plgv1.ConsentState
	// withdrawn is when he last left promotions; zero when never.
	withdrawn time.Time
	entries   []*mostradorv1.ConsentEntry
}

func (s *Service) standing(tx *store.Tx, customerID string) (standing, error) {
	st := standing{
		programme:  plgv1.ConsentState_CONSENT_STATE_PENDING,
		promotions: plgv1.ConsentState_CONSENT_STATE_PENDING,
	}
	entries, err := s.history(tx, customerID)
	if err != nil {
		return st, err
	}
	st.entries = entries
	for _, e := range entries {
		if e.State != nil { // a merge, or the taking back of one: what was before counts no more
			st.programme, st.promotions, st.withdrawn = e.State.Programme, e.State.Promotions, time.Time{}
			if st.promotions == plgv1.ConsentState_CONSENT_STATE_WITHDRAWN {
				st.withdrawn = actTime(e)
			}
		}
		switch e.Act {
		case mostradorv1.ConsentAct_CONSENT_ACT_GIVEN:
			if covers(e, plgv1.Purpose_PURPOSE_PROGRAMME) {
				st.programme = plgv1.ConsentState_CONSENT_STATE_GIVEN
			}
			if covers(e, plgv1.Purpose_PURPOSE_PROMOTIONS) {
				st.promotions = plgv1.ConsentState_CONSENT_STATE_GIVEN
			}
		case mostradorv1.ConsentAct_CONSENT_ACT_WITHDRAWN:
			st.promotions = plgv1.ConsentState_CONSENT_STATE_WITHDRAWN
		}
		if isWithdrawal(e) && actTime(e).After(st.withdrawn) {
			st.withdrawn = actTime(e)
		}
	}
	return st, s.parts(tx, customerID, &st)
}

// parts adds the entries of who became part of a customer: they decide nothing any more, but what they hold is known.
func (s *Service) parts(tx *store.Tx, customerID string, st *standing) error {
	number, err := s.Customers.Number(tx, customerID)
	if err != nil {
		return err
	}
	for _, part := range s.Customers.Parts(tx, number) {
		entries, err := s.history(tx, part.ID)
		if err != nil {
			return err
		}
		st.entries = append(st.entries, entries...)
	}
	return nil
}

// holds reports whether the ledger has this very act already.
func (st standing) holds(act *mostradorv1.ConsentEntry) bool {
	return slices.ContainsFunc(st.entries, func(e *mostradorv1.ConsentEntry) bool {
		return (isAcceptance(e) && isAcceptance(act) || isWithdrawal(e) && isWithdrawal(act)) &&
			e.Means == act.Means && e.ActivationId == act.ActivationId && e.Time.AsTime().Equal(act.Time.AsTime())
	})
}

// byCode reports whether the short code of an activation was read out.
func (st standing) byCode(activationID string) bool {
	return slices.ContainsFunc(st.entries, func(e *mostradorv1.ConsentEntry) bool {
		return isAcceptance(e) && e.Means == plgv1.Means_MEANS_SHORT_CODE && e.ActivationId == activationID
	})
}

// isAcceptance reports whether an entry tells of an acceptance, effective or witnessed. Only acceptances
// are about the programme.
func isAcceptance(e *mostradorv1.ConsentEntry) bool {
	return e.Act == mostradorv1.ConsentAct_CONSENT_ACT_GIVEN ||
		e.Act == mostradorv1.ConsentAct_CONSENT_ACT_WITNESSED && covers(e, plgv1.Purpose_PURPOSE_PROGRAMME)
}

func isWithdrawal(e *mostradorv1.ConsentEntry) bool {
	return e.Act == mostradorv1.ConsentAct_CONSENT_ACT_WITHDRAWN ||
		e.Act == mostradorv1.ConsentAct_CONSENT_ACT_WITNESSED && !covers(e, plgv1.Purpose_PURPOSE_PROGRAMME)
}

func covers(e *mostradorv1.ConsentEntry, p plgv1.Purpose) bool { return slices.Contains(e.Purposes, p) }

// actTime is when the customer acted, at the latest when the store learned of it: a web server whose clock
// is ahead must not overrule what happens at the counter afterwards.
func actTime(e *mostradorv1.ConsentEntry) time.Time {
	if e.Recorded != nil && e.Recorded.AsTime().Before(e.Time.AsTime()) {
		return e.Recorded.AsTime()
	}
	return e.Time.AsTime()
}

// bothPurposes are what an acceptance gives.
func bothPurposes() []plgv1.Purpose {
	return []plgv1.Purpose{plgv1.Purpose_PURPOSE_PROGRAMME, plgv1.Purpose_PURPOSE_PROMOTIONS}
}

// accept adds an acceptance by the rules of the package. Round is the one of a web act, 0 for a code.
func (s *Service) accept(tx *store.Tx, e *mostradorv1.ConsentEntry, round int32) (*plgv1.Customer, error) {
	st, err := s.standing(tx, e.CustomerId)
	if err != nil {
		return nil, err
	}
	e.Act, e.Purposes = mostradorv1.ConsentAct_CONSENT_ACT_WITNESSED, bothPurposes()
	if st.holds(e) {
		return s.Customers.Get(tx, e.CustomerId)
	}
	var given []plgv1.Purpose
	if !(round == 1 && st.byCode(e.ActivationId)) {
		e.Recorded = stamp(s.Now())
		if st.programme != plgv1.ConsentState_CONSENT_STATE_GIVEN {
			given = append(given, plgv1.Purpose_PURPOSE_PROGRAMME)
		}
		if st.promotions != plgv1.ConsentState_CONSENT_STATE_GIVEN && actTime(e).After(st.withdrawn) {
			given = append(given, plgv1.Purpose_PURPOSE_PROMOTIONS)
			st.promotions = plgv1.ConsentState_CONSENT_STATE_GIVEN
		}
	}
	if len(given) == 0 {
		if err := s.append(tx, e); err != nil {
			return nil, err
		}
		return s.Customers.Get(tx, e.CustomerId)
	}
	// The entry names all that stands given after this act; the event what it changed.
	e.Act = mostradorv1.ConsentAct_CONSENT_ACT_GIVEN
	if st.promotions != plgv1.ConsentState_CONSENT_STATE_GIVEN {
		e.Purposes = e.Purposes[:1]
	}
	return s.effect(tx, e, st.promotions, &plgv1.Event{
		Type: "consent.given",
		Detail: &plgv1.Event_ConsentGiven{
			ConsentGiven: &plgv1.ConsentGiven{Purposes: given, Means: e.Means},
		},
	})
}

// withdraw adds a withdrawal from promotions by the rules of the package.
func (s *Service) withdraw(tx *store.Tx, e *mostradorv1.ConsentEntry) (*plgv1.Customer, error) {
	st, err := s.standing(tx, e.CustomerId)
	if err != nil {
		return nil, err
	}
	e.Act = mostradorv1.ConsentAct_CONSENT_ACT_WITNESSED
	e.Purposes = []plgv1.Purpose{plgv1.Purpose_PURPOSE_PROMOTIONS}
	if st.holds(e) {
		return s.Customers.Get(tx, e.CustomerId)
	}
	if st.promotions == plgv1.ConsentState_CONSENT_STATE_WITHDRAWN {
		if err := s.append(tx, e); err != nil {
			return nil, err
		}
		return s.Customers.Get(tx, e.CustomerId)
	}
	e.Act = mostradorv1.ConsentAct_CONSENT_ACT_WITHDRAWN
	return s.effect(tx, e, plgv1.ConsentState_CONSENT_STATE_WITHDRAWN, &plgv1.Event{
		Type: "consent.withdrawn",
		Detail: &plgv1.Event_ConsentWithdrawn{
			ConsentWithdrawn: &plgv1.ConsentWithdrawn{Purposes: e.Purposes, Means: e.Means},
		},
	})
}

// effect adds an entry that changes how things stand, brings the customer's record along, and tells it.
func (s *Service) effect(tx *store.Tx, e *mostradorv1.ConsentEntry, promotions plgv1.ConsentState, told *plgv1.Event) (*plgv1.Customer, error) {
	if err := s.append(tx, e); err != nil {
		return nil, err
	}
	c, err := s.Customers.UpdateTx(tx, e.Actor, e.CustomerId, func(c *plgv1.Customer) {
		if c.Consent == nil {
			c.Consent = new(plgv1.Consent)
		}
		if e.Act == mostradorv1.ConsentAct_CONSENT_ACT_GIVEN {
			c.Consent.Programme = plgv1.ConsentState_CONSENT_STATE_GIVEN
		}
		c.Consent.Promotions = promotions
	})
	if err != nil {
		return nil, err
	}
	told.Actor, told.Customer, told.Time = e.Actor, c, e.Recorded
	return c, s.Log.Append(tx, told)
}

// Record takes over an acceptance or opt-out on the web pages. Acts come in the order of their feed; the one
// taken over last is kept in the same transaction (Cursor). What comes again has no second effect.
func (s *Service) Record(ctx context.Context, act *mostradorv1.WebAct) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		s.Advance(tx, act.Sequence)
		c, err := s.Customers.Get(tx, act.CustomerId)
		if errors.Is(err, customer.ErrNotFound) {
			// The feed must go on, and there is nobody whose consent this could be.
			s.Logger.Warn("a web act of an unknown customer", "sequence", act.Sequence, "customer", act.CustomerId)
			return nil
		} else if err != nil {
			return err
		}
		return s.Take(tx, c, act)
	})
}

// Take is Record within a transaction, for a customer who is known; the cursor is the caller's to advance. Acts that are
// not about consent it passes over.
func (s *Service) Take(tx *store.Tx, c *plgv1.Customer, act *mostradorv1.WebAct) error {
	e := &mostradorv1.ConsentEntry{
		CustomerId:   c.Id, // who became part of somebody acts as that one
		Means:        act.Means,
		Time:         act.Time,
		Actor:        &plgv1.Actor{Channel: "web", Ip: act.Ip, UserAgent: act.UserAgent},
		ActivationId: act.ActivationId,
	}
	if e.Time == nil {
		e.Time = stamp(s.Now())
	}
	var err error
	switch act.Kind {
	case mostradorv1.WebAct_KIND_ACCEPT:
		if e.Text, err = s.completed(tx, act.Text); err == nil {
			_, err = s.accept(tx, e, act.Round)
		}
	case mostradorv1.WebAct_KIND_OPT_OUT:
		_, err = s.withdraw(tx, e)
	default:
		s.Logger.Warn("a web act of a kind that this version does not know", "sequence", act.Sequence, "kind", act.Kind)
	}
	if err != nil {
		return fmt.Errorf("consent: web act %d: %w", act.Sequence, err)
	}
	return nil
}

// Advance notes that the store has taken over every web act up to a sequence.
func (s *Service) Advance(tx *store.Tx, sequence uint64) {
	if sequence > s.Cursor(tx) {
		tx.Put(bucketMeta, keyCursor, sequenceKey(sequence))
	}
}

// Cursor returns the feed sequence of the web act, of whatever kind, that the store took over last.
func (s *Service) Cursor(tx *store.Tx) uint64 {
	if data := tx.Get(bucketMeta, keyCursor); len(data) == 8 {
		return binary.BigEndian.Uint64(data)
	}
	return 0
}

// Withdraw records that a customer, in person, asked the actor to leave promotions.
func (s *Service) Withdraw(ctx context.Context, actor *plgv1.Actor, customerID string) (*plgv1.Customer, error) {
	var after *plgv1.Customer
	err := s.Store.Update(ctx, func(tx *store.Tx) (err error) {
		after, err = s.WithdrawTx(tx, actor, customerID, plgv1.Means_MEANS_STAFF)
		return err
	})
	if err != nil {
		return nil, err
	}
	return after, nil
}

// WithdrawTx is Withdraw within a transaction, for an act that came by other means: MEANS_LINK for who followed the
// mailto: link of List-Unsubscribe (RFC 2369), whose actor has the channel "mail".
func (s *Service) WithdrawTx(tx *store.Tx, actor *plgv1.Actor, customerID string, means plgv1.Means) (*plgv1.Customer, error) {
	c, err := s.Customers.Get(tx, customerID)
	if err != nil {
		return nil, err
	}
	return s.withdraw(tx, &mostradorv1.ConsentEntry{
		CustomerId: c.Id, Means: means, Time: stamp(s.Now()), Actor: actor,
	})
}
