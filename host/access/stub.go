package access

import (
	"context"
	"errors"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

var errStub = errors.New("access: body follows")

// New returns the service of a store.
func New(c Config) *Service { return &Service{Config: c} }

// NeedsSetup reports whether there is no operator yet.
func (s *Service) NeedsSetup() (bool, error) { return false, errStub }

// Setup makes the first operator, a technician, and signs him in.
func (s *Service) Setup(ctx context.Context, actor *plgv1.Actor, name, pin string) (token string, op *mostradorv1.Operator, err error) {
	return "", nil, errStub
}

// SignIn opens a session by name and PIN. The actor says at which till.
func (s *Service) SignIn(ctx context.Context, actor *plgv1.Actor, name, pin string) (token string, op *mostradorv1.Operator, err error) {
	return "", nil, errStub
}

// SignInBadge opens a session by what the badge scanner typed.
func (s *Service) SignInBadge(ctx context.Context, actor *plgv1.Actor, badge string) (token string, op *mostradorv1.Operator, err error) {
	return "", nil, errStub
}

// SignOut ends a session; one that has ended already is no error.
func (s *Service) SignOut(ctx context.Context, actor *plgv1.Actor, token string) error {
	return errStub
}

// Session returns who holds a session, and counts as using it; or ErrNoSession.
func (s *Service) Session(ctx context.Context, token string) (*mostradorv1.Operator, error) {
	return nil, errStub
}

// Allow returns a *Denied unless role includes the rights of least.
func (s *Service) Allow(ctx context.Context, role, least mostradorv1.Role) error { return errStub }

// Operators lists all operators by name.
func (s *Service) Operators() ([]*mostradorv1.Operator, error) { return nil, errStub }

// Put creates an operator or changes the one of that name, whose sessions end then. It is for administrators,
// and for technicians while there is no administrator; by is the role of whoever asks. An empty pin or badge
// keeps the one that there is; a new operator needs one of them.
func (s *Service) Put(ctx context.Context, actor *plgv1.Actor, by mostradorv1.Role, op *mostradorv1.Operator, pin, badge string) (*mostradorv1.Operator, error) {
	return nil, errStub
}
