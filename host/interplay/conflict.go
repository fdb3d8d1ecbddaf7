package interplay

import (
	"slices"
	"strings"
)

// Conflict is something that rules disagree on, rules that depend on one another, or a rule that cannot be
// evaluated. Until it is settled the stricter holds.
type Conflict struct {
	Target string
	// Aspect is empty for a rule that cannot be evaluated.
	Aspect Aspect
	// Settled is the plugin that somebody decided for; empty while the conflict is open.
	Settled string

	rules      []*rule
	targets    []string // of a cycle: all that take part
	fault      *Fault
	resolution *Resolution
}

// Side is one of those who disagree.
type Side struct {
	// Plugin is its id and Name what people call it.
	Plugin, Name string
	// Wish is what it wants of the target, in words.
	Wish string
}

// Plugins lists who disagrees, in order; "core" is the house itself.
func (c Conflict) Plugins() []string {
	if c.fault != nil {
		return []string{c.fault.Plugin}
	}
	return c.owners()
}

func (c Conflict) owners() []string {
	var ids []string
	for _, x := range c.rules {
		if !slices.Contains(ids, x.owner()) {
			ids = append(ids, x.owner())
		}
	}
	return ids
}

// settleable tells whether a decision for one of the sides can end the conflict: not when the house takes
// part, which always has its way, nor when a plugin contradicts only itself.
func (c Conflict) settleable() bool {
	owners := c.owners()
	return c.fault == nil && c.Aspect != Cycle && len(owners) > 1 && !slices.Contains(owners, house)
}

// Sides lists those between whom a person can decide; none when the conflict cannot be settled that way.
func (c Conflict) Sides(lang string) []Side {
	if !c.settleable() {
		return nil
	}
	var sides []Side
	for _, id := range c.owners() {
		sides = append(sides, Side{Plugin: id, Name: c.resolution.pluginName(id, lang), Wish: c.wish(id, lang)})
	}
	return sides
}

// wish says in words what one side wants.
func (c Conflict) wish(owner, lang string) string {
	var wishes []string
	for _, x := range c.rules {
		if x.owner() != owner {
			continue
		}
		for _, w := range x.aspect(c.Aspect, lang) {
			if !slices.Contains(wishes, w) {
				wishes = append(wishes, w)
			}
		}
		if len(wishes) == 0 { // a side of another aspect: who hides what somebody requires
			wishes = append(wishes, x.words(lang))
		}
	}
	return strings.Join(wishes, ", ")
}

// concerns tells whether the conflict is about a target.
func (c Conflict) concerns(target string) bool {
	if c.Target == target || slices.Contains(c.targets, target) {
		return true
	}
	general, is := generalTarget(target)
	return is && c.Target == general
}

// Explanation says in words who disagrees about what, what holds meanwhile and how to settle it.
func (c Conflict) Explanation(lang string) string {
	r := c.resolution
	name := r.targetName(c.Target, lang)
	if f := c.fault; f != nil {
		if f.rule == nil {
			key := "fault.enabled"
			if strings.HasPrefix(f.Target, "customer.") {
				key = "fault.valid"
			}
			return say(lang, key, r.pluginName(f.Plugin, lang), name, f.Err)
		}
		key := "fault"
		if !f.rule.holds {
			key = "fault.reserved"
		}
		return say(lang, key, r.pluginName(f.Plugin, lang), name, f.Err, r.Policy(c.Target).words(lang))
	}
	if c.Aspect == Cycle {
		return c.cycle(lang)
	}
	var who, asks []string
	for _, id := range c.owners() {
		who = append(who, r.pluginName(id, lang))
		asks = append(asks, say(lang, "conflict.asks", id, c.wish(id, lang)))
	}
	key := "conflict"
	switch {
	case c.Settled != "":
		return say(lang, "conflict.settled", and(lang, who), name, strings.Join(asks, "; "),
			r.pluginName(c.Settled, lang), r.Policy(c.Target).words(lang))
	case len(who) == 1:
		key = "conflict.one"
	case !c.settleable():
		key = "conflict.house"
	}
	return say(lang, key, and(lang, who), name, strings.Join(asks, "; "), r.Policy(c.Target).words(lang))
}

// cycle says in words what depends on what.
func (c Conflict) cycle(lang string) string {
	r := c.resolution
	var names, rules, who []string
	for _, target := range c.targets {
		names = append(names, say(lang, "quoted", r.targetName(target, lang)))
	}
	for _, x := range c.rules {
		said := say(lang, "cycle.rule", r.source(x, lang), r.targetName(x.Target, lang), x.dependence())
		if !slices.Contains(rules, said) {
			rules = append(rules, said)
		}
		if owner := r.pluginName(x.owner(), lang); !slices.Contains(who, owner) {
			who = append(who, owner)
		}
	}
	key := "cycle.values"
	if strings.HasPrefix(c.Target, "setting.") {
		key = "cycle.settings"
	}
	if len(c.targets) == 1 {
		key += ".one"
	}
	return say(lang, key, and(lang, names), strings.Join(rules, "; "), and(lang, who))
}

// dependence is the expression by which a rule of a cycle depends on the others.
func (x *rule) dependence() string {
	if strings.HasPrefix(x.Target, "setting.") {
		return string(x.When)
	}
	return string(x.Policy.Value)
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
		add(hides(x), "policy.hidden")
		add(says(x.Policy.Visible, true), "policy.visible")
	case Editable:
		add(x.locks(), "policy.locked")
		add(says(x.Policy.Editable, true), "policy.editable")
	case Required:
		add(demands(x), "policy.required")
		add(says(x.Policy.Required, false), "policy.optional")
	case Value:
		words = append(words, say(lang, "policy.value", string(x.Policy.Value)))
	case Send:
		switch x.Policy.Send {
		case "true":
			words = append(words, say(lang, "policy.sent"))
		case "false":
			words = append(words, say(lang, "policy.unsent"))
		default:
			words = append(words, say(lang, "policy.send", string(x.Policy.Send)))
		}
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
	if x.Policy.Send != "" {
		words = append(words, x.aspect(Send, lang)...)
	}
	return strings.Join(words, ", ")
}

// words says in words what holds.
func (p Policy) words(lang string) string {
	if strings.HasPrefix(p.Target, "message.") {
		switch p.Send {
		case "", "true":
			return say(lang, "policy.sent")
		case "false":
			return say(lang, "policy.unsent")
		}
		return say(lang, "policy.send", p.Send)
	}
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
