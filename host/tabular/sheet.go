package tabular

import (
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// sheetReader reads the rows of a sheet.
type sheetReader struct {
	source *xlsxSource
	x      *xmlScanner
	line   int
	hidden map[int]bool // columns
	done   bool

	merged []area // of an earlier reading, by first row
	active []area // those that the rows under way are in
	areas  []area // of this reading

	// The row under way: its cells one after another, and where each is.
	scratch []byte
	spans   []span
	notes   []Note
	value   []byte
}

type span struct{ begin, end int }

// area is a range of merged cells, numbered from 1.
type area struct{ top, left, bottom, right int }

func (a area) String() string { return cellName(a.left, a.top) + ":" + cellName(a.right, a.bottom) }

// next reads a row, perhaps one without cells. It returns io.EOF after the last, when the sheet was read to its end.
func (s *sheetReader) next() (Row, error) {
	for {
		kind, err := s.x.next()
		if err == io.EOF {
			slices.SortFunc(s.areas, func(a, b area) int { return cmp.Compare(a.top, b.top) })
			if !s.done {
				return Row{}, io.ErrUnexpectedEOF // no cells at all: not a sheet
			}
			return Row{}, err
		}
		if err != nil {
			return Row{}, err
		}
		if kind != xmlStart {
			continue
		}
		switch string(s.x.name) {
		case "sheetData":
			s.done = true
		case "row":
			return s.row()
		case "col":
			if s.x.yes("hidden") {
				for c := s.x.number("min", 0); c > 0 && c <= min(s.x.number("max", 0), s.source.limits.Columns); c++ {
					s.hidden[c-1] = true
				}
			}
		case "mergeCell":
			if a, ok := parseArea(s.x.attr("ref")); ok && len(s.areas) < maxMerged {
				s.areas = append(s.areas, a)
			}
		}
	}
}

// row reads the row that has started.
func (s *sheetReader) row() (Row, error) {
	s.line = s.x.number("r", s.line+1)
	row := Row{Line: s.line, Hidden: s.x.yes("hidden")}
	s.scratch, s.spans, s.notes = s.scratch[:0], s.spans[:0], nil
	for column := 0; ; {
		kind, err := s.x.next()
		if err != nil {
			return Row{}, cut(err)
		}
		if kind == xmlEnd && string(s.x.name) == "row" {
			break
		}
		if kind != xmlStart || string(s.x.name) != "c" {
			continue
		}
		var cell cellStart
		key, value, rest := attribute(s.x.attrs)
		for ; key != nil; key, value, rest = attribute(rest) {
			switch string(key) {
			case "r":
				if c, _, ok := parseCell(value); ok {
					column = c - 1
				}
			case "s":
				cell.style = whole(value, 0)
			case "t":
				cell.kind = parseKind(value)
			}
		}
		cell.column = column
		if err := s.cell(cell); err != nil {
			if errors.Is(err, errLong) {
				err = refuse(RefusedCell, "line", s.line, "limit", s.source.limits.Cell)
			}
			return Row{}, err
		}
		column++
	}
	text := string(s.scratch)
	row.Cells = make([]string, len(s.spans))
	for i, at := range s.spans {
		row.Cells[i] = text[at.begin:at.end]
	}
	if !ascii(text) && !utf8.ValidString(text) {
		s.notes = append(s.notes, mend(row.Cells, NoteCharacter, func(c string) string {
			return strings.ToValidUTF8(c, string(utf8.RuneError))
		})...)
	}
	row.Notes = s.notes
	s.noteMerged(&row)
	return row, nil
}

// cellStart is what the tag of a cell says.
type cellStart struct {
	column int // from 0
	style  int
	kind   cellKind
}

// cell reads the cell that has started into the row under way.
func (s *sheetReader) cell(c cellStart) error {
	column := c.column
	formula, valued := false, false
	s.value = s.value[:0]
	for bottom := s.x.depth; ; {
		token, err := s.x.next()
		if err != nil {
			return cut(err)
		}
		if token == xmlEnd && s.x.depth < bottom {
			break
		}
		if token != xmlStart {
			continue
		}
		switch string(s.x.name) {
		case "f":
			formula = true
		case "v", "is":
			valued = true
			if s.value, err = richOrPlain(s.x, s.value[:0], s.source.limits.Cell); err != nil {
				return err
			}
		}
	}
	begin := len(s.scratch)
	code, args, err := s.source.appendValue(&s.scratch, c, s.value)
	if err != nil {
		return err
	}
	if formula && !valued {
		code = NoteFormula
	}
	if code != "" && column < s.source.limits.Columns {
		s.notes = append(s.notes, Note{Column: column, Code: code, Args: args})
	}
	switch {
	case len(s.scratch) == begin:
	case column >= s.source.limits.Columns:
		return refuse(RefusedColumns, "line", s.line, "limit", s.source.limits.Columns)
	case len(s.scratch) > s.source.limits.Row:
		return refuse(RefusedRow, "line", s.line, "limit", s.source.limits.Row)
	default:
		for len(s.spans) <= column {
			s.spans = append(s.spans, span{})
		}
		s.spans[column] = span{begin, len(s.scratch)}
	}
	return nil
}

// richOrPlain reads a <v> or an <is>.
func richOrPlain(x *xmlScanner, out []byte, limit int) ([]byte, error) {
	if string(x.name) == "is" {
		return richText(x, out, limit)
	}
	for bottom := x.depth; ; {
		kind, err := x.next()
		switch {
		case err != nil:
			return out, cut(err)
		case kind == xmlEnd && x.depth < bottom:
			return out, nil
		case kind == xmlText:
			if out = append(out, x.text...); len(out) > limit {
				return out, errLong
			}
		}
	}
}

// noteMerged notes the empty cells whose value another one has.
func (s *sheetReader) noteMerged(row *Row) {
	if len(s.merged) == 0 && len(s.active) == 0 {
		return
	}
	for len(s.merged) > 0 && s.merged[0].top <= row.Line {
		s.active = append(s.active, s.merged[0])
		s.merged = s.merged[1:]
	}
	s.active = slices.DeleteFunc(s.active, func(a area) bool { return a.bottom < row.Line })
	for _, a := range s.active {
		for c := a.left; c <= min(a.right, s.source.limits.Columns); c++ {
			if (row.Line != a.top || c != a.left) && (c > len(row.Cells) || row.Cells[c-1] == "") {
				row.Notes = append(row.Notes, Note{Column: c - 1, Code: NoteMerged, Args: map[string]any{"cell": cellName(a.left, a.top)}})
			}
		}
	}
}

// columnName is a column as spreadsheets call it, from 1: A, B ... Z, AA.
func columnName(n int) string {
	var b []byte
	for ; n > 0; n = (n - 1) / 26 {
		b = append(b, byte('A'+(n-1)%26))
	}
	slices.Reverse(b)
	return string(b)
}

func cellName(column, row int) string { return columnName(column) + decimal(row) }

// parseCell reads a name such as "B12".
func parseCell(name []byte) (column, row int, ok bool) {
	i := 0
	for ; i < len(name) && i < 7; i++ {
		b := name[i] &^ 0x20
		if b < 'A' || b > 'Z' {
			break
		}
		column = column*26 + int(b-'A') + 1
	}
	digits := name[i:]
	if column == 0 || len(digits) == 0 || len(digits) > 9 {
		return 0, 0, false
	}
	for _, b := range digits {
		if b < '0' || b > '9' {
			return 0, 0, false
		}
		row = row*10 + int(b-'0')
	}
	return column, row, row > 0
}

// parseArea reads a range such as "A1:B3".
func parseArea(ref []byte) (area, bool) {
	from, to, ok := strings.Cut(string(ref), ":")
	if !ok {
		return area{}, false
	}
	left, top, ok1 := parseCell([]byte(from))
	right, bottom, ok2 := parseCell([]byte(to))
	return area{top, left, bottom, right}, ok1 && ok2 && top <= bottom && left <= right
}
