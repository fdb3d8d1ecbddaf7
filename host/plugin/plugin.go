package plugin

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

var _ event.Consumer = (*Plugin)(nil)

// Plugin is one installed plugin under supervision. It takes work while its process runs; a plugin that is
// coming up is waited for (Policy.Wait), and else the work fails with event.ErrUnavailable.
type Plugin struct {
	id     string
	pkg    atomic.Pointer[Package]
	cfg    *Config
	shared *shared
	logger hclog.Logger
	logs   *logSink
	// settings counts the changes of what the plugin's settings are.
	settings atomic.Uint64

	// turn serialises start and stop.
	turn chan struct{}

	mu       sync.Mutex
	state    mostradorv1.PluginState
	since    time.Time
	restarts int32
	health   []*plgv1.Diagnostic // as the last check said
	run      *run                // while RUNNING
	lives    map[*run]struct{}
	stale    wire.Attachment // that could not be reached
	changed  chan struct{}   // closed at the next change of state
	cancel   context.CancelFunc
	ended    chan struct{} // closed when the supervisor has ended; nil when there was none
}

func newPlugin(pkg *Package, cfg *Config, shared *shared) *Plugin {
	logger := cfg.Logger.Named(logName(pkg.ID()))
	p := &Plugin{
		id: pkg.ID(), cfg: cfg, shared: shared, logger: logger,
		logs:    newLogSink(logger, cfg.Policy, time.Now),
		turn:    make(chan struct{}, 1),
		state:   mostradorv1.PluginState_PLUGIN_STATE_DISABLED,
		since:   time.Now(),
		changed: make(chan struct{}),
		lives:   map[*run]struct{}{},
	}
	p.pkg.Store(pkg)
	return p
}

// Name is the plugin's id: "PLG0074".
func (p *Plugin) Name() string { return p.id }

// Package is what it runs from now; Manager.Swap changes it.
func (p *Plugin) Package() *Package { return p.pkg.Load() }

// Handles tells whether the plugin wants events of that type.
func (p *Plugin) Handles(eventType string) bool { return p.Package().Manifest.Handles(eventType) }

// Deliver hands the plugin a batch of events and returns what it wants done.
func (p *Plugin) Deliver(ctx context.Context, batch *plgv1.Batch) (*plgv1.BatchDone, error) {
	done, err := p.work(ctx, &piece{
		request: &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Batch{Batch: batch}},
		limit:   p.cfg.Policy.BatchTimeout,
		batch:   spanOf(batch),
		answers: func(r *plgv1.WorkResponse) bool { return r.GetBatch() != nil },
	})
	return done.GetBatch(), err
}

func spanOf(batch *plgv1.Batch) span {
	d := batch.GetDeliveries()
	if len(d) == 0 {
		return span{}
	}
	return span{from: sequenceOf(d[0]), to: sequenceOf(d[len(d)-1])}
}

// sequenceOf is 0 for what is no event; the plugin will say so.
func sequenceOf(d *plgv1.Delivery) uint64 {
	var e plgv1.Event
	_ = proto.Unmarshal(d.GetEvent(), &e)
	return e.GetSequence()
}

// Act hands the plugin a press on one of its buttons.
func (p *Plugin) Act(ctx context.Context, call *plgv1.ActionCall) (*plgv1.ActionDone, error) {
	done, err := p.work(ctx, &piece{
		request: &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Action{Action: call}},
		limit:   p.cfg.Policy.ActionTimeout,
		answers: func(r *plgv1.WorkResponse) bool { return r.GetAction() != nil },
	})
	return done.GetAction(), err
}

// Panel asks the plugin for the content of one of its panels.
func (p *Plugin) Panel(ctx context.Context, call *plgv1.PanelCall) (*plgv1.PanelDone, error) {
	done, err := p.work(ctx, &piece{
		request: &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Panel{Panel: call}},
		limit:   p.cfg.Policy.PanelTimeout,
		answers: func(r *plgv1.WorkResponse) bool { return r.GetPanel() != nil },
	})
	return done.GetPanel(), err
}

// work does one piece of work in the process that runs, or in the one that is coming up.
func (p *Plugin) work(ctx context.Context, w *piece) (*plgv1.WorkResponse, error) {
	if err := fits(p, w); err != nil {
		return nil, err
	}
	w.answer = make(chan *plgv1.WorkResponse, 1)
	for {
		r, err := p.running(ctx)
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return nil, err
		}
		if w.ability != "" && !slices.Contains(r.abilities, w.ability) {
			return nil, fmt.Errorf("plugin %s: %w: %s", p.Name(), ErrUnable, w.ability)
		}
		done, err := r.do(ctx, w)
		if !errors.Is(err, errNotSent) {
			return done, err
		}
	}
}

// pids are its processes now.
func (p *Plugin) pids() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	var pids []int
	for r := range p.lives {
		if pid := r.process.pid(); pid != 0 && !r.attached {
			pids = append(pids, pid)
		}
	}
	return pids
}

// running returns the running process, waiting for one that is coming up.
func (p *Plugin) running(ctx context.Context) (*run, error) {
	var timeout <-chan time.Time
	for {
		p.mu.Lock()
		r, state, changed := p.run, p.state, p.changed
		p.mu.Unlock()
		switch state {
		case mostradorv1.PluginState_PLUGIN_STATE_RUNNING:
			if !r.over() {
				return r, nil
			}
		case mostradorv1.PluginState_PLUGIN_STATE_STARTING, mostradorv1.PluginState_PLUGIN_STATE_RESTARTING:
		default:
			return nil, p.unavailable("it does not run")
		}
		if timeout == nil {
			timer := time.NewTimer(p.cfg.Policy.Wait)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-changed:
		case <-timeout:
			return nil, p.unavailable("it is still coming up")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (p *Plugin) unavailable(why string) error {
	return fmt.Errorf("plugin %s: %w: %s", p.Name(), event.ErrUnavailable, why)
}

// Info returns what is known about the plugin, with its texts in that language.
func (p *Plugin) Info(language string) *mostradorv1.PluginInfo {
	pkg := p.Package()
	m := pkg.Manifest
	info := &mostradorv1.PluginInfo{
		Id:          m.ID,
		Name:        m.Name.In(language),
		Version:     m.Version,
		Description: m.Description.In(language),
		Permissions: m.Permissions,
		Development: pkg.Origin == OriginDevelopment,
		LogDropped:  p.logs.dropped(),
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	info.State, info.Since, info.Restarts = p.state, timestamppb.New(p.since), p.restarts
	info.Health = p.health
	info.Active = p.state != mostradorv1.PluginState_PLUGIN_STATE_DISABLED
	switch p.state {
	case mostradorv1.PluginState_PLUGIN_STATE_RUNNING:
		info.Pid = int32(p.run.process.pid())
		info.Sandbox = boundsText(p.shared.words, language, p.run.process.kept)
	case mostradorv1.PluginState_PLUGIN_STATE_RESTARTING, mostradorv1.PluginState_PLUGIN_STATE_SET_ASIDE:
		info.LastLog = p.logs.last()
	}
	return info
}

// set changes the state and tells those who wait for it.
func (p *Plugin) set(state mostradorv1.PluginState, r *run) {
	p.mu.Lock()
	p.state, p.run, p.since, p.health = state, r, time.Now(), nil
	if state == mostradorv1.PluginState_PLUGIN_STATE_RESTARTING {
		p.restarts++
	}
	close(p.changed)
	p.changed = make(chan struct{})
	p.mu.Unlock()
	if p.cfg.OnState != nil {
		p.cfg.OnState(p.Name())
	}
}

// setHealth keeps what a check said, and tells of it when it is news.
func (p *Plugin) setHealth(health []*plgv1.Diagnostic) {
	p.mu.Lock()
	same := slices.EqualFunc(p.health, health, func(a, b *plgv1.Diagnostic) bool { return proto.Equal(a, b) })
	p.health = health
	p.mu.Unlock()
	if !same && p.cfg.OnState != nil {
		p.cfg.OnState(p.Name())
	}
}
