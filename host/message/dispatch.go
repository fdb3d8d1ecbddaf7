package message

import (
	"context"
	"time"

	"mostrador/host/store"
)

// dispatch decides what leaves next. It knows a bounded part of the queue at a time: of each class, and of each provider
// that asks to go slower, the next few. Its fields belong to the goroutine of run.
type dispatch struct {
	d      *sender
	launch func(entry)

	ready [classes]stretch
	lanes map[string]*stretch
	// aside are those that go to the lanes of their providers.
	aside []entry
}

// stretch is a part of the queue that was read ahead.
type stretch struct {
	entries []entry
	// room is where entries are kept.
	room []entry
	// more tells that the queue may hold more that is due; next is when its first is due that was not yet, if known.
	more bool
	next time.Time
}

// run launches what is due until ctx ends.
func (q *dispatch) run(ctx context.Context) error {
	if err := q.findLanes(); err != nil {
		return err
	}
	for {
		q.look()
		wait, err := q.turn(ctx)
		if err != nil {
			return err
		}
		due, stop := timer(wait)
		select {
		case <-q.d.wake:
			q.look()
		case <-due:
			q.look()
		case <-q.d.step:
		case <-ctx.Done():
			stop()
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

// look has the next turn look for more wherever little is known.
func (q *dispatch) look() {
	for class := range q.ready {
		q.ready[class].more = true
	}
}

// turn launches what may leave now and returns how long to wait for the next; negative for until something happens.
func (q *dispatch) turn(ctx context.Context) (time.Duration, error) {
	d := q.d
	now := d.s.cfg.Now()
	set := d.s.cfg.Settings()
	// Drained before the look, so that a commit during the look makes for another.
	select {
	case <-d.wake:
		q.look()
	default:
	}
	a := &airport{d: d, now: now, most: int64(set.connections()), wait: -1}
	if end, quiet := set.Quiet.until(now, set.place()); quiet {
		a.quiet = true
		a.sooner(end.Sub(now))
		q.sleep()
	}
	for class := range q.ready {
		if class == int(classLater) && a.quiet {
			continue
		}
		if err := q.fill(byte(class), now); err != nil {
			return 0, err
		}
		if next := q.ready[class].next; !next.IsZero() {
			a.sooner(next.Sub(now))
		}
	}
	if pause := d.paused(now); pause > 0 {
		if q.waiting() {
			a.sooner(pause)
		}
	} else {
		q.depart(a, classFirst)
		if err := q.departLanes(a); err != nil {
			return 0, err
		}
		if !a.quiet {
			q.depart(a, classLater)
		}
	}
	if err := q.setAside(ctx); err != nil {
		return 0, err
	}
	for class := range q.ready {
		if s := &q.ready[class]; s.more && len(s.entries) < readLow && !(class == int(classLater) && a.quiet) && a.free(byte(class)) {
			a.sooner(0)
		}
	}
	if !q.waiting() {
		d.rest()
	}
	return a.wait, nil
}

func (q *dispatch) waiting() bool {
	for class := range q.ready {
		if len(q.ready[class].entries) > 0 {
			return true
		}
	}
	for _, lane := range q.lanes {
		if len(lane.entries) > 0 || lane.more {
			return true
		}
	}
	return false
}

// airport is what one turn may launch.
type airport struct {
	d     *sender
	now   time.Time
	most  int64
	quiet bool
	wait  time.Duration
}

func (a *airport) sooner(wait time.Duration) {
	if wait = max(0, wait); a.wait < 0 || wait < a.wait {
		a.wait = wait
	}
}

// free tells whether a mail of a class finds a connection: a quarter of them are kept from advertising, so that an
// answer to a customer finds one at once.
func (a *airport) free(class byte) bool {
	if len(a.d.outcomes) > commitMost/2 {
		return false // what has left is to be kept first, or a slow disk would have ever more leave twice
	}
	later := a.d.flying[classLater].Load()
	if a.d.flying[classFirst].Load()+later >= a.most {
		return false
	}
	reserved := a.most / 4
	if a.most > 1 {
		reserved = max(1, reserved)
	}
	return class == classFirst || later < a.most-reserved
}

// depart launches what was read ahead of a class.
func (q *dispatch) depart(a *airport, class byte) {
	s := &q.ready[class]
	for len(s.entries) > 0 && a.free(class) && len(q.aside) < readAhead {
		e := s.entries[0]
		s.entries = s.entries[1:]
		if ok, _ := q.d.paces.admit(e.provider, a.now); !ok {
			q.aside = append(q.aside, e)
			continue
		}
		q.fly(e)
	}
}

func (q *dispatch) fly(e entry) {
	q.d.flying[e.class].Add(1)
	q.launch(e)
}

// departLanes launches what providers that ask to go slower take now.
func (q *dispatch) departLanes(a *airport) error {
	for provider, lane := range q.lanes {
		for {
			if len(lane.entries) == 0 && lane.more {
				if err := q.fillLane(provider, lane, a.quiet); err != nil {
					return err
				}
			}
			if len(lane.entries) == 0 {
				if !a.quiet {
					delete(q.lanes, provider)
				}
				break
			}
			e := lane.entries[0]
			if !a.free(e.class) {
				break
			}
			ok, wait := q.d.paces.admit(provider, a.now)
			if !ok {
				if wait > 0 {
					a.sooner(wait)
				}
				break
			}
			lane.entries = lane.entries[1:]
			q.fly(e)
		}
	}
	return nil
}

// setAside moves what its providers do not take now out of the way of the others.
func (q *dispatch) setAside(ctx context.Context) error {
	if len(q.aside) == 0 {
		return nil
	}
	if err := q.d.move(context.WithoutCancel(ctx), q.aside); err != nil {
		return err
	}
	ids := make([]string, 0, len(q.aside))
	for _, e := range q.aside {
		ids = append(ids, e.id)
		if lane := q.lanes[e.provider]; lane != nil {
			lane.more = true
		} else {
			q.lanes[e.provider] = &stretch{more: true}
		}
	}
	q.aside = q.aside[:0]
	q.d.unknow(ids...)
	return nil
}

// sleep lets go of the advertising that was read ahead: none leaves for hours.
func (q *dispatch) sleep() {
	var ids []string
	let := func(s *stretch) {
		kept := s.entries[:0]
		for _, e := range s.entries {
			if e.class == classLater {
				ids = append(ids, e.id)
				s.more = true
			} else {
				kept = append(kept, e)
			}
		}
		s.entries = kept
	}
	let(&q.ready[classLater])
	for _, lane := range q.lanes {
		let(lane)
		lane.more = true
	}
	q.ready[classLater].next = time.Time{}
	if len(ids) > 0 {
		q.d.unknow(ids...)
	}
}

// fill reads ahead of a class when little of it is known.
func (q *dispatch) fill(class byte, now time.Time) error {
	s := &q.ready[class]
	if len(s.entries) >= readLow || !s.more {
		return nil
	}
	if s.room == nil {
		s.room = make([]entry, 0, readAhead)
	}
	entries := append(s.room, s.entries...)
	err := q.d.s.cfg.Store.View(func(tx *store.Tx) error {
		s.more, s.next = false, time.Time{}
		seen := 0
		for key, value := range tx.Scan(bucketDue, []byte{class}, nil) {
			if at := timeOfDue(key); at > now.UnixNano() {
				s.next = time.Unix(0, at)
				return nil
			}
			if len(entries) == readAhead || seen == lookAt {
				s.more = true
				return nil
			}
			seen++
			e, err := entryOf(tx, key, value)
			if err != nil {
				return err
			}
			if q.d.know(e.id) {
				entries = append(entries, e)
			}
		}
		return nil
	})
	s.entries = entries
	return err
}

// fillLane reads ahead of a provider's lane, in a quiet time only answers to customers.
func (q *dispatch) fillLane(provider string, lane *stretch, quiet bool) error {
	prefix := append([]byte(provider), 0)
	return q.d.s.cfg.Store.View(func(tx *store.Tx) error {
		lane.more = false
		seen := 0
		for key, value := range tx.Scan(bucketLane, prefix, nil) {
			if len(lane.entries) == readLow || seen == lookAt {
				lane.more = true
				return nil
			}
			seen++
			key = key[len(prefix):]
			if quiet && key[0] == classLater {
				lane.more = true
				return nil
			}
			e, err := entryOf(tx, key, value)
			if err != nil {
				return err
			}
			e.provider = provider
			if q.d.know(e.id) {
				lane.entries = append(lane.entries, e)
			}
		}
		return nil
	})
}

// findLanes finds what was set aside before this outbox began.
func (q *dispatch) findLanes() error {
	q.lanes = map[string]*stretch{}
	return q.d.s.cfg.Store.View(func(tx *store.Tx) error {
		after := []byte(nil)
		for {
			provider, found := "", false
			for key := range tx.Scan(bucketLane, nil, after) {
				provider, found = providerOfLane(key), true
				break
			}
			if !found {
				return nil
			}
			q.lanes[provider] = &stretch{more: true}
			after = append([]byte(provider), 1) // beyond all of its keys
		}
	})
}
