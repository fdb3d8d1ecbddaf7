package manifest

import (
	"cmp"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Amounts of money, and days and weeks, as a manifest writes them.
var (
	money = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
	days  = regexp.MustCompile(`^([0-9]{1,5}) ?([dw])$`)
)

// isText tells whether values of the type are free texts.
func (t Type) isText() bool { return t == TypeText || t == TypeLongText || t == TypeSecret }

// value checks that the default has the kind of the setting's type.
func (d *decoder) value(s *Setting, at string) {
	if s.Default == nil {
		return
	}
	if want, _ := kindOf(s.Type, false); want != kindOfValue(s.Default) {
		d.problem(at+".default", "must be %s for a %s", want, s.Type)
	}
	if s.Type == TypeSecret || s.Type == TypeFile || s.Type == TypeMessageRules {
		d.problem(at+".default", "a %s has no default: take it away", s.Type)
	}
	if text, ok := s.Default.(string); ok && s.Type == TypeChoice &&
		!slices.ContainsFunc(s.Choices, func(c Choice) bool { return c.Value == text }) {
		d.problem(at+".default", "%q is none of the choices", text)
	}
}

// bounds checks that min, max and whole suit the type and leave something between them.
func (d *decoder) bounds(t Type, least, most any, whole bool, at string) {
	ok := true
	for _, v := range []struct {
		name  string
		value any
	}{{"min", least}, {"max", most}} {
		if v.value == nil {
			continue
		}
		want, senseless := kindOf(t, true)
		switch {
		case senseless:
			d.problem(at+"."+v.name, "a %s has no %s: take it away", t, v.name)
		case want != kindOfValue(v.value):
			d.problem(at+"."+v.name, "must be %s for a %s", want, t)
		case !isBound(t, v.value):
			d.problem(at+"."+v.name, "%v is no %s", v.value, t)
		default:
			continue
		}
		ok = false
	}
	if ok && least != nil && most != nil && compareBounds(t, least, most) > 0 {
		d.problem(at+".min", "no value lies between min %v and max %v", least, most)
	}
	if whole && t != TypeNumber {
		d.problem(at+".whole", "is for numbers only: take it away")
	}
}

// isBound tells whether a bound can be read as what its type bounds.
func isBound(t Type, v any) bool {
	text, _ := v.(string)
	switch t {
	case TypeMoney:
		return money.MatchString(text)
	case TypeDuration:
		_, ok := duration(text)
		return ok
	case TypeDate:
		_, err := time.Parse(time.DateOnly, text)
		return err == nil
	case TypeText, TypeLongText, TypeSecret, TypeList:
		n, _ := v.(float64)
		return n >= 0 && n == math.Trunc(n)
	}
	return true
}

// compareBounds orders two bounds of a type for which isBound holds.
func compareBounds(t Type, a, b any) int {
	switch a := a.(type) {
	case float64:
		b, _ := b.(float64)
		return cmp.Compare(a, b)
	case string:
		b, _ := b.(string)
		switch t {
		case TypeMoney:
			x, _ := new(big.Rat).SetString(a)
			y, _ := new(big.Rat).SetString(b)
			return x.Cmp(y)
		case TypeDuration:
			x, _ := duration(a)
			y, _ := duration(b)
			return cmp.Compare(x, y)
		}
		return strings.Compare(a, b) // days are written so that their texts have their order
	}
	return 0
}

// duration reads what the Configuration Guide takes for one: what time.ParseDuration reads, or days or weeks.
func duration(text string) (time.Duration, bool) {
	if parts := days.FindStringSubmatch(text); parts != nil {
		n, _ := strconv.Atoi(parts[1])
		unit := 24 * time.Hour
		if parts[2] == "w" {
			unit *= 7
		}
		return time.Duration(n) * unit, n <= int(math.MaxInt64/unit)
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

// kindOf names the YAML kind of a type's values, or of its bounds; senseless when it has no bounds.
func kindOf(t Type, bound bool) (want string, senseless bool) {
	switch t {
	case TypeNumber:
		return "a number", false
	case TypeYesNo:
		return "true or false", bound
	case TypeList:
		if bound {
			return "a number", false
		}
		return "a list of texts", false
	case TypeText, TypeLongText, TypeSecret:
		if bound {
			return "a number", false
		}
		return "a text", false
	case TypeMoney, TypeDuration, TypeDate:
		return "a text", false
	}
	return "a text", bound
}

// kindOfValue names the YAML kind of a value in kindOf's words.
func kindOfValue(v any) string {
	switch v := v.(type) {
	case float64:
		return "a number"
	case bool:
		return "true or false"
	case []any:
		for _, x := range v {
			if _, ok := x.(string); !ok {
				return "a list of other things"
			}
		}
		return "a list of texts"
	}
	return "a text"
}

// pattern checks that a pattern suits the type, compiles, and says in words what it asks.
func (d *decoder) pattern(t Type, pattern string, hint Text, at string) {
	if pattern == "" {
		return
	}
	if !t.isText() {
		d.problem(at+".pattern", "a %s has no pattern: take it away", t)
	}
	if _, err := regexp.Compile(pattern); err != nil {
		d.problem(at+".pattern", "is no regular expression: %v", err)
	}
	if hint.Empty() {
		d.problem(at+".pattern_hint", "is missing: say in words what the pattern asks")
	}
}

// valid checks that a condition suits the type and says in words what it asks.
func (d *decoder) valid(t Type, condition Expression, hint Text, at string) {
	switch {
	case condition == "" && len(hint) > 0:
		d.problem(at+".valid_hint", "is never shown without valid: add it or take this away")
	case condition == "":
	case t == TypeFile || t == TypeTemplateFile:
		d.problem(at+".valid", "is about values, and that of a %s is only its path: take it away", t)
	case t == TypeMessageRules:
		d.problem(at+".valid", "message_rules are judged by the plugin: say validate: true instead")
	case hint.Empty():
		d.problem(at+".valid_hint", "is missing: say in words what a value must meet")
	}
}
