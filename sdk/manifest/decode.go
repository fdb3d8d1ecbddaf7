package manifest

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Limits of a file: far above any honest one, far below what could hurt the store.
const (
	maxBytes = 128 << 10
	maxDepth = 32
)

// Problem is one mistake in a file.
type Problem struct {
	// Line and Column count from 1; 0 when the file as a whole is meant.
	Line, Column int
	// Path is where in the tree: "settings[0].key".
	Path string
	// Message says what is wrong and what to do.
	Message string
}

// Error holds all the mistakes of one file, in the order of its lines.
type Error struct {
	File     string
	Problems []Problem
}

// Error lists the problems, one a line, as "file:line:column: path: message".
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		var b strings.Builder
		b.WriteString(e.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
		}
		if p.Path != "" {
			b.WriteString(": " + p.Path)
		}
		lines[i] = b.String() + ": " + p.Message
	}
	return strings.Join(lines, "\n")
}

// place is a position in the file.
type place struct{ line, column int }

// decoder fills Go values from a YAML tree, strictly, and remembers where each came from.
type decoder struct {
	places   map[string]place
	problems []Problem
}

// problem notes a mistake at a path, or at the nearest path above it that stands in the file.
func (d *decoder) problem(path, format string, args ...any) {
	at := place{1, 1}
	for p := path; p != ""; {
		if found, ok := d.places[p]; ok {
			at = found
			break
		}
		p = p[:max(strings.LastIndexAny(p, ".["), 0)]
	}
	d.problems = append(d.problems, Problem{at.line, at.column, path, fmt.Sprintf(format, args...)})
}

// err returns what was found wrong, or nil.
func (d *decoder) err(file string) error {
	if len(d.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return &Error{File: file, Problems: d.problems}
}

// read parses data and decodes it into v, a pointer to a struct.
func (d *decoder) read(data []byte, v any) {
	d.places = map[string]place{}
	if len(data) > maxBytes {
		d.problem("", "the file has %d bytes: keep it below %d", len(data), maxBytes)
		return
	}
	if deep := depth(data); deep > maxDepth {
		d.problem("", "lists and maps are nested %d deep: keep to %d", deep, maxDepth)
		return
	}
	root, err := parse(data)
	if err != nil {
		at, message := describe(err)
		d.problems = append(d.problems, Problem{at.line, at.column, "", message})
		return
	}
	if root == nil {
		d.problem("", "the file is empty")
		return
	}
	d.decode(root, reflect.ValueOf(v).Elem(), "", 0)
}

// parse returns the root of the one document in data, nil when there is none. The parser may panic on input
// that it did not foresee; here that is one more way of not being YAML.
func parse(data []byte) (root ast.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			root, err = nil, fmt.Errorf("this is not YAML: %v", r)
		}
	}()
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, err
	}
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if _, comment := doc.Body.(*ast.CommentGroupNode); comment {
			continue
		}
		if root != nil {
			return nil, fmt.Errorf("the file has several documents: write one, without ---")
		}
		root = doc.Body
	}
	return root, nil
}

// depth counts how deep flow brackets nest at most, or the dashes and question marks that begin a line (the
// parser's time grows with the square of these). It also counts those inside texts, which is fine for a limit.
func depth(data []byte) int {
	now, most, marks, lineStart := 0, 0, 0, true
	for i, c := range data {
		switch c {
		case '[', '{':
			now++
			most = max(most, now)
		case ']', '}':
			now = max(now-1, 0)
		}
		switch c {
		case '\n', '\r':
			marks, lineStart = 0, true
		case ' ', '\t':
		case '-', '?':
			if lineStart = lineStart && i+1 < len(data) && (data[i+1] == ' ' || data[i+1] == '\t'); lineStart {
				marks++
				most = max(most, marks)
			}
		default:
			lineStart = false
		}
	}
	return most
}

// describe takes the YAML library's error apart.
func describe(err error) (place, string) {
	type located interface {
		GetToken() *token.Token
		GetMessage() string
	}
	at := place{1, 1}
	if l, ok := err.(located); ok {
		if t := l.GetToken(); t != nil && t.Position != nil {
			at = place{t.Position.Line, t.Position.Column}
		}
		return at, l.GetMessage()
	}
	return at, err.Error()
}

// custom is a type that reads its own node.
type custom interface {
	decodeNode(d *decoder, n ast.Node, path string)
}

// decode fills v from n.
func (d *decoder) decode(n ast.Node, v reflect.Value, path string, deep int) {
	d.mark(n, path)
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode:
		d.problem(path, "anchors, aliases and tags are not allowed: write the value itself")
		return
	}
	if deep > maxDepth {
		d.problem(path, "nested more than %d deep", maxDepth)
		return
	}
	if c, ok := v.Addr().Interface().(custom); ok {
		c.decodeNode(d, n, path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.decodeStruct(n, v, path, deep)
	case reflect.Slice:
		seq, ok := n.(*ast.SequenceNode)
		if !ok {
			d.problem(path, "must be a list, not %s", kind(n))
			return
		}
		out := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
		for i, item := range seq.Values {
			d.decode(item, out.Index(i), fmt.Sprintf("%s[%d]", path, i), deep+1)
		}
		v.Set(out)
	case reflect.Pointer:
		target := reflect.New(v.Type().Elem())
		d.decode(n, target.Elem(), path, deep+1)
		v.Set(target)
	case reflect.String:
		if s, ok := d.text(n, path); ok {
			v.SetString(s)
		}
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.problem(path, "must be true or false, not %s", kind(n))
			return
		}
		v.SetBool(b.Value)
	case reflect.Interface:
		if x, ok := d.plain(n, path, deep); ok && x != nil {
			v.Set(reflect.ValueOf(x))
		}
	}
}

// decodeStruct fills a struct from a map, field by yaml tag.
func (d *decoder) decodeStruct(n ast.Node, v reflect.Value, path string, deep int) {
	entries, ok := entriesOf(n)
	if !ok {
		d.problem(path, "must be a map of keys, not %s", kind(n))
		return
	}
	t := v.Type()
	fields := map[string]int{}
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag != "" && tag != "-" {
			fields[tag] = i
		}
	}
	seen := map[string]bool{}
	for _, e := range entries {
		key, ok := keyOf(e)
		at := join(path, key)
		d.mark(e.Key, at)
		i, known := fields[key]
		switch {
		case !ok:
			d.problem(at, "a key must be a plain word")
		case seen[key]:
			d.problem(at, "key %q is there twice: keep one", key)
		case !known:
			d.problem(at, "unknown key %q%s", key, suggest(key, fields))
		default:
			d.decode(e.Value, v.Field(i), at, deep+1)
			d.mark(e.Key, at)
		}
		seen[key] = true
	}
	if r, ok := v.Addr().Interface().(*Rule); ok {
		r.Line = d.places[path].line
	}
}

// text returns the text of a scalar that is one.
func (d *decoder) text(n ast.Node, path string) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode:
		d.problem(path, "must be a text, not %s: put it in quotes", kind(n))
	case *ast.NullNode:
		d.problem(path, "is empty: write a text or leave the key out")
	default:
		d.problem(path, "must be a text, not %s", kind(n))
	}
	return "", false
}

// plain returns a scalar or a list of scalars as string, float64, bool or []any.
func (d *decoder) plain(n ast.Node, path string, deep int) (any, bool) {
	switch n := n.(type) {
	case *ast.BoolNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode:
		f, ok := number(n)
		if !ok {
			d.problem(path, "the number is out of range")
		}
		return f, ok
	case *ast.SequenceNode:
		list := make([]any, 0, len(n.Values))
		for i, item := range n.Values {
			at := fmt.Sprintf("%s[%d]", path, i)
			d.mark(item, at)
			if deep >= maxDepth {
				d.problem(at, "nested more than %d deep", maxDepth)
				return nil, false
			}
			x, ok := d.plain(item, at, deep+1)
			if !ok {
				return nil, false
			}
			list = append(list, x)
		}
		return list, true
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.problem(path, "anchors, aliases and tags are not allowed: write the value itself")
		return nil, false
	default:
		return d.text(n, path)
	}
}

// mark remembers where a path stands.
func (d *decoder) mark(n ast.Node, path string) {
	if n == nil {
		return
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		d.places[path] = place{t.Position.Line, t.Position.Column}
		// A map's token is the colon of its first entry; its key says where the map begins.
		if entries, ok := entriesOf(n); ok && len(entries) > 0 {
			if k := entries[0].Key.GetToken(); k != nil && k.Position != nil {
				d.places[path] = place{k.Position.Line, k.Position.Column}
			}
		}
	}
}

// entriesOf returns the entries of a map.
func entriesOf(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// keyOf returns an entry's key when it is a plain word.
func keyOf(e *ast.MappingValueNode) (string, bool) {
	if s, ok := e.Key.(*ast.StringNode); ok {
		return s.Value, true
	}
	if t := e.Key.GetToken(); t != nil {
		return t.Value, false
	}
	return "", false
}

// number returns a YAML number as float64.
func number(n ast.Node) (float64, bool) {
	var f float64
	switch n := n.(type) {
	case *ast.FloatNode:
		f = n.Value
	case *ast.IntegerNode:
		switch x := n.Value.(type) {
		case int64:
			f = float64(x)
		case uint64:
			f = float64(x)
		default:
			return 0, false
		}
	}
	return f, !math.IsInf(f, 0) && !math.IsNaN(f)
}

// kind names a node for people.
func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a map"
	case *ast.SequenceNode:
		return "a list"
	case *ast.BoolNode:
		return "true or false"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.NullNode:
		return "nothing"
	}
	return "a text"
}

// join appends a key to a path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// suggest names the known key that was probably meant, or else all of them.
func suggest(key string, fields map[string]int) string {
	known := make([]string, 0, len(fields))
	for k := range fields {
		known = append(known, k)
	}
	slices.Sort(known)
	for _, k := range known {
		if near(key, k) {
			return fmt.Sprintf(": did you mean %q?", k)
		}
	}
	return ": this place knows " + strings.Join(known, ", ")
}

// near tells whether two words differ by at most two letters.
func near(a, b string) bool {
	if len(a) > 40 || strings.EqualFold(a, b) {
		return len(a) <= 40
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)] <= min(2, len(a)/3)
}
