package message

import (
	"errors"
	"fmt"
	"mime"
	"path"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/blob"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// File is what a mail brings along: a bill, a ticket.
type File struct {
	Name string
	// ContentType is its MIME type; guessed from the name when empty.
	ContentType string
	Content     []byte
}

// mostFiles is how many files one mail may bring along; maxFiles is how much.
const mostFiles = 10

// Errors of Queue, for which trying again is of no use.
var (
	// ErrTooLarge says that a mail brings too much along.
	ErrTooLarge = fmt.Errorf("a mail may bring along %d files of %d MB together", mostFiles, maxFiles>>20)
	// ErrNobody says that advertising is meant for somebody who is no customer, and so cannot have consented.
	ErrNobody = errors.New("advertising goes to customers only")
)

// Queue keeps a message in the caller's transaction; it leaves once that has committed. A message whose id is
// there already changes nothing. The caller gives kind, customer_id, to, template, plugin, event_sequence,
// links with their tokens, data, and an id made by ID (an empty one is made up); an empty to is the customer's
// address; with not_before it leaves no earlier, with expires no later. The rest is filled in, in m itself. A mail to
// an address that is no customer's has no customer_id and is never advertising.
func (s *Service) Queue(tx *store.Tx, m *mostradorv1.Message, files ...File) error {
	now := s.cfg.Now()
	if m.Id == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("name a message: %w", err)
		}
		m.Id = id.String()
	}
	if tx.Get(bucketMessage, []byte(m.Id)) != nil {
		return nil
	}
	promotional := m.Kind == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL
	if promotional && m.CustomerId == "" {
		return ErrNobody
	}
	if m.MessageId == "" {
		m.MessageId = m.Id + "@" + senderDomain(s.cfg.Settings())
	}
	m.State = mostradorv1.MessageState_MESSAGE_STATE_QUEUED
	if m.Queued == nil {
		m.Queued = timestamppb.New(now)
	}
	m.NextAttempt = s.next(m, now)
	if m.To == "" {
		c, err := s.customer(tx, m)
		if err != nil {
			return err
		}
		m.To = c.GetEmail()
	}
	if promotional {
		if err := s.wayOut(tx, m); err != nil {
			return err
		}
	}
	if err := bring(tx, m, files); err != nil {
		return err
	}
	if m.CustomerId != "" {
		tx.Put(bucketCustomer, customerKey(m.CustomerId, m.Id), []byte{})
	}
	return s.put(tx, nil, m)
}

// next is when a message is to be tried that could leave now, as far as it is not planned for later.
func (s *Service) next(m *mostradorv1.Message, now time.Time) *timestamppb.Timestamp {
	if m.NotBefore != nil && m.NotBefore.AsTime().After(now) {
		return m.NotBefore
	}
	return timestamppb.New(now)
}

// wayOut gives advertising a link by which the customer leaves it, when its plug-in gave none.
func (s *Service) wayOut(tx *store.Tx, m *mostradorv1.Message) error {
	if s.cfg.OptOut == nil {
		return nil
	}
	for _, link := range m.Links {
		if link.GetKind() == plgv1.Link_KIND_OPT_OUT {
			return nil
		}
	}
	token, err := s.cfg.OptOut(tx, m.CustomerId)
	if err != nil {
		return fmt.Errorf("the way out of promotions for message %s: %w", m.Id, err)
	}
	if m.Links == nil {
		m.Links = map[string]*plgv1.Link{}
	}
	if m.Tokens == nil {
		m.Tokens = map[string]string{}
	}
	m.Links[LinkOptOut] = &plgv1.Link{Kind: plgv1.Link_KIND_OPT_OUT, CustomerId: m.CustomerId}
	m.Tokens[LinkOptOut] = token
	return nil
}

// bring keeps what a mail brings along.
func bring(tx *store.Tx, m *mostradorv1.Message, files []File) error {
	if len(m.Files)+len(files) > mostFiles {
		return ErrTooLarge
	}
	var size int64
	for _, f := range m.Files {
		size += f.Size
	}
	for _, f := range files {
		if size += int64(len(f.Content)); size > maxFiles {
			return ErrTooLarge
		}
	}
	for _, f := range m.Files {
		if !blob.Hold(tx, f.Sha256) {
			return fmt.Errorf("message %s: there is no file %x", m.Id, f.Sha256)
		}
	}
	for _, f := range files {
		sum := blob.Put(tx, f.Content)
		kind := f.ContentType
		if kind == "" {
			kind = mime.TypeByExtension(path.Ext(f.Name))
		}
		if kind == "" {
			kind = "application/octet-stream"
		}
		m.Files = append(m.Files, &mostradorv1.MessageFile{Name: f.Name, ContentType: kind, Sha256: sum[:], Size: int64(len(f.Content))})
	}
	return nil
}

// put writes a row and tells whoever observes rows; old is the row before, nil when new.
func (s *Service) put(tx *store.Tx, old, m *mostradorv1.Message) error {
	if err := s.write(tx, old, m); err != nil || s.cfg.Observe == nil {
		return err
	}
	if err := s.cfg.Observe(tx, old, m); err != nil {
		return fmt.Errorf("message %s: %w", m.Id, err)
	}
	return nil
}

// write is put without the telling: the row and what hangs on it.
func (s *Service) write(tx *store.Tx, old, m *mostradorv1.Message) error {
	if waits(old) {
		unqueue(tx, old)
	}
	if waits(m) {
		enqueue(tx, m)
		tx.OnCommit(s.Wake)
	}
	if was, is := hasFailed(old), hasFailed(m); was != is {
		if is {
			tx.Put(bucketFailed, []byte(m.Id), []byte{})
		} else {
			tx.Delete(bucketFailed, []byte(m.Id))
		}
	}
	if s.cfg.Changed != nil {
		told := &mostradorv1.Message{Id: m.Id, CustomerId: m.CustomerId, Kind: m.Kind, State: m.State}
		tx.OnCommit(func() { s.cfg.Changed(told) })
	}
	return store.PutProto(tx, bucketMessage, []byte(m.Id), m)
}

func hasFailed(m *mostradorv1.Message) bool {
	return m.GetState() == mostradorv1.MessageState_MESSAGE_STATE_FAILED
}

// Change has fn change the row of a message in the caller's transaction: what became of the mail after it left, for
// instance. It is ErrNotFound when there is no such message, or it was forgotten.
func (s *Service) Change(tx *store.Tx, id string, fn func(m *mostradorv1.Message)) error {
	old, err := load(tx, id)
	if err != nil {
		return err
	}
	if forgotten(old) {
		return ErrNotFound
	}
	row := proto.CloneOf(old)
	fn(row)
	row.Id = id
	return s.put(tx, old, row)
}
