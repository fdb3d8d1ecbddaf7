package customer

import (
	"bytes"
	"slices"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// bucketIndex holds what belongs to one customer only, apart by the first byte of the key:
//
//	p PHONE, e EMAIL, c CARD, r IDEMPOTENCY KEY → number
//
// Names are not among it: they are found in memory (host/customer/finder).
const bucketIndex store.Bucket = "customer_index"

const (
	kindCard         = 'c'
	kindEmail        = 'e'
	kindPhone        = 'p'
	kindRegistration = 'r'
)

func phoneKey(e164 string) []byte  { return append([]byte{kindPhone}, e164...) }
func emailKey(email string) []byte { return append([]byte{kindEmail}, foldEmail(email)...) }
func cardKey(card string) []byte   { return append([]byte{kindCard}, card...) }
func registrationKey(idempotency string) []byte {
	return append([]byte{kindRegistration}, idempotency...)
}

// keys are the records of the index by which c is found and nobody else may be.
func keys(c *plgv1.Customer) [][]byte {
	list := make([][]byte, 0, 2+len(c.Cards))
	if c.Phone != "" {
		list = append(list, phoneKey(c.Phone))
	}
	if c.Email != "" {
		list = append(list, emailKey(c.Email))
	}
	for _, card := range c.Cards {
		list = append(list, cardKey(card))
	}
	return list
}

// index makes the index of a customer follow a change; was is nil for a new one, is for one who goes.
func index(tx *store.Tx, was, is *plgv1.Customer) {
	var old, now [][]byte
	if was != nil {
		old = keys(was)
	}
	if is != nil {
		now = keys(is)
	}
	has := func(list [][]byte, key []byte) bool {
		return slices.ContainsFunc(list, func(k []byte) bool { return bytes.Equal(k, key) })
	}
	for _, key := range old {
		if !has(now, key) {
			tx.Delete(bucketIndex, key)
		}
	}
	for _, key := range now {
		if !has(old, key) {
			tx.Put(bucketIndex, key, numberKey(uint32(is.Number)))
		}
	}
}
