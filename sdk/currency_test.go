package sdk

import (
	"fmt"
	"testing"

	"golang.org/x/text/currency"
)

func TestCurrenciesAreAsTheWorldHasThem(t *testing.T) {
	known := 0
	for n := range 26 * 26 * 26 {
		code := string([]byte{'A' + byte(n/676), 'A' + byte(n/26%26), 'A' + byte(n%26)})
		decimals, symbol := 2, code
		if unit, err := currency.ParseISO(code); err == nil {
			known++
			decimals, _ = currency.Standard.Rounding(unit)
			symbol = fmt.Sprint(currency.NarrowSymbol(unit))
		}
		m := Money{Currency: code}
		if m.decimals() != decimals || m.symbol() != symbol {
			t.Errorf("%s has %d decimals and is written %s, want %d and %s", code, m.decimals(), m.symbol(), decimals, symbol)
		}
	}
	if known < 150 {
		t.Errorf("only %d currencies were compared", known)
	}
	for _, code := range []string{"", "E", "EURO", " US"} {
		if m := (Money{Currency: code}); m.decimals() != 2 || m.symbol() != code {
			t.Errorf("%q is a currency", code)
		}
	}
}
