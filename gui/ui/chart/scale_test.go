package chart

import (
	"math"
	"testing"

	"mostrador/sdk/plgv1"
)

func TestTheAxisHasFewRoundLinesAroundTheValues(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		n         int
		want      scale
	}{
		{0, 100, 5, scale{0, 100, 20}},
		{0, 97, 5, scale{0, 100, 20}},
		{0, 3, 4, scale{0, 3, 1}},
		{0, 0.7, 4, scale{0, 0.8, 0.2}},
		{-35, 120, 4, scale{-50, 150, 50}},
		{1180, 1240, 4, scale{1180, 1240, 20}},
		{0, 0, 4, scale{0, 1, 0.5}},
		{7, 7, 3, scale{7, 8, 0.5}},
	} {
		got := newScale(c.low, c.high, c.n)
		if math.Abs(got.low-c.want.low) > 1e-9 || math.Abs(got.high-c.want.high) > 1e-9 || math.Abs(got.step-c.want.step) > 1e-9 {
			t.Errorf("%v to %v in %d: %+v, want %+v", c.low, c.high, c.n, got, c.want)
		}
	}
}

func FuzzAnAxisHoldsItsValues(f *testing.F) {
	f.Add(0.0, 1.0, 4)
	f.Add(-1e15, 1e15, 1)
	f.Add(1e-300, 2e-300, 9)
	f.Fuzz(func(t *testing.T, a, b float64, n int) {
		if !figure(a) || !figure(b) || n < 1 || n > 12 {
			return
		}
		s := newScale(min(a, b), max(a, b), n)
		if lines := s.lines(); len(lines) == 0 || len(lines) > 50 {
			t.Fatalf("%v to %v: %d lines", a, b, len(lines))
		}
		for _, v := range []float64{a, b} {
			if p := s.part(v); math.IsNaN(float64(p)) {
				t.Fatalf("%v stands at %v of %+v", v, p, s)
			}
		}
	})
}

func TestBarsGrowFromZeroAndLinesShowItUnlessItPressesThemFlat(t *testing.T) {
	chart := func(kind plgv1.PanelChart_Kind, values ...float64) *plgv1.PanelChart {
		return &plgv1.PanelChart{Kind: kind, Labels: make([]string, len(values)), Series: []*plgv1.PanelSeries{{Values: values}}}
	}
	for _, c := range []struct {
		chart     *plgv1.PanelChart
		low, high float64
	}{
		{chart(plgv1.PanelChart_KIND_BAR, 90, 100), 0, 100},
		{chart(plgv1.PanelChart_KIND_LINE, 90, 100), 90, 100},
		{chart(plgv1.PanelChart_KIND_LINE, 10, 100), 0, 100},
		{chart(plgv1.PanelChart_KIND_BAR, -5, -2), -5, 0},
		{chart(plgv1.PanelChart_KIND_BAR, math.NaN(), 4, math.Inf(1)), 0, 4},
	} {
		if low, high := bounds(c.chart); low != c.low || high != c.high {
			t.Errorf("%v: %v to %v, want %v to %v", c.chart, low, high, c.low, c.high)
		}
	}
}
