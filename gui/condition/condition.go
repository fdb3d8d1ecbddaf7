// Package condition is the editor of conditions about customers, for segments and for [Más filtros]: a tree of
// groups (all hold, any holds, none holds) and comparisons (what is compared, how, and with what). What can be
// compared, and how, is what the host lists as terms; the editor knows none of them by name.
//
// An Editor holds its tree in controls: Set fills them, Condition reads them, and Check says at each comparison
// what is still missing. Everything can be done by keyboard: the term is completed while it is typed, Tab goes on
// to operator and operands, and to the buttons that add and remove.
package condition

import (
	"slices"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// deepest is how many groups may stand within one another.
const deepest = 4

// Editor is a condition on the screen.
type Editor struct {
	// Box is what is placed on the screen.
	Box *fyne.Container
	// OnChanged is called when the person changes something that Condition tells; it may be nil.
	OnChanged func()
	// OnGrown is called when Box needs another height, so that what is around it is laid out anew; it may be nil.
	OnGrown func()

	d     *ui.Desk
	terms []*mostradorv1.Term
	root  *group
}

// New makes an editor for the terms that the host lists, with an empty group of which all must hold.
func New(d *ui.Desk, terms []*mostradorv1.Term) *Editor {
	e := &Editor{d: d, terms: terms, Box: ui.Column(0)}
	e.Set(nil)
	return e
}

// Set shows a condition, or an empty one for nil, and tells nobody.
func (e *Editor) Set(c *mostradorv1.Condition) {
	if c != nil && c.Group == mostradorv1.Condition_GROUP_UNSPECIFIED {
		c = &mostradorv1.Condition{Group: mostradorv1.Condition_GROUP_ALL, Conditions: []*mostradorv1.Condition{c}}
	}
	e.root = e.newGroup(nil, c)
	e.Box.RemoveAll()
	e.Box.Add(e.root.box)
	e.grown()
}

// Condition is what the controls hold, or nil when they ask nothing. Comparisons that are not complete are left out.
func (e *Editor) Condition() *mostradorv1.Condition { return e.root.condition() }

// Check says at each comparison what is missing or wrong, goes to the first, and tells whether all is well. A
// comparison about nothing is no fault.
func (e *Editor) Check() bool {
	first := e.root.check()
	e.grown()
	if first != nil {
		e.d.Window.Canvas().Focus(first)
	}
	return first == nil
}

// Focus is where typing begins.
func (e *Editor) Focus() fyne.Focusable { return e.root.focus() }

func (e *Editor) changed() {
	if e.OnChanged != nil {
		e.OnChanged()
	}
}

func (e *Editor) grown() {
	e.Box.Refresh()
	if e.OnGrown != nil {
		e.OnGrown()
	}
}

func (e *Editor) term(id string) *mostradorv1.Term {
	for _, t := range e.terms {
		if t.Id == id {
			return t
		}
	}
	return nil
}

// part is a group or a comparison.
type part interface {
	object() fyne.CanvasObject
	condition() *mostradorv1.Condition
	// check returns where the first fault is, or nil.
	check() fyne.Focusable
	focus() fyne.Focusable
}

// groups are the kinds of a group in the order of its choice.
var groups = []mostradorv1.Condition_Group{mostradorv1.Condition_GROUP_ALL, mostradorv1.Condition_GROUP_ANY, mostradorv1.Condition_GROUP_NONE}

// group is a group on the screen.
type group struct {
	e      *Editor
	within *group
	depth  int
	box    *fyne.Container
	rows   *fyne.Container
	kind   *ui.Select
	add    *ui.Button
	parts  []part
}

func (e *Editor) newGroup(within *group, c *mostradorv1.Condition) *group {
	g := &group{e: e, within: within, rows: ui.Column(6)}
	if within != nil {
		g.depth = within.depth + 1
	}
	names := make([]string, len(groups))
	for i, kind := range groups {
		names[i] = e.d.T("condition." + kind.String())
	}
	g.kind = ui.NewSelect("", names, nil)
	g.kind.SetSelectedIndex(max(0, slices.Index(groups, c.GetGroup())))
	g.kind.OnChanged = func(string) { e.changed() }
	g.add = ui.NewButton(e.d.T("condition.add"), "", ui.Plain, func() { g.append(e.newComparison(g, nil)) })
	foot := ui.Row(6, g.add)
	if g.depth < deepest {
		foot.Add(ui.NewButton(e.d.T("condition.group"), "", ui.Plain, func() {
			g.append(e.newGroup(g, &mostradorv1.Condition{Group: mostradorv1.Condition_GROUP_ANY, Conditions: []*mostradorv1.Condition{{}}}))
		}))
	}
	head := ui.Row(8, ui.Exactly(300, ui.Boxed(g.kind)))
	if within != nil {
		head.Add(ui.Spring())
		head.Add(ui.NewButton(e.d.T("condition.remove"), "", ui.Plain, func() { within.remove(g) }))
	}
	g.box = ui.Column(8, head, ui.Pad(14, 0, ui.Column(8, g.rows, foot)))
	if within != nil {
		g.box = ui.Boxed(ui.Pad(10, 8, g.box))
	}
	for _, one := range c.GetConditions() {
		if one.Group != mostradorv1.Condition_GROUP_UNSPECIFIED {
			g.parts = append(g.parts, e.newGroup(g, one))
		} else {
			g.parts = append(g.parts, e.newComparison(g, one))
		}
	}
	if len(g.parts) == 0 {
		g.parts = append(g.parts, e.newComparison(g, nil))
	}
	g.show()
	return g
}

func (g *group) show() {
	g.rows.RemoveAll()
	for _, p := range g.parts {
		g.rows.Add(p.object())
	}
}

func (g *group) append(p part) {
	g.parts = append(g.parts, p)
	g.show()
	g.e.grown()
	g.e.d.Window.Canvas().Focus(p.focus())
}

func (g *group) remove(p part) {
	g.parts = slices.DeleteFunc(g.parts, func(other part) bool { return other == p })
	if len(g.parts) == 0 && g.within == nil {
		g.parts = append(g.parts, g.e.newComparison(g, nil))
	}
	g.show()
	g.e.grown()
	g.e.d.Window.Canvas().Focus(g.add)
	g.e.changed()
}

func (g *group) object() fyne.CanvasObject { return g.box }

func (g *group) focus() fyne.Focusable {
	if len(g.parts) > 0 {
		return g.parts[0].focus()
	}
	return g.add
}

func (g *group) check() fyne.Focusable {
	var first fyne.Focusable
	for _, p := range g.parts {
		if at := p.check(); at != nil && first == nil {
			first = at
		}
	}
	return first
}

func (g *group) condition() *mostradorv1.Condition {
	c := &mostradorv1.Condition{Group: groups[max(0, g.kind.SelectedIndex())]}
	for _, p := range g.parts {
		if one := p.condition(); one != nil {
			c.Conditions = append(c.Conditions, one)
		}
	}
	if len(c.Conditions) == 0 {
		return nil
	}
	return c
}
