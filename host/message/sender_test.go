package message

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// outbox is a service at work over a real store.
type outbox struct {
	*Service
	t    *testing.T
	st   *store.Store
	logs *lockedBuffer
	stop func()

	mu        sync.Mutex
	set       Settings
	template  string
	customers map[string]*plgv1.Customer
}

const testTemplateText = `<title>Hola {{.Cliente.PrimerNombre}}</title><p>{{.Tienda.Nombre}}: <a href="{{.Enlaces.activar}}">activar</a></p>`

func newOutbox(t *testing.T, path string, set Settings, change ...func(*Config)) *outbox {
	t.Helper()
	st, err := store.Open(path, store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	o := &outbox{t: t, st: st, logs: &lockedBuffer{}, set: set, template: testTemplateText, customers: map[string]*plgv1.Customer{
		"ana": {Id: "ana", Name: "Ana Muñoz", Email: "ana@example.com", Consent: &plgv1.Consent{Promotions: plgv1.ConsentState_CONSENT_STATE_GIVEN}},
		"eva": {Id: "eva", Name: "Eva", Email: "eva@example.com", Consent: &plgv1.Consent{Promotions: plgv1.ConsentState_CONSENT_STATE_PENDING}},
	}}
	cfg := Config{
		Store: st, Logger: hclog.New(&hclog.LoggerOptions{Output: o.logs, Level: hclog.Trace}), Text: locale.New().Text,
		Settings: func() Settings { o.mu.Lock(); defer o.mu.Unlock(); return o.set },
		Customer: func(_ *store.Tx, id string) (*plgv1.Customer, error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			return o.customers[id], nil
		},
		Template: func(_, name, _ string) (Source, error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			if name == "falta.html" {
				return Source{}, os.ErrNotExist
			}
			return NewSource(o.template, ""), nil
		},
		SpoolDir: filepath.Join(filepath.Dir(path), "spool"),
		Backoff:  func(string, int) time.Duration { return 5 * time.Millisecond },
		Limits:   hasty,
	}
	for _, fn := range change {
		fn(&cfg)
	}
	o.Service = New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	o.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		st.Close()
	})
	t.Cleanup(o.stop)
	return o
}

func freshOutbox(t *testing.T, set Settings, change ...func(*Config)) *outbox {
	return newOutbox(t, filepath.Join(t.TempDir(), "store.db"), set, change...)
}

func welcome(customer string, n int) *mostradorv1.Message {
	return &mostradorv1.Message{
		Id:   ID(time.UnixMilli(1_770_000_000_000+int64(n)), "PLG0074", fmt.Sprint(n), 0),
		Kind: plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL, CustomerId: customer, Plugin: "PLG0074", Template: "b.html",
		Links:  map[string]*plgv1.Link{"activar": {Kind: plgv1.Link_KIND_ACTIVATION, CustomerId: customer}},
		Tokens: map[string]string{"activar": "SECRETTOKEN"},
	}
}

func promotion(customer string, n int) *mostradorv1.Message {
	m := welcome(customer, n)
	m.Kind = plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL
	return m
}

func (o *outbox) queue(messages ...*mostradorv1.Message) {
	o.t.Helper()
	err := o.st.Update(o.t.Context(), func(tx *store.Tx) error {
		for _, m := range messages {
			if err := o.Queue(tx, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *outbox) get(id string) *mostradorv1.GetMessageResponse {
	o.t.Helper()
	got, err := o.Get(o.t.Context(), id)
	if err != nil {
		o.t.Fatal(err)
	}
	return got
}

func (o *outbox) until(id string, state mostradorv1.MessageState) *mostradorv1.Message {
	o.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		got := o.get(id).Message
		if got.State == state {
			return got
		}
		if time.Now().After(deadline) {
			o.t.Fatalf("it is %v", got)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// waiting is how many messages are still in the queue of what is due.
func (o *outbox) waiting() (n int) {
	err := o.st.View(func(tx *store.Tx) error {
		for range tx.Scan(bucketDue, nil, nil) {
			n++
		}
		return nil
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return n
}

const (
	queued     = mostradorv1.MessageState_MESSAGE_STATE_QUEUED
	sent       = mostradorv1.MessageState_MESSAGE_STATE_SENT
	spooled    = mostradorv1.MessageState_MESSAGE_STATE_SPOOLED
	failed     = mostradorv1.MessageState_MESSAGE_STATE_FAILED
	heldBack   = mostradorv1.MessageState_MESSAGE_STATE_SUPPRESSED
	anyMessage = mostradorv1.MessageState_MESSAGE_STATE_UNSPECIFIED
)

func TestAQueuedMailLeavesByItself(t *testing.T) {
	p := newPeer(t)
	o := freshOutbox(t, p.settings())
	m := welcome("ana", 1)
	o.queue(m)
	row := o.until(m.Id, sent)
	got := p.got()
	if len(got) != 1 || got[0].to != "ana@example.com" || got[0].from != "hola@tienda.example" {
		t.Fatalf("%v", got)
	}
	if row.Subject != "Hola Ana" || row.Attempts != 1 || row.Sent == nil || row.NextAttempt != nil || len(row.TemplateSha256) != 32 ||
		row.MessageId != m.Id+"@tienda.example" || row.To != "ana@example.com" || row.Tokens != nil {
		t.Errorf("%v", row)
	}
	kept := o.get(m.Id)
	if !bytes.Equal(kept.Eml, got[0].body) {
		t.Error("what is kept is not what left")
	}
	if !strings.Contains(kept.Mail.Html, "https://tienda.example/a/SECRETTOKEN") || kept.Mail.Subject != "Hola Ana" {
		t.Errorf("%v", kept.Mail)
	}
	// What left stays what it was, whatever the template becomes.
	o.mu.Lock()
	o.template = "<title>Otra</title>"
	o.mu.Unlock()
	if again := o.get(m.Id); again.Mail.Subject != "Hola Ana" {
		t.Error(again.Mail.Subject)
	}
	if o.waiting() != 0 {
		t.Error("it still waits")
	}
	if strings.Contains(o.logs.String(), "SECRETTOKEN") || strings.Contains(o.logs.String(), "ana@example.com") {
		t.Errorf("the log says too much:\n%s", o.logs.String())
	}
}

func TestACauseThatFailsSendsNothing(t *testing.T) {
	p := newPeer(t)
	o := freshOutbox(t, p.settings())
	refused := errors.New("refused")
	m := welcome("ana", 1)
	err := o.st.Update(t.Context(), func(tx *store.Tx) error {
		if err := o.Queue(tx, m); err != nil {
			return err
		}
		return refused
	})
	if !errors.Is(err, refused) {
		t.Fatal(err)
	}
	after := welcome("ana", 2)
	o.queue(after)
	o.until(after.Id, sent)
	if _, err := o.Get(t.Context(), m.Id); !errors.Is(err, ErrNotFound) || len(p.got()) != 1 {
		t.Errorf("%v, %d mails", err, len(p.got()))
	}
}

func TestTheSameEffectAgainIsTheSameMail(t *testing.T) {
	p := newPeer(t)
	o := freshOutbox(t, p.settings())
	o.queue(welcome("ana", 1), welcome("ana", 1))
	o.until(welcome("ana", 1).Id, sent)
	o.queue(welcome("ana", 1))
	if err := o.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(p.got()) != 1 {
		t.Errorf("%d mails", len(p.got()))
	}
}

func TestWithoutAServerMailGoesToTheSpool(t *testing.T) {
	set := testSettings
	set.Sender = ""
	o := freshOutbox(t, set)
	m := welcome("ana", 1)
	o.queue(m)
	row := o.until(m.Id, spooled)
	file, err := os.ReadFile(filepath.Join(o.cfg.SpoolDir, m.Id+".eml"))
	if err != nil || !bytes.Equal(file, o.get(m.Id).Eml) {
		t.Errorf("%v", err)
	}
	if row.MessageId != m.Id+"@localhost" {
		t.Error(row.MessageId)
	}
}

func TestGreylistedMailComesThroughWithTheSameMessageID(t *testing.T) {
	p := newPeer(t)
	p.answers = []error{greylisted, greylisted}
	o := freshOutbox(t, p.settings())
	m := welcome("ana", 1)
	o.queue(m)
	row := o.until(m.Id, sent)
	if row.Attempts != 3 || row.LastAnswer != "" || len(p.got()) != 1 || !bytes.Contains(p.got()[0].body, []byte("<"+row.MessageId+">")) {
		t.Errorf("%v, %d mails", row, len(p.got()))
	}
}

func TestWhileItWaitsTheRowSaysWhy(t *testing.T) {
	p := newPeer(t)
	p.answers = []error{greylisted}
	o := freshOutbox(t, p.settings(), func(c *Config) { c.Backoff = func(string, int) time.Duration { return time.Hour } })
	m := welcome("ana", 1)
	o.queue(m)
	eventually(t, func() bool { return o.get(m.Id).Message.Attempts == 1 })
	row := o.get(m.Id).Message
	if row.State != queued || !strings.Contains(row.LastAnswer, "451") || time.Until(row.NextAttempt.AsTime()) < 50*time.Minute {
		t.Errorf("%v", row)
	}
	if err := o.SettingsChanged(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.until(m.Id, sent)
}

func TestRefusedForGood(t *testing.T) {
	p := newPeer(t)
	p.answers = []error{unknown}
	o := freshOutbox(t, p.settings())
	m := welcome("ana", 1)
	o.queue(m)
	row := o.until(m.Id, failed)
	if !strings.Contains(row.LastAnswer, "550") || !strings.Contains(row.LastAnswer, "No such user here") || row.Attempts != 1 {
		t.Errorf("%v", row)
	}
	if o.waiting() != 0 {
		t.Error("it still waits")
	}
	if _, err := o.Retry(t.Context(), m.Id); err != nil {
		t.Fatal(err)
	}
	again := o.until(m.Id, sent)
	if again.MessageId != row.MessageId || len(p.got()) != 1 {
		t.Errorf("%v, %d mails", again, len(p.got()))
	}
	if same, err := o.Retry(t.Context(), m.Id); err != nil || same.State != sent {
		t.Errorf("a mail that left was sent again: %v %v", same, err)
	}
}

func TestEveryRetryUsedUp(t *testing.T) {
	p := newPeer(t)
	for range 100 {
		p.answers = append(p.answers, greylisted)
	}
	o := freshOutbox(t, p.settings())
	m := welcome("ana", 1)
	o.queue(m)
	if row := o.until(m.Id, failed); row.Attempts != maxAttempts {
		t.Errorf("%v", row)
	}
}

func TestBackoffGrowsToHoursAndLastsForDays(t *testing.T) {
	total, last := time.Duration(0), time.Duration(0)
	for attempt := 1; attempt < maxAttempts; attempt++ {
		wait := Backoff("m", attempt)
		if attempt == 1 && (wait < time.Minute || wait > 70*time.Second) || wait > 5*time.Hour || attempt < 9 && wait <= last {
			t.Errorf("attempt %d: %v", attempt, wait)
		}
		last = wait
		total += wait
	}
	if total < 3*24*time.Hour || total > 6*24*time.Hour {
		t.Errorf("it gives up after %v", total)
	}
	if once, again := Backoff("a", 3), Backoff("a", 3); once == Backoff("b", 3) || once != again {
		t.Error("the spread is not by message")
	}
}

func TestALineCutInTheMiddleIsTriedAgain(t *testing.T) {
	for _, at := range []stage{inBody, atEnd} {
		broken := newRaw(t, at, true)
		set := broken.settings()
		o := freshOutbox(t, set)
		m := welcome("ana", 1)
		o.template = testTemplateText + strings.Repeat("<p>largo</p>", 5000)
		o.queue(m)
		eventually(t, func() bool { return o.get(m.Id).Message.Attempts > 0 })
		p := newPeer(t)
		o.mu.Lock()
		o.set = p.settings()
		o.mu.Unlock()
		row := o.until(m.Id, sent)
		if len(p.got()) != 1 || !bytes.Contains(p.got()[0].body, []byte(row.MessageId)) {
			t.Errorf("%d mails", len(p.got()))
		}
	}
}

func TestAnUnreachableServerHoldsEverythingBack(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	set := testSettings
	set.Server, set.Port, set.Encryption = "127.0.0.1", listener.Addr().(*net.TCPAddr).Port, EncryptionNone
	listener.Close()
	o := freshOutbox(t, set, func(c *Config) {
		c.Settings = limitedTo(c.Settings, 2)
		c.Backoff = func(string, int) time.Duration { return time.Hour }
	})
	var ids []string
	for i := range 50 {
		m := welcome("ana", i)
		o.queue(m)
		ids = append(ids, m.Id)
	}
	eventually(t, func() bool { return o.get(ids[0]).Message.Attempts > 0 })
	tried := 0
	for _, id := range ids {
		tried += int(o.get(id).Message.Attempts)
	}
	if tried > 10 {
		t.Errorf("%d mails were tried against a server that is not there", tried)
	}
	if row := o.get(ids[0]).Message; !strings.HasPrefix(row.LastAnswer, "No hay conexión con el servidor de correo 127.0.0.1") {
		t.Error(row.LastAnswer)
	}
	p := newPeer(t)
	o.mu.Lock()
	o.set = p.settings()
	o.mu.Unlock()
	if err := o.SettingsChanged(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return len(p.got()) == len(ids) })
}

func TestAdvertisingLeavesOnlyWithConsentAtThatMoment(t *testing.T) {
	p := newPeer(t)
	p.answers = []error{greylisted}
	o := freshOutbox(t, p.settings(), func(c *Config) { c.Backoff = func(string, int) time.Duration { return time.Hour } })
	pending := promotion("eva", 1)
	o.queue(pending)
	if row := o.until(pending.Id, heldBack); row.LastAnswer != "No se envió: el cliente no acepta promociones." {
		t.Error(row.LastAnswer)
	}
	// Queued and even tried once while consent stood, withdrawn before the next try.
	m := promotion("ana", 2)
	o.queue(m)
	eventually(t, func() bool { return o.get(m.Id).Message.Attempts == 1 })
	o.mu.Lock()
	o.customers["ana"].Consent = &plgv1.Consent{Promotions: plgv1.ConsentState_CONSENT_STATE_WITHDRAWN}
	o.mu.Unlock()
	if err := o.SettingsChanged(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.until(m.Id, heldBack)
	// An answer to what the customer did needs no consent.
	other := welcome("ana", 3)
	o.queue(other)
	o.until(other.Id, sent)
	// A customer who is gone gets nothing.
	o.mu.Lock()
	delete(o.customers, "eva")
	o.mu.Unlock()
	gone := welcome("eva", 4)
	gone.To = "eva@example.com"
	o.queue(gone)
	o.until(gone.Id, heldBack)
	if len(p.got()) != 1 {
		t.Errorf("%d mails", len(p.got()))
	}
}

func TestFaultsOfStoreAndTemplateAreSaid(t *testing.T) {
	p := newPeer(t)
	long := func(c *Config) { c.Backoff = func(string, int) time.Duration { return time.Hour } }
	o := freshOutbox(t, p.settings(), long)
	missing := welcome("ana", 1)
	missing.Template = "falta.html"
	o.customers["mal"] = &plgv1.Customer{Id: "mal", Name: "Mal", Email: "ana@example.com\r\nBcc: x@example.com"}
	bad := welcome("mal", 2)
	o.queue(missing, bad)
	if row := o.until(bad.Id, failed); !strings.Contains(row.LastAnswer, "no es una dirección") {
		t.Error(row.LastAnswer)
	}
	eventually(t, func() bool { return o.get(missing.Id).Message.Attempts == 1 })
	if got := o.get(missing.Id); got.Message.State != queued || !strings.HasPrefix(got.Message.LastAnswer, "Falta la plantilla falta.html.") || got.Mail.Text == "" {
		t.Errorf("%v", got)
	}
	o.mu.Lock()
	o.template = "<title>x</title>\n{{.Nada}}"
	o.mu.Unlock()
	broken := welcome("ana", 3)
	o.queue(broken)
	eventually(t, func() bool { return o.get(broken.Id).Message.Attempts == 1 })
	if row := o.get(broken.Id).Message; !strings.Contains(row.LastAnswer, "Línea 2: No existe la variable .Nada.") {
		t.Error(row.LastAnswer)
	}
}

func TestAnswersGoBeforeAdvertising(t *testing.T) {
	release := make(chan struct{})
	p := newPeer(t)
	o := freshOutbox(t, p.settings(), func(c *Config) {
		c.Settings = limitedTo(c.Settings, 1)
		c.Limits = DefaultLimits
		template := c.Template
		c.Template = func(plugin, name, lang string) (Source, error) { <-release; return template(plugin, name, lang) }
	})
	var all []*mostradorv1.Message
	for i := range 20 {
		all = append(all, promotion("ana", i))
	}
	o.queue(all...)
	o.queue(welcome("ana", 100))
	close(release)
	if err := o.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	place := -1
	for i, mail := range p.got() {
		if bytes.Contains(mail.body, []byte(welcome("ana", 100).Id)) {
			place = i
		}
	}
	if len(p.got()) != 21 || place < 0 || place > 1 {
		t.Errorf("the answer was number %d of %d", place+1, len(p.got()))
	}
}

func TestAfterACrashTheSameMailLeavesAgain(t *testing.T) {
	p := newPeer(t)
	path := filepath.Join(t.TempDir(), "store.db")
	o := newOutbox(t, path, p.settings())
	m := welcome("ana", 1)
	o.queue(m)
	o.until(m.Id, sent)
	// What a crash between the server's acceptance and the commit leaves: the row as it was.
	err := o.st.Update(t.Context(), func(tx *store.Tx) error {
		row, err := load(tx, m.Id)
		if err != nil {
			return err
		}
		before := proto.CloneOf(row)
		before.State, before.Sent, before.Attempts, before.NextAttempt = queued, nil, 0, before.Queued
		tx.Delete(bucketMail, []byte(m.Id))
		return o.put(tx, row, before)
	})
	if err != nil {
		t.Fatal(err)
	}
	o.stop()
	o = newOutbox(t, path, p.settings())
	o.until(m.Id, sent)
	eventually(t, func() bool { return len(p.got()) >= 2 })
	got := p.got()
	for _, mail := range got {
		if !bytes.Equal(mail.body, got[0].body) {
			t.Errorf("not the same mail:\n%s\n%s", got[0].body, mail.body)
		}
	}
}

func TestAStoppedOutboxGoesOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	p := newPeer(t)
	stalls := newRaw(t, atEnd, false)
	set := stalls.settings()
	o := newOutbox(t, path, set, func(c *Config) { c.Limits = DefaultLimits })
	m := welcome("ana", 1)
	o.queue(m)
	o.stop() // ends although a conversation stalls
	o = newOutbox(t, path, p.settings())
	o.until(m.Id, sent)
}

// limitedTo is settings with so many connections.
func limitedTo(settings func() Settings, n int) func() Settings {
	return func() Settings { set := settings(); set.Connections = n; return set }
}
