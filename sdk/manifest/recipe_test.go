package manifest_test

import (
	"reflect"
	"strings"
	"testing"

	"mostrador/sdk/manifest"
)

func TestRecipesAreRead(t *testing.T) {
	list, err := manifest.ParseRecipes([]byte(`
recipes:
  - id: gracias
    name: {es: Gracias, en: Thanks}
    description: {es: Da las gracias., en: Says thanks.}
    rule:
      event: sale.completed
      repeatTimes: 2
      attach: true
      exitEvents: [sale.refunded]
`), "recetas.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := manifest.Object{"event": "sale.completed", "repeatTimes": 2.0, "attach": true, "exitEvents": []any{"sale.refunded"}}
	if len(list) != 1 || list[0].Name["en"] != "Thanks" || !reflect.DeepEqual(list[0].Rule, want) {
		t.Errorf("%+v", list)
	}
}

func TestWrongRecipesAreRefusedWithTheirLine(t *testing.T) {
	for name, test := range map[string]struct{ file, says string }{
		"no rule":    {"recipes:\n- {id: a, name: {es: A}}", "rule"},
		"twice":      {"recipes:\n- {id: a, name: {es: A}, rule: {event: x}}\n- {id: a, name: {es: A}, rule: {event: x}}", "twice"},
		"no name":    {"recipes:\n- {id: a, rule: {event: x}}", "name"},
		"no map":     {"recipes:\n- {id: a, name: {es: A}, rule: [1]}", "map"},
		"key twice":  {"recipes:\n- id: a\n  name: {es: A}\n  rule: {event: x, event: y}", "already"},
		"an anchor":  {"recipes:\n- {id: a, name: {es: A}, rule: {event: &x y}}", "anchors"},
		"other keys": {"recetas: []", "recetas"},
	} {
		if _, err := manifest.ParseRecipes([]byte(test.file), "recetas.yaml"); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEventsOfOtherSystemsAreHandled(t *testing.T) {
	const head = "id: PLG0900\nname: {es: Prueba}\nversion: 1.0.0\napi: 2\n"
	m, err := manifest.Parse([]byte(head+"events: {handles: [external.*, delivery.alert]}"), "plugin.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]bool{"external.cart.abandoned": true, "delivery.alert": true, "external": false, "sale.completed": false} {
		if m.Handles(kind) != want {
			t.Errorf("%s: %t", kind, !want)
		}
	}
	one, err := manifest.Parse([]byte(head+"events: {handles: [external.cart.abandoned]}"), "plugin.yaml")
	if err != nil || !one.Handles("external.cart.abandoned") || one.Handles("external.order.placed") {
		t.Error(one, err)
	}
	for name, more := range map[string]string{
		"a wildcard of others":     "events: {handles: [sale.*]}",
		"recipes of another type":  "settings: [{key: PLG0900X, path: [A], name: {es: X}, type: text, recipes: a.yaml}]",
		"recipes out of the house": "settings: [{key: PLG0900X, path: [A], name: {es: X}, type: message_rules, recipes: ../a.yaml}]",
		"rules by default":         "settings: [{key: PLG0900X, path: [A], name: {es: X}, type: message_rules, default: a}]",
	} {
		if _, err := manifest.Parse([]byte(head+more), "plugin.yaml"); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
