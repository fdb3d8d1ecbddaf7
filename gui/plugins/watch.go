package plugins

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// logLines is how many lines of a log are asked for.
const logLines = 500

// logs shows the last lines that a plug-in wrote, the newest in sight; typing keeps those that hold the words.
func (s *Screen) logs(p *mostradorv1.PluginInfo) {
	var all, shown []string
	var m *ui.Modal
	list := ui.NewList(func() int { return len(shown) }, func() fyne.CanvasObject {
		l := widget.NewLabel("")
		l.TextStyle.Monospace = true
		l.SizeName = theme.SizeNameCaptionText
		l.Truncation = fyne.TextTruncateEllipsis
		return ui.Pad(0, -6, l)
	}, func(i int, o fyne.CanvasObject) {
		if i >= len(shown) {
			return
		}
		l := o.(*fyne.Container).Objects[0].(*widget.Label)
		l.Importance = weight(shown[i])
		l.SetText(shown[i])
	}, nil)
	list.HideSeparators = true
	none := ui.Text("", ui.SizeText, false, ui.ColorMuted)
	dropped := ui.Text("", ui.SizeCaption, false, theme.ColorNameWarning)
	filter := ui.NewEntry(s.d.T("plugins.logs.filter"), nil)
	narrow := func(string) {
		words := strings.ToLower(strings.TrimSpace(filter.Text))
		shown = slices.DeleteFunc(slices.Clone(all), func(l string) bool { return !strings.Contains(strings.ToLower(l), words) })
		none.Text = ""
		if len(shown) == 0 {
			none.Text = s.d.T("plugins.logs.none")
		}
		none.Refresh()
		list.Refresh()
		list.ScrollToBottom()
	}
	filter.OnChanged = narrow
	load := func() {
		ui.Ask(s.d, s.d.Model.Plugins.Logs, &mostradorv1.LogsRequest{Id: p.Id, Limit: logLines}, func(res *mostradorv1.LogsResponse, err error) {
			if err != nil {
				s.d.Fail(s.d.Explain(err))
				return
			}
			all = res.Lines
			dropped.Text = ""
			if res.Dropped > 0 {
				dropped.Text = s.d.T("plugins.dropped", "n", res.Dropped)
			}
			dropped.Refresh()
			narrow("")
		})
	}
	filter.OnSubmitted = func(string) { load() }
	body := ui.Frame(8, filter, nil, ui.Panel(ui.ColorQuietBg, 6, ui.Pad(6, 6, ui.Least(820, 380, list))), nil, ui.Row(8, none, dropped))
	m = s.d.NewModal(s.d.T("plugins.logs.of", "name", p.Name), 860, body, filter,
		ui.NewButton(s.d.T("reports.again"), "Enter", ui.Plain, load),
		ui.NewButton(s.d.T("close"), "Esc", ui.Primary, func() { m.Close() }))
	load()
}

// weight is how a line of a log stands out, by its level.
func weight(line string) widget.Importance {
	switch {
	case strings.Contains(line, "[error]") || strings.Contains(line, "panic:"):
		return widget.DangerImportance
	case strings.Contains(line, "[warn]"):
		return widget.WarningImportance
	}
	return widget.MediumImportance
}

// check asks the active plug-ins how they are and the machine what it can do.
func (s *Screen) check() {
	if s.d.TopModal() != nil {
		return
	}
	ui.AskFor(s.d, changeLimit, s.d.Model.Plugins.Check, &mostradorv1.CheckPluginsRequest{}, func(res *mostradorv1.CheckPluginsResponse, err error) {
		if err != nil {
			s.refuse(err)
			return
		}
		box := ui.Column(7, ui.Text(s.d.T("plugins.check.machine"), ui.SizeText, true, theme.ColorNameForeground))
		for _, diag := range res.Machine {
			box.Add(s.finding(diag))
		}
		box.Add(ui.Gap(3))
		box.Add(ui.Text(s.d.T("menu.plugins"), ui.SizeText, true, theme.ColorNameForeground))
		for _, p := range res.Plugins {
			if !p.Active {
				continue
			}
			badge := ui.NewBadge(s.state(p))
			if p.State == mostradorv1.PluginState_PLUGIN_STATE_RUNNING {
				badge = ui.NewBadge(s.d.T("plugins.check.well"), ui.Good)
				if unwell(p) {
					badge = ui.NewBadge(s.d.T("plugins.check.unwell"), ui.Bad)
				}
			}
			box.Add(ui.Row(8, ui.Text(p.Name, ui.SizeText, false, theme.ColorNameForeground), ui.Spring(), badge.Box))
			for _, diag := range p.Health {
				box.Add(s.finding(diag))
			}
		}
		s.window(s.d.T("plugins.check.title"), 620, ui.Fold(box, 520))
		s.load()
	})
}

// finding is one line of a check: what is as it should be stays quiet.
func (s *Screen) finding(diag *plgv1.Diagnostic) fyne.CanvasObject {
	if diag.Severity != plgv1.Severity_SEVERITY_INFO {
		return tinted(diag)
	}
	return ui.Frame(8, nil, ui.Row(0, ui.NewBadge(s.d.T("plugins.check.well"), ui.Good).Box), ui.Tight(ui.Words(ui.Sentence(diag))), nil, nil)
}

func (s *Screen) loadParked() {
	current := s.aside.Next()
	ui.Ask(s.d, s.d.Model.Events.Parked, &mostradorv1.ParkedRequest{}, func(res *mostradorv1.ParkedResponse, err error) {
		if err != nil || !current() {
			return
		}
		s.parked = res.Events
		s.refresh()
	})
}

// parkedCard lists the events that a plug-in could not handle, or is nil.
func (s *Screen) parkedCard(id string) fyne.CanvasObject {
	rows := ui.Column(8, ui.Tight(ui.Words(s.d.T("plugins.parked.text"))))
	for _, e := range s.parked {
		if e.Plugin == id {
			rows.Add(s.parkedRow(e))
		}
	}
	if len(rows.Objects) == 1 {
		return nil
	}
	return ui.Card(s.d.T("plugins.parked"), rows)
}

func (s *Screen) parkedRow(e *mostradorv1.ParkedEvent) fyne.CanvasObject {
	settle := func(err error) {
		if err != nil {
			s.d.Fail(s.d.Explain(err))
		}
		s.load()
		s.loadParked()
	}
	name := e.Plugin + " " + s.d.T("plugins.parked.row", "type", e.Event.GetType(), "seq", e.Event.GetSequence(), "name", e.Event.GetCustomer().GetName())
	retry := s.button("retry "+name, s.d.T("retry"), ui.Plain, func() {
		ui.Ask(s.d, s.d.Model.Events.RetryParked, &mostradorv1.RetryParkedRequest{Plugin: e.Plugin, Sequence: e.Event.GetSequence()},
			func(_ *mostradorv1.RetryParkedResponse, err error) { settle(err) })
	})
	discard := s.button("discard "+name, s.d.T("plugins.discard"), ui.Danger, func() {
		s.d.Confirm(s.d.T("plugins.discard"), s.d.T("plugins.discard.text"), s.d.T("plugins.discard"), func() {
			ui.Ask(s.d, s.d.Model.Events.DiscardParked, &mostradorv1.DiscardParkedRequest{Plugin: e.Plugin, Sequence: e.Event.GetSequence()},
				func(_ *mostradorv1.DiscardParkedResponse, err error) { settle(err) })
		})
	})
	title := ui.Cell(true)
	title.SetText(s.d.T("plugins.parked.row", "type", e.Event.GetType(), "seq", e.Event.GetSequence(), "name", e.Event.GetCustomer().GetName()))
	return ui.Frame(10, nil, nil, ui.Column(1, ui.Tight(title),
		ui.Tight(ui.Note(e.Error, widget.DangerImportance)),
		ui.Tight(ui.Note(s.d.T("plugins.parked.tries", "n", e.Attempts, "when", s.d.Text.DateTime(e.Time)), widget.LowImportance))),
		ui.Row(4, retry, discard), nil)
}
