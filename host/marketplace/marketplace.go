// Package marketplace is the web tier that customers reach: the pages on which they accept and leave, and
// the feed from which their store learns of it.
//
// A link in a mail carries a sealed token (package token) with everything that its page needs, so the page
// works before the store has synchronised anything, and while the store is cut off (seed 000, step 3). What
// the customer does is kept by an Engine, durably, in order; the store reads that feed with a cursor of its
// own, whenever it can. Neither tier waits for the other: until the feed gets through, the 4-digit code that
// the page shows lets staff activate the account on the spot.
//
// A GET or HEAD changes nothing and shows no code, because mail scanners follow links and some run scripts.
// Only the button's POST acts, and only with the value that the form carries; the one exception is the
// one-click body of RFC 8058 on the opt-out link. The pages are plain HTML: no script, no cookie, nothing
// from third parties.
//
// The pages, each at a letter and its token:
//
//	/a/ accept (opt-in), with the short code      /b/ leave promotions, /b/…/volver come back at once
//	/p/ choose topics                             /m/ say why one leaves
//	/u/ go to a sealed address, one time          /c/ go to a sealed address, and note the click
//	/o/ the picture by which an opening is noted
//
// Clicks and openings are only noted (tracking.go), never proof, and told apart from machines' (machine.go).
package marketplace

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"mostrador/host/api/mostradorv1"
)

// Text returns a sentence for a person (locale.Catalog.Text).
type Text func(lang, key string, args ...any) string

// Config is what the pages need.
type Config struct {
	Engine Engine
	// Key is the store's master key, which seals the tokens of links.
	Key []byte
	// Text gives the sentences of the pages in Languages (the first is the default; es and en when empty).
	Text      Text
	Languages []string
	Logger    hclog.Logger
	// TrustedProxies are the only peers whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// Requests bounds what one client (an IPv4 address or an IPv6 /64) may ask; DefaultRate when zero.
	Requests Rate
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Server serves the pages.
type Server struct {
	cfg     Config
	log     hclog.Logger
	pages   *pages
	limiter *limiter
	formKey []byte
	fetches *fetches
	handler http.Handler
}

// New returns the pages as an http.Handler.
func New(cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if len(cfg.Languages) == 0 {
		cfg.Languages = []string{"es", "en"}
	}
	if cfg.Requests == (Rate{}) {
		cfg.Requests = DefaultRate
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	formKey, err := subKey(cfg.Key, "mostrador/marketplace/form/v1")
	if err != nil {
		return nil, err
	}
	pages, err := newPages(cfg.Text)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg:     cfg,
		log:     cfg.Logger.Named("marketplace"),
		pages:   pages,
		limiter: newLimiter(cfg.Requests),
		formKey: formKey,
	}
	s.fetches = newFetches(cfg.Engine, s.log, cfg.Now)
	s.handler = s.routes()
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Serve answers on a listener until ctx ends, lets requests under way finish for a moment, and keeps what was noted of
// openings and clicks, which it does every second meanwhile.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	var gathering sync.WaitGroup
	gathering.Go(func() { s.fetches.run(life) })
	err := serve(ctx, listener, s)
	stop()
	gathering.Wait()
	return err
}

// serve runs one http.Server with limits for strangers.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      20 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		err := server.Shutdown(grace)
		if err != nil {
			err = server.Close()
		}
		stopped <- err
	})
	err := server.Serve(listener)
	if stop() {
		return fmt.Errorf("serve the web pages: %w", err)
	}
	return <-stopped
}

// Follow hands every act of a feed after a sequence to record, in order and as many at once as there are, until ctx
// ends. While the feed cannot be read, or record fails, it tries again, at first at once and then every few seconds;
// acts that record has taken are not offered again by this call. record keeps all of the acts and the new cursor, in one
// transaction, or nothing.
func Follow(ctx context.Context, feed Feed, after uint64, log hclog.Logger, record func(context.Context, []*mostradorv1.WebAct) error) {
	const most = 3 * time.Second
	wait := time.Duration(0)
	for ctx.Err() == nil {
		acts, err := feed.Read(ctx, after, 100)
		if len(acts) > 0 {
			if err = record(ctx, acts); err == nil {
				after, wait = acts[len(acts)-1].Sequence, 0
			}
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		if wait == 0 {
			log.Warn("the web feed stopped; trying again", "error", err)
		}
		wait = min(max(2*wait, 50*time.Millisecond), most)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}
