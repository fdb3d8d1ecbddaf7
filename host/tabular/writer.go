package tabular

import (
	"errors"
	"io"
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
	Sheet     string // XLSX: name of the sheet; empty means "Hoja1"
	Columns   []Heading
}

// Writer writes a table to a stream, row by row.
type Writer struct {
	table interface {
		write(cells []string) error
		close() error
	}
}

// NewWriter begins a table and writes its heading.
func NewWriter(w io.Writer, o Output) (*Writer, error) {
	return nil, errors.New("tabular: not built yet")
}

// Write adds a row. It may have fewer cells than there are columns, not more. The cells may be used again after it.
func (w *Writer) Write(cells []string) error { return w.table.write(cells) }

// Close ends the table, without which a file is not whole. It does not close the stream.
func (w *Writer) Close() error { return w.table.close() }
