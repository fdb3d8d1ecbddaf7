package message

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Mail is a composed message and its envelope.
type Mail struct {
	// ID is the row's.
	ID string
	// From and To are bare addresses (RFC 5321).
	From, To string
	// Bytes is the whole message (RFC 5322), CRLF line ends, 7 bits.
	Bytes []byte
}

// Transport carries mails to where they leave the store. Send returns once the mail is safe on the other
// side. An error is a *Refusal when the server answered no, a *Unreachable when no conversation came about,
// and anything else when the line failed on the way. Send may be called many times at once.
type Transport interface {
	Send(ctx context.Context, set Settings, m *Mail) error
}

// Refusal is a server's no to one mail.
type Refusal struct {
	// Code is the SMTP reply code: 400 to 499 for now, 500 to 599 for good.
	Code int
	// Words are the server's own.
	Words string
}

func (r *Refusal) Error() string { return fmt.Sprintf("%d %s", r.Code, r.Words) }

// Permanent reports whether trying again is of no use.
func (r *Refusal) Permanent() bool { return r.Code >= 500 }

// Unreachable says that no conversation with the server came about: wrong name, no network, no TLS, refused
// sign-in. It concerns every mail, not the one that was tried.
type Unreachable struct {
	Server string
	Err    error
}

func (u *Unreachable) Error() string { return fmt.Sprintf("mail server %s: %v", u.Server, u.Err) }
func (u *Unreachable) Unwrap() error { return u.Err }

// Limits bound one conversation with a mail server. RFC 5321 4.5.3.2 wants minutes.
type Limits struct {
	// Dial bounds the connection's making, greeting, TLS and sign-in together.
	Dial time.Duration
	// Idle is the longest silence within a conversation.
	Idle time.Duration
	// Total bounds one mail, however busily the server drips.
	Total time.Duration
	// Keep is how long a connection stays open for the next mail.
	Keep time.Duration
}

// DefaultLimits are for a server somewhere on the Internet.
var DefaultLimits = Limits{Dial: 30 * time.Second, Idle: 2 * time.Minute, Total: 10 * time.Minute, Keep: 20 * time.Second}

// Spool keeps mails as files, ID.eml, in a folder.
type Spool struct {
	Dir string
}

var _ Transport = (*Spool)(nil)

// Send writes the mail under another name first, so that a file of the spool is always whole.
func (s *Spool) Send(_ context.Context, _ Settings, m *Mail) error {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("make the spool: %w", err)
	}
	file, err := os.CreateTemp(s.Dir, m.ID+".*.tmp")
	if err != nil {
		return fmt.Errorf("write to the spool: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.Write(m.Bytes)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(s.Dir, m.ID+".eml"))
	}
	if err != nil {
		return fmt.Errorf("write to the spool: %w", err)
	}
	return nil
}
