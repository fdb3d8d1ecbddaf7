package customer

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer/finder"
	"mostrador/host/customer/set"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// world is a store of customers beside what they should be.
type world struct {
	t      testing.TB
	path   string
	store  *store.Store
	s      *Service
	random *rand.Rand
	model  map[string]*plgv1.Customer
	facts  map[string]Facts
	joined map[string]map[string]bool
}

func (w *world) open() {
	w.t.Helper()
	st, err := store.Open(w.path, store.Options{NoSync: true})
	if err != nil {
		w.t.Fatal(err)
	}
	s, err := New(Config{
		Store: st, Log: event.NewLog(st), Rules: new(promotionsRule), Text: locale.New(),
		Indexed: func() []string { return []string{"ciudad"} },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.store, w.s = st, s
}

var (
	someNames  = []string{"Ana", "José", "María", "Íñigo", "Łukasz", "Анна", "García", "Pérez", "Muñoz", "Иванова", "O'Brien", "Li", "王芳", "Ana-Luz"}
	someCities = []string{"", "Bilbao", "San Sebastián", "A Coruña", "Cádiz"}
	someTags   = []string{"VIP", "Mayorista", "Año nuevo", "vecino"}
)

func (w *world) pick(list []string) string { return list[w.random.IntN(len(list))] }

func (w *world) somebody() string {
	ids := slices.Sorted(maps.Keys(w.model))
	if len(ids) == 0 {
		return ""
	}
	return ids[w.random.IntN(len(ids))]
}

// step makes one random change, in the store and in the model.
func (w *world) step() {
	w.t.Helper()
	id := w.somebody()
	if id == "" || w.random.IntN(4) == 0 {
		c := &plgv1.Customer{
			Name: w.pick(someNames) + " " + w.pick(someNames), Phone: fmt.Sprint(600000000 + w.random.IntN(300)),
			Fields: map[string]string{"ciudad": w.pick(someCities)},
		}
		if w.random.IntN(2) == 0 {
			c.Email = fmt.Sprintf("persona%d@example.com", w.random.IntN(300))
		}
		if w.random.IntN(3) == 0 {
			c.Cards = []string{fmt.Sprint("29", w.random.IntN(300))}
		}
		if w.random.IntN(3) == 0 {
			c.Tags = []string{w.pick(someTags)}
		}
		if kept, err := w.s.Register(ctx, actor, c, ""); err == nil {
			w.model[kept.Id] = kept
		}
		return
	}
	was := w.model[id]
	switch w.random.IntN(7) {
	case 0, 1, 2:
		c := clone(was)
		c.Revision = 0
		mask := []string{"name", "phone", "email", "cards", "tags", "fields.ciudad"}[w.random.IntN(6)]
		switch mask {
		case "name":
			c.Name = w.pick(someNames) + " " + w.pick(someNames)
		case "phone":
			c.Phone = fmt.Sprint(600000000 + w.random.IntN(300))
		case "email":
			c.Email = []string{"", fmt.Sprintf("persona%d@example.com", w.random.IntN(300))}[w.random.IntN(2)]
		case "cards":
			c.Cards = []string{fmt.Sprint("29", w.random.IntN(300)), fmt.Sprint("28", w.random.IntN(300))}[:w.random.IntN(3)]
		case "tags":
			c.Tags = slices.Clone(someTags[:w.random.IntN(len(someTags))])
		default:
			c.Fields = map[string]string{"ciudad": w.pick(someCities)}
		}
		if kept, err := w.s.Update(ctx, actor, c, []string{mask}); err == nil {
			w.model[id] = kept
		}
	case 3, 4:
		err := w.store.Update(ctx, func(tx *store.Tx) error {
			return w.s.Note(tx, uint32(was.Number), actor, func(f *Facts) {
				f.Purchases++
				f.LastActivity = w.random.Int64N(1 << 31)
				f.Measures = map[string]float64{measurePoints: float64(w.random.IntN(100))}
				w.facts[id] = *f
			})
		})
		if err != nil {
			w.t.Fatal(err)
		}
	case 5:
		campaign := w.pick([]string{"Otoño", "Rebajas"})
		if err := w.store.Update(ctx, func(tx *store.Tx) error { return w.s.Convert(tx, actor, was, campaign) }); err != nil {
			w.t.Fatal(err)
		}
		if w.joined[campaign] == nil {
			w.joined[campaign] = map[string]bool{}
		}
		w.joined[campaign][id] = true
	default:
		if w.random.IntN(4) > 0 {
			return
		}
		if err := w.store.Update(ctx, func(tx *store.Tx) error { return w.s.Unregister(tx, actor, was) }); err != nil {
			w.t.Fatal(err)
		}
		delete(w.model, id)
		delete(w.facts, id)
		for _, members := range w.joined {
			delete(members, id)
		}
	}
}

// naive says by a look at everybody whether a customer is one that a request means.
func (w *world) naive(c *plgv1.Customer, req *mostradorv1.SearchRequest) bool {
	f := req.GetFilter()
	for _, tag := range f.GetTags() {
		if !slices.Contains(c.Tags, tag) {
			return false
		}
	}
	for _, tag := range f.GetWithoutTags() {
		if slices.Contains(c.Tags, tag) {
			return false
		}
	}
	for _, campaign := range f.GetCampaigns() {
		if !w.joined[campaign][c.Id] {
			return false
		}
	}
	if len(f.GetChannels()) > 0 && c.Email == "" {
		return false
	}
	typed := req.GetQuery()
	if typed == "" {
		return true
	}
	if strings.HasPrefix(c.Email, typed) || strings.HasPrefix(c.Phone, "+34"+typed) || typed == fmt.Sprint(c.Number) {
		return true
	}
	for _, card := range c.Cards {
		if strings.HasPrefix(card, typed) && len(typed) >= minSpan {
			return true
		}
	}
	if strings.Contains(typed, "@") {
		return false
	}
	mine := append(finder.Split(fold(c.Name)), finder.Split(fold(c.Fields["ciudad"]))...)
	asked := finder.Split(fold(typed))
	for _, word := range asked {
		if !slices.ContainsFunc(mine, func(m string) bool { return strings.HasPrefix(m, word) }) {
			return false
		}
	}
	return len(asked) > 0
}

func (w *world) compare() {
	w.t.Helper()
	if problems, err := w.s.Verify(ctx); err != nil || problems != nil {
		w.t.Fatal(err, problems)
	}
	for range 12 {
		req := &mostradorv1.SearchRequest{Limit: int32(1 + w.random.IntN(7)), Order: mostradorv1.Order(w.random.IntN(5)), Filter: new(mostradorv1.Filter)}
		switch w.random.IntN(5) {
		case 0:
		case 1:
			req.Query = fmt.Sprint(600000000 + w.random.IntN(300))[:3+w.random.IntN(6)]
		case 2:
			req.Query = fmt.Sprintf("persona%d@", w.random.IntN(300))
		case 3:
			typed := []rune(strings.ToLower(w.pick(someNames)))
			req.Query = string(typed[:1+w.random.IntN(len(typed))]) + " " + string([]rune(w.pick(someNames))[:1])
		default:
			req.Query = string([]rune(w.pick(append(someCities[1:], someNames...)))[:1])
		}
		if w.random.IntN(3) == 0 {
			req.Filter.Tags = []string{w.pick(someTags)}
		}
		if w.random.IntN(5) == 0 {
			req.Filter.WithoutTags = []string{w.pick(someTags)}
		}
		if w.random.IntN(5) == 0 {
			req.Filter.Campaigns = []string{"Otoño"}
		}
		if w.random.IntN(5) == 0 {
			req.Filter.Channels = []mostradorv1.Filter_Channel{mostradorv1.Filter_CHANNEL_EMAIL}
		}
		want := map[string]bool{}
		for id, c := range w.model {
			if w.naive(c, req) {
				want[id] = true
			}
		}
		got := map[string]bool{}
		for pages := 0; ; pages++ {
			res, err := w.s.Search(ctx, req)
			if err != nil || pages > 1000 {
				w.t.Fatalf("%v: %v", req, err)
			}
			if res.Total != uint64(len(want)) {
				w.t.Fatalf("%v: total %d, want %d", req, res.Total, len(want))
			}
			for i, c := range res.Customers {
				if got[c.Id] {
					w.t.Fatalf("%v: %s twice", req, c.Name)
				}
				got[c.Id] = true
				if f := w.facts[c.Id]; res.Facts[i].Purchases != f.Purchases || !maps.Equal(res.Facts[i].Measures, f.Measures) {
					w.t.Fatalf("facts of %s: %v, want %v", c.Name, res.Facts[i], f)
				}
				if !slices.Equal(slices.Sorted(slices.Values(c.Tags)), slices.Sorted(slices.Values(w.model[c.Id].Tags))) {
					w.t.Fatalf("tags of %s: %v, want %v", c.Name, c.Tags, w.model[c.Id].Tags)
				}
			}
			if req.Page = res.NextPage; req.Page == "" {
				break
			}
		}
		if !maps.Equal(got, want) {
			w.t.Fatalf("%v: found %d, want %d", req, len(got), len(want))
		}
	}
}

// TestWhatIsFoundIsWhatAFullScanFinds holds the finder, the index and the sets to a naive look at everybody, after
// any sequence of changes, and again after the store was opened anew.
func TestWhatIsFoundIsWhatAFullScanFinds(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := &world{
				t: t, path: filepath.Join(t.TempDir(), "store.db"), random: rand.New(rand.NewPCG(seed, 1)),
				model: map[string]*plgv1.Customer{}, facts: map[string]Facts{}, joined: map[string]map[string]bool{},
			}
			w.open()
			for step := range 600 {
				w.step()
				if step%40 == 39 {
					w.compare()
				}
				if step%150 == 149 {
					if err := w.store.Close(); err != nil {
						t.Fatal(err)
					}
					w.open()
					w.compare()
				}
			}
			if len(w.model) < 20 {
				t.Errorf("only %d customers at the end", len(w.model))
			}
			if err := w.store.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestNumbersAreNeverGivenAgain(t *testing.T) {
	s := newService(t, nil)
	first := register(t, s, "Ana", "600111222", "")
	if err := s.Store.Update(ctx, func(tx *store.Tx) error { return s.Unregister(tx, actor, first) }); err != nil {
		t.Fatal(err)
	}
	if second := register(t, s, "Ana", "600111222", ""); second.Number != first.Number+1 {
		t.Errorf("%d after %d", second.Number, first.Number)
	}
}

// TestAStoreThatKnewNoNumbersIsBroughtToThem opens a store as it was before customers had numbers.
func TestAStoreThatKnewNoNumbersIsBroughtToThem(t *testing.T) {
	st, err := store.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	const people = renumberStep + 7
	err = st.Update(ctx, func(tx *store.Tx) error {
		for i := range people {
			c := &plgv1.Customer{
				Id: fmt.Sprintf("01890000-0000-7000-8000-%012d", i), Name: fmt.Sprint("Ana ", i), Phone: fmt.Sprint("+34", 600000000+i),
				Tags: []string{"VIP"}, Revision: 3,
			}
			if err := store.PutProto(tx, bucketUnnumbered, []byte(c.Id), c); err != nil {
				return err
			}
			tx.Put(bucketIndex, phoneKey(c.Phone), []byte(c.Id))
			tx.Put(bucketIndex, []byte("nana "+fmt.Sprint(i)+"\x00"+c.Id), nil)
		}
		tx.Put(bucketIndex, registrationKey("once"), []byte("01890000-0000-7000-8000-000000000005"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Store: st, Log: event.NewLog(st), Text: locale.New()})
	if err != nil {
		t.Fatal(err)
	}
	if problems, err := s.Verify(ctx); err != nil || problems != nil {
		t.Fatal(err, problems)
	}
	c, err := s.Find(ctx, "+34600000006")
	if err != nil || c.Number != 7 || c.Name != "Ana 6" || c.Revision != 3 || !slices.Equal(c.Tags, []string{"VIP"}) {
		t.Fatal(c, err)
	}
	if n := s.Sets().Count(set.Tag(1)); n != people {
		t.Errorf("%d have the tag", n)
	}
	again, err := s.Register(ctx, actor, &plgv1.Customer{Name: "Ana", Phone: "600999999"}, "once")
	if err != nil || again.Number != 6 {
		t.Errorf("the key of a former registration leads to %v, %v", again, err)
	}
}

// TestTwoPeopleWhoEditOneCustomer are shown what each did to the other's field, and nothing else.
func TestTwoPeopleWhoEditOneCustomer(t *testing.T) {
	s := newService(t, nil)
	seen := register(t, s, "Ana", "600111222", "ana@example.com")
	luz := &plgv1.Actor{Operator: "luz", Till: "2", Channel: "gui"}
	edit := func(who *plgv1.Actor, change func(*plgv1.Customer), mask ...string) (*plgv1.Customer, error) {
		c := clone(seen)
		change(c)
		return s.Edit(ctx, who, c, seen, mask)
	}
	if _, err := edit(luz, func(c *plgv1.Customer) { c.Phone = "600111333" }, "phone"); err != nil {
		t.Fatal(err)
	}
	both, err := edit(actor, func(c *plgv1.Customer) { c.Name = "Ana Pérez" }, "name")
	if err != nil || both.Phone != "+34600111333" || both.Name != "Ana Pérez" {
		t.Fatal(both, err)
	}
	_, err = edit(actor, func(c *plgv1.Customer) { c.Phone = "600111444"; c.Email = "" }, "phone", "email")
	if got := codes(t, err); !slices.Equal(got, []string{"phone:edit_conflict"}) {
		t.Fatal(got)
	}
	conflict := err.(*Refused).Refusal.Conflicts[0]
	if conflict.Seen != "+34600111222" || conflict.Yours != "+34600111444" || conflict.Theirs != "+34600111333" || conflict.Actor.GetOperator() != "luz" || conflict.Time == nil {
		t.Error(conflict)
	}
	if c, err := s.Find(ctx, "600111333"); err != nil || c.Email != "ana@example.com" {
		t.Errorf("something of what was refused was kept: %v, %v", c, err)
	}
	if same, err := edit(actor, func(c *plgv1.Customer) { c.Phone = "600 111 333" }, "phone"); err != nil || same.Revision != both.Revision {
		t.Errorf("both want the same: %v, %v", same, err)
	}
}

func FuzzFactsAreReadOrRefused(f *testing.F) {
	f.Add((&Facts{Purchases: 3, Spent: -5, Measures: map[string]float64{"puntos": 2}}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		facts, err := decodeFacts(b)
		if err != nil {
			return
		}
		if again, err := decodeFacts(facts.encode()); err != nil || again.Purchases != facts.Purchases || len(again.Measures) != len(facts.Measures) {
			t.Error(again, err)
		}
	})
}
