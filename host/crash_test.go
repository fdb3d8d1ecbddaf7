//go:build unix

package host_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect"

	pb "mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

var kills = flag.Int("kills", 200, "how many times the crash test kills the host or a plug-in")

// bought is what one customer of the crash test bought and gave back, in cents: what was acknowledged.
type bought struct {
	id     string
	sales  map[string]int64 // by receipt
	points int64
	web    bool // accepted on the web page and was told so
}

// TestEveryEffectHappensOnceThoughEverythingIsKilled registers, sells, refunds and accepts without pause while the
// host and the plug-ins are killed (SIGKILL) at random moments. Whatever the tills and the customers were told
// must then be true exactly once: one welcome mail each, the points of each sale once, no consent lost, and a
// ledger whose chain verifies.
func TestEveryEffectHappensOnceThoughEverythingIsKilled(t *testing.T) {
	if testing.Short() {
		t.Log("with -short only a few kills")
		*kills = min(*kills, 10)
	}
	home := t.TempDir()
	var current atomic.Pointer[server]
	start := func() {
		s, err := startServer(t, home)
		if err != nil {
			t.Errorf("starting the host: %v", err)
			return
		}
		current.Store(s)
	}
	start()
	if t.Failed() {
		return
	}
	t.Cleanup(func() { current.Load().kill() })
	c := dial(home)

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	var all []*bought
	var wg sync.WaitGroup
	for till := range 4 {
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				b := work(ctx, t, c, &current, fmt.Sprintf("%d-%d", till, n))
				if b != nil {
					mu.Lock()
					all = append(all, b)
					mu.Unlock()
				}
			}
		})
	}

	random := rand.New(rand.NewPCG(1, uint64(*kills)))
	var hosts, plugins, inARow int
	for killed := 0; killed < *kills && !t.Failed(); killed++ {
		time.Sleep(time.Duration(20+random.IntN(200)) * time.Millisecond)
		if pid := pluginPID(c, random); pid != 0 && inARow < 3 && random.IntN(3) == 0 {
			_ = syscall.Kill(int(pid), syscall.SIGKILL) // it may have ended by itself
			plugins++
			inARow++
			continue
		}
		current.Load().kill()
		start()
		hosts++
		inARow = 0
	}
	// Everybody may finish what he began, against a store that stands.
	cancel()
	wg.Wait()
	if t.Failed() {
		return
	}
	t.Logf("killed the host %d times and plug-ins %d times under %d customers", hosts, plugins, len(all))
	if len(all) < *kills/4 {
		t.Errorf("only %d customers were served: the load was no load", len(all))
	}
	settle(t, c)
	verify(t, c, all)
}

// work is one customer's day: registered, buys twice, gives back a part, perhaps accepts by the link in the mail.
// Each step is repeated until the store answers, as a till does.
func work(ctx context.Context, t *testing.T, c *clients, current *atomic.Pointer[server], name string) *bought {
	phone := fmt.Sprintf("+346%08d", rand.IntN(1e8))
	email := fmt.Sprintf("c%s@example.com", name)
	var id string
	if !insist(t, "register", func(ctx context.Context) error {
		r, err := c.customers.Register(ctx, connect.NewRequest(&pb.RegisterRequest{
			Customer:       &plgv1.Customer{Name: "Cliente " + name, Phone: phone, Email: email},
			IdempotencyKey: name,
		}))
		if connect.CodeOf(err) == connect.CodeAlreadyExists {
			return nil // another customer drew the same phone number
		}
		if err == nil {
			id = r.Msg.Customer.Id
		}
		return err
	}) || id == "" {
		return nil
	}
	b := &bought{id: id, sales: map[string]int64{}}
	for i := range 2 {
		receipt := fmt.Sprintf("T%s-%d", name, i)
		euros := int64(10 + rand.IntN(90))
		if !insist(t, "sale", func(ctx context.Context) error {
			_, err := c.sales.Record(ctx, connect.NewRequest(&pb.RecordSaleRequest{Receipt: receipt, Customer: id, Amount: fmt.Sprint(euros)}))
			return err
		}) {
			return b
		}
		b.sales[receipt] = euros
		b.points += euros
		if i == 1 {
			if !insist(t, "refund", func(ctx context.Context) error {
				_, err := c.sales.Refund(ctx, connect.NewRequest(&pb.RefundSaleRequest{Receipt: receipt}))
				return err
			}) {
				return b
			}
			b.points -= euros
		}
	}
	if rand.IntN(2) == 0 && ctx.Err() == nil {
		b.web = accept(t, c, current, id)
	}
	return b
}

// insist repeats a call while the store does not answer; a refusal fails the test.
func insist(t *testing.T, what string, call func(context.Context) error) bool {
	var err error
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err = call(ctx)
		cancel()
		if err == nil {
			return true
		}
		switch connect.CodeOf(err) {
		case connect.CodeUnavailable, connect.CodeUnknown, connect.CodeDeadlineExceeded, connect.CodeCanceled:
			time.Sleep(10 * time.Millisecond)
		default:
			t.Errorf("%s: %v", what, err)
			return false
		}
	}
	t.Errorf("%s: no answer for a minute: %v", what, err)
	return false
}

var activationPath = regexp.MustCompile(`/a/[A-Za-z0-9_.~-]+`)

// accept opens the link of the customer's welcome mail and presses the button. It reports whether the page said
// that it was done.
func accept(t *testing.T, c *clients, current *atomic.Pointer[server], id string) bool {
	var path string
	if !insist(t, "welcome mail", func(ctx context.Context) error {
		list, err := c.messages.List(ctx, connect.NewRequest(&pb.ListMessagesRequest{CustomerId: id, Limit: 10}))
		if err != nil {
			return err
		}
		for _, m := range list.Msg.Messages {
			got, err := c.messages.Get(ctx, connect.NewRequest(&pb.GetMessageRequest{Id: m.Id}))
			if err != nil {
				return err
			}
			if path = activationPath.FindString(got.Msg.GetMail().GetHtml()); path != "" {
				return nil
			}
		}
		return connect.NewError(connect.CodeUnavailable, errors.New("not there yet"))
	}) {
		return false
	}
	return insist(t, "web acceptance", func(ctx context.Context) error {
		err := press(ctx, current.Load().web+path)
		if err != nil {
			return connect.NewError(connect.CodeUnavailable, err)
		}
		return nil
	})
}

var hiddenField = regexp.MustCompile(`<input[^>]*type="hidden"[^>]*>`)
var attribute = regexp.MustCompile(`(name|value)="([^"]*)"`)

// press does what a browser does: GET the page, POST its form with its hidden fields. A page without a form says
// that the customer has pressed already: the answer was lost, the act was not.
func press(ctx context.Context, page string) error {
	get, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return err
	}
	body, err := fetch(get)
	if err != nil {
		return err
	}
	form := url.Values{}
	for _, input := range hiddenField.FindAllString(body, -1) {
		var name, value string
		for _, a := range attribute.FindAllStringSubmatch(input, -1) {
			if a[1] == "name" {
				name = a[2]
			} else {
				value = a[2]
			}
		}
		form.Set(name, value)
	}
	if len(form) == 0 {
		return nil
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, page, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	_, err = fetch(post)
	return err
}

func fetch(r *http.Request) (string, error) {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s %s: %s", r.Method, r.URL.Path[:3], resp.Status)
	}
	return string(body), nil
}

func pluginPID(c *clients, random *rand.Rand) int32 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	list, err := c.plugins.List(ctx, connect.NewRequest(&pb.ListPluginsRequest{}))
	if err != nil || len(list.Msg.Plugins) == 0 {
		return 0
	}
	return list.Msg.Plugins[random.IntN(len(list.Msg.Plugins))].Pid
}

// settle waits until no event waits for a plug-in and no message for the sender.
func settle(t *testing.T, c *clients) {
	t.Helper()
	var state string
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		list, err := c.plugins.List(t.Context(), connect.NewRequest(&pb.ListPluginsRequest{}))
		if err != nil {
			state = err.Error()
			continue
		}
		var pending, parked uint64
		for _, p := range list.Msg.Plugins {
			pending += p.Pending
			parked += p.Parked
		}
		queued, err := c.messages.List(t.Context(), connect.NewRequest(&pb.ListMessagesRequest{State: pb.MessageState_MESSAGE_STATE_QUEUED, Limit: 1}))
		if err != nil {
			state = err.Error()
			continue
		}
		state = fmt.Sprintf("%d events pending, %d parked, messages queued: %v", pending, parked, len(queued.Msg.Messages) > 0)
		if pending == 0 && len(queued.Msg.Messages) == 0 {
			if parked != 0 {
				t.Errorf("%d events were parked; a kill is no fault of an event", parked)
			}
			return
		}
	}
	t.Fatalf("the store does not settle: %s", state)
}

func verify(t *testing.T, c *clients, all []*bought) {
	t.Helper()
	ctx := t.Context()
	welcomes := map[string]int{}
	var total int
	for page := ""; ; {
		list, err := c.messages.List(ctx, connect.NewRequest(&pb.ListMessagesRequest{Limit: 500, Page: page}))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list.Msg.Messages {
			total++
			if strings.Contains(m.Template, "PLG0074TextoFile") {
				welcomes[m.CustomerId]++
			}
		}
		if page = list.Msg.NextPage; page == "" {
			break
		}
	}
	for _, b := range all {
		if welcomes[b.id] != 1 {
			t.Errorf("customer %s has %d welcome mails", b.id, welcomes[b.id])
		}
		sheet, err := c.customers.Sheet(ctx, connect.NewRequest(&pb.SheetRequest{Id: b.id, Language: "es"}))
		if err != nil {
			t.Errorf("customer %s was acknowledged and is gone: %v", b.id, err)
			continue
		}
		if got, ok := points(sheet.Msg); !ok || got != b.points {
			t.Errorf("customer %s has %d points, want %d", b.id, got, b.points)
		}
		given := sheet.Msg.Customer.GetConsent().GetPromotions() == plgv1.ConsentState_CONSENT_STATE_GIVEN
		if b.web && !given {
			t.Errorf("customer %s accepted and the store does not know", b.id)
		}
		if sheet.Msg.Customer.AplicaPromociones != given {
			t.Errorf("customer %s: consent to promotions %v, aplica_promociones %v", b.id, given, sheet.Msg.Customer.AplicaPromociones)
		}
	}
	chain, err := c.consent.Verify(ctx, connect.NewRequest(&pb.VerifyConsentRequest{}))
	if err != nil || !chain.Msg.Ok {
		t.Errorf("the ledger of consent does not verify: %v %v", chain, err)
	}
	t.Logf("%d customers, %d messages, %d ledger entries", len(all), total, chain.Msg.GetEntries())
}

// points reads the balance from the panel of PLG0002.
func points(sheet *pb.SheetResponse) (int64, bool) {
	for _, p := range sheet.Panels {
		if p.Plugin != "PLG0002" {
			continue
		}
		if rows := p.GetPanel().GetRows(); len(rows) > 0 {
			digits := strings.NewReplacer(".", "", ",", "", "\u00a0", "", " ", "", "−", "-").Replace(strings.TrimSuffix(rows[0].Value, "puntos"))
			n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
