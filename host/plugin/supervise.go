package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/plugin/sandbox"
	"mostrador/sdk/plgv1"
)

// start begins supervision and waits for the first life to begin or to fail.
func (p *Plugin) start(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.turn }()
	if p.supervised() {
		return nil
	}
	return p.begin(ctx, nil)
}

// begin has a new supervisor at work, with r as the first life when it is not nil; it waits as start does. The turn
// is held and there is no supervisor.
func (p *Plugin) begin(ctx context.Context, r *run) error {
	life, cancel := context.WithCancel(context.Background())
	first := make(chan error, 1)
	ended := make(chan struct{})
	p.mu.Lock()
	p.cancel, p.ended, p.restarts = cancel, ended, 0
	p.mu.Unlock()
	p.set(mostradorv1.PluginState_PLUGIN_STATE_STARTING, nil)
	go func() {
		defer close(ended)
		defer cancel()
		p.supervise(life, first, r)
	}()
	select {
	case err := <-first:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// supervised tells whether the supervisor is at work.
func (p *Plugin) supervised() bool {
	p.mu.Lock()
	ended := p.ended
	p.mu.Unlock()
	if ended == nil {
		return false
	}
	select {
	case <-ended:
		return false
	default:
		return true
	}
}

// stop ends supervision and waits until no process is left. When ctx is done first, the process is killed
// and then waited for.
func (p *Plugin) stop(ctx context.Context) {
	p.end() // so that a start under way gives up its turn at once
	p.turn <- struct{}{}
	defer func() { <-p.turn }()
	p.halt(ctx)
	p.mu.Lock()
	disabled := p.state == mostradorv1.PluginState_PLUGIN_STATE_DISABLED
	p.mu.Unlock()
	if !disabled {
		p.set(mostradorv1.PluginState_PLUGIN_STATE_DISABLED, nil)
	}
}

// halt waits until the supervisor and its process have ended; when ctx is done first, the process is killed.
func (p *Plugin) halt(ctx context.Context) {
	ended, r := p.end()
	if ended == nil {
		return
	}
	select {
	case <-ended:
	case <-ctx.Done():
		if r != nil {
			r.process.kill()
		}
		<-ended
	}
}

// end asks the supervisor to end; it returns what then will be closed, and the life to end.
func (p *Plugin) end() (ended <-chan struct{}, r *run) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cancel != nil {
		p.cancel()
	}
	return p.ended, p.run
}

// supervise lives one life of the plugin after the other until ctx is done or the plugin is set aside. The first
// life is r, when there is one. The outcome of the first start goes to first.
func (p *Plugin) supervise(ctx context.Context, first chan<- error, r *run) {
	var rec record
	for {
		var err error
		if r == nil {
			r, err = p.launch(ctx, p.Package())
		}
		if ctx.Err() != nil {
			if r != nil {
				r.stop()
			}
			report(&first, ctx.Err())
			return
		}
		var worked bool
		var batch span
		if err == nil {
			p.set(mostradorv1.PluginState_PLUGIN_STATE_RUNNING, r)
			p.logger.Debug("plugin runs", "pid", r.process.pid())
			report(&first, nil)
			if !p.watch(ctx, r) {
				r.stop()
				return
			}
			err = r.end()
			worked, batch = r.worked.Load(), r.batchUnderWay()
			r = nil
		}
		if errors.Is(err, errAttach) {
			p.set(mostradorv1.PluginState_PLUGIN_STATE_STARTING, nil)
			continue
		}
		pause, aside := rec.end(p.cfg.Policy, time.Now(), worked, batch)
		aside = aside || errors.Is(err, errUnfit)
		p.logs.note(err.Error())
		if aside {
			p.logger.Error("plugin set aside", "error", err)
			p.set(mostradorv1.PluginState_PLUGIN_STATE_SET_ASIDE, nil)
		} else {
			p.logger.Warn("plugin ended, starting it again", "error", err, "pause", pause)
			p.set(mostradorv1.PluginState_PLUGIN_STATE_RESTARTING, nil)
		}
		report(&first, fmt.Errorf("plugin %s: %w", p.Name(), err))
		if aside || !sleep(ctx, pause) {
			return
		}
	}
}

// watch waits for the end of a life, and looks after its health meanwhile. It reports false when ctx is done first.
func (p *Plugin) watch(ctx context.Context, r *run) bool {
	var look <-chan time.Time
	if slices.Contains(r.abilities, AbilityCheck) {
		ticker := time.NewTicker(p.cfg.Policy.HealthEvery)
		defer ticker.Stop()
		look = ticker.C
	}
	var developer <-chan time.Time
	if r.pkg.Origin == OriginDevelopment && !r.attached {
		ticker := time.NewTicker(attachEvery)
		defer ticker.Stop()
		developer = ticker.C
	}
	greed := time.NewTicker(greedEvery)
	defer greed.Stop()
	var before time.Duration
	for {
		select {
		case <-ctx.Done():
			return false
		case <-r.lost:
			return true
		case <-greed.C:
			before = p.curb(r, before)
		case <-look:
			p.look(ctx, r)
		case <-developer:
			if _, found := p.attachment(r.pkg); found && r.underWay() == nil {
				r.lose(errAttach)
			}
		}
	}
}

const (
	// greedEvery is how often the processor time of a plugin is looked at, and greedMost how much of it since the
	// last time is too much: half of one processor.
	greedEvery = 4 * time.Second
	greedMost  = greedEvery / 2
)

// curb has a plugin that takes too much of the processor go last for the rest of its life: that costs it nothing as
// long as nobody else wants to work. before is the time it had taken when this was called last; the new one is returned.
func (p *Plugin) curb(r *run, before time.Duration) time.Duration {
	now, err := sandbox.Worked(r.process.pid())
	if err != nil || r.attached || r.curbed || now-before < greedMost {
		return now
	}
	r.curbed = true
	if err := sandbox.GoLast(r.process.pid()); err != nil {
		return now // it has ended
	}
	p.logger.Warn("plugin takes much of the processor, and goes last from now on", "seconds", int((now - before).Seconds()))
	return now
}

// look asks a plugin that is idle how it is; one that works is well enough. One that does not answer hangs, and is
// ended for it like any other.
func (p *Plugin) look(ctx context.Context, r *run) {
	if r.underWay() != nil {
		return
	}
	w := p.cfg.Policy.check(&plgv1.CheckCall{Time: timestamppb.New(time.Now()), Language: locale.Default})
	w.answer = make(chan *plgv1.WorkResponse, 1)
	if done, err := r.do(ctx, w); err == nil {
		p.setHealth(healthOf(done.GetCheck()))
	}
}

// report sends the outcome of the first start, once.
func report(first *chan<- error, err error) {
	if *first != nil {
		*first <- err
		*first = nil
	}
}

// sleep waits, and tells whether ctx let it.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
