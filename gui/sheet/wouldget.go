package sheet

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/gui/why"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// wouldGet is the card that asks whether the customer would get a message now, and why.
type wouldGet struct {
	d   *ui.Desk
	box *fyne.Container
	id  string
}

func newWouldGet(d *ui.Desk) *wouldGet {
	w := &wouldGet{d: d, box: ui.Column(8)}
	may := d.Model.May(mostradorv1.Role_ROLE_OPERATOR)
	for _, kind := range []plgv1.MessageKind{plgv1.MessageKind_MESSAGE_KIND_TRANSACTIONAL, plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL} {
		b := ui.NewButton(d.T("kind."+kind.String()), "", ui.Plain, func() { w.topic(kind) })
		b.SetEnabled(may)
		w.box.Add(b)
	}
	w.box.Add(ui.Pad(8, 0, ui.Tight(ui.Note(d.T("why.would.text"), widget.LowImportance))))
	return w
}

// topic asks what a promotion is about, when there are several topics.
func (w *wouldGet) topic(kind plgv1.MessageKind) {
	d := w.d
	if d.TopModal() != nil {
		return
	}
	if kind != plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL {
		w.ask(kind, "")
		return
	}
	ui.Ask(d, d.Model.Subscriptions.Topics, &mostradorv1.ListTopicsRequest{}, func(res *mostradorv1.ListTopicsResponse, err error) {
		if err != nil {
			d.Fail(d.Explain(err))
			return
		}
		if len(res.Topics) == 0 {
			w.ask(kind, "")
			return
		}
		options := []ui.Option{{Label: d.T("rules.topic.none")}}
		for _, t := range res.Topics {
			options = append(options, ui.Option{Value: t.Id, Label: topicName(d, t), Detail: t.Description})
		}
		ui.Pick(d, d.T("rules.topic"), d.T("why.topic"), options, func(o ui.Option) { w.ask(kind, o.Value) })
	})
}

func (w *wouldGet) ask(kind plgv1.MessageKind, topic string) {
	d := w.d
	ui.Ask(d, d.Model.Messages.Why, &mostradorv1.WhyMessageRequest{CustomerId: w.id, Kind: kind, Topic: topic}, func(res *mostradorv1.WhyMessageResponse, err error) {
		if err != nil {
			d.Fail(d.Explain(err))
			return
		}
		var m *ui.Modal
		shut := ui.NewButton(d.T("close"), "Esc", ui.Plain, func() { m.Close() })
		m = d.NewModal(d.T("why.would"), 640, ui.Fold(why.View(d, res), 440), shut, shut)
		m.Fit()
	})
}
