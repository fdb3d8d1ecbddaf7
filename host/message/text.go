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
func plain(page string) (title, body string) { return plainTracked(page, nil) }

// plainTracked is plain with the addresses that links become.
func plainTracked(page string, track func(url string) string) (title, body string) {
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil { // only readers fail, and this one cannot
		return "", ""
	}
	p := &plainWriter{track: track}
	(&reader{out: p}).children(doc, 0)
	return oneLine(p.heading), p.String()
}

// outline is told what an HTML mail says, in order: the plain text of it (plainWriter), or the plan of that (planner).
type outline interface {
	title(text string)
	write(text string)
	// breakLine asks for n line ends before what follows; 2 leave a blank line.
	breakLine(n int)
	br()
	// cell begins a cell of a table.
	cell()
	pre(on bool)
	// underlined begins a heading of level 1 or 2, whose end underlines it.
	underlined(level int)
	endUnderlined()
	link(href string)
	endLink()
	list(ordered bool, start int)
	item()
	endItem()
	endList()
	quote()
	endQuote()
	// comment is told what a person does not see.
	comment(text string)
}

// reader walks an HTML document and tells an outline of it.
type reader struct{ out outline }

func (r *reader) children(n *html.Node, depth int) {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		r.node(c, depth+1)
	}
}

// apart tells of the children of a block with so many line ends around it.
func (r *reader) apart(ends int, n *html.Node, depth int) {
	r.out.breakLine(ends)
	r.children(n, depth)
	r.out.breakLine(ends)
}

func (r *reader) node(n *html.Node, depth int) {
	switch {
	case depth > maxDepth:
		return
	case n.Type == html.TextNode:
		r.out.write(n.Data)
		return
	case n.Type == html.CommentNode:
		r.out.comment(n.Data)
		return
	case n.Type != html.ElementNode:
		r.children(n, depth)
		return
	}
	if n.DataAtom == atom.Title {
		r.out.title(content(n))
		return
	}
	if mute(n) {
		return
	}
	switch n.DataAtom {
	case atom.Br:
		r.out.br()
	case atom.Hr:
		r.out.breakLine(2)
		r.out.write(strings.Repeat("-", 40))
		r.out.breakLine(2)
	case atom.H1, atom.H2:
		r.out.underlined(int(n.Data[1] - '0'))
		r.children(n, depth)
		r.out.endUnderlined()
	case atom.A:
		r.out.link(strings.TrimSpace(attr(n, "href")))
		r.children(n, depth)
		r.out.endLink()
	case atom.Img:
		r.out.write(strings.TrimSpace(attr(n, "alt")))
	case atom.Ul, atom.Ol:
		r.items(n, depth)
	case atom.Blockquote:
		r.out.quote()
		r.children(n, depth)
		r.out.endQuote()
	case atom.Pre:
		r.out.breakLine(2)
		r.out.pre(true)
		r.children(n, depth)
		r.out.pre(false)
		r.out.breakLine(2)
	case atom.P, atom.Dl, atom.Figure, atom.Fieldset, atom.Table, atom.H3, atom.H4, atom.H5, atom.H6:
		r.apart(2, n, depth)
	case atom.Td, atom.Th:
		r.out.cell()
		r.children(n, depth)
	case atom.Div, atom.Tr, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Main, atom.Nav, atom.Aside,
		atom.Address, atom.Center, atom.Dt, atom.Dd, atom.Figcaption, atom.Caption, atom.Thead, atom.Tbody, atom.Tfoot, atom.Li:
		r.apart(1, n, depth)
	default:
		r.children(n, depth)
	}
}

// mute reports whether an element and what is in it say nothing.
func mute(n *html.Node) bool {
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Iframe, atom.Svg, atom.Select, atom.Textarea:
		return true
	}
	return unseen(n)
}

func (r *reader) items(n *html.Node, depth int) {
	start, err := strconv.Atoi(attr(n, "start"))
	if err != nil {
		start = 1
	}
	r.out.list(n.DataAtom == atom.Ol, start)
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch {
		case c.DataAtom != atom.Li:
			r.node(c, depth+1)
		case !unseen(c):
			r.out.item()
			r.children(c, depth+1)
			r.out.endItem()
		}
	}
	r.out.endList()
}

// unseen reports whether an element is not meant to be seen.
func unseen(n *html.Node) bool {
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
