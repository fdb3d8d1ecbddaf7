package message

import (
	"encoding/binary"
	"iter"
	"strings"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// waits reports whether a message is still to leave.
func waits(m *mostradorv1.Message) bool {
	return m != nil && m.State == mostradorv1.MessageState_MESSAGE_STATE_QUEUED
}

// The classes of due messages: answers to customers go before advertising, however much of that waits.
const (
	classFirst byte = iota
	classLater
	classes
)

func classOf(m *mostradorv1.Message) byte {
	if m.Kind == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL {
		return classLater
	}
	return classFirst
}

// dueKey orders waiting messages by class, then by time: class, nanoseconds (8 bytes, big endian), id.
func dueKey(m *mostradorv1.Message) []byte {
	key := make([]byte, 9, 9+len(m.Id))
	key[0] = classOf(m)
	binary.BigEndian.PutUint64(key[1:], uint64(m.NextAttempt.AsTime().UnixNano()))
	return append(key, m.Id...)
}

// idOfDue returns the message id of a key made by dueKey.
func idOfDue(key []byte) string { return string(key[9:]) }

// timeOfDue returns the time of a key made by dueKey, in nanoseconds since 1970.
func timeOfDue(key []byte) int64 { return int64(binary.BigEndian.Uint64(key[1:9])) }

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
	if len(customerIDs) == 1 {
		return idsOf(tx, customerIDs[0], before)
	}
	sequences := make([]iter.Seq[string], len(customerIDs))
	for i, id := range customerIDs {
		sequences[i] = idsOf(tx, id, before)
	}
	return newest(sequences)
}

// idsOf is idsNewestFirst for one customer, or for everybody when it is empty.
func idsOf(tx *store.Tx, customerID, before string) iter.Seq[string] {
	return func(yield func(string) bool) {
		bucket, prefix := bucketMessage, ""
		if customerID != "" {
			bucket, prefix = bucketCustomer, customerID+"\x00"
		}
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

// withoutSecrets returns the row as staff may see it. Whoever holds a token can act for the customer.
func withoutSecrets(m *mostradorv1.Message) *mostradorv1.Message {
	public := proto.CloneOf(m)
	public.Tokens = nil
	return public
}
