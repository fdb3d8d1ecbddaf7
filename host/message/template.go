package message

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"html/template"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"text/template/parse"
	"unicode/utf8"
)

// Bounds of a template: its own text, what it may render to, and how many errors are named at once.
const (
	maxTemplate = 256 << 10
	maxRendered = 512 << 10
	maxFaults   = 20
)

// Fault is one thing that is wrong with a template.
type Fault struct {
	// Line is 1 for the first; 0 when the fault is of the whole.
	Line int
	// Code is the stable name of the fault and, behind "message.", the key of its sentence.
	Code string
	// What is what the sentence is about: a variable, a function, the parser's own words.
	What string
	// Warning says that the template may be used nevertheless.
	Warning bool
}

// Faults are all that was found. It is the error of Parse.
type Faults []Fault

func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = fmt.Sprintf("line %d: %s %s", one.Line, one.Code, one.What)
	}
	return strings.Join(lines, "; ")
}

// errors returns the faults that forbid the template.
func (f Faults) errors() Faults {
	var hard Faults
	for _, one := range f {
		if !one.Warning {
			hard = append(hard, one)
		}
	}
	return hard
}

// Template is a mail's text with its variables, ready to be rendered. It is safe for concurrent use.
type Template struct {
	tree *parse.Tree
	// links are those that it uses.
	links map[string]bool
	// warnings are what Parse found and let pass.
	warnings Faults

	mu sync.Mutex
	// by holds the executable template of each language and currency, which its functions depend on.
	by map[voice]*template.Template
}

// Parse reads a template: HTML in Go's template syntax (html/template, which escapes every value for its
// place), with the variables
//
//	{{.Cliente.Nombre}} {{.Cliente.PrimerNombre}} {{.Cliente.Correo}} {{.Cliente.Telefono}}
//	{{.Tienda.Nombre}} {{.Politica}} {{.Enlaces.activar}} {{.Enlaces.baja}} {{.Datos.x}}
//	{{.Enlaces.preferencias}} {{.Enlaces.motivo}} {{.Enlaces.unavez}}
//
// where Datos is what the plugin sends along, under any names, with {{if}}, {{with}}, {{range}} over lists in
// Datos, the functions fecha, dinero and mayusculas, and Go's and, or, not, eq, ne, lt, le, gt, ge, len and
// index. The subject is the content of <title>. Everything else is refused; the error is Faults.
func Parse(text string) (*Template, error) {
	if len(text) > maxTemplate {
		return nil, Faults{{Code: "template_too_long", What: strconv.Itoa(maxTemplate >> 10)}}
	}
	if !utf8.ValidString(text) {
		return nil, Faults{{Line: badLine(text), Code: "template_not_utf8"}}
	}
	tree := parse.New("m")
	// Unknown functions are found by the walk, with all other faults, not by the parser, which stops at one.
	tree.Mode = parse.SkipFuncCheck
	sets := map[string]*parse.Tree{}
	if _, err := tree.Parse(text, "", "", sets); err != nil {
		return nil, Faults{syntaxFault(err)}
	}
	w := &walker{text: text, links: map[string]bool{}}
	if len(sets) > 1 {
		// {{define}} and {{block}} leave no node in the tree.
		w.fault(lineOf(text, definition), "template_forbidden", "define")
	}
	if tree.Root == nil || len(tree.Root.Nodes) == 0 {
		return nil, Faults{{Code: "template_empty"}}
	}
	w.list(tree.Root, rootShape, newScope(nil))
	w.markup(text)
	t := &Template{tree: tree, links: w.links, by: map[voice]*template.Template{}}
	if len(w.faults.errors()) == 0 {
		// Escaping looks at the HTML around every value; it happens when a template is first executed.
		_, err := t.render(sampleView(), voice{lang: "es", currency: "EUR"})
		if f, ok := w.escapeFault(err); ok {
			w.faults = append(w.faults, f)
		}
	}
	if len(w.faults.errors()) > 0 {
		return nil, w.faults
	}
	t.warnings = w.faults
	return t, nil
}

var definition = regexp.MustCompile(`\{\{-?\s*(define|block)\b`)

// lineOf is the line of the first match.
func lineOf(text string, pattern *regexp.Regexp) int {
	at := pattern.FindStringIndex(text)
	if at == nil {
		return 0
	}
	return 1 + strings.Count(text[:at[0]], "\n")
}

func badLine(text string) int {
	line := 1
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		text = text[size:]
	}
	return line
}

var (
	parserWords = regexp.MustCompile(`(?s)^template: m:(\d+)(?::\d+)?: (.*)$`)
	startedAt   = regexp.MustCompile(`started at m:(\d+)`)
)

// syntaxFault takes the parser's words apart. The usual mistakes have sentences of their own.
func syntaxFault(err error) Fault {
	f := Fault{Code: "template_syntax", What: err.Error()}
	if m := parserWords.FindStringSubmatch(err.Error()); m != nil {
		f.Line, _ = strconv.Atoi(m[1])
		f.What = m[2]
	}
	switch {
	case strings.Contains(f.What, "unexpected EOF"):
		f.Code = "template_no_end"
	case strings.Contains(f.What, "unexpected {{end}}"):
		f.Code = "template_stray_end"
	case strings.Contains(f.What, "unclosed action"), strings.Contains(f.What, "unterminated"),
		strings.Contains(f.What, "unclosed comment"):
		f.Code = "template_unclosed"
		if m := startedAt.FindStringSubmatch(f.What); m != nil {
			f.Line, _ = strconv.Atoi(m[1])
		}
	}
	return f
}

// escapeFault tells a fault of the template from one of the sample, which has no plugin's data.
func (w *walker) escapeFault(err error) (Fault, bool) {
	var html *template.Error
	switch {
	case errors.Is(err, errTooLong):
		return Fault{Code: "template_renders_too_long", What: strconv.Itoa(maxRendered >> 10)}, true
	case errors.As(err, &html):
		f := Fault{Line: html.Line, Code: "template_html", What: html.Description}
		if html.Node != nil {
			f.Line = w.line(html.Node)
		}
		return f, true
	}
	return Fault{}, false
}

// voice is what the functions of a template depend on.
type voice struct{ lang, currency string }

// errTooLong says that a template rendered to more than maxRendered.
var errTooLong = errors.New("the rendered mail is too long")

// render fills the template in.
func (t *Template) render(v view, vo voice) (string, error) {
	exec, err := t.in(vo)
	if err != nil {
		return "", err
	}
	out := &boundedBuffer{left: maxRendered}
	if err := exec.Execute(out, v); err != nil {
		return "", err
	}
	return out.String(), nil
}

// in returns the executable template for a language and currency.
func (t *Template) in(vo voice) (*template.Template, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if exec := t.by[vo]; exec != nil {
		return exec, nil
	}
	exec, err := template.New("m").Option("missingkey=zero").Funcs(vo.functions()).AddParseTree("m", t.tree.Copy())
	if err != nil {
		return nil, err
	}
	t.by[vo] = exec
	return exec, nil
}

// boundedBuffer refuses to grow beyond a size.
type boundedBuffer struct {
	bytes.Buffer
	left int
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, errTooLong
	}
	return b.Buffer.Write(p)
}

// cache keeps templates by the hash of their text. It holds a handful: those of the plugins, and what they
// were before a change.
type cache struct {
	mu sync.Mutex
	by map[[sha256.Size]byte]*Template
}

func newCache() *cache { return &cache{by: map[[sha256.Size]byte]*Template{}} }

// get returns the template of a text whose hash is sha.
func (c *cache) get(text string, sha [sha256.Size]byte) (*Template, error) {
	c.mu.Lock()
	t := c.by[sha]
	c.mu.Unlock()
	if t != nil {
		return t, nil
	}
	t, err := Parse(text)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.by) >= 64 {
		clear(c.by)
	}
	c.by[sha] = t
	return t, nil
}
