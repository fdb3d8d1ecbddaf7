package main

import (
	"context"
	"strconv"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
)

func (c *eventListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	req := &mostradorv1.ListEventsRequest{After: c.After, Limit: c.Limit, Type: c.Type, Newest: c.Newest}
	if c.Customer != "" {
		if req.CustomerId, err = s.customerID(ctx, c.Customer); err != nil {
			return err
		}
	}
	resp, err := api.event.List(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("event", "time", "type", "customer", "operator", "till", "channel")
		for _, e := range resp.Msg.GetEvents() {
			rows.add(strconv.FormatUint(e.GetSequence(), 10), s.time(e.GetTime()), e.GetType(), e.GetCustomer().GetName(),
				e.GetActor().GetOperator(), e.GetActor().GetTill(), e.GetActor().GetChannel())
		}
		rows.print()
	})
}

func (c *eventParkedCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.event.Parked(ctx, connect.NewRequest(&mostradorv1.ParkedRequest{}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("plugin", "event", "time", "type", "attempts", "error")
		for _, p := range resp.Msg.GetEvents() {
			rows.add(p.GetPlugin(), strconv.FormatUint(p.GetEvent().GetSequence(), 10), s.time(p.GetTime()),
				p.GetEvent().GetType(), strconv.Itoa(int(p.GetAttempts())), p.GetError())
		}
		rows.print()
	})
}

func (c *eventRetryCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.event.RetryParked(ctx, connect.NewRequest(&mostradorv1.RetryParkedRequest{Plugin: c.Plugin, Sequence: c.Event}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("event_retried", "event", c.Event, "plugin", c.Plugin) })
}

func (c *eventDiscardCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.event.DiscardParked(ctx, connect.NewRequest(&mostradorv1.DiscardParkedRequest{Plugin: c.Plugin, Sequence: c.Event}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("event_discarded", "event", c.Event, "plugin", c.Plugin) })
}
