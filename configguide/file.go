package configguide

import (
	"crypto/sha256"
	"encoding/base64"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"mostrador/sdk/manifest"
)

// MaxFile bounds the content of a file, in bytes: it travels to the plugin with its other values.
const MaxFile = 256 << 10

// maxFileName bounds the name of a file, in bytes.
const maxFileName = 200

// planFile checks the name and the content of a file and makes its record.
func planFile(s *snapshot, p *plan, w Wish) *problem {
	name, ok := w.Value.(string)
	if !ok && w.Value != nil {
		return &problem{key: "type.text"}
	}
	name = baseName(name)
	if w.Content == nil {
		switch now := s.records.at(p.key, p.at); {
		case name == "" && p.entry.Required:
			return &problem{key: "required"}
		case name == "":
			return nil
		case now != nil && now.Value == name && now.Text != nil: // what a screen shows, handed back
			p.to = now
			return nil
		}
		return &problem{key: "file.content"}
	}
	if name == "" {
		name = p.key
	}
	content := *w.Content
	switch {
	case len(name) > maxFileName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return &problem{key: "template.name", args: []any{short(name)}}
	case len(content) > MaxFile:
		return &problem{key: "template.too_big", args: []any{short(name), MaxFile >> 10}}
	case content == "":
		return &problem{key: "file.empty", args: []any{short(name)}}
	}
	sum := sha256.Sum256([]byte(content))
	p.to, p.value, p.text = &record{Value: name, Text: sum[:]}, name, content
	return nil
}

// baseName is the last element of a path of any system; the Guide keeps no folders.
func baseName(name string) string {
	name = path.Base(strings.ReplaceAll(strings.TrimSpace(name), `\`, "/"))
	if name == "." || name == ".." || name == "/" {
		return ""
	}
	return name
}

// loadFile reads the contents of a file at all its scopes. One that is damaged counts no more.
func (e *entry) loadFile(tx Tx) {
	for i := range e.held {
		h := &e.held[i]
		if h.bad != nil {
			continue
		}
		h.content = string(tx.Get(bucketText, h.Text))
		if sum := sha256.Sum256([]byte(h.content)); string(sum[:]) != string(h.Text) {
			h.content, h.bad = "", &problem{key: "file.damaged"}
			e.warning = append(e.warning, warning{key: "warning.stored", problem: h.bad})
		}
	}
}

// handed is a value as its plugin gets it: a file with its content, in base64.
func handed(e *entry, value any, content string) any {
	if e.Type == manifest.TypeFile {
		return map[string]any{"name": value, "content": base64.StdEncoding.EncodeToString([]byte(content))}
	}
	return clone(value)
}

// File returns name and content of a file in force; both are empty when there is none.
func (g *Guide) File(key string) (name, content string) {
	e, ok := g.now.Load().byKey[key]
	if !ok || e.Type != manifest.TypeFile {
		return "", ""
	}
	h := e.inForce("")
	if h == nil {
		return "", ""
	}
	name, _ = h.value.(string)
	return name, h.content
}
