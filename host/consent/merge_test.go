package consent

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// TestHoweverActsArriveTheEndIsWhatTheCustomerLastSaid plays random lives: web acts, which reach the store
// late but in the order of their feed and some of them twice, among codes and withdrawals at the counter.
func TestHoweverActsArriveTheEndIsWhatTheCustomerLastSaid(t *testing.T) {
	const lives = 250
	s := newShop(t)
	for life := range lives {
		seed := uint64(life)
		if !play(s, rand.New(rand.NewPCG(seed, 1))) {
			t.Fatalf("life %d", life)
		}
	}
	if v := s.verify(); !v.Ok {
		t.Errorf("%v", v)
	}
}

// life is what the test knows about one customer, kept apart from how the package works.
type life struct {
	acceptances, withdrawals int
	// lastIsWithdrawal tells which of them the customer said last.
	lastIsWithdrawal bool
}

func play(s *shop, random *rand.Rand) (ok bool) {
	c := s.register()
	claims := s.invite(c.Id)
	var l life
	var feed []*mostradorv1.WebAct // on the web, not yet heard by the store
	var heard []*mostradorv1.WebAct
	round := int32(0)
	webGiven := false
	late := false // a withdrawal reached the store after a later acceptance
	acceptedSince := false
	hear := func() {
		act := feed[0]
		feed = feed[1:]
		heard = append(heard, act)
		if act.Kind == optOut && acceptedSince {
			late = true
		}
		s.record(act)
	}
	for range 2 + random.IntN(9) {
		s.now = s.now.Add(time.Duration(1+random.IntN(300)) * time.Second)
		switch random.IntN(7) {
		case 0, 1: // the button
			if !webGiven { // the page shows no button to whom it knows as accepted
				round++
				webGiven = true
				feed = append(feed, s.act(accept, c.Id, claims.ActivationID, round))
				l.acceptances++
				l.lastIsWithdrawal = false
			}
		case 2: // the link to leave
			webGiven = false
			feed = append(feed, s.act(optOut, c.Id, claims.ActivationID, 0))
			l.withdrawals++
			l.lastIsWithdrawal, acceptedSince = true, false
		case 3: // the code, if it is still good; the page shows it to whom has accepted
			if round == 0 {
				continue
			}
			if _, err := s.ActivateByCode(ctx, actor, c.Id, claims.Code); err == nil {
				l.acceptances++
				l.lastIsWithdrawal, acceptedSince = false, true
			}
		case 4: // in person
			if _, err := s.Withdraw(ctx, actor, c.Id); err != nil {
				s.t.Fatal(err)
			}
			l.withdrawals++
			l.lastIsWithdrawal, acceptedSince = true, false
		case 5: // synchronisation
			for len(feed) > 0 && random.IntN(4) > 0 {
				hear()
			}
		case 6: // something comes again
			if len(heard) > 0 {
				told := len(s.eventsOf(c.Id))
				s.record(heard[random.IntN(len(heard))])
				if len(s.eventsOf(c.Id)) != told {
					s.t.Error("a repeated act told an event")
				}
			}
		}
	}
	s.now = s.now.Add(time.Minute)
	for len(feed) > 0 {
		hear()
	}
	for _, act := range heard {
		s.record(act)
	}
	return s.judgeLife(c.Id, l, late)
}

func (s *shop) act(kind mostradorv1.WebAct_Kind, customerID, activationID string, round int32) *mostradorv1.WebAct {
	s.feed++
	return &mostradorv1.WebAct{
		Sequence: s.feed, Kind: kind, CustomerId: customerID, ActivationId: activationID, Round: round,
		Means: plgv1.Means_MEANS_LINK, Time: stamp(s.now),
	}
}

func (s *shop) judgeLife(id string, l life, late bool) bool {
	shown := s.show(id)
	programme, promotions := shown.Consent.Programme, shown.Consent.Promotions
	problem := ""
	switch {
	case (programme == given) != (l.acceptances > 0):
		problem = fmt.Sprintf("the programme is %v after %d acceptances", programme, l.acceptances)
	case l.withdrawals == 0 && (promotions == given) != (l.acceptances > 0):
		problem = fmt.Sprintf("nobody left, and promotions are %v", promotions)
	case l.withdrawals > 0 && l.lastIsWithdrawal && promotions != withdrawn:
		problem = fmt.Sprintf("the customer left last, and promotions are %v", promotions)
	case l.withdrawals > 0 && !l.lastIsWithdrawal && !late && promotions != given:
		problem = fmt.Sprintf("the customer accepted last, and promotions are %v", promotions)
	case late && promotions == pending:
		problem = "promotions are pending after a withdrawal"
	}
	// Events tell changes only, so they alternate; and the last is how things stand.
	last := pending
	for _, e := range s.eventsOf(id) {
		now := given
		if e.GetConsentWithdrawn() != nil {
			now = withdrawn
		} else if p := e.GetConsentGiven().GetPurposes(); p[len(p)-1] != plgv1.Purpose_PURPOSE_PROMOTIONS {
			continue
		}
		if now == last {
			problem = fmt.Sprintf("%v was told twice", now)
		}
		last = now
	}
	if last != promotions {
		problem = fmt.Sprintf("the last event told %v, and promotions are %v", last, promotions)
	}
	if c, err := s.Customers.Find(ctx, id); err != nil || c.AplicaPromociones != (promotions == given) {
		problem = fmt.Sprintf("the rule did not follow: %v", err)
	}
	s.update(func(tx *store.Tx) error {
		st, err := s.standing(tx, id)
		if st.programme != programme || st.promotions != promotions {
			problem = "the customer's record is not the fold of the ledger"
		}
		return err
	})
	if problem != "" {
		s.t.Error(problem)
		for _, e := range shown.Entries {
			s.t.Log(e.Time.AsTime().Format(time.TimeOnly), e.Recorded.AsTime().Format(time.TimeOnly), e.Act, e.Means, e.Purposes)
		}
	}
	return problem == ""
}
