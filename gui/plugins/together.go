package plugins

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// governed is the target whose rules the screen explains first (seed 000).
const governed = "customer.aplica_promociones"

// conflict shows what plug-ins disagree on, with a button for each side; what was decided can be taken back.
func (s *Screen) conflict(c *mostradorv1.Conflict) fyne.CanvasObject {
	why := s.button("why "+c.Target, s.d.T("plugins.why.short"), ui.Plain, func() { s.why(c.Target) })
	if c.Settled != "" {
		name := c.Settled
		for _, side := range c.Sides {
			if side.Plugin == c.Settled && side.Name != "" {
				name = side.Name
			}
		}
		back := s.button("undo "+c.Target, s.d.T("plugins.unsettle"), ui.Plain, func() { s.settle(c, "") })
		return notice(ui.ColorQuietBg, ui.NewBadge(s.d.T("plugins.settled"), ui.Good),
			ui.Words(s.d.T("plugins.settled.text", "target", c.Target, "name", name)), back, why)
	}
	text := ui.Words(s.d.T("plugins.conflict", "target", c.Target, "text", c.Explanation))
	box := ui.Column(4, line(ui.NewBadge(s.d.T("plugins.conflict.badge"), ui.Bad), text, why))
	if len(c.Sides) > 1 {
		for _, side := range c.Sides {
			prevail := s.button("settle "+c.Target+" "+side.Plugin, s.d.T("plugins.settle", "name", side.Name), ui.Plain, func() { s.settle(c, side.Plugin) })
			box.Add(line(nil, ui.Words(s.d.T("plugins.side", "name", side.Name, "wish", side.Wish)), prevail))
		}
	}
	box.Add(ui.Tight(ui.Note(s.d.T("plugins.conflict.until"), widget.LowImportance)))
	return ui.Panel(ui.ColorWarnBg, 8, ui.Pad(12, 8, box))
}

func (s *Screen) settle(c *mostradorv1.Conflict, plugin string) {
	ui.Ask(s.d, s.d.Model.Plugins.Settle, &mostradorv1.SettleRequest{Target: c.Target, Plugin: plugin}, func(_ *mostradorv1.SettleResponse, err error) {
		if err != nil {
			s.refuse(err)
		} else if plugin != "" {
			s.d.Say(s.d.T("plugins.settled.done"))
		} else {
			s.d.Say(s.d.T("plugins.unsettled.done"))
		}
		s.load()
		s.d.Window.Canvas().Focus(s.list)
	})
}

// why explains in words what governs a target; another one can be asked about in the same window.
func (s *Screen) why(target string) {
	if s.d.TopModal() != nil {
		return
	}
	var m *ui.Modal
	answer := ui.Column(6)
	newest := &ui.Latest{}
	ask := func(target string) {
		current := newest.Next()
		ui.Ask(s.d, s.d.Model.Plugins.Why, &mostradorv1.WhyRequest{Target: target, Language: s.d.Model.Language()}, func(res *mostradorv1.WhyResponse, err error) {
			if !current() {
				return
			}
			answer.RemoveAll()
			if err != nil {
				answer.Add(ui.Tight(ui.Note(s.d.Explain(err), widget.DangerImportance)))
			} else {
				s.explain(answer, res)
			}
			m.Fit()
		})
	}
	field := ui.NewField(s.d.T("plugins.why.target"), ui.NewEntry(governed, ask))
	field.Entry.Quiet(target)
	ok := ui.NewButton(s.d.T("close"), "Esc", ui.Primary, func() { m.Close() })
	m = s.d.NewModal(s.d.T("plugins.why"), 640, ui.Column(2, field.Box, ui.Fold(ui.Least(590, 0, answer), 460)), ok, ok)
	ask(target)
}

// explain writes an answer: in sentences, and then rule by rule.
func (s *Screen) explain(box *fyne.Container, res *mostradorv1.WhyResponse) {
	box.Add(ui.Tight(ui.Words(res.Explanation)))
	for _, r := range res.Rules {
		badge := ui.NewBadge(s.d.T("plugins.rule.rests"), ui.Quiet)
		if r.Holds {
			badge = ui.NewBadge(s.d.T("plugins.rule.holds"), ui.Good)
		}
		box.Add(ui.Panel(ui.ColorQuietBg, 8, ui.Pad(12, 8, ui.Column(2,
			ui.Row(8, ui.Text(r.Plugin, ui.SizeText, true, theme.ColorNameForeground), badge.Box),
			ui.Tight(ui.Words(r.Reason)),
			ui.Tight(ui.Note(s.d.T("plugins.rule.when", "when", r.When), widget.LowImportance)),
			ui.Tight(ui.Note(r.Policy, widget.LowImportance))))))
	}
	for _, c := range res.Conflicts {
		text := ui.Words(s.d.T("plugins.conflict", "target", c.Target, "text", c.Explanation))
		text.Importance = widget.WarningImportance
		box.Add(ui.Panel(ui.ColorWarnBg, 8, ui.Pad(12, 7, ui.Tight(text))))
	}
}
