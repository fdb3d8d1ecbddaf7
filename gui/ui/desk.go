package ui

import (
	"context"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"fyne.io/fyne/v2"
	"google.golang.org/protobuf/proto"

	"mostrador/gui/locales"
	"mostrador/gui/model"
	"mostrador/sdk/plgv1"
)

// Place is a screen that can be gone to.
type Place string

// The places.
const (
	Billing     Place = "billing"
	Customers   Place = "customers"
	NewCustomer Place = "new"
	Sheet       Place = "sheet"
	Outbox      Place = "outbox"
	Reports     Place = "reports"
	Plugins     Place = "plugins"
	Guide       Place = "guide"
	Staff       Place = "staff"
	Segments    Place = "segments"
	Tags        Place = "tags"
	DataModel   Place = "datamodel"
	Imports     Place = "imports"
	Duplicates  Place = "duplicates"

	Templates    Place = "templates"
	Rules        Place = "rules"
	Promotions   Place = "promotions"
	Offers       Place = "offers"
	Delivery     Place = "delivery"
	Integrations Place = "integrations"
)

// Screen is the content of the main window.
type Screen interface {
	// Content is built once.
	Content() fyne.CanvasObject
	// Show is called each time the screen comes up; arg is what Go was called with.
	Show(arg string)
	// Hide is called when another screen comes up.
	Hide()
	// Key sees keys that the window itself has no use for; it marks those that it takes with Take.
	Key(ev *fyne.KeyEvent)
	// Scanned gets what a scanner typed while no text box had the focus.
	Scanned(code string)
	// Changed is told of changes while the screen is shown.
	Changed(c model.Change)
}

// Shortcutter is a screen that knows keys pressed with Ctrl or Alt.
type Shortcutter interface {
	Screen
	// Shortcut tells whether the screen has used the shortcut.
	Shortcut(s fyne.Shortcut) bool
}

// Navigator goes from screen to screen; the shell is one.
type Navigator interface {
	Go(place Place, arg string)
	Back()
}

// Config is what a Desk is made of.
type Config struct {
	Model  *model.Model
	Text   *locales.Catalog
	Window fyne.Window
	// Do runs a function on the toolkit's goroutine (fyne.Do); tests pass a queue.
	Do func(func())
	// Clock is time.Now, or a test's clock.
	Clock func() time.Time
	// OpenURL shows an address in the browser.
	OpenURL func(*url.URL) error
}

// Desk is what every screen stands on: model, sentences, window and messages to the person.
type Desk struct {
	Config
	Nav Navigator

	ctx     context.Context
	cancel  context.CancelFunc
	group   sync.WaitGroup
	pending atomic.Int64
	toast   *toast
	modals  []*Modal
	drafts  map[string]proto.Message
}

// callLimit bounds one call to the host.
const callLimit = 15 * time.Second

// NewDesk makes a desk that lives until Close.
func NewDesk(cfg Config) *Desk {
	d := &Desk{Config: cfg}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.toast = newToast(d)
	return d
}

// Close ends all calls that are under way and waits for them.
func (d *Desk) Close() {
	d.cancel()
	d.group.Wait()
}

// Busy tells how many calls are under way, for tests that wait until all is quiet.
func (d *Desk) Busy() int { return int(d.pending.Load()) }

// T is the sentence of a key in the language of the screen.
func (d *Desk) T(key string, args ...any) string { return d.Text.Text(key, args...) }

// Go runs f on a goroutine that ends with the desk.
func (d *Desk) Go(f func(ctx context.Context)) { d.group.Go(func() { f(d.ctx) }) }

// Ask calls the host away from the toolkit's goroutine and hands the answer back on it. Screens call it from
// the toolkit's goroutine only.
func Ask[Req, Res any](d *Desk, call func(context.Context, *connect.Request[Req]) (*connect.Response[Res], error), req *Req, then func(*Res, error)) {
	AskFor(d, callLimit, call, req, then)
}

// AskFor is Ask for calls that may take longer than others, such as an installation.
func AskFor[Req, Res any](d *Desk, limit time.Duration, call func(context.Context, *connect.Request[Req]) (*connect.Response[Res], error), req *Req, then func(*Res, error)) {
	d.pending.Add(1)
	d.group.Go(func() {
		ctx, done := context.WithTimeout(d.ctx, limit)
		defer done()
		res, err := call(ctx, connect.NewRequest(req))
		d.Do(func() {
			defer d.pending.Add(-1)
			if d.ctx.Err() != nil {
				return
			}
			if err != nil {
				then(nil, err)
				return
			}
			then(res.Msg, nil)
		})
	})
}

// Await is Ask for calls of the model.
func (d *Desk) Await(call func(context.Context) error, then func(error)) {
	d.pending.Add(1)
	d.group.Go(func() {
		ctx, done := context.WithTimeout(d.ctx, callLimit)
		defer done()
		err := call(ctx)
		d.Do(func() {
			defer d.pending.Add(-1)
			if d.ctx.Err() == nil {
				then(err)
			}
		})
	})
}

// Latest hands on only the newest of several answers, for searching while typing.
type Latest struct{ n int }

// Next begins a new question; the function tells whether it is still the newest.
func (l *Latest) Next() (current func() bool) {
	l.n++
	return l.Same()
}

// Same joins the newest question: the function tells whether no other has begun since.
func (l *Latest) Same() (current func() bool) {
	n := l.n
	return func() bool { return l.n == n }
}

// Nowhere tells whether the host knows nothing by the name or key that it was asked for.
func Nowhere(err error) bool {
	code := connect.CodeOf(err)
	return code == connect.CodeNotFound || code == connect.CodeInvalidArgument
}

// Explain says in one sentence why a call failed.
func (d *Desk) Explain(err error) string {
	if err == nil {
		return ""
	}
	for _, diag := range model.Refusal(err).GetDiagnostics() {
		return Sentence(diag)
	}
	switch {
	case model.Unreachable(err):
		return d.T("error.offline")
	case connect.CodeOf(err) == connect.CodePermissionDenied:
		return d.T("error.permission")
	case connect.CodeOf(err) == connect.CodeUnauthenticated:
		return d.T("error.session")
	}
	if ce := new(connect.Error); asConnect(err, &ce) && ce.Message() != "" {
		return ce.Message()
	}
	return d.T("error.unknown")
}

// Sentence is a diagnostic as one text.
func Sentence(diag *plgv1.Diagnostic) string {
	if diag.Detail == "" {
		return diag.Summary
	}
	return diag.Summary + " " + diag.Detail
}

// Open shows an address in the browser, and says so when that fails.
func (d *Desk) Open(address string) {
	u, err := url.Parse(address)
	if err == nil && (u.Scheme == "http" || u.Scheme == "https" || u.Scheme == "file") {
		err = d.OpenURL(u)
	}
	if err != nil {
		d.Fail(d.T("error.browser"))
	}
}
