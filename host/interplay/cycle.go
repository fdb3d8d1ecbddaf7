package interplay

import (
	"maps"
	"slices"
	"strings"

	"mostrador/sdk/manifest"
)

// graph says what each name builds upon.
type graph map[string]map[string]bool

// add notes that a builds upon b.
func (g graph) add(a, b string) {
	if g[a] == nil {
		g[a] = map[string]bool{}
	}
	g[a][b] = true
}

// order returns the names so that each comes after what it builds upon, and the cycles: the sets of names that
// build upon one another, each in order. Both depend on nothing but the graph. (Tarjan's strongly connected
// components, which come out in just that order.)
func (g graph) order(names []string) (order []string, cycles [][]string) {
	index, low := map[string]int{}, map[string]int{}
	var stack []string
	var visit func(string)
	visit = func(a string) {
		index[a] = len(index) + 1
		low[a] = index[a]
		stack = append(stack, a)
		for _, b := range slices.Sorted(maps.Keys(g[a])) {
			if index[b] == 0 {
				visit(b)
				low[a] = min(low[a], low[b])
			} else if slices.Contains(stack, b) {
				low[a] = min(low[a], index[b])
			}
		}
		if low[a] != index[a] {
			return
		}
		at := slices.Index(stack, a)
		set := slices.Sorted(slices.Values(stack[at:]))
		stack = stack[:at]
		order = append(order, set...)
		if len(set) > 1 || g[a][a] {
			cycles = append(cycles, set)
		}
	}
	for _, a := range slices.Sorted(slices.Values(names)) {
		if index[a] == 0 {
			visit(a)
		}
	}
	slices.SortFunc(cycles, slices.Compare)
	return order, cycles
}

// upon lists the fields, of those that have a value by rules, that an expression builds upon.
func (x *expression) upon(fields []string) []string {
	return filterNames(fields, x.reads.customer)
}

// filterNames returns those of the names that are read; anything reads them all.
func filterNames(names, read []string) []string {
	if slices.Contains(read, anything) {
		return names
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !slices.Contains(read, n) })
}

// orderValues puts the governed fields in the order in which their values are worked out, each after what it
// builds upon. Values that depend on one another are named and given to nobody: the fields stay as they are.
func (r *Resolution) orderValues() {
	slices.Sort(r.governed)
	g := graph{}
	for _, name := range r.governed {
		for _, x := range r.policies["customer."+name].values {
			for _, other := range x.value.upon(r.governed) {
				g.add(name, other)
			}
		}
	}
	order, cycles := g.order(r.governed)
	for _, cycle := range cycles {
		c := Conflict{Aspect: Cycle, resolution: r}
		for _, name := range cycle {
			target := "customer." + name
			p := r.policies[target]
			c.targets = append(c.targets, target)
			c.rules = append(c.rules, p.values...)
			p.HasValue, p.Expression, p.values = false, "", nil
			p.Required = false // it is locked, and nothing fills it in now
			r.policies[target] = p
		}
		c.Target = c.targets[0]
		r.Conflicts = append(r.Conflicts, c)
		order = slices.DeleteFunc(order, func(name string) bool { return slices.Contains(cycle, name) })
	}
	r.governed = order
}

// releaseSettings takes the hold from rules that hide or lock settings on whose values they depend, by
// themselves or through each other: what they close could never be opened again.
func (r *Resolution) releaseSettings() {
	var strict []*rule
	for _, target := range slices.Sorted(maps.Keys(r.rules)) {
		strict = append(strict, filter(r.rules[target], func(x *rule) bool {
			return x.plugin != nil && r.active[x.plugin.ID] && x.test != nil && closesSetting(x)
		})...)
	}
	for _, knot := range settingCycles(strict) {
		c := Conflict{Aspect: Cycle, rules: knot, resolution: r}
		for _, x := range knot {
			x.holds = false
			c.targets = append(c.targets, x.Target)
		}
		c.targets = once(c.targets)
		c.Target = c.targets[0]
		r.Conflicts = append(r.Conflicts, c)
	}
}

// closesSetting tells whether the rule keeps people from changing a setting.
func closesSetting(x *rule) bool { return strings.HasPrefix(x.Target, "setting.") && closes(x) }

// settingCycles finds the sets of rules that close, by way of one another, what they depend on. The rules have
// compiled conditions.
func settingCycles(rules []*rule) [][]*rule {
	var keys []string
	for _, x := range rules {
		keys = append(keys, strings.TrimPrefix(x.Target, "setting."))
	}
	keys = once(keys)
	g := graph{}
	for _, x := range rules {
		for _, key := range filterNames(keys, x.test.reads.settings) {
			g.add(strings.TrimPrefix(x.Target, "setting."), key)
		}
	}
	_, cycles := g.order(keys)
	var out [][]*rule
	for _, cycle := range cycles {
		out = append(out, filter(rules, func(x *rule) bool {
			return slices.Contains(cycle, strings.TrimPrefix(x.Target, "setting.")) &&
				len(filterNames(cycle, x.test.reads.settings)) > 0
		}))
	}
	return out
}

// needs is the graph of who requires whom.
func needs(manifests []*manifest.Manifest) graph {
	g := graph{}
	for _, m := range manifests {
		for _, dep := range m.Requires {
			g.add(m.ID, dep.ID)
		}
	}
	return g
}

// circle returns the plugins that require one another together with that one; nil when there are none.
func circle(manifests []*manifest.Manifest, id string) []string {
	_, cycles := needs(manifests).order([]string{id})
	for _, c := range cycles {
		if slices.Contains(c, id) {
			return c
		}
	}
	return nil
}
