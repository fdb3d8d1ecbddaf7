package event_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"

	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// stateSize is the size of a plugin's record of a customer in the benchmarks.
const stateSize = 120

// wire is a consumer that does what a plugin process does to the host, without the process: the batch is
// encoded, and an answer with one record an event is decoded.
type wire struct{}

func (wire) Name() string        { return "PLG0002" }
func (wire) Handles(string) bool { return true }

func (wire) Deliver(_ context.Context, b *plgv1.Batch) (*plgv1.BatchDone, error) {
	if _, err := proto.Marshal(b); err != nil {
		return nil, err
	}
	answer := new(plgv1.BatchDone)
	for range b.Deliveries {
		save := &plgv1.SaveState{State: make([]byte, stateSize)}
		answer.Outcomes = append(answer.Outcomes, &plgv1.Outcome{
			Effects: []*plgv1.Effect{{Effect: &plgv1.Effect_SaveState{SaveState: save}}},
		})
	}
	encoded, err := proto.Marshal(answer)
	if err != nil {
		return nil, err
	}
	done := new(plgv1.BatchDone)
	return done, proto.Unmarshal(encoded, done)
}

// scatter is the customer of the i-th event: no neighbour of the one before.
func scatter(i, customers int) string {
	return fmt.Sprintf("%08x-0000-7000-8000-000000000000", uint32(i%customers)*2654435761)
}

// BenchmarkDeliver is events a second through the engine, one state write each, beside
// BenchmarkDirect, the same writes straight into bbolt.
func BenchmarkDeliver(b *testing.B) {
	for _, customers := range []int{10_000, 200_000} {
		b.Run(fmt.Sprintf("customers=%d", customers), func(b *testing.B) {
			s, err := store.Open(filepath.Join(b.TempDir(), "store.db"), store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			log := event.NewLog(s)
			e := event.NewEngine(event.Config{Store: s, Log: log, Applier: &applier{log: log}})
			defer e.Close()
			update := func(from, to int, fn func(tx *store.Tx, i int) error) {
				for i := from; i < to; {
					if err := s.Update(b.Context(), func(tx *store.Tx) error {
						for end := min(i+10_000, to); i < end; i++ {
							if err := fn(tx, i); err != nil {
								return err
							}
						}
						return nil
					}); err != nil {
						b.Fatal(err)
					}
				}
			}
			update(0, customers, func(tx *store.Tx, i int) error {
				event.PutState(tx, "PLG0002", scatter(i, customers), make([]byte, stateSize))
				return nil
			})
			update(0, b.N, func(tx *store.Tx, i int) error {
				id := scatter(i, customers)
				return log.Append(tx, &plgv1.Event{
					Type:     "sale.completed",
					Actor:    &plgv1.Actor{Operator: "ana", Till: "1", Channel: "gui"},
					Customer: &plgv1.Customer{Id: id, Name: "Ana García", Phone: "+34600111222", Email: "ana@example.org"},
					Detail: &plgv1.Event_SaleCompleted{SaleCompleted: &plgv1.SaleCompleted{Sale: &plgv1.Sale{
						Receipt: fmt.Sprint(i), CustomerId: id, Total: &plgv1.Money{Minor: 1250, Currency: "EUR"},
					}}},
				})
			})
			b.ResetTimer()
			if err := e.Attach(wire{}); err != nil {
				b.Fatal(err)
			}
			if err := e.Idle(b.Context()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkDirect puts the states and a cursor straight into bbolt, 1000 a transaction.
func BenchmarkDirect(b *testing.B) {
	for _, customers := range []int{10_000, 200_000} {
		b.Run(fmt.Sprintf("customers=%d", customers), func(b *testing.B) {
			db, err := bbolt.Open(filepath.Join(b.TempDir(), "bbolt.db"), 0o600, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			write := func(n, batch int) {
				for i := 0; i < n; {
					if err := db.Update(func(tx *bbolt.Tx) error {
						states, err := tx.CreateBucketIfNotExists([]byte("plugin_state"))
						if err != nil {
							return err
						}
						cursors, err := tx.CreateBucketIfNotExists([]byte("event_cursor"))
						if err != nil {
							return err
						}
						for end := min(i+batch, n); i < end; i++ {
							key := "PLG0002/" + scatter(i, customers)
							if err := states.Put([]byte(key), make([]byte, stateSize)); err != nil {
								return err
							}
						}
						return cursors.Put([]byte("PLG0002"), make([]byte, 8))
					}); err != nil {
						b.Fatal(err)
					}
				}
			}
			write(customers, 10_000)
			b.ResetTimer()
			write(b.N, 1000)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
