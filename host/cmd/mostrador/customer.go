package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

func (c *customerRegisterCmd) Run(ctx context.Context, s *session) error {
	customer := &plgv1.Customer{
		Name: c.Name, Phone: c.Phone, Email: c.Email, Language: c.Lang,
		Cards: c.Card, Tags: c.Tag, Fields: c.Field, AplicaPromociones: c.Promotions,
	}
	if _, err := s.assign(customer, c.Fields); err != nil {
		return err
	}
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.customer.Register(ctx, connect.NewRequest(&mostradorv1.RegisterRequest{
		// A key of the command's own makes a repeated call harmless (see repeatable).
		Customer: customer, IdempotencyKey: cmp.Or(c.IdempotencyKey, rand.Text()),
	}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.customer(resp.Msg.GetCustomer()) })
}

// Run shows the quick sheet, which has the customer and what the active plug-ins know of him.
func (c *customerShowCmd) Run(ctx context.Context, s *session) error {
	id, err := s.customerID(ctx, c.Customer)
	if err != nil {
		return err
	}
	resp, err := s.api.customer.Sheet(ctx, connect.NewRequest(&mostradorv1.SheetRequest{Id: id, Language: s.lang}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.sheet(resp.Msg) })
}

func (c *customerSearchCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.customer.Search(ctx, connect.NewRequest(&mostradorv1.SearchRequest{
		Query: strings.Join(c.Words, " "), Limit: c.Limit, Page: c.Page,
	}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("id", "name", "phone", "email", "promotions")
		for _, c := range resp.Msg.GetCustomers() {
			rows.add(c.GetId(), c.GetName(), c.GetPhone(), c.GetEmail(), s.yesNo(c.GetAplicaPromociones()))
		}
		rows.print()
		s.nextPage(resp.Msg.GetNextPage())
	})
}

func (c *customerSetCmd) Run(ctx context.Context, s *session) error {
	customer := &plgv1.Customer{Revision: c.Revision}
	paths, err := s.assign(customer, c.Fields)
	if err != nil {
		return err
	}
	if customer.Id, err = s.customerID(ctx, c.Customer); err != nil {
		return err
	}
	resp, err := s.api.customer.Update(ctx, connect.NewRequest(&mostradorv1.UpdateRequest{
		Customer: customer, Mask: &fieldmaskpb.FieldMask{Paths: paths},
	}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.customer(resp.Msg.GetCustomer()) })
}

func (c *customerActivateCmd) Run(ctx context.Context, s *session) error {
	id, err := s.customerID(ctx, c.Customer)
	if err != nil {
		return err
	}
	resp, err := s.api.customer.Activate(ctx, connect.NewRequest(&mostradorv1.ActivateRequest{Id: id, Code: c.Code}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		s.print("activated", "name", resp.Msg.GetCustomer().GetName())
		s.customer(resp.Msg.GetCustomer())
	})
}

func (c *customerWithdrawCmd) Run(ctx context.Context, s *session) error {
	id, err := s.customerID(ctx, c.Customer)
	if err != nil {
		return err
	}
	resp, err := s.api.customer.Withdraw(ctx, connect.NewRequest(&mostradorv1.WithdrawRequest{Id: id}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		s.print("withdrawn", "name", resp.Msg.GetCustomer().GetName())
		s.customer(resp.Msg.GetCustomer())
	})
}

// Run presses a plug-in's button. A diagnostic of severity error in the result is a refusal like any other.
func (c *actionRunCmd) Run(ctx context.Context, s *session) error {
	form := map[string]string{}
	for _, pair := range c.Form {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return misused(s.say("misuse_assignment", "what", pair))
		}
		form[name] = value
	}
	id, err := s.customerID(ctx, c.Customer)
	if err != nil {
		return err
	}
	resp, err := s.api.customer.Run(ctx, connect.NewRequest(&mostradorv1.RunRequest{
		Plugin: c.Plugin, Action: c.Action, CustomerId: id, Form: form, Language: s.lang,
	}))
	if err != nil {
		return err
	}
	result := resp.Msg.GetResult()
	failed := slices.ContainsFunc(result.GetDiagnostics(), func(d *plgv1.Diagnostic) bool {
		return d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR
	})
	if failed {
		return &refusal{&mostradorv1.Refusal{Diagnostics: result.GetDiagnostics()}}
	}
	return s.answer(resp.Msg, func() {
		if result.GetMessage() != "" {
			fmt.Fprintln(s.out, result.GetMessage())
		}
		for _, d := range result.GetDiagnostics() {
			fmt.Fprintln(s.out, s.diagnostic(d))
		}
	})
}

// customerID returns the id of the customer of a key: an id, a phone in any spelling, an e-mail or a card. It
// connects first.
func (s *session) customerID(ctx context.Context, key string) (string, error) {
	api, err := s.connect(ctx)
	if err != nil {
		return "", err
	}
	resp, err := api.customer.Get(ctx, connect.NewRequest(&mostradorv1.GetCustomerRequest{Key: key}))
	if err != nil {
		return "", err
	}
	return resp.Msg.GetCustomer().GetId(), nil
}

// assign puts FIELD=VALUE pairs into a customer and returns the paths of the fields that they name. A field
// that the core does not know is one of the data model, or a plug-in's.
func (s *session) assign(c *plgv1.Customer, pairs []string) ([]string, error) {
	var paths []string
	for _, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return nil, misused(s.say("misuse_assignment", "what", pair))
		}
		switch name {
		case "name":
			c.Name = value
		case "phone":
			c.Phone = value
		case "email":
			c.Email = value
		case "language":
			c.Language = value
		case "cards":
			c.Cards = list(value)
		case "tags":
			c.Tags = list(value)
		case "aplica_promociones":
			yes, ok := parseYesNo(value)
			if !ok {
				return nil, misused(s.say("misuse_yes_no", "what", value))
			}
			c.AplicaPromociones = yes
		default:
			field := strings.TrimPrefix(name, "fields.")
			if c.Fields == nil {
				c.Fields = map[string]string{}
			}
			c.Fields[field] = value
			name = "fields." + field
		}
		paths = append(paths, name)
	}
	return paths, nil
}

func list(value string) []string {
	var items []string
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func parseYesNo(value string) (yes, ok bool) {
	switch strings.ToLower(value) {
	case "true", "yes", "sí", "si", "1":
		return true, true
	case "false", "no", "0":
		return false, true
	}
	return false, false
}

// customer prints one customer.
func (s *session) customer(c *plgv1.Customer) {
	rows := s.pairs()
	rows.add(s.say("col_id"), c.GetId())
	rows.add(s.say("col_name"), c.GetName())
	rows.add(s.say("col_phone"), c.GetPhone())
	rows.add(s.say("col_email"), c.GetEmail())
	rows.addIf(s.say("col_language"), c.GetLanguage())
	rows.addIf(s.say("col_cards"), strings.Join(c.GetCards(), ", "))
	rows.addIf(s.say("col_tags"), strings.Join(c.GetTags(), ", "))
	for _, name := range sortedKeys(c.GetFields()) {
		rows.add(name, c.GetFields()[name])
	}
	rows.add(s.say("col_promotions"), s.yesNo(c.GetAplicaPromociones()))
	rows.add(s.say("col_programme"), s.consentState(c.GetConsent().GetProgramme()))
	rows.add(s.say("col_mailing"), s.consentState(c.GetConsent().GetPromotions()))
	rows.add(s.say("col_registered"), s.time(c.GetCreated()))
	rows.print()
}

// sheet prints the quick sheet: the fields that a screen shows, with the reason where one is locked, then
// consent, panels and buttons.
func (s *session) sheet(sheet *mostradorv1.SheetResponse) {
	c := sheet.GetCustomer()
	rows := s.pairs()
	rows.add(s.say("col_id"), c.GetId())
	for _, f := range sheet.GetFields() {
		if !f.GetVisible() {
			continue
		}
		value := s.fieldValue(f)
		if f.GetReason() != "" {
			value += " (" + f.GetReason() + ")"
		}
		rows.add(f.GetLabel(), value)
	}
	rows.addIf(s.say("col_cards"), strings.Join(c.GetCards(), ", "))
	rows.addIf(s.say("col_tags"), strings.Join(c.GetTags(), ", "))
	rows.add(s.say("col_registered"), s.time(c.GetCreated()))
	for i, line := range sheet.GetConsent() {
		label := ""
		if i == 0 {
			label = s.say("col_consent")
		}
		rows.add(label, line)
	}
	rows.print()
	for _, p := range sheet.GetPanels() {
		fmt.Fprintf(s.out, "\n%s\n", p.GetTitle())
		rows := s.pairs()
		for _, row := range p.GetPanel().GetRows() {
			rows.add("  "+row.GetLabel(), row.GetValue())
		}
		rows.print()
		if p.GetError() != "" {
			fmt.Fprintln(s.out, "  "+p.GetError())
		}
	}
	if len(sheet.GetActions()) == 0 {
		return
	}
	fmt.Fprintf(s.out, "\n%s\n", s.say("col_actions"))
	actions := s.pairs()
	for _, a := range sheet.GetActions() {
		label := "[" + a.GetLabel() + "]"
		if !a.GetEnabled() {
			label += " – " + a.GetReason()
		}
		actions.add("  "+a.GetPlugin()+" "+a.GetId(), label)
	}
	actions.print()
}
