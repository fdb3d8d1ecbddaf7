package segment

import (
	"math"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"mostrador/host/customer"
)

// numeric compiles what gives a number or a date.
func (c *compiler) numeric(e ast.Expr) numeric {
	switch e.Kind() {
	case ast.LiteralKind:
		switch v := e.AsLiteral().(type) {
		case types.Int:
			return constant(float64(v))
		case types.Double:
			return constant(float64(v))
		}
	case ast.IdentKind:
		return c.numericName(e)
	case ast.CallKind:
		if f := c.numericCall(e, e.AsCall()); f != nil {
			return f
		}
	}
	c.fail(e, "not_here")
	return nil
}

func constant(n float64) numeric { return func(*person) float64 { return n } }

func (c *compiler) numericName(e ast.Expr) numeric {
	fact := func(f func(*customer.Facts) float64) numeric {
		c.deps.on |= onFacts
		return func(p *person) float64 { return f(&p.facts) }
	}
	moment := func(f func(*customer.Facts) int64) numeric {
		c.deps.on |= onFacts
		return func(p *person) float64 { return dayOf(f(&p.facts), p.zone) }
	}
	name := e.AsIdent()
	switch name {
	case "customer.number":
		return func(p *person) float64 { return float64(p.number) }
	case "purchases.count":
		return fact(func(f *customer.Facts) float64 { return float64(f.Purchases) })
	case "purchases.total":
		c.deps.on |= onFacts
		return func(p *person) float64 { return float64(p.facts.Spent) / p.cents }
	case "purchases.first":
		return moment(func(f *customer.Facts) int64 { return f.FirstPurchase })
	case "purchases.last":
		return moment(func(f *customer.Facts) int64 { return f.LastPurchase })
	case "last_activity":
		c.decodes++
		c.deps.on |= onFacts
		return func(p *person) float64 { return dayOf(max(p.facts.LastActivity, p.created()), p.zone) }
	case "registered":
		c.decodes++
		return func(p *person) float64 { return dayOf(p.created(), p.zone) }
	case "today":
		c.deps.on |= onToday
		return func(p *person) float64 { return p.today }
	}
	if id, ok := strings.CutPrefix(name, "measures."); ok {
		c.deps.measures = append(c.deps.measures, id)
		return fact(func(f *customer.Facts) float64 { return f.Measures[id] })
	}
	if id, ok := strings.CutPrefix(name, "fields."); ok {
		c.decodes++
		c.deps.fields = append(c.deps.fields, id)
		if c.is(e, dateType) {
			return func(p *person) float64 { return readDate(p.field(id), p.zone) }
		}
		return func(p *person) float64 { return number(p.field(id)) }
	}
	c.fail(e, "not_here")
	return nil
}

// numericCall is nil for a call that is none of those that give a number.
func (c *compiler) numericCall(e ast.Expr, call ast.CallExpr) numeric {
	args := call.Args()
	one := func(f func(float64) float64) numeric {
		x := c.numeric(args[0])
		return func(p *person) float64 { return f(x(p)) }
	}
	part := func(f func(int, time.Month, int) int) numeric {
		return one(func(date float64) float64 {
			if !calendared(date) {
				return absent
			}
			return float64(f(calendar(date)))
		})
	}
	switch name := call.FunctionName(); name {
	case operators.Negate:
		return one(func(x float64) float64 { return -x })
	case operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo:
		return arithmetic(name, c.is(e, cel.IntType), c.numeric(args[0]), c.numeric(args[1]))
	case operators.Conditional:
		test, yes, no := c.boolean(args[0]), c.numeric(args[1]), c.numeric(args[2])
		return func(p *person) float64 {
			if test(p) {
				return yes(p)
			}
			return no(p)
		}
	case "size":
		if call.IsMemberFunction() {
			return c.size(call.Target())
		}
		return c.size(args[0])
	case "date":
		text, ok := args[0].AsLiteral().(types.String)
		if !ok {
			c.fail(args[0], "date_literal")
		}
		date := readDate(string(text), time.UTC)
		if math.IsNaN(date) || len(text) != len("2006-01-02") {
			c.fail(args[0], "date", "text", string(text))
		}
		return constant(date)
	case "days_since", "days_until", "years_since":
		date := c.numeric(args[0])
		c.deps.on |= onToday
		switch name {
		case "days_since":
			return func(p *person) float64 { return p.today - date(p) }
		case "days_until":
			return func(p *person) float64 { return date(p) - p.today }
		}
		return func(p *person) float64 { return yearsSince(date(p), p.today) }
	case "year":
		return part(func(year int, _ time.Month, _ int) int { return year })
	case "month":
		return part(func(_ int, month time.Month, _ int) int { return int(month) })
	case "day":
		return part(func(_ int, _ time.Month, day int) int { return day })
	}
	return nil
}

// arithmetic computes with what may be absent, which makes the result so. Dividing by zero does too.
func arithmetic(name string, whole bool, a, b numeric) numeric {
	switch name {
	case operators.Add:
		return func(p *person) float64 { return a(p) + b(p) }
	case operators.Subtract:
		return func(p *person) float64 { return a(p) - b(p) }
	case operators.Multiply:
		return func(p *person) float64 { return a(p) * b(p) }
	case operators.Modulo:
		return func(p *person) float64 { return math.Mod(a(p), b(p)) }
	}
	return func(p *person) float64 {
		x, y := a(p), b(p)
		switch {
		case y == 0:
			return absent
		case whole:
			return math.Trunc(x / y)
		}
		return x / y
	}
}
