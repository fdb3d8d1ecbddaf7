package sdk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/sdk"
	"mostrador/sdk/plgtest"
	"mostrador/sdk/plgv1"
)

// reminding counts a customer's sales, notes every second one, and reminds of each after a day unless another came.
func reminding(t *testing.T) *plgtest.Try {
	t.Helper()
	p := sdk.New(able("events: {handles: [sale.completed, scheduled, customer.erased]}"))
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.SaleCompleted) error {
		n, err := sdk.State[int](tx)
		if err != nil {
			return err
		}
		if n++; n%2 == 0 {
			tx.Note(fmt.Sprintf("sale %d at %s", n, tx.Setting("TiendaNombre").Text()))
		}
		total, _, err := sdk.Get[int](tx, "total")
		if err == nil {
			err = tx.Put("total", total+1)
		}
		if err == nil {
			err = tx.Save(n)
		}
		if err != nil {
			return err
		}
		return tx.Schedule(sdk.Later{Time: tx.Now().Add(24 * time.Hour), Name: "remind", CustomerID: e.Customer.ID, Data: map[string]any{"n": n}})
	})
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.Scheduled) error {
		n, err := sdk.State[int](tx)
		if err != nil || float64(n) != e.Data["n"] {
			return err
		}
		total, _, err := sdk.Get[int](tx, "total")
		tx.Note(fmt.Sprintf("reminder of %s after %d of %d, spent %d", e.Customer.Name, n, total, tx.Facts().Spent.Minor))
		return err
	})
	sdk.On(p, func(context.Context, *sdk.Tx, sdk.CustomerErased) error { return nil })
	y := plgtest.New(t, p)
	y.Facts = func(id string, at time.Time) sdk.Facts {
		return sdk.Facts{Purchases: 1, Spent: sdk.Money{Minor: at.Unix() % 1000}}
	}
	return y
}

func sold(id, name string, at time.Time) sdk.SaleCompleted {
	return sdk.SaleCompleted{Event: sdk.Event{Time: at, Customer: sdk.Customer{ID: id, Name: name}}}
}

func TestARehearsalPlaysWhatWasScheduledAndKeepsNothing(t *testing.T) {
	y := reminding(t)
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	got := y.Rehearse(map[string]any{"TiendaNombre": "Ensayo"}, day.Add(72*time.Hour),
		sold("a", "Ana", day), sold("a", "Ana María", day.Add(time.Hour)), sold("b", "Bea", day.Add(30*time.Hour)))
	var notes []string
	for _, r := range got {
		for _, note := range r.Notes {
			notes = append(notes, fmt.Sprintf("%d %s %s %s", r.Sequence, r.CustomerID, r.Time.Format("02 15:04"), note))
		}
	}
	if len(notes) != 3 || notes[0] != "2 a 01 13:00 sale 2 at Ensayo" || !strings.HasPrefix(notes[1], "2 a 02 13:00 reminder of Ana María after 2 of 2") ||
		!strings.HasPrefix(notes[2], "3 b 03 18:00 reminder of Bea after 1 of 3") {
		t.Fatalf("%q", notes)
	}
	if len(y.Keys()) != 0 || len(y.Customers()) != 0 {
		t.Errorf("the rehearsal left %v %v", y.Keys(), y.Customers())
	}
	if again := y.Rehearse(nil, day.Add(72*time.Hour), sold("a", "Ana", day)); len(again) != 1 {
		t.Errorf("a second rehearsal begins with the records of the first: %v", again)
	}
}

func TestWhoWasErasedIsRemindedOfNothing(t *testing.T) {
	y := reminding(t)
	day := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	gone := sdk.CustomerErased{Event: sdk.Event{Time: day.Add(time.Hour), Customer: sdk.Customer{ID: "a"}}}
	if got := y.Rehearse(nil, day.Add(72*time.Hour), sold("a", "Ana", day), gone); len(got) != 0 {
		t.Fatalf("%v", got)
	}
}

func TestARehearsalIsBounded(t *testing.T) {
	p := sdk.New(able("events: {handles: [customer.registered, scheduled]}"))
	endless := func(tx *sdk.Tx) error { return tx.Schedule(sdk.Later{Time: tx.Now(), Name: "again"}) }
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error {
		if e.Customer.Name == "large" {
			return tx.Put(e.Customer.ID, strings.Repeat("x", 64<<20))
		}
		return endless(tx)
	})
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.Scheduled) error { return endless(tx) })
	y := plgtest.New(t, p)
	for _, name := range []string{"large", "endless"} {
		event, err := sdk.ToWire(sdk.CustomerRegistered{Event: sdk.Event{Time: y.Now, Customer: sdk.Customer{ID: "a", Name: name}}})
		if err != nil {
			t.Fatal(err)
		}
		encoded := marshal(t, event)
		until := event.GetTime()
		done := ask(t, p, &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Rehearse{Rehearse: &plgv1.RehearseCall{
			Begin: true, Settings: &plgv1.Settings{Values: &structpb.Struct{}}, Until: until,
			Deliveries: []*plgv1.Delivery{{Event: encoded}},
		}}}).GetRehearse()
		if done.GetFault() == nil {
			t.Errorf("%s: it had no end", name)
		}
	}
	fault := ask(t, p, &plgv1.WorkRequest{Work: &plgv1.WorkRequest_Rehearse{Rehearse: &plgv1.RehearseCall{}}}).GetRehearse().GetFault()
	if fault == nil {
		t.Error("events of no rehearsal were played")
	}
}

func TestAMailSaysAllThatItCan(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	mail := sdk.Mail{
		Kind: sdk.Transactional, To: "a", Template: "templates/x.html", NotBefore: at, Expires: at.Add(time.Hour),
		Rule: "Factura", Attachments: []sdk.Attachment{{Name: "factura.pdf", Content: []byte("x")}, {Name: "b.pdf", Blob: "1"}},
	}
	y := registering(t, func(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error {
		m := mail
		m.Links = sdk.Links{"p": tx.PreferencesLink("a"), "m": tx.ReasonLink("a"), "u": tx.OnceLink("https://tienda.es/clave")}
		return tx.Send(m)
	})
	got := y.Handle(registered("a")).Mails[0]
	if !got.Links["p"].Preferences() || !got.Links["m"].Reason() || got.Links["u"].Once() != "https://tienda.es/clave" {
		t.Errorf("links %+v", got.Links)
	}
	if got.To != mail.To || !got.NotBefore.Equal(at) || !got.Expires.Equal(at.Add(time.Hour)) || got.Rule != mail.Rule || len(got.Attachments) != 2 || got.Attachments[1].Blob != "1" {
		t.Errorf("%+v", got)
	}
	for name, wrong := range map[string]sdk.Mail{
		"advertising to an address": {Kind: sdk.Promotional, Address: "a@b.es", Template: "x"},
		"two at once":               {Kind: sdk.Transactional, To: "a", Address: "a@b.es", Template: "x"},
		"nobody":                    {Kind: sdk.Transactional, Template: "x"},
		"a file without a name":     {Kind: sdk.Transactional, To: "a", Template: "x", Attachments: []sdk.Attachment{{Content: []byte("x")}}},
		"a file with two contents":  {Kind: sdk.Transactional, To: "a", Template: "x", Attachments: []sdk.Attachment{{Name: "a", Content: []byte("x"), Blob: "1"}}},
		"a link that leads nowhere": {Kind: sdk.Transactional, To: "a", Template: "x", Links: sdk.Links{"x": {}}},
	} {
		y := registering(t, func(_ context.Context, tx *sdk.Tx, _ sdk.CustomerRegistered) error { return tx.Send(wrong) })
		if y.Fault(registered("a")) == "" {
			t.Error(name)
		}
	}
}

func TestOneHandlerServesEventsOfOtherSystems(t *testing.T) {
	p := sdk.New(able("events: {handles: [external.*, subscription.changed]}"))
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.Custom) error {
		tx.Note(e.Type)
		return nil
	})
	y := plgtest.New(t, p)
	for _, kind := range []string{"external.cart.abandoned", "subscription.changed"} {
		e := sdk.Custom{Event: sdk.Event{Customer: sdk.Customer{ID: "a"}}, Type: kind}
		if got := y.Handle(e).Notes; len(got) != 1 || got[0] != kind {
			t.Errorf("%s: %v", kind, got)
		}
	}
}

func TestWhatIsMadeOfSettingsIsMadeOncePerChange(t *testing.T) {
	made := 0
	p := sdk.New(able("events: {handles: [customer.registered]}"))
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, _ sdk.CustomerRegistered) error {
		text, err := sdk.Derive(tx, "text", func() (string, error) { made++; return tx.Setting("TiendaNombre").Text(), nil })
		tx.Note(text)
		return err
	})
	y := plgtest.New(t, p)
	y.Set("TiendaNombre", "Uno")
	y.Batch(registered("a"), registered("b"), registered("c"))
	if made != 1 {
		t.Errorf("made %d times for one batch", made)
	}
	y.Set("TiendaNombre", "Dos")
	if got := y.Handle(registered("a")).Notes; got[0] != "Dos" {
		t.Error(got)
	}
}

func marshal(t *testing.T, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
