package customers

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// rowHeight is the height of a customer in the list: two lines.
const rowHeight float32 = 52

// rowChips is how many tags a row shows; the rest is a number.
const rowChips = 4

// row is one customer in the list: a box to pick, name over number and phone, e-mail over tags, consent over points.
type row struct {
	d                         *ui.Desk
	frame                     *canvas.Rectangle
	tick                      *canvas.Text
	name, reach, mail, points *widget.Label
	badge                     *ui.Badge
	chips                     [rowChips]*ui.Chip
	more                      *ui.Chip
}

func newRow(d *ui.Desk) fyne.CanvasObject {
	r := &row{d: d, name: ui.Cell(true), reach: ui.Cell(false), mail: ui.Cell(false), points: ui.Cell(false), badge: ui.NewBadge("", ui.Quiet)}
	r.frame = canvas.NewRectangle(ui.Color(ui.ColorCard))
	r.frame.CornerRadius = 4
	r.frame.StrokeWidth, r.frame.StrokeColor = 1.5, ui.Color(theme.ColorNameInputBorder)
	r.tick = ui.Text("✓", 14, true, theme.ColorNameForegroundOnPrimary)
	r.tick.Alignment = fyne.TextAlignCenter
	for _, l := range []*widget.Label{r.reach, r.points} {
		l.SizeName, l.Importance = theme.SizeNameCaptionText, widget.LowImportance
	}
	r.points.Alignment = fyne.TextAlignTrailing
	objects := []fyne.CanvasObject{r.frame, r.tick, r.name, r.reach, r.mail, r.points, r.badge.Box}
	for i := range r.chips {
		r.chips[i] = ui.NewChip()
		objects = append(objects, r.chips[i].Box)
	}
	r.more = ui.NewChip()
	return container.New(r, append(objects, r.more.Box)...)
}

// MinSize implements fyne.Layout.
func (*row) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(400, rowHeight) }

// Layout implements fyne.Layout.
func (r *row) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	const pick, state = 36, 122
	mid := pick + (size.Width-pick-state)*0.46
	top := (size.Height - rowHeight) / 2
	place := func(o fyne.CanvasObject, x, y, w, h float32) {
		o.Move(fyne.NewPos(x, top+y))
		o.Resize(fyne.NewSize(max(0, w), h))
	}
	place(r.frame, 9, 17, 18, 18)
	place(r.tick, 9, 17, 18, 18)
	place(r.name, pick-6, -2, mid-pick, 34)
	place(r.reach, pick-6, 23, mid-pick, 28)
	place(r.mail, mid-6, -2, size.Width-state-mid, 34)
	badge := r.badge.Box.MinSize()
	place(r.badge.Box, size.Width-badge.Width-9, 7, badge.Width, badge.Height)
	place(r.points, size.Width-state, 24, state, 28)
	// Chips as far as there is room.
	x, end := mid+3, size.Width-8
	for _, c := range append(r.chips[:], r.more) {
		if !c.Box.Visible() {
			continue
		}
		w := min(c.Box.MinSize().Width, max(0, end-x-state))
		place(c.Box, x, 29, w, 20)
		x += w + 5
	}
}

// show puts a customer into the row, or the words for one who is on the way.
func (r *row) show(c *plgv1.Customer, facts *mostradorv1.Facts, looks ui.TagLooks, picked bool) {
	r.frame.FillColor, r.frame.StrokeColor = ui.Color(ui.ColorCard), ui.Color(theme.ColorNameInputBorder)
	if picked {
		r.frame.FillColor, r.frame.StrokeColor = ui.Color(theme.ColorNamePrimary), ui.Color(theme.ColorNamePrimary)
	}
	r.tick.Hidden = !picked
	r.name.Text, r.reach.Text, r.mail.Text, r.points.Text = "…", "", "", ""
	if c != nil {
		r.name.Text, r.mail.Text = c.Name, c.Email
		r.reach.Text = r.d.Text.Phone(c.Phone)
		if c.Number != 0 {
			number := r.d.T("customer.number.short", "n", c.Number)
			if r.reach.Text != "" {
				number += "  ·  "
			}
			r.reach.Text = number + r.reach.Text
		}
		if n, ok := ui.Points(facts); ok {
			r.points.Text = r.d.T("customers.points", "n", r.d.Text.Number(n))
		}
	}
	word, tone := consent(r.d, c)
	r.badge.Set(word, tone)
	tags := c.GetTags()
	for i, chip := range r.chips {
		if i < len(tags) {
			chip.Tag(tags[i], looks[tags[i]])
		} else {
			chip.Plain("")
		}
	}
	r.more.Plain("")
	if n := len(tags) - rowChips; n > 0 {
		r.more.Plain(r.d.T("customers.tags.more", "n", n))
	}
}

// consent is the word for where a customer stands with promotions, and its tone.
func consent(d *ui.Desk, c *plgv1.Customer) (string, ui.Tone) {
	switch {
	case c == nil:
		return "", ui.Quiet
	case c.Consent.GetPromotions() == plgv1.ConsentState_CONSENT_STATE_GIVEN:
		return d.T("consent.given"), ui.Good
	case c.Consent.GetPromotions() == plgv1.ConsentState_CONSENT_STATE_WITHDRAWN:
		return d.T("consent.withdrawn"), ui.Bad
	}
	return d.T("consent.pending"), ui.Quiet
}
