package interplay

import (
	"fmt"
	"slices"
	"strings"

	"mostrador/sdk/plgv1"
)

// Policy is what holds for one target. The zero rules: visible, editable, optional, no value, sent.
type Policy struct {
	Target                      string
	Visible, Editable, Required bool
	// HasValue tells that rules give the value; Expression is the CEL text of it.
	HasValue   bool
	Expression string
	// Send is the CEL text of what must hold for a message to be sent; empty when nothing has to.
	Send string

	resolution *Resolution
	values     []*rule // those that give the value, one for each different expression
	sends      []*rule
	asked      []*rule // the rules that made it so
}

// Aspect is what a conflict is about.
type Aspect string

// The aspects.
const (
	Visible  Aspect = "visible"
	Editable Aspect = "editable"
	Required Aspect = "required"
	Value    Aspect = "value"
	Send     Aspect = "send"
	// Cycle is about values, or rules on settings, that depend on one another.
	Cycle Aspect = "cycle"
)

// aspects are those in which two rules can contradict each other by a word, each with its two words.
var aspects = []struct {
	Aspect
	strict, loose func(*rule) bool
}{
	{Visible, hides, func(x *rule) bool { return says(x.Policy.Visible, true) }},
	{Editable, (*rule).locks, func(x *rule) bool { return says(x.Policy.Editable, true) }},
	{Required, demands, func(x *rule) bool { return says(x.Policy.Required, false) }},
	{Send, func(x *rule) bool { return x.Policy.Send == "false" }, func(x *rule) bool { return x.Policy.Send == "true" }},
}

// says tells whether a policy's answer is given and is b.
func says(answer *bool, b bool) bool { return answer != nil && *answer == b }

func hides(x *rule) bool   { return says(x.Policy.Visible, false) }
func demands(x *rule) bool { return says(x.Policy.Required, true) }

// locks tells whether the rule asks that nobody edits the target: outright, or by giving its value.
func (x *rule) locks() bool {
	return x.Policy.Value != "" || says(x.Policy.Editable, false)
}

// closes tells whether the rule keeps people from filling in its target.
func closes(x *rule) bool { return hides(x) || x.locks() }

// combine works out the policy of one target and its conflicts.
func (r *Resolution) combine(target string) {
	held := r.held(target)
	if len(held) == 0 {
		return
	}
	p := Policy{Target: target, Visible: true, Editable: true, resolution: r}
	strict := map[Aspect]bool{}
	var overruled []*rule // rules whose word on some aspect does not count, by a decision
	for _, a := range aspects {
		var lost []*rule
		strict[a.Aspect], lost = r.settle(target, a.Aspect, held, a.strict, a.loose)
		overruled = append(overruled, lost...)
	}
	p.Visible, p.Editable, p.Required = !strict[Visible], !strict[Editable], strict[Required]

	var in []*rule
	if !p.Editable { // where somebody decided that people edit it, nobody else gives the value
		in = r.combineValues(&p, held)
	}
	overruled = append(overruled, r.fillable(&p, held)...)
	for _, x := range held {
		if x.Policy.Send != "" && !slices.Contains(overruled, x) {
			p.sends = append(p.sends, x)
		}
	}
	p.Send = conjunction(p.sends, func(x *rule) string { return x.sendText() })

	for _, x := range held {
		if slices.Contains(in, x) || !p.Visible && hides(x) || p.Required && demands(x) ||
			!p.Editable && says(x.Policy.Editable, false) && (len(in) == 0 || x.Policy.Value == "") ||
			slices.Contains(p.sends, x) {
			p.asked = append(p.asked, x)
		}
	}
	if len(p.asked) == 0 { // only faulty values, or rules that ask for what is so anyway
		p.asked = slices.DeleteFunc(slices.Clone(held), func(x *rule) bool { return slices.Contains(overruled, x) })
	}
	r.policies[target] = p
	if name, ok := strings.CutPrefix(target, "customer."); ok && p.HasValue {
		r.governed = append(r.governed, name)
	}
}

// held are the rules about a target that hold; for one kind of a plugin's messages those about all of them too.
func (r *Resolution) held(target string) []*rule {
	all := r.about(target)
	return slices.DeleteFunc(all, func(x *rule) bool { return !x.holds })
}

// about are the rules about a target in the order of their owners, the house first.
func (r *Resolution) about(target string) []*rule {
	all := slices.Clone(r.rules[target])
	if general, is := generalTarget(target); is {
		all = append(all, r.rules[general]...)
		slices.SortStableFunc(all, func(a, b *rule) int {
			switch {
			case a.plugin == b.plugin:
				return 0
			case a.plugin == nil:
				return -1
			case b.plugin == nil:
				return 1
			}
			return strings.Compare(a.plugin.ID, b.plugin.ID)
		})
	}
	return all
}

// generalTarget is "message.PLG0074" for "message.PLG0074.promotional".
func generalTarget(target string) (string, bool) {
	if !strings.HasPrefix(target, "message.") {
		return "", false
	}
	dot := strings.LastIndexByte(target, '.')
	return target[:dot], dot > len("message.")
}

// settle says whether the strict word holds in one aspect, and notes a conflict when others say the contrary.
// lost are the rules whose word does not count since somebody decided against it.
func (r *Resolution) settle(target string, aspect Aspect, held []*rule, strict, loose func(*rule) bool) (strictly bool, lost []*rule) {
	stricts, looses := filter(held, strict), filter(held, loose)
	if len(stricts) == 0 || len(looses) == 0 {
		return len(stricts) > 0, nil
	}
	switch chosen := r.dispute(target, aspect, held, stricts, looses); {
	case owns(chosen, stricts):
		return true, looses
	case owns(chosen, looses):
		return false, stricts
	}
	return true, nil
}

// dispute notes a conflict between two sides and returns the plugin that somebody decided for, if any.
func (r *Resolution) dispute(target string, aspect Aspect, held, one, other []*rule) (chosen string) {
	in := filter(held, func(x *rule) bool { return slices.Contains(one, x) || slices.Contains(other, x) })
	c := Conflict{Target: target, Aspect: aspect, rules: in, resolution: r}
	if sides := c.owners(); c.settleable() {
		if id := r.decision(target); slices.Contains(sides, id) && !(owns(id, one) && owns(id, other)) {
			c.Settled = id
		}
	}
	// What rules about all messages of a plugin disagree on is told once, not for each kind.
	if slices.ContainsFunc(in, func(x *rule) bool { return x.Target == target }) {
		r.Conflicts = append(r.Conflicts, c)
	}
	return c.Settled
}

// decision is the plugin that somebody decided for; what was decided for all messages holds for each kind.
func (r *Resolution) decision(target string) string {
	if id, ok := r.decisions[target]; ok {
		return id
	}
	general, _ := generalTarget(target)
	return r.decisions[general]
}

// owns tells whether the plugin, if any, has a rule among them.
func owns(id string, rules []*rule) bool {
	return id != "" && slices.ContainsFunc(rules, func(x *rule) bool { return x.owner() == id })
}

// filter returns the rules for which is holds.
func filter(rules []*rule, is func(*rule) bool) []*rule {
	var out []*rule
	for _, x := range rules {
		if is(x) {
			out = append(out, x)
		}
	}
	return out
}

// combineValues chooses the value of a target and returns the rules that give it.
func (r *Resolution) combineValues(p *Policy, held []*rule) []*rule {
	given := filter(held, func(x *rule) bool { return x.value != nil })
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
		chosen := r.dispute(p.Target, Value, held, given, nil)
		switch {
		case chosen != "":
			in = filter(given, func(x *rule) bool { return x.owner() == chosen })
		case given[0].plugin == nil || !yesNo:
			in = filter(given, func(x *rule) bool { return x.value.text == given[0].value.text })
		}
	}
	p.HasValue = true
	seen := map[string]bool{}
	for _, x := range in {
		if !seen[x.value.text] {
			seen[x.value.text] = true
			p.values = append(p.values, x)
		}
	}
	if !in[0].value.isYesNo() { // of the texts of one plugin the first holds
		p.values = p.values[:1]
	}
	p.Expression = conjunction(p.values, func(x *rule) string { return x.value.text })
	return in
}

// conjunction writes that several conditions hold together.
func conjunction(rules []*rule, text func(*rule) string) string {
	var words []string
	for _, x := range rules {
		if t := text(x); !slices.Contains(words, t) {
			words = append(words, t)
		}
	}
	if len(words) > 1 {
		for i := range words {
			words[i] = "(" + words[i] + ")"
		}
	}
	return strings.Join(words, " && ")
}

// sendText is the condition for sending as CEL writes it.
func (x *rule) sendText() string {
	if x.send == nil {
		return string(x.Policy.Send)
	}
	return x.send.text
}

// fillable sees to it that nobody is asked for what nobody can fill in: a customer could not be registered any
// more. Unless somebody decided otherwise the field is not required. It returns the rules that lose by that.
func (r *Resolution) fillable(p *Policy, held []*rule) (lost []*rule) {
	if !p.Required || p.HasValue || p.Visible && p.Editable || !strings.HasPrefix(p.Target, "customer.") {
		return nil
	}
	asking := filter(held, demands)
	closing := filter(held, closes)
	chosen := r.dispute(p.Target, Required, held, asking, closing)
	if !owns(chosen, asking) {
		p.Required = false
		return asking
	}
	p.Visible, p.Editable = true, true
	return closing
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
	f := facts{customer: c}
	for _, x := range p.values[:len(p.values)-1] { // several: yes/no, and yes only while all agree
		f.settings = x.settings
		yes, err := x.value.holds(&f)
		if err != nil {
			return nil, false, fmt.Errorf("interplay: value of %s: %w", p.Target, err)
		}
		if !yes {
			return false, true, nil
		}
	}
	last := p.values[len(p.values)-1]
	f.settings = last.settings
	v, err := last.value.eval(&f)
	if err != nil {
		return nil, false, fmt.Errorf("interplay: value of %s: %w", p.Target, err)
	}
	return v, true, nil
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
