package tabular

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io"
	"iter"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// xlsxSource is a sheet of an XLSX file.
type xlsxSource struct {
	files   map[string]*zip.File // by name in lower case, with slashes
	size    int64
	limits  Limits
	left    int64 // bytes that may still be decompressed in the reading under way
	sheets  []sheet
	sheet   sheet
	date04  bool
	styles  []style // by the number that cells have
	strings *sharedStrings
	temp    string

	hidden map[int]bool // columns that nobody sees
	merged []area       // once the sheet was read to its end; by first row
}

type sheet struct {
	name, file string
	hidden     bool
}

// What one XLSX may have of what is kept in memory.
const (
	maxDirectory = 8 << 20
	maxSheets    = 1000
	maxStyles    = 70_000
	maxMerged    = 10_000
)

// openXLSX reads all of the file but the cells.
func openXLSX(r io.ReaderAt, size int64, o Options) (*xlsxSource, error) {
	z, err := openZip(r, size, o.Limits)
	if err != nil {
		return nil, err
	}
	s := &xlsxSource{files: map[string]*zip.File{}, size: size, limits: o.Limits, left: o.Limits.Total, temp: o.Temp}
	for _, f := range z.File {
		name := strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(f.Name, `\`, "/"), "/"))
		if s.files[name] == nil {
			s.files[name] = f
		}
	}
	if code := s.otherThanXLSX(); code != "" {
		return nil, refuse(code)
	}
	if err := s.workbook(); err != nil {
		return nil, err
	}
	visible := func(s sheet) bool { return !s.hidden }
	wanted := func(s sheet) bool { return s.name == o.Sheet }
	i := slices.IndexFunc(s.sheets, wanted)
	switch {
	case len(s.sheets) == 0:
		return nil, refuse(RefusedNoSheet)
	case i < 0 && o.Sheet != "":
		return nil, refuse(RefusedSheet, "sheet", o.Sheet, "sheets", strings.Join(s.names(), ", "))
	case i < 0:
		i = max(0, slices.IndexFunc(s.sheets, visible))
	}
	s.sheet = s.sheets[i]
	return s, nil
}

// openZip opens a zip and judges its directory: how large it is and what it says of its entries.
func openZip(r io.ReaderAt, size int64, limits Limits) (*zip.Reader, error) {
	m := &metered{r: r, left: maxDirectory}
	z, err := zip.NewReader(m, size)
	if m.left < 0 {
		return nil, refuse(RefusedBomb)
	}
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) { // names are looked up here, never written to
		return nil, refuse(RefusedDamaged, "part", "zip")
	}
	m.off = true
	if len(z.File) > limits.Entries {
		return nil, refuse(RefusedBomb)
	}
	z.RegisterDecompressor(zip.Deflate, flate.NewReader)
	var packed uint64
	for _, f := range z.File {
		packed += f.CompressedSize64
		if packed > uint64(size) || packed < f.CompressedSize64 { // entries over one another
			return nil, refuse(RefusedBomb)
		}
	}
	return z, nil
}

// metered is a file of which only so much may be read until it is off.
type metered struct {
	r    io.ReaderAt
	left int64
	off  bool
}

func (m *metered) ReadAt(p []byte, off int64) (int, error) {
	if !m.off {
		if m.left -= int64(len(p)); m.left < 0 {
			return 0, errors.New("tabular: zip directory too large")
		}
	}
	return m.r.ReadAt(p, off)
}

// otherThanXLSX recognises other files that are zips. It returns the code of their refusal.
func (s *xlsxSource) otherThanXLSX() string {
	switch {
	case s.files["xl/workbook.bin"] != nil:
		return RefusedXLSB
	case s.files["[content_types].xml"] != nil && s.workbookName() != "":
		return ""
	case s.files["index/document.iwa"] != nil:
		return RefusedNumbers
	case s.files["mimetype"] != nil && s.files["content.xml"] != nil:
		return RefusedODS
	}
	return RefusedZip
}

// open opens an entry. What is decompressed counts against the limits.
func (s *xlsxSource) open(f *zip.File) (io.ReadCloser, error) {
	if f.Flags&1 != 0 {
		return nil, refuse(RefusedPassword)
	}
	r, err := f.Open()
	if err != nil {
		return nil, s.damaged(f.Name, err)
	}
	text := io.Reader(&inflated{r: r, source: s, packed: int64(f.CompressedSize64)})
	// XML may be UTF-16, which only its mark tells.
	text = transform.NewReader(text, unicode.BOMOverride(transform.Nop))
	return struct {
		io.Reader
		io.Closer
	}{text, r}, nil
}

// inflated is an entry that may decompress to only so much. What the directory says of its size is not believed.
type inflated struct {
	r      io.Reader
	source *xlsxSource
	packed int64
	n      int64
}

func (i *inflated) Read(p []byte) (int, error) {
	n, err := i.r.Read(p)
	i.n += int64(n)
	i.source.left -= int64(n)
	if limits := i.source.limits; i.source.left < 0 || i.n > limits.Free && i.n/limits.Ratio > i.packed {
		return 0, refuse(RefusedBomb)
	}
	return n, err
}

// damaged makes a refusal of what goes wrong within a file, which a person can only save anew.
func (s *xlsxSource) damaged(part string, err error) error {
	var refused *Refused
	if err == nil || errors.As(err, &refused) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var pathError interface{ Timeout() bool } // *fs.PathError and its like: the disk's trouble, not the file's
	if errors.As(err, &pathError) {
		return err
	}
	return refuse(RefusedDamaged, "part", part)
}

// each calls do for every element of a small part that starts. A part that is not there has none.
func (s *xlsxSource) each(name string, do func(x *xmlScanner) error) error {
	f := s.files[strings.ToLower(name)]
	if f == nil {
		return nil
	}
	r, err := s.open(f)
	if err != nil {
		return err
	}
	defer r.Close()
	x := newXMLScanner(r, s.limits.Cell)
	for {
		kind, err := x.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return s.damaged(name, err)
		}
		if kind == xmlStart {
			if err := do(x); err != nil {
				return err
			}
		}
	}
}

// relation is where a part refers to another.
type relation struct{ id, kind, target string }

// relations reads what a part refers to.
func (s *xlsxSource) relations(part string) ([]relation, error) {
	dir, file := path.Split(part)
	var all []relation
	err := s.each(dir+"_rels/"+file+".rels", func(x *xmlScanner) error {
		if string(x.name) != "Relationship" || len(all) > 10*maxSheets {
			return nil
		}
		r := relation{id: string(x.attr("Id")), kind: string(x.attr("Type")), target: string(x.attr("Target"))}
		if r.target = strings.ReplaceAll(r.target, `\`, "/"); strings.HasPrefix(r.target, "/") {
			r.target = path.Clean(r.target)[1:]
		} else {
			r.target = path.Join(dir, r.target)
		}
		r.kind = r.kind[strings.LastIndexByte(r.kind, '/')+1:]
		all = append(all, r)
		return nil
	})
	return all, err
}

// workbookName finds the part that lists the sheets.
func (s *xlsxSource) workbookName() string {
	relations, _ := s.relations("") // when it is damaged there is the usual name
	for _, r := range relations {
		if r.kind == "officeDocument" && s.files[strings.ToLower(r.target)] != nil && strings.HasPrefix(strings.ToLower(r.target), "xl/") {
			return r.target
		}
	}
	if s.files["xl/workbook.xml"] != nil {
		return "xl/workbook.xml"
	}
	return ""
}

// workbook reads the list of sheets, the styles, and where the texts are.
func (s *xlsxSource) workbook() error {
	name := s.workbookName()
	relations, err := s.relations(name)
	if err != nil {
		return err
	}
	target := map[string]string{} // of sheets, by id
	texts := ""
	for _, r := range relations {
		switch r.kind {
		case "worksheet":
			target[r.id] = r.target
		case "sharedStrings":
			texts = r.target
		case "styles":
			if err := s.readStyles(r.target); err != nil {
				return err
			}
		}
	}
	s.strings = &sharedStrings{limits: s.limits, temp: s.temp}
	if f := s.files[strings.ToLower(texts)]; f != nil {
		r, err := s.open(f)
		if err != nil {
			return err
		}
		s.strings.scan, s.strings.closer = newXMLScanner(r, s.limits.Cell), r
	}
	return s.each(name, func(x *xmlScanner) error {
		switch string(x.name) {
		case "workbookPr":
			s.date04 = x.yes("date1904")
		case "sheet":
			file := target[string(x.attr("id"))]
			if s.files[strings.ToLower(file)] == nil || len(s.sheets) >= maxSheets {
				return nil // a chart, a macro
			}
			state := string(x.attr("state"))
			s.sheets = append(s.sheets, sheet{name: string(x.attr("name")), file: file, hidden: state == "hidden" || state == "veryHidden"})
		}
		return nil
	})
}

func (s *xlsxSource) names() []string {
	var names []string
	for _, s := range s.sheets {
		names = append(names, s.name)
	}
	return names
}

func (s *xlsxSource) rows(ctx context.Context) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		s.left = max(s.left, s.limits.Total) // each reading decompresses the sheet anew
		f, err := s.open(s.files[strings.ToLower(s.sheet.file)])
		if err != nil {
			yield(Row{}, err)
			return
		}
		defer f.Close()
		reader := &sheetReader{source: s, x: newXMLScanner(f, s.limits.Cell), hidden: map[int]bool{}, merged: s.merged}
		for n := 0; ; n++ {
			if n%256 == 0 && ctx.Err() != nil {
				yield(Row{}, ctx.Err())
				return
			}
			row, err := reader.next()
			if err == io.EOF {
				s.hidden, s.merged = reader.hidden, reader.areas
				return
			}
			if err != nil {
				yield(Row{}, s.damaged(path.Base(s.sheet.file), err))
				return
			}
			if !blank(row.Cells) && !yield(row, nil) {
				s.hidden = reader.hidden
				return
			}
		}
	}
}

// ole says what an OLE file is, the container of Excel before 2007 and of files with a password.
func ole(r io.ReaderAt, size int64) string {
	wide := func(s string) []byte {
		var b []byte
		for _, c := range []byte(s) {
			b = append(b, c, 0)
		}
		return b
	}
	encrypted, workbook, book := wide("EncryptedPackage"), wide("Workbook"), wide("Book")
	found := RefusedFormat
	buf := make([]byte, 1<<20)
	for off := int64(0); off < min(size, 256<<20); off += int64(len(buf)) - 64 { // names may lie across
		n, err := r.ReadAt(buf, off)
		if bytes.Contains(buf[:n], encrypted) {
			return RefusedPassword
		}
		if bytes.Contains(buf[:n], workbook) || bytes.Contains(buf[:n], book) {
			found = RefusedXLS
		}
		if err != nil {
			break
		}
	}
	return found
}
