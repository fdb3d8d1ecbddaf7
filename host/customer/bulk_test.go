package customer

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// TestJudgeSaysWhatTheFormSays holds the fast ways of a Judge to what Register would say.
func TestJudgeSaysWhatTheFormSays(t *testing.T) {
	s := newService(t, nil)
	j := s.NewJudge(t.Context(), "")
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	for range 3000 {
		c := &plgv1.Customer{
			Name: pick("", "Ana", " Íñigo  Núñez ", "a\u202eb", "12"), Phone: pick("", "600111222", "+34 600 111 222", "12", "0034600111222", "١٢٣", "9", "803123123"),
			Email: pick("", "a@example.com", "A@EXAMPLE.com", "a@", "x@gmial.com"), Language: pick("", "es", "ES-es", "zz-", "en_GB", "x"),
		}
		for range random.IntN(3) {
			c.Cards = append(c.Cards, pick("A1", "a 1", "C-2", "!", "ñ", "A1"))
		}
		if random.IntN(3) == 0 {
			c.Fields = map[string]string{pick("ciudad", "x y"): pick("Bilbao", "a\x00b")}
		}
		form, fast := proto.CloneOf(c), proto.CloneOf(c)
		v := s.judge(t.Context())
		s.judgeNew(v, form)
		said := j.Values(fast)
		if !Wrong(said) {
			said = append(said, j.Whole(fast)...)
		}
		if Wrong(said) != Wrong(v.Diagnostics) || !Wrong(said) && !proto.Equal(form, fast) {
			t.Fatalf("of %v the form says %v and keeps %v, the judge says %v and keeps %v", c, v.Diagnostics, form, said, fast)
		}
	}
}

// TestHoldersFindsWhatASearchForEachKeyFinds compares the walk through sorted keys with looking each of them up.
func TestHoldersFindsWhatASearchForEachKeyFinds(t *testing.T) {
	s := newService(t, nil)
	random := rand.New(rand.NewPCG(5, 6))
	for round := range 60 {
		stored := random.IntN(400)
		if err := s.Store.Update(t.Context(), func(tx *store.Tx) error {
			for range stored {
				s.Claim(tx, fmt.Appendf(nil, "p+%06d", random.IntN(4000)), 1+random.Uint32N(1000))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		var keys [][]byte
		for range 1 + random.IntN(300) {
			keys = append(keys, fmt.Appendf(nil, "%c+%06d", "cp"[random.IntN(2)], random.IntN(4000)))
		}
		slices.SortFunc(keys, bytes.Compare)
		keys = slices.CompactFunc(keys, bytes.Equal)
		if err := s.Store.View(func(tx *store.Tx) error {
			got := map[int]uint32{}
			s.Holders(tx, keys, func(i int, number uint32) { got[i] = number })
			for i, key := range keys {
				if want := numberOf(tx.Get(bucketIndex, key)); got[i] != want {
					t.Fatalf("round %d: %s belongs to %d, found %d", round, key, want, got[i])
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}
