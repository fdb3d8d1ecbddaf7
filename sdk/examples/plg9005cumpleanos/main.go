// Command plg9005cumpleanos greets customers on their birthday. It is an example of a plug-in whose author has nothing
// but the SDK: a module of its own, one manifest, and a handler for each thing that happens.
//
// The plug-in adds a field to the customer (the date of birth). Whenever that is set or changed it schedules the next
// greeting; when the time comes it sends a mail and schedules the one of the next year. What is scheduled cannot be
// called off, so each reminder bears the date that it was made for, and one that no longer fits is ignored. The mail
// is promotional: the store lets it leave only while the customer's consent stands, so nothing here asks for it.
package main

import (
	"context"
	"embed"
	"fmt"
	"time"

	"mostrador/sdk"
)

//go:embed plugin.yaml locales
var files embed.FS

// bornField is the field of the customer that the manifest declares.
const bornField = "plg9005_nacimiento"

func main() { newPlugin().Serve() }

func newPlugin() *sdk.Plugin {
	p := sdk.New(files)
	sdk.On(p, begin)
	sdk.On(p, change)
	sdk.On(p, greet)
	p.Panel("cumpleanos", show)
	p.Panel("por_mes", chart)
	return p
}

// record is what is kept of a customer.
type record struct {
	// Born is the date of birth as it was when the next greeting was scheduled: "1990-05-17".
	Born string `json:"born,omitempty"`
	// Next is when the next greeting leaves.
	Next time.Time `json:"next"`
	// Greeted is the year of the birthday that was greeted last.
	Greeted int `json:"greeted,omitempty"`
}

// begin takes note of a new customer's birthday.
func begin(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error {
	return remember(tx, e.Customer)
}

// change takes note of a birthday that was corrected, added or taken away.
func change(_ context.Context, tx *sdk.Tx, e sdk.CustomerChanged) error {
	if _, changed := e.Changed(bornField); !changed {
		return nil
	}
	return remember(tx, e.Customer)
}

// remember schedules the greeting of a customer whose date of birth is new.
func remember(tx *sdk.Tx, c sdk.Customer) error {
	r, err := sdk.State[record](tx)
	if err != nil {
		return err
	}
	born := c.Fields[bornField]
	if born == r.Born {
		return nil
	}
	if r.Born != "" {
		tx.Delete(monthKey(r.Born, c.ID))
	}
	r.Born = born
	if born == "" {
		r.Next = time.Time{}
		return tx.Save(r)
	}
	if err := tx.Put(monthKey(born, c.ID), true); err != nil {
		return err
	}
	return plan(tx, c.ID, r, tx.Now())
}

// monthKey is under what key a birthday is found by its month: "month/05/CUSTOMER".
func monthKey(born, customerID string) string {
	if len(born) < len("1990-05") {
		return "month/00/" + customerID
	}
	return "month/" + born[5:7] + "/" + customerID
}

// plan schedules the first greeting whose day is not over at that time.
func plan(tx *sdk.Tx, customerID string, r record, now time.Time) error {
	born, err := time.Parse(time.DateOnly, r.Born)
	if err != nil { // the store checks dates where they are typed; a record of another day is no reason to stop
		tx.Log().Warn("a date of birth that is no date", "customer", customerID)
		return tx.Save(r)
	}
	for year := now.Year(); ; year++ {
		r.Next = birthday(born, year).AddDate(0, 0, -int(tx.Setting("PLG9005DiasAntes").Int())).
			Add(time.Duration(tx.Setting("PLG9005Hora").Int()) * time.Hour)
		if year > r.Greeted && r.Next.AddDate(0, 0, 1).After(now) {
			break
		}
	}
	if err := tx.Schedule(sdk.Later{
		Time: r.Next, Name: "greet", CustomerID: customerID, Data: map[string]any{"born": r.Born, "next": r.Next.Format(time.RFC3339)},
	}); err != nil {
		return err
	}
	return tx.Save(r)
}

// birthday is the day of that year; who was born on 29 February has it on the 28th in other years.
func birthday(born time.Time, year int) time.Time {
	day := time.Date(year, born.Month(), born.Day(), 0, 0, 0, 0, time.UTC)
	if day.Month() != born.Month() {
		day = day.AddDate(0, 0, -1)
	}
	return day
}

// greet sends the greeting that was scheduled, if it still fits, and schedules the next one.
func greet(_ context.Context, tx *sdk.Tx, e sdk.Scheduled) error {
	r, err := sdk.State[record](tx)
	if err != nil || e.Data["born"] != r.Born || e.Data["next"] != r.Next.Format(time.RFC3339) {
		return err
	}
	born, err := time.Parse(time.DateOnly, r.Born)
	if err != nil {
		return fmt.Errorf("the record's date of birth: %w", err)
	}
	day := r.Next.AddDate(0, 0, int(tx.Setting("PLG9005DiasAntes").Int()))
	r.Greeted = day.Year()
	if e.Customer.HasEmail() {
		if err := tx.Send(sdk.Mail{
			Kind:     sdk.Promotional,
			To:       e.Customer.ID,
			Template: tx.Setting("PLG9005TextoFile").Text(),
			Links:    sdk.Links{"baja": tx.OptOutLink(e.Customer.ID)},
			Data:     map[string]any{"Edad": day.Year() - born.Year()},
		}); err != nil {
			return err
		}
	}
	return plan(tx, e.Customer.ID, r, tx.Now())
}

// show is the block on the customer's sheet.
func show(_ context.Context, tx *sdk.Tx, _ sdk.Customer) (sdk.Panel, error) {
	r, err := sdk.State[record](tx)
	if err != nil {
		return sdk.Panel{}, err
	}
	if r.Born == "" {
		return sdk.Panel{Rows: []sdk.Row{{Label: tx.Text("next"), Value: tx.Text("unknown")}}}, nil
	}
	panel := sdk.Panel{Rows: []sdk.Row{{Label: tx.Text("next"), Value: tx.Date(r.Next)}}}
	if r.Greeted != 0 {
		panel.Rows = append(panel.Rows, sdk.Row{Label: tx.Text("greeted"), Value: fmt.Sprint(r.Greeted)})
	}
	return panel, nil
}

// chart is the report: how many customers have their birthday in each month.
func chart(_ context.Context, tx *sdk.Tx, _ sdk.Customer) (sdk.Panel, error) {
	counts := make([]float64, 12)
	labels := make([]string, 12)
	for month := range labels {
		labels[month] = tx.Text(fmt.Sprintf("month%d", month+1))
		for _, err := range sdk.Scan[bool](tx, fmt.Sprintf("month/%02d/", month+1)) {
			if err != nil {
				return sdk.Panel{}, err
			}
			counts[month]++
		}
	}
	return sdk.Panel{Chart: &sdk.Chart{
		Kind: sdk.Bar, Labels: labels, Unit: tx.Text("customers"),
		Series: []sdk.Series{{Name: tx.Text("customers"), Values: counts}},
	}}, nil
}
