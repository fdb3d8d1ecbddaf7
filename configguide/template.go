package configguide

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// maxTemplate bounds a template's text, in bytes.
const maxTemplate = 512 << 10

// planTemplate checks the text of a template_file and makes its record.
func (g *Guide) planTemplate(s *snapshot, p *plan, w Wish, lang string) error {
	e := p.entry
	name, ok := w.Value.(string)
	if !ok && w.Value != nil {
		return refuse(e.Setting, &problem{key: "type.text"}, lang)
	}
	name = strings.TrimSpace(name)
	var seen string
	var problem *problem
	switch {
	case w.Content != nil:
		if p.text, problem = readable(name, []byte(*w.Content)); problem == nil {
			p.file = g.fileName(e, name)
			name = p.file
			problem = badName(name)
		}
	case name == "":
		if _, problem := none(e.Setting); problem != nil {
			return refuse(e.Setting, problem, lang)
		}
		return g.clear(s, p, lang)
	default:
		p.text, seen, problem = g.readTemplate(e, name)
	}
	if problem != nil {
		return refuse(e.Setting, problem, lang)
	}
	if err := g.check(e, p.text, lang); err != nil {
		return err
	}
	p.value, p.to = name, newRecord(name, p.text, seen)
	p.sign()
	return nil
}

// newRecord is the record of a text that was read from, or written to, a file.
func newRecord(name, text, seen string) *record {
	sum := sha256.Sum256([]byte(text))
	return &record{Value: name, Text: sum[:], Seen: seen}
}

// restoreTemplate puts an earlier text in force again. A file of the folder of templates gets that text; any
// other file is left as it is, and counts as seen until somebody changes it.
func (g *Guide) restoreTemplate(s *snapshot, e *entry, c *change, text, lang string) (*plan, error) {
	if c.at().Scope > narrowest(e.Setting) {
		return nil, refuse(e.Setting, &problem{key: "scope.store"}, lang)
	}
	if err := g.check(e, text, lang); err != nil {
		return nil, err
	}
	r := *c.From
	p := &plan{entry: e, key: e.Key, at: c.at(), to: &r, value: r.Value, text: text}
	name, _ := r.Value.(string)
	_, seen, problem := g.readTemplate(e, name)
	if g.inFolder(name) && !(e.Default == r.Value && problem == nil) {
		p.file = name
	}
	r.Seen = seen
	p.sign()
	return p, nil
}

// check asks the checker of templates; errors forbid the text.
func (g *Guide) check(e *entry, text, lang string) error {
	if strings.TrimSpace(text) == "" {
		return refuse(e.Setting, &problem{key: "template.empty"}, lang)
	}
	if bad := g.faults(e, text, lang); len(bad) > 0 {
		return &Refused{Diagnostics: bad}
	}
	return nil
}

// faults are the errors in a template's text.
func (g *Guide) faults(e *entry, text, lang string) []*plgv1.Diagnostic {
	if g.cfg.CheckTemplate == nil {
		return nil
	}
	var bad []*plgv1.Diagnostic
	for _, d := range g.cfg.CheckTemplate(text, lang) {
		if d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
			bad = append(bad, &plgv1.Diagnostic{
				Severity: d.GetSeverity(), Summary: d.GetSummary(), Detail: d.GetDetail(), Path: e.Key, Code: d.GetCode(),
			})
		}
	}
	return bad
}

// readTemplate reads the file of a name: an absolute path, or a file of the folder of templates, or else one
// of the plugin's package. seen says how the file looks, to notice when it changes.
func (g *Guide) readTemplate(e *entry, name string) (text, seen string, p *problem) {
	full := name
	if !filepath.IsAbs(name) {
		if p := badName(name); p != nil {
			return "", "", p
		}
		full = filepath.Join(g.cfg.TemplatesDir, filepath.FromSlash(name))
	}
	info, err := os.Stat(full)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(name):
		return g.readPackaged(e, name)
	case errors.Is(err, fs.ErrNotExist):
		return "", "", g.missing(name)
	case err != nil:
		return "", "", unreadable(name, err)
	case !info.Mode().IsRegular(): // opening a pipe would wait for its other end
		return "", "", &problem{key: "template.not_file", args: []any{short(name)}}
	}
	f, err := os.Open(full)
	if err != nil {
		return "", "", unreadable(name, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxTemplate+1))
	if err != nil {
		return "", "", unreadable(name, err)
	}
	text, p = readable(name, data)
	return text, look(info), p
}

// readPackaged reads a file of the plugin's package.
func (g *Guide) readPackaged(e *entry, name string) (text, seen string, p *problem) {
	if g.cfg.ReadFile == nil || e.owner == Core {
		return "", "", g.missing(name)
	}
	data, err := g.cfg.ReadFile(e.owner, path.Clean(filepath.ToSlash(name)))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return "", "", g.missing(name)
		}
		return "", "", unreadable(name, err)
	}
	text, p = readable(name, data)
	return text, fmt.Sprintf("%x", sha256.Sum256(data)), p
}

func (g *Guide) missing(name string) *problem {
	return &problem{key: "template.missing", args: []any{short(name), g.cfg.TemplatesDir}}
}

// unreadable says why a file could not be read, without repeating its name.
func unreadable(name string, err error) *problem {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return &problem{key: "template.unreadable", args: []any{short(name), err}}
}

// readable checks that data is text of a bearable size. A byte order mark, as Windows editors write it, goes.
func readable(name string, data []byte) (string, *problem) {
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	switch {
	case len(data) > maxTemplate:
		return "", &problem{key: "template.too_big", args: []any{short(name), maxTemplate >> 10}}
	case !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0:
		return "", &problem{key: "template.not_text", args: []any{short(name)}}
	}
	return string(data), nil
}

// look says how a file looks: a change of its text changes this too, bar wilful deceit.
func look(info fs.FileInfo) string {
	return fmt.Sprintf("%d-%d", info.ModTime().UnixNano(), info.Size())
}

// local tells whether a name stays within a folder.
func local(name string) bool {
	return filepath.IsLocal(filepath.FromSlash(name)) && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' })
}

// inFolder tells whether the name means a file of the folder of templates.
func (g *Guide) inFolder(name string) bool { return !filepath.IsAbs(name) && local(name) }

// fileName is the name under which a text that was typed on screen is kept. The plugin's own file and files
// elsewhere on the machine are never overwritten: the text gets a name of its own.
func (g *Guide) fileName(e *entry, name string) string {
	if filepath.IsAbs(name) {
		inside, err := filepath.Rel(g.cfg.TemplatesDir, name)
		if err != nil || !filepath.IsLocal(inside) {
			inside = filepath.Base(name)
		}
		name = filepath.ToSlash(inside)
	}
	if name == "" || name == "." || name == e.Default || strings.HasSuffix(name, "/") {
		return e.Key + ".html"
	}
	return name
}

// badName refuses names of files that leave the folder of templates.
func badName(name string) *problem {
	if local(name) {
		return nil
	}
	return &problem{key: "template.name", args: []any{short(name)}}
}

// writeTemplate writes a file of the folder of templates, whole or not at all.
func (g *Guide) writeTemplate(name, text string) (seen string, p *problem) {
	if p := badName(name); p != nil {
		return "", p
	}
	info, err := replace(g.cfg.TemplatesDir, filepath.FromSlash(name), text)
	if err != nil {
		return "", &problem{key: "template.write", args: []any{short(name), err}}
	}
	return look(info), nil
}

// replace puts a file into a folder under a name that stays within it.
func replace(dir, name, text string) (fs.FileInfo, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	if parent := filepath.Dir(name); parent != "." {
		if err := root.MkdirAll(parent, 0o700); err != nil {
			return nil, err
		}
	}
	draft := filepath.Join(filepath.Dir(name), ".~"+rand.Text())
	f, err := root.OpenFile(draft, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = root.Rename(draft, name)
	}
	if err != nil {
		return nil, errors.Join(err, root.Remove(draft))
	}
	return root.Stat(name)
}

// loadTemplate reads the text in force of a template: the Guide's own copy, or the package's default.
func (g *Guide) loadTemplate(tx Tx, e *entry) {
	if h := e.inForce(""); h != nil {
		text := string(tx.Get(bucketText, h.Text))
		sum := sha256.Sum256([]byte(text))
		switch damaged := string(sum[:]) != string(h.Text); {
		case damaged: // better what the file says, or none, than a wrong one
		case h.Unchecked && g.check(e, text, "es") != nil:
			h.bad = &problem{key: "template.faults"}
			e.warning = append(e.warning, warning{key: "warning.stored", problem: h.bad})
		default:
			e.text, e.sha = text, sum
			return
		}
	}
	name, _ := e.value("").(string)
	if name == "" {
		return
	}
	text, _, problem := g.readTemplate(e, name)
	if problem != nil {
		e.warning = append(e.warning, warning{key: "warning.none", problem: problem})
		return
	}
	e.text, e.sha = text, sha256.Sum256([]byte(text))
}

// Refresh looks whether the files of templates have changed. A good new text comes in force, with a line in
// the history; a broken or missing file leaves the previous text in force and sets the entry's warning.
func (g *Guide) Refresh(ctx context.Context) error {
	if err := g.lock(ctx); err != nil {
		return err
	}
	keys, err := g.refresh(ctx)
	<-g.turn
	if len(keys) > 0 {
		g.changed(keys...)
	}
	return err
}

// refresh returns the keys about which something changed.
func (g *Guide) refresh(ctx context.Context) ([]string, error) {
	var keys []string
	for _, e := range g.now.Load().entries {
		h := e.inForce("")
		if e.Type != manifest.TypeTemplateFile || h == nil {
			continue
		}
		changed, err := g.refreshOne(ctx, e, h.kept)
		if changed {
			keys = append(keys, e.Key)
		}
		if err != nil {
			return keys, err
		}
	}
	return keys, nil
}

// refreshOne looks at one template's file; r is the record in force.
func (g *Guide) refreshOne(ctx context.Context, e *entry, r kept) (changed bool, err error) {
	name, _ := r.Value.(string)
	if filepath.IsAbs(name) || g.inFolder(name) {
		full := name
		if !filepath.IsAbs(name) {
			full = filepath.Join(g.cfg.TemplatesDir, filepath.FromSlash(name))
		}
		if info, err := os.Stat(full); err == nil {
			if seen := look(info); seen == e.bad || seen == r.Seen && e.bad == "" {
				return false, nil
			}
		}
	}
	text, seen, problem := g.readTemplate(e, name)
	switch {
	case problem != nil:
		// The name of the problem stands for how the file looks.
		return g.warn(e, seenOr(seen, problem.key), warning{key: "warning.gone", problem: problem}), nil
	case seen == e.bad || seen == r.Seen && e.bad == "":
		return false, nil
	}
	sum := sha256.Sum256([]byte(text))
	if sum == e.sha {
		r.Seen = seen
		if err := g.commit(ctx, nil, []*plan{{entry: e, key: e.Key, at: r.At, to: &r.record}}, false); err != nil {
			return false, err
		}
		return g.calm(e.Key), nil
	}
	if bad := g.faults(e, text, "es"); len(bad) > 0 || strings.TrimSpace(text) == "" {
		texts := manifest.Text{}
		for _, lang := range []string{"es", "en"} {
			if refused := new(Refused); errors.As(g.check(e, text, lang), &refused) {
				texts[lang] = refused.Error()
			}
		}
		return g.warn(e, seen, warning{key: "warning.file", texts: texts}), nil
	}
	by := &plgv1.Actor{Operator: say("es", "by_file"), Channel: "host"}
	p := &plan{entry: e, key: e.Key, at: r.At, to: newRecord(name, text, seen), text: text}
	p.sign()
	if err := g.commit(ctx, by, []*plan{p}, true); err != nil {
		return false, err
	}
	g.calm(e.Key)
	return true, nil
}

// seenOr returns how a file looks, or else a word for it.
func seenOr(seen, word string) string {
	if seen != "" {
		return seen
	}
	return word
}

// warn sets the warning of an entry; it reports whether that is news.
func (g *Guide) warn(e *entry, bad string, w warning) bool {
	if e.bad == bad {
		return false
	}
	g.remark(e.Key, bad, []warning{w})
	return true
}

// calm takes the warning of an entry away; it reports whether there was one.
func (g *Guide) calm(key string) bool {
	if g.now.Load().byKey[key].bad == "" {
		return false
	}
	g.remark(key, "", nil)
	return true
}

// remark replaces one entry of the snapshot by one with other warnings.
func (g *Guide) remark(key, bad string, warnings []warning) {
	s := *g.now.Load()
	e := *s.byKey[key]
	e.bad, e.warning = bad, warnings
	entries := make([]*entry, len(s.entries))
	byKey := make(map[string]*entry, len(s.byKey))
	for i, x := range s.entries {
		if x.Key == key {
			x = &e
		}
		entries[i], byKey[x.Key] = x, x
	}
	s.entries, s.byKey = entries, byKey
	g.now.Store(&s)
}
