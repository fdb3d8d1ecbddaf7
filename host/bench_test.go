package host

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// BenchmarkRow holds the rows of `make bench` (see host/cmd/bench) that a host in this process can show. Each row
// measures its floor in the same run.
func BenchmarkRow(b *testing.B) {
	b.Run("register_vs_update", registerVersusUpdate)
	b.Run("tills64_vs_group", tillsVersusGroup)
	b.Run("events_vs_bbolt", eventsVersusBbolt)
	b.Run("events_vs_naive", eventsVersusNaive)
	b.Run("ready2_vs_bare", readyVersusBare)
	b.Run("hostile_till_p99", hostileTill)
	searchRows(b)
	importRows(b)
	segmentRows(b)
	tagRows(b)
	mailRows(b)
}

// showRow writes one row.
func showRow(b *testing.B, unit string, value, floor, ratio float64, goal string, limit float64) {
	b.Helper()
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(0, "unit:"+unit)
	b.ReportMetric(value, "value")
	b.ReportMetric(floor, "floor")
	b.ReportMetric(ratio, "ratio")
	b.ReportMetric(limit, goal)
}

// registerVersusUpdate compares one till's registration, with its event, and one bare bbolt transaction that puts
// the same records and the row of the welcome mail. The plug-ins work; between two registrations they come to rest.
func registerVersusUpdate(b *testing.B) {
	const n = 400
	ctx := context.Background()
	home := b.TempDir()
	h := open(b, home, pluginsFolder(b))
	times := make([]time.Duration, 0, n)
	for i := range n {
		c := person(i)
		began := time.Now()
		if _, err := h.customers.Register(ctx, clerk, c, ""); err != nil {
			b.Fatal(err)
		}
		times = append(times, time.Since(began))
		if err := h.Idle(ctx); err != nil {
			b.Fatal(err)
		}
	}
	shut(b, h)
	writes := registrations(b, home, n, true)
	bare := make([]time.Duration, 0, n)
	db := bareFile(b)
	for _, puts := range writes {
		began := time.Now()
		commit(b, db, puts)
		bare = append(bare, time.Since(began))
	}
	value, floor := micros(median(times)), micros(median(bare))
	showRow(b, "µs", value, floor, value/floor, "atmost", 1.3)
}

// tillsVersusGroup compares 64 tills that register without pause and a bare bbolt loop that commits the same records
// 64 registrations at a time.
func tillsVersusGroup(b *testing.B) {
	const tills, each = 64, 200
	const n = tills * each
	home := b.TempDir()
	h := open(b, home)
	people := make([]*plgv1.Customer, n)
	for i := range people {
		people[i] = person(i)
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range tills {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < n; i = next.Add(1) - 1 {
				if _, err := h.customers.Register(context.Background(), clerk, people[i], ""); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	value := rate(n, time.Since(began))
	shut(b, h)
	writes := registrations(b, home, n, false)
	db := bareFile(b)
	began = time.Now()
	for group := range slices.Chunk(writes, tills) {
		commit(b, db, slices.Concat(group...))
	}
	floor := rate(n, time.Since(began))
	showRow(b, "registrations/s", value, floor, value/floor, "atleast", 0.7)
}

// known is how many customers have a record already when the rows about events begin: those of a small chain.
const known = 200_000

// eventsVersusBbolt compares events that pass through a real plug-in process, which writes one record for each, and
// the same records put into bbolt directly in batches of the same size. Both begin with a record of each customer.
func eventsVersusBbolt(b *testing.B) {
	const n, batch = 100_000, 1000
	h := open(b, b.TempDir(), testPlugin(b, "plg9001contador"))
	value := deliver(b, h, n)
	shut(b, h)

	db := bareFile(b)
	for i := 0; i < known; i += batch {
		var puts []put
		for j := i; j < i+batch; j++ {
			puts = append(puts, put{"plugin_state", stateKey(j), []byte(firstState)})
		}
		commit(b, db, puts)
	}
	random := rand.New(rand.NewPCG(1, 2))
	began := time.Now()
	for range n / batch {
		puts := make([]put, 0, batch+1)
		for range batch {
			puts = append(puts, put{"plugin_state", stateKey(random.IntN(known)), []byte(`{"sales":5,"minor":6250}`)})
		}
		slices.SortFunc(puts, func(a, b put) int { return bytes.Compare(a.key, b.key) })
		commit(b, db, append(puts, put{"event_cursor", []byte("PLG9001"), make([]byte, 8)}))
	}
	floor := rate(n, time.Since(began))
	showRow(b, "events/s", value, floor, value/floor, "atleast", 0.7)
}

// firstState is the record of a customer with four sales, as the counter plug-in keeps it.
const firstState = `{"sales":4,"minor":5000}`

func stateKey(i int) []byte { return fmt.Appendf(nil, "PLG9001\x00%s", personID(i)) }

// eventsVersusNaive compares the same and what a plug-in host does that asks the plug-in with one call for each
// event and commits each answer.
func eventsVersusNaive(b *testing.B) {
	const n, naive = 100_000, 2000
	h := open(b, b.TempDir(), testPlugin(b, "plg9001contador"))
	value := deliver(b, h, n)

	p, _ := h.plugins.Plugin("PLG9001")
	db := bareFile(b)
	random := rand.New(rand.NewPCG(1, 2))
	began := time.Now()
	for i := range naive {
		e := sold(i, random.IntN(known))
		data, err := proto.Marshal(e)
		if err != nil {
			b.Fatal(err)
		}
		done, err := p.Deliver(context.Background(), &plgv1.Batch{Deliveries: []*plgv1.Delivery{{Event: data}}})
		if err != nil {
			b.Fatal(err)
		}
		state := done.GetOutcomes()[0].GetEffects()[0].GetSaveState().GetState()
		commit(b, db, []put{
			{"plugin_state", fmt.Appendf(nil, "PLG9001\x00%s", e.GetCustomer().GetId()), state},
			{"event_cursor", []byte("PLG9001"), make([]byte, 8)},
		})
	}
	floor := rate(naive, time.Since(began))
	shut(b, h)
	showRow(b, "events/s", value, floor, value/floor, "atleast", 15)
}

// readyVersusBare compares a host that opens its store and runs both plug-ins and the bare start of two processes
// that answer one gRPC call each.
func readyVersusBare(b *testing.B) {
	const n = 15
	home, plugins := b.TempDir(), pluginsFolder(b)
	shut(b, open(b, home, plugins)) // the first start makes the files
	program := build(b, "./testdata/bare", "bare")
	var ready, bare []time.Duration
	for range n {
		began := time.Now()
		h := open(b, home, plugins)
		ready = append(ready, time.Since(began))
		shut(b, h)

		began = time.Now()
		var wg sync.WaitGroup
		ends := make([]func(), 2)
		for i := range ends {
			wg.Go(func() { ends[i] = startBare(b, program) })
		}
		wg.Wait()
		bare = append(bare, time.Since(began))
		for _, end := range ends {
			end()
		}
	}
	value, floor := millis(median(ready)), millis(median(bare))
	showRow(b, "ms", value, floor, value/floor, "atmost", 1.5)
}

func startBare(b *testing.B, program string) (end func()) {
	dir, err := os.MkdirTemp("", "bare")
	if err != nil {
		b.Error(err)
		return func() {}
	}
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(program, socket)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Error(err)
	}
	if err := cmd.Start(); err != nil {
		b.Error(err)
		return func() {}
	}
	bufio.NewScanner(out).Scan()
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Error(err)
		return func() {}
	}
	if _, err := plgv1.NewPluginClient(conn).Describe(context.Background(), &plgv1.DescribeRequest{}); err != nil {
		b.Error(err)
	}
	return func() {
		_ = conn.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	}
}

// deliver has n events of sales wait in the log of a store whose customers have records, lets the counter plug-in
// have them, and returns events per second.
func deliver(b *testing.B, h *Host, n int) float64 {
	b.Helper()
	ctx := context.Background()
	h.engine.Detach("PLG9001")
	const chunk = 1000
	update := func(fn func(tx *store.Tx) error) {
		if err := h.store.Update(ctx, fn); err != nil {
			b.Fatal(err)
		}
	}
	for i := 0; i < known; i += chunk {
		update(func(tx *store.Tx) error {
			for j := range chunk {
				event.PutState(tx, "PLG9001", personID(i+j), []byte(firstState))
			}
			return nil
		})
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < n; i += chunk {
		update(func(tx *store.Tx) error {
			for j := range chunk {
				if err := h.log.Append(tx, sold(i+j, random.IntN(known))); err != nil {
					return err
				}
			}
			return nil
		})
	}
	p, ok := h.plugins.Plugin("PLG9001")
	if !ok {
		b.Fatal("the counter plug-in is not installed")
	}
	began := time.Now()
	if err := h.engine.Attach(p); err != nil {
		b.Fatal(err)
	}
	if err := h.engine.Idle(ctx); err != nil {
		b.Fatal(err)
	}
	return rate(n, time.Since(began))
}

func sold(i, customer int) *plgv1.Event {
	c := person(customer)
	c.Id = personID(customer)
	total := &plgv1.Money{Minor: 1250, Currency: "EUR"}
	return &plgv1.Event{
		Type: "sale.completed", Actor: clerk, Customer: c,
		Detail: &plgv1.Event_SaleCompleted{SaleCompleted: &plgv1.SaleCompleted{
			Sale: &plgv1.Sale{Receipt: fmt.Sprintf("T-%07d", i), CustomerId: c.Id, Total: total, Actor: clerk},
		}},
	}
}

var clerk = &plgv1.Actor{Operator: "Lucía", Till: "Caja 1", Channel: "gui"}

func person(i int) *plgv1.Customer {
	first := []string{"Ana", "Luis", "María José", "Íñigo", "Begoña", "Andrés", "Núria", "Óscar"}
	last := []string{"García", "Núñez", "Ibáñez", "Etxeberria", "Puig", "Castaño", "Lozano", "Vázquez"}
	return &plgv1.Customer{
		Name:  first[i%8] + " " + last[i/8%8] + " " + last[i/64%8],
		Phone: fmt.Sprintf("+346%08d", i*7919%100_000_000),
		Email: fmt.Sprintf("cliente%d@example.com", i),
	}
}

func personID(i int) string { return fmt.Sprintf("0190a5c0-0000-7000-8000-%012d", i) }

// open opens a host on home with plug-ins from these folders, without any listener but the home's socket.
func open(b testing.TB, home string, plugins ...string) *Host {
	b.Helper()
	h, err := Open(context.Background(), Options{Home: home, Plugins: plugins})
	if err != nil {
		b.Fatal(err)
	}
	return h
}

func shut(b testing.TB, h *Host) {
	b.Helper()
	if err := h.Close(context.Background()); err != nil {
		b.Error(err)
	}
}

// pluginsFolder builds both plug-ins that come with the program.
func pluginsFolder(b testing.TB) string {
	b.Helper()
	if dir := os.Getenv("MOSTRADOR_BIN"); dir != "" {
		return filepath.Join(dir, "plugins")
	}
	dir := b.TempDir()
	cmd := exec.Command("make", "programs", "BIN="+dir)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("make programs: %v\n%s", err, out)
	}
	return filepath.Join(dir, "plugins")
}

func build(b testing.TB, pkg, name string) string {
	b.Helper()
	program := filepath.Join(b.TempDir(), name, name)
	cmd := exec.Command("go", "build", "-ldflags", "-s -w", "-o", program, pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("building %s: %v\n%s", pkg, err, out)
	}
	return program
}

// put is one write of a floor.
type put struct {
	bucket     string
	key, value []byte
}

// registrations reads back what n registrations have written, one list of puts each: what is ordered by time goes to
// the registration of that place, what lies anywhere is dealt out at random.
func registrations(b testing.TB, home string, n int, mail bool) [][]put {
	b.Helper()
	db, err := bbolt.Open(filepath.Join(home, "store.db"), 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	buckets := []string{"customer_record", "customer_id", "customer_index", "event", "event_customer"}
	if mail {
		buckets = append(buckets, "message")
	}
	lists := make([][]put, n)
	random := rand.New(rand.NewPCG(3, 4))
	err = db.View(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			bucket := tx.Bucket([]byte(name))
			if bucket == nil {
				return fmt.Errorf("no bucket %q: the floor would be too low", name)
			}
			var records []put
			if err := bucket.ForEach(func(k, v []byte) error {
				records = append(records, put{name, bytes.Clone(k), bytes.Clone(v)})
				return nil
			}); err != nil {
				return err
			}
			each := (len(records) + n/2) / n
			if each == 0 {
				return fmt.Errorf("bucket %q has only %d records of %d registrations", name, len(records), n)
			}
			if each > 1 {
				random.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
			}
			for i := range lists {
				lists[i] = append(lists[i], records[min(i*each, len(records)):min((i+1)*each, len(records))]...)
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return lists
}

func bareFile(b testing.TB) *bbolt.DB {
	b.Helper()
	db, err := bbolt.Open(filepath.Join(b.TempDir(), "bare.db"), 0o600, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	return db
}

func commit(b testing.TB, db *bbolt.DB, puts []put) {
	if err := db.Update(func(tx *bbolt.Tx) error {
		for _, p := range puts {
			bucket, err := tx.CreateBucketIfNotExists([]byte(p.bucket))
			if err != nil {
				return err
			}
			if err := bucket.Put(p.key, p.value); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
}

func median[T cmp.Ordered](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func rate(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 }

func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
