package event

import (
	"bytes"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	// bucketState holds each plugin's record per customer: plugin, "/", customer id.
	bucketState store.Bucket = "plugin_state"
	// bucketKV holds each plugin's own records: plugin, "/", key.
	bucketKV store.Bucket = "plugin_kv"
)

// GetState returns a plugin's record of a customer, valid until tx ends.
func GetState(tx *store.Tx, plugin, customerID string) (state []byte, found bool) {
	state = tx.Get(bucketState, pluginKey(plugin, customerID))
	return state, state != nil
}

// PutState replaces a plugin's record of a customer, unless he was erased.
func PutState(tx *store.Tx, plugin, customerID string, state []byte) {
	if forgotten(tx, customerID) {
		return
	}
	tx.Put(bucketState, pluginKey(plugin, customerID), state)
}

// DeleteState removes a plugin's record of a customer.
func DeleteState(tx *store.Tx, plugin, customerID string) {
	tx.Delete(bucketState, pluginKey(plugin, customerID))
}

// GetKV returns a record of a plugin's own keyspace, valid until tx ends.
func GetKV(tx *store.Tx, plugin, key string) (value []byte, found bool) {
	value = tx.Get(bucketKV, pluginKey(plugin, key))
	return value, value != nil
}

// PutKV writes a record of a plugin's own keyspace.
func PutKV(tx *store.Tx, plugin, key string, value []byte) {
	tx.Put(bucketKV, pluginKey(plugin, key), value)
}

// DeleteKV removes a record of a plugin's own keyspace.
func DeleteKV(tx *store.Tx, plugin, key string) { tx.Delete(bucketKV, pluginKey(plugin, key)) }

// ScanKV returns up to limit (0: all) records of a plugin's own keyspace in the order of their keys: those
// that begin with prefix and, unless `after` is empty, come strictly after it. They may be kept.
func ScanKV(tx *store.Tx, plugin, prefix, after string, limit int) []*plgv1.KeyValue {
	return scan(tx, bucketKV, plugin, prefix, after, limit)
}

func scan(tx *store.Tx, bucket store.Bucket, plugin, prefix, after string, limit int) []*plgv1.KeyValue {
	var from []byte
	if after != "" {
		from = pluginKey(plugin, after)
	}
	var records []*plgv1.KeyValue
	for k, v := range tx.Scan(bucket, pluginKey(plugin, prefix), from) {
		key := string(k[len(plugin)+1:])
		if records = append(records, &plgv1.KeyValue{Key: key, Value: bytes.Clone(v)}); len(records) == limit {
			break
		}
	}
	return records
}

func pluginKey(plugin, key string) []byte {
	k := make([]byte, 0, len(plugin)+1+len(key))
	return append(append(append(k, plugin...), '/'), key...)
}

// ScanState returns up to limit (0: all) of a plugin's records of customers in the order of the customers' ids, as
// ScanKV does.
func ScanState(tx *store.Tx, plugin, prefix, after string, limit int) []*plgv1.KeyValue {
	return scan(tx, bucketState, plugin, prefix, after, limit)
}
