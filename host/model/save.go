package model

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// CodeBreaks is the code of the refusal of a change that stored values would break.
const CodeBreaks = "breaks"

// Breaks is the error for a change of a declaration that stored values would break, when it was not asked for
// anyway. It is a *customer.Refused.
type Breaks struct {
	*customer.Refused
	Preview *mostradorv1.PreviewFieldResponse
}

// Unwrap returns the refusal.
func (b *Breaks) Unwrap() error { return b.Refused }

// refused is the error for a declaration that has something wrong with it.
func refused(list []*plgv1.Diagnostic) error {
	return &customer.Refused{Refusal: &mostradorv1.Refusal{Diagnostics: list}}
}

// refuse is a refusal of one sentence.
func (s *Service) refuse(ctx context.Context, path, code string, args ...any) error {
	return customer.Refuse(path, code, s.text(locale.FromContext(ctx), code, args...))
}

// Put adds the field f (revision 0) or changes the one of its id, whose current revision f names, and returns it as it
// is kept. A change that stored values would break is a *Breaks, unless it is asked for anyway. The task, when one is
// returned, brings the values that have another form now to it. What is wrong with the declaration is a
// *customer.Refused; ErrNotFound and ErrConflict say what they say.
func (s *Service) Put(ctx context.Context, actor *plgv1.Actor, f *mostradorv1.Field, anyway bool) (*mostradorv1.Field, *mostradorv1.Task, error) {
	lang := locale.FromContext(ctx)
	was, next, err := s.declared(ctx, f)
	if err != nil {
		return nil, nil, err
	}
	preview := new(mostradorv1.PreviewFieldResponse)
	if judgedOtherwise(was.Field, next.Field) {
		if err := s.idle(ctx, next.GetId()); err != nil {
			return nil, nil, err
		}
		if preview, err = s.preview(ctx, was, next); err != nil {
			return nil, nil, err
		}
		if preview.Broken > 0 && !anyway {
			return nil, nil, &Breaks{Preview: preview, Refused: &customer.Refused{Refusal: &mostradorv1.Refusal{
				Diagnostics: []*plgv1.Diagnostic{{
					Severity: plgv1.Severity_SEVERITY_ERROR, Code: CodeBreaks,
					Summary: s.text(lang, CodeBreaks, "n", preview.Broken, "field", next.GetName()),
				}},
			}}}
		}
	}
	var started *mostradorv1.Task
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		changed, err := s.write(tx, actor, was.Field, next)
		if err != nil || preview.Converted == 0 {
			return err
		}
		if err := s.idleIn(ctx, tx, next.GetId()); err != nil {
			return err
		}
		started, err = s.Tasks.Start(tx, actor, KindField, "model.task_title", map[string]string{"field": next.GetName()},
			&mostradorv1.FieldMigration{Before: was.Field, After: changed}, preview.WithValue)
		if err != nil {
			return err
		}
		tx.Put(bucketTask, []byte(next.GetId()), binary.BigEndian.AppendUint64(nil, started.GetId()))
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return proto.CloneOf(next.Field), started, nil
}

// declared judges a declaration. was is the one in force, without a Field when there is none.
func (s *Service) declared(ctx context.Context, f *mostradorv1.Field) (was, next *definition, err error) {
	lang := locale.FromContext(ctx)
	now := s.current.Load()
	f = tidied(f)
	was, exists := now.byID[f.GetId()]
	switch {
	case !exists && f.GetRevision() != 0:
		return nil, nil, ErrNotFound
	case exists && f.GetRevision() == 0 && was.GetRetired():
		return nil, nil, s.refuse(ctx, "id", "id_retired", "field", f.GetId())
	case exists && f.GetRevision() == 0:
		return nil, nil, s.refuse(ctx, "id", "id_taken", "field", f.GetId(), "name", was.GetName())
	case exists && f.GetRevision() != was.GetRevision():
		return nil, nil, ErrConflict
	case !exists && len(now.list) >= maxFields:
		return nil, nil, s.refuse(ctx, "", "fields_many", "n", maxFields)
	}
	f.Retired, f.Updated = was.retired(), nil
	p := &problems{s: s, lang: lang}
	p.named(f, now)
	next, wrong := s.compile(lang, f)
	if wrong = append(p.list, wrong...); len(wrong) > 0 {
		return nil, nil, refused(wrong)
	}
	if was == nil {
		was = new(definition)
	}
	return was, next, nil
}

func (d *definition) retired() bool { return d != nil && d.GetRetired() }

// judgedOtherwise tells whether values that are good under one declaration may not be so under another.
func judgedOtherwise(was, next *mostradorv1.Field) bool {
	if was == nil || was.GetType() != next.GetType() || was.GetMany() != next.GetMany() || was.GetScript() != next.GetScript() {
		return true
	}
	values := func(f *mostradorv1.Field) *mostradorv1.Field {
		f = &mostradorv1.Field{Choices: f.GetChoices(), Rules: f.GetRules()}
		f = proto.CloneOf(f)
		for _, c := range f.Choices {
			c.Label = ""
		}
		for _, r := range f.Rules {
			r.Message = ""
		}
		return f
	}
	return !proto.Equal(values(was), values(next))
}

// idle refuses to change a declaration to which values are still being brought.
func (s *Service) idle(ctx context.Context, id string) error {
	return s.Store.View(func(tx *store.Tx) error { return s.idleIn(ctx, tx, id) })
}

func (s *Service) idleIn(ctx context.Context, tx *store.Tx, id string) error {
	key := tx.Get(bucketTask, []byte(id))
	if len(key) != 8 {
		return nil
	}
	t, err := s.Tasks.Get(tx, binary.BigEndian.Uint64(key))
	if errors.Is(err, task.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !task.Ended(t.GetState()) {
		return s.refuse(ctx, "", "busy", "task", t.GetId())
	}
	if t.GetUndoneBy() == 0 {
		return nil
	}
	if t, err = s.Tasks.Get(tx, t.GetUndoneBy()); errors.Is(err, task.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if !task.Ended(t.GetState()) {
		return s.refuse(ctx, "", "busy", "task", t.GetId())
	}
	return nil
}

// Retire takes a field from forms, imports and conditions; its values stay.
func (s *Service) Retire(ctx context.Context, actor *plgv1.Actor, id string) (*mostradorv1.Field, error) {
	return s.retire(ctx, actor, id, true)
}

// Restore brings a retired field back with everything that it had.
func (s *Service) Restore(ctx context.Context, actor *plgv1.Actor, id string) (*mostradorv1.Field, error) {
	return s.retire(ctx, actor, id, false)
}

func (s *Service) retire(ctx context.Context, actor *plgv1.Actor, id string, retired bool) (*mostradorv1.Field, error) {
	was, ok := s.current.Load().byID[id]
	if !ok {
		return nil, ErrNotFound
	}
	if was.GetRetired() == retired {
		return proto.CloneOf(was.Field), nil
	}
	f := proto.CloneOf(was.Field)
	f.Retired = retired
	next, _ := s.compile(locale.FromContext(ctx), f)
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		_, err := s.write(tx, actor, was.Field, next)
		return err
	})
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(next.Field), nil
}

// write keeps a declaration in the place of was (nil when there was none), tells of it, and has it in force when tx
// is durable. It sets the declaration's order, revision and time, and returns a copy of it as it is kept.
func (s *Service) write(tx *store.Tx, actor *plgv1.Actor, was *mostradorv1.Field, next *definition) (*mostradorv1.Field, error) {
	kept := new(mostradorv1.Field)
	found, err := store.GetProto(tx, bucketField, []byte(next.GetId()), kept)
	if err != nil {
		return nil, fmt.Errorf("model: field %s: %w", next.GetId(), err)
	}
	if found != (was != nil) || kept.GetRevision() != was.GetRevision() {
		return nil, ErrConflict
	}
	next.Revision, next.Updated = was.GetRevision()+1, timestamppb.New(s.Now())
	moved, err := s.place(tx, was, next.Field)
	if err != nil {
		return nil, err
	}
	if err := store.PutProto(tx, bucketField, []byte(next.GetId()), next.Field); err != nil {
		return nil, err
	}
	if err := s.tell(tx, actor, was, next.Field); err != nil {
		return nil, err
	}
	words := indexed(was) != indexed(next.Field)
	tx.OnCommit(func() { s.replace(append(moved, next), words) })
	return proto.CloneOf(next.Field), nil
}

// indexed tells whether customers are found by a field's values.
func indexed(f *mostradorv1.Field) bool { return f.GetIndexed() && !f.GetRetired() }

// place puts a field where it asked to be among the store's own, and returns the others that moved, which it writes.
func (s *Service) place(tx *store.Tx, was, next *mostradorv1.Field) (moved []*definition, err error) {
	var list []*mostradorv1.Field
	for id, data := range tx.Scan(bucketField, nil, nil) {
		f := new(mostradorv1.Field)
		if err := proto.Unmarshal(data, f); err != nil {
			return nil, fmt.Errorf("model: field %s: %w", id, err)
		}
		if f.GetId() != next.GetId() {
			list = append(list, f)
		}
	}
	slices.SortStableFunc(list, func(a, b *mostradorv1.Field) int { return int(a.GetOrder()) - int(b.GetOrder()) })
	at := int(next.GetOrder()) - 1
	if at < 0 {
		at = int(was.GetOrder()) - 1 // where it stood
	}
	if at < 0 || at > len(list) {
		at = len(list)
	}
	for i, f := range slices.Insert(list, at, next) {
		order := int32(i + 1)
		if f == next {
			next.Order = order
			continue
		}
		if f.GetOrder() == order {
			continue
		}
		f.Order = order
		if err := store.PutProto(tx, bucketField, []byte(f.GetId()), f); err != nil {
			return nil, err
		}
		d, _ := s.compile(locale.Default, f)
		moved = append(moved, d)
	}
	return moved, nil
}

// replace puts declarations in force.
func (s *Service) replace(changed []*definition, words bool) {
	s.swap.Lock()
	s.current.Store(s.current.Load().with(changed))
	s.swap.Unlock()
	if words {
		select {
		case s.reindex <- struct{}{}:
		default:
		}
	}
	s.Changed()
}

// tell puts what became of a declaration into the log.
func (s *Service) tell(tx *store.Tx, actor *plgv1.Actor, was, next *mostradorv1.Field) error {
	detail := &structpb.Struct{Fields: map[string]*structpb.Value{"field": structpb.NewStringValue(next.GetId())}}
	for name, f := range map[string]*mostradorv1.Field{"from": was, "to": next} {
		if f == nil {
			continue
		}
		text, err := protojson.Marshal(f)
		if err != nil {
			return fmt.Errorf("model: event of %s: %w", next.GetId(), err)
		}
		as := new(structpb.Struct)
		if err := protojson.Unmarshal(text, as); err != nil {
			return fmt.Errorf("model: event of %s: %w", next.GetId(), err)
		}
		detail.Fields[name] = structpb.NewStructValue(as)
	}
	return s.Log.Append(tx, &plgv1.Event{
		Type: "field.saved", Time: timestamppb.New(s.Now()), Actor: actor, Detail: &plgv1.Event_Custom{Custom: detail},
	})
}

// Try judges a value by a declaration without keeping either. The declaration need not be complete: what is wrong with
// it is said beside what is said of the value. about is whose record a script sees; nil means nobody's.
func (s *Service) Try(ctx context.Context, f *mostradorv1.Field, value string, about *plgv1.Customer) (*mostradorv1.TryFieldResponse, error) {
	lang := locale.FromContext(ctx)
	f = tidied(f)
	f.Retired = false
	d, wrong := s.compile(lang, f)
	resp := &mostradorv1.TryFieldResponse{Declaration: wrong}
	if about == nil {
		about = new(plgv1.Customer)
	}
	if strings.TrimSpace(value) == "" {
		if f.GetRequired() {
			p := &problems{s: s, lang: lang}
			p.add("fields."+f.GetId(), "empty")
			resp.Diagnostics = p.list
		}
		return resp, nil
	}
	err := s.Store.View(func(tx *store.Tx) error {
		kept, problem := s.Customers.Hold(tx, d.judged, about, value, lang)
		if resp.Kept = kept; problem != nil {
			resp.Diagnostics = append(resp.Diagnostics, problem)
		}
		return nil
	})
	if err != nil || d.script == nil || d.script.program == nil {
		return resp, err
	}
	// Why a script fails is for whoever writes it; all others read its message.
	plain := &customer.Field{ID: f.GetId(), Type: d.judged.Type, Choices: d.judged.Choices, Many: d.judged.Many}
	if kept, problem := s.Customers.Hold(nil, plain, nil, value, lang); problem == nil {
		values := []string{kept}
		if plain.Many {
			values = strings.Split(kept, "\n")
		}
		for _, one := range values {
			if _, err := d.script.run(about, one); err != nil {
				p := &problems{s: s, lang: lang}
				p.add("script", "script_failed", "problem", err)
				resp.Declaration = append(resp.Declaration, p.list...)
				break
			}
		}
	}
	return resp, nil
}
