package message

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"html"
	"io"
	"strings"

	gomessage "github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // mails that were kept are read back whatever their charset

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

// composeFor is compose for a customer already read. It fills in what the row says of its mail: subject, language, and
// which text it was written from. No transaction of the caller may be open.
func (s *Service) composeFor(m *mostradorv1.Message, c *plgv1.Customer) (*Mail, error) {
	set := s.cfg.Settings()
	lang := languageOf(c, set)
	source, err := s.cfg.Template(m.Plugin, m.Template, lang)
	if err != nil {
		return nil, &composeError{key: "no_template", what: m.Template, err: err}
	}
	tmpl, err := s.templates.get(source)
	if err != nil {
		return nil, &composeError{key: "bad_template", what: m.Template, err: err}
	}
	known, files, err := s.gather(m, c, tmpl)
	if err != nil {
		return nil, err
	}
	if source.Language != "" {
		lang = source.Language
	}
	m.Language = lang
	v := newView(m, c, set, known)
	r, err := tmpl.render(v, voice{lang: lang, currency: set.Currency}, s.tracked(m, c, v.Enlaces))
	if err != nil {
		return nil, &composeError{key: "bad_template", what: m.Template, err: err}
	}
	if s.cfg.TrackOpen != nil {
		r.page = withPixel(r.page, s.cfg.TrackOpen(m, c))
	}
	mail, err := write(m, c, set, r, files)
	if err != nil {
		return nil, err
	}
	m.TemplateSha256, m.TemplateVersion = source.SHA256[:], source.Version
	return mail, nil
}

// gather reads what the mail needs beyond the customer.
func (s *Service) gather(m *mostradorv1.Message, c *plgv1.Customer, tmpl *Template) (known *Known, files []file, err error) {
	asks := s.cfg.Known != nil && tmpl.asks()
	if !asks && len(m.Files) == 0 {
		return nil, nil, nil
	}
	err = s.cfg.Store.View(func(tx *store.Tx) error {
		var err error
		if asks {
			if known, err = s.cfg.Known(tx, m, c); err != nil {
				return fmt.Errorf("what is known for message %s: %w", m.Id, err)
			}
		}
		files, err = filesOf(tx, m)
		return err
	})
	return known, files, err
}

// tracked returns what the addresses in a mail become; nil when they stay. What a customer does with his consent is
// nobody's business, so the links to that, his own, never go a detour.
func (s *Service) tracked(m *mostradorv1.Message, c *plgv1.Customer, own map[string]string) func(url string) string {
	if s.cfg.TrackLink == nil {
		return nil
	}
	return func(url string) string {
		if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
			return url
		}
		for _, address := range own {
			if address == url {
				return url
			}
		}
		return cmp.Or(s.cfg.TrackLink(m, c, url), url)
	}
}

// withPixel puts a picture of one point at the end of a page; none for an empty address.
func withPixel(page, address string) string {
	if address == "" {
		return page
	}
	pixel := `<img src="` + html.EscapeString(address) + `" width="1" height="1" alt="">`
	if at := strings.LastIndex(page, "</body>"); at >= 0 {
		return page[:at] + pixel + page[at:]
	}
	return page + pixel
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
			rendered.Html = SanitizePage(string(body))
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
