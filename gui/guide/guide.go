// Package guide is Herramientas > Guía de Configuración: the tree of all settings at the left, found by words or
// by key, and at the right an editor that fits the setting's type. A value stands at a scope (till, store, chain);
// the editor shows what each says, sets one and takes one away. A value is kept only when the host accepts it;
// what is wrong is said at the field, and the value in force stays in force. What has been changed can be seen,
// reverted, written to a file, and taken over from one after its differences were shown.
package guide

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// The words of a search that the buttons beside it put in and take out.
const (
	onlyChanged = "@changed"
	onlyAside   = "@aside"
)

// Screen is the Configuration Guide.
type Screen struct {
	d       *ui.Desk
	content fyne.CanvasObject
	search  *ui.Entry
	changed *ui.Button
	aside   *ui.Button
	count   *canvas.Text
	bar     *fyne.Container
	tree    *ui.Tree
	none    *fyne.Container
	right   *fyne.Container

	settings map[string]*mostradorv1.Setting // those in the tree
	known    map[string]*mostradorv1.Setting // all that were ever in the tree, for names in histories
	order    []string                        // the keys in the tree, best first while searching
	children map[string][]string
	newest   ui.Latest
	opening  ui.Latest
	editor   *editor
	want     string
	opened   bool
	shown    bool
	// loading and enter remember an Enter that was quicker than the answer to the last letter.
	loading, enter bool
}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d, settings: map[string]*mostradorv1.Setting{}, known: map[string]*mostradorv1.Setting{}, children: map[string][]string{}}
	s.search = ui.NewEntry(d.T("guide.search"), func(string) { s.first() })
	s.search.OnChanged = func(string) { s.enter = false; s.filters(); s.load() }
	s.search.OnKey = func(ev *fyne.KeyEvent) bool {
		if ev.Name == fyne.KeyDown {
			d.Window.Canvas().Focus(s.tree)
			return true
		}
		return false
	}
	s.changed = ui.NewButton(d.T("guide.changed"), "", ui.Plain, func() { s.toggle(onlyChanged) })
	s.aside = ui.NewButton(d.T("guide.asides"), "", ui.Plain, func() { s.toggle(onlyAside) })
	s.aside.Hide()
	s.count = ui.Caption("")
	s.bar = ui.Row(2, s.changed, s.aside, ui.Spring(), s.count)
	s.tree = s.newTree()
	s.tree.OnSelected = func(id string) {
		if key, ok := strings.CutPrefix(id, leaf); ok {
			s.leave(key)
			return
		}
		s.tree.ToggleBranch(id)
		s.tree.UnselectAll()
	}
	s.none = container.NewCenter(ui.Text(d.T("guide.none"), ui.SizeText, false, ui.ColorMuted))
	s.none.Hide()
	s.right = container.NewStack()
	left := ui.Card("", ui.Frame(6, ui.Column(4, s.search, s.bar), nil, container.NewStack(s.tree, s.none), nil, nil))
	head := ui.Row(4, ui.Column(0, ui.Caption(d.T("menu.tools")+" >"), ui.Title(d.T("menu.guide"))), ui.Spring(),
		ui.NewButton(d.T("guide.import"), "", ui.Plain, s.take),
		ui.NewButton(d.T("guide.export"), "", ui.Plain, s.export),
		ui.NewButton(d.T("guide.history"), "F7", ui.Plain, s.changes))
	s.content = ui.Frame(14, head, nil, container.New(halves{}, left, s.right), nil, nil)
	s.blank()
	return s
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
		s.changes()
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
		if s.editor != nil && s.editor.setting.Key == c.Event.Id && !s.editor.dirty && !s.editor.busy {
			s.open(c.Event.Id)
		}
	}
}

// changes shows the history of the open setting, or of all.
func (s *Screen) changes() {
	key := ""
	if s.editor != nil {
		key = s.editor.setting.Key
	}
	s.history(key)
}

// toggle puts a word of the search in or takes it out.
func (s *Screen) toggle(word string) {
	words := strings.Fields(s.search.Text)
	if i := slices.Index(words, word); i >= 0 {
		words = slices.Delete(words, i, i+1)
	} else {
		words = slices.Insert(words, 0, word)
	}
	text := strings.Join(words, " ")
	if text != "" {
		text += " " // what is typed next is another word
	}
	s.search.SetText(text)
	s.search.CursorColumn = len([]rune(text))
	s.search.Refresh()
	s.d.Window.Canvas().Focus(s.search)
}

// filters shows on the buttons which words the search has.
func (s *Screen) filters() {
	words := strings.Fields(s.search.Text)
	for word, button := range map[string]*ui.Button{onlyChanged: s.changed, onlyAside: s.aside} {
		style := ui.Plain
		if slices.Contains(words, word) {
			style = ui.Primary
		}
		button.SetStyle(style)
	}
	s.bar.Refresh()
}

// load reads the settings that the search asks for. What is kept aside for plug-ins that are not there follows.
func (s *Screen) load() {
	current := s.newest.Next()
	query := strings.Join(strings.Fields(s.search.Text), " ")
	s.loading = true
	list := func(query string, then func([]*mostradorv1.Setting)) {
		req := &mostradorv1.ListSettingsRequest{Query: query, Language: s.d.Model.Language()}
		ui.Ask(s.d, s.d.Model.Settings.List, req, func(res *mostradorv1.ListSettingsResponse, err error) {
			switch {
			case !current():
			case err != nil:
				s.loading, s.enter = false, false
				s.d.Fail(s.d.Explain(err))
			default:
				then(res.Settings)
			}
		})
	}
	list(query, func(found []*mostradorv1.Setting) {
		if strings.Contains(query, onlyAside) {
			s.found(query, found)
			return
		}
		list(strings.TrimSpace(onlyAside+" "+query), func(more []*mostradorv1.Setting) { s.found(query, append(found, more...)) })
	})
}

// found shows what a search has found.
func (s *Screen) found(query string, settings []*mostradorv1.Setting) {
	enter := s.enter
	s.loading, s.enter = false, false
	s.plant(settings, query != "")
	if query == "" || strings.Contains(query, onlyAside) {
		aside := slices.ContainsFunc(settings, func(setting *mostradorv1.Setting) bool { return setting.Aside })
		visible(s.aside, aside || query != "")
	}
	s.count.Text = s.d.T("guide.count", "n", len(s.order))
	if len(s.order) == 1 {
		s.count.Text = s.d.T("guide.count.one")
	}
	s.bar.Refresh()
	switch {
	case s.want != "" && s.settings[s.want] != nil:
		want := s.want
		s.want = ""
		s.reveal(want)
	case enter:
		s.first()
	}
}

// first opens the best hit of the search.
func (s *Screen) first() {
	if s.loading {
		s.enter = true
		return
	}
	if query := strings.TrimSpace(s.search.Text); s.settings[query] != nil {
		s.reveal(query)
	} else if len(s.order) > 0 {
		s.reveal(s.order[0])
	}
}

// leave opens another setting; what has been typed and not saved is not thrown away without asking.
func (s *Screen) leave(key string) {
	if s.editor == nil || !s.editor.dirty || s.editor.setting.Key == key {
		s.open(key)
		return
	}
	d := s.d
	s.tree.UnselectAll()
	d.Confirm(d.T("guide.unsaved"), d.T("guide.unsaved.text", "name", s.editor.setting.Name), d.T("guide.unsaved.drop"), func() {
		s.editor.dirty = false
		if s.settings[key] != nil {
			s.reveal(key)
		}
	})
}

// open reads a setting and shows its editor.
func (s *Screen) open(key string) {
	current := s.opening.Next()
	if setting := s.settings[key]; setting.GetAside() {
		s.show(setting)
		return
	}
	ui.Ask(s.d, s.d.Model.Settings.Get, &mostradorv1.GetSettingRequest{Key: key, Language: s.d.Model.Language()}, func(res *mostradorv1.GetSettingResponse, err error) {
		switch {
		case !current():
		case err != nil:
			s.d.Fail(s.d.Explain(err))
		default:
			s.show(res.Setting)
		}
	})
}

// again reads everything again.
func (s *Screen) again() {
	s.load()
	if s.editor != nil {
		s.editor.dirty = false
		s.open(s.editor.setting.Key)
	}
}

// show puts the editor of a setting on the screen, at the scope where it was when it is the same setting.
func (s *Screen) show(setting *mostradorv1.Setting) {
	at := place{scope: scopeStore}
	if setting.Scope == scopeTill {
		at = place{scopeTill, s.d.Model.Till()}
	}
	if s.editor != nil && s.editor.setting.Key == setting.Key && s.editor.at.scope > scopeDefault {
		at = s.editor.at
	}
	if setting.Aside {
		s.editor = newAside(s.d, setting, func() {
			s.d.Say(s.d.T("guide.aside.removed", "name", setting.Key))
			s.blank()
			s.d.Window.Canvas().Focus(s.search)
			s.load()
		})
	} else {
		s.editor = newEditor(s.d, setting, at, func(changed *mostradorv1.Setting) {
			s.d.Say(s.d.T("guide.saved", "name", changed.Name))
			s.show(changed)
			s.load()
		})
	}
	s.right.Objects = []fyne.CanvasObject{s.editor.content}
	s.right.Refresh()
	if s.editor.placed != nil {
		s.editor.placed()
	}
	if s.shown && s.d.TopModal() == nil {
		s.editor.takeFocus()
	}
}
