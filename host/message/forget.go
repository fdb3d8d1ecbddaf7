package message

import (
	"cmp"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/blob"
	"mostrador/host/store"
)

// Forget takes a customer out of the outbox: what was sent to him stays as a row that says when and by which template,
// without address, subject and mail; what waits is not sent. A mail that is just leaving is past recall. The spooled
// files are removed with ForgetFiles once that is durable.
func (s *Service) Forget(tx *store.Tx, customerID string) (ids []string, err error) {
	ids = slices.Collect(idsNewestFirst(tx, []string{customerID}, ""))
	for _, id := range ids {
		old, err := load(tx, id)
		if err != nil {
			return nil, err
		}
		row := &mostradorv1.Message{
			Id: old.Id, Kind: old.Kind, CustomerId: old.CustomerId, State: old.State, Queued: old.Queued, Sent: old.Sent,
			Attempts: old.Attempts, Plugin: old.Plugin, EventSequence: old.EventSequence,
			Template: old.Template, TemplateSha256: old.TemplateSha256, TemplateVersion: old.TemplateVersion, Language: old.Language,
			Topic: old.Topic, Promotion: old.Promotion, Rule: old.Rule,
		}
		if waits(old) {
			row.State = mostradorv1.MessageState_MESSAGE_STATE_SUPPRESSED
		}
		for _, f := range old.Files {
			blob.Drop(tx, f.Sha256)
		}
		tx.Delete(bucketMail, []byte(id))
		if err := s.put(tx, old, row); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// forgotten tells whether a row is one that Forget left: no other is without a Message-ID.
func forgotten(m *mostradorv1.Message) bool { return m.MessageId == "" }

// ForgetFiles removes the files of the spool that hold these messages.
func (s *Service) ForgetFiles(ids []string) error {
	var errs []error
	for _, id := range ids {
		err := os.Remove(filepath.Join(s.cfg.SpoolDir, id+".eml"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Rows returns up to limit rows of a customer, of whose parts too, that are older than before when it is set, newest
// first and without their tokens.
func (s *Service) Rows(tx *store.Tx, customerID, before string, limit int) ([]*mostradorv1.Message, error) {
	var rows []*mostradorv1.Message
	for id := range idsNewestFirst(tx, s.ids(tx, customerID), before) {
		if len(rows) == limit {
			break
		}
		m, err := load(tx, id)
		if err != nil {
			return nil, err
		}
		rows = append(rows, s.public(m))
	}
	return rows, nil
}

// Kept returns the mail as it left; nil when it has not left, or is not kept.
func (s *Service) Kept(tx *store.Tx, id string) (*mostradorv1.RenderedMail, error) {
	kept, err := unpack(tx, id)
	if err != nil || kept == nil {
		return nil, err
	}
	return Read(kept)
}

// ids are the ids under which a customer's messages are kept.
func (s *Service) ids(tx *store.Tx, customerID string) []string {
	if s.cfg.IDs == nil || customerID == "" {
		return []string{customerID}
	}
	return s.cfg.IDs(tx, customerID)
}

// newest goes through several descending sequences at once, the greatest first.
func newest(sequences []iter.Seq[string]) iter.Seq[string] {
	return func(yield func(string) bool) {
		type source struct {
			next func() (string, bool)
			now  string
		}
		var open []*source
		for _, sequence := range sequences {
			next, stop := iter.Pull(sequence)
			defer stop()
			if now, ok := next(); ok {
				open = append(open, &source{next, now})
			}
		}
		for len(open) > 0 {
			greatest := slices.MaxFunc(open, func(a, b *source) int { return cmp.Compare(a.now, b.now) })
			if !yield(greatest.now) {
				return
			}
			now, more := greatest.next()
			if greatest.now = now; !more {
				open = slices.DeleteFunc(open, func(s *source) bool { return s == greatest })
			}
		}
	}
}
