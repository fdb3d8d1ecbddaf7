package host

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/message"
	"mostrador/host/message/library"
	"mostrador/host/plugin"
	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
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

// assembleTemplates makes the library of templates.
func (h *Host) assembleTemplates() (err error) {
	h.library, err = library.New(library.Config{
		Store: h.store, Messages: h.messages, Text: h.text.Text, Brought: h.brought,
		Language: func() string { return h.guide.Text(settingLanguage) },
		UsedBy:   h.usesTemplate,
		Changed:  func(string) { h.catalogueChanged() },
	})
	return err
}

// usesTemplate names the rules of active plug-ins that send a template of the library.
func (h *Host) usesTemplate(id string) (names []string) {
	for _, m := range h.ensemble.Active() {
		for i := range m.Settings {
			if s := &m.Settings[i]; s.Type == manifest.TypeMessageRules {
				for _, r := range h.guide.Rules(s.Key) {
					if r.GetTemplate() == id || m.ID+"/"+r.GetTemplate() == id {
						names = append(names, r.GetName())
					}
				}
			}
		}
	}
	return names
}

// template returns the text of a template by its templateName, in a language or the nearest that it has.
func (h *Host) template(id, name, lang string) (message.Source, error) {
	if strings.HasPrefix(name, library.Prefix) {
		source, ok := h.library.Source(name, lang, false)
		if !ok {
			return source, library.ErrNotFound
		}
		return source, nil
	}
	p, ok := h.plugins.Plugin(id)
	if !ok {
		return message.Source{}, plugin.ErrUnknown
	}
	if s, ok := p.Package().Manifest.Setting(name); ok && s.Type == manifest.TypeTemplateFile {
		text, sha, err := h.guide.Template(name)
		if err != nil {
			return message.Source{}, err
		}
		// A text that the store made its own is for everybody; the plug-in's comes in its languages.
		usual, own := h.usual(p.Package(), s, sha)
		if !own {
			return message.Source{HTML: text, SHA256: sha}, nil
		}
		name = usual
	}
	for _, l := range h.library.Languages(lang) {
		if source, ok := h.library.Source(id+"/"+name, l, true); ok {
			return source, nil
		}
		if source, err := h.files.in(p.Package(), name, l); err == nil {
			return source, nil
		}
	}
	if source, ok := h.library.Source(id+"/"+name, lang, false); ok {
		return source, nil
	}
	return h.files.read(p.Package(), name)
}

// usual returns the file that a setting names while nobody set it, and whether the text of that hash is this file's.
func (h *Host) usual(p *plugin.Package, s *manifest.Setting, sha [32]byte) (name string, inForce bool) {
	name, _ = s.Default.(string)
	if name == "" {
		return "", false
	}
	own, err := h.files.read(p, name)
	return name, err == nil && own.SHA256 == sha
}

// variantName is a template's file in a language: "templates/x.en.html" beside "templates/x.html", which is in the
// language of the house.
var variantName = regexp.MustCompile(`^(.+)\.([a-z]{2,3}(?:-[a-z0-9]{2,3})?)(\.html)$`)

// houseLanguage is that of a template's file whose name says none.
const houseLanguage = "es"

// brought lists the templates that the active plug-ins bring, each in its languages. Names are in the language lang.
func (h *Host) brought(lang string) []library.Brought {
	var all []library.Brought
	for _, m := range h.ensemble.Active() {
		running, ok := h.plugins.Plugin(m.ID)
		if !ok {
			continue
		}
		p := running.Package()
		held := map[string]string{}
		for i := range m.Settings {
			s := &m.Settings[i]
			usual, _ := s.Default.(string)
			if s.Type != manifest.TypeTemplateFile || usual == "" {
				continue
			}
			held[usual] = s.Key
			if text, sha, err := h.guide.Template(s.Key); err == nil {
				if _, own := h.usual(p, s, sha); !own {
					all = append(all, library.Brought{
						ID: m.ID + "/" + usual, Plugin: m.ID, Theme: m.Name.In(lang), Setting: s.Key,
						Source: message.Source{HTML: text, SHA256: sha, Language: houseLanguage},
					})
					held[usual] = ""
				}
			}
		}
		for _, name := range templateNames(p) {
			base, l := name, houseLanguage
			if parts := variantName.FindStringSubmatch(name); parts != nil {
				base, l = parts[1]+parts[3], tagOf(parts[2])
			}
			key, isHeld := held[base]
			if isHeld && key == "" {
				continue // the store's own text is in force
			}
			source, err := h.files.read(p, name)
			if err != nil {
				continue
			}
			source.Language = l
			all = append(all, library.Brought{ID: m.ID + "/" + base, Plugin: m.ID, Theme: m.Name.In(lang), Setting: key, Source: source})
		}
	}
	return all
}

// tagOf is the BCP 47 tag of a file's name: "es-mx" is es-MX.
func tagOf(name string) string {
	base, region, found := strings.Cut(name, "-")
	if !found {
		return base
	}
	return base + "-" + strings.ToUpper(region)
}

// templateNames lists the templates of a package.
func templateNames(p *plugin.Package) []string {
	entries, err := os.ReadDir(filepath.Join(p.Dir, "templates"))
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && path.Ext(e.Name()) == ".html" && len(names) < maxFiles {
			names = append(names, "templates/"+e.Name())
		}
	}
	return names
}

// known is what templates are told of a customer beyond himself.
func (h *Host) known(tx *store.Tx, m *mostradorv1.Message, c *plgv1.Customer) (*message.Known, error) {
	k := &message.Known{}
	if c == nil {
		return k, nil
	}
	var err error
	if k.Facts, err = h.factsOf(tx, uint32(c.GetNumber())); err != nil {
		return nil, err
	}
	if k.Sales, err = h.sales.Of(tx, c.GetId(), message.MaxSales); err != nil {
		return nil, err
	}
	if m.GetPromotion() != "" {
		if k.Code, err = h.promotions.OfTx(tx, m.GetPromotion(), c.GetId()); err != nil {
			return nil, err
		}
	}
	k.Offers, err = h.promotions.ChooseTx(tx, c, h.guide.Text(settingLanguage), shownOffers)
	return k, err
}

// shownOffers is how many offers one mail shows at most.
const shownOffers = 5

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

// in returns a template in a language, if the package has it in that.
func (f *templateFiles) in(p *plugin.Package, name, lang string) (message.Source, error) {
	file := name
	if lang != houseLanguage {
		ext := path.Ext(name)
		file = strings.TrimSuffix(name, ext) + "." + strings.ToLower(lang) + ext
	}
	source, err := f.read(p, file)
	source.Language = lang
	return source, err
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
