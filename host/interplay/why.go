package interplay

import (
	"slices"
	"strings"

	"mostrador/sdk/manifest"
)

// Aspect is what a conflict is about.
type Aspect string

// The aspects.
const (
	Visible  Aspect = "visible"
	Editable Aspect = "editable"
	Required Aspect = "required"
	Value    Aspect = "value"
)

// Conflict is something that rules disagree on, or a rule that cannot be evaluated. The stricter holds until
// it is settled.
type Conflict struct {
	Target string
	// Aspect is empty for a rule that cannot be evaluated.
	Aspect Aspect

	rules      []*rule
	fault      *Fault
	resolution *Resolution
}

// Plugins lists who disagrees, in order; "core" is the house itself.
func (c Conflict) Plugins() []string {
	if c.fault != nil {
		return []string{c.fault.Plugin}
	}
	var ids []string
	for _, x := range c.rules {
		if !slices.Contains(ids, x.owner()) {
			ids = append(ids, x.owner())
		}
	}
	return ids
}

// Explanation says in words who disagrees about what, what holds meanwhile and how to settle it.
func (c Conflict) Explanation(lang string) string {
	r := c.resolution
	name := r.targetName(c.Target, lang)
	if f := c.fault; f != nil {
		if f.rule == nil {
			return say(lang, "fault.enabled", r.pluginName(f.Plugin, lang), name, f.Err)
		}
		return say(lang, "fault", r.pluginName(f.Plugin, lang), name, f.Err, r.Policy(c.Target).words(lang))
	}
	var who, asks []string
	for _, x := range c.rules {
		owner := r.pluginName(x.owner(), lang)
		if !slices.Contains(who, owner) {
			who = append(who, owner)
		}
		ask := say(lang, "conflict.asks", x.owner(), strings.Join(x.aspect(c.Aspect, lang), ", "))
		if !slices.Contains(asks, ask) {
			asks = append(asks, ask)
		}
	}
	key := "conflict"
	if len(who) == 1 {
		key = "conflict.one"
	}
	return say(lang, key, and(lang, who), name, strings.Join(asks, "; "), r.Policy(c.Target).words(lang))
}

// aspect says in words what the rule asks about one aspect.
func (x *rule) aspect(a Aspect, lang string) []string {
	var words []string
	add := func(when bool, key string) {
		if when {
			words = append(words, say(lang, key))
		}
	}
	switch a {
	case Visible:
		add(says(x.Policy.Visible, false), "policy.hidden")
		add(says(x.Policy.Visible, true), "policy.visible")
	case Editable:
		add(x.locks(), "policy.locked")
		add(says(x.Policy.Editable, true), "policy.editable")
	case Required:
		add(says(x.Policy.Required, true), "policy.required")
		add(says(x.Policy.Required, false), "policy.optional")
	case Value:
		words = append(words, say(lang, "policy.value", string(x.Policy.Value)))
	}
	return words
}

// words says in words all that the rule asks.
func (x *rule) words(lang string) string {
	var words []string
	for _, a := range []Aspect{Visible, Editable, Required} {
		words = append(words, x.aspect(a, lang)...)
	}
	if x.Policy.Value != "" {
		words = append(words, x.aspect(Value, lang)...)
	}
	return strings.Join(words, ", ")
}

// words says in words what is strict about the policy.
func (p Policy) words(lang string) string {
	var words []string
	if !p.Visible {
		words = append(words, say(lang, "policy.hidden"))
	}
	if !p.Editable {
		words = append(words, say(lang, "policy.locked"))
	} else {
		words = append(words, say(lang, "policy.editable"))
	}
	if p.Required {
		words = append(words, say(lang, "policy.required"))
	}
	if p.HasValue {
		words = append(words, say(lang, "policy.value", p.Expression))
	}
	return strings.Join(words, ", ")
}

// Reason says why the target is as it is, in the words of the rules that made it so; empty when none did.
func (p Policy) Reason(lang string) string {
	var reasons []string
	for _, x := range p.asked {
		if reason := x.Reason.In(lang); !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	return strings.Join(reasons, " ")
}

// Why explains a target.
type Why struct {
	Target                      string
	Visible, Editable, Required bool
	// Value is the CEL expression that gives the value; empty when none does.
	Value string
	// Rules are all the rules about the target, those of inactive plugins too.
	Rules []WhyRule
	// Conflicts are those about the target, in words.
	Conflicts []string
	// Explanation is all of it as sentences, with the words that the form shows.
	Explanation string
}

// WhyRule is one rule about a target.
type WhyRule struct {
	// Plugin is who made it; "core" is the house.
	Plugin string
	// File and Line are where it stands.
	File   string
	Line   int
	When   string
	Holds  bool
	Reason string
	// Policy says in words what it asks.
	Policy string
}

// Why explains in words what governs a target such as "customer.aplica_promociones".
func (r *Resolution) Why(target, lang string) *Why {
	p := r.Policy(target)
	w := &Why{Target: target, Visible: p.Visible, Editable: p.Editable, Required: p.Required, Value: p.Expression}
	var sleeping []string
	for _, x := range r.rules[target] {
		w.Rules = append(w.Rules, WhyRule{
			Plugin: x.owner(), File: x.file(), Line: x.Line, When: string(x.When), Holds: x.holds,
			Reason: x.Reason.In(lang), Policy: x.words(lang),
		})
		if !x.holds {
			line := r.source(x, lang)
			if x.When != "" {
				line = say(lang, "sleeping_one", line, string(x.When))
			}
			sleeping = append(sleeping, line)
		}
	}
	for _, c := range r.Conflicts {
		if c.Target == target {
			w.Conflicts = append(w.Conflicts, c.Explanation(lang))
		}
	}
	w.Explanation = r.explain(p, w, sleeping, lang)
	return w
}

// explain puts the sentences about a target one after the other.
func (r *Resolution) explain(p Policy, w *Why, sleeping []string, lang string) string {
	name := r.targetName(p.Target, lang)
	var out []string
	if len(p.asked) == 0 {
		out = append(out, say(lang, "free", name))
	} else {
		if !p.Visible {
			out = append(out, say(lang, "hidden", name))
		}
		switch {
		case p.Editable:
		case strings.HasPrefix(p.Target, "action."):
			out = append(out, say(lang, "disabled", name))
		default:
			out = append(out, say(lang, "locked", name))
		}
		if p.Required {
			out = append(out, say(lang, "required", name))
		}
		out = append(out, p.Reason(lang))
		if p.HasValue {
			out = append(out, say(lang, "value", p.Expression))
		}
		var sources []string
		for _, x := range p.asked {
			sources = append(sources, r.source(x, lang))
		}
		key := "asked_by"
		if len(sources) > 1 {
			key = "asked_by_both"
		}
		out = append(out, say(lang, key, and(lang, sources)))
	}
	if len(sleeping) > 0 {
		out = append(out, say(lang, "sleeping", strings.Join(sleeping, "; ")))
	}
	return strings.Join(append(out, w.Conflicts...), " ")
}

// file is where the rule was read from.
func (x *rule) file() string {
	if x.plugin == nil {
		return "core.yaml"
	}
	return x.plugin.File
}

// source names a rule for people: "PLG0074 Mensajes de bienvenida (plugin.yaml, línea 26)".
func (r *Resolution) source(x *rule, lang string) string {
	name := r.pluginName(x.owner(), lang)
	if x.plugin == nil || x.file() == "" || x.Line == 0 {
		return name
	}
	return say(lang, "source", name, x.file(), x.Line)
}

// manifest finds a plugin.
func (r *Resolution) manifest(id string) (*manifest.Manifest, bool) {
	i := slices.IndexFunc(r.manifests, func(m *manifest.Manifest) bool { return m.ID == id })
	if i < 0 {
		return nil, false
	}
	return r.manifests[i], true
}

// pluginName names a plugin for people: its id and name.
func (r *Resolution) pluginName(id, lang string) string {
	if id == house {
		return say(lang, "house")
	}
	if m, ok := r.manifest(id); ok && !m.Name.Empty() {
		return id + " " + m.Name.In(lang)
	}
	return id
}

// targetName is what people call a target.
func (r *Resolution) targetName(target, lang string) string {
	kind, rest, _ := strings.Cut(target, ".")
	switch kind {
	case "customer":
		if rest == aplicaPromociones {
			return say(lang, "target.aplica_promociones")
		}
		for _, m := range r.manifests {
			for _, f := range m.Fields {
				if f.ID == rest {
					return f.Name.In(lang)
				}
			}
		}
	case "action":
		id, action, _ := strings.Cut(rest, ".")
		if m, ok := r.manifest(id); ok {
			if a, ok := m.Action(action); ok {
				return a.Name.In(lang)
			}
		}
	case "setting":
		for _, m := range r.manifests {
			if s, ok := m.Setting(rest); ok {
				return s.Name.In(lang)
			}
		}
	}
	return target
}

// and joins names as people do: "a, b y c".
func and(lang string, names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + say(lang, "join.and") + names[last]
}
