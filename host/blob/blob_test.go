package blob

import (
	"path/filepath"
	"testing"

	"mostrador/host/store"
)

func TestAFileIsThereOnceAndAsLongAsItIsHeld(t *testing.T) {
	s, err := store.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	update := func(fn func(tx *store.Tx)) {
		t.Helper()
		if err := s.Update(t.Context(), func(tx *store.Tx) error { fn(tx); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	content := []byte("%PDF-1.7")
	var sha []byte
	update(func(tx *store.Tx) {
		sum := Put(tx, content)
		again := Put(tx, content)
		if sum != again {
			t.Error("two names for one content")
		}
		sha = sum[:]
	})
	update(func(tx *store.Tx) {
		if !Hold(tx, sha) || Hold(tx, []byte("no such file")) {
			t.Error("what is there is held, and nothing else")
		}
	})
	for left := 3; left > 0; left-- {
		update(func(tx *store.Tx) {
			if string(Get(tx, sha)) != string(content) {
				t.Errorf("gone with %d holders left", left)
			}
			Drop(tx, sha)
		})
	}
	update(func(tx *store.Tx) {
		if Get(tx, sha) != nil {
			t.Error("kept for nobody")
		}
		Drop(tx, sha) // nothing happens
	})
}
