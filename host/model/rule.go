package model

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/sdk/manifest"
)

// rule is a compiled predefined rule.
type rule struct {
	conditions []func(kept string) bool
	message    string
}

// holds tells whether a value in the form in which it is kept meets every condition.
func (r *rule) holds(kept string) bool {
	for _, c := range r.conditions {
		if !c(kept) {
			return false
		}
	}
	return true
}

// rules judges and compiles the predefined rules of a declaration.
func (p *problems) rules(f *mostradorv1.Field, k kind) []rule {
	if len(f.GetRules()) > maxRules {
		p.add("rules", "rules_many", "n", maxRules)
		return nil
	}
	var list []rule
	for i, r := range f.GetRules() {
		path := fmt.Sprintf("rules[%d]", i)
		p.line(path+".message", r.GetMessage(), maxWords, true, true)
		switch n := len(r.GetConditions()); {
		case n == 0:
			p.add(path+".conditions", "conditions_none")
		case n > maxConditions:
			p.add(path+".conditions", "conditions_many", "n", maxConditions)
			continue
		}
		compiled := rule{message: r.GetMessage()}
		for n, c := range r.GetConditions() {
			if test := p.condition(fmt.Sprintf("%s.conditions[%d]", path, n), c, f, k); test != nil {
				compiled.conditions = append(compiled.conditions, test)
			}
		}
		list = append(list, compiled)
	}
	return list
}

// operators says which groups of types an operator is for.
var operators = map[string][]group{
	"begins_with": {groupText}, "ends_with": {groupText}, "contains": {groupText}, "not_contains": {groupText},
	"matches": {groupText}, "min_length": {groupText}, "max_length": {groupText},
	"equals": {groupText, groupNumber, groupDate, groupYesNo}, "not_equals": {groupText, groupNumber, groupDate, groupYesNo},
	"one_of":   {groupText, groupNumber, groupDate},
	"at_least": {groupNumber}, "at_most": {groupNumber},
	"not_before": {groupDate}, "not_after": {groupDate},
}

// condition compiles one condition; nil when something is wrong with it.
func (p *problems) condition(path string, c *mostradorv1.FieldCondition, f *mostradorv1.Field, k kind) func(kept string) bool {
	groups, ok := operators[c.GetOperator()]
	if !ok {
		p.add(path+".operator", "operator_unknown", "operator", c.GetOperator())
		return nil
	}
	if !slices.Contains(groups, k.group) {
		p.add(path+".operator", "operator_type", "operator", p.s.text(p.lang, "operator_"+c.GetOperator()), "type", p.s.text(p.lang, "type_"+string(k.Type)))
		return nil
	}
	path += ".operand"
	operand := c.GetOperand()
	if operand == "" || len(operand) > maxOperand || !utf8.ValidString(operand) {
		p.add(path, "operand_invalid")
		return nil
	}
	switch c.GetOperator() {
	case "begins_with":
		return func(kept string) bool { return strings.HasPrefix(kept, operand) }
	case "ends_with":
		return func(kept string) bool { return strings.HasSuffix(kept, operand) }
	case "contains":
		return func(kept string) bool { return strings.Contains(kept, operand) }
	case "not_contains":
		return func(kept string) bool { return !strings.Contains(kept, operand) }
	case "matches":
		whole, err := regexp.Compile(`\A(?:` + operand + `)\z`)
		if err != nil {
			p.add(path, "operand_pattern")
			return nil
		}
		return whole.MatchString
	case "min_length", "max_length":
		n, err := strconv.ParseUint(strings.TrimSpace(operand), 10, 16)
		if err != nil {
			p.add(path, "operand_length")
			return nil
		}
		if c.GetOperator() == "min_length" {
			return func(kept string) bool { return utf8.RuneCountInString(kept) >= int(n) }
		}
		return func(kept string) bool { return utf8.RuneCountInString(kept) <= int(n) }
	}
	operands := []string{operand}
	if c.GetOperator() == "one_of" {
		operands = strings.Split(operand, "|")
	}
	compares := make([]comparison, 0, len(operands))
	for _, o := range operands {
		compare := p.comparison(path, o, f, k)
		if compare == nil {
			return nil
		}
		compares = append(compares, compare)
	}
	first := compares[0]
	switch c.GetOperator() {
	case "equals":
		return func(kept string) bool { return first(kept) == 0 }
	case "not_equals":
		return func(kept string) bool { return first(kept) != 0 }
	case "at_least", "not_before":
		return func(kept string) bool { return first(kept) >= 0 }
	case "at_most", "not_after":
		return func(kept string) bool { return first(kept) <= 0 }
	}
	return func(kept string) bool { // one_of
		return slices.ContainsFunc(compares, func(c comparison) bool { return c(kept) == 0 })
	}
}

// comparison says how a value in the form in which it is kept compares with an operand: -1, 0 or 1.
type comparison func(kept string) int

// comparison compiles the comparison with an operand, which must be a value of the type.
func (p *problems) comparison(path, operand string, f *mostradorv1.Field, k kind) comparison {
	operand = strings.TrimSpace(operand)
	if k.group == groupDate {
		if back, ok := fromToday(operand); ok {
			return func(kept string) int {
				return strings.Compare(kept[:len(time.DateOnly)], back(p.s.today()).Format(time.DateOnly))
			}
		}
	}
	plain := &customer.Field{Type: k.Type}
	if k.Type == manifest.TypeChoice {
		for _, c := range f.GetChoices() {
			plain.Choices = append(plain.Choices, manifest.Choice{Value: c.GetValue(), Name: manifest.Text{"es": c.GetLabel()}})
		}
	}
	with, wrong := p.s.Customers.Hold(nil, plain, nil, operand, p.lang)
	if wrong != nil || with == "" {
		p.add(path, "operand_value", "operand", operand, "type", p.s.text(p.lang, "type_"+string(k.Type)))
		return nil
	}
	switch k.group {
	case groupNumber:
		bound, ok := new(big.Rat).SetString(with)
		if !ok {
			p.add(path, "operand_invalid")
			return nil
		}
		return func(kept string) int {
			n, ok := new(big.Rat).SetString(kept)
			if !ok {
				return -1
			}
			return n.Cmp(bound)
		}
	case groupDate:
		if k.Type == customer.TypeDateTime && !strings.ContainsAny(operand, ":T") { // a whole day
			with = with[:len(time.DateOnly)]
			return func(kept string) int { return strings.Compare(kept[:len(time.DateOnly)], with) }
		}
	}
	return func(kept string) int { return strings.Compare(kept, with) }
}

var relativeDay = regexp.MustCompile(`^today(?:\s*([+-])\s*([0-9]{1,5})\s*([dwmy]))?$`)

// fromToday reads "today", and days from it on: "today-18y", "today+30d"; d are days, w weeks, m months, y years.
func fromToday(operand string) (func(today time.Time) time.Time, bool) {
	parts := relativeDay.FindStringSubmatch(strings.ToLower(operand))
	if parts == nil {
		return nil, false
	}
	n, _ := strconv.Atoi(parts[2])
	if parts[1] == "-" {
		n = -n
	}
	return func(today time.Time) time.Time {
		switch parts[3] {
		case "w":
			return today.AddDate(0, 0, 7*n)
		case "m":
			return addMonths(today, n)
		case "y":
			return addMonths(today, 12*n)
		}
		return today.AddDate(0, 0, n)
	}, true
}

// addMonths goes n months on, to the last day of the month when it is too short: a month after the 31st of January
// is the 28th of February.
func addMonths(day time.Time, n int) time.Time {
	first := time.Date(day.Year(), day.Month()+time.Month(n), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(day.Day(), last)-1)
}
