package event_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

func TestThePastIsReadInPieces(t *testing.T) {
	r := newRig(t, nil)
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	r.update(func(tx *store.Tx) error {
		for i := range 100 {
			e := &plgv1.Event{Type: []string{"sale.completed", "customer.changed"}[i%2], Time: timestamppb.New(begin.Add(time.Duration(i) * time.Hour))}
			if err := r.log.Append(tx, e); err != nil {
				return err
			}
		}
		return nil
	})
	r.view(func(tx *store.Tx) {
		for at, want := range map[time.Duration]uint64{-time.Hour: 0, 0: 0, time.Minute: 1, 50 * time.Hour: 50, 1000 * time.Hour: 100} {
			if got, err := r.log.Before(tx, begin.Add(at)); got != want || err != nil {
				t.Errorf("before %s: %d, %v", at, got, err)
			}
		}
		var sequences []uint64
		pieces := 0
		for after := uint64(10); after < 90; pieces++ {
			events, next := r.log.Past(tx, after, 90, 7, 1<<20, func(kind string) bool { return kind == "sale.completed" })
			for i := range events {
				sequences = append(sequences, events[i].Sequence)
				if events[i].Type() != "sale.completed" || len(events[i].Data()) == 0 {
					t.Errorf("%+v", events[i])
				}
			}
			if next <= after || len(events) > 7 {
				t.Fatalf("from %d to %d with %d", after, next, len(events))
			}
			after = next
		}
		if len(sequences) != 40 || sequences[0] != 11 || sequences[39] != 89 || pieces < 6 {
			t.Errorf("%d pieces: %v", pieces, sequences)
		}
		small, next := r.log.Past(tx, 0, 100, 50, 1, func(string) bool { return true })
		if len(small) != 1 || next != 1 {
			t.Errorf("a piece of one byte has %d events and goes to %d", len(small), next)
		}
	})
}

// counted is a consumer that keeps the facts which came with its events.
type counted struct {
	*counter
	facts chan *plgv1.Facts
}

func (c counted) Deliver(ctx context.Context, b *plgv1.Batch) (*plgv1.BatchDone, error) {
	for _, d := range b.GetDeliveries() {
		c.facts <- d.GetFacts()
	}
	return c.counter.Deliver(ctx, b)
}

func TestFactsGoWithEventsToWhoMaySeeThem(t *testing.T) {
	read := 0
	r := newRig(t, func(c *event.Config) {
		c.Facts = func(plugin string) func(*store.Tx, string) (*plgv1.Facts, error) {
			if plugin != "PLG0001" {
				return nil
			}
			return func(_ *store.Tx, id string) (*plgv1.Facts, error) {
				read++
				return &plgv1.Facts{Purchases: uint64(len(id))}, nil
			}
		}
	})
	r.append(10, 2, "sale.completed")
	for _, name := range []string{"PLG0001", "PLG0002"} {
		c := counted{&counter{name: name}, make(chan *plgv1.Facts, 10)}
		r.attach(c)
		r.idle()
		for range 10 {
			facts := <-c.facts
			if want := (&plgv1.Facts{Purchases: uint64(len(customer(0)))}); (facts != nil) != (name == "PLG0001") || facts != nil && !proto.Equal(facts, want) {
				t.Errorf("%s: %v", name, facts)
			}
		}
	}
	if read != 2 {
		t.Errorf("they were read %d times for two customers of one batch", read)
	}
}
