package sale

import (
	"context"
	"errors"

	"mostrador/sdk/plgv1"
)

var errStub = errors.New("sale: body follows")

// New returns the service of a store.
func New(c Config) *Service { return &Service{Config: c} }

// Amount reads what a person typed as an amount in the store's currency ("12,50", "1.234,50"), in its minor
// unit. What is refused is a *customer.Refused.
func (s *Service) Amount(ctx context.Context, text string) (int64, error) { return 0, errStub }

// Record keeps a sale of minor units of the store's currency, to a customer or, with an empty customerID, to
// nobody known. Repeated says that the sale was known already.
func (s *Service) Record(ctx context.Context, actor *plgv1.Actor, receipt, customerID string, minor int64) (kept *plgv1.Sale, repeated bool, err error) {
	return nil, false, errStub
}

// Refund gives back minor units of a sale, or, when minor is 0, all that is left of it. See
// mostradorv1.RefundSaleRequest for refundReceipt.
func (s *Service) Refund(ctx context.Context, actor *plgv1.Actor, receipt string, minor int64, refundReceipt string) (kept *plgv1.Sale, repeated bool, err error) {
	return nil, false, errStub
}

// Get returns the sale of a receipt, or ErrNotFound.
func (s *Service) Get(receipt string) (*plgv1.Sale, error) { return nil, errStub }

// List returns up to limit sales, newest first, of one customer or, with an empty customerID, of all.
func (s *Service) List(customerID string, limit int) ([]*plgv1.Sale, error) { return nil, errStub }

// Format writes an amount as the people of a language do ("12,50 €").
func Format(lang string, m *plgv1.Money) string { return "" }
