package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const things store.Bucket = "things"

func open(t testing.TB, opt store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(filepath.Join(t.TempDir(), "store.db"), opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func update(t testing.TB, s *store.Store, fn func(*store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, s *store.Store, key string) (value string, found bool) {
	t.Helper()
	if err := s.View(func(tx *store.Tx) error {
		v := tx.Get(things, []byte(key))
		value, found = string(v), v != nil
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return value, found
}

func put(tx *store.Tx, key, value string) { tx.Put(things, []byte(key), []byte(value)) }

func keys(tx *store.Tx) (all []string) {
	for k := range tx.Scan(things, nil, nil) {
		all = append(all, string(k))
	}
	return all
}

func TestWhatUpdateReturnedIsThereAfterReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	update(t, s, func(tx *store.Tx) error { put(tx, "a", "1"); put(tx, "empty", ""); return nil })
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = store.Open(path, store.Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if v, _ := get(t, s, "a"); v != "1" {
		t.Errorf("a = %q", v)
	}
	if _, found := get(t, s, "empty"); !found {
		t.Error("a record with an empty value is not there")
	}
	if _, found := get(t, s, "b"); found {
		t.Error("b was never written")
	}
}

func TestTransactionReadsItsOwnWrites(t *testing.T) {
	s := open(t, store.Options{NoSync: true})
	update(t, s, func(tx *store.Tx) error { put(tx, "a", "1"); put(tx, "b", "1"); return nil })
	update(t, s, func(tx *store.Tx) error {
		put(tx, "a", "2")
		put(tx, "c", "2")
		tx.Delete(things, []byte("b"))
		if v := string(tx.Get(things, []byte("a"))); v != "2" {
			t.Errorf("a = %q", v)
		}
		if tx.Get(things, []byte("b")) != nil {
			t.Error("b is deleted and still there")
		}
		if got := strings.Join(keys(tx), " "); got != "a c" {
			t.Errorf("scan: %s", got)
		}
		return nil
	})
}

// held fills a group: it keeps the store's turn until n more callers wait for it.
func held(t *testing.T, s *store.Store, n int, member func(i int)) {
	t.Helper()
	var wg sync.WaitGroup
	var waiting atomic.Int32
	entered, release := make(chan struct{}), make(chan struct{})
	wg.Go(func() {
		err := s.Update(context.Background(), func(tx *store.Tx) error {
			close(entered)
			<-release
			put(tx, "first", "")
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-entered
	for i := range n {
		wg.Go(func() {
			waiting.Add(1)
			member(i)
		})
	}
	for waiting.Load() < int32(n) {
		runtime.Gosched()
	}
	close(release)
	wg.Wait()
}

func TestFailingMembersTakeOnlyTheirOwnWrites(t *testing.T) {
	s := open(t, store.Options{})
	update(t, s, func(tx *store.Tx) error { put(tx, "shared", "before"); return nil })
	refused := errors.New("refused")
	var hooks atomic.Int32
	const members = 30
	errs := make([]error, members)
	held(t, s, members, func(i int) {
		errs[i] = s.Update(context.Background(), func(tx *store.Tx) error {
			put(tx, fmt.Sprintf("member%02d", i), "x")
			tx.OnCommit(func() { hooks.Add(1) })
			switch i % 3 {
			case 1:
				put(tx, "shared", "lost")
				tx.Delete(things, []byte("member00"))
				return refused
			case 2:
				tx.Delete(things, []byte("shared"))
				panic("a bug")
			}
			return nil
		})
	})
	for i, err := range errs {
		switch {
		case i%3 == 0 && err != nil:
			t.Errorf("member %d: %v", i, err)
		case i%3 == 1 && !errors.Is(err, refused):
			t.Errorf("member %d: %v, not its own error", i, err)
		case i%3 == 2 && (err == nil || !strings.Contains(err.Error(), "a bug")):
			t.Errorf("member %d: %v, not its panic", i, err)
		}
		if _, found := get(t, s, fmt.Sprintf("member%02d", i)); found != (i%3 == 0) {
			t.Errorf("member %d: its record is there: %v", i, found)
		}
	}
	if v, _ := get(t, s, "shared"); v != "before" {
		t.Errorf("shared = %q", v)
	}
	if hooks.Load() != members/3 {
		t.Errorf("%d hooks ran", hooks.Load())
	}
}

func TestMemberSeesEarlierMembers(t *testing.T) {
	s := open(t, store.Options{})
	const members = 50
	held(t, s, members, func(int) {
		if err := s.Update(context.Background(), func(tx *store.Tx) error {
			n := len(tx.Get(things, []byte("counter")))
			put(tx, "counter", strings.Repeat("x", n+1))
			put(tx, fmt.Sprintf("n%02d", n), "")
			if got := len(keys(tx)); got != n+3 { // first, counter, n00..
				return fmt.Errorf("scan sees %d records as member %d", got, n)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	if v, _ := get(t, s, "counter"); len(v) != members {
		t.Errorf("counted %d of %d", len(v), members)
	}
}

func TestManyWritersCountEachOnce(t *testing.T) {
	s := open(t, store.Options{NoSync: true})
	const writers, each = 16, 150
	var hooks atomic.Int32
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				err := s.Update(context.Background(), func(tx *store.Tx) error {
					n := len(tx.Get(things, []byte("counter")))
					put(tx, "counter", strings.Repeat("x", n+1))
					put(tx, fmt.Sprintf("w%02d/%04d", w, i), "")
					tx.OnCommit(func() { hooks.Add(1) })
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				if _, found := get(t, s, fmt.Sprintf("w%02d/%04d", w, i)); !found {
					t.Error("Update returned before its record could be read")
				}
			}
		})
	}
	wg.Wait()
	if v, _ := get(t, s, "counter"); len(v) != writers*each || hooks.Load() != writers*each {
		t.Errorf("counted %d, hooks %d, of %d", len(v), hooks.Load(), writers*each)
	}
}

func TestTryLosesOnlyItsPart(t *testing.T) {
	s := open(t, store.Options{NoSync: true})
	update(t, s, func(tx *store.Tx) error { put(tx, "a", "1"); put(tx, "b", "1"); return nil })
	var ran []string
	update(t, s, func(tx *store.Tx) error {
		put(tx, "a", "2")
		tx.OnCommit(func() { ran = append(ran, "outer") })
		for _, fn := range []func() error{
			func() error { return errors.New("no") },
			func() error { panic("no") },
		} {
			err := tx.Try(func() error {
				put(tx, "a", "3")
				put(tx, "c", "3")
				tx.Delete(things, []byte("b"))
				tx.OnCommit(func() { ran = append(ran, "tried") })
				return fn()
			})
			if err == nil {
				t.Error("Try lost the error")
			}
			if got := strings.Join(keys(tx), " "); got != "a b" {
				t.Errorf("after Try: %s", got)
			}
		}
		put(tx, "c", "4")
		return tx.Try(func() error { put(tx, "d", "4"); return nil })
	})
	for k, want := range map[string]string{"a": "2", "b": "1", "c": "4", "d": "4"} {
		if v, _ := get(t, s, k); v != want {
			t.Errorf("%s = %q, want %q", k, v, want)
		}
	}
	if strings.Join(ran, " ") != "outer" {
		t.Errorf("hooks: %v", ran)
	}
}

func TestContextCountsUntilTheFunctionBegins(t *testing.T) {
	s := open(t, store.Options{NoSync: true})
	entered, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	begun, cancelBegun := context.WithCancel(t.Context())
	go func() {
		done <- s.Update(begun, func(tx *store.Tx) error {
			close(entered)
			<-release
			put(tx, "begun", "")
			return nil
		})
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := s.Update(ctx, func(*store.Tx) error { t.Error("began although its context had ended"); return nil })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting: %v", err)
	}
	cancelBegun()
	close(release)
	if err := <-done; err != nil {
		t.Errorf("begun: %v", err)
	}
	if _, found := get(t, s, "begun"); !found {
		t.Error("what had begun was not committed")
	}
	if err := s.Update(begun, func(*store.Tx) error { t.Error("began"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
}

func TestHooksRunInOrderAfterDurability(t *testing.T) {
	s := open(t, store.Options{})
	var order []int
	n := 0
	held(t, s, 20, func(int) {
		err := s.Update(context.Background(), func(tx *store.Tx) error {
			i := n
			n++
			put(tx, fmt.Sprintf("%02d", i), "")
			tx.OnCommit(func() {
				if _, found := get(t, s, fmt.Sprintf("%02d", i)); !found {
					t.Error("the hook came before the record")
				}
				order = append(order, i)
			})
			if i == 7 {
				tx.OnCommit(func() { panic("a hook's bug is nobody else's") })
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	for i, got := range order {
		if i != got {
			t.Fatalf("order %v", order)
		}
	}
	if len(order) != 20 {
		t.Errorf("%d hooks", len(order))
	}
}

func TestWrongUseIsAnError(t *testing.T) {
	s := open(t, store.Options{NoSync: true})
	ctx := t.Context()
	for name, err := range map[string]error{
		"Put in a View":      s.View(func(tx *store.Tx) error { put(tx, "a", ""); return nil }),
		"Delete in a View":   s.View(func(tx *store.Tx) error { tx.Delete(things, []byte("a")); return nil }),
		"OnCommit in a View": s.View(func(tx *store.Tx) error { tx.OnCommit(func() {}); return nil }),
		"PutProto in a View": s.View(func(tx *store.Tx) error {
			return store.PutProto(tx, things, []byte("a"), &plgv1.Customer{})
		}),
		"an empty key": s.Update(ctx, func(tx *store.Tx) error { put(tx, "ok", ""); put(tx, "", ""); return nil }),
		"a long key": s.Update(ctx, func(tx *store.Tx) error {
			put(tx, strings.Repeat("k", 1<<16), "")
			return nil
		}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, found := get(t, s, "ok"); found {
		t.Error("a wrong transaction left a record")
	}
}

func TestPutCopies(t *testing.T) {
	s := open(t, store.Options{NoSync: true})
	key, value := []byte("key"), []byte("value")
	update(t, s, func(tx *store.Tx) error {
		tx.Put(things, key, value)
		copy(key, "xxx")
		copy(value, "xxxxx")
		return nil
	})
	if v, _ := get(t, s, "key"); v != "value" {
		t.Errorf("key = %q", v)
	}
}

func TestMessagesAreRecords(t *testing.T) {
	s := open(t, store.Options{NoSync: true})
	want := &plgv1.Customer{Id: "c1", Name: "Íñigo", Tags: []string{"a", "b"}}
	update(t, s, func(tx *store.Tx) error {
		put(tx, "broken", "\xff\xff")
		return errors.Join(store.PutProto(tx, things, []byte("c"), want),
			store.PutProto(tx, things, []byte("empty"), &plgv1.Customer{}))
	})
	if err := s.View(func(tx *store.Tx) error {
		got := &plgv1.Customer{Name: "left over"}
		if found, err := store.GetProto(tx, things, []byte("c"), got); !found || err != nil || !proto.Equal(got, want) {
			t.Errorf("%v %v %v", found, err, got)
		}
		if found, err := store.GetProto(tx, things, []byte("empty"), got); !found || err != nil || got.Name != "" {
			t.Errorf("empty: %v %v %v", found, err, got)
		}
		if found, err := store.GetProto(tx, things, []byte("none"), got); found || err != nil {
			t.Errorf("none: %v %v", found, err)
		}
		if found, err := store.GetProto(tx, things, []byte("broken"), got); !found || err == nil {
			t.Errorf("broken: %v %v", found, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestCloseWaitsForWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var acknowledged sync.Map
	var wg sync.WaitGroup
	var started atomic.Int32
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%d/%d", w, i)
				err := s.Update(context.Background(), func(tx *store.Tx) error { put(tx, key, ""); return nil })
				if errors.Is(err, store.ErrClosed) {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				acknowledged.Store(key, true)
				started.Add(1)
			}
		})
	}
	for started.Load() < 100 {
		runtime.Gosched()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := s.View(func(*store.Tx) error { return nil }); !errors.Is(err, store.ErrClosed) {
		t.Errorf("View after Close: %v", err)
	}
	if s, err = store.Open(path, store.Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	acknowledged.Range(func(key, _ any) bool {
		if _, found := get(t, s, key.(string)); !found {
			t.Errorf("%s was acknowledged and is lost", key)
		}
		return true
	})
}

func TestOpenFileIsRefusedToAnotherInTime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := store.Open(path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := store.Open(path, store.Options{Timeout: 20 * time.Millisecond}); err == nil {
		t.Error("opened twice")
	}
}

func TestFunctionThatEndsItsGoroutineBlocksNobody(t *testing.T) {
	s := open(t, store.Options{NoSync: true})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Update(context.Background(), func(tx *store.Tx) error {
			put(tx, "gone", "")
			runtime.Goexit()
			return nil
		})
	}()
	<-done
	update(t, s, func(tx *store.Tx) error { put(tx, "next", ""); return nil })
	if _, found := get(t, s, "gone"); found {
		t.Error("an unfinished transaction was committed")
	}
}

func TestReadersAndGrowthDoNotBlockEachOther(t *testing.T) {
	s := open(t, store.Options{NoSync: true})
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				_ = s.View(func(tx *store.Tx) error {
					for k, v := range tx.Scan(things, nil, nil) {
						if !bytes.HasPrefix(v, k) {
							t.Errorf("record %q is torn", k)
						}
					}
					return nil
				})
			}
		})
	}
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := range 40 {
				key := fmt.Sprintf("%d/%03d", w, i)
				update(t, s, func(tx *store.Tx) error {
					put(tx, key, key+strings.Repeat("x", 20000))
					return nil
				})
			}
		})
	}
	writers.Wait()
	close(stop)
	wg.Wait()
}
