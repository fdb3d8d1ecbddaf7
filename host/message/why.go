package message

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Why says why a message was or was not sent: what was looked at then, or, while it waits, what would be found now. For a
// customer instead of a message it says whether he would get one of that kind and topic now. The words are the store's.
func (s *Service) Why(_ context.Context, q *mostradorv1.WhyMessageRequest) (*mostradorv1.WhyMessageResponse, error) {
	answer := &mostradorv1.WhyMessageResponse{}
	err := s.cfg.Store.View(func(tx *store.Tx) error {
		if q.GetId() == "" {
			return s.wouldGet(tx, q, answer)
		}
		row, err := load(tx, q.GetId())
		if err != nil {
			return err
		}
		return s.whyRow(tx, row, answer)
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// wouldGet asks everything that would be asked if a mail were to leave to the customer now.
func (s *Service) wouldGet(tx *store.Tx, q *mostradorv1.WhyMessageRequest, answer *mostradorv1.WhyMessageResponse) error {
	set := s.cfg.Settings()
	m := &mostradorv1.Message{CustomerId: q.GetCustomerId(), Kind: q.GetKind(), Topic: q.GetTopic()}
	if m.Kind == plgv1.MessageKind_MESSAGE_KIND_UNSPECIFIED {
		m.Kind = plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL
	}
	c, err := s.customer(tx, m)
	if err != nil {
		return err
	}
	m.To = c.GetEmail()
	verdict, err := s.decide(tx, m, c, true)
	if err != nil {
		return err
	}
	answer.Checks = verdict.checks
	switch {
	case verdict.stopped != nil:
		answer.Words = s.cfg.Text(set.Language, "message.why_would_not", "reason", verdict.stopped.Words)
	case !verdict.until.IsZero():
		answer.Words = s.cfg.Text(set.Language, "message.why_would_wait",
			"time", s.moment(set, verdict.until), "reason", failing(verdict.checks).Words)
	default:
		answer.Words = s.cfg.Text(set.Language, "message.why_would")
	}
	return nil
}

func (s *Service) whyRow(tx *store.Tx, row *mostradorv1.Message, answer *mostradorv1.WhyMessageResponse) error {
	set := s.cfg.Settings()
	answer.Message = s.public(row)
	if row.Rule != "" {
		answer.Checks = append(answer.Checks, &mostradorv1.MessageCheck{Check: checkRule, Passed: true, Words: row.Rule, Time: row.Queued})
	}
	say := func(key string, args ...any) { answer.Words = s.cfg.Text(set.Language, "message.why_"+key, args...) }
	answer.Checks = append(answer.Checks, row.Checks...)
	switch row.State {
	case mostradorv1.MessageState_MESSAGE_STATE_QUEUED:
		return s.whyWaits(tx, row, answer, set)
	case mostradorv1.MessageState_MESSAGE_STATE_SENT:
		say("sent", "time", s.moment(set, row.Sent.AsTime()), "to", row.To)
		answer.Checks = append(answer.Checks, &mostradorv1.MessageCheck{Check: checkServer, Passed: true, Words: answer.Words, Time: row.Sent})
		if bounce := row.Delivery.GetBounce(); bounce != nil {
			say("bounced", "time", s.moment(set, row.Sent.AsTime()), "reason", bounce.GetWords())
		}
	case mostradorv1.MessageState_MESSAGE_STATE_SPOOLED:
		say("spooled", "time", s.moment(set, row.Sent.AsTime()))
	case mostradorv1.MessageState_MESSAGE_STATE_FAILED:
		say("failed", "reason", row.LastAnswer, "n", row.Attempts)
		if failing(row.Checks) == nil {
			answer.Checks = append(answer.Checks, &mostradorv1.MessageCheck{Check: checkServer, Words: row.LastAnswer})
		}
	default:
		answer.Words = row.LastAnswer
		if forgotten(row) {
			say("forgotten")
		}
	}
	return nil
}

// whyWaits says what a message waits for, with what would be found now.
func (s *Service) whyWaits(tx *store.Tx, row *mostradorv1.Message, answer *mostradorv1.WhyMessageResponse, set Settings) error {
	c, err := s.customer(tx, row)
	if err != nil {
		return err
	}
	verdict, err := s.decide(tx, row, c, true)
	if err != nil {
		return err
	}
	answer.Checks = slices.DeleteFunc(answer.Checks, func(c *mostradorv1.MessageCheck) bool { return c.Check != checkRule })
	answer.Checks = append(answer.Checks, verdict.checks...)
	if row.Attempts > 0 {
		answer.Checks = append(answer.Checks, &mostradorv1.MessageCheck{Check: checkServer, Words: answer.Message.LastAnswer, Until: row.NextAttempt})
	}
	at := row.NextAttempt.AsTime()
	if verdict.until.After(at) {
		at = verdict.until
	}
	switch reason := failing(verdict.checks); {
	case verdict.stopped != nil:
		answer.Words = s.cfg.Text(set.Language, "message.why_will_not", "reason", verdict.stopped.Words)
	case reason != nil:
		answer.Words = s.cfg.Text(set.Language, "message.why_waits", "time", s.moment(set, at), "reason", reason.Words)
	case row.Attempts > 0:
		answer.Words = s.cfg.Text(set.Language, "message.why_waits", "time", s.moment(set, at), "reason", answer.Message.LastAnswer)
	case at.After(s.cfg.Now()):
		answer.Words = s.cfg.Text(set.Language, "message.why_planned", "time", s.moment(set, at))
	default:
		answer.Words = s.cfg.Text(set.Language, "message.why_next")
		if answer.Message.LastAnswer != "" {
			answer.Words = answer.Message.LastAnswer
		}
	}
	return nil
}

// public is the row as staff may see it: whoever holds a token can act for the customer. While its provider takes fewer
// mails than there are, that is why it waits.
func (s *Service) public(m *mostradorv1.Message) *mostradorv1.Message {
	shown := proto.CloneOf(m)
	shown.Tokens = nil
	if waits(m) && !m.NextAttempt.AsTime().After(s.cfg.Now()) {
		provider := Provider(m.To)
		if _, rate, words, limited := s.sender.paces.limitOf(provider); limited {
			set := s.cfg.Settings()
			shown.LastAnswer = s.cfg.Text(set.Language, "message.slow", "provider", provider, "n", int(rate*60), "reason", words)
		}
	}
	return shown
}
