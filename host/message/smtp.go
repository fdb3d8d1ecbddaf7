package message

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	smtp "github.com/xhit/go-simple-mail/v2"
)

// SMTP carries mails to the server of the settings. Connections are kept for the next mail for a while; one
// that was made for other settings, or that the server has closed meanwhile, is replaced.
//
// go-simple-mail speaks the protocol over connections of our own, because its own time limits do not free a
// caller from a server that stalls. Mails to a server that offers PIPELINING take a shorter way (pipeline).
type SMTP struct {
	limits Limits
	keep   int
	tls    *tls.Config // for tests with a certificate of their own; nil is the system's trust

	mu   sync.Mutex
	idle []*line
}

var _ Transport = (*SMTP)(nil)

// NewSMTP returns a transport that keeps at most so many connections open while there is nothing to send.
func NewSMTP(limits Limits, keep int) *SMTP {
	return &SMTP{limits: limits, keep: keep}
}

// line is one open conversation.
type line struct {
	conn   *timedConn
	client *smtp.SMTPClient
	// pipe is what the client speaks over; nil when that is made by the library itself (STARTTLS).
	pipe   *pipeline
	set    Settings
	since  time.Time
	expiry *time.Timer
}

// Send gives one mail to the server.
func (t *SMTP) Send(ctx context.Context, set Settings, m *Mail) error {
	l, err := t.line(ctx, set)
	if err != nil {
		return err
	}
	stop := l.conn.limit(ctx, t.limits.Idle, t.limits.Total)
	defer stop()
	if l.pipe != nil && l.pipe.takes(m) {
		err = l.pipe.send(m)
	} else {
		err = smtp.SendMessage(m.From, []string{m.To}, string(m.Bytes), l.client)
	}
	if err == nil {
		t.put(l)
		return nil
	}
	var reply *textproto.Error
	if !errors.As(err, &reply) {
		l.conn.Close()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("mail server %s: %w", set.Server, err)
	}
	// After a no the server waits for the next mail, unless it said that it closes (421).
	if reply.Code == 421 || l.client.Reset() != nil {
		l.conn.Close()
	} else {
		t.put(l)
	}
	return &Refusal{Code: reply.Code, Words: reply.Msg}
}

// Close ends the connections that are kept.
func (t *SMTP) Close() {
	t.mu.Lock()
	idle := t.idle
	t.idle = nil
	t.mu.Unlock()
	for _, l := range idle {
		l.expiry.Stop()
		l.quit()
	}
}

// line returns a conversation that is ready for a mail.
func (t *SMTP) line(ctx context.Context, set Settings) (*line, error) {
	for {
		l := t.take(set)
		if l == nil {
			return t.dial(ctx, set)
		}
		if time.Since(l.since) < time.Second {
			return l, nil
		}
		// The server may have hung up meanwhile; asking is cheaper than a mail that has to be tried again.
		stop := l.conn.limit(ctx, t.limits.Idle, t.limits.Dial)
		err := l.client.Noop()
		stop()
		if err == nil {
			return l, nil
		}
		l.conn.Close()
	}
}

// take removes a kept line for these settings; those for other settings are closed on the way.
func (t *SMTP) take(set Settings) *line {
	t.mu.Lock()
	var stale []*line
	var found *line
	for len(t.idle) > 0 && found == nil {
		l := t.idle[len(t.idle)-1]
		t.idle = t.idle[:len(t.idle)-1]
		l.expiry.Stop()
		if sameServer(l.set, set) {
			found = l
		} else {
			stale = append(stale, l)
		}
	}
	t.mu.Unlock()
	for _, l := range stale {
		l.conn.Close()
	}
	return found
}

// put keeps a line for the next mail.
func (t *SMTP) put(l *line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.idle) >= t.keep || t.limits.Keep <= 0 {
		l.conn.Close()
		return
	}
	l.since = time.Now()
	l.expiry = time.AfterFunc(t.limits.Keep, func() { t.expire(l) })
	t.idle = append(t.idle, l)
}

// expire ends a line that nobody wanted for a while.
func (t *SMTP) expire(l *line) {
	t.mu.Lock()
	for i, other := range t.idle {
		if other == l {
			t.idle = append(t.idle[:i], t.idle[i+1:]...)
			t.mu.Unlock()
			l.quit()
			return
		}
	}
	t.mu.Unlock()
}

// quit says goodbye, briefly.
func (l *line) quit() {
	stop := l.conn.limit(context.Background(), time.Second, time.Second)
	defer stop()
	_ = l.client.Quit()
	l.conn.Close()
}

// dial opens a conversation: connection, greeting, TLS, sign-in. Whatever fails here is *Unreachable.
func (t *SMTP) dial(ctx context.Context, set Settings) (*line, error) {
	fail := func(err error) (*line, error) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &Unreachable{Server: set.Server, Err: err}
	}
	deadline := time.Now().Add(t.limits.Dial)
	port := set.Port
	if port == 0 {
		port = map[Encryption]int{EncryptionTLS: 465, EncryptionSTARTTLS: 587}[set.Encryption]
	}
	if port == 0 {
		port = 25
	}
	dialer := net.Dialer{Deadline: deadline}
	raw, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(set.Server, strconv.Itoa(port)))
	if err != nil {
		return fail(err)
	}
	conn := &timedConn{Conn: raw}
	stop := conn.limit(ctx, t.limits.Idle, time.Until(deadline))
	defer stop()

	config := &tls.Config{}
	if t.tls != nil {
		config = t.tls.Clone()
	}
	config.ServerName = set.Server
	config.MinVersion = tls.VersionTLS12
	config.VerifyConnection = func(tls.ConnectionState) error {
		conn.clear.Store(false)
		return nil
	}
	server := &smtp.SMTPServer{
		Host: set.Server, Port: port, Helo: heloName(raw),
		Username: set.Username, Password: set.Password, Authentication: smtp.AuthAuto,
		KeepAlive: true, TLSConfig: config, CustomConn: conn,
	}
	var pipe *pipeline
	switch set.Encryption {
	case EncryptionTLS:
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return fail(err)
		}
		pipe = &pipeline{Conn: secure}
		server.Encryption = smtp.EncryptionSSLTLS
	case EncryptionSTARTTLS:
		// The library goes on in clear when the server offers no STARTTLS; the connection does not.
		conn.clear.Store(true)
		server.Encryption = smtp.EncryptionSTARTTLS
	default:
		conn.public = !ownNetwork(raw)
		pipe = &pipeline{Conn: conn}
	}
	if pipe != nil {
		server.CustomConn = pipe
	}
	client, err := server.Connect()
	if err == nil && conn.clear.Load() {
		err = errNoSTARTTLS
	}
	if err != nil {
		conn.Close()
		return fail(err)
	}
	return &line{conn: conn, client: client, pipe: pipe, set: set}, nil
}

var (
	// errNoSTARTTLS says that the settings want STARTTLS and the server does not offer it.
	errNoSTARTTLS = errors.New("the server offers no STARTTLS")
	// errOpenPassword says that a password would travel readably to another network.
	errOpenPassword = errors.New("a password is sent over an open line only within the own network")
)

// timedConn is a connection whose every wait ends: after a silence, at the end of the time for the whole
// conversation, or with the caller's context.
type timedConn struct {
	net.Conn
	// clear is true while TLS is wanted and has not come about: neither password nor mail may pass.
	clear atomic.Bool
	// public is set on an open line to a machine outside the own network: no password may pass.
	public bool

	mu    sync.Mutex
	idle  time.Duration
	total time.Time
}

// limit sets the bounds of what follows until stop is called.
func (c *timedConn) limit(ctx context.Context, idle, total time.Duration) (stop func()) {
	c.mu.Lock()
	c.idle, c.total = idle, time.Now().Add(total)
	c.mu.Unlock()
	release := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		c.total = time.Unix(1, 0)
		c.mu.Unlock()
		_ = c.Conn.SetDeadline(time.Unix(1, 0))
	})
	return func() { release() }
}

// arm returns the deadline of one read or write.
func (c *timedConn) arm(set func(time.Time) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	deadline := time.Now().Add(c.idle)
	if c.total.Before(deadline) {
		deadline = c.total
	}
	return set(deadline)
}

func (c *timedConn) Read(p []byte) (int, error) {
	if err := c.arm(c.Conn.SetReadDeadline); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *timedConn) Write(p []byte) (int, error) {
	switch {
	case c.clear.Load() && (bytes.HasPrefix(p, []byte("AUTH")) || bytes.HasPrefix(p, []byte("MAIL"))):
		return 0, errNoSTARTTLS
	case c.public && bytes.HasPrefix(p, []byte("AUTH")):
		return 0, errOpenPassword
	}
	if err := c.arm(c.Conn.SetWriteDeadline); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// ownNetwork reports whether the peer is this machine or in the same private network.
func ownNetwork(conn net.Conn) bool {
	addr, ok := conn.RemoteAddr().(*net.TCPAddr)
	return ok && (addr.IP.IsLoopback() || addr.IP.IsPrivate() || addr.IP.IsLinkLocalUnicast())
}

// sameServer reports whether a connection made for a serves b.
func sameServer(a, b Settings) bool {
	return a.Server == b.Server && a.Port == b.Port && a.Encryption == b.Encryption &&
		a.Username == b.Username && a.Password == b.Password
}

// heloName is what the store calls itself: its full host name or, since a shop's machine seldom has one, the
// address literal of RFC 5321 4.1.3.
func heloName(conn net.Conn) string {
	name, err := os.Hostname()
	if err == nil && strings.Contains(strings.Trim(name, "."), ".") && safeDomain(name) {
		return name
	}
	addr, ok := conn.LocalAddr().(*net.TCPAddr)
	if !ok {
		return "localhost"
	}
	if ip4 := addr.IP.To4(); ip4 != nil {
		return "[" + ip4.String() + "]"
	}
	return "[IPv6:" + addr.IP.String() + "]"
}
