package chart_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"mostrador/gui/locales"
	"mostrador/gui/ui"
	"mostrador/gui/ui/chart"
	"mostrador/gui/uitest"
	"mostrador/sdk/plgv1"
)

const (
	bar  = plgv1.PanelChart_KIND_BAR
	line = plgv1.PanelChart_KIND_LINE
)

func series(name string, values ...float64) *plgv1.PanelSeries {
	return &plgv1.PanelSeries{Name: name, Values: values}
}

var months = []string{"ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"}

// many is a chart of n points.
func many(kind plgv1.PanelChart_Kind, n int) *plgv1.PanelChart {
	c := &plgv1.PanelChart{Kind: kind, Unit: "clientes", Series: []*plgv1.PanelSeries{{Name: "Altas"}}}
	for i := range n {
		c.Labels = append(c.Labels, time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC).Format("02/01"))
		c.Series[0].Values = append(c.Series[0].Values, 40+30*math.Sin(float64(i)/6))
	}
	return c
}

func TestChartsAreReadable(t *testing.T) {
	text, err := locales.New("es", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	app := test.NewTempApp(t)
	app.Settings().SetTheme(ui.NewTheme())
	for name, c := range map[string]*plgv1.PanelChart{
		"bars":         {Kind: bar, Unit: "puntos", Labels: months[:6], Series: []*plgv1.PanelSeries{series("Ganados", 120, 340, 1250, 80, 0, 410)}},
		"bars-grouped": {Kind: bar, Unit: "EUR", Labels: months, Series: []*plgv1.PanelSeries{series("2025", 1, 4, 3, 6, 2, 5, 7, 8, 4, 3, 2, 9), series("2026", 2, 5, 5, 4, 3, 6)}},
		"bars-below":   {Kind: bar, Labels: []string{"Lun", "Mar", "Mié", "Jue"}, Series: []*plgv1.PanelSeries{series("", 12.5, -8, 3, -20.25)}},
		"lines":        {Kind: line, Unit: "clientes", Labels: months, Series: []*plgv1.PanelSeries{series("Altas", 12, 30, 22, 41, 38, 52, 60, 44, 39, 47, 55, 71), series("Bajas", 2, 3, 1, 6, 4, 5, 9, 3, 2, 4, math.NaN(), 6)}},
		"line-dense":   many(line, 200),
		"bars-dense":   many(bar, 90),
		"long-labels":  {Kind: bar, Labels: []string{"Librería y papelería escolar", "Juegos de mesa", "Novela extranjera contemporánea"}, Series: []*plgv1.PanelSeries{series("Ventas", 2, 7, 4)}},
	} {
		w := app.NewWindow("")
		w.SetPadded(false)
		w.SetContent(ui.Card(name, chart.New(c, text.Number)))
		w.Resize(fyne.NewSize(520, 290))
		uitest.Compare(t, name, w.Canvas().Capture())
		w.Close()
	}
}

func TestAChartSurvivesWhatAPlugInMaySend(t *testing.T) {
	app := test.NewTempApp(t)
	app.Settings().SetTheme(ui.NewTheme())
	number := func(v float64) string { return fmt.Sprint(v) }
	for name, c := range map[string]*plgv1.PanelChart{
		"nothing":        {},
		"no values":      {Kind: line, Labels: months},
		"no labels":      {Kind: bar, Series: []*plgv1.PanelSeries{series("a", 1, 2)}},
		"not a number":   {Kind: bar, Labels: months[:2], Series: []*plgv1.PanelSeries{series("a", math.NaN(), math.Inf(-1))}},
		"huge":           {Kind: line, Labels: months[:2], Series: []*plgv1.PanelSeries{series("a", 1e300, -1e300)}},
		"tiny":           {Kind: bar, Labels: months[:2], Series: []*plgv1.PanelSeries{series("a", 1e-300, 5e-324)}},
		"fewer values":   {Kind: line, Labels: months, Series: []*plgv1.PanelSeries{series("a", 1)}},
		"more values":    {Kind: bar, Labels: months[:1], Series: []*plgv1.PanelSeries{series("a", 1, 2, 3)}},
		"a million":      many(line, 1_000_000),
		"empty series":   {Kind: bar, Labels: months, Series: make([]*plgv1.PanelSeries, 40)},
		"no known kind":  {Kind: 99, Labels: months[:1], Series: []*plgv1.PanelSeries{series("a", 1)}},
		"a label a page": {Kind: bar, Labels: []string{fmt.Sprintf("%01000d", 7)}, Series: []*plgv1.PanelSeries{series("a", 1)}},
	} {
		drawn := chart.New(c, number)
		for _, size := range []fyne.Size{{}, {Width: 61, Height: 61}, {Width: 600, Height: 300}} {
			drawn.Resize(size)
			if n := len(test.WidgetRenderer(drawn).Objects()); n > 2000 {
				t.Errorf("%s: %d shapes", name, n)
			}
		}
	}
}
