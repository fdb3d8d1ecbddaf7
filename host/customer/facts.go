package customer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"

	"mostrador/host/store"
)

// Facts are what the store counts of a customer. They change with every sale, without a revision of the
// record and without an event of their own.
type Facts struct {
	Purchases uint64
	// Spent is in the minor unit of the store's currency, refunds taken off.
	Spent int64
	// FirstPurchase, LastPurchase and LastActivity are in seconds since 1970, 0 for never.
	FirstPurchase, LastPurchase, LastActivity int64
	// Measures are numbers that plugins keep, by the ids of their manifests.
	Measures map[string]float64
}

// bucketFact holds the facts by number.
const bucketFact store.Bucket = "customer_fact"

var errFacts = errors.New("customer: damaged facts")

// Facts returns the facts of a customer; nothing is known of a new one.
func (s *Service) Facts(tx *store.Tx, number uint32) (Facts, error) {
	f, err := decodeFacts(tx.Get(bucketFact, numberKey(number)))
	if err != nil {
		return f, fmt.Errorf("facts of customer %d: %w", number, err)
	}
	return f, nil
}

// AllFacts yields what is known of every customer behind a number, in the order of the numbers, leaving out
// those of whom nothing is known.
func (s *Service) AllFacts(tx *store.Tx, after uint32) iter.Seq2[uint32, Facts] {
	return func(yield func(uint32, Facts) bool) {
		for key, data := range tx.Scan(bucketFact, nil, numberKey(after)) {
			f, err := decodeFacts(data)
			if err != nil {
				s.Logger.Error("reading the facts of a customer", "number", numberOf(key), "error", err)
				continue
			}
			if !yield(numberOf(key), f) {
				return
			}
		}
	}
}

// encode is the counterpart of decodeFacts: numbers as varints, then each measure's id and value.
func (f *Facts) encode() []byte {
	b := binary.AppendUvarint(nil, f.Purchases)
	for _, n := range []int64{f.Spent, f.FirstPurchase, f.LastPurchase, f.LastActivity} {
		b = binary.AppendVarint(b, n)
	}
	for _, id := range slices.Sorted(maps.Keys(f.Measures)) {
		b = binary.AppendUvarint(b, uint64(len(id)))
		b = append(b, id...)
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(f.Measures[id]))
	}
	return b
}

func decodeFacts(b []byte) (f Facts, err error) {
	if len(b) == 0 {
		return f, nil
	}
	var n int
	if f.Purchases, n = binary.Uvarint(b); n <= 0 {
		return f, errFacts
	}
	b = b[n:]
	for _, to := range []*int64{&f.Spent, &f.FirstPurchase, &f.LastPurchase, &f.LastActivity} {
		if *to, n = binary.Varint(b); n <= 0 {
			return f, errFacts
		}
		b = b[n:]
	}
	for len(b) > 0 {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) || uint64(len(b)-n)-size < 8 {
			return f, errFacts
		}
		b = b[n:]
		if f.Measures == nil {
			f.Measures = map[string]float64{}
		}
		f.Measures[string(b[:size])] = math.Float64frombits(binary.BigEndian.Uint64(b[size:]))
		b = b[size+8:]
	}
	return f, nil
}

// clone is a copy that shares nothing.
func (f Facts) clone() Facts {
	f.Measures = maps.Clone(f.Measures)
	return f
}

// active notes that a customer did something now.
func (s *Service) active(tx *store.Tx, number uint32) error {
	f, err := s.Facts(tx, number)
	if err != nil {
		return err
	}
	f.LastActivity = s.Now().Unix()
	tx.Put(bucketFact, numberKey(number), f.encode())
	return nil
}
