package segment

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
)

// Bounds of a condition.
const (
	maxConditions = 200
	maxNesting    = 20
	maxOperands   = 100
	maxDays       = 36525
)

// manner is how the values of a term are compared.
type manner string

const (
	mannerText   manner = "text"   // as people read it: case and accents do not count
	mannerExact  manner = "choice" // one of a list, or a code
	mannerNumber manner = "number"
	mannerDate   manner = "date"
	mannerYesNo  manner = "yes_no"
	mannerList   manner = "list"
	mannerNames  manner = "names" // tags and segments
)

// operator is a way to compare.
type operator struct {
	id string
	// operands is how many it takes; many means one or more.
	operands int
	// days tells that they are numbers of days, years that they are years; else they are of the term's type.
	days, years bool
	// optional tells that it is there only for what can be missing.
	optional bool
	// cel is its text: {x} is the term, {a} and {b} the operands, {list} all of them with commas, {any} an
	// alternative of tests on each.
	cel string
}

const many = -1

var operatorsOf = map[manner][]operator{
	mannerText: {
		{id: "is", operands: 1, cel: `fold({x}) == {a}`},
		{id: "is_not", operands: 1, cel: `fold({x}) != {a}`},
		{id: "contains", operands: 1, cel: `fold({x}).contains({a})`},
		{id: "not_contains", operands: 1, cel: `!fold({x}).contains({a})`},
		{id: "begins_with", operands: 1, cel: `fold({x}).startsWith({a})`},
		{id: "ends_with", operands: 1, cel: `fold({x}).endsWith({a})`},
		{id: "one_of", operands: many, cel: `fold({x}) in [{list}]`},
		{id: "empty", optional: true, cel: `empty({x})`},
		{id: "filled", optional: true, cel: `!empty({x})`},
	},
	mannerExact: {
		{id: "is", operands: 1, cel: `{x} == {a}`},
		{id: "is_not", operands: 1, cel: `{x} != {a}`},
		{id: "one_of", operands: many, cel: `{x} in [{list}]`},
		{id: "none_of", operands: many, cel: `!({x} in [{list}])`},
		{id: "empty", optional: true, cel: `empty({x})`},
		{id: "filled", optional: true, cel: `!empty({x})`},
	},
	mannerNumber: {
		{id: "is", operands: 1, cel: `{x} == {a}`},
		{id: "is_not", operands: 1, cel: `{x} != {a}`},
		{id: "less", operands: 1, cel: `{x} < {a}`},
		{id: "at_most", operands: 1, cel: `{x} <= {a}`},
		{id: "more", operands: 1, cel: `{x} > {a}`},
		{id: "at_least", operands: 1, cel: `{x} >= {a}`},
		{id: "between", operands: 2, cel: `({x} >= {a} && {x} <= {b})`},
		{id: "empty", optional: true, cel: `empty({x})`},
		{id: "filled", optional: true, cel: `!empty({x})`},
	},
	mannerDate: {
		{id: "is", operands: 1, cel: `{x} == {a}`},
		{id: "before", operands: 1, cel: `{x} < {a}`},
		{id: "after", operands: 1, cel: `{x} > {a}`},
		{id: "between", operands: 2, cel: `({x} >= {a} && {x} <= {b})`},
		{id: "in_last_days", operands: 1, days: true, cel: `(days_since({x}) >= 0 && days_since({x}) <= {a})`},
		{id: "not_in_last_days", operands: 1, days: true, cel: `days_since({x}) > {a}`},
		{id: "in_next_days", operands: 1, days: true, cel: `(days_until({x}) >= 0 && days_until({x}) <= {a})`},
		{id: "days_ago", operands: 1, days: true, cel: `days_since({x}) == {a}`},
		{id: "anniversary_in_days", operands: 1, days: true, cel: `anniversary_in({x}, {a})`},
		{id: "years_at_least", operands: 1, years: true, cel: `years_since({x}) >= {a}`},
		{id: "years_at_most", operands: 1, years: true, cel: `years_since({x}) <= {a}`},
		{id: "empty", optional: true, cel: `empty({x})`},
		{id: "filled", optional: true, cel: `!empty({x})`},
	},
	mannerYesNo: {
		{id: "yes", cel: `{x}`},
		{id: "no", cel: `!{x}`},
	},
	mannerList: {
		{id: "has", operands: 1, cel: `{x}.exists(v, fold(v) == {a})`},
		{id: "has_not", operands: 1, cel: `!{x}.exists(v, fold(v) == {a})`},
		{id: "contains", operands: 1, cel: `{x}.exists(v, fold(v).contains({a}))`},
		{id: "begins_with", operands: 1, cel: `{x}.exists(v, fold(v).startsWith({a}))`},
		{id: "empty", cel: `empty({x})`},
		{id: "filled", cel: `!empty({x})`},
	},
	mannerNames: {
		{id: "has", operands: 1, cel: `{a} in {x}`},
		{id: "has_not", operands: 1, cel: `!({a} in {x})`},
		{id: "has_any", operands: many, cel: `({any})`},
		{id: "empty", optional: true, cel: `empty({x})`},
		{id: "filled", optional: true, cel: `!empty({x})`},
	},
}

// term is something that a condition can be about.
type term struct {
	id string
	// label is what people call it.
	label string
	// section is the key of the heading under which it stands.
	section string
	// typ is the type that a screen shows an editor for.
	typ    string
	manner manner
	// always tells that it is never missing.
	always  bool
	choices []*mostradorv1.Choice
}

// expression is the name of a term in CEL.
func (t *term) expression() string {
	switch t.id {
	case "name", "phone", "email", "language", "cards", "number", "aplica_promociones", "tags", "segments":
		return "customer." + t.id
	}
	return t.id
}

func (t *term) operator(id string) (*operator, bool) {
	list := operatorsOf[t.manner]
	for i := range list {
		if o := &list[i]; o.id == id && (!o.optional || !t.always) {
			return o, true
		}
	}
	return nil, false
}

// builder translates conditions.
type builder struct {
	terms map[string]*term
	count int
}

func newBuilder(terms []*term) *builder {
	b := &builder{terms: map[string]*term{}}
	for _, t := range terms {
		b.terms[t.id] = t
	}
	return b
}

// build translates a condition into CEL. A mistake's path leads to the condition it is about:
// "condition.conditions.0.operands.1".
func (b *builder) build(c *mostradorv1.Condition) (string, *mistake) {
	text, m := b.condition(c, "condition", 0)
	if m != nil {
		return "", m
	}
	if strings.HasPrefix(text, "(") { // then its counterpart is at the end
		text = text[1 : len(text)-1]
	}
	return text, nil
}

func (b *builder) condition(c *mostradorv1.Condition, path string, depth int) (string, *mistake) {
	if b.count++; b.count > maxConditions || depth > maxNesting {
		return "", &mistake{path: path, key: "too_many_conditions", args: []any{"n", maxConditions}}
	}
	if c.GetGroup() == mostradorv1.Condition_GROUP_UNSPECIFIED {
		return b.comparison(c, path)
	}
	if len(c.GetConditions()) == 0 {
		return "", &mistake{path: path, key: "empty_group"}
	}
	parts := make([]string, 0, len(c.GetConditions()))
	for i, child := range c.GetConditions() {
		text, m := b.condition(child, fmt.Sprintf("%s.conditions.%d", path, i), depth+1)
		if m != nil {
			return "", m
		}
		parts = append(parts, text)
	}
	if len(parts) == 1 && c.GetGroup() != mostradorv1.Condition_GROUP_NONE {
		return parts[0], nil
	}
	switch c.GetGroup() {
	case mostradorv1.Condition_GROUP_ALL:
		return "(" + strings.Join(parts, " && ") + ")", nil
	case mostradorv1.Condition_GROUP_ANY:
		return "(" + strings.Join(parts, " || ") + ")", nil
	case mostradorv1.Condition_GROUP_NONE:
		return "!(" + strings.Join(parts, " || ") + ")", nil
	}
	return "", &mistake{path: path, key: "unknown_group"}
}

func (b *builder) comparison(c *mostradorv1.Condition, path string) (string, *mistake) {
	if c.GetTerm() == "" {
		return "", &mistake{path: path + ".term", key: "no_term"}
	}
	t, ok := b.terms[c.GetTerm()]
	if !ok {
		return "", &mistake{path: path + ".term", key: "unknown_term", args: []any{"term", c.GetTerm()}}
	}
	o, ok := t.operator(c.GetOperator())
	if !ok {
		return "", &mistake{path: path + ".operator", key: "unknown_operator", args: []any{"operator", c.GetOperator()}}
	}
	given := c.GetOperands()
	if o.operands >= 0 && len(given) != o.operands || o.operands == many && (len(given) == 0 || len(given) > maxOperands) {
		n := o.operands
		if n == many {
			n = 1
		}
		return "", &mistake{path: path + ".operands", key: "operands", args: []any{"n", n}}
	}
	var operands []string
	for i, operand := range given {
		text, m := t.operand(o, operand)
		if m != nil {
			m.path = fmt.Sprintf("%s.operands.%d", path, i)
			return "", m
		}
		operands = append(operands, text)
	}
	pairs := []string{"{x}", t.expression(), "{list}", strings.Join(operands, ", ")}
	for i, name := range []string{"{a}", "{b}"} {
		if i < len(operands) {
			pairs = append(pairs, name, operands[i])
		}
	}
	if strings.Contains(o.cel, "{any}") {
		tests := make([]string, len(operands))
		for i, operand := range operands {
			tests[i] = operand + " in " + t.expression()
		}
		pairs = append(pairs, "{any}", strings.Join(tests, " || "))
	}
	return strings.NewReplacer(pairs...).Replace(o.cel), nil
}

// operand writes what was typed as CEL has it.
func (t *term) operand(o *operator, typed string) (string, *mistake) {
	typed = strings.TrimSpace(typed)
	if typed == "" {
		return "", &mistake{key: "operand_empty"}
	}
	switch {
	case o.days || o.years:
		n, err := strconv.Atoi(typed)
		if err != nil || n < 0 || n > maxDays {
			return "", &mistake{key: "operand_days", args: []any{"text", typed}}
		}
		return strconv.Itoa(n), nil
	case t.manner == mannerNumber:
		n, ok := readNumber(typed)
		if !ok {
			return "", &mistake{key: "operand_number", args: []any{"text", typed}}
		}
		return strconv.FormatFloat(n, 'f', -1, 64), nil
	case t.manner == mannerDate:
		if len(typed) != len("2006-01-02") || math.IsNaN(readDate(typed, time.UTC)) {
			return "", &mistake{key: "operand_date", args: []any{"text", typed}}
		}
		return "date(" + quote(typed) + ")", nil
	case t.manner == mannerNames && !slices.ContainsFunc(t.choices, func(c *mostradorv1.Choice) bool { return fold(c.GetValue()) == fold(typed) }):
		return "", &mistake{key: "unknown_" + strings.TrimSuffix(t.id, "s"), args: []any{"name", typed}}
	case t.manner == mannerText || t.manner == mannerList:
		return quote(fold(typed)), nil
	}
	return quote(typed), nil
}

// readNumber reads a number with a point or a comma before the decimals.
func readNumber(typed string) (float64, bool) {
	if strings.Count(typed, ",") == 1 && !strings.Contains(typed, ".") {
		typed = strings.Replace(typed, ",", ".", 1)
	}
	for i, r := range typed {
		if (r < '0' || r > '9') && r != '.' && (r != '-' || i > 0) {
			return 0, false
		}
	}
	n, err := strconv.ParseFloat(typed, 64)
	return n, err == nil && math.Abs(n) < 1e15
}

// quote writes a text as a literal of CEL.
func quote(text string) string { return strconv.Quote(strings.ToValidUTF8(text, "\uFFFD")) }

// fold is how texts are compared when case and accents do not count.
func fold(text string) string { return customer.Fold(text) }
