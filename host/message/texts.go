package message

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/emersion/go-message/textproto"
)

// Most mails are a text and a page and nothing else. They are written here, as go-message would write them, byte for byte,
// and without its going through each header as a map.

// field is one of a mail's header, with its value as it stands there.
type field struct{ name, value string }

// maxField is how long a field may be that stands in one line.
const maxField = 76

// append writes the field; a long one in lines.
func (f field) append(out []byte) ([]byte, error) {
	if f.value != "" && len(f.name)+len(": ")+len(f.value) <= maxField && !strings.ContainsAny(f.value, "\r\n") {
		out = append(append(append(out, f.name...), ": "...), f.value...)
		return append(out, "\r\n"...), nil
	}
	var h textproto.Header
	h.Set(f.name, f.value)
	b := bytes.NewBuffer(out)
	if err := textproto.WriteHeader(b, h); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\r\n")), nil
}

// texts appends a mail of a text and a page.
func (p *partWriter) texts(out []byte, fields []field, text, page string) ([]byte, error) {
	boundary := p.boundary()
	var err error
	for _, f := range append(fields, field{"Content-Type", "multipart/alternative; boundary=" + boundary}) {
		if out, err = f.append(out); err != nil {
			return nil, err
		}
	}
	for _, part := range [...]struct{ kind, body string }{{"plain", text}, {"html", page}} {
		out = append(append(append(out, "\r\n--"...), boundary...), "\r\nContent-Type: text/"...)
		out = append(out, part.kind...)
		out = append(out, "; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"...)
		out = quotedPrintable(out, part.body)
	}
	return append(append(append(out, "\r\n--"...), boundary...), "--\r\n"...), nil
}

// maxQuoted is how long an encoded line is at most, with the "=" of one that goes on (RFC 2045 6.7).
const maxQuoted = 76

// quotedPrintable appends a text in quoted-printable. Whatever its lines end with, they end with CRLF then.
func quotedPrintable(out []byte, text string) []byte {
	begin := len(out) // of the line
	left := func() int { return maxQuoted - 1 - (len(out) - begin) }
	goOn := func() {
		out = append(out, "=\r\n"...)
		begin = len(out)
	}
	encode := func(c byte) {
		if left() < 3 {
			goOn()
		}
		const digits = "0123456789ABCDEF"
		out = append(out, '=', digits[c>>4], digits[c&15])
	}
	// Space at the end of a line gets lost on the way.
	end := func() {
		if n := len(out); n > begin && (out[n-1] == ' ' || out[n-1] == '\t') {
			c := out[n-1]
			out = out[:n-1]
			encode(c)
		}
	}
	for text != "" {
		n, most := 0, min(left(), len(text))
		for n < most && literal(text[n]) {
			n++
		}
		out = append(out, text[:n]...)
		if text = text[n:]; text == "" {
			break
		}
		c := text[0]
		switch {
		case literal(c):
			goOn()
			continue
		case c == '\r' || c == '\n':
			end()
			out = append(out, "\r\n"...)
			begin = len(out)
			if strings.HasPrefix(text, "\r\n") {
				text = text[1:]
			}
		default:
			encode(c)
		}
		text = text[1:]
	}
	end()
	return out
}

// literal reports whether a byte stands for itself, in the middle of a line.
func literal(c byte) bool { return c >= ' ' && c <= '~' && c != '=' || c == '\t' }
