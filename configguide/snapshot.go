package configguide

import (
	"fmt"
	"slices"
	"strings"

	"mostrador/sdk/manifest"
)

// snapshot is the catalogue with everything in force; it never changes.
type snapshot struct {
	entries   []*entry // in the order of the tree
	byKey     map[string]*entry
	records   records // all that is stored, also of plugins that are not active
	manifests []*manifest.Manifest
}

// entry is one setting with what is in force.
type entry struct {
	*manifest.Setting
	owner string
	order []int
	// usual is the default, nil when there is none.
	usual any
	// held is what is set, widest first.
	held []held
	// text is what is in force of a template_file.
	text    string
	sha     [32]byte
	warning []warning
	// bad is how the file looked when it was found broken, so that it is not read again and again.
	bad string
}

// held is a value that is set.
type held struct {
	kept
	// value is a string, float64, bool or []any; nil for a secret.
	value any
	// content is that of a file.
	content string
	// bad is why the value does not count any more.
	bad *problem
}

// inForce is what holds at a till, or in the store where none is named; nil when nothing good is set.
func (e *entry) inForce(till string) *held {
	for i := len(e.held) - 1; i >= 0; i-- {
		if h := &e.held[i]; h.bad == nil && (h.Scope != ScopeTill || till != "" && h.Till == till) {
			return h
		}
	}
	return nil
}

// value is the value in force, nil when there is none. A secret's stays sealed.
func (e *entry) value(till string) any {
	if h := e.inForce(till); h != nil {
		return h.value
	}
	return e.usual
}

// record is the record in force in the store, an empty one when nothing is set.
func (e *entry) record() record {
	if h := e.inForce(""); h != nil {
		return h.record
	}
	return record{}
}

// build makes a snapshot. Contents are taken from the old one where they are the same.
func (g *Guide) build(stored records, manifests []*manifest.Manifest, old *snapshot) (*snapshot, error) {
	s := g.filled(stored, manifests)
	var unread []*entry
	for _, e := range s.entries {
		if hasContent(e.Type) && !s.reuse(e, old) {
			unread = append(unread, e)
		}
	}
	if len(unread) == 0 {
		return s, nil
	}
	err := g.cfg.KV.View(func(tx Tx) error {
		for _, e := range unread {
			if e.Type == manifest.TypeFile {
				e.loadFile(tx)
			} else {
				g.loadTemplate(tx, e)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("configguide: contents: %w", err)
	}
	return s, nil
}

// hasContent tells whether a value of the type is the name of a content.
func hasContent(t manifest.Type) bool {
	return t == manifest.TypeTemplateFile || t == manifest.TypeFile
}

// reuse takes contents and warnings over from the snapshot before, when nothing about them changed.
func (s *snapshot) reuse(e *entry, old *snapshot) bool {
	if old == nil {
		return false
	}
	was, ok := old.byKey[e.Key]
	if !ok || was.Setting != e.Setting {
		return false
	}
	if e.Type == manifest.TypeFile {
		if len(was.held) != len(e.held) {
			return false
		}
		for i := range e.held {
			if was.held[i].At != e.held[i].At || string(was.held[i].Text) != string(e.held[i].Text) {
				return false
			}
			e.held[i].content, e.held[i].bad = was.held[i].content, was.held[i].bad
		}
		e.warning = was.warning
		return true
	}
	a, b := was.record(), e.record()
	if string(a.Text) != string(b.Text) || was.value("") != e.value("") || was.text == "" {
		return false
	}
	e.text, e.sha, e.warning, e.bad = was.text, was.sha, was.warning, was.bad
	return true
}

// filled makes a snapshot without the contents of files.
func (g *Guide) filled(stored records, manifests []*manifest.Manifest) *snapshot {
	s := &snapshot{records: stored, manifests: manifests, byKey: map[string]*entry{}}
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
	for _, key := range []string{keyCurrency, keyCountry} { // amounts of money and phones depend on them
		s.fill(s.byKey[key])
	}
	for _, e := range s.entries {
		s.fill(e)
	}
	return s
}

// fill puts an entry's values in force: those stored that are still good, else the default.
func (s *snapshot) fill(e *entry) {
	e.usual, e.held, e.warning = nil, nil, nil
	if e.Default != nil {
		if v, problem := parse(e.Setting, e.Default, s.local()); problem == nil {
			e.usual = v
		} else {
			e.warning = append(e.warning, warning{key: "warning.default", problem: problem})
		}
	}
	for _, k := range s.records[e.Key] {
		h := held{kept: k}
		switch {
		case h.Scope > narrowest(e.Setting):
			h.bad = &problem{key: "scope.store"}
		case hasContent(e.Type) != (k.Text != nil), (e.Type == manifest.TypeSecret) != (k.Sealed != nil):
			h.bad = &problem{key: "type.other"} // the setting was of another type
		case hasContent(e.Type):
			h.value = k.Value
		case e.Type == manifest.TypeSecret:
		default: // a newer version of the plugin may ask for something else
			if h.value, h.bad = parse(e.Setting, k.Value, s.local()); h.bad == nil && h.value == nil {
				continue
			}
		}
		if h.bad != nil {
			e.warning = append(e.warning, warning{key: "warning.stored", problem: h.bad})
		}
		e.held = append(e.held, h)
	}
}

// The core's entries that say where the store stands.
const (
	keyCurrency = "TiendaMoneda"
	keyCountry  = "TiendaPais"
)

// locality is where a store stands: what money and telephone numbers without a prefix mean there.
type locality struct {
	currency, country string
}

// local is where the store stands in this snapshot.
func (s *snapshot) local() locality {
	at := locality{currency: "EUR", country: "ES"}
	for key, part := range map[string]*string{keyCurrency: &at.currency, keyCountry: &at.country} {
		if e := s.byKey[key]; e != nil {
			if code, ok := e.value("").(string); ok {
				*part = code
			}
		}
	}
	return at
}
