// Package integrations is Bandeja de salida > Integraciones, for technicians: the events that other systems may tell
// the store, with their schema and an example; the keys that let those systems in; and the webhooks by which the store
// tells others, with what came of each call. What is secret is shown once, when it is made, to be copied.
package integrations

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// part is one of the three lists.
type part struct {
	box     fyne.CanvasObject
	appear  func()
	vanish  func()
	load    func()
	escape  func() bool
	create  func()
	newName string
}

// shelved makes a part of a shelf.
func shelved[T any](s *ui.Shelf[T], newName string, create func()) part {
	return part{box: s.Box, appear: s.Appear, vanish: s.Vanish, load: func() { s.Load(nil) }, escape: s.Escape, create: create, newName: newName}
}

// Screen is Integraciones.
type Screen struct {
	d        *ui.Desk
	content  fyne.CanvasObject
	bar      *ui.Tabs
	body     *fyne.Container
	fresh    *ui.Button
	head     *fyne.Container
	parts    []part
	types    *ui.Shelf[*mostradorv1.EventType]
	keys     *ui.Shelf[*mostradorv1.IntegrationKey]
	webhooks *ui.Shelf[*mostradorv1.Webhook]
}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d}
	s.types, s.keys, s.webhooks = s.newTypes(), s.newKeys(), s.newWebhooks()
	s.parts = []part{shelved(s.types, d.T("integrations.type.new"), func() { s.editType(&mostradorv1.EventType{}) }),
		shelved(s.keys, d.T("integrations.key.new"), s.createKey),
		shelved(s.webhooks, d.T("integrations.webhook.new"), func() { s.editWebhook(&mostradorv1.Webhook{Enabled: true}) })}
	s.bar = ui.NewTabs([]string{d.T("integrations.types"), d.T("integrations.keys"), d.T("integrations.webhooks")}, s.turn)
	s.fresh = ui.NewButton(s.parts[0].newName, "F5", ui.Primary, s.create)
	s.body = container.NewStack(s.parts[0].box)
	s.head = ui.Row(8, ui.Title(d.T("area.integrations")), ui.Gap(6), s.bar.Box, ui.Spring(), s.fresh)
	s.content = ui.Frame(12, s.head, nil, s.body, nil, nil)
	return s
}

func (s *Screen) turn(at int) {
	for i, p := range s.parts {
		if i != at {
			p.vanish()
		}
	}
	s.fresh.SetText(s.parts[at].newName)
	s.head.Refresh()
	s.body.Objects = []fyne.CanvasObject{s.parts[at].box}
	s.body.Refresh()
	s.parts[at].appear()
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen.
func (s *Screen) Show(string) { s.turn(s.bar.At()) }

// Hide implements ui.Screen.
func (s *Screen) Hide() {
	for _, p := range s.parts {
		p.vanish()
	}
}

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	switch {
	case ev.Name == fyne.KeyF5:
		s.create()
	case ev.Name == fyne.KeyEscape && s.parts[s.bar.At()].escape():
	default:
		return
	}
	ui.Take(ev)
}

// Shortcut implements ui.Shortcutter: Alt with a figure goes to a part, Ctrl+Tab to the next screen about messages.
func (s *Screen) Shortcut(pressed fyne.Shortcut) bool {
	c, ok := pressed.(*desktop.CustomShortcut)
	return ok && c.Modifier == fyne.KeyModifierAlt && s.bar.Shortcut(pressed)
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind == model.StoreChanged && ui.OfCatalogue(c.Event.Kind) {
		s.parts[s.bar.At()].load()
	}
}

func (s *Screen) create() {
	if s.d.TopModal() == nil {
		s.parts[s.bar.At()].create()
	}
}

// copier is a button that puts a text into the clipboard and says itself that it has.
func copier(d *ui.Desk, name string, style ui.Style, text func() string) *ui.Button {
	b := ui.NewButton(name, "", style, nil)
	b.OnTapped = func() {
		fyne.CurrentApp().Clipboard().SetContent(text())
		b.SetText(d.T("copied.short"))
	}
	return b
}

// secret shows what is shown once.
func secret(d *ui.Desk, title, text, value string) {
	var m *ui.Modal
	shown := ui.NewEntry("", nil)
	shown.TextStyle.Monospace = true
	shown.Quiet(value)
	copy := copier(d, d.T("copy"), ui.Primary, func() string { return value })
	words := ui.Words(text)
	words.Importance = widget.WarningImportance
	body := ui.Column(8, ui.Tight(words), ui.Frame(8, nil, nil, shown, copy, nil))
	m = d.NewModal(title, 600, body, copy, ui.NewButton(d.T("integrations.secret.kept"), "Esc", ui.Plain, func() { m.Close() }))
}

// place says diagnostics of a refusal at their fields, the rest in the line for it.
func place(d *ui.Desk, err error, fields map[string]*ui.Field, rest func(string)) {
	rest("")
	diags := model.Refusal(err).GetDiagnostics()
	if len(diags) == 0 {
		rest(d.Explain(err))
	}
	for _, diag := range diags {
		if f := fields[diag.Path[strings.LastIndex(diag.Path, ".")+1:]]; f != nil {
			f.Say(ui.Sentence(diag))
			d.Window.Canvas().Focus(f.Focus())
			continue
		}
		rest(ui.Sentence(diag))
	}
}
