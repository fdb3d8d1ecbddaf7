package marketplace

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/consent/token"
)

// browser starts a Chromium of its own. Set SCREENSHOTS to a folder to get pictures of the pages.
func browser(t *testing.T, flags ...chromedp.ExecAllocatorOption) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("these tests need Debian's chromium (make test installs it): ", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.Flag("accept-lang", "es-ES"),
		chromedp.WSURLReadTimeout(time.Minute),
	)
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(options, flags...)...)
	t.Cleanup(cancel)
	ctx, _ = chromedp.NewContext(ctx)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx) })
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal("chromium does not start: ", err)
	}
	limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	return limited
}

func run(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func ask[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	answer, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// scheme makes the browser prefer light or dark pages.
func scheme(name string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	})
}

// shoot keeps a picture of the page when somebody wants to look at it.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	folder := os.Getenv("SCREENSHOTS")
	if folder == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(folder, name+".png"), ask(t, ctx, chromedp.FullScreenshot(100)), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (h *tier) nobodyActed(what string) {
	h.t.Helper()
	if acts := h.acts(); len(acts) != 0 {
		h.t.Fatalf("%s opted somebody in or out: %v", what, acts)
	}
}

func TestABrowserOptsNobodyInByItself(t *testing.T) {
	h := newTier(t)
	// Somebody else's page tries what scanners, previews and speculation do.
	link, out := h.server.URL+h.activation(), h.server.URL+h.optOut()
	pages := []string{link, out, h.server.URL + h.link(token.Preferences), h.server.URL + h.link(token.Reason), h.server.URL + h.once("https://tienda.example/")}
	quoted, err := json.Marshal(pages)
	if err != nil {
		t.Fatal(err)
	}
	visited := make(chan string, 100)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			visited <- r.URL.Path
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><title>x</title>
<link rel="prefetch" href="%[1]s"><link rel="prerender" href="%[1]s">
<link rel="prefetch" href="%[2]s"><link rel="prerender" href="%[2]s">
<script type="speculationrules">{"prerender":[{"source":"list","urls":["%[1]s","%[2]s"]}],"prefetch":[{"source":"list","urls":["%[1]s","%[2]s"]}]}</script>
<iframe src="%[1]s"></iframe><iframe src="%[2]s"></iframe>
<form id="f" method="post" action="%[1]s" target="g"><input name="confirm" value="guess"></form><iframe name="g"></iframe>
<form id="p" method="post" action="%[4]s" target="g"><input name="seen" value="novedades:1"><input name="confirm" value="guess"></form>
<script type="speculationrules">{"prerender":[{"source":"list","urls":%[3]s}],"prefetch":[{"source":"list","urls":%[3]s}]}</script>
<script>
f.submit()
p.submit()
Promise.allSettled([
  ...%[3]s.flatMap(u => [fetch(u,{mode:"no-cors"}), fetch(u,{mode:"no-cors",method:"POST",body:new URLSearchParams({confirm:"guess",reason:"other",seen:"novedades:1"})})]),
  fetch("%[1]s",{mode:"no-cors"}), fetch("%[1]s",{mode:"no-cors",method:"HEAD"}),
  fetch("%[1]s",{mode:"no-cors",method:"POST",body:new URLSearchParams({confirm:""})}),
  fetch("%[2]s",{mode:"no-cors",method:"POST",body:new URLSearchParams({confirm:""})}),
]).then(() => setTimeout(() => fetch("/done"), 300))
</script>`, link, out, quoted, pages[2])
	}))
	defer elsewhere.Close()
	ctx := browser(t)
	run(t, ctx, chromedp.Navigate(elsewhere.URL))
	select {
	case <-visited:
	case <-time.After(time.Minute):
		t.Fatal("the page did not come to its end")
	}
	h.nobodyActed("prefetch, prerender, frames and foreign forms")

	// A scanner that opens the page itself and runs whatever script is in it.
	for _, page := range pages {
		run(t, ctx, chromedp.Navigate(page), chromedp.WaitReady(chromedp.CSS("button")))
		html := ask(t, ctx, chromedp.OuterHTML(chromedp.CSS("html")))
		if strings.Contains(html, "<script") || strings.Contains(html, "0472") {
			t.Error("a script or the code is in the page")
		}
	}
	h.nobodyActed("opening the page")
}

func TestAClickOptsIn(t *testing.T) {
	h := newTier(t)
	ctx := browser(t)
	run(t, ctx, chromedp.EmulateViewport(1100, 900), chromedp.Navigate(h.server.URL+h.activation()),
		chromedp.WaitVisible(chromedp.CSS("button")))
	shoot(t, ctx, "accept")
	run(t, ctx, chromedp.Click(chromedp.CSS("button")), chromedp.WaitVisible(chromedp.CSS(".digits")))
	code := ask(t, ctx, chromedp.Text(chromedp.CSS(".digits")))
	shoot(t, ctx, "accepted")
	if strings.Join(strings.Fields(code), "") != "0472" {
		t.Errorf("code %q", code)
	}
	if acts := h.acts(); len(acts) != 1 || acts[0].Kind != mostradorv1.WebAct_KIND_ACCEPT {
		t.Fatalf("acts %v", acts)
	}
	run(t, ctx, chromedp.Reload(), chromedp.WaitVisible(chromedp.CSS(".digits")))
	if acts := h.acts(); len(acts) != 1 {
		t.Fatalf("a reload acted: %v", acts)
	}
	// And out again, by keyboard alone.
	run(t, ctx, chromedp.Click(chromedp.CSS("a")), chromedp.WaitVisible(chromedp.CSS("button.quiet")))
	shoot(t, ctx, "optout")
	run(t, ctx, chromedp.KeyEvent("\t"), chromedp.KeyEvent("\r"), chromedp.WaitNotPresent(chromedp.CSS("button")), chromedp.WaitVisible(chromedp.CSS("a")))
	shoot(t, ctx, "optedout")
	if acts := h.acts(); len(acts) != 2 || acts[1].Kind != mostradorv1.WebAct_KIND_OPT_OUT {
		t.Fatalf("acts %v", acts)
	}
}

func TestPagesFitASmallTelephone(t *testing.T) {
	h := newTier(t)
	ctx := browser(t)
	long := h.claims(token.Activation)
	long.FirstName = "Wolfeschlegelsteinhausenbergerdorff"
	expired := h.claims(token.Activation)
	expired.Expires = h.now.Add(-time.Hour)
	accepted := h.claims(token.Activation)
	accepted.CustomerID = "0198f2a0-0000-7000-8000-0000000000ff"
	done := "/a/" + token.Seal(testKey, accepted)
	h.press(done)
	for name, path := range map[string]string{
		"accept": h.activation(), "long": "/a/" + token.Seal(testKey, long), "accepted": done,
		"preferences": h.link(token.Preferences), "reason": h.link(token.Reason), "once": h.once("https://clave.una-tienda-de-nombre-muy-largo.example/"),
		"optout": h.optOut(), "expired": "/a/" + token.Seal(testKey, expired), "invalid": "/a/x",
	} {
		for _, colours := range []string{"light", "dark"} {
			run(t, ctx, scheme(colours), chromedp.EmulateViewport(320, 640), chromedp.Navigate(h.server.URL+path), chromedp.WaitReady(chromedp.CSS("main")))
			wide := ask(t, ctx, chromedp.Evaluate[int](`document.documentElement.scrollWidth`))
			small := ask(t, ctx, chromedp.Evaluate[int](`[...document.querySelectorAll('button, .choice')].filter(b => b.clientHeight < 44).length`))
			headings := ask(t, ctx, chromedp.Evaluate[int](`document.querySelectorAll('h1').length`))
			if wide > 320 || small != 0 || headings != 1 {
				t.Errorf("%s: %d pixels wide, %d small buttons, %d headings", name, wide, small, headings)
			}
			shoot(t, ctx, "320-"+colours+"-"+name)
		}
	}
}

// contrast finds text whose contrast with its ground is below WCAG AA.
const contrast = `(() => {
  const lum = c => { const [r, g, b] = c.match(/[\d.]+/g).map(Number).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126*r + .7152*g + .0722*b };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\)$/.test(c)) return c } return 'rgb(255,255,255)' };
  const bad = [];
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType == 3 && n.data.trim())) continue;
    const s = getComputedStyle(e), a = lum(s.color), b = lum(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.push(e.tagName + ' ' + e.className + ' ' + ratio.toFixed(2));
  }
  return bad.join('; ');
})()`

func TestContrast(t *testing.T) {
	h := newTier(t)
	ctx := browser(t)
	accepted := h.claims(token.Activation)
	accepted.CustomerID = "0198f2a0-0000-7000-8000-0000000000ff"
	done := "/a/" + token.Seal(testKey, accepted)
	h.press(done)
	for _, colours := range []string{"light", "dark"} {
		for _, path := range []string{h.activation(), done, h.optOut(), "/a/x", h.link(token.Preferences), h.link(token.Reason), h.once("https://tienda.example/")} {
			run(t, ctx, scheme(colours), chromedp.Navigate(h.server.URL+path), chromedp.WaitReady(chromedp.CSS("main")))
			bad := ask(t, ctx, chromedp.Evaluate[string](contrast))
			if bad != "" {
				t.Errorf("%s, %s: %s", colours, path[:3], bad)
			}
		}
	}
}
