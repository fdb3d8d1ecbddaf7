package plugin

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"mostrador/host/plugin/sandbox"
	"mostrador/sdk/manifest"
)

func TestOwnsTellsPluginsAndWhatTheyStartedFromOthers(t *testing.T) {
	h := open(t, Policy{}, one, two)
	if h.Owns(os.Getpid()) || h.Owns(1) {
		t.Error("without any plugin it owns something")
	}
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
	other := exec.Command("sleep", "60") // a child of the host, and no plugin's
	check(t, other.Start())
	ended := exec.Command("true")
	check(t, ended.Run())
	for pid, want := range map[int]bool{
		int(h.info(one).Pid): true, child: true, os.Getpid(): false, os.Getppid(): false, 1: false, other.Process.Pid: false,
		ended.Process.Pid: true, // nobody can tell any more
	} {
		if got := h.Owns(pid); got != want {
			t.Errorf("Owns(%d) = %v (plugin %d, child %d, host %d)", pid, got, h.info(one).Pid, child, os.Getpid())
		}
	}
	check(t, other.Process.Kill())
	_ = other.Wait() // killed
}

func TestAPluginThatTakesTheProcessorGoesLast(t *testing.T) {
	h := open(t, Policy{}, one)
	h.start(t, one)
	p, _ := h.Plugin(one)
	if _, err := h.press(t.Context(), one, "burn", ""); err != nil {
		t.Fatal(err)
	}
	r, err := p.running(t.Context())
	check(t, err)
	pid := r.process.pid()
	until(t, "it has worked", func() bool {
		worked, err := sandbox.Worked(pid)
		check(t, err)
		return worked > 50*time.Millisecond
	})
	for range 2 { // whose priority changed, and that of threads made later
		r.curbed = false
		p.curb(r, -greedMost)
	}
	tasks, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "task"))
	check(t, err)
	for _, task := range tasks {
		stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "task", task.Name(), "stat"))
		check(t, err)
		// proc_pid_stat(5): the 17th field after the name is the nice value.
		if nice := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])[16]; string(nice) != "19" {
			t.Errorf("thread %s has the priority %s", task.Name(), nice)
		}
	}
}
