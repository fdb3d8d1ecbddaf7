package webhook_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/host/webhook"
	"mostrador/sdk/plgv1"
)

func status(code int) func(http.ResponseWriter, request) {
	return func(w http.ResponseWriter, _ request) { w.WriteHeader(code) }
}

func TestEventsArriveInOrderOnceAndSigned(t *testing.T) {
	w := newWorld(t)
	rec := newReceiver(t, nil)
	w.happen("note.before", 3, nil)
	h := w.put(&mostradorv1.Webhook{Url: rec.URL + "/avisos?x=1", Events: []string{"note.*", "sale.completed"}})
	if !strings.HasPrefix(h.Secret, "whsec_") {
		t.Fatalf("secret %q", h.Secret)
	}
	first := w.happen("note.a", 1, nil)
	w.happen("other.b", 2000, nil)
	w.happen("note.c", 50, nil)
	w.until("51 arrive", func() bool { return len(rec.requests()) == 51 })
	for i, r := range rec.requests() {
		sequence := first
		if i > 0 {
			sequence = first + 2000 + uint64(i)
		}
		if r.id != fmt.Sprintf("%s_%d", h.Id, sequence) {
			t.Fatalf("request %d has the id %s, want ..._%d", i, r.id, sequence)
		}
	}
	w.until("all is done", func() bool { return w.shown(h.Id).Pending == 0 })
	if h := w.shown(h.Id); h.LastError != "" || h.LastSuccess == nil || h.Secret != "" {
		t.Errorf("shown %v", h)
	}
	verifyWithNode(t, h.Secret, rec.requests())
}

// verifyWithNode checks signatures as a receiver would that was written by somebody else, with Node's own crypto.
func verifyWithNode(t *testing.T, secret string, requests []request) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Log("this machine has no Node.js:", err)
		return
	}
	type sent struct{ ID, Timestamp, Signature, Body string }
	in := struct {
		Secret   string
		Requests []sent
	}{Secret: secret}
	for _, r := range requests {
		in.Requests = append(in.Requests, sent{r.id, r.timestamp, r.signature, string(r.body)})
	}
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "-e", `
const crypto = require("crypto"), fs = require("fs");
const { Secret, Requests } = JSON.parse(fs.readFileSync(0, "utf8"));
const key = Buffer.from(Secret.slice("whsec_".length), "base64");
if (key.length < 24) throw new Error("the key is short");
for (const r of Requests) {
  if (Math.abs(Date.now() / 1000 - Number(r.Timestamp)) > 300) throw new Error("old: " + r.Timestamp);
  const want = crypto.createHmac("sha256", key).update(r.ID + "." + r.Timestamp + "." + r.Body).digest();
  const fits = r.Signature.split(" ").some(s => s.startsWith("v1,") && crypto.timingSafeEqual(Buffer.from(s.slice(3), "base64"), want));
  if (!fits) throw new Error("signature of " + r.ID);
  JSON.parse(r.Body);
}
console.log("verified " + Requests.length);`)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != fmt.Sprintf("verified %d", len(requests)) {
		t.Errorf("Node says: %v %s", err, out)
	}
}

func TestARestartGoesOnWhereItStopped(t *testing.T) {
	w := newWorld(t)
	rec := newReceiver(t, nil)
	h := w.put(&mostradorv1.Webhook{Url: rec.URL, Events: []string{"note.a"}})
	w.happen("note.a", 5, nil)
	w.until("five arrive", func() bool { return w.shown(h.Id).Pending == 0 })
	rec.answers(status(500))
	w.happen("note.a", 1, nil)
	w.until("it fails", func() bool { return w.shown(h.Id).LastError != "" })
	w.end()
	w.open()
	rec.answers(nil)
	w.happen("note.a", 1, nil)
	w.until("all is done", func() bool { return w.shown(h.Id).Pending == 0 })
	seen := map[string]int{}
	for _, r := range rec.requests() {
		seen[r.id]++
	}
	if len(seen) != 7 {
		t.Errorf("%d ids, want 7: %v", len(seen), seen)
	}
}

func TestOneEventThatIsNeverTakenHoldsNoOthers(t *testing.T) {
	w := newWorld(t)
	var poison atomic.Value
	poison.Store("")
	rec := newReceiver(t, func(rw http.ResponseWriter, r request) {
		if r.id == poison.Load() {
			rw.WriteHeader(500)
		}
	})
	h := w.put(&mostradorv1.Webhook{Url: rec.URL, Events: []string{"*"}})
	bad := w.happen("note.a", 1, nil) + 1
	id := fmt.Sprintf("%s_%d", h.Id, bad)
	w.until("the first is taken", func() bool { return w.shown(h.Id).Pending == 0 })
	poison.Store(id)
	w.happen("note.a", 10, nil)
	w.until("the others are taken", func() bool { return w.shown(h.Id).Pending == 1 && len(w.calls(h.Id)) >= 11 })
	// The five tries came before the next; then the rest, in order.
	var order []string
	for _, r := range rec.requests() {
		if r.id != id {
			order = append(order, r.id)
		}
	}
	for i := range order {
		if i > 0 && order[i] != fmt.Sprintf("%s_%d", h.Id, bad+uint64(i)) {
			t.Errorf("order %v", order)
			break
		}
	}
	// After three days it is given up.
	w.ahead.Store(int64(73 * time.Hour))
	w.happen("note.a", 1, nil)
	failed := func() *mostradorv1.WebhookCall {
		for _, c := range w.calls(h.Id) {
			if c.Id == id {
				return c
			}
		}
		return &mostradorv1.WebhookCall{}
	}
	w.until("it is given up", func() bool { return failed().Failed })
	if c := failed(); c.Status != 500 || c.Attempts < 5 || c.Answer != "Contestó 500." || c.NextAttempt != nil {
		t.Errorf("the call is %v", c)
	}
	w.until("the others go on", func() bool { return w.shown(h.Id).Pending == 0 })
	if h := w.shown(h.Id); !h.Enabled || h.SetAside {
		t.Errorf("the webhook is %v", h)
	}
	// By hand it can be tried again.
	poison.Store("")
	c, err := w.hooks.RetryCall(t.Context(), id)
	if err != nil || c.Failed || c.Done == nil || c.Status != 200 {
		t.Errorf("retried: %v %v", c, err)
	}
	if h := w.shown(h.Id); h.Pending != 0 {
		t.Errorf("pending %d", h.Pending)
	}
}

func TestAReceiverThatIsDownLosesNothing(t *testing.T) {
	w := newWorld(t)
	rec := newReceiver(t, status(503))
	h := w.put(&mostradorv1.Webhook{Url: rec.URL, Events: []string{"note.a"}})
	first := w.happen("note.a", 20, nil)
	w.until("one is parked and the next knocks", func() bool {
		return len(w.calls(h.Id)) == 2 && w.calls(h.Id)[0].Attempts > 10
	})
	if h := w.shown(h.Id); h.Pending != 20 || h.LastError != "Contestó 503." {
		t.Errorf("while down: %v", h)
	}
	w.ahead.Store(int64(time.Hour))
	rec.answers(nil)
	w.until("all are taken", func() bool { return w.shown(h.Id).Pending == 0 })
	taken := map[string]bool{}
	for _, c := range w.calls(h.Id) {
		taken[c.Id] = c.Done != nil
	}
	for i := range uint64(20) {
		if !taken[fmt.Sprintf("%s_%d", h.Id, first-i)] {
			t.Errorf("event %d was not taken", first-i)
		}
	}
}

func TestWhoTakesNothingForDaysIsSetAside(t *testing.T) {
	w := newWorld(t)
	rec := newReceiver(t, status(500))
	h := w.put(&mostradorv1.Webhook{Url: rec.URL, Events: []string{"note.a"}})
	w.happen("note.a", 3, nil)
	w.until("it fails", func() bool { return w.shown(h.Id).LastError != "" })
	w.ahead.Store(int64(73 * time.Hour))
	w.until("it is set aside", func() bool { return w.shown(h.Id).SetAside })
	if h := w.shown(h.Id); h.Enabled {
		t.Error("it is enabled")
	}
	before := len(rec.requests())
	w.happen("note.a", 2, nil)
	rec.answers(nil)
	if n := len(rec.requests()); n != before {
		t.Errorf("%d calls after it was set aside", n-before)
	}
	h = w.put(&mostradorv1.Webhook{Id: h.Id, Url: rec.URL, Events: []string{"note.a"}})
	if h.Secret != "" {
		t.Error("the secret was shown again")
	}
	w.until("it goes on where it stopped", func() bool { return w.shown(h.Id).Pending == 0 })
	taken := map[string]bool{}
	for _, r := range rec.requests()[before:] {
		taken[r.id] = true
	}
	if len(taken) != 5 {
		t.Errorf("%d events, want all five", len(taken))
	}
}

func TestWhoIsGoneIsSetAsideAtOnce(t *testing.T) {
	w := newWorld(t)
	rec := newReceiver(t, status(410))
	h := w.put(&mostradorv1.Webhook{Url: rec.URL, Events: []string{"note.a"}})
	w.happen("note.a", 3, nil)
	w.until("it is set aside", func() bool { return w.shown(h.Id).SetAside })
	if n := len(rec.requests()); n != 1 {
		t.Errorf("%d calls", n)
	}
}

func TestOddReceiversAreNamed(t *testing.T) {
	w := newWorld(t)
	elsewhere := newReceiver(t, nil)
	closed := httptest.NewServer(nil)
	closed.Close()
	secure := httptest.NewTLSServer(nil) // its certificate is nobody's
	t.Cleanup(secure.Close)
	redirects := newReceiver(t, func(rw http.ResponseWriter, _ request) {
		rw.Header().Set("Location", elsewhere.URL)
		rw.WriteHeader(307)
	})
	drops := newReceiver(t, func(rw http.ResponseWriter, _ request) { panic(http.ErrAbortHandler) })
	for name, test := range map[string]struct{ url, answer string }{
		"redirect": {redirects.URL, "Contestó 307: quiere"},
		"drop":     {drops.URL, "No se pudo conectar"},
		"closed":   {closed.URL, "No se pudo conectar"},
		"tls":      {secure.URL, "Su certificado"},
		"no tls":   {strings.Replace(elsewhere.URL, "http:", "https:", 1), "Su certificado"},
		"no name":  {"https://no-hay.invalid/", "No se encuentra"},
	} {
		t.Run(name, func(t *testing.T) {
			h := w.put(&mostradorv1.Webhook{Name: name, Url: test.url, Events: []string{"none"}})
			c, err := w.hooks.Test(t.Context(), h.Id)
			if err != nil || !c.Failed || !strings.HasPrefix(c.Answer, test.answer) {
				t.Errorf("%v %v", c, err)
			}
		})
	}
	if n := len(elsewhere.requests()); n != 0 {
		t.Error("a redirect was followed")
	}
	good := w.put(&mostradorv1.Webhook{Name: "good", Url: elsewhere.URL, Events: []string{"none"}})
	c, err := w.hooks.Test(t.Context(), good.Id)
	if err != nil || c.Failed || c.Status != 200 || c.Type != "webhook.test" {
		t.Errorf("%v %v", c, err)
	}
	verifyWithNode(t, good.Secret, elsewhere.requests())
}

func TestAStallIsNotWaitedForWhenTheStoreCloses(t *testing.T) {
	w := newWorld(t)
	stalled, release := make(chan struct{}, 1), make(chan struct{})
	rec := newReceiver(t, func(http.ResponseWriter, request) { stalled <- struct{}{}; <-release })
	t.Cleanup(func() { close(release) })
	h := w.put(&mostradorv1.Webhook{Url: rec.URL, Events: []string{"note.a"}})
	w.happen("note.a", 1, nil)
	<-stalled
	began := time.Now()
	w.end()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("closing took %v", took)
	}
	rec.answers(nil)
	w.open()
	w.until("it is taken", func() bool { return w.shown(h.Id).Pending == 0 })
	if c := w.calls(h.Id); len(c) != 1 || c[0].Attempts != 1 {
		t.Errorf("that the store closed counts against the receiver: %v", c)
	}
}

func TestPrivateAddressesAreNotCalled(t *testing.T) {
	w := newWorld(t)
	rec := newReceiver(t, nil)
	plain := w.put(&mostradorv1.Webhook{Url: rec.URL, Events: []string{"none"}})
	w.private.Store(false)
	port := rec.URL[strings.LastIndexByte(rec.URL, ':'):]
	_, err := w.hooks.Put(t.Context(), ana, &mostradorv1.Webhook{Name: "x", Url: rec.URL, Events: []string{"none"}}, false)
	var no *customer.Refused
	if !errors.As(err, &no) || no.Refusal.Diagnostics[0].Code != "webhook_url_https" {
		t.Errorf("plain http: %v", err)
	}
	c, err := w.hooks.Test(t.Context(), plain.Id)
	if err != nil || !strings.HasPrefix(c.Answer, "La dirección es de una red privada") {
		t.Errorf("what was allowed before: %v %v", c, err)
	}
	// A name that leads to this machine is judged by what it leads to.
	for _, host := range []string{"localhost", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.1.2.3", "2130706433"} {
		h := w.put(&mostradorv1.Webhook{Name: host, Url: "https://" + host + port, Events: []string{"none"}})
		c, err := w.hooks.Test(t.Context(), h.Id)
		if err != nil || !c.Failed || c.Status != 0 || !strings.HasPrefix(c.Answer, "La dirección") && !strings.HasPrefix(c.Answer, "No se encuentra") {
			t.Errorf("%s: %v %v", host, c, err)
		}
	}
	if n := len(rec.requests()); n != 0 {
		t.Errorf("%d calls arrived", n)
	}
}

func TestAWebhookSeesWhatItMay(t *testing.T) {
	w := newWorld(t)
	rec := newReceiver(t, nil)
	c := w.register("Ana Ruiz", "600111222", "ana@example.com")
	w.put(&mostradorv1.Webhook{Name: "a", Url: rec.URL + "/a", Events: []string{"*"}})
	w.happen("external.password.reset_requested", 1, nil)
	w.until("it arrives", func() bool { return len(rec.requests()) == 1 })
	see := func(personal bool, e *plgv1.Event) string {
		t.Helper()
		list, err := w.hooks.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		w.put(&mostradorv1.Webhook{Id: list[0].Id, Url: rec.URL, Events: []string{"*"}, Personal: personal})
		before := len(rec.requests())
		w.append(e, nil)
		w.until("it arrives", func() bool { return len(rec.requests()) > before })
		return string(rec.requests()[before].body)
	}
	changed := &plgv1.Event_CustomerChanged{CustomerChanged: &plgv1.CustomerChanged{Changes: []*plgv1.FieldChange{
		{Field: "email", From: "ana@example.com", To: "nueva@example.com"}, {Field: "fields.clave_web", From: "secreto1", To: "secreto2"},
	}}}
	for _, personal := range []bool{false, true} {
		body := see(personal, &plgv1.Event{Type: "customer.changed", Customer: c, Detail: changed})
		for _, hidden := range []string{"Ana Ruiz", "+34600111222", "ana@example.com", "nueva@example.com"} {
			if strings.Contains(body, hidden) != personal {
				t.Errorf("personal %v: %s in %s", personal, hidden, body)
			}
		}
		if !strings.Contains(body, c.Id) || !strings.Contains(body, `"field":"email"`) || strings.Contains(body, "secreto") {
			t.Errorf("personal %v: %s", personal, body)
		}
	}
	body := see(false, &plgv1.Event{Type: "sale.completed", Customer: c, Detail: &plgv1.Event_SaleCompleted{SaleCompleted: &plgv1.SaleCompleted{Sale: &plgv1.Sale{
		Receipt: "T1", Total: &plgv1.Money{Minor: 1250, Currency: "EUR"}, Actor: &plgv1.Actor{Operator: "Luis", Ip: "10.0.0.1"},
	}}}})
	if !strings.Contains(body, `"sale":{"receipt":"T1","total":{"minor":1250,"currency":"EUR"}}`) || strings.Contains(body, "Luis") {
		t.Errorf("sale %s", body)
	}
	detail := map[string]any{
		"question": "¿Abren?", "reset_url": "https://x.es/secreto1", "short_code": "secreto2", "postcode": "28001",
		"list": []any{map[string]any{"token": "secreto3", "api_secret": "secreto4", "n": 1}}, "contraseña": "secreto5", "código": "secreto6",
	}
	e := func() *plgv1.Event {
		sequence := w.happen("other", 1, detail)
		var kept *plgv1.Event
		_ = w.store.View(func(tx *store.Tx) (err error) { kept, err = w.log.Get(tx, sequence); return err })
		return &plgv1.Event{Type: "external.faq.asked", Detail: kept.Detail}
	}
	w.until("it is quiet", func() bool { return pending(w) == 0 })
	if body := see(false, &plgv1.Event{Type: "external.faq.asked", Detail: e().Detail}); strings.Contains(body, "Abren") {
		t.Errorf("not personal: %s", body)
	}
	last := func() string {
		w.until("it is quiet", func() bool { return pending(w) == 0 })
		r := rec.requests()
		return string(r[len(r)-1].body)
	}
	see(true, e())
	if body := last(); !strings.Contains(body, "Abren") || !strings.Contains(body, "28001") || strings.Contains(body, "secreto") {
		t.Errorf("personal: %s", body)
	}
}

func pending(w *world) (n uint64) {
	list, err := w.hooks.List(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	for _, h := range list {
		n += h.Pending
	}
	return n
}

func TestNothingIsSentOfWhoWasErased(t *testing.T) {
	w := newWorld(t)
	rec := newReceiver(t, status(500))
	c := w.register("Ana Ruiz", "600111222", "ana@example.com")
	h := w.put(&mostradorv1.Webhook{Url: rec.URL, Events: []string{"*"}, Personal: true})
	w.append(&plgv1.Event{Type: "sale.completed", Customer: c}, nil) // parked
	w.append(&plgv1.Event{Type: "sale.completed", Customer: c}, nil) // knocks
	w.append(&plgv1.Event{Type: "sale.completed", Customer: c}, nil) // waits
	w.until("it fails", func() bool { return len(w.calls(h.Id)) == 2 })
	if err := w.store.Update(t.Context(), func(tx *store.Tx) error {
		if err := w.customers.Erase(tx, ana, uint32(c.Number)); err != nil {
			return err
		}
		if err := w.log.Redact(tx, c.Id, 0, 0); err != nil {
			return err
		}
		return w.log.Append(tx, &plgv1.Event{
			Type: event.TypeErased, Customer: &plgv1.Customer{Id: c.Id, Number: c.Number},
			Detail: &plgv1.Event_CustomerErased{CustomerErased: &plgv1.CustomerErased{}},
		})
	}); err != nil {
		t.Fatal(err)
	}
	rec.answers(nil)
	before := len(rec.requests())
	w.until("all is done", func() bool { return w.shown(h.Id).Pending == 0 })
	var bodies []string
	for _, r := range rec.requests()[before:] {
		bodies = append(bodies, string(r.body))
	}
	all := strings.Join(bodies, "\n")
	// The one on its way when he was erased may have left yet.
	if strings.Contains(all, "customer.erased") == false || strings.Count(all, "sale.completed") > 1 {
		t.Errorf("sent: %s", all)
	}
	for _, call := range w.calls(h.Id) {
		if call.Type == "sale.completed" {
			if _, err := w.hooks.RetryCall(t.Context(), call.Id); err == nil {
				t.Errorf("a call of who was erased was made again: %v", call)
			}
		}
	}
}

func TestASecretIsShownOnceSealedAndReplaced(t *testing.T) {
	w := newWorld(t)
	rec := newReceiver(t, nil)
	h := w.put(&mostradorv1.Webhook{Url: rec.URL, Events: []string{"note.a"}})
	again, err := w.hooks.Put(t.Context(), ana, &mostradorv1.Webhook{Id: h.Id, Name: "x", Url: rec.URL, Events: []string{"note.a"}, Enabled: true}, true)
	if err != nil || again.Secret == "" || again.Secret == h.Secret {
		t.Fatalf("%v %v", again, err)
	}
	w.happen("note.a", 1, nil)
	w.until("it arrives", func() bool { return len(rec.requests()) == 1 })
	// For a day both sign.
	verifyWithNode(t, h.Secret, rec.requests())
	verifyWithNode(t, again.Secret, rec.requests())
	w.until("it is recorded", func() bool { return w.shown(h.Id).Pending == 0 })
	w.ahead.Store(int64(25 * time.Hour))
	w.happen("note.a", 1, nil)
	w.until("it arrives", func() bool { return len(rec.requests()) == 2 })
	if s := rec.requests()[1].signature; strings.Contains(s, " ") {
		t.Errorf("after a day: %s", s)
	}
	if err := w.store.View(func(tx *store.Tx) error {
		for _, b := range []store.Bucket{"webhook", "webhook_state", "webhook_call", "event"} {
			for _, v := range tx.Scan(b, nil, nil) {
				if bytes.Contains(v, []byte(h.Secret[6:])) || bytes.Contains(v, []byte(again.Secret[6:])) {
					t.Errorf("a secret stands in %s", b)
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func TestWhatNoWebhookCanBeIsRefused(t *testing.T) {
	w := newWorld(t)
	for name, test := range map[string]struct {
		code string
		hook *mostradorv1.Webhook
	}{
		"no name":     {"name", &mostradorv1.Webhook{Url: "https://x.es", Events: []string{"a.b"}}},
		"no address":  {"url", &mostradorv1.Webhook{Name: "x", Events: []string{"a.b"}}},
		"no host":     {"url", &mostradorv1.Webhook{Name: "x", Url: "https:///a", Events: []string{"a.b"}}},
		"line break":  {"url", &mostradorv1.Webhook{Name: "x", Url: "https://x.es/\r\nA: b", Events: []string{"a.b"}}},
		"fragment":    {"url", &mostradorv1.Webhook{Name: "x", Url: "https://x.es/#a", Events: []string{"a.b"}}},
		"password":    {"url_user", &mostradorv1.Webhook{Name: "x", Url: "https://u:p@x.es/", Events: []string{"a.b"}}},
		"file":        {"url_https", &mostradorv1.Webhook{Name: "x", Url: "file://x.es/", Events: []string{"a.b"}}},
		"no events":   {"events", &mostradorv1.Webhook{Name: "x", Url: "https://x.es/"}},
		"odd pattern": {"event_pattern", &mostradorv1.Webhook{Name: "x", Url: "https://x.es/", Events: []string{"sale*"}}},
		"odder":       {"event_pattern", &mostradorv1.Webhook{Name: "x", Url: "https://x.es/", Events: []string{"*.b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.hooks.Put(t.Context(), ana, test.hook, false)
			var no *customer.Refused
			if !errors.As(err, &no) || no.Refusal.Diagnostics[0].Code != "webhook_"+test.code {
				t.Fatalf("got %v", err)
			}
			if s := no.Refusal.Diagnostics[0].Summary; strings.HasPrefix(s, "webhook.") || strings.Contains(s, "u:p") {
				t.Errorf("sentence %q", s)
			}
		})
	}
	for _, id := range []string{"", "wh_nobody", strings.Repeat("x", 100)} {
		if _, err := w.hooks.Put(t.Context(), ana, &mostradorv1.Webhook{Id: id, Name: "x", Url: "https://x.es", Events: []string{"a.b"}}, false); id != "" && !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("Put %q: %v", id, err)
		}
		if err := w.hooks.Delete(t.Context(), ana, id); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("Delete %q: %v", id, err)
		}
		if _, err := w.hooks.Test(t.Context(), id); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("Test %q: %v", id, err)
		}
		if _, err := w.hooks.RetryCall(t.Context(), id); !errors.Is(err, webhook.ErrNotFound) {
			t.Errorf("RetryCall %q: %v", id, err)
		}
	}
}

func TestStaffsOwnDoingsAreToldToNobody(t *testing.T) {
	w := newWorld(t)
	rec := newReceiver(t, nil)
	h := w.put(&mostradorv1.Webhook{Url: rec.URL, Events: []string{"*"}})
	for _, kind := range []string{"integration.key_created", "plugin.installed", "scheduled"} {
		w.happen(kind, 1, nil)
	}
	last := w.happen("note.a", 1, nil)
	w.until("the last arrives", func() bool { return len(rec.requests()) > 0 })
	if r := rec.requests(); len(r) != 1 || r[0].id != fmt.Sprintf("%s_%d", h.Id, last) {
		t.Errorf("sent %v", r)
	}
	if err := w.hooks.Delete(t.Context(), ana, h.Id); err != nil {
		t.Fatal(err)
	}
	if c := w.calls(h.Id); len(c) != 0 {
		t.Errorf("calls of a deleted webhook: %v", c)
	}
}
