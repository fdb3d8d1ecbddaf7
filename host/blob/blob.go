// Package blob keeps files in the store's file by the hash of their content: what mails bring along, and what other
// systems send with their events. A file is there once however many hold it, and for as long as anybody does.
package blob

import (
	"crypto/sha256"
	"encoding/binary"

	"mostrador/host/store"
)

const (
	// bucketContent holds the files: SHA-256 → content.
	bucketContent store.Bucket = "blob"
	// bucketHolders counts who holds a file: SHA-256 → number (big endian).
	bucketHolders store.Bucket = "blob_holders"
)

// Put keeps content for one more holder and returns its name, which is its SHA-256.
func Put(tx *store.Tx, content []byte) [sha256.Size]byte {
	sum := sha256.Sum256(content)
	n := holders(tx, sum[:])
	if n == 0 {
		tx.Put(bucketContent, sum[:], content)
	}
	hold(tx, sum[:], n+1)
	return sum
}

// Hold has one more hold a file; it reports false when there is none of that name.
func Hold(tx *store.Tx, sha []byte) bool {
	n := holders(tx, sha)
	if n == 0 {
		return false
	}
	hold(tx, sha, n+1)
	return true
}

// Get returns the content of a file, nil when there is none of that name. It is valid within the transaction.
func Get(tx *store.Tx, sha []byte) []byte {
	return tx.Get(bucketContent, sha)
}

// Drop lets one holder go; with the last of them the file is deleted.
func Drop(tx *store.Tx, sha []byte) {
	switch n := holders(tx, sha); n {
	case 0:
	case 1:
		tx.Delete(bucketContent, sha)
		tx.Delete(bucketHolders, sha)
	default:
		hold(tx, sha, n-1)
	}
}

func holders(tx *store.Tx, sha []byte) uint64 {
	if data := tx.Get(bucketHolders, sha); len(data) == 8 {
		return binary.BigEndian.Uint64(data)
	}
	return 0
}

func hold(tx *store.Tx, sha []byte, n uint64) {
	tx.Put(bucketHolders, sha, binary.BigEndian.AppendUint64(nil, n))
}
