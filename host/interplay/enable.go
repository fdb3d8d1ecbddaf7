package interplay

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Codes of the diagnostics, for programs.
const (
	// CodeRequires: a plugin that is needed is missing, inactive or of another version.
	CodeRequires = "requires"
	// CodeConflicts: a plugin is there that cannot be active at the same time.
	CodeConflicts = "conflicts"
	// CodeNeeded: an active plugin needs this one.
	CodeNeeded = "needed"
	// CodeConflict: rules disagree, or will.
	CodeConflict = "interplay_conflict"
	// CodeCycle: values, rules or plugins depend on one another.
	CodeCycle = "interplay_cycle"
	// CodeFault: an expression is not understood, or asks for what it may not.
	CodeFault = "interplay_fault"
	// CodeGoverns: a rule governs what belongs to the store or to another plugin; nothing is wrong with that.
	CodeGoverns = "interplay_governs"
	// CodeTarget: a rule is about something that does not exist.
	CodeTarget = "interplay_target"
)

const (
	refusal = plgv1.Severity_SEVERITY_ERROR
	warning = plgv1.Severity_SEVERITY_WARNING
)

// remarks collects what is to be said.
type remarks []*plgv1.Diagnostic

func (r *remarks) add(severity plgv1.Severity, code, path, summary string) {
	*r = append(*r, &plgv1.Diagnostic{Severity: severity, Code: code, Path: path, Summary: summary})
}

// Installing tells a person what stands against installing a plugin, or another version of one, before any
// of it is active: errors for expressions that are broken and for what contradicts or needs itself; warnings
// for what it will disagree on with the other installed plugins, and for what it will need. Where the plugin
// is active already, so that the new version takes the place of the old at once, what it lacks and whom it
// leaves without what they need are errors too. What its rules govern beyond itself is told for information.
// Each names what it is about by Path.
func Installing(candidate *manifest.Manifest, installed []*manifest.Manifest, active map[string]bool, settings map[string]any, lang string) []*plgv1.Diagnostic {
	all := append([]*manifest.Manifest{candidate}, without(installed, candidate.ID)...)
	l, err := newLab(all, settings)
	if err != nil {
		return nil // only a broken build has unreadable rules of the house
	}
	r := l.resolution
	var out remarks
	name := r.pluginName(candidate.ID, lang)
	for _, f := range faultsOf(candidate, all) {
		text := say(lang, "check.fault", name, r.targetName(f.Target, lang), f.Err)
		if f.Line > 0 {
			text = say(lang, "check.fault_line", name, r.targetName(f.Target, lang), f.Err, f.Line)
		}
		out.add(refusal, CodeFault, f.Target, text)
	}
	for _, c := range l.contradictions(candidate.ID) {
		owners, severity, key := c.owners(), warning, "check.contradiction"
		switch {
		case len(owners) == 1:
			key = "check.contradiction_one"
			if !c.witness.unsure {
				severity = refusal
			}
		case slices.Contains(owners, house):
			key = "check.contradiction_house"
		}
		var who, asks []string
		for _, id := range owners {
			who = append(who, r.pluginName(id, lang))
			asks = append(asks, say(lang, "conflict.asks", id, c.wish(id, lang)))
		}
		out.add(severity, CodeConflict, c.Target,
			say(lang, key, and(lang, who), r.targetName(c.Target, lang), strings.Join(asks, "; "), c.witness.words(lang)))
	}
	for _, c := range l.cycles(candidate.ID) {
		severity := warning
		if len(c.owners()) == 1 {
			severity = refusal
		}
		out.add(severity, CodeCycle, c.Target, c.Explanation(lang))
	}
	for i := range candidate.Interplay {
		target := candidate.Interplay[i].Target
		if owner, missing := r.missing(target); missing {
			out.add(warning, CodeTarget, target, say(lang, "check.target", name, target, r.pluginName(owner, lang)))
		}
	}
	severity := warning
	if active[candidate.ID] {
		severity = refusal
		out = append(out, r.deserted(candidate, active, lang)...)
	}
	out = append(out, r.lacking(candidate, active, severity, lang)...)
	return append(out, r.reaching(candidate, lang)...)
}

// reaching tells which rules of a plugin govern what is not its own, so that whoever installs it knows.
func (r *Resolution) reaching(m *manifest.Manifest, lang string) remarks {
	var out remarks
	for i := range m.Interplay {
		x := &rule{Rule: &m.Interplay[i], plugin: m}
		if ownTarget(m.ID, x.Target) {
			continue
		}
		key, args := "check.governs", []any{r.pluginName(m.ID, lang), r.targetName(x.Target, lang), x.words(lang), x.Reason.In(lang)}
		if x.When != "" {
			key, args = "check.governs_when", append(args, string(x.When))
		}
		out.add(plgv1.Severity_SEVERITY_INFO, CodeGoverns, x.Target, say(lang, key, args...))
	}
	return out
}

// ownTarget tells whether a target belongs to the plugin.
func ownTarget(id, target string) bool {
	for _, own := range []string{"customer." + strings.ToLower(id) + "_", "action." + id + ".", "setting." + id, "message." + id} {
		if strings.HasPrefix(target, own) {
			return true
		}
	}
	return false
}

// words tells a situation by what of it is not obvious; empty when there is nothing.
func (s situation) words(lang string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(s.settings)) {
		v := s.settings[key]
		if yes, ok := v.(bool); ok {
			if v = say(lang, "check.no"); yes {
				v = say(lang, "check.yes")
			}
		}
		parts = append(parts, say(lang, "check.setting", key, fmt.Sprintf("%v", v)))
	}
	for _, id := range s.others {
		key := "check.inactive"
		if s.active[id] {
			key = "check.active"
		}
		parts = append(parts, say(lang, key, id))
	}
	if len(parts) == 0 {
		return ""
	}
	return say(lang, "check.witness", and(lang, parts))
}

// cycles finds the values and the rules on settings that would depend on one another if all were active, where
// the plugin takes part.
func (l *lab) cycles(id string) []Conflict {
	values := map[string][]*rule{}
	var fields []string
	var strict []*rule
	for _, x := range l.rules {
		if name, ok := strings.CutPrefix(x.Target, "customer."); ok && x.value != nil {
			fields = append(fields, name)
			values[name] = append(values[name], x)
		}
		if x.plugin != nil && x.test != nil && closesSetting(x) {
			strict = append(strict, x)
		}
	}
	fields = once(fields)
	g := graph{}
	for name, rules := range values {
		for _, x := range rules {
			for _, other := range x.value.upon(fields) {
				g.add(name, other)
			}
		}
	}
	var out []Conflict
	_, cycles := g.order(fields)
	for _, cycle := range cycles {
		c := Conflict{Aspect: Cycle, resolution: l.resolution}
		for _, name := range cycle {
			c.targets = append(c.targets, "customer."+name)
			c.rules = append(c.rules, filter(values[name], func(x *rule) bool { return len(x.value.upon(cycle)) > 0 })...)
		}
		out = append(out, c)
	}
	for _, knot := range settingCycles(strict) {
		c := Conflict{Aspect: Cycle, rules: knot, resolution: l.resolution}
		for _, x := range knot {
			c.targets = append(c.targets, x.Target)
		}
		c.targets = once(c.targets)
		out = append(out, c)
	}
	out = slices.DeleteFunc(out, func(c Conflict) bool { return !owns(id, c.rules) })
	for i := range out {
		out[i].Target = out[i].targets[0]
	}
	return out
}

// missing tells whether a target belongs to an installed plugin, and that plugin does not have it.
func (r *Resolution) missing(target string) (owner string, missing bool) {
	kind, rest, _ := strings.Cut(target, ".")
	switch kind {
	case "action":
		id, action, _ := strings.Cut(rest, ".")
		if m, ok := r.manifest(id); ok {
			_, has := m.Action(action)
			return id, !has
		}
	case "setting":
		if id, ok := settingOwner(rest); ok {
			if m, installed := r.manifest(id); installed {
				_, has := m.Setting(rest)
				return id, !has
			}
		}
	case "customer":
		if len(rest) > len("plg0000_") && rest[7] == '_' && pluginID(strings.ToUpper(rest[:7])) {
			id := strings.ToUpper(rest[:7])
			if _, installed := r.manifest(id); installed {
				_, _, has := r.fieldOf(rest)
				return id, !has
			}
		}
	}
	return "", false
}

// lacking tells what a plugin requires and lacks, and with whom it cannot be active.
func (r *Resolution) lacking(m *manifest.Manifest, active map[string]bool, severity plgv1.Severity, lang string) remarks {
	var out remarks
	name := r.pluginName(m.ID, lang)
	ring := circle(r.manifests, m.ID)
	for _, dep := range m.Requires {
		other, installed := r.manifest(dep.ID)
		their := r.pluginName(dep.ID, lang)
		switch {
		case !installed:
			out.add(severity, CodeRequires, m.ID, say(lang, "requires.missing", name, their))
		case !dep.Versions.Contains(other.Version):
			out.add(severity, CodeRequires, m.ID, say(lang, "requires.version", name, their, dep.Versions, other.Version))
		case !active[dep.ID] && !slices.Contains(ring, dep.ID):
			out.add(severity, CodeRequires, m.ID, say(lang, "requires.inactive", name, their))
		}
	}
	// Plugins that need one another could otherwise never be enabled: neither could be the first.
	if slices.ContainsFunc(ring, func(id string) bool { return id != m.ID && !active[id] }) {
		var names []string
		for _, id := range ring {
			names = append(names, r.pluginName(id, lang))
		}
		out.add(warning, CodeCycle, m.ID, say(lang, "requires.circle", and(lang, names)))
	}
	for _, other := range r.manifests {
		if other.ID == m.ID || !excludes(m, other) && !excludes(other, m) {
			continue
		}
		if active[other.ID] && severity == refusal {
			out.add(refusal, CodeConflicts, m.ID, say(lang, "conflicts.active", name, r.pluginName(other.ID, lang)))
		} else if severity == warning {
			out.add(warning, CodeConflicts, m.ID, say(lang, "conflicts.installed", name, r.pluginName(other.ID, lang)))
		}
	}
	return out
}

// deserted tells which active plugins would no longer have the version of this one that they need.
func (r *Resolution) deserted(m *manifest.Manifest, active map[string]bool, lang string) remarks {
	var out remarks
	for _, other := range r.manifests {
		if other.ID == m.ID || !active[other.ID] {
			continue
		}
		for _, dep := range other.Requires {
			if dep.ID == m.ID && !dep.Versions.Contains(m.Version) {
				out.add(refusal, CodeNeeded, m.ID, say(lang, "needed_version",
					r.pluginName(other.ID, lang), r.pluginName(m.ID, lang), dep.Versions, m.Version))
			}
		}
	}
	return out
}

// Enabling tells a person what stands against enabling a plugin: errors for what it requires and lacks, or
// may not stand beside, and warnings for the conflicts of rules that it would bring and nobody has settled.
func Enabling(id string, manifests []*manifest.Manifest, active map[string]bool, settings map[string]any, lang string, decisions ...Decisions) []*plgv1.Diagnostic {
	with := maps.Clone(active)
	if with == nil {
		with = map[string]bool{}
	}
	with[id] = true
	before, _ := Resolve(manifests, active, settings, decisions...) // faults are among the conflicts
	after, _ := Resolve(manifests, with, settings, decisions...)
	if before == nil || after == nil {
		return nil // only a broken build has unreadable rules of the house
	}
	m, ok := after.manifest(id)
	if !ok {
		return nil
	}
	out := after.lacking(m, active, refusal, lang)
	known := map[string]bool{}
	for _, c := range before.Conflicts {
		known[c.Explanation(lang)] = true
	}
	for _, c := range after.Conflicts {
		if text := c.Explanation(lang); c.Settled == "" && !known[text] {
			out.add(warning, CodeConflict, c.Target, text)
		}
	}
	return out
}

// Disabling tells a person which active plugins need the one that is about to be disabled. Of plugins that
// need one another any may be the first to go; that is a warning.
func Disabling(id string, manifests []*manifest.Manifest, active map[string]bool, lang string) []*plgv1.Diagnostic {
	r := &Resolution{manifests: ordered(manifests)}
	ring := circle(r.manifests, id)
	var out remarks
	for _, m := range r.manifests {
		needs := slices.ContainsFunc(m.Requires, func(d manifest.Dependency) bool { return d.ID == id })
		if m.ID == id || !active[m.ID] || !needs {
			continue
		}
		if slices.Contains(ring, m.ID) {
			out.add(warning, CodeCycle, id, say(lang, "needed_in_circle", r.pluginName(m.ID, lang), r.pluginName(id, lang)))
		} else {
			out.add(refusal, CodeNeeded, id, say(lang, "needed_by", r.pluginName(m.ID, lang), r.pluginName(id, lang)))
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
