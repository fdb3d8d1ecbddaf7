package customer

import (
	"bytes"
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// bucketUnnumbered holds the records of stores that knew no numbers: id (36 letters) → plgv1.Customer. Their
// index led to ids, and held names ("n...").
const bucketUnnumbered store.Bucket = "customer"

// renumberStep is how many records one transaction moves.
const renumberStep = 2000

// renumber gives numbers to the customers of a store that knew none. It may be interrupted: what has a number is
// no longer among the old records.
func (s *Service) renumber() error {
	for {
		moved := 0
		any := false
		if err := s.Store.View(func(tx *store.Tx) error {
			for range tx.Scan(bucketUnnumbered, nil, nil) {
				any = true
				break
			}
			return nil
		}); err != nil || !any {
			return err
		}
		err := s.Store.Update(context.Background(), func(tx *store.Tx) error {
			for id, record := range tx.Scan(bucketUnnumbered, nil, nil) {
				if moved == renumberStep {
					return nil
				}
				moved++
				c := new(plgv1.Customer)
				if err := proto.Unmarshal(record, c); err != nil {
					return fmt.Errorf("customer %s: %w", id, err)
				}
				if err := s.number(tx, c); err != nil {
					return err
				}
				tx.Delete(bucketUnnumbered, bytes.Clone(id))
			}
			return s.renumberIndex(tx)
		})
		if err != nil {
			return err
		}
	}
}

// number gives a customer the next number.
func (s *Service) number(tx *store.Tx, c *plgv1.Customer) error {
	c.Number = uint64(s.LastNumber(tx)) + 1
	number := uint32(c.Number)
	tx.Put(bucketID, idKey(c.Id), numberKey(number))
	for _, key := range keys(c) {
		tx.Put(bucketIndex, key, numberKey(number))
	}
	tags, err := s.tagNames(tx, c.Tags)
	if err != nil {
		return err
	}
	if err := s.putTags(tx, number, nil, tags); err != nil {
		return err
	}
	c.Tags = nil
	return store.PutProto(tx, bucketRecord, numberKey(number), c)
}

// renumberIndex drops the names from the index and leads the keys of registrations to numbers: with the last
// records, so that whoever is interrupted comes here again.
func (s *Service) renumberIndex(tx *store.Tx) error {
	for key := range tx.Scan(bucketIndex, []byte{'n'}, nil) {
		tx.Delete(bucketIndex, bytes.Clone(key))
	}
	for key, id := range tx.Scan(bucketIndex, []byte{kindRegistration}, nil) {
		if len(id) > 4 {
			tx.Put(bucketIndex, bytes.Clone(key), bytes.Clone(tx.Get(bucketID, idKey(string(id)))))
		}
	}
	return nil
}
