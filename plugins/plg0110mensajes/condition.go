package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"

	"mostrador/sdk"
)

// Bounds of a condition: its length, and what it may cost to judge it. Lists of events are walked, so length alone bounds
// nothing.
const (
	maxCondition = 2000
	maxCost      = 100_000
)

// condition is a compiled CEL expression that gives yes or no.
type condition struct {
	program cel.Program
	source  string
}

// compiler compiles the conditions of one setting.
type compiler struct{ env *cel.Env }

func newCompiler() (*compiler, error) {
	env, err := cel.NewEnv(
		cel.ClearMacros(), cel.Macros(cel.HasMacro, cel.AllMacro, cel.ExistsMacro, cel.ExistsOneMacro),
		cel.CrossTypeNumericComparisons(true), cel.DefaultUTCTimeZone(true),
		cel.ParserExpressionSizeLimit(maxCondition), cel.ParserRecursionLimit(64),
		cel.Variable("event", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("now", cel.TimestampType),
		cel.Variable("customer.id", cel.StringType),
		cel.Variable("customer.number", cel.IntType),
		cel.Variable("customer.name", cel.StringType),
		cel.Variable("customer.email", cel.StringType),
		cel.Variable("customer.phone", cel.StringType),
		cel.Variable("customer.language", cel.StringType),
		cel.Variable("customer.tags", cel.ListType(cel.StringType)),
		cel.Variable("customer.fields", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("customer.created", cel.TimestampType),
		cel.Variable("customer.aplica_promociones", cel.BoolType),
		cel.Variable("consent.programme", cel.StringType),
		cel.Variable("consent.promotions", cel.StringType),
		cel.Variable("purchases.count", cel.IntType),
		cel.Variable("purchases.total", cel.DoubleType),
		cel.Variable("purchases.before", cel.DoubleType),
		cel.Variable("purchases.first", cel.TimestampType),
		cel.Variable("purchases.last", cel.TimestampType),
		cel.Variable("payments.on_time", cel.IntType),
		cel.Variable("payments.months", cel.IntType),
		cel.Variable("payments.late", cel.IntType),
		cel.Variable("measures", cel.MapType(cel.StringType, cel.DoubleType)),
	)
	if err != nil {
		return nil, fmt.Errorf("environment of conditions: %w", err)
	}
	return &compiler{env: env}, nil
}

// compile compiles a condition; an empty one is nil, which always holds.
func (c *compiler) compile(source string) (*condition, error) {
	if strings.TrimSpace(source) == "" {
		return nil, nil
	}
	if len(source) > maxCondition {
		return nil, fmt.Errorf("%d > %d", len(source), maxCondition)
	}
	ast, issues := c.env.Compile(source)
	if err := issues.Err(); err != nil {
		return nil, errors.New(firstIssue(issues))
	}
	if t := ast.OutputType(); !t.IsEquivalentType(cel.BoolType) && !t.IsEquivalentType(cel.DynType) {
		return nil, errNoYesOrNo
	}
	program, err := c.env.Program(ast, cel.CostLimit(maxCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, err
	}
	return &condition{program: program, source: source}, nil
}

var errNoYesOrNo = errors.New("no yes or no")

// firstIssue says in one line what is wrong with an expression.
func firstIssue(issues *cel.Issues) string {
	list := issues.Errors()
	if len(list) == 0 {
		return issues.Err().Error()
	}
	// What the grammar would have taken instead is a list of tokens, of no use to anybody.
	message, _, _ := strings.Cut(list[0].Message, " expecting ")
	return fmt.Sprintf("%d:%d: %s", list[0].Location.Line(), list[0].Location.Column()+1, message)
}

// holds judges a condition; nil always holds. An error means that it could not be judged: the event has nothing of that
// name, or it cost too much.
func (c *condition) holds(f *facts) (bool, error) {
	if c == nil {
		return true, nil
	}
	out, _, err := c.program.Eval(f)
	if err != nil {
		return false, err
	}
	yes, ok := out.Value().(bool)
	if !ok {
		return false, errNoYesOrNo
	}
	return yes, nil
}

// facts are what a condition sees; only what it names is looked up.
type facts struct {
	event    happening
	customer sdk.Customer
	now      time.Time
	counted  sdk.Facts
	// before is what he had spent before the event.
	before   sdk.Money
	payments payments
}

var _ cel.Activation = (*facts)(nil)

// Parent implements cel.Activation.
func (f *facts) Parent() cel.Activation { return nil }

// ResolveName implements cel.Activation.
func (f *facts) ResolveName(name string) (any, bool) {
	switch name {
	case "event":
		event := make(map[string]any, len(f.event.Data)+2)
		for key, value := range f.event.Data {
			event[key] = value
		}
		event["type"], event["time"] = f.event.Type, f.event.Time
		return event, true
	case "now":
		return f.now, true
	case "measures":
		if f.counted.Measures == nil {
			return map[string]float64{}, true
		}
		return f.counted.Measures, true
	}
	group, field, _ := strings.Cut(name, ".")
	switch group {
	case "customer":
		return f.ofCustomer(field)
	case "consent":
		return f.ofConsent(field)
	case "purchases":
		return f.ofPurchases(field)
	case "payments":
		return f.ofPayments(field)
	}
	return nil, false
}

func (f *facts) ofCustomer(field string) (any, bool) {
	c := f.customer
	switch field {
	case "id":
		return c.ID, true
	case "number":
		return int64(c.Number), true
	case "name":
		return c.Name, true
	case "email":
		return c.Email, true
	case "phone":
		return c.Phone, true
	case "language":
		return c.Language, true
	case "tags":
		return c.Tags, true
	case "fields":
		if c.Fields == nil {
			return map[string]string{}, true
		}
		return c.Fields, true
	case "created":
		return c.Created, true
	case "aplica_promociones":
		return c.AplicaPromociones, true
	}
	return nil, false
}

func (f *facts) ofConsent(field string) (any, bool) {
	switch field {
	case "programme":
		return string(f.customer.Consent.Programme), true
	case "promotions":
		return string(f.customer.Consent.Promotions), true
	}
	return nil, false
}

func (f *facts) ofPurchases(field string) (any, bool) {
	switch field {
	case "count":
		return int64(f.counted.Purchases), true
	case "total":
		return units(f.counted.Spent), true
	case "before":
		return units(f.before), true
	case "first":
		return f.counted.First, true
	case "last":
		return f.counted.Last, true
	}
	return nil, false
}

func (f *facts) ofPayments(field string) (any, bool) {
	switch field {
	case "on_time":
		return int64(f.payments.OnTime), true
	case "late":
		return int64(f.payments.Late), true
	case "months":
		return int64(f.payments.months(f.now)), true
	}
	return nil, false
}
