// Package signin is what stands before the shop: on the first start the form that makes the technician, and
// from then on the sign-in by name and PIN or by scanned badge.
package signin

import (
	"context"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// minPIN is the shortest PIN that the form lets through; the host decides in the end.
const minPIN = 4

// Screen asks who is there. When the host accepts, the model's session changes, which the shell hears.
type Screen struct {
	d       *ui.Desk
	setup   bool
	name    *ui.Field
	pin     *ui.Field
	again   *ui.Field
	button  *ui.Button
	content fyne.CanvasObject
	asking  bool
}

// New makes the first-start form when setup is true, else the sign-in. notice, if any, says why one is asked again.
func New(d *ui.Desk, setup bool, notice string) *Screen {
	s := &Screen{d: d, setup: setup}
	s.name = ui.NewField(d.T("signin.name"), ui.NewEntry(d.T("signin.name.hint"), func(string) { s.next(s.name) }))
	s.pin = ui.NewField(d.T("signin.pin"), ui.NewSecretEntry(d.T("signin.pin.hint"), func(string) { s.next(s.pin) }))
	s.again = ui.NewField(d.T("signin.again"), ui.NewSecretEntry(d.T("signin.again.hint"), func(string) { s.next(s.again) }))
	title, text, press := d.T("signin.title"), d.T("signin.text"), d.T("signin.enter")
	if setup {
		title, text, press = d.T("setup.title"), d.T("setup.text"), d.T("setup.create")
	} else {
		s.name.Entry.ListenScanner(d.Clock, s.Scanned)
		s.pin.Entry.ListenScanner(d.Clock, s.Scanned)
	}
	if notice != "" {
		text = notice
	}
	s.button = ui.NewButton(press, "Enter", ui.Primary, s.submit)
	form := ui.Column(4, s.name.Box, s.pin.Box)
	if setup {
		form.Add(s.again.Box)
	}
	form.Add(s.button)
	store := d.Model.Status().StoreName
	if store == "" {
		store = d.T("app.name")
	}
	head := ui.Column(2, ui.Text(store, ui.SizeTitle, true, theme.ColorNamePrimary), ui.Caption(d.T("signin.till", "till", d.Model.Till())))
	words := ui.Words(text)
	if notice != "" {
		words.Importance = widget.WarningImportance
	}
	card := ui.Card("", ui.Frame(10, ui.Column(10, ui.Heading(title), ui.Tight(words)), nil, ui.Pad(0, 6, form), nil, nil))
	s.content = container.NewCenter(ui.Exactly(440, ui.Column(14, head, card)))
	return s
}

// Content is the screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show puts the focus where typing begins.
func (s *Screen) Show() { s.d.Window.Canvas().Focus(s.name.Entry) }

// Scanned signs in by badge.
func (s *Screen) Scanned(code string) {
	if s.setup || s.asking {
		return
	}
	s.send(func(ctx context.Context) error {
		return s.d.Model.SignIn(ctx, &mostradorv1.SignInRequest{Badge: code})
	})
}

func (s *Screen) next(from *ui.Field) {
	from.Say("")
	switch {
	case from == s.name:
		s.d.Window.Canvas().Focus(s.pin.Entry)
	case from == s.pin && s.setup:
		s.d.Window.Canvas().Focus(s.again.Entry)
	default:
		s.submit()
	}
}

func (s *Screen) submit() {
	name, pin := strings.TrimSpace(s.name.Entry.Text), s.pin.Entry.Text
	s.name.Say("")
	s.pin.Say("")
	s.again.Say("")
	switch {
	case s.asking:
		return
	case name == "":
		s.name.Say(s.d.T("signin.name.missing"))
		s.d.Window.Canvas().Focus(s.name.Entry)
		return
	case len([]rune(pin)) < minPIN:
		s.pin.Say(s.d.T("signin.pin.short", "n", minPIN))
		s.d.Window.Canvas().Focus(s.pin.Entry)
		return
	case s.setup && pin != s.again.Entry.Text:
		s.again.Say(s.d.T("signin.again.differs"))
		s.again.Entry.SetText("")
		s.d.Window.Canvas().Focus(s.again.Entry)
		return
	}
	s.send(func(ctx context.Context) error {
		if s.setup {
			return s.d.Model.Setup(ctx, name, pin)
		}
		return s.d.Model.SignIn(ctx, &mostradorv1.SignInRequest{Name: name, Pin: pin})
	})
}

func (s *Screen) send(call func(context.Context) error) {
	s.asking = true
	s.button.Disable()
	s.d.Await(call, func(err error) {
		s.asking = false
		s.button.Enable()
		if err == nil {
			return
		}
		s.pin.Entry.SetText("")
		s.again.Entry.SetText("")
		s.pin.Say(s.d.Explain(err))
		s.d.Window.Canvas().Focus(s.pin.Entry)
	})
}
