package interplay_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"mostrador/host/interplay"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

const target = "customer.aplica_promociones"

// reasonES is what the form shows beside the locked box.
const reasonES = "Se activa sola cuando el cliente acepta, porque Puntos y Bienvenida están activos."

const points = `
id: PLG0002
name: {es: Puntos, en: Points}
version: 1.0.0
api: 1
`

const welcome = `
id: PLG0074
name: {es: Mensajes de bienvenida, en: Welcome messages}
version: 1.0.0
api: 1
actions:
  - id: reenviar
    name: {es: Reenviar bienvenida, en: Resend welcome}
    enabled: customer.email_valid
    disabled_reason: {es: Falta un correo válido., en: A valid e-mail is missing.}
  - id: codigo_corto
    name: {es: Activación con código corto, en: Activate with short code}
    enabled: consent.programme == "pending"
    form: [{id: codigo, type: short_code, required: true}]
interplay:
  - when: active("PLG0002") && active("PLG0074")
    target: customer.aplica_promociones
    policy: {editable: false, value: consent.promotions == "given"}
    reason:
      es: Se activa sola cuando el cliente acepta, porque Puntos y Bienvenida están activos.
      en: It goes on by itself when the customer accepts, since Points and Welcome are active.
`

// other writes a manifest with one rule.
func other(id, when, target, policy string) string {
	if when != "" {
		when = "    when: " + when + "\n"
	}
	return fmt.Sprintf("id: %s\nname: {es: Otro, en: Other}\nversion: 1.0.0\napi: 1\ninterplay:\n  - target: %s\n%s    policy: %s\n    reason: {es: Razón de %s., en: Reason of %s.}\n",
		id, target, when, policy, id, id)
}

func parse(t testing.TB, sources ...string) []*manifest.Manifest {
	t.Helper()
	var out []*manifest.Manifest
	for _, s := range sources {
		m, err := manifest.Parse([]byte(s), "plugin.yaml")
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, m)
	}
	return out
}

func all(manifests []*manifest.Manifest) map[string]bool {
	active := map[string]bool{}
	for _, m := range manifests {
		active[m.ID] = true
	}
	return active
}

func resolve(t testing.TB, manifests []*manifest.Manifest, active map[string]bool, settings map[string]any) *interplay.Resolution {
	t.Helper()
	r, err := interplay.Resolve(manifests, active, settings)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func customer(promotions plgv1.ConsentState) *plgv1.Customer {
	return &plgv1.Customer{Consent: &plgv1.Consent{Promotions: promotions}}
}

// consents are the states with what "Aplica para Promociones" must be in each.
var consents = map[plgv1.ConsentState]bool{
	plgv1.ConsentState_CONSENT_STATE_UNSPECIFIED: false,
	plgv1.ConsentState_CONSENT_STATE_PENDING:     false,
	plgv1.ConsentState_CONSENT_STATE_GIVEN:       true,
	plgv1.ConsentState_CONSENT_STATE_WITHDRAWN:   false,
}

// TestPromotionsFollowConsentWhateverOthersSay is the promise that must never fail (seed 000).
func TestPromotionsFollowConsentWhateverOthersSay(t *testing.T) {
	policies := []string{
		"{editable: true}", "{value: true}", "{value: false}", "{editable: true, value: true}",
		"{editable: false, value: true}", `{editable: false, value: 'consent.promotions == "given" || true'}`,
		"{value: customer.aplica_promociones}", `{value: consent.promotions != "withdrawn"}`,
		"{visible: true, editable: true, required: false}", "{value: settings.NoHay}", "{value: no.existe}",
		"{value: '1 +'}", `{value: '"true"'}`, "{value: 1}", "{value: 1/0 == 1}",
	}
	whens := []string{"", "true", `active("PLG0002")`, "settings.NoHay", "((", `active("PLG0001")`}
	ids := []string{"PLG0001", "PLG0003", "PLG0073", "PLG9999"}
	for seed := range uint64(300) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		sources := []string{points, welcome}
		for _, id := range ids[:rnd.IntN(len(ids)+1)] {
			sources = append(sources, other(id, whens[rnd.IntN(len(whens))], target, policies[rnd.IntN(len(policies))]))
		}
		manifests := parse(t, sources...)
		rnd.Shuffle(len(manifests), func(i, j int) { manifests[i], manifests[j] = manifests[j], manifests[i] })
		r, _ := interplay.Resolve(manifests, all(manifests), nil)
		if p := r.Policy(target); p.Editable || !p.HasValue {
			t.Fatalf("seed %d: not locked: %+v", seed, p)
		}
		for state, want := range consents {
			c := customer(state)
			c.AplicaPromociones = !want
			v, ok, err := r.Policy(target).Value(c)
			if v != want || !ok || err != nil {
				t.Fatalf("seed %d, %v: value %v %v %v, want %v", seed, state, v, ok, err, want)
			}
			if err := r.Apply(c); c.AplicaPromociones != want {
				t.Fatalf("seed %d, %v: applied %v (%v), want %v", seed, state, c.AplicaPromociones, err, want)
			}
		}
		if reason, locked := r.Locked("aplica_promociones", nil, "es"); !locked || !strings.Contains(reason, reasonES) {
			t.Fatalf("seed %d: locked %v, reason %q", seed, locked, reason)
		}
	}
}

func TestThePromiseHoldsEvenIfTheManifestLeavesItOut(t *testing.T) {
	bare := "id: PLG0074\nname: {es: Bienvenida}\nversion: 2.0.0\napi: 1\n"
	manifests := parse(t, points, bare)
	r := resolve(t, manifests, all(manifests), nil)
	if _, locked := r.Locked("aplica_promociones", nil, "es"); !locked {
		t.Fatal("the box can be set although both plugins are active")
	}
}

func TestTheBoxIsOrdinaryUnlessBothAreActive(t *testing.T) {
	manifests := parse(t, points, welcome)
	for _, active := range []map[string]bool{nil, {}, {"PLG0002": true}, {"PLG0074": true}, {"PLG0002": true, "PLG0074": false}} {
		r := resolve(t, manifests, active, nil)
		p := r.Policy(target)
		if !p.Visible || !p.Editable || p.Required || p.HasValue || p.Reason("es") != "" {
			t.Errorf("%v: %+v", active, p)
		}
		c := &plgv1.Customer{AplicaPromociones: true}
		if err := r.Apply(c); err != nil || !c.AplicaPromociones {
			t.Errorf("%v: the value was not kept (%v)", active, err)
		}
	}
}

func TestTheOrderOfManifestsDoesNotMatter(t *testing.T) {
	sources := []string{
		points, welcome,
		other("PLG0003", "", target, "{value: true, visible: false}"),
		other("PLG0001", "", target, "{editable: true, visible: true, required: true}"),
		other("PLG0010", "", "customer.language", `{value: '"en"'}`),
		other("PLG0011", "", "customer.language", `{value: '"fr"'}`),
		other("PLG0012", "", "customer.language", "{required: false}"),
		other("PLG0013", "", "action.PLG0074.reenviar", "{editable: false}"),
		other("PLG0014", "((", "customer.name", "{required: true}"),
	}
	manifests := parse(t, sources...)
	describe := func(m []*manifest.Manifest) []string {
		r, err := interplay.Resolve(m, all(m), map[string]any{"X": 1.0})
		out := []string{fmt.Sprint(err)}
		for _, tg := range []string{target, "customer.language", "customer.name", "action.PLG0074.reenviar"} {
			for _, lang := range []string{"es", "en"} {
				out = append(out, fmt.Sprintf("%+v", r.Why(tg, lang)), r.Policy(tg).Reason(lang))
			}
		}
		for _, c := range r.Conflicts {
			out = append(out, c.Explanation("es"), strings.Join(c.Plugins(), ","))
		}
		return append(out, strings.Join(r.Governed(), ","))
	}
	want := describe(manifests)
	for seed := range uint64(60) {
		rand.New(rand.NewPCG(seed, 2)).Shuffle(len(manifests), func(i, j int) { manifests[i], manifests[j] = manifests[j], manifests[i] })
		if got := describe(manifests); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d:\n%s\nwant\n%s", seed, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestPoliciesCombineByTheStricter(t *testing.T) {
	tests := []struct {
		name                        string
		a, b                        string
		visible, editable, required bool
		value                       string
		conflicts                   int
	}{
		{"hidden over silence", "{visible: false}", "{editable: true}", false, true, false, "", 0},
		{"nobody is asked for what is hidden", "{visible: false}", "{required: true}", false, true, false, "", 1},
		{"nobody is asked for what is locked", "{required: true}", "{editable: false}", true, false, false, "", 1},
		{"what is locked may be required when it has a value", "{required: true}", "{value: '1 == 1'}", true, false, true, "1 == 1", 0},
		{"hidden over visible", "{visible: false}", "{visible: true}", false, true, false, "", 1},
		{"locked over editable", "{editable: true}", "{editable: false}", true, false, false, "", 1},
		{"required over optional", "{required: true}", "{required: false}", true, true, true, "", 1},
		{"locked over silence", "{editable: false}", "{visible: true}", true, false, false, "", 0},
		{"who gives a value locks", "{value: true}", "{visible: true}", true, false, false, "true", 0},
		{"a value against editable", "{value: true}", "{editable: true}", true, false, false, "true", 1},
		{"the same value twice", "{value: '1 == 1'}", "{value: 1==1}", true, false, false, "1 == 1", 0},
		{"two yes or no: all must agree", "{value: true}", `{value: customer.name == "Ana"}`, true, false, false,
			`(true) && (customer.name == "Ana")`, 1},
		{"two texts: the lower id", `{value: '"b"'}`, `{value: '"a"'}`, true, false, false, `"b"`, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			manifests := parse(t, other("PLG0101", "", "customer.x", tt.a), other("PLG0102", "", "customer.x", tt.b))
			r := resolve(t, manifests, all(manifests), nil)
			p := r.Policy("customer.x")
			if p.Visible != tt.visible || p.Editable != tt.editable || p.Required != tt.required || p.Expression != tt.value {
				t.Errorf("got %+v", p)
			}
			if len(r.Conflicts) != tt.conflicts {
				t.Errorf("%d conflicts, want %d", len(r.Conflicts), tt.conflicts)
			}
			for _, c := range r.Conflicts {
				for _, lang := range []string{"es", "en"} {
					text := c.Explanation(lang)
					if !strings.Contains(text, "PLG0101") || !strings.Contains(text, "PLG0102") || strings.Contains(text, "%!") {
						t.Errorf("%s: %q", lang, text)
					}
				}
			}
		})
	}
}

func TestTwoYesNoValuesHoldOnlyTogether(t *testing.T) {
	manifests := parse(t, other("PLG0101", "", "customer.x", `{value: customer.name == "Ana"}`),
		other("PLG0102", "", "customer.x", `{value: customer.email_valid}`))
	r := resolve(t, manifests, all(manifests), nil)
	for _, tt := range []struct {
		name, email string
		want        bool
	}{{"Ana", "ana@example.com", true}, {"Ana", "", false}, {"Eva", "eva@example.com", false}} {
		c := &plgv1.Customer{Name: tt.name, Email: tt.email}
		if v, ok, err := r.Policy("customer.x").Value(c); v != tt.want || !ok || err != nil {
			t.Errorf("%v: %v %v %v", tt, v, ok, err)
		}
		if err := r.Apply(c); err != nil || c.Fields["x"] != fmt.Sprint(tt.want) {
			t.Errorf("%v: fields %v (%v)", tt, c.Fields, err)
		}
	}
}

func TestWhyUsesTheWordsOfTheForm(t *testing.T) {
	manifests := parse(t, points, welcome)
	r := resolve(t, manifests, all(manifests), nil)
	for lang, name := range map[string]string{"es": "Aplica para Promociones", "en": "Applies for promotions"} {
		reason, locked := r.Locked("aplica_promociones", nil, lang)
		w := r.Why(target, lang)
		t.Log(w.Explanation)
		for _, part := range []string{reason, name, `consent.promotions == "given"`, "PLG0074", "plugin.yaml"} {
			if !locked || reason == "" || !strings.Contains(w.Explanation, part) {
				t.Errorf("%s: %q does not say %q", lang, w.Explanation, part)
			}
		}
		if len(w.Rules) != 2 || !w.Rules[1].Holds || w.Rules[1].Plugin != "PLG0074" || w.Rules[1].Line == 0 {
			t.Errorf("rules %+v", w.Rules)
		}
	}
}

func TestWhyNamesRulesThatSleep(t *testing.T) {
	manifests := parse(t, points, welcome)
	w := resolve(t, manifests, map[string]bool{"PLG0002": true}, nil).Why(target, "es")
	t.Log(w.Explanation)
	if !strings.Contains(w.Explanation, "Ninguna regla") || !strings.Contains(w.Explanation, `active("PLG0074")`) {
		t.Error(w.Explanation)
	}
}

func TestRulesMayDependOnSettings(t *testing.T) {
	manifests := parse(t, other("PLG0101", "settings.PLG0101Nivel > 3", "customer.x", "{required: true}"))
	for level, want := range map[float64]bool{2: false, 3: false, 3.5: true, 4: true} {
		r := resolve(t, manifests, all(manifests), map[string]any{"PLG0101Nivel": level})
		if got := r.Policy("customer.x").Required; got != want {
			t.Errorf("level %v: required %v", level, got)
		}
	}
}

func TestABrokenRuleIsNamedAndStrict(t *testing.T) {
	for _, when := range []string{"settings.NoHay > 3", "((", "no_existe", `"texto"`, "customer.email_valid"} {
		manifests := parse(t, other("PLG0101", when, "customer.x", "{editable: false}"))
		r, err := interplay.Resolve(manifests, all(manifests), nil)
		if err == nil || r.Policy("customer.x").Editable || len(r.Conflicts) != 1 {
			t.Errorf("%s: error %v, policy %+v", when, err, r.Policy("customer.x"))
			continue
		}
		if text := r.Conflicts[0].Explanation("es"); !strings.Contains(text, "PLG0101") || strings.Contains(text, "%!") {
			t.Error(text)
		}
	}
}

func TestActionsAreEnabledByTheirCondition(t *testing.T) {
	manifests := parse(t, points, welcome)
	r := resolve(t, manifests, all(manifests), nil)
	tests := []struct {
		action  string
		c       *plgv1.Customer
		enabled bool
		reason  string
	}{
		{"reenviar", &plgv1.Customer{Email: "ana@example.com"}, true, ""},
		{"reenviar", &plgv1.Customer{}, false, "Falta un correo válido."},
		{"reenviar", &plgv1.Customer{Email: "ana@"}, false, "Falta un correo válido."},
		{"reenviar", nil, false, "Falta un correo válido."},
		{"codigo_corto", &plgv1.Customer{}, true, ""},
		{"codigo_corto", &plgv1.Customer{Consent: &plgv1.Consent{Programme: plgv1.ConsentState_CONSENT_STATE_GIVEN}}, false, "Ahora no está disponible."},
	}
	for _, tt := range tests {
		got := r.Action("PLG0074", tt.action, tt.c, "es")
		if !got.Visible || got.Enabled != tt.enabled || got.Reason != tt.reason {
			t.Errorf("%s %v: %+v", tt.action, tt.c, got)
		}
	}
	if got := resolve(t, manifests, nil, nil).Action("PLG0074", "reenviar", nil, "es"); got.Visible {
		t.Error("a button of an inactive plugin is visible")
	}
	hidden := parse(t, welcome, other("PLG0101", "", "action.PLG0074.reenviar", "{editable: false}"))
	got := resolve(t, hidden, all(hidden), nil).Action("PLG0074", "reenviar", &plgv1.Customer{Email: "ana@example.com"}, "es")
	if got.Enabled || got.Reason != "Razón de PLG0101." {
		t.Errorf("a governed button: %+v", got)
	}
}

func TestEnablingIsRefusedForWhatIsMissing(t *testing.T) {
	base := "name: {es: Otro}\nversion: 1.0.0\napi: 1\n"
	manifests := parse(t, points, "id: PLG0101\n"+base+"requires: [PLG0002 >=2.0.0]\n", "id: PLG0102\n"+base+"requires: [PLG0002]\n",
		"id: PLG0103\n"+base+"requires: [PLG7777]\n", "id: PLG0104\n"+base+"conflicts: [PLG0002]\n", welcome,
		other("PLG0105", "", target, "{value: true}"))
	tests := []struct {
		id     string
		active map[string]bool
		code   string
	}{
		{"PLG0101", map[string]bool{"PLG0002": true}, "requires"},
		{"PLG0102", nil, "requires"},
		{"PLG0102", map[string]bool{"PLG0002": true}, ""},
		{"PLG0103", nil, "requires"},
		{"PLG0104", map[string]bool{"PLG0002": true}, "conflicts"},
		{"PLG0002", map[string]bool{"PLG0104": true}, "conflicts"},
		{"PLG0105", map[string]bool{"PLG0002": true, "PLG0074": true}, "interplay_conflict"},
		{"PLG0105", nil, ""},
		{"PLG5555", nil, ""},
	}
	for _, tt := range tests {
		got := interplay.Enabling(tt.id, manifests, tt.active, nil, "es")
		code := ""
		if len(got) > 0 {
			code = got[0].Code
		}
		if code != tt.code || len(got) > 1 {
			t.Errorf("%s with %v: %v, want %q", tt.id, tt.active, got, tt.code)
		}
	}
	if got := interplay.Disabling("PLG0002", manifests, map[string]bool{"PLG0002": true, "PLG0102": true}, "es"); len(got) != 1 {
		t.Errorf("disabling what another needs: %v", got)
	}
}

func TestCheckFindsBrokenExpressionsOfAnInactivePlugin(t *testing.T) {
	good := parse(t, welcome)[0]
	if err := interplay.Check(good, nil); err != nil {
		t.Error(err)
	}
	bad := parse(t, strings.Replace(welcome, "customer.email_valid", "customer.email_vald", 1))[0]
	if err := interplay.Check(bad, nil); err == nil || !strings.Contains(err.Error(), "did you mean 'customer.email_valid'") {
		t.Errorf("got %v", err)
	}
}

func TestAPluginsFieldMayBeNamed(t *testing.T) {
	m := parse(t, "id: PLG0101\nname: {es: Otro}\nversion: 1.0.0\napi: 1\nfields: [{id: plg0101_nivel, name: {es: Nivel}, type: text}]\n"+
		"interplay:\n  - {target: customer.x, policy: {value: customer.plg0101_nivel == \"oro\"}, reason: {es: Por el nivel.}}\n")
	r := resolve(t, m, all(m), nil)
	v, _, err := r.Policy("customer.x").Value(&plgv1.Customer{Fields: map[string]string{"plg0101_nivel": "oro"}})
	if v != true || err != nil {
		t.Error(v, err)
	}
}

func FuzzExpression(f *testing.F) {
	for _, s := range []string{`consent.promotions == "given"`, "1/0", "settings.a.b.c", `"a" in customer.tags`, "((((", "has(settings.x)", "\x00", "[1][5]",
		`settings.PLG0101X == 1`, `settings["a" + "b"] in [1, "x", [2]]`, `active(customer.name)`, `value.all(x, x == "a")`, `{"a": settings}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		m := &manifest.Manifest{ID: "PLG0101", Version: "1.0.0", Interplay: []manifest.Rule{
			{Target: "customer.x", Policy: manifest.Policy{Value: manifest.Expression(source)}},
			{Target: "setting.PLG0101X", When: manifest.Expression(source), Policy: manifest.Policy{Editable: new(bool)}},
			{Target: "message.PLG0101", Policy: manifest.Policy{Send: manifest.Expression(source)}},
		}}
		interplay.Installing(m, nil, nil, map[string]any{"PLG0101X": 1.0}, "es")
		if c, err := interplay.Compile(manifest.Expression(source), manifest.TypeList); err == nil {
			_, _ = c.Holds([]any{"a", "b"}, nil)
		}
		r, err := interplay.Resolve([]*manifest.Manifest{m}, map[string]bool{"PLG0101": true}, nil)
		if r == nil {
			t.Fatal(err)
		}
		r.Message("PLG0101", "promotional", &plgv1.Customer{}, "es")
		if source != "" && r.Policy("customer.x").Editable {
			t.Fatal("a rule with a value left its target editable")
		}
		_ = r.Apply(&plgv1.Customer{})
		r.Why("customer.x", "es")
	})
}

func BenchmarkValue(b *testing.B) {
	manifests := parse(b, points, welcome)
	r := resolve(b, manifests, all(manifests), nil)
	c := customer(plgv1.ConsentState_CONSENT_STATE_GIVEN)
	b.ReportAllocs()
	for b.Loop() {
		_ = r.Apply(c)
	}
}

func BenchmarkResolve(b *testing.B) {
	manifests := parse(b, points, welcome)
	b.ReportAllocs()
	for b.Loop() {
		resolve(b, manifests, all(manifests), nil)
	}
}
