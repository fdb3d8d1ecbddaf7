package sdk

import (
	"context"
	"time"
)

// Call is one call of a handler, for an Observer. It holds nothing personal.
type Call struct {
	// Kind is "event", "action", "panel", "migrate", "check" or "validate".
	Kind string
	// Name is the event's type, the id of the action or panel, or the setting's key.
	Name string
}

// Observer is told of every call of a handler. Package telemetry is one; most plugins have none, and then nothing
// is measured.
type Observer struct {
	// Begin is called before a handler. The handler gets the context that it returns, and end is called with what
	// the handler returned or panicked with.
	Begin func(ctx context.Context, call Call) (within context.Context, end func(error))
	// End is called before the process ends, which waits for it for a second.
	End func(context.Context) error
}

// observerPatience is how long an Observer may take to end.
const observerPatience = time.Second

// Observe makes o the plugin's observer.
func (p *Plugin) Observe(o Observer) { p.observer = &o }

// endObserver lets the observer send what it has.
func (p *Plugin) endObserver() {
	if p.observer == nil || p.observer.End == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), observerPatience)
	defer cancel()
	if err := p.observer.End(ctx); err != nil {
		p.log.Warn("what was observed is lost", "error", err)
	}
}
