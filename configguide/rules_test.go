package configguide_test

import (
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"mostrador/configguide"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

const messagesYAML = `
id: PLG0110
name: {es: Mensajes, en: Messages}
version: 1.0.0
api: 2
settings:
  - {key: PLG0110Reglas, path: [Plug-Ins], name: {es: Reglas, en: Rules}, type: message_rules}
`

// messages is a world whose only plug-in has rules.
func messages(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	m, err := manifest.Parse([]byte(messagesYAML), "plugin.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.guide.SetPlugins([]*manifest.Manifest{m}); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestRulesAreKeptExportedImportedAndRemembered(t *testing.T) {
	const key = "PLG0110Reglas"
	w := messages(t)
	rules := []*plgv1.MessageRule{{
		Id: "gracias", Name: `Don't "forget": #1`, Enabled: true, Event: "sale.completed", Condition: "event.total > 10.0", Wait: durationpb.New(90e9),
		To: plgv1.MessageRule_RECIPIENT_CUSTOMER, Kind: plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL, Template: "templates/x.html",
	}, {
		Id: "aviso", Name: "Aviso", Event: "external.cart.abandoned", To: plgv1.MessageRule_RECIPIENT_ADDRESSES, Addresses: []string{"jefe@tienda.es"},
		Kind: plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL, Template: "templates/y.html", OncePer: durationpb.New(1e9),
	}}
	value, err := configguide.RulesValue(rules)
	if err != nil {
		t.Fatal(err)
	}
	same := func(w *world) {
		t.Helper()
		got := w.guide.Rules(key)
		if len(got) != 2 || !proto.Equal(got[0], rules[0]) || !proto.Equal(got[1], rules[1]) {
			t.Errorf("%v", got)
		}
	}
	if err := w.guide.Try(t.Context(), configguide.Wish{Key: key, At: configguide.Store, Value: value}, "es"); err != nil || len(w.guide.Rules(key)) != 0 {
		t.Error("a try changed something", err)
	}
	if said := w.set(key, value); said != "" {
		t.Fatal(said)
	}
	same(w)
	other := messages(t)
	if said := other.imported(w.exported(false), true); said != "" {
		t.Fatal(said)
	}
	same(other)
	handed := w.guide.ValuesFor("PLG0110")[key].([]any)
	handed[0].(map[string]any)["name"] = "cambiada"
	same(w) // what was handed out is the caller's own

	if said := w.set(key, []any{}); said != "" || len(w.guide.Rules(key)) != 0 {
		t.Fatal(said)
	}
	changes := w.history(key)
	if len(changes) != 2 || !reflect.DeepEqual(changes[0].From, any(value)) || changes[0].Operator != "ana" {
		t.Fatalf("%+v", changes)
	}
	if _, err := w.guide.Revert(t.Context(), ana, key, changes[0].Sequence, "es"); err != nil {
		t.Fatal(err)
	}
	same(w)
	if err := w.guide.Try(t.Context(), configguide.Wish{Key: key, At: configguide.Store, Value: []any{map[string]any{"id": "x"}}}, "es"); err == nil || !strings.Contains(err.Error(), "nombre") {
		t.Error(err)
	}
}
