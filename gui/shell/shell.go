// Package shell is the main window: the menu at the left with its keys, the screen that is shown, under a bar when it
// is one of several that belong together, the banner
// while the store cannot be reached, and messages at the foot. It goes from screen to screen and back, hears
// the model, and hands on keys and scans that no text box has used.
package shell

import (
	"context"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/layout"
	"fyne.io/fyne/v2/theme"

	"mostrador/gui/billing"
	"mostrador/gui/customers"
	"mostrador/gui/datamodel"
	"mostrador/gui/delivery"
	"mostrador/gui/guide"
	"mostrador/gui/integrations"
	"mostrador/gui/merge"
	"mostrador/gui/model"
	"mostrador/gui/outbox"
	"mostrador/gui/plugins"
	"mostrador/gui/promotions"
	"mostrador/gui/reports"
	"mostrador/gui/rules"
	"mostrador/gui/segments"
	"mostrador/gui/sheet"
	"mostrador/gui/signin"
	"mostrador/gui/staff"
	"mostrador/gui/tags"
	"mostrador/gui/tasks"
	"mostrador/gui/templates"
	"mostrador/gui/transfer"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// stop is one place in the way that Escape goes back.
type stop struct {
	place ui.Place
	arg   string
}

// entry is a line of the menu.
type entry struct {
	place ui.Place
	key   fyne.KeyName
	role  mostradorv1.Role
	tools bool
}

var menu = []entry{
	{ui.Billing, fyne.KeyF2, mostradorv1.Role_ROLE_CASHIER, false},
	{ui.Customers, fyne.KeyF3, mostradorv1.Role_ROLE_CASHIER, false},
	{ui.NewCustomer, fyne.KeyF4, mostradorv1.Role_ROLE_CASHIER, false},
	{ui.Outbox, fyne.KeyF6, mostradorv1.Role_ROLE_OPERATOR, false},
	{ui.Reports, fyne.KeyF11, mostradorv1.Role_ROLE_OPERATOR, false},
	{ui.Plugins, fyne.KeyF8, mostradorv1.Role_ROLE_TECHNICIAN, true},
	{ui.Guide, fyne.KeyF9, mostradorv1.Role_ROLE_TECHNICIAN, true},
	{ui.Staff, fyne.KeyF10, mostradorv1.Role_ROLE_TECHNICIAN, true},
}

// Shell is the content of the window.
type Shell struct {
	d       *ui.Desk
	cancel  func()
	scan    *ui.Scan
	root    *fyne.Container
	body    *fyne.Container
	bars    []*ui.Tabs // one an area
	banner  *fyne.Container
	plugins *extras
	tasks   *tasks.Strip
	buttons map[ui.Place]*ui.Button
	screens map[ui.Place]ui.Screen
	door    *signin.Screen
	way     []stop
	current ui.Screen
	waiting ui.Latest
}

// New builds the window's content and begins with sign-in or first start once the host has answered.
func New(d *ui.Desk) *Shell {
	s := &Shell{d: d, root: container.NewStack(), screens: map[ui.Place]ui.Screen{}, scan: ui.NewScan(d.Clock)}
	d.Nav = s
	back := canvas.NewRectangle(ui.Color(theme.ColorNameBackground))
	d.Window.SetPadded(false)
	d.Window.SetContent(container.NewStack(back, s.root))
	c := d.Window.Canvas()
	c.SetOnTypedKey(s.key)
	c.SetOnTypedRune(s.scan.Rune)
	c.AddShortcut(&desktop.CustomShortcut{KeyName: fyne.KeyC, Modifier: fyne.KeyModifierAlt}, func(fyne.Shortcut) {
		if s.inside() {
			s.Go(ui.Customers, "")
		}
	})
	for _, key := range shortcuts() {
		c.AddShortcut(key, s.Shortcut)
	}
	s.cancel = d.Model.Subscribe(func(change model.Change) { d.Do(func() { s.changed(change) }) })
	s.wait("")
	return s
}

// Close ends what the shell started.
func (s *Shell) Close() {
	s.cancel()
	if s.current != nil {
		s.current.Hide()
	}
}

// wait asks the host about itself until it answers, then shows the door.
func (s *Shell) wait(notice string) {
	newest := s.waiting.Next()
	text := ui.Text(s.d.T("shell.connecting"), ui.SizeHeading, false, ui.ColorMuted)
	s.fill(container.NewCenter(text))
	s.d.Await(func(ctx context.Context) error {
		_, err := s.d.Model.LoadStatus(ctx)
		return err
	}, func(err error) {
		if !newest() {
			return
		}
		if err != nil {
			retry := ui.NewButton(s.d.T("retry"), "Enter", ui.Primary, func() { s.wait(notice) })
			s.fill(container.NewCenter(ui.Column(12, ui.Text(s.d.Explain(err), ui.SizeHeading, false, theme.ColorNameError), container.NewCenter(retry))))
			s.d.Window.Canvas().Focus(retry)
			return
		}
		if s.d.Model.Operator() != nil {
			s.enter()
			return
		}
		s.door = signin.New(s.d, s.d.Model.Status().NeedsSetup, notice)
		s.fill(s.door.Content())
		s.door.Show()
	})
}

func (s *Shell) fill(o fyne.CanvasObject) {
	s.root.Objects = []fyne.CanvasObject{o}
	s.root.Refresh()
}

func (s *Shell) inside() bool { return s.current != nil && s.d.TopModal() == nil }

// enter opens the shop for the operator who has signed in.
func (s *Shell) enter() {
	s.door = nil
	s.d.Hush()
	op, status := s.d.Model.Operator(), s.d.Model.Status()
	s.buttons = map[ui.Place]*ui.Button{}
	s.screens = map[ui.Place]ui.Screen{}
	lines := ui.Column(1)
	tools := false
	for _, line := range menu {
		if line.tools && !tools {
			tools = true
			lines.Add(ui.Gap(8))
			lines.Add(ui.Pad(18, 4, ui.Text(s.d.T("menu.tools"), ui.SizeCaption, true, ui.ColorMuted)))
		}
		button := ui.NewButton(s.d.T("menu."+string(line.place)), string(line.key), ui.Nav, func() { s.Go(line.place, "") })
		button.SetEnabled(s.d.Model.May(line.role))
		s.buttons[line.place] = button
		lines.Add(button)
	}
	s.plugins = newExtras(s.d)
	lines.Add(s.plugins.actions)
	name := status.StoreName
	if name == "" {
		name = s.d.T("app.name")
	}
	store := ui.Cell(true)
	store.SizeName = theme.SizeNameSubHeadingText
	store.SetText(name)
	head := ui.Column(0, ui.Tight(ui.Pad(0, 0, store)), ui.Caption(s.d.T("signin.till", "till", s.d.Model.Till())))
	who := ui.Cell(true)
	who.SetText(op.GetName())
	foot := ui.Column(2,
		ui.Pad(18, 0, ui.Column(0, ui.Tight(who), ui.Caption(s.d.T("role."+op.GetRole().String())))),
		ui.NewButton(s.d.T("menu.leave"), "F12", ui.Nav, s.leave))
	foot = ui.Column(10, s.plugins.development, foot)
	side := ui.Panel(ui.ColorSide, 0, ui.Pad(8, 14, ui.Frame(14, ui.Pad(18, 2, head), nil, container.NewVScroll(lines), nil, foot)))
	s.body = container.NewStack()
	s.bars = s.newBars()
	s.banner = ui.Panel(ui.ColorWarnBg, 0, ui.Pad(24, 8, ui.Text(s.d.T("shell.offline"), ui.SizeText, true, theme.ColorNameWarning)))
	s.connection()
	margins := container.New(layout.NewCustomPaddedLayout(20, ui.ToastRoom, 26, 26), s.body)
	s.tasks = tasks.NewStrip(s.d)
	screen := container.NewStack(ui.Frame(0, s.banner, nil, margins, nil, s.tasks.Box), s.d.ToastLayer())
	s.fill(ui.Frame(0, nil, ui.Exactly(246, side), screen, nil, nil))
	s.way = nil
	s.plugins.load()
	s.tasks.Load()
	s.Go(ui.Billing, "")
}

func (s *Shell) leave() {
	s.d.Await(s.d.Model.SignOut, func(error) {})
}

func (s *Shell) connection() {
	if s.d.Model.Online() || !s.d.Model.Lost() {
		s.banner.Hide()
	} else {
		s.banner.Show()
	}
}

func (s *Shell) screen(place ui.Place) ui.Screen {
	if screen, ok := s.screens[place]; ok {
		return screen
	}
	var screen ui.Screen
	switch place {
	case ui.Customers:
		screen = customers.NewList(s.d)
	case ui.NewCustomer:
		return customers.NewForm(s.d) // always an empty form
	case ui.Sheet:
		return sheet.New(s.d)
	case ui.Segments:
		screen = segments.New(s.d)
	case ui.DataModel:
		screen = datamodel.New(s.d)
	case ui.Imports:
		screen = transfer.New(s.d)
	case ui.Tags:
		screen = tags.New(s.d)
	case ui.Duplicates:
		screen = merge.New(s.d)
	case ui.Outbox:
		screen = outbox.New(s.d)
	case ui.Templates:
		screen = templates.New(s.d)
	case ui.Rules:
		screen = rules.New(s.d)
	case ui.Promotions:
		screen = promotions.New(s.d)
	case ui.Offers:
		screen = promotions.NewOffers(s.d)
	case ui.Delivery:
		screen = delivery.New(s.d)
	case ui.Integrations:
		screen = integrations.New(s.d)
	case ui.Reports:
		screen = reports.New(s.d)
	case ui.Plugins:
		screen = plugins.New(s.d)
	case ui.Guide:
		screen = guide.New(s.d)
	case ui.Staff:
		screen = staff.New(s.d)
	default:
		screen = billing.New(s.d)
	}
	s.screens[place] = screen
	return screen
}

// Go implements ui.Navigator.
func (s *Shell) Go(place ui.Place, arg string) {
	if !s.may(place) {
		s.d.Warn(s.d.T("error.permission"))
		return
	}
	// A main place begins a new way, so that Escape never walks through a whole morning; the seed's way
	// Facturación > [C] > [Nuevo] is kept.
	at := stop{place, arg}
	for i, earlier := range s.way {
		if earlier.place == place {
			s.way = s.way[:i]
			break
		}
	}
	if place == ui.Billing {
		s.way = nil
	}
	s.way = append(s.way, at)
	s.show(at)
}

// Back implements ui.Navigator.
func (s *Shell) Back() {
	if len(s.way) > 1 {
		s.way = s.way[:len(s.way)-1]
	} else {
		s.way = []stop{{ui.Billing, ""}}
	}
	s.show(s.way[len(s.way)-1])
}

func (s *Shell) show(at stop) {
	if s.current != nil {
		s.current.Hide()
	}
	for place, button := range s.buttons {
		button.SetStyle(ui.Nav)
		if place == home(at.place) {
			button.SetStyle(ui.NavCurrent)
		}
	}
	s.d.Window.Canvas().Unfocus()
	s.d.Hush()
	s.current = s.screen(at.place)
	s.body.Objects = []fyne.CanvasObject{s.current.Content()}
	if area, part := within(at.place); area >= 0 {
		s.bars[area].Mark(part)
		s.body.Objects[0] = ui.Frame(10, s.bars[area].Box, nil, s.current.Content(), nil, nil)
	}
	s.body.Refresh()
	s.current.Show(at.arg)
}

// key sees every key that no text box has used.
func (s *Shell) key(ev *fyne.KeyEvent) {
	enter := ev.Name == fyne.KeyReturn || ev.Name == fyne.KeyEnter
	if enter {
		if code, ok := s.scan.Enter(); ok {
			s.scanned(code)
			ui.Take(ev)
		}
		return
	}
	if m := s.d.TopModal(); m != nil {
		if ev.Name == fyne.KeyEscape {
			m.Close()
			ui.Take(ev)
		}
		return
	}
	if s.current == nil {
		return
	}
	s.current.Key(ev)
	if ui.Taken(ev) {
		return
	}
	switch ev.Name {
	case fyne.KeyEscape:
		s.Back()
		ui.Take(ev)
	case fyne.KeyF12:
		s.leave()
		ui.Take(ev)
	case fyne.KeyTab:
	default:
		for _, line := range menu {
			if line.key == ev.Name {
				s.Go(line.place, "")
				ui.Take(ev)
				return
			}
		}
	}
}

func (s *Shell) scanned(code string) {
	switch m := s.d.TopModal(); {
	case m != nil:
		if m.OnScan != nil {
			m.OnScan(code)
		}
	case s.current != nil:
		s.current.Scanned(code)
	case s.door != nil:
		s.door.Scanned(code)
	}
}

func (s *Shell) changed(c model.Change) {
	switch c.Kind {
	case model.SessionChanged:
		s.d.CloseModals()
		if s.d.Model.Operator() != nil {
			// A new shop may have got its name by now.
			s.wait("")
			return
		}
		if s.current != nil {
			s.current.Hide()
			s.current = nil
		}
		notice := ""
		if s.d.Model.EndedByHost() {
			notice = s.d.T("signin.ended")
		}
		s.wait(notice)
		return
	case model.ConnectionChanged:
		if s.banner != nil {
			s.connection()
		}
	case model.StoreChanged:
		if s.plugins != nil {
			s.plugins.changed(c.Event.Kind)
			s.tasks.Changed(c.Event.Kind)
		}
	}
	if s.current != nil {
		s.current.Changed(c)
	}
}
