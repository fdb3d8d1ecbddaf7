package rule

import (
	"context"
	"fmt"
	"slices"
	"time"

	"mostrador/configguide"
	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/sdk/plgv1"
)

// Bounds of a rehearsal, and what is meant where nothing is said.
const (
	usualDays   = 30
	maxDays     = 3 * 366
	usualListed = 50
	maxListed   = 500
	maxTime     = time.Minute
	// maxFaults is how many different things that went wrong are told.
	maxFaults = 10
)

// Rehearse tries a rule, kept or not, on what happened in the last so many days (30 when 0): how many messages it would
// have sent, and the newest of them. It is tried alone and as if it were on. What is wrong with it is refused at its field.
func (s *Service) Rehearse(ctx context.Context, setting string, rule *plgv1.MessageRule, days, limit int) (*mostradorv1.RehearseRuleResponse, error) {
	plugin, err := s.owner(setting)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	rule = clone(rule)
	rule.Enabled = true
	if rule.GetId() == "" {
		rule.Id = freeID(nil, rule)
	}
	value, err := configguide.RulesValue([]*plgv1.MessageRule{rule})
	if err != nil {
		return nil, err
	}
	err = s.Guide.Try(ctx, configguide.Wish{Key: setting, At: configguide.Store, Value: value}, locale.FromContext(ctx))
	if err != nil {
		return nil, atFields(err, setting, rule.GetId())
	}
	if days <= 0 {
		days = usualDays
	}
	if limit <= 0 {
		limit = usualListed
	}
	found := collector{limit: min(limit, maxListed)}
	since := s.Now().AddDate(0, 0, -min(days, maxDays))
	events, partial, err := s.Config.Rehearse(ctx, plugin, map[string]any{setting: value}, since, found.add)
	if err != nil {
		return nil, fmt.Errorf("rehearsing rule %s: %w", rule.GetId(), err)
	}
	resp := &mostradorv1.RehearseRuleResponse{
		Events: events[rule.GetEvent()], Messages: found.messages, Diagnostics: found.faults, Partial: partial,
	}
	resp.List, err = s.listed(ctx, plugin, &found)
	return resp, err
}

// listed are the messages that were kept, newest first, with whom they would have gone to and what would hold them back.
func (s *Service) listed(ctx context.Context, plugin string, found *collector) ([]*mostradorv1.RehearsedMessage, error) {
	var list []*mostradorv1.RehearsedMessage
	for _, m := range slices.Backward(found.newest()) {
		line := &mostradorv1.RehearsedMessage{
			Time: m.outcome.GetTime(), Sequence: m.outcome.GetSequence(), CustomerId: m.outcome.GetCustomerId(), To: m.mail.GetAddress(),
		}
		row := &mostradorv1.Message{
			Kind: m.mail.GetKind(), CustomerId: m.mail.GetTo(), To: m.mail.GetAddress(), Plugin: plugin, Template: m.mail.GetTemplate(),
			Topic: m.mail.GetTopic(), Promotion: m.mail.GetPromotion(), Rule: m.mail.GetRule(), Links: m.mail.GetLinks(),
		}
		if line.CustomerId != "" {
			c, err := s.Customer(line.CustomerId)
			if err != nil {
				return nil, err
			}
			line.CustomerName = c.GetName()
			if line.To == "" {
				line.To, row.To = c.GetEmail(), c.GetEmail()
			}
		}
		if s.Held != nil {
			var err error
			if line.Held, err = s.Held(ctx, row); err != nil {
				return nil, err
			}
		}
		list = append(list, line)
	}
	return list, nil
}

// collector keeps the newest of the messages that a rehearsal tells of, and counts all.
type collector struct {
	limit    int
	messages uint64
	ring     []rehearsedMail
	faults   []*plgv1.Diagnostic
}

type rehearsedMail struct {
	outcome *plgv1.Rehearsed
	mail    *plgv1.SendMail
}

func (c *collector) add(o *plgv1.Rehearsed) {
	for _, effect := range o.GetEffects() {
		mail := effect.GetSendMail()
		if mail == nil {
			continue
		}
		one := rehearsedMail{&plgv1.Rehearsed{Sequence: o.GetSequence(), Time: o.GetTime(), CustomerId: o.GetCustomerId()}, mail}
		if len(c.ring) < c.limit {
			c.ring = append(c.ring, one)
		} else {
			c.ring[c.messages%uint64(c.limit)] = one
		}
		c.messages++
	}
	if fault := o.GetFault(); fault != nil && len(c.faults) < maxFaults &&
		!slices.ContainsFunc(c.faults, func(d *plgv1.Diagnostic) bool { return d.GetSummary() == fault.GetMessage() }) {
		c.faults = append(c.faults, &plgv1.Diagnostic{
			Severity: plgv1.Severity_SEVERITY_ERROR, Summary: fault.GetMessage(), Blame: plgv1.Blame_BLAME_PLUGIN, Code: "rehearsal_fault",
		})
	}
}

// newest are the messages that were kept, oldest first.
func (c *collector) newest() []rehearsedMail {
	if c.messages <= uint64(c.limit) {
		return c.ring
	}
	at := int(c.messages % uint64(c.limit))
	return slices.Concat(c.ring[at:], c.ring[:at])
}
