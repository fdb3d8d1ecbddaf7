package message

import (
	"context"
	"fmt"
	"iter"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

// listLimit is the most rows of one page, scanLimit the most that are looked at for it.
const (
	listLimit = 500
	scanLimit = 20_000
)

// List returns messages that meet every condition, newest first, without their tokens. A page may hold fewer rows than
// asked for and still have a next one.
func (s *Service) List(_ context.Context, q *mostradorv1.ListMessagesRequest) (*mostradorv1.ListMessagesResponse, error) {
	limit := int(q.GetLimit())
	if limit <= 0 || limit > listLimit {
		limit = listLimit
	}
	answer := &mostradorv1.ListMessagesResponse{}
	err := s.cfg.Store.View(func(tx *store.Tx) error {
		last, seen := "", 0
		for id := range s.candidates(tx, q) {
			if len(answer.Messages) == limit || seen == scanLimit {
				answer.NextPage = last
				return nil
			}
			if id == string(indexed) {
				break
			}
			last = id
			seen++
			m, err := load(tx, id)
			if err != nil {
				return err
			}
			if listed(q, m) {
				answer.Messages = append(answer.Messages, s.public(m))
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list messages: %w", err)
	}
	return answer, nil
}

// candidates are the messages among which those of a list are.
func (s *Service) candidates(tx *store.Tx, q *mostradorv1.ListMessagesRequest) iter.Seq[string] {
	if q.GetCustomerId() == "" && q.GetState() == mostradorv1.MessageState_MESSAGE_STATE_FAILED {
		return idsOf(tx, bucketFailed, "", q.GetPage())
	}
	return idsNewestFirst(tx, s.ids(tx, q.GetCustomerId()), q.GetPage())
}

// listed tells whether a list has a message in it.
func listed(q *mostradorv1.ListMessagesRequest, m *mostradorv1.Message) bool {
	return (q.GetState() == mostradorv1.MessageState_MESSAGE_STATE_UNSPECIFIED || q.GetState() == m.State) &&
		(q.GetPlugin() == "" || q.GetPlugin() == m.Plugin) &&
		(q.GetTemplate() == "" || q.GetTemplate() == m.Template) &&
		(q.GetRule() == "" || q.GetRule() == m.Rule) &&
		(!q.GetTroubled() || m.GetDelivery().GetBounced() != nil || m.GetDelivery().GetComplained() != nil)
}
