package message

import (
	"regexp"
	"strings"

	"golang.org/x/net/html"
)

// Sanitize takes out of a template's HTML what no mail needs and what could do something where it is shown: scripts,
// event handlers, forms, frames, embedded documents, drawings that are programs (svg), refreshes, styles from elsewhere
// and addresses that are none of the web, of mail or of a telephone. What is allowed stays as it was typed, the
// actions of the template too.
func Sanitize(template string) string {
	clean, _ := sanitize(hide(template))
	return clean
}

// SanitizePage is Sanitize for a mail that is rendered, in which "{{" is text.
func SanitizePage(page string) string {
	clean, _ := sanitize(&hidden{text: page, prefix: "\x00"})
	return clean
}

// elements are those that mails may hold.
var elements = words(`a abbr address area article aside b bdi bdo big blockquote body br caption center cite code col
	colgroup dd del dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 head header hr html i img ins kbd li main
	map mark meta nav ol p pre q s samp section small span strike strong style sub sup table tbody td tfoot th thead time title
	tr tt u ul var wbr`)

// whole are the elements that go with all that is in them; of others that are not allowed the content stays.
var whole = words(`applet audio canvas dialog frameset iframe math noembed noframes noscript object plaintext script select svg
	template textarea video xmp`)

var attributes = words(`abbr align alt background bgcolor border cellpadding cellspacing charset cite class clear color cols
	colspan compact content coords datetime dir face headers height hidden href hspace id lang media name nowrap rel role
	rowspan rules scope shape size span src start style summary target title type usemap valign value vspace width xmlns`)

func words(list string) map[string]bool {
	all := map[string]bool{}
	for _, word := range strings.Fields(list) {
		all[word] = true
	}
	return all
}

// sanitizer goes through the tokens of an HTML text.
type sanitizer struct {
	h       *hidden
	out     strings.Builder
	line    int
	removed Faults
	// skipping is the element that goes with what is in it, and depth how many of it are open.
	skipping string
	depth    int
	// style says that what follows is the content of a <style>.
	style bool
}

// sanitize returns the clean text, and what was taken out of it as warnings.
func sanitize(h *hidden) (clean string, removed Faults) {
	s := &sanitizer{h: h, line: 1}
	s.out.Grow(len(h.text))
	z := html.NewTokenizer(strings.NewReader(h.text))
	for {
		kind := z.Next()
		raw := string(z.Raw())
		if kind == html.ErrorToken {
			// What follows the last whole token is the beginning of one.
			return s.out.String(), s.removed
		}
		if s.skipping != "" {
			s.skip(kind, z)
		} else {
			s.token(kind, z, raw)
		}
		s.line += strings.Count(raw, "\n")
		h.each(raw, func(string) {}, func(i int) { s.line += strings.Count(h.actions[i], "\n") })
	}
}

func (s *sanitizer) remove(what string) {
	f := Fault{Line: s.line, Code: "template_active", What: s.h.show(what), Warning: true}
	if len(s.removed) < maxFaults {
		s.removed = append(s.removed, f)
	}
}

func (s *sanitizer) keep(raw string) { s.out.WriteString(s.h.show(raw)) }

func (s *sanitizer) skip(kind html.TokenType, z *html.Tokenizer) {
	if kind != html.StartTagToken && kind != html.EndTagToken {
		return
	}
	name, _ := z.TagName()
	if string(name) != s.skipping {
		return
	}
	if kind == html.StartTagToken {
		s.depth++
	} else if s.depth--; s.depth == 0 {
		s.skipping = ""
	}
}

func (s *sanitizer) token(kind html.TokenType, z *html.Tokenizer, raw string) {
	switch kind {
	case html.TextToken:
		if s.style {
			raw = s.css(raw)
		}
		s.keep(raw)
	case html.DoctypeToken:
		s.keep(raw)
	case html.CommentToken:
		inner := strings.TrimSuffix(strings.TrimPrefix(raw, "<!--"), "-->")
		_, names := s.h.bare(raw)
		if len(inner)+7 == len(raw) && names == nil && !strings.Contains(inner, "--") && !strings.HasPrefix(inner, ">") &&
			!strings.HasPrefix(inner, "->") && !strings.HasSuffix(inner, "-") && !strings.HasSuffix(inner, "<!") {
			s.keep(raw)
		}
	case html.EndTagToken:
		s.style = false
		if t := z.Token(); elements[t.Data] {
			s.out.WriteString("</" + t.Data + ">")
		}
	case html.StartTagToken, html.SelfClosingTagToken:
		s.tag(kind, z.Token(), raw)
	}
}

func (s *sanitizer) tag(kind html.TokenType, t html.Token, raw string) {
	if !elements[t.Data] || t.Data == "meta" && !goodMeta(t) {
		s.remove("<" + t.Data + ">")
		if whole[t.Data] && kind == html.StartTagToken {
			s.skipping, s.depth = t.Data, 1
		}
		return
	}
	s.style = t.Data == "style" && kind == html.StartTagToken
	kept := t.Attr[:0:0]
	changed := false
	for _, a := range t.Attr {
		switch good, value := s.attribute(t.Data, a); {
		case good:
			changed = changed || value != a.Val
			kept = append(kept, html.Attribute{Key: a.Key, Val: value})
		default:
			changed = true
			s.remove(a.Key)
			// Its conditions stay, of which others may be the end.
			if _, names := s.h.bare(a.Key); names != nil {
				var conditions string
				for _, i := range names {
					conditions += s.h.name(i)
				}
				kept = append(kept, html.Attribute{Key: conditions})
			}
		}
	}
	if !changed {
		s.keep(raw)
		return
	}
	s.write(t.Data, kept)
}

// write writes a start tag.
func (s *sanitizer) write(name string, attributes []html.Attribute) {
	s.out.WriteString(s.h.tag(name, attributes))
}

// tag spells a start tag, with its actions.
func (h *hidden) tag(name string, attributes []html.Attribute) string {
	var out strings.Builder
	out.WriteString("<" + name)
	for _, a := range attributes {
		out.WriteString(" " + h.show(a.Key))
		if _, names := h.bare(a.Key); a.Val == "" && names != nil {
			continue // conditions
		}
		out.WriteString(`="`)
		h.each(a.Val, func(text string) { out.WriteString(html.EscapeString(text)) }, func(i int) { out.WriteString(h.actions[i]) })
		out.WriteString(`"`)
	}
	out.WriteString(">")
	return out.String()
}

// goodMeta tells what a mail says of itself from what makes a browser go somewhere.
func goodMeta(t html.Token) bool {
	for _, a := range t.Attr {
		if a.Key == "http-equiv" {
			switch strings.ToLower(strings.TrimSpace(a.Val)) {
			case "content-type", "x-ua-compatible", "content-language":
			default:
				return false
			}
		}
	}
	return true
}

// attribute reports whether an attribute may stay, and with what value.
func (s *sanitizer) attribute(tag string, a html.Attribute) (good bool, value string) {
	key, _ := s.h.bare(a.Key)
	if key == "" {
		return true, a.Val // conditions
	}
	if !attributes[key] && (key != "http-equiv" || tag != "meta") && !strings.HasPrefix(key, "aria-") && !strings.HasPrefix(key, "data-") {
		return false, ""
	}
	switch key {
	case "href", "src", "background", "cite":
		return s.address(a.Val, key == "src" || key == "background"), a.Val
	case "style":
		return goodCSS(s.h.without(a.Val)), a.Val
	}
	return true, a.Val
}

var schemes = words("http https mailto tel sms cid")

var pictureData = regexp.MustCompile(`^data:image/(png|jpeg|jpg|gif|webp);base64,[A-Za-z0-9+/=\s]*$`)

// address reports whether an address leads to the web, to mail or to a telephone, whatever its actions give.
func (s *sanitizer) address(value string, picture bool) bool {
	if picture && pictureData.MatchString(strings.TrimSpace(value)) {
		return true
	}
	first, good := true, true
	rooted := false
	s.h.each(value, func(text string) {
		// Browsers skip control characters and line ends within addresses.
		text = strings.ToLower(strings.Map(func(r rune) rune {
			if r <= ' ' || r == 0x7f {
				return -1
			}
			return r
		}, text))
		if first {
			rooted = strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "https://")
			first = false
		}
		scheme, _, found := strings.Cut(text, ":")
		if found && !rooted && !strings.ContainsAny(scheme, "/?#") && !schemes[scheme] {
			good = false
		}
	}, func(int) {})
	return good
}

// without is a text without its actions, with a space for each.
func (h *hidden) without(s string) string {
	var out strings.Builder
	h.each(s, func(text string) { out.WriteString(text) }, func(int) { out.WriteByte(' ') })
	return out.String()
}

var imports = regexp.MustCompile(`(?i)@import\b[^;{}]*;?`)

// css is the content of a <style> as it may stay.
func (s *sanitizer) css(text string) string {
	clean := imports.ReplaceAllString(text, "")
	if clean != text {
		s.remove("@import")
	}
	if !goodCSS(s.h.without(clean)) {
		s.remove("<style>")
		return ""
	}
	return clean
}

var (
	cssComment = regexp.MustCompile(`(?s)/\*.*?(\*/|$)`)
	cssEscape  = regexp.MustCompile(`\\[0-9a-fA-F]{1,6}\s?|\\`)
	cssURL     = regexp.MustCompile(`url\(["']?([a-z0-9+.\-]*:)?`)
)

// goodCSS reports whether rules or declarations load nothing but pictures and run nothing.
func goodCSS(text string) bool {
	if cssEscape.MatchString(text) && !harmlessEscapes(text) {
		return false
	}
	text = strings.ToLower(strings.Join(strings.Fields(cssComment.ReplaceAllString(text, "")), ""))
	for _, bad := range []string{"@import", "expression(", "javascript:", "vbscript:", "behavior:", "behaviour:", "-moz-binding", "</"} {
		if strings.Contains(text, bad) {
			return false
		}
	}
	for _, found := range cssURL.FindAllStringSubmatch(text, -1) {
		switch found[1] {
		case "", "http:", "https:", "cid:":
		case "data:":
			at := strings.Index(text, found[0])
			if at < 0 || !strings.HasPrefix(text[at+len(found[0]):], "image/") || strings.HasPrefix(text[at+len(found[0]):], "image/svg") {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// harmlessEscapes reports whether all that is escaped in CSS is no letter, as in class names like ".md\:half".
func harmlessEscapes(text string) bool {
	for _, escaped := range cssEscape.FindAllString(text, -1) {
		if len(escaped) > 1 {
			return false
		}
	}
	return true
}
