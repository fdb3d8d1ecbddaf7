package event

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"mostrador/host/store"
)

// Data is the encoded plgv1.Event, as it stands in the log.
func (r *Record) Data() []byte { return r.data }

// Type is the event's type.
func (r *Record) Type() string { return string(field(r.data, fieldType)) }

// Before returns the last sequence of the log before a time, 0 when there is none. Events stand in the log nearly in the
// order of their times; among those that do not, the border is anywhere.
func (l *Log) Before(tx *store.Tx, at time.Time) (uint64, error) {
	low, high := uint64(0), l.Last(tx) // of low it is known that it is before, of all above high that they are not
	for low < high {
		middle := low + (high-low+1)/2
		e, err := l.Get(tx, middle)
		switch {
		case err != nil:
			return 0, err
		case e == nil:
			return 0, fmt.Errorf("event: the log has no event %d", middle)
		case e.GetTime().AsTime().Before(at):
			low = middle
		default:
			high = middle - 1
		}
	}
	return low, nil
}

// Past returns the events that wanted wants among those after a sequence and up to another: at most limit of them and size
// bytes, and one at least. next is the sequence up to which it looked.
func (l *Log) Past(tx *store.Tx, after, upto uint64, limit, size int, wanted func(eventType string) bool) (events []Record, next uint64) {
	next = after
	seen := 0
	for k, v := range tx.Scan(bucketEvent, nil, sequenceKey(after)) {
		sequence := binary.BigEndian.Uint64(k)
		if sequence > upto || len(events) == limit || seen == glance {
			return events, next
		}
		seen++
		kind, customer := head(v)
		if wanted(string(kind)) {
			if size -= len(v); size < 0 && len(events) > 0 {
				return events, next
			}
			events = append(events, recordOf(sequence, kind, customer, bytes.Clone(v)))
		}
		next = sequence
	}
	return events, upto
}
