package guide

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/host/api/mostradorv1"
)

// scopes shows, narrowest first, what each scope says of a setting. The one in force has a ground, the one that is
// being changed a border. It is one stop for Tab; Left and Right choose, as a click does.
type scopes struct {
	widget.BaseWidget
	d       *ui.Desk
	setting *mostradorv1.Setting
	places  []place
	at      int
	focused bool
	chosen  func(place)
	row     *fyne.Container
	faces   []*canvas.Rectangle
	names   []*widget.Label
	values  []*widget.Label
}

func newScopes(d *ui.Desk, setting *mostradorv1.Setting, at place, chosen func(place)) *scopes {
	s := &scopes{d: d, setting: setting, chosen: chosen}
	if setting.Narrowest == scopeTill {
		till := at.till
		if till == "" {
			till = d.Model.Till()
		}
		s.places = append(s.places, place{scopeTill, till})
	}
	s.places = append(s.places, place{scope: scopeStore}, place{scope: scopeChain}, place{scope: scopeDefault})
	var tiles []fyne.CanvasObject
	var weights []float32
	for i := range s.places {
		face := canvas.NewRectangle(color.Transparent)
		face.CornerRadius = 7
		name, value := ui.Cell(true), ui.Cell(false)
		name.SizeName, value.SizeName = theme.SizeNameCaptionText, theme.SizeNameCaptionText
		s.faces, s.names, s.values = append(s.faces, face), append(s.names, name), append(s.values, value)
		tiles = append(tiles, ui.NewTap(container.NewStack(face, ui.Pad(11, 8, ui.Column(1, ui.Tight(name), ui.Tight(value)))), func() { s.choose(i) }))
		weights = append(weights, 1)
	}
	s.row = ui.Columns(8, weights, tiles...)
	s.ExtendBaseWidget(s)
	s.show(at)
	return s
}

// show marks a place as the one that is being changed.
func (s *scopes) show(at place) {
	for i := range s.places {
		if at.scope == scopeTill && s.places[i].scope == scopeTill {
			s.places[i].till = at.till
		}
		if s.places[i] == at {
			s.at = i
		}
	}
	s.Refresh()
}

func (s *scopes) choose(i int) {
	if i >= 0 && i < len(s.places) && i != s.at {
		s.at = i
		s.Refresh()
		s.chosen(s.places[i])
	}
}

// FocusGained implements fyne.Focusable.
func (s *scopes) FocusGained() { s.focused = true; s.Refresh() }

// FocusLost implements fyne.Focusable.
func (s *scopes) FocusLost() { s.focused = false; s.Refresh() }

// TypedRune implements fyne.Focusable.
func (s *scopes) TypedRune(r rune) {
	if c := s.d.Window.Canvas(); c.OnTypedRune() != nil {
		c.OnTypedRune()(r)
	}
}

// TypedKey implements fyne.Focusable.
func (s *scopes) TypedKey(ev *fyne.KeyEvent) {
	switch ev.Name {
	case fyne.KeyLeft:
		s.choose(s.at - 1)
	case fyne.KeyRight:
		s.choose(s.at + 1)
	default:
		if c := s.d.Window.Canvas(); c.OnTypedKey() != nil {
			c.OnTypedKey()(ev)
		}
	}
}

// CreateRenderer implements fyne.Widget.
func (s *scopes) CreateRenderer() fyne.WidgetRenderer {
	r := &scopesRenderer{s}
	r.Refresh()
	return r
}

type scopesRenderer struct{ s *scopes }

func (r *scopesRenderer) Destroy()                     {}
func (r *scopesRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.s.row} }
func (r *scopesRenderer) MinSize() fyne.Size           { return r.s.row.MinSize() }
func (r *scopesRenderer) Layout(size fyne.Size)        { r.s.row.Resize(size) }

func (r *scopesRenderer) Refresh() {
	s := r.s
	for i, p := range s.places {
		face, name, value := s.faces[i], s.names[i], s.values[i]
		face.FillColor, face.StrokeWidth, face.StrokeColor = ui.Color(ui.ColorCard), 1, ui.Color(theme.ColorNameInputBorder)
		name.Importance = widget.MediumImportance
		if p.scope == s.setting.Scope && (p.scope != scopeTill || p.till == s.d.Model.Till()) {
			face.FillColor = ui.Color(ui.ColorSoft)
		}
		if i == s.at {
			face.StrokeWidth, face.StrokeColor = 2, ui.Color(theme.ColorNamePrimary)
			if s.focused {
				face.StrokeWidth = 3
			}
			name.Importance = widget.HighImportance
		}
		name.Text = p.name(s.d)
		text, weight := s.d.T("guide.scope.none"), widget.LowImportance
		if v, set := said(s.setting, p); set {
			text, weight = short(show(s.d, s.setting, v)), widget.MediumImportance
			if s.setting.Type == "secret" {
				text = masked
			}
		}
		value.Importance, value.Text = weight, text
		face.Refresh()
		name.Refresh()
		value.Refresh()
	}
}
