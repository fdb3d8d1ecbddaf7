// Package uitest is what the tests of the screens stand on: a store with fixed data behind a real HTTP server
// that speaks the real API, a window without a display, and pictures to compare with.
package uitest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/sdk/plgv1"
)

// Start of the fixed day.
var day = time.Date(2026, 3, 9, 9, 30, 0, 0, time.UTC)

func at(minutes int) *timestamppb.Timestamp {
	return timestamppb.New(day.Add(time.Duration(minutes) * time.Minute))
}

// Store is a store with fixed data. Its fields may be changed before the screens ask; Lock while they do.
type Store struct {
	sync.Mutex
	URL string

	NeedsSetup bool
	// Ended makes the store forget the session.
	Ended     bool
	Role      mostradorv1.Role
	Operators []*mostradorv1.Operator
	Customers []*plgv1.Customer
	Sales     []*plgv1.Sale
	Messages  []*mostradorv1.Message
	Settings  []*mostradorv1.Setting
	Changes   []*mostradorv1.SettingChange
	// Import is what the store answers to a file of settings.
	Import  *mostradorv1.ImportSettingsResponse
	Plugins *mostradorv1.ListPluginsResponse
	Parked  []*mostradorv1.ParkedEvent
	Events  []*plgv1.Event
	Points  map[string]int
	// Crowd is how many customers there are beside Customers, made by a formula.
	Crowd int
	// Searches are the searches that were asked for, in order.
	Searches []*mostradorv1.SearchRequest
	Tags     []*mostradorv1.Tag
	Segments []*mostradorv1.Segment
	// Promotions, Codes and OffersKept are those that there are.
	Promotions []*mostradorv1.Promotion
	Codes      []*mostradorv1.PromoCode
	OffersKept []*mostradorv1.Offer
	Terms      []*mostradorv1.Term
	History    []*mostradorv1.HistoryEntry
	Pairs      []*mostradorv1.DuplicatePair
	// Facts and Members are what is known of every customer on the sheet.
	Facts   *mostradorv1.Facts
	Members []string
	// Fields are fields of plug-ins, on form and sheet.
	Fields []*mostradorv1.FieldState
	// Actions and Panels are what further plug-ins add to the sheet, and Contributions to other places.
	Actions       []*mostradorv1.ActionState
	Panels        []*mostradorv1.PanelState
	Contributions map[string]*mostradorv1.ContributionsResponse
	// Answers are what further actions answer, and Forms what they were asked with, by "PLUGIN/ACTION".
	Answers map[string]*plgv1.Result
	Forms   map[string]map[string]string
	// Packages are the files that can be installed, by their content.
	Packages map[string]*mostradorv1.InspectResponse
	// RolledBack is why an installed version was put out of use again.
	RolledBack string
	// Refusal is why no plug-in can be activated.
	Refusal *mostradorv1.Refusal
	// Log is what plug-ins wrote.
	Log *mostradorv1.LogsResponse
	// Machine is what the machine can do to keep plug-ins in bounds.
	Machine []*plgv1.Diagnostic
	// Tasks are those of the background, the newest first.
	Tasks []*mostradorv1.Task
	// Imports are those of customers, the newest first.
	Imports []*mostradorv1.Import
	// Model is the data model.
	Model []*mostradorv1.Field
	// Templates are those of messages, and Previews what was to be shown of them, in order.
	Templates []*mostradorv1.Template
	Previews  []*mostradorv1.PreviewTemplateRequest
	// Rules are those of messages by event, Topics what promotional ones are about.
	Rules  []*mostradorv1.RuleSet
	Topics []*mostradorv1.Topic
	// Addresses and Reports are what supervision of delivery knows; Quiet says that no mail has left yet.
	Addresses []*mostradorv1.Address
	Reports   []*mostradorv1.Report
	Quiet     bool
	// Subscriptions are how every customer stands to topics and channels.
	Subscriptions *mostradorv1.ShowSubscriptionsResponse
	// Integrations are the other systems.
	Integrations *Integrations
	// Governed says whether interplay locks "Aplica para Promociones".
	Governed bool
	// Calls are the names of the calls that changed something, in order.
	Calls []string
	// Code is the right short code.
	Code string

	server   *httptest.Server
	watchers map[chan *mostradorv1.WatchResponse]struct{}
	cut      bool
	sequence uint64
}

// Serve starts the store and stops it when the test ends.
func Serve(t testing.TB) *Store {
	s := New()
	s.Listen("")
	t.Cleanup(s.Close)
	return s
}

// New makes a store that nobody can reach yet.
func New() *Store {
	s := &Store{Role: mostradorv1.Role_ROLE_TECHNICIAN, Governed: true, Code: "0427", Points: map[string]int{},
		Contributions: map[string]*mostradorv1.ContributionsResponse{}, Answers: map[string]*plgv1.Result{}, Forms: map[string]map[string]string{},
		watchers: map[chan *mostradorv1.WatchResponse]struct{}{}}
	s.Model = someModel()
	s.Promotions, s.Codes, s.OffersKept = somePromotions(), someCodes(), someOffers()
	s.Templates = someTemplates()
	s.Integrations = someIntegrations()
	s.Rules, s.Subscriptions = someRules(), someSubscriptions()
	s.Addresses, s.Reports = someAddresses(), someReports()
	s.Topics = []*mostradorv1.Topic{{Id: "novedades", Name: "Novedades", Left: 12}, {Id: "infantil", Name: "Libros infantiles", Left: 3}}
	s.fill()
	s.catalogue()
	s.records()
	return s
}

// Listen serves on a free port of this machine, or on address.
func (s *Store) Listen(string) {
	mux := http.NewServeMux()
	opt := connect.WithInterceptors(gate{s})
	mux.Handle(mostradorv1connect.NewAccessServiceHandler(access{s}, opt))
	mux.Handle(mostradorv1connect.NewCustomerServiceHandler(customers{s}, opt))
	mux.Handle(mostradorv1connect.NewSaleServiceHandler(sales{s}, opt))
	mux.Handle(mostradorv1connect.NewMessageServiceHandler(messages{s: s}, opt))
	mux.Handle(mostradorv1connect.NewSettingServiceHandler(settings{s: s}, opt))
	mux.Handle(mostradorv1connect.NewPluginServiceHandler(plugins{s: s}, opt))
	mux.Handle(mostradorv1connect.NewEventServiceHandler(events{s}, opt))
	mux.Handle(mostradorv1connect.NewRecordServiceHandler(records{s: s}, opt))
	mux.Handle(mostradorv1connect.NewTagServiceHandler(tags{Store: s}, opt))
	mux.Handle(mostradorv1connect.NewTaskServiceHandler(tasks{s: s}, opt))
	mux.Handle(mostradorv1connect.NewFieldServiceHandler(fields{s: s}, opt))
	mux.Handle(mostradorv1connect.NewSegmentServiceHandler(segments{s: s}, opt))
	mux.Handle(mostradorv1connect.NewTransferServiceHandler(transfers{s: s}, opt))
	mux.Handle(mostradorv1connect.NewTemplateServiceHandler(templates{s: s}, opt))
	mux.Handle(mostradorv1connect.NewRuleServiceHandler(rules{s: s}, opt))
	mux.Handle(mostradorv1connect.NewSubscriptionServiceHandler(subscriptions{s: s}, opt))
	mux.Handle(mostradorv1connect.NewPromotionServiceHandler(promotions{s: s}, opt))
	mux.Handle(mostradorv1connect.NewDeliveryServiceHandler(delivery{s: s}, opt))
	mux.Handle(mostradorv1connect.NewIntegrationServiceHandler(integrations{s: s}, opt))
	s.server = httptest.NewServer(mux)
	s.URL = s.server.URL
}

// Close stops the server.
func (s *Store) Close() { s.Cut(); s.server.Close() }

// Cut breaks all connections and refuses new calls, as a pulled cable does, until Mend.
func (s *Store) Cut() {
	s.Lock()
	s.cut = true
	for w := range s.watchers {
		close(w)
		delete(s.watchers, w)
	}
	s.Unlock()
}

// Mend lets calls through again.
func (s *Store) Mend() {
	s.Lock()
	s.cut = false
	s.Unlock()
}

// Tell sends a change to everybody who watches. The store must be locked.
func (s *Store) tell(kind mostradorv1.WatchResponse_Kind, id string, c *plgv1.Customer) {
	for w := range s.watchers {
		select {
		case w <- &mostradorv1.WatchResponse{Kind: kind, Id: id, Customer: proto.CloneOf(c)}:
		default:
			close(w)
			delete(s.watchers, w)
		}
	}
}

// Watching is how many streams stand.
func (s *Store) Watching() int {
	s.Lock()
	defer s.Unlock()
	return len(s.watchers)
}

// Accept records what a customer does on the web page: consent, and the flag that follows from it.
func (s *Store) Accept(id string) {
	s.Lock()
	defer s.Unlock()
	if c := s.find(id); c != nil {
		s.accept(c)
	}
}

func (s *Store) accept(c *plgv1.Customer) {
	given := plgv1.ConsentState_CONSENT_STATE_GIVEN
	c.Consent = &plgv1.Consent{Programme: given, Promotions: given}
	c.AplicaPromociones = c.AplicaPromociones || s.Governed
	c.Revision++
	s.tell(mostradorv1.WatchResponse_KIND_CUSTOMER, c.Id, c)
}

func (s *Store) find(key string) *plgv1.Customer {
	all := slices.Clone(s.Customers)
	for _, p := range s.Pairs {
		all = append(all, p.B)
	}
	for _, c := range all {
		if key != "" && (c.Id == key || c.Phone == key || strings.TrimPrefix(c.Phone, "+34") == strings.ReplaceAll(key, " ", "") || c.Email == key || slices.Contains(c.Cards, key)) {
			return c
		}
	}
	return nil
}

// gate refuses calls while the cable is pulled, and calls without a session.
type gate struct{ s *Store }

func (g gate) check(procedure string, header http.Header) error {
	g.s.Lock()
	defer g.s.Unlock()
	if g.s.cut {
		return connect.NewError(connect.CodeUnavailable, errors.New("cut"))
	}
	if strings.Contains(procedure, "AccessService") || !g.s.Ended && header.Get("Authorization") == "Bearer token" {
		return nil
	}
	return connect.NewError(connect.CodeUnauthenticated, errors.New("no session"))
}

func (g gate) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if err := g.check(req.Spec().Procedure, req.Header()); err != nil {
			return nil, err
		}
		return next(ctx, req)
	}
}

func (g gate) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (g gate) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		if err := g.check(conn.Spec().Procedure, conn.RequestHeader()); err != nil {
			return err
		}
		return next(ctx, conn)
	}
}

func refuse(code connect.Code, refusal *mostradorv1.Refusal) error {
	err := connect.NewError(code, errors.New("refused"))
	if detail, e := connect.NewErrorDetail(refusal); e == nil {
		err.AddDetail(detail)
	}
	return err
}

func wrong(path, code, summary string) *plgv1.Diagnostic {
	return &plgv1.Diagnostic{Severity: plgv1.Severity_SEVERITY_ERROR, Path: path, Code: code, Summary: summary}
}

func notFound(what string) error {
	return connect.NewError(connect.CodeNotFound, fmt.Errorf("%s: no existe", what))
}

func (s *Store) called(name string) { s.Calls = append(s.Calls, name) }

type access struct{ s *Store }

func (a access) Status(context.Context, *connect.Request[mostradorv1.StatusRequest]) (*connect.Response[mostradorv1.StatusResponse], error) {
	a.s.Lock()
	defer a.s.Unlock()
	return connect.NewResponse(&mostradorv1.StatusResponse{NeedsSetup: a.s.NeedsSetup, StoreName: "Librería Cervantes", Version: "1.0.0",
		WebAddress: "http://localhost:8098", MailSpooled: true, Currency: "EUR", Country: "ES", Language: "es"}), nil
}

func (a access) Setup(_ context.Context, req *connect.Request[mostradorv1.SetupRequest]) (*connect.Response[mostradorv1.SignInResponse], error) {
	a.s.Lock()
	defer a.s.Unlock()
	a.s.called("setup " + req.Msg.Name)
	a.s.NeedsSetup = false
	return connect.NewResponse(&mostradorv1.SignInResponse{Token: "token", Operator: &mostradorv1.Operator{Name: req.Msg.Name, Role: mostradorv1.Role_ROLE_TECHNICIAN}}), nil
}

func (a access) SignIn(_ context.Context, req *connect.Request[mostradorv1.SignInRequest]) (*connect.Response[mostradorv1.SignInResponse], error) {
	a.s.Lock()
	defer a.s.Unlock()
	if req.Msg.Pin != "2580" && req.Msg.Badge != "EMP-00017" {
		return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{wrong("pin", "pin_wrong", "El nombre o el PIN no son correctos.")}})
	}
	a.s.called("signin")
	return connect.NewResponse(&mostradorv1.SignInResponse{Token: "token", Operator: &mostradorv1.Operator{Name: "Marta Ruiz", Role: a.s.Role}}), nil
}

func (a access) SignOut(context.Context, *connect.Request[mostradorv1.SignOutRequest]) (*connect.Response[mostradorv1.SignOutResponse], error) {
	return connect.NewResponse(&mostradorv1.SignOutResponse{}), nil
}

func (a access) ListOperators(context.Context, *connect.Request[mostradorv1.ListOperatorsRequest]) (*connect.Response[mostradorv1.ListOperatorsResponse], error) {
	a.s.Lock()
	defer a.s.Unlock()
	res := &mostradorv1.ListOperatorsResponse{}
	for _, op := range a.s.Operators {
		res.Operators = append(res.Operators, proto.CloneOf(op))
	}
	return connect.NewResponse(res), nil
}

func (a access) PutOperator(_ context.Context, req *connect.Request[mostradorv1.PutOperatorRequest]) (*connect.Response[mostradorv1.PutOperatorResponse], error) {
	a.s.Lock()
	defer a.s.Unlock()
	put, pin, badge := proto.CloneOf(req.Msg.Operator), req.Msg.Pin, req.Msg.Badge
	i := slices.IndexFunc(a.s.Operators, func(op *mostradorv1.Operator) bool { return strings.EqualFold(op.Name, put.Name) })
	var diag *plgv1.Diagnostic
	switch {
	case pin != "" && (len(pin) < 4 || len(pin) > 8 || strings.Trim(pin, "0123456789") != ""):
		diag = wrong("pin", "pin_format", "El PIN tiene de 4 a 8 cifras.")
	case badge != "" && len(badge) < 6:
		diag = wrong("badge", "badge_format", "El código de la tarjeta de identificación debe tener entre 6 y 128 caracteres.")
	case badge == "EMP-00017" && put.Name != "Marta Ruiz":
		diag = wrong("badge", "badge_taken", "Esa tarjeta de identificación es de otro operador.")
	case i < 0 && pin == "" && badge == "":
		diag = wrong("pin", "pin_needed", "Un operador nuevo necesita un PIN o una tarjeta de identificación.")
	}
	if diag != nil {
		return nil, refuse(connect.CodeInvalidArgument, &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{diag}})
	}
	a.s.called(fmt.Sprintf("operator %s %s pin=%q badge=%q disabled=%v", put.Name, put.Role, pin, badge, put.Disabled))
	put.HasBadge = badge != "" || i >= 0 && a.s.Operators[i].HasBadge
	if i < 0 {
		a.s.Operators = append(a.s.Operators, put)
	} else {
		a.s.Operators[i] = put
	}
	return connect.NewResponse(&mostradorv1.PutOperatorResponse{Operator: proto.CloneOf(put)}), nil
}

type events struct{ s *Store }

func (e events) List(_ context.Context, req *connect.Request[mostradorv1.ListEventsRequest]) (*connect.Response[mostradorv1.ListEventsResponse], error) {
	e.s.Lock()
	defer e.s.Unlock()
	res := &mostradorv1.ListEventsResponse{}
	for _, ev := range slices.Backward(e.s.Events) {
		if req.Msg.CustomerId == "" || ev.Customer.GetId() == req.Msg.CustomerId {
			res.Events = append(res.Events, ev)
		}
	}
	return connect.NewResponse(res), nil
}

func (e events) Parked(context.Context, *connect.Request[mostradorv1.ParkedRequest]) (*connect.Response[mostradorv1.ParkedResponse], error) {
	e.s.Lock()
	defer e.s.Unlock()
	return connect.NewResponse(&mostradorv1.ParkedResponse{Events: slices.Clone(e.s.Parked)}), nil
}

func (e events) RetryParked(_ context.Context, req *connect.Request[mostradorv1.RetryParkedRequest]) (*connect.Response[mostradorv1.RetryParkedResponse], error) {
	e.s.Lock()
	defer e.s.Unlock()
	e.s.called(fmt.Sprint("retry parked ", req.Msg.Sequence))
	e.s.Parked = nil
	return connect.NewResponse(&mostradorv1.RetryParkedResponse{}), nil
}

func (e events) DiscardParked(_ context.Context, req *connect.Request[mostradorv1.DiscardParkedRequest]) (*connect.Response[mostradorv1.DiscardParkedResponse], error) {
	e.s.Lock()
	defer e.s.Unlock()
	e.s.called(fmt.Sprint("discard parked ", req.Msg.Sequence))
	e.s.Parked = nil
	return connect.NewResponse(&mostradorv1.DiscardParkedResponse{}), nil
}

func (e events) Watch(ctx context.Context, _ *connect.Request[mostradorv1.WatchRequest], stream *connect.ServerStream[mostradorv1.WatchResponse]) error {
	w := make(chan *mostradorv1.WatchResponse, 64)
	w <- &mostradorv1.WatchResponse{Kind: mostradorv1.WatchResponse_KIND_READY}
	e.s.Lock()
	e.s.watchers[w] = struct{}{}
	e.s.Unlock()
	defer func() {
		e.s.Lock()
		delete(e.s.watchers, w)
		e.s.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case msg, open := <-w:
			if !open {
				return connect.NewError(connect.CodeUnavailable, errors.New("cut"))
			}
			if err := stream.Send(msg); err != nil {
				return err
			}
		}
	}
}

func text(s string) *structpb.Value { return structpb.NewStringValue(s) }
