package main

import (
	"testing"

	"mostrador/sdk"
	"mostrador/sdk/plgtest"
)

func TestPointsInARealStore(t *testing.T) {
	store := plgtest.Run(t)
	ana := store.Register(sdk.Customer{Name: "Ana Ruiz", Phone: "600111222"})
	balance := func(want string) {
		t.Helper()
		store.Within("the balance is "+want, func() bool {
			rows := store.Panel("PLG0002", "puntos", ana.ID).Rows
			return len(rows) > 0 && rows[0].Value == want
		})
	}
	balance("0 puntos")
	store.Sell("T-1", ana.ID, "12,50")
	store.Sell("T-1", ana.ID, "12,50") // the same receipt counts once
	store.Sell("T-2", "600 111 222", "100")
	balance("112 puntos")

	store.Set("PLG0002ImportePorPunto", "5.00")
	store.Sell("T-3", ana.ID, "12,50")
	balance("114 puntos")
	store.Refund("T-1", "6,25", "D-1")
	store.Refund("T-1", "6,25", "D-1") // and so does the same refund
	balance("108 puntos")
	store.Refund("T-1", "", "")
	balance("102 puntos")

	store.Disable("PLG0002")
	if rows := store.Panel("PLG0002", "puntos", ana.ID).Rows; len(rows) != 0 {
		t.Errorf("the panel of an inactive plugin: %+v", rows)
	}
	store.Enable("PLG0002")
	balance("102 puntos")
	if parked := store.Parked(); len(parked) != 0 {
		t.Errorf("parked: %v", parked)
	}
}
