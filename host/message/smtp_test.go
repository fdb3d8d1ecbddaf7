package message

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	smtp "github.com/emersion/go-smtp"
)

// hasty limits make a stalling server's tests quick.
var hasty = Limits{Dial: 300 * time.Millisecond, Idle: 200 * time.Millisecond, Total: 600 * time.Millisecond, Keep: time.Minute}

func testMail(n int) *Mail {
	return &Mail{
		ID: fmt.Sprint("m", n), From: "hola@tienda.example", To: "ana@example.com",
		Bytes: []byte("Subject: x\r\n\r\nuno\r\n.\r\n..dos\r\n" + strings.Repeat("largo\r\n", 2000)),
	}
}

func newSMTP(t *testing.T, limits Limits) *SMTP {
	transport := NewSMTP(limits, 4)
	t.Cleanup(transport.Close)
	return transport
}

func TestMailsArriveAsTheyAre(t *testing.T) {
	p := newPeer(t)
	transport := newSMTP(t, DefaultLimits)
	m := testMail(1)
	if err := transport.Send(t.Context(), p.settings(), m); err != nil {
		t.Fatal(err)
	}
	got := p.got()
	if len(got) != 1 || got[0].from != m.From || got[0].to != m.To || !bytes.Equal(got[0].body, m.Bytes) {
		t.Fatalf("%d mails", len(got))
	}
	if !strings.HasPrefix(p.helo, "[127.") && !strings.Contains(p.helo, ".") {
		t.Errorf("EHLO %q", p.helo)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	p := newPeer(t)
	transport := newSMTP(t, DefaultLimits)
	for i := range 5 {
		if err := transport.Send(t.Context(), p.settings(), testMail(i)); err != nil {
			t.Fatal(err)
		}
	}
	if p.connections != 1 {
		t.Errorf("%d connections for mails one after the other", p.connections)
	}
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			if err := transport.Send(context.Background(), p.settings(), testMail(i)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(p.got()) != 25 {
		t.Errorf("%d mails", len(p.got()))
	}
}

func TestAKeptConnectionThatTheServerClosedIsReplaced(t *testing.T) {
	p := newPeer(t)
	transport := newSMTP(t, DefaultLimits)
	if err := transport.Send(t.Context(), p.settings(), testMail(1)); err != nil {
		t.Fatal(err)
	}
	p.hangUp()
	transport.mu.Lock()
	transport.idle[0].since = time.Now().Add(-time.Minute)
	transport.mu.Unlock()
	if err := transport.Send(t.Context(), p.settings(), testMail(2)); err != nil {
		t.Fatal(err)
	}
	if len(p.got()) != 2 {
		t.Errorf("%d mails", len(p.got()))
	}
}

func TestAKeptConnectionIsGivenUpAfterAWhile(t *testing.T) {
	p := newPeer(t)
	limits := DefaultLimits
	limits.Keep = time.Millisecond
	transport := newSMTP(t, limits)
	if err := transport.Send(t.Context(), p.settings(), testMail(1)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool {
		transport.mu.Lock()
		defer transport.mu.Unlock()
		return len(transport.idle) == 0
	})
}

func TestOtherSettingsMeanAnotherConnection(t *testing.T) {
	one, two := newPeer(t), newPeer(t)
	transport := newSMTP(t, DefaultLimits)
	for _, p := range []*peer{one, two} {
		if err := transport.Send(t.Context(), p.settings(), testMail(1)); err != nil {
			t.Fatal(err)
		}
	}
	if len(one.got()) != 1 || len(two.got()) != 1 {
		t.Errorf("%d and %d mails", len(one.got()), len(two.got()))
	}
}

func TestRefusals(t *testing.T) {
	p := newPeer(t)
	p.answers = []error{greylisted, unknown, nil}
	transport := newSMTP(t, DefaultLimits)
	for _, want := range []struct {
		code      int
		permanent bool
		words     string
	}{{451, false, "Greylisted"}, {550, true, "No such user here"}} {
		err := transport.Send(t.Context(), p.settings(), testMail(1))
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Code != want.code || refusal.Permanent() != want.permanent || !strings.Contains(refusal.Words, want.words) {
			t.Fatalf("%v", err)
		}
	}
	if err := transport.Send(t.Context(), p.settings(), testMail(2)); err != nil {
		t.Fatal(err)
	}
	if p.connections != 1 || len(p.got()) != 1 {
		t.Errorf("%d connections, %d mails", p.connections, len(p.got()))
	}
}

func TestAStallingServerFreesTheCaller(t *testing.T) {
	for _, at := range []stage{atGreeting, atHello, atMail, atRcpt, atData, inBody, atEnd, drip} {
		t.Run(string(at), func(t *testing.T) {
			server := newRaw(t, at, false)
			transport := newSMTP(t, hasty)
			m := testMail(1)
			if at == inBody {
				m.Bytes = bytes.Repeat([]byte("largo largo\r\n"), 1<<20) // more than the system's buffers take
			}
			begin := time.Now()
			err := transport.Send(t.Context(), server.settings(), m)
			if took := time.Since(begin); err == nil || took > 10*time.Second {
				t.Fatalf("%v after %v", err, took)
			}
			if errors.As(err, new(*Unreachable)) != (at == atGreeting || at == atHello || at == drip) {
				t.Errorf("%T %v", err, err)
			}
		})
	}
}

func TestABrokenLineIsNotAnAcceptance(t *testing.T) {
	for _, at := range []stage{atGreeting, atHello, atMail, atRcpt, atData, inBody, atEnd} {
		t.Run(string(at), func(t *testing.T) {
			server := newRaw(t, at, true)
			err := newSMTP(t, hasty).Send(t.Context(), server.settings(), testMail(1))
			if err == nil || errors.As(err, new(*Refusal)) {
				t.Fatalf("%v", err)
			}
		})
	}
}

func TestTheCallerMayGoAway(t *testing.T) {
	for _, at := range []stage{atGreeting, atMail, atEnd} {
		server := newRaw(t, at, false)
		transport := newSMTP(t, DefaultLimits)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		begin := time.Now()
		err := transport.Send(ctx, server.settings(), testMail(1))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 10*time.Second {
			t.Errorf("%s: %v after %v", at, err, time.Since(begin))
		}
	}
}

func TestNoServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	set := testSettings
	set.Server, set.Port = "127.0.0.1", listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	if err := newSMTP(t, hasty).Send(t.Context(), set, testMail(1)); !errors.As(err, new(*Unreachable)) {
		t.Errorf("%v", err)
	}
}

func TestEncryptionAndSignIn(t *testing.T) {
	config, pool := certificate(t)
	for _, test := range []struct {
		name       string
		encryption Encryption
		offers     bool // the server offers STARTTLS
		pass       string
		trusted    bool
		ok         bool
	}{
		{"starttls", EncryptionSTARTTLS, true, "secreto", true, true},
		{"a server without STARTTLS", EncryptionSTARTTLS, false, "secreto", true, false},
		{"a stranger's certificate", EncryptionSTARTTLS, true, "secreto", false, false},
		{"a wrong password", EncryptionSTARTTLS, true, "otra", true, false},
		{"an open line at home", EncryptionNone, false, "secreto", true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var log lockedBuffer
			p := newPeer(t, func(s *smtp.Server) {
				s.Debug = &log
				if test.offers {
					s.TLSConfig = config
				}
			})
			p.user, p.pass = "tienda", "secreto"
			set := p.settings()
			set.Encryption, set.Username, set.Password = test.encryption, "tienda", test.pass
			transport := newSMTP(t, DefaultLimits)
			if test.trusted {
				transport.tls = &tls.Config{RootCAs: pool}
			}
			err := transport.Send(t.Context(), set, testMail(1))
			if (err == nil) != test.ok {
				t.Fatalf("%v", err)
			}
			if err != nil && !errors.As(err, new(*Unreachable)) {
				t.Errorf("a wrong setting is not the mail's fault: %T", err)
			}
			if test.encryption == EncryptionSTARTTLS && !test.offers && strings.Contains(log.String(), "AUTH PLAIN ") {
				t.Errorf("the password went over an open line:\n%s", log.String())
			}
		})
	}
}

// lockedBuffer collects what a server saw.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestTLSFromTheBeginning(t *testing.T) {
	config, pool := certificate(t)
	p := newPeer(t)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() { _ = p.server.Serve(listener) }()
	set := p.settings()
	set.Port, set.Encryption = listener.Addr().(*net.TCPAddr).Port, EncryptionTLS
	transport := newSMTP(t, DefaultLimits)
	if err := transport.Send(t.Context(), set, testMail(1)); !errors.As(err, new(*Unreachable)) {
		t.Errorf("a stranger's certificate: %v", err)
	}
	transport.tls = &tls.Config{RootCAs: pool}
	if err := transport.Send(t.Context(), set, testMail(1)); err != nil || len(p.got()) != 1 {
		t.Errorf("%v, %d mails", err, len(p.got()))
	}
	set.Port = p.port
	if err := transport.Send(t.Context(), set, testMail(1)); !errors.As(err, new(*Unreachable)) {
		t.Errorf("a port without TLS: %v", err)
	}
}

func TestSpoolKeepsWholeFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "spool")
	spool := &Spool{Dir: dir}
	m := testMail(1)
	for range 2 { // a mail that is sent again replaces itself
		if err := spool.Send(t.Context(), Settings{}, m); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || files[0].Name() != "m1.eml" {
		t.Fatalf("%v %v", files, err)
	}
	if body, err := os.ReadFile(filepath.Join(dir, "m1.eml")); err != nil || !bytes.Equal(body, m.Bytes) {
		t.Errorf("%v", err)
	}
}

// eventually polls until a condition holds.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatal("it did not come about")
		}
		time.Sleep(2 * time.Millisecond)
	}
}
