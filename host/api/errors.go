package api

import (
	"context"
	"errors"
	"strings"

	"connectrpc.com/connect"
	"github.com/hashicorp/go-hclog"

	"mostrador/configguide"
	"mostrador/host/access"
	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/message"
	"mostrador/host/message/delivery"
	"mostrador/host/model"
	"mostrador/host/plugin"
	"mostrador/host/sale"
	"mostrador/host/segment"
	"mostrador/sdk/plgv1"
)

// ErrNoSetting is what Settings may return for a key that is not in the catalogue.
var ErrNoSetting = errors.New("api: no such setting")

// known are the errors that mean the same wherever they come from: the code, and the sentence's key.
var known = []struct {
	err  error
	code connect.Code
	key  string
}{
	{customer.ErrNotFound, connect.CodeNotFound, "no_customer"},
	{customer.ErrConflict, connect.CodeAborted, "conflict"},
	{model.ErrNotFound, connect.CodeNotFound, "no_field"},
	{model.ErrConflict, connect.CodeAborted, "field_conflict"},
	{segment.ErrNotFound, connect.CodeNotFound, "no_segment"},
	{sale.ErrNotFound, connect.CodeNotFound, "no_sale"},
	{delivery.ErrNoReport, connect.CodeNotFound, "no_report"},
	{delivery.ErrNoMail, connect.CodeInvalidArgument, "no_mail"},
	{delivery.ErrTooLarge, connect.CodeInvalidArgument, "mail_large"},
	{delivery.ErrNoMailbox, connect.CodeFailedPrecondition, "no_mailbox"},
	{message.ErrNotFound, connect.CodeNotFound, "no_message"},
	{message.ErrLeaving, connect.CodeFailedPrecondition, "message_left"},
	{ErrNoSetting, connect.CodeNotFound, "no_setting"},
	{configguide.ErrUnknown, connect.CodeNotFound, "no_setting"},
	{configguide.ErrNoChange, connect.CodeNotFound, "no_change"},
	{plugin.ErrUnknown, connect.CodeNotFound, "no_plugin"},
	{event.ErrNotParked, connect.CodeNotFound, "not_parked"},
	{access.ErrNoSession, connect.CodeUnauthenticated, "no_session"},
	{plugin.ErrHung, connect.CodeFailedPrecondition, "plugin_hung"},
	{plugin.ErrCrashed, connect.CodeFailedPrecondition, "plugin_crashed"},
	{event.ErrUnavailable, connect.CodeFailedPrecondition, "plugin_unavailable"},
	{event.ErrClosed, connect.CodeUnavailable, "closing"},
	{context.DeadlineExceeded, connect.CodeDeadlineExceeded, "too_slow"},
	{context.Canceled, connect.CodeCanceled, "canceled"},
}

// explain turns an error of a service into one that the caller may read. What is nobody's business but the
// technician's goes to the log, and the caller gets the request's name for it.
func (s *server) explain(ctx context.Context, err error, logger hclog.Logger) error {
	var done *connect.Error
	if errors.As(err, &done) {
		return done
	}
	var refused *customer.Refused
	if errors.As(err, &refused) {
		return refuse(refusalCode(refused.Refusal), refused.Refusal)
	}
	var unfit *configguide.Refused
	if errors.As(err, &unfit) {
		return refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: unfit.Diagnostics})
	}
	var denied *access.Denied
	if errors.As(err, &denied) {
		return refuse(deniedCode(denied), &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{denied.Diagnostic}})
	}
	var failed *message.Failed
	if errors.As(err, &failed) {
		return sentence(connect.CodeFailedPrecondition, "mail_failed", failed.Words)
	}
	for _, k := range known {
		if errors.Is(err, k.err) {
			return sentence(k.code, k.key, s.text(ctx, k.key))
		}
	}
	logger.Error("call failed", "error", err)
	return s.internal(ctx)
}

// refusalCode tells what kind of no a refusal is: somebody has that phone already, what was typed is wrong, or
// things stand in a way that does not allow it.
func refusalCode(r *mostradorv1.Refusal) connect.Code {
	if len(r.GetConflicts()) > 0 {
		return connect.CodeAborted
	}
	if len(r.GetDuplicates()) > 0 {
		return connect.CodeAlreadyExists
	}
	for _, d := range r.GetDiagnostics() {
		if d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR && d.GetPath() == "" {
			return connect.CodeFailedPrecondition
		}
	}
	return connect.CodeInvalidArgument
}

func deniedCode(d *access.Denied) connect.Code {
	switch {
	case d.Input():
		return connect.CodeInvalidArgument
	case d.Diagnostic.GetCode() == "setup_done":
		return connect.CodeFailedPrecondition
	case d.Diagnostic.GetCode() == "role":
		return connect.CodePermissionDenied
	}
	return connect.CodeUnauthenticated
}

// refuse returns an error that carries a Refusal: its message is the first sentence.
func refuse(code connect.Code, r *mostradorv1.Refusal) error {
	first := ""
	for _, d := range r.GetDiagnostics() {
		if d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR || first == "" {
			first = d.GetSummary()
		}
		if d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
			break
		}
	}
	err := connect.NewError(code, errors.New(first))
	if detail, detailErr := connect.NewErrorDetail(r); detailErr == nil {
		err.AddDetail(detail)
	}
	return err
}

// sentence is a refusal of one sentence that is about no field.
func sentence(code connect.Code, name, words string) error {
	return refuse(code, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{{
		Severity: plgv1.Severity_SEVERITY_ERROR, Summary: words, Code: name,
	}}})
}

// internal is what a caller reads of a fault that is not his.
func (s *server) internal(ctx context.Context) error {
	return sentence(connect.CodeInternal, "internal", s.text(ctx, "internal", "request", callOf(ctx).id))
}

func (s *server) unauthenticated(ctx context.Context) error {
	return sentence(connect.CodeUnauthenticated, "no_session", s.text(ctx, "no_session"))
}

// need returns nil when the caller's role includes the rights of least.
func (s *server) need(ctx context.Context, least mostradorv1.Role) error {
	if callOf(ctx).role >= least {
		return nil
	}
	return sentence(connect.CodePermissionDenied, "role", s.needs(ctx, least))
}

// needs says which role something is for.
func (s *server) needs(ctx context.Context, least mostradorv1.Role) string {
	return s.text(ctx, "needs_role", "role", s.text(ctx, "role_"+strings.ToLower(strings.TrimPrefix(least.String(), "ROLE_"))))
}
