// Package why shows why a message was sent or was not, or whether a customer would get one now: the answer in one
// sentence, and below it every check with what was found, by whom and since when, as the host tells it.
package why

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// View draws the answer.
func View(d *ui.Desk, res *mostradorv1.WhyMessageResponse) *fyne.Container {
	answer := ui.Words(res.Words)
	answer.TextStyle.Bold = true
	box := ui.Column(8, ui.Tight(answer))
	for _, c := range res.Checks {
		box.Add(widget.NewSeparator())
		box.Add(check(d, c))
	}
	return box
}

// check is one thing that was looked at.
func check(d *ui.Desk, c *mostradorv1.MessageCheck) fyne.CanvasObject {
	word, tone := d.T("why.passed"), ui.Good
	switch {
	case !c.Passed && c.Until != nil:
		word, tone = d.T("why.waits"), ui.Warn
	case !c.Passed:
		word, tone = d.T("why.failed"), ui.Bad
	}
	name := c.Check
	if d.Text.Has("why.check." + c.Check) {
		name = d.T("why.check." + c.Check)
	}
	box := ui.Column(1, ui.Text(name, ui.SizeText, true, ui.ColorMuted))
	if c.Words != "" {
		box.Add(ui.Tight(ui.Words(c.Words)))
	}
	var facts []string
	if c.Until != nil && !c.Passed {
		facts = append(facts, d.T("why.until", "when", d.Text.DateTime(c.Until)))
	}
	if c.Time != nil {
		facts = append(facts, d.Text.DateTime(c.Time))
	}
	if who := c.Actor.GetOperator(); who != "" {
		if till := c.Actor.GetTill(); till != "" {
			who = d.T("why.who", "who", who, "till", till)
		}
		facts = append(facts, who)
	}
	if len(facts) > 0 {
		box.Add(ui.Tight(ui.Note(strings.Join(facts, "  ·  "), widget.LowImportance)))
	}
	return ui.Frame(10, nil, ui.Least(84, 0, ui.Row(0, ui.NewBadge(word, tone).Box)), ui.Middle(box), nil, nil)
}
