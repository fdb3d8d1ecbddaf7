package ui

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// list is a list of texts. Enter in the box above adds one; in the list Enter takes the row up into the box to
// change it, Delete removes it, and Alt with Up and Down moves it. The buttons beside do the same by mouse.
func (in *Input) list(d *Desk, spec Spec) {
	var items []string
	editing := -1 // the row that is being changed in the box
	e := NewEntry(or(spec.Hint, d.T("input.list")), nil)
	note := Note("", widget.LowImportance)
	say := func(text string) { note.SetText(or(text, d.T("input.list.keys"))) }
	rows := &rowsList{}
	none := container.NewCenter(Text(d.T("input.list.none"), SizeCaption, false, ColorMuted))
	up := NewButton(d.T("input.list.up"), "", Plain, func() { rows.move(-1) })
	down := NewButton(d.T("input.list.down"), "", Plain, func() { rows.move(1) })
	edit := NewButton(d.T("input.list.edit"), "", Plain, func() { rows.edit() })
	remove := NewButton(d.T("input.list.remove"), "", Plain, func() { rows.remove() })
	off := false
	show := func() {
		rows.Refresh()
		if len(items) == 0 {
			none.Show()
		} else {
			none.Hide()
		}
		for _, b := range []*Button{up, down, edit, remove} {
			b.SetEnabled(len(items) > 0 && !off)
		}
	}
	put := func(at int, text string) int {
		if editing >= 0 {
			items[editing], at = text, editing
		} else {
			items = slices.Insert(items, at, text)
		}
		editing = -1
		return at
	}
	add := func() (ok bool) {
		text := strings.TrimSpace(e.Text)
		if text == "" {
			editing = -1
			return false
		}
		if i := slices.Index(items, text); i >= 0 && i != editing {
			say(d.T("input.list.again"))
			rows.Mark(i)
			return false
		}
		at := put(len(items), text)
		e.Quiet("")
		say("")
		show()
		rows.Mark(at)
		return true
	}
	rows.init(func() int { return len(items) }, func(i int, o fyne.CanvasObject) {
		if i < len(items) {
			o.(*widget.Label).SetText(items[i])
		}
	})
	rows.edit = func() {
		if i := rows.Row(); i < len(items) && !off {
			editing = i
			e.Quiet(items[i])
			d.Window.Canvas().Focus(e)
		}
	}
	rows.remove = func() {
		if i := rows.Row(); i < len(items) && !off {
			items = slices.Delete(items, i, i+1)
			editing = -1
			show()
			rows.UnselectAll()
			if len(items) > 0 {
				rows.Mark(min(i, len(items)-1))
			}
			in.changed()
		}
	}
	rows.move = func(by int) {
		i := rows.Row()
		if to := i + by; i < len(items) && to >= 0 && to < len(items) && !off {
			items[i], items[to] = items[to], items[i]
			editing = -1
			show()
			rows.Mark(to)
			in.changed()
		}
	}
	rows.OnTop = func() { d.Window.Canvas().Focus(e) }
	e.OnChanged = func(string) { say(""); in.changed() }
	e.OnSubmitted = func(string) {
		if strings.TrimSpace(e.Text) == "" && editing < 0 {
			in.submitted() // an Enter more than there are texts ends the list
			return
		}
		if add() {
			in.changed()
		}
	}
	e.OnKey = func(ev *fyne.KeyEvent) bool {
		if ev.Name == fyne.KeyDown && len(items) > 0 {
			d.Window.Canvas().Focus(rows)
			return true
		}
		return false
	}
	height := float32(132)
	if spec.Rows > 0 {
		height = 33 * float32(spec.Rows)
	}
	box := Boxed(Least(0, height, container.NewStack(rows, none)))
	in.Box = Column(6, Frame(8, e, nil, box, Column(2, up, down, edit, remove), nil), Tight(note))
	in.Focus = e
	in.Disable = func() { off = true; e.Disable(); show() }
	in.Set = func(value string) {
		items = nil
		for text := range strings.Lines(value) {
			if text = strings.TrimSpace(text); text != "" {
				items = append(items, text)
			}
		}
		editing = -1
		e.Quiet("")
		say("")
		rows.UnselectAll()
		show()
	}
	in.Value = func() (string, error) {
		out := slices.Clone(items)
		if text := strings.TrimSpace(e.Text); text != "" { // typed, but Enter was forgotten
			switch i := slices.Index(out, text); {
			case editing >= 0 && (i < 0 || i == editing):
				out[editing] = text
			case i < 0:
				out = append(out, text)
			}
		}
		return strings.Join(out, "\n"), nil
	}
}

// rowsList is the list of a list input with its keys.
type rowsList struct {
	List
	edit, remove func()
	move         func(by int)
}

func (l *rowsList) init(length func() int, update func(int, fyne.CanvasObject)) {
	l.Length, l.UpdateItem = length, update
	l.CreateItem = func() fyne.CanvasObject { return Cell(false) }
	l.OnHighlighted = func(id widget.ListItemID) { l.Select(id) }
	l.OnSelected = func(id widget.ListItemID) { l.row = id }
	l.ExtendBaseWidget(l)
}

// Mark goes to a row.
func (l *rowsList) Mark(row int) { l.Highlight(row) }

// TypedKey implements fyne.Focusable.
func (l *rowsList) TypedKey(ev *fyne.KeyEvent) {
	switch {
	case Global(ev.Name):
		offer(l, ev)
	case ev.Name == fyne.KeyDelete, ev.Name == fyne.KeyBackspace:
		l.remove()
	case ev.Name == fyne.KeyReturn, ev.Name == fyne.KeyEnter:
		l.edit()
	case ev.Name == fyne.KeyUp && l.row <= 0:
		l.OnTop()
	default:
		l.List.List.TypedKey(ev)
	}
}

// TypedShortcut implements fyne.Shortcutable: Alt with Up and Down.
func (l *rowsList) TypedShortcut(s fyne.Shortcut) {
	c, ok := s.(*desktop.CustomShortcut)
	switch {
	case ok && c.Modifier == fyne.KeyModifierAlt && c.KeyName == fyne.KeyUp:
		l.move(-1)
	case ok && c.Modifier == fyne.KeyModifierAlt && c.KeyName == fyne.KeyDown:
		l.move(1)
	case WindowShortcut(s):
		offerShortcut(l, s)
	}
}
