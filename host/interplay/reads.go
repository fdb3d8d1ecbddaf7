package interplay

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

// anything stands for a name that only the evaluation would tell.
const anything = "*"

// reads are what an expression speaks of, in order and once each.
type reads struct {
	// customer lists fields of the customer ("name", "plg0002_x"); consent counts as "consent".
	customer []string
	settings []string
	active   []string
	// literals are the constants that a setting is compared with.
	literals map[string][]any
}

// person tells whether the expression speaks of a customer.
func (r reads) person() bool { return len(r.customer) > 0 }

// readsOf finds out what a checked expression speaks of.
func readsOf(checked *cel.Ast) reads {
	s := scan{tree: checked.NativeRep(), literals: map[string][]any{}}
	s.walk(s.tree.Expr())
	return reads{customer: once(s.customer), settings: once(s.settings), active: once(s.active), literals: s.literals}
}

// once sorts names and takes out repetitions.
func once(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// scan collects what the parts of an expression speak of.
type scan struct {
	tree                       *ast.AST
	customer, settings, active []string
	literals                   map[string][]any
}

func (s *scan) walk(e ast.Expr) {
	if ref, ok := s.tree.ReferenceMap()[e.ID()]; ok && ref.Name != "" {
		s.name(ref.Name)
		return
	}
	switch e.Kind() {
	case ast.SelectKind:
		sel := e.AsSelect()
		if s.part(sel.Operand(), sel.FieldName()) {
			return
		}
		s.walk(sel.Operand())
	case ast.CallKind:
		s.call(e.AsCall())
	case ast.ListKind:
		for _, item := range e.AsList().Elements() {
			s.walk(item)
		}
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			s.walk(entry.AsMapEntry().Key())
			s.walk(entry.AsMapEntry().Value())
		}
	case ast.ComprehensionKind:
		c := e.AsComprehension()
		for _, part := range []ast.Expr{c.IterRange(), c.AccuInit(), c.LoopCondition(), c.LoopStep(), c.Result()} {
			s.walk(part)
		}
	}
}

// name notes a whole variable.
func (s *scan) name(variable string) {
	if field, ok := strings.CutPrefix(variable, "customer."); ok {
		if field == "email_valid" || field == "phone_valid" {
			field = "consent" // tells no more than consent does: whether somebody can be written to
		} else if field == "fields" {
			field = anything
		}
		s.customer = append(s.customer, field)
		return
	}
	switch variable {
	case "consent.programme", "consent.promotions":
		s.customer = append(s.customer, "consent")
	case "settings":
		s.settings = append(s.settings, anything)
	}
}

// part notes one entry of settings or of customer.fields.
func (s *scan) part(whole ast.Expr, key string) bool {
	ref, ok := s.tree.ReferenceMap()[whole.ID()]
	if !ok {
		return false
	}
	switch ref.Name {
	case "settings":
		s.settings = append(s.settings, key)
	case "customer.fields":
		s.customer = append(s.customer, key)
	default:
		return false
	}
	return true
}

// call notes what the arguments of a function speak of.
func (s *scan) call(c ast.CallExpr) {
	args := c.Args()
	if c.IsMemberFunction() {
		args = append([]ast.Expr{c.Target()}, args...)
	}
	switch c.FunctionName() {
	case "active":
		id := anything
		if text, ok := constant(args[0]).(string); ok {
			id = text
		}
		s.active = append(s.active, id)
	case operators.Index:
		if key, ok := constant(args[1]).(string); ok && s.part(args[0], key) {
			return
		}
	}
	for _, arg := range args {
		if key, ok := s.setting(arg); ok {
			for _, other := range args {
				s.literals[key] = append(s.literals[key], constants(other)...)
			}
		}
		s.walk(arg)
	}
}

// setting is the key of a setting when the expression is nothing but that.
func (s *scan) setting(e ast.Expr) (key string, ok bool) {
	var whole ast.Expr
	switch e.Kind() {
	case ast.SelectKind:
		whole, key = e.AsSelect().Operand(), e.AsSelect().FieldName()
	case ast.CallKind:
		if c := e.AsCall(); c.FunctionName() == operators.Index {
			whole = c.Args()[0]
			key, _ = constant(c.Args()[1]).(string)
		}
	}
	if whole == nil || key == "" {
		return "", false
	}
	ref, is := s.tree.ReferenceMap()[whole.ID()]
	return key, is && ref.Name == "settings"
}

// constant is the Go value of a literal: bool, string or float64; nil for anything else.
func constant(e ast.Expr) any {
	if e.Kind() != ast.LiteralKind {
		return nil
	}
	switch v := e.AsLiteral().Value().(type) {
	case bool, string, float64:
		return v
	case int64:
		return float64(v)
	case uint64:
		return float64(v)
	}
	return nil
}

// constants are those of a literal or of a list of literals.
func constants(e ast.Expr) []any {
	if e.Kind() != ast.ListKind {
		if v := constant(e); v != nil {
			return []any{v}
		}
		return nil
	}
	var out []any
	for _, item := range e.AsList().Elements() {
		out = append(out, constants(item)...)
	}
	return out
}
