package customer

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
)

// same holds the fast way to the slow one.
func samePhone(t *testing.T, p *phonePlans, typed, country string) (fast bool) {
	t.Helper()
	e164, ok := p.parse(typed, country)
	if !ok {
		return false
	}
	if slow, problem := parsePhone(typed, country); problem != "" || slow != e164 {
		t.Errorf("%q in %s is %q, but the numbering plan says %q %s", typed, country, e164, slow, problem)
	}
	return true
}

func TestPlainPhonesAreReadAsTheNumberingPlansSay(t *testing.T) {
	p := newPhonePlans()
	random := rand.New(rand.NewPCG(1, 2))
	homes := []string{"ES", "MX", "AR", "CO", "RU", "KZ", "US", "GB", "IT", "DE", "FR", "UA", "BR", "PT"}
	fast, tried := 0, 0
	for region := range phonenumbers.GetSupportedRegions() {
		for _, kind := range []phonenumbers.PhoneNumberType{phonenumbers.MOBILE, phonenumbers.FIXED_LINE, phonenumbers.TOLL_FREE, phonenumbers.VOIP, phonenumbers.PAGER, phonenumbers.UAN, phonenumbers.SHARED_COST} {
			example := phonenumbers.GetExampleNumberForType(region, kind)
			if example == nil {
				continue
			}
			e164 := phonenumbers.Format(example, phonenumbers.E164)
			national := phonenumbers.GetNationalSignificantNumber(example)
			for range 12 {
				tried++
				if samePhone(t, p, e164, homes[random.IntN(len(homes))]) {
					fast++
				}
				samePhone(t, p, national, region)
				samePhone(t, p, national, homes[random.IntN(len(homes))])
				samePhone(t, p, spelled(random, e164), region)
				e164, national = mutated(random, e164), mutated(random, national)
			}
		}
	}
	if fast < tried/10 {
		t.Errorf("only %d of %d phones were read the fast way", fast, tried)
	}
	for n := range 2000 {
		typed := "6" + strconv.Itoa(10_000_000+n*39_989%90_000_000)
		if _, problem := parsePhone(typed, "ES"); problem == "" && (!samePhone(t, p, typed, "ES") || !samePhone(t, p, "+34 "+typed, "ES")) {
			t.Fatalf("%s is not read the fast way", typed)
		}
	}
}

// mutated changes a digit, or adds or takes one.
func mutated(random *rand.Rand, number string) string {
	at := 1 + random.IntN(len(number)-1)
	digit := strconv.Itoa(random.IntN(10))
	switch random.IntN(6) {
	case 0:
		return number[:at] + digit + number[at:]
	case 1:
		if len(number) > 5 {
			return number[:at] + number[at+1:]
		}
	}
	return number[:at] + digit + number[at+1:]
}

// spelled puts signs between the digits of a number.
func spelled(random *rand.Rand, number string) string {
	var b strings.Builder
	for _, r := range number {
		b.WriteRune(r)
		if random.IntN(3) == 0 {
			b.WriteByte(" -."[random.IntN(3)])
		}
	}
	return b.String()
}

func FuzzPlainPhone(f *testing.F) {
	for _, typed := range []string{"600111222", "+34 600 111 222", "0034600111222", "91-123-45-67", "+7 912 345 67 89", "34600111222", "1.2.3.4", "+39 0612345678"} {
		f.Add(typed, "ES")
	}
	f.Add("0311 555-2368", "US")
	p := newPhonePlans()
	f.Fuzz(func(t *testing.T, typed, country string) {
		if len(country) == 2 {
			samePhone(t, p, typed, strings.ToUpper(country))
		}
	})
}

func BenchmarkPlainPhone(b *testing.B) {
	p := newPhonePlans()
	p.parse("600111222", "ES")
	for b.Loop() {
		if _, ok := p.parse("600 111 222", "ES"); !ok {
			b.Fatal("not plain")
		}
	}
}
