package main

import (
	"context"
	"slices"
	"strconv"
	"time"

	"mostrador/sdk"
)

// counts is how often each came of a rule.
type counts map[string]int

func countsKey(id string) string { return "counts/" + id }

// tally counts what came of a rule. A failure to read what was counted is the store's, and ends this piece of work anyway.
func tally(tx *sdk.Tx, id, what string) {
	known, _, err := sdk.Get[counts](tx, countsKey(id))
	if err != nil {
		return
	}
	if known == nil {
		known = counts{}
	}
	known[what]++
	if err := tx.Put(countsKey(id), known); err != nil {
		tx.Log().Error("what came of a rule is not counted", "rule", id, "error", err)
	}
}

// showCustomer says of each rule what came of it for a customer last, and why: what waits first, then the latest.
func showCustomer(_ context.Context, tx *sdk.Tx, _ sdk.Customer) (sdk.Panel, error) {
	rs, err := rulesOf(tx)
	if err != nil {
		return sdk.Panel{}, err
	}
	r, err := sdk.State[record](tx)
	if err != nil {
		return sdk.Panel{}, err
	}
	type line struct {
		sdk.Row
		at    time.Time
		waits bool
	}
	var lines []line
	for _, rule := range rs.all {
		i := slices.IndexFunc(r.Waits, func(w wait) bool { return w.Rule == rule.GetId() })
		last, ever := r.Last[rule.GetId()]
		switch {
		case i >= 0:
			w := r.Waits[i]
			lines = append(lines, line{sdk.Row{Label: rule.GetName(), Value: tx.Text("out_waits", "until", moment(tx, w.Due), "event", eventName(tx, w.Event.Type))}, w.Due, true})
		case ever:
			value := tx.Text("out_"+last.What, "date", moment(tx, last.Time), "until", moment(tx, last.Time), "event", eventName(tx, last.Detail), "why", last.Detail)
			lines = append(lines, line{sdk.Row{Label: rule.GetName(), Value: value}, last.Time, false})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		switch {
		case a.waits && b.waits:
			return a.at.Compare(b.at)
		case a.waits != b.waits:
			return map[bool]int{true: -1, false: 1}[a.waits]
		}
		return b.at.Compare(a.at)
	})
	var panel sdk.Panel
	for _, l := range lines {
		panel.Rows = append(panel.Rows, l.Row)
	}
	return panel, nil
}

// showCounts says how often each rule wrote, and why it did not.
func showCounts(_ context.Context, tx *sdk.Tx, _ sdk.Customer) (sdk.Panel, error) {
	rs, err := rulesOf(tx)
	if err != nil {
		return sdk.Panel{}, err
	}
	shown := []string{sent, waits, exitEvent, exitCondition, once, noAddress, unreadable}
	table := &sdk.Table{Columns: []sdk.Column{{Label: tx.Text("col_rule")}}}
	for _, what := range shown {
		table.Columns = append(table.Columns, sdk.Column{Label: tx.Text("col_" + what), Number: true})
	}
	for _, r := range rs.all {
		known, _, err := sdk.Get[counts](tx, countsKey(r.GetId()))
		if err != nil {
			return sdk.Panel{}, err
		}
		cells := []string{r.GetName()}
		for _, what := range shown {
			cells = append(cells, strconv.Itoa(known[what]))
		}
		table.Rows = append(table.Rows, cells)
	}
	return sdk.Panel{Table: table}, nil
}

// moment is a time in the store's zone, for a person.
func moment(tx *sdk.Tx, t time.Time) string {
	local := t.In(zone(tx))
	if tx.Language() == "en" {
		return local.Format("2 Jan 2006, 15:04")
	}
	return local.Format("02/01/2006, 15:04")
}

// eventName is what people call an event; one of another system that has no name here is called by its type.
func eventName(tx *sdk.Tx, kind string) string {
	key := "event_" + kind
	if name := tx.Text(key); name != key {
		return name
	}
	return kind
}
