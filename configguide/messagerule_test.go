package configguide

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"mostrador/sdk/manifest"
)

// rulesSetting is a setting of type message_rules.
var rulesSetting = &manifest.Setting{Key: "PLG0110Reglas", Name: manifest.Text{"es": "Reglas", "en": "Rules"}, Type: manifest.TypeMessageRules}

const goodRule = `{"id":"gracias","name":"Dar las gracias","enabled":true,"event":"sale.completed","condition":"event.total > 10.0",
	"wait":"86400s","at":"10:00","exitEvents":["sale.refunded"],"to":"RECIPIENT_CUSTOMER","kind":"MESSAGE_KIND_TRANSACTIONAL",
	"template":"templates/gracias.html"}`

// ruleWith is goodRule with some fields changed.
func ruleWith(t testing.TB, fields map[string]any) map[string]any {
	t.Helper()
	var rule map[string]any
	if err := json.Unmarshal([]byte(goodRule), &rule); err != nil {
		t.Fatal(err)
	}
	for name, value := range fields {
		rule[name] = value
	}
	return rule
}

func TestRulesAreKeptAsTheyAreRead(t *testing.T) {
	for name, raw := range map[string]any{
		"a list of objects": []any{ruleWith(t, nil)},
		"a list of texts":   []any{goodRule},
		"a text":            "[" + goodRule + "]",
	} {
		kept, problem := parse(rulesSetting, raw, locality{"EUR", "ES"})
		if problem != nil {
			t.Fatalf("%s: %s", name, problem.sentence(rulesSetting, "es"))
		}
		again, problem := parse(rulesSetting, kept, locality{"EUR", "ES"})
		if problem != nil || !reflect.DeepEqual(kept, again) {
			t.Errorf("%s is kept as %v, which is read as %v (%v)", name, kept, again, problem)
		}
	}
}

func TestARuleWithoutSenseIsRefusedAtItsField(t *testing.T) {
	for name, test := range map[string]struct {
		change map[string]any
		path   string
	}{
		"id with a blank":           {map[string]any{"id": "a b"}, "a b.id"},
		"no name":                   {map[string]any{"name": " "}, "gracias.name"},
		"an event without a dot":    {map[string]any{"event": "venta"}, "gracias.event"},
		"a condition without end":   {map[string]any{"condition": strings.Repeat("x", maxCondition+1)}, "gracias.condition"},
		"a negative wait":           {map[string]any{"wait": "-1s"}, "gracias.wait"},
		"a wait of centuries":       {map[string]any{"wait": "99999999999s"}, "gracias.wait"},
		"an hour that is none":      {map[string]any{"at": "25:00"}, "gracias.at"},
		"an exit that is no event":  {map[string]any{"exitEvents": []any{"x"}}, "gracias.exit_events"},
		"a recipient missing":       {map[string]any{"to": "RECIPIENT_UNSPECIFIED"}, "gracias.to"},
		"an address that is none":   {map[string]any{"to": "RECIPIENT_ADDRESSES", "addresses": []any{"a@x.es", "nadie"}}, "gracias.addresses[1]"},
		"advertising to an address": {map[string]any{"to": "RECIPIENT_ADDRESSES", "kind": "MESSAGE_KIND_PROMOTIONAL"}, "gracias.kind"},
		"no template":               {map[string]any{"template": ""}, "gracias.template"},
		"a template elsewhere":      {map[string]any{"template": "../../etc/passwd"}, "gracias.template"},
		"a topic of an answer":      {map[string]any{"topic": "novedades"}, "gracias.topic"},
		"repeats without a pause":   {map[string]any{"repeatTimes": 2}, "gracias.repeat_every"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problem := parse(rulesSetting, []any{ruleWith(t, test.change)}, locality{"EUR", "ES"})
			if problem == nil || problem.path != test.path {
				t.Fatalf("%+v", problem)
			}
			for _, lang := range []string{"es", "en"} {
				if s := problem.sentence(rulesSetting, lang); s == problem.key || strings.Contains(s, "%!") {
					t.Errorf("%s: %s", lang, s)
				}
			}
		})
	}
	for name, raw := range map[string]any{
		"two with one id": []any{goodRule, goodRule}, "no list": true, "no rules": []any{"hola"}, "an unknown field": []any{`{"id":"x","color":1}`},
		"too many": make([]any, maxRules+1),
	} {
		_, problem := parse(rulesSetting, raw, locality{"EUR", "ES"})
		if problem == nil || strings.Contains(problem.sentence(rulesSetting, "es"), "%!") {
			t.Errorf("%s: %+v", name, problem)
		}
	}
}

func FuzzRules(f *testing.F) {
	for _, s := range []string{"[" + goodRule + "]", "[]", `[{"id":"a"}]`, `["x"]`, `[{"wait":"1e9s"}]`, `[{"oncePer":"-0.5s"}]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		kept, problem := parse(rulesSetting, text, locality{"EUR", "ES"})
		if problem != nil || kept == nil {
			return
		}
		again, problem := parse(rulesSetting, kept, locality{"EUR", "ES"})
		if problem != nil || !reflect.DeepEqual(kept, again) {
			t.Fatalf("%q is kept as %v, which is read as %v (%v)", text, kept, again, problem)
		}
	})
}

func TestARuleIsOneLineOfAFile(t *testing.T) {
	rule := ruleWith(t, map[string]any{"name": `Don't "worry": #1 – ¿sí?`})
	n, flaws := parseYAML("k:\n  - " + ruleLine(rule) + "\n")
	if len(flaws) > 0 || len(n.pairs) != 1 || len(n.pairs[0].value.list) != 1 {
		t.Fatalf("%+v %+v", n, flaws)
	}
	read, err := readRule(n.pairs[0].value.list[0].text)
	if err != nil || read.GetName() != rule["name"] {
		t.Fatal(read, err)
	}
}
