package message

import (
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

// Change changes the row of a message within a transaction: what became known of it after it left. The state that says
// whether it waits is not the caller's to change. It returns ErrNotFound when there is no message of that id.
func (s *Service) Change(tx *store.Tx, id string, fn func(m *mostradorv1.Message)) error {
	old, err := load(tx, id)
	if err != nil {
		return err
	}
	row := proto.CloneOf(old)
	fn(row)
	if proto.Equal(old, row) {
		return nil
	}
	return s.put(tx, old, row)
}
