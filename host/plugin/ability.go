package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

// The abilities that a plugin of protocol 2 may have, as Describe names them.
const (
	// AbilityMigrate brings its records from one version to another.
	AbilityMigrate = "migrate"
	// AbilityCheck tells how it is.
	AbilityCheck = "check"
	// AbilityValidate judges values of its settings.
	AbilityValidate = "validate"
	// AbilityRehearse plays its handlers the past.
	AbilityRehearse = "rehearse"
)

// ErrUnable means that the plugin does not have the ability that was asked for.
var ErrUnable = errors.New("plugin: it does not have this ability")

// Unhealthy is a plugin's own word that it is not fit for work.
type Unhealthy struct {
	// Diagnostics are what it said; one of them at least is an error.
	Diagnostics []*plgv1.Diagnostic
}

func (e *Unhealthy) Error() string {
	for _, d := range e.Diagnostics {
		if d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
			return "plugin: it is not healthy: " + d.GetSummary()
		}
	}
	return "plugin: it is not healthy"
}

// Can tells whether the plugin has that ability. It is known while the plugin runs, and false else.
func (p *Plugin) Can(ability string) bool {
	p.mu.Lock()
	r := p.run
	p.mu.Unlock()
	return r != nil && slices.Contains(r.abilities, ability)
}

// Check asks the plugin how it is. ErrUnable says that it cannot tell.
func (p *Plugin) Check(ctx context.Context, call *plgv1.CheckCall) (*plgv1.CheckDone, error) {
	done, err := p.work(ctx, p.cfg.Policy.check(call))
	if err == nil {
		p.setHealth(healthOf(done.GetCheck()))
	}
	return done.GetCheck(), err
}

// Validate shows the plugin a value that somebody is about to give to one of its settings. ErrUnable says that it
// judges none.
func (p *Plugin) Validate(ctx context.Context, call *plgv1.ValidateCall) (*plgv1.ValidateDone, error) {
	done, err := p.work(ctx, &piece{
		request: &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Validate{Validate: call}},
		limit:   p.cfg.Policy.ValidateTimeout,
		ability: AbilityValidate,
		answers: func(r *plgv1.WorkResponse) bool { return r.GetValidate() != nil },
	})
	return done.GetValidate(), err
}

// Migrate has the plugin that runs bring its records to another version. Its effects are for the caller to commit.
// An upgrade asks the Candidate instead, before it is given any other work. ErrUnable says that it has nothing to
// migrate.
func (p *Plugin) Migrate(ctx context.Context, call *plgv1.MigrateCall) (*plgv1.MigrateDone, error) {
	done, err := p.work(ctx, p.cfg.Policy.migrate(call))
	return done.GetMigrate(), err
}

// Rehearse plays the plugin events of the past; see plgv1.RehearseCall. Between two calls it does its usual work. A
// rehearsal belongs to the plugin's process: when that ended meanwhile, the answer has a fault. ErrUnable says that it
// cannot rehearse.
func (p *Plugin) Rehearse(ctx context.Context, call *plgv1.RehearseCall) (*plgv1.RehearseDone, error) {
	done, err := p.work(ctx, &piece{
		request: &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Rehearse{Rehearse: call}},
		limit:   p.cfg.Policy.BatchTimeout,
		ability: AbilityRehearse,
		answers: func(r *plgv1.WorkResponse) bool { return r.GetRehearse() != nil },
	})
	return done.GetRehearse(), err
}

func (p Policy) check(call *plgv1.CheckCall) *piece {
	return &piece{
		request: &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Check{Check: call}},
		limit:   p.CheckTimeout,
		ability: AbilityCheck,
		answers: func(r *plgv1.WorkResponse) bool { return r.GetCheck() != nil },
	}
}

func (p Policy) migrate(call *plgv1.MigrateCall) *piece {
	return &piece{
		request: &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Migrate{Migrate: call}},
		limit:   p.MigrateTimeout,
		ability: AbilityMigrate,
		states:  true,
		answers: func(r *plgv1.WorkResponse) bool { return r.GetMigrate() != nil },
	}
}

// healthOf is what a check says, with a fault as an error among the rest.
func healthOf(done *plgv1.CheckDone) []*plgv1.Diagnostic {
	diagnostics := done.GetDiagnostics()
	if fault := done.GetFault(); fault != nil {
		diagnostics = append(slices.Clip(diagnostics), &plgv1.Diagnostic{
			Severity: plgv1.Severity_SEVERITY_ERROR, Summary: fault.GetMessage(), Blame: plgv1.Blame_BLAME_PLUGIN,
		})
	}
	return diagnostics
}

// Candidate is a plugin's process of a new package on probation: it runs, and is given no work but what Swap's
// caller asks of it.
type Candidate struct{ run *run }

// Package is what it runs from.
func (c *Candidate) Package() *Package { return c.run.pkg }

// Can tells whether it has that ability.
func (c *Candidate) Can(ability string) bool { return slices.Contains(c.run.abilities, ability) }

// Migrate has it bring the records of the former version to its own. The effects are for the caller to commit.
// ErrUnable says that it has nothing to migrate.
func (c *Candidate) Migrate(ctx context.Context, call *plgv1.MigrateCall) (*plgv1.MigrateDone, error) {
	done, err := c.do(ctx, c.run.plugin.cfg.Policy.migrate(call))
	return done.GetMigrate(), err
}

// Healthy asks it how it is: nil when nothing it says is an error, or when it cannot tell; *Unhealthy otherwise.
func (c *Candidate) Healthy(ctx context.Context, language string) error {
	done, err := c.do(ctx, c.run.plugin.cfg.Policy.check(&plgv1.CheckCall{Time: timestamppb.New(time.Now()), Language: language}))
	if errors.Is(err, ErrUnable) {
		return nil
	}
	if err != nil {
		return err
	}
	health := healthOf(done.GetCheck())
	if slices.ContainsFunc(health, func(d *plgv1.Diagnostic) bool { return d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR }) {
		return &Unhealthy{Diagnostics: health}
	}
	return nil
}

func (c *Candidate) do(ctx context.Context, w *piece) (*plgv1.WorkResponse, error) {
	if !c.Can(w.ability) {
		return nil, fmt.Errorf("plugin %s: %w: %s", c.run.plugin.Name(), ErrUnable, w.ability)
	}
	if err := fits(c.run.plugin, w); err != nil {
		return nil, err
	}
	w.answer = make(chan *plgv1.WorkResponse, 1)
	done, err := c.run.do(ctx, w)
	if errors.Is(err, errNotSent) {
		err = fmt.Errorf("plugin %s: %w: %w", c.run.plugin.Name(), event.ErrUnavailable, c.run.why())
	}
	return done, err
}

// SwapError says that a new package did not become fit for work.
type SwapError struct {
	// Err is why.
	Err error
	// Back is why the former package does not run again either; nil when it does, or did not run before.
	Back error
}

func (e *SwapError) Error() string {
	if e.Back != nil {
		return fmt.Sprintf("plugin: the new package is not fit (%v), and the former one does not start (%v)", e.Err, e.Back)
	}
	return fmt.Sprintf("plugin: the new package is not fit: %v", e.Err)
}

// Unwrap returns both reasons.
func (e *SwapError) Unwrap() []error { return []error{e.Err, e.Back} }

// Swap puts pkg in the place of the package of the plugin of that id, while the store works. The plugin finishes what
// it has in hand and ends; a process of pkg starts, and admit decides on it: it may have it migrate records, and look
// at its health. With nil from admit, pkg is the plugin's package and its process takes the work that has waited
// (see Policy.Wait) meanwhile. Otherwise that process ends and the former package runs again; the error is a
// *SwapError then. A plugin that did not run does not run afterwards; admit is asked all the same. A nil admit
// takes whatever starts.
//
// ctx bounds all of it but the way back.
func (m *Manager) Swap(ctx context.Context, pkg *Package, admit func(context.Context, *Candidate) error) error {
	p, ok := m.Plugin(pkg.ID())
	if !ok {
		return fmt.Errorf("%w: %s", ErrUnknown, pkg.ID())
	}
	return p.swap(ctx, pkg, admit)
}

var errGone = errors.New("plugin: the process ended while it was on probation")

func (p *Plugin) swap(ctx context.Context, pkg *Package, admit func(context.Context, *Candidate) error) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.turn }()
	ran := p.supervised()
	if ran {
		p.quiesce(ctx)
		p.halt(ctx)
		p.set(mostradorv1.PluginState_PLUGIN_STATE_STARTING, nil) // work that comes meanwhile waits
	}
	r, err := p.probe(ctx, pkg, admit)
	if err != nil {
		failed := &SwapError{Err: err}
		if ran {
			failed.Back = p.begin(context.WithoutCancel(ctx), nil)
		}
		return failed
	}
	p.pkg.Store(pkg)
	if !ran {
		r.stop()
		return nil
	}
	return p.begin(context.WithoutCancel(ctx), r)
}

// quiesce waits until the plugin has finished what it has in hand, within that work's own deadline.
func (p *Plugin) quiesce(ctx context.Context) {
	p.mu.Lock()
	r := p.run
	p.mu.Unlock()
	if r == nil {
		return
	}
	select {
	case r.turn <- struct{}{}: // never given back: no more work
		r.quiet.Store(true)
	case <-r.lost:
	case <-ctx.Done():
	}
}

// probe starts a process of pkg and has it admitted.
func (p *Plugin) probe(ctx context.Context, pkg *Package, admit func(context.Context, *Candidate) error) (*run, error) {
	r, err := p.launch(ctx, pkg)
	if err != nil {
		return nil, err
	}
	if admit != nil {
		err = admit(ctx, &Candidate{run: r})
	}
	if err == nil && r.over() {
		err = fmt.Errorf("%w: %w", errGone, r.why())
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// fits refuses work that is more than one message can hold.
func fits(p *Plugin, w *piece) error {
	if size := proto.Size(w.request); size > wire.MaxMessage {
		return fmt.Errorf("plugin %s: %d bytes of work are more than the %d of one message", p.Name(), size, wire.MaxMessage)
	}
	return nil
}

// Logs returns at most n of the last lines that the plugin wrote, oldest first, as "15:04:05 [level] message
// key=value", and how many more it wrote since its process started that were dropped because they were too many.
func (p *Plugin) Logs(n int) (lines []string, dropped uint64) {
	return p.logs.recent(n), p.logs.dropped()
}
