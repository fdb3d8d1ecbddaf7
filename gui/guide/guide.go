// Package guide is Herramientas > Guía de Configuración: the tree of all settings at the left, found by words or
// by key, and at the right an editor that fits the setting's type. A value is kept only when the host accepts
// it; what is wrong is said at the field, and the value in force stays in force.
package guide

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// Screen is the Configuration Guide.
type Screen struct {
	d       *ui.Desk
	content fyne.CanvasObject
	search  *ui.Entry
	tree    *ui.Tree
	none    *fyne.Container
	right   *fyne.Container

	settings map[string]*mostradorv1.Setting
	children map[string][]string
	newest   ui.Latest
	editor   *editor
	want     string
	opened   bool
	shown    bool
	// loading and enter remember an Enter that was quicker than the answer to the last letter.
	loading, enter bool
}

// node ids: "" is the root, "/A/B" a branch, "#KEY" a setting.
const leaf = "#"

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d, settings: map[string]*mostradorv1.Setting{}, children: map[string][]string{}}
	s.search = ui.NewEntry(d.T("guide.search"), func(string) { s.first() })
	s.search.OnChanged = func(string) { s.enter = false; s.load() }
	s.search.OnKey = func(ev *fyne.KeyEvent) bool {
		if ev.Name == fyne.KeyDown {
			d.Window.Canvas().Focus(s.tree)
			return true
		}
		return false
	}
	s.tree = ui.NewTree(func(id string) []string { return s.children[id] },
		func(id string) bool { return !strings.HasPrefix(id, leaf) },
		newNode,
		func(id string, branch bool, o fyne.CanvasObject) {
			label := o.(*fyne.Container).Objects[0].(*widget.Label)
			text := id[strings.LastIndexByte(id, '/')+1:]
			if !branch {
				text = s.settings[strings.TrimPrefix(id, leaf)].GetName()
			}
			label.SetText(text)
			o.Refresh()
		})
	s.tree.OnSelected = func(id string) {
		if key, ok := strings.CutPrefix(id, leaf); ok {
			s.open(key)
			return
		}
		s.tree.ToggleBranch(id)
		s.tree.UnselectAll()
	}
	s.none = container.NewCenter(ui.Text(d.T("guide.none"), ui.SizeText, false, ui.ColorMuted))
	s.none.Hide()
	s.right = container.NewStack()
	left := ui.Card("", ui.Frame(8, s.search, nil, container.NewStack(s.tree, s.none), nil, nil))
	history := ui.NewButton(d.T("guide.history"), "F7", ui.Plain, func() { s.history() })
	head := ui.Row(8, ui.Column(0, ui.Caption(d.T("menu.tools")+" >"), ui.Title(d.T("menu.guide"))), ui.Spring(), history)
	s.content = ui.Frame(14, head, ui.Exactly(344, left), ui.Pad(10, 0, s.right), nil, nil)
	s.blank()
	return s
}

// newNode is a line of the tree; the name of a setting may take two.
func newNode(branch bool) fyne.CanvasObject {
	label := widget.NewLabel("")
	label.Wrapping = fyne.TextWrapWord
	label.TextStyle.Bold = branch
	if !branch {
		label.SizeName = theme.SizeNameCaptionText
	}
	return container.New(&nodeLayout{branch}, label)
}

// nodeLayout centres the wrapped name in a line of fixed height.
type nodeLayout struct{ branch bool }

func (n *nodeLayout) MinSize([]fyne.CanvasObject) fyne.Size {
	if n.branch {
		return fyne.NewSize(40, 30)
	}
	return fyne.NewSize(40, 38)
}

func (n *nodeLayout) Layout(o []fyne.CanvasObject, size fyne.Size) {
	shift := float32(6)
	if !n.branch {
		shift = 26 // a leaf has no arrow that it would have to leave room for
	}
	width := size.Width + shift + 6
	o[0].Resize(fyne.NewSize(width, size.Height))
	h := o[0].MinSize().Height
	o[0].Resize(fyne.NewSize(width, h))
	o[0].Move(fyne.NewPos(-shift, (size.Height-h)/2))
}

func (s *Screen) blank() {
	s.editor = nil
	s.right.Objects = []fyne.CanvasObject{container.NewCenter(ui.Text(s.d.T("guide.choose"), ui.SizeText, false, ui.ColorMuted))}
	s.right.Refresh()
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen; arg is the key of a setting to open.
func (s *Screen) Show(arg string) {
	s.want, s.shown = arg, true
	s.load()
	s.d.Window.Canvas().Focus(s.search)
}

// Hide implements ui.Screen.
func (s *Screen) Hide() { s.shown = false }

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	switch {
	case ev.Name == fyne.KeyF5 && s.editor != nil:
		s.editor.save()
	case ev.Name == fyne.KeyF7:
		s.history()
	case ev.Name == fyne.KeyEscape && s.search.Text != "":
		s.search.SetText("")
		s.d.Window.Canvas().Focus(s.search)
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
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_PLUGIN:
		s.load()
	case mostradorv1.WatchResponse_KIND_SETTING:
		s.load()
		if s.editor != nil && s.editor.setting.Key == c.Event.Id && !s.editor.dirty {
			s.open(c.Event.Id)
		}
	}
}

func (s *Screen) load() {
	current := s.newest.Next()
	query := strings.TrimSpace(s.search.Text)
	s.loading = true
	ui.Ask(s.d, s.d.Model.Settings.List, &mostradorv1.ListSettingsRequest{Query: query, Language: s.d.Model.Language()}, func(res *mostradorv1.ListSettingsResponse, err error) {
		if !current() {
			return
		}
		enter := s.enter
		s.loading, s.enter = false, false
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.plant(res.Settings, query != "")
		if s.want != "" && s.settings[s.want] != nil {
			want := s.want
			s.want = ""
			s.reveal(want)
		} else if enter {
			s.first()
		}
	})
}

// plant builds the tree from the settings' paths, in the order of the catalogue.
func (s *Screen) plant(settings []*mostradorv1.Setting, searching bool) {
	s.settings, s.children = map[string]*mostradorv1.Setting{}, map[string][]string{}
	for _, setting := range settings {
		s.settings[setting.Key] = setting
		at := ""
		for _, name := range setting.Path {
			next := at + "/" + strings.ReplaceAll(name, "/", "∕")
			if !slices.Contains(s.children[at], next) {
				s.children[at] = append(s.children[at], next)
			}
			at = next
		}
		s.children[at] = append(s.children[at], leaf+setting.Key)
	}
	if len(settings) == 0 {
		s.none.Show()
	} else {
		s.none.Hide()
	}
	s.tree.Refresh()
	if searching || !s.opened {
		s.tree.OpenAllBranches()
		s.opened = len(settings) > 0
	}
	s.tree.Refresh()
}

// first opens the first hit of the search.
func (s *Screen) first() {
	if s.loading {
		s.enter = true
		return
	}
	query := strings.TrimSpace(s.search.Text)
	if s.settings[query] != nil {
		s.reveal(query)
		return
	}
	at := ""
	for {
		below := s.children[at]
		if len(below) == 0 {
			return
		}
		if key, ok := strings.CutPrefix(below[0], leaf); ok {
			s.reveal(key)
			return
		}
		at = below[0]
	}
}

// reveal opens a setting and its branches.
func (s *Screen) reveal(key string) {
	at := ""
	for _, name := range s.settings[key].GetPath() {
		at += "/" + strings.ReplaceAll(name, "/", "∕")
		s.tree.OpenBranch(at)
	}
	s.tree.UnselectAll()
	s.tree.Select(leaf + key)
	s.tree.ScrollTo(leaf + key)
}

// open reads a setting and shows its editor.
func (s *Screen) open(key string) {
	ui.Ask(s.d, s.d.Model.Settings.Get, &mostradorv1.GetSettingRequest{Key: key, Language: s.d.Model.Language()}, func(res *mostradorv1.GetSettingResponse, err error) {
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.show(res.Setting)
		if s.shown && s.d.TopModal() == nil {
			s.d.Window.Canvas().Focus(s.editor.focus)
		}
	})
}

func (s *Screen) show(setting *mostradorv1.Setting) {
	s.editor = newEditor(s.d, setting, func(changed *mostradorv1.Setting) {
		s.d.Say(s.d.T("guide.saved", "name", changed.Name))
		s.show(changed)
		if s.shown {
			s.d.Window.Canvas().Focus(s.editor.focus)
		}
		s.load()
	})
	s.right.Objects = []fyne.CanvasObject{s.editor.content}
	s.right.Refresh()
	if s.editor.placed != nil {
		s.editor.placed()
	}
}

// history shows the changes of the open setting, or of all, each of which can be reverted.
func (s *Screen) history() {
	if s.d.TopModal() != nil {
		return
	}
	key, title := "", s.d.T("guide.history.all")
	if s.editor != nil {
		key, title = s.editor.setting.Key, s.d.T("guide.history.of", "name", s.editor.setting.Name)
	}
	ui.Ask(s.d, s.d.Model.Settings.History, &mostradorv1.SettingHistoryRequest{Key: key, Limit: 50}, func(res *mostradorv1.SettingHistoryResponse, err error) {
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		var m *ui.Modal
		rows := ui.Column(2)
		for _, c := range res.Changes {
			rows.Add(s.change(c, key == "", func() { m.Close() }))
			rows.Add(widget.NewSeparator())
		}
		if len(res.Changes) == 0 {
			rows.Add(ui.Words(s.d.T("guide.history.none")))
		}
		done := ui.NewButton(s.d.T("close"), "Esc", ui.Primary, func() { m.Close() })
		scroll := container.NewVScroll(rows)
		scroll.SetMinSize(fyne.NewSize(720, min(420, max(120, float32(len(res.Changes))*76))))
		m = s.d.NewModal(title, 760, scroll, done, done)
	})
}

func (s *Screen) change(c *mostradorv1.SettingChange, named bool, closed func()) fyne.CanvasObject {
	who := s.d.T("guide.change", "when", s.d.Text.DateTime(c.Time), "who", strings.Trim(c.Operator+" · "+c.Till, " ·"))
	if named {
		who = c.Key + "  ·  " + who
	}
	revert := ui.NewButton(s.d.T("guide.revert"), "", ui.Plain, func() {
		ui.Ask(s.d, s.d.Model.Settings.Revert, &mostradorv1.RevertSettingRequest{Key: c.Key, Sequence: c.Sequence}, func(res *mostradorv1.RevertSettingResponse, err error) {
			if err != nil {
				s.d.Fail(s.d.Explain(err))
				return
			}
			closed()
			s.d.Say(s.d.T("guide.reverted", "name", res.Setting.Name))
			s.reveal(c.Key)
			s.open(c.Key)
			s.load()
		})
	})
	text := ui.Cell(false)
	text.SetText(s.d.T("guide.fromto", "from", short(Show(s.d, c.From)), "to", short(Show(s.d, c.To))))
	return ui.Frame(8, nil, nil, ui.Column(2, ui.Caption(who), ui.Tight(text)), revert, nil)
}

func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 60 {
		return string(r[:57]) + "..."
	}
	return s
}
