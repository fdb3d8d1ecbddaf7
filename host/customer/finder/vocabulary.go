package finder

import (
	"iter"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/RoaringBitmap/roaring/v2"
	"github.com/tidwall/btree"
)

const (
	// fewNumbers is how many numbers a posting keeps as a list.
	fewNumbers = 128
	// fewWords is how many words may begin with a prefix before its union is kept ready.
	fewWords = 8
)

// posting is the persons who have a word.
type posting struct {
	few  []uint32        // ordered; nil when there are many
	many *roaring.Bitmap // nil when there are few
}

func (p *posting) add(number uint32) {
	if p.many != nil {
		p.many.Add(number)
		return
	}
	if n := len(p.few); n == 0 || p.few[n-1] < number {
		p.few = append(p.few, number)
	} else if i, found := slices.BinarySearch(p.few, number); !found {
		p.few = slices.Insert(p.few, i, number)
	}
	if len(p.few) > fewNumbers {
		p.few, p.many = nil, roaring.BitmapOf(p.few...)
	}
}

func (p *posting) remove(number uint32) {
	if p.many == nil {
		if i, found := slices.BinarySearch(p.few, number); found {
			p.few = slices.Delete(p.few, i, i+1)
		}
		return
	}
	p.many.Remove(number)
	if p.many.GetCardinality() <= fewNumbers/2 {
		p.few, p.many = p.many.ToArray(), nil
	}
}

func (p *posting) empty() bool { return p.many == nil && len(p.few) == 0 }

// vocabulary is all words and who has them.
type vocabulary struct {
	words btree.Map[string, *posting]
	// ready are the unions of the postings of all words with a prefix, for those prefixes that more than fewWords
	// words have, or had. When a prefix is ready, all its own prefixes are.
	ready map[string]*roaring.Bitmap
}

// add notes that a person has a word.
func (v *vocabulary) add(word string, number uint32) {
	p, known := v.words.Get(word)
	if !known {
		word = strings.Clone(word) // not to keep all the text that it is part of
		p = new(posting)
		v.words.Set(word, p)
	}
	p.add(number)
	for prefix := range prefixes(word) {
		if ready := v.ready[prefix]; ready != nil {
			ready.Add(number)
		} else if known || !v.makeReady(strings.Clone(prefix)) {
			return // longer prefixes have no more words
		}
	}
}

// remove notes that a person has a word no longer; others are the words that the person has still.
func (v *vocabulary) remove(word string, number uint32, others []string) {
	p, known := v.words.Get(word)
	if !known {
		return
	}
	p.remove(number)
	if p.empty() {
		v.words.Delete(word)
	}
	for prefix := range prefixes(word) {
		ready := v.ready[prefix]
		if ready == nil {
			return
		}
		if slices.ContainsFunc(others, func(w string) bool { return strings.HasPrefix(w, prefix) }) {
			continue
		}
		ready.Remove(number)
		if ready.IsEmpty() {
			delete(v.ready, prefix) // nor has a longer one anybody
		}
	}
}

// makeReady makes the union of a prefix ready if it is due, and reports whether it was.
func (v *vocabulary) makeReady(prefix string) bool {
	few := true
	left := fewWords
	for range v.postings(prefix) {
		if left--; left < 0 {
			few = false
			break
		}
	}
	if few {
		return false
	}
	v.ready[prefix] = v.unite(prefix).Clone()
	return true
}

// find returns who has a word that begins with the prefix. The set is shared: not to be changed, nor read without the
// lock.
func (v *vocabulary) find(prefix string) *roaring.Bitmap {
	if ready := v.ready[prefix]; ready != nil {
		return ready
	}
	return v.unite(prefix)
}

// unite returns the union of the postings of all words with a prefix. It may be a posting itself.
func (v *vocabulary) unite(prefix string) *roaring.Bitmap {
	var few []uint32
	var many []*roaring.Bitmap
	for p := range v.postings(prefix) {
		if p.many != nil {
			many = append(many, p.many)
		} else {
			few = append(few, p.few...)
		}
	}
	switch {
	case len(few) == 0 && len(many) == 1:
		return many[0]
	case len(many) == 0:
		slices.Sort(few)
		return roaring.BitmapOf(few...)
	}
	all := roaring.FastOr(many...)
	all.AddMany(few)
	return all
}

// postings goes through the postings of all words with a prefix.
func (v *vocabulary) postings(prefix string) iter.Seq[*posting] {
	return func(yield func(*posting) bool) {
		v.words.Ascend(prefix, func(word string, p *posting) bool {
			return strings.HasPrefix(word, prefix) && yield(p)
		})
	}
}

// prefixes goes through the beginnings of a word by letters, from the first letter to the whole.
func prefixes(word string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for end := 0; end < len(word); {
			_, size := utf8.DecodeRuneInString(word[end:])
			if end += size; !yield(word[:end]) {
				return
			}
		}
	}
}
