package transfer

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/host/tabular"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// Page sizes of Rows.
const (
	usualRows = 100
	mostRows  = 1000
)

// Rows shows rows of a plan, behind a line.
func (s *Service) Rows(ctx context.Context, req *mostradorv1.RowsRequest) (rows []*mostradorv1.ImportRow, err error) {
	i, err := s.Get(req.GetId())
	if err != nil {
		return nil, err
	}
	if !i.Planned {
		return nil, s.refuse(ctx, "", "not_planned")
	}
	limit := int(req.GetLimit())
	if limit <= 0 {
		limit = usualRows
	}
	limit = min(limit, mostRows)
	p, err := s.folder(i.Id).open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	from, err := p.after(req.GetAfterLine())
	if err != nil {
		return nil, err
	}
	err = s.Store.View(func(tx *store.Tx) error {
		for len(rows) < limit && from < p.count {
			found, err := p.candidates(tx, i.Id, req.GetOutcomes(), from, limit-len(rows))
			if err != nil || len(found) == 0 {
				return err
			}
			for _, n := range found {
				row, err := p.show(n)
				if err != nil {
					return err
				}
				if err := otherwise(tx, i.Id, n, row); err != nil {
					return err
				}
				if len(req.GetOutcomes()) == 0 || slices.Contains(req.GetOutcomes(), row.Outcome) {
					rows = append(rows, row)
				}
				from = n + 1
			}
		}
		return nil
	})
	return rows, err
}

// candidates are up to limit rows from one on, in order, among which are all of the outcomes.
func (p *plan) candidates(tx *store.Tx, id uint64, outcomes []mostradorv1.RowOutcome, from, limit int) ([]int, error) {
	var found []int
	if len(outcomes) == 0 {
		for n := from; n < p.count && len(found) < limit; n++ {
			found = append(found, n)
		}
		return found, nil
	}
	for _, o := range outcomes {
		rows, err := p.list(o, from, limit)
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	others := 0
	var after []byte
	if from > 0 {
		after = rowKey(id, from-1)
	}
	for k := range tx.Scan(bucketRow, importKey(id), after) {
		found = append(found, int(binary.BigEndian.Uint32(k[8:])))
		if others++; others == limit {
			break
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	return found[:min(len(found), limit)], nil
}

// otherwise brings a row to what became of it, when that is not what was planned.
func otherwise(tx *store.Tx, id uint64, n int, row *mostradorv1.ImportRow) error {
	became := new(mostradorv1.ImportRow)
	found, err := store.GetProto(tx, bucketRow, rowKey(id, n), became)
	if !found || err != nil {
		return err
	}
	row.Outcome, row.Diagnostics = became.Outcome, append(row.Diagnostics, became.Diagnostics...)
	return nil
}

// Imported are those whom an import brought or changed, for searching among them.
func (s *Service) Imported(id uint64) (*roaring.Bitmap, error) {
	numbers := roaring.New()
	err := s.Store.View(func(tx *store.Tx) error {
		i, err := get(tx, id)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if i.FirstNumber != 0 {
			numbers.AddRange(i.FirstNumber, i.LastNumber+1)
		}
		for key := range task.Undos(tx, i.Task, []byte{undoChanged}, nil) {
			numbers.Add(binary.BigEndian.Uint32(key[1:]))
		}
		return nil
	})
	return numbers, err
}

// Of returns the import that brought the customer of a number, nil when none did.
func (s *Service) Of(tx *store.Tx, number uint32) (*mostradorv1.Import, error) {
	for _, data := range tx.ScanReverse(bucketImport, nil, nil) {
		i := new(mostradorv1.Import)
		if err := proto.Unmarshal(data, i); err != nil {
			return nil, err
		}
		if i.FirstNumber != 0 && i.FirstNumber <= uint64(number) && uint64(number) <= i.LastNumber {
			return i, nil
		}
	}
	return nil, nil
}

// Refused writes the refused rows as a file of the same layout, with a column that says why. name is called with the
// file's name before anything is written.
func (s *Service) Refused(ctx context.Context, id uint64, format mostradorv1.FileFormat, name func(string) error, w io.Writer) (err error) {
	i, err := s.Get(id)
	if err != nil {
		return err
	}
	if !i.Planned {
		return s.refuse(ctx, "", "not_planned")
	}
	p, err := s.folder(id).open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	table, err := s.open(ctx, i)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, table.Close()) }()
	if format == mostradorv1.FileFormat_FILE_FORMAT_UNSPECIFIED {
		format = i.GetReading().GetFormat()
	}
	out := output(format, i.GetReading().GetSeparator())
	for _, c := range i.Columns {
		out.Columns = append(out.Columns, tabular.Heading{Name: c.Name})
	}
	out.Columns = append(out.Columns, tabular.Heading{Name: s.text(ctx, "reason")})
	base := strings.TrimSuffix(i.FileName, filepath.Ext(i.FileName))
	if err := name(s.text(ctx, "refused_file", "file", base) + "." + string(out.Format)); err != nil {
		return err
	}
	writer, err := tabular.NewWriter(w, out)
	if err != nil {
		return err
	}
	n := -1
	cells := make([]string, len(out.Columns))
	var late *mostradorv1.ImportRow
	for row, err := range table.Rows(ctx) {
		if err != nil {
			return s.inWords(ctx, err)
		}
		if n++; n >= p.count {
			break
		}
		at, err := p.place(n)
		if err != nil {
			return err
		}
		if at.outcome != refused {
			if i.Applied {
				if late, err = s.became(id, n); err != nil {
					return err
				}
			}
			if late.GetOutcome() != refused {
				continue
			}
		}
		shown, err := p.show(n)
		if err != nil {
			return err
		}
		clear(cells)
		copy(cells[:len(cells)-1], row.Cells)
		cells[len(cells)-1] = reasons(append(shown.Diagnostics, late.GetDiagnostics()...))
		if err := writer.Write(cells); err != nil {
			return err
		}
	}
	return writer.Close()
}

// became is what became of a row otherwise than planned, nil when nothing did.
func (s *Service) became(id uint64, n int) (*mostradorv1.ImportRow, error) {
	var row *mostradorv1.ImportRow
	err := s.Store.View(func(tx *store.Tx) error {
		became := new(mostradorv1.ImportRow)
		found, err := store.GetProto(tx, bucketRow, rowKey(id, n), became)
		if found {
			row = became
		}
		return err
	})
	return row, err
}

// reasons are the errors among diagnostics, in words.
func reasons(diagnostics []*plgv1.Diagnostic) string {
	refusal := &customer.Refused{Refusal: &mostradorv1.Refusal{Diagnostics: diagnostics}}
	return refusal.Error()
}

// output is how a file is written.
func output(format mostradorv1.FileFormat, separator string) tabular.Output {
	if format == mostradorv1.FileFormat_FILE_FORMAT_XLSX {
		return tabular.Output{Format: tabular.XLSX}
	}
	if separator == `\t` {
		separator = "\t"
	}
	return tabular.Output{Format: tabular.CSV, Separator: separator}
}

func join(list []string) string { return strings.Join(list, ", ") }

// reasonNames are how the column with the reasons is called, in every language: it is not a column of the table.
func (s *Service) reasonNames() []string {
	var names []string
	for _, lang := range []string{"es", "en"} {
		names = append(names, foldHeading(s.Text.Text(lang, "transfer.reason")))
	}
	return names
}
