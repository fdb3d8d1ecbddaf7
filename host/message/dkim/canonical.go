package dkim

import "bytes"

// What is signed of a mail is its canonical form "relaxed" (RFC 6376 3.4.2 and 3.4.4), which survives what servers do to
// spaces. This is written for mails that the store composes itself: whole in memory, all lines ended by CRLF. Verifying,
// which has to take what others send, is not done here.

var crlf = []byte("\r\n")

// field is a header field: its name as it is to be listed, key as it stands there, and raw, the whole with its line ends;
// nil for one that is not there.
type field struct {
	name     string
	key, raw []byte
}

// split returns the header of a mail with the end of its last line, and its body.
func split(mail []byte) (header, body []byte) {
	if at := bytes.Index(mail, []byte("\r\n\r\n")); at >= 0 {
		return mail[:at+2], mail[at+4:]
	}
	return mail, nil
}

// readFields appends the fields of a header. Lines that belong to no field are left out.
func readFields(fields []field, header []byte) []field {
	for len(header) > 0 {
		end := 0
		for more := true; more; more = end < len(header) && isSpace(header[end]) { // folded lines begin with space
			n := bytes.Index(header[end:], crlf)
			if n < 0 {
				end = len(header)
				break
			}
			end += n + 2
		}
		raw := header[:end]
		header = header[end:]
		if colon := bytes.IndexByte(raw, ':'); colon > 0 && !isSpace(raw[0]) {
			fields = append(fields, field{key: bytes.TrimRight(raw[:colon], " \t"), raw: raw})
		}
	}
	return fields
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// canonicalField appends a field: its name in small letters, its value in one line, runs of space as one, none around.
func canonicalField(out, raw []byte) []byte {
	colon := bytes.IndexByte(raw, ':')
	for _, c := range bytes.TrimRight(raw[:colon], " \t") {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		out = append(out, c)
	}
	out = append(out, ':')
	space, first := false, true
	for _, c := range raw[colon+1:] {
		switch {
		case isSpace(c), c == '\r', c == '\n':
			space = true
		default:
			if space && !first {
				out = append(out, ' ')
			}
			out = append(out, c)
			space, first = false, false
		}
	}
	return append(out, crlf...)
}

// canonicalBody appends a body: in every line runs of space as one and none at its end, and no empty lines at the end.
func canonicalBody(out, body []byte) []byte {
	begin, full := len(out), len(out)
	for len(body) > 0 {
		line := body
		if end := bytes.Index(body, crlf); end >= 0 {
			line, body = body[:end], body[end+2:]
		} else {
			body = nil
		}
		start := len(out)
		out = canonicalLine(out, line)
		empty := len(out) == start
		out = append(out, crlf...)
		if !empty {
			full = len(out)
		}
	}
	if full == begin {
		return out[:begin] // nothing but empty lines is an empty body
	}
	return out[:full]
}

func canonicalLine(out, line []byte) []byte {
	if n := len(line); n == 0 || !isSpace(line[n-1]) && bytes.IndexByte(line, '\t') < 0 && !bytes.Contains(line, []byte("  ")) {
		return append(out, line...) // as most lines are
	}
	space := false
	for _, c := range line {
		if isSpace(c) {
			space = true
			continue
		}
		if space {
			out = append(out, ' ')
			space = false
		}
		out = append(out, c)
	}
	return out
}
