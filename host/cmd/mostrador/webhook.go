package main

import (
	"context"
	"strconv"
	"strings"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
)

type integrationWebhooksCmd struct{}

type integrationWebhookPutCmd struct {
	Hook       string   `arg:""`
	URL        string   `name:"url" placeholder:"https://…"`
	Events     []string `placeholder:"TYPE"`
	On         bool     `xor:"on"`
	Off        bool     `xor:"on"`
	Personal   bool     `xor:"personal"`
	Impersonal bool     `xor:"personal"`
	NewSecret  bool
}

type integrationWebhookDeleteCmd struct {
	Hook string `arg:""`
}

type integrationWebhookTestCmd struct {
	Hook string `arg:""`
}

type integrationWebhookCallsCmd struct {
	Hook  string `arg:"" optional:""`
	Limit int32  `default:"50" placeholder:"N"`
	Page  string `placeholder:"PAGE"`
}

type integrationWebhookRetryCmd struct {
	Call string `arg:""`
}

func (c *integrationWebhooksCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.integration.Webhooks(ctx, connect.NewRequest(&mostradorv1.ListWebhooksRequest{}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("id", "name", "state", "pending", "last", "events", "url", "error")
		for _, h := range resp.Msg.GetWebhooks() {
			rows.add(h.GetId(), h.GetName(), s.webhookState(h), strconv.FormatUint(h.GetPending(), 10), s.time(h.GetLastSuccess()),
				strings.Join(h.GetEvents(), ", "), h.GetUrl(), h.GetLastError())
		}
		rows.print()
	})
}

func (s *session) webhookState(h *mostradorv1.Webhook) string {
	switch {
	case h.GetSetAside():
		return s.say("webhook_set_aside")
	case h.GetEnabled():
		return s.say("webhook_on")
	}
	return s.say("webhook_off")
}

// findWebhook finds a webhook by its id or name; nil when there is none.
func (s *session) findWebhook(ctx context.Context, key string) (*mostradorv1.Webhook, error) {
	api, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := api.integration.Webhooks(ctx, connect.NewRequest(&mostradorv1.ListWebhooksRequest{}))
	if err != nil {
		return nil, err
	}
	for _, h := range resp.Msg.GetWebhooks() {
		if h.GetId() == key || strings.EqualFold(h.GetName(), strings.TrimSpace(key)) {
			return h, nil
		}
	}
	return nil, nil
}

// webhook is findWebhook that refuses when there is none.
func (s *session) webhook(ctx context.Context, key string) (*mostradorv1.Webhook, error) {
	h, err := s.findWebhook(ctx, key)
	if err == nil && h == nil {
		err = s.fault("no_webhook", "name", key)
	}
	return h, err
}

// Run makes a webhook, or changes the one of that name or id; what is not given stays as it is.
func (c *integrationWebhookPutCmd) Run(ctx context.Context, s *session) error {
	h, err := s.findWebhook(ctx, c.Hook)
	if err != nil {
		return err
	}
	if h == nil {
		h = &mostradorv1.Webhook{Name: c.Hook, Enabled: true}
	}
	if c.URL != "" {
		h.Url = c.URL
	}
	if len(c.Events) > 0 {
		h.Events = c.Events
	}
	h.Enabled = (h.Enabled || c.On) && !c.Off
	h.Personal = (h.Personal || c.Personal) && !c.Impersonal
	resp, err := s.api.integration.PutWebhook(ctx, connect.NewRequest(&mostradorv1.PutWebhookRequest{Webhook: h, NewSecret: c.NewSecret}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		h := resp.Msg.GetWebhook()
		s.print("webhook_kept", "name", h.GetName(), "id", h.GetId(), "state", s.webhookState(h))
		if h.GetSecret() != "" {
			s.print("webhook_secret", "secret", h.GetSecret())
		}
	})
}

func (c *integrationWebhookDeleteCmd) Run(ctx context.Context, s *session) error {
	h, err := s.webhook(ctx, c.Hook)
	if err != nil {
		return err
	}
	resp, err := s.api.integration.DeleteWebhook(ctx, connect.NewRequest(&mostradorv1.DeleteWebhookRequest{Id: h.GetId()}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("webhook_deleted", "name", h.GetName()) })
}

func (c *integrationWebhookTestCmd) Run(ctx context.Context, s *session) error {
	h, err := s.webhook(ctx, c.Hook)
	if err != nil {
		return err
	}
	resp, err := s.api.integration.TestWebhook(ctx, connect.NewRequest(&mostradorv1.TestWebhookRequest{Id: h.GetId()}))
	if err != nil {
		return err
	}
	return s.callAnswer(resp.Msg.GetCall())
}

// callAnswer says what became of a call; one that was not taken is a refusal.
func (s *session) callAnswer(c *mostradorv1.WebhookCall) error {
	if c.GetDone() == nil {
		return s.fault("call_refused", "answer", c.GetAnswer())
	}
	return s.answer(c, func() { s.print("call_taken", "status", c.GetStatus()) })
}

func (c *integrationWebhookCallsCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	req := &mostradorv1.ListCallsRequest{Limit: c.Limit, Page: c.Page}
	if c.Hook != "" {
		h, err := s.webhook(ctx, c.Hook)
		if err != nil {
			return err
		}
		req.Webhook = h.GetId()
	}
	resp, err := api.integration.Calls(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("id", "type", "time", "state", "attempts", "next_attempt", "answer")
		for _, call := range resp.Msg.GetCalls() {
			rows.add(call.GetId(), call.GetType(), s.time(call.GetCreated()), s.callState(call), strconv.Itoa(int(call.GetAttempts())),
				s.time(call.GetNextAttempt()), call.GetAnswer())
		}
		rows.print()
		s.nextPage(resp.Msg.GetNextPage())
	})
}

func (s *session) callState(c *mostradorv1.WebhookCall) string {
	switch {
	case c.GetDone() != nil:
		return s.say("call_done")
	case c.GetFailed():
		return s.say("call_failed")
	}
	return s.say("call_waits")
}

func (c *integrationWebhookRetryCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.integration.RetryCall(ctx, connect.NewRequest(&mostradorv1.RetryCallRequest{Id: c.Call}))
	if err != nil {
		return err
	}
	return s.callAnswer(resp.Msg.GetCall())
}
