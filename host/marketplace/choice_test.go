package marketplace

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
	"mostrador/sdk/plgv1"
)

func (h *tier) link(purpose token.Purpose, change ...func(*token.Claims)) string {
	c := h.claims(purpose)
	for _, fn := range change {
		fn(&c)
	}
	path := map[token.Purpose]string{
		token.OptOut: "/b/", token.Preferences: "/p/", token.Reason: "/m/", token.Once: "/u/", token.Click: "/c/", token.Pixel: "/o/",
	}[purpose]
	sealed := path + token.Seal(testKey, c)
	if purpose == token.Pixel {
		sealed += ".gif"
	}
	return sealed
}

var (
	seenField = regexp.MustCompile(`name="seen" value="([^"]+)"`)
	ticked    = regexp.MustCompile(`value="([^"]+)" checked`)
)

// fill shows a page's form and sends it with what tick names ticked, and what else is given.
func (h *tier) fill(path string, fields url.Values) answer {
	h.t.Helper()
	page := h.get(path).body
	form := hidden.FindStringSubmatch(page)
	if form == nil {
		h.t.Fatalf("no form at %s", path)
	}
	fields = maps.Clone(fields)
	fields.Set("confirm", form[2])
	for _, seen := range seenField.FindAllStringSubmatch(page, -1) {
		fields.Add("seen", seen[1])
	}
	return h.post(form[1], fields)
}

// boxes are the values of what is ticked on a page.
func (h *tier) boxes(path string) (values []string) {
	h.t.Helper()
	for _, box := range ticked.FindAllStringSubmatch(h.get(path).body, -1) {
		values = append(values, box[1])
	}
	return values
}

func TestChoosingTopicsReachesTheFeed(t *testing.T) {
	h := newTier(t)
	path := h.link(token.Preferences)
	page := h.get(path)
	for _, want := range []string{"Ana, elija qué quiere recibir", "Novedades", "Ofertas de la tienda", `lang="es"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if got := h.boxes(path); !slices.Equal(got, []string{"promociones", "novedades", "cumple"}) {
		t.Fatalf("ticked %v", got)
	}
	done := h.fill(path, url.Values{"topic": {"promociones", "cumple", "invented"}})
	if done.StatusCode != 200 || !strings.Contains(done.body, "<li>Felicitaciones</li>") || strings.Contains(done.body, "<li>Novedades</li>") {
		t.Fatalf("%d %s", done.StatusCode, done.body)
	}
	acts := h.acts()
	if len(acts) != 1 || acts[0].Kind != mostradorv1.WebAct_KIND_PREFERENCES || acts[0].Means != plgv1.Means_MEANS_LINK || acts[0].Ip != "127.0.0.1" {
		t.Fatalf("acts %v", acts)
	}
	if want := map[string]bool{"novedades": false}; !maps.Equal(acts[0].Topics, want) {
		t.Errorf("topics %v: what was ticked before and still is says nothing", acts[0].Topics)
	}
	if got := h.boxes(path); !slices.Equal(got, []string{"promociones", "cumple"}) {
		t.Errorf("afterwards ticked %v", got)
	}
	h.fill(path, url.Values{"topic": {"promociones", "novedades", "cumple"}, "none": {"1"}})
	acts = h.acts()
	if want := map[string]bool{"novedades": true, "channel:email": false}; len(acts) != 2 || !maps.Equal(acts[1].Topics, want) {
		t.Errorf("acts %v", acts)
	}
	if got := h.boxes(path); !slices.Contains(got, "1") {
		t.Errorf("no mail at all is not ticked: %v", got)
	}
}

func TestThePreferencesPageShowsWhatTheStoreKnewAndWhatWasChosenSince(t *testing.T) {
	h := newTier(t)
	old := h.link(token.Preferences, func(c *token.Claims) { c.Left = "novedades,channel:email" })
	if got := h.boxes(old); !slices.Equal(got, []string{"promociones", "cumple", "1"}) {
		t.Errorf("ticked %v", got)
	}
	h.fill(old, url.Values{"topic": {"novedades"}})
	if got := h.boxes(old); !slices.Equal(got, []string{"novedades"}) {
		t.Errorf("after choosing: %v", got)
	}
	seen := h.acts()[0].Sequence
	fresh := h.link(token.Preferences, func(c *token.Claims) { c.Left, c.Seen = "cumple", seen })
	if got := h.boxes(fresh); !slices.Equal(got, []string{"promociones", "novedades"}) {
		t.Errorf("a link that the store sealed after it knew of the choice shows %v", got)
	}
}

func TestAnOldPageBringsBackNothingThatWasLeftAtTheCounter(t *testing.T) {
	h := newTier(t)
	stale := h.link(token.Preferences) // sealed before he left "novedades" at the counter
	h.fill(stale, url.Values{"topic": {"promociones", "novedades"}})
	if acts := h.acts(); acts[0].Topics["novedades"] || !maps.Equal(acts[0].Topics, map[string]bool{"cumple": false}) {
		t.Errorf("topics %v", acts[0].Topics)
	}
}

func TestSayingWhyOneLeaves(t *testing.T) {
	h := newTier(t)
	done := h.press(h.optOut())
	link := regexp.MustCompile(`href="(/m/[^"]+)"`).FindStringSubmatch(done.body)
	if link == nil {
		t.Fatal("the page after leaving does not ask why")
	}
	page := h.get(link[1])
	if strings.Count(page.body, `type="radio"`) != 4 || !strings.Contains(page.body, "/volver") {
		t.Fatalf("%s", page.body)
	}
	if got := h.fill(link[1], url.Values{}); got.StatusCode != http.StatusUnprocessableEntity || len(h.acts()) != 1 {
		t.Errorf("nothing said: %d", got.StatusCode)
	}
	words := "Son\r\ndemasiados\x00 " + strings.Repeat("ñ", 2000)
	thanks := h.fill(link[1], url.Values{"reason": {"too_many"}, "words": {words}})
	if thanks.StatusCode != 200 || !strings.Contains(thanks.body, "/volver") {
		t.Fatalf("%d %s", thanks.StatusCode, thanks.body)
	}
	act := h.acts()[1]
	if act.Kind != mostradorv1.WebAct_KIND_REASON || act.Reason != "too_many" || !strings.HasPrefix(act.Words, "Son\ndemasiados ñ") || len(act.Words) > maxWords {
		t.Errorf("act %v", act)
	}
	h.fill(link[1], url.Values{"reason": {"<script>"}, "words": {"otra cosa"}})
	if acts := h.acts(); len(acts) != 3 || acts[2].Reason != "other" {
		t.Errorf("acts %v", acts)
	}
	h.now = h.now.Add(25 * time.Hour)
	if page := h.get(link[1]); strings.Contains(page.body, "/volver") || !strings.Contains(page.body, "reenvíen el correo de bienvenida") {
		t.Error("a day later the page does not say how to come back")
	}
}

func TestALinkOpensOnce(t *testing.T) {
	h := newTier(t)
	path := h.link(token.Once, func(c *token.Claims) {
		c.URL, c.Expires = "https://tienda.example/clave?r=1&x=ñ", h.now.Add(time.Hour)
	})
	for range 3 { // scanners look
		if page := h.get(path); page.StatusCode != 200 || !strings.Contains(page.body, "tienda.example") || strings.Contains(page.body, "clave?r=1") {
			t.Fatalf("%d %s", page.StatusCode, page.body)
		}
	}
	var mu sync.Mutex
	statuses := map[int]int{}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			got := h.press2(path)
			mu.Lock()
			defer mu.Unlock()
			statuses[got.StatusCode]++
			if got.StatusCode == http.StatusSeeOther && got.Header.Get("Location") != "https://tienda.example/clave?r=1&x=%C3%B1" &&
				got.Header.Get("Location") != "https://tienda.example/clave?r=1&x=ñ" {
				t.Errorf("leads to %q", got.Header.Get("Location"))
			}
		})
	}
	group.Wait()
	if statuses[http.StatusSeeOther] != 1 || statuses[http.StatusGone] != 7 {
		t.Errorf("answers %v", statuses)
	}
	h.now = h.now.Add(2 * time.Hour)
	if got := h.press2(path); got.StatusCode != http.StatusGone || !strings.Contains(got.body, "ha caducado") {
		t.Errorf("later: %d %s", got.StatusCode, got.body)
	}
}

func TestNoLinkLeadsToAnAddressThatIsNotFit(t *testing.T) {
	h := newTier(t)
	for _, to := range []string{
		"", "//evil.example", "javascript:alert(1)", "data:text/html,x", "https:evil.example", "https://user@evil.example/", "https://a:b@evil.example",
		"https://evil.example\\@good.example", "https://good.example/\r\nSet-Cookie: a=b", "/relative", "ftp://a.example", "https:///x", "https://a b.example",
		"\thttps://a.example",
	} {
		for _, purpose := range []token.Purpose{token.Once, token.Click} {
			path := h.link(purpose, func(c *token.Claims) { c.URL, c.Expires = to, h.now.Add(time.Hour) })
			for _, got := range []answer{h.get(path), h.press2(path)} {
				if got.Header.Get("Location") != "" || got.StatusCode < 400 {
					t.Errorf("%c to %q: %d %q", purpose, to, got.StatusCode, got.Header.Get("Location"))
				}
			}
		}
	}
	once := h.link(token.Once, func(c *token.Claims) { c.URL, c.Expires = "http://tienda.example/", h.now.Add(time.Hour) })
	if got := h.press2(once); got.Header.Get("Location") != "" {
		t.Error("a one-time link leads to an address without TLS")
	}
	click := h.link(token.Click, func(c *token.Claims) { c.URL = "https://tienda.example/" })
	if got := h.get(click + "?url=https://evil.example&next=https://evil.example"); got.Header.Get("Location") != "https://tienda.example/" {
		t.Errorf("the request changed where it leads: %q", got.Header.Get("Location"))
	}
}

func TestOnlyTheFormsActOnTheNewPages(t *testing.T) {
	h := newTier(t)
	once := func(c *token.Claims) { c.URL, c.Expires = "https://tienda.example/", h.now.Add(time.Hour) }
	stolen := hidden.FindStringSubmatch(h.get(h.optOut()).body)[2]
	for _, path := range []string{h.link(token.Preferences), h.link(token.Reason), h.link(token.Once, once)} {
		for name, got := range map[string]answer{
			"GET": h.get(path), "HEAD": h.send(http.MethodHead, path, "", nil),
			"a bare POST":           h.post(path, url.Values{"seen": {"novedades:1"}, "reason": {"other"}}),
			"another's form":        h.post(path, url.Values{"confirm": {stolen}, "seen": {"novedades:1"}, "reason": {"other"}}),
			"the form as a query":   h.get(path + "?confirm=" + stolen + "&seen=novedades:1&reason=other"),
			"one-click unsubscribe": h.post(path, url.Values{"List-Unsubscribe": {"One-Click"}}),
		} {
			if got.Header.Get("Location") != "" || got.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s at %s: %v", name, path[:3], got.Header)
			}
			if acts := h.acts(); len(acts) != 0 {
				t.Fatalf("%s at %s acted: %v", name, path[:3], acts)
			}
		}
		if header := h.get(path).Header; !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") || header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers of %s: %v", path[:3], header)
		}
	}
	if got := h.press2(h.link(token.Once, once)); got.StatusCode != http.StatusSeeOther {
		t.Errorf("none of that used the link up, but now it answers %d", got.StatusCode)
	}
}
