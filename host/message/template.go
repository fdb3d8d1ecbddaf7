package message

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	texttemplate "text/template"
	"text/template/parse"
	"time"
	"unicode/utf8"
)

// Bounds of a template: its own text, what it may render to, and how many errors are named at once.
const (
	maxTemplate = 256 << 10
	maxRendered = 512 << 10
	maxFaults   = 20
	maxCached   = 256
	maxVoices   = 32
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
	// Plain says that the line is one of the plain text and not of the HTML.
	Plain bool
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

// Source is the text of a template in one language, and which it is.
type Source struct {
	// HTML is the mail, Text its plain text; that is made from the HTML when it is empty.
	HTML, Text string
	// SHA256 is of both texts. Equal ones mean equal texts.
	SHA256 [sha256.Size]byte
	// Version is the library's; 0 for a file.
	Version uint32
	// Language is BCP 47; empty when the text is for everybody.
	Language string
}

// NewSource returns a text that has no version.
func NewSource(html, text string) Source {
	return Source{HTML: html, Text: text, SHA256: Sum(html, text)}
}

// Sum is the SHA-256 of a template's texts: of the HTML alone when there is no other, else of both with a zero
// between them.
func Sum(html, text string) [sha256.Size]byte {
	if text == "" {
		return sha256.Sum256([]byte(html))
	}
	return sha256.Sum256([]byte(html + "\x00" + text))
}

// Template is a mail's text with its variables, ready to be rendered. It is safe for concurrent use.
type Template struct {
	// html is what mails are rendered from: cleaned, its CSS within its tags, and counted. plan makes their plain text, nil
	// when each has to be read for it. given is a plain text that the template brings.
	html, plan, given *parse.Tree
	// data is what of an event's data it speaks of.
	data *dataNode
	// images are those that the text holds itself.
	images []image
	// links are those that it uses, needs the variables of the first level.
	links, needs map[string]bool
	// warnings are what Parse found and let pass.
	warnings Faults
	// pageSize and planSize are how large the last ones became.
	pageSize, planSize atomic.Int64

	mu sync.Mutex
	// by holds what is executed for each language and currency, which the functions depend on.
	by map[voice]*executable
}

type executable struct {
	html        *template.Template
	plan, given *texttemplate.Template
	// page and outline are html and plan in pieces, nil when they cannot be put together from such. That of html is made
	// once it has been executed, since only then its escapers are there.
	page    atomic.Pointer[pieces]
	outline pieces
}

// fillPage fills the HTML in.
func (e *executable) fillPage(v *view, last *atomic.Int64) (string, error) {
	made := e.page.Load()
	if made != nil && *made != nil {
		return inPieces(*made, v, last)
	}
	page, err := filled(e.html, v, last)
	if err == nil && made == nil {
		all := newPieces(e.html.Tree)
		e.page.Store(&all)
	}
	return page, err
}

// fillPlan fills the plan in.
func (e *executable) fillPlan(v *view, last *atomic.Int64) (string, error) {
	if e.outline != nil {
		return inPieces(e.outline, v, last)
	}
	return filled(e.plan, v, last)
}

func inPieces(all pieces, v *view, last *atomic.Int64) (string, error) {
	text, err := all.fill(v, int(last.Load()))
	last.Store(int64(len(text) + len(text)/16))
	return text, err
}

// rendered is a template filled in.
type rendered struct {
	// page is HTML, title and text are plain.
	page, title, text string
	images            []image
}

// Parse reads a template: HTML in Go's template syntax (html/template, which escapes every value for its
// place), with the variables
//
//	{{.Cliente.Nombre}} {{.Cliente.PrimerNombre}} … {{.Cliente.Campos.x}}
//	{{range .Compras}}{{.Recibo}} {{.Fecha}} {{.Total}} {{range .Lineas}}…{{end}}{{end}} {{.Resumen.Gastado}}
//	{{.Puntos}} {{.Medidas.x}} {{.Codigo}} {{.CodigoVence}} {{.Beneficio}} {{range .Ofertas}}…{{end}}
//	{{.Tienda.Nombre}} {{.Politica}} {{.Enlaces.activar}} {{.Enlaces.baja}} {{.Datos.x}}
//	{{.Enlaces.preferencias}} {{.Enlaces.motivo}} {{.Enlaces.unavez}}
//
// (Variables of the Service lists them all) where Datos is what the plugin or the event sends along, under any
// names, with {{if}}, {{with}}, {{range}} over lists, the functions fecha, hora, dinero, mayusculas, minusculas,
// primero and resto, and Go's and, or, not, eq, ne, lt, le, gt, ge, len and index. The subject is the content of
// <title>. Everything else is refused; the error is Faults.
//
// What is rendered is the text without what mails must not hold (Sanitize), with the rules of its <style> written
// into the tags that they are about, since many mail programs read nothing else, and with pictures in data: URIs as
// parts of the mail.
func Parse(text string) (*Template, error) { return parseSource(NewSource(text, "")) }

func parseSource(src Source) (*Template, error) {
	t := &Template{links: map[string]bool{}, needs: map[string]bool{}, by: map[voice]*executable{}}
	faults := t.read(src.HTML, false)
	if len(faults.errors()) == 0 && src.Text != "" {
		faults = append(faults, t.read(src.Text, true)...)
	}
	if len(faults.errors()) == 0 {
		faults = append(faults, t.prepare(src)...)
	}
	if len(faults.errors()) > 0 {
		return nil, faults
	}
	t.warnings = faults
	return t, nil
}

// read looks for what is wrong with a text: HTML, or plain text.
func (t *Template) read(text string, isPlain bool) Faults {
	if len(text) > maxTemplate {
		return Faults{{Code: "template_too_long", What: strconv.Itoa(maxTemplate >> 10), Plain: isPlain}}
	}
	if !utf8.ValidString(text) {
		return Faults{{Line: badLine(text), Code: "template_not_utf8", Plain: isPlain}}
	}
	tree, sets, err := parseText(text)
	if err != nil {
		f := syntaxFault(err)
		f.Plain = isPlain
		return Faults{f}
	}
	w := &walker{text: text, links: t.links, needs: t.needs, plain: isPlain}
	if len(sets) > 1 {
		// {{define}} and {{block}} leave no node in the tree.
		w.fault(lineOf(text, definition), "template_forbidden", "define")
	}
	if tree.Root == nil || len(tree.Root.Nodes) == 0 {
		return Faults{{Code: "template_empty", Plain: isPlain}}
	}
	w.list(tree.Root, rootShape, newScope(nil))
	if !isPlain {
		w.markup(text)
	}
	return w.faults
}

// parseText parses with any functions: unknown ones are found by the walk, with all other faults, not by the parser,
// which stops at one.
func parseText(text string) (*parse.Tree, map[string]*parse.Tree, error) {
	tree := parse.New("m")
	tree.Mode = parse.SkipFuncCheck
	sets := map[string]*parse.Tree{}
	_, err := tree.Parse(text, "", "", sets)
	return tree, sets, err
}

// asks reports whether the template speaks of what the store knows of a customer beyond himself.
func (t *Template) asks() bool {
	for _, name := range []string{"Compras", "Resumen", "Puntos", "Medidas", "CodigoVence", "Beneficio", "Codigo", "Ofertas"} {
		if t.needs[name] {
			return true
		}
	}
	return false
}

// prepare makes what mails are rendered from of texts that were found good.
func (t *Template) prepare(src Source) Faults {
	page := inline(Sanitize(src.HTML))
	page, t.images = embed(page)
	tree, _, err := parseText(page)
	if err != nil {
		return Faults{syntaxFault(err)}
	}
	t.html, t.data = tree, dataOf(tree)
	if t.plan = newPlan(page); t.plan != nil {
		count(t.plan.Root)
	}
	count(t.html.Root)
	if src.Text != "" {
		if t.given, _, err = parseText(src.Text); err != nil {
			return Faults{syntaxFault(err)}
		}
		(&finisher{}).list(t.given.Root)
		count(t.given.Root)
	}
	// Escaping looks at the HTML around every value; it happens when a template is first executed.
	vo := voice{lang: "es", currency: "EUR"}
	_, err = t.render(newView(sampleMessage(), sampleCustomer(), Settings{StoreName: "Mostrador"}, nil), vo, nil)
	if f, ok := escapeFault(page, err); ok {
		return Faults{f}
	}
	return nil
}

// count has every turn of a range pay for its nodes (view.Paso).
func count(l *parse.ListNode) (nodes int) {
	if l == nil {
		return 0
	}
	for _, n := range l.Nodes {
		nodes++
		switch n := n.(type) {
		case *parse.IfNode:
			nodes += count(n.List) + count(n.ElseList)
		case *parse.WithNode:
			nodes += count(n.List) + count(n.ElseList)
		case *parse.RangeNode:
			price := 1 + count(n.List)
			nodes += count(n.ElseList)
			toll, _, err := parseText(fmt.Sprintf("{{if $.Paso %d}}{{end}}", price))
			if err == nil { // as it always is
				n.List.Nodes = append(toll.Root.Nodes, n.List.Nodes...)
			}
		}
	}
	return nodes
}

var definition = regexp.MustCompile(`\{\{-?\s*(define|block)\b`)

// lineAt is the line of a position.
func lineAt(text string, at int) int {
	return 1 + strings.Count(text[:min(max(at, 0), len(text))], "\n")
}

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
func escapeFault(text string, err error) (Fault, bool) {
	var html *template.Error
	switch {
	case errors.Is(err, errTooLong):
		return Fault{Code: "template_renders_too_long", What: strconv.Itoa(maxRendered >> 10)}, true
	case errors.As(err, &html):
		f := Fault{Line: html.Line, Code: "template_html", What: html.Description}
		if html.Node != nil {
			f.Line = lineAt(text, int(html.Node.Position()))
		}
		return f, true
	}
	return Fault{}, false
}

// voice is what the functions of a template depend on.
type voice struct{ lang, currency string }

// errTooLong says that a template rendered to more than maxRendered.
var errTooLong = errors.New("the rendered mail is too long")

// render fills the template in. track, when set, is what the addresses of links become.
func (t *Template) render(v *view, vo voice, track func(url string) string) (*rendered, error) {
	exec, err := t.in(vo)
	if err != nil {
		return nil, err
	}
	t.data.fill(v.Datos)
	v.budget = budget{steps: maxSteps, until: time.Now().Add(maxRender)}
	r := &rendered{images: t.images}
	if r.page, err = exec.fillPage(v, &t.pageSize); err != nil {
		return nil, err
	}
	if exec.plan == nil {
		r.title, r.text = plainTracked(r.page, track)
	} else {
		plan, err := exec.fillPlan(v, &t.planSize)
		if err != nil {
			return nil, err
		}
		r.title, r.text = follow(plan, track)
	}
	if exec.given != nil {
		given, err := filled(exec.given, v, &t.planSize)
		if err != nil {
			return nil, err
		}
		r.text = givenText(given)
	}
	if track != nil {
		r.page = trackLinks(r.page, track)
	}
	return r, nil
}

// givenText is a plain text that a template brought: with one line end at its end, and a policy's lines apart.
func givenText(text string) string {
	text = strings.ReplaceAll(text, string([]byte{opMark, opBr})+"\n", "\n")
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	if text == "" {
		return ""
	}
	return text + "\n"
}

// in returns what is executed for a language and currency.
func (t *Template) in(vo voice) (*executable, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if exec := t.by[vo]; exec != nil {
		return exec, nil
	}
	functions := vo.functions()
	exec := &executable{}
	var err error
	// Escaping changes the tree, once for all languages; so each gets its own.
	exec.html, err = template.New("m").Option("missingkey=zero").Funcs(functions).AddParseTree("m", t.html.Copy())
	if err != nil {
		return nil, err
	}
	text := texttemplate.New("m").Option("missingkey=zero").Funcs(functions).Funcs(planFunctions())
	if t.plan != nil {
		if exec.plan, err = text.AddParseTree("plan", t.plan); err != nil {
			return nil, err
		}
		exec.outline = newPieces(t.plan)
	}
	if t.given != nil {
		if exec.given, err = text.AddParseTree("given", t.given); err != nil {
			return nil, err
		}
	}
	if len(t.by) >= maxVoices { // customers' languages are anything that somebody typed
		clear(t.by)
	}
	t.by[vo] = exec
	return exec, nil
}

// bounded refuses to grow beyond maxRendered.
type bounded struct{ strings.Builder }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxRendered {
		return 0, errTooLong
	}
	return b.Builder.Write(p)
}

// filled executes one of the texts. The last one's size is what the next will need.
func filled(exec interface{ Execute(io.Writer, any) error }, v *view, last *atomic.Int64) (string, error) {
	out := &bounded{}
	out.Grow(int(last.Load()))
	if err := exec.Execute(out, v); err != nil {
		return "", err
	}
	last.Store(int64(out.Len() + out.Len()/16))
	return out.String(), nil
}

// cache keeps templates by the hash of their text: those of the plugins and of the library, and what they were
// before a change.
type cache struct {
	mu sync.Mutex
	by map[[sha256.Size]byte]*Template
}

func newCache() *cache { return &cache{by: map[[sha256.Size]byte]*Template{}} }

// get returns the template of a text.
func (c *cache) get(src Source) (*Template, error) {
	c.mu.Lock()
	t := c.by[src.SHA256]
	c.mu.Unlock()
	if t != nil {
		return t, nil
	}
	t, err := parseSource(src)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.by) >= maxCached {
		clear(c.by)
	}
	c.by[src.SHA256] = t
	return t, nil
}

// Subject is what a template's <title> says, with its actions as they are written; for lists of templates.
func Subject(html string) string {
	h := hide(html)
	title, _ := plain(h.text)
	return h.show(title)
}
