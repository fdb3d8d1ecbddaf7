package ui

import (
	"context"
	"errors"
	"image/color"
	"time"

	"connectrpc.com/connect"
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

func asConnect(err error, target **connect.Error) bool { return errors.As(err, target) }

// toastTime is how long a message stays: time enough to read a line.
const toastTime = 4 * time.Second

// ToastRoom is the margin at the foot of a screen that is kept free for messages, so that they hide nothing.
const ToastRoom float32 = 50

// toast is a message at the foot of the window that takes no focus and goes by itself.
type toast struct {
	d     *Desk
	box   *fyne.Container
	face  *canvas.Rectangle
	label *widget.Label
	stop  context.CancelFunc
}

func newToast(d *Desk) *toast {
	t := &toast{d: d, face: canvas.NewRectangle(color.Black), label: Words("")}
	t.face.CornerRadius = 8
	t.box = container.NewStack(t.face, Pad(14, 5, Tight(t.label)))
	t.box.Hide()
	return t
}

// ToastLayer is what the shell lays over the screen for messages.
func (d *Desk) ToastLayer() fyne.CanvasObject {
	return container.New(&toastLayout{d.toast.label}, d.toast.box)
}

// toastLayout puts the message into the margin at the foot, in the middle, as wide as its words need.
type toastLayout struct{ label *widget.Label }

func (*toastLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.Size{} }

func (l *toastLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	words := fyne.MeasureText(l.label.Text, SizeText, l.label.TextStyle)
	w := min(max(280, words.Width+34), size.Width-40)
	objects[0].Resize(fyne.NewSize(w, 10))
	h := objects[0].MinSize().Height
	objects[0].Resize(fyne.NewSize(w, h))
	objects[0].Move(fyne.NewPos((size.Width-w)/2, size.Height-h-6))
}

// Say tells the person that something is done.
func (d *Desk) Say(text string) { d.toast.show(text, ColorGoodBg, widget.SuccessImportance) }

// Warn tells the person of something to know.
func (d *Desk) Warn(text string) { d.toast.show(text, ColorWarnBg, widget.WarningImportance) }

// Fail tells the person that something was not done, and why.
func (d *Desk) Fail(text string) { d.toast.show(text, ColorBadBg, widget.DangerImportance) }

// Said is the message on screen, or empty.
func (d *Desk) Said() string {
	if !d.toast.box.Visible() {
		return ""
	}
	return d.toast.label.Text
}

// Hush takes the message away.
func (d *Desk) Hush() { d.toast.box.Hide() }

func (t *toast) show(text string, ground fyne.ThemeColorName, weight widget.Importance) {
	if text == "" {
		return
	}
	if t.stop != nil {
		t.stop()
	}
	t.face.FillColor = Color(ground)
	t.face.StrokeWidth = 1
	t.face.StrokeColor = Color(theme.ColorNameInputBorder)
	t.label.Importance = weight
	t.label.SetText(text)
	t.box.Show()
	t.box.Refresh()
	if c := t.d.Window.Canvas(); c.Content() != nil {
		c.Content().Refresh()
	}
	ctx, stop := context.WithCancel(t.d.ctx)
	t.stop = stop
	t.d.Go(func(context.Context) {
		timer := time.NewTimer(toastTime)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
			t.d.Do(func() {
				if ctx.Err() == nil {
					t.box.Hide()
				}
			})
		}
	})
}

// Modal is a small window over the screen. Escape closes it.
type Modal struct {
	d     *Desk
	pop   *widget.PopUp
	focus fyne.Focusable
	// OnScan gets what a scanner types while the window is open.
	OnScan func(code string)
	// OnClose is called when the window goes, by Escape too.
	OnClose func()
}

// NewModal shows a window with a title, content and buttons (right-aligned, in the order of Tab). first gets
// the focus.
func (d *Desk) NewModal(title string, width float32, content fyne.CanvasObject, first fyne.Focusable, buttons ...fyne.CanvasObject) *Modal {
	m := &Modal{d: d, focus: d.Window.Canvas().Focused()}
	row := Row(8, append([]fyne.CanvasObject{Spring()}, buttons...)...)
	box := Least(width, 0, Pad(16, 12, Frame(14, Heading(title), nil, content, nil, row)))
	m.pop = widget.NewModalPopUp(box, d.Window.Canvas())
	d.modals = append(d.modals, m)
	m.pop.Show()
	if first != nil {
		d.Window.Canvas().Focus(first)
	}
	return m
}

// Fit lets the window take the size that its content now needs.
func (m *Modal) Fit() { m.pop.Resize(m.pop.MinSize()); m.pop.Refresh() }

// Close takes the window away and gives the focus back.
func (m *Modal) Close() {
	for i, open := range m.d.modals {
		if open == m {
			m.d.modals = append(m.d.modals[:i], m.d.modals[i+1:]...)
			m.pop.Hide()
			if m.focus != nil {
				m.d.Window.Canvas().Focus(m.focus)
			}
			if m.OnClose != nil {
				m.OnClose()
			}
			return
		}
	}
}

// TopModal is the window in front, or nil.
func (d *Desk) TopModal() *Modal {
	if len(d.modals) == 0 {
		return nil
	}
	return d.modals[len(d.modals)-1]
}

// CloseModals closes all windows, when the session ends.
func (d *Desk) CloseModals() {
	for len(d.modals) > 0 {
		d.TopModal().Close()
	}
}

// Confirm asks before something is done that cannot be taken back.
func (d *Desk) Confirm(title, text, yes string, then func()) {
	var m *Modal
	no := NewButton(d.T("cancel"), "Esc", Plain, func() { m.Close() })
	ok := NewButton(yes, "", Danger, func() { m.Close(); then() })
	m = d.NewModal(title, 480, Words(text), no, no, ok)
}
