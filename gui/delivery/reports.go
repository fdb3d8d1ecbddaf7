package delivery

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// kinds are the choices of the filter and of what a report can be said to be; what nobody understood comes first.
var kinds = []mostradorv1.ReportKind{mostradorv1.ReportKind_REPORT_KIND_UNSPECIFIED, mostradorv1.ReportKind_REPORT_KIND_UNKNOWN, mostradorv1.ReportKind_REPORT_KIND_BOUNCE,
	mostradorv1.ReportKind_REPORT_KIND_COMPLAINT, mostradorv1.ReportKind_REPORT_KIND_AUTO_REPLY, mostradorv1.ReportKind_REPORT_KIND_REPLY, mostradorv1.ReportKind_REPORT_KIND_UNSUBSCRIBE,
	mostradorv1.ReportKind_REPORT_KIND_DELIVERED, mostradorv1.ReportKind_REPORT_KIND_OTHER}

// reports is Informes: the mails that came in about mails, and beside the list one of them as it came.
type reports struct {
	d       *ui.Desk
	box     fyne.CanvasObject
	kind    *ui.Select
	unknown *widget.Label
	list    *ui.List
	none    *fyne.Container
	head    *fyne.Container
	parts   *ui.Tabs
	text    *ui.Entry
	raw     *ui.Entry
	body    *fyne.Container
	detail  *fyne.Container
	settle  *ui.Button
	fetch   *ui.Button
	all     []*mostradorv1.Report
	next    string
	shown   *mostradorv1.Report
	loading bool
	newest  ui.Latest
	reading ui.Latest
}

func newReports(d *ui.Desk) *reports {
	t := &reports{d: d, head: ui.Column(4)}
	labels := make([]string, len(kinds))
	for i, kind := range kinds {
		labels[i] = d.T("report." + kind.String())
	}
	t.kind = ui.NewSelect("", labels, nil)
	t.kind.SetSelectedIndex(0)
	t.kind.OnChanged = func(string) { t.load() }
	t.unknown = ui.Note("", widget.WarningImportance)
	t.fetch = ui.NewButton(d.T("report.fetch"), "F5", ui.Plain, t.again)
	t.list = ui.NewList(func() int { return len(t.all) }, newReportRow, t.update, t.open)
	t.list.OnMove = t.open
	t.none = container.NewCenter(ui.Text(d.T("report.none"), ui.SizeText, false, ui.ColorMuted))
	t.none.Hide()
	left := ui.Card("", ui.Frame(8, ui.Column(6, ui.Boxed(t.kind), ui.Tight(t.unknown)), nil, container.NewStack(t.list, t.none), nil, ui.Row(0, t.fetch)))
	t.text, t.raw = ui.NewTextEntry(6), ui.NewTextEntry(6)
	t.text.TextStyle.Monospace, t.raw.TextStyle.Monospace = true, true
	t.body = container.NewStack(t.text)
	t.parts = ui.NewTabs([]string{d.T("report.text"), d.T("report.raw")}, func(at int) {
		t.body.Objects = []fyne.CanvasObject{[]fyne.CanvasObject{t.text, t.raw}[at]}
		t.body.Refresh()
	})
	t.settle = ui.NewButton(d.T("report.settle"), "", ui.Plain, t.say)
	t.detail = ui.Card("", ui.Frame(6, ui.Column(6, t.head, ui.Row(4, t.parts.Box, ui.Spring(), t.settle)), nil, t.body, nil, nil))
	t.detail.Hide()
	t.box = ui.Columns(14, []float32{42, 58}, left, t.detail)
	return t
}

func (t *reports) content() fyne.CanvasObject { return t.box }

func (t *reports) show(string) {
	t.d.Window.Canvas().Focus(t.list)
	t.load()
}

func (t *reports) hide()    { t.newest.Next(); t.reading.Next() }
func (t *reports) changed() { t.load() }

// again reads the mailboxes now.
func (t *reports) again() {
	if t.fetch.Disabled() {
		return
	}
	t.fetch.Disable()
	ui.Ask(t.d, t.d.Model.Delivery.Fetch, &mostradorv1.FetchRequest{}, func(res *mostradorv1.FetchResponse, err error) {
		t.fetch.Enable()
		if err != nil {
			t.d.Fail(t.d.Explain(err))
			return
		}
		t.d.Say(t.d.T("report.fetched", "n", res.Mails))
		t.load()
	})
}

func (t *reports) load() {
	t.read("", func(list []*mostradorv1.Report) { t.all = list })
}

func (t *reports) read(page string, put func([]*mostradorv1.Report)) {
	current := t.newest.Next()
	t.loading = true
	req := &mostradorv1.ListReportsRequest{Kind: kinds[max(0, t.kind.SelectedIndex())], Limit: pageSize, Page: page}
	ui.Ask(t.d, t.d.Model.Delivery.Reports, req, func(res *mostradorv1.ListReportsResponse, err error) {
		if !current() {
			return
		}
		t.loading = false
		if err != nil {
			t.d.Fail(t.d.Explain(err))
			return
		}
		put(res.Reports)
		t.next = res.NextPage
		t.none.Hidden = len(t.all) > 0
		t.list.Refresh()
		t.count()
		at := 0
		for i, r := range t.all {
			if r.Id == t.shown.GetId() {
				at = i
			}
		}
		if len(t.all) == 0 {
			t.detail.Hide()
			return
		}
		t.list.Put(at)
		t.open(at)
	})
}

// count says how many nobody has understood.
func (t *reports) count() {
	n := 0
	for _, r := range t.all {
		if r.Kind == mostradorv1.ReportKind_REPORT_KIND_UNKNOWN {
			n++
		}
	}
	words := ""
	if n > 0 {
		words = t.d.T("report.unknown", "n", n)
	}
	t.unknown.SetText(words)
	t.unknown.Hidden = n == 0
}

// reportRow is one mail in the list.
type reportRow struct {
	subject, from *widget.Label
	kind          *ui.Badge
}

func newReportRow() fyne.CanvasObject {
	r := &reportRow{ui.Cell(true), ui.Cell(false), ui.NewBadge(" ", ui.Quiet)}
	r.from.SizeName, r.from.Importance = theme.SizeNameCaptionText, widget.LowImportance
	return ui.Hold(r, ui.Column(-13, r.subject, ui.Frame(2, nil, nil, r.from, ui.Row(0, r.kind.Box, ui.Gap(4)), nil)), 4)
}

func (t *reports) update(i int, o fyne.CanvasObject) {
	if i >= len(t.all) {
		return
	}
	r, row := t.all[i], ui.Held[*reportRow](o)
	row.subject.SetText(r.Subject)
	row.from.SetText(t.d.Text.DateTime(r.Received))
	row.kind.Set(t.d.T("report."+r.Kind.String()), reportTone(r.Kind))
	o.Refresh()
	if i == len(t.all)-1 && t.next != "" && !t.loading {
		t.read(t.next, func(list []*mostradorv1.Report) { t.all = append(t.all, list...) })
	}
}

func reportTone(kind mostradorv1.ReportKind) ui.Tone {
	switch kind {
	case mostradorv1.ReportKind_REPORT_KIND_UNKNOWN:
		return ui.Warn
	case mostradorv1.ReportKind_REPORT_KIND_BOUNCE, mostradorv1.ReportKind_REPORT_KIND_COMPLAINT:
		return ui.Bad
	case mostradorv1.ReportKind_REPORT_KIND_DELIVERED:
		return ui.Good
	}
	return ui.Quiet
}

func (t *reports) open(i int) {
	if i < 0 || i >= len(t.all) {
		return
	}
	current := t.reading.Next()
	ui.Ask(t.d, t.d.Model.Delivery.GetReport, &mostradorv1.GetReportRequest{Id: t.all[i].Id}, func(res *mostradorv1.GetReportResponse, err error) {
		if !current() {
			return
		}
		if err != nil {
			t.d.Fail(t.d.Explain(err))
			return
		}
		t.details(res)
	})
}

// most is how much of a mail as it came is shown: enough to judge it by.
const most = 64 << 10

func (t *reports) details(res *mostradorv1.GetReportResponse) {
	d, r := t.d, res.Report
	t.shown = r
	t.head.RemoveAll()
	title := ui.Words(r.Subject)
	title.TextStyle.Bold = true
	t.head.Add(ui.Row(0, ui.NewBadge(d.T("report."+r.Kind.String()), reportTone(r.Kind)).Box))
	t.head.Add(ui.Tight(title))
	facts := d.T("report.from", "from", r.From, "when", d.Text.DateTime(r.Received), "source", r.Source)
	if r.SettledBy.GetOperator() != "" {
		facts += "\n" + d.T("report.settled", "who", r.SettledBy.Operator)
	} else if r.Method != "" {
		facts += "\n" + d.T("report.method", "method", r.Method)
	}
	t.head.Add(ui.Tight(ui.Note(facts, widget.LowImportance)))
	for _, one := range r.Recipients {
		words := one.Email
		if b := Bounce(d, one.Bounce); b != "" {
			words += ": " + b
		}
		line := ui.Row(2)
		if one.MessageId != "" {
			line.Add(ui.NewButton(d.T("history.message"), "", ui.Link, func() { d.Nav.Go(ui.Outbox, one.MessageId) }))
		}
		t.head.Add(ui.Frame(4, nil, nil, ui.Tight(ui.Words(words)), line, nil))
	}
	text := res.Mail.GetText()
	if text == "" {
		text = res.Mail.GetHtml()
	}
	t.text.Quiet(text)
	eml := strings.ToValidUTF8(string(res.Eml), "\uFFFD")
	if len(eml) > most {
		eml = strings.ToValidUTF8(eml[:most], "") + "\n…"
	}
	t.raw.Quiet(strings.ReplaceAll(eml, "\r\n", "\n"))
	t.settle.SetStyle(ui.Plain)
	if r.Kind == mostradorv1.ReportKind_REPORT_KIND_UNKNOWN {
		t.settle.SetStyle(ui.Primary)
	}
	t.detail.Show()
	t.detail.Refresh()
}

// bounceKinds and bounceReasons are what a bounce can be said to be.
var bounceKinds = []mostradorv1.Bounce_Kind{mostradorv1.Bounce_KIND_HARD, mostradorv1.Bounce_KIND_SOFT, mostradorv1.Bounce_KIND_BLOCKED, mostradorv1.Bounce_KIND_DELAYED}

var bounceReasons = []string{"unknown_user", "unknown_domain", "mailbox_full", "disabled", "too_large", "spam", "blocklist", "policy", "greylisted", "rate", "relay", "loop", "content", "dmarc", "server", "network", "other"}

// say asks what the mail is.
func (t *reports) say() {
	d, r := t.d, t.shown
	if r == nil || d.TopModal() != nil {
		return
	}
	var what, sorts, why []*mostradorv1.Choice
	for _, kind := range kinds[2:] {
		what = append(what, &mostradorv1.Choice{Value: kind.String(), Label: d.T("report." + kind.String())})
	}
	for _, kind := range bounceKinds {
		sorts = append(sorts, &mostradorv1.Choice{Value: kind.String(), Label: d.T("bounce." + kind.String())})
	}
	for _, reason := range bounceReasons {
		why = append(why, &mostradorv1.Choice{Value: reason, Label: Reason(d, reason)})
	}
	email := ""
	if len(r.Recipients) > 0 {
		email = r.Recipients[0].Email
	}
	var m *ui.Modal
	var send func()
	enter := func() { send() }
	kind := ui.NewQuestion(d, ui.Question{Type: "choice", Label: d.T("report.is"), Choices: what, Required: true}, enter)
	address := ui.NewQuestion(d, ui.Question{Type: "email", Label: d.T("report.whose"), Value: email}, enter)
	sort := ui.NewQuestion(d, ui.Question{Type: "choice", Label: d.T("report.bounce"), Choices: sorts, Value: mostradorv1.Bounce_KIND_SOFT.String(), Required: true}, enter)
	reason := ui.NewQuestion(d, ui.Question{Type: "choice", Label: d.T("delivery.why"), Choices: why, Value: "other", Required: true}, enter)
	bounce := ui.Columns(12, []float32{1, 1}, sort.Box, reason.Box)
	bounce.Hide()
	kind.OnChanged = func() {
		bounce.Hidden = kind.Value() != mostradorv1.ReportKind_REPORT_KIND_BOUNCE.String()
		m.Fit()
	}
	button := ui.NewButton(d.T("save"), "Enter", ui.Primary, enter)
	send = func() {
		if button.Disabled() || !kind.Check() {
			return
		}
		req := &mostradorv1.SettleReportRequest{Id: r.Id, Kind: mostradorv1.ReportKind(mostradorv1.ReportKind_value[kind.Value()]), Email: address.Value()}
		if req.Kind == mostradorv1.ReportKind_REPORT_KIND_BOUNCE {
			if req.Email == "" {
				address.Say(d.T("action.missing.value"))
				return
			}
			req.Bounce = &mostradorv1.Bounce{Kind: mostradorv1.Bounce_Kind(mostradorv1.Bounce_Kind_value[sort.Value()]), Reason: reason.Value()}
		}
		button.Disable()
		ui.Ask(d, d.Model.Delivery.Settle, req, func(_ *mostradorv1.SettleReportResponse, err error) {
			button.Enable()
			if err != nil {
				kind.Say(d.Explain(err))
				return
			}
			m.Close()
			d.Say(d.T("report.settled.done"))
			t.load()
		})
	}
	body := ui.Column(6, ui.Tight(ui.Words(d.T("report.settle.text"))), kind.Box, address.Box, bounce)
	m = d.NewModal(d.T("report.settle"), 560, body, kind.Focus(), ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() }), button)
}
