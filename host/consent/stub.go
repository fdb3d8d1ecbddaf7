package consent

import (
	"context"
	"errors"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

var errStub = errors.New("consent: body follows")

// New returns the service of a store.
func New(c Config) *Service { return &Service{Config: c} }

// Invite asks a customer: it opens an activation with its short code, or, while one is open and not locked,
// extends it; notes ASKED in the ledger; and returns the token of the link. It never fails for want of codes.
func (s *Service) Invite(tx *store.Tx, actor *plgv1.Actor, customerID string) (*mostradorv1.Activation, string, error) {
	return nil, "", errStub
}

// OptOutToken returns a token with which a customer can leave promotions, at any time and repeatedly.
func (s *Service) OptOutToken(tx *store.Tx, customerID string) (string, error) { return "", errStub }

// ActivateByCode records the acceptance of a customer who read his short code to the actor. What is refused
// is a *customer.Refused with a diagnostic at the field "codigo", and is durably noted as a try.
func (s *Service) ActivateByCode(ctx context.Context, actor *plgv1.Actor, customerID, code string) (*plgv1.Customer, error) {
	return nil, errStub
}

// ActivateByCodeTx is ActivateByCode within a transaction of the caller's, who must commit it also when there
// is a diagnostic: that is where the try is noted.
func (s *Service) ActivateByCodeTx(ctx context.Context, tx *store.Tx, actor *plgv1.Actor, customerID, code string) (*plgv1.Customer, *plgv1.Diagnostic, error) {
	return nil, nil, errStub
}

// Record takes over what a customer did on the web pages. Acts come in the order of their feed; the one
// taken over last is kept in the same transaction (Cursor), and what comes again is passed over.
func (s *Service) Record(ctx context.Context, act *mostradorv1.WebAct) error { return errStub }

// Cursor returns the feed sequence of the web act that was recorded last.
func (s *Service) Cursor(tx *store.Tx) uint64 { return 0 }

// Withdraw records that a customer, in person, asked the actor to leave promotions.
func (s *Service) Withdraw(ctx context.Context, actor *plgv1.Actor, customerID string) (*plgv1.Customer, error) {
	return nil, errStub
}

// Show returns a customer's entries, oldest first, and the open activation.
func (s *Service) Show(tx *store.Tx, customerID string) (*mostradorv1.ShowConsentResponse, error) {
	return nil, errStub
}

// Words says how a customer's consent stands, one sentence per purpose.
func (s *Service) Words(tx *store.Tx, customerID, lang string) ([]string, error) { return nil, errStub }

// Verify walks the whole chain.
func (s *Service) Verify(ctx context.Context) (*mostradorv1.VerifyConsentResponse, error) {
	return nil, errStub
}

// InForce returns the wording in force, numbering it when it is new.
func (s *Service) InForce(tx *store.Tx) (*Wording, error) { return nil, errStub }

// Wordings returns every wording that ever was in force, oldest first, for the web pages to show.
func (s *Service) Wordings(tx *store.Tx) ([]*Wording, error) { return nil, errStub }
