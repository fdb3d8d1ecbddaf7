package interplay_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"mostrador/host/interplay"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// world is a store made up at random: plugins with rules about everything, settings, decisions.
type world struct {
	manifests []*manifest.Manifest
	active    map[string]bool
	settings  map[string]any
	decisions interplay.Decisions
}

var (
	somePlugins = []string{"PLG0001", "PLG0002", "PLG0074", "PLG0200", "PLG0201", "PLG9999"}
	someTargets = []string{
		target, "customer.plg0200_x", "customer.plg0201_x", "customer.talla", "customer.language", "customer.name", "customer.email",
		"action.PLG0200.a", "action.PLG0001.a", "setting.PLG0200Modo", "setting.PLG0201Nivel", "setting.PluginsCarpetaDesarrollo",
		"message.PLG0200", "message.PLG0200.promotional", "message.PLG0200.transactional",
	}
	someWhens = []string{
		"", "", "", "true", "false", `active("PLG0200")`, `!active("PLG0201")`, "settings.PLG0200Modo == \"a\"",
		"settings.PLG0201Nivel > 3", "settings.PLG0201Nivel < 2 || active(\"PLG0001\")", "settings.NoHay", "((", "customer.email_valid",
	}
	someValues = []string{
		"true", "false", "customer.plg0200_x", "customer.plg0201_x + \"!\"", "customer.talla", "customer.email_valid",
		`consent.promotions == "given"`, `customer.fields["plg0200_x"]`, "settings.PLG0200Modo", "settings.PLG0201Nivel",
		"customer.aplica_promociones", `"oro"`, "customer.language", "1 / 0", "no.hay", "customer.phone",
	}
	someSends = []string{"true", "false", "customer.email_valid", `consent.promotions == "given"`, "no.hay", `settings.PLG0200Modo == "b"`}
)

// any1 picks one.
func any1[T any](rnd *rand.Rand, from []T) T { return from[rnd.IntN(len(from))] }

// newWorld makes up a store.
func newWorld(t testing.TB, seed uint64) *world {
	rnd := rand.New(rand.NewPCG(seed, 7))
	w := &world{active: map[string]bool{}, settings: map[string]any{}, decisions: interplay.Decisions{}}
	for _, id := range somePlugins {
		if rnd.IntN(4) == 0 {
			continue
		}
		w.manifests = append(w.manifests, newPlugin(t, rnd, id, "1.0.0"))
		if rnd.IntN(8) == 0 { // the same one twice, of one version or two
			w.manifests = append(w.manifests, newPlugin(t, rnd, id, any1(rnd, []string{"1.0.0", "1.1.0"})))
		}
		w.active[id] = rnd.IntN(5) > 0
	}
	for range rnd.IntN(4) {
		w.decisions[any1(rnd, someTargets)] = any1(rnd, somePlugins)
	}
	if rnd.IntN(3) > 0 {
		w.settings["PLG0200Modo"] = any1(rnd, []string{"a", "b"})
	}
	if rnd.IntN(3) > 0 {
		w.settings["PLG0201Nivel"] = any1(rnd, []float64{1, 2, 3, 4})
	}
	return w
}

// newPlugin makes up a manifest with up to five rules.
func newPlugin(t testing.TB, rnd *rand.Rand, id, version string) *manifest.Manifest {
	var b strings.Builder
	fmt.Fprintf(&b, "id: %s\nname: {es: P%s, en: Q%s}\nversion: %s\napi: 1\n", id, id[3:], id[3:], version)
	if rnd.IntN(2) == 0 {
		b.WriteString("permissions: [customer.contact:read]\n")
	}
	fmt.Fprintf(&b, "settings:\n  - {key: %sModo, path: [A], name: M, type: choice, public: %v, choices: [{value: a, name: A}, {value: b, name: B}]}\n"+
		"  - {key: %sNivel, path: [A], name: N, type: number}\n", id, rnd.IntN(2) == 0, id)
	fmt.Fprintf(&b, "fields: [{id: %s_x, name: X%s, type: text, required: %v}]\n", strings.ToLower(id), id[3:], rnd.IntN(2) == 0)
	fmt.Fprintf(&b, "actions: [{id: a, name: A%s, enabled: %s}]\n", id[3:], any1(rnd, []string{"true", "customer.email_valid"}))
	if id != "PLG0002" && rnd.IntN(2) == 0 {
		fmt.Fprintf(&b, "requires: [%s]\n", any1(rnd, []string{"PLG0300", "PLG0002 >=1.1.0", "PLG0301"}))
	}
	b.WriteString("interplay:\n")
	for i := range 1 + rnd.IntN(5) {
		about := any1(rnd, someTargets)
		var policy []string
		add := func(format string, args ...any) { policy = append(policy, fmt.Sprintf(format, args...)) }
		if strings.HasPrefix(about, "message.") {
			add("send: '%s'", any1(rnd, someSends))
		} else {
			for _, aspect := range []string{"visible", "editable", "required"} {
				if rnd.IntN(3) == 0 {
					add("%s: %v", aspect, rnd.IntN(2) == 0)
				}
			}
			if strings.HasPrefix(about, "customer.") && rnd.IntN(2) == 0 {
				add("value: '%s'", any1(rnd, someValues))
			}
			if len(policy) == 0 {
				add("visible: true")
			}
		}
		fmt.Fprintf(&b, "  - target: %s\n    policy: {%s}\n    reason: {es: Razón %s.%d., en: Reason %s.%d.}\n",
			about, strings.Join(policy, ", "), id, i, id, i)
		if when := any1(rnd, someWhens); when != "" {
			fmt.Fprintf(&b, "    when: '%s'\n", when)
		}
	}
	return parse(t, b.String())[0]
}

// somebody makes up a customer.
func somebody(rnd *rand.Rand) *plgv1.Customer {
	c := customer(plgv1.ConsentState(rnd.IntN(4)))
	c.Name, c.Language = "Ana", any1(rnd, []string{"", "es"})
	c.Email = any1(rnd, []string{"", "ana@example.com"})
	c.AplicaPromociones = rnd.IntN(2) == 0
	for _, f := range []string{"plg0200_x", "plg0201_x", "talla"} {
		if rnd.IntN(2) == 0 {
			if c.Fields == nil {
				c.Fields = map[string]string{}
			}
			c.Fields[f] = any1(rnd, []string{"a", "b"})
		}
	}
	return c
}

// resolve resolves the world, whatever faults it has.
func (w *world) resolve(t testing.TB) *interplay.Resolution {
	t.Helper()
	r, err := interplay.Resolve(w.manifests, w.active, w.settings, w.decisions)
	if r == nil {
		t.Fatal(err)
	}
	return r
}

// describe tells all that anybody can see of the world.
func (w *world) describe(t testing.TB) []string {
	r, err := interplay.Resolve(w.manifests, w.active, w.settings, w.decisions)
	if r == nil {
		t.Fatal(err)
	}
	out := []string{fmt.Sprint(err), fmt.Sprint(r.Governed()), fmt.Sprint(r.RequiredFields())}
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, c := range r.Conflicts {
		say("%s %s %q %v %v %s", c.Target, c.Aspect, c.Settled, c.Plugins(), c.Sides("es"), c.Explanation("en"))
	}
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 4 {
		c := somebody(rnd)
		for _, tg := range someTargets {
			p := r.Policy(tg)
			v, ok, err := p.Value(c)
			say("%s: %v %v %v %v %q %q %v", tg, p.Visible, p.Editable, p.Required, p.HasValue, p.Expression, p.Send, []any{v, ok, err})
			reason, locked := r.Locked(strings.TrimPrefix(tg, "customer."), c, "es")
			say("%q %v %+v", reason, locked, r.Why(tg, "es"))
		}
		for _, id := range somePlugins {
			say("%+v", r.Action(id, "a", c, "es"))
			say("%+v %+v", r.Message(id, "promotional", c, "es"), r.Message(id, "transactional", c, "en"))
		}
		err := r.Apply(c)
		say("%v %v %v %v %v", err, c.Name, c.Language, c.AplicaPromociones, c.Fields)
	}
	for _, id := range somePlugins {
		say("%v", interplay.Enabling(id, w.manifests, w.active, w.settings, "es", w.decisions))
		say("%v", interplay.Disabling(id, w.manifests, w.active, "es"))
	}
	candidates := slices.DeleteFunc(slices.Clone(w.manifests), func(m *manifest.Manifest) bool { return m.Version != "1.1.0" })
	slices.SortFunc(candidates, func(a, b *manifest.Manifest) int { return strings.Compare(a.ID, b.ID) })
	for _, m := range candidates {
		say("%v", interplay.Installing(m, w.manifests, w.active, w.settings, "es"))
	}
	return out
}

func TestWhateverTheOrderOfLoadingTheMeaningIsTheSame(t *testing.T) {
	conflicts := 0
	for seed := range uint64(12) {
		w := newWorld(t, seed)
		want := w.describe(t)
		conflicts += len(w.resolve(t).Conflicts)
		for shuffle := range uint64(2) {
			rnd := rand.New(rand.NewPCG(seed, shuffle))
			rnd.Shuffle(len(w.manifests), func(i, j int) { w.manifests[i], w.manifests[j] = w.manifests[j], w.manifests[i] })
			got := w.describe(t)
			for i := range want {
				if i >= len(got) || got[i] != want[i] {
					t.Fatalf("seed %d, order %d:\n%s\nwant\n%s", seed, shuffle, got[min(i, len(got)-1)], want[i])
				}
			}
		}
	}
	if conflicts < 50 {
		t.Fatalf("the worlds had %d conflicts in all: they try nothing", conflicts)
	}
}

func TestNoDecisionBreaksThePromise(t *testing.T) {
	for seed := range uint64(100) {
		w := newWorld(t, seed)
		for _, m := range parse(t, points, welcome) {
			w.manifests = append(w.manifests, m)
			w.active[m.ID] = true
		}
		w.decisions[target] = somePlugins[seed%uint64(len(somePlugins))]
		r := w.resolve(t)
		rnd := rand.New(rand.NewPCG(seed, 3))
		for range 8 {
			c := somebody(rnd)
			_ = r.Apply(c)
			if want := c.Consent.Promotions == plgv1.ConsentState_CONSENT_STATE_GIVEN; c.AplicaPromociones != want {
				t.Fatalf("seed %d: %v, with consent %v", seed, c.AplicaPromociones, c.Consent.Promotions)
			}
		}
		if _, locked := r.Locked("aplica_promociones", nil, "es"); !locked {
			t.Fatalf("seed %d: not locked", seed)
		}
	}
}

func TestNobodyIsEverAskedForWhatNobodyCanFillIn(t *testing.T) {
	for seed := range uint64(100) {
		r := newWorld(t, seed).resolve(t)
		for _, tg := range someTargets {
			p := r.Policy(tg)
			if strings.HasPrefix(tg, "customer.") && p.Required && (!p.Visible || !p.Editable) && !p.HasValue {
				t.Fatalf("seed %d: %s is required, and nobody can fill it in", seed, tg)
			}
		}
		for _, name := range r.RequiredFields() {
			if _, locked := r.Locked(name, nil, "es"); locked || !r.Policy("customer."+name).Visible {
				t.Fatalf("seed %d: %s is asked for", seed, name)
			}
		}
		for _, name := range []string{"name", "email"} {
			if p := r.Policy("customer." + name); !p.Visible || !p.Editable {
				t.Fatalf("seed %d: nobody can be registered: %+v", seed, p)
			}
		}
		if p := r.Policy("setting.PluginsCarpetaDesarrollo"); !p.Visible || !p.Editable {
			t.Fatalf("seed %d: a plug-in took what keeps it in bounds", seed)
		}
	}
}

// TestRulesAppliedAgainChangeNothing: values settle at once, since each is worked out after what it builds upon.
func TestRulesAppliedAgainChangeNothing(t *testing.T) {
	moved := 0
	for seed := range uint64(100) {
		r := newWorld(t, seed).resolve(t)
		rnd := rand.New(rand.NewPCG(seed, 5))
		for range 4 {
			c := somebody(rnd)
			before := proto.CloneOf(c)
			_ = r.Apply(c)
			if !proto.Equal(c, before) {
				moved++
			}
			once := proto.CloneOf(c)
			if _ = r.Apply(c); !proto.Equal(c, once) {
				t.Fatalf("seed %d: %v became %v", seed, once, c)
			}
		}
	}
	if moved < 50 {
		t.Fatalf("only %d customers were changed by rules: they try nothing", moved)
	}
}

// TestADecisionMakesOnlyItsOwnTargetOtherwise: what is decided about one thing leaves all others alone.
func TestADecisionMakesOnlyItsOwnTargetOtherwise(t *testing.T) {
	settled := 0
	for seed := range uint64(40) {
		w := newWorld(t, seed)
		w.decisions = nil
		before := w.resolve(t)
		for _, c := range before.Conflicts {
			for _, side := range c.Sides("es") {
				w.decisions = interplay.Decisions{c.Target: side.Plugin}
				after := w.resolve(t)
				for _, tg := range someTargets {
					a, b := before.Policy(tg), after.Policy(tg)
					same := a.Visible == b.Visible && a.Editable == b.Editable && a.Required == b.Required && a.Send == b.Send
					if !same && tg != c.Target && !strings.HasPrefix(tg, c.Target+".") {
						t.Fatalf("seed %d: deciding %s changed %s", seed, c.Target, tg)
					}
				}
				for _, d := range after.Conflicts {
					if d.Target == c.Target && d.Aspect == c.Aspect && reflect.DeepEqual(d.Plugins(), c.Plugins()) && d.Settled == side.Plugin {
						settled++
					}
				}
			}
		}
	}
	if settled < 20 {
		t.Fatalf("only %d conflicts were settled: it tries nothing", settled)
	}
}
