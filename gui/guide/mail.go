package guide

import (
	"strings"

	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// mailPrefix marks the settings of outgoing mail, which offer to send a test.
const mailPrefix = "Correo"

// sendTest asks for an address and sends one mail through the transport in force.
func (e *editor) sendTest() {
	var m *ui.Modal
	answer := ui.Words("")
	var send func()
	to := ui.NewField(e.d.T("guide.test.to"), ui.NewEntry(e.d.T("customer.email.hint"), func(string) { send() }))
	button := ui.NewButton(e.d.T("guide.test.send"), "Enter", ui.Primary, func() { send() })
	send = func() {
		if button.Disabled() {
			return
		}
		button.Disable()
		answer.Importance = widget.LowImportance
		answer.SetText(e.d.T("guide.test.wait"))
		ui.Ask(e.d, e.d.Model.Settings.SendTest, &mostradorv1.SendTestRequest{To: strings.TrimSpace(to.Entry.Text)}, func(res *mostradorv1.SendTestResponse, err error) {
			button.Enable()
			answer.Importance, answer.Text = widget.SuccessImportance, res.GetAnswer()
			if err != nil {
				answer.Importance, answer.Text = widget.DangerImportance, Reasons(e.d, err)
			}
			answer.Refresh()
			m.Fit()
		})
	}
	m = e.d.NewModal(e.d.T("guide.test"), 500, ui.Column(6, ui.Tight(ui.Words(e.d.T("guide.test.text"))), to.Box, ui.Tight(answer)), to.Entry,
		ui.NewButton(e.d.T("close"), "Esc", ui.Plain, func() { m.Close() }), button)
}
