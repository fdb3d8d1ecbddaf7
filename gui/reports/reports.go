// Package reports is the screen Informes: the reports of the active plug-ins, as their manifests name them and as
// the plug-ins fill them, in two columns; a chart or table that is alone takes the whole width.
package reports

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"

	"mostrador/gui/contribution"
	"mostrador/gui/model"
	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// Place is the place of reports in manifests.
const place = "report"

// Screen is Informes.
type Screen struct {
	d       *ui.Desk
	content *fyne.Container
	panels  *fyne.Container
	again   *ui.Button
	newest  ui.Latest
	shown   bool
}

// New builds the screen.
func New(d *ui.Desk) *Screen {
	s := &Screen{d: d, panels: container.New(&masonry{})}
	s.again = ui.NewButton(d.T("reports.again"), "F5", ui.Plain, s.load)
	head := ui.Row(8, ui.Title(d.T("menu.reports")), ui.Spring(), s.again)
	s.content = ui.Frame(16, head, nil, ui.Scrolled(s.panels), nil, nil)
	return s
}

// Content implements ui.Screen.
func (s *Screen) Content() fyne.CanvasObject { return s.content }

// Show implements ui.Screen.
func (s *Screen) Show(string) {
	s.shown = true
	s.d.Window.Canvas().Focus(s.again)
	s.load()
}

// Hide implements ui.Screen.
func (s *Screen) Hide() { s.shown = false; s.newest.Next() }

// Key implements ui.Screen.
func (s *Screen) Key(ev *fyne.KeyEvent) {
	if ev.Name == fyne.KeyF5 {
		s.load()
		ui.Take(ev)
	}
}

// Scanned implements ui.Screen.
func (s *Screen) Scanned(string) {}

// Changed implements ui.Screen. Sales and customers change all day; a report is asked for again with F5.
func (s *Screen) Changed(c model.Change) {
	if c.Kind != model.StoreChanged {
		return
	}
	switch c.Event.Kind {
	case mostradorv1.WatchResponse_KIND_READY, mostradorv1.WatchResponse_KIND_PLUGIN, mostradorv1.WatchResponse_KIND_SETTING:
		s.load()
	}
}

func (s *Screen) load() {
	current := s.newest.Next()
	req := &mostradorv1.ContributionsRequest{Place: place, Language: s.d.Model.Language()}
	ui.Ask(s.d, s.d.Model.Plugins.Contributions, req, func(res *mostradorv1.ContributionsResponse, err error) {
		if !current() {
			return
		}
		if err != nil {
			s.d.Fail(s.d.Explain(err))
			return
		}
		s.show(res.Panels)
	})
}

func (s *Screen) show(panels []*mostradorv1.PanelState) {
	s.panels.RemoveAll()
	for _, p := range panels {
		s.panels.Add(contribution.Panel(s.d, p))
	}
	if len(panels) == 0 {
		s.panels.Add(ui.Card("", ui.Tight(ui.Words(s.d.T("reports.none")))))
	}
	s.content.Refresh()
}

// masonry sets cards in two columns, each into the one that is shorter so far; one card has the whole width.
type masonry struct{}

const gap float32 = 14

func (masonry) MinSize(objects []fyne.CanvasObject) fyne.Size {
	heights := [2]float32{}
	for _, o := range objects {
		i := shorter(heights)
		heights[i] += o.MinSize().Height + gap
	}
	return fyne.NewSize(400, max(0, max(heights[0], heights[1])-gap))
}

func (masonry) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	width := (size.Width - gap) / 2
	if len(objects) == 1 {
		width = size.Width
	}
	heights := [2]float32{}
	for _, o := range objects {
		i := shorter(heights)
		h := o.MinSize().Height
		o.Move(fyne.NewPos(float32(i)*(width+gap), heights[i]))
		o.Resize(fyne.NewSize(width, h))
		heights[i] += h + gap
	}
}

func shorter(heights [2]float32) int {
	if heights[1] < heights[0] {
		return 1
	}
	return 0
}
