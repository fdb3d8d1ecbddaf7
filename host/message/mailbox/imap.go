package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

// imapFolder reads a folder of an IMAP server (RFC 9051, RFC 3501): the mails that nobody has read yet.
type imapFolder struct{ dialer }

func (f *imapFolder) Fetch(ctx context.Context, keep func(context.Context, []byte, string) error) (n int, err error) {
	ctx, cancel := f.begin(ctx)
	defer cancel()
	c, err := f.open(ctx)
	if err != nil {
		return 0, blame(ctx, Unreachable, f.set.Server, err)
	}
	defer c.Close()
	uids, err := f.unread(c)
	if err != nil {
		return 0, blame(ctx, Interrupted, f.set.Server, err)
	}
	for _, uid := range uids {
		raw, err := f.read(c, uid)
		if err != nil {
			return n, blame(ctx, Interrupted, f.set.Server, err)
		}
		if raw == nil { // somebody else has taken it away meanwhile
			continue
		}
		if err := keep(ctx, raw, recipientOf(raw)); err != nil {
			return n, fmt.Errorf("keep mail %d of %s: %w", uid, f.set.Server, err)
		}
		n++
		if err := f.done(c, uid); err != nil {
			problem := Interrupted
			if said := (*imap.Error)(nil); errors.As(err, &said) {
				problem = NotMarked
			}
			return n, blame(ctx, problem, f.set.Server, err)
		}
	}
	_ = c.Logout().Wait() // all is done; how the server takes leave does not matter
	return n, nil
}

// open signs in and chooses the folder.
func (f *imapFolder) open(ctx context.Context) (*session, error) {
	l, err := f.dial(ctx, 143, 993)
	if err != nil {
		return nil, err
	}
	var c *imapclient.Client
	if f.set.Encryption == EncryptionSTARTTLS {
		// The library refuses what a server says before TLS.
		if c, err = imapclient.NewStartTLS(l, &imapclient.Options{TLSConfig: f.tlsConfig()}); err != nil {
			return nil, &Error{Problem: NoEncryption, Where: f.set.Server, Err: err}
		}
	} else {
		c = imapclient.New(l, nil)
	}
	s := &session{c, l}
	if err := f.signIn(s); err != nil {
		c.Close()
		return nil, err
	}
	folder := f.set.Folder
	if folder == "" {
		folder = "INBOX"
	}
	if _, err := c.Select(folder, nil).Wait(); err != nil {
		c.Close()
		return nil, f.answered(NoFolder, folder, err)
	}
	return s, nil
}

// session is a conversation on its line.
type session struct {
	*imapclient.Client
	line *line
}

func (f *imapFolder) signIn(c *session) error {
	if err := c.WaitGreeting(); err != nil {
		return fmt.Errorf("greeting: %w", err)
	}
	if c.State() == imap.ConnStateAuthenticated {
		return nil
	}
	caps := c.Caps()
	var err error
	switch {
	case caps.Has(imap.CapLoginDisabled) && caps.Has(imap.AuthCap(sasl.Plain)):
		err = c.Authenticate(sasl.NewPlainClient("", f.set.User, f.set.Password))
	case caps.Has(imap.CapLoginDisabled):
		return &Error{Problem: SignIn, Where: f.set.Server, Err: errors.New("LOGINDISABLED")}
	default:
		err = c.Login(f.set.User, f.set.Password).Wait()
	}
	if err != nil {
		return f.answered(SignIn, f.set.Server, err)
	}
	return nil
}

// answered tells a server's no from a line that broke.
func (f *imapFolder) answered(problem Problem, where string, err error) error {
	if said := (*imap.Error)(nil); errors.As(err, &said) {
		return &Error{Problem: problem, Where: where, Err: err}
	}
	return &Error{Problem: Interrupted, Where: f.set.Server, Err: err}
}

// unread returns the UIDs of the mails that nobody has read, oldest first.
func (f *imapFolder) unread(c *session) ([]imap.UID, error) {
	data, err := c.UIDSearch(&imap.SearchCriteria{NotFlag: []imap.Flag{imap.FlagSeen, imap.FlagDeleted}}, nil).Wait()
	if err != nil {
		return nil, err
	}
	set, _ := data.All.(imap.UIDSet)
	var uids []imap.UID
	// A range may be as long as a server likes to claim.
	for _, r := range set {
		for uid := r.Start; uid != 0 && uid <= r.Stop && len(uids) < maxMails; uid++ {
			uids = append(uids, uid)
		}
	}
	slices.Sort(uids)
	return slices.Compact(uids), nil
}

// read returns a mail's bytes without marking it as read; nil when it is gone.
func (f *imapFolder) read(c *session, uid imap.UID) ([]byte, error) {
	cmd := c.Fetch(imap.UIDSetNum(uid), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{
		{Peek: true, Partial: &imap.SectionPartial{Size: MaxMail}},
	}})
	var raw []byte
	for msg := cmd.Next(); msg != nil; msg = cmd.Next() {
		for item := msg.Next(); item != nil; item = msg.Next() {
			body, ok := item.(imapclient.FetchItemDataBodySection)
			if !ok || body.Literal == nil || raw != nil {
				continue
			}
			// A literal that broke is the library's again, and must not be touched: neither by Next nor by Close.
			if body.Literal.Size() > MaxMail {
				c.line.Close()
				_, _ = io.Copy(io.Discard, body.Literal) // the library waits until it is read
				return nil, errTooLong
			}
			var err error
			raw, err = io.ReadAll(body.Literal)
			if err == nil && int64(len(raw)) < body.Literal.Size() {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				c.line.Close()
				return nil, err
			}
		}
	}
	return raw, cmd.Close()
}

// done marks a mail, or moves it. Without MOVE or UIDPLUS (RFC 6851, RFC 4315) moving would expunge what others have
// marked for deletion, so there it is marked only.
func (f *imapFolder) done(c *session, uid imap.UID) error {
	set := imap.UIDSetNum(uid)
	seen := &imap.StoreFlags{Op: imap.StoreFlagsAdd, Silent: true, Flags: []imap.Flag{imap.FlagSeen}}
	if err := c.Store(set, seen, nil).Close(); err != nil {
		return fmt.Errorf("mark mail %d: %w", uid, err)
	}
	if f.set.Done == "" || !c.Caps().Has(imap.CapMove) && !c.Caps().Has(imap.CapUIDPlus) {
		return nil
	}
	if _, err := c.Move(set, f.set.Done).Wait(); err != nil {
		return fmt.Errorf("move mail %d to %s: %w", uid, f.set.Done, err)
	}
	return nil
}
