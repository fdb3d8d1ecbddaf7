package message

import (
	"html/template"
	"strconv"
	"strings"
	"text/template/parse"
	"unicode"

	stdhtml "html"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// A plan is a template whose output is the outline of a mail, from which its plain text is written: so that no mail's
// HTML has to be read for it. It is made once from a template's HTML, whose structure does not depend on the values; a
// template of which that cannot be shown has no plan, and its mails are read (plain). Both ways give the same text.
//
// In the output, what begins with opMark is not text: a letter says what to tell the outline, and some letters have an
// argument up to opEnd. Values cannot hold either.
const (
	opMark = '\x01'
	opEnd  = '\x02'

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

// planner writes the plan of an HTML template that it is told of. It implements outline.
type planner struct {
	out strings.Builder
	h   *hidden
}

func (p *planner) op(letter byte) {
	p.out.WriteByte(opMark)
	p.out.WriteByte(letter)
}

func (p *planner) opWith(letter byte, arg string) {
	p.op(letter)
	p.write(arg)
	p.out.WriteByte(opEnd)
}

func (p *planner) write(text string) {
	p.h.each(text, func(text string) {
		for _, r := range text {
			switch {
			case r == '{':
				p.out.WriteString(`{{"{"}}`)
			case unicode.IsControl(r) && !unicode.IsSpace(r):
			default:
				p.out.WriteRune(r)
			}
		}
	}, func(i int) { p.out.WriteString(p.h.actions[i]) })
}

// comment is where the actions are.
func (p *planner) comment(text string) {
	if at, i, length := p.h.next(text); at == 0 && length == len(text) {
		p.out.WriteString(p.h.actions[i])
	}
}

func (p *planner) breakLine(n int)  { p.op([]byte{1: opBreak, 2: opBreak2}[n]) }
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

// trim does what the marks for cutting space off ("{{- " and " -}}") ask for, and takes them away.
func (h *hidden) trim() {
	var out []byte
	cut := false
	const space = " \t\r\n"
	h.each(h.text, func(text string) {
		if cut {
			text = strings.TrimLeft(text, space)
		}
		cut = false
		out = append(out, text...)
	}, func(i int) {
		a := h.actions[i]
		if len(a) > 5 && strings.HasPrefix(a, "{{-") && strings.IndexByte(space, a[3]) >= 0 {
			a = "{{" + strings.TrimLeft(a[3:], space)
			for len(out) > 0 && strings.IndexByte(space, out[len(out)-1]) >= 0 {
				out = out[:len(out)-1]
			}
		}
		if n := len(a); n > 5 && strings.HasSuffix(a, "-}}") && strings.IndexByte(space, a[n-4]) >= 0 {
			a, cut = strings.TrimRight(a[:n-3], space)+"}}", true
		}
		h.actions[i] = a
		out = append(out, h.name(i)...)
	})
	h.text = string(out)
}

// signature is what an HTML text consists of, in order: to be compared with what a parser makes of it.
type signature struct{ strings.Builder }

func (s *signature) text(text string) {
	for _, r := range text {
		if !unicode.IsSpace(r) {
			s.WriteRune(r)
		}
	}
}

const markAttribute = "data-mostrador-n"

// rawText reports the elements whose content is no HTML.
func rawText(tag string) bool {
	switch tag {
	case "iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "title", "textarea", "xmp":
		return true
	}
	return false
}

func void(tag string) bool {
	switch tag {
	case "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr":
		return true
	}
	return false
}

// mark returns the HTML with its actions as comments and its tags numbered. It reports false for a template whose
// HTML might have another structure with other values.
func (h *hidden) mark() (marked, order string, ok bool) {
	if strings.ContainsRune(h.text, 0) {
		return "", "", false
	}
	b := &branches{h: h}
	var out strings.Builder
	var sign signature
	z := html.NewTokenizer(strings.NewReader(h.text))
	within := ""
	for n := 0; ; n++ {
		switch z.Next() {
		case html.ErrorToken:
			return out.String(), sign.String(), b.whole()
		case html.TextToken:
			if rawText(within) {
				out.Write(z.Raw())
				if within != "title" && !b.dropped(string(z.Raw())) {
					return "", "", false
				}
				continue
			}
			h.each(string(z.Raw()), func(text string) {
				out.WriteString(text)
				sign.text(stdhtml.UnescapeString(text))
			}, func(i int) {
				b.action(h.kind(i))
				out.WriteString("<!--" + h.name(i) + "-->")
				sign.WriteString("\x01" + strconv.Itoa(i) + ";")
			})
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			if !h.fixed(t) || !b.attributes(t) {
				return "", "", false
			}
			within = t.Data
			b.open(t.Data)
			t.Attr = append(t.Attr, html.Attribute{Key: markAttribute, Val: strconv.Itoa(n)})
			out.WriteString(t.String())
			sign.WriteString("\x02" + strconv.Itoa(n) + ";")
		case html.EndTagToken:
			t := z.Token()
			if _, names := h.bare(t.Data); names != nil {
				return "", "", false
			}
			within = ""
			b.close(t.Data)
			out.WriteString(t.String())
		case html.CommentToken:
			if !b.dropped(string(z.Raw())) {
				return "", "", false
			}
		default:
			out.Write(z.Raw())
		}
	}
}

// fixed reports whether what a tag means to the plain text does not depend on values, but for words and addresses.
func (h *hidden) fixed(t html.Token) bool {
	if _, names := h.bare(t.Data); names != nil {
		return false
	}
	for _, a := range t.Attr {
		if _, names := h.bare(a.Key); names != nil {
			return false
		}
		_, names := h.bare(a.Val)
		if names == nil {
			continue
		}
		switch a.Key {
		case "hidden", "aria-hidden", "style", "start":
			return false
		case "href":
			for _, i := range names {
				if h.kind(i) != actionOutput {
					return false
				}
			}
		}
	}
	return true
}

// branches watches whether every branch of a template opens and closes the same elements.
type branches struct {
	h       *hidden
	stack   []string
	floors  []int
	broken  bool // at some place
	control bool // there are branches
}

func (b *branches) floor() int {
	if len(b.floors) == 0 {
		return 0
	}
	return b.floors[len(b.floors)-1]
}

func (b *branches) open(tag string) {
	if !void(tag) {
		b.stack = append(b.stack, tag)
	}
}

func (b *branches) close(tag string) {
	n := len(b.stack)
	if n == b.floor() || b.stack[n-1] != tag {
		b.broken = true
		return
	}
	b.stack = b.stack[:n-1]
}

func (b *branches) action(kind actionKind) {
	switch kind {
	case actionOpen:
		b.control = true
		b.floors = append(b.floors, len(b.stack))
	case actionElse, actionEnd:
		if len(b.floors) == 0 || len(b.stack) != b.floor() {
			b.broken = true
		}
		if kind == actionEnd && len(b.floors) > 0 {
			b.floors = b.floors[:len(b.floors)-1]
		}
	case actionJump:
		b.control, b.broken = true, true
	}
}

func (b *branches) whole() bool { return !b.control || !b.broken && len(b.floors) == 0 }

// dropped reports whether the actions of a text can be left out.
func (b *branches) dropped(text string) bool {
	_, names := b.h.bare(text)
	depth := 0
	for _, i := range names {
		switch b.h.kind(i) {
		case actionOpen:
			depth++
		case actionElse, actionEnd:
			if depth == 0 {
				return false
			}
			if b.h.kind(i) == actionEnd {
				depth--
			}
		case actionJump, actionSilent:
			return false
		}
	}
	return depth == 0
}

func (b *branches) attributes(t html.Token) bool {
	for _, a := range t.Attr {
		if !b.dropped(a.Val) {
			return false
		}
	}
	return true
}

// inOrder writes what a document consists of, in its order, and reports false when there is a value where HTML allows
// no text.
func (h *hidden) inOrder(n *html.Node, sign *signature) bool {
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		switch c.Type {
		case html.TextNode:
			if !rawText(n.Data) {
				sign.text(c.Data)
			}
		case html.CommentNode:
			at, i, _ := h.next(c.Data)
			if at < 0 {
				continue
			}
			if h.kind(i) == actionOutput {
				switch n.DataAtom {
				case 0, atom.Html, atom.Head, atom.Table, atom.Tbody, atom.Thead, atom.Tfoot, atom.Tr, atom.Colgroup, atom.Select,
					atom.Pre, atom.Frameset, atom.Listing:
					return false
				}
			}
			sign.WriteString("\x01" + strconv.Itoa(i) + ";")
		case html.ElementNode:
			if mark := attr(c, markAttribute); mark != "" {
				sign.WriteString("\x02" + mark + ";")
			}
			if !h.inOrder(c, sign) {
				return false
			}
		}
	}
	return true
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
