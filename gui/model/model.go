// Package model is what the screens of the store application stand on: the clients of the store's API, the
// session of the operator at this till, and the stream that tells what changed. It knows no widget and runs
// without a display, so that the way from a click on the web to the flag on the screen can be measured.
//
// One Model serves one window. Run keeps the stream: it connects once somebody is signed in, reconnects with
// back-off, and tells subscribers about the connection, the session and the store. A screen that shows one
// customer opens a Sheet, which keeps itself up to date until it is closed.
package model

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
)

// Config says where the host is and who calls.
type Config struct {
	// HTTP reaches the host (a unix socket or TCP).
	HTTP connect.HTTPClient
	// BaseURL is "http://HOST:PORT"; on a unix socket any host name will do.
	BaseURL string
	// Till names this workplace in what is recorded.
	Till string
	// Language of what the host says ("es").
	Language string
}

// Kind tells subscribers what a Change is about.
type Kind int

const (
	// ConnectionChanged: Online has changed.
	ConnectionChanged Kind = iota + 1
	// SessionChanged: somebody signed in or out, or the session ended by itself.
	SessionChanged
	// StoreChanged: the host reports a change; Change.Event says which.
	StoreChanged
)

// Change is one thing that happened.
type Change struct {
	Kind  Kind
	Event *mostradorv1.WatchResponse
}

// Model is the state that all screens share. Its methods may be called from any goroutine.
type Model struct {
	Access    mostradorv1connect.AccessServiceClient
	Customers mostradorv1connect.CustomerServiceClient
	Consent   mostradorv1connect.ConsentServiceClient
	Sales     mostradorv1connect.SaleServiceClient
	Messages  mostradorv1connect.MessageServiceClient
	Settings  mostradorv1connect.SettingServiceClient
	Plugins   mostradorv1connect.PluginServiceClient
	Events    mostradorv1connect.EventServiceClient
	Fields    mostradorv1connect.FieldServiceClient
	Tasks     mostradorv1connect.TaskServiceClient
	Tags      mostradorv1connect.TagServiceClient
	Segments  mostradorv1connect.SegmentServiceClient
	Transfers mostradorv1connect.TransferServiceClient
	Records   mostradorv1connect.RecordServiceClient

	Templates     mostradorv1connect.TemplateServiceClient
	Rules         mostradorv1connect.RuleServiceClient
	Delivery      mostradorv1connect.DeliveryServiceClient
	Subscriptions mostradorv1connect.SubscriptionServiceClient
	Promotions    mostradorv1connect.PromotionServiceClient
	Integrations  mostradorv1connect.IntegrationServiceClient

	till     string
	language string

	mu       sync.Mutex
	token    string
	operator *mostradorv1.Operator
	status   *mostradorv1.StatusResponse
	online   bool
	lost     bool
	ended    bool
	// session is closed and replaced whenever the token changes; it wakes Run and ends its stream.
	session chan struct{}
	subs    map[int]func(Change)
	nextSub int
}

// New makes a model; it calls nobody yet.
func New(cfg Config) *Model {
	m := &Model{till: cfg.Till, language: cfg.Language, session: make(chan struct{}), subs: map[int]func(Change){}}
	opt := connect.WithInterceptors(credentials{m})
	m.Access = mostradorv1connect.NewAccessServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Customers = mostradorv1connect.NewCustomerServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Consent = mostradorv1connect.NewConsentServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Sales = mostradorv1connect.NewSaleServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Messages = mostradorv1connect.NewMessageServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Settings = mostradorv1connect.NewSettingServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Plugins = mostradorv1connect.NewPluginServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Events = mostradorv1connect.NewEventServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Fields = mostradorv1connect.NewFieldServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Tasks = mostradorv1connect.NewTaskServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Tags = mostradorv1connect.NewTagServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Segments = mostradorv1connect.NewSegmentServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Transfers = mostradorv1connect.NewTransferServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Records = mostradorv1connect.NewRecordServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Templates = mostradorv1connect.NewTemplateServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Rules = mostradorv1connect.NewRuleServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Delivery = mostradorv1connect.NewDeliveryServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Subscriptions = mostradorv1connect.NewSubscriptionServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Promotions = mostradorv1connect.NewPromotionServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	m.Integrations = mostradorv1connect.NewIntegrationServiceClient(cfg.HTTP, cfg.BaseURL, opt)
	return m
}

// Till is the name of this workplace.
func (m *Model) Till() string { return m.till }

// Language is the language that the host is asked to speak.
func (m *Model) Language() string { return m.language }

// Operator is who is signed in, or nil.
func (m *Model) Operator() *mostradorv1.Operator {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.operator
}

// May tells whether the operator has at least this role.
func (m *Model) May(role mostradorv1.Role) bool {
	op := m.Operator()
	return op != nil && op.Role >= role
}

// Status is the last answer of LoadStatus; never nil.
func (m *Model) Status() *mostradorv1.StatusResponse {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.status == nil {
		return &mostradorv1.StatusResponse{}
	}
	return m.status
}

// Online tells whether the stream of changes stands.
func (m *Model) Online() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.online
}

// Lost tells whether the stream was tried in this session and does not stand.
func (m *Model) Lost() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lost
}

// EndedByHost tells whether the last session was ended by the host (idle too long, PIN changed).
func (m *Model) EndedByHost() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ended
}

// Subscribe calls f for every change, one at a time and on the model's goroutines, until cancel is called.
// f must be quick; a screen hands the work on to the toolkit.
func (m *Model) Subscribe(f func(Change)) (cancel func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := m.nextSub
	m.nextSub++
	m.subs[id] = f
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.subs, id)
	}
}

func (m *Model) publish(c Change) {
	m.mu.Lock()
	subs := make([]func(Change), 0, len(m.subs))
	for _, f := range m.subs {
		subs = append(subs, f)
	}
	m.mu.Unlock()
	for _, f := range subs {
		f(c)
	}
}

// LoadStatus asks the host about itself; it needs no session.
func (m *Model) LoadStatus(ctx context.Context) (*mostradorv1.StatusResponse, error) {
	res, err := m.Access.Status(ctx, connect.NewRequest(&mostradorv1.StatusRequest{}))
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.status = res.Msg
	m.mu.Unlock()
	return res.Msg, nil
}

// Setup makes the first technician and signs in as that person.
func (m *Model) Setup(ctx context.Context, name, pin string) error {
	res, err := m.Access.Setup(ctx, connect.NewRequest(&mostradorv1.SetupRequest{Name: name, Pin: pin}))
	if err != nil {
		return err
	}
	m.setSession(res.Msg, false)
	return nil
}

// SignIn begins a session by name and PIN, or by a scanned badge.
func (m *Model) SignIn(ctx context.Context, req *mostradorv1.SignInRequest) error {
	res, err := m.Access.SignIn(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	m.setSession(res.Msg, false)
	return nil
}

// SignOut ends the session here at once, and at the host when it can be reached.
func (m *Model) SignOut(ctx context.Context) error {
	_, err := m.Access.SignOut(ctx, connect.NewRequest(&mostradorv1.SignOutRequest{}))
	m.setSession(nil, false)
	return err
}

func (m *Model) setSession(s *mostradorv1.SignInResponse, byHost bool) {
	m.mu.Lock()
	m.token, m.operator = s.GetToken(), s.GetOperator()
	m.lost, m.ended = false, byHost
	close(m.session)
	m.session = make(chan struct{})
	m.mu.Unlock()
	m.publish(Change{Kind: SessionChanged})
}

func (m *Model) setOnline(online bool) {
	m.mu.Lock()
	lost := !online && m.token != ""
	changed := m.online != online || m.lost != lost
	m.online, m.lost = online, lost
	m.mu.Unlock()
	if changed {
		m.publish(Change{Kind: ConnectionChanged})
	}
}

// credentials puts session and till on every call, and notices when the host has ended the session.
type credentials struct{ m *Model }

func (c credentials) head(h http.Header) (token string) {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	if c.m.token != "" {
		h.Set("Authorization", "Bearer "+c.m.token)
	}
	if c.m.till != "" {
		h.Set("Mostrador-Till", c.m.till)
	}
	h.Set("Mostrador-Channel", "gui")
	h.Set("Accept-Language", c.m.language)
	return c.m.token
}

// WrapUnary implements connect.Interceptor.
func (c credentials) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		token := c.head(req.Header())
		res, err := next(ctx, req)
		c.m.expired(token, err)
		return res, err
	}
}

// WrapStreamingClient implements connect.Interceptor.
func (c credentials) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		c.head(conn.RequestHeader())
		return conn
	}
}

// WrapStreamingHandler implements connect.Interceptor.
func (c credentials) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// expired drops the session when a call that carried it was answered "unauthenticated".
func (m *Model) expired(token string, err error) {
	if token == "" || connect.CodeOf(err) != connect.CodeUnauthenticated || err == nil {
		return
	}
	m.mu.Lock()
	current := m.token == token
	m.mu.Unlock()
	if current {
		m.setSession(nil, true)
	}
}

// Back-off of the stream, and how often and how long the host is asked for a sign of life.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
	beat       = 5 * time.Second
	beatLimit  = 4 * time.Second
)

// Run keeps the stream of changes until ctx ends. It returns ctx's error.
func (m *Model) Run(ctx context.Context) error {
	pause := firstPause
	for {
		m.mu.Lock()
		token, session := m.token, m.session
		m.mu.Unlock()
		if token == "" {
			m.setOnline(false)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-session:
			}
			continue
		}
		stood, err := m.watch(ctx, session)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		m.expired(token, err)
		m.setOnline(false)
		if stood {
			pause = firstPause
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-session:
			timer.Stop()
		case <-timer.C:
		}
		pause = min(2*pause, longPause)
	}
}

// watch follows one stream until it breaks, the session changes or the host falls silent.
func (m *Model) watch(parent context.Context, session <-chan struct{}) (stood bool, err error) {
	ctx, cancel := context.WithCancel(parent)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	group.Go(func() {
		defer cancel()
		ticker := time.NewTicker(beat)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-session:
				return
			case <-ticker.C:
				limit, done := context.WithTimeout(ctx, beatLimit)
				_, err := m.LoadStatus(limit)
				done()
				if Unreachable(err) {
					return
				}
			}
		}
	})
	stream, err := m.Events.Watch(ctx, connect.NewRequest(&mostradorv1.WatchRequest{}))
	if err != nil {
		return false, err
	}
	defer stream.Close()
	for stream.Receive() {
		if !stood {
			stood = true
			m.setOnline(true)
		}
		m.publish(Change{Kind: StoreChanged, Event: stream.Msg()})
	}
	return stood, stream.Err()
}

// Unreachable tells whether err means that the host could not be asked at all.
func Unreachable(err error) bool {
	if err == nil {
		return false
	}
	code := connect.CodeOf(err)
	return code == connect.CodeUnavailable || code == connect.CodeDeadlineExceeded
}

// Refusal is what a person can mend about a call that the host refused, or nil.
func Refusal(err error) *mostradorv1.Refusal {
	var ce *connect.Error
	if !errors.As(err, &ce) {
		return nil
	}
	for _, detail := range ce.Details() {
		value, err := detail.Value()
		if err != nil {
			continue
		}
		if refusal, ok := value.(*mostradorv1.Refusal); ok {
			return refusal
		}
	}
	return nil
}
