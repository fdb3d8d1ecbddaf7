package segment

import (
	"context"
	"strings"
	"time"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/sdk/plgv1"
)

// Words says a condition in prose, in the language of whoever asks; empty for none.
func (s *Service) Words(ctx context.Context, c *mostradorv1.Condition) (string, error) {
	if c == nil {
		return "", nil
	}
	terms, err := s.terms(ctx)
	if err != nil {
		return "", err
	}
	return s.words(ctx, newBuilder(terms), c), nil
}

func (s *Service) words(ctx context.Context, b *builder, c *mostradorv1.Condition) string {
	sentence := s.phrase(ctx, b, c, 0)
	if sentence == "" {
		return ""
	}
	first := []rune(sentence)
	return strings.ToUpper(string(first[:1])) + string(first[1:]) + "."
}

// phrase says one condition. Groups inside groups stand in brackets.
func (s *Service) phrase(ctx context.Context, b *builder, c *mostradorv1.Condition, depth int) string {
	if depth > maxNesting {
		return "…"
	}
	if c.GetGroup() == mostradorv1.Condition_GROUP_UNSPECIFIED {
		return s.comparisonPhrase(ctx, b, c)
	}
	parts := make([]string, 0, len(c.GetConditions()))
	for _, child := range c.GetConditions() {
		part := s.phrase(ctx, b, child, depth+1)
		inner := child.GetGroup()
		if len(child.GetConditions()) > 1 && inner != mostradorv1.Condition_GROUP_UNSPECIFIED && len(c.GetConditions()) > 1 {
			part = "(" + part + ")"
		}
		parts = append(parts, part)
	}
	switch c.GetGroup() {
	case mostradorv1.Condition_GROUP_ANY:
		return s.join(ctx, parts, "or")
	case mostradorv1.Condition_GROUP_NONE:
		if len(parts) == 1 {
			return s.text(ctx, "not", "a", parts[0])
		}
		return s.text(ctx, "none", "list", s.join(ctx, parts, "or"))
	}
	return s.join(ctx, parts, "and")
}

// join lists parts: "a, b y c".
func (s *Service) join(ctx context.Context, parts []string, word string) string {
	if len(parts) == 0 {
		return ""
	}
	text := parts[0]
	for i, part := range parts[1:] {
		key := "join_" + word
		if i < len(parts)-2 {
			key = "join_comma"
		}
		text = s.text(ctx, key, "a", text, "b", part)
	}
	return text
}

func (s *Service) comparisonPhrase(ctx context.Context, b *builder, c *mostradorv1.Condition) string {
	t, ok := b.terms[c.GetTerm()]
	if !ok {
		return c.GetTerm() + " " + c.GetOperator() + " " + strings.Join(c.GetOperands(), ", ")
	}
	o, ok := t.operator(c.GetOperator())
	if !ok {
		return t.label + " " + c.GetOperator() + " " + strings.Join(c.GetOperands(), ", ")
	}
	shown := make([]string, len(c.GetOperands()))
	for i, operand := range c.GetOperands() {
		shown[i] = s.shown(ctx, t, o, operand)
	}
	args := []any{"term", t.label, "list", s.join(ctx, shown, "or")}
	for i, name := range []string{"a", "b"} {
		if i < len(shown) {
			args = append(args, name, shown[i])
		}
	}
	if (o.days || o.years) && len(shown) == 1 {
		args = append(args, "n", strings.TrimSpace(c.GetOperands()[0]))
	}
	return s.text(ctx, "say_"+string(t.manner)+"_"+o.id, args...)
}

// shown is an operand as people read it.
func (s *Service) shown(ctx context.Context, t *term, o *operator, operand string) string {
	operand = strings.TrimSpace(operand)
	switch {
	case o.days || o.years:
		return operand
	case t.manner == mannerNumber:
		return strings.NewReplacer(".", s.Text.Text(locale.FromContext(ctx), "sale.decimal"), ",", s.Text.Text(locale.FromContext(ctx), "sale.decimal")).Replace(operand)
	case t.manner == mannerDate:
		if day, err := time.Parse("2006-01-02", operand); err == nil {
			return s.text(ctx, "date_form", "year", day.Format("2006"), "month", day.Format("01"), "day", day.Format("02"))
		}
		return operand
	}
	for _, choice := range t.choices {
		if choice.GetValue() == operand && choice.GetLabel() != "" {
			operand = choice.GetLabel()
		}
	}
	return s.text(ctx, "quote", "text", operand)
}

// diagnose says a mistake in the language of whoever asks.
func (s *Service) diagnose(ctx context.Context, m *mistake) *plgv1.Diagnostic {
	args := make([]any, len(m.args))
	for i, arg := range m.args {
		switch arg := arg.(type) {
		case typeKey:
			args[i] = s.text(ctx, arg.word())
		case []typeKey:
			var types []string
			for _, t := range arg {
				types = append(types, s.text(ctx, t.word()))
			}
			args[i] = s.join(ctx, types, "and")
		default:
			args[i] = arg
		}
	}
	d := &plgv1.Diagnostic{
		Severity: plgv1.Severity_SEVERITY_ERROR, Code: m.key, Path: m.path, Summary: s.text(ctx, m.key, args...),
	}
	if m.path == "" {
		d.Path = "expression"
	}
	if m.line > 0 {
		d.Summary = s.text(ctx, "at", "line", m.line, "column", m.column, "problem", d.Summary)
	}
	return d
}
