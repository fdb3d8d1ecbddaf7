package manifest

import (
	"regexp"

	"github.com/goccy/go-yaml/ast"
)

// language is an ISO 639-1 code.
var language = regexp.MustCompile(`^[a-z]{2}$`)

// decodeNode reads {es: ..., en: ...} or a plain Spanish text.
func (t *Text) decodeNode(d *decoder, n ast.Node, path string) {
	entries, ok := entriesOf(n)
	if !ok {
		if s, ok := d.text(n, path); ok {
			*t = Text{"es": s}
		}
		return
	}
	out := Text{}
	for _, e := range entries {
		key, ok := keyOf(e)
		at := join(path, key)
		d.mark(e.Key, at)
		if _, twice := out[key]; twice {
			d.problem(at, "language %q is there twice: keep one", key)
			continue
		}
		if !ok || !language.MatchString(key) {
			d.problem(at, "%q is no language: use two letters, like es or en", key)
			continue
		}
		if s, ok := d.text(e.Value, at); ok {
			out[key] = s
		}
	}
	if out["es"] == "" {
		d.problem(path, "needs a Spanish text: add es: ...")
	}
	*t = out
}

// decodeNode reads a CEL expression; true, false and numbers stand for themselves.
func (x *Expression) decodeNode(d *decoder, n ast.Node, path string) {
	switch n := n.(type) {
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode:
		*x = Expression(n.GetToken().Value)
	default:
		s, ok := d.text(n, path)
		if ok && s == "" {
			d.problem(path, "is empty: write a CEL expression or leave the key out")
		}
		*x = Expression(s)
	}
}

// decodeNode reads one number or a list of numbers.
func (vs *Versions) decodeNode(d *decoder, n ast.Node, path string) {
	nodes := []ast.Node{n}
	if seq, ok := n.(*ast.SequenceNode); ok {
		nodes = seq.Values
	}
	for _, n := range nodes {
		f, ok := number(n)
		if !ok || f < 1 || f > 1e6 || f != float64(int(f)) {
			d.problem(path, "must be a protocol version (1) or a list of them")
			return
		}
		*vs = append(*vs, int(f))
	}
}

// decodeNode reads "PLG0002 >=1.2.0".
func (dep *Dependency) decodeNode(d *decoder, n ast.Node, path string) {
	s, ok := d.text(n, path)
	if !ok {
		return
	}
	got, err := parseDependency(s)
	if err != nil {
		d.problem(path, "%v", err)
	}
	*dep = got
}
