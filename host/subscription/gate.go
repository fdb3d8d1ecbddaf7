package subscription

import (
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Gate says whether a promotional mail may leave as far as its topic and the channel of mails go: since when not, how and
// by whom. It says nothing (nil) of other mails, and of mails to nobody whom the store knows.
func (s *Service) Gate(tx *store.Tx, m *mostradorv1.Message, c *plgv1.Customer) (*mostradorv1.MessageCheck, error) {
	if m.GetKind() != plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL || c == nil {
		return nil, nil
	}
	lang := s.Language()
	topic := m.GetTopic()
	if topic == "" {
		topic = General
	}
	for _, of := range []struct{ check, key string }{{"channel", Key("", Email)}, {"subscription", topic}} {
		now, _, err := s.state(tx, c.GetId(), of.key)
		if err != nil {
			return nil, err
		}
		if !now.On {
			return &mostradorv1.MessageCheck{
				Check: of.check, Words: s.Words(tx, now, lang), Time: timestamppb.New(s.Now()), Actor: public(now).Actor,
			}, nil
		}
	}
	return &mostradorv1.MessageCheck{
		Check: "subscription", Passed: true, Time: timestamppb.New(s.Now()),
		Words: s.text(lang, "gate_open", "topic", s.NameOf(tx, topic, lang)),
	}, nil
}

// Words says a row in one sentence: what was left or taken up again, when, how and by whom.
func (s *Service) Words(tx *store.Tx, row *mostradorv1.Subscription, lang string) string {
	key := "topic_"
	if row.GetChannel() != "" {
		key = "channel_"
	}
	if row.GetOn() {
		key += "on"
	} else {
		key += "off"
	}
	if row.GetSince() == nil { // nobody ever changed it
		return s.text(lang, key+"_always", "topic", s.NameOf(tx, row.GetTopic(), lang))
	}
	how := s.text(lang, "means_link")
	switch row.GetMeans() {
	case plgv1.Means_MEANS_STAFF:
		how = s.text(lang, "means_staff", "operator", row.GetActor().GetOperator())
	case plgv1.Means_MEANS_UNSPECIFIED:
		how = s.text(lang, "means_merge", "operator", row.GetActor().GetOperator())
	}
	date := row.GetSince().AsTime().In(s.Now().Location()).Format(s.text(lang, "date"))
	return s.text(lang, key, "topic", s.NameOf(tx, row.GetTopic(), lang), "date", date, "means", how)
}
