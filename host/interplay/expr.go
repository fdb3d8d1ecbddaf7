package interplay

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// maxSource bounds an expression. The language has no loops here (no macro but has), so what an expression
// may cost is bounded by its length; a condition on a value may go through a list, up to maxCost.
const (
	maxSource = 2000
	maxCost   = 200_000
)

// expression is a compiled CEL expression.
type expression struct {
	// text is the expression as CEL writes it, so that two spellings of one thing compare equal.
	text    string
	output  *cel.Type
	program cel.Program
	reads   reads
}

// compiler compiles the expressions of one resolution. Its environment costs about half a millisecond and the
// first expression of a process two or three, so both are made only when a manifest has an expression at all.
type compiler struct {
	manifests []*manifest.Manifest
	active    map[string]bool
	// value is the type of `value`, for conditions on values; nil for all other expressions.
	value *cel.Type
	env   *cel.Env
	done  map[manifest.Expression]*expression
}

// compile compiles an expression once, however many rules have it.
func (c *compiler) compile(source manifest.Expression) (*expression, error) {
	if x, ok := c.done[source]; ok {
		return x, nil
	}
	if len(source) > maxSource {
		return nil, fmt.Errorf("the expression is longer than %d characters", maxSource)
	}
	if c.env == nil {
		env, err := c.environment()
		if err != nil {
			return nil, fmt.Errorf("environment of expressions: %w", err)
		}
		c.env = env
	}
	ast, issues := c.env.Compile(string(source))
	if err := issues.Err(); err != nil {
		return nil, errors.New(firstIssue(issues))
	}
	found := readsOf(ast)
	for _, id := range found.active {
		if id != anything && !pluginID(id) {
			return nil, fmt.Errorf("active(%q): a plugin's id is PLG and four digits", id)
		}
	}
	var options []cel.ProgramOption
	if c.value != nil { // counting the cost takes time that the others, without loops, need not spend
		options = append(options, cel.CostLimit(maxCost))
	}
	program, err := c.env.Program(ast, options...)
	if err != nil {
		return nil, err
	}
	text, err := cel.AstToString(ast)
	if err != nil {
		text = strings.Join(strings.Fields(string(source)), " ")
	}
	x := &expression{text: text, output: ast.OutputType(), program: program, reads: found}
	if c.done == nil {
		c.done = map[manifest.Expression]*expression{}
	}
	c.done[source] = x
	return x, nil
}

// firstIssue says in one line what is wrong with an expression.
func firstIssue(issues *cel.Issues) string {
	list := issues.Errors()
	if len(list) == 0 {
		return issues.Err().Error()
	}
	e := list[0]
	// What the grammar would have taken instead is a list of tokens, of no use to anybody.
	message, _, _ := strings.Cut(e.Message, " expecting ")
	return fmt.Sprintf("%d:%d: %s", e.Location.Line(), e.Location.Column()+1, message)
}

// environment declares what an expression may speak of. The names are declared with their dots, so that a
// misspelt one is an error at once and only what an expression names is ever fetched.
func (c *compiler) environment() (*cel.Env, error) {
	texts := cel.ListType(cel.StringType)
	if c.value != nil {
		return cel.NewEnv(
			cel.ClearMacros(), cel.Macros(cel.HasMacro, cel.AllMacro, cel.ExistsMacro, cel.ExistsOneMacro),
			cel.CrossTypeNumericComparisons(true),
			cel.ParserExpressionSizeLimit(maxSource), cel.ParserRecursionLimit(64),
			cel.Variable("value", c.value),
			cel.Variable("settings", cel.MapType(cel.StringType, cel.DynType)),
		)
	}
	options := []cel.EnvOption{
		cel.ClearMacros(), cel.Macros(cel.HasMacro),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(maxSource), cel.ParserRecursionLimit(64),
		cel.Variable("customer.id", cel.StringType),
		cel.Variable("customer.name", cel.StringType),
		cel.Variable("customer.phone", cel.StringType),
		cel.Variable("customer.email", cel.StringType),
		cel.Variable("customer.language", cel.StringType),
		cel.Variable("customer.cards", texts),
		cel.Variable("customer.tags", texts),
		cel.Variable("customer.fields", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("customer.aplica_promociones", cel.BoolType),
		cel.Variable("customer.email_valid", cel.BoolType),
		cel.Variable("customer.phone_valid", cel.BoolType),
		cel.Variable("consent.programme", cel.StringType),
		cel.Variable("consent.promotions", cel.StringType),
		cel.Variable("settings", cel.MapType(cel.StringType, cel.DynType)),
		cel.Function("active", cel.Overload("active_plugin", []*cel.Type{cel.StringType}, cel.BoolType,
			cel.UnaryBinding(func(id ref.Val) ref.Val {
				s, ok := id.Value().(string)
				return types.Bool(ok && c.active[s])
			}))),
	}
	for _, m := range c.manifests {
		for _, f := range m.Fields {
			options = append(options, cel.Variable("customer."+f.ID, cel.StringType))
		}
	}
	return cel.NewEnv(options...)
}

// facts are what an expression sees of a customer; a nil customer is nobody, with nothing filled in.
type facts struct {
	customer *plgv1.Customer
	settings map[string]any
	// storeOnly leaves the customer out altogether: a rule holds for the store, not for a person.
	storeOnly bool
	// value is what a condition on a value is about.
	value any
}

// Parent ends the search for a name.
func (f *facts) Parent() cel.Activation { return nil }

// ResolveName fetches one fact.
func (f *facts) ResolveName(name string) (any, bool) {
	c := f.customer
	switch name {
	case "settings":
		return f.settings, true
	case "value":
		return f.value, f.value != nil
	}
	if f.storeOnly {
		return nil, false
	}
	switch name {
	case "consent.programme":
		return State(c.GetConsent().GetProgramme()), true
	case "consent.promotions":
		return State(c.GetConsent().GetPromotions()), true
	case "customer.id":
		return c.GetId(), true
	case "customer.name":
		return c.GetName(), true
	case "customer.phone":
		return c.GetPhone(), true
	case "customer.email":
		return c.GetEmail(), true
	case "customer.language":
		return c.GetLanguage(), true
	case "customer.cards":
		return c.GetCards(), true
	case "customer.tags":
		return c.GetTags(), true
	case "customer.fields":
		return c.GetFields(), true
	case "customer.aplica_promociones":
		return c.GetAplicaPromociones(), true
	case "customer.email_valid":
		return validEmail(c.GetEmail()), true
	case "customer.phone_valid":
		return validPhone(c.GetPhone()), true
	}
	if field, ok := strings.CutPrefix(name, "customer."); ok && strings.HasPrefix(field, "plg") {
		return c.GetFields()[field], true
	}
	return nil, false
}

// State names a state of consent as expressions spell it. What was never asked is pending.
func State(s plgv1.ConsentState) string {
	switch s {
	case plgv1.ConsentState_CONSENT_STATE_GIVEN:
		return "given"
	case plgv1.ConsentState_CONSENT_STATE_WITHDRAWN:
		return "withdrawn"
	}
	return "pending"
}

// validEmail tells whether a mail can be sent there. The store keeps only addresses that it has checked, so
// this looks at the shape alone.
func validEmail(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at <= 64 && len(s) <= 254 && strings.Contains(s[at+1:], ".") &&
		!strings.HasSuffix(s, ".") && !strings.ContainsAny(s, " \t\r\n\x00")
}

// validPhone tells whether a number is in E.164.
func validPhone(s string) bool {
	return len(s) >= 8 && len(s) <= 16 && s[0] == '+' && s[1] != '0' &&
		!slices.ContainsFunc([]byte(s[1:]), func(b byte) bool { return b < '0' || b > '9' })
}

// eval evaluates the expression to a bool, string, int64 or float64.
func (x *expression) eval(f *facts) (any, error) {
	out, _, err := x.program.Eval(f)
	if err != nil {
		return nil, err
	}
	switch v := out.Value().(type) {
	case bool, string, int64, float64:
		return v, nil
	default:
		return nil, fmt.Errorf("the expression gives %s: it must give yes or no, a text or a number", out.Type().TypeName())
	}
}

// holds evaluates a condition.
func (x *expression) holds(f *facts) (bool, error) {
	v, err := x.eval(f)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, errors.New("the condition gives no yes or no")
	}
	return b, nil
}

// condition compiles an expression that must give yes or no.
func (c *compiler) condition(source manifest.Expression) (*expression, error) {
	x, err := c.compile(source)
	if err != nil {
		return nil, err
	}
	if x.output != nil && !x.output.IsEquivalentType(cel.BoolType) && !x.output.IsEquivalentType(cel.DynType) {
		return nil, errors.New("the condition gives no yes or no")
	}
	return x, nil
}

// isYesNo tells whether the expression surely gives yes or no.
func (x *expression) isYesNo() bool {
	return x.output != nil && x.output.IsEquivalentType(cel.BoolType)
}
