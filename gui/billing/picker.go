package billing

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// picker is the one box for the customer: a Finder while nobody is chosen, and then the customer.
type picker struct {
	d        *ui.Desk
	content  *fyne.Container
	entry    *ui.Entry
	box      *ui.Field
	finder   *ui.Finder
	chosen   *fyne.Container
	name     *widget.Label
	detail   *widget.Label
	sheet    *ui.Button
	customer *plgv1.Customer
	// picked is called when the customer is settled, grown when the box needs another height.
	picked func()
	grown  func()
}

func newPicker(d *ui.Desk, picked, grown func()) *picker {
	p := &picker{d: d, picked: picked, grown: grown}
	p.finder = ui.NewFinder(d, d.T("billing.customer.hint"))
	p.entry = p.finder.Entry
	p.box = ui.NewField(d.T("billing.customer"), p.entry)
	p.finder.OnGrown = func() { p.grown() }
	p.finder.OnFound = func(o ui.Option) { p.choose(o.Data.(*plgv1.Customer)) }
	p.finder.OnNone = func(none bool) {
		p.box.Say("")
		if none {
			p.box.Say(d.T("billing.customer.none"))
		}
	}
	p.finder.OnFail = func(err error) { p.box.Say(d.Explain(err)) }
	p.finder.OnEnter = func(string) { p.picked() } // a sale without a customer
	p.name, p.detail = ui.Cell(true), ui.Cell(false)
	p.detail.SizeName = theme.SizeNameCaptionText
	p.sheet = ui.NewButton(d.T("billing.sheet"), "F5", ui.Plain, p.open)
	other := ui.NewButton(d.T("billing.other"), "", ui.Plain, func() { p.clear(); p.d.Window.Canvas().Focus(p.entry) })
	card := ui.Panel(ui.ColorSoft, 8, ui.Pad(6, 6, ui.Frame(6, nil, nil,
		container.New(&twoLines{}, p.name, p.detail), ui.Row(4, p.sheet, other), nil)))
	p.chosen = ui.Column(3, ui.Text(d.T("billing.customer"), ui.SizeCaption, true, ui.ColorMuted), card, ui.Gap(18))
	p.chosen.Hide()
	p.content = ui.Column(0, p.box.Box, p.finder.Hits, p.chosen)
	return p
}

func (p *picker) open() {
	if p.customer != nil {
		p.d.Nav.Go(ui.Sheet, p.customer.Id)
	}
}

// find takes what was scanned.
func (p *picker) find(code string) { p.finder.Exactly(code) }

func (p *picker) choose(c *plgv1.Customer) {
	p.finder.Clear()
	p.customer = c
	p.name.SetText(c.Name)
	p.detail.SetText(p.d.Known(c).Detail)
	p.box.Box.Hide()
	p.chosen.Show()
	p.grown()
	p.picked()
}

func (p *picker) clear() {
	p.customer = nil
	p.finder.Clear()
	p.chosen.Hide()
	p.box.Box.Show()
	p.grown()
}

// askRefund opens the small window that gives a sale back.
func (s *Screen) askRefund() {
	row := s.list.Row()
	if row < 0 || row >= len(s.sales) || s.refund.Disabled() {
		return
	}
	sale := s.sales[row]
	left := sale.Total.GetMinor() - sale.Refunded.GetMinor()
	if left <= 0 {
		s.d.Warn(s.d.T("billing.refund.nothing", "receipt", sale.Receipt))
		return
	}
	var m *ui.Modal
	amount := ui.NewField(s.d.T("billing.refund.amount", "left", s.d.Text.Money(&plgv1.Money{Minor: left, Currency: sale.Total.GetCurrency()})), ui.NewEntry("", nil))
	receipt := ui.NewField(s.d.T("billing.refund.receipt"), ui.NewEntry(s.d.T("billing.refund.receipt.hint"), nil))
	amount.Entry.Quiet(s.d.Text.Plain(left))
	send := func() {
		text := strings.TrimSpace(amount.Entry.Text)
		if text == s.d.Text.Plain(left) && sale.Refunded.GetMinor() == 0 {
			text = "" // all of it
		}
		req := &mostradorv1.RefundSaleRequest{Receipt: sale.Receipt, Amount: text, RefundReceipt: strings.TrimSpace(receipt.Entry.Text)}
		ui.Ask(s.d, s.d.Model.Sales.Refund, req, func(res *mostradorv1.RefundSaleResponse, err error) {
			if err != nil {
				amount.Say(s.d.Explain(err))
				m.Fit()
				return
			}
			m.Close()
			s.load()
			if res.Repeated {
				s.d.Warn(s.d.T("billing.refund.repeated", "receipt", sale.Receipt))
				return
			}
			s.d.Say(s.d.T("billing.refund.done", "receipt", sale.Receipt,
				"amount", s.d.Text.Money(&plgv1.Money{Minor: res.Sale.Refunded.GetMinor() - sale.Refunded.GetMinor(), Currency: sale.Total.GetCurrency()})))
		})
	}
	amount.Entry.OnSubmitted = func(string) { s.focus(receipt.Entry) }
	receipt.Entry.OnSubmitted = func(string) { send() }
	text := s.d.T("billing.refund.text", "receipt", sale.Receipt, "amount", s.d.Text.Money(sale.Total), "when", s.d.Text.DateTime(sale.Time))
	m = s.d.NewModal(s.d.T("billing.refund.title"), 480, ui.Column(8, ui.Tight(ui.Words(text)), amount.Box, receipt.Box), amount.Entry,
		ui.NewButton(s.d.T("cancel"), "Esc", ui.Plain, func() { m.Close() }),
		ui.NewButton(s.d.T("billing.refund"), "Enter", ui.Primary, send))
	amount.Entry.TypedShortcut(&fyne.ShortcutSelectAll{})
}
