package main

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"mostrador/sdk"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgtest"
)

// world is a store of the tests: it plays events and reminders in the order of their times, and counts purchases.
type world struct {
	t        *testing.T
	try      *plgtest.Try
	sales    map[string][]sdk.Sale
	people   map[string]sdk.Customer
	reminder []sdk.Later
	// told are the events that happened, in order.
	told []sdk.AnyEvent
	sent []mailed
}

// mailed is a mail with when it was wanted.
type mailed struct {
	sdk.Mail
	at time.Time
}

var monday = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

func newWorld(t *testing.T, rules ...map[string]any) *world {
	t.Helper()
	w := &world{t: t, try: plgtest.New(t, newPlugin()), sales: map[string][]sdk.Sale{}, people: map[string]sdk.Customer{}}
	w.try.Set("TiendaZonaHoraria", "Europe/Madrid")
	w.try.Set(settingAlerts, []any{"jefe@tienda.es"})
	w.try.Now = monday
	w.try.Facts = w.facts
	w.set(rules...)
	return w
}

func (w *world) set(rules ...map[string]any) {
	items := []any{}
	for _, r := range rules {
		items = append(items, r)
	}
	w.try.Set(settingRules, items)
}

// facts are what a store would have counted at a time.
func (w *world) facts(id string, at time.Time) sdk.Facts {
	var f sdk.Facts
	f.Spent.Currency = "EUR"
	for _, s := range w.sales[id] {
		if s.Time.After(at) {
			break
		}
		if f.Purchases++; f.Purchases == 1 {
			f.First = s.Time
		}
		f.Last = s.Time
		f.Spent.Minor += s.Total.Minor
	}
	return f
}

// recipe is a recipe of the package as a rule that is on, with some fields changed.
func recipe(t testing.TB, id string, changes map[string]any) map[string]any {
	t.Helper()
	for _, r := range recipes(t) {
		if r.ID == id {
			rule := map[string]any{"id": id, "name": r.Name["es"], "enabled": true, "recipe": id}
			for _, fields := range []map[string]any{r.Rule, changes} {
				for name, value := range fields {
					rule[name] = value
				}
			}
			return rule
		}
	}
	t.Fatalf("there is no recipe %s", id)
	return nil
}

func recipes(t testing.TB) []manifest.Recipe {
	t.Helper()
	data, err := os.ReadFile("templates/recetas.yaml")
	if err != nil {
		t.Fatal(err)
	}
	list, err := manifest.ParseRecipes(data, "templates/recetas.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// pass lets time go by, with the reminders that come due.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	end := w.try.Now.Add(d)
	for {
		slices.SortStableFunc(w.reminder, func(a, b sdk.Later) int { return a.Time.Compare(b.Time) })
		if len(w.reminder) == 0 || w.reminder[0].Time.After(end) {
			w.try.Now = end
			return
		}
		l := w.reminder[0]
		w.reminder = w.reminder[1:]
		w.try.Now = l.Time
		w.handle(sdk.Scheduled{Event: sdk.Event{Time: l.Time, Customer: w.people[l.CustomerID]}, Name: l.Name, Data: l.Data})
	}
}

func (w *world) handle(e sdk.AnyEvent) {
	w.t.Helper()
	done := w.try.Handle(e)
	w.reminder = append(w.reminder, done.Scheduled...)
	for _, m := range done.Mails {
		w.sent = append(w.sent, mailed{m, w.try.Now})
	}
}

// tell has something happen now.
func (w *world) tell(e sdk.AnyEvent) {
	w.t.Helper()
	w.told = append(w.told, e)
	w.handle(e)
}

func (w *world) event(id string) sdk.Event {
	return sdk.Event{Time: w.try.Now, Customer: w.people[id]}
}

func (w *world) register(id string) {
	w.t.Helper()
	w.people[id] = sdk.Customer{ID: id, Name: "Ana " + id, Email: id + "@example.com", Language: "es", Number: 7, Created: w.try.Now,
		Consent: sdk.Consent{Programme: sdk.Pending, Promotions: sdk.Pending}}
	w.tell(sdk.CustomerRegistered{Event: w.event(id)})
}

func (w *world) consent(id string, given bool) {
	w.t.Helper()
	c := w.people[id]
	c.Consent = sdk.Consent{Programme: sdk.Given, Promotions: sdk.Given}
	if !given {
		c.Consent.Promotions = sdk.Withdrawn
	}
	w.people[id] = c
	if given {
		w.tell(sdk.ConsentGiven{Event: w.event(id), Means: sdk.ByLink})
	} else {
		w.tell(sdk.ConsentWithdrawn{Event: w.event(id), Means: sdk.ByLink})
	}
}

func (w *world) sell(id string, cents int64) {
	w.t.Helper()
	s := sdk.Sale{Receipt: "R-1", CustomerID: id, Total: sdk.Money{Minor: cents, Currency: "EUR"}, Time: w.try.Now,
		Lines: []sdk.SaleLine{{Article: "8410001", Name: "Zapatillas", Category: "calzado", Quantity: 2, Paid: sdk.Money{Minor: cents, Currency: "EUR"}}}}
	w.sales[id] = append(w.sales[id], s)
	w.tell(sdk.SaleCompleted{Event: w.event(id), Sale: s})
}

// external tells what another system posts, as text of JSON; id may be empty for nobody.
func (w *world) external(kind, id, data string) {
	w.t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(data), &fields); err != nil {
		w.t.Fatal(err)
	}
	w.tell(sdk.Custom{Event: w.event(id), Type: kind, Data: fields})
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
