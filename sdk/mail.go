package sdk

import (
	"errors"
	"fmt"
	"time"

	"mostrador/sdk/plgv1"
)

// Kind says what a message is, and so whether it needs consent.
type Kind int

const (
	// Transactional answers something that the customer did; it needs no consent.
	Transactional Kind = iota + 1
	// Promotional is advertising; it leaves only while the customer's consent to promotions stands.
	Promotional
)

// Mail is a mail to one customer, or to one address.
type Mail struct {
	Kind Kind
	// To is the customer's id.
	To string
	// Address is somebody who is no customer: staff, a supplier, who asked on a web page; To is empty then. Transactional
	// only, and with the permission message.address:send.
	Address string
	// Template is the value of a template_file setting, a file of the plugin's package, or a template of the store's
	// library ("biblioteca/pedido"). Beside templates/x.html, which is in Spanish, templates/x.en.html is for customers
	// whose language is English, and so on; who has none of them gets templates/x.html.
	Template string
	// Links are found in the template as {{.Enlaces.name}}. A password is never mailed; a link that opens once is.
	Links Links
	// Data is found in the template as {{.Datos.name}}: texts, numbers, booleans, and lists and maps of them.
	Data map[string]any
	// NotBefore is when it leaves at the earliest; the zero time for at once.
	NotBefore time.Time
	// Expires is when it does not leave any more; the zero time for never.
	Expires time.Time
	// Topic is what a promotional mail is about, which customers subscribe to; empty for promotions in general.
	Topic string
	// Promotion is the identifier of the promotion of which the customer gets a code of his own: {{.Codigo}}.
	Promotion string
	// Attachments are files that it brings along.
	Attachments []Attachment
	// Rule says in words, for people who ask why it was sent, which of the plugin's rules wants it.
	Rule string
}

// Attachment is a file that a mail brings along.
type Attachment struct {
	Name string
	// ContentType is its MIME type; guessed from the name when empty.
	ContentType string
	// Content is what is in it; or Blob names a file of an event of another system, by the id that the event's data has.
	Content []byte
	Blob    string
}

// Links are a mail's links by the name that its template uses.
type Links map[string]Link

// Link is a link that the host makes when the mail is queued; a plugin never sees its token.
type Link struct {
	kind     plgv1.Link_Kind
	customer string
	url      string
}

// ActivationLink is the page on which the customer accepts (opt-in). To send it opens or renews the
// customer's activation, and with it the short code.
func (tx *Tx) ActivationLink(customerID string) Link {
	return Link{kind: plgv1.Link_KIND_ACTIVATION, customer: customerID}
}

// OptOutLink is the page on which the customer leaves promotions.
func (tx *Tx) OptOutLink(customerID string) Link {
	return Link{kind: plgv1.Link_KIND_OPT_OUT, customer: customerID}
}

// PreferencesLink is the page on which the customer chooses what he wants to hear of.
func (tx *Tx) PreferencesLink(customerID string) Link {
	return Link{kind: plgv1.Link_KIND_PREFERENCES, customer: customerID}
}

// ReasonLink is the page that asks a customer who has left why, and shows the way back (seed 001).
func (tx *Tx) ReasonLink(customerID string) Link {
	return Link{kind: plgv1.Link_KIND_REASON, customer: customerID}
}

// OnceLink leads to an address and opens once: a password is never mailed, a link to make a new one is (seed 003).
func (tx *Tx) OnceLink(url string) Link { return Link{kind: plgv1.Link_KIND_ONCE, url: url} }

// Activation reports whether it is a link of ActivationLink, and OptOut whether of OptOutLink.
func (l Link) Activation() bool { return l.kind == plgv1.Link_KIND_ACTIVATION }

// OptOut reports whether it is a link of OptOutLink.
func (l Link) OptOut() bool { return l.kind == plgv1.Link_KIND_OPT_OUT }

// Preferences reports whether it is a link of PreferencesLink.
func (l Link) Preferences() bool { return l.kind == plgv1.Link_KIND_PREFERENCES }

// Reason reports whether it is a link of ReasonLink.
func (l Link) Reason() bool { return l.kind == plgv1.Link_KIND_REASON }

// CustomerID is whom the link is for; empty for one of OnceLink.
func (l Link) CustomerID() string { return l.customer }

// Once is where a link of OnceLink leads; empty for any other.
func (l Link) Once() string { return l.url }

// Send queues a mail.
func (tx *Tx) Send(m Mail) error {
	w, err := m.write()
	if err != nil {
		return err
	}
	return tx.add(&plgv1.Effect{Effect: &plgv1.Effect_SendMail{SendMail: w}})
}

func (m Mail) write() (*plgv1.SendMail, error) {
	w := &plgv1.SendMail{
		To: m.To, Address: m.Address, Template: m.Template, NotBefore: writeTime(m.NotBefore), Expires: writeTime(m.Expires),
		Topic: m.Topic, Promotion: m.Promotion, Rule: m.Rule,
	}
	switch {
	case (m.To == "") == (m.Address == ""):
		return nil, errors.New("sdk: a mail goes to a customer or to an address")
	case m.Template == "":
		return nil, errors.New("sdk: a mail without template")
	case m.Kind == Promotional && m.Address != "":
		return nil, errors.New("sdk: a promotional mail to an address: only a customer can have agreed to it")
	case m.Kind == Transactional:
		w.Kind = plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL
	case m.Kind == Promotional:
		w.Kind = plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL
	default:
		return nil, errors.New("sdk: a mail must be transactional or promotional")
	}
	if len(m.Links) > 0 {
		w.Links = make(map[string]*plgv1.Link, len(m.Links))
		for name, l := range m.Links {
			if l.kind == plgv1.Link_KIND_UNSPECIFIED || l.customer == "" && l.url == "" {
				return nil, fmt.Errorf("sdk: link %q of a mail leads nowhere", name)
			}
			w.Links[name] = &plgv1.Link{Kind: l.kind, CustomerId: l.customer, Url: l.url}
		}
	}
	for _, a := range m.Attachments {
		if a.Blob != "" && len(a.Content) > 0 || a.Name == "" {
			return nil, fmt.Errorf("sdk: attachment %q of a mail needs a name, and either a content or a blob", a.Name)
		}
		w.Attachments = append(w.Attachments, &plgv1.Attachment{Name: a.Name, ContentType: a.ContentType, Data: a.Content, Blob: a.Blob})
	}
	var err error
	if w.Data, err = writeData(m.Data); err != nil {
		return nil, fmt.Errorf("sdk: data of a mail: %w", err)
	}
	return w, nil
}
