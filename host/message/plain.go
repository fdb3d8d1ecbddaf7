package message

import (
	"strconv"
	"strings"
	"unicode"
)

// plainWriter collects text. Spaces and blank lines are asked for, and written once text follows.
type plainWriter struct {
	out strings.Builder
	// heading is the title, which stands apart.
	heading string
	// blank is how many line ends are due before the next text, space how many spaces are.
	blank, space int
	// margins stand before every line: lists and quotes.
	margins []*margin
	// began says that the current line has text.
	began bool
	// column counts the characters of the current line, for underlines.
	column int
	asIs   bool
	// lists, links and headings that are open.
	lists     []*listMargin
	links     []openLink
	underline []openHeading
	// track, when set, is what an address becomes.
	track func(url string) string
}

type listMargin struct {
	ordered bool
	number  int
	gap     int
}

type openLink struct {
	from int
	href string
}

type openHeading struct {
	from int
	line string
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
		if !p.asIs && unicode.IsSpace(r) && r != '\u00a0' {
			p.space = max(p.space, 1)
			continue
		}
		if p.asIs && r == '\n' {
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

func (p *plainWriter) title(text string) {
	if p.heading == "" {
		p.heading = text
	}
}

func (p *plainWriter) comment(string) {}

func (p *plainWriter) br() {
	p.blank++
	p.space = 0
}

// cell keeps short cells of a row in one line; those of a layout hold blocks, which break it themselves.
func (p *plainWriter) cell() { p.space = 2 }

func (p *plainWriter) pre(on bool) { p.asIs = on }

func (p *plainWriter) underlined(level int) {
	p.breakLine(2)
	p.underline = append(p.underline, openHeading{from: p.out.Len(), line: []string{1: "=", 2: "-"}[level]})
}

func (p *plainWriter) endUnderlined() {
	open, rest, ok := pop(p.underline)
	if !ok {
		return
	}
	p.underline = rest
	if p.out.Len() > open.from {
		width := p.column
		p.breakLine(1)
		p.write(strings.Repeat(open.line, min(width, 72)))
	}
	p.breakLine(2)
}

func (p *plainWriter) link(href string) {
	p.links = append(p.links, openLink{from: p.out.Len(), href: href})
}

// endLink writes the address behind its words, unless the words are the address.
func (p *plainWriter) endLink() {
	open, rest, ok := pop(p.links)
	if !ok {
		return
	}
	p.links = rest
	words, href := strings.TrimSpace(p.out.String()[open.from:]), open.href
	switch {
	case href == "" || strings.HasPrefix(href, "#"):
		return
	case words == href || words == strings.TrimPrefix(href, "mailto:") || words == strings.TrimPrefix(href, "tel:"):
		return
	}
	if p.track != nil {
		href = p.track(href)
	}
	if words != "" {
		p.write(": ")
	}
	p.write(href)
}

func (p *plainWriter) list(ordered bool, start int) {
	l := &listMargin{ordered: ordered, number: start, gap: 2}
	if len(p.margins) > 0 {
		l.gap = 1
	}
	p.breakLine(l.gap)
	p.lists = append(p.lists, l)
}

// item puts a bullet or a number before what follows, and what wraps below its text.
func (p *plainWriter) item() {
	bullet := "* "
	if n := len(p.lists); n > 0 && p.lists[n-1].ordered {
		bullet = strconv.Itoa(p.lists[n-1].number) + ". "
		p.lists[n-1].number++
	}
	p.breakLine(1)
	p.margins = append(p.margins, &margin{first: bullet, rest: strings.Repeat(" ", len(bullet))})
}

func (p *plainWriter) endItem() { p.margins = p.margins[:max(len(p.margins)-1, 0)] }

func (p *plainWriter) endList() {
	if l, rest, ok := pop(p.lists); ok {
		p.lists = rest
		p.breakLine(l.gap)
	}
}

func (p *plainWriter) quote() {
	p.breakLine(2)
	p.margins = append(p.margins, &margin{first: "> ", rest: "> "})
}

func (p *plainWriter) endQuote() {
	p.endItem()
	p.breakLine(2)
}

// pop takes the last one off.
func pop[T any](open []T) (last T, rest []T, ok bool) {
	if len(open) == 0 {
		return last, open, false
	}
	return open[len(open)-1], open[:len(open)-1], true
}
