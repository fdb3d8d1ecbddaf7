package message

import (
	"bytes"
	"io"
	"net"
)

// pipeline is a connection that saves a mail two of its four round trips, and most of its packets, where the server offers
// PIPELINING (RFC 2920). The library below knows commands only one at a time; so the pipeline answers MAIL and RCPT
// itself, sends both along with DATA, and gives the library the first no among the three real answers in the place of
// DATA's. Everything that is written is kept until somebody waits for an answer: a mail goes out in one piece.
type pipeline struct {
	net.Conn

	out []byte
	// in is what is there to be read before the connection is.
	in []byte
	// asked tells that EHLO was the last command, offered that the server pipelines.
	asked, offered bool
	// sent is the answers to the group of MAIL, RCPT and DATA that are still to come.
	sent int
	// body tells that a mail's text is being written.
	body bool
	buf  []byte
}

// maxAnswer bounds one answer of a server, which has few lines (RFC 5321 4.5.3.1.5); maxUnsent what is kept unwritten.
const (
	maxAnswer = 64 << 10
	maxUnsent = 64 << 10
)

var answered = []byte("250 OK\r\n")

// Write keeps what is written, as long as it is no more than is worth keeping.
func (p *pipeline) Write(b []byte) (int, error) {
	if !p.body {
		switch {
		case hasVerb(b, "EHLO"), hasVerb(b, "HELO"):
			p.asked, p.offered = true, false
		case p.offered && hasVerb(b, "MAIL"), p.offered && p.sent > 0 && hasVerb(b, "RCPT"):
			p.sent++
			p.in = append(p.in, answered...)
		case p.sent > 0 && hasVerb(b, "DATA"):
			p.sent++
		}
	}
	p.out = append(p.out, b...)
	if len(p.out) > maxUnsent {
		return len(b), p.flush()
	}
	return len(b), nil
}

func (p *pipeline) flush() error {
	if len(p.out) == 0 {
		return nil
	}
	_, err := p.Conn.Write(p.out)
	p.out = p.out[:0]
	return err
}

func (p *pipeline) Read(b []byte) (int, error) {
	if len(p.in) == 0 {
		if err := p.flush(); err != nil {
			return 0, err
		}
		if err := p.receive(); err != nil {
			return 0, err
		}
	}
	n := copy(b, p.in)
	p.in = p.in[n:]
	return n, nil
}

// receive gets the next answer, or what the library makes of it.
func (p *pipeline) receive() error {
	switch {
	case p.sent > 0:
		return p.group()
	case p.asked:
		p.asked = false
		reply, err := p.reply()
		p.offered = bytes.Contains(reply, []byte("PIPELINING"))
		p.in = reply
		return err
	case len(p.buf) > 0:
		p.in, p.buf = p.buf, nil
		p.body = false
		return nil
	}
	p.body = false
	block := make([]byte, 4096)
	n, err := p.Conn.Read(block)
	p.in = block[:n]
	if n > 0 {
		return nil
	}
	return err
}

// group gets the answers to MAIL, RCPT and DATA. A server may say yes to DATA although it said no to the recipient; it is
// told then that there is no mail (RFC 2920 3.1).
func (p *pipeline) group() error {
	var no []byte
	n := p.sent
	p.sent = 0
	for i := range n {
		reply, err := p.reply()
		if err != nil && no != nil {
			break // it said no and hung up (421)
		}
		if err != nil {
			return err
		}
		last := i == n-1
		switch {
		case !last && no == nil && reply[0] != '2':
			no = reply
		case last && no == nil:
			p.in, p.body = reply, reply[0] == '3'
			return nil
		case last && reply[0] == '3':
			if _, err := p.Conn.Write([]byte(".\r\n")); err != nil {
				return err
			}
			if _, err := p.reply(); err != nil {
				break
			}
		}
	}
	p.in = no
	return nil
}

// reply reads one whole answer: lines of which all but the last have a hyphen behind their code.
func (p *pipeline) reply() ([]byte, error) {
	begin := 0
	for {
		if end := bytes.IndexByte(p.buf[begin:], '\n'); end >= 0 {
			line := p.buf[begin : begin+end]
			begin += end + 1
			if len(line) < 4 || line[3] != '-' {
				reply := bytes.Clone(p.buf[:begin])
				p.buf = append(p.buf[:0], p.buf[begin:]...)
				return reply, nil
			}
			continue
		}
		if len(p.buf) > maxAnswer {
			return nil, io.ErrShortBuffer
		}
		block := make([]byte, 4096)
		n, err := p.Conn.Read(block)
		p.buf = append(p.buf, block[:n]...)
		if err != nil && n == 0 {
			return nil, err
		}
	}
}

func hasVerb(line []byte, verb string) bool {
	return len(line) >= 4 && bytes.EqualFold(line[:4], []byte(verb))
}
