package message

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxDepth is how deep HTML is followed; what lies deeper is left out of the plain text.
const maxDepth = 200

// plain returns the title and a plain text of an HTML mail, for programs and people that read no HTML:
// paragraphs stand apart, headings are underlined, a link is its words and its address, list items have
// their bullet or number, a table is read cell by cell and row by row. What the HTML hides (a preheader) is
// left out.
func plain(page string) (title, body string) {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil { // only readers fail, and this one cannot
		return "", ""
	}
	p := &plainWriter{}
	p.children(doc, 0)
	return oneLine(p.title), p.String()
}

// plainWriter collects text. Spaces and blank lines are asked for, and written once text follows.
type plainWriter struct {
	out   strings.Builder
	title string
	// blank is how many line ends are due before the next text, space how many spaces are.
	blank, space int
	// margins stand before every line: lists and quotes.
	margins []*margin
	// began says that the current line has text.
	began bool
	// column counts the characters of the current line, for underlines.
	column int
	pre    bool
}

// margin is what stands before the first line of a block, and before its others.
type margin struct{ first, rest string }

// String returns the text with one line end at its end.
func (p *plainWriter) String() string {
	text := strings.TrimSpace(p.out.String())
	if text == "" {
		return ""
	}
	return text + "\n"
}

// breakLine asks for n line ends before what follows; 2 leave a blank line.
func (p *plainWriter) breakLine(n int) {
	p.blank = max(p.blank, n)
	p.space = 0
}

func (p *plainWriter) write(text string) {
	for _, r := range text {
		if !p.pre && unicode.IsSpace(r) && r != '\u00a0' {
			p.space = max(p.space, 1)
			continue
		}
		if p.pre && r == '\n' {
			p.blank++
			continue
		}
		if invisible(r) {
			continue
		}
		p.rune(r)
	}
}

// rune writes one character and what was due before it.
func (p *plainWriter) rune(r rune) {
	if r == '\u00a0' {
		r = ' '
	}
	if p.blank > 0 && p.out.Len() > 0 {
		p.out.WriteString(strings.Repeat("\n", p.blank))
		p.began, p.column = false, 0
	}
	p.blank = 0
	if !p.began {
		for _, m := range p.margins {
			p.out.WriteString(m.first)
			m.first = m.rest
		}
		p.began, p.space = true, 0
	}
	if p.space > 0 && p.column > 0 {
		p.out.WriteString("  "[:p.space])
		p.column += p.space
	}
	p.space = 0
	p.out.WriteRune(r)
	p.column++
}

// invisible characters are what preheaders are padded with, and what could change how a text reads.
func invisible(r rune) bool {
	switch r {
	case '\u00ad', '\u034f', '\u200b', '\u2007', '\u2028', '\u2029', '\u2060', '\ufeff':
		return true
	}
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' || unicode.IsControl(r) && r != '\t'
}

func (p *plainWriter) children(n *html.Node, depth int) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		p.node(c, depth+1)
	}
}

// within writes the children of a node behind a margin.
func (p *plainWriter) within(m *margin, n *html.Node, depth int) {
	p.margins = append(p.margins, m)
	p.children(n, depth)
	p.margins = p.margins[:len(p.margins)-1]
}

func (p *plainWriter) node(n *html.Node, depth int) {
	switch {
	case depth > maxDepth:
		return
	case n.Type == html.TextNode:
		p.write(n.Data)
		return
	case n.Type != html.ElementNode:
		p.children(n, depth)
		return
	}
	if n.DataAtom == atom.Title {
		if p.title == "" {
			p.title = content(n)
		}
		return
	}
	if hidden(n) {
		return
	}
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Iframe, atom.Svg, atom.Select, atom.Textarea:
	case atom.Br:
		p.blank++
		p.space = 0
	case atom.Hr:
		p.breakLine(2)
		p.write(strings.Repeat("-", 40))
		p.breakLine(2)
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		p.heading(n, depth)
	case atom.A:
		p.link(n, depth)
	case atom.Img:
		if alt := strings.TrimSpace(attr(n, "alt")); alt != "" {
			p.write(alt)
		}
	case atom.Ul, atom.Ol:
		p.items(n, depth)
	case atom.Li:
		p.breakLine(1)
		p.children(n, depth)
		p.breakLine(1)
	case atom.Blockquote:
		p.breakLine(2)
		p.within(&margin{first: "> ", rest: "> "}, n, depth)
		p.breakLine(2)
	case atom.Pre:
		p.breakLine(2)
		p.pre = true
		p.children(n, depth)
		p.pre = false
		p.breakLine(2)
	case atom.P, atom.Dl, atom.Figure, atom.Fieldset:
		p.breakLine(2)
		p.children(n, depth)
		p.breakLine(2)
	case atom.Table:
		p.breakLine(2)
		p.children(n, depth)
		p.breakLine(2)
	case atom.Td, atom.Th:
		// Short cells of a row stand in one line; those of a layout hold blocks, which break it themselves.
		p.space = 2
		p.children(n, depth)
	case atom.Div, atom.Tr, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Main, atom.Nav, atom.Aside,
		atom.Address, atom.Center, atom.Dt, atom.Dd, atom.Figcaption, atom.Caption, atom.Thead, atom.Tbody, atom.Tfoot:
		p.breakLine(1)
		p.children(n, depth)
		p.breakLine(1)
	default:
		p.children(n, depth)
	}
}

// heading underlines the two greatest.
func (p *plainWriter) heading(n *html.Node, depth int) {
	p.breakLine(2)
	before := p.out.Len()
	p.children(n, depth)
	wrote := p.out.Len() > before
	line := map[atom.Atom]string{atom.H1: "=", atom.H2: "-"}[n.DataAtom]
	if wrote && line != "" {
		width := p.column
		p.breakLine(1)
		p.write(strings.Repeat(line, min(width, 72)))
	}
	p.breakLine(2)
}

// link writes its words and then its address, unless the words are the address.
func (p *plainWriter) link(n *html.Node, depth int) {
	before := p.out.Len()
	p.children(n, depth)
	words := strings.TrimSpace(p.out.String()[before:])
	href := strings.TrimSpace(attr(n, "href"))
	switch {
	case href == "" || strings.HasPrefix(href, "#"):
		return
	case words == href || words == strings.TrimPrefix(href, "mailto:") || words == strings.TrimPrefix(href, "tel:"):
		return
	case words == "":
		p.write(href)
	default:
		p.write(": ")
		p.write(href)
	}
}

// items writes a list: a bullet or a number before each item, and what wraps stands below its text.
func (p *plainWriter) items(n *html.Node, depth int) {
	gap := 2
	if len(p.margins) > 0 {
		gap = 1
	}
	p.breakLine(gap)
	number := 1
	if start, err := strconv.Atoi(attr(n, "start")); err == nil {
		number = start
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.DataAtom != atom.Li {
			p.node(c, depth+1)
			continue
		}
		if hidden(c) {
			continue
		}
		bullet := "* "
		if n.DataAtom == atom.Ol {
			bullet = strconv.Itoa(number) + ". "
			number++
		}
		p.breakLine(1)
		p.within(&margin{first: bullet, rest: strings.Repeat(" ", len(bullet))}, c, depth+1)
	}
	p.breakLine(gap)
}

// hidden reports whether an element is not meant to be seen.
func hidden(n *html.Node) bool {
	for _, a := range n.Attr {
		switch a.Key {
		case "hidden":
			return true
		case "aria-hidden":
			if n.DataAtom != atom.Img && strings.EqualFold(a.Val, "true") {
				return true
			}
		case "style":
			style := strings.ToLower(strings.Join(strings.Fields(a.Val), ""))
			if strings.Contains(style, "display:none") || strings.Contains(style, "visibility:hidden") ||
				strings.Contains(style, "mso-hide:all") {
				return true
			}
		}
	}
	return false
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// content is all text within an element.
func content(n *html.Node) string {
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// oneLine makes one line of a text, without characters that headers must not hold.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == unicode.ReplacementChar, unicode.IsControl(r), invisible(r):
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}
