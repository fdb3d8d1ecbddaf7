package record

import (
	"context"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/customer/people"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

func TestWhatSpeaksForAPair(t *testing.T) {
	m := model{dates: []string{"nacimiento"}, places: []string{"ciudad"}}
	record := func(name, phone, email, born, city string) *person {
		c := &plgv1.Customer{Name: name, Phone: phone, Email: email, Fields: map[string]string{}}
		for id, value := range map[string]string{"nacimiento": born, "ciudad": city} {
			if value != "" {
				c.Fields[id] = value
			}
		}
		return m.personOf(c)
	}
	for name, test := range map[string]struct {
		a, b      *person
		rare      bool
		suggested bool
	}{
		"name and birthday":                           {record("Ana Ruiz", "", "", "1990-05-17", ""), record("ANA RUÍZ", "", "", "1990-05-17", ""), false, true},
		"name in another order":                       {record("Ana Ruiz", "", "", "1990-05-17", ""), record("Ruiz, Ana", "", "", "1990-05-17", ""), false, true},
		"name and another birthday":                   {record("Ana Ruiz", "", "ana@a.es", "1990-05-17", ""), record("Ana Ruiz", "", "ana@b.es", "1957-01-02", ""), false, false},
		"name alone":                                  {record("Ana Ruiz", "", "", "", ""), record("Ana Ruiz", "", "", "", ""), false, false},
		"full name alone":                             {record("Ana Ruiz Sanz", "", "", "", ""), record("Ana Ruiz Sanz", "", "", "", ""), true, false},
		"a digit of the phone":                        {record("Ana Ruiz", "+34600111222", "", "", ""), record("Ana Ruiz", "+34600111322", "", "", ""), false, true},
		"two digits of the phone":                     {record("Ana Ruiz", "+34600111222", "", "", ""), record("Ana Ruiz", "+34600111333", "", "", ""), false, false},
		"swapped digits":                              {record("Ana Ruiz", "+34600123456", "", "", ""), record("Ana Ruiz", "+34600124356", "", "", ""), false, true},
		"another provider":                            {record("Ana Ruiz", "", "ana.ruiz@a.es", "", ""), record("Ana Ruiz", "", "Ana.Ruiz@b.es", "", ""), false, true},
		"another provider of another name":            {record("Ana Ruiz", "", "info@a.es", "", ""), record("Eva Sanz", "", "info@b.es", "", ""), false, false},
		"a slip in a long surname, at the same place": {record("Ana Quintanilla Sanz", "", "", "", "Lugo"), record("Ana Quintanila Sanz", "", "", "", "LUGO"), false, true},
		"a slip in a short name, at the same place":   {record("Ana Ruiz", "", "", "", "Lugo"), record("Ana Ruis", "", "", "", "Lugo"), false, false},
		"other names that are alike, same birthday":   {record("Eva Ruiz", "", "", "1990-05-17", ""), record("Ana Ruiz", "", "", "1990-05-17", ""), false, false},
		"a common name at the same place":             {record("Ana Ruiz", "", "", "", "Lugo"), record("Ana Ruiz", "", "", "", "Lugo"), false, false},
		"a rare name at the same place":               {record("Ana Ruiz", "", "", "", "Lugo"), record("Ana Ruiz", "", "", "", "Lugo"), true, true},
		"a surname is missing":                        {record("Ana Ruiz Sanz", "", "", "1990-05-17", ""), record("Ana Ruiz", "", "", "1990-05-17", ""), false, true},
		"nothing":                                     {record("Ana", "", "", "", ""), record("", "", "", "", ""), true, false},
		"names in other scripts":                      {record("Мария Иванова", "", "", "1990-05-17", ""), record("Иванова Мария", "", "", "1990-05-17", ""), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			e := compare(test.a, test.b, test.rare)
			if got := e.score >= suggestFrom; got != test.suggested {
				t.Errorf("%+v", e)
			}
			turned := compare(test.b, test.a, test.rare)
			if turned.score != e.score {
				t.Errorf("turned round it is %d instead of %d", turned.score, e.score)
			}
		})
	}
}

// crowd is a shop with so many made-up customers.
func crowd(t testing.TB, s *shop, town *people.People, n int, then ...*plgv1.Customer) {
	t.Helper()
	made := func(i int) *plgv1.Customer {
		if i >= n {
			return then[i-n]
		}
		c := town.Customer(i)
		c.Fields = town.Fields(i)
		return c
	}
	const step = 5000
	for i := 0; i < n+len(then); {
		var newcomers []*customer.Newcomer
		for end := min(i+step, n+len(then)); i < end; i++ {
			id, _ := uuid.NewV7()
			c, err := s.Customers.Prepare(made(i), uint32(i+1), id, s.clock())
			if err != nil {
				t.Fatal(err)
			}
			newcomers = append(newcomers, c)
		}
		if err := s.st.Update(context.Background(), func(tx *store.Tx) error {
			for _, c := range newcomers {
				number := uint32(c.Customer.Number)
				if c.Customer.Phone != "" && s.Customers.HolderOf(tx, pathPhone, c.Customer.Phone) == 0 {
					s.Customers.Claim(tx, append([]byte("p"), c.Customer.Phone...), number)
				}
				if c.Customer.Email != "" {
					s.Customers.Claim(tx, append([]byte("e"), strings.ToLower(c.Customer.Email)...), number)
				}
			}
			return s.Customers.Admit(tx, luis, newcomers, false)
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestARowHoldsAllThatIsComparedOfACustomer(t *testing.T) {
	town, err := people.New()
	if err != nil {
		t.Fatal(err)
	}
	s := newShop(t)
	long := strings.Repeat("a", 150)
	odd := []*plgv1.Customer{
		{Name: "Ana"}, {Phone: "+34600000001"}, {Name: long + " " + long, Email: "Ana@b.es", Fields: map[string]string{"ciudad": "Lugo, \"A\""}},
	}
	crowd(t, s, town, 20_000, odd...)
	last := uint32(20_000 + len(odd))
	r, err := s.reader(last)
	if err != nil {
		t.Fatal(err)
	}
	all, err := r.gather(context.Background(), last, func(float64) {})
	if err != nil {
		t.Fatal(err)
	}
	if len(all.chunks) < 2 {
		t.Fatal("too few customers to fill a chunk")
	}
	var p person
	for number := range last + 1 {
		s.view(func(tx *store.Tx) error {
			c, err := s.Customers.ByNumber(tx, number)
			if err != nil {
				if all.person(number, &p) {
					t.Errorf("%d is nobody, and has a row", number)
				}
				return nil
			}
			want := r.model.personOf(c)
			if !all.person(number, &p) || !slices.Equal(p.words, want.words) || !slices.Equal(p.sorted, want.sorted) || p.number != number ||
				p.phone != want.phone || p.email != want.email || p.local != want.local || !maps.Equal(p.dates, want.dates) || !maps.Equal(p.places, want.places) {
				t.Fatalf("%+v instead of %+v", p, want)
			}
			return nil
		})
	}
}

// mistakes are the ways in which one person gets a second record.
var mistakes = map[string]func(r *rand.Rand, c *plgv1.Customer) bool{
	"same birthday": func(_ *rand.Rand, c *plgv1.Customer) bool {
		c.Phone, c.Email = "", ""
		return c.Fields["nacimiento"] != ""
	},
	"another order": func(_ *rand.Rand, c *plgv1.Customer) bool {
		words := strings.Fields(c.Name)
		slices.Reverse(words)
		c.Name, c.Phone, c.Email = strings.Join(words, " "), "", ""
		return len(words) > 1 && c.Fields["nacimiento"] != ""
	},
	"a digit": func(r *rand.Rand, c *plgv1.Customer) bool {
		c.Email, c.Fields = "", nil
		if len(c.Phone) < 9 || len(strings.Fields(c.Name)) < 2 {
			return false
		}
		i := 4 + r.IntN(len(c.Phone)-4)
		c.Phone = c.Phone[:i] + string('0'+(c.Phone[i]-'0'+1+byte(r.IntN(9)))%10) + c.Phone[i+1:]
		return true
	},
	"swapped digits": func(r *rand.Rand, c *plgv1.Customer) bool {
		c.Email, c.Fields = "", nil
		if len(c.Phone) < 9 || len(strings.Fields(c.Name)) < 2 {
			return false
		}
		i := 4 + r.IntN(len(c.Phone)-5)
		c.Phone = c.Phone[:i] + string(c.Phone[i+1]) + string(c.Phone[i]) + c.Phone[i+2:]
		return c.Phone[i] != c.Phone[i+1]
	},
	"another provider": func(_ *rand.Rand, c *plgv1.Customer) bool {
		local, _, _ := strings.Cut(c.Email, "@")
		c.Email, c.Phone, c.Fields = local+"@nuevo.example", "", nil
		return len(local) >= leastLocal
	},
	"a letter, same birthday": func(r *rand.Rand, c *plgv1.Customer) bool {
		c.Phone, c.Email = "", ""
		return slip(r, c, 5) && c.Fields["nacimiento"] != ""
	},
	"a letter of a full name, same city": func(r *rand.Rand, c *plgv1.Customer) bool {
		c.Phone, c.Email = "", ""
		delete(c.Fields, "nacimiento")
		return len(wordsOf(c.Name)) >= 3 && slip(r, c, longWord)
	},
	"a surname is missing": func(_ *rand.Rand, c *plgv1.Customer) bool {
		words := strings.Fields(c.Name)
		c.Phone, c.Email, c.Name = "", "", strings.Join(words[:max(0, len(words)-1)], " ")
		return len(wordsOf(c.Name)) >= 2 && c.Fields["nacimiento"] != ""
	},
	"without accents, a digit": func(r *rand.Rand, c *plgv1.Customer) bool {
		plain := strings.ToUpper(customer.Fold(c.Name))
		c.Email, c.Fields = "", nil
		if plain == c.Name || len(c.Phone) < 9 || len(strings.Fields(c.Name)) < 2 {
			return false
		}
		c.Name, c.Phone = plain, c.Phone[:len(c.Phone)-1]+string('0'+(c.Phone[len(c.Phone)-1]-'0'+5)%10)
		return true
	},
}

// slip changes one letter of a word that is long enough.
func slip(r *rand.Rand, c *plgv1.Customer, least int) bool {
	words := strings.Fields(c.Name)
	for i := len(words) - 1; i >= 0; i-- {
		if letters := []rune(words[i]); len(letters) > least {
			at := 1 + r.IntN(len(letters)-2)
			if r.IntN(2) == 0 {
				letters = slices.Delete(letters, at, at+1)
			} else {
				letters[at] = 'k'
			}
			words[i] = string(letters)
			c.Name = strings.Join(words, " ")
			return true
		}
	}
	return false
}

func TestPlantedDuplicatesAreFound(t *testing.T) {
	const crowdSize, each = 20_000, 60
	town, err := people.New()
	if err != nil {
		t.Fatal(err)
	}
	s := newShop(t)
	r := rand.New(rand.NewPCG(1, 2))
	planted := map[[2]uint32]string{}
	var twins []*plgv1.Customer
	for _, kind := range sortedKeys(mistakes) {
		for n := 0; n < each; {
			i := r.IntN(crowdSize)
			c := town.Customer(i)
			c.Fields = town.Fields(i)
			c = proto.CloneOf(c)
			c.Cards = nil
			if !mistakes[kind](r, c) {
				continue
			}
			n++
			twins = append(twins, c)
			planted[[2]uint32{uint32(i + 1), uint32(crowdSize + len(twins))}] = kind
		}
	}
	crowd(t, s, town, crowdSize, twins...)
	if err := s.scan(context.Background()); err != nil {
		t.Fatal(err)
	}
	found, wrong := map[string]int{}, 0
	s.view(func(tx *store.Tx) error {
		for key := range tx.Scan(bucketPair, tx.Get(bucketMeta, keyRun), nil) {
			pair := [2]uint32{uint32(bigEndian(append(make([]byte, 4), key[9:13]...))), uint32(bigEndian(append(make([]byte, 4), key[13:17]...)))}
			if kind := planted[pair]; kind != "" {
				found[kind]++
				continue
			}
			// Two twins of one person are a pair, too.
			if pair[0] <= crowdSize {
				if wrong++; wrong <= 5 {
					x, _ := s.Customers.ByNumber(tx, pair[0])
					y, _ := s.Customers.ByNumber(tx, pair[1])
					t.Logf("suggested too: %s %v / %s %v", x.Name, x.Fields, y.Name, y.Fields)
				}
			}
		}
		return nil
	})
	all := 0
	for _, kind := range sortedKeys(mistakes) {
		all += found[kind]
		t.Logf("%-36s %3d of %d", kind, found[kind], each)
		if found[kind]*100 < 90*each {
			t.Errorf("%s: only %d of %d are found", kind, found[kind], each)
		}
	}
	recall, precision := float64(all)/float64(len(planted)), float64(all)/float64(all+wrong)
	t.Logf("recall %.3f, precision %.3f, of %d customers", recall, precision, crowdSize+len(twins))
	if recall < 0.95 || precision < 0.9 {
		t.Errorf("recall %.3f, precision %.3f", recall, precision)
	}

	// On the sheet of a new customer the other one is there at once.
	misses, looked := 0, 0
	for pair := range planted {
		if looked == len(planted)/5 {
			break
		}
		looked++
		var twin *plgv1.Customer
		s.view(func(tx *store.Tx) (err error) { twin, err = s.Customers.ByNumber(tx, pair[1]); return err })
		answer, err := s.Duplicates(context.Background(), &mostradorv1.DuplicatesRequest{CustomerId: twin.Id})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(answer.Pairs, func(p *mostradorv1.DuplicatePair) bool { return uint32(p.B.Number) == pair[0] && len(p.Reasons) > 1 }) {
			misses++
		}
	}
	t.Logf("on the sheet %d of %d", looked-misses, looked)
	if misses*10 > looked {
		t.Errorf("on the sheet %d of %d are missing", misses, looked)
	}
}

func TestADismissedPairIsNotSuggestedAgain(t *testing.T) {
	s := newShop(t)
	ana, anna := s.pair()
	look := func(of string) (n int) {
		t.Helper()
		answer, err := s.Duplicates(context.Background(), &mostradorv1.DuplicatesRequest{CustomerId: of})
		if err != nil {
			t.Fatal(err)
		}
		return len(answer.Pairs)
	}
	list := func() *mostradorv1.DuplicatesResponse {
		t.Helper()
		answer, err := s.Duplicates(context.Background(), &mostradorv1.DuplicatesRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	defer func() { cancel(); <-ended }()
	if first := list(); first.Percent == 100 {
		t.Error("a search that nobody began is done")
	}
	var answer *mostradorv1.DuplicatesResponse
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if answer = list(); answer.Percent == 100 || time.Now().After(deadline) {
			break
		}
	}
	if len(answer.Pairs) != 1 || answer.Pairs[0].Score < suggestFrom || len(answer.Pairs[0].Reasons) < 2 {
		t.Fatalf("suggested: %v", answer)
	}
	if look(ana.Id) != 1 || look(anna.Id) != 1 {
		t.Error("the sheets suggest nothing")
	}
	if err := s.Dismiss(context.Background(), anna.Id, ana.Id); err != nil {
		t.Fatal(err)
	}
	if len(list().Pairs) != 0 || look(ana.Id) != 0 || look(anna.Id) != 0 {
		t.Error("it is suggested again")
	}
}

// BenchmarkSearchAmong measures a search among as many customers as MOSTRADOR_CUSTOMERS says (100,000 else).
func BenchmarkSearchAmong(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("MOSTRADOR_CUSTOMERS"))
	if err != nil {
		n = 100_000
	}
	town, err := people.New()
	if err != nil {
		b.Fatal(err)
	}
	s := newShop(b)
	crowd(b, s, town, n)
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	for b.Loop() {
		if err := s.scan(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.Sys-min(after.Sys, before.Sys))/(1<<20), "MiB/more")
	b.ReportMetric(float64(n), "customers")
}
