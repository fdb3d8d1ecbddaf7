package tabular

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/xuri/excelize/v2"

	"mostrador/host/locale"
)

// write writes a table.
func write(tb testing.TB, o Output, rows [][]string) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w, err := NewWriter(&buf, o)
	if err != nil {
		tb.Fatal(err)
	}
	for _, row := range rows {
		if err := w.Write(row); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

func named(names ...string) []Heading {
	var all []Heading
	for _, n := range names {
		all = append(all, Heading{Name: n})
	}
	return all
}

func TestFormulasAreMadeTextInCSV(t *testing.T) {
	for cell, want := range map[string]string{
		"=1+1":                  "'=1+1",
		"+1+cmd|' /C calc'!A0":  "'+1+cmd|' /C calc'!A0",
		"-2+3+cmd|x":            "'-2+3+cmd|x",
		"@SUM(A1)":              "'@SUM(A1)",
		"\t=1":                  "'\t'=1",
		"\r=1":                  "'\r'=1",
		"\n=1":                  "\n'=1",
		" =1":                   "' =1",
		"\u200b=1":              "'\u200b=1",
		"\u00a0@x":              "'\u00a0@x",
		"＝1":                    "'＝1",
		"＋1":                    "'＋1",
		"－1":                    "'－1",
		"＠x":                    "'＠x",
		"'=1":                   "''=1",
		"''=1":                  "'''=1",
		"Ana;=1+1":              "Ana;'=1+1", // for a program that splits by ; what we split by ,
		"Ana,@x":                "Ana,'@x",
		"Ana\n-x":               "Ana\n'-x",
		"+34600111222":          "+34600111222",
		"+34 600 111 222":       "+34 600 111 222",
		"-12.50":                "-12.50",
		"-12,50":                "-12,50",
		"-":                     "-",
		"+34600-111-222":        "'+34600-111-222",
		"ana@example.com":       "ana@example.com",
		"2026-11-22":            "2026-11-22",
		"D'Angelo, 't Hooft":    "D'Angelo, 't Hooft",
		"Paseo 3, -1, a = b":    "Paseo 3, -1, a = b",
		"':":                    "':",
		"":                      "",
		"a=b":                   "a=b",
		"Ñ＝":                    "Ñ＝",
		"tel: +34600111222;+34": "tel: +34600111222;+34",
	} {
		if got := armour(cell); got != want {
			t.Errorf("%q is written %q, want %q", cell, got, want)
		}
		if got := disarm(want); got != cell {
			t.Errorf("%q is read back as %q, want %q", want, got, cell)
		}
	}
}

func FuzzFormula(f *testing.F) {
	for _, s := range []string{"=1", "'=1", "\t=1", "a;=1,'+x\n''@y", " '＝1", "+34600111222", "\r\n-", "';'=", "''''=,'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		safe := armour(cell)
		if got := disarm(safe); got != cell {
			t.Fatalf("%q is written %q and read back as %q", cell, safe, got)
		}
		for i, piece := range strings.FieldsFunc(safe, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
			if strings.IndexAny(piece, "=@") == 0 || i == 0 && strings.HasPrefix(safe, "\t") {
				t.Fatalf("%q is written %q, of which %q runs", cell, safe, piece)
			}
		}
	})
}

func TestCSVIsWrittenForSpreadsheets(t *testing.T) {
	data := write(t, Output{Format: CSV, Separator: ";", Columns: named("Nombre", "=Teléfono")}, [][]string{
		{"Ana \"la\" Paz", "+34600111222"}, {"a;b", "dos\nlíneas"}, {" x ", "0034"}, {"solo"}, {"=1+1", "d'Or"},
	})
	want := "\ufeffNombre;\"'=Teléfono\"\r\n\"Ana \"\"la\"\" Paz\";+34600111222\r\n\"a;b\";\"dos\nlíneas\"\r\n\" x \";0034\r\nsolo\r\n\"'=1+1\";d'Or\r\n"
	if got := string(data); got != want {
		t.Errorf("wrote %q\nwant  %q", got, want)
	}
}

// Cells that a writer or a reader may stumble over.
func awkward(random *rand.Rand) string {
	pieces := []string{"a", "Ñ", "=", "+", "-", "@", "'", "\"", ",", ";", "\t", "\n", "\r", "\r\n", " ", "0", "1", "34", ".", "|", "<", "&", ">", "]]>", "_x000D_", "_x", "_", "😀", "＝",
		"\ufeff", "\u00a0", "\x01", "\x7f", "\ufffe", "sep=;", "é", "Ж", "000", "\u2028", "\u200b", "true", "2026-11-22"}
	var b strings.Builder
	for range random.IntN(6) {
		b.WriteString(pieces[random.IntN(len(pieces))])
	}
	return b.String()
}

func TestWhatIsWrittenIsReadBack(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 7))
		columns := 1 + random.IntN(5)
		var headings []Heading
		for i := range columns {
			headings = append(headings, Heading{Name: fmt.Sprintf("c%d", i)})
		}
		var rows [][]string
		for range random.IntN(20) {
			row := make([]string, columns)
			for i := range row {
				row[i] = awkward(random)
			}
			if !blank(row) {
				rows = append(rows, row)
			}
		}
		for _, o := range []Output{{Format: CSV, Separator: ","}, {Format: CSV, Separator: ";"}, {Format: CSV, Separator: "\t"}, {Format: XLSX, Sheet: "Clientes"}} {
			o.Columns = headings
			_, got := read(t, write(t, o, rows), Options{Format: o.Format, Separator: o.Separator, Heading: yes()})
			if len(got) != len(rows) {
				t.Fatalf("seed %d, %s %q: %d rows, want %d\n%q\n%q", seed, o.Format, o.Separator, len(got), len(rows), cells(got), rows)
			}
			for i, row := range got {
				if !slices.Equal(row.Cells, rows[i]) || row.Line != i+2 || len(row.Notes) > 0 {
					t.Fatalf("seed %d, %s %q: %+v, want %q", seed, o.Format, o.Separator, row, rows[i])
				}
			}
		}
	}
}

func TestTablesAsShopsHaveThemAreReadBackByGuess(t *testing.T) {
	rows := [][]string{
		{"Íñigo Muñoz", "+34600111222", "4123456789012345678", "2026-11-22", "12.50"},
		{"O'Brien; \"Paz\"", "0034600111223", "0007", "1980-02-29", "-3"},
		{"=HYPERLINK(\"x\")", "600111224", "", "", "0"},
	}
	columns := []Heading{{Name: "Nombre"}, {Name: "Teléfono"}, {Name: "Tarjeta"}, {Name: "Alta", Kind: Date}, {Name: "Saldo", Kind: Number}}
	for _, o := range []Output{{Format: CSV, Columns: columns}, {Format: CSV, Separator: ";", Columns: columns}, {Format: XLSX, Columns: columns}} {
		table, got := read(t, write(t, o, rows), Options{})
		if !reflect.DeepEqual(cells(got), rows) || !table.Reading().Heading || table.Columns()[1].Name != "Teléfono" {
			t.Errorf("%+v: read %q with %+v", o.Format, cells(got), table.Reading())
		}
	}
}

func TestXLSXIsWrittenForSpreadsheets(t *testing.T) {
	data := write(t, Output{Format: XLSX, Sheet: "Clientes: [todos] de la tienda de León y más", Columns: []Heading{
		{Name: "Nombre"}, {Name: "Puntos", Kind: Number}, {Name: "Alta", Kind: Date}, {Name: "Visita", Kind: DateTime}}}, [][]string{
		{"=1+1", "12.5", "2026-11-22", "2026-11-22 09:30:00"},
		{"0034", "007", "ayer", "1899-01-01 00:00:00"},
		{"a\r\nb\x01", "1234567890123456", "", ""},
	})
	f, err := excelize.OpenReader(bytes.NewReader(data)) // by another's eyes
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sheet := f.GetSheetName(0)
	if sheet != "Clientes   todos  de la tienda" {
		t.Errorf("sheet %q", sheet)
	}
	for cell, want := range map[string]struct {
		kind  excelize.CellType
		value string
	}{
		"A1": {excelize.CellTypeInlineString, "Nombre"},
		"A2": {excelize.CellTypeInlineString, "=1+1"},
		"B2": {excelize.CellTypeUnset, "12.5"},
		"C2": {excelize.CellTypeUnset, "46348"},
		"D2": {excelize.CellTypeUnset, "46348.395833333336"},
		"A3": {excelize.CellTypeInlineString, "0034"},
		"B3": {excelize.CellTypeInlineString, "007"},
		"C3": {excelize.CellTypeInlineString, "ayer"},
		"D3": {excelize.CellTypeInlineString, "1899-01-01 00:00:00"},
		"B4": {excelize.CellTypeInlineString, "1234567890123456"},
	} {
		kind, err := f.GetCellType(sheet, cell)
		if err != nil {
			t.Fatal(err)
		}
		value, err := f.GetCellValue(sheet, cell, excelize.Options{RawCellValue: true})
		if err != nil || kind != want.kind || value != want.value {
			t.Errorf("%s: %v %q, %v; want %+v", cell, kind, value, err, want)
		}
		if formula, _ := f.GetCellFormula(sheet, cell); formula != "" {
			t.Errorf("%s is the formula %q", cell, formula)
		}
	}
	panes, err := f.GetPanes(sheet)
	if err != nil || !panes.Freeze || panes.YSplit != 1 {
		t.Errorf("panes %+v, %v", panes, err)
	}
	id, _ := f.GetCellStyle(sheet, "A1")
	if style, err := f.GetStyle(id); err != nil || style.Font == nil || !style.Font.Bold || style.NumFmt != 49 {
		t.Errorf("heading %+v, %v", style, err)
	}
}

func TestALongTableGoesOnInAnotherSheet(t *testing.T) {
	var buf bytes.Buffer
	x := newXLSXWriter(&buf, Output{Sheet: "Clientes", Columns: named("n")})
	x.limit = 4
	w := &Writer{columns: 1, table: x}
	if err := x.write(nil); err != nil {
		t.Fatal(err)
	}
	for i := range 7 {
		if err := w.Write([]string{fmt.Sprint("fila ", i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for sheet, rows := range map[string]int{"Clientes": 3, "Clientes 2": 3, "Clientes 3": 1} {
		_, got := read(t, buf.Bytes(), Options{Sheet: sheet, Heading: yes()})
		if len(got) != rows {
			t.Errorf("%s: %d rows", sheet, len(got))
		}
		n += len(got)
	}
	if n != 7 {
		t.Errorf("%d rows in all", n)
	}
}

func TestSheetNamesAreThoseThatSpreadsheetsTake(t *testing.T) {
	for name, want := range map[string]string{
		"":                      "1",
		"Clientes":              "Clientes",
		"'x'":                   "x",
		"a/b\\c?d*e[f]g:h":      "a b c d e f g h",
		strings.Repeat("é", 40): strings.Repeat("é", 31),
		strings.Repeat("😀", 40): strings.Repeat("😀", 15),
	} {
		if got := sheetName(name, 1); got != want {
			t.Errorf("%q becomes %q, want %q", name, got, want)
		}
	}
	if got := sheetName(strings.Repeat("x", 40), 12); got != strings.Repeat("x", 28)+" 12" {
		t.Errorf("the twelfth is %q", got)
	}
}

type brokenStream struct{ left int }

func (b *brokenStream) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestWriterTellsWhenTheStreamBreaks(t *testing.T) {
	for _, format := range []Format{CSV, XLSX} {
		w, err := NewWriter(&brokenStream{left: 100_000}, Output{Format: format, Columns: named("a")})
		for i := 0; err == nil && i < 1_000_000; i++ {
			err = w.Write([]string{fmt.Sprintf("%x", rand.Uint64())})
		}
		if !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestWriterRefusesWhatItCannotWrite(t *testing.T) {
	for _, separator := range []string{"ñ", `"`, "'", "\n", ",,"} {
		_, err := NewWriter(io.Discard, Output{Format: CSV, Separator: separator})
		refusal(t, err, RefusedSeparator)
	}
	if _, err := NewWriter(io.Discard, Output{Format: "ods"}); err == nil {
		t.Error("an unknown format is written")
	}
	w, err := NewWriter(io.Discard, Output{Format: CSV, Columns: named("a")})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write([]string{"1", "2"}); err == nil {
		t.Error("a row longer than the heading is written")
	}
}

// TestOtherProgramsReadTheSame compares our reader with another on what a third wrote.
func TestOtherProgramsReadTheSame(t *testing.T) {
	f := excelize.NewFile()
	defer f.Close()
	random := rand.New(rand.NewPCG(1, 9))
	for r := 1; r <= 200; r++ {
		for c := 1; c <= 6; c++ {
			name, _ := excelize.CoordinatesToCellName(c, r)
			var value any
			switch random.IntN(5) {
			case 0:
				continue
			case 1:
				value = random.IntN(1e9)
			case 2:
				value = random.IntN(2) == 0
			case 3:
				value = float64(random.IntN(1e6)) / 100
			default:
				value = "x" + strings.ReplaceAll(awkward(random), "\ufeff", "")
				if strings.ContainsAny(value.(string), "\x01\x1f\ufffe\r_") {
					continue // which that program keeps otherwise
				}
			}
			if err := f.SetCellValue("Sheet1", name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	want, err := f.GetRows("Sheet1", excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	if err := f.Write(&buf); err != nil {
		t.Fatal(err)
	}
	_, rows := read(t, buf.Bytes(), Options{Heading: no()})
	for _, row := range rows {
		for i, cell := range row.Cells {
			theirs := ""
			if i < len(want[row.Line-1]) {
				theirs = want[row.Line-1][i]
			}
			if cell == "true" || cell == "false" {
				cell = map[string]string{"true": "1", "false": "0"}[cell]
			}
			if theirs = map[string]string{"TRUE": "1", "FALSE": "0"}[theirs] + theirs; strings.TrimSuffix(strings.TrimSuffix(theirs, "TRUE"), "FALSE") != cell {
				t.Errorf("row %d, cell %d: %q, they read %q", row.Line, i, cell, theirs)
			}
		}
	}
}

func TestEveryRefusalAndNoteHasItsSentence(t *testing.T) {
	catalog := locale.New()
	for _, code := range []string{
		RefusedEmpty, RefusedFormat, RefusedPassword, RefusedXLS, RefusedXLSB, RefusedODS, RefusedNumbers, RefusedWeb, RefusedXML, RefusedZip, RefusedBinary,
		RefusedDamaged, RefusedBomb, RefusedEncoding, RefusedSeparator, RefusedSheet, RefusedNoSheet, RefusedQuote, RefusedColumns, RefusedRow, RefusedCell,
		NoteShort, NoteLong, NoteNUL, NoteCharacter, NoteQuote, NoteError, NoteFormula, NotePrecision, NoteMerged,
	} {
		for _, lang := range catalog.Languages() {
			if text := catalog.Text(lang, "tabular."+code); text == "tabular."+code || !utf8.ValidString(text) {
				t.Errorf("%s has no sentence in %s", code, lang)
			}
		}
	}
	r := refuse(RefusedColumns, "line", 7, "limit", 1000)
	key, args := r.Sentence()
	if got, want := catalog.Text("es", key, args...), "La fila 7 tiene más de 1000 columnas. Quite las que sobran y vuelva a intentarlo."; got != want {
		t.Errorf("said %q", got)
	}
}
