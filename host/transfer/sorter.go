package transfer

import (
	"bufio"
	"bytes"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// sorter sorts more keys than memory holds: parts are sorted in memory and written to files, which are then read side
// by side. A record is a key and the row that has it; rows of one key come in their order.
type sorter struct {
	dir     string
	keys    []byte
	entries []entry
	parts   int
	size    int // of a part, in bytes
}

// entry is a record in memory. head is the beginning of the key, by which almost all comparisons are decided.
type entry struct {
	head uint64
	at   uint32
	len  uint16
	row  uint32
}

// partSize is how much a sorter keeps in memory.
const partSize = 12 << 20

func newSorter(dir string) *sorter { return &sorter{dir: dir, size: partSize} }

// add adds a key, of at most 64 kB.
func (s *sorter) add(key []byte, row uint32) error {
	if len(s.keys)+len(key)+24*len(s.entries) > s.size && len(s.entries) > 0 {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.entries = append(s.entries, entry{headOf(key), uint32(len(s.keys)), uint16(len(key)), row})
	s.keys = append(s.keys, key...)
	return nil
}

// headOf is the first part of a key as a number of the same order. Phones are packed, two digits in a byte, since all of
// a country begin alike.
func headOf(key []byte) uint64 {
	if len(key) > 2 && key[0] == 'p' && key[1] == '+' {
		head := uint64(key[0])
		for i := 2; i < 16; i++ {
			nibble := uint64(0)
			if i < len(key) {
				nibble = uint64(key[i]-'0'+1) & 15
			}
			head = head<<4 | nibble
		}
		return head
	}
	var b [8]byte
	copy(b[:], key)
	return binary.BigEndian.Uint64(b[:])
}

func (s *sorter) part(i int) string { return filepath.Join(s.dir, fmt.Sprintf("keys.%d", i)) }

func (s *sorter) flush() error {
	slices.SortFunc(s.entries, func(a, b entry) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		if c := bytes.Compare(s.keys[a.at:a.at+uint32(a.len)], s.keys[b.at:b.at+uint32(b.len)]); c != 0 {
			return c
		}
		return cmp.Compare(a.row, b.row)
	})
	f, err := os.Create(s.part(s.parts))
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 256<<10)
	for _, e := range s.entries {
		writeKey(w, s.keys[e.at:e.at+uint32(e.len)], e.row)
	}
	s.parts++
	s.keys, s.entries = s.keys[:0], s.entries[:0]
	return errors.Join(w.Flush(), f.Close())
}

// writeKey writes one record; w keeps the first error until Flush.
func writeKey(w *bufio.Writer, key []byte, row uint32) {
	b := binary.BigEndian.AppendUint16(w.AvailableBuffer(), uint16(len(key)))
	_, _ = w.Write(binary.BigEndian.AppendUint32(b, row))
	_, _ = w.Write(key)
}

// readKey reads one record; io.EOF is the end. The key is appended to to.
func readKey(r *bufio.Reader, to []byte) (key []byte, row uint32, err error) {
	b, err := r.Peek(6)
	if err == io.EOF && len(b) > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return nil, 0, err
	}
	n := int(binary.BigEndian.Uint16(b))
	row = binary.BigEndian.Uint32(b[2:])
	if _, err := r.Discard(len(b)); err != nil {
		return nil, 0, err
	}
	key = slices.Grow(to, n)[:len(to)+n]
	if _, err := io.ReadFull(r, key[len(to):]); err != nil {
		return nil, 0, fmt.Errorf("transfer: a key that is cut off: %w", io.ErrUnexpectedEOF)
	}
	return key, row, nil
}

// merge calls fn with all records in their order and removes the parts. The key is good until fn returns.
func (s *sorter) merge(fn func(key []byte, row uint32) error) (err error) {
	if err := s.flush(); err != nil {
		return err
	}
	s.keys, s.entries = nil, nil
	var streams streams
	defer func() {
		for _, st := range streams {
			err = errors.Join(err, st.file.Close())
		}
		for i := range s.parts {
			err = errors.Join(err, os.Remove(s.part(i)))
		}
	}()
	var open []*stream
	for i := range s.parts {
		f, err := os.Open(s.part(i))
		if err != nil {
			return err
		}
		st := &stream{file: f, r: bufio.NewReaderSize(f, 128<<10)}
		streams = append(streams, st)
		if err := st.next(); err == nil {
			open = append(open, st)
		} else if err != io.EOF {
			return err
		}
	}
	order := streamHeap(open)
	heap.Init(&order)
	for len(order) > 0 {
		st := order[0]
		if err := fn(st.key, st.row); err != nil {
			return err
		}
		switch err := st.next(); {
		case err == io.EOF:
			heap.Pop(&order)
		case err != nil:
			return err
		default:
			heap.Fix(&order, 0)
		}
	}
	return nil
}

type streams []*stream

// stream is one part as it is read.
type stream struct {
	file *os.File
	r    *bufio.Reader
	key  []byte
	head uint64
	row  uint32
}

func (s *stream) next() (err error) {
	s.key, s.row, err = readKey(s.r, s.key[:0])
	if err == nil {
		s.head = headOf(s.key)
	}
	return err
}

type streamHeap []*stream

func (h streamHeap) Len() int { return len(h) }
func (h streamHeap) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.head != b.head {
		return a.head < b.head
	}
	if c := bytes.Compare(a.key, b.key); c != 0 {
		return c < 0
	}
	return a.row < b.row
}
func (h streamHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *streamHeap) Push(x any)   { *h = append(*h, x.(*stream)) }
func (h *streamHeap) Pop() any {
	last := len(*h) - 1
	st := (*h)[last]
	*h = (*h)[:last]
	return st
}
