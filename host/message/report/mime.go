package report

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
)

// Bounds of what is read of one mail.
const (
	maxMail   = 4 << 20  // bytes; what follows is not looked at
	maxText   = 64 << 10 // bytes of text of one part, decoded
	maxDepth  = 8        // of parts within parts
	maxParts  = 100
	maxFields = 1000
	maxField  = 16 << 10 // bytes of one field
)

// mail is one mail taken apart. What it carries as message/rfc822 stays a leaf.
type mail struct {
	*part
	// originalID is the Message-ID that a report names without bringing the mail along.
	originalID string
	// returned is what a bounce in words quotes of the mail that came back.
	returned header
	words    *string // ownText, once read
	// told and sections are what a delivery status says in words beside its fields, once they are split.
	split    bool
	told     string
	sections []section
}

// part is one MIME part (RFC 2045), still encoded.
type part struct {
	header   header
	body     []byte
	kind     string // media type in lower case
	params   map[string]string
	children []*part
}

// read takes a mail apart as far as it can be; there is always a result.
func read(eml []byte) *mail {
	eml = eml[:min(len(eml), maxMail)]
	if bytes.HasPrefix(eml, []byte("From ")) { // the envelope line of an mbox
		if i := bytes.IndexByte(eml, '\n'); i >= 0 {
			eml = eml[i+1:]
		}
	}
	budget := maxParts
	return &mail{part: readPart(eml, "text/plain", 0, &budget)}
}

func readPart(raw []byte, usual string, depth int, budget *int) *part {
	p := &part{}
	p.header, p.body = readHeader(raw)
	p.kind, p.params = mediaType(p.header.get("content-type"))
	if p.kind == "" {
		p.kind = usual
	}
	boundary := p.params["boundary"]
	if !strings.HasPrefix(p.kind, "multipart/") || boundary == "" || depth >= maxDepth {
		return p
	}
	usual = "text/plain"
	if p.kind == "multipart/digest" {
		usual = "message/rfc822"
	}
	for _, section := range split(p.body, boundary, *budget) {
		if *budget <= 0 {
			break
		}
		*budget--
		p.children = append(p.children, readPart(section, usual, depth+1, budget))
	}
	return p
}

// split cuts a multipart body at its boundary (RFC 2046 5.1.1). A missing end is forgiven.
func split(body []byte, boundary string, limit int) [][]byte {
	delimiter := []byte("--" + boundary)
	var sections [][]byte
	begin := -1
	for at := 0; at < len(body) && len(sections) < limit; {
		i := bytes.Index(body[at:], delimiter)
		if i < 0 {
			break
		}
		i += at
		at = i + len(delimiter)
		if i > 0 && body[i-1] != '\n' {
			continue
		}
		rest := body[at:]
		end := bytes.IndexByte(rest, '\n')
		line := rest
		if end >= 0 {
			line = rest[:end]
		}
		last := bytes.HasPrefix(line, []byte("--"))
		if !last && len(bytes.TrimSpace(line)) > 0 {
			continue // a longer boundary
		}
		if begin >= 0 {
			sections = append(sections, body[begin:i])
		}
		begin = -1
		if last || end < 0 {
			return sections
		}
		at += end + 1
		begin = at
	}
	if begin >= 0 && len(sections) < limit {
		sections = append(sections, body[begin:])
	}
	return sections
}

// mediaType reads a Content-Type, also one that breaks the grammar.
func mediaType(value string) (kind string, params map[string]string) {
	if value == "" {
		return "", nil
	}
	kind, params, err := mime.ParseMediaType(value)
	if err == nil {
		return kind, params
	}
	kind, rest, _ := strings.Cut(value, ";")
	params = map[string]string{}
	for _, piece := range strings.Split(rest, ";") {
		name, v, ok := strings.Cut(piece, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := params[name]; ok && !twice {
			params[name] = strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return strings.ToLower(strings.TrimSpace(kind)), params
}

// decoded returns a part's content without its transfer encoding, as far as it is sound and at most limit bytes.
func (p *part) decoded(limit int) []byte {
	switch strings.ToLower(strings.TrimSpace(p.header.get("content-transfer-encoding"))) {
	case "base64":
		return decodeBase64(p.body, limit)
	case "quoted-printable":
		body := p.body[:min(len(p.body), 3*limit)]
		var out bytes.Buffer
		// What follows an error is left out.
		_, _ = io.Copy(&out, io.LimitReader(quotedprintable.NewReader(bytes.NewReader(body)), int64(limit)))
		return out.Bytes()
	}
	return p.body[:min(len(p.body), limit)]
}

func decodeBase64(body []byte, limit int) []byte {
	clean := make([]byte, 0, min(len(body), limit*4/3+8))
	for _, c := range body {
		switch {
		case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '+', c == '/':
			clean = append(clean, c)
		}
		if len(clean) >= limit*4/3 {
			break
		}
	}
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(clean)))
	n, _ := base64.RawStdEncoding.Decode(out, clean)
	return out[:n]
}

// text returns a part's content as UTF-8.
func (p *part) text() string {
	text := toUTF8(p.decoded(maxText), p.params["charset"])
	if p.kind == "text/html" {
		text = strip(text)
	}
	return text
}

// toUTF8 reads bytes of a charset. One that is unknown or plainly wrong is taken for windows-1252, which has a sign for
// every byte.
func toUTF8(b []byte, charset string) string {
	charset = strings.ToLower(strings.TrimSpace(charset))
	switch charset {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
		if utf8.Valid(b) {
			return string(b)
		}
		if cut := trimRune(b); utf8.Valid(cut) {
			return string(cut)
		}
	default:
		if encoding, err := htmlindex.Get(charset); err == nil {
			if out, err := encoding.NewDecoder().Bytes(b); err == nil {
				return string(out)
			}
		}
	}
	out, err := charmap.Windows1252.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "?")
	}
	return string(out)
}

// trimRune cuts a character that a bound has cut through.
func trimRune(b []byte) []byte {
	for i := 1; i <= 3 && i <= len(b); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			return b[:len(b)-i]
		}
	}
	return b
}

// walk visits the leaves that are the mail's own, not those of mails that it carries.
func (p *part) walk(visit func(*part) bool) bool {
	if len(p.children) == 0 {
		return visit(p)
	}
	for _, child := range p.children {
		if !child.walk(visit) {
			return false
		}
	}
	return true
}

// leaf returns the first own part of one of these media types.
func (p *part) leaf(kinds ...string) *part {
	var found *part
	p.walk(func(leaf *part) bool {
		for _, kind := range kinds {
			if leaf.kind == kind {
				found = leaf
				return false
			}
		}
		return true
	})
	return found
}

// ownText is what the mail itself says: its plain texts or, where there is none, its HTML without tags.
func (m *mail) ownText() string {
	if m.words != nil {
		return *m.words
	}
	var plain, page strings.Builder
	m.walk(func(leaf *part) bool {
		attached := strings.HasPrefix(strings.ToLower(leaf.header.get("content-disposition")), "attachment")
		switch {
		case attached:
		case leaf.kind == "text/html" && page.Len() < maxText:
			page.WriteString(leaf.text() + "\n")
		case (leaf.kind == "text/plain" || leaf.kind == "text" || len(m.children) == 0) && plain.Len() < maxText:
			plain.WriteString(leaf.text() + "\n")
		}
		return true
	})
	text := plain.String()
	if strings.TrimSpace(text) == "" {
		text = page.String()
	}
	m.words = &text
	return text
}

// original is the header of the mail that came back, as far as it was brought along.
func (m *mail) original() header {
	if m.returned != nil {
		return m.returned
	}
	m.returned = header{}
	if len(m.children) == 0 && !strings.HasPrefix(m.kind, "message/") {
		return m.returned
	}
	p := m.leaf("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers",
		"message/rfc822-headers", "text/rfc822")
	if p != nil {
		body := bytes.TrimLeft(p.decoded(maxMail), "\r\n \t")
		m.returned, _ = readHeader(body)
	}
	return m.returned
}
