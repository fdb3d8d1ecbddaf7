// Package library keeps the templates of messages that people edit on screen (seed 003), and every version of them.
//
// There are three kinds. A template of the library ("biblioteca/pedido") was made here. One of a plug-in
// ("PLG0110/templates/pedido.html") comes with its package; once somebody changes it, the store's text is in force in
// its place, language by language, until it is restored. One that a setting holds (PLG0074TextoFile) is edited in the
// Configuration Guide and only listed here.
//
// A text is in force in a language. A customer gets his language, else the same without its region, else the store's,
// else Spanish, else whatever there is. Each change of a text makes a version that is kept for good, with who made it
// and when: messages say which one they left with. HTML is kept clean (message.Sanitize), and a text with an error in
// its check list is refused, so that what is in force can always be sent.
//
// All texts in force are in memory, since every mail asks for one.
package library

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/message"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// The package's buckets.
const (
	// Templates that were made or changed here, by id, with their texts in force.
	bucketTemplate store.Bucket = "template"
	// Versions: id, 0, language, 0, version (4 bytes, big endian) → TemplateVersion.
	bucketVersion store.Bucket = "template_version"
	// How many messages left with a version: its key → number (8 bytes, big endian).
	bucketSent store.Bucket = "template_sent"
)

// Prefix begins the ids of the library's own templates.
const Prefix = "biblioteca/"

// Bounds of a library.
const (
	maxTemplates = 500
	maxLanguages = 20
	maxName      = 120
)

// ErrNotFound says that there is no template of that id.
var ErrNotFound = errors.New("library: no such template")

// Brought is a text that an active plug-in brings: one language of a template.
type Brought struct {
	// ID is PLUGIN/path: "PLG0110/templates/pedido.html".
	ID string
	// Plugin is its id, Theme its name in the language that was asked for.
	Plugin, Theme string
	// Setting is the key of the setting that holds the template; it is edited there.
	Setting string
	Source  message.Source
}

// Config is what the library works with. All but UsedBy, Brought and Changed is needed.
type Config struct {
	Store    *store.Store
	Messages *message.Service
	// Text gives the sentences that people read.
	Text message.Text
	// Language is the store's.
	Language func() string
	// Brought lists what the active plug-ins bring.
	Brought func(lang string) []Brought
	// UsedBy names what uses a template, in words: rules.
	UsedBy func(id string) []string
	// Changed is told that the templates are others. It must be quick.
	Changed func(id string)
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Service is the library of one store. It is safe for concurrent use.
type Service struct {
	cfg Config
	// mu keeps now in step with the store.
	mu sync.Mutex
	// now holds the templates of bucketTemplate by id; it is replaced and never changed.
	now atomic.Pointer[map[string]*entry]
}

// entry is a template that was made or changed here.
type entry struct {
	t       *mostradorv1.Template
	sources map[string]message.Source
}

func newEntry(t *mostradorv1.Template) *entry {
	e := &entry{t: t, sources: make(map[string]message.Source, len(t.Texts))}
	for _, text := range t.Texts {
		e.sources[text.Language] = message.Source{
			HTML: text.Html, Text: text.Text, SHA256: message.Sum(text.Html, text.Text), Version: text.Version, Language: text.Language,
		}
	}
	return e
}

// New opens the library of a store.
func New(cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Brought == nil {
		cfg.Brought = func(string) []Brought { return nil }
	}
	if cfg.UsedBy == nil {
		cfg.UsedBy = func(string) []string { return nil }
	}
	if cfg.Changed == nil {
		cfg.Changed = func(string) {}
	}
	s := &Service{cfg: cfg}
	all := map[string]*entry{}
	err := cfg.Store.View(func(tx *store.Tx) error {
		for key, value := range tx.Scan(bucketTemplate, nil, nil) {
			t := new(mostradorv1.Template)
			if err := proto.Unmarshal(value, t); err != nil {
				return fmt.Errorf("template %s: %w", key, err)
			}
			all[t.Id] = newEntry(t)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("library: %w", err)
	}
	s.now.Store(&all)
	return s, nil
}

// Languages are those in which a text is looked for, in order.
func (s *Service) Languages(lang string) []string {
	var all []string
	for _, l := range []string{lang, s.cfg.Language(), "es"} {
		base, _, _ := strings.Cut(l, "-")
		for _, l := range []string{l, base} {
			if l != "" && !slices.Contains(all, l) {
				all = append(all, l)
			}
		}
	}
	return all
}

// Source returns the text in force of a template that was made or changed here, in a language or the nearest that it
// has. It reports false when there is none; then a plug-in's own is in force. exact asks for that language and no other.
func (s *Service) Source(id, lang string, exact bool) (message.Source, bool) {
	e := (*s.now.Load())[id]
	if e == nil {
		return message.Source{}, false
	}
	if source, ok := e.sources[lang]; ok || exact {
		return source, ok
	}
	for _, l := range s.Languages(lang) {
		if source, ok := e.sources[l]; ok {
			return source, true
		}
	}
	if len(e.t.Texts) == 0 {
		return message.Source{}, false
	}
	return e.sources[e.t.Texts[0].Language], true
}

// Observe counts with which version a message left. It is for message.Config.Observe.
func (s *Service) Observe(tx *store.Tx, old, now *mostradorv1.Message) error {
	left := func(m *mostradorv1.Message) bool {
		return m.GetState() == mostradorv1.MessageState_MESSAGE_STATE_SENT || m.GetState() == mostradorv1.MessageState_MESSAGE_STATE_SPOOLED
	}
	if now.GetTemplateVersion() == 0 || left(old) || !left(now) {
		return nil
	}
	key := versionKey(idOf(now), now.GetLanguage(), now.GetTemplateVersion())
	tx.Put(bucketSent, key, binary.BigEndian.AppendUint64(nil, number(tx.Get(bucketSent, key))+1))
	return nil
}

// idOf is the id of a message's template.
func idOf(m *mostradorv1.Message) string {
	if strings.HasPrefix(m.GetTemplate(), Prefix) {
		return m.GetTemplate()
	}
	return m.GetPlugin() + "/" + m.GetTemplate()
}

func number(value []byte) uint64 {
	if len(value) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(value)
}

func versionPrefix(id, lang string) []byte { return []byte(id + "\x00" + lang + "\x00") }

func versionKey(id, lang string, version uint32) []byte {
	return binary.BigEndian.AppendUint32(versionPrefix(id, lang), version)
}

// keep puts a template into the transaction and, once that is on disk, into memory; nil takes it away.
func (s *Service) keep(tx *store.Tx, id string, t *mostradorv1.Template) error {
	if t == nil {
		tx.Delete(bucketTemplate, []byte(id))
	} else if err := store.PutProto(tx, bucketTemplate, []byte(id), t); err != nil {
		return err
	}
	tx.OnCommit(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		next := make(map[string]*entry, len(*s.now.Load())+1)
		for id, e := range *s.now.Load() {
			next[id] = e
		}
		delete(next, id)
		if t != nil {
			next[id] = newEntry(t)
		}
		s.now.Store(&next)
		s.cfg.Changed(id)
	})
	return nil
}

// Versions returns the versions of a template, newest first: of one language, or of all.
func (s *Service) Versions(_ context.Context, id, lang string) ([]*mostradorv1.TemplateVersion, error) {
	var list []*mostradorv1.TemplateVersion
	prefix := []byte(id + "\x00")
	if lang != "" {
		prefix = versionPrefix(id, lang)
	}
	const most = 500
	err := s.cfg.Store.View(func(tx *store.Tx) error {
		for key, value := range tx.ScanReverse(bucketVersion, prefix, nil) {
			if len(list) == most {
				break
			}
			v := new(mostradorv1.TemplateVersion)
			if err := proto.Unmarshal(value, v); err != nil {
				return fmt.Errorf("a version of %s: %w", id, err)
			}
			v.Messages = number(tx.Get(bucketSent, key))
			list = append(list, v)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("library: %w", err)
	}
	slices.SortStableFunc(list, func(a, b *mostradorv1.TemplateVersion) int {
		return b.GetTime().AsTime().Compare(a.GetTime().AsTime())
	})
	if len(list) == 0 {
		if _, err := s.Get(id, lang); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// text is a sentence in a language.
func (s *Service) text(lang, key string, args ...any) string {
	return s.cfg.Text(lang, "library."+key, args...)
}

// kindOf is the kind of a template of which none was said.
func kindOf(kind plgv1.MessageKind) plgv1.MessageKind {
	if kind == plgv1.MessageKind_MESSAGE_KIND_UNSPECIFIED {
		return plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL
	}
	return kind
}
