package configguide

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Wish is a change that somebody asks for.
type Wish struct {
	Key string
	// At is for whom.
	At At
	// Value is what shall be in force there; nil takes the value away, so that the next wider one holds. For a
	// template_file it is the path of a file, for a file its name.
	Value any
	// Content, when not nil, is the text of a template_file, which is then written to a file of that name in the
	// folder of templates, or the content of a file.
	Content *string
}

// plan is a change that has been worked out.
type plan struct {
	// entry is nil for a value that is kept aside.
	entry *entry
	key   string
	at    At
	to    *record // nil takes the value away
	// value is what the entry's own rules are asked about: a secret in the clear; nil when there is nothing to ask.
	value any
	// text is the content that `to` names; file is the file of the folder of templates that shall hold it, and
	// stays empty when none shall be written.
	text, file string
}

// validateTimeout is how long a plugin may think about a value.
const validateTimeout = 5 * time.Second

// Set puts a value in force for the store; see Change.
func (g *Guide) Set(ctx context.Context, actor *plgv1.Actor, key string, value any, content *string, lang string) (Entry, error) {
	return g.Change(ctx, actor, Wish{Key: key, At: Store, Value: value, Content: content}, lang)
}

// Change puts a value in force, after it was checked. Setting what is set already changes nothing. The entry comes
// back as whoever works at that till, or else at the actor's, sees it; its Warning has also what the plugin remarked
// about the value, or that it did not answer.
//
// What is wrong comes back as *Refused, in the language given; it wraps ErrUnknown for a key that is not in the
// catalogue. A value that is kept aside can be taken away.
func (g *Guide) Change(ctx context.Context, actor *plgv1.Actor, w Wish, lang string) (Entry, error) {
	return g.change(ctx, actor, w.Key, w.At, lang, func(s *snapshot) (*plan, error) { return g.plan(s, w, lang) })
}

// Try says whether a value would be taken: nil, or what Change would refuse. Nothing is changed.
func (g *Guide) Try(ctx context.Context, w Wish, lang string) error {
	s := g.now.Load()
	p, err := g.plan(s, w, lang)
	if err != nil {
		return err
	}
	if err := g.allow(s, p, lang); err != nil {
		return err
	}
	if err := g.judge(p, g.valuesWith(s, p), lang); err != nil {
		return err
	}
	_, _, err = g.ask(ctx, p, lang)
	return err
}

// change works out a change, asks about it and commits it.
func (g *Guide) change(ctx context.Context, actor *plgv1.Actor, key string, at At, lang string, work func(*snapshot) (*plan, error)) (Entry, error) {
	var remarks []string
	if e, ok := g.now.Load().byKey[key]; ok && e.Validate && g.cfg.Validate != nil {
		// The plugin is asked while nothing is locked: it may take its time.
		s := g.now.Load()
		p, err := work(s)
		if err != nil {
			return Entry{}, err
		}
		if !g.same(key, s.records.at(key, p.at), p.to) {
			if remarks, _, err = g.ask(ctx, p, lang); err != nil {
				return Entry{}, err
			}
		}
	}
	done, err := g.changeLocked(ctx, actor, lang, work)
	if err != nil {
		return Entry{}, err
	}
	if done {
		g.changed(key)
	}
	till := at.Till
	if till == "" {
		till = actor.GetTill()
	}
	entry, err := g.EntryFor(key, till, lang)
	if err != nil { // it was kept aside, and is so still or not at all
		return g.aside(key, lang), nil
	}
	entry.Warning = strings.Join(append([]string{entry.Warning}, remarks...), " ")
	entry.Warning = strings.TrimSpace(entry.Warning)
	return entry, nil
}

// changeLocked works out a change and commits it. It reports whether anything changed.
func (g *Guide) changeLocked(ctx context.Context, actor *plgv1.Actor, lang string, work func(*snapshot) (*plan, error)) (bool, error) {
	if err := g.lock(ctx); err != nil {
		return false, err
	}
	defer func() { <-g.turn }()
	s := g.now.Load()
	p, err := work(s)
	if err != nil {
		return false, err
	}
	same := g.same(p.key, s.records.at(p.key, p.at), p.to)
	if !same && p.entry != nil {
		if err := g.allow(s, p, lang); err != nil {
			return false, err
		}
		if err := g.judge(p, g.valuesWith(s, p), lang); err != nil {
			return false, err
		}
	}
	if p.file != "" {
		// The file comes before the record: after a crash between the two, Refresh takes the file over. The other
		// way round it would take an older file over the text that was just put in force.
		seen, problem := g.writeTemplate(p.file, p.text)
		if problem != nil {
			return false, refuse(p.entry.Setting, problem, lang)
		}
		p.to.Seen = seen
	}
	if same {
		return false, nil
	}
	return true, g.commit(ctx, actor, []*plan{p}, true)
}

// plan checks a wish by the type of its setting.
func (g *Guide) plan(s *snapshot, w Wish, lang string) (*plan, error) {
	e, ok := s.byKey[w.Key]
	switch {
	case !ok && w.Value == nil && w.Content == nil && s.records.at(w.Key, w.At) != nil:
		return &plan{key: w.Key, at: w.At}, nil
	case !ok:
		return nil, unknown(w.Key, lang)
	case !w.At.valid():
		return nil, refuse(e.Setting, &problem{key: "scope.till"}, lang)
	case w.At.Scope > narrowest(e.Setting) && (w.Value != nil || w.Content != nil):
		return nil, refuse(e.Setting, &problem{key: "scope.store"}, lang)
	}
	p := &plan{entry: e, key: e.Key, at: w.At}
	var problem *problem
	switch {
	case w.Value == nil && w.Content == nil:
		return p, g.clear(s, p, lang)
	case e.Type == manifest.TypeTemplateFile:
		return p, g.planTemplate(s, p, w, lang)
	case e.Type == manifest.TypeFile:
		problem = planFile(s, p, w)
	case e.Type == manifest.TypeSecret && w.Value == Masked: // what a screen shows, handed back
		p.to = s.records.at(e.Key, w.At)
		return p, nil
	default:
		p.value, problem = parse(e.Setting, w.Value, s.local())
		if secret, ok := p.value.(string); ok && e.Type == manifest.TypeSecret {
			p.to = &record{Sealed: g.sealed(e.Key, secret)}
		} else if p.value != nil {
			p.to = &record{Value: p.value}
		}
	}
	if problem != nil {
		return nil, refuse(e.Setting, problem, lang)
	}
	if p.to == nil {
		return p, g.clear(s, p, lang)
	}
	p.sign()
	return p, nil
}

// sign writes into a record what is needed to show it when its plugin is gone.
func (p *plan) sign() { p.to.Type, p.to.Name = p.entry.Type, p.entry.Name }

// clear refuses to leave nothing in force of what must not be empty.
func (g *Guide) clear(s *snapshot, p *plan, lang string) error {
	if !p.entry.Required || p.entry.usual != nil || p.at.Scope == ScopeTill {
		return nil
	}
	for _, h := range p.entry.held {
		if h.At != p.at && h.bad == nil && h.Scope != ScopeTill {
			return nil
		}
	}
	return refuse(p.entry.Setting, &problem{key: "required"}, lang)
}

// allow refuses what rules of interplay do not leave to anybody.
func (g *Guide) allow(s *snapshot, p *plan, lang string) error {
	policy := g.policy(p.key, lang)
	if policy.ReadOnly {
		return refuse(p.entry.Setting, &problem{key: "locked", args: []any{policy.Reason}}, lang)
	}
	if policy.Required {
		after := *p.entry
		g.shadow(s, []*plan{p}).fill(&after)
		if empty(after.value(p.at.Till)) && after.inForce(p.at.Till) == nil || p.to != nil && p.to.Sealed == nil && empty(p.to.Value) {
			return refuse(p.entry.Setting, &problem{key: "required_by", args: []any{policy.Reason}}, lang)
		}
	}
	return nil
}

// shadow is the snapshot as it would be after some changes, for values only.
func (g *Guide) shadow(s *snapshot, plans []*plan) *snapshot {
	return &snapshot{entries: s.entries, byKey: s.byKey, manifests: s.manifests, records: s.records.with(plans)}
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	}
	return false
}

// policy is what rules leave of a setting.
func (g *Guide) policy(key, lang string) Policy {
	if g.cfg.Policy == nil {
		return Policy{}
	}
	return g.cfg.Policy(key, lang)
}

// valuesWith is what would be in force at the plan's scope of what the setting's owner may see, secrets left out.
func (g *Guide) valuesWith(s *snapshot, p *plan) map[string]any {
	values := s.values(p.at.Till, p.sees)
	if p.value != nil && p.entry.Type != manifest.TypeSecret {
		values[p.key] = clone(p.value)
	}
	return values
}

// sees tells whether the setting's owner may see a value of another one.
func (p *plan) sees(e *entry) bool {
	return e.Public || e.owner == p.entry.owner || p.entry.owner == Core
}

// judge asks the entry's own rules about a value.
func (g *Guide) judge(p *plan, values map[string]any, lang string) error {
	if g.cfg.CheckValue == nil || p.value == nil {
		return nil
	}
	return refusal(p.key, g.cfg.CheckValue(p.entry.Setting, clone(p.value), values, lang))
}

// refusal is what errors among diagnostics about a key refuse, nil when there are none.
func refusal(key string, diagnostics []*plgv1.Diagnostic) error {
	var bad []*plgv1.Diagnostic
	for _, d := range diagnostics {
		if d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
			bad = append(bad, about(key, d))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return &Refused{Diagnostics: bad}
}

// about makes a diagnostic one about a key, or about what it names below that.
func about(key string, d *plgv1.Diagnostic) *plgv1.Diagnostic {
	code := d.GetCode()
	if code == "" {
		code = "setting_invalid"
	}
	return &plgv1.Diagnostic{
		Severity: d.GetSeverity(), Summary: d.GetSummary(), Detail: d.GetDetail(), Path: below(key, d.GetPath()), Code: code,
	}
}

// ask asks the plugin about a value. What it remarks comes back in words; an error among it is a refusal. It reports
// false when the plugin gave no answer.
func (g *Guide) ask(ctx context.Context, p *plan, lang string) (remarks []string, answered bool, err error) {
	if p.entry == nil || !p.entry.Validate || g.cfg.Validate == nil || p.value == nil {
		return nil, true, nil
	}
	limited, cancel := context.WithTimeout(ctx, validateTimeout)
	defer cancel()
	diagnostics, err := g.cfg.Validate(limited, p.entry.owner, p.key, handed(p.entry, p.value, p.text), lang)
	if ctx.Err() != nil {
		return nil, false, ctx.Err()
	}
	if err != nil {
		return []string{say(lang, "unasked", p.entry.Name.In(lang), p.entry.owner)}, false, nil
	}
	if err := refusal(p.key, diagnostics); err != nil {
		return nil, true, err
	}
	for _, d := range diagnostics {
		if d.GetSeverity() == plgv1.Severity_SEVERITY_WARNING && d.GetSummary() != "" {
			remarks = append(remarks, d.GetSummary())
		}
	}
	return remarks, true, nil
}

// commit writes records with their lines in the history (unless quiet), all or none, and puts them in force.
func (g *Guide) commit(ctx context.Context, actor *plgv1.Actor, plans []*plan, history bool) error {
	s := g.now.Load()
	now := g.cfg.Now().UTC()
	err := g.cfg.KV.Update(ctx, func(tx Tx) error {
		sequence := last(tx)
		for _, p := range plans {
			stored := []byte(p.at.kept(p.key))
			if p.to == nil {
				tx.Delete(bucketValue, stored)
			} else if err := put(tx, bucketValue, stored, p.to); err != nil {
				return err
			}
			if p.to != nil && p.to.Text != nil && p.text != "" {
				tx.Put(bucketText, p.to.Text, []byte(p.text))
			}
			if !history {
				continue
			}
			sequence++
			line := &change{
				Key: p.key, Time: now, Operator: actor.GetOperator(), Till: actor.GetTill(), Channel: actor.GetChannel(),
				Scope: p.at.Scope, ScopeTill: p.at.Till, From: s.records.at(p.key, p.at), To: p.to,
			}
			if p.at == Store {
				line.Scope = 0
			}
			at := binary.BigEndian.AppendUint64(nil, sequence)
			tx.Put(bucketByKey, append([]byte(p.key+"\x00"), at...), []byte{1})
			if err := put(tx, bucketHistory, at, line); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("configguide: keeping %s: %w", plans[0].key, err)
	}
	after, err := g.build(s.records.with(plans), s.manifests, s)
	if err != nil {
		return err
	}
	g.now.Store(after)
	return nil
}

// put keeps a value as JSON.
func put(tx Tx, bucket string, key []byte, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	tx.Put(bucket, key, data)
	return nil
}
