// Package mailbox reads incoming mail where it arrives: an IMAP folder, a POP3 mailbox or a Maildir on this machine.
//
// Open returns the Source of the settings. Its Fetch hands each new mail to keep, one after the other, and marks it done
// at the source only after keep returned nil: an IMAP server marks it as read or moves it to another folder, a Maildir
// moves it from new to cur, POP3 deletes it, since it knows nothing else. So a mail may come twice, when the line breaks
// between the two, and is never lost; keep has to recognise what it has already (by the hash of its content).
//
// Nothing is ever deleted that keep has not taken, a mail that nobody understands is as safe as any other, and whoever
// else reads the folder is not disturbed. Every wait ends: with the context, after a silence, or with the whole visit.
// A mail has a largest size, and a visit a largest number of mails; the next visit goes on from there.
package mailbox

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind says where mail arrives, as in the setting CorreoBuzonTipo.
type Kind string

// None is for stores that read no mailbox.
const (
	None    Kind = "none"
	IMAP    Kind = "imap"
	POP3    Kind = "pop3"
	Maildir Kind = "maildir"
)

// Encryption is how the line to the server is protected, as in the setting CorreoBuzonCifrado.
type Encryption string

const (
	EncryptionNone     Encryption = "none"
	EncryptionSTARTTLS Encryption = "starttls"
	EncryptionTLS      Encryption = "tls"
)

// Settings say where and how mail is read (CorreoBuzon… in configguide/core.yaml).
type Settings struct {
	Kind Kind
	// Server and what follows up to Password are for IMAP and POP3. Port 0 is the usual one.
	Server     string
	Port       int
	Encryption Encryption
	User       string
	Password   string
	// Folder is the IMAP folder that is read; "" is INBOX.
	Folder string
	// Done is the IMAP folder that mails go to which were kept; with "" they stay and are marked as read.
	Done string
	// Path is the Maildir: the folder that holds new, cur and tmp.
	Path string
}

// MaxMail is the largest mail that is read, in bytes. Of a larger one an IMAP folder or a Maildir gives the beginning,
// which holds what matters, and keeps the whole; in a POP3 mailbox it stays where it is.
const MaxMail = 16 << 20

// maxMails is how many mails one visit takes at most.
const maxMails = 1000

// Keep takes one mail as it arrived, and the envelope's recipient where the source tells it ("" otherwise). After an
// error the mail stays and the visit ends.
type Keep func(ctx context.Context, raw []byte, recipient string) error

// Source is a place where mail arrives. Only one Fetch may run at a time.
type Source interface {
	// Fetch hands over the mails that are new, and returns how many were kept. The error is an *Error, or that of keep,
	// or the context's; n counts also then.
	Fetch(ctx context.Context, keep func(ctx context.Context, raw []byte, recipient string) error) (n int, err error)
}

// Open returns the source of the settings without visiting it. Settings that lack something are an *Error.
func Open(set Settings) (Source, error) {
	return open(set, dialer{limits: limits{dial: 30 * time.Second, idle: time.Minute, visit: 15 * time.Minute}})
}

func open(set Settings, d dialer) (Source, error) {
	switch set.Kind {
	case None, "":
		return nothing{}, nil
	case Maildir:
		if set.Path == "" {
			return nil, &Error{Problem: Incomplete, Where: string(set.Kind)}
		}
		return &maildir{path: set.Path}, nil
	case IMAP, POP3:
		if set.Server == "" || set.User == "" {
			return nil, &Error{Problem: Incomplete, Where: string(set.Kind)}
		}
		d.set = set
		if set.Kind == POP3 {
			return &pop3{dialer: d, kept: map[string]bool{}}, nil
		}
		return &imapFolder{dialer: d}, nil
	}
	return nil, &Error{Problem: Incomplete, Where: string(set.Kind)}
}

// nothing is the source of a store that reads no mailbox.
type nothing struct{}

func (nothing) Fetch(context.Context, func(context.Context, []byte, string) error) (int, error) {
	return 0, nil
}

// Problem is what staff can do something about; "mailbox." before it makes the key of its sentence, with {where} for
// Where and {what} for what the other side said.
type Problem string

const (
	// Incomplete: the settings lack the server, the user or the folder.
	Incomplete Problem = "incomplete"
	// Unreachable: no connection came about.
	Unreachable Problem = "unreachable"
	// NoEncryption: the server does not offer what the settings ask for, or its certificate is not to be trusted.
	NoEncryption Problem = "no_encryption"
	// OpenPassword: the password would travel readably to another network.
	OpenPassword Problem = "open_password"
	// SignIn: the server refused user and password.
	SignIn Problem = "sign_in"
	// NoFolder: there is no such folder, or it may not be read.
	NoFolder Problem = "no_folder"
	// Interrupted: the line broke, or the server fell silent or talked nonsense, on the way.
	Interrupted Problem = "interrupted"
	// NotMarked: a mail was kept, but could not be marked as done; it will come again.
	NotMarked Problem = "not_marked"
)

// Error is why a mailbox could not be read, or not to its end.
type Error struct {
	Problem Problem
	// Where is the server or the folder.
	Where string
	// Err is the cause; nil where there is none beyond the problem.
	Err error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("mailbox %s: %s", e.Where, e.Problem)
	}
	return fmt.Sprintf("mailbox %s: %s: %v", e.Where, e.Problem, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Key names the sentence for staff in the translation files.
func (e *Error) Key() string { return "mailbox." + string(e.Problem) }

// What is what the other side said, for the sentence.
func (e *Error) What() string {
	if e.Err == nil {
		return ""
	}
	return e.Err.Error()
}

// blame returns the error of a visit that failed: the context's when that ended it, and else the problem, unless a
// narrower one is known already.
func blame(ctx context.Context, problem Problem, where string, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(context.Cause(ctx), errVisit) {
		return cause
	}
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return &Error{Problem: problem, Where: where, Err: err}
}

// errVisit ends a visit that took too long.
var errVisit = errors.New("the visit took too long")
