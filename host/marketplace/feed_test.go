package marketplace

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"mostrador/host/api/mostradorv1"
)

func TestTheFeedFromAnotherPlace(t *testing.T) {
	h := newTier(t)
	handler, err := FeedHandler(h.engine, testKey)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	feed, err := NewFeedClient(server.URL, testKey, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.press(h.activation())
	h.press(h.optOut())
	acts := read(t, feed, 0, 1)
	if len(acts) != 1 || acts[0].Kind != mostradorv1.WebAct_KIND_ACCEPT || acts[0].Text.GetId() != "p1" {
		t.Fatalf("acts %v", acts)
	}
	if acts = read(t, feed, acts[0].Sequence, 10); len(acts) != 1 || acts[0].Kind != mostradorv1.WebAct_KIND_OPT_OUT {
		t.Fatalf("acts %v", acts)
	}
	if err := feed.Publish(t.Context(), &Profile{StoreName: "Luna", Language: "es"}); err != nil {
		t.Fatal(err)
	}
	if page := h.get(h.activation()); !strings.Contains(page.body, "Luna") || !strings.Contains(page.body, "No los cedemos") {
		t.Error("the profile did not arrive, or took the old text with it")
	}
	stranger, err := NewFeedClient(server.URL, []byte("another key of thirty-two bytes!"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Read(t.Context(), 0, 1); err == nil {
		t.Error("a stranger reads the feed")
	}
}

// cable is a network that can be cut: then connections break and new ones are refused.
type cable struct {
	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

func (c *cable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		return nil, &net.OpError{Op: "dial", Err: net.ErrClosed}
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err == nil {
		c.conns = append(c.conns, conn)
	}
	return conn, err
}

func (c *cable) set(cut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = cut
	if cut {
		for _, conn := range c.conns {
			conn.Close()
		}
		c.conns = nil
	}
}

// ledger is the store's end: what arrived, in order.
type ledger struct {
	mu    sync.Mutex
	acts  []*mostradorv1.WebAct
	fail  int
	grown chan struct{}
}

func (l *ledger) record(_ context.Context, acts []*mostradorv1.WebAct) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail > 0 {
		l.fail--
		return context.DeadlineExceeded
	}
	for _, act := range acts {
		l.acts = append(l.acts, act)
		l.grown <- struct{}{}
	}
	return nil
}

func (l *ledger) wait(t *testing.T) {
	t.Helper()
	select {
	case <-l.grown:
	case <-time.After(20 * time.Second):
		t.Fatal("the act did not arrive")
	}
}

func TestCutAndTogetherAgain(t *testing.T) {
	h := newTier(t)
	handler, err := FeedHandler(h.engine, testKey)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	wire := &cable{}
	transport := &http.Transport{DialContext: wire.dial}
	defer transport.CloseIdleConnections()
	feed, err := NewFeedClient(server.URL, testKey, &http.Client{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	arrived := &ledger{grown: make(chan struct{}, 10)}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Follow(ctx, feed, 0, hclog.NewNullLogger(), arrived.record)
	}()
	h.press(h.activation())
	arrived.wait(t)

	wire.set(true)
	done := h.press(h.optOut())
	if done.StatusCode != 200 {
		t.Fatalf("cut off, the page answers %d", done.StatusCode)
	}
	arrived.mu.Lock()
	arrived.fail = 2 // and the store's disk is full for a moment
	if len(arrived.acts) != 1 {
		t.Errorf("acts arrived through a cut line: %v", arrived.acts)
	}
	arrived.mu.Unlock()
	wire.set(false)
	arrived.wait(t)
	cancel()
	<-ended
	kinds := []mostradorv1.WebAct_Kind{arrived.acts[0].Kind, arrived.acts[1].Kind}
	if len(arrived.acts) != 2 || !slices.Equal(kinds, []mostradorv1.WebAct_Kind{mostradorv1.WebAct_KIND_ACCEPT, mostradorv1.WebAct_KIND_OPT_OUT}) {
		t.Fatalf("acts %v", arrived.acts)
	}
}
