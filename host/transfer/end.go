package transfer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/host/task"
	"mostrador/sdk/plgv1"
)

// End tells of an import, or of its undo, once and for all.
func (m importing) End(tx *store.Tx, t *mostradorv1.Task) error {
	kind, done := "customers.imported", t
	if t.Undoes != 0 {
		undone, err := m.Tasks.Get(tx, t.Undoes)
		if err != nil {
			return err
		}
		kind, done = "customers.import_undone", undone
	}
	data := new(mostradorv1.Import)
	if err := proto.Unmarshal(done.Data, data); err != nil {
		return err
	}
	i, err := get(tx, data.Id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	p, err := decodeProgress(done.Cursor)
	if err != nil {
		return err
	}
	if t.Undoes == 0 {
		if i.FirstNumber != 0 && p.phase <= phaseRecords {
			release, err := m.Tasks.Start(tx, t.Actor, KindRelease, "transfer.task_release", map[string]string{"file": i.FileName}, &mostradorv1.Import{Id: i.Id}, 0)
			if err != nil {
				return err
			}
			m.Logger.Info("an import ended before its end", "import", i.Id, "release", release.Id)
		}
	} else {
		i.Undone = t.State == mostradorv1.TaskState_TASK_STATE_DONE
		if err := put(tx, i); err != nil {
			return err
		}
	}
	detail, err := structpb.NewStruct(map[string]any{
		"import": float64(i.Id), "task": float64(t.Id), "file": i.FileName, "sha256": i.Sha256, "new": float64(p.written), "changed": float64(p.altered),
		"refused": float64(i.Refused + p.refused), "skipped": float64(i.Skipped), "same": float64(i.Same), "rows": float64(i.Rows),
		"first_number": float64(i.FirstNumber), "last_number": float64(i.LastNumber), "kept": float64(i.Kept),
	})
	if err != nil {
		return err
	}
	return m.Log.Append(tx, &plgv1.Event{Type: kind, Actor: t.Actor, Detail: &plgv1.Event_Custom{Custom: detail}})
}

// releasing gives back the keys of an import that was cancelled before their records were written.
type releasing struct{ *Service }

// Run gives back what no record has.
func (r releasing) Run(ctx context.Context, t *task.Task) (err error) {
	data := new(mostradorv1.Import)
	if err := t.Data(data); err != nil {
		return err
	}
	i, err := r.Get(data.Id)
	if err != nil {
		return err
	}
	p, err := decodeProgress(t.Cursor())
	if err != nil {
		return err
	}
	file, err := os.Open(r.folder(i.Id).path(fileKeys))
	if err != nil {
		return fmt.Errorf("transfer: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if _, err := file.Seek(int64(p.pos), io.SeekStart); err != nil {
		return err
	}
	in := bufio.NewReaderSize(file, 256<<10)
	for more := true; more; {
		err := t.Step(ctx, func(tx *store.Tx) error {
			for range keysAtOnce / 4 {
				key, rank, err := readKey(in, nil)
				if err == io.EOF {
					more = false
					break
				}
				if err != nil {
					return err
				}
				p.pos += uint64(len(key) + 6)
				number := uint32(i.FirstNumber) + rank
				if !r.Customers.Exists(tx, number) {
					r.Customers.Unclaim(tx, key, number)
				}
				p.passed++
			}
			return t.Save(tx, p.encode(), p.passed, p.passed)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
