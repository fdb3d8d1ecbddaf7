package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"mostrador/sdk"
	"mostrador/sdk/plgtest"
)

// story is how a recipe is put to work.
type story struct {
	tell func(w *world)
	// to are those whom it writes to, in order; each a customer's id or an address.
	to []string
}

// stories has one for each recipe.
func stories() map[string]story {
	ana := func(then func(w *world)) func(w *world) {
		return func(w *world) { w.register("ana"); w.pass(time.Hour); then(w) }
	}
	posts := func(kind, data string) func(w *world) {
		return ana(func(w *world) { w.external("external."+kind, "ana", data) })
	}
	nobody := func(kind, data string) func(w *world) {
		return func(w *world) { w.external("external."+kind, "", data) }
	}
	staff := []string{"jefe@tienda.es"}
	guest := []string{"luis@example.com"}
	customer := []string{"ana"}
	return map[string]story{
		"boletin_aviso":          {nobody("newsletter.subscribed", `{"email":"luis@example.com"}`), staff},
		"boletin_confirmar":      {posts("newsletter.subscribed", `{"email":"ana@example.com"}`), []string{"ana", "ana", "ana"}},
		"alta_confirmar":         {ana(func(*world) {}), []string{"ana", "ana", "ana"}},
		"blog_aviso":             {nobody("blog.commented", `{"email":"luis@example.com","comment":"¡Bien!"}`), staff},
		"faq_aviso":              {nobody("faq.asked", `{"question":"¿Hacen envíos?"}`), staff},
		"producto_cliente":       {nobody("product.requested", `{"email":"luis@example.com","product":"Zapatillas"}`), guest},
		"producto_aviso":         {nobody("product.requested", `{"email":"luis@example.com","product":"Zapatillas"}`), staff},
		"producto_proveedor":     {posts("product.requested", `{"email":"ana@example.com","product":"Zapatillas"}`), staff},
		"deposito_cliente":       {posts("payment.deposited", `{"amount":120.5,"currency":"EUR"}`), customer},
		"deposito_aviso":         {nobody("payment.deposited", `{"amount":120.5,"currency":"EUR"}`), staff},
		"empleado_bienvenida":    {nobody("employee.hired", `{"name":"Luis","email":"luis@example.com"}`), guest},
		"empleado_aviso":         {nobody("employee.hired", `{"name":"Luis","email":"luis@example.com"}`), staff},
		"compra_repetir":         {ana(func(w *world) { w.sell("ana", 2000) }), customer},
		"compra_otro":            {ana(func(w *world) { w.sell("ana", 2000) }), customer},
		"carrito":                {posts("cart.abandoned", `{"cart":"c1","items":[{"article":"1","name":"Zapatillas","quantity":1,"price":39.9}],"total":39.9}`), customer},
		"nivel":                  {ana(func(w *world) { w.sell("ana", 40000); w.sell("ana", 20000); w.sell("ana", 20000) }), customer},
		"puntual":                {ana(punctual), customer},
		"dejo_de_pedir":          {ana(func(w *world) { w.sell("ana", 2000); w.pass(30 * day); w.sell("ana", 2000) }), customer},
		"dejo_de_pedir_segmento": {ana(func(w *world) { w.tell(sdk.SegmentJoined{Event: w.event("ana"), Segment: 3, Name: "Inactivos"}) }), customer},
		"baja_aviso":             {ana(func(w *world) { w.consent("ana", false) }), staff},
		"tema_baja_aviso": {ana(func(w *world) {
			w.tell(sdk.Custom{Event: w.event("ana"), Type: "subscription.changed", Data: map[string]any{"topic": "novedades", "on": true}})
			w.tell(sdk.Custom{Event: w.event("ana"), Type: "subscription.changed", Data: map[string]any{"topic": "novedades", "on": false}})
		}), staff},
		"suscripcion_baja_aviso": {posts("subscription.cancelled", `{"subscription":"Caja"}`), staff},
		"baja_motivo":            {ana(func(w *world) { w.consent("ana", false) }), customer},
		"suscripcion_motivo":     {posts("subscription.cancelled", `{"subscription":"Caja"}`), customer},
		"motivo_aviso": {ana(func(w *world) {
			w.tell(sdk.Custom{Event: w.event("ana"), Type: "subscription.reason", Data: map[string]any{"reason": "too_many"}})
		}), staff},
		"correo_aviso": {func(w *world) {
			w.tell(sdk.Custom{Event: w.event(""), Type: "delivery.alert", Data: map[string]any{"code": "complaints"}})
		}, staff},
		"confirmar_alta":             {ana(func(*world) {}), customer},
		"confirmar_pedido":           {posts("order.placed", `{"email":"ANA@example.com","order":"P1","total":10}`), customer},
		"confirmar_compra":           {ana(func(w *world) { w.sell("ana", 2000) }), customer},
		"confirmar_compra_web":       {nobody("purchase.completed", `{"email":"luis@example.com","order":"P1","total":10}`), guest},
		"confirmar_pago":             {posts("payment.received", `{"amount":60}`), customer},
		"confirmar_informacion":      {nobody("information.requested", `{"email":"luis@example.com","question":"¿Abren?"}`), guest},
		"factura":                    {posts("invoice.issued", `{"invoice":"F1","total":60,"files":[{"name":"F1.pdf","type":"application/pdf","size":9,"blob":"ab12"}]}`), customer},
		"donativo":                   {nobody("donation.received", `{"email":"luis@example.com","amount":25}`), guest},
		"fiscal":                     {posts("fiscal.issued", `{"document":"3526","files":[{"name":"n.xml","blob":"cd34"}]}`), customer},
		"estado_pedido":              {posts("order.status_changed", `{"order":"P1","status":"enviado"}`), customer},
		"confirmar_baja":             {ana(func(w *world) { w.consent("ana", false) }), customer},
		"confirmar_baja_suscripcion": {posts("subscription.cancelled", `{"subscription":"Caja"}`), customer},
		"clave":                      {nobody("password.reset_requested", `{"email":"luis@example.com","reset_url":"https://tienda.es/r/1","expires":"2026-03-02T12:00:00Z"}`), guest},
	}
}

// punctual pays eight months on end, late the first time.
func punctual(w *world) {
	for month := range 8 {
		due := "2099-01-01"
		if month == 0 {
			due = "2020-01-01"
		}
		w.external(eventPayment, "ana", fmt.Sprintf(`{"amount":60,"due":%q,"paid":%q}`, due, w.try.Now.Format(time.DateOnly)))
		w.pass(31 * day)
	}
}

func TestEveryRecipeWritesAsItSays(t *testing.T) {
	tales := stories()
	for _, r := range recipes(t) {
		t.Run(r.ID, func(t *testing.T) {
			s, ok := tales[r.ID]
			if !ok {
				t.Fatal("no story of this recipe")
			}
			rule := recipe(t, r.ID, nil)
			w := newWorld(t, rule)
			if said := w.try.Validate(settingRules, []any{rule}); len(said) > 0 {
				t.Fatalf("it is refused: %v", said)
			}
			s.tell(w)
			w.pass(120 * day)
			var to []string
			for _, m := range w.sent {
				to = append(to, m.To+m.Address)
				if m.Template != r.Rule["template"] || m.Rule != rule["name"] {
					t.Errorf("template %s, rule %s", m.Template, m.Rule)
				}
				if promotional := r.Rule["kind"] == "MESSAGE_KIND_PROMOTIONAL"; promotional != (m.Kind == sdk.Promotional) ||
					m.To != "" && !m.Links["baja"].OptOut() {
					t.Errorf("kind %d, links %v", m.Kind, m.Links)
				}
			}
			if strings.Join(to, " ") != strings.Join(s.to, " ") {
				t.Errorf("it wrote to %q, not to %q", to, s.to)
			}
			off := newWorld(t, recipe(t, r.ID, map[string]any{"enabled": false}))
			s.tell(off)
			if off.pass(120 * day); len(off.sent)+len(off.reminder)+len(off.try.Customers()) > 0 {
				t.Error("a rule that is off does something")
			}
		})
	}
}

// one is the only mail that was sent.
func (w *world) one() mailed {
	w.t.Helper()
	if len(w.sent) != 1 {
		w.t.Fatalf("%d mails: %+v", len(w.sent), w.sent)
	}
	return w.sent[0]
}

// last is what the panel on the quick sheet says of the only rule.
func (w *world) last(id string) string {
	w.t.Helper()
	rows := w.try.Panel("mensajes", w.people[id]).Rows
	if len(rows) != 1 {
		w.t.Fatalf("%v", rows)
	}
	return rows[0].Value
}

func TestWhoBoughtMeanwhileIsNotReminded(t *testing.T) {
	w := newWorld(t, recipe(t, "carrito", nil))
	w.register("ana")
	w.external("external.cart.abandoned", "ana", `{"cart":"c1"}`)
	if said := w.last("ana"); !strings.Contains(said, "Esperando hasta 02/03/2026, 12:00") {
		t.Error(said)
	}
	w.pass(time.Hour)
	w.sell("ana", 1000)
	if said := w.last("ana"); !strings.Contains(said, "No hizo falta: compró (02/03/2026, 11:00)") {
		t.Error(said)
	}
	if w.pass(10 * day); len(w.sent) > 0 {
		t.Fatalf("%+v", w.sent)
	}
	table := w.try.Panel("resumen", sdk.Customer{}).Table
	if got := strings.Join(table.Rows[0], ","); got != "Carrito abandonado,0,1,1,0,0,0,0" {
		t.Error(got)
	}
}

func TestTheExitConditionIsJudgedWithTheCustomerAsHeIsThen(t *testing.T) {
	w := newWorld(t, recipe(t, "carrito", map[string]any{"exitEvents": []any{}, "exitCondition": `"vip" in customer.tags`}))
	w.register("ana")
	w.external("external.cart.abandoned", "ana", `{"cart":"c1"}`)
	c := w.people["ana"]
	c.Tags = []string{"vip"}
	w.people["ana"] = c
	if w.pass(day); len(w.sent) > 0 {
		t.Error("it was sent")
	}
	if said := w.last("ana"); !strings.Contains(said, "condición de salida") {
		t.Error(said)
	}
}

func TestARuleWritesOncePerCustomerAndTime(t *testing.T) {
	w := newWorld(t, recipe(t, "confirmar_compra", map[string]any{"oncePer": "86400s"}))
	w.register("ana")
	w.sell("ana", 100)
	w.pass(time.Hour)
	w.sell("ana", 100)
	if said := w.last("ana"); !strings.Contains(said, "ya se envió") || len(w.sent) != 1 {
		t.Error(said, len(w.sent))
	}
	w.pass(day)
	if w.sell("ana", 100); len(w.sent) != 2 {
		t.Error(len(w.sent))
	}
}

func TestWhatWaitsFollowsTheRuleAsItIsWhenTheWaitIsOver(t *testing.T) {
	for name, test := range map[string]struct {
		change map[string]any
		sends  string
	}{
		"unchanged":        {nil, "templates/carrito.html"},
		"another template": {map[string]any{"template": "templates/otro.html"}, "templates/otro.html"},
		"switched off":     {map[string]any{"enabled": false}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, recipe(t, "carrito", nil))
			w.register("ana")
			w.external("external.cart.abandoned", "ana", `{"cart":"c1"}`)
			w.set(recipe(t, "carrito", test.change))
			w.pass(day)
			switch {
			case test.sends == "" && len(w.sent) > 0:
				t.Error("it was sent")
			case test.sends != "" && w.one().Template != test.sends:
				t.Error(w.sent)
			}
		})
	}
	gone := newWorld(t, recipe(t, "carrito", nil))
	gone.register("ana")
	gone.external("external.cart.abandoned", "ana", `{"cart":"c1"}`)
	gone.set()
	if gone.pass(day); len(gone.sent) > 0 {
		t.Error("of a rule that is gone something was sent")
	}
}

func TestTheReminderEndsWithConsent(t *testing.T) {
	w := newWorld(t, recipe(t, "alta_confirmar", nil))
	w.register("ana")
	w.pass(4 * day)
	m := w.one()
	if !m.Links["activar"].Activation() || m.at != time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC) { // 10:00 in Madrid
		t.Errorf("%v at %s", m.Links, m.at)
	}
	w.consent("ana", true)
	if w.pass(60 * day); len(w.sent) != 1 {
		t.Errorf("%d mails", len(w.sent))
	}
}

func TestThePasswordTravelsAsALinkThatOpensOnce(t *testing.T) {
	w := newWorld(t, recipe(t, "clave", nil))
	for range 3 { // somebody presses the button again and again
		w.external("external.password.reset_requested", "", `{"email":"luis@example.com","reset_url":"https://tienda.es/r/1","expires":"2026-03-02T12:00:00Z"}`)
	}
	m := w.one()
	if m.Links["unavez"].Once() != "https://tienda.es/r/1" || fmt.Sprint(m.Data) == "" || strings.Contains(fmt.Sprint(m.Data), "/r/1") || m.Expires.Hour() != 12 {
		t.Errorf("%+v", m)
	}
}

func TestAnInvoiceBringsItsFile(t *testing.T) {
	w := newWorld(t, recipe(t, "factura", nil))
	w.register("ana")
	w.external("external.invoice.issued", "ana", `{"invoice":"F1","total":60,"files":[{"name":"F1.pdf","type":"application/pdf","blob":"ab12"}]}`)
	m := w.one()
	if len(m.Attachments) != 1 || m.Attachments[0].Blob != "ab12" || m.Attachments[0].ContentType != "application/pdf" || m.Data["Importe"] != 6000.0 {
		t.Errorf("%+v", m)
	}
}

func TestWhoLeavesIsAskedWhyAndShownTheWayBack(t *testing.T) {
	w := newWorld(t, recipe(t, "baja_motivo", nil))
	w.register("ana")
	w.consent("ana", false)
	if m := w.one(); !m.Links["motivo"].Reason() || !m.Links["activar"].Activation() {
		t.Errorf("%v", m.Links)
	}
}

func TestWithoutAnAddressNothingIsSent(t *testing.T) {
	w := newWorld(t, recipe(t, "confirmar_compra", nil))
	w.register("ana")
	c := w.people["ana"]
	c.Email = ""
	w.people["ana"] = c
	w.sell("ana", 100)
	if said := w.last("ana"); !strings.Contains(said, "No hay correo") || len(w.sent) > 0 {
		t.Error(said)
	}
}

func TestMergedRecordsAreOne(t *testing.T) {
	w := newWorld(t, recipe(t, "carrito", nil))
	w.register("ana")
	w.register("eva")
	w.external("external.cart.abandoned", "eva", `{"cart":"c1"}`)
	w.tell(sdk.CustomerMerged{Event: w.event("ana"), Gone: w.people["eva"], Merge: 1})
	w.people["eva"] = sdk.Customer{}
	w.pass(day)
	if m := w.one(); m.To != "ana" {
		t.Errorf("%+v", m)
	}
	back := newWorld(t, recipe(t, "carrito", nil))
	back.register("ana")
	back.register("eva")
	back.external("external.cart.abandoned", "eva", `{"cart":"c1"}`)
	back.tell(sdk.CustomerMerged{Event: back.event("ana"), Gone: back.people["eva"], Merge: 1})
	back.tell(sdk.CustomerUnmerged{Event: back.event("ana"), Gone: back.people["eva"], Merge: 1})
	if back.pass(day); back.one().To != "eva" {
		t.Errorf("%+v", back.sent)
	}
}

func TestWhatWaitsForOneCustomerIsBounded(t *testing.T) {
	w := newWorld(t, recipe(t, "carrito", map[string]any{"oncePer": "0s", "exitCondition": ""}))
	w.register("ana")
	for i := range 200 {
		w.external("external.cart.abandoned", "ana", fmt.Sprintf(`{"cart":"c%d","note":%q}`, i, strings.Repeat("x", 40<<10)))
	}
	r := plgtest.State[record](w.try, "ana")
	if len(r.Waits) != maxWaitsOfARule || len(w.reminder) != 1 || len(r.Waits[0].Event.text("note")) > maxData {
		t.Errorf("%d wait, %d reminders, %d bytes", len(r.Waits), len(w.reminder), len(r.Waits[0].Event.text("note")))
	}
}

func TestALevelThatWasPassedWhileNobodyLookedIsNoticed(t *testing.T) {
	w := newWorld(t, recipe(t, "nivel", nil))
	w.register("ana")
	at := w.try.Now
	var events []sdk.AnyEvent
	for i := range 3 { // three sales in one batch: with each come the facts of all
		s := sdk.Sale{Receipt: fmt.Sprint(i), Total: sdk.Money{Minor: 30000, Currency: "EUR"}, Time: at.Add(time.Duration(i) * time.Minute)}
		w.sales["ana"] = append(w.sales["ana"], s)
		events = append(events, sdk.SaleCompleted{Event: sdk.Event{Time: s.Time, Customer: w.people["ana"]}, Sale: s})
	}
	w.try.Facts = func(id string, _ time.Time) sdk.Facts { return w.facts(id, at.Add(time.Hour)) }
	mails := 0
	for _, done := range w.try.Batch(events...) {
		mails += len(done.Mails)
	}
	if mails != 1 {
		t.Errorf("%d mails", mails)
	}
}

func TestAnAlertThatNobodyWouldGetIsNotSwitchedOn(t *testing.T) {
	w := newWorld(t)
	alert := func(change map[string]any) []any { return []any{recipe(t, "faq_aviso", change)} }
	for _, step := range []struct {
		name   string
		staff  []any
		rule   []any
		refuse bool
	}{
		{"nobody", []any{}, alert(nil), true},
		{"nobody, and off", []any{}, alert(map[string]any{"enabled": false}), false},
		{"its own address", []any{}, alert(map[string]any{"addresses": []any{"luis@tienda.es"}}), false},
		{"those of all alerts", []any{"jefe@tienda.es"}, alert(nil), false},
	} {
		w.try.Set(settingAlerts, step.staff)
		said := w.try.Validate(settingRules, step.rule)
		if refused := len(said) == 1 && said[0].Code == "rule_wrong_no_staff"; refused != step.refuse || len(said) > 1 {
			t.Errorf("%s: %v", step.name, said)
		}
	}
}
