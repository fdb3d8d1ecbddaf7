package set

import (
	"context"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"mostrador/host/store"
)

func open(t testing.TB, path string) (*store.Store, *Sets) {
	t.Helper()
	st, err := store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(st)
	if err != nil {
		t.Fatal(err)
	}
	return st, s
}

func update(t testing.TB, st *store.Store, f func(tx *store.Tx) error) {
	t.Helper()
	if err := st.Update(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

// TestSetsAreWhatWasPutIntoThem compares with a model after many random changes, and again after the store was opened
// anew.
func TestSetsAreWhatWasPutIntoThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	st, s := open(t, path)
	ids := []ID{Tag(1), Tag(2), Segment(1), Segment(70000), Campaign(3)}
	model := map[ID]map[uint32]bool{}
	for _, id := range ids {
		model[id] = map[uint32]bool{}
	}
	random := rand.New(rand.NewPCG(4, 2))
	compare := func() {
		t.Helper()
		for _, id := range ids {
			want := slices.Sorted(maps.Keys(model[id]))
			if got := s.Members(id).ToArray(); !slices.Equal(got, want) && len(got)+len(want) > 0 {
				t.Fatalf("set %x: %d members, want %d", id, len(got), len(want))
			}
			if s.Count(id) != uint64(len(want)) {
				t.Fatalf("set %x counts %d, want %d", id, s.Count(id), len(want))
			}
		}
		if problems := s.Verify(st); problems != nil {
			t.Fatal(problems)
		}
		if err := st.View(func(tx *store.Tx) error {
			for range 50 {
				number := random.Uint32N(3000)
				var want []ID
				for _, id := range ids {
					if model[id][number] {
						want = append(want, id)
					}
				}
				got, err := s.Of(tx, number)
				if err != nil {
					return err
				}
				if !slices.Equal(got, want) {
					t.Fatalf("%d is in %x, want %x", number, got, want)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for round := range 300 {
		update(t, st, func(tx *store.Tx) error {
			id, in := ids[random.IntN(len(ids))], random.IntN(3) > 0
			if random.IntN(2) == 0 {
				number := random.Uint32N(3000)
				changed, err := s.Put(tx, id, number, in)
				if changed == (model[id][number] == in) {
					t.Errorf("round %d: putting %d: changed %t", round, number, changed)
				}
				put(model[id], number, in)
				return err
			}
			block := random.Uint32N(12)
			var who Block
			for range random.IntN(256) {
				who.Add(random.Uint32N(256))
			}
			changed, err := s.PutBlock(tx, id, block, who, in)
			for _, number := range who.Numbers(block) {
				if changed.Has(number) == (model[id][number] == in) {
					t.Errorf("round %d: block %d: %d changed wrongly", round, block, number)
				}
				put(model[id], number, in)
			}
			return err
		})
		if round%30 == 29 {
			compare()
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			st, s = open(t, path)
			compare()
		}
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
}

func put(members map[uint32]bool, number uint32, in bool) {
	if in {
		members[number] = true
	} else {
		delete(members, number)
	}
}

func TestWhatFailsLeavesTheSetsAsTheyWere(t *testing.T) {
	st, s := open(t, filepath.Join(t.TempDir(), "store.db"))
	defer st.Close()
	err := st.Update(context.Background(), func(tx *store.Tx) error {
		if _, err := s.Put(tx, Tag(1), 7, true); err != nil {
			return err
		}
		return context.Canceled
	})
	if err == nil || s.Count(Tag(1)) != 0 || s.Verify(st) != nil {
		t.Errorf("%v, %d members, %v", err, s.Count(Tag(1)), s.Verify(st))
	}
}

func TestKindsAreApart(t *testing.T) {
	for _, test := range []struct {
		id   ID
		kind Kind
	}{{Tag(5), KindTag}, {Segment(5), KindSegment}, {Campaign(5), KindCampaign}, {Tag(MaxNumber), KindTag}} {
		if test.id.Kind() != test.kind {
			t.Errorf("%x is %d", test.id, test.id.Kind())
		}
	}
	if Tag(5).Number() != 5 || Segment(MaxNumber).Number() != MaxNumber {
		t.Error("numbers are lost")
	}
}

func FuzzARowIsReadOrRefused(f *testing.F) {
	f.Add([]byte{1, 0, 0, 1, 2, 3, 4})
	f.Add([]byte{1, 0, 0, 1, 255})
	f.Fuzz(func(t *testing.T, row []byte) {
		entries, err := decode(row)
		if err != nil {
			return
		}
		for _, e := range entries {
			if e.bits.Len() > BlockSize {
				t.Error(e.bits.Len())
			}
		}
	})
}
