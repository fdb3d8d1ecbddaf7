// Package delivery is Bandeja de salida > Entrega: what became of the mails that left. Resumen counts them, with charts
// and with what is wrong now above all else; Direcciones has what is known of each address, who gets no mail and why;
// Informes has what came back about mails, what nobody understood first; Configuración looks at the sender's domain and
// says what to put into DNS, to technicians.
package delivery

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// pageSize is how many rows are read at a time.
const pageSize = 100

// tab is one part of the screen.
type tab interface {
	content() fyne.CanvasObject
	// show takes the focus and reads what is shown; arg is what the screen was gone to with.
	show(arg string)
	// again is what F5 does.
	again()
	// changed is told that messages have changed.
	changed()
	// hide lets no answer in any more.
	hide()
}

// Screen is Entrega.
type Screen struct {
	d    *ui.Desk
	box  fyne.CanvasObject
	bar  *ui.Tabs
	tabs []tab
	body *fyne.Container
}

// names are the parts as they are gone to, in order.
var names = []string{"dashboard", "addresses", "reports", "doctor"}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d}
	s.tabs = []tab{newDashboard(d), newAddresses(d), newReports(d), newDoctor(d)}
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = d.T("delivery.tab." + name)
	}
	s.bar = ui.NewTabs(words, func(at int) { s.turn(at, "") })
	s.bar.SetEnabled(3, d.Model.May(mostradorv1.Role_ROLE_TECHNICIAN))
	s.body = container.NewStack(s.tabs[0].content())
	s.box = ui.Frame(8, ui.Row(8, ui.Title(d.T("area.delivery")), ui.Gap(6), s.bar.Box), nil, s.body, nil, nil)
	return s
}

func (s *Screen) turn(at int, arg string) {
	for i, t := range s.tabs {
		if i != at {
			t.hide()
		}
	}
	s.body.Objects = []fyne.CanvasObject{s.tabs[at].content()}
	s.body.Refresh()
	s.tabs[at].show(arg)
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.box }

// Show implements ui.Screen; arg may be the address to show.
func (s *Screen) Show(arg string) {
	if arg != "" {
		s.bar.Mark(1)
	}
	s.turn(s.bar.At(), arg)
}

// Hide implements ui.Screen.
func (s *Screen) Hide() {
	for _, t := range s.tabs {
		t.hide()
	}
}

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	if ev.Name == fyne.KeyF5 && s.d.TopModal() == nil {
		s.tabs[s.bar.At()].again()
		ui.Take(ev)
	}
}

// Shortcut implements ui.Shortcutter: Alt with a figure goes to a part, Ctrl+Tab to the next screen about messages.
func (s *Screen) Shortcut(pressed fyne.Shortcut) bool {
	c, ok := pressed.(*desktop.CustomShortcut)
	return ok && c.Modifier == fyne.KeyModifierAlt && s.bar.Shortcut(pressed)
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind != model.StoreChanged {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_MESSAGE:
		s.tabs[s.bar.At()].changed()
	}
}

// Bounce is why a mail came back, in words: "No existe el buzón (5.1.1)".
func Bounce(d *ui.Desk, b *mostradorv1.Bounce) string {
	if b == nil {
		return ""
	}
	words := Reason(d, b.Reason)
	if b.Status != "" {
		words += " (" + b.Status + ")"
	}
	return words
}

// Reason is a reason of bounces in words, or its name when there is none.
func Reason(d *ui.Desk, reason string) string {
	if d.Text.Has("bounce." + reason) {
		return d.T("bounce." + reason)
	}
	return reason
}
