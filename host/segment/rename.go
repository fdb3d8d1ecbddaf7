package segment

import (
	"slices"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// rename replaces the name of a segment in an expression that somebody wrote, and leaves all else of it as written.
func (v *vocabulary) rename(source, old, name string) string {
	checked, m := v.check(source)
	if m != nil {
		return source
	}
	var starts []int
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.In {
			return
		}
		args := e.AsCall().Args()
		literal, ok := args[0].AsLiteral().(types.String)
		if !ok || args[1].AsIdent() != "customer.segments" || fold(string(literal)) != fold(old) {
			return
		}
		if at, ok := checked.SourceInfo().GetOffsetRange(args[0].ID()); ok {
			starts = append(starts, int(at.Start))
		}
	}))
	runes := []rune(source)
	slices.Sort(starts)
	for _, start := range slices.Backward(starts) {
		end := literalEnd(runes, start)
		runes = slices.Concat(runes[:start], []rune(quote(name)), runes[end:])
	}
	return string(runes)
}

// literalEnd is where a text literal ends that begins at start.
func literalEnd(source []rune, start int) int {
	at := start
	raw := false
	for at < len(source) && source[at] != '"' && source[at] != '\'' {
		raw = raw || source[at] == 'r' || source[at] == 'R'
		at++
	}
	if at >= len(source) {
		return len(source)
	}
	mark := string(source[at])
	if triple := strings.Repeat(mark, 3); strings.HasPrefix(string(source[at:min(at+3, len(source))]), triple) {
		mark = triple
	}
	for at += len(mark); at < len(source); at++ {
		switch {
		case source[at] == '\\' && !raw:
			at++
		case at+len(mark) <= len(source) && string(source[at:at+len(mark)]) == mark:
			return at + len(mark)
		}
	}
	return len(source)
}
