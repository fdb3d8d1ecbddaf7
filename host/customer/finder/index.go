package finder

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"mostrador/sdk/plgv1"
)

// index is what a Finder knows.
type index struct {
	all          *roaring.Bitmap
	columns      columns
	vocabulary   vocabulary
	email, phone *roaring.Bitmap
	consent      map[plgv1.ConsentState]*roaring.Bitmap
	rankings     [ranked]ranking
}

func newIndex() *index {
	x := &index{
		all:        roaring.New(),
		vocabulary: vocabulary{ready: map[string]*roaring.Bitmap{}},
		email:      roaring.New(),
		phone:      roaring.New(),
		consent:    map[plgv1.ConsentState]*roaring.Bitmap{},
	}
	for order := range x.rankings {
		x.rankings[order] = newRanking(nil, shelfLimit(0))
	}
	return x
}

// put adds or replaces a person, whose words are those of wordsOf.
func (x *index) put(p *Person, words []string) {
	b, i := x.columns.room(p.Number)
	known := b.at[i] != 0
	var had []string
	var were ranks
	if known {
		had, were = b.words(i), b.ranks(i)
	}
	if !known || p.Name != string(b.nameOf(i)) || !slices.Equal(had, words) {
		b.setText(i, p.Name, words[len(Split(p.Name)):])
	}
	for j, w := range had {
		if !slices.Contains(words, w) {
			x.vocabulary.remove(w, p.Number, slices.Concat(words, had[j+1:]))
		}
	}
	for _, w := range words {
		if !slices.Contains(had, w) {
			x.vocabulary.add(w, p.Number)
		}
	}
	x.mark(p, b, i)
	for order, at := range b.ranks(i) {
		if !known {
			x.rank(p.Number, Order(order), at)
		} else if was := were[order]; was != at {
			x.rankings[order].remove(p.Number, was)
			x.rank(p.Number, Order(order), at)
		}
	}
}

// rank puts a person into an order.
func (x *index) rank(number uint32, order Order, at rank) {
	r := &x.rankings[order]
	if s := r.add(number, at); s.count > s.limit {
		r.split(s, shelfLimit(int(x.all.GetCardinality())), func(number uint32) rank {
			b, i := x.columns.find(number)
			return b.rankOf(i, order)
		})
	}
}

// mark writes all but the words of a person.
func (x *index) mark(p *Person, b *block, i int) {
	b.activity[i] = clampActivity(p.Activity)
	b.points[i] = clampPoints(p.Points)
	x.all.Add(p.Number)
	is(x.email, p.Number, p.Email)
	is(x.phone, p.Number, p.Phone)
	if x.consent[p.Consent] == nil {
		x.consent[p.Consent] = roaring.New()
	}
	for state, set := range x.consent {
		is(set, p.Number, state == p.Consent)
	}
}

// is puts a number into a set or takes it out.
func is(set *roaring.Bitmap, number uint32, in bool) {
	if in {
		set.Add(number)
	} else {
		set.Remove(number)
	}
}

func (x *index) remove(number uint32) {
	b, i := x.columns.find(number)
	if b == nil {
		return
	}
	had := b.words(i)
	for j, w := range had {
		x.vocabulary.remove(w, number, had[j+1:])
	}
	for order, at := range b.ranks(i) {
		x.rankings[order].remove(number, at)
	}
	b.drop(i)
	b.compact()
	x.all.Remove(number)
	x.email.Remove(number)
	x.phone.Remove(number)
	for _, set := range x.consent {
		set.Remove(number)
	}
}

// person is what was put, nil when there is none of that number.
func (x *index) person(number uint32) *Person {
	b, i := x.columns.find(number)
	if b == nil {
		return nil
	}
	name, words, _ := readText(b.text[b.at[i]:])
	p := &Person{
		Number:   number,
		Name:     string(name),
		Words:    words,
		Email:    x.email.Contains(number),
		Phone:    x.phone.Contains(number),
		Activity: int64(b.activity[i]),
		Points:   b.points[i],
	}
	for state, set := range x.consent {
		if set.Contains(number) {
			p.Consent = state
		}
	}
	return p
}

// words are those with which a person was put.
func (b *block) words(i int) []string {
	name, words, _ := readText(b.text[b.at[i]:])
	return append(Split(string(name)), words...)
}
