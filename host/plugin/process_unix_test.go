//go:build unix

package plugin

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"mostrador/host/event"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
	"mostrador/sdk/wire"
)

// alive tells whether a process runs; a zombie does not.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	return runtime.GOOS != "linux" || !strings.Contains("ZX", condition(pid))
}

// condition is the letter of proc(5) for what a process does; it tells nothing (but "X", dead) where there is
// no such file.
func condition(pid int) string {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, after, found := strings.Cut(string(stat), ") ")
	if err != nil || !found {
		return "X"
	}
	return after[:1]
}

// freeze stops a process as a debugger does: it lives and does not answer.
func freeze(t *testing.T, pid int) {
	t.Helper()
	check(t, syscall.Kill(pid, syscall.SIGSTOP))
	if runtime.GOOS == "linux" {
		until(t, "frozen", func() bool { return condition(pid) == "T" })
	}
}

func TestKilledFromOutsideIsNobodysFaultAndNoticedAtOnce(t *testing.T) {
	h := open(t, Policy{}, one)
	h.start(t, one)
	p, _ := h.Plugin(one)
	for range 10 { // more than Strikes: it works in between
		if _, err := h.press(t.Context(), one, "", ""); err != nil {
			t.Fatal(err)
		}
		pid := int(h.info(one).Pid)
		failed := make(chan error, 1)
		go func() {
			_, err := p.Deliver(context.Background(), sales(1, "do hang"))
			failed <- err
		}()
		until(t, "the work is under way", func() bool { r, _ := p.running(t.Context()); return r.underWay() != nil })
		killed := time.Now()
		check(t, syscall.Kill(pid, syscall.SIGKILL))
		if err := <-failed; !errors.Is(err, event.ErrUnavailable) || errors.Is(err, ErrCrashed) {
			t.Fatalf("got %v", err)
		}
		if took := time.Since(killed); took > time.Second {
			t.Errorf("noticed after %s", took)
		}
	}
	if info := h.info(one); info.Restarts == 0 || info.State == setAside {
		t.Errorf("info %v", info)
	}
}

func TestAnIdlePluginThatIsKilledComesBackByItself(t *testing.T) {
	h := open(t, Policy{}, one)
	h.start(t, one)
	pid := h.info(one).Pid
	check(t, syscall.Kill(int(pid), syscall.SIGKILL))
	until(t, "running again", func() bool { info := h.info(one); return info.State == running && info.Pid != pid })
}

func TestAChildThatHoldsThePipesHidesNoDeath(t *testing.T) {
	h := open(t, Policy{}, one)
	self, err := os.Executable()
	check(t, err)
	p, _ := h.Plugin(one)
	pkg := p.Package()
	pkg.Manifest.Permissions = append(pkg.Manifest.Permissions, manifest.PermissionSpawn)
	check(t, os.Symlink(self, filepath.Join(pkg.Dir, "child")))
	h.start(t, one)
	said, err := h.press(t.Context(), one, "fork", "")
	check(t, err)
	child, err := strconv.Atoi(said)
	check(t, err)
	if !alive(child) {
		t.Fatal("the child does not run")
	}
	pid := h.info(one).Pid
	check(t, syscall.Kill(int(pid), syscall.SIGKILL))
	until(t, "running again", func() bool { info := h.info(one); return info.State == running && info.Pid != pid })
	if runtime.GOOS == "linux" {
		until(t, "the child is gone, too", func() bool { return !alive(child) })
	} else {
		_ = syscall.Kill(child, syscall.SIGKILL)
	}
}

func TestAStoppedProcessIsKilledByItsDeadline(t *testing.T) {
	h := open(t, Policy{ActionTimeout: 200 * time.Millisecond, StopTimeout: 100 * time.Millisecond}, one)
	h.start(t, one)
	freeze(t, int(h.info(one).Pid))
	if _, err := h.press(t.Context(), one, "", ""); !errors.Is(err, ErrHung) {
		t.Fatalf("got %v", err)
	}
	if _, err := h.press(t.Context(), one, "", ""); err != nil {
		t.Fatal(err)
	}
	pid := int(h.info(one).Pid)
	freeze(t, pid)
	check(t, h.Stop(t.Context(), one)) // returns although it cannot answer
	if alive(pid) {
		t.Error("it is still there")
	}
}

func TestNoPluginOutlivesAKilledHost(t *testing.T) {
	dir := shortDir(t)
	for _, id := range []string{one, two} {
		install(t, dir, id)
	}
	if runtime.GOOS == "linux" { // one that does not watch its parent: the kernel must end it
		touch(t, dir, strings.ToLower(one)+"prueba", "rude")
	}
	self, err := os.Executable()
	check(t, err)
	host := exec.Command(self)
	host.Env = append(os.Environ(), hostVariable+"="+dir)
	host.Stderr = os.Stderr
	out, err := host.StdoutPipe()
	check(t, err)
	check(t, host.Start())
	defer host.Wait()
	defer host.Process.Kill()
	var pids []int
	for in := bufio.NewScanner(out); in.Scan() && in.Text() != "ready"; {
		pid, err := strconv.Atoi(in.Text())
		check(t, err)
		pids = append(pids, pid)
	}
	if len(pids) != 2 || !alive(pids[0]) || !alive(pids[1]) {
		t.Fatalf("plugins %v", pids)
	}
	check(t, host.Process.Kill())
	until(t, "no plugin is left", func() bool { return !alive(pids[0]) && !alive(pids[1]) })
	run := filepath.Join(dir, ".run")
	left, err := filepath.Glob(filepath.Join(run, ownDirs+"*"))
	check(t, err)
	if len(left) != 2 {
		t.Fatalf("the killed host left %v", left)
	}
	if _, err := NewManager(Config{RuntimeDir: run}); err != nil {
		t.Fatal(err)
	}
	if left, _ = filepath.Glob(filepath.Join(run, "*")); len(left) != 0 {
		t.Errorf("not swept: %v", left)
	}
}

func TestALongPathOfTheHomeIsNoObstacle(t *testing.T) {
	h := &house{dir: shortDir(t), log: &lines{}, reader: &keyspace{}}
	pkg := install(t, h.dir, one)
	h.dir = filepath.Join(h.dir, strings.Repeat("long", 40))
	h.manage(t, []*Package{pkg}, Policy{})
	h.start(t, one)
	if _, err := h.press(t.Context(), one, "", ""); err != nil {
		t.Error(err)
	}
	first, err := os.Readlink(filepath.Join(h.dir, ".run", shortLink))
	check(t, err)
	check(t, h.Close(t.Context()))
	h.manage(t, []*Package{pkg}, Policy{}) // the next start of the host
	second, err := os.Readlink(filepath.Join(h.dir, ".run", shortLink))
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(second) })
	if first == second || exists(first) || !exists(second) {
		t.Errorf("first %s (there: %v), second %s", first, exists(first), second)
	}
}

func TestStopLeavesNothingBehind(t *testing.T) {
	h := open(t, Policy{}, one, two)
	h.start(t, one, two)
	pids := []int{int(h.info(one).Pid), int(h.info(two).Pid)}
	check(t, h.Close(t.Context()))
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d is left", pid)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(h.dir, ".run", "*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestNobodyElseGetsIntoAPlugin(t *testing.T) {
	h := open(t, Policy{}, one)
	h.start(t, one)
	sockets, err := filepath.Glob(filepath.Join(h.dir, ".run", ownDirs+"*", "*"))
	check(t, err)
	if len(sockets) != 1 {
		t.Fatalf("sockets %v", sockets)
	}
	stranger, _, err := wire.Issue(time.Now())
	check(t, err)
	config, err := stranger.ClientConfig()
	check(t, err)
	trusting := config.Clone()
	trusting.InsecureSkipVerify = true // a stranger minds no certificate, the plugin must
	without := trusting.Clone()
	without.Certificates = nil
	for name, creds := range map[string]credentials.TransportCredentials{
		"in the clear": insecure.NewCredentials(), "without a certificate": credentials.NewTLS(without),
		"with another host's certificate": credentials.NewTLS(trusting), "another plugin's host": credentials.NewTLS(config),
	} {
		conn, err := grpc.NewClient("unix:"+sockets[0], grpc.WithTransportCredentials(creds))
		check(t, err)
		_, err = plgv1.NewPluginClient(conn).Describe(t.Context(), &plgv1.DescribeRequest{Api: []int32{wire.API}})
		if err == nil {
			t.Errorf("%s: it answered", name)
		}
		check(t, conn.Close())
	}
	if _, err := h.press(t.Context(), one, "", ""); err != nil {
		t.Errorf("the host: %v", err)
	}
}

func TestALifeLeaksNothing(t *testing.T) {
	h := open(t, Policy{Backoff: time.Millisecond}, one)
	cycle := func() {
		h.start(t, one)
		_, err := h.press(t.Context(), one, "crash", "")
		if !errors.Is(err, ErrCrashed) {
			t.Fatal(err)
		}
		_, err = h.press(t.Context(), one, "", "")
		check(t, err)
		check(t, h.Stop(t.Context(), one))
	}
	cycle() // what is made once
	files, routines := openFiles(t), runtime.NumGoroutine()
	for range 4 {
		cycle()
	}
	until(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= routines+2 })
	until(t, "as many files as before", func() bool { return openFiles(t) <= files+2 })
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	check(t, err)
	return len(entries)
}
