// Package set keeps sets of customers: tags, segments, and who converted in a campaign.
//
// A set is named by an ID and holds customer numbers. On disk a row stands for a block of 256 customers who
// registered one after the other, and says for each set that has members there which of the 256 they are. So
// the sets of one customer are one look-up, a change of one customer is one small write, and a change of a
// million customers writes four thousand rows. What a set means (the name of a tag, the condition of a
// segment) is kept by whoever owns it, so renaming one touches no customer.
//
// In memory each set is a compressed bitmap that follows the commits: how many members there are, who they
// are, and what two sets have in common are answered without reading the file.
package set

import (
	"fmt"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"mostrador/host/store"
)

// ID names a set: its kind in the top byte, a number of that kind in the rest.
type ID uint32

// Kind is what a set is.
type Kind uint8

// The kinds.
const (
	KindTag Kind = iota + 1
	KindSegment
	KindCampaign
)

const kindShift = 24

// MaxNumber is the greatest number of a kind.
const MaxNumber = 1<<kindShift - 1

// Tag, Segment and Campaign are the IDs of the n-th of a kind.
func Tag(n uint32) ID { return of(KindTag, n) }

// Segment is the n-th segment.
func Segment(n uint32) ID { return of(KindSegment, n) }

// Campaign is the n-th campaign.
func Campaign(n uint32) ID { return of(KindCampaign, n) }

func of(k Kind, n uint32) ID { return ID(k)<<kindShift | ID(n&MaxNumber) }

// Kind returns what the set is.
func (id ID) Kind() Kind { return Kind(id >> kindShift) }

// Number returns which of its kind the set is.
func (id ID) Number() uint32 { return uint32(id) & MaxNumber }

// Sets are the sets of a store. They are safe for concurrent use.
type Sets struct {
	mu      sync.RWMutex
	members map[ID]*roaring.Bitmap
	changes atomic.Uint64
}

const bucket store.Bucket = "customer_set"

// Open reads the sets of a store.
func Open(st *store.Store) (*Sets, error) {
	s := &Sets{members: make(map[ID]*roaring.Bitmap)}
	err := st.View(func(tx *store.Tx) error {
		for key, row := range tx.Scan(bucket, nil, nil) {
			entries, err := decode(row)
			if err != nil {
				return fmt.Errorf("sets of block %x: %w", key, err)
			}
			for _, e := range entries {
				s.bitmap(e.id).AddMany(e.bits.numbers(blockOf(key)))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, b := range s.members {
		b.RunOptimize()
	}
	return s, nil
}

// Verify compares the bitmaps in memory with the rows of the file and returns what disagrees. Nobody must change the
// sets meanwhile.
func (s *Sets) Verify(st *store.Store) (problems []string) {
	fresh, err := Open(st)
	if err != nil {
		return []string{err.Error()}
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for id, b := range s.members {
		other := fresh.bitmap(id)
		if !b.Equals(other) {
			problems = append(problems, fmt.Sprintf("set %x has %d members in memory, %d in the file", uint32(id), b.GetCardinality(), other.GetCardinality()))
		}
	}
	for id, b := range fresh.members {
		if s.members[id] == nil && !b.IsEmpty() {
			problems = append(problems, fmt.Sprintf("set %x is in the file only", uint32(id)))
		}
	}
	return problems
}

// bitmap is called with mu held, or before anybody else knows of s.
func (s *Sets) bitmap(id ID) *roaring.Bitmap {
	b := s.members[id]
	if b == nil {
		b = roaring.New()
		s.members[id] = b
	}
	return b
}

// Changes grows with every change that was committed.
func (s *Sets) Changes() uint64 { return s.changes.Load() }

// Count is how many members a set has, as committed.
func (s *Sets) Count(id ID) uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if b := s.members[id]; b != nil {
		return b.GetCardinality()
	}
	return 0
}

// Members returns the members of a set, as committed; the caller may change what it gets.
func (s *Sets) Members(id ID) *roaring.Bitmap {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if b := s.members[id]; b != nil {
		return b.Clone()
	}
	return roaring.New()
}

// Of lists the sets that a customer is in, in ascending order.
func (s *Sets) Of(tx *store.Tx, number uint32) ([]ID, error) {
	entries, err := read(tx, number/BlockSize)
	if err != nil {
		return nil, err
	}
	var ids []ID
	for _, e := range entries {
		if e.bits.Has(number) {
			ids = append(ids, e.id)
		}
	}
	return ids, nil
}

// Has tells whether a customer is in a set.
func (s *Sets) Has(tx *store.Tx, id ID, number uint32) (bool, error) {
	block, err := s.Block(tx, id, number/BlockSize)
	return block.Has(number), err
}

// Block returns the members of a set in one block.
func (s *Sets) Block(tx *store.Tx, id ID, block uint32) (Block, error) {
	entries, err := read(tx, block)
	if err != nil {
		return Block{}, err
	}
	if i, found := find(entries, id); found {
		return entries[i].bits, nil
	}
	return Block{}, nil
}

// Put puts a customer into a set, or takes him out, and tells whether that changed anything.
func (s *Sets) Put(tx *store.Tx, id ID, number uint32, in bool) (changed bool, err error) {
	var one Block
	one.Add(number)
	got, err := s.PutBlock(tx, id, number/BlockSize, one, in)
	return got != Block{}, err
}

// PutBlock puts customers of one block into a set, or takes them out, and returns those for whom that changed
// anything.
func (s *Sets) PutBlock(tx *store.Tx, id ID, block uint32, who Block, in bool) (changed Block, err error) {
	entries, err := read(tx, block)
	if err != nil {
		return Block{}, err
	}
	i, found := find(entries, id)
	if !found {
		entries = slices.Insert(entries, i, entry{id: id})
	}
	now := &entries[i].bits
	for w := range who {
		if in {
			changed[w] = who[w] &^ now[w]
			now[w] |= who[w]
		} else {
			changed[w] = who[w] & now[w]
			now[w] &^= who[w]
		}
	}
	if changed == (Block{}) {
		return changed, nil
	}
	write(tx, block, entries)
	tx.OnCommit(func() { s.follow(id, changed.numbers(block), in) })
	return changed, nil
}

// follow brings the bitmap of a set to what was committed.
func (s *Sets) follow(id ID, numbers []uint32, in bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes.Add(1)
	b := s.bitmap(id)
	if in {
		b.AddMany(numbers)
		return
	}
	for _, n := range numbers {
		b.Remove(n)
	}
}

// Clear takes a customer out of all sets and returns those that he was in.
func (s *Sets) Clear(tx *store.Tx, number uint32) ([]ID, error) {
	ids, err := s.Of(tx, number)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if _, err := s.Put(tx, id, number, false); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// Blocks returns up to limit blocks, from block first on, in which a set has members, as committed; with a
// block's members.
func (s *Sets) Blocks(id ID, first uint32, limit int) map[uint32]Block {
	return Split(s.Members(id), first, limit)
}

// Split returns up to limit blocks of a bitmap from block first on.
func Split(numbers *roaring.Bitmap, first uint32, limit int) map[uint32]Block {
	blocks := make(map[uint32]Block, limit)
	it := numbers.Iterator()
	it.AdvanceIfNeeded(first * BlockSize)
	for it.HasNext() {
		n := it.Next()
		b, known := blocks[n/BlockSize]
		if !known && len(blocks) == limit {
			break
		}
		b.Add(n)
		blocks[n/BlockSize] = b
	}
	return blocks
}

// BlockSize is how many customers stand in one row.
const BlockSize = 256

// Block is some of the 256 customers of a block.
type Block [BlockSize / 64]uint64

// Add adds a customer of the block.
func (b *Block) Add(number uint32) { b[number%BlockSize/64] |= 1 << (number % 64) }

// Has tells whether a customer of the block is among them.
func (b *Block) Has(number uint32) bool { return b[number%BlockSize/64]>>(number%64)&1 == 1 }

// Len is how many they are.
func (b *Block) Len() (n int) {
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// Numbers are the customers' numbers in ascending order.
func (b *Block) Numbers(block uint32) []uint32 { return b.numbers(block) }

func (b *Block) numbers(block uint32) []uint32 {
	list := make([]uint32, 0, b.Len())
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			list = append(list, block*BlockSize+uint32(i*64+bits.TrailingZeros64(w)))
		}
	}
	return list
}
