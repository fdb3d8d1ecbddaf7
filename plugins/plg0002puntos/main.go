// Command plg0002puntos gives points for sales and takes them back with refunds.
//
// What a sale gave is kept under its receipt, so that a refund takes back exactly that, whatever the rule has
// become since; a sale that is refunded in pieces gives back its points in proportion, and with the last piece
// all of them. The balance may become negative: points that were spent and then refunded are owed.
//
// The balance is kept as the measure "puntos" too, by which the store orders and finds customers; a customer from
// before the measure has it from the next sale on. When two customers turn out to be one person their balances add up,
// and when that was a mistake the one who had stayed gives back what the other had brought, as far as it is still there.
package main

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"math/bits"
	"time"

	"mostrador/sdk"
)

//go:embed plugin.yaml locales
var files embed.FS

func main() { newPlugin().Serve() }

func newPlugin() *sdk.Plugin {
	p := sdk.New(files)
	sdk.On(p, earn)
	sdk.On(p, takeBack)
	sdk.On(p, join)
	sdk.On(p, part)
	p.Panel("puntos", show)
	return p
}

// account is a customer's record.
type account struct {
	Points int64 `json:"points"`
	// Last are the latest movements, newest first.
	Last []movement `json:"last,omitempty"`
}

// shown is how many movements an account keeps to be shown.
const shown = 5

// movement is one change of an account.
type movement struct {
	Time    time.Time `json:"t"`
	Receipt string    `json:"r"`
	Points  int64     `json:"p"`
	Refund  bool      `json:"refund,omitempty"`
	// Kind is empty for sales and refunds, else a kind* below.
	Kind string `json:"k,omitempty"`
}

// The kinds of movements that no sale is the reason of.
const (
	kindJoined = "joined"
	kindParted = "parted"
)

func (a *account) move(m movement) {
	a.Points += m.Points
	a.Last = append([]movement{m}, a.Last[:min(len(a.Last), shown-1)]...)
}

// keep saves an account, and its balance as the measure.
func keep(tx *sdk.Tx, a account) error {
	tx.SetMeasure("puntos", float64(a.Points))
	return tx.Save(a)
}

// grant is what a sale gave, and what refunds have taken back of it.
type grant struct {
	Points int64 `json:"points"`
	// Total and Refunded are amounts of money in minor units.
	Total    int64 `json:"total"`
	Refunded int64 `json:"refunded,omitempty"`
	Taken    int64 `json:"taken,omitempty"`
}

func grantKey(receipt string) string { return "grant/" + receipt }

// earn gives the points of a sale.
func earn(_ context.Context, tx *sdk.Tx, e sdk.SaleCompleted) error {
	if !e.Customer.Known() {
		return nil
	}
	per := tx.Setting("PLG0002ImportePorPunto").Money()
	if per.Currency != e.Sale.Total.Currency {
		return fmt.Errorf("a sale in %q with a rule in %q", e.Sale.Total.Currency, per.Currency)
	}
	points := pointsFor(e.Sale.Total.Minor, per.Minor, tx.Setting("PLG0002Redondeo").Text())
	if points == 0 {
		return nil
	}
	acc, err := sdk.State[account](tx)
	if err != nil {
		return err
	}
	acc.move(movement{Time: tx.Now(), Receipt: e.Sale.Receipt, Points: points})
	if err := tx.Put(grantKey(e.Sale.Receipt), grant{Points: points, Total: e.Sale.Total.Minor}); err != nil {
		return err
	}
	return keep(tx, acc)
}

// pointsFor is how many points an amount gives when each costs per; both in minor units.
func pointsFor(amount, per int64, rounding string) int64 {
	if amount <= 0 || per <= 0 {
		return 0
	}
	points, rest := amount/per, amount%per
	switch {
	case rounding == "arriba" && rest > 0, rounding == "cercano" && rest >= per-rest:
		points++
	}
	return points
}

// takeBack takes back what the refunded part of a sale gave. A sale that gave nothing (it was made before the
// plugin was active, or by nobody) takes nothing.
func takeBack(_ context.Context, tx *sdk.Tx, e sdk.SaleRefunded) error {
	if !e.Customer.Known() {
		return nil
	}
	g, found, err := sdk.Get[grant](tx, grantKey(e.Sale.Receipt))
	if err != nil || !found {
		return err
	}
	before := g.Taken
	g.refund(e.Amount.Minor)
	if err := tx.Put(grantKey(e.Sale.Receipt), g); err != nil {
		return err
	}
	if g.Taken == before {
		return nil // too small a part for a point; it counts towards the next one
	}
	acc, err := sdk.State[account](tx)
	if err != nil {
		return err
	}
	acc.move(movement{Time: tx.Now(), Receipt: e.Sale.Receipt, Points: before - g.Taken, Refund: true})
	return keep(tx, acc)
}

// join adds the points of a customer who became part of another.
func join(_ context.Context, tx *sdk.Tx, _ sdk.CustomerMerged) error {
	acc, gone, err := both(tx)
	if err != nil || gone.Points == 0 {
		return err
	}
	acc.move(movement{Time: tx.Now(), Points: gone.Points, Kind: kindJoined})
	return keep(tx, acc)
}

// part takes back what join added. Points that are not there any more stay with whom they were given to: a balance is
// not made negative by a mistake of the staff.
func part(_ context.Context, tx *sdk.Tx, _ sdk.CustomerUnmerged) error {
	acc, gone, err := both(tx)
	if err != nil || gone.Points == 0 {
		return err
	}
	taken := gone.Points
	if left := max(acc.Points, 0); taken > left {
		tx.Note(tx.Text("short", "n", taken-left, "points", tx.Number(taken-left)))
		taken = left
	}
	acc.move(movement{Time: tx.Now(), Points: -taken, Kind: kindParted})
	return keep(tx, acc)
}

// both are the accounts of the two customers of a merge.
func both(tx *sdk.Tx) (acc, gone account, err error) {
	if acc, err = sdk.State[account](tx); err == nil {
		gone, err = sdk.OtherState[account](tx)
	}
	return acc, gone, err
}

// refund counts an amount given back. What is taken follows from all that was refunded so far and not from
// this piece, so that rounding never adds up, and is exact once everything is refunded.
func (g *grant) refund(amount int64) {
	g.Refunded = min(g.Total, g.Refunded+max(0, amount))
	high, low := bits.Mul64(uint64(g.Points), uint64(g.Refunded))
	taken, _ := bits.Div64(high, low, uint64(g.Total)) // fits: Refunded is at most Total
	g.Taken = int64(taken)
}

// show fills the panel of the quick sheet: the balance and the latest movements.
func show(_ context.Context, tx *sdk.Tx, _ sdk.Customer) (sdk.Panel, error) {
	acc, err := sdk.State[account](tx)
	if err != nil {
		return sdk.Panel{}, err
	}
	panel := sdk.Panel{Rows: []sdk.Row{{
		Label: tx.Text("balance"),
		Value: tx.Text("points", "n", acc.Points, "points", tx.Number(acc.Points)),
	}}}
	for _, m := range acc.Last {
		label, sign := "sale", "+"
		if m.Refund {
			label = "refund"
		}
		label = cmp.Or(m.Kind, label)
		if m.Points <= 0 {
			sign = ""
		}
		panel.Rows = append(panel.Rows, sdk.Row{
			Label: tx.Text(label, "date", tx.Date(m.Time), "receipt", m.Receipt),
			Value: sign + tx.Number(m.Points),
		})
	}
	return panel, nil
}
