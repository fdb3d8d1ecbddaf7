package conformance

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// delivered is an event that was handled without a fault, and what came of it.
type delivered struct {
	event   *plgv1.Event
	effects []*plgv1.Effect
}

// batchOf is a piece of work with these deliveries.
func batchOf(deliveries ...*plgv1.Delivery) *plgv1.WorkRequest {
	return &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Batch{Batch: &plgv1.Batch{Deliveries: deliveries}}}
}

// delivery is an event as the host hands it on, with the plug-in's record of its customer.
func (s *suite) delivery(l *ledger, e *plgv1.Event) *plgv1.Delivery {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(e)
	if err != nil { // the invented store's texts are valid
		data = nil
	}
	d := &plgv1.Delivery{Event: data}
	if id := e.GetCustomer().GetId(); id != "" {
		d.State = l.states[id]
	}
	if gone := goneOf(e); gone != "" {
		d.OtherState = l.states[gone]
	}
	return d
}

// goneOf is the id of the other customer of a merge, or of the taking back of one.
func goneOf(e *plgv1.Event) string {
	return cmp.Or(e.GetCustomerMerged().GetGone().GetId(), e.GetCustomerUnmerged().GetGone().GetId())
}

// deliveries are a batch: later events of one customer carry no record.
func (s *suite) deliveries(l *ledger, events []delivered) []*plgv1.Delivery {
	met := map[string]bool{}
	list := make([]*plgv1.Delivery, len(events))
	for i, d := range events {
		list[i] = s.delivery(l, d.event)
		if met[goneOf(d.event)] {
			list[i].OtherState = nil
		}
		if id := d.event.GetCustomer().GetId(); met[id] {
			list[i].State = nil
		} else if id != "" {
			met[id] = true
		}
	}
	return list
}

// kind names a response in the contract's words.
func kind(response *plgv1.WorkResponse) string {
	return strings.TrimPrefix(fmt.Sprintf("%T", response.GetWork()), "*plgv1.WorkResponse_")
}

// ready starts a process and gives it the usual settings.
func (s *suite) ready(ctx context.Context, what string) (*process, bool) {
	p, err := s.start(ctx)
	if err == nil {
		err = p.send(&plgv1.WorkRequest{Work: &plgv1.WorkRequest_Settings{Settings: s.settings()}})
	}
	if err != nil {
		s.failWith(what, err)
		return nil, false
	}
	return p, true
}

// deliver hands over a batch and returns its outcomes, of which there are as many as deliveries, or fewer when the
// last one is a fault.
func (p *process) deliver(ctx context.Context, l *ledger, deliveries ...*plgv1.Delivery) ([]*plgv1.Outcome, error) {
	response, err := p.do(ctx, l, batchOf(deliveries...))
	if err != nil {
		return nil, err
	}
	done := response.GetBatch()
	if done == nil {
		return nil, problem("answer_kind", "what", "batch", "said", kind(response))
	}
	outcomes := done.GetOutcomes()
	for i, o := range outcomes {
		if o.GetFault() != nil && i+1 < len(outcomes) {
			return nil, problem("batch_after_fault")
		}
		if o.GetFault() != nil && len(o.GetEffects()) > 0 {
			p.suite.warn("fault_effects")
		}
	}
	short := len(outcomes) > 0 && outcomes[len(outcomes)-1].GetFault() != nil
	if len(outcomes) > len(deliveries) || len(outcomes) < len(deliveries) && !short {
		return nil, problem("batch_count", "said", len(outcomes), "want", len(deliveries))
	}
	return outcomes, nil
}

// handlesEvents: each event by itself, in order, as to a store where little happens. What is scheduled and emitted
// comes back once.
func handlesEvents(ctx context.Context, s *suite) {
	for _, kind := range s.manifest.Events.Handles {
		if !s.permitted(kind) {
			s.warn("events_unpermitted", "type", kind)
		}
	}
	p, ok := s.ready(ctx, "batches")
	if !ok {
		return
	}
	l := s.newLedger()
	events := s.events()
	first := len(events)
	var wanted []*plgv1.Effect
	for i := 0; i < len(events); i++ {
		e := events[i]
		outcomes, err := p.deliver(ctx, l, s.delivery(l, e))
		if err != nil {
			s.failWith(e.GetType(), err)
			return
		}
		o := outcomes[0]
		if fault := o.GetFault(); fault != nil {
			s.fail("event_fault", "type", e.GetType(), "problem", fault.GetMessage())
			continue
		}
		l.commit(cause{what: e.GetType(), customer: e.GetCustomer().GetId()}, o.GetEffects())
		s.sound = append(s.sound, delivered{e, o.GetEffects()})
		if i < first {
			wanted = append(wanted, o.GetEffects()...)
		}
		if i == first-1 {
			events = append(events, s.following(uint64(first), wanted)...)
		}
	}
}

// repeatsItself: the same events have the same effects in one batch as alone, once more, and in another process: the
// host delivers again what it is not sure of, in pieces of its own choice.
func repeatsItself(ctx context.Context, s *suite) {
	if len(s.sound) == 0 {
		return
	}
	for range 2 {
		p, ok := s.ready(ctx, "repeats")
		if !ok {
			return
		}
		for range 2 {
			l := s.newLedger()
			outcomes, err := p.deliver(ctx, l, s.deliveries(l, s.sound)...)
			if err != nil {
				s.failWith("repeats", err)
				return
			}
			for i, o := range outcomes {
				if fault := o.GetFault(); fault != nil {
					s.fail("repeat_fault", "type", s.sound[i].event.GetType(), "problem", fault.GetMessage())
				} else if !same(o.GetEffects(), s.sound[i].effects) {
					s.fail("repeat_differs", "type", s.sound[i].event.GetType())
				}
			}
		}
		p.kill() // in the middle of its life, as a power cut would
	}
}

// survivesTheUnknown: events, buttons, panels and work that it has never heard of.
func survivesTheUnknown(ctx context.Context, s *suite) {
	p, ok := s.ready(ctx, "unknown")
	if !ok {
		return
	}
	l := s.newLedger()
	strange := &plgv1.Event{
		Sequence: 1, Type: "store.moved_to_the_moon", Time: timestamppb.New(opened), Customer: s.people()[0],
	}
	if _, err := p.deliver(ctx, l, s.delivery(l, strange)); err != nil {
		s.fail("unknown_event", "problem", err)
		return
	}
	outcomes, err := p.deliver(ctx, l, &plgv1.Delivery{Event: []byte{0xff, 0xff, 0xff}})
	switch {
	case err != nil:
		s.fail("unknown_bytes", "problem", err)
		return
	case outcomes[0].GetFault() == nil:
		s.fail("unknown_bytes_taken")
	}
	c := s.people()[0]
	action, err := p.do(ctx, l, &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Action{Action: &plgv1.ActionCall{
		Action: "no_such_action", Customer: c, Actor: clerk(), Time: timestamppb.New(opened), Language: "es", Id: "press-0",
	}}})
	switch {
	case err != nil:
		s.fail("unknown_action", "problem", err)
		return
	case action.GetAction().GetFault() == nil:
		s.fail("unknown_action_taken")
	}
	panel, err := p.do(ctx, l, &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Panel{Panel: &plgv1.PanelCall{
		Panel: "no_such_panel", Customer: c, Time: timestamppb.New(opened), Language: "es",
	}}})
	switch {
	case err != nil:
		s.fail("unknown_panel", "problem", err)
		return
	case panel.GetPanel().GetFault() == nil:
		s.fail("unknown_panel_taken")
	}
	// Work of a later protocol: the conversation must end rather than go on with one of them guessing.
	if said, err := p.do(ctx, l, &plgv1.WorkRequest{}); err == nil {
		s.fail("unknown_work", "said", kind(said))
	} else if errors.Is(err, errHung) {
		s.fail("unknown_work_hangs")
	}
}

// Measures of a large batch: more than the 4 MiB that gRPC takes unless it is told otherwise.
const (
	largeBatch = 1500
	largeField = 6 << 10
)

// takesLargeBatches: a day's events of a store that was offline, of customers about whom much is known.
func takesLargeBatches(ctx context.Context, s *suite) {
	if len(s.sound) == 0 {
		return
	}
	p, ok := s.ready(ctx, "large")
	if !ok {
		return
	}
	l := s.newLedger()
	filler := strings.Repeat("ñandú ", largeField/7)
	var batch []*plgv1.Delivery
	for i := range largeBatch {
		e := proto.CloneOf(s.sound[i%len(s.sound)].event)
		e.Sequence = uint64(i + 1)
		if e.Customer != nil {
			e.Customer.Id = fmt.Sprintf("0195a000-0000-7000-8000-%012d", 1000+i)
			if e.Customer.Fields == nil {
				e.Customer.Fields = map[string]string{}
			}
			e.Customer.Fields["notas"] = filler
		}
		batch = append(batch, s.delivery(l, e))
	}
	outcomes, err := p.deliver(ctx, l, batch...)
	if err != nil {
		s.fail("large_fails", "size", proto.Size(batchOf(batch...))>>20, "problem", err)
		return
	}
	if last := outcomes[len(outcomes)-1]; last.GetFault() != nil {
		s.fail("event_fault", "type", s.sound[(len(outcomes)-1)%len(s.sound)].event.GetType(), "problem", last.GetFault().GetMessage())
	}
}

// answersActions: each button, with a form filled in, with an empty one, and twice.
func answersActions(ctx context.Context, s *suite) {
	p, ok := s.ready(ctx, "actions")
	if !ok {
		return
	}
	l := s.newLedger()
	for _, d := range s.sound {
		l.commit(cause{what: d.event.GetType(), customer: d.event.GetCustomer().GetId()}, d.effects)
	}
	for i := range s.manifest.Actions {
		a := &s.manifest.Actions[i]
		for _, c := range append(s.people(), nil) {
			if c == nil && !standsAlone(a.Where) {
				continue
			}
			for n, filled := range []map[string]string{form(a), form(a), {}} {
				done, err := p.press(ctx, l, a, c, filled)
				if err != nil {
					s.failWith(a.ID, err)
					return
				}
				s.judgePress(l, a, c, done, len(filled) > 0 || len(a.Form) == 0)
				if n == 1 {
					continue
				}
				again, err := p.press(ctx, l, a, c, filled)
				if err != nil {
					s.failWith(a.ID, err)
					return
				}
				if !proto.Equal(done, again) {
					s.fail("action_differs", "action", a.ID)
				}
			}
		}
	}
}

// standsAlone tells whether a button or panel stands where no customer is open.
func standsAlone(where []manifest.Place) bool {
	for _, place := range where {
		if place == manifest.PlaceMenu || place == manifest.PlaceReport {
			return true
		}
	}
	return false
}

// press presses a button. The identity of the press is the same each time: so must be what comes of it.
func (p *process) press(ctx context.Context, l *ledger, a *manifest.Action, c *plgv1.Customer, form map[string]string) (*plgv1.ActionDone, error) {
	response, err := p.do(ctx, l, &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Action{Action: &plgv1.ActionCall{
		Action: a.ID, Customer: c, State: l.states[c.GetId()], Form: form, Actor: clerk(),
		Time: timestamppb.New(opened), Language: "es", Id: "press-" + a.ID,
	}}})
	if err != nil {
		return nil, err
	}
	if response.GetAction() == nil {
		return nil, problem("answer_kind", "what", "action", "said", kind(response))
	}
	return response.GetAction(), nil
}

// ofCustomer are the fields that every customer has.
var ofCustomer = []string{"name", "phone", "email", "language", "cards", "tags", "aplica_promociones"}

// judgePress judges the answer to a press; plausible tells that a person could have pressed so.
func (s *suite) judgePress(l *ledger, a *manifest.Action, c *plgv1.Customer, done *plgv1.ActionDone, plausible bool) {
	if fault := done.GetFault(); fault != nil {
		if plausible {
			s.fail("action_fault", "action", a.ID, "problem", fault.GetMessage())
		} else { // the store asks for what is required by itself
			s.warn("action_fault", "action", a.ID, "problem", fault.GetMessage())
		}
		return
	}
	s.judgeDiagnostics(a.ID, done.GetResult().GetDiagnostics(), func(path string) bool {
		for _, f := range a.Form {
			if f.ID == path {
				return true
			}
		}
		return slices.Contains(ofCustomer, path) // what is missing may stand on the sheet
	})
	if refuses(done.GetResult().GetDiagnostics()) && len(done.GetEffects()) > 0 {
		s.fail("action_refuses", "action", a.ID)
	}
	l.clone().commit(cause{what: a.ID, customer: c.GetId(), action: true}, done.GetEffects())
}

func refuses(diagnostics []*plgv1.Diagnostic) bool {
	for _, d := range diagnostics {
		if d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
			return true
		}
	}
	return false
}

// judgeDiagnostics: each is a sentence with a severity, at a place that there is.
func (s *suite) judgeDiagnostics(what string, diagnostics []*plgv1.Diagnostic, has func(path string) bool) {
	for _, d := range diagnostics {
		if strings.TrimSpace(d.GetSummary()) == "" || d.GetSeverity() == plgv1.Severity_SEVERITY_UNSPECIFIED {
			s.fail("diagnostic_empty", "what", what)
		}
		if d.GetPath() != "" && !has(d.GetPath()) {
			s.warn("diagnostic_path", "what", what, "path", d.GetPath())
		}
	}
}

// fillsPanels: each panel, for each customer or for none, is of its kind and says the same twice.
func fillsPanels(ctx context.Context, s *suite) {
	p, ok := s.ready(ctx, "panels")
	if !ok {
		return
	}
	full := s.newLedger()
	for _, d := range s.sound {
		full.commit(cause{what: d.event.GetType(), customer: d.event.GetCustomer().GetId()}, d.effects)
	}
	for i := range s.manifest.Panels {
		panel := &s.manifest.Panels[i]
		whose := s.people()
		if standsAlone(panel.Where) {
			whose = append(whose, nil)
		}
		for _, l := range []*ledger{s.newLedger(), full} {
			for _, c := range whose {
				call := &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Panel{Panel: &plgv1.PanelCall{
					Panel: panel.ID, Customer: c, State: l.states[c.GetId()], Time: timestamppb.New(opened), Language: "es",
				}}}
				first, err := p.do(ctx, l, call)
				if err != nil {
					s.failWith(panel.ID, err)
					return
				}
				second, err := p.do(ctx, l, call)
				if err != nil {
					s.failWith(panel.ID, err)
					return
				}
				s.judgePanel(panel, first)
				if !proto.Equal(first, second) {
					s.fail("panel_differs", "panel", panel.ID)
				}
			}
		}
	}
}

// judgePanel: it is of the kind that the manifest says, and whole.
func (s *suite) judgePanel(declared *manifest.Panel, response *plgv1.WorkResponse) {
	done := response.GetPanel()
	if done == nil {
		s.fail("answer_kind", "what", "panel", "said", kind(response))
		return
	}
	if fault := done.GetFault(); fault != nil {
		s.fail("panel_fault", "panel", declared.ID, "problem", fault.GetMessage())
		return
	}
	panel := done.GetPanel()
	other := func(kinds ...bool) bool {
		for _, there := range kinds {
			if there {
				return true
			}
		}
		return false
	}
	rows, table, chart := len(panel.GetRows()) > 0, panel.GetTable() != nil, panel.GetChart() != nil
	switch declared.Kind {
	case manifest.KindTable:
		if other(rows, chart) {
			s.fail("panel_kind", "panel", declared.ID, "want", declared.Kind)
		}
		for _, r := range panel.GetTable().GetRows() {
			if len(r.GetCells()) != len(panel.GetTable().GetColumns()) {
				s.fail("panel_cells", "panel", declared.ID)
			}
		}
	case manifest.KindChart:
		if other(rows, table) {
			s.fail("panel_kind", "panel", declared.ID, "want", declared.Kind)
		}
		for _, series := range panel.GetChart().GetSeries() {
			if len(series.GetValues()) != len(panel.GetChart().GetLabels()) {
				s.fail("panel_cells", "panel", declared.ID)
			}
		}
	default:
		if other(table, chart) {
			s.fail("panel_kind", "panel", declared.ID, "want", declared.Kind)
		}
	}
}
