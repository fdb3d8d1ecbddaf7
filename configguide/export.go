package configguide

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"mostrador/sdk/manifest"
)

// fileFormat is the first line of an exported file, so that what it means can change.
const fileFormat = 1

// The sections of an exported file.
const (
	sectionFormat = "format"
	sectionChain  = "chain"
	sectionStore  = "store"
	sectionTills  = "tills"
)

// Exported is what Export wrote.
type Exported struct {
	// File is YAML.
	File string
	// Secrets are the keys of the secrets that are set and were left out.
	Secrets []string
}

// Export writes what is set, at all scopes and also of plugins that are not active, in the order of the tree and with
// each entry's name as a comment. With all, what stands at its default is there too, as comments. Contents of templates
// and files are part of it; secrets are left out. Import reads it.
func (g *Guide) Export(all bool, lang string) (Exported, error) {
	x := exporter{snapshot: g.now.Load(), lang: lang, all: all, contents: map[string]string{}}
	err := g.cfg.KV.View(func(tx Tx) error {
		for key, list := range x.records {
			for _, k := range list {
				if k.Text == nil {
					continue
				}
				text := tx.Get(bucketText, k.Text)
				if text == nil {
					return fmt.Errorf("the content of %s is gone", key)
				}
				x.contents[string(k.Text)] = string(text)
			}
		}
		return nil
	})
	if err != nil {
		return Exported{}, fmt.Errorf("configguide: export: %w", err)
	}
	x.comment(0, say(lang, "export.title", g.Text("TiendaNombre"), g.cfg.Now().Local().Format("2006-01-02 15:04")))
	x.comment(0, say(lang, "export.secrets"))
	fmt.Fprintf(&x.out, "%s: %d\n", sectionFormat, fileFormat)
	x.section(sectionChain, Chain, 0)
	x.section(sectionStore, Store, 0)
	x.tills()
	slices.Sort(x.secrets)
	return Exported{File: x.out.String(), Secrets: slices.Compact(x.secrets)}, nil
}

// exporter writes one file.
type exporter struct {
	*snapshot
	lang     string
	all      bool
	contents map[string]string // by SHA-256
	out      bytes.Buffer
	secrets  []string
}

// tills writes what is set at tills.
func (x *exporter) tills() {
	names := map[string]bool{}
	for _, list := range x.records {
		for _, k := range list {
			if k.Scope == ScopeTill {
				names[k.Till] = true
			}
		}
	}
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(&x.out, "\n%s:\n", sectionTills)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		x.section(scalar(name, 0), Till(name), 1)
	}
}

// section writes all that is set at one place; nothing when there is nothing.
func (x *exporter) section(title string, at At, indent int) {
	var body bytes.Buffer
	outer := x.out
	x.out = body
	branch := ""
	for _, e := range x.entries {
		r := x.records.at(e.Key, at)
		if r == nil && (!x.all || at != Store) {
			continue
		}
		var path []string
		for _, t := range e.Path {
			path = append(path, label(t, x.lang))
		}
		if here := strings.Join(path, " > "); here != branch {
			branch = here
			x.out.WriteByte('\n')
			x.comment(indent+1, "["+here+"]")
		}
		x.entry(e.Key, e.Name.In(x.lang), r, e.usual, indent+1)
	}
	aside := false
	for _, key := range slices.Sorted(maps.Keys(x.records)) {
		r := x.records.at(key, at)
		if r == nil || x.byKey[key] != nil {
			continue
		}
		if !aside {
			aside = true
			x.out.WriteByte('\n')
			x.comment(indent+1, "["+say(x.lang, "aside")+"]")
		}
		x.entry(key, r.Name.In(x.lang), r, nil, indent+1)
	}
	body = x.out
	x.out = outer
	if body.Len() > 0 {
		fmt.Fprintf(&x.out, "\n%s%s:\n", spaces(indent), title)
		x.out.Write(bytes.TrimLeft(body.Bytes(), "\n"))
	}
}

// entry writes one value, or its default as a comment.
func (x *exporter) entry(key, name string, r *record, usual any, indent int) {
	if name != "" {
		x.comment(indent, name)
	}
	switch {
	case r == nil:
		value := ""
		if usual != nil {
			data, _ := json.Marshal(usual) // a default is a text, a number, yes or no, or texts
			value = short(string(data))
		}
		x.comment(indent, key+": "+value)
	case r.Sealed != nil:
		x.secrets = append(x.secrets, key)
		x.comment(indent, say(x.lang, "export.secret", key))
	case r.Text != nil:
		content := x.contents[string(r.Text)]
		named, _ := r.Value.(string)
		fmt.Fprintf(&x.out, "%s%s:\n%sfile: %s\n", spaces(indent), key, spaces(indent+1), scalar(named, indent+1))
		if readableText(content) && r.Type != manifest.TypeFile || r.Type == manifest.TypeTemplateFile {
			fmt.Fprintf(&x.out, "%stext: %s\n", spaces(indent+1), scalar(content, indent+1))
		} else {
			fmt.Fprintf(&x.out, "%sbase64: |\n", spaces(indent+1))
			encoded := base64.StdEncoding.EncodeToString([]byte(content))
			for line := range slices.Chunk([]byte(encoded), 100) {
				fmt.Fprintf(&x.out, "%s%s\n", spaces(indent+2), line)
			}
		}
	default:
		x.value(key, r.Value, indent)
	}
}

// value writes a plain value.
func (x *exporter) value(key string, v any, indent int) {
	fmt.Fprintf(&x.out, "%s%s:", spaces(indent), key)
	switch v := v.(type) {
	case string:
		x.out.WriteString(" " + scalar(v, indent) + "\n")
	case bool:
		fmt.Fprintf(&x.out, " %t\n", v)
	case float64:
		x.out.WriteString(" " + figure(v) + "\n")
	case []any:
		if len(v) == 0 {
			x.out.WriteString(" []")
		}
		x.out.WriteByte('\n')
		for _, item := range v {
			written := ruleLine(item)
			if text, ok := item.(string); ok {
				written = line(text)
			}
			fmt.Fprintf(&x.out, "%s- %s\n", spaces(indent+1), written)
		}
	default:
		x.out.WriteByte('\n')
	}
}

// comment writes a line that Import does not read.
func (x *exporter) comment(indent int, text string) {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == '\u2028' || r == '\u2029' || r == '\u0085' }), " ")
	fmt.Fprintf(&x.out, "%s# %s\n", spaces(indent), text)
}

func spaces(indent int) string { return strings.Repeat("  ", indent) }

// plain are texts that mean themselves in YAML without quotes.
var plain = regexp.MustCompile(`^\p{L}[\p{L}\p{N} .,()/@+_-]*[\p{L}\p{N})]$`)

// notPlain are words that some readers of YAML take for something else.
var notPlain = []string{"true", "false", "yes", "no", "on", "off", "null", "nan", "inf"}

// readableText tells whether a content is text that an editor shows as it is.
func readableText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\u2028' || r == '\u2029' || r == '\ufeff'
	})
}

// scalar writes a text, one of several lines as a block that people can edit. What YAML would not read back to the
// letter is put in quotes.
func scalar(s string, indent int) string {
	if strings.Contains(s, "\n") && readableText(s) && !treacherous.MatchString(s) {
		if block := block(s, indent); readsBack(block, s, indent) {
			return block
		}
	}
	return line(s)
}

// treacherous are blocks that readers of YAML disagree about: those that begin with a blank line or a tab, or end with
// blanks.
var treacherous = regexp.MustCompile(`^[ \t]*[\t\n]|[ \t]\n?$`)

// line writes a text on one line.
func line(s string) string {
	if plain.MatchString(s) && !slices.Contains(notPlain, strings.ToLower(s)) {
		return s
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b) // JSON's texts are YAML's
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return `""`
	}
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`)
}

// block writes a text as a literal block.
func block(s string, indent int) string {
	mark := "|-"
	if strings.HasPrefix(strings.TrimLeft(s, "\n"), " ") {
		mark = "|2-"
	}
	if body, ok := strings.CutSuffix(s, "\n"); ok {
		mark, s = strings.TrimSuffix(mark, "-"), body
	}
	var b strings.Builder
	b.WriteString(mark)
	for text := range strings.SplitSeq(s, "\n") {
		b.WriteByte('\n')
		if text != "" {
			b.WriteString(spaces(indent+1) + text)
		}
	}
	return b.String()
}

// readsBack tells whether a scalar is read as the text that it was written for.
func readsBack(written, text string, indent int) bool {
	var b strings.Builder
	for i := range indent {
		b.WriteString(spaces(i) + "k:\n")
	}
	n, flaws := parseYAML(b.String() + spaces(indent) + "k: " + written + "\n" + spaces(indent) + "z: 1\n")
	for range indent {
		if len(flaws) > 0 || len(n.pairs) != 1 {
			return false
		}
		n = n.pairs[0].value
	}
	return len(flaws) == 0 && len(n.pairs) == 2 && n.pairs[0].value.kind == nodeText && n.pairs[0].value.text == text
}
