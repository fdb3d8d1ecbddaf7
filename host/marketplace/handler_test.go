package marketplace

import (
	"bytes"
	"context"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

var testKey = bytes.Repeat([]byte{7}, 32)

const testPolicy = `Tienda Sol trata sus datos para gestionar el plan de cliente frecuente y, si lo acepta, enviarle promociones por correo.

Puede pedir en la tienda el acceso a sus datos, su corrección o su borrado. No los cedemos a nadie.`

// tier is a web tier with a store's profile, as a test sees it.
type tier struct {
	t      *testing.T
	engine *Embedded
	server *httptest.Server
	now    time.Time
}

func newTier(t *testing.T, change ...func(*Config)) *tier {
	t.Helper()
	st, err := store.Open(filepath.Join(t.TempDir(), "marketplace.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	h := &tier{t: t, engine: NewEmbedded(st), now: time.Now()}
	h.engine.now = func() time.Time { return h.now }
	err = h.engine.Publish(t.Context(), &Profile{StoreName: "Tienda Sol", Language: "es", Texts: []PolicyText{
		{ID: "p1", Version: 1, Language: "es", Text: testPolicy},
		{ID: "p1", Version: 1, Language: "en", Text: "Tienda Sol keeps your data for its plan."},
	}, Topics: []Topic{
		{ID: "promociones", Name: map[string]string{"es": "Promociones", "en": "Promotions"}, Description: map[string]string{"es": "Ofertas de la tienda que no son de otro tema."}},
		{ID: "novedades", Name: map[string]string{"es": "Novedades"}},
		{ID: "cumple", Name: map[string]string{"es": "Felicitaciones", "en": "Birthday wishes"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Engine: h.engine, Key: testKey, Text: locale.New().Text, Now: func() time.Time { return h.now }}
	for _, fn := range change {
		fn(&cfg)
	}
	pages, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	h.server = httptest.NewServer(pages)
	t.Cleanup(h.server.Close)
	return h
}

func (h *tier) claims(purpose token.Purpose) token.Claims {
	c := token.Claims{
		Purpose: purpose, CustomerID: "0198f2a0-0000-7000-8000-000000000001",
		ActivationID: "0198f2a0-0000-7000-8000-000000000002", FirstName: "Ana", TextID: "p1",
	}
	if purpose == token.Activation {
		c.Code, c.Expires = "0472", h.now.Add(time.Hour)
	}
	return c
}

func (h *tier) activation() string { return "/a/" + token.Seal(testKey, h.claims(token.Activation)) }
func (h *tier) optOut() string     { return "/b/" + token.Seal(testKey, h.claims(token.OptOut)) }

// acts are all that customers have done so far.
func (h *tier) acts() []*mostradorv1.WebAct {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 20*time.Millisecond)
	defer cancel()
	acts, err := h.engine.Read(ctx, 0, 100)
	if err != nil && ctx.Err() == nil {
		h.t.Fatal(err)
	}
	return acts
}

type answer struct {
	*http.Response
	body string
}

func (h *tier) send(method, path, contentType string, body io.Reader, headers ...string) answer {
	h.t.Helper()
	request, err := http.NewRequestWithContext(h.t.Context(), method, h.server.URL+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		h.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return answer{response, string(text)}
}

func (h *tier) get(path string, headers ...string) answer {
	return h.send(http.MethodGet, path, "", nil, headers...)
}

func (h *tier) post(path string, form url.Values) answer {
	return h.send(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

var hidden = regexp.MustCompile(`action="([^"]+)">\s*<input type="hidden" name="confirm" value="([^"]+)"`)

// press shows a page and presses its button.
func (h *tier) press(path string) answer {
	h.t.Helper()
	form := hidden.FindStringSubmatch(h.get(path).body)
	if form == nil {
		h.t.Fatalf("no button at %s", path)
	}
	return h.post(form[1], url.Values{"confirm": {form[2]}})
}

const bigCode = `<span>0</span><span>4</span><span>7</span><span>2</span>`

func TestAcceptingShowsTheCodeAndReachesTheFeed(t *testing.T) {
	h := newTier(t)
	link := h.activation()
	page := h.get(link)
	for _, want := range []string{"Hola, Ana", "Tienda Sol", "No los cedemos a nadie", "Recibir promociones.", `lang="es"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if len(page.body) > 10<<10 {
		t.Errorf("the page has %d bytes", len(page.body))
	}
	done := h.press(link)
	if done.StatusCode != 200 || !strings.Contains(done.body, bigCode) {
		t.Fatalf("%d %s", done.StatusCode, done.body)
	}
	acts := h.acts()
	if len(acts) != 1 {
		t.Fatalf("acts %v", acts)
	}
	a := acts[0]
	if a.Kind != mostradorv1.WebAct_KIND_ACCEPT || a.Means != plgv1.Means_MEANS_LINK || a.Round != 1 ||
		a.CustomerId != h.claims(token.Activation).CustomerID || a.ActivationId != h.claims(token.Activation).ActivationID {
		t.Errorf("act %v", a)
	}
	if a.Ip != "127.0.0.1" || a.UserAgent == "" || a.Text.GetId() != "p1" || a.Text.GetLanguage() != "es" || len(a.Text.GetSha256()) != 32 {
		t.Errorf("evidence %v", a)
	}
	if again := h.press2(link); !strings.Contains(again.body, bigCode) || len(h.acts()) != 1 {
		t.Errorf("pressing again: %d acts", len(h.acts()))
	}
	if !strings.Contains(h.get(link).body, bigCode) {
		t.Error("who opens the link again does not see the code again")
	}
}

// press2 posts again what press posted, as a browser that reloads does.
func (h *tier) press2(path string) answer {
	h.t.Helper()
	s := &Server{}
	key, err := subKey(testKey, "mostrador/marketplace/form/v1")
	if err != nil {
		h.t.Fatal(err)
	}
	s.formKey = key
	return h.post(path, url.Values{"confirm": {s.confirmation(path)}})
}

func TestNothingButTheButtonActs(t *testing.T) {
	h := newTier(t)
	link, out := h.activation(), h.optOut()
	stolen := hidden.FindStringSubmatch(h.get(h.activation()).body)[2]
	for name, try := range map[string]func(path string) answer{
		"GET":                        func(p string) answer { return h.get(p) },
		"HEAD":                       func(p string) answer { return h.send(http.MethodHead, p, "", nil) },
		"OPTIONS":                    func(p string) answer { return h.send(http.MethodOptions, p, "", nil) },
		"PUT":                        func(p string) answer { return h.send(http.MethodPut, p, "", nil) },
		"a bare POST":                func(p string) answer { return h.post(p, nil) },
		"a POST with another's form": func(p string) answer { return h.post(p, url.Values{"confirm": {stolen}}) },
		"the form in the address":    func(p string) answer { return h.get(p + "?confirm=" + stolen) },
		"a JSON POST": func(p string) answer {
			return h.send(http.MethodPost, p, "application/json", strings.NewReader(`{"List-Unsubscribe":"One-Click"}`))
		},
		"one-click in the address": func(p string) answer { return h.post(p+"?List-Unsubscribe=One-Click", nil) },
	} {
		for _, path := range []string{link, out} {
			got := try(path)
			if strings.Contains(got.body, bigCode) || strings.Contains(got.body, "0472") {
				t.Errorf("%s shows the code", name)
			}
			if acts := h.acts(); len(acts) != 0 {
				t.Fatalf("%s acted: %v", name, acts)
			}
		}
	}
	// One-click is for the opt-out link only.
	h.post(link, url.Values{"List-Unsubscribe": {"One-Click"}})
	if acts := h.acts(); len(acts) != 0 {
		t.Fatalf("one-click on an activation link: %v", acts)
	}
}

func TestOneClickUnsubscribe(t *testing.T) {
	for _, kind := range []string{"form", "multipart"} {
		t.Run(kind, func(t *testing.T) {
			h := newTier(t)
			path := h.optOut()
			click := func() answer {
				if kind == "form" {
					return h.post(path, url.Values{"List-Unsubscribe": {"One-Click"}})
				}
				var body bytes.Buffer
				form := multipart.NewWriter(&body)
				if err := form.WriteField("List-Unsubscribe", "One-Click"); err != nil {
					t.Fatal(err)
				}
				form.Close()
				return h.send(http.MethodPost, path, form.FormDataContentType(), &body)
			}
			for range 2 {
				got := click()
				if got.StatusCode != 200 || got.Header.Get("Set-Cookie") != "" || got.Header.Get("Location") != "" {
					t.Fatalf("%d %v", got.StatusCode, got.Header)
				}
			}
			acts := h.acts()
			if len(acts) != 1 || acts[0].Kind != mostradorv1.WebAct_KIND_OPT_OUT || acts[0].Means != plgv1.Means_MEANS_ONE_CLICK {
				t.Fatalf("acts %v", acts)
			}
		})
	}
}

func TestOptOutAndTheWayBack(t *testing.T) {
	h := newTier(t)
	out := h.optOut()
	if got := h.get(out + "/volver"); got.StatusCode != http.StatusGone {
		t.Errorf("the way back before leaving: %d", got.StatusCode)
	}
	page := h.get(out)
	if !strings.Contains(page.body, "conserva sus puntos") {
		t.Error("the page does not say that the account stays")
	}
	done := h.press(out)
	if done.StatusCode != 200 || !strings.Contains(done.body, out+"/volver") {
		t.Fatalf("%d %s", done.StatusCode, done.body)
	}
	// Leaving again must always be possible: in the store he may have come back.
	if !strings.Contains(h.get(out).body, "<button") {
		t.Error("no button for who has left")
	}
	back := h.get(out + "/volver")
	if back.StatusCode != 200 || !strings.Contains(back.body, "No los cedemos a nadie") || len(h.acts()) != 1 {
		t.Fatalf("%d, %d acts", back.StatusCode, len(h.acts()))
	}
	if got := h.press(out + "/volver"); got.StatusCode != 200 {
		t.Fatalf("%d", got.StatusCode)
	}
	acts := h.acts()
	if len(acts) != 2 || acts[1].Kind != mostradorv1.WebAct_KIND_ACCEPT || acts[1].Round != 2 || acts[1].Text.GetId() != "p1" {
		t.Fatalf("acts %v", acts)
	}
	h.press(out)
	h.now = h.now.Add(25 * time.Hour)
	if got := h.get(out + "/volver"); got.StatusCode != http.StatusGone {
		t.Errorf("the way back a day later: %d", got.StatusCode)
	}
}

func TestTheAcceptedPageLeadsToTheOptOut(t *testing.T) {
	h := newTier(t)
	done := h.press(h.activation())
	link := regexp.MustCompile(`href="(/b/[^"]+)"`).FindStringSubmatch(done.body)
	if link == nil {
		t.Fatal("no opt-out link")
	}
	h.press(link[1])
	acts := h.acts()
	if len(acts) != 2 || acts[1].Kind != mostradorv1.WebAct_KIND_OPT_OUT || acts[1].CustomerId != acts[0].CustomerId {
		t.Fatalf("acts %v", acts)
	}
	// The activation link then offers the acceptance again, as the next round.
	h.press("/a/" + token.Seal(testKey, h.claims(token.Activation)))
	if acts := h.acts(); len(acts) != 3 || acts[2].Round != 2 {
		t.Fatalf("acts %v", acts)
	}
}

func TestLinksThatAreNone(t *testing.T) {
	h := newTier(t)
	expired := h.claims(token.Activation)
	expired.Expires, expired.Language = h.now.Add(-time.Second), "en"
	good := h.activation()
	for name, test := range map[string]struct {
		path, want string
		status     int
	}{
		"expired":               {"/a/" + token.Seal(testKey, expired), "Ask at Tienda Sol", http.StatusGone},
		"cut short":             {good[:len(good)-3], "no es válido", http.StatusNotFound},
		"altered":               {good[:len(good)-3] + "AAA", "no es válido", http.StatusNotFound},
		"another store's":       {"/a/" + token.Seal(bytes.Repeat([]byte{8}, 32), h.claims(token.Activation)), "no es válido", http.StatusNotFound},
		"activation as opt-out": {"/b/" + strings.TrimPrefix(good, "/a/"), "no es válido", http.StatusNotFound},
		"opt-out as activation": {"/a/" + strings.TrimPrefix(h.optOut(), "/b/"), "no es válido", http.StatusNotFound},
		"nothing":               {"/", "no es válido", http.StatusNotFound},
		"something huge":        {"/a/" + strings.Repeat("A", 9000), "no es válido", http.StatusNotFound},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			if method == http.MethodPost && name == "nothing" {
				continue
			}
			got := h.send(method, test.path, "application/x-www-form-urlencoded", strings.NewReader("List-Unsubscribe=One-Click"))
			if got.StatusCode != test.status || !strings.Contains(got.body, test.want) {
				t.Errorf("%s %s: %d %s", method, name, got.StatusCode, got.body)
			}
		}
	}
	if acts := h.acts(); len(acts) != 0 {
		t.Fatalf("acts %v", acts)
	}
}

func TestHeaders(t *testing.T) {
	h := newTier(t)
	for _, path := range []string{h.activation(), h.optOut(), "/a/x"} {
		header := h.get(path).Header
		for name, want := range map[string]string{
			"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Robots-Tag": "noindex",
			"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'",
		} {
			if !strings.Contains(header.Get(name), want) {
				t.Errorf("%s: %q", name, header.Get(name))
			}
		}
		policy := header.Get("Content-Security-Policy")
		if !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "script-src") {
			t.Errorf("policy %q", policy)
		}
	}
}

func TestLanguageOfAPage(t *testing.T) {
	h := newTier(t)
	for _, test := range []struct{ own, accept, want string }{
		{"", "", `lang="es"`},
		{"", "en-GB,en;q=0.9", `lang="en"`},
		{"es", "en-GB,en;q=0.9", `lang="es"`},
		{"en", "es", `lang="en"`},
		{"", "fr;q=0.1", `lang="es"`},
		{"", strings.Repeat("en,", 200), `lang="es"`},
	} {
		c := h.claims(token.Activation)
		c.Language = test.own
		page := h.get("/a/"+token.Seal(testKey, c), "Accept-Language", test.accept)
		if !strings.Contains(page.body, "<html "+test.want) {
			t.Errorf("own %q, browser %q: not %s", test.own, test.accept, test.want)
		}
	}
}

func TestNamesArePrintedAsText(t *testing.T) {
	h := newTier(t)
	c := h.claims(token.Activation)
	c.FirstName = `<script>alert(1)</script>`
	if body := h.get("/a/" + token.Seal(testKey, c)).body; strings.Contains(body, "<script") {
		t.Error(body)
	}
}

func TestNoProfileYet(t *testing.T) {
	st, err := store.Open(filepath.Join(t.TempDir(), "m.db"), store.Options{NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	h := newTier(t, func(c *Config) { c.Engine = NewEmbedded(st) })
	if got := h.get(h.activation()); got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Fatalf("%d", got.StatusCode)
	}
}

func TestLimits(t *testing.T) {
	h := newTier(t, func(c *Config) { c.Requests = Rate{PerMinute: 60, Burst: 25} })
	if got := h.send(http.MethodPost, h.optOut(), "application/x-www-form-urlencoded", strings.NewReader(strings.Repeat("a", 1<<20))); got.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body: %d", got.StatusCode)
	}
	status := func(path string) int { return h.get(path).StatusCode }
	// Two bad links cost 22 of the 24 that are left.
	for _, want := range []int{404, 404, 200, 200, 429} {
		path := h.activation()
		if want == 404 {
			path = "/a/none"
		}
		if got := status(path); got != want {
			t.Fatalf("got %d, want %d", got, want)
		}
	}
	h.now = h.now.Add(2 * time.Second)
	if got := status(h.activation()); got != 200 {
		t.Errorf("two seconds later: %d", got)
	}
}

func TestClientAddress(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, test := range []struct{ remote, forwarded, want string }{
		{"192.0.2.1:1234", "", "192.0.2.1"},
		{"192.0.2.1:1234", "198.51.100.9", "192.0.2.1"}, // a stranger's header is not believed
		{"10.0.0.1:1234", "198.51.100.9", "198.51.100.9"},
		{"10.0.0.1:1234", "1.1.1.1, 198.51.100.9", "198.51.100.9"},
		{"10.0.0.1:1234", "1.1.1.1, 198.51.100.9, 10.2.3.4", "198.51.100.9"},
		{"10.0.0.1:1234", "rubbish", "10.0.0.1"},
		{"[fd00::1]:1234", "[2001:db8::5]:443", "2001:db8::5"},
		{"[2001:db8::7%eth0]:1234", "", "2001:db8::7"},
		{"[::ffff:192.0.2.1]:1234", "", "192.0.2.1"},
		{"@", "", "invalid IP"},
	} {
		r := &http.Request{RemoteAddr: test.remote, Header: http.Header{}}
		if test.forwarded != "" {
			r.Header.Set("X-Forwarded-For", test.forwarded)
		}
		if got := clientAddr(r, trusted).String(); got != test.want {
			t.Errorf("%s via %q: %s", test.remote, test.forwarded, got)
		}
	}
	if network(netip.MustParseAddr("2001:db8::1")) != network(netip.MustParseAddr("2001:db8::ffff")) {
		t.Error("one household counts as two")
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	h := newTier(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := New(Config{Engine: h.engine, Key: testKey, Text: locale.New().Text})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- pages.Serve(ctx, listener) }()
	response, err := http.Get("http://" + listener.Addr().String() + h.activation())
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it goes on")
	}
}
