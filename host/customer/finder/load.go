package finder

import (
	"maps"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
)

// fewChanged is how many changes Load applies while everybody waits, and at once otherwise.
const fewChanged = 256

// Load adds all persons that next returns until it reports false; n is about how many they are. Next may return the
// same Person each time, with other contents. Numbers that were or are meanwhile put or removed stay as Put and
// Remove left them. The loaded persons are found when Load returns.
//
// They are put into an index of their own, which then takes over the changes and the place of the old one.
func (f *Finder) Load(n int, next func() (*Person, bool)) {
	f.loading.Lock()
	defer f.loading.Unlock()
	f.mu.Lock()
	f.changed = roaring.Or(f.index.all, f.removed)
	f.mu.Unlock()

	l := loader{index: newIndex(), lists: map[string]*posting{}}
	for p, more := next(); more; p, more = next() {
		l.load(p)
	}
	l.finish()
	// Each round leaves only the changes that came while it ran. Should they come as fast as they are taken over,
	// the last round is as large as they are.
	for range 8 {
		f.mu.Lock()
		changed := f.changed
		if changed.GetCardinality() <= fewChanged {
			f.mu.Unlock()
			break
		}
		f.changed = roaring.New()
		f.mu.Unlock()
		for numbers := range slices.Chunk(changed.ToArray(), fewChanged) {
			f.mu.RLock()
			persons := f.index.persons(numbers)
			f.mu.RUnlock()
			l.index.take(numbers, persons)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	numbers := f.changed.ToArray()
	l.index.take(numbers, f.index.persons(numbers))
	f.index, f.changed = l.index, nil
}

// persons are those of some numbers, nil where there is none.
func (x *index) persons(numbers []uint32) []*Person {
	persons := make([]*Person, len(numbers))
	for i, n := range numbers {
		persons[i] = x.person(n)
	}
	return persons
}

// take puts persons where there are some, and removes them where there are none.
func (x *index) take(numbers []uint32, persons []*Person) {
	for i, n := range numbers {
		if p := persons[i]; p != nil {
			x.put(newEntry(p))
		} else {
			x.remove(n)
		}
	}
}

// loader builds an index. Until finish, postings are lists in the order of the persons and no prefix is ready.
type loader struct {
	index *index
	lists map[string]*posting
	words []string // of the last person
	text  []byte
}

func (l *loader) load(p *Person) {
	b, i := l.index.columns.room(p.Number)
	if b.at[i] != 0 {
		return // the first one counts
	}
	l.words = appendWords(l.words[:0], p.Name)
	ofName := len(l.words)
	for _, w := range p.Words {
		l.words = appendNew(l.words, w)
	}
	l.text = appendText(l.text[:0], p.Name, l.words[ofName:])
	b.setText(i, l.text)
	b.set(i, p)
	l.index.all.Add(p.Number)
	l.index.mark(p.Number, 0, b.marks[i], true)
	for _, w := range l.words {
		list := l.lists[w]
		if list == nil {
			list = new(posting)
			l.lists[strings.Clone(w)] = list
		}
		list.few = append(list.few, p.Number)
	}
}

// finish makes the vocabulary and gives back what grew ahead of the need.
func (l *loader) finish() {
	x := l.index
	words := slices.Sorted(maps.Keys(l.lists))
	for _, w := range words {
		p := l.lists[w]
		if !slices.IsSorted(p.few) {
			slices.Sort(p.few)
		}
		if len(p.few) > fewNumbers {
			p.few, p.many = nil, roaring.BitmapOf(p.few...).Clone()
		} else {
			p.few = slices.Clone(p.few)
		}
		x.vocabulary.words.Load(w, p)
	}
	l.lists = nil
	x.vocabulary.prepare(words)
	x.all.RunOptimize()
	for order := range x.rankings {
		x.rankings[order] = x.shelve(Order(order))
	}
	for _, b := range x.columns {
		if b != nil {
			b.clip()
		}
	}
}

// shelve makes the ranking of an order anew, with shelves cut where a sample says.
func (x *index) shelve(order Order) ranking {
	const perShelf = 16
	total := int(x.all.GetCardinality())
	every := max(1, shelfSize(total)/perShelf)
	var sample, from []item
	i := 0
	x.each(func(number uint32, b *block) {
		if i++; i%every == 0 {
			sample = append(sample, b.item(number, order))
		}
	})
	slices.SortFunc(sample, func(a, b item) int { return a.compare(&b) })
	for i := perShelf; i < len(sample); i += perShelf {
		from = append(from, sample[i])
	}
	r := newRanking(from)
	x.each(func(number uint32, b *block) {
		it := b.item(number, order)
		r.add(&it)
	})
	for _, s := range r {
		s.set = s.set.Clone() // no larger than need be
	}
	return r
}

// each goes through all persons.
func (x *index) each(visit func(number uint32, b *block)) {
	for n, b := range x.columns {
		if b == nil {
			continue
		}
		for i, at := range b.at {
			if at != 0 {
				visit(uint32(n)<<blockBits|uint32(i), b)
			}
		}
	}
}

// prepare makes all prefixes ready that are due. The words are all there are, in their order.
func (v *vocabulary) prepare(words []string) {
	for i, w := range words {
		for prefix := range prefixes(w) {
			if v.ready[prefix] != nil {
				continue
			}
			// Words are in order: a prefix is due when the word that far ahead has it.
			if i+fewWords >= len(words) || !strings.HasPrefix(words[i+fewWords], prefix) {
				break
			}
			v.ready[prefix] = v.unite(prefix).Clone()
		}
	}
}
