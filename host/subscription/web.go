package subscription

import (
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// maxWords is the longest reason in somebody's own words, in characters.
const maxWords = 500

// Reasons are the ways to say why one leaves.
func Reasons() []string { return []string{"too_many", "not_interesting", "never_asked", "other"} }

// Choose takes over what a customer chose on the preferences page. Topics that there are no more are passed over, as is
// what stands that way already. What was left in the store after he chose to hear of it stays left: the web may have been
// cut off, and in doubt there is no advertising.
func (s *Service) Choose(tx *store.Tx, c *plgv1.Customer, act *mostradorv1.WebAct) error {
	topics, err := s.Topics(tx)
	if err != nil {
		return err
	}
	keys := []string{Key("", Email)}
	for _, t := range topics {
		keys = append(keys, t.Id)
	}
	for _, key := range keys {
		on, chosen := act.GetTopics()[key]
		if !chosen {
			continue
		}
		now, _, err := s.state(tx, c.Id, key)
		if err != nil {
			return err
		}
		if on && act.GetTime() != nil && now.Since.AsTime().After(act.GetTime().AsTime()) {
			continue
		}
		next := at(key)
		next.On, next.Since, next.Means, next.Actor = on, act.GetTime(), plgv1.Means_MEANS_LINK, webActor(act)
		if err := s.set(tx, c, next); err != nil {
			return err
		}
	}
	return nil
}

// Explain keeps why a customer left, in his own words, and tells it.
func (s *Service) Explain(tx *store.Tx, c *plgv1.Customer, act *mostradorv1.WebAct) error {
	reason := &mostradorv1.LeavingReason{Time: act.GetTime(), Reason: act.GetReason(), Words: act.GetWords()}
	if reason.Time == nil {
		reason.Time = timestamppb.New(s.Now())
	}
	if !slices.Contains(Reasons(), reason.Reason) {
		reason.Reason = "other"
	}
	reason.Words = strings.TrimSpace(strings.ToValidUTF8(reason.Words, ""))
	for utf8.RuneCountInString(reason.Words) > maxWords {
		_, size := utf8.DecodeLastRuneInString(reason.Words)
		reason.Words = reason.Words[:len(reason.Words)-size]
	}
	sequence, err := s.say(tx, EventReason, webActor(act), c, map[string]any{"reason": reason.Reason, "words": reason.Words})
	if err != nil {
		return err
	}
	return store.PutProto(tx, bucketReason, sequenceKey(c.Id, sequence), reason)
}

func webActor(act *mostradorv1.WebAct) *plgv1.Actor {
	return &plgv1.Actor{Channel: "web", Ip: act.GetIp(), UserAgent: act.GetUserAgent()}
}

// Claims is what a link to the preferences says of a customer: what he has left, as the store knows it up to the web act
// seen.
func (s *Service) Claims(tx *store.Tx, c *plgv1.Customer, seen uint64) (token.Claims, error) {
	left, err := s.lefts(tx, c.GetId())
	first, _, _ := strings.Cut(strings.TrimSpace(c.GetName()), " ")
	return token.Claims{
		Purpose: token.Preferences, CustomerID: c.GetId(), FirstName: first, Language: s.Text.Language(c.GetLanguage()),
		Left: strings.Join(left, ","), Seen: seen,
	}, err
}
