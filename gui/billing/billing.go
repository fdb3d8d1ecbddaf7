// Package billing is Facturación, the screen that a till shows all day: find the customer by one box, type the
// amount and the receipt, Enter. At its right stand the last sales, to give one back.
package billing

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// lastSales is how many sales the list shows.
const lastSales = 30

// Screen is Facturación.
type Screen struct {
	d       *ui.Desk
	content fyne.CanvasObject
	pick    *picker
	amount  *ui.Field
	receipt *ui.Field
	code    *ui.Field
	worth   *widget.Label
	record  *ui.Button
	sales   []*plgv1.Sale
	names   map[string]string
	list    *ui.List
	empty   *fyne.Container
	refund  *ui.Button
	sending bool
	// promo is the code that was checked for this sale.
	promo *mostradorv1.PromoCode
	// coming tells that the customer is on the way whom the screen was opened for, hasty that somebody has pressed Enter
	// on the whole sale already.
	coming, hasty bool
	asked         ui.Latest
	checking      ui.Latest
}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d, names: map[string]string{}}
	s.pick = newPicker(d, s.picked, func() { s.content.Refresh() })
	s.amount = ui.NewField(d.T("billing.amount", "currency", currency(d)), ui.NewEntry("0,00", func(string) { s.focus(s.receipt.Entry) }))
	s.receipt = ui.NewField(d.T("billing.receipt"), ui.NewEntry(d.T("billing.receipt.hint"), func(string) { s.submit() }))
	s.code = ui.NewField(d.T("billing.code"), ui.NewEntry(d.T("billing.code.hint"), func(string) { s.check(nil) }))
	s.code.Entry.OnChanged = func(string) { s.uncheck() }
	s.worth = ui.Note("", widget.SuccessImportance)
	s.worth.Hide()
	s.amount.Entry.ListenScanner(d.Clock, s.Scanned)
	s.amount.Entry.TextStyle.Bold = true
	s.record = ui.NewButton(d.T("billing.record"), "Enter", ui.Primary, s.submit)
	list := ui.NewButton(d.T("billing.customers"), "F3", ui.Plain, func() { d.Nav.Go(ui.Customers, "") })
	fresh := ui.NewButton(d.T("customers.new"), "F4", ui.Plain, func() { d.Nav.Go(ui.NewCustomer, "") })

	form := ui.Card(d.T("billing.new"), ui.Column(4,
		s.pick.content,
		ui.Columns(12, []float32{1, 1, 1}, s.amount.Box, s.receipt.Box, s.code.Box),
		ui.Tight(s.worth),
		s.record))
	s.list = ui.NewList(func() int { return len(s.sales) }, newSaleRow, s.updateRow, func(int) { s.choose() })
	s.refund = ui.NewButton(d.T("billing.refund"), "F7", ui.Plain, s.askRefund)
	s.refund.Disable()
	s.empty = container.NewCenter(ui.Text(d.T("billing.none"), ui.SizeText, false, ui.ColorMuted))
	last := ui.Card("", ui.Frame(8, ui.Row(8, ui.Heading(d.T("billing.last")), ui.Spring(), s.refund), nil,
		container.NewStack(s.list, s.empty), nil, nil))
	head := ui.Row(8, ui.Title(d.T("menu.billing")), ui.Spring(), list, fresh)
	s.content = ui.Frame(16, head, nil, ui.Columns(18, []float32{52, 48}, ui.Frame(0, form, nil, nil, nil, nil), last), nil, nil)
	return s
}

func currency(d *ui.Desk) string {
	if c := d.Model.Status().Currency; c != "" {
		return c
	}
	return "EUR"
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen; arg is the id of a customer to sell to.
func (s *Screen) Show(arg string) {
	s.load()
	if arg == "" {
		s.start()
		return
	}
	// Who opens it for a customer types the amount at once, and the first keys must not be lost.
	current := s.asked.Next()
	s.coming, s.hasty = true, false
	s.focus(s.amount.Entry)
	ui.Ask(s.d, s.d.Model.Customers.Get, &mostradorv1.GetCustomerRequest{Key: arg}, func(res *mostradorv1.GetCustomerResponse, err error) {
		if !current() {
			return
		}
		if err != nil {
			s.coming = false
			s.d.Fail(s.d.Explain(err))
			s.start()
			return
		}
		s.pick.choose(res.Customer)
		s.coming = false
		if s.hasty {
			s.submit()
		}
	})
}

// picked goes on to the amount, unless the person has done so. A code that was checked was somebody else's.
func (s *Screen) picked() {
	s.uncheck()
	if !s.coming {
		s.focus(s.amount.Entry)
	}
}

// start puts the focus where the next sale goes on.
func (s *Screen) start() {
	if s.pick.customer == nil {
		s.focus(s.pick.entry)
		return
	}
	s.focus(s.amount.Entry)
}

// Hide implements ui.Screen.
func (s *Screen) Hide() {
	s.asked.Next()
	s.coming = false
}

// Scanned implements ui.Screen: what is scanned here is a customer's card.
func (s *Screen) Scanned(code string) { s.pick.find(code) }

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	switch ev.Name {
	case fyne.KeyF1:
		s.focus(s.code.Entry)
	case fyne.KeyF5:
		s.pick.open()
	case fyne.KeyF7:
		s.askRefund()
	case fyne.KeyEscape:
		if s.pick.customer == nil && s.pick.entry.Text == "" && s.amount.Entry.Text == "" && s.receipt.Entry.Text == "" && s.code.Entry.Text == "" {
			s.focus(s.pick.entry)
			break
		}
		s.clear()
	default:
		return
	}
	ui.Take(ev)
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind != model.StoreChanged {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_SALE:
		s.load()
	case mostradorv1.WatchResponse_KIND_CUSTOMER:
		if c.Event.Customer != nil {
			s.names[c.Event.Id] = c.Event.Customer.Name
			s.list.Refresh()
		}
	}
}

func (s *Screen) focus(o fyne.Focusable) { s.d.Window.Canvas().Focus(o) }

func (s *Screen) clear() {
	s.pick.clear()
	s.amount.Entry.Quiet("")
	s.receipt.Entry.Quiet("")
	s.code.Entry.Quiet("")
	s.uncheck()
	s.amount.Say("")
	s.receipt.Say("")
	s.focus(s.pick.entry)
}

func (s *Screen) submit() {
	if s.sending {
		return
	}
	if s.hasty = s.coming; s.coming {
		return // until it is known whose sale it is
	}
	s.amount.Say("")
	s.receipt.Say("")
	amount, receipt := strings.TrimSpace(s.amount.Entry.Text), strings.TrimSpace(s.receipt.Entry.Text)
	switch {
	case amount == "":
		s.amount.Say(s.d.T("billing.amount.missing"))
		s.focus(s.amount.Entry)
		return
	case receipt == "":
		s.receipt.Say(s.d.T("billing.receipt.missing"))
		s.focus(s.receipt.Entry)
		return
	}
	if strings.TrimSpace(s.code.Entry.Text) != "" && s.promo == nil {
		s.check(s.submit) // what it gives is said before anything is charged
		return
	}
	s.sending = true
	s.record.Disable()
	code := s.promo
	req := &mostradorv1.RecordSaleRequest{Receipt: receipt, Amount: amount, Customer: s.pick.customer.GetId()}
	ui.Ask(s.d, s.d.Model.Sales.Record, req, func(res *mostradorv1.RecordSaleResponse, err error) {
		s.sending = false
		s.record.Enable()
		if err != nil {
			s.refused(err)
			return
		}
		name := s.pick.customer.GetName()
		if code != nil {
			s.redeem(code, res.Sale.GetReceipt())
		}
		s.clear()
		s.load()
		switch {
		case res.Repeated:
			s.d.Warn(s.d.T("billing.repeated", "receipt", res.Sale.Receipt))
		case name == "":
			s.d.Say(s.d.T("billing.done", "receipt", res.Sale.Receipt, "amount", s.d.Text.Money(res.Sale.Total)))
		default:
			s.d.Say(s.d.T("billing.done.for", "receipt", res.Sale.Receipt, "amount", s.d.Text.Money(res.Sale.Total), "name", name))
		}
	})
}

// refused shows each diagnostic at its field, and the rest at the foot.
func (s *Screen) refused(err error) {
	placed := false
	for _, diag := range model.Refusal(err).GetDiagnostics() {
		for path, field := range map[string]*ui.Field{"amount": s.amount, "receipt": s.receipt} {
			if diag.Path == path {
				field.Say(ui.Sentence(diag))
				s.focus(field.Entry)
				placed = true
			}
		}
	}
	if !placed {
		s.d.Fail(s.d.Explain(err))
	}
}

func (s *Screen) load() {
	ui.Ask(s.d, s.d.Model.Sales.List, &mostradorv1.ListSalesRequest{Limit: lastSales}, func(res *mostradorv1.ListSalesResponse, err error) {
		if err != nil {
			return // the banner says that there is no connection
		}
		s.sales = res.Sales
		s.refund.SetEnabled(len(s.sales) > 0 && s.d.Model.May(mostradorv1.Role_ROLE_OPERATOR))
		if len(s.sales) > 0 {
			s.empty.Hide()
		} else {
			s.empty.Show()
		}
		s.list.Refresh()
		for _, sale := range s.sales {
			s.learn(sale.CustomerId)
		}
	})
}

// learn reads the name of a customer once.
func (s *Screen) learn(id string) {
	if _, known := s.names[id]; known || id == "" {
		return
	}
	s.names[id] = ""
	ui.Ask(s.d, s.d.Model.Customers.Get, &mostradorv1.GetCustomerRequest{Key: id}, func(res *mostradorv1.GetCustomerResponse, err error) {
		if err != nil {
			delete(s.names, id)
			return
		}
		s.names[id] = res.Customer.Name
		s.list.Refresh()
	})
}

// saleRow is one sale in the list.
type saleRow struct {
	when, who, receipt, amount *widget.Label
	back                       *ui.Badge
}

func newSaleRow() fyne.CanvasObject {
	r := &saleRow{when: ui.Cell(false), who: ui.Cell(true), receipt: ui.Cell(false), amount: ui.Cell(true), back: ui.NewBadge("", ui.Warn)}
	r.when.Importance, r.receipt.Importance = widget.LowImportance, widget.LowImportance
	for _, l := range []*widget.Label{r.when, r.receipt} {
		l.SizeName = theme.SizeNameCaptionText
	}
	r.amount.Alignment = fyne.TextAlignTrailing
	return container.New(r, r.when, r.who, r.receipt, r.amount, r.back.Box)
}

// MinSize implements fyne.Layout.
func (*saleRow) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(220, 52) }

// Layout implements fyne.Layout: time, customer and amount above, receipt and what was given back below.
func (r *saleRow) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	const time, amount = 58, 112
	badge := r.back.Box.MinSize()
	place := func(o fyne.CanvasObject, x, y, w, h float32) {
		o.Move(fyne.NewPos(x, y))
		o.Resize(fyne.NewSize(max(0, w), h))
	}
	place(r.when, 0, 0, time, 32)
	place(r.who, time, -2, size.Width-time-amount, 34)
	place(r.amount, size.Width-amount, -2, amount, 34)
	place(r.receipt, time, 22, size.Width-time-badge.Width-10, 30)
	place(r.back.Box, size.Width-badge.Width-9, 27, badge.Width, badge.Height)
}

// twoLines sets a small line close under a large one.
type twoLines struct{}

func (*twoLines) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(60, 52) }
func (*twoLines) Layout(o []fyne.CanvasObject, size fyne.Size) {
	o[0].Resize(fyne.NewSize(size.Width, 34))
	o[0].Move(fyne.NewPos(0, -2))
	o[1].Resize(fyne.NewSize(size.Width, 30))
	o[1].Move(fyne.NewPos(0, 22))
}

func (s *Screen) updateRow(i int, o fyne.CanvasObject) {
	if i >= len(s.sales) {
		return
	}
	row, sale := o.(*fyne.Container).Layout.(*saleRow), s.sales[i]
	row.when.SetText(s.d.Text.Clock(sale.Time))
	name := s.names[sale.CustomerId]
	if sale.CustomerId == "" {
		name = s.d.T("billing.anonymous")
	}
	row.who.SetText(name)
	row.receipt.SetText(s.d.T("billing.receipt.row", "receipt", sale.Receipt))
	row.amount.SetText(s.d.Text.Money(sale.Total))
	switch given := sale.Refunded.GetMinor(); {
	case given == 0:
		row.back.Set("", ui.Quiet)
	case given < sale.Total.GetMinor():
		row.back.Set(s.d.T("billing.refunded.part"), ui.Warn)
	default:
		row.back.Set(s.d.T("billing.refunded"), ui.Quiet)
	}
	o.Refresh()
}

// choose goes to the button after a sale was picked, so that Enter, Enter gives it back.
func (s *Screen) choose() {
	if !s.refund.Disabled() {
		s.focus(s.refund)
	}
}
