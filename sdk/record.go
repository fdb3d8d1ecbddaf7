package sdk

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"mostrador/sdk/plgv1"
)

var (
	errNobody = errors.New("sdk: this concerns no customer")
	errNoKey  = errors.New("sdk: an empty key")
)

// State is this plugin's record of the customer of the event or press, as the last handler saved it; the zero
// T when there is none. It travels with the event, so it costs nothing.
//
// A record is kept as JSON, unless T is a proto.Message or brings its own form (encoding.BinaryMarshaler and
// BinaryUnmarshaler). A record that does not decode is an error: give old records a T that reads them.
func State[T any](tx *Tx) (T, error) {
	v, err := Decode[T](tx.state)
	if err != nil {
		return v, fmt.Errorf("sdk: record of the customer: %w", err)
	}
	return v, nil
}

// OtherState is this plugin's record of Gone, in a handler of CustomerMerged or CustomerUnmerged; the zero T when
// there is none. The store keeps it as it was at the merge and gives it back to Gone when the merge is taken back, so
// nothing has to be done for that: what a handler saves is the record of the customer who stays.
func OtherState[T any](tx *Tx) (T, error) {
	if !tx.merge {
		var none T
		return none, errors.New("sdk: only a merge has another customer")
	}
	v, err := Decode[T](tx.other)
	if err != nil {
		return v, fmt.Errorf("sdk: record of the other customer: %w", err)
	}
	return v, nil
}

// Save replaces this plugin's record of the customer of the event or press.
func (tx *Tx) Save(record any) error {
	if tx.customer == "" {
		return errNobody
	}
	data, err := Encode(record)
	if err != nil {
		return fmt.Errorf("sdk: record of the customer: %w", err)
	}
	tx.state = data
	if tx.saved != nil { // saved before: only the last one counts
		tx.saved.State = data
		return nil
	}
	tx.saved = &plgv1.SaveState{State: data}
	return tx.add(&plgv1.Effect{Effect: &plgv1.Effect_SaveState{SaveState: tx.saved}})
}

// Get reads a record of the plugin's own keyspace, with what this and earlier handlers put there. It asks the
// host, which takes some hundred microseconds: what every event needs belongs into State.
func Get[T any](tx *Tx, key string) (record T, found bool, err error) {
	data, found, err := tx.work.get(key)
	if err != nil || !found {
		return record, false, err
	}
	if record, err = Decode[T](data); err != nil {
		return record, true, fmt.Errorf("sdk: record %q: %w", key, err)
	}
	return record, true, nil
}

// Record is one record of the plugin's own keyspace.
type Record[T any] struct {
	Key   string
	Value T
}

// Scan reads the records whose keys begin with prefix, in the order of their keys, with what this and earlier
// handlers put there. It asks the host once per scanPage records. After an error it ends.
func Scan[T any](tx *Tx, prefix string) iter.Seq2[Record[T], error] {
	return func(yield func(Record[T], error) bool) {
		records(tx.work.scan(keyspace, prefix), yield)
	}
}

// records yields what a scan finds, decoded.
func records[T any](found iter.Seq2[*plgv1.KeyValue, error], yield func(Record[T], error) bool) {
	for kv, err := range found {
		r := Record[T]{Key: kv.GetKey()}
		if err == nil {
			if r.Value, err = Decode[T](kv.GetValue()); err != nil {
				err = fmt.Errorf("sdk: record %q: %w", r.Key, err)
			}
		}
		if !yield(r, err) || err != nil {
			return
		}
	}
}

// Put writes a record of the plugin's own keyspace.
func (tx *Tx) Put(key string, record any) error {
	if key == "" {
		return errNoKey
	}
	data, err := Encode(record)
	if err != nil {
		return fmt.Errorf("sdk: record %q: %w", key, err)
	}
	if err := tx.add(&plgv1.Effect{Effect: &plgv1.Effect_Put{Put: &plgv1.KeyValue{Key: key, Value: data}}}); err != nil {
		return err
	}
	tx.work.written[keyspace][key] = written{value: data}
	return nil
}

// Delete deletes a record of the plugin's own keyspace; that there is none is no error.
func (tx *Tx) Delete(key string) {
	if key == "" {
		tx.fail(errNoKey)
		return
	}
	if tx.add(&plgv1.Effect{Effect: &plgv1.Effect_Delete{Delete: key}}) == nil {
		tx.work.written[keyspace][key] = written{deleted: true}
	}
}

// space is a set of the plugin's records with keys of their own.
type space int

const (
	keyspace space = iota // what Put writes
	states                // records of customers, by the customer's id
)

// written is what a handler of this piece of work did to a key and the host has not committed yet.
type written struct {
	value   []byte
	deleted bool
}

// get reads a key: what was written by this piece of work hides what the host has.
func (w *work) get(key string) ([]byte, bool, error) {
	if key == "" {
		return nil, false, errNoKey
	}
	if own, ok := w.written[keyspace][key]; ok {
		return own.value, !own.deleted, nil
	}
	records, err := w.ask(&plgv1.Read{Read: &plgv1.Read_Get{Get: key}})
	if err != nil || len(records) == 0 {
		return nil, false, err
	}
	return records[0].GetValue(), true, nil
}

// scanPage is how many records are asked for at once.
const scanPage = 256

// scan merges the host's records with those that this piece of work wrote before the scan began.
func (w *work) scan(of space, prefix string) iter.Seq2[*plgv1.KeyValue, error] {
	return func(yield func(*plgv1.KeyValue, error) bool) {
		var keys []string
		for key := range w.written[of] {
			if strings.HasPrefix(key, prefix) {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		own := make([]written, len(keys)) // a handler may write while it scans
		for i, key := range keys {
			own[i] = w.written[of][key]
		}
		// emit yields what this piece of work wrote up to key, or all of it.
		emit := func(key string, all bool) bool {
			for len(keys) > 0 && (all || keys[0] <= key) {
				k, o := keys[0], own[0]
				keys, own = keys[1:], own[1:]
				if !o.deleted && !yield(&plgv1.KeyValue{Key: k, Value: o.value}, nil) {
					return false
				}
			}
			return true
		}
		after := ""
		for {
			question := &plgv1.Scan{Prefix: prefix, After: after, Limit: scanPage}
			read := &plgv1.Read{Read: &plgv1.Read_Scan{Scan: question}}
			if of == states {
				read.Read = &plgv1.Read_States{States: question}
			}
			page, err := w.ask(read)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, kv := range page {
				_, hidden := slices.BinarySearch(keys, kv.GetKey())
				if !emit(kv.GetKey(), false) || !hidden && !yield(kv, nil) {
					return
				}
				after = kv.GetKey()
			}
			if len(page) < scanPage {
				emit("", true)
				return
			}
		}
	}
}

// Encode is the form in which a record is kept (see State). A handler needs neither it nor Decode.
func Encode(v any) ([]byte, error) {
	switch v := v.(type) {
	case proto.Message:
		return proto.MarshalOptions{Deterministic: true}.Marshal(v)
	case encoding.BinaryMarshaler:
		return v.MarshalBinary()
	}
	return json.Marshal(v)
}

// Decode reads what Encode wrote; nothing at all gives the zero T (an empty message when T is one).
func Decode[T any](data []byte) (T, error) {
	var v T
	if m, ok := any(v).(proto.Message); ok { // T is a pointer to a generated type, and v a nil one
		made := m.ProtoReflect().New().Interface()
		err := proto.Unmarshal(data, made)
		return made.(T), err
	}
	if data == nil {
		return v, nil
	}
	if u, ok := any(&v).(encoding.BinaryUnmarshaler); ok {
		return v, u.UnmarshalBinary(data)
	}
	return v, json.Unmarshal(data, &v)
}
