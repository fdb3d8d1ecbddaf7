package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// ledger is what the invented store keeps for the plug-in: its records, as the host would.
type ledger struct {
	suite   *suite
	states  map[string][]byte // by customer
	records map[string][]byte
}

func (s *suite) newLedger() *ledger {
	return &ledger{suite: s, states: map[string][]byte{}, records: map[string][]byte{}}
}

// clone is the same ledger, to be written to apart.
func (l *ledger) clone() *ledger {
	return &ledger{suite: l.suite, states: maps.Clone(l.states), records: maps.Clone(l.records)}
}

// maxScan bounds the records of one answer, as in the host.
const maxScan = 1000

// answer answers a Read. In a migration the records of customers may be read too.
func (l *ledger) answer(read *plgv1.Read, migrating bool) (*plgv1.ReadReply, error) {
	reply := &plgv1.ReadReply{}
	scan := func(records map[string][]byte, s *plgv1.Scan) {
		limit := int(s.GetLimit())
		if limit <= 0 || limit > maxScan {
			limit = maxScan
		}
		for _, key := range slices.Sorted(maps.Keys(records)) {
			if len(reply.Records) < limit && strings.HasPrefix(key, s.GetPrefix()) && key > s.GetAfter() {
				reply.Records = append(reply.Records, &plgv1.KeyValue{Key: key, Value: records[key]})
			}
		}
	}
	switch question := read.GetRead().(type) {
	case *plgv1.Read_Get:
		if value, ok := l.records[question.Get]; ok {
			reply.Records = []*plgv1.KeyValue{{Key: question.Get, Value: value}}
		}
	case *plgv1.Read_Scan:
		scan(l.records, question.Scan)
	case *plgv1.Read_States:
		if !migrating {
			return nil, problem("read_states")
		}
		scan(l.states, question.States)
	default:
		return nil, problem("read_empty")
	}
	return reply, nil
}

// cause is what effects answer.
type cause struct {
	// what names it for a person: the type of an event, the id of a button.
	what     string
	customer string
	// action and migration tell what else than an event it is.
	action, migration bool
}

// commit keeps what is to be kept and judges every effect by the manifest, as a store would.
func (l *ledger) commit(c cause, effects []*plgv1.Effect) {
	for _, effect := range effects {
		if code, args := l.judge(c, effect); code != "" {
			l.suite.fail(code, append([]any{"what", c.what}, args...)...)
			continue
		}
		switch e := effect.GetEffect().(type) {
		case *plgv1.Effect_SaveState:
			l.states[c.customer] = e.SaveState.GetState()
		case *plgv1.Effect_PutState:
			l.states[e.PutState.GetCustomerId()] = e.PutState.GetState()
		case *plgv1.Effect_Put:
			l.records[e.Put.GetKey()] = e.Put.GetValue()
		case *plgv1.Effect_Delete:
			delete(l.records, e.Delete)
		}
	}
}

// judge says what is wrong with an effect; an empty code means nothing.
func (l *ledger) judge(c cause, effect *plgv1.Effect) (code string, args []any) {
	m := l.suite.manifest
	kind := name(effect)
	lacks := func(permission string) (string, []any) {
		if m.Allows(permission) {
			return "", nil
		}
		return "effect_permission", []any{"effect", kind, "permission", permission}
	}
	wrong := func(problem string) (string, []any) { return "effect_wrong", []any{"effect", kind, "problem", problem} }
	if c.migration {
		switch effect.GetEffect().(type) {
		case *plgv1.Effect_Put, *plgv1.Effect_Delete, *plgv1.Effect_PutState:
		default:
			return "effect_migration", []any{"effect", kind}
		}
	}
	switch e := effect.GetEffect().(type) {
	case *plgv1.Effect_SaveState, *plgv1.Effect_Note:
		if c.customer == "" {
			return "effect_nobody", []any{"effect", kind}
		}
	case *plgv1.Effect_Put:
		if e.Put.GetKey() == "" {
			return wrong("key is empty")
		}
	case *plgv1.Effect_Delete:
		if e.Delete == "" {
			return wrong("key is empty")
		}
	case *plgv1.Effect_SetField:
		if c.customer == "" {
			return "effect_nobody", []any{"effect", kind}
		}
		return lacks("customer." + e.SetField.GetField() + ":write")
	case *plgv1.Effect_AddTag, *plgv1.Effect_RemoveTag:
		if c.customer == "" {
			return "effect_nobody", []any{"effect", kind}
		}
		return lacks(manifest.PermissionWriteTags)
	case *plgv1.Effect_SendMail:
		return l.judgeMail(e.SendMail, lacks, wrong)
	case *plgv1.Effect_Schedule:
		if e.Schedule.GetTime().AsTime().Unix() == 0 || e.Schedule.GetName() == "" {
			return wrong("time or name is empty")
		}
	case *plgv1.Effect_Emit:
		if !m.Emits(e.Emit.GetType()) {
			return "effect_emit", []any{"type", e.Emit.GetType()}
		}
	case *plgv1.Effect_ActivateByCode:
		if !c.action || e.ActivateByCode.GetCustomerId() != c.customer {
			return "effect_code", nil
		}
		return lacks(manifest.PermissionRecordConsent)
	case *plgv1.Effect_SetMeasure:
		if c.customer == "" {
			return "effect_nobody", []any{"effect", kind}
		}
		if _, declared := m.Measure(e.SetMeasure.GetMeasure()); !declared {
			return wrong(fmt.Sprintf("%q does not stand in the manifest under measures", e.SetMeasure.GetMeasure()))
		}
		if value := e.SetMeasure.GetValue(); math.IsNaN(value) || math.IsInf(value, 0) {
			return wrong("value is no number")
		}
	case *plgv1.Effect_Convert:
		if c.customer == "" {
			return "effect_nobody", []any{"effect", kind}
		}
		if e.Convert == "" {
			return wrong("campaign is empty")
		}
	case *plgv1.Effect_PutState:
		if !c.migration {
			return "effect_put_state", nil
		}
	default:
		return wrong("effect is empty or unknown")
	}
	return "", nil
}

type verdict = func(string) (string, []any)

func (l *ledger) judgeMail(mail *plgv1.SendMail, lacks, wrong verdict) (string, []any) {
	if code, args := lacks(manifest.PermissionSendEmail); code != "" {
		return code, args
	}
	switch mail.GetKind() {
	case plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL, plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL:
	default:
		return wrong("kind is neither transactional nor promotional")
	}
	if mail.GetAddress() != "" {
		if code, args := lacks(manifest.PermissionSendAddress); code != "" {
			return code, args
		}
		if mail.GetKind() != plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL {
			return wrong("a promotional mail to an address")
		}
	}
	if (mail.GetTo() == "") == (mail.GetAddress() == "") {
		return wrong("it needs either to or address")
	}
	if _, err := l.suite.pkg.ReadFile(mail.GetTemplate()); err != nil {
		return "effect_template", []any{"template", mail.GetTemplate(), "problem", err}
	}
	for link, to := range mail.GetLinks() {
		if to.GetKind() == plgv1.Link_KIND_ONCE && to.GetUrl() == "" {
			return wrong(fmt.Sprintf("link %q leads nowhere", link))
		}
		if to.GetCustomerId() != mail.GetTo() && to.GetKind() != plgv1.Link_KIND_ONCE {
			return wrong(fmt.Sprintf("link %q is for another customer than the mail", link))
		}
		if to.GetKind() == plgv1.Link_KIND_UNSPECIFIED {
			return wrong(fmt.Sprintf("link %q has no kind", link))
		}
	}
	return "", nil
}

// name is the name of an effect in the contract: "send_mail".
func name(effect *plgv1.Effect) string {
	m := effect.ProtoReflect()
	if field := m.WhichOneof(m.Descriptor().Oneofs().Get(0)); field != nil {
		return string(field.Name())
	}
	return "?"
}

// same tells whether two lists of effects are equal.
func same(a, b []*plgv1.Effect) bool {
	return slices.EqualFunc(a, b, func(a, b *plgv1.Effect) bool { return proto.Equal(a, b) })
}

// do gives the plug-in one piece of work and returns how it ended it. Reads are answered from the ledger.
func (p *process) do(ctx context.Context, l *ledger, piece *plgv1.WorkRequest) (*plgv1.WorkResponse, error) {
	if err := p.send(piece); err != nil {
		return nil, err
	}
	for {
		response, err := p.receive(ctx, workLimit)
		if err != nil {
			return nil, err
		}
		read := response.GetRead()
		if read == nil {
			return response, nil
		}
		reply, err := l.answer(read, piece.GetMigrate() != nil)
		if err != nil {
			return nil, err
		}
		if err := p.send(&plgv1.WorkRequest{Work: &plgv1.WorkRequest_Read{Read: reply}}); err != nil {
			return nil, err
		}
	}
}

// send sends one message of the host's.
func (p *process) send(piece *plgv1.WorkRequest) error {
	if err := p.stream.Send(piece); err != nil {
		if _, why := p.stream.Recv(); why != nil { // says more than the end of the stream
			err = why
		}
		return p.lost(err)
	}
	return nil
}

// receive waits for one message of the plug-in.
func (p *process) receive(ctx context.Context, limit time.Duration) (*plgv1.WorkResponse, error) {
	type said struct {
		response *plgv1.WorkResponse
		err      error
	}
	heard := make(chan said, 1)
	go func() { // ends at the latest with the process, which kill ends
		response, err := p.stream.Recv()
		heard <- said{response, err}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case s := <-heard:
		if s.err != nil {
			return nil, p.lost(s.err)
		}
		return s.response, nil
	case <-timer.C:
		p.kill()
		return nil, errHung
	case <-ctx.Done():
		p.kill()
		return nil, ctx.Err()
	}
}

var errHung = errors.New("it did not answer in time")

// lost says why a conversation ended: as a rule because the process did.
func (p *process) lost(err error) error {
	if p.endsWithin(time.Second) {
		return fmt.Errorf("the process ended: %s", p.end())
	}
	return err
}
