package customer

import (
	"bytes"
	"slices"
	"strings"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// bucketIndex holds all look-ups, apart by the first byte of the key:
//
//	p PHONE, e EMAIL, c CARD      → id
//	n WORD OTHER WORDS 0 id       → nothing
//	r IDEMPOTENCY KEY             → id
//
// The key of a name carries the whole name, turned so that each of its words comes first once: a search for
// several words reads keys only, whatever their order.
const bucketIndex store.Bucket = "customer_index"

const (
	kindCard         = 'c'
	kindEmail        = 'e'
	kindName         = 'n'
	kindPhone        = 'p'
	kindRegistration = 'r'
)

// maxWords is how many words of a name it can be found by.
const maxWords = 8

func phoneKey(e164 string) []byte  { return append([]byte{kindPhone}, e164...) }
func emailKey(email string) []byte { return append([]byte{kindEmail}, foldEmail(email)...) }
func cardKey(card string) []byte   { return append([]byte{kindCard}, card...) }
func registrationKey(idempotency string) []byte {
	return append([]byte{kindRegistration}, idempotency...)
}

// entry is one record of the index.
type entry struct{ key, value []byte }

// entries are the records by which c is found.
func entries(c *plgv1.Customer) []entry {
	id := []byte(c.Id)
	list := make([]entry, 0, 8)
	if c.Phone != "" {
		list = append(list, entry{phoneKey(c.Phone), id})
	}
	if c.Email != "" {
		list = append(list, entry{emailKey(c.Email), id})
	}
	for _, card := range c.Cards {
		list = append(list, entry{cardKey(card), id})
	}
	parts := words(c.Name)
	parts = parts[:min(len(parts), maxWords)]
	for i := range parts {
		turned := slices.Concat(parts[i:i+1], parts[:i], parts[i+1:])
		key := append([]byte{kindName}, strings.Join(turned, " ")...)
		list = append(list, entry{append(append(key, 0), id...), nil})
	}
	return list
}

// index makes the index of a customer follow a change; was is nil for a new one.
func index(tx *store.Tx, was, is *plgv1.Customer) {
	var old []entry
	if was != nil {
		if was.Name == is.Name && was.Phone == is.Phone && was.Email == is.Email && slices.Equal(was.Cards, is.Cards) {
			return
		}
		old = entries(was)
	}
	now := entries(is)
	has := func(list []entry, e entry) bool {
		return slices.ContainsFunc(list, func(o entry) bool { return bytes.Equal(o.key, e.key) })
	}
	for _, e := range old {
		if !has(now, e) {
			tx.Delete(bucketIndex, e.key)
		}
	}
	for _, e := range now {
		if !has(old, e) {
			tx.Put(bucketIndex, e.key, e.value)
		}
	}
}

// idOf is the customer's id that a record of the index holds.
func idOf(e entry) string {
	if e.key[0] == kindName {
		return string(e.key[bytes.IndexByte(e.key, 0)+1:])
	}
	return string(e.value)
}
