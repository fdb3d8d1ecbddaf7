package event_test

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// crashFile names the store file in the environment of the child process of the crash test.
const crashFile = "EVENT_CRASH_FILE"

var kills = flag.Int("kills", 40, "how often the crash test kills its child")

func TestMain(m *testing.M) {
	if path := os.Getenv(crashFile); path != "" {
		fmt.Fprintln(os.Stderr, workUntilKilled(path))
		os.Exit(1)
	}
	flag.Parse()
	os.Exit(m.Run())
}

// crashing has consumers whose effects count, in the customer's record and in records of their own.
type crashing struct {
	*counter
	rig *store.Store
}

// Deliver adds to each event's effects a record that counts how often the event took effect.
func (c crashing) Deliver(ctx context.Context, b *plgv1.Batch) (*plgv1.BatchDone, error) {
	done, err := c.counter.Deliver(ctx, b)
	if err != nil || c.name == "STATES" {
		return done, err
	}
	return done, c.rig.View(func(tx *store.Tx) error {
		for i, d := range b.Deliveries {
			key := fmt.Sprint(decoded(d).Sequence)
			old, _ := event.GetKV(tx, c.name, key)
			value := append(append([]byte{}, old...), 'x')
			done.Outcomes[i].Effects = append(done.Outcomes[i].Effects,
				&plgv1.Effect{Effect: &plgv1.Effect_Put{Put: &plgv1.KeyValue{Key: key, Value: value}}})
		}
		return nil
	})
}

// deliverAll attaches the consumers to the store of a path.
func deliverAll(path string) (*store.Store, *event.Log, *event.Engine, error) {
	s, err := store.Open(path, store.Options{Timeout: 10 * time.Second})
	if err != nil {
		return nil, nil, nil, err
	}
	log := event.NewLog(s)
	a := &applier{log: log}
	e := event.NewEngine(event.Config{Store: s, Log: log, Applier: a, BatchEvents: 50})
	a.engine = e
	for _, name := range []string{"STATES", "RECORDS"} {
		if err := e.Attach(crashing{&counter{name: name}, s}); err != nil {
			return nil, nil, nil, err
		}
	}
	return s, log, e, nil
}

// workUntilKilled appends events as fast as it can while they are delivered.
func workUntilKilled(path string) error {
	s, log, _, err := deliverAll(path)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		err := s.Update(context.Background(), func(tx *store.Tx) error {
			for range rand.IntN(20) {
				e := &plgv1.Event{Type: "a", Customer: &plgv1.Customer{Id: customer(rand.IntN(30))}}
				if err := log.Append(tx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

func TestSIGKILLNeitherLosesNorDoublesAnEffect(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	for range *kills {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashFile+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := out.Read(make([]byte, 1)); err != nil {
			t.Fatalf("the child did not begin: %v", err)
		}
		time.Sleep(time.Duration(rand.IntN(30)) * time.Millisecond) // the random moment
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
	}
	s, log, e, err := deliverAll(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	defer e.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := e.Idle(ctx); err != nil {
		t.Fatal(err)
	}
	err = s.View(func(tx *store.Tx) error {
		last := log.Last(tx)
		t.Logf("%d events over %d kills", last, *kills)
		if last == 0 {
			t.Fatal("nothing happened")
		}
		want := make(map[string]int)
		events, err := log.Read(tx, 0, 0)
		if err != nil {
			return err
		}
		for i, ev := range events {
			if ev.Sequence != uint64(i+1) {
				t.Fatalf("record %d of the log is event %d", i+1, ev.Sequence)
			}
			want[ev.Customer.Id]++
			if v, _ := event.GetKV(tx, "RECORDS", fmt.Sprint(ev.Sequence)); string(v) != "x" {
				t.Errorf("event %d took effect %d times", ev.Sequence, len(v))
			}
		}
		for _, plugin := range []string{"STATES", "RECORDS"} {
			for id, n := range want {
				state, _ := event.GetState(tx, plugin, id)
				if got, _ := strconv.Atoi(string(state)); got != n {
					t.Errorf("%s counted %d of %d events of %s", plugin, got, n, id)
				}
			}
			if v := tx.Get("event_cursor", []byte(plugin)); binary.BigEndian.Uint64(v) != last {
				t.Errorf("%s stands at %x", plugin, v)
			}
		}
		parked, err := e.Parked(tx)
		if len(parked) > 0 {
			t.Errorf("parked: %v", parked)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
