// Package plugins is the screen Plug-ins: what is on this machine and how it does, one plug-in at a time; installing
// a package after its permissions were read, going back to another version, switching on and off, all while the tills
// work; what the active ones mean together, in words, and who prevails where they disagree; and the events that a
// plug-in could not handle.
package plugins

import (
	"cmp"
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// Screen is Plug-ins.
type Screen struct {
	d       *ui.Desk
	content *fyne.Container
	notices *fyne.Container // what concerns all plug-ins
	sync    *fyne.Container
	bar     *widget.ProgressBar
	done    *widget.Label
	list    *ui.List
	detail  *fyne.Container
	right   *container.Scroll

	plugins []*mostradorv1.PluginInfo
	parked  []*mostradorv1.ParkedEvent
	chosen  string // id of the plug-in that is shown
	busy    string // id of the plug-in that is being changed
	shown   bool
	newest  ui.Latest
	aside   ui.Latest
	buttons map[string]*ui.Button
}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d, buttons: map[string]*ui.Button{}}
	s.notices, s.detail = ui.Column(8), ui.Column(12)
	s.bar = widget.NewProgressBar()
	s.done = ui.Words("")
	s.sync = ui.Panel(ui.ColorQuietBg, 8, ui.Pad(12, 8, ui.Frame(14, nil, nil, ui.Middle(ui.Tight(s.done)), ui.Middle(ui.Exactly(240, ui.Least(0, 26, s.bar))), nil)))
	s.sync.Hide()
	s.list = ui.NewList(func() int { return len(s.plugins) }, newRow, s.update, s.choose)
	s.list.OnMove = s.choose
	check := ui.NewButton(d.T("plugins.check"), "", ui.Plain, s.check)
	why := ui.NewButton(d.T("plugins.why.short"), "F5", ui.Plain, func() { s.why(governed) })
	install := ui.NewButton(d.T("plugins.install"), "F7", ui.Primary, s.pick)
	head := ui.Row(8, ui.Title(d.T("menu.plugins")), ui.Spring(), check, why, install)
	s.right = ui.Scrolled(s.detail)
	body := ui.Frame(14, nil, ui.Exactly(268, ui.Panelled(s.list)), s.right, nil, nil)
	s.content = ui.Frame(12, ui.Column(12, head, s.notices, s.sync), nil, body, nil, nil)
	return s
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen; arg may be the id of a plug-in. A package that is dropped on the window is inspected.
func (s *Screen) Show(arg string) {
	s.shown = true
	if arg != "" {
		s.chosen = arg
	}
	s.d.Window.SetOnDropped(func(_ fyne.Position, files []fyne.URI) {
		if len(files) == 1 && s.d.TopModal() == nil {
			s.inspect(files[0].Path())
		}
	})
	s.d.Window.Canvas().Focus(s.list)
	s.load()
	s.loadParked()
}

// Hide implements ui.Screen.
func (s *Screen) Hide() {
	s.shown = false
	s.d.Window.SetOnDropped(nil)
}

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	switch ev.Name {
	case fyne.KeyF5:
		s.why(governed)
	case fyne.KeyF7:
		s.pick()
	default:
		return
	}
	ui.Take(ev)
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind != model.StoreChanged {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_PARKED:
		s.load()
		s.loadParked()
	case mostradorv1.WatchResponse_KIND_PLUGIN, mostradorv1.WatchResponse_KIND_SYNC, mostradorv1.WatchResponse_KIND_SETTING:
		s.load()
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

func (s *Screen) show(res *mostradorv1.ListPluginsResponse) {
	s.plugins = res.Plugins
	if s.at(s.chosen) < 0 {
		s.chosen = ""
		if len(s.plugins) > 0 {
			s.chosen = slices.MaxFunc(s.plugins, func(a, b *mostradorv1.PluginInfo) int { return cmp.Compare(trouble(a), trouble(b)) }).Id
		}
	}
	s.notices.RemoveAll()
	if names := developed(s.plugins); names != "" {
		text := ui.Words(s.d.T("plugins.development", "names", names))
		text.Importance, text.TextStyle.Bold = widget.WarningImportance, true
		s.notices.Add(notice(ui.ColorWarnBg, nil, text))
	}
	for _, c := range res.Conflicts {
		s.notices.Add(s.conflict(c))
	}
	if p := res.Sync; p.GetRunning() {
		s.bar.Max = float64(max(1, p.Total))
		s.bar.SetValue(float64(p.Done))
		s.done.SetText(s.d.T("plugins.sync.text", "done", p.Done, "total", p.Total, "changed", p.Changed))
		s.sync.Show()
	} else {
		s.sync.Hide()
	}
	s.list.Refresh()
	if i := s.at(s.chosen); i >= 0 {
		s.list.Put(i)
	}
	s.refresh()
}

// refresh draws the plug-in that is chosen.
func (s *Screen) refresh() {
	s.detail.RemoveAll()
	if i := s.at(s.chosen); i >= 0 {
		s.draw(s.plugins[i])
	} else {
		s.detail.Add(ui.Card("", ui.Tight(ui.Words(s.d.T("plugins.none")))))
	}
	s.content.Refresh()
}

func (s *Screen) at(id string) int {
	return slices.IndexFunc(s.plugins, func(p *mostradorv1.PluginInfo) bool { return p.Id == id })
}

// choose shows another plug-in.
func (s *Screen) choose(row int) {
	if row >= len(s.plugins) || s.plugins[row].Id == s.chosen {
		return
	}
	s.chosen = s.plugins[row].Id
	s.list.Put(row)
	s.right.ScrollToTop()
	s.refresh()
}

// trouble ranks how much a plug-in needs somebody to look at it.
func trouble(p *mostradorv1.PluginInfo) int {
	switch {
	case p.State == mostradorv1.PluginState_PLUGIN_STATE_SET_ASIDE:
		return 3
	case p.State == mostradorv1.PluginState_PLUGIN_STATE_RESTARTING || p.Parked > 0:
		return 2
	case unwell(p):
		return 1
	}
	return 0
}

// unwell tells whether the last check found an error.
func unwell(p *mostradorv1.PluginInfo) bool {
	return slices.ContainsFunc(p.Health, func(d *plgv1.Diagnostic) bool { return d.Severity == plgv1.Severity_SEVERITY_ERROR })
}

func developed(list []*mostradorv1.PluginInfo) string {
	var names []string
	for _, p := range list {
		if p.Development {
			names = append(names, p.Name)
		}
	}
	return strings.Join(names, ", ")
}

// row is one line of the list: name and state, and below what it is or what is the matter.
type row struct {
	name  *widget.Label
	below *widget.Label
	badge *ui.Badge
}

func (r *row) MinSize(o []fyne.CanvasObject) fyne.Size      { return o[0].MinSize() }
func (r *row) Layout(o []fyne.CanvasObject, size fyne.Size) { o[0].Resize(size) }

func newRow() fyne.CanvasObject {
	r := &row{name: ui.Cell(true), below: ui.Cell(false), badge: ui.NewBadge(" ", ui.Quiet)}
	r.below.SizeName = theme.SizeNameCaptionText
	return container.New(r, ui.Pad(10, 9, ui.Column(1,
		ui.Tight(r.name), ui.Frame(6, nil, nil, ui.Middle(ui.Tight(r.below)), ui.Row(0, r.badge.Box), nil))))
}

func (s *Screen) update(i int, o fyne.CanvasObject) {
	if i >= len(s.plugins) {
		return
	}
	p, r := s.plugins[i], o.(*fyne.Container).Layout.(*row)
	r.name.SetText(p.Name)
	r.badge.Set(s.state(p))
	r.below.Importance = widget.LowImportance
	text := p.Id + " · " + p.Version
	switch {
	case p.Parked > 0:
		r.below.Importance, text = widget.WarningImportance, s.d.T("plugins.parked.n", "n", p.Parked)
	case unwell(p):
		r.below.Importance, text = widget.WarningImportance, s.d.T("plugins.unwell")
	case p.Development:
		text += " · " + s.d.T("plugins.origin.development")
	}
	r.below.SetText(text)
	o.Refresh()
}

// state is a plug-in's state in a word and its tone.
func (s *Screen) state(p *mostradorv1.PluginInfo) (string, ui.Tone) {
	tone := map[mostradorv1.PluginState]ui.Tone{
		mostradorv1.PluginState_PLUGIN_STATE_RUNNING:    ui.Good,
		mostradorv1.PluginState_PLUGIN_STATE_STARTING:   ui.Warn,
		mostradorv1.PluginState_PLUGIN_STATE_RESTARTING: ui.Warn,
		mostradorv1.PluginState_PLUGIN_STATE_SET_ASIDE:  ui.Bad,
	}[p.State]
	return s.d.T("plugin." + p.State.String()), tone
}

// button is the button of that name: it stays the same through every refresh, as the focus may be on it.
func (s *Screen) button(name, text string, style ui.Style, tapped func()) *ui.Button {
	b := s.buttons[name]
	if b == nil {
		b = ui.NewButton("", "", style, nil)
		s.buttons[name] = b
	}
	b.SetText(text)
	b.SetStyle(style)
	b.OnTapped = tapped
	return b
}

// notice is a line on a coloured ground, with a badge before it and buttons behind, when given.
func notice(ground fyne.ThemeColorName, badge *ui.Badge, text *widget.Label, buttons ...fyne.CanvasObject) fyne.CanvasObject {
	return ui.Panel(ground, 8, ui.Pad(12, 8, line(badge, text, buttons...)))
}

// line is text with a badge before it and buttons behind, when given.
func line(badge *ui.Badge, text *widget.Label, buttons ...fyne.CanvasObject) fyne.CanvasObject {
	var left, right fyne.CanvasObject
	if badge != nil {
		left = ui.Row(0, badge.Box)
	}
	if len(buttons) > 0 {
		right = ui.Row(6, buttons...)
	}
	return ui.Frame(10, nil, left, ui.Middle(ui.Tight(text)), right, nil)
}

// tinted is a note on a ground of its own: what is wrong, or to be known.
func tinted(diag *plgv1.Diagnostic) fyne.CanvasObject {
	ground, weight := ui.ColorQuietBg, widget.MediumImportance
	switch diag.Severity {
	case plgv1.Severity_SEVERITY_ERROR, plgv1.Severity_SEVERITY_UNSPECIFIED:
		ground, weight = ui.ColorBadBg, widget.DangerImportance
	case plgv1.Severity_SEVERITY_WARNING:
		ground, weight = ui.ColorWarnBg, widget.WarningImportance
	}
	text := ui.Words(ui.Sentence(diag))
	text.Importance = weight
	return ui.Panel(ground, 8, ui.Pad(12, 7, ui.Tight(text)))
}
