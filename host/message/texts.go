package message

import (
	"bytes"
	"fmt"
	"mime/quotedprintable"
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
	b := bytes.NewBuffer(out)
	for _, part := range [...]struct{ kind, body string }{{"plain", text}, {"html", page}} {
		b.WriteString("\r\n--")
		b.WriteString(boundary)
		b.WriteString("\r\nContent-Type: text/")
		b.WriteString(part.kind)
		b.WriteString("; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
		w := quotedprintable.NewWriter(b)
		_, _ = w.Write([]byte(part.body)) // into memory
		_ = w.Close()
	}
	b.WriteString("\r\n--")
	b.WriteString(boundary)
	b.WriteString("--\r\n")
	return b.Bytes(), nil
}
