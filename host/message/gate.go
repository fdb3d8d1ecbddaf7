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
	now := s.cfg.Now()
	set := s.cfg.Settings()
	d := &decision{}
	for _, look := range s.checks(tx, m, c, set, now) {
		check, err := look()
		if err != nil {
			return nil, err
		}
		d.note(now, check)
		if d.stopped != nil && (!all || c == nil && m.CustomerId != "") {
			break // who is gone cannot be asked more about
		}
	}
	return d, nil
}

// checks are the questions of decide in the order in which they are asked.
func (s *Service) checks(tx *store.Tx, m *mostradorv1.Message, c *plgv1.Customer, set Settings, now time.Time) []func() (*mostradorv1.MessageCheck, error) {
	promotional := m.Kind == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL
	plain := func(fn func() *mostradorv1.MessageCheck) func() (*mostradorv1.MessageCheck, error) {
		return func() (*mostradorv1.MessageCheck, error) { return fn(), nil }
	}
	looks := []func() (*mostradorv1.MessageCheck, error){
		plain(func() *mostradorv1.MessageCheck { return s.expiry(m, set, now) }),
		plain(func() *mostradorv1.MessageCheck { return s.knows(m, c, set) }),
		plain(func() *mostradorv1.MessageCheck { return s.address(m, set) }),
		func() (*mostradorv1.MessageCheck, error) { return s.consent(tx, m, c, set) },
	}
	if s.cfg.Suppressed != nil {
		looks = append(looks, plain(func() *mostradorv1.MessageCheck {
			reason, no := s.cfg.Suppressed(tx, m, c)
			if !no {
				return nil
			}
			return &mostradorv1.MessageCheck{Check: checkInterplay, Words: reason}
		}))
	}
	for _, gate := range s.cfg.Gates {
		looks = append(looks, func() (*mostradorv1.MessageCheck, error) { return gate(tx, m, c) })
	}
	if promotional {
		looks = append(looks,
			func() (*mostradorv1.MessageCheck, error) { return s.frequency(tx, m, set, now) },
			plain(func() *mostradorv1.MessageCheck { return s.quiet(set, now) }),
		)
	}
	return looks
}

// found is a check in words of the store's language.
func (s *Service) found(set Settings, check string, passed bool, key string, args ...any) *mostradorv1.MessageCheck {
	return &mostradorv1.MessageCheck{Check: check, Passed: passed, Words: s.cfg.Text(set.Language, "message."+key, args...)}
}

func (s *Service) expiry(m *mostradorv1.Message, set Settings, now time.Time) *mostradorv1.MessageCheck {
	if m.Expires == nil {
		return nil
	}
	if end := m.Expires.AsTime(); !now.Before(end) {
		return s.found(set, checkExpiry, false, "expired", "time", s.moment(set, end))
	}
	return s.found(set, checkExpiry, true, "in_time", "time", s.moment(set, m.Expires.AsTime()))
}

func (s *Service) knows(m *mostradorv1.Message, c *plgv1.Customer, set Settings) *mostradorv1.MessageCheck {
	switch {
	case m.CustomerId == "" || s.cfg.Customer == nil:
		return nil
	case c == nil:
		return s.found(set, checkCustomer, false, "customer_gone")
	}
	return s.found(set, checkCustomer, true, "customer_there")
}

func (s *Service) address(m *mostradorv1.Message, set Settings) *mostradorv1.MessageCheck {
	if m.To == "" {
		return s.found(set, checkAddress, false, "no_address")
	}
	if !safeAddress(m.To) {
		return s.found(set, checkAddress, false, "bad_address", "what", m.To, "detail", "")
	}
	return s.found(set, checkAddress, true, "good_address", "what", m.To)
}

// consent lets advertising pass only while the customer's consent to promotions stands (seed 000).
func (s *Service) consent(tx *store.Tx, m *mostradorv1.Message, c *plgv1.Customer, set Settings) (*mostradorv1.MessageCheck, error) {
	if m.Kind != plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL {
		return nil, nil
	}
	check := s.found(set, checkConsent, false, "no_consent")
	if c.GetConsent().GetPromotions() == plgv1.ConsentState_CONSENT_STATE_GIVEN {
		check = s.found(set, checkConsent, true, "consent_given")
	}
	// A campaign does not read the ledger for each of its mails: when and by whom is looked up for those it keeps back,
	// and for who asks.
	if s.cfg.ConsentAct != nil && c != nil && (!check.Passed || m.Id == "") {
		since, actor, err := s.cfg.ConsentAct(tx, c.Id)
		if err != nil {
			return nil, err
		}
		if !since.IsZero() {
			check.Time, check.Actor = timestamppb.New(since), actor
			check.Words = s.since(set, check.Words, since, actor)
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
func (s *Service) frequency(tx *store.Tx, m *mostradorv1.Message, set Settings, now time.Time) (*mostradorv1.MessageCheck, error) {
	if set.PromotionsMost <= 0 || set.PromotionsDays <= 0 || m.CustomerId == "" {
		return nil, nil
	}
	window := time.Duration(set.PromotionsDays) * 24 * time.Hour
	n, err := s.promotionsSince(tx, m, now.Add(-window), set.PromotionsMost)
	if err != nil {
		return nil, err
	}
	check := s.found(set, checkCap, n < set.PromotionsMost, "cap", "n", n, "most", set.PromotionsMost, "days", set.PromotionsDays)
	if !check.Passed {
		check.Words = s.cfg.Text(set.Language, "message.cap_reached", "n", n, "most", set.PromotionsMost, "days", set.PromotionsDays)
	} else if m.Id != "" && s.sender.claims.others(m.CustomerId) > 0 {
		// Another is leaving to him this very moment; whether it counts is known in a moment.
		check.Passed, check.Until = false, timestamppb.New(now.Add(time.Minute))
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

func (s *Service) quiet(set Settings, now time.Time) *mostradorv1.MessageCheck {
	if set.Quiet == (Hours{}) {
		return nil
	}
	end, yes := set.Quiet.until(now, set.place())
	check := s.found(set, checkQuiet, !yes, "not_quiet", "from", set.Quiet.From, "to", set.Quiet.To)
	if yes {
		check.Words = s.cfg.Text(set.Language, "message.quiet", "from", set.Quiet.From, "to", set.Quiet.To)
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
