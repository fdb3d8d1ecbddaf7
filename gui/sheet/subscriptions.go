package sheet

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// remembered is how many changes and reasons are shown.
const remembered = 12

// subscriptions is the card of what a customer hears of, and by which channel: a switch for each, who changed it when
// and how, and why he left, in his own words. Whoever takes a customer up again confirms that he asks for it.
type subscriptions struct {
	d      *ui.Desk
	box    *fyne.Container
	id     string
	names  map[string]string // of topics
	newest ui.Latest
	shown  func() // the card has another height
	rest   func() // gives the focus away: the switch that had it is drawn anew
}

func newSubscriptions(d *ui.Desk) *subscriptions {
	return &subscriptions{d: d, box: ui.Column(4), names: map[string]string{}}
}

// load reads topics, for their names, and how the customer stands to each.
func (u *subscriptions) load(id string) {
	u.id = id
	current := u.newest.Next()
	d := u.d
	if !d.Model.May(mostradorv1.Role_ROLE_OPERATOR) {
		u.box.Objects = []fyne.CanvasObject{ui.Tight(ui.Note(d.T("error.permission"), widget.LowImportance))}
		u.box.Refresh()
		return
	}
	ui.Ask(d, d.Model.Subscriptions.Topics, &mostradorv1.ListTopicsRequest{}, func(res *mostradorv1.ListTopicsResponse, _ error) {
		if !current() {
			return
		}
		for _, t := range res.GetTopics() { // without their names the topics' ids are shown
			u.names[t.Id] = topicName(d, t)
		}
		u.read(current)
	})
}

func (u *subscriptions) read(current func() bool) {
	d := u.d
	ui.Ask(d, d.Model.Subscriptions.Show, &mostradorv1.ShowSubscriptionsRequest{CustomerId: u.id}, func(res *mostradorv1.ShowSubscriptionsResponse, err error) {
		if !current() {
			return
		}
		if err != nil {
			u.box.Objects = []fyne.CanvasObject{ui.Tight(ui.Note(d.Explain(err), widget.DangerImportance))}
			u.box.Refresh()
			return
		}
		u.show(res)
	})
}

func (u *subscriptions) stop() { u.newest.Next() }

func topicName(d *ui.Desk, t *mostradorv1.Topic) string {
	if d.Text.Language() == "en" && t.NameEn != "" {
		return t.NameEn
	}
	return t.Name
}

// name is what a subscription is about, in words.
func (u *subscriptions) name(s *mostradorv1.Subscription) string {
	switch {
	case s.Topic == "" && u.d.Text.Has("channel."+s.Channel):
		return u.d.T("channel." + s.Channel)
	case s.Topic == "":
		return s.Channel
	case u.names[s.Topic] != "":
		return u.names[s.Topic]
	}
	return s.Topic
}

// how is when a subscription was changed, by whom and how.
func (u *subscriptions) how(s *mostradorv1.Subscription) string {
	d := u.d
	if s.Since == nil {
		return ""
	}
	parts := []string{d.Text.DateTime(s.Since)}
	if who := s.Actor.GetOperator(); who != "" {
		parts = append(parts, who)
	} else if s.Means != plgv1.Means_MEANS_UNSPECIFIED {
		parts = append(parts, d.T("subscriptions.himself"))
	}
	if s.Means != plgv1.Means_MEANS_UNSPECIFIED {
		parts = append(parts, d.T("means."+s.Means.String()))
	}
	if s.Note != "" {
		parts = append(parts, s.Note)
	}
	return strings.Join(parts, "  ·  ")
}

func (u *subscriptions) show(res *mostradorv1.ShowSubscriptionsResponse) {
	d := u.d
	u.box.RemoveAll()
	if res.Notice != "" {
		u.box.Add(ui.Tight(ui.Note(res.Notice, widget.WarningImportance)))
	}
	if len(res.Subscriptions) == 0 {
		u.box.Add(ui.Text(d.T("subscriptions.none"), ui.SizeText, false, ui.ColorMuted))
	}
	for _, s := range res.Subscriptions {
		u.box.Add(u.line(s))
	}
	if len(res.Reasons) > 0 {
		u.box.Add(ui.Gap(2))
		u.box.Add(ui.Text(d.T("subscriptions.reasons"), ui.SizeText, true, ui.ColorMuted))
	}
	for _, r := range res.Reasons[:min(len(res.Reasons), remembered)] {
		words := r.Reason
		if d.Text.Has("leaving." + r.Reason) {
			words = d.T("leaving." + r.Reason)
		}
		if r.Words != "" {
			words += ": " + d.T("subscriptions.quoted", "words", r.Words)
		}
		u.box.Add(ui.Column(0, ui.Caption(d.Text.DateTime(r.Time)), ui.Tight(ui.Words(words))))
	}
	if len(res.History) > 0 {
		u.box.Add(ui.Gap(2))
		u.box.Add(ui.Text(d.T("subscriptions.history"), ui.SizeText, true, ui.ColorMuted))
	}
	for _, s := range res.History[:min(len(res.History), remembered)] {
		words := d.T("subscriptions.left", "name", u.name(s))
		if s.On {
			words = d.T("subscriptions.joined", "name", u.name(s))
		}
		u.box.Add(ui.Column(0, ui.Tight(ui.Words(words)), ui.Tight(ui.Note(u.how(s), widget.LowImportance))))
	}
	u.box.Refresh()
	u.shown()
}

// line is one switch.
func (u *subscriptions) line(s *mostradorv1.Subscription) fyne.CanvasObject {
	box := ui.NewCheck(u.name(s), nil)
	box.SetChecked(s.On)
	box.OnChanged = func(on bool) {
		back := func() {
			tell := box.OnChanged
			box.OnChanged = nil
			box.SetChecked(s.On)
			box.OnChanged = tell
		}
		if on {
			back() // until it is confirmed
			u.confirm(s)
			return
		}
		u.change(&mostradorv1.ChangeSubscriptionRequest{CustomerId: u.id, Topic: s.Topic, Channel: s.Channel}, u.name(s), func(err error) {
			back()
			u.d.Fail(u.d.Explain(err))
		})
	}
	how := u.how(s)
	if how == "" {
		return box
	}
	return ui.Column(-4, box, ui.Pad(33, 0, ui.Tight(ui.Note(how, widget.LowImportance))))
}

// confirm takes the customer up again once the person at the till says that he asks for it.
func (u *subscriptions) confirm(s *mostradorv1.Subscription) {
	d := u.d
	if d.TopModal() != nil {
		return
	}
	var m *ui.Modal
	var send func()
	note := ui.NewField(d.T("delivery.note"), ui.NewEntry(d.T("subscriptions.note"), func(string) { send() }))
	yes := ui.NewButton(d.T("subscriptions.join"), "", ui.Primary, func() { send() })
	yes.Disable()
	asks := ui.NewCheck(d.T("subscriptions.asks"), func(on bool) { yes.SetEnabled(on) })
	send = func() {
		if yes.Disabled() {
			note.Say(d.T("subscriptions.unconfirmed"))
			return
		}
		yes.Disable()
		req := &mostradorv1.ChangeSubscriptionRequest{CustomerId: u.id, Topic: s.Topic, Channel: s.Channel, On: true, Note: note.Value(), Confirmed: asks.Checked}
		u.change(req, u.name(s), func(err error) {
			if err != nil {
				yes.Enable()
				note.Say(d.Explain(err))
				m.Fit()
				return
			}
			m.Close()
		})
	}
	body := ui.Column(8, ui.Tight(ui.Words(d.T("subscriptions.confirm.text"))), asks, note.Box)
	m = d.NewModal(d.T("subscriptions.confirm", "name", u.name(s)), 540, body, asks, ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() }), yes)
}

// change sends a change; then is told of an error, and of success when it is a confirmation.
func (u *subscriptions) change(req *mostradorv1.ChangeSubscriptionRequest, name string, then func(error)) {
	d := u.d
	ui.Ask(d, d.Model.Subscriptions.Change, req, func(res *mostradorv1.ChangeSubscriptionResponse, err error) {
		if err != nil {
			then(err)
			return
		}
		if req.On {
			then(nil)
			d.Say(d.T("subscriptions.joined", "name", name))
		} else {
			d.Say(d.T("subscriptions.left", "name", name))
		}
		if req.CustomerId == u.id {
			u.show(res.Now)
			u.rest()
		}
	})
}
