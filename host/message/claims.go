package message

import "sync"

// claims are the messages that somebody is busy with: one that is leaving, or has left and is not committed yet, belongs
// to the sender, and one that is being taken back or sent again to whoever does that. Nobody else touches it meanwhile.
type claims struct {
	mu   sync.Mutex
	held map[string]bool
	// leaving counts advertising under way by customer.
	leaving map[string]int
}

func newClaims() *claims {
	return &claims{held: map[string]bool{}, leaving: map[string]int{}}
}

// take claims a message; false when somebody has it.
func (c *claims) take(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held[id] {
		return false
	}
	c.held[id] = true
	return true
}

// release gives a message back.
func (c *claims) release(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.held, id)
}

// advertise notes that advertising is leaving to a customer, until unadvertise.
func (c *claims) advertise(customer string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leaving[customer]++
}

func (c *claims) unadvertise(customer string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving[customer]--; c.leaving[customer] <= 0 {
		delete(c.leaving, customer)
	}
}

// others is how much more advertising is leaving to a customer than the one that asks.
func (c *claims) others(customer string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(0, c.leaving[customer]-1)
}
