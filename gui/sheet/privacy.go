package sheet

import (
	"context"
	"errors"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/merge"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// privacy is the card of a customer's rights: to get what is known, to be forgotten, and to be one person in the
// records as in life.
type privacy struct {
	s   *Screen
	box *fyne.Container
}

func newPrivacy(s *Screen) *privacy {
	p := &privacy{s: s, box: ui.Column(6)}
	add := func(name, text string, style ui.Style, do func(*plgv1.Customer)) {
		b := ui.NewButton(name, "", style, func() {
			if s.shown != nil && s.d.TopModal() == nil {
				do(s.shown.Customer)
			}
		})
		b.SetEnabled(s.d.Model.May(mostradorv1.Role_ROLE_OPERATOR))
		p.box.Add(b)
		p.box.Add(ui.Pad(8, 0, ui.Tight(ui.Note(text, widget.LowImportance))))
	}
	add(s.d.T("privacy.disclose"), s.d.T("privacy.disclose.text"), ui.Plain, p.disclose)
	add(s.d.T("privacy.merge"), s.d.T("privacy.merge.text"), ui.Plain, func(c *plgv1.Customer) {
		merge.Find(s.d, c, func(kept string) { s.d.Nav.Go(ui.Sheet, kept) })
	})
	add(s.d.T("privacy.erase"), s.d.T("privacy.erase.text"), ui.Danger, p.erase)
	return p
}

// disclose writes everything that the store knows of the customer to a file.
func (p *privacy) disclose(c *plgv1.Customer) {
	d := p.s.d
	d.SaveFile(d.T("privacy.disclose"), d.T("privacy.disclose.name", "n", c.Number)+".zip", nil, func(path string) {
		ui.Download(d, d.T("privacy.disclose"), d.Model.Records.Disclose, &mostradorv1.DiscloseRequest{CustomerId: c.Id}, path, func(err error) {
			switch {
			case errors.Is(err, context.Canceled):
				d.Warn(d.T("customers.export.cancelled"))
			case err != nil:
				d.Fail(d.Explain(err))
			default:
				d.Say(d.T("privacy.disclose.done", "path", path))
			}
		})
	})
}

// erase says what goes and what stays, and forgets the customer once his name was typed.
func (p *privacy) erase(c *plgv1.Customer) {
	d := p.s.d
	ui.Ask(d, d.Model.Records.Erase, &mostradorv1.EraseRequest{CustomerId: c.Id, Preview: true}, func(res *mostradorv1.EraseResponse, err error) {
		if err != nil {
			d.Fail(d.Explain(err))
			return
		}
		p.confirm(c, res)
	})
}

// reasonRequest is the reason that a person asks to be forgotten for; any other is written in words.
const reasonRequest = "request"

func (p *privacy) confirm(c *plgv1.Customer, would *mostradorv1.EraseResponse) {
	d := p.s.d
	var m *ui.Modal
	list := func(name string, lines []string) fyne.CanvasObject {
		column := ui.Column(3, ui.Text(name, ui.SizeText, true, ui.ColorMuted))
		for _, line := range lines {
			column.Add(ui.Tight(ui.Words("· " + line)))
		}
		return column
	}
	var send func()
	name := ui.NewField(d.T("privacy.erase.name", "name", c.Name), ui.NewEntry(c.Name, func(string) { send() }))
	why := ui.NewField(d.T("privacy.erase.why"), ui.NewEntry(d.T("privacy.erase.why.hint"), func(string) { d.Window.Canvas().Focus(name.Entry) }))
	yes := ui.NewButton(d.T("privacy.erase.yes"), "", ui.Danger, func() { send() })
	same := func() bool {
		return strings.EqualFold(strings.Join(strings.Fields(name.Value()), " "), strings.Join(strings.Fields(c.Name), " "))
	}
	yes.Disable()
	name.Entry.OnChanged = func(string) { name.Say(""); yes.SetEnabled(same()) }
	send = func() {
		if !same() {
			name.Say(d.T("privacy.erase.differs"))
			return
		}
		req := &mostradorv1.EraseRequest{CustomerId: c.Id, Reason: reasonRequest}
		if text := why.Value(); text != "" {
			req.Reason = text
		}
		yes.Disable()
		ui.Ask(d, d.Model.Records.Erase, req, func(_ *mostradorv1.EraseResponse, err error) {
			if err != nil {
				yes.Enable()
				name.Say(d.Explain(err))
				m.Fit()
				return
			}
			m.Close()
			d.Nav.Back()
			d.Say(d.T("privacy.erase.done"))
		})
	}
	no := ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() })
	body := ui.Column(10, list(d.T("privacy.erase.goes"), would.Erased), list(d.T("privacy.erase.stays"), would.Kept), why.Box, name.Box)
	m = d.NewModal(d.T("privacy.erase.title", "name", c.Name), 600, ui.Fold(body, 520), why.Entry, no, yes)
	m.Fit()
}

// showOptOut offers the opt-out that every customer may ask for (seed 000, step 3).
func (s *Screen) showOptOut() {
	if s.shown.Customer.GetConsent().GetPromotions() == plgv1.ConsentState_CONSENT_STATE_WITHDRAWN {
		return
	}
	may := s.d.Model.May(mostradorv1.Role_ROLE_OPERATOR)
	s.leave.SetEnabled(may)
	s.consent.Add(ui.Gap(4))
	s.consent.Add(ui.Row(0, s.leave))
	if !may {
		s.consent.Add(ui.Pad(8, 0, ui.Tight(ui.Note(s.d.T("error.permission"), widget.LowImportance))))
	}
}

func (s *Screen) optOut() {
	c := s.shown.Customer
	s.d.Confirm(s.d.T("sheet.optout"), s.d.T("sheet.optout.text", "name", c.Name), s.d.T("sheet.optout.yes"), func() {
		ui.Ask(s.d, s.d.Model.Customers.Withdraw, &mostradorv1.WithdrawRequest{Id: c.Id}, func(res *mostradorv1.WithdrawResponse, err error) {
			if err != nil {
				s.d.Fail(s.d.Explain(err))
				return
			}
			if s.sheet != nil {
				s.sheet.Apply(res.Customer)
				s.sheet.Reload()
			}
			s.d.Say(s.d.T("sheet.optout.done", "name", c.Name))
		})
	})
}
