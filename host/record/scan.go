package record

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"mostrador/host/store"
)

// The search among everybody reads each record once and keeps what is compared of it in memory (see rows.go). It then
// takes a few passes, each for a share of the keys, so that these take no more memory however many there are: a pass
// collects its keys, sorts them, and compares those who have one in common. All of it grows like the number of customers:
// what more than a few have in common is passed over. The pairs of the last search stand until the next one is done.
const (
	// keysAtOnce bounds the keys of a pass, of 8 bytes each.
	keysAtOnce = 4 << 20
	// pairsAtOnce bounds the pairs that wait for being compared, of 8 bytes each.
	pairsAtOnce = 1 << 20
	// largestBlock is how many may have a key in common that still tells anything.
	largestBlock = 12
	// mostPairs bounds the suggestions that are kept.
	mostPairs = 100_000
	// part is how many records are read in one transaction, written how many are written in one.
	part    = 4096
	written = 1000
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
	all, err := reader.gather(ctx, last, func(share float64) { s.progress(int32(40 * share)) })
	if err != nil {
		return err
	}
	passes := uint64(1 + float64(last)*reader.keysEach/keysAtOnce)
	pairs := map[uint64]int32{} // both numbers → score, with 100 more when the name is rare
	collected := make([]uint64, 0, int(1.1*float64(last)*reader.keysEach/float64(passes)))
	for pass := range passes {
		progress := func(share float64) { s.progress(int32(40 + 58*(float64(pass)+share)/float64(passes))) }
		if collected, err = reader.collect(ctx, all, collected[:0], pass, passes); err != nil {
			return err
		}
		progress(0.4)
		slices.Sort(collected)
		progress(0.6)
		if err := all.compareBlocks(ctx, collected, pairs); err != nil {
			return err
		}
		progress(1)
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
	one := &rows{model: r.model, at: []uint32{1}}
	var p person
	n := 0
	h := newHasher(r.seed)
	for _, record := range sample {
		one.chunks = []string{string(r.row([]byte{0}, record))}
		one.person(0, &p)
		keys(h, &p, func(uint64, keyKind) { n++ })
	}
	r.keysEach = float64(n) / float64(len(sample))
	return r, nil
}

// The lowest bits of a collected key are the customer's number; above them one bit says that it is of the name alone.
const nameBit = 1 << 32

// collect appends the keys of a pass: of each the top bits of its hash, and whose it is.
func (r *reader) collect(ctx context.Context, all *rows, collected []uint64, pass, passes uint64) ([]uint64, error) {
	h := newHasher(r.seed)
	var p person
	for number := range uint32(len(all.at)) {
		if number%part == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if !all.person(number, &p) {
			continue
		}
		keys(h, &p, func(key uint64, kind keyKind) {
			if key%passes != pass {
				return
			}
			key = key&^(1<<33-1) | uint64(number)
			if kind == keyName {
				key |= nameBit
			}
			collected = append(collected, key)
		})
	}
	return collected, nil
}

// rareBit in a pair of numbers, the lower one of which is above, says that nearly nobody else has the name.
const rareBit = 1 << 63

// compareBlocks compares those who have a key in common. The keys are in ascending order.
func (r *rows) compareBlocks(ctx context.Context, collected []uint64, pairs map[uint64]int32) error {
	candidates := make([]uint64, 0, pairsAtOnce)
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
				if name {
					pair |= rareBit
				}
				candidates = append(candidates, pair)
			}
		}
		if len(candidates) > pairsAtOnce-largestBlock*largestBlock {
			if err := r.compare(ctx, candidates, pairs); err != nil {
				return err
			}
			candidates = candidates[:0]
		}
	}
	return r.compare(ctx, candidates, pairs)
}

// compare adds to pairs those of the candidates who are likely to be one person.
func (r *rows) compare(ctx context.Context, candidates []uint64, pairs map[uint64]int32) error {
	slices.Sort(candidates) // the rows of neighbours are in the processor's memory already
	var a, b person
	for i, pair := range slices.Compact(candidates) {
		if i%part == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		rare := pair&rareBit != 0
		pair &^= rareBit
		first := uint32(pair >> 32)
		if a.number != first && !r.person(first, &a) || !r.person(uint32(pair), &b) {
			continue
		}
		e := compare(&a, &b, rare)
		known, is := pairs[pair]
		if e.score < suggestFrom || e.score <= known%100 || !is && len(pairs) >= mostPairs {
			continue
		}
		if pairs[pair] = e.score; e.rare {
			pairs[pair] += 100
		}
	}
	return nil
}

// keepPairs writes what was found, and lets it take the place of what was found before.
func (s *Service) keepPairs(ctx context.Context, pairs map[uint64]int32, event uint64) error {
	run := uint64(s.Now().UnixNano())
	order := slices.Sorted(maps.Keys(pairs))
	for chunk := range slices.Chunk(order, written) {
		if err := s.Store.Update(ctx, func(tx *store.Tx) error {
			for _, pair := range chunk {
				if tx.Get(bucketDismissed, pairKey(uint32(pair>>32), uint32(pair))) != nil {
					continue
				}
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
				if bigEndian(key[:8]) == run || n == written {
					break
				}
				tx.Delete(bucketPair, bytes.Clone(key))
				n++
			}
			return nil
		}); err != nil || n < written {
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
