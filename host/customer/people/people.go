// Package people makes customers up, as many as are wanted, for tests, measurements and demonstrations.
//
// The customer with an index is always the same one, whoever asks and in whatever order, so that nothing need be
// kept: of millions of customers a test knows what it looks for. Names are as frequent as in a Spanish town (María
// and García are many, most surnames are few) and come in several alphabets; telephones, e-mails and cards are valid
// and nobody else's, up to ten million customers. The domains are reserved ones: no mail can reach anybody.
package people

import (
	"embed"
	"fmt"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/sdk/plgv1"
)

// Now is the moment at which the customers are as they are; all their past lies before it.
var Now = time.Date(2026, time.November, 1, 9, 0, 0, 0, time.UTC)

//go:embed names
var files embed.FS

// origin is where some of the customers, or their parents, come from.
type origin struct {
	file     string // below names, without ending
	language string
	share    int // of a thousand customers
	families int // how many surnames one bears
	reversed bool
	glue     string
	phone    func(unique int) string
}

var origins = []origin{
	{"es", "es", 770, 2, false, " ", spanish},
	{"ca", "ca", 70, 2, false, " ", spanish},
	{"pt", "pt", 30, 2, false, " ", portuguese},
	{"ar", "ar", 35, 1, false, " ", moroccan},
	{"ru", "ru", 30, 1, false, " ", russian},
	{"de", "de", 25, 1, false, " ", french},
	{"pl", "pl", 15, 1, false, " ", polish},
	{"zh", "zh", 15, 1, true, "", chinese},
	{"el", "el", 10, 1, false, " ", greek},
}

// Telephones take up to ten million different numbers each.
func spanish(n int) string    { return fmt.Sprintf("+346%08d", n*7+n%7) }
func portuguese(n int) string { return fmt.Sprintf("+35191%07d", n) }
func moroccan(n int) string   { return fmt.Sprintf("+2126%08d", 10_000_000+n) }
func russian(n int) string    { return fmt.Sprintf("+7916%07d", n) }
func french(n int) string     { return fmt.Sprintf("+336%08d", 10_000_000+n) }
func polish(n int) string     { return fmt.Sprintf("+4860%07d", n) }
func chinese(n int) string    { return fmt.Sprintf("+861380%07d", n) }
func greek(n int) string      { return fmt.Sprintf("+30697%07d", n) }

// scatter brings the index of a customer into another order, as telephones are in no order. Up to ten million it gives
// each number once.
func scatter(i int) int { return int((uint64(i)*6_180_339 + 2_718_281) % 10_000_000) }

// People is a town to take customers from. It may be used by many goroutines.
type People struct {
	given, family []table // per origin
}

// table is names with what share of the people bear them or one before.
type table struct {
	names []string
	until []float64
}

// New reads the names.
func New() (*People, error) {
	p := new(People)
	for _, o := range origins {
		given, err := read(o.file + ".given")
		if err != nil {
			return nil, err
		}
		family, err := read(o.file + ".family")
		if err != nil {
			return nil, err
		}
		p.given, p.family = append(p.given, given), append(p.family, family)
	}
	return p, nil
}

// read reads names in the order of their frequency, which falls with the rank.
func read(file string) (table, error) {
	data, err := files.ReadFile("names/" + file)
	if err != nil {
		return table{}, fmt.Errorf("people: %w", err)
	}
	t := table{names: strings.Split(strings.TrimSpace(string(data)), "\n")}
	sum := 0.0
	for rank := range t.names {
		sum += 1 / float64(rank+8)
		t.until = append(t.until, sum)
	}
	return t, nil
}

func (t table) pick(r *rand.Rand) string {
	return t.names[sort.SearchFloat64s(t.until, r.Float64()*t.until[len(t.until)-1])]
}

// chance is a source of its own for each customer and purpose.
func chance(i int, purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(uint64(i), purpose)) }

const (
	forSelf = iota + 1
	forFields
	forHistory
	forCreated
)

// Customer is the customer with an index from 0, without id, number and fields.
func (p *People) Customer(i int) *plgv1.Customer {
	r := chance(i, forSelf)
	o := 0
	for share := r.IntN(1000); share >= origins[o].share; o++ {
		share -= origins[o].share
	}
	from := origins[o]
	given, families := p.given[o].pick(r), make([]string, from.families)
	for j := range families {
		if families[j] = p.family[o].pick(r); from.file == "es" && r.IntN(100) < 22 {
			families[j] = rare(r)
		}
	}
	name := given + from.glue + strings.Join(families, " ")
	if from.reversed {
		name = strings.Join(families, "") + from.glue + given
	}
	c := &plgv1.Customer{Name: name, Language: from.language, Created: timestamppb.New(created(i))}
	c.Updated = c.Created
	if r.IntN(100) < 90 {
		if c.Phone = from.phone(scatter(i)); r.IntN(3) == 0 {
			c.Phone = spanish(scatter(i)) // those who live here long
		}
	}
	if r.IntN(100) < 65 || c.Phone == "" {
		c.Email = address(given, families[0], i, r)
	}
	for n := range r.IntN(5) - 2 {
		c.Cards = append(c.Cards, card(2*i+n))
	}
	c.Consent = consent(r)
	c.AplicaPromociones = c.GetConsent().GetPromotions() == plgv1.ConsentState_CONSENT_STATE_GIVEN
	return c
}

// rare makes up one of the many surnames that few bear.
func rare(r *rand.Rand) string {
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	begin := one("Arri", "Bar", "Cal", "Carda", "Castri", "Echa", "Esca", "Fon", "Gala", "Gur", "Lar", "Legui", "Mala",
		"Mendi", "Monte", "Oro", "Pala", "Peñal", "Quinta", "Rebo", "Sala", "San", "Tor", "Ur", "Val", "Villa", "Zal", "Zuma")
	middle := one("", "a", "ba", "be", "ca", "co", "da", "ga", "ju", "la", "ma", "me", "ni", "ra", "re", "si", "te", "za", "zu")
	end := one("bal", "barro", "cedo", "dívar", "dueña", "gorri", "llo", "lejo", "mayor", "nar", "nero", "nilla", "rraga",
		"rrubia", "sola", "tegui", "tero", "verde", "yas", "ñez")
	return begin + middle + end
}

// created is when the customer came: the shop has grown for ten years.
func created(i int) time.Time {
	const years = 10 * 365 * 24 * 3600
	r := chance(i, forCreated)
	return Now.Add(-time.Duration(r.Float64()*r.Float64()*years) * time.Second)
}

// address is an e-mail address like those that people have.
func address(given, family string, i int, r *rand.Rand) string {
	local := latin(given) + []string{".", "", "_"}[r.IntN(3)] + latin(family)
	if len(local) < 3 {
		local = "cliente"
	}
	domains := []string{"correo.example", "correo.example", "buzon.example", "cartero.example", "empresa.example"}
	return local + strconv.FormatInt(int64(i), 36) + "@" + domains[r.IntN(len(domains))]
}

// latin keeps the plain letters of a name.
func latin(name string) string {
	return strings.Map(func(r rune) rune {
		if r = unicode.ToLower(r); r < 'a' || r > 'z' {
			return -1
		}
		return r
	}, norm.NFD.String(name))
}

// card is an EAN-13 of those that shops give out themselves.
func card(n int) string {
	digits := fmt.Sprintf("29%010d", n)
	sum := 0
	for i, d := range digits {
		sum += int(d-'0') * (1 + i%2*2)
	}
	return digits + strconv.Itoa((10-sum%10)%10)
}

// consent is that of a shop that asks everybody.
func consent(r *rand.Rand) *plgv1.Consent {
	state := plgv1.ConsentState_CONSENT_STATE_UNSPECIFIED
	switch n := r.IntN(100); {
	case n < 55:
		state = plgv1.ConsentState_CONSENT_STATE_GIVEN
	case n < 70:
		state = plgv1.ConsentState_CONSENT_STATE_PENDING
	case n < 80:
		return &plgv1.Consent{
			Programme:  plgv1.ConsentState_CONSENT_STATE_GIVEN,
			Promotions: plgv1.ConsentState_CONSENT_STATE_WITHDRAWN,
		}
	}
	return &plgv1.Consent{Programme: state, Promotions: state}
}

// Fields are values of a small data model: ciudad and profesion (text), nacimiento (date, ISO 8601), hijos (integer).
func (p *People) Fields(i int) map[string]string {
	r := chance(i, forFields)
	cities := []string{"Madrid", "Barcelona", "València", "Sevilla", "Zaragoza", "Málaga", "Murcia", "Palma", "Bilbao",
		"A Coruña", "Gijón", "Logroño", "L'Hospitalet de Llobregat", "San Sebastián", "Alcalá de Henares", "Vigo"}
	jobs := []string{"Enfermera", "Camarero", "Maestra", "Ingeniero", "Jubilada", "Estudiante", "Conductor", "Abogada"}
	fields := map[string]string{"ciudad": cities[min(r.IntN(len(cities)), r.IntN(len(cities)))]}
	if r.IntN(2) == 0 {
		fields["profesion"] = jobs[r.IntN(len(jobs))]
	}
	if r.IntN(3) > 0 {
		fields["nacimiento"] = Now.AddDate(-18-r.IntN(70), 0, -r.IntN(365)).Format(time.DateOnly)
	}
	if r.IntN(3) == 0 {
		fields["hijos"] = strconv.Itoa(r.IntN(5))
	}
	return fields
}

// History is what a customer bought and has.
type History struct {
	Purchases   uint64
	Spent       int64 // cents
	First, Last time.Time
	Points      float64
}

// History is that of the customer with an index.
func (p *People) History(i int) History {
	r := chance(i, forHistory)
	h := History{Purchases: uint64(r.ExpFloat64() * 12)}
	if h.Purchases == 0 {
		return h
	}
	for range min(h.Purchases, 5) {
		h.Spent += int64(200 + r.IntN(9000))
	}
	h.Spent = h.Spent * int64(h.Purchases) / int64(min(h.Purchases, 5))
	h.First = created(i)
	h.Last = h.First.Add(time.Duration(r.Float64() * float64(Now.Sub(h.First)))).Truncate(time.Second)
	h.Points = float64(h.Spent / 1000 % 500)
	return h
}
