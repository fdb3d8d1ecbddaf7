// Package plgtest is how a plugin is tested, at two levels.
//
// A Try runs handlers as the pure functions that they are: an event, the records and the settings go in,
// effects come out, in microseconds and with no process, store or network. What handlers save is there for
// the next event, so that a whole story can be told:
//
//	y := plgtest.New(t, newPlugin())
//	y.Set("PLG0002ImportePorPunto", "2.00")
//	y.Handle(sdk.SaleCompleted{Event: sdk.Event{Customer: ana}, Sale: sale})
//	if acc := plgtest.State[account](y, ana.ID); acc.Points != 10 { ... }
//
// It goes through the same code as in production: the plugin's own Work loop, with the host played by Try.
// What the store makes of an effect is not tried here: that a code is right, that a rule of interplay
// refuses a field.
//
// Run tells the story to a real store instead: it builds the plugin and the host, starts them, and speaks the
// store's API.
package plgtest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"google.golang.org/protobuf/proto"

	"mostrador/sdk"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

// Try is a plugin under test with the records that it has kept so far.
type Try struct {
	// Now is the time of events that bear none, and of presses. It begins at a fixed time.
	Now time.Time
	// Language is that of the person at the screen; "es" to begin with.
	Language string
	// Facts, when not nil, is what the store has counted of a customer at that time; it goes with every event.
	Facts func(customerID string, at time.Time) sdk.Facts

	t        testing.TB
	server   plgv1.PluginServer
	settings map[string]any
	states   map[string][]byte
	records  map[string][]byte
	sequence uint64
}

// New begins a try. A plugin whose manifest and program do not fit each other fails the test.
func New(t testing.TB, p *sdk.Plugin) *Try {
	t.Helper()
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	y := &Try{
		Now:      time.Date(2026, time.March, 9, 10, 30, 0, 0, time.UTC),
		Language: "es",
		t:        t,
		server:   sdk.Server(p),
		settings: map[string]any{},
		states:   map[string][]byte{},
		records:  map[string][]byte{},
	}
	d, err := y.server.Describe(t.Context(), &plgv1.DescribeRequest{Api: wire.Versions()})
	if err != nil {
		t.Fatal(err)
	}
	if d.GetId() != p.ID() {
		t.Fatalf("the plugin describes itself as %q, its manifest as %q", d.GetId(), p.ID())
	}
	return y
}

// Set sets a setting to a JSON value: money and durations are texts. Without it the manifest's default holds.
func (y *Try) Set(key string, value any) { y.settings[key] = value }

// Put writes a record of the plugin's own keyspace.
func (y *Try) Put(key string, record any) {
	y.t.Helper()
	data, err := sdk.Encode(record)
	if err != nil {
		y.t.Fatal(err)
	}
	y.records[key] = data
}

// State is the plugin's record of a customer.
func State[T any](y *Try, customerID string) T {
	y.t.Helper()
	v, err := sdk.Decode[T](y.states[customerID])
	if err != nil {
		y.t.Fatal(err)
	}
	return v
}

// Record is a record of the plugin's own keyspace.
func Record[T any](y *Try, key string) (record T, found bool) {
	y.t.Helper()
	data, found := y.records[key]
	if !found {
		return record, false
	}
	v, err := sdk.Decode[T](data)
	if err != nil {
		y.t.Fatal(err)
	}
	return v, true
}

// Keys are the keys of the plugin's own keyspace, ascending.
func (y *Try) Keys() []string { return slices.Sorted(maps.Keys(y.records)) }

// Effects is what a handler told its Tx to do, beside what it saved and put.
type Effects struct {
	// Saved is whether the customer's record was saved.
	Saved       bool
	Mails       []sdk.Mail
	Fields      map[string]string
	TagsAdded   []string
	TagsRemoved []string
	Notes       []string
	Scheduled   []sdk.Later
	Emitted     []sdk.Custom
	Codes       []Code
	// Measures are the numbers that were set, Converted the campaigns.
	Measures  map[string]float64
	Converted []string
}

// Code is a short code handed in with Tx.ActivateByCode.
type Code struct{ CustomerID, Code string }

// Handle hands the plugin one event. A fault fails the test.
func (y *Try) Handle(e sdk.AnyEvent) Effects {
	y.t.Helper()
	return y.Batch(e)[0]
}

// Batch hands the plugin events in one batch, as a busy store does. A fault fails the test.
func (y *Try) Batch(events ...sdk.AnyEvent) []Effects {
	y.t.Helper()
	effects, fault := y.try(events)
	if fault != nil {
		y.t.Fatalf("event %d: %s", len(effects)+1, fault.GetMessage())
	}
	return effects
}

// Fault hands the plugin one event that it must fail at, and returns what it said. Nothing is kept of it.
func (y *Try) Fault(e sdk.AnyEvent) string {
	y.t.Helper()
	_, fault := y.try([]sdk.AnyEvent{e})
	if fault == nil {
		y.t.Fatal("the handler succeeded")
	}
	return fault.GetMessage()
}

func (y *Try) try(events []sdk.AnyEvent) ([]Effects, *plgv1.Fault) {
	y.t.Helper()
	batch := &plgv1.Batch{}
	sent := map[string]bool{}
	var customers []string
	for _, e := range events {
		w, d := y.delivery(e)
		if id := w.GetCustomer().GetId(); !sent[id] { // as the host does: only with a customer's first event
			d.State = y.states[id]
			sent[id] = true
		}
		for _, gone := range []*plgv1.Customer{w.GetCustomerMerged().GetGone(), w.GetCustomerUnmerged().GetGone()} {
			if gone != nil && !sent[gone.GetId()] {
				d.OtherState = y.states[gone.GetId()]
			}
		}
		batch.Deliveries = append(batch.Deliveries, d)
		customers = append(customers, w.GetCustomer().GetId())
	}
	outcomes := y.work(&plgv1.WorkRequest{Work: &plgv1.WorkRequest_Batch{Batch: batch}}).GetBatch().GetOutcomes()
	var effects []Effects
	for i, o := range outcomes {
		if o.GetFault() != nil {
			return effects, o.GetFault()
		}
		effects = append(effects, y.commit(customers[i], o.GetEffects()))
	}
	if len(outcomes) != len(events) {
		y.t.Fatalf("%d outcomes of %d events", len(outcomes), len(events))
	}
	return effects, nil
}

// delivery is an event as the host hands it over, without records.
func (y *Try) delivery(e sdk.AnyEvent) (*plgv1.Event, *plgv1.Delivery) {
	y.t.Helper()
	w, err := sdk.ToWire(e)
	if err != nil {
		y.t.Fatal(err)
	}
	if w.Sequence == 0 {
		y.sequence++
		w.Sequence = y.sequence
	}
	if w.Time == nil {
		w.Time = timestamppb.New(y.Now)
	}
	d := &plgv1.Delivery{}
	if d.Event, err = proto.Marshal(w); err != nil {
		y.t.Fatal(err)
	}
	if id := w.GetCustomer().GetId(); id != "" && y.Facts != nil {
		d.Facts = facts(y.Facts(id, w.GetTime().AsTime()))
	}
	return w, d
}

// Act presses a button. A fault fails the test; a refusal is in the result.
func (y *Try) Act(action string, press sdk.Press) (sdk.Result, Effects) {
	y.t.Helper()
	y.sequence++
	w := customer(y.t, press.Customer)
	done := y.work(&plgv1.WorkRequest{Work: &plgv1.WorkRequest_Action{Action: &plgv1.ActionCall{
		Action:   action,
		Customer: w,
		State:    y.states[w.GetId()],
		Form:     press.Form,
		Actor:    &plgv1.Actor{Operator: press.Actor.Operator, Till: press.Actor.Till, Channel: press.Actor.Channel},
		Time:     timestamppb.New(y.Now),
		Language: y.Language,
		Id:       fmt.Sprintf("press-%d", y.sequence),
	}}}).GetAction()
	if fault := done.GetFault(); fault != nil {
		y.t.Fatalf("action %s: %s", action, fault.GetMessage())
	}
	result := sdk.Result{
		Message:     done.GetResult().GetMessage(),
		Diagnostics: diagnostics(done.GetResult().GetDiagnostics()),
		Open:        done.GetResult().GetOpen(),
	}
	return result, y.commit(w.GetId(), done.GetEffects())
}

// Panel asks for a panel; of nobody when it is a report. A fault fails the test.
func (y *Try) Panel(id string, of sdk.Customer) sdk.Panel {
	y.t.Helper()
	done := y.panel(id, of)
	if fault := done.GetFault(); fault != nil {
		y.t.Fatalf("panel %s: %s", id, fault.GetMessage())
	}
	return panel(done.GetPanel())
}

// PanelFault asks for a panel that must fail, and returns what it said.
func (y *Try) PanelFault(id string, of sdk.Customer) string {
	y.t.Helper()
	fault := y.panel(id, of).GetFault()
	if fault == nil {
		y.t.Fatal("the panel succeeded")
	}
	return fault.GetMessage()
}

func (y *Try) panel(id string, of sdk.Customer) *plgv1.PanelDone {
	y.t.Helper()
	w := customer(y.t, of)
	return y.work(&plgv1.WorkRequest{Work: &plgv1.WorkRequest_Panel{Panel: &plgv1.PanelCall{
		Panel: id, Customer: w, State: y.states[w.GetId()], Time: timestamppb.New(y.Now), Language: y.Language,
	}}}).GetPanel()
}

// commit keeps what the plugin keeps and returns the rest.
func (y *Try) commit(customerID string, effects []*plgv1.Effect) Effects {
	y.t.Helper()
	return y.sort(effects, func(effect *plgv1.Effect) bool {
		switch effect := effect.GetEffect().(type) {
		case *plgv1.Effect_SaveState:
			y.states[customerID] = effect.SaveState.GetState()
			return false
		case *plgv1.Effect_PutState:
			y.states[effect.PutState.GetCustomerId()] = effect.PutState.GetState()
		case *plgv1.Effect_Put:
			y.records[effect.Put.GetKey()] = effect.Put.GetValue()
		case *plgv1.Effect_Delete:
			delete(y.records, effect.Delete)
		default:
			return false
		}
		return true
	})
}

// sort puts effects in order, without those that keep has kept.
func (y *Try) sort(effects []*plgv1.Effect, keep func(*plgv1.Effect) bool) Effects {
	y.t.Helper()
	e := Effects{Fields: map[string]string{}, Measures: map[string]float64{}}
	for _, effect := range effects {
		if keep(effect) {
			continue
		}
		switch effect := effect.GetEffect().(type) {
		case *plgv1.Effect_SaveState:
			e.Saved = true
		case *plgv1.Effect_SetField:
			e.Fields[effect.SetField.GetField()] = effect.SetField.GetValue()
		case *plgv1.Effect_AddTag:
			e.TagsAdded = append(e.TagsAdded, effect.AddTag)
		case *plgv1.Effect_RemoveTag:
			e.TagsRemoved = append(e.TagsRemoved, effect.RemoveTag)
		case *plgv1.Effect_SendMail:
			e.Mails = append(e.Mails, mail(effect.SendMail))
		case *plgv1.Effect_Schedule:
			s := effect.Schedule
			e.Scheduled = append(e.Scheduled, sdk.Later{
				Time: s.GetTime().AsTime(), Name: s.GetName(), CustomerID: s.GetCustomerId(), Data: s.GetData().AsMap(),
			})
		case *plgv1.Effect_Emit:
			c := sdk.Custom{Type: effect.Emit.GetType(), Data: effect.Emit.GetData().AsMap()}
			c.Customer.ID = effect.Emit.GetCustomerId()
			e.Emitted = append(e.Emitted, c)
		case *plgv1.Effect_Note:
			e.Notes = append(e.Notes, effect.Note)
		case *plgv1.Effect_ActivateByCode:
			e.Codes = append(e.Codes, Code{effect.ActivateByCode.GetCustomerId(), effect.ActivateByCode.GetCode()})
		case *plgv1.Effect_SetMeasure:
			e.Measures[effect.SetMeasure.GetMeasure()] = effect.SetMeasure.GetValue()
		case *plgv1.Effect_Convert:
			e.Converted = append(e.Converted, effect.Convert)
		default:
			y.t.Fatalf("unknown effect %T", effect)
		}
	}
	return e
}

func customer(t testing.TB, c sdk.Customer) *plgv1.Customer {
	t.Helper()
	w, err := sdk.ToWire(sdk.CustomerRegistered{Event: sdk.Event{Customer: c}})
	if err != nil {
		t.Fatal(err)
	}
	return w.GetCustomer()
}

// work hands the plugin one piece of work, with the settings before it, and returns how it ended.
func (y *Try) work(piece *plgv1.WorkRequest) *plgv1.WorkResponse {
	y.t.Helper()
	values, err := structpb.NewStruct(y.settings)
	if err != nil {
		y.t.Fatal(err)
	}
	c := &conversation{ctx: y.t.Context(), records: y.records, states: y.states, requests: []*plgv1.WorkRequest{
		{Work: &plgv1.WorkRequest_Settings{Settings: &plgv1.Settings{Values: values}}},
		piece,
	}}
	if err := y.server.Work(c); err != nil {
		y.t.Fatal(err)
	}
	if c.done == nil {
		y.t.Fatal("the plugin did not answer")
	}
	return c.done
}

// conversation plays the host's end of the stream in the plugin's own goroutine: Recv takes from a queue, and
// Send answers reads by adding to it.
type conversation struct {
	grpc.ServerStream
	ctx      context.Context
	records  map[string][]byte
	states   map[string][]byte
	requests []*plgv1.WorkRequest
	done     *plgv1.WorkResponse
}

var _ plgv1.Plugin_WorkServer = (*conversation)(nil)

func (c *conversation) Context() context.Context { return c.ctx }

func (c *conversation) Recv() (*plgv1.WorkRequest, error) {
	if len(c.requests) == 0 {
		return nil, io.EOF
	}
	next := c.requests[0]
	c.requests = c.requests[1:]
	return next, nil
}

func (c *conversation) Send(w *plgv1.WorkResponse) error {
	if w.GetRead() == nil {
		c.done = w
		return nil
	}
	reply := &plgv1.ReadReply{}
	switch read := w.GetRead().GetRead().(type) {
	case *plgv1.Read_Get:
		if value, ok := c.records[read.Get]; ok {
			reply.Records = append(reply.Records, &plgv1.KeyValue{Key: read.Get, Value: value})
		}
	case *plgv1.Read_Scan:
		reply.Records = scan(c.records, read.Scan)
	case *plgv1.Read_States:
		reply.Records = scan(c.states, read.States)
	}
	c.requests = append([]*plgv1.WorkRequest{{Work: &plgv1.WorkRequest_Read{Read: reply}}}, c.requests...)
	return nil
}

// scan is what a host answers to a Scan of its records.
func scan(records map[string][]byte, s *plgv1.Scan) []*plgv1.KeyValue {
	var found []*plgv1.KeyValue
	for _, key := range slices.Sorted(maps.Keys(records)) {
		if len(found) < int(s.GetLimit()) && strings.HasPrefix(key, s.GetPrefix()) && key > s.GetAfter() {
			found = append(found, &plgv1.KeyValue{Key: key, Value: records[key]})
		}
	}
	return found
}
