package host

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/google/uuid"
	_ "modernc.org/sqlite" // the peer

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/customer/people"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// searchRows are the rows about finding customers among many, and about what many cost. The peer is SQLite with FTS5,
// which does the same for the same customers in the same run: the first twenty in the order of their names, read into
// the same message. It is asked only where a customer can be by the kind of the query and counts nothing, while the
// store looks everywhere and counts how many match.
func searchRows(b *testing.B) {
	var once sync.Once
	var m searchMeasures
	row := func(name string, show func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			once.Do(func() { m = measureSearch(b) })
			show(b)
		})
	}
	row("search_p50_vs_fts5", func(b *testing.B) {
		b.Log(m.tables[0])
		showRow(b, "ms", m.p50, m.peerP50, m.p50/m.peerP50, "atmost", 0.5)
	})
	row("search_p99_vs_fts5", func(b *testing.B) {
		b.Log(m.tables[1])
		showRow(b, "ms", m.p99, m.peerP99, m.p99/m.peerP99, "atmost", 0.2)
	})
	row("search_p99", func(b *testing.B) { showRow(b, "ms", m.worst, 0, m.worst, "atmost", 5) })
	row("register_growth", func(b *testing.B) {
		showRow(b, "µs", m.register, m.registerFew, m.register/m.registerFew, "atmost", 1.5)
	})
	row("bytes_per_customer", func(b *testing.B) { showRow(b, "B", m.bytes, m.peerBytes, m.bytes/m.peerBytes, "atmost", 1.5) })
	row("memory_per_customer", func(b *testing.B) { showRow(b, "B", m.memory, 0, m.memory, "atmost", 120) })
}

// searchMeasures are in milliseconds for searches, over all kinds of queries; worst is the p99 of the kind that takes
// longest. Registrations are in microseconds.
type searchMeasures struct {
	p50, peerP50, p99, peerP99, worst float64
	registerFew, register             float64
	bytes, peerBytes, memory          float64
	// tables have a line a kind of query: those for words, and those for what is one customer's only. Go prints ten
	// lines of a benchmark.
	tables [2]string
}

const (
	// searchPage is how many customers a search returns.
	searchPage = 20
	// searchEach is how many queries of a kind there are, and searchTime how long a kind may take: at ten million
	// the peer would not be done with all of them.
	searchEach = 150
	searchTime = 90 * time.Second
	// fewCustomers is how many a small shop has; growthVisits is how many register there, and in the large one.
	fewCustomers = 10_000
	growthVisits = 400
)

func measureSearch(b *testing.B) (m searchMeasures) {
	n := benchCustomers(b)
	town, err := people.New()
	if err != nil {
		b.Fatal(err)
	}
	shop, file := fill(b, town, n)
	peer, peerFile := fillPeer(b, town, n)
	m.bytes, m.peerBytes = perCustomer(b, file, n), perCustomer(b, peerFile, n)
	before := heapBytes()
	if err := shop.Build(context.Background()); err != nil {
		b.Fatal(err)
	}
	m.memory = float64(heapBytes()-before) / float64(n)

	var all, allPeer []time.Duration
	words, keys := queries(town, n)
	for i, kinds := range [][]queryKind{words, keys} {
		var text strings.Builder
		table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintf(table, "%d customers, ms\tqueries\tp50\tp99\tpeer p50\tp99\tunordered p50\tp99\t\n", n)
		for _, kind := range kinds {
			ours, theirs, unordered := compare(b, shop, peer, kind)
			all, allPeer = append(all, ours...), append(allPeer, theirs...)
			m.worst = max(m.worst, millis(percentile(ours, 99)))
			fmt.Fprintf(table, "%s\t%d\t", kind.name, len(ours))
			for _, times := range [][]time.Duration{ours, theirs, unordered} {
				fmt.Fprintf(table, "%.3f\t%.3f\t", millis(percentile(times, 50)), millis(percentile(times, 99)))
			}
			fmt.Fprintln(table)
		}
		if err := table.Flush(); err != nil {
			b.Fatal(err)
		}
		m.tables[i] = text.String()
	}
	m.p50, m.peerP50 = millis(percentile(all, 50)), millis(percentile(allPeer, 50))
	m.p99, m.peerP99 = millis(percentile(all, 99)), millis(percentile(allPeer, 99))

	few, _ := fill(b, town, fewCustomers)
	m.registerFew, m.register = registrationsTake(b, few, shop)
	return m
}

// percentile of a hundred; it orders the times.
func percentile(times []time.Duration, p int) time.Duration {
	slices.Sort(times)
	return times[min(len(times)*p/100, len(times)-1)]
}

func perCustomer(b *testing.B, file string, n int) float64 {
	info, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size()) / float64(n)
}

func heapBytes() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// fill makes a store with the first n people of the town, who have all that a customer can have.
func fill(b *testing.B, town *people.People, n int) (*customer.Service, string) {
	b.Helper()
	file := filepath.Join(b.TempDir(), "store.db")
	shop, customers := openShop(b, file, true)
	step := max(5000, n/20)
	for from := 0; from < n; from += step {
		count := min(step, n-from)
		err := shop.Update(context.Background(), func(tx *store.Tx) error { return admit(tx, town, customers, from, count) })
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := shop.Close(); err != nil {
		b.Fatal(err)
	}
	shop, customers = openShop(b, file, false)
	b.Cleanup(func() {
		if err := shop.Close(); err != nil {
			b.Error(err)
		}
	})
	return customers, file
}

func openShop(b *testing.B, file string, noSync bool) (*store.Store, *customer.Service) {
	b.Helper()
	shop, err := store.Open(file, store.Options{NoSync: noSync})
	if err != nil {
		b.Fatal(err)
	}
	customers, err := customer.New(customer.Config{
		Store: shop, Log: event.NewLog(shop), Text: locale.New(), Country: func() string { return "ES" },
	})
	if err != nil {
		b.Fatal(err)
	}
	return shop, customers
}

// admit brings some people of the town into a store.
func admit(tx *store.Tx, town *people.People, customers *customer.Service, from, count int) error {
	first, err := customers.Reserve(tx, uint32(count))
	if err != nil {
		return err
	}
	newcomers := make([]*customer.Newcomer, count)
	for i := range newcomers {
		c := town.Customer(from + i)
		c.Fields = town.Fields(from + i)
		number := first + uint32(i)
		for _, key := range customer.IndexKeys(c) {
			customers.Claim(tx, key, number)
		}
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		if newcomers[i], err = customers.Prepare(c, number, id, c.GetCreated().AsTime()); err != nil {
			return err
		}
	}
	if err := customers.Admit(tx, clerk, newcomers, false); err != nil {
		return err
	}
	for i := range newcomers {
		h := town.History(from + i)
		if h.Purchases == 0 {
			continue
		}
		if err := customers.Note(tx, first+uint32(i), clerk, func(f *customer.Facts) {
			f.Purchases, f.Spent, f.FirstPurchase, f.LastPurchase = h.Purchases, h.Spent, h.First.Unix(), h.Last.Unix()
			f.LastActivity, f.Measures = f.LastPurchase, map[string]float64{"puntos": h.Points}
		}); err != nil {
			return err
		}
	}
	return nil
}

// peerShop is the same customers in SQLite, as somebody would keep them there who wants to find them quickly.
type peerShop struct{ db *sql.DB }

func fillPeer(b *testing.B, town *people.People, n int) (*peerShop, string) {
	b.Helper()
	file := filepath.Join(b.TempDir(), "peer.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	b.Cleanup(func() {
		if err := db.Close(); err != nil {
			b.Error(err)
		}
	})
	exec := func(statements ...string) {
		for _, statement := range statements {
			if _, err := db.Exec(statement); err != nil {
				b.Fatal(statement, err)
			}
		}
	}
	exec("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", "PRAGMA cache_size = -400000", "PRAGMA temp_store = MEMORY",
		`CREATE TABLE customer (number INTEGER PRIMARY KEY, id BLOB, name TEXT, sort TEXT, phone TEXT, email TEXT, language TEXT,
			fields TEXT, programme INTEGER, promotions INTEGER, aplica INTEGER, created INTEGER, updated INTEGER, revision INTEGER,
			purchases INTEGER, spent INTEGER, first INTEGER, last INTEGER, points REAL)`,
		"CREATE TABLE card (number TEXT, customer INTEGER)",
		`CREATE VIRTUAL TABLE words USING fts5 (name, content = 'customer', content_rowid = 'number', prefix = '1 2 3',
			tokenize = 'unicode61 remove_diacritics 2', detail = none)`)
	for from := 0; from < n; from += 20_000 {
		tx, err := db.Begin()
		if err != nil {
			b.Fatal(err)
		}
		for i := from; i < min(from+20_000, n); i++ {
			if err := insertPeer(tx, town, i); err != nil {
				b.Fatal(err)
			}
		}
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	}
	exec("CREATE UNIQUE INDEX customer_id ON customer (id)",
		"CREATE UNIQUE INDEX customer_phone ON customer (phone)",
		"CREATE UNIQUE INDEX customer_email ON customer (email)",
		"CREATE UNIQUE INDEX card_number ON card (number)",
		"CREATE INDEX card_customer ON card (customer)",
		"INSERT INTO words (words) VALUES ('rebuild')",
		"INSERT INTO words (words) VALUES ('optimize')",
		"ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)")
	return &peerShop{db}, file
}

func insertPeer(tx *sql.Tx, town *people.People, i int) error {
	c, h := town.Customer(i), town.History(i)
	fields, err := json.Marshal(town.Fields(i))
	if err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	var first, last int64
	if h.Purchases > 0 {
		first, last = h.First.Unix(), h.Last.Unix()
	}
	created := c.GetCreated().GetSeconds()
	if _, err := tx.Exec("INSERT INTO customer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		i+1, id[:], c.GetName(), strings.ToLower(c.GetName()), orNull(c.GetPhone()), orNull(c.GetEmail()), c.GetLanguage(), fields,
		c.GetConsent().GetProgramme(), c.GetConsent().GetPromotions(), c.GetAplicaPromociones(), created, created, 1,
		h.Purchases, h.Spent, first, last, h.Points); err != nil {
		return err
	}
	for _, card := range c.GetCards() {
		if _, err := tx.Exec("INSERT INTO card VALUES (?, ?)", card, i+1); err != nil {
			return err
		}
	}
	return nil
}

// orNull is what many may lack although nobody may have the same.
func orNull(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

const peerSelect = `SELECT c.number, c.id, c.name, coalesce(c.phone, ''), coalesce(c.email, ''), c.language, c.fields, c.programme, c.promotions, c.aplica,
	c.created, c.updated, c.revision, c.purchases, c.spent, c.first, c.last, c.points,
	(SELECT group_concat(number) FROM card WHERE customer = c.number) FROM `

// search returns the first page of what is typed, in the order of the names or in any.
func (p *peerShop) search(q query, ordered bool) ([]*plgv1.Customer, error) {
	from, args := "words JOIN customer c ON c.number = words.rowid WHERE words MATCH ?", []any{q.match()}
	if q.column != "" {
		from, args = "customer c WHERE c."+q.column+" >= ? AND c."+q.column+" < ?", []any{q.stored, q.stored + "\xff"}
	}
	if q.column == "card" {
		from = "customer c WHERE c.number IN (SELECT customer FROM card WHERE number >= ? AND number < ?)"
	}
	if ordered {
		from += " ORDER BY +c.sort" // which is quicker than going through all in that order
	}
	rows, err := p.db.Query(peerSelect+from+" LIMIT ?", append(args, searchPage)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []*plgv1.Customer
	for rows.Next() {
		c := &plgv1.Customer{Consent: new(plgv1.Consent)}
		var id, fields []byte
		var created, updated, first, last int64
		var cards sql.NullString
		facts := new(mostradorv1.Facts)
		var spent int64
		var points float64
		if err := rows.Scan(&c.Number, &id, &c.Name, &c.Phone, &c.Email, &c.Language, &fields, &c.Consent.Programme,
			&c.Consent.Promotions, &c.AplicaPromociones, &created, &updated, &c.Revision, &facts.Purchases, &spent, &first,
			&last, &points, &cards); err != nil {
			return nil, err
		}
		if err := json.Unmarshal(fields, &c.Fields); err != nil {
			return nil, err
		}
		if cards.Valid {
			c.Cards = strings.Split(cards.String, ",")
		}
		c.Id = uuid.UUID(id).String()
		list = append(list, c)
	}
	return list, rows.Err()
}

// query is what somebody types.
type query struct {
	typed string
	// column is where SQLite looks for what is stored like that, empty when for words.
	column, stored string
}

// match is the query in the language of FTS5.
func (q query) match() string {
	var match strings.Builder
	for word := range strings.FieldsFuncSeq(q.typed, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }) {
		fmt.Fprintf(&match, "%q* ", word)
	}
	return match.String()
}

type queryKind struct {
	name string
	list []query
}

// queries are what people type to find some customers, among whom each is as likely as another: words, and what is
// one customer's only.
func queries(town *people.People, n int) (words, keys []queryKind) {
	r := rand.New(rand.NewPCG(4, 1))
	someone := func(fit func(c *plgv1.Customer) bool) *plgv1.Customer {
		for {
			if c := town.Customer(r.IntN(n)); fit(c) {
				return c
			}
		}
	}
	named := func(c *plgv1.Customer) bool { return len(strings.Fields(c.GetName())) > 1 }
	word := func(last bool) string {
		words := strings.Fields(someone(named).GetName())
		if last {
			return words[len(words)-1]
		}
		return words[0]
	}
	kinds := []queryKind{
		{name: "a letter"}, {name: "two letters"}, {name: "first name"}, {name: "surname"}, {name: "two words"}, {name: "two beginnings"},
		{name: "keystrokes of a name"}, {name: "keystrokes of a phone"}, {name: "keystrokes of an e-mail"}, {name: "keystrokes of a card"},
	}
	add := func(kind int, q query) {
		if k := &kinds[kind]; len(k.list) < searchEach && strings.TrimSpace(q.typed) != "" {
			k.list = append(k.list, q)
		}
	}
	begin := func(s string, letters int) string { return string([]rune(s)[:min(letters, len([]rune(s)))]) }
	for range searchEach {
		add(0, query{typed: begin(word(r.IntN(2) == 0), 1)})
		add(1, query{typed: begin(word(r.IntN(2) == 0), 2)})
		add(2, query{typed: word(false)})
		add(3, query{typed: word(true)})
		name := strings.Fields(someone(named).GetName())
		first, last := name[0], name[len(name)-1]
		add(4, query{typed: first + " " + last})
		add(5, query{typed: begin(last, 1+r.IntN(3)) + " " + begin(first, 1+r.IntN(3))})
	}
	for len(kinds[6].list) < searchEach {
		typed := []rune(someone(named).GetName())
		for i := range typed {
			add(6, query{typed: string(typed[:i+1])})
		}
	}
	for len(kinds[7].list) < searchEach {
		phone := someone(func(c *plgv1.Customer) bool { return strings.HasPrefix(c.GetPhone(), "+34") }).GetPhone()
		for i := len("+34") + 3; i <= len(phone); i++ {
			add(7, query{typed: phone[len("+34"):i], column: "phone", stored: phone[:i]})
		}
	}
	for len(kinds[8].list) < searchEach {
		email := someone(func(c *plgv1.Customer) bool { return len(c.GetEmail()) > 3 }).GetEmail()
		for i := 3; i <= len(email); i++ {
			add(8, query{typed: email[:i], column: "email", stored: email[:i]})
		}
	}
	for len(kinds[9].list) < searchEach {
		card := someone(func(c *plgv1.Customer) bool { return len(c.GetCards()) > 0 }).GetCards()[0]
		for i := 3; i <= len(card); i++ {
			add(9, query{typed: card[:i], column: "card", stored: card[:i]})
		}
	}
	for _, k := range kinds {
		r.Shuffle(len(k.list), func(i, j int) { k.list[i], k.list[j] = k.list[j], k.list[i] })
	}
	return kinds[:7], kinds[7:]
}

// compare asks both the same, one after the other, as long as there is time.
// compare asks the store all queries of a kind, and then the peer, so that neither works among the other's garbage.
func compare(b *testing.B, shop *customer.Service, peer *peerShop, kind queryKind) (ours, theirs, unordered []time.Duration) {
	b.Helper()
	ctx := context.Background()
	runtime.GC()
	var found []int
	for _, q := range kind.list {
		start := time.Now()
		list, err := shop.Search(ctx, &mostradorv1.SearchRequest{Query: q.typed, Order: mostradorv1.Order_ORDER_NAME, Limit: searchPage})
		if err != nil {
			b.Fatal(err)
		}
		ours = append(ours, time.Since(start))
		found = append(found, len(list.GetCustomers()))
	}
	began := time.Now()
	for i, q := range kind.list {
		start := time.Now()
		list, err := peer.search(q, true)
		if err != nil {
			b.Fatal(err)
		}
		theirs = append(theirs, time.Since(start))
		if found[i] < len(list) {
			b.Errorf("%q (%s): %d customers, the peer has %d", q.typed, kind.name, found[i], len(list))
		}
		start = time.Now()
		if _, err := peer.search(q, false); err != nil {
			b.Fatal(err)
		}
		unordered = append(unordered, time.Since(start))
		if time.Since(began) > searchTime {
			break
		}
	}
	return ours, theirs, unordered
}

// registrationsTake returns how long a registration takes in a small and in a large shop, in microseconds.
func registrationsTake(b *testing.B, few, many *customer.Service) (small, large float64) {
	b.Helper()
	if err := few.Build(context.Background()); err != nil {
		b.Fatal(err)
	}
	times := make([][]time.Duration, 2)
	for i := range growthVisits {
		for j, shop := range []*customer.Service{few, many} {
			c := &plgv1.Customer{
				Name: fmt.Sprintf("Visita %d García", i), Phone: fmt.Sprintf("+3471%07d", i*7919), Email: fmt.Sprintf("%dvisita@correo.example", i*7919),
			}
			start := time.Now()
			if _, err := shop.Register(context.Background(), clerk, c, ""); err != nil {
				b.Fatal(err)
			}
			times[j] = append(times[j], time.Since(start))
		}
	}
	return micros(median(times[0])), micros(median(times[1]))
}
