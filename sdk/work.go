package sdk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

// Server is the plugin as its host sees it. Serve serves it; a test harness talks to it directly.
func Server(p *Plugin) plgv1.PluginServer { return &server{plugin: p} }

type server struct {
	plgv1.UnimplementedPluginServer
	plugin *Plugin
}

// Describe proves that this process is the plugin that its manifest says.
func (s *server) Describe(_ context.Context, r *plgv1.DescribeRequest) (*plgv1.DescribeResponse, error) {
	api, ok := wire.Negotiate(r.GetApi(), s.plugin.manifest.API)
	if !ok {
		return nil, status.Errorf(codes.FailedPrecondition, "sdk: %s speaks protocols %v, the host %v", s.plugin.ID(), s.plugin.manifest.API, r.GetApi())
	}
	return &plgv1.DescribeResponse{
		Id: s.plugin.manifest.ID, Version: s.plugin.manifest.Version, Api: api, Abilities: s.plugin.abilities(api),
	}, nil
}

// Work does one piece of work after the other until the host ends the conversation.
func (s *server) Work(stream plgv1.Plugin_WorkServer) error {
	w := &work{
		plugin:   s.plugin,
		stream:   stream,
		settings: settings{defaults: s.plugin.manifest},
		states:   map[string][]byte{},
		written:  map[space]map[string]written{keyspace: {}, states: {}},
	}
	for {
		request, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var response *plgv1.WorkResponse
		switch piece := request.GetWork().(type) {
		case *plgv1.WorkRequest_Settings:
			w.settings.change(piece.Settings.GetValues().GetFields())
			continue
		case *plgv1.WorkRequest_Batch:
			response = &plgv1.WorkResponse{Work: &plgv1.WorkResponse_Batch{Batch: w.batch(piece.Batch)}}
		case *plgv1.WorkRequest_Action:
			response = &plgv1.WorkResponse{Work: &plgv1.WorkResponse_Action{Action: w.action(piece.Action)}}
		case *plgv1.WorkRequest_Panel:
			response = &plgv1.WorkResponse{Work: &plgv1.WorkResponse_Panel{Panel: w.panel(piece.Panel)}}
		case *plgv1.WorkRequest_Migrate:
			response = &plgv1.WorkResponse{Work: &plgv1.WorkResponse_Migrate{Migrate: w.migrate(piece.Migrate)}}
		case *plgv1.WorkRequest_Check:
			response = &plgv1.WorkResponse{Work: &plgv1.WorkResponse_Check{Check: w.check(piece.Check)}}
		case *plgv1.WorkRequest_Validate:
			response = &plgv1.WorkResponse{Work: &plgv1.WorkResponse_Validate{Validate: w.validate(piece.Validate)}}
		case *plgv1.WorkRequest_Rehearse:
			response = &plgv1.WorkResponse{Work: &plgv1.WorkResponse_Rehearse{Rehearse: w.rehearse(piece.Rehearse)}}
		default:
			return status.Errorf(codes.InvalidArgument, "sdk: unexpected work %T", piece)
		}
		if w.broken != nil { // a read failed half way: what was made of it must not reach the host
			return w.broken
		}
		if err := stream.Send(response); err != nil {
			return err
		}
	}
}

// work is the conversation and what is known while a piece of work is being done.
type work struct {
	plugin   *Plugin
	stream   plgv1.Plugin_WorkServer
	settings settings
	// states are the plugin's records of the customers met in this batch, as the last handler left them.
	states map[string][]byte
	// written is what was put and deleted by this piece of work.
	written map[space]map[string]written
	// broken is why the conversation cannot go on.
	broken error
	// rehearsal is the one under way; in that one's own work it is played, and has the records that are asked for.
	rehearsal *rehearsal
	played    *rehearsal
}

func (w *work) begin() {
	clear(w.states)
	for _, keys := range w.written {
		clear(keys)
	}
}

// batch runs the handlers of a batch. It ends at the first fault, since what follows might build on it.
func (w *work) batch(b *plgv1.Batch) *plgv1.BatchDone {
	w.begin()
	deliveries := b.GetDeliveries()
	slab := make([]plgv1.Outcome, len(deliveries)) // one allocation for all
	done := &plgv1.BatchDone{Outcomes: make([]*plgv1.Outcome, 0, len(deliveries))}
	for i, d := range deliveries {
		outcome := &slab[i]
		w.deliver(d, outcome)
		done.Outcomes = append(done.Outcomes, outcome)
		if outcome.Fault != nil {
			break
		}
	}
	return done
}

func (w *work) deliver(d *plgv1.Delivery, outcome *plgv1.Outcome) {
	event := new(plgv1.Event)
	if err := proto.Unmarshal(d.GetEvent(), event); err != nil {
		outcome.Fault = &plgv1.Fault{Message: fmt.Sprintf("sdk: an event that does not decode: %v", err)}
		return
	}
	w.handle(event, d, outcome)
}

// handle runs the handler of an event.
func (w *work) handle(event *plgv1.Event, d *plgv1.Delivery, outcome *plgv1.Outcome) {
	customer := event.GetCustomer()
	id := customer.GetId()
	tx := Tx{work: w, customer: id, language: customer.GetLanguage(), now: readTime(event.GetTime()), sequence: event.GetSequence(), facts: d.GetFacts()}
	if id != "" {
		state, met := w.states[id]
		if !met {
			state = d.GetState()
			w.states[id] = state
		}
		tx.state = state
	}
	if gone := goneOf(event); gone != nil {
		tx.merge, tx.other = true, d.GetOtherState()
		if state, met := w.states[gone.GetId()]; met {
			tx.other = state
		}
	}
	handler, ok := w.plugin.events[event.GetType()]
	if !ok && !isCore(event.GetType()) {
		handler, ok = w.plugin.events[Custom{}.kind()]
	}
	if !ok {
		return // nothing to do is an outcome too
	}
	fault := w.run(&tx, Call{"event", event.GetType()}, func(ctx context.Context) error { return handler(ctx, &tx, event) })
	if fault != nil {
		outcome.Fault = fault
		return
	}
	outcome.Effects = tx.effects
	if tx.saved != nil {
		w.states[id] = tx.state
	}
}

func (w *work) action(call *plgv1.ActionCall) *plgv1.ActionDone {
	w.begin()
	handler, ok := w.plugin.actions[call.GetAction()]
	if !ok {
		return &plgv1.ActionDone{Fault: &plgv1.Fault{Message: fmt.Sprintf("sdk: no action %q", call.GetAction())}}
	}
	tx := Tx{
		work: w, customer: call.GetCustomer().GetId(), language: call.GetLanguage(),
		now: readTime(call.GetTime()), press: call.GetId(), state: call.GetState(),
	}
	press := Press{Customer: readCustomer(call.GetCustomer()), Form: call.GetForm(), Actor: readActor(call.GetActor())}
	var result Result
	fault := w.run(&tx, Call{"action", call.GetAction()}, func(ctx context.Context) (err error) {
		result, err = handler(ctx, &tx, press)
		spoken, err := diagnosed(err)
		result.Diagnostics = append(result.Diagnostics, spoken...)
		if err == nil {
			err = result.check()
		}
		return err
	})
	switch {
	case fault != nil:
		return &plgv1.ActionDone{Fault: fault}
	case result.refuses():
		return &plgv1.ActionDone{Result: result.write()}
	}
	return &plgv1.ActionDone{Effects: tx.effects, Result: result.write()}
}

func (w *work) panel(call *plgv1.PanelCall) *plgv1.PanelDone {
	w.begin()
	handler, ok := w.plugin.panels[call.GetPanel()]
	if !ok {
		return &plgv1.PanelDone{Fault: &plgv1.Fault{Message: fmt.Sprintf("sdk: no panel %q", call.GetPanel())}}
	}
	tx := Tx{
		work: w, customer: call.GetCustomer().GetId(), language: call.GetLanguage(),
		now: readTime(call.GetTime()), press: call.GetPanel(), state: call.GetState(), readOnly: true,
	}
	kind := manifest.KindRows
	if declared, ok := w.plugin.manifest.Panel(call.GetPanel()); ok {
		kind = cmp.Or(declared.Kind, kind)
	}
	var written *plgv1.Panel
	fault := w.run(&tx, Call{"panel", call.GetPanel()}, func(ctx context.Context) error {
		panel, err := handler(ctx, &tx, readCustomer(call.GetCustomer()))
		if err != nil {
			return err
		}
		written, err = panel.write(kind)
		return err
	})
	if fault != nil {
		return &plgv1.PanelDone{Fault: fault}
	}
	return &plgv1.PanelDone{Panel: written}
}

// run calls a handler and turns an error, an impossible effect or a panic into a fault.
func (w *work) run(tx *Tx, call Call, handler func(context.Context) error) (fault *plgv1.Fault) {
	ctx := w.stream.Context()
	if o := w.plugin.observer; o != nil {
		within, end := o.Begin(ctx, call)
		ctx = within
		defer func() {
			if fault != nil {
				end(errors.New(fault.GetMessage()))
			} else {
				end(nil)
			}
		}()
	}
	defer func() {
		if r := recover(); r != nil {
			w.plugin.log.Error("a handler panicked", "plugin", w.plugin.ID(), "stack", string(debug.Stack()))
			fault = &plgv1.Fault{Message: fmt.Sprint(r), Panic: true, Blame: plgv1.Blame_BLAME_PLUGIN}
		}
	}()
	err := handler(ctx)
	if err == nil {
		err = tx.err
	}
	if err != nil {
		return &plgv1.Fault{Message: err.Error(), Blame: WhoseFault(err).write()}
	}
	return nil
}

// ask asks the host for records and waits for them. New settings that come in between hold from the next
// read of a setting on.
func (w *work) ask(read *plgv1.Read) ([]*plgv1.KeyValue, error) {
	if w.played != nil {
		return w.played.answer(read), nil
	}
	if w.broken != nil {
		return nil, w.broken
	}
	if err := w.stream.Send(&plgv1.WorkResponse{Work: &plgv1.WorkResponse_Read{Read: read}}); err != nil {
		w.broken = Blamed(FaultOfStore, fmt.Errorf("sdk: asking the host: %w", err))
		return nil, w.broken
	}
	for {
		request, err := w.stream.Recv()
		if err != nil {
			w.broken = Blamed(FaultOfStore, fmt.Errorf("sdk: answer of the host: %w", err))
			return nil, w.broken
		}
		switch piece := request.GetWork().(type) {
		case *plgv1.WorkRequest_Read:
			return piece.Read.GetRecords(), nil
		case *plgv1.WorkRequest_Settings:
			w.settings.change(piece.Settings.GetValues().GetFields())
		default:
			w.broken = status.Errorf(codes.InvalidArgument, "sdk: %T while an answer was awaited", piece)
			return nil, w.broken
		}
	}
}
