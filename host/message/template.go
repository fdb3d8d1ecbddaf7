package message

import (
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// Check returns what a person should know about a template's text before it is put in force: errors, which
// forbid it, and warnings. links are the links that the mail is useless without ("activar"); a template
// without them gets a warning. Details name the line, path is empty.
func (s *Service) Check(text, lang string, links ...string) []*plgv1.Diagnostic { return nil }

// Preview renders a template with a sample customer, or returns what Check found wrong with it.
func (s *Service) Preview(text, lang string) (*mostradorv1.RenderedMail, []*plgv1.Diagnostic) {
	return nil, nil
}
