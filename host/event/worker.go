package event

import (
	"context"
	"sync/atomic"

	"mostrador/sdk/plgv1"
)

type worker struct {
	e       *Engine
	c       Consumer
	name    string
	cancel  context.CancelFunc
	ended   chan struct{}
	turn    chan struct{}
	nudge   chan struct{}
	waiting atomic.Int32
	place   atomic.Uint64
}

func newWorker(e *Engine, c Consumer) *worker {
	return &worker{
		e: e, c: c, name: c.Name(),
		ended: make(chan struct{}), turn: make(chan struct{}, 1), nudge: make(chan struct{}, 1),
	}
}

func (w *worker) settled(sequence uint64)        { w.place.Store(sequence) }
func (w *worker) run(ctx context.Context)        { defer close(w.ended); <-ctx.Done() }
func (w *worker) take(ctx context.Context) error { return ctx.Err() }
func (w *worker) give()                          {}
func (w *worker) deliverOne(ctx context.Context, event *plgv1.Event) ([]*plgv1.Effect, error) {
	return nil, ErrUnavailable
}
