package finder

import (
	"cmp"
	"context"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// Find returns the numbers of one page, how many match in all, and the position of the next page, empty on the last
// one. The error is the context's or [ErrPosition].
func (f *Finder) Find(ctx context.Context, q Query) (numbers []uint32, total uint64, next Position, err error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, "", err
	}
	var after *item
	if q.After != "" {
		after, err = q.After.item(q.Order)
		if err != nil {
			return nil, 0, "", err
		}
		q.Offset = 0
	}
	matches, x := f.match(q)
	total = matches.GetCardinality()
	if q.Limit <= 0 || q.Offset >= total {
		return nil, total, "", nil
	}
	// One more than the page says whether there is a next one.
	want := int(min(uint64(q.Limit)+1, total-q.Offset))
	p := page{finder: f, index: x, matches: matches, order: q.Order, total: total}
	var items []item
	if q.Order == ByNewest {
		items = p.newest(after, q.Offset, want)
	} else {
		items, err = p.items(ctx, after, q.Offset, want)
	}
	if err != nil {
		return nil, 0, "", err
	}
	if len(items) > q.Limit {
		items = items[:q.Limit]
		next = items[q.Limit-1].position(q.Order)
	}
	numbers = make([]uint32, len(items))
	for i := range items {
		numbers[i] = items[i].number
	}
	return numbers, total, next, nil
}

// Matches returns the numbers of all that q means, which are the caller's to change.
func (f *Finder) Matches(q Query) *roaring.Bitmap {
	matches, _ := f.match(q)
	return matches
}

// match returns who matches, and in which index.
func (f *Finder) match(q Query) (*roaring.Bitmap, *index) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.index.match(q), f.index
}

// match returns a set of its own with all that q means.
func (x *index) match(q Query) *roaring.Bitmap {
	sets := make([]*roaring.Bitmap, 0, 8)
	for _, w := range q.Words {
		if w != "" {
			sets = append(sets, x.vocabulary.find(w))
		}
	}
	switch {
	case q.Also == nil:
	case len(sets) == 0:
		sets = append(sets, roaring.And(q.Also, x.all))
	default:
		found := roaring.And(q.Also, x.all)
		found.Or(intersection(sets))
		sets = append(sets[:0], found)
	}
	if len(sets) == 0 {
		sets = append(sets, x.all)
	}
	sets = append(sets, q.Within...)
	if q.Email {
		sets = append(sets, x.email)
	}
	if q.Phone {
		sets = append(sets, x.phone)
	}
	if len(q.Consent) > 0 {
		consent := roaring.New()
		for _, state := range q.Consent {
			if set := x.consent[state]; set != nil {
				consent.Or(set)
			}
		}
		sets = append(sets, consent)
	}
	matches := intersection(sets)
	for _, set := range q.Without {
		matches.AndNot(set)
	}
	return matches
}

// intersection is a new set with what is in all of sets, of which there is at least one. It orders them.
func intersection(sets []*roaring.Bitmap) *roaring.Bitmap {
	if len(sets) == 1 {
		return sets[0].Clone()
	}
	slices.SortFunc(sets, func(a, b *roaring.Bitmap) int {
		return cmp.Compare(a.GetCardinality(), b.GetCardinality())
	})
	set := roaring.And(sets[0], sets[1])
	for _, s := range sets[2:] {
		set.And(s)
	}
	return set
}
