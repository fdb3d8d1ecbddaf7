package transfer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// The files of an import, in its folder:
//
//	file      as it was uploaded
//	rows      what was made of each row, one behind the other: a customer, what is to be said (a mostradorv1.ImportRow
//	          without its customer), and the evidence of a consent (a mostradorv1.ConsentEntry)
//	table     for each row where it stands in rows, its line, its outcome and who is meant: fixed in size, so that any
//	          row is found at once, and small, so that a million can be run through while somebody waits
//	notes     what was found when rows were compared with the customers whom the store knows: changes and refusals
//	lists     for each outcome the rows that have it, in order (four bytes each)
//	keys      the look-up keys of the rows that are new, in the order of the keys
//
// A plan is these files. They are complete before the import's record says that it is planned.
const (
	fileUpload = "file"
	fileRows   = "rows"
	fileTable  = "table"
	fileNotes  = "notes"
	fileKeys   = "keys"
)

func fileList(o mostradorv1.RowOutcome) string { return fmt.Sprintf("list.%d", o) }

// place is a row of the table.
type place struct {
	row, note uint64 // where it stands in the files; a note 0 is none
	line      uint32
	known     uint32 // number of the customer who is meant
	rank      uint32 // which of the new ones it is, from 0
	outcome   mostradorv1.RowOutcome
	by        byte // index into ways
}

// placeSize is the size of a place on disk.
const placeSize = 32

// ways are how a known customer is found, in the order of their weight.
var ways = []string{"", targetID, targetNumber, targetPhone, targetEmail, targetCards}

func wayOf(path string) byte { return byte(max(slices.Index(ways, path), 0)) }

func (p *place) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, p.row)
	b = binary.BigEndian.AppendUint64(b, p.note)
	b = binary.BigEndian.AppendUint32(b, p.line)
	b = binary.BigEndian.AppendUint32(b, p.known)
	b = binary.BigEndian.AppendUint32(b, p.rank)
	return append(b, byte(p.outcome), p.by, 0, 0)
}

func readPlace(b []byte) place {
	return place{
		row: binary.BigEndian.Uint64(b), note: binary.BigEndian.Uint64(b[8:]), line: binary.BigEndian.Uint32(b[16:]),
		known: binary.BigEndian.Uint32(b[20:]), rank: binary.BigEndian.Uint32(b[24:]),
		outcome: mostradorv1.RowOutcome(b[28]), by: b[29],
	}
}

// parts of a record in rows, as they stand there: a message of the three, which can be read apart.
type parts [3][]byte

const (
	partCustomer = iota
	partRest
	partProof
)

// appendRow appends a record of rows: its length and its parts. rest and proof may be nil.
func appendRow(b []byte, c *plgv1.Customer, rest *mostradorv1.ImportRow, proof *mostradorv1.ConsentEntry) ([]byte, error) {
	at := len(b)
	b = append(b, 0, 0, 0, 0)
	var err error
	for part, m := range [...]proto.Message{partCustomer: c, partRest: rest, partProof: proof} {
		if !m.ProtoReflect().IsValid() { // nil
			continue
		}
		b = protowire.AppendTag(b, protowire.Number(part+1), protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(proto.Size(m)))
		if b, err = (proto.MarshalOptions{UseCachedSize: true}).MarshalAppend(b, m); err != nil {
			return nil, err
		}
	}
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	return b, nil
}

// splitRow takes a record apart, without its length.
func splitRow(b []byte) (p parts, err error) {
	for len(b) > 0 {
		tag, _, n := protowire.ConsumeTag(b)
		if n < 0 {
			return p, protowire.ParseError(n)
		}
		part, m := protowire.ConsumeBytes(b[n:])
		if m < 0 {
			return p, protowire.ParseError(m)
		}
		if tag < 1 || int(tag) > len(p) {
			return p, errSpool
		}
		p[tag-1] = part
		b = b[n+m:]
	}
	return p, nil
}

// maxRecord bounds a record of rows: cells of one row, several times.
const maxRecord = 64 << 20

var errSpool = errors.New("transfer: the files of the plan are damaged")

// folder is an import's files.
type folder string

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

// plan is the open files of a plan, to read.
type plan struct {
	folder folder
	rows   *os.File
	notes  *os.File
	table  *os.File
	count  int
}

func (f folder) open() (*plan, error) {
	p := &plan{folder: f}
	for name, to := range map[string]**os.File{fileRows: &p.rows, fileNotes: &p.notes, fileTable: &p.table} {
		file, err := os.Open(f.path(name))
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		*to = file
	}
	info, err := p.table.Stat()
	if err != nil {
		return nil, errors.Join(err, p.Close())
	}
	p.count = int(info.Size() / placeSize)
	return p, nil
}

// Close closes the files.
func (p *plan) Close() error {
	var errs []error
	for _, f := range []*os.File{p.rows, p.notes, p.table} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// place returns a row of the table.
func (p *plan) place(i int) (place, error) {
	var b [placeSize]byte
	if _, err := p.table.ReadAt(b[:], int64(i)*placeSize); err != nil {
		return place{}, fmt.Errorf("transfer: table: %w", err)
	}
	return readPlace(b[:]), nil
}

// record reads a record at a place of a file.
func record(f *os.File, at uint64) ([]byte, error) {
	var size [4]byte
	if _, err := f.ReadAt(size[:], int64(at)); err != nil {
		return nil, fmt.Errorf("transfer: %s: %w", f.Name(), err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > maxRecord {
		return nil, errSpool
	}
	b := make([]byte, n)
	if _, err := f.ReadAt(b, int64(at)+4); err != nil {
		return nil, fmt.Errorf("transfer: %s: %w", f.Name(), err)
	}
	return b, nil
}

// show is a row as people see it.
func (p *plan) show(i int) (*mostradorv1.ImportRow, error) {
	at, err := p.place(i)
	if err != nil {
		return nil, err
	}
	b, err := record(p.rows, at.row)
	if err != nil {
		return nil, err
	}
	parts, err := splitRow(b)
	if err != nil {
		return nil, fmt.Errorf("transfer: row %d: %w", i, err)
	}
	row, c, e := new(mostradorv1.ImportRow), new(plgv1.Customer), new(mostradorv1.ConsentEntry)
	if err := errors.Join(proto.Unmarshal(parts[partRest], row), proto.Unmarshal(parts[partCustomer], c), proto.Unmarshal(parts[partProof], e)); err != nil {
		return nil, fmt.Errorf("transfer: row %d: %w", i, err)
	}
	row.Customer = c
	if at.outcome != refused { // what a new one would lack does not matter of one who is known
		row.Cells = nil
		row.Diagnostics = slices.DeleteFunc(row.Diagnostics, func(d *plgv1.Diagnostic) bool { return d.Severity == plgv1.Severity_SEVERITY_ERROR })
	}
	switch e.Act {
	case mostradorv1.ConsentAct_CONSENT_ACT_GIVEN:
		c.Consent = &plgv1.Consent{Promotions: plgv1.ConsentState_CONSENT_STATE_GIVEN}
	case mostradorv1.ConsentAct_CONSENT_ACT_WITHDRAWN:
		c.Consent = &plgv1.Consent{Promotions: plgv1.ConsentState_CONSENT_STATE_WITHDRAWN}
	}
	if at.note != 0 {
		note, err := record(p.notes, at.note)
		if err != nil {
			return nil, err
		}
		if err := (proto.UnmarshalOptions{Merge: true}).Unmarshal(note, row); err != nil {
			return nil, fmt.Errorf("transfer: note of row %d: %w", i, err)
		}
	}
	row.Line, row.Outcome, row.MatchedBy = uint64(at.line), at.outcome, ways[at.by]
	if at.known != 0 {
		row.Customer.Number = uint64(at.known)
	}
	return row, nil
}

// after returns the first row whose line is behind one.
func (p *plan) after(line uint64) (int, error) {
	var failed error
	i := sort.Search(p.count, func(i int) bool {
		at, err := p.place(i)
		failed = errors.Join(failed, err)
		return err != nil || uint64(at.line) > line
	})
	return i, failed
}

// list returns up to limit rows of an outcome, from row from on.
func (p *plan) list(o mostradorv1.RowOutcome, from, limit int) (rows []int, err error) {
	f, err := os.Open(p.folder.path(fileList(o)))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	at := func(i int) (row int) {
		var b [4]byte
		if _, e := f.ReadAt(b[:], int64(i)*4); e != nil {
			err = errors.Join(err, e)
		}
		return int(binary.BigEndian.Uint32(b[:]))
	}
	n := int(info.Size() / 4)
	for i := sort.Search(n, func(i int) bool { return at(i) >= from }); i < n && len(rows) < limit && err == nil; i++ {
		rows = append(rows, at(i))
	}
	return rows, err
}

// spooled is a file that is written from the beginning.
type spooled struct {
	file *os.File
	w    *bufio.Writer
	at   uint64
}

func (f folder) create(name string) (*spooled, error) {
	file, err := os.Create(f.path(name))
	if err != nil {
		return nil, err
	}
	return &spooled{file: file, w: bufio.NewWriterSize(file, 256<<10)}, nil
}

func (s *spooled) Write(b []byte) (int, error) {
	s.at += uint64(len(b))
	return s.w.Write(b)
}

// Close makes the file durable.
func (s *spooled) Close() error {
	return errors.Join(s.w.Flush(), s.file.Sync(), s.file.Close())
}

// places reads the table from a row on.
type places struct {
	r    *bufio.Reader
	file *os.File
	row  int
}

func (f folder) places(from int) (*places, error) {
	file, err := os.Open(f.path(fileTable))
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(int64(from)*placeSize, io.SeekStart); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &places{bufio.NewReaderSize(file, 64<<10), file, from - 1}, nil
}

// next returns the next place, and its row; io.EOF is the end.
func (p *places) next() (int, place, error) {
	b, err := p.r.Peek(placeSize)
	if err == io.EOF && len(b) > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return 0, place{}, err
	}
	at := readPlace(b)
	if _, err := p.r.Discard(placeSize); err != nil {
		return 0, place{}, err
	}
	p.row++
	return p.row, at, nil
}

// Close closes the file.
func (p *places) Close() error { return p.file.Close() }

// rowReader reads records of rows at ascending places.
type rowReader struct {
	file *os.File
	r    *bufio.Reader
	at   uint64
}

func (f folder) rowReader() (*rowReader, error) {
	file, err := os.Open(f.path(fileRows))
	if err != nil {
		return nil, err
	}
	return &rowReader{file: file, r: bufio.NewReaderSize(file, 256<<10)}, nil
}

// read returns the record at a place behind the last; what lies between is skipped.
func (r *rowReader) read(at uint64) ([]byte, error) {
	if at != r.at {
		const near = 64 << 10
		if at > r.at && at-r.at < near {
			if _, err := r.r.Discard(int(at - r.at)); err != nil {
				return nil, err
			}
		} else {
			if _, err := r.file.Seek(int64(at), io.SeekStart); err != nil {
				return nil, err
			}
			r.r.Reset(r.file)
		}
		r.at = at
	}
	size, err := r.r.Peek(4)
	if err != nil {
		return nil, fmt.Errorf("transfer: rows: %w", err)
	}
	n := binary.BigEndian.Uint32(size)
	if n > maxRecord {
		return nil, errSpool
	}
	if _, err := r.r.Discard(len(size)); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r.r, b); err != nil {
		return nil, fmt.Errorf("transfer: rows: %w", err)
	}
	r.at += 4 + uint64(n)
	return b, nil
}

// Close closes the file.
func (r *rowReader) Close() error { return r.file.Close() }

func newReader(f *os.File) *bufio.Reader { return bufio.NewReaderSize(f, 128<<10) }
