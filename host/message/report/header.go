package report

import (
	"bytes"
	"html"
	"io"
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"
)

// header holds the fields of a mail or part in their order: names as they are written, values unfolded but still encoded.
type header []field

type field struct{ name, value string }

func (f *field) is(name string) bool {
	return len(f.name) == len(name) && strings.EqualFold(f.name, name)
}

// get returns the first field of a name, in whatever case, or "".
func (h header) get(name string) string {
	for i := range h {
		if h[i].is(name) {
			return h[i].value
		}
	}
	return ""
}

// has reports whether there is such a field, be it empty.
func (h header) has(name string) bool {
	for i := range h {
		if h[i].is(name) {
			return true
		}
	}
	return false
}

// readHeader reads fields up to the first empty line, and returns what follows. Lines that are no fields are skipped.
func readHeader(raw []byte) (header, []byte) {
	var h header
	for len(raw) > 0 {
		begin := raw
		var line []byte
		line, raw = cutLine(raw)
		if len(line) == 0 {
			return h, raw
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 || !isToken(line[:colon]) {
			if len(h) == 0 && colon < 0 && line[0] != '>' {
				return nil, begin // no header at all
			}
			continue
		}
		name := string(bytes.TrimRight(line[:colon], " \t"))
		value := bytes.TrimSpace(line[colon+1:])
		if len(raw) > 0 && (raw[0] == ' ' || raw[0] == '\t') {
			folded := append(make([]byte, 0, 2*len(value)), value...)
			for len(raw) > 0 && (raw[0] == ' ' || raw[0] == '\t') {
				line, raw = cutLine(raw)
				if len(bytes.TrimSpace(line)) == 0 {
					break
				}
				if len(folded) < maxField {
					folded = append(append(folded, ' '), bytes.TrimSpace(line)...)
				}
			}
			value = folded
		}
		if len(h) < maxFields {
			h = append(h, field{name, string(value[:min(len(value), maxField)])})
		}
	}
	return h, nil
}

func cutLine(b []byte) (line, rest []byte) {
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		return bytes.TrimRight(b, "\r"), nil
	}
	return bytes.TrimRight(b[:i], "\r"), b[i+1:]
}

// isToken reports whether b can be a field's name (RFC 5322 2.2), spaces before the colon forgiven.
func isToken(b []byte) bool {
	for _, c := range bytes.TrimRight(b, " \t") {
		if c <= ' ' || c >= 127 {
			return false
		}
	}
	return true
}

// decodeHeader reads encoded words (RFC 2047); those that are broken stay as they are.
func decodeHeader(value string) string {
	if strings.Contains(value, "=?") {
		words := mime.WordDecoder{CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
			b, err := io.ReadAll(io.LimitReader(in, maxField))
			return strings.NewReader(toUTF8(b, charset)), err
		}}
		if out, err := words.DecodeHeader(value); err == nil {
			value = out
		}
	}
	if !utf8.ValidString(value) {
		value = toUTF8([]byte(value), "")
	}
	return value
}

// clip shortens text to at most n bytes, between characters, and makes it one line.
func clip(s string, n int) string {
	if len(s) > 4*n {
		s = s[:4*n]
	}
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// addressOf returns the first address of a field, bare, or "".
func addressOf(value string) string {
	if i := strings.LastIndexByte(value, '<'); i >= 0 {
		if j := strings.IndexByte(value[i:], '>'); j >= 0 {
			if a := strings.TrimSpace(value[i+1 : i+j]); isAddress(a) {
				return a
			}
		}
	}
	var first string
	eachAddress(value, func(a string, _, _ int) bool { first = a; return false })
	return first
}

// addressesOf returns all addresses of a field, bare.
func addressesOf(value string) []string {
	var all []string
	eachAddress(value, func(a string, _, _ int) bool {
		all = append(all, a)
		return len(all) < 50
	})
	return all
}

// eachAddress finds addresses in text: the sign @ with what can stand before and after it. Letters beyond ASCII are part
// of an address (RFC 6531), but not those of scripts without spaces, where nobody could say where it begins.
func eachAddress(text string, visit func(address string, begin, end int) bool) {
	for at := 0; ; {
		i := strings.IndexByte(text[at:], '@')
		if i < 0 {
			return
		}
		i += at
		begin, end := i, i+1
		for begin > at && i-begin < 64 {
			r, size := utf8.DecodeLastRuneInString(text[at:begin])
			if !inAddress(r) && !strings.ContainsRune("!#$%&'*+/=?^_`{|}~", r) {
				break
			}
			begin -= size
		}
		for end < len(text) && end-i < 254 {
			r, size := utf8.DecodeRuneInString(text[end:])
			if !inAddress(r) {
				break
			}
			end += size
		}
		for begin < i && strings.IndexByte(".'=/`", text[begin]) >= 0 {
			begin++
		}
		for end > i+1 && (text[end-1] == '.' || text[end-1] == '-') {
			end--
		}
		if a := text[begin:end]; isAddress(a) && !visit(a, begin, end) {
			return
		}
		at = end
	}
}

// inAddress reports whether r can stand on either side of the sign @.
func inAddress(r rune) bool {
	if r < utf8.RuneSelf {
		return r == '-' || r == '.' || isAlnum(byte(r))
	}
	return r < firstUnspaced && unicode.IsLetter(r)
}

// isAddress reports whether s looks like a bare address with a full domain.
func isAddress(s string) bool {
	local, domain, ok := cutLast(s, '@')
	if !ok || local == "" || len(s) > 254 || strings.ContainsAny(s, " \t\r\n<>,;()\"") || !utf8.ValidString(s) {
		return false
	}
	dot := strings.LastIndexByte(domain, '.')
	return dot > 0 && dot < len(domain)-1
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// messageID returns the first Message-ID of a field, without angle brackets.
func messageID(value string) string {
	if ids := messageIDs(value); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// messageIDs returns those of a field in their order, without angle brackets.
func messageIDs(value string) []string {
	var ids []string
	for len(ids) < 50 {
		_, rest, ok := strings.Cut(value, "<")
		if !ok {
			break
		}
		id, after, ok := strings.Cut(rest, ">")
		if !ok {
			break
		}
		if id = strings.TrimSpace(id); id != "" && len(id) < 1000 {
			ids = append(ids, id)
		}
		value = after
	}
	if value = strings.TrimSpace(value); len(ids) == 0 && strings.Contains(value, "@") && !strings.Contains(value, " ") {
		ids = append(ids, value)
	}
	return ids
}

// strip returns the text of an HTML page.
func strip(page string) string {
	var b strings.Builder
	for page != "" {
		i := strings.IndexByte(page, '<')
		if i < 0 {
			b.WriteString(page)
			break
		}
		b.WriteString(page[:i])
		page = page[i:]
		end := strings.IndexByte(page, '>')
		if end < 0 {
			break
		}
		// An address in brackets that nobody escaped.
		if inner := page[1:end]; isAddress(inner) {
			b.WriteString("&lt;" + inner + "&gt;")
			page = page[end+1:]
			continue
		}
		tag := strings.ToLower(page[1:min(end, 12)])
		page = page[end+1:]
		for _, hidden := range []string{"style", "script"} {
			if strings.HasPrefix(tag, hidden) {
				if i := indexFold(page, "</"+hidden); i >= 0 {
					page = page[i:]
				} else {
					page = ""
				}
			}
		}
		for _, block := range []string{"br", "p", "/p", "div", "/div", "tr", "/tr", "li", "h", "/h", "table", "td"} {
			if strings.HasPrefix(tag, block) {
				b.WriteByte('\n')
				break
			}
		}
	}
	return html.UnescapeString(b.String())
}

// indexFold is strings.Index without regard to the case of ASCII letters; part is in lower case.
func indexFold(s, part string) int {
	for i := 0; i+len(part) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(part)], part) {
			return i
		}
	}
	return -1
}
