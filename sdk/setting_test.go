package sdk

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestParseMoney(t *testing.T) {
	for _, test := range []struct {
		text, currency string
		want           int64
		ok             bool
	}{
		{"12", "EUR", 1200, true},
		{" 12,5 ", "EUR", 1250, true},
		{"12.50", "EUR", 1250, true},
		{"-0,01", "EUR", -1, true},
		{"0", "EUR", 0, true},
		{"1.2300", "EUR", 123, true},
		{"1000", "CLP", 1000, true},
		{"1,00", "CLP", 1, true},
		{"1,5", "CLP", 0, false},
		{"1.234", "KWD", 1234, true},
		{"7", "???", 700, true},
		{"1.234", "EUR", 0, false},
		{"1.234,56", "EUR", 0, false},
		{"", "EUR", 0, false},
		{"-", "EUR", 0, false},
		{".5", "EUR", 0, false},
		{"5.", "EUR", 0, false},
		{"--5", "EUR", 0, false},
		{"+5", "EUR", 0, false},
		{"5 €", "EUR", 0, false},
		{"1e3", "EUR", 0, false},
		{"٣", "EUR", 0, false},
		{"10000000000000", "EUR", 1e15, true},
		{"10000000000000,01", "EUR", 0, false},
		{"99999999999999999999999", "EUR", 0, false},
	} {
		m, err := ParseMoney(test.text, test.currency)
		if (err == nil) != test.ok || m.Minor != test.want {
			t.Errorf("ParseMoney(%q, %s) = %d, %v", test.text, test.currency, m.Minor, err)
		}
	}
}

func TestMoneyIsWrittenWithItsDecimals(t *testing.T) {
	for want, m := range map[string]Money{
		"0.00":                  {0, "EUR"},
		"-0.05":                 {-5, "EUR"},
		"1234.50":               {123450, "EUR"},
		"1234":                  {1234, "CLP"},
		"0.007":                 {7, "KWD"},
		"-92233720368547758.08": {-1 << 63, "EUR"},
	} {
		if got := m.Decimal(); got != want {
			t.Errorf("%+v is written %s, want %s", m, got, want)
		}
	}
}

func FuzzParseMoney(f *testing.F) {
	for _, s := range []string{"12,50", "-1", "0.10", "1.234", "", "00000000000000000001", "1.2e3"} {
		f.Add(s, "EUR")
	}
	f.Add("100", "JPY")
	f.Add("1.234", "KWD")
	f.Fuzz(func(t *testing.T, text, currency string) {
		m, err := ParseMoney(text, currency)
		if err != nil {
			return
		}
		if magnitude(m.Minor) > maxMinor {
			t.Fatalf("%q is %d", text, m.Minor)
		}
		again, err := ParseMoney(m.Decimal(), currency)
		if err != nil || again != m {
			t.Fatalf("%q is %+v, written %s, read %+v, %v", text, m, m.Decimal(), again, err)
		}
	})
}

func FuzzForm(f *testing.F) {
	f.Add(" 12 ")
	f.Add("-9223372036854775808")
	f.Add("1,5")
	f.Add("true")
	f.Fuzz(func(t *testing.T, typed string) {
		form := Form{"x": typed}
		if text := form.Text("x"); text != strings.TrimSpace(text) || !strings.Contains(typed, text) {
			t.Fatalf("%q became %q", typed, text)
		}
		n, err := form.Int("x")
		if err != nil && n != 0 {
			t.Fatalf("%q is %d and an error", typed, n)
		}
		if form.Bool("x") && err == nil {
			t.Fatalf("%q is yes and a number", typed)
		}
		if form.Text("y") != "" || form.Bool("y") {
			t.Fatal("an absent field has a value")
		}
	})
}

func FuzzTexts(f *testing.F) {
	f.Add("hello: 'Hola, {name}.'\n", "hello")
	f.Add("left: {one: Queda., other: 'Quedan {n}.'}\n", "left")
	f.Add("a: [1]", "a")
	f.Add("a: {few: x}", "a")
	f.Add("a: {one: x}", "a")
	f.Fuzz(func(t *testing.T, file, key string) {
		texts, err := readTexts(fstest.MapFS{"locales/es.yaml": {Data: []byte(file)}})
		if err != nil {
			return
		}
		for key, s := range texts.sentences["es"] {
			if _, ok := s["other"]; !ok {
				t.Fatalf("%q has no sentence", key)
			}
		}
		texts.text("es", key, []any{"n", 1, "name"}) // an argument without value is no reason to panic
	})
}

func TestNumbersAreGrouped(t *testing.T) {
	for digits, want := range map[string]string{
		"7": "7", "1234": "1234", "12345": "12.345", "123456": "123.456", "1234567": "1.234.567",
	} {
		if got := group(digits, "."); got != want {
			t.Errorf("%s is written %s, want %s", digits, got, want)
		}
	}
}

func TestAFileComesWithItsContent(t *testing.T) {
	for name, test := range map[string]struct {
		value         any
		file, content string
		fault         bool
	}{
		"chosen":       {map[string]any{"name": "logo.png", "content": "AAH/"}, "logo.png", "\x00\x01\xff", false},
		"not chosen":   {nil, "", "", false},
		"cleared":      {"", "", "", false},
		"another type": {"logo.png", "", "", true},
		"broken":       {map[string]any{"name": "x", "content": "%"}, "x", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			tx := &Tx{}
			file, content := Setting{tx: tx, key: "PLG0009Logo", value: test.value}.File()
			if file != test.file || string(content) != test.content || (tx.err != nil) != test.fault {
				t.Errorf("%q %q, fault %v", file, content, tx.err)
			}
		})
	}
}
