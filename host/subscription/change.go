package subscription

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// maxNote is the longest note of staff, in characters.
const maxNote = 300

// channelPrefix stands before a channel where topics and channels stand together.
const channelPrefix = "channel:"

// Key names a topic or a channel in one word: "novedades", "channel:email".
func Key(topic, channel string) string {
	if channel != "" {
		return channelPrefix + channel
	}
	return topic
}

func keyOf(s *mostradorv1.Subscription) string { return Key(s.GetTopic(), s.GetChannel()) }

// at is a subscription of a key.
func at(key string) *mostradorv1.Subscription {
	if channel, ok := strings.CutPrefix(key, channelPrefix); ok {
		return &mostradorv1.Subscription{Channel: channel}
	}
	return &mostradorv1.Subscription{Topic: key}
}

// state is how a customer stands to a topic or channel, and in which row of his history that stands; 0 when he never
// changed it, for which everything is on.
func (s *Service) state(tx *store.Tx, customerID, key string) (*mostradorv1.Subscription, uint64, error) {
	v := tx.Get(bucketState, stateKey(customerID, key))
	if len(v) < 8 {
		now := at(key)
		now.On = true
		return now, 0, nil
	}
	now := &mostradorv1.Subscription{}
	found, err := store.GetProto(tx, bucketHistory, append(prefixOf(customerID), v[:8]...), now)
	if err == nil && !found {
		err = fmt.Errorf("subscription: %s of customer %s has no history", key, customerID)
	}
	return now, binary.BigEndian.Uint64(v[:8]), err
}

// set brings a customer to a state, if he is not in it already.
func (s *Service) set(tx *store.Tx, c *plgv1.Customer, next *mostradorv1.Subscription) error {
	key := keyOf(next)
	was, _, err := s.state(tx, c.Id, key)
	if err != nil || was.On == next.On {
		return err
	}
	if next.Since == nil {
		next.Since = timestamppb.New(s.Now())
	}
	data := map[string]any{"on": next.On, "means": meansName(next.Means)}
	if next.Channel != "" {
		data["channel"] = next.Channel
	} else {
		data["topic"] = next.Topic
	}
	sequence, err := s.say(tx, EventChanged, next.Actor, c, data)
	if err != nil {
		return err
	}
	row := sequenceKey(c.Id, sequence)
	tx.Put(bucketState, stateKey(c.Id, key), row[len(row)-8:])
	count(tx, key, !next.On)
	return store.PutProto(tx, bucketHistory, row, next)
}

// meansName is a means as events name it. A merge is nobody's means.
func meansName(m plgv1.Means) string {
	if m == plgv1.Means_MEANS_UNSPECIFIED {
		return "merge"
	}
	return strings.ToLower(strings.TrimPrefix(m.String(), "MEANS_"))
}

// Change is what staff do in the customer's presence, with whom they speak. To take him up again needs
// req.Confirmed. What a person can mend is a *customer.Refused.
func (s *Service) Change(ctx context.Context, actor *plgv1.Actor, req *mostradorv1.ChangeSubscriptionRequest) (*mostradorv1.ShowSubscriptionsResponse, error) {
	note := strings.TrimSpace(req.GetNote())
	switch {
	case (req.GetTopic() == "") == (req.GetChannel() == ""):
		return nil, s.refuse(ctx, "topic", "one_of_both")
	case req.GetChannel() != "" && req.GetChannel() != Email:
		return nil, s.refuse(ctx, "channel", "channel_unknown", "channel", req.GetChannel())
	case utf8.RuneCountInString(note) > maxNote || !utf8.ValidString(note):
		return nil, s.refuse(ctx, "note", "text_long", "n", maxNote)
	case req.GetOn() && !req.GetConfirmed():
		return nil, s.refuse(ctx, "confirmed", "confirm")
	}
	var now *mostradorv1.ShowSubscriptionsResponse
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		c, err := s.Customers.Get(tx, req.GetCustomerId())
		if err != nil {
			return err
		}
		if req.GetTopic() != "" {
			if _, err := s.topic(tx, req.GetTopic()); err != nil {
				return err
			}
		}
		if err := s.set(tx, c, &mostradorv1.Subscription{
			Topic: req.GetTopic(), Channel: req.GetChannel(), On: req.GetOn(),
			Actor: actor, Means: plgv1.Means_MEANS_STAFF, Note: note,
		}); err != nil {
			return err
		}
		now, err = s.Show(tx, c.Id, locale.FromContext(ctx))
		return err
	})
	if err != nil {
		return nil, err
	}
	return now, nil
}

// Show returns how a customer stands to every topic and channel, with all that he, and who became part of him, changed
// and said. Where he acted from is not told.
func (s *Service) Show(tx *store.Tx, customerID, lang string) (*mostradorv1.ShowSubscriptionsResponse, error) {
	c, err := s.Customers.Get(tx, customerID)
	if err != nil {
		return nil, err
	}
	topics, err := s.Topics(tx)
	if err != nil {
		return nil, err
	}
	shown := &mostradorv1.ShowSubscriptionsResponse{}
	keys := make([]string, 0, len(topics)+1)
	for _, t := range topics {
		keys = append(keys, t.Id)
	}
	for _, key := range append(keys, Key("", Email)) {
		now, _, err := s.state(tx, c.Id, key)
		if err != nil {
			return nil, err
		}
		shown.Subscriptions = append(shown.Subscriptions, public(now))
	}
	for _, id := range s.Customers.IDs(tx, c) {
		for key, value := range tx.ScanReverse(bucketHistory, prefixOf(id), nil) {
			row := &mostradorv1.Subscription{}
			if err := proto.Unmarshal(value, row); err != nil {
				return nil, fmt.Errorf("subscription history %q: %w", key, err)
			}
			shown.History = append(shown.History, public(row))
		}
		for key, value := range tx.ScanReverse(bucketReason, prefixOf(id), nil) {
			reason := &mostradorv1.LeavingReason{}
			if err := proto.Unmarshal(value, reason); err != nil {
				return nil, fmt.Errorf("reason of leaving %q: %w", key, err)
			}
			shown.Reasons = append(shown.Reasons, reason)
		}
	}
	slices.SortStableFunc(shown.History, func(a, b *mostradorv1.Subscription) int {
		return b.Since.AsTime().Compare(a.Since.AsTime())
	})
	slices.SortStableFunc(shown.Reasons, func(a, b *mostradorv1.LeavingReason) int {
		return b.Time.AsTime().Compare(a.Time.AsTime())
	})
	switch c.GetConsent().GetPromotions() {
	case plgv1.ConsentState_CONSENT_STATE_GIVEN:
	case plgv1.ConsentState_CONSENT_STATE_WITHDRAWN:
		shown.Notice = s.text(lang, "notice_withdrawn")
	default:
		shown.Notice = s.text(lang, "notice_pending")
	}
	return shown, nil
}

// public is a row without where somebody acted from.
func public(s *mostradorv1.Subscription) *mostradorv1.Subscription {
	if s.Actor != nil {
		s.Actor.Ip, s.Actor.UserAgent = "", ""
	}
	return s
}

// lefts yields the keys of what a customer has left, in order.
func (s *Service) lefts(tx *store.Tx, customerID string) (keys []string, err error) {
	prefix := prefixOf(customerID)
	for k := range tx.Scan(bucketState, prefix, nil) {
		key := string(bytes.TrimPrefix(k, prefix))
		now, _, err := s.state(tx, customerID, key)
		if err != nil {
			return nil, err
		}
		if !now.On {
			keys = append(keys, key)
		}
	}
	return keys, nil
}
