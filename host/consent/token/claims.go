package token

import (
	"encoding/binary"
	"errors"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Claims are written as fields of one length byte and content, in the order of fields, and end with the
// expiry as a varint of Unix seconds. An id in the form of a UUID, which all of ours have, is written as its
// 16 bytes behind uuidMark: a link that is short enough survives mail programs that break lines.
const uuidMark = 0xff

// maxField is the longest text of one field.
const maxField = 200

func (c *Claims) fields() []*string {
	return []*string{&c.CustomerID, &c.ActivationID, &c.Code, &c.FirstName, &c.Language, &c.TextID}
}

func (c Claims) encode() []byte {
	var buf []byte
	for _, field := range c.fields() {
		buf = appendField(buf, *field)
	}
	var expires int64
	if !c.Expires.IsZero() {
		expires = c.Expires.Unix()
	}
	return binary.AppendVarint(buf, expires)
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

func decode(buf []byte) (Claims, error) {
	var c Claims
	for _, field := range c.fields() {
		if len(buf) == 0 {
			return Claims{}, errClaims
		}
		size := int(buf[0])
		buf = buf[1:]
		if size == uuidMark {
			if len(buf) < len(uuid.UUID{}) {
				return Claims{}, errClaims
			}
			*field = uuid.UUID(buf[:len(uuid.UUID{})]).String()
			buf = buf[len(uuid.UUID{}):]
			continue
		}
		if size > maxField || len(buf) < size {
			return Claims{}, errClaims
		}
		*field, buf = string(buf[:size]), buf[size:]
	}
	expires, n := binary.Varint(buf)
	if n != len(buf) {
		return Claims{}, errClaims
	}
	if expires != 0 {
		c.Expires = time.Unix(expires, 0).UTC()
	}
	return c, nil
}
