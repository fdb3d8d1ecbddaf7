package record

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// ana and anna are two records of one person.
func (s *shop) pair() (ana, anna *plgv1.Customer) {
	ana = s.register(&plgv1.Customer{
		Name: "Ana Ruiz López", Phone: "600111222", Email: "ana.ruiz@example.com", Cards: []string{"111"}, Tags: []string{"VIP", "Club"},
		Fields: map[string]string{"nacimiento": "1990-05-17", "aficiones": "cine\nviajes"}, AplicaPromociones: true,
	})
	anna = s.register(&plgv1.Customer{
		Name: "Ana Ruiz", Phone: "600111223", Email: "anaruiz@example.org", Cards: []string{"222", "333"}, Tags: []string{"Club", "Norte"},
		Fields: map[string]string{"nacimiento": "1990-05-17", "ciudad": "Lugo", "aficiones": "viajes\nmúsica"}, Language: "en",
	})
	return ana, anna
}

func TestTwoRecordsBecomeOne(t *testing.T) {
	s := newShop(t)
	ana, anna := s.pair()
	s.accept(ana.Id)
	s.accept(anna.Id)
	if _, err := s.Consent.Withdraw(context.Background(), luis, anna.Id); err != nil {
		t.Fatal(err)
	}
	s.sell("A-1", ana.Id, 1000)
	s.sell("B-1", anna.Id, 500)
	s.mail(anna.Id)
	s.work()
	s.update(func(tx *store.Tx) error {
		return s.Customers.Convert(tx, luis, s.mustGet(tx, anna.Id), "Otoño")
	})

	preview, err := s.Merge(context.Background(), luis, &mostradorv1.MergeRequest{Keep: ana.Id, Gone: anna.Id, Take: []string{"phone"}, Preview: true})
	if err != nil {
		t.Fatal(err)
	}
	before := s.everything()
	if _, err := s.Merge(context.Background(), luis, &mostradorv1.MergeRequest{Keep: ana.Id, Gone: anna.Id, Preview: true}); err != nil {
		t.Fatal(err)
	}
	same(t, "a preview", before, s.everything(), nil)

	answer := s.merge(ana, anna, "phone")
	if a, b := fmt.Sprint(answer.Fields), fmt.Sprint(preview.Fields); a != b {
		t.Errorf("the preview said\n%s\nit came to\n%s", b, a)
	}
	s.work()
	got := s.get(ana.Id)
	want := &plgv1.Customer{
		Id: ana.Id, Number: ana.Number, Name: "Ana Ruiz López", Phone: "+34600111223", Email: "ana.ruiz@example.com", Language: "en",
		Cards: []string{"111", "222", "333"}, Tags: []string{"VIP", "Club", "Norte"},
		Fields:  map[string]string{"nacimiento": "1990-05-17", "ciudad": "Lugo", "aficiones": "cine\nviajes\nmúsica"},
		Consent: &plgv1.Consent{Programme: given, Promotions: plgv1.ConsentState_CONSENT_STATE_WITHDRAWN},
	}
	got.Created, got.Updated, got.Revision = nil, nil, 0
	if !proto.Equal(got, want) {
		t.Errorf("he is\n%v\nwant\n%v", got, want)
	}
	for _, key := range []string{anna.Id, "222", "600111223", fmt.Sprint(anna.Number)} {
		found, err := s.Customers.Find(context.Background(), key)
		if err != nil || found.Id != ana.Id {
			t.Errorf("%s leads to %v (%v)", key, found.GetId(), err)
		}
	}
	s.view(func(tx *store.Tx) error {
		f, err := s.Customers.Facts(tx, uint32(ana.Number))
		if err != nil || f.Purchases != 2 || f.Spent != 1500 || f.Measures["puntos"] != 20 {
			t.Errorf("counted: %+v, %v", f, err)
		}
		if state, _ := event.GetState(tx, "PLG0002", ana.Id); string(state) != "2" {
			t.Errorf("the plug-in's record is %q", state)
		}
		if id, ok := s.Customers.CampaignID(tx, "Otoño"); !ok {
			t.Error("the campaign is gone")
		} else if in, err := s.Customers.Sets().Has(tx, id, uint32(ana.Number)); !in || err != nil {
			t.Errorf("he converted: %v, %v", in, err)
		}
		words, err := s.Consent.Words(tx, ana.Id, "es")
		if err != nil || len(words) != 2 || !strings.Contains(words[1], "baja") {
			t.Errorf("consent in words: %q, %v", words, err)
		}
		rows, err := s.Messages.Rows(tx, ana.Id, "", 10)
		if err != nil || len(rows) != 1 {
			t.Errorf("%d messages, %v", len(rows), err)
		}
		return nil
	})
	if sales, err := s.Sales.List(ana.Id, 10); err != nil || len(sales) != 2 {
		t.Errorf("%d sales, %v", len(sales), err)
	}
	history, err := s.History(context.Background(), &mostradorv1.HistoryRequest{CustomerId: ana.Id, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]int{}
	for _, e := range history.Entries {
		told[e.Kind]++
	}
	if told[kindSale] != 2 || told[kindMerge] != 1 || told[kindMessage] != 1 || told[kindConsent] != 4 || told[kindCampaign] != 1 {
		t.Errorf("the history has %v", told)
	}
	// What the one who went still does, he does as the one who stays.
	s.sell("B-2", anna.Id, 200)
	s.work()
	if sale, err := s.Sales.Get("B-2"); err != nil || sale.CustomerId != ana.Id {
		t.Errorf("the sale is %v (%v)", sale, err)
	}
}

func (s *shop) mustGet(tx *store.Tx, id string) *plgv1.Customer {
	c, err := s.Customers.Get(tx, id)
	if err != nil {
		s.t.Error(err)
	}
	return c
}

func TestAMergeThatIsImpossibleIsRefusedInWords(t *testing.T) {
	s := newShop(t)
	ana, anna := s.pair()
	for name, test := range map[string]struct {
		req  *mostradorv1.MergeRequest
		want string
	}{
		"with oneself":             {&mostradorv1.MergeRequest{Keep: ana.Id, Gone: ana.Id}, "la misma ficha"},
		"a value of neither":       {&mostradorv1.MergeRequest{Keep: ana.Id, Gone: anna.Id, Take: []string{"fields.nada"}}, "ninguna de las dos"},
		"a value without choice":   {&mostradorv1.MergeRequest{Keep: ana.Id, Gone: anna.Id, Take: []string{"cards"}}, "no se puede elegir"},
		"nobody":                   {&mostradorv1.MergeRequest{Keep: ana.Id, Gone: "0195a000-0000-7000-8000-000000000001"}, customer.ErrNotFound.Error()},
		"somebody who has changed": {&mostradorv1.MergeRequest{Keep: ana.Id, Gone: anna.Id, GoneRevision: 9}, customer.ErrConflict.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			before := s.everything()
			if _, err := s.Merge(context.Background(), luis, test.req); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("it says %v", err)
			}
			same(t, "a refusal", before, s.everything(), nil)
		})
	}
}

// same compares two states of a store, but for buckets that are of no interest.
func same(t testing.TB, what string, before, after map[string][]byte, but []string) {
	t.Helper()
	uninteresting := func(key string) bool {
		bucket, _, _ := strings.Cut(key, "/")
		return slices.Contains(but, bucket)
	}
	shown := 0
	for key, is := range after {
		if was, had := before[key]; !uninteresting(key) && (!had || !bytes.Equal(was, is)) && shown < 10 {
			shown++
			t.Errorf("%s: %q was %q, is %q", what, key, was, is)
		}
	}
	for key, was := range before {
		if _, has := after[key]; !uninteresting(key) && !has && shown < 10 {
			shown++
			t.Errorf("%s: %q was %q, is gone", what, key, was)
		}
	}
}

// logs are the buckets that only grow: what happened, and proofs of it.
var logs = []string{
	"event", "event_customer", "event_cursor", "consent_ledger", "consent_customer", "consent_meta", "record_merge", "record_merged",
	"record_dismissed", "customer_next",
}

// settled takes out of a state what says when a record was changed last.
func settled(t testing.TB, all map[string][]byte) map[string][]byte {
	t.Helper()
	for key, value := range all {
		if strings.HasPrefix(key, "customer_record/") {
			c := new(plgv1.Customer)
			if err := proto.Unmarshal(value, c); err != nil {
				t.Fatal(err)
			}
			c.Revision, c.Updated = 0, nil
			value, err := proto.MarshalOptions{Deterministic: true}.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			all[key] = value
		}
	}
	return all
}

// Whatever two customers are, what a merge did is gone when it was taken back.
func TestAMergeThatWasTakenBackLeavesNothing(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newShop(t)
			r := rand.New(rand.NewPCG(seed, 7))
			var everybody []*plgv1.Customer
			for i := range 4 {
				everybody = append(everybody, s.register(s.random(r, i)))
			}
			for i := range 12 {
				c := everybody[r.IntN(len(everybody))]
				switch r.IntN(6) {
				case 0:
					s.accept(c.Id)
				case 1:
					if _, err := s.Consent.Withdraw(context.Background(), luis, c.Id); err != nil {
						t.Fatal(err)
					}
				case 2:
					s.sell(fmt.Sprintf("T-%d", i), c.Id, 1+r.Int64N(10_000))
				case 3:
					s.mail(c.Id)
				case 4:
					s.update(func(tx *store.Tx) error {
						return s.Customers.Convert(tx, luis, s.mustGet(tx, c.Id), []string{"Otoño", "Verano"}[r.IntN(2)])
					})
				case 5:
					s.set(&plgv1.Customer{Id: c.Id, Tags: random(r, "VIP", "Club", "Norte")}, "tags")
				}
			}
			s.work()
			before := settled(t, s.everything())
			keep, gone := everybody[0], everybody[1+r.IntN(3)]
			var take []string
			preview, err := s.Merge(context.Background(), luis, &mostradorv1.MergeRequest{Keep: keep.Id, Gone: gone.Id, Preview: true})
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range preview.Fields {
				if f.Choice && r.IntN(2) == 0 {
					take = append(take, f.Path)
				}
			}
			answer := s.merge(keep, gone, take...)
			s.work()
			var second *mostradorv1.MergeResponse
			if other := everybody[1+r.IntN(3)]; other != gone && r.IntN(2) == 0 { // one more, taken back first
				second = s.merge(keep, other)
				s.work()
				s.unmerge(second.Merge)
				s.work()
			}
			if notes := s.unmerge(answer.Merge).Notes; len(notes) > 0 {
				t.Errorf("taking it back says %q", notes)
			}
			s.work()
			same(t, "taking back", before, settled(t, s.everything()), logs)
			if v, err := s.Consent.Verify(context.Background()); err != nil || !v.Ok {
				t.Errorf("the ledger: %v, %v", v, err)
			}
		})
	}
}

// random is some of these.
func random(r *rand.Rand, all ...string) (some []string) {
	for _, one := range all {
		if r.IntN(2) == 0 {
			some = append(some, one)
		}
	}
	return some
}

// random is a customer who may lack anything but a name.
func (s *shop) random(r *rand.Rand, i int) *plgv1.Customer {
	c := &plgv1.Customer{
		Name: []string{"Ana Ruiz", "Ana Ruiz López", "Íñigo Sanz", "Eva"}[r.IntN(4)],
		Tags: random(r, "VIP", "Club", "Norte"), Cards: random(r, fmt.Sprintf("1%d", i), fmt.Sprintf("2%d", i)),
		AplicaPromociones: r.IntN(2) == 0, Fields: map[string]string{},
	}
	if r.IntN(3) > 0 {
		c.Phone = fmt.Sprintf("60011122%d", i)
	}
	if c.Phone == "" || r.IntN(3) > 0 {
		c.Email = fmt.Sprintf("cliente%d@example.com", i)
	}
	if r.IntN(2) == 0 {
		c.Language = []string{"es", "en"}[r.IntN(2)]
	}
	for _, id := range random(r, "nacimiento", "ciudad") {
		c.Fields[id] = map[string]string{"nacimiento": fmt.Sprintf("1990-05-1%d", r.IntN(3)), "ciudad": []string{"Lugo", "Vigo"}[r.IntN(2)]}[id]
	}
	if hobbies := random(r, "cine", "viajes", "música"); len(hobbies) > 0 {
		c.Fields["aficiones"] = strings.Join(hobbies, "\n")
	}
	return c
}

func TestWhatWasDoneSinceStaysWhenAMergeIsTakenBack(t *testing.T) {
	s := newShop(t)
	ana, anna := s.pair()
	s.sell("A-1", ana.Id, 1000)
	s.sell("B-1", anna.Id, 500)
	s.work()
	answer := s.merge(ana, anna, "phone", "name")
	s.work()
	s.set(&plgv1.Customer{Id: ana.Id, Name: "Ana R. López"}, "name")
	s.set(&plgv1.Customer{Id: ana.Id, Tags: append(s.get(ana.Id).Tags, "Nueva")}, "tags")
	s.sell("A-2", ana.Id, 300)
	if _, _, err := s.Sales.Refund(context.Background(), luis, "B-1", 200, "D-1"); err != nil {
		t.Fatal(err)
	}
	s.work()
	// Meanwhile somebody else got the card and the address that nobody used.
	bea := s.register(&plgv1.Customer{Name: "Bea", Email: "anaruiz@example.org"})
	s.set(&plgv1.Customer{Id: ana.Id, Cards: []string{"111"}}, "cards")
	s.set(&plgv1.Customer{Id: bea.Id, Cards: []string{"222"}}, "cards")

	if _, err := s.Consent.Withdraw(context.Background(), luis, anna.Id); err != nil {
		t.Fatal(err)
	}
	back := s.unmerge(answer.Merge)
	s.work()
	if back.Keep.Name != "Ana R. López" || back.Keep.Phone != "+34600111222" || !slices.Contains(back.Keep.Tags, "Nueva") || slices.Contains(back.Keep.Tags, "Norte") {
		t.Errorf("who stayed is %v", back.Keep)
	}
	if back.Gone.Phone != "+34600111223" || back.Gone.Email != "" || fmt.Sprint(back.Gone.Cards) != "[333]" {
		t.Errorf("who went is %v", back.Gone)
	}
	if len(back.Notes) != 3 || !strings.Contains(strings.Join(back.Notes, " "), "anaruiz@example.org") || !strings.Contains(strings.Join(back.Notes, " "), "222") {
		t.Errorf("it says %q", back.Notes)
	}
	for _, c := range []*plgv1.Customer{s.get(ana.Id), s.get(anna.Id)} { // nobody knows whose withdrawal it was
		if c.Consent.Promotions != plgv1.ConsentState_CONSENT_STATE_WITHDRAWN {
			t.Errorf("consent of %s is %v", c.Name, c.Consent)
		}
	}
	s.view(func(tx *store.Tx) error {
		for id, want := range map[string]customer.Facts{ana.Id: {Purchases: 2, Spent: 1300}, anna.Id: {Purchases: 1, Spent: 300}} {
			f, err := s.Customers.Facts(tx, uint32(s.mustGet(tx, id).Number))
			if err != nil || f.Purchases != want.Purchases || f.Spent != want.Spent {
				t.Errorf("counted of %s: %+v, %v", id, f, err)
			}
		}
		return nil
	})
	if _, err := s.Unmerge(context.Background(), luis, answer.Merge); err == nil || !strings.Contains(err.Error(), "ya se deshizo") {
		t.Errorf("once more: %v", err)
	}
}

func TestMergesAreTakenBackFromTheLastOne(t *testing.T) {
	s := newShop(t)
	a, b, c := s.register(&plgv1.Customer{Name: "A", Phone: "600111221"}), s.register(&plgv1.Customer{Name: "B", Phone: "600111222"}), s.register(&plgv1.Customer{Name: "C", Phone: "600111223"})
	first := s.merge(b, a)
	second := s.merge(c, b)
	if got := s.get(a.Id); got.Id != c.Id {
		t.Fatalf("A leads to %v", got)
	}
	var refused *customer.Refused
	if _, err := s.Unmerge(context.Background(), luis, first.Merge); !errors.As(err, &refused) {
		t.Errorf("the first one: %v", err)
	}
	s.unmerge(second.Merge)
	s.unmerge(first.Merge)
	for _, one := range []*plgv1.Customer{a, b, c} {
		if got := s.get(one.Id); got.Id != one.Id || got.Name != one.Name {
			t.Errorf("%s is %v", one.Name, got)
		}
	}
}
