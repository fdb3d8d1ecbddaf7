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
		name:   nameKey(string(text)),
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

// pass shows the keys of all matches to visit, in batches of one block, while it holds the lock. Numbers that were
// removed since the match are left out.
func (p *page) pass(ctx context.Context, visit func(b *block, numbers []uint32, keys []uint64)) error {
	var numbers [batch]uint32
	var keys [batch]uint64
	matches := p.matches.ManyIterator()
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

// item is a person without the text.
func (b *block) item(number uint32, key uint64) item {
	return item{key: key, name: b.name[number%blockSize], number: number}
}

// first returns the first items after one, or from the beginning.
func (p *page) first(ctx context.Context, after *item, want int) ([]item, error) {
	top := make(top, 0, want)
	err := p.pass(ctx, func(b *block, numbers []uint32, keys []uint64) {
		for i, key := range keys {
			if len(top) == want && key > top[0].key || after != nil && key < after.key {
				continue
			}
			it := b.item(numbers[i], key)
			if len(top) == want && it.compareKeys(&top[0]) > 0 || after != nil && it.compareKeys(after) < 0 {
				continue
			}
			it.text = b.nameOf(int(it.number % blockSize))
			if after != nil && it.compare(after) <= 0 {
				continue
			}
			if len(top) < want {
				heap.Push(&top, it)
			} else if it.compare(&top[0]) < 0 {
				top[0] = it
				heap.Fix(&top, 0)
			}
		}
	})
	slices.SortFunc(top, func(a, b item) int { return a.compare(&b) })
	return top, err
}

// top is a heap of the first items, the last of them in front.
type top []item

func (t top) Len() int           { return len(t) }
func (t top) Less(i, j int) bool { return t[i].compare(&t[j]) > 0 }
func (t top) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }
func (t *top) Push(x any)        { *t = append(*t, x.(item)) }
func (t *top) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	*t = (*t)[:last]
	return x
}

const (
	// fewSkipped is how far from the beginning, or from the page before, a page may end for the heap to find it.
	fewSkipped = 2000
	// sampled is how many matches tell where a far page is. The place is then known to a few times the square root.
	sampled = 4096
)

// far returns a page far from the beginning. A sample of the matches tells between which keys it lies; a pass counts
// the items before and collects those between, and these are put in order as far as the page needs it. Without offset
// it is the page after an item.
func (p *page) far(ctx context.Context, after *item, offset uint64, want int) ([]item, error) {
	var low, high *item
	if p.total > 4*sampled && after == nil {
		sample, err := p.sample(ctx)
		if err != nil {
			return nil, err
		}
		place := func(rank uint64) int { return int(rank * uint64(len(sample)) / p.total) }
		const margin = 3 * 64 // 64 is the square root of sampled
		if i := place(offset) - margin; i >= 0 {
			low = &sample[min(i, len(sample)-1)]
		}
		if i := place(offset+uint64(want)) + margin; i < len(sample) {
			high = &sample[i]
		}
	}
	before, between, err := p.collect(ctx, low, high, after)
	if err == nil && (offset < before || uint64(len(between)) < offset-before+uint64(want) && high != nil) {
		before, between, err = p.collect(ctx, nil, nil, after) // the sample misled
	}
	if err != nil || offset < before {
		return nil, err
	}
	from := min(int(offset-before), len(between))
	to := min(from+want, len(between))
	settle(between, from, to)
	return between[from:to], nil
}

// sample returns evenly spread matches in order, without their texts.
func (p *page) sample(ctx context.Context) ([]item, error) {
	sample := make([]item, 0, sampled)
	every, skip := int(p.total/sampled), 0
	err := p.pass(ctx, func(b *block, numbers []uint32, keys []uint64) {
		i := skip
		for ; i < len(numbers); i += every {
			sample = append(sample, b.item(numbers[i], keys[i]))
		}
		skip = i - len(numbers)
	})
	slices.SortFunc(sample, func(a, b item) int { return a.compareKeys(&b) })
	return sample, err
}

// collect counts the items before low, and returns those from low to high that come after one; nil means no bound.
func (p *page) collect(ctx context.Context, low, high, after *item) (before uint64, between []item, err error) {
	err = p.pass(ctx, func(b *block, numbers []uint32, keys []uint64) {
		for i, key := range keys {
			if low != nil && key < low.key {
				before++
				continue
			}
			if high != nil && key > high.key {
				continue
			}
			it := b.item(numbers[i], key)
			if low != nil && it.compareKeys(low) < 0 {
				before++
				continue
			}
			if high != nil && it.compareKeys(high) > 0 {
				continue
			}
			it.text = b.nameOf(int(it.number % blockSize))
			if after == nil || it.compare(after) > 0 {
				between = append(between, it)
			}
		}
	})
	return before, between, err
}

// settle puts the items of the places from up to to where they belong; the others only on their side.
func settle(items []item, from, to int) {
	for len(items) > 64 && from < to {
		pivot := median(&items[0], &items[len(items)/2], &items[len(items)-1])
		i, j := 0, len(items)-1
		for i <= j {
			for items[i].compare(&pivot) < 0 {
				i++
			}
			for items[j].compare(&pivot) > 0 {
				j--
			}
			if i <= j {
				items[i], items[j] = items[j], items[i]
				i, j = i+1, j-1
			}
		}
		// Up to j are the lesser ones, from i the greater ones.
		switch {
		case to <= j+1:
			items = items[:j+1]
		case from >= i:
			items, from, to = items[i:], from-i, to-i
		default:
			settle(items[:j+1], min(from, j+1), j+1)
			items, from, to = items[i:], max(from-i, 0), max(to-i, 0)
		}
	}
	if from < to {
		slices.SortFunc(items, func(a, b item) int { return a.compare(&b) })
	}
}

func median(a, b, c *item) item {
	if a.compare(b) > 0 {
		a, b = b, a
	}
	if b.compare(c) > 0 {
		b = c
	}
	if a.compare(b) > 0 {
		b = a
	}
	return *b
}
