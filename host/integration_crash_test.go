//go:build unix

package host_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	pb "mostrador/host/api/mostradorv1"
)

// receiver is another system whom the store tells of events.
type receiver struct {
	*httptest.Server
	mu sync.Mutex
	// order are the sequences as they came first, ids under which id each came.
	order []uint64
	ids   map[uint64]string
	total int
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{ids: map[uint64]string{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		var told struct{ Data struct{ Sequence uint64 } }
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return // the host was killed while it spoke
		}
		if err := json.Unmarshal(body, &told); err != nil {
			t.Errorf("the store told %q: %v", body, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.total++
		sequence, id := told.Data.Sequence, req.Header.Get("webhook-id")
		switch before, known := r.ids[sequence]; {
		case !known:
			r.ids[sequence] = id
			r.order = append(r.order, sequence)
		case before != id:
			t.Errorf("event %d came as %s and as %s", sequence, before, id)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) seen() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.order)
}

// TestEachEventIsTakenInOnceAndToldInOrderThoughTheHostIsKilled has four other systems tell events, each again until it
// is answered, and a fifth be told of them, while the host is killed (SIGKILL) at random moments. Every event must then
// be in the log once, under the sequence that was answered, and must have been told under one id, first in its order.
func TestEachEventIsTakenInOnceAndToldInOrderThoughTheHostIsKilled(t *testing.T) {
	deaths := max(3, *kills/10)
	if testing.Short() {
		deaths = 3
	}
	home := t.TempDir()
	var current atomic.Pointer[server]
	start := func() bool {
		s, err := startServer(t, home)
		if err != nil {
			t.Errorf("starting the host: %v", err)
			return false
		}
		current.Store(s)
		return true
	}
	if !start() {
		return
	}
	t.Cleanup(func() { current.Load().kill() })
	c := dial(home)
	rec := newReceiver(t)
	if _, err := c.settings.Set(t.Context(), connect.NewRequest(&pb.SetSettingRequest{Key: "WebhooksRedPrivada", Value: structpb.NewBoolValue(true)})); err != nil {
		t.Fatal(err)
	}
	if _, err := c.integration.PutWebhook(t.Context(), connect.NewRequest(&pb.PutWebhookRequest{
		Webhook: &pb.Webhook{Name: "Otro", Url: rec.URL, Events: []string{"external.*"}, Enabled: true},
	})); err != nil {
		t.Fatal(err)
	}
	if _, err := c.settings.Set(t.Context(), connect.NewRequest(&pb.SetSettingRequest{Key: "IntegracionEventosPorMinuto", Value: structpb.NewNumberValue(100000)})); err != nil {
		t.Fatal(err)
	}
	key, err := c.integration.CreateKey(t.Context(), connect.NewRequest(&pb.CreateKeyRequest{Name: "Tienda web"}))
	if err != nil {
		t.Fatal(err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	answered := map[string]uint64{}
	var wg sync.WaitGroup
	for system := range 4 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				name := fmt.Sprintf("%d-%d", system, n)
				sequence, ok := tell(t, &current, key.Msg.Secret, name)
				if !ok {
					return
				}
				mu.Lock()
				answered[name] = sequence
				mu.Unlock()
			}
		})
	}
	random := rand.New(rand.NewPCG(2, uint64(deaths)))
	for range deaths {
		time.Sleep(time.Duration(50+random.IntN(250)) * time.Millisecond) // the moment of the kill is the point
		current.Load().kill()
		if !start() {
			break
		}
	}
	cancel()
	wg.Wait()
	if t.Failed() {
		return
	}
	verifyTold(t, c, rec, answered)
	t.Logf("killed the host %d times under %d events, which were told in %d calls", deaths, len(answered), rec.total)
}

// tell posts one event until it is answered.
func tell(t *testing.T, current *atomic.Pointer[server], secret, name string) (uint64, bool) {
	body := fmt.Sprintf(`{"type":"newsletter.subscribed","register":true,"data":{"email":"c%s@example.com","list":%q},"files":[{"name":"a.txt","data":"aG9sYQ=="}]}`, name, name)
	var last string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, current.Load().api+"/v1/events", strings.NewReader(body))
		if err != nil {
			cancel()
			t.Error(err)
			return 0, false
		}
		r.Header.Set("Authorization", "Bearer "+secret)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", name)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			cancel()
			last = err.Error()
			continue
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		cancel()
		if err != nil || resp.StatusCode >= 500 {
			last = fmt.Sprint(resp.Status, err)
			continue
		}
		var taken struct{ Sequence uint64 }
		if err := json.Unmarshal(text, &taken); err != nil || resp.StatusCode > 201 || taken.Sequence == 0 {
			t.Errorf("%s: %s %s", name, resp.Status, text)
			return 0, false
		}
		return taken.Sequence, true
	}
	t.Errorf("%s: no answer for a minute: %s", name, last)
	return 0, false
}

func verifyTold(t *testing.T, c *clients, rec *receiver, answered map[string]uint64) {
	t.Helper()
	kept := map[string]uint64{}
	events, people := 0, map[string]int{}
	for after := uint64(0); ; {
		list, err := c.events.List(t.Context(), connect.NewRequest(&pb.ListEventsRequest{After: after, Limit: 1000}))
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Msg.Events) == 0 {
			break
		}
		for _, e := range list.Msg.Events {
			after = e.Sequence
			switch e.Type {
			case "customer.registered":
				people[e.GetCustomer().GetEmail()]++
			case "external.newsletter.subscribed":
				events++
				name := e.GetCustom().GetFields()["list"].GetStringValue()
				if before, twice := kept[name]; twice {
					t.Errorf("%s is in the log as %d and as %d", name, before, e.Sequence)
				}
				kept[name] = e.Sequence
			}
		}
	}
	for name, sequence := range answered {
		if kept[name] != sequence {
			t.Errorf("%s was answered as %d and is in the log as %d", name, sequence, kept[name])
		}
		if n := people["c"+name+"@example.com"]; n != 1 {
			t.Errorf("%s was registered %d times", name, n)
		}
	}
	if events != len(answered) || events < 20 {
		t.Errorf("%d events in the log, %d answered", events, len(answered))
	}
	for deadline := time.Now().Add(60 * time.Second); rec.seen() < events && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	rec.mu.Lock()
	defer rec.mu.Unlock()
	var out bytes.Buffer
	for i, sequence := range rec.order {
		if i > 0 && sequence < rec.order[i-1] {
			fmt.Fprintf(&out, " %d after %d", sequence, rec.order[i-1])
		}
	}
	if out.Len() > 0 {
		t.Errorf("told out of order:%s", out.String())
	}
	if len(rec.order) != events {
		t.Errorf("%d of %d events were told", len(rec.order), events)
	}
}
