package tabular

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
)

// sharedStrings are the texts of an XLSX file, which its cells name by number. They are read only as far as they are
// asked for, which is in order or nearly so. They lie one after another, each after its length, in memory while they
// are few and in a temporary file when they are many; what stays in memory then is where every 64th begins, and a cache.
type sharedStrings struct {
	scan   *xmlScanner // nil when there are none, or no more
	closer io.Closer
	limits Limits
	temp   string // folder

	n       int
	starts  []int64 // of every chunk of chunkStrings
	size    int64
	tail    []byte // what is not in the file: all of it when there is none
	file    *os.File
	cache   []chunk
	scratch []byte
}

const (
	chunkStrings = 64
	memoryTexts  = 8 << 20 // bytes of texts that are kept in memory, and written at once when they are more
	cacheChunks  = 4096
)

type chunk struct {
	index int // -1 when empty
	data  []byte
}

// at returns a text, valid until the next call. ok is false when there is none of that number.
func (s *sharedStrings) at(i int) (text []byte, ok bool, err error) {
	for i >= s.n {
		if s.scan == nil {
			return nil, false, nil
		}
		if err := s.read(); err != nil {
			return nil, false, err
		}
	}
	data, err := s.chunk(i / chunkStrings)
	if err != nil {
		return nil, false, err
	}
	for skip := i % chunkStrings; ; skip-- {
		length, n := binary.Uvarint(data)
		if n <= 0 || uint64(len(data)-n) < length {
			return nil, false, errors.New("tabular: temporary file of texts changed")
		}
		if skip == 0 {
			return data[n : n+int(length)], true, nil
		}
		data = data[n+int(length):]
	}
}

// chunk returns the texts from the first of a chunk on.
func (s *sharedStrings) chunk(i int) ([]byte, error) {
	inFile := s.size - int64(len(s.tail))
	if s.starts[i] >= inFile {
		return s.tail[s.starts[i]-inFile:], nil
	}
	slot := &s.cache[i%cacheChunks]
	if slot.index == i {
		return slot.data, nil
	}
	// What is written to the file ends with a chunk.
	end := inFile
	if i+1 < len(s.starts) {
		end = s.starts[i+1]
	}
	length := int(end - s.starts[i])
	if cap(slot.data) < length || cap(slot.data) > 64<<10 {
		slot.data = make([]byte, length)
	}
	slot.index, slot.data = -1, slot.data[:length]
	if _, err := s.file.ReadAt(slot.data, s.starts[i]); err != nil {
		return nil, err
	}
	slot.index = i
	return slot.data, nil
}

// read reads the next text, an <si>.
func (s *sharedStrings) read() error {
	for {
		kind, err := s.scan.next()
		if err == io.EOF {
			s.scan = nil
			return s.closer.Close()
		}
		if err != nil {
			return err
		}
		if kind == xmlStart && string(s.scan.name) == "si" {
			s.scratch, err = richText(s.scan, s.scratch[:0], s.limits.Cell)
			if err != nil {
				return err
			}
			return s.add(s.scratch)
		}
	}
}

func (s *sharedStrings) add(text []byte) error {
	if s.n%chunkStrings == 0 {
		if len(s.tail) > memoryTexts {
			if err := s.spill(); err != nil {
				return err
			}
		}
		s.starts = append(s.starts, s.size)
	}
	before := len(s.tail)
	s.tail = binary.AppendUvarint(s.tail, uint64(len(text)))
	s.tail = append(s.tail, text...)
	s.size += int64(len(s.tail) - before)
	s.n++
	return nil
}

// spill writes what is in memory to the temporary file.
func (s *sharedStrings) spill() error {
	if s.file == nil {
		var err error
		if s.file, err = os.CreateTemp(s.temp, "table-*.tmp"); err != nil {
			return err
		}
		s.cache = make([]chunk, cacheChunks)
		for i := range s.cache {
			s.cache[i].index = -1
		}
	}
	if _, err := s.file.WriteAt(s.tail, s.size-int64(len(s.tail))); err != nil {
		return err
	}
	s.tail = s.tail[:0]
	return nil
}

// Close removes the temporary file.
func (s *sharedStrings) Close() error {
	var errs []error
	if s.scan != nil {
		s.scan = nil
		errs = append(errs, s.closer.Close())
	}
	if s.file != nil {
		errs = append(errs, s.file.Close(), os.Remove(s.file.Name()))
		s.file = nil
	}
	return errors.Join(errs...)
}

// richText appends to out the text of the element that has started, up to its end: the <t> in it, in runs or not, but
// not how Japanese is pronounced (<rPh>).
func richText(x *xmlScanner, out []byte, limit int) ([]byte, error) {
	if x.empty {
		_, err := x.next()
		return out, err
	}
	bottom := x.depth
	silent := 0 // depth of <rPh>
	begin := len(out)
	for inside := false; ; {
		kind, err := x.next()
		if err != nil {
			return out, cut(err)
		}
		switch {
		case kind == xmlStart && string(x.name) == "rPh" && silent == 0:
			silent = x.depth
		case kind == xmlStart:
			inside = string(x.name) == "t" && silent == 0
		case kind == xmlEnd:
			inside = false
			if x.depth < silent {
				silent = 0
			}
			if x.depth < bottom {
				return unescapeControl(out, begin), nil
			}
		case inside:
			if out = append(out, x.text...); len(out)-begin > limit {
				return out, errLong
			}
		}
	}
}

// unescapeControl makes characters of the escapes in out, from begin on: characters that XML cannot have are written
// _x000D_, and what looks like an escape and is none _x005F_x000D_.
func unescapeControl(out []byte, begin int) []byte {
	text := out[begin:]
	if !bytes.Contains(text, []byte("_x")) {
		return out
	}
	to := 0
	for i := 0; i < len(text); {
		if r, ok := controlEscape(text[i:]); ok {
			to += copy(text[to:], string(r)) // at most 3 bytes for 7
			i += 7
			continue
		}
		text[to] = text[i]
		to++
		i++
	}
	return out[:begin+to]
}

// controlEscape reads an escape at the beginning of text.
func controlEscape(text []byte) (rune, bool) {
	if len(text) < 7 || text[0] != '_' || text[1] != 'x' || text[6] != '_' {
		return 0, false
	}
	r := rune(0)
	for _, b := range text[2:6] {
		switch {
		case b >= '0' && b <= '9':
			r = r<<4 | rune(b-'0')
		case b|0x20 >= 'a' && b|0x20 <= 'f':
			r = r<<4 | rune(b|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, r < 0xD800 || r > 0xDFFF // half of a pair is no character
}
