package host

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	simple "github.com/xhit/go-simple-mail/v2"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/message"
	"mostrador/host/message/dkim"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// mailRows are the rows about mail: how fast it leaves, with what memory, and how long an answer to a customer takes while
// a campaign leaves. The server is postfix's smtp-sink, which takes everything and keeps nothing.
func mailRows(b *testing.B) {
	b.Run("mail_vs_bare_smtp", mailVersusBare)
	b.Run("mail_rss", mailMemory)
	b.Run("event_to_smtp_p99", answerDuringCampaign)
}

const (
	// mailLines is how many connections mails leave by, ours and the peer's.
	mailLines = 16
	// mailPeople is how many customers the mails go to.
	mailPeople = 20_000
)

// benchMails is how many mails a campaign has: MOSTRADOR_BENCH_MAILS, a million when that is not set.
func benchMails(b *testing.B) int {
	n, err := strconv.Atoi(os.Getenv("MOSTRADOR_BENCH_MAILS"))
	switch {
	case os.Getenv("MOSTRADOR_BENCH_MAILS") == "":
		return 1_000_000
	case err != nil || n < 1000:
		b.Fatalf("MOSTRADOR_BENCH_MAILS=%q is no number of mails", os.Getenv("MOSTRADOR_BENCH_MAILS"))
	}
	return n
}

// sink starts smtp-sink and returns its port.
func sink(b testing.TB, options ...string) int {
	b.Helper()
	program, err := exec.LookPath("smtp-sink")
	if err != nil {
		if program = "/usr/sbin/smtp-sink"; !exists(program) {
			b.Skip("smtp-sink is not installed: it comes with postfix (.ci/setup test)")
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	if os.Getuid() == 0 {
		options = append(options, "-u", "nobody") // as root it wants to know who to be
	}
	cmd := exec.Command(program, append(options, fmt.Sprintf("127.0.0.1:%d", port), "1000")...)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			conn.Close()
			return port
		}
		if time.Now().After(deadline) {
			b.Fatal("smtp-sink does not listen")
		}
	}
}

func exists(file string) bool { _, err := os.Stat(file); return err == nil }

// newSigner signs as the store does, with one key.
func newSigner(b testing.TB) message.Signer {
	signer, err := dkim.NewSigner("example.com", "m", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		b.Fatal(err)
	}
	return signer
}

// mailPlugin builds the plug-in that writes a mail for each sale.
func mailPlugin(b testing.TB) string {
	b.Helper()
	dir := testPlugin(b, "plg9011correo")
	to := filepath.Join(dir, "plg9011correo", "templates")
	if err := os.CopyFS(to, os.DirFS(filepath.Join("testdata", "plugins", "plg9011correo", "templates"))); err != nil {
		b.Fatal(err)
	}
	return dir
}

// mailShop opens a store whose mail goes to a server at the port, with customers who accept promotions.
func mailShop(b testing.TB, home string, port, lines int) (*Host, []*plgv1.Customer) {
	b.Helper()
	h := open(b, home, mailPlugin(b))
	key := newSigner(b)
	h.sign = func() message.Signer { return key }
	for key, value := range map[string]any{
		settingServer: "127.0.0.1", settingPort: float64(port), settingEncryption: "none",
		settingSender: "tienda@example.com", settingConnections: float64(lines),
		settingWebAddress: "https://clientes.example.com",
	} {
		setSetting(b, h, key, value)
	}
	return h, consenting(b, h, mailPeople)
}

// consenting registers customers who accept promotions.
func consenting(b testing.TB, h *Host, n int) []*plgv1.Customer {
	b.Helper()
	var all []*plgv1.Customer
	for from := 0; from < n; from += 1000 {
		err := h.store.Update(context.Background(), func(tx *store.Tx) error {
			first, err := h.customers.Reserve(tx, 1000)
			if err != nil {
				return err
			}
			var people []*customer.Newcomer
			for i := range 1000 {
				c := person(from + i)
				c.Email = fmt.Sprintf("cliente%d@dominio%d.example", from+i, (from+i)%500)
				one, err := h.customers.Prepare(c, first+uint32(i), uuid.Must(uuid.NewV7()), time.Now())
				if err != nil {
					return err
				}
				people = append(people, one)
			}
			if err := h.customers.Admit(tx, clerk, people, false); err != nil {
				return err
			}
			for i := range 1000 {
				c, err := h.customers.ByNumber(tx, first+uint32(i))
				if err != nil {
					return err
				}
				c, err = h.consent.Import(tx, &mostradorv1.ConsentEntry{
					CustomerId: c.Id, Act: mostradorv1.ConsentAct_CONSENT_ACT_GIVEN, Actor: clerk, Time: timestamppb.Now(),
					Purposes: []plgv1.Purpose{plgv1.Purpose_PURPOSE_PROGRAMME, plgv1.Purpose_PURPOSE_PROMOTIONS},
				})
				if err != nil {
					return err
				}
				all = append(all, c)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if all[0].GetConsent().GetPromotions() != plgv1.ConsentState_CONSENT_STATE_GIVEN {
		b.Fatalf("the customers do not consent: %v", all[0])
	}
	return all
}

// sell appends sales to the log, each of which is to be answered with a mail.
func sell(b testing.TB, h *Host, people []*plgv1.Customer, receipts string, n int) {
	b.Helper()
	for from := 0; from < n; from += 1000 {
		err := h.store.Update(context.Background(), func(tx *store.Tx) error {
			for i := from; i < min(n, from+1000); i++ {
				e := sold(i, 0)
				e.Customer = people[i%len(people)]
				sale := e.GetSaleCompleted().GetSale()
				sale.CustomerId, sale.Receipt = e.Customer.Id, fmt.Sprintf("%s-%07d", receipts, i)
				if err := h.log.Append(tx, e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// mailVersusBare compares mails from event to the server's acceptance with everything on (the plug-in's process, the
// durable outbox, a template for each customer, his consent, DKIM, a row that says what came of it) and a loop that hands
// the same bytes to the same server and knows nothing.
func mailVersusBare(b *testing.B) {
	n := min(benchMails(b), 40_000)
	port := sink(b)
	// A quarter of the connections are kept for answers to customers, so that a campaign has mailLines.
	h, people := mailShop(b, b.TempDir(), port, mailLines+5)
	h.engine.Detach("PLG9011")
	sell(b, h, people, "T", n)
	p, ok := h.plugins.Plugin("PLG9011")
	if !ok {
		b.Fatal("the plug-in is not installed")
	}
	began := time.Now()
	if err := h.engine.Attach(p); err != nil {
		b.Fatal(err)
	}
	if err := h.Idle(context.Background()); err != nil {
		b.Fatal(err)
	}
	value := rate(n, time.Since(began))
	list, err := h.messages.List(context.Background(), &mostradorv1.ListMessagesRequest{Limit: 1})
	if err != nil {
		b.Fatal(err)
	}
	last, err := h.messages.Get(context.Background(), list.Messages[0].Id)
	if err != nil || last.Message.State != mostradorv1.MessageState_MESSAGE_STATE_SENT || !bytes.HasPrefix(last.Eml, []byte("DKIM-Signature")) {
		b.Fatalf("%v %v", last.GetMessage(), err)
	}
	shut(b, h)
	floor := bareLoop(b, port, last.Eml, n)
	showRow(b, "mails/s", value, floor, value/floor, "atleast", 0.8)
}

// bareLoop sends the same mail n times over mailLines connections and returns mails per second.
func bareLoop(b *testing.B, port int, mail []byte, n int) float64 {
	b.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	text := string(mail)
	began := time.Now()
	for range mailLines {
		wg.Go(func() {
			server := simple.NewSMTPClient()
			server.Host, server.Port, server.KeepAlive = "127.0.0.1", port, true
			client, err := server.Connect()
			if err != nil {
				b.Error(err)
				return
			}
			defer client.Close()
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := simple.SendMessage("tienda@example.com", []string{fmt.Sprintf("cliente%d@example.com", i)}, text, client); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return rate(n, time.Since(began))
}

// queueCampaign puts advertising straight into the outbox.
func queueCampaign(b testing.TB, h *Host, people []*plgv1.Customer, n int) {
	b.Helper()
	const chunk = 2000
	for from := 0; from < n; from += chunk {
		err := h.store.Update(context.Background(), func(tx *store.Tx) error {
			for i := from; i < min(n, from+chunk); i++ {
				c := people[i%len(people)]
				err := h.messages.Queue(tx, &mostradorv1.Message{
					Id:   message.ID(time.UnixMilli(1_790_000_000_000+int64(i)), "PLG9011", strconv.Itoa(i), 0),
					Kind: plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL, CustomerId: c.Id, To: c.Email, Plugin: "PLG9011",
					Template: "templates/campana.html", Rule: "Novedades de la semana",
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// answerDuringCampaign is how long an answer to a customer takes, from the event in the log to the server's acceptance,
// while a campaign leaves.
func answerDuringCampaign(b *testing.B) {
	const answers = 200
	n := benchMails(b)
	port := sink(b)
	home := b.TempDir()
	h, people := mailShop(b, home, 1, mailLines) // nothing leaves while the campaign is queued
	queueCampaign(b, h, people, n)
	setSetting(b, h, settingPort, float64(port))
	random := rand.New(rand.NewPCG(3, 4))
	var times []time.Duration
	for i := range answers {
		time.Sleep(time.Duration(random.IntN(50)) * time.Millisecond)
		e := sold(i, 0)
		e.Customer = people[i]
		sale := e.GetSaleCompleted().GetSale()
		sale.CustomerId, sale.Receipt = e.Customer.Id, fmt.Sprintf("R-%07d", i)
		if err := h.store.Update(context.Background(), func(tx *store.Tx) error { return h.log.Append(tx, e) }); err != nil {
			b.Fatal(err)
		}
		times = append(times, h.answered(b, people[i].Id, e.GetTime().AsTime()))
	}
	if waiting(b, h) == 0 {
		b.Log("the campaign was over before the last answer: take more mails")
	}
	shut(b, h)
	p99 := millis(percentile(times, 99))
	showRow(b, "ms", p99, 0, p99, "atmost", 1000)
}

// answered waits until the customer's answer has left and returns how long that took since the event.
func (h *Host) answered(b *testing.B, customerID string, since time.Time) time.Duration {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		list, err := h.messages.List(context.Background(), &mostradorv1.ListMessagesRequest{CustomerId: customerID, Limit: 3})
		if err != nil {
			b.Fatal(err)
		}
		for _, m := range list.Messages {
			if m.Kind == plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL && m.Sent != nil {
				return m.Sent.AsTime().Sub(since)
			}
		}
	}
	b.Fatal("an answer did not leave within a minute")
	return 0
}

func waiting(b *testing.B, h *Host) int {
	list, err := h.messages.List(context.Background(), &mostradorv1.ListMessagesRequest{State: mostradorv1.MessageState_MESSAGE_STATE_QUEUED, Limit: 1})
	if err != nil {
		b.Fatal(err)
	}
	return len(list.Messages)
}

// mailMemory is what the store's process holds while a campaign of a million leaves: its own memory, without the pages of
// the store's file, which the system takes back when it wants them. The store is a process of its own.
func mailMemory(b *testing.B) {
	n := benchMails(b)
	port := sink(b)
	home := b.TempDir()
	h, people := mailShop(b, home, 1, mailLines)
	queueCampaign(b, h, people, n)
	shut(b, h)
	cmd := exec.Command(os.Args[0], "-test.run", "^TestCampaignProcess$", "-test.v")
	cmd.Env = append(os.Environ(), "MOSTRADOR_CAMPAIGN_HOME="+home, fmt.Sprintf("MOSTRADOR_CAMPAIGN_PORT=%d", port),
		"MOSTRADOR_CAMPAIGN_PLUGINS="+mailPlugin(b))
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	var peak float64
	for _, line := range strings.Split(string(out), "\n") {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "PEAK "); ok {
			if err := json.Unmarshal([]byte(text), &peak); err != nil {
				b.Fatal(err)
			}
		}
	}
	if peak == 0 {
		b.Fatalf("no figure:\n%s", out)
	}
	showRow(b, "MB", peak, 0, peak, "atmost", 100)
}

// TestCampaignProcess is the process that mailMemory measures; by itself it does nothing.
func TestCampaignProcess(t *testing.T) {
	home := os.Getenv("MOSTRADOR_CAMPAIGN_HOME")
	if home == "" {
		return
	}
	port, _ := strconv.Atoi(os.Getenv("MOSTRADOR_CAMPAIGN_PORT"))
	h := open(t, home, os.Getenv("MOSTRADOR_CAMPAIGN_PLUGINS"))
	key := newSigner(t)
	h.sign = func() message.Signer { return key }
	setSetting(t, h, settingPort, float64(port))
	peak := 0.0
	for range 200 {
		peak = max(peak, ownMemory(t))
		time.Sleep(50 * time.Millisecond)
	}
	list, err := h.messages.List(context.Background(), &mostradorv1.ListMessagesRequest{State: mostradorv1.MessageState_MESSAGE_STATE_SENT, Limit: 500})
	if err != nil || len(list.Messages) == 0 && list.NextPage == "" {
		t.Errorf("nothing left: %v", err)
	}
	shut(t, h)
	fmt.Printf("\nPEAK %g\n", peak)
}

// ownMemory is what this process holds for itself, in MB.
func ownMemory(t testing.TB) float64 {
	file, err := os.Open("/proc/self/status")
	if err != nil {
		t.Skip("only Linux says what a process holds for itself")
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "RssAnon:"); ok {
			kb, err := strconv.ParseFloat(strings.Fields(text)[0], 64)
			if err != nil {
				t.Fatal(err)
			}
			return kb / 1024
		}
	}
	return 0
}

func setSetting(t testing.TB, h *Host, key string, value any) {
	t.Helper()
	if _, err := h.guide.Set(context.Background(), clerk, key, value, nil, "es"); err != nil {
		t.Fatal(err)
	}
}
