// Package staff is Herramientas > Personal: who works at the store, in which role, and the small form that adds
// somebody or changes a role, PIN or badge. The host decides who may; what it refuses is said at the field.
package staff

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// Screen is the list of operators.
type Screen struct {
	d       *ui.Desk
	content fyne.CanvasObject
	list    *ui.List
	fresh   *ui.Button
	locked  *fyne.Container

	operators []*mostradorv1.Operator
	newest    ui.Latest
	shown     bool
}

var weights = []float32{38, 24, 18, 20}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d}
	s.list = ui.NewList(func() int { return len(s.operators) }, newRow, s.update, s.open)
	s.fresh = ui.NewButton(d.T("staff.new"), "F5", ui.Primary, s.create)
	s.locked = ui.Panel(ui.ColorWarnBg, 8, ui.Pad(8, 2, warning(d.T("staff.locked"))))
	s.locked.Hide()
	head := ui.Row(8, ui.Column(0, ui.Caption(d.T("menu.tools")+" >"), ui.Title(d.T("menu.staff"))), ui.Spring(), s.fresh)
	captions := ui.Captions(weights, d.T("staff.name"), d.T("staff.role"), d.T("staff.badge"), d.T("staff.state"))
	card := ui.Card("", ui.Frame(8, captions, nil, s.list, nil, nil))
	s.content = ui.Frame(14, ui.Column(12, head, s.locked), nil, card, nil, nil)
	return s
}

func warning(text string) *widget.Label {
	l := ui.Words(text)
	l.Importance = widget.WarningImportance
	return l
}

// row is one operator in the list.
type row struct {
	name, role, badge *widget.Label
	state             *ui.Badge
}

func newRow() fyne.CanvasObject {
	r := &row{name: ui.Cell(true), role: ui.Cell(false), badge: ui.Cell(false), state: ui.NewBadge(" ", ui.Quiet)}
	return ui.Hold(r, ui.Columns(4, weights, r.name, r.role, r.badge, ui.Row(0, ui.Gap(9), r.state.Box)), 6)
}

func (s *Screen) update(i int, o fyne.CanvasObject) {
	if i >= len(s.operators) {
		return
	}
	op, r := s.operators[i], ui.Held[*row](o)
	r.name.SetText(op.Name)
	r.role.SetText(s.d.T("role." + op.Role.String()))
	r.badge.SetText(s.d.T(map[bool]string{true: "yes", false: "no"}[op.HasBadge]))
	r.badge.Importance = map[bool]widget.Importance{true: widget.MediumImportance, false: widget.LowImportance}[op.HasBadge]
	if op.Disabled {
		r.state.Set(s.d.T("staff.disabled"), ui.Quiet)
	} else {
		r.state.Set(s.d.T("staff.active"), ui.Good)
	}
	o.Refresh()
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen.
func (s *Screen) Show(string) {
	s.shown = true
	s.d.Window.Canvas().Focus(s.list)
	s.load("")
}

// Hide implements ui.Screen.
func (s *Screen) Hide() { s.shown = false }

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	if ev.Name == fyne.KeyF5 {
		s.create()
		ui.Take(ev)
	}
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind == model.StoreChanged && c.Event.Kind == mostradorv1.WatchResponse_KIND_READY {
		s.load("")
	}
}

// load reads the list; the operator of that name gets the highlight.
func (s *Screen) load(name string) {
	current := s.newest.Next()
	ui.Ask(s.d, s.d.Model.Access.ListOperators, &mostradorv1.ListOperatorsRequest{}, func(res *mostradorv1.ListOperatorsResponse, err error) {
		if !current() || !s.shown {
			return
		}
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.operators = res.Operators
		if s.may() {
			s.locked.Hide()
		} else {
			s.locked.Show()
		}
		s.fresh.SetEnabled(s.may())
		s.list.Refresh()
		s.content.Refresh()
		for i, op := range s.operators {
			if name != "" && op.Name == name {
				s.list.Mark(i)
			}
		}
	})
}

// may tells whether the host would let this operator change others: an administrator may, and a technician
// while there is no administrator who could.
func (s *Screen) may() bool {
	if s.d.Model.May(mostradorv1.Role_ROLE_ADMINISTRATOR) {
		return true
	}
	for _, op := range s.operators {
		if op.Role == mostradorv1.Role_ROLE_ADMINISTRATOR && !op.Disabled {
			return false
		}
	}
	return true
}

func (s *Screen) create() {
	if s.may() {
		s.edit(nil)
	}
}

func (s *Screen) open(i int) {
	if i >= len(s.operators) || s.d.TopModal() != nil {
		return
	}
	s.list.UnselectAll()
	if !s.may() {
		s.d.Warn(s.d.T("staff.locked"))
		return
	}
	s.edit(s.operators[i])
}
