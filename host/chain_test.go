package host

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

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

// TestATagThatIsPutOnAndTakenOffByItsOwnSegmentComesToAnEnd has a plug-in take a tag off whoever joins the segment of
// those who have it, and put it on whoever leaves.
func TestATagThatIsPutOnAndTakenOffByItsOwnSegmentComesToAnEnd(t *testing.T) {
	const id, tag = "PLG9002", "Vaivén"
	ctx := t.Context()
	folder := testPlugin(t, "plg9002atrevido")
	path := filepath.Join(folder, "plg9002atrevido", "plugin.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Replace(string(text), "customer.fields:write", "customer.tags:write", 1))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	h := open(t, t.TempDir(), folder)
	defer shut(t, h)
	c := person(0)
	c.Tags = []string{tag}
	if c, err = h.customers.Register(ctx, clerk, c, ""); err != nil {
		t.Fatal(err)
	}
	segment, _, err := h.segments.Put(ctx, clerk, &mostradorv1.Segment{Name: "Van y vienen", Expression: strconv.Quote(tag) + " in customer.tags"})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the segment is counted", func() bool {
		segment, err = h.segments.Get(ctx, segment.GetId())
		return err != nil || !segment.GetCounting()
	})
	if _, err := h.customers.Update(ctx, clerk, &plgv1.Customer{Id: c.Id}, []string{"tags"}); err != nil {
		t.Fatal(err)
	}

	var after uint64
	for turns := 0; ; turns++ {
		var next *plgv1.Event
		if err := h.store.View(func(tx *store.Tx) error {
			events, err := h.log.Read(tx, after, 0)
			for _, e := range events {
				if strings.HasPrefix(e.GetType(), "segment.") && e.GetCustomer() != nil {
					next = e
					break
				}
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if next == nil || int(next.GetGeneration()) != turns {
			t.Fatalf("after %d turns comes %v", turns, next)
		}
		after = next.GetSequence()
		effect := &plgv1.Effect{Effect: &plgv1.Effect_RemoveTag{RemoveTag: tag}}
		if next.GetSegmentLeft() != nil {
			effect = &plgv1.Effect{Effect: &plgv1.Effect_AddTag{AddTag: tag}}
		}
		before := h.fetch(t, c.Id)
		err := h.store.Update(ctx, func(tx *store.Tx) error {
			_, err := effects{h}.apply(ctx, tx, cause{plugin: id, customer: c.Id, event: next, id: "1"}, []*plgv1.Effect{effect})
			return err
		})
		if err == nil {
			continue
		}
		var refused *event.Refused
		if !errors.As(err, &refused) || turns != chainLength {
			t.Fatalf("after %d turns: %v", turns, err)
		}
		if h.fetch(t, c.Id).GetRevision() != before.GetRevision() {
			t.Error("what was refused took effect")
		}
		break
	}

	// What people do to the same customer begins anew.
	if _, err := h.customers.Update(ctx, clerk, &plgv1.Customer{Id: c.Id, Name: "Otra"}, []string{"name"}); err != nil {
		t.Fatal(err)
	}
	if err := h.store.View(func(tx *store.Tx) error {
		last, err := h.log.Get(tx, h.log.Last(tx))
		if last.GetType() != "customer.changed" || last.GetGeneration() != 0 {
			t.Errorf("a fact of the store: %v", last)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
