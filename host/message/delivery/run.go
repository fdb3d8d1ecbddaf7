package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// fetchEvery is how often mailboxes are read, fetchWait the longest wait after failures in a row, which doubles.
	fetchEvery = 3 * time.Minute
	fetchWait  = time.Hour
	// fetchTime bounds one visit to one mailbox.
	fetchTime = 5 * time.Minute
	// alertEvery is how often the limits are looked at, sweepEvery how often what is old is deleted.
	alertEvery = time.Minute
	sweepEvery = 24 * time.Hour
)

// boxes is how the reading of mailboxes goes.
type boxes struct {
	// turn has one place: who reads holds it.
	turn chan struct{}

	mu sync.Mutex
	// failures counts visits in a row that failed, since the first of them; err is the last one's fault.
	failures int
	since    time.Time
	err      error
}

func newBoxes() *boxes { return &boxes{turn: make(chan struct{}, 1)} }

// note keeps how a visit went.
func (b *boxes) note(now time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		b.failures, b.since, b.err = 0, time.Time{}, nil
		return
	}
	if b.failures == 0 {
		b.since = now
	}
	b.failures++
	b.err = err
}

// failing is since when every visit failed; zero when the last one went well.
func (b *boxes) failing() (since time.Time, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.since, b.err
}

// wait is how long until the next visit.
func (b *boxes) wait() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return min(fetchWait, fetchEvery<<min(b.failures, 8))
}

// Fetch reads all mailboxes now and returns how many mails came in. One that cannot be read keeps no other from being
// read. Without a mailbox it returns ErrNoMailbox.
func (s *Service) Fetch(ctx context.Context) (mails uint64, err error) {
	select {
	case s.boxes.turn <- struct{}{}:
		defer func() { <-s.boxes.turn }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	var sources []Box
	if s.cfg.Open != nil {
		if sources, err = s.cfg.Open(); err != nil {
			s.boxes.note(s.cfg.Now(), err)
			return 0, err
		}
	}
	var errs []error
	for _, source := range sources {
		n, err := s.fetch(ctx, source)
		mails += uint64(n)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", source.Name, err))
		}
	}
	err = errors.Join(errs...)
	if ctx.Err() == nil { // whose patience ended says nothing about the mailbox
		s.boxes.note(s.cfg.Now(), err)
	}
	if err == nil && len(sources) == 0 {
		return 0, ErrNoMailbox
	}
	return mails, err
}

// Explain says why mailboxes cannot be read, in a sentence.
func (s *Service) Explain(lang string, err error) string { return s.cfg.Explain(lang, err) }

// fetch reads one mailbox. A mail that is no mail is passed over, so that it stops no other.
func (s *Service) fetch(ctx context.Context, source Box) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	return source.Fetch(ctx, func(ctx context.Context, eml []byte, recipient string) error {
		_, err := s.Receive(ctx, source.Name, eml, recipient)
		if errors.Is(err, ErrNoMail) || errors.Is(err, ErrTooLarge) {
			s.log.Warn("a mail in the mailbox of reports is passed over", "bytes", len(eml), "error", err)
			return nil
		}
		return err
	})
}

// Run reads the mailboxes, looks at the limits and deletes what is old, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	fetch, alert, sweep := time.NewTimer(0), time.NewTicker(alertEvery), time.NewTicker(sweepEvery)
	defer fetch.Stop()
	defer alert.Stop()
	defer sweep.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-fetch.C:
			if _, err = s.Fetch(ctx); errors.Is(err, ErrNoMailbox) {
				err = nil
			}
			fetch.Reset(s.boxes.wait())
		case <-alert.C:
			err = s.CheckAlerts(ctx)
		case <-sweep.C:
			err = s.sweep(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.log.Warn("the supervision of mails", "error", err)
		}
	}
}
