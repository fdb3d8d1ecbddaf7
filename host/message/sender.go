package message

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

const (
	// maxAttempts is how often a mail is tried: with Backoff for about four days (RFC 5321 4.5.4.1).
	maxAttempts = 32
	// grace is how long conversations under way may go on after Run was told to end.
	grace = 5 * time.Second
)

// Backoff doubles from one minute to four hours. Up to a tenth of it is added by message, so that what failed
// together does not come back together.
func Backoff(id string, attempts int) time.Duration {
	wait := 4 * time.Hour
	if attempts < 9 {
		wait = min(wait, time.Minute<<max(attempts-1, 0))
	}
	sum := fnv.New32a()
	_, _ = sum.Write(binary.BigEndian.AppendUint32([]byte(id), uint32(attempts)))
	return wait + wait/10*time.Duration(sum.Sum32()%1000)/1000
}

// sender hands due messages to the transport, several at a time.
type sender struct {
	s *Service
	// wake has one place: somebody wants the queue to be looked at.
	wake chan struct{}

	mu sync.Mutex
	// pausedUntil and faults hold everything back while the server cannot be reached.
	pausedUntil time.Time
	faults      int
	// resting is closed while nothing is due and nothing under way, and replaced when that ends.
	resting chan struct{}
	rests   bool
}

func newSender(s *Service) *sender {
	return &sender{s: s, wake: make(chan struct{}, 1), resting: make(chan struct{})}
}

func (d *sender) poke() {
	// What was committed may not have been looked at yet, so nobody may take the queue for empty.
	d.busy()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// resume ends a pause.
func (d *sender) resume() {
	d.mu.Lock()
	d.pausedUntil, d.faults = time.Time{}, 0
	d.mu.Unlock()
	d.poke()
}

func (d *sender) busy() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.rests {
		d.rests, d.resting = false, make(chan struct{})
	}
}

func (d *sender) idle(ctx context.Context) error {
	d.mu.Lock()
	resting := d.resting
	d.mu.Unlock()
	select {
	case <-resting:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run is the loop of Service.Run: the only goroutine that decides what leaves.
func (d *sender) run(ctx context.Context) error {
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cut) })()
	defer d.s.smtp.Close()

	underWay := map[string]bool{}
	done := make(chan string, d.s.cfg.Connections)
	for {
		ids, next, err := d.due(underWay)
		if err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
		for _, id := range ids {
			underWay[id] = true
			go func() {
				d.deliver(work, id)
				done <- id
			}()
		}
		wait, stop := timer(next)
		select {
		case id := <-done:
			delete(underWay, id)
		case <-d.wake:
		case <-wait:
		case <-ctx.Done():
			stop()
			for range underWay {
				<-done
			}
			return nil
		}
		stop()
	}
}

// timer is a channel that delivers after a while, or never when the wait is negative.
func timer(wait time.Duration) (<-chan time.Time, func() bool) {
	if wait < 0 {
		return nil, func() bool { return true }
	}
	t := time.NewTimer(wait)
	return t.C, t.Stop
}

// due returns the messages to begin with now, and how long until the next is due (negative: until somebody
// queues one, or one that is under way ends).
func (d *sender) due(underWay map[string]bool) (ids []string, next time.Duration, err error) {
	now := d.s.cfg.Now()
	free := d.s.cfg.Connections - len(underWay)
	d.mu.Lock()
	pause := d.pausedUntil.Sub(now)
	d.mu.Unlock()
	if free <= 0 {
		return nil, -1, nil
	}
	// Drained before the look, so that a commit during the look makes for another.
	select {
	case <-d.wake:
	default:
	}
	next = -1
	waiting := false
	err = d.s.cfg.Store.View(func(tx *store.Tx) error {
		for class := range classes {
			for key := range tx.Scan(bucketDue, []byte{class}, nil) {
				if wait := time.Duration(timeOfDue(key) - now.UnixNano()); wait > 0 {
					if next < 0 || wait < next {
						next = wait
					}
					break
				}
				waiting = true
				if pause > 0 || len(ids) == free {
					break
				}
				if id := idOfDue(key); !underWay[id] {
					ids = append(ids, id)
				}
			}
		}
		return nil
	})
	if pause > 0 && waiting {
		next = pause
	}
	if err == nil && !waiting && len(underWay) == 0 {
		d.rest()
	}
	return ids, next, err
}

// rest lets those who wait for the queue to be empty go on, unless it was woken meanwhile.
func (d *sender) rest() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.rests && len(d.wake) == 0 {
		d.rests = true
		close(d.resting)
	}
}

// deliver tries one message once and commits what came of it.
func (d *sender) deliver(ctx context.Context, id string) {
	row, mail, err := d.attempt(ctx, id)
	if row == nil {
		if err != nil && ctx.Err() == nil {
			d.s.log.Error("a message cannot be read", "message", id, "error", err)
			d.pause()
		}
		return
	}
	if err != nil && ctx.Err() != nil {
		return // the host ends; the row still says queued
	}
	d.settle(row, err)
	if err := d.commit(context.WithoutCancel(ctx), row, mail); err != nil {
		d.s.log.Error("the outcome of a message cannot be kept", "message", id, "error", err)
		d.pause()
		return
	}
	d.s.log.Info("message", "id", id, "state", row.State.String(), "attempts", row.Attempts)
}

// suppressed is the outcome of a mail that must not leave.
type suppressed struct{ reason string }

func (s *suppressed) Error() string { return s.reason }

// attempt reads, checks, composes and sends. Whether the mail may leave is looked at here, at the last moment.
func (d *sender) attempt(ctx context.Context, id string) (row *mostradorv1.Message, mail *Mail, err error) {
	var customer *plgv1.Customer
	var lookup error
	held := ""
	err = d.s.cfg.Store.View(func(tx *store.Tx) error {
		if row, err = load(tx, id); err != nil {
			return err
		}
		// A customer who cannot be read is this mail's trouble and holds back no other.
		if customer, lookup = d.s.customer(tx, row); lookup == nil {
			held = d.s.forbids(tx, row, customer)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	row.Attempts++
	if lookup != nil {
		return row, nil, lookup
	}
	if held != "" {
		return row, nil, &suppressed{held}
	}
	if mail, err = d.s.composeFor(row, customer); err != nil {
		return row, nil, err
	}
	set := d.s.cfg.Settings()
	return row, mail, d.s.transport(set).Send(ctx, set, mail)
}

// forbids returns why a mail must not leave now, as a sentence, or "".
func (s *Service) forbids(tx *store.Tx, m *mostradorv1.Message, c *plgv1.Customer) string {
	lang := s.cfg.Settings().Language
	switch {
	case m.CustomerId != "" && s.cfg.Customer != nil && c == nil:
		return s.cfg.Text(lang, "message.customer_gone")
	case m.Kind == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL &&
		c.GetConsent().GetPromotions() != plgv1.ConsentState_CONSENT_STATE_GIVEN:
		return s.cfg.Text(lang, "message.no_consent")
	}
	if s.cfg.Suppressed != nil {
		if reason, yes := s.cfg.Suppressed(tx, m, c); yes {
			return reason
		}
	}
	return ""
}

// settle writes into the row what an attempt came to.
func (d *sender) settle(row *mostradorv1.Message, err error) {
	s := d.s
	now := s.cfg.Now()
	set := s.cfg.Settings()
	row.NextAttempt = nil
	var held *suppressed
	var refusal *Refusal
	var unreachable *Unreachable
	var fault *composeError
	switch {
	case err == nil:
		d.reached()
		row.Sent = timestamppb.New(now)
		row.LastAnswer = ""
		row.State = mostradorv1.MessageState_MESSAGE_STATE_SENT
		if set.Server == "" {
			row.State = mostradorv1.MessageState_MESSAGE_STATE_SPOOLED
		}
		return
	case errors.As(err, &held):
		row.State = mostradorv1.MessageState_MESSAGE_STATE_SUPPRESSED
		row.LastAnswer = held.reason
		return
	case errors.As(err, &refusal):
		d.reached()
	case errors.As(err, &unreachable):
		d.pause()
	}
	row.LastAnswer = s.words(err)
	permanent := refusal != nil && refusal.Permanent() || errors.As(err, &fault) && fault.key == "bad_address"
	if permanent || row.Attempts >= maxAttempts {
		row.State = mostradorv1.MessageState_MESSAGE_STATE_FAILED
		return
	}
	row.NextAttempt = timestamppb.New(now.Add(s.cfg.Backoff(row.Id, int(row.Attempts))))
}

// commit keeps the outcome, and the mail when it has left.
func (d *sender) commit(ctx context.Context, row *mostradorv1.Message, mail *Mail) error {
	var packed []byte
	if row.Sent != nil && mail != nil {
		var err error
		if packed, err = pack(mail.Bytes); err != nil {
			return err
		}
	}
	return d.s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		old, err := load(tx, row.Id)
		if err != nil {
			return err
		}
		if forgotten(old) { // while it was leaving
			tx.OnCommit(func() { _ = d.s.ForgetFiles([]string{row.Id}) })
			return nil
		}
		if packed != nil {
			tx.Put(bucketMail, []byte(row.Id), packed)
		}
		return d.s.put(tx, old, proto.CloneOf(row))
	})
}

// pause holds everything back for a moment that grows from one second to one minute.
func (d *sender) pause() {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.s.cfg.Now()
	if now.Before(d.pausedUntil) {
		return // another mail of the same moment has said so already
	}
	d.pausedUntil = now.Add(min(time.Minute, time.Second<<min(d.faults, 6)))
	d.faults++
}

// reached notes that the server answers.
func (d *sender) reached() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pausedUntil, d.faults = time.Time{}, 0
}

// transport is where mails leave under these settings.
func (s *Service) transport(set Settings) Transport {
	if set.Server == "" {
		return &Spool{Dir: s.cfg.SpoolDir}
	}
	return s.smtp
}
