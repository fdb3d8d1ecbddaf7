package host

import (
	"path"
	"strings"
	"sync"
	"time"

	"mostrador/host/message"
	"mostrador/host/plugin"
	"mostrador/sdk/manifest"
)

// templateName is under what name the outbox keeps a template that a plug-in named: the key of the setting whose
// value that is, so that the text in force when the mail leaves is meant, or a file of the package.
func (h *Host) templateName(m *manifest.Manifest, named string) string {
	for i := range m.Settings {
		if s := &m.Settings[i]; s.Type == manifest.TypeTemplateFile && h.guide.Text(s.Key) == named {
			return s.Key
		}
	}
	return named
}

// template returns the text of a template by its templateName, in a language if the plug-in brings that.
func (h *Host) template(id, name, lang string) (message.Source, error) {
	p, ok := h.plugins.Plugin(id)
	if !ok {
		return message.Source{}, plugin.ErrUnknown
	}
	s, ok := p.Package().Manifest.Setting(name)
	if !ok || s.Type != manifest.TypeTemplateFile {
		return h.files.in(p.Package(), name, lang)
	}
	text, sha, err := h.guide.Template(name)
	if err != nil {
		return message.Source{}, err
	}
	// A text that the store made its own is for everybody; the plug-in's comes in its languages.
	if usual, _ := s.Default.(string); usual != "" {
		if own, err := h.files.read(p.Package(), usual); err == nil && own.SHA256 == sha {
			return h.files.in(p.Package(), usual, lang)
		}
	}
	return message.Source{HTML: text, SHA256: sha}, nil
}

// templateFiles are the templates in packages. A file is looked at again after a moment, since those of a folder that is
// followed change.
type templateFiles struct {
	mu sync.Mutex
	of map[templateFile]readFile
}

type templateFile struct {
	of   *plugin.Package
	name string
}

type readFile struct {
	at     time.Time
	source message.Source
	err    error
}

// in returns the variant of a file for a language: "templates/x.en.html" beside "templates/x.html", which is for all
// others.
func (f *templateFiles) in(p *plugin.Package, name, lang string) (message.Source, error) {
	base, _, _ := strings.Cut(lang, "-")
	for _, l := range []string{lang, base} {
		if l == "" {
			continue
		}
		if source, err := f.read(p, variant(name, l)); err == nil {
			source.Language = l
			return source, nil
		}
	}
	return f.read(p, name)
}

// variant is the name of a template's file in a language.
func variant(name, lang string) string {
	ext := path.Ext(name)
	return strings.TrimSuffix(name, ext) + "." + strings.ToLower(lang) + ext
}

// What is remembered of files: how many, and for how long.
const (
	maxFiles   = 256
	filesFresh = 2 * time.Second
)

// read returns a file.
func (f *templateFiles) read(p *plugin.Package, name string) (message.Source, error) {
	key := templateFile{p, name}
	f.mu.Lock()
	defer f.mu.Unlock()
	file, ok := f.of[key]
	if ok && time.Since(file.at) < filesFresh {
		return file.source, file.err
	}
	text, err := p.ReadFile(name)
	file = readFile{at: time.Now(), source: message.NewSource(string(text), ""), err: err}
	if f.of == nil || len(f.of) >= maxFiles {
		f.of = map[templateFile]readFile{}
	}
	f.of[key] = file
	return file.source, file.err
}
