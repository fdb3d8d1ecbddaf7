package shell

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// area are the screens about customers, which one bar joins, with the role that each needs.
var area = []struct {
	place ui.Place
	role  mostradorv1.Role
}{
	{ui.Customers, mostradorv1.Role_ROLE_CASHIER},
	{ui.Segments, mostradorv1.Role_ROLE_CASHIER},
	{ui.Tags, mostradorv1.Role_ROLE_CASHIER},
	{ui.DataModel, mostradorv1.Role_ROLE_TECHNICIAN},
	{ui.Imports, mostradorv1.Role_ROLE_OPERATOR},
	{ui.Duplicates, mostradorv1.Role_ROLE_OPERATOR},
}

// within is the part of the area that a place is, or -1.
func within(place ui.Place) int {
	for i, part := range area {
		if part.place == place {
			return i
		}
	}
	return -1
}

// newArea makes the bar for the operator who has signed in.
func (s *Shell) newArea() *ui.Tabs {
	names := make([]string, len(area))
	for i, part := range area {
		names[i] = s.d.T("area." + string(part.place))
	}
	bar := ui.NewTabs(names, func(at int) { s.swap(area[at].place) })
	for i, part := range area {
		bar.SetEnabled(i, s.d.Model.May(part.role))
	}
	return bar
}

// swap goes to another screen of the area: Escape leads from each of them to where the area was entered.
func (s *Shell) swap(place ui.Place) {
	if n := len(s.way); n > 0 && within(s.way[n-1].place) >= 0 {
		s.way = s.way[:n-1]
	}
	s.Go(place, "")
}

// shortcuts are the keys with Ctrl or Alt that screens and the area's bar may use.
func shortcuts() []fyne.Shortcut {
	all := []fyne.Shortcut{
		&fyne.ShortcutSelectAll{},
		&fyne.ShortcutCopy{},
		&desktop.CustomShortcut{KeyName: fyne.KeyTab, Modifier: fyne.KeyModifierControl},
		&desktop.CustomShortcut{KeyName: fyne.KeyTab, Modifier: fyne.KeyModifierControl | fyne.KeyModifierShift},
	}
	for _, key := range []fyne.KeyName{"1", "2", "3", "4", "5", "6", "7", "8", "9", fyne.KeyE, fyne.KeyF, fyne.KeyR, fyne.KeyS, fyne.KeyT, fyne.KeyUp, fyne.KeyDown} {
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
	if n := len(s.way); n > 0 && within(s.way[n-1].place) >= 0 {
		s.area.Shortcut(pressed)
	}
}
