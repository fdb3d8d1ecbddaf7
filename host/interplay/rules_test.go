package interplay_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mostrador/host/interplay"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// example is some manifests of sdk/RULES.md and what follows from them.
type example struct {
	line      int // of the first outcome
	manifests []*manifest.Manifest
	outcomes  []string
}

var block = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

// examples reads the document. A manifest belongs to the outcomes below it.
func examples(t *testing.T) []example {
	data, err := os.ReadFile("../../sdk/RULES.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []example
	var now example
	for _, at := range block.FindAllStringSubmatchIndex(string(data), -1) {
		kind, text := string(data[at[2]:at[3]]), string(data[at[4]:at[5]])
		line := 1 + strings.Count(string(data[:at[4]]), "\n")
		if kind == "yaml" {
			if now.outcomes != nil {
				now = example{}
			}
			id := strings.TrimPrefix(strings.SplitN(text, "\n", 2)[0], "# ")
			m, err := manifest.Parse([]byte(fmt.Sprintf("id: %s\nname: %s\nversion: 1.0.0\napi: 2\n%s", id, id, text)), "RULES.md")
			if err != nil {
				t.Fatalf("the example before line %d: %v", line, err)
			}
			now.manifests = append(now.manifests, m)
			continue
		}
		now.line, now.outcomes = line, strings.Split(strings.TrimSpace(text), "\n")
		out = append(out, now)
	}
	return out
}

// scene is a situation that an outcome begins with.
type scene struct {
	active    map[string]bool
	settings  map[string]any
	decisions interplay.Decisions
	customer  *plgv1.Customer
}

// scene reads "active PLG0101, PLG0002; settings.X = 4; customer.email = "a@b.es"; decided customer.a=PLG0101".
func (e example) scene(t *testing.T, given string) scene {
	s := scene{settings: map[string]any{}, decisions: interplay.Decisions{}, customer: &plgv1.Customer{Consent: &plgv1.Consent{}}}
	for _, part := range strings.Split(given, "; ") {
		if ids, ok := strings.CutPrefix(part, "active "); ok {
			s.active = map[string]bool{}
			for _, id := range strings.Split(ids, ", ") {
				s.active[id] = true
			}
			continue
		}
		if line, ok := strings.CutPrefix(part, "decided "); ok {
			target, plugin, err := interplay.ParseDecision(line)
			if err != nil {
				t.Fatal(err)
			}
			s.decisions[target] = plugin
			continue
		}
		name, source, ok := strings.Cut(part, " = ")
		var value any
		if err := json.Unmarshal([]byte(source), &value); !ok || err != nil {
			t.Fatalf("%q: %v", part, err)
		}
		switch name {
		case "customer.email":
			s.customer.Email, _ = value.(string)
		case "customer.phone":
			s.customer.Phone, _ = value.(string)
		case "customer.language":
			s.customer.Language, _ = value.(string)
		case "customer.tags":
			for _, tag := range value.([]any) {
				s.customer.Tags = append(s.customer.Tags, tag.(string))
			}
		case "consent.promotions":
			s.customer.Consent.Promotions = map[any]plgv1.ConsentState{"given": plgv1.ConsentState_CONSENT_STATE_GIVEN,
				"withdrawn": plgv1.ConsentState_CONSENT_STATE_WITHDRAWN}[value]
		default:
			key, ok := strings.CutPrefix(name, "settings.")
			if !ok {
				t.Fatalf("%q sets nothing", part)
			}
			s.settings[key] = value
		}
	}
	if s.active == nil {
		s.active = all(e.manifests)
	}
	return s
}

// words says what becomes of a target, as the document does.
func words(r *interplay.Resolution, about string, c *plgv1.Customer) string {
	p := r.Policy(about)
	var out []string
	kind, rest, _ := strings.Cut(about, ".")
	switch kind {
	case "message":
		plugin, sort, _ := strings.Cut(rest, ".")
		out = append(out, map[bool]string{true: "sent", false: "unsent"}[r.Message(plugin, sort, c, "es").Send])
	case "action":
		plugin, action, _ := strings.Cut(rest, ".")
		state := r.Action(plugin, action, c, "es")
		if !state.Visible {
			out = append(out, "hidden")
		}
		out = append(out, map[bool]string{true: "enabled", false: "disabled"}[state.Enabled])
	default:
		if !p.Visible {
			out = append(out, "hidden")
		}
		if !p.Editable {
			out = append(out, "locked")
		}
		if p.Required {
			out = append(out, "required")
		}
		if len(out) == 0 {
			out = append(out, "free")
		}
		if p.HasValue {
			_ = r.Apply(c)
			out = append(out, fmt.Sprintf("value %q", c.Fields[rest]))
		}
	}
	for _, conflict := range r.Conflicts {
		if conflict.Target != about {
			continue
		}
		switch {
		case conflict.Settled != "":
			out = append(out, "settled")
		case conflict.Aspect == "":
			out = append(out, "fault")
		default:
			out = append(out, "conflict")
		}
	}
	return strings.Join(slices.Compact(out), ", ")
}

func TestTheExamplesOfTheRulesHold(t *testing.T) {
	list := examples(t)
	checked := 0
	for _, e := range list {
		for i, outcome := range e.outcomes {
			given, follows, ok := strings.Cut(outcome, ": ")
			if !ok {
				t.Fatalf("RULES.md:%d: %q says nothing", e.line+i, outcome)
			}
			if got := e.follows(t, given, follows); got != "" {
				t.Errorf("RULES.md:%d: %s\n\tit is %s", e.line+i, outcome, got)
			}
			checked++
		}
	}
	if len(list) < 10 || checked < 35 {
		t.Errorf("only %d examples with %d outcomes were read", len(list), checked)
	}
}

// follows checks one outcome and returns what is so instead; empty when it is so.
func (e example) follows(t *testing.T, given, follows string) string {
	find := func(id string) *manifest.Manifest {
		i := slices.IndexFunc(e.manifests, func(m *manifest.Manifest) bool { return m.ID == id })
		if i < 0 {
			t.Fatalf("there is no %s", id)
		}
		return e.manifests[i]
	}
	differs := func(got, want string) string {
		if got == want {
			return ""
		}
		return got
	}
	if id, ok := strings.CutPrefix(given, "installing "); ok {
		got := "it is welcome"
		for _, d := range interplay.Installing(find(id), e.manifests, nil, nil, "es") {
			if d.Severity == plgv1.Severity_SEVERITY_ERROR {
				got = "it is refused"
				break
			}
			if d.Severity == plgv1.Severity_SEVERITY_WARNING {
				got = "it is warned of"
			}
		}
		return differs(got, follows)
	}
	s := e.scene(t, given)
	r, _ := interplay.Resolve(e.manifests, s.active, s.settings, s.decisions) // faults are among the conflicts
	if r == nil {
		t.Fatal("no resolution")
	}
	subject, verb, rest := cut3(follows)
	switch {
	case verb == "takes" || verb == "refuses":
		var value any
		if err := json.Unmarshal([]byte(rest), &value); err != nil {
			t.Fatal(err)
		}
		var ok bool
		var err error
		if strings.HasPrefix(subject, "PLG") {
			setting, _ := find(subject[:7]).Setting(subject)
			ok, err = interplay.Valid(setting, value, s.settings)
		} else {
			ok, err = r.ValidField(subject, value)
		}
		if err != nil {
			return err.Error()
		}
		return differs(map[bool]string{true: "takes", false: "refuses"}[ok], verb)
	case strings.HasPrefix(subject, "PLG"):
		got := "enabled"
		for _, d := range interplay.Enabling(subject, e.manifests, s.active, s.settings, "es") {
			if d.Severity == plgv1.Severity_SEVERITY_ERROR {
				got = "not enabled"
			}
		}
		return differs(got, rest)
	}
	return differs(words(r, subject, s.customer), rest)
}

// cut3 takes the first two words off.
func cut3(s string) (first, second, rest string) {
	first, rest, _ = strings.Cut(s, " ")
	second, rest, _ = strings.Cut(rest, " ")
	return first, second, rest
}
