package main

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"mostrador/sdk"
	"mostrador/sdk/plgtest"
)

// TestARehearsalSaysWhatTheStoreSent has a real store live through a story, and rehearses each of its rules on what then
// stands in the log: both know the same messages.
func TestARehearsalSaysWhatTheStoreSent(t *testing.T) {
	s := plgtest.Open(t, newPlugin())
	plain := func(id string, changes map[string]any) map[string]any {
		fields := map[string]any{"id": strings.ReplaceAll(id, "_", "-")}
		maps.Copy(fields, changes)
		return recipe(t, id, fields)
	}
	rules := []any{
		plain("confirmar_alta", nil),
		plain("confirmar_compra", map[string]any{"condition": "event.total >= 20"}),
		plain("nivel", map[string]any{"to": "RECIPIENT_ADDRESSES", "kind": "MESSAGE_KIND_TRANSACTIONAL", "template": "templates/aviso.html"}),
		plain("carrito", map[string]any{ // asked a second after a purchase that was not followed by another
			"event": "sale.completed", "wait": "1s", "kind": "MESSAGE_KIND_TRANSACTIONAL", "oncePer": "0s", "template": "templates/compra.html",
		}),
		plain("baja_aviso", nil),
	}
	s.Set(settingAlerts, []any{"jefe@tienda.es"})
	s.Set(settingRules, rules)
	ana := s.Register(sdk.Customer{Name: "Ana Ruiz", Phone: "600111222", Email: "ana@example.com"})
	eva := s.Register(sdk.Customer{Name: "Eva Gil", Phone: "600111333"}) // without an address
	for _, sale := range []struct{ receipt, of, amount string }{{"1", ana.ID, "12.00"}, {"2", ana.ID, "300.00"}, {"3", eva.ID, "600.00"}, {"4", ana.ID, "250.00"}} {
		s.Sell(sale.receipt, sale.of, sale.amount)
	}
	s.Refund("1", "", "")
	s.Withdraw(ana.ID)
	want := map[string]int{"confirmar_alta": 1, "confirmar_compra": 2, "nivel": 2, "carrito": 1, "baja_aviso": 1}
	total := 0
	for _, n := range want {
		total += n
	}
	sent := s.Outbox("", total)
	to := map[string]int{}
	for _, m := range sent {
		to[m.To]++
	}
	if to["ana@example.com"] != 4 || to["jefe@tienda.es"] != 3 {
		t.Errorf("it wrote to %v", to)
	}
	for _, r := range rules {
		rule := r.(map[string]any)
		got := s.RehearseRule(settingRules, rule)
		if recipe := rule["recipe"].(string); got.Messages != want[recipe] || len(got.To) != got.Messages {
			t.Errorf("%s: rehearsed %+v, sent %d", recipe, got, want[recipe])
		}
	}
	if parked := s.Parked(); len(parked) > 0 {
		t.Errorf("parked: %v", parked)
	}
	if i := slices.IndexFunc(sent, func(m plgtest.Sent) bool { return strings.Contains(m.HTML, "300,00") }); i < 0 {
		t.Error("no mail says what was paid")
	}
	panel := s.Panel("PLG0110", "mensajes", ana.ID)
	if len(panel.Rows) == 0 || !strings.Contains(panel.Rows[0].Value, time.Now().Format("2006")) {
		t.Errorf("%v", panel)
	}
	if err := s.TrySet(settingRules, []any{plain("confirmar_compra", map[string]any{"condition": "total >"})}); err == nil || !strings.Contains(err.Error(), "no se entiende") {
		t.Errorf("a condition without sense: %v", err)
	}
}
