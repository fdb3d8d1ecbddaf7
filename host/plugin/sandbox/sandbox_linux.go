package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// support is found out once: neither the kernel nor what it lets this process do changes while it runs.
var support = sync.OnceValue(func() Support {
	s := Support{Landlock: landlockVersion()}
	lacks := func(part Part, reason string) { s.Missing = append(s.Missing, Gap{Part: part, Reason: reason}) }
	switch {
	case s.Landlock == 0:
		lacks(PartFiles, "the kernel has no Landlock, or it is switched off (lsm=)")
		lacks(PartTCP, "the kernel has no Landlock, or it is switched off (lsm=)")
	case s.Landlock < landlockTCP:
		lacks(PartTCP, fmt.Sprintf("Landlock %d of the kernel knows no TCP: %d does", s.Landlock, landlockTCP))
	}
	if !landlockSignals(s.Landlock) {
		lacks(PartSignals, fmt.Sprintf("Landlock %d of the kernel knows no signals, or not well: %d does", s.Landlock, landlockScopes))
	}
	if reason := filterMissing(); reason != "" {
		lacks(PartCalls, reason)
	}
	return s
})

// Start starts cmd within bounds. ended is closed when the process has ended; the caller must wait for it by cmd.Wait
// then, and not before. cmd must name its program by an absolute path. It is an error when a bound that the machine
// has cannot be set: then nothing was started.
func Start(cmd *exec.Cmd, b Bounds) (applied Applied, ended <-chan struct{}, err error) {
	// What the thread cannot open any more afterwards, or would find out wrongly: /dev/null, and whether the system
	// knows processes by descriptors.
	if cmd.Stdin == nil {
		null, err := os.Open(os.DevNull)
		if err != nil {
			return Applied{}, nil, err
		}
		defer null.Close()
		cmd.Stdin = null
	}
	if self, err := os.FindProcess(os.Getpid()); err == nil {
		_ = self.Release()
	}
	applied = Applied{Off: b.Off}
	var restrict func() error
	if !b.Off {
		var release func()
		if restrict, release, err = prepare(cmd, b); err != nil {
			return Applied{}, nil, err
		}
		defer release()
		applied.Support = support()
	}
	started, end := make(chan error, 1), make(chan struct{})
	onThreadOfItsOwn(func() {
		defer close(end)
		if restrict != nil {
			if err := restrict(); err != nil {
				started <- err
				return
			}
		}
		err := cmd.Start()
		started <- err
		if err == nil {
			for unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
			}
		}
	})
	if err := <-started; err != nil {
		return Applied{}, nil, err
	}
	if !b.Off {
		if err := limit(cmd.Process.Pid, b); err != nil {
			_ = cmd.Process.Kill()
			<-end
			_ = cmd.Wait()
			return Applied{}, nil, err
		}
		applied.Memory = b.Memory
	}
	return applied, end, nil
}

// onThreadOfItsOwn runs f in a goroutine on a thread that ends with it. It is never the first thread: that one stands
// for the whole process in many places of the system, and it cannot end before the process does.
func onThreadOfItsOwn(f func()) {
	go func() {
		runtime.LockOSThread()
		if unix.Gettid() != unix.Getpid() {
			f() // the lock is never undone, so that the runtime throws the thread away
			return
		}
		taken := make(chan struct{})
		onThreadOfItsOwn(func() { close(taken); f() })
		<-taken // until then the first thread is held, so that the other one gets another
		runtime.UnlockOSThread()
	}()
}

// prepare makes all that does not need the thread, and changes cmd where it must say the password. release is for
// when the process has started or failed to.
func prepare(cmd *exec.Cmd, b Bounds) (restrict func() error, release func(), err error) {
	ruleset := -1
	if s := support(); s.Landlock > 0 {
		if ruleset, err = landlockRules(s.Landlock, b); err != nil {
			return nil, nil, err
		}
	}
	release = func() {
		if ruleset >= 0 {
			_ = unix.Close(ruleset)
		}
	}
	var filter []unix.SockFilter
	if !support().Lacks(PartCalls) {
		password := uint32(rand.Uint64N(1<<31-1) + 1) // not zero, which is what others say
		filter = assemble(b, password, support().Lacks(PartSignals))
		attr := cmd.SysProcAttr
		if attr == nil {
			attr = &syscall.SysProcAttr{}
			cmd.SysProcAttr = attr
		}
		attr.Cloneflags |= uintptr(uint64(password) << 32)
		if attr.Setpgid {
			attr.Pgid |= int(int64(password) << 32)
		}
	}
	return func() error {
		_ = goLast(0, b.Nice) // a courtesy, and no bound: some containers do not let anybody
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return os.NewSyscallError("prctl(PR_SET_NO_NEW_PRIVS)", err)
		}
		if err := dropRights(); err != nil {
			return err
		}
		if ruleset >= 0 {
			if _, _, errno := unix.RawSyscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(ruleset), 0, 0); errno != 0 {
				return os.NewSyscallError("landlock_restrict_self", errno)
			}
		}
		return install(filter)
	}, release, nil
}

// turn is for how long the process may run while another waits, in nanoseconds, where the kernel lets one say
// (Linux 6.12). A till that wakes up goes first then; with the usual turn of some milliseconds it would wait for it.
const turn = 100_000

// goLast lowers the priority of a thread, the calling one for 0, to that of nice; it never raises it.
func goLast(thread, nice int) error {
	if nice == 0 {
		return nil
	}
	now, err := unix.SchedGetAttr(thread, 0)
	if err != nil {
		return os.NewSyscallError("sched_getattr", err)
	}
	attr := &unix.SchedAttr{Policy: unix.SCHED_NORMAL, Nice: max(now.Nice, int32(nice)), Runtime: turn}
	return os.NewSyscallError("sched_setattr", unix.SchedSetAttr(thread, attr, 0))
}

// GoLast has a process that takes more of the processor than it should wait for all others from now on. It cannot be
// taken back.
func GoLast(pid int) error {
	const last = 19
	tasks, err := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/task")
	for _, task := range tasks {
		if thread, err := strconv.Atoi(task.Name()); err == nil {
			_ = goLast(thread, last) // it may have ended
		}
	}
	return err
}

// Worked is the processor time that a process has taken since it started.
func Worked(pid int) (time.Duration, error) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	// proc_pid_stat(5): after the name in parentheses, which may hold anything, the 12th and 13th field are the time
	// as itself and in the kernel, in hundredths of a second.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 13 {
		return 0, os.ErrInvalid
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	kernel, kernelErr := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+kernel) * (time.Second / 100), errors.Join(err, kernelErr)
}

// dropRights gives up the capabilities of a privileged user, so that none come back with a new program either.
func dropRights() error {
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		// Refused to who has no right to: he has none to drop.
		_ = unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none [2]unix.CapUserData
	if err := unix.Capset(&header, &none[0]); err != nil {
		return os.NewSyscallError("capset", err)
	}
	return nil
}

// Limits of what a process may take, beside its memory.
const (
	maxFiles = 1024
	maxStack = 8 << 20
	maxFile  = 1 << 30
	// oomScore has the kernel end a plug-in rather than the store when the machine runs out of memory
	// (proc_pid_oom_score_adj(5)).
	oomScore = 500
)

// limit sets the limits of a process that has just been started. It has no rights to raise them.
func limit(pid int, b Bounds) error {
	size := uint64(0) // no file grows; a socket's name is none
	if len(b.Write) > 0 {
		size = maxFile
	}
	limits := []struct {
		resource int
		value    uint64
	}{
		{unix.RLIMIT_CORE, 0}, {unix.RLIMIT_FSIZE, size}, {unix.RLIMIT_NOFILE, maxFiles}, {unix.RLIMIT_STACK, maxStack},
		{unix.RLIMIT_MEMLOCK, 64 << 10}, {unix.RLIMIT_MSGQUEUE, 0}, {unix.RLIMIT_NICE, 0}, {unix.RLIMIT_RTPRIO, 0},
	}
	if b.Memory > 0 {
		limits = append(limits, struct {
			resource int
			value    uint64
		}{unix.RLIMIT_DATA, uint64(b.Memory)})
	}
	for _, l := range limits {
		var now unix.Rlimit
		err := unix.Prlimit(pid, l.resource, nil, &now)
		if err == nil {
			value := min(l.value, now.Max)
			err = unix.Prlimit(pid, l.resource, &unix.Rlimit{Cur: value, Max: value}, nil)
		}
		if err != nil && !errors.Is(err, unix.ESRCH) { // it has ended already
			return os.NewSyscallError("prlimit", err)
		}
	}
	// A process that hides from its own user (a program that nobody may read) keeps its score: no harm.
	_ = os.WriteFile("/proc/"+strconv.Itoa(pid)+"/oom_score_adj", []byte(strconv.Itoa(oomScore)), 0)
	return nil
}
