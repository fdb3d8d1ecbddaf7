package sheet

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// pastLimit is how many messages and events the sheet shows.
const pastLimit = 100

// line is one row of the past: when, what, by whom, and a state.
type line struct {
	when, what, who string
	badge           string
	tone            ui.Tone
	message         string
}

// past is the lower part of the sheet: the customer's messages and history.
type past struct {
	d        *ui.Desk
	id       string
	content  *fyne.Container
	tabs     [2]*ui.Button
	lines    [2][]line
	at       int
	list     *ui.List
	none     *fyne.Container
	newest   [2]ui.Latest
	noneText [2]string
}

func newPast(d *ui.Desk) *past {
	p := &past{d: d}
	p.tabs[0] = ui.NewButton(d.T("sheet.messages"), "", ui.NavCurrent, func() { p.choose(0) })
	p.tabs[1] = ui.NewButton(d.T("sheet.history"), "", ui.Nav, func() { p.choose(1) })
	p.noneText = [2]string{d.T("sheet.messages.none"), d.T("sheet.history.none")}
	p.list = ui.NewList(func() int { return len(p.lines[p.at]) }, func() fyne.CanvasObject {
		when, what, who := ui.Cell(false), ui.Cell(false), ui.Cell(false)
		when.Importance, who.Importance = widget.LowImportance, widget.LowImportance
		badge := ui.NewBadge(" ", ui.Quiet)
		return container.New(&pastRow{when, what, who, badge},
			ui.Frame(4, nil, ui.Exactly(160, when), what, ui.Row(8, ui.Exactly(230, who), badge.Box), nil))
	}, func(i int, o fyne.CanvasObject) {
		if i >= len(p.lines[p.at]) {
			return
		}
		l, row := p.lines[p.at][i], o.(*fyne.Container).Layout.(*pastRow)
		row.when.SetText(l.when)
		row.what.SetText(l.what)
		row.who.SetText(l.who)
		row.badge.Set(l.badge, l.tone)
		o.Refresh()
	}, func(i int) {
		if i < len(p.lines[p.at]) && p.lines[p.at][i].message != "" && d.Model.May(mostradorv1.Role_ROLE_OPERATOR) {
			d.Nav.Go(ui.Outbox, p.lines[p.at][i].message)
		}
	})
	p.none = container.NewCenter(ui.Text("", ui.SizeText, false, ui.ColorMuted))
	p.content = ui.Card("", ui.Frame(6, ui.Row(4, p.tabs[0], p.tabs[1]), nil, container.NewStack(p.list, p.none), nil, nil))
	return p
}

type pastRow struct {
	when, what, who *widget.Label
	badge           *ui.Badge
}

func (*pastRow) MinSize(o []fyne.CanvasObject) fyne.Size      { return o[0].MinSize() }
func (*pastRow) Layout(o []fyne.CanvasObject, size fyne.Size) { o[0].Resize(size) }

func (p *past) open(id string) {
	p.id, p.lines = id, [2][]line{}
	p.load()
}

func (p *past) choose(tab int) {
	p.at = tab
	p.tabs[tab].SetStyle(ui.NavCurrent)
	p.tabs[1-tab].SetStyle(ui.Nav)
	p.show()
}

func (p *past) show() {
	text := p.none.Objects[0].(interface {
		fyne.CanvasObject
	})
	if len(p.lines[p.at]) == 0 {
		p.none.Objects[0] = ui.Text(p.noneText[p.at], ui.SizeText, false, ui.ColorMuted)
		p.none.Show()
	} else {
		p.none.Hide()
	}
	text.Refresh()
	p.list.UnselectAll()
	p.list.Refresh()
	p.content.Refresh()
}

// load reads messages and history again.
func (p *past) load() {
	messages := p.newest[0].Next()
	ui.Ask(p.d, p.d.Model.Messages.List, &mostradorv1.ListMessagesRequest{CustomerId: p.id, Limit: pastLimit}, func(res *mostradorv1.ListMessagesResponse, err error) {
		if err != nil || !messages() {
			return
		}
		p.lines[0] = nil
		for _, m := range res.Messages {
			word, tone := MessageState(p.d, m.State)
			p.lines[0] = append(p.lines[0], line{when: p.d.Text.DateTime(m.Queued), what: m.Subject, who: m.To, badge: word, tone: tone, message: m.Id})
		}
		p.show()
	})
	events := p.newest[1].Next()
	ui.Ask(p.d, p.d.Model.Events.List, &mostradorv1.ListEventsRequest{CustomerId: p.id, Limit: pastLimit, Newest: true}, func(res *mostradorv1.ListEventsResponse, err error) {
		if err != nil || !events() {
			return
		}
		p.lines[1] = nil
		for _, e := range res.Events {
			p.lines[1] = append(p.lines[1], line{when: p.d.Text.DateTime(e.Time), what: p.event(e), who: actor(e.Actor)})
		}
		p.show()
	})
}

// MessageState is the word and tone for a message's state.
func MessageState(d *ui.Desk, state mostradorv1.MessageState) (string, ui.Tone) {
	tone := ui.Quiet
	switch state {
	case mostradorv1.MessageState_MESSAGE_STATE_SENT:
		tone = ui.Good
	case mostradorv1.MessageState_MESSAGE_STATE_FAILED:
		tone = ui.Bad
	case mostradorv1.MessageState_MESSAGE_STATE_QUEUED, mostradorv1.MessageState_MESSAGE_STATE_SUPPRESSED:
		tone = ui.Warn
	}
	return d.T("message." + state.String()), tone
}

func actor(a *plgv1.Actor) string {
	parts := []string{}
	for _, part := range []string{a.GetOperator(), a.GetTill()} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return strings.TrimPrefix(a.GetChannel(), "plugin:")
	}
	return strings.Join(parts, " · ")
}

// event says an event in words.
func (p *past) event(e *plgv1.Event) string {
	d := p.d
	switch {
	case e.GetCustomerRegistered() != nil:
		return d.T("event.registered")
	case e.GetCustomerChanged() != nil:
		var names []string
		for _, change := range e.GetCustomerChanged().Changes {
			name := change.Field
			if key := "customer." + change.Field; d.Text.Has(key) {
				name = d.T(key)
			}
			names = append(names, name)
		}
		return d.T("event.changed", "fields", strings.Join(names, ", "))
	case e.GetConsentGiven() != nil:
		return d.T("event.given", "means", d.T("means."+e.GetConsentGiven().Means.String()))
	case e.GetConsentWithdrawn() != nil:
		return d.T("event.withdrawn", "means", d.T("means."+e.GetConsentWithdrawn().Means.String()))
	case e.GetSaleCompleted() != nil:
		sale := e.GetSaleCompleted().Sale
		return d.T("event.sale", "amount", d.Text.Money(sale.GetTotal()), "receipt", sale.GetReceipt())
	case e.GetSaleRefunded() != nil:
		r := e.GetSaleRefunded()
		return d.T("event.refund", "amount", d.Text.Money(r.Amount), "receipt", r.Sale.GetReceipt())
	case e.GetScheduled() != nil:
		return d.T("event.scheduled", "name", e.GetScheduled().Name)
	}
	if note := e.GetCustom().GetFields()["note"].GetStringValue(); note != "" {
		return note
	}
	return d.T("event.other", "type", e.Type)
}
