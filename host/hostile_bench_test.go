package host

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Measures of hostileTill.
const (
	// visits is how many customers come to the till in each run, rest how long it waits between two of them.
	visits = 400
	rest   = 500 * time.Microsecond
	// suspects is how many of the evils that seem worst are looked at again, and runs how often in all: a single 99th
	// percentile is a coarse thing, and the worst of forty of them mostly bad luck.
	suspects, runs = 5, 3
)

// hostileTill compares the latency of registrations at a till (99th percentile) while a hostile plug-in does its worst
// with that of the same run without it. The row is the worst of all evils.
func hostileTill(b *testing.B) {
	programs := builtForBattery(b)
	var alone []float64
	for range runs {
		alone = append(alone, tillLatency(b, programs, nil))
	}
	evils := slices.Clone(evilsHere())
	latencies := map[string][]float64{}
	measure := func(e evil) { latencies[e.name()] = append(latencies[e.name()], tillLatency(b, programs, &e)) }
	for _, e := range evils {
		measure(e)
	}
	byLatency := func(a, b evil) int { return -cmp.Compare(median(latencies[a.name()]), median(latencies[b.name()])) }
	slices.SortFunc(evils, byLatency)
	for range runs - 1 {
		for _, e := range evils[:suspects] {
			measure(e)
		}
		alone = append(alone, tillLatency(b, programs, nil))
	}
	slices.SortFunc(evils[:suspects], byLatency)
	floor := median(alone)
	for _, e := range evils[:suspects] {
		b.Logf("%-28s %.2f", e.name(), median(latencies[e.name()])/floor)
	}
	value := median(latencies[evils[0].name()])
	showRow(b, "µs", value, floor, value/floor, "atmost", 1.2)
}

// tillLatency is the 99th percentile of how long a registration takes, in microseconds, while that evil happens; with
// nil only the honest plug-in works.
func tillLatency(b *testing.B, programs string, e *evil) float64 {
	b.Helper()
	home := filepath.Join(b.TempDir(), "casa")
	opt := Options{Home: home}
	if e != nil {
		opt.Plugins, opt.Policy = []string{hostilePackages(b, programs, home, listen(b), *e)}, e.policy
	} else {
		opt.Plugins = []string{hostilePackages(b, programs, home, listen(b), evil{})}
		if err := os.RemoveAll(filepath.Join(opt.Plugins[0], "plg9100hostil")); err != nil {
			b.Fatal(err)
		}
	}
	h, err := Open(context.Background(), opt)
	if err != nil {
		b.Fatal(err)
	}
	defer shut(b, h)
	times := make([]time.Duration, 0, visits)
	for i := range visits {
		c := person(i)
		if i%100 == poisonous {
			c.Name = "Veneno " + c.Name
		}
		began := time.Now()
		if _, err := h.customers.Register(context.Background(), clerk, c, ""); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
		time.Sleep(rest)
	}
	slices.Sort(times)
	return micros(times[len(times)*99/100])
}
