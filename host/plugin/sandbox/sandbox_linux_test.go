package sandbox

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The test binary is also the program in the sandbox: it makes the attempt that its environment names and says how
// that went.
const (
	attemptVariable = "SANDBOX_ATTEMPT"
	done            = "done"
)

func TestMain(m *testing.M) {
	name := os.Getenv(attemptVariable)
	if name == "" {
		os.Exit(m.Run())
	}
	attempt, ok := attempts[name]
	if !ok {
		fmt.Println("no such attempt")
		os.Exit(2)
	}
	if err := attempt(os.Args[1:]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(done)
	os.Exit(0)
}

// run starts the program within bounds and returns what it said, or how it ended when it said nothing.
func run(t *testing.T, b Bounds, name string, args ...string) string {
	t.Helper()
	self, err := os.Executable()
	check(t, err)
	if b.Program == "" {
		b.Program = self
	}
	cmd := exec.Command(self, args...)
	cmd.Env = []string{attemptVariable + "=" + name}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	reader, writer, err := os.Pipe() // a file would meet the bound of files' sizes
	check(t, err)
	var said bytes.Buffer
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = said.ReadFrom(reader) })
	cmd.Stdout, cmd.Stderr = writer, writer
	_, ended, err := Start(cmd, b)
	writer.Close()
	check(t, err)
	select {
	case <-ended:
	case <-time.After(time.Minute):
		_ = cmd.Process.Kill()
		<-ended
		t.Errorf("%s hangs", name)
	}
	err = cmd.Wait()
	reading.Wait()
	reader.Close()
	if text := strings.TrimSpace(said.String()); text != "" {
		return text
	}
	return fmt.Sprint(err)
}

func command(program string) *exec.Cmd { return exec.Command(program) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lacking tells, and says, that this machine cannot keep one of those bounds.
func lacking(t *testing.T, parts ...Part) bool {
	t.Helper()
	for _, part := range parts {
		if Report().Lacks(part) {
			t.Logf("this machine has no %s: %v", part, Report().Missing)
			return true
		}
	}
	return false
}

// attempts are what a program may try, with its arguments.
var attempts = map[string]func(args []string) error{
	"nothing": func([]string) error { return nil },
	"read":    func(a []string) error { _, err := os.ReadFile(a[0]); return err },
	"list":    func(a []string) error { _, err := os.ReadDir(a[0]); return err },
	"write":   func(a []string) error { return os.WriteFile(a[0], []byte("x"), 0o600) },
	"append": func(a []string) error {
		f, err := os.OpenFile(a[0], os.O_APPEND|os.O_WRONLY, 0)
		if err == nil {
			_, err = f.WriteString("x")
		}
		return err
	},
	"empty file":      func(a []string) error { return os.WriteFile(a[0], nil, 0o600) },
	"truncate":        func(a []string) error { return os.Truncate(a[0], 0) },
	"chmod":           func(a []string) error { return os.Chmod(a[0], 0o777) },
	"chown":           func(a []string) error { return os.Chown(a[0], 1, 1) },
	"touch":           func(a []string) error { return os.Chtimes(a[0], time.Unix(0, 0), time.Unix(0, 0)) },
	"attribute":       func(a []string) error { return unix.Setxattr(a[0], "user.x", []byte("x"), 0) },
	"remove":          func(a []string) error { return os.Remove(a[0]) },
	"rename":          func(a []string) error { return os.Rename(a[0], a[0]+"2") },
	"link":            func(a []string) error { return os.Link(a[0], a[0]+"2") },
	"symlink":         func(a []string) error { return os.Symlink("/etc/shadow", a[0]+"4") },
	"mkdir":           func(a []string) error { return os.Mkdir(a[0]+"3", 0o700) },
	"watch":           watch,
	"environment":     func([]string) error { _, err := os.ReadFile(host("environ")); return err },
	"time zone":       func([]string) error { _, err := time.LoadLocation("Europe/Madrid"); return err },
	"listen":          func(a []string) error { _, err := net.Listen("unix", a[0]); return err },
	"connect":         func(a []string) error { _, err := net.DialTimeout(a[0], a[1], 10*time.Second); return err },
	"send":            send,
	"fast open":       fastOpen,
	"local datagram":  func([]string) error { return socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0) },
	"datagram pair":   func([]string) error { _, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0); return err },
	"stream pair":     func([]string) error { _, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0); return err },
	"netlink":         func([]string) error { return socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE) },
	"multipath":       func([]string) error { return socket(unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP) },
	"tcp socket":      func([]string) error { return socket(unix.AF_INET, unix.SOCK_STREAM, 0) },
	"udp socket":      func([]string) error { return socket(unix.AF_INET6, unix.SOCK_DGRAM, unix.IPPROTO_UDP) },
	"listen on tcp":   func([]string) error { _, err := net.Listen("tcp4", "127.0.0.1:0"); return err },
	"start itself":    func([]string) error { return again(nil) },
	"start a program": func([]string) error { return exec.Command("/bin/true").Run() },
	"start detached":  func([]string) error { return again(&syscall.SysProcAttr{Setsid: true}) },
	"start in a group": func([]string) error {
		return again(&syscall.SysProcAttr{Setpgid: true})
	},
	"guess the password": func([]string) error { return again(&syscall.SysProcAttr{Cloneflags: 7 << 32}) },
	"guess at the group": func([]string) error {
		_, _, errno := unix.Syscall(unix.SYS_SETPGID, 0, 7<<32, 0)
		return as(errno)
	},
	"new user":      func([]string) error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"new session":   func([]string) error { _, err := unix.Setsid(); return err },
	"signal":        func([]string) error { return unix.Kill(os.Getppid(), 0) },
	"signal all":    func([]string) error { return unix.Kill(-1, 0) },
	"signal itself": func([]string) error { return unix.Tgkill(unix.Getpid(), unix.Gettid(), 0) },
	"trace":         func([]string) error { return unix.PtraceAttach(os.Getppid()) },
	"read memory": func([]string) error {
		own, remote := make([]byte, 1), []unix.RemoteIovec{{Base: 0x400000, Len: 1}}
		_, err := unix.ProcessVMReadv(os.Getppid(), []unix.Iovec{{Base: &own[0], Len: 1}}, remote, 0)
		if err == unix.EFAULT { // reached it, and there was nothing at that place
			err = nil
		}
		return err
	},
	"others' limits": func([]string) error {
		return unix.Prlimit(os.Getppid(), unix.RLIMIT_NOFILE, nil, &unix.Rlimit{})
	},
	"own limits": func([]string) error {
		return unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &unix.Rlimit{})
	},
	"change own limits": func([]string) error {
		var now unix.Rlimit
		err := unix.Prlimit(0, unix.RLIMIT_DATA, nil, &now)
		if err == nil {
			err = unix.Prlimit(0, unix.RLIMIT_DATA, &now, nil) // to what they are, which no rights are needed for
		}
		return err
	},
	"change own limits, the old way": func([]string) error {
		var now unix.Rlimit
		err := unix.Getrlimit(unix.RLIMIT_DATA, &now)
		if err == nil {
			_, _, errno := unix.RawSyscall(unix.SYS_SETRLIMIT, unix.RLIMIT_DATA, uintptr(unsafe.Pointer(&now)), 0)
			err = as(errno)
		}
		return err
	},
	"others' priority": func([]string) error {
		now, err := unix.Getpriority(unix.PRIO_PROCESS, os.Getppid())
		if err == nil {
			err = unix.Setpriority(unix.PRIO_PROCESS, os.Getppid(), 20-now)
		}
		return err
	},
	"others' processors": func([]string) error {
		var set unix.CPUSet
		err := unix.SchedGetaffinity(os.Getppid(), &set)
		if err == nil {
			err = unix.SchedSetaffinity(os.Getppid(), &set)
		}
		return err
	},
	"better priority": func([]string) error { return unix.Setpriority(unix.PRIO_PROCESS, 0, 0) },
	"longer turns": func([]string) error {
		return unix.SchedSetAttr(0, &unix.SchedAttr{Nice: 19, Runtime: 100_000_000}, 0)
	},
	"outlive": func([]string) error { return unix.Prctl(unix.PR_SET_PDEATHSIG, 0, 0, 0, 0) },
	"io_uring": func([]string) error {
		params := make([]byte, 120)
		_, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params[0])), 0)
		return as(errno)
	},
	"rights": func([]string) error {
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		if err := unix.Capget(&header, &data[0]); err != nil {
			return err
		}
		if data[0].Permitted|data[1].Permitted|data[0].Inheritable|data[1].Inheritable == 0 {
			return unix.EPERM
		}
		return nil
	},
	"memory": func(a []string) error {
		n, err := strconv.Atoi(a[0])
		if err != nil {
			return err
		}
		block := make([]byte, n<<20)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		runtime.KeepAlive(block)
		return nil
	},
	"shared memory": func([]string) error {
		_, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANON)
		return err
	},
	"growing stack": func([]string) error {
		_, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_GROWSDOWN)
		return err
	},
	"memory file": func([]string) error { _, err := unix.MemfdCreate("x", 0); return err },
	"old memory": func([]string) error {
		_, err := unix.SysvShmGet(unix.IPC_PRIVATE, 4096, 0o600|unix.IPC_CREAT)
		return err
	},
	"many files": func([]string) error {
		for range 2 * maxFiles {
			if _, err := unix.Open("/dev/null", unix.O_RDONLY, 0); err != nil {
				return err
			}
		}
		return nil
	},
	"core": func([]string) error {
		var limit unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil || limit.Max == 0 {
			return unix.EPERM
		}
		return nil
	},
}

func as(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

func host(file string) string { return filepath.Join("/proc", strconv.Itoa(os.Getppid()), file) }

func socket(domain, kind, protocol int) error {
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, protocol)
	if err == nil {
		err = unix.Close(fd)
	}
	return err
}

func again(attr *syscall.SysProcAttr) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self)
	cmd.Env = []string{attemptVariable + "=nothing"}
	cmd.SysProcAttr = attr
	return cmd.Run()
}

func watch(a []string) error {
	fd, err := unix.InotifyInit1(0)
	if err == nil {
		_, err = unix.InotifyAddWatch(fd, a[0], unix.IN_MODIFY)
	}
	return err
}

func send(a []string) error {
	conn, err := net.Dial("udp4", a[0])
	if err == nil {
		_, err = conn.Write([]byte("x"))
	}
	return err
}

// fastOpen connects to a TCP port without connect.
func fastOpen(a []string) error {
	port, err := strconv.Atoi(a[0])
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	return unix.Sendto(fd, []byte("x"), unix.MSG_FASTOPEN, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
}
