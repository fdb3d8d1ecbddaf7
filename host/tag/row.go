package tag

import (
	"encoding/binary"
	"errors"

	"mostrador/host/customer/set"
)

// errRow says that a task's row is not what encode wrote.
var errRow = errors.New("tag: damaged row of a task")

// A task keeps a row for each block and tag in which it changed anything: block and set (4 bytes each, big endian) →
// row.
type row struct {
	// off says that the tag was taken off, not put on.
	off bool
	// undone says that what was to be taken back of it was.
	undone bool
	// changed are those of the block whom the task changed, left those of them whom nobody changed after it.
	changed, left set.Block
}

const (
	flagOff    = 1
	flagUndone = 2
	rowSize    = 1 + 2*set.BlockSize/8
)

func rowKey(block uint32, tag set.ID) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, block), uint32(tag))
}

func parseKey(key []byte) (block uint32, tag set.ID, err error) {
	if len(key) != 8 {
		return 0, 0, errRow
	}
	return binary.BigEndian.Uint32(key), set.ID(binary.BigEndian.Uint32(key[4:])), nil
}

func (r *row) encode() []byte {
	b := make([]byte, 1, rowSize)
	if r.off {
		b[0] |= flagOff
	}
	if r.undone {
		b[0] |= flagUndone
	}
	for _, block := range [2]*set.Block{&r.changed, &r.left} {
		for _, w := range block {
			b = binary.LittleEndian.AppendUint64(b, w)
		}
	}
	return b
}

func decode(b []byte) (r row, err error) {
	if len(b) != rowSize {
		return r, errRow
	}
	r.off, r.undone = b[0]&flagOff != 0, b[0]&flagUndone != 0
	b = b[1:]
	for _, block := range [2]*set.Block{&r.changed, &r.left} {
		for i := range block {
			block[i] = binary.LittleEndian.Uint64(b)
			b = b[8:]
		}
	}
	return r, nil
}

func or(a, b set.Block) set.Block {
	for i := range a {
		a[i] |= b[i]
	}
	return a
}

func without(a, b set.Block) set.Block {
	for i := range a {
		a[i] &^= b[i]
	}
	return a
}

func whomKey(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }
