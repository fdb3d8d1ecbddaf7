// Package configguide is the Configuration Guide (Guía de Configuración, seed 000): the one place where all
// that can be set in a store is listed, changed and remembered.
//
// The catalogue is made of the core's own entries (core.yaml) and those in the manifests of the active
// plugins. A value is checked by its type and the entry's own rules where it is set; a bad one is Refused with
// diagnostics for the person, and the old one stays. Every change is kept with who, where, when, from and to,
// and can be reverted, which is a change again. Values of plugins that are switched off or removed stay.
//
// Reading is free: the values in force stand in an immutable snapshot that each change replaces. So reading
// is possible anywhere, also within a transaction. Changes are one transaction each in the host's store,
// which the Guide knows as the interface KV.
//
// Secrets are sealed (AES-256-GCM under a key derived from the store's) where they are kept, in the history
// too, and nothing but Secret and ValuesFor their owner opens them; elsewhere they are Masked.
//
// A template_file is a file's path and, beside it, the Guide's own copy of the text, by its SHA-256. The copy
// is what is in force: when the file breaks or goes, the copy stays and the entry carries a warning; when the
// file changes to another good text, Refresh puts that in force. The package's own default text is in force
// until something is set.
package configguide

import (
	"context"
	"crypto/cipher"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Masked is what stands for a secret wherever it is shown.
const Masked = "••••"

// Core is the owner of the entries that belong to no plugin.
const Core = "core"

// ErrUnknown says that the catalogue has no such key; the plugin that owns it may not be active.
var ErrUnknown = errors.New("no such setting")

// ErrNoChange says that the history has no such change.
var ErrNoChange = errors.New("no such change")

// Refused says to a person why a value was not taken. What was in force stays in force.
type Refused struct {
	Diagnostics []*plgv1.Diagnostic

	cause error
}

// Unwrap returns ErrUnknown when that is the reason.
func (r *Refused) Unwrap() error { return r.cause }

// unknown refuses a key that is not in the catalogue.
func unknown(key, lang string) error {
	return &Refused{cause: ErrUnknown, Diagnostics: []*plgv1.Diagnostic{{
		Severity: plgv1.Severity_SEVERITY_ERROR, Summary: say(lang, "unknown", short(key)), Path: key, Code: "setting_unknown",
	}}}
}

// Error joins the sentences.
func (r *Refused) Error() string {
	var b strings.Builder
	for i, d := range r.Diagnostics {
		if i > 0 {
			b.WriteString(" ")
		}
		b.WriteString(d.GetSummary())
	}
	return b.String()
}

// KV is where values are kept: the host's store.
type KV interface {
	// View runs fn over a snapshot that it may read only.
	View(fn func(Tx) error) error
	// Update runs fn once and commits what it wrote, durably and all or nothing.
	Update(ctx context.Context, fn func(Tx) error) error
}

// Tx is a transaction over named buckets.
type Tx interface {
	// Get returns a value that is valid until the transaction ends, nil when there is none.
	Get(bucket string, key []byte) []byte
	Put(bucket string, key, value []byte)
	Delete(bucket string, key []byte)
	// Scan yields the keys with that prefix that come after `after` (when not nil), ascending.
	Scan(bucket string, prefix, after []byte) iter.Seq2[[]byte, []byte]
	// ScanReverse yields the keys with that prefix that come before `before` (when not nil), descending.
	ScanReverse(bucket string, prefix, before []byte) iter.Seq2[[]byte, []byte]
}

// The buckets in which the Guide keeps its records.
const (
	bucketValue   = "setting"             // key → record
	bucketHistory = "setting_history"     // sequence → change
	bucketByKey   = "setting_history_key" // key, 0, sequence → nothing
	bucketText    = "setting_text"        // SHA-256 → text of a template
)

// Config is what a Guide works with.
type Config struct {
	KV KV
	// Key is the store's master key; the Guide seals with one derived from it.
	Key []byte
	// TemplatesDir is the folder for texts that are typed on screen (HOME/templates).
	TemplatesDir string
	// ReadFile reads a file of a plugin's package ("templates/bienvenida.html").
	ReadFile func(plugin, name string) ([]byte, error)
	// CheckTemplate says what is wrong with a template's text, in the person's language; errors forbid it,
	// warnings do not. Nil accepts every text.
	CheckTemplate func(text, lang string) []*plgv1.Diagnostic
	// CheckValue says, in the person's language, what is wrong with a value that its type allows: the entry's own
	// condition (valid) and what the core asks of its settings. values is what would be in force with it, secrets
	// left out. Errors forbid the value, warnings do not. Nil accepts every value.
	CheckValue func(s *manifest.Setting, value any, values map[string]any, lang string) []*plgv1.Diagnostic
	// Validate asks the plugin itself about a value of a setting that says `validate: true`. An error means that
	// the plugin gave no answer; the value is then taken, with a warning. It is called within no lock and with a
	// deadline.
	Validate func(ctx context.Context, plugin, key string, value any, lang string) ([]*plgv1.Diagnostic, error)
	// Policy says what rules of interplay leave of a setting. Nil leaves all as they are.
	Policy func(key, lang string) Policy
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Guide is the Configuration Guide of one store. It is safe for use by many goroutines. Its methods that
// change something wait for the disk and must not be called within a transaction; the others may.
type Guide struct {
	cfg    Config
	core   []manifest.Setting
	seal   cipher.AEAD
	turn   chan struct{} // held by whoever changes something
	now    atomic.Pointer[snapshot]
	watch  sync.Mutex
	notify map[int]func(keys []string)
	next   int
}

// snapshot is the catalogue with everything in force; it never changes.
type snapshot struct {
	entries   []*entry // in the order of the tree
	byKey     map[string]*entry
	records   map[string]record // all that is stored, also of plugins that are not active
	manifests []*manifest.Manifest
}

// entry is one setting with what is in force.
type entry struct {
	*manifest.Setting
	owner string
	order []int
	// value is in force: string, float64, bool or []any; nil when there is none. A secret's stays sealed.
	value any
	isSet bool
	// text is what is in force of a template_file.
	text    string
	sha     [32]byte
	warning []warning
	// bad is how the file looked when it was found broken, so that it is not read again and again.
	bad string
}

// record is a value as it is kept.
type record struct {
	Value any `json:"value,omitempty"`
	// Sealed is a secret, instead of Value.
	Sealed []byte `json:"sealed,omitempty"`
	// Text is the SHA-256 of the text of a template_file, whose path is Value; Seen is how the file looked
	// when it was last read.
	Text []byte `json:"text,omitempty"`
	Seen string `json:"seen,omitempty"`
}

//go:embed core.yaml
var coreFile []byte

//go:embed locales/es.yaml locales/en.yaml
var localeFiles embed.FS

// New opens the Guide with the core's entries and what is stored. SetPlugins adds those of plugins.
func New(cfg Config) (*Guide, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	core, err := manifest.ParseSettings(coreFile, "core.yaml")
	if err != nil {
		return nil, fmt.Errorf("configguide: the core's settings: %w", err)
	}
	seal, err := newSeal(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("configguide: key: %w", err)
	}
	g := &Guide{cfg: cfg, core: core, seal: seal, turn: make(chan struct{}, 1), notify: map[int]func([]string){}}
	records := map[string]record{}
	err = cfg.KV.View(func(tx Tx) error {
		for key, value := range tx.Scan(bucketValue, nil, nil) {
			var r record
			if err := json.Unmarshal(value, &r); err != nil {
				return fmt.Errorf("record of %s: %w", key, err)
			}
			records[string(key)] = r
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("configguide: %w", err)
	}
	s, err := g.build(records, nil, nil)
	if err != nil {
		return nil, err
	}
	g.now.Store(s)
	return g, nil
}

// SetPlugins makes the settings of these plugins, and of no others, part of the catalogue. Values that were
// set before are in force again.
func (g *Guide) SetPlugins(manifests []*manifest.Manifest) error {
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	old := g.now.Load()
	s, err := g.build(old.records, manifests, old)
	if err != nil {
		return err
	}
	g.now.Store(s)
	return nil
}

// lock waits for the right to change something.
func (g *Guide) lock(ctx context.Context) error {
	select {
	case g.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// build makes a snapshot. Texts of templates are taken from the old one where they are the same.
func (g *Guide) build(records map[string]record, manifests []*manifest.Manifest, old *snapshot) (*snapshot, error) {
	s := &snapshot{records: records, manifests: manifests, byKey: map[string]*entry{}}
	add := func(owner string, settings []manifest.Setting) {
		for i := range settings {
			e := &entry{Setting: &settings[i], owner: owner}
			if s.byKey[e.Key] == nil {
				s.byKey[e.Key] = e
				s.entries = append(s.entries, e)
			}
		}
	}
	add(Core, g.core)
	sorted := slices.Clone(manifests)
	slices.SortStableFunc(sorted, func(a, b *manifest.Manifest) int { return strings.Compare(a.ID, b.ID) })
	for _, m := range sorted {
		add(m.ID, m.Settings)
	}
	sortTree(s.entries)
	s.fill(s.byKey[keyCurrency]) // amounts of money depend on it
	var unread []*entry
	for _, e := range s.entries {
		s.fill(e)
		if e.Type == manifest.TypeTemplateFile && !s.reuse(e, old) {
			unread = append(unread, e)
		}
	}
	if len(unread) == 0 {
		return s, nil
	}
	err := g.cfg.KV.View(func(tx Tx) error {
		for _, e := range unread {
			g.load(tx, e, records[e.Key])
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("configguide: templates: %w", err)
	}
	return s, nil
}

// fill puts an entry's value in force: the stored one when it is still good, else the default.
func (s *snapshot) fill(e *entry) {
	e.value, e.isSet, e.warning = nil, false, nil
	if e.Default != nil {
		if v, problem := parse(e.Setting, e.Default, s.currency()); problem == nil {
			e.value = v
		} else {
			e.warning = append(e.warning, warning{key: "warning.default", problem: problem})
		}
	}
	r, stored := s.records[e.Key]
	switch {
	case !stored:
	case e.Type == manifest.TypeSecret:
		e.isSet = r.Sealed != nil
	case e.Type == manifest.TypeTemplateFile:
		e.value, e.isSet = r.Value, r.Text != nil
	default:
		v, problem := parse(e.Setting, r.Value, s.currency())
		if problem != nil { // a newer version of the plugin asks for something else
			e.warning = append(e.warning, warning{key: "warning.stored", problem: problem})
			return
		}
		e.value, e.isSet = v, true
	}
}

// currency is the store's currency in this snapshot.
func (s *snapshot) currency() string {
	if e := s.byKey[keyCurrency]; e != nil {
		if code, ok := e.value.(string); ok {
			return code
		}
	}
	return "EUR"
}

// Watch calls fn with the keys whenever values have changed, after the change is on disk and in force. fn is
// called on the goroutine that made the change and must be quick. The returned function ends it.
func (g *Guide) Watch(fn func(keys []string)) (stop func()) {
	g.watch.Lock()
	defer g.watch.Unlock()
	id := g.next
	g.next++
	g.notify[id] = fn
	return func() {
		g.watch.Lock()
		defer g.watch.Unlock()
		delete(g.notify, id)
	}
}

// changed tells the watchers. Nothing is locked while they are called.
func (g *Guide) changed(keys ...string) {
	g.watch.Lock()
	ids := make([]int, 0, len(g.notify))
	for id := range g.notify {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	fns := make([]func([]string), len(ids))
	for i, id := range ids {
		fns[i] = g.notify[id]
	}
	g.watch.Unlock()
	for _, fn := range fns {
		fn(slices.Clone(keys))
	}
}
