package main

import (
	"testing"
	"time"

	"mostrador/sdk"
	"mostrador/sdk/plgtest"
)

// BenchmarkSale hands over sales in batches while every recipe is on.
func BenchmarkSale(b *testing.B) {
	y := plgtest.New(b, newPlugin())
	var rules []any
	for _, r := range recipes(b) {
		rules = append(rules, recipe(b, r.ID, nil))
	}
	y.Set(settingRules, rules)
	y.Facts = func(string, time.Time) sdk.Facts {
		return sdk.Facts{Purchases: 3, Spent: sdk.Money{Minor: 30000, Currency: "EUR"}, First: monday, Last: monday}
	}
	var batch []sdk.AnyEvent
	for i := range 500 {
		c := sdk.Customer{ID: string(rune('a'+i%26)) + string(rune('a'+i/26)), Name: "Ana", Email: "ana@example.com"}
		batch = append(batch, sdk.SaleCompleted{Event: sdk.Event{Time: monday, Customer: c}, Sale: sdk.Sale{Total: sdk.Money{Minor: 1000, Currency: "EUR"}, Time: monday}})
	}
	for b.Loop() {
		y.Batch(batch...)
	}
	b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "events/s")
}
