package sdk

import "strings"

// What the SDK must know of currencies is little: it is written down here, since x/text/currency with its tables would
// be in the memory of every plugin. A test compares the two.

// unusualDecimals are the currencies whose minor unit is not a hundredth, by the number of decimals.
var unusualDecimals = [...]string{
	0: "ADP AFN ALL AMD BIF BYR CLP COP DJF ESP GNF GYD IDR IQD IRR ISK ITL JPY KMF KPW KRW LAK LBP LUF MGA MGF MMK MNT MRO " +
		"MUR PKR PYG RSD RWF SLL SOS STD SYP TMM TRL TZS UGX UYI UZS VND VUV XAF XOF XPF YER ZMK ZWD",
	3: "BHD JOD KWD LYD OMR TND",
	4: "CLF",
}

// symbols are the currencies that people write with something else than their code.
var symbols = [...]struct{ symbol, codes string }{
	{"€", "EUR"},
	{"$", "ARS AUD BBD BMD BND BSD BZD CAD CLP COP CUC CUP DOP FJD GYD HKD JMD KYD LRD MXN NAD NZD SBD SGD SRD TTD TWD USD UYU XCD"},
	{"₡", "CRC"}, {"Q", "GTQ"}, {"L", "HNL"}, {"C$", "NIO"}, {"₲", "PYG"}, {"Bs", "BOB VEF"}, {"R$", "BRL"},
	{"£", "FKP GBP GIP SHP SSP SYP"}, {"¥", "CNY JPY"}, {"kr", "DKK ISK NOK SEK"}, {"Rs", "LKR MUR NPR PKR"},
	{"₩", "KPW KRW"}, {"р.", "BYN RUR"},
	{"Ar", "MGA"}, {"CF", "KMF"}, {"Db", "STD"}, {"E£", "EGP"}, {"FG", "GNF"}, {"Ft", "HUF"}, {"K", "MMK"}, {"KM", "BAM"},
	{"Kz", "AOA"}, {"Kč", "CZK"}, {"Ls", "LVL"}, {"Lt", "LTL"}, {"L£", "LBP"}, {"P", "BWP"}, {"R", "ZAR"}, {"RF", "RWF"},
	{"RM", "MYR"}, {"Rp", "IDR"}, {"T$", "TOP"}, {"ZK", "ZMW"}, {"kn", "HRK"}, {"lei", "RON"}, {"zł", "PLN"}, {"৳", "BDT"},
	{"฿", "THB"}, {"៛", "KHR"}, {"₦", "NGN"}, {"₧", "ESP"}, {"₪", "ILS"}, {"₫", "VND"}, {"₭", "LAK"}, {"₮", "MNT"},
	{"₱", "PHP"}, {"₴", "UAH"}, {"₸", "KZT"}, {"₹", "INR"}, {"₺", "TRY"}, {"₽", "RUB"}, {"₾", "GEL"},
}

// decimals is how many the currency has; two when it is none that ISO 4217 knows.
func (m Money) decimals() int {
	if m.Currency != "EUR" { // most by far; spares the look-up
		for n, codes := range unusualDecimals {
			if listed(codes, m.Currency) {
				return n
			}
		}
	}
	return 2
}

// symbol is what people write for the currency; its code when there is nothing else.
func (m Money) symbol() string {
	for _, s := range symbols {
		if listed(s.codes, m.Currency) {
			return s.symbol
		}
	}
	return m.Currency
}

// listed tells whether a code is among codes.
func listed(codes, code string) bool {
	return len(code) == 3 && !strings.Contains(code, " ") && strings.Contains(codes, strings.ToUpper(code))
}
