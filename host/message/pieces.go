package message

import (
	"strings"
	"text/template/parse"
)

// pieces is a template that is nothing but words and values that are words: most of them. It is put together without the
// reflection by which html/template and text/template look for every value, and gives the same text, which a test holds
// against theirs.
type pieces []piece

type piece struct {
	// words stand before the value; value is nil behind the last.
	words string
	value func(*view) string
	// escape is what the value goes through.
	escape func(string) string
}

// escapers are the ends of pipelines in executed templates: those that html/template puts there for the place where the
// value stands, and those of plans (planFunctions).
var escapers = map[string]func(string) string{
	"_html_template_htmlescaper":   escapeHTML,
	"_html_template_attrescaper":   escapeHTML,
	"_html_template_rcdataescaper": escapeHTML,
	"_html_template_urlfilter _html_template_urlnormalizer _html_template_attrescaper": func(s string) string {
		return escapeHTML(address(filterURL(s), true))
	},
	"_html_template_urlnormalizer _html_template_attrescaper": func(s string) string { return escapeHTML(address(s, true)) },
	"_html_template_urlescaper _html_template_attrescaper":    func(s string) string { return escapeHTML(address(s, false)) },

	"_texto":     unmarked,
	"_direccion": func(s string) string { return address(filterURL(s), true) },
	"_camino":    func(s string) string { return address(s, true) },
	"_parametro": func(s string) string { return address(s, false) },
}

var htmlEscapes = strings.NewReplacer(
	"\x00", "\uFFFD", `"`, "&#34;", "&", "&amp;", "'", "&#39;", "+", "&#43;", "<", "&lt;", ">", "&gt;",
)

// escapeHTML does to a text what html/template does to one between tags and in an attribute in quotes.
func escapeHTML(text string) string {
	if !strings.ContainsAny(text, "\x00\"&'+<>") {
		return text
	}
	return htmlEscapes.Replace(text)
}

// plainWords are the variables that are words.
var plainWords = map[string]func(*view) string{
	"Cliente.Nombre":       func(v *view) string { return v.Cliente.Nombre },
	"Cliente.PrimerNombre": func(v *view) string { return v.Cliente.PrimerNombre },
	"Cliente.Apellidos":    func(v *view) string { return v.Cliente.Apellidos },
	"Cliente.Correo":       func(v *view) string { return v.Cliente.Correo },
	"Cliente.Telefono":     func(v *view) string { return v.Cliente.Telefono },
	"Cliente.Direccion":    func(v *view) string { return v.Cliente.Direccion },
	"Cliente.Usuario":      func(v *view) string { return v.Cliente.Usuario },
	"Cliente.Tarjeta":      func(v *view) string { return v.Cliente.Tarjeta },
	"Cliente.Numero":       func(v *view) string { return v.Cliente.Numero },
	"Tienda.Nombre":        func(v *view) string { return v.Tienda.Nombre },
	"Codigo":               func(v *view) string { return v.Codigo },
	"CodigoVence":          func(v *view) string { return v.CodigoVence },
	"Beneficio":            func(v *view) string { return v.Beneficio },
}

// newPieces returns the pieces of a template that is executed, with its escapers; nil for one that is more than that.
func newPieces(tree *parse.Tree) pieces {
	if tree == nil || tree.Root == nil {
		return nil
	}
	var all pieces
	var before strings.Builder
	for _, n := range tree.Root.Nodes {
		switch n := n.(type) {
		case *parse.TextNode:
			before.Write(n.Text)
		case *parse.CommentNode:
		case *parse.ActionNode:
			one, ok := newPiece(n.Pipe)
			if !ok {
				return nil
			}
			one.words = before.String()
			before.Reset()
			all = append(all, one)
		default:
			return nil
		}
	}
	return append(all, piece{words: before.String()})
}

// newPiece reads a pipeline: one variable, and behind it functions without arguments.
func newPiece(pipe *parse.PipeNode) (one piece, ok bool) {
	if len(pipe.Decl) > 0 || len(pipe.Cmds) < 2 {
		return one, false
	}
	var names []string
	for i, cmd := range pipe.Cmds {
		if len(cmd.Args) != 1 {
			return one, false
		}
		switch arg := cmd.Args[0].(type) {
		case *parse.FieldNode:
			if i > 0 {
				return one, false
			}
			one.value = plainWords[strings.Join(arg.Ident, ".")]
			if name := arg.Ident[len(arg.Ident)-1]; len(arg.Ident) == 2 && arg.Ident[0] == "Enlaces" {
				one.value = func(v *view) string { return v.Enlaces[name] }
			}
		case *parse.IdentifierNode:
			names = append(names, arg.Ident)
		default:
			return one, false
		}
	}
	one.escape = escapers[strings.Join(names, " ")]
	return one, one.value != nil && one.escape != nil
}

// fill puts the text together.
func (all pieces) fill(v *view, size int) (string, error) {
	var out strings.Builder
	out.Grow(size)
	for _, p := range all {
		out.WriteString(p.words)
		if p.value != nil {
			out.WriteString(p.escape(p.value(v)))
		}
		if out.Len() > maxRendered {
			return "", errTooLong
		}
	}
	return out.String(), nil
}
