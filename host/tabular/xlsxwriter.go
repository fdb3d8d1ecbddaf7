package tabular

import (
	"archive/zip"
	"compress/flate"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// What a sheet may have.
const (
	maxSheetRows = 1 << 20
	maxCellText  = 32_767 // units of UTF-16
	maxSheetName = 31     // units of UTF-16
)

// xlsxWriter writes an XLSX as a stream: rows go into the compressed sheet as they come, with their texts in place, so
// that nothing is kept. Every text is a cell of type text with the format "text", so that a spreadsheet neither runs it
// nor takes zeros from it, not even when a person edits it.
type xlsxWriter struct {
	z       *zip.Writer
	out     io.Writer // the sheet under way
	name    string
	columns []Heading
	limit   int // rows of a sheet
	sheets  int
	row     int
	buf     []byte
}

// Styles of cells, in the order of styles.xml.
const (
	styleNone = iota
	styleHeading
	styleText
	styleNumber
	styleDate
	styleDateTime
)

const xmlHead = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"

func newXLSXWriter(w io.Writer, o Output) *xlsxWriter {
	x := &xlsxWriter{z: zip.NewWriter(w), name: o.Sheet, columns: o.Columns, limit: maxSheetRows}
	x.z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestSpeed)
	})
	return x
}

func (x *xlsxWriter) write(cells []string) error {
	switch {
	case x.sheets == 0: // the first row is the heading
		return x.begin()
	case x.row == x.limit:
		if err := x.end(); err != nil {
			return err
		}
		if err := x.begin(); err != nil {
			return err
		}
	}
	x.row++
	x.buf = append(x.buf, `<row r="`...)
	x.buf = strconv.AppendInt(x.buf, int64(x.row), 10)
	x.buf = append(x.buf, `">`...)
	for i, cell := range cells {
		if cell != "" {
			x.cell(i, cell)
		}
	}
	x.buf = append(x.buf, "</row>"...)
	if len(x.buf) < 64<<10 {
		return nil
	}
	return x.flush()
}

func (x *xlsxWriter) flush() error {
	_, err := x.out.Write(x.buf)
	x.buf = x.buf[:0]
	return err
}

// cell appends a cell of the row under way.
func (x *xlsxWriter) cell(i int, cell string) {
	switch x.columns[i].Kind {
	case Number:
		if isNumber(cell) {
			x.value(i, styleNumber, cell)
			return
		}
	case Date:
		if day, err := time.Parse(time.DateOnly, cell); err == nil && serialDay(day) > 60 {
			x.value(i, styleDate, strconv.FormatInt(serialDay(day), 10))
			return
		}
	case DateTime:
		if at, err := time.Parse(time.DateTime, cell); err == nil && serialDay(at) > 60 {
			days := float64(serialDay(at)) + float64(at.Hour()*3600+at.Minute()*60+at.Second())/86400
			x.value(i, styleDateTime, strconv.FormatFloat(days, 'f', -1, 64))
			return
		}
	}
	x.text(i, styleText, cell)
}

func (x *xlsxWriter) value(i, style int, v string) {
	x.open(i, style)
	x.buf = append(x.buf, `><v>`...)
	x.buf = append(x.buf, v...)
	x.buf = append(x.buf, `</v></c>`...)
}

func (x *xlsxWriter) text(i, style int, s string) {
	x.open(i, style)
	x.buf = append(x.buf, ` t="inlineStr"><is><t xml:space="preserve">`...)
	x.buf = appendXML(x.buf, s)
	x.buf = append(x.buf, `</t></is></c>`...)
}

func (x *xlsxWriter) open(i, style int) {
	x.buf = append(x.buf, `<c r="`...)
	x.buf = append(x.buf, columnName(i+1)...)
	x.buf = strconv.AppendInt(x.buf, int64(x.row), 10)
	x.buf = append(x.buf, `" s="`...)
	x.buf = strconv.AppendInt(x.buf, int64(style), 10)
	x.buf = append(x.buf, '"')
}

// isNumber says whether a spreadsheet keeps a number as it is written: no zeros before, at most 15 digits.
func isNumber(s string) bool {
	digits, point := 0, false
	whole := strings.TrimPrefix(s, "-")
	for i := range len(whole) {
		switch b := whole[i]; {
		case b >= '0' && b <= '9':
			digits++
		case b == '.' && !point && i > 0 && i < len(whole)-1:
			point = true
		default:
			return false
		}
	}
	return digits > 0 && digits <= 15 && (len(whole) == 1 || whole[0] != '0' || whole[1] == '.')
}

// serialDay is a day as spreadsheets count them, from the end of 1899; exact from the 61st on, 1 March 1900.
func serialDay(t time.Time) int64 {
	if y := t.Year(); y < 1900 || y > 9999 {
		return 0
	}
	return int64(t.Truncate(24*time.Hour).Sub(time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
}

// appendXML appends a text, with escapes for what XML or a spreadsheet would change, cut at what a cell can hold.
func appendXML(out []byte, s string) []byte {
	units := 0
	for i, r := range s {
		if units += utf16.RuneLen(max(r, 0)); units > maxCellText {
			break
		}
		switch {
		case r == '&':
			out = append(out, "&amp;"...)
		case r == '<':
			out = append(out, "&lt;"...)
		case r == '>':
			out = append(out, "&gt;"...)
		case r == '_' && looksEscaped(s[i:]):
			out = append(out, "_x005F_"...)
		case r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
			out = fmt.Appendf(out, "_x%04X_", r)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

func looksEscaped(s string) bool {
	_, ok := controlEscape([]byte(s[:min(len(s), 7)]))
	return ok
}

// begin begins a sheet.
func (x *xlsxWriter) begin() error {
	x.sheets++
	x.row = 1
	var err error
	if x.sheets == 1 {
		// Programs tell what a zip is by its first entry.
		if err := x.part("_rels/.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`); err != nil {
			return err
		}
	}
	if x.out, err = x.z.Create(fmt.Sprintf("xl/worksheets/sheet%d.xml", x.sheets)); err != nil {
		return err
	}
	x.buf = append(x.buf[:0], xmlHead+`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetViews><sheetView workbookViewId="0"`...)
	if x.sheets == 1 {
		x.buf = append(x.buf, ` tabSelected="1"`...)
	}
	x.buf = append(x.buf, `><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>`...)
	if len(x.columns) > 0 {
		x.buf = append(x.buf, `<cols>`...)
	}
	for i, c := range x.columns {
		style := map[Kind]int{Text: styleText, Number: styleNumber, Date: styleDate, DateTime: styleDateTime}[c.Kind]
		width := min(40, max(14, utf8.RuneCountInString(c.Name)+2))
		x.buf = fmt.Appendf(x.buf, `<col min="%d" max="%d" width="%d" style="%d" customWidth="1"/>`, i+1, i+1, width, style)
	}
	if len(x.columns) > 0 {
		x.buf = append(x.buf, `</cols>`...)
	}
	x.buf = append(x.buf, `<sheetData><row r="1">`...)
	for i, c := range x.columns {
		x.text(i, styleHeading, c.Name)
	}
	x.buf = append(x.buf, `</row>`...)
	return nil
}

// end ends the sheet under way.
func (x *xlsxWriter) end() error {
	last := cellName(max(1, len(x.columns)), x.row)
	// Spreadsheets would mark every phone as a number stored as text.
	x.buf = fmt.Appendf(x.buf, `</sheetData><autoFilter ref="A1:%s"/><ignoredErrors><ignoredError sqref="A1:%s" numberStoredAsText="1"/></ignoredErrors></worksheet>`, last, last)
	return x.flush()
}

func (x *xlsxWriter) close() error {
	if err := x.end(); err != nil {
		return err
	}
	const (
		document = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
		main     = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
		kind     = "application/vnd.openxmlformats-officedocument.spreadsheetml."
	)
	var types, sheets, relations strings.Builder
	for i := 1; i <= x.sheets; i++ {
		fmt.Fprintf(&types, `<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="%sworksheet+xml"/>`, i, kind)
		fmt.Fprintf(&sheets, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, appendXML(nil, sheetName(x.name, i)), i, i)
		fmt.Fprintf(&relations, `<Relationship Id="rId%d" Type="%s/worksheet" Target="worksheets/sheet%d.xml"/>`, i, document, i)
	}
	fmt.Fprintf(&relations, `<Relationship Id="rId%d" Type="%s/styles" Target="styles.xml"/>`, x.sheets+1, document)
	for _, part := range [][2]string{
		{"xl/workbook.xml", `<workbook xmlns="` + main + `" xmlns:r="` + document + `"><sheets>` + sheets.String() + `</sheets></workbook>`},
		{"xl/_rels/workbook.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">` + relations.String() + `</Relationships>`},
		{"xl/styles.xml", `<styleSheet xmlns="` + main + `">` +
			`<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>` +
			`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
			`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
			`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>` +
			`<cellXfs count="6">` +
			`<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` +
			`<xf numFmtId="49" fontId="1" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1" applyFont="1"/>` +
			`<xf numFmtId="49" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1" applyNumberFormat="1"/>` +
			`<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>` +
			`<xf numFmtId="14" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
			`<xf numFmtId="22" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>` +
			`</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`},
		{"[Content_Types].xml", `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="` + kind + `sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="` + kind + `styles+xml"/>` + types.String() + `</Types>`},
	} {
		if err := x.part(part[0], part[1]); err != nil {
			return err
		}
	}
	return x.z.Close()
}

// part writes a small part.
func (x *xlsxWriter) part(name, xml string) error {
	w, err := x.z.Create(name)
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xmlHead+xml)
	return err
}

// sheetName makes a name that spreadsheets accept, with the number of the sheet from the second on.
func sheetName(name string, n int) string {
	name = strings.Trim(strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`:\/?*[]"`, r) {
			return ' '
		}
		return r
	}, name), " '")
	number := ""
	if n > 1 || name == "" {
		number = decimal(n)
	}
	if n > 1 && name != "" {
		number = " " + number
	}
	units := len(number)
	for i, r := range name {
		if units += utf16.RuneLen(max(r, 0)); units > maxSheetName {
			name = strings.TrimRight(name[:i], " '")
			break
		}
	}
	return name + number
}
