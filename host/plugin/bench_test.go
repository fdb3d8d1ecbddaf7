package plugin

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"mostrador/sdk/plgv1"
)

// BenchmarkStart measures two plugins from nothing to ready, and its floor: two processes of the same
// program that serve gRPC on a socket, without TLS, go-plugin or supervision. Both kinds start at the same
// time and are ready after the first answer. The rounds alternate, so that the ratio (the metric "x-bare")
// holds on a busy machine.
func BenchmarkStart(b *testing.B) {
	h := open(b, Policy{}, one, two)
	dir := shortDir(b)
	var plugins, floor time.Duration
	for b.Loop() {
		begun := time.Now()
		check(b, h.Start(context.Background(), one, two))
		plugins += time.Since(begun)
		check(b, h.Close(context.Background()))

		floor += startBare(b, dir)
	}
	b.ReportMetric(float64(plugins.Microseconds())/float64(b.N)/1000, "ms/plugins")
	b.ReportMetric(float64(floor.Microseconds())/float64(b.N)/1000, "ms/bare")
	b.ReportMetric(float64(plugins)/float64(floor), "x-bare")
	b.ReportMetric(0, "ns/op")
}

// startBare starts two bare servers, waits for an answer of each, and ends them.
func startBare(b *testing.B, dir string) time.Duration {
	self, err := os.Executable()
	check(b, err)
	begun := time.Now()
	var wg sync.WaitGroup
	var processes [2]*exec.Cmd
	var conns [2]*grpc.ClientConn
	var errs [2]error
	for i := range processes {
		wg.Go(func() {
			socket := filepath.Join(dir, []string{"one", "two"}[i])
			_ = os.Remove(socket)
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), bareVariable+"="+socket)
			out, err := cmd.StdoutPipe()
			if err == nil {
				err = cmd.Start()
			}
			if errs[i] = err; err != nil {
				return
			}
			processes[i] = cmd
			bufio.NewScanner(out).Scan()
			conns[i], errs[i] = grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if errs[i] == nil {
				_, errs[i] = plgv1.NewPluginClient(conns[i]).Describe(context.Background(), &plgv1.DescribeRequest{})
			}
		})
	}
	wg.Wait()
	took := time.Since(begun)
	for i := range processes {
		check(b, errs[i])
		conns[i].Close()
		check(b, processes[i].Process.Kill())
		_ = processes[i].Wait() // killed
	}
	return took
}

// BenchmarkDeliver measures a batch to a plugin and back.
func BenchmarkDeliver(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			h := open(b, Policy{}, one)
			h.start(b, one)
			p, _ := h.Plugin(one)
			batch := sales(1, make([]string, n)...)
			for b.Loop() {
				_, err := p.Deliver(b.Context(), batch)
				check(b, err)
			}
			b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkStop measures the end of a plugin that is asked.
func BenchmarkStop(b *testing.B) {
	h := open(b, Policy{}, one)
	var stopping time.Duration
	for b.Loop() {
		check(b, h.Start(context.Background(), one))
		begun := time.Now()
		check(b, h.Stop(context.Background(), one))
		stopping += time.Since(begun)
	}
	b.ReportMetric(float64(stopping.Microseconds())/float64(b.N)/1000, "ms/stop")
	b.ReportMetric(0, "ns/op")
}
