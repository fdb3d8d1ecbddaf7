package event_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// contains reports whether a batch has one of these events.
func contains(b *plgv1.Batch, sequences ...uint64) bool {
	return slices.ContainsFunc(b.Deliveries, func(d *plgv1.Delivery) bool {
		return slices.Contains(sequences, decoded(d).Sequence)
	})
}

func TestFaultIsRetriedThenParkedAndTheRestGoOn(t *testing.T) {
	r := newRig(t, func(c *event.Config) { c.Attempts = 3 })
	tries := map[uint64]int{}
	c := &counter{name: "PLG1", event: func(e *plgv1.Event) ([]*plgv1.Effect, *plgv1.Fault) {
		tries[e.Sequence]++
		if e.Sequence%100 == 50 {
			return nil, &plgv1.Fault{Message: "cannot"}
		}
		if e.Sequence == 77 && tries[77] < 3 {
			return nil, &plgv1.Fault{Message: "not yet", Panic: true}
		}
		return nil, nil
	}}
	r.append(1000, 3, "a")
	r.attach(c)
	r.idle()
	parked := r.parked("PLG1")
	if len(parked) != 10 || parked[50] != 3 || parked[950] != 3 {
		t.Errorf("parked: %v", parked)
	}
	if tries[50] != 3 || tries[77] != 3 {
		t.Errorf("tried %d and %d times", tries[50], tries[77])
	}
	total := 0
	for i := range 3 {
		total += r.count("PLG1", customer(i))
	}
	if total != 990 {
		t.Errorf("%d effects", total)
	}
	c.check(t)
}

func TestEventThatKillsTheBatchIsFoundAndParked(t *testing.T) {
	for name, poison := range map[string][]uint64{
		"first": {1}, "middle": {701}, "last": {1000}, "neighbours": {300, 301}, "several": {5, 500, 999},
	} {
		t.Run(name, func(t *testing.T) {
			var changed atomic.Int32
			r := newRig(t, func(c *event.Config) {
				c.Attempts = 3
				c.ParkedChanged = func(string) { changed.Add(1) }
			})
			crashes := 0
			c := &counter{name: "PLG1", before: func(_ context.Context, b *plgv1.Batch) error {
				if contains(b, poison...) {
					crashes++
					return errors.New("the process ended")
				}
				return nil
			}}
			r.append(1000, 3, "a")
			r.attach(c)
			r.idle()
			parked := r.parked("PLG1")
			if len(parked) != len(poison) || int(changed.Load()) != len(poison) {
				t.Errorf("parked: %v", parked)
			}
			for _, p := range poison {
				if parked[p] != 3 {
					t.Errorf("event %d was tried alone %d times", p, parked[p])
				}
			}
			total := 0
			for i := range 3 {
				total += r.count("PLG1", customer(i))
			}
			if total != 1000-len(poison) {
				t.Errorf("%d effects", total)
			}
			if crashes > 8*len(poison) {
				t.Errorf("%d crashes", crashes)
			}
		})
	}
}

func TestEventThatHangsIsParkedAfterItsDeadlines(t *testing.T) {
	r := newRig(t, func(c *event.Config) { c.Attempts, c.DeliverTimeout = 2, 20*time.Millisecond })
	c := &counter{name: "PLG1", before: func(ctx context.Context, b *plgv1.Batch) error {
		if contains(b, 40) {
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	}}
	r.append(100, 1, "a")
	r.attach(c)
	r.idle()
	if p := r.parked("PLG1"); len(p) != 1 || p[40] != 2 {
		t.Errorf("parked: %v", p)
	}
	if n := r.count("PLG1", customer(0)); n != 99 {
		t.Errorf("%d effects", n)
	}
}

func TestProcessThatIsNotRunningHoldsNothingAgainstItsEvents(t *testing.T) {
	r := newRig(t, func(c *event.Config) { c.Attempts = 2 })
	var down atomic.Bool
	var calls atomic.Int32
	down.Store(true)
	c := &counter{name: "PLG1", before: func(context.Context, *plgv1.Batch) error {
		calls.Add(1)
		if down.Load() {
			return fmt.Errorf("PLG1: %w", event.ErrUnavailable)
		}
		return nil
	}}
	r.append(1, 1, "a")
	r.attach(c)
	eventually(t, "it was tried often", func() bool { return calls.Load() > 10 })
	if err := r.RetryParked(t.Context(), "PLG1", 1); !errors.Is(err, event.ErrNotParked) {
		t.Errorf("retry: %v", err)
	}
	down.Store(false)
	r.idle()
	if n, p := r.count("PLG1", customer(0)), r.parked("PLG1"); n != 1 || len(p) != 0 {
		t.Errorf("%d effects, parked %v", n, p)
	}
}

func TestWakeEndsTheWaitForAProcess(t *testing.T) {
	r := newRig(t, func(c *event.Config) { c.Backoff = func(int) time.Duration { return time.Hour } })
	var calls atomic.Int32
	c := &counter{name: "PLG1", before: func(context.Context, *plgv1.Batch) error {
		if calls.Add(1) == 1 {
			return event.ErrUnavailable
		}
		return nil
	}}
	r.append(1, 1, "a")
	r.attach(c)
	eventually(t, "the first try", func() bool { return calls.Load() == 1 })
	began := time.Now()
	r.Wake("PLG1")
	r.idle()
	if took := time.Since(began); took > 700*time.Millisecond {
		t.Errorf("it took %v", took)
	}
}

func TestAnswersThatDoNotFitAreFailures(t *testing.T) {
	for name, answer := range map[string]*plgv1.BatchDone{
		"nothing":  nil,
		"too few":  {},
		"too many": {Outcomes: []*plgv1.Outcome{{}, {}, {}}},
		"a late fault": {Outcomes: []*plgv1.Outcome{{}, {}, {}, {}, {}, {}, {}, {
			Fault: &plgv1.Fault{Message: "outside of the batch"},
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(c *event.Config) { c.Attempts = 2 })
			r.append(2, 1, "a")
			r.attach(&answering{"PLG1", answer})
			r.idle()
			if p := r.parked("PLG1"); len(p) != 2 {
				t.Errorf("parked: %v", p)
			}
		})
	}
}

// answering gives the same answer to every batch.
type answering struct {
	name string
	done *plgv1.BatchDone
}

func (a *answering) Name() string        { return a.name }
func (a *answering) Handles(string) bool { return true }
func (a *answering) Deliver(context.Context, *plgv1.Batch) (*plgv1.BatchDone, error) {
	return a.done, nil
}

func TestConsumerThatPanicsIsLikeACrash(t *testing.T) {
	r := newRig(t, func(c *event.Config) { c.Attempts = 2 })
	r.append(20, 1, "a")
	r.attach(&counter{name: "PLG1", before: func(_ context.Context, b *plgv1.Batch) error {
		if contains(b, 9) {
			panic("a bug")
		}
		return nil
	}})
	r.idle()
	if p := r.parked("PLG1"); len(p) != 1 || p[9] != 2 {
		t.Errorf("parked: %v", p)
	}
}

func TestRefusedEffectsVanishWholeAndTheEventIsParkedAtOnce(t *testing.T) {
	for _, wrong := range []string{"refuse", "panic"} {
		t.Run(wrong, func(t *testing.T) {
			r := newRig(t, func(c *event.Config) { c.Attempts = 3 })
			tries := 0
			c := &counter{name: "PLG1", event: func(e *plgv1.Event) ([]*plgv1.Effect, *plgv1.Fault) {
				if e.Sequence != 10 {
					return nil, nil
				}
				tries++
				return append([]*plgv1.Effect{
					{Effect: &plgv1.Effect_Put{Put: &plgv1.KeyValue{Key: "left", Value: []byte("over")}}},
				}, tag(wrong)...), nil
			}}
			r.append(500, 1, "a") // one customer: every later state stands on the refused one
			r.attach(c)
			r.idle()
			want := map[string]int{"refuse": 1, "panic": 3}[wrong]
			if p := r.parked("PLG1"); len(p) != 1 || p[10] != int32(want) || tries != want {
				t.Errorf("parked: %v after %d tries", p, tries)
			}
			if n := r.count("PLG1", customer(0)); n != 499 {
				t.Errorf("%d effects", n)
			}
			r.view(func(tx *store.Tx) {
				if _, found := event.GetKV(tx, "PLG1", "left"); found {
					t.Error("a part of the refused effects is there")
				}
			})
			c.check(t)
		})
	}
}

func TestEffectsThatCannotBeAppliedYetAreTriedAgain(t *testing.T) {
	a := &applier{}
	a.stumbles.Store(2)
	r := newRig(t, func(c *event.Config) { c.Applier = a })
	c := &counter{name: "PLG1", event: func(e *plgv1.Event) ([]*plgv1.Effect, *plgv1.Fault) {
		if e.Sequence == 10 {
			return tag("stumble"), nil
		}
		return nil, nil
	}}
	r.append(50, 1, "a")
	r.attach(c)
	r.idle()
	if n, p := r.count("PLG1", customer(0)), r.parked("PLG1"); n != 50 || len(p) != 0 {
		t.Errorf("%d effects, parked %v", n, p)
	}
}

func TestParkedEventIsRetriedOnceOrDiscarded(t *testing.T) {
	r := newRig(t, func(c *event.Config) { c.Attempts = 1 })
	var well atomic.Bool
	c := &counter{name: "PLG1", event: func(e *plgv1.Event) ([]*plgv1.Effect, *plgv1.Fault) {
		if e.Sequence <= 3 && !well.Load() {
			return nil, &plgv1.Fault{Message: "no good"}
		}
		if e.Sequence == 3 {
			return tag("refuse"), nil
		}
		return nil, nil
	}}
	r.append(10, 1, "a")
	r.attach(c)
	r.idle()
	if p := r.parked("PLG1"); len(p) != 3 {
		t.Fatalf("parked: %v", p)
	}
	ctx := t.Context()
	if err := r.RetryParked(ctx, "PLG1", 1); err == nil || !strings.Contains(err.Error(), "no good") {
		t.Errorf("retry while it fails: %v", err)
	}
	if p := r.parked("PLG1"); p[1] != 2 {
		t.Errorf("parked: %v", p)
	}
	well.Store(true)
	var wg sync.WaitGroup
	var succeeded atomic.Int32
	for range 8 { // pressed by many at once
		wg.Go(func() {
			switch err := r.RetryParked(ctx, "PLG1", 1); {
			case err == nil:
				succeeded.Add(1)
			case !errors.Is(err, event.ErrNotParked):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := r.count("PLG1", customer(0)); n != 8 || succeeded.Load() != 1 {
		t.Errorf("%d effects, %d retries succeeded", n, succeeded.Load())
	}
	if err := r.DiscardParked(ctx, "PLG1", 2); err != nil {
		t.Error(err)
	}
	if err := r.DiscardParked(ctx, "PLG1", 2); !errors.Is(err, event.ErrNotParked) {
		t.Errorf("discarded twice: %v", err)
	}
	var refused *event.Refused
	if err := r.RetryParked(ctx, "PLG1", 3); !errors.As(err, &refused) {
		t.Errorf("retry of what is refused: %v", err)
	}
	if p := r.parked("PLG1"); len(p) != 1 || p[3] != 2 {
		t.Errorf("parked: %v", p)
	}
	if n := r.count("PLG1", customer(0)); n != 8 {
		t.Errorf("%d effects", n)
	}
	r.Detach("PLG1")
	if err := r.RetryParked(ctx, "PLG1", 3); !errors.Is(err, event.ErrUnavailable) {
		t.Errorf("retry without the plugin: %v", err)
	}
}

func TestEventDiscardedWhileItIsRetriedHasNoEffect(t *testing.T) {
	r := newRig(t, func(c *event.Config) { c.Attempts = 1 })
	retrying := false
	c := &counter{name: "PLG1", event: func(*plgv1.Event) ([]*plgv1.Effect, *plgv1.Fault) {
		if !retrying {
			return nil, &plgv1.Fault{Message: "no good"}
		}
		if err := r.DiscardParked(t.Context(), "PLG1", 1); err != nil {
			t.Error(err)
		}
		return nil, nil
	}}
	r.append(1, 1, "a")
	r.attach(c)
	r.idle()
	retrying = true
	if err := r.RetryParked(t.Context(), "PLG1", 1); !errors.Is(err, event.ErrNotParked) {
		t.Errorf("retry: %v", err)
	}
	if n := r.count("PLG1", customer(0)); n != 0 {
		t.Errorf("%d effects", n)
	}
}

func TestRecordsOfAPluginAreThereBeforeItsNextBatch(t *testing.T) {
	r := newRig(t, func(c *event.Config) { c.BatchEvents = 5 })
	written := 0
	c := &counter{name: "PLG1"}
	c.before = func(context.Context, *plgv1.Batch) error { // as a plugin that reads what it wrote
		r.view(func(tx *store.Tx) {
			if n := len(event.ScanKV(tx, "PLG1", "", "", 0)); n != written {
				t.Errorf("the plugin reads %d of the %d records that it wrote", n, written)
			}
		})
		return nil
	}
	c.event = func(e *plgv1.Event) ([]*plgv1.Effect, *plgv1.Fault) {
		written++
		put := &plgv1.KeyValue{Key: fmt.Sprint(e.Sequence), Value: []byte{1}}
		return []*plgv1.Effect{{Effect: &plgv1.Effect_Put{Put: put}}}, nil
	}
	r.append(300, 3, "a")
	r.attach(c)
	r.idle()
	if written != 300 {
		t.Errorf("%d records", written)
	}
}
