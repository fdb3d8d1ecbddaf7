package host

import (
	"sync"
	"time"
)

// A plug-in may answer an event with events, or with changes of which events tell, and another (or itself) those, and so
// on. What follows from a fact of the store is free; what follows from that again is bounded, so that plug-ins which call
// one another without end fill no disk: chainLength events in a row, and of those behind the first chainRate a second and
// plug-in, chainBurst at once.
const (
	chainLength = 32
	chainRate   = 100
	chainBurst  = 10_000
)

// chains bounds how events beget events. How far behind a fact an event is, is its generation; Log.Following gives it.
type chains struct {
	mu     sync.Mutex
	budget map[string]*chainBudget
}

type chainBudget struct {
	left   float64
	filled time.Time
}

// grow refuses for good an event of a plug-in that makes a chain too long, or chains too many.
func (c *chains) grow(plugin string, generation uint32) error {
	if generation < 2 {
		return nil
	}
	if generation > chainLength {
		return refusedf("%d events in a row, each of which led to the next", generation)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	b := c.budget[plugin]
	if b == nil {
		b = &chainBudget{left: chainBurst, filled: now}
		if c.budget == nil {
			c.budget = map[string]*chainBudget{}
		}
		c.budget[plugin] = b
	}
	b.left = min(chainBurst, b.left+chainRate*now.Sub(b.filled).Seconds())
	b.filled = now
	if b.left < 1 {
		return refusedf("too many events that follow from its own events: %d a second are the most", chainRate)
	}
	b.left--
	return nil
}
