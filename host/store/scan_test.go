package store_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"mostrador/host/store"
)

var errVanish = errors.New("vanish")

// model is what the store should hold.
type model map[string]string

// scan is Scan and ScanReverse, done the simple way.
func (m model) scan(prefix string, bound *string, reverse bool) []string {
	var found []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		inside := bound == nil || !reverse && k > *bound || reverse && k < *bound
		if strings.HasPrefix(k, prefix) && inside {
			found = append(found, k+"="+m[k])
		}
	}
	if reverse {
		slices.Reverse(found)
	}
	return found
}

// compare checks everything that a transaction can be asked against the model.
func compare(t *testing.T, r *rand.Rand, tx *store.Tx, m model) {
	t.Helper()
	for range 4 {
		k := randomKey(r)
		v := tx.Get(things, []byte(k))
		if want, found := m[k]; found != (v != nil) || string(v) != want {
			t.Fatalf("Get %q = %q, want %q (%v)", k, v, want, found)
		}
		prefix := ""
		if r.IntN(2) == 0 {
			prefix = randomKey(r)
			prefix = prefix[:min(len(prefix), 2)]
		}
		var bound *string
		var boundBytes []byte
		if r.IntN(2) == 0 {
			b := randomKey(r)
			if r.IntN(8) == 0 {
				b = ""
			}
			bound, boundBytes = &b, []byte(b)
		}
		for _, reverse := range []bool{false, true} {
			scan := tx.Scan
			if reverse {
				scan = tx.ScanReverse
			}
			var got []string
			for k, v := range scan(things, []byte(prefix), boundBytes) {
				got = append(got, string(k)+"="+string(v))
			}
			if want := m.scan(prefix, bound, reverse); !slices.Equal(got, want) {
				t.Fatalf("scan prefix %q bound %q reverse %v:\n got %q\nwant %q", prefix, boundBytes, reverse, got, want)
			}
		}
	}
}

// randomKey is short, of few letters, so that keys collide and are prefixes of each other.
func randomKey(r *rand.Rand) string {
	const letters = "ab\x00\xff"
	k := make([]byte, r.IntN(5)+1)
	for i := range k {
		k[i] = letters[r.IntN(len(letters))]
	}
	return string(k)
}

// TestTransactionsBehaveLikeAMap runs random transactions, some of which vanish in whole or in part, and
// compares reads and scans with a map inside and after each.
func TestTransactionsBehaveLikeAMap(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			s := open(t, store.Options{NoSync: true})
			kept := model{}
			for range 30 {
				m := maps.Clone(kept)
				steps := func(tx *store.Tx) {
					for range r.IntN(12) {
						k, v := randomKey(r), strings.Repeat("v", r.IntN(40))
						if r.IntN(3) == 0 {
							tx.Delete(things, []byte(k))
							delete(m, k)
						} else {
							tx.Put(things, []byte(k), []byte(v))
							m[k] = v
						}
						if r.IntN(3) == 0 {
							compare(t, r, tx, m)
						}
					}
				}
				vanish := r.IntN(4) == 0
				err := s.Update(t.Context(), func(tx *store.Tx) error {
					steps(tx)
					before := maps.Clone(m)
					failed := r.IntN(2) == 0
					_ = tx.Try(func() error {
						steps(tx)
						if failed {
							return errVanish
						}
						return nil
					})
					if failed {
						m = before
					}
					compare(t, r, tx, m)
					steps(tx)
					if vanish {
						return errVanish
					}
					return nil
				})
				if (err != nil) != vanish {
					t.Fatal(err)
				}
				if !vanish {
					kept = m
				}
				if err := s.View(func(tx *store.Tx) error { compare(t, r, tx, kept); return nil }); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestGroupsBehaveLikeAMap has many writers at once, each of which must see what all before it have written,
// whether that is in the file, being committed or still in the group.
func TestGroupsBehaveLikeAMap(t *testing.T) {
	s := open(t, store.Options{})
	shared := model{} // functions of Update run one at a time
	var wg sync.WaitGroup
	for w := range uint64(12) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(w, 1))
			for range 60 {
				vanish := r.IntN(4) == 0
				err := s.Update(context.Background(), func(tx *store.Tx) error {
					m := maps.Clone(shared)
					for range r.IntN(6) {
						k := randomKey(r)
						if r.IntN(3) == 0 {
							tx.Delete(things, []byte(k))
							delete(m, k)
						} else {
							tx.Put(things, []byte(k), []byte{byte('a' + w)})
							m[k] = string(byte('a' + w))
						}
					}
					compare(t, r, tx, m)
					if vanish {
						return errVanish
					}
					shared = m
					return nil
				})
				if (err != nil) != vanish {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := s.View(func(tx *store.Tx) error {
		compare(t, rand.New(rand.NewPCG(0, 0)), tx, shared)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// TestScanSeesWritesThatLieAhead writes while it scans, over many pages on disk.
func TestScanSeesWritesThatLieAhead(t *testing.T) {
	s := open(t, store.Options{NoSync: true})
	const n = 3000
	key := func(i int) []byte { return fmt.Appendf(nil, "%06d", i) }
	update(t, s, func(tx *store.Tx) error {
		for i := range n {
			tx.Put(things, key(2*i), []byte("disk"))
		}
		return nil
	})
	update(t, s, func(tx *store.Tx) error {
		var seen []string
		for k := range tx.Scan(things, nil, nil) {
			i := 0
			if _, err := fmt.Sscanf(string(k), "%d", &i); err != nil {
				return err
			}
			switch i % 4 {
			case 0: // a new record right ahead
				tx.Put(things, key(i+1), nil)
			case 1: // the next one of the file goes
				tx.Delete(things, key(i+1))
			}
			seen = append(seen, string(k))
		}
		if len(seen) != n { // 0 1 4 5 8 9 ...
			t.Errorf("seen: %d of %d", len(seen), n)
		}
		for i, k := range seen {
			if want := string(key(i/2*4 + i%2)); k != want {
				t.Fatalf("record %d was %q, want %q", i, k, want)
			}
		}
		slices.Reverse(seen)
		var back []string
		for k := range tx.ScanReverse(things, nil, nil) {
			back = append(back, string(k))
			tx.Delete(things, k)
		}
		if !slices.Equal(back, seen) {
			t.Errorf("back: %d records", len(back))
		}
		for k := range tx.Scan(things, nil, nil) {
			t.Errorf("%q is left", k)
		}
		return nil
	})
}
