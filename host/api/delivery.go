package api

import (
	"context"
	"errors"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/message/delivery"
)

// deliveryServer serves what became of mails.
type deliveryServer struct{ *server }

// Dashboard counts what left, arrived, bounced, was opened and complained of.
func (s messageServer) Dashboard(ctx context.Context, req *connect.Request[mostradorv1.DashboardRequest]) (*connect.Response[mostradorv1.DashboardResponse], error) {
	if s.Delivery == nil {
		return nil, connect.NewError(connect.CodeUnimplemented, errors.New("this store does not supervise its mails"))
	}
	return answered(s.Delivery.Dashboard(ctx, req.Msg))
}

// answered is a service's answer as a call returns it.
func answered[T any](msg *T, err error) (*connect.Response[T], error) {
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(msg), nil
}

// Addresses lists what is known of addresses, those with trouble first.
func (s deliveryServer) Addresses(ctx context.Context, req *connect.Request[mostradorv1.ListAddressesRequest]) (*connect.Response[mostradorv1.ListAddressesResponse], error) {
	query := proto.CloneOf(req.Msg)
	query.Limit = int32(bound(query.GetLimit()))
	return answered(s.Delivery.Addresses(ctx, query))
}

// Suppress stops all mail to an address.
func (s deliveryServer) Suppress(ctx context.Context, req *connect.Request[mostradorv1.SuppressRequest]) (*connect.Response[mostradorv1.SuppressResponse], error) {
	a, err := s.Delivery.Suppress(ctx, actorOf(ctx), req.Msg.GetEmail(), req.Msg.GetNote())
	return answered(&mostradorv1.SuppressResponse{Address: a}, err)
}

// Release lets an address get mail again.
func (s deliveryServer) Release(ctx context.Context, req *connect.Request[mostradorv1.ReleaseRequest]) (*connect.Response[mostradorv1.ReleaseResponse], error) {
	a, err := s.Delivery.Release(ctx, actorOf(ctx), req.Msg.GetEmail(), req.Msg.GetNote())
	return answered(&mostradorv1.ReleaseResponse{Address: a}, err)
}

// Reports lists what came in about mails, newest first.
func (s deliveryServer) Reports(ctx context.Context, req *connect.Request[mostradorv1.ListReportsRequest]) (*connect.Response[mostradorv1.ListReportsResponse], error) {
	query := proto.CloneOf(req.Msg)
	query.Limit = int32(bound(query.GetLimit()))
	return answered(s.Delivery.Reports(ctx, query))
}

// GetReport returns a report with its mail. What came back quotes the mail that left, whose links are the customer's: below
// a technician they are blotted out, and the raw mail is not there.
func (s deliveryServer) GetReport(ctx context.Context, req *connect.Request[mostradorv1.GetReportRequest]) (*connect.Response[mostradorv1.GetReportResponse], error) {
	got, err := s.Delivery.Report(ctx, req.Msg.GetId())
	if err == nil && callOf(ctx).role < mostradorv1.Role_ROLE_TECHNICIAN {
		got.Eml = nil
		blot(got.GetMail())
	}
	return answered(got, err)
}

// Settle says what a report is that was not understood.
func (s deliveryServer) Settle(ctx context.Context, req *connect.Request[mostradorv1.SettleReportRequest]) (*connect.Response[mostradorv1.SettleReportResponse], error) {
	r, err := s.Delivery.Settle(ctx, actorOf(ctx), req.Msg)
	return answered(&mostradorv1.SettleReportResponse{Report: r}, err)
}

// Receive takes one raw mail.
func (s deliveryServer) Receive(ctx context.Context, req *connect.Request[mostradorv1.ReceiveRequest]) (*connect.Response[mostradorv1.ReceiveResponse], error) {
	r, err := s.Delivery.Receive(ctx, "http", req.Msg.GetEml(), req.Msg.GetRecipient())
	return answered(&mostradorv1.ReceiveResponse{Report: r}, err)
}

// Fetch reads the mailboxes now. What a mailbox says is the technician's to read.
func (s deliveryServer) Fetch(ctx context.Context, _ *connect.Request[mostradorv1.FetchRequest]) (*connect.Response[mostradorv1.FetchResponse], error) {
	n, err := s.Delivery.Fetch(ctx)
	if err != nil && !errors.Is(err, delivery.ErrNoMailbox) && ctx.Err() == nil {
		err = sentence(connect.CodeFailedPrecondition, "mailbox_failed", s.text(ctx, "mailbox_failed", "problem", s.Delivery.Explain(s.lang(ctx), err)))
	}
	return answered(&mostradorv1.FetchResponse{Mails: n}, err)
}

// Doctor looks at a domain and says what to put into DNS.
func (s deliveryServer) Doctor(ctx context.Context, req *connect.Request[mostradorv1.DoctorRequest]) (*connect.Response[mostradorv1.DoctorResponse], error) {
	findings, err := s.Config.Doctor(ctx, req.Msg.GetDomain())
	return answered(&mostradorv1.DoctorResponse{Findings: findings}, err)
}
