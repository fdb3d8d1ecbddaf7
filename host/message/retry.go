package message

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Retry puts a message that failed, was suppressed, taken back or waits for its next attempt at the head of the queue.
// It will leave with the same Message-ID. One that has left, or is leaving, stays as it is.
func (s *Service) Retry(ctx context.Context, id string) (*mostradorv1.Message, error) {
	var row *mostradorv1.Message
	if !s.sender.claims.take(id) {
		err := s.cfg.Store.View(func(tx *store.Tx) (err error) { row, err = load(tx, id); return err })
		if err != nil {
			return nil, err
		}
		return s.public(row), nil
	}
	defer s.sender.poke()
	defer s.sender.claims.release(id)
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) (err error) {
		row, err = s.again(tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.public(row), nil
}

// again makes a message due that has not left.
func (s *Service) again(tx *store.Tx, id string) (*mostradorv1.Message, error) {
	old, err := load(tx, id)
	if err != nil {
		return nil, err
	}
	switch old.State {
	case mostradorv1.MessageState_MESSAGE_STATE_SENT, mostradorv1.MessageState_MESSAGE_STATE_SPOOLED:
		return old, nil
	}
	if forgotten(old) {
		return nil, ErrNotFound
	}
	row := proto.CloneOf(old)
	row.State = mostradorv1.MessageState_MESSAGE_STATE_QUEUED
	row.Attempts, row.Checks = 0, nil
	row.NextAttempt = s.next(row, s.cfg.Now())
	return row, s.put(tx, old, row)
}

// retryBatch is how many messages one transaction of RetryFailed sends again.
const retryBatch = 200

// RetryFailed sends again those that failed and meet every condition of the request, and no others: what was sent is not
// sent twice. It returns how many; with dry_run it only counts. Each transaction takes a part of them, so an error
// leaves those before it due.
func (s *Service) RetryFailed(ctx context.Context, q *mostradorv1.RetryFailedRequest) (n uint64, err error) {
	if len(q.GetIds()) > listLimit {
		return 0, fmt.Errorf("%d messages at once, of which %d are the most", len(q.GetIds()), listLimit)
	}
	after := ""
	for {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		var ids []string
		if ids, after, err = s.failures(q, after); err != nil {
			return n, fmt.Errorf("look for messages that failed: %w", err)
		}
		if !q.GetDryRun() {
			if ids, err = s.retryAll(ctx, ids); err != nil {
				return n, fmt.Errorf("send again what failed: %w", err)
			}
		}
		n += uint64(len(ids))
		if after == "" {
			return n, nil
		}
	}
}

// failures returns up to retryBatch messages that failed and are meant, beyond an id, and from where to go on; "" for
// no more.
func (s *Service) failures(q *mostradorv1.RetryFailedRequest, after string) (ids []string, next string, err error) {
	err = s.cfg.Store.View(func(tx *store.Tx) error {
		start := indexed
		if after != "" {
			start = []byte(after)
		}
		seen := 0
		for key := range tx.Scan(bucketFailed, nil, start) {
			if len(ids) == retryBatch || seen == scanLimit {
				return nil
			}
			seen++
			id := string(key)
			next = id
			m, err := load(tx, id)
			if err != nil {
				return err
			}
			if hasFailed(m) && meant(q, m) {
				ids = append(ids, id)
			}
		}
		next = ""
		return nil
	})
	return ids, next, err
}

// indexed marks bucketFailed as complete; it is no id.
var indexed = []byte{0}

// indexFailures finds, once, the failures of a store from before they had an index.
func (s *Service) indexFailures(ctx context.Context) error {
	after := ""
	for done := false; !done; {
		var ids []string
		err := s.cfg.Store.View(func(tx *store.Tx) error {
			if done = tx.Get(bucketFailed, indexed) != nil; done {
				return nil
			}
			var start []byte
			if after != "" {
				start = []byte(after)
			}
			seen := 0
			for key, value := range tx.Scan(bucketMessage, nil, start) {
				if seen++; seen > scanLimit {
					return nil
				}
				after = string(key)
				m := &mostradorv1.Message{}
				if err := proto.Unmarshal(value, m); err == nil && hasFailed(m) {
					ids = append(ids, after)
				}
			}
			done = true
			return nil
		})
		if err == nil && (len(ids) > 0 || done) {
			err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
				if done && tx.Get(bucketFailed, indexed) == nil {
					tx.Put(bucketFailed, indexed, []byte{})
				}
				for _, id := range ids {
					if m, err := load(tx, id); err == nil && hasFailed(m) {
						tx.Put(bucketFailed, []byte(id), []byte{})
					}
				}
				return nil
			})
		}
		if err != nil {
			return fmt.Errorf("list what failed: %w", err)
		}
	}
	return nil
}

func meant(q *mostradorv1.RetryFailedRequest, m *mostradorv1.Message) bool {
	return (q.GetPlugin() == "" || q.GetPlugin() == m.Plugin) &&
		(q.GetTemplate() == "" || q.GetTemplate() == m.Template) &&
		(q.GetRule() == "" || q.GetRule() == m.Rule) &&
		(q.GetSince() == nil || !m.Queued.AsTime().Before(q.GetSince().AsTime())) &&
		(len(q.GetIds()) == 0 || slices.Contains(q.GetIds(), m.Id))
}

// retryAll makes due again those that still are what they were when they were found.
func (s *Service) retryAll(ctx context.Context, ids []string) (done []string, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		for _, id := range ids {
			m, err := load(tx, id)
			if err != nil {
				return err
			}
			if !hasFailed(m) || forgotten(m) {
				continue
			}
			if _, err := s.again(tx, id); err != nil {
				return err
			}
			done = append(done, id)
		}
		return nil
	})
	return done, err
}

// Cancel takes back a message that has not left. One that is leaving, has left or failed is ErrLeaving; one that was
// taken back already stays so.
func (s *Service) Cancel(ctx context.Context, actor *plgv1.Actor, id string) (*mostradorv1.Message, error) {
	if !s.sender.claims.take(id) {
		return nil, ErrLeaving
	}
	defer s.sender.poke()
	defer s.sender.claims.release(id)
	var row *mostradorv1.Message
	err := s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		old, err := load(tx, id)
		if err != nil {
			return err
		}
		row = proto.CloneOf(old)
		switch old.State {
		case mostradorv1.MessageState_MESSAGE_STATE_CANCELLED:
			return nil
		case mostradorv1.MessageState_MESSAGE_STATE_QUEUED:
		default:
			return ErrLeaving
		}
		set := s.cfg.Settings()
		now := s.cfg.Now()
		row.State = mostradorv1.MessageState_MESSAGE_STATE_CANCELLED
		row.NextAttempt = nil
		row.LastAnswer = s.cfg.Text(set.Language, "message.cancelled")
		row.LastAnswer = s.since(set, row.LastAnswer, now, actor)
		row.Checks = append(row.Checks, &mostradorv1.MessageCheck{
			Check: checkCancelled, Words: row.LastAnswer, Time: timestamppb.New(now), Actor: actor,
		})
		return s.put(tx, old, row)
	})
	if err != nil {
		return nil, err
	}
	return s.public(row), nil
}

// wakeBatch is how many waiting messages one transaction of SettingsChanged makes due.
const wakeBatch = 200

// SettingsChanged makes what waits for another try due at once, since what stopped it may have been a wrong server name
// or password, or hours that are not quiet any more. What is planned for later stays so.
func (s *Service) SettingsChanged(ctx context.Context) error {
	now := s.cfg.Now()
	for class := range classes {
		after := dueKey(&mostradorv1.Message{NextAttempt: timestamppb.New(now)})
		after[0] = class
		for after != nil {
			var ids []string
			err := s.cfg.Store.View(func(tx *store.Tx) error {
				ids, after = held(tx, class, after)
				return nil
			})
			if err == nil && len(ids) > 0 {
				err = s.cfg.Store.Update(ctx, func(tx *store.Tx) error { return s.due(tx, ids, now) })
			}
			if err != nil {
				return fmt.Errorf("wake the outbox: %w", err)
			}
		}
	}
	s.sender.resume()
	return nil
}

// held returns up to wakeBatch messages of a class beyond a key that wait for another try, and from where to go on; nil
// for no more.
func held(tx *store.Tx, class byte, after []byte) (ids []string, next []byte) {
	seen := 0
	for key, value := range tx.Scan(bucketDue, []byte{class}, after) {
		if len(ids) == wakeBatch || seen == scanLimit {
			return ids, next
		}
		seen++
		next = append(next[:0], key...)
		if len(value) == 0 || value[0]&dueHeld != 0 {
			ids = append(ids, idOfDue(key))
		}
	}
	return ids, nil
}

func (s *Service) due(tx *store.Tx, ids []string, now time.Time) error {
	for _, id := range ids {
		old, err := load(tx, id)
		if err != nil {
			return err
		}
		if !waits(old) || !old.NextAttempt.AsTime().After(now) {
			continue
		}
		row := proto.CloneOf(old)
		row.NextAttempt = timestamppb.New(now)
		if err := s.put(tx, old, row); err != nil {
			return err
		}
	}
	return nil
}
