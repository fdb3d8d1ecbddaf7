package shell

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// part is one screen of an area, with the role that it needs.
type part struct {
	place ui.Place
	role  mostradorv1.Role
}

// areas are the screens that one bar joins; the first of each stands in the menu for all.
var areas = [][]part{
	{
		{ui.Customers, mostradorv1.Role_ROLE_CASHIER},
		{ui.Segments, mostradorv1.Role_ROLE_CASHIER},
		{ui.Tags, mostradorv1.Role_ROLE_CASHIER},
		{ui.DataModel, mostradorv1.Role_ROLE_TECHNICIAN},
		{ui.Imports, mostradorv1.Role_ROLE_OPERATOR},
		{ui.Duplicates, mostradorv1.Role_ROLE_OPERATOR},
	},
	{
		{ui.Outbox, mostradorv1.Role_ROLE_OPERATOR},
		{ui.Templates, mostradorv1.Role_ROLE_OPERATOR},
		{ui.Rules, mostradorv1.Role_ROLE_OPERATOR},
		{ui.Promotions, mostradorv1.Role_ROLE_OPERATOR},
		{ui.Offers, mostradorv1.Role_ROLE_OPERATOR},
		{ui.Delivery, mostradorv1.Role_ROLE_OPERATOR},
		{ui.Integrations, mostradorv1.Role_ROLE_TECHNICIAN},
	},
}

// within is the area that a place belongs to and its part there, or -1.
func within(place ui.Place) (area, at int) {
	for area, parts := range areas {
		for at, part := range parts {
			if part.place == place {
				return area, at
			}
		}
	}
	return -1, -1
}

// home is the place of the menu under which another one is found.
func home(place ui.Place) ui.Place {
	if area, _ := within(place); area >= 0 {
		return areas[area][0].place
	}
	if place == ui.Sheet {
		return ui.Customers
	}
	return place
}

// newBars makes the bars for the operator who has signed in.
func (s *Shell) newBars() []*ui.Tabs {
	bars := make([]*ui.Tabs, len(areas))
	for i, parts := range areas {
		names := make([]string, len(parts))
		for k, part := range parts {
			names[k] = s.d.T("area." + string(part.place))
			if s.d.Text.Has("bar." + string(part.place)) { // a shorter name, for the bar
				names[k] = s.d.T("bar." + string(part.place))
			}
		}
		bars[i] = ui.NewTabs(names, func(at int) { s.swap(parts[at].place) })
		for k, part := range parts {
			bars[i].SetEnabled(k, s.d.Model.May(part.role))
		}
	}
	return bars
}

// swap goes to another screen of the area: Escape leads from each of them to where the area was entered.
func (s *Shell) swap(place ui.Place) {
	if n := len(s.way); n > 0 && home(s.way[n-1].place) == home(place) {
		s.way = s.way[:n-1]
	}
	s.Go(place, "")
}

// may tells whether the operator may go to a place; the host decides what can be done there.
func (s *Shell) may(place ui.Place) bool {
	for _, line := range menu {
		if line.place == place {
			return s.d.Model.May(line.role)
		}
	}
	if area, at := within(place); area >= 0 {
		return s.d.Model.May(areas[area][at].role)
	}
	return true
}

// shortcuts are the keys with Ctrl or Alt that screens and the area's bar may use.
func shortcuts() []fyne.Shortcut {
	all := []fyne.Shortcut{
		&fyne.ShortcutSelectAll{},
		&fyne.ShortcutCopy{},
		&desktop.CustomShortcut{KeyName: fyne.KeyTab, Modifier: fyne.KeyModifierControl},
		&desktop.CustomShortcut{KeyName: fyne.KeyTab, Modifier: fyne.KeyModifierControl | fyne.KeyModifierShift},
	}
	for _, key := range []fyne.KeyName{"1", "2", "3", "4", "5", "6", "7", "8", "9", fyne.KeyE, fyne.KeyF, fyne.KeyP, fyne.KeyR, fyne.KeyS, fyne.KeyT, fyne.KeyUp, fyne.KeyDown} {
		all = append(all, &desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierAlt})
	}
	return all
}

// Shortcut gives keys pressed with Ctrl or Alt to the screen, and to the bar when the screen has no use for them.
func (s *Shell) Shortcut(pressed fyne.Shortcut) {
	if !s.inside() {
		return
	}
	if screen, ok := s.current.(ui.Shortcutter); ok && screen.Shortcut(pressed) {
		return
	}
	if key, ok := pressed.(*desktop.CustomShortcut); ok && key.KeyName == fyne.KeyR && key.Modifier == fyne.KeyModifierAlt {
		s.tasks.Open()
		return
	}
	if n := len(s.way); n > 0 {
		if area, _ := within(s.way[n-1].place); area >= 0 {
			s.bars[area].Shortcut(pressed)
		}
	}
}
