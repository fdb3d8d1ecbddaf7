package transfer

import (
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/host/task"
)

// Told returns an import within a transaction, or ErrNotFound.
func (s *Service) Told(tx *store.Tx, id uint64) (*mostradorv1.Import, error) { return get(tx, id) }

// Forget lets go of what undoing an import would bring back of a customer, and returns the imports whose files hold
// him: the one that he came with, and those that changed him.
func (s *Service) Forget(tx *store.Tx, number uint32) (held []*mostradorv1.Import, err error) {
	for _, data := range tx.Scan(bucketImport, nil, nil) {
		i := new(mostradorv1.Import)
		if err := proto.Unmarshal(data, i); err != nil {
			return nil, err
		}
		came := i.FirstNumber != 0 && i.FirstNumber <= uint64(number) && uint64(number) <= i.LastNumber
		changed := task.GetUndo(tx, i.Task, undoKey(undoChanged, number)) != nil
		if changed {
			task.PutUndo(tx, i.Task, undoKey(undoChanged, number), nil)
		}
		if came || changed {
			held = append(held, i)
		}
	}
	return held, nil
}
