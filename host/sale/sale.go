// Package sale records the sales and refunds that the till reports: the facts that plugins earn from.
//
// A sale is known by its receipt, which is unique in the store: the same receipt again, as tills do after a
// lost answer, returns the first sale and tells no second event, and the same receipt with another amount or
// customer is refused in words. A refund is known by its own receipt, or, when it gives back the whole of a
// sale and has none, by the sale's. No sale gives back more than it took.
package sale

import (
	"errors"
	"time"

	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
)

// ErrNotFound is returned when no sale has the receipt.
var ErrNotFound = errors.New("sale: not found")

// Config is what a Service works with.
type Config struct {
	Store     *store.Store
	Log       *event.Log
	Customers *customer.Service
	// Currency is the store's (ISO 4217).
	Currency func() string
	// Text holds the sentences.
	Text *locale.Catalog
	// Now may be nil: then it is the clock.
	Now func() time.Time
}

// Service keeps sales. It is safe for concurrent use.
type Service struct {
	Config
}
