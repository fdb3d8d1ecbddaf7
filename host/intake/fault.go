package intake

import (
	"context"
	"encoding/json"
	"math/big"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"mostrador/host/api/mostradorv1"
)

// faults adds what a validator found to a refusal, a sentence each.
func (s *Service) faults(ctx context.Context, r *mostradorv1.Refusal, e *jsonschema.ValidationError, path string) {
	if len(r.Diagnostics) >= maxFaults {
		return
	}
	at := path
	for _, step := range e.InstanceLocation {
		at += "/" + pointerStep(step)
	}
	add := func(at, code string, args ...any) {
		if len(r.Diagnostics) < maxFaults {
			r.Diagnostics = append(r.Diagnostics, s.diagnostic(ctx, at, code, append(args, "path", strings.TrimPrefix(at, "/"))...))
		}
	}
	switch k := e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.AllOf, *kind.Reference:
		for _, cause := range e.Causes {
			s.faults(ctx, r, cause, path)
		}
	case *kind.Required:
		for _, name := range k.Missing {
			add(at+"/"+pointerStep(name), "fault_required", "name", name)
		}
	case *kind.DependentRequired:
		for _, name := range k.Missing {
			add(at+"/"+pointerStep(name), "fault_required", "name", name)
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			add(at+"/"+pointerStep(name), "fault_unknown", "name", name)
		}
	case *kind.Type:
		wants := make([]string, len(k.Want))
		for i, want := range k.Want {
			wants[i] = s.text(ctx, "kind_"+want)
		}
		add(at, "fault_type", "want", strings.Join(wants, " / "))
	case *kind.Enum:
		add(at, "fault_enum", "values", valuesOf(k.Want))
	case *kind.Const:
		add(at, "fault_enum", "values", valuesOf([]any{k.Want}))
	case *kind.Format:
		code := "fault_format"
		switch k.Want {
		case "email", "date", "date-time", "uri":
			code = "fault_" + strings.ReplaceAll(k.Want, "-", "_")
		}
		add(at, code, "format", k.Want)
	case *kind.Pattern:
		add(at, "fault_pattern", "pattern", k.Want)
	case *kind.MinLength:
		if k.Want == 1 {
			add(at, "fault_empty")
			return
		}
		add(at, "fault_short", "n", k.Want)
	case *kind.MaxLength:
		add(at, "fault_long", "n", k.Want)
	case *kind.Minimum:
		add(at, "fault_minimum", "limit", number(k.Want))
	case *kind.Maximum:
		add(at, "fault_maximum", "limit", number(k.Want))
	case *kind.ExclusiveMinimum:
		add(at, "fault_above", "limit", number(k.Want))
	case *kind.ExclusiveMaximum:
		add(at, "fault_below", "limit", number(k.Want))
	case *kind.MultipleOf:
		add(at, "fault_multiple", "limit", number(k.Want))
	case *kind.MinItems:
		add(at, "fault_few", "n", k.Want)
	case *kind.MaxItems:
		add(at, "fault_many", "n", k.Want)
	case *kind.MinProperties:
		add(at, "fault_few", "n", k.Want)
	case *kind.MaxProperties:
		add(at, "fault_many", "n", k.Want)
	case *kind.UniqueItems:
		add(at, "fault_repeated")
	case *kind.FalseSchema:
		add(at, "fault_forbidden")
	case *kind.PropertyNames:
		add(at+"/"+pointerStep(k.Property), "fault_unknown", "name", k.Property)
	default: // alternatives, conditions: which of them was meant nobody knows
		add(at, "fault_other")
	}
}

// pointerStep is a name as a step of a JSON pointer (RFC 6901).
func pointerStep(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(shown(name))
}

// valuesOf lists what a schema allows.
func valuesOf(values []any) string {
	words := make([]string, 0, len(values))
	for _, v := range values {
		if word, err := json.Marshal(v); err == nil {
			words = append(words, string(word))
		}
	}
	return strings.Join(words, ", ")
}

func number(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	return strings.TrimRight(r.FloatString(6), "0")
}
