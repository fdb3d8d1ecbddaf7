package finder

import (
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// ranked is how many orders have a ranking: all but ByNewest, where a person stands by the number.
const ranked = int(ByNewest)

// ranking is an order cut into shelves. Whoever wants a page takes the matches from the shelves that have it and
// looks at no others.
type ranking []*shelf

// shelf is the persons who stand from one item on, up to the next shelf's.
type shelf struct {
	from  item // the least for the first shelf
	set   *roaring.Bitmap
	count int
}

const (
	// leastShelf is how many persons a shelf is meant for at least, and shelves how many there are meant to be of
	// many persons.
	leastShelf = 2048
	shelves    = 512
)

// shelfSize is how many persons a shelf is meant for when there are so many. It may hold twice as many.
func shelfSize(total int) int { return max(leastShelf, total/shelves) }

// newRanking has no persons but shelves that begin with the given items, which are in order.
func newRanking(from []item) ranking {
	r := ranking{{set: roaring.New()}}
	for _, f := range from {
		r = append(r, &shelf{from: f.kept(), set: roaring.New()})
	}
	return r
}

// find returns the place of the shelf of an item.
func (r ranking) find(it *item) int {
	low, high := 0, len(r) // the shelf is from low on, and before high
	for high-low > 1 {
		if middle := (low + high) / 2; r[middle].from.compare(it) <= 0 {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// add puts a person on its shelf.
func (r ranking) add(it *item) *shelf {
	s := r[r.find(it)]
	if s.set.CheckedAdd(it.number) {
		s.count++
	}
	return s
}

// remove takes a person from its shelf, which becomes one with a neighbour when both have little.
func (r *ranking) remove(it *item) {
	i := r.find(it)
	s := (*r)[i]
	if s.set.CheckedRemove(it.number) {
		s.count--
	}
	r.join(i)
	r.join(i - 1)
}

// join makes a shelf one with the next.
func (r *ranking) join(i int) {
	if i < 0 || i+1 >= len(*r) || (*r)[i].count+(*r)[i+1].count >= leastShelf/2 {
		return
	}
	s, next := (*r)[i], (*r)[i+1]
	s.set.Or(next.set)
	s.count += next.count
	*r = slices.Delete(*r, i+1, i+2)
}

// split makes two shelves of the one that holds an item, about where its middle is.
func (r *ranking) split(it *item, itemOf func(number uint32) item) {
	const sampled = 64
	i := r.find(it)
	s := (*r)[i]
	numbers := s.set.ToArray()
	sample := make([]item, 0, 2*sampled)
	for j := 0; j < len(numbers); j += max(1, len(numbers)/sampled) {
		sample = append(sample, itemOf(numbers[j]))
	}
	slices.SortFunc(sample, func(a, b item) int { return a.compare(&b) })
	upper := &shelf{from: sample[len(sample)/2].kept(), set: roaring.New()}
	for _, number := range numbers {
		if it := itemOf(number); it.compare(&upper.from) >= 0 {
			upper.set.Add(number)
			upper.count++
		}
	}
	s.set.AndNot(upper.set)
	s.count -= upper.count
	*r = slices.Insert(*r, i+1, upper)
}
