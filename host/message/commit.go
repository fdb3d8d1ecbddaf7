package message

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

const (
	// commitMost is how many outcomes are kept together at most, commitWithin how long one waits for others. Both bound
	// what leaves twice when the machine dies, besides what is on the wire at that moment.
	commitMost   = 256
	commitWithin = 20 * time.Millisecond
)

// commitAll keeps outcomes until there will be no more. Those that come close together share a transaction: a mail's
// place in the queue is next to that of the mail before. While nothing else is leaving, nothing is waited for.
func (d *sender) commitAll(ctx context.Context) {
	for first := range d.outcomes {
		batch := d.gather(first)
		err := d.s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
			for _, o := range batch {
				d.commit(tx, o)
			}
			return nil
		})
		if err != nil {
			d.s.log.Error("what came of mails cannot be kept", "mails", len(batch), "error", err)
			d.pause()
		}
		ids := make([]string, 0, len(batch))
		for _, o := range batch {
			d.letGo(o.id, o)
			ids = append(ids, o.id)
		}
		d.unknow(ids...)
	}
}

// gather collects the outcomes that are kept together with the first.
func (d *sender) gather(first *outcome) []*outcome {
	batch := append(make([]*outcome, 0, commitMost), first)
	late := time.NewTimer(commitWithin)
	defer late.Stop()
	for len(batch) < commitMost {
		if len(d.outcomes) == 0 && d.flying[classFirst].Load()+d.flying[classLater].Load() == 0 {
			break
		}
		select {
		case o, more := <-d.outcomes:
			if !more {
				return batch
			}
			batch = append(batch, o)
		case <-late.C:
			return batch
		}
	}
	return batch
}

// commit keeps one outcome. One that cannot be kept takes no other with it.
func (d *sender) commit(tx *store.Tx, o *outcome) {
	err := tx.Try(func() error { return d.keep(tx, o, d.s.put) })
	if err == nil {
		if o.row.LastAnswer != "" {
			tx.OnCommit(func() {
				d.s.log.Info("message", "id", o.id, "state", o.row.State.String(), "attempts", o.row.Attempts)
			})
		}
		return
	}
	d.s.log.Error("what follows from a mail cannot be kept", "message", o.id, "error", err)
	// A fault in what others make of it does not make a mail leave twice.
	if err := tx.Try(func() error { return d.keep(tx, o, d.s.write) }); err != nil {
		d.s.log.Error("what came of a mail cannot be kept", "message", o.id, "error", err)
		d.pause()
	}
}

// keep writes an outcome into the row, and the mail when it has left.
func (d *sender) keep(tx *store.Tx, o *outcome, put func(tx *store.Tx, old, now *mostradorv1.Message) error) error {
	old, row := o.before, o.row
	if raw := tx.Get(bucketMessage, []byte(o.id)); string(raw) != string(o.raw) {
		var err error
		if old, err = load(tx, o.id); err != nil {
			return err
		}
		if forgotten(old) { // while it was leaving
			tx.OnCommit(func() { _ = d.s.ForgetFiles([]string{o.id}) })
			return nil
		}
		row = proto.CloneOf(old)
		carry(row, o.row)
	}
	o.mail.put(tx, o.id)
	return put(tx, old, row)
}

// carry takes over what an attempt wrote, into a row that somebody changed meanwhile.
func carry(to, from *mostradorv1.Message) {
	to.To, to.Subject, to.State, to.Sent = from.To, from.Subject, from.State, from.Sent
	to.Attempts, to.NextAttempt, to.LastAnswer, to.Checks = from.Attempts, from.NextAttempt, from.LastAnswer, from.Checks
	to.TemplateSha256, to.TemplateVersion, to.Language = from.TemplateSha256, from.TemplateVersion, from.Language
	if from.PromoCode != "" {
		to.PromoCode = from.PromoCode
	}
	if to.Delivery.GetBounce() == nil && from.Delivery.GetBounce() != nil {
		if to.Delivery == nil {
			to.Delivery = &mostradorv1.MessageDelivery{}
		}
		to.Delivery.Bounced, to.Delivery.Bounce = from.Delivery.Bounced, from.Delivery.Bounce
	}
}
