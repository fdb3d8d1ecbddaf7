package webhook

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
)

const (
	// readAhead is how many events are read at once.
	readAhead = 256
	// keepSkipped is after how many events that no webhook wants its cursor is kept.
	keepSkipped = 1000
	// faultPause is the pause after a fault of the store.
	faultPause = 5 * time.Second
)

// Run calls the webhooks until ctx ends; it returns ctx's error. Call it once.
func (s *Service) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	defer s.client.close()
	defer workers.Wait()
	running := map[string]bool{}
	for {
		changed := s.next()
		var ids []string
		if err := s.Store.View(func(tx *store.Tx) error {
			for id := range tx.Scan(bucketWebhook, nil, nil) {
				ids = append(ids, string(id))
			}
			return nil
		}); err != nil {
			return err
		}
		for _, id := range ids {
			if !running[id] {
				running[id] = true
				workers.Go(func() { s.work(ctx, id) })
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// work calls one webhook until it is deleted or ctx ends.
func (s *Service) work(ctx context.Context, id string) {
	// looked is up to where the log was read without finding anything for it.
	var looked uint64
	for ctx.Err() == nil {
		changed, news := s.next(), s.Log.Changed()
		j, wait, err := s.job(id, &looked)
		if err == nil && j != nil {
			err = s.do(ctx, j)
			looked = 0
		}
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, ErrNotFound), errors.Is(err, store.ErrClosed):
			return
		case err != nil:
			s.Logger.Error("a webhook is not served", "webhook", id, "error", err)
			wait = faultPause
		case j != nil:
			continue
		}
		if wait == 0 {
			wait = time.Hour // nothing is due: others wake it
		}
		due := time.NewTimer(wait)
		select {
		case <-changed:
			looked = 0 // it may want other events now
		case <-news:
		case <-due.C:
		case <-ctx.Done():
		}
		due.Stop()
	}
}

// job is one event for one webhook. Sent is false for one that is passed over.
type job struct {
	webhook  *mostradorv1.Webhook
	state    *state
	sequence uint64
	kind     string
	body     []byte
	sent     bool
}

// job returns what is to be done now, or how long until there is something (0: until something happens).
func (s *Service) job(id string, looked *uint64) (j *job, wait time.Duration, err error) {
	err = s.Store.View(func(tx *store.Tx) error {
		w, err := get(tx, id)
		if err != nil || !w.Enabled {
			return err
		}
		st, err := readState(tx, id)
		if err != nil {
			return err
		}
		now := s.Now()
		sequence := uint64(0)
		later := func(c *mostradorv1.WebhookCall) bool {
			left := c.GetNextAttempt().AsTime().Sub(now)
			if left > 0 && (wait == 0 || left < wait) {
				wait = left
			}
			return left > 0
		}
		if st.Parked > 0 {
			if err := calls(tx, id, func(_ []byte, c *mostradorv1.WebhookCall) bool {
				if waits(c) && c.Sequence <= st.Cursor && !later(c) {
					sequence = c.Sequence
				}
				return sequence == 0
			}); err != nil {
				return err
			}
		}
		if sequence == 0 {
			if sequence, err = s.head(tx, w, st, looked); err != nil || sequence == 0 {
				return err
			}
			switch c, err := readCall(tx, id, sequence); {
			case err != nil:
				return err
			case c != nil && waits(c) && later(c):
				return nil
			}
		}
		e, err := s.Log.Get(tx, sequence)
		if err != nil || e == nil {
			return err
		}
		j = &job{webhook: w, state: st, sequence: sequence, kind: e.GetType()}
		j.body, j.sent, err = s.view(tx, w, e)
		return err
	})
	return j, wait, err
}

// head is the sequence of the next event in order, 0 when there is none.
func (s *Service) head(tx *store.Tx, w *mostradorv1.Webhook, st *state, looked *uint64) (uint64, error) {
	for *looked = max(*looked, st.Cursor); ; {
		events, err := s.Log.Read(tx, *looked, readAhead)
		if err != nil || len(events) == 0 {
			return 0, err
		}
		for _, e := range events {
			if matches(w.Events, e.GetType()) {
				return e.GetSequence(), nil
			}
			*looked = e.GetSequence()
		}
		if *looked-st.Cursor > keepSkipped && len(events) < readAhead {
			return *looked, nil // passed over, so that the cursor is kept
		}
	}
}

// do makes a call and records what came back.
func (s *Service) do(ctx context.Context, j *job) error {
	if !j.sent || !matches(j.webhook.Events, j.kind) {
		return s.pass(ctx, j)
	}
	got, err := s.send(ctx, j.webhook, j.state, callID(j.webhook.Id, j.sequence), j.body)
	if err != nil {
		return err
	}
	if ctx.Err() != nil && !got.taken() {
		return nil // this program ends: that is no fault of the receiver's
	}
	_, err = s.record(context.WithoutCancel(ctx), j, got)
	return err
}

// pass moves on over an event that is not sent.
func (s *Service) pass(ctx context.Context, j *job) error {
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		id := j.webhook.Id
		if _, err := get(tx, id); err != nil {
			return err
		}
		st, err := readState(tx, id)
		if err != nil {
			return err
		}
		c, err := readCall(tx, id, j.sequence)
		if err != nil {
			return err
		}
		if c != nil && waits(c) {
			c.Failed, c.Answer, c.Status = true, "erased", 0
			if j.sequence <= st.Cursor {
				st.Parked--
			}
			if err := store.PutProto(tx, bucketCall, callKey(id, j.sequence), c); err != nil {
				return err
			}
		}
		st.Cursor = max(st.Cursor, j.sequence)
		return st.write(tx, id)
	})
}

// record keeps what came back, and decides how it goes on. It returns the call as it is kept, nil when the webhook is
// gone.
func (s *Service) record(ctx context.Context, j *job, got reply) (c *mostradorv1.WebhookCall, err error) {
	err = s.Store.Update(ctx, func(tx *store.Tx) error {
		id, now := j.webhook.Id, s.Now()
		w, err := get(tx, id)
		if errors.Is(err, ErrNotFound) {
			c = nil
			return nil
		}
		if err != nil {
			return err
		}
		st, err := readState(tx, id)
		if err != nil {
			return err
		}
		if c, err = readCall(tx, id, j.sequence); err != nil {
			return err
		}
		if c == nil {
			c = &mostradorv1.WebhookCall{Type: j.kind, Created: timestamppb.New(now)}
			st.Calls++
		}
		waited, parked := waits(c), j.sequence <= st.Cursor
		c.Attempts++
		c.Status, c.Answer = int32(got.status), got.fault
		if got.taken() {
			st.took(c, now)
			if waited && parked {
				st.Parked--
			}
			st.Cursor = max(st.Cursor, j.sequence)
		} else {
			s.refusedBy(st, c, j.sequence, got, waited, parked)
			if st.SetAside && w.Enabled {
				w.Enabled = false
				s.Logger.Warn("a webhook was set aside: it took nothing", "webhook", id, "status", got.status)
				if err := store.PutProto(tx, bucketWebhook, []byte(id), w); err != nil {
					return err
				}
			}
		}
		if err := store.PutProto(tx, bucketCall, callKey(id, j.sequence), c); err != nil {
			return err
		}
		// What was parked while it was down is not to wait for its own turn; what is refused while all else is taken is.
		if got.taken() && st.Parked > 0 && !st.FailingSince.IsZero() && now.Sub(st.FailingSince) > outage {
			if err := hurry(tx, id, now); err != nil {
				return err
			}
		}
		if got.taken() {
			st.FailingSince = time.Time{}
		}
		if err := displace(tx, id, st); err != nil {
			return err
		}
		return st.write(tx, id)
	})
	return c, err
}

// took notes that a call was taken.
func (st *state) took(c *mostradorv1.WebhookCall, now time.Time) {
	c.Done, c.Failed, c.NextAttempt = timestamppb.New(now), false, nil
	st.Took, st.LastSuccess, st.Fault, st.Status = true, now, "", 0
}

// refusedBy notes that a call was not taken: it is tried again, parked, or given up, and the webhook may be set aside.
func (s *Service) refusedBy(st *state, c *mostradorv1.WebhookCall, sequence uint64, got reply, waited, parked bool) {
	now := s.Now()
	st.Fault, st.Status = got.fault, int32(got.status)
	// One event that it refuses says nothing of the webhook, however long it is tried.
	if !parked && st.FailingSince.IsZero() {
		st.FailingSince = now
	}
	if !waited {
		return // a retry by hand of what was taken, or given up
	}
	c.NextAttempt = timestamppb.New(now.Add(max(s.Backoff(int(c.Attempts)), got.wait)))
	switch {
	case got.status == http.StatusGone, !parked && now.Sub(st.FailingSince) > patience:
		st.SetAside = true
	case parked && now.Sub(c.GetCreated().AsTime()) > patience:
		c.Failed, c.NextAttempt = true, nil
		st.Parked--
	case !parked && c.Attempts >= attemptsInOrder && st.Took && st.Parked < maxParked:
		st.Cursor, st.Took = sequence, false
		st.Parked++
	}
}
