// Package outbox is the Bandeja de salida: every message with its state, and beside it the mail as the customer
// sees it, its text part and its headers.
package outbox

import (
	"fmt"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/mailview"
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
	state    mostradorv1.MessageState
	want     string
	shown    *mostradorv1.GetMessageResponse
	newest   ui.Latest
	reading  ui.Latest
	loading  bool

	list    *ui.List
	none    *fyne.Container
	hint    *widget.Label
	detail  *fyne.Container
	subject *widget.Label
	to      *widget.Label
	badge   *ui.Badge
	answer  *widget.Label
	tabs    [3]*ui.Button
	body    *fyne.Container
	view    *mailview.View
	plain   *ui.Entry
	headers *ui.Entry
	retry   *ui.Button
}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d}
	s.list = ui.NewList(func() int { return len(s.messages) }, newRow, s.update, s.open)
	s.none = container.NewCenter(ui.Text(d.T("outbox.none"), ui.SizeText, false, ui.ColorMuted))
	s.none.Hide()
	var names []string
	for _, state := range states {
		names = append(names, d.T("outbox.filter."+state.String()))
	}
	filter := ui.NewSelect(d.T("choose"), names, nil)
	filter.SetSelectedIndex(0)
	filter.OnChanged = func(string) {
		s.state = states[max(0, filter.SelectedIndex())]
		s.load()
	}
	s.hint = ui.Note("", widget.WarningImportance)
	left := ui.Card("", ui.Frame(8, ui.Column(8, ui.Boxed(filter), ui.Tight(s.hint), ui.Gap(1)), nil, container.NewStack(s.list, s.none), nil, nil))

	s.subject = ui.Words("")
	s.subject.TextStyle.Bold = true
	s.subject.SizeName = theme.SizeNameSubHeadingText
	s.to = ui.Note("", widget.LowImportance)
	s.badge = ui.NewBadge("", ui.Quiet)
	s.answer = ui.Note("", widget.MediumImportance)
	for i, key := range []string{"outbox.mail", "outbox.text", "outbox.headers"} {
		s.tabs[i] = ui.NewButton(d.T(key), "", ui.Nav, func() { s.choose(i) })
	}
	s.retry = ui.NewButton(d.T("outbox.retry"), "F5", ui.Plain, s.again)
	browser := ui.NewButton(d.T("outbox.browser"), "F7", ui.Plain, s.browse)
	s.view = mailview.New(d.Open)
	s.plain, s.headers = reader(), reader()
	s.body = container.NewStack()
	head := ui.Column(0,
		ui.Row(0, s.badge.Box), ui.Gap(6), ui.Tight(s.subject),
		ui.Tight(s.to), ui.Tight(s.answer), ui.Gap(10),
		ui.Row(2, s.tabs[0], s.tabs[1], s.tabs[2]))
	s.detail = ui.Card("", ui.Frame(8, head, nil, s.body, nil, nil))
	s.detail.Hide()
	s.content = ui.Frame(16, ui.Row(8, ui.Title(d.T("menu.outbox")), ui.Spring(), s.retry, browser), nil, ui.Columns(16, []float32{36, 64}, left, s.detail), nil, nil)
	s.choose(0)
	return s
}

// reader is a box for text that can be read and copied but not changed.
func reader() *ui.Entry {
	e := ui.NewTextEntry(8)
	e.TextStyle.Monospace = true
	return e
}

// row is one message in the list.
type row struct {
	subject, to, when *widget.Label
	badge             *ui.Badge
}

func (*row) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(200, 62) }

func (*row) Layout(o []fyne.CanvasObject, size fyne.Size) {
	badge := o[3].MinSize()
	o[0].Resize(fyne.NewSize(size.Width, 34))
	o[0].Move(fyne.NewPos(0, 0))
	o[1].Resize(fyne.NewSize(size.Width-badge.Width-12, 30))
	o[1].Move(fyne.NewPos(0, 27))
	o[2].Resize(fyne.NewSize(0, 0))
	o[3].Resize(badge)
	o[3].Move(fyne.NewPos(size.Width-badge.Width-8, 33))
}

func newRow() fyne.CanvasObject {
	r := &row{subject: ui.Cell(true), to: ui.Cell(false), when: ui.Cell(false), badge: ui.NewBadge(" ", ui.Quiet)}
	r.to.SizeName, r.to.Importance = theme.SizeNameCaptionText, widget.LowImportance
	r.when.Hide()
	return container.New(r, r.subject, r.to, r.when, r.badge.Box)
}

func (s *Screen) update(i int, o fyne.CanvasObject) {
	if i >= len(s.messages) {
		return
	}
	m, r := s.messages[i], o.(*fyne.Container).Layout.(*row)
	r.subject.SetText(m.Subject)
	r.to.SetText(s.d.Text.Clock(m.Queued) + "  " + m.To)
	word, tone := sheet.MessageState(s.d, m.State)
	r.badge.Set(word, tone)
	o.Refresh()
	if i == len(s.messages)-1 && s.next != "" && !s.loading {
		s.more()
	}
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen; arg is the id of the message to show.
func (s *Screen) Show(arg string) {
	s.want = arg
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
		s.again()
	case fyne.KeyF7:
		s.browse()
	default:
		return
	}
	ui.Take(ev)
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind == model.StoreChanged && (c.Event.Kind == mostradorv1.WatchResponse_KIND_READY || c.Event.Kind == mostradorv1.WatchResponse_KIND_MESSAGE) {
		s.load()
	}
}

func (s *Screen) load() {
	current := s.newest.Next()
	s.loading = true
	s.hint.SetText("")
	s.hint.Hide()
	if s.d.Model.Status().MailSpooled {
		s.hint.SetText(s.d.T("outbox.spooled"))
		s.hint.Show()
	}
	req := &mostradorv1.ListMessagesRequest{State: s.state, Limit: page}
	ui.Ask(s.d, s.d.Model.Messages.List, req, func(res *mostradorv1.ListMessagesResponse, err error) {
		if !current() {
			return
		}
		s.loading = false
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.messages, s.next = res.Messages, res.NextPage
		if len(s.messages) == 0 {
			s.none.Show()
			s.detail.Hide()
		} else {
			s.none.Hide()
		}
		s.content.Refresh()
		id := s.want
		if id == "" && len(s.messages) > 0 {
			id = s.messages[0].Id
		}
		if id != "" {
			s.read(id)
		}
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
	req := &mostradorv1.ListMessagesRequest{State: s.state, Limit: page, Page: s.next}
	ui.Ask(s.d, s.d.Model.Messages.List, req, func(res *mostradorv1.ListMessagesResponse, err error) {
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
		s.read(s.want)
	}
}

func (s *Screen) read(id string) {
	current := s.reading.Next()
	ui.Ask(s.d, s.d.Model.Messages.Get, &mostradorv1.GetMessageRequest{Id: id}, func(res *mostradorv1.GetMessageResponse, err error) {
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

func (s *Screen) show(res *mostradorv1.GetMessageResponse) {
	same := s.shown.GetMessage().GetId() == res.Message.Id
	s.shown = res
	m := res.Message
	s.subject.SetText(m.Subject)
	s.to.SetText(s.d.T("outbox.to", "to", m.To, "when", s.d.Text.DateTime(m.Queued)))
	word, tone := sheet.MessageState(s.d, m.State)
	s.badge.Set(word, tone)
	answer := m.LastAnswer
	if m.NextAttempt != nil && m.State == mostradorv1.MessageState_MESSAGE_STATE_QUEUED {
		answer = strings.TrimSpace(s.d.T("outbox.next", "n", m.Attempts, "when", s.d.Text.Clock(m.NextAttempt)) + " " + answer)
	}
	s.answer.SetText(answer)
	s.answer.Importance = widget.MediumImportance
	if m.State == mostradorv1.MessageState_MESSAGE_STATE_FAILED {
		s.answer.Importance = widget.DangerImportance
	}
	if answer == "" {
		s.answer.Hide()
	} else {
		s.answer.Show()
	}
	s.retry.SetEnabled(m.State == mostradorv1.MessageState_MESSAGE_STATE_FAILED || m.State == mostradorv1.MessageState_MESSAGE_STATE_SUPPRESSED)
	if !same || len(s.view.Blocks()) == 0 {
		s.view.Show(res.Mail.GetHtml())
	}
	s.plain.Quiet(res.Mail.GetText())
	var b strings.Builder
	for _, h := range res.Mail.GetHeaders() {
		fmt.Fprintf(&b, "%s: %s\n", h.Name, h.Value)
	}
	s.headers.Quiet(b.String())
	s.detail.Show()
	s.detail.Refresh()
}

func (s *Screen) choose(tab int) {
	for i, b := range s.tabs {
		b.SetStyle(ui.Nav)
		if i == tab {
			b.SetStyle(ui.NavCurrent)
		}
	}
	s.body.Objects = []fyne.CanvasObject{[]fyne.CanvasObject{s.view.Content(), s.plain, s.headers}[tab]}
	s.body.Refresh()
}

func (s *Screen) again() {
	if s.shown == nil || s.retry.Disabled() {
		return
	}
	ui.Ask(s.d, s.d.Model.Messages.Retry, &mostradorv1.RetryMessageRequest{Id: s.shown.Message.Id}, func(res *mostradorv1.RetryMessageResponse, err error) {
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.d.Say(s.d.T("outbox.retried", "to", res.Message.To))
		s.load()
	})
}

// browse writes the mail to a file that only this person may read and opens it.
func (s *Screen) browse() {
	if s.shown == nil {
		return
	}
	mailview.Browse(s.d, s.shown.Mail.GetHtml())
}
