package message

import (
	"html/template"
	"strconv"
	"strings"
	"text/template/parse"
	"unicode"

	stdhtml "html"

	"golang.org/x/net/html"
)

// A plan is a template whose output is the outline of a mail, from which its plain text is written: so that no mail's
// HTML has to be read for it. It is made once from a template's HTML, whose structure does not depend on the values; a
// template of which that cannot be shown has no plan, and its mails are read (plain). Both ways give the same text.
//
// In the output, what begins with opMark is not text: a letter says what to tell the outline, and some letters have an
// argument up to opEnd. Values cannot hold any of these.
const (
	opMark = '\x01'
	opEnd  = '\x02'
	// opBrace is "{", which would begin an action.
	opBrace = '\x03'

	opTitle   = 't' // argument: its text
	opBreak   = 'b'
	opBreak2  = 'B'
	opBr      = 'n'
	opCell    = 'c'
	opPre     = 'p'
	opPreEnd  = 'P'
	opHead1   = '1'
	opHead2   = '2'
	opHeadEnd = 'h'
	opLink    = 'a' // argument: its address
	opLinkEnd = 'A'
	opUl      = 'u'
	opOl      = 'o' // argument: its first number
	opListEnd = 'L'
	opItem    = 'i'
	opItemEnd = 'I'
	opQuote   = 'q'
	opQuoteEn = 'Q'
)

// follow writes the plain text that a plan's output tells of.
func follow(output string, track func(url string) string) (title, body string) {
	p := &plainWriter{track: track}
	p.out.Grow(len(output))
	output = strings.ReplaceAll(output, string(opBrace), "{")
	for output != "" {
		at := strings.IndexByte(output, opMark)
		if at < 0 {
			p.write(output)
			break
		}
		p.write(output[:at])
		if output = output[at+1:]; output == "" {
			break
		}
		op, arg := output[0], ""
		output = output[1:]
		if op == opTitle || op == opLink || op == opOl {
			arg, output, _ = strings.Cut(output, string(opEnd))
		}
		p.told(op, arg)
	}
	return oneLine(p.heading), p.String()
}

// told does what a mark says.
func (p *plainWriter) told(op byte, arg string) {
	switch op {
	case opTitle:
		p.title(arg)
	case opBreak:
		p.breakLine(1)
	case opBreak2:
		p.breakLine(2)
	case opBr:
		p.br()
	case opCell:
		p.cell()
	case opPre:
		p.pre(true)
	case opPreEnd:
		p.pre(false)
	case opHead1:
		p.underlined(1)
	case opHead2:
		p.underlined(2)
	case opHeadEnd:
		p.endUnderlined()
	case opLink:
		p.link(strings.TrimSpace(arg))
	case opLinkEnd:
		p.endLink()
	case opUl:
		p.list(false, 1)
	case opOl:
		start, _ := strconv.Atoi(arg)
		p.list(true, start)
	case opListEnd:
		p.endList()
	case opItem:
		p.item()
	case opItemEnd:
		p.endItem()
	case opQuote:
		p.quote()
	case opQuoteEn:
		p.endQuote()
	}
}

// planner writes the plan of an HTML template that it is told of. It implements outline. What comes to nothing whatever
// the values are is left out: space in a row, and line ends beside line ends.
type planner struct {
	out strings.Builder
	h   *hidden
	// ends and space are due before what follows.
	ends  int
	space bool
	asIs  bool
}

// due writes what is due.
func (p *planner) due() {
	switch {
	case p.ends > 0:
		p.out.Write([]byte{opMark, []byte{1: opBreak, 2: opBreak2}[p.ends]})
	case p.space:
		p.out.WriteByte(' ')
	}
	p.ends, p.space = 0, false
}

func (p *planner) op(letter byte) {
	p.due()
	p.out.WriteByte(opMark)
	p.out.WriteByte(letter)
}

func (p *planner) opWith(letter byte, arg string) {
	p.op(letter)
	p.h.each(arg, func(text string) {
		for _, r := range text {
			p.character(r)
		}
	}, p.action)
	p.out.WriteByte(opEnd)
}

func (p *planner) write(text string) {
	p.h.each(text, func(text string) {
		for _, r := range text {
			if !p.asIs && unicode.IsSpace(r) && r != '\u00a0' {
				p.space = true
				continue
			}
			p.due()
			p.character(r)
		}
	}, p.action)
}

func (p *planner) character(r rune) {
	switch {
	case r == '{':
		p.out.WriteRune(opBrace)
	case unicode.IsControl(r) && !unicode.IsSpace(r):
	default:
		p.out.WriteRune(r)
	}
}

func (p *planner) action(i int) {
	p.due()
	p.out.WriteString(p.h.actions[i])
}

// comment is where the actions are.
func (p *planner) comment(text string) {
	if at, i, length := p.h.next(text); at == 0 && length == len(text) {
		p.action(i)
	}
}

func (p *planner) breakLine(n int) {
	p.ends, p.space = max(p.ends, n), false
}

func (p *planner) underlined(n int) { p.op([]byte{1: opHead1, 2: opHead2}[n]) }
func (p *planner) title(text string) {
	p.opWith(opTitle, text)
}
func (p *planner) br()              { p.op(opBr) }
func (p *planner) cell()            { p.op(opCell) }
func (p *planner) endUnderlined()   { p.op(opHeadEnd) }
func (p *planner) link(href string) { p.opWith(opLink, href) }
func (p *planner) endLink()         { p.op(opLinkEnd) }
func (p *planner) item()            { p.op(opItem) }
func (p *planner) endItem()         { p.op(opItemEnd) }
func (p *planner) endList()         { p.op(opListEnd) }
func (p *planner) quote()           { p.op(opQuote) }
func (p *planner) endQuote()        { p.op(opQuoteEn) }

func (p *planner) pre(on bool) {
	p.asIs = on
	if on {
		p.op(opPre)
	} else {
		p.op(opPreEnd)
	}
}

func (p *planner) list(ordered bool, start int) {
	if ordered {
		p.opWith(opOl, strconv.Itoa(start))
	} else {
		p.op(opUl)
	}
}

// newPlan returns the plan of an HTML template, nil when it has none.
func newPlan(text string) *parse.Tree {
	h := hide(text)
	h.trim()
	marked, order, ok := h.mark()
	if !ok {
		return nil
	}
	doc, err := html.Parse(strings.NewReader(marked))
	if err != nil {
		return nil
	}
	var found signature
	if !h.inOrder(doc, &found) || found.String() != order {
		return nil
	}
	p := &planner{h: h}
	(&reader{out: p}).children(doc, 0)
	tree := parse.New("m")
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(p.out.String(), "", "", map[string]*parse.Tree{}); err != nil || tree.Root == nil {
		return nil
	}
	f := &finisher{}
	f.list(tree.Root)
	return tree
}

// finisher has every value of a plan go through a function: so that none can be taken for a mark, and an address is
// the one that stands in the HTML.
type finisher struct {
	address string
	within  bool
}

func (f *finisher) list(l *parse.ListNode) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			f.text(string(n.Text))
		case *parse.ActionNode:
			if len(n.Pipe.Decl) == 0 {
				through(n.Pipe, f.function())
			}
		case *parse.IfNode:
			f.list(n.List)
			f.list(n.ElseList)
		case *parse.WithNode:
			f.list(n.List)
			f.list(n.ElseList)
		case *parse.RangeNode:
			f.list(n.List)
			f.list(n.ElseList)
		}
	}
}

func (f *finisher) text(text string) {
	if at := strings.LastIndex(text, string([]byte{opMark, opLink})); at >= 0 {
		f.within, f.address, text = true, "", text[at+2:]
	}
	if strings.ContainsRune(text, opEnd) {
		f.within = false
	}
	f.address += text
}

func (f *finisher) function() string {
	switch {
	case !f.within:
		return "_texto"
	case strings.ContainsAny(f.address, "?#"):
		return "_parametro"
	case strings.TrimSpace(f.address) == "":
		f.address = "x"
		return "_direccion"
	}
	return "_camino"
}

// through has a pipeline end in a function.
func through(p *parse.PipeNode, function string) {
	name := parse.NewIdentifier(function)
	p.Cmds = append(p.Cmds, &parse.CommandNode{NodeType: parse.NodeCommand, Pos: p.Pos, Args: []parse.Node{name}})
}

// planFunctions are those that the values of plans go through.
func planFunctions() map[string]any {
	return map[string]any{
		"_texto": func(v any) string {
			if page, ok := v.(template.HTML); ok { // the policy, of which only the line ends are HTML
				lines := strings.Split(string(page), "<br>")
				for i := range lines {
					lines[i] = unmarked(stdhtml.UnescapeString(lines[i]))
				}
				return strings.Join(lines, string([]byte{opMark, opBr}))
			}
			return unmarked(text(v))
		},
		"_direccion": func(v any) string { return address(filterURL(text(v)), true) },
		"_camino":    func(v any) string { return address(text(v), true) },
		"_parametro": func(v any) string { return address(text(v), false) },
	}
}

// unmarked is a text without what could be taken for a mark.
func unmarked(text string) string {
	if strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0 {
		return text
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == 0:
			return unicode.ReplacementChar
		case unicode.IsControl(r) && !unicode.IsSpace(r):
			return -1
		}
		return r
	}, text)
}

// filterURL and address do to an address what html/template does to one in an href.
func filterURL(url string) string {
	scheme, _, ok := strings.Cut(url, ":")
	if !ok || strings.Contains(scheme, "/") || strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https") ||
		strings.EqualFold(scheme, "mailto") {
		return url
	}
	return "#ZgotmplZ"
}

func address(part string, whole bool) string {
	plain := func(i int) bool {
		c := part[i]
		switch {
		case alphanumeric(rune(c)), strings.IndexByte("-._~", c) >= 0:
			return true
		case c == '%':
			return whole && i+2 < len(part) && isHex(part[i+1]) && isHex(part[i+2])
		}
		return whole && strings.IndexByte("!#$&*+,/:;=?@[]", c) >= 0
	}
	var out strings.Builder
	const digits = "0123456789abcdef"
	for i := range len(part) {
		if plain(i) {
			out.WriteByte(part[i])
		} else {
			out.Write([]byte{'%', digits[part[i]>>4], digits[part[i]&15]})
		}
	}
	return out.String()
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
