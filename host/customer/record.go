package customer

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Where the records are, all by the customer's number (4 bytes, big endian):
//
//	customer_record  number → plgv1.Customer, without its tags (host/customer/set keeps them)
//	customer_id      id (16 bytes) → number
//	customer_merged  number → number of the customer of whom this one became part
//	customer_next    "next" → the first number that no registration has, when it is not behind the last record
const (
	bucketRecord store.Bucket = "customer_record"
	bucketID     store.Bucket = "customer_id"
	bucketMerged store.Bucket = "customer_merged"
	bucketNext   store.Bucket = "customer_next"
)

var keyNext = []byte("next")

// maxMerges is how many customers in a row may each have become part of the next.
const maxMerges = 100

func numberKey(number uint32) []byte { return binary.BigEndian.AppendUint32(nil, number) }

// numberOf reads a number, 0 when there is none.
func numberOf(b []byte) uint32 {
	if len(b) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func idKey(id string) []byte {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return nil
	}
	return parsed[:]
}

// Get returns the customer of an id, or ErrNotFound. Who became part of somebody else is that one.
func (s *Service) Get(tx *store.Tx, id string) (*plgv1.Customer, error) {
	number, err := s.Number(tx, id)
	if err != nil {
		return nil, err
	}
	return s.ByNumber(tx, number)
}

// Number returns the number of the customer who has, or once had, an id; or ErrNotFound.
func (s *Service) Number(tx *store.Tx, id string) (uint32, error) {
	key := idKey(id)
	if key == nil {
		return 0, ErrNotFound
	}
	number := numberOf(tx.Get(bucketID, key))
	if number == 0 {
		return 0, ErrNotFound
	}
	return s.leads(tx, number), nil
}

// ByNumber returns the customer of a number, or ErrNotFound.
func (s *Service) ByNumber(tx *store.Tx, number uint32) (*plgv1.Customer, error) {
	c := new(plgv1.Customer)
	found, err := store.GetProto(tx, bucketRecord, numberKey(number), c)
	if err != nil {
		return nil, fmt.Errorf("customer %d: %w", number, err)
	}
	if !found {
		return nil, ErrNotFound
	}
	c.Tags, err = s.tagsOf(tx, number)
	return c, err
}

// Records yields the record of every customer behind a number, in the order of the numbers, as it stands in
// the file: a plgv1.Customer without its tags, valid as long as the transaction.
func (s *Service) Records(tx *store.Tx, after uint32) iter.Seq2[uint32, []byte] {
	return func(yield func(uint32, []byte) bool) {
		for key, record := range tx.Scan(bucketRecord, nil, numberKey(after)) {
			if !yield(numberOf(key), record) {
				return
			}
		}
	}
}

// Walk returns up to limit customers in the order of their numbers, beginning behind one. Somebody who walks
// to bring everybody to new rules must first have switched the rules within an Update: then whoever registers
// during the walk already follows them.
func (s *Service) Walk(after uint32, limit int) ([]*plgv1.Customer, error) {
	var found []*plgv1.Customer
	err := s.Store.View(func(tx *store.Tx) error {
		for number, record := range s.Records(tx, after) {
			if len(found) >= limit {
				return nil
			}
			c := new(plgv1.Customer)
			if err := proto.Unmarshal(record, c); err != nil {
				return fmt.Errorf("customer %d: %w", number, err)
			}
			var err error
			if c.Tags, err = s.tagsOf(tx, number); err != nil {
				return err
			}
			found = append(found, c)
		}
		return nil
	})
	return found, err
}

// LastNumber is the greatest number that was ever given; 0 when there is none.
func (s *Service) LastNumber(tx *store.Tx) uint32 {
	last := uint32(0)
	for key := range tx.ScanReverse(bucketRecord, nil, nil) {
		last = numberOf(key)
		break
	}
	if next := numberOf(tx.Get(bucketNext, keyNext)); next > last {
		return next - 1
	}
	return last
}

// put writes a record and brings what is in memory to it, once it is durable.
func (s *Service) put(tx *store.Tx, c *plgv1.Customer) error {
	tags := c.Tags
	c.Tags = nil
	err := store.PutProto(tx, bucketRecord, numberKey(uint32(c.Number)), c)
	c.Tags = tags
	if err != nil {
		return err
	}
	return s.remember(tx, c)
}
