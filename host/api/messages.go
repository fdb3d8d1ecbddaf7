package api

import (
	"context"
	"regexp"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

// List returns messages, newest first.
func (s messageServer) List(ctx context.Context, req *connect.Request[mostradorv1.ListMessagesRequest]) (*connect.Response[mostradorv1.ListMessagesResponse], error) {
	query := proto.CloneOf(req.Msg)
	query.Limit = int32(bound(query.GetLimit()))
	list, err := s.Messages.List(ctx, query)
	if err != nil {
		return nil, err
	}
	for _, m := range list.GetMessages() {
		m.Tokens = nil
	}
	return connect.NewResponse(list), nil
}

// Get returns a message and its mail. The links in it are the customer's: whoever may open them can accept in
// his name, so below a technician they are blotted out, and the raw mail is not to be had.
func (s messageServer) Get(ctx context.Context, req *connect.Request[mostradorv1.GetMessageRequest]) (*connect.Response[mostradorv1.GetMessageResponse], error) {
	sees := callOf(ctx).role >= mostradorv1.Role_ROLE_TECHNICIAN
	if req.Msg.GetEml() && !sees {
		return nil, s.need(ctx, mostradorv1.Role_ROLE_TECHNICIAN)
	}
	got, err := s.Messages.Get(ctx, req.Msg.GetId())
	if err != nil {
		return nil, err
	}
	if !req.Msg.GetEml() {
		got.Eml = nil
	}
	got.GetMessage().Tokens = nil
	if !sees {
		blot(got.GetMail())
	}
	return connect.NewResponse(got), nil
}

// Retry sends a failed message again.
func (s messageServer) Retry(ctx context.Context, req *connect.Request[mostradorv1.RetryMessageRequest]) (*connect.Response[mostradorv1.RetryMessageResponse], error) {
	m, err := s.Messages.Retry(ctx, req.Msg.GetId())
	if err != nil {
		return nil, err
	}
	m.Tokens = nil
	return connect.NewResponse(&mostradorv1.RetryMessageResponse{Message: m}), nil
}

// RetryFailed sends again just those that failed.
func (s messageServer) RetryFailed(ctx context.Context, req *connect.Request[mostradorv1.RetryFailedRequest]) (*connect.Response[mostradorv1.RetryFailedResponse], error) {
	n, err := s.Messages.RetryFailed(ctx, req.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.RetryFailedResponse{Messages: n}), nil
}

// Cancel takes back a message that has not left.
func (s messageServer) Cancel(ctx context.Context, req *connect.Request[mostradorv1.CancelMessageRequest]) (*connect.Response[mostradorv1.CancelMessageResponse], error) {
	m, err := s.Messages.Cancel(ctx, actorOf(ctx), req.Msg.GetId())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.CancelMessageResponse{Message: m}), nil
}

// Why says why a message was or was not sent, or whether a customer would get one.
func (s messageServer) Why(ctx context.Context, req *connect.Request[mostradorv1.WhyMessageRequest]) (*connect.Response[mostradorv1.WhyMessageResponse], error) {
	if req.Msg.GetId() == "" {
		err := s.Store.View(func(tx *store.Tx) error {
			_, err := s.Customers.Get(tx, req.Msg.GetCustomerId())
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	why, err := s.Messages.Why(ctx, req.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(why), nil
}

// links finds the sealed token of a link to the web pages.
var links = regexp.MustCompile(`(/[abpmu]/)[A-Za-z0-9_=.~%-]{16,}`)

// blot takes the sealed tokens out of a mail.
func blot(mail *mostradorv1.RenderedMail) {
	if mail == nil {
		return
	}
	out := func(text string) string { return links.ReplaceAllString(text, "${1}••••") }
	mail.Html, mail.Text = out(mail.GetHtml()), out(mail.GetText())
	for _, h := range mail.GetHeaders() {
		h.Value = out(h.GetValue())
	}
}
