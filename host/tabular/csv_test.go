package tabular

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// read reads a whole file.
func read(t *testing.T, data []byte, o Options) (*Table, []Row) {
	t.Helper()
	table, rows, err := tryRead(t, data, o)
	if err != nil {
		t.Fatal(err)
	}
	return table, rows
}

// tryRead reads a file as far as it goes. The table stays open for the test.
func tryRead(t testing.TB, data []byte, o Options) (*Table, []Row, error) {
	t.Helper()
	if o.Temp == "" {
		o.Temp = t.TempDir()
	}
	table, err := New(bytes.NewReader(data), int64(len(data)), o)
	if err != nil {
		return nil, nil, err
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	var rows []Row
	for row, err := range table.Rows(context.Background()) {
		if err != nil {
			return table, rows, err
		}
		rows = append(rows, row)
	}
	return table, rows, nil
}

func cells(rows []Row) [][]string {
	var all [][]string
	for _, r := range rows {
		all = append(all, r.Cells)
	}
	return all
}

// refusal fails the test unless the error is the refusal.
func refusal(t *testing.T, err error, code string) *Refused {
	t.Helper()
	var r *Refused
	if !errors.As(err, &r) || r.Code != code {
		t.Fatalf("error %v, want the refusal %q", err, code)
	}
	return r
}

func yes() *bool { b := true; return &b }
func no() *bool  { b := false; return &b }

func TestCSVIsReadAsPeopleHaveIt(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want [][]string
	}{
		"plain":                         {"a,b\n1,2\n", [][]string{{"a", "b"}, {"1", "2"}}},
		"no last line end":              {"a,b\n1,2", [][]string{{"a", "b"}, {"1", "2"}}},
		"line ends of all kinds":        {"a,b\r\n1,2\n3,4\r5,6\r\n", [][]string{{"a", "b"}, {"1", "2"}, {"3", "4"}, {"5", "6"}}},
		"line ends within cells":        {"a,b\n\"x\ny\",\"p\r\nq\"\n", [][]string{{"a", "b"}, {"x\ny", "p\r\nq"}}},
		"separators within cells":       {"a;b\n\"x;y\";z\n", [][]string{{"a", "b"}, {"x;y", "z"}}},
		"doubled quotes":                {"a,b\n\"Juan \"\"El Rubio\"\" Paz\",\"\"\"\"\n", [][]string{{"a", "b"}, {`Juan "El Rubio" Paz`, `"`}}},
		"quotes inside a plain cell":    {"a,b\nJuan \"El Rubio\" Paz,5\"\n", [][]string{{"a", "b"}, {`Juan "El Rubio" Paz`, `5"`}}},
		"stray quotes in a quoted cell": {"a,b\n\"Juan \"El Rubio\" Paz\",x\n", [][]string{{"a", "b"}, {`Juan "El Rubio" Paz`, "x"}}},
		"spaces after a closing quote":  {"a,b\n\"x\"  ,y\n", [][]string{{"a", "b"}, {"x", "y"}}},
		"empty quotes":                  {"a,b\n\"\",x\n", [][]string{{"a", "b"}, {"", "x"}}},
		"empty rows":                    {"a,b\n\n,\n1,2\n\n", [][]string{{"a", "b"}, {"1", "2"}}},
		"separators beyond the table":   {"a,b,,,\n1,2,,,\n", [][]string{{"a", "b"}, {"1", "2"}}},
		"a declared separator":          {"sep=;\r\na;b,c\r\n1;2\r\n", [][]string{{"a", "b,c"}, {"1", "2"}}},
		"a declared tab":                {"SEP=\t\na\tb\n1\t2\n", [][]string{{"a", "b"}, {"1", "2"}}},
		"tabs":                          {"a\tb,c\n1\t2\n", [][]string{{"a", "b,c"}, {"1", "2"}}},
		"bars":                          {"a|b\n1|2\n", [][]string{{"a", "b"}, {"1", "2"}}},
		"one column":                    {"correo\nana@example.com\n", [][]string{{"correo"}, {"ana@example.com"}}},
		"decimal commas":                {"a;b;c\n1,5;2,5;x\n3,5;4,5;y\n", [][]string{{"a", "b", "c"}, {"1,5", "2,5", "x"}, {"3,5", "4,5", "y"}}},
		"commas in addresses": {"nombre;calle\nAna;\"Mayor, 3, Madrid\"\nEva;Sol, 4, Soria\nPaz;Luna, 1, León\n",
			[][]string{{"nombre", "calle"}, {"Ana", "Mayor, 3, Madrid"}, {"Eva", "Sol, 4, Soria"}, {"Paz", "Luna, 1, León"}}},
		"an apostrophe of a name":  {"a,b\nD'Angelo,'t Hooft\n", [][]string{{"a", "b"}, {"D'Angelo", "'t Hooft"}}},
		"an apostrophe of safety":  {"a,b\n'=1+1,'+34x\n", [][]string{{"a", "b"}, {"=1+1", "+34x"}}},
		"a byte order mark":        {"\ufeffa,b\n1,2\n", [][]string{{"a", "b"}, {"1", "2"}}},
		"a mark before a quote":    {"\ufeff\"a\",b\n1,2\n", [][]string{{"a", "b"}, {"1", "2"}}},
		"characters of value zero": {"a,b\nx\x00y,2\n", [][]string{{"a", "b"}, {"xy", "2"}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, rows := read(t, []byte(test.text), Options{Heading: no()})
			if got := cells(rows); !reflect.DeepEqual(got, test.want) {
				t.Errorf("read %q, want %q", got, test.want)
			}
		})
	}
}

func TestCSVRowsOfOtherLengthsAreKeptAndNoted(t *testing.T) {
	_, rows := read(t, []byte("nombre,teléfono,ciudad\nAna,600111222\nEva,600111223,Soria,sobra,y esto\nPaz,600111224,León\n\nLuz,\x00 1,\xff\n"), Options{Encoding: UTF8})
	want := []Row{
		{Line: 2, Cells: []string{"Ana", "600111222", ""}, Notes: []Note{{-1, NoteShort, map[string]any{"n": 2, "columns": 3}}}},
		{Line: 3, Cells: []string{"Eva", "600111223", "Soria", "sobra", "y esto"}, Notes: []Note{{-1, NoteLong, map[string]any{"n": 5, "columns": 3}}}},
		{Line: 4, Cells: []string{"Paz", "600111224", "León"}},
		{Line: 6, Cells: []string{"Luz", " 1", "\ufffd"}, Notes: []Note{{1, NoteNUL, nil}, {2, NoteCharacter, nil}}},
	}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("rows %+v\nwant %+v", rows, want)
	}
}

func TestCSVRefusals(t *testing.T) {
	small := Limits{Columns: 10, Row: 200_000, Cell: 100_000}
	for name, test := range map[string]struct {
		text string
		o    Options
		code string
		line any
	}{
		"nothing":                  {"", Options{}, RefusedEmpty, nil},
		"only line ends":           {"\r\n\r\n,,\n", Options{}, RefusedEmpty, nil},
		"a quote never closed":     {"a,b\n\"x\ny\",2\n\"z,3\n5,6\n", Options{}, RefusedQuote, 4},
		"a quote over a long file": {"a,b\n1,\"2\n" + strings.Repeat("palabra,2\n", 20_000), Options{Limits: small}, RefusedQuote, 2},
		"a million columns":        {"a,b\n1,2\n" + strings.Repeat("x,", 1_000_000) + "\n", Options{}, RefusedColumns, 3},
		"one long cell":            {"a,b\n1," + strings.Repeat("x", 300_000) + "\n", Options{Limits: small}, RefusedCell, 2},
		"one long row":             {"a,b\n1" + strings.Repeat(","+strings.Repeat("x", 90_000), 4) + "\n", Options{Limits: small}, RefusedRow, 2},
		"no text":                  {"\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11 a,b\n", Options{Encoding: UTF8}, RefusedBinary, nil},
		"an unknown encoding":      {"a,b\n", Options{Encoding: "ebcdic"}, RefusedEncoding, nil},
		"a separator of two":       {"a,b\n", Options{Separator: ",,"}, RefusedSeparator, nil},
		"a quote as separator":     {"a,b\n", Options{Separator: `"`}, RefusedSeparator, nil},
		"an XLSX that is a CSV":    {"a,b\n", Options{Format: XLSX}, RefusedFormat, nil},
		"a page of the web":        {"\n<html><table><tr><td>a</td></tr></table></html>", Options{}, RefusedWeb, nil},
		"a sheet of 2003":          {"<?xml version=\"1.0\"?><Workbook/>", Options{}, RefusedXML, nil},
		"a compressed file":        {"\x1f\x8b\x08\x00", Options{}, RefusedZip, nil},
		"a document":               {"%PDF-1.7\n", Options{}, RefusedFormat, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := tryRead(t, []byte(test.text), test.o)
			if r := refusal(t, err, test.code); r.Args["line"] != test.line {
				t.Errorf("line %v, want %v", r.Args["line"], test.line)
			}
		})
	}
}

func TestManyEmptyCellsAreNoColumns(t *testing.T) {
	_, rows := read(t, []byte("a,b\n1,2"+strings.Repeat(",", 1_000_000)+"\n3,4\n"), Options{})
	if want := [][]string{{"1", "2"}, {"3", "4"}}; !reflect.DeepEqual(cells(rows), want) {
		t.Errorf("rows %v", rows)
	}
}

func TestRowsEndWithTheContext(t *testing.T) {
	text := "a,b\n" + strings.Repeat("1,2\n", 10_000)
	table, _ := read(t, []byte(text), Options{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	var last error
	for _, err := range table.Rows(ctx) {
		if last = err; err == nil {
			n++
		}
		cancel()
	}
	if !errors.Is(last, context.Canceled) || n > 1000 {
		t.Errorf("%d rows, then %v", n, last)
	}
}

func TestHeadingIsGuessed(t *testing.T) {
	for name, test := range map[string]struct {
		text    string
		heading bool
		columns []string
		rows    int
	}{
		"names over values":      {"Nombre;Teléfono\nAna;600111222\nEva;600111223\n", true, []string{"Nombre", "Teléfono"}, 2},
		"values from the first":  {"Ana;600111222\nEva;600111223\n", false, []string{"A", "B"}, 2},
		"an address":             {"Ana;ana@example.com\nEva;eva@example.com\n", false, []string{"A", "B"}, 2},
		"names over words":       {"Nombre;Ciudad\nAna;León\nEva;Soria\n", true, []string{"Nombre", "Ciudad"}, 2},
		"a word that comes back": {"Ana;León\nEva;Soria\nPaz;León\n", false, []string{"A", "B"}, 3},
		"a name twice":           {"x;x\nAna;León\n", false, []string{"A", "B"}, 2},
		"a column without name":  {"Nombre;;Ciudad\nAna;7;León\n", true, []string{"Nombre", "B", "Ciudad"}, 1},
		"a title before":         {"Clientes de la tienda\nFecha: 22/11/2026\n\nNombre;Teléfono;Ciudad\nAna;600111222;León\nEva;600111223;Soria\nPaz;600111224;Soria\nLuz;600111225;Soria\n", true, []string{"Nombre", "Teléfono", "Ciudad"}, 4},
		"spaces in names":        {"\" Nombre\n completo \";Ciudad\nAna;León\n", true, []string{"Nombre completo", "Ciudad"}, 1},
		"a heading alone":        {"Nombre;Ciudad\n", true, []string{"Nombre", "Ciudad"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			table, rows := read(t, []byte(test.text), Options{Separator: ";"})
			var columns []string
			for _, c := range table.Columns() {
				columns = append(columns, c.Name)
			}
			if table.Reading().Heading != test.heading || !reflect.DeepEqual(columns, test.columns) || len(rows) != test.rows {
				t.Errorf("heading %v, columns %q, %d rows; want %v, %q, %d", table.Reading().Heading, columns, len(rows), test.heading, test.columns, test.rows)
			}
		})
	}
}

func TestSamplesAreTheFirstValuesThatDiffer(t *testing.T) {
	text := "Nombre,Ciudad\n"
	for i := range 20 {
		text += fmt.Sprintf("Ana %d,%s\n", i, []string{"León", "", "Soria"}[i%3])
	}
	table, _ := read(t, []byte(text), Options{})
	want := []Column{
		{Name: "Nombre", Samples: []string{"Ana 0", "Ana 1", "Ana 2", "Ana 3", "Ana 4"}},
		{Name: "Ciudad", Samples: []string{"León", "Soria"}},
	}
	if got := table.Columns(); !reflect.DeepEqual(got, want) {
		t.Errorf("columns %+v, want %+v", got, want)
	}
}
