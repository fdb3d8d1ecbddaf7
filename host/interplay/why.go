package interplay

import (
	"slices"
	"strings"

	"mostrador/sdk/manifest"
)

// Why explains a target.
type Why struct {
	Target                      string
	Visible, Editable, Required bool
	// Value is the CEL expression that gives the value; empty when none does.
	Value string
	// Send is the CEL condition under which a message is sent; empty when it always is.
	Send string
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
	w := &Why{Target: target, Visible: p.Visible, Editable: p.Editable, Required: p.Required, Value: p.Expression, Send: p.Send}
	var sleeping []string
	for _, x := range r.about(target) {
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
		if c.concerns(target) {
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
		out = append(out, p.sentences(name, lang)...)
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
	out = append(out, r.declared(p.Target, lang)...)
	if len(sleeping) > 0 {
		out = append(out, say(lang, "sleeping", strings.Join(sleeping, "; ")))
	}
	return strings.Join(append(out, w.Conflicts...), " ")
}

// sentences say what is strict about a policy.
func (p Policy) sentences(name, lang string) []string {
	kind, _, _ := strings.Cut(p.Target, ".")
	if kind == "message" {
		switch p.Send {
		case "", "true":
			return []string{say(lang, "sent", name)}
		case "false":
			return []string{say(lang, "unsent", name)}
		}
		return []string{say(lang, "sent_if", name, p.Send)}
	}
	var out []string
	if !p.Visible {
		out = append(out, say(lang, "hidden", name))
	}
	switch {
	case p.Editable:
	case kind == "action":
		out = append(out, say(lang, "disabled", name))
	default:
		out = append(out, say(lang, "locked", name))
	}
	if p.Required {
		out = append(out, say(lang, "required", name))
	}
	return out
}

// declared says what the manifest that brings the target says of it, besides rules.
func (r *Resolution) declared(target, lang string) []string {
	kind, rest, _ := strings.Cut(target, ".")
	var out []string
	switch kind {
	case "customer":
		if f, m, ok := r.fieldOf(rest); ok {
			owner := r.pluginName(m.ID, lang)
			if !r.active[m.ID] {
				out = append(out, say(lang, "declared.inactive", owner))
			}
			if f.ReadOnly {
				out = append(out, say(lang, "declared.read_only", owner))
			}
			if f.Required {
				out = append(out, say(lang, "declared.required", owner))
			}
			if f.Valid != "" {
				out = append(out, say(lang, "declared.valid", f.ValidHint.In(lang)))
			}
		}
	case "action":
		id, action, _ := strings.Cut(rest, ".")
		m, ok := r.manifest(id)
		if !ok {
			return []string{say(lang, "declared.unknown", id)}
		}
		if !r.active[id] {
			out = append(out, say(lang, "declared.inactive", r.pluginName(id, lang)))
		}
		if a, ok := m.Action(action); ok && a.Enabled != "" {
			out = append(out, say(lang, "declared.enabled", string(a.Enabled)))
			if !a.DisabledReason.Empty() {
				out = append(out, say(lang, "declared.otherwise", a.DisabledReason.In(lang)))
			}
		}
	case "setting":
		if s, m, ok := r.settingOf(rest); ok {
			if !r.active[m.ID] {
				out = append(out, say(lang, "declared.inactive", r.pluginName(m.ID, lang)))
			}
			if s.Required {
				out = append(out, say(lang, "declared.required", r.pluginName(m.ID, lang)))
			}
			if s.Valid != "" {
				out = append(out, say(lang, "declared.valid", s.ValidHint.In(lang)))
			}
		}
	case "message":
		id, _, _ := strings.Cut(rest, ".")
		if _, ok := r.manifest(id); !ok {
			out = append(out, say(lang, "declared.unknown", id))
		} else if !r.active[id] {
			out = append(out, say(lang, "declared.inactive", r.pluginName(id, lang)))
		}
	}
	return out
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

// fieldOf finds the field of a plugin, active or not.
func (r *Resolution) fieldOf(id string) (*manifest.Field, *manifest.Manifest, bool) {
	for _, m := range r.manifests {
		if i := slices.IndexFunc(m.Fields, func(f manifest.Field) bool { return f.ID == id }); i >= 0 {
			return &m.Fields[i], m, true
		}
	}
	return nil, nil, false
}

// settingOf finds the setting of a plugin, active or not.
func (r *Resolution) settingOf(key string) (*manifest.Setting, *manifest.Manifest, bool) {
	for _, m := range r.manifests {
		if s, ok := m.Setting(key); ok {
			return s, m, true
		}
	}
	return nil, nil, false
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
		if f, _, ok := r.fieldOf(rest); ok {
			return f.Name.In(lang)
		}
		if key := "target." + rest; say(lang, key) != key {
			return say(lang, key)
		}
	case "action":
		id, action, _ := strings.Cut(rest, ".")
		if m, ok := r.manifest(id); ok {
			if a, ok := m.Action(action); ok {
				return a.Name.In(lang)
			}
		}
	case "setting":
		if s, _, ok := r.settingOf(rest); ok {
			return s.Name.In(lang)
		}
		if r.naming != nil {
			if name := r.naming(rest, lang); name != "" {
				return name
			}
		}
		return rest
	case "message":
		id, sort, specific := strings.Cut(rest, ".")
		if !specific {
			return say(lang, "target.message", r.pluginName(id, lang))
		}
		return say(lang, "target.message."+sort, r.pluginName(id, lang))
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
