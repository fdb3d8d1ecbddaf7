package message

import (
	"context"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

type cache struct{}

func newCache() *cache { return &cache{} }

type sender struct{}

func newSender(*Service) *sender                                                { return &sender{} }
func (*sender) poke()                                                           {}
func (*sender) resume()                                                         {}
func (*sender) idle(context.Context) error                                      { return nil }
func (*sender) run(ctx context.Context) error                                   { <-ctx.Done(); return nil }
func (s *Service) transport(Settings) Transport                                 { return s.smtp }
func (s *Service) wordsIn(string, error) string                                 { return "" }
func (s *Service) words(error) string                                           { return "" }
func (s *Service) testPage(Settings, string) (string, error)                    { return "", nil }
func (s *Service) compose(context.Context, *mostradorv1.Message) (*Mail, error) { return &Mail{}, nil }
func write(*mostradorv1.Message, *plgv1.Customer, Settings, string, string) (*Mail, error) {
	return &Mail{}, nil
}
func unpack([]byte) ([]byte, error)                  { return nil, nil }
func Read([]byte) (*mostradorv1.RenderedMail, error) { return nil, nil }
func Backoff(id string, attempts int) time.Duration  { return time.Minute }
func senderDomain(Settings) string                   { return "localhost" }
func safeDomain(string) bool                         { return false }
