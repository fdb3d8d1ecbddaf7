//go:build unix

package host

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	smtp "github.com/emersion/go-smtp"

	"mostrador/host/api/mostradorv1"
)

// TestACampaignSurvivesThatItsHostIsKilled kills the store's process (SIGKILL) again and again while a campaign leaves to
// a real SMTP server. Every mail must arrive; one that arrives twice must have been accepted just before a kill, and be
// the same mail to the byte; and in the end every row says what is true.
func TestACampaignSurvivesThatItsHostIsKilled(t *testing.T) {
	const mails, kills = 3000, 5
	mx := newMX(t)
	home := t.TempDir()
	h, people := mailShop(t, home, 1, 8) // nothing listens there: nothing leaves yet
	queueCampaign(t, h, people, mails)
	setSetting(t, h, settingPort, float64(mx.port))
	shut(t, h)

	plugins := mailPlugin(t)
	start := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestStoreProcess$")
		cmd.Env = append(os.Environ(), "MOSTRADOR_STORE_HOME="+home, "MOSTRADOR_STORE_PLUGINS="+plugins)
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	random := rand.New(rand.NewPCG(5, 6))
	var killed []time.Time
	for range kills {
		cmd := start()
		until := mx.count() + 100 + random.IntN(200)
		eventually(t, "the campaign goes on", func() bool { return mx.count() >= until })
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		killed = append(killed, time.Now())
	}
	if mx.count() >= mails {
		t.Fatal("the campaign was over before the last kill")
	}
	if err := start().Wait(); err != nil { // this one may end its work
		t.Fatal(err)
	}

	twice := 0
	mx.mu.Lock()
	defer mx.mu.Unlock()
	for id, got := range mx.got {
		if len(got) > 1 {
			twice++
		}
		for i := range got[1:] {
			if !bytes.Equal(got[i].mail, got[i+1].mail) {
				t.Errorf("%s left twice and not the same:\n%s\n%s", id, got[i].mail, got[i+1].mail)
			}
			near := false
			for _, kill := range killed {
				near = near || got[i].at.Before(kill) && kill.Sub(got[i].at) < time.Second
			}
			if !near {
				t.Errorf("%s left twice though its host lived on", id)
			}
		}
	}
	if len(mx.got) != mails || twice > kills*(commitBound+8) {
		t.Errorf("%d of %d mails arrived, %d of them twice", len(mx.got), mails, twice)
	}
	t.Logf("%d mails, %d of them twice after %d kills", len(mx.got), twice, kills)

	h = open(t, home, plugins)
	defer shut(t, h)
	sent := 0
	for q := (&mostradorv1.ListMessagesRequest{State: mostradorv1.MessageState_MESSAGE_STATE_SENT}); ; {
		page, err := h.messages.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		sent += len(page.Messages)
		if q.Page = page.NextPage; q.Page == "" {
			break
		}
	}
	if sent != mails {
		t.Errorf("%d of %d rows say that they were sent", sent, mails)
	}
}

// commitBound is how many outcomes may wait for one commit.
const commitBound = 256

// TestStoreProcess is the process that is killed; by itself it does nothing.
func TestStoreProcess(t *testing.T) {
	home := os.Getenv("MOSTRADOR_STORE_HOME")
	if home == "" {
		return
	}
	h := open(t, home, os.Getenv("MOSTRADOR_STORE_PLUGINS"))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	// What was tried while there was no server need not wait a minute.
	if err := h.messages.SettingsChanged(ctx); err != nil {
		t.Error(err)
	}
	if err := h.Idle(ctx); err != nil {
		t.Error(err)
	}
	shut(t, h)
}

// mx is a real SMTP server that remembers when it accepted which mail.
type mx struct {
	port int

	mu  sync.Mutex
	got map[string][]accepted
	n   int
}

type accepted struct {
	at   time.Time
	mail []byte
}

func newMX(t *testing.T) *mx {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mx{port: listener.Addr().(*net.TCPAddr).Port, got: map[string][]accepted{}}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return mxSession{m}, nil }))
	server.ErrorLog = quietLog{}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(listener) }()
	t.Cleanup(func() { server.Close(); listener.Close(); <-ended })
	return m
}

func (m *mx) count() int { m.mu.Lock(); defer m.mu.Unlock(); return m.n }

type mxSession struct{ mx *mx }

func (mxSession) Reset()                               {}
func (mxSession) Logout() error                        { return nil }
func (mxSession) Mail(string, *smtp.MailOptions) error { return nil }
func (mxSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s mxSession) Data(r io.Reader) error {
	mail, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(mail), "Message-Id: <")
	id, _, found := strings.Cut(rest, ">")
	if !found {
		return fmt.Errorf("a mail without Message-ID:\n%s", mail)
	}
	s.mx.mu.Lock()
	defer s.mx.mu.Unlock()
	s.mx.got[id] = append(s.mx.got[id], accepted{time.Now(), mail})
	s.mx.n++
	return nil
}

type quietLog struct{}

func (quietLog) Printf(string, ...any) {}
func (quietLog) Println(...any)        {}
