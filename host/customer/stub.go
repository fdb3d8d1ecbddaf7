package customer

import (
	"context"
	"errors"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

var errStub = errors.New("customer: body follows")

// Register keeps a new customer and returns it as kept. The same idempotencyKey again (any string that the
// caller made up for this registration; may be empty) returns the customer of the first call.
func (s *Service) Register(ctx context.Context, actor *plgv1.Actor, c *plgv1.Customer, idempotencyKey string) (*plgv1.Customer, error) {
	return nil, errStub
}

// Check says what Register would refuse, or, when c has the id of an existing customer, what Update would;
// and returns the customer as it would be kept. The refusal may hold warnings only, and is never nil.
func (s *Service) Check(ctx context.Context, c *plgv1.Customer) (*plgv1.Customer, *mostradorv1.Refusal, error) {
	return nil, nil, errStub
}

// Find returns the customer that a key means: an id, an e-mail, a card number, or a phone in any spelling.
func (s *Service) Find(ctx context.Context, key string) (*plgv1.Customer, error) {
	return nil, errStub
}

// Update changes the fields of c that the mask names (see mostradorv1.UpdateRequest). A revision other than
// 0 must be the current one, else ErrConflict.
func (s *Service) Update(ctx context.Context, actor *plgv1.Actor, c *plgv1.Customer, mask []string) (*plgv1.Customer, error) {
	return nil, errStub
}

// Set sets one field from its text, for a plugin's effect SetField. What Update would refuse is a *Refused.
func (s *Service) Set(ctx context.Context, tx *store.Tx, actor *plgv1.Actor, id, field, value string) (*plgv1.Customer, error) {
	return nil, errStub
}

// UpdateTx lets the store itself change a customer within its transaction and returns the customer after
// it. The rules are applied to the outcome; without any difference nothing is written and no event told.
// Consent has events of its own and is not among the changes that customer.changed lists.
func (s *Service) UpdateTx(tx *store.Tx, actor *plgv1.Actor, id string, change func(*plgv1.Customer)) (*plgv1.Customer, error) {
	return nil, errStub
}

// Search returns up to limit customers whose name has words that begin with the words of the query, in any
// order, or whose phone (in any spelling), e-mail, card or id it begins; and the token of the next page,
// empty when there is none.
func (s *Service) Search(ctx context.Context, query string, limit int, page string) (found []*plgv1.Customer, next string, err error) {
	return nil, "", errStub
}
