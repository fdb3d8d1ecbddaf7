package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// errPrivate is why an address is not called.
var errPrivate = errors.New("the address is in a private network")

// reserved are the networks that are neither the Internet's nor told by netip (RFC 6890 and its successors): this
// network, carriers', protocol assignments, documentation, benchmarks, the future; 6to4, Teredo and NAT64, behind which
// any IPv4 address may stand; and IPv6's former site-local and discard-only ones.
var reserved = func() (list []netip.Prefix) {
	for _, p := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "2002::/16", "fec0::/10",
	} {
		list = append(list, netip.MustParsePrefix(p))
	}
	return list
}()

// near reports whether an address is this machine's or a private network's.
func near(ip netip.Addr) bool { return ip.IsLoopback() || ip.IsPrivate() }

// public reports whether an address is on the Internet.
func public(ip netip.Addr) bool {
	if !ip.IsGlobalUnicast() || near(ip) {
		return false
	}
	for _, p := range reserved {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// client calls addresses that may be called.
type client struct{ https, http *http.Client }

func newClient(allowPrivate func() bool, roots *x509.CertPool) *client {
	caller := func(plain bool) *http.Client {
		dialer := &net.Dialer{Timeout: 10 * time.Second}
		// The address is judged here, when its name has become one: what a name meant a moment before says nothing.
		dialer.ControlContext = func(_ context.Context, _, address string, _ syscall.RawConn) error {
			target, err := netip.ParseAddrPort(address)
			if err != nil {
				return err
			}
			ip := target.Addr().WithZone("").Unmap()
			if public(ip) && !plain || near(ip) && allowPrivate() {
				return nil
			}
			return errPrivate
		}
		return &http.Client{
			Transport: &http.Transport{
				DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
				ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: timeout,
				MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 1, IdleConnTimeout: 30 * time.Second,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return &client{https: caller(false), http: caller(true)}
}

func (c *client) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == "http" {
		return c.http.Do(r)
	}
	return c.https.Do(r)
}

func (c *client) close() {
	c.http.CloseIdleConnections()
	c.https.CloseIdleConnections()
}
