package host

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the peer

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/customer/people"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/segment"
	"mostrador/host/store"
	"mostrador/host/task"
)

// benchCustomers is how many customers the rows about them have: MOSTRADOR_BENCH_CUSTOMERS, or a million.
func benchCustomers(b *testing.B) int {
	b.Helper()
	text := os.Getenv("MOSTRADOR_BENCH_CUSTOMERS")
	if text == "" {
		return 1_000_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("MOSTRADOR_BENCH_CUSTOMERS is %q", text)
	}
	return n
}

// segmentRows are the rows about segments: how long it takes until a new one is counted, and until count and first page
// of one that lives are there. The peer has the same customers in a table of SQLite, with a column for everything that
// the condition speaks of, and no index that the condition could use: conditions are the store's own.
func segmentRows(b *testing.B) {
	var once sync.Once
	var m segmentTimes
	row := func(name string, show func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			once.Do(func() { m = measureSegments(b) })
			show(b)
		})
	}
	row("segment_live", func(b *testing.B) { showRow(b, "ms", m.live, 0, m.live, "atmost", 10) })
	row("segment_live_vs_sqlite", func(b *testing.B) { showRow(b, "ms", m.live, m.peerLive, m.live/m.peerLive, "atmost", 0.1) })
	row("segment_new", func(b *testing.B) { showRow(b, "ms", m.fresh, 0, m.fresh, "atmost", 2000) })
	row("segment_new_vs_sqlite", func(b *testing.B) { showRow(b, "ms", m.fresh, m.peerFresh, m.fresh/m.peerFresh, "atmost", 2) })
}

// segmentTimes are in milliseconds.
type segmentTimes struct{ live, peerLive, fresh, peerFresh float64 }

// segmentPage is how many customers a first page has.
const segmentPage = 50

func measureSegments(b *testing.B) segmentTimes {
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
	now := func() time.Time { return people.Now }
	log, text := event.NewLog(shop), locale.New()
	customers, err := customer.New(customer.Config{Store: shop, Log: log, Text: text, Now: now})
	if err != nil {
		b.Fatal(err)
	}
	peer, err := sql.Open("sqlite", filepath.Join(b.TempDir(), "peer.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer peer.Close()
	settle(b, shop, customers, peer, n)

	tasks := task.New(task.Config{Store: shop, Log: log, Text: text, Now: now})
	segments, err := segment.New(segment.Config{
		Store: shop, Log: log, Customers: customers, Tasks: tasks, Text: text, Now: now,
		Zone: func() *time.Location { return time.UTC },
	})
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

	var m segmentTimes
	var fresh, peerFresh, live, peerLive []time.Duration
	for i := range 5 {
		began := time.Now()
		kept, _, err := segments.Put(ctx, clerk, &mostradorv1.Segment{
			Name:       "Perdidos " + strconv.Itoa(i),
			Expression: "customer.fields.ciudad != \"Madrid\" && purchases.count >= 2 && days_since(purchases.last) > " + strconv.Itoa(90+i),
		})
		if err != nil {
			b.Fatal(err)
		}
		for kept.GetCounting() {
			time.Sleep(time.Millisecond)
			if kept, err = segments.Get(ctx, kept.GetId()); err != nil {
				b.Fatal(err)
			}
		}
		fresh = append(fresh, time.Since(began))

		began = time.Now()
		where := "city <> 'Madrid' AND purchases >= 2 AND last > 0 AND last < " +
			strconv.FormatInt(people.Now.Truncate(24*time.Hour).AddDate(0, 0, -90-i).Unix(), 10)
		if _, err := peer.Exec("CREATE TABLE member" + strconv.Itoa(i) + " AS SELECT number FROM customer WHERE " + where); err != nil {
			b.Fatal(err)
		}
		peerFresh = append(peerFresh, time.Since(began))

		began = time.Now()
		found, err := customers.Search(ctx, &mostradorv1.SearchRequest{
			Filter: &mostradorv1.Filter{Segments: []uint32{kept.GetId()}}, Order: mostradorv1.Order_ORDER_NAME, Limit: segmentPage,
		})
		if err != nil {
			b.Fatal(err)
		}
		live = append(live, time.Since(began))

		began = time.Now()
		count, page := peerPage(b, peer, where)
		peerLive = append(peerLive, time.Since(began))
		if found.GetTotal() != count || len(found.GetCustomers()) != page {
			b.Fatalf("the segment has %d members and a page of %d, the peer %d and %d",
				found.GetTotal(), len(found.GetCustomers()), count, page)
		}
	}
	m.fresh, m.peerFresh = millis(median(fresh)), millis(median(peerFresh))
	m.live, m.peerLive = millis(median(live)), millis(median(peerLive))
	return m
}

// peerPage asks SQLite for the count and the first page.
func peerPage(b *testing.B, peer *sql.DB, where string) (count uint64, page int) {
	if err := peer.QueryRow("SELECT count(*) FROM customer WHERE " + where).Scan(&count); err != nil {
		b.Fatal(err)
	}
	rows, err := peer.Query("SELECT number, name, phone, email FROM customer WHERE "+where+" ORDER BY name LIMIT ?", segmentPage)
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var number int
		var name, phone, email string
		if err := rows.Scan(&number, &name, &phone, &email); err != nil {
			b.Fatal(err)
		}
		page++
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	return count, page
}

// settle gives both the same customers.
func settle(b *testing.B, shop *store.Store, customers *customer.Service, peer *sql.DB, n int) {
	b.Helper()
	town, err := people.New()
	if err != nil {
		b.Fatal(err)
	}
	for _, statement := range []string{
		"PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", "PRAGMA cache_size = -200000",
		`CREATE TABLE customer (number INTEGER PRIMARY KEY, name TEXT, phone TEXT, email TEXT, language TEXT,
			city TEXT, birthday TEXT, created INTEGER, purchases INTEGER, spent INTEGER, last INTEGER)`,
	} {
		if _, err := peer.Exec(statement); err != nil {
			b.Fatal(err)
		}
	}
	const step = 2000
	for from := 0; from < n; from += step {
		to := min(from+step, n)
		rows, err := peer.Begin()
		if err != nil {
			b.Fatal(err)
		}
		insert, err := rows.Prepare("INSERT INTO customer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
		if err != nil {
			b.Fatal(err)
		}
		newcomers := make([]*customer.Newcomer, 0, step)
		for i := from; i < to; i++ {
			c := town.Customer(i)
			c.Fields = town.Fields(i)
			id, err := uuid.NewV7()
			if err != nil {
				b.Fatal(err)
			}
			h := town.History(i)
			var last int64
			if h.Purchases > 0 {
				last = h.Last.Unix()
			}
			if _, err := insert.Exec(i+1, c.GetName(), c.GetPhone(), c.GetEmail(), c.GetLanguage(), c.Fields["ciudad"],
				c.Fields["nacimiento"], c.GetCreated().GetSeconds(), h.Purchases, h.Spent, last); err != nil {
				b.Fatal(err)
			}
			newcomer, err := customers.Prepare(c, uint32(i+1), id, c.GetCreated().AsTime())
			if err != nil {
				b.Fatal(err)
			}
			newcomers = append(newcomers, newcomer)
		}
		if err := rows.Commit(); err != nil {
			b.Fatal(err)
		}
		if err := shop.Update(context.Background(), func(tx *store.Tx) error {
			if err := customers.Admit(tx, clerk, newcomers, false); err != nil {
				return err
			}
			for i := from; i < to; i++ {
				h := town.History(i)
				if h.Purchases == 0 {
					continue
				}
				if err := customers.Note(tx, uint32(i+1), clerk, func(f *customer.Facts) {
					f.Purchases, f.Spent, f.FirstPurchase, f.LastPurchase = h.Purchases, h.Spent, h.First.Unix(), h.Last.Unix()
					f.LastActivity, f.Measures = f.LastPurchase, map[string]float64{"puntos": h.Points}
				}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			b.Fatal(err)
		}
	}
}
