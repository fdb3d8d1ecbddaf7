package event

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	// bucketEvent holds the log: sequence (big endian) → plgv1.Event.
	bucketEvent store.Bucket = "event"
	// bucketCustomer is the index for a customer's history: id, 0, sequence → nothing. A customer's entries
	// stand side by side.
	bucketCustomer store.Bucket = "event_customer"
)

// TypeScheduled is the type of the events that a plugin scheduled for itself.
const TypeScheduled = "scheduled"

// Log is the store's durable sequence of facts. Sequences begin at 1 and have no gaps.
type Log struct {
	store *store.Store
	news  signal

	mu sync.Mutex
	// consequences are the transactions that are carrying out what an event led to.
	consequences map[*store.Tx]*consequence
}

// consequence is what is appended while the effects of an event are carried out.
type consequence struct {
	generation uint32
	events     int
}

// NewLog returns the log of a store. Programs that share a store file's log share one Log, which knows who
// waits for news; all else is in the transaction that each call is given.
func NewLog(st *store.Store) *Log {
	return &Log{store: st, consequences: map[*store.Tx]*consequence{}}
}

// Following runs do, which carries out within tx what an event of that generation leads to, and returns how many events
// do appended, by whatever package: all of them are of the next generation, or of a later one that they had already.
func (l *Log) Following(tx *store.Tx, generation uint32, do func() error) (events int, err error) {
	c := &consequence{generation: generation + 1}
	l.mu.Lock()
	l.consequences[tx] = c
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.consequences, tx)
	}()
	err = do()
	return c.events, err
}

// follows notes that an event is appended, and puts it behind the one that it follows from, if any.
func (l *Log) follows(tx *store.Tx, e *plgv1.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.consequences[tx]; c != nil {
		e.Generation = max(e.Generation, c.generation)
		c.events++
	}
}

// Append adds e at the end of the log; it sets e.Sequence, and e.Time when there is none. The event is a
// fact when tx is durable.
func (l *Log) Append(tx *store.Tx, e *plgv1.Event) error {
	l.follows(tx, e)
	e.Sequence = l.Last(tx) + 1
	if e.Time == nil {
		e.Time = timestamppb.Now()
	}
	if err := store.PutProto(tx, bucketEvent, sequenceKey(e.Sequence), e); err != nil {
		return fmt.Errorf("event: append %s: %w", e.Type, err)
	}
	for _, id := range concerned(e) {
		tx.Put(bucketCustomer, customerKey(id, e.Sequence), nil)
	}
	tx.OnCommit(l.news.send)
	return nil
}

// concerned are the ids of the customers in whose history an event stands.
func concerned(e *plgv1.Event) []string {
	var ids []string
	for _, c := range []*plgv1.Customer{e.GetCustomer(), e.GetCustomerMerged().GetGone(), e.GetCustomerUnmerged().GetGone()} {
		if c.GetId() != "" {
			ids = append(ids, c.GetId())
		}
	}
	return ids
}

// Last returns the sequence of the newest event, 0 for an empty log.
func (l *Log) Last(tx *store.Tx) uint64 {
	for k := range tx.ScanReverse(bucketEvent, nil, nil) {
		return binary.BigEndian.Uint64(k)
	}
	return 0
}

// Get returns one event, nil when there is none of that sequence.
func (l *Log) Get(tx *store.Tx, sequence uint64) (*plgv1.Event, error) {
	e := new(plgv1.Event)
	if found, err := store.GetProto(tx, bucketEvent, sequenceKey(sequence), e); !found || err != nil {
		return nil, err
	}
	return e, nil
}

// Query says which events to list.
type Query struct {
	// After and Before bound the sequences, themselves excluded. 0 means no bound.
	After, Before uint64
	// Customer is an id, Type an event type; empty means all.
	Customer, Type string
	// Newest lists the newest first.
	Newest bool
	// Limit is how many to return at most; 0 means all.
	Limit int
}

// Read returns up to limit events after a sequence, oldest first.
func (l *Log) Read(tx *store.Tx, after uint64, limit int) ([]*plgv1.Event, error) {
	return l.List(tx, Query{After: after, Limit: limit})
}

// ReadNewest returns up to limit events before a sequence (0: from the end), newest first.
func (l *Log) ReadNewest(tx *store.Tx, before uint64, limit int) ([]*plgv1.Event, error) {
	return l.List(tx, Query{Before: before, Limit: limit, Newest: true})
}

// List returns the events that q asks for.
func (l *Log) List(tx *store.Tx, q Query) ([]*plgv1.Event, error) {
	bucket, prefix := bucketEvent, []byte(nil)
	if q.Customer != "" {
		bucket, prefix = bucketCustomer, customerPrefix(q.Customer)
	}
	var bound []byte
	scan := tx.Scan
	switch {
	case q.Newest:
		scan = tx.ScanReverse
		if q.Before > 0 {
			bound = binary.BigEndian.AppendUint64(prefix[:len(prefix):len(prefix)], q.Before)
		}
	case q.After > 0:
		bound = binary.BigEndian.AppendUint64(prefix[:len(prefix):len(prefix)], q.After)
	}
	var events []*plgv1.Event
	for k, v := range scan(bucket, prefix, bound) {
		sequence := binary.BigEndian.Uint64(k[len(prefix):])
		if q.Newest && sequence <= q.After || !q.Newest && q.Before > 0 && sequence >= q.Before {
			break
		}
		if q.Customer != "" {
			v = tx.Get(bucketEvent, sequenceKey(sequence))
		}
		if q.Type != "" {
			if kind, _ := head(v); string(kind) != q.Type {
				continue
			}
		}
		e := new(plgv1.Event)
		if err := proto.Unmarshal(v, e); err != nil {
			return nil, fmt.Errorf("event: record %d: %w", sequence, err)
		}
		if events = append(events, e); len(events) == q.Limit {
			break
		}
	}
	return events, nil
}

// Changed returns a channel that is closed when the next event is durable. Get it before you read, then
// nothing is missed.
func (l *Log) Changed() <-chan struct{} { return l.news.next() }

// Wait returns when the log has an event after this sequence, or with ctx's error.
func (l *Log) Wait(ctx context.Context, after uint64) error {
	for {
		changed := l.Changed()
		var last uint64
		if err := l.store.View(func(tx *store.Tx) error { last = l.Last(tx); return nil }); err != nil {
			return err
		}
		if last > after {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func sequenceKey(sequence uint64) []byte { return binary.BigEndian.AppendUint64(nil, sequence) }

func customerPrefix(id string) []byte { return append([]byte(id), 0) }

func customerKey(id string, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(customerPrefix(id), sequence)
}
