package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"mostrador/sdk"
	"mostrador/sdk/plgtest"
)

var ana = sdk.Customer{ID: "ana", Name: "Ana"}

func euros(minor int64) sdk.Money { return sdk.Money{Minor: minor, Currency: "EUR"} }

func sold(receipt string, minor int64) sdk.SaleCompleted {
	return sdk.SaleCompleted{Event: sdk.Event{Customer: ana}, Sale: sdk.Sale{Receipt: receipt, CustomerID: ana.ID, Total: euros(minor)}}
}

func refunded(receipt string, minor int64) sdk.SaleRefunded {
	return sdk.SaleRefunded{Event: sdk.Event{Customer: ana}, Sale: sdk.Sale{Receipt: receipt, CustomerID: ana.ID}, Amount: euros(minor), Refund: "D"}
}

func points(y *plgtest.Try) int64 { return plgtest.State[account](y, ana.ID).Points }

func TestASaleGivesPointsByTheRule(t *testing.T) {
	for _, test := range []struct {
		total         int64
		per, rounding string
		want          int64
	}{
		{1250, "1.00", "abajo", 12},
		{1250, "1.00", "cercano", 13},
		{1249, "1.00", "cercano", 12},
		{1201, "1.00", "arriba", 13},
		{1200, "1.00", "arriba", 12},
		{99, "1.00", "abajo", 0},
		{1000, "2.50", "abajo", 4},
		{1, "0.01", "abajo", 1},
		{0, "1.00", "arriba", 0},
		{-500, "1.00", "arriba", 0},
		{1e15, "0.01", "abajo", 1e15},
	} {
		y := plgtest.New(t, newPlugin())
		y.Set("PLG0002ImportePorPunto", test.per)
		y.Set("PLG0002Redondeo", test.rounding)
		y.Handle(sold("T-1", test.total))
		if got := points(y); got != test.want {
			t.Errorf("%+v gave %d", test, got)
		}
	}
}

func TestTheRuleThatShipsIsAPointPerEuro(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	y.Handle(sold("T-1", 1299))
	if got := points(y); got != 12 {
		t.Errorf("%d points", got)
	}
}

func TestARefundTakesBackWhatTheSaleGave(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	y.Set("PLG0002Redondeo", "arriba")
	y.Handle(sold("T-1", 1250))
	y.Handle(sold("T-2", 300))
	y.Set("PLG0002ImportePorPunto", "5.00") // the rule that held at the sale counts
	y.Set("PLG0002Redondeo", "abajo")
	y.Handle(refunded("T-1", 1250))
	if got := points(y); got != 3 {
		t.Errorf("%d points are left, want 3", got)
	}
	y.Handle(refunded("T-1", 1250)) // no more than was given is ever taken
	if got := points(y); got != 3 {
		t.Errorf("after another refund %d points, want 3", got)
	}
}

func TestSaleAndRefundsOfOneBatchSeeEachOther(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	y.Batch(sold("T-1", 1000), refunded("T-1", 250), sold("T-2", 500), refunded("T-1", 750))
	if got := points(y); got != 5 {
		t.Errorf("%d points, want 5", got)
	}
}

func TestPartialRefundsNeverDriftAndEndExactly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		y := plgtest.New(t, newPlugin())
		y.Set("PLG0002ImportePorPunto", fmt.Sprintf("0.%02d", 1+r.Int64N(99)))
		y.Set("PLG0002Redondeo", []string{"abajo", "cercano", "arriba"}[r.IntN(3)])
		total := 1 + r.Int64N(100_000)
		y.Handle(sold("T-1", total))
		given := points(y)
		for left := total; left > 0; {
			part := 1 + r.Int64N(left)
			left -= part
			y.Handle(refunded("T-1", part))
			// What the customer keeps is in proportion to what was kept of the sale, rounded up.
			if got, want := points(y), given-given*(total-left)/total; got != want {
				t.Fatalf("%d of %d refunded leaves %d points of %d, want %d", total-left, total, got, given, want)
			}
		}
		if got := points(y); got != 0 {
			t.Fatalf("after the whole refund %d points are left", got)
		}
	}
}

func TestTheBalanceMayBecomeNegative(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	y.Put(grantKey("T-1"), grant{Points: 10, Total: 1000}) // its points were spent since
	y.Handle(refunded("T-1", 1000))
	if got := points(y); got != -10 {
		t.Errorf("%d points, want -10", got)
	}
}

func TestNobodyAndTheUnknownSaleEarnAndLoseNothing(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	anonymous := sold("T-1", 1000)
	anonymous.Customer = sdk.Customer{}
	back := refunded("T-1", 1000)
	back.Customer = sdk.Customer{}
	y.Batch(anonymous, back, refunded("before the plugin", 1000))
	if got := points(y); got != 0 || len(y.Keys()) != 0 {
		t.Errorf("%d points, records %v", got, y.Keys())
	}
}

func TestASaleInAnotherCurrencyIsAFault(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	y.Set("TiendaMoneda", "USD")
	y.Fault(sold("T-1", 1000))
}

func TestThePanelShowsBalanceAndLatestMovements(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	if rows := y.Panel("puntos", ana).Rows; len(rows) != 1 || rows[0] != (sdk.Row{Label: "Saldo", Value: "0 puntos"}) {
		t.Errorf("without sales: %+v", rows)
	}
	y.Handle(sold("T-0", 100))
	if rows := y.Panel("puntos", ana).Rows; rows[0].Value != "1 punto" {
		t.Errorf("with one: %+v", rows)
	}
	for i := range 8 {
		y.Handle(sold(fmt.Sprintf("T-%d", i+1), 2_000_000))
	}
	y.Handle(refunded("T-8", 50_000))
	rows := y.Panel("puntos", ana).Rows
	if len(rows) != 1+shown {
		t.Fatalf("%d rows", len(rows))
	}
	date := y.Now.Local().Format("02/01/2006")
	for i, want := range []sdk.Row{
		{Label: "Saldo", Value: "159.501 puntos"},
		{Label: date + " · Devolución T-8", Value: "−500"},
		{Label: date + " · Venta T-8", Value: "+20.000"},
	} {
		if rows[i] != want {
			t.Errorf("row %d is %+v, want %+v", i, rows[i], want)
		}
	}
	y.Language = "en"
	if rows := y.Panel("puntos", ana).Rows; rows[0] != (sdk.Row{Label: "Balance", Value: "159,501 points"}) {
		t.Errorf("in English: %+v", rows[0])
	}
}

var anna = sdk.Customer{ID: "anna", Name: "Anna"}

func soldTo(c sdk.Customer, receipt string, minor int64) sdk.SaleCompleted {
	e := sold(receipt, minor)
	e.Customer, e.Sale.CustomerID = c, c.ID
	return e
}

func TestTheBalanceIsKeptAsAMeasure(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	for i, test := range []struct {
		event sdk.AnyEvent
		want  float64
	}{
		{sold("T-1", 1000), 10},
		{sold("T-2", 500), 15},
		{refunded("T-1", 1000), 5},
	} {
		if got, set := y.Handle(test.event).Measures["puntos"]; !set || got != test.want {
			t.Errorf("event %d set the measure to %v (%v), want %v", i, got, set, test.want)
		}
	}
}

func TestTwoCustomersWhoAreOneHaveThePointsOfBoth(t *testing.T) {
	for name, test := range map[string]struct {
		ana, anna, refunded int64 // what they buy, and what Ana gives back while they are one, in minor units
		joined, after       int64
	}{
		"both have some":              {1000, 500, 0, 15, 10},
		"who goes has none":           {1000, 0, 0, 10, 10},
		"who stays has none":          {0, 500, 0, 5, 0},
		"some are gone in between":    {1000, 500, 300, 15, 7},
		"more are gone than he keeps": {1000, 500, 1000, 15, 0},
	} {
		t.Run(name, func(t *testing.T) {
			y := plgtest.New(t, newPlugin())
			y.Batch(sold("A-1", test.ana), soldTo(anna, "B-1", test.anna))
			e := y.Handle(sdk.CustomerMerged{Event: sdk.Event{Customer: ana}, Gone: anna, Merge: 1})
			if got := points(y); got != test.joined {
				t.Errorf("together they have %d, want %d", got, test.joined)
			}
			if m, set := e.Measures["puntos"]; set && m != float64(test.joined) {
				t.Errorf("the measure is %v", m)
			}
			if test.refunded > 0 {
				y.Handle(refunded("A-1", test.refunded))
			}
			y.Handle(sdk.CustomerUnmerged{Event: sdk.Event{Customer: ana}, Gone: anna, Merge: 1})
			if got := points(y); got != test.after {
				t.Errorf("apart again %d are left, want %d", got, test.after)
			}
			if got := plgtest.State[account](y, anna.ID).Points; got != test.anna/100 {
				t.Errorf("who went has %d, want %d", got, test.anna/100)
			}
		})
	}
}

func TestAMistakeOfTheStaffOwesNobodyPoints(t *testing.T) {
	y := plgtest.New(t, newPlugin())
	y.Handle(soldTo(anna, "B-1", 500))
	y.Handle(sdk.CustomerMerged{Event: sdk.Event{Customer: ana}, Gone: anna, Merge: 1})
	back := refunded("B-1", 300) // while they are one, it is Ana who gives it back
	y.Handle(back)
	e := y.Handle(sdk.CustomerUnmerged{Event: sdk.Event{Customer: ana}, Gone: anna, Merge: 1})
	if got := points(y); got != 0 {
		t.Errorf("%d points are left", got)
	}
	if len(e.Notes) != 1 || e.Notes[0] != "Faltan 3 puntos de los que trajo la ficha separada: ya no estaban en el saldo." {
		t.Errorf("the history says %q", e.Notes)
	}
	if rows := y.Panel("puntos", ana).Rows; rows[1].Value != "−2" || !strings.HasSuffix(rows[1].Label, " · Separación de dos fichas") ||
		!strings.HasSuffix(rows[3].Label, " · Unión de dos fichas") || rows[3].Value != "+5" {
		t.Errorf("the panel shows %+v", rows)
	}
}

// FuzzRefund: whatever pieces a refund comes in, no more is taken than was given, and all of it at the end.
func FuzzRefund(f *testing.F) {
	f.Add(int64(1000), int64(10), int64(333), int64(333))
	f.Add(int64(1e15), int64(1e15), int64(1), int64(1e15))
	f.Add(int64(1), int64(1), int64(-5), int64(0))
	f.Fuzz(func(t *testing.T, total, given, first, second int64) {
		if total < 1 || total > 1e15 || given < 1 || given > 1e15 {
			return
		}
		g := grant{Points: given, Total: total}
		for _, amount := range []int64{first, second} {
			before := g.Taken
			g.refund(amount)
			if g.Taken < before || g.Taken > g.Points || g.Refunded > g.Total {
				t.Fatalf("a refund of %d made it %+v", amount, g)
			}
		}
		g.refund(total)
		if g.Taken != given {
			t.Fatalf("the whole refund took %d of %d", g.Taken, given)
		}
	})
}

// FuzzRule: a rule of any kind never gives more points than the amount has minor units.
func FuzzRule(f *testing.F) {
	f.Add(int64(1250), "1.00", "cercano")
	f.Add(int64(1), "0", "")
	f.Add(int64(-1), "-3", "arriba")
	f.Fuzz(func(t *testing.T, amount int64, per, rounding string) {
		m, err := sdk.ParseMoney(per, "EUR")
		if err != nil {
			return
		}
		if got := pointsFor(amount, m.Minor, rounding); got < 0 || got > max(0, amount) {
			t.Fatalf("%d at %s gave %d", amount, per, got)
		}
	})
}
