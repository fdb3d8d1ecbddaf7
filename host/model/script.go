package model

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/interplay"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Bounds of a script: its length in bytes, and what one value may cost it in steps of CEL. The time is a second
// guard only, since how long a step takes depends on the machine.
const (
	maxScript  = 4000
	scriptCost = 200_000
	scriptTime = 2 * time.Second
)

// script is a compiled script.
type script struct {
	program cel.Program
	kind    manifest.Type
	today   func() time.Time
	// asks says that it looks at the rest of the customer.
	asks bool
}

// script judges and compiles a declaration's script. One that does not compile is returned as a script that holds
// for nothing.
func (p *problems) script(f *mostradorv1.Field, k kind) *script {
	p.line("script_message", f.GetScriptMessage(), maxWords, false, true)
	compiled := &script{kind: k.Type, today: p.s.today}
	source := f.GetScript()
	if len(source) > maxScript {
		p.add("script", "long", "n", maxScript)
		return compiled
	}
	env, err := p.s.functions()
	if err == nil {
		env, err = env.Extend(cel.Variable("value", valueType(k.Type)))
	}
	if err != nil {
		p.add("script", "script_wrong", "line", 1, "column", 1, "problem", err)
		return compiled
	}
	checked, issues := env.Compile(source)
	if issues.Err() != nil {
		p.mistake(source, issues)
		return compiled
	}
	if out := checked.OutputType(); !out.IsExactType(cel.BoolType) && !out.IsExactType(cel.DynType) {
		p.add("script", "script_no_bool")
		return compiled
	}
	for _, r := range checked.NativeRep().ReferenceMap() {
		if strings.HasPrefix(r.Name, "customer.") || strings.HasPrefix(r.Name, "consent.") {
			compiled.asks = true
		}
	}
	compiled.program, err = env.Program(checked, cel.CostLimit(scriptCost), cel.InterruptCheckFrequency(200))
	if err != nil {
		p.add("script", "script_wrong", "line", 1, "column", 1, "problem", err)
	}
	return compiled
}

// mistake says the first of CEL's messages in words, with its place. The place stands in Detail too, as LINE:COLUMN.
func (p *problems) mistake(source string, issues *cel.Issues) {
	line, column, message := 1, 1, issues.Err().Error()
	if list := issues.Errors(); len(list) > 0 {
		line, column = max(list[0].Location.Line(), 1), max(list[0].Location.Column()+1, 1)
		message, _, _ = strings.Cut(list[0].Message, " expecting ")
		message, _, _ = strings.Cut(message, " (in container")
	}
	if rest, ok := strings.CutPrefix(message, "undeclared reference to '"); ok {
		name, hint, _ := strings.Cut(rest, "'")
		name, column = wholeName(source, line, column, name)
		place := []any{"line", line, "column", column, "name", name}
		if _, near, found := strings.Cut(hint, "did you mean '"); found {
			near, _, _ = strings.Cut(near, "'")
			p.add("script", "script_unknown_near", append(place, "near", near)...)
		} else {
			p.add("script", "script_unknown", place...)
		}
	} else if rest, ok := strings.CutPrefix(message, "found no matching overload for "); ok {
		operator, _, _ := strings.Cut(rest, " applied to ")
		p.add("script", "script_types", "line", line, "column", column, "operator", strings.Trim(strings.Trim(operator, "'"), "_"))
	} else if strings.HasPrefix(message, "Syntax error") {
		p.add("script", "script_syntax", "line", line, "column", column)
	} else {
		p.add("script", "script_wrong", "line", line, "column", column, "problem", message)
	}
	p.list[len(p.list)-1].Detail = fmt.Sprintf("%d:%d", line, column)
}

// wholeName reads the name with its dots at a place, of which CEL names a part only, or shows to a dot in it. It returns
// the name and the column where it begins.
func wholeName(source string, line, column int, part string) (string, int) {
	lines := strings.Split(source, "\n")
	if line > len(lines) {
		return part, column
	}
	runes := []rune(lines[line-1])
	if column > len(runes) {
		return part, column
	}
	inName := func(r rune) bool { return r == '.' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	from, to := column-1, column-1
	for from > 0 && inName(runes[from-1]) {
		from--
	}
	for to < len(runes) && inName(runes[to]) {
		to++
	}
	if name := strings.Trim(string(runes[from:to]), "."); strings.Contains(name, part) {
		return name, from + 1
	}
	return part, column
}

// errNoYesOrNo is what a script of which that cannot be told beforehand may fail with.
var errNoYesOrNo = errors.New("the script gives no yes or no")

// run evaluates the script for a value in the form in which it is kept; c may be nil.
func (x *script) run(c *plgv1.Customer, kept string) (bool, error) {
	if x.program == nil {
		return false, errors.New("the script does not compile")
	}
	ctx, cancel := context.WithTimeout(context.Background(), scriptTime)
	defer cancel()
	out, _, err := x.program.ContextEval(ctx, &facts{customer: c, value: typed(x.kind, kept), today: x.today()})
	if err != nil {
		return false, err
	}
	yes, ok := out.Value().(bool)
	if !ok {
		return false, errNoYesOrNo
	}
	return yes, nil
}

// holds is run where what cannot be told is a no.
func (x *script) holds(c *plgv1.Customer, kept string) bool {
	ok, err := x.run(c, kept)
	return ok && err == nil
}

// valueType is how scripts see values of a type.
func valueType(t manifest.Type) *cel.Type {
	switch t {
	case customer.TypeInteger:
		return cel.IntType
	case customer.TypeDecimal, manifest.TypeMoney:
		return cel.DoubleType
	case manifest.TypeYesNo:
		return cel.BoolType
	case manifest.TypeDate, customer.TypeDateTime:
		return cel.TimestampType
	case customer.TypePostalAddress:
		return cel.MapType(cel.StringType, cel.StringType)
	}
	return cel.StringType
}

// typed is a value in the form in which it is kept as scripts see it.
func typed(t manifest.Type, kept string) any {
	switch t {
	case customer.TypeInteger:
		n, _ := strconv.ParseInt(kept, 10, 64)
		return n
	case customer.TypeDecimal, manifest.TypeMoney:
		n, _ := strconv.ParseFloat(kept, 64)
		return n
	case manifest.TypeYesNo:
		return kept == "true"
	case manifest.TypeDate:
		day, _ := time.Parse(time.DateOnly, kept)
		return day
	case customer.TypeDateTime:
		layout := "2006-01-02T15:04:05"
		moment, _ := time.Parse(layout[:min(len(kept), len(layout))], kept)
		return moment
	case customer.TypePostalAddress:
		a := customer.ParseAddress(kept)
		return map[string]string{"street": a.Street, "postcode": a.Postcode, "city": a.City, "region": a.Region, "country": a.Country}
	}
	return kept
}

// declareFunctions declares what scripts may speak of, but for value. Names are declared with their dots, so that a
// misspelt one is a mistake at once. The words are those of segments.
func (s *Service) declareFunctions() (*cel.Env, error) {
	texts := cel.ListType(cel.StringType)
	options := []cel.EnvOption{
		cel.ClearMacros(), cel.Macros(cel.HasMacro, cel.AllMacro, cel.ExistsMacro, cel.ExistsOneMacro),
		cel.CrossTypeNumericComparisons(true),
		cel.ParserExpressionSizeLimit(maxScript), cel.ParserRecursionLimit(64),
		ext.Strings(ext.StringsVersion(2)),
		cel.Variable("today", cel.TimestampType),
		cel.Variable("customer.id", cel.StringType),
		cel.Variable("customer.number", cel.IntType),
		cel.Variable("customer.name", cel.StringType),
		cel.Variable("customer.phone", cel.StringType),
		cel.Variable("customer.email", cel.StringType),
		cel.Variable("customer.language", cel.StringType),
		cel.Variable("customer.cards", texts),
		cel.Variable("customer.tags", texts),
		cel.Variable("customer.fields", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("customer.aplica_promociones", cel.BoolType),
		cel.Variable("consent.programme", cel.StringType),
		cel.Variable("consent.promotions", cel.StringType),
		cel.Function("date", cel.Overload("date_string", []*cel.Type{cel.StringType}, cel.TimestampType,
			cel.UnaryBinding(func(v ref.Val) ref.Val {
				text, _ := v.Value().(string)
				day, err := time.Parse(time.DateOnly, text)
				if err != nil {
					return types.NewErr("%q is no day like 2026-11-21", text)
				}
				return types.Timestamp{Time: day}
			}))),
	}
	for name, count := range map[string]func(t time.Time) int{
		"year": time.Time.Year, "month": func(t time.Time) int { return int(t.Month()) }, "day": time.Time.Day,
		"days_since":  func(t time.Time) int { return daysBetween(t, s.today()) },
		"days_until":  func(t time.Time) int { return daysBetween(s.today(), t) },
		"years_since": func(t time.Time) int { return yearsBetween(t, s.today()) },
	} {
		options = append(options, cel.Function(name, cel.Overload(name+"_timestamp", []*cel.Type{cel.TimestampType}, cel.IntType,
			cel.UnaryBinding(func(v ref.Val) ref.Val {
				t, ok := v.(types.Timestamp)
				if !ok {
					return types.MaybeNoSuchOverloadErr(v)
				}
				return types.Int(count(t.UTC()))
			}))))
	}
	return cel.NewEnv(options...)
}

// daysBetween is how many days lie between the days of two moments; less than 0 when the second is the earlier.
func daysBetween(from, to time.Time) int {
	day := func(t time.Time) int64 {
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / (24 * 60 * 60)
	}
	return int(day(to) - day(from))
}

// yearsBetween is how many whole years lie between: the age on the day to of who was born on the day from.
func yearsBetween(from, to time.Time) int {
	years := to.Year() - from.Year()
	if to.Month() < from.Month() || to.Month() == from.Month() && to.Day() < from.Day() {
		years--
	}
	return years
}

// facts are what a script sees; a nil customer is nobody, with nothing filled in.
type facts struct {
	customer *plgv1.Customer
	value    any
	today    time.Time
}

// Parent ends the search for a name.
func (f *facts) Parent() cel.Activation { return nil }

// ResolveName fetches one fact.
func (f *facts) ResolveName(name string) (any, bool) {
	c := f.customer
	switch name {
	case "value":
		return f.value, true
	case "today":
		return f.today, true
	case "customer.id":
		return c.GetId(), true
	case "customer.number":
		return int64(c.GetNumber()), true
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
	case "consent.programme":
		return interplay.State(c.GetConsent().GetProgramme()), true
	case "consent.promotions":
		return interplay.State(c.GetConsent().GetPromotions()), true
	}
	return nil, false
}
