package doctor

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

const (
	// expiresSoon is how long before its end a certificate is worth a warning.
	expiresSoon = 14 * 24 * time.Hour
	// maxIPs is how many of the server's addresses are looked at.
	maxIPs = 4
)

// ptr checks that the mail server's addresses have names that lead back to them, without which many servers take no mail
// from it.
func (v *visit) ptr(ctx context.Context) {
	if v.Server == "" {
		v.find(checkPTR, severityInfo, "no_server")
		return
	}
	if len(v.ips) == 0 {
		v.find(checkPTR, severityError, "server_unknown", "server", v.Server)
		return
	}
	for i, ip := range v.ips {
		if i == maxIPs {
			break
		}
		if local(ip) {
			v.find(checkPTR, severityInfo, "ptr_local", "ip", ip.String())
			continue
		}
		v.named(ctx, ip)
	}
}

// named says whether an address has a name that leads back to it.
func (v *visit) named(ctx context.Context, ip net.IP) {
	step, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	names, err := v.cfg.Resolver.LookupAddr(step, ip.String())
	octets := ip.To4()
	if octets == nil {
		octets = ip.To16()
	}
	want := cmp.Or(v.host(), "mail."+v.Domain) + "."
	switch {
	case err != nil && !absent(err):
		v.unanswered(checkPTR, ip.String(), err)
	case len(names) == 0:
		put(v.find(checkPTR, severityWarning, "ptr_missing", "ip", ip.String()), reverse(octets), "PTR", want)
	default:
		for _, name := range names {
			for _, back := range v.addresses(ctx, strings.TrimSuffix(name, ".")) {
				if back.Equal(ip) {
					v.find(checkPTR, severityInfo, "ptr_good", "ip", ip.String(), "name", name).Found = name
					return
				}
			}
		}
		kind := "A"
		if ip.To4() == nil {
			kind = "AAAA"
		}
		f := v.find(checkPTR, severityWarning, "ptr_not_back", "ip", ip.String(), "name", names[0])
		f.Found = strings.Join(names, "\n")
		put(f, strings.TrimSuffix(names[0], "."), kind, ip.String())
	}
}

// errNoSTARTTLS is a server that offers no encryption.
var errNoSTARTTLS = errors.New("no STARTTLS")

// tls checks the line to the mail server.
func (v *visit) tls(ctx context.Context) {
	if v.Server == "" || len(v.ips) == 0 {
		return // ptr has said so
	}
	if v.Encryption == None {
		for _, ip := range v.ips {
			if !local(ip) {
				v.find(checkTLS, severityError, "tls_none", "server", v.Server)
				return
			}
		}
		v.find(checkTLS, severityInfo, "tls_local", "server", v.Server)
		return
	}
	state, err := v.shake(ctx)
	switch {
	case errors.Is(err, errNoSTARTTLS):
		v.find(checkTLS, severityError, "tls_not_offered", "server", v.Server)
		return
	case err != nil:
		v.find(checkTLS, severityError, "tls_unreachable", "server", v.Server, "problem", err)
		return
	}
	v.certificate(state)
}

// port is where the server answers.
func (v *visit) port() int {
	switch {
	case v.Port != 0:
		return v.Port
	case v.Encryption == TLS:
		return 465
	}
	return 587
}

// shake speaks to the server until the line is encrypted. Whom the certificate is for is looked at afterwards.
func (v *visit) shake(ctx context.Context) (state tls.ConnectionState, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*stepTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(v.ips[0].String(), strconv.Itoa(v.port())))
	if err != nil {
		return state, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return state, err
		}
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if v.Encryption == STARTTLS {
		if err := startTLS(conn); err != nil {
			return state, err
		}
	}
	line := tls.Client(conn, &tls.Config{
		ServerName: v.host(), MinVersion: tls.VersionTLS10,
		InsecureSkipVerify: true, // what is wrong with the certificate is what this is about; nothing secret is sent
	})
	if err := line.HandshakeContext(ctx); err != nil {
		return state, err
	}
	return line.ConnectionState(), nil
}

// startTLS brings a conversation to where the encryption begins (RFC 3207).
func startTLS(conn net.Conn) error {
	text := textproto.NewReader(bufio.NewReaderSize(conn, 4096))
	if _, _, err := text.ReadResponse(220); err != nil {
		return err
	}
	if _, err := fmt.Fprint(conn, "EHLO mostrador.invalid\r\n"); err != nil {
		return err
	}
	_, offers, err := text.ReadResponse(250)
	if err != nil {
		return err
	}
	offered := false
	for _, line := range strings.Split(offers, "\n") {
		offered = offered || strings.EqualFold(strings.TrimSpace(line), "STARTTLS")
	}
	if !offered {
		return errNoSTARTTLS
	}
	if _, err := fmt.Fprint(conn, "STARTTLS\r\n"); err != nil {
		return err
	}
	_, _, err = text.ReadResponse(220)
	return err
}

// certificate says what is wrong with what the server showed.
func (v *visit) certificate(state tls.ConnectionState) {
	leaf := state.PeerCertificates[0]
	between := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		between.AddCert(c)
	}
	now := v.cfg.Now()
	_, err := leaf.Verify(x509.VerifyOptions{Roots: v.cfg.Roots, Intermediates: between, CurrentTime: now})
	until := leaf.NotAfter.Format("2006-01-02")
	switch {
	case now.After(leaf.NotAfter):
		v.find(checkTLS, severityError, "tls_expired", "server", v.Server, "until", until)
	case leaf.VerifyHostname(strings.Trim(v.Server, "[]")) != nil:
		v.find(checkTLS, severityError, "tls_name", "server", v.Server, "names", strings.Join(names(leaf), ", "))
	case err != nil:
		v.find(checkTLS, severityError, "tls_untrusted", "server", v.Server, "issuer", leaf.Issuer.String())
	case state.Version < tls.VersionTLS12:
		v.find(checkTLS, severityWarning, "tls_old", "server", v.Server, "version", tls.VersionName(state.Version))
	case leaf.NotAfter.Sub(now) < expiresSoon:
		v.find(checkTLS, severityWarning, "tls_soon", "server", v.Server, "until", until)
	default:
		v.find(checkTLS, severityInfo, "tls_good", "server", v.Server, "version", tls.VersionName(state.Version), "until", until)
	}
}

// names are whom a certificate is for.
func names(c *x509.Certificate) []string {
	list := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		list = append(list, ip.String())
	}
	if len(list) == 0 {
		list = append(list, c.Subject.CommonName)
	}
	return list
}
