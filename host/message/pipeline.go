package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
)

// pipeline is a connection by which a mail leaves in two round trips instead of four, where the server offers PIPELINING
// (RFC 2920): MAIL, RCPT and DATA go out together, and then the whole text in one piece. The library above it, which knows
// commands only one at a time, opens the conversation, signs in, and sends to servers that do not offer it; the pipeline
// looks on to learn what the server offers.
type pipeline struct {
	net.Conn

	// asked tells that EHLO was the last command.
	asked bool
	// pipelines and sizes tell that the server offers PIPELINING and SIZE (RFC 1870). Addresses and text are of 7 bits, so
	// nothing else is asked for.
	pipelines, sizes bool
	// in is what has been read and not been used, out what is to be written.
	in, out []byte
}

// maxAnswer bounds one answer of a server, which has few lines (RFC 5321 4.5.3.1.5); maxUnsent what is kept unwritten.
const (
	maxAnswer = 64 << 10
	maxUnsent = 64 << 10
)

// Write is the library's.
func (p *pipeline) Write(b []byte) (int, error) {
	p.asked = len(b) >= 4 && bytes.EqualFold(b[:4], []byte("EHLO"))
	return p.Conn.Write(b)
}

// Read is the library's.
func (p *pipeline) Read(b []byte) (int, error) {
	if p.asked {
		p.asked = false
		reply, err := p.reply()
		if err != nil {
			return 0, err
		}
		p.pipelines, p.sizes = offers(reply, "PIPELINING"), offers(reply, "SIZE")
		p.in = append(reply, p.in...)
	}
	if len(p.in) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.in)
	p.in = p.in[n:]
	return n, nil
}

// offers looks for an extension in the answer to EHLO.
func offers(reply []byte, extension string) bool {
	for line := range bytes.Lines(reply) {
		if words := bytes.Fields(line[min(4, len(line)):]); len(words) > 0 && bytes.EqualFold(words[0], []byte(extension)) {
			return true
		}
	}
	return false
}

// takes reports whether send can bring the mail: the server pipelines, and every line of the text ends with CRLF, since
// one that ended otherwise could be taken for the end of the mail.
func (p *pipeline) takes(m *Mail) bool {
	lines := bytes.Count(m.Bytes, []byte("\r\n"))
	return p.pipelines && lines == bytes.Count(m.Bytes, []byte("\n")) && lines == bytes.Count(m.Bytes, []byte("\r"))
}

// send brings one mail to the server. The error is a *textproto.Error for a no; after any other the line is of no use.
func (p *pipeline) send(m *Mail) error {
	if bytes.ContainsAny([]byte(m.From+m.To), "\r\n<>") {
		return errEnvelope
	}
	if err := p.ask(m); err != nil {
		return err
	}
	if err := p.text(m.Bytes); err != nil {
		return err
	}
	return p.expect('2')
}

var errEnvelope = errors.New("an address that is none")

// ask sends the envelope and reads what the server says to it. A server may say yes to DATA although it said no to the
// recipient; it is told then that there is no mail (RFC 2920 3.1).
func (p *pipeline) ask(m *Mail) error {
	p.out = append(append(append(p.out[:0], "MAIL FROM:<"...), m.From...), '>')
	if p.sizes {
		p.out = strconv.AppendInt(append(p.out, " SIZE="...), int64(len(m.Bytes)), 10)
	}
	p.out = append(append(append(p.out, "\r\nRCPT TO:<"...), m.To...), ">\r\nDATA\r\n"...)
	if err := p.flush(); err != nil {
		return err
	}
	var no error // the first
	for range 2 {
		var answer *textproto.Error
		switch err := p.expect('2'); {
		case err == nil:
		case errors.As(err, &answer):
			if no == nil {
				no = err
			}
		case no != nil:
			return no // it said no and hung up (421)
		default:
			return err
		}
	}
	err := p.expect('3')
	if no == nil {
		return err
	}
	if err == nil {
		if _, err := p.Conn.Write([]byte(".\r\n")); err != nil {
			return err
		}
		_, _ = p.reply() // the no counts, whether it is repeated or the line ends here
	}
	return no
}

// text sends a mail, with a second dot where a line begins with one, and its end (RFC 5321 4.5.2).
func (p *pipeline) text(mail []byte) error {
	p.out = p.out[:0]
	if len(mail) > 0 && mail[0] == '.' {
		p.out = append(p.out, '.')
	}
	rest := mail
	for {
		at := bytes.Index(rest, []byte("\n."))
		if at < 0 {
			break
		}
		if err := p.put(rest[:at+2]); err != nil {
			return err
		}
		p.out = append(p.out, '.')
		rest = rest[at+2:]
	}
	if err := p.put(rest); err != nil {
		return err
	}
	if len(mail) > 0 && mail[len(mail)-1] != '\n' {
		p.out = append(p.out, "\r\n"...)
	}
	p.out = append(p.out, ".\r\n"...)
	return p.flush()
}

// put keeps what is to be written, as long as it is no more than is worth keeping.
func (p *pipeline) put(b []byte) error {
	if len(p.out)+len(b) > maxUnsent {
		if err := p.flush(); err != nil {
			return err
		}
	}
	if len(b) > maxUnsent {
		_, err := p.Conn.Write(b)
		return err
	}
	p.out = append(p.out, b...)
	return nil
}

func (p *pipeline) flush() error {
	if len(p.out) == 0 {
		return nil
	}
	_, err := p.Conn.Write(p.out)
	p.out = p.out[:0]
	return err
}

// expect reads an answer; one that begins with another digit is a *textproto.Error.
func (p *pipeline) expect(digit byte) error {
	reply, err := p.reply()
	if err != nil {
		return err
	}
	code, ok := codeOf(reply)
	switch {
	case !ok:
		return fmt.Errorf("an answer that is none: %.100q", reply)
	case reply[0] == digit:
		return nil
	}
	var words []byte
	for line := range bytes.Lines(reply) {
		if len(words) > 0 {
			words = append(words, '\n')
		}
		words = append(words, bytes.TrimRight(line[min(4, len(line)):], "\r\n")...)
	}
	return &textproto.Error{Code: code, Msg: string(words)}
}

// codeOf is the code of an answer: three digits, and behind them the end or a space.
func codeOf(reply []byte) (code int, ok bool) {
	if len(reply) < 4 || bytes.IndexByte([]byte(" -\r\n"), reply[3]) < 0 {
		return 0, false
	}
	for _, c := range reply[:3] {
		if c < '0' || c > '9' {
			return 0, false
		}
		code = code*10 + int(c-'0')
	}
	return code, code >= 100
}

// reply reads one whole answer: lines of which all but the last have a hyphen behind their code.
func (p *pipeline) reply() ([]byte, error) {
	begin := 0
	for {
		if end := bytes.IndexByte(p.in[begin:], '\n'); end >= 0 {
			line := p.in[begin : begin+end]
			begin += end + 1
			if len(line) < 4 || line[3] != '-' {
				reply := p.in[:begin:begin]
				p.in = p.in[begin:]
				return reply, nil
			}
			continue
		}
		if len(p.in) > maxAnswer {
			return nil, io.ErrShortBuffer
		}
		if cap(p.in)-len(p.in) < minRead {
			p.in = append(make([]byte, 0, max(4096, 2*len(p.in))), p.in...)
		}
		n, err := p.Conn.Read(p.in[len(p.in):cap(p.in)])
		p.in = p.in[:len(p.in)+n]
		if err != nil && n == 0 {
			return nil, err
		}
	}
}

// minRead is how much room one reading has at least.
const minRead = 512
