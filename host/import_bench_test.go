package host

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent"
	"mostrador/host/customer"
	"mostrador/host/customer/people"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/host/transfer"
)

// importRows are the rows about bringing many customers in: how long it takes from the file to the last index, every row
// judged and compared, against a bare loop that puts the same records into bbolt in the order of their keys; and how
// much memory that needs, the finder's included.
func importRows(b *testing.B) {
	var once sync.Once
	var m importMeasures
	row := func(name string, show func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			once.Do(func() { m = measureImport(b) })
			show(b)
		})
	}
	row("import_vs_sorted", func(b *testing.B) {
		showRow(b, "s", m.took.Seconds(), m.bare.Seconds(), m.took.Seconds()/m.bare.Seconds(), "atmost", 1.5)
	})
	row("import_rss", func(b *testing.B) { showRow(b, "MB", m.memory, 0, m.memory, "atmost", 300) })
}

type importMeasures struct {
	took, bare time.Duration
	// memory is the most anonymous memory that the program had meanwhile, in megabytes.
	memory float64
}

func measureImport(b *testing.B) (m importMeasures) {
	n := benchCustomers(b)
	home := b.TempDir()
	file := filepath.Join(home, "customers.csv")
	writeCustomers(b, file, n)
	shop, err := store.Open(filepath.Join(home, "store.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	text, log := locale.New(), event.NewLog(shop)
	customers, err := customer.New(customer.Config{Store: shop, Log: log, Text: text})
	if err != nil {
		b.Fatal(err)
	}
	tasks := task.New(task.Config{Store: shop, Log: log, Text: text})
	transfers, err := transfer.New(transfer.Config{
		Store: shop, Log: log, Customers: customers, Tasks: tasks, Text: text, Dir: filepath.Join(home, "imports"),
		Consent: consent.New(consent.Config{Store: shop, Log: log, Customers: customers, Key: make([]byte, 32), Text: text}),
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = tasks.Run(ctx) })

	debug.FreeOSMemory()
	stop := make(chan struct{})
	running.Go(func() {
		for {
			m.memory = max(m.memory, anonymous())
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
	began := time.Now()
	uploaded, err := os.Open(file)
	if err != nil {
		b.Fatal(err)
	}
	i, _, err := transfers.Upload(ctx, clerk, "customers.csv", uploaded)
	if err != nil {
		b.Fatal(err)
	}
	_, t, err := transfers.Plan(ctx, clerk, i)
	if err != nil {
		b.Fatal(err)
	}
	ended(b, shop, tasks, t.Id)
	planned := time.Since(began)
	if t, err = transfers.Apply(ctx, clerk, i.Id); err != nil {
		b.Fatal(err)
	}
	if done := ended(b, shop, tasks, t.Id); done.Changed != uint64(n) {
		b.Fatalf("%d of %d customers were imported", done.Changed, n)
	}
	m.took = time.Since(began)
	close(stop)
	cancel()
	running.Wait()
	if err := uploaded.Close(); err != nil {
		b.Fatal(err)
	}
	if err := shop.Close(); err != nil {
		b.Fatal(err)
	}
	m.bare = bareLoad(b, filepath.Join(home, "store.db"))
	b.Logf("%d customers: dry run %v, all %v, bare load %v", n, planned.Round(time.Millisecond), m.took.Round(time.Millisecond), m.bare.Round(time.Millisecond))
	return m
}

// writeCustomers writes a file of made-up customers.
func writeCustomers(b *testing.B, file string, n int) {
	b.Helper()
	town, err := people.New()
	if err != nil {
		b.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	fmt.Fprintln(w, "Nombre;Teléfono;Correo electrónico;Tarjetas;Idioma")
	for i := range n {
		c := town.Customer(i)
		fmt.Fprintf(w, "%s;%s;%s;%s;%s\n", c.Name, c.Phone, c.Email, strings.Join(c.Cards, ","), c.Language)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}

// ended waits for a task, which must have been done.
func ended(b *testing.B, shop *store.Store, tasks *task.Service, id uint64) (t *mostradorv1.Task) {
	b.Helper()
	for {
		if err := shop.View(func(tx *store.Tx) (err error) {
			t, err = tasks.Get(tx, id)
			return err
		}); err != nil {
			b.Fatal(err)
		}
		if task.Ended(t.State) {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	if t.State != mostradorv1.TaskState_TASK_STATE_DONE {
		b.Fatalf("the task ended with %v", t)
	}
	return t
}

// bareLoad puts everything that a store knows of its customers into a new bbolt file, in the order of the keys, with
// transactions as large as is good for speed, and returns how long that took.
func bareLoad(b *testing.B, file string) time.Duration {
	b.Helper()
	const atOnce = 50_000
	source, err := bbolt.Open(file, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = source.Close() }() // it was only read
	db := bareFile(b)
	began := time.Now()
	if err := source.View(func(from *bbolt.Tx) error {
		for _, name := range []string{"customer_index", "customer_record", "customer_id", "customer_set"} {
			bucket := from.Bucket([]byte(name))
			if bucket == nil {
				continue
			}
			cursor := bucket.Cursor()
			for k, v := cursor.First(); k != nil; {
				if err := db.Update(func(tx *bbolt.Tx) error {
					to, err := tx.CreateBucketIfNotExists([]byte(name))
					if err != nil {
						return err
					}
					to.FillPercent = 0.95
					for range atOnce {
						if err := to.Put(k, v); err != nil {
							return err
						}
						if k, v = cursor.Next(); k == nil {
							break
						}
					}
					return nil
				}); err != nil {
					return err
				}
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

// anonymous is how much memory this program has that is no file's, in megabytes; 0 where that cannot be told.
func anonymous() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	var kb float64
	_, _ = fmt.Sscanf(rest, "%f", &kb)
	return kb / 1024
}
