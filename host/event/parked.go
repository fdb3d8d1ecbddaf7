package event

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// bucketParked holds the events that a plugin could not handle: plugin, 0, sequence →
// mostradorv1.ParkedEvent.
const bucketParked store.Bucket = "event_parked"

// Parked returns all parked events, by plugin and sequence.
func (e *Engine) Parked(tx *store.Tx) ([]*mostradorv1.ParkedEvent, error) {
	var parked []*mostradorv1.ParkedEvent
	for _, v := range tx.Scan(bucketParked, nil, nil) {
		p := new(mostradorv1.ParkedEvent)
		if err := proto.Unmarshal(v, p); err != nil {
			return nil, fmt.Errorf("event: parked record: %w", err)
		}
		parked = append(parked, p)
	}
	return parked, nil
}

// ParkedCount is how many events of a plugin are parked.
func (e *Engine) ParkedCount(tx *store.Tx, plugin string) (n uint64) {
	for range tx.Scan(bucketParked, append([]byte(plugin), 0), nil) {
		n++
	}
	return n
}

// RetryParked delivers one parked event again, when the consumer's batch under way is done, and commits its
// effects while it leaves the list. It returns ErrNotParked, ErrUnavailable, or why the event failed again;
// it stays parked then.
func (e *Engine) RetryParked(ctx context.Context, plugin string, sequence uint64) error {
	return e.Do(ctx, plugin, func() error { return e.retry(ctx, e.worker(plugin), plugin, sequence) })
}

func (e *Engine) retry(ctx context.Context, w *worker, plugin string, sequence uint64) error {
	if w == nil {
		return ErrNotAttached
	}
	key := parkedKey(plugin, sequence)
	parked := new(mostradorv1.ParkedEvent)
	err := e.Store.View(func(tx *store.Tx) error {
		found, err := store.GetProto(tx, bucketParked, key, parked)
		if err == nil && !found {
			err = ErrNotParked
		}
		return err
	})
	if err != nil {
		return err
	}
	record, err := newRecord(parked.Event)
	if err != nil {
		return err
	}
	effects, err := w.deliverOne(ctx, record)
	if errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
		return err
	}
	if err == nil {
		err = e.Store.Update(ctx, func(tx *store.Tx) error {
			if tx.Get(bucketParked, key) == nil { // discarded meanwhile
				return ErrNotParked
			}
			tx.Delete(bucketParked, key)
			tx.OnCommit(func() { e.ParkedChanged(plugin) })
			return e.apply(tx, plugin, &record, effects)
		})
	}
	if err == nil || errors.Is(err, ErrNotParked) {
		return err
	}
	failure := e.Store.Update(ctx, func(tx *store.Tx) error {
		if tx.Get(bucketParked, key) == nil {
			return nil
		}
		return e.park(tx, plugin, parked.Event, err, int(parked.Attempts)+1)
	})
	return errors.Join(err, failure)
}

// DiscardParked gives up a parked event: it will have no effects for this plugin.
func (e *Engine) DiscardParked(ctx context.Context, plugin string, sequence uint64) error {
	key := parkedKey(plugin, sequence)
	return e.Store.Update(ctx, func(tx *store.Tx) error {
		if tx.Get(bucketParked, key) == nil {
			return ErrNotParked
		}
		tx.Delete(bucketParked, key)
		tx.OnCommit(func() { e.ParkedChanged(plugin) })
		return nil
	})
}

// park puts an event aside with what went wrong.
func (e *Engine) park(tx *store.Tx, plugin string, event *plgv1.Event, cause error, attempts int) error {
	tx.OnCommit(func() { e.ParkedChanged(plugin) })
	if event.Type == TypeErased { // whatever the plugin makes of it
		DeleteState(tx, plugin, event.GetCustomer().GetId())
	}
	return store.PutProto(tx, bucketParked, parkedKey(plugin, event.Sequence), &mostradorv1.ParkedEvent{
		Plugin:   plugin,
		Event:    event,
		Error:    cause.Error(),
		Attempts: int32(attempts),
		Time:     timestamppb.New(e.Now()),
	})
}

func parkedKey(plugin string, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(plugin), 0), sequence)
}
