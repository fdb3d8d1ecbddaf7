package message

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	smtp "github.com/emersion/go-smtp"
)

// peer is a real SMTP server that remembers what it was given.
type peer struct {
	server *smtp.Server
	host   string
	port   int

	mu sync.Mutex
	// answers are given to mails in turn; nil accepts, and so does what comes after them.
	answers []error
	// refuse, when set, answers RCPT.
	refuse      func(to string) error
	mails       []received
	connections int
	sessions    []*smtp.Conn
	helo        string
	user, pass  string
}

type received struct {
	from, to string
	body     []byte
}

func newPeer(t testing.TB, change ...func(*smtp.Server)) *peer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{}
	p.server = smtp.NewServer(smtp.BackendFunc(p.session))
	p.server.Domain = "mx.example.com"
	p.server.AllowInsecureAuth = true
	p.server.ErrorLog = silent{}
	for _, fn := range change {
		fn(p.server)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.server.Serve(listener)
	}()
	t.Cleanup(func() {
		p.server.Close()
		listener.Close() // the server knows of it only once Serve has begun
		<-ended
	})
	p.host = "127.0.0.1"
	p.port = listener.Addr().(*net.TCPAddr).Port
	return p
}

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

func (p *peer) settings() Settings {
	set := testSettings
	set.Server, set.Port, set.Encryption = p.host, p.port, EncryptionNone
	return set
}

func (p *peer) got() []received {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]received(nil), p.mails...)
}

// hangUp closes all connections, as a server does that grows tired of idle ones.
func (p *peer) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.sessions {
		c.Close()
	}
	p.sessions = nil
}

func (p *peer) session(c *smtp.Conn) (smtp.Session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.connections++
	p.sessions = append(p.sessions, c)
	p.helo = c.Hostname()
	return &peerSession{peer: p}, nil
}

type peerSession struct {
	peer     *peer
	from, to string
	signedIn bool
}

func (s *peerSession) Reset()        { s.from, s.to = "", "" }
func (s *peerSession) Logout() error { return nil }
func (s *peerSession) Mail(from string, _ *smtp.MailOptions) error {
	if s.peer.user != "" && !s.signedIn {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.from = from
	return nil
}
func (s *peerSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	s.peer.mu.Lock()
	refuse := s.peer.refuse
	s.peer.mu.Unlock()
	if refuse == nil {
		return nil
	}
	return refuse(to)
}
func (s *peerSession) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	p := s.peer
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.answers) > 0 {
		answer := p.answers[0]
		p.answers = p.answers[1:]
		if answer != nil {
			return answer
		}
	}
	p.mails = append(p.mails, received{s.from, s.to, body})
	return nil
}
func (s *peerSession) AuthMechanisms() []string {
	if s.peer.user == "" {
		return nil
	}
	return []string{sasl.Plain}
}
func (s *peerSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, pass string) error {
		if user != s.peer.user || pass != s.peer.pass {
			return errors.New("no")
		}
		s.signedIn = true
		return nil
	}), nil
}

var (
	greylisted = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "Greylisted, try again"}
	unknown    = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "No such user here"}
)

// certificate makes one for 127.0.0.1, and the pool that trusts it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

// stage is a step of a conversation with a raw server.
type stage string

const (
	atGreeting stage = "the greeting"
	atHello    stage = "EHLO"
	atMail     stage = "MAIL"
	atRcpt     stage = "RCPT"
	atData     stage = "DATA"
	inBody     stage = "the middle of the body"
	atEnd      stage = "the final answer"
	drip       stage = "dripping"
)

// raw is a server that does one thing wrong at one stage: it stalls, or hangs up.
type raw struct {
	listener net.Listener
	stage    stage
	hangUp   bool
	group    sync.WaitGroup
	stop     chan struct{}
}

func newRaw(t *testing.T, at stage, hangUp bool) *raw {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &raw{listener: listener, stage: at, hangUp: hangUp, stop: make(chan struct{})}
	r.group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			r.group.Go(func() { r.talk(conn) })
		}
	})
	t.Cleanup(func() {
		close(r.stop)
		listener.Close()
		r.group.Wait()
	})
	return r
}

func (r *raw) settings() Settings {
	set := testSettings
	host, port, _ := net.SplitHostPort(r.listener.Addr().String())
	set.Server = host
	set.Port, _ = strconv.Atoi(port)
	return set
}

// wrong does what this server is for, at its stage. The conversation is over then.
func (r *raw) wrong(at stage, conn net.Conn) bool {
	if at != r.stage {
		return false
	}
	if !r.hangUp {
		<-r.stop
	}
	return true
}

func (r *raw) talk(conn net.Conn) {
	defer conn.Close()
	if r.stage == drip {
		for {
			select {
			case <-r.stop:
				return
			case <-time.After(20 * time.Millisecond):
				if _, err := io.WriteString(conn, "2"); err != nil {
					return
				}
			}
		}
	}
	if r.wrong(atGreeting, conn) {
		return
	}
	buffer := make([]byte, 4096)
	say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
	say("220 mx.example.com")
	for _, step := range []struct {
		at     stage
		answer string
	}{{atHello, "250 mx.example.com"}, {atMail, "250 OK"}, {atRcpt, "250 OK"}, {atData, "354 go on"}} {
		if _, err := conn.Read(buffer); err != nil {
			return
		}
		if r.wrong(step.at, conn) {
			return
		}
		say(step.answer)
	}
	if _, err := conn.Read(buffer[:100]); err != nil || r.wrong(inBody, conn) {
		return
	}
	tail := ""
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if tail += string(buffer[:n]); len(tail) > 5 {
			tail = tail[len(tail)-5:]
		}
		if tail == "\r\n.\r\n" {
			r.wrong(atEnd, conn)
			return
		}
	}
}
