//go:build unix && !linux

package plugin

import (
	"os"
	"syscall"

	"mostrador/host/plugin/sandbox"
)

// attributes gives a plugin a process group of its own: an interrupt at the terminal is the host's business.
// That it ends with the host is seen to by the SDK, which watches its parent.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// family is nothing here: the end of a process can only be waited for by reaping it, and after that its
// group's number may belong to a stranger.
type family struct{}

func adopt(*os.Process, sandbox.Bounds, <-chan struct{}) (family, error) { return family{}, nil }

func (family) waitAndEnd() {}

func wasKilled(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && (status.Signal() == syscall.SIGKILL || status.Signal() == syscall.SIGTERM)
}

// descends tells whether a process is one of roots; this system has no socket that tells more.
func descends(pid int, roots map[int]bool) bool { return roots[pid] }
