// Package sdk is what the author of a Mostrador plugin imports. A plugin is one manifest (plugin.yaml) and a
// few handlers:
//
//	//go:embed plugin.yaml templates locales
//	var files embed.FS
//
//	func main() {
//		p := sdk.New(files)
//		sdk.On(p, welcome)            // an event handler, found by the type of its event
//		p.Action("reenviar", resend)  // the button of that name in plugin.yaml
//		p.Panel("puntos", show)       // the panel of that name
//		p.Serve()
//	}
//
//	func welcome(ctx context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error
//
// Events go in, effects come out. A handler changes nothing by itself: it tells its Tx what is to be done
// (send a mail, save the customer's record, schedule something), and the store commits all of that together
// with the plugin's place in its event log, or none of it. A handler may therefore be killed at any moment
// and be run again, and every event still takes effect exactly once. For that, a handler must be a function
// of what it is given and reads: time comes from Tx.Now, randomness from Tx.Rand, and nothing is kept in
// variables of the program.
//
// What the plugin knows of a customer is its record (State, Save). A number of it by which people order, find and
// segment customers (points, a level) is a measure: it stands in the manifest and is kept with Tx.SetMeasure. Two
// customers who turn out to be one person are merged, and the handler of CustomerMerged brings their records together.
//
// A Go error returned by a handler (or a panic) is a fault of the plugin: the event is tried again, and set
// apart for a technician when it keeps failing. What a person can mend is said with a Diagnostic instead.
//
// What most plugins can do without is optional, and a plugin has it by giving a handler: Migrate brings records
// to a new version, HealthCheck says how the plugin is, Validate looks at a setting before it is set.
//
// Every plugin of protocol 2 can rehearse, without a line of its author's: the store hands it events of the past with
// other settings, the same handlers run, their records and what they schedule stay in memory, and what they would have
// done is shown to a person before the settings are put in force. That is one more reason to keep nothing in variables
// of the program; what is made of settings (a compiled expression) is kept with Derive.
//
// How it works underneath: Serve speaks plgv1, and connects as hashicorp/go-plugin does (see package wire); build a
// plugin with -tags grpcnotrace, which leaves gRPC's own tracing out and takes 2 MiB off its memory. The host sends one piece of work at
// a time over a single stream; work.go runs the handlers of a batch one after the other and keeps what they
// wrote, so that a later event of the batch sees what an earlier one did although nothing is committed yet; rehearse.go
// stands in for the store while the past is played.
package sdk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/hashicorp/go-hclog"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Plugin is a plugin in the making: its manifest and its handlers.
type Plugin struct {
	manifest *manifest.Manifest
	texts    *texts
	log      hclog.Logger
	events   map[string]eventHandler // by event type; Custom's under ""
	actions  map[string]ActionHandler
	panels   map[string]PanelHandler
	validate map[string]ValidateHandler // by key of the setting
	migrate  MigrateHandler
	health   HealthHandler
	observer *Observer
	mistakes []error
}

type (
	// Handler handles the events of one type.
	Handler[E any] = func(ctx context.Context, tx *Tx, event E) error
	// ActionHandler answers a press on one of the plugin's buttons.
	ActionHandler = func(ctx context.Context, tx *Tx, press Press) (Result, error)
	// PanelHandler fills one of the plugin's panels: for a customer, or for nobody when the panel is a report.
	// It may read, and change nothing.
	PanelHandler = func(ctx context.Context, tx *Tx, customer Customer) (Panel, error)

	eventHandler func(ctx context.Context, tx *Tx, event *plgv1.Event) error
)

// New makes a plugin from its files: plugin.yaml and, when it speaks to people, locales/LANGUAGE.yaml. What
// is wrong with them is reported by Check, and by Serve before it serves.
func New(files fs.FS) *Plugin {
	p := &Plugin{
		log:     hclog.NewNullLogger(),
		events:  map[string]eventHandler{},
		actions: map[string]ActionHandler{},
		panels:  map[string]PanelHandler{},

		validate: map[string]ValidateHandler{},
	}
	data, err := fs.ReadFile(files, "plugin.yaml")
	if err == nil {
		p.manifest, err = manifest.Parse(data, "plugin.yaml")
	}
	if err != nil {
		p.mistakes = append(p.mistakes, fmt.Errorf("sdk: manifest: %w", err))
		p.manifest = &manifest.Manifest{}
	}
	if p.texts, err = readTexts(files); err != nil {
		p.mistakes = append(p.mistakes, fmt.Errorf("sdk: %w", err))
	}
	return p
}

// On makes handler the one for its type of event. The manifest must list that type under events.handles.
func On[E EventType[E]](p *Plugin, handler Handler[E]) {
	var event E
	kind := event.kind()
	if _, taken := p.events[kind]; taken {
		p.mistakes = append(p.mistakes, fmt.Errorf("sdk: two handlers for %s", cmp.Or(kind, "custom events")))
	}
	p.events[kind] = func(ctx context.Context, tx *Tx, w *plgv1.Event) error {
		return handler(ctx, tx, event.read(w))
	}
}

// Action makes handler the one for the button of that id in the manifest.
func (p *Plugin) Action(id string, handler ActionHandler) {
	if _, taken := p.actions[id]; taken {
		p.mistakes = append(p.mistakes, fmt.Errorf("sdk: two handlers for action %s", id))
	}
	p.actions[id] = handler
}

// Panel makes handler the one for the panel of that id in the manifest.
func (p *Plugin) Panel(id string, handler PanelHandler) {
	if _, taken := p.panels[id]; taken {
		p.mistakes = append(p.mistakes, fmt.Errorf("sdk: two handlers for panel %s", id))
	}
	p.panels[id] = handler
}

// ID is the plugin's id, as in its manifest.
func (p *Plugin) ID() string { return p.manifest.ID }

// Check says whether manifest and program fit each other: every event, action and panel that the manifest
// names has its handler, and the other way round; and every language has every sentence.
func (p *Plugin) Check() error {
	mistakes := slices.Clone(p.mistakes)
	compare := func(what string, declared []string, handled map[string]bool) {
		for _, name := range declared {
			if !handled[name] {
				mistakes = append(mistakes, fmt.Errorf("sdk: %s %q stands in the manifest and has no handler", what, name))
			}
		}
		for _, name := range slices.Sorted(maps.Keys(handled)) {
			if !slices.Contains(declared, name) {
				mistakes = append(mistakes, fmt.Errorf("sdk: %s %q has a handler and does not stand in the manifest", what, name))
			}
		}
	}
	if len(p.mistakes) == 0 { // with a broken manifest the comparison would say nothing new
		var events, actions, panels, settings []string
		for _, name := range p.manifest.Events.Handles {
			if !isCore(name) {
				name = "" // served by the handler of Custom
			}
			events = append(events, name)
		}
		for _, a := range p.manifest.Actions {
			actions = append(actions, a.ID)
		}
		for _, panel := range p.manifest.Panels {
			panels = append(panels, panel.ID)
		}
		compare("event", events, names(p.events))
		compare("action", actions, names(p.actions))
		for _, setting := range p.manifest.Settings {
			if setting.Validate {
				settings = append(settings, setting.Key)
			}
		}
		compare("panel", panels, names(p.panels))
		compare("setting with validate: true", settings, names(p.validate))
		mistakes = append(mistakes, p.checkAbilities()...)
	}
	if err := p.texts.check(); err != nil {
		mistakes = append(mistakes, err)
	}
	return errors.Join(mistakes...)
}

func names[V any](m map[string]V) map[string]bool {
	set := make(map[string]bool, len(m))
	for name := range m {
		set[name] = true
	}
	return set
}
