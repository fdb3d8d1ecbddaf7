package message

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
)

// words is an error as staff read it, in the store's language.
func (s *Service) words(err error) string { return s.wordsIn(s.cfg.Settings().Language, err) }

// wordsIn is an error as staff read it. A server's own words stay as they are.
func (s *Service) wordsIn(lang string, err error) string {
	var refusal *Refusal
	var unreachable *Unreachable
	var fault *composeError
	switch {
	case errors.As(err, &refusal):
		return refusal.Error()
	case errors.As(err, &fault):
		detail := ""
		var faults Faults
		switch {
		case errors.As(fault.err, &faults) && len(faults) > 0:
			detail = s.diagnostics(faults, lang)[0].Summary
		case fault.err != nil:
			detail = fault.err.Error()
		}
		return s.cfg.Text(lang, "message."+fault.key, "what", fault.what, "detail", detail)
	case errors.As(err, &unreachable):
		return s.cfg.Text(lang, "message.unreachable", "server", unreachable.Server, "reason", s.reason(lang, unreachable.Err))
	}
	return s.cfg.Text(lang, "message.interrupted", "reason", s.reason(lang, err))
}

// reason is why a connection failed. What has no sentence of its own is said in the system's words.
func (s *Service) reason(lang string, err error) string {
	var dns *net.DNSError
	var reply *textproto.Error
	var timeout net.Error
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &reply):
		return fmt.Sprintf("%d %s", reply.Code, reply.Msg)
	case errors.Is(err, errNoSTARTTLS):
		return s.cfg.Text(lang, "message.no_starttls")
	case errors.Is(err, errOpenPassword):
		return s.cfg.Text(lang, "message.open_password")
	case errors.As(err, &dns):
		return s.cfg.Text(lang, "message.unknown_server")
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return s.cfg.Text(lang, "message.no_answer")
	case errors.As(err, new(x509.UnknownAuthorityError)), errors.As(err, new(x509.HostnameError)),
		errors.As(err, new(x509.CertificateInvalidError)):
		return s.cfg.Text(lang, "message.bad_certificate")
	case errors.As(err, &record):
		return s.cfg.Text(lang, "message.no_tls")
	}
	return err.Error()
}
