// Package customers is the list of customers, found while typing among any number of them and narrowed by
// [Más filtros]; what can be done to many at once; suggestions of duplicates and the merging of two records; and the
// form for a new customer that can be filled in by keyboard alone (seed 000: Facturación > [C] > [Nuevo]).
//
// The list knows only the pages of customers that are looked at (source), draws only the rows in sight (ui.LongList),
// and remembers who is picked as ids, or as all that was found without some (picked): so a million customers cost as
// much as a hundred.
package customers

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
	"google.golang.org/protobuf/proto"

	"mostrador/gui/contribution"
	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// List is the screen Clientes.
type List struct {
	d       *ui.Desk
	content fyne.CanvasObject
	arg     string
	entry   *ui.Entry
	order   *ui.Select
	list    *ui.LongList
	source  *source
	filter  *filter
	picked  picked
	none    *fyne.Container
	empty   *canvas.Text
	count   *widget.Label
	hint    *widget.Label
	label   *ui.Button
	looks   ui.TagLooks
	tags    ui.Latest
	// enter remembers an Enter that was quicker than the answer to the last letter, as a scanner's is.
	enter  bool
	extras ui.Latest
	// buttons are the plug-ins' and bar where they stand.
	buttons *contribution.Actions
	bar     *fyne.Container
	offered []*mostradorv1.ActionState
}

// orders are those of the choice, in its order.
var orders = []mostradorv1.Order{mostradorv1.Order_ORDER_UNSPECIFIED, mostradorv1.Order_ORDER_NAME, mostradorv1.Order_ORDER_ACTIVITY,
	mostradorv1.Order_ORDER_POINTS, mostradorv1.Order_ORDER_NEWEST}

// NewList builds the screen.
func NewList(d *ui.Desk) *List {
	s := &List{d: d, buttons: contribution.NewActions(d, ui.Plain), bar: ui.Row(8)}
	s.picked.clear()
	s.source = &source{d: d, arrived: s.arrived, failed: func(err error) { s.enter = false; d.Fail(d.Explain(err)) }}
	s.filter = newFilter(d, s.filtered)
	s.entry = ui.NewEntry(d.T("customers.search"), func(string) { s.enterPressed() })
	s.entry.OnChanged = func(string) { s.enter = false; s.search() }
	s.entry.OnKey = func(ev *fyne.KeyEvent) bool {
		if ev.Name == fyne.KeyDown && s.source.total > 0 {
			d.Window.Canvas().Focus(s.list)
			return true
		}
		return false
	}
	names := make([]string, len(orders))
	for i, order := range orders {
		names[i] = d.T("customers." + order.String())
	}
	s.order = ui.NewSelect("", names, nil)
	s.order.SetSelectedIndex(0)
	s.order.OnChanged = func(string) { s.search() }
	s.list = ui.NewLongList(rowHeight, func() int { return s.source.total }, func() fyne.CanvasObject { return newRow(d) }, s.update, s.open)
	s.list.OnTop = func() { d.Window.Canvas().Focus(s.entry) }
	s.list.OnPick = s.pick
	s.empty = ui.Text("", ui.SizeText, false, ui.ColorMuted)
	s.none = container.NewCenter(s.empty)
	s.none.Hide()
	s.count, s.hint = ui.Cell(true), ui.Cell(false)
	s.hint.SizeName, s.hint.Importance = theme.SizeNameCaptionText, widget.LowImportance
	fresh := ui.NewButton(d.T("customers.new"), "F4", ui.Primary, func() { s.fresh() })
	head := ui.Row(8, ui.Title(d.T("menu.customers")), ui.Spring(), s.bar, fresh)
	more := ui.NewButton(d.T("customers.filters"), "F7", ui.Plain, s.filter.open)
	search := ui.Frame(8, nil, nil, s.entry, ui.Row(8, more, ui.Exactly(170, ui.Boxed(s.order))), nil)
	may := d.Model.May(mostradorv1.Role_ROLE_OPERATOR)
	s.label = ui.NewButton(d.T("customers.label"), "Alt+T", ui.Plain, s.askTags)
	export := ui.NewButton(d.T("customers.export"), "Alt+E", ui.Plain, s.askExport)
	segment := ui.NewButton(d.T("customers.segment"), "Alt+S", ui.Plain, s.segment)
	for _, b := range []*ui.Button{s.label, export, segment} {
		b.SetEnabled(may)
	}
	foot := ui.Frame(8, nil, nil, ui.Column(0, ui.Tight(s.count), ui.Tight(s.hint)), ui.Row(8, s.label, export, segment), nil)
	card := ui.Card("", ui.Frame(6, ui.Column(6, search, s.filter.chips), nil, container.NewStack(s.list, s.none), nil, foot))
	s.content = ui.Frame(12, head, nil, card, nil, nil)
	return s
}

func (s *List) update(i int, o fyne.CanvasObject) {
	c, facts := s.source.row(i)
	o.(*fyne.Container).Layout.(*row).show(c, facts, s.looks, c != nil && s.picked.has(c.Id))
	o.Refresh()
}

// Content implements ui.Screen.
func (s *List) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen; arg may be a search to begin with (ui.Arg of a SearchRequest).
func (s *List) Show(arg string) {
	if req := new(mostradorv1.SearchRequest); arg != s.arg && ui.ReadArg(arg, req) {
		s.entry.Quiet(req.Query)
		s.filter.set(req.Filter)
		s.picked.clear()
	}
	s.arg = arg
	s.d.Window.Canvas().Focus(s.entry)
	s.entry.TypedShortcut(&fyne.ShortcutSelectAll{})
	s.filter.load()
	s.looksAgain()
	s.plugins()
	if req := s.request(); proto.Equal(req, s.source.req) && s.source.total > 0 {
		s.source.stale() // where it was left
		return
	}
	s.search()
}

// looksAgain reads the colours of the tags.
func (s *List) looksAgain() {
	current := s.tags.Next()
	ui.LoadTags(s.d, func(looks ui.TagLooks) {
		if current() {
			s.looks = looks
			s.list.Refresh()
		}
	})
}

// place is the place of this list's buttons in manifests, and few how many stand side by side; more of them are
// behind one button.
const (
	place = "list"
	few   = 2
)

// plugins shows the buttons that plug-ins bring to the list.
func (s *List) plugins() {
	current := s.extras.Next()
	req := &mostradorv1.ContributionsRequest{Place: place, Language: s.d.Model.Language()}
	ui.Ask(s.d, s.d.Model.Plugins.Contributions, req, func(res *mostradorv1.ContributionsResponse, err error) {
		if err != nil || !current() {
			return // the list itself says what is wrong
		}
		s.bar.RemoveAll()
		if len(res.Actions) > few {
			s.bar.Add(ui.NewButton(s.d.T("sheet.actions"), "F5", ui.Plain, s.all))
		}
		for _, a := range res.Actions {
			b := s.buttons.Button(a)
			if len(res.Actions) <= few {
				s.bar.Add(b)
			}
		}
		s.offered = res.Actions
		s.content.Refresh()
	})
}

// all shows every button with what a person should know about it.
func (s *List) all() {
	var m *ui.Modal
	box := ui.Column(6)
	for _, a := range s.offered {
		b := ui.NewButton(a.Label, "", ui.Plain, func() { m.Close(); s.buttons.Button(a).Tapped(nil) })
		b.SetEnabled(a.Enabled)
		box.Add(b)
		if note := s.buttons.Note(a); note != nil {
			box.Add(note)
		}
	}
	shut := ui.NewButton(s.d.T("close"), "Esc", ui.Primary, func() { m.Close() })
	m = s.d.NewModal(s.d.T("sheet.actions"), 420, ui.Fold(box, 460), box.Objects[0].(fyne.Focusable), shut)
	m.Fit()
}

// Hide implements ui.Screen.
func (s *List) Hide() {
	s.source.stop()
	s.tags.Next()
	s.enter = false
}

// Scanned implements ui.Screen: a card opens its customer.
func (s *List) Scanned(code string) {
	s.entry.SetText(code)
	s.enterPressed()
}

// enterPressed opens the first customer found, once the search has been answered.
func (s *List) enterPressed() {
	if s.source.waiting {
		s.enter = true
		return
	}
	s.open(0)
}

// Key implements ui.Screen.
func (s *List) Key(ev *fyne.KeyEvent) {
	switch {
	case ev.Name == fyne.KeyF4:
		s.fresh()
	case ev.Name == fyne.KeyF5 && len(s.offered) > few:
		s.all()
	case ev.Name == fyne.KeyF7:
		s.filter.open()
	case ev.Name == fyne.KeyEscape && s.picked.count(s.source.total) > 0:
		s.picked.clear()
		s.tell()
		s.list.Refresh()
	case ev.Name == fyne.KeyEscape && s.entry.Text != "":
		s.entry.SetText("")
		s.d.Window.Canvas().Focus(s.entry)
	default:
		return
	}
	ui.Take(ev)
}

// Shortcut implements ui.Shortcutter.
func (s *List) Shortcut(pressed fyne.Shortcut) bool {
	if _, all := pressed.(*fyne.ShortcutSelectAll); all {
		s.picked.everybody()
		s.tell()
		s.list.Refresh()
		return true
	}
	key, ok := pressed.(*desktop.CustomShortcut)
	if !ok || key.Modifier != fyne.KeyModifierAlt {
		return false
	}
	may := !s.label.Disabled()
	switch {
	case key.KeyName == fyne.KeyF:
		s.filter.open()
	case key.KeyName == fyne.KeyT && may:
		s.askTags()
	case key.KeyName == fyne.KeyE && may:
		s.askExport()
	case key.KeyName == fyne.KeyS && may:
		s.segment()
	default:
		return false
	}
	return true
}

// Changed implements ui.Screen.
func (s *List) Changed(c model.Change) {
	if c.Kind != model.StoreChanged {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_READY:
		s.search()
		s.plugins()
		s.looksAgain()
	case mostradorv1.WatchResponse_KIND_PLUGIN, mostradorv1.WatchResponse_KIND_SETTING:
		s.plugins()
	case mostradorv1.WatchResponse_KIND_CATALOGUE:
		s.looksAgain()
		s.filter.load()
		s.source.stale()
	case mostradorv1.WatchResponse_KIND_CUSTOMER:
		if c.Event.Customer != nil && s.source.replace(c.Event.Customer) {
			s.list.Refresh()
			return
		}
		if s.entry.Text == "" {
			s.source.stale() // somebody new, or gone
		}
	}
}

// fresh carries what was typed over into the form: who searches in vain registers next.
func (s *List) fresh() {
	typed := ""
	if s.source.total == 0 {
		typed = strings.TrimSpace(s.entry.Text)
	}
	s.d.Nav.Go(ui.NewCustomer, typed)
}

func (s *List) open(i int) {
	if i >= s.source.total {
		return
	}
	if c, _ := s.source.row(i); c != nil {
		s.d.Nav.Go(ui.Sheet, c.Id)
	}
}

// pick picks or drops a row, or picks all from the last one picked.
func (s *List) pick(i int, upTo bool) {
	from := i
	if upTo {
		from = s.picked.last
	}
	on := true
	for k := min(from, i); k <= max(from, i); k++ {
		c, _ := s.source.row(k)
		if c == nil {
			s.d.Warn(s.d.T("customers.pick.far"))
			return
		}
		if !upTo {
			on = !s.picked.has(c.Id)
		}
		s.picked.set(c.Id, on)
	}
	if !upTo {
		s.picked.last = i
	}
	s.tell()
	s.list.Refresh()
}

// filtered searches anew after the filter was changed.
func (s *List) filtered() { s.search() }

func (s *List) search() {
	s.picked.clear()
	s.source.open(s.request())
}

// request is what is searched for now.
func (s *List) request() *mostradorv1.SearchRequest {
	return &mostradorv1.SearchRequest{Query: strings.TrimSpace(s.entry.Text), Filter: s.filter.proto(), Order: orders[max(0, s.order.SelectedIndex())]}
}

// arrived shows what has come; first tells that it answers a new search.
func (s *List) arrived(first bool) {
	s.none.Hidden = s.source.total > 0
	s.empty.Text = s.d.T("customers.none")
	if s.filter.any() {
		s.empty.Text = s.d.T("customers.none.filtered")
	}
	s.empty.Refresh()
	s.tell()
	if first {
		s.list.Mark(0)
		s.list.ScrollTo(0)
		if s.enter {
			s.enter = false
			s.open(0)
			return
		}
	}
	s.list.Refresh()
}

// tell says how many were found and how many of them are picked.
func (s *List) tell() {
	s.count.Text = s.d.Count(s.source.total, s.source.atLeast)
	s.hint.Text = s.d.T("customers.pick.hint")
	if n := s.picked.count(s.source.total); n > 0 {
		s.hint.Text = s.d.T("customers.picked", "n", s.d.Text.Number(float64(n)))
	}
	s.filter.found(s.count.Text)
	s.count.Refresh()
	s.hint.Refresh()
	s.content.Refresh()
}
