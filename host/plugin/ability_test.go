package plugin

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/event"
	"mostrador/sdk/plgv1"
)

// able opens a house with one plugin of protocol 2 that runs.
func able(t *testing.T, policy Policy) (*house, *Plugin) {
	t.Helper()
	h := &house{dir: shortDir(t), log: &lines{}, reader: &keyspace{}, settings: map[string]*structpb.Struct{}}
	h.manage(t, []*Package{installVersion(t, h.dir, one, "1.0.0", "[1, 2]")}, policy)
	h.start(t, one)
	p, _ := h.Plugin(one)
	return h, p
}

// next installs version 2 of the plugin in a folder of its own.
func (h *house) next(t *testing.T) *Package {
	t.Helper()
	return installVersion(t, filepath.Join(h.dir, "next"), one, "2.0.0", "[1, 2]")
}

func healthy(ctx context.Context, c *Candidate) error { return c.Healthy(ctx, "es") }

func TestAPluginOfTheFirstProtocolIsAskedForNothingNew(t *testing.T) {
	h := open(t, Policy{HealthEvery: time.Millisecond}, one)
	h.start(t, one)
	p, _ := h.Plugin(one)
	_, check := p.Check(t.Context(), &plgv1.CheckCall{})
	_, validate := p.Validate(t.Context(), &plgv1.ValidateCall{})
	_, migrate := p.Migrate(t.Context(), &plgv1.MigrateCall{})
	for _, err := range []error{check, validate, migrate} {
		if !errors.Is(err, ErrUnable) {
			t.Errorf("got %v", err)
		}
	}
	if p.Can(AbilityCheck) {
		t.Error("it claims to")
	}
	if _, err := h.press(t.Context(), one, "", ""); err != nil {
		t.Error(err)
	}
}

func TestAbilities(t *testing.T) {
	h, p := able(t, Policy{})
	for _, ability := range []string{AbilityCheck, AbilityMigrate, AbilityValidate} {
		if !p.Can(ability) {
			t.Errorf("it cannot %s", ability)
		}
	}
	for value, refused := range map[string]bool{"bueno": false, "malo": true} {
		done, err := p.Validate(t.Context(), &plgv1.ValidateCall{Key: one + "Texto", Value: structpb.NewStringValue(value)})
		if err != nil || len(done.GetDiagnostics()) > 0 != refused {
			t.Errorf("%s: %v, %v", value, done, err)
		}
	}
	h.reader.states = []*plgv1.KeyValue{{Key: "ana", Value: []byte("1")}, {Key: "luis", Value: []byte("2")}}
	done, err := p.Migrate(t.Context(), &plgv1.MigrateCall{From: "1.0.0", To: "2.0.0"})
	if err != nil || done.GetFault() != nil || len(done.GetEffects()) != 3 {
		t.Fatalf("%v, %v", done, err)
	}
	if state := done.GetEffects()[1].GetPutState(); state.GetCustomerId() != "luis" || string(state.GetState()) != "200" {
		t.Errorf("effects %v", done.GetEffects())
	}
	ill := touch(t, p.Package().Dir, "ill")
	checked, err := p.Check(t.Context(), &plgv1.CheckCall{})
	if err != nil || checked.GetDiagnostics()[0].GetSummary() != "Falta el servidor." || len(h.info(one).Health) != 1 {
		t.Errorf("%v, %v; info %v", checked, err, h.info(one).Health)
	}
	check(t, os.Remove(ill))
}

func TestTheHealthOfAnIdlePluginIsLookedAfter(t *testing.T) {
	h, p := able(t, Policy{HealthEvery: 5 * time.Millisecond, CheckTimeout: 100 * time.Millisecond})
	ill := touch(t, p.Package().Dir, "ill")
	until(t, "it says that it is ill", func() bool { return len(h.info(one).Health) == 1 })
	check(t, os.Remove(ill))
	until(t, "it says that it is well", func() bool { return len(h.info(one).Health) == 0 })
	pid := h.info(one).Pid
	hang := touch(t, p.Package().Dir, "hang-in-check")
	until(t, "it is ended because it does not answer", func() bool { return h.info(one).Pid != pid })
	check(t, os.Remove(hang))
	until(t, "it runs again", func() bool { return h.info(one).State == running })
}

func TestAnUpgradeLosesNoWork(t *testing.T) {
	h, p := able(t, Policy{})
	next, gate := h.next(t), filepath.Join(h.dir, "gate")
	type answer struct {
		done *plgv1.BatchDone
		err  error
	}
	inHand, late := make(chan answer, 1), make(chan answer, 1)
	deliver := func(to chan answer, receipt string) {
		done, err := p.Deliver(context.Background(), sales(1, receipt))
		to <- answer{done, err}
	}
	check(t, os.Symlink(gate, filepath.Join(p.Package().Dir, "gate"))) // its own file tells it to go on
	go deliver(inHand, "do wait")
	until(t, "the work is in hand", func() bool { r, _ := p.running(t.Context()); return r.underWay() != nil })
	swapped := make(chan error, 1)
	go func() {
		swapped <- h.Swap(context.Background(), next, func(ctx context.Context, c *Candidate) error {
			if c.Package() != next || p.Package() == next {
				t.Error("the package is in place before it was admitted")
			}
			go deliver(late, "late") // comes while nobody serves it, and waits
			done, err := c.Migrate(ctx, &plgv1.MigrateCall{From: "1.0.0", To: "2.0.0"})
			if err != nil || string(done.GetEffects()[0].GetPut().GetValue()) != `"1.0.0 to 2.0.0"` {
				t.Errorf("migration %v, %v", done, err)
			}
			return c.Healthy(ctx, "es")
		})
	}()
	touch(t, gate)
	for name, got := range map[string]chan answer{"in hand": inHand, "late": late} {
		if a := <-got; a.err != nil || a.done.GetOutcomes()[0].GetFault() != nil {
			t.Errorf("work %s: %v, %v", name, a.done, a.err)
		}
	}
	check(t, <-swapped)
	info := h.info(one)
	if info.Version != "2.0.0" || info.State != running || info.Restarts != 0 || p.Package() != next {
		t.Errorf("info %v", info)
	}
	if now, _ := h.Plugin(one); now != p {
		t.Error("it is another plugin now")
	}
}

func TestAnUpgradeThatIsNotFitIsTakenBack(t *testing.T) {
	for name, test := range map[string]struct {
		mark  string
		admit func(context.Context, *Candidate) error
		is    error
	}{
		"it says that it is ill":         {mark: "ill", admit: healthy},
		"it hangs while it is looked at": {mark: "hang-in-check", admit: healthy, is: ErrHung},
		"it crashes while looked at":     {mark: "crash-in-check", admit: healthy, is: ErrCrashed},
		"it does not start":              {mark: "end-at-once"},
		"it says nothing":                {mark: "say-nothing"},
		"the store does not take it": {admit: func(context.Context, *Candidate) error {
			return errors.ErrUnsupported
		}, is: errors.ErrUnsupported},
	} {
		t.Run(name, func(t *testing.T) {
			h, p := able(t, Policy{StartTimeout: 5 * time.Second, CheckTimeout: 200 * time.Millisecond})
			former, next := p.Package(), h.next(t)
			if test.mark != "" {
				touch(t, next.Dir, test.mark)
			}
			err := h.Swap(t.Context(), next, test.admit)
			var swap *SwapError
			if !errors.As(err, &swap) || swap.Back != nil || test.is != nil && !errors.Is(err, test.is) {
				t.Fatalf("got %v", err)
			}
			if p.Package() != former || h.info(one).Version != "1.0.0" {
				t.Error("the new package is in place")
			}
			if _, err := h.press(t.Context(), one, "", ""); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAStoppedPluginIsUpgradedAndStaysStopped(t *testing.T) {
	h, p := able(t, Policy{})
	check(t, h.Stop(t.Context(), one))
	asked := false
	check(t, h.Swap(t.Context(), h.next(t), func(ctx context.Context, c *Candidate) error {
		asked = true
		return c.Healthy(ctx, "es")
	}))
	if !asked || p.Package().Manifest.Version != "2.0.0" || h.info(one).State != disabled || len(p.pids()) != 0 {
		t.Errorf("asked %v, info %v", asked, h.info(one))
	}
}

func TestPluginsComeAndGoWhileOthersWork(t *testing.T) {
	h, _ := able(t, Policy{})
	pkg := install(t, h.dir, two)
	check(t, h.Add(pkg))
	if h.Add(pkg) == nil {
		t.Error("it was added twice")
	}
	h.start(t, two)
	if _, err := h.press(t.Context(), two, "", ""); err != nil || len(h.States("es")) != 2 {
		t.Errorf("%v, %v", err, h.States("es"))
	}
	p, _ := h.Plugin(two)
	check(t, h.Remove(t.Context(), two))
	if err := h.Remove(t.Context(), two); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
	if _, err := p.Deliver(t.Context(), sales(1, "a")); !errors.Is(err, event.ErrUnavailable) {
		t.Errorf("got %v", err)
	}
	if err := h.Swap(t.Context(), pkg, nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

func TestAnAlteredProgramIsNotStarted(t *testing.T) {
	dir := shortDir(t)
	pkg := install(t, dir, one)
	data, err := os.ReadFile(pkg.Program) // of its own, to be altered
	check(t, err)
	check(t, os.Remove(pkg.Program))
	check(t, os.WriteFile(pkg.Program, data, 0o700))
	h := &house{dir: dir, log: &lines{}, reader: &keyspace{}}
	h.manage(t, []*Package{pkg}, Policy{})
	pkg.ProgramHash, err = h.shared.hashes.of(pkg.Program)
	check(t, err)
	h.start(t, one)
	check(t, h.Stop(t.Context(), one))
	f, err := os.OpenFile(pkg.Program, os.O_WRONLY, 0)
	check(t, err)
	_, err = f.WriteAt([]byte("x"), int64(len(data)-1))
	check(t, errors.Join(err, f.Close()))
	check(t, os.Chtimes(pkg.Program, time.Time{}, time.Unix(1, 0)))
	if err := h.Start(t.Context(), one); !errors.Is(err, ErrAltered) {
		t.Errorf("got %v", err)
	}
	if info := h.info(one); info.State != setAside || !strings.Contains(strings.Join(info.LastLog, " "), "altered") {
		t.Errorf("info %v", info)
	}
}

func TestAHashIsRememberedForAsLongAsTheFileLooksTheSame(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "program")
	check(t, os.WriteFile(file, []byte("abc"), 0o600))
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	h := newHashes(dir)
	check(t, h.verify(file, abc))
	if len(h.known) != 0 {
		t.Error("a file that changed just now was remembered")
	}
	info, err := os.Stat(file)
	check(t, err)
	seen := lookOf(info)
	h.remember(file, hashed{Look: seen, Hash: "as remembered"})
	h.remember(filepath.Join(dir, "gone"), hashed{})
	again := newHashes(dir) // the next start of the host
	check(t, again.verify(file, "as remembered"))
	check(t, os.WriteFile(file, []byte("abd"), 0o600))
	if err := again.verify(file, abc); !errors.Is(err, ErrAltered) {
		t.Errorf("got %v", err)
	}
	check(t, os.WriteFile(filepath.Join(dir, hashFile), []byte("{"), 0o600))
	if newHashes(dir).known == nil {
		t.Error("what cannot be read stops it")
	}
}

func TestLogsAreKeptWithTheirTimeAndCounted(t *testing.T) {
	h := open(t, Policy{LogRate: 10, LogBurst: 20, LogHistory: 30}, one)
	h.start(t, one)
	p, _ := h.Plugin(one)
	if _, err := h.press(t.Context(), one, "flood", ""); err != nil {
		t.Fatal(err)
	}
	until(t, "all lines were read", func() bool {
		all, _ := p.Logs(0)
		return len(all) == 30 && strings.HasSuffix(all[29], "i=19999")
	})
	last, dropped := p.Logs(2)
	if len(last) != 2 || dropped < 19_000 || h.info(one).LogDropped != dropped {
		t.Errorf("%q, dropped %d", last, dropped)
	}
	if _, err := time.Parse(time.TimeOnly, last[1][:8]); err != nil {
		t.Error(err)
	}
	check(t, h.Stop(t.Context(), one))
	h.start(t, one)
	if _, dropped := p.Logs(1); dropped != 0 {
		t.Errorf("a new process has dropped %d", dropped)
	}
}
