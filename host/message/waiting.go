package message

import (
	"errors"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

// Row returns a message with all that is kept of it, nil when there is none. Its tokens are the customer's, so it is for
// other parts of the host only.
func (s *Service) Row(tx *store.Tx, id string) (*mostradorv1.Message, error) {
	m, err := load(tx, id)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return m, err
}

// Due returns when the message that waits longest was, or is, to leave: of those that answer a customer, and of all. What
// waits for its provider to take more is not among them. Zero means that none waits.
func (s *Service) Due(tx *store.Tx) (answers, all time.Time) {
	for class := range classes {
		for key := range tx.Scan(bucketDue, []byte{class}, nil) {
			at := time.Unix(0, timeOfDue(key))
			if class == classFirst {
				answers = at
			}
			if all.IsZero() || at.Before(all) {
				all = at
			}
			break
		}
	}
	return answers, all
}
