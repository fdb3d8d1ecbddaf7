package customer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"mostrador/host/customer/finder"
)

func TestPhonesAreKeptAsE164(t *testing.T) {
	for _, test := range []struct{ country, typed, want, problem string }{
		{"ES", "600111222", "+34600111222", ""},
		{"ES", " 600 11 12 22 ", "+34600111222", ""},
		{"ES", "600-111-222", "+34600111222", ""},
		{"ES", "+34 600 111 222", "+34600111222", ""},
		{"ES", "0034600111222", "+34600111222", ""},
		{"ES", "(+34) 600.111.222", "+34600111222", ""},
		{"ES", "６００１１１２２２", "+34600111222", ""},
		{"ES", "٦٠٠١١١٢٢٢", "+34600111222", ""},
		{"ES", "600\u00a0111\u202f222", "+34600111222", ""},
		{"ES", "600–111–222", "+34600111222", ""},
		{"ES", "912345678", "+34912345678", ""},
		{"ES", "+57 300 1234567", "+573001234567", ""},
		{"CO", "300 1234567", "+573001234567", ""},
		{"MX", "55 1234 5678", "+525512345678", ""},
		{"GB", "07400 123456", "+447400123456", ""},
		{"RU", "8 (912) 345-67-89", "+79123456789", ""},
		{"ES", "60011122", "", "phone_short"},
		{"ES", "6001112223333", "", "phone_long"},
		{"ES", "100000000", "", "phone_invalid"},
		{"ES", "+999 600111222", "", "phone_country"},
		{"ES", "800 123 456", "", "phone_kind"},
		{"ES", "806 123 456", "", "phone_kind"},
		{"ES", "600CALLANA", "", "phone_invalid"},
		{"ES", "600111222 ext 5", "", "phone_invalid"},
		{"ES", "600111222;x", "", "phone_invalid"},
		{"ES", "+", "", "phone_invalid"},
		{"ES", "12", "", "phone_short"},
		{"ES", strings.Repeat("6", 100), "", "phone_invalid"},
	} {
		got, problem := parsePhone(test.typed, test.country)
		if got != test.want || problem != test.problem {
			t.Errorf("%s in %s: %q %q, want %q %q", test.typed, test.country, got, problem, test.want, test.problem)
		}
	}
}

func TestAPhoneIsFoundByItsBeginningInAnySpelling(t *testing.T) {
	for _, test := range []struct {
		country, typed string
		want           []string
	}{
		{"ES", "600 1", []string{"+346001"}},
		{"ES", "+34 600", []string{"+34600"}},
		{"ES", "0034 600", []string{"+34600"}},
		{"ES", "34600", []string{"+3434600", "+34600"}},
		{"GB", "074", []string{"+44074", "+4474"}},
		{"ES", "ana", nil},
		{"ES", "", nil},
		{"ES", "00", nil},
		{"ES", "-", nil},
	} {
		if got := phonePrefixes(test.typed, test.country); !slices.Equal(got, test.want) {
			t.Errorf("%q in %s: %q, want %q", test.typed, test.country, got, test.want)
		}
	}
}

func TestEmails(t *testing.T) {
	for _, test := range []struct{ typed, want, problem string }{
		{"ana@example.com", "ana@example.com", ""},
		{"  Ana.Perez+tienda@Example.COM ", "Ana.Perez+tienda@example.com", ""},
		{"o'brien@example.com", "o'brien@example.com", ""},
		{"ana@muñoz.es", "ana@xn--muoz-hqa.es", ""},
		{"ana@mun\u0303oz.es", "ana@xn--muoz-hqa.es", ""},
		{"ana@straße.de", "ana@xn--strae-oqa.de", ""},
		{"ana@почта.рф", "ana@xn--80a1acny.xn--p1ai", ""},
		{"ana@ｅｘａｍｐｌｅ。com", "ana@example.com", ""},
		{"josé@example.com", "", "email_local"},
		{"ana", "", "email_invalid"},
		{"@example.com", "", "email_invalid"},
		{"ana@", "", "email_invalid"},
		{"ana@@example.com", "", "email_invalid"},
		{"ana perez@example.com", "", "email_invalid"},
		{"ana..perez@example.com", "", "email_invalid"},
		{".ana@example.com", "", "email_invalid"},
		{"ana.@example.com", "", "email_invalid"},
		{`"ana perez"@example.com`, "", "email_invalid"},
		{"ana@example.com.", "", "email_invalid"},
		{"ana@example.com\r\nBcc: x@example.com", "", "email_invalid"},
		{"a\r\nb@example.com", "", "email_invalid"},
		{"0@\x91.A", "", "email_invalid"},
		{"ana@localhost", "", "email_domain"},
		{"ana@192.168.1.1", "", "email_domain"},
		{"ana@[192.168.1.1]", "", "email_domain"},
		{"ana@-example.com", "", "email_domain"},
		{"ana@exa_mple.com", "", "email_domain"},
		{"ana@example..com", "", "email_domain"},
		{"ana@" + strings.Repeat("a", 64) + ".com", "", "email_domain"},
		{strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 64) + "@example.com", ""},
		{strings.Repeat("a", 65) + "@example.com", "", "email_long"},
		{strings.Repeat("a", 64) + "@" + strings.Repeat("b.", 95) + "c", "", "email_long"},
	} {
		got, problem := parseEmail(test.typed)
		if got != test.want || problem != test.problem {
			t.Errorf("%q: %q %q, want %q %q", test.typed, got, problem, test.want, test.problem)
		}
	}
}

func TestSlipsOfCommonDomainsAreNoticed(t *testing.T) {
	for email, want := range map[string]string{
		"ana@gmial.com":      "ana@gmail.com",
		"ana@gmal.com":       "ana@gmail.com",
		"ana@gmaill.com":     "ana@gmail.com",
		"ana@gmail.con":      "ana@gmail.com",
		"ana@hotnail.es":     "ana@hotmail.es",
		"ana@gmail.com":      "",
		"ana@ymail.com":      "",
		"ana@mail.com":       "",
		"ana@hotmail.it":     "",
		"ana@example.com":    "",
		"ana@panaderia.es":   "",
		"ana@gmail.com.mail": "",
	} {
		if got := typoHint(email); got != want {
			t.Errorf("%s: %q, want %q", email, got, want)
		}
	}
}

func TestNames(t *testing.T) {
	for _, test := range []struct{ typed, want, problem string }{
		{"  Ana   Pérez\t", "Ana Pérez", ""},
		{"Jose\u0301", "José", ""},
		{"Ana\nPérez", "Ana Pérez", ""},
		{"李小龙", "李小龙", ""},
		{"", "", "name_empty"},
		{" \t", "", "name_empty"},
		{"123", "", "name_invalid"},
		{"Ana\x00", "", "name_invalid"},
		{"Ana \u202ezereP", "", "name_invalid"},
		{"Ana\xff", "", "name_invalid"},
		{strings.Repeat("a", 201), "", "name_long"},
	} {
		got, problem := parseName(test.typed)
		if got != test.want || problem != test.problem {
			t.Errorf("%q: %q %q, want %q %q", test.typed, got, problem, test.want, test.problem)
		}
	}
}

func TestWordsAreComparedWithoutCaseAndAccents(t *testing.T) {
	for name, want := range map[string][]string{
		"Íñigo DE la Peña":   {"inigo", "de", "la", "pena"},
		"O'Brien-Smith":      {"o", "brien", "smith"},
		"Straße Łódź Ørsted": {"strasse", "lodz", "orsted"},
		"Ana ana ANA":        {"ana"},
		"Ёлкина":             {"елкина"},
		"ΣΊΣΥΦΟΣ":            {"σισυφοσ"},
	} {
		if got := finder.Split(fold(name)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func FuzzPhone(f *testing.F) {
	for _, s := range []string{"600111222", "+34 600 111 222", "00", "+", "٦٠٠", "tel:600;ext=1"} {
		f.Add(s, "ES")
	}
	f.Fuzz(func(t *testing.T, typed, country string) {
		phonePrefixes(typed, country)
		got, problem := parsePhone(typed, country)
		if (got == "") == (problem == "") {
			t.Fatalf("%q: %q %q", typed, got, problem)
		}
		if got == "" {
			return
		}
		if again, problem := parsePhone(got, country); again != got {
			t.Errorf("%q became %q, then %q %q", typed, got, again, problem)
		}
		if len(got) > 16 || strings.Trim(got, "+0123456789") != "" {
			t.Errorf("%q is no E.164", got)
		}
	})
}

func FuzzEmail(f *testing.F) {
	for _, s := range []string{"ana@example.com", "a@ñ.es", "\"a\"@b.c", "a@b@c.d", "a@xn--.com", "a@１.com"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got, problem := parseEmail(typed)
		if (got == "") == (problem == "") {
			t.Fatalf("%q: %q %q", typed, got, problem)
		}
		if got == "" {
			return
		}
		if again, problem := parseEmail(got); again != got {
			t.Errorf("%q became %q, then %q %q", typed, got, again, problem)
		}
		if !isASCII(got) || strings.ContainsAny(got, "\r\n\x00 <>,;:\"()[]\\") || strings.Count(got, "@") != 1 {
			t.Errorf("%q would break a header", got)
		}
		typoHint(got)
	})
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"Ana Pérez", "\u0300", "İstanbul", "ǅ", "﷽", "ß"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		name, problem := parseName(typed)
		if (name == "") == (problem == "") {
			t.Fatalf("%q: %q %q", typed, name, problem)
		}
		if again, _ := parseName(name); again != name {
			t.Errorf("%q became %q, then %q", typed, name, again)
		}
		if !utf8.ValidString(name) {
			t.Errorf("%q is not UTF-8", name)
		}
		for _, w := range finder.Split(fold(typed)) {
			if w == "" || strings.ContainsAny(w, "\x00 ") {
				t.Errorf("word %q", w)
			}
		}
	})
}

func TestLettersOfLatinFoldEachForItselfAsInAText(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		text := make([]rune, 1+r.IntN(8))
		for i := range text {
			text[i] = rune(r.IntN(latinEnd + 20))
		}
		if folded, ok := foldLatin(string(text)); ok && folded != foldAny(string(text)) {
			t.Fatalf("%q: %q, not %q", string(text), folded, foldAny(string(text)))
		}
	}
	for _, text := range []string{"Íñigo Ångström", "Straße", "Łódź"} {
		if _, ok := foldLatin(text); !ok {
			t.Errorf("%q is not folded fast", text)
		}
	}
}

func TestAPlainDomainIsKeptAsItIs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	plain := 0
	try := func(domain string) {
		if !plainDomain(domain) {
			return
		}
		plain++
		if ascii, err := domains.ToASCII(domain); err != nil || ascii != domain {
			t.Fatalf("%q: %q %v", domain, ascii, err)
		}
	}
	for range 20_000 {
		domain := make([]byte, 1+r.IntN(12))
		for i := range domain {
			domain[i] = "ab9zx.n0-A"[min(r.IntN(10), r.IntN(10))]
		}
		try(string(domain))
	}
	for n := range 300 {
		try(strings.Repeat("a", n))
		try(strings.Repeat("ab.", n) + "es")
	}
	if plain < 1000 {
		t.Fatalf("only %d were plain", plain)
	}
}

func TestSpacesOfANameAreSingle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	letters := []string{" ", " ", "\t", "\u00a0", "a", "é", "李", "\x85", "\u3000"}
	for range 20_000 {
		text := ""
		for range r.IntN(7) {
			text += letters[r.IntN(len(letters))]
		}
		if got, want := singleSpaces(text), strings.Join(strings.Fields(text), " "); got != want {
			t.Fatalf("%q: %q, not %q", text, got, want)
		}
	}
}
