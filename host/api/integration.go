package api

import (
	"context"
	"errors"
	"net/http"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/intake"
	"mostrador/host/webhook"
)

// integrationServer serves what other systems tell the store, and what the store tells them.
type integrationServer struct{ *server }

// Types returns the events that other systems may tell.
func (s integrationServer) Types(ctx context.Context, _ *connect.Request[mostradorv1.ListEventTypesRequest]) (*connect.Response[mostradorv1.ListEventTypesResponse], error) {
	types, err := s.Intake.Types(ctx)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ListEventTypesResponse{Types: types}), nil
}

// PutType keeps a type of the store's own.
func (s integrationServer) PutType(ctx context.Context, req *connect.Request[mostradorv1.PutEventTypeRequest]) (*connect.Response[mostradorv1.PutEventTypeResponse], error) {
	kept, err := s.Intake.PutType(ctx, actorOf(ctx), req.Msg.GetType())
	if err != nil {
		return nil, intakeError(err)
	}
	return connect.NewResponse(&mostradorv1.PutEventTypeResponse{Type: kept}), nil
}

// DeleteType takes a type of the store's own away.
func (s integrationServer) DeleteType(ctx context.Context, req *connect.Request[mostradorv1.DeleteEventTypeRequest]) (*connect.Response[mostradorv1.DeleteEventTypeResponse], error) {
	if err := s.Intake.DeleteType(ctx, actorOf(ctx), req.Msg.GetType()); err != nil {
		return nil, intakeError(err)
	}
	return connect.NewResponse(&mostradorv1.DeleteEventTypeResponse{}), nil
}

// Post takes one event in, told by staff.
func (s integrationServer) Post(ctx context.Context, req *connect.Request[mostradorv1.PostEventRequest]) (*connect.Response[mostradorv1.PostEventResponse], error) {
	resp, err := s.Intake.Post(ctx, intake.Sender{Actor: actorOf(ctx)}, req.Msg)
	if err != nil {
		return nil, intakeError(err)
	}
	return connect.NewResponse(resp), nil
}

// Keys returns the API keys, without their secrets.
func (s integrationServer) Keys(context.Context, *connect.Request[mostradorv1.ListKeysRequest]) (*connect.Response[mostradorv1.ListKeysResponse], error) {
	keys, err := s.Intake.Keys()
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ListKeysResponse{Keys: keys}), nil
}

// CreateKey makes an API key; its secret is in this answer and nowhere else.
func (s integrationServer) CreateKey(ctx context.Context, req *connect.Request[mostradorv1.CreateKeyRequest]) (*connect.Response[mostradorv1.CreateKeyResponse], error) {
	key, secret, err := s.Intake.CreateKey(ctx, actorOf(ctx), req.Msg.GetName(), req.Msg.GetTypes())
	if err != nil {
		return nil, intakeError(err)
	}
	return connect.NewResponse(&mostradorv1.CreateKeyResponse{Key: key, Secret: secret}), nil
}

// RevokeKey closes the door to whoever has a key.
func (s integrationServer) RevokeKey(ctx context.Context, req *connect.Request[mostradorv1.RevokeKeyRequest]) (*connect.Response[mostradorv1.RevokeKeyResponse], error) {
	if err := s.Intake.RevokeKey(ctx, actorOf(ctx), req.Msg.GetId()); err != nil {
		return nil, intakeError(err)
	}
	return connect.NewResponse(&mostradorv1.RevokeKeyResponse{}), nil
}

// Webhooks returns the webhooks, with what waits for each.
func (s integrationServer) Webhooks(ctx context.Context, _ *connect.Request[mostradorv1.ListWebhooksRequest]) (*connect.Response[mostradorv1.ListWebhooksResponse], error) {
	list, err := s.Config.Webhooks.List(ctx)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ListWebhooksResponse{Webhooks: list}), nil
}

// PutWebhook keeps a webhook; the answer has its secret when that is new.
func (s integrationServer) PutWebhook(ctx context.Context, req *connect.Request[mostradorv1.PutWebhookRequest]) (*connect.Response[mostradorv1.PutWebhookResponse], error) {
	kept, err := s.Config.Webhooks.Put(ctx, actorOf(ctx), req.Msg.GetWebhook(), req.Msg.GetNewSecret())
	if err != nil {
		return nil, s.webhookError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.PutWebhookResponse{Webhook: kept}), nil
}

// DeleteWebhook takes a webhook away.
func (s integrationServer) DeleteWebhook(ctx context.Context, req *connect.Request[mostradorv1.DeleteWebhookRequest]) (*connect.Response[mostradorv1.DeleteWebhookResponse], error) {
	if err := s.Config.Webhooks.Delete(ctx, actorOf(ctx), req.Msg.GetId()); err != nil {
		return nil, s.webhookError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.DeleteWebhookResponse{}), nil
}

// TestWebhook sends an example.
func (s integrationServer) TestWebhook(ctx context.Context, req *connect.Request[mostradorv1.TestWebhookRequest]) (*connect.Response[mostradorv1.TestWebhookResponse], error) {
	call, err := s.Config.Webhooks.Test(ctx, req.Msg.GetId())
	if err != nil {
		return nil, s.webhookError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.TestWebhookResponse{Call: call}), nil
}

// Calls returns what became of events, the newest of each webhook first.
func (s integrationServer) Calls(ctx context.Context, req *connect.Request[mostradorv1.ListCallsRequest]) (*connect.Response[mostradorv1.ListCallsResponse], error) {
	calls, next, err := s.Config.Webhooks.Calls(ctx, req.Msg.GetWebhook(), bound(req.Msg.GetLimit()), req.Msg.GetPage())
	if err != nil {
		return nil, s.webhookError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.ListCallsResponse{Calls: calls, NextPage: next}), nil
}

// RetryCall makes a call again.
func (s integrationServer) RetryCall(ctx context.Context, req *connect.Request[mostradorv1.RetryCallRequest]) (*connect.Response[mostradorv1.RetryCallResponse], error) {
	call, err := s.Config.Webhooks.RetryCall(ctx, req.Msg.GetId())
	if err != nil {
		return nil, s.webhookError(ctx, err)
	}
	return connect.NewResponse(&mostradorv1.RetryCallResponse{Call: call}), nil
}

// intakeError is a refusal of the intake as Connect has it.
func intakeError(err error) error {
	var no *intake.Refused
	if !errors.As(err, &no) {
		return err
	}
	code := connect.CodeInvalidArgument
	switch no.Status {
	case http.StatusNotFound:
		code = connect.CodeNotFound
	case http.StatusConflict:
		code = connect.CodeAlreadyExists
	case http.StatusForbidden:
		code = connect.CodePermissionDenied
	}
	return refuse(code, no.Refusal)
}

func (s *server) webhookError(ctx context.Context, err error) error {
	if errors.Is(err, webhook.ErrNotFound) {
		return sentence(connect.CodeNotFound, "no_webhook", s.Text.Text(s.lang(ctx), "webhook.not_found"))
	}
	return err
}
