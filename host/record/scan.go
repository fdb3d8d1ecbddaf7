package record

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// The search among everybody goes through the records in a few passes, each for a share of the keys, so that its memory
// is bounded however many customers there are: a pass collects its keys, sorts them, and compares those who have one
// in common. The pairs of the last search stand until the next one is done.
const (
	// keysAtOnce bounds the keys of a pass, of 8 bytes each.
	keysAtOnce = 4 << 20
	// largestBlock is how many may have a key in common that still tells anything.
	largestBlock = 12
	// mostPairs bounds the suggestions that are kept.
	mostPairs = 100_000
	// part is how many records are read in one transaction, rows how many are written in one.
	part = 4096
	rows = 1000
	// again is how long a search is good for, when customers have changed since.
	again = time.Hour
)

var (
	keyRun     = []byte("run")     // number of the search whose pairs are suggested (8 bytes)
	keyScanned = []byte("scanned") // when it ended (Unix seconds), and the last event of then
)

// Run searches for duplicates whenever that is asked for, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-s.wake:
		}
		s.progress(0)
		err := s.scan(ctx)
		s.progress(100)
		if err != nil && ctx.Err() == nil {
			s.Logger.Error("the search for duplicates ends", "error", err)
		}
	}
}

func (s *Service) progress(percent int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.percent = percent
}

// search asks for a search, unless the last one is good still; it returns how far the one under way is.
func (s *Service) search() (int32, error) {
	s.mu.Lock()
	percent := s.percent
	s.mu.Unlock()
	if percent < 100 {
		return percent, nil
	}
	stale := false
	err := s.Store.View(func(tx *store.Tx) error {
		scanned := tx.Get(bucketMeta, keyScanned)
		if len(scanned) != 16 {
			stale = s.Customers.LastNumber(tx) > 0
			return nil
		}
		at := time.Unix(int64(binary.BigEndian.Uint64(scanned)), 0)
		stale = s.Now().Sub(at) > again && s.Log.Last(tx) != binary.BigEndian.Uint64(scanned[8:])
		return nil
	})
	if err != nil || !stale {
		return 100, err
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return 0, nil
}

// sampled is how many records are looked at to estimate how many keys there will be.
const sampled = 2000

// scan is one search among everybody.
func (s *Service) scan(ctx context.Context) error {
	var last uint32
	var event uint64
	if err := s.Store.View(func(tx *store.Tx) error {
		last, event = s.Customers.LastNumber(tx), s.Log.Last(tx)
		return nil
	}); err != nil {
		return err
	}
	reader, err := s.reader(last)
	if err != nil {
		return err
	}
	passes := uint64(1 + float64(last)*reader.keysEach/keysAtOnce)
	pairs := map[uint64]int32{} // both numbers → score, with 100 more when the name is rare
	for pass := range passes {
		progress := func(share float64) { s.progress(int32(100 * (float64(pass) + share) / float64(passes) * 0.98)) }
		collected, err := reader.collect(ctx, last, pass, passes, func(share float64) { progress(share * 0.7) })
		if err != nil {
			return err
		}
		slices.Sort(collected)
		if err := s.compareBlocks(ctx, reader.model, collected, pairs, func(share float64) { progress(0.7 + share*0.3) }); err != nil {
			return err
		}
	}
	return s.keepPairs(ctx, pairs, event)
}

// reader reads what is compared out of records.
type reader struct {
	s        *Service
	model    model
	seed     maphash.Seed
	keysEach float64
}

// reader looks at a sample of the records, from all over the store, for the fields that there are.
func (s *Service) reader(last uint32) (*reader, error) {
	r := &reader{s: s, seed: maphash.MakeSeed()}
	ids := map[string]bool{}
	var sample [][]byte
	err := s.Store.View(func(tx *store.Tx) error {
		const places = 20
		for i := range uint32(places) {
			n := 0
			for _, record := range s.Customers.Records(tx, uint32(uint64(last)*uint64(i)/places)) {
				sample = append(sample, bytes.Clone(record))
				if n++; n == sampled/places {
					break
				}
			}
		}
		return nil
	})
	if err != nil || len(sample) == 0 {
		return r, err
	}
	for _, record := range sample {
		fieldsOf(record, func(id, _ string) { ids[id] = true })
	}
	r.model = modelOf(s.Customers.InForce(), slices.Sorted(maps.Keys(ids)))
	n := 0
	h := newHasher(r.seed)
	for _, record := range sample {
		keys(h, r.person(0, record), func(uint64, keyKind) { n++ })
	}
	r.keysEach = float64(n) / float64(len(sample))
	return r, nil
}

// The lowest bits of a collected key are the customer's number; above them one bit says that it is of the name alone.
const nameBit = 1 << 32

// collect returns the keys of a pass: of each the top bits of its hash, and whose it is.
func (r *reader) collect(ctx context.Context, last uint32, pass, passes uint64, progress func(float64)) ([]uint64, error) {
	var collected []uint64
	h := newHasher(r.seed)
	for after := uint32(0); after < last; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		read := 0
		err := r.s.Store.View(func(tx *store.Tx) error {
			for number, record := range r.s.Customers.Records(tx, after) {
				keys(h, r.person(number, record), func(key uint64, kind keyKind) {
					if key%passes != pass {
						return
					}
					key = key&^(1<<33-1) | uint64(number)
					if kind == keyName {
						key |= nameBit
					}
					collected = append(collected, key)
				})
				after = number
				if read++; read == part {
					return nil
				}
			}
			after = last
			return nil
		})
		if err != nil {
			return nil, err
		}
		progress(float64(after) / float64(max(last, 1)))
	}
	return collected, nil
}

// compareBlocks compares those who have a key in common.
func (s *Service) compareBlocks(ctx context.Context, m model, collected []uint64, pairs map[uint64]int32, progress func(float64)) error {
	var candidates []uint64
	rare := map[uint64]bool{}
	for i := 0; i < len(collected); {
		j := i + 1
		for j < len(collected) && collected[j]>>32 == collected[i]>>32 {
			j++
		}
		block := collected[i:j]
		i = j
		name := block[0]&nameBit != 0
		if len(block) < 2 || len(block) > largestBlock || name && len(block) > rareName {
			continue
		}
		for x, a := range block {
			for _, b := range block[x+1:] {
				low, high := uint32(a), uint32(b)
				if low == high {
					continue
				}
				pair := uint64(min(low, high))<<32 | uint64(max(low, high))
				candidates = append(candidates, pair)
				if name {
					rare[pair] = true
				}
			}
		}
	}
	slices.Sort(candidates)
	candidates = slices.Compact(candidates)
	for i := 0; i < len(candidates); {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.Store.View(func(tx *store.Tx) error {
			people := map[uint32]*person{}
			for n := 0; i < len(candidates) && n < part; i, n = i+1, n+1 {
				pair := candidates[i]
				a, b := s.personIn(tx, m, people, uint32(pair>>32)), s.personIn(tx, m, people, uint32(pair))
				if a == nil || b == nil || tx.Get(bucketDismissed, pairKey(a.number, b.number)) != nil {
					continue
				}
				if e := compare(a, b, rare[pair]); e.score >= suggestFrom && e.score > pairs[pair]%100 && len(pairs) < mostPairs {
					pairs[pair] = e.score
					if e.rare {
						pairs[pair] += 100
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		progress(float64(i) / float64(len(candidates)))
	}
	return nil
}

// personIn reads a customer, once for a transaction; nil when he is gone.
func (s *Service) personIn(tx *store.Tx, m model, people map[uint32]*person, number uint32) *person {
	p, read := people[number]
	if !read {
		c, err := s.Customers.ByNumber(tx, number)
		if err != nil && !errors.Is(err, customer.ErrNotFound) {
			s.Logger.Error("comparing customers", "number", number, "error", err)
		}
		if err == nil {
			p = m.personOf(c)
		}
		people[number] = p
	}
	return p
}

// keepPairs writes what was found, and lets it take the place of what was found before.
func (s *Service) keepPairs(ctx context.Context, pairs map[uint64]int32, event uint64) error {
	run := uint64(s.Now().UnixNano())
	order := slices.Sorted(maps.Keys(pairs))
	for chunk := range slices.Chunk(order, rows) {
		if err := s.Store.Update(ctx, func(tx *store.Tx) error {
			for _, pair := range chunk {
				score := pairs[pair]
				tx.Put(bucketPair, scoredKey(run, score%100, uint32(pair>>32), uint32(pair)), []byte{byte(score / 100)})
			}
			return nil
		}); err != nil {
			return err
		}
	}
	if err := s.Store.Update(ctx, func(tx *store.Tx) error {
		tx.Put(bucketMeta, keyRun, mergeKey(run))
		tx.Put(bucketMeta, keyScanned, append(mergeKey(uint64(s.Now().Unix())), mergeKey(event)...))
		return nil
	}); err != nil {
		return err
	}
	for {
		n := 0
		if err := s.Store.Update(ctx, func(tx *store.Tx) error {
			for key := range tx.Scan(bucketPair, nil, nil) {
				if bigEndian(key[:8]) == run || n == rows {
					break
				}
				tx.Delete(bucketPair, bytes.Clone(key))
				n++
			}
			return nil
		}); err != nil || n < rows {
			return err
		}
	}
}

// scoredKey puts the likeliest pairs of a search first.
func scoredKey(run uint64, score int32, a, b uint32) []byte {
	return append(append(mergeKey(run), byte(100-score)), pairKey(a, b)...)
}

// Fields of plgv1.Customer, which is read here a million times.
const (
	fieldName   = 2
	fieldPhone  = 3
	fieldEmail  = 4
	fieldFields = 8
)

// person is personOf for an encoded record.
func (r *reader) person(number uint32, record []byte) *person {
	c := &plgv1.Customer{Number: uint64(number)}
	walk(record, func(field protowire.Number, value []byte) {
		switch field {
		case fieldName:
			c.Name = string(value)
		case fieldPhone:
			c.Phone = string(value)
		case fieldEmail:
			c.Email = string(value)
		}
	})
	if len(r.model.dates)+len(r.model.places) > 0 {
		c.Fields = map[string]string{}
		fieldsOf(record, func(id, value string) { c.Fields[id] = value })
	}
	return r.model.personOf(c)
}

// fieldsOf yields the fields of an encoded record.
func fieldsOf(record []byte, yield func(id, value string)) {
	walk(record, func(field protowire.Number, entry []byte) {
		if field != fieldFields {
			return
		}
		var id, value string
		walk(entry, func(field protowire.Number, text []byte) {
			if field == 1 {
				id = string(text)
			} else {
				value = string(text)
			}
		})
		yield(id, value)
	})
}

// walk yields the fields of a message that hold bytes. Of what is no message it yields what it can.
func walk(message []byte, yield func(protowire.Number, []byte)) {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return
		}
		size := protowire.ConsumeFieldValue(field, kind, message[n:])
		if size < 0 {
			return
		}
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(message[n:])
			yield(field, value)
		}
		message = message[n+size:]
	}
}
