package message

import (
	"strconv"
	"strings"
	"unicode"

	stdhtml "html"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Whether the structure of a template's HTML is the same whatever its values are, which a plan needs: every branch
// opens and closes the same elements, nothing is hidden by a value, and a parser leaves all in its order.

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
