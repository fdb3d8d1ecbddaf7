package main

import (
	"context"
	"fmt"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

type ruleListCmd struct {
	Recipes bool
}

type rulePutCmd struct {
	Definition string `arg:"" optional:""`
	Recipe     string `placeholder:"ID"`
}

type ruleOnCmd struct {
	Which string `arg:""`
}

type ruleOffCmd struct {
	Which string `arg:""`
}

type ruleDeleteCmd struct {
	Which string `arg:""`
}

type ruleRehearseCmd struct {
	Which string `arg:""`
	Days  int32  `default:"30" placeholder:"N"`
	Limit int32  `default:"20" placeholder:"N"`
}

func (c *ruleListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.rule.List(ctx, connect.NewRequest(&mostradorv1.ListRulesRequest{}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		if c.Recipes {
			rows := s.table("id", "name", "description")
			for _, set := range resp.Msg.GetSets() {
				for _, r := range set.GetRecipes() {
					rows.add(r.GetId(), r.GetName(), r.GetDescription())
				}
			}
			rows.print()
			return
		}
		rows := s.table("id", "name", "rule_on", "rule_event", "rule_template")
		for _, set := range resp.Msg.GetSets() {
			for _, r := range set.GetRules() {
				rows.add(r.GetId(), r.GetName(), s.yesNo(r.GetEnabled()), r.GetEvent(), r.GetTemplate())
			}
		}
		rows.print()
	})
}

// Run makes a rule of a file or of a recipe, or changes the one of the id that the file says.
func (c *rulePutCmd) Run(ctx context.Context, s *session) error {
	if (c.Definition == "") == (c.Recipe == "") {
		return misused(s.say("misuse_rule_source"))
	}
	sets, err := s.ruleSets(ctx)
	if err != nil {
		return err
	}
	var setting string
	rule := &plgv1.MessageRule{}
	if c.Recipe != "" {
		for _, set := range sets {
			for _, r := range set.GetRecipes() {
				if r.GetId() == c.Recipe {
					setting, rule = set.GetSetting(), r.GetRule()
				}
			}
		}
		if setting == "" {
			return s.fault("no_recipe", "id", c.Recipe)
		}
	} else {
		if rule, err = s.readRule(c.Definition); err != nil {
			return err
		}
		for _, set := range sets {
			if setting == "" || hasRule(set, rule.GetId()) {
				setting = set.GetSetting()
			}
		}
	}
	return s.putRule(ctx, setting, rule)
}

func (c *ruleOnCmd) Run(ctx context.Context, s *session) error {
	return s.switchRule(ctx, c.Which, true)
}

func (c *ruleOffCmd) Run(ctx context.Context, s *session) error {
	return s.switchRule(ctx, c.Which, false)
}

func (c *ruleDeleteCmd) Run(ctx context.Context, s *session) error {
	setting, rule, err := s.findRule(ctx, c.Which)
	if err != nil {
		return err
	}
	resp, err := s.api.rule.Delete(ctx, connect.NewRequest(&mostradorv1.DeleteRuleRequest{Setting: setting, Id: rule.GetId()}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("rule_deleted", "name", rule.GetName()) })
}

// Run tries a rule that is kept, or one in a file.
func (c *ruleRehearseCmd) Run(ctx context.Context, s *session) error {
	var setting string
	var rule *plgv1.MessageRule
	var err error
	if isFile(c.Which) || c.Which == "-" {
		if rule, err = s.readRule(c.Which); err != nil {
			return err
		}
		sets, err := s.ruleSets(ctx)
		if err != nil {
			return err
		}
		if len(sets) > 0 {
			setting = sets[0].GetSetting()
		}
	} else if setting, rule, err = s.findRule(ctx, c.Which); err != nil {
		return err
	}
	resp, err := s.api.rule.Rehearse(ctx, connect.NewRequest(&mostradorv1.RehearseRuleRequest{
		Setting: setting, Rule: rule, Days: c.Days, Limit: c.Limit,
	}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		s.print("rule_rehearsed", "n", resp.Msg.GetMessages(), "events", resp.Msg.GetEvents(), "days", c.Days)
		if resp.Msg.GetPartial() {
			s.print("rule_partial")
		}
		rows := s.table("time", "customer", "to", "rule_held")
		for _, m := range resp.Msg.GetList() {
			rows.add(s.time(m.GetTime()), m.GetCustomerName(), m.GetTo(), m.GetHeld())
		}
		rows.print()
		for _, d := range resp.Msg.GetDiagnostics() {
			fmt.Fprintln(s.out, s.diagnostic(d))
		}
	})
}

func (s *session) switchRule(ctx context.Context, which string, on bool) error {
	setting, rule, err := s.findRule(ctx, which)
	if err != nil {
		return err
	}
	rule = proto.CloneOf(rule)
	rule.Enabled = on
	return s.putRule(ctx, setting, rule)
}

func (s *session) putRule(ctx context.Context, setting string, rule *plgv1.MessageRule) error {
	resp, err := s.api.rule.Put(ctx, connect.NewRequest(&mostradorv1.PutRuleRequest{Setting: setting, Rule: rule}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		r := resp.Msg.GetRule()
		rows := s.pairs()
		rows.add(s.say("col_id"), r.GetId())
		rows.add(s.say("col_name"), r.GetName())
		rows.add(s.say("col_rule_on"), s.yesNo(r.GetEnabled()))
		rows.add(s.say("col_rule_event"), r.GetEvent())
		rows.addIf(s.say("col_rule_condition"), r.GetCondition())
		rows.add(s.say("col_rule_template"), r.GetTemplate())
		rows.print()
	})
}

// ruleSets are the sets of rules of the active plug-ins.
func (s *session) ruleSets(ctx context.Context) ([]*mostradorv1.RuleSet, error) {
	api, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := api.rule.List(ctx, connect.NewRequest(&mostradorv1.ListRulesRequest{}))
	return resp.Msg.GetSets(), err
}

// findRule finds a rule by its id, or by its name.
func (s *session) findRule(ctx context.Context, which string) (setting string, rule *plgv1.MessageRule, err error) {
	sets, err := s.ruleSets(ctx)
	if err != nil {
		return "", nil, err
	}
	for _, set := range sets {
		for _, r := range set.GetRules() {
			if r.GetId() == which || rule == nil && strings.EqualFold(r.GetName(), which) {
				setting, rule = set.GetSetting(), r
			}
		}
	}
	if rule == nil {
		return "", nil, s.fault("no_rule", "name", which)
	}
	return setting, rule, nil
}

func hasRule(set *mostradorv1.RuleSet, id string) bool {
	for _, r := range set.GetRules() {
		if r.GetId() == id {
			return true
		}
	}
	return false
}

// readRule reads a rule in protobuf's JSON.
func (s *session) readRule(name string) (*plgv1.MessageRule, error) {
	text, err := s.readFile(name)
	if err != nil {
		return nil, err
	}
	rule := &plgv1.MessageRule{}
	if err := protojson.Unmarshal([]byte(text), rule); err != nil {
		return nil, misused(s.say("misuse_rule_file", "problem", err.Error()))
	}
	return rule, nil
}
