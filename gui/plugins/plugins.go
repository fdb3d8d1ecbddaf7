// Package plugins is the screen Plug-ins: what is active and how it does, switched on and off at run time; what
// the active ones mean together, in words; and the events that a plugin could not handle.
package plugins

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// governed is the target whose rules the screen explains (seed 000).
const governed = "customer.aplica_promociones"

// Screen is Plug-ins.
type Screen struct {
	d       *ui.Desk
	content fyne.CanvasObject
	cards   *fyne.Container
	sync    *fyne.Container
	bar     *widget.ProgressBar
	done    *widget.Label
	clash   *fyne.Container
	parked  *fyne.Container
	busy    string
	shown   bool
	newest  ui.Latest
	aside   ui.Latest
	buttons map[string]*ui.Button
}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d, buttons: map[string]*ui.Button{}}
	s.cards, s.clash, s.parked = ui.Column(12), ui.Column(8), ui.Column(8)
	s.bar = widget.NewProgressBar()
	s.done = ui.Words("")
	s.sync = ui.Card(d.T("plugins.sync"), ui.Column(4, ui.Tight(s.done), s.bar))
	s.sync.Hide()
	why := ui.NewButton(d.T("plugins.why"), "F5", ui.Plain, s.why)
	head := ui.Row(8, ui.Title(d.T("menu.plugins")), ui.Spring(), why)
	s.content = ui.Frame(16, head, nil, ui.Scrolled(ui.Column(14, s.clash, s.sync, s.cards, s.parked)), nil, nil)
	return s
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen.
func (s *Screen) Show(string) { s.shown = true; s.load(); s.loadParked() }

// Hide implements ui.Screen.
func (s *Screen) Hide() { s.shown = false }

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	if ev.Name == fyne.KeyF5 {
		s.why()
		ui.Take(ev)
	}
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind != model.StoreChanged {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_PLUGIN, mostradorv1.WatchResponse_KIND_SYNC:
		s.load()
	case mostradorv1.WatchResponse_KIND_PARKED:
		s.load()
		s.loadParked()
	}
}

func (s *Screen) load() {
	current := s.newest.Next()
	ui.Ask(s.d, s.d.Model.Plugins.List, &mostradorv1.ListPluginsRequest{Language: s.d.Model.Language()}, func(res *mostradorv1.ListPluginsResponse, err error) {
		if !current() {
			return
		}
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.show(res)
	})
}

// word is a plugin's state in words.
func (s *Screen) word(p *mostradorv1.PluginInfo) (string, ui.Tone) {
	tone := map[mostradorv1.PluginState]ui.Tone{
		mostradorv1.PluginState_PLUGIN_STATE_RUNNING:    ui.Good,
		mostradorv1.PluginState_PLUGIN_STATE_STARTING:   ui.Warn,
		mostradorv1.PluginState_PLUGIN_STATE_RESTARTING: ui.Warn,
		mostradorv1.PluginState_PLUGIN_STATE_SET_ASIDE:  ui.Bad,
	}[p.State]
	return s.d.T("plugin." + p.State.String()), tone
}

func (s *Screen) show(res *mostradorv1.ListPluginsResponse) {
	s.clash.RemoveAll()
	for _, c := range res.Conflicts {
		text := ui.Words(s.d.T("plugins.conflict", "target", c.Target, "text", c.Explanation))
		text.Importance = widget.WarningImportance
		s.clash.Add(ui.Panel(ui.ColorWarnBg, 8, ui.Pad(10, 4, text)))
	}
	if p := res.Sync; p.GetRunning() {
		s.bar.Max = float64(max(1, p.Total))
		s.bar.SetValue(float64(p.Done))
		s.done.SetText(s.d.T("plugins.sync.text", "done", p.Done, "total", p.Total, "changed", p.Changed))
		s.sync.Show()
	} else {
		s.sync.Hide()
	}
	s.cards.RemoveAll()
	for _, p := range res.Plugins {
		s.cards.Add(s.card(p))
	}
	if len(res.Plugins) == 0 {
		s.cards.Add(ui.Card("", ui.Words(s.d.T("plugins.none"))))
	}
	s.content.Refresh()
	if s.shown && len(res.Plugins) > 0 && s.d.Window.Canvas().Focused() == nil && s.d.TopModal() == nil {
		s.d.Window.Canvas().Focus(s.buttons[res.Plugins[0].Id])
	}
}

func (s *Screen) card(p *mostradorv1.PluginInfo) fyne.CanvasObject {
	word, tone := s.word(p)
	// The same button stays through every refresh: the focus may be on it, or come back to it.
	toggle := s.buttons[p.Id]
	if toggle == nil {
		toggle = ui.NewButton("", "", ui.Plain, nil)
		s.buttons[p.Id] = toggle
	}
	if p.Active {
		toggle.SetText(s.d.T("plugins.disable"))
		toggle.SetStyle(ui.Plain)
		toggle.OnTapped = func() { s.disable(p) }
	} else {
		toggle.SetText(s.d.T("plugins.enable"))
		toggle.SetStyle(ui.Primary)
		toggle.OnTapped = func() { s.enable(p) }
	}
	toggle.SetEnabled(s.busy != p.Id)
	again := fyne.CanvasObject(ui.Gap(0))
	if p.State == mostradorv1.PluginState_PLUGIN_STATE_SET_ASIDE {
		again = ui.NewButton(s.d.T("retry"), "", ui.Primary, func() { s.enable(p) })
	}
	facts := []string{p.Id, s.d.T("plugins.version", "version", p.Version)}
	if p.Active && p.Since != nil {
		facts = append(facts, s.d.T("plugins.since", "when", s.d.Text.DateTime(p.Since)))
	}
	if p.Pending > 0 {
		facts = append(facts, s.d.T("plugins.pending", "n", p.Pending))
	}
	if p.Parked > 0 {
		facts = append(facts, s.d.T("plugins.parked.n", "n", p.Parked))
	}
	if p.Restarts > 0 {
		facts = append(facts, s.d.T("plugins.restarts", "n", p.Restarts))
	}
	name := ui.Text(p.Name, ui.SizeHeading, true, theme.ColorNameForeground)
	box := ui.Column(3,
		ui.Row(10, name, ui.NewBadge(word, tone).Box, ui.Spring(), again, toggle),
		ui.Caption(strings.Join(facts, "   ·   ")),
		ui.Tight(ui.Words(p.Description)))
	if len(p.LastLog) > 0 {
		log := widget.NewLabel(strings.Join(p.LastLog, "\n"))
		log.TextStyle.Monospace = true
		log.SizeName = theme.SizeNameCaptionText
		log.Wrapping = fyne.TextWrapBreak
		box.Add(ui.Gap(2))
		box.Add(ui.Caption(s.d.T("plugins.log")))
		box.Add(ui.Panel(ui.ColorQuietBg, 6, ui.Pad(2, 0, log)))
	}
	return ui.Card("", box)
}

func (s *Screen) enable(p *mostradorv1.PluginInfo) {
	s.busy = p.Id
	s.buttons[p.Id].Disable()
	ui.Ask(s.d, s.d.Model.Plugins.Enable, &mostradorv1.EnablePluginRequest{Id: p.Id}, func(_ *mostradorv1.EnablePluginResponse, err error) {
		s.settled(err, s.d.T("plugins.enabled", "name", p.Name))
	})
}

func (s *Screen) disable(p *mostradorv1.PluginInfo) {
	s.d.Confirm(s.d.T("plugins.disable.title", "name", p.Name), s.d.T("plugins.disable.text"), s.d.T("plugins.disable"), func() {
		s.busy = p.Id
		ui.Ask(s.d, s.d.Model.Plugins.Disable, &mostradorv1.DisablePluginRequest{Id: p.Id}, func(_ *mostradorv1.DisablePluginResponse, err error) {
			s.settled(err, s.d.T("plugins.disabled", "name", p.Name))
		})
	})
}

func (s *Screen) settled(err error, text string) {
	s.busy = ""
	if err != nil {
		s.d.Fail(s.d.Explain(err))
	} else {
		s.d.Say(text)
	}
	s.load()
}

// why explains what governs "Aplica para Promociones".
func (s *Screen) why() {
	if s.d.TopModal() != nil {
		return
	}
	ui.Ask(s.d, s.d.Model.Plugins.Why, &mostradorv1.WhyRequest{Target: governed, Language: s.d.Model.Language()}, func(res *mostradorv1.WhyResponse, err error) {
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		box := ui.Column(6, ui.Tight(ui.Words(res.Explanation)))
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
		var m *ui.Modal
		ok := ui.NewButton(s.d.T("close"), "Esc", ui.Primary, func() { m.Close() })
		m = s.d.NewModal(s.d.T("plugins.why"), 620, box, ok, ok)
		m.Fit()
	})
}

func (s *Screen) loadParked() {
	current := s.aside.Next()
	ui.Ask(s.d, s.d.Model.Events.Parked, &mostradorv1.ParkedRequest{}, func(res *mostradorv1.ParkedResponse, err error) {
		if err != nil || !current() {
			return
		}
		s.parked.RemoveAll()
		if len(res.Events) > 0 {
			rows := ui.Column(8, ui.Tight(ui.Words(s.d.T("plugins.parked.text"))))
			for _, e := range res.Events {
				rows.Add(s.parkedRow(e))
			}
			s.parked.Add(ui.Card(s.d.T("plugins.parked"), rows))
		}
		s.content.Refresh()
	})
}

func (s *Screen) parkedRow(e *mostradorv1.ParkedEvent) fyne.CanvasObject {
	settle := func(err error) {
		if err != nil {
			s.d.Fail(s.d.Explain(err))
		}
		s.load()
		s.loadParked()
	}
	retry := ui.NewButton(s.d.T("retry"), "", ui.Plain, func() {
		ui.Ask(s.d, s.d.Model.Events.RetryParked, &mostradorv1.RetryParkedRequest{Plugin: e.Plugin, Sequence: e.Event.GetSequence()},
			func(_ *mostradorv1.RetryParkedResponse, err error) { settle(err) })
	})
	discard := ui.NewButton(s.d.T("plugins.discard"), "", ui.Danger, func() {
		s.d.Confirm(s.d.T("plugins.discard"), s.d.T("plugins.discard.text"), s.d.T("plugins.discard"), func() {
			ui.Ask(s.d, s.d.Model.Events.DiscardParked, &mostradorv1.DiscardParkedRequest{Plugin: e.Plugin, Sequence: e.Event.GetSequence()},
				func(_ *mostradorv1.DiscardParkedResponse, err error) { settle(err) })
		})
	})
	title := s.d.T("plugins.parked.row", "plugin", e.Plugin, "seq", e.Event.GetSequence(), "type", e.Event.GetType(), "name", e.Event.GetCustomer().GetName())
	return ui.Frame(10, nil, nil, ui.Column(0, ui.Text(title, ui.SizeText, true, theme.ColorNameForeground),
		ui.Tight(ui.Note(e.Error, widget.DangerImportance)),
		ui.Caption(s.d.T("plugins.parked.tries", "n", e.Attempts, "when", s.d.Text.DateTime(e.Time)))),
		ui.Row(4, retry, discard), nil)
}
