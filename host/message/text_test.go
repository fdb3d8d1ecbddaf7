package message

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPlainText(t *testing.T) {
	for name, test := range map[string]struct{ html, want string }{
		"paragraphs":       {"<p>Uno\n dos</p><p>tres</p>", "Uno dos\n\ntres\n"},
		"divisions":        {"<div>Uno</div><div>dos</div>", "Uno\ndos\n"},
		"breaks":           {"Uno<br>dos<br><br>tres", "Uno\ndos\n\ntres\n"},
		"inline":           {"a<b>b</b> <i> c </i>d", "ab c d\n"},
		"headings":         {"<h1>Año</h1>x<h2>Mes</h2>y<h3>Día</h3>z", "Año\n===\n\nx\n\nMes\n---\n\ny\n\nDía\n\nz\n"},
		"empty heading":    {"<p>a</p><h1></h1><p>b</p>", "a\n\nb\n"},
		"a link":           {`<p>Pulse <a href="https://e.com/a?x=1&amp;y=2">aquí</a>.</p>`, "Pulse aquí: https://e.com/a?x=1&y=2.\n"},
		"a link of itself": {`<a href="https://e.com">https://e.com</a> <a href="mailto:a@e.com">a@e.com</a>`, "https://e.com a@e.com\n"},
		"a picture link":   {`<a href="https://e.com"><img src="x" alt="Logo"></a> <a href="https://e.com/2"><img src="x"></a>`, "Logo: https://e.com https://e.com/2\n"},
		"an anchor":        {`<a href="#x">Arriba</a>`, "Arriba\n"},
		"lists":            {"<p>Hay:</p><ul><li>uno</li><li>dos<p>más</p></li></ul><p>fin</p>", "Hay:\n\n* uno\n* dos\n\n  más\n\nfin\n"},
		"nested lists":     {"<ol><li>a<ul><li>b</li><li>c</li></ul></li><li>d</li></ol>", "1. a\n   * b\n   * c\n2. d\n"},
		"a table":          {"<table><tr><th>Día</th><th>Hora</th></tr><tr><td>lunes</td><td>9</td></tr></table>", "Día  Hora\nlunes  9\n"},
		"a quote":          {"<blockquote>uno<br>dos</blockquote>x", "> uno\n> dos\n\nx\n"},
		"a preheader":      {`<div style="display: none">x</div><span hidden>y</span><p style="VISIBILITY:hidden">z</p>a`, "a\n"},
		"no scripts":       {"<style>p{}</style><script>x()</script>a<!-- b -->", "a\n"},
		"preformatted":     {"<pre>a\n  b</pre>c", "a\n  b\n\nc\n"},
		"invisible":        {"a&shy;b&#8203;c&#8238;d", "abcd\n"},
		"nothing":          {"  <p> </p> ", ""},
	} {
		if _, got := plain(test.html); got != test.want {
			t.Errorf("%s:\n got %q\nwant %q", name, got, test.want)
		}
	}
}

func TestTitle(t *testing.T) {
	for html, want := range map[string]string{
		"<title> Hola,\n  Ana </title>":               "Hola, Ana",
		"<title>a&#13;&#10;Bcc: x@e.com</title>":      "a Bcc: x@e.com",
		"<title>a&#8238;b&#0;c\x7f</title>":           "abc",
		"<svg><title>no</title></svg><p>x</p>":        "",
		"<title>uno</title><body><title>dos</title>x": "uno",
		"": "",
	} {
		if got, _ := plain(html); got != want {
			t.Errorf("%q: %q, want %q", html, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	f.Add("<p>a<b>b</b></p><ul><li>c</ul><table><tr><td>d<td>e")
	f.Add("<pre>\n\n\n</pre><ol start=-9999999999999999999><li><blockquote><li><h1><h2>")
	f.Add(strings.Repeat("<div><ul><li>", 300) + "x")
	f.Fuzz(func(t *testing.T, html string) {
		title, text := plain(html)
		if strings.ContainsAny(title, "\r\n\x00\u2028\u2029") {
			t.Errorf("title %q", title)
		}
		if utf8.ValidString(html) && !utf8.ValidString(text) {
			t.Errorf("text %q", text)
		}
		if strings.ContainsAny(text, "\r\x00\u2028\u202e") || strings.HasPrefix(text, "\n") {
			t.Errorf("text %q", text)
		}
	})
}
