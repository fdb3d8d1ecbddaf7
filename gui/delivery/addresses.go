package delivery

import (
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// pause is how long the list waits for more to be typed.
const pause = 200 * time.Millisecond

// states are the choices of the filter, in order; the first shows all.
var states = []mostradorv1.AddressState{mostradorv1.AddressState_ADDRESS_STATE_UNSPECIFIED, mostradorv1.AddressState_ADDRESS_STATE_SUPPRESSED,
	mostradorv1.AddressState_ADDRESS_STATE_SHAKY, mostradorv1.AddressState_ADDRESS_STATE_GOOD}

// addresses is Direcciones: those with trouble first, and beside the list what happened to one.
type addresses struct {
	d       *ui.Desk
	box     fyne.CanvasObject
	search  *ui.Entry
	state   *ui.Select
	list    *ui.List
	none    *fyne.Container
	detail  *fyne.Container
	all     []*mostradorv1.Address
	next    string
	shown   string // the address whose details are shown
	loading bool
	newest  ui.Latest
	waiting *time.Timer
}

func newAddresses(d *ui.Desk) *addresses {
	t := &addresses{d: d, detail: ui.Column(6)}
	t.search = ui.NewEntry(d.T("delivery.search"), func(string) { t.again() })
	t.search.OnChanged = func(string) { t.later() }
	t.search.OnKey = func(ev *fyne.KeyEvent) bool {
		if ev.Name == fyne.KeyDown && len(t.all) > 0 {
			d.Window.Canvas().Focus(t.list)
			return true
		}
		return false
	}
	labels := make([]string, len(states))
	for i, state := range states {
		labels[i] = d.T("delivery.filter." + state.String())
	}
	t.state = ui.NewSelect("", labels, nil)
	t.state.SetSelectedIndex(0)
	t.state.OnChanged = func(string) { t.again() }
	t.list = ui.NewList(func() int { return len(t.all) }, newAddressRow, t.update, func(i int) { t.details(i) })
	t.list.OnMove = t.details
	t.list.OnTop = func() { d.Window.Canvas().Focus(t.search) }
	t.none = container.NewCenter(ui.Text(d.T("delivery.addresses.none"), ui.SizeText, false, ui.ColorMuted))
	t.none.Hide()
	add := ui.NewButton(d.T("delivery.suppress.new"), "", ui.Plain, func() { t.ask("", true) })
	head := ui.Frame(8, nil, nil, t.search, ui.Row(6, ui.Exactly(170, ui.Boxed(t.state))), nil)
	left := ui.Card("", ui.Frame(8, head, nil, container.NewStack(t.list, t.none), nil, ui.Row(0, add)))
	t.box = ui.Columns(14, []float32{56, 44}, left, ui.Card("", ui.Scrolled(t.detail)))
	return t
}

func (t *addresses) content() fyne.CanvasObject { return t.box }

func (t *addresses) show(arg string) {
	if arg != "" {
		t.search.Quiet(arg)
		t.state.OnChanged, t.shown = nil, arg
		t.state.SetSelectedIndex(0)
		t.state.OnChanged = func(string) { t.again() }
	}
	t.d.Window.Canvas().Focus(t.search)
	t.again()
}

func (t *addresses) hide() {
	t.newest.Next()
	if t.waiting != nil {
		t.waiting.Stop()
	}
}

func (t *addresses) changed() { t.again() }

func (t *addresses) later() {
	t.hide()
	t.waiting = time.AfterFunc(pause, func() { t.d.Do(t.again) })
}

func (t *addresses) request(page string) *mostradorv1.ListAddressesRequest {
	return &mostradorv1.ListAddressesRequest{State: states[max(0, t.state.SelectedIndex())], Text: strings.TrimSpace(t.search.Text), Limit: pageSize, Page: page}
}

func (t *addresses) again() {
	t.read("", func(list []*mostradorv1.Address) { t.all = list })
}

func (t *addresses) read(page string, put func([]*mostradorv1.Address)) {
	current := t.newest.Next()
	t.loading = true
	ui.Ask(t.d, t.d.Model.Delivery.Addresses, t.request(page), func(res *mostradorv1.ListAddressesResponse, err error) {
		if !current() {
			return
		}
		t.loading = false
		if err != nil {
			t.d.Fail(t.d.Explain(err))
			return
		}
		put(res.Addresses)
		t.next = res.NextPage
		t.none.Hidden = len(t.all) > 0
		t.list.Refresh()
		at := 0
		for i, a := range t.all {
			if a.Email == t.shown {
				at = i
			}
		}
		t.details(at)
	})
}

// addressRow is one address in the list.
type addressRow struct {
	email, who *widget.Label
	state      *ui.Badge
}

func newAddressRow() fyne.CanvasObject {
	r := &addressRow{ui.Cell(true), ui.Cell(false), ui.NewBadge(" ", ui.Quiet)}
	r.who.SizeName, r.who.Importance = theme.SizeNameCaptionText, widget.LowImportance
	return ui.Hold(r, ui.Frame(4, nil, nil, ui.Column(-14, r.email, r.who), ui.Row(0, r.state.Box, ui.Gap(4)), nil), 0)
}

func (t *addresses) update(i int, o fyne.CanvasObject) {
	if i >= len(t.all) {
		return
	}
	a, r := t.all[i], ui.Held[*addressRow](o)
	r.email.SetText(a.Email)
	var parts []string
	for _, part := range []string{a.CustomerName, t.why(a)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	r.who.SetText(strings.Join(parts, "  ·  "))
	r.state.Set(t.d.T("delivery.state."+a.State.String()), tone(a.State))
	o.Refresh()
	if i == len(t.all)-1 && t.next != "" && !t.loading {
		t.read(t.next, func(list []*mostradorv1.Address) { t.all = append(t.all, list...) })
	}
}

func tone(state mostradorv1.AddressState) ui.Tone {
	switch state {
	case mostradorv1.AddressState_ADDRESS_STATE_SUPPRESSED:
		return ui.Bad
	case mostradorv1.AddressState_ADDRESS_STATE_SHAKY:
		return ui.Warn
	}
	return ui.Good
}

// why is the reason for an address's state in words.
func (t *addresses) why(a *mostradorv1.Address) string {
	if a.Bounce != nil {
		return Bounce(t.d, a.Bounce)
	}
	if a.Reason != "" && t.d.Text.Has("delivery.reason."+a.Reason) {
		return t.d.T("delivery.reason." + a.Reason)
	}
	return a.Reason
}

// details shows one address whole.
func (t *addresses) details(i int) {
	t.detail.RemoveAll()
	defer t.detail.Refresh()
	if i < 0 || i >= len(t.all) {
		t.shown = ""
		return
	}
	d, a := t.d, t.all[i]
	t.shown = a.Email
	title := ui.Words(a.Email)
	title.TextStyle.Bold = true
	title.Wrapping = fyne.TextWrapBreak
	t.detail.Add(ui.Tight(title))
	t.detail.Add(ui.Row(0, ui.NewBadge(d.T("delivery.state."+a.State.String()), tone(a.State)).Box))
	say := func(name, text string) {
		if text != "" {
			t.detail.Add(ui.Column(0, ui.Caption(name), ui.Tight(ui.Words(text))))
		}
	}
	say(d.T("delivery.why"), t.why(a))
	if a.Bounce.GetWords() != "" {
		say(d.T("delivery.words"), a.Bounce.Words)
	}
	say(d.T("delivery.since"), d.Text.DateTime(a.Since))
	say(d.T("history.who"), a.Actor.GetOperator())
	say(d.T("delivery.note"), a.Note)
	if a.State == mostradorv1.AddressState_ADDRESS_STATE_SHAKY {
		say(d.T("delivery.weight"), d.T("delivery.weight.of", "weight", d.Text.Number(a.Weight), "limit", d.Text.Number(a.Limit)))
	}
	buttons := ui.Chips()
	if a.State == mostradorv1.AddressState_ADDRESS_STATE_SUPPRESSED {
		buttons.Add(ui.NewButton(d.T("delivery.release"), "", ui.Plain, func() { t.ask(a.Email, false) }))
	} else {
		buttons.Add(ui.NewButton(d.T("delivery.suppress"), "", ui.Danger, func() { t.ask(a.Email, true) }))
	}
	if a.CustomerId != "" {
		buttons.Add(ui.NewButton(d.T("delivery.sheet"), "", ui.Plain, func() { d.Nav.Go(ui.Sheet, a.CustomerId) }))
	}
	t.detail.Add(buttons)
	if len(a.Events) > 0 {
		t.detail.Add(ui.Gap(2))
		t.detail.Add(ui.Text(d.T("delivery.history"), ui.SizeText, true, ui.ColorMuted))
	}
	for _, e := range a.Events {
		t.detail.Add(t.event(e))
	}
}

// event is one line of an address's history.
func (t *addresses) event(e *mostradorv1.AddressEvent) fyne.CanvasObject {
	d := t.d
	words := e.Kind
	if d.Text.Has("delivery.event." + e.Kind) {
		words = d.T("delivery.event." + e.Kind)
	}
	for _, part := range []string{Bounce(d, e.Bounce), who(e.Actor), e.Note} {
		if part != "" {
			words += "  ·  " + part
		}
	}
	box := ui.Column(0, ui.Caption(d.Text.DateTime(e.Time)), ui.Tight(ui.Words(words)))
	if e.MessageId == "" {
		return box
	}
	return ui.Frame(4, nil, nil, box, ui.Row(0, ui.NewButton(d.T("history.message"), "", ui.Link, func() { d.Nav.Go(ui.Outbox, e.MessageId) })), nil)
}

func who(a *plgv1.Actor) string { return a.GetOperator() }

// ask has a note written for why an address gets no mail, or gets it again.
func (t *addresses) ask(email string, stop bool) {
	d := t.d
	if d.TopModal() != nil {
		return
	}
	var m *ui.Modal
	var send func()
	address := ui.NewField(d.T("customer.email"), ui.NewEntry(d.T("customer.email.hint"), func(string) { send() }))
	address.Entry.SetText(email)
	note := ui.NewField(d.T("delivery.note"), ui.NewEntry(d.T("delivery.note.hint"), func(string) { send() }))
	title, text, yes, style := d.T("delivery.release"), d.T("delivery.release.text"), d.T("delivery.release"), ui.Primary
	if stop {
		title, text, yes, style = d.T("delivery.suppress"), d.T("delivery.suppress.text"), d.T("delivery.suppress"), ui.Danger
	}
	button := ui.NewButton(yes, "Enter", style, func() { send() })
	done := func(a *mostradorv1.Address, err error) {
		button.Enable()
		if err != nil {
			address.Say(d.Explain(err))
			m.Fit()
			return
		}
		m.Close()
		t.shown = a.GetEmail()
		said := d.T("delivery.released", "email", a.GetEmail())
		if stop {
			said = d.T("delivery.suppressed", "email", a.GetEmail())
		}
		d.Say(said)
		t.again()
	}
	send = func() {
		if button.Disabled() {
			return
		}
		if address.Value() == "" {
			address.Say(d.T("action.missing.value"))
			return
		}
		button.Disable()
		if stop {
			ui.Ask(d, d.Model.Delivery.Suppress, &mostradorv1.SuppressRequest{Email: address.Value(), Note: note.Value()}, func(res *mostradorv1.SuppressResponse, err error) { done(res.GetAddress(), err) })
			return
		}
		ui.Ask(d, d.Model.Delivery.Release, &mostradorv1.ReleaseRequest{Email: address.Value(), Note: note.Value()}, func(res *mostradorv1.ReleaseResponse, err error) { done(res.GetAddress(), err) })
	}
	first := fyne.Focusable(note.Entry)
	if email == "" {
		first = address.Entry
	} else {
		address.Entry.Disable()
	}
	m = d.NewModal(title, 520, ui.Column(6, ui.Tight(ui.Words(text)), address.Box, note.Box), first, ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() }), button)
}
