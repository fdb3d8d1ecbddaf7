package message

import (
	"maps"
	"slices"
	"strings"
	"text/template/parse"
)

// dataNode is what a template takes a part of an event's data for: an object with fields, a list, or, with neither, a
// value. It is nil for what is no data.
type dataNode struct {
	fields  map[string]*dataNode
	element *dataNode
}

// at is the node of a chain of fields.
func (n *dataNode) at(names []string) *dataNode {
	for _, name := range names {
		if n == nil {
			return nil
		}
		if n.fields == nil {
			n.fields = map[string]*dataNode{}
		}
		if n.fields[name] == nil {
			n.fields[name] = &dataNode{}
		}
		n = n.fields[name]
	}
	return n
}

// each is the node of a list's entries.
func (n *dataNode) each() *dataNode {
	if n == nil {
		return nil
	}
	if n.element == nil {
		n.element = &dataNode{}
	}
	return n.element
}

// fill gives data the objects that a template reaches through and that are missing, so that what is within them is empty
// and no fault: an order without its event's details is a mail without them.
func (n *dataNode) fill(data map[string]any) {
	for name, child := range n.fields {
		if child.element != nil {
			entries, _ := data[name].([]any)
			for _, entry := range entries {
				if object, ok := entry.(map[string]any); ok {
					child.element.fill(object)
				}
			}
			continue
		}
		if len(child.fields) == 0 {
			continue
		}
		if data[name] == nil {
			data[name] = map[string]any{}
		}
		if object, ok := data[name].(map[string]any); ok {
			child.fill(object)
		}
	}
}

// example is a value for the node of that name, for previews without an event.
func (n *dataNode) example(name string) any {
	switch {
	case n.element != nil:
		return []any{n.element.example(name), n.element.example(name)}
	case len(n.fields) > 0:
		object := make(map[string]any, len(n.fields))
		for _, field := range slices.Sorted(maps.Keys(n.fields)) {
			object[field] = n.fields[field].example(field)
		}
		return object
	}
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(strings.ToLower(name), w) })
	}
	switch {
	case has("url", "enlace", "image", "imagen"):
		return "https://example.com/"
	case has("total", "amount", "importe", "price", "precio", "minor", "spent"):
		return float64(4990)
	case has("quantity", "cantidad", "count"):
		return float64(1)
	case has("date", "fecha", "due", "expires", "start", "time", "paid"):
		return "2026-03-09"
	case has("email", "correo"):
		return "maria@example.com"
	}
	return "«" + name + "»"
}

// dataOf finds what a template takes the event's data for.
func dataOf(tree *parse.Tree) *dataNode {
	d := dataWalk{root: &dataNode{}}
	if tree != nil && tree.Root != nil {
		d.list(tree.Root, dataPlace{top: true}, nil)
	}
	return d.root
}

// dataPlace is where the dot, or a variable, stands: at the top of what a template sees, or in the data.
type dataPlace struct {
	top  bool
	node *dataNode
}

// dataVars are the variables of a block and, above, those around it.
type dataVars struct {
	above *dataVars
	name  string
	place dataPlace
}

func (v *dataVars) get(name string) dataPlace {
	for ; v != nil; v = v.above {
		if v.name == name {
			return v.place
		}
	}
	return dataPlace{}
}

type dataWalk struct{ root *dataNode }

func (d *dataWalk) list(l *parse.ListNode, dot dataPlace, vars *dataVars) {
	if l == nil {
		return
	}
	for _, n := range l.Nodes {
		switch n := n.(type) {
		case *parse.ActionNode:
			_, vars = d.pipe(n.Pipe, dot, vars)
		case *parse.IfNode:
			_, inner := d.pipe(n.Pipe, dot, vars)
			d.list(n.List, dot, inner)
			d.list(n.ElseList, dot, inner)
		case *parse.WithNode:
			place, inner := d.pipe(n.Pipe, dot, vars)
			d.list(n.List, place, inner)
			d.list(n.ElseList, dot, inner)
		case *parse.RangeNode:
			place, _ := d.pipe(n.Pipe, dot, vars)
			entry, inner := dataPlace{node: place.node.each()}, vars
			for i, v := range n.Pipe.Decl {
				if i == len(n.Pipe.Decl)-1 {
					inner = &dataVars{inner, v.Ident[0], entry}
				}
			}
			d.list(n.List, entry, inner)
			d.list(n.ElseList, dot, vars)
		}
	}
}

// pipe notes what a pipeline reads, and returns where its value stands and the variables behind it.
func (d *dataWalk) pipe(p *parse.PipeNode, dot dataPlace, vars *dataVars) (dataPlace, *dataVars) {
	var place dataPlace
	for i, c := range p.Cmds {
		for k, arg := range c.Args {
			found := d.place(arg, dot, vars)
			if place = (dataPlace{}); len(p.Cmds) == 1 && len(c.Args) == 1 && i+k == 0 {
				place = found
			}
		}
	}
	for _, v := range p.Decl {
		vars = &dataVars{vars, v.Ident[0], place}
	}
	return place, vars
}

func (d *dataWalk) place(n parse.Node, dot dataPlace, vars *dataVars) dataPlace {
	switch n := n.(type) {
	case *parse.DotNode:
		return dot
	case *parse.FieldNode:
		return d.from(dot, n.Ident)
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			return d.from(dataPlace{top: true}, n.Ident[1:])
		}
		return d.from(vars.get(n.Ident[0]), n.Ident[1:])
	case *parse.ChainNode:
		return d.from(d.place(n.Node, dot, vars), n.Field)
	case *parse.PipeNode:
		place, _ := d.pipe(n, dot, vars)
		return place
	}
	return dataPlace{}
}

func (d *dataWalk) from(at dataPlace, names []string) dataPlace {
	if at.top {
		if len(names) == 0 {
			return at
		}
		if names[0] != "Datos" {
			return dataPlace{}
		}
		return dataPlace{node: d.root.at(names[1:])}
	}
	return dataPlace{node: at.node.at(names)}
}
