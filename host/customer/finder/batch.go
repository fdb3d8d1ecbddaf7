package finder

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/RoaringBitmap/roaring/v2"

	"mostrador/sdk/plgv1"
)

// Batch is many persons made ready to be put, which is the dear part and needs no Finder: their words are gathered, so
// that each is looked up once for all who have it.
type Batch []part

// part is as many persons of a batch as are put while everybody waits, and the numbers of those who have each word.
type part struct {
	entries []*entry
	words   []string // in order
	numbers [][]uint32
}

// partSize is how many persons a part has: a millisecond's.
const partSize = 1024

// NewBatch makes persons ready to be put. They are not to be changed until they are.
func NewBatch(persons []*Person) Batch {
	var b Batch
	for some := range slices.Chunk(persons, partSize) {
		b = append(b, newPart(some))
	}
	return b
}

func newPart(persons []*Person) part {
	p := part{entries: make([]*entry, len(persons))}
	places := make(map[string]int, 2*len(persons)) // of the words, as they come
	counts := make([]int, 0, 2*len(persons))       // of those who have each
	said := make([]int, 0, 4*len(persons))         // places of everybody's words
	for i, person := range persons {
		e := newEntry(person)
		p.entries[i] = e
		for _, w := range e.words {
			place, known := places[w]
			if !known {
				place = len(p.words)
				places[w] = place
				p.words, counts = append(p.words, w), append(counts, 0)
			}
			counts[place]++
			said = append(said, place)
		}
	}
	slices.Sort(p.words)
	p.numbers = make([][]uint32, len(p.words))
	all := make([]uint32, len(said))
	sorted := make([]int, len(p.words)) // by place
	for i, w := range p.words {
		place := places[w]
		sorted[place] = i
		p.numbers[i], all = all[:0:counts[place]], all[counts[place]:]
	}
	for _, e := range p.entries {
		for range e.words {
			i := sorted[said[0]]
			said = said[1:]
			p.numbers[i] = append(p.numbers[i], e.Number)
		}
	}
	return p
}

// PutBatch does what Put does with each person of the batch, in their order. It is several times faster when the Finder
// knows none of them.
func (f *Finder) PutBatch(b Batch) {
	for i := range b {
		f.putPart(&b[i])
	}
}

func (f *Finder) putPart(p *part) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index.putPart(p)
	for _, e := range p.entries {
		f.removed.Remove(e.Number)
		f.touch(e.Number)
	}
}

// putPart puts persons one by one when any is known, or comes twice.
func (x *index) putPart(p *part) {
	if !x.unknown(p.entries) {
		for _, e := range p.entries {
			x.put(e)
		}
		return
	}
	numbers := make([]uint32, len(p.entries))
	var email, phone []uint32
	consent := map[plgv1.ConsentState][]uint32{}
	for i, e := range p.entries {
		b, at := x.columns.room(e.Number)
		b.setText(at, e.text)
		b.set(at, e.Person)
		numbers[i] = e.Number
		m := b.marks[at]
		if m&hasEmail != 0 {
			email = append(email, e.Number)
		}
		if m&hasPhone != 0 {
			phone = append(phone, e.Number)
		}
		consent[m.consent()] = append(consent[m.consent()], e.Number)
	}
	x.all.AddMany(numbers)
	x.email.AddMany(email)
	x.phone.AddMany(phone)
	for state, of := range consent {
		if x.consent[state] == nil {
			x.consent[state] = roaring.New()
		}
		x.consent[state].AddMany(of)
	}
	x.vocabulary.addMany(p.words, p.numbers)
	for _, number := range numbers {
		b, _ := x.columns.find(number)
		for order, it := range b.items(number) {
			x.rank(Order(order), &it)
		}
	}
}

// unknown tells whether no number of the entries is known, and each comes once.
func (x *index) unknown(entries []*entry) bool {
	for i, e := range entries {
		if b, _ := x.columns.find(e.Number); b != nil {
			return false
		}
		if i > 0 && entries[i-1].Number >= e.Number {
			return false // in another order: who comes twice is not seen
		}
	}
	return true
}

// addMany notes that persons have words, which are in order.
func (v *vocabulary) addMany(words []string, numbers [][]uint32) {
	first := make([]bool, len(words)) // that anybody has
	for i, word := range words {
		p, known := v.words.Get(word)
		if !known {
			word = strings.Clone(word) // not to keep all the text that it is part of
			p = new(posting)
			v.words.Set(word, p)
			first[i] = true
		}
		p.addMany(numbers[i])
	}
	v.addReady(words, numbers, first, 0)
}

// addReady adds the numbers of words, which are alike up to a length, to the unions of the longer prefixes that are
// ready, and makes ready those that are now due. What is ready for a prefix that is not is nothing.
func (v *vocabulary) addReady(words []string, numbers [][]uint32, first []bool, length int) {
	var all []uint32
	for i := 0; i < len(words); {
		if len(words[i]) == length {
			i++ // it is no longer than that
			continue
		}
		_, size := utf8.DecodeRuneInString(words[i][length:])
		prefix := words[i][:length+size]
		from := i
		anew := false
		all = all[:0]
		for ; i < len(words) && strings.HasPrefix(words[i], prefix); i++ {
			anew = anew || first[i]
			all = append(all, numbers[i]...)
		}
		if ready := v.ready[prefix]; ready != nil {
			if i-from > 1 {
				slices.Sort(all)
			}
			ready.AddMany(all)
		} else if !anew || !v.makeReady(strings.Clone(prefix)) {
			continue // longer prefixes have no more words
		}
		v.addReady(words[from:i], numbers[from:i], first[from:i], length+size)
	}
}

// addMany adds numbers that ascend.
func (p *posting) addMany(numbers []uint32) {
	if p.many != nil {
		p.many.AddMany(numbers)
		return
	}
	for _, number := range numbers {
		p.add(number)
	}
}
