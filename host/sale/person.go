package sale

import (
	"bytes"
	"cmp"
	"errors"
	"slices"

	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// ids are the ids under which a customer's sales are kept: his own, and those of who became part of him.
func (s *Service) ids(tx *store.Tx, customerID string) ([]string, error) {
	c, err := s.Customers.Get(tx, customerID)
	if errors.Is(err, customer.ErrNotFound) {
		return []string{customerID}, nil
	}
	if err != nil {
		return nil, err
	}
	return s.Customers.IDs(tx, c), nil
}

// Of returns up to limit sales (0: all) of a customer, newest first. A sale names the customer of its time, who may
// have become part of this one since.
func (s *Service) Of(tx *store.Tx, customerID string, limit int) ([]*plgv1.Sale, error) {
	ids, err := s.ids(tx, customerID)
	if err != nil {
		return nil, err
	}
	type row struct{ sequence, receipt string }
	var rows []row
	for _, id := range ids {
		prefix, n := listPrefix(id), 0
		for key, receipt := range tx.ScanReverse(bucketIndex, prefix, nil) {
			if limit > 0 && n == limit {
				break
			}
			n++
			rows = append(rows, row{string(key[len(prefix):]), string(receipt)})
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(b.sequence, a.sequence) })
	if limit > 0 && len(rows) > limit {
		rows = rows[:limit]
	}
	sales := make([]*plgv1.Sale, len(rows))
	for i, r := range rows {
		if sales[i], err = s.get(tx, r.receipt); err != nil {
			return nil, err
		}
	}
	return sales, nil
}

// one tells whether two ids are those of one customer.
func (s *Service) one(tx *store.Tx, a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	x, err := s.Customers.Number(tx, a)
	if err != nil {
		return false
	}
	y, err := s.Customers.Number(tx, b)
	return err == nil && x == y
}

// Forget makes the sales of an id nobody's: the law wants them kept, not for whom they were.
func (s *Service) Forget(tx *store.Tx, customerID string) (n int, err error) {
	for key, receipt := range tx.Scan(bucketIndex, listPrefix(customerID), nil) {
		kept, err := s.get(tx, string(receipt))
		if err != nil {
			return n, err
		}
		kept.CustomerId = ""
		if err := store.PutProto(tx, bucketSale, []byte(kept.Receipt), kept); err != nil {
			return n, err
		}
		tx.Delete(bucketIndex, bytes.Clone(key))
		n++
	}
	return n, nil
}
