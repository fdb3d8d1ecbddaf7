package host

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"mostrador/host/api"
	pb "mostrador/host/api/mostradorv1"
	"mostrador/host/api/mostradorv1/mostradorv1connect"
	"mostrador/host/customer/people"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// soak is how long TestMemoryDoesNotGrowAtTheCounter works at the counter; `make soak` gives it an hour.
var soak = flag.Duration("soak", 3*time.Second, "how long the counter is worked at")

// breath is how long a till waits between two customers, of whom it serves many times what people could.
const breath = 150 * time.Millisecond

// TestMemoryDoesNotGrowAtTheCounter has four tills serve customers, as staff do: find somebody by the
// letters of a name, look at the sheet, sell, change a field, tag, register somebody new now and then. What is in
// memory at the end, all that is garbage left out, may be more than after the first quarter by what the new customers
// need, and a tenth.
func TestMemoryDoesNotGrowAtTheCounter(t *testing.T) {
	ctx := context.Background()
	town, err := people.New()
	if err != nil {
		t.Fatal(err)
	}
	const known = 20_000
	home := t.TempDir()
	h := open(t, home, pluginsFolder(t))
	defer shut(t, h)
	for from := 0; from < known; from += 2000 {
		if err := h.store.Update(ctx, func(tx *store.Tx) error { return admit(tx, town, h.customers, from, 2000) }); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"PLG0002", "PLG0074"} {
		if err := h.ensemble.Enable(ctx, clerk, id); err != nil {
			t.Fatal(err)
		}
	}
	var served, registered atomic.Int64
	end := time.Now().Add(*soak)
	var tills sync.WaitGroup
	for place := range 4 {
		tills.Go(func() {
			random := rand.New(rand.NewPCG(uint64(place), 7))
			c := newTill(home)
			for n := 0; time.Now().Before(end); n++ {
				if err := serve(ctx, c, town, random, known, fmt.Sprintf("T%d-%d", place, n)); err != nil {
					t.Error(err)
					return
				}
				served.Add(1)
				time.Sleep(breath)
				if random.IntN(20) == 0 {
					who := known + place*1_000_000 + n
					fresh := town.Customer(who)
					fresh.AplicaPromociones = false // nobody at the counter may say so
					if _, err := c.customers.Register(ctx, connect.NewRequest(&pb.RegisterRequest{Customer: fresh})); err != nil {
						t.Error(err)
						return
					}
					registered.Add(1)
				}
			}
		})
	}
	quarter := time.NewTimer(*soak / 4)
	defer quarter.Stop()
	<-quarter.C
	early, earlyCustomers, earlyGoroutines := inUse(), registered.Load(), runtime.NumGoroutine()
	tick := time.NewTicker(max(*soak/12, time.Second))
	defer tick.Stop()
	for time.Now().Before(end) {
		<-tick.C
		t.Logf("%s: %.1f MB in use, %d customers served, %d registered", time.Until(end).Round(time.Second), float64(inUse())/1e6, served.Load(), registered.Load())
	}
	tills.Wait()
	if err := h.Idle(ctx); err != nil {
		t.Fatal(err)
	}
	late, more := inUse(), registered.Load()-earlyCustomers
	// A customer takes some hundred bytes in the finder; 1 kB leaves room for its own growth by doubling. What the
	// tills have under way at the moment is some megabytes, which tells nothing when there was no time to come to rest.
	const perCustomer = 1024
	slack := int64(12 << 20)
	if *soak < time.Minute {
		slack = 128 << 20
	}
	if most := early + early/10 + more*perCustomer + slack; late > most {
		t.Errorf("%.1f MB in use after %s, %.1f MB after a quarter of it, with %d more customers", float64(late)/1e6, *soak, float64(early)/1e6, more)
	}
	if n := runtime.NumGoroutine(); n > earlyGoroutines+20 {
		t.Errorf("%d goroutines at the end, %d after a quarter", n, earlyGoroutines)
	}
	t.Logf("%d customers served, %d registered; %.1f MB after a quarter, %.1f MB at the end", served.Load(), registered.Load(), float64(early)/1e6, float64(late)/1e6)
}

// till is a workplace that speaks with the host as the desktop does.
type till struct {
	customers mostradorv1connect.CustomerServiceClient
	sales     mostradorv1connect.SaleServiceClient
}

func newTill(home string) till {
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return api.DialLocal(ctx, home)
	}}}
	const base = "http://mostrador"
	return till{mostradorv1connect.NewCustomerServiceClient(client, base), mostradorv1connect.NewSaleServiceClient(client, base)}
}

// serve is one customer at the counter.
func serve(ctx context.Context, c till, town *people.People, random *rand.Rand, known int, receipt string) error {
	name := []rune(town.Customer(random.IntN(known)).GetName())
	var found *plgv1.Customer
	for typed := 1; typed <= min(len(name), 8); typed++ {
		res, err := c.customers.Search(ctx, connect.NewRequest(&pb.SearchRequest{Query: string(name[:typed]), Limit: 50}))
		if err != nil {
			return fmt.Errorf("search %q: %w", string(name[:typed]), err)
		}
		if len(res.Msg.Customers) > 0 {
			found = res.Msg.Customers[0]
		}
	}
	if found == nil {
		return fmt.Errorf("nobody is found by %q", string(name))
	}
	sheet, err := c.customers.Sheet(ctx, connect.NewRequest(&pb.SheetRequest{Id: found.Id, Language: "es"}))
	if err != nil {
		return err
	}
	if _, err := c.sales.Record(ctx, connect.NewRequest(&pb.RecordSaleRequest{Receipt: receipt, Customer: found.Id, Amount: "12,50"})); err != nil {
		return err
	}
	seen := sheet.Msg.Customer
	changed := &plgv1.Customer{Id: found.Id, Tags: []string{"VIP", "Vecino", "Mayorista"}[:random.IntN(4)], Language: []string{"es", "en"}[random.IntN(2)]}
	_, err = c.customers.Update(ctx, connect.NewRequest(&pb.UpdateRequest{Customer: changed, Seen: seen, Mask: &fieldmaskpb.FieldMask{Paths: []string{"tags", "language"}}}))
	if connect.CodeOf(err) == connect.CodeAborted {
		return nil // another till was quicker, as it happens
	}
	return err
}

// inUse is how much memory is in use, garbage left out.
func inUse() int64 {
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
