package interplay

import (
	"errors"
	"maps"
	"slices"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Check compiles every expression of a manifest, so that a plugin with a broken one is refused when it is
// installed. others are the manifests whose fields the expressions may name. The error joins one *Fault each.
func Check(m *manifest.Manifest, others []*manifest.Manifest) error {
	c := &compiler{manifests: ordered(append([]*manifest.Manifest{m}, others...)), done: map[manifest.Expression]*expression{}}
	var faults []error
	note := func(err error, target string, line int) {
		if err != nil {
			faults = append(faults, &Fault{Plugin: m.ID, Target: target, Line: line, Err: err})
		}
	}
	for i := range m.Interplay {
		x := &m.Interplay[i]
		if x.When != "" {
			_, err := c.condition(x.When)
			note(err, x.Target, x.Line)
		}
		if x.Policy.Value != "" {
			compile := c.compile
			if x.Target == "customer."+aplicaPromociones {
				compile = c.condition
			}
			_, err := compile(x.Policy.Value)
			note(err, x.Target, x.Line)
		}
	}
	for i := range m.Actions {
		if a := &m.Actions[i]; a.Enabled != "" {
			_, err := c.condition(a.Enabled)
			note(err, ActionTarget(m.ID, a.ID), 0)
		}
	}
	return errors.Join(faults...)
}

// Enabling tells a person what stands against enabling a plugin: errors for what it requires and lacks, or
// may not stand beside, and warnings for the conflicts of rules that it would bring.
func Enabling(id string, manifests []*manifest.Manifest, active map[string]bool, settings map[string]any, lang string) []*plgv1.Diagnostic {
	with := maps.Clone(active)
	if with == nil {
		with = map[string]bool{}
	}
	with[id] = true
	before, _ := Resolve(manifests, active, settings) // faults are among the conflicts
	after, _ := Resolve(manifests, with, settings)
	if before == nil || after == nil {
		return nil // only a broken build has unreadable rules of the house
	}
	m, ok := after.manifest(id)
	if !ok {
		return nil
	}
	var out []*plgv1.Diagnostic
	refuse := func(code, key string, args ...any) {
		out = append(out, &plgv1.Diagnostic{
			Severity: plgv1.Severity_SEVERITY_ERROR, Code: code, Summary: say(lang, key, args...), Path: id,
		})
	}
	name := after.pluginName(id, lang)
	for _, dep := range m.Requires {
		other, installed := after.manifest(dep.ID)
		their := after.pluginName(dep.ID, lang)
		switch {
		case !installed:
			refuse("requires", "requires.missing", name, their)
		case !dep.Versions.Contains(other.Version):
			refuse("requires", "requires.version", name, their, dep.Versions, other.Version)
		case !active[dep.ID]:
			refuse("requires", "requires.inactive", name, their)
		}
	}
	for _, other := range after.manifests {
		if other.ID != id && active[other.ID] && (excludes(m, other) || excludes(other, m)) {
			refuse("conflicts", "conflicts.active", name, after.pluginName(other.ID, lang))
		}
	}
	known := map[string]bool{}
	for _, c := range before.Conflicts {
		known[c.Explanation(lang)] = true
	}
	for _, c := range after.Conflicts {
		if text := c.Explanation(lang); !known[text] {
			out = append(out, &plgv1.Diagnostic{
				Severity: plgv1.Severity_SEVERITY_WARNING, Code: "interplay_conflict", Summary: text, Path: c.Target,
			})
		}
	}
	return out
}

// Disabling tells a person which active plugins need the one that is about to be disabled.
func Disabling(id string, manifests []*manifest.Manifest, active map[string]bool, lang string) []*plgv1.Diagnostic {
	r := &Resolution{manifests: ordered(manifests)}
	var out []*plgv1.Diagnostic
	for _, m := range r.manifests {
		needs := slices.ContainsFunc(m.Requires, func(d manifest.Dependency) bool { return d.ID == id })
		if m.ID != id && active[m.ID] && needs {
			out = append(out, &plgv1.Diagnostic{
				Severity: plgv1.Severity_SEVERITY_ERROR, Code: "needed", Path: id,
				Summary: say(lang, "needed_by", r.pluginName(m.ID, lang), r.pluginName(id, lang)),
			})
		}
	}
	return out
}

// excludes tells whether a names b among its conflicts.
func excludes(a, b *manifest.Manifest) bool {
	return slices.ContainsFunc(a.Conflicts, func(d manifest.Dependency) bool {
		return d.ID == b.ID && d.Versions.Contains(b.Version)
	})
}
