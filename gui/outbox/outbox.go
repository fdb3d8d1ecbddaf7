// Package outbox is the Bandeja de salida: every message with its state, and beside it the mail as the customer sees
// it, its text part, its headers, and why it was sent or was not. The list is narrowed by state, plug-in, template and
// rule; those that failed are sent again together, and one that waits can be taken back.
package outbox

import (
	"cmp"
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/sheet"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

const page = 50

// states are the choices of the filter, in order; the first shows all.
var states = []mostradorv1.MessageState{
	mostradorv1.MessageState_MESSAGE_STATE_UNSPECIFIED,
	mostradorv1.MessageState_MESSAGE_STATE_QUEUED,
	mostradorv1.MessageState_MESSAGE_STATE_SENT,
	mostradorv1.MessageState_MESSAGE_STATE_SPOOLED,
	mostradorv1.MessageState_MESSAGE_STATE_FAILED,
	mostradorv1.MessageState_MESSAGE_STATE_SUPPRESSED,
	mostradorv1.MessageState_MESSAGE_STATE_CANCELLED,
}

// Screen is the outbox.
type Screen struct {
	d       *ui.Desk
	content fyne.CanvasObject

	messages []*mostradorv1.Message
	next     string
	filter   *filter
	want     string
	newest   ui.Latest
	loading  bool

	list   *ui.List
	none   *fyne.Container
	hint   *widget.Label
	hints  *fyne.Container
	detail *detail
}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d}
	s.filter = newFilter(d, s.narrow)
	s.detail = newDetail(d, s.load, func() { s.content.Refresh() })
	s.list = ui.NewList(func() int { return len(s.messages) }, newRow, s.update, s.open)
	s.none = container.NewCenter(ui.Text(d.T("outbox.none"), ui.SizeText, false, ui.ColorMuted))
	s.none.Hide()
	s.hint = ui.Note("", widget.WarningImportance)
	s.hints = ui.Tight(s.hint)
	again := ui.NewButton(d.T("outbox.failed"), "", ui.Plain, s.resend)
	again.SetEnabled(d.Model.May(mostradorv1.Role_ROLE_OPERATOR))
	left := ui.Card("", ui.Frame(8, ui.Column(8, s.filter.box, s.hints, ui.Gap(1)), nil, container.NewStack(s.list, s.none), nil, ui.Row(0, again)))
	head := ui.Row(8, ui.Title(d.T("area.outbox")), ui.Spring(), s.detail.retry, s.detail.cancel, s.detail.browser)
	s.content = ui.Frame(12, head, nil, ui.Columns(16, []float32{36, 64}, left, s.detail.box), nil, nil)
	return s
}

// row is one message in the list.
type row struct {
	subject, to *widget.Label
	badge       *ui.Badge
}

func (*row) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(200, 62) }

func (*row) Layout(o []fyne.CanvasObject, size fyne.Size) {
	badge := o[2].MinSize()
	o[0].Resize(fyne.NewSize(size.Width, 34))
	o[0].Move(fyne.NewPos(0, 0))
	o[1].Resize(fyne.NewSize(size.Width-badge.Width-12, 30))
	o[1].Move(fyne.NewPos(0, 27))
	o[2].Resize(badge)
	o[2].Move(fyne.NewPos(size.Width-badge.Width-8, 33))
}

func newRow() fyne.CanvasObject {
	r := &row{subject: ui.Cell(true), to: ui.Cell(false), badge: ui.NewBadge(" ", ui.Quiet)}
	r.to.SizeName, r.to.Importance = theme.SizeNameCaptionText, widget.LowImportance
	return container.New(r, r.subject, r.to, r.badge.Box)
}

func (s *Screen) update(i int, o fyne.CanvasObject) {
	if i >= len(s.messages) {
		return
	}
	m, r := s.messages[i], o.(*fyne.Container).Layout.(*row)
	r.subject.SetText(cmp.Or(m.Subject, m.Rule, m.Template)) // what never left was never written
	r.to.SetText(s.d.Text.Clock(m.Queued) + "  " + m.To)
	r.badge.Set(state(s.d, m))
	o.Refresh()
	if i == len(s.messages)-1 && s.next != "" && !s.loading {
		s.more()
	}
}

// state is the word and tone for a message: what came of it, as far as that is known.
func state(d *ui.Desk, m *mostradorv1.Message) (string, ui.Tone) {
	switch {
	case m.Delivery.GetComplained() != nil:
		return d.T("outbox.complained"), ui.Bad
	case m.Delivery.GetBounced() != nil:
		return d.T("outbox.bounced"), ui.Bad
	case m.State == mostradorv1.MessageState_MESSAGE_STATE_QUEUED && m.NotBefore != nil && m.NotBefore.AsTime().After(d.Clock()):
		return d.T("outbox.scheduled"), ui.Quiet
	case m.Delivery.GetClicked() != nil:
		return d.T("outbox.clicked"), ui.Good
	case m.Delivery.GetOpened() != nil:
		return d.T("outbox.opened"), ui.Good
	case m.Delivery.GetDelivered() != nil:
		return d.T("outbox.delivered"), ui.Good
	}
	return sheet.MessageState(d, m.State)
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen; arg is the id of the message to show.
func (s *Screen) Show(arg string) {
	s.want = arg
	s.filter.load()
	s.load()
	s.d.Window.Canvas().Focus(s.list)
}

// Hide implements ui.Screen.
func (s *Screen) Hide() {}

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	switch ev.Name {
	case fyne.KeyF5:
		s.detail.again()
	case fyne.KeyF7:
		s.detail.browse()
	default:
		return
	}
	ui.Take(ev)
}

// Shortcut implements ui.Shortcutter: Alt with a figure shows a part of the message.
func (s *Screen) Shortcut(pressed fyne.Shortcut) bool {
	c, ok := pressed.(*desktop.CustomShortcut)
	return ok && c.Modifier == fyne.KeyModifierAlt && s.detail.tabs.Shortcut(pressed)
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind == model.StoreChanged && (c.Event.Kind == mostradorv1.WatchResponse_KIND_READY || c.Event.Kind == mostradorv1.WatchResponse_KIND_MESSAGE) {
		s.load()
	}
}

// narrow lists what the filter asks for, from the newest.
func (s *Screen) narrow() {
	s.want = ""
	s.load()
}

func (s *Screen) load() {
	current := s.newest.Next()
	s.loading = true
	s.hints.Hidden = !s.d.Model.Status().MailSpooled
	s.hint.SetText(s.d.T("outbox.spooled"))
	ui.Ask(s.d, s.d.Model.Messages.List, s.filter.request(""), func(res *mostradorv1.ListMessagesResponse, err error) {
		if !current() {
			return
		}
		s.loading = false
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.messages, s.next = res.Messages, res.NextPage
		s.filter.seen(s.messages)
		s.none.Hidden = len(s.messages) > 0
		s.list.Refresh()
		id := s.want
		if id == "" && len(s.messages) > 0 {
			id = s.messages[0].Id
		}
		if id == "" {
			s.detail.clear()
		} else {
			s.detail.read(id)
		}
		s.content.Refresh()
		for i, m := range s.messages {
			if m.Id == id {
				s.list.Mark(i)
			}
		}
	})
}

func (s *Screen) more() {
	current := s.newest.Next()
	s.loading = true
	ui.Ask(s.d, s.d.Model.Messages.List, s.filter.request(s.next), func(res *mostradorv1.ListMessagesResponse, err error) {
		if !current() {
			return
		}
		s.loading = false
		if err == nil {
			s.messages, s.next = append(s.messages, res.Messages...), res.NextPage
			s.list.Refresh()
		}
	})
}

func (s *Screen) open(i int) {
	if i < len(s.messages) {
		s.want = s.messages[i].Id
		s.detail.read(s.want)
	}
}

// resend sends again just those that failed, of what the filter asks for, once it was said how many they are.
func (s *Screen) resend() {
	d := s.d
	if d.TopModal() != nil {
		return
	}
	req := s.filter.failed()
	req.DryRun = true
	ui.Ask(d, d.Model.Messages.RetryFailed, req, func(res *mostradorv1.RetryFailedResponse, err error) {
		switch {
		case err != nil:
			d.Fail(d.Explain(err))
		case res.Messages == 0:
			d.Warn(d.T("outbox.failed.none"))
		default:
			text := d.T("outbox.failed.text", "n", d.Text.Number(float64(res.Messages)))
			if s.filter.any() {
				text = d.T("outbox.failed.filtered", "n", d.Text.Number(float64(res.Messages)))
			}
			d.Confirm(d.T("outbox.failed"), text, d.T("outbox.failed.yes"), func() {
				ui.Ask(d, d.Model.Messages.RetryFailed, s.filter.failed(), func(res *mostradorv1.RetryFailedResponse, err error) {
					if err != nil {
						d.Fail(d.Explain(err))
						return
					}
					d.Say(d.T("outbox.failed.done", "n", d.Text.Number(float64(res.Messages))))
					s.load()
				})
			})
		}
	})
}
