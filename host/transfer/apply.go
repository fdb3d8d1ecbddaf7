package transfer

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/RoaringBitmap/roaring/v2"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// bucketRow holds what became of a row otherwise than planned: import (8 bytes), row (4 bytes) → mostradorv1.ImportRow
// with an outcome and diagnostics.
const bucketRow store.Bucket = "import_row"

func rowKey(id uint64, row int) []byte {
	return binary.BigEndian.AppendUint32(importKey(id), uint32(row))
}

// Apply starts to carry out a plan.
func (s *Service) Apply(ctx context.Context, actor *plgv1.Actor, id uint64) (t *mostradorv1.Task, err error) {
	_, err = s.update(ctx, id, func(tx *store.Tx, i *mostradorv1.Import) error {
		if err := s.freeTx(ctx, tx, i); err != nil {
			return err
		}
		switch {
		case !i.Planned:
			return s.refuse(ctx, "", "not_planned")
		case i.New+i.Changed == 0:
			return s.refuse(ctx, "", "nothing")
		}
		args := map[string]string{"file": i.FileName, "n": strconv.FormatUint(i.New+i.Changed, 10)}
		t, err = s.Tasks.Start(tx, actor, KindImport, "transfer.task_import", args, &mostradorv1.Import{Id: id}, i.New+i.Changed)
		if err != nil {
			return err
		}
		i.Task, i.Applied, i.Actor = t.Id, true, actor
		return nil
	})
	return t, err
}

// Phases of an import.
const (
	phaseReserve = iota
	phaseKeys
	phaseRecords
	phaseChanges
	phaseDone
)

// progress is how far an import is: what its task keeps as the cursor.
type progress struct {
	phase uint64
	// pos is where to go on: a place in the file of keys, resp. a row.
	pos uint64
	// passed is how many rows are done with, written how many new customers there are, altered how many known ones, and
	// refused how many rows otherwise than planned.
	passed, written, altered, refused uint64
}

func (p progress) encode() []byte {
	var b []byte
	for _, n := range []uint64{p.phase, p.pos, p.passed, p.written, p.altered, p.refused} {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

func decodeProgress(b []byte) (p progress, err error) {
	if len(b) == 0 {
		return p, nil
	}
	for _, to := range []*uint64{&p.phase, &p.pos, &p.passed, &p.written, &p.altered, &p.refused} {
		n, size := binary.Uvarint(b)
		if size <= 0 {
			return p, errors.New("transfer: damaged cursor")
		}
		*to, b = n, b[size:]
	}
	return p, nil
}

// How much one transaction does: some ten milliseconds of work, for which a till may have to wait.
const (
	keysAtOnce    = 16384
	recordsAtOnce = 4096
	changesAtOnce = 256
)

// importing carries out plans.
type importing struct{ *Service }

// work is one import as it is carried out.
type work struct {
	*Service
	t     *task.Task
	i     *mostradorv1.Import
	p     progress
	dir   folder
	actor *plgv1.Actor
	// cursor is the saved p, keysSize the size of the file of keys.
	cursor   []byte
	keysSize int64
	// gone are new rows that were refused while their keys were written.
	gone *roaring.Bitmap
	// before is the transaction whose outcome is not known yet.
	before chan error
}

// Run carries out the plan from where it stands.
func (m importing) Run(ctx context.Context, t *task.Task) (err error) {
	data := new(mostradorv1.Import)
	if err := t.Data(data); err != nil {
		return err
	}
	i, err := m.Get(data.Id)
	if err != nil {
		return err
	}
	ctx = locale.NewContext(ctx, i.Language)
	w := &work{Service: m.Service, t: t, i: i, dir: m.folder(i.Id), gone: roaring.New(), actor: m.actor(i)}
	if w.p, err = decodeProgress(t.Cursor()); err != nil {
		return err
	}
	w.cursor = t.Cursor()
	if err := w.refusedSoFar(); err != nil {
		return err
	}
	for w.p.phase < phaseDone && err == nil {
		switch w.p.phase {
		case phaseReserve:
			err = w.reserve(ctx)
		case phaseKeys:
			err = w.claimKeys(ctx)
		case phaseRecords:
			err = w.writeRecords(ctx)
		case phaseChanges:
			err = w.changeKnown(ctx)
		}
		err = errors.Join(err, w.settle())
	}
	return first(err)
}

// first is the one of joined errors that says why work ended: the tasks know it by its identity.
func first(err error) error {
	if errors.Is(err, task.ErrStopped) {
		return task.ErrStopped
	}
	return err
}

// actor is by whom and by which way the customers of an import come.
func (s *Service) actor(i *mostradorv1.Import) *plgv1.Actor {
	actor := new(plgv1.Actor)
	if i.Actor != nil {
		actor = proto.CloneOf(i.Actor)
	}
	actor.Channel = channel(i.Id)
	return actor
}

func channel(id uint64) string { return "import:" + strconv.FormatUint(id, 10) }

var errLost = errors.New("transfer: the step before did not become durable")

// step runs fn and saves how far the import is then, in one transaction. It returns when fn has run: while that is
// being written, the next step works already. A step that does not find the one before it in the file fails.
func (w *work) step(ctx context.Context, fn func(tx *store.Tx) error) error {
	ran, outcome := make(chan error, 1), make(chan error, 1)
	go func() {
		outcome <- w.Store.Update(ctx, func(tx *store.Tx) (err error) {
			defer func() { ran <- err }()
			t, err := w.Tasks.Get(tx, w.t.ID())
			if err != nil {
				return err
			}
			if !bytes.Equal(t.Cursor, w.cursor) {
				return errLost
			}
			if err := fn(tx); err != nil {
				return err
			}
			return w.save(tx)
		})
	}()
	before := w.settle()
	w.before = outcome
	select {
	case err := <-ran:
		return cmp.Or(before, err)
	case err := <-outcome: // it did not even begin, or both at once
		outcome <- err
		return cmp.Or(before, err)
	}
}

// settle waits for the step before and returns what became of it.
func (w *work) settle() error {
	if w.before == nil {
		return nil
	}
	err := <-w.before
	w.before = nil
	return err
}

// save saves how far the import is. Half of the way of a new customer is his keys.
func (w *work) save(tx *store.Tx) error {
	done := w.p.passed
	switch w.p.phase {
	case phaseKeys:
		done = uint64(float64(w.i.New) / 2 * float64(w.p.pos) / float64(max(w.keysSize, 1)))
	case phaseRecords:
		done = (w.i.New + w.p.passed) / 2
	}
	if err := w.t.SetFailed(tx, w.p.refused); err != nil {
		return err
	}
	w.cursor = w.p.encode()
	return w.t.Save(tx, w.cursor, done, w.p.written+w.p.altered)
}

// refusedSoFar finds the rows that were refused already.
func (w *work) refusedSoFar() error {
	return w.Store.View(func(tx *store.Tx) error {
		for k := range tx.Scan(bucketRow, importKey(w.i.Id), nil) {
			w.gone.Add(binary.BigEndian.Uint32(k[8:]))
		}
		return nil
	})
}

// reserve takes the numbers of the new customers.
func (w *work) reserve(ctx context.Context) error {
	err := w.step(ctx, func(tx *store.Tx) error {
		w.p.phase = phaseKeys
		if w.i.New == 0 {
			w.p.phase = phaseChanges
			return nil
		}
		first, err := w.Customers.Reserve(tx, uint32(w.i.New))
		if err != nil {
			return err
		}
		i, err := get(tx, w.i.Id)
		if err != nil {
			return err
		}
		i.FirstNumber, i.LastNumber = uint64(first), uint64(first)+w.i.New-1
		w.i = i
		return put(tx, i)
	})
	return errors.Join(err, w.settle())
}

func (w *work) number(rank uint32) uint32 { return uint32(w.i.FirstNumber) + rank }

// claimKeys writes the look-up keys, in their order.
func (w *work) claimKeys(ctx context.Context) (err error) {
	file, err := os.Open(w.dir.path(fileKeys))
	if err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	w.keysSize = info.Size()
	if _, err := file.Seek(int64(w.p.pos), io.SeekStart); err != nil {
		return err
	}
	r := bufio.NewReaderSize(file, 256<<10)
	for more := true; more; {
		var arena []byte
		var ends []int
		var ranks []uint32
		size := uint64(0)
		for len(ranks) < keysAtOnce {
			n := len(arena)
			b, rank, err := readKey(r, arena)
			if err == io.EOF {
				more = false
				break
			}
			if err != nil {
				return err
			}
			arena = b
			ends, ranks = append(ends, len(arena)), append(ranks, rank)
			size += uint64(len(arena) - n + 6)
		}
		keys := make([][]byte, len(ends))
		start := 0
		for n, end := range ends {
			keys[n] = arena[start:end]
			start = end
		}
		err := w.step(ctx, func(tx *store.Tx) error {
			w.p.pos += size
			if !more {
				w.p.phase, w.p.pos = phaseRecords, 0
			}
			return w.claim(ctx, tx, keys, ranks)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// claim writes keys, and refuses the rows of those that somebody else has by now.
func (w *work) claim(ctx context.Context, tx *store.Tx, keys [][]byte, ranks []uint32) error {
	taken := map[int]uint32{}
	w.Customers.Holders(tx, keys, func(n int, number uint32) { taken[n] = number })
	for n, key := range keys {
		number, is := taken[n]
		if !is {
			w.Customers.Claim(tx, key, w.number(ranks[n]))
			continue
		}
		path := customer.KeyPath(key)
		name := "?"
		if c, err := w.Customers.ByNumber(tx, number); err == nil {
			name = c.Name
		} else if !errors.Is(err, customer.ErrNotFound) {
			return err
		}
		row, err := w.rowOf(ranks[n])
		if err != nil {
			return err
		}
		if err := w.refuseRow(tx, row, w.diagnostic(ctx, plgv1.Severity_SEVERITY_ERROR, path, "taken_meanwhile",
			"path", w.label(path, locale.FromContext(ctx)), "name", name, "number", number)); err != nil {
			return err
		}
	}
	return nil
}

// rowOf is the row of a new customer: the list of the new rows is in the order of the ranks.
func (s *Service) rowOf(id uint64, rank uint32) (row int, err error) {
	f, err := os.Open(s.folder(id).path(fileList(fresh)))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var b [4]byte
	if _, err := f.ReadAt(b[:], int64(rank)*4); err != nil {
		return 0, err
	}
	return int(binary.BigEndian.Uint32(b[:])), nil
}

func (w *work) rowOf(rank uint32) (int, error) { return w.Service.rowOf(w.i.Id, rank) }

// refuseRow refuses a row otherwise than planned. A second reason is added to the first.
func (w *work) refuseRow(tx *store.Tx, row int, diagnostics ...*plgv1.Diagnostic) error {
	said := &mostradorv1.ImportRow{Outcome: refused}
	if _, err := store.GetProto(tx, bucketRow, rowKey(w.i.Id, row), said); err != nil {
		return err
	}
	if len(said.Diagnostics) == 0 {
		w.p.refused++
	}
	said.Diagnostics = append(said.Diagnostics, diagnostics...)
	w.gone.Add(uint32(row))
	return store.PutProto(tx, bucketRow, rowKey(w.i.Id, row), said)
}
