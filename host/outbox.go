package host

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"slices"
	"time"
	_ "time/tzdata" // most stores run Windows, which has no time zones of these names

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/marketplace"
	"mostrador/host/message"
	reports "mostrador/host/message/report"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// assembleMessages makes the outbox.
func (h *Host) assembleMessages(key []byte) error {
	returns, err := hkdf.Key(sha256.New, key, nil, "mostrador mail return path", sha256.Size)
	if err != nil {
		return err
	}
	h.returnKey = returns
	tracker := marketplace.Tracker{Key: key, Address: h.publicAddress, Mode: h.tracking}
	h.messages = message.New(message.Config{
		TrackLink: tracker.Link, TrackOpen: tracker.Open,
		Store: h.store, Logger: h.logger, Text: h.text.Text, Settings: h.mailSettings,
		Customer: h.customerOrNone, IDs: h.idsOf, Template: h.template, Known: h.known, SpoolDir: h.path("spool"),
		Suppressed: h.suppressed, ConsentAct: h.consentAct, OptOut: h.optOut,
		Gates: h.gates(), Observe: h.observe, Classify: reports.Classify, Signer: h.signer,
		Changed: h.messageChanged,
	})
	return h.assembleDelivery(key)
}

// mailSettings is what the outbox acts on. Every mail asks, so what was read is kept until a setting changes.
func (h *Host) mailSettings() message.Settings {
	if known := h.mail.Load(); known != nil {
		return *known
	}
	h.mailMu.Lock()
	defer h.mailMu.Unlock()
	set := h.readMailSettings()
	h.mail.Store(&set)
	return set
}

// mailChanged has the next mail read the settings again.
func (h *Host) mailChanged() {
	h.mailMu.Lock() // who is reading may have read what was before
	defer h.mailMu.Unlock()
	h.mail.Store(nil)
}

func (h *Host) readMailSettings() message.Settings {
	password, err := h.guide.Secret(settingPassword)
	if err != nil {
		h.logger.Error("the mail server's password cannot be opened; set it again", "error", err)
	}
	return message.Settings{
		StoreName: h.guide.Text(settingStoreName), Language: h.guide.Text(settingLanguage),
		Currency: h.guide.Text(settingCurrency), Policy: h.policyTexts(), WebAddress: h.publicAddress(),
		Server: h.guide.Text(settingServer), Port: h.guide.Int(settingPort),
		Username: h.guide.Text(settingUser), Password: password,
		Encryption: message.Encryption(h.guide.Text(settingEncryption)),
		Sender:     h.guide.Text(settingSender), SenderName: h.guide.Text(settingSenderName),
		Returns: h.guide.Text(settingReturns), ReturnKey: h.returnKey, Connections: h.guide.Int(settingConnections),
		Place:          h.place(),
		Quiet:          message.Hours{From: h.guide.Text(settingQuietFrom), To: h.guide.Text(settingQuietTo)},
		PromotionsMost: h.guide.Int(settingPromotionsMost), PromotionsDays: h.guide.Int(settingPromotionsDays),
	}
}

// place is the time zone of the store.
func (h *Host) place() *time.Location {
	name := h.guide.Text(settingTimeZone)
	if name == "" {
		return time.Local
	}
	place, err := time.LoadLocation(name)
	if err != nil {
		h.logger.Error("the store's time zone is not known; that of this machine is taken", "zone", name, "error", err)
		return time.Local
	}
	return place
}

// customerOrNone is a mail's customer; one who is gone is nobody, which is no fault.
func (h *Host) customerOrNone(tx *store.Tx, id string) (*plgv1.Customer, error) {
	c, err := h.customers.Get(tx, id)
	if errors.Is(err, customer.ErrNotFound) {
		return nil, nil
	}
	return c, err
}

// suppressed holds back a plug-in's mail that a rule of interplay forbids, when it is about to leave.
func (h *Host) suppressed(_ *store.Tx, m *mostradorv1.Message, c *plgv1.Customer) (reason string, yes bool) {
	if m.GetPlugin() == "" {
		return "", false // a question about no plug-in's mail
	}
	kind := "transactional"
	if m.GetKind() == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL {
		kind = "promotional"
	}
	state := h.ensemble.Resolution().Message(m.GetPlugin(), kind, c, h.guide.Text(settingLanguage))
	return state.Reason, !state.Send
}

// consentAct is when a customer's consent to promotions became what it is, and by whom.
func (h *Host) consentAct(tx *store.Tx, customerID string) (time.Time, *plgv1.Actor, error) {
	shown, err := h.consent.Show(tx, customerID)
	if err != nil {
		return time.Time{}, nil, err
	}
	for _, e := range slices.Backward(shown.GetEntries()) {
		decides := e.GetAct() == mostradorv1.ConsentAct_CONSENT_ACT_WITHDRAWN || e.GetState() != nil ||
			e.GetAct() == mostradorv1.ConsentAct_CONSENT_ACT_GIVEN && slices.Contains(e.GetPurposes(), plgv1.Purpose_PURPOSE_PROMOTIONS)
		if decides {
			return e.GetTime().AsTime(), e.GetActor(), nil
		}
	}
	return time.Time{}, nil, nil
}

// optOut makes the token with which a customer leaves promotions.
func (h *Host) optOut(tx *store.Tx, customerID string) (string, error) {
	c, err := h.customers.Get(tx, customerID)
	if err != nil {
		return "", err
	}
	return h.linkToken(tx, cause{}, c, nil, message.LinkOptOut, &plgv1.Link{Kind: plgv1.Link_KIND_OPT_OUT, CustomerId: c.Id})
}

// signer is who signs the store's mail; nil for nobody.
func (h *Host) signer() message.Signer {
	if h.sign == nil {
		return nil
	}
	return h.sign()
}
