// Package mailview shows an HTML mail with the toolkit's own widgets, so that staff see what the customer sees
// without a browser: headings, paragraphs, bold and italic text, links, buttons, lists, rules and tables, which
// are set out one cell after another. Nothing is fetched and no script is run; images stand as their text.
//
// Parse turns HTML into Blocks (pure, and safe on any input); New turns Blocks into widgets.
package mailview

import (
	"image/color"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Kind of a block.
type Kind int

// The kinds of blocks.
const (
	Paragraph Kind = iota
	Heading
	Item
	Rule
	Button
	Quote
)

// Run is text of one look inside a block.
type Run struct {
	Text         string
	Bold, Italic bool
	// Href is where a link leads; empty for plain text.
	Href string
}

// Block is one piece of a mail, from top to bottom.
type Block struct {
	Kind Kind
	// Level is that of a heading (1 to 6) or the depth of a list item (from 1).
	Level int
	// Mark stands before a list item ("•", "2.").
	Mark   string
	Center bool
	Runs   []Run
	// Ground is the background that the block stands on, transparent when there is none; a button has its own.
	Ground color.NRGBA
	// Box is the background that a button stands on.
	Box color.NRGBA
}

var white = color.NRGBA{R: 0xff, G: 0xff, B: 0xff, A: 0xff}

// maxDepth bounds nesting, so that a hostile mail cannot exhaust the stack.
const maxDepth = 200

// Parse reads HTML. Whatever it cannot make sense of is left out; there is always a result.
func Parse(source string) []Block {
	root, err := html.Parse(strings.NewReader(source))
	if err != nil {
		return nil
	}
	p := &parser{}
	p.walk(root, style{}, 0)
	p.flush()
	return p.blocks
}

type style struct {
	bold, italic, center, pre bool
	href                      string
	heading, list             int
	ordered                   bool
	quote                     bool
	// aligned says that center comes from an align attribute, which ends at the next table (HTML, 15.3.3).
	aligned bool
	ground  color.NRGBA
}

type parser struct {
	blocks  []Block
	current Block
	open    bool
	number  []int
}

// begin ends the block that is open and starts another.
func (p *parser) begin(kind Kind, s style) {
	p.flush()
	p.current = Block{Kind: kind, Center: s.center, Level: s.heading, Ground: s.ground}
	if s.quote && kind == Paragraph {
		p.current.Kind = Quote
	}
	p.open = true
}

func (p *parser) flush() {
	if !p.open {
		return
	}
	p.open = false
	runs := p.current.Runs
	for len(runs) > 0 && strings.TrimSpace(runs[len(runs)-1].Text) == "" {
		runs = runs[:len(runs)-1]
	}
	for len(runs) > 0 && strings.TrimSpace(runs[0].Text) == "" {
		runs = runs[1:]
	}
	if len(runs) == 0 && p.current.Kind != Rule {
		return
	}
	if len(runs) > 0 {
		runs[0].Text = strings.TrimLeft(runs[0].Text, " \n")
		runs[len(runs)-1].Text = strings.TrimRight(runs[len(runs)-1].Text, " \n")
	}
	p.current.Runs = runs
	p.blocks = append(p.blocks, p.current)
}

func (p *parser) text(raw string, s style) {
	text := raw
	if !s.pre {
		text = collapse(raw)
	}
	if !p.open {
		if strings.TrimSpace(text) == "" {
			return
		}
		kind := Paragraph
		if s.heading > 0 {
			kind = Heading
		}
		p.begin(kind, s)
	}
	n := len(p.current.Runs)
	if n > 0 && strings.HasPrefix(text, " ") && endsInSpace(p.current.Runs[n-1].Text) {
		text = text[1:]
	}
	if text == "" {
		return
	}
	run := Run{Text: text, Bold: s.bold, Italic: s.italic, Href: s.href}
	if n > 0 {
		last := &p.current.Runs[n-1]
		if last.Bold == run.Bold && last.Italic == run.Italic && last.Href == run.Href {
			last.Text += text
			return
		}
	}
	p.current.Runs = append(p.current.Runs, run)
}

func endsInSpace(s string) bool { return strings.HasSuffix(s, " ") || strings.HasSuffix(s, "\n") }

// collapse turns runs of white space into one blank, as HTML does.
func collapse(s string) string {
	var b strings.Builder
	blank := false
	for _, r := range s {
		if r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f' {
			blank = true
			continue
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		if r != 0x200b && r != 0xfeff && r != 0x200c {
			b.WriteRune(r)
		}
	}
	if blank {
		b.WriteByte(' ')
	}
	return b.String()
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// declarations reads a style attribute into property and value, in lower case.
func declarations(n *html.Node) map[string]string {
	found := map[string]string{}
	for _, d := range strings.Split(attribute(n, "style"), ";") {
		if name, value, ok := strings.Cut(d, ":"); ok {
			found[strings.ToLower(strings.TrimSpace(name))] = strings.ToLower(strings.TrimSpace(value))
		}
	}
	return found
}

func (p *parser) children(n *html.Node, s style, depth int) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		p.walk(c, s, depth+1)
	}
}

func (p *parser) walk(n *html.Node, s style, depth int) {
	if depth > maxDepth {
		return
	}
	if n.Type == html.TextNode {
		p.text(n.Data, s)
		return
	}
	if n.Type != html.ElementNode {
		p.children(n, s, depth)
		return
	}
	css := declarations(n)
	if css["display"] == "none" || css["visibility"] == "hidden" || css["mso-hide"] == "all" {
		return
	}
	if weight := css["font-weight"]; weight == "bold" || weight == "600" || weight == "700" || weight == "800" {
		s.bold = true
	}
	if n.DataAtom == atom.Table && s.aligned {
		s.center, s.aligned = false, false
	}
	switch css["text-align"] {
	case "center":
		s.center, s.aligned = true, false
	case "left", "start":
		s.center, s.aligned = false, false
	case "":
		if align := attribute(n, "align"); align != "" && n.DataAtom != atom.Table {
			s.center, s.aligned = align == "center", align == "center"
		}
	}
	if box, ok := background(css); ok && n.DataAtom != atom.A {
		if box == white {
			box = color.NRGBA{}
		}
		s.ground = box
	}
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Head, atom.Title, atom.Template, atom.Noscript, atom.Iframe, atom.Object, atom.Textarea, atom.Select:
	case atom.Br:
		if p.open {
			p.text("\n", style{bold: s.bold, italic: s.italic, pre: true})
		}
	case atom.Hr:
		p.begin(Rule, s)
		p.flush()
	case atom.Img:
		if alt := attribute(n, "alt"); alt != "" {
			p.text("["+alt+"]", s)
		}
	case atom.B, atom.Strong, atom.Th:
		s.bold = true
		if n.DataAtom == atom.Th {
			p.cell(n, s, depth)
			return
		}
		p.children(n, s, depth)
	case atom.I, atom.Em, atom.Cite:
		s.italic = true
		p.children(n, s, depth)
	case atom.A:
		p.anchor(n, s, css, depth)
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		s.heading = int(n.Data[1] - '0')
		p.begin(Heading, s)
		p.children(n, s, depth)
		p.flush()
	case atom.Ul, atom.Ol:
		p.flush()
		s.list++
		s.ordered = n.DataAtom == atom.Ol
		p.number = append(p.number, 0)
		p.children(n, s, depth)
		p.flush()
		p.number = p.number[:len(p.number)-1]
	case atom.Li:
		p.begin(Item, s)
		p.current.Level, p.current.Mark = max(1, s.list), "•"
		if k := len(p.number); k > 0 {
			p.number[k-1]++
			if s.ordered {
				p.current.Mark = strconv.Itoa(p.number[k-1]) + "."
			}
		}
		p.children(n, s, depth)
		p.flush()
	case atom.Blockquote:
		s.quote = true
		p.flush()
		p.children(n, s, depth)
		p.flush()
	case atom.Pre:
		s.pre = true
		p.flush()
		p.children(n, s, depth)
		p.flush()
	case atom.Td:
		p.cell(n, s, depth)
	case atom.P, atom.Div, atom.Tr, atom.Table, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Main, atom.Center,
		atom.Address, atom.Body, atom.Dl, atom.Dt, atom.Dd, atom.Figure, atom.Figcaption, atom.Form, atom.Fieldset:
		if n.DataAtom == atom.Center {
			s.center = true
		}
		// A paragraph inside a list item goes on in the item's first line.
		if !(p.open && p.current.Kind == Item && len(p.current.Runs) == 0) {
			p.flush()
		}
		p.children(n, s, depth)
		p.flush()
	default:
		p.children(n, s, depth)
	}
}

// cell sets the cells of a row one after another; a row of several short ones stays one line.
func (p *parser) cell(n *html.Node, s style, depth int) {
	several := false
	for o := n.PrevSibling; o != nil; o = o.PrevSibling {
		several = several || o.DataAtom == atom.Td || o.DataAtom == atom.Th
	}
	if several && p.open {
		p.text("\u2003", style{pre: true})
	}
	p.children(n, s, depth)
}

// anchor is a link, or a button when it has a background of its own.
func (p *parser) anchor(n *html.Node, s style, css map[string]string, depth int) {
	href := attribute(n, "href")
	if !safe(href) {
		p.children(n, s, depth)
		return
	}
	s.href = href
	ground, ok := background(css)
	if !ok && n.Parent != nil && n.Parent.DataAtom == atom.Td {
		if ground, ok = background(declarations(n.Parent)); !ok {
			ground, ok = parseColor(attribute(n.Parent, "bgcolor"))
		}
		// A cell in the colour of the page makes no button of its links.
		ok = ok && dark(ground)
	}
	if !ok {
		p.children(n, s, depth)
		return
	}
	p.begin(Button, s)
	p.current.Ground, p.current.Box = ground, s.ground
	p.children(n, s, depth)
	p.flush()
}

func dark(c color.NRGBA) bool { return int(c.R)*299+int(c.G)*587+int(c.B)*114 < 160*1000 }

// safe tells whether a link may be opened: web and mail addresses only.
func safe(href string) bool {
	h := strings.ToLower(strings.TrimSpace(href))
	return strings.HasPrefix(h, "http://") || strings.HasPrefix(h, "https://") || strings.HasPrefix(h, "mailto:") || strings.HasPrefix(h, "#")
}

func background(css map[string]string) (color.NRGBA, bool) {
	if c, ok := parseColor(css["background-color"]); ok {
		return c, true
	}
	for _, word := range strings.Fields(css["background"]) {
		if c, ok := parseColor(word); ok {
			return c, true
		}
	}
	return color.NRGBA{}, false
}

// parseColor reads #rgb and #rrggbb.
func parseColor(s string) (color.NRGBA, bool) {
	s, ok := strings.CutPrefix(strings.TrimSpace(s), "#")
	if !ok {
		return color.NRGBA{}, false
	}
	if len(s) == 3 {
		s = string([]byte{s[0], s[0], s[1], s[1], s[2], s[2]})
	}
	v, err := strconv.ParseUint(s, 16, 32)
	if err != nil || len(s) != 6 {
		return color.NRGBA{}, false
	}
	return color.NRGBA{R: uint8(v >> 16), G: uint8(v >> 8), B: uint8(v), A: 0xff}, true
}
