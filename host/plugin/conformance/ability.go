package conformance

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// showsAbilities: what it said that it can do beyond events, actions and panels, it does; and what its manifest
// promises, it can.
func showsAbilities(ctx context.Context, s *suite) {
	can := func(ability string) bool { return slices.Contains(s.abilities, ability) }
	for _, setting := range s.manifest.Settings {
		if setting.Validate && !can("validate") {
			s.fail("ability_missing", "setting", setting.Key)
		}
	}
	if can("check") {
		checksItself(ctx, s)
	}
	if can("validate") {
		validates(ctx, s)
	}
	if can("migrate") {
		migrates(ctx, s)
	}
	if can("rehearse") {
		rehearses(ctx, s)
	}
}

// checksItself: it says how it is, and has no fault in saying so.
func checksItself(ctx context.Context, s *suite) {
	p, ok := s.ready(ctx, "check")
	if !ok {
		return
	}
	response, err := p.do(ctx, s.newLedger(), &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Check{Check: &plgv1.CheckCall{
		Time: timestamppb.New(opened), Language: "es",
	}}})
	done := response.GetCheck()
	switch {
	case err != nil:
		s.failWith("check", err)
	case done == nil:
		s.fail("answer_kind", "what", "check", "said", kind(response))
	case done.GetFault() != nil:
		s.fail("ability_fault", "ability", "check", "problem", done.GetFault().GetMessage())
	default:
		s.judgeDiagnostics("check", done.GetDiagnostics(), func(string) bool { return true })
		for _, d := range done.GetDiagnostics() { // perhaps it misses here what it has in its store
			if d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
				s.warn("check_unfit", "summary", d.GetSummary())
			}
		}
	}
}

// validates: it takes its own defaults, and answers to nonsense without a fault.
func validates(ctx context.Context, s *suite) {
	p, ok := s.ready(ctx, "validate")
	if !ok {
		return
	}
	l := s.newLedger()
	for _, setting := range s.manifest.Settings {
		if !setting.Validate {
			continue
		}
		values := []any{setting.Default, "", "~~~", -1.5, true}
		if setting.Type == manifest.TypeMessageRules { // the Guide lets nothing but rules through
			values = []any{[]any{}}
		}
		for i, value := range values {
			if i == 0 && value == nil {
				continue
			}
			wrapped, err := structpb.NewValue(value)
			if err != nil { // a default is a text, a number, a boolean or a list of texts
				continue
			}
			response, err := p.do(ctx, l, &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Validate{Validate: &plgv1.ValidateCall{
				Key: setting.Key, Value: wrapped, Time: timestamppb.New(opened), Language: "es",
			}}})
			done := response.GetValidate()
			switch {
			case err != nil:
				s.failWith(setting.Key, err)
				return
			case done == nil:
				s.fail("answer_kind", "what", "validate", "said", kind(response))
			case i == 0 && done.GetFault() != nil:
				s.fail("ability_fault", "ability", "validate", "problem", done.GetFault().GetMessage())
			case done.GetFault() != nil: // the Guide asks for the type by itself
				s.warn("ability_fault", "ability", "validate", "problem", done.GetFault().GetMessage())
			default:
				s.judgeDiagnostics(setting.Key, done.GetDiagnostics(), func(string) bool { return true })
				if i == 0 && refuses(done.GetDiagnostics()) {
					s.fail("validate_default", "setting", setting.Key, "summary", done.GetDiagnostics()[0].GetSummary())
				}
			}
		}
	}
}

// migrates: records that this very version wrote it brings to this version, twice the same way.
func migrates(ctx context.Context, s *suite) {
	p, ok := s.ready(ctx, "migrate")
	if !ok {
		return
	}
	l := s.newLedger()
	for _, d := range s.sound {
		l.commit(cause{what: d.event.GetType(), customer: d.event.GetCustomer().GetId()}, d.effects)
	}
	call := &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Migrate{Migrate: &plgv1.MigrateCall{
		From: s.manifest.Version, To: s.manifest.Version, Time: timestamppb.New(opened),
	}}}
	var first *plgv1.MigrateDone
	for i := range 2 {
		response, err := p.do(ctx, l, call)
		done := response.GetMigrate()
		switch {
		case err != nil:
			s.failWith("migrate", err)
			return
		case done == nil:
			s.fail("answer_kind", "what", "migrate", "said", kind(response))
			return
		case done.GetFault() != nil:
			s.fail("ability_fault", "ability", "migrate", "problem", done.GetFault().GetMessage())
			return
		case i == 0:
			first = done
			l.clone().commit(cause{what: "migrate", migration: true}, done.GetEffects())
		case !proto.Equal(first, done):
			s.fail("migrate_differs")
		}
	}
}

// rehearses: it plays the past twice the same way, does no more than it may, and its work goes on as if it had not.
func rehearses(ctx context.Context, s *suite) {
	p, ok := s.ready(ctx, "rehearse")
	if !ok {
		return
	}
	var played [2][]*plgv1.Rehearsed
	for i := range played {
		call := &plgv1.RehearseCall{Begin: true, Settings: s.settings(), Until: timestamppb.New(opened.AddDate(1, 0, 0))}
		for _, e := range s.events() {
			data, err := proto.Marshal(e)
			if err != nil {
				s.failWith("rehearse", err)
				return
			}
			call.Deliveries = append(call.Deliveries, &plgv1.Delivery{Event: data})
		}
		response, err := p.do(ctx, s.newLedger(), &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Rehearse{Rehearse: call}})
		done := response.GetRehearse()
		switch {
		case err != nil:
			s.failWith("rehearse", err)
			return
		case done == nil:
			s.fail("answer_kind", "what", "rehearse", "said", kind(response))
			return
		case done.GetFault() != nil:
			s.fail("ability_fault", "ability", "rehearse", "problem", done.GetFault().GetMessage())
			return
		}
		played[i] = done.GetOutcomes()
	}
	for _, o := range played[0] {
		for _, effect := range o.GetEffects() {
			switch effect.GetEffect().(type) {
			case *plgv1.Effect_SaveState, *plgv1.Effect_Put, *plgv1.Effect_Delete, *plgv1.Effect_Schedule:
				s.fail("rehearse_kept", "effect", name(effect))
				return
			}
		}
	}
	if !slices.EqualFunc(played[0], played[1], func(a, b *plgv1.Rehearsed) bool { return proto.Equal(a, b) }) {
		s.fail("rehearse_differs")
	}
}
