package finder

import (
	"encoding/binary"
	"math"
	"slices"

	"mostrador/sdk/plgv1"
)

// blockBits says how many persons a block has, as many as a container of a roaring bitmap.
const (
	blockBits = 16
	blockSize = 1 << blockBits
)

// block is what is known of 65,536 persons with consecutive numbers, in columns that grow as far as they are needed.
type block struct {
	name     []uint64 // nameKey
	activity []uint32
	points   []float64
	marks    []marks
	at       []uint32 // where the person's text begins; 0 when there is no person
	// text holds the texts of all persons one after the other; see appendText. What is written in it is not
	// changed again: slices of it stay good without the lock.
	text []byte
	dead int // how many bytes of text are nobody's any more
}

// columns are the blocks of all persons, by number.
type columns []*block

// find returns the block and the place in it of a person, nil when there is none.
func (c columns) find(number uint32) (*block, int) {
	b, i := number>>blockBits, int(number%blockSize)
	if int(b) >= len(c) || c[b] == nil || i >= len(c[b].at) || c[b].at[i] == 0 {
		return nil, 0
	}
	return c[b], i
}

// room returns the block and the place for a person.
func (c *columns) room(number uint32) (*block, int) {
	b, i := int(number>>blockBits), int(number%blockSize)
	if b >= len(*c) {
		*c = append(*c, make([]*block, b+1-len(*c))...)
	}
	if (*c)[b] == nil {
		(*c)[b] = &block{text: []byte{0}} // no text begins at 0
	}
	(*c)[b].grow(i + 1)
	return (*c)[b], i
}

// grow makes the columns at least n long.
func (b *block) grow(n int) {
	if n <= len(b.at) {
		return
	}
	n = min(blockSize, max(n, 64, 2*len(b.at)))
	b.name = append(make([]uint64, 0, n), b.name...)[:n]
	b.activity = append(make([]uint32, 0, n), b.activity...)[:n]
	b.points = append(make([]float64, 0, n), b.points...)[:n]
	b.marks = append(make([]marks, 0, n), b.marks...)[:n]
	b.at = append(make([]uint32, 0, n), b.at...)[:n]
}

// fewDead is how many bytes of a block may always be dead.
const fewDead = 4096

// setText writes the text of a person, instead of the one before.
func (b *block) setText(i int, text []byte) {
	b.drop(i)
	b.at[i] = uint32(len(b.text))
	b.text = append(b.text, text...)
	b.name[i] = nameKey(b.nameOf(i))
	b.compact()
}

// drop forgets the text of a person.
func (b *block) drop(i int) {
	if at := b.at[i]; at != 0 {
		b.dead += textLen(b.text[at:])
		b.at[i] = 0
	}
}

// compact writes the living texts anew when a quarter is dead.
func (b *block) compact() {
	if b.dead < fewDead || b.dead < len(b.text)/4 {
		return
	}
	text := make([]byte, 1, len(b.text)-b.dead+len(b.text)/8)
	old := b.text
	for i, at := range b.at {
		if at != 0 {
			b.at[i] = uint32(len(text))
			text = append(text, old[at:int(at)+textLen(old[at:])]...)
		}
	}
	b.text, b.dead = text, 0
}

// clip gives back what grew ahead of the need.
func (b *block) clip() { b.text = slices.Clone(b.text) }

// set writes all but the text of a person and returns the marks before.
func (b *block) set(i int, p *Person) (before marks) {
	b.activity[i] = clampActivity(p.Activity)
	b.points[i] = clampPoints(p.Points)
	before, b.marks[i] = b.marks[i], marksOf(p)
	return before
}

// A text is the name and, unless there are none, the words that are not in the name, each after its length.
// The first number holds the length of the name and, as its lowest bit, whether words follow.

func appendText(text []byte, name string, words []string) []byte {
	first := uint64(len(name)) << 1
	if len(words) > 0 {
		first |= 1
	}
	text = append(binary.AppendUvarint(text, first), name...)
	if len(words) > 0 {
		text = binary.AppendUvarint(text, uint64(len(words)))
		for _, w := range words {
			text = append(binary.AppendUvarint(text, uint64(len(w))), w...)
		}
	}
	return text
}

// readText returns the parts of the text of a person who is there.
func (b *block) readText(i int) (name []byte, words []string) {
	data := b.textOf(i)
	first, n := binary.Uvarint(data)
	data = data[n:]
	name, data = data[:first>>1], data[first>>1:]
	if first&1 == 0 {
		return name, nil
	}
	count, n := binary.Uvarint(data)
	data = data[n:]
	words = make([]string, count)
	for i := range words {
		size, n := binary.Uvarint(data)
		words[i], data = string(data[n:n+int(size)]), data[n+int(size):]
	}
	return name, words
}

// textOf is the text of a person who is there.
func (b *block) textOf(i int) []byte {
	data := b.text[b.at[i]:]
	return data[:textLen(data)]
}

// textLen is the length of the text with which data begins.
func textLen(data []byte) int {
	first, n := binary.Uvarint(data)
	length := n + int(first>>1)
	if first&1 == 0 {
		return length
	}
	count, n := binary.Uvarint(data[length:])
	length += n
	for range count {
		size, n := binary.Uvarint(data[length:])
		length += n + int(size)
	}
	return length
}

// nameOf is the name of a person who is there.
func (b *block) nameOf(i int) []byte {
	data := b.text[b.at[i]:]
	first, n := binary.Uvarint(data)
	return data[n : n+int(first>>1) : n+int(first>>1)]
}

// nameKey is the beginning of a name as a number, ordered like the names.
func nameKey(name []byte) uint64 {
	var key [8]byte
	copy(key[:], name)
	return binary.BigEndian.Uint64(key[:])
}

// activityKey orders the latest first, in Unix seconds.
func activityKey(seconds uint32) uint64 { return uint64(math.MaxUint32 - seconds) }

// pointsKey orders the most first.
func pointsKey(points float64) uint64 {
	bits := math.Float64bits(points)
	if bits>>63 == 0 {
		return ^(bits | 1<<63)
	}
	return bits
}

// clampActivity brings a time into the column.
func clampActivity(seconds int64) uint32 { return uint32(min(max(seconds, 0), math.MaxUint32)) }

// clampPoints takes from a number what cannot be ordered.
func clampPoints(points float64) float64 {
	if points == 0 || math.IsNaN(points) {
		return 0 // without sign
	}
	return points
}

// marks are what a person has of two marks, and the state of the consent.
type marks uint8

const (
	hasEmail marks = 1 << iota
	hasPhone
	consentBits = iota // where the state begins
)

func marksOf(p *Person) (m marks) {
	if p.Email {
		m |= hasEmail
	}
	if p.Phone {
		m |= hasPhone
	}
	if p.Consent > 0 && p.Consent <= math.MaxUint8>>consentBits {
		m |= marks(p.Consent) << consentBits // another state is none that the store knows
	}
	return m
}

func (m marks) consent() plgv1.ConsentState { return plgv1.ConsentState(m >> consentBits) }
