package interplay

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mostrador/sdk/manifest"
)

// Check compiles every expression of a manifest, so that a plugin with a broken one is refused when it is
// installed. others are the manifests whose fields the expressions may name. The error joins one *Fault each.
func Check(m *manifest.Manifest, others []*manifest.Manifest) error {
	var faults []error
	for _, f := range faultsOf(m, others) {
		faults = append(faults, f)
	}
	return errors.Join(faults...)
}

// faultsOf compiles every expression of a manifest.
func faultsOf(m *manifest.Manifest, others []*manifest.Manifest) []*Fault {
	c := &compiler{manifests: ordered(append([]*manifest.Manifest{m}, without(others, m.ID)...))}
	var faults []*Fault
	note := func(err error, target string, line int) {
		if err != nil {
			faults = append(faults, &Fault{Plugin: m.ID, Target: target, Line: line, Err: err})
		}
	}
	for i := range m.Interplay {
		x := &rule{Rule: &m.Interplay[i], plugin: m}
		x.compile(c)
		if x.fault == nil {
			x.fault = unknownSetting(m, x.test, x.value, x.send)
		}
		note(x.fault, x.Target, x.Line)
	}
	for i := range m.Actions {
		if a := &m.Actions[i]; a.Enabled != "" {
			test, err := c.condition(a.Enabled)
			if err == nil {
				err = unknownSetting(m, test)
			}
			note(err, ActionTarget(m.ID, a.ID), 0)
		}
	}
	valid := func(source manifest.Expression, t manifest.Type, target string) {
		if source == "" {
			return
		}
		condition, err := Compile(source, t)
		if err == nil {
			err = unknownSetting(m, condition.test)
		}
		note(err, target, 0)
	}
	for i := range m.Settings {
		valid(m.Settings[i].Valid, m.Settings[i].Type, "setting."+m.Settings[i].Key)
	}
	for i := range m.Fields {
		valid(m.Fields[i].Valid, m.Fields[i].Type, "customer."+m.Fields[i].ID)
	}
	return faults
}

// unknownSetting says which setting an expression names that bears the plugin's id and is none of its own: a
// slip of the pen that would otherwise show only when it is evaluated. Nor can an expression see a secret.
func unknownSetting(m *manifest.Manifest, expressions ...*expression) error {
	for _, x := range expressions {
		if x == nil {
			continue
		}
		for _, key := range x.reads.settings {
			owner, _ := settingOwner(key)
			s, known := m.Setting(key)
			switch {
			case owner == m.ID && !known:
				return fmt.Errorf("there is no setting %s in the manifest", key)
			case known && s.Type == manifest.TypeSecret:
				return fmt.Errorf("%s is a secret, which no expression sees", key)
			}
		}
	}
	return nil
}

// without leaves out the manifests of that id.
func without(manifests []*manifest.Manifest, id string) []*manifest.Manifest {
	return slices.DeleteFunc(slices.Clone(manifests), func(m *manifest.Manifest) bool { return m.ID == id })
}

// Limits on how many situations are tried for two rules, and in all. Beyond, rules are taken to hold together.
const (
	maxTries    = 4096
	maxAllTries = 200_000
)

// lab tries out whether rules could hold together, whatever is active now.
type lab struct {
	resolution *Resolution
	compiler   *compiler
	rules      []*rule // of all manifests and the house, those without faults
	tries      int     // how many situations may still be tried
}

// newLab compiles the rules of all manifests.
func newLab(manifests []*manifest.Manifest, settings map[string]any) (*lab, error) {
	list := ordered(manifests)
	all := map[string]bool{}
	for _, m := range list {
		all[m.ID] = true
	}
	l := &lab{
		resolution: &Resolution{manifests: list, active: all, settings: newViews(list, settings), policies: map[string]Policy{}},
		compiler:   &compiler{manifests: list},
		tries:      maxAllTries,
	}
	own, err := houseRules()
	if err != nil {
		return nil, fmt.Errorf("interplay: rules of the house: %w", err)
	}
	add := func(source *manifest.Rule, m *manifest.Manifest) {
		x := &rule{Rule: source, plugin: m}
		x.settings = l.resolution.settings.of(x.owner())
		if x.compile(l.compiler); x.fault == nil {
			l.rules = append(l.rules, x)
		}
	}
	for i := range own {
		add(&own[i], nil)
	}
	for _, m := range list {
		for i := range m.Interplay {
			add(&m.Interplay[i], m)
		}
	}
	return l, nil
}

// contradiction is two sides that could come to disagree.
type contradiction struct {
	Conflict
	witness situation
}

// situation is a state of the store: which plugins are active and what settings say.
type situation struct {
	active   map[string]bool
	others   []string // of the plugins those that only conditions name
	settings map[string]any
	// unsure tells that it was not tried out: there was too much to try.
	unsure bool
}

// contradictions finds what rules of a plugin could disagree on with others, with each other or the house:
// one for each target, aspect and pair of owners.
func (l *lab) contradictions(id string) []contradiction {
	var out []contradiction
	seen := map[string]bool{}
	for i, a := range l.rules {
		for _, b := range l.rules[i+1:] {
			if a.owner() != id && b.owner() != id || !sameTarget(a.Target, b.Target) {
				continue
			}
			for _, aspect := range disagreements(a, b) {
				target := a.Target
				if len(b.Target) > len(target) {
					target = b.Target
				}
				key := target + " " + string(aspect) + " " + a.owner() + " " + b.owner()
				if seen[key] {
					continue
				}
				witness, ok := l.together(a, b)
				if !ok {
					continue
				}
				seen[key] = true
				c := Conflict{Target: target, Aspect: aspect, rules: []*rule{a, b}, resolution: l.resolution}
				out = append(out, contradiction{c, witness})
			}
		}
	}
	return out
}

// sameTarget tells whether two rules govern the same thing.
func sameTarget(a, b string) bool {
	return a == b || strings.HasPrefix(a, "message.") && (strings.HasPrefix(a, b+".") || strings.HasPrefix(b, a+"."))
}

// disagreements lists the aspects in which two rules about one target contradict each other.
func disagreements(a, b *rule) []Aspect {
	var out []Aspect
	for _, aspect := range aspects {
		if aspect.strict(a) && aspect.loose(b) || aspect.strict(b) && aspect.loose(a) {
			out = append(out, aspect.Aspect)
		}
	}
	if a.value != nil && b.value != nil && a.value.text != b.value.text {
		out = append(out, Value)
	}
	never := func(a, b *rule) bool { return demands(a) && closes(b) && a.value == nil && b.value == nil }
	if strings.HasPrefix(a.Target, "customer.") && !slices.Contains(out, Required) && (never(a, b) || never(b, a)) {
		out = append(out, Required)
	}
	return out
}

// together looks for a situation in which both rules hold. It tries every combination of what their conditions
// speak of: each plugin active or not, each setting with the values that make a difference.
func (l *lab) together(a, b *rule) (situation, bool) {
	fixed := map[string]bool{}
	for _, x := range []*rule{a, b} {
		if x.plugin != nil {
			fixed[x.plugin.ID] = true
		}
	}
	if len(fixed) == 2 && (excludes(a.plugin, b.plugin) || excludes(b.plugin, a.plugin)) {
		return situation{}, false
	}
	var plugins, keys []string
	literals := map[string][]any{}
	for _, x := range []*rule{a, b} {
		if x.test == nil {
			continue
		}
		plugins = append(plugins, x.test.reads.active...)
		keys = append(keys, x.test.reads.settings...)
		for key, values := range x.test.reads.literals {
			literals[key] = append(literals[key], values...)
		}
	}
	plugins = slices.DeleteFunc(once(plugins), func(id string) bool { return fixed[id] })
	keys = once(keys)
	tries := 1 << min(len(plugins), 13)
	domains := make([][]any, len(keys))
	for i, key := range keys {
		domains[i] = l.domain(key, literals[key])
		tries = min(tries*len(domains[i]), maxTries+1)
	}
	if l.tries -= tries; tries > maxTries || l.tries < 0 || slices.Contains(plugins, anything) || slices.Contains(keys, anything) {
		return situation{unsure: true}, true // they may well
	}
	for n := range tries {
		s := situation{active: maps.Clone(fixed), others: plugins, settings: map[string]any{}}
		for _, id := range plugins {
			s.active[id] = n%2 == 1
			n /= 2
		}
		for i, key := range keys {
			if v := domains[i][n%len(domains[i])]; v != nil {
				s.settings[key] = v
			}
			n /= len(domains[i])
		}
		if l.holds(a, s) && l.holds(b, s) {
			return s, true
		}
	}
	return situation{}, false
}

// holds tells whether a rule holds in a situation; one that cannot be evaluated there does not.
func (l *lab) holds(x *rule, s situation) bool {
	if x.test == nil {
		return true
	}
	l.compiler.active = s.active
	holds, err := x.test.holds(&facts{settings: s.settings, storeOnly: true})
	return err == nil && holds
}

// domain lists the values of a setting that can make a difference: all that a choice or yes/no may have, or
// else the present one and those that it is compared with, with their neighbours.
func (l *lab) domain(key string, literals []any) []any {
	if s, _, ok := l.resolution.settingOf(key); ok {
		switch s.Type {
		case manifest.TypeYesNo:
			return []any{false, true}
		case manifest.TypeChoice:
			var values []any
			for _, c := range s.Choices {
				values = append(values, c.Value)
			}
			return values
		}
	}
	var values []any
	add := func(v any) {
		if _, list := v.([]any); list || !slices.ContainsFunc(values, func(o any) bool { return o == v }) {
			values = append(values, v)
		}
	}
	if present, ok := l.resolution.settings.all[key]; ok {
		if _, list := present.([]any); !list {
			add(present)
		} else {
			values = append(values, present)
		}
	}
	for _, v := range literals {
		add(v)
		if n, ok := v.(float64); ok {
			add(n - 1)
			add(n + 1)
		}
		if _, text := v.(string); text {
			add("")
		}
	}
	if len(literals) == 0 {
		add(false)
		add(true)
	}
	return values
}
