package finder

import (
	"bytes"
	"cmp"
	"container/heap"
	"context"
	"encoding/base64"
	"encoding/binary"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// item is a person in an order.
type item struct {
	key    uint64 // of the order
	name   uint64 // nameKey
	text   []byte // the name
	number uint32
}

// items are those of one person in all orders that have a ranking.
type items [ranked]item

func (a *item) compare(b *item) int {
	if c := a.compareKeys(b); c != 0 {
		return c
	}
	if c := bytes.Compare(a.text, b.text); c != 0 {
		return c
	}
	return cmp.Compare(a.number, b.number)
}

// compareKeys compares what is known without looking for the text.
func (a *item) compareKeys(b *item) int {
	if a.key != b.key {
		return cmp.Compare(a.key, b.key)
	}
	return cmp.Compare(a.name, b.name)
}

// kept is the item without holding on to all of the block's text.
func (a item) kept() item {
	a.text = bytes.Clone(a.text)
	return a
}

// item is a person of the block in an order.
func (b *block) item(number uint32, order Order) item {
	i := int(number % blockSize)
	it := item{name: b.name[i], text: b.nameOf(i), number: number}
	switch order {
	case ByActivity:
		it.key = activityKey(b.activity[i])
	case ByPoints:
		it.key = pointsKey(b.points[i])
	default:
		it.key = it.name
	}
	return it
}

func (b *block) items(number uint32) (all items) {
	for order := range all {
		all[order] = b.item(number, Order(order))
	}
	return all
}

// position is where the item stands in an order.
func (a *item) position(order Order) Position {
	data := binary.BigEndian.AppendUint64([]byte{byte(order)}, a.key)
	data = binary.BigEndian.AppendUint32(data, a.number)
	return Position(base64.RawURLEncoding.EncodeToString(append(data, a.text...)))
}

// item is what stood, or stands, at a position.
func (p Position) item(order Order) (*item, error) {
	const least = 1 + 8 + 4
	data, err := base64.RawURLEncoding.DecodeString(string(p))
	if err != nil || len(data) < least || data[0] != byte(order) {
		return nil, ErrPosition
	}
	text := data[least:]
	return &item{
		key:    binary.BigEndian.Uint64(data[1:]),
		name:   nameKey(text),
		text:   text,
		number: binary.BigEndian.Uint32(data[9:]),
	}, nil
}

// page finds a page among the matches of a query.
type page struct {
	finder  *Finder
	index   *index // which may not be the finder's any more: then nobody changes it
	matches *roaring.Bitmap
	order   Order
	total   uint64 // of matches
}

// newest takes a page from the end of the numbers.
func (p *page) newest(after *item, offset uint64, want int) []item {
	left := p.total - offset
	if after != nil {
		left = 0
		if after.number > 0 {
			left = p.matches.Rank(after.number - 1)
		}
	}
	items := make([]item, 0, want)
	for ; left > 0 && len(items) < want; left-- {
		number, err := p.matches.Select(uint32(left - 1))
		if err != nil {
			break // there are fewer: cannot be
		}
		items = append(items, item{number: number})
	}
	return items
}

// batch is how many persons a pass looks at while it holds the lock.
const batch = 2048

// pass shows the keys of some matches to visit, in batches of one block, while it holds the lock. Numbers that were
// removed since the match are left out.
func (p *page) pass(ctx context.Context, set *roaring.Bitmap, visit func(b *block, numbers []uint32, keys []uint64)) error {
	var numbers [batch]uint32
	var keys [batch]uint64
	matches := set.ManyIterator()
	for n := matches.NextMany(numbers[:]); n > 0; n = matches.NextMany(numbers[:]) {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.show(numbers[:n], keys[:], visit)
	}
	return nil
}

func (p *page) show(numbers []uint32, keys []uint64, visit func(b *block, numbers []uint32, keys []uint64)) {
	p.finder.mu.RLock()
	defer p.finder.mu.RUnlock()
	for len(numbers) > 0 {
		of, n := numbers[0]>>blockBits, len(numbers)
		if numbers[n-1]>>blockBits != of {
			n = slices.IndexFunc(numbers, func(number uint32) bool { return number>>blockBits != of })
		}
		b := p.index.columns[of]
		here := b.living(numbers[:n])
		b.keys(here, p.order, keys)
		visit(b, here, keys[:len(here)])
		numbers = numbers[n:]
	}
}

// living takes out of numbers those that are not there, in place.
func (b *block) living(numbers []uint32) []uint32 {
	return slices.DeleteFunc(numbers, func(number uint32) bool { return b.at[number%blockSize] == 0 })
}

// keys writes the keys of some persons in an order.
func (b *block) keys(numbers []uint32, order Order, keys []uint64) {
	keys = keys[:len(numbers)]
	switch order {
	case ByActivity:
		for i, number := range numbers {
			keys[i] = activityKey(b.activity[number%blockSize])
		}
	case ByPoints:
		for i, number := range numbers {
			keys[i] = pointsKey(b.points[number%blockSize])
		}
	default:
		for i, number := range numbers {
			keys[i] = b.name[number%blockSize]
		}
	}
}

// fewMatches is how many matches are looked at rather than taken from shelves: to look at so many takes less time than to
// find out that they are on none of the first shelves, as those of a first name are. fewFirst is how long a beginning the
// heap finds.
const (
	fewMatches = 1 << 16
	fewFirst   = 1024
)

// pool returns the matches among which the page is, and how many of these to skip instead of offset.
func (p *page) pool(after *item, offset uint64, want int) (sets []*roaring.Bitmap, skip int) {
	if p.total <= p.finder.few {
		return []*roaring.Bitmap{p.matches}, int(offset)
	}
	p.finder.mu.RLock()
	defer p.finder.mu.RUnlock()
	ranking := p.index.rankings[p.order]
	if after != nil {
		i := ranking.find(after)
		sets = append(sets, roaring.And(p.matches, ranking[i].set)) // which may all stand before
		ranking = ranking[i+1:]
	}
	var have uint64
	for _, s := range ranking {
		if have >= offset+uint64(want) {
			break
		}
		if have == 0 && offset > 0 {
			if n := p.matches.AndCardinality(s.set); n <= offset {
				offset -= n
				continue
			}
		}
		set := roaring.And(p.matches, s.set)
		have += set.GetCardinality()
		sets = append(sets, set)
	}
	return sets, int(offset)
}

// items returns the items of the page, in order: those after one, or from an offset.
func (p *page) items(ctx context.Context, after *item, offset uint64, want int) ([]item, error) {
	sets, skip := p.pool(after, offset, want)
	t := top{want: skip + want}
	for _, set := range sets {
		if err := p.pass(ctx, set, func(b *block, numbers []uint32, keys []uint64) { t.take(b, numbers, keys, after) }); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(t.items, func(a, b item) int { return a.compare(&b) })
	return t.items[min(skip, len(t.items)):min(skip+want, len(t.items))], nil // somebody may be gone
}

// top keeps the first items: in a heap with the last of them in front, unless they are so many that it keeps all.
type top struct {
	items []item
	want  int
}

// take adds persons that stand after an item.
func (t *top) take(b *block, numbers []uint32, keys []uint64, after *item) {
	for i, key := range keys {
		full := len(t.items) == t.want && t.want <= fewFirst
		if full && key > t.items[0].key || after != nil && key < after.key {
			continue
		}
		it := item{key: key, name: b.name[numbers[i]%blockSize], number: numbers[i]}
		if full && it.compareKeys(&t.items[0]) > 0 || after != nil && it.compareKeys(after) < 0 {
			continue
		}
		it.text = b.nameOf(int(it.number % blockSize))
		switch {
		case after != nil && it.compare(after) <= 0:
		case t.want > fewFirst:
			t.items = append(t.items, it)
		case !full:
			heap.Push(t, it)
		case it.compare(&t.items[0]) < 0:
			t.items[0] = it
			heap.Fix(t, 0)
		}
	}
}

func (t *top) Len() int           { return len(t.items) }
func (t *top) Less(i, j int) bool { return t.items[i].compare(&t.items[j]) > 0 }
func (t *top) Swap(i, j int)      { t.items[i], t.items[j] = t.items[j], t.items[i] }
func (t *top) Push(x any)         { t.items = append(t.items, x.(item)) }

// Pop belongs to a heap.
func (t *top) Pop() any {
	last := len(t.items) - 1
	x := t.items[last]
	t.items = t.items[:last]
	return x
}
