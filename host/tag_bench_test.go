package host

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/tag"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// tagRows are the rows about tags on many customers: how many customers a second get one, and how long the tills wait
// meanwhile. The peer puts the same rows into a table of SQLite in one statement.
func tagRows(b *testing.B) {
	var once sync.Once
	var m tagMeasures
	row := func(name string, show func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			once.Do(func() { m = measureTags(b) })
			show(b)
		})
	}
	row("bulk_tag_rate", func(b *testing.B) { showRow(b, "customers/s", m.rate, 0, m.rate, "atleast", 100_000) })
	row("bulk_tag_vs_sqlite", func(b *testing.B) { showRow(b, "customers/s", m.rate, m.peer, m.rate/m.peer, "atleast", 1) })
	row("till_p99_during_bulk", func(b *testing.B) { showRow(b, "µs", m.busy, m.idle, m.busy/m.idle, "atmost", 1.5) })
}

// tagMeasures are in customers a second, and in microseconds.
type tagMeasures struct{ rate, peer, busy, idle float64 }

const (
	// tagRuns is how often each is measured; the median counts.
	tagRuns = 3
	// tillVisits is how many customers register at the till in a run, tillRest how long it waits between two of them.
	tillVisits = 1500
	tillRest   = time.Millisecond
)

func measureTags(b *testing.B) tagMeasures {
	n := benchCustomers(b)
	ctx, cancel := context.WithCancel(context.Background())
	shop, err := store.Open(filepath.Join(b.TempDir(), "store.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := shop.Close(); err != nil {
			b.Error(err)
		}
	}()
	log, text := event.NewLog(shop), locale.New()
	customers, err := customer.New(customer.Config{Store: shop, Log: log, Text: text})
	if err != nil {
		b.Fatal(err)
	}
	peer, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "peer.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer peer.Close()
	settle(b, shop, customers, peer, n)

	tasks := task.New(task.Config{Store: shop, Log: log, Text: text})
	tags, err := tag.New(tag.Config{Store: shop, Log: log, Customers: customers, Tasks: tasks, Text: text})
	if err != nil {
		b.Fatal(err)
	}
	var work sync.WaitGroup
	work.Go(func() { _ = tasks.Run(ctx) })
	defer work.Wait()
	defer cancel()
	if err := customers.Build(ctx); err != nil {
		b.Fatal(err)
	}
	t := &tagBench{B: b, shop: shop, customers: customers, tasks: tasks, tags: tags}

	var rates, peers, busy, idle []float64
	for i := range tagRuns {
		name := fmt.Sprint("Etiqueta ", i)
		if _, err := tags.Put(ctx, clerk, &mostradorv1.Tag{Name: name}); err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		if changed := t.all([]string{name}, nil); changed != uint64(n) {
			b.Fatalf("%d customers got the tag, not %d", changed, n)
		}
		rates = append(rates, rate(n, time.Since(began)))
		peers = append(peers, peerTags(b, peer, i, n))
	}
	for range tagRuns {
		idle = append(idle, t.till())
		// One task after the other puts the tag on and takes it off while the till works.
		stop, ended := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(ended)
			for off := true; ; off = !off {
				select {
				case <-stop:
					return
				default:
				}
				if name := []string{"Etiqueta 0"}; off {
					t.all(nil, name)
				} else {
					t.all(name, nil)
				}
			}
		}()
		busy = append(busy, t.till())
		close(stop)
		<-ended
	}
	return tagMeasures{median(rates), median(peers), median(busy), median(idle)}
}

// tagBench is a store whose customers are tagged.
type tagBench struct {
	*testing.B
	shop      *store.Store
	customers *customer.Service
	tasks     *task.Service
	tags      *tag.Service
	next      int
}

// all puts tags on everybody, or takes them off, and returns how many customers changed.
func (t *tagBench) all(add, remove []string) uint64 {
	begun, changed, err := t.tags.Apply(context.Background(), clerk, &mostradorv1.Selection{All: true}, add, remove)
	if err != nil {
		t.Error(err)
		return 0
	}
	for begun != nil && !task.Ended(begun.State) {
		time.Sleep(time.Millisecond)
		err := t.shop.View(func(tx *store.Tx) (err error) { begun, err = t.tasks.Get(tx, begun.Id); return err })
		if err != nil {
			t.Error(err)
			return 0
		}
		changed = begun.Changed
	}
	return changed
}

// till is the 99th percentile of how long a registration takes, in microseconds.
func (t *tagBench) till() float64 {
	times := make([]time.Duration, 0, tillVisits)
	for range tillVisits {
		t.next++
		c := &plgv1.Customer{Name: fmt.Sprint("Visita ", t.next), Email: fmt.Sprintf("visita%d@example.org", t.next)}
		began := time.Now()
		if _, err := t.customers.Register(context.Background(), clerk, c, ""); err != nil {
			t.Fatal(err)
		}
		times = append(times, time.Since(began))
		time.Sleep(tillRest)
	}
	slices.Sort(times)
	return micros(times[len(times)*99/100])
}

// peerTags puts a tag on everybody in SQLite and returns how many customers a second got it.
func peerTags(b *testing.B, peer *sql.DB, i, n int) float64 {
	b.Helper()
	for _, statement := range []string{
		"PRAGMA synchronous = FULL",
		"CREATE TABLE IF NOT EXISTS customer_tag (customer INTEGER, tag INTEGER, PRIMARY KEY (customer, tag)) WITHOUT ROWID",
	} {
		if _, err := peer.Exec(statement); err != nil {
			b.Fatal(err)
		}
	}
	began := time.Now()
	if _, err := peer.Exec("INSERT OR IGNORE INTO customer_tag SELECT number, ? FROM customer", i); err != nil {
		b.Fatal(err)
	}
	return rate(n, time.Since(began))
}
