package tabular

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// small keeps what a hostile input may make the fuzzer work.
func small() Limits {
	return Limits{Columns: 20, Row: 8 << 10, Cell: 4 << 10, Entries: 50, Ratio: 100, Free: 64 << 10, Total: 1 << 20}
}

// fuzzRead reads an input in every way, and checks what holds for every input.
func fuzzRead(t *testing.T, data []byte, o Options) {
	o.Limits, o.Temp = small(), t.TempDir()
	table, err := New(bytes.NewReader(data), int64(len(data)), o)
	if err != nil {
		var refused *Refused
		if !errors.As(err, &refused) {
			t.Fatalf("an error for programmers: %v", err)
		}
		return
	}
	defer table.Close()
	line, n := 0, 0
	for row, err := range table.Rows(context.Background()) {
		if err != nil {
			var refused *Refused
			if !errors.As(err, &refused) {
				t.Fatalf("an error for programmers: %v", err)
			}
			break
		}
		if row.Line <= line && table.Reading().Format == CSV || len(row.Cells) < len(table.Columns()) || len(row.Cells) > o.Limits.Columns || blank(row.Cells) {
			t.Fatalf("after line %d: %+v in %d columns", line, row, len(table.Columns()))
		}
		size := 0
		for _, c := range row.Cells {
			if size += len(c); !utf8.ValidString(c) {
				t.Fatalf("cell %q", c)
			}
		}
		if size > 4*o.Limits.Row {
			t.Fatalf("a row of %d bytes", size)
		}
		for _, note := range row.Notes {
			if note.Column < -1 || note.Column >= o.Limits.Columns {
				t.Fatalf("note %+v", note)
			}
		}
		line = row.Line
		n++
	}
	if n > len(data) {
		t.Fatalf("%d rows of %d bytes", n, len(data))
	}
}

func FuzzCSV(f *testing.F) {
	for _, text := range []string{"a,b\n1,2\n", "a;b\r\n\"x\"\"y\";\"p\nq\"\r\n", "sep=;\na;b\n", "\"a", "a\rb\r\n", "'=1,\x00\n", "\xff\xfea\x00,\x00b\x00\n\x00", "a,b\n\"x \"y\" z\" ,2\n", strings.Repeat(",", 100) + "\n", "título\n\nNombre;Tel\nAna;1\nEva;2\n"} {
		f.Add([]byte(text), "", "")
		f.Add([]byte(text), ";", Windows1251)
	}
	for _, name := range []string{"libreoffice-1252.csv", "libreoffice-utf16.csv"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, "", "")
	}
	f.Fuzz(func(t *testing.T, data []byte, separator, encoding string) {
		fuzzRead(t, data, Options{Separator: separator, Encoding: encoding})
	})
}

// FuzzXLSX reads any bytes as a file.
func FuzzXLSX(f *testing.F) {
	for _, name := range []string{"libreoffice.xlsx", "gnumeric.xlsx", "libreoffice.xls", "libreoffice.ods"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(sheetOf(f, `<sheetData><row><c t="s"><v>1</v></c></row></sheetData>`))
	f.Fuzz(func(t *testing.T, data []byte) { fuzzRead(t, data, Options{}) })
}

// FuzzSheet reads any bytes as the parts of a workbook, which a fuzzer of zips would never reach.
func FuzzSheet(f *testing.F) {
	for _, name := range []string{"libreoffice.xlsx", "gnumeric.xlsx"} {
		z, err := zip.OpenReader(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		part := func(name string) []byte {
			data, err := z.Open(name)
			if err != nil {
				return nil // Gnumeric has no shared strings
			}
			defer data.Close()
			var buf bytes.Buffer
			if _, err := buf.ReadFrom(data); err != nil {
				f.Fatal(err)
			}
			return buf.Bytes()
		}
		f.Add(part("xl/worksheets/sheet1.xml"), part("xl/sharedStrings.xml"), part("xl/styles.xml"), part("xl/workbook.xml"))
		if err := z.Close(); err != nil {
			f.Fatal(err)
		}
	}
	f.Add([]byte(`<worksheet><sheetData><row r="1"><c r="B1" t="inlineStr"><is><t><![CDATA[x]]></t><rPh><t>y</t></rPh></is></c><c s="1"><v>4E4</v></c></row></sheetData><mergeCells><mergeCell ref="A1:C9"/></mergeCells></worksheet>`),
		[]byte(`<sst><si/><si><t>_x000D_&#65;</t></si></sst>`), []byte(`<styleSheet><numFmts><numFmt numFmtId="200" formatCode="[h]:mm"/></numFmts><cellXfs><xf/><xf numFmtId="200"/></cellXfs></styleSheet>`),
		[]byte(`<workbook><workbookPr date1904="1"/><sheets><sheet name="H" r:id="rId1"/></sheets></workbook>`))
	f.Fuzz(func(t *testing.T, sheet, texts, styles, book []byte) {
		fuzzRead(t, workbook(t, map[string]string{
			"xl/worksheets/sheet1.xml": string(sheet), "xl/sharedStrings.xml": string(texts), "xl/styles.xml": string(styles), "xl/workbook.xml": string(book),
		}), Options{})
	})
}
