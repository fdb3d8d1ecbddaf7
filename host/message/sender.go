package message

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"sync"
	"sync/atomic"
	"time"

	"mostrador/host/store"
)

const (
	// maxAttempts is how often a mail is tried: with Backoff for about four days (RFC 5321 4.5.4.1).
	maxAttempts = 32
	// grace is how long conversations under way may go on after Run was told to end.
	grace = 5 * time.Second
	// readAhead is how many due messages of a class, and of a provider's lane, are known beforehand; readLow is when to
	// look for more.
	readAhead = 256
	readLow   = 64
	// lookAt bounds how many places of the queue one look passes.
	lookAt = 4 * readAhead
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

// sender hands due messages to the transport, several at a time. One goroutine decides what leaves (run, in
// dispatch.go), as many as mails leave at a time bring them to the server (deliver), and one keeps what came of them
// (committer).
type sender struct {
	s      *Service
	claims *claims
	paces  *paces
	// wake has one place: somebody wants the queue to be looked at. step has one: a mail is done, or is committed.
	wake, step chan struct{}
	// outcomes are on their way to the committer, flying is how many mails are on their way to an outcome.
	outcomes chan *outcome
	flying   [classes]atomic.Int64

	mu sync.Mutex
	// known are the messages that the queue still holds and that need not be looked for: read ahead, leaving, or not
	// committed yet.
	known map[string]bool
	// pausedUntil and faults hold everything back while the server cannot be reached.
	pausedUntil time.Time
	faults      int
	// resting is closed while nothing is due and nothing under way, and replaced when that ends.
	resting chan struct{}
	rests   bool
}

func newSender(s *Service) *sender {
	d := &sender{
		s: s, claims: newClaims(), wake: make(chan struct{}, 1), step: make(chan struct{}, 1),
		outcomes: make(chan *outcome, commitMost), known: map[string]bool{}, resting: make(chan struct{}),
	}
	d.paces = newPaces(func() int { return s.cfg.Settings().connections() })
	return d
}

func (d *sender) poke() {
	// What was committed may not have been looked at yet, so nobody may take the queue for empty.
	d.busy()
	nudge(d.wake)
}

func nudge(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// resume ends a pause, and what limits there are.
func (d *sender) resume() {
	d.reached()
	d.paces.forget()
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

// rest lets those who wait for the queue to be empty go on, unless it was woken meanwhile.
func (d *sender) rest() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.rests && len(d.wake) == 0 && len(d.known) == 0 {
		d.rests = true
		close(d.resting)
	}
}

// know notes a message as known; false when it was.
func (d *sender) know(id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known[id] {
		return false
	}
	d.known[id] = true
	return true
}

// unknow has the queue looked at for these messages again: what the queue says of them is what is true.
func (d *sender) unknow(ids ...string) {
	d.mu.Lock()
	for _, id := range ids {
		delete(d.known, id)
	}
	d.mu.Unlock()
	nudge(d.step)
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

func (d *sender) paused(now time.Time) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pausedUntil.Sub(now)
}

// run sends what is due until ctx ends.
func (d *sender) run(ctx context.Context) error {
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(grace, cut) })()
	defer d.s.smtp.Close()
	if err := d.s.indexFailures(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("outbox: %w", err)
	}

	var mails, committer sync.WaitGroup
	committer.Go(func() { d.commitAll(context.WithoutCancel(ctx)) })
	// Whoever has brought one mail brings the next: a goroutine of its own for each would have to grow its stack again.
	next := make(chan entry)
	q := &dispatch{d: d, launch: func(e entry) {
		select {
		case next <- e:
		default:
			mails.Go(func() {
				d.deliver(work, e)
				for e := range next {
					d.deliver(work, e)
				}
			})
		}
	}}
	err := q.run(ctx)
	close(next)
	mails.Wait()
	close(d.outcomes)
	committer.Wait()
	if err != nil {
		return fmt.Errorf("outbox: %w", err)
	}
	return nil
}

// move puts messages that their providers do not take now into the lanes of these.
func (d *sender) move(ctx context.Context, aside []entry) error {
	err := d.s.cfg.Store.Update(ctx, func(tx *store.Tx) error {
		for _, e := range aside {
			if value := tx.Get(bucketDue, e.key); value != nil {
				tx.Put(bucketLane, laneKey(e.provider, e.key), value)
				tx.Delete(bucketDue, e.key)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("set mails aside: %w", err)
	}
	return nil
}

// transport is where mails leave under these settings.
func (s *Service) transport(set Settings) Transport {
	if set.Server == "" {
		return &Spool{Dir: s.cfg.SpoolDir}
	}
	return s.smtp
}
