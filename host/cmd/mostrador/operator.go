package main

import (
	"context"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
)

// operatorRoles are the roles by the names that --role takes.
var operatorRoles = map[string]mostradorv1.Role{
	"cashier":       mostradorv1.Role_ROLE_CASHIER,
	"operator":      mostradorv1.Role_ROLE_OPERATOR,
	"technician":    mostradorv1.Role_ROLE_TECHNICIAN,
	"administrator": mostradorv1.Role_ROLE_ADMINISTRATOR,
}

func (c *operatorListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.access.ListOperators(ctx, connect.NewRequest(&mostradorv1.ListOperatorsRequest{}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("name", "role", "badge", "disabled", "created")
		for _, o := range resp.Msg.GetOperators() {
			rows.add(s.operatorRow(o)...)
		}
		rows.print()
	})
}

// Run creates an operator or changes the one of that name; what is not named stays.
func (c *operatorPutCmd) Run(ctx context.Context, s *session) error {
	if c.PIN == "-" && c.Badge == "-" {
		return misused(s.say("misuse_together", "what", "--pin -", "other", "--badge -"))
	}
	pin, err := s.readSecret(c.PIN)
	if err != nil {
		return err
	}
	badge, err := s.readSecret(c.Badge)
	if err != nil {
		return err
	}
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	list, err := api.access.ListOperators(ctx, connect.NewRequest(&mostradorv1.ListOperatorsRequest{}))
	if err != nil {
		return err
	}
	operator := &mostradorv1.Operator{Name: c.Name, Role: mostradorv1.Role_ROLE_CASHIER}
	for _, o := range list.Msg.GetOperators() {
		if o.GetName() == c.Name {
			operator = o
		}
	}
	if c.Role != "" {
		operator.Role = operatorRoles[c.Role]
	}
	operator.Disabled = operator.GetDisabled() && !c.Enable || c.Disable
	resp, err := api.access.PutOperator(ctx, connect.NewRequest(&mostradorv1.PutOperatorRequest{
		Operator: operator, Pin: pin, Badge: badge,
	}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("name", "role", "badge", "disabled", "created")
		rows.add(s.operatorRow(resp.Msg.GetOperator())...)
		rows.print()
	})
}

func (s *session) operatorRow(o *mostradorv1.Operator) []string {
	return []string{o.GetName(), s.say("role_" + enum(o.GetRole().String(), "ROLE_")),
		s.yesNo(o.GetHasBadge()), s.yesNo(o.GetDisabled()), s.time(o.GetCreated())}
}
