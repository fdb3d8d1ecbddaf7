package api

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/rule"
)

// ruleServer serves the rules that send messages.
type ruleServer struct{ *server }

// List returns the sets of rules with their recipes and events.
func (s ruleServer) List(ctx context.Context, _ *connect.Request[mostradorv1.ListRulesRequest]) (*connect.Response[mostradorv1.ListRulesResponse], error) {
	sets, err := s.Rules.List(ctx)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ListRulesResponse{Sets: sets}), nil
}

// Put creates a rule or changes one.
func (s ruleServer) Put(ctx context.Context, req *connect.Request[mostradorv1.PutRuleRequest]) (*connect.Response[mostradorv1.PutRuleResponse], error) {
	kept, err := s.Rules.Put(ctx, actorOf(ctx), req.Msg.GetSetting(), req.Msg.GetRule())
	if err != nil {
		return nil, s.ruleError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.PutRuleResponse{Rule: kept}), nil
}

// Delete takes a rule away.
func (s ruleServer) Delete(ctx context.Context, req *connect.Request[mostradorv1.DeleteRuleRequest]) (*connect.Response[mostradorv1.DeleteRuleResponse], error) {
	if err := s.Rules.Delete(ctx, actorOf(ctx), req.Msg.GetSetting(), req.Msg.GetId()); err != nil {
		return nil, s.ruleError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.DeleteRuleResponse{}), nil
}

// Rehearse tries a rule on what happened.
func (s ruleServer) Rehearse(ctx context.Context, req *connect.Request[mostradorv1.RehearseRuleRequest]) (*connect.Response[mostradorv1.RehearseRuleResponse], error) {
	resp, err := s.Rules.Rehearse(ctx, req.Msg.GetSetting(), req.Msg.GetRule(), int(req.Msg.GetDays()), int(req.Msg.GetLimit()))
	if err != nil {
		return nil, s.ruleError(ctx, err)
	}
	return connect.NewResponse(resp), nil
}

func (s *server) ruleError(ctx context.Context, err error) error {
	if errors.Is(err, rule.ErrNotFound) {
		return sentence(connect.CodeNotFound, "no_rule", s.Text.Text(locale.FromContext(ctx), "rule.not_found"))
	}
	return err
}
