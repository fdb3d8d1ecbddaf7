package delivery

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Gate says whether a mail may leave to its address now, and why. It is the outbox's check "suppression".
func (s *Service) Gate(tx *store.Tx, m *mostradorv1.Message, c *plgv1.Customer) (*mostradorv1.MessageCheck, error) {
	to := m.GetTo()
	if to == "" {
		to = c.GetEmail()
	}
	now := s.cfg.Now()
	check := &mostradorv1.MessageCheck{Check: "suppression", Passed: true, Time: timestamppb.New(now)}
	lang := s.cfg.Language()
	a, err := known(tx, to)
	if err != nil {
		return nil, err
	}
	if a == nil {
		check.Words = s.text(lang, "gate_unknown")
		return check, nil
	}
	state, reason, weight := judge(a, now)
	since := s.day(lang, a.GetSince().AsTime().In(now.Location()))
	switch {
	case state != mostradorv1.AddressState_ADDRESS_STATE_SUPPRESSED:
		check.Words = s.text(lang, "gate_good")
	case !holdsBack(reason, m.GetKind()):
		check.Words = s.text(lang, "gate_"+reason+"_passes", "since", since)
	default:
		check.Passed = false
		check.Actor = a.GetActor()
		check.Words = s.because(lang, a, reason, since, softUntil(weight, now))
	}
	return check, nil
}

// because is why an address is suppressed, in a sentence.
func (s *Service) because(lang string, a *mostradorv1.Address, reason, since string, until time.Time) string {
	switch reason {
	case reasonSoft:
		return s.text(lang, "gate_"+reason, "since", since, "why", s.reason(lang, a.GetBounce()), "until", s.day(lang, until))
	case reasonHard:
		return s.text(lang, "gate_"+reason, "since", since, "why", s.reason(lang, a.GetBounce()))
	case reasonStaff:
		who := a.GetActor().GetOperator()
		if who == "" {
			who = s.text(lang, "somebody")
		}
		if a.GetNote() != "" {
			return s.text(lang, "gate_staff_note", "since", since, "who", who, "note", a.GetNote())
		}
		return s.text(lang, "gate_staff", "since", since, "who", who)
	}
	return s.text(lang, "gate_"+reason, "since", since)
}

// reason is why a mail came back, in words.
func (s *Service) reason(lang string, b *mostradorv1.Bounce) string {
	key := "delivery.reason_" + b.GetReason()
	if words := s.cfg.Text.Text(lang, key); words != key {
		return words
	}
	return s.text(lang, "reason_other")
}

// day is a date as it stands in sentences.
func (s *Service) day(lang string, t time.Time) string { return t.Format(s.text(lang, "day")) }
