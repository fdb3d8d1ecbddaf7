package marketplace

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Rate bounds the requests of one client: Burst at once, and PerMinute in the long run. Links that no store has
// sealed cost ten times as much as good ones.
type Rate struct {
	PerMinute float64
	Burst     float64
}

// DefaultRate leaves room for a mailbox provider that unsubscribes many people from one address (RFC 8058).
var DefaultRate = Rate{PerMinute: 600, Burst: 300}

// badCost is what a request for a link that is none costs.
const badCost = 10

// clientsKept bounds the memory of the limiter.
const clientsKept = 50_000

// limiter is a bucket of tokens for each client.
type limiter struct {
	rate Rate

	mu      sync.Mutex
	clients map[netip.Prefix]*allowance
}

type allowance struct {
	left float64
	at   time.Time
}

func newLimiter(rate Rate) *limiter {
	return &limiter{rate: rate, clients: map[netip.Prefix]*allowance{}}
}

// allow takes the cost from a client's allowance and reports whether there was enough.
func (l *limiter) allow(client netip.Addr, cost float64, now time.Time) bool {
	key := network(client)
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.clients[key]
	if a == nil {
		if len(l.clients) >= clientsKept {
			l.forget(now)
		}
		a = &allowance{left: l.rate.Burst, at: now}
		l.clients[key] = a
	}
	a.left = min(l.rate.Burst, a.left+now.Sub(a.at).Minutes()*l.rate.PerMinute)
	a.at = now
	if a.left < cost {
		return false
	}
	a.left -= cost
	return true
}

// forget drops clients whose allowance is full again, and all of them when that does not help.
func (l *limiter) forget(now time.Time) {
	for key, a := range l.clients {
		if a.left+now.Sub(a.at).Minutes()*l.rate.PerMinute >= l.rate.Burst {
			delete(l.clients, key)
		}
	}
	if len(l.clients) >= clientsKept {
		clear(l.clients)
	}
}

// network is what counts as one client: an IPv4 address, or the /64 that an IPv6 customer has to himself.
func network(client netip.Addr) netip.Prefix {
	bits := client.BitLen()
	if client.Is6() {
		bits = 64
	}
	prefix, err := client.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}

// clientAddr returns the address of whoever asks. X-Forwarded-For is read from its end, and only as far as
// trusted proxies have written it.
func clientAddr(r *http.Request, trusted []netip.Prefix) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	addr = addr.Unmap().WithZone("")
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && isTrusted(addr, trusted); i-- {
		hop := strings.TrimSpace(hops[i])
		if host, _, err := net.SplitHostPort(hop); err == nil {
			hop = host
		}
		next, err := netip.ParseAddr(strings.Trim(hop, "[]"))
		if err != nil {
			break
		}
		addr = next.Unmap().WithZone("")
	}
	return addr
}

func isTrusted(addr netip.Addr, trusted []netip.Prefix) bool {
	for _, prefix := range trusted {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}
