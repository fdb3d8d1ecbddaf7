package mailbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// server is a Dovecot of the test's own on the loopback, with one mailbox in a Maildir.
type server struct {
	imap, imaps, pop3, pop3s int
	mail                     string // the Maildir
	trust                    *tls.Config
	owner                    int
}

const (
	testUser     = "rebotes"
	testPassword = "secreto"
)

// startDovecot starts it and waits until it answers; it ends with the test.
func startDovecot(t *testing.T) *server {
	t.Helper()
	program, err := exec.LookPath("dovecot")
	if err != nil {
		t.Fatal("these tests need the Debian packages dovecot-imapd and dovecot-pop3d (make test installs them): ", err)
	}
	// Not t.TempDir: others must be able to enter, and names of sockets must be short.
	dir, err := os.MkdirTemp("", "dovecot")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Chmod(dir, 0o755))
	me, err := user.Current()
	must(err)
	owner, internal := me, "default_internal_user = "+me.Username+"\ndefault_login_user = "+me.Username+"\n"
	if me.Uid == "0" { // Dovecot gives nobody the mail of root
		owner, err = user.Lookup("nobody")
		must(err)
		internal = ""
	}
	uid, err := strconv.Atoi(owner.Uid)
	must(err)
	group, err := user.LookupGroupId(owner.Gid)
	must(err)
	s := &server{imap: freePort(t), imaps: freePort(t), pop3: freePort(t), pop3s: freePort(t), mail: filepath.Join(dir, "mail"), owner: uid}
	for _, folder := range []string{"", "new", "cur", "tmp"} {
		must(os.MkdirAll(filepath.Join(s.mail, folder), 0o700))
		must(os.Chown(filepath.Join(s.mail, folder), uid, -1))
	}
	s.trust = certificate(t, dir)
	config := fmt.Sprintf(`%[1]sbase_dir = %[2]s/run
state_dir = %[2]s/state
log_path = %[2]s/log
protocols = imap pop3
listen = 127.0.0.1
ssl = yes
ssl_cert = <%[2]s/cert.pem
ssl_key = <%[2]s/key.pem
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:%[3]s
passdb {
  driver = static
  args = password=%[4]s
}
userdb {
  driver = static
  args = uid=%[5]s gid=%[6]s home=%[3]s
}
service anvil {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %[7]d
  }
  inet_listener imaps {
    port = %[8]d
    ssl = yes
  }
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = %[9]d
  }
  inet_listener pop3s {
    port = %[10]d
    ssl = yes
  }
}
namespace inbox {
  inbox = yes
  mailbox Procesados {
    auto = create
  }
}
`, internal, dir, s.mail, testPassword, owner.Username, group.Name, s.imap, s.imaps, s.pop3, s.pop3s)
	must(os.WriteFile(filepath.Join(dir, "dovecot.conf"), []byte(config), 0o644))
	cmd := exec.Command(program, "-F", "-c", filepath.Join(dir, "dovecot.conf"))
	must(cmd.Start())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Logf("dovecot says:\n%s", log)
		}
	})
	for _, port := range []int{s.imap, s.pop3} {
		awaitGreeting(t, port, ended)
	}
	return s
}

func awaitGreeting(t *testing.T, port int, ended <-chan struct{}) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := net.DialTimeout("tcp", address(port), time.Second)
		if err == nil {
			_ = conn.SetReadDeadline(deadline)
			_, err = conn.Read(make([]byte, 1))
			conn.Close()
		}
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("dovecot does not answer: %v", err)
		}
		select {
		case <-ended:
			t.Fatal("dovecot ended at once")
		case <-retry.C:
		}
	}
}

// deliver puts a mail into the mailbox, as a delivery agent does.
func (s *server) deliver(t *testing.T, name, eml string) {
	t.Helper()
	tmp := filepath.Join(s.mail, "tmp", name)
	if err := os.WriteFile(tmp, []byte(eml), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(tmp, s.owner, -1); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, filepath.Join(s.mail, "new", name)); err != nil {
		t.Fatal(err)
	}
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// certificate writes one for the loopback, and returns the trust in it.
func certificate(t *testing.T, dir string) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, "cert.pem"), public, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600); err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(public)
	return &tls.Config{RootCAs: pool}
}
