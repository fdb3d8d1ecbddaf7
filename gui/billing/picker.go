package billing

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"connectrpc.com/connect"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// hits is how many customers the box offers while typing.
const hits = 5

// picker is the one box for the customer: it searches while typing, and Enter takes the customer that has
// exactly this phone, e-mail or card (a scan), or else the highlighted one.
type picker struct {
	d        *ui.Desk
	content  *fyne.Container
	entry    *ui.Entry
	box      *ui.Field
	list     *ui.List
	room     *fyne.Container
	chosen   *fyne.Container
	name     *widget.Label
	detail   *widget.Label
	sheet    *ui.Button
	found    []*plgv1.Customer
	at       int
	newest   ui.Latest
	customer *plgv1.Customer
	// picked is called when the customer is settled, grown when the box needs another height.
	picked func()
	grown  func()
}

func newPicker(d *ui.Desk, picked, grown func()) *picker {
	p := &picker{d: d, picked: picked, grown: grown}
	p.entry = ui.NewEntry(d.T("billing.customer.hint"), func(text string) { p.find(text) })
	p.entry.OnChanged = p.search
	p.entry.OnKey = p.key
	p.box = ui.NewField(d.T("billing.customer"), p.entry)
	p.list = ui.NewList(func() int { return len(p.found) }, func() fyne.CanvasObject {
		name, rest := ui.Cell(true), ui.Cell(false)
		rest.Importance, rest.SizeName = widget.LowImportance, theme.SizeNameCaptionText
		return ui.Columns(0, []float32{42, 58}, name, rest)
	}, func(i int, o fyne.CanvasObject) {
		if i >= len(p.found) {
			return
		}
		cells := o.(*fyne.Container).Objects
		mark := "   "
		if i == p.at {
			mark = "› "
		}
		cells[0].(*widget.Label).SetText(mark + p.found[i].Name)
		cells[1].(*widget.Label).SetText(p.reach(p.found[i]))
	}, func(i int) {
		if i < len(p.found) {
			p.choose(p.found[i])
		}
	})
	p.room = ui.Panel(ui.ColorSoft, 6, container.New(&rowsLayout{p}, p.list))
	p.room.Hide()
	p.name, p.detail = ui.Cell(true), ui.Cell(false)
	p.detail.SizeName = theme.SizeNameCaptionText
	p.sheet = ui.NewButton(d.T("billing.sheet"), "F5", ui.Plain, p.open)
	other := ui.NewButton(d.T("billing.other"), "", ui.Plain, func() { p.clear(); p.d.Window.Canvas().Focus(p.entry) })
	card := ui.Panel(ui.ColorSoft, 8, ui.Pad(6, 6, ui.Frame(6, nil, nil,
		container.New(&twoLines{}, p.name, p.detail), ui.Row(4, p.sheet, other), nil)))
	p.chosen = ui.Column(3, ui.Text(d.T("billing.customer"), ui.SizeCaption, true, ui.ColorMuted), card, ui.Gap(18))
	p.chosen.Hide()
	p.content = ui.Column(0, p.box.Box, p.room, p.chosen)
	return p
}

// rowsLayout makes the list as high as its hits.
type rowsLayout struct{ p *picker }

func (r *rowsLayout) MinSize(o []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(100, float32(len(r.p.found))*43)
}

func (*rowsLayout) Layout(o []fyne.CanvasObject, size fyne.Size) { o[0].Resize(size) }

func (p *picker) reach(c *plgv1.Customer) string {
	parts := []string{}
	if c.Phone != "" {
		parts = append(parts, p.d.Text.Phone(c.Phone))
	}
	if c.Email != "" {
		parts = append(parts, c.Email)
	}
	return strings.Join(parts, "  ·  ")
}

func (p *picker) key(ev *fyne.KeyEvent) bool {
	switch {
	case ev.Name == fyne.KeyF5 && p.customer != nil:
		p.open()
	case ev.Name == fyne.KeyDown && p.at < len(p.found)-1:
		p.at++
		p.list.ScrollTo(p.at)
		p.list.Refresh()
	case ev.Name == fyne.KeyUp && p.at > 0:
		p.at--
		p.list.ScrollTo(p.at)
		p.list.Refresh()
	default:
		return false
	}
	return true
}

func (p *picker) open() {
	if p.customer != nil {
		p.d.Nav.Go(ui.Sheet, p.customer.Id)
	}
}

func (p *picker) search(text string) {
	current := p.newest.Next()
	p.box.Say("")
	text = strings.TrimSpace(text)
	if text == "" {
		p.show(nil)
		return
	}
	ui.Ask(p.d, p.d.Model.Customers.Search, &mostradorv1.SearchRequest{Query: text, Limit: hits}, func(res *mostradorv1.SearchResponse, err error) {
		if !current() || err != nil {
			return
		}
		p.show(res.Customers)
		if len(res.Customers) == 0 {
			p.box.Say(p.d.T("billing.customer.none"))
		}
	})
}

func (p *picker) show(found []*plgv1.Customer) {
	p.found, p.at = found, 0
	p.list.UnselectAll()
	if len(found) > 0 {
		p.room.Show()
	} else {
		p.room.Hide()
	}
	p.list.Refresh()
	p.grown()
}

// find takes what was typed or scanned: exactly this phone, e-mail or card first, then the highlighted hit.
func (p *picker) find(text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		p.picked() // a sale without a customer
		return
	}
	current := p.newest.Next()
	ui.Ask(p.d, p.d.Model.Customers.Get, &mostradorv1.GetCustomerRequest{Key: text}, func(res *mostradorv1.GetCustomerResponse, err error) {
		switch {
		case !current():
		case err == nil:
			p.choose(res.Customer)
		case connect.CodeOf(err) != connect.CodeNotFound && connect.CodeOf(err) != connect.CodeInvalidArgument:
			p.box.Say(p.d.Explain(err))
		case p.at < len(p.found):
			p.choose(p.found[p.at])
		default:
			p.first(text)
		}
	})
}

// first searches once more, for Enter that was quicker than the answer to the last letter.
func (p *picker) first(text string) {
	current := p.newest.Next()
	ui.Ask(p.d, p.d.Model.Customers.Search, &mostradorv1.SearchRequest{Query: text, Limit: hits}, func(res *mostradorv1.SearchResponse, err error) {
		switch {
		case !current():
		case err != nil:
			p.box.Say(p.d.Explain(err))
		case len(res.Customers) == 1:
			p.choose(res.Customers[0])
		case len(res.Customers) > 1:
			p.show(res.Customers)
		default:
			p.box.Say(p.d.T("billing.customer.none"))
		}
	})
}

func (p *picker) choose(c *plgv1.Customer) {
	p.newest.Next()
	p.customer = c
	p.show(nil)
	p.entry.Quiet("")
	p.box.Say("")
	p.name.SetText(c.Name)
	p.detail.SetText(c.Email)
	if c.Phone != "" {
		p.detail.SetText(p.d.Text.Phone(c.Phone))
	}
	p.box.Box.Hide()
	p.chosen.Show()
	p.grown()
	p.picked()
}

func (p *picker) clear() {
	p.newest.Next()
	p.customer = nil
	p.entry.Quiet("")
	p.box.Say("")
	p.show(nil)
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
