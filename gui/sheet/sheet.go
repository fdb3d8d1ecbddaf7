// Package sheet is the Ficha: one customer in four tabs. Perfil y etiquetas has the fields of the data model by
// section, tags, segments and the buttons that plug-ins offer; Consentimiento has consent in words, what the customer
// hears of, whether he would get a message now, and his rights; Historial is the audit; Compras y puntos has what the store counts and what plug-ins show. Everything about
// rules comes from the host: a field's or button's state is shown as the API gives it, with its reason beside it.
//
// A sheet follows the store while it is open. What another till changes while somebody edits here is said at the
// field; what both have changed is put side by side when it is saved, and nothing is overwritten in silence: an
// update carries the values that the person saw.
package sheet

import (
	"strconv"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/contribution"
	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// The tabs.
const (
	tabProfile = iota
	tabConsent
	tabHistory
	tabPurchases
)

// Screen is the sheet of one customer.
type Screen struct {
	d       *ui.Desk
	sheet   *model.Sheet
	content *fyne.Container

	rest   *ui.Anchor // where the focus is when nothing is being done
	title  *widget.Label
	number *ui.Button
	facts  *widget.Label
	state  *ui.Badge
	edit   *ui.Button
	sell   *ui.Button
	tabs   *ui.Tabs
	pages  [4]fyne.CanvasObject
	page   *fyne.Container

	data     *fyne.Container
	tags     *tags
	segments *fyne.Container
	actions  *fyne.Container
	consent  *fyne.Container
	privacy  *privacy
	history  *history
	topics   *subscriptions
	would    *wouldGet
	counts   *fyne.Container
	panels   *fyne.Container

	buttons *contribution.Actions
	leave   *ui.Button
	editing *editor
	shown   *mostradorv1.SheetResponse
}

// New builds an empty sheet; Show says whose it is.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d, rest: ui.NewAnchor()}
	s.buttons = contribution.NewActions(d, ui.Plain)
	s.buttons.Rest = s.rest
	s.buttons.Customer = func() string { return s.shown.Customer.GetId() }
	s.buttons.Done = s.answered
	s.leave = ui.NewButton(d.T("sheet.optout"), "", ui.Danger, s.optOut)
	s.title = ui.Cell(true)
	s.title.SizeName = theme.SizeNameHeadingText
	s.number = ui.NewButton("", "Ctrl+C", ui.Link, s.copyNumber)
	s.facts = ui.Cell(false)
	s.facts.Importance = widget.LowImportance
	s.state = ui.NewBadge("", ui.Quiet)
	s.sell = ui.NewButton(d.T("sheet.sell"), "F2", ui.Plain, func() { s.sale() })
	s.edit = ui.NewButton(d.T("sheet.edit"), "F5", ui.Plain, s.toggle)
	s.data, s.segments, s.actions, s.consent = ui.Column(8), ui.Chips(), ui.Column(4), ui.Column(4)
	s.counts, s.panels = ui.Column(6), ui.Column(12)
	s.tags, s.privacy, s.history = newTags(d), newPrivacy(s), newHistory(d)
	s.tags.changed = s.answered
	s.topics, s.would = newSubscriptions(d), newWouldGet(d)
	s.topics.shown = func() { s.page.Refresh() }
	s.topics.rest = func() { d.Window.Canvas().Focus(s.rest) }

	s.tabs = ui.NewTabs([]string{d.T("sheet.tab.profile"), d.T("sheet.consent"), d.T("sheet.history"), d.T("sheet.tab.purchases")}, s.turn)
	two := func(left, right fyne.CanvasObject) fyne.CanvasObject {
		return ui.Columns(16, []float32{60, 40}, ui.Scrolled(left), ui.Scrolled(right))
	}
	s.pages[tabProfile] = two(ui.Card(d.T("sheet.data"), s.data),
		ui.Column(12, ui.Card(d.T("sheet.actions"), s.actions), ui.Card(d.T("area.tags"), s.tags.box), ui.Card(d.T("area.segments"), s.segments)))
	s.pages[tabConsent] = two(ui.Column(12, ui.Card(d.T("sheet.consent"), s.consent), ui.Card(d.T("subscriptions"), s.topics.box)),
		ui.Column(12, ui.Card(d.T("why.would"), s.would.box), ui.Card(d.T("privacy.title"), s.privacy.box)))
	s.pages[tabHistory] = s.history.content
	s.pages[tabPurchases] = two(s.panels, ui.Card(d.T("sheet.counts"), s.counts))
	s.page = container.NewStack(s.pages[tabProfile])

	head := ui.Frame(8, nil, nil, container.NewStack(s.rest, ui.Tight(s.title)), ui.Row(8, s.state.Box, s.edit, s.sell), nil)
	below := ui.Frame(6, nil, ui.Pad(-8, -8, s.number), ui.Pad(0, -3, s.facts), nil, nil)
	s.content = ui.Frame(8, ui.Column(4, head, below, s.tabs.Box), nil, s.page, nil, nil)
	return s
}

// turn shows a tab.
func (s *Screen) turn(at int) {
	s.page.Objects = []fyne.CanvasObject{s.pages[at]}
	s.page.Refresh()
	if at == tabConsent && s.sheet != nil {
		s.topics.load(s.would.id)
	}
	if at == tabHistory {
		s.history.load()
		s.d.Window.Canvas().Focus(s.history.list)
		return
	}
	s.d.Window.Canvas().Focus(s.rest)
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen; arg is the customer's id.
func (s *Screen) Show(arg string) {
	s.Hide()
	s.sheet = s.d.Model.OpenSheet(arg, func() { s.d.Do(s.refresh) })
	s.history.of(arg)
	s.would.id = arg
	if s.tabs.At() == tabConsent {
		s.topics.load(arg)
	}
	s.tags.load()
	s.d.Window.Canvas().Focus(s.rest)
}

// Hide implements ui.Screen.
func (s *Screen) Hide() {
	s.history.stop()
	s.topics.stop()
	if s.sheet != nil {
		s.sheet.Close()
		s.sheet = nil
	}
}

// Scanned implements ui.Screen: the next customer's card opens the next sheet.
func (s *Screen) Scanned(code string) {
	ui.Ask(s.d, s.d.Model.Customers.Get, &mostradorv1.GetCustomerRequest{Key: code}, func(res *mostradorv1.GetCustomerResponse, err error) {
		if s.sheet == nil {
			return // gone elsewhere meanwhile
		}
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.d.Nav.Go(ui.Sheet, res.Customer.Id)
	})
}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	switch {
	case ev.Name == fyne.KeyF2:
		s.sale()
	case ev.Name == fyne.KeyF5:
		s.toggle()
	case ev.Name == fyne.KeyEscape && s.editing != nil:
		s.stopEditing()
	default:
		return
	}
	ui.Take(ev)
}

// Shortcut implements ui.Shortcutter: the tabs, and copying the number.
func (s *Screen) Shortcut(pressed fyne.Shortcut) bool {
	if _, ok := pressed.(*fyne.ShortcutCopy); ok {
		s.copyNumber()
		return true
	}
	return s.tabs.Shortcut(pressed)
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind != model.StoreChanged || s.sheet == nil {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_CUSTOMER, mostradorv1.WatchResponse_KIND_STATE:
		if s.shown != nil && c.Event.Id != s.shown.Customer.GetId() {
			return
		}
	case mostradorv1.WatchResponse_KIND_CATALOGUE:
		s.tags.load()
		s.sheet.Reload()
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_MESSAGE, mostradorv1.WatchResponse_KIND_SALE:
	default:
		return
	}
	switch s.tabs.At() {
	case tabHistory:
		s.history.load()
	case tabConsent:
		s.topics.load(s.would.id)
	}
}

func (s *Screen) sale() {
	if s.shown != nil {
		s.d.Nav.Go(ui.Billing, s.shown.Customer.GetId())
	}
}

// copyNumber puts the customer's number into the clipboard.
func (s *Screen) copyNumber() {
	if s.shown == nil || s.shown.Customer.GetNumber() == 0 {
		return
	}
	number := strconv.FormatUint(s.shown.Customer.Number, 10)
	fyne.CurrentApp().Clipboard().SetContent(number)
	s.d.Say(s.d.T("sheet.number.copied", "n", number))
}

// refresh shows the newest state of the sheet.
func (s *Screen) refresh() {
	if s.sheet == nil {
		return
	}
	state := s.sheet.State()
	if err := s.sheet.Err(); err != nil {
		s.d.Fail(s.d.Explain(err))
	}
	if state == nil {
		return
	}
	s.shown = state
	c := state.Customer
	s.title.SetText(c.GetName())
	s.number.SetText("")
	if c.GetNumber() != 0 {
		s.number.SetText(s.d.T("customer.number.short", "n", c.GetNumber()))
	}
	s.number.Hidden = c.GetNumber() == 0
	s.facts.SetText(strings.Join(s.summary(state.Facts), "  ·  "))
	switch c.GetConsent().GetPromotions() {
	case plgv1.ConsentState_CONSENT_STATE_GIVEN:
		s.state.Set(s.d.T("consent.given"), ui.Good)
	case plgv1.ConsentState_CONSENT_STATE_WITHDRAWN:
		s.state.Set(s.d.T("consent.withdrawn"), ui.Bad)
	default:
		s.state.Set(s.d.T("consent.pending"), ui.Quiet)
	}
	if s.editing == nil {
		s.showData()
	} else {
		s.follow()
	}
	s.consent.RemoveAll()
	for _, line := range state.Consent {
		s.consent.Add(ui.Tight(ui.Words(line)))
	}
	s.tags.show(c)
	s.showSegments()
	s.showActions()
	s.showOptOut()
	s.showPurchases()
	s.history.name(state.Fields)
	s.content.Refresh()
}

// summary is what is good to know at a glance: purchases, and the numbers that plug-ins keep.
func (s *Screen) summary(f *mostradorv1.Facts) []string {
	var parts []string
	if n, ok := ui.Points(f); ok {
		parts = append(parts, s.d.T("customers.points", "n", s.d.Text.Number(n)))
	}
	if f.GetPurchases() > 0 {
		parts = append(parts, s.d.T("sheet.purchases", "n", s.d.Text.Number(float64(f.Purchases)), "spent", s.d.Text.Money(f.Spent)))
	}
	if f.GetLastPurchase() != nil {
		parts = append(parts, s.d.T("sheet.last", "date", s.d.Text.Date(f.LastPurchase)))
	}
	return parts
}

func (s *Screen) showSegments() {
	s.segments.RemoveAll()
	for _, name := range s.shown.Segments {
		chip := ui.NewChip()
		chip.Plain(name)
		s.segments.Add(chip.Box)
	}
	if len(s.shown.Segments) == 0 {
		s.segments.Add(ui.Text(s.d.T("sheet.segments.none"), ui.SizeText, false, ui.ColorMuted))
	}
	s.segments.Refresh()
}

// showPurchases shows what the store counts of the customer, and what plug-ins show.
func (s *Screen) showPurchases() {
	s.counts.RemoveAll()
	f := s.shown.Facts
	say := func(name, value string) {
		if value == "" {
			value = s.d.T("sheet.empty")
		}
		text := ui.Cell(true)
		text.Alignment = fyne.TextAlignTrailing
		text.SetText(value)
		s.counts.Add(ui.Frame(8, nil, ui.Text(name, ui.SizeText, false, ui.ColorMuted), ui.Tight(text), nil, nil))
	}
	say(s.d.T("counts.purchases"), s.d.Text.Number(float64(f.GetPurchases())))
	say(s.d.T("counts.spent"), s.d.Text.Money(f.GetSpent()))
	say(s.d.T("counts.first"), s.d.Text.Date(f.GetFirstPurchase()))
	say(s.d.T("counts.last"), s.d.Text.Date(f.GetLastPurchase()))
	say(s.d.T("counts.activity"), s.d.Text.Date(f.GetLastActivity()))
	s.counts.Refresh()
	s.panels.RemoveAll()
	for _, p := range s.shown.Panels {
		s.panels.Add(contribution.Panel(s.d, p))
	}
	if len(s.shown.Panels) == 0 {
		s.panels.Add(ui.Text(s.d.T("sheet.panels.none"), ui.SizeText, false, ui.ColorMuted))
	}
	s.panels.Refresh()
}

// answered reads again what a button may have changed.
func (s *Screen) answered() {
	if s.sheet != nil {
		s.sheet.Reload()
		if s.tabs.At() == tabHistory {
			s.history.load()
		}
	}
}
