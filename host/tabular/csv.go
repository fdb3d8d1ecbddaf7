package tabular

import (
	"bytes"
	"context"
	"io"
	"iter"
	"strings"
	"unicode/utf8"
)

// csvSource is a CSV file.
type csvSource struct {
	r         io.ReaderAt
	size      int64
	encoding  string
	separator byte
	limits    Limits
}

// openCSV finds out how a text is to be read.
func openCSV(r io.ReaderAt, size int64, o Options) (*csvSource, error) {
	s := &csvSource{r: r, size: size, encoding: o.Encoding, limits: o.Limits}
	if s.encoding == "" {
		var err error
		if s.encoding, err = guessEncoding(r, size); err != nil {
			return nil, err
		}
	}
	if o.Separator != "" {
		if len(o.Separator) != 1 || o.Separator[0] >= utf8.RuneSelf || strings.Contains("\"\r\n\x00", o.Separator) {
			return nil, refuse(RefusedSeparator, "separator", o.Separator)
		}
	}
	text, err := s.text()
	if err != nil {
		return nil, err
	}
	head := make([]byte, 128<<10)
	n, err := io.ReadFull(text, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, err
	}
	head = head[:n]
	switch declared, _ := separatorLine(head); {
	case o.Separator != "":
		s.separator = o.Separator[0]
	case declared != 0:
		s.separator = declared
	default:
		s.separator = guessSeparator(head, s.limits)
	}
	if unreadable(head) {
		return nil, refuse(RefusedBinary)
	}
	return s, nil
}

// text reads the file as UTF-8.
func (s *csvSource) text() (io.Reader, error) {
	return decode(io.NewSectionReader(s.r, 0, s.size), s.encoding)
}

// separatorLine reads the line with which Excel declares a separator, "sep=;", and returns its length too.
func separatorLine(head []byte) (separator byte, length int) {
	line, _, _ := bytes.Cut(head[:min(len(head), 8)], []byte("\n"))
	line = bytes.TrimRight(line, "\r")
	if len(line) != 5 || !bytes.EqualFold(line[:4], []byte("sep=")) || line[4] == '"' || line[4] >= utf8.RuneSelf {
		return 0, 0
	}
	length = 5
	for length < len(head) && head[length] == '\r' {
		length++
	}
	if length < len(head) && head[length] == '\n' {
		length++
	}
	return line[4], length
}

// guessSeparator finds what splits most rows into the same number of cells, the first row too.
func guessSeparator(head []byte, limits Limits) byte {
	best, bestScore := byte(','), 0.0
	for _, sep := range []byte{'\t', ';', '|', ','} { // among equals, the one that is less common in text
		counts, rows, first := map[int]int{}, 0, 0
		reader := newCSVReader(bytes.NewReader(head), sep, limits)
		for rows < 300 {
			cells, _, err := reader.next()
			if err != nil {
				break
			}
			if blank(cells) {
				continue
			}
			if rows == 0 {
				first = len(cells)
			}
			counts[len(cells)]++
			rows++
		}
		mode := 0
		for n, times := range counts {
			if n > 1 && (times > counts[mode] || times == counts[mode] && n > mode) {
				mode = n
			}
		}
		if mode == 0 {
			continue
		}
		score := float64(counts[mode]) / float64(rows)
		if first != mode {
			score /= 2
		}
		if score > bestScore+1e-9 {
			best, bestScore = sep, score
		}
	}
	return best
}

// unreadable says whether a text has so many control characters that it is none.
func unreadable(text []byte) bool {
	control := 0
	for _, b := range text {
		if b < ' ' && b != '\t' && b != '\n' && b != '\r' && b != '\f' && b != 0x1A {
			control++
		}
	}
	return control > 8 && control > len(text)/10
}

func blank(cells []string) bool {
	for _, c := range cells {
		if c != "" {
			return false
		}
	}
	return true
}

func (s *csvSource) rows(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		text, err := s.text()
		if err != nil {
			yield(Row{}, err)
			return
		}
		reader := newCSVReader(text, s.separator, s.limits)
		for n := 0; ; n++ {
			if n%256 == 0 && ctx.Err() != nil {
				yield(Row{}, ctx.Err())
				return
			}
			cells, notes, err := reader.next()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(Row{}, err)
				return
			}
			if !blank(cells) && !yield(Row{Line: reader.row, Cells: cells, Notes: notes}, nil) {
				return
			}
		}
	}
}

// csvReader splits a text into rows. It takes everything that spreadsheets and programs write: line ends of any kind,
// quotes anywhere, rows of any length.
type csvReader struct {
	r         io.Reader
	separator byte
	limits    Limits
	row       int // of the last row, from 1
	line      int // of the text, from 1, where the reader is

	buf      []byte
	pos, end int
	err      error
	begun    bool

	scratch []byte // the row's cells, one after another
	ends    []int  // where each ends
	stray   int    // cell with a quote inside that is not doubled, after a line end; -1 for none
}

func newCSVReader(r io.Reader, separator byte, limits Limits) *csvReader {
	return &csvReader{r: r, separator: separator, limits: limits, line: 1, buf: make([]byte, 64<<10)}
}

// fill reads more of the text, once all that was read is used. It returns whether there is any.
func (c *csvReader) fill() bool {
	for tries := 0; c.pos == c.end && c.err == nil; tries++ {
		c.pos = 0
		if c.end, c.err = c.r.Read(c.buf); c.end == 0 && c.err == nil && tries > 100 {
			c.err = io.ErrNoProgress
		}
	}
	return c.pos < c.end
}

// peek returns the next byte; ok is false at the end.
func (c *csvReader) peek() (b byte, ok bool) {
	if c.pos == c.end && !c.fill() {
		return 0, false
	}
	return c.buf[c.pos], true
}

// next reads a row. It returns io.EOF after the last one.
func (c *csvReader) next() ([]string, []Note, error) {
	if !c.begun {
		c.begun = true
		c.end, c.err = io.ReadAtLeast(c.r, c.buf, 8) // enough to declare a separator in
		if c.err == io.ErrUnexpectedEOF {
			c.err = io.EOF
		}
		_, n := separatorLine(c.buf[c.pos:c.end])
		c.pos += n
		if n > 0 {
			c.line++
		}
	}
	if _, ok := c.peek(); !ok {
		return nil, nil, c.err
	}
	c.row++
	c.scratch, c.ends, c.stray = c.scratch[:0], c.ends[:0], -1
	for column := 0; ; column++ {
		more, err := c.cell(column)
		if err != nil {
			return nil, nil, err
		}
		if c.err != nil && c.err != io.EOF {
			return nil, nil, c.err
		}
		if column < c.limits.Columns {
			c.ends = append(c.ends, len(c.scratch))
		} else if len(c.scratch) > c.ends[len(c.ends)-1] {
			return nil, nil, refuse(RefusedColumns, "line", c.row, "limit", c.limits.Columns)
		}
		if !more {
			break
		}
	}
	return c.cells()
}

// cell reads a cell into scratch, and the separator or line end after it. more says that it was a separator.
func (c *csvReader) cell(column int) (more bool, err error) {
	if b, ok := c.peek(); ok && b == '"' {
		c.pos++
		if err := c.quoted(column); err != nil {
			return false, err
		}
	}
	begin := len(c.scratch)
	for c.pos < c.end || c.fill() {
		window := c.buf[c.pos:c.end]
		for i, b := range window {
			if b != c.separator && b != '\n' && b != '\r' {
				continue
			}
			c.scratch = append(c.scratch, window[:i]...)
			c.pos += i + 1
			if b == c.separator {
				return true, nil
			}
			if b == '\r' {
				if next, ok := c.peek(); ok && next == '\n' {
					c.pos++
				}
			}
			c.line++
			return false, nil
		}
		c.scratch = append(c.scratch, window...)
		c.pos = c.end
		if len(c.scratch)-begin > c.limits.Cell {
			return false, refuse(RefusedCell, "line", c.row, "limit", c.limits.Cell)
		}
		if len(c.scratch) > c.limits.Row {
			return false, refuse(RefusedRow, "line", c.row, "limit", c.limits.Row)
		}
	}
	return false, nil
}

// quoted reads what is between quotes, up to the quote that ends the cell: one that a separator, a line end or the end
// of the text follows. Another one is taken as text, since people type them.
func (c *csvReader) quoted(column int) error {
	begin, opened := len(c.scratch), c.line
	for c.pos < c.end || c.fill() {
		window := c.buf[c.pos:c.end]
		i := bytes.IndexByte(window, '"')
		if i < 0 {
			i = len(window)
		}
		c.line += bytes.Count(window[:i], []byte{'\n'})
		c.scratch = append(c.scratch, window[:i]...)
		c.pos += i
		if len(c.scratch)-begin > c.limits.Cell || len(c.scratch) > c.limits.Row {
			break // somebody forgot to close it
		}
		if i == len(window) {
			continue
		}
		c.pos++
		next, ok := c.peek()
		switch {
		case ok && next == '"':
			c.pos++
			c.scratch = append(c.scratch, '"')
		case !ok, next == c.separator, next == '\n', next == '\r':
			return nil
		default:
			if n := c.spaces(); n > 0 {
				return nil
			}
			c.scratch = append(c.scratch, '"')
			if c.line > opened {
				c.stray = column
			}
		}
	}
	if c.err != nil && c.err != io.EOF {
		return c.err
	}
	return refuse(RefusedQuote, "line", opened)
}

// spaces leaves out spaces between a closing quote and what ends the cell. It returns how many; none when something
// else comes after them, or when they do not end within what was read.
func (c *csvReader) spaces() int {
	rest := c.buf[c.pos:c.end]
	n := 0
	for n < len(rest) && rest[n] == ' ' {
		n++
	}
	if n == 0 || n == len(rest) || rest[n] != c.separator && rest[n] != '\n' && rest[n] != '\r' {
		return 0
	}
	c.pos += n
	return n
}

// cells makes the cells of the row that was read.
func (c *csvReader) cells() ([]string, []Note, error) {
	if len(c.ends) == 1 && c.ends[0] == 0 {
		return nil, nil, nil
	}
	var notes []Note
	if c.stray >= 0 {
		notes = append(notes, Note{Column: c.stray, Code: NoteQuote})
	}
	text := string(c.scratch)
	cells := make([]string, len(c.ends))
	begin := 0
	for i, end := range c.ends {
		cells[i] = text[begin:end]
		begin = end
	}
	if strings.IndexByte(text, '\'') >= 0 {
		for i := range cells {
			cells[i] = disarm(cells[i])
		}
	}
	if strings.IndexByte(text, 0) >= 0 {
		notes = append(notes, mend(cells, NoteNUL, func(s string) string { return strings.ReplaceAll(s, "\x00", "") })...)
	}
	if !ascii(text) && (!utf8.ValidString(text) || strings.Contains(text, string(utf8.RuneError))) {
		notes = append(notes, mend(cells, NoteCharacter, func(s string) string {
			return strings.ToValidUTF8(s, string(utf8.RuneError))
		})...)
	}
	return cells, notes, nil
}

// mend mends cells and notes which ones were in need of it.
func mend(cells []string, code string, how func(string) string) []Note {
	var notes []Note
	for i, cell := range cells {
		cells[i] = how(cell)
		if cells[i] != cell || strings.Contains(cell, string(utf8.RuneError)) && code == NoteCharacter {
			notes = append(notes, Note{Column: i, Code: code})
		}
	}
	return notes
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
