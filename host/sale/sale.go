// Package sale records the sales and refunds that the till reports: the facts that plugins earn from.
//
// A sale is known by its receipt, which is unique in the store: the same receipt again, as tills do after a
// lost answer, returns the first sale and tells no second event, and the same receipt with another amount or
// customer is refused in words. A refund is known by its own receipt, or, when it gives back the whole of a
// sale and has none, by the sale's. No sale gives back more than it took.
package sale

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// ErrNotFound is returned when no sale has the receipt.
var ErrNotFound = errors.New("sale: not found")

const (
	// bucketSale holds sales: receipt → plgv1.Sale.
	bucketSale store.Bucket = "sale"
	// bucketIndex lists sales by the sequence of their event, which grows with time: "a" sequence → receipt
	// for all, "c" customer id 0 sequence → receipt for a customer's.
	bucketIndex store.Bucket = "sale_index"
	// bucketRefund holds refunds by their identity: refund → amount (big endian) || receipt of the sale.
	bucketRefund store.Bucket = "sale_refund"
)

// maxReceipt is the longest receipt number, in bytes.
const maxReceipt = 64

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

// New returns the service of a store.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Text == nil {
		c.Text = locale.New()
	}
	return &Service{Config: c}
}

// Record keeps a sale of minor units of the store's currency, to a customer or, with an empty customerID, to
// nobody known. Lines are what was sold, as far as the till tells. Repeated says that the sale was known already.
func (s *Service) Record(ctx context.Context, actor *plgv1.Actor, receipt, customerID string, minor int64, lines ...*plgv1.SaleLine) (kept *plgv1.Sale, repeated bool, err error) {
	receipt, ok := plainReceipt(receipt)
	if lines, err = s.plainLines(ctx, lines); err != nil {
		return nil, false, err
	}
	switch {
	case receipt == "":
		return nil, false, s.refuse(ctx, "receipt", "receipt_empty")
	case !ok:
		return nil, false, s.refuse(ctx, "receipt", "receipt_invalid", "n", maxReceipt)
	case minor <= 0:
		return nil, false, s.refuse(ctx, "amount", "amount_zero")
	case minor > maxMinor:
		return nil, false, s.refuse(ctx, "amount", "amount_large")
	}
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		first, err := s.get(tx, receipt)
		if err == nil {
			kept, repeated = first, true
			return s.same(ctx, tx, first, customerID, minor)
		}
		if !errors.Is(err, ErrNotFound) {
			return err
		}
		var c *plgv1.Customer
		if customerID != "" {
			if c, err = s.Customers.Get(tx, customerID); err != nil {
				return err
			}
			customerID = c.Id // who became part of somebody buys as that one
		}
		kept = &plgv1.Sale{
			Receipt:    receipt,
			CustomerId: customerID,
			Total:      &plgv1.Money{Minor: minor, Currency: s.currency()},
			Time:       timestamppb.New(s.Now()),
			Actor:      actor,
			Lines:      lines,
		}
		if c != nil {
			if err := s.count(tx, c, actor, minor); err != nil {
				return err
			}
		}
		e := &plgv1.Event{
			Type: "sale.completed", Time: kept.Time, Actor: actor, Customer: c,
			Detail: &plgv1.Event_SaleCompleted{SaleCompleted: &plgv1.SaleCompleted{Sale: kept}},
		}
		if err := s.Log.Append(tx, e); err != nil {
			return err
		}
		tx.Put(bucketIndex, append(listPrefix(""), sequenceKey(e.Sequence)...), []byte(receipt))
		if customerID != "" {
			tx.Put(bucketIndex, append(listPrefix(customerID), sequenceKey(e.Sequence)...), []byte(receipt))
		}
		return store.PutProto(tx, bucketSale, []byte(receipt), kept)
	})
	if err != nil {
		return nil, false, err
	}
	return kept, repeated, nil
}

// same refuses a receipt that stands for another sale.
func (s *Service) same(ctx context.Context, tx *store.Tx, first *plgv1.Sale, customerID string, minor int64) error {
	if first.Total.GetMinor() == minor && (first.CustomerId == customerID || s.one(tx, first.CustomerId, customerID)) {
		return nil
	}
	lang := locale.FromContext(ctx)
	name := s.Text.Text(lang, "sale.nobody")
	if first.CustomerId != "" {
		c, err := s.Customers.Get(tx, first.CustomerId)
		if err != nil {
			return err
		}
		name = c.Name
	}
	return s.refuse(ctx, "receipt", "receipt_taken",
		"receipt", first.Receipt, "amount", s.Format(lang, first.Total), "name", name)
}

// Refund gives back minor units of a sale, or, when minor is 0, all that is left of it. See
// mostradorv1.RefundSaleRequest for refundReceipt.
func (s *Service) Refund(ctx context.Context, actor *plgv1.Actor, receipt string, minor int64, refundReceipt string) (kept *plgv1.Sale, repeated bool, err error) {
	receipt, _ = plainReceipt(receipt)
	refund, ok := plainReceipt(refundReceipt)
	switch {
	case !ok:
		return nil, false, s.refuse(ctx, "refund_receipt", "receipt_invalid", "n", maxReceipt)
	case minor < 0:
		return nil, false, s.refuse(ctx, "amount", "amount_zero")
	}
	if refund == "" {
		refund = receipt
	}
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		if kept, err = s.get(tx, receipt); err != nil {
			return err
		}
		repeated = false
		lang := locale.FromContext(ctx)
		if known := tx.Get(bucketRefund, []byte(refund)); len(known) > 8 {
			amount, of := int64(binary.BigEndian.Uint64(known)), string(known[8:])
			if of == receipt && (minor == 0 || minor == amount) {
				repeated = true
				return nil
			}
			return s.refuse(ctx, "refund_receipt", "refund_taken", "receipt", refund, "sale", of,
				"amount", s.Format(lang, &plgv1.Money{Minor: amount, Currency: kept.Total.GetCurrency()}))
		}
		left := kept.Total.GetMinor() - kept.Refunded.GetMinor()
		if minor == 0 {
			minor = left
		}
		switch {
		case left == 0:
			return s.refuse(ctx, "receipt", "refund_done", "receipt", receipt)
		case minor > left:
			return s.refuse(ctx, "amount", "refund_over",
				"left", s.Format(lang, &plgv1.Money{Minor: left, Currency: kept.Total.GetCurrency()}))
		case refund == receipt && minor != left:
			return s.refuse(ctx, "refund_receipt", "refund_receipt_empty")
		}
		return s.giveBack(tx, actor, kept, minor, refund)
	})
	if err != nil {
		return nil, false, err
	}
	return kept, repeated, nil
}

// giveBack writes a refund that was judged, and tells it.
func (s *Service) giveBack(tx *store.Tx, actor *plgv1.Actor, kept *plgv1.Sale, minor int64, refund string) error {
	kept.Refunded = &plgv1.Money{Minor: kept.Refunded.GetMinor() + minor, Currency: kept.Total.GetCurrency()}
	if err := store.PutProto(tx, bucketSale, []byte(kept.Receipt), kept); err != nil {
		return err
	}
	tx.Put(bucketRefund, []byte(refund), append(sequenceKey(uint64(minor)), kept.Receipt...))
	e := &plgv1.Event{
		Type: "sale.refunded", Time: timestamppb.New(s.Now()), Actor: actor,
		Detail: &plgv1.Event_SaleRefunded{SaleRefunded: &plgv1.SaleRefunded{
			Sale: kept, Amount: &plgv1.Money{Minor: minor, Currency: kept.Total.GetCurrency()}, Refund: refund,
		}},
	}
	if kept.CustomerId != "" {
		c, err := s.Customers.Get(tx, kept.CustomerId)
		if err != nil {
			return err
		}
		e.Customer = c
		if err := s.Customers.Note(tx, uint32(c.Number), actor, func(f *customer.Facts) {
			f.Spent -= minor
			f.LastActivity = s.Now().Unix()
		}); err != nil {
			return err
		}
	}
	return s.Log.Append(tx, e)
}

// count adds a sale to what the store counts of its customer.
func (s *Service) count(tx *store.Tx, c *plgv1.Customer, actor *plgv1.Actor, minor int64) error {
	return s.Customers.Note(tx, uint32(c.Number), actor, func(f *customer.Facts) {
		now := s.Now().Unix()
		f.Purchases++
		f.Spent += minor
		if f.FirstPurchase == 0 {
			f.FirstPurchase = now
		}
		f.LastPurchase, f.LastActivity = now, now
	})
}

// Get returns the sale of a receipt, or ErrNotFound.
func (s *Service) Get(receipt string) (*plgv1.Sale, error) {
	receipt, _ = plainReceipt(receipt)
	var found *plgv1.Sale
	err := s.Store.View(func(tx *store.Tx) (err error) {
		found, err = s.get(tx, receipt)
		return err
	})
	return found, err
}

func (s *Service) get(tx *store.Tx, receipt string) (*plgv1.Sale, error) {
	if receipt == "" {
		return nil, ErrNotFound
	}
	kept := new(plgv1.Sale)
	found, err := store.GetProto(tx, bucketSale, []byte(receipt), kept)
	if err != nil {
		return nil, fmt.Errorf("sale %s: %w", receipt, err)
	}
	if !found {
		return nil, ErrNotFound
	}
	return kept, nil
}

// List returns up to limit sales (0 or less: 100), newest first, of one customer or, with an empty
// customerID, of all.
func (s *Service) List(customerID string, limit int) ([]*plgv1.Sale, error) {
	if limit <= 0 {
		limit = 100
	}
	var sales []*plgv1.Sale
	err := s.Store.View(func(tx *store.Tx) (err error) {
		if customerID != "" {
			sales, err = s.Of(tx, customerID, limit)
			return err
		}
		for _, receipt := range tx.ScanReverse(bucketIndex, listPrefix(customerID), nil) {
			if len(sales) == limit {
				return nil
			}
			one, err := s.get(tx, string(bytes.Clone(receipt)))
			if err != nil {
				return err
			}
			sales = append(sales, one)
		}
		return nil
	})
	return sales, err
}

func (s *Service) refuse(ctx context.Context, path, code string, args ...any) error {
	return customer.Refuse(path, code, s.Text.Text(locale.FromContext(ctx), "sale."+code, args...))
}

func listPrefix(customerID string) []byte {
	if customerID == "" {
		return []byte{'a'}
	}
	return append(append([]byte{'c'}, customerID...), 0)
}

func sequenceKey(sequence uint64) []byte { return binary.BigEndian.AppendUint64(nil, sequence) }

// plainReceipt is a receipt number without space around it; ok is false for one that cannot be read out.
func plainReceipt(typed string) (receipt string, ok bool) {
	receipt = strings.TrimSpace(norm.NFC.String(typed))
	if len(receipt) > maxReceipt || !utf8.ValidString(receipt) {
		return receipt[:min(len(receipt), maxReceipt)], false
	}
	for _, r := range receipt {
		if !unicode.IsPrint(r) {
			return receipt, false
		}
	}
	return receipt, true
}
