package api

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"connectrpc.com/connect"
	"github.com/hashicorp/go-hclog"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/host/locale"
	"mostrador/sdk/plgv1"
)

// The headers of a call, besides "Authorization: Bearer TOKEN".
const (
	// HeaderTill names the till that the call is recorded under.
	HeaderTill = "Mostrador-Till"
	// HeaderChannel is the way in that the call is recorded under: gui, cli or api.
	HeaderChannel = "Mostrador-Channel"
	// HeaderLanguage is the language of sentences (RFC 9110); without it, the store's.
	HeaderLanguage = "Accept-Language"
	// HeaderRequest comes back with every answer and stands in the log.
	HeaderRequest = "Mostrador-Request"
)

// localOperator is under what name the home folder's owner is recorded.
const localOperator = "administrador local"

// usualDeadline ends a call that takes longer, unless deadlines says otherwise.
const usualDeadline = 15 * time.Second

// deadlines are of calls that wait for something slow: a mail server, a plugin, the whole ledger.
var deadlines = map[string]time.Duration{
	mostradorv1connect.SettingServiceSendTestProcedure:        2 * time.Minute,
	mostradorv1connect.SettingServiceSetProcedure:             time.Minute,
	mostradorv1connect.CustomerServiceRunProcedure:            time.Minute,
	mostradorv1connect.PluginServiceEnableProcedure:           time.Minute,
	mostradorv1connect.PluginServiceDisableProcedure:          time.Minute,
	mostradorv1connect.PluginServiceInspectProcedure:          time.Minute,
	mostradorv1connect.PluginServiceInstallProcedure:          3 * time.Minute,
	mostradorv1connect.PluginServiceRollbackProcedure:         3 * time.Minute,
	mostradorv1connect.PluginServiceCheckProcedure:            time.Minute,
	mostradorv1connect.EventServiceRetryParkedProcedure:       time.Minute,
	mostradorv1connect.IntegrationServiceTestWebhookProcedure: 30 * time.Second,
	mostradorv1connect.IntegrationServiceRetryCallProcedure:   30 * time.Second,
	mostradorv1connect.ConsentServiceVerifyProcedure:          10 * time.Minute,
	mostradorv1connect.DeliveryServiceFetchProcedure:          6 * time.Minute,
	mostradorv1connect.DeliveryServiceDoctorProcedure:         time.Minute,
}

// call is who calls, as the interceptor found out.
type call struct {
	id    string
	actor *plgv1.Actor
	role  mostradorv1.Role
	token string
}

type callKey struct{}

// callOf returns the call that a handler serves.
func callOf(ctx context.Context) *call {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		return &call{actor: new(plgv1.Actor)}
	}
	return c
}

// actorOf returns who is to be recorded for what a handler does.
func actorOf(ctx context.Context) *plgv1.Actor { return callOf(ctx).actor }

// calls is the interceptor that every call passes.
type calls struct{ *server }

// WrapUnary implements connect.Interceptor.
func (c *calls) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (resp connect.AnyResponse, err error) {
		if req.Spec().IsClient {
			return next(ctx, req)
		}
		procedure := req.Spec().Procedure
		limit := usualDeadline
		if d, ok := deadlines[procedure]; ok {
			limit = d
		}
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		lang := ""
		switch m := req.Any().(type) {
		case *mostradorv1.PreviewTemplateRequest, *mostradorv1.ListTemplateVersionsRequest:
			// It is the language of a text there, not of who asks.
		case interface{ GetLanguage() string }:
			lang = m.GetLanguage()
		}
		ctx, who := c.enter(ctx, req.Header(), req.Peer(), lang)
		defer c.leave(ctx, procedure, who, time.Now(), &err)
		if ctx, err = c.admit(ctx, procedure, who); err != nil {
			return nil, err
		}
		if resp, err = next(ctx, req); err == nil {
			resp.Header().Set(HeaderRequest, who.id)
		}
		return resp, err
	}
}

// WrapStreamingClient implements connect.Interceptor.
func (c *calls) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements connect.Interceptor. A stream has no deadline.
func (c *calls) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) (err error) {
		procedure := conn.Spec().Procedure
		ctx, who := c.enter(ctx, conn.RequestHeader(), conn.Peer(), "")
		defer c.leave(ctx, procedure, who, time.Now(), &err)
		if ctx, err = c.admit(ctx, procedure, who); err != nil {
			return err
		}
		conn.ResponseHeader().Set(HeaderRequest, who.id)
		return next(ctx, conn)
	}
}

// enter reads what the headers say of the caller. The language is the one that the request names, else that of
// its header, else the store's.
func (c *calls) enter(ctx context.Context, header http.Header, peer connect.Peer, lang string) (context.Context, *call) {
	who := &call{id: rand.Text()[:12], actor: &plgv1.Actor{
		Till:      clean(header.Get(HeaderTill), 40),
		Channel:   channel(ctx, header),
		UserAgent: clean(header.Get("User-Agent"), 200),
	}}
	if host, _, err := net.SplitHostPort(peer.Addr); err == nil {
		who.actor.Ip = host
	}
	if token, ok := strings.CutPrefix(header.Get("Authorization"), "Bearer "); ok {
		who.token = token
	}
	if lang == "" {
		lang, _, _ = strings.Cut(header.Get(HeaderLanguage), ",")
		lang, _, _ = strings.Cut(lang, ";")
	}
	if lang = strings.TrimSpace(lang); lang == "" || lang == "*" {
		lang = c.Status().GetLanguage()
	}
	return locale.NewContext(context.WithValue(ctx, callKey{}, who), c.Text.Language(lang)), who
}

// admit finds the session and holds it against the procedure's role.
func (c *calls) admit(ctx context.Context, procedure string, who *call) (context.Context, error) {
	least, known := roles[procedure]
	if !known {
		return ctx, connect.NewError(connect.CodePermissionDenied, errors.New("the procedure has no role"))
	}
	switch {
	case who.token != "":
		operator, err := c.Access.Session(ctx, who.token)
		switch {
		case err == nil:
			who.actor.Operator, who.role = operator.GetName(), operator.GetRole()
		case least != open:
			return ctx, err
		}
	case isLocal(ctx):
		who.actor.Operator, who.role = localOperator, mostradorv1.Role_ROLE_ADMINISTRATOR
	}
	switch {
	case least == open:
		return ctx, nil
	case who.role == mostradorv1.Role_ROLE_UNSPECIFIED:
		return ctx, c.unauthenticated(ctx)
	default:
		return ctx, c.need(ctx, least)
	}
}

// largeForTechnicians has a request that is longer than readLimit read only when it comes from somebody who may send
// such: an interceptor sees a call when its whole body is in memory already.
func (s *server) largeForTechnicians(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength >= 0 && r.ContentLength <= readLimit {
			next.ServeHTTP(w, r)
			return
		}
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		may := token == "" && isLocal(r.Context())
		if token != "" {
			operator, err := s.Access.Session(r.Context(), token)
			may = err == nil && operator.GetRole() >= mostradorv1.Role_ROLE_TECHNICIAN
		}
		if !may {
			r.Body = http.MaxBytesReader(w, r.Body, readLimit)
		}
		next.ServeHTTP(w, r)
	})
}

// leave ends a call: a panic becomes an error, an error becomes what the caller may read, and the log gets a
// line without personal data.
func (c *calls) leave(ctx context.Context, procedure string, who *call, began time.Time, err *error) {
	logger := c.Logger.With("procedure", procedure, "request", who.id)
	if r := recover(); r != nil {
		logger.Error("panic in a call", "panic", hclog.Fmt("%v", r), "stack", string(debug.Stack()))
		*err = c.internal(ctx)
	} else if *err != nil {
		*err = c.explain(ctx, *err, logger)
	}
	code := "ok"
	if *err != nil {
		code = connect.CodeOf(*err).String()
		var failed *connect.Error
		if errors.As(*err, &failed) {
			failed.Meta().Set(HeaderRequest, who.id)
		}
	}
	logger.Debug("call", "code", code, "took", time.Since(began).Round(time.Microsecond), "channel", who.actor.GetChannel())
}

// channel is the way in: what a client says that it is, where that is one of ours.
func channel(ctx context.Context, header http.Header) string {
	switch said := header.Get(HeaderChannel); said {
	case "gui", "cli", "api":
		return said
	}
	if isLocal(ctx) && !strings.HasPrefix(header.Get("Authorization"), "Bearer ") {
		return "cli"
	}
	return "api"
}

// clean keeps a header's value short and free of control characters, for it is kept with what was done.
func clean(value string, most int) string {
	value = strings.ToValidUTF8(value, "")
	value = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, value)
	if runes := []rune(strings.TrimSpace(value)); len(runes) > most {
		return string(runes[:most])
	}
	return strings.TrimSpace(value)
}
