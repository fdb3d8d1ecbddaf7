package marketplace

import (
	"bytes"
	"image/gif"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
	"mostrador/sdk/plgv1"
)

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

func TestMachinesAreToldApartOnEvidence(t *testing.T) {
	header := func(pairs ...string) http.Header {
		h := http.Header{"User-Agent": {firefox}}
		for i := 0; i < len(pairs); i += 2 {
			h.Set(pairs[i], pairs[i+1])
		}
		return h
	}
	for _, test := range []struct {
		name, method string
		header       http.Header
		want         bool
	}{
		{"a person", "GET", header(), false},
		{"a telephone", "GET", header("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"), false},
		{"Outlook on a desktop", "GET", header("User-Agent", "Mozilla/4.0 (compatible; ms-office; MSOffice 16)"), false},
		{"HEAD", "HEAD", header(), true},
		{"Sec-Purpose", "GET", header("Sec-Purpose", "prefetch;prerender"), true},
		{"Purpose", "GET", header("Purpose", "prefetch"), true},
		{"X-Moz", "GET", header("X-Moz", "prefetch"), true},
		{"no name", "GET", header("User-Agent", ""), true},
		{"Apple's proxy", "GET", header("User-Agent", "Mozilla/5.0"), true},
		{"Gmail's proxy", "GET", header("User-Agent", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"), true},
		{"Yahoo's proxy", "GET", header("User-Agent", "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"), true},
		{"a scanner", "GET", header("User-Agent", "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))"), true},
		{"a robot", "GET", header("User-Agent", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"), true},
		{"a chat's preview", "GET", header("User-Agent", "WhatsApp/2.23.20.0"), true},
		{"a library", "GET", header("User-Agent", "python-requests/2.32"), true},
		{"a browser without a screen", "GET", header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0 Safari/537.36"), true},
	} {
		if got := declares(test.method, test.header); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
	sealed := time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)
	at := func(url string, after time.Duration) fetch {
		return fetch{message: "m", url: url, sealed: sealed, at: sealed.Add(after)}
	}
	for _, test := range []struct {
		name   string
		f      fetch
		around []fetch
		want   bool
	}{
		{"a click after a while", at("a", time.Minute), nil, false},
		{"before any second", at("a", 900*time.Millisecond), nil, true},
		{"after a second", at("a", time.Second), nil, false},
		{"two links at once", at("a", time.Minute), []fetch{at("b", time.Minute+2*time.Second)}, true},
		{"two links, the other before", at("a", time.Minute), []fetch{at("b", time.Minute-time.Second)}, true},
		{"two links, one after the other", at("a", time.Minute), []fetch{at("b", time.Minute+2001*time.Millisecond)}, false},
		{"one link twice", at("a", time.Minute), []fetch{at("a", time.Minute+time.Second)}, false},
		{"a link and the picture", at("a", time.Minute), []fetch{at("", time.Minute)}, false},
		{"the picture beside links", at("", time.Minute), []fetch{at("a", time.Minute), at("b", time.Minute)}, false},
		{"days later", at("a", 72*time.Hour), nil, false},
	} {
		if got := byMachine(test.f, append(test.around, test.f)); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}

func (h *tier) track(pages *Server, past time.Duration) []*mostradorv1.WebAct {
	h.t.Helper()
	h.now = h.now.Add(past)
	pages.fetches.flush(h.t.Context(), h.now.Add(-burstWindow))
	return h.acts()
}

// pagesOf makes a tier whose server a test can reach.
func pagesOf(t *testing.T) (*tier, *Server) {
	h := newTier(t)
	pages, ok := h.server.Config.Handler.(*Server)
	if !ok {
		t.Fatal("no pages")
	}
	return h, pages
}

func (h *tier) mail(url string) func(*token.Claims) {
	return func(c *token.Claims) {
		*c = token.Claims{Purpose: c.Purpose, MessageID: "0198f2a0-0000-7000-8000-00000000000a", URL: url, Sealed: h.now.Add(-time.Hour).Truncate(time.Second)}
	}
}

func TestClicksAndOpeningsAreNotedButNotFromWhere(t *testing.T) {
	h, pages := pagesOf(t)
	picture := h.get(h.link(token.Pixel, h.mail("")), "User-Agent", firefox)
	if picture.Header.Get("Content-Type") != "image/gif" || picture.Header.Get("Cache-Control") != "no-store" || len(picture.body) != 43 {
		t.Errorf("%v, %d bytes", picture.Header, len(picture.body))
	}
	if _, err := gif.Decode(strings.NewReader(picture.body)); err != nil {
		t.Error(err)
	}
	link := h.link(token.Click, h.mail("https://tienda.example/a"))
	for range 2 {
		if got := h.get(link, "User-Agent", firefox); got.StatusCode != http.StatusFound || got.Header.Get("Location") != "https://tienda.example/a" {
			t.Fatalf("%d %v", got.StatusCode, got.Header)
		}
	}
	if acts := h.track(pages, time.Second); len(acts) != 0 {
		t.Fatalf("noted before it is settled who did it: %v", acts)
	}
	acts := h.track(pages, 2*time.Second)
	if len(acts) != 2 {
		t.Fatalf("acts %v", acts)
	}
	for _, act := range acts {
		if act.MessageId != "0198f2a0-0000-7000-8000-00000000000a" || act.Machine || act.Ip+act.UserAgent+act.CustomerId != "" {
			t.Errorf("act %v", act)
		}
	}
	if acts[0].Kind != mostradorv1.WebAct_KIND_OPEN || acts[1].Kind != mostradorv1.WebAct_KIND_CLICK || acts[1].Url != "https://tienda.example/a" {
		t.Errorf("acts %v", acts)
	}
	if acts := h.track(pages, time.Minute); len(acts) != 2 || pages.fetches.count != 0 {
		t.Errorf("noted again: %v; %d are left", acts, pages.fetches.count)
	}
}

func TestABurstIsAMachinesWhereverTheSecondsFall(t *testing.T) {
	h, pages := pagesOf(t)
	a, b := h.link(token.Click, h.mail("https://tienda.example/a")), h.link(token.Click, h.mail("https://tienda.example/b"))
	h.get(a, "User-Agent", firefox)
	h.now = h.now.Add(1900 * time.Millisecond)
	h.get(b, "User-Agent", firefox)
	h.track(pages, 200*time.Millisecond) // settles the first only
	acts := h.track(pages, 2*time.Second)
	if len(acts) != 2 || !acts[0].Machine || !acts[1].Machine {
		t.Errorf("acts %v", acts)
	}
}

func TestAScannerIsLedOnAndCountedApart(t *testing.T) {
	h, pages := pagesOf(t)
	link := h.link(token.Click, h.mail("https://tienda.example/a"))
	if got := h.send(http.MethodHead, link, "", nil, "User-Agent", firefox); got.StatusCode != http.StatusFound {
		t.Errorf("HEAD: %d", got.StatusCode)
	}
	h.get(link, "User-Agent", firefox)
	acts := h.track(pages, 3*time.Second)
	if len(acts) != 2 || !acts[0].Machine || acts[1].Machine {
		t.Errorf("acts %v", acts)
	}
}

func TestWhatIsTooMuchToNoteStillLeadsOn(t *testing.T) {
	h, pages := pagesOf(t)
	pages.fetches.count = maxFetches
	if got := h.get(h.link(token.Click, h.mail("https://tienda.example/a"))); got.StatusCode != http.StatusFound || pages.fetches.lost != 1 {
		t.Errorf("%d, %d lost", got.StatusCode, pages.fetches.lost)
	}
}

func TestLinksThatAreNoneOfOurs(t *testing.T) {
	h := newTier(t)
	for _, path := range []string{"/c/x", "/o/x.gif", "/o/" + strings.TrimSuffix(strings.TrimPrefix(h.link(token.Pixel, h.mail("")), "/o/"), ".gif"),
		"/c/" + strings.TrimPrefix(h.optOut(), "/b/")} {
		if got := h.get(path); got.StatusCode != http.StatusNotFound || got.Header.Get("Location") != "" {
			t.Errorf("%s: %d", path[:4], got.StatusCode)
		}
	}
}

func TestOnlyWhoAcceptedPromotionsIsFollowed(t *testing.T) {
	mode := TrackAll
	tracker := Tracker{Key: testKey, Mode: func() Tracking { return mode }, Address: func() string { return "https://clientes.example/" }}
	m := &mostradorv1.Message{Id: "0198f2a0-0000-7000-8000-00000000000a", CustomerId: "c"}
	given := &plgv1.Customer{Consent: &plgv1.Consent{Promotions: plgv1.ConsentState_CONSENT_STATE_GIVEN}}
	pending := &plgv1.Customer{Consent: &plgv1.Consent{Programme: plgv1.ConsentState_CONSENT_STATE_GIVEN}}
	const url = "https://tienda.example/oferta"
	for _, test := range []struct {
		name        string
		mode        Tracking
		m           *mostradorv1.Message
		c           *plgv1.Customer
		url         string
		link, image bool
	}{
		{"all", TrackAll, m, given, url, true, true},
		{"clicks only", TrackClicks, m, given, url, true, false},
		{"nothing", TrackNothing, m, given, url, false, false},
		{"a mode that there is not", "x", m, given, url, false, false},
		{"no consent", TrackAll, m, pending, url, false, false},
		{"nobody", TrackAll, m, nil, url, false, false},
		{"staff", TrackAll, &mostradorv1.Message{Id: "x"}, given, url, false, false},
		{"the store's own pages", TrackAll, m, given, "https://clientes.example/b/abc", false, true},
		{"a mail address", TrackAll, m, given, "mailto:a@b.example", false, true},
		{"a very long address", TrackAll, m, given, url + strings.Repeat("x", token.MaxURL), false, true},
	} {
		mode = test.mode
		link, image := tracker.Link(test.m, test.c, test.url), tracker.Open(test.m, test.c)
		if (link != "") != test.link || (image != "") != test.image {
			t.Errorf("%s: link %q, picture %q", test.name, link, image)
		}
	}
	mode = TrackAll
	sealed, _ := strings.CutPrefix(tracker.Link(m, given, url), "https://clientes.example/c/")
	claims, err := token.Open(testKey, token.Click, sealed, time.Now())
	if err != nil || claims.URL != url || claims.MessageID != m.Id || claims.CustomerID != "" {
		t.Errorf("%+v, %v", claims, err)
	}
}

func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"https://a.example/b?c#d", "http://[::1]:8080/", "https://a@b", "//x", "https://a\\b", "https://xn--a/%0d%0a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, ok := Target(raw, "http", "https")
		if !ok {
			return
		}
		to := u.String()
		if !slices.Contains([]string{"http", "https"}, u.Scheme) || bytes.ContainsAny([]byte(to), "\r\n\\ ") || u.User != nil || u.Host == "" {
			t.Errorf("%q leads to %q", raw, to)
		}
		if again, ok := Target(to, "http", "https"); len(to) <= token.MaxURL && (!ok || again.Host != u.Host) {
			t.Errorf("%q becomes %q, which leads elsewhere", raw, to)
		}
	})
}
