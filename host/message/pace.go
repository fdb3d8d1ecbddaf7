package message

import (
	"strings"
	"sync"
	"time"

	"mostrador/host/api/mostradorv1"
)

// paces keep to what the providers of the recipients bear. A provider that never complained has no limit. One that
// answers "not so fast" (RFC 5321 4.2.1: 421, 450, 451, 452) gets a window of mails at a time and a rate of mails per
// second, both half of what they were, and a rest that doubles while it goes on complaining; each mail that it takes
// lets them grow slowly, by about one mail at a time and one mail a second each second, until there is no limit again.
// What is limited is that provider alone.
type paces struct {
	most func() int // how many mails leave at a time at all

	mu sync.Mutex
	by map[string]*pace
}

// pace is one provider's.
type pace struct {
	busy int
	// recent is about how many mails a second it took lately, at the time of last.
	recent float64
	last   time.Time

	// limited says that the rest is in force.
	limited bool
	window  float64
	rate    float64
	// next is when the next mail may leave, lowered when the limits were last lowered.
	next, lowered time.Time
	rest          time.Duration
	// words are the provider's own.
	words string
}

const (
	minRate = 1.0 / 60 // mails per second
	// freeRate is the rate at which there is no limit any more.
	freeRate = 100.0
	minRest  = 2 * time.Second
	maxRest  = 5 * time.Minute
	// recently is over how long the rate that a provider bears is measured.
	recently = 5 * time.Second
)

func newPaces(most func() int) *paces { return &paces{most: most, by: map[string]*pace{}} }

// admit takes a place for one mail to a provider, to be given back with done; or says how long to wait for one, 0 for
// until another mail to it is done.
func (p *paces) admit(provider string, now time.Time) (ok bool, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.by[provider]
	if at == nil {
		at = &pace{last: now}
		p.by[provider] = at
	}
	if at.limited {
		if wait := at.next.Sub(now); wait > 0 {
			return false, wait
		}
		if at.busy >= int(at.window) {
			return false, 0
		}
		at.next = now.Add(time.Duration(float64(time.Second) / at.rate))
	}
	at.busy++
	return true, 0
}

// done gives a place back and learns from what the server said: took tells that it took the mail, complained that it
// wants fewer, in these words. It reports whether the limits were lowered just now.
func (p *paces) done(provider string, now time.Time, took bool, complaint string) (lowered bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.by[provider]
	if at == nil {
		return false
	}
	at.busy--
	switch {
	case took:
		at.took(now)
		if at.limited {
			at.grow(float64(p.most()))
		}
	case complaint != "":
		at.words = complaint
		lowered = at.lower(now)
	}
	if at.busy == 0 && !at.limited && len(p.by) > 64 {
		delete(p.by, provider)
	}
	return lowered
}

// took counts a mail into the recent rate, which forgets by half-lives of recently.
func (at *pace) took(now time.Time) {
	share := min(1, float64(now.Sub(at.last))/float64(recently))
	at.recent = at.recent*(1-share) + 1/recently.Seconds()
	at.last = now
}

func (at *pace) grow(most float64) {
	at.rest = 0
	at.window += 1 / at.window
	at.rate += min(1/at.rate, at.rate/8)
	if at.window >= most && at.rate >= freeRate {
		at.limited, at.words = false, ""
	}
}

// lower halves the limits; the answers to mails that left together count once.
func (at *pace) lower(now time.Time) bool {
	if at.limited && now.Sub(at.lowered) < time.Second {
		return false
	}
	if !at.limited {
		at.limited, at.window, at.rate = true, float64(at.busy+1), max(1, at.recent)
	}
	at.window = max(1, at.window/2)
	at.rate = max(minRate, at.rate/2)
	at.rest = min(maxRest, max(minRest, 2*at.rest))
	at.lowered, at.next = now, now.Add(at.rest)
	return true
}

// limitOf describes the limit of a provider, for a log and for people.
func (p *paces) limitOf(provider string) (window int, rate float64, words string, limited bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.by[provider]
	if at == nil || !at.limited {
		return 0, 0, "", false
	}
	return int(at.window), at.rate, at.words, true
}

// forget lifts all limits.
func (p *paces) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, at := range p.by {
		at.limited, at.words = false, ""
	}
}

// complaint returns a server's words when its no asks for fewer mails, and "" when it is about that one mail: a mailbox
// that is full, a grey list.
func (s *Service) complaint(r *Refusal) string {
	if r == nil || r.Permanent() {
		return ""
	}
	if s.cfg.Classify != nil {
		if b := s.cfg.Classify(r.Code, r.Words); b != nil {
			switch b.Reason {
			case "mailbox_full", "greylisted", "unknown_user", "unknown_domain", "disabled", "too_large", "content":
				return ""
			case "rate":
				return r.Error()
			}
			if b.Kind == mostradorv1.Bounce_KIND_HARD {
				return ""
			}
		}
	}
	words := strings.ToLower(r.Words)
	for _, own := range []string{"greylist", "graylist", "grey list", "mailbox full", "quota", "4.2.2", "4.1.1", "4.7.1 grey"} {
		if strings.Contains(words, own) {
			return ""
		}
	}
	switch r.Code {
	case 421, 450, 451, 452:
		return r.Error()
	}
	for _, fewer := range []string{"rate", "too many", "throttl", "try again later", "slow down", "limit"} {
		if strings.Contains(words, fewer) {
			return r.Error()
		}
	}
	return ""
}
