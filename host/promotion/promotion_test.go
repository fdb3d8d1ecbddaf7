package promotion

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/sale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

var actor = &plgv1.Actor{Operator: "luis", Till: "1", Channel: "gui"}

// world is a store with promotions, two customers and a clock.
type world struct {
	*Service
	sales    *sale.Service
	now      time.Time
	ana, eva *plgv1.Customer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "store.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	log, text := event.NewLog(st), locale.New()
	customers, err := customer.New(customer.Config{Store: st, Log: log, Text: text})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{now: time.Date(2026, 3, 9, 10, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	w.sales = sale.New(sale.Config{Store: st, Log: log, Customers: customers, Text: text, Now: clock})
	w.Service = New(Config{
		Store: st, Log: log, Customers: customers, Sales: w.sales.Of, Text: text, Now: clock,
		Compile: func(_ context.Context, expression string) (Match, error) {
			if !strings.HasPrefix(expression, "spent>") {
				return nil, customer.Refuse("expression", "wrong", "no")
			}
			return func(k *customer.Known) bool { return k.Facts.Spent > 1000 }, nil
		},
	})
	w.ana, w.eva = w.register(t, "Ana", "600111222"), w.register(t, "Eva", "600333444")
	w.put(t, &mostradorv1.Promotion{Id: "verano", Name: "Verano", Benefit: "10 %", Days: 30})
	return w
}

func (w *world) register(t *testing.T, name, phone string) *plgv1.Customer {
	t.Helper()
	c, err := w.Customers.Register(t.Context(), actor, &plgv1.Customer{Name: name, Phone: phone}, "")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (w *world) put(t *testing.T, p *mostradorv1.Promotion) {
	t.Helper()
	if _, err := w.Put(t.Context(), actor, p, true); err != nil {
		t.Fatal(err)
	}
}

func (w *world) issue(t *testing.T, promotion, customerID string) *mostradorv1.PromoCode {
	t.Helper()
	c, err := w.Issue(t.Context(), promotion, customerID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// refused is the code of a refusal; empty for no error.
func refused(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	var r *customer.Refused
	if !errors.As(err, &r) {
		t.Fatalf("no refusal: %v", err)
	}
	d := r.Refusal.Diagnostics[0]
	if strings.HasPrefix(d.Summary, "promotion.") || strings.Contains(d.Summary, "{") {
		t.Errorf("sentence %q", d.Summary)
	}
	return d.Code
}

func TestACodeIsRedeemedOnceByItsCustomer(t *testing.T) {
	w := newWorld(t)
	code := w.issue(t, "verano", w.ana.Id)
	if again := w.issue(t, "verano", w.ana.Id); again.Code != code.Code {
		t.Errorf("another code: %s, %s", code.Code, again.Code)
	}
	typed := strings.ToLower(strings.ReplaceAll(code.Code, "-", " "))
	for _, step := range []struct {
		name, code, customer, receipt, want string
		repeated                            bool
	}{
		{"nobody", typed, "", "T-1", "customer_empty", false},
		{"no receipt", typed, w.ana.Id, " ", "receipt_empty", false},
		{"somebody else's", typed, w.eva.Id, "T-1", "code_other", false},
		{"never issued", "22222-22222", w.ana.Id, "T-1", "code_unknown", false},
		{"no code", "K7QFM-2XW9", w.ana.Id, "T-1", "code_invalid", false},
		{"letters that are mistaken", "O0OO0-IIIII", w.ana.Id, "T-1", "code_invalid", false},
		{"hers", typed, w.ana.Id, "T-1", "", false},
		{"the same receipt again", code.Code, w.ana.Id, "T-1", "", true},
		{"another receipt", code.Code, w.ana.Id, "T-2", "code_used", false},
	} {
		kept, repeated, err := w.Redeem(t.Context(), actor, step.code, step.customer, step.receipt)
		if got := refused(t, err); got != step.want || repeated != step.repeated || err == nil && kept.Benefit != "10 %" {
			t.Errorf("%s: %q, %t, %v", step.name, got, repeated, kept)
		}
	}
	if _, err := w.Check(t.Context(), code.Code, w.ana.Id); refused(t, err) != "code_used" {
		t.Error("a used code is shown as good")
	}
	if again := w.issue(t, "verano", w.ana.Id); again.Code != code.Code || again.Redeemed == nil {
		t.Errorf("who used the code got another: %v", again)
	}
	list, err := w.List()
	if err != nil || list[0].Issued != 1 || list[0].Redeemed != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

func TestOfManyTillsOneRedeems(t *testing.T) {
	w := newWorld(t)
	code := w.issue(t, "verano", w.ana.Id)
	var done atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			if _, _, err := w.Redeem(context.Background(), actor, code.Code, w.ana.Id, "T-"+string(rune('a'+i))); err == nil {
				done.Add(1)
			}
		})
	}
	wg.Wait()
	if n := done.Load(); n != 1 {
		t.Errorf("redeemed %d times", n)
	}
}

func TestCodesRunOutAndAreRenewed(t *testing.T) {
	w := newWorld(t)
	w.put(t, &mostradorv1.Promotion{Id: "puente", Name: "Puente", Benefit: "2 x 1", Days: 30,
		Starts: timestamppb.New(w.now.Add(time.Hour)), Ends: timestamppb.New(w.now.Add(72 * time.Hour))})
	if _, err := w.Issue(t.Context(), "puente", w.ana.Id); refused(t, err) != "promotion_early" {
		t.Error("issued before it began")
	}
	code := w.issue(t, "verano", w.ana.Id)
	w.now = w.now.Add(2 * time.Hour)
	if short := w.issue(t, "puente", w.ana.Id); short.Expires.AsTime().Sub(w.now) != 70*time.Hour {
		t.Errorf("good beyond the promotion: %v", short.Expires.AsTime())
	}
	w.now = w.now.Add(30 * 24 * time.Hour)
	if _, _, err := w.Redeem(t.Context(), actor, code.Code, w.ana.Id, "T-1"); refused(t, err) != "code_expired" {
		t.Error("redeemed after its days")
	}
	if _, err := w.Issue(t.Context(), "puente", w.eva.Id); refused(t, err) != "promotion_over" {
		t.Error("issued after the end")
	}
	renewed := w.issue(t, "verano", w.ana.Id)
	if renewed.Code == code.Code {
		t.Error("a code that ran out was given again")
	}
	if _, err := w.Check(t.Context(), code.Code, ""); refused(t, err) != "code_unknown" {
		t.Error("the old one is known still")
	}
	if list, _ := w.List(); list[1].Issued != 1 {
		t.Errorf("counted %d", list[1].Issued)
	}
}

func TestAForgottenCustomersCodesAreVoid(t *testing.T) {
	w := newWorld(t)
	w.put(t, &mostradorv1.Promotion{Id: "otra", Name: "Otra", Benefit: "1 €"})
	used, open := w.issue(t, "verano", w.ana.Id), w.issue(t, "otra", w.ana.Id)
	if _, _, err := w.Redeem(t.Context(), actor, used.Code, w.ana.Id, "T-1"); err != nil {
		t.Fatal(err)
	}
	if err := w.Store.Update(t.Context(), func(tx *store.Tx) error { return w.Forget(tx, w.ana.Id) }); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Check(t.Context(), open.Code, ""); refused(t, err) != "code_unknown" {
		t.Error("an open code is good still")
	}
	codes, err := w.Codes(&mostradorv1.ListCodesRequest{Promotion: "verano"})
	if err != nil || len(codes.Codes) != 1 || codes.Codes[0].CustomerId != "" || codes.Codes[0].Receipt != "T-1" {
		t.Errorf("%v, %v", codes, err)
	}
}

func TestCodesArePagedWhole(t *testing.T) {
	w := newWorld(t)
	const n = 7
	for i := range n {
		w.issue(t, "verano", w.register(t, "C", "6001112"+string(rune('0'+i))+"0").Id)
	}
	seen, page := map[string]bool{}, ""
	for range n {
		codes, err := w.Codes(&mostradorv1.ListCodesRequest{Promotion: "verano", Limit: 3, Page: page})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range codes.Codes {
			if seen[c.Code] {
				t.Errorf("%s twice", c.Code)
			}
			seen[c.Code] = true
		}
		if page = codes.NextPage; page == "" {
			break
		}
	}
	if len(seen) != n {
		t.Errorf("%d codes", len(seen))
	}
}

func TestWrongPromotionsAndOffersAreRefused(t *testing.T) {
	w := newWorld(t)
	good := func() *mostradorv1.Promotion {
		return &mostradorv1.Promotion{Id: "x", Name: "X", Benefit: "1 €"}
	}
	for want, change := range map[string]func(*mostradorv1.Promotion){
		"id_invalid":      func(p *mostradorv1.Promotion) { p.Id = "Año 1" },
		"id_taken":        func(p *mostradorv1.Promotion) { p.Id = "verano" },
		"name_invalid":    func(p *mostradorv1.Promotion) { p.Name = " " },
		"benefit_invalid": func(p *mostradorv1.Promotion) { p.Benefit = "" },
		"days_invalid":    func(p *mostradorv1.Promotion) { p.Days = -1 },
		"ends_before": func(p *mostradorv1.Promotion) {
			p.Starts, p.Ends = timestamppb.New(w.now), timestamppb.New(w.now)
		},
	} {
		p := good()
		change(p)
		if _, err := w.Put(t.Context(), actor, p, true); refused(t, err) != want {
			t.Errorf("%s: %v", want, err)
		}
	}
	offer := func() *mostradorv1.Offer {
		return &mostradorv1.Offer{Id: "o", Name: "O", Title: "O", Enabled: true}
	}
	for want, change := range map[string]func(*mostradorv1.Offer){
		"id_invalid":        func(o *mostradorv1.Offer) { o.Id = "" },
		"title_invalid":     func(o *mostradorv1.Offer) { o.Title = "" },
		"text_long":         func(o *mostradorv1.Offer) { o.TextEn = strings.Repeat("a", maxText+1) },
		"url_invalid":       func(o *mostradorv1.Offer) { o.Url = "javascript:alert(1)" },
		"promotion_unknown": func(o *mostradorv1.Offer) { o.Promotion = "nada" },
		"wrong":             func(o *mostradorv1.Offer) { o.Expression = "x ==" },
	} {
		o := offer()
		change(o)
		if _, err := w.PutOffer(t.Context(), actor, o, true); refused(t, err) != want {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestOffersAreForWhomTheyFit(t *testing.T) {
	w := newWorld(t)
	for _, o := range []*mostradorv1.Offer{
		{Id: "todos", Name: "T", Title: "T", Enabled: true},
		{Id: "apagada", Name: "A", Title: "A", Priority: 9},
		{Id: "betun", Name: "B", Title: "B", Enabled: true, Priority: 5, Bought: []string{"ZAPATOS"}, Article: "BETUN"},
		{Id: "gasta", Name: "G", Title: "G", Enabled: true, Priority: 7, Expression: "spent>"},
		{Id: "pasada", Name: "P", Title: "P", Enabled: true, Priority: 8, Ends: timestamppb.New(w.now)},
	} {
		if _, err := w.PutOffer(t.Context(), actor, o, true); err != nil {
			t.Fatal(err)
		}
	}
	sell := func(receipt string, minor int64, article, category string) {
		t.Helper()
		line := &plgv1.SaleLine{Article: article, Category: category, Quantity: 1}
		if _, _, err := w.sales.Record(t.Context(), actor, receipt, w.ana.Id, minor, line); err != nil {
			t.Fatal(err)
		}
	}
	shown := func(want string) {
		t.Helper()
		chosen, err := w.Choose("es", w.ana.Id, 0)
		var ids []string
		for _, o := range chosen {
			ids = append(ids, o.Offer.Id)
			if o.Words == "" || strings.HasPrefix(o.Words, "promotion.") {
				t.Errorf("%s: %q", o.Offer.Id, o.Words)
			}
		}
		if got := strings.Join(ids, " "); err != nil || got != want {
			t.Errorf("%q, want %q (%v)", got, want, err)
		}
	}
	shown("todos")
	sell("T-1", 900, "ZAP-41", "Zapatos")
	shown("betun todos")
	sell("T-2", 900, "CINTA", "")
	shown("gasta betun todos")
	if _, _, err := w.sales.Refund(t.Context(), actor, "T-1", 0, ""); err != nil {
		t.Fatal(err)
	}
	shown("todos") // what was given back counts no more, nor what was paid for it
	sell("T-3", 5000, "ZAP-42", "Zapatos")
	sell("T-4", 100, "betún", "")
	shown("gasta todos") // who has it is not offered it
	w.now = w.now.Add(recentFor + time.Hour)
	shown("gasta todos")
	if err := w.DeleteOffer(t.Context(), actor, "gasta"); err != nil {
		t.Fatal(err)
	}
	shown("todos")
}

func FuzzACodeIsReadAsItIsTyped(f *testing.F) {
	for _, seed := range []string{"K7QFM-2XW9P", "k7qfm 2xw9p", "", "K7QFM-2XW9", "ＫＱ", "K7QFM-2XW9P-K7QFM-2XW9P", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		code, ok := plainCode(typed)
		if !ok {
			return
		}
		if again, ok := plainCode(shown(code)); !ok || again != code {
			t.Errorf("%q is read as %q, and that as %q", typed, code, again)
		}
	})
}
