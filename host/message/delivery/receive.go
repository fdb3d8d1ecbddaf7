package delivery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/blob"
	"mostrador/host/message/report"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// bucketSeen tells which mails came in before: SHA-256 of the mail → report id.
const bucketSeen store.Bucket = "delivery_seen"

const (
	// keptMail is how much of a mail is kept, in bytes: what was understood stands at its beginning.
	keptMail = 1 << 20
	// recentMails is how many of a customer's last mails a report may be about that names none, and recentTime how old
	// the mail may be.
	recentMails = 20
	recentTime  = 7 * 24 * time.Hour
	// maxRecipients bounds what one report speaks of.
	maxRecipients = 200
)

// Receive takes in one mail that came back or came in answer: it keeps it, says what it is, and brings along the message,
// the address and the counts that it is about, all in one transaction. recipient is the address that it was delivered
// to, where that is known. A mail that came in before changes nothing, and its report is returned again.
func (s *Service) Receive(ctx context.Context, source string, eml []byte, recipient string) (*mostradorv1.Report, error) {
	switch {
	case len(bytes.TrimSpace(eml)) == 0:
		return nil, ErrNoMail
	case len(eml) > MaxMail:
		return nil, ErrTooLarge
	}
	r, about := s.cfg.Parse(eml)
	if r.Kind == mostradorv1.ReportKind_REPORT_KIND_UNSPECIFIED {
		r.Kind = mostradorv1.ReportKind_REPORT_KIND_UNKNOWN
	}
	if len(r.Recipients) > maxRecipients {
		r.Recipients = r.Recipients[:maxRecipients]
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("name a report: %w", err)
	}
	r.Id, r.Source, r.Received = id.String(), source, timestamppb.New(s.cfg.Now())
	sum := sha256.Sum256(eml)
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		if before := tx.Get(bucketSeen, sum[:]); before != nil {
			known, _, err := loadReport(tx, string(before))
			if !errors.Is(err, ErrNoReport) { // it is there, or it cannot be read
				r = known
				return err
			}
		}
		if err := s.attribute(tx, r, about, recipient); err != nil {
			return err
		}
		if err := s.apply(tx, r, nil); err != nil {
			return err
		}
		tx.Put(bucketSeen, sum[:], []byte(r.Id))
		kept := blob.Put(tx, eml[:min(len(eml), keptMail)])
		s.changed(tx)
		return putReport(tx, r, kept)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// named is the message that the mail itself names, nil when it names none of ours: by the return path to which it came, or
// by the original Message-ID.
func (s *Service) named(tx *store.Tx, about report.About, recipient string) (*mostradorv1.Message, error) {
	if s.cfg.Returned != nil {
		for _, address := range append([]string{recipient}, about.Addresses...) {
			id, ok := s.cfg.Returned(address)
			if !ok {
				continue
			}
			if m, err := s.message(tx, id); m != nil || err != nil {
				return m, err
			}
		}
	}
	for _, id := range about.MessageIDs {
		if m, err := s.byMessageID(tx, id); m != nil || err != nil {
			return m, err
		}
	}
	return nil, nil
}

// attribute finds which messages and customers a report is about. What is proven stands in message_id.
func (s *Service) attribute(tx *store.Tx, r *mostradorv1.Report, about report.About, recipient string) error {
	by, err := s.named(tx, about, recipient)
	if err != nil {
		return err
	}
	if len(r.Recipients) == 0 && by != nil {
		r.Recipients = []*mostradorv1.ReportedRecipient{{}}
	}
	for _, to := range r.Recipients {
		to.MessageId = by.GetId()
		if by != nil {
			// A server that forwards names an address that the store has never written to.
			to.Email, to.CustomerId = by.To, by.CustomerId
			continue
		}
		c, err := s.holder(tx, to.Email)
		if err != nil {
			return err
		}
		to.CustomerId = c.GetId()
	}
	return nil
}

// byMessageID returns the message that has a Message-ID (RFC 5322 3.6.4), nil when none has.
func (s *Service) byMessageID(tx *store.Tx, messageID string) (*mostradorv1.Message, error) {
	messageID = strings.Trim(messageID, "<> ")
	id, _, _ := strings.Cut(messageID, "@")
	m, err := s.message(tx, id)
	if m.GetMessageId() != messageID {
		return nil, err
	}
	return m, err
}

// apply carries out what a report says. actor is who said what it is, nil when that was read from it.
func (s *Service) apply(tx *store.Tx, r *mostradorv1.Report, actor *plgv1.Actor) error {
	if r.Kind == mostradorv1.ReportKind_REPORT_KIND_UNSUBSCRIBE {
		return s.unsubscribe(tx, r)
	}
	for _, to := range r.Recipients {
		if err := s.applyTo(tx, r, to, actor); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) applyTo(tx *store.Tx, r *mostradorv1.Report, to *mostradorv1.ReportedRecipient, actor *plgv1.Actor) error {
	now := timestamppb.New(s.cfg.Now())
	proven := to.MessageId
	if proven == "" {
		m, err := s.recent(tx, to)
		if err != nil {
			return err
		}
		to.MessageId = m.GetId()
		if to.CustomerId == "" && actor == nil {
			return nil // an address that the store has nothing to do with
		}
	}
	change := func(fn func(d *mostradorv1.MessageDelivery)) error {
		if s.cfg.Change == nil || to.MessageId == "" || proven == "" && actor == nil {
			return nil
		}
		return s.cfg.Change(tx, to.MessageId, func(m *mostradorv1.Message) {
			if m.Delivery == nil {
				m.Delivery = new(mostradorv1.MessageDelivery)
			}
			fn(m.Delivery)
		})
	}
	switch r.Kind {
	case mostradorv1.ReportKind_REPORT_KIND_BOUNCE:
		if err := s.bounced(tx, to.Email, to.CustomerId, proven, to.Bounce, actor); err != nil {
			return err
		}
		return change(func(d *mostradorv1.MessageDelivery) {
			if gravity(to.Bounce) > gravity(d.Bounce) {
				d.Bounced, d.Bounce = now, to.Bounce
			}
		})
	case mostradorv1.ReportKind_REPORT_KIND_COMPLAINT:
		if _, err := s.happen(tx, to.Email, to.CustomerId, &mostradorv1.AddressEvent{
			Kind: eventComplaint, MessageId: proven, Actor: actor,
		}, reasonComplaint); err != nil {
			return err
		}
		return change(func(d *mostradorv1.MessageDelivery) {
			if d.Complained == nil {
				d.Complained = now
			}
		})
	case mostradorv1.ReportKind_REPORT_KIND_AUTO_REPLY, mostradorv1.ReportKind_REPORT_KIND_REPLY:
		return change(func(d *mostradorv1.MessageDelivery) {
			if d.Answered == nil {
				d.Answered = now
			}
		})
	case mostradorv1.ReportKind_REPORT_KIND_DELIVERED:
		return change(func(d *mostradorv1.MessageDelivery) {
			if d.Delivered == nil {
				d.Delivered = now
			}
		})
	}
	return nil
}

// gravity orders what bounces decide: a report that is graver takes the place of one that came before.
func gravity(b *mostradorv1.Bounce) int {
	switch b.GetKind() {
	case mostradorv1.Bounce_KIND_DELAYED:
		return 1
	case mostradorv1.Bounce_KIND_SOFT:
		return 2
	case mostradorv1.Bounce_KIND_BLOCKED:
		return 3
	case mostradorv1.Bounce_KIND_HARD:
		return 4
	}
	return 0
}

// recent is the last mail that left to an address, nil when it is too long ago for a report to be about it.
func (s *Service) recent(tx *store.Tx, to *mostradorv1.ReportedRecipient) (*mostradorv1.Message, error) {
	if to.CustomerId == "" || s.cfg.Recent == nil {
		return nil, nil
	}
	rows, err := s.cfg.Recent(tx, to.CustomerId, recentMails)
	if err != nil {
		return nil, err
	}
	for _, m := range rows {
		if m.GetSent() != nil && fold(m.To) == fold(to.Email) && s.cfg.Now().Sub(m.GetSent().AsTime()) < recentTime {
			return m, nil
		}
	}
	return nil, nil
}

// unsubscribe takes back the consent of who asks for it by mail: the customer whose mail it answers, or whose address it
// comes from. Anybody can write a sender's address, but in doubt there is no advertising.
func (s *Service) unsubscribe(tx *store.Tx, r *mostradorv1.Report) error {
	if s.cfg.Withdraw == nil {
		return nil
	}
	asked := map[string]bool{}
	for _, to := range r.Recipients {
		if to.MessageId != "" {
			asked[to.CustomerId] = true
		}
	}
	if from, err := mail.ParseAddress(r.From); err == nil && len(asked) == 0 {
		c, err := s.holder(tx, from.Address)
		if err != nil {
			return err
		}
		if c != nil {
			asked[c.Id] = true
			r.Recipients = append(r.Recipients, &mostradorv1.ReportedRecipient{Email: c.Email, CustomerId: c.Id})
		}
	}
	for id := range asked {
		if id == "" {
			continue
		}
		if err := s.cfg.Withdraw(tx, &plgv1.Actor{Channel: "mail"}, id); err != nil {
			return err
		}
	}
	return nil
}
