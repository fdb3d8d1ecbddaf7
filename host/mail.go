package host

import (
	"context"
	"encoding/hex"
	"errors"
	"mime"
	"path"
	"strings"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/blob"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/message"
	"mostrador/host/promotion"
	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Bounds of what a plug-in may send along with one mail; servers refuse mails of more than some 20 MB.
const (
	maxMailFiles = 10
	maxMailFile  = 10 << 20
)

// send queues a mail, with its links made: the plug-in names them and never sees a token.
func (f effects) send(tx *store.Tx, c cause, by *manifest.Manifest, index int, mail *plgv1.SendMail) error {
	m := &mostradorv1.Message{
		Id:            message.ID(c.event.GetTime().AsTime(), c.plugin, c.id, index),
		Kind:          mail.GetKind(),
		Plugin:        c.plugin,
		EventSequence: c.event.GetSequence(),
		Template:      f.host.templateName(by, mail.GetTemplate()),
		Links:         mail.GetLinks(),
		Tokens:        make(map[string]string, len(mail.GetLinks())),
		Data:          mail.GetData(),
		NotBefore:     mail.GetNotBefore(),
		Expires:       mail.GetExpires(),
		Topic:         mail.GetTopic(),
		Rule:          mail.GetRule(),
		Promotion:     mail.GetPromotion(),
	}
	to, err := f.addressMail(tx, by, m, mail)
	if err != nil {
		return err
	}
	if err := f.code(context.Background(), tx, m); err != nil {
		return err
	}
	for name, link := range mail.GetLinks() {
		if err := f.link(tx, c, m, to, name, link); err != nil {
			return err
		}
	}
	for _, attachment := range mail.GetAttachments() {
		if err := attach(tx, m, attachment); err != nil {
			return err
		}
	}
	err = f.host.messages.Queue(tx, m)
	if errors.Is(err, message.ErrNobody) || errors.Is(err, message.ErrTooLarge) {
		return &event.Refused{Err: err} // trying again mends neither
	}
	return err
}

// addressMail says whom a mail goes to: a customer, whom it returns, or an address of somebody who is none.
func (f effects) addressMail(tx *store.Tx, by *manifest.Manifest, m *mostradorv1.Message, mail *plgv1.SendMail) (*plgv1.Customer, error) {
	if mail.GetAddress() == "" {
		to, err := f.host.customers.Get(tx, mail.GetTo())
		if err != nil {
			return nil, permanent(err)
		}
		m.CustomerId, m.To = to.GetId(), to.GetEmail()
		return to, nil
	}
	if err := allowed(by, manifest.PermissionSendAddress); err != nil {
		return nil, err
	}
	if mail.GetKind() != plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL {
		return nil, refusedf("a promotional mail to an address: only a customer can have agreed to it")
	}
	if len(mail.GetLinks()) > 0 && mail.GetTo() != "" {
		return nil, refusedf("a mail to another address with links that act for a customer")
	}
	if !plainAddress(mail.GetAddress()) {
		return nil, refusedf("a mail to %q, which is no address", mail.GetAddress())
	}
	m.To = mail.GetAddress()
	return nil, nil
}

// plainAddress tells whether a text is one address and nothing more: what a web page collected may be anything.
func plainAddress(address string) bool {
	at := strings.LastIndexByte(address, '@')
	return at > 0 && at <= 64 && len(address) <= 254 && strings.Contains(address[at+1:], ".") &&
		!strings.ContainsFunc(address, func(r rune) bool {
			return r <= ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || strings.ContainsRune(`"(),:;<>[\]`, r)
		})
}

// link makes one link of a mail to a customer; nil for nobody.
func (f effects) link(tx *store.Tx, c cause, m *mostradorv1.Message, to *plgv1.Customer, name string, link *plgv1.Link) error {
	// A link acts for whom it names, so it travels to nobody else.
	if link.GetCustomerId() != m.GetCustomerId() && link.GetKind() != plgv1.Link_KIND_ONCE {
		return refusedf("link %q of another customer than the mail's", name)
	}
	sealed, err := f.host.linkToken(tx, c, to, m, name, link)
	if err != nil {
		return err
	}
	m.Tokens[name] = sealed
	return nil
}

// code gives the customer of a mail his code of its promotion.
func (f effects) code(ctx context.Context, tx *store.Tx, m *mostradorv1.Message) error {
	if m.GetPromotion() == "" || m.GetCustomerId() == "" {
		return nil
	}
	code, err := f.host.promotions.IssueTx(ctx, tx, m.GetPromotion(), m.GetCustomerId())
	var refused *customer.Refused
	switch {
	case errors.Is(err, promotion.ErrNotFound):
		return refusedf("there is no promotion %q", m.GetPromotion())
	case errors.As(err, &refused):
		return refusedf("%s", refused.Refusal.GetDiagnostics()[0].GetSummary())
	case err != nil:
		return err
	}
	m.PromoCode = code.GetCode()
	return nil
}

// attach has a mail hold a file.
func attach(tx *store.Tx, m *mostradorv1.Message, a *plgv1.Attachment) error {
	name := path.Base(strings.ReplaceAll(a.GetName(), `\`, "/"))
	if len(m.GetFiles()) == maxMailFiles || name == "." || name == "/" || len(name) > 200 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return refusedf("a file without a plain name (%q), or more than %d of them", a.GetName(), maxMailFiles)
	}
	file := &mostradorv1.MessageFile{Name: name, ContentType: a.GetContentType()}
	if file.GetContentType() == "" {
		file.ContentType = mime.TypeByExtension(path.Ext(name))
	}
	if kind, _, err := mime.ParseMediaType(file.GetContentType()); err != nil || kind == "" {
		file.ContentType = "application/octet-stream"
	}
	if a.GetBlob() != "" {
		sha, err := hex.DecodeString(a.GetBlob())
		if err != nil || !blob.Hold(tx, sha) {
			return refusedf("file %q is not there any more", name)
		}
		file.Sha256, file.Size = sha, int64(len(blob.Get(tx, sha)))
	} else {
		if len(a.GetData()) == 0 || len(a.GetData()) > maxMailFile {
			return refusedf("file %q has %d bytes: between 1 and %d", name, len(a.GetData()), maxMailFile)
		}
		sha := blob.Put(tx, a.GetData())
		file.Sha256, file.Size = sha[:], int64(len(a.GetData()))
	}
	m.Files = append(m.Files, file)
	return nil
}
