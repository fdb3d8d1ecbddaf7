package sdk

import (
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/sdk/plgv1"
)

// EventType is the constraint of On: the event types of this package and nothing else.
type EventType[E any] interface {
	AnyEvent
	// read makes the event from its wire form.
	read(*plgv1.Event) E
}

// AnyEvent is an event of any of the types of this package.
type AnyEvent interface {
	// kind is the type's name in the log; empty for Custom, which has many.
	kind() string
	// write fills in the wire form.
	write(*plgv1.Event)
	// fact is what all events have in common.
	fact() Event
}

// Event is what all events have in common; every type of event embeds it.
type Event struct {
	// Sequence is the event's place in the store's log.
	Sequence uint64
	// Time is when it happened.
	Time time.Time
	// Actor is who did it.
	Actor Actor
	// Customer is whom it concerns, as of this event. The zero Customer stands for nobody (an anonymous sale).
	Customer Customer
}

func (e Event) fact() Event { return e }

// CustomerRegistered: a new customer was registered ("customer.registered").
type CustomerRegistered struct{ Event }

// CustomerChanged: fields of a customer changed ("customer.changed").
type CustomerChanged struct {
	Event
	Changes []FieldChange
}

// FieldChange is the change of one field. Cards and tags are not detailed.
type FieldChange struct{ Field, From, To string }

// Changed returns the change of a field, if there was one.
func (e CustomerChanged) Changed(field string) (FieldChange, bool) {
	for _, c := range e.Changes {
		if c.Field == field {
			return c, true
		}
	}
	return FieldChange{}, false
}

// ConsentGiven: the customer accepted ("consent.given").
type ConsentGiven struct {
	Event
	Purposes []Purpose
	Means    Means
}

// ConsentWithdrawn: the customer left promotions ("consent.withdrawn"). The account stays.
type ConsentWithdrawn struct {
	Event
	Purposes []Purpose
	Means    Means
}

// SaleCompleted: a sale was paid ("sale.completed").
type SaleCompleted struct {
	Event
	Sale Sale
}

// SaleRefunded: all or a part of a sale was given back ("sale.refunded").
type SaleRefunded struct {
	Event
	// Sale is the sale as it now stands; Sale.Refunded includes this refund.
	Sale Sale
	// Amount is what this refund gave back.
	Amount Money
	// Refund identifies it: the refund's own receipt, or the sale's when it had none.
	Refund string
}

// CustomerMerged: Gone turned out to be the same person as the event's customer, and became part of him
// ("customer.merged"). From here on there are no events of Gone. Bring your record of Gone (OtherState) into that of
// the customer (State); the store adds up what it keeps itself.
type CustomerMerged struct {
	Event
	// Gone is who went, as of the merge.
	Gone Customer
	// Merge names the merge; CustomerUnmerged has the same.
	Merge uint64
}

// CustomerUnmerged: the merge was a mistake, and Gone is a customer of its own again ("customer.unmerged"). Your record
// of Gone is as it was at the merge; take what it had brought (OtherState) out of the customer's (State).
type CustomerUnmerged struct {
	Event
	Gone  Customer
	Merge uint64
}

// CustomerErased: the person asked to be forgotten ("customer.erased"). The event's customer has an id and a number,
// nothing else. The plugin's record of him (State) is here for the last time: the store deletes it afterwards. Delete
// what the plugin keeps of him by keys of its own.
type CustomerErased struct{ Event }

// SegmentJoined: the customer became a member of a segment ("segment.joined").
type SegmentJoined struct {
	Event
	// Segment is the segment's number, Name what people call it now.
	Segment uint32
	Name    string
}

// SegmentLeft: the customer is no member of a segment any more ("segment.left").
type SegmentLeft struct {
	Event
	Segment uint32
	Name    string
}

// CampaignConverted: the customer did, for the first time, what a campaign asked for ("campaign.converted").
type CampaignConverted struct {
	Event
	Campaign string
}

// Scheduled is what Tx.Schedule asked for, when its time has come ("scheduled").
type Scheduled struct {
	Event
	Name string
	Data map[string]any
}

// Custom is an event that a plugin emitted (Tx.Emit); one of another system, whose type begins with "external."; or one of
// the core that has no type of its own here ("subscription.changed", "subscription.reason", "delivery.alert"). One handler
// serves all types that the manifest lists; "external.*" lists those of all other systems.
type Custom struct {
	Event
	Type string
	Data map[string]any
}

// The types of event that are the core's own.
const (
	kindRegistered = "customer.registered"
	kindChanged    = "customer.changed"
	kindGiven      = "consent.given"
	kindWithdrawn  = "consent.withdrawn"
	kindCompleted  = "sale.completed"
	kindRefunded   = "sale.refunded"
	kindScheduled  = "scheduled"
	kindMerged     = "customer.merged"
	kindUnmerged   = "customer.unmerged"
	kindErased     = "customer.erased"
	kindJoined     = "segment.joined"
	kindLeft       = "segment.left"
	kindConverted  = "campaign.converted"
)

func isCore(kind string) bool {
	switch kind {
	case kindRegistered, kindChanged, kindGiven, kindWithdrawn, kindCompleted, kindRefunded, kindScheduled, kindMerged,
		kindUnmerged, kindErased, kindJoined, kindLeft, kindConverted:
		return true
	}
	return false
}

// goneOf is the other customer of a merge, or of the taking back of one; nil of any other event.
func goneOf(w *plgv1.Event) *plgv1.Customer {
	if m := w.GetCustomerMerged(); m != nil {
		return m.GetGone()
	}
	return w.GetCustomerUnmerged().GetGone()
}

func (CustomerRegistered) kind() string { return kindRegistered }
func (CustomerChanged) kind() string    { return kindChanged }
func (ConsentGiven) kind() string       { return kindGiven }
func (ConsentWithdrawn) kind() string   { return kindWithdrawn }
func (SaleCompleted) kind() string      { return kindCompleted }
func (SaleRefunded) kind() string       { return kindRefunded }
func (Scheduled) kind() string          { return kindScheduled }
func (CustomerMerged) kind() string     { return kindMerged }
func (CustomerUnmerged) kind() string   { return kindUnmerged }
func (CustomerErased) kind() string     { return kindErased }
func (SegmentJoined) kind() string      { return kindJoined }
func (SegmentLeft) kind() string        { return kindLeft }
func (CampaignConverted) kind() string  { return kindConverted }
func (Custom) kind() string             { return "" }

func readEvent(w *plgv1.Event) Event {
	return Event{
		Sequence: w.GetSequence(),
		Time:     readTime(w.GetTime()),
		Actor:    readActor(w.GetActor()),
		Customer: readCustomer(w.GetCustomer()),
	}
}

func (CustomerRegistered) read(w *plgv1.Event) CustomerRegistered {
	return CustomerRegistered{Event: readEvent(w)}
}

func (CustomerChanged) read(w *plgv1.Event) CustomerChanged {
	e := CustomerChanged{Event: readEvent(w)}
	for _, c := range w.GetCustomerChanged().GetChanges() {
		e.Changes = append(e.Changes, FieldChange{Field: c.GetField(), From: c.GetFrom(), To: c.GetTo()})
	}
	return e
}

func (ConsentGiven) read(w *plgv1.Event) ConsentGiven {
	d := w.GetConsentGiven()
	return ConsentGiven{Event: readEvent(w), Purposes: readPurposes(d.GetPurposes()), Means: readMeans(d.GetMeans())}
}

func (ConsentWithdrawn) read(w *plgv1.Event) ConsentWithdrawn {
	d := w.GetConsentWithdrawn()
	return ConsentWithdrawn{Event: readEvent(w), Purposes: readPurposes(d.GetPurposes()), Means: readMeans(d.GetMeans())}
}

func (SaleCompleted) read(w *plgv1.Event) SaleCompleted {
	return SaleCompleted{Event: readEvent(w), Sale: readSale(w.GetSaleCompleted().GetSale())}
}

func (SaleRefunded) read(w *plgv1.Event) SaleRefunded {
	d := w.GetSaleRefunded()
	return SaleRefunded{Event: readEvent(w), Sale: readSale(d.GetSale()), Amount: readMoney(d.GetAmount()), Refund: d.GetRefund()}
}

func (Scheduled) read(w *plgv1.Event) Scheduled {
	d := w.GetScheduled()
	return Scheduled{Event: readEvent(w), Name: d.GetName(), Data: d.GetData().AsMap()}
}

func (CustomerMerged) read(w *plgv1.Event) CustomerMerged {
	d := w.GetCustomerMerged()
	return CustomerMerged{Event: readEvent(w), Gone: readCustomer(d.GetGone()), Merge: d.GetMerge()}
}

func (CustomerUnmerged) read(w *plgv1.Event) CustomerUnmerged {
	d := w.GetCustomerUnmerged()
	return CustomerUnmerged{Event: readEvent(w), Gone: readCustomer(d.GetGone()), Merge: d.GetMerge()}
}

func (CustomerErased) read(w *plgv1.Event) CustomerErased {
	return CustomerErased{Event: readEvent(w)}
}

func (SegmentJoined) read(w *plgv1.Event) SegmentJoined {
	d := w.GetSegmentJoined()
	return SegmentJoined{Event: readEvent(w), Segment: d.GetSegment(), Name: d.GetName()}
}

func (SegmentLeft) read(w *plgv1.Event) SegmentLeft {
	d := w.GetSegmentLeft()
	return SegmentLeft{Event: readEvent(w), Segment: d.GetSegment(), Name: d.GetName()}
}

func (CampaignConverted) read(w *plgv1.Event) CampaignConverted {
	return CampaignConverted{Event: readEvent(w), Campaign: w.GetCampaignConverted().GetCampaign()}
}

func (Custom) read(w *plgv1.Event) Custom {
	return Custom{Event: readEvent(w), Type: w.GetType(), Data: w.GetCustom().AsMap()}
}

// ToWire is an event as the host would send it. Only a test harness needs it; it fails on Data that JSON
// could not hold.
func ToWire(e AnyEvent) (w *plgv1.Event, err error) {
	f := e.fact()
	w = &plgv1.Event{
		Sequence: f.Sequence,
		Type:     e.kind(),
		Time:     writeTime(f.Time),
		Actor:    f.Actor.write(),
		Customer: f.Customer.write(),
	}
	var data map[string]any
	switch e := e.(type) {
	case Scheduled:
		data = e.Data
	case Custom:
		data = e.Data
	}
	if _, err := structpb.NewStruct(data); err != nil {
		return nil, err
	}
	e.write(w)
	return w, nil
}

func (CustomerRegistered) write(w *plgv1.Event) {
	w.Detail = &plgv1.Event_CustomerRegistered{CustomerRegistered: &plgv1.CustomerRegistered{}}
}

func (e CustomerChanged) write(w *plgv1.Event) {
	d := &plgv1.CustomerChanged{}
	for _, c := range e.Changes {
		d.Changes = append(d.Changes, &plgv1.FieldChange{Field: c.Field, From: c.From, To: c.To})
	}
	w.Detail = &plgv1.Event_CustomerChanged{CustomerChanged: d}
}

func (e ConsentGiven) write(w *plgv1.Event) {
	w.Detail = &plgv1.Event_ConsentGiven{ConsentGiven: &plgv1.ConsentGiven{
		Purposes: writePurposes(e.Purposes), Means: e.Means.write(),
	}}
}

func (e ConsentWithdrawn) write(w *plgv1.Event) {
	w.Detail = &plgv1.Event_ConsentWithdrawn{ConsentWithdrawn: &plgv1.ConsentWithdrawn{
		Purposes: writePurposes(e.Purposes), Means: e.Means.write(),
	}}
}

func (e SaleCompleted) write(w *plgv1.Event) {
	w.Detail = &plgv1.Event_SaleCompleted{SaleCompleted: &plgv1.SaleCompleted{Sale: e.Sale.write()}}
}

func (e SaleRefunded) write(w *plgv1.Event) {
	w.Detail = &plgv1.Event_SaleRefunded{SaleRefunded: &plgv1.SaleRefunded{
		Sale: e.Sale.write(), Amount: e.Amount.write(), Refund: e.Refund,
	}}
}

func (e Scheduled) write(w *plgv1.Event) {
	data, _ := structpb.NewStruct(e.Data) // ToWire has tried it
	w.Detail = &plgv1.Event_Scheduled{Scheduled: &plgv1.Scheduled{Name: e.Name, Data: data}}
}

func (e CustomerMerged) write(w *plgv1.Event) {
	w.Detail = &plgv1.Event_CustomerMerged{CustomerMerged: &plgv1.CustomerMerged{Gone: e.Gone.write(), Merge: e.Merge}}
}

func (e CustomerUnmerged) write(w *plgv1.Event) {
	w.Detail = &plgv1.Event_CustomerUnmerged{CustomerUnmerged: &plgv1.CustomerUnmerged{Gone: e.Gone.write(), Merge: e.Merge}}
}

func (CustomerErased) write(w *plgv1.Event) {
	w.Detail = &plgv1.Event_CustomerErased{CustomerErased: &plgv1.CustomerErased{}}
}

func (e SegmentJoined) write(w *plgv1.Event) {
	w.Detail = &plgv1.Event_SegmentJoined{SegmentJoined: &plgv1.SegmentJoined{Segment: e.Segment, Name: e.Name}}
}

func (e SegmentLeft) write(w *plgv1.Event) {
	w.Detail = &plgv1.Event_SegmentLeft{SegmentLeft: &plgv1.SegmentLeft{Segment: e.Segment, Name: e.Name}}
}

func (e CampaignConverted) write(w *plgv1.Event) {
	w.Detail = &plgv1.Event_CampaignConverted{CampaignConverted: &plgv1.CampaignConverted{Campaign: e.Campaign}}
}

func (e Custom) write(w *plgv1.Event) {
	data, _ := structpb.NewStruct(e.Data) // ToWire has tried it
	w.Type = e.Type
	w.Detail = &plgv1.Event_Custom{Custom: data}
}
