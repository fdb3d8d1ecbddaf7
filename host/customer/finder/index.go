package finder

import (
	"bytes"
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
		x.rankings[order] = newRanking(nil)
	}
	return x
}

// entry is a person made ready to be put.
type entry struct {
	*Person
	words []string // all that find the person: those of the name, then the others
	text  []byte
}

func newEntry(p *Person) *entry {
	words := Split(p.Name)
	ofName := len(words)
	for _, w := range p.Words {
		words = appendNew(words, w)
	}
	return &entry{p, words, appendText(make([]byte, 0, len(p.Name)+2), p.Name, words[ofName:])}
}

// put adds or replaces a person.
func (x *index) put(e *entry) {
	b, i := x.columns.room(e.Number)
	known := b.at[i] != 0
	var had []string
	var were items
	if known {
		were = b.items(e.Number)
	}
	if !known || !bytes.Equal(b.textOf(i), e.text) {
		if known {
			had = b.words(i)
		}
		b.setText(i, e.text)
		for j, w := range had {
			if !slices.Contains(e.words, w) {
				x.vocabulary.remove(w, e.Number, slices.Concat(e.words, had[j+1:]))
			}
		}
		for _, w := range e.words {
			if !slices.Contains(had, w) {
				x.vocabulary.add(w, e.Number)
			}
		}
	}
	x.all.Add(e.Number)
	x.mark(e.Number, b.set(i, e.Person), b.marks[i], !known)
	for order, it := range b.items(e.Number) {
		was := &were[order]
		switch {
		case !known:
			x.rank(Order(order), &it)
		case was.compare(&it) != 0:
			x.rankings[order].remove(was)
			x.rank(Order(order), &it)
		}
	}
}

// rank puts a person into an order.
func (x *index) rank(order Order, it *item) {
	r := &x.rankings[order]
	if s := r.add(it); s.count > 2*leastShelf && s.count > 2*shelfSize(int(x.all.GetCardinality())) {
		r.split(it, func(number uint32) item {
			b, _ := x.columns.find(number)
			return b.item(number, order)
		})
	}
}

// mark brings a person from some marks to others; all says that the person had none.
func (x *index) mark(number uint32, from, to marks, all bool) {
	differ := func(bits marks) bool { return all || (from^to)&bits != 0 }
	if differ(hasEmail) {
		is(x.email, number, to&hasEmail != 0)
	}
	if differ(hasPhone) {
		is(x.phone, number, to&hasPhone != 0)
	}
	if differ(^(hasEmail | hasPhone)) {
		if !all {
			x.consent[from.consent()].Remove(number)
		}
		if x.consent[to.consent()] == nil {
			x.consent[to.consent()] = roaring.New()
		}
		x.consent[to.consent()].Add(number)
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
	for order, it := range b.items(number) {
		x.rankings[order].remove(&it)
	}
	x.email.Remove(number)
	x.phone.Remove(number)
	x.consent[b.marks[i].consent()].Remove(number)
	x.all.Remove(number)
	b.drop(i)
	b.compact()
}

// person is what was put, nil when there is none of that number.
func (x *index) person(number uint32) *Person {
	b, i := x.columns.find(number)
	if b == nil {
		return nil
	}
	name, words := b.readText(i)
	return &Person{
		Number:   number,
		Name:     string(name),
		Words:    words,
		Consent:  b.marks[i].consent(),
		Email:    b.marks[i]&hasEmail != 0,
		Phone:    b.marks[i]&hasPhone != 0,
		Activity: int64(b.activity[i]),
		Points:   b.points[i],
	}
}

// words are those with which a person was put.
func (b *block) words(i int) []string {
	name, words := b.readText(i)
	return append(Split(string(name)), words...)
}
