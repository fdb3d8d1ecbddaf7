package message

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// outcome is what an attempt came to.
type outcome struct {
	id string
	// raw and before are the row as it was read, row is what it is to be.
	raw         []byte
	before, row *mostradorv1.Message
	// mail is the mail as it left, ready to be kept; empty when it has not.
	mail packed
	// customer is whose cap on advertising this counts against, until it is committed.
	customer string
}

// deliver tries one message once and hands what came of it to the committer.
func (d *sender) deliver(ctx context.Context, e entry) {
	o := d.try(ctx, e)
	d.flying[e.class].Add(-1)
	if o == nil {
		d.unknow(e.id)
		return
	}
	d.outcomes <- o
	nudge(d.step)
}

// try is one attempt. It returns nil when nothing of it is to be kept.
func (d *sender) try(ctx context.Context, e entry) *outcome {
	took, complaint := false, ""
	defer func() {
		if d.paces.done(e.provider, d.s.cfg.Now(), took, complaint) {
			window, rate, _, _ := d.paces.limitOf(e.provider)
			d.s.log.Warn("a provider asks for fewer mails", "provider", e.provider, "at a time", window,
				"per minute", int(rate*60), "answer", complaint)
		}
	}()
	// Claimed before it is read, so that nobody who takes it back meanwhile is told that it stays.
	if !d.claims.take(e.id) {
		return nil
	}
	o, mail, sendErr := d.attempt(ctx, e.id)
	if o == nil || sendErr != nil && ctx.Err() != nil { // of no concern any more; or the host ends and the row says queued
		if sendErr != nil && ctx.Err() == nil {
			d.s.log.Error("a message cannot be read", "message", e.id, "error", sendErr)
			d.pause()
		}
		d.letGo(e.id, o)
		return nil
	}
	var refusal *Refusal
	if errors.As(sendErr, &refusal) {
		complaint = d.s.complaint(refusal)
	}
	took = sendErr == nil
	d.settle(o.row, sendErr)
	if o.row.Sent != nil && mail != nil {
		o.mail = d.s.keeper.pack(d.s, o.row, mail.Bytes)
	}
	return o
}

// letGo ends a claim.
func (d *sender) letGo(id string, o *outcome) {
	if o != nil && o.customer != "" {
		d.claims.unadvertise(o.customer)
	}
	d.claims.release(id)
}

// kept is the outcome of a mail that must not leave, or not now.
type kept struct{ decision *decision }

func (k *kept) Error() string { return "kept back" }

// attempt reads, checks, composes, signs and sends. Whether the mail may leave is looked at here, at the last moment. It
// returns no outcome for a message that is not to leave any more.
func (d *sender) attempt(ctx context.Context, id string) (o *outcome, mail *Mail, err error) {
	s := d.s
	var customer *plgv1.Customer
	var lookup error
	var verdict *decision
	err = s.cfg.Store.View(func(tx *store.Tx) error {
		raw := tx.Get(bucketMessage, []byte(id))
		before := &mostradorv1.Message{}
		if raw == nil {
			return ErrNotFound
		}
		if err := proto.Unmarshal(raw, before); err != nil {
			return fmt.Errorf("message %s: %w", id, err)
		}
		if !waits(before) || before.NextAttempt.AsTime().After(s.cfg.Now()) {
			return nil // taken back or put off since it was read ahead
		}
		o = &outcome{id: id, raw: bytes.Clone(raw), before: before, row: proto.CloneOf(before)}
		if before.Kind == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL && s.cfg.Settings().PromotionsMost > 0 {
			o.customer = before.CustomerId
			d.claims.advertise(o.customer)
		}
		// A customer who cannot be read is this mail's trouble and holds back no other.
		if customer, lookup = s.customer(tx, before); lookup != nil {
			return nil
		}
		if email := customer.GetEmail(); email != "" {
			o.row.To = email // he may have another by now
		}
		verdict, lookup = s.decide(tx, o.row, customer, false)
		return nil
	})
	if err != nil || o == nil {
		return o, nil, err
	}
	if lookup != nil {
		o.row.Attempts++
		return o, nil, lookup
	}
	o.row.Checks = verdict.checks
	if verdict.stopped != nil || !verdict.until.IsZero() {
		return o, nil, &kept{verdict}
	}
	o.row.Attempts++
	if mail, err = s.composeFor(o.row, customer); err != nil {
		return o, nil, err
	}
	set := s.cfg.Settings()
	if path := ReturnPath(set, id); path != "" {
		mail.From = path
	}
	if err := s.sign(mail); err != nil {
		return o, nil, err
	}
	return o, mail, s.transport(set).Send(ctx, set, mail)
}

// sign signs a mail when there is who signs. A mail that should be signed does not leave without.
func (s *Service) sign(mail *Mail) error {
	if s.cfg.Signer == nil {
		return nil
	}
	signer := s.cfg.Signer()
	if signer == nil {
		return nil
	}
	signed, err := signer.Sign(mail.Bytes)
	if err != nil {
		return &composeError{key: "not_signed", err: err}
	}
	mail.Bytes = signed
	return nil
}

// settle writes into the row what an attempt came to.
func (d *sender) settle(row *mostradorv1.Message, err error) {
	s := d.s
	now := s.cfg.Now()
	set := s.cfg.Settings()
	row.NextAttempt = nil
	var held *kept
	var refusal *Refusal
	var unreachable *Unreachable
	switch {
	case err == nil:
		d.reached()
		row.Sent = timestamppb.New(now)
		row.LastAnswer = ""
		row.State = mostradorv1.MessageState_MESSAGE_STATE_SENT
		if set.Server == "" {
			row.State = mostradorv1.MessageState_MESSAGE_STATE_SPOOLED
		}
		return
	case errors.As(err, &held):
		s.holdBack(row, held.decision)
		return
	case errors.As(err, &refusal):
		d.reached()
		s.bounced(row, refusal)
	case errors.As(err, &unreachable):
		d.pause()
	}
	row.LastAnswer = s.words(err)
	if refusal != nil && refusal.Permanent() || row.Attempts >= maxAttempts {
		row.State = mostradorv1.MessageState_MESSAGE_STATE_FAILED
		return
	}
	next := now.Add(s.cfg.Backoff(row.Id, int(row.Attempts)))
	if end := row.Expires.AsTime(); row.Expires != nil && end.Before(next) {
		next = end // to say then that its time is over
	}
	row.NextAttempt = timestamppb.New(next)
}

// holdBack writes into the row that a check keeps the mail back.
func (s *Service) holdBack(row *mostradorv1.Message, d *decision) {
	if d.stopped == nil {
		row.LastAnswer = failing(d.checks).Words
		row.NextAttempt = timestamppb.New(d.until)
		return
	}
	row.LastAnswer = d.stopped.Words
	switch d.stopped.Check {
	case checkExpiry:
		row.State = mostradorv1.MessageState_MESSAGE_STATE_CANCELLED
	case checkAddress:
		row.State = mostradorv1.MessageState_MESSAGE_STATE_FAILED
	default:
		row.State = mostradorv1.MessageState_MESSAGE_STATE_SUPPRESSED
	}
}

// bounced notes what a server's no means, when anybody can tell.
func (s *Service) bounced(row *mostradorv1.Message, refusal *Refusal) {
	if s.cfg.Classify == nil {
		return
	}
	bounce := s.cfg.Classify(refusal.Code, refusal.Words)
	if bounce == nil || !refusal.Permanent() {
		return // what is tried again has not come back
	}
	bounce.AtOnce = true
	if row.Delivery == nil {
		row.Delivery = &mostradorv1.MessageDelivery{}
	}
	row.Delivery.Bounced, row.Delivery.Bounce = timestamppb.New(s.cfg.Now()), bounce
}
