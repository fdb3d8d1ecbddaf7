package mailbox

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strconv"
	"time"
)

// limits bound one visit.
type limits struct {
	dial  time.Duration // the connection
	idle  time.Duration // the longest silence
	visit time.Duration // all of it, however busily the server drips
}

// dialer opens lines to the server of the settings.
type dialer struct {
	set    Settings
	limits limits
	tls    *tls.Config // for tests with a certificate of their own; nil is the system's trust
}

// begin bounds a visit as a whole.
func (d *dialer) begin(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, d.limits.visit, errVisit)
}

// dial connects, with TLS where it comes first. The line closes when the context ends.
func (d *dialer) dial(ctx context.Context, port, tlsPort int) (*line, error) {
	if d.set.Port != 0 {
		port, tlsPort = d.set.Port, d.set.Port
	}
	if d.set.Encryption == EncryptionTLS {
		port = tlsPort
	}
	network := net.Dialer{Timeout: d.limits.dial}
	conn, err := network.DialContext(ctx, "tcp", net.JoinHostPort(d.set.Server, strconv.Itoa(port)))
	if err != nil {
		return nil, &Error{Problem: Unreachable, Where: d.set.Server, Err: err}
	}
	if d.set.Encryption != EncryptionTLS && d.set.Encryption != EncryptionSTARTTLS && d.set.Password != "" && !ownNetwork(conn) {
		conn.Close()
		return nil, &Error{Problem: OpenPassword, Where: d.set.Server}
	}
	l := &line{Conn: conn, idle: d.limits.idle}
	l.release = context.AfterFunc(ctx, func() { conn.Close() })
	if d.set.Encryption == EncryptionTLS {
		if err := l.secure(ctx, d.tlsConfig()); err != nil {
			l.Close()
			return nil, &Error{Problem: NoEncryption, Where: d.set.Server, Err: err}
		}
	}
	return l, nil
}

func (d *dialer) tlsConfig() *tls.Config {
	config := &tls.Config{}
	if d.tls != nil {
		config = d.tls.Clone()
	}
	config.ServerName = d.set.Server
	config.MinVersion = tls.VersionTLS12
	return config
}

// ownNetwork reports whether the peer is this machine or in the same private network.
func ownNetwork(conn net.Conn) bool {
	addr, ok := conn.RemoteAddr().(*net.TCPAddr)
	return ok && (addr.IP.IsLoopback() || addr.IP.IsPrivate() || addr.IP.IsLinkLocalUnicast())
}

// line is a connection on which no silence lasts longer than it may. Deadlines that a library sets are its own idea and
// have no effect.
type line struct {
	net.Conn
	idle    time.Duration
	release func() bool
}

// secure turns the line into one over TLS.
func (l *line) secure(ctx context.Context, config *tls.Config) error {
	conn := tls.Client(&line{Conn: l.Conn, idle: l.idle}, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	l.Conn = conn
	return nil
}

func (l *line) Read(p []byte) (int, error) {
	if err := l.Conn.SetReadDeadline(time.Now().Add(l.idle)); err != nil {
		return 0, err
	}
	return l.Conn.Read(p)
}

func (l *line) Write(p []byte) (int, error) {
	if err := l.Conn.SetWriteDeadline(time.Now().Add(l.idle)); err != nil {
		return 0, err
	}
	return l.Conn.Write(p)
}

func (l *line) SetDeadline(time.Time) error      { return nil }
func (l *line) SetReadDeadline(time.Time) error  { return nil }
func (l *line) SetWriteDeadline(time.Time) error { return nil }

func (l *line) Close() error {
	if l.release != nil {
		l.release()
	}
	return l.Conn.Close()
}

// errTooLong says that the other side sent more than anybody needs.
var errTooLong = errors.New("the server sends too much")
