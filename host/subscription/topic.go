package subscription

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	// maxTopics is how many topics there may be besides the general one: more, nobody reads on a page.
	maxTopics = 30
	// maxName and maxDescription bound texts, in characters.
	maxName        = 60
	maxDescription = 200
)

var topicID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// ErrNotFound says that there is no topic of that id.
var ErrNotFound = errors.New("subscription: no such topic")

// Topics returns the topics, the general one first and the others by name, with how many customers have left each.
func (s *Service) Topics(tx *store.Tx) ([]*mostradorv1.Topic, error) {
	general, err := s.topic(tx, General)
	if err != nil {
		return nil, err
	}
	topics := []*mostradorv1.Topic{general}
	for key := range tx.Scan(bucketTopic, nil, nil) {
		if string(key) == General {
			continue
		}
		t, err := s.topic(tx, string(key))
		if err != nil {
			return nil, err
		}
		topics = append(topics, t)
	}
	slices.SortStableFunc(topics[1:], func(a, b *mostradorv1.Topic) int {
		return cmp.Compare(customer.Fold(a.Name), customer.Fold(b.Name))
	})
	return topics, nil
}

// topic returns a topic, or ErrNotFound. The general one has words of the program's until somebody writes others.
func (s *Service) topic(tx *store.Tx, id string) (*mostradorv1.Topic, error) {
	t := &mostradorv1.Topic{}
	found, err := store.GetProto(tx, bucketTopic, []byte(id), t)
	switch {
	case err != nil:
		return nil, err
	case !found && id != General:
		return nil, ErrNotFound
	case !found:
		t = &mostradorv1.Topic{
			Id: General, Name: s.text("es", "general"), NameEn: s.text("en", "general"),
			Description: s.text("es", "general_description"), DescriptionEn: s.text("en", "general_description"),
		}
	}
	t.Left = left(tx, id)
	return t, nil
}

// NameOf is what people call a topic in a language; of one that is no more, its id.
func (s *Service) NameOf(tx *store.Tx, id, lang string) string {
	t, err := s.topic(tx, cmp.Or(id, General))
	if err != nil {
		return id
	}
	return TopicName(t, lang)
}

// TopicName is a topic's name in a language: the Spanish one where there is no other.
func TopicName(t *mostradorv1.Topic, lang string) string {
	if strings.HasPrefix(lang, "en") {
		return cmp.Or(t.GetNameEn(), t.GetName())
	}
	return t.GetName()
}

// PutTopic keeps a topic, with create only a new one, and returns it. What a person can mend is a *customer.Refused.
func (s *Service) PutTopic(ctx context.Context, actor *plgv1.Actor, t *mostradorv1.Topic, create bool) (*mostradorv1.Topic, error) {
	kept := &mostradorv1.Topic{
		Id: strings.TrimSpace(t.GetId()), Name: strings.TrimSpace(t.GetName()), NameEn: strings.TrimSpace(t.GetNameEn()),
		Description: strings.TrimSpace(t.GetDescription()), DescriptionEn: strings.TrimSpace(t.GetDescriptionEn()),
	}
	if err := s.judge(ctx, kept); err != nil {
		return nil, err
	}
	err := s.Store.Update(ctx, func(tx *store.Tx) error {
		topics, err := s.Topics(tx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(topics, func(o *mostradorv1.Topic) bool { return o.Id == kept.Id })
		switch {
		case at >= 0 && create:
			return s.refuse(ctx, "id", "topic_taken", "topic", kept.Id)
		case at < 0 && len(topics) > maxTopics:
			return s.refuse(ctx, "", "topics_many", "n", maxTopics)
		}
		for _, o := range topics {
			if o.Id != kept.Id && customer.Fold(o.Name) == customer.Fold(kept.Name) {
				return s.refuse(ctx, "name", "name_taken", "name", o.Name)
			}
		}
		if at >= 0 {
			was := proto.CloneOf(topics[at])
			was.Left = 0
			if proto.Equal(was, kept) {
				return nil
			}
		}
		if err := store.PutProto(tx, bucketTopic, []byte(kept.Id), kept); err != nil {
			return err
		}
		s.announce(tx)
		_, err = s.say(tx, "subscription.topic_put", actor, nil, map[string]any{"topic": kept.Id, "name": kept.Name})
		return err
	})
	if err != nil {
		return nil, err
	}
	err = s.Store.View(func(tx *store.Tx) error {
		kept.Left = left(tx, kept.Id)
		return nil
	})
	return kept, err
}

func (s *Service) judge(ctx context.Context, t *mostradorv1.Topic) error {
	if len(t.Id) > maxName || !topicID.MatchString(t.Id) {
		return s.refuse(ctx, "id", "topic_id")
	}
	if t.Name == "" {
		return s.refuse(ctx, "name", "name_empty")
	}
	for _, f := range []struct {
		path, text string
		most       int
	}{
		{"name", t.Name, maxName}, {"name_en", t.NameEn, maxName},
		{"description", t.Description, maxDescription}, {"description_en", t.DescriptionEn, maxDescription},
	} {
		if utf8.RuneCountInString(f.text) > f.most || !utf8.ValidString(f.text) || strings.ContainsAny(f.text, "\r\n\x00") {
			return s.refuse(ctx, f.path, "text_long", "n", f.most)
		}
	}
	return nil
}

// DeleteTopic forgets a topic. Who left it has left it still: mails about it that wait do not go to him, and if the topic
// is made anew he is not taken up again by that.
func (s *Service) DeleteTopic(ctx context.Context, actor *plgv1.Actor, id string) error {
	if id == General {
		return s.refuse(ctx, "id", "topic_general")
	}
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		t, err := s.topic(tx, id)
		if err != nil {
			return err
		}
		tx.Delete(bucketTopic, []byte(id))
		s.announce(tx)
		_, err = s.say(tx, "subscription.topic_deleted", actor, nil, map[string]any{"topic": id, "name": t.Name})
		return err
	})
}

func (s *Service) announce(tx *store.Tx) {
	if s.Changed != nil {
		tx.OnCommit(s.Changed)
	}
}

func left(tx *store.Tx, key string) uint64 {
	if v := tx.Get(bucketLeft, []byte(key)); len(v) == 8 {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

// count notes that one more, or one less, has left a topic or channel.
func count(tx *store.Tx, key string, more bool) {
	n := left(tx, key)
	if more {
		n++
	} else if n > 0 {
		n--
	}
	tx.Put(bucketLeft, []byte(key), binary.BigEndian.AppendUint64(nil, n))
}
