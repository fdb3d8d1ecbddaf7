package segment

import (
	"math"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"mostrador/host/customer"
	"mostrador/host/customer/set"
	"mostrador/sdk/plgv1"
)

// person is a customer as compiled conditions see him. It is filled from the bytes of a record, of which only
// what is asked for is decoded, or from a message; one person serves many customers, one after the other.
type person struct {
	number uint32
	// message is set, or else bytes, of which raw is what they hold once read is set.
	message *plgv1.Customer
	bytes   []byte
	read    bool
	raw     record
	facts   customer.Facts
	// in tells whether the customer is in a set, tagged whether in that of any tag.
	in     func(set.ID) bool
	tagged func() bool
	today  float64
	zone   *time.Location
	// cents is how many minor units make one of the currency.
	cents float64
	// each is the entry that a loop over a list is at.
	each string
}

// record is what a record holds, undecoded.
type record struct {
	id, name, phone, email, language []byte
	cards                            [][]byte
	fields                           [][2][]byte
	aplica                           bool
	programme, promotions            plgv1.ConsentState
	created                          int64
}

// Numbers of the fields in plgv1.Customer and the messages inside.
const (
	wireID       = 1
	wireName     = 2
	wirePhone    = 3
	wireEmail    = 4
	wireLanguage = 5
	wireCards    = 6
	wireFields   = 8
	wireAplica   = 9
	wireConsent  = 10
	wireCreated  = 11
)

// read fills the record from the bytes of a plgv1.Customer, of which it keeps parts. Damaged bytes end it early.
func (r *record) read(b []byte) {
	*r = record{cards: r.cards[:0], fields: r.fields[:0]}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		switch kind {
		case protowire.BytesType:
			value, n := protowire.ConsumeBytes(b)
			if n < 0 {
				return
			}
			b = b[n:]
			switch number {
			case wireID:
				r.id = value
			case wireName:
				r.name = value
			case wirePhone:
				r.phone = value
			case wireEmail:
				r.email = value
			case wireLanguage:
				r.language = value
			case wireCards:
				r.cards = append(r.cards, value)
			case wireFields:
				r.fields = append(r.fields, pair(value))
			case wireConsent:
				each(value, func(number protowire.Number, v uint64) {
					switch number {
					case 1:
						r.programme = plgv1.ConsentState(v)
					case 2:
						r.promotions = plgv1.ConsentState(v)
					}
				})
			case wireCreated:
				each(value, func(number protowire.Number, v uint64) {
					if number == 1 {
						r.created = int64(v)
					}
				})
			}
		case protowire.VarintType:
			value, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return
			}
			b = b[n:]
			if number == wireAplica {
				r.aplica = value != 0
			}
		default:
			n := protowire.ConsumeFieldValue(number, kind, b)
			if n < 0 {
				return
			}
			b = b[n:]
		}
	}
}

// pair reads an entry of a map of texts.
func pair(b []byte) (kv [2][]byte) {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 || kind != protowire.BytesType || number > 2 {
			return kv
		}
		value, m := protowire.ConsumeBytes(b[n:])
		if m < 0 {
			return kv
		}
		kv[number-1] = value
		b = b[n+m:]
	}
	return kv
}

// each yields the varints of a message.
func each(b []byte, yield func(protowire.Number, uint64)) {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		if kind == protowire.VarintType {
			value, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return
			}
			yield(number, value)
			b = b[n:]
			continue
		}
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return
		}
		b = b[n:]
	}
}

// scan has a person be the customer of a record.
func (p *person) scan(number uint32, record []byte) {
	p.number, p.bytes, p.read = number, record, false
}

func (p *person) record() *record {
	if !p.read {
		p.raw.read(p.bytes)
		p.read = true
	}
	return &p.raw
}

func (p *person) id() string {
	if p.message != nil {
		return p.message.GetId()
	}
	return string(p.record().id)
}

func (p *person) name() string {
	if p.message != nil {
		return p.message.GetName()
	}
	return string(p.record().name)
}

func (p *person) phone() string {
	if p.message != nil {
		return p.message.GetPhone()
	}
	return string(p.record().phone)
}

func (p *person) email() string {
	if p.message != nil {
		return p.message.GetEmail()
	}
	return string(p.record().email)
}

func (p *person) language() string {
	if p.message != nil {
		return p.message.GetLanguage()
	}
	return string(p.record().language)
}

func (p *person) cards() []string {
	if p.message != nil {
		return p.message.GetCards()
	}
	r := p.record()
	cards := make([]string, len(r.cards))
	for i, c := range r.cards {
		cards[i] = string(c)
	}
	return cards
}

func (p *person) field(id string) string {
	if p.message != nil {
		return p.message.GetFields()[id]
	}
	r := p.record()
	for i := len(r.fields) - 1; i >= 0; i-- { // of two entries the later counts
		if kv := &r.fields[i]; string(kv[0]) == id {
			return string(kv[1])
		}
	}
	return ""
}

// many are the values of a field that may have more than one; they are kept one a line.
func (p *person) many(id string) []string {
	value := p.field(id)
	if value == "" {
		return nil
	}
	return strings.Split(value, "\n")
}

func (p *person) aplica() bool {
	if p.message != nil {
		return p.message.GetAplicaPromociones()
	}
	return p.record().aplica
}

func (p *person) consent(purpose plgv1.Purpose) plgv1.ConsentState {
	programme := purpose == plgv1.Purpose_PURPOSE_PROGRAMME
	switch {
	case p.message != nil && programme:
		return p.message.GetConsent().GetProgramme()
	case p.message != nil:
		return p.message.GetConsent().GetPromotions()
	case programme:
		return p.record().programme
	}
	return p.record().promotions
}

func (p *person) created() int64 {
	if p.message != nil {
		return p.message.GetCreated().GetSeconds()
	}
	return p.record().created
}

// absent is the number, or date, that is not there: it compares as false with everything.
var absent = math.NaN()

// number reads a value as it is kept; absent when there is none.
func number(text string) float64 {
	if text == "" {
		return absent
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(n, 0) {
		return absent
	}
	return n
}

// yes reads a yes or no as it is kept.
func yes(text string) bool { return text == "true" }

// A date is a number of days since 1970-01-01, in whatever zone its day was one.
const secondsADay = 86400

// dayOf is the day of a moment in seconds since 1970; absent for 0, which means never.
func dayOf(seconds int64, zone *time.Location) float64 {
	if seconds == 0 {
		return absent
	}
	_, offset := time.Unix(seconds, 0).In(zone).Zone()
	return math.Floor(float64(seconds+int64(offset)) / secondsADay)
}

// dateOf is the day of a calendar.
func dateOf(year int, month time.Month, day int) float64 {
	return float64(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix() / secondsADay)
}

// calendar is the counterpart of dateOf.
func calendar(date float64) (year int, month time.Month, day int) {
	return time.Unix(int64(date)*secondsADay, 0).UTC().Date()
}

// readDate reads the kept value of a date ("2026-11-22") or of a moment ("2026-11-22T18:30:00Z", which counts in
// the zone; without a zone it is local).
func readDate(text string, zone *time.Location) float64 {
	if len(text) < len("2006-01-02") || text[4] != '-' || text[7] != '-' {
		return absent
	}
	year, ok1 := digits(text[:4])
	month, ok2 := digits(text[5:7])
	day, ok3 := digits(text[8:10])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > daysIn(year, time.Month(month)) {
		return absent
	}
	if len(text) > len("2006-01-02T15:04") {
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			return dayOf(t.Unix(), zone)
		}
	}
	return dateOf(year, time.Month(month), day)
}

func digits(s string) (n int, ok bool) {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// calendared tells whether a number of days leads to a year that a calendar has.
func calendared(date float64) bool { return date > -3_000_000 && date < 3_000_000 }

// anniversary tells whether the date comes round within so many days from today on, today included. Who was
// born on 29 February has it on 28 February in the years that lack it.
func anniversary(date, today, days float64) bool {
	if !calendared(date) || !calendared(today) || !(days >= 0) {
		return false
	}
	_, month, day := calendar(date)
	this, _, _ := calendar(today)
	for year := this; year <= this+1; year++ {
		next := dateOf(year, month, min(day, daysIn(year, month)))
		if next >= max(today, date) && next <= today+days {
			return true
		}
	}
	return false
}

// yearsSince is how many whole years have passed: an age. A date to come has none.
func yearsSince(date, today float64) float64 {
	if !calendared(date) || !calendared(today) || date > today {
		return absent
	}
	y, m, d := calendar(date)
	year, _, _ := calendar(today)
	if dateOf(year, m, min(d, daysIn(year, m))) > today {
		year--
	}
	return float64(year - y)
}
