package sdk

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"google.golang.org/protobuf/proto"

	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

// The abilities of protocol 2, as Describe names them. A plugin has one when its author gave it a handler; the
// manifest must then list protocol 2 under api. Every plugin of that protocol can rehearse.
const (
	abilityMigrate  = "migrate"
	abilityCheck    = "check"
	abilityValidate = "validate"
	abilityRehearse = "rehearse"
)

type (
	// MigrateHandler brings the plugin's records, which its version from wrote, to what version to reads. Tx.Put,
	// Tx.Delete, Get and Scan work on the keyspace; States and Tx.SaveOf on the records of customers.
	MigrateHandler = func(ctx context.Context, tx *Tx, from, to string) error
	// HealthHandler says whether the plugin is fit for work: nil, or what stands against it (see Diagnostic). It
	// may read, and change nothing.
	HealthHandler = func(ctx context.Context, tx *Tx) error
	// ValidateHandler looks at a value before it is set: nil, or why not (see Diagnostic). It may read, and
	// change nothing.
	ValidateHandler = func(ctx context.Context, tx *Tx, value Setting) error
)

// Migrate makes handler the one that brings records from one version of the plugin to another. The store runs it
// when it changes the version in use, while nothing else of the plugin runs; what it tells its Tx is committed in
// one transaction with the change of version, or not at all, and then the former version goes on. It also runs on
// the way back to an older version: one that cannot read newer records returns an error.
//
// Everything it changes travels in one message (wire.MaxMessage). Where a store may have more records than that,
// give State a type that reads the old form too, and let each record change when it is saved next.
func (p *Plugin) Migrate(handler MigrateHandler) {
	if p.migrate != nil {
		p.mistakes = append(p.mistakes, errors.New("sdk: two handlers for Migrate"))
	}
	p.migrate = handler
}

// HealthCheck makes handler the one that is asked how the plugin is: after an upgrade (which is taken back when
// it is not well), from time to time, and by "mostrador doctor". What a person can mend is a Diagnostic; of
// severity Warning or Info it is shown and the plugin counts as healthy.
func (p *Plugin) HealthCheck(handler HealthHandler) {
	if p.health != nil {
		p.mistakes = append(p.mistakes, errors.New("sdk: two handlers for HealthCheck"))
	}
	p.health = handler
}

// Validate makes handler the one that is shown each value that somebody is about to give to the setting of that
// key, whose manifest entry says "validate: true". It is for what the entry's type and rules cannot say: that a
// server answers, that two values fit together. A Diagnostic of severity Error refuses the value.
func (p *Plugin) Validate(key string, handler ValidateHandler) {
	if _, taken := p.validate[key]; taken {
		p.mistakes = append(p.mistakes, fmt.Errorf("sdk: two handlers for setting %s", key))
	}
	p.validate[key] = handler
}

// abilities are those that the plugin has in that version of the protocol.
func (p *Plugin) abilities(api int32) []string {
	if api < wire.API {
		return nil
	}
	return append(p.handled(), abilityRehearse)
}

// handled are the abilities that have a handler.
func (p *Plugin) handled() []string {
	var abilities []string
	if p.migrate != nil {
		abilities = append(abilities, abilityMigrate)
	}
	if p.health != nil {
		abilities = append(abilities, abilityCheck)
	}
	if len(p.validate) > 0 {
		abilities = append(abilities, abilityValidate)
	}
	return abilities
}

// checkAbilities finds abilities that the manifest does not allow for.
func (p *Plugin) checkAbilities() []error {
	var mistakes []error
	if a := p.handled(); len(a) > 0 && !slices.Contains(p.manifest.API, wire.API) {
		mistakes = append(mistakes, fmt.Errorf("sdk: %q has a handler, which needs protocol %d: list it in the manifest under api", a[0], wire.API))
	}
	if len(p.manifest.Measures) > 0 && !slices.Contains(p.manifest.API, wire.API) {
		mistakes = append(mistakes, fmt.Errorf("sdk: measures need protocol %d: list it in the manifest under api", wire.API))
	}
	return mistakes
}

// States reads this plugin's records of customers, by the customer's id, with what SaveOf wrote before. It is for
// migrations only. It asks the host once per scanPage records. After an error it ends.
func States[T any](tx *Tx) iter.Seq2[Record[T], error] {
	return func(yield func(Record[T], error) bool) {
		if !tx.migration {
			yield(Record[T]{}, errNoMigration)
			return
		}
		records(tx.work.scan(states, ""), yield)
	}
}

// SaveOf replaces this plugin's record of a customer. It is for migrations only; elsewhere Save does it for the
// customer whom the event or press is about.
func (tx *Tx) SaveOf(customerID string, record any) error {
	if !tx.migration {
		return errNoMigration
	}
	if customerID == "" {
		return errNobody
	}
	data, err := Encode(record)
	if err != nil {
		return fmt.Errorf("sdk: record of customer %s: %w", customerID, err)
	}
	tx.work.written[states][customerID] = written{value: data}
	return tx.add(&plgv1.Effect{Effect: &plgv1.Effect_PutState{PutState: &plgv1.PutState{CustomerId: customerID, State: data}}})
}

var errNoMigration = errors.New("sdk: this is for migrations only")

func (w *work) migrate(call *plgv1.MigrateCall) *plgv1.MigrateDone {
	w.begin()
	if w.plugin.migrate == nil {
		return &plgv1.MigrateDone{Fault: lacking(abilityMigrate)}
	}
	tx := Tx{work: w, now: readTime(call.GetTime()), press: call.GetFrom() + "→" + call.GetTo(), migration: true}
	fault := w.run(&tx, Call{Kind: abilityMigrate}, func(ctx context.Context) error {
		return w.plugin.migrate(ctx, &tx, call.GetFrom(), call.GetTo())
	})
	if fault != nil {
		return &plgv1.MigrateDone{Fault: fault}
	}
	done := &plgv1.MigrateDone{Effects: tx.effects}
	if size := proto.Size(done); size > wire.MaxMessage {
		return &plgv1.MigrateDone{Fault: &plgv1.Fault{Message: fmt.Sprintf(
			"sdk: the migration changes %d MiB of records, more than the %d MiB of one message: let State read the old form instead", size>>20, wire.MaxMessage>>20)}}
	}
	return done
}

func (w *work) check(call *plgv1.CheckCall) *plgv1.CheckDone {
	w.begin()
	if w.plugin.health == nil {
		return &plgv1.CheckDone{Fault: lacking(abilityCheck)}
	}
	tx := Tx{work: w, language: call.GetLanguage(), now: readTime(call.GetTime()), press: abilityCheck, readOnly: true}
	diagnostics, fault := w.judge(&tx, Call{Kind: abilityCheck}, w.plugin.health)
	return &plgv1.CheckDone{Diagnostics: diagnostics, Fault: fault}
}

func (w *work) validate(call *plgv1.ValidateCall) *plgv1.ValidateDone {
	w.begin()
	handler, ok := w.plugin.validate[call.GetKey()]
	if !ok {
		return &plgv1.ValidateDone{Fault: lacking(abilityValidate + " " + call.GetKey())}
	}
	tx := Tx{work: w, language: call.GetLanguage(), now: readTime(call.GetTime()), press: call.GetKey(), readOnly: true}
	value := Setting{tx: &tx, key: call.GetKey(), value: call.GetValue().AsInterface()}
	diagnostics, fault := w.judge(&tx, Call{abilityValidate, call.GetKey()}, func(ctx context.Context, tx *Tx) error { return handler(ctx, tx, value) })
	return &plgv1.ValidateDone{Diagnostics: diagnostics, Fault: fault}
}

func lacking(ability string) *plgv1.Fault {
	return &plgv1.Fault{Message: fmt.Sprintf("sdk: no handler for %s", ability)}
}

// judge runs a handler whose error may be one diagnostic or several (errors.Join); any other error is a fault.
func (w *work) judge(tx *Tx, call Call, handler HealthHandler) (diagnostics []*plgv1.Diagnostic, fault *plgv1.Fault) {
	fault = w.run(tx, call, func(ctx context.Context) error {
		spoken, err := diagnosed(handler(ctx, tx))
		for _, d := range spoken {
			diagnostics = append(diagnostics, d.write())
		}
		return err
	})
	if fault != nil {
		return nil, fault
	}
	return diagnostics, nil
}
