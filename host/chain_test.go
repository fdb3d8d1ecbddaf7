package host

import "testing"

func TestEventsThatBegetEventsComeToAnEnd(t *testing.T) {
	var c chains
	for range 2 * chainBurst { // what follows from facts is as many as the facts
		if err := c.grow("PLG0001", 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.grow("PLG0001", chainLength+1); err == nil {
		t.Error("a chain without end was not refused")
	}
	refused := 0
	for range 2 * chainBurst {
		if c.grow("PLG0001", 2) != nil {
			refused++
		}
	}
	if refused == 0 {
		t.Error("a flood of events from events was not refused")
	}
	if err := c.grow("PLG0002", 2); err != nil {
		t.Errorf("the neighbour pays for it: %v", err)
	}
}
