package guide

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// masked stands for a secret.
const masked = "••••"

// none tells whether there is no value.
func none(v *structpb.Value) bool {
	_, null := v.GetKind().(*structpb.Value_NullValue)
	return v == nil || null || v.Kind == nil
}

// text is a value as an input reads it; empty for none.
func text(v *structpb.Value) string {
	switch k := v.GetKind().(type) {
	case *structpb.Value_BoolValue:
		return strconv.FormatBool(k.BoolValue)
	case *structpb.Value_NumberValue:
		return strconv.FormatFloat(k.NumberValue, 'f', -1, 64)
	case *structpb.Value_StringValue:
		return k.StringValue
	case *structpb.Value_ListValue:
		var lines []string
		for _, item := range k.ListValue.GetValues() {
			lines = append(lines, item.GetStringValue())
		}
		return strings.Join(lines, "\n")
	}
	return ""
}

// value is what an input gave, as the host takes it. The host reads numbers, amounts and times from text.
func value(kind, in string) *structpb.Value {
	switch kind {
	case "yes_no":
		return structpb.NewBoolValue(in == "true")
	case "number":
		if n, err := strconv.ParseFloat(in, 64); err == nil {
			return structpb.NewNumberValue(n)
		}
	case "list":
		list := &structpb.ListValue{}
		for line := range strings.Lines(in) {
			if line = strings.TrimSpace(line); line != "" {
				list.Values = append(list.Values, structpb.NewStringValue(line))
			}
		}
		return structpb.NewListValue(list)
	}
	return structpb.NewStringValue(in)
}

// show writes a value of a setting as a person reads it. The setting may be nil, or be gone by now.
func show(d *ui.Desk, s *mostradorv1.Setting, v *structpb.Value) string {
	if s.GetType() == "secret" && !none(v) {
		return masked
	}
	if b, ok := v.GetKind().(*structpb.Value_BoolValue); ok {
		if b.BoolValue {
			return d.T("yes")
		}
		return d.T("no")
	}
	t := text(v)
	if t == "" {
		return d.T("guide.empty")
	}
	switch s.GetType() {
	case "number":
		return local(d, t)
	case "money":
		return strings.TrimSpace(local(d, t) + " " + d.Model.Status().GetCurrency())
	case "duration":
		if words := d.SpanWords(t); words != "" {
			return words
		}
	case "date":
		return ui.Day(t)
	case "phone":
		return d.Text.Phone(t)
	case "country":
		return ui.CountryName(d.Model.Language(), t)
	case "choice":
		for _, c := range s.Choices {
			if c.Value == t {
				return ui.Label(c)
			}
		}
	}
	if _, ok := v.GetKind().(*structpb.Value_ListValue); ok {
		return strings.ReplaceAll(t, "\n", ", ")
	}
	return t
}

// local writes a number of the host in the manner of the language.
func local(d *ui.Desk, number string) string {
	if d.Text.Language() == "en" {
		return number
	}
	return strings.Replace(number, ".", ",", 1)
}

// short cuts a text that stands in one line.
func short(s string) string { return cut(s, 60) }

// cut leaves at most n characters of a text, in one line.
func cut(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// sentence begins with a capital letter.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// Reasons joins all diagnostics of a refusal, one a line.
func Reasons(d *ui.Desk, err error) string {
	if lines := words(model.Refusal(err).GetDiagnostics()); lines != "" {
		return lines
	}
	return d.Explain(err)
}

// words joins diagnostics that are more than information, one a line.
func words(diags []*plgv1.Diagnostic) string {
	var lines []string
	for _, diag := range diags {
		if diag.Severity != plgv1.Severity_SEVERITY_INFO {
			lines = append(lines, ui.Sentence(diag))
		}
	}
	return strings.Join(lines, "\n")
}

// place is where a value stands: a scope and, when that is a till, which.
type place struct {
	scope mostradorv1.SettingScope
	till  string
}

// The scopes, as they are called here.
const (
	scopeDefault = mostradorv1.SettingScope_SETTING_SCOPE_DEFAULT
	scopeChain   = mostradorv1.SettingScope_SETTING_SCOPE_CHAIN
	scopeStore   = mostradorv1.SettingScope_SETTING_SCOPE_STORE
	scopeTill    = mostradorv1.SettingScope_SETTING_SCOPE_TILL
)

// name is a place in words.
func (p place) name(d *ui.Desk) string {
	switch p.scope {
	case scopeTill:
		return d.T("guide.scope.till", "till", p.till)
	case scopeChain:
		return d.T("guide.scope.chain")
	case scopeDefault:
		return d.T("guide.scope.default")
	}
	return d.T("guide.scope.store")
}

// said is what a place says by itself; set is false when it says nothing.
func said(s *mostradorv1.Setting, p place) (v *structpb.Value, set bool) {
	if p.scope == scopeDefault {
		return s.Default, !none(s.Default)
	}
	for _, scoped := range s.Values {
		if scoped.Scope == p.scope && (p.scope != scopeTill || scoped.Till == p.till) {
			return scoped.Value, true
		}
	}
	return nil, false
}

// holds is what is in force at a place: what it says itself, or the next wider one that says something.
func holds(s *mostradorv1.Setting, p place) *structpb.Value {
	for scope := p.scope; scope > scopeDefault; scope-- {
		if v, set := said(s, place{scope, p.till}); set {
			return v
		}
	}
	return s.Default
}

// bytesOf writes a size.
func bytesOf(d *ui.Desk, n int) string {
	switch {
	case n < 1000:
		return strconv.Itoa(n) + " B"
	case n < 1_000_000:
		return local(d, strconv.FormatFloat(float64(n)/1000, 'f', 1, 64)) + " kB"
	}
	return local(d, strconv.FormatFloat(float64(n)/1_000_000, 'f', 1, 64)) + " MB"
}
