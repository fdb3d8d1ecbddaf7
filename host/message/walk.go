package message

import (
	"slices"
	"strings"
	"text/template/parse"

	"golang.org/x/net/html"
)

// shape is what is known of a value in a template before there are values.
type shape struct {
	// fields of an object; nil for others.
	fields map[string]*shape
	// open values come from plugins: any field, any list.
	open bool
}

var (
	leaf = &shape{}
	open = &shape{open: true}

	linkShape = &shape{fields: map[string]*shape{LinkActivate: leaf, LinkOptOut: leaf, LinkPreferences: leaf, LinkReason: leaf, LinkOnce: leaf}}

	// rootShape is the shape of view.
	rootShape = &shape{fields: map[string]*shape{
		"Cliente": {fields: map[string]*shape{
			"Nombre": leaf, "PrimerNombre": leaf, "Correo": leaf, "Telefono": leaf,
		}},
		"Tienda":   {fields: map[string]*shape{"Nombre": leaf}},
		"Enlaces":  linkShape,
		"Politica": leaf,
		"Datos":    open,
	}}
)

// scope holds the variables of a block ({{$x := ...}}).
type scope struct {
	above *scope
	vars  map[string]*shape
}

func newScope(above *scope) *scope { return &scope{above: above, vars: map[string]*shape{}} }

func (s *scope) get(name string) (*shape, bool) {
	for ; s != nil; s = s.above {
		if sh, ok := s.vars[name]; ok {
			return sh, true
		}
	}
	return nil, false
}

// allowed are the functions that templates may use: ours, and those of Go that cannot make something large
// out of something small, as printf can.
var allowed = []string{
	"fecha", "dinero", "mayusculas",
	"and", "or", "not", "eq", "ne", "lt", "le", "gt", "ge", "len", "index",
}

// maxRange is how deep {{range}} may be nested.
const maxRange = 2

// walker looks at every node of a template for what it may not use.
type walker struct {
	text   string
	links  map[string]bool
	ranges int
	faults Faults
}

func (w *walker) fault(line int, code, what string) { w.add(Fault{Line: line, Code: code, What: what}) }

func (w *walker) warn(line int, code, what string) {
	w.add(Fault{Line: line, Code: code, What: what, Warning: true})
}

func (w *walker) add(f Fault) {
	if len(w.faults) < maxFaults && !slices.Contains(w.faults, f) {
		w.faults = append(w.faults, f)
	}
}

// line is the line in which a node begins.
func (w *walker) line(n parse.Node) int {
	at := min(max(int(n.Position()), 0), len(w.text))
	return 1 + strings.Count(w.text[:at], "\n")
}

func (w *walker) list(l *parse.ListNode, dot *shape, sc *scope) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		w.node(n, dot, sc)
	}
}

func (w *walker) node(n parse.Node, dot *shape, sc *scope) {
	switch n := n.(type) {
	case *parse.TextNode, *parse.CommentNode, *parse.BreakNode, *parse.ContinueNode:
	case *parse.ActionNode:
		if value := w.pipe(n.Pipe, dot, sc); value.fields != nil && len(n.Pipe.Decl) == 0 {
			// {{.Cliente}} alone would print Go's idea of a struct.
			w.fault(w.line(n), "template_variable", n.Pipe.String())
		}
	case *parse.IfNode:
		inner := newScope(sc)
		w.pipe(n.Pipe, dot, inner)
		w.list(n.List, dot, newScope(inner))
		w.list(n.ElseList, dot, newScope(inner))
	case *parse.WithNode:
		inner := newScope(sc)
		value := w.pipe(n.Pipe, dot, inner)
		w.list(n.List, value, newScope(inner))
		w.list(n.ElseList, dot, newScope(inner))
	case *parse.RangeNode:
		w.rangeOver(n, dot, sc)
	case *parse.TemplateNode:
		w.fault(w.line(n), "template_forbidden", "template")
	default:
		w.fault(w.line(n), "template_forbidden", n.String())
	}
}

func (w *walker) rangeOver(n *parse.RangeNode, dot *shape, sc *scope) {
	inner := newScope(sc)
	value := w.pipe(n.Pipe, dot, inner)
	if !value.open {
		// Only lists of plugins' data can be walked; a number could be made to last for hours.
		w.fault(w.line(n), "template_range", n.Pipe.String())
	}
	if w.ranges++; w.ranges > maxRange {
		w.fault(w.line(n), "template_range_depth", "")
	}
	for _, v := range n.Pipe.Decl {
		inner.vars[v.Ident[0]] = open
	}
	w.list(n.List, open, newScope(inner))
	w.ranges--
	w.list(n.ElseList, dot, newScope(inner))
}

// pipe returns the shape of a pipeline's value and declares its variables.
func (w *walker) pipe(p *parse.PipeNode, dot *shape, sc *scope) *shape {
	value := leaf
	for i, cmd := range p.Cmds {
		value = w.command(cmd, dot, sc, i > 0)
	}
	for _, v := range p.Decl {
		if p.IsAssign {
			// An assignment within a block may change what the variable is; only what both were is safe.
			w.fault(w.line(v), "template_forbidden", v.String()+" =")
		}
		sc.vars[v.Ident[0]] = value
	}
	return value
}

func (w *walker) command(c *parse.CommandNode, dot *shape, sc *scope, piped bool) *shape {
	if len(c.Args) == 0 {
		return leaf
	}
	name, isFunction := c.Args[0].(*parse.IdentifierNode)
	if !isFunction {
		value := w.value(c.Args[0], dot, sc)
		for _, arg := range c.Args[1:] {
			w.value(arg, dot, sc)
		}
		if len(c.Args) > 1 || piped {
			w.fault(w.line(c), "template_not_function", c.Args[0].String())
		}
		return value
	}
	var args []*shape
	for _, arg := range c.Args[1:] {
		value := w.value(arg, dot, sc)
		if value.fields != nil {
			w.fault(w.line(arg), "template_variable", arg.String())
		}
		args = append(args, value)
	}
	switch {
	case !slices.Contains(allowed, name.Ident):
		w.fault(w.line(c), "template_function", name.Ident)
	case name.Ident == "index":
		if len(args) > 0 && !args[0].open {
			w.fault(w.line(c), "template_index", c.Args[1].String())
		}
		return open
	case name.Ident == "and", name.Ident == "or":
		// The value is one of the arguments, of which a list must not turn out to be something else.
		if len(args) > 0 && !piped && !slices.ContainsFunc(args, func(s *shape) bool { return !s.open }) {
			return open
		}
	}
	return leaf
}

func (w *walker) value(n parse.Node, dot *shape, sc *scope) *shape {
	switch n := n.(type) {
	case *parse.DotNode:
		return dot
	case *parse.FieldNode:
		return w.fields(n, dot, n.Ident, n.String())
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			return w.fields(n, rootShape, n.Ident[1:], n.String())
		}
		value, ok := sc.get(n.Ident[0])
		if !ok {
			return open // the parser has refused it
		}
		return w.fields(n, value, n.Ident[1:], n.String())
	case *parse.ChainNode:
		return w.fields(n, w.value(n.Node, dot, sc), n.Field, n.String())
	case *parse.PipeNode:
		return w.pipe(n, dot, sc)
	case *parse.IdentifierNode:
		if !slices.Contains(allowed, n.Ident) {
			w.fault(w.line(n), "template_function", n.Ident)
		}
		return leaf
	default: // literals
		return leaf
	}
}

// fields follows a chain of fields from a shape.
func (w *walker) fields(n parse.Node, from *shape, names []string, spelled string) *shape {
	at := from
	for _, name := range names {
		if at.open {
			return open
		}
		next, ok := at.fields[name]
		if !ok {
			w.fault(w.line(n), "template_variable", spelled)
			return open
		}
		if at == linkShape {
			w.links[name] = true
		}
		at = next
	}
	return at
}

// markup looks at the HTML itself: a title is needed, and what mail programs take out is worth a warning.
func (w *walker) markup(text string) {
	z := html.NewTokenizer(strings.NewReader(text))
	line, title := 1, false
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		at := line
		line += strings.Count(string(z.Raw()), "\n")
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		tag := z.Token()
		switch tag.Data {
		case "title":
			title = true
		case "script", "iframe", "form", "object", "embed", "applet", "base", "meta":
			if tag.Data != "meta" || hasAttr(tag, "http-equiv", "refresh") {
				w.warn(at, "template_active", "<"+tag.Data+">")
			}
		}
		for _, a := range tag.Attr {
			if strings.HasPrefix(a.Key, "on") || strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:") {
				w.warn(at, "template_active", a.Key)
			}
		}
	}
	if !title {
		w.fault(1, "template_title", "")
	}
}

func hasAttr(t html.Token, key, value string) bool {
	for _, a := range t.Attr {
		if a.Key == key && strings.EqualFold(a.Val, value) {
			return true
		}
	}
	return false
}
