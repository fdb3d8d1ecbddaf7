package api_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/configguide"
	"mostrador/host/access"
	"mostrador/host/api"
	pb "mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/host/consent"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/intake"
	"mostrador/host/interplay"
	"mostrador/host/locale"
	"mostrador/host/message"
	"mostrador/host/message/library"
	"mostrador/host/model"
	"mostrador/host/plugin"
	"mostrador/host/sale"
	"mostrador/host/store"
	"mostrador/host/tag"
	"mostrador/host/task"
	"mostrador/host/webhook"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// world is a store with the real services behind the API. Only the plugins' processes and the Guide are played
// by the test.
type world struct {
	store     *store.Store
	log       *event.Log
	customers *customer.Service
	access    *access.Service
	messages  *message.Service
	tasks     *task.Service
	tags      *tag.Service
	model     *model.Service
	library   *library.Service
	plugins   *players
	hub       *api.Hub
	// tcp is the API's address, home the folder with its socket.
	tcp, home string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	home := t.TempDir()
	st, err := store.Open(filepath.Join(home, "store.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	text, key := locale.New(), make([]byte, 32)
	w := &world{store: st, log: event.NewLog(st), plugins: newPlayers(t), hub: api.NewHub(), home: home}
	w.customers, err = customer.New(customer.Config{
		Store: st, Log: w.log, Rules: w.plugins, Text: text, Country: func() string { return "ES" },
		Fields: func() customer.Fields { return w.model.Declared() }, Indexed: func() []string { return w.model.Indexed() },
	})
	if err != nil {
		t.Fatal(err)
	}
	w.tasks = task.New(task.Config{Store: st, Log: w.log, Text: text})
	w.model, err = model.New(model.Config{
		Store: st, Log: w.log, Customers: w.customers, Tasks: w.tasks, Text: text, Manifests: w.plugins.Active,
		Plugins: func() customer.PluginFields { return w.plugins.Resolution() },
	})
	if err != nil {
		t.Fatal(err)
	}
	if w.tags, err = tag.New(tag.Config{Store: st, Log: w.log, Customers: w.customers, Tasks: w.tasks, Text: text}); err != nil {
		t.Fatal(err)
	}
	w.work(t, w.tasks.Run)
	w.access = access.New(access.Config{Store: st, Log: w.log, Key: key, Text: text})
	w.messages = message.New(message.Config{
		Store: st, Text: text.Text, Customer: w.customers.Get, SpoolDir: filepath.Join(home, "spool"),
		Settings: func() message.Settings {
			return message.Settings{StoreName: "La Esquina", Language: "es", Currency: "EUR", Sender: "tienda@example.com", WebAddress: "https://web.example"}
		},
		Template: func(string, string, string) (message.Source, error) {
			return message.NewSource(`<html><head><title>Hola</title></head><body><a href="{{.Enlaces.activar}}">Activar</a></body></html>`, ""), nil
		},
	})
	if w.library, err = library.New(library.Config{
		Store: st, Messages: w.messages, Text: text.Text, Language: func() string { return "es" },
	}); err != nil {
		t.Fatal(err)
	}
	events, err := intake.New(intake.Config{Store: st, Log: w.log, Customers: w.customers, Key: key, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	hooks, err := webhook.New(webhook.Config{Store: st, Log: w.log, Customers: w.customers, Key: key, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	engine := event.NewEngine(event.Config{Store: st, Log: w.log, Applier: noEffects{}})
	t.Cleanup(engine.Close)
	handler := api.New(api.Config{
		Version: "1.2.3", Store: st, Log: w.log, Engine: engine, Customers: w.customers,
		Consent: consent.New(consent.Config{
			Store: st, Log: w.log, Customers: w.customers, Key: key, Text: text,
			Validity: func() time.Duration { return 7 * 24 * time.Hour },
			Policy:   func() map[string]string { return map[string]string{"es": "Cuidamos sus datos."} },
		}),
		Sales:  sale.New(sale.Config{Store: st, Log: w.log, Customers: w.customers, Text: text, Currency: func() string { return "EUR" }}),
		Access: w.access, Messages: w.messages, Settings: noGuide{}, Plugins: w.plugins, Tasks: w.tasks, Tags: w.tags, Model: w.model,
		Library: w.library,
		Status:  func() *pb.StatusResponse { return &pb.StatusResponse{StoreName: "La Esquina", Language: "es"} },
		Intake:  events, Webhooks: hooks, Hub: w.hub, Text: text,
	})
	local, err := api.ListenLocal(home)
	if err != nil {
		t.Fatal(err)
	}
	remote, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.tcp = "http://" + remote.Addr().String()
	w.serve(t, local, api.NewServer(handler, true))
	w.serve(t, remote, api.NewServer(handler, false))
	return w
}

// work has something go on until the test ends.
func (w *world) work(t *testing.T, run func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = run(ctx) // it ends with its context
	}()
	t.Cleanup(func() { stop(); <-ended })
}

func (w *world) serve(t *testing.T, l net.Listener, server *http.Server) {
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		w.hub.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("the server does not end: %v", err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the server ended with %v", err)
		}
	})
}

// caller is somebody who calls the API.
type caller struct {
	access    mostradorv1connect.AccessServiceClient
	customers mostradorv1connect.CustomerServiceClient
	sales     mostradorv1connect.SaleServiceClient
	consent   mostradorv1connect.ConsentServiceClient
	messages  mostradorv1connect.MessageServiceClient
	events    mostradorv1connect.EventServiceClient
	plugins   mostradorv1connect.PluginServiceClient
	settings  mostradorv1connect.SettingServiceClient
	fields    mostradorv1connect.FieldServiceClient
	tags      mostradorv1connect.TagServiceClient
	tasks     mostradorv1connect.TaskServiceClient

	integration mostradorv1connect.IntegrationServiceClient
}

// call returns a caller with headers, given as pairs. At "unix" he calls through the home folder's socket.
func (w *world) call(t *testing.T, at string, headers ...string) *caller {
	t.Helper()
	return w.callWith(t, at, nil, headers...)
}

func (w *world) callWith(t *testing.T, at string, options []connect.ClientOption, headers ...string) *caller {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(len(options) == 0)
	protocols.SetUnencryptedHTTP2(len(options) > 0)
	transport := &http.Transport{Protocols: protocols}
	if at == "unix" {
		at = "http://mostrador"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return api.DialLocal(ctx, w.home) }
	}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: headed{transport, headers}}
	return &caller{
		access:    mostradorv1connect.NewAccessServiceClient(client, at, options...),
		customers: mostradorv1connect.NewCustomerServiceClient(client, at, options...),
		sales:     mostradorv1connect.NewSaleServiceClient(client, at, options...),
		consent:   mostradorv1connect.NewConsentServiceClient(client, at, options...),
		messages:  mostradorv1connect.NewMessageServiceClient(client, at, options...),
		events:    mostradorv1connect.NewEventServiceClient(client, at, options...),
		plugins:   mostradorv1connect.NewPluginServiceClient(client, at, options...),
		settings:  mostradorv1connect.NewSettingServiceClient(client, at, options...),
		fields:    mostradorv1connect.NewFieldServiceClient(client, at, options...),
		tags:      mostradorv1connect.NewTagServiceClient(client, at, options...),
		tasks:     mostradorv1connect.NewTaskServiceClient(client, at, options...),

		integration: mostradorv1connect.NewIntegrationServiceClient(client, at, options...),
	}
}

// headed sets headers on every request.
type headed struct {
	next    http.RoundTripper
	headers []string
}

func (h headed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for i := 0; i < len(h.headers); i += 2 {
		r.Header.Set(h.headers[i], h.headers[i+1])
	}
	return h.next.RoundTrip(r)
}

// as returns somebody who signed in with a role over TCP, at till 3.
func (w *world) as(t *testing.T, role pb.Role, headers ...string) *caller {
	t.Helper()
	name := "Operador " + role.String()
	host := w.call(t, "unix")
	if _, err := host.access.PutOperator(t.Context(), connect.NewRequest(&pb.PutOperatorRequest{
		Operator: &pb.Operator{Name: name, Role: role}, Pin: "73519",
	})); err != nil {
		t.Fatalf("making an operator: %v", err)
	}
	in, err := host.access.SignIn(t.Context(), connect.NewRequest(&pb.SignInRequest{Name: name, Pin: "73519"}))
	if err != nil {
		t.Fatalf("signing in: %v", err)
	}
	return w.call(t, w.tcp, append([]string{"Authorization", "Bearer " + in.Msg.GetToken(), api.HeaderTill, "3"}, headers...)...)
}

func (c *caller) register(t *testing.T, name, phone, email string) *plgv1.Customer {
	t.Helper()
	resp, err := c.customers.Register(t.Context(), connect.NewRequest(&pb.RegisterRequest{
		Customer: &plgv1.Customer{Name: name, Phone: phone, Email: email},
	}))
	if err != nil {
		t.Fatalf("registering: %v", err)
	}
	return resp.Msg.GetCustomer()
}

// refusal returns the Refusal that an error carries.
func refusal(err error) *pb.Refusal {
	var failed *connect.Error
	if errors.As(err, &failed) {
		for _, d := range failed.Details() {
			if v, err := d.Value(); err == nil {
				if r, ok := v.(*pb.Refusal); ok {
					return r
				}
			}
		}
	}
	return nil
}

const welcomeManifest = `
id: PLG0074
name: {es: Bienvenida, en: Welcome}
version: 1.0.0
api: 1
fields:
  - {id: plg0074_apodo, name: {es: Apodo, en: Nickname}, type: text}
  - {id: plg0074_nivel, name: {es: Nivel, en: Level}, type: text, read_only: true}
  - {id: plg0074_limite, name: {es: Límite, en: Limit}, type: money, role: technician}
actions:
  - id: reenviar
    name: {es: Reenviar bienvenida, en: Resend welcome}
    where: [quick_sheet]
    enabled: customer.email_valid
    disabled_reason: {es: Falta un correo válido., en: A valid e-mail is missing.}
  - id: codigo_corto
    name: {es: Activar, en: Activate}
    where: [quick_sheet]
    form: [{id: codigo, type: short_code, required: true}]
  - id: ajustar
    name: {es: Ajustar, en: Adjust}
    where: [quick_sheet]
    role: technician
panels:
  - {id: bien, name: {es: Bien, en: Fine}, where: [quick_sheet]}
  - {id: lento, name: {es: Lento, en: Slow}, where: [quick_sheet]}
  - {id: roto, name: {es: Roto, en: Broken}, where: [quick_sheet]}
interplay:
  - target: customer.aplica_promociones
    policy: {editable: false, value: consent.promotions == "given"}
    reason: {es: Se activa sola., en: It goes on by itself.}
`

// players play the plugins: their manifests and rules are real, their processes are not.
type players struct {
	api.Plugins // what these tests do not ask for

	manifests  []*manifest.Manifest
	resolution *interplay.Resolution

	mu  sync.Mutex
	act func(context.Context, *plgv1.Actor, *pb.RunRequest) (*plgv1.Result, error)
}

func newPlayers(t *testing.T) *players {
	t.Helper()
	m, err := manifest.Parse([]byte(welcomeManifest), "plugin.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p := &players{manifests: []*manifest.Manifest{m}}
	if p.resolution, err = interplay.Resolve(p.manifests, map[string]bool{m.ID: true}, nil); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *players) Locked(field string, c *plgv1.Customer, lang string) (string, bool) {
	return p.resolution.Locked(field, c, lang)
}
func (p *players) Apply(c *plgv1.Customer) error { return p.resolution.Apply(c) }

func (p *players) List(_ context.Context, lang string) (*pb.ListPluginsResponse, error) {
	list := new(pb.ListPluginsResponse)
	for _, m := range p.manifests {
		list.Plugins = append(list.Plugins, &pb.PluginInfo{Id: m.ID, Name: m.Name.In(lang), Active: true})
	}
	return list, nil
}

func (p *players) Enable(_ context.Context, _ *plgv1.Actor, id string) error  { return p.known(id) }
func (p *players) Disable(_ context.Context, _ *plgv1.Actor, id string) error { return p.known(id) }

func (p *players) known(id string) error {
	if slices.ContainsFunc(p.manifests, func(m *manifest.Manifest) bool { return m.ID == id }) {
		return nil
	}
	return plugin.ErrUnknown
}

func (p *players) Active() []*manifest.Manifest      { return p.manifests }
func (p *players) Resolution() *interplay.Resolution { return p.resolution }

func (p *players) acts(act func(context.Context, *plgv1.Actor, *pb.RunRequest) (*plgv1.Result, error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.act = act
}

func (p *players) Act(ctx context.Context, actor *plgv1.Actor, req *pb.RunRequest) (*plgv1.Result, error) {
	p.mu.Lock()
	act := p.act
	p.mu.Unlock()
	if act == nil {
		return &plgv1.Result{Message: "Hecho."}, nil
	}
	return act(ctx, actor, req)
}

func (p *players) Panel(ctx context.Context, _, panel string, c *plgv1.Customer, _ string) (*plgv1.Panel, error) {
	switch panel {
	case "lento":
		<-ctx.Done()
		return nil, ctx.Err()
	case "roto":
		panic("a bug of this panel")
	}
	return &plgv1.Panel{Rows: []*plgv1.PanelRow{{Label: "Nombre", Value: c.GetName()}}}, nil
}

// noGuide is a Guide of one entry.
type noGuide struct{}

func (noGuide) List(context.Context, *plgv1.Actor, string) ([]*pb.Setting, error) {
	return []*pb.Setting{{Key: "TiendaNombre"}}, nil
}

func (g noGuide) Get(_ context.Context, _ *plgv1.Actor, key string) (*pb.Setting, error) {
	if key != "TiendaNombre" {
		return nil, configguide.ErrUnknown
	}
	return &pb.Setting{Key: key, Value: structpb.NewStringValue("La Esquina")}, nil
}

func (g noGuide) Set(ctx context.Context, actor *plgv1.Actor, req *pb.SetSettingRequest) (*pb.Setting, error) {
	if req.GetValue().GetStringValue() == "" {
		return nil, &configguide.Refused{Diagnostics: []*plgv1.Diagnostic{{
			Severity: plgv1.Severity_SEVERITY_ERROR, Summary: "Falta el nombre.", Path: req.GetKey(), Code: "required",
		}}}
	}
	return g.Get(ctx, actor, req.GetKey())
}

func (noGuide) History(context.Context, string, int) ([]*pb.SettingChange, error) { return nil, nil }

func (noGuide) Revert(context.Context, *plgv1.Actor, string, uint64) (*pb.Setting, error) {
	return nil, configguide.ErrNoChange
}

func (noGuide) Preview(context.Context, *pb.PreviewRequest) (*pb.RenderedMail, error) {
	return new(pb.RenderedMail), nil
}

func (noGuide) Export(context.Context, bool) (*pb.ExportSettingsResponse, error) {
	return &pb.ExportSettingsResponse{File: "format: 1\n"}, nil
}

func (noGuide) Import(context.Context, *plgv1.Actor, string, bool) (*pb.ImportSettingsResponse, error) {
	return new(pb.ImportSettingsResponse), nil
}

type noEffects struct{}

func (noEffects) Apply(*store.Tx, string, *event.Record, []*plgv1.Effect) error { return nil }
