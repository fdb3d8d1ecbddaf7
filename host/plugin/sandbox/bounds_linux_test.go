package sandbox

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// house is what a program might reach: a store's home with a secret, its own folder, a folder for sockets and one
// that it was granted.
type house struct {
	secret, own, sockets, granted, socket string
	bounds                                Bounds
}

func build(t *testing.T) house {
	t.Helper()
	dir, err := os.MkdirTemp("", "sb") // short, for the sockets
	check(t, err)
	t.Cleanup(func() { check(t, os.RemoveAll(dir)) })
	h := house{
		secret: filepath.Join(dir, "home", "secret"), own: filepath.Join(dir, "own"),
		sockets: filepath.Join(dir, "run"), granted: filepath.Join(dir, "granted"), socket: filepath.Join(dir, "home", "sock"),
	}
	for _, folder := range []string{filepath.Dir(h.secret), h.own, h.sockets, h.granted} {
		check(t, os.Mkdir(folder, 0o700))
	}
	for _, file := range []string{h.secret, filepath.Join(h.own, "file"), filepath.Join(h.granted, "file")} {
		check(t, os.WriteFile(file, []byte("secret"), 0o600))
	}
	listener, err := net.Listen("unix", h.socket)
	check(t, err)
	t.Cleanup(func() { listener.Close() })
	h.bounds = Bounds{Read: []string{h.own}, Sockets: []string{h.sockets}, Memory: memory, Nice: 5}
	return h
}

// What a program in the sandbox must not do it can do outside: so the test would notice an attempt that fails for
// another reason.
func TestWhatIsForbiddenIsRefusedAndWouldWorkOutside(t *testing.T) {
	h := build(t)
	own, granted := filepath.Join(h.own, "file"), filepath.Join(h.granted, "file")
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	check(t, err)
	defer udp.Close()
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	check(t, err)
	defer tcp.Close()
	port := strconv.Itoa(tcp.Addr().(*net.TCPAddr).Port)
	abstract, err := net.Listen("unix", "@mostrador-sandbox-"+strconv.Itoa(os.Getpid()))
	check(t, err)
	defer abstract.Close()
	network, elsewhere := h.bounds, uint16(9)
	network.Ports = []uint16{elsewhere}
	spawning := h.bounds
	spawning.Spawn = true
	for _, test := range []struct {
		attempt string
		args    []string
		bounds  Bounds
		parts   []Part
		harms   bool // must not be tried outside
	}{
		{attempt: "read", args: []string{h.secret}, parts: []Part{PartFiles}},
		{attempt: "read", args: []string{"/etc/passwd"}, parts: []Part{PartFiles}},
		{attempt: "read", args: []string{h.own + "/../home/secret"}, parts: []Part{PartFiles}},
		{attempt: "list", args: []string{filepath.Dir(h.secret)}, parts: []Part{PartFiles}},
		{attempt: "environment", parts: []Part{PartFiles}},
		{attempt: "append", args: []string{h.secret}, parts: []Part{PartFiles}},
		{attempt: "write", args: []string{own}, parts: []Part{PartFiles}},
		{attempt: "truncate", args: []string{own}, parts: []Part{PartFiles}},
		{attempt: "write", args: []string{granted}, parts: []Part{PartFiles}},
		{attempt: "write", args: []string{filepath.Join(h.sockets, "file")}}, // it may make it, and put nothing in
		{attempt: "mkdir", args: []string{own}, parts: []Part{PartFiles}},
		{attempt: "symlink", args: []string{granted}, parts: []Part{PartFiles}},
		{attempt: "link", args: []string{own}, parts: []Part{PartFiles}},
		{attempt: "rename", args: []string{granted}, parts: []Part{PartFiles}},
		{attempt: "remove", args: []string{granted + "2"}, parts: []Part{PartFiles}},
		{attempt: "chmod", args: []string{own}, parts: []Part{PartCalls}},
		{attempt: "chown", args: []string{own}, parts: []Part{PartCalls}},
		{attempt: "touch", args: []string{own}, parts: []Part{PartCalls}},
		{attempt: "attribute", args: []string{own}, parts: []Part{PartCalls}, harms: true}, // not on every file system
		{attempt: "watch", args: []string{h.secret}, parts: []Part{PartCalls}},

		{attempt: "connect", args: []string{"tcp4", "127.0.0.1:" + port}, parts: []Part{PartCalls}},
		{attempt: "connect", args: []string{"tcp4", "127.0.0.1:" + port}, bounds: network, parts: []Part{PartTCP}},
		{attempt: "fast open", args: []string{port}, bounds: network, parts: []Part{PartCalls}},
		{attempt: "listen on tcp", bounds: network, parts: []Part{PartTCP}},
		{attempt: "connect", args: []string{"unix", h.socket}, parts: []Part{PartCalls}},
		{attempt: "connect", args: []string{"unix", abstract.Addr().String()}, parts: []Part{PartCalls}},
		{attempt: "connect", args: []string{"unix", abstract.Addr().String()}, bounds: network, parts: []Part{PartSignals}},
		{attempt: "send", args: []string{udp.LocalAddr().String()}, parts: []Part{PartCalls}},
		{attempt: "tcp socket", parts: []Part{PartCalls}},
		{attempt: "udp socket", parts: []Part{PartCalls}},
		{attempt: "local datagram", parts: []Part{PartCalls}},
		{attempt: "local datagram", bounds: network, parts: []Part{PartCalls}},
		{attempt: "datagram pair", parts: []Part{PartCalls}},
		{attempt: "netlink", parts: []Part{PartCalls}},
		{attempt: "netlink", bounds: network, parts: []Part{PartCalls}},
		{attempt: "multipath", bounds: network, parts: []Part{PartCalls}, harms: true}, // not in every kernel

		{attempt: "start itself", parts: []Part{PartCalls}},
		{attempt: "start a program", parts: []Part{PartCalls}},
		{attempt: "guess the password", parts: []Part{PartCalls}},
		{attempt: "guess the password", bounds: spawning, parts: []Part{PartCalls}},
		{attempt: "guess at the group", bounds: spawning, parts: []Part{PartCalls}, harms: true}, // it leads one already
		{attempt: "start detached", bounds: spawning, parts: []Part{PartCalls}},
		{attempt: "start in a group", bounds: spawning, parts: []Part{PartCalls}},
		{attempt: "new user", parts: []Part{PartCalls}, harms: true},    // not with threads
		{attempt: "new session", parts: []Part{PartCalls}, harms: true}, // a leader of a group cannot
		{attempt: "outlive", parts: []Part{PartCalls}},

		{attempt: "signal"}, // by Landlock or by the filter
		{attempt: "signal", bounds: spawning, parts: []Part{PartSignals}},
		{attempt: "trace", parts: []Part{PartCalls}, harms: true},
		{attempt: "read memory", parts: []Part{PartCalls}},
		{attempt: "others' limits", parts: []Part{PartCalls}},
		{attempt: "change own limits", parts: []Part{PartCalls}},
		{attempt: "change own limits, the old way", parts: []Part{PartCalls}},
		{attempt: "others' processors", parts: []Part{PartCalls}},
		{attempt: "better priority", harms: os.Getuid() != 0},
		{attempt: "longer turns", parts: []Part{PartCalls}},
		{attempt: "io_uring", parts: []Part{PartCalls}, harms: true}, // not in every kernel
		{attempt: "rights", harms: os.Getuid() != 0},

		{attempt: "memory", args: []string{"400"}, parts: []Part{PartMemory}},
		{attempt: "shared memory", parts: []Part{PartCalls}},
		{attempt: "growing stack", parts: []Part{PartCalls}},
		{attempt: "memory file", parts: []Part{PartCalls}},
		{attempt: "old memory", parts: []Part{PartCalls}},
		{attempt: "many files"},
		{attempt: "core", harms: true}, // forbidden as a rule
	} {
		name := strings.Join(append([]string{test.attempt}, test.args...), " ")
		t.Run(name, func(t *testing.T) {
			if lacking(t, test.parts...) || test.attempt == "memory" && memory == 0 {
				return
			}
			b := test.bounds
			if b.Sockets == nil {
				b = h.bounds
			}
			if said := run(t, b, test.attempt, test.args...); strings.HasPrefix(said, done) {
				t.Errorf("in the sandbox: %s", said)
			} else {
				t.Logf("in the sandbox: %.200s", said)
			}
			if !test.harms {
				if said := run(t, Bounds{Off: true}, test.attempt, test.args...); said != done {
					t.Errorf("outside: %s", said)
				}
			}
		})
	}
}

func TestWhatWasGrantedWorks(t *testing.T) {
	h := build(t)
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	check(t, err)
	defer tcp.Close()
	with := func(change func(*Bounds)) Bounds {
		b := h.bounds
		change(&b)
		return b
	}
	network := with(func(b *Bounds) { b.Ports = []uint16{uint16(tcp.Addr().(*net.TCPAddr).Port)} })
	spawning := with(func(b *Bounds) { b.Spawn = true })
	writing := with(func(b *Bounds) { b.Write = []string{h.granted} })
	for _, test := range []struct {
		attempt string
		args    []string
		bounds  Bounds
	}{
		{"nothing", nil, h.bounds},
		{"read", []string{filepath.Join(h.own, "file")}, h.bounds},
		{"list", []string{h.own}, h.bounds},
		{"empty file", []string{filepath.Join(h.sockets, "name")}, h.bounds},
		{"remove", []string{filepath.Join(h.sockets, "name")}, h.bounds},
		{"listen", []string{filepath.Join(h.sockets, "socket")}, h.bounds},
		{"stream pair", nil, h.bounds},
		{"time zone", nil, h.bounds},
		{"signal itself", nil, h.bounds},
		{"own limits", nil, h.bounds},
		{"memory", []string{"60"}, h.bounds},
		{"connect", []string{"tcp4", tcp.Addr().String()}, network},
		{"udp socket", nil, network},
		{"read", []string{"/etc/hosts"}, network},
		{"write", []string{filepath.Join(h.granted, "new")}, writing},
		{"rename", []string{filepath.Join(h.granted, "new")}, writing},
		{"mkdir", []string{filepath.Join(h.granted, "folder")}, writing},
		{"start itself", nil, spawning},
		{"start a program", nil, spawning},
	} {
		t.Run(test.attempt, func(t *testing.T) {
			if said := run(t, test.bounds, test.attempt, test.args...); said != done {
				t.Error(said)
			}
		})
	}
}

// The bounds of a program are those of one thread of the host, and of no other.
func TestTheHostItselfStaysFree(t *testing.T) {
	h := build(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 4 {
				if said := run(t, h.bounds, "nothing"); said != done {
					t.Error(said)
				}
			}
		})
	}
	all.Wait()
	deadline := time.Now().Add(30 * time.Second) // a thread takes a moment to end
	for left := bound(t); len(left) > 0; left = bound(t) {
		if time.Now().After(deadline) {
			t.Fatalf("threads %v are in the sandbox", left)
		}
		time.Sleep(time.Millisecond)
	}
	if _, err := os.ReadFile(h.secret); err != nil {
		t.Error(err)
	}
}

// bound lists the threads of this process that have a filter, or a lower priority.
func bound(t *testing.T) []string {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	check(t, err)
	var found []string
	for _, task := range tasks {
		status, err := os.ReadFile(filepath.Join("/proc/self/task", task.Name(), "status"))
		if err == nil && strings.Contains(string(status), "Seccomp:\t2") {
			found = append(found, task.Name())
		}
	}
	return found
}

func TestAProgramThatIsNotThereIsAnError(t *testing.T) {
	h := build(t)
	b := h.bounds
	b.Program = filepath.Join(h.own, "none")
	if _, _, err := Start(command(b.Program), b); err == nil {
		t.Error("it was started")
	}
}

func TestTheReportNamesWhatIsMissing(t *testing.T) {
	s := Report()
	for _, gap := range s.Missing {
		if gap.Reason == "" {
			t.Errorf("no reason for %s", gap.Part)
		}
	}
	if s.Landlock == 0 != s.Lacks(PartFiles) {
		t.Errorf("report %+v", s)
	}
	t.Logf("%+v", s)
}
