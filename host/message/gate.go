package message

import (
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Gate says whether a message may leave now: a check with words for people, or nil when it has nothing to say about this
// one. A check that did not pass keeps the message back for good; with Until set, only until then. The customer is nil for
// a message to somebody who is none; a message without an id is not there, and is only asked about.
type Gate func(tx *store.Tx, m *mostradorv1.Message, c *plgv1.Customer) (*mostradorv1.MessageCheck, error)

// The checks of this package by the names that MessageCheck.check has.
const (
	checkRule      = "rule"
	checkExpiry    = "expiry"
	checkCustomer  = "customer"
	checkAddress   = "address"
	checkConsent   = "consent"
	checkInterplay = "interplay"
	checkCap       = "cap"
	checkQuiet     = "quiet_hours"
	checkServer    = "server"
	// checkCancelled is of a person who took the message back.
	checkCancelled = "cancelled"
)

// decision is what the checks came to.
type decision struct {
	checks []*mostradorv1.MessageCheck
	// stopped is the check that keeps the message back for good; nil when none does.
	stopped *mostradorv1.MessageCheck
	// until is when to look again, when that is all that is wrong; otherwise zero.
	until time.Time
}

func (d *decision) note(now time.Time, check *mostradorv1.MessageCheck) {
	if check == nil {
		return
	}
	if check.Time == nil {
		check.Time = timestamppb.New(now)
	}
	d.checks = append(d.checks, check)
	switch {
	case check.Passed:
	case check.Until == nil && d.stopped == nil:
		d.stopped = check
	case check.Until != nil && check.Until.AsTime().After(d.until):
		d.until = check.Until.AsTime()
	}
}

// decide looks at everything that says whether a message may leave now. It is called at the moment when it would leave,
// and with all set, to look on after the first no, when a person asks.
func (s *Service) decide(tx *store.Tx, m *mostradorv1.Message, c *plgv1.Customer, all bool) (*decision, error) {
	d := &decision{}
	q := &question{tx: tx, m: m, c: c, set: s.cfg.Settings(), now: s.cfg.Now()}
	for _, look := range s.looks {
		check, err := look(q)
		if err != nil {
			return nil, err
		}
		d.note(q.now, check)
		if d.stopped != nil && (!all || c == nil && m.CustomerId != "") {
			break // who is gone cannot be asked more about
		}
	}
	return d, nil
}

// question is whether a message may leave now; the customer is nil for nobody.
type question struct {
	tx  *store.Tx
	m   *mostradorv1.Message
	c   *plgv1.Customer
	set Settings
	now time.Time
}

// look is one check of a question, nil when it has nothing to say about it.
type look func(q *question) (*mostradorv1.MessageCheck, error)

// looksOf are the checks in the order in which they are made.
func looksOf(s *Service) []look {
	plain := func(fn func(q *question) *mostradorv1.MessageCheck) look {
		return func(q *question) (*mostradorv1.MessageCheck, error) { return fn(q), nil }
	}
	looks := []look{plain(s.expiry), plain(s.knows), plain(s.address), s.consent}
	if s.cfg.Suppressed != nil {
		looks = append(looks, plain(func(q *question) *mostradorv1.MessageCheck {
			reason, no := s.cfg.Suppressed(q.tx, q.m, q.c)
			if !no {
				return nil
			}
			return &mostradorv1.MessageCheck{Check: checkInterplay, Words: reason}
		}))
	}
	for _, gate := range s.cfg.Gates {
		looks = append(looks, func(q *question) (*mostradorv1.MessageCheck, error) { return gate(q.tx, q.m, q.c) })
	}
	return append(looks, s.frequency, plain(s.quiet))
}

// found is a check in words of the store's language.
func (s *Service) found(set Settings, check string, passed bool, key string, args ...any) *mostradorv1.MessageCheck {
	return &mostradorv1.MessageCheck{Check: check, Passed: passed, Words: s.cfg.Text(set.Language, "message."+key, args...)}
}

func (s *Service) expiry(q *question) *mostradorv1.MessageCheck {
	if q.m.Expires == nil {
		return nil
	}
	if end := q.m.Expires.AsTime(); !q.now.Before(end) {
		return s.found(q.set, checkExpiry, false, "expired", "time", s.moment(q.set, end))
	}
	return s.found(q.set, checkExpiry, true, "in_time", "time", s.moment(q.set, q.m.Expires.AsTime()))
}

func (s *Service) knows(q *question) *mostradorv1.MessageCheck {
	switch {
	case q.m.CustomerId == "" || s.cfg.Customer == nil:
		return nil
	case q.c == nil:
		return s.found(q.set, checkCustomer, false, "customer_gone")
	}
	return s.found(q.set, checkCustomer, true, "customer_there")
}

func (s *Service) address(q *question) *mostradorv1.MessageCheck {
	if q.m.To == "" {
		return s.found(q.set, checkAddress, false, "no_address")
	}
	if !safeAddress(q.m.To) {
		return s.found(q.set, checkAddress, false, "bad_address", "what", q.m.To, "detail", "")
	}
	return s.found(q.set, checkAddress, true, "good_address", "what", q.m.To)
}

// consent lets advertising pass only while the customer's consent to promotions stands (seed 000).
func (s *Service) consent(q *question) (*mostradorv1.MessageCheck, error) {
	if q.m.Kind != plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL {
		return nil, nil
	}
	check := s.found(q.set, checkConsent, false, "no_consent")
	if q.c.GetConsent().GetPromotions() == plgv1.ConsentState_CONSENT_STATE_GIVEN {
		check = s.found(q.set, checkConsent, true, "consent_given")
	}
	// A campaign does not read the ledger for each of its mails: when and by whom is looked up for those it keeps back,
	// and for who asks.
	if s.cfg.ConsentAct != nil && q.c != nil && (!check.Passed || q.m.Id == "") {
		since, actor, err := s.cfg.ConsentAct(q.tx, q.c.Id)
		if err != nil {
			return nil, err
		}
		if !since.IsZero() {
			check.Time, check.Actor = timestamppb.New(since), actor
			check.Words = s.since(q.set, check.Words, since, actor)
		}
	}
	return check, nil
}

// since adds to a sentence when that came about, and by whom.
func (s *Service) since(set Settings, words string, at time.Time, actor *plgv1.Actor) string {
	key := "since"
	who := actor.GetOperator()
	switch {
	case who != "":
		key = "since_by"
	case actor.GetChannel() == "web":
		key = "since_web"
	}
	return s.cfg.Text(set.Language, "message."+key, "what", words, "time", s.moment(set, at), "who", who)
}

// frequency is the cap on advertising: at most so many to a customer in so many days.
func (s *Service) frequency(q *question) (*mostradorv1.MessageCheck, error) {
	if q.m.Kind != plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL || q.set.PromotionsMost <= 0 || q.set.PromotionsDays <= 0 || q.m.CustomerId == "" {
		return nil, nil
	}
	window := time.Duration(q.set.PromotionsDays) * 24 * time.Hour
	n, err := s.promotionsSince(q.tx, q.m, q.now.Add(-window), q.set.PromotionsMost)
	if err != nil {
		return nil, err
	}
	check := s.found(q.set, checkCap, n < q.set.PromotionsMost, "cap", "n", n, "most", q.set.PromotionsMost, "days", q.set.PromotionsDays)
	if !check.Passed {
		check.Words = s.cfg.Text(q.set.Language, "message.cap_reached", "n", n, "most", q.set.PromotionsMost, "days", q.set.PromotionsDays)
	} else if q.m.Id != "" && s.sender.claims.others(q.m.CustomerId) > 0 {
		// Another is leaving to him this very moment; whether it counts is known in a moment.
		check.Passed, check.Until = false, timestamppb.New(q.now.Add(time.Minute))
	}
	return check, nil
}

// capScan is how many messages of a customer are looked at for his cap.
const capScan = 500

// promotionsSince counts the advertising that left to the customer of m since then, up to most.
func (s *Service) promotionsSince(tx *store.Tx, m *mostradorv1.Message, since time.Time, most int) (n int, err error) {
	seen := 0
	for id := range idsNewestFirst(tx, s.ids(tx, m.CustomerId), "") {
		if seen++; n >= most || seen > capScan {
			break
		}
		if id == m.Id {
			continue
		}
		row, err := load(tx, id)
		if err != nil {
			return 0, err
		}
		if row.Kind == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL && row.Sent != nil && row.Sent.AsTime().After(since) {
			n++
		}
	}
	return n, nil
}

func (s *Service) quiet(q *question) *mostradorv1.MessageCheck {
	if q.m.Kind != plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL || q.set.Quiet == (Hours{}) {
		return nil
	}
	end, yes := q.set.Quiet.until(q.now, q.set.place())
	check := s.found(q.set, checkQuiet, !yes, "not_quiet", "from", q.set.Quiet.From, "to", q.set.Quiet.To)
	if yes {
		check.Words = s.cfg.Text(q.set.Language, "message.quiet", "from", q.set.Quiet.From, "to", q.set.Quiet.To)
		check.Until = timestamppb.New(end)
	}
	return check
}

// moment writes a time as a clock on the store's wall shows it.
func (s *Service) moment(set Settings, t time.Time) string {
	return t.In(set.place()).Format(s.cfg.Text(set.Language, "message.time_layout"))
}

// failing is the first check that did not pass; nil when all did.
func failing(checks []*mostradorv1.MessageCheck) *mostradorv1.MessageCheck {
	i := slices.IndexFunc(checks, func(c *mostradorv1.MessageCheck) bool { return !c.Passed })
	if i < 0 {
		return nil
	}
	return checks[i]
}
