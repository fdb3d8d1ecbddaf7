package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mostrador/sdk"
	"mostrador/sdk/plgv1"
)

const (
	settingRules  = "PLG0110Reglas"
	settingAlerts = "PLG0110Avisos"
)

// rule is a rule with its conditions compiled.
type rule struct {
	*plgv1.MessageRule
	when, unless *condition
}

// rules are those of the setting that are switched on.
type rules struct {
	all []*rule
	// on are the rules that an event begins, exits those whose wait it ends, by its type.
	on, exits map[string][]*rule
	byID      map[string]*rule
	// spending tells that some rule asks what a customer had spent before.
	spending bool
}

// rulesOf returns the rules in force, compiled once for each change of the settings.
func rulesOf(tx *sdk.Tx) (*rules, error) {
	return sdk.Derive(tx, "rules", func() (*rules, error) {
		c, err := newCompiler()
		if err != nil {
			return nil, err
		}
		rs := &rules{on: map[string][]*rule{}, exits: map[string][]*rule{}, byID: map[string]*rule{}}
		for _, w := range tx.Setting(settingRules).Rules() {
			if !w.GetEnabled() {
				continue
			}
			r := &rule{MessageRule: w}
			var wrong error
			r.when, err = c.compile(w.GetCondition())
			wrong = errors.Join(wrong, err)
			r.unless, err = c.compile(w.GetExitCondition())
			if wrong = errors.Join(wrong, err); wrong != nil {
				// It came in while nobody could judge it; Validate says so when it is touched.
				tx.Log().Error("a rule's condition is no condition, so the rule is passed over", "rule", w.GetId(), "error", wrong)
				continue
			}
			rs.add(r)
		}
		return rs, nil
	})
}

func (rs *rules) add(r *rule) {
	rs.all = append(rs.all, r)
	rs.byID[r.GetId()] = r
	rs.on[r.GetEvent()] = append(rs.on[r.GetEvent()], r)
	for _, kind := range r.GetExitEvents() {
		rs.exits[kind] = append(rs.exits[kind], r)
	}
	rs.spending = rs.spending || strings.Contains(r.GetCondition()+r.GetExitCondition(), "purchases.before")
}

// judge says of rules that are about to be set what is wrong with them; paths are rule's id and field.
func judge(_ context.Context, tx *sdk.Tx, value sdk.Setting) error {
	c, err := newCompiler()
	if err != nil {
		return err
	}
	var wrong []error
	say := func(r *plgv1.MessageRule, field, key string, args ...any) {
		wrong = append(wrong, sdk.Diagnostic{
			Summary: tx.Text(key, append([]any{"rule", r.GetName()}, args...)...), Path: r.GetId() + "." + field, Code: "rule_" + key,
		})
	}
	for _, r := range value.Rules() {
		for field, source := range map[string]string{"condition": r.GetCondition(), "exit_condition": r.GetExitCondition()} {
			switch _, err := c.compile(source); {
			case errors.Is(err, errNoYesOrNo):
				say(r, field, "wrong_no_condition")
			case err != nil:
				say(r, field, "wrong_condition", "problem", err.Error())
			}
		}
		switch {
		case !handled(r.GetEvent()):
			say(r, "event", "wrong_event", "event", r.GetEvent())
		case r.GetTo() == plgv1.MessageRule_RECIPIENT_CUSTOMER && r.GetEvent() == "delivery.alert":
			say(r, "to", "wrong_nobody")
		case r.GetTo() == plgv1.MessageRule_RECIPIENT_EVENT && !strings.HasPrefix(r.GetEvent(), "external."):
			say(r, "to", "wrong_no_address")
		case r.GetAttach() && !strings.HasPrefix(r.GetEvent(), "external."):
			say(r, "attach", "wrong_no_files")
		case r.GetEnabled() && r.GetTo() == plgv1.MessageRule_RECIPIENT_ADDRESSES && len(r.GetAddresses()) == 0 &&
			len(tx.Setting(settingAlerts).List()) == 0:
			say(r, "addresses", "wrong_no_staff")
		}
	}
	slices.SortFunc(wrong, func(a, b error) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return errors.Join(wrong...)
}

// events are those that a rule may be about, beside those of other systems.
var events = []string{
	"customer.registered", "customer.changed", "consent.given", "consent.withdrawn", "sale.completed", "sale.refunded",
	"segment.joined", "segment.left", "campaign.converted", "subscription.changed", "subscription.reason", "delivery.alert",
}

func handled(kind string) bool {
	return slices.Contains(events, kind) || strings.HasPrefix(kind, "external.")
}
