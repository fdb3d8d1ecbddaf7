package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"mostrador/sdk"
	"mostrador/sdk/plgv1"
)

// An event that concerns no customer has no record, so what waits travels with its reminder, and no other event ends it.
// When a rule writes to the event's address at most once in a time, a record by the address' hash says when it did: what
// the address is stays with the message alone.

func handleNobody(tx *sdk.Tx, begins []*rule, h happening) error {
	for _, r := range begins {
		if r.GetTo() == plgv1.MessageRule_RECIPIENT_CUSTOMER {
			continue
		}
		if yes, err := r.when.holds(&facts{event: h, now: h.Time}); err != nil || !yes {
			continue
		}
		w := wait{Rule: r.GetId(), Event: h, Due: after(h.Time, r.GetWait().AsDuration(), r.GetAt(), zone(tx))}
		if err := laterOrNow(tx, r, w, h.Time); err != nil {
			return err
		}
	}
	return nil
}

// dueNobody is the reminder of what concerns no customer.
func dueNobody(tx *sdk.Tx, rs *rules, e sdk.Scheduled) error {
	text, _ := e.Data["wait"].(string)
	var w wait
	if err := json.Unmarshal([]byte(text), &w); err != nil {
		return fmt.Errorf("what waits: %w", err)
	}
	r := rs.byID[w.Rule]
	if r == nil {
		return nil
	}
	if r.unless != nil {
		if ended, err := r.unless.holds(&facts{event: w.Event, now: e.Time}); err != nil || ended {
			tally(tx, r.GetId(), exitCondition)
			return nil
		}
	}
	return laterOrNow(tx, r, w, e.Time)
}

// laterOrNow sends what is due, and keeps what is not.
func laterOrNow(tx *sdk.Tx, r *rule, w wait, now time.Time) error {
	if !w.Due.After(now) {
		free, err := firstTime(tx, r, w, now)
		if err != nil || !free {
			return err
		}
		yes, err := send(tx, r, w, sdk.Customer{})
		if err != nil {
			return err
		}
		if !yes {
			tally(tx, r.GetId(), noAddress)
			return nil
		}
		tally(tx, r.GetId(), sent)
		if w.Asked >= int(r.GetRepeatTimes()) {
			return nil
		}
		w.Asked++
		w.Due = after(now, r.GetRepeatEvery().AsDuration(), r.GetAt(), zone(tx))
	}
	w.Event = w.Event.trimmed()
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return tx.Schedule(sdk.Later{Time: w.Due, Name: reminderNobody, Data: map[string]any{"wait": string(text)}})
}

// firstTime tells whether a rule may write to the event's address, and notes that it does.
func firstTime(tx *sdk.Tx, r *rule, w wait, now time.Time) (bool, error) {
	address := strings.ToLower(w.Event.text("email"))
	if r.GetTo() != plgv1.MessageRule_RECIPIENT_EVENT || r.GetOncePer().AsDuration() <= 0 || w.Asked > 0 || address == "" {
		return true, nil
	}
	sum := sha256.Sum256([]byte(address))
	key := "once/" + r.GetId() + "/" + hex.EncodeToString(sum[:16])
	last, found, err := sdk.Get[time.Time](tx, key)
	if err != nil {
		return false, err
	}
	if found && now.Before(last.Add(r.GetOncePer().AsDuration())) {
		tally(tx, r.GetId(), once)
		return false, nil
	}
	return true, tx.Put(key, now)
}
