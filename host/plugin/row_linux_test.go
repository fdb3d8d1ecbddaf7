package plugin

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"mostrador/sdk/plgv1"
)

// BenchmarkRow holds the rows of `make bench` (see host/cmd/bench) that are about the processes of plug-ins. Their
// floor is a bare gRPC process: no handshake, no TLS, no SDK, no sandbox.
func BenchmarkRow(b *testing.B) {
	b.Run("ready8_vs_bare", ready8VersusBare)
	b.Run("plugin_rss_vs_bare", rssVersusBare)
	b.Run("restart_ms", restart)
}

// report writes one row.
func reportRow(b *testing.B, unit string, value, floor, ratio, atMost float64) {
	b.Helper()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(0, "unit:"+unit)
	b.ReportMetric(value, "value")
	b.ReportMetric(floor, "floor")
	b.ReportMetric(ratio, "ratio")
	b.ReportMetric(atMost, "atmost")
}

// idlers makes a Manager with n plug-ins that do nothing, each with a program of its own whose hash is checked.
func idlers(b *testing.B, n int) (h *house, ids []string) {
	b.Helper()
	h = &house{dir: shortDir(b), log: &lines{}, reader: &keyspace{}}
	program, err := os.ReadFile(buildProgram(b, "./testdata/idle", "-tags", "grpcnotrace"))
	check(b, err)
	var packages []*Package
	for i := range n {
		id := fmt.Sprintf("PLG%d", 9001+i)
		name := strings.ToLower(id) + "idle"
		folder := filepath.Join(h.dir, name)
		check(b, os.MkdirAll(folder, 0o700))
		check(b, os.WriteFile(filepath.Join(folder, manifestFile), fmt.Appendf(nil, idleManifest, id), 0o600))
		check(b, os.WriteFile(filepath.Join(folder, name), program, 0o700))
		check(b, os.Chtimes(filepath.Join(folder, name), time.Time{}, time.Now().Add(-time.Hour)))
		pkg, err := Open(folder)
		check(b, err)
		packages, ids = append(packages, pkg), append(ids, id)
	}
	h.manage(b, packages, Policy{})
	time.Sleep(settled) // so that the hashes are remembered, as those of programs that were installed yesterday
	for _, pkg := range packages {
		pkg.ProgramHash, err = h.shared.hashes.of(pkg.Program)
		check(b, err)
	}
	return h, ids
}

const idleManifest = `id: %s
name: {es: Quieto, en: Idle}
version: 1.0.0
api: [1, 2]
permissions: [sale:read]
events: {handles: [sale.completed]}
`

// buildProgram builds a program without symbols: plug-ins with the tag that `make` and `plugin pack` build them with, a
// bare process as anybody would.
func buildProgram(b *testing.B, pkg string, flags ...string) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), filepath.Base(pkg))
	cmd := exec.Command("go", slices.Concat([]string{"build"}, flags, []string{"-ldflags", "-s -w", "-o", program, pkg})...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	return program
}

// bareProcess is a bare gRPC process that has answered once.
type bareProcess struct {
	cmd  *exec.Cmd
	conn *grpc.ClientConn
}

func (p bareProcess) end() {
	_ = p.conn.Close()
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // killed
}

// bareProcesses starts n bare processes at the same time.
func bareProcesses(b *testing.B, program, dir string, n int) []bareProcess {
	b.Helper()
	processes, errs := make([]bareProcess, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { processes[i], errs[i] = startBareProcess(program, filepath.Join(dir, strconv.Itoa(i))) })
	}
	all.Wait()
	for _, err := range errs {
		check(b, err)
	}
	return processes
}

func startBareProcess(program, socket string) (p bareProcess, err error) {
	_ = os.Remove(socket)
	p.cmd = exec.Command(program, socket)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return p, err
	}
	if err := p.cmd.Start(); err != nil {
		return p, err
	}
	if _, err := out.Read(make([]byte, 16)); err != nil { // it says that it listens
		return p, err
	}
	if p.conn, err = grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		return p, err
	}
	_, err = plgv1.NewPluginClient(p.conn).Describe(context.Background(), &plgv1.DescribeRequest{})
	return p, err
}

// ready8VersusBare compares eight plug-ins from nothing to ready, hashes checked, sandboxed and over mutual TLS, and
// eight bare processes, all at the same time each.
func ready8VersusBare(b *testing.B) {
	const n, rounds = 8, 15
	h, ids := idlers(b, n)
	program, dir := buildProgram(b, "../testdata/bare"), shortDir(b)
	var ready, bare []time.Duration
	for range rounds {
		began := time.Now()
		check(b, h.Start(context.Background(), ids...))
		ready = append(ready, time.Since(began))
		check(b, h.Close(context.Background()))

		began = time.Now()
		processes := bareProcesses(b, program, dir, n)
		bare = append(bare, time.Since(began))
		for _, p := range processes {
			p.end()
		}
	}
	value, floor := middle(ready), middle(bare)
	reportRow(b, "ms", value, floor, value/floor, 1.25)
}

// rssVersusBare compares the memory of an idle plug-in and of an idle bare process, which have both answered once.
func rssVersusBare(b *testing.B) {
	const rounds = 5
	h, ids := idlers(b, 1)
	program, dir := buildProgram(b, "../testdata/bare"), shortDir(b)
	var own, bare []float64
	for range rounds {
		check(b, h.Start(context.Background(), ids...))
		p := bareProcesses(b, program, dir, 1)[0]
		time.Sleep(time.Second) // both come to rest
		own = append(own, resident(b, int(h.info(ids[0]).Pid)))
		bare = append(bare, resident(b, p.cmd.Process.Pid))
		p.end()
		check(b, h.Close(context.Background()))
	}
	slices.Sort(own)
	slices.Sort(bare)
	value, floor := own[rounds/2], bare[rounds/2]
	reportRow(b, "MiB", value, floor, value/floor, 1.1)
}

// resident is the memory of a process in MiB, as proc_pid_status(5) says.
func resident(b *testing.B, pid int) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	check(b, err)
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
	check(b, err)
	return kib / 1024
}

// restart measures the time from the SIGKILL of a plug-in to its next finished piece of work.
func restart(b *testing.B) {
	const rounds = 15
	h, ids := idlers(b, 1)
	check(b, h.Start(context.Background(), ids...))
	p, _ := h.Plugin(ids[0])
	var took []time.Duration
	for i := range rounds {
		_, err := p.Deliver(context.Background(), sales(uint64(i+1), "before")) // it works: no strike
		check(b, err)
		began := time.Now()
		check(b, syscall.Kill(int(h.info(ids[0]).Pid), syscall.SIGKILL))
		for { // work that was under way at the end is for its caller to try again
			if _, err = p.Deliver(context.Background(), sales(uint64(i+1), "after")); err == nil {
				break
			}
		}
		took = append(took, time.Since(began))
	}
	value := middle(took)
	reportRow(b, "ms", value, 0, value, 50)
}

// middle is the median in milliseconds.
func middle(times []time.Duration) float64 {
	slices.Sort(times)
	return float64(times[len(times)/2].Microseconds()) / 1000
}
