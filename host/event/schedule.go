package event

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// bucketSchedule holds the events to come: time (Unix nanoseconds, big endian), number → plgv1.Event.
const bucketSchedule store.Bucket = "event_schedule"

// Schedule has the plugin handed an event of its own at s.Time, or at once when that is past; generation is the event's.
func (e *Engine) Schedule(tx *store.Tx, plugin string, s *plgv1.Schedule, generation uint32) error {
	if err := s.GetTime().CheckValid(); err != nil {
		return &Refused{fmt.Errorf("event: schedule %q: %w", s.GetName(), err)}
	}
	event := &plgv1.Event{
		Type: TypeScheduled, Generation: generation,
		Actor: &plgv1.Actor{Channel: "plugin:" + plugin},
		Detail: &plgv1.Event_Scheduled{Scheduled: &plgv1.Scheduled{
			Plugin: plugin, Name: s.Name, Data: s.Data,
		}},
	}
	if s.CustomerId != "" {
		event.Customer = &plgv1.Customer{Id: s.CustomerId}
	}
	var nanos int64
	if at := s.Time.AsTime(); at.After(time.Unix(0, 0)) {
		nanos = at.UnixNano()
		if at.Year() > 2200 { // UnixNano ends in 2262
			return &Refused{errors.New("event: schedule: the time is too far ahead")}
		}
	}
	prefix := sequenceKey(uint64(nanos))
	number := uint32(0)
	for k := range tx.ScanReverse(bucketSchedule, prefix, nil) {
		number = binary.BigEndian.Uint32(k[8:]) + 1
		break
	}
	if err := store.PutProto(tx, bucketSchedule, binary.BigEndian.AppendUint32(prefix, number), event); err != nil {
		return err
	}
	tx.OnCommit(e.scheduled.send)
	return nil
}

// nextDue is when the first scheduled event is due.
func nextDue(tx *store.Tx) (at time.Time, some bool) {
	for k := range tx.Scan(bucketSchedule, nil, nil) {
		return time.Unix(0, int64(binary.BigEndian.Uint64(k))), true
	}
	return time.Time{}, false
}

// runSchedule moves scheduled events into the log as they fall due.
func (e *Engine) runSchedule() {
	// The wall clock may be set, or stand still while a laptop sleeps: look at it again at least so often.
	const longest = time.Minute
	for failures := 0; ; {
		changed := e.scheduled.next()
		wait := longest
		err := e.Store.View(func(tx *store.Tx) error {
			if at, some := nextDue(tx); some {
				wait = min(wait, at.Sub(e.Now()))
			}
			return nil
		})
		if err == nil && wait <= 0 {
			err = e.emitDue()
			wait = 0
			e.progress.send()
		}
		if errors.Is(err, store.ErrClosed) {
			return
		}
		if err != nil {
			failures++
			wait = e.Backoff(failures)
			if e.ctx.Err() == nil {
				e.Logger.Error("scheduled events", "error", err)
			}
		} else {
			failures = 0
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-e.ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// emitDue appends the events that are due, a bounded number at once, and takes them off the schedule in the
// same transaction: each enters the log once.
func (e *Engine) emitDue() error {
	const most = 500
	return e.Store.Update(e.ctx, func(tx *store.Tx) error {
		now, n := e.Now(), 0
		for k, v := range tx.Scan(bucketSchedule, nil, nil) {
			if at := time.Unix(0, int64(binary.BigEndian.Uint64(k))); at.After(now) || n == most {
				break
			}
			n++
			event := new(plgv1.Event)
			if err := proto.Unmarshal(v, event); err != nil {
				return fmt.Errorf("event: schedule: %w", err)
			}
			if id := event.GetCustomer().GetId(); id != "" && e.Customer != nil {
				c, err := e.Customer(tx, id)
				switch {
				case err != nil:
					e.Logger.Warn("scheduled event: its customer cannot be read", "customer", id, "error", err)
				case c != nil:
					event.Customer = c
				}
			}
			tx.Delete(bucketSchedule, k)
			if err := e.Log.Append(tx, event); err != nil {
				return err
			}
		}
		return nil
	})
}
