package main

import (
	"strings"
	"testing"
	"time"

	"mostrador/sdk"
)

func TestWhatConditionsSee(t *testing.T) {
	c, err := newCompiler()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	f := &facts{
		event: happening{Type: "sale.completed", Time: at, Data: map[string]any{
			"total": 25.5, "lines": []any{map[string]any{"category": "calzado", "quantity": 2.0}}, "articles": []any{"1", "2"}, "on": false,
		}},
		customer: sdk.Customer{ID: "a", Number: 7, Name: "Ana", Tags: []string{"vip"}, Fields: map[string]string{"talla": "38"}, Created: at.AddDate(-1, 0, 0),
			Consent: sdk.Consent{Programme: sdk.Given, Promotions: sdk.Withdrawn}},
		now:      at,
		counted:  sdk.Facts{Purchases: 3, Spent: sdk.Money{Minor: 60000, Currency: "EUR"}, Last: at.AddDate(0, 0, -10), Measures: map[string]float64{"puntos": 120}},
		before:   sdk.Money{Minor: 40000, Currency: "EUR"},
		payments: payments{OnTime: 4, Since: at.AddDate(0, -7, 0)},
	}
	for source, want := range map[string]bool{
		"":                 true,
		"event.total > 25": true,
		"event.total > 25 && event.total <= 25.5":                           true,
		`event.lines.exists(l, l.category == "calzado" && l.quantity >= 2)`: true,
		`"3" in event.articles`:                                             false,
		`event.type == "sale.completed"`:                                    true,
		`event.on == false`:                                                 true,
		`has(event.coupon)`:                                                 false,
		`customer.number == 7 && "vip" in customer.tags`:                    true,
		`customer.fields.talla == "38"`:                                     true,
		`now - customer.created > duration("8000h")`:                        true,
		`consent.programme == "given" && consent.promotions != "given"`:     true,
		`purchases.before < 500 && purchases.total >= 500`:                  true,
		`purchases.count == 3`:                                              true,
		`now - purchases.last > duration("216h")`:                           true,
		`payments.months == 7 && payments.on_time == 4`:                     true,
		`measures.puntos > 100`:                                             true,
		`event.time.getDayOfWeek("Europe/Madrid") == 1`:                     true,
	} {
		x, err := c.compile(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if yes, err := x.holds(f); yes != want || err != nil {
			t.Errorf("%s: %t, %v", source, yes, err)
		}
	}
	for _, source := range []string{"event.total", "1 + 1", "customer.nombre == 'x'", "purchase.total > 1", "event.total >", "[1,2].map(x, x)", strings.Repeat("(", 200), strings.Repeat("a", maxCondition+1)} {
		if _, err := c.compile(source); err == nil && source != "event.total" {
			t.Errorf("%.40s is taken", source)
		}
	}
}

func TestAHostileConditionIsBounded(t *testing.T) {
	c, err := newCompiler()
	if err != nil {
		t.Fatal(err)
	}
	many := make([]any, 5000)
	for i := range many {
		many[i] = strings.Repeat("a", 100)
	}
	f := &facts{event: happening{Data: map[string]any{"list": many, "text": strings.Repeat("a", 1<<20)}}}
	for _, source := range []string{
		`event.list.all(a, event.list.all(b, event.list.all(c, a == b || b == c)))`,
		`event.list.exists(a, event.text.matches("(a+)+b") || event.text.contains(a + a + a + "b"))`,
		`event.list.all(a, event.list.exists(b, (a + b).matches("^(.*a){20}$") == false))`,
	} {
		x, err := c.compile(source)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := x.holds(f); err == nil {
			t.Errorf("%s was judged to its end", source)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %s", source, took)
		}
	}
}

func TestAConditionThatCannotBeJudgedSendsNothingAndSaysWhy(t *testing.T) {
	w := newWorld(t, recipe(t, "confirmar_compra", map[string]any{"condition": "event.coupon == 'X'"}))
	w.register("ana")
	w.sell("ana", 100)
	if said := w.last("ana"); len(w.sent) > 0 || !strings.Contains(said, "no such key: coupon") {
		t.Error(said, w.sent)
	}
}

func TestARuleWithoutSenseIsRefusedWhereItIsWrong(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		recipe string
		change map[string]any
		path   string
	}{
		"a name that there is not": {"confirmar_compra", map[string]any{"condition": "evento.total > 1"}, "confirmar_compra.condition"},
		"no yes or no":             {"carrito", map[string]any{"exitCondition": "purchases.total"}, "carrito.exit_condition"},
		"an event of nobody knows": {"carrito", map[string]any{"event": "plg0002.points"}, "carrito.event"},
		"the address of a sale":    {"confirmar_compra", map[string]any{"to": "RECIPIENT_EVENT"}, "confirmar_compra.to"},
		"an alert to a customer":   {"correo_aviso", map[string]any{"to": "RECIPIENT_CUSTOMER"}, "correo_aviso.to"},
		"files of a sale":          {"confirmar_compra", map[string]any{"attach": true}, "confirmar_compra.attach"},
	} {
		for _, lang := range []string{"es", "en"} {
			w.try.Language = lang
			said := w.try.Validate(settingRules, []any{recipe(t, test.recipe, test.change)})
			if len(said) != 1 || said[0].Path != test.path || strings.Contains(said[0].Summary, "wrong_") || strings.Contains(said[0].Summary, "{rule}") {
				t.Errorf("%s: %+v", name, said)
			}
		}
	}
}

func FuzzCondition(f *testing.F) {
	for _, s := range []string{"event.total > 25", `event.lines.exists(l, l.x == "y")`, "payments.months >= 6", "has(event.a.b)", "now - purchases.last > duration('1h')", "((((", "event[event.type]", "'\\u0000' in customer.tags"} {
		f.Add(s)
	}
	c, err := newCompiler()
	if err != nil {
		f.Fatal(err)
	}
	seen := &facts{event: happening{Type: "x", Data: map[string]any{"total": 1.0, "lines": []any{map[string]any{"x": "y"}}, "a": map[string]any{}}}}
	f.Fuzz(func(t *testing.T, source string) {
		x, err := c.compile(source)
		if err != nil {
			return
		}
		_, _ = x.holds(seen) // it neither panics nor goes on without end
	})
}

func TestWaitsFollowTheStoresClock(t *testing.T) {
	madrid, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	at := func(text string) time.Time {
		moment, err := time.ParseInLocation("2006-01-02 15:04", text, madrid)
		if err != nil {
			t.Fatal(err)
		}
		return moment
	}
	for name, test := range map[string]struct {
		begin, want string
		wait        time.Duration
		at          string
	}{
		"at once":                         {"2026-03-02 09:30", "2026-03-02 09:30", 0, ""},
		"two hours":                       {"2026-03-02 09:30", "2026-03-02 11:30", 2 * time.Hour, ""},
		"later today":                     {"2026-03-02 09:30", "2026-03-02 10:00", 0, "10:00"},
		"it is ten now":                   {"2026-03-02 10:00", "2026-03-02 10:00", 0, "10:00"},
		"tomorrow":                        {"2026-03-02 10:01", "2026-03-03 10:00", 0, "10:00"},
		"three days and until ten":        {"2026-03-02 12:00", "2026-03-06 10:00", 3 * day, "10:00"},
		"a day of 23 hours":               {"2026-03-28 12:00", "2026-03-29 12:00", day, ""},
		"a day of 25 hours":               {"2026-10-24 12:00", "2026-10-25 12:00", day, ""},
		"an hour that the clocks skip":    {"2026-03-28 12:00", "2026-03-29 03:30", 0, "02:30"},
		"the next day after that":         {"2026-03-29 04:00", "2026-03-30 02:30", 0, "02:30"},
		"across the year":                 {"2026-12-31 23:00", "2027-01-01 09:00", 0, "09:00"},
		"an hour that is none is at once": {"2026-03-02 09:30", "2026-03-02 09:30", 0, "99:99"},
	} {
		if got := after(at(test.begin), test.wait, test.at, madrid); !got.Equal(at(test.want)) {
			t.Errorf("%s: %s, not %s", name, got.In(madrid).Format("2006-01-02 15:04"), test.want)
		}
	}
}
