package mailview_test

import (
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"mostrador/gui/mailview"
	"mostrador/gui/ui"
	"mostrador/gui/uitest"
)

func TestParseReadsWhatMailsAreMadeOf(t *testing.T) {
	for name, c := range map[string]struct {
		html string
		want []mailview.Block
	}{
		"heading and paragraph": {"<h1>Hola,\n Eva</h1><p>Uno <b>dos</b> <i>tres</i></p>", []mailview.Block{
			{Kind: mailview.Heading, Level: 1, Runs: []mailview.Run{{Text: "Hola, Eva"}}},
			{Runs: []mailview.Run{{Text: "Uno "}, {Text: "dos", Bold: true}, {Text: " "}, {Text: "tres", Italic: true}}}}},
		"lists": {"<ul><li>a<li><p>b</p></ul><ol><li>c<li>d</ol>", []mailview.Block{
			{Kind: mailview.Item, Level: 1, Mark: "•", Runs: []mailview.Run{{Text: "a"}}},
			{Kind: mailview.Item, Level: 1, Mark: "•", Runs: []mailview.Run{{Text: "b"}}},
			{Kind: mailview.Item, Level: 1, Mark: "1.", Runs: []mailview.Run{{Text: "c"}}},
			{Kind: mailview.Item, Level: 1, Mark: "2.", Runs: []mailview.Run{{Text: "d"}}}}},
		"a link with a background is a button": {`<p align="center">x<a href="https://a.example/1" style="Background-Color:#0F766E">Activar</a></p>`, []mailview.Block{
			{Center: true, Runs: []mailview.Run{{Text: "x"}}},
			{Kind: mailview.Button, Center: true, Ground: color.NRGBA{0x0f, 0x76, 0x6e, 0xff}, Runs: []mailview.Run{{Text: "Activar", Href: "https://a.example/1"}}}}},
		"an align attribute ends at the next table": {`<table><tr><td align=center>a<table><tr><td>b</table></table>`, []mailview.Block{
			{Center: true, Runs: []mailview.Run{{Text: "a"}}}, {Runs: []mailview.Run{{Text: "b"}}}}},
		"a style goes on into tables": {`<div style="text-align:center"><table><tr><td>b</table></div>`, []mailview.Block{
			{Center: true, Runs: []mailview.Run{{Text: "b"}}}}},
		"cells of a row stand in one line": {"<table><tr><td>Puntos</td><td>12</td></tr><tr><td>Total</td></tr></table>", []mailview.Block{
			{Runs: []mailview.Run{{Text: "Puntos\u200312"}}}, {Runs: []mailview.Run{{Text: "Total"}}}}},
		"a box has a ground": {`<div style="background:#111111">a</div><hr>`, []mailview.Block{
			{Ground: color.NRGBA{0x11, 0x11, 0x11, 0xff}, Runs: []mailview.Run{{Text: "a"}}}, {Kind: mailview.Rule}}},
		"scripts, styles and what is hidden are left out": {`<style>p{}</style><script>x()</script><div style="display:none">h</div>a<br>b`, []mailview.Block{
			{Runs: []mailview.Run{{Text: "a\nb"}}}}},
		"dangerous links are text": {`<a href="javascript:x()">a</a> <a href="file:///etc/passwd">b</a>`, []mailview.Block{
			{Runs: []mailview.Run{{Text: "a b"}}}}},
		"an image stands as its text": {`<img src="https://x.example/a.png" alt="Logo">`, []mailview.Block{{Runs: []mailview.Run{{Text: "[Logo]"}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := mailview.Parse(c.html)
			if len(got) != len(c.want) {
				t.Fatalf("got %+v, want %+v", got, c.want)
			}
			for i := range got {
				if !same(got[i], c.want[i]) {
					t.Errorf("block %d: got %+v, want %+v", i, got[i], c.want[i])
				}
			}
		})
	}
}

func same(a, b mailview.Block) bool {
	if a.Kind != b.Kind || a.Level != b.Level || a.Mark != b.Mark || a.Center != b.Center || a.Ground != b.Ground || len(a.Runs) != len(b.Runs) {
		return false
	}
	for i := range a.Runs {
		if a.Runs[i] != b.Runs[i] {
			return false
		}
	}
	return true
}

func TestTheMailIsDrawnAndItsLinksOpen(t *testing.T) {
	app := test.NewTempApp(t)
	app.Settings().SetTheme(ui.NewTheme())
	opened := ""
	v := mailview.New(func(href string) { opened = href })
	w := test.NewTempWindow(t, v.Content())
	w.Resize(fyne.NewSize(640, 720))
	source, err := os.ReadFile(filepath.Join("testdata", "mail.html"))
	if err != nil {
		t.Fatal(err)
	}
	v.Show(string(source))
	uitest.Compare(t, "mail", w.Canvas().Capture())
	w.Canvas().FocusNext()
	b, ok := w.Canvas().Focused().(*ui.Button)
	if !ok {
		t.Fatalf("Tab reaches %T first", w.Canvas().Focused())
	}
	b.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	if opened != "http://localhost:8098/a/x" {
		t.Errorf("opened %q", opened)
	}
}

func FuzzParseNeverFailsAndNeverOpensWhatItMustNot(f *testing.F) {
	f.Add(uitest.Welcome)
	f.Add("<table><tr><td bgcolor=#000><a href=' JavaScript:x'>a")
	f.Add(strings.Repeat("<div>", 210) + "a")
	f.Add("<ol><li></ol><li>x<ul></li></ul>")
	f.Fuzz(func(t *testing.T, source string) {
		for _, block := range mailview.Parse(source) {
			if len(block.Runs) == 0 && block.Kind != mailview.Rule {
				t.Errorf("empty block %+v", block)
			}
			for _, run := range block.Runs {
				h := strings.ToLower(strings.TrimSpace(run.Href))
				if h != "" && !strings.HasPrefix(h, "http") && !strings.HasPrefix(h, "mailto:") && !strings.HasPrefix(h, "#") {
					t.Errorf("link to %q", run.Href)
				}
			}
		}
	})
}
