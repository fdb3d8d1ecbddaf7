package rules

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

const (
	// listed is how many messages of a rehearsal are shown; all are counted.
	listed = 100
	// patience bounds a rehearsal, which reads the whole log of its days.
	patience = 2 * time.Minute
)

// spans are the days that a rule can be tried on.
var spans = []int{7, 30, 90}

// past shows what a rule would have sent.
type past struct {
	d       *ui.Desk
	content fyne.CanvasObject
	days    *ui.Select
	try     *ui.Button
	answer  *widget.Label
	note    *widget.Label
	list    *ui.List
	found   []*mostradorv1.RehearsedMessage
	newest  ui.Latest
	of      string // the fingerprint of the rule that was tried
}

func newPast(d *ui.Desk) *past {
	p := &past{d: d}
	names := make([]string, len(spans))
	for i, n := range spans {
		names[i] = d.T("rules.days", "n", n)
	}
	p.days = ui.NewSelect("", names, nil)
	p.days.SetSelectedIndex(1)
	p.try = ui.NewButton(d.T("rules.try"), "F7", ui.Plain, nil)
	p.answer, p.note = ui.Words(d.T("rules.past.none")), ui.Note("", widget.LowImportance)
	p.answer.TextStyle.Bold = true
	p.list = ui.NewList(func() int { return len(p.found) }, newPastRow, p.show, func(i int) {
		if i < len(p.found) && p.found[i].CustomerId != "" {
			d.Nav.Go(ui.Sheet, p.found[i].CustomerId)
		}
	})
	head := ui.Column(6, ui.Chips(p.try, ui.Exactly(132, ui.Boxed(p.days))), ui.Tight(p.answer), ui.Tight(p.note))
	p.content = ui.Frame(8, head, nil, container.NewStack(p.list), nil, nil)
	return p
}

// pastRow is one message that would have been sent.
type pastRow struct{ name, when *widget.Label }

func newPastRow() fyne.CanvasObject {
	r := &pastRow{ui.Cell(true), ui.Cell(false)}
	r.when.SizeName, r.when.Importance = theme.SizeNameCaptionText, widget.LowImportance
	return ui.Hold(r, ui.Column(-14, r.name, r.when), 0)
}

func (p *past) show(i int, o fyne.CanvasObject) {
	if i >= len(p.found) {
		return
	}
	m, r := p.found[i], ui.Held[*pastRow](o)
	name := m.CustomerName
	if name == "" {
		name = m.To
	}
	r.name.SetText(name)
	words := p.d.Text.DateTime(m.Time)
	r.when.Importance = widget.LowImportance
	if m.Held != "" {
		words = p.d.T("rules.held", "why", m.Held)
		r.when.Importance = widget.WarningImportance
	} else if m.CustomerName != "" {
		words += "  ·  " + m.To
	}
	r.when.SetText(words)
	o.Refresh()
}

// stale says that the answer is not one to the rule as it is now.
func (p *past) stale() {
	p.newest.Next()
	p.found, p.of = nil, ""
	p.answer.Importance = widget.MediumImportance
	p.answer.SetText(p.d.T("rules.past.none"))
	p.note.SetText("")
	p.list.Refresh()
	p.content.Refresh()
}

// rehearse tries the rule as it is written, saved or not.
func (f *form) rehearse() {
	if f.d.TopModal() != nil || !f.check() {
		return
	}
	d, p, rule := f.d, f.past, f.rule()
	p.stale()
	current := p.newest.Same()
	days := spans[max(0, p.days.SelectedIndex())]
	p.answer.SetText(d.T("rules.past.wait"))
	rule.Enabled = true
	req := &mostradorv1.RehearseRuleRequest{Setting: f.set.Setting, Rule: rule, Days: int32(days), Limit: listed}
	ui.AskFor(d, patience, d.Model.Rules.Rehearse, req, func(res *mostradorv1.RehearseRuleResponse, err error) {
		if !current() {
			return
		}
		if err != nil {
			p.answer.Importance = widget.DangerImportance
			p.answer.SetText(d.Explain(err))
			p.content.Refresh()
			return
		}
		if len(res.Diagnostics) > 0 {
			p.answer.SetText(d.T("rules.past.failed"))
			f.place(res.Diagnostics)
			return
		}
		p.found, p.of = res.List, fingerprint(f.set.Setting, rule)
		f.s.tried[p.of] = true
		key := d.T("rules.past", "n", d.Text.Number(float64(res.Messages)), "days", days)
		if res.Messages == 1 {
			key = d.T("rules.past.one", "days", days)
		}
		p.answer.SetText(key)
		note := d.T("rules.past.events", "n", d.Text.Number(float64(res.Events)))
		if res.Partial {
			note += " " + d.T("rules.past.partial")
		}
		if uint64(len(res.List)) < res.Messages {
			note += " " + d.T("rules.past.first", "n", len(res.List))
		}
		p.note.SetText(note)
		p.list.UnselectAll()
		p.list.Refresh()
		p.content.Refresh()
	})
}
