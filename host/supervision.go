package host

import (
	"context"
	"errors"
	"strings"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/message"
	"mostrador/host/message/delivery"
	"mostrador/host/message/dkim"
	"mostrador/host/message/doctor"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// assembleDelivery makes what watches over mails: what became of them, who signs them, and who looks at their domain.
func (h *Host) assembleDelivery(key []byte) (err error) {
	if h.dkim, err = dkim.New(dkim.Config{Store: h.store, Key: key}); err != nil {
		return err
	}
	h.sign = h.ownSigner
	h.doctor = doctor.New(doctor.Config{Keys: h.dkim.Keys, Published: h.dkim.Published, Text: h.text})
	h.delivery = delivery.New(delivery.Config{
		Store: h.store, Log: h.log, Text: h.text, Logger: h.logger.Named("delivery"),
		Now:      func() time.Time { return time.Now().In(h.mailSettings().Place) },
		Language: func() string { return h.guide.Text(settingLanguage) },
		Read:     message.Read, Open: h.mailboxes, Explain: h.explainMailbox,
		Returned: func(recipient string) (string, bool) { return message.IDOfReturnPath(h.mailSettings(), recipient) },
		Message:  h.messages.Row,
		Recent: func(tx *store.Tx, customerID string, limit int) ([]*mostradorv1.Message, error) {
			return h.messages.Rows(tx, customerID, "", limit)
		},
		Change: h.messages.Change, Due: h.messages.Due,
		Customer: h.customerOrNone, Holder: h.holderOf,
		Withdraw: func(tx *store.Tx, actor *plgv1.Actor, customerID string) error {
			_, err := h.consent.WithdrawTx(tx, actor, customerID, plgv1.Means_MEANS_LINK)
			return err
		},
		Changed: func() { h.hub.Publish(mostradorv1.WatchResponse_KIND_MESSAGE, "") },
	})
	return nil
}

// gates are what is asked before a mail leaves, besides what the outbox asks by itself.
func (h *Host) gates() []message.Gate {
	return []message.Gate{
		h.subscriptions.Gate,
		func(tx *store.Tx, m *mostradorv1.Message, c *plgv1.Customer) (*mostradorv1.MessageCheck, error) {
			return h.delivery.Gate(tx, m, c)
		},
	}
}

// observe follows every change of a row of the outbox.
func (h *Host) observe(tx *store.Tx, old, now *mostradorv1.Message) error {
	if err := h.delivery.Observe(tx, old, now); err != nil {
		return err
	}
	return h.library.Observe(tx, old, now)
}

// ownSigner is who signs mails now: the domain of the sender, once DNS has its keys.
func (h *Host) ownSigner() message.Signer {
	_, domain, found := strings.Cut(h.mailSettings().Sender, "@")
	if !found {
		return nil
	}
	signer, err := h.dkim.Signer(domain)
	if err != nil {
		h.logger.Error("mails leave unsigned", "domain", domain, "error", err)
		return nil
	}
	return signer
}

// holderOf is the customer to whom an address belongs, whatever the case of its letters; nil when it is nobody's.
func (h *Host) holderOf(tx *store.Tx, email string) (*plgv1.Customer, error) {
	number := h.customers.HolderOf(tx, "email", email)
	if number == 0 {
		return nil, nil
	}
	c, err := h.customers.ByNumber(tx, number)
	if errors.Is(err, customer.ErrNotFound) {
		return nil, nil
	}
	return c, err
}

// examineMail looks at a domain, that of the sender when it is empty.
func (h *Host) examineMail(ctx context.Context, domain string) ([]*mostradorv1.DoctorFinding, error) {
	set := h.mailSettings()
	return h.doctor.Examine(ctx, doctor.Patient{
		Sender: set.Sender, Domain: domain, ReturnPath: set.Returns, Server: set.Server, Port: set.Port,
		Encryption: doctor.Encryption(set.Encryption),
	})
}
