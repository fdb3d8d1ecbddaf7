package segment

import (
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/customer/set"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// someFields is a data model with a field of each type.
func someFields() []*mostradorv1.Field {
	return []*mostradorv1.Field{
		{Id: "city", Name: "Ciudad", Type: "text", Category: mostradorv1.FieldCategory_FIELD_CATEGORY_DEMOGRAPHIC},
		{Id: "children", Name: "Hijos", Type: "integer"},
		{Id: "balance", Name: "Saldo", Type: "money"},
		{Id: "birthday", Name: "Cumpleaños", Type: "date", Category: mostradorv1.FieldCategory_FIELD_CATEGORY_DEMOGRAPHIC},
		{Id: "visit", Name: "Visita", Type: "date_time"},
		{Id: "member", Name: "Socio", Type: "yes_no"},
		{Id: "shirt", Name: "Camiseta", Type: "choice", Choices: []*mostradorv1.Choice{{Value: "s", Label: "Pequeña"}, {Value: "l", Label: "Grande"}}},
		{Id: "hobbies", Name: "Aficiones", Type: "text", Many: true},
		{Id: "plg0002_level", Name: "Nivel", Type: "text", Origin: mostradorv1.FieldOrigin_FIELD_ORIGIN_PLUGIN},
	}
}

func someMeasures() []manifest.Measure {
	return []manifest.Measure{{ID: "puntos", Name: manifest.Text{"es": "Puntos", "en": "Points"}}}
}

// fixedNames knows the tag VIP and the segment Fieles.
type fixedNames struct{}

func (fixedNames) tag(name string) (set.ID, bool)     { return set.Tag(1), name == "VIP" }
func (fixedNames) segment(name string) (set.ID, bool) { return set.Segment(7), name == "Fieles" }

func testVocabulary(t testing.TB) *vocabulary {
	t.Helper()
	v, err := newVocabulary(someFields(), someMeasures())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// ana is somebody of whom everything is known; nadie has nothing but a name.
func ana() *customer.Known {
	return &customer.Known{
		Customer: &plgv1.Customer{
			Id: "0198f0e0-0000-7000-8000-000000000001", Number: 42, Name: "Ana Íñiguez", Phone: "+34600111222",
			Email: "ana@example.com", Language: "es", Cards: []string{"840001", "990002"}, AplicaPromociones: true,
			Fields: map[string]string{
				"city": "A Coruña", "children": "3", "balance": "-12.50", "birthday": "1996-02-29", "visit": "2026-11-20T18:30:00",
				"member": "true", "shirt": "l", "hobbies": "Fútbol\nLeer", "plg0002_level": "oro",
			},
			Consent: &plgv1.Consent{Programme: plgv1.ConsentState_CONSENT_STATE_GIVEN, Promotions: plgv1.ConsentState_CONSENT_STATE_WITHDRAWN},
			Created: timestamppb.New(time.Date(2025, 1, 2, 23, 30, 0, 0, time.UTC)),
		},
		Facts: customer.Facts{
			Purchases: 5, Spent: 12345, FirstPurchase: time.Date(2025, 2, 1, 10, 0, 0, 0, time.UTC).Unix(),
			LastPurchase: time.Date(2026, 8, 24, 10, 0, 0, 0, time.UTC).Unix(), Measures: map[string]float64{"puntos": 120},
		},
		Sets: []set.ID{set.Tag(1), set.Segment(7)},
	}
}

func nadie() *customer.Known {
	return &customer.Known{Customer: &plgv1.Customer{Id: "x", Number: 43, Name: "Nadie", Created: timestamppb.New(time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC))}}
}

// on is 22 November 2026 in Madrid.
func on(t testing.TB, k *customer.Known, raw bool) *person {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Madrid")
	if err != nil {
		t.Fatal(err)
	}
	p := &person{today: dateOf(2026, 11, 22), zone: zone, cents: 100}
	p.see(k)
	if raw {
		data, err := proto.Marshal(k.Customer)
		if err != nil {
			t.Fatal(err)
		}
		p.message = nil
		p.scan(p.number, data)
	}
	p.in = func(id set.ID) bool {
		for _, other := range k.Sets {
			if other == id {
				return true
			}
		}
		return false
	}
	p.tagged = func() bool { return hasTag(k.Sets) }
	return p
}

func TestExpressionsMeanWhatTheySay(t *testing.T) {
	v := testVocabulary(t)
	for _, test := range []struct {
		source     string
		ana, nadie bool
	}{
		{`true`, true, true},
		{`customer.name == "Ana Íñiguez"`, true, false},
		{`fold(customer.name).contains("iniguez")`, true, false},
		{`customer.number == 42 && customer.id != ""`, true, false},
		{`customer.phone.startsWith("+34") && customer.email.endsWith("example.com")`, true, false},
		{`customer.email_valid && customer.phone_valid && customer.aplica_promociones`, true, false},
		{`customer.language in ["es", "pt"]`, true, false},
		{`"840001" in customer.cards`, true, false},
		{`customer.cards.exists(c, c.startsWith("99"))`, true, false},
		{`customer.cards.all(c, c.size() == 6)`, true, true},
		{`size(customer.cards) == 2`, true, false},
		{`"VIP" in customer.tags`, true, false},
		{`!("VIP" in customer.tags)`, false, true},
		{`empty(customer.tags)`, false, true},
		{`"Fieles" in customer.segments`, true, false},
		{`consent.programme == "given"`, true, false},
		{`consent.promotions in ["withdrawn", "pending"]`, true, true},
		{`fields.city == "A Coruña"`, true, false},
		{`customer.fields["city"] == customer.fields.city && !empty(fields.city)`, true, false},
		{`customer.plg0002_level == "oro" && fields.plg0002_level == "oro"`, true, false},
		{`fields.city.matches("^A .*ña$")`, true, false},
		{`fields.children == 3`, true, false},
		{`fields.children != 3`, false, true},
		{`fields.children < 3 || fields.children >= 3`, true, false},
		{`!(fields.children < 10)`, false, true},
		{`fields.children in [1, 2, 3.0]`, true, false},
		{`fields.children / 2 == 1 && fields.children % 2 == 1 && fields.children / 2.0 == 1.5`, true, false},
		{`1 / 0 == 1 / 0 || fields.children / 0 > 1`, false, false},
		{`fields.balance < 0 && fields.balance == -12.5 && -fields.balance > 12`, true, false},
		{`empty(fields.balance)`, false, true},
		{`fields.member`, true, false},
		{`fields.member == customer.aplica_promociones`, true, true},
		{`fields.shirt == "l" ? fields.children > 2 : fields.children > 5`, true, false},
		{`fields.hobbies.exists(h, fold(h) == "futbol")`, true, false},
		{`"Leer" in fields.hobbies && !empty(fields.hobbies)`, true, false},
		{`purchases.count >= 5 && purchases.total > 123.4 && purchases.total < 123.5`, true, false},
		{`purchases.last == date("2026-08-24") && days_since(purchases.last) == 90`, true, false},
		{`days_since(purchases.last) > 89`, true, false},
		{`!(days_since(purchases.last) <= 89)`, true, true},
		{`purchases.first < purchases.last`, true, false},
		{`today - purchases.last == 90 && purchases.last + 90 == today && today - 90 == purchases.last`, true, false},
		{`empty(purchases.last)`, false, true},
		{`measures.puntos >= 120`, true, false},
		{`registered == date("2025-01-03")`, true, false}, // 00:30 in Madrid
		{`last_activity >= registered`, true, true},
		{`registered == today`, false, true},
		{`fields.visit == date("2026-11-20")`, true, false},
		{`days_until(fields.visit) == -2`, true, false},
		{`year(fields.birthday) == 1996 && month(fields.birthday) == 2 && day(fields.birthday) == 29`, true, false},
		{`years_since(fields.birthday) == 30`, true, false},
		{`anniversary_in(fields.birthday, 97)`, false, false},
		{`anniversary_in(fields.birthday, 98)`, true, false}, // 28 February 2027
		{`anniversary_in(today, 0)`, true, true},
		{`fields.birthday < today || fields.birthday >= today`, true, false},
		{`fields.birthday in [date("1996-02-29")]`, true, false},
		{`customer.name + "!" == "Ana Íñiguez!"`, true, false},
		{`"b" > "a" && size("ñandú") == 5`, true, true},
	} {
		checked, m := v.check(test.source)
		if m != nil {
			t.Errorf("%s: %v", test.source, m)
			continue
		}
		holds, _, m := compile(checked, fixedNames{}, false)
		if m != nil {
			t.Errorf("%s: %v", test.source, m)
			continue
		}
		for _, raw := range []bool{false, true} {
			if got := holds(on(t, ana(), raw)); got != test.ana {
				t.Errorf("%s of Ana is %t (raw %t)", test.source, got, raw)
			}
			if got := holds(on(t, nadie(), raw)); got != test.nadie {
				t.Errorf("%s of nobody is %t (raw %t)", test.source, got, raw)
			}
		}
	}
}

func TestMistakesSayWhereAndWhat(t *testing.T) {
	v := testVocabulary(t)
	for _, test := range []struct {
		source, key  string
		line, column int
	}{
		{"", "empty_expression", 1, 1},
		{strings.Repeat("true && ", 2000) + "true", "long_expression", 1, 1},
		{"fields.city ==", "syntax", 1, 15},
		{"true &&\n  fields.cty == \"x\"", "unknown_name_near", 2, 3},
		{"city == 'x'", "unknown_name_near", 1, 1},
		{"zzzzzzzzzzzz == 1", "unknown_name", 1, 1},
		{"fields.city == 3", "wrong_types", 1, 13},
		{"fields.children", "no_yes_or_no", 1, 1},
		{`"VIPP" in customer.tags`, "unknown_tag", 1, 1},
		{`"Otro" in customer.segments`, "unknown_segment", 1, 1},
		{`customer.name in customer.tags`, "name_literal", 1, 9},
		{`empty(customer.segments)`, "any_segment", 1, 15},
		{`customer.name.matches("(")`, "pattern", 1, 23},
		{`customer.name.matches("(a{20}b){20}c{90}")`, "pattern_long", 1, 23},
		{`customer.name.matches(customer.email)`, "pattern_literal", 1, 31},
		{`fields.birthday == date("2026-02-30")`, "date", 1, 25},
		{`fields.birthday == date(fields.city)`, "date_literal", 1, 31},
		{`customer.cards.exists(a, customer.cards.exists(b, a == b))`, "loop_in_loop", 1, 47},
		{`null == null`, "not_here", 1, 1},
		{`{"a": 1}["a"] == 1`, "wrong_types", 1, 9},
		{`[1].exists(x, x == 1)`, "not_here", 1, 2},
		{`customer.tags.exists(x, true)`, "wrong", 1, 9},
	} {
		checked, m := v.check(test.source)
		if m == nil {
			_, _, m = compile(checked, fixedNames{}, false)
		}
		if m == nil {
			t.Errorf("%s is taken", test.source)
			continue
		}
		if m.key != test.key || m.line != test.line || m.column != test.column {
			t.Errorf("%s: %v, want %d:%d %s", test.source, m, test.line, test.column, test.key)
		}
	}
}

func TestAnniversariesComeRoundEveryYear(t *testing.T) {
	for _, test := range []struct {
		date, today string
		days        float64
		want        bool
	}{
		{"1990-12-31", "2026-12-30", 1, true},
		{"1990-01-01", "2026-12-30", 1, false},
		{"1990-01-01", "2026-12-30", 2, true},
		{"1990-12-30", "2026-12-30", 0, true},
		{"1990-12-29", "2026-12-30", 363, false},
		{"1990-12-29", "2026-12-30", 364, true},
		{"1996-02-29", "2027-02-28", 0, true},
		{"1996-02-29", "2028-02-28", 0, false},
		{"1996-02-29", "2028-02-29", 0, true},
		{"1996-02-29", "2028-02-28", 1, true},
		{"2027-01-05", "2026-12-30", 10, true},
		{"2028-01-05", "2026-12-30", 10, false},
		{"1990-01-01", "2026-12-30", -1, false},
		{"", "2026-12-30", 400, false},
	} {
		if got := anniversary(readDate(test.date, time.UTC), readDate(test.today, time.UTC), test.days); got != test.want {
			t.Errorf("%s within %v days of %s: %t", test.date, test.days, test.today, got)
		}
	}
	for _, test := range []struct {
		date, today string
		want        float64
	}{{"2000-11-22", "2026-11-22", 26}, {"2000-11-23", "2026-11-22", 25}, {"1996-02-29", "2027-02-28", 31}, {"1996-02-29", "2028-02-28", 31}} {
		if got := yearsSince(readDate(test.date, time.UTC), readDate(test.today, time.UTC)); got != test.want {
			t.Errorf("years from %s to %s: %v", test.date, test.today, got)
		}
	}
	if !math.IsNaN(yearsSince(absent, 1)) || !math.IsNaN(yearsSince(2, 1)) {
		t.Error("an age of whom none is known")
	}
}

func FuzzNoExpressionCanHarm(f *testing.F) {
	for _, seed := range []string{
		`fields.city == "x" && days_since(purchases.last) > 90`, `anniversary_in(fields.birthday, 1e300)`,
		`customer.cards.exists(c, c.matches("a*b+[c-d]{3}"))`, `today + 9223372036854775807 > today`, `"VIP" in customer.tags`,
		`year(today + 99999999999) == 1 ? true : false`, `[[1],[2]] == [[1]]`, `{1:2}`, `a.b.c.d`, "fields.\n\"", `-(-(-(1))) < 2`,
		`customer.fields["x"] in ["a", fields.city]`, `has(fields.city)`, `b"x" == b"y"`, `1u == 2u`, `date("0000-00-00") == today`,
	} {
		f.Add(seed)
	}
	v := testVocabulary(f)
	f.Fuzz(func(t *testing.T, source string) {
		checked, m := v.check(source)
		if m != nil {
			return
		}
		for _, lenient := range []bool{false, true} {
			holds, _, m := compile(checked, fixedNames{}, lenient)
			if m != nil {
				continue
			}
			for _, k := range []*customer.Known{ana(), nadie()} {
				if holds(on(t, k, false)) != holds(on(t, k, true)) {
					t.Fatalf("%q depends on whether a record was decoded", source)
				}
			}
		}
		v.rename(source, "VIP", "Otra")
	})
}
