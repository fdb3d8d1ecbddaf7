package host

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// testPlugin builds a plug-in of testdata/plugins and returns the folder that holds its package.
func testPlugin(t testing.TB, name string) string {
	t.Helper()
	source := filepath.Join("testdata", "plugins", name)
	program := build(t, "./"+filepath.ToSlash(source), name)
	text, err := os.ReadFile(filepath.Join(source, "plugin.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(program), "plugin.yaml"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(filepath.Dir(program))
}

func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 seconds", what)
		}
	}
}

func (h *Host) fetch(t *testing.T, id string) *plgv1.Customer {
	t.Helper()
	var c *plgv1.Customer
	if err := h.store.View(func(tx *store.Tx) (err error) {
		c, err = h.customers.Get(tx, id)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestDisablingFreesTheBoxAndEnablingBringsEveryoneToTheRule is point 7 of the counter: with one of the two plug-ins
// off the box is an ordinary one and keeps its value; with both on again all existing customers are brought to the
// rule in the background.
func TestDisablingFreesTheBoxAndEnablingBringsEveryoneToTheRule(t *testing.T) {
	ctx := t.Context()
	h := open(t, t.TempDir(), pluginsFolder(t))
	defer shut(t, h)
	const n = 500
	ids := make([]string, n)
	for i := range ids {
		c, err := h.customers.Register(ctx, clerk, person(i), "")
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = c.Id
	}
	box := &plgv1.Customer{Id: ids[0], AplicaPromociones: true}
	if _, err := h.customers.Update(ctx, clerk, box, []string{"aplica_promociones"}); !isRefused(err) {
		t.Fatalf("with both plug-ins active the box could be set: %v", err)
	}
	fresh := person(n)
	fresh.AplicaPromociones = true
	if _, err := h.customers.Register(ctx, clerk, fresh, ""); !isRefused(err) {
		t.Fatalf("a customer could be registered with the box on: %v", err)
	}

	if err := h.ensemble.Disable(ctx, clerk, "PLG0002"); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if _, err := h.customers.Update(ctx, clerk, &plgv1.Customer{Id: id, AplicaPromociones: true}, []string{"aplica_promociones"}); err != nil {
			t.Fatalf("with PLG0002 off the box is still locked: %v", err)
		}
	}
	if !h.fetch(t, ids[0]).AplicaPromociones {
		t.Fatal("the box did not keep its value")
	}

	if err := h.ensemble.Enable(ctx, clerk, "PLG0002"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "everybody follows the rule", func() bool {
		p := h.ensemble.progress.Load()
		return !p.GetRunning() && p.GetDone() == n
	})
	if p := h.ensemble.progress.Load(); p.GetTotal() != n || p.GetChanged() != n {
		t.Errorf("progress %v, want %d of %d, all changed", p, n, n)
	}
	for _, id := range ids {
		if h.fetch(t, id).AplicaPromociones {
			t.Fatalf("customer %s, who has accepted nothing, still applies for promotions", id)
		}
	}
}

// TestAnInterruptedSyncGoesOnWithTheNextStart closes the store in the middle of bringing customers to the rule.
func TestAnInterruptedSyncGoesOnWithTheNextStart(t *testing.T) {
	ctx := t.Context()
	home, plugins := t.TempDir(), pluginsFolder(t)
	h := open(t, home, plugins)
	if err := h.ensemble.Disable(ctx, clerk, "PLG0002"); err != nil {
		t.Fatal(err)
	}
	const n = 3 * syncBatch
	for i := range n {
		c := person(i)
		c.AplicaPromociones = true
		if _, err := h.customers.Register(ctx, clerk, c, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.ensemble.Enable(ctx, clerk, "PLG0002"); err != nil {
		t.Fatal(err)
	}
	shut(t, h)

	h = open(t, home, plugins)
	defer shut(t, h)
	eventually(t, "everybody follows the rule", func() bool {
		var record *syncRecord
		if err := h.store.View(func(tx *store.Tx) (err error) {
			record, err = readSync(tx)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return !record.Running
	})
	customers, err := h.customers.Walk(0, n)
	if err != nil || len(customers) != n {
		t.Fatalf("%d customers, %v", len(customers), err)
	}
	for _, c := range customers {
		if c.AplicaPromociones {
			t.Fatalf("customer %s still applies for promotions", c.Id)
		}
	}
}

// TestNoPluginSetsWhatARuleGoverns runs a plug-in that wants to, as a real process: its event is parked with the
// rule's reason, nothing has changed, and the other plug-ins go on.
func TestNoPluginSetsWhatARuleGoverns(t *testing.T) {
	ctx := t.Context()
	h := open(t, t.TempDir(), pluginsFolder(t), testPlugin(t, "plg9002atrevido"))
	defer shut(t, h)
	c, err := h.customers.Register(ctx, clerk, person(1), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, receipt := range []string{"FIELD-1", "MAIL-1"} {
		if _, _, err := h.sales.Record(ctx, clerk, receipt, c.Id, 1000); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Idle(ctx); err != nil {
		t.Fatal(err)
	}
	var parked []*mostradorv1.ParkedEvent
	if err := h.store.View(func(tx *store.Tx) (err error) {
		parked, err = h.engine.Parked(tx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	reasons := []string{"Se activa sola cuando el cliente acepta", "message.email:send"}
	if len(parked) != len(reasons) {
		t.Fatalf("parked %v, want one event for each dare", parked)
	}
	for i, p := range parked {
		if p.Plugin != "PLG9002" || !strings.Contains(p.Error, reasons[i]) {
			t.Errorf("parked %v, want the reason %q", p, reasons[i])
		}
	}
	if h.fetch(t, c.Id).AplicaPromociones {
		t.Error("the plug-in has set the box")
	}
	panel, err := h.ensemble.Panel(ctx, "PLG0002", "puntos", h.fetch(t, c.Id), "es")
	if err != nil || !strings.Contains(fmt.Sprint(panel), "20 puntos") {
		t.Errorf("the points of both sales are missing: %v, %v", panel, err)
	}
}

// TestTheRuleHoldsWhileCustomersAcceptAndPluginsAreSwitched switches a plug-in again and again while customers
// accept: whenever both are on and the sync is through, box and consent agree.
func TestTheRuleHoldsWhileCustomersAcceptAndPluginsAreSwitched(t *testing.T) {
	ctx := t.Context()
	h := open(t, t.TempDir(), pluginsFolder(t))
	defer shut(t, h)
	const n = 60
	done := make(chan error, 1)
	go func() {
		for i := range n {
			c, err := h.customers.Register(ctx, clerk, person(i), "")
			if err == nil && i%2 == 0 {
				err = h.consent.Record(ctx, &mostradorv1.WebAct{
					Sequence: uint64(i + 1), Kind: mostradorv1.WebAct_KIND_ACCEPT, CustomerId: c.Id,
					ActivationId: fmt.Sprint(i), Round: 1, Means: plgv1.Means_MEANS_LINK, Time: c.Created,
				})
			}
			if err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range 4 {
		if err := h.ensemble.Disable(ctx, clerk, "PLG0002"); err != nil {
			t.Fatal(err)
		}
		if err := h.ensemble.Enable(ctx, clerk, "PLG0002"); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	agree := func() bool {
		customers, err := h.customers.Walk(0, n)
		if err != nil || len(customers) != n {
			t.Fatalf("%d customers, %v", len(customers), err)
		}
		for i, c := range customers {
			given := c.GetConsent().GetPromotions() == plgv1.ConsentState_CONSENT_STATE_GIVEN
			if given != (i%2 == 0) {
				t.Fatalf("customer %d: consent given %v", i, given)
			}
			if c.AplicaPromociones != given {
				return false
			}
		}
		return true
	}
	eventually(t, "box and consent agree", agree)
}

func isRefused(err error) bool {
	_, ok := err.(*customer.Refused)
	return ok
}
