package people

import (
	"net/mail"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers"
	"golang.org/x/text/unicode/norm"
	"google.golang.org/protobuf/proto"
)

func town(t *testing.T) *People {
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestACustomerIsAlwaysTheSame(t *testing.T) {
	a, b := town(t), town(t)
	for i := 999; i >= 0; i-- {
		if !proto.Equal(a.Customer(i), b.Customer(i)) || a.History(i) != b.History(i) {
			t.Fatal(i)
		}
	}
}

func TestContactsAreValidAndNobodyElses(t *testing.T) {
	p := town(t)
	seen := map[string]bool{}
	mine := func(s string) {
		t.Helper()
		if s != "" && seen[s] {
			t.Fatalf("%s twice", s)
		}
		seen[s] = true
	}
	for i := range 20_000 {
		c := p.Customer(i)
		mine(c.GetPhone())
		mine(c.GetEmail())
		for _, card := range c.GetCards() {
			mine(card)
		}
		if c.GetPhone() != "" {
			if number, err := phonenumbers.Parse(c.GetPhone(), ""); err != nil || !phonenumbers.IsValidNumber(number) {
				t.Fatal(c.GetPhone(), err)
			}
		}
		if c.GetEmail() != "" {
			if _, err := mail.ParseAddress(c.GetEmail()); err != nil {
				t.Fatal(c.GetEmail(), err)
			}
		}
		if c.GetPhone() == "" && c.GetEmail() == "" {
			t.Fatal("nothing to reach", c.GetName())
		}
		if !utf8.ValidString(c.GetName()) || !norm.NFC.IsNormalString(c.GetName()) || strings.TrimSpace(c.GetName()) == "" {
			t.Fatalf("%q", c.GetName())
		}
	}
	for _, i := range []int{0, 1, 9_999_998, 9_999_999} {
		if n := scatter(i); n < 0 || n >= 10_000_000 {
			t.Fatal(n)
		}
	}
}

func TestNamesAreAsFrequentAsInATown(t *testing.T) {
	const n = 20_000
	p := town(t)
	count := map[string]int{}
	families := map[string]bool{}
	for i := range n {
		name := p.Customer(i).GetName()
		for word := range strings.FieldsSeq(name) {
			families[word] = true
			count[word]++
		}
		for kind, table := range map[string]*unicode.RangeTable{"cyrillic": unicode.Cyrillic, "greek": unicode.Greek,
			"arabic": unicode.Arabic, "han": unicode.Han} {
			if strings.ContainsFunc(name, func(r rune) bool { return unicode.Is(table, r) }) {
				count[kind]++
			}
		}
	}
	for word, thousandth := range map[string][2]int{"García": {20, 80}, "María": {60, 200}, "cyrillic": {20, 40},
		"greek": {5, 20}, "arabic": {20, 50}, "han": {5, 30}} {
		if count[word]*1000 < thousandth[0]*n || count[word]*1000 > thousandth[1]*n {
			t.Errorf("%s: %d of %d", word, count[word], n)
		}
	}
	if len(families) < 4000 {
		t.Errorf("%d words in all names", len(families))
	}
}
