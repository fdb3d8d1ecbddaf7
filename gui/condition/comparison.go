package condition

import (
	"errors"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// comparison is one comparison on the screen: term, operator, operands.
type comparison struct {
	e        *Editor
	box      *fyne.Container
	what     *ui.Suggest
	how      *fyne.Container // holds the choice of the operator
	with     *fyne.Container // holds the operands
	message  *widget.Label
	said     *fyne.Container
	term     *mostradorv1.Term
	operator *ui.Select
	operands []*ui.Input
	// odd is a comparison that the host's list no longer knows; it is kept as it is until somebody changes it.
	odd *mostradorv1.Condition
}

func (e *Editor) newComparison(g *group, c *mostradorv1.Condition) *comparison {
	p := &comparison{e: e, how: ui.Column(0), with: ui.Column(4), message: ui.Note("", widget.DangerImportance)}
	p.what = ui.NewSuggestOf(e.d.T("condition.what"), e.options)
	p.what.Keep = true
	p.what.OnGrown = e.grown
	p.what.OnTaken = func(o ui.Option) {
		p.choose(e.term(o.Value))
		if len(p.operands) > 0 {
			e.d.Window.Canvas().Focus(p.operator)
		}
		e.changed()
	}
	remove := ui.NewButton(e.d.T("condition.remove"), "", ui.Plain, func() { g.remove(p) })
	line := ui.Frame(8, nil, nil, ui.Columns(8, []float32{36, 27, 37}, p.what.Box, p.how, p.with), ui.Column(0, remove), nil)
	p.said = ui.Tight(p.message)
	p.said.Hide()
	p.box = ui.Column(0, line, p.said)
	if c.GetTerm() == "" {
		return p
	}
	term := e.term(c.Term)
	if term == nil || operatorIndex(term, c.Operator) < 0 {
		p.odd = c
		p.what.Set(ui.Option{Value: c.Term, Label: c.Term})
		p.how.Add(ui.Tight(ui.Words(strings.Join(append([]string{c.Operator}, c.Operands...), " "))))
		return p
	}
	p.choose(term)
	p.operator.SetSelectedIndex(operatorIndex(term, c.Operator))
	for i, operand := range c.Operands {
		if i < len(p.operands) {
			p.operands[i].Set(operand)
		}
	}
	if op := p.op(); op.Operands < 0 && len(p.operands) == 1 {
		p.operands[0].Set(strings.Join(c.Operands, "\n"))
	}
	return p
}

func operatorIndex(t *mostradorv1.Term, id string) int {
	return slices.IndexFunc(t.Operators, func(op *mostradorv1.TermOperator) bool { return op.Id == id })
}

// options are the terms as the box of a comparison offers them.
func (e *Editor) options() []ui.Option {
	all := make([]ui.Option, len(e.terms))
	for i, t := range e.terms {
		all[i] = ui.Option{Value: t.Id, Label: t.Name, Detail: t.Section}
	}
	return all
}

// choose sets what is compared, with the operators that it has.
func (p *comparison) choose(t *mostradorv1.Term) {
	p.term, p.odd = t, nil
	p.say("")
	p.what.Set(ui.Option{Value: t.Id, Label: t.Name})
	names := make([]string, len(t.Operators))
	for i, op := range t.Operators {
		names[i] = op.Name
	}
	p.operator = ui.NewSelect(p.e.d.T("choose"), names, nil)
	p.operator.OnChanged = func(string) { p.ask(); p.e.changed() }
	p.how.RemoveAll()
	p.how.Add(ui.Boxed(p.operator))
	p.operands = nil
	if len(names) > 0 {
		p.operator.SetSelectedIndex(0)
	}
	p.ask()
}

// op is the operator that is chosen.
func (p *comparison) op() *mostradorv1.TermOperator {
	if p.operator == nil || p.operator.SelectedIndex() < 0 {
		return nil
	}
	return p.term.Operators[p.operator.SelectedIndex()]
}

// ask shows a control for each operand of the operator; what was put in stays where the type does.
func (p *comparison) ask() {
	op := p.op()
	n, kind := int(op.GetOperands()), op.GetType()
	if kind == "" {
		kind = p.term.Type
	}
	many := n < 0
	if many {
		n = 1
	}
	var before []string
	for _, in := range p.operands {
		value, err := in.Value()
		if err != nil {
			value = ""
		}
		before = append(before, value)
	}
	p.operands = nil
	p.with.RemoveAll()
	row := ui.Columns(6, weights(n))
	for i := range n {
		in := ui.NewInput(p.e.d, ui.Spec{Type: kind, Choices: p.term.Choices, Rows: 3, Label: p.e.d.T("yes"), Many: many, Bare: true}, "")
		in.OnChanged = func() { p.say(""); p.e.changed() }
		if i < len(before) && (len(p.term.Choices) == 0 || slices.ContainsFunc(p.term.Choices, func(c *mostradorv1.Choice) bool { return c.Value == before[i] })) {
			in.Set(before[i])
		}
		p.operands = append(p.operands, in)
		row.Add(ui.Column(0, in.Box))
	}
	if n > 0 {
		p.with.Add(row)
	}
	p.say("")
	p.e.grown()
}

func weights(n int) []float32 {
	w := make([]float32, n)
	for i := range w {
		w[i] = 1
	}
	return w
}

func (p *comparison) object() fyne.CanvasObject { return p.box }

func (p *comparison) focus() fyne.Focusable { return p.what.Entry }

func (p *comparison) say(text string) {
	p.message.SetText(text)
	p.said.Hidden = text == ""
}

// values are the operands, or where and what the fault is.
func (p *comparison) values() (values []string, at fyne.Focusable, err error) {
	for _, in := range p.operands {
		value, err := in.Value()
		switch {
		case err != nil:
			return nil, in.Focus, err // a sentence of ours
		case value == "":
			return nil, in.Focus, errors.New(p.e.d.T("condition.missing"))
		}
		if p.op().GetOperands() < 0 {
			values = append(values, strings.Split(value, "\n")...)
			continue
		}
		values = append(values, value)
	}
	return values, nil, nil
}

func (p *comparison) check() fyne.Focusable {
	p.say("")
	if p.odd != nil {
		return nil
	}
	if p.term == nil {
		if strings.TrimSpace(p.what.Entry.Text) == "" {
			return nil
		}
		p.say(p.e.d.T("condition.unknown"))
		return p.what.Entry
	}
	if p.op() == nil {
		p.say(p.e.d.T("condition.missing"))
		return p.operator
	}
	_, at, err := p.values()
	if err != nil {
		p.say(err.Error())
	}
	return at
}

func (p *comparison) condition() *mostradorv1.Condition {
	switch {
	case p.odd != nil:
		return p.odd
	case p.term == nil || p.op() == nil:
		return nil
	}
	values, _, err := p.values()
	if err != nil {
		return nil
	}
	return &mostradorv1.Condition{Term: p.term.Id, Operator: p.op().Id, Operands: values}
}
