package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

const (
	one = "PLG9001"
	two = "PLG9002"
)

const (
	disabled   = mostradorv1.PluginState_PLUGIN_STATE_DISABLED
	starting   = mostradorv1.PluginState_PLUGIN_STATE_STARTING
	running    = mostradorv1.PluginState_PLUGIN_STATE_RUNNING
	restarting = mostradorv1.PluginState_PLUGIN_STATE_RESTARTING
	setAside   = mostradorv1.PluginState_PLUGIN_STATE_SET_ASIDE
)

// sales is a batch of sales of one customer with these receipts.
func sales(first uint64, receipts ...string) *plgv1.Batch {
	b := &plgv1.Batch{}
	for i, r := range receipts {
		event, err := proto.Marshal(&plgv1.Event{
			Sequence: first + uint64(i), Type: "sale.completed", Customer: &plgv1.Customer{Id: "c"},
			Detail: &plgv1.Event_SaleCompleted{SaleCompleted: &plgv1.SaleCompleted{Sale: &plgv1.Sale{Receipt: r}}},
		})
		if err != nil {
			panic(err)
		}
		b.Deliveries = append(b.Deliveries, &plgv1.Delivery{Event: event})
	}
	return b
}

func TestAPluginWorks(t *testing.T) {
	h := open(t, Policy{}, one)
	h.start(t, one)
	p, _ := h.Plugin(one)
	if !p.Handles("sale.completed") || p.Handles("customer.registered") {
		t.Error("Handles does not follow the manifest")
	}
	done, err := p.Deliver(t.Context(), sales(1, "a", "b", "c"))
	check(t, err)
	var states []string
	for _, o := range done.Outcomes {
		for _, e := range o.Effects {
			states = append(states, string(e.GetSaveState().GetState()))
		}
	}
	if got := strings.Join(states, " "); got != "1 2 3" {
		t.Errorf("states %q", got)
	}
	panel, err := p.Panel(t.Context(), &plgv1.PanelCall{Panel: "panel"})
	check(t, err)
	if rows := panel.GetPanel().GetRows(); len(rows) != 1 || rows[0].Value != "7" {
		t.Errorf("panel %v", panel)
	}
	info := h.info(one)
	if info.State != running || !info.Active || info.Pid == 0 || info.Name != "Prueba" || info.Version != "1.0.0" {
		t.Errorf("info %v", info)
	}
	check(t, h.Stop(t.Context(), one))
	if info = h.info(one); info.State != disabled || info.Active || info.Pid != 0 {
		t.Errorf("after Stop: %v", info)
	}
	if _, err = p.Deliver(t.Context(), sales(4, "d")); !errors.Is(err, event.ErrUnavailable) {
		t.Errorf("work for a stopped plugin: %v", err)
	}
	if want := []mostradorv1.PluginState{starting, running, disabled}; !slices.Equal(h.states, want) {
		t.Errorf("states %v", h.states)
	}
	h.start(t, one) // and again
	if _, err = h.press(t.Context(), one, "", ""); err != nil {
		t.Error(err)
	}
}

func TestItReadsItsOwnRecordsAndNoOthers(t *testing.T) {
	h := open(t, Policy{}, one)
	h.reader.records = []*plgv1.KeyValue{
		{Key: one + "/a/1", Value: []byte(`"x"`)}, {Key: one + "/a/2", Value: []byte(`"y"`)},
		{Key: one + "/b", Value: []byte(`"z"`)}, {Key: two + "/a/3", Value: []byte(`"secret"`)},
	}
	h.start(t, one)
	for _, c := range []struct{ order, argument, want string }{
		{"get", "b", "z"}, {"get", "a/3", ""}, {"scan", "a/", "a/1=x a/2=y"}, {"scan", "c", ""},
	} {
		if got, err := h.press(t.Context(), one, c.order, c.argument); err != nil || got != c.want {
			t.Errorf("%s %s: %q, %v; want %q", c.order, c.argument, got, err, c.want)
		}
	}
	t.Run("more than a page", func(t *testing.T) {
		h.reader.records = nil
		for i := range 600 {
			h.reader.records = append(h.reader.records, &plgv1.KeyValue{Key: fmt.Sprintf("%s/n%04d", one, i), Value: []byte(`""`)})
		}
		got, err := h.press(t.Context(), one, "scan", "n")
		if n := len(strings.Fields(got)); err != nil || n != 600 {
			t.Errorf("%d records, %v", n, err)
		}
	})
	t.Run("a store that cannot read blames nobody", func(t *testing.T) {
		h.reader.fail = errors.New("disk on fire")
		if _, err := h.press(t.Context(), one, "get", "b"); !errors.Is(err, event.ErrUnavailable) || errors.Is(err, ErrCrashed) {
			t.Errorf("got %v", err)
		}
	})
}

func TestSettingsComeBeforeTheWorkAndAgainWhenTheyChange(t *testing.T) {
	h := open(t, Policy{}, one)
	key := one + "Texto"
	set := func(v string) {
		s, err := structpb.NewStruct(map[string]any{key: v})
		check(t, err)
		h.mu.Lock()
		h.settings[one] = s
		h.mu.Unlock()
	}
	expect := func(want string) {
		t.Helper()
		if got, err := h.press(t.Context(), one, "setting", key); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	set("uno")
	h.start(t, one)
	expect("uno")
	set("dos")
	expect("uno") // nobody said so
	h.SettingsChanged(two)
	expect("uno") // somebody else's
	h.SettingsChanged()
	expect("dos")
	set("tres")
	h.SettingsChanged(one)
	expect("tres")
	_, err := h.press(t.Context(), one, "crash", "")
	if !errors.Is(err, ErrCrashed) {
		t.Fatal(err)
	}
	expect("tres") // a new process knows them as well
}

func TestACrashIsToldApartAndThePluginComesBack(t *testing.T) {
	for _, order := range []string{"crash", "panic"} {
		t.Run(order, func(t *testing.T) {
			h := open(t, Policy{}, one)
			h.start(t, one)
			p, _ := h.Plugin(one)
			before := h.info(one).Pid
			_, err := p.Deliver(t.Context(), sales(1, "a", "do "+order))
			if !errors.Is(err, ErrCrashed) || errors.Is(err, event.ErrUnavailable) {
				t.Fatalf("got %v", err)
			}
			// The next work waits for the restart by itself.
			if _, err := p.Deliver(t.Context(), sales(1, "a")); err != nil {
				t.Fatal(err)
			}
			info := h.info(one)
			if info.State != running || info.Pid == before || info.Restarts != 1 {
				t.Errorf("info %v", info)
			}
		})
	}
}

func TestAHungPluginIsKilledAndComesBack(t *testing.T) {
	h := open(t, Policy{BatchTimeout: 200 * time.Millisecond}, one)
	h.start(t, one)
	p, _ := h.Plugin(one)
	_, err := p.Deliver(t.Context(), sales(1, "do hang"))
	if !errors.Is(err, ErrHung) || !errors.Is(err, ErrCrashed) {
		t.Fatalf("got %v", err)
	}
	if _, err := h.press(t.Context(), one, "", ""); err != nil {
		t.Error(err)
	}
}

func TestACallerMayGoAwayInTheMiddle(t *testing.T) {
	h := open(t, Policy{}, one)
	h.start(t, one)
	pid := h.info(one).Pid
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	goOn := filepath.Join(h.dir, "go-on")
	if _, err := h.press(ctx, one, "wait", goOn); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	// The plugin is still at it: the next work waits its turn, with its own patience.
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := h.press(ctx, one, "", ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	touch(t, goOn)
	if got, err := h.press(t.Context(), one, "get", "nothing"); err != nil || got != "" {
		t.Errorf("an answer of the abandoned work came: %q, %v", got, err)
	}
	if h.info(one).Pid != pid {
		t.Error("it was restarted")
	}
}

func TestWhoCrashesWithoutWorkingIsSetAsideWithItsLastWords(t *testing.T) {
	h := open(t, Policy{Backoff: time.Millisecond}, one, two)
	mark := touch(t, h.dir, strings.ToLower(one)+"prueba", "end-at-once")
	err := h.Start(t.Context(), one, two)
	if err == nil || !strings.Contains(err.Error(), one) || strings.Contains(err.Error(), two) {
		t.Fatalf("got %v", err)
	}
	until(t, "set aside", func() bool { return h.info(one).State == setAside })
	info := h.info(one)
	if info.Restarts != defaultStrikes-1 {
		t.Errorf("%d restarts", info.Restarts)
	}
	if log := strings.Join(info.LastLog, "\n"); !strings.Contains(log, "no license") || !strings.Contains(log, "exit status 3") {
		t.Errorf("last log:\n%s", log)
	}
	if _, err := h.press(t.Context(), one, "", ""); !errors.Is(err, event.ErrUnavailable) {
		t.Errorf("work for it: %v", err)
	}
	if _, err := h.press(t.Context(), two, "", ""); err != nil {
		t.Errorf("the other one: %v", err)
	}
	check(t, os.Remove(mark))
	h.start(t, one) // enabled again: it gets a fresh record
	if info := h.info(one); info.State != running || info.Restarts != 0 {
		t.Errorf("info %v", info)
	}
}

func TestWhoSaysNothingIsGivenUp(t *testing.T) {
	h := open(t, Policy{StartTimeout: 200 * time.Millisecond, Strikes: 1}, one)
	touch(t, h.dir, strings.ToLower(one)+"prueba", "say-nothing")
	if err := h.Start(t.Context(), one); !errors.Is(err, ErrHung) {
		t.Fatalf("got %v", err)
	}
	until(t, "set aside", func() bool { return h.info(one).State == setAside })
}

func TestAPoisonousEventDoesNotCostThePlugin(t *testing.T) {
	h := open(t, Policy{Backoff: time.Millisecond}, one)
	h.start(t, one)
	p, _ := h.Plugin(one)
	receipts := make([]string, 256)
	receipts[3] = "do crash"
	var crashes int
	for n := len(receipts); ; n /= 2 { // as the event engine does, twice each
		for range 2 {
			if _, err := p.Deliver(t.Context(), sales(1, receipts[:n]...)); errors.Is(err, ErrCrashed) {
				crashes++
			} else if n > 3 {
				t.Fatalf("batch of %d: %v", n, err)
			}
		}
		if n <= 3 {
			break
		}
	}
	if crashes < 2*defaultStrikes {
		t.Fatalf("only %d crashes", crashes)
	}
	if _, err := h.press(t.Context(), one, "", ""); err != nil {
		t.Error(err)
	}
}

func TestAnotherProgramThanTheManifestSaysIsNotRun(t *testing.T) {
	h := open(t, Policy{}, one)
	other := filepath.Join(h.dir, strings.ToLower(one)+"prueba", "another")
	check(t, os.MkdirAll(other, 0o700))
	check(t, os.WriteFile(filepath.Join(other, manifestFile), []byte(manifestOf(two, "1.0.0", "1")), 0o600))
	err := h.Start(t.Context(), one)
	if err == nil || !strings.Contains(err.Error(), two) {
		t.Fatalf("got %v", err)
	}
	if info := h.info(one); info.State != setAside || info.Restarts != 0 {
		t.Errorf("info %v", info)
	}
}

func TestAProgramThatCannotBeStartedIsSetAsideAtOnce(t *testing.T) {
	h := open(t, Policy{}, one)
	p, _ := h.Plugin(one)
	check(t, os.Remove(p.Package().Program))
	if err := h.Start(t.Context(), one); err == nil {
		t.Fatal("it started")
	}
	if info := h.info(one); info.State != setAside {
		t.Errorf("info %v", info)
	}
	if left, _ := filepath.Glob(filepath.Join(h.dir, ".run", "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStopDoesNotWaitForAHungPlugin(t *testing.T) {
	h := open(t, Policy{StopTimeout: 100 * time.Millisecond}, one)
	h.start(t, one)
	failed := make(chan error, 1)
	go func() {
		_, err := h.press(context.Background(), one, "hang", "")
		failed <- err
	}()
	p, _ := h.Plugin(one)
	until(t, "the work is under way", func() bool { r, _ := p.running(t.Context()); return r.underWay() != nil })
	begun := time.Now()
	check(t, h.Stop(t.Context(), one))
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
	if err := <-failed; !errors.Is(err, event.ErrUnavailable) {
		t.Errorf("the work under way: %v", err)
	}
}

func TestStopEndsAStartUnderWay(t *testing.T) {
	h := open(t, Policy{}, one)
	touch(t, h.dir, strings.ToLower(one)+"prueba", "say-nothing")
	started := make(chan error, 1)
	go func() { started <- h.Start(context.Background(), one) }()
	until(t, "starting", func() bool { return h.info(one).State == starting })
	begun := time.Now()
	check(t, h.Stop(t.Context(), one))
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
	if err := <-started; !errors.Is(err, context.Canceled) {
		t.Errorf("the start: %v", err)
	}
	if info := h.info(one); info.State != disabled {
		t.Errorf("info %v", info)
	}
}

func TestWorkUnderWayMayFinishBeforeTheEnd(t *testing.T) {
	h := open(t, Policy{}, one)
	h.start(t, one)
	goOn := filepath.Join(h.dir, "go-on")
	done := make(chan error, 1)
	go func() {
		_, err := h.press(context.Background(), one, "wait", goOn)
		done <- err
	}()
	p, _ := h.Plugin(one)
	until(t, "the work is under way", func() bool { r, _ := p.running(t.Context()); return r.underWay() != nil })
	stopped := make(chan error, 1)
	go func() { stopped <- h.Stop(context.Background(), one) }()
	touch(t, goOn)
	check(t, <-done)
	check(t, <-stopped)
}

func TestAllWorkOfAPluginGoesOnePieceAtATime(t *testing.T) {
	h := open(t, Policy{}, one, two)
	h.start(t, one, two)
	failed := make(chan error)
	const workers, rounds = 8, 50
	for i := range workers {
		go func() {
			for n := range rounds {
				p, _ := h.Plugin([]string{one, two}[i%2])
				done, err := p.Deliver(context.Background(), sales(1, make([]string, n+1)...))
				if err == nil && len(done.Outcomes) != n+1 {
					err = fmt.Errorf("%d outcomes for %d events", len(done.Outcomes), n+1)
				}
				failed <- err
			}
		}()
	}
	for range workers * rounds {
		check(t, <-failed)
	}
}

func TestWhoBreaksTheProtocolIsEnded(t *testing.T) {
	h := open(t, Policy{}, one)
	touch(t, h.dir, strings.ToLower(one)+"prueba", "rude")
	h.start(t, one)
	p, _ := h.Plugin(one)
	if _, err := h.press(t.Context(), one, "", ""); !errors.Is(err, ErrCrashed) || !errors.Is(err, errProtocol) {
		t.Errorf("a wrong answer: %v", err)
	}
	if _, err := p.Panel(t.Context(), &plgv1.PanelCall{}); err != nil {
		t.Errorf("a right answer: %v", err)
	}
	until(t, "ended for speaking without having been asked", func() bool { return h.info(one).Restarts == 2 })
}

func TestLargeMessagesPassBothWaysUpToTheLimit(t *testing.T) {
	h := open(t, Policy{}, one)
	h.start(t, one)
	large := strings.Repeat("x", 6<<20) // more than gRPC's own 4 MiB
	if got, err := h.press(t.Context(), one, "echo", large); err != nil || got != large {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	pid := h.info(one).Pid
	p, _ := h.Plugin(one)
	_, err := p.Deliver(t.Context(), sales(1, strings.Repeat("x", wire.MaxMessage)))
	if err == nil || errors.Is(err, event.ErrUnavailable) || errors.Is(err, ErrCrashed) {
		t.Errorf("too large: %v", err)
	}
	if h.info(one).Pid != pid {
		t.Error("the plugin paid for it")
	}
}

func TestUnknownPluginsAreNamed(t *testing.T) {
	h := open(t, Policy{}, one)
	if err := h.Start(t.Context(), "PLG1234", one); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "PLG1234") {
		t.Errorf("got %v", err)
	}
	if h.info(one).State != running {
		t.Error("the other one was not started")
	}
	if len(h.States("en")) != 1 || h.States("en")[0].Name != "Trial" {
		t.Errorf("states %v", h.States("en"))
	}
}

func TestTheLogIsThrottledAndKeepsItsLevels(t *testing.T) {
	h := open(t, Policy{LogRate: 10, LogBurst: 50}, one)
	h.start(t, one)
	_, err := h.press(t.Context(), one, "log", "")
	check(t, err)
	until(t, "both lines", func() bool {
		log := h.log.String()
		return strings.Contains(log, "[WARN]  plg9001: something odd: customer=7") && strings.Contains(log, "plg9001: printed")
	})
	_, err = h.press(t.Context(), one, "flood", "")
	check(t, err)
	check(t, h.Stop(t.Context(), one))
	if n := strings.Count(h.log.String(), "again"); n < 10 || n > 500 {
		t.Errorf("%d of 20000 lines", n)
	}
	h.start(t, one)
	_, _ = h.press(t.Context(), one, "crash", "")
	until(t, "the count of what was dropped", func() bool { return strings.Contains(h.log.String(), "dropped=") })
}

func TestAPluginSeesNothingOfTheHostsEnvironment(t *testing.T) {
	t.Setenv("STORE_SECRET", "very")
	t.Setenv("LANG", "es_ES.UTF-8")
	h := open(t, Policy{}, one)
	h.start(t, one)
	for name, want := range map[string]string{"STORE_SECRET": "", "LANG": "es_ES.UTF-8", "MOSTRADOR_PLUGIN_TLS": ""} {
		if got, err := h.press(t.Context(), one, "environment", name); err != nil || got != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
