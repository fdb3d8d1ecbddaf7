// Package tabular reads tables from CSV and XLSX files and writes them. It knows nothing of what the tables are
// about: a table is rows of cells, a cell is text, and a date is the text 2026-11-22.
//
// Reading takes files as people have them. Open finds the format from the bytes (never from the name), for CSV the
// encoding by the statistics of the whole file and the separator by which one splits the rows most evenly, for XLSX
// the sheet, and for both whether the first row names the columns; Options overrides each of these. Rows then reads
// the file from the beginning in constant memory, as often as asked: CSV by a reader of our own that takes stray quotes
// and any line ends, XLSX by a reader of our own over the zip's streams that keeps only the shared strings, in a
// temporary file when they are many. What cannot be read is a *Refused, whose sentence tells a person what to do; what
// is lost or doubtful in a row is a Note on it.
//
// Writing streams too. Text stays text: a phone or a card keeps its plus and its zeros, and what a spreadsheet would
// run as a formula is made text (see formula.go for how, and for what reading takes away again).
package tabular

import (
	"cmp"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"slices"
)

// Format is a kind of file.
type Format string

// The formats that are read and written.
const (
	CSV  Format = "csv"
	XLSX Format = "xlsx"
)

// Encodings that a CSV file is read in.
const (
	UTF8        = "utf-8"
	UTF16LE     = "utf-16le"
	UTF16BE     = "utf-16be"
	Windows1252 = "windows-1252"
	Windows1251 = "windows-1251"
)

// Options is how to read a file. What is zero is guessed.
type Options struct {
	Format    Format
	Encoding  string // CSV: one of the encodings above
	Separator string // CSV: one character
	Sheet     string // XLSX: its name; unset means the first that is not hidden
	Heading   *bool  // whether the first row names the columns
	Temp      string // folder for temporary files; empty means the system's
	Limits    Limits
}

// Limits is what a file may ask of the machine. Zero fields take the values of DefaultLimits.
type Limits struct {
	Columns int   // cells in a row
	Row     int   // bytes of a row
	Cell    int   // bytes of a cell
	Entries int   // files inside an XLSX
	Ratio   int64 // how many times larger than its compressed form an entry of an XLSX may be
	Free    int64 // bytes that an entry may have whatever its ratio
	Total   int64 // bytes of all that is decompressed in one reading
}

// DefaultLimits are far beyond what a table that people keep needs.
func DefaultLimits() Limits {
	return Limits{Columns: 1000, Row: 4 << 20, Cell: 1 << 20, Entries: 10_000, Ratio: 250, Free: 32 << 20, Total: 8 << 30}
}

// Reading is how a file is read, all guesses made.
type Reading struct {
	Format    Format
	Encoding  string // CSV only
	Separator string // CSV only
	Sheet     string // XLSX only
	Heading   bool
}

// Column is one column of a table.
type Column struct {
	Name    string   // as the heading has it; "A", "B" ... where it has none
	Samples []string // the first values that differ, at most 5
	Hidden  bool     // a person who opens the file does not see it (XLSX)
}

// Row is one row of a table, without the heading. Rows that are empty are not rows.
type Row struct {
	Line   int      // the row's number as a spreadsheet shows it, from 1; the heading counts
	Cells  []string // at least one for each column; more when the row is longer than the heading, with a Note
	Notes  []Note   // what was lost or doubtful; nil for almost every row
	Hidden bool     // a person who opens the file does not see it, by a filter perhaps (XLSX)
}

// Note is something that a person should know of a cell or a row. "tabular." before Code makes the key of its sentence.
type Note struct {
	Column int // index into Cells; -1 for the row
	Code   string
	Args   map[string]any
}

// Codes of notes.
const (
	NoteShort     = "note_short"     // the row has fewer cells than the heading: n of columns
	NoteLong      = "note_long"      // the row has more cells than the heading: n of columns
	NoteNUL       = "note_nul"       // characters of value zero were left out
	NoteCharacter = "note_character" // bytes that are no character in the encoding became U+FFFD
	NoteQuote     = "note_quote"     // a cell of several lines with a stray quote: another quote was perhaps never closed
	NoteError     = "note_error"     // a formula's error, such as #N/A, was read as nothing: error
	NoteFormula   = "note_formula"   // a formula without its result was read as nothing
	NotePrecision = "note_precision" // a number of more than 15 digits, which a spreadsheet does not keep whole
	NoteMerged    = "note_merged"    // the cell is merged into another, which alone has the value: cell. After Survey only.
)

// Survey is what is known of a table once all of it was read.
type Survey struct {
	Rows   int            // without the heading
	Notes  map[string]int // rows that have a note, by its code
	Hidden int            // rows that a person does not see
	Merged []string       // ranges of merged cells, such as "A2:A4"; at most 100
}

// Table is an open file. It is for one goroutine at a time.
type Table struct {
	source  source
	reading Reading
	sheets  []string
	columns []Column
	skip    int // rows before the first one of the table that are no rows of it: a title, the heading
	closers []io.Closer
}

// source is a file of one format.
type source interface {
	// rows reads all rows that are not empty, the heading and what precedes it too.
	rows(ctx context.Context) iter.Seq2[Row, error]
}

// Open opens a file. Its error is a *Refused when a person can do something about it.
func Open(path string, o Options) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t, err := New(f, info.Size(), o)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	t.closers = append(t.closers, f)
	return t, nil
}

// New is Open for a file that is open already, and that stays open after Close.
func New(r io.ReaderAt, size int64, o Options) (*Table, error) {
	o.Limits = o.Limits.orDefault()
	format, err := recognise(r, size)
	if err != nil {
		return nil, err
	}
	if o.Format != "" && o.Format != format {
		return nil, refuse(RefusedFormat)
	}
	t := &Table{reading: Reading{Format: format}}
	if format == XLSX {
		s, err := openXLSX(r, size, o)
		if err != nil {
			return nil, err
		}
		t.source, t.sheets, t.reading.Sheet = s, s.names(), s.sheet.name
		t.closers = append(t.closers, s.strings)
	} else {
		s, err := openCSV(r, size, o)
		if err != nil {
			return nil, err
		}
		t.source, t.reading.Encoding, t.reading.Separator = s, s.encoding, string(rune(s.separator))
	}
	if err := t.describe(o.Heading); err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// orDefault fills in what is zero.
func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	return Limits{
		Columns: cmp.Or(l.Columns, d.Columns), Row: cmp.Or(l.Row, d.Row), Cell: cmp.Or(l.Cell, d.Cell),
		Entries: cmp.Or(l.Entries, d.Entries), Ratio: cmp.Or(l.Ratio, d.Ratio),
		Free: cmp.Or(l.Free, d.Free), Total: cmp.Or(l.Total, d.Total),
	}
}

// Reading returns how the file is read. Given to Options it is read so again, without guessing.
func (t *Table) Reading() Reading { return t.reading }

// Sheets returns the names of the sheets of an XLSX file in order, hidden ones too. It is nil for CSV.
func (t *Table) Sheets() []string { return t.sheets }

// Columns returns the columns, which are known from the first rows of the file.
func (t *Table) Columns() []Column { return t.columns }

// Rows reads the rows from the first. An error ends them; it is a *Refused when a person can do something about it.
func (t *Table) Rows(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for row, err := range t.source.rows(ctx) {
			switch {
			case err != nil:
				yield(Row{}, err)
				return
			case row.Line <= t.skip:
				continue
			}
			t.fit(&row)
			if !yield(row, nil) {
				return
			}
		}
	}
}

// fit gives a row at least as many cells as there are columns, and not more than that unless they say something.
func (t *Table) fit(row *Row) {
	columns := len(t.columns)
	switch n := len(row.Cells); {
	case n < columns:
		if t.reading.Format == CSV { // an XLSX has no cells where there is nothing
			row.Notes = append(row.Notes, Note{Column: -1, Code: NoteShort, Args: map[string]any{"n": n, "columns": columns}})
		}
		row.Cells = append(row.Cells, make([]string, columns-n)...)
	case n > columns:
		n = max(columns, filled(row.Cells))
		if row.Cells = row.Cells[:n]; n > columns {
			row.Notes = append(row.Notes, Note{Column: -1, Code: NoteLong, Args: map[string]any{"n": n, "columns": columns}})
		}
	}
}

// Survey reads all rows and tells what there is. Rows that are read after it have their NoteMerged.
func (t *Table) Survey(ctx context.Context) (*Survey, error) {
	s := &Survey{Notes: map[string]int{}}
	for row, err := range t.Rows(ctx) {
		if err != nil {
			return nil, err
		}
		s.Rows++
		if row.Hidden {
			s.Hidden++
		}
		for i, n := range row.Notes {
			if !slices.ContainsFunc(row.Notes[:i], func(o Note) bool { return o.Code == n.Code }) {
				s.Notes[n.Code]++
			}
		}
	}
	if x, ok := t.source.(*xlsxSource); ok {
		for _, a := range x.merged[:min(len(x.merged), 100)] {
			s.Merged = append(s.Merged, a.String())
		}
	}
	return s, nil
}

// Close gives back what the table holds: temporary files, and the file if Open opened it.
func (t *Table) Close() error {
	var errs []error
	for _, c := range t.closers {
		errs = append(errs, c.Close())
	}
	t.closers = nil
	return errors.Join(errs...)
}
