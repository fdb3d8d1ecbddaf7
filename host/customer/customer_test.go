package customer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

var (
	ctx   = context.Background()
	actor = &plgv1.Actor{Operator: "luis", Till: "1", Channel: "gui"}
)

// promotionsRule is the rule of seed 000: with it, acceptance alone sets "Aplica para Promociones".
type promotionsRule struct{ off bool }

func (r *promotionsRule) Locked(field string, _ *plgv1.Customer, lang string) (string, bool) {
	return "Se activa sola (" + lang + ").", field == fieldAplica && !r.off
}

func (r *promotionsRule) Apply(c *plgv1.Customer) error {
	if !r.off {
		c.AplicaPromociones = c.Consent.GetPromotions() == plgv1.ConsentState_CONSENT_STATE_GIVEN
	}
	return nil
}

func newService(t testing.TB, rules Rules) *Service {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	s, err := New(Config{Store: st, Log: event.NewLog(st), Rules: rules, Text: locale.New()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// search is a page of a search in the order of names.
func search(t testing.TB, s *Service, query string, limit int32, page string) ([]*plgv1.Customer, string) {
	t.Helper()
	res, err := s.Search(ctx, &mostradorv1.SearchRequest{Query: query, Limit: limit, Page: page})
	if err != nil {
		t.Fatalf("search %q: %v", query, err)
	}
	return res.Customers, res.NextPage
}

func register(t testing.TB, s *Service, name, phone, email string) *plgv1.Customer {
	t.Helper()
	c, err := s.Register(ctx, actor, &plgv1.Customer{Name: name, Phone: phone, Email: email}, "")
	if err != nil {
		t.Fatalf("register %s: %v", name, err)
	}
	return c
}

func events(t testing.TB, s *Service) []*plgv1.Event {
	t.Helper()
	var list []*plgv1.Event
	err := s.Store.View(func(tx *store.Tx) (err error) {
		list, err = s.Log.Read(tx, 0, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// codes are the diagnostics of a refusal as path:code.
func codes(t testing.TB, err error) []string {
	t.Helper()
	var refused *Refused
	if !errors.As(err, &refused) {
		t.Fatalf("not refused: %v", err)
	}
	var list []string
	for _, d := range refused.Refusal.Diagnostics {
		if d.Summary == "" || d.Summary == "customer."+d.Code {
			t.Errorf("%s has no sentence", d.Code)
		}
		list = append(list, d.Path+":"+d.Code)
	}
	return list
}

func TestARegisteredCustomerIsKeptNormalisedAndTold(t *testing.T) {
	s := newService(t, nil)
	c, err := s.Register(ctx, actor, &plgv1.Customer{
		Id: "mine", Revision: 9, Name: " Ana  Pérez ", Phone: "600 111 222", Email: "Ana@Muñoz.ES", Language: "ES",
		Cards: []string{"841-23 45", "8412345"}, Tags: []string{"vip", "vip"}, Fields: map[string]string{"talla": " M "},
		Consent: &plgv1.Consent{Promotions: plgv1.ConsentState_CONSENT_STATE_GIVEN},
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	want := &plgv1.Customer{
		Id: c.Id, Number: 1, Revision: 1, Name: "Ana Pérez", Phone: "+34600111222", Email: "Ana@xn--muoz-hqa.es", Language: "es",
		Cards: []string{"8412345"}, Tags: []string{"vip"}, Fields: map[string]string{"talla": "M"},
		Created: c.Created, Updated: c.Created,
		Consent: &plgv1.Consent{
			Programme:  plgv1.ConsentState_CONSENT_STATE_PENDING,
			Promotions: plgv1.ConsentState_CONSENT_STATE_PENDING,
		},
	}
	if !proto.Equal(c, want) || len(c.Id) != 36 {
		t.Errorf("kept %v", c)
	}
	for _, key := range []string{c.Id, "600111222", "+34 600 111 222", "ana@muñoz.es", "841 2345"} {
		if found, err := s.Find(ctx, key); err != nil || !proto.Equal(found, want) {
			t.Errorf("find %q: %v, %v", key, found, err)
		}
	}
	list := events(t, s)
	if len(list) != 1 || list[0].Type != "customer.registered" || !proto.Equal(list[0].Customer, want) ||
		!proto.Equal(list[0].Actor, actor) || list[0].GetCustomerRegistered() == nil {
		t.Errorf("events %v", list)
	}
}

func TestWhatRegisterRefuses(t *testing.T) {
	s := newService(t, new(promotionsRule))
	taken, err := s.Register(ctx, actor, &plgv1.Customer{
		Name: "Ana Pérez", Phone: "600111222", Email: "ana@example.com", Cards: []string{"777"}}, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		c    *plgv1.Customer
		want []string
	}{
		"nothing":          {&plgv1.Customer{}, []string{"name:name_empty", "phone:contact_empty"}},
		"no way to reach":  {&plgv1.Customer{Name: "Luz"}, []string{"phone:contact_empty"}},
		"a bad phone":      {&plgv1.Customer{Name: "Luz", Phone: "12"}, []string{"phone:phone_short"}},
		"a bad e-mail":     {&plgv1.Customer{Name: "Luz", Email: "luz"}, []string{"email:email_invalid"}},
		"same phone":       {&plgv1.Customer{Name: "Luz", Phone: "+34 600 111 222"}, []string{"phone:duplicate_phone"}},
		"same e-mail":      {&plgv1.Customer{Name: "Luz", Email: "ANA@example.com"}, []string{"email:duplicate_email"}},
		"same card":        {&plgv1.Customer{Name: "Luz", Phone: "600111333", Cards: []string{"7-77"}}, []string{"cards:duplicate_card"}},
		"promotions":       {&plgv1.Customer{Name: "Luz", Phone: "600111333", AplicaPromociones: true}, []string{"aplica_promociones:locked"}},
		"a strange field":  {&plgv1.Customer{Name: "Luz", Phone: "600111333", Fields: map[string]string{"a b": "x"}}, []string{"fields.a b:field_unknown"}},
		"a hidden value":   {&plgv1.Customer{Name: "Luz", Phone: "600111333", Fields: map[string]string{"a": "\x1b[2J"}}, []string{"fields.a:value_invalid"}},
		"a strange tongue": {&plgv1.Customer{Name: "Luz", Phone: "600111333", Language: "español"}, []string{"language:language_invalid"}},
		"an empty card":    {&plgv1.Customer{Name: "Luz", Phone: "600111333", Cards: []string{"--"}}, []string{"cards:card_invalid"}},
	} {
		_, err := s.Register(ctx, actor, test.c, "")
		if got := codes(t, err); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		var refused *Refused
		if errors.As(err, &refused); refused.Duplicate() != strings.HasPrefix(name, "same") {
			t.Errorf("%s: duplicates %v", name, refused.Refusal.Duplicates)
		} else if refused.Duplicate() && !proto.Equal(refused.Refusal.Duplicates[0], taken) {
			t.Errorf("%s offers %v", name, refused.Refusal.Duplicates)
		}
	}
	if n := len(events(t, s)); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestBothDuplicatesOfferOneCustomerOnce(t *testing.T) {
	s := newService(t, nil)
	register(t, s, "Ana", "600111222", "ana@example.com")
	_, err := s.Register(ctx, actor, &plgv1.Customer{Name: "Ana", Phone: "600111222", Email: "ana@example.com"}, "")
	var refused *Refused
	if !errors.As(err, &refused) || len(refused.Refusal.Diagnostics) != 2 || len(refused.Refusal.Duplicates) != 1 {
		t.Errorf("%v", err)
	}
}

func TestARuleSpeaksTheReadersLanguage(t *testing.T) {
	s := newService(t, new(promotionsRule))
	_, err := s.Register(locale.NewContext(ctx, "en"), actor, &plgv1.Customer{AplicaPromociones: true}, "")
	for _, want := range []string{"Enter the customer's name.", "Se activa sola (en)."} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

func TestARepeatedRegistrationReturnsTheFirst(t *testing.T) {
	s := newService(t, nil)
	wish := &plgv1.Customer{Name: "Ana", Phone: "600111222"}
	first, err := s.Register(ctx, actor, wish, "till-1/42")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.Register(ctx, actor, wish, "till-1/42"); err != nil || !proto.Equal(again, first) {
		t.Errorf("%v, %v", again, err)
	}
	if n := len(events(t, s)); n != 1 {
		t.Errorf("%d events", n)
	}
	if _, err := s.Register(ctx, actor, wish, strings.Repeat("k", 201)); err == nil {
		t.Error("an endless key was taken")
	}
}

func TestOfRegistrationsAtOnceWithOnePhoneOneIsKept(t *testing.T) {
	s := newService(t, nil)
	var wait sync.WaitGroup
	var mu sync.Mutex
	kept := 0
	for i := range 20 {
		wait.Go(func() {
			_, err := s.Register(ctx, actor, &plgv1.Customer{Name: fmt.Sprint("Ana ", i), Phone: "600111222"}, "")
			var refused *Refused
			switch mu.Lock(); {
			case err == nil:
				kept++
			case !errors.As(err, &refused):
				t.Error(err)
			}
			mu.Unlock()
		})
	}
	wait.Wait()
	if kept != 1 || len(events(t, s)) != 1 {
		t.Errorf("%d kept, %d events", kept, len(events(t, s)))
	}
}

func TestUpdateChangesTheMaskAndTellsEachField(t *testing.T) {
	s := newService(t, nil)
	c := register(t, s, "Ana", "600111222", "ana@example.com")
	after, err := s.Update(ctx, actor, &plgv1.Customer{
		Id: c.Id, Revision: 1, Name: "Ana María", Phone: "600 111 333", Email: "ignored",
		AplicaPromociones: true, Fields: map[string]string{"talla": "L"},
	}, []string{"name", "phone", "aplica_promociones", "fields.talla"})
	if err != nil {
		t.Fatal(err)
	}
	if after.Revision != 2 || after.Name != "Ana María" || after.Email != "ana@example.com" || !after.AplicaPromociones {
		t.Errorf("%v", after)
	}
	last := events(t, s)[1]
	var got []string
	for _, ch := range last.GetCustomerChanged().GetChanges() {
		got = append(got, ch.Field+": "+ch.From+" → "+ch.To)
	}
	want := []string{"name: Ana → Ana María", "phone: +34600111222 → +34600111333",
		"aplica_promociones: false → true", "fields.talla:  → L"}
	if !slices.Equal(got, want) || last.Type != "customer.changed" || !proto.Equal(last.Customer, after) {
		t.Errorf("%v in %v", got, last)
	}
	if _, err := s.Find(ctx, "600111222"); !errors.Is(err, ErrNotFound) {
		t.Errorf("the old phone still finds: %v", err)
	}
	if found, err := s.Find(ctx, "600111333"); err != nil || found.Id != c.Id {
		t.Errorf("the new phone does not find: %v", err)
	}
	if same, err := s.Update(ctx, actor, after, []string{"name"}); err != nil || same.Revision != 2 || len(events(t, s)) != 2 {
		t.Errorf("an update without a change changed: %v, %v", same, err)
	}
}

func TestWhatUpdateRefuses(t *testing.T) {
	s := newService(t, new(promotionsRule))
	c := register(t, s, "Ana", "600111222", "")
	register(t, s, "Luz", "600111333", "luz@example.com")
	for name, test := range map[string]struct {
		c    *plgv1.Customer
		mask []string
		want string
	}{
		"no name":          {&plgv1.Customer{}, []string{"name"}, "name:name_empty"},
		"the last contact": {&plgv1.Customer{}, []string{"phone"}, "phone:contact_empty"},
		"another's phone":  {&plgv1.Customer{Phone: "600111333"}, []string{"phone"}, "phone:duplicate_phone"},
		"promotions on":    {&plgv1.Customer{AplicaPromociones: true}, []string{"aplica_promociones"}, "aplica_promociones:locked"},
		"promotions off":   {&plgv1.Customer{}, []string{"aplica_promociones"}, "aplica_promociones:locked"},
		"consent":          {&plgv1.Customer{}, []string{"consent"}, "consent:field_read_only"},
		"revision":         {&plgv1.Customer{}, []string{"revision"}, "revision:field_read_only"},
		"no such field":    {&plgv1.Customer{}, []string{"color"}, "color:field_unknown"},
	} {
		test.c.Id = c.Id
		_, err := s.Update(ctx, actor, test.c, test.mask)
		if got := codes(t, err); !slices.Equal(got, []string{test.want}) {
			t.Errorf("%s: %v, want %s", name, got, test.want)
		}
	}
	if _, err := s.Update(ctx, actor, &plgv1.Customer{Id: c.Id, Revision: 7, Name: "X"}, []string{"name"}); !errors.Is(err, ErrConflict) {
		t.Errorf("an old revision: %v", err)
	}
	if _, err := s.Update(ctx, actor, &plgv1.Customer{Id: "nobody", Name: "X"}, []string{"name"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	if n := len(events(t, s)); n != 2 {
		t.Errorf("%d events", n)
	}
}

func TestAPluginSetsFieldsByText(t *testing.T) {
	rule := &promotionsRule{off: true}
	s := newService(t, rule)
	c := register(t, s, "Ana", "600111222", "")
	set := func(field, value string) (*plgv1.Customer, error) {
		var after *plgv1.Customer
		err := s.Store.Update(ctx, func(tx *store.Tx) (err error) {
			after, err = s.Set(ctx, tx, actor, c.Id, field, value)
			return err
		})
		return after, err
	}
	for field, value := range map[string]string{"aplica_promociones": "true", "tags": "vip, nuevo", "fields.talla": "M", "email": "ana@example.com"} {
		if _, err := set(field, value); err != nil {
			t.Errorf("%s: %v", field, err)
		}
	}
	after, err := s.Find(ctx, c.Id)
	if err != nil || !after.AplicaPromociones || len(after.Tags) != 2 || after.Fields["talla"] != "M" || after.Email != "ana@example.com" {
		t.Errorf("%v, %v", after, err)
	}
	rule.off = false
	if _, err := set("aplica_promociones", "true"); codes(t, err)[0] != "aplica_promociones:locked" {
		t.Errorf("a governed field was set: %v", err)
	}
	if _, err := set("aplica_promociones", "quizá"); codes(t, err)[0] != "aplica_promociones:value_invalid" {
		t.Errorf("%v", err)
	}
}

func TestEveryChangeBringsTheRulesAlong(t *testing.T) {
	rule := &promotionsRule{off: true}
	s := newService(t, rule)
	c := register(t, s, "Ana", "600111222", "")
	if _, err := s.Update(ctx, actor, &plgv1.Customer{Id: c.Id, AplicaPromociones: true}, []string{"aplica_promociones"}); err != nil {
		t.Fatal(err)
	}
	rule.off = false // the plugins become active; the host walks
	walk, err := s.Walk(0, 10)
	if err != nil || len(walk) != 1 {
		t.Fatalf("%v, %v", walk, err)
	}
	sync := func(change func(*plgv1.Customer)) *plgv1.Customer {
		var after *plgv1.Customer
		if err := s.Store.Update(ctx, func(tx *store.Tx) (err error) {
			after, err = s.UpdateTx(tx, actor, c.Id, change)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return after
	}
	if after := sync(func(*plgv1.Customer) {}); after.AplicaPromociones {
		t.Error("the box stayed on without consent")
	}
	after := sync(func(c *plgv1.Customer) { c.Consent.Promotions = plgv1.ConsentState_CONSENT_STATE_GIVEN })
	if !after.AplicaPromociones {
		t.Error("the box did not follow consent")
	}
	changed := events(t, s)[3].GetCustomerChanged().GetChanges()
	if len(changed) != 1 || changed[0].Field != fieldAplica || changed[0].To != "true" {
		t.Errorf("%v", changed)
	}
}

func TestCheckSaysWhatWouldBeRefused(t *testing.T) {
	s := newService(t, new(promotionsRule))
	ana := register(t, s, "Ana", "600111222", "ana@example.com")
	kept, refusal, err := s.Check(ctx, &plgv1.Customer{Name: "luz ", Phone: "600 111 333", Email: "luz@gmial.com"})
	if err != nil || kept.Phone != "+34600111333" || kept.Name != "luz" {
		t.Fatalf("%v, %v", kept, err)
	}
	if d := refusal.Diagnostics; len(d) != 1 || d[0].Code != "email_typo" || d[0].Severity != plgv1.Severity_SEVERITY_WARNING ||
		!strings.Contains(d[0].Summary, "luz@gmail.com") {
		t.Errorf("%v", refusal)
	}
	if _, err := s.Register(ctx, actor, kept, ""); err != nil {
		t.Errorf("a warning refused: %v", err)
	}
	if _, refusal, err = s.Check(ctx, &plgv1.Customer{Name: "Ana", Phone: "600111222"}); err != nil || len(refusal.Duplicates) != 1 {
		t.Errorf("%v, %v", refusal, err)
	}
	if _, refusal, err = s.Check(ctx, ana); err != nil || len(refusal.Diagnostics) != 0 {
		t.Errorf("a customer refuses himself: %v, %v", refusal, err)
	}
	ana.AplicaPromociones = true
	if _, refusal, err = s.Check(ctx, ana); err != nil || len(refusal.Diagnostics) != 1 || refusal.Diagnostics[0].Code != "locked" {
		t.Errorf("%v, %v", refusal, err)
	}
	if n := len(events(t, s)); n != 2 {
		t.Errorf("%d events", n)
	}
}

func TestSearch(t *testing.T) {
	s := newService(t, nil)
	for _, c := range []*plgv1.Customer{
		{Name: "Ana Pérez", Phone: "600111222", Email: "ana.perez@example.com", Cards: []string{"8412345"}},
		{Name: "Ana Anaya Ana", Phone: "600111333", Email: "anaya@muñoz.es"},
		{Name: "María José Peña", Phone: "+57 300 1234567", Email: "mj@example.com"},
		{Name: "Pedro", Email: "600@example.com"},
	} {
		if _, err := s.Register(ctx, actor, c, ""); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string]string{
		"ana":                    "Ana Anaya Ana, Ana Pérez",
		"ANÁ":                    "Ana Anaya Ana, Ana Pérez",
		"per an":                 "Ana Pérez",
		"pena mar":               "María José Peña",
		"mar pena jos":           "María José Peña",
		"pe":                     "Ana Pérez, María José Peña, Pedro",
		"jose":                   "María José Peña",
		"ana jose":               "",
		"600 111":                "Ana Anaya Ana, Ana Pérez",
		"+34 600 111 222":        "Ana Pérez",
		"0034600111333":          "Ana Anaya Ana",
		"+57":                    "", // a country alone is nobody's
		"+57 300":                "María José Peña",
		"600":                    "Ana Anaya Ana, Ana Pérez, Pedro",
		"ana.p":                  "Ana Pérez",
		"MJ@":                    "María José Peña",
		"anaya@muñoz.es":         "Ana Anaya Ana",
		"841-23":                 "Ana Pérez",
		"zzz":                    "",
		"@":                      "",
		"...":                    "",
		"\xff":                   "",
		strings.Repeat("a", 500): "",
		"":                       "Pedro, María José Peña, Ana Anaya Ana, Ana Pérez",
	} {
		var pages []string
		for page, turns := "", 0; ; turns++ {
			found, next := search(t, s, query, 1, page)
			if turns > 10 {
				t.Fatalf("%q has no end", query)
			}
			for _, c := range found {
				pages = append(pages, c.Name)
			}
			if page = next; page == "" {
				break
			}
		}
		if got := strings.Join(pages, ", "); got != want {
			t.Errorf("%q page by page: %s; want %s", query, got, want)
		}
		whole, next := search(t, s, query, 0, "")
		if next != "" || len(whole) != len(pages) {
			t.Errorf("%q at once: %d, %q", query, len(whole), next)
		}
	}
	ana, _ := s.Find(ctx, "600111222")
	for _, key := range []string{ana.Id, fmt.Sprint(ana.Number), fmt.Sprint("#", ana.Number)} {
		if found, _ := search(t, s, key, 5, ""); len(found) != 1 || found[0].Id != ana.Id {
			t.Errorf("by %s: %v", key, found)
		}
		if found, err := s.Find(ctx, key); err != nil || found.Id != ana.Id {
			t.Errorf("find %s: %v, %v", key, found, err)
		}
	}
}

func TestAKeyWithTwoMeaningsIsRefused(t *testing.T) {
	s := newService(t, nil)
	register(t, s, "Ana", "600111222", "")
	if _, err := s.Register(ctx, actor, &plgv1.Customer{Name: "Luz", Phone: "600111333", Cards: []string{"600111222"}}, ""); err != nil {
		t.Fatal(err)
	}
	_, err := s.Find(ctx, "600111222")
	if got := codes(t, err); !slices.Equal(got, []string{":key_ambiguous"}) {
		t.Error(got)
	}
}

func TestWalkGoesThroughAll(t *testing.T) {
	s := newService(t, nil)
	var want, got []string
	for i := range 25 {
		want = append(want, register(t, s, "Ana", fmt.Sprint(600111200+i), "").Id)
	}
	for after := uint32(0); ; {
		part, err := s.Walk(after, 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(part) == 0 {
			break
		}
		for _, c := range part {
			got = append(got, c.Id)
			after = uint32(c.Number)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d of %d", len(got), len(want))
	}
}

func FuzzSearch(f *testing.F) {
	s := newService(f, nil)
	register(f, s, "Ana Pérez", "600111222", "ana@example.com")
	f.Add("ana", "")
	f.Add("+34", "AA")
	f.Fuzz(func(t *testing.T, query, page string) {
		var refused *Refused
		if _, err := s.Search(ctx, &mostradorv1.SearchRequest{Query: query, Limit: 5, Page: page}); err != nil && !errors.As(err, &refused) {
			t.Error(err)
		}
		if _, err := s.Find(ctx, query); err != nil && !errors.Is(err, ErrNotFound) {
			t.Error(err)
		}
	})
}

func BenchmarkRegister(b *testing.B) {
	st, err := store.Open(filepath.Join(b.TempDir(), "store.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	s, err := New(Config{Store: st, Log: event.NewLog(st), Rules: new(promotionsRule), Text: locale.New()})
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; b.Loop(); i++ {
		register(b, s, fmt.Sprint("Ana María Pérez ", i), fmt.Sprint(600000000+i), fmt.Sprintf("ana%d@example.com", i))
	}
}

func BenchmarkJudge(b *testing.B) {
	s := newService(b, new(promotionsRule))
	for b.Loop() {
		c := &plgv1.Customer{Name: "Ana María Pérez", Phone: "600 111 222", Email: "ana@example.com"}
		j := s.judge(ctx)
		s.judgeNew(j, c)
		if j.err() != nil {
			b.Fatal(j.err())
		}
	}
}
