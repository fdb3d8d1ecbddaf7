package guide

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// historyLimit is how many changes are shown, the newest.
const historyLimit = 100

// history shows the changes of the open setting, or of all, each of which can be reverted.
func (s *Screen) history(key string) {
	if s.d.TopModal() != nil {
		return
	}
	d := s.d
	title := d.T("guide.history.all")
	if key != "" {
		name := s.known[key].GetName()
		if name == "" {
			name = key
		}
		title = d.T("guide.history.of", "name", name)
	}
	req := &mostradorv1.SettingHistoryRequest{Key: key, Limit: historyLimit}
	ui.Ask(d, d.Model.Settings.History, req, func(res *mostradorv1.SettingHistoryResponse, err error) {
		if err != nil {
			d.Fail(d.Explain(err))
			return
		}
		var m *ui.Modal
		rows := ui.Column(0)
		for i, c := range res.Changes {
			if i > 0 {
				rows.Add(widget.NewSeparator())
			}
			rows.Add(ui.Pad(0, 5, s.past(c, key == "", func() { m.Close() })))
		}
		if len(res.Changes) == 0 {
			rows.Add(ui.Tight(ui.Words(d.T("guide.history.none"))))
		}
		done := ui.NewButton(d.T("close"), "Esc", ui.Primary, func() { m.Close() })
		buttons := []fyne.CanvasObject{done}
		if key != "" {
			buttons = []fyne.CanvasObject{ui.NewButton(d.T("guide.history.more"), "", ui.Plain, func() { m.Close(); s.history("") }), done}
		}
		list := ui.Least(740, min(430, rows.MinSize().Height+4), container.NewVScroll(ui.Pad(0, 0, rows)))
		m = d.NewModal(title, 780, list, done, buttons...)
	})
}

// past is one change: when, who and where, of which scope, and from what to what.
func (s *Screen) past(c *mostradorv1.SettingChange, named bool, closed func()) fyne.CanvasObject {
	d := s.d
	setting := s.known[c.Key]
	who := c.Operator
	if c.Till != "" {
		who = strings.TrimPrefix(who+" · "+place{scopeTill, c.Till}.name(d), " · ")
	}
	about := d.T("guide.change", "when", d.Text.DateTime(c.Time), "who", who)
	lines := ui.Column(3)
	if named {
		name := ui.Cell(true)
		name.SetText(c.Key)
		if setting != nil {
			name.SetText(setting.Name)
		}
		lines.Add(ui.Tight(name))
	}
	lines.Add(ui.Row(8, ui.Caption(about), ui.NewBadge(place{c.Scope, c.ScopeTill}.name(d), ui.Quiet).Box))
	lines.Add(change(d, setting, c.From, c.To))
	revert := ui.NewButton(d.T("guide.revert"), "", ui.Plain, func() {
		req := &mostradorv1.RevertSettingRequest{Key: c.Key, Sequence: c.Sequence}
		ui.Ask(d, d.Model.Settings.Revert, req, func(res *mostradorv1.RevertSettingResponse, err error) {
			if err != nil {
				d.Fail(Reasons(d, err))
				return
			}
			closed()
			d.Say(d.T("guide.reverted", "name", res.Setting.GetName()))
			s.want = c.Key
			s.open(c.Key)
			s.load()
		})
	})
	return ui.Frame(12, nil, nil, lines, ui.Row(0, revert), nil)
}
