// Package configguide is the Configuration Guide (Guía de Configuración, seed 000): the one place where all
// that can be set in a store is listed, changed and remembered.
//
// The catalogue is made of the core's own entries (core.yaml) and those in the manifests of the active
// plugins. A value stands at a scope: one till, the store, or the chain of stores; the narrowest that is set holds,
// and the default where none is. It is checked where it is set, by its type, by the entry's own rules, and by the
// plugin that it belongs to when that asks for it; a bad one is Refused with diagnostics for the person, and the old
// one stays. What rules of interplay lock nobody changes. Every change is kept with who, where, when, from and to,
// and can be reverted, which is a change again. Values of plugins that are switched off or removed are kept aside:
// they are in force again when the plugin is, and until then can be listed (Aside), removed and exported.
//
// Export writes what is set as YAML that people can read, secrets left out. Import reads it back strictly, shows
// the differences, and takes all of it over in one transaction, or nothing.
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
// until something is set. A file is a name and a content that the Guide alone keeps.
package configguide

import (
	"context"
	"crypto/cipher"
	"embed"
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
	bucketValue   = "setting"             // key, and for other scopes than the store's which (At.kept) → record
	bucketHistory = "setting_history"     // sequence → change
	bucketByKey   = "setting_history_key" // key, 0, sequence → nothing
	bucketText    = "setting_text"        // SHA-256 → text of a template, content of a file
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
	// condition (valid) and what the core asks of its settings. values is what would be in force with it, of what the
	// setting's owner may see, secrets left out. Errors forbid the value, warnings do not. Nil accepts every value.
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
	var stored records
	err = cfg.KV.View(func(tx Tx) (err error) {
		stored, err = readRecords(tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("configguide: %w", err)
	}
	s, err := g.build(stored, nil, nil)
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
