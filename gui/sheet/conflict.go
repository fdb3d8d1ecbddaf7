package sheet

import (
	"slices"
	"strings"

	"fyne.io/fyne/v2"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// askConflicts puts side by side what the person typed and what somebody else has saved meanwhile, field by field, with
// who it was and when. Nothing is chosen beforehand but one's own; everything else that was typed is saved either way.
func (s *Screen) askConflicts(c, seen *plgv1.Customer, mask []string, conflicts []*mostradorv1.EditConflict, failed func(error)) {
	d := s.d
	theirs := map[string]bool{}
	body := ui.Column(10)
	var m *ui.Modal
	var show func()
	var ok *ui.Button
	side := func(conflict *mostradorv1.EditConflict, their bool) fyne.CanvasObject {
		text, style := conflict.Yours, ui.Plain
		if their {
			text = conflict.Theirs
		}
		text = orEmpty(d, strings.ReplaceAll(text, "\n", ", "))
		if theirs[conflict.Path] == their {
			text, style = "✓ "+text, ui.Primary
		}
		return ui.NewButton(text, "", style, func() {
			theirs[conflict.Path] = their
			show()
			d.Window.Canvas().Focus(ok)
		})
	}
	show = func() {
		body.RemoveAll()
		for _, conflict := range conflicts {
			who := d.T("conflict.who", "who", orEmpty(d, conflict.Actor.GetOperator()), "till", conflict.Actor.GetTill(), "when", d.Text.DateTime(conflict.Time))
			body.Add(ui.Column(3,
				ui.Row(10, ui.Text(orField(conflict), ui.SizeText, true, ui.ColorMuted), ui.Caption(who)),
				ui.Columns(10, []float32{1, 1}, ui.Caption(d.T("conflict.mine")), ui.Caption(d.T("conflict.theirs"))),
				ui.Columns(10, []float32{1, 1}, side(conflict, false), side(conflict, true))))
		}
		body.Refresh()
	}
	back := ui.NewButton(d.T("conflict.back"), "Esc", ui.Plain, func() { m.Close() })
	ok = ui.NewButton(d.T("save"), "Enter", ui.Primary, func() {
		m.Close()
		for _, conflict := range conflicts {
			id := strings.TrimPrefix(conflict.Path, "fields.")
			if !theirs[conflict.Path] {
				setField(seen, id, conflict.Theirs) // seen by now, and overwritten knowingly
				continue
			}
			mask = slices.DeleteFunc(slices.Clone(mask), func(p string) bool { return p == conflict.Path })
		}
		if len(mask) == 0 {
			s.stopEditing()
			s.sheet.Reload()
			return
		}
		s.update(c, seen, mask, failed)
	})
	show()
	text := ui.Tight(ui.Words(d.T("conflict.text")))
	m = d.NewModal(d.T("conflict.title"), 640, ui.Column(10, text, ui.Fold(body, 420)), ok, back, ok)
	m.Fit()
}

func orField(c *mostradorv1.EditConflict) string {
	if c.Label != "" {
		return c.Label
	}
	return c.Path
}
