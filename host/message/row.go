package message

import (
	"iter"
	"strings"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

func customerKey(customerID, id string) []byte {
	return []byte(customerID + "\x00" + id)
}

// load returns the row of a message, or ErrNotFound.
func load(tx *store.Tx, id string) (*mostradorv1.Message, error) {
	m := &mostradorv1.Message{}
	found, err := store.GetProto(tx, bucketMessage, []byte(id), m)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, ErrNotFound
	}
	return m, nil
}

// idsNewestFirst walks message ids, of customers when they are named, that are older than before when it is set.
func idsNewestFirst(tx *store.Tx, customerIDs []string, before string) iter.Seq[string] {
	if len(customerIDs) == 1 && customerIDs[0] == "" {
		return idsOf(tx, bucketMessage, "", before)
	}
	sequences := make([]iter.Seq[string], len(customerIDs))
	for i, id := range customerIDs {
		sequences[i] = idsOf(tx, bucketCustomer, id+"\x00", before)
	}
	if len(sequences) == 1 {
		return sequences[0]
	}
	return newest(sequences)
}

// idsOf walks message ids that stand in a bucket behind a prefix, newest first.
func idsOf(tx *store.Tx, bucket store.Bucket, prefix, before string) iter.Seq[string] {
	return func(yield func(string) bool) {
		var end []byte
		if before != "" {
			end = []byte(prefix + before)
		}
		for key := range tx.ScanReverse(bucket, []byte(prefix), end) {
			if !yield(strings.TrimPrefix(string(key), prefix)) {
				return
			}
		}
	}
}
