package message

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/vanng822/go-premailer/premailer"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// Bounds of inlining: a sheet of so many rules, times so many tags, would take long to go through.
const (
	maxRules = 500
	maxTags  = 5000
)

// inline writes the rules of a template's <style> into the tags that they are about. What cannot be written there, like
// media queries, stays in the <style>. Each tag's own style goes before its rules'. A template whose style depends on
// values stays as it is, and so does one with too many rules.
func inline(text string) string {
	h := hide(text)
	marked, tags, ok := h.sheets()
	if !ok {
		return text
	}
	styles, rest, ok := rules(marked)
	if !ok {
		return text
	}
	var out strings.Builder
	z := html.NewTokenizer(strings.NewReader(h.text))
	first, within := true, false
	for n := 0; ; {
		kind := z.Next()
		switch {
		case kind == html.ErrorToken:
			return out.String()
		case kind == html.TextToken && within:
			if first {
				out.WriteString("\n" + rest)
				first = false
			}
			continue
		case kind != html.StartTagToken && kind != html.SelfClosingTagToken:
			within = false
			out.WriteString(h.show(string(z.Raw())))
			continue
		}
		raw := string(z.Raw())
		t := z.Token()
		within = t.Data == "style"
		style := styles[n]
		if n++; style == "" || n > tags {
			out.WriteString(h.show(raw))
			continue
		}
		out.WriteString(h.styled(t, style))
	}
}

// styled is a tag with a style added before its own.
func (h *hidden) styled(t html.Token, style string) string {
	for i, a := range t.Attr {
		if a.Key == "style" {
			t.Attr[i].Val = style + ";" + a.Val
			return h.tag(t.Data, t.Attr)
		}
	}
	return h.tag(t.Data, append(t.Attr, html.Attribute{Key: "style", Val: style}))
}

// sheets returns the HTML with its tags numbered and without their own styles. It reports false when there is nothing
// to write into them.
func (h *hidden) sheets() (marked string, tags int, ok bool) {
	var out strings.Builder
	z := html.NewTokenizer(strings.NewReader(h.text))
	css, within := "", false
	for {
		kind := z.Next()
		switch kind {
		case html.ErrorToken:
			return out.String(), tags, strings.TrimSpace(css) != "" && strings.Count(css, "{") <= maxRules && tags <= maxTags
		case html.TextToken:
			raw := string(z.Raw())
			if within {
				if _, names := h.bare(raw); names != nil {
					return "", 0, false
				}
				css += raw
				out.WriteString(raw)
				continue
			}
			// Within tables a text would be put elsewhere, so actions are comments.
			h.each(raw, func(text string) { out.WriteString(text) }, func(i int) { out.WriteString("<!--" + h.name(i) + "-->") })
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			within = t.Data == "style"
			kept := t.Attr[:0:0]
			for _, a := range t.Attr {
				if a.Key != "style" {
					kept = append(kept, a)
				}
			}
			t.Attr = append(kept, html.Attribute{Key: markAttribute, Val: strconv.Itoa(tags)})
			tags++
			out.WriteString(t.String())
		default:
			within = false
			out.Write(z.Raw())
		}
	}
}

// rules returns the style that each numbered tag gets, and what of the sheets cannot be written into tags.
func rules(marked string) (styles map[int]string, rest string, ok bool) {
	// A sheet that the library cannot read costs nothing but its inlining.
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	options := premailer.NewOptions(premailer.WithCssToAttributes(false), premailer.WithKeepBangImportant(false))
	p, err := premailer.NewPremailerFromString(marked, options)
	if err != nil {
		return nil, "", false
	}
	page, err := p.Transform()
	if err != nil {
		return nil, "", false
	}
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return nil, "", false
	}
	styles = map[int]string{}
	for n := range doc.Descendants() {
		if n.DataAtom == atom.Style && attr(n, markAttribute) == "" && n.FirstChild != nil {
			rest += n.FirstChild.Data
			continue
		}
		if style := attr(n, "style"); style != "" {
			if i, err := strconv.Atoi(attr(n, markAttribute)); err == nil {
				styles[i] = style
			}
		}
	}
	if !goodCSS(rest) {
		return nil, "", false
	}
	return styles, rest, true
}

// image is a picture that a mail brings along and shows in its place.
type image struct {
	// id is its Content-ID without angle brackets, kind its media type.
	id, kind string
	content  []byte
}

// embed takes the pictures out of a template's text that it holds in data: URIs, and puts cid: addresses (RFC 2392) in
// their places.
func embed(text string) (without string, images []image) {
	if !strings.Contains(text, "data:image/") {
		return text, nil
	}
	h := hide(text)
	var out strings.Builder
	z := html.NewTokenizer(strings.NewReader(h.text))
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return out.String(), images
		}
		raw := string(z.Raw())
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			out.WriteString(h.show(raw))
			continue
		}
		t := z.Token()
		changed := false
		for i, a := range t.Attr {
			if a.Key != "src" && a.Key != "background" {
				continue
			}
			img, ok := pictureOf(a.Val)
			if !ok {
				continue
			}
			t.Attr[i].Val, changed = "cid:"+img.id, true
			if !has(images, img.id) {
				images = append(images, img)
			}
		}
		if changed {
			raw = h.tag(t.Data, t.Attr)
		} else {
			raw = h.show(raw)
		}
		out.WriteString(raw)
	}
}

func has(images []image, id string) bool {
	for _, img := range images {
		if img.id == id {
			return true
		}
	}
	return false
}

// pictureOf reads a data: URI (RFC 2397) of a picture.
func pictureOf(uri string) (image, bool) {
	uri = strings.TrimSpace(uri)
	if !pictureData.MatchString(uri) {
		return image{}, false
	}
	head, data, _ := strings.Cut(uri, ",")
	content, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(data), ""))
	if err != nil || len(content) == 0 {
		return image{}, false
	}
	kind := strings.TrimSuffix(strings.TrimPrefix(head, "data:"), ";base64")
	sum := sha256.Sum256(content)
	return image{id: hex.EncodeToString(sum[:12]) + "@mostrador", kind: kind, content: content}, true
}
