package finder

import (
	"cmp"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// rank is where a person stands in an order, but for the rest of the name.
type rank struct{ key, name uint64 }

func (a rank) compare(b rank) int {
	if a.key != b.key {
		return cmp.Compare(a.key, b.key)
	}
	return cmp.Compare(a.name, b.name)
}

// rankOf is the rank of a person who is there.
func (b *block) rankOf(i int, order Order) rank {
	switch order {
	case ByActivity:
		return rank{activityKey(b.activity[i]), b.name[i]}
	case ByPoints:
		return rank{pointsKey(b.points[i]), b.name[i]}
	default:
		return rank{b.name[i], b.name[i]}
	}
}

// ranks are all of a person.
type ranks [ranked]rank

// ranked is how many orders have a ranking: all but ByNewest, whose rank is the number.
const ranked = int(ByNewest)

func (b *block) ranks(i int) (all ranks) {
	for order := range all {
		all[order] = b.rankOf(i, Order(order))
	}
	return all
}

// ranking is an order cut into shelves. Whoever wants a page takes the matches from the shelves that have it and
// looks at no others.
type ranking []*shelf

// shelf is the persons whose ranks lie from its own to the next shelf's.
type shelf struct {
	from  rank // the least for the first shelf
	set   *roaring.Bitmap
	count int
	limit int // how many it may hold
}

const (
	// leastShelf is how many persons a shelf is meant for at least, and shelves how many there are meant to be of
	// many persons.
	leastShelf = 8192
	shelves    = 128
)

// newRanking has no persons but shelves that begin with the given ranks, which are in order.
func newRanking(from []rank, limit int) ranking {
	r := ranking{{set: roaring.New(), limit: limit}}
	for _, f := range from {
		if r[len(r)-1].from.compare(f) < 0 {
			r = append(r, &shelf{from: f, set: roaring.New(), limit: limit})
		}
	}
	return r
}

// shelfLimit is how many a shelf may hold when there are so many persons.
func shelfLimit(total int) int { return 2 * max(leastShelf, total/shelves) }

// find returns the place of the shelf of a rank.
func (r ranking) find(at rank) int {
	i, found := slices.BinarySearchFunc(r, at, func(s *shelf, at rank) int { return s.from.compare(at) })
	if !found {
		i--
	}
	return i
}

// add puts a person on its shelf.
func (r ranking) add(number uint32, at rank) *shelf {
	s := r[r.find(at)]
	if s.set.CheckedAdd(number) {
		s.count++
	}
	return s
}

// remove takes a person from its shelf, which becomes one with its neighbour when both have little.
func (r *ranking) remove(number uint32, at rank) {
	i := r.find(at)
	s := (*r)[i]
	if s.set.CheckedRemove(number) {
		s.count--
	}
	if i++; i < len(*r) && s.count+(*r)[i].count < leastShelf/2 {
		s.set.Or((*r)[i].set)
		s.count += (*r)[i].count
		*r = slices.Delete(*r, i, i+1)
	}
}

// split makes two shelves of one that is too full. When all have the same rank, it may hold twice as many instead.
func (r *ranking) split(s *shelf, limit int, rankOf func(number uint32) rank) {
	all := make([]rank, 0, s.count)
	for numbers := s.set.Iterator(); numbers.HasNext(); {
		all = append(all, rankOf(numbers.Next()))
	}
	slices.SortFunc(all, rank.compare)
	middle := all[len(all)/2]
	if middle == all[0] { // which would leave nothing here
		i, _ := slices.BinarySearchFunc(all, middle, func(a, b rank) int { return cmp.Or(a.compare(b), -1) })
		if i == len(all) {
			s.limit = 2 * s.count
			return
		}
		middle = all[i]
	}
	upper := &shelf{from: middle, set: roaring.New(), limit: limit}
	for numbers := s.set.Iterator(); numbers.HasNext(); {
		if n := numbers.Next(); rankOf(n).compare(middle) >= 0 {
			upper.set.Add(n)
			upper.count++
		}
	}
	s.set.AndNot(upper.set)
	s.count, s.limit = s.count-upper.count, limit
	i := r.find(middle) // where s is
	*r = slices.Insert(*r, i+1, upper)
}
