// Command plg0110mensajes writes to customers, staff and suppliers when something happens (seeds 001 and 003), by rules
// that people make on screen: an event, a condition, a wait, a message.
//
// An event that a rule is about is judged at once; what has to wait stands in the customer's record, with one reminder of
// the store's for all of it, and is judged again with the customer as he is then. So what ended meanwhile (he bought, he
// agreed) sends nothing, and a rule that was changed is followed as it stands when the wait is over; of one that is off or
// gone nothing is left. Record, reminder and mail are effects of one event, so each happens exactly once.
//
// rule.go reads the rules, condition.go what they say, when.go their times; happening.go is what all events have in common
// here, person.go the customer with his record, send.go the message, nobody.go what concerns no customer, panel.go what
// people are shown.
package main

import (
	"context"
	"embed"
	_ "time/tzdata" // the store's time zone, also where the system knows none

	"mostrador/sdk"
)

//go:embed plugin.yaml locales
var files embed.FS

func main() { newPlugin().Serve() }

func newPlugin() *sdk.Plugin {
	p := sdk.New(files)
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error {
		return handle(tx, happened("customer.registered", e.Event))
	})
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.CustomerChanged) error { return handle(tx, ofChange(e)) })
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.ConsentGiven) error {
		return handle(tx, happened("consent.given", e.Event).with("means", string(e.Means)))
	})
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.ConsentWithdrawn) error {
		return handle(tx, happened("consent.withdrawn", e.Event).with("means", string(e.Means)))
	})
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.SaleCompleted) error { return handle(tx, ofSale(e)) })
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.SaleRefunded) error { return handle(tx, ofRefund(e)) })
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.SegmentJoined) error {
		return handle(tx, happened("segment.joined", e.Event).with("segment", float64(e.Segment)).with("name", e.Name))
	})
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.SegmentLeft) error {
		return handle(tx, happened("segment.left", e.Event).with("segment", float64(e.Segment)).with("name", e.Name))
	})
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.CampaignConverted) error {
		return handle(tx, happened("campaign.converted", e.Event).with("campaign", e.Campaign))
	})
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.Custom) error { return handle(tx, ofOther(e)) })
	sdk.On(p, due)
	sdk.On(p, merge)
	sdk.On(p, unmerge)
	p.Validate(settingRules, judge)
	p.Panel("mensajes", showCustomer)
	p.Panel("resumen", showCounts)
	return p
}
