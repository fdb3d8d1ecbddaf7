package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"go.etcd.io/bbolt"

	"mostrador/host/store"
)

// puts is what one registration writes: seven records in three buckets, of which four scatter.
func puts(i int, put func(bucket store.Bucket, key, value []byte)) {
	value := make([]byte, 290)
	scattered := uint64(i) * 0x9e3779b97f4a7c15
	put("customer", fmt.Appendf(nil, "%016x", i), value)
	put("event", fmt.Appendf(nil, "%016x", i), value)
	put("message", fmt.Appendf(nil, "%016x", i), value)
	for j := range uint64(4) {
		put("index", fmt.Appendf(nil, "%d/%016x", j, scattered>>j), value[:16])
	}
}

// BenchmarkUpdate is a lone writer, and 64 at once.
func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := open(b, store.Options{})
			work := make(chan int, writers)
			var wg sync.WaitGroup
			b.ResetTimer()
			for range writers {
				wg.Go(func() {
					for i := range work {
						if err := s.Update(context.Background(), func(tx *store.Tx) error {
							puts(i, tx.Put)
							return nil
						}); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for i := range b.N {
				work <- i
			}
			close(work)
			wg.Wait()
		})
	}
}

// BenchmarkBbolt is the same puts straight into bbolt, 1 and 64 registrations a transaction.
func BenchmarkBbolt(b *testing.B) {
	for _, group := range []int{1, 64} {
		b.Run(fmt.Sprintf("group=%d", group), func(b *testing.B) {
			db, err := bbolt.Open(filepath.Join(b.TempDir(), "bbolt.db"), 0o600, nil)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			b.ResetTimer()
			for i := 0; i < b.N; i += group {
				err := db.Update(func(tx *bbolt.Tx) error {
					for j := i; j < min(i+group, b.N); j++ {
						puts(j, func(bucket store.Bucket, key, value []byte) {
							b, err := tx.CreateBucketIfNotExists([]byte(bucket))
							if err == nil {
								_ = b.Put(key, value)
							}
						})
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
