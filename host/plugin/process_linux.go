package plugin

import (
	"bytes"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"mostrador/host/plugin/sandbox"
)

// attributes has the kernel kill a plugin whose host ended, and gives it a process group of its own: an
// interrupt at the terminal is the host's business, and its group ends with it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// family is a process with its process group.
type family struct {
	pid   int
	ended <-chan struct{}
}

func adopt(p *os.Process, _ sandbox.Bounds, ended <-chan struct{}) (family, error) {
	return family{pid: p.Pid, ended: ended}, nil
}

// waitAndEnd waits for the end of the process and then kills what is left of its group. The process is not
// reaped yet, so that its number cannot belong to a stranger.
func (f family) waitAndEnd() {
	<-f.ended
	_ = unix.Kill(-f.pid, unix.SIGKILL)
}

func wasKilled(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && (status.Signal() == syscall.SIGKILL || status.Signal() == syscall.SIGTERM)
}

// descends tells whether a process is one of roots, belongs to the process group of one, or descends from one. A
// process that is not there (any more) counts as one that does.
func descends(pid int, roots map[int]bool) bool {
	for range maxAncestors {
		if pid <= 1 {
			return false
		}
		group, err := unix.Getpgid(pid)
		if err != nil || roots[pid] || roots[group] {
			return true
		}
		if pid, err = parent(pid); err != nil {
			return true
		}
	}
	return true
}

// maxAncestors bounds a walk up to the first process; pids that are used again while it goes on could make it run in
// circles.
const maxAncestors = 1000

// parent reads a process's parent from proc_pid_stat(5): the field after the state, which follows the name in
// parentheses (and a name may hold anything).
func parent(pid int) (int, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 2 {
		return 0, os.ErrInvalid
	}
	return strconv.Atoi(string(fields[1]))
}
