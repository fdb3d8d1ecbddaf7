package tabular

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"unicode/utf8"
)

// xmlScanner reads the XML of spreadsheets, several times faster than encoding/xml and in bounded memory. It knows what
// spreadsheets use: elements by their local names, attributes, text, CDATA. It has no document type declarations, so no
// entities of a file's own, and it does not check that names match.
type xmlScanner struct {
	r     io.Reader
	limit int // bytes of a tag or a text

	buf      []byte
	pos, end int
	err      error
	depth    int

	name    []byte // of the element that starts or ends, without its prefix
	attrs   []byte // of the element that starts, unparsed
	empty   bool   // the element that starts also ends
	text    []byte
	scratch []byte
}

// xmlKind is what an xmlScanner found.
type xmlKind int

const (
	xmlStart xmlKind = iota
	xmlEnd
	xmlText
)

// errXML is what is wrong with XML, for programmers: people are told that the file is damaged.
var errXML = errors.New("tabular: malformed XML")

// errLong is a tag or a text beyond the limit.
var errLong = errors.New("tabular: XML token too long")

func newXMLScanner(r io.Reader, limit int) *xmlScanner {
	return &xmlScanner{r: r, limit: limit, buf: make([]byte, 64<<10)}
}

// more reads on, keeping what is in the buffer from pos.
func (x *xmlScanner) more() error {
	if x.err != nil {
		return x.err
	}
	if x.pos > 0 {
		copy(x.buf, x.buf[x.pos:x.end])
		x.end -= x.pos
		x.pos = 0
	}
	if x.end == len(x.buf) {
		if len(x.buf) > x.limit {
			return errLong
		}
		x.buf = append(x.buf, make([]byte, len(x.buf))...)
	}
	for tries := 0; ; tries++ {
		n, err := x.r.Read(x.buf[x.end:])
		x.end += n
		x.err = err
		if n > 0 {
			return nil
		}
		if err != nil {
			return err
		}
		if tries > 100 {
			return io.ErrNoProgress
		}
	}
}

// find returns where, after pos, the mark is next.
func (x *xmlScanner) find(mark string) (int, error) {
	for from := 0; ; {
		if i := bytes.Index(x.buf[x.pos+from:x.end], []byte(mark)); i >= 0 {
			return from + i, nil
		}
		from = max(0, x.end-x.pos-len(mark)+1)
		if err := x.more(); err != nil {
			return 0, cut(err)
		}
	}
}

// cut makes the end of the file an error where it may not end.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// next finds the next start, end or text. It returns io.EOF after the last element.
func (x *xmlScanner) next() (xmlKind, error) {
	if x.empty {
		x.empty = false
		x.depth--
		return xmlEnd, nil
	}
	for {
		if x.pos == x.end {
			if err := x.more(); err != nil {
				if err == io.EOF && x.depth > 0 {
					err = io.ErrUnexpectedEOF
				}
				return 0, err
			}
		}
		if x.buf[x.pos] != '<' {
			n, err := x.find("<")
			if err != nil {
				if x.depth == 0 && err == io.ErrUnexpectedEOF {
					return 0, io.EOF // spaces after the last element
				}
				return 0, err
			}
			text := x.buf[x.pos : x.pos+n]
			x.pos += n
			if x.depth == 0 {
				continue
			}
			x.text = text
			if bytes.IndexByte(text, '&') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
				x.scratch = unescape(x.scratch[:0], text)
				x.text = x.scratch
			}
			return xmlText, nil
		}
		for x.end-x.pos < 2 {
			if err := x.more(); err != nil {
				return 0, cut(err)
			}
		}
		switch x.buf[x.pos+1] {
		case '?':
			if err := x.skip("?>"); err != nil {
				return 0, err
			}
		case '!':
			text, err := x.declaration()
			if err != nil {
				return 0, err
			}
			if text {
				return xmlText, nil
			}
		default:
			return x.tag()
		}
	}
}

// skip goes on after the mark.
func (x *xmlScanner) skip(mark string) error {
	n, err := x.find(mark)
	x.pos += n + len(mark)
	if err != nil {
		x.pos = x.end
	}
	return err
}

// declaration reads a comment or CDATA, which is text.
func (x *xmlScanner) declaration() (text bool, err error) {
	const cdata = "<![CDATA["
	for x.end-x.pos < len(cdata) {
		if err := x.more(); err != nil {
			return false, cut(err)
		}
	}
	switch rest := x.buf[x.pos:x.end]; {
	case bytes.HasPrefix(rest, []byte("<!--")):
		x.pos += len("<!--")
		return false, x.skip("-->")
	case bytes.HasPrefix(rest, []byte(cdata)):
		x.pos += len(cdata)
		n, err := x.find("]]>")
		if err != nil {
			return false, err
		}
		x.text = x.buf[x.pos : x.pos+n]
		x.pos += n + len("]]>")
		return x.depth > 0, nil
	}
	return false, errXML // a document type, which spreadsheets do not have
}

// tag reads the start or the end of an element.
func (x *xmlScanner) tag() (xmlKind, error) {
	n, err := x.close()
	if err != nil {
		return 0, err
	}
	inside := x.buf[x.pos+1 : x.pos+n]
	x.pos += n + 1
	kind := xmlStart
	if len(inside) > 0 && inside[0] == '/' {
		kind, inside = xmlEnd, inside[1:]
	} else if len(inside) > 0 && inside[len(inside)-1] == '/' {
		x.empty, inside = true, inside[:len(inside)-1]
	}
	i := 0
	for i < len(inside) && !space(inside[i]) {
		i++
	}
	x.name, x.attrs = local(inside[:i]), inside[i:]
	if len(x.name) == 0 {
		return 0, errXML
	}
	if kind == xmlEnd {
		x.depth--
	} else {
		x.depth++
	}
	if x.depth < 0 || x.depth > 256 {
		return 0, errXML
	}
	return kind, nil
}

// close returns where, after pos, the tag's ">" is, which is not one within quotes.
func (x *xmlScanner) close() (int, error) {
	if i := bytes.IndexByte(x.buf[x.pos:x.end], '>'); i >= 0 {
		tag := x.buf[x.pos : x.pos+i]
		if bytes.Count(tag, []byte{'"'})%2 == 0 && bytes.IndexByte(tag, '\'') < 0 {
			return i, nil // as nearly always
		}
	}
	quote := byte(0)
	for i := 1; ; i++ {
		for x.pos+i >= x.end {
			if err := x.more(); err != nil {
				return 0, cut(err)
			}
		}
		switch b := x.buf[x.pos+i]; {
		case quote != 0:
			if b == quote {
				quote = 0
			}
		case b == '"' || b == '\'':
			quote = b
		case b == '>':
			return i, nil
		}
	}
}

// attr returns an attribute of the element that starts, by its local name; nil when it has none of that name. It is
// valid until the next call.
func (x *xmlScanner) attr(name string) []byte {
	key, value, rest := attribute(x.attrs)
	for ; key != nil; key, value, rest = attribute(rest) {
		if string(key) == name {
			if bytes.IndexByte(value, '&') >= 0 {
				x.scratch = unescape(x.scratch[:0], value)
				return x.scratch
			}
			return value
		}
	}
	return nil
}

// attribute cuts the first attribute from the attributes of an element: its local name and its value, with entities as
// they are. key is nil when there are no more.
func attribute(attrs []byte) (key, value, rest []byte) {
	i := 0
	for i < len(attrs) && space(attrs[i]) {
		i++
	}
	begin := i
	for i < len(attrs) && attrs[i] != '=' && !space(attrs[i]) {
		if attrs[i] == ':' {
			begin = i + 1
		}
		i++
	}
	key = attrs[begin:i]
	for i < len(attrs) && (attrs[i] == '=' || space(attrs[i])) {
		i++
	}
	if i == len(attrs) || attrs[i] != '"' && attrs[i] != '\'' {
		return nil, nil, nil
	}
	end := bytes.IndexByte(attrs[i+1:], attrs[i])
	if end < 0 {
		return nil, nil, nil
	}
	return key, attrs[i+1 : i+1+end], attrs[i+2+end:]
}

// yes reads an attribute that is true or false.
func (x *xmlScanner) yes(name string) bool {
	v := x.attr(name)
	return string(v) == "1" || string(v) == "true" || string(v) == "on"
}

// number reads an attribute that is a whole number up to 2^31; or is what it is when there is none, or another thing.
func (x *xmlScanner) number(name string, or int) int {
	return whole(x.attr(name), or)
}

func whole(v []byte, or int) int {
	if len(v) == 0 || len(v) > 9 {
		return or
	}
	n := 0
	for _, b := range v {
		if b < '0' || b > '9' {
			return or
		}
		n = n*10 + int(b-'0')
	}
	return n
}

func space(b byte) bool { return b == ' ' || b == '\n' || b == '\t' || b == '\r' }

// local is a name without its prefix: some programs write <x:row>.
func local(name []byte) []byte {
	return name[bytes.IndexByte(name, ':')+1:]
}

// unescape appends text to out with entities made characters, and with line ends as XML has them. What is no entity stays.
func unescape(out, text []byte) []byte {
	for i := 0; i < len(text); i++ {
		switch b := text[i]; b {
		case '\r':
			out = append(out, '\n')
			if i+1 < len(text) && text[i+1] == '\n' {
				i++
			}
		case '&':
			end := bytes.IndexByte(text[i:min(len(text), i+12)], ';')
			if end < 0 {
				out = append(out, b)
				continue
			}
			r, ok := entity(string(text[i+1 : i+end]))
			if !ok {
				out = append(out, b)
				continue
			}
			out = utf8.AppendRune(out, r)
			i += end
		default:
			out = append(out, b)
		}
	}
	return out
}

func entity(name string) (rune, bool) {
	switch name {
	case "amp":
		return '&', true
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	digits, base := name[1:], 10
	if digits[0] == 'x' || digits[0] == 'X' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	return rune(n), err == nil && n <= utf8.MaxRune
}
