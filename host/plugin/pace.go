package plugin

import (
	"io"
	"sync/atomic"
	"time"
)

// What a plugin may write a second, in bytes, and at once. It is far more than anybody reads; what comes beyond waits
// in the plugin's own pipe, and the plugin with it, instead of keeping the store busy.
const (
	paceRate  = 256 << 10
	paceBurst = 256 << 10
	// paceWait bounds one pause, so that the end of a process is not waited for.
	paceWait = 50 * time.Millisecond
	paceRead = 16 << 10
)

// paced reads what a plugin writes, and no faster than that.
type paced struct {
	io.ReadCloser
	// over ends the pacing: the process has ended, and what is left are its last words.
	over atomic.Bool

	left   float64
	filled time.Time
}

func pace(r io.ReadCloser) *paced {
	return &paced{ReadCloser: r, left: paceBurst, filled: time.Now()}
}

// Read implements io.Reader, for one goroutine at a time.
func (p *paced) Read(b []byte) (int, error) {
	for p.left < 0 && !p.over.Load() {
		time.Sleep(min(paceWait, time.Duration(-p.left/paceRate*float64(time.Second))+time.Millisecond))
		p.fill()
	}
	n, err := p.ReadCloser.Read(b[:min(len(b), paceRead)])
	p.fill()
	p.left -= float64(n)
	return n, err
}

func (p *paced) fill() {
	now := time.Now()
	p.left = min(paceBurst, p.left+paceRate*now.Sub(p.filled).Seconds())
	p.filled = now
}
