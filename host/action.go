package host

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/plugin"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Act presses a plug-in's button for a customer and commits what comes of it. A short code that was wrong stands in
// the result's diagnostics; nothing else has happened then.
func (e *ensemble) Act(ctx context.Context, actor *plgv1.Actor, req *mostradorv1.RunRequest) (*plgv1.Result, error) {
	p, ok := e.host.plugins.Plugin(req.GetPlugin())
	if !ok {
		return nil, plugin.ErrUnknown
	}
	var result *plgv1.Result
	err := e.host.engine.Do(ctx, req.GetPlugin(), func() error {
		call := &plgv1.ActionCall{
			Action: req.GetAction(), Form: req.GetForm(), Actor: actor, Language: locale.FromContext(ctx),
			Time: timestamppb.Now(), Id: uuid.NewString(),
		}
		var concerned *plgv1.Customer
		if id := req.GetCustomerId(); id != "" {
			if err := e.host.store.View(func(tx *store.Tx) (err error) {
				concerned, err = e.host.customers.Get(tx, id)
				call.State = stateOf(tx, req.GetPlugin(), id)
				return err
			}); err != nil {
				return err
			}
		}
		var err error
		if call.Customer, err = disclosureOf(p.Package().Manifest).person(concerned); err != nil {
			return err
		}
		done, err := p.Act(ctx, call)
		if err != nil {
			return err
		}
		if fault := done.GetFault(); fault != nil {
			return fmt.Errorf("plug-in %s, action %s: %s", req.GetPlugin(), req.GetAction(), fault.GetMessage())
		}
		call.Customer = concerned
		result, err = e.commit(ctx, req.GetPlugin(), call, done)
		return err
	})
	return result, err
}

// commit carries out what an action wants done.
func (e *ensemble) commit(ctx context.Context, id string, call *plgv1.ActionCall, done *plgv1.ActionDone) (*plgv1.Result, error) {
	c := cause{
		plugin: id, customer: call.GetCustomer().GetId(), id: call.GetId(), action: true,
		// A press is no fact of the log by itself; what it brings about is.
		event: &plgv1.Event{Type: "action", Time: call.GetTime(), Actor: call.GetActor(), Customer: call.GetCustomer()},
	}
	result := done.GetResult()
	err := e.host.store.Update(ctx, func(tx *store.Tx) error {
		diagnostics, err := effects{e.host}.apply(ctx, tx, c, done.GetEffects())
		if len(diagnostics) > 0 {
			result = &plgv1.Result{Diagnostics: diagnostics}
		}
		return err
	})
	return result, err
}

// Panel asks a plug-in for the content of one of its panels.
func (e *ensemble) Panel(ctx context.Context, id, panel string, c *plgv1.Customer, lang string) (*plgv1.Panel, error) {
	p, ok := e.host.plugins.Plugin(id)
	if !ok {
		return nil, plugin.ErrUnknown
	}
	call := &plgv1.PanelCall{Panel: panel, Time: timestamppb.Now(), Language: lang}
	var err error
	if call.Customer, err = disclosureOf(p.Package().Manifest).person(c); err != nil {
		return nil, err
	}
	if c != nil {
		if err := e.host.store.View(func(tx *store.Tx) error {
			call.State = stateOf(tx, id, c.GetId())
			return nil
		}); err != nil {
			return nil, err
		}
	}
	done, err := p.Panel(ctx, call)
	if err != nil {
		return nil, err
	}
	if fault := done.GetFault(); fault != nil {
		return nil, fmt.Errorf("plug-in %s, panel %s: %s", id, panel, fault.GetMessage())
	}
	return done.GetPanel(), nil
}

// stateOf is a plug-in's record of a customer, to keep; nil when there is none.
func stateOf(tx *store.Tx, id, customerID string) []byte {
	state, ok := event.GetState(tx, id, customerID)
	if !ok {
		return nil
	}
	return append([]byte{}, state...)
}

// keyspace serves plug-ins' reads of their own records.
type keyspace struct{ store *store.Store }

var _ plugin.StateReader = keyspace{}

// Get implements plugin.Reader.
func (k keyspace) Get(_ context.Context, id, key string) (value []byte, found bool, err error) {
	err = k.store.View(func(tx *store.Tx) error {
		var v []byte
		if v, found = event.GetKV(tx, id, key); found {
			value = append([]byte{}, v...)
		}
		return nil
	})
	return value, found, err
}

// Scan implements plugin.Reader.
func (k keyspace) Scan(_ context.Context, id, prefix, after string, limit int) (records []*plgv1.KeyValue, err error) {
	err = k.store.View(func(tx *store.Tx) error {
		records = event.ScanKV(tx, id, prefix, after, limit)
		return nil
	})
	return records, err
}

// States implements plugin.StateReader.
func (k keyspace) States(_ context.Context, id, prefix, after string, limit int) (records []*plgv1.KeyValue, err error) {
	err = k.store.View(func(tx *store.Tx) error {
		records = event.ScanState(tx, id, prefix, after, limit)
		return nil
	})
	return records, err
}
