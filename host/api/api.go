// Package api is the one way into a store: everything that a screen, a script or the command line does goes
// through it. It serves mostrador.v1 over Connect, that is gRPC, gRPC-Web and JSON over HTTP on one port.
//
// A call passes one interceptor, which finds out who calls (session, till, address), whether the procedure's
// role allows it, in which language to answer, and how long it may take; see call.go and the table in role.go.
// The handlers below translate nothing: the services speak the same messages as the API. What they compose
// themselves is the quick sheet (sheet.go), which shows the fields, actions and panels of the active plugins
// as interplay leaves them. What goes wrong becomes a Connect error with a sentence that says what to do
// (errors.go); a Refusal that a person can mend travels as its detail. Screens learn of changes through the
// Hub (watch.go).
package api

import (
	"context"
	"net/http"
	"slices"

	"connectrpc.com/connect"
	"github.com/hashicorp/go-hclog"

	"mostrador/host/access"
	"mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/host/consent"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/intake"
	"mostrador/host/interplay"
	"mostrador/host/locale"
	"mostrador/host/message"
	"mostrador/host/message/delivery"
	"mostrador/host/message/library"
	"mostrador/host/model"
	"mostrador/host/promotion"
	"mostrador/host/record"
	"mostrador/host/rule"
	"mostrador/host/sale"
	"mostrador/host/segment"
	"mostrador/host/store"
	"mostrador/host/subscription"
	"mostrador/host/tag"
	"mostrador/host/task"
	"mostrador/host/transfer"
	"mostrador/host/webhook"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Config is what the API serves. Everything is needed.
type Config struct {
	// Version is the program's.
	Version   string
	Store     *store.Store
	Log       *event.Log
	Engine    *event.Engine
	Customers *customer.Service
	Consent   *consent.Service
	Sales     *sale.Service
	Access    *access.Service
	Messages  *message.Service
	Settings  Settings
	Plugins   Plugins
	// Segments are served when they are not nil.
	Segments *segment.Service
	// Model is the data model; nil serves none.
	Model *model.Service
	// Tasks are the background tasks, Tags the tags; nil serves none.
	Tasks *task.Service
	Tags  *tag.Service
	// Rules are the rules that send messages; nil serves none.
	Rules *rule.Service
	// Transfer brings customers in and out; nil serves none.
	Transfer *transfer.Service
	// Promotions keeps promotions, their codes, and offers; nil serves none.
	Promotions *promotion.Service
	// Records keeps customers' records over time; nil serves none.
	Records *record.Service
	// Delivery supervises the mails, Doctor looks at a domain, that of the sender when it is empty; nil serves neither.
	Delivery *delivery.Service
	Doctor   func(ctx context.Context, domain string) ([]*mostradorv1.DoctorFinding, error)
	// Intake takes in what other systems tell, over plain HTTP too, and Webhooks tell them; nil serves none.
	Intake   *intake.Service
	Webhooks *webhook.Service
	// Subscriptions is what customers want to hear of; nil serves none.
	Subscriptions *subscription.Service
	// Library keeps the templates of messages; nil serves none.
	Library *library.Service
	// Status says what a screen must know before anybody signs in: store_name, web_address, mail_spooled,
	// currency, country and language. The API fills in the rest.
	Status func() *mostradorv1.StatusResponse
	// Hub is where Watch gets its changes from.
	Hub    *Hub
	Text   *locale.Catalog
	Logger hclog.Logger
}

// Settings is the Configuration Guide as the API speaks of it. An answer is in the language of the context
// (locale.FromContext). Errors are those of configguide, as they are.
type Settings interface {
	// List returns the entries that match a query, all when it is empty, as the actor's till sees them.
	List(ctx context.Context, actor *plgv1.Actor, query string) ([]*mostradorv1.Setting, error)
	// Get returns one entry with its content, as the actor's till sees it.
	Get(ctx context.Context, actor *plgv1.Actor, key string) (*mostradorv1.Setting, error)
	Set(ctx context.Context, actor *plgv1.Actor, req *mostradorv1.SetSettingRequest) (*mostradorv1.Setting, error)
	// History returns changes, newest first; of all keys when key is empty.
	History(ctx context.Context, key string, limit int) ([]*mostradorv1.SettingChange, error)
	Revert(ctx context.Context, actor *plgv1.Actor, key string, sequence uint64) (*mostradorv1.Setting, error)
	Preview(ctx context.Context, req *mostradorv1.PreviewRequest) (*mostradorv1.RenderedMail, error)
	// Export writes what is set as a file; with all what stands at its default too.
	Export(ctx context.Context, all bool) (*mostradorv1.ExportSettingsResponse, error)
	// Import says what such a file changes and, with apply, takes all of it over or nothing.
	Import(ctx context.Context, actor *plgv1.Actor, file string, apply bool) (*mostradorv1.ImportSettingsResponse, error)
}

// Plugins are the installed plugins, what the active ones mean together, and their work.
type Plugins interface {
	// List returns all plugins with their pending and parked events, the progress of a sync, and conflicts.
	List(ctx context.Context, lang string) (*mostradorv1.ListPluginsResponse, error)
	// Enable and Disable change which plugins are active. An id that is not installed is plugin.ErrUnknown.
	Enable(ctx context.Context, actor *plgv1.Actor, id string) error
	Disable(ctx context.Context, actor *plgv1.Actor, id string) error
	// Inspect reads a package (.plg) and says what it is and what stands against it.
	Inspect(ctx context.Context, pkg []byte) (*mostradorv1.InspectResponse, error)
	// Install puts a package into use and returns the plugin's id. rolledBack says why the version that was in use
	// before is in use again; empty when the new one is.
	Install(ctx context.Context, actor *plgv1.Actor, req *mostradorv1.InstallRequest) (id, rolledBack string, err error)
	// Rollback puts another version on this machine into use, the one before when version is empty.
	Rollback(ctx context.Context, actor *plgv1.Actor, id, version string) error
	// Remove takes a plugin that is not active, or a version that is not in use, off this machine.
	Remove(ctx context.Context, actor *plgv1.Actor, id, version string) error
	// Logs returns a plugin's last lines.
	Logs(id string, limit int) (*mostradorv1.LogsResponse, error)
	// Check asks the active plugins how they are.
	Check(ctx context.Context) (*mostradorv1.CheckPluginsResponse, error)
	// Development names the active plugins that run from the development folder.
	Development(lang string) []string
	// Settle decides a conflict of rules for a plugin, or takes the decision back.
	Settle(ctx context.Context, actor *plgv1.Actor, target, plugin string) error
	// Active returns the manifests of the active plugins in the order of their ids.
	Active() []*manifest.Manifest
	// Resolution is what they mean together.
	Resolution() *interplay.Resolution
	// Act presses a button, for a customer or (in a menu or report) for nobody, and commits the effects. Whether the button may be pressed has been
	// checked.
	Act(ctx context.Context, actor *plgv1.Actor, req *mostradorv1.RunRequest) (*plgv1.Result, error)
	// Panel asks for the content of a panel; c is nil for a report.
	Panel(ctx context.Context, plugin, panel string, c *plgv1.Customer, lang string) (*plgv1.Panel, error)
}

// server holds what the handlers of all services share.
type server struct{ Config }

// The services.
type (
	accessServer   struct{ *server }
	consentServer  struct{ *server }
	customerServer struct{ *server }
	eventServer    struct{ *server }
	messageServer  struct{ *server }
	pluginServer   struct{ *server }
	saleServer     struct{ *server }
	settingServer  struct{ *server }
)

// readLimit is the longest request: a template with its pictures fits.
const readLimit = 8 << 20

// packageLimit is the longest request with a package in it.
const packageLimit = 256 << 20

// eventLimit is the longest request with an event's files in it.
const eventLimit = 16 << 20

// New returns the handler of the whole API. Serve it with NewServer, which tells the home folder's socket from
// the network.
func New(c Config) http.Handler {
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	s := &server{c}
	options := []connect.HandlerOption{
		connect.WithInterceptors(&calls{s}),
		connect.WithCodec(jsonCodec{"json"}),
		connect.WithCodec(jsonCodec{"json; charset=utf-8"}),
		connect.WithReadMaxBytes(readLimit),
	}
	mux := http.NewServeMux()
	mux.Handle(mostradorv1connect.NewAccessServiceHandler(accessServer{s}, options...))
	mux.Handle(mostradorv1connect.NewConsentServiceHandler(consentServer{s}, options...))
	mux.Handle(mostradorv1connect.NewCustomerServiceHandler(customerServer{s}, options...))
	if s.Delivery != nil {
		mux.Handle(mostradorv1connect.NewDeliveryServiceHandler(deliveryServer{s}, options...))
	}
	mux.Handle(mostradorv1connect.NewEventServiceHandler(eventServer{s}, options...))
	if s.Model != nil {
		mux.Handle(mostradorv1connect.NewFieldServiceHandler(fieldServer{s}, options...))
	}
	if s.Intake != nil && s.Webhooks != nil {
		// An event brings files.
		path, integration := mostradorv1connect.NewIntegrationServiceHandler(integrationServer{s}, append(slices.Clip(options), connect.WithReadMaxBytes(eventLimit))...)
		mux.Handle(path, s.largeForTechnicians(integration))
		events := s.Intake.Handler()
		for _, path := range intake.Paths {
			mux.Handle(path, events)
		}
	}
	mux.Handle(mostradorv1connect.NewMessageServiceHandler(messageServer{s}, options...))
	path, plugins := mostradorv1connect.NewPluginServiceHandler(pluginServer{s}, append(slices.Clip(options), connect.WithReadMaxBytes(packageLimit))...)
	mux.Handle(path, s.largeForTechnicians(plugins))
	if s.Promotions != nil {
		mux.Handle(mostradorv1connect.NewPromotionServiceHandler(promotionServer{s}, options...))
	}
	if s.Records != nil {
		mux.Handle(mostradorv1connect.NewRecordServiceHandler(recordServer{s}, options...))
	}
	if s.Rules != nil {
		mux.Handle(mostradorv1connect.NewRuleServiceHandler(ruleServer{s}, options...))
	}
	mux.Handle(mostradorv1connect.NewSaleServiceHandler(saleServer{s}, options...))
	if s.Segments != nil {
		mux.Handle(mostradorv1connect.NewSegmentServiceHandler(segmentServer{s}, options...))
	}
	mux.Handle(mostradorv1connect.NewSettingServiceHandler(settingServer{s}, options...))
	if s.Subscriptions != nil {
		mux.Handle(mostradorv1connect.NewSubscriptionServiceHandler(subscriptionServer{s}, options...))
	}
	if s.Tags != nil {
		mux.Handle(mostradorv1connect.NewTagServiceHandler(tagServer{s}, options...))
	}
	if s.Tasks != nil {
		mux.Handle(mostradorv1connect.NewTaskServiceHandler(taskServer{s}, options...))
	}
	if s.Library != nil {
		mux.Handle(mostradorv1connect.NewTemplateServiceHandler(templateServer{s}, options...))
	}
	if s.Transfer != nil {
		mux.Handle(mostradorv1connect.NewTransferServiceHandler(transferServer{s}, options...))
	}
	return mux
}

// text is a sentence of this package in the language of whoever asks.
func (s *server) text(ctx context.Context, key string, args ...any) string {
	return s.Text.Text(locale.FromContext(ctx), "api."+key, args...)
}

// bound keeps a client's limit between 1 and the most that one answer holds.
func bound(limit int32) int {
	const usual, most = 50, 1000
	if limit <= 0 {
		return usual
	}
	return min(int(limit), most)
}
