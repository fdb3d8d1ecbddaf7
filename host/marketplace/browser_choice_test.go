package marketplace

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
)

func TestTopicsAreChosenByKeyboardAlone(t *testing.T) {
	h := newTier(t)
	ctx := browser(t)
	run(t, ctx, chromedp.EmulateViewport(1100, 1000), chromedp.Navigate(h.server.URL+h.link(token.Preferences)), chromedp.WaitVisible(chromedp.CSS("button")))
	shoot(t, ctx, "preferences")
	// The second topic off, then on to the button: two more boxes.
	run(t, ctx, chromedp.KeyEvent("\t"), chromedp.KeyEvent("\t"), chromedp.KeyEvent(" "))
	shoot(t, ctx, "preferences-focus")
	if ticks := ask(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll('input[name=topic]:checked').length`)); ticks != 2 {
		t.Fatalf("%d boxes are ticked", ticks)
	}
	h.nobodyActed("ticking boxes")
	run(t, ctx, chromedp.KeyEvent("\t"), chromedp.KeyEvent("\t"), chromedp.KeyEvent("\t"), chromedp.KeyEvent("\r"), chromedp.WaitVisible(chromedp.CSS(".ticks")))
	shoot(t, ctx, "chosen")
	acts := h.acts()
	if len(acts) != 1 || !maps.Equal(acts[0].Topics, map[string]bool{"novedades": false}) {
		t.Fatalf("acts %v", acts)
	}
	run(t, ctx, chromedp.Reload(), chromedp.WaitVisible(chromedp.CSS(".ticks")))
	if acts := h.acts(); len(acts) != 1 {
		t.Fatalf("a reload chose again: %v", acts)
	}
	run(t, ctx, chromedp.Click(chromedp.CSS("a")), chromedp.WaitVisible(chromedp.CSS("button")))
	if left := ask(t, ctx, chromedp.Evaluate[bool](`document.querySelector('input[value=novedades]').checked`)); left {
		t.Error("the page has forgotten the choice")
	}
}

func TestLeavingAndSayingWhy(t *testing.T) {
	h := newTier(t)
	ctx := browser(t)
	run(t, ctx, chromedp.EmulateViewport(1100, 1000), chromedp.Navigate(h.server.URL+h.optOut()), chromedp.WaitVisible(chromedp.CSS("button.quiet")))
	shoot(t, ctx, "unsubscribe")
	run(t, ctx, chromedp.Click(chromedp.CSS("button.quiet")), chromedp.WaitVisible(chromedp.CSS("a[href^='/m/']")))
	shoot(t, ctx, "unsubscribed")
	run(t, ctx, chromedp.Click(chromedp.CSS("a[href^='/m/']")), chromedp.WaitVisible(chromedp.CSS("textarea")))
	shoot(t, ctx, "reason")
	run(t, ctx, chromedp.Click(chromedp.CSS("input[value=never_asked]")), chromedp.SendKeys(chromedp.CSS("textarea"), "No recuerdo haberlo pedido <b>nunca</b>"),
		chromedp.Click(chromedp.CSS("button")), chromedp.WaitNotPresent(chromedp.CSS("textarea")), chromedp.WaitVisible(chromedp.CSS("a[href$='/volver']")))
	shoot(t, ctx, "explained")
	acts := h.acts()
	if len(acts) != 2 || acts[1].Kind != mostradorv1.WebAct_KIND_REASON || acts[1].Reason != "never_asked" || acts[1].Words != "No recuerdo haberlo pedido <b>nunca</b>" {
		t.Fatalf("acts %v", acts)
	}
	// And back: the same acceptance as the first time.
	run(t, ctx, chromedp.Click(chromedp.CSS("a[href$='/volver']")), chromedp.WaitVisible(chromedp.CSS(".policy")),
		chromedp.Click(chromedp.CSS("button")), chromedp.WaitNotPresent(chromedp.CSS(".policy")))
	if acts := h.acts(); len(acts) != 3 || acts[2].Kind != mostradorv1.WebAct_KIND_ACCEPT || acts[2].Round != 2 {
		t.Fatalf("acts %v", acts)
	}
}

func TestALinkThatOpensOnceLeadsOnInABrowser(t *testing.T) {
	h := newTier(t)
	there := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<title>x</title><p id="arrived">` + r.URL.RawQuery + "|" + r.Referer() + "</p>"))
	}))
	defer there.Close()
	ctx := browser(t, chromedp.Flag("ignore-certificate-errors", true))
	link := h.server.URL + h.once(there.URL+"/clave?r=1")
	run(t, ctx, chromedp.EmulateViewport(1100, 900), chromedp.Navigate(link), chromedp.WaitVisible(chromedp.CSS("button")))
	shoot(t, ctx, "once")
	run(t, ctx, chromedp.KeyEvent("\t"), chromedp.KeyEvent("\r"), chromedp.WaitVisible(chromedp.CSS("#arrived")))
	if got := ask(t, ctx, chromedp.Text(chromedp.CSS("#arrived"))); strings.TrimSpace(got) != "r=1|" {
		t.Errorf("arrived with %q: the address before it is nobody's business", got)
	}
	run(t, ctx, chromedp.Navigate(link), chromedp.WaitVisible(chromedp.CSS("button")), chromedp.Click(chromedp.CSS("button")), chromedp.WaitNotPresent(chromedp.CSS("button")))
	shoot(t, ctx, "used")
	if got := ask(t, ctx, chromedp.Text(chromedp.CSS("h1"))); !strings.Contains(got, "ya se ha usado") {
		t.Errorf("the second time says %q", got)
	}
}
