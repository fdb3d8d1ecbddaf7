package record

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"strings"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// defaultReason is why somebody is erased when nobody says more: because he asked for it.
const defaultReason = "request"

// maxReason is the longest reason, in bytes.
const maxReason = 200

// Erase forgets a customer, and who became part of him, for good; with preview it only says what goes and what stays.
// Everything goes in one transaction, spooled mails right after it. Plugins that handle customer.erased let go of their
// records when they were handed the event.
func (s *Service) Erase(ctx context.Context, actor *plgv1.Actor, req *mostradorv1.EraseRequest) (*mostradorv1.EraseResponse, error) {
	reason := strings.TrimSpace(req.GetReason())
	if reason == "" {
		reason = defaultReason
	}
	if len(reason) > maxReason {
		return nil, s.refuse(ctx, "reason", "reason_long", "n", maxReason)
	}
	answer := &mostradorv1.EraseResponse{}
	var who []identity
	if err := s.Store.View(func(tx *store.Tx) (err error) {
		who, err = s.survey(ctx, tx, req.GetCustomerId(), answer)
		return err
	}); err != nil || req.GetPreview() {
		return answer, err
	}
	places := map[string][][]byte{}
	for _, id := range who {
		found, err := s.Engine.Scheduled(id.id)
		if err != nil {
			return nil, err
		}
		places[id.id] = found
	}
	var mails, elsewhere []string
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		now, err := s.identities(tx, req.GetCustomerId())
		if err != nil {
			return err
		}
		c, err := s.Customers.Get(tx, now[0].id)
		if err != nil {
			return err
		}
		emails := map[string]string{c.Id: c.Email} // gone with the record
		// The record goes first: what that makes others tell of the customer is in the log then, and goes with the rest.
		if err := s.Customers.Erase(tx, actor, now[0].number); err != nil {
			return err
		}
		for _, who := range now {
			if err := s.eraseMerges(tx, who); err != nil {
				return err
			}
		}
		for _, who := range now {
			if err := s.Engine.Forget(tx, who.id, places[who.id]); err != nil {
				return err
			}
			if s.Messages != nil {
				ids, err := s.Messages.Forget(tx, who.id)
				if err != nil {
					return err
				}
				mails = append(mails, ids...)
			}
			if s.Reports != nil {
				if err := s.Reports(tx, who.id, emails[who.id]); err != nil {
					return err
				}
			}
			if _, err := s.Sales.Forget(tx, who.id); err != nil {
				return err
			}
			if err := s.Consent.Forget(tx, actor, who.id, reason); err != nil {
				return err
			}
			if s.Subscriptions != nil {
				if err := s.Subscriptions.Forget(tx, who.id); err != nil {
					return err
				}
			}
			for key := range tx.Scan(bucketDismissed, numberKey(who.number), nil) {
				other := binary.BigEndian.Uint32(key[4:])
				tx.Delete(bucketDismissed, bytes.Clone(key))
				tx.Delete(bucketDismissed, pairKey(other, who.number))
			}
			if s.Elsewhere != nil {
				kept, err := s.Elsewhere(ctx, tx, who.id, who.number)
				if err != nil {
					return err
				}
				elsewhere = append(elsewhere, kept...)
			}
			if err := s.Log.Append(tx, &plgv1.Event{
				Type: event.TypeErased, Actor: actor, Customer: &plgv1.Customer{Id: who.id, Number: uint64(who.number)},
				Detail: &plgv1.Event_CustomerErased{CustomerErased: &plgv1.CustomerErased{}},
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	answer.Kept = append(answer.Kept, elsewhere...)
	if s.Messages != nil {
		if err := s.Messages.ForgetFiles(mails); err != nil {
			s.Logger.Error("spooled mails of somebody who was erased", "error", err)
			answer.Kept = append(answer.Kept, s.text(locale.FromContext(ctx), "kept_spool"))
		}
	}
	return answer, nil
}

// identity is a customer, or a part of him.
type identity struct {
	id     string
	number uint32
}

// identities are those of a customer, his own first.
func (s *Service) identities(tx *store.Tx, customerID string) ([]identity, error) {
	c, err := s.Customers.Get(tx, customerID)
	if err != nil {
		return nil, err
	}
	who := []identity{{c.Id, uint32(c.Number)}}
	for _, p := range s.Customers.Parts(tx, uint32(c.Number)) {
		who = append(who, identity{p.ID, p.Number})
	}
	return who, nil
}

// eraseMerges takes the person out of his merges, which cannot be taken back any more. While a merge held, the events of
// the one who stayed told of both.
func (s *Service) eraseMerges(tx *store.Tx, who identity) error {
	merges, err := mergesOf(tx, who.number)
	if err != nil {
		return err
	}
	for _, rec := range merges {
		if rec.UnmergedEvent != 0 && rec.GoneNumber == uint64(who.number) && rec.Keep != nil {
			if err := s.Log.Redact(tx, rec.Keep.Id, rec.EventBefore, rec.UnmergedEvent+1); err != nil {
				return err
			}
		}
		left := &mostradorv1.MergeRecord{
			Merge: rec.Merge, Time: rec.Time, Actor: rec.Actor, MergedEvent: rec.MergedEvent, UnmergedEvent: rec.UnmergedEvent,
			KeepNumber: rec.KeepNumber, GoneNumber: rec.GoneNumber,
		}
		if err := store.PutProto(tx, bucketMerge, mergeKey(rec.Merge), left); err != nil {
			return err
		}
	}
	return nil
}

// survey says what goes and what stays.
func (s *Service) survey(ctx context.Context, tx *store.Tx, customerID string, answer *mostradorv1.EraseResponse) ([]identity, error) {
	lang := locale.FromContext(ctx)
	who, err := s.identities(tx, customerID)
	if err != nil {
		return nil, err
	}
	goes := func(key string, args ...any) { answer.Erased = append(answer.Erased, s.text(lang, key, args...)) }
	stays := func(key string, args ...any) { answer.Kept = append(answer.Kept, s.text(lang, key, args...)) }
	c, err := s.Customers.ByNumber(tx, who[0].number)
	if err != nil {
		return nil, err
	}
	goes("erased_record", "name", c.Name, "number", c.Number)
	var parts []string
	events, mails, proofs := 0, 0, 0
	plugins := map[string]bool{}
	for i, w := range who {
		if i > 0 {
			parts = append(parts, number(float64(w.number), lang))
		}
		list, err := s.Log.List(tx, event.Query{Customer: w.id})
		if err != nil {
			return nil, err
		}
		events += len(list)
		if s.Messages != nil {
			rows, err := s.Messages.Rows(tx, w.id, "", -1)
			if err != nil {
				return nil, err
			}
			if i == 0 { // those of the parts are among them
				mails = len(rows)
			}
		}
		entries, err := s.Consent.Entries(tx, w.id, 0, -1)
		if err != nil {
			return nil, err
		}
		proofs += len(entries)
		for plugin := range event.StatesOf(tx, w.id) {
			plugins[s.pluginName(plugin, lang)] = true
		}
	}
	sales, err := s.Sales.Of(tx, customerID, 0)
	if err != nil {
		return nil, err
	}
	if len(parts) > 0 {
		goes("erased_parts", "numbers", strings.Join(parts, ", "))
	}
	goes("erased_events", "n", events)
	if mails > 0 {
		goes("erased_mails", "n", mails)
	}
	if len(plugins) > 0 {
		goes("erased_plugins", "names", strings.Join(sortedKeys(plugins), ", "))
	}
	if n := len(sales); n > 0 {
		stays("kept_sales", "n", n)
	}
	if proofs > 0 {
		stays("kept_consent", "n", proofs)
	}
	stays("kept_number", "number", c.Number)
	if mails > 0 {
		stays("kept_sent")
	}
	stays("kept_exports")
	stays("kept_backups")
	return slices.Clip(who), nil
}
