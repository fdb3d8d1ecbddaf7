package record

import (
	"slices"
	"strings"

	"mostrador/host/customer"
	"mostrador/host/customer/finder"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// A pair is suggested from suggestFrom points on, out of 100: a name alone is never enough, and everything that speaks
// for a pair can be said in words.
const suggestFrom = 70

// Points for what two records have in common.
const (
	// The same words in the name, in whatever order; full names (three words or more) tell more.
	pointsName     = 50
	pointsFullName = 60
	// All words but one, which is one slip of the fingers off; a long word is likelier to be mistyped.
	pointsSlip     = 40
	pointsLongSlip = 55
	// One name is a part of the other: a second surname is missing.
	pointsPart = 40
	// The same day in a field that is a date (of birth, as a rule).
	pointsDate = 40
	// The same part before the @ at another provider, or the whole address one slip off.
	pointsMail = 35
	// Phones that differ by a digit, or by two that were swapped.
	pointsPhone = 35
	// The same city or address.
	pointsPlace = 15
	// A name that nearly nobody else has.
	pointsRare = 15
	// Two dates in one field that are not the same speak against it.
	pointsOtherDate = -40
	// So do, a little, two phones that have nothing to do with one another.
	pointsOtherPhone = -10
)

// longWord is from how many letters on a word is long, shortWord up to how many it is too short to be mistyped.
const (
	longWord  = 6
	shortWord = 3
)

// rareName is how many customers may have a name that counts as rare.
const rareName = 3

// person is what is compared of a customer.
type person struct {
	number uint32
	// words are those of the name, folded; sorted are the same in the order of letters.
	words, sorted []string
	phone         string
	local, email  string
	// dates and places are the folded values of fields by their ids.
	dates, places map[string]string
}

// model says which fields are dates and which are places.
type model struct {
	dates, places []string
}

// placeNames are what fields are called, in the languages of the program, that say where somebody lives.
var placeNames = []string{
	"ciudad", "city", "poblacion", "localidad", "municipio", "town", "codigo_postal", "cp", "postcode", "zip", "direccion", "address", "domicilio",
}

// modelOf looks through the fields that customers have values of.
func modelOf(fields customer.Fields, ids []string) model {
	var m model
	for _, id := range ids {
		kind := manifest.Type("")
		if fields != nil {
			if f, known := fields.Field(id); known {
				kind = f.Type
			}
		}
		switch {
		case kind == manifest.TypeDate:
			m.dates = append(m.dates, id)
		case kind == customer.TypePostalAddress || slices.Contains(placeNames, customer.Fold(id)):
			m.places = append(m.places, id)
		}
	}
	return m
}

// personOf is what is compared of a customer.
func (m model) personOf(c *plgv1.Customer) *person {
	p := &person{number: uint32(c.Number), words: wordsOf(c.Name), phone: c.Phone, email: strings.ToLower(c.Email)}
	p.sorted = slices.Sorted(slices.Values(p.words))
	if at := strings.LastIndexByte(p.email, '@'); at > 0 {
		p.local = p.email[:at]
	}
	values := func(ids []string) map[string]string {
		of := map[string]string{}
		for _, id := range ids {
			if v := c.Fields[id]; v != "" {
				of[id] = customer.Fold(v)
			}
		}
		return of
	}
	p.dates, p.places = values(m.dates), values(m.places)
	return p
}

// evidence is what speaks for two records being of one person.
type evidence struct {
	// name is the key of a sentence: same, order, slip or part.
	name string
	// dates and places are ids of fields with the same value.
	dates, places []string
	mail, phone   string
	rare          bool
	score         int32
}

// compare weighs two records. rare says that nearly nobody else has the name of a.
func compare(a, b *person, rare bool) (e evidence) {
	full := min(len(a.words), len(b.words)) >= 3
	switch {
	case len(a.words) == 0 || len(b.words) == 0:
		return e
	case slices.Equal(a.sorted, b.sorted):
		e.name, e.score = "name_same", pointsName
		if !slices.Equal(a.words, b.words) {
			e.name = "name_order"
		}
		if full {
			e.score = pointsFullName
		}
	default:
		slip, other := odd(a.sorted, b.sorted)
		switch {
		case slip != "" && other != "" && len(slip) > shortWord && oneSlip(slip, other):
			e.name, e.score = "name_slip", pointsSlip
			if len(slip) >= longWord {
				e.score = pointsLongSlip
			}
		case partOf(a.sorted, b.sorted) || partOf(b.sorted, a.sorted):
			e.name, e.score = "name_part", pointsPart
		default:
			return e
		}
	}
	against := false
	for _, id := range sortedKeys(a.dates) {
		switch {
		case a.dates[id] == b.dates[id]:
			e.dates = append(e.dates, id)
		case b.dates[id] != "":
			against = true
		}
	}
	for _, id := range sortedKeys(a.places) {
		if a.places[id] == b.places[id] {
			e.places = append(e.places, id)
		}
	}
	switch {
	case a.local == "" || b.local == "":
	case a.local == b.local:
		e.mail = "mail_local"
	case oneSlip(a.email, b.email):
		e.mail = "mail_slip"
	}
	phones := a.phone != "" && b.phone != ""
	if phones && oneSlip(a.phone, b.phone) {
		e.phone = "phone_slip"
	}
	add := func(holds bool, points int32) {
		if holds {
			e.score += points
		}
	}
	add(len(e.dates) > 0, pointsDate)
	add(len(e.places) > 0, pointsPlace)
	add(e.mail != "", pointsMail)
	add(e.phone != "", pointsPhone)
	add(against, pointsOtherDate)
	add(phones && e.phone == "", pointsOtherPhone)
	if e.rare = rare && (e.name == "name_same" || e.name == "name_order"); e.rare {
		e.score += pointsRare
	}
	if len(e.dates)+len(e.places) == 0 && e.mail == "" && e.phone == "" {
		e.score = min(e.score, suggestFrom-1) // a name alone, however rare
	}
	e.score = max(0, min(e.score, 99))
	return e
}

// reasons says what speaks for a pair.
func (s *Service) reasons(e evidence, lang string) []string {
	reasons := []string{s.text(lang, e.name)}
	for _, id := range e.dates {
		reasons = append(reasons, s.text(lang, "same_value", "field", s.label(prefixField+id, lang)))
	}
	for _, id := range e.places {
		reasons = append(reasons, s.text(lang, "same_value", "field", s.label(prefixField+id, lang)))
	}
	for _, key := range []string{e.mail, e.phone} {
		if key != "" {
			reasons = append(reasons, s.text(lang, key))
		}
	}
	if e.rare {
		reasons = append(reasons, s.text(lang, "name_rare"))
	}
	return reasons
}

// odd returns the one word in which two sorted lists differ; empty when they differ in more.
func odd(a, b []string) (x, y string) {
	if len(a) != len(b) {
		return "", ""
	}
	left, right := without(a, b), without(b, a)
	if len(left) != 1 || len(right) != 1 {
		return "", ""
	}
	return left[0], right[0]
}

// partOf tells whether all words of a, at least two, are among those of b.
func partOf(a, b []string) bool {
	return len(a) >= 2 && len(a) < len(b) && len(without(a, b)) == 0
}

// oneSlip reports whether a becomes b by one letter too many, too few, wrong, or two neighbours exchanged.
func oneSlip(a, b string) bool {
	x, y := []rune(a), []rune(b)
	for len(x) > 0 && len(y) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	switch {
	case len(x) <= 1 && len(y) <= 1:
		return a != b
	case len(x) == 2 && len(y) == 2:
		return x[0] == y[1] && x[1] == y[0]
	}
	return false
}

// particles are words that are left out as often as not.
var particles = []string{"de", "del", "la", "las", "los", "y", "e", "da", "do", "dos", "van", "von", "der", "den"}

// wordsOf are the words of a name as they are compared.
func wordsOf(name string) []string {
	return slices.DeleteFunc(finder.Split(customer.Fold(name)), func(w string) bool { return slices.Contains(particles, w) })
}
