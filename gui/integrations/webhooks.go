package integrations

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	"google.golang.org/protobuf/proto"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// callsListed is how many calls of a webhook are shown, the newest.
const callsListed = 50

var webhookWeights = []float32{22, 32, 18, 12, 16}

// webhookRow is one webhook in the list.
type webhookRow struct {
	name, url, events, pending *widget.Label
	state                      *ui.Badge
}

func (s *Screen) newWebhooks() *ui.Shelf[*mostradorv1.Webhook] {
	d := s.d
	return ui.NewShelf(d, ui.ShelfConfig[*mostradorv1.Webhook]{
		Hint: d.T("integrations.webhook.filter"), None: d.T("integrations.webhook.none"),
		Captions: ui.Captions(webhookWeights, d.T("integrations.name"), d.T("integrations.url"), d.T("integrations.events"), d.T("integrations.pending"), d.T("rules.state")),
		Row: func() fyne.CanvasObject {
			r := &webhookRow{ui.Cell(true), ui.Cell(false), ui.Cell(false), ui.Cell(false), ui.NewBadge(" ", ui.Quiet)}
			return ui.Hold(r, ui.Columns(4, webhookWeights, r.name, r.url, r.events, r.pending, ui.Row(0, ui.Gap(9), r.state.Box)), 6)
		},
		Show: func(w *mostradorv1.Webhook, o fyne.CanvasObject) {
			r := ui.Held[*webhookRow](o)
			r.name.SetText(w.Name)
			r.url.SetText(w.Url)
			r.events.SetText(strings.Join(w.Events, ", "))
			r.pending.SetText(d.Text.Number(float64(w.Pending)))
			switch {
			case w.SetAside:
				r.state.Set(d.T("integrations.aside"), ui.Bad)
			case !w.Enabled:
				r.state.Set(d.T("integrations.off"), ui.Quiet)
			case w.LastError != "":
				r.state.Set(d.T("integrations.failing"), ui.Warn)
			default:
				r.state.Set(d.T("integrations.on"), ui.Good)
			}
		},
		Words: func(w *mostradorv1.Webhook) string { return w.Name + " " + w.Url + " " + strings.Join(w.Events, " ") },
		Read: func(then func([]*mostradorv1.Webhook, error)) {
			ui.Ask(d, d.Model.Integrations.Webhooks, &mostradorv1.ListWebhooksRequest{}, func(res *mostradorv1.ListWebhooksResponse, err error) { then(res.GetWebhooks(), err) })
		},
		Open: s.editWebhook,
	})
}

// editWebhook makes a webhook or changes one; one that is there can be tried, and its calls looked at.
func (s *Screen) editWebhook(w *mostradorv1.Webhook) {
	d := s.d
	name := ui.NewField(d.T("integrations.name"), ui.NewEntry(d.T("integrations.webhook.hint"), nil))
	name.Entry.Quiet(w.Name)
	url := ui.NewField(d.T("integrations.url"), ui.NewEntry("https://", nil))
	url.Entry.Quiet(w.Url)
	events := ui.NewQuestion(d, ui.Question{Type: "list", Label: d.T("integrations.events"), Help: d.T("integrations.events.help"), Value: strings.Join(w.Events, "\n")}, nil)
	on := ui.NewCheck(d.T("integrations.on"), nil)
	on.SetChecked(w.Enabled)
	personal := ui.NewCheck(d.T("integrations.personal"), nil)
	personal.SetChecked(w.Personal)
	fields := map[string]*ui.Field{"name": name, "url": url, "events": events}
	said := ui.Note("", widget.MediumImportance)
	switch {
	case w.SetAside:
		said.Importance = widget.DangerImportance
		said.SetText(d.T("integrations.aside.text", "why", w.LastError))
	case w.LastError != "":
		said.Importance = widget.WarningImportance
		said.SetText(d.T("integrations.failing.text", "why", w.LastError))
	}
	var m *ui.Modal
	wrong := func(text string) {
		said.Importance = widget.DangerImportance
		said.SetText(text)
		m.Fit()
	}
	var save, anew *ui.Button
	put := func(fresh bool) {
		next := proto.CloneOf(w)
		next.Name, next.Url, next.Enabled, next.Personal = name.Value(), url.Value(), on.Checked, personal.Checked
		next.Events = strings.FieldsFunc(events.Value(), func(r rune) bool { return r == '\n' })
		if len(next.Events) == 0 {
			events.Say(d.T("action.missing.value"))
			d.Window.Canvas().Focus(events.Focus())
			return
		}
		save.Disable()
		ui.Ask(d, d.Model.Integrations.PutWebhook, &mostradorv1.PutWebhookRequest{Webhook: next, NewSecret: fresh}, func(res *mostradorv1.PutWebhookResponse, err error) {
			save.Enable()
			if err != nil {
				place(d, err, fields, wrong)
				return
			}
			m.Close()
			d.Say(d.T("integrations.saved", "name", res.Webhook.GetName()))
			s.webhooks.Load(func(o *mostradorv1.Webhook) bool { return o.Id == res.Webhook.GetId() })
			if res.Webhook.GetSecret() != "" {
				secret(d, d.T("integrations.secret.of", "name", res.Webhook.GetName()), d.T("integrations.secret.once"), res.Webhook.Secret)
			}
		})
	}
	save = ui.NewButton(d.T("save"), "", ui.Primary, func() { put(false) })
	anew = ui.NewButton(d.T("integrations.secret.new"), "", ui.Plain, func() {
		d.Confirm(d.T("integrations.secret.new"), d.T("integrations.secret.new.text"), d.T("integrations.secret.new"), func() { put(true) })
	})
	buttons := []fyne.CanvasObject{ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() }), save}
	title := d.T("integrations.webhook.new")
	body := ui.Column(4, ui.Columns(12, []float32{2, 3}, name.Box, url.Box), events.Box, on, personal, ui.Tight(said))
	if w.Id != "" {
		title = w.Name
		try := ui.NewButton(d.T("integrations.test"), "", ui.Plain, nil)
		try.OnTapped = func() {
			try.Disable()
			said.Importance = widget.LowImportance
			said.SetText(d.T("guide.test.wait"))
			ui.Ask(d, d.Model.Integrations.TestWebhook, &mostradorv1.TestWebhookRequest{Id: w.Id}, func(res *mostradorv1.TestWebhookResponse, err error) {
				try.Enable()
				if err != nil {
					wrong(d.Explain(err))
					return
				}
				said.Importance = widget.SuccessImportance
				if res.Call.GetStatus() < 200 || res.Call.GetStatus() > 299 {
					said.Importance = widget.DangerImportance
				}
				said.SetText(d.T("integrations.answered", "answer", answer(d, res.Call)))
				m.Fit()
			})
		}
		body.Add(ui.Row(8, try, ui.NewButton(d.T("integrations.calls"), "", ui.Plain, func() { s.calls(w) }), anew))
		remove := ui.NewButton(d.T("integrations.delete"), "", ui.Danger, func() {
			d.Confirm(d.T("integrations.delete.title", "name", w.Name), d.T("integrations.webhook.delete"), d.T("integrations.delete"), func() {
				ui.Ask(d, d.Model.Integrations.DeleteWebhook, &mostradorv1.DeleteWebhookRequest{Id: w.Id}, func(_ *mostradorv1.DeleteWebhookResponse, err error) {
					if err != nil {
						wrong(d.Explain(err))
						return
					}
					m.Close()
					d.Say(d.T("integrations.deleted", "name", w.Name))
					s.webhooks.Load(nil)
				})
			})
		})
		buttons = append([]fyne.CanvasObject{remove}, buttons...)
	}
	m = d.NewModal(title, 700, body, name.Entry, buttons...)
}

// answer is what a call was answered with.
func answer(d *ui.Desk, c *mostradorv1.WebhookCall) string {
	if c.GetStatus() == 0 {
		if c.GetAnswer() == "" {
			return d.T("integrations.unanswered")
		}
		return c.Answer
	}
	return strings.TrimSpace(d.Text.Number(float64(c.Status)) + " " + c.Answer)
}

// callRow is one call in the list.
type callRow struct {
	what, answer *widget.Label
	state        *ui.Badge
}

// calls lists the newest calls of a webhook; Enter sends one that failed again.
func (s *Screen) calls(w *mostradorv1.Webhook) {
	d := s.d
	var m *ui.Modal
	var all []*mostradorv1.WebhookCall
	var load func()
	list := ui.NewList(func() int { return len(all) }, func() fyne.CanvasObject {
		r := &callRow{ui.Cell(true), ui.Cell(false), ui.NewBadge(" ", ui.Quiet)}
		r.answer.SizeName, r.answer.Importance = theme.SizeNameCaptionText, widget.LowImportance
		return ui.Hold(r, ui.Frame(4, nil, nil, ui.Column(-14, r.what, r.answer), ui.Row(0, r.state.Box), nil), 0)
	}, func(i int, o fyne.CanvasObject) {
		if i >= len(all) {
			return
		}
		c, r := all[i], ui.Held[*callRow](o)
		r.what.SetText(c.Type)
		r.answer.SetText(d.T("integrations.call", "when", d.Text.DateTime(c.Created), "n", c.Attempts, "answer", answer(d, c)))
		switch {
		case c.Failed:
			r.state.Set(d.T("integrations.call.failed"), ui.Bad)
		case c.Done != nil:
			r.state.Set(d.T("integrations.call.done"), ui.Good)
		default:
			r.state.Set(d.T("integrations.call.waits"), ui.Warn)
		}
		o.Refresh()
	}, func(i int) {
		if i >= len(all) || !all[i].Failed {
			return
		}
		ui.Ask(d, d.Model.Integrations.RetryCall, &mostradorv1.RetryCallRequest{Id: all[i].Id}, func(_ *mostradorv1.RetryCallResponse, err error) {
			if err != nil {
				d.Fail(d.Explain(err))
				return
			}
			load()
		})
	})
	note := ui.Note(d.T("integrations.calls.keys"), widget.LowImportance)
	load = func() {
		ui.Ask(d, d.Model.Integrations.Calls, &mostradorv1.ListCallsRequest{Webhook: w.Id, Limit: callsListed}, func(res *mostradorv1.ListCallsResponse, err error) {
			if err != nil {
				note.SetText(d.Explain(err))
				return
			}
			all = res.Calls
			if len(all) == 0 {
				note.SetText(d.T("integrations.calls.none"))
			}
			list.UnselectAll()
			list.Refresh()
		})
	}
	m = d.NewModal(d.T("integrations.calls.of", "name", w.Name), 640, ui.Column(6, ui.Tight(note), ui.Least(0, 360, list)), list, ui.NewButton(d.T("close"), "Esc", ui.Plain, func() { m.Close() }))
	load()
}
