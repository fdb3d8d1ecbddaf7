package host

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// effects carries out what plug-ins want done. A plug-in does only what its manifest declares; anything else is
// refused for good.
type effects struct{ host *Host }

var _ event.Applier = effects{}

// Apply implements event.Applier.
func (f effects) Apply(tx *store.Tx, pluginID string, e *event.Record, wanted []*plgv1.Effect) error {
	c := cause{plugin: pluginID, customer: e.Customer}
	if slices.ContainsFunc(wanted, beyondRecords) {
		var err error
		if c.event, err = e.Event(); err != nil {
			return err
		}
		c.id = strconv.FormatUint(e.Sequence, 10)
	}
	_, err := f.apply(context.Background(), tx, c, wanted)
	var refused *customer.Refused
	if errors.As(err, &refused) {
		return &event.Refused{Err: err}
	}
	return err
}

// beyondRecords tells whether an effect is more than a write of the plug-in's own records, for which nobody needs
// to look into the event.
func beyondRecords(effect *plgv1.Effect) bool {
	switch effect.GetEffect().(type) {
	case nil, *plgv1.Effect_SaveState, *plgv1.Effect_Put, *plgv1.Effect_Delete:
		return false
	}
	return true
}

// cause is what effects answer: an event of the log, or a press on a button.
type cause struct {
	plugin string
	// customer is the id of whom it concerns; empty for nobody.
	customer string
	// event is nil, and id empty, when the effects are records of the plug-in's own only.
	event *plgv1.Event
	// id names the cause among those of the plug-in, for the identity of what it brings about.
	id     string
	action bool
}

func (c cause) actor() *plgv1.Actor {
	a := &plgv1.Actor{Operator: c.event.GetActor().GetOperator(), Till: c.event.GetActor().GetTill()}
	a.Channel = "plugin:" + c.plugin
	return a
}

// maxEffects is how many effects one event or press may have: they are committed in one transaction, for which tills
// wait. Who has more to do schedules the rest.
const maxEffects = 1000

// apply carries effects out and bounds the events that these led to, whoever wrote them: a tag that a plug-in sets may
// have a segment tell that somebody joined it, which may have it take the tag off again. It returns the diagnostics that a
// person is to see; only an action has any, and then none of its effects but what was noted about a wrong code.
func (f effects) apply(ctx context.Context, tx *store.Tx, c cause, wanted []*plgv1.Effect) (diagnostics []*plgv1.Diagnostic, err error) {
	if c.event == nil { // records of its own, of which no event tells
		return f.carryOut(ctx, tx, c, wanted)
	}
	events, err := f.host.log.Following(tx, c.event.GetGeneration(), func() (err error) {
		diagnostics, err = f.carryOut(ctx, tx, c, wanted)
		return err
	})
	for range events {
		if err == nil {
			err = f.host.chains.grow(c.plugin, c.event.GetGeneration()+1)
		}
	}
	return diagnostics, err
}

// carryOut is apply without bounds.
func (f effects) carryOut(ctx context.Context, tx *store.Tx, c cause, wanted []*plgv1.Effect) ([]*plgv1.Diagnostic, error) {
	p, ok := f.host.plugins.Plugin(c.plugin)
	if !ok {
		return nil, refusedf("plug-in %s is not installed", c.plugin)
	}
	m := p.Package().Manifest
	if len(wanted) > maxEffects {
		return nil, refusedf("%d effects at once, of which %d are the most", len(wanted), maxEffects)
	}
	// A wrong code voids the rest, so it comes first; and one action has one try.
	if i := slices.IndexFunc(wanted, func(e *plgv1.Effect) bool { return e.GetActivateByCode() != nil }); i >= 0 {
		diagnostic, err := f.activate(ctx, tx, c, m, wanted[i].GetActivateByCode())
		if err != nil {
			return nil, err
		}
		if diagnostic != nil {
			return []*plgv1.Diagnostic{diagnostic}, nil
		}
		// Its place stays, empty: what the others bring about is named by their places.
		wanted = slices.Concat(wanted[:i], []*plgv1.Effect{{}}, wanted[i+1:])
	}
	if slices.ContainsFunc(wanted, func(e *plgv1.Effect) bool { return e.GetEffect() != nil && !beyondRecords(e) }) {
		if err := f.host.ensemble.wrote(tx, c.plugin); err != nil {
			return nil, err
		}
	}
	for index, effect := range wanted {
		if err := f.one(ctx, tx, c, m, index, effect); err != nil {
			return nil, fmt.Errorf("effect %d of %s: %w", index, c.plugin, err)
		}
	}
	return nil, nil
}

func (f effects) one(ctx context.Context, tx *store.Tx, c cause, m *manifest.Manifest, index int, effect *plgv1.Effect) error {
	customerID := c.customer
	switch e := effect.GetEffect().(type) {
	case nil:
		return nil
	case *plgv1.Effect_SaveState:
		if customerID == "" {
			return refusedf("a record of a customer, for an event that concerns none")
		}
		event.PutState(tx, c.plugin, customerID, e.SaveState.GetState())
		tx.OnCommit(func() { f.host.hub.Publish(mostradorv1.WatchResponse_KIND_STATE, customerID) })
		return nil
	case *plgv1.Effect_Put:
		if e.Put.GetKey() == "" {
			return refusedf("a record without a key")
		}
		event.PutKV(tx, c.plugin, e.Put.GetKey(), e.Put.GetValue())
		return nil
	case *plgv1.Effect_Delete:
		event.DeleteKV(tx, c.plugin, e.Delete)
		return nil
	case *plgv1.Effect_SetField:
		if err := allowed(m, "customer."+e.SetField.GetField()+":write"); err != nil {
			return err
		}
		_, err := f.host.customers.Set(ctx, tx, c.actor(), customerID, e.SetField.GetField(), e.SetField.GetValue())
		return err
	case *plgv1.Effect_AddTag:
		return f.tag(tx, c, m, func(tags []string) []string {
			if slices.Contains(tags, e.AddTag) {
				return tags
			}
			return append(slices.Clone(tags), e.AddTag)
		})
	case *plgv1.Effect_RemoveTag:
		return f.tag(tx, c, m, func(tags []string) []string {
			return slices.DeleteFunc(slices.Clone(tags), func(t string) bool { return t == e.RemoveTag })
		})
	case *plgv1.Effect_SetMeasure:
		return f.measure(tx, c, m, e.SetMeasure)
	case *plgv1.Effect_Convert:
		return f.convert(tx, c, e.Convert)
	case *plgv1.Effect_SendMail:
		if err := allowed(m, manifest.PermissionSendEmail); err != nil {
			return err
		}
		return f.send(tx, c, m, index, e.SendMail)
	case *plgv1.Effect_Schedule:
		generation := c.event.GetGeneration() + 1
		if e.Schedule.GetTime().AsTime().After(time.Now().Add(time.Minute)) {
			generation = 0 // what waits makes no flood
		}
		if err := f.host.chains.grow(c.plugin, generation); err != nil {
			return err
		}
		return f.host.engine.Schedule(tx, c.plugin, e.Schedule, generation)
	case *plgv1.Effect_Emit:
		if !m.Emits(e.Emit.GetType()) {
			return refusedf("the manifest does not list %q under events.emits", e.Emit.GetType())
		}
		return f.emit(tx, c, e.Emit.GetType(), e.Emit.GetCustomerId(), e.Emit.GetData())
	case *plgv1.Effect_Note:
		data, err := structpb.NewStruct(map[string]any{"plugin": c.plugin, "text": e.Note})
		if err != nil {
			return refusedf("a note that is no text: %v", err)
		}
		return f.emit(tx, c, "interaction.noted", customerID, data)
	default:
		return refusedf("an effect that this store does not know (%T)", e)
	}
}

func (f effects) tag(tx *store.Tx, c cause, m *manifest.Manifest, change func([]string) []string) error {
	if err := allowed(m, manifest.PermissionWriteTags); err != nil {
		return err
	}
	_, err := f.host.customers.UpdateTx(tx, c.actor(), c.customer, func(customer *plgv1.Customer) {
		customer.Tags = change(customer.Tags)
	})
	return err
}

// measure keeps a number about the customer.
func (f effects) measure(tx *store.Tx, c cause, m *manifest.Manifest, e *plgv1.SetMeasure) error {
	if _, declared := m.Measure(e.GetMeasure()); !declared {
		return refusedf("the manifest does not list %q under measures", e.GetMeasure())
	}
	if math.IsNaN(e.GetValue()) || math.IsInf(e.GetValue(), 0) {
		return refusedf("a measure that is no number")
	}
	number, err := f.host.customers.Number(tx, c.customer)
	if err != nil {
		return permanent(err)
	}
	return f.host.customers.Note(tx, number, c.actor(), func(facts *customer.Facts) {
		if facts.Measures == nil {
			facts.Measures = map[string]float64{}
		}
		facts.Measures[e.GetMeasure()] = e.GetValue()
	})
}

// convert notes that the customer did what a campaign asked for.
func (f effects) convert(tx *store.Tx, c cause, campaign string) error {
	if campaign = strings.TrimSpace(campaign); campaign == "" || len(campaign) > maxCampaign {
		return refusedf("a campaign's name of %d bytes", len(campaign))
	}
	to, err := f.host.customers.Get(tx, c.customer)
	if err != nil {
		return permanent(err)
	}
	return f.host.customers.Convert(tx, c.actor(), to, campaign)
}

// maxCampaign is the longest name of a campaign, in bytes.
const maxCampaign = 200

func (f effects) emit(tx *store.Tx, c cause, eventType, customerID string, data *structpb.Struct) error {
	e := &plgv1.Event{
		Type: eventType, Actor: c.actor(),
		Detail: &plgv1.Event_Custom{Custom: data},
	}
	if customerID != "" {
		var err error
		if e.Customer, err = f.host.customers.Get(tx, customerID); err != nil {
			return permanent(err)
		}
	}
	return f.host.log.Append(tx, e)
}

// activate hands in a short code. It is the customer's word, said to a person at the counter, so only a button may
// do it: events come without anybody who could have heard it.
func (f effects) activate(ctx context.Context, tx *store.Tx, c cause, m *manifest.Manifest, e *plgv1.ActivateByCode) (*plgv1.Diagnostic, error) {
	if err := allowed(m, manifest.PermissionRecordConsent); err != nil {
		return nil, err
	}
	if !c.action || e.GetCustomerId() != c.customer {
		return nil, refusedf("a short code outside an action for its customer")
	}
	// The act is the operator's who typed it, not the plug-in's.
	_, diagnostic, err := f.host.consent.ActivateByCodeTx(ctx, tx, c.event.GetActor(), e.GetCustomerId(), e.GetCode())
	return diagnostic, err
}

func allowed(m *manifest.Manifest, permission string) error {
	if m.Allows(permission) {
		return nil
	}
	return refusedf("the manifest does not ask for the permission %s", permission)
}

// refusedf is an error that trying again cannot mend.
func refusedf(format string, args ...any) error {
	return &event.Refused{Err: fmt.Errorf(format, args...)}
}

// permanent makes a missing customer an error that trying again cannot mend.
func permanent(err error) error {
	if errors.Is(err, customer.ErrNotFound) {
		return &event.Refused{Err: err}
	}
	return err
}
