// Package host is a store at work: it opens the home folder and ties the parts of the house together.
//
// The home folder holds everything that a store is:
//
//	store.db        customers, consent, sales, events, settings, outbox (bbolt)
//	marketplace.db  what customers did on the web pages, until the store has taken it over (bbolt)
//	key             the master key: seals links, secrets and PINs; without it the rest is of little use
//	templates/      mail templates that were typed or chosen on screen
//	spool/          mails, as .eml files, while no SMTP server is set
//	plugins/        plug-ins that were added to those that come with the program
//	run/            sockets of running plug-ins
//	mostrador.sock  where the local administrator reaches the running host
//
// A fact goes one way round. A service commits a change with its event in one transaction; the event engine hands
// it to the active plug-ins; what they answer is applied by effects.go, in one transaction with the plug-in's
// cursor; mails leave from the outbox; what customers do on the web pages comes back through the feed. What the
// active plug-ins mean together is resolved in ensemble.go whenever a plug-in or a setting changes.
//
// Plug-ins come and go while all of that works. lifecycle.go installs and removes them, upgrade.go puts a version in the
// place of another, records.go brings a plug-in's records along, develop.go follows the development folder,
// disclose.go cuts out of events what a plug-in may not see, and rehearse.go plays the past to a plug-in that is asked
// what it would have done with other settings.
package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"mostrador/configguide"
	"mostrador/host/access"
	"mostrador/host/api"
	"mostrador/host/consent"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/intake"
	"mostrador/host/locale"
	"mostrador/host/marketplace"
	"mostrador/host/message"
	"mostrador/host/message/delivery"
	"mostrador/host/message/dkim"
	"mostrador/host/message/doctor"
	"mostrador/host/message/library"
	"mostrador/host/model"
	"mostrador/host/plugin"
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
)

// DefaultListen and DefaultWebListen are where a store listens when nothing else is said.
const (
	DefaultListen    = "127.0.0.1:8600"
	DefaultWebListen = "127.0.0.1:8601"
)

// Options say how a host is opened.
type Options struct {
	// Home is the store's folder; it is made when missing.
	Home string
	// Plugins are folders of packages beside HOME/plugins: those that come with the program.
	Plugins []string
	// Listen is where the API answers (HOST:PORT); empty means on the home folder's socket only.
	Listen string
	// WebListen is where the customers' pages answer; empty means nowhere.
	WebListen string
	// Version is the program's, for people.
	Version string
	Logger  hclog.Logger
	// Policy is how patient the host is with plug-ins; the zero Policy is the usual one.
	Policy plugin.Policy
}

// Host is an open store. Everything that it began ends with Close.
type Host struct {
	opt Options
	// key is the store's master key.
	key    []byte
	logger hclog.Logger
	text   *locale.Catalog

	store     *store.Store
	web       *store.Store
	log       *event.Log
	engine    *event.Engine
	guide     *configguide.Guide
	customers *customer.Service
	tasks     *task.Service
	model     *model.Service
	segments  *segment.Service
	tags      *tag.Service
	rules     *rule.Service
	transfers *transfer.Service
	histories *record.Service
	consent   *consent.Service
	// subscriptions stand below consent.
	subscriptions *subscription.Service
	sales         *sale.Service
	intake        *intake.Service
	webhooks      *webhook.Service
	access        *access.Service
	messages      *message.Service
	library       *library.Service
	files         templateFiles
	plugins       *plugin.Manager
	feed          *marketplace.Embedded
	hub           *api.Hub
	ensemble      *ensemble
	chains        chains

	// What messages say, and to whom.
	promotions *promotion.Service
	delivery   *delivery.Service
	dkim       *dkim.Service
	doctor     *doctor.Doctor
	box        openBox

	// mail is what mailSettings read last, and mailMu who reads it now; returnKey proves return paths.
	mail      atomic.Pointer[message.Settings]
	mailMu    sync.Mutex
	returnKey []byte
	// sign, when set, returns who signs mails.
	sign func() message.Signer
	// publishing lets one profile be published after the other, so that the latest stays.
	publishing sync.Mutex

	// opened is set when everything is there that a plug-in's state concerns.
	opened atomic.Bool

	address, webAddress string
	// linkAddress is where links in mails lead while no public address is set.
	linkAddress string

	stop    context.CancelFunc
	running sync.WaitGroup
	// closers end what is active, last first.
	closers []func(context.Context) error
}

// Open opens the store in opt.Home and returns when it is ready: plug-ins run, listeners answer. ctx bounds the
// opening only.
func Open(ctx context.Context, opt Options) (*Host, error) {
	if opt.Logger == nil {
		opt.Logger = hclog.NewNullLogger()
	}
	h := &Host{opt: opt, logger: opt.Logger, text: locale.New(), hub: api.NewHub()}
	life, stop := context.WithCancel(context.Background())
	h.stop = stop
	if err := h.open(ctx, life); err != nil {
		// What was opened is closed even when the caller's patience is over.
		return nil, errors.Join(err, h.Close(context.WithoutCancel(ctx)))
	}
	return h, nil
}

func (h *Host) open(ctx, life context.Context) error {
	home, err := filepath.Abs(h.opt.Home)
	if err != nil {
		return fmt.Errorf("the home folder: %w", err)
	}
	h.opt.Home = home
	for _, dir := range []string{home, h.path("run")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making the home folder: %w", err)
		}
	}
	key, err := masterKey(h.path("key"), h.path("store.db"))
	if err != nil {
		return err
	}
	h.key = key
	// The socket comes before the file: it tells a second host, in words, that there is one.
	local, err := api.ListenLocal(home)
	if err != nil {
		return err
	}
	h.closing(func(context.Context) error { return ignoreClosed(local.Close()) })

	library, broken := plugin.NewLibrary(plugin.LibraryConfig{Dir: h.path("plugins"), Programs: h.opt.Plugins})
	if broken != nil {
		h.logger.Error("some plug-ins cannot be used", "error", broken)
	}
	if h.store, err = store.Open(h.path("store.db"), store.Options{Logger: h.logger.Named("store")}); err != nil {
		return err
	}
	h.ensemble = newEnsemble(h, library)
	if err := h.store.View(h.ensemble.load); err != nil {
		return err
	}
	h.plugins, err = plugin.NewManager(plugin.Config{
		Packages: h.ensemble.packages(), RuntimeDir: h.path("run"), Private: []string{home}, Text: h.text, Settings: h.pluginSettings, Reader: keyspace{h.store},
		OnState: h.pluginState, Logger: h.logger.Named("plugin"), Policy: h.opt.Policy,
	})
	if err != nil {
		return err
	}
	h.closing(h.plugins.Close)
	// Processes need the longest to start, so all else is made ready meanwhile. They get no work before.
	started := make(chan struct{})
	go func() {
		defer close(started)
		// A plug-in that does not start keeps nobody from opening the store: its supervisor goes on trying.
		if err := h.plugins.Start(ctx, h.ensemble.activeIDs()...); err != nil {
			h.logger.Error("a plug-in does not start", "error", err)
		}
	}()
	err = h.assemble(key)
	if err == nil {
		err = h.serve(ctx, life, key, local)
	}
	<-started
	if err != nil {
		return err
	}
	h.opened.Store(true)
	if err := h.ensemble.attach(ctx); err != nil {
		return err
	}
	h.ensemble.develop(ctx)
	return nil
}

// assemble makes the services; none of them does anything by itself yet.
func (h *Host) assemble(key []byte) (err error) {
	h.log = event.NewLog(h.store)
	if h.guide, err = h.openGuide(key); err != nil {
		return err
	}
	if err := h.assembleCustomers(); err != nil {
		return err
	}
	h.consent = consent.New(consent.Config{
		Store: h.store, Log: h.log, Customers: h.customers, Key: key, Text: h.text, Logger: h.logger.Named("consent"),
		Validity: h.codeValidity, Policy: h.policyTexts,
	})
	h.subscriptions = subscription.New(subscription.Config{
		Store: h.store, Log: h.log, Customers: h.customers, Text: h.text, Changed: h.topicsChanged,
		Language: func() string { return h.guide.Text(settingLanguage) },
	})
	h.sales = sale.New(sale.Config{
		Store: h.store, Log: h.log, Customers: h.customers, Text: h.text,
		Currency: func() string { return h.guide.Text(settingCurrency) },
	})
	h.assemblePromotions()
	if err := h.assembleRecords(); err != nil {
		return err
	}
	h.access = access.New(access.Config{Store: h.store, Log: h.log, Key: key, Text: h.text, Logger: h.logger.Named("access")})
	if err := h.assembleMessages(key); err != nil {
		return err
	}
	if err := h.assembleTemplates(); err != nil {
		return err
	}
	h.engine = event.NewEngine(event.Config{
		Store: h.store, Log: h.log, Applier: effects{h}, Logger: h.logger.Named("event"), Customer: h.customers.Get,
		ParkedChanged: h.parkedChanged, Facts: h.factsFor,
	})
	if err := h.assembleIntegration(key); err != nil {
		return err
	}
	h.assembleHistories()
	h.assembleRules()
	h.ensemble.resolution.Store(h.ensemble.resolve(*h.ensemble.active.Load()))
	if level, err := h.guide.Entry(settingLogLevel, ""); err == nil && level.IsSet && h.opt.WebListen != "" {
		h.setLogLevel() // of a store that serves; a command keeps its own
	}
	unwatch := h.guide.Watch(h.settingsChanged)
	h.closing(func(context.Context) error { unwatch(); return nil })
	h.closing(func(context.Context) error { h.engine.Close(); return nil })
	return nil
}

// serve opens the listeners and begins what goes on by itself.
func (h *Host) serve(ctx, life context.Context, key []byte, local net.Listener) error {
	var err error
	if h.web, err = store.Open(h.path("marketplace.db"), store.Options{Logger: h.logger.Named("marketplace")}); err != nil {
		return err
	}
	h.feed = marketplace.NewEmbedded(h.web)

	var pages, remote net.Listener
	if h.opt.WebListen != "" {
		if pages, err = net.Listen("tcp", h.opt.WebListen); err != nil {
			return fmt.Errorf("the customers' pages: %w", err)
		}
		h.closing(func(context.Context) error { return ignoreClosed(pages.Close()) })
	}
	if h.opt.Listen != "" {
		if remote, err = net.Listen("tcp", h.opt.Listen); err != nil {
			return fmt.Errorf("the API: %w", err)
		}
		h.closing(func(context.Context) error { return ignoreClosed(remote.Close()) })
		h.address = "http://" + remote.Addr().String()
	}
	if err := h.rememberWebAddress(ctx, pages); err != nil {
		return err
	}
	if err := h.publishProfile(ctx); err != nil {
		return err
	}

	if pages != nil {
		server, err := marketplace.New(marketplace.Config{
			Engine: h.feed, Key: key, Text: h.text.Text, Logger: h.logger.Named("marketplace"),
		})
		if err != nil {
			return err
		}
		h.begin(func() {
			if err := server.Serve(life, pages); err != nil {
				h.logger.Error("the customers' pages ended", "error", err)
			}
		})
	}
	handler := api.New(h.apiConfig())
	h.answer(api.Guard(local, h.plugins.Owns), api.NewServer(handler, true))
	if remote != nil {
		h.answer(remote, api.NewServer(handler, false))
	}
	h.begin(func() {
		if err := h.messages.Run(life); err != nil && !errors.Is(err, context.Canceled) {
			h.logger.Error("the outbox ended", "error", err)
		}
	})
	h.begin(func() {
		if err := h.delivery.Run(life); err != nil && !errors.Is(err, context.Canceled) {
			h.logger.Error("the supervision of mails ended", "error", err)
		}
	})
	h.begin(func() { h.callWebhooks(life) })
	cursor, err := h.feedCursor()
	if err != nil {
		return err
	}
	h.begin(func() { marketplace.Follow(life, h.feed, cursor, h.logger.Named("feed"), h.takeOver) })
	h.workOnCustomers(life)
	h.begin(func() { h.watchEvents(life) })
	h.begin(func() { h.watchFiles(life) })
	h.begin(func() { h.ensemble.sync(life) })
	h.begin(func() { h.ensemble.watchTrials(life) })
	return nil
}

// answer serves the API on one listener until Close.
func (h *Host) answer(l net.Listener, server *http.Server) {
	h.begin(func() {
		if err := server.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			h.logger.Error("the API ended", "error", err)
		}
	})
	h.closing(func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			return server.Close() // calls that go on for longer are cut off
		}
		return nil
	})
}

// Address is where the API answers ("http://127.0.0.1:8600"); empty when only on the socket.
func (h *Host) Address() string { return h.address }

// WebAddress is where this host's customers' pages answer; empty when nowhere.
func (h *Host) WebAddress() string { return h.webAddress }

// Idle returns when nothing is left to do: every event is handled, every mail that is due has left.
func (h *Host) Idle(ctx context.Context) error {
	if err := h.engine.Idle(ctx); err != nil {
		return err
	}
	return h.messages.Idle(ctx)
}

// Close ends everything that the host began and closes its files.
func (h *Host) Close(ctx context.Context) error {
	h.hub.Close()
	h.stop()
	var errs []error
	for i := len(h.closers) - 1; i >= 0; i-- {
		errs = append(errs, h.closers[i](ctx))
	}
	h.closers = nil
	// What still runs uses the files.
	h.running.Wait()
	for _, file := range []*store.Store{h.web, h.store} {
		if file != nil {
			errs = append(errs, file.Close())
		}
	}
	return errors.Join(errs...)
}

func (h *Host) closing(fn func(context.Context) error) { h.closers = append(h.closers, fn) }

func (h *Host) begin(fn func()) { h.running.Go(fn) }

func (h *Host) path(name string) string { return filepath.Join(h.opt.Home, name) }

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
