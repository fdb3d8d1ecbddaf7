package segment

import (
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"mostrador/host/customer/set"
	"mostrador/sdk/plgv1"
)

// The compiled forms of expressions. Numbers and dates are both float64.
type (
	boolean func(*person) bool
	numeric func(*person) float64
	textual func(*person) string
	texts   func(*person) []string
)

// dependency is a bit for each thing that a segment may speak of.
type dependency uint32

const (
	onName dependency = 1 << iota
	onPhone
	onEmail
	onLanguage
	onCards
	onAplica
	onConsent
	onFacts
	onToday
	// onTags and onSegments: of a tag, resp. segment, by name, or whether there is any.
	onTags
	onSegments
)

// depends is what an expression speaks of.
type depends struct {
	on dependency
	// fields and measures are ids, sets those named.
	fields, measures []string
	sets             []set.ID
	// anyTag tells that it asks whether a customer has a tag at all.
	anyTag bool
	// within are sets to which all belong for whom it holds.
	within []set.ID
}

// names finds what expressions name.
type names interface {
	tag(name string) (set.ID, bool)
	segment(name string) (set.ID, bool)
}

// compiler compiles one checked expression.
type compiler struct {
	ast   *ast.AST
	names names
	// lenient takes a tag or segment that is not there for one without members.
	lenient bool
	deps    depends
	// loop is the name of the entry that a loop is at, empty outside.
	loop    string
	pattern int
	// decodes counts the places that look into a customer's record.
	decodes int
}

// compile compiles an expression that check has passed.
func compile(checked *ast.AST, n names, lenient bool) (test boolean, deps depends, m *mistake) {
	c := &compiler{ast: checked, names: n, lenient: lenient}
	defer func() {
		if r := recover(); r != nil {
			failed, ok := r.(*mistake)
			if !ok {
				panic(r)
			}
			m = failed
		}
	}()
	test = c.boolean(checked.Expr())
	c.deps.within = c.within(checked.Expr(), nil)
	slices.Sort(c.deps.sets)
	c.deps.sets = slices.Compact(c.deps.sets)
	return test, c.deps, nil
}

// fail ends the compilation with a mistake at an expression.
func (c *compiler) fail(e ast.Expr, key string, args ...any) {
	at := c.ast.SourceInfo().GetStartLocation(e.ID())
	panic(&mistake{line: max(at.Line(), 1), column: max(at.Column()+1, 1), key: key, args: args})
}

func (c *compiler) is(e ast.Expr, t *cel.Type) bool { return c.ast.GetType(e.ID()).IsExactType(t) }

// isNumeric tells whether an expression is a number or a date.
func (c *compiler) isNumeric(e ast.Expr) bool {
	return c.is(e, cel.IntType) || c.is(e, cel.DoubleType) || c.is(e, dateType)
}

// boolean compiles what gives yes or no.
func (c *compiler) boolean(e ast.Expr) boolean {
	switch e.Kind() {
	case ast.LiteralKind:
		if b, ok := e.AsLiteral().(types.Bool); ok {
			return func(*person) bool { return bool(b) }
		}
	case ast.IdentKind:
		return c.booleanName(e)
	case ast.ComprehensionKind:
		return c.each(e)
	case ast.CallKind:
		if f := c.booleanCall(e, e.AsCall()); f != nil {
			return f
		}
	}
	c.fail(e, "not_here")
	return nil
}

func (c *compiler) booleanName(e ast.Expr) boolean {
	c.decodes++
	switch name := e.AsIdent(); name {
	case "customer.aplica_promociones":
		c.deps.on |= onAplica
		return (*person).aplica
	case "customer.email_valid":
		c.deps.on |= onEmail
		return func(p *person) bool { return p.email() != "" }
	case "customer.phone_valid":
		c.deps.on |= onPhone
		return func(p *person) bool { return p.phone() != "" }
	default:
		if id, ok := strings.CutPrefix(name, "fields."); ok {
			c.deps.fields = append(c.deps.fields, id)
			return func(p *person) bool { return yes(p.field(id)) }
		}
	}
	c.fail(e, "not_here")
	return nil
}

// booleanCall is nil for a call that is none of those that give yes or no.
func (c *compiler) booleanCall(e ast.Expr, call ast.CallExpr) boolean {
	args := call.Args()
	switch name := call.FunctionName(); name {
	case operators.LogicalAnd, operators.LogicalOr:
		return c.junction(name == operators.LogicalAnd, args)
	case operators.LogicalNot:
		f := c.boolean(args[0])
		return func(p *person) bool { return !f(p) }
	case operators.NotStrictlyFalse:
		return c.boolean(args[0])
	case operators.Conditional:
		test, yes, no := c.boolean(args[0]), c.boolean(args[1]), c.boolean(args[2])
		return func(p *person) bool {
			if test(p) {
				return yes(p)
			}
			return no(p)
		}
	case operators.Equals, operators.NotEquals, operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		return c.comparison(name, args[0], args[1])
	case operators.In:
		return c.member(e, args[0], args[1])
	case "empty":
		return c.empty(e, args[0])
	case "anniversary_in":
		date, days := c.numeric(args[0]), c.numeric(args[1])
		c.deps.on |= onToday
		return func(p *person) bool { return anniversary(date(p), p.today, days(p)) }
	case "contains", "startsWith", "endsWith":
		f := map[string]func(s, part string) bool{
			"contains": strings.Contains, "startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix,
		}[name]
		s, part := c.textual(call.Target()), c.textual(args[0])
		return func(p *person) bool { return f(s(p), part(p)) }
	case "matches":
		s, pattern := c.textual(call.Target()), c.regexp(args[0])
		return func(p *person) bool { return pattern.MatchString(s(p)) }
	}
	return nil
}

// junction compiles && and ||. Nothing has side effects or fails, so what needs no record comes first: often the rest
// is not asked any more.
func (c *compiler) junction(all bool, args []ast.Expr) boolean {
	var cheap, dear []boolean
	for _, arg := range args {
		before := c.decodes
		if f := c.boolean(arg); c.decodes == before {
			cheap = append(cheap, f)
		} else {
			dear = append(dear, f)
		}
	}
	tests := append(cheap, dear...)
	joined := tests[len(tests)-1]
	for _, a := range slices.Backward(tests[:len(tests)-1]) {
		b := joined
		if all {
			joined = func(p *person) bool { return a(p) && b(p) }
		} else {
			joined = func(p *person) bool { return a(p) || b(p) }
		}
	}
	return joined
}

func (c *compiler) comparison(name string, x, y ast.Expr) boolean {
	switch {
	case c.isNumeric(x) && c.isNumeric(y):
		return compareNumbers(name, c.numeric(x), c.numeric(y))
	case c.is(x, cel.StringType) && c.is(y, cel.StringType):
		return compareTexts(name, c.textual(x), c.textual(y))
	}
	a, b := c.boolean(x), c.boolean(y)
	if name == operators.Equals {
		return func(p *person) bool { return a(p) == b(p) }
	}
	return func(p *person) bool { return a(p) != b(p) }
}

// compareNumbers compares as Go does, where what is absent (NaN) is neither less nor equal nor greater.
func compareNumbers(name string, a, b numeric) boolean {
	switch name {
	case operators.Equals:
		return func(p *person) bool { return a(p) == b(p) }
	case operators.NotEquals:
		return func(p *person) bool { return a(p) != b(p) }
	case operators.Less:
		return func(p *person) bool { return a(p) < b(p) }
	case operators.LessEquals:
		return func(p *person) bool { return a(p) <= b(p) }
	case operators.Greater:
		return func(p *person) bool { return a(p) > b(p) }
	}
	return func(p *person) bool { return a(p) >= b(p) }
}

func compareTexts(name string, a, b textual) boolean {
	switch name {
	case operators.Equals:
		return func(p *person) bool { return a(p) == b(p) }
	case operators.NotEquals:
		return func(p *person) bool { return a(p) != b(p) }
	case operators.Less:
		return func(p *person) bool { return a(p) < b(p) }
	case operators.LessEquals:
		return func(p *person) bool { return a(p) <= b(p) }
	case operators.Greater:
		return func(p *person) bool { return a(p) > b(p) }
	}
	return func(p *person) bool { return a(p) >= b(p) }
}

// member compiles x in list.
func (c *compiler) member(e, x, list ast.Expr) boolean {
	if c.is(list, namesType) {
		name, ok := x.AsLiteral().(types.String)
		if !ok {
			c.fail(x, "name_literal")
		}
		id, known := c.set(list, string(name))
		if !known {
			if !c.lenient {
				c.fail(x, "unknown_"+setWord(list), "name", string(name))
			}
			return func(*person) bool { return false }
		}
		return func(p *person) bool { return p.in(id) }
	}
	if c.isNumeric(x) {
		if list.Kind() != ast.ListKind {
			c.fail(list, "not_here")
		}
		value := c.numeric(x)
		var entries []numeric
		for _, entry := range list.AsList().Elements() {
			entries = append(entries, c.numeric(entry))
		}
		return func(p *person) bool {
			v := value(p)
			return slices.ContainsFunc(entries, func(entry numeric) bool { return entry(p) == v })
		}
	}
	value := c.textual(x)
	if list.Kind() == ast.ListKind {
		if set, ok := literals(list.AsList()); ok {
			return func(p *person) bool { return set[value(p)] }
		}
	}
	values := c.texts(list)
	return func(p *person) bool { return slices.Contains(values(p), value(p)) }
}

// within collects the sets that a chain of && asks for.
func (c *compiler) within(e ast.Expr, found []set.ID) []set.ID {
	if e.Kind() != ast.CallKind {
		return found
	}
	call := e.AsCall()
	switch call.FunctionName() {
	case operators.LogicalAnd:
		for _, arg := range call.Args() {
			found = c.within(arg, found)
		}
	case operators.In:
		if args := call.Args(); c.is(args[1], namesType) {
			if name, ok := args[0].AsLiteral().(types.String); ok {
				if id, known := c.set(args[1], string(name)); known {
					found = append(found, id)
				}
			}
		}
	}
	return found
}

func setWord(list ast.Expr) string {
	if list.AsIdent() == "customer.segments" {
		return "segment"
	}
	return "tag"
}

// set finds the tag or segment that an expression names.
func (c *compiler) set(list ast.Expr, name string) (id set.ID, known bool) {
	switch list.AsIdent() {
	case "customer.tags":
		c.deps.on |= onTags
		id, known = c.names.tag(name)
	case "customer.segments":
		c.deps.on |= onSegments
		id, known = c.names.segment(name)
	default:
		c.fail(list, "not_here")
	}
	if known {
		c.deps.sets = append(c.deps.sets, id)
	}
	return id, known
}

// literals are the entries of a list of texts, when all are known.
func literals(list ast.ListExpr) (map[string]bool, bool) {
	set := map[string]bool{}
	for _, e := range list.Elements() {
		s, ok := e.AsLiteral().(types.String)
		if !ok {
			return nil, false
		}
		set[string(s)] = true
	}
	return set, true
}

func (c *compiler) empty(e, x ast.Expr) boolean {
	switch {
	case c.isNumeric(x):
		f := c.numeric(x)
		return func(p *person) bool { return math.IsNaN(f(p)) }
	case c.is(x, cel.StringType):
		f := c.textual(x)
		return func(p *person) bool { return f(p) == "" }
	case c.is(x, namesType):
		if x.AsIdent() != "customer.tags" { // of all segments this one would be among them
			c.fail(x, "any_segment")
		}
		c.deps.on |= onTags
		c.deps.anyTag = true
		return func(p *person) bool { return !p.tagged() }
	}
	f := c.texts(x)
	return func(p *person) bool { return len(f(p)) == 0 }
}

// each compiles list.exists(x, ...) and list.all(x, ...). One loop inside another is refused, so that the time of
// an expression is bounded by its length and the longest list.
func (c *compiler) each(e ast.Expr) boolean {
	loop := e.AsComprehension()
	step := loop.LoopStep().AsCall()
	name := step.FunctionName()
	if loop.HasIterVar2() || name != operators.LogicalOr && name != operators.LogicalAnd || len(step.Args()) != 2 {
		c.fail(e, "not_here")
	}
	if c.loop != "" {
		c.fail(e, "loop_in_loop")
	}
	list := c.texts(loop.IterRange())
	c.loop = loop.IterVar()
	test := c.boolean(step.Args()[1])
	c.loop = ""
	exists := name == operators.LogicalOr
	return func(p *person) bool {
		for _, p.each = range list(p) {
			if test(p) == exists {
				return exists
			}
		}
		return !exists
	}
}

// regexp compiles a pattern, which must stand in the expression itself.
func (c *compiler) regexp(e ast.Expr) *regexp.Regexp {
	s, ok := e.AsLiteral().(types.String)
	if !ok {
		c.fail(e, "pattern_literal")
	}
	parsed, err := syntax.Parse(string(s), syntax.Perl)
	if err != nil {
		c.fail(e, "pattern", "pattern", string(s))
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		c.fail(e, "pattern", "pattern", string(s))
	}
	if c.pattern += len(program.Inst); c.pattern > maxPattern {
		c.fail(e, "pattern_long")
	}
	compiled, err := regexp.Compile(string(s))
	if err != nil {
		c.fail(e, "pattern", "pattern", string(s))
	}
	return compiled
}

// textual compiles what gives a text.
func (c *compiler) textual(e ast.Expr) textual {
	switch e.Kind() {
	case ast.LiteralKind:
		if s, ok := e.AsLiteral().(types.String); ok {
			return func(*person) string { return string(s) }
		}
	case ast.IdentKind:
		return c.textualName(e)
	case ast.SelectKind:
		s := e.AsSelect()
		if s.Operand().AsIdent() == "customer.fields" && !s.IsTestOnly() {
			return c.anyField(s.FieldName())
		}
	case ast.CallKind:
		call := e.AsCall()
		args := call.Args()
		switch call.FunctionName() {
		case operators.Conditional:
			test, yes, no := c.boolean(args[0]), c.textual(args[1]), c.textual(args[2])
			return func(p *person) string {
				if test(p) {
					return yes(p)
				}
				return no(p)
			}
		case operators.Add:
			a, b := c.textual(args[0]), c.textual(args[1])
			return func(p *person) string { return a(p) + b(p) }
		case operators.Index:
			if id, ok := args[1].AsLiteral().(types.String); ok && args[0].AsIdent() == "customer.fields" {
				return c.anyField(string(id))
			}
		case "fold":
			f := c.textual(args[0])
			return func(p *person) string { return fold(f(p)) }
		}
	}
	c.fail(e, "not_here")
	return nil
}

func (c *compiler) anyField(id string) textual {
	c.decodes++
	c.deps.fields = append(c.deps.fields, id)
	return func(p *person) string { return p.field(id) }
}

func (c *compiler) textualName(e ast.Expr) textual {
	c.decodes++
	name := e.AsIdent()
	if name == c.loop && name != "" {
		return func(p *person) string { return p.each }
	}
	switch name {
	case "customer.id":
		return (*person).id
	case "customer.name":
		c.deps.on |= onName
		return (*person).name
	case "customer.phone":
		c.deps.on |= onPhone
		return (*person).phone
	case "customer.email":
		c.deps.on |= onEmail
		return (*person).email
	case "customer.language":
		c.deps.on |= onLanguage
		return (*person).language
	case "consent.programme", "consent.promotions":
		c.deps.on |= onConsent
		purpose := plgv1.Purpose_PURPOSE_PROGRAMME
		if name == "consent.promotions" {
			purpose = plgv1.Purpose_PURPOSE_PROMOTIONS
		}
		return func(p *person) string { return stateName(p.consent(purpose)) }
	}
	if id, ok := strings.CutPrefix(name, "fields."); ok {
		return c.anyField(id)
	}
	if id, ok := strings.CutPrefix(name, "customer."); ok {
		return c.anyField(id)
	}
	c.fail(e, "not_here")
	return nil
}

// stateName is a state of consent as expressions spell it. What was never asked is pending.
func stateName(s plgv1.ConsentState) string {
	switch s {
	case plgv1.ConsentState_CONSENT_STATE_GIVEN:
		return "given"
	case plgv1.ConsentState_CONSENT_STATE_WITHDRAWN:
		return "withdrawn"
	}
	return "pending"
}

// texts compiles a list of texts.
func (c *compiler) texts(e ast.Expr) texts {
	c.decodes++
	switch e.Kind() {
	case ast.IdentKind:
		name := e.AsIdent()
		if name == "customer.cards" {
			c.deps.on |= onCards
			return (*person).cards
		}
		if id, ok := strings.CutPrefix(name, "fields."); ok {
			c.deps.fields = append(c.deps.fields, id)
			return func(p *person) []string { return p.many(id) }
		}
	case ast.ListKind:
		var entries []textual
		for _, entry := range e.AsList().Elements() {
			entries = append(entries, c.textual(entry))
		}
		return func(p *person) []string {
			list := make([]string, len(entries))
			for i, entry := range entries {
				list[i] = entry(p)
			}
			return list
		}
	case ast.CallKind:
		if call := e.AsCall(); call.FunctionName() == operators.Conditional {
			args := call.Args()
			test, yes, no := c.boolean(args[0]), c.texts(args[1]), c.texts(args[2])
			return func(p *person) []string {
				if test(p) {
					return yes(p)
				}
				return no(p)
			}
		}
	}
	c.fail(e, "not_here")
	return nil
}

// size compiles the length of a text, in characters, or of a list.
func (c *compiler) size(e ast.Expr) numeric {
	if c.is(e, cel.StringType) {
		f := c.textual(e)
		return func(p *person) float64 { return float64(utf8.RuneCountInString(f(p))) }
	}
	f := c.texts(e)
	return func(p *person) float64 { return float64(len(f(p))) }
}
