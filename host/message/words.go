package message

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// Check returns what a person should know about a template's text before it is put in force, in his language:
// errors, which forbid it, and warnings. The sentence names the line. links are the links that the mail is
// useless without ("activar"); their lack is worth a warning.
func (s *Service) Check(text, lang string, links ...string) []*plgv1.Diagnostic {
	return s.diagnostics(check(text, links), lang)
}

// check is Check without sentences.
func check(text string, links []string) Faults {
	tmpl, err := Parse(text)
	var faults Faults
	if errors.As(err, &faults) {
		return faults
	}
	faults = tmpl.warnings
	for _, link := range links {
		if !tmpl.links[link] {
			faults = append(faults, Fault{Code: "template_no_link", What: ".Enlaces." + link, Warning: true})
		}
	}
	return faults
}

func (s *Service) diagnostics(faults Faults, lang string) []*plgv1.Diagnostic {
	var all []*plgv1.Diagnostic
	for _, f := range faults {
		d := &plgv1.Diagnostic{
			Severity: plgv1.Severity_SEVERITY_ERROR,
			Summary:  s.cfg.Text(lang, "message."+f.Code, "what", f.What),
			Code:     f.Code,
		}
		if f.Warning {
			d.Severity = plgv1.Severity_SEVERITY_WARNING
		}
		if f.Line > 0 {
			d.Summary = s.cfg.Text(lang, "message.template_line", "line", f.Line, "what", d.Summary)
		}
		all = append(all, d)
	}
	return all
}

// Preview renders a template's text for a customer who does not exist, with the store's settings. Links lead
// nowhere. What Check finds comes beside it; with an error among it there is no mail.
func (s *Service) Preview(text, lang string, links ...string) (*mostradorv1.RenderedMail, []*plgv1.Diagnostic) {
	faults := check(text, links)
	said := s.diagnostics(faults, lang)
	if len(faults.errors()) > 0 {
		return nil, said
	}
	set := s.cfg.Settings()
	set.WebAddress = "https://example.com"
	row := &mostradorv1.Message{
		Id: uuid.Nil.String(), MessageId: uuid.Nil.String() + "@" + senderDomain(set),
		Kind: plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL, To: "maria@example.com",
		Queued: timestamppb.New(s.cfg.Now()),
		Links: map[string]*plgv1.Link{
			LinkActivate: {Kind: plgv1.Link_KIND_ACTIVATION},
			LinkOptOut:   {Kind: plgv1.Link_KIND_OPT_OUT},
		},
		Tokens: map[string]string{LinkActivate: "ejemplo", LinkOptOut: "ejemplo"},
	}
	sample := sampleView().Cliente
	customer := &plgv1.Customer{Name: sample.Nombre, Phone: sample.Telefono, Email: sample.Correo, Language: lang}
	tmpl, err := Parse(text)
	var page string
	if err == nil {
		page, err = tmpl.render(newView(row, customer, set), voice{lang: lang, currency: set.Currency})
	}
	var mail *Mail
	if err == nil {
		// A sender that is missing yet is no fault of the template.
		if !safeAddress(senderAddress(set)) {
			set.Sender = "tienda@example.com"
		}
		mail, err = write(row, customer, set, page)
	}
	var rendered *mostradorv1.RenderedMail
	if err == nil {
		rendered, err = Read(mail.Bytes)
	}
	if err != nil {
		// The template is right in itself but not with this sample (it compares what a plugin would send).
		return nil, append(said, s.diagnostics(Faults{syntaxFault(err)}, lang)...)
	}
	return rendered, said
}

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

//go:embed test.html
var testTemplate string

// SendTest sends one small mail to an address, at once and through the transport in force, and returns what
// happened in words. Its error is a *Failed, or ctx's.
func (s *Service) SendTest(ctx context.Context, to, lang string) (answer string, err error) {
	set := s.cfg.Settings()
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("name a message: %w", err)
	}
	row := &mostradorv1.Message{
		Id: id.String(), MessageId: id.String() + "@" + senderDomain(set), To: to,
		Queued: timestamppb.New(s.cfg.Now().Truncate(time.Second)),
	}
	tmpl, err := s.templates.get(testTemplate, sha256.Sum256([]byte(testTemplate)))
	if err != nil {
		return "", fmt.Errorf("the test mail: %w", err)
	}
	v := newView(row, nil, set)
	v.Datos = map[string]any{
		"lang":  lang,
		"title": s.cfg.Text(lang, "message.test_title", "store", set.StoreName),
		"text":  s.cfg.Text(lang, "message.test_text", "store", set.StoreName),
	}
	page, err := tmpl.render(v, voice{lang: lang, currency: set.Currency})
	var mail *Mail
	if err == nil {
		mail, err = write(row, &plgv1.Customer{Language: lang}, set, page)
	}
	if err == nil {
		err = s.transport(set).Send(ctx, set, mail)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return "", ctx.Err()
	case err != nil:
		return "", &Failed{Words: s.wordsIn(lang, err), Err: err}
	case set.Server == "":
		return s.cfg.Text(lang, "message.test_spooled", "to", to), nil
	}
	return s.cfg.Text(lang, "message.test_accepted", "server", set.Server, "to", to), nil
}

// Failed is the error of SendTest: what went wrong, as a sentence for the person who asked.
type Failed struct {
	Words string
	Err   error
}

func (f *Failed) Error() string { return f.Words }
func (f *Failed) Unwrap() error { return f.Err }
