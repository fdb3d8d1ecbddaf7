package plgtest

import (
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/sdk"
	"mostrador/sdk/plgv1"
)

// Rehearsed is what one event, or something scheduled, led to in a rehearsal.
type Rehearsed struct {
	// Sequence is the event's; of something scheduled, that of the event which it goes back to.
	Sequence   uint64
	Time       time.Time
	CustomerID string
	Effects
}

// Rehearse plays events to the plugin as the store does when somebody tries other settings out on what happened: without
// records, with these settings on top of those that were set, and with what is scheduled up to until. It returns what the
// plugin wanted done beyond its own records and schedule. A fault fails the test.
func (y *Try) Rehearse(settings map[string]any, until time.Time, events ...sdk.AnyEvent) []Rehearsed {
	y.t.Helper()
	values, err := structpb.NewStruct(settings)
	if err != nil {
		y.t.Fatal(err)
	}
	call := &plgv1.RehearseCall{Begin: true, Settings: &plgv1.Settings{Values: values}, Until: timestamppb.New(until)}
	for _, e := range events {
		_, d := y.delivery(e)
		call.Deliveries = append(call.Deliveries, d)
	}
	done := y.work(&plgv1.WorkRequest{Work: &plgv1.WorkRequest_Rehearse{Rehearse: call}}).GetRehearse()
	if fault := done.GetFault(); fault != nil {
		y.t.Fatalf("rehearsal: %s", fault.GetMessage())
	}
	var all []Rehearsed
	for _, o := range done.GetOutcomes() {
		if fault := o.GetFault(); fault != nil {
			y.t.Fatalf("rehearsal, event %d: %s", o.GetSequence(), fault.GetMessage())
		}
		all = append(all, Rehearsed{
			Sequence: o.GetSequence(), Time: o.GetTime().AsTime(), CustomerID: o.GetCustomerId(),
			Effects: y.sort(o.GetEffects(), func(*plgv1.Effect) bool { return false }),
		})
	}
	return all
}

func facts(f sdk.Facts) *plgv1.Facts {
	w := &plgv1.Facts{Purchases: uint64(f.Purchases), SpentMinor: f.Spent.Minor, Measures: f.Measures}
	if !f.First.IsZero() {
		w.FirstPurchase, w.LastPurchase = timestamppb.New(f.First), timestamppb.New(f.Last)
	}
	return w
}

// mail is a mail as its author wrote it. Links are made by a Tx's methods, which need nothing of it.
func mail(w *plgv1.SendMail) sdk.Mail {
	m := sdk.Mail{
		Kind: sdk.Transactional, To: w.GetTo(), Address: w.GetAddress(), Template: w.GetTemplate(), Data: w.GetData().AsMap(),
		Links: sdk.Links{}, Topic: w.GetTopic(), Promotion: w.GetPromotion(), Rule: w.GetRule(),
	}
	if w.GetKind() == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL {
		m.Kind = sdk.Promotional
	}
	if w.GetNotBefore() != nil {
		m.NotBefore = w.GetNotBefore().AsTime()
	}
	if w.GetExpires() != nil {
		m.Expires = w.GetExpires().AsTime()
	}
	for _, a := range w.GetAttachments() {
		m.Attachments = append(m.Attachments, sdk.Attachment{Name: a.GetName(), ContentType: a.GetContentType(), Content: a.GetData(), Blob: a.GetBlob()})
	}
	var tx *sdk.Tx
	for name, l := range w.GetLinks() {
		switch l.GetKind() {
		case plgv1.Link_KIND_ACTIVATION:
			m.Links[name] = tx.ActivationLink(l.GetCustomerId())
		case plgv1.Link_KIND_PREFERENCES:
			m.Links[name] = tx.PreferencesLink(l.GetCustomerId())
		case plgv1.Link_KIND_REASON:
			m.Links[name] = tx.ReasonLink(l.GetCustomerId())
		case plgv1.Link_KIND_ONCE:
			m.Links[name] = tx.OnceLink(l.GetUrl())
		default:
			m.Links[name] = tx.OptOutLink(l.GetCustomerId())
		}
	}
	return m
}
