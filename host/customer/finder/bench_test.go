package finder

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	"github.com/RoaringBitmap/roaring/v2"
	"golang.org/x/text/unicode/norm"

	"mostrador/host/customer/people"
	"mostrador/sdk/plgv1"
)

// benchPersons is how many persons the measurements look among: a hundred thousand unless the environment says.
func benchPersons(b *testing.B) int {
	n := 100_000
	if text := os.Getenv("MOSTRADOR_BENCH_CUSTOMERS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	return n
}

func fold(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(s))
}

// townOf are the first persons of the made-up ones.
func townOf(b *testing.B, n int) []Person {
	town, err := people.New()
	if err != nil {
		b.Fatal(err)
	}
	persons := make([]Person, n)
	for i := range persons {
		c, h := town.Customer(i), town.History(i)
		persons[i] = Person{
			Number:  uint32(i + 1),
			Name:    fold(c.GetName()),
			Consent: c.GetConsent().GetPromotions(),
			Email:   c.GetEmail() != "",
			Phone:   c.GetPhone() != "",
			Points:  h.Points,
		}
		if h.Purchases > 0 {
			persons[i].Activity = h.Last.Unix()
		}
	}
	return persons
}

func loadAll(f *Finder, persons []Person) {
	i := 0
	f.Load(len(persons), func() (*Person, bool) {
		if i++; i > len(persons) {
			return nil, false
		}
		return &persons[i-1], true
	})
}

// BenchmarkLoad says how long the persons take and how many bytes each.
func BenchmarkLoad(b *testing.B) {
	persons := townOf(b, benchPersons(b))
	for b.Loop() {
		before := heapBytes()
		f := New()
		began := time.Now()
		loadAll(f, persons)
		b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(len(persons)), "ns/person")
		b.ReportMetric(float64(heapBytes()-before)/float64(len(persons)), "B/person")
		v := &f.index.vocabulary
		b.ReportMetric(float64(v.words.Len()), "words")
		b.ReportMetric(float64(len(v.ready)), "prefixes")
		runtime.KeepAlive(f)
	}
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkPut measures new persons, then changes of what is known of them, and the bytes of each when they came one
// by one.
func BenchmarkPut(b *testing.B) {
	persons := townOf(b, benchPersons(b))
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			before := heapBytes()
			f := New()
			began := time.Now()
			for i := range persons {
				f.Put(&persons[i])
			}
			b.ReportMetric(float64(time.Since(began).Nanoseconds())/float64(len(persons)), "ns/person")
			b.ReportMetric(float64(heapBytes()-before)/float64(len(persons)), "B/person")
			runtime.KeepAlive(f)
		}
	})
	f := New()
	loadAll(f, persons)
	b.Run("sale", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i = (i + 7919) % len(persons)
			p := persons[i]
			p.Activity++
			f.Put(&p)
		}
	})
	b.Run("name", func(b *testing.B) {
		i := 0
		for b.Loop() {
			i = (i + 7919) % len(persons)
			p := persons[i]
			p.Name = persons[(i+1)%len(persons)].Name
			f.Put(&p)
		}
	})
}

// BenchmarkFind measures first pages.
func BenchmarkFind(b *testing.B) {
	persons := townOf(b, benchPersons(b))
	f := New()
	loadAll(f, persons)
	within := roaring.New()
	for i := range uint32(len(persons)) {
		if i%3 == 0 {
			within.Add(i)
		}
	}
	for _, c := range []struct {
		name string
		q    Query
	}{
		{"all", Query{}},
		{"all_activity", Query{Order: ByActivity}},
		{"all_points", Query{Order: ByPoints}},
		{"all_newest", Query{Order: ByNewest}},
		{"all_offset_half", Query{Offset: uint64(len(persons) / 2)}},
		{"all_points_offset_half", Query{Order: ByPoints, Offset: uint64(len(persons) / 2)}},
		{"m", Query{Words: []string{"m"}}},
		{"a_points", Query{Words: []string{"a"}, Order: ByPoints}},
		{"m_g", Query{Words: []string{"m", "g"}}},
		{"ma", Query{Words: []string{"ma"}}},
		{"mar", Query{Words: []string{"mar"}}},
		{"mari", Query{Words: []string{"mari"}}},
		{"maria", Query{Words: []string{"maria"}}},
		{"maria_garcia", Query{Words: []string{"maria", "garcia"}}},
		{"maria_gar", Query{Words: []string{"maria", "gar"}}},
		{"garc", Query{Words: []string{"garc"}}},
		{"mendizabal", Query{Words: []string{"mendizabal"}}},
		{"zumanilla", Query{Words: []string{"zumanilla"}}},
		{"nobody", Query{Words: []string{"xxxx"}}},
		{"a_email_consent", Query{Words: []string{"a"}, Email: true,
			Consent: []plgv1.ConsentState{plgv1.ConsentState_CONSENT_STATE_GIVEN}}},
		{"a_within", Query{Words: []string{"a"}, Within: []*roaring.Bitmap{within}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.q.Limit = 20
			var total uint64
			var times []time.Duration
			for b.Loop() {
				began := time.Now()
				var err error
				if _, total, _, err = f.Find(context.Background(), c.q); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(began))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*99/100].Microseconds()), "p99-µs")
			b.ReportMetric(float64(total), "matches")
		})
	}
}

// BenchmarkPutWhileFinding says how long a till waits while others look for what takes longest.
func BenchmarkPutWhileFinding(b *testing.B) {
	persons := townOf(b, benchPersons(b))
	f := New()
	loadAll(f, persons)
	var stop atomic.Bool
	var wg sync.WaitGroup
	for _, q := range []Query{{Words: []string{"m", "a"}}, {Order: ByPoints, Offset: uint64(len(persons) / 2)}} {
		wg.Go(func() {
			q.Limit = 20
			for !stop.Load() {
				if _, _, _, err := f.Find(context.Background(), q); err != nil {
					b.Error(err)
				}
			}
		})
	}
	var times []time.Duration
	i := 0
	for b.Loop() {
		i = (i + 7919) % len(persons)
		p := persons[i]
		p.Activity++
		began := time.Now()
		f.Put(&p)
		times = append(times, time.Since(began))
	}
	stop.Store(true)
	wg.Wait()
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Nanoseconds())/1e3, "p50-µs")
	b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds())/1e3, "p99-µs")
	b.ReportMetric(float64(times[len(times)-1].Nanoseconds())/1e3, "max-µs")
	b.ReportMetric(0, "ns/op")
	if testing.Verbose() {
		fmt.Println(len(times), "puts")
	}
}

// BenchmarkBatch says how long a newcomer of an import takes, made ready and put.
func BenchmarkBatch(b *testing.B) {
	persons := townOf(b, benchPersons(b))
	many := make([]*Person, len(persons))
	for i := range persons {
		persons[i].Activity, persons[i].Points = 1_700_000_000, 0
		many[i] = &persons[i]
	}
	for b.Loop() {
		f := New()
		for some := range slices.Chunk(many, 4096) {
			f.PutBatch(NewBatch(some))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(persons)), "ns/person")
}
