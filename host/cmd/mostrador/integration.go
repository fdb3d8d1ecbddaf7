package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"mime"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
)

type integrationTypesCmd struct {
	Kind string `arg:"" optional:""`
}

type integrationTypePutCmd struct {
	Kind        string  `arg:""`
	Name        *string `placeholder:"NAME"`
	Description *string `placeholder:"TEXT"`
	Schema      string  `placeholder:"FILE"`
	Example     string  `placeholder:"FILE"`
}

type integrationTypeDeleteCmd struct {
	Kind string `arg:""`
}

type integrationPostCmd struct {
	Kind           string `arg:""`
	Data           string `arg:""`
	Customer       string `placeholder:"CUSTOMER"`
	Register       bool
	Attach         []string `placeholder:"FILE" sep:"none"`
	IdempotencyKey string   `placeholder:"KEY"`
}

type integrationKeysCmd struct{}

type integrationKeyCreateCmd struct {
	Label  string   `arg:""`
	Events []string `placeholder:"TYPE"`
}

type integrationKeyRevokeCmd struct {
	Access string `arg:""`
}

func (c *integrationTypesCmd) Run(ctx context.Context, s *session) error {
	t, types, err := s.eventType(ctx, c.Kind)
	switch {
	case err != nil:
		return err
	case c.Kind != "" && t == nil:
		return s.fault("no_event_type", "type", c.Kind)
	case c.Kind != "":
		return s.answer(t, func() { s.printEventType(t) })
	}
	return s.answer(&mostradorv1.ListEventTypesResponse{Types: types}, func() {
		rows := s.table("type", "name", "received", "last", "own")
		for _, t := range types {
			rows.add(t.GetType(), s.typeName(t), strconv.FormatUint(t.GetReceived(), 10), s.time(t.GetLast()), s.yesNo(!t.GetBuiltin()))
		}
		rows.print()
	})
}

// eventType returns all types and the one of that name, nil when there is none.
func (s *session) eventType(ctx context.Context, name string) (*mostradorv1.EventType, []*mostradorv1.EventType, error) {
	api, err := s.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	resp, err := api.integration.Types(ctx, connect.NewRequest(&mostradorv1.ListEventTypesRequest{}))
	if err != nil {
		return nil, nil, err
	}
	for _, t := range resp.Msg.GetTypes() {
		if t.GetType() == name {
			return t, resp.Msg.GetTypes(), nil
		}
	}
	return nil, resp.Msg.GetTypes(), nil
}

func (s *session) typeName(t *mostradorv1.EventType) string {
	if s.lang == "en" && t.GetNameEn() != "" {
		return t.GetNameEn()
	}
	return t.GetName()
}

func (s *session) printEventType(t *mostradorv1.EventType) {
	rows := s.pairs()
	rows.add(s.say("col_type"), t.GetType())
	rows.add(s.say("col_name"), s.typeName(t))
	rows.addIf(s.say("col_description"), t.GetDescription())
	rows.add(s.say("col_received"), strconv.FormatUint(t.GetReceived(), 10))
	rows.addIf(s.say("col_last"), s.time(t.GetLast()))
	rows.print()
	fmt.Fprintf(s.out, "\n%s\n%s\n", s.say("col_schema"), t.GetSchema())
	if t.GetExample() != "" {
		fmt.Fprintf(s.out, "\n%s\n%s\n", s.say("col_example"), t.GetExample())
	}
}

// Run makes a type, or changes the own one of that name; what is not given stays as it is.
func (c *integrationTypePutCmd) Run(ctx context.Context, s *session) error {
	t, _, err := s.eventType(ctx, c.Kind)
	if err != nil {
		return err
	}
	if t == nil {
		t = &mostradorv1.EventType{Type: c.Kind}
	}
	if c.Name != nil {
		t.Name = *c.Name
	}
	if c.Description != nil {
		t.Description = *c.Description
	}
	for _, from := range []struct {
		file string
		to   *string
	}{{c.Schema, &t.Schema}, {c.Example, &t.Example}} {
		if from.file != "" {
			if *from.to, err = s.readFile(from.file); err != nil {
				return err
			}
		}
	}
	resp, err := s.api.integration.PutType(ctx, connect.NewRequest(&mostradorv1.PutEventTypeRequest{Type: t}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.printEventType(resp.Msg.GetType()) })
}

func (c *integrationTypeDeleteCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.integration.DeleteType(ctx, connect.NewRequest(&mostradorv1.DeleteEventTypeRequest{Type: c.Kind}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("type_deleted", "type", c.Kind) })
}

func (c *integrationPostCmd) Run(ctx context.Context, s *session) error {
	text := c.Data
	if text == "-" {
		var err error
		if text, err = s.readFile("-"); err != nil {
			return err
		}
	}
	req := &mostradorv1.PostEventRequest{
		Type: c.Kind, IdempotencyKey: c.IdempotencyKey, Customer: c.Customer, Register: c.Register, Data: new(structpb.Struct),
	}
	if err := req.Data.UnmarshalJSON([]byte(text)); err != nil {
		return misused(s.say("misuse_data"))
	}
	if req.IdempotencyKey == "" {
		req.IdempotencyKey = rand.Text() // for the tries of this one command
	}
	for _, name := range c.Attach {
		data, err := os.ReadFile(name)
		if err != nil {
			return s.fault("file_unreadable", "file", name, "problem", err)
		}
		req.Files = append(req.Files, &mostradorv1.PostedFile{
			Name: filepath.Base(name), ContentType: mime.TypeByExtension(filepath.Ext(name)), Data: data,
		})
	}
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.integration.Post(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		key := "event_posted"
		switch {
		case resp.Msg.GetRepeated():
			key = "event_repeated"
		case resp.Msg.GetRegistered():
			key = "event_registered"
		}
		s.print(key, "event", resp.Msg.GetSequence())
	})
}

func (c *integrationKeysCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.integration.Keys(ctx, connect.NewRequest(&mostradorv1.ListKeysRequest{}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("id", "name", "created", "last_used", "events", "revoked")
		for _, k := range resp.Msg.GetKeys() {
			events := strings.Join(k.GetTypes(), ", ")
			if events == "" {
				events = s.say("events_all")
			}
			rows.add(k.GetId(), k.GetName(), s.time(k.GetCreated()), s.time(k.GetLastUsed()), events, s.yesNo(k.GetRevoked()))
		}
		rows.print()
	})
}

func (c *integrationKeyCreateCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.integration.CreateKey(ctx, connect.NewRequest(&mostradorv1.CreateKeyRequest{Name: c.Label, Types: c.Events}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("key_created", "key", resp.Msg.GetSecret(), "id", resp.Msg.GetKey().GetId()) })
}

func (c *integrationKeyRevokeCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.integration.RevokeKey(ctx, connect.NewRequest(&mostradorv1.RevokeKeyRequest{Id: c.Access}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("key_revoked", "id", c.Access) })
}
