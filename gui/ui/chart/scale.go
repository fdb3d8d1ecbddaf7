package chart

import (
	"math"

	"mostrador/sdk/plgv1"
)

// most is how many points of a series are drawn: beyond it nobody sees the difference, and a plugin that sends
// a million does not stop the till.
const most = 366

// scale is the value axis: what stands at the bottom and top, and where lines are drawn.
type scale struct{ low, high, step float64 }

// newScale makes an axis for values between low and high with about n steps of a round width (1, 2 or 5 times a
// power of ten), which begins and ends at a line.
func newScale(low, high float64, n int) scale {
	if !(high > low) {
		high = low + 1
	}
	rough := (high - low) / float64(max(n, 1))
	power := math.Pow(10, math.Floor(math.Log10(rough)))
	step := 10 * power
	for _, m := range []float64{1, 2, 5} {
		if m*power >= rough*(1-1e-9) {
			step = m * power
			break
		}
	}
	return scale{math.Floor(low/step+1e-9) * step, math.Ceil(high/step-1e-9) * step, step}
}

// lines are the values at which lines stand, lowest first.
func (s scale) lines() []float64 {
	var at []float64
	for i := range 50 {
		v := s.low + float64(i)*s.step
		if v > s.high+s.step/2 {
			break
		}
		if math.Abs(v) < s.step/1e6 {
			v = 0
		}
		at = append(at, v)
	}
	return at
}

// part is how far up v stands, from 0 to 1.
func (s scale) part(v float64) float32 { return float32((v - s.low) / (s.high - s.low)) }

// figure tells whether v can be drawn. Values beyond 1e15 are a plugin's mistake and have no exact digits anyway.
func figure(v float64) bool { return !math.IsNaN(v) && math.Abs(v) <= 1e15 }

// bounds are the least and greatest value that the axis shows. Bars grow from zero, so it is always in sight;
// lines show it unless that would press them flat.
func bounds(c *plgv1.PanelChart) (low, high float64) {
	first := true
	for _, s := range c.GetSeries() {
		for i, v := range s.GetValues() {
			if i >= points(c) || !figure(v) {
				continue
			}
			if first {
				low, high, first = v, v, false
			}
			low, high = min(low, v), max(high, v)
		}
	}
	if c.GetKind() != plgv1.PanelChart_KIND_LINE || low < high/2 || low < 0 {
		low, high = min(low, 0), max(high, 0)
	}
	return low, high
}

// points is how many labels have values drawn for them.
func points(c *plgv1.PanelChart) int { return min(len(c.GetLabels()), most) }
