package plugin

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes has the kernel kill a plugin whose host ended, and gives it a process group of its own: an
// interrupt at the terminal is the host's business, and its group ends with it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// family is a process with its process group.
type family struct{ pid int }

func adopt(p *os.Process) (family, error) { return family{pid: p.Pid}, nil }

// waitAndEnd waits for the end of the process and then kills what is left of its group. The process is not
// reaped yet, so that its number cannot belong to a stranger.
func (f family) waitAndEnd() {
	for unix.Waitid(unix.P_PID, f.pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	_ = unix.Kill(-f.pid, unix.SIGKILL)
}

func wasKilled(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && (status.Signal() == syscall.SIGKILL || status.Signal() == syscall.SIGTERM)
}
