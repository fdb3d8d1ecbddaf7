package message

import (
	"encoding/binary"
	"strings"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// The queue of what waits is one bucket in the order in which mails leave: class, time of the next attempt, id. A mail
// whose recipient's provider asks to go slower is moved to the side lane of that provider once, so that it is not looked
// at again and again while others pass.

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

// What is kept beside a key of the queue: a byte of flags, then the provider of the recipient.
const (
	// dueHeld is set on what has been looked at before and waits for another try; what was planned for later has it not.
	dueHeld byte = 1 << iota
)

func dueValue(m *mostradorv1.Message) []byte {
	var flags byte
	if m.Attempts > 0 || len(m.Checks) > 0 {
		flags |= dueHeld
	}
	return append([]byte{flags}, Provider(m.To)...)
}

// entry is a place in the queue.
type entry struct {
	id       string
	provider string
	class    byte
	key      []byte
}

// entryOf reads a place of the queue; one of an older version has no provider beside it.
func entryOf(tx *store.Tx, key, value []byte) (entry, error) {
	e := entry{id: idOfDue(key), class: key[0], key: append([]byte(nil), key...)}
	if len(value) > 0 {
		e.provider = string(value[1:])
		return e, nil
	}
	m, err := load(tx, e.id)
	if err != nil {
		return entry{}, err
	}
	e.provider = Provider(m.To)
	return e, nil
}

// laneKey is the place of a due key in a provider's lane: provider, 0, due key.
func laneKey(provider string, due []byte) []byte {
	key := append(make([]byte, 0, len(provider)+1+len(due)), provider...)
	return append(append(key, 0), due...)
}

func providerOfLane(key []byte) string {
	provider, _, _ := strings.Cut(string(key), "\x00")
	return provider
}

// unqueue takes a waiting message out of the queue, wherever it stands.
func unqueue(tx *store.Tx, m *mostradorv1.Message) {
	key := dueKey(m)
	if tx.Get(bucketDue, key) != nil {
		tx.Delete(bucketDue, key)
		return
	}
	tx.Delete(bucketLane, laneKey(Provider(m.To), key))
}

// enqueue puts a waiting message into the queue.
func enqueue(tx *store.Tx, m *mostradorv1.Message) { tx.Put(bucketDue, dueKey(m), dueValue(m)) }
