package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
	"mostrador/host/customer"
	"mostrador/host/marketplace"
	"mostrador/host/message"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// takeOver brings what customers did on the web pages into the store, all of it with the cursor of the feed in one
// transaction: so each act counts exactly once, whatever ends when. An act at or before the cursor is known already.
func (h *Host) takeOver(ctx context.Context, acts []*mostradorv1.WebAct) error {
	return h.store.Update(ctx, func(tx *store.Tx) error {
		for _, act := range acts {
			if act.GetSequence() <= h.consent.Cursor(tx) {
				continue
			}
			if err := h.takeAct(tx, act); err != nil {
				return fmt.Errorf("web act %d: %w", act.GetSequence(), err)
			}
			h.consent.Advance(tx, act.GetSequence())
		}
		return nil
	})
}

func (h *Host) takeAct(tx *store.Tx, act *mostradorv1.WebAct) error {
	switch act.GetKind() {
	case mostradorv1.WebAct_KIND_OPEN, mostradorv1.WebAct_KIND_CLICK:
		return h.fetched(tx, act)
	}
	c, err := h.customers.Get(tx, act.GetCustomerId())
	if errors.Is(err, customer.ErrNotFound) {
		// The feed must go on, and there is nobody who could have done this.
		h.logger.Warn("a web act of an unknown customer", "sequence", act.GetSequence(), "customer", act.GetCustomerId())
		return nil
	}
	if err != nil {
		return err
	}
	switch act.GetKind() {
	case mostradorv1.WebAct_KIND_PREFERENCES:
		return h.subscriptions.Choose(tx, c, act)
	case mostradorv1.WebAct_KIND_REASON:
		return h.subscriptions.Explain(tx, c, act)
	}
	return h.consent.Take(tx, c, act)
}

// fetched notes that a mail was opened, or a link of it followed; of a mail that is no more there is nothing to note.
func (h *Host) fetched(tx *store.Tx, act *mostradorv1.WebAct) error {
	err := h.messages.Change(tx, act.GetMessageId(), func(m *mostradorv1.Message) {
		if m.GetMessageId() == "" { // its customer was erased
			return
		}
		if m.Delivery == nil {
			m.Delivery = &mostradorv1.MessageDelivery{}
		}
		d := m.Delivery
		switch {
		case act.GetMachine():
			d.Machine++
		case act.GetKind() == mostradorv1.WebAct_KIND_OPEN:
			d.Opens++
			d.Opened = earlier(d.Opened, act.GetTime())
		default:
			d.Clicks++
			d.Clicked = earlier(d.Clicked, act.GetTime())
		}
	})
	if errors.Is(err, message.ErrNotFound) {
		return nil
	}
	return err
}

func earlier(known, at *timestamppb.Timestamp) *timestamppb.Timestamp {
	if known == nil || at != nil && at.AsTime().Before(known.AsTime()) {
		return at
	}
	return known
}

// onceValidity is how long a link that opens once can be used after its mail may have left.
const onceValidity = 3 * 24 * time.Hour

// linkToken seals what a link of a mail carries: the plug-in names the link and never sees the token.
func (h *Host) linkToken(tx *store.Tx, c cause, to *plgv1.Customer, m *mostradorv1.Message, name string, link *plgv1.Link) (string, error) {
	if link.GetKind() == plgv1.Link_KIND_ACTIVATION {
		_, sealed, err := h.consent.Invite(tx, c.actor(), to.GetId())
		return sealed, err
	}
	claims, err := h.subscriptions.Claims(tx, to, h.consent.Cursor(tx))
	if err != nil {
		return "", err
	}
	switch link.GetKind() {
	case plgv1.Link_KIND_OPT_OUT:
		claims.Purpose, claims.FirstName = token.OptOut, "" // it goes far: mail programs hand it on
	case plgv1.Link_KIND_PREFERENCES:
		claims.Purpose = token.Preferences
	case plgv1.Link_KIND_REASON:
		claims.Purpose = token.Reason
	case plgv1.Link_KIND_ONCE:
		if _, ok := marketplace.Target(link.GetUrl(), "https"); !ok {
			return "", refusedf("link %q to an address that is not https: %q", name, link.GetUrl())
		}
		claims.Purpose, claims.URL, claims.Left, claims.Seen = token.Once, link.GetUrl(), "", 0
		claims.Expires = later(m, time.Now()).Add(onceValidity).UTC().Truncate(time.Second)
	default:
		return "", refusedf("link %q of no kind that this store knows", name)
	}
	return token.Seal(h.key, claims), nil
}

// later is the time from which on a mail may leave.
func later(m *mostradorv1.Message, now time.Time) time.Time {
	if at := m.GetNotBefore(); at != nil && at.AsTime().After(now) {
		return at.AsTime()
	}
	return now
}
