package interplay_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mostrador/host/interplay"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// plugin writes a manifest: its id, then what else it says.
func plugin(id string, more ...string) string {
	return fmt.Sprintf("id: %s\nname: {es: Uno %s, en: One %s}\nversion: 1.0.0\napi: 2\n", id, id[3:], id[3:]) + strings.Join(more, "\n") + "\n"
}

// rules writes rules, each as "target | policy" or "target | policy | when".
func rules(list ...string) string {
	var b strings.Builder
	b.WriteString("interplay:\n")
	for _, r := range list {
		parts := strings.Split(r, " | ")
		fmt.Fprintf(&b, "  - target: %s\n    policy: %s\n    reason: {es: Por %s., en: By %s.}\n", parts[0], parts[1], parts[0], parts[0])
		if len(parts) > 2 {
			fmt.Fprintf(&b, "    when: '%s'\n", parts[2])
		}
	}
	return b.String()
}

func TestADecisionSettlesAConflict(t *testing.T) {
	tests := []struct {
		name, a, b string
		aspect     interplay.Aspect
		// what holds while it is open, and when it is decided for one or the other
		open, forA, forB string
	}{
		{"hidden or visible", "{visible: false}", "{visible: true}", interplay.Visible, "hidden", "hidden", ""},
		{"locked or editable", "{editable: false}", "{editable: true}", interplay.Editable, "locked", "locked", ""},
		{"required or optional", "{required: true}", "{required: false}", interplay.Required, "required", "required", ""},
		{"a value, or people's own", "{value: '\"oro\"'}", "{editable: true}", interplay.Editable, `locked "oro"`, `locked "oro"`, ""},
		{"two texts", "{value: '\"oro\"'}", "{value: '\"plata\"'}", interplay.Value, `locked "oro"`, `locked "oro"`, `locked "plata"`},
		{"two yes or no", "{value: customer.email_valid}", "{value: customer.phone_valid}", interplay.Value,
			"locked (customer.email_valid) && (customer.phone_valid)", "locked customer.email_valid", "locked customer.phone_valid"},
		{"hidden or required", "{visible: false}", "{required: true}", interplay.Required, "hidden", "hidden", "required"},
		{"locked or required", "{required: true}", "{editable: false}", interplay.Required, "locked", "required", "locked"},
	}
	words := func(r *interplay.Resolution) string {
		p := r.Policy("customer.talla")
		var out []string
		for word, holds := range map[string]bool{"hidden": !p.Visible, "locked": !p.Editable, "required": p.Required, p.Expression: p.HasValue} {
			if holds {
				out = append(out, word)
			}
		}
		slices.SortFunc(out, func(a, b string) int { // the words before the expression
			return strings.Index("hidden locked required", a) - strings.Index("hidden locked required", b)
		})
		if len(out) > 1 && out[0] == p.Expression && p.HasValue {
			out = append(out[1:], out[0])
		}
		return strings.Join(out, " ")
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			manifests := parse(t, plugin("PLG0101", rules("customer.talla | "+tt.a)), plugin("PLG0102", rules("customer.talla | "+tt.b)))
			for _, step := range []struct{ decided, want string }{{"", tt.open}, {"PLG0101", tt.forA}, {"PLG0102", tt.forB}, {"PLG0103", tt.open}, {"core", tt.open}} {
				r, err := interplay.Resolve(manifests, all(manifests), nil, interplay.Decisions{"customer.talla": step.decided})
				if err != nil || words(r) != step.want {
					t.Errorf("decided %q: %q (%v), want %q", step.decided, words(r), err, step.want)
				}
				if len(r.Conflicts) != 1 || r.Conflicts[0].Aspect != tt.aspect {
					t.Fatalf("conflicts %+v", r.Conflicts)
				}
				c := r.Conflicts[0]
				settled := step.decided == "PLG0101" || step.decided == "PLG0102"
				if (c.Settled == step.decided) != (settled || step.decided == "") {
					t.Errorf("decided %q, settled %q", step.decided, c.Settled)
				}
				sides := c.Sides("es")
				if len(sides) != 2 || sides[0].Plugin != "PLG0101" || sides[0].Name != "PLG0101 Uno 0101" || sides[0].Wish == "" || sides[1].Wish == "" ||
					sides[0].Wish == sides[1].Wish {
					t.Errorf("sides %+v", sides)
				}
				for _, lang := range []string{"es", "en"} {
					if text := c.Explanation(lang); strings.Contains(text, "%!") || settled != (strings.Contains(text, "decidid") || strings.Contains(text, "decided")) {
						t.Errorf("%s: %s", lang, text)
					}
				}
				if got := interplay.Enabling("PLG0102", manifests, map[string]bool{"PLG0101": true}, nil, "es",
					interplay.Decisions{"customer.talla": step.decided}); (len(got) > 0) == settled {
					t.Errorf("decided %q: enabling warns %v", step.decided, got)
				}
			}
		})
	}
}

func TestWhatTheHouseSaysOrOneSaysAloneIsNotDecided(t *testing.T) {
	promise := parse(t, points, welcome, plugin("PLG0101", rules(target+" | {editable: true, value: true}")))
	alone := parse(t, plugin("PLG0102", rules("customer.talla | {visible: false}", "customer.talla | {visible: true}")))
	for _, manifests := range [][]*manifest.Manifest{promise, alone} {
		id := manifests[len(manifests)-1].ID
		r := resolve(t, manifests, all(manifests), nil)
		about := r.Conflicts[0].Target
		r, err := interplay.Resolve(manifests, all(manifests), nil, interplay.Decisions{about: id})
		if err != nil || len(r.Conflicts) == 0 {
			t.Fatal(r.Conflicts, err)
		}
		for _, c := range r.Conflicts {
			if c.Settled != "" || c.Sides("es") != nil {
				t.Errorf("%s %s is settled by %q, sides %v", c.Target, c.Aspect, c.Settled, c.Sides("es"))
			}
			if text := c.Explanation("es"); strings.Contains(text, "%!") {
				t.Error(text)
			}
		}
	}
}

func TestDecisionsAreWrittenAndReadInTheGuide(t *testing.T) {
	d := interplay.Decisions{}.With("customer.a", "PLG0002").With("message.PLG0074.promotional", "PLG0003").With("customer.b", "PLG0004").With("customer.b", "")
	lines := d.Value()
	if fmt.Sprint(lines) != "[customer.a=PLG0002 message.PLG0074.promotional=PLG0003]" {
		t.Error(lines)
	}
	again := interplay.DecisionsOf(map[string]any{interplay.DecisionsKey: append(lines, "nada", 5.0, "customer.c=core", "=PLG0001", "tienda.a=PLG0001")})
	if len(again) != 2 || again["customer.a"] != "PLG0002" {
		t.Error(again)
	}
	if _, _, err := interplay.ParseDecision("customer.a: PLG0002"); err == nil {
		t.Error("a line that decides nothing is taken")
	}
	manifests := parse(t, plugin("PLG0101", rules("customer.talla | {visible: false}")), plugin("PLG0102", rules("customer.talla | {visible: true}")))
	decided := map[string]any{interplay.DecisionsKey: interplay.Decisions{"customer.talla": "PLG0102"}.Value()}
	r := resolve(t, manifests, all(manifests), decided)
	if r.Conflicts[0].Settled != "PLG0102" || !r.Policy("customer.talla").Visible {
		t.Errorf("what the Guide decides is not heeded: %+v", r.Conflicts)
	}
	r, err := interplay.Resolve(manifests, all(manifests), decided, interplay.Decisions{"customer.talla": "PLG0101"})
	if err != nil || r.Policy("customer.talla").Visible {
		t.Errorf("what is given besides does not come first: %v", err)
	}
	if interplay.Decisions(nil).With("customer.a", "PLG0002")["customer.a"] != "PLG0002" {
		t.Error("the first decision is lost")
	}
}

func TestRulesHoldMessagesBack(t *testing.T) {
	manifests := parse(t, points, welcome,
		plugin("PLG0101", rules("message.PLG0074.promotional | {send: 'consent.promotions == \"given\"'}")),
		plugin("PLG0102", rules("message.PLG0074 | {send: customer.email_valid}", "message.PLG0002 | {send: settings.NoHay}")))
	r := resolve(t, manifests, all(manifests), nil)
	given := customer(plgv1.ConsentState_CONSENT_STATE_GIVEN)
	given.Email = "ana@example.com"
	pending := customer(plgv1.ConsentState_CONSENT_STATE_PENDING)
	pending.Email = "ana@example.com"
	mute := customer(plgv1.ConsentState_CONSENT_STATE_GIVEN)
	for _, tt := range []struct {
		plugin, kind string
		c            *plgv1.Customer
		send         bool
		reason       string
	}{
		{"PLG0074", "promotional", given, true, ""},
		{"PLG0074", "promotional", pending, false, "Por message.PLG0074.promotional."},
		{"PLG0074", "transactional", pending, true, ""},
		{"PLG0074", "transactional", mute, false, "Por message.PLG0074."},
		{"PLG0074", "promotional", mute, false, "Por message.PLG0074."},
		{"PLG0074", "promotional", nil, false, "Por message.PLG0074.promotional."},
		{"PLG0002", "promotional", given, false, "Por message.PLG0002."}, // a condition that nobody can tell
		{"PLG0101", "promotional", pending, true, ""},
	} {
		if got := r.Message(tt.plugin, tt.kind, tt.c, "es"); got.Send != tt.send || got.Reason != tt.reason {
			t.Errorf("%s %s: %+v, want %v %q", tt.plugin, tt.kind, got, tt.send, tt.reason)
		}
	}
	if p := r.Policy("message.PLG0074.promotional"); p.Send != `(consent.promotions == "given") && (customer.email_valid)` {
		t.Errorf("send %q", p.Send)
	}
}

func TestWhetherMessagesGoOutAtAllIsAConflict(t *testing.T) {
	manifests := parse(t, plugin("PLG0101", rules("message.PLG0074 | {send: false}")), plugin("PLG0102", rules("message.PLG0074.promotional | {send: true}")))
	for decided, want := range map[string]bool{"": false, "PLG0101": false, "PLG0102": true} {
		r, err := interplay.Resolve(manifests, all(manifests), nil, interplay.Decisions{"message.PLG0074": decided})
		if err != nil || len(r.Conflicts) != 1 || r.Conflicts[0].Settled != decided {
			t.Fatalf("decided %q: %+v (%v)", decided, r.Conflicts, err)
		}
		if got := r.Message("PLG0074", "promotional", nil, "es"); got.Send != want {
			t.Errorf("decided %q: %+v", decided, got)
		}
		if got := r.Message("PLG0074", "transactional", nil, "es"); got.Send {
			t.Errorf("decided %q: the other kind goes out", decided)
		}
	}
}

func TestValuesBuildUponOneAnotherInTheirOrder(t *testing.T) {
	manifests := parse(t, plugin("PLG0101", rules(
		`customer.a | {value: 'customer.fields["b"] + "a"'}`, `customer.b | {value: 'customer.fields["c"] + "b"'}`, `customer.c | {value: '"c"'}`)))
	r := resolve(t, manifests, all(manifests), nil)
	c := &plgv1.Customer{Fields: map[string]string{"a": "x", "b": "y", "c": "z"}}
	if err := r.Apply(c); err != nil || c.Fields["a"] != "cba" || c.Fields["b"] != "cb" {
		t.Errorf("%v (%v)", c.Fields, err)
	}
	if got := r.Governed(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("governed %v", got)
	}
}

func TestValuesThatDependOnOneAnotherAreNamedAndLeftAlone(t *testing.T) {
	field := func(id string) string { return "fields: [{id: " + id + ", name: {es: Campo " + id + "}, type: text}]" }
	two := []string{
		plugin("PLG0101", field("plg0101_a"), rules("customer.plg0101_a | {value: customer.plg0102_b, required: true}")),
		plugin("PLG0102", field("plg0102_b"), rules("customer.plg0102_b | {value: customer.plg0101_a}", `customer.talla | {value: '"M"'}`)),
	}
	manifests := parse(t, two...)
	r := resolve(t, manifests, all(manifests), nil)
	c := &plgv1.Customer{Fields: map[string]string{"plg0101_a": "x", "plg0102_b": "y"}}
	if err := r.Apply(c); err != nil || c.Fields["plg0101_a"] != "x" || c.Fields["plg0102_b"] != "y" || c.Fields["talla"] != "M" {
		t.Errorf("%v (%v)", c.Fields, err)
	}
	if len(r.Conflicts) != 1 || r.Conflicts[0].Aspect != interplay.Cycle || r.Policy("customer.plg0101_a").Editable {
		t.Fatalf("%+v", r.Conflicts)
	}
	for _, tg := range []string{"customer.plg0101_a", "customer.plg0102_b"} {
		for lang, want := range map[string]string{"es": "dependen unos de otros", "en": "depend on one another"} {
			w := r.Why(tg, lang)
			if len(w.Conflicts) != 1 || !strings.Contains(w.Conflicts[0], want) || !strings.Contains(w.Conflicts[0], "Campo plg0102_b") ||
				!strings.Contains(w.Conflicts[0], "customer.plg0101_a") || strings.Contains(w.Conflicts[0], "%!") {
				t.Errorf("%s: %v", tg, w.Conflicts)
			}
		}
	}
	self := parse(t, plugin("PLG0101", rules(`customer.talla | {value: 'customer.fields["talla"] + "!"'}`)))
	r = resolve(t, self, all(self), nil)
	c = &plgv1.Customer{Fields: map[string]string{"talla": "M"}}
	if err := r.Apply(c); err != nil || c.Fields["talla"] != "M" || len(r.Conflicts) != 1 {
		t.Errorf("%v %v %v", c.Fields, r.Conflicts, err)
	}
	t.Log(r.Conflicts[0].Explanation("es"))
}

func TestASettingIsNeverLockedByItsOwnValue(t *testing.T) {
	settings := "settings:\n" +
		"  - {key: PLG0101Uno, path: [A], name: Uno, type: yes_no}\n  - {key: PLG0101Dos, path: [A], name: Dos, type: yes_no}\n  - {key: PLG0101Tres, path: [A], name: Tres, type: yes_no}"
	for _, list := range [][]string{
		{"setting.PLG0101Uno | {editable: false} | settings.PLG0101Uno"},
		{"setting.PLG0101Uno | {visible: false} | settings.PLG0101Dos", "setting.PLG0101Dos | {editable: false} | settings.PLG0101Uno"},
		{`setting.PLG0101Uno | {editable: false} | settings["PLG0101" + "Uno"]`},
	} {
		manifests := parse(t, plugin("PLG0101", settings, rules(append(list, "setting.PLG0101Tres | {editable: false} | settings.PLG0101Uno")...)))
		r := resolve(t, manifests, all(manifests), map[string]any{"PLG0101Uno": true, "PLG0101Dos": true, "PLG0101Tres": true})
		for _, key := range []string{"PLG0101Uno", "PLG0101Dos"} {
			if p := r.Policy("setting." + key); !p.Editable || !p.Visible {
				t.Errorf("%v: %s is closed for good", list, key)
			}
		}
		if p := r.Policy("setting.PLG0101Tres"); p.Editable != strings.Contains(list[0], " + ") { // what may speak of anything depends on all
			t.Errorf("%v: what another setting locks is free", list)
		}
		if len(r.Conflicts) != 1 || r.Conflicts[0].Aspect != interplay.Cycle || strings.Contains(r.Conflicts[0].Explanation("es"), "%!") {
			t.Errorf("%v: %+v", list, r.Conflicts)
		}
	}
}

func TestWhatTheStoreCannotDoWithoutNoRuleTakes(t *testing.T) {
	for _, rule := range []string{
		"customer.name | {visible: false}", "customer.phone | {editable: false}", `customer.email | {value: '"a@example.com"'}`,
		"customer.consent | {visible: false}", "customer.tags | {value: '\"a\"'}", "setting.PluginsClavesDeConfianza | {editable: false}",
		"setting.InterplayDecisiones | {visible: false}",
	} {
		manifests := parse(t, plugin("PLG0101", rules(rule)))
		r, err := interplay.Resolve(manifests, all(manifests), nil)
		about := strings.Split(rule, " | ")[0]
		if p := r.Policy(about); err == nil || !p.Visible || !p.Editable || p.HasValue {
			t.Errorf("%s: %+v, %v", rule, p, err)
		}
		if len(r.Conflicts) != 1 || !strings.Contains(r.Conflicts[0].Explanation("es"), "ningún complemento puede pedir") {
			t.Errorf("%s: %+v", rule, r.Conflicts)
		}
		if interplay.Check(manifests[0], nil) == nil {
			t.Errorf("%s can be installed", rule)
		}
	}
	may := parse(t, plugin("PLG0101", rules("customer.email | {required: true}")))
	if r := resolve(t, may, all(may), nil); !slices.Equal(r.RequiredFields(), []string{"email"}) {
		t.Errorf("required %v", r.RequiredFields())
	}
}

func TestOfOthersSettingsOnlyThePublicOnesAreSeen(t *testing.T) {
	settings := map[string]any{"PLG0101Clave": "abc", "PLG0101Lema": "hola", "TiendaNombre": "Ana", "PLG0102Suyo": "x"}
	owner := plugin("PLG0101", "settings:\n  - {key: PLG0101Clave, path: [A], name: C, type: text}\n  - {key: PLG0101Lema, path: [A], name: L, type: text, public: true}",
		rules("customer.own | {value: settings.PLG0101Clave}"))
	spy := plugin("PLG0102", rules("customer.a | {value: settings.PLG0101Clave}", "customer.b | {value: settings.PLG0101Lema}",
		"customer.c | {value: settings.TiendaNombre}", "customer.d | {value: settings.PLG0102Suyo}", `customer.e | {value: 'string(size(settings))'}`))
	manifests := parse(t, owner, spy)
	r := resolve(t, manifests, all(manifests), settings)
	c := &plgv1.Customer{}
	err := r.Apply(c)
	want := map[string]string{"own": "abc", "b": "hola", "c": "Ana", "d": "x", "e": "3"}
	if fmt.Sprint(c.Fields) != fmt.Sprint(want) || err == nil || !strings.Contains(err.Error(), "customer.a") {
		t.Errorf("%v (%v), want %v", c.Fields, err, want)
	}
}

func TestAValueBringsNothingToLightThatItsPluginMayNotRead(t *testing.T) {
	leak := rules("customer.talla | {value: customer.phone}")
	for permissions, ok := range map[string]bool{"permissions: [customer:read]": false, "permissions: [customer.contact:read]": true} {
		m := parse(t, plugin("PLG0101", permissions, leak))
		r, err := interplay.Resolve(m, all(m), nil)
		c := &plgv1.Customer{Phone: "+34600111222"}
		_ = r.Apply(c)
		if (err == nil) != ok || (c.Fields["talla"] != "") != ok {
			t.Errorf("%s: %v, %v", permissions, c.Fields, err)
		}
	}
}

func TestTheValueOfAFieldSuitsItsType(t *testing.T) {
	for _, tt := range []struct {
		kind, value string
		ok          bool
	}{
		{"yes_no", "customer.email_valid", true}, {"yes_no", `'"sí"'`, false}, {"number", "1 + 1", true}, {"number", "true", false},
		{"text", "customer.name", true}, {"text", "5", false}, {"number", "settings.X", true},
	} {
		m := parse(t, plugin("PLG0101", "fields: [{id: plg0101_a, name: A, type: "+tt.kind+"}]", rules("customer.plg0101_a | {value: "+tt.value+"}")))[0]
		if err := interplay.Check(m, nil); (err == nil) != tt.ok {
			t.Errorf("%s from %s: %v", tt.kind, tt.value, err)
		}
	}
}

func FuzzDecision(f *testing.F) {
	for _, s := range []string{"customer.a=PLG0002", "=", "message.PLG0074.promotional = PLG0001 ", "a=b=c", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		target, id, err := interplay.ParseDecision(line)
		if err != nil {
			return
		}
		again := interplay.DecisionsOf(map[string]any{interplay.DecisionsKey: interplay.Decisions{target: id}.Value()})
		if again[target] != id {
			t.Fatalf("%q is read as %q=%q, and then as %v", line, target, id, again)
		}
	})
}
