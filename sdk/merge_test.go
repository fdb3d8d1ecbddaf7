package sdk_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"testing/fstest"

	"mostrador/sdk"
	"mostrador/sdk/plgtest"
)

// summing is a plugin that counts registrations and brings them together when two customers become one.
func summing(t *testing.T) *plgtest.Try {
	t.Helper()
	p := sdk.New(files("events: {handles: [customer.registered, customer.merged, customer.unmerged]}"))
	add := func(tx *sdk.Tx, n int) error {
		c, err := sdk.State[counter](tx)
		if err != nil {
			return err
		}
		c.N += n
		return tx.Save(c)
	}
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error {
		if _, err := sdk.OtherState[counter](tx); err == nil {
			t.Error("a registration has another customer")
		}
		return add(tx, 1)
	})
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.CustomerMerged) error {
		other, err := sdk.OtherState[counter](tx)
		if err != nil {
			return err
		}
		return add(tx, other.N)
	})
	sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.CustomerUnmerged) error {
		other, err := sdk.OtherState[counter](tx)
		if err != nil {
			return err
		}
		return add(tx, -other.N)
	})
	return plgtest.New(t, p)
}

func TestAMergeHasTheRecordsOfBoth(t *testing.T) {
	ana, anna := sdk.Customer{ID: "ana"}, sdk.Customer{ID: "anna"}
	merged := sdk.CustomerMerged{Event: sdk.Event{Customer: ana}, Gone: anna, Merge: 1}
	unmerged := sdk.CustomerUnmerged{Event: sdk.Event{Customer: ana}, Gone: anna, Merge: 1}
	both := func(y *plgtest.Try, wantAna, wantAnna int) {
		t.Helper()
		if a, b := plgtest.State[counter](y, "ana").N, plgtest.State[counter](y, "anna").N; a != wantAna || b != wantAnna {
			t.Errorf("the records are %d and %d, want %d and %d", a, b, wantAna, wantAnna)
		}
	}
	story := []sdk.AnyEvent{registered("ana"), registered("anna"), registered("anna"), merged}
	oneByOne := summing(t)
	for _, e := range story {
		oneByOne.Handle(e)
	}
	both(oneByOne, 3, 2) // the record of who went stays as it was
	oneByOne.Handle(unmerged)
	both(oneByOne, 1, 2)

	together := summing(t)
	together.Batch(append(story, unmerged, registered("anna"), merged)...)
	both(together, 4, 3)
}

func TestMeasuresAndConversionsReachTheHost(t *testing.T) {
	wants := map[string]func(*sdk.Tx){
		"": func(tx *sdk.Tx) {
			tx.SetMeasure("puntos", 3)
			tx.SetMeasure("puntos", 12.5)
			tx.Convert("Otoño")
		},
		"does not stand under measures": func(tx *sdk.Tx) { tx.SetMeasure("saldo", 1) },
		"is no number":                  func(tx *sdk.Tx) { tx.SetMeasure("puntos", math.NaN()) },
		"without a campaign":            func(tx *sdk.Tx) { tx.Convert("") },
	}
	for fault, handler := range wants {
		manifest := strings.Replace(manifestYAML, "api: 1", "api: 2", 1) +
			"measures: [{id: puntos, name: {es: Puntos, en: Points}}]\nevents: {handles: [customer.registered]}\n"
		p := sdk.New(fstest.MapFS{"plugin.yaml": {Data: []byte(manifest)}})
		sdk.On(p, func(_ context.Context, tx *sdk.Tx, e sdk.CustomerRegistered) error { handler(tx); return nil })
		y := plgtest.New(t, p)
		if fault != "" {
			if got := y.Fault(registered("ana")); !strings.Contains(got, fault) {
				t.Errorf("the fault says %q, want %q", got, fault)
			}
			continue
		}
		e := y.Handle(registered("ana"))
		if e.Measures["puntos"] != 12.5 || len(e.Converted) != 1 || e.Converted[0] != "Otoño" {
			t.Errorf("effects %+v", e)
		}
	}
}

func TestMeasuresNeedTheProtocolThatHasThem(t *testing.T) {
	p := sdk.New(files("measures: [{id: puntos, name: {es: Puntos, en: Points}}]"))
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "measures need protocol 2") {
		t.Errorf("Check says %v", err)
	}
}
