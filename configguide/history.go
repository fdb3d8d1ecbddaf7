package configguide

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Change is one line of the history.
type Change struct {
	Key string
	// At is whose value it was.
	At       At
	Sequence uint64
	Time     time.Time
	// Operator is who did it, at the till Till; "archivo" when a template's file was changed on disk.
	Operator, Till string
	// From and To are the values; nil means that none was set. A secret is Masked.
	From, To any
	// FromText and ToText are the SHA-256 of the contents of a template_file or file, in hexadecimal.
	FromText, ToText string
}

// change is a Change as it is kept, by its sequence.
type change struct {
	Key      string    `json:"key"`
	Time     time.Time `json:"time"`
	Operator string    `json:"operator,omitempty"`
	Till     string    `json:"till,omitempty"`
	Channel  string    `json:"channel,omitempty"`
	// Scope and ScopeTill are whose value it was; left out for the store's.
	Scope     Scope   `json:"scope,omitempty"`
	ScopeTill string  `json:"scope_till,omitempty"`
	From      *record `json:"from,omitempty"`
	To        *record `json:"to,omitempty"`
}

// at is whose value it was.
func (c *change) at() At {
	if c.Scope == 0 {
		return Store
	}
	return At{c.Scope, c.ScopeTill}
}

// last is the sequence of the newest change.
func last(tx Tx) uint64 {
	for key := range tx.ScanReverse(bucketHistory, nil, nil) {
		return binary.BigEndian.Uint64(key)
	}
	return 0
}

// DefaultHistory is how many changes History returns when no limit is given.
const DefaultHistory = 100

// History returns the changes of a key at all scopes, or of all keys when it is empty, newest first. It knows keys
// of plugins that are not active too.
func (g *Guide) History(key string, limit int) ([]Change, error) {
	if limit <= 0 {
		limit = DefaultHistory
	}
	var out []Change
	err := g.cfg.KV.View(func(tx Tx) error {
		if key == "" {
			for sequence, data := range tx.ScanReverse(bucketHistory, nil, nil) {
				c, err := read(sequence, data)
				if err != nil {
					return err
				}
				if out = append(out, c.shown(sequence)); len(out) == limit {
					break
				}
			}
			return nil
		}
		prefix := []byte(key + "\x00")
		for k := range tx.ScanReverse(bucketByKey, prefix, nil) {
			sequence := k[len(prefix):]
			c, err := read(sequence, tx.Get(bucketHistory, sequence))
			if err != nil {
				return err
			}
			if out = append(out, c.shown(sequence)); len(out) == limit {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("configguide: history: %w", err)
	}
	return out, nil
}

// read reads a line of the history.
func read(sequence, data []byte) (*change, error) {
	var c change
	if len(sequence) != 8 {
		return nil, errors.New("a key of the history is damaged")
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return nil, fmt.Errorf("change %d: %w", binary.BigEndian.Uint64(sequence), err)
	}
	return &c, nil
}

// shown is the change as a person sees it.
func (c *change) shown(sequence []byte) Change {
	out := Change{
		Key: c.Key, At: c.at(), Sequence: binary.BigEndian.Uint64(sequence), Time: c.Time, Operator: c.Operator, Till: c.Till,
	}
	out.From, out.FromText = c.From.shown()
	out.To, out.ToText = c.To.shown()
	return out
}

// Revert puts back the value that a change replaced, at the scope of that change; that is a change again, by actor.
// It returns ErrNoChange when the key has no such change, and *Refused when the old value is no longer good. A value
// whose plugin is not active is put back as it was, and kept aside.
func (g *Guide) Revert(ctx context.Context, actor *plgv1.Actor, key string, sequence uint64, lang string) (Entry, error) {
	c, text, err := g.recall(key, sequence)
	if err != nil {
		return Entry{}, fmt.Errorf("%w: %s, change %d", err, key, sequence)
	}
	return g.change(ctx, actor, key, c.at(), lang, func(s *snapshot) (*plan, error) {
		wish := Wish{Key: key, At: c.at()}
		e, ok := s.byKey[key]
		switch {
		case !ok:
			return &plan{key: key, at: c.at(), to: c.From, text: text}, nil
		case c.From == nil:
		case c.From.Text != nil && e.Type == manifest.TypeTemplateFile:
			return g.restoreTemplate(s, e, c, text, lang)
		case c.From.Text != nil:
			wish.Value, wish.Content = c.From.Value, &text
		case c.From.Sealed != nil:
			secret, err := g.open(key, c.From.Sealed)
			if err != nil {
				return nil, fmt.Errorf("configguide: secret of change %d cannot be opened: %w", sequence, err)
			}
			wish.Value = secret
		default:
			wish.Value = c.From.Value
		}
		return g.plan(s, wish, lang)
	})
}

// recall reads a change of a key, and the content that it replaced.
func (g *Guide) recall(key string, sequence uint64) (c *change, text string, err error) {
	err = g.cfg.KV.View(func(tx Tx) error {
		at := binary.BigEndian.AppendUint64(nil, sequence)
		data := tx.Get(bucketHistory, at)
		if data == nil {
			return ErrNoChange
		}
		var err error
		if c, err = read(at, data); err != nil {
			return err
		}
		if c.Key != key {
			return ErrNoChange
		}
		if c.From != nil && c.From.Text != nil {
			text = string(tx.Get(bucketText, c.From.Text))
		}
		return nil
	})
	return c, text, err
}
