package outbox

import (
	"fmt"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/gui/delivery"
	"mostrador/gui/mailview"
	"mostrador/gui/ui"
	"mostrador/gui/why"
	"mostrador/host/api/mostradorv1"
)

// partWhy is the part of a message that says why, behind mail, text and headers.
const partWhy = 3

// detail is one message: the mail, its text part, its headers, and why it was sent or was not.
type detail struct {
	d       *ui.Desk
	box     *fyne.Container
	changed func() // the message is another now
	resized func() // other buttons are in sight
	shown   *mostradorv1.GetMessageResponse
	reading ui.Latest
	asking  ui.Latest

	subject *widget.Label
	to      *widget.Label
	badge   *ui.Badge
	answer  *widget.Label
	said    *fyne.Container // the line of answer
	tabs    *ui.Tabs
	body    *fyne.Container
	view    *mailview.View
	plain   *ui.Entry
	headers *ui.Entry
	why     *fyne.Container
	reasons fyne.CanvasObject
	retry   *ui.Button
	cancel  *ui.Button
	browser *ui.Button
}

func newDetail(d *ui.Desk, changed, resized func()) *detail {
	t := &detail{d: d, changed: changed, resized: resized}
	t.subject = ui.Words("")
	t.subject.TextStyle.Bold = true
	t.subject.SizeName = theme.SizeNameSubHeadingText
	t.to = ui.Note("", widget.LowImportance)
	t.badge = ui.NewBadge("", ui.Quiet)
	t.answer = ui.Note("", widget.MediumImportance)
	t.said = ui.Tight(t.answer)
	t.retry = ui.NewButton(d.T("outbox.retry"), "F5", ui.Plain, t.again)
	t.cancel = ui.NewButton(d.T("outbox.cancel"), "", ui.Danger, t.takeBack)
	t.cancel.Hide()
	t.browser = ui.NewButton(d.T("outbox.browser"), "F7", ui.Plain, t.browse)
	t.view = mailview.New(d.Open)
	t.plain, t.headers = reader(), reader()
	t.why = ui.Column(10)
	t.reasons = ui.Scrolled(t.why)
	t.tabs = ui.NewTabs([]string{d.T("outbox.mail"), d.T("outbox.text"), d.T("outbox.headers"), d.T("outbox.why")}, t.choose)
	t.body = container.NewStack(t.view.Content())
	head := ui.Column(0, ui.Row(0, t.badge.Box), ui.Gap(6), ui.Tight(t.subject), ui.Tight(t.to), t.said, ui.Gap(6), t.tabs.Box)
	t.box = ui.Card("", ui.Frame(8, head, nil, t.body, nil, nil))
	t.box.Hide()
	return t
}

// reader is a box for text that can be read and copied.
func reader() *ui.Entry {
	e := ui.NewTextEntry(8)
	e.TextStyle.Monospace = true
	return e
}

// clear shows no message.
func (t *detail) clear() {
	t.reading.Next()
	t.shown = nil
	t.box.Hide()
}

func (t *detail) read(id string) {
	current := t.reading.Next()
	ui.Ask(t.d, t.d.Model.Messages.Get, &mostradorv1.GetMessageRequest{Id: id}, func(res *mostradorv1.GetMessageResponse, err error) {
		if !current() {
			return
		}
		if err != nil {
			t.d.Fail(t.d.Explain(err))
			return
		}
		t.show(res)
	})
}

func (t *detail) show(res *mostradorv1.GetMessageResponse) {
	d, m := t.d, res.Message
	same := t.shown.GetMessage().GetId() == m.Id
	t.shown = res
	t.subject.SetText(m.Subject)
	t.to.SetText(d.T("outbox.to", "to", m.To, "when", d.Text.DateTime(m.Queued)))
	t.badge.Set(state(d, m))
	lines := t.lines(m)
	t.answer.Importance = widget.MediumImportance
	if m.State == mostradorv1.MessageState_MESSAGE_STATE_FAILED || m.Delivery.GetBounced() != nil {
		t.answer.Importance = widget.DangerImportance
	}
	t.answer.SetText(strings.Join(lines, "\n"))
	t.said.Hidden = len(lines) == 0
	may := d.Model.May(mostradorv1.Role_ROLE_OPERATOR)
	waits := m.State == mostradorv1.MessageState_MESSAGE_STATE_QUEUED
	t.retry.SetEnabled(may && (m.State == mostradorv1.MessageState_MESSAGE_STATE_FAILED || m.State == mostradorv1.MessageState_MESSAGE_STATE_SUPPRESSED))
	t.retry.Hidden, t.cancel.Hidden = waits, !waits
	t.cancel.SetEnabled(may)
	t.resized()
	if !same || len(t.view.Blocks()) == 0 {
		t.view.Show(res.Mail.GetHtml())
	}
	t.plain.Quiet(res.Mail.GetText())
	var b strings.Builder
	for _, h := range res.Mail.GetHeaders() {
		fmt.Fprintf(&b, "%s: %s\n", h.Name, h.Value)
	}
	t.headers.Quiet(b.String())
	t.box.Show()
	t.box.Refresh()
	if t.tabs.At() == partWhy {
		t.ask()
	}
}

// lines say below the subject what one should know of the message now.
func (t *detail) lines(m *mostradorv1.Message) []string {
	d := t.d
	var lines []string
	if m.NotBefore != nil && m.State == mostradorv1.MessageState_MESSAGE_STATE_QUEUED && m.NotBefore.AsTime().After(d.Clock()) {
		lines = append(lines, d.T("outbox.leaves", "when", d.Text.DateTime(m.NotBefore)))
	}
	answer := m.LastAnswer
	if m.NextAttempt != nil && m.State == mostradorv1.MessageState_MESSAGE_STATE_QUEUED {
		answer = strings.TrimSpace(d.T("outbox.next", "n", m.Attempts, "when", d.Text.Clock(m.NextAttempt)) + " " + answer)
	}
	if answer != "" {
		lines = append(lines, answer)
	}
	if b := m.Delivery.GetBounce(); b != nil {
		lines = append(lines, d.T("outbox.bounce", "why", delivery.Bounce(d, b), "words", b.Words))
	}
	if len(m.Files) > 0 {
		names := make([]string, len(m.Files))
		for i, f := range m.Files {
			names[i] = fmt.Sprintf("%s (%s)", f.Name, ui.Bytes(d, f.Size))
		}
		lines = append(lines, d.T("outbox.files", "names", strings.Join(names, ", ")))
	}
	return lines
}

func (t *detail) choose(at int) {
	t.body.Objects = []fyne.CanvasObject{[]fyne.CanvasObject{t.view.Content(), t.plain, t.headers, t.reasons}[at]}
	t.body.Refresh()
	if at == partWhy && t.shown != nil {
		t.ask()
	}
}

// ask has the host say why the message was sent or was not.
func (t *detail) ask() {
	current := t.asking.Next()
	m := t.shown.Message
	ui.Ask(t.d, t.d.Model.Messages.Why, &mostradorv1.WhyMessageRequest{Id: m.Id}, func(res *mostradorv1.WhyMessageResponse, err error) {
		if !current() {
			return
		}
		if err != nil {
			t.d.Fail(t.d.Explain(err))
			return
		}
		t.why.Objects = []fyne.CanvasObject{why.View(t.d, res), widget.NewSeparator(), t.facts(m)}
		t.why.Refresh()
	})
}

// facts is what is known of the message beside what was checked.
func (t *detail) facts(m *mostradorv1.Message) fyne.CanvasObject {
	d := t.d
	grid := ui.Pairs()
	say := func(name, text string) {
		if text != "" {
			grid.Add(ui.Column(0, ui.Caption(name), ui.Tight(ui.Words(text))))
		}
	}
	when := func(name string, at *timestamppb.Timestamp) { say(name, d.Text.DateTime(at)) }
	say(d.T("rules.name"), m.Rule)
	say(d.T("outbox.plugin"), m.Plugin)
	text := m.Template
	if m.TemplateVersion > 0 {
		text = d.T("outbox.version", "template", m.Template, "n", m.TemplateVersion)
	}
	say(d.T("rules.template"), text)
	say(d.T("templates.kind"), map[bool]string{true: d.T("kind." + m.Kind.String())}[m.Kind != 0])
	say(d.T("outbox.language"), m.Language)
	say(d.T("rules.topic"), m.Topic)
	say(d.T("rules.promotion"), m.PromoCode)
	when(d.T("outbox.notbefore"), m.NotBefore)
	when(d.T("outbox.expires"), m.Expires)
	when(d.T("outbox.sent"), m.Sent)
	v := m.Delivery
	when(d.T("outbox.delivered"), v.GetDelivered())
	when(d.T("outbox.bounced"), v.GetBounced())
	when(d.T("outbox.complained"), v.GetComplained())
	if v.GetOpened() != nil {
		say(d.T("outbox.opened"), d.T("outbox.times", "when", d.Text.DateTime(v.Opened), "n", v.Opens))
	}
	if v.GetClicked() != nil {
		say(d.T("outbox.clicked"), d.T("outbox.times", "when", d.Text.DateTime(v.Clicked), "n", v.Clicks))
	}
	when(d.T("outbox.answered"), v.GetAnswered())
	links := ui.Chips()
	if m.CustomerId != "" {
		links.Add(ui.NewButton(d.T("delivery.sheet"), "", ui.Plain, func() { d.Nav.Go(ui.Sheet, m.CustomerId) }))
	}
	if m.To != "" {
		links.Add(ui.NewButton(d.T("outbox.address"), "", ui.Plain, func() { d.Nav.Go(ui.Delivery, m.To) }))
	}
	if m.TemplateVersion > 0 {
		links.Add(ui.NewButton(d.T("rules.template.see"), "", ui.Plain, func() { d.Nav.Go(ui.Templates, m.Template) }))
	}
	return ui.Column(10, grid, links)
}

func (t *detail) again() {
	if t.shown == nil || t.retry.Disabled() || t.retry.Hidden {
		return
	}
	ui.Ask(t.d, t.d.Model.Messages.Retry, &mostradorv1.RetryMessageRequest{Id: t.shown.Message.Id}, func(res *mostradorv1.RetryMessageResponse, err error) {
		if err != nil {
			t.d.Fail(t.d.Explain(err))
			return
		}
		t.d.Say(t.d.T("outbox.retried", "to", res.Message.To))
		t.changed()
	})
}

// takeBack keeps a message that waits from leaving, once somebody says so.
func (t *detail) takeBack() {
	if t.shown == nil || t.d.TopModal() != nil {
		return
	}
	d, m := t.d, t.shown.Message
	d.Confirm(d.T("outbox.cancel"), d.T("outbox.cancel.text", "to", m.To), d.T("outbox.cancel.yes"), func() {
		ui.Ask(d, d.Model.Messages.Cancel, &mostradorv1.CancelMessageRequest{Id: m.Id}, func(_ *mostradorv1.CancelMessageResponse, err error) {
			if err != nil {
				d.Fail(d.Explain(err))
				return
			}
			d.Say(d.T("outbox.cancelled", "to", m.To))
			t.changed()
		})
	})
}

func (t *detail) browse() {
	if t.shown != nil {
		mailview.Browse(t.d, t.shown.Mail.GetHtml())
	}
}
