// Package finder finds customers in memory, while somebody types.
//
// A [Finder] holds of every customer what searches need and nothing else: the words by which he is found, the keys by
// which lists are ordered, and the marks by which they are narrowed. It does no I/O and keeps nothing: it is built
// from the records when a store opens ([Finder.Load]) and follows each commit ([Finder.Put], [Finder.Remove]).
//
// Words lead to lists of customers' numbers: short ones as they are, long ones as roaring bitmaps. A word that is
// being typed is a prefix, whose customers are the union over the words that begin with it. A prefix of more than a
// few words has that union ready, whatever its length, so that no query unites more than a few lists.
//
// Each order is cut into shelves of a few thousand persons who stand one after the other, each a bitmap: the first page
// of a letter, and one from the middle of a million, is what a heap keeps of the matches on a shelf or two. The next
// page begins at a [Position], which stays right while customers come and go. Ties fall to the name, then to the
// number.
//
// A Finder may be used by many goroutines. A query holds the lock while it matches words and takes from shelves, and
// then for a batch of persons at a time: whoever registers a customer meanwhile waits for less than a millisecond.
package finder

import (
	"errors"
	"slices"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/RoaringBitmap/roaring/v2"

	"mostrador/sdk/plgv1"
)

// Person is what is known of a customer here.
type Person struct {
	// Number is the customer's number.
	Number uint32
	// Name is the folded name, by which lists are ordered. Its words (see [Split]) find the person.
	Name string
	// Words are further folded words that find the person, those of indexed fields. Words of the name may be
	// among them.
	Words []string
	// Consent is the state that [Query.Consent] means.
	Consent plgv1.ConsentState
	// Email and Phone say whether the person has one.
	Email, Phone bool
	// Activity is the time of the last activity in Unix seconds, from 0 (none) to 2³²-1.
	Activity int64
	// Points is the measure of the store's loyalty plug-in.
	Points float64
}

// Order is an order of a list of persons.
type Order uint8

const (
	// ByName is alphabetical.
	ByName Order = iota
	// ByActivity begins with the latest.
	ByActivity
	// ByPoints begins with the most.
	ByPoints
	// ByNewest begins with the highest number.
	ByNewest
)

// Query says who is looked for. What is set must all hold; a Query without anything means everybody.
type Query struct {
	// Words are folded; each must begin a word of the person.
	Words []string
	// Also are numbers that match like those whom Words find (by phone, card or e-mail). Without Words only they
	// match, unless Also is nil.
	Also *roaring.Bitmap
	// Within are sets of numbers of which each must have the person, Without those of which none may.
	Within, Without []*roaring.Bitmap
	// Consent is the states of which the person has any; empty means every state.
	Consent []plgv1.ConsentState
	// Email and Phone ask for persons who have one.
	Email, Phone bool
	// Order is the order of the page.
	Order Order
	// After is where the last page ended, empty for the first one.
	After Position
	// Offset is how many to skip instead. It is not used when After is set.
	Offset uint64
	// Limit is the most that a page holds. Zero asks only for the total.
	Limit int
}

// Position is the place of a person in an order, in letters that can stand in a URL. It is good for the same Query
// and Order, whether or not the person is still there. The empty one is the beginning.
type Position string

// ErrPosition is the error for a Position that this package did not make, or made for another order.
var ErrPosition = errors.New("finder: unknown position")

// Finder finds persons.
type Finder struct {
	loading sync.Mutex // held by one Load at a time

	mu    sync.RWMutex
	index *index
	// removed are numbers that were removed, which no Load brings back.
	removed *roaring.Bitmap
	// changed are numbers that were put or removed while a Load runs, nil when none does.
	changed *roaring.Bitmap

	// few is how many matches are looked at rather than taken from shelves.
	few uint64
}

// New returns an empty Finder.
func New() *Finder { return &Finder{index: newIndex(), removed: roaring.New(), few: fewMatches} }

// Len is how many persons there are.
func (f *Finder) Len() int {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return int(f.index.all.GetCardinality())
}

// Put adds a person, or replaces what was known of that number. It keeps nothing of p itself.
func (f *Finder) Put(p *Person) {
	e := newEntry(p)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index.put(e)
	f.removed.Remove(p.Number)
	f.touch(p.Number)
}

// Remove forgets a person. It does nothing when there is none of that number.
func (f *Finder) Remove(number uint32) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.index.remove(number)
	f.removed.Add(number)
	f.touch(number)
}

// touch notes a change for a Load that runs.
func (f *Finder) touch(number uint32) {
	if f.changed != nil {
		f.changed.Add(number)
	}
}

// Split returns the words of a folded text, each once: they are made of letters and digits.
func Split(folded string) []string { return appendWords(make([]string, 0, 4), folded) }

// appendWords appends the words of a folded text that are not there.
func appendWords(words []string, folded string) []string {
	start := -1 // of a word, when in one
	for i, r := range folded {
		switch {
		case inWord(r):
			if start < 0 {
				start = i
			}
		case start >= 0:
			words = appendNew(words, folded[start:i])
			start = -1
		}
	}
	if start >= 0 {
		words = appendNew(words, folded[start:])
	}
	return words
}

func inWord(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z'
	}
	return unicode.IsLetter(r) || unicode.IsNumber(r)
}

// appendNew appends a word unless it is there.
func appendNew(words []string, word string) []string {
	if word == "" || slices.Contains(words, word) {
		return words
	}
	return append(words, word)
}
