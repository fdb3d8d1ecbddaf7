package delivery

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	// bucketAddress holds what is known of addresses: folded address → Address.
	bucketAddress store.Bucket = "delivery_address"
	// bucketTrouble is their order in lists: worst state first, then the latest change first (see troubleKey) → nothing.
	bucketTrouble store.Bucket = "delivery_trouble"
	// bucketOwner holds whose they are: customer id, 0, folded address → nothing.
	bucketOwner store.Bucket = "delivery_owner"
)

const (
	// maxEmail is the longest address (RFC 5321 4.5.3.1.3), maxNote the longest note, in bytes.
	maxEmail = 254
	maxNote  = 500
	// pageLimit is the most that one answer holds, scanLimit the most that is looked at for it.
	pageLimit = 500
	scanLimit = 20_000
)

// troubleKey places a record: 1 byte of state, the worst lowest; 8 bytes of time, the latest lowest; the address.
func troubleKey(a *mostradorv1.Address) []byte {
	key := make([]byte, 9, 9+len(a.Email))
	key[0] = byte(mostradorv1.AddressState_ADDRESS_STATE_SUPPRESSED - a.State)
	binary.BigEndian.PutUint64(key[1:], ^uint64(a.Since.AsTime().UnixNano()))
	return append(key, fold(a.Email)...)
}

func ownerKey(customerID, email string) []byte { return []byte(customerID + "\x00" + fold(email)) }

// known returns what is known of an address, nil when nothing happened to it.
func known(tx *store.Tx, email string) (*mostradorv1.Address, error) {
	folded := fold(email)
	if folded == "" || len(folded) > maxEmail {
		return nil, nil
	}
	a := new(mostradorv1.Address)
	if found, err := store.GetProto(tx, bucketAddress, []byte(folded), a); !found || err != nil {
		return nil, err
	}
	return a, nil
}

// happen notes what happened to an address and decides anew how it stands. reason, when it is not empty, suppresses it;
// eventReleased lets it go.
func (s *Service) happen(tx *store.Tx, email, customerID string, e *mostradorv1.AddressEvent, reason string) (*mostradorv1.Address, error) {
	now := s.cfg.Now()
	if e.Time == nil {
		e.Time = timestamppb.New(now)
	}
	a, err := known(tx, email)
	if err != nil {
		return nil, err
	}
	if a == nil {
		a = &mostradorv1.Address{
			Email: email, State: mostradorv1.AddressState_ADDRESS_STATE_GOOD, Since: e.Time,
		}
	} else {
		tx.Delete(bucketTrouble, troubleKey(a))
	}
	if customerID != "" && customerID != a.CustomerId {
		if a.CustomerId != "" {
			tx.Delete(bucketOwner, ownerKey(a.CustomerId, email))
		}
		a.CustomerId = customerID
		tx.Put(bucketOwner, ownerKey(customerID, email), nil)
	}
	// What soft bounces had decided may have lapsed since.
	_, before, _ := judge(a, now)
	a.Reason = before
	if len(a.Events) >= maxEvents {
		a.Events = a.Events[:maxEvents-1]
	}
	a.Events = append([]*mostradorv1.AddressEvent{e}, a.Events...)
	switch {
	case e.Kind == eventReleased:
		a.Reason = ""
	case strength(reason) > strength(a.Reason):
		a.Reason = reason
	}
	state, after, _ := judge(a, now)
	a.Reason = after
	if state != a.State || after != before || e.Kind == eventReleased {
		a.State, a.Since = state, e.Time
		a.Actor, a.Note, a.Bounce = e.Actor, e.Note, nil
		if state == mostradorv1.AddressState_ADDRESS_STATE_SUPPRESSED || state == mostradorv1.AddressState_ADDRESS_STATE_SHAKY {
			a.Bounce = e.Bounce
		}
	}
	s.changed(tx)
	return a, putAddress(tx, a)
}

func putAddress(tx *store.Tx, a *mostradorv1.Address) error {
	tx.Put(bucketTrouble, troubleKey(a), nil)
	return store.PutProto(tx, bucketAddress, []byte(fold(a.Email)), a)
}

// bounced notes a bounce of a mail to an address; messageID is empty when nothing proves that it was ours. The same
// mail coming back a second time, for the same reason, is no news.
func (s *Service) bounced(tx *store.Tx, email, customerID, messageID string, b *mostradorv1.Bounce, actor *plgv1.Actor) error {
	if email == "" || b.GetKind() == mostradorv1.Bounce_KIND_DELAYED || b.GetKind() == mostradorv1.Bounce_KIND_UNSPECIFIED {
		return nil
	}
	a, err := known(tx, email)
	if err != nil {
		return err
	}
	for _, e := range a.GetEvents() {
		if e.GetKind() == eventBounce && messageID != "" && e.GetMessageId() == messageID && e.GetBounce().GetKind() == b.GetKind() {
			return nil
		}
	}
	e := &mostradorv1.AddressEvent{Kind: eventBounce, Bounce: b, MessageId: messageID, Actor: actor}
	reason := ""
	if b.GetKind() == mostradorv1.Bounce_KIND_HARD && !hearsay(e) {
		reason = reasonHard
	}
	_, err = s.happen(tx, email, customerID, e, reason)
	return err
}

// healed notes that a mail certainly arrived, where that changes anything.
func (s *Service) healed(tx *store.Tx, email, messageID string) error {
	a, err := known(tx, email)
	if err != nil || a == nil || weigh(a.Events, s.cfg.Now()) == 0 {
		return err
	}
	_, err = s.happen(tx, email, "", &mostradorv1.AddressEvent{Kind: eventDelivered, MessageId: messageID}, "")
	return err
}

// left notes that a server took a mail to an address that had trouble: when it does not come back, the trouble is over.
func (s *Service) left(tx *store.Tx, m *mostradorv1.Message) error {
	a, err := known(tx, m.To)
	if err != nil || a == nil || weigh(a.Events, s.cfg.Now()) == 0 || a.Events[0].Kind == eventSent {
		return err
	}
	_, err = s.happen(tx, m.To, "", &mostradorv1.AddressEvent{Kind: eventSent, MessageId: m.Id}, "")
	return err
}

// Suppress stops all mail to an address. What a person can mend is a *customer.Refused.
func (s *Service) Suppress(ctx context.Context, actor *plgv1.Actor, email, note string) (*mostradorv1.Address, error) {
	return s.decide(ctx, email, &mostradorv1.AddressEvent{Kind: eventSuppressed, Actor: actor, Note: note}, reasonStaff)
}

// Release lets an address get mail again, whatever suppressed it; soft bounces of before count no more.
func (s *Service) Release(ctx context.Context, actor *plgv1.Actor, email, note string) (*mostradorv1.Address, error) {
	return s.decide(ctx, email, &mostradorv1.AddressEvent{Kind: eventReleased, Actor: actor, Note: note}, "")
}

// decide notes what a person decided about an address.
func (s *Service) decide(ctx context.Context, email string, e *mostradorv1.AddressEvent, reason string) (*mostradorv1.Address, error) {
	email, e.Note = strings.TrimSpace(email), strings.TrimSpace(e.Note)
	switch at := strings.LastIndexByte(email, '@'); {
	case at <= 0 || at == len(email)-1 || len(email) > maxEmail || strings.ContainsFunc(email, unfit):
		return nil, s.refuse(ctx, "email", "email_invalid", "email", email)
	case len(e.Note) > maxNote:
		return nil, s.refuse(ctx, "note", "note_long", "n", maxNote)
	}
	var shown *mostradorv1.Address
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		if e.Kind == eventReleased {
			a, err := known(tx, email)
			if err != nil {
				return err
			}
			if a == nil {
				return s.refuse(ctx, "email", "email_unknown", "email", email)
			}
			email = a.Email
		}
		holder, err := s.holder(tx, email)
		if err != nil {
			return err
		}
		a, err := s.happen(tx, email, holder.GetId(), e, reason)
		if err != nil {
			return err
		}
		shown, err = s.show(tx, a)
		return err
	})
	if err != nil {
		return nil, err
	}
	return shown, nil
}

// unfit tells what cannot stand in an address: white space and control characters.
func unfit(r rune) bool { return r <= ' ' || r == 0x7f || r == 0x2028 || r == 0x2029 }

// refuse is a refusal of what was given for a field.
func (s *Service) refuse(ctx context.Context, path, key string, args ...any) error {
	return &customer.Refused{Refusal: &mostradorv1.Refusal{Diagnostics: []*plgv1.Diagnostic{{
		Severity: plgv1.Severity_SEVERITY_ERROR, Path: path, Code: key, Summary: s.text(locale.FromContext(ctx), key, args...),
	}}}}
}

// show completes a record with what depends on the time and on the customer.
func (s *Service) show(tx *store.Tx, a *mostradorv1.Address) (*mostradorv1.Address, error) {
	a.State, a.Reason, a.Weight = judge(a, s.cfg.Now())
	a.Limit = weightLimit
	if a.CustomerId != "" && s.cfg.Customer != nil {
		c, err := s.cfg.Customer(tx, a.CustomerId)
		if err != nil {
			return nil, err
		}
		a.CustomerName = c.GetName()
	}
	return a, nil
}

// Addresses lists what is known of addresses, those with trouble first and among them the latest. A page may hold fewer
// than asked for and still have a next one.
func (s *Service) Addresses(ctx context.Context, q *mostradorv1.ListAddressesRequest) (*mostradorv1.ListAddressesResponse, error) {
	limit := int(q.GetLimit())
	if limit <= 0 || limit > pageLimit {
		limit = pageLimit
	}
	var after []byte
	if q.GetPage() != "" {
		var err error
		if after, err = base64.RawURLEncoding.DecodeString(q.GetPage()); err != nil {
			return nil, s.refuse(ctx, "page", "page_invalid")
		}
	}
	text := fold(q.GetText())
	answer := new(mostradorv1.ListAddressesResponse)
	err := s.cfg.Store.View(func(tx *store.Tx) error {
		seen := 0
		for key := range tx.Scan(bucketTrouble, nil, after) {
			if len(answer.Addresses) == limit || seen == scanLimit {
				answer.NextPage = base64.RawURLEncoding.EncodeToString(after)
				return nil
			}
			seen++
			after = bytes.Clone(key)
			email := string(key[9:])
			if !strings.Contains(email, text) {
				continue
			}
			a, err := known(tx, email)
			if err != nil {
				return err
			}
			if a == nil {
				return fmt.Errorf("address %s is listed but not kept", email)
			}
			if a, err = s.show(tx, a); err != nil {
				return err
			}
			if q.GetState() == mostradorv1.AddressState_ADDRESS_STATE_UNSPECIFIED || q.GetState() == a.State {
				answer.Addresses = append(answer.Addresses, a)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}
