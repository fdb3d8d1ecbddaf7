package configguide

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// maxImport bounds an imported file, in bytes, and maxItems how many values it has.
const (
	maxImport = 6 << 20
	maxItems  = 5000
)

// item is one value of an exported file.
type item struct {
	at   At
	key  string
	line int
	// value is what a Wish takes; content is that of a template or file.
	value   any
	content *string
	// plain is the value by what YAML says of its type, for a setting that nobody knows.
	plain any
	// encoded tells that the content was in base64.
	encoded bool
}

// fileReader reads an exported file strictly.
type fileReader struct {
	items []item
	flaws []flaw
}

func (r *fileReader) flaw(line int, key string, args ...any) {
	if len(r.flaws) < maxFlaws {
		r.flaws = append(r.flaws, flaw{line, key, args})
	}
}

// readFile takes an exported file apart. When there are flaws the items mean nothing.
func readFile(data string) ([]item, []flaw) {
	root, flaws := parseYAML(data)
	if len(flaws) > 0 {
		return nil, flaws
	}
	r := &fileReader{}
	ours := false
	for _, s := range root.pairs {
		switch s.key {
		case sectionFormat:
			if ours = s.value.text == strconv.Itoa(fileFormat); !ours {
				r.flaw(s.line, "import.format")
			}
		case sectionChain:
			r.values(s, Chain)
		case sectionStore:
			r.values(s, Store)
		case sectionTills:
			if s.value.kind != nodeMap && s.value.kind != nodeNull {
				r.flaw(s.line, "import.map", s.key)
			}
			for _, till := range s.value.pairs {
				if at := Till(till.key); at.valid() {
					r.values(till, at)
				} else {
					r.flaw(till.line, "import.till", short(till.key))
				}
			}
		default:
			r.flaw(s.line, "import.section", short(s.key))
		}
	}
	if !ours && len(r.flaws) == 0 {
		r.flaw(1, "import.not_ours")
	}
	return r.items, r.flaws
}

// values reads the values of one scope.
func (r *fileReader) values(p pair, at At) {
	if p.value.kind != nodeMap && p.value.kind != nodeNull {
		r.flaw(p.line, "import.map", short(p.key))
	}
	for _, entry := range p.value.pairs {
		x := item{at: at, key: entry.key, line: entry.line}
		if len(r.items) == maxItems {
			r.flaw(x.line, "import.many", maxItems)
			return
		}
		if r.value(&x, entry.value) {
			r.items = append(r.items, x)
		}
	}
}

// value reads one value: nothing, a scalar, a list of texts, or a name with its content.
func (r *fileReader) value(x *item, n node) bool {
	switch n.kind {
	case nodeText:
		// A setting's type, not YAML, says what 12 or no means.
		x.value, x.plain = n.text, plainValue(n)
	case nodeList:
		list := make([]any, 0, len(n.list))
		for _, one := range n.list {
			if one.kind != nodeText {
				r.flaw(one.line, "import.value", short(x.key))
				return false
			}
			list = append(list, one.text)
		}
		x.value, x.plain = list, list
	case nodeMap:
		return r.content(x, n)
	}
	return true
}

// content reads a name with its content.
func (r *fileReader) content(x *item, n node) bool {
	for _, part := range n.pairs {
		text := part.value.text
		if part.value.kind != nodeText {
			r.flaw(part.line, "import.value", short(x.key))
			return false
		}
		switch part.key {
		case "file":
			x.value, x.plain = text, text
		case "text":
			x.content = &text
		case "base64":
			data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
			if err != nil {
				r.flaw(part.line, "import.base64", short(x.key))
				return false
			}
			content := string(data)
			x.content, x.encoded = &content, true
		default:
			r.flaw(part.line, "import.part", short(part.key), short(x.key))
			return false
		}
	}
	if x.value == nil || x.content == nil {
		r.flaw(x.line, "import.parts", short(x.key))
		return false
	}
	return true
}

// plainValue is a scalar as other readers of YAML see it.
func plainValue(n node) any {
	if n.quoted {
		return n.text
	}
	switch n.text {
	case "true":
		return true
	case "false":
		return false
	}
	if decimal.MatchString(n.text) {
		if f, err := strconv.ParseFloat(n.text, 64); err == nil {
			return f
		}
	}
	return n.text
}
