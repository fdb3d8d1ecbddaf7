package marketplace

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// TestEmbeddedEngine runs the conformance suite on the embedded engine.
func TestEmbeddedEngine(t *testing.T) {
	testEngine(t, func(t *testing.T, path string) (Engine, func()) {
		st, err := store.Open(path, store.Options{NoSync: true})
		if err != nil {
			t.Fatal(err)
		}
		return NewEmbedded(st), func() {
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// testEngine is what every engine must do. open opens what is kept at path, again after close.
func testEngine(t *testing.T, open func(t *testing.T, path string) (Engine, func())) {
	begin := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	accept := func(customer, activation string, at time.Duration) *mostradorv1.WebAct {
		return &mostradorv1.WebAct{
			Kind: mostradorv1.WebAct_KIND_ACCEPT, CustomerId: customer, ActivationId: activation,
			Means: plgv1.Means_MEANS_LINK, Time: timestamppb.New(begin.Add(at)), Ip: "192.0.2.1",
		}
	}
	optOut := func(customer string, at time.Duration) *mostradorv1.WebAct {
		return &mostradorv1.WebAct{
			Kind: mostradorv1.WebAct_KIND_OPT_OUT, CustomerId: customer,
			Means: plgv1.Means_MEANS_ONE_CLICK, Time: timestamppb.New(begin.Add(at)),
		}
	}
	fresh := func(t *testing.T) Engine {
		e, closeEngine := open(t, filepath.Join(t.TempDir(), "marketplace.db"))
		t.Cleanup(closeEngine)
		return e
	}
	act := func(t *testing.T, e Engine, a *mostradorv1.WebAct) (*mostradorv1.WebAct, bool) {
		t.Helper()
		kept, repeated, err := e.Act(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		return kept, repeated
	}

	t.Run("acts come out in order and from any place", func(t *testing.T) {
		e := fresh(t)
		for i, customer := range []string{"ana", "luis", "eva"} {
			act(t, e, accept(customer, "1", time.Duration(i)*time.Second))
		}
		first := read(t, e, 0, 2)
		if len(first) != 2 || first[0].CustomerId != "ana" || first[1].CustomerId != "luis" {
			t.Fatalf("first page %v", first)
		}
		rest := read(t, e, first[1].Sequence, 10)
		if len(rest) != 1 || rest[0].CustomerId != "eva" || rest[0].Ip != "192.0.2.1" {
			t.Fatalf("second page %v", rest)
		}
	})
	t.Run("a press again at once is the same press", func(t *testing.T) {
		e := fresh(t)
		one, _ := act(t, e, accept("ana", "1", 0))
		read(t, e, one.Sequence-1, 10)
		waitRead(t, e, one.Sequence)
		two, repeated := act(t, e, accept("ana", "1", 30*time.Second))
		if !repeated || two.Sequence != one.Sequence || len(read(t, e, 0, 10)) != 1 {
			t.Fatalf("repeated %v, acts %v", repeated, read(t, e, 0, 10))
		}
	})
	t.Run("a press again is the same press while the store is cut off", func(t *testing.T) {
		e := fresh(t)
		act(t, e, accept("ana", "1", 0))
		if _, repeated := act(t, e, accept("ana", "1", 48*time.Hour)); !repeated {
			t.Fatal("kept twice")
		}
	})
	t.Run("an opt-out after the store has read the last one is a new one", func(t *testing.T) {
		e := fresh(t)
		one, _ := act(t, e, optOut("ana", 0))
		waitRead(t, e, one.Sequence)
		if _, repeated := act(t, e, optOut("ana", time.Hour)); repeated {
			t.Fatal("the customer may have come back in the store, but his opt-out was dropped")
		}
	})
	t.Run("an acceptance after an opt-out is the next round", func(t *testing.T) {
		e := fresh(t)
		if one, _ := act(t, e, accept("ana", "1", 0)); one.Round != 1 {
			t.Fatalf("round %d", one.Round)
		}
		act(t, e, optOut("ana", time.Second))
		if two, repeated := act(t, e, accept("ana", "1", 2*time.Second)); repeated || two.Round != 2 {
			t.Fatalf("round %d repeated %v", two.Round, repeated)
		}
	})
	t.Run("an acceptance after an opt-out is never round one", func(t *testing.T) {
		e := fresh(t)
		act(t, e, optOut("ana", 0))
		if one, _ := act(t, e, accept("ana", "1", time.Second)); one.Round != 2 {
			t.Fatalf("round %d", one.Round)
		}
	})
	t.Run("another activation is another acceptance", func(t *testing.T) {
		e := fresh(t)
		act(t, e, accept("ana", "1", 0))
		if two, repeated := act(t, e, accept("ana", "2", time.Second)); repeated || two.Round != 1 {
			t.Fatalf("round %d repeated %v", two.Round, repeated)
		}
	})
	t.Run("many at once are kept once each", func(t *testing.T) {
		e := fresh(t)
		var group sync.WaitGroup
		for range 32 {
			group.Go(func() {
				if _, _, err := e.Act(context.Background(), accept("ana", "1", 0)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if acts := read(t, e, 0, 100); len(acts) != 1 {
			t.Fatalf("%d acts", len(acts))
		}
	})
	t.Run("a reader that waits is woken at once", func(t *testing.T) {
		e := fresh(t)
		got := make(chan []*mostradorv1.WebAct)
		go func() {
			acts, _ := e.Read(t.Context(), 0, 10)
			got <- acts
		}()
		one, _ := act(t, e, accept("ana", "1", 0))
		select {
		case acts := <-got:
			if len(acts) != 1 || acts[0].Sequence != one.Sequence {
				t.Fatalf("acts %v", acts)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("not woken")
		}
	})
	t.Run("a reader whose time ends says so", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if acts, err := fresh(t).Read(ctx, 0, 10); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("acts %v, error %v", acts, err)
		}
	})
	t.Run("everything is there after a restart", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "marketplace.db")
		e, closeEngine := open(t, path)
		one, _ := act(t, e, accept("ana", "1", 0))
		if err := e.Publish(t.Context(), &Profile{StoreName: "Sol"}); err != nil {
			t.Fatal(err)
		}
		closeEngine()
		e, closeEngine = open(t, path)
		defer closeEngine()
		if latest, err := e.Latest(t.Context(), "ana"); err != nil || latest.Sequence != one.Sequence {
			t.Fatalf("latest %v, error %v", latest, err)
		}
		if p, err := e.Profile(t.Context()); err != nil || p.StoreName != "Sol" {
			t.Fatalf("profile %v, error %v", p, err)
		}
		if two, _ := act(t, e, accept("luis", "1", 0)); two.Sequence <= one.Sequence {
			t.Fatalf("sequence %d after %d", two.Sequence, one.Sequence)
		}
	})
	t.Run("a file made anew goes on behind the cursor of the store", func(t *testing.T) {
		one, _ := act(t, fresh(t), accept("ana", "1", 0))
		if two, _ := act(t, fresh(t), accept("luis", "1", 0)); two.Sequence <= one.Sequence {
			t.Fatalf("sequence %d after %d: the store would never read it", two.Sequence, one.Sequence)
		}
	})
	t.Run("choices and reasons are nobody's latest acceptance or opt-out", func(t *testing.T) {
		e := fresh(t)
		left, _ := act(t, e, optOut("ana", 0))
		act(t, e, &mostradorv1.WebAct{Kind: mostradorv1.WebAct_KIND_PREFERENCES, CustomerId: "ana", Topics: map[string]bool{"a": false}})
		act(t, e, &mostradorv1.WebAct{Kind: mostradorv1.WebAct_KIND_REASON, CustomerId: "ana", Reason: "other"})
		if err := e.Note(t.Context(), []*mostradorv1.WebAct{{Kind: mostradorv1.WebAct_KIND_OPEN, CustomerId: "ana"}}); err != nil {
			t.Fatal(err)
		}
		if latest, err := e.Latest(t.Context(), "ana"); err != nil || latest.Sequence != left.Sequence {
			t.Fatalf("latest %v, error %v", latest, err)
		}
		if _, repeated := act(t, e, optOut("ana", time.Second)); !repeated {
			t.Fatal("the opt-out is kept twice")
		}
	})
	t.Run("the same choice or reason at once is the same press", func(t *testing.T) {
		e := fresh(t)
		for i, topics := range []map[string]bool{{"a": false}, {"a": false}, {"a": true}} {
			_, repeated := act(t, e, &mostradorv1.WebAct{Kind: mostradorv1.WebAct_KIND_PREFERENCES, CustomerId: "ana", Topics: topics})
			if repeated != (i == 1) {
				t.Errorf("choice %d: repeated %v", i, repeated)
			}
		}
		for i, words := range []string{"x", "x", "y"} {
			_, repeated := act(t, e, &mostradorv1.WebAct{Kind: mostradorv1.WebAct_KIND_REASON, CustomerId: "ana", Reason: "other", Words: words})
			if repeated != (i == 1) {
				t.Errorf("reason %d: repeated %v", i, repeated)
			}
		}
	})
	t.Run("the last choice of each topic is known, and from which act on", func(t *testing.T) {
		e := fresh(t)
		choose := func(customer string, topics map[string]bool) uint64 {
			kept, _ := act(t, e, &mostradorv1.WebAct{Kind: mostradorv1.WebAct_KIND_PREFERENCES, CustomerId: customer, Topics: topics})
			return kept.Sequence
		}
		first := choose("ana", map[string]bool{"a": false, "b": false})
		choose("ana-2", map[string]bool{"a": true})
		choose("ana", map[string]bool{"a": true, "channel:email": false})
		for after, want := range map[uint64]map[string]bool{0: {"a": true, "b": false, "channel:email": false}, first: {"a": true, "channel:email": false}} {
			if got, err := e.Choices(t.Context(), "ana", after); err != nil || !maps.Equal(got, want) {
				t.Errorf("after %d: %v, %v", after, got, err)
			}
		}
	})
	t.Run("of many who use one thing up one is the first", func(t *testing.T) {
		e := fresh(t)
		until := time.Now().Add(time.Hour)
		var first atomic.Int32
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				if won, err := e.Use(context.Background(), []byte("id"), until); err != nil {
					t.Error(err)
				} else if won {
					first.Add(1)
				}
			})
		}
		group.Wait()
		if first.Load() != 1 {
			t.Fatalf("%d were the first", first.Load())
		}
		if won, err := e.Use(t.Context(), []byte("other"), until); err != nil || !won {
			t.Fatalf("another thing: %v, %v", won, err)
		}
	})
	t.Run("noted acts are in the feed, in order", func(t *testing.T) {
		e := fresh(t)
		one, _ := act(t, e, accept("ana", "1", 0))
		if err := e.Note(t.Context(), []*mostradorv1.WebAct{
			{Kind: mostradorv1.WebAct_KIND_OPEN, MessageId: "m"}, {Kind: mostradorv1.WebAct_KIND_CLICK, MessageId: "m", Url: "https://x"},
		}); err != nil {
			t.Fatal(err)
		}
		acts := read(t, e, one.Sequence, 10)
		if len(acts) != 2 || acts[0].Kind != mostradorv1.WebAct_KIND_OPEN || acts[1].Url != "https://x" || acts[0].Time == nil {
			t.Fatalf("acts %v", acts)
		}
	})
	t.Run("old policy texts stay known", func(t *testing.T) {
		e := fresh(t)
		if _, err := e.Profile(t.Context()); !errors.Is(err, ErrNoProfile) {
			t.Fatalf("error %v", err)
		}
		for _, p := range []*Profile{
			{StoreName: "Sol", Language: "es", Texts: []PolicyText{{ID: "p1", Language: "es", Text: "uno"}, {ID: "p1", Language: "en", Text: "one"}}},
			{StoreName: "Sol y Luna", Language: "es", Texts: []PolicyText{{ID: "p2", Language: "es", Text: "dos"}, {ID: "p2", Language: "en", Text: "two"}}},
		} {
			if err := e.Publish(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		p, err := e.Profile(t.Context())
		if err != nil || p.StoreName != "Sol y Luna" {
			t.Fatalf("profile %v, error %v", p, err)
		}
		for _, test := range []struct{ id, lang, want string }{
			{"p1", "es", "uno"}, {"p1", "en-GB", "one"}, {"p2", "es", "dos"}, {"p1", "de", "uno"}, {"", "en", "two"}, {"p9", "es", "dos"},
		} {
			if text, ok := p.find(test.id, test.lang); !ok || text.Text != test.want {
				t.Errorf("%s in %s: %q", test.id, test.lang, text.Text)
			}
		}
	})
}

func read(t *testing.T, f Feed, after uint64, limit int) []*mostradorv1.WebAct {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	acts, err := f.Read(ctx, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	return acts
}

// waitRead says to the engine that the store has everything up to a sequence.
func waitRead(t *testing.T, f Feed, upTo uint64) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Read(ctx, upTo, 1); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// BenchmarkActToFeed is from the press of the button, durably, to the act in the store's hands.
func BenchmarkActToFeed(b *testing.B) {
	st, err := store.Open(filepath.Join(b.TempDir(), "marketplace.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	e := NewEmbedded(st)
	arrived := make(chan uint64)
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	go Follow(ctx, e, 0, hclog.NewNullLogger(), func(_ context.Context, acts []*mostradorv1.WebAct) error {
		for _, act := range acts {
			arrived <- act.Sequence
		}
		return nil
	})
	for i := 0; b.Loop(); i++ {
		act := &mostradorv1.WebAct{Kind: mostradorv1.WebAct_KIND_ACCEPT, CustomerId: "c", ActivationId: strconv.Itoa(i)}
		go func() { _, _, _ = e.Act(ctx, act) }()
		<-arrived
	}
}
