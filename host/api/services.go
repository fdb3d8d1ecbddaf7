package api

import (
	"context"
	"errors"

	"connectrpc.com/connect"

	"mostrador/host/access"
	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Status says what a screen must know before anybody signs in.
func (s accessServer) Status(ctx context.Context, _ *connect.Request[mostradorv1.StatusRequest]) (*connect.Response[mostradorv1.StatusResponse], error) {
	needed, err := s.Access.NeedsSetup()
	if err != nil {
		return nil, err
	}
	status := s.Config.Status()
	status.NeedsSetup, status.Version = needed, s.Version
	return connect.NewResponse(status), nil
}

// Setup makes the first technician.
func (s accessServer) Setup(ctx context.Context, req *connect.Request[mostradorv1.SetupRequest]) (*connect.Response[mostradorv1.SignInResponse], error) {
	return signedIn(s.Access.Setup(ctx, actorOf(ctx), req.Msg.GetName(), req.Msg.GetPin()))
}

// SignIn opens a session by name and PIN, or by badge.
func (s accessServer) SignIn(ctx context.Context, req *connect.Request[mostradorv1.SignInRequest]) (*connect.Response[mostradorv1.SignInResponse], error) {
	if req.Msg.GetBadge() != "" {
		return signedIn(s.Access.SignInBadge(ctx, actorOf(ctx), req.Msg.GetBadge()))
	}
	return signedIn(s.Access.SignIn(ctx, actorOf(ctx), req.Msg.GetName(), req.Msg.GetPin()))
}

func signedIn(token string, operator *mostradorv1.Operator, err error) (*connect.Response[mostradorv1.SignInResponse], error) {
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.SignInResponse{Token: token, Operator: operator}), nil
}

// SignOut ends the session of the call.
func (s accessServer) SignOut(ctx context.Context, _ *connect.Request[mostradorv1.SignOutRequest]) (*connect.Response[mostradorv1.SignOutResponse], error) {
	if token := callOf(ctx).token; token != "" {
		if err := s.Access.SignOut(ctx, actorOf(ctx), token); err != nil && !errors.Is(err, access.ErrNoSession) {
			return nil, err
		}
		s.Hub.recheck()
	}
	return connect.NewResponse(&mostradorv1.SignOutResponse{}), nil
}

// ListOperators lists all operators by name.
func (s accessServer) ListOperators(context.Context, *connect.Request[mostradorv1.ListOperatorsRequest]) (*connect.Response[mostradorv1.ListOperatorsResponse], error) {
	operators, err := s.Access.Operators()
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ListOperatorsResponse{Operators: operators}), nil
}

// PutOperator creates or changes an operator.
func (s accessServer) PutOperator(ctx context.Context, req *connect.Request[mostradorv1.PutOperatorRequest]) (*connect.Response[mostradorv1.PutOperatorResponse], error) {
	operator := req.Msg.GetOperator()
	if operator == nil {
		operator = new(mostradorv1.Operator)
	}
	kept, err := s.Access.Put(ctx, actorOf(ctx), callOf(ctx).role, operator, req.Msg.GetPin(), req.Msg.GetBadge())
	if err != nil {
		return nil, err
	}
	s.Hub.recheck()
	return connect.NewResponse(&mostradorv1.PutOperatorResponse{Operator: kept}), nil
}

// Show returns a customer's consent with its evidence.
func (s consentServer) Show(ctx context.Context, req *connect.Request[mostradorv1.ShowConsentRequest]) (*connect.Response[mostradorv1.ShowConsentResponse], error) {
	var shown *mostradorv1.ShowConsentResponse
	err := s.Store.View(func(tx *store.Tx) (err error) {
		if _, err = s.Customers.Get(tx, req.Msg.GetCustomerId()); err != nil {
			return err
		}
		shown, err = s.Consent.Show(tx, req.Msg.GetCustomerId())
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(shown), nil
}

// Verify walks the whole hash chain.
func (s consentServer) Verify(ctx context.Context, _ *connect.Request[mostradorv1.VerifyConsentRequest]) (*connect.Response[mostradorv1.VerifyConsentResponse], error) {
	verified, err := s.Consent.Verify(ctx)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(verified), nil
}

// Record keeps a sale.
func (s saleServer) Record(ctx context.Context, req *connect.Request[mostradorv1.RecordSaleRequest]) (*connect.Response[mostradorv1.RecordSaleResponse], error) {
	minor, err := s.Sales.Amount(ctx, req.Msg.GetAmount())
	if err != nil {
		return nil, err
	}
	id := ""
	if key := req.Msg.GetCustomer(); key != "" {
		c, err := s.Customers.Find(ctx, key)
		if err != nil {
			return nil, err
		}
		id = c.GetId()
	}
	kept, repeated, err := s.Sales.Record(ctx, actorOf(ctx), req.Msg.GetReceipt(), id, minor, req.Msg.GetLines()...)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.RecordSaleResponse{Sale: kept, Repeated: repeated}), nil
}

// Refund gives back all or a part of a sale.
func (s saleServer) Refund(ctx context.Context, req *connect.Request[mostradorv1.RefundSaleRequest]) (*connect.Response[mostradorv1.RefundSaleResponse], error) {
	var minor int64
	if amount := req.Msg.GetAmount(); amount != "" {
		var err error
		if minor, err = s.Sales.Amount(ctx, amount); err != nil {
			return nil, err
		}
		if minor == 0 { // to Refund, 0 means all that is left
			return nil, s.wrong(ctx, "amount", "amount_zero")
		}
	}
	kept, repeated, err := s.Sales.Refund(ctx, actorOf(ctx), req.Msg.GetReceipt(), minor, req.Msg.GetRefundReceipt())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.RefundSaleResponse{Sale: kept, Repeated: repeated}), nil
}

// Get returns the sale of a receipt.
func (s saleServer) Get(_ context.Context, req *connect.Request[mostradorv1.GetSaleRequest]) (*connect.Response[mostradorv1.GetSaleResponse], error) {
	kept, err := s.Sales.Get(req.Msg.GetReceipt())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.GetSaleResponse{Sale: kept}), nil
}

// List returns sales, newest first.
func (s saleServer) List(_ context.Context, req *connect.Request[mostradorv1.ListSalesRequest]) (*connect.Response[mostradorv1.ListSalesResponse], error) {
	sales, err := s.Sales.List(req.Msg.GetCustomerId(), bound(req.Msg.GetLimit()))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.ListSalesResponse{Sales: sales}), nil
}

// List returns events of the log.
func (s eventServer) List(_ context.Context, req *connect.Request[mostradorv1.ListEventsRequest]) (*connect.Response[mostradorv1.ListEventsResponse], error) {
	resp := new(mostradorv1.ListEventsResponse)
	err := s.Store.View(func(tx *store.Tx) (err error) {
		resp.Events, err = s.Log.List(tx, event.Query{
			After: req.Msg.GetAfter(), Customer: req.Msg.GetCustomerId(), Type: req.Msg.GetType(),
			Newest: req.Msg.GetNewest(), Limit: bound(req.Msg.GetLimit()),
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(resp), nil
}

// Parked lists the events that a plugin could not handle.
func (s eventServer) Parked(context.Context, *connect.Request[mostradorv1.ParkedRequest]) (*connect.Response[mostradorv1.ParkedResponse], error) {
	resp := new(mostradorv1.ParkedResponse)
	err := s.Store.View(func(tx *store.Tx) (err error) {
		resp.Events, err = s.Engine.Parked(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(resp), nil
}

// RetryParked delivers a parked event again, and says why when it fails again.
func (s eventServer) RetryParked(ctx context.Context, req *connect.Request[mostradorv1.RetryParkedRequest]) (*connect.Response[mostradorv1.RetryParkedResponse], error) {
	err := s.Engine.RetryParked(ctx, req.Msg.GetPlugin(), req.Msg.GetSequence())
	for _, ours := range []error{nil, event.ErrNotParked, event.ErrUnavailable, event.ErrClosed, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, ours) {
			if err != nil {
				return nil, err
			}
			return connect.NewResponse(&mostradorv1.RetryParkedResponse{}), nil
		}
	}
	return nil, sentence(connect.CodeFailedPrecondition, "failed_again", s.text(ctx, "failed_again", "problem", err))
}

// DiscardParked gives up a parked event.
func (s eventServer) DiscardParked(ctx context.Context, req *connect.Request[mostradorv1.DiscardParkedRequest]) (*connect.Response[mostradorv1.DiscardParkedResponse], error) {
	if err := s.Engine.DiscardParked(ctx, req.Msg.GetPlugin(), req.Msg.GetSequence()); err != nil {
		return nil, err
	}
	return connect.NewResponse(&mostradorv1.DiscardParkedResponse{}), nil
}

// Watch tells what changes until the client goes or its session ends.
func (s eventServer) Watch(ctx context.Context, _ *connect.Request[mostradorv1.WatchRequest], stream *connect.ServerStream[mostradorv1.WatchResponse]) error {
	may := func(ctx context.Context) error {
		token := callOf(ctx).token
		if token == "" {
			return nil // the local administrator
		}
		_, err := s.Access.Session(ctx, token)
		return err
	}
	return s.Hub.watch(ctx, may, stream.Send)
}

// wrong is a refusal of what was given for a field.
func (s *server) wrong(ctx context.Context, path, key string, args ...any) error {
	return refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{{
		Severity: plgv1.Severity_SEVERITY_ERROR, Summary: s.text(ctx, key, args...), Path: path, Code: key,
	}}})
}
