// Package conformance checks that a program is a plug-in as the contract (sdk/proto/plg/v1) wants it, whatever
// language it was written in.
//
// It knows nothing but the package on disk. It starts the program as a real process, plays the host to it (the
// handshake of hashicorp/go-plugin, mutual TLS, one conversation), and feeds it a small invented store: customers,
// sales, settings, presses of its buttons, all made from its manifest. What it looks for is what a store relies on
// and cannot mend: that a batch has the same effects when it is delivered again, in another process or in other
// pieces; that work of which the plug-in knows nothing does it no harm; that it does only what its manifest says;
// that it lets nobody in but its host, and ends with it.
//
// How it is put together: conformance.go is the list of checks and the report; process.go starts a process and
// opens the conversation; ledger.go keeps what the plug-in wanted kept, and judges its effects; sample.go invents
// the store; checks.go, work.go and ability.go are the checks themselves. What a finding says in words is in
// host/locale under "conformance".
package conformance

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mostrador/host/plugin"
	"mostrador/sdk/manifest"
)

// Outcome is how a check ended.
type Outcome int

// The outcomes, from good to bad.
const (
	// Skipped means that there was nothing to check, or that an earlier failure left nothing to check it on.
	Skipped Outcome = iota
	// Passed means that nothing was found.
	Passed
	// Warned means that something was found which a store can live with.
	Warned
	// Failed means that the program is not fit to be a plug-in.
	Failed
)

// Problem is one thing that was found.
type Problem struct {
	// Code names the sentence below "conformance." in host/locale.
	Code string
	// Args are that sentence's arguments: name, value, name, value.
	Args []any
	// Warning tells that a store can live with it.
	Warning bool
}

// Finding is what one check found.
type Finding struct {
	// Check names it; its sentence is "conformance.check_NAME".
	Check    string
	Outcome  Outcome
	Problems []Problem
}

// Report is what a plug-in's checks found, in the order in which they were made.
type Report struct {
	// ID and Version are the manifest's.
	ID, Version string
	Findings    []Finding
	// Log is the end of what the program wrote to its standard error, for whoever mends it.
	Log []string
}

// Fit tells whether no check failed.
func (r *Report) Fit() bool {
	for _, f := range r.Findings {
		if f.Outcome == Failed {
			return false
		}
	}
	return true
}

// check is one check. It may start as many processes as it likes with suite.start.
type check struct {
	name string
	run  func(context.Context, *suite)
	// vital: without it the later ones would only say the same in other words.
	vital bool
	// applies tells whether there is anything to check; nil means always.
	applies func(*manifest.Manifest) bool
}

// checks in their order.
var checks = []check{
	{name: "by_hand", run: byHand},
	{name: "handshake", run: handshakes, vital: true},
	{name: "strangers", run: refusesStrangers},
	{name: "describe", run: describes, vital: true},
	{name: "settings", run: takesSettings},
	{name: "batches", run: handlesEvents, applies: handlesAny},
	{name: "repeats", run: repeatsItself, applies: handlesAny},
	{name: "unknown", run: survivesTheUnknown},
	{name: "large", run: takesLargeBatches, applies: handlesAny},
	{name: "actions", run: answersActions, applies: func(m *manifest.Manifest) bool { return len(m.Actions) > 0 }},
	{name: "panels", run: fillsPanels, applies: func(m *manifest.Manifest) bool { return len(m.Panels) > 0 }},
	{name: "abilities", run: showsAbilities},
	{name: "shutdown", run: endsWhenAsked},
	{name: "hang_up", run: endsWithTheConversation},
	{name: "orphan", run: endsWithItsHost},
	{name: "stdout", run: keepsSilent},
	{name: "store", run: worksInAStore},
}

func handlesAny(m *manifest.Manifest) bool { return len(m.Events.Handles) > 0 }

// Names lists the checks in their order.
func Names() []string {
	names := make([]string, len(checks))
	for i, c := range checks {
		names[i] = c.name
	}
	return names
}

// limit bounds one check. The slowest of a healthy plug-in takes a second or two.
const limit = 2 * time.Minute

// Run makes all checks of a package. The error says that it could not be checked at all: ctx ended, or the machine
// gave no place to work in. Each process that it started has ended when it returns.
func Run(ctx context.Context, pkg *plugin.Package) (*Report, error) {
	s, err := newSuite(pkg)
	if err != nil {
		return nil, fmt.Errorf("conformance: %w", err)
	}
	defer s.close()
	report := &Report{ID: pkg.Manifest.ID, Version: pkg.Manifest.Version}
	broken := false
	for _, c := range checks {
		f := Finding{Check: c.name}
		if !broken && (c.applies == nil || c.applies(pkg.Manifest)) {
			s.problems = nil
			limited, cancel := context.WithTimeout(ctx, limit)
			c.run(limited, s)
			s.endAll()
			cancel()
			f.Problems, f.Outcome = s.problems, outcome(s.problems)
			broken = c.vital && f.Outcome == Failed
		}
		report.Findings = append(report.Findings, f)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("conformance: %w", context.Cause(ctx))
		}
	}
	report.Log = s.log.last()
	return report, nil
}

func outcome(problems []Problem) Outcome {
	worst := Passed
	for _, p := range problems {
		if !p.Warning {
			return Failed
		}
		worst = Warned
	}
	return worst
}

// fail and warn note a problem, once.
func (s *suite) fail(code string, args ...any) { s.note(Problem{Code: code, Args: args}) }
func (s *suite) warn(code string, args ...any) {
	s.note(Problem{Code: code, Args: args, Warning: true})
}

func (s *suite) note(p Problem) {
	for _, known := range s.problems {
		if known.Code == p.Code && fmt.Sprint(known.Args...) == fmt.Sprint(p.Args...) {
			return
		}
	}
	s.problems = append(s.problems, p)
}

// failWith notes why a piece of work came to nothing; done says in the person's words what it was.
func (s *suite) failWith(what string, err error) {
	var said *problemError
	if errors.As(err, &said) {
		s.note(said.Problem)
		return
	}
	s.fail("no_answer", "what", what, "problem", err)
}

// problemError is a problem on its way up.
type problemError struct{ Problem }

func (e *problemError) Error() string { return fmt.Sprint(e.Code, e.Args) }

func problem(code string, args ...any) error {
	return &problemError{Problem{Code: code, Args: args}}
}
