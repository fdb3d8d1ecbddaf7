package datamodel

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// operators are those of predefined rules.
var operators = []string{"begins_with", "ends_with", "contains", "not_contains", "equals", "not_equals", "matches", "min_length", "max_length", "at_least", "at_most", "not_before", "not_after", "one_of"}

// rules are the predefined rules of a field on the screen.
type rules struct {
	f     *form
	box   *fyne.Container
	lines *fyne.Container
	all   []*rule
}

// rule is one of them: its conditions, of which all must hold, and what is said when one does not.
type rule struct {
	box        *fyne.Container
	rows       *fyne.Container
	conditions []*conditionRow
	message    *ui.Entry
}

type conditionRow struct {
	box      *fyne.Container
	operator *ui.Select
	operand  *ui.Entry
}

func newRules(f *form, known []*mostradorv1.FieldRule) *rules {
	r := &rules{f: f, lines: ui.Column(8)}
	add := ui.NewButton(f.s.d.T("datamodel.rule.add"), "", ui.Plain, func() {
		r.add(&mostradorv1.FieldRule{Conditions: []*mostradorv1.FieldCondition{{Operator: operators[0]}}})
		f.s.d.Window.Canvas().Focus(r.all[len(r.all)-1].conditions[0].operator)
	})
	r.box = ui.Column(8, r.lines, ui.Row(0, add))
	for _, k := range known {
		r.add(k)
	}
	return r
}

func (r *rules) add(known *mostradorv1.FieldRule) {
	d := r.f.s.d
	one := &rule{rows: ui.Column(4), message: ui.NewEntry(d.T("datamodel.rule.message.hint"), nil)}
	one.message.SetText(known.Message)
	one.message.OnChanged = func(string) { r.f.later() }
	more := ui.NewButton(d.T("datamodel.rule.condition"), "", ui.Plain, func() {
		r.condition(one, &mostradorv1.FieldCondition{Operator: operators[0]})
		r.grown()
	})
	drop := ui.NewButton(d.T("datamodel.rule.remove"), "", ui.Plain, func() {
		r.all = slices.DeleteFunc(r.all, func(o *rule) bool { return o == one })
		r.lines.Remove(one.box)
		r.grown()
	})
	one.box = ui.Panel(ui.ColorQuietBg, 8, ui.Pad(10, 8, ui.Column(6, one.rows, one.message, ui.Row(6, more, ui.Spring(), drop))))
	for _, c := range known.Conditions {
		r.condition(one, c)
	}
	r.all = append(r.all, one)
	r.lines.Add(one.box)
	r.grown()
}

func (r *rules) condition(one *rule, known *mostradorv1.FieldCondition) {
	d := r.f.s.d
	var names []string
	for _, o := range operators {
		names = append(names, d.T("datamodel.operator."+o))
	}
	c := &conditionRow{operator: ui.NewSelect(d.T("choose"), names, nil), operand: ui.NewEntry("@", nil)}
	c.operator.SetSelectedIndex(max(0, slices.Index(operators, known.Operator)))
	c.operator.OnChanged = func(string) { r.f.later() }
	c.operand.SetText(known.Operand)
	c.operand.OnChanged = func(string) { r.f.later() }
	drop := ui.NewButton(d.T("datamodel.rule.drop"), "", ui.Plain, func() {
		one.conditions = slices.DeleteFunc(one.conditions, func(o *conditionRow) bool { return o == c })
		one.rows.Remove(c.box)
		r.grown()
	})
	c.box = ui.Frame(6, nil, nil, ui.Columns(6, []float32{45, 55}, ui.Boxed(c.operator), c.operand), drop, nil)
	one.conditions = append(one.conditions, c)
	one.rows.Add(c.box)
}

func (r *rules) grown() {
	r.lines.Refresh()
	r.f.later()
	if r.f.modal != nil {
		r.f.modal.Fit()
	}
}

// list is what the controls hold; a rule without conditions is none.
func (r *rules) list() []*mostradorv1.FieldRule {
	var kept []*mostradorv1.FieldRule
	for _, one := range r.all {
		k := &mostradorv1.FieldRule{Message: strings.TrimSpace(one.message.Text)}
		for _, c := range one.conditions {
			k.Conditions = append(k.Conditions, &mostradorv1.FieldCondition{Operator: operators[max(0, c.operator.SelectedIndex())], Operand: c.operand.Text})
		}
		if len(k.Conditions) > 0 {
			kept = append(kept, k)
		}
	}
	return kept
}
