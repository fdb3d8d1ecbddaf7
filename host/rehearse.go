package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/event"
	"mostrador/host/plugin"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Bounds of a rehearsal. A plug-in does one piece of work at a time, so the past comes in pieces between which its usual
// work goes on.
const (
	rehearsedPiece = 200
	rehearsedBytes = 512 << 10
	// rehearsedMost is how much of the log is looked at.
	rehearsedMost = 200_000
)

// rehearsed is how much of the past a rehearsal has played.
type rehearsed struct {
	// events counts those that the plug-in handles, by type.
	events map[string]uint64
	// partial tells that the log held more than was looked at.
	partial bool
}

// rehearse plays what happened since a time to an active plug-in, as if settings had been in force then, and hands each
// what it led to. What the plug-in may not see is cut out as always. Nothing is committed. One rehearsal goes on at a time;
// it ends with ctx.
func (e *ensemble) rehearse(ctx context.Context, id string, settings map[string]any, since time.Time, each func(*plgv1.Rehearsed)) (rehearsed, error) {
	played := rehearsed{events: map[string]uint64{}}
	p, ok := e.host.plugins.Plugin(id)
	if !ok || !e.isActive(id) {
		return played, plugin.ErrUnknown
	}
	values, err := structpb.NewStruct(settings)
	if err != nil {
		return played, fmt.Errorf("rehearsal of %s: %w", id, err)
	}
	select {
	case e.rehearsing <- struct{}{}:
		defer func() { <-e.rehearsing }()
	case <-ctx.Done():
		return played, ctx.Err()
	}
	r := &replay{ensemble: e, plugin: p, see: confine(p).see(), each: each, played: &played}
	if err := r.begin(since); err != nil {
		return played, err
	}
	call := &plgv1.RehearseCall{Begin: true, Settings: &plgv1.Settings{Values: values}}
	for {
		if err := r.fetch(call); err != nil {
			return played, r.end(ctx, err)
		}
		last := r.at >= r.upto
		if last {
			call.Until = timestamppb.Now()
		}
		if err := r.play(ctx, call); err != nil {
			return played, r.end(ctx, err)
		}
		if last {
			return played, nil
		}
		call = &plgv1.RehearseCall{}
	}
}

// replay is a rehearsal under way.
type replay struct {
	ensemble *ensemble
	plugin   *plugin.Plugin
	see      disclosure
	each     func(*plgv1.Rehearsed)
	played   *rehearsed
	// at is the sequence up to which events were fetched, upto where they end.
	at, upto uint64
	past     *pastFacts
}

// begin finds where the past begins, and counts what it brought.
func (r *replay) begin(since time.Time) error {
	h := r.ensemble.host
	return h.store.View(func(tx *store.Tx) (err error) {
		if r.at, err = h.log.Before(tx, since); err != nil {
			return err
		}
		if r.upto = h.log.Last(tx); r.upto-r.at > rehearsedMost {
			r.at, r.played.partial = r.upto-rehearsedMost, true
		}
		if r.see.purchases {
			r.past, err = countPast(tx, h, r.at, r.upto)
		}
		return err
	})
}

func (r *replay) handles(eventType string) bool {
	return eventType != event.TypeScheduled && r.see.handles(eventType) && r.plugin.Handles(eventType)
}

// fetch puts the next events into a call.
func (r *replay) fetch(call *plgv1.RehearseCall) error {
	h := r.ensemble.host
	return h.store.View(func(tx *store.Tx) error {
		events, next := h.log.Past(tx, r.at, r.upto, rehearsedPiece, rehearsedBytes, func(kind string) bool {
			return r.handles(kind) || r.past != nil && counts(kind)
		})
		r.at = next
		for i := range events {
			facts, err := r.past.asOf(tx, h, &events[i])
			if err != nil {
				return err
			}
			kind := events[i].Type()
			if !r.handles(kind) {
				continue
			}
			r.played.events[kind]++
			call.Deliveries = append(call.Deliveries, &plgv1.Delivery{Event: r.see.event(events[i].Data()), Facts: facts})
		}
		return nil
	})
}

func (r *replay) play(ctx context.Context, call *plgv1.RehearseCall) error {
	done, err := r.plugin.Rehearse(ctx, call)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return r.ensemble.host.refuse(ctx, "", "rehearsal_long")
	case errors.Is(err, plugin.ErrUnable), errors.Is(err, event.ErrUnavailable):
		return r.ensemble.host.refuse(ctx, "", "rehearsal_unable", "id", r.plugin.Name())
	case err != nil:
		return err
	}
	for _, outcome := range done.GetOutcomes() {
		r.each(outcome)
	}
	if fault := done.GetFault(); fault != nil {
		return r.ensemble.host.refuse(ctx, "", "rehearsal", "id", r.plugin.Name(), "problem", fault.GetMessage())
	}
	return nil
}

// end has the plug-in forget a rehearsal that was given up.
func (r *replay) end(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_, err := r.plugin.Rehearse(ctx, &plgv1.RehearseCall{Until: &timestamppb.Timestamp{}})
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		r.ensemble.host.logger.Debug("a rehearsal was not ended", "plugin", r.plugin.Name(), "error", err)
	}
	return cause
}

// pastFacts are what the store had counted of customers at a time in the past: what it has counted now, less what came
// later. Of whoever has bought before the past begins and since, it is not known when he had bought last then: the first
// time stands for it.
type pastFacts struct {
	// brought is what the past brought each customer, as of the event that was looked at last; total is all of it.
	brought, total map[string]spent
	// known are facts as they are now.
	known map[string]*plgv1.Facts
}

// spent is what sales and refunds of a stretch of time come to.
type spent struct {
	purchases int64
	minor     int64
	last      *timestamppb.Timestamp
}

// counts tells whether events of that type change what is counted.
func counts(eventType string) bool {
	return eventType == "sale.completed" || eventType == "sale.refunded"
}

// countPast adds up what a stretch of the log brought.
func countPast(tx *store.Tx, h *Host, after, upto uint64) (*pastFacts, error) {
	p := &pastFacts{brought: map[string]spent{}, total: map[string]spent{}, known: map[string]*plgv1.Facts{}}
	for after < upto {
		events, next := h.log.Past(tx, after, upto, rehearsedPiece, rehearsedBytes, counts)
		for i := range events {
			if err := p.add(p.total, &events[i]); err != nil {
				return nil, err
			}
		}
		after = next
	}
	return p, nil
}

func (p *pastFacts) add(to map[string]spent, record *event.Record) error {
	if record.Customer == "" || !counts(record.Type()) {
		return nil
	}
	e, err := record.Event()
	if err != nil {
		return err
	}
	s := to[record.Customer]
	if sale := e.GetSaleCompleted().GetSale(); sale != nil {
		s.purchases++
		s.minor += sale.GetTotal().GetMinor()
		s.last = sale.GetTime()
	} else if refund := e.GetSaleRefunded(); refund != nil {
		s.minor -= refund.GetAmount().GetMinor()
		if refund.GetSale().GetRefunded().GetMinor() >= refund.GetSale().GetTotal().GetMinor() {
			s.purchases--
		}
	}
	to[record.Customer] = s
	return nil
}

// asOf returns the facts of an event's customer, the event included. They come in the order of the log.
func (p *pastFacts) asOf(tx *store.Tx, h *Host, record *event.Record) (*plgv1.Facts, error) {
	if p == nil || record.Customer == "" {
		return nil, nil
	}
	if err := p.add(p.brought, record); err != nil {
		return nil, err
	}
	now, ok := p.known[record.Customer]
	if !ok {
		var err error
		if now, err = h.facts(tx, record.Customer); err != nil {
			return nil, err
		}
		p.known[record.Customer] = now
	}
	brought, total := p.brought[record.Customer], p.total[record.Customer]
	then := &plgv1.Facts{
		Purchases:  uint64(max(0, int64(now.GetPurchases())-total.purchases+brought.purchases)),
		SpentMinor: now.GetSpentMinor() - total.minor + brought.minor,
		Measures:   maps.Clone(now.GetMeasures()),
	}
	if then.Purchases > 0 {
		then.FirstPurchase = now.GetFirstPurchase()
		switch {
		case brought.last != nil:
			then.LastPurchase = brought.last
		case total.last == nil:
			then.LastPurchase = now.GetLastPurchase()
		default:
			then.LastPurchase = now.GetFirstPurchase()
		}
	}
	return then, nil
}
