package configguide

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"mostrador/sdk/manifest"
)

// pluginKey is how the key of a plugin's setting looks.
var pluginKey = regexp.MustCompile(`^(PLG[0-9]{4})[A-Za-z0-9]{1,93}$`)

// ownerOf is the plugin whose setting a key is, empty for others.
func ownerOf(key string) string {
	if m := pluginKey.FindStringSubmatch(key); m != nil {
		return m[1]
	}
	return ""
}

// Aside lists, by key, what is set for plugins that are not active, or not even installed. The query is as for
// EntriesFor. Such a value is taken away by a Wish for nothing, and put back by Revert.
func (g *Guide) Aside(typed, lang string) []Entry {
	q := parseQuery(typed)
	s := g.now.Load()
	var out []Entry
	for _, key := range slices.Sorted(maps.Keys(s.records)) {
		if s.byKey[key] != nil {
			continue
		}
		e := s.aside(key, lang)
		about := fold(strings.Join(append(e.Path, e.Key, e.Name, e.Owner), "\n"))
		if q.plugin != "" && !strings.EqualFold(e.Owner, q.plugin) ||
			slices.ContainsFunc(q.words, func(word string) bool { return !strings.Contains(about, word) }) {
			continue
		}
		out = append(out, e)
	}
	return out
}

// aside is what is kept of a key that is not in the catalogue; nothing may be.
func (g *Guide) aside(key, lang string) Entry { return g.now.Load().aside(key, lang) }

func (s *snapshot) aside(key, lang string) Entry {
	e := Entry{
		Key: key, Name: key, Owner: ownerOf(key), Path: []string{say(lang, "aside"), ownerOf(key)},
		Help: say(lang, "aside.help", ownerOf(key)), Aside: true, Type: manifest.TypeText, Narrowest: ScopeStore,
	}
	for _, k := range s.records[key] {
		value := k.Value
		if k.Sealed != nil {
			value = nil
		}
		e.Values = append(e.Values, Scoped{At: k.At, Value: clone(value)})
		e.Value, e.Scope, e.IsSet = clone(value), k.Scope, true
		if name := k.Name.In(lang); name != "" {
			e.Name = name
		}
		e.Type = k.kind()
		if k.Scope == ScopeTill {
			e.Narrowest = ScopeTill
		}
	}
	return e
}

// kind is the type of a value that is kept aside, as far as it can be known.
func (r *record) kind() manifest.Type {
	switch {
	case r.Type != "":
		return r.Type
	case r.Sealed != nil:
		return manifest.TypeSecret
	case r.Text != nil:
		return manifest.TypeTemplateFile
	}
	switch r.Value.(type) {
	case bool:
		return manifest.TypeYesNo
	case float64:
		return manifest.TypeNumber
	case []any:
		return manifest.TypeList
	}
	return manifest.TypeText
}
