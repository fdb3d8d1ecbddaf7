package store

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"go.etcd.io/bbolt"
)

// overlay is the writes of a group that are not in bbolt yet.
type overlay struct {
	buckets map[Bucket]*keyspace
	// arena is the rest of the block that holds the copied values.
	arena []byte
	block int
}

// keyspace is one bucket's writes. A nil value is a deletion.
type keyspace struct {
	values map[string][]byte
	// sorted and fresh together are the keys of values; fresh is sorted in when somebody needs the order.
	sorted, fresh []string
}

func newOverlay() *overlay { return &overlay{buckets: make(map[Bucket]*keyspace)} }

func (o *overlay) bucket(b Bucket) *keyspace {
	ks := o.buckets[b]
	if ks == nil {
		ks = &keyspace{values: make(map[string][]byte)}
		o.buckets[b] = ks
	}
	return ks
}

// space returns an empty slice, never nil, with room for n bytes that stay untouched as long as the overlay
// lives.
func (o *overlay) space(n int) []byte {
	const smallest, largest = 1 << 10, 1 << 16
	if n > len(o.arena) || o.arena == nil {
		o.block = min(max(2*o.block, smallest), largest)
		o.arena = make([]byte, max(o.block, n))
	}
	s := o.arena[:0:n]
	o.arena = o.arena[n:]
	return s
}

func (o *overlay) copy(value []byte) []byte { return append(o.space(len(value)), value...) }

func (o *overlay) empty() bool {
	for _, ks := range o.buckets {
		if len(ks.values) > 0 {
			return false
		}
	}
	return true
}

// sort brings all keys in order; afterwards reading the overlay changes nothing in it.
func (o *overlay) sort() {
	for _, ks := range o.buckets {
		ks.sort()
	}
}

// apply writes the overlay, which is sorted, into bbolt in the order of bucket and key: neighbours share
// their pages.
func (o *overlay) apply(tx *bbolt.Tx) error {
	for _, name := range slices.SortedFunc(maps.Keys(o.buckets), cmp.Compare[Bucket]) {
		ks := o.buckets[name]
		if len(ks.sorted) == 0 {
			continue
		}
		b, err := tx.CreateBucketIfNotExists([]byte(name))
		if err != nil {
			return err
		}
		if last, _ := b.Cursor().Last(); string(last) < ks.sorted[0] {
			b.FillPercent = 0.95 // all is appended: no page needs room in its middle
		}
		for _, key := range ks.sorted {
			if v := ks.values[key]; v != nil {
				err = b.Put([]byte(key), v)
			} else {
				err = b.Delete([]byte(key))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// set returns the key as it is kept, and what it replaced.
func (ks *keyspace) set(key, value []byte) (k string, old []byte, had bool) {
	k = string(key)
	old, had = ks.values[k]
	ks.values[k] = value
	if had {
		return k, old, true
	}
	if n := len(ks.sorted); len(ks.fresh) == 0 && (n == 0 || ks.sorted[n-1] < k) {
		ks.sorted = append(ks.sorted, k)
	} else {
		ks.fresh = append(ks.fresh, k)
	}
	return k, nil, false
}

// sort merges the fresh keys into the sorted ones, from the end, so that few keys cost little.
func (ks *keyspace) sort() {
	if len(ks.fresh) == 0 {
		return
	}
	slices.Sort(ks.fresh)
	i, j := len(ks.sorted)-1, len(ks.fresh)-1
	ks.sorted = append(ks.sorted, ks.fresh...)
	for to := len(ks.sorted) - 1; j >= 0; to-- {
		if i >= 0 && ks.sorted[i] > ks.fresh[j] {
			ks.sorted[to] = ks.sorted[i]
			i--
		} else {
			ks.sorted[to] = ks.fresh[j]
			j--
		}
	}
	ks.fresh = ks.fresh[:0]
}

// forget drops the keys that have lost their values.
func (ks *keyspace) forget() {
	lost := func(k string) bool { _, ok := ks.values[k]; return !ok }
	ks.sorted = slices.DeleteFunc(ks.sorted, lost)
	ks.fresh = slices.DeleteFunc(ks.fresh, lost)
}

// merge walks through a bucket's overlays and its bbolt cursor at once, lazily. Overlays are looked up anew
// at each step, since the walker's owner may write while it walks.
type merge struct {
	tx      *Tx
	bucket  Bucket
	prefix  []byte
	cursor  *bbolt.Cursor
	key, at []byte // the cursor's record, key nil when it has none within the prefix
	// edge is the bound of what has been passed; inclusive means that it has not been passed itself.
	edge      string
	inclusive bool
	open      bool // no bound (walking back from the very end)
}

func (t *Tx) merge(b Bucket, prefix []byte) *merge {
	m := &merge{tx: t, bucket: b, prefix: bytes.Clone(prefix)}
	if disk := t.disk(b); disk != nil {
		m.cursor = disk.Cursor()
	}
	return m
}

// take makes k, v the cursor's record if it is within the prefix.
func (m *merge) take(k, v []byte) {
	if k != nil && bytes.HasPrefix(k, m.prefix) {
		m.key, m.at = k, v
	} else {
		m.key, m.at = nil, nil
	}
}

func (m *merge) seekAfter(after []byte) {
	start := m.prefix
	m.inclusive = true
	if after != nil && bytes.Compare(after, m.prefix) >= 0 {
		start, m.inclusive = after, false
	}
	m.edge = string(start)
	if m.cursor == nil {
		return
	}
	k, v := m.cursor.Seek(start)
	if !m.inclusive && bytes.Equal(k, start) {
		k, v = m.cursor.Next()
	}
	m.take(k, v)
}

func (m *merge) seekBefore(before []byte) {
	end := successor(m.prefix)
	if before != nil && (end == nil || bytes.Compare(before, end) < 0) {
		end = before
	}
	m.edge, m.open = string(end), end == nil
	if m.cursor == nil {
		return
	}
	if k, _ := m.cursor.Seek(end); k == nil || m.open {
		m.take(m.cursor.Last())
	} else {
		m.take(m.cursor.Prev())
	}
}

// next returns the record that follows; its key is nil at the end.
func (m *merge) next() (k, v []byte) {
	for {
		best, found := string(m.key), m.key != nil
		for _, o := range m.overlays() {
			ks := m.keyspace(o)
			if ks == nil {
				continue
			}
			i, exact := slices.BinarySearch(ks.sorted, m.edge)
			if exact && !m.inclusive {
				i++
			}
			if i < len(ks.sorted) && (!found || ks.sorted[i] < best) {
				best, found = ks.sorted[i], true
			}
		}
		if !found || !hasPrefix(best, m.prefix) {
			return nil, nil
		}
		k, v = m.record(best)
		if m.key != nil && string(m.key) == best {
			m.take(m.cursor.Next())
		}
		m.edge, m.inclusive = best, false
		if v != nil {
			return k, v
		}
	}
}

// previous is next, backwards.
func (m *merge) previous() (k, v []byte) {
	for {
		best, found := string(m.key), m.key != nil
		for _, o := range m.overlays() {
			ks := m.keyspace(o)
			if ks == nil {
				continue
			}
			i := len(ks.sorted)
			if !m.open {
				i, _ = slices.BinarySearch(ks.sorted, m.edge)
			}
			if i > 0 && (!found || ks.sorted[i-1] > best) {
				best, found = ks.sorted[i-1], true
			}
		}
		if !found || !hasPrefix(best, m.prefix) {
			return nil, nil
		}
		k, v = m.record(best)
		if m.key != nil && string(m.key) == best {
			m.take(m.cursor.Prev())
		}
		m.edge, m.open = best, false
		if v != nil {
			return k, v
		}
	}
}

// record is the key with its value in the view: the overlays come before the cursor's record.
func (m *merge) record(key string) (k, v []byte) {
	k = []byte(key)
	if v, ok := m.tx.pending(m.bucket, k); ok {
		return k, v
	}
	return m.key, m.at
}

func (m *merge) overlays() [2]*overlay { return [2]*overlay{m.tx.writes, m.tx.below} }

// keyspace is o's part of the bucket with its keys in order, nil when there is none.
func (m *merge) keyspace(o *overlay) *keyspace {
	if o == nil {
		return nil
	}
	ks := o.buckets[m.bucket]
	if ks != nil {
		ks.sort()
	}
	return ks
}

func hasPrefix(key string, prefix []byte) bool {
	return len(key) >= len(prefix) && key[:len(prefix)] == string(prefix)
}

// successor is the first key behind all keys that begin with prefix; nil when there is none.
func successor(prefix []byte) []byte {
	end := bytes.Clone(prefix)
	for len(end) > 0 {
		if end[len(end)-1]++; end[len(end)-1] != 0 {
			return end
		}
		end = end[:len(end)-1]
	}
	return nil
}
