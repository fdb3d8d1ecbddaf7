package event_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

func TestScheduledEventsComeOnceAndToTheirPlugin(t *testing.T) {
	var now atomic.Pointer[time.Time]
	set := func(at time.Time) { now.Store(&at) }
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	set(start)
	clock := func(c *event.Config) {
		c.Now = func() time.Time { return *now.Load() }
		c.Customer = func(_ *store.Tx, id string) (*plgv1.Customer, error) {
			return &plgv1.Customer{Id: id, Name: "as of now"}, nil
		}
	}
	r := newRig(t, clock)
	nothing := func(string) bool { return false }
	var got []string
	mine := &counter{name: "PLG1", handles: nothing, event: func(e *plgv1.Event) ([]*plgv1.Effect, *plgv1.Fault) {
		got = append(got, e.GetScheduled().GetName()+" "+e.GetCustomer().GetName())
		return nil, nil
	}}
	other := &counter{name: "PLG2"}
	r.attach(mine)
	r.attach(other)
	r.update(func(tx *store.Tx) error {
		for i, name := range []string{"third", "first", "second", "also second", "past"} {
			at := start.Add([]time.Duration{3, 1, 2, 2, -5}[i] * time.Hour)
			s := &plgv1.Schedule{Time: timestamppb.New(at), Name: name, CustomerId: customer(0)}
			if err := r.Schedule(tx, "PLG1", s, 0); err != nil {
				return err
			}
		}
		var refused *event.Refused
		if err := r.Schedule(tx, "PLG1", &plgv1.Schedule{Name: "never"}, 0); !errors.As(err, &refused) {
			t.Errorf("a schedule without a time: %v", err)
		}
		return nil
	})
	r.idle()
	set(start.Add(150 * time.Minute))
	r.start(clock) // over a restart, too
	r.attach(mine)
	r.attach(other)
	r.idle()
	want := []string{"past as of now", "first as of now", "second as of now", "also second as of now"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q", got)
	}
	if len(other.seen) != 0 {
		t.Errorf("another plugin saw %v", other.seen)
	}
	set(start.Add(4 * time.Hour))
	r.update(func(tx *store.Tx) error { // news make it look at the clock
		return r.Schedule(tx, "PLG1", &plgv1.Schedule{Time: timestamppb.New(start.AddDate(1, 0, 0)), Name: "far"}, 0)
	})
	r.idle()
	if len(got) != 5 || got[4] != "third as of now" {
		t.Errorf("got %q", got)
	}
}

func TestScheduledEventsWakeByThemselves(t *testing.T) {
	r := newRig(t, nil)
	c := &counter{name: "PLG1"}
	r.attach(c)
	due := time.Now().Add(30 * time.Millisecond)
	r.update(func(tx *store.Tx) error {
		return r.Schedule(tx, "PLG1", &plgv1.Schedule{Time: timestamppb.New(due), Name: "soon", CustomerId: customer(0)}, 0)
	})
	eventually(t, "it came", func() bool { return r.count("PLG1", customer(0)) == 1 })
	if time.Now().Before(due) {
		t.Error("it came too early")
	}
}
