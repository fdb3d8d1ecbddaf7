package tabular

import (
	"bytes"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

var (
	bomUTF8    = []byte{0xEF, 0xBB, 0xBF}
	bomUTF16LE = []byte{0xFF, 0xFE}
	bomUTF16BE = []byte{0xFE, 0xFF}
)

// guessEncoding finds the encoding of a text by reading all of it: the first letter that is not ASCII may be in the
// last row, and a guess from the first page alone would spoil that name.
func guessEncoding(r io.ReaderAt, size int64) (string, error) {
	head := make([]byte, min(size, 64<<10))
	if _, err := r.ReadAt(head, 0); err != nil && err != io.EOF {
		return "", err
	}
	switch {
	case bytes.HasPrefix(head, bomUTF8):
		return UTF8, nil
	case bytes.HasPrefix(head, bomUTF16LE):
		return UTF16LE, nil
	case bytes.HasPrefix(head, bomUTF16BE):
		return UTF16BE, nil
	}
	if e := zeroBytes(head); e != "" {
		return e, nil
	}
	var (
		valid = true
		votes codepageVotes
		rest  []byte // a character that the last buffer cut
		buf   = make([]byte, 256<<10)
		off   int64
	)
	for off < size {
		n := copy(buf, rest)
		m, err := r.ReadAt(buf[n:int(min(int64(len(buf)), int64(n)+size-off))], off)
		if m == 0 {
			if err == io.EOF {
				break
			}
			return "", err
		}
		off += int64(m)
		data := buf[:n+m]
		votes.count(data[n:])
		rest = rest[:0]
		if valid {
			end := len(data)
			if off < size {
				end -= cutRune(data)
			}
			rest = append(rest, data[end:]...)
			valid = utf8.Valid(data[:end])
		}
	}
	if valid {
		return UTF8, nil
	}
	return votes.winner(), nil
}

// cutRune returns how many bytes at the end of p begin a character of UTF-8 that is not complete.
func cutRune(p []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(p); n++ {
		if b := p[len(p)-n]; utf8.RuneStart(b) {
			if !utf8.FullRune(p[len(p)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// zeroBytes recognises UTF-16 without a byte order mark: separators, digits and line ends alone make many bytes of one
// parity zero, and hardly any of the other.
func zeroBytes(head []byte) string {
	var zeros [2]int
	for i, b := range head {
		if b == 0 {
			zeros[i&1]++
		}
	}
	pairs := len(head) / 2
	switch {
	case zeros[1] > 1+pairs/20 && zeros[0] <= zeros[1]/50:
		return UTF16LE
	case zeros[0] > 1+pairs/20 && zeros[1] <= zeros[0]/50:
		return UTF16BE
	}
	return ""
}

// codepageVotes tells Windows-1252 (western Europe) from Windows-1251 (Cyrillic) by words. The same bytes, C0 to FF,
// are é, ñ and ü in the one and the whole alphabet in the other: a word that mixes them with ASCII letters is western,
// a word of nothing else is Cyrillic.
type codepageVotes struct {
	western, cyrillic int
	ascii, high       int // letters of the word under way
	run               int // high letters one after another in it
	longest           int
}

func (v *codepageVotes) count(p []byte) {
	for _, b := range p {
		switch {
		case b|0x20 >= 'a' && b|0x20 <= 'z':
			v.ascii++
			v.run = 0
		case b >= 0xC0, b == 0xA8, b == 0xB8, b == 0xB2, b == 0xB3, b == 0xAF, b == 0xBF, b == 0xAA, b == 0xBA: // ЁёІіЇїЄє
			v.high++
			v.run++
			v.longest = max(v.longest, v.run)
		case v.ascii+v.high > 0:
			v.word()
		}
	}
}

// word judges the word that has ended.
func (v *codepageVotes) word() {
	switch {
	case v.high == 0:
	case v.ascii > 0 && v.longest <= 2: // peña, opción, naïve, Mª
		v.western += v.high
	case v.ascii > 0: // a brand beside its Cyrillic ending, or bytes that are neither
	case v.high == 1: // и, я, в as well as à, é, ó: says nothing
	case v.high == 2: // из, на: hardly a word of western letters alone
		v.cyrillic++
	default:
		v.cyrillic += v.high
	}
	v.ascii, v.high, v.run, v.longest = 0, 0, 0, 0
}

func (v *codepageVotes) winner() string {
	v.word()
	if v.cyrillic > v.western {
		return Windows1251
	}
	return Windows1252
}

// decode reads a text as UTF-8, without its byte order mark. What is no character becomes U+FFFD.
func decode(r io.Reader, name string) (io.Reader, error) {
	switch name {
	case UTF8:
		return skipMark(r), nil // the reader of rows mends what is not valid, row by row
	case UTF16LE:
		return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Reader(r), nil
	case UTF16BE:
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().Reader(r), nil
	case Windows1252:
		return newCodepage(r, charmap.Windows1252), nil
	case Windows1251:
		return newCodepage(r, charmap.Windows1251), nil
	}
	return nil, refuse(RefusedEncoding, "encoding", name)
}

// skipMark leaves out a byte order mark at the beginning.
func skipMark(r io.Reader) io.Reader {
	head := make([]byte, len(bomUTF8))
	n, err := io.ReadFull(r, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return io.MultiReader(bytes.NewReader(head[:n]), failing{err})
	}
	if bytes.Equal(head[:n], bomUTF8) {
		return r
	}
	return io.MultiReader(bytes.NewReader(head[:n]), r)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// codepage decodes an encoding of one byte a character by a table, several times faster than the general decoder.
type codepage struct {
	r     io.Reader
	table [256]string
	in    []byte
	out   []byte
	rest  []byte // of out, not read yet
	err   error
}

func newCodepage(r io.Reader, c encoding.Encoding) *codepage {
	p := &codepage{r: r, in: make([]byte, 32<<10), out: make([]byte, 0, 3*32<<10)}
	decoder := c.NewDecoder()
	for i := range p.table {
		s, err := decoder.Bytes([]byte{byte(i)})
		if err != nil {
			s = []byte(string(utf8.RuneError))
		}
		p.table[i] = string(s)
	}
	return p
}

func (p *codepage) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.err != nil {
			return 0, p.err
		}
		var n int
		n, p.err = p.r.Read(p.in)
		p.out = p.out[:0]
		for _, c := range p.in[:n] {
			if c < utf8.RuneSelf {
				p.out = append(p.out, c)
			} else {
				p.out = append(p.out, p.table[c]...)
			}
		}
		p.rest = p.out
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
