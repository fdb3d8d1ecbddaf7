package mailbox

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"strings"
)

// pop3 reads a POP3 mailbox (RFC 1939, RFC 2595). The server deletes only at the end of a visit, so after a broken line
// mails are there again; those that were kept are remembered by their UIDL and deleted without being read.
type pop3 struct {
	dialer
	kept map[string]bool
}

// entry is one mail of a mailbox; number counts within the visit.
type entry struct {
	number int
	uid    string
	size   int64
}

func (p *pop3) Fetch(ctx context.Context, keep func(context.Context, []byte, string) error) (n int, err error) {
	ctx, cancel := p.begin(ctx)
	defer cancel()
	c, err := p.open(ctx)
	if err != nil {
		return 0, blame(ctx, Unreachable, p.set.Server, err)
	}
	defer c.line.Close()
	entries, err := c.list()
	if err != nil {
		return 0, blame(ctx, Interrupted, p.set.Server, err)
	}
	there := map[string]bool{}
	for _, e := range entries {
		there[e.uid] = true
	}
	for uid := range p.kept {
		if !there[uid] {
			delete(p.kept, uid)
		}
	}
	for _, e := range entries {
		if e.size > MaxMail || n >= maxMails {
			continue
		}
		if e.uid == "" || !p.kept[e.uid] {
			raw, err := c.retrieve(e)
			if err != nil {
				return n, blame(ctx, Interrupted, p.set.Server, err)
			}
			if err := keep(ctx, raw, recipientOf(raw)); err != nil {
				_ = c.quit() // so that those before are gone
				return n, fmt.Errorf("keep mail %d of %s: %w", e.number, p.set.Server, err)
			}
			n++
			if e.uid != "" {
				p.kept[e.uid] = true
			}
		}
		if _, err := c.ask("DELE " + strconv.Itoa(e.number)); err != nil {
			return n, blame(ctx, Interrupted, p.set.Server, err)
		}
	}
	if err := c.quit(); err != nil {
		return n, blame(ctx, NotMarked, p.set.Server, err)
	}
	return n, nil
}

// open connects and signs in.
func (p *pop3) open(ctx context.Context) (*conversation, error) {
	l, err := p.dial(ctx, 110, 995)
	if err != nil {
		return nil, err
	}
	c := newConversation(l)
	if err := p.greet(ctx, c); err != nil {
		l.Close()
		return nil, err
	}
	return c, nil
}

func (p *pop3) greet(ctx context.Context, c *conversation) error {
	if _, err := c.answer(); err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	if p.set.Encryption == EncryptionSTARTTLS {
		_, err := c.ask("STLS")
		if err == nil && c.r.Buffered() > 0 {
			err = errors.New("the server talks before TLS") // somebody put words into the line
		}
		if err == nil {
			err = c.line.secure(ctx, p.tlsConfig())
		}
		if err != nil {
			return &Error{Problem: NoEncryption, Where: p.set.Server, Err: err}
		}
		c.r.Reset(c.line)
	}
	for _, command := range []string{"USER " + p.set.User, "PASS " + p.set.Password} {
		if strings.ContainsAny(command, "\r\n") {
			return &Error{Problem: SignIn, Where: p.set.Server}
		}
		_, err := c.ask(command)
		if said := (*refusal)(nil); errors.As(err, &said) {
			return &Error{Problem: SignIn, Where: p.set.Server, Err: said}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// conversation is a line on which POP3 is spoken.
type conversation struct {
	line *line
	r    *bufio.Reader
	text *textproto.Reader
}

// refusal is a server's -ERR, in its words.
type refusal struct{ words string }

func (r *refusal) Error() string { return r.words }

func newConversation(l *line) *conversation {
	r := bufio.NewReaderSize(l, 4096)
	return &conversation{line: l, r: r, text: textproto.NewReader(r)}
}

// ask sends one command and returns the answer's words.
func (c *conversation) ask(command string) (string, error) {
	if _, err := io.WriteString(c.line, command+"\r\n"); err != nil {
		return "", err
	}
	return c.answer()
}

// answer reads +OK or -ERR. A line has 512 bytes (RFC 1939 3), and never more than the buffer.
func (c *conversation) answer() (string, error) {
	raw, err := c.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", errTooLong
	}
	if err != nil {
		return "", err
	}
	state, words, _ := strings.Cut(strings.TrimRight(string(raw), "\r\n"), " ")
	switch state {
	case "+OK":
		return words, nil
	case "-ERR":
		return "", &refusal{words}
	}
	return "", fmt.Errorf("not POP3: %q", raw[:min(len(raw), 60)])
}

// lines asks for an answer of many lines, of at most limit bytes.
func (c *conversation) lines(command string, limit int64) ([]byte, error) {
	if _, err := c.ask(command); err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(c.text.DotReader(), limit+1))
	if err == nil && int64(len(body)) > limit {
		err = errTooLong
	}
	return body, err
}

// list returns what is in the mailbox. A server without UIDL gives empty names, and mails that come again after a broken
// line.
func (c *conversation) list() ([]entry, error) {
	const limit = 8 << 20 // some 100,000 mails
	sizes, err := c.lines("LIST", limit)
	if err != nil {
		return nil, err
	}
	var entries []entry
	at := map[int]int{}
	for line := range bytes.Lines(sizes) {
		fields := strings.Fields(string(line))
		if len(fields) < 2 {
			continue
		}
		number, err := strconv.Atoi(fields[0])
		size, sizeErr := strconv.ParseInt(fields[1], 10, 64)
		if _, twice := at[number]; err != nil || sizeErr != nil || twice {
			return nil, fmt.Errorf("not a list: %q", line)
		}
		at[number] = len(entries)
		entries = append(entries, entry{number: number, size: size})
	}
	names, err := c.lines("UIDL", limit)
	if said := (*refusal)(nil); errors.As(err, &said) {
		return entries, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(names) {
		fields := strings.Fields(string(line))
		if len(fields) != 2 {
			continue
		}
		if number, err := strconv.Atoi(fields[0]); err == nil {
			if i, ok := at[number]; ok {
				entries[i].uid = fields[1]
			}
		}
	}
	return entries, nil
}

func (c *conversation) retrieve(e entry) ([]byte, error) {
	return c.lines("RETR "+strconv.Itoa(e.number), MaxMail+MaxMail/8)
}

// quit has the server delete what was marked.
func (c *conversation) quit() error {
	_, err := c.ask("QUIT")
	return err
}
