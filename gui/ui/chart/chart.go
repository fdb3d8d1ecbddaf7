// Package chart draws the charts of plugins' panels from lines, rectangles and text alone: grouped bars and
// lines over one axis of round values, with as many labels as have room. What a plugin sends is not to be
// trusted: missing values are gaps, values that are no figures are left out, and only so many are drawn.
package chart

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/sdk/plgv1"
)

const (
	small     float32 = 12 // size of text in a chart
	lineRoom  float32 = 17 // height of one line of it
	labelGap  float32 = 8
	leastLine float32 = 34 // between two lines of the axis
	widest    float32 = 72 // of one bar
	fewest            = 12 // bars, at most, that bear their value
)

// shades tell the series apart, also for those who see no red or green; each stands out from white by 3:1.
var shades = []color.NRGBA{
	{0x0f, 0x66, 0x74, 0xff}, {0xc2, 0x57, 0x0c, 0xff}, {0x6d, 0x4a, 0xa8, 0xff},
	{0x3b, 0x82, 0xc4, 0xff}, {0x7a, 0x74, 0x1e, 0xff}, {0xb5, 0x48, 0x7f, 0xff},
}

// Chart is one chart; it fills the width that it is given.
type Chart struct {
	widget.BaseWidget
	data   *plgv1.PanelChart
	number func(float64) string
}

// New draws data; number writes a value for the axis.
func New(data *plgv1.PanelChart, number func(float64) string) *Chart {
	c := &Chart{data: data, number: number}
	c.ExtendBaseWidget(c)
	return c
}

// CreateRenderer implements fyne.Widget.
func (c *Chart) CreateRenderer() fyne.WidgetRenderer { return &renderer{c: c} }

type renderer struct {
	c       *Chart
	objects []fyne.CanvasObject
	size    fyne.Size
}

func (r *renderer) Destroy()                     {}
func (r *renderer) MinSize() fyne.Size           { return fyne.NewSize(200, 210) }
func (r *renderer) Objects() []fyne.CanvasObject { return r.objects }
func (r *renderer) Refresh()                     { r.draw(); canvas.Refresh(r.c) }

func (r *renderer) Layout(size fyne.Size) {
	if size != r.size {
		r.size = size
		r.draw()
	}
}

// draw makes all shapes anew for the present size.
func (r *renderer) draw() {
	r.objects = nil
	if r.size.Width < 60 || r.size.Height < 60 {
		return
	}
	top := r.legend()
	low, high := bounds(r.c.data)
	room := r.size.Height - top - lineRoom - 6
	axis := newScale(low, high, max(2, min(5, int(room/leastLine))))
	left := float32(0)
	for _, v := range axis.lines() {
		left = max(left, measure(r.c.number(v)))
	}
	p := plot{r: r, axis: axis, x: left + labelGap, y: top, w: r.size.Width - left - labelGap, h: room}
	p.grid()
	if n := points(r.c.data); n > 0 {
		p.labels(n)
		if r.c.data.GetKind() == plgv1.PanelChart_KIND_LINE {
			p.curves(n)
		} else {
			p.bars(n)
		}
	}
}

// legend names the series, when there are several, and the unit; it returns the height that it took.
func (r *renderer) legend() float32 {
	x := float32(0)
	if unit := r.c.data.GetUnit(); unit != "" {
		x += r.text(unit, x, 0, ui.Color(ui.ColorMuted)) + 16
	}
	if series := r.c.data.GetSeries(); len(series) > 1 {
		for i, s := range series {
			w := measure(s.GetName()) + 15
			if x > 0 && x+w > r.size.Width {
				break
			}
			r.rect(x, 4, 9, 9, 2, shade(i))
			r.text(s.GetName(), x+14, 0, ui.Color(theme.ColorNameForeground))
			x += w + 16
		}
	}
	if x == 0 {
		return 9
	}
	return lineRoom + 13
}

// plot is the area that values are drawn in.
type plot struct {
	r          *renderer
	axis       scale
	x, y, w, h float32
}

func (p *plot) at(v float64) float32 { return p.y + p.h*(1-p.axis.part(v)) }

// grid draws the lines of the axis, the one at zero stronger, with their values.
func (p *plot) grid() {
	for _, v := range p.axis.lines() {
		ink := ui.Color(theme.ColorNameSeparator)
		if v == 0 {
			ink = ui.Color(theme.ColorNameInputBorder)
		}
		y := p.at(v)
		p.r.rect(p.x, y-0.5, p.w, 1, 0, ink)
		text := p.r.c.number(v)
		p.r.text(text, p.x-labelGap-measure(text), y-lineRoom/2, ui.Color(ui.ColorMuted))
	}
}

// slot is the middle and the width of what belongs to label i of n.
func (p *plot) slot(i, n int) (middle, width float32) {
	width = p.w / float32(n)
	return p.x + width*(float32(i)+0.5), width
}

// labels writes as many labels as have room, at even distances, beginning with the first.
func (p *plot) labels(n int) {
	widestLabel := float32(1)
	for _, l := range p.r.c.data.GetLabels()[:n] {
		widestLabel = max(widestLabel, measure(l))
	}
	_, width := p.slot(0, n)
	widestLabel = min(widestLabel, 110)
	every := max(1, int((widestLabel+16)/width+0.999))
	for i := 0; i < n; i += every {
		middle, _ := p.slot(i, n)
		text := cut(p.r.c.data.GetLabels()[i], width*float32(every)-4)
		w := measure(text)
		x := max(p.x-labelGap, min(middle-w/2, p.x+p.w-w))
		p.r.text(text, x, p.y+p.h+5, ui.Color(ui.ColorMuted))
	}
}

func (p *plot) bars(n int) {
	series := p.r.c.data.GetSeries()
	for i := range n {
		middle, width := p.slot(i, n)
		group := min(width*0.72, widest*float32(len(series)))
		each := group / float32(max(1, len(series)))
		for k, s := range series {
			if i >= len(s.GetValues()) || !figure(s.GetValues()[i]) {
				continue
			}
			v := s.GetValues()[i]
			y0, y1 := p.at(max(0, v)), p.at(min(0, v))
			gap := min(2, each/5)
			x := middle - group/2 + each*float32(k)
			p.r.rect(x+gap/2, y0, each-gap, max(y1-y0, 1), min(3, each/4), shade(k))
			if text := p.r.c.number(v); len(series) == 1 && n <= fewest && measure(text) <= width {
				y := y0 - lineRoom
				if v < 0 {
					y = y1 + 1
				}
				p.r.text(text, middle-measure(text)/2, max(y, 0), ui.Color(theme.ColorNameForeground))
			}
		}
	}
}

func (p *plot) curves(n int) {
	for k, s := range p.r.c.data.GetSeries() {
		var last *fyne.Position
		for i := range min(n, len(s.GetValues())) {
			v := s.GetValues()[i]
			if !figure(v) {
				last = nil
				continue
			}
			x, width := p.slot(i, n)
			here := fyne.NewPos(x, p.at(v))
			if last != nil {
				line := canvas.NewLine(shade(k))
				line.StrokeWidth = 2.5
				line.Position1, line.Position2 = *last, here
				p.r.objects = append(p.r.objects, line)
				p.r.rect(here.X-1.25, here.Y-1.25, 2.5, 2.5, 1.25, shade(k)) // no gap where two lines meet
			}
			if width >= 14 || last == nil && (i+1 >= len(s.GetValues()) || !figure(s.GetValues()[i+1])) {
				dot := canvas.NewCircle(shade(k))
				dot.StrokeColor, dot.StrokeWidth = ui.Color(ui.ColorCard), 1.5
				dot.Resize(fyne.NewSquareSize(9))
				dot.Move(here.SubtractXY(4.5, 4.5))
				p.r.objects = append(p.r.objects, dot)
			}
			last = &here
		}
	}
}

func (r *renderer) rect(x, y, w, h, radius float32, ink color.Color) {
	o := canvas.NewRectangle(ink)
	o.CornerRadius = radius
	o.Move(fyne.NewPos(x, y))
	o.Resize(fyne.NewSize(w, h))
	r.objects = append(r.objects, o)
}

// text writes one line and returns its width.
func (r *renderer) text(s string, x, y float32, ink color.Color) float32 {
	o := canvas.NewText(s, ink)
	o.TextSize = small
	o.Move(fyne.NewPos(x, y))
	o.Resize(o.MinSize())
	r.objects = append(r.objects, o)
	return o.MinSize().Width
}

func measure(s string) float32 { return fyne.MeasureText(s, small, fyne.TextStyle{}).Width }

// cut shortens a text until it fits.
func cut(s string, width float32) string {
	runes := []rune(s)
	if len(runes) > 60 {
		runes = runes[:60]
	}
	if len(runes) == len([]rune(s)) && measure(s) <= width {
		return s
	}
	for len(runes) > 1 && measure(string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}

func shade(i int) color.Color { return shades[i%len(shades)] }
