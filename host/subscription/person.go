package subscription

import (
	"bytes"
	"encoding/binary"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Merged brings a customer to what the customer gone, who becomes part of him, had left. It is called between the events
// that Unmerged is given later.
func (s *Service) Merged(tx *store.Tx, actor *plgv1.Actor, keep *plgv1.Customer, goneID string) error {
	keys, err := s.lefts(tx, goneID)
	if err != nil {
		return err
	}
	for _, key := range keys {
		countPart(tx, goneID, key, true)
		if err := s.settle(tx, actor, keep, key, false); err != nil {
			return err
		}
	}
	return nil
}

// Unmerged parts two customers again: what the merge, whose events lie between the sequences before and merged, made of
// keep and nobody changed since is on again; what keep left since, gone has left too.
func (s *Service) Unmerged(tx *store.Tx, actor *plgv1.Actor, keep, gone *plgv1.Customer, before, merged uint64) error {
	prefix := prefixOf(keep.GetId())
	var brought, since []string
	for k, v := range tx.Scan(bucketState, prefix, nil) {
		key, sequence := string(bytes.TrimPrefix(k, prefix)), binary.BigEndian.Uint64(v[:8])
		now, _, err := s.state(tx, keep.GetId(), key)
		if err != nil {
			return err
		}
		switch {
		case now.On || sequence <= before:
		case sequence < merged:
			brought = append(brought, key)
		default:
			since = append(since, key)
		}
	}
	apart, err := s.lefts(tx, gone.GetId())
	if err != nil {
		return err
	}
	for _, key := range apart {
		countPart(tx, gone.GetId(), key, false)
	}
	for _, key := range brought {
		if err := s.settle(tx, actor, keep, key, true); err != nil {
			return err
		}
	}
	for _, key := range since {
		if err := s.settle(tx, actor, gone, key, false); err != nil {
			return err
		}
	}
	return nil
}

// countPart takes what a customer left out of the count while he is part of another, or puts it back in.
func countPart(tx *store.Tx, customerID, key string, part bool) {
	row := stateKey(customerID, key)
	sequence := bytes.Clone(tx.Get(bucketState, row)[:8])
	if part {
		sequence = append(sequence, partMark)
	}
	tx.Put(bucketState, row, sequence)
	count(tx, key, !part)
}

func (s *Service) settle(tx *store.Tx, actor *plgv1.Actor, c *plgv1.Customer, key string, on bool) error {
	next := at(key)
	next.On, next.Since, next.Actor = on, timestamppb.New(s.Now()), actor
	return s.set(tx, c, next)
}

// Forget deletes all that is kept of a customer's id. Its events are the log's to forget.
func (s *Service) Forget(tx *store.Tx, customerID string) error {
	keys, err := s.lefts(tx, customerID)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if len(tx.Get(bucketState, stateKey(customerID, key))) == 8 {
			count(tx, key, false)
		}
	}
	for _, b := range []store.Bucket{bucketState, bucketHistory, bucketReason} {
		for key := range tx.Scan(b, prefixOf(customerID), nil) {
			tx.Delete(b, bytes.Clone(key))
		}
	}
	return nil
}
