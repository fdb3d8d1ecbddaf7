package sale

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

	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

var (
	ctx   = context.Background()
	actor = &plgv1.Actor{Operator: "luis", Till: "1", Channel: "gui"}
)

func newService(t testing.TB) (*Service, *plgv1.Customer) {
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
	ana, err := customers.Register(ctx, actor, &plgv1.Customer{Name: "Ana Pérez", Phone: "600111222"}, "")
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Store: st, Log: log, Customers: customers, Text: text}), ana
}

func record(t testing.TB, s *Service, receipt, customerID string, minor int64) *plgv1.Sale {
	t.Helper()
	kept, repeated, err := s.Record(ctx, actor, receipt, customerID, minor)
	if err != nil || repeated {
		t.Fatalf("%s: %t, %v", receipt, repeated, err)
	}
	return kept
}

func told(t testing.TB, s *Service) (list []*plgv1.Event) {
	t.Helper()
	if err := s.Store.View(func(tx *store.Tx) error {
		all, err := s.Log.Read(tx, 0, 0)
		for _, e := range all {
			if strings.HasPrefix(e.Type, "sale.") {
				list = append(list, e)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// code is the diagnostic of a refusal as path:code.
func code(t testing.TB, err error) string {
	t.Helper()
	var refused *customer.Refused
	if !errors.As(err, &refused) || len(refused.Refusal.Diagnostics) != 1 {
		t.Fatalf("not refused: %v", err)
	}
	d := refused.Refusal.Diagnostics[0]
	if d.Summary == "sale."+d.Code || strings.Contains(d.Summary, "{") {
		t.Errorf("sentence %q", d.Summary)
	}
	return d.Path + ":" + d.Code
}

func TestASaleIsKeptOnceAndTold(t *testing.T) {
	s, ana := newService(t)
	kept := record(t, s, " 2026-001 ", ana.Id, 1250)
	if kept.Receipt != "2026-001" || kept.Total.Currency != "EUR" || kept.Total.Minor != 1250 || kept.Actor.Till != "1" {
		t.Errorf("%v", kept)
	}
	again, repeated, err := s.Record(ctx, actor, "2026-001", ana.Id, 1250)
	if err != nil || !repeated || !proto.Equal(again, kept) {
		t.Errorf("%v %t %v", again, repeated, err)
	}
	events := told(t, s)
	if len(events) != 1 || !proto.Equal(events[0].GetSaleCompleted().GetSale(), kept) || events[0].Customer.Id != ana.Id {
		t.Errorf("%v", events)
	}
	if got, err := s.Get("2026-001"); err != nil || !proto.Equal(got, kept) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := s.Get("2026-002"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestWhatIsNoSaleIsRefused(t *testing.T) {
	s, ana := newService(t)
	record(t, s, "1", ana.Id, 1250)
	for name, test := range map[string]struct {
		receipt, customer string
		minor             int64
		want              string
	}{
		"another amount":   {"1", ana.Id, 1251, "receipt:receipt_taken"},
		"another customer": {"1", "", 1250, "receipt:receipt_taken"},
		"no receipt":       {" ", ana.Id, 1250, "receipt:receipt_empty"},
		"a long receipt":   {strings.Repeat("9", 65), ana.Id, 1250, "receipt:receipt_invalid"},
		"a hidden receipt": {"1\x00", ana.Id, 1250, "receipt:receipt_invalid"},
		"nothing":          {"2", ana.Id, 0, "amount:amount_zero"},
		"less":             {"2", ana.Id, -5, "amount:amount_zero"},
		"too much":         {"2", ana.Id, maxMinor + 1, "amount:amount_large"},
	} {
		_, _, err := s.Record(ctx, actor, test.receipt, test.customer, test.minor)
		if got := code(t, err); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	_, _, err := s.Record(ctx, actor, "1", ana.Id, 9900)
	if want := "El recibo 1 ya está registrado por 12,50 € a nombre de Ana Pérez. Revise el número."; err.Error() != want {
		t.Error(err)
	}
	if _, _, err := s.Record(ctx, actor, "2", "nobody", 100); !errors.Is(err, customer.ErrNotFound) {
		t.Error(err)
	}
	if n := len(told(t, s)); n != 1 {
		t.Errorf("%d events", n)
	}
}

func TestASaleMayBeNobodys(t *testing.T) {
	s, _ := newService(t)
	record(t, s, "1", "", 1250)
	if e := told(t, s)[0]; e.Customer != nil {
		t.Errorf("%v", e)
	}
}

func TestRefundsGiveBackExactlyOnce(t *testing.T) {
	s, ana := newService(t)
	record(t, s, "1", ana.Id, 1000)
	refund := func(minor int64, receipt string) (refunded int64, repeated bool, err error) {
		kept, repeated, err := s.Refund(ctx, actor, "1", minor, receipt)
		return kept.GetRefunded().GetMinor(), repeated, err
	}
	check := func(minor int64, receipt string, want int64, wantRepeated bool) {
		t.Helper()
		if got, repeated, err := refund(minor, receipt); err != nil || got != want || repeated != wantRepeated {
			t.Errorf("refund %d %q: %d %t %v", minor, receipt, got, repeated, err)
		}
	}
	refused := func(minor int64, receipt, want string) {
		t.Helper()
		_, _, err := refund(minor, receipt)
		if got := code(t, err); got != want {
			t.Errorf("refund %d %q: %s, want %s", minor, receipt, got, want)
		}
	}
	check(300, "D1", 300, false)
	check(300, "D1", 300, true)
	refused(400, "D1", "refund_receipt:refund_taken")
	refused(300, "", "refund_receipt:refund_receipt_empty")
	refused(701, "D2", "amount:refund_over")
	refused(-1, "D2", "amount:amount_zero")
	check(200, "D2", 500, false)
	check(0, "", 1000, false)
	check(0, "", 1000, true)
	check(500, "", 1000, true)
	refused(0, "D3", "receipt:refund_done")
	check(0, "D1", 1000, true)

	events := told(t, s)
	var sum int64
	var names []string
	for _, e := range events[1:] {
		r := e.GetSaleRefunded()
		sum += r.Amount.Minor
		names = append(names, r.Refund)
		if r.Sale.Refunded.Minor != sum || e.Customer.Id != ana.Id {
			t.Errorf("%v", e)
		}
	}
	if sum != 1000 || !slices.Equal(names, []string{"D1", "D2", "1"}) {
		t.Errorf("%d by %v", sum, names)
	}
	if _, _, err := s.Refund(ctx, actor, "9", 0, ""); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
	record(t, s, "2", ana.Id, 1000)
	_, _, err := s.Refund(ctx, actor, "2", 300, "D1")
	if got := code(t, err); got != "refund_receipt:refund_taken" {
		t.Errorf("another sale's refund: %s", got)
	}
}

func TestRefundsAtOnceNeverGiveBackTooMuch(t *testing.T) {
	s, ana := newService(t)
	record(t, s, "1", ana.Id, 1000)
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			_, _, err := s.Refund(ctx, actor, "1", 300, fmt.Sprint("D", i))
			var refused *customer.Refused
			if err != nil && !errors.As(err, &refused) {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if kept, err := s.Get("1"); err != nil || kept.Refunded.Minor != 900 || len(told(t, s)) != 4 {
		t.Errorf("%v, %v", kept, err)
	}
}

func TestSalesAreListedNewestFirst(t *testing.T) {
	s, ana := newService(t)
	for i, id := range []string{ana.Id, "", ana.Id} {
		record(t, s, fmt.Sprint("R", i), id, 100)
	}
	receipts := func(id string, limit int) string {
		list, err := s.List(id, limit)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, one := range list {
			names = append(names, one.Receipt)
		}
		return strings.Join(names, " ")
	}
	for _, test := range []struct {
		id, want string
		limit    int
	}{{"", "R2 R1 R0", 0}, {ana.Id, "R2 R0", 0}, {"", "R2 R1", 2}, {"nobody", "", 0}} {
		if got := receipts(test.id, test.limit); got != test.want {
			t.Errorf("%q: %s, want %s", test.id, got, test.want)
		}
	}
}

func TestAmounts(t *testing.T) {
	for _, test := range []struct {
		text     string
		decimals int
		want     int64
		err      error
	}{
		{"12,50", 2, 1250, nil},
		{"12.50", 2, 1250, nil},
		{" 12,5 ", 2, 1250, nil},
		{"12", 2, 1200, nil},
		{"0,05", 2, 5, nil},
		{"0", 2, 0, nil},
		{"1.234,50", 2, 123450, nil},
		{"1,234.50", 2, 123450, nil},
		{"1 234,50", 2, 123450, nil},
		{"1\u00a0234,50", 2, 123450, nil},
		{"1'234.50", 2, 123450, nil},
		{"1.234.567", 2, 123456700, nil},
		{"1.234.567,8", 2, 123456780, nil},
		{"1234567,89", 2, 123456789, nil},
		{"1234", 0, 1234, nil},
		{"1.234", 0, 1234, nil},
		{"1.234", 3, 1234, nil},
		{"1.234", 2, 0, errAmbiguous},
		{"1,234", 2, 0, errAmbiguous},
		{"12,50", 0, 0, errAmount},
		{"12,505", 2, 0, errAmbiguous},
		{"12,5050", 2, 0, errAmount},
		{"1.23,50", 2, 0, errAmount},
		{"1.2345,50", 2, 0, errAmount},
		{"12.34.50", 2, 0, errAmount},
		{"1.234,567", 2, 0, errAmount},
		{"1.234 567,50", 2, 0, errAmount},
		{"0.123.456", 2, 0, errAmount},
		{".50", 2, 0, errAmount},
		{"12,", 2, 0, errAmount},
		{"", 2, 0, errAmount},
		{",", 2, 0, errAmount},
		{"-5", 2, 0, errAmount},
		{"+5", 2, 0, errAmount},
		{"1e3", 2, 0, errAmount},
		{"12€", 2, 0, errAmount},
		{"1  234", 2, 0, errAmount},
		{"１２", 2, 0, errAmount},
		{"100000000,01", 2, 0, errLarge},
		{"99999999999999999999", 2, 0, errLarge},
	} {
		got, err := parse(test.text, test.decimals)
		if got != test.want || err != test.err {
			t.Errorf("%q with %d decimals: %d, %v; want %d, %v", test.text, test.decimals, got, err, test.want, test.err)
		}
	}
}

func TestAnAmountFollowsTheStoresCurrency(t *testing.T) {
	s, _ := newService(t)
	for currency, want := range map[string]int64{"": 1200, "EUR": 1200, "JPY": 12, "KWD": 12000, "zzz": 1200} {
		s.Currency = func() string { return currency }
		if got, err := s.Amount(ctx, "12"); err != nil || got != want {
			t.Errorf("12 %s: %d, %v", currency, got, err)
		}
	}
	s.Currency = nil
	for text, want := range map[string]string{"1.234": "amount:amount_ambiguous", "x": "amount:amount_invalid", "999999999999": "amount:amount_large"} {
		_, err := s.Amount(ctx, text)
		if got := code(t, err); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
	_, err := s.Amount(ctx, "1.234")
	if !strings.Contains(err.Error(), "1.234,00") {
		t.Error(err)
	}
}

func TestAmountsAreWrittenAsPeopleDo(t *testing.T) {
	s, _ := newService(t)
	for _, test := range []struct {
		lang, currency string
		minor          int64
		want           string
	}{
		{"es", "EUR", 123450, "1.234,50 €"},
		{"en", "EUR", 123450, "€1,234.50"},
		{"es", "EUR", 5, "0,05 €"},
		{"es", "EUR", -1250, "-12,50 €"},
		{"es", "JPY", 1234567, "1.234.567 ¥"},
		{"es", "KWD", 1234567, "1.234,567 KWD"},
	} {
		if got := s.Format(test.lang, &plgv1.Money{Minor: test.minor, Currency: test.currency}); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

func FuzzAmount(f *testing.F) {
	s := &Service{Config{Text: locale.New()}}
	for _, text := range []string{"12,50", "1.234,50", "1 234", "0,05", "-1"} {
		f.Add(text, uint8(2))
	}
	f.Fuzz(func(t *testing.T, text string, places uint8) {
		decimals := int(places % 5)
		minor, err := parse(text, decimals)
		if err != nil {
			return
		}
		if minor < 0 || minor > maxMinor {
			t.Errorf("%q is %d", text, minor)
		}
		written := s.number("es", minor, decimals)
		if again, err := parse(written, decimals); err == nil && again != minor {
			t.Errorf("%q is %d, written %q is %d", text, minor, written, again)
		} else if err != nil && !errors.Is(err, errAmbiguous) {
			t.Errorf("%q, written %q: %v", text, written, err)
		}
	})
}
