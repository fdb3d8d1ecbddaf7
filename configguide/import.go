package configguide

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Difference is what an import changes about one value.
type Difference struct {
	Key, Name string
	// At is for whom.
	At
	// From and To are the values; nil means that none is set. Of a template or file it is the name, with how long the
	// content is.
	From, To any
	// Refused says why the value would not be taken; empty when it would be.
	Refused string
	// Line is where it stands in the file.
	Line int
}

// Imported is what an import does, or would do.
type Imported struct {
	// Differences are in the order of the file.
	Differences []Difference
	// Diagnostics are what is wrong with the file, with lines, and what to know about values.
	Diagnostics []*plgv1.Diagnostic
	// Applied tells that all of it is in force.
	Applied bool
}

// Import reads what Export wrote, perhaps edited since, and says what it changes. A key without a value takes the value
// away; what the file does not name stays as it is. With apply all of it is put in force in one transaction or, when
// anything is refused or wrong, nothing. Every value is checked as if it were set, against what the file says together.
// Values of plugins that are not active are kept aside.
func (g *Guide) Import(ctx context.Context, actor *plgv1.Actor, file string, apply bool, lang string) (Imported, error) {
	items, flaws := readFile(file)
	im := &importer{guide: g, lang: lang, items: items}
	for _, f := range flaws {
		im.flaw(f.line, f.key, f.args...)
	}
	if im.examine(g.now.Load()); !im.good() {
		return im.out, nil
	}
	if err := im.ask(ctx); err != nil || !im.good() || !apply {
		return im.out, err
	}
	if err := g.lock(ctx); err != nil {
		return im.out, err
	}
	keys, err := im.apply(ctx, actor)
	<-g.turn
	if len(keys) > 0 {
		g.changed(keys...)
	}
	return im.out, err
}

// importer works out one import.
type importer struct {
	guide *Guide
	lang  string
	items []item
	plans []*plan // one for each difference that is not refused
	out   Imported
}

// good tells whether nothing stands against taking the file over.
func (im *importer) good() bool {
	return !slices.ContainsFunc(im.out.Diagnostics, func(d *plgv1.Diagnostic) bool {
		return d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR
	})
}

// flaw says what is wrong at a line of the file.
func (im *importer) flaw(line int, key string, args ...any) {
	im.say(plgv1.Severity_SEVERITY_ERROR, line, "", say(im.lang, key, args...), strings.ReplaceAll(key, ".", "_"))
}

func (im *importer) say(severity plgv1.Severity, line int, path, sentence, code string) {
	im.out.Diagnostics = append(im.out.Diagnostics, &plgv1.Diagnostic{
		Severity: severity, Summary: say(im.lang, "import.at", line, sentence), Path: path, Code: code,
	})
}

// examine works out the differences from a snapshot, and what speaks against them.
func (im *importer) examine(s *snapshot) {
	im.plans, im.out.Differences = nil, nil
	if !im.good() {
		return
	}
	// Where the store stands comes first: amounts and phones depend on it.
	ground := s
	for _, key := range []string{keyCurrency, keyCountry} {
		for _, x := range im.items {
			if x.key == key && x.at.Scope != ScopeTill {
				if p, err := im.plan(ground, x); err == nil {
					ground = im.guide.filled(ground.records.with([]*plan{p}), s.manifests)
				}
			}
		}
	}
	lines := map[*plan]int{}
	for _, x := range im.items {
		p, err := im.plan(ground, x)
		now := s.records.at(x.key, x.at)
		d := Difference{Key: x.key, Name: x.key, At: x.at, From: im.content(now, ""), Line: x.line}
		if e, ok := s.byKey[x.key]; ok {
			d.Name = e.Name.In(im.lang)
		}
		if err == nil {
			if im.guide.same(x.key, now, p.to) {
				continue
			}
			if d.To = im.content(p.to, p.text); p.entry != nil {
				err = im.guide.allow(s, p, im.lang)
			}
		} else if x.value != nil {
			d.To = x.value
		}
		if p != nil && err == nil {
			im.plans = append(im.plans, p)
			lines[p] = len(im.out.Differences)
		}
		im.out.Differences = append(im.out.Differences, d)
		im.refuse(len(im.out.Differences)-1, err)
	}
	after := im.guide.filled(s.records.with(im.plans), s.manifests)
	im.plans = slices.DeleteFunc(im.plans, func(p *plan) bool {
		err := im.judge(after, p)
		im.refuse(lines[p], err)
		return err != nil
	})
}

// refuse notes why a difference would not be taken.
func (im *importer) refuse(i int, err error) {
	if err == nil {
		return
	}
	d := &im.out.Differences[i]
	d.Refused = err.Error()
	code := "import_refused"
	if refused := new(Refused); errors.As(err, &refused) && len(refused.Diagnostics) > 0 {
		code = refused.Diagnostics[0].GetCode()
	}
	im.say(plgv1.Severity_SEVERITY_ERROR, d.Line, d.Key, d.Refused, code)
}

// plan works out one value of the file.
func (im *importer) plan(s *snapshot, x item) (*plan, error) {
	g := im.guide
	now := s.records.at(x.key, x.at)
	e, ok := s.byKey[x.key]
	if !ok {
		return im.aside(s, x, now)
	}
	switch {
	case e.Type == manifest.TypeSecret:
		return nil, refuse(e.Setting, &problem{key: "import.secret"}, im.lang)
	case x.content != nil && !hasContent(e.Type):
		return nil, refuse(e.Setting, &problem{key: "import.no_file"}, im.lang)
	case x.content != nil && now != nil && now.Value == x.value:
		if sum := sha256.Sum256([]byte(*x.content)); string(sum[:]) == string(now.Text) {
			return &plan{entry: e, key: x.key, at: x.at, to: now}, nil
		}
	}
	p, err := g.plan(s, Wish{Key: x.key, At: x.at, Value: x.value, Content: x.content}, im.lang)
	if err != nil {
		return nil, err
	}
	if p.file != "" { // the file is written after the record: until then it counts as seen
		if info, err := os.Stat(filepath.Join(g.cfg.TemplatesDir, filepath.FromSlash(p.file))); err == nil {
			p.to.Seen = look(info)
		}
	}
	return p, nil
}

// aside works out a value whose plugin is not active. A key that an active plugin does not know is a mistake.
func (im *importer) aside(s *snapshot, x item, now *record) (*plan, error) {
	owner := ownerOf(x.key)
	if owner == "" || slices.ContainsFunc(s.manifests, func(m *manifest.Manifest) bool { return m.ID == owner }) {
		return nil, unknown(x.key, im.lang)
	}
	p := &plan{key: x.key, at: x.at}
	set := &manifest.Setting{Key: x.key, Name: manifest.Text{"es": x.key}}
	switch {
	case now != nil && now.Sealed != nil:
		return nil, refuse(set, &problem{key: "import.secret"}, im.lang)
	case x.content != nil:
		sum := sha256.Sum256([]byte(*x.content))
		p.text, p.to = *x.content, &record{Value: x.value, Text: sum[:]}
		if limit := maxTemplate; len(p.text) > limit || p.text == "" {
			return nil, refuse(set, &problem{key: "template.too_big", args: []any{short(fmt.Sprint(x.value)), limit >> 10}}, im.lang)
		}
	case x.plain != nil:
		p.to = &record{Value: x.plain}
	}
	if p.to == nil {
		return p, nil
	}
	p.to.Unchecked = true
	if now != nil {
		p.to.Type, p.to.Name = now.Type, now.Name
	}
	if !im.guide.same(x.key, now, p.to) {
		im.say(plgv1.Severity_SEVERITY_WARNING, x.line, x.key, say(im.lang, "import.aside", x.key, owner), "import_aside")
	}
	return p, nil
}

// judge asks a value's own rules about it, among all that would be in force.
func (im *importer) judge(after *snapshot, p *plan) error {
	if p.entry == nil {
		return nil
	}
	if e := after.byKey[p.key]; p.to == nil && p.entry.Required && p.at.Scope != ScopeTill && e.inForce("") == nil && e.usual == nil {
		return refuse(e.Setting, &problem{key: "required"}, im.lang)
	}
	return im.guide.judge(p, after.values(p.at.Till, p.sees), im.lang)
}

// ask asks the plugins about their values; one that gives no answer is not asked again.
func (im *importer) ask(ctx context.Context) error {
	silent := map[string]bool{}
	for _, p := range im.plans {
		if p.entry == nil || silent[p.entry.owner] {
			continue
		}
		i := slices.IndexFunc(im.out.Differences, func(d Difference) bool { return d.Key == p.key && d.At == p.at })
		remarks, answered, err := im.guide.ask(ctx, p, im.lang)
		if refused := new(Refused); errors.As(err, &refused) {
			im.refuse(i, err)
		} else if err != nil {
			return err
		}
		silent[p.entry.owner] = !answered
		for _, remark := range remarks {
			im.say(plgv1.Severity_SEVERITY_WARNING, im.out.Differences[i].Line, p.key, remark, "setting_remark")
		}
	}
	return nil
}

// apply puts everything in force, from what holds now, and returns the keys that changed.
func (im *importer) apply(ctx context.Context, actor *plgv1.Actor) ([]string, error) {
	g := im.guide
	im.out.Diagnostics = slices.DeleteFunc(im.out.Diagnostics, func(d *plgv1.Diagnostic) bool { return d.GetCode() == "import_aside" })
	if im.examine(g.now.Load()); !im.good() {
		return nil, nil
	}
	if len(im.plans) > 0 {
		if err := g.commit(ctx, actor, im.plans, true); err != nil {
			return nil, err
		}
	}
	im.out.Applied = true
	var keys []string
	var seen []*plan
	for _, p := range im.plans {
		keys = append(keys, p.key)
		if p.file == "" {
			continue
		}
		look, problem := g.writeTemplate(p.file, p.text)
		if problem != nil { // the text is in force all the same
			i := slices.IndexFunc(im.out.Differences, func(d Difference) bool { return d.Key == p.key && d.At == p.at })
			im.say(plgv1.Severity_SEVERITY_WARNING, im.out.Differences[i].Line, p.key, problem.sentence(p.entry.Setting, im.lang), "setting_file")
			continue
		}
		r := *p.to
		r.Seen = look
		seen = append(seen, &plan{entry: p.entry, key: p.key, at: p.at, to: &r})
	}
	slices.Sort(keys)
	keys = slices.Compact(keys)
	if len(seen) == 0 {
		return keys, nil
	}
	return keys, g.commit(ctx, actor, seen, false)
}

// content is a record as a difference shows it.
func (im *importer) content(r *record, text string) any {
	value, _ := r.shown()
	if r == nil || r.Text == nil {
		return value
	}
	size := len(text)
	if text == "" {
		_ = im.guide.cfg.KV.View(func(tx Tx) error { // for show: without it the length is 0
			size = len(tx.Get(bucketText, r.Text))
			return nil
		})
	}
	return say(im.lang, "import.content", value, size)
}
