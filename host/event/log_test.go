package event_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

func TestWhatFollowsFromAnEventIsOfTheNextGeneration(t *testing.T) {
	r := newRig(t, nil)
	add := func(tx *store.Tx, generation uint32) uint32 {
		e := &plgv1.Event{Type: "a", Generation: generation}
		if err := r.log.Append(tx, e); err != nil {
			t.Error(err)
		}
		return e.Generation
	}
	failure := errors.New("no")
	r.update(func(tx *store.Tx) error {
		n, err := r.log.Following(tx, 4, func() error {
			if low, high := add(tx, 0), add(tx, 9); low != 5 || high != 9 {
				t.Errorf("generations %d and %d, want 5 and 9", low, high)
			}
			return failure
		})
		if n != 2 || !errors.Is(err, failure) {
			t.Errorf("%d events, %v", n, err)
		}
		if g := add(tx, 0); g != 0 {
			t.Errorf("a fact of its own has generation %d", g)
		}
		if n, err := r.log.Following(tx, 0, func() error { return nil }); n != 0 || err != nil {
			t.Errorf("nothing follows: %d, %v", n, err)
		}
		return nil
	})
	r.update(func(tx *store.Tx) error {
		if g := add(tx, 0); g != 0 {
			t.Errorf("in another transaction it has generation %d", g)
		}
		return nil
	})
}

func TestLogListsWhatIsAskedFor(t *testing.T) {
	r := newRig(t, nil)
	r.update(func(tx *store.Tx) error {
		for i, kind := range []string{"a", "b", "a", "b", "a", "b", "a", "b", "a"} {
			e := &plgv1.Event{Type: kind, Customer: &plgv1.Customer{Id: customer(i % 3)}}
			if i == 8 {
				e.Customer = nil
			}
			if err := r.log.Append(tx, e); err != nil {
				return err
			}
			if e.Sequence != uint64(i+1) || e.Time == nil {
				t.Errorf("event %d got sequence %d and time %v", i+1, e.Sequence, e.Time)
			}
		}
		return nil
	})
	for name, c := range map[string]struct {
		query event.Query
		want  []uint64
	}{
		"all":                         {event.Query{}, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9}},
		"a page":                      {event.Query{After: 3, Limit: 2}, []uint64{4, 5}},
		"the end":                     {event.Query{After: 9}, nil},
		"before":                      {event.Query{Before: 3}, []uint64{1, 2}},
		"newest":                      {event.Query{Newest: true, Limit: 2}, []uint64{9, 8}},
		"newest page":                 {event.Query{Newest: true, Limit: 2, Before: 8}, []uint64{7, 6}},
		"newest after":                {event.Query{Newest: true, After: 7}, []uint64{9, 8}},
		"type":                        {event.Query{Type: "b", Limit: 3}, []uint64{2, 4, 6}},
		"customer":                    {event.Query{Customer: customer(1)}, []uint64{2, 5, 8}},
		"customer's page":             {event.Query{Customer: customer(1), After: 2, Limit: 1}, []uint64{5}},
		"customer's newest":           {event.Query{Customer: customer(1), Newest: true, Limit: 2}, []uint64{8, 5}},
		"customer's newest page":      {event.Query{Customer: customer(1), Newest: true, Before: 5}, []uint64{2}},
		"customer's type":             {event.Query{Customer: customer(1), Type: "a"}, []uint64{5}},
		"nobody":                      {event.Query{Customer: "customer"}, nil},
		"customer between two events": {event.Query{Customer: customer(0), After: 1, Before: 7}, []uint64{4}},
	} {
		t.Run(name, func(t *testing.T) {
			r.view(func(tx *store.Tx) {
				events, err := r.log.List(tx, c.query)
				if err != nil {
					t.Fatal(err)
				}
				var got []uint64
				for _, e := range events {
					got = append(got, e.Sequence)
				}
				if !slices.Equal(got, c.want) {
					t.Errorf("got %v, want %v", got, c.want)
				}
			})
		})
	}
	r.view(func(tx *store.Tx) {
		if e, err := r.log.Get(tx, 3); err != nil || e.GetType() != "a" {
			t.Errorf("Get: %v %v", e, err)
		}
		if e, err := r.log.Get(tx, 10); err != nil || e != nil {
			t.Errorf("Get of none: %v %v", e, err)
		}
		if events, _ := r.log.ReadNewest(tx, 0, 1); len(events) != 1 || events[0].Sequence != 9 {
			t.Errorf("ReadNewest: %v", events)
		}
		if events, _ := r.log.Read(tx, 8, 5); len(events) != 1 || events[0].Sequence != 9 {
			t.Errorf("Read: %v", events)
		}
	})
}

func TestEventKeepsItsOwnTime(t *testing.T) {
	r := newRig(t, nil)
	at := timestamppb.New(time.Date(2020, 2, 3, 4, 5, 6, 7, time.UTC))
	r.update(func(tx *store.Tx) error { return r.log.Append(tx, &plgv1.Event{Type: "a", Time: at}) })
	r.view(func(tx *store.Tx) {
		if e, err := r.log.Get(tx, 1); err != nil || !e.Time.AsTime().Equal(at.AsTime()) {
			t.Errorf("%v %v", e, err)
		}
	})
}

func TestTransactionsThatFailLeaveNoGap(t *testing.T) {
	r := newRig(t, nil)
	r.append(2, 1, "a")
	changed := r.log.Changed()
	err := r.store.Update(t.Context(), func(tx *store.Tx) error {
		if err := r.log.Append(tx, &plgv1.Event{Type: "lost"}); err != nil {
			return err
		}
		return errors.ErrUnsupported
	})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Fatal(err)
	}
	select {
	case <-changed:
		t.Error("an event that vanished was news")
	default:
	}
	r.append(1, 1, "a")
	select {
	case <-changed:
	default:
		t.Error("a durable event was no news")
	}
	r.view(func(tx *store.Tx) {
		events, err := r.log.Read(tx, 0, 0)
		if err != nil || len(events) != 3 || events[2].Sequence != 3 || events[2].Type != "a" {
			t.Errorf("%v %v", events, err)
		}
	})
}

func TestWaitEndsWithTheNextEventOrItsContext(t *testing.T) {
	r := newRig(t, nil)
	r.append(1, 1, "a")
	if err := r.log.Wait(t.Context(), 0); err != nil {
		t.Error(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.log.Wait(context.Background(), 1) }()
	r.append(1, 1, "a")
	if err := <-done; err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := r.log.Wait(ctx, 2); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
