package configguide

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// What Export writes is YAML; what Import reads is the part of YAML that people write: maps, lists of texts, texts with
// and without quotes, blocks (|) and comments. It is read line by line, in time that grows with the file and no faster,
// which general readers of YAML do not promise; anchors, tags, folded texts and flow maps are refused with their line.

// nodeKind is what a node is.
type nodeKind int

const (
	nodeNull nodeKind = iota
	nodeText
	nodeList
	nodeMap
)

// node is a value in a file.
type node struct {
	kind nodeKind
	line int
	text string
	// quoted tells that a text cannot be anything else, like a number.
	quoted bool
	list   []node
	pairs  []pair
}

// pair is one line of a map.
type pair struct {
	key   string
	line  int
	value node
}

// flaw is what is wrong with a file, before it is put into words.
type flaw struct {
	line int
	key  string
	args []any
}

// yamlReader reads one file.
type yamlReader struct {
	lines []string
	at    int // the line that is read next
	flaws []flaw
}

// maxFlaws is how many flaws are told at once.
const maxFlaws = 50

// maxNesting is how deep maps may stand in maps.
const maxNesting = 8

func (r *yamlReader) flaw(line int, key string, args ...any) {
	if len(r.flaws) < maxFlaws {
		r.flaws = append(r.flaws, flaw{line, key, args})
	}
}

// parseYAML reads a file whose root is a map. When there are flaws the node means nothing.
func parseYAML(data string) (node, []flaw) {
	data = strings.TrimPrefix(data, "\ufeff")
	r := &yamlReader{}
	if len(data) > maxImport {
		r.flaw(1, "import.big", maxImport>>20)
		return node{}, r.flaws
	}
	if !utf8.ValidString(data) {
		r.flaw(1, "import.utf8")
		return node{}, r.flaws
	}
	r.lines = strings.Split(strings.TrimSuffix(strings.ReplaceAll(data, "\r\n", "\n"), "\n"), "\n")
	if indent, text, ok := r.peek(); ok && indent == 0 && text == "---" {
		r.at++
	}
	root := node{kind: nodeMap, line: 1}
	if indent, _, ok := r.peek(); ok {
		root = r.mapping(indent, 0)
	}
	return root, r.flaws
}

// peek goes to the next line that says something, and returns its indent and the rest.
func (r *yamlReader) peek() (indent int, text string, ok bool) {
	for ; r.at < len(r.lines); r.at++ {
		text = strings.TrimLeft(r.lines[r.at], " ")
		if rest := strings.TrimLeft(text, " \t"); rest == "" || rest[0] == '#' {
			continue
		}
		return len(r.lines[r.at]) - len(text), strings.TrimRight(text, " \t"), true
	}
	return 0, "", false
}

// mapping reads the lines of a map that stand at an indent.
func (r *yamlReader) mapping(indent, deep int) node {
	m := node{kind: nodeMap, line: r.at + 1}
	seen := map[string]bool{}
	for {
		now, text, ok := r.peek()
		if !ok || now < indent {
			return m
		}
		line := r.at + 1
		key, rest, good := splitKey(text)
		switch {
		case now > indent:
			r.flaw(line, "import.indent")
			r.at++
			continue
		case !good:
			r.flaw(line, "import.line", short(text))
			r.at++
			continue
		case seen[key]:
			r.flaw(line, "import.twice", short(key))
		}
		seen[key] = true
		m.pairs = append(m.pairs, pair{key, line, r.value(rest, indent, deep)})
	}
}

// splitKey takes the key off a line "key: value".
func splitKey(text string) (key, rest string, ok bool) {
	switch text[0] {
	case '"', '\'':
		if key, rest, ok = unquote(text); !ok {
			return "", "", false
		}
		rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " \t"), ":")
		return key, strings.TrimLeft(rest, " \t"), ok && (rest == "" || rest[0] == ' ' || rest[0] == '\t')
	}
	if strings.ContainsRune("-?[{&*!|>%@`\t", rune(text[0])) {
		return "", "", false
	}
	key, rest, ok = strings.Cut(text+" ", ": ")
	return strings.TrimRight(key, " \t"), strings.Trim(rest, " \t"), ok && key != "" && !strings.Contains(key, " #")
}

// value reads what stands behind a key of a map at an indent, and the lines below that belong to it.
func (r *yamlReader) value(rest string, indent, deep int) node {
	line := r.at + 1
	r.at++
	if rest != "" && rest[0] != '#' {
		if rest[0] == '|' {
			return r.block(rest, indent, line)
		}
		return r.scalar(rest, line)
	}
	below, text, ok := r.peek()
	switch {
	case ok && below >= indent && (text == "-" || strings.HasPrefix(text, "- ")):
		return r.sequence(below)
	case !ok || below <= indent:
		return node{line: line}
	case deep >= maxNesting:
		r.flaw(line, "import.deep")
		r.at = len(r.lines)
		return node{line: line}
	}
	return r.mapping(below, deep+1)
}

// sequence reads the lines of a list of scalars.
func (r *yamlReader) sequence(indent int) node {
	list := node{kind: nodeList, line: r.at + 1}
	for {
		now, text, ok := r.peek()
		if !ok || now != indent || text != "-" && !strings.HasPrefix(text, "- ") {
			return list
		}
		list.list = append(list.list, r.scalar(strings.TrimLeft(text[1:], " \t"), r.at+1))
		r.at++
	}
}

// scalar reads a scalar, or a list in brackets, on one line.
func (r *yamlReader) scalar(text string, line int) node {
	n := node{kind: nodeText, line: line}
	if text == "" || text[0] == '#' {
		return node{line: line}
	}
	switch text[0] {
	case '"', '\'':
		value, rest, ok := unquote(text)
		if rest = strings.TrimLeft(rest, " \t"); !ok || rest != "" && rest[0] != '#' {
			r.flaw(line, "import.quotes")
		}
		n.text, n.quoted = value, true
		return n
	case '[':
		return r.brackets(text, line)
	case '&', '*', '!', '|', '>', '{', '}', ']', '%', '@', '`', ',':
		r.flaw(line, "import.odd", text[:1])
		return n
	}
	if i := strings.Index(text, " #"); i >= 0 {
		text = strings.TrimRight(text[:i], " \t")
	}
	if strings.Contains(text, ": ") || strings.HasSuffix(text, ":") || strings.HasPrefix(text, "- ") || strings.HasPrefix(text, "? ") {
		r.flaw(line, "import.unquoted")
	}
	if slices.Contains([]string{"~", "null", "Null", "NULL"}, text) {
		return node{line: line}
	}
	n.text = text
	return n
}

// brackets reads a list in brackets.
func (r *yamlReader) brackets(text string, line int) node {
	list := node{kind: nodeList, line: line}
	rest := strings.TrimLeft(text[1:], " \t")
	for !strings.HasPrefix(rest, "]") {
		var item string
		if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
			var ok bool
			if item, rest, ok = unquote(rest); !ok {
				r.flaw(line, "import.quotes")
				return list
			}
			list.list = append(list.list, node{kind: nodeText, line: line, text: item, quoted: true})
		} else {
			end := strings.IndexAny(rest, ",]")
			if end < 0 {
				r.flaw(line, "import.brackets")
				return list
			}
			item, rest = strings.TrimRight(rest[:end], " \t"), rest[end:]
			list.list = append(list.list, r.scalar(item, line))
		}
		rest = strings.TrimLeft(rest, " \t")
		next, more := strings.CutPrefix(rest, ",")
		if rest = strings.TrimLeft(next, " \t"); !more && !strings.HasPrefix(rest, "]") {
			r.flaw(line, "import.brackets")
			return list
		}
	}
	if rest = strings.TrimLeft(rest[1:], " \t"); rest != "" && rest[0] != '#' {
		r.flaw(line, "import.brackets")
	}
	return list
}

// blockHead is how a block begins: how deep it stands when that cannot be seen, and what becomes of the ends of its
// last lines.
var blockHead = regexp.MustCompile(`^\|([1-9]?)([+-]?)(?:[ \t]+#.*)?$`)

// block reads the lines of a literal block below a key at an indent.
func (r *yamlReader) block(head string, indent, line int) node {
	n := node{kind: nodeText, line: line, quoted: true}
	m := blockHead.FindStringSubmatch(head)
	if m == nil {
		r.flaw(line, "import.odd", short(head))
		return n
	}
	depth := -1
	if m[1] != "" {
		more, _ := strconv.Atoi(m[1])
		depth = indent + more
	}
	var lines []string
	for ; r.at < len(r.lines); r.at++ {
		text := r.lines[r.at]
		bare := strings.TrimLeft(text, " ")
		now := len(text) - len(bare)
		if depth < 0 && bare != "" {
			if now <= indent {
				break
			}
			depth = now
		}
		switch {
		case bare == "" && (depth < 0 || now <= depth):
			lines = append(lines, "")
			continue
		case now < depth:
			if now > indent {
				r.flaw(r.at+1, "import.indent")
			}
		default:
			lines = append(lines, text[depth:])
			continue
		}
		break
	}
	last := len(lines)
	for last > 0 && lines[last-1] == "" {
		last--
	}
	body := strings.Join(lines[:last], "\n")
	switch {
	case m[2] == "+":
		body = strings.Join(lines, "\n")
		if len(lines) > 0 {
			body += "\n"
		}
	case m[2] == "" && last > 0:
		body += "\n"
	}
	n.text = body
	return n
}

// unquote reads the text in quotes with which a line begins.
func unquote(line string) (text, rest string, ok bool) {
	if line[0] == '\'' {
		var b strings.Builder
		for rest = line[1:]; ; {
			part, after, closed := strings.Cut(rest, "'")
			b.WriteString(part)
			if !closed {
				return "", "", false
			}
			if rest, closed = strings.CutPrefix(after, "'"); !closed {
				return b.String(), after, true
			}
			b.WriteByte('\'')
		}
	}
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		switch c := line[i]; c {
		case '"':
			return b.String(), line[i+1:], true
		case '\\':
			n, size := escape(line[i+1:])
			if size == 0 {
				return "", "", false
			}
			b.WriteRune(n)
			i += size
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// escapes are the short ones of YAML.
var escapes = map[byte]rune{
	'0': 0, 'a': '\a', 'b': '\b', 't': '\t', 'n': '\n', 'v': '\v', 'f': '\f', 'r': '\r', 'e': 0x1b, '"': '"', '/': '/',
	'\\': '\\', ' ': ' ', 'N': 0x85, '_': 0xa0, 'L': 0x2028, 'P': 0x2029,
}

// escape reads what follows a backslash; size is 0 when it means nothing.
func escape(s string) (r rune, size int) {
	if s == "" {
		return 0, 0
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[0]]
	if digits == 0 {
		r, known := escapes[s[0]]
		if !known {
			return 0, 0
		}
		return r, 1
	}
	if len(s) <= digits {
		return 0, 0
	}
	n, err := strconv.ParseUint(s[1:1+digits], 16, 32)
	if err != nil || !utf8.ValidRune(rune(n)) {
		return 0, 0
	}
	return rune(n), 1 + digits
}
