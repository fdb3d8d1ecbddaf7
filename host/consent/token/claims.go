package token

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Claims are written as fields of one length byte and content, in the order of fields, then the expiry as a varint
// of Unix seconds. An id in the form of a UUID, which all of ours have, is written as its 16 bytes behind uuidMark:
// a link that is short enough survives mail programs that break lines.
//
// What only some purposes need follows as extras, each a byte that names it and its content, in rising order, and only
// those that are not empty: tokens from before there were extras have none, and those of short links stay short.
const uuidMark = 0xff

// maxField is the longest text of one field.
const maxField = 200

// maxLeft is the longest list of topics, in bytes.
const maxLeft = 1000

// The extras.
const (
	extraMessage = 1 + iota // as a field
	extraURL                // its length as a varint, then itself
	extraLeft               // likewise
	extraSeen               // a varint
	extraSealed             // a varint of Unix seconds
)

func (c *Claims) fields() []*string {
	return []*string{&c.CustomerID, &c.ActivationID, &c.Code, &c.FirstName, &c.Language, &c.TextID}
}

func (c Claims) encode() []byte {
	var buf []byte
	for _, field := range c.fields() {
		buf = appendField(buf, *field)
	}
	buf = binary.AppendVarint(buf, seconds(c.Expires))
	if c.MessageID != "" {
		buf = appendField(append(buf, extraMessage), c.MessageID)
	}
	if c.URL != "" && len(c.URL) <= MaxURL {
		buf = appendText(append(buf, extraURL), c.URL)
	}
	if c.Left != "" {
		buf = appendText(append(buf, extraLeft), whole(c.Left))
	}
	if c.Seen != 0 {
		buf = binary.AppendUvarint(append(buf, extraSeen), c.Seen)
	}
	if !c.Sealed.IsZero() {
		buf = binary.AppendVarint(append(buf, extraSealed), seconds(c.Sealed))
	}
	return buf
}

// seconds is a time as it is written, 0 for none.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// moment is the time of seconds.
func moment(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// whole cuts a list that is too long at a comma.
func whole(list string) string {
	for len(list) > maxLeft {
		list = list[:max(strings.LastIndexByte(list, ','), 0)]
	}
	return list
}

func appendText(buf []byte, text string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(text))), text...)
}

func appendField(buf []byte, field string) []byte {
	if id, err := uuid.Parse(field); err == nil && id.String() == field {
		return append(append(buf, uuidMark), id[:]...)
	}
	for len(field) > maxField { // a name may be cut, at the end of a character
		_, size := utf8.DecodeLastRuneInString(field)
		field = field[:len(field)-size]
	}
	return append(append(buf, byte(len(field))), field...)
}

var errClaims = errors.New("malformed claims")

// reader takes claims apart; the first thing amiss stays in bad.
type reader struct {
	buf []byte
	bad bool
}

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.buf)) {
		r.bad, r.buf = true, nil
		return nil
	}
	part := r.buf[:n]
	r.buf = r.buf[n:]
	return part
}

func (r *reader) field() string {
	mark := r.take(1)
	switch {
	case r.bad:
		return ""
	case mark[0] == uuidMark:
		if id := r.take(uint64(len(uuid.UUID{}))); !r.bad {
			return uuid.UUID(id).String()
		}
		return ""
	case mark[0] > maxField:
		r.bad = true
		return ""
	}
	return string(r.take(uint64(mark[0])))
}

func (r *reader) text(most uint64) string {
	n := r.unsigned()
	r.bad = r.bad || n == 0 || n > most
	if r.bad {
		return ""
	}
	return string(r.take(n))
}

func (r *reader) unsigned() uint64 {
	v, n := binary.Uvarint(r.buf)
	r.bad = r.bad || n <= 0
	r.take(uint64(max(n, 0)))
	return v
}

func (r *reader) signed() int64 {
	v, n := binary.Varint(r.buf)
	r.bad = r.bad || n <= 0
	r.take(uint64(max(n, 0)))
	return v
}

func decode(buf []byte) (Claims, error) {
	var c Claims
	r := &reader{buf: buf}
	for _, field := range c.fields() {
		*field = r.field()
	}
	c.Expires = moment(r.signed())
	for last := byte(0); len(r.buf) > 0 && !r.bad; {
		extra := r.take(1)[0]
		r.bad = r.bad || extra <= last
		last = extra
		switch extra {
		case extraMessage:
			c.MessageID = r.field()
			r.bad = r.bad || c.MessageID == ""
		case extraURL:
			c.URL = r.text(MaxURL)
		case extraLeft:
			c.Left = r.text(maxLeft)
		case extraSeen:
			c.Seen = r.unsigned()
		case extraSealed:
			c.Sealed = moment(r.signed())
		default:
			r.bad = true
		}
	}
	if r.bad {
		return Claims{}, errClaims
	}
	return c, nil
}
