package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

type fieldListCmd struct {
	Retired bool
}

// fieldFlags say what a field is to be; what is not named stays.
type fieldFlags struct {
	Name          *string  `placeholder:"NAME"`
	Hint          *string  `placeholder:"TEXT"`
	Type          string   `placeholder:"TYPE"`
	Category      string   `enum:"demographic,profile," default:"" placeholder:"demographic|profile"`
	Many          bool     `xor:"many"`
	One           bool     `xor:"many"`
	Indexed       bool     `xor:"indexed"`
	NotIndexed    bool     `xor:"indexed"`
	Required      bool     `xor:"required"`
	Optional      bool     `xor:"required"`
	Choice        []string `placeholder:"VALUE=NAME" sep:"none"`
	Rule          []string `placeholder:"CONDITION=VALUE->MESSAGE" sep:"none" xor:"rule"`
	NoRules       bool     `xor:"rule"`
	Script        *string  `placeholder:"CEL"`
	ScriptMessage *string  `placeholder:"TEXT"`
	Place         int32    `placeholder:"N"`
	Definition    string   `placeholder:"FILE"`
}

type fieldPutCmd struct {
	Field      string `arg:""`
	fieldFlags `embed:""`
	Anyway     bool
}

type fieldPreviewCmd struct {
	Field      string `arg:""`
	fieldFlags `embed:""`
}

type fieldTryCmd struct {
	Field      string `arg:""`
	Value      string `arg:""`
	fieldFlags `embed:""`
	Customer   string `placeholder:"CUSTOMER"`
}

type fieldRetireCmd struct {
	Field string `arg:""`
}

type fieldRestoreCmd struct {
	Field string `arg:""`
}

func (c *fieldListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.field.List(ctx, connect.NewRequest(&mostradorv1.ListFieldsRequest{Retired: c.Retired}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.fieldTable(resp.Msg.GetFields()...) })
}

func (c *fieldPutCmd) Run(ctx context.Context, s *session) error {
	f, err := c.declaration(ctx, s, c.Field)
	if err != nil {
		return err
	}
	resp, err := s.api.field.Put(ctx, connect.NewRequest(&mostradorv1.PutFieldRequest{Field: f, Anyway: c.Anyway}))
	if err != nil {
		if shown := previewOf(err); shown != nil && !s.JSON {
			s.preview(shown)
		}
		return err
	}
	return s.answer(resp.Msg, func() {
		s.fieldTable(resp.Msg.GetField())
		if task := resp.Msg.GetTask(); task != nil {
			s.print("field_task", "task", task.GetId(), "title", task.GetTitle())
		}
	})
}

func (c *fieldPreviewCmd) Run(ctx context.Context, s *session) error {
	f, err := c.declaration(ctx, s, c.Field)
	if err != nil {
		return err
	}
	resp, err := s.api.field.Preview(ctx, connect.NewRequest(&mostradorv1.PreviewFieldRequest{Field: f}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.preview(resp.Msg) })
}

// Run judges a value by a field as it is, or as the flags would make it. A value or a declaration that is refused is
// a refusal.
func (c *fieldTryCmd) Run(ctx context.Context, s *session) error {
	f, err := c.declaration(ctx, s, c.Field)
	if err != nil {
		return err
	}
	req := &mostradorv1.TryFieldRequest{Field: f}
	if req.Value, err = s.readSecret(c.Value); err != nil {
		return err
	}
	if c.Customer != "" {
		if req.CustomerId, err = s.customerID(ctx, c.Customer); err != nil {
			return err
		}
	}
	resp, err := s.api.field.Try(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	if wrong := append(resp.Msg.GetDeclaration(), resp.Msg.GetDiagnostics()...); len(wrong) > 0 {
		return &refusal{&mostradorv1.Refusal{Diagnostics: wrong}}
	}
	return s.answer(resp.Msg, func() { s.print("field_kept", "value", resp.Msg.GetKept()) })
}

func (c *fieldRetireCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.field.Retire(ctx, connect.NewRequest(&mostradorv1.RetireFieldRequest{Id: c.Field}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("field_retired", "field", resp.Msg.GetField().GetName()) })
}

func (c *fieldRestoreCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.field.Restore(ctx, connect.NewRequest(&mostradorv1.RestoreFieldRequest{Id: c.Field}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("field_restored", "field", resp.Msg.GetField().GetName()) })
}

// declaration is the field as it is, or a new one, with what the flags say. It connects first.
func (c *fieldFlags) declaration(ctx context.Context, s *session, id string) (*mostradorv1.Field, error) {
	api, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	all, err := api.field.List(ctx, connect.NewRequest(&mostradorv1.ListFieldsRequest{Retired: true}))
	if err != nil {
		return nil, err
	}
	f := &mostradorv1.Field{Id: id, Name: id, Type: "text"}
	for _, known := range all.Msg.GetFields() {
		if known.GetId() == id && known.GetOrigin() == mostradorv1.FieldOrigin_FIELD_ORIGIN_STORE {
			f = known
		}
	}
	if c.Definition != "" {
		if f, err = s.definition(c.Definition, f); err != nil {
			return nil, err
		}
	}
	return f, c.apply(s, f)
}

// definition reads a declaration in the API's JSON from a file, or from standard input; its revision may be left out.
func (s *session) definition(file string, known *mostradorv1.Field) (*mostradorv1.Field, error) {
	in := s.in
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer opened.Close()
		in = opened
	}
	data, err := readLimited(in)
	if err != nil {
		return nil, err
	}
	f := new(mostradorv1.Field)
	if err := protojson.Unmarshal(data, f); err != nil {
		return nil, misused(s.say("misuse_definition", "what", file, "problem", err))
	}
	f.Id = known.GetId()
	if f.Revision == 0 {
		f.Revision = known.GetRevision()
	}
	return f, nil
}

// apply puts what the flags say into f.
func (c *fieldFlags) apply(s *session, f *mostradorv1.Field) error {
	for to, text := range map[*string]*string{&f.Name: c.Name, &f.Help: c.Hint, &f.Script: c.Script, &f.ScriptMessage: c.ScriptMessage} {
		if text != nil {
			*to = *text
		}
	}
	if c.Type != "" {
		f.Type = c.Type
	}
	switch c.Category {
	case "demographic":
		f.Category = mostradorv1.FieldCategory_FIELD_CATEGORY_DEMOGRAPHIC
	case "profile":
		f.Category = mostradorv1.FieldCategory_FIELD_CATEGORY_PROFILE
	}
	f.Many = f.GetMany() && !c.One || c.Many
	f.Indexed = f.GetIndexed() && !c.NotIndexed || c.Indexed
	f.Required = f.GetRequired() && !c.Optional || c.Required
	if c.Place != 0 {
		f.Order = c.Place
	}
	if len(c.Choice) > 0 {
		f.Choices = nil
		for _, choice := range c.Choice {
			value, label, _ := strings.Cut(choice, "=")
			f.Choices = append(f.Choices, &mostradorv1.Choice{Value: value, Label: label})
		}
	}
	if len(c.Rule) > 0 || c.NoRules {
		f.Rules = nil
	}
	for _, text := range c.Rule {
		rule, ok := parseRule(text)
		if !ok {
			return misused(s.say("misuse_rule", "what", text))
		}
		f.Rules = append(f.Rules, rule)
	}
	return nil
}

// parseRule reads "begins_with=@ & min_length=3 -> Begins with @.".
func parseRule(text string) (*mostradorv1.FieldRule, bool) {
	at := strings.LastIndex(text, "->")
	if at < 0 {
		return nil, false
	}
	rule := &mostradorv1.FieldRule{Message: strings.TrimSpace(text[at+2:])}
	for part := range strings.SplitSeq(text[:at], " & ") {
		operator, operand, ok := strings.Cut(part, "=")
		if !ok {
			return nil, false
		}
		rule.Conditions = append(rule.Conditions, &mostradorv1.FieldCondition{
			Operator: strings.TrimSpace(operator), Operand: strings.TrimSpace(operand),
		})
	}
	return rule, true
}

// previewOf is the preview that the refusal of a change carries; nil when there is none.
func previewOf(err error) *mostradorv1.PreviewFieldResponse {
	var failed *connect.Error
	if !errors.As(err, &failed) {
		return nil
	}
	for _, detail := range failed.Details() {
		var value proto.Message
		if value, err = detail.Value(); err != nil {
			continue
		}
		if preview, ok := value.(*mostradorv1.PreviewFieldResponse); ok {
			return preview
		}
	}
	return nil
}

// preview prints what a change does to stored values.
func (s *session) preview(p *mostradorv1.PreviewFieldResponse) {
	s.print("field_preview", "values", p.GetWithValue(), "converted", p.GetConverted(), "broken", p.GetBroken())
	who := func(c *plgv1.Customer) string { return fmt.Sprintf("%d %s", c.GetNumber(), c.GetName()) }
	if len(p.GetBreaks()) > 0 {
		rows := s.table("customer", "value", "reason")
		for _, b := range p.GetBreaks() {
			rows.add(who(b.GetCustomer()), b.GetValue(), b.GetReason())
		}
		rows.print()
	}
	if len(p.GetConversions()) > 0 {
		rows := s.table("customer", "from", "to")
		for _, b := range p.GetConversions() {
			rows.add(who(b.GetCustomer()), b.GetValue(), b.GetBecomes())
		}
		rows.print()
	}
}

// fieldTable prints fields, a line each.
func (s *session) fieldTable(fields ...*mostradorv1.Field) {
	rows := s.table("id", "name", "type", "category", "many", "indexed", "required", "origin", "state")
	for _, f := range fields {
		origin := s.say("origin_" + enum(f.GetOrigin().String(), "FIELD_ORIGIN_"))
		if f.GetPlugin() != "" {
			origin = f.GetPlugin()
		}
		state := s.say("field_state_used")
		if f.GetRetired() {
			state = s.say("field_state_retired")
		}
		rows.add(f.GetId(), f.GetName(), f.GetType(), s.say("category_"+enum(f.GetCategory().String(), "FIELD_CATEGORY_")),
			s.yesNo(f.GetMany()), s.yesNo(f.GetIndexed()), s.yesNo(f.GetRequired()), origin, state)
	}
	rows.print()
}

// fieldValue is the value of a field as people read it: choices and other customers by their names, many with commas.
func (s *session) fieldValue(f *mostradorv1.FieldState) string {
	if f.GetType() == "yes_no" {
		return s.yesNo(f.GetValue() == "true")
	}
	var shown []string
	for line := range strings.SplitSeq(f.GetValue(), "\n") {
		for _, choice := range f.GetChoices() {
			if choice.GetValue() == line {
				line = choice.GetLabel()
				break
			}
		}
		shown = append(shown, line)
	}
	return strings.Join(shown, ", ")
}
