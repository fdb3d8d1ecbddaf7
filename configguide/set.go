package configguide

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"time"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Change is one line of the history.
type Change struct {
	Key      string
	Sequence uint64
	Time     time.Time
	// Operator is who did it; "fichero" when a template's file was changed on disk.
	Operator, Till string
	// From and To are the values; nil means that none was set. A secret is Masked.
	From, To any
	// FromText and ToText are the SHA-256 of the texts of a template_file, in hexadecimal.
	FromText, ToText string
}

// change is a Change as it is kept, by its sequence.
type change struct {
	Key      string    `json:"key"`
	Time     time.Time `json:"time"`
	Operator string    `json:"operator,omitempty"`
	Till     string    `json:"till,omitempty"`
	Channel  string    `json:"channel,omitempty"`
	From     *record   `json:"from,omitempty"`
	To       *record   `json:"to,omitempty"`
}

// Set puts a value in force, after it was checked; nil takes the set value away, so that the default holds.
// For a template_file value is the path of a file, and content, when not nil, the text itself, which is then
// written to a file of that name in the folder of templates. Setting what is set already changes nothing.
//
// What is wrong comes back as *Refused, in the language given; it wraps ErrUnknown for a key that is not in the
// catalogue.
func (g *Guide) Set(ctx context.Context, actor *plgv1.Actor, key string, value any, content *string, lang string) (Entry, error) {
	done, err := g.set(ctx, actor, key, lang, func(e *entry, s *snapshot) (*record, string, error) {
		return g.prepare(e, s, value, content, lang)
	})
	if err != nil {
		return Entry{}, err
	}
	if done {
		g.changed(key)
	}
	return g.Entry(key, lang)
}

// set works out the new record of an entry and commits it. It reports whether anything changed.
func (g *Guide) set(ctx context.Context, actor *plgv1.Actor, key, lang string,
	prepare func(*entry, *snapshot) (*record, string, error)) (bool, error) {
	if err := g.lock(ctx); err != nil {
		return false, err
	}
	defer func() { <-g.turn }()
	s := g.now.Load()
	e, ok := s.byKey[key]
	if !ok {
		return false, unknown(key, lang)
	}
	to, text, err := prepare(e, s)
	if err != nil || g.same(key, from(s, key), to) {
		return false, err
	}
	if err := g.commit(ctx, actor, key, to, text, true); err != nil {
		return false, err
	}
	return true, nil
}

// from is the record in force, nil when none is set.
func from(s *snapshot, key string) *record {
	if r, ok := s.records[key]; ok {
		return &r
	}
	return nil
}

// same tells whether two records hold the same value.
func (g *Guide) same(key string, a, b *record) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Sealed != nil && b.Sealed != nil {
		x, errX := g.open(key, a.Sealed)
		y, errY := g.open(key, b.Sealed)
		return errX == nil && errY == nil && x == y
	}
	return reflect.DeepEqual(a.Value, b.Value) && string(a.Text) == string(b.Text) && (a.Sealed == nil) == (b.Sealed == nil)
}

// prepare checks a value and makes its record; nil means that none shall be set. text is what a
// template_file puts in force.
func (g *Guide) prepare(e *entry, s *snapshot, value any, content *string, lang string) (*record, string, error) {
	switch {
	case e.Type == manifest.TypeTemplateFile && (value != nil || content != nil):
		return g.prepareTemplate(e, value, content, lang)
	case e.Type == manifest.TypeSecret && value == Masked:
		return from(s, e.Key), "", nil // what a screen shows, handed back
	}
	v, problem := parse(e.Setting, value, s.currency())
	switch {
	case problem != nil:
		return nil, "", refuse(e.Setting, problem, lang)
	case v == nil:
		return nil, "", nil
	case e.Type == manifest.TypeSecret:
		secret, _ := v.(string)
		return &record{Sealed: g.sealed(e.Key, secret)}, "", nil
	}
	return &record{Value: v}, "", nil
}

// commit writes a record with its line in the history (unless quiet) and puts it in force.
func (g *Guide) commit(ctx context.Context, actor *plgv1.Actor, key string, to *record, text string, history bool) error {
	s := g.now.Load()
	records := maps.Clone(s.records)
	delete(records, key)
	if to != nil {
		records[key] = *to
	}
	line := change{
		Key: key, Time: g.cfg.Now().UTC(), Operator: actor.GetOperator(), Till: actor.GetTill(),
		Channel: actor.GetChannel(), From: from(s, key), To: to,
	}
	err := g.cfg.KV.Update(ctx, func(tx Tx) error {
		if to == nil {
			tx.Delete(bucketValue, []byte(key))
		} else if err := put(tx, bucketValue, []byte(key), to); err != nil {
			return err
		}
		if to != nil && to.Text != nil && text != "" {
			tx.Put(bucketText, to.Text, []byte(text))
		}
		if !history {
			return nil
		}
		sequence := binary.BigEndian.AppendUint64(nil, last(tx)+1)
		tx.Put(bucketByKey, append([]byte(key+"\x00"), sequence...), []byte{1})
		return put(tx, bucketHistory, sequence, &line)
	})
	if err != nil {
		return fmt.Errorf("configguide: keeping %s: %w", key, err)
	}
	after, err := g.build(records, s.manifests, s)
	if err != nil {
		return err
	}
	g.now.Store(after)
	return nil
}

// put keeps a value as JSON.
func put(tx Tx, bucket string, key []byte, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	tx.Put(bucket, key, data)
	return nil
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

// History returns the changes of a key, or of all when it is empty, newest first. It knows keys of plugins
// that are not active too.
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
		Key: c.Key, Sequence: binary.BigEndian.Uint64(sequence), Time: c.Time, Operator: c.Operator, Till: c.Till,
	}
	out.From, out.FromText = c.From.shown()
	out.To, out.ToText = c.To.shown()
	return out
}

// shown is a record as a person sees it: its value, and the SHA-256 of its text.
func (r *record) shown() (value any, text string) {
	switch {
	case r == nil:
		return nil, ""
	case r.Sealed != nil:
		return Masked, ""
	case r.Text != nil:
		return r.Value, fmt.Sprintf("%x", r.Text)
	}
	return r.Value, ""
}

// Revert puts back the value that a change replaced; that is a change again, by actor. It returns ErrNoChange
// when the key has no such change, and *Refused when the old value is no longer good.
func (g *Guide) Revert(ctx context.Context, actor *plgv1.Actor, key string, sequence uint64, lang string) (Entry, error) {
	done, err := g.set(ctx, actor, key, lang, func(e *entry, s *snapshot) (*record, string, error) {
		var c *change
		var text string
		err := g.cfg.KV.View(func(tx Tx) error {
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
		switch {
		case err != nil:
			return nil, "", fmt.Errorf("%w: %s, change %d", err, key, sequence)
		case c.From == nil:
			return g.prepare(e, s, nil, nil, lang)
		case c.From.Text != nil && e.Type == manifest.TypeTemplateFile:
			return g.restoreTemplate(e, *c.From, text, lang)
		case c.From.Sealed != nil:
			secret, err := g.open(key, c.From.Sealed)
			if err != nil {
				return nil, "", fmt.Errorf("configguide: secret of change %d cannot be opened: %w", sequence, err)
			}
			return g.prepare(e, s, secret, nil, lang)
		}
		return g.prepare(e, s, c.From.Value, nil, lang)
	})
	if err != nil {
		return Entry{}, err
	}
	if done {
		g.changed(key)
	}
	return g.Entry(key, lang)
}
