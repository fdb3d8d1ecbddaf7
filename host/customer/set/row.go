package set

import (
	"encoding/binary"
	"errors"
	"slices"

	"mostrador/host/store"
)

// entry is the members of one set in a block.
type entry struct {
	id   ID
	bits Block
}

// errRow says that a row is not what write wrote.
var errRow = errors.New("set: damaged row")

// A row is its entries in the order of their IDs: the ID (4 bytes, big endian), then how many members follow,
// one byte each, or, when there are more than sparse, the byte dense and a bit for each customer.
const (
	sparse    = 31
	dense     = 255
	denseSize = BlockSize / 8
)

func key(block uint32) []byte { return binary.BigEndian.AppendUint32(nil, block) }

func blockOf(key []byte) uint32 { return binary.BigEndian.Uint32(key) }

func find(entries []entry, id ID) (int, bool) {
	return slices.BinarySearchFunc(entries, id, func(e entry, id ID) int { return int(int64(e.id) - int64(id)) })
}

func read(tx *store.Tx, block uint32) ([]entry, error) { return decode(tx.Get(bucket, key(block))) }

func decode(row []byte) ([]entry, error) {
	var entries []entry
	for len(row) > 0 {
		if len(row) < 5 {
			return nil, errRow
		}
		e := entry{id: ID(binary.BigEndian.Uint32(row))}
		n := int(row[4])
		row = row[5:]
		switch {
		case n == dense && len(row) >= denseSize:
			for i := range e.bits {
				e.bits[i] = binary.LittleEndian.Uint64(row[i*8:])
			}
			row = row[denseSize:]
		case n <= sparse && len(row) >= n:
			for _, at := range row[:n] {
				e.bits.Add(uint32(at))
			}
			row = row[n:]
		default:
			return nil, errRow
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// write writes the row of a block; sets without members there are left out.
func write(tx *store.Tx, block uint32, entries []entry) {
	var row []byte
	for _, e := range entries {
		n := e.bits.Len()
		if n == 0 {
			continue
		}
		row = binary.BigEndian.AppendUint32(row, uint32(e.id))
		if n > sparse {
			row = append(row, dense)
			for _, w := range e.bits {
				row = binary.LittleEndian.AppendUint64(row, w)
			}
			continue
		}
		row = append(row, byte(n))
		for _, number := range e.bits.numbers(0) {
			row = append(row, byte(number))
		}
	}
	if row == nil {
		tx.Delete(bucket, key(block))
		return
	}
	tx.Put(bucket, key(block), row)
}
