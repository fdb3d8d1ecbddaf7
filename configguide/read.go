package configguide

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Entry is one setting as a person sees it, in his language.
type Entry struct {
	Key string
	// Path is where it stands below the Guide's root.
	Path       []string
	Name, Help string
	Type       manifest.Type
	Choices    []Choice
	// Value is in force and Default would be without it: string, float64, bool, []any or nil. A secret has
	// neither.
	Value, Default any
	IsSet          bool
	// Owner is "core" or the plugin's id.
	Owner string
	// Content is the text in force of a template_file, or the content of a file.
	Content string
	// Warning is what a person should know now; usually empty.
	Warning string
	// Scope is where the value in force comes from, for the till that asks, and Values all that is set, widest first.
	Scope  Scope
	Values []Scoped
	// Narrowest is the narrowest scope at which it may be set: ScopeStore or ScopeTill.
	Narrowest Scope
	// Required tells that it cannot be emptied, ReadOnly that nobody can change it, and Reason why.
	Required, ReadOnly bool
	Reason             string
	// Aside tells that its plugin is not active: the value is kept, and can be removed or exported.
	Aside bool
	// Rule says in words what a value must be.
	Rule string
	// Size is that of the content of a file, in bytes.
	Size int
}

// Choice is one value of a choice, with its name.
type Choice struct {
	Value, Label string
}

// Entry returns one entry as the store sees it, or *Refused that wraps ErrUnknown.
func (g *Guide) Entry(key, lang string) (Entry, error) { return g.EntryFor(key, "", lang) }

// EntryFor returns one entry as a till sees it, or *Refused that wraps ErrUnknown.
func (g *Guide) EntryFor(key, till, lang string) (Entry, error) {
	e, ok := g.now.Load().byKey[key]
	if !ok {
		return Entry{}, unknown(key, lang)
	}
	return g.shown(e, till, lang), nil
}

// shown is the entry as a person sees it at a till.
func (g *Guide) shown(e *entry, till, lang string) Entry {
	policy := g.policy(e.Key, lang)
	out := Entry{
		Key: e.Key, Name: e.Name.In(lang), Help: e.Help.In(lang), Type: e.Type, Value: clone(e.value(till)),
		Default: clone(e.Default), IsSet: e.inForce(till) != nil, Owner: e.owner, Content: e.text, Narrowest: narrowest(e.Setting),
		Required: e.Required || policy.Required, ReadOnly: policy.ReadOnly, Reason: policy.Reason, Rule: e.rule(lang),
	}
	if h := e.inForce(till); h != nil {
		out.Scope = h.Scope
		if e.Type == manifest.TypeFile {
			out.Content, out.Size = h.content, len(h.content)
		}
	}
	for _, h := range e.held {
		value := h.Value
		if h.bad == nil {
			value = h.value
		}
		out.Values = append(out.Values, Scoped{At: h.At, Value: clone(value)})
	}
	for _, t := range e.Path {
		out.Path = append(out.Path, label(t, lang))
	}
	for _, c := range e.Choices {
		out.Choices = append(out.Choices, Choice{c.Value, c.Name.In(lang)})
	}
	var warnings []string
	for _, w := range e.warning {
		warnings = append(warnings, w.sentence(e.Setting, lang))
	}
	out.Warning = strings.Join(warnings, " ")
	return out
}

// sortTree puts entries in the order of the tree: branches in the order in which they first appear, an entry
// of a branch before the branches below it.
func sortTree(entries []*entry) {
	type node struct {
		order int
		below map[string]*node
	}
	root := &node{below: map[string]*node{}}
	for i, e := range entries {
		at := root
		e.order = e.order[:0]
		for _, t := range e.Path {
			name := t.In("es")
			if at.below[name] == nil {
				at.below[name] = &node{order: len(at.below) + len(entries), below: map[string]*node{}}
			}
			at = at.below[name]
			e.order = append(e.order, at.order)
		}
		e.order = append(e.order, i) // less than any branch
	}
	slices.SortStableFunc(entries, func(a, b *entry) int { return slices.Compare(a.order, b.order) })
}

// Values returns what is in force in the store by key, secrets left out: what rules of interplay may speak of.
func (g *Guide) Values() map[string]any {
	return g.now.Load().values("", func(*entry) bool { return true })
}

// ValuesFor returns what a plugin may see, as the store sees it: its own values, its secrets opened and its files with
// their contents, {"name": "logo.png", "content": "(base64)"}, and the store's public ones.
func (g *Guide) ValuesFor(plugin string) map[string]any {
	s := g.now.Load()
	values := s.values("", func(e *entry) bool { return e.owner == plugin || e.Public })
	for key := range values {
		e := s.byKey[key]
		if h := e.inForce(""); h != nil && e.Type == manifest.TypeFile {
			values[key] = handed(e, h.value, h.content)
		}
	}
	for _, e := range s.entries {
		if e.owner == plugin && e.Type == manifest.TypeSecret && e.inForce("") != nil {
			if secret, err := g.Secret(e.Key); err == nil {
				values[e.Key] = secret
			}
		}
	}
	return values
}

// values is what is in force at a till by key, secrets left out.
func (s *snapshot) values(till string, wanted func(*entry) bool) map[string]any {
	out := map[string]any{}
	for _, e := range s.entries {
		if v := e.value(till); e.Type != manifest.TypeSecret && v != nil && wanted(e) {
			out[e.Key] = clone(v)
		}
	}
	return out
}

// clone keeps the snapshot's lists to itself.
func clone(v any) any {
	if list, ok := v.([]any); ok {
		return cloneObject(list)
	}
	return v
}

// Value returns the value in force at a till, or in the store when none is named: string, float64, bool, []any, or nil
// when there is none or the key is not in the catalogue. A secret's is nil.
func (g *Guide) Value(key, till string) any {
	e, ok := g.now.Load().byKey[key]
	if !ok {
		return nil
	}
	return clone(e.value(till))
}

// in returns the value in force in the store.
func (g *Guide) in(key string) any { return g.Value(key, "") }

// Text returns the value of a text, choice, email, url, country, color, duration, money or template_file;
// empty when there is none.
func (g *Guide) Text(key string) string {
	s, _ := g.in(key).(string)
	return s
}

// Number returns the value of a number; 0 when there is none.
func (g *Guide) Number(key string) float64 {
	n, _ := g.in(key).(float64)
	return n
}

// Int returns the value of a whole number; 0 when there is none.
func (g *Guide) Int(key string) int { return int(g.Number(key)) }

// Bool returns the value of a yes_no; no when there is none.
func (g *Guide) Bool(key string) bool {
	b, _ := g.in(key).(bool)
	return b
}

// List returns the value of a list.
func (g *Guide) List(key string) []string {
	items, _ := g.in(key).([]any)
	out := make([]string, 0, len(items))
	for _, item := range items {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Duration returns the value of a duration; 0 when there is none.
func (g *Guide) Duration(key string) time.Duration {
	d, _ := duration(g.Text(key))
	return d
}

// Money returns the value of a money in the store's currency; nil when there is none.
func (g *Guide) Money(key string) *plgv1.Money {
	code := g.now.Load().local().currency
	minor, ok := amount(g.Text(key), decimals(code))
	if !ok {
		return nil
	}
	return &plgv1.Money{Minor: minor, Currency: code}
}

// Secret returns a secret in the clear, empty when none is set. It fails when the master key is another one.
func (g *Guide) Secret(key string) (string, error) {
	e, ok := g.now.Load().byKey[key]
	if !ok || e.Type != manifest.TypeSecret {
		return "", fmt.Errorf("%w: %s", ErrUnknown, key)
	}
	if e.inForce("") == nil {
		return "", nil
	}
	secret, err := g.open(key, e.record().Sealed)
	if err != nil {
		return "", fmt.Errorf("configguide: secret %s cannot be opened with the store's key: %w", key, err)
	}
	return secret, nil
}

// Template returns the text in force of a template_file and its SHA-256.
func (g *Guide) Template(key string) (text string, sha [32]byte, err error) {
	e, ok := g.now.Load().byKey[key]
	if !ok || e.Type != manifest.TypeTemplateFile {
		return "", sha, fmt.Errorf("%w: %s", ErrUnknown, key)
	}
	if e.text == "" {
		return "", sha, fmt.Errorf("configguide: %s has no text in force", key)
	}
	return e.text, e.sha, nil
}
