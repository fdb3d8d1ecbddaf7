// Package interplay says what the active plugins mean together.
//
// A plugin's manifest holds rules: when they hold (which plugins are active, what settings say), what they
// govern (a field of the customer, a button, a setting, the messages of a plugin), what they ask (visible,
// editable, required, a value or a condition for sending as a CEL expression) and the reason that the user
// reads. sdk/RULES.md is the whole language with examples. Resolve takes all manifests and says, for every
// target, what holds. It is a pure function: no I/O, no clock, and the same answer whatever the order in
// which the manifests come.
//
// Policies combine by the stricter: hidden over visible, locked over editable, required over optional; who
// gives a value also locks the target; a message is sent only when all conditions hold. Where one rule says
// outright what another denies, that is a Conflict: it is named in words, and the stricter holds until
// somebody decides for one of the sides (Decisions). Of two values for one yes/no target it is yes only while
// all agree; of two others, that of the plugin with the lower id holds. A field that nobody can fill in is
// never required meanwhile, since customers have to be registered; values that depend on one another stay as
// they are; and rules on settings that could not be undone any more do not hold.
//
// The rules of the house (core.yaml) rank above those of plugins and above decisions. They keep the promise
// that must never fail (seed 000): with PLG0002 and PLG0074 active, "Aplica para Promociones" follows the
// customer's consent and nobody sets it. What the store itself cannot do without (reserved.go) no rule takes.
//
// A rule that cannot be evaluated is a Fault: it is named, and what it asks holds as if its condition did.
//
// Expressions are compiled once, in Resolve; per customer a value costs about a microsecond. They speak
// of customer.name, customer.email_valid, customer.plg0002_x and so on, consent.programme and
// consent.promotions ("pending", "given", "withdrawn"), settings.KEY and active("PLG0002"). Of the settings
// of other plugins they see the public ones only.
//
// Installing finds contradictions and cycles before anything is active, by trying what conditions speak of.
package interplay

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// aplicaPromociones is the one yes or no of the core that rules give a value to.
const aplicaPromociones = "aplica_promociones"

// house is the owner of the rules of core.yaml.
const house = "core"

// Resolution is what the active plugins mean together. It never changes once made and may be used by many.
type Resolution struct {
	// Conflicts are what people have to settle, and what they have settled, in a fixed order.
	Conflicts []Conflict

	manifests []*manifest.Manifest
	active    map[string]bool
	settings  *views
	decisions Decisions
	policies  map[string]Policy
	rules     map[string][]*rule
	governed  []string // fields of the customer with a value, those first that others build upon
	enabled   map[string]*condition
	fields    map[string]*field
	required  []string
	naming    func(key, lang string) string
}

// rule is one rule with what became of it.
type rule struct {
	*manifest.Rule
	plugin   *manifest.Manifest // nil: a rule of the house
	settings map[string]any     // what its owner may see
	holds    bool
	test     *expression
	value    *expression
	send     *expression
	fault    error
}

// condition is the compiled `enabled:` of an action.
type condition struct {
	action   *manifest.Action
	settings map[string]any
	test     *expression
	fault    error
}

// Resolve works out what the active plugins mean together. manifests are those of all installed plugins;
// settings are the values in force by key (string, float64, bool, []any). The decisions among them (see
// DecisionsKey) settle conflicts; those that are given besides replace them, target by target.
//
// The error joins one *Fault for each expression of an active plugin that cannot be compiled or evaluated. It
// is for whoever is about to enable a plugin; the Resolution is complete and safe in spite of it.
func Resolve(manifests []*manifest.Manifest, active map[string]bool, settings map[string]any, decisions ...Decisions) (*Resolution, error) {
	r := &Resolution{
		manifests: ordered(manifests),
		active:    maps.Clone(active),
		decisions: Decisions{},
		policies:  map[string]Policy{},
		rules:     map[string][]*rule{},
		enabled:   map[string]*condition{},
		fields:    map[string]*field{},
	}
	r.settings = newViews(r.manifests, settings)
	for _, d := range append([]Decisions{DecisionsOf(settings)}, decisions...) {
		maps.Copy(r.decisions, d)
	}
	own, err := houseRules()
	if err != nil {
		return nil, fmt.Errorf("interplay: rules of the house: %w", err)
	}
	c := &compiler{manifests: r.manifests, active: r.active}
	var faults []error
	faulty := func(f *Fault) {
		faults = append(faults, f)
		r.Conflicts = append(r.Conflicts, Conflict{Target: f.Target, fault: f, resolution: r})
	}

	for i := range own {
		r.add(c, &own[i], nil, faulty)
	}
	for _, m := range r.manifests {
		if !r.active[m.ID] {
			for i := range m.Interplay {
				x := &rule{Rule: &m.Interplay[i], plugin: m}
				r.rules[x.Target] = append(r.rules[x.Target], x)
			}
			continue
		}
		for i := range m.Interplay {
			r.add(c, &m.Interplay[i], m, faulty)
		}
		for i := range m.Actions {
			r.addAction(c, m, &m.Actions[i], faulty)
		}
		for i := range m.Fields {
			r.addField(m, &m.Fields[i], faulty)
		}
	}
	r.releaseSettings()
	for _, target := range r.targets() {
		r.combine(target)
	}
	r.orderValues()
	r.demand()
	slices.SortStableFunc(r.Conflicts, func(a, b Conflict) int {
		return cmp.Or(strings.Compare(a.Target, b.Target), strings.Compare(string(a.Aspect), string(b.Aspect)))
	})
	return r, errors.Join(faults...)
}

// NameSettings gives the settings of the core the names that people know them by; without it they are named by
// their keys. It is called before the resolution is put to use, if at all.
func (r *Resolution) NameSettings(name func(key, lang string) string) { r.naming = name }

// targets lists all that rules are about, in order. What governs all messages of a plugin governs each kind.
func (r *Resolution) targets() []string {
	all := map[string]bool{}
	for target := range r.rules {
		all[target] = true
		if kind, plugin, _ := strings.Cut(target, "."); kind == "message" && !strings.Contains(plugin, ".") {
			all[target+".transactional"], all[target+".promotional"] = true, true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// ordered sorts manifests by id, and keeps the latest version where one is there twice.
func ordered(manifests []*manifest.Manifest) []*manifest.Manifest {
	list := slices.Clone(manifests)
	slices.SortStableFunc(list, func(a, b *manifest.Manifest) int {
		if c := cmp.Or(strings.Compare(a.ID, b.ID), -manifest.CompareVersions(a.Version, b.Version)); c != 0 || a == b {
			return c
		}
		x, _ := json.Marshal(a) // two that claim to be the same: any order, so long as it is one
		y, _ := json.Marshal(b)
		return slices.Compare(x, y)
	})
	return slices.CompactFunc(list, func(a, b *manifest.Manifest) bool { return a.ID == b.ID })
}

// add evaluates the condition of an active plugin's rule and compiles what it asks.
func (r *Resolution) add(c *compiler, source *manifest.Rule, m *manifest.Manifest, faulty func(*Fault)) {
	x := &rule{Rule: source, plugin: m, holds: true}
	x.settings = r.settings.of(x.owner())
	r.rules[x.Target] = append(r.rules[x.Target], x)
	x.compile(c)
	switch {
	case errors.As(x.fault, new(*reservedError)):
		x.holds = false // to hold it strictly is just what nobody may ask for
	case x.test != nil:
		holds, err := x.test.holds(&facts{settings: x.settings, storeOnly: true})
		if err != nil && x.fault == nil {
			x.fault = err
		}
		x.holds = holds || err != nil // strict: a rule whose condition nobody can tell holds
	}
	if x.fault != nil {
		faulty(&Fault{Plugin: x.owner(), Target: x.Target, Line: x.Line, Err: x.fault, rule: x})
	}
}

// compile compiles the expressions of a rule; what is wrong with the first bad one becomes its fault.
func (x *rule) compile(c *compiler) {
	note := func(err error) {
		if err != nil && x.fault == nil {
			x.fault = err
		}
	}
	note(reserved(x))
	var err error
	if x.When != "" {
		x.test, err = c.condition(x.When)
		if err == nil && x.test.reads.person() {
			err = errors.New("a rule holds for the store, so when cannot speak of a customer")
		}
		note(err)
	}
	if x.Policy.Value != "" {
		if x.Target == "customer."+aplicaPromociones {
			x.value, err = c.condition(x.Policy.Value)
		} else {
			x.value, err = c.compile(x.Policy.Value)
		}
		if err == nil {
			err = x.mayGive()
		}
		if note(err); err != nil {
			x.value = nil
		}
	}
	if x.Policy.Send != "" {
		x.send, err = c.condition(x.Policy.Send)
		note(err)
	}
}

// addAction compiles the condition of an active plugin's button.
func (r *Resolution) addAction(c *compiler, m *manifest.Manifest, a *manifest.Action, faulty func(*Fault)) {
	x := &condition{action: a, settings: r.settings.of(m.ID)}
	target := ActionTarget(m.ID, a.ID)
	if a.Enabled != "" {
		x.test, x.fault = c.condition(a.Enabled)
		if x.fault != nil {
			faulty(&Fault{Plugin: m.ID, Target: target, Err: x.fault})
		}
	}
	r.enabled[target] = x
}

// owner is the plugin's id, or "core".
func (x *rule) owner() string {
	if x.plugin == nil {
		return house
	}
	return x.plugin.ID
}

// ActionTarget is the target of a button.
func ActionTarget(plugin, action string) string { return "action." + plugin + "." + action }

// Governed lists the fields of the customer whose values rules give, in order.
func (r *Resolution) Governed() []string { return slices.Sorted(slices.Values(r.governed)) }

// Apply sets the governed fields of a customer to what the rules give. A value that cannot be evaluated
// leaves the field as it was and is reported; the other fields are still set.
func (r *Resolution) Apply(c *plgv1.Customer) error {
	var errs []error
	for _, name := range r.governed {
		v, ok, err := r.policies["customer."+name].Value(c)
		if err != nil {
			errs = append(errs, err)
		}
		if !ok {
			continue
		}
		switch name {
		case aplicaPromociones:
			c.AplicaPromociones, _ = v.(bool)
			continue
		case "language":
			c.Language = fmt.Sprint(v)
			continue
		}
		if c.Fields == nil {
			c.Fields = map[string]string{}
		}
		c.Fields[name] = fmt.Sprint(v)
	}
	return errors.Join(errs...)
}

// Locked tells whether a field of the customer can be edited by nobody, and why in the user's language. The
// field is named as in a target or as in a mask: "plg0002_x" or "fields.plg0002_x".
func (r *Resolution) Locked(name string, _ *plgv1.Customer, lang string) (reason string, locked bool) {
	p, ok := r.policies["customer."+strings.TrimPrefix(name, "fields.")]
	if !ok || p.Editable {
		return "", false
	}
	return p.Reason(lang), true
}

// ActionState is how a button stands for one customer.
type ActionState struct {
	Visible, Enabled bool
	// Reason says why it is disabled; empty when it is enabled.
	Reason string
}

// Action tells how a plugin's button stands for a customer; c may be nil for a button that concerns none. A
// button of a plugin that is not active is not visible.
func (r *Resolution) Action(plugin, action string, c *plgv1.Customer, lang string) ActionState {
	target := ActionTarget(plugin, action)
	x, ok := r.enabled[target]
	if !ok {
		return ActionState{Reason: say(lang, "unavailable")}
	}
	if p, governed := r.policies[target]; governed && (!p.Visible || !p.Editable) {
		return ActionState{Visible: p.Visible, Reason: p.Reason(lang)}
	}
	if x.fault != nil {
		return ActionState{Visible: true, Reason: say(lang, "broken")}
	}
	if x.test == nil {
		return ActionState{Visible: true, Enabled: true}
	}
	enabled, err := x.test.holds(&facts{customer: c, settings: x.settings})
	switch {
	case err != nil:
		return ActionState{Visible: true, Reason: say(lang, "broken")}
	case enabled:
		return ActionState{Visible: true, Enabled: true}
	case x.action.DisabledReason.Empty():
		return ActionState{Visible: true, Reason: say(lang, "unavailable")}
	}
	return ActionState{Visible: true, Reason: x.action.DisabledReason.In(lang)}
}

// MessageState is what rules say of a message.
type MessageState struct {
	Send bool
	// Reason says why it is not sent; empty when it is.
	Reason string
}

// Message tells whether rules let a plugin's message go out to a customer; kind is "transactional" or
// "promotional". Rules only hold messages back: what a message needs besides, such as consent, it needs all
// the same. A condition that cannot be evaluated holds the message back.
func (r *Resolution) Message(plugin, kind string, c *plgv1.Customer, lang string) MessageState {
	p, governed := r.policies["message."+plugin+"."+kind]
	if !governed {
		return MessageState{Send: true}
	}
	for _, x := range p.sends {
		send := false
		if x.send != nil {
			send, _ = x.send.holds(&facts{customer: c, settings: x.settings})
		}
		if !send {
			return MessageState{Reason: x.Reason.In(lang)}
		}
	}
	return MessageState{Send: true}
}

// Fault is an expression that cannot be compiled or evaluated, or a rule that asks for what none may.
type Fault struct {
	Plugin string
	Target string
	// Line is where the rule begins in its manifest; 0 for the condition of a button, field or setting.
	Line int
	Err  error

	rule *rule
}

// Error names plugin, target and reason.
func (f *Fault) Error() string {
	return fmt.Sprintf("interplay: %s, %s: %v", f.Plugin, f.Target, f.Err)
}

// Unwrap returns the reason.
func (f *Fault) Unwrap() error { return f.Err }
