package tabular

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Kind is what a column that is written holds.
type Kind int

// The kinds. In CSV they are all written as they come; in XLSX they become what a spreadsheet can reckon with. A cell
// that is not of its column's kind is written as text.
const (
	Text     Kind = iota
	Number        // 12, -3.50
	Date          // 2026-11-22
	DateTime      // 2026-11-22 09:30:00
)

// Heading is a column that is written.
type Heading struct {
	Name string
	Kind Kind
}

// Output is how a table is written.
type Output struct {
	Format    Format
	Separator string // CSV: one character; empty means ","
	Sheet     string // XLSX: name of the sheet, which people read
	Columns   []Heading
}

// Writer writes a table to a stream, row by row.
type Writer struct {
	columns int
	table   tableWriter
}

type tableWriter interface {
	write(cells []string) error
	close() error
}

// NewWriter begins a table and writes its heading.
func NewWriter(w io.Writer, o Output) (*Writer, error) {
	var table tableWriter
	switch o.Format {
	case CSV:
		separator := byte(',')
		if len(o.Separator) == 1 && o.Separator[0] < utf8.RuneSelf && !strings.Contains("\"'\r\n\x00", o.Separator) {
			separator = o.Separator[0]
		} else if o.Separator != "" {
			return nil, refuse(RefusedSeparator, "separator", o.Separator)
		}
		table = &csvWriter{w: bufio.NewWriterSize(w, 64<<10), separator: separator}
	case XLSX:
		table = newXLSXWriter(w, o)
	default:
		return nil, fmt.Errorf("tabular: unknown format %q", o.Format)
	}
	names := make([]string, len(o.Columns))
	for i, c := range o.Columns {
		names[i] = c.Name
	}
	return &Writer{columns: len(names), table: table}, table.write(names)
}

// Write adds a row. It may have fewer cells than there are columns, not more. The cells may be used again after it.
func (w *Writer) Write(cells []string) error {
	if len(cells) > w.columns {
		return fmt.Errorf("tabular: a row of %d cells in a table of %d columns", len(cells), w.columns)
	}
	return w.table.write(cells)
}

// Close ends the table, without which a file is not whole. It does not close the stream.
func (w *Writer) Close() error { return w.table.close() }

// csvWriter writes RFC 4180 in UTF-8 with a byte order mark, without which spreadsheets take it for Windows-1252.
type csvWriter struct {
	w         *bufio.Writer
	separator byte
	begun     bool
}

func (c *csvWriter) write(cells []string) error {
	if !c.begun {
		c.begun = true
		c.w.Write(bomUTF8) // an error stays with the bufio.Writer until the end
	}
	for i, cell := range cells {
		if i > 0 {
			c.w.WriteByte(c.separator)
		}
		cell = armour(cell)
		if c.plain(cell) && (len(cells) > 1 || cell != "") {
			c.w.WriteString(cell)
			continue
		}
		c.w.WriteByte('"')
		for {
			before, after, found := strings.Cut(cell, `"`)
			c.w.WriteString(before)
			if !found {
				break
			}
			c.w.WriteString(`""`)
			cell = after
		}
		c.w.WriteByte('"')
	}
	_, err := c.w.WriteString("\r\n")
	return err
}

// plain says whether a cell needs no quotes. Spaces at its ends do, which some programs leave out; and so does what
// declares a separator.
func (c *csvWriter) plain(cell string) bool {
	for i := range len(cell) {
		if b := cell[i]; b == c.separator || b == '"' || b < ' ' {
			return false
		}
	}
	return cell == "" || cell[0] != ' ' && cell[len(cell)-1] != ' ' && cell[0] != '\'' && !(len(cell) > 3 && strings.EqualFold(cell[:4], "sep="))
}

func (c *csvWriter) close() error { return c.w.Flush() }
