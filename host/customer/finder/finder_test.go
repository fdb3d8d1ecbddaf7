package finder

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"mostrador/sdk/plgv1"
)

// model is what a Finder should know, looked through from end to end for each query.
type model map[uint32]Person

func (m model) find(q Query) (numbers []uint32) {
	var found []*Person
	for _, p := range m {
		if m.matches(&p, q) {
			found = append(found, &p)
		}
	}
	slices.SortFunc(found, func(a, b *Person) int { return compare(a, b, q.Order) })
	for _, p := range found {
		numbers = append(numbers, p.Number)
	}
	return numbers
}

func (m model) matches(p *Person, q Query) bool {
	words := append(Split(p.Name), p.Words...)
	found := q.Also == nil || len(q.Words) > 0
	for _, w := range q.Words {
		found = found && slices.ContainsFunc(words, func(has string) bool { return strings.HasPrefix(has, w) })
	}
	found = found || q.Also != nil && q.Also.Contains(p.Number)
	for _, set := range q.Within {
		found = found && set.Contains(p.Number)
	}
	for _, set := range q.Without {
		found = found && !set.Contains(p.Number)
	}
	return found && (len(q.Consent) == 0 || slices.Contains(q.Consent, p.Consent)) &&
		(!q.Email || p.Email) && (!q.Phone || p.Phone)
}

func compare(a, b *Person, order Order) int {
	first := 0
	switch order {
	case ByActivity:
		first = cmp.Compare(b.Activity, a.Activity)
	case ByPoints:
		first = cmp.Compare(b.Points, a.Points)
	case ByNewest:
		return cmp.Compare(b.Number, a.Number)
	}
	return cmp.Or(first, strings.Compare(a.Name, b.Name), cmp.Compare(a.Number, b.Number))
}

// names are few enough to meet often, and have beginnings in common, in several alphabets.
var names = []string{
	"ana", "anabel", "anastasia", "andres", "maria", "mario", "mariano", "marina", "mar", "m", "garcia", "garrido",
	"lopez", "lozano", "garcia-lopez", "de", "la", "иванова", "иван", "ιωαννης", "محمد", "王小明", "王", "o'neill", "3",
}

// field is a word of an indexed field: many with the same beginning.
func field(r *rand.Rand) string {
	if r.IntN(3) == 0 {
		return fmt.Sprintf("cl%03d", r.IntN(300))
	}
	return []string{"vip", "barrio", "bar", ""}[r.IntN(4)]
}

func someone(r *rand.Rand, number uint32) Person {
	var name []string
	for range 1 + r.IntN(3) {
		name = append(name, names[r.IntN(len(names))])
	}
	p := Person{
		Number:   number,
		Name:     strings.Join(name, " "),
		Consent:  plgv1.ConsentState(r.IntN(4)),
		Email:    r.IntN(2) == 0,
		Phone:    r.IntN(3) == 0,
		Activity: int64(r.IntN(5)) * 1_000_000_000,
		Points:   float64(r.IntN(7)-2) / 3,
	}
	for range r.IntN(3) {
		p.Words = append(p.Words, field(r))
	}
	p.Words = slices.DeleteFunc(p.Words, func(w string) bool { return w == "" })
	return p
}

// numbers spread over three blocks.
func someNumber(r *rand.Rand) uint32 { return uint32(r.IntN(3))*blockSize + uint32(r.IntN(400)) }

func someSet(r *rand.Rand, m model) *roaring.Bitmap {
	set := roaring.New()
	for n := range m {
		if r.IntN(3) > 0 {
			set.Add(n)
		}
	}
	set.Add(someNumber(r)) // perhaps nobody's
	return set
}

func someQuery(r *rand.Rand, m model) Query {
	q := Query{Order: Order(r.IntN(4)), Email: r.IntN(8) == 0, Phone: r.IntN(8) == 0}
	for range r.IntN(3) {
		word := []rune(names[r.IntN(len(names))])
		if r.IntN(4) == 0 {
			word = []rune(field(r) + "x")
			word = word[:len(word)-1]
		}
		if words := Split(string(word[:r.IntN(len(word)+1)])); len(words) > 0 {
			q.Words = append(q.Words, words[0])
		}
	}
	for range r.IntN(3) {
		if r.IntN(3) == 0 {
			q.Within = append(q.Within, someSet(r, m))
		}
		if r.IntN(4) == 0 {
			q.Without = append(q.Without, someSet(r, m))
		}
	}
	if r.IntN(4) == 0 {
		q.Also = someSet(r, m)
	}
	if r.IntN(4) == 0 {
		q.Consent = []plgv1.ConsentState{plgv1.ConsentState(r.IntN(4)), plgv1.ConsentState(r.IntN(4))}
	}
	return q
}

// check compares everything that can be asked about q.
func check(t *testing.T, f *Finder, m model, q Query, limit int) {
	t.Helper()
	want := m.find(q)
	if got := f.Matches(q).ToArray(); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Fatalf("%+v\nmatches %v, not %v", q, got, want)
	}
	// Pages one after the other are the whole.
	q.Limit = limit
	var got []uint32
	for {
		numbers, total, next, err := f.Find(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		if total != uint64(len(want)) {
			t.Fatalf("%+v\ntotal %d, not %d", q, total, len(want))
		}
		if got = append(got, numbers...); next == "" {
			break
		}
		if len(numbers) != limit || len(got) > len(want) {
			t.Fatalf("%+v\na page of %d and a next one", q, len(numbers))
		}
		q.After = next
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%+v\npages %v, not %v", q, got, want)
	}
	// So is each page that an offset leads to.
	q.After = ""
	for offset := 0; offset < len(want)+2*limit; offset += 1 + len(want)/3 {
		q.Offset = uint64(offset)
		page := want[min(offset, len(want)):min(offset+limit, len(want))]
		numbers, total, next, err := f.Find(context.Background(), q)
		if err != nil || total != uint64(len(want)) || !slices.Equal(numbers, page) {
			t.Fatalf("%+v\n%v %d %v, not %v", q, numbers, total, err, page)
		}
		if (next != "") != (offset+limit < len(want)) {
			t.Fatalf("%+v\nnext page %q of %d", q, next, len(want))
		}
	}
}

// act changes both in the same way.
func act(r *rand.Rand, f *Finder, m model) {
	number := someNumber(r)
	known, is := m[number]
	switch r.IntN(6) {
	case 0:
		f.Remove(number)
		delete(m, number)
	case 1:
		if is { // a sale
			known.Activity += 1000
			known.Points++
			f.Put(&known)
			m[number] = known
		}
	default:
		p := someone(r, number)
		f.Put(&p)
		m[number] = p
	}
}

func TestFindsWhatAFullScanFinds(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			f, m := New(), model{}
			f.few = 100 * (seed % 2) // from shelves, or of few by a look at them
			for range 40 {
				for range 100 {
					act(r, f, m)
				}
				if f.Len() != len(m) {
					t.Fatalf("%d persons, not %d", f.Len(), len(m))
				}
				for range 5 {
					check(t, f, m, someQuery(r, m), 1+r.IntN(80))
				}
			}
			for n := range m {
				f.Remove(n)
			}
			if v := &f.index.vocabulary; f.Len() != 0 || v.words.Len() != 0 || len(v.ready) != 0 {
				t.Fatalf("%d persons, %d words and %d prefixes stay when all are gone", f.Len(), v.words.Len(), len(v.ready))
			}
		})
	}
}

func TestLoadsWhatPutWouldAdd(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	m, put := model{}, New()
	for range 5000 {
		p := someone(r, someNumber(r))
		m[p.Number] = p
		put.Put(&p)
	}
	f := New()
	load(f, m)
	for range 100 {
		check(t, f, m, someQuery(r, m), 50)
	}
	for range 2000 {
		act(r, f, m)
	}
	for range 100 {
		check(t, f, m, someQuery(r, m), 50)
	}
}

// load loads all of a model, with one Person for all.
func load(f *Finder, m model) {
	persons, p := make(chan Person), new(Person)
	go func() {
		defer close(persons)
		for _, p := range m {
			persons <- p
		}
	}()
	f.Load(len(m), func() (*Person, bool) {
		var more bool
		*p, more = <-persons
		return p, more
	})
}

func TestChangesWinOverALoadThatRuns(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	old, m := model{}, model{}
	f := New()
	for range 3000 {
		p := someone(r, someNumber(r))
		old[p.Number], m[p.Number] = p, p
	}
	for range 300 {
		act(r, f, m) // before
	}
	var list []Person
	for _, p := range old {
		list = append(list, p)
	}
	i := 0
	f.Load(len(list), func() (*Person, bool) {
		act(r, f, m) // meanwhile
		if i++; i > len(list) {
			return nil, false
		}
		return &list[i-1], true
	})
	if f.Len() != len(m) {
		t.Fatalf("%d persons, not %d", f.Len(), len(m))
	}
	for range 100 {
		check(t, f, m, someQuery(r, m), 100)
	}
}

func TestFarPagesOfManyPersons(t *testing.T) {
	const n = 20_000
	r := rand.New(rand.NewPCG(5, 1))
	f, m := New(), model{}
	f.few = 4096 // so that these are many
	for i := range uint32(n) {
		m[i] = someone(r, i)
	}
	load(f, m)
	t.Run("loaded", func(t *testing.T) { checkFar(t, f, m) })
	change := func(i uint32, p Person) {
		f.Put(&p)
		m[i] = p
	}
	for i := range uint32(n) { // all come to the front, one after the other, and have unlike names
		p := m[i]
		p.Activity += int64(i)
		p.Points += float64(i % 1000)
		p.Name = fmt.Sprintf("%c%c %s", 'a'+rune(r.IntN(26)), 'a'+rune(r.IntN(26)), p.Name)
		change(i, p)
	}
	t.Run("spread", func(t *testing.T) { checkFar(t, f, m) })
	for i := range uint32(n) { // all have the same
		change(i, Person{Number: i, Name: "the same name", Points: 1})
	}
	t.Run("same", func(t *testing.T) { checkFar(t, f, m) })
	for i := range uint32(n) { // few are left
		if i%20 != 0 {
			f.Remove(i)
			delete(m, i)
		}
	}
	t.Run("few", func(t *testing.T) { checkFar(t, f, m) })
	for order, ranking := range f.index.rankings {
		if len(ranking) > 2*len(m)/(leastShelf/2)+1 {
			t.Errorf("order %d: %d persons on %d shelves", order, f.Len(), len(ranking))
		}
	}
}

// checkFar compares pages all over the orders of everybody.
func checkFar(t *testing.T, f *Finder, m model) {
	n := len(m)
	for order := range Order(4) {
		q := Query{Order: order, Limit: 30}
		want := m.find(q)
		page := func(from int) []uint32 { return want[min(from, n):min(from+30, n)] }
		for _, offset := range []int{0, 990, 1001, 7777, n / 2, n - 2500, n - 31, n - 30, n - 1, n} {
			q.Offset, q.After = uint64(max(offset, 0)), ""
			got, total, next, err := f.Find(context.Background(), q)
			if err != nil || total != uint64(n) || !slices.Equal(got, page(int(q.Offset))) {
				t.Fatalf("order %d, offset %d: %v, not %v", order, q.Offset, got, page(int(q.Offset)))
			}
			if next == "" {
				continue
			}
			q.After = next
			got, _, _, err = f.Find(context.Background(), q)
			if err != nil || !slices.Equal(got, page(int(q.Offset)+30)) {
				t.Fatalf("order %d after offset %d: %v, not %v", order, q.Offset, got, page(int(q.Offset)+30))
			}
		}
	}
}

func TestAPositionStaysGoodWhenItsPersonGoes(t *testing.T) {
	f := New()
	for i, name := range []string{"ana", "bea", "carla", "diana"} {
		f.Put(&Person{Number: uint32(i + 1), Name: name})
	}
	q := Query{Limit: 2}
	_, _, next, err := f.Find(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	f.Remove(2)
	f.Put(&Person{Number: 9, Name: "beatriz"})
	q.After = next
	if got, _, _, err := f.Find(context.Background(), q); err != nil || !slices.Equal(got, []uint32{9, 3}) {
		t.Fatal(got, err)
	}
}

func TestRefusesPositionsThatItDidNotMake(t *testing.T) {
	f := New()
	f.Put(&Person{Number: 1, Name: "ana"})
	f.Put(&Person{Number: 2, Name: "bea"})
	_, _, next, err := f.Find(context.Background(), Query{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []Query{
		{Limit: 1, After: "?"},
		{Limit: 1, After: next[:8]},
		{Limit: 1, After: next, Order: ByPoints},
	} {
		if _, _, _, err := f.Find(context.Background(), q); !errors.Is(err, ErrPosition) {
			t.Errorf("%+v: %v", q, err)
		}
	}
}

func TestEndsWithItsContext(t *testing.T) {
	f := New()
	f.Put(&Person{Number: 1, Name: "ana"})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, _, err := f.Find(ctx, Query{Limit: 1}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func TestSplitsAsWordsAreWritten(t *testing.T) {
	for text, want := range map[string][]string{
		"":                 nil,
		" - ":              nil,
		"maria del carmen": {"maria", "del", "carmen"},
		"o'neill o'hara":   {"o", "neill", "hara"},
		"garcia-lopez, j.": {"garcia", "lopez", "j"},
		"иван иванович":    {"иван", "иванович"},
		"王小明 3.\xff":       {"王小明", "3"},
		"ana ana":          {"ana"},
	} {
		if got := Split(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, not %q", text, got, want)
		}
	}
}

// Readers and writers at once: for the race detector, and each reader sees pages without repeats.
func TestReadsWhileOthersWrite(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 1))
	f, m := New(), model{}
	for i := range uint32(4000) {
		m[i] = someone(r, i)
	}
	load(f, m)
	var wg sync.WaitGroup
	for w := range uint64(2) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(w, 7))
			for range 3000 {
				if n := uint32(r.IntN(4000)); r.IntN(4) == 0 {
					f.Remove(n)
				} else {
					p := someone(r, n)
					f.Put(&p)
				}
			}
		})
	}
	wg.Go(func() { load(f, m) })
	for order := range Order(4) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(order), 8))
			for range 300 {
				q := someQuery(r, nil)
				q.Order, q.Limit, q.Offset = order, 50, uint64(r.IntN(3000))
				numbers, _, _, err := f.Find(context.Background(), q)
				if err != nil {
					t.Error(err)
				}
				if slices.Sort(numbers); len(slices.Compact(numbers)) != len(numbers) {
					t.Error("somebody twice")
				}
			}
		})
	}
	wg.Wait()
}

// FuzzOperations reads what is done from its input: a byte for the kind, one for the number, and a name up to the
// next zero.
func FuzzOperations(f *testing.F) {
	f.Add([]byte("\x01\x05ana maria\x00\x01\x06anabel\x00\x00\x05\x00\x02\x01an\x00"))
	f.Add([]byte("\x01\x05\xffx\x00\x01\x05\x00\x03\x00\xff\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		finder, m := New(), model{}
		for len(data) > 2 {
			kind, number := data[0], uint32(data[1])
			text, rest, _ := bytes.Cut(data[2:], []byte{0})
			data = rest
			switch kind % 4 {
			case 0:
				finder.Remove(number)
				delete(m, number)
			case 1:
				p := Person{Number: number, Name: string(text), Points: float64(kind >> 4), Activity: int64(kind)}
				finder.Put(&p)
				m[number] = p
			case 2:
				p := Person{Number: number, Name: "x", Words: strings.Fields(string(text))}
				finder.Put(&p)
				m[number] = p
			case 3:
				check(t, finder, m, Query{Words: strings.Fields(string(text)), Order: Order(number % 4)}, 3)
			}
		}
	})
}

// FuzzPosition asks for pages after anything at all.
func FuzzPosition(f *testing.F) {
	finder := New()
	for i := range uint32(5) {
		finder.Put(&Person{Number: i, Name: names[i]})
	}
	for order := range Order(4) {
		_, _, next, err := finder.Find(context.Background(), Query{Order: order, Limit: 2})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(next), uint8(order))
	}
	f.Fuzz(func(t *testing.T, after string, order uint8) {
		q := Query{Order: Order(order), Limit: 5, After: Position(after)}
		if _, _, _, err := finder.Find(context.Background(), q); err != nil && !errors.Is(err, ErrPosition) {
			t.Fatal(err)
		}
	})
}

// TestABatchIsWhatPutWouldAdd puts batches of newcomers, of known ones and of both, twice the same among them.
func TestABatchIsWhatPutWouldAdd(t *testing.T) {
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 7))
		f, one, m := New(), New(), model{}
		for round := range 6 {
			var persons []*Person
			n := uint32(0)
			for range 1 + r.IntN(2*partSize/(1+round)) {
				if n += 1 + uint32(r.IntN(60)); round%3 == 2 {
					n = someNumber(r)
				}
				number := n
				if round%3 == 0 {
					number += uint32(round+1) * blockSize
				}
				p := someone(r, number)
				persons = append(persons, &p)
			}
			for _, p := range persons {
				m[p.Number] = *p
				one.Put(p)
			}
			f.PutBatch(NewBatch(persons))
			for range 3 {
				check(t, f, m, someQuery(r, m), 100+r.IntN(300))
			}
			for range 5 { // of one alone afterwards
				act(r, f, m)
			}
		}
		for prefix, ready := range one.index.vocabulary.ready {
			if got := f.index.vocabulary.ready[prefix]; got == nil && ready.GetCardinality() > 100 {
				t.Errorf("%d: %q is not ready", seed, prefix)
			}
		}
		for prefix, ready := range f.index.vocabulary.ready {
			if want := f.index.vocabulary.unite(prefix); !ready.Equals(want) {
				t.Errorf("%d: %q has %d, not %d", seed, prefix, ready.GetCardinality(), want.GetCardinality())
			}
		}
	}
}
