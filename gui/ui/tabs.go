package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
)

// Tabs is a bar of the parts of a screen, or of screens that belong together. Ctrl+Tab and Ctrl+Shift+Tab go round,
// Alt+1 to Alt+9 go straight there; the screen hands its shortcuts on to Shortcut.
type Tabs struct {
	// Box is what is placed on the screen.
	Box *fyne.Container

	buttons []*Button
	at      int
	chosen  func(int)
}

// wide is how many parts have room for wide buttons in the smallest window.
const wide = 6

// NewTabs makes a bar; the first part is shown. chosen is called when the person goes to a part, which is marked by then.
func NewTabs(names []string, chosen func(int)) *Tabs {
	t := &Tabs{Box: Row(2), chosen: chosen}
	for i, name := range names {
		b := NewButton(name, "", Nav, func() { t.Choose(i) })
		b.left, b.narrow = false, len(names) > wide
		t.buttons = append(t.buttons, b)
		t.Box.Add(b)
	}
	t.Mark(0)
	return t
}

// At is the part that is shown.
func (t *Tabs) At() int { return t.at }

// Mark shows a part as the current one and tells nobody.
func (t *Tabs) Mark(at int) {
	t.at = at
	for i, b := range t.buttons {
		style := Nav
		if i == at {
			style = NavCurrent
		}
		b.SetStyle(style)
	}
}

// Choose goes to a part, as a click does, unless it is switched off.
func (t *Tabs) Choose(at int) {
	if at < 0 || at >= len(t.buttons) || t.buttons[at].Disabled() {
		return
	}
	t.Mark(at)
	t.chosen(at)
}

// SetEnabled lets a part be gone to, or not.
func (t *Tabs) SetEnabled(at int, on bool) { t.buttons[at].SetEnabled(on) }

// SetText changes the name of a part, such as for a count beside it.
func (t *Tabs) SetText(at int, text string) { t.buttons[at].SetText(text) }

// step goes round to the next part that is switched on.
func (t *Tabs) step(by int) {
	n := len(t.buttons)
	for i := 1; i <= n; i++ {
		if at := ((t.at+by*i)%n + n) % n; !t.buttons[at].Disabled() {
			t.Choose(at)
			return
		}
	}
}

// Shortcut goes where the keys lead, and tells whether they were for the bar.
func (t *Tabs) Shortcut(s fyne.Shortcut) bool {
	c, ok := s.(*desktop.CustomShortcut)
	switch {
	case !ok:
		return false
	case c.KeyName == fyne.KeyTab && c.Modifier == fyne.KeyModifierControl:
		t.step(1)
	case c.KeyName == fyne.KeyTab && c.Modifier == fyne.KeyModifierControl|fyne.KeyModifierShift:
		t.step(-1)
	case c.Modifier == fyne.KeyModifierAlt && len(c.KeyName) == 1 && c.KeyName[0] >= '1' && int(c.KeyName[0]-'0') <= len(t.buttons):
		t.Choose(int(c.KeyName[0] - '1'))
	default:
		return false
	}
	return true
}
