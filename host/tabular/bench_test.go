package tabular

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// benchRows is how many rows the benchmarks read and write: -short takes fewer.
func benchRows() int {
	if testing.Short() {
		return 10_000
	}
	return 1_000_000
}

func benchRow(i int, cells []string) []string {
	return append(cells[:0],
		fmt.Sprintf("José Muñoz García %d", i), fmt.Sprintf("+34600%06d", i%1_000_000), fmt.Sprintf("jose.%d@example.com", i),
		[]string{"Madrid", "León", "A Coruña", "Sevilla"}[i%4], "2026-11-22", fmt.Sprint(i%5000))
}

// benchTable writes a table of rows of 6 cells.
func benchTable(w io.Writer, format Format, rows int) error {
	out, err := NewWriter(w, Output{Format: format, Sheet: "Clientes", Columns: []Heading{
		{Name: "Nombre"}, {Name: "Teléfono"}, {Name: "Correo"}, {Name: "Ciudad"}, {Name: "Alta", Kind: Date}, {Name: "Puntos", Kind: Number}}})
	if err != nil {
		return err
	}
	var cells []string
	for i := range rows {
		cells = benchRow(i, cells)
		if err := out.Write(cells); err != nil {
			return err
		}
	}
	return out.Close()
}

// peak runs do and returns by how much the heap and stacks grew at most, garbage included.
func peak(do func()) uint64 {
	runtime.GC()
	debug.FreeOSMemory()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	var most atomic.Uint64
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
				runtime.ReadMemStats(&now)
				most.Store(max(most.Load(), now.HeapInuse+now.StackInuse))
			}
		}
	}()
	do()
	close(done)
	<-stopped
	return max(most.Load(), before.HeapInuse+before.StackInuse) - (before.HeapInuse + before.StackInuse)
}

func readAll(tb testing.TB, path string, rows int) {
	tb.Helper()
	table, err := Open(path, Options{Temp: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	defer table.Close()
	n := 0
	for _, err := range table.Rows(context.Background()) {
		if err != nil {
			tb.Fatal(err)
		}
		n++
	}
	if n != rows {
		tb.Fatalf("%d rows", n)
	}
}

func benchRead(b *testing.B, path string) {
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	var most uint64
	for b.Loop() {
		most = max(most, peak(func() { readAll(b, path, benchRows()) }))
	}
	b.ReportMetric(float64(benchRows())*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(most)/(1<<20), "peak-MB")
}

func benchFile(b *testing.B, write func(w io.Writer) error) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "table")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		b.Fatal(err)
	}
	return path
}

func BenchmarkReadCSV(b *testing.B) {
	benchRead(b, benchFile(b, func(w io.Writer) error { return benchTable(w, CSV, benchRows()) }))
}

func BenchmarkReadXLSX(b *testing.B) {
	benchRead(b, benchFile(b, func(w io.Writer) error { return benchTable(w, XLSX, benchRows()) }))
}

// BenchmarkReadXLSXShared reads what Excel writes: every text apart from the cells, 3 million of them.
func BenchmarkReadXLSXShared(b *testing.B) {
	benchRead(b, benchFile(b, func(w io.Writer) error { _, err := w.Write(sharedTable(b, benchRows())); return err }))
}

func BenchmarkWriteCSV(b *testing.B) { benchWrite(b, CSV) }

func BenchmarkWriteXLSX(b *testing.B) { benchWrite(b, XLSX) }

func benchWrite(b *testing.B, format Format) {
	var most uint64
	for b.Loop() {
		most = max(most, peak(func() {
			if err := benchTable(io.Discard, format, benchRows()); err != nil {
				b.Fatal(err)
			}
		}))
	}
	b.ReportMetric(float64(benchRows())*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(most)/(1<<20), "peak-MB")
}

// BenchmarkReadXLSXByExcelize is the peer.
func BenchmarkReadXLSXByExcelize(b *testing.B) {
	path := benchFile(b, func(w io.Writer) error { _, err := w.Write(sharedTable(b, benchRows())); return err })
	var most uint64
	for b.Loop() {
		most = max(most, peak(func() {
			f, err := excelize.OpenFile(path, excelize.Options{TmpDir: b.TempDir()})
			if err != nil {
				b.Fatal(err)
			}
			defer f.Close()
			rows, err := f.Rows(f.GetSheetName(0))
			if err != nil {
				b.Fatal(err)
			}
			defer rows.Close()
			for rows.Next() {
				if _, err := rows.Columns(); err != nil {
					b.Fatal(err)
				}
			}
		}))
	}
	b.ReportMetric(float64(benchRows())*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(most)/(1<<20), "peak-MB")
}

// sharedTable makes a table as Excel does, with shared strings.
func sharedTable(tb testing.TB, rows int) []byte {
	tb.Helper()
	var sheet, texts bytes.Buffer
	n := 0
	add := func(s string) int {
		texts.WriteString("<si><t>")
		texts.WriteString(s)
		texts.WriteString("</t></si>")
		n++
		return n - 1
	}
	cities := []int{add("Madrid"), add("León"), add("A Coruña"), add("Sevilla")}
	var cells []string
	sheet.WriteString(`<worksheet><sheetData><row r="1">`)
	for i, name := range strings.Fields("Nombre Teléfono Correo Ciudad Alta Puntos") {
		fmt.Fprintf(&sheet, `<c r="%s" t="s"><v>%d</v></c>`, cellName(i+1, 1), add(name))
	}
	sheet.WriteString(`</row>`)
	for i := range rows {
		cells = benchRow(i, cells)
		r := i + 2
		fmt.Fprintf(&sheet, `<row r="%d" spans="1:6"><c r="A%d" t="s"><v>%d</v></c><c r="B%d" t="s"><v>%d</v></c><c r="C%d" t="s"><v>%d</v></c><c r="D%d" t="s"><v>%d</v></c><c r="E%d"><v>46348</v></c><c r="F%d"><v>%s</v></c></row>`,
			r, r, add(cells[0]), r, add(cells[1]), r, add(cells[2]), r, cities[i%4], r, r, cells[5])
	}
	sheet.WriteString(`</sheetData></worksheet>`)
	return workbook(tb, map[string]string{
		"xl/worksheets/sheet1.xml": sheet.String(),
		"xl/sharedStrings.xml":     "<sst>" + texts.String() + "</sst>",
	})
}

// TestMemoryStaysBounded reads and writes tables many times larger than what may be kept of them.
func TestMemoryStaysBounded(t *testing.T) {
	rows := 60_000
	dir := t.TempDir()
	for name, write := range map[string]func(w io.Writer) error{
		"csv":    func(w io.Writer) error { return benchTable(w, CSV, rows) },
		"xlsx":   func(w io.Writer) error { return benchTable(w, XLSX, rows) },
		"shared": func(w io.Writer) error { _, err := w.Write(sharedTable(t, rows)); return err },
	} {
		path := filepath.Join(dir, name)
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := write(f); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		const most = 48 << 20 // against 300 MB for a whole import
		if got := peak(func() { readAll(t, path, rows) }); got > most {
			t.Errorf("%s: %d MB", name, got>>20)
		}
	}
}
