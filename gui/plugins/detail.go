package plugins

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// Where a version came from, as the host names it.
const (
	fromProgram     = "program"
	fromDevelopment = "development"
)

// draw shows one plug-in: what it is and how it does, what it could not handle, what it may do, and its versions.
func (s *Screen) draw(p *mostradorv1.PluginInfo) {
	s.detail.Add(s.summary(p))
	if card := s.parkedCard(p.Id); card != nil {
		s.detail.Add(card)
	}
	s.detail.Add(s.permissions(p))
	s.detail.Add(s.versions(p))
}

func (s *Screen) summary(p *mostradorv1.PluginInfo) fyne.CanvasObject {
	badge := ui.NewBadge(s.state(p))
	origin := ui.NewBadge("", ui.Warn)
	if p.Development {
		origin.Set(s.d.T("plugins.development.badge"), ui.Warn)
	}
	facts := []string{p.Id, s.d.T("plugins.version", "version", p.Version)}
	if p.Active && p.Since != nil {
		facts = append(facts, s.d.T("plugins.since", "when", s.d.Text.DateTime(p.Since)))
	}
	if p.Pending > 0 {
		facts = append(facts, s.d.T("plugins.pending", "n", p.Pending))
	}
	if p.Restarts > 0 {
		facts = append(facts, s.d.T("plugins.restarts", "n", p.Restarts))
	}
	name := ui.Cell(true)
	name.SizeName = theme.SizeNameSubHeadingText
	name.SetText(p.Name)
	box := ui.Column(5,
		ui.Frame(10, nil, nil, ui.Tight(name), ui.Row(6, origin.Box, badge.Box), nil),
		ui.Tight(ui.Note(strings.Join(facts, "  ·  "), widget.LowImportance)))
	if p.Description != "" {
		box.Add(ui.Tight(ui.Words(p.Description)))
	}
	if p.State == mostradorv1.PluginState_PLUGIN_STATE_SET_ASIDE {
		text := ui.Words(s.d.T("plugins.aside"))
		text.Importance = widget.DangerImportance
		box.Add(ui.Panel(ui.ColorBadBg, 8, ui.Pad(12, 7, ui.Tight(text))))
	}
	if len(p.LastLog) > 0 {
		box.Add(ui.Gap(1))
		box.Add(ui.Caption(s.d.T("plugins.log")))
		box.Add(ui.Panel(ui.ColorQuietBg, 6, ui.Pad(2, 0, mono(strings.Join(p.LastLog, "\n")))))
	}
	if p.LogDropped > 0 {
		box.Add(ui.Tight(ui.Note(s.d.T("plugins.dropped", "n", p.LogDropped), widget.WarningImportance)))
	}
	for _, diag := range p.Health {
		box.Add(tinted(diag))
	}
	box.Add(ui.Gap(1))
	box.Add(s.commands(p))
	return ui.Card("", box)
}

// commands are the buttons of a plug-in.
func (s *Screen) commands(p *mostradorv1.PluginInfo) fyne.CanvasObject {
	row := ui.Row(8)
	add := func(name, text string, style ui.Style, tapped func()) {
		b := s.button(p.Id+" "+name, text, style, tapped)
		b.SetEnabled(s.busy != p.Id)
		row.Add(b)
	}
	if p.State == mostradorv1.PluginState_PLUGIN_STATE_SET_ASIDE {
		add("again", s.d.T("retry"), ui.Primary, func() { s.enable(p) })
	}
	if p.Active {
		add("toggle", s.d.T("plugins.disable"), ui.Plain, func() { s.disable(p) })
	} else {
		add("toggle", s.d.T("plugins.enable"), ui.Primary, func() { s.enable(p) })
	}
	add("logs", s.d.T("plugins.logs"), ui.Plain, func() { s.logs(p) })
	if !p.Active && removable(p) {
		add("remove", s.d.T("plugins.remove"), ui.Danger, func() { s.remove(p, "") })
	}
	return row
}

// removable tells whether a plug-in is a package that somebody installed.
func removable(p *mostradorv1.PluginInfo) bool {
	for _, v := range p.Versions {
		if v.Origin == fromProgram || v.Origin == fromDevelopment {
			return false
		}
	}
	return len(p.Versions) > 0
}

func mono(text string) *widget.Label {
	l := widget.NewLabel(text)
	l.TextStyle.Monospace = true
	l.SizeName = theme.SizeNameCaptionText
	l.Wrapping = fyne.TextWrapBreak
	return l
}

// permissions says in words what a plug-in may do, and what keeps it from doing more.
func (s *Screen) permissions(p *mostradorv1.PluginInfo) fyne.CanvasObject {
	box := ui.Column(7)
	for _, permission := range p.Granted {
		box.Add(s.permission(permission, false))
	}
	if len(p.Granted) == 0 {
		box.Add(ui.Text(s.d.T("plugins.may.nothing"), ui.SizeText, false, ui.ColorMuted))
	}
	if p.Sandbox != "" {
		box.Add(ui.Gap(1))
		box.Add(ui.Tight(ui.Note(s.d.T("plugins.sandbox", "what", p.Sandbox), widget.LowImportance)))
	}
	return ui.Card(s.d.T("plugins.may"), box)
}

// permission is one line of what a plug-in may do; a bar before it is amber where a person should think twice.
func (s *Screen) permission(p *mostradorv1.Permission, added bool) fyne.CanvasObject {
	row := ui.Row(6)
	if added {
		row.Add(ui.NewBadge(s.d.T("plugins.may.new"), ui.Good).Box)
	}
	ground := ui.ColorQuietBg
	if p.Sensitive {
		ground = theme.ColorNameWarning
		row.Add(ui.NewBadge(s.d.T("plugins.may.sensitive"), ui.Warn).Box)
	}
	bar := ui.Panel(ground, 2, ui.Least(4, 18, ui.Gap(0)))
	return ui.Frame(10, nil, ui.Row(0, bar), ui.Tight(ui.Words(p.Text)), row, nil)
}

// versions lists what stands side by side on this machine.
func (s *Screen) versions(p *mostradorv1.PluginInfo) fyne.CanvasObject {
	box := ui.Column(8)
	for _, v := range p.Versions {
		facts := []string{s.d.T("plugins.origin." + v.Origin)}
		if v.Signer != "" {
			facts = append(facts, s.d.T("plugins.signer", "name", v.Signer))
		}
		if v.Installed != nil {
			facts = append(facts, s.d.T("plugins.installed", "when", s.d.Text.DateTime(v.Installed)))
		}
		right := ui.Row(6)
		if v.InUse {
			right.Add(ui.NewBadge(s.d.T("plugins.inuse"), ui.Good).Box)
			right.Add(ui.Gap(3))
		} else {
			back := s.button(p.Id+" back "+v.Version, s.d.T("plugins.rollback"), ui.Plain, func() { s.rollback(p, v.Version) })
			back.SetEnabled(s.busy != p.Id)
			right.Add(back)
			if v.Origin != fromProgram {
				drop := s.button(p.Id+" drop "+v.Version, s.d.T("plugins.remove"), ui.Danger, func() { s.remove(p, v.Version) })
				drop.SetEnabled(s.busy != p.Id)
				right.Add(drop)
			}
		}
		box.Add(ui.Frame(8, nil, nil, ui.Column(1, ui.Text(v.Version, ui.SizeText, true, theme.ColorNameForeground),
			ui.Tight(ui.Note(strings.Join(facts, "  ·  "), widget.LowImportance))), right, nil))
	}
	return ui.Card(s.d.T("plugins.versions"), box)
}

// begin keeps a plug-in's buttons off while it is being changed.
func (s *Screen) begin(id string) {
	s.busy = id
	s.refresh()
}

// settled shows how a change went.
func (s *Screen) settled(err error, text string) {
	s.busy = ""
	if err != nil {
		s.refuse(err)
	} else {
		s.d.Say(text)
	}
	s.load()
}

func (s *Screen) enable(p *mostradorv1.PluginInfo) {
	s.begin(p.Id)
	ui.AskFor(s.d, changeLimit, s.d.Model.Plugins.Enable, &mostradorv1.EnablePluginRequest{Id: p.Id}, func(_ *mostradorv1.EnablePluginResponse, err error) {
		s.settled(err, s.d.T("plugins.enabled", "name", p.Name))
	})
}

func (s *Screen) disable(p *mostradorv1.PluginInfo) {
	s.d.Confirm(s.d.T("plugins.disable.title", "name", p.Name), s.d.T("plugins.disable.text"), s.d.T("plugins.disable"), func() {
		s.begin(p.Id)
		ui.AskFor(s.d, changeLimit, s.d.Model.Plugins.Disable, &mostradorv1.DisablePluginRequest{Id: p.Id}, func(_ *mostradorv1.DisablePluginResponse, err error) {
			s.settled(err, s.d.T("plugins.disabled", "name", p.Name))
		})
	})
}

func (s *Screen) rollback(p *mostradorv1.PluginInfo, version string) {
	s.d.Confirm(s.d.T("plugins.rollback.title", "name", p.Name, "version", version), s.d.T("plugins.rollback.text", "version", p.Version), s.d.T("plugins.rollback"), func() {
		s.begin(p.Id)
		ui.AskFor(s.d, changeLimit, s.d.Model.Plugins.Rollback, &mostradorv1.RollbackRequest{Id: p.Id, Version: version}, func(_ *mostradorv1.RollbackResponse, err error) {
			s.settled(err, s.d.T("plugins.rollback.done", "name", p.Name, "version", version))
		})
	})
}

// remove takes a version, or with none all of them, off the machine.
func (s *Screen) remove(p *mostradorv1.PluginInfo, version string) {
	title, text := s.d.T("plugins.remove.title", "name", p.Name), s.d.T("plugins.remove.text")
	if version != "" {
		title, text = s.d.T("plugins.remove.version.title", "name", p.Name, "version", version), s.d.T("plugins.remove.version.text")
	}
	s.d.Confirm(title, text, s.d.T("plugins.remove"), func() {
		s.begin(p.Id)
		ui.AskFor(s.d, changeLimit, s.d.Model.Plugins.Remove, &mostradorv1.RemoveRequest{Id: p.Id, Version: version}, func(_ *mostradorv1.RemoveResponse, err error) {
			s.settled(err, s.d.T("plugins.removed", "name", p.Name))
			s.d.Window.Canvas().Focus(s.list)
		})
	})
}
