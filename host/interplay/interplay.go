// Package interplay says what the active plugins mean together.
//
// A plugin's manifest holds rules: when they hold (which plugins are active, what settings say), what they
// govern (a field of the customer, a button, a setting), what they ask (visible, editable, required, a value
// as a CEL expression) and the reason that the user reads. Resolve takes all manifests and says, for every
// target, what holds. It is a pure function: no I/O, no clock, and the same answer whatever the order in
// which the manifests come.
//
// Policies combine by the stricter: hidden over visible, locked over editable, required over optional; who
// gives a value also locks the target. Where one rule says outright what another denies, that is a Conflict:
// it is named in words, and the stricter holds until somebody settles it. Of two values for one yes/no target
// it is yes only while all agree; of two others, that of the plugin with the lower id holds.
//
// The rules of the house (core.yaml) rank above those of plugins. They keep the promise that must never fail
// (seed 000): with PLG0002 and PLG0074 active, "Aplica para Promociones" follows the customer's consent and
// nobody sets it.
//
// A rule that cannot be evaluated is a Fault: it is named, and what it asks holds as if its condition did.
//
// Expressions are compiled once, in Resolve; per customer a value costs about a microsecond. They speak
// of customer.name, customer.email_valid, customer.plg0002_x and so on, consent.programme and
// consent.promotions ("pending", "given", "withdrawn"), settings.KEY and active("PLG0002").
package interplay

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// aplicaPromociones is the one field of the core that rules give a value to.
const aplicaPromociones = "aplica_promociones"

// house is the owner of the rules of core.yaml.
const house = "core"

// Resolution is what the active plugins mean together. It never changes once made and may be used by many.
type Resolution struct {
	// Conflicts are what people have to settle, in a fixed order.
	Conflicts []Conflict

	manifests []*manifest.Manifest
	active    map[string]bool
	settings  map[string]any
	policies  map[string]Policy
	rules     map[string][]*rule
	governed  []string // fields of the customer with a value, in order
	enabled   map[string]*condition
}

// rule is one rule with what became of it.
type rule struct {
	*manifest.Rule
	plugin *manifest.Manifest // nil: a rule of the house
	holds  bool
	value  *expression
	fault  error
}

// condition is the compiled `enabled:` of an action.
type condition struct {
	action *manifest.Action
	test   *expression
	fault  error
}

// Policy is what holds for one target. The zero rules: visible, editable, optional, no value.
type Policy struct {
	Target                      string
	Visible, Editable, Required bool
	// HasValue tells that rules give the value; Expression is the CEL text of it.
	HasValue   bool
	Expression string

	resolution *Resolution
	values     []*expression
	asked      []*rule // the rules that made it so
}

// Resolve works out what the active plugins mean together. manifests are those of all installed plugins;
// settings are the values in force by key (string, float64, bool, []any).
//
// The error joins one *Fault for each expression of an active plugin that cannot be compiled or evaluated. It
// is for whoever is about to enable a plugin; the Resolution is complete and safe in spite of it.
func Resolve(manifests []*manifest.Manifest, active map[string]bool, settings map[string]any) (*Resolution, error) {
	r := &Resolution{
		manifests: ordered(manifests),
		active:    maps.Clone(active),
		settings:  settings,
		policies:  map[string]Policy{},
		rules:     map[string][]*rule{},
		enabled:   map[string]*condition{},
	}
	own, err := houseRules()
	if err != nil {
		return nil, fmt.Errorf("interplay: rules of the house: %w", err)
	}
	c := &compiler{manifests: r.manifests, active: r.active, done: map[manifest.Expression]*expression{}}
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
	}
	for target := range r.rules {
		r.combine(target)
	}
	slices.Sort(r.governed)
	slices.SortStableFunc(r.Conflicts, func(a, b Conflict) int {
		return cmp.Or(strings.Compare(a.Target, b.Target), strings.Compare(string(a.Aspect), string(b.Aspect)))
	})
	return r, errors.Join(faults...)
}

// ordered sorts manifests by id, and keeps the latest version where one is there twice.
func ordered(manifests []*manifest.Manifest) []*manifest.Manifest {
	list := slices.Clone(manifests)
	slices.SortStableFunc(list, func(a, b *manifest.Manifest) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), -manifest.CompareVersions(a.Version, b.Version))
	})
	return slices.CompactFunc(list, func(a, b *manifest.Manifest) bool { return a.ID == b.ID })
}

// add evaluates the condition of an active plugin's rule and compiles its value.
func (r *Resolution) add(c *compiler, source *manifest.Rule, m *manifest.Manifest, faulty func(*Fault)) {
	x := &rule{Rule: source, plugin: m, holds: true}
	r.rules[x.Target] = append(r.rules[x.Target], x)
	if x.When != "" {
		if holds, err := r.when(c, x.When); err != nil {
			x.fault = err // strict: a rule whose condition nobody can tell holds
		} else {
			x.holds = holds
		}
	}
	if x.holds && x.Policy.Value != "" {
		value, err := c.compile(x.Policy.Value)
		if err == nil && x.Target == "customer."+aplicaPromociones {
			value, err = c.condition(x.Policy.Value)
		}
		if x.value = value; err != nil && x.fault == nil {
			x.fault, x.value = err, nil
		}
	}
	if x.fault != nil {
		faulty(&Fault{Plugin: x.owner(), Target: x.Target, Line: x.Line, Err: x.fault, rule: x})
	}
}

// when evaluates the condition of a rule, which may speak of plugins and settings only.
func (r *Resolution) when(c *compiler, source manifest.Expression) (bool, error) {
	x, err := c.condition(source)
	if err != nil {
		return false, err
	}
	return x.holds(&facts{settings: r.settings, storeOnly: true})
}

// addAction compiles the condition of an active plugin's button.
func (r *Resolution) addAction(c *compiler, m *manifest.Manifest, a *manifest.Action, faulty func(*Fault)) {
	x := &condition{action: a}
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

// locks tells whether the rule asks that nobody edits the target: outright, or by giving its value.
func (x *rule) locks() bool {
	return x.Policy.Value != "" || says(x.Policy.Editable, false)
}

// says tells whether a policy's answer is given and is b.
func says(answer *bool, b bool) bool { return answer != nil && *answer == b }

// ActionTarget is the target of a button.
func ActionTarget(plugin, action string) string { return "action." + plugin + "." + action }

// combine works out the policy of one target and its conflicts.
func (r *Resolution) combine(target string) {
	p := Policy{Target: target, Visible: true, Editable: true, resolution: r}
	var held []*rule
	for _, x := range r.rules[target] {
		if x.holds {
			held = append(held, x)
		}
	}
	if len(held) == 0 {
		return
	}
	hides := func(x *rule) bool { return says(x.Policy.Visible, false) }
	demands := func(x *rule) bool { return says(x.Policy.Required, true) }
	p.Visible = !slices.ContainsFunc(held, hides)
	p.Editable = !slices.ContainsFunc(held, (*rule).locks)
	p.Required = slices.ContainsFunc(held, demands)
	r.dispute(target, Visible, held, hides, func(x *rule) bool { return says(x.Policy.Visible, true) })
	r.dispute(target, Editable, held, (*rule).locks, func(x *rule) bool { return says(x.Policy.Editable, true) })
	r.dispute(target, Required, held, demands, func(x *rule) bool { return says(x.Policy.Required, false) })

	in := r.combineValues(&p, held)
	for _, x := range held {
		if slices.Contains(in, x) || !p.Visible && hides(x) || p.Required && demands(x) ||
			!p.Editable && says(x.Policy.Editable, false) && (len(in) == 0 || x.Policy.Value == "") {
			p.asked = append(p.asked, x)
		}
	}
	if len(p.asked) == 0 { // only faulty values, or rules that ask for what is so anyway
		p.asked = held
	}
	r.policies[target] = p
	if field, ok := strings.CutPrefix(target, "customer."); ok && p.HasValue {
		r.governed = append(r.governed, field)
	}
}

// combineValues chooses the value of a target and returns the rules that give it.
func (r *Resolution) combineValues(p *Policy, held []*rule) []*rule {
	var given []*rule
	for _, x := range held {
		if x.value != nil {
			given = append(given, x)
		}
	}
	if len(given) == 0 {
		return nil
	}
	texts := map[string]bool{}
	yesNo := true
	for _, x := range given {
		texts[x.value.text] = true
		yesNo = yesNo && x.value.isYesNo()
	}
	in := given
	if len(texts) > 1 {
		r.Conflicts = append(r.Conflicts, Conflict{Target: p.Target, Aspect: Value, rules: given, resolution: r})
		if given[0].plugin == nil || !yesNo {
			in = slices.DeleteFunc(slices.Clone(given), func(x *rule) bool { return x.value.text != given[0].value.text })
		}
	}
	p.HasValue = true
	seen := map[string]bool{}
	var words []string
	for _, x := range in {
		if !seen[x.value.text] {
			seen[x.value.text] = true
			p.values = append(p.values, x.value)
			words = append(words, x.value.text)
		}
	}
	if len(words) > 1 {
		for i := range words {
			words[i] = "(" + words[i] + ")"
		}
	}
	p.Expression = strings.Join(words, " && ")
	return in
}

// dispute notes a conflict when some rules ask for one thing and others for its contrary.
func (r *Resolution) dispute(target string, aspect Aspect, held []*rule, strict, loose func(*rule) bool) {
	var in []*rule
	stricts, looses := 0, 0
	for _, x := range held {
		s, l := strict(x), loose(x)
		if s {
			stricts++
		}
		if l {
			looses++
		}
		if s || l {
			in = append(in, x)
		}
	}
	if stricts > 0 && looses > 0 {
		r.Conflicts = append(r.Conflicts, Conflict{Target: target, Aspect: aspect, rules: in, resolution: r})
	}
}

// Policy returns what holds for a target such as "customer.aplica_promociones". A target that no rule
// governs is visible, editable and optional.
func (r *Resolution) Policy(target string) Policy {
	if p, ok := r.policies[target]; ok {
		return p
	}
	return Policy{Target: target, Visible: true, Editable: true, resolution: r}
}

// Value returns the value that the rules give the target for this customer: bool, string, int64 or float64.
// It reports false when no rule gives one.
func (p Policy) Value(c *plgv1.Customer) (any, bool, error) {
	if !p.HasValue {
		return nil, false, nil
	}
	f := facts{customer: c, settings: p.resolution.settings}
	for _, x := range p.values[:len(p.values)-1] { // several: yes/no, and yes only while all agree
		yes, err := x.holds(&f)
		if err != nil {
			return nil, false, fmt.Errorf("interplay: value of %s: %w", p.Target, err)
		}
		if !yes {
			return false, true, nil
		}
	}
	v, err := p.values[len(p.values)-1].eval(&f)
	if err != nil {
		return nil, false, fmt.Errorf("interplay: value of %s: %w", p.Target, err)
	}
	return v, true, nil
}

// Governed lists the fields of the customer whose values rules give, in order.
func (r *Resolution) Governed() []string { return slices.Clone(r.governed) }

// Apply sets the governed fields of a customer to what the rules give. A value that cannot be evaluated
// leaves the field as it was and is reported; the other fields are still set.
func (r *Resolution) Apply(c *plgv1.Customer) error {
	var errs []error
	for _, field := range r.governed {
		v, ok, err := r.policies["customer."+field].Value(c)
		if err != nil {
			errs = append(errs, err)
		}
		if !ok {
			continue
		}
		if field == aplicaPromociones {
			c.AplicaPromociones, _ = v.(bool)
			continue
		}
		if c.Fields == nil {
			c.Fields = map[string]string{}
		}
		c.Fields[field] = fmt.Sprint(v)
	}
	return errors.Join(errs...)
}

// Locked tells whether a field of the customer can be edited by nobody, and why in the user's language.
func (r *Resolution) Locked(field string, _ *plgv1.Customer, lang string) (reason string, locked bool) {
	p, ok := r.policies["customer."+field]
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
	enabled, err := x.test.holds(&facts{customer: c, settings: r.settings})
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

// Fault is an expression that cannot be compiled or evaluated.
type Fault struct {
	Plugin string
	Target string
	// Line is where the rule begins in its manifest; 0 for the condition of a button.
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
