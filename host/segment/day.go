package segment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// dayState is the store's day, and how far the segments that speak of it are worked out.
type dayState struct {
	// Day is in days since 1970-01-01.
	Day  float64 `json:"day"`
	Done bool    `json:"done,omitempty"`
	// Meaning is what is being evaluated; when that changed, everybody is evaluated again, which tells nothing twice.
	Meaning string `json:"meaning,omitempty"`
	Rank    int    `json:"rank,omitempty"`
	Block   uint32 `json:"block,omitempty"`
}

// glance is how often the calendar is looked at: a machine may have slept, or its clock been set.
const glance = 20 * time.Second

// hostChannel is the channel of what happens by itself.
const hostChannel = "host"

// today is the store's day, as tx has it: the one of the last pass, not the clock's, so that all that is worked out
// between two passes is worked out for one day.
func (s *Service) today(tx *store.Tx) (float64, error) {
	d, found, err := getDay(tx)
	if err != nil || found {
		return d.Day, err
	}
	return s.day(s.Now()), nil
}

func getDay(tx *store.Tx) (d dayState, found bool, err error) {
	data := tx.Get(bucketSegment, keyDay)
	if data == nil {
		return d, false, nil
	}
	if err := json.Unmarshal(data, &d); err != nil {
		return d, true, fmt.Errorf("segment: day: %w", err)
	}
	return d, true, nil
}

func putDay(tx *store.Tx, d dayState) error {
	data, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("segment: day: %w", err)
	}
	tx.Put(bucketSegment, keyDay, data)
	return nil
}

// Run works until ctx ends: it brings the segments to the data model and the tags, and to each new day.
func (s *Service) Run(ctx context.Context) error {
	for {
		wait := time.NewTimer(min(glance, s.untilMidnight()))
		if err := errors.Join(s.Refresh(ctx), s.Turn(ctx)); err != nil {
			wait.Stop()
			if ctx.Err() != nil || errors.Is(err, store.ErrClosed) {
				return ctx.Err()
			}
			s.Logger.Error("segments stand still", "error", err)
			wait.Reset(glance)
		}
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return ctx.Err()
		}
	}
}

func (s *Service) untilMidnight() time.Duration {
	now := s.Now().In(s.zone())
	year, month, day := now.Date()
	return max(time.Date(year, month, day+1, 0, 0, 0, 0, now.Location()).Sub(now), 0)
}

// Turn begins the store's day when the zone has another one, and works out the segments that speak of it, telling who
// joins and who leaves. It goes on where it was when the program ended.
func (s *Service) Turn(ctx context.Context) error {
	for {
		err := s.turn(ctx)
		if !errors.Is(err, errAgain) {
			return err
		}
	}
}

func (s *Service) turn(ctx context.Context) error {
	today := s.day(s.Now())
	var d dayState
	var stale bool
	if err := s.Store.View(func(tx *store.Tx) error {
		var found bool
		var err error
		d, found, err = getDay(tx)
		stale = !found || d.Day != today
		return err
	}); err != nil {
		return err
	}
	if stale {
		d = dayState{Day: today}
		if err := s.Store.Update(ctx, func(tx *store.Tx) error { return putDay(tx, d) }); err != nil {
			return err
		}
	}
	if d.Done {
		return nil
	}
	g := s.graph()
	var roots []*entry
	for _, e := range g.entries {
		if e.byDay() {
			roots = append(roots, e)
		}
	}
	groups := ranks(g.evaluated(append(roots, g.dependents(roots...)...)))
	meaning := ""
	for _, group := range groups {
		for _, e := range group {
			meaning += fmt.Sprintf("%d %s\n", e.definition.Id, e.meaning)
		}
	}
	if d.Meaning != meaning {
		d.Meaning, d.Rank, d.Block = meaning, 0, 0
	}
	for ; d.Rank < len(groups); d.Rank, d.Block = d.Rank+1, 0 {
		p := &pass{entries: groups[d.Rank], today: today, aloud: true, actor: &plgv1.Actor{Channel: hostChannel}}
		p.step = s.Store.Update
		p.save = func(tx *store.Tx, next, _ uint32, _ int) error {
			d := d
			d.Block = next
			return putDay(tx, d)
		}
		if err := s.run(ctx, p, d.Block); err != nil {
			return err
		}
	}
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		now, err := s.today(tx)
		if err != nil || now != today || math.IsNaN(today) {
			return err
		}
		return putDay(tx, dayState{Day: today, Done: true})
	})
}
