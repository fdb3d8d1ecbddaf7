package message

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestWhatMailsMustNotHoldIsTakenOut(t *testing.T) {
	for dirty, want := range map[string]string{
		// What mails need stays as it was typed.
		`<table  width=600 bgcolor='#fff'><tr><td style="color:red">x</td></tr></table>`:                                                `<table  width=600 bgcolor='#fff'><tr><td style="color:red">x</td></tr></table>`,
		`<!doctype html><html lang="es"><head><meta charset=utf-8><title>x</title><style>@media (max-width:1px){a{b:c}}</style></head>`: `<!doctype html><html lang="es"><head><meta charset=utf-8><title>x</title><style>@media (max-width:1px){a{b:c}}</style></head>`,
		`<a href="{{.Enlaces.baja}}" {{if .Puntos}}class="x"{{end}}>{{.Cliente.Nombre}}</a>`:                                            `<a href="{{.Enlaces.baja}}" {{if .Puntos}}class="x"{{end}}>{{.Cliente.Nombre}}</a>`,
		`<a href="https://e.com/{{.Codigo}}:8?x={{.Datos.y}}">`:                                                                         `<a href="https://e.com/{{.Codigo}}:8?x={{.Datos.y}}">`,
		`<a href="mailto:a@e.com">x</a><a href="tel:+34">y</a>`:                                                                         `<a href="mailto:a@e.com">x</a><a href="tel:+34">y</a>`,
		`<img src="cid:logo.png" alt=""><img src="data:image/png;base64,iVBORw0=">`:                                                     `<img src="cid:logo.png" alt=""><img src="data:image/png;base64,iVBORw0=">`,
		`<!--[if mso]><br><![endif]-->x`:                                                                                                `<!--[if mso]><br><![endif]-->x`,
		`<!-- nota -->x`:                                                                                                                `<!-- nota -->x`,
		`{{if eq .Codigo "<script>"}}x{{end}}`:                                                                                          `{{if eq .Codigo "<script>"}}x{{end}}`,
		`a < b && c > d`:                                                                                                                `a < b && c > d`,

		`<script>alert(1)</script>x`:                                `x`,
		`<SCRIPT src=//e.com></SCRIPT>x`:                            `x`,
		`<scr{{/**/}}ipt>alert(1)</script>`:                         `alert(1)`,
		`<{{/**/}}script>alert(1)</script>`:                         `alert(1)`,
		`<p onclick="x()">y</p>`:                                    `<p>y</p>`,
		`<p ONmouseover=x() id=a>y</p>`:                             `<p id="a">y</p>`,
		`<p on{{/**/}}click="x()">y</p>`:                            `<p {{/**/}}>y</p>`,
		`<p {{if .Puntos}}onclick="x()"{{end}}>y</p>`:               `<p {{if .Puntos}} {{end}}>y</p>`,
		`<a href="javascript:x()">y</a>`:                            `<a>y</a>`,
		`<a href=" java&#10;script&colon;x()">y</a>`:                `<a>y</a>`,
		`<a href="java{{/**/}}script:x()">y</a>`:                    `<a>y</a>`,
		`<a href="{{if .Puntos}}x{{else}}java{{end}}script:x">`:     `<a>`,
		`<a href="vbscript:x">y</a><a href="data:text/html,x">`:     `<a>y</a><a>`,
		`<img src="data:image/svg+xml;base64,PHN2Zz4=">`:            `<img>`,
		`<img src=x onerror=x()>`:                                   `<img src="x">`,
		`<svg><script>x()</script><a xlink:href="x">y</a></svg>z`:   `z`,
		`<math><mtext></math>z`:                                     `z`,
		`<iframe src=x>y</iframe><object>y</object>z`:               `z`,
		`<form action=x><input name=y><b>z</b></form>`:              `<b>z</b>`,
		`<meta http-equiv="refresh" content="0;url=x">y`:            `y`,
		`<base href="https://e.com">y`:                              `y`,
		`<link rel=stylesheet href="https://e.com/x.css">y`:         `y`,
		`<style>@import url(https://e.com/x.css);p{a:b}</style>`:    `<style>p{a:b}</style>`,
		`<style>p{background:url(javascript:x)}</style>`:            `<style></style>`,
		`<style>p{behavior:url(x.htc)}</style>`:                     `<style></style>`,
		`<p style="width:expression(x())">y</p>`:                    `<p>y</p>`,
		`<p style="width:exp/**/ression(x())">y</p>`:                `<p>y</p>`,
		`<p style="background:\75rl(javascript:x)">y</p>`:           `<p>y</p>`,
		`<noscript><p title="</noscript><img src=x onerror=x()>">z`: `<img src="x">">z`,
		`<template><script>x</script></template>z`:                  `z`,
		`<b>x</b><script`:                                           `<b>x</b>`,
		`<p title="a>b" onclick='c'>d`:                              `<p title="a&gt;b">d`,
		`<!--> <img src=x onerror=x()> -->`:                         ` <img src="x"> -->`,
		`<!-- --!><img src=x onerror=x()>-->`:                       `<img src="x">-->`,
	} {
		if got := Sanitize(dirty); got != want {
			t.Errorf("%s\n got %s\nwant %s", dirty, got, want)
		}
		if again := Sanitize(want); again != want {
			t.Errorf("%s is not clean yet: %s", want, again)
		}
	}
}

func TestARenderedPageHoldsNoTemplates(t *testing.T) {
	if got := SanitizePage(`<p>{{ <script>x()</script> }}</p>`); got != `<p>{{  }}</p>` {
		t.Error(got)
	}
}

// dangers returns what in a page could do something, as a browser's parser sees it.
func dangers(t testing.TB, page string) (found []string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		if n.Namespace != "" || !elements[n.Data] {
			found = append(found, "<"+n.Namespace+" "+n.Data+">")
		}
		for _, a := range n.Attr {
			value := strings.ToLower(strings.Map(func(r rune) rune {
				if r <= ' ' {
					return -1
				}
				return r
			}, a.Val))
			switch {
			case strings.HasPrefix(a.Key, "on"), a.Key == "http-equiv" && value == "refresh", a.Key == "action", a.Key == "srcdoc":
				found = append(found, a.Key)
			case a.Key == "style":
			case strings.HasPrefix(value, "javascript:"), strings.HasPrefix(value, "vbscript:"), strings.HasPrefix(value, "data:text"):
				if attributes[a.Key] && (a.Key == "href" || a.Key == "src" || a.Key == "background" || a.Key == "cite") {
					found = append(found, a.Key+"="+a.Val)
				}
			}
		}
	}
	return found
}

func FuzzSanitize(f *testing.F) {
	for _, seed := range []string{
		`<a href="java{{/**/}}script:x()" on{{/**/}}click=x>`, `<svg><style><img src=x onerror=x()></style></svg>`,
		`<math><mtext><table><mglyph><style><!--</style><img title="--><img src=1 onerror=alert(1)>">`, `<!--><script>x</script>-->`,
		`<style><a id="</style><img src=1 onerror=alert(1)>">`, `<title><a id="</title><img src=1 onerror=alert(1)>">`, `<p {{if .x}}on{{end}}load=x>`,
		`<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<xmp><p title="</xmp><img src=x onerror=x>">`, "<a href=\"\x01javascript:x\">",
		`{{"<script>"}}<script>{{"</script>"}}`, `<textarea><script>x</script>`, `<plaintext>x`, `<select><style></select><script>x</script>`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		clean := SanitizePage(text)
		if found := dangers(t, clean); len(found) > 0 {
			t.Errorf("%q became %q, in which there is %q", text, clean, found)
		}
		if again := SanitizePage(clean); again != clean {
			t.Errorf("%q became %q and then %q", text, clean, again)
		}
		tmpl, err := Parse(text)
		if err != nil {
			return
		}
		r, err := tmpl.render(newView(sampleMessage(), sampleCustomer(), testSettings, nil), voice{lang: "es", currency: "EUR"}, nil)
		if err != nil {
			return
		}
		if found := dangers(t, r.page); len(found) > 0 {
			t.Errorf("%q is rendered to %q, in which there is %q", text, r.page, found)
		}
	})
}

func TestRulesAreWrittenIntoTheirTags(t *testing.T) {
	for text, want := range map[string]string{
		`<style>p{color:red}.b{margin:0}</style><p>x</p><p class="b" style="color:blue">{{.Puntos}}</p>`:                          "<style>\n</style><p style=\"color:red\">x</p><p class=\"b\" style=\"color:red;margin:0;color:blue\">{{.Puntos}}</p>",
		`<style>td{a:b}</style><table>{{range .Compras}}<tr><td {{if .Recibo}}id="x"{{end}}>{{.Recibo}}</td></tr>{{end}}</table>`: "<style>\n</style><table>{{range .Compras}}<tr><td {{if .Recibo}}id=\"x\" {{end}} style=\"a:b\">{{.Recibo}}</td></tr>{{end}}</table>",
		`<style>p{color:{{.Datos.c}}}</style><p>x</p>`:                                                                            `<style>p{color:{{.Datos.c}}}</style><p>x</p>`,
		`<p>x</p>`: `<p>x</p>`,
	} {
		if got := inline(text); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
	got := inline(`<style>p{color:red} @media (max-width:600px){p{color:blue}} a:hover{color:green}</style><p>x</p>`)
	for _, want := range []string{"@media (max-width:600px)", "color: blue !important", "a:hover", `<p style="color:red">`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is missing in %s", want, got)
		}
	}
}

func TestLinksAreTracked(t *testing.T) {
	track := func(url string) string { return "https://t.example/?" + strings.ToUpper(url) }
	for page, want := range map[string]string{
		`<a href="https://e.com/?a=1&amp;b=2">x</a>`:                 `<a href="https://t.example/?HTTPS://E.COM/?A=1&amp;B=2">x</a>`,
		`<A HREF='x'>y</A><abbr href="x"><area href="x">`:            `<A HREF='x'>y</A><abbr href="x"><area href="x">`,
		`<a title="a>b" data-href="n" href='x' id=y>z</a>`:           `<a title="a>b" data-href="n" href='https://t.example/?X' id=y>z</a>`,
		`<a href=x>y</a><a>z</a><a href="">z</a><a href="x`:          `<a href=x>y</a><a>z</a><a href="">z</a><a href="x`,
		"<a\nclass=\"b\"\n href = \"x\"><img alt=\"<\"></a><a id=\"": "<a\nclass=\"b\"\n href = \"https://t.example/?X\"><img alt=\"<\"></a><a id=\"",
	} {
		if got := trackLinks(page, track); got != want {
			t.Errorf("%s\n got %s\nwant %s", page, got, want)
		}
	}
}
