package segment

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/manifest"
)

// Bounds of an expression. Nothing in it is evaluated more than once for each entry of one list, so that its
// length bounds what it costs.
const (
	maxSource = 8000
	maxDepth  = 64
	// maxPattern is how many instructions all its patterns may have together: a text is matched in time
	// proportional to its length and to that.
	maxPattern = 500
)

// Types of the language that are not CEL's own.
var (
	dateType  = cel.OpaqueType("date")
	namesType = cel.OpaqueType("names")
	textsType = cel.ListType(cel.StringType)
)

// vocabulary is what expressions may speak of.
type vocabulary struct {
	// types has the name of everything that is known of a customer, and its type.
	types map[string]*cel.Type
	env   *cel.Env
}

// core are the names that every store knows.
var core = map[string]*cel.Type{
	"customer.id": cel.StringType, "customer.number": cel.IntType, "customer.name": cel.StringType,
	"customer.phone": cel.StringType, "customer.email": cel.StringType, "customer.language": cel.StringType,
	"customer.cards": textsType, "customer.tags": namesType, "customer.segments": namesType,
	"customer.fields":             cel.MapType(cel.StringType, cel.StringType),
	"customer.aplica_promociones": cel.BoolType, "customer.email_valid": cel.BoolType, "customer.phone_valid": cel.BoolType,
	"consent.programme": cel.StringType, "consent.promotions": cel.StringType,
	"purchases.count": cel.IntType, "purchases.total": cel.DoubleType,
	"purchases.first": dateType, "purchases.last": dateType,
	"registered": dateType, "last_activity": dateType, "today": dateType,
}

// newVocabulary declares the core's names, and those of fields and measures. The names are declared with their
// dots, so that a misspelt one is a mistake at once.
func newVocabulary(fields []*mostradorv1.Field, measures []manifest.Measure) (*vocabulary, error) {
	v := &vocabulary{types: map[string]*cel.Type{}}
	for name, t := range core {
		v.types[name] = t
	}
	for _, f := range fields {
		v.types["fields."+f.GetId()] = typeOf(f)
		if f.GetOrigin() == mostradorv1.FieldOrigin_FIELD_ORIGIN_PLUGIN {
			v.types["customer."+f.GetId()] = cel.StringType // the same as in the rules of plugins
		}
	}
	for _, m := range measures {
		v.types["measures."+m.ID] = cel.DoubleType
	}
	options := []cel.EnvOption{
		cel.Macros(cel.ExistsMacro, cel.AllMacro),
		cel.ParserExpressionSizeLimit(maxSource), cel.ParserRecursionLimit(maxDepth),
	}
	for name, t := range v.types {
		options = append(options, cel.Variable(name, t))
	}
	functions, err := functions()
	if err != nil {
		return nil, fmt.Errorf("segment: functions of conditions: %w", err)
	}
	v.env, err = functions.Extend(options...)
	if err != nil {
		return nil, fmt.Errorf("segment: names of conditions: %w", err)
	}
	return v, nil
}

// typeOf is the type that a field's values have in conditions.
func typeOf(f *mostradorv1.Field) *cel.Type {
	if f.GetMany() {
		return textsType
	}
	switch f.GetType() {
	case "integer":
		return cel.IntType
	case "decimal", "money", "number":
		return cel.DoubleType
	case "date", "date_time":
		return dateType
	case "yes_no":
		return cel.BoolType
	}
	return cel.StringType
}

// functions declares the operators and functions: those of CEL that have a meaning here, and those about dates.
// There are no conversions, and nothing that could fail. It is declared once; the names of a store extend it.
var functions = sync.OnceValues(func() (*cel.Env, error) {
	var options []cel.EnvOption
	declare := func(name, kind string, result *cel.Type, args ...*cel.Type) {
		options = append(options, cel.Function(name, cel.Overload(overloadID(name, kind, args), args, result)))
	}
	method := func(name string, result *cel.Type, args ...*cel.Type) {
		options = append(options, cel.Function(name, cel.MemberOverload(overloadID(name, "of", args), args, result)))
	}
	a := cel.TypeParamType("A")
	declare(operators.Conditional, "", a, cel.BoolType, a, a)
	declare(operators.LogicalAnd, "", cel.BoolType, cel.BoolType, cel.BoolType)
	declare(operators.LogicalOr, "", cel.BoolType, cel.BoolType, cel.BoolType)
	declare(operators.LogicalNot, "", cel.BoolType, cel.BoolType)
	declare(operators.NotStrictlyFalse, "", cel.BoolType, cel.BoolType) // what exists and all are made of

	numbers := []*cel.Type{cel.IntType, cel.DoubleType}
	pairs := [][2]*cel.Type{{cel.StringType, cel.StringType}, {dateType, dateType}}
	for _, x := range numbers {
		declare(operators.Negate, "", x, x)
		declare("empty", "", cel.BoolType, x)
		for _, y := range numbers {
			pairs = append(pairs, [2]*cel.Type{x, y})
			result := cel.DoubleType
			if x == cel.IntType && y == cel.IntType {
				result = cel.IntType
			}
			for _, name := range []string{operators.Add, operators.Subtract, operators.Multiply, operators.Divide} {
				declare(name, "", result, x, y)
			}
			declare(operators.In, "", cel.BoolType, x, cel.ListType(y))
		}
	}
	declare(operators.Modulo, "", cel.IntType, cel.IntType, cel.IntType)
	for _, pair := range pairs {
		for _, name := range []string{operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals} {
			declare(name, "", cel.BoolType, pair[0], pair[1])
		}
	}
	for _, pair := range append(pairs, [2]*cel.Type{cel.BoolType, cel.BoolType}) {
		declare(operators.Equals, "", cel.BoolType, pair[0], pair[1])
		declare(operators.NotEquals, "", cel.BoolType, pair[0], pair[1])
	}
	declare(operators.Add, "", cel.StringType, cel.StringType, cel.StringType)
	declare(operators.Add, "", dateType, dateType, cel.IntType)
	declare(operators.Subtract, "", dateType, dateType, cel.IntType)
	declare(operators.Subtract, "", cel.IntType, dateType, dateType)
	declare(operators.In, "", cel.BoolType, cel.StringType, textsType)
	declare(operators.In, "", cel.BoolType, cel.StringType, namesType)
	declare(operators.In, "", cel.BoolType, dateType, cel.ListType(dateType))
	declare(operators.Index, "", cel.StringType, cel.MapType(cel.StringType, cel.StringType), cel.StringType)

	for _, t := range []*cel.Type{cel.StringType, dateType, textsType, namesType} {
		declare("empty", "", cel.BoolType, t)
	}
	for _, t := range []*cel.Type{cel.StringType, textsType} {
		declare("size", "", cel.IntType, t)
		method("size", cel.IntType, t)
	}
	for _, name := range []string{"contains", "startsWith", "endsWith", "matches"} {
		method(name, cel.BoolType, cel.StringType, cel.StringType)
	}
	declare("fold", "", cel.StringType, cel.StringType)
	declare("date", "", dateType, cel.StringType)
	for _, name := range []string{"days_since", "days_until", "years_since", "year", "month", "day"} {
		declare(name, "", cel.IntType, dateType)
	}
	declare("anniversary_in", "", cel.BoolType, dateType, cel.IntType)
	return cel.NewCustomEnv(options...)
})

func overloadID(name, kind string, args []*cel.Type) string {
	texts := make([]string, len(args))
	for i, t := range args {
		texts[i] = t.String()
	}
	return name + kind + "(" + strings.Join(texts, ",") + ")"
}

// mistake is what is wrong with an expression or condition. Key names a sentence of the catalogue.
type mistake struct {
	// line and column are from 1; 0 for a condition, whose place is path.
	line, column int
	path         string
	key          string
	args         []any
}

func (m *mistake) Error() string {
	return fmt.Sprintf("%d:%d %s: %s %v", m.line, m.column, m.path, m.key, m.args)
}

// check parses an expression and judges its names and types.
func (v *vocabulary) check(source string) (*ast.AST, *mistake) {
	if strings.TrimSpace(source) == "" {
		return nil, &mistake{line: 1, column: 1, key: "empty_expression"}
	}
	if len(source) > maxSource {
		return nil, &mistake{line: 1, column: 1, key: "long_expression", args: []any{"n", maxSource}}
	}
	checked, issues := v.env.Compile(source)
	if issues.Err() != nil {
		return nil, v.explain(source, issues)
	}
	if out := checked.OutputType(); !out.IsExactType(cel.BoolType) {
		return nil, &mistake{line: 1, column: 1, key: "no_yes_or_no", args: []any{"type", typeKey(out.String())}}
	}
	return checked.NativeRep(), nil
}

// explain turns the first of CEL's messages into a mistake that the catalogue has words for.
func (v *vocabulary) explain(source string, issues *cel.Issues) *mistake {
	list := issues.Errors()
	if len(list) == 0 {
		return &mistake{line: 1, column: 1, key: "wrong", args: []any{"problem", issues.Err().Error()}}
	}
	e := list[0]
	m := &mistake{line: max(e.Location.Line(), 1), column: e.Location.Column() + 1}
	m.column = max(m.column, 1)
	message, _, _ := strings.Cut(e.Message, " (") // in which container, and what CEL would have liked
	if name, ok := strings.CutPrefix(message, "undeclared reference to "); ok {
		name, m.column = wholeName(source, m.line, m.column, strings.Trim(name, "'"))
		if near := v.nearest(name); near != "" {
			m.key, m.args = "unknown_name_near", []any{"name", name, "near", near}
		} else {
			m.key, m.args = "unknown_name", []any{"name", name}
		}
		return m
	}
	if rest, ok := strings.CutPrefix(e.Message, "found no matching overload for "); ok {
		name, types, _ := strings.Cut(rest, " applied to ")
		m.key = "wrong_types"
		m.args = []any{"operator", strings.Trim(strings.Trim(name, "'"), "_"), "types", splitTypes(types)}
		return m
	}
	if strings.HasPrefix(message, "Syntax error") {
		m.key, m.args = "syntax", []any{"text", snippet(source, m.line, m.column)}
		return m
	}
	m.key, m.args = "wrong", []any{"problem", message}
	return m
}

// wholeName reads the name with its dots of which CEL names the first part, or whose last dot it points to, and says
// where it begins.
func wholeName(source string, line, column int, name string) (string, int) {
	part := func(r rune) bool {
		return r == '.' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	runes := lineOf(source, line)
	begin := min(column-1, len(runes))
	for begin > 0 && part(runes[begin-1]) {
		begin--
	}
	end := begin
	for end < len(runes) && part(runes[end]) {
		end++
	}
	if whole := strings.Trim(string(runes[begin:end]), "."); strings.HasPrefix(whole, name) {
		return whole, begin + 1
	}
	return name, column
}

func lineOf(source string, line int) []rune {
	lines := strings.Split(source, "\n")
	if line > len(lines) {
		return nil
	}
	return []rune(lines[line-1])
}

// snippet is what stands at a place and behind it on the line.
func snippet(source string, line, column int) string {
	const most = 60
	runes := lineOf(source, line)
	if column > len(runes) {
		return ""
	}
	runes = runes[column-1:]
	return string(runes[:min(len(runes), most)])
}

// nearest is the known name that was probably meant.
func (v *vocabulary) nearest(name string) string {
	best, near := len(name)/3+1, ""
	for known := range v.types {
		d := distance(name, known)
		if _, last, _ := strings.Cut(known, "."); last == name {
			d = 0 // "city" for fields.city
		}
		if d < best || d == best && near != "" && known < near {
			best, near = d, known
		}
	}
	return near
}

// distance is how many letters have to be put in, left out or replaced.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// typeKey names a type for the catalogue: "type_date".
type typeKey string

// splitTypes reads "(string, list(int))", and leaves the kind of target out.
func splitTypes(s string) []typeKey {
	s = strings.Trim(strings.TrimSpace(s), "'")
	if before, _, ok := strings.Cut(s, ".("); ok {
		s = before
	}
	s = strings.TrimSuffix(strings.TrimPrefix(s, "("), ")")
	var keys []typeKey
	depth, start := 0, 0
	for i, r := range s {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			keys = append(keys, typeKey(strings.TrimSpace(s[start:i])))
			start = i + 1
		}
	}
	return append(keys, typeKey(strings.TrimSpace(s[start:])))
}

// knownTypes are the types that the catalogue has names for.
var knownTypes = []string{"bool", "int", "double", "string", "date", "names", "list", "map", "null"}

// word is the key of the type's name.
func (t typeKey) word() string {
	base, _, _ := strings.Cut(string(t), "(")
	if slices.Contains(knownTypes, base) {
		return "type_" + base
	}
	return "type_other"
}
