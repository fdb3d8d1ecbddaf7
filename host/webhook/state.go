package webhook

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

// state is how far a webhook is, and what signs for it.
type state struct {
	// Cursor is the sequence up to which everything was sent, parked, or is not for this webhook.
	Cursor uint64 `json:"cursor"`
	// Secret and Former are sealed; Former signs until FormerUntil.
	Secret      []byte    `json:"secret"`
	Former      []byte    `json:"former,omitempty"`
	FormerUntil time.Time `json:"former_until,omitzero"`
	// Took tells that an event was taken since the last was parked.
	Took         bool      `json:"took,omitempty"`
	Parked       int       `json:"parked,omitempty"`
	Calls        int       `json:"calls,omitempty"`
	FailingSince time.Time `json:"failing_since,omitzero"`
	LastSuccess  time.Time `json:"last_success,omitzero"`
	SetAside     bool      `json:"set_aside,omitempty"`
	// Fault is what went wrong last: the key of a sentence, and the HTTP status if there was one.
	Fault  string `json:"fault,omitempty"`
	Status int32  `json:"status,omitempty"`
}

func readState(tx *store.Tx, id string) (*state, error) {
	st := new(state)
	if v := tx.Get(bucketState, []byte(id)); v != nil {
		if err := json.Unmarshal(v, st); err != nil {
			return nil, fmt.Errorf("webhook: state of %s: %w", id, err)
		}
	}
	return st, nil
}

func (st *state) write(tx *store.Tx, id string) error {
	v, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("webhook: state of %s: %w", id, err)
	}
	tx.Put(bucketState, []byte(id), v)
	return nil
}

func callPrefix(webhook string) []byte { return append([]byte(webhook), 0) }

func callKey(webhook string, sequence uint64) []byte {
	return binary.BigEndian.AppendUint64(callPrefix(webhook), sequence)
}

// callID is the id under which an event is sent to a webhook, every time.
func callID(webhook string, sequence uint64) string {
	return webhook + "_" + strconv.FormatUint(sequence, 10)
}

// partsOf takes a call's id apart.
func partsOf(id string) (webhook string, sequence uint64, err error) {
	i := strings.LastIndexByte(id, '_')
	if i <= 0 || len(id) > maxName {
		return "", 0, ErrNotFound
	}
	if sequence, err = strconv.ParseUint(id[i+1:], 10, 64); err != nil {
		return "", 0, ErrNotFound
	}
	return id[:i], sequence, nil
}

// waits reports whether a call is to be made yet.
func waits(c *mostradorv1.WebhookCall) bool { return c.GetDone() == nil && !c.GetFailed() }

// readCall returns an event's call of a webhook, nil when it was not tried.
func readCall(tx *store.Tx, webhook string, sequence uint64) (*mostradorv1.WebhookCall, error) {
	c := new(mostradorv1.WebhookCall)
	if found, err := store.GetProto(tx, bucketCall, callKey(webhook, sequence), c); !found || err != nil {
		return nil, err
	}
	return c, nil
}

// calls yields a webhook's calls with their keys, the oldest first.
func calls(tx *store.Tx, webhook string, each func(key []byte, c *mostradorv1.WebhookCall) (goOn bool)) error {
	for key, v := range tx.Scan(bucketCall, callPrefix(webhook), nil) {
		c := new(mostradorv1.WebhookCall)
		if err := proto.Unmarshal(v, c); err != nil {
			return fmt.Errorf("webhook: call %q: %w", key, err)
		}
		c.Webhook, c.Sequence = webhook, binary.BigEndian.Uint64(key[len(key)-8:])
		if !each(bytes.Clone(key), c) {
			return nil
		}
	}
	return nil
}

// displace drops the oldest calls that nobody waits for, when there are more than are kept.
func displace(tx *store.Tx, webhook string, st *state) error {
	if st.Calls <= keptCalls {
		return nil
	}
	return calls(tx, webhook, func(key []byte, c *mostradorv1.WebhookCall) bool {
		if !waits(c) {
			tx.Delete(bucketCall, key)
			st.Calls--
		}
		return st.Calls > keptCalls
	})
}

// hurry has what waits tried at once.
func hurry(tx *store.Tx, webhook string, now time.Time) error {
	var failed error
	err := calls(tx, webhook, func(key []byte, c *mostradorv1.WebhookCall) bool {
		if waits(c) {
			c.NextAttempt = timestamppb.New(now)
			failed = store.PutProto(tx, bucketCall, key, c)
		}
		return failed == nil
	})
	if err != nil {
		return err
	}
	return failed
}

// Calls returns calls of a webhook, of all when it is empty, the newest of each first; next is the page that follows.
func (s *Service) Calls(ctx context.Context, webhook string, limit int, page string) (list []*mostradorv1.WebhookCall, next string, err error) {
	var prefix, before []byte
	if webhook != "" {
		prefix = callPrefix(webhook)
	}
	if page != "" {
		of, sequence, err := partsOf(page)
		if err != nil {
			return nil, "", err
		}
		before = callKey(of, sequence)
	}
	err = s.Store.View(func(tx *store.Tx) error {
		for key, v := range tx.ScanReverse(bucketCall, prefix, before) {
			if len(list) == limit {
				next = list[limit-1].Id
				return nil
			}
			c := new(mostradorv1.WebhookCall)
			if err := proto.Unmarshal(v, c); err != nil {
				return fmt.Errorf("webhook: call %q: %w", key, err)
			}
			list = append(list, s.showCall(ctx, string(key[:len(key)-9]), binary.BigEndian.Uint64(key[len(key)-8:]), c))
		}
		return nil
	})
	return list, next, err
}

// showCall fills in what follows from a call's key, and says its answer in words.
func (s *Service) showCall(ctx context.Context, webhook string, sequence uint64, c *mostradorv1.WebhookCall) *mostradorv1.WebhookCall {
	c.Webhook, c.Sequence, c.Id = webhook, sequence, callID(webhook, sequence)
	c.Answer = s.words(ctx, c.Answer, c.Status)
	if !waits(c) {
		c.NextAttempt = nil
	}
	return c
}

// words is an answer as people read it.
func (s *Service) words(ctx context.Context, fault string, status int32) string {
	if fault == "" {
		return ""
	}
	return s.text(ctx, "answer_"+fault, "status", status)
}
