package delivery

import (
	"encoding/binary"
	"iter"
	"strings"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

const (
	// bucketCount holds the cells of the statistics: day, plugin, template, rule, provider (see cellKey) → counts.
	bucketCount store.Bucket = "delivery_count"
	// bucketReason counts bounces by reason: the key of a cell without a provider, kind (1 byte), reason → uint32.
	bucketReason store.Bucket = "delivery_reason"
	// bucketMeta holds single values; see keyWaiting.
	bucketMeta store.Bucket = "delivery_meta"
)

// keyWaiting is how many messages wait to leave (8 bytes, big endian).
var keyWaiting = []byte("waiting")

// maxProviders is how many domains a template's day tells apart; the mails to further ones count together as "". The
// large ones come first by their weight.
const maxProviders = 40

// The counters of a cell. Their order is that on disk: append only.
const (
	countQueued = iota
	countSent
	// countDelivered: left, and did not come back.
	countDelivered
	countHard
	countSoft
	countBlocked
	countComplained
	countOpened
	countClicked
	countFailed
	countSuppressed
	countMachine
	// countProviders is how many domains the day tells apart; it stands in the cell of the provider "".
	countProviders
	// countLatency is the first bucket of the histogram, of len(latencies)+1.
	countLatency
)

// latencies are the upper bounds of the histogram's buckets; what took longer falls into one more.
var latencies = [...]time.Duration{
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond,
	5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour,
}

const counters = countLatency + len(latencies) + 1

// cell is the counters of one day, plugin, template, rule and provider.
type cell [counters]uint32

// add changes a counter, which never falls below zero.
func (c *cell) add(counter int, n int64) {
	c[counter] = uint32(max(0, int64(c[counter])+n))
}

// sum adds another cell to this one.
func (c *cell) sum(other *cell) {
	for i, n := range other {
		c[i] += n
	}
}

// readCell reads a cell; counters that a former version did not have are zero.
func readCell(data []byte) (c cell) {
	for i := 0; i < counters && len(data) >= 4*(i+1); i++ {
		c[i] = binary.BigEndian.Uint32(data[4*i:])
	}
	return c
}

func (c *cell) write(tx *store.Tx, key []byte) {
	var data [4 * counters]byte
	for i, n := range c {
		binary.BigEndian.PutUint32(data[4*i:], n)
	}
	tx.Put(bucketCount, key, data[:])
}

// shown are the counters as the API has them.
func (c *cell) shown() *mostradorv1.MessageCounts {
	return &mostradorv1.MessageCounts{
		Queued: uint64(c[countQueued]), Sent: uint64(c[countSent]), Delivered: uint64(c[countDelivered]),
		Hard: uint64(c[countHard]), Soft: uint64(c[countSoft]), Blocked: uint64(c[countBlocked]),
		Complained: uint64(c[countComplained]), Opened: uint64(c[countOpened]), Clicked: uint64(c[countClicked]),
		Failed: uint64(c[countFailed]), Suppressed: uint64(c[countSuppressed]), Machine: uint64(c[countMachine]),
	}
}

// Days are kept as 8 digits.
const dayForm = "20060102"

// place is where a row counts, except for its provider.
type place struct {
	plugin, template, rule string
}

func placeOf(m *mostradorv1.Message) place {
	return place{m.GetPlugin(), m.GetTemplate(), m.GetRule()}
}

// maxRule is how much of a rule's words tells it from others in a key, in bytes.
const maxRule = 200

// prefix is the beginning of a cell's key, up to the provider.
func (p place) prefix(day string) []byte {
	rule := p.rule[:min(len(p.rule), maxRule)]
	key := make([]byte, 0, len(day)+len(p.plugin)+len(p.template)+len(rule)+3+32)
	key = append(key, day...)
	for _, part := range [...]string{p.plugin, p.template, rule} {
		key = append(append(key, part...), 0)
	}
	return key
}

// cellKey is a cell as its key names it.
type cellKey struct {
	day string
	place
	// rest is the provider, or what stands in its place in another bucket.
	rest string
}

func readCellKey(key []byte) (k cellKey, ok bool) {
	if len(key) < len(dayForm) {
		return k, false
	}
	k.day = string(key[:len(dayForm)])
	parts := strings.SplitN(string(key[len(dayForm):]), "\x00", 4)
	if len(parts) != 4 {
		return k, false
	}
	k.place, k.rest = place{parts[0], parts[1], parts[2]}, parts[3]
	return k, true
}

// from yields the records of a bucket from a day on that are of a place; empty parts of it stand for all.
func (p place) from(tx *store.Tx, b store.Bucket, day string) iter.Seq2[cellKey, []byte] {
	return func(yield func(cellKey, []byte) bool) {
		p.rule = p.rule[:min(len(p.rule), maxRule)]
		for key, value := range tx.Scan(b, nil, []byte(day)) {
			k, ok := readCellKey(key)
			if !ok || p.plugin != "" && p.plugin != k.plugin || p.template != "" && p.template != k.template ||
				p.rule != "" && p.rule != k.rule {
				continue
			}
			if !yield(k, value) {
				return
			}
		}
	}
}

// change adds n to counters of one cell. The provider gets a cell of its own while there are few.
func change(tx *store.Tx, prefix []byte, provider string, deltas []delta) {
	key := append(prefix, provider...)
	data := tx.Get(bucketCount, key)
	if data == nil && provider != "" {
		rest := readCell(tx.Get(bucketCount, prefix))
		if rest[countProviders] >= maxProviders {
			key, data = prefix, tx.Get(bucketCount, prefix)
		} else {
			rest.add(countProviders, 1)
			rest.write(tx, prefix)
		}
	}
	c := readCell(data)
	for _, d := range deltas {
		c.add(d.counter, d.n)
	}
	c.write(tx, key)
}

// delta is a change of one counter.
type delta struct {
	counter int
	n       int64
}

// count adds n to a number of 8 bytes, which never falls below zero.
func count(tx *store.Tx, b store.Bucket, key []byte, n int64) {
	var was uint64
	if data := tx.Get(b, key); len(data) == 8 {
		was = binary.BigEndian.Uint64(data)
	}
	tx.Put(b, key, binary.BigEndian.AppendUint64(nil, uint64(max(0, int64(was)+n))))
}

func number(data []byte) uint64 {
	if len(data) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(data)
}
