package tabular

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// workbook makes an XLSX of its parts, with those that it cannot be without.
func workbook(tb testing.TB, parts map[string]string) []byte {
	tb.Helper()
	all := map[string]string{
		"[Content_Types].xml": `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/><Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/></Types>`,
		"_rels/.rels":         `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
		"xl/workbook.xml":     `<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Hoja1" sheetId="1" r:id="rId1"/></sheets></workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>` +
			`<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="rId3" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>`,
	}
	maps.Copy(all, parts)
	var buf bytes.Buffer
	z := zip.NewWriter(&buf)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name] == "" {
			continue // left out
		}
		w, err := z.Create(name)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := w.Write([]byte(all[name])); err != nil {
			tb.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// sheetOf makes an XLSX of one sheet.
func sheetOf(tb testing.TB, sheet string) []byte {
	return workbook(tb, map[string]string{"xl/worksheets/sheet1.xml": "<worksheet>" + sheet + "</worksheet>"})
}

// The same table, kept by programs that people use, from a sheet with a title, merged cells, dates, times, numbers and
// text that look like one another, a formula, an error, a row that a filter hides and a hidden column.
func TestSpreadsheetsOfRealProgramsAreReadAlike(t *testing.T) {
	merged := map[string]any{"cell": "J5"}
	want := []Row{
		{Line: 5, Cells: []string{`Íñigo "El Rubio" Muñoz; <Paz> & Co`, "600111222", "4123456789012345678", "1980-02-29", "2026-11-22 09:30:00", "08001", "secreto", "0.3", "true", "León", "09:05:00"}},
		{Line: 6, Cells: []string{"Анна\nвторой", "0034600111223", "6001112220001", "1905-01-01", "", "28013", "", "", "false", "", ""},
			Notes: []Note{{7, NoteError, map[string]any{"error": "#DIV/0!"}}, {9, NoteMerged, merged}}},
		{Line: 7, Cells: []string{"=1+1", "+34600111224", "", "", "", "", "", "300000000000", "", "", ""}, Notes: []Note{{9, NoteMerged, merged}}, Hidden: true},
		{Line: 8, Cells: []string{"😀 Zoë", "-12.5", "", "", "", "", "", "", "", "", ""}},
	}
	for _, file := range []string{"libreoffice.xlsx", "gnumeric.xlsx"} {
		t.Run(file, func(t *testing.T) {
			table, err := Open(filepath.Join("testdata", file), Options{Temp: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			defer table.Close()
			survey, err := table.Survey(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			wantSurvey := &Survey{Rows: 4, Notes: map[string]int{NoteError: 1, NoteMerged: 2}, Hidden: 1, Merged: []string{"A1:D1", "J5:J7"}}
			delete(survey.Notes, NoteMerged)
			delete(wantSurvey.Notes, NoteMerged) // known from the second reading on, or at once where the first was whole
			if !reflect.DeepEqual(survey, wantSurvey) {
				t.Errorf("survey %+v, want %+v", survey, wantSurvey)
			}
			if want := (Reading{Format: XLSX, Sheet: "Clientes & más", Heading: true}); table.Reading() != want {
				t.Errorf("read as %+v", table.Reading())
			}
			if want := []string{"Clientes & más", "Otra"}; !slices.Equal(table.Sheets(), want) {
				t.Errorf("sheets %q", table.Sheets())
			}
			var names []string
			for _, c := range table.Columns() {
				names = append(names, c.Name)
				if c.Hidden != (c.Name == "Oculta") {
					t.Errorf("column %q hidden: %v", c.Name, c.Hidden)
				}
			}
			if want := strings.Split("Nombre|Teléfono|Tarjeta|Nacimiento|Última visita|CP|Oculta|Saldo|Socio|Ciudad|Hora", "|"); !slices.Equal(names, want) {
				t.Errorf("columns %q", names)
			}
			var rows []Row
			for row, err := range table.Rows(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				rows = append(rows, row)
			}
			if !reflect.DeepEqual(rows, want) {
				t.Errorf("rows %+v\nwant %+v", rows, want)
			}
		})
	}
}

func TestTextFilesOfRealProgramsAreRead(t *testing.T) {
	for file, want := range map[string]Reading{
		"libreoffice-1252.csv":  {Format: CSV, Encoding: Windows1252, Separator: ";", Heading: true},
		"libreoffice-utf16.csv": {Format: CSV, Encoding: UTF16LE, Separator: "\t", Heading: true},
	} {
		table, err := Open(filepath.Join("testdata", file), Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer table.Close()
		survey, err := table.Survey(t.Context())
		if err != nil || survey.Rows != 4 || len(survey.Notes) > 0 || len(table.Columns()) != 11 {
			t.Errorf("%s: %+v, %v, %d columns", file, survey, err, len(table.Columns()))
		}
		if table.Reading() != want || table.Columns()[0].Samples[0] != `Íñigo "El Rubio" Muñoz; <Paz> & Co` {
			t.Errorf("%s: %+v, %q", file, table.Reading(), table.Columns()[0].Samples)
		}
	}
}

func TestOtherFilesAreToldApart(t *testing.T) {
	zipOf := func(names ...string) []byte {
		parts := map[string]string{"[Content_Types].xml": "", "_rels/.rels": "", "xl/workbook.xml": "", "xl/_rels/workbook.xml.rels": ""}
		for _, name := range names {
			parts[name] = "x"
		}
		return workbook(t, parts)
	}
	protected := func() []byte {
		f := excelize.NewFile()
		defer f.Close()
		var buf bytes.Buffer
		if err := f.Write(&buf, excelize.Options{Password: "secreto"}); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
	file := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	whole := sheetOf(t, `<sheetData><row><c><v>1</v></c></row></sheetData>`)
	for name, test := range map[string]struct {
		data []byte
		code string
	}{
		"Excel of before 2007":    {file("libreoffice.xls"), RefusedXLS},
		"LibreOffice":             {file("libreoffice.ods"), RefusedODS},
		"protected by a password": {protected(), RefusedPassword},
		"binary Excel":            {zipOf("xl/workbook.bin", "[Content_Types].xml"), RefusedXLSB},
		"Numbers":                 {zipOf("Index/Document.iwa"), RefusedNumbers},
		"a zip of something":      {zipOf("clientes.csv"), RefusedZip},
		"half of a file":          {whole[:len(whole)/2], RefusedDamaged},
		"no sheet":                {workbook(t, nil), RefusedNoSheet},
		"an empty sheet":          {sheetOf(t, `<sheetData/>`), RefusedEmpty},
		"half of a sheet":         {sheetOf(t, `<sheetData><row><c><v>1</v></c></row><row>`), ""},
		"nothing of a sheet":      {workbook(t, map[string]string{"xl/worksheets/sheet1.xml": " "}), RefusedDamaged},
		"a document type":         {workbook(t, map[string]string{"xl/worksheets/sheet1.xml": `<!DOCTYPE a [<!ENTITY b "c">]><worksheet/>`}), RefusedDamaged},
	} {
		t.Run(name, func(t *testing.T) {
			_, rows, err := tryRead(t, test.data, Options{})
			if test.code == "" { // rows, then the refusal
				if test.code = RefusedDamaged; len(rows) != 1 {
					t.Errorf("rows %v", rows)
				}
			}
			refusal(t, err, test.code)
		})
	}
}

func TestSheetIsChosen(t *testing.T) {
	parts := map[string]string{
		"xl/workbook.xml":            `<x:workbook xmlns:x="a" xmlns:r="b"><x:sheets><x:sheet name="Notas" sheetId="1" state="hidden" r:id="rId1"/><x:sheet name="Gráfico" sheetId="4" r:id="rId9"/><x:sheet name="Clientes" sheetId="2" r:id="rId2"/></x:sheets></x:workbook>`,
		"xl/_rels/workbook.xml.rels": `<Relationships><Relationship Id="rId1" Type="http://purl.oclc.org/ooxml/officeDocument/relationships/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="rId2" Type="x/worksheet" Target="/xl/worksheets/Sheet2.xml"/><Relationship Id="rId9" Type="x/chartsheet" Target="chartsheets/sheet1.xml"/></Relationships>`,
		"xl/worksheets/sheet1.xml":   `<worksheet><sheetData><row><c t="str"><v>uno</v></c></row></sheetData></worksheet>`,
		"xl/worksheets/sheet2.xml":   `<x:worksheet xmlns:x="a"><x:sheetData><x:row><x:c t="str"><x:v>dos</x:v></x:c></x:row></x:sheetData></x:worksheet>`,
		"xl/chartsheets/sheet1.xml":  `<chartsheet/>`,
	}
	for sheet, want := range map[string]string{"": "dos", "Notas": "uno", "Clientes": "dos"} {
		table, rows := read(t, workbook(t, parts), Options{Sheet: sheet, Heading: no()})
		if len(rows) != 1 || rows[0].Cells[0] != want || !slices.Equal(table.Sheets(), []string{"Notas", "Clientes"}) {
			t.Errorf("%q: %+v of %q", sheet, rows, table.Sheets())
		}
	}
	_, _, err := tryRead(t, workbook(t, parts), Options{Sheet: "Otra"})
	if r := refusal(t, err, RefusedSheet); r.Args["sheets"] != "Notas, Clientes" {
		t.Errorf("refused with %v", r.Args)
	}
}

func TestCellsAreRead(t *testing.T) {
	styles := `<styleSheet><numFmts><numFmt numFmtId="164" formatCode="[$-C0A]dd/mm/yyyy;@"/><numFmt numFmtId="165" formatCode="00000"/><numFmt numFmtId="166" formatCode="&quot;días&quot; 0.00"/><numFmt numFmtId="167" formatCode="[Red]0.00E+00"/><numFmt numFmtId="168" formatCode="[h]:mm"/><numFmt numFmtId="169" formatCode="yyyy\-mm\-dd hh:mm"/><numFmt numFmtId="170" formatCode="General"/></numFmts>` +
		`<cellStyleXfs><xf numFmtId="14"/><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="20"/><xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="166"/><xf numFmtId="167"/><xf numFmtId="168"/><xf numFmtId="169"/><xf numFmtId="170"/><xf numFmtId="49"/></cellXfs></styleSheet>`
	for name, test := range map[string]struct {
		cell, want, note string
		date04           bool
	}{
		"a phone as a number":               {cell: `<c><v>600111222</v></c>`, want: "600111222"},
		"a phone with an exponent":          {cell: `<c><v>6.00111222E8</v></c>`, want: "600111222"},
		"a card of 16 digits":               {cell: `<c><v>4.1234567890123501E+15</v></c>`, want: "4123456789012350", note: NotePrecision},
		"a card of which all digits remain": {cell: `<c><v>4123456789012345678</v></c>`, want: "4123456789012345678"},
		"a card as text":                    {cell: `<c t="str"><v>4123456789012345678</v></c>`, want: "4123456789012345678"},
		"zeros as text":                     {cell: `<c t="inlineStr" s="11"><is><t>0034600</t></is></c>`, want: "0034600"},
		"a number as text":                  {cell: `<c t="s"><v>1</v></c>`, want: "12,50"},
		"a sum of tenths":                   {cell: `<c><v>0.30000000000000004</v></c>`, want: "0.3"},
		"a negative":                        {cell: `<c><v>-12.5</v></c>`, want: "-12.5"},
		"a small one":                       {cell: `<c><v>1.0E-4</v></c>`, want: "0.0001"},
		"a postal code":                     {cell: `<c s="5"><v>8001</v></c>`, want: "08001"},
		"words in a format":                 {cell: `<c s="6"><v>2.5</v></c>`, want: "2.5"},
		"an exponent in a format":           {cell: `<c s="7"><v>44000</v></c>`, want: "44000"},
		"General by name":                   {cell: `<c s="10"><v>44000</v></c>`, want: "44000"},
		"a date":                            {cell: `<c s="1"><v>46348</v></c>`, want: "2026-11-22"},
		"a date of 1904":                    {cell: `<c s="1"><v>44886</v></c>`, want: "2026-11-22", date04: true},
		"a Spanish date":                    {cell: `<c s="4"><v>46348</v></c>`, want: "2026-11-22"},
		"a date with a time":                {cell: `<c s="2"><v>46348.395833333336</v></c>`, want: "2026-11-22 09:30:00"},
		"a date at midnight":                {cell: `<c s="9"><v>46348</v></c>`, want: "2026-11-22 00:00:00"},
		"a time":                            {cell: `<c s="3"><v>0.3784722222222222</v></c>`, want: "09:05:00"},
		"hours beyond a day":                {cell: `<c s="8"><v>1.5</v></c>`, want: "36:00:00"},
		"the first of March of 1900":        {cell: `<c s="1"><v>61</v></c>`, want: "1900-03-01"},
		"the end of February of 1900":       {cell: `<c s="1"><v>59</v></c>`, want: "1900-02-28"},
		"a day that never was":              {cell: `<c s="1"><v>60</v></c>`, want: "1900-02-29"},
		"the last day":                      {cell: `<c s="1"><v>2958465</v></c>`, want: "9999-12-31"},
		"no day":                            {cell: `<c s="1"><v>-1</v></c>`, want: "-1"},
		"a day in words":                    {cell: `<c t="d"><v>2026-11-22T00:00:00.000Z</v></c>`, want: "2026-11-22"},
		"an instant in words":               {cell: `<c t="d"><v>2026-11-22T09:30:00</v></c>`, want: "2026-11-22 09:30:00"},
		"yes":                               {cell: `<c t="b"><v>1</v></c>`, want: "true"},
		"no":                                {cell: `<c t="b"><v>0</v></c>`, want: "false"},
		"an error":                          {cell: `<c t="e"><v>#N/A</v></c>`, want: "", note: NoteError},
		"a formula":                         {cell: `<c t="str"><f>A1&amp;"x"</f><v>ax</v></c>`, want: "ax"},
		"a formula of a number":             {cell: `<c><f>1+1</f><v>2</v></c>`, want: "2"},
		"a formula without its result":      {cell: `<c><f>1+1</f></c>`, want: "", note: NoteFormula},
		"shared text":                       {cell: `<c t="s"><v>0</v></c>`, want: "Ana & <Eva>"},
		"shared text in runs":               {cell: `<c t="s"><v>2</v></c>`, want: "Juan García"},
		"shared text with its sound":        {cell: `<c t="s"><v>3</v></c>`, want: "東京"},
		"escaped characters":                {cell: `<c t="s"><v>4</v></c>`, want: "a\rb_x000D_ €"},
		"empty shared text":                 {cell: `<c t="s"><v>5</v></c>`, want: ""},
		"text that is not there":            {cell: `<c t="s"><v>99</v></c>`, want: ""},
		"CDATA":                             {cell: `<c t="inlineStr"><is><t><![CDATA[a<b]]></t></is></c>`, want: "a<b"},
		"spaces":                            {cell: `<c t="inlineStr"><is><t xml:space="preserve">  a </t></is></c>`, want: "  a "},
		"a formula as text":                 {cell: `<c t="inlineStr"><is><t>=1+1</t></is></c>`, want: "=1+1"},
		"a kind that is not known":          {cell: `<c t="x"><v>7</v></c>`, want: "7"},
		"bytes that are no characters":      {cell: "<c t=\"str\"><v>a\xffb</v></c>", want: "a\ufffdb", note: NoteCharacter},
		"comments":                          {cell: "<!-- <c> --><c t='str' ><v>a</v ></c>", want: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			book := `<workbook xmlns:r="r"><sheets><sheet name="H" r:id="rId1"/></sheets></workbook>`
			if test.date04 {
				book = strings.Replace(book, "<sheets>", `<workbookPr date1904="1"/><sheets>`, 1)
			}
			_, rows := read(t, workbook(t, map[string]string{
				"xl/workbook.xml": book,
				"xl/styles.xml":   styles,
				"xl/sharedStrings.xml": `<?xml version="1.0"?><sst><si><t>Ana &amp; &lt;Eva&gt;</t></si><si><t>12,50</t></si><si><r><rPr><b/></rPr><t>Juan </t></r><r><t>García</t></r></si>` +
					`<si><t>東京</t><rPh sb="0" eb="2"><t>トウキョウ</t></rPh></si><si><t>a_x000D_b_x005F_x000D_ _x20AC_</t></si><si/></sst>`,
				"xl/worksheets/sheet1.xml": `<worksheet><sheetData><row r="1">` + test.cell + `<c r="C1" t="str"><v>fin</v></c></row></sheetData></worksheet>`,
			}), Options{Heading: no()})
			if len(rows) != 1 || len(rows[0].Cells) != 3 || rows[0].Cells[0] != test.want || rows[0].Cells[2] != "fin" {
				t.Fatalf("read %+v, want %q", rows, test.want)
			}
			note := ""
			for _, n := range rows[0].Notes {
				note += n.Code
			}
			if note != test.note {
				t.Errorf("noted %q, want %q", note, test.note)
			}
		})
	}
}

func TestRowsAreNumberedAsTheSheetShowsThem(t *testing.T) {
	_, rows := read(t, sheetOf(t, `<sheetData><row r="2"><c r="B2"><v>1</v></c></row><row><c><v>2</v></c><c r="A3"><v>3</v></c></row><row r="9"/><row r="1048576"><c r="A1048576"><v>4</v></c><c r="XFD1048576" s="3"/></row></sheetData>`), Options{Heading: no()})
	want := []Row{{Line: 2, Cells: []string{"", "1"}}, {Line: 3, Cells: []string{"3", ""}}, {Line: 1048576, Cells: []string{"4", ""}}}
	if !reflect.DeepEqual(rows, want) {
		t.Errorf("rows %+v, want %+v", rows, want)
	}
}

func TestXLSXRefusals(t *testing.T) {
	wide := strings.Repeat("<c><v>1</v></c>", 1_000_000)
	zeros := strings.Repeat("<row><c><v>1</v></c></row>", 150_000)
	for name, test := range map[string]struct {
		data   []byte
		limits Limits
		code   string
	}{
		"a million columns":    {sheetOf(t, "<sheetData><row>"+wide+"</row></sheetData>"), Limits{}, RefusedColumns},
		"a sheet far too flat": {sheetOf(t, "<sheetData>"+zeros+"</sheetData>"), Limits{Free: 1 << 20}, RefusedBomb},
		"texts far too flat": {workbook(t, map[string]string{
			"xl/sharedStrings.xml":     "<sst>" + strings.Repeat("<si><t>aaaaaaaaaa</t></si>", 150_000) + "</sst>",
			"xl/worksheets/sheet1.xml": `<worksheet><sheetData><row><c t="s"><v>149999</v></c></row></sheetData></worksheet>`,
		}), Limits{Free: 1 << 20}, RefusedBomb},
		"more than the total": {sheetOf(t, "<sheetData>"+zeros[:26_000]+"</sheetData>"), Limits{Total: 20_000}, RefusedBomb},
		"many entries":        {sheetOf(t, ""), Limits{Entries: 3}, RefusedBomb},
		"a long cell":         {sheetOf(t, `<sheetData><row><c t="str"><v>`+strings.Repeat("x", 300_000)+`</v></c></row></sheetData>`), Limits{Cell: 100_000}, RefusedCell},
		"a long row":          {sheetOf(t, `<sheetData><row>`+strings.Repeat(`<c t="str"><v>`+strings.Repeat("x", 90_000)+`</v></c>`, 4)+`</row></sheetData>`), Limits{Row: 200_000}, RefusedRow},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := tryRead(t, test.data, Options{Limits: test.limits})
			refusal(t, err, test.code)
		})
	}
}

// A zip of few bytes whose directory names the same bytes again and again.
func TestEntriesOverOneAnotherAreRefused(t *testing.T) {
	data := sheetOf(t, "<sheetData><row><c><v>1</v></c></row></sheetData>")
	at := bytes.Index(data, []byte("PK\x01\x02"))
	for i := at; i >= 0 && i+24 < len(data); {
		binary.LittleEndian.PutUint32(data[i+20:], uint32(len(data)-1))
		next := bytes.Index(data[i+4:], []byte("PK\x01\x02"))
		if next < 0 {
			break
		}
		i += 4 + next
	}
	_, _, err := tryRead(t, data, Options{})
	refusal(t, err, RefusedBomb)
}

func TestManyTextsAreKeptInATemporaryFile(t *testing.T) {
	const n = 100_000
	var texts, sheet strings.Builder
	for i := range n {
		fmt.Fprintf(&texts, "<si><t>un texto largo que hace bulto y que no cabe en la memoria que hay para todos, número %d</t></si>", i)
	}
	order := rand.New(rand.NewPCG(4, 4)).Perm(n)
	for i := range n {
		fmt.Fprintf(&sheet, `<row><c t="s"><v>%d</v></c><c t="s"><v>%d</v></c></row>`, i, order[i])
	}
	data := workbook(t, map[string]string{"xl/sharedStrings.xml": "<sst>" + texts.String() + "</sst>", "xl/worksheets/sheet1.xml": "<worksheet><sheetData>" + sheet.String() + "</sheetData></worksheet>"})
	temp := t.TempDir()
	table, err := New(bytes.NewReader(data), int64(len(data)), Options{Temp: temp, Heading: no()})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		i := 0
		for row, err := range table.Rows(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			for c, number := range []int{i, order[i]} {
				if want := fmt.Sprintf("un texto largo que hace bulto y que no cabe en la memoria que hay para todos, número %d", number); row.Cells[c] != want {
					t.Fatalf("row %d: %q, want %q", i, row.Cells[c], want)
				}
			}
			i++
		}
		if i != n {
			t.Fatalf("%d rows", i)
		}
	}
	if files, _ := os.ReadDir(temp); len(files) != 1 {
		t.Errorf("%d temporary files while reading", len(files))
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	if files, _ := os.ReadDir(temp); len(files) != 0 {
		t.Errorf("%d temporary files after it", len(files))
	}
}
