package merge

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// pairsLimit is how many pairs are listed; those that are settled make room for others.
const pairsLimit = 200

// Screen is Duplicados.
type Screen struct {
	d       *ui.Desk
	content fyne.CanvasObject
	list    *ui.LongList
	none    *fyne.Container
	empty   *canvas.Text
	state   *canvas.Text
	look    *ui.Button
	other   *ui.Button
	pairs   []*mostradorv1.DuplicatePair
	newest  ui.Latest
}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d}
	s.list = ui.NewLongList(74, func() int { return len(s.pairs) }, func() fyne.CanvasObject { return newPairRow(d) }, func(i int, o fyne.CanvasObject) {
		o.(*fyne.Container).Layout.(*pairRow).show(s.pairs[i])
		o.Refresh()
	}, func(i int) { s.open(i) })
	s.empty = ui.Text(d.T("merge.none"), ui.SizeText, false, ui.ColorMuted)
	s.none = container.NewCenter(s.empty)
	s.none.Hide()
	s.state = ui.Caption("")
	s.look = ui.NewButton(d.T("merge.look"), "Enter", ui.Primary, func() { s.open(s.list.Row()) })
	s.other = ui.NewButton(d.T("merge.dismiss"), "F7", ui.Plain, s.dismiss)
	head := ui.Column(4, ui.Title(d.T("area.duplicates")), ui.Text(d.T("merge.text"), ui.SizeText, false, ui.ColorMuted))
	card := ui.Card("", ui.Frame(8, nil, nil, container.NewStack(s.list, s.none), nil, ui.Row(8, s.state, ui.Spring(), s.other, s.look)))
	s.content = ui.Frame(12, head, nil, card, nil, nil)
	return s
}

// pairRow is one pair: two names with what they can be reached by, and below why they may be one.
type pairRow struct {
	d            *ui.Desk
	names, reach [2]*widget.Label
	why          *widget.Label
	score        *canvas.Text
}

func newPairRow(d *ui.Desk) fyne.CanvasObject {
	r := &pairRow{d: d, why: ui.Cell(false), score: ui.Text("", ui.SizeCaption, true, ui.ColorMuted)}
	r.why.SizeName = theme.SizeNameCaptionText
	objects := []fyne.CanvasObject{r.why, r.score}
	for i := range r.names {
		r.names[i], r.reach[i] = ui.Cell(true), ui.Cell(false)
		r.reach[i].SizeName, r.reach[i].Importance = theme.SizeNameCaptionText, widget.LowImportance
		objects = append(objects, r.names[i], r.reach[i])
	}
	return container.New(r, objects...)
}

// MinSize implements fyne.Layout.
func (*pairRow) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(400, 74) }

// Layout implements fyne.Layout.
func (r *pairRow) Layout(_ []fyne.CanvasObject, size fyne.Size) {
	const score = 110
	half := (size.Width - score) / 2
	for i := range r.names {
		x := float32(i) * half
		r.names[i].Move(fyne.NewPos(x, -2))
		r.names[i].Resize(fyne.NewSize(half, 34))
		r.reach[i].Move(fyne.NewPos(x, 21))
		r.reach[i].Resize(fyne.NewSize(half, 28))
	}
	r.why.Move(fyne.NewPos(0, 44))
	r.why.Resize(fyne.NewSize(size.Width, 28))
	r.score.Move(fyne.NewPos(size.Width-r.score.MinSize().Width-10, 8))
}

func (r *pairRow) show(p *mostradorv1.DuplicatePair) {
	for i, c := range []*plgv1.Customer{p.A, p.B} {
		r.names[i].Text, r.reach[i].Text = c.GetName(), r.d.Known(c).Detail
	}
	r.why.Text = strings.Join(p.Reasons, "  ·  ")
	word, ink := scored(r.d, p.Score)
	r.score.Text, r.score.Color = word, ui.Color(ink)
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen.
func (s *Screen) Show(string) {
	s.d.Window.Canvas().Focus(s.list)
	s.load()
}

// Hide implements ui.Screen.
func (s *Screen) Hide() { s.newest.Next() }

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	if ev.Name == fyne.KeyF7 {
		s.dismiss()
		ui.Take(ev)
	}
}

// Changed implements ui.Screen.
func (s *Screen) Changed(c model.Change) {
	if c.Kind != model.StoreChanged {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_TASK, mostradorv1.WatchResponse_KIND_CATALOGUE:
		s.load()
	}
}

func (s *Screen) load() {
	current := s.newest.Next()
	ui.Ask(s.d, s.d.Model.Records.Duplicates, &mostradorv1.DuplicatesRequest{Limit: pairsLimit}, func(res *mostradorv1.DuplicatesResponse, err error) {
		if !current() {
			return
		}
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.pairs = res.Pairs
		s.empty.Text = s.d.T("merge.none")
		s.state.Text = s.d.T("merge.pairs", "n", s.d.Text.Number(float64(len(s.pairs))))
		if res.Percent < 100 {
			s.state.Text = s.d.T("merge.comparing", "n", res.Percent)
			s.empty.Text = s.state.Text
		}
		s.show()
	})
}

func (s *Screen) show() {
	s.none.Hidden = len(s.pairs) > 0
	s.look.SetEnabled(len(s.pairs) > 0)
	s.other.SetEnabled(len(s.pairs) > 0)
	s.list.Refresh()
	s.content.Refresh()
}

func (s *Screen) open(i int) {
	if i < len(s.pairs) && s.d.TopModal() == nil {
		Ask(s.d, s.pairs[i].A.GetId(), s.pairs[i].B.GetId(), func(string) { s.load() })
	}
}

// dismiss says that the pair under the highlight is two persons.
func (s *Screen) dismiss() {
	i := s.list.Row()
	if i >= len(s.pairs) || s.d.TopModal() != nil {
		return
	}
	p := s.pairs[i]
	ui.Ask(s.d, s.d.Model.Records.Dismiss, &mostradorv1.DismissRequest{A: p.A.GetId(), B: p.B.GetId()}, func(_ *mostradorv1.DismissResponse, err error) {
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.d.Say(s.d.T("merge.dismissed", "a", p.A.GetName(), "b", p.B.GetName()))
		s.load()
	})
}
