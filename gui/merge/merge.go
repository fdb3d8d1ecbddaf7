// Package merge makes two records of one person one: the window in which both stand side by side, a choice for each
// value that differs, and what else comes together said beforehand; and the screen Duplicados, which lists the pairs
// that the store takes for one person. A merge can be taken back.
package merge

import (
	"connectrpc.com/connect"
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// Find asks with whom a customer is one person, and goes on to Ask.
func Find(d *ui.Desk, c *plgv1.Customer, done func(kept string)) {
	var m *ui.Modal
	finder := ui.NewFinder(d, d.T("customers.search"))
	fault := ui.Note("", widget.DangerImportance)
	finder.OnGrown = func() {
		if m != nil {
			m.Fit()
		}
	}
	finder.OnNone = func(none bool) {
		fault.SetText("")
		if none {
			fault.SetText(d.T("customers.none.plain"))
		}
	}
	finder.OnFound = func(o ui.Option) {
		if o.Value == c.Id {
			fault.SetText(d.T("merge.same"))
			return
		}
		m.Close()
		Ask(d, c.Id, o.Value, done)
	}
	cancel := ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { m.Close() })
	body := ui.Column(8, ui.Tight(ui.Words(d.T("merge.find", "name", c.Name))), finder.Box, ui.Tight(fault))
	m = d.NewModal(d.T("merge.title"), 560, body, finder.Entry, cancel)
	m.OnScan = finder.Exactly
	m.Fit()
}

// asking is the window in which two records stand side by side.
type asking struct {
	d          *ui.Desk
	keep, gone *plgv1.Customer
	take       map[string]bool
	shown      *mostradorv1.MergeResponse
	done       func(kept string)

	window *ui.Modal
	body   *fyne.Container
	fault  *widget.Label
	join   *ui.Button
}

// Ask shows what one record made of two would be, and makes it when the person says so; done is told who stays.
func Ask(d *ui.Desk, keep, gone string, done func(kept string)) {
	a := &asking{d: d, take: map[string]bool{}, done: done, body: ui.Column(8), fault: ui.Note("", widget.DangerImportance)}
	a.load(keep, gone, a.open)
}

// load reads both customers and what their merge would be.
func (a *asking) load(keep, gone string, then func()) {
	d := a.d
	get := func(id string, then func(*plgv1.Customer)) {
		ui.Ask(d, d.Model.Customers.Get, &mostradorv1.GetCustomerRequest{Key: id}, func(res *mostradorv1.GetCustomerResponse, err error) {
			if err != nil {
				d.Fail(d.Explain(err))
				return
			}
			then(res.Customer)
		})
	}
	get(keep, func(k *plgv1.Customer) {
		get(gone, func(g *plgv1.Customer) {
			a.keep, a.gone = k, g
			req := &mostradorv1.MergeRequest{Keep: k.Id, Gone: g.Id, Preview: true}
			ui.Ask(d, d.Model.Records.Merge, req, func(res *mostradorv1.MergeResponse, err error) {
				if err != nil {
					d.Fail(d.Explain(err))
					return
				}
				a.shown = res
				then()
			})
		})
	})
}

func (a *asking) open() {
	d := a.d
	cancel := ui.NewButton(d.T("cancel"), "Esc", ui.Plain, func() { a.window.Close() })
	swap := ui.NewButton(d.T("merge.swap"), "", ui.Plain, a.swap)
	a.join = ui.NewButton(d.T("merge.join"), "", ui.Primary, a.send)
	a.show()
	a.window = d.NewModal(d.T("merge.title"), 860, ui.Frame(8, nil, nil, ui.Fold(a.body, 520), nil, ui.Tight(a.fault)), cancel, swap, cancel, a.join)
	a.window.Fit()
}

// swap makes the other one stay.
func (a *asking) swap() {
	a.take = map[string]bool{}
	a.load(a.gone.Id, a.keep.Id, func() {
		a.show()
		a.window.Fit()
	})
}

var weights = []float32{24, 38, 38}

func (a *asking) show() {
	d := a.d
	a.body.RemoveAll()
	head := func(name string, c *plgv1.Customer) fyne.CanvasObject {
		return ui.Column(2, ui.Caption(name), line(c.Name, true), ui.Tight(note(d.Known(c).Detail)))
	}
	a.body.Add(ui.Columns(10, weights, ui.Gap(1), head(d.T("merge.keep"), a.keep), head(d.T("merge.gone"), a.gone)))
	for _, f := range a.shown.Fields {
		if f.Keep == f.Gone && f.Reason == "" {
			continue // nothing to say
		}
		row := ui.Columns(10, weights, ui.Tight(ui.Words(f.Label)), a.side(f, false), a.side(f, true))
		a.body.Add(row)
		if f.Reason != "" {
			a.body.Add(ui.Columns(10, []float32{24, 76}, ui.Gap(1), ui.Tight(note(f.Reason))))
		}
	}
	for _, text := range a.shown.Notes {
		a.body.Add(ui.Tight(ui.Words("· " + text)))
	}
	a.body.Refresh()
}

func line(text string, bold bool) fyne.CanvasObject {
	l := ui.Cell(bold)
	l.SetText(text)
	return ui.Tight(l)
}

func note(text string) *widget.Label { return ui.Note(text, widget.LowImportance) }

// side is the value of one record: a box to take it where there is a choice.
func (a *asking) side(f *mostradorv1.MergeField, gone bool) fyne.CanvasObject {
	value := f.Keep
	if gone {
		value = f.Gone
	}
	text := value
	if text == "" {
		text = a.d.T("sheet.empty")
	}
	if !f.Choice {
		return line(text, false)
	}
	style := ui.Plain
	if a.take[f.Path] == gone {
		style, text = ui.Primary, "✓ "+text
	}
	return ui.NewButton(text, "", style, func() {
		a.take[f.Path] = gone
		a.show()
		a.window.Fit()
		// The row was drawn anew: the focus goes to where it was.
		a.d.Window.Canvas().Focus(a.join)
	})
}

func (a *asking) send() {
	d := a.d
	req := &mostradorv1.MergeRequest{Keep: a.keep.Id, Gone: a.gone.Id, KeepRevision: a.keep.Revision, GoneRevision: a.gone.Revision}
	for _, f := range a.shown.Fields {
		if f.Choice && a.take[f.Path] {
			req.Take = append(req.Take, f.Path)
		}
	}
	a.join.Disable()
	ui.Ask(d, d.Model.Records.Merge, req, func(res *mostradorv1.MergeResponse, err error) {
		a.join.Enable()
		switch {
		case connect.CodeOf(err) == connect.CodeAborted && err != nil:
			// Somebody changed one of them meanwhile: shown as they are now, to be looked at again.
			a.load(a.keep.Id, a.gone.Id, func() {
				a.fault.SetText(d.T("merge.changed"))
				a.show()
				a.window.Fit()
			})
			return
		case err != nil:
			a.fault.SetText(d.Explain(err))
			a.window.Fit()
			return
		}
		a.window.Close()
		a.done(a.keep.Id)
		joined(d, a.keep, a.gone, res.Merge, a.done)
	})
}

// joined says that two are one, and takes it back when that was a mistake.
func joined(d *ui.Desk, keep, gone *plgv1.Customer, merge uint64, done func(string)) {
	var m *ui.Modal
	undo := ui.NewButton(d.T("merge.undo"), "", ui.Danger, func() {
		m.Close()
		ui.Ask(d, d.Model.Records.Unmerge, &mostradorv1.UnmergeRequest{Merge: merge}, func(_ *mostradorv1.UnmergeResponse, err error) {
			if err != nil {
				d.Fail(d.Explain(err))
				return
			}
			d.Say(d.T("merge.undone", "gone", gone.Name))
			done(keep.Id)
		})
	})
	shut := ui.NewButton(d.T("close"), "Esc", ui.Primary, func() { m.Close() })
	m = d.NewModal(d.T("merge.done.title"), 480, ui.Words(d.T("merge.done", "keep", keep.Name, "gone", gone.Name)), shut, undo, shut)
}

// scored is the word for how likely two are one person.
func scored(d *ui.Desk, score int32) (string, fyne.ThemeColorName) {
	text := d.T("merge.score", "n", score)
	if score >= 80 {
		return text, theme.ColorNameWarning
	}
	return text, ui.ColorMuted
}
