package message

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	gomessage "github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // mails that were kept are read back whatever their charset
	"github.com/emersion/go-message/mail"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Errors that stop a mail before it reaches a server; "message." before them makes the keys of their sentences.
type composeError struct {
	key  string
	what string
	err  error
}

func (e *composeError) Error() string {
	if e.err != nil {
		return fmt.Sprintf("%s %s: %v", e.key, e.what, e.err)
	}
	return e.key + " " + e.what
}

func (e *composeError) Unwrap() error { return e.err }

// compose renders and writes the mail of a row, with the template and settings now in force.
func (s *Service) compose(ctx context.Context, m *mostradorv1.Message) (*Mail, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var customer *plgv1.Customer
	err := s.cfg.Store.View(func(tx *store.Tx) error {
		var err error
		customer, err = s.customer(tx, m)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.composeFor(m, customer)
}

// composeFor is compose for a customer already read. It fills in the row's subject and template hash.
func (s *Service) composeFor(m *mostradorv1.Message, c *plgv1.Customer) (*Mail, error) {
	set := s.cfg.Settings()
	text, sha, err := s.cfg.Template(m.Plugin, m.Template)
	if err != nil {
		return nil, &composeError{key: "no_template", what: m.Template, err: err}
	}
	tmpl, err := s.templates.get(text, sha)
	if err != nil {
		return nil, &composeError{key: "bad_template", what: m.Template, err: err}
	}
	page, err := tmpl.render(newView(m, c, set), voice{lang: languageOf(c, set), currency: set.Currency})
	if err != nil {
		return nil, &composeError{key: "bad_template", what: m.Template, err: err}
	}
	mail, err := write(m, c, set, page)
	if err != nil {
		return nil, err
	}
	m.TemplateSha256 = sha[:]
	return mail, nil
}

// customer returns the customer of a message, nil when it has none or he is gone.
func (s *Service) customer(tx *store.Tx, m *mostradorv1.Message) (*plgv1.Customer, error) {
	if m.CustomerId == "" || s.cfg.Customer == nil {
		return nil, nil
	}
	c, err := s.cfg.Customer(tx, m.CustomerId)
	if err != nil {
		return nil, fmt.Errorf("customer of message %s: %w", m.Id, err)
	}
	return c, nil
}

// write composes the MIME message of a rendered page: text and HTML beside each other, everything in 7 bits.
// The same row and page give the same bytes, so that a mail sent twice is twice the same. It sets the row's
// subject.
func write(m *mostradorv1.Message, c *plgv1.Customer, set Settings, page string) (*Mail, error) {
	from, to := senderAddress(set), m.To
	if !safeAddress(to) {
		return nil, &composeError{key: "bad_address", what: to}
	}
	if !safeAddress(from) {
		return nil, &composeError{key: "bad_sender", what: from}
	}
	title, text := plain(page)
	if title == "" {
		title = oneLine(set.StoreName)
	}
	m.Subject = title

	// Fields are written in the reverse order of their setting.
	var h mail.Header
	boundary := sha256.Sum256([]byte(m.MessageId))
	h.SetContentType("multipart/alternative", map[string]string{"boundary": hex.EncodeToString(boundary[:15])})
	h.Set("Mime-Version", "1.0")
	if address := optOut(m, set); safeURL(address) {
		h.Set("List-Unsubscribe-Post", "List-Unsubscribe=One-Click") // RFC 8058
		h.Set("List-Unsubscribe", "<"+address+">")                   // RFC 2369
	}
	h.Set("Auto-Submitted", "auto-generated") // RFC 3834: no automatic answers, please
	if lang := languageOf(c, set); safeLanguage(lang) {
		h.Set("Content-Language", lang)
	}
	h.SetMessageID(m.MessageId)
	h.SetDate(m.Queued.AsTime().In(time.Local))
	h.SetSubject(title)
	h.SetAddressList("To", []*mail.Address{{Name: oneLine(c.GetName()), Address: to}})
	h.SetAddressList("From", []*mail.Address{{Name: oneLine(senderName(set)), Address: from}})

	var out bytes.Buffer
	out.Grow(len(page) + len(text) + 2048)
	parts, err := gomessage.CreateWriter(&out, h.Header)
	if err != nil {
		return nil, fmt.Errorf("compose message %s: %w", m.Id, err)
	}
	err = errors.Join(
		writePart(parts, "text/plain", text),
		writePart(parts, "text/html", page),
		parts.Close(),
	)
	if err != nil {
		return nil, fmt.Errorf("compose message %s: %w", m.Id, err)
	}
	return &Mail{ID: m.Id, From: from, To: to, Bytes: out.Bytes()}, nil
}

func writePart(to *gomessage.Writer, kind, body string) error {
	var h gomessage.Header
	h.Set("Content-Transfer-Encoding", "quoted-printable")
	h.SetContentType(kind, map[string]string{"charset": "utf-8"})
	part, err := to.CreatePart(h)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(part, body); err != nil {
		return err
	}
	return part.Close()
}

// Read takes a mail (RFC 5322) apart for a screen: its text and HTML, and its header in order.
func Read(eml []byte) (*mostradorv1.RenderedMail, error) {
	entity, err := gomessage.Read(bytes.NewReader(eml))
	if err != nil && !gomessage.IsUnknownCharset(err) {
		return nil, fmt.Errorf("read a mail: %w", err)
	}
	rendered := &mostradorv1.RenderedMail{}
	for fields := entity.Header.Fields(); fields.Next(); {
		value, err := fields.Text()
		if err != nil {
			value = fields.Value()
		}
		rendered.Headers = append(rendered.Headers, &mostradorv1.Header{Name: fields.Key(), Value: value})
		switch fields.Key() {
		case "From":
			rendered.From = value
		case "To":
			rendered.To = value
		case "Subject":
			rendered.Subject = value
		}
	}
	err = entity.Walk(func(_ []int, part *gomessage.Entity, err error) error {
		if err != nil && !gomessage.IsUnknownCharset(err) {
			return err
		}
		kind, _, err := part.Header.ContentType()
		if err != nil || !strings.HasPrefix(kind, "text/") {
			return nil
		}
		body, err := io.ReadAll(io.LimitReader(part.Body, maxRendered*2))
		if err != nil {
			return err
		}
		body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
		if kind == "text/html" {
			rendered.Html = string(body)
		} else {
			rendered.Text = string(body)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read a mail: %w", err)
	}
	return rendered, nil
}

// localDomain stands in addresses of the store while it has no mail address of its own.
const localDomain = "localhost"

// senderAddress is the address that mails come from. Many servers want that of the account, and without a server
// mail stays in the spool, where any will do.
func senderAddress(set Settings) string {
	switch {
	case set.Sender != "":
		return set.Sender
	case set.Server == "":
		return "mostrador@" + localDomain
	case strings.Contains(set.Username, "@"):
		return set.Username
	}
	return ""
}

func senderName(set Settings) string {
	if set.SenderName != "" {
		return set.SenderName
	}
	return set.StoreName
}

// senderDomain is the domain of Message-IDs.
func senderDomain(set Settings) string {
	_, domain, _ := strings.Cut(senderAddress(set), "@")
	if !safeDomain(domain) {
		return localDomain
	}
	return domain
}

// safeAddress reports whether an address can stand in an SMTP command and in a header: one @, visible ASCII,
// nothing that has a meaning there, and the lengths of RFC 5321 4.5.3.1. Quoted local parts are not taken.
func safeAddress(address string) bool {
	local, domain, found := strings.Cut(address, "@")
	if !found || local == "" || len(local) > 64 || len(address) > 254 || !safeDomain(domain) {
		return false
	}
	if strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, "..") {
		return false
	}
	for _, r := range local {
		if !alphanumeric(r) && !strings.ContainsRune(".!#$%&'*+-/=?^_`{|}~", r) {
			return false
		}
	}
	return true
}

func safeDomain(domain string) bool {
	if domain == "" || len(domain) > 253 || strings.HasPrefix(domain, ".") || strings.Contains(domain, "..") {
		return false
	}
	for _, r := range domain {
		if !alphanumeric(r) && r != '-' && r != '.' {
			return false
		}
	}
	return true
}

func safeLanguage(lang string) bool {
	for _, r := range lang {
		if !alphanumeric(r) && r != '-' {
			return false
		}
	}
	return lang != "" && len(lang) <= 35
}

// safeURL reports whether an address can stand between angle brackets in a header.
func safeURL(address string) bool {
	if len(address) > 900 || !strings.HasPrefix(address, "https://") && !strings.HasPrefix(address, "http://") {
		return false
	}
	for _, r := range address {
		if r <= ' ' || r >= 0x7f || strings.ContainsRune("<>\"\\`", r) {
			return false
		}
	}
	return true
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
