package delivery

import (
	"math"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/gui/ui/chart"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// spans are the days that can be looked at.
var spans = []int32{7, 30, 90}

// dashboard is Resumen.
type dashboard struct {
	d      *ui.Desk
	box    fyne.CanvasObject
	days   *ui.Select
	column *fyne.Container
	scroll *container.Scroll
	newest ui.Latest
}

func newDashboard(d *ui.Desk) *dashboard {
	t := &dashboard{d: d, column: ui.Column(12)}
	labels := make([]string, len(spans))
	for i, n := range spans {
		labels[i] = d.T("delivery.days", "n", n)
	}
	t.days = ui.NewSelect("", labels, nil)
	t.days.SetSelectedIndex(1)
	t.days.OnChanged = func(string) { t.again() }
	head := ui.Row(8, ui.Exactly(190, ui.Boxed(t.days)), ui.Spring(), ui.NewButton(d.T("reports.again"), "F5", ui.Plain, t.again))
	t.scroll = ui.Scrolled(t.column)
	t.box = ui.Frame(8, head, nil, t.scroll, nil, nil)
	return t
}

func (t *dashboard) content() fyne.CanvasObject { return t.box }

func (t *dashboard) show(string) {
	t.d.Window.Canvas().Focus(t.days)
	t.again()
}

func (t *dashboard) hide() { t.newest.Next() }

// changed leaves the numbers alone: mails come and go all day; F5 counts again.
func (t *dashboard) changed() {}

func (t *dashboard) again() {
	current := t.newest.Next()
	req := &mostradorv1.DashboardRequest{Days: spans[max(0, t.days.SelectedIndex())]}
	ui.Ask(t.d, t.d.Model.Messages.Dashboard, req, func(res *mostradorv1.DashboardResponse, err error) {
		if !current() {
			return
		}
		if err != nil {
			t.d.Fail(t.d.Explain(err))
			return
		}
		t.fill(res)
	})
}

func (t *dashboard) fill(res *mostradorv1.DashboardResponse) {
	d, n := t.d, t.d.Text.Number
	t.column.RemoveAll()
	for _, a := range res.Alerts {
		t.column.Add(t.alert(a))
	}
	if res.Waiting > 0 {
		words := d.T("delivery.waiting", "n", n(float64(res.Waiting)))
		if res.Oldest != nil {
			words = d.T("delivery.waiting.oldest", "n", n(float64(res.Waiting)), "when", d.Text.DateTime(res.Oldest))
		}
		t.column.Add(ui.Tight(ui.Note(words, widget.LowImportance)))
	}
	c := res.Total
	if c.GetQueued()+c.GetSent() == 0 && res.Waiting == 0 {
		t.column.Add(ui.Card("", ui.Tight(ui.Words(d.T("delivery.none")))))
		t.column.Refresh()
		return
	}
	totals := []fyne.CanvasObject{
		t.total(d.T("delivery.sent"), c.GetSent(), "", theme.ColorNameForeground),
		t.total(d.T("delivery.delivered"), c.GetDelivered(), rate(d, c.GetDelivered(), c.GetSent()), theme.ColorNameSuccess),
		t.total(d.T("delivery.bounced"), c.GetHard()+c.GetSoft(), rate(d, c.GetHard()+c.GetSoft(), c.GetSent()), theme.ColorNameForeground),
		t.total(d.T("delivery.blocked"), c.GetBlocked(), rate(d, c.GetBlocked(), c.GetSent()), theme.ColorNameForeground),
		t.total(d.T("delivery.complained"), c.GetComplained(), rate(d, c.GetComplained(), c.GetDelivered()), theme.ColorNameForeground),
		t.total(d.T("delivery.opened"), c.GetOpened(), rate(d, c.GetOpened(), c.GetDelivered()), theme.ColorNameForeground),
		t.total(d.T("delivery.clicked"), c.GetClicked(), rate(d, c.GetClicked(), c.GetDelivered()), theme.ColorNameForeground),
		t.total(d.T("delivery.unsent"), c.GetFailed()+c.GetSuppressed(), d.T("delivery.unsent.which", "failed", n(float64(c.GetFailed())), "suppressed", n(float64(c.GetSuppressed()))), theme.ColorNameForeground),
	}
	even := []float32{1, 1, 1, 1}
	t.column.Add(ui.Columns(8, even, totals[:4]...))
	t.column.Add(ui.Columns(8, even, totals[4:]...))
	if c.GetMachine() > 0 {
		t.column.Add(ui.Tight(ui.Note(d.T("delivery.machine", "n", n(float64(c.GetMachine()))), widget.LowImportance)))
	}
	t.column.Add(ui.Card(d.T("delivery.chart.days"), chart.New(perDay(d, res.Days), n)))
	latency := ui.Column(6, chart.New(latencies(d, res.Latency), n),
		ui.Tight(ui.Note(d.T("delivery.latency", "half", seconds(d, res.LatencyP50), "most", seconds(d, res.LatencyP99)), widget.LowImportance)))
	if len(res.Bounces) > 0 {
		t.column.Add(ui.Card(d.T("delivery.chart.bounces"), chart.New(reasons(d, res.Bounces), n)))
	}
	t.column.Add(ui.Card(d.T("delivery.chart.latency"), latency))
	t.column.Add(ui.Card(d.T("delivery.providers"), table(d, d.T("delivery.provider"), len(res.Providers), func(i int) (string, *mostradorv1.MessageCounts) {
		name := res.Providers[i].Provider
		if name == "" {
			name = d.T("delivery.provider.others")
		}
		return name, res.Providers[i].Counts
	})))
	t.column.Add(ui.Card(d.T("delivery.templates"), table(d, d.T("templates.name"), len(res.Templates), func(i int) (string, *mostradorv1.MessageCounts) {
		return res.Templates[i].Template + "  ·  " + res.Templates[i].Plugin, res.Templates[i].Counts
	})))
	t.column.Refresh()
	t.scroll.Refresh()
}

func (t *dashboard) alert(a *mostradorv1.MailAlert) fyne.CanvasObject {
	d := t.d
	ground, weight := ui.ColorWarnBg, widget.WarningImportance
	if a.Severity == plgv1.Severity_SEVERITY_ERROR {
		ground, weight = ui.ColorBadBg, widget.DangerImportance
	}
	words := ui.Words(a.Words)
	words.Importance = weight
	box := ui.Column(0, ui.Tight(words))
	if a.Limit > 0 {
		box.Add(ui.Tight(ui.Note(d.T("delivery.alert", "rate", percent(d, a.Rate), "limit", percent(d, a.Limit), "when", d.Text.DateTime(a.Since)), weight)))
	}
	return ui.Panel(ground, 8, ui.Pad(14, 9, box))
}

// total is one number with its rate.
func (t *dashboard) total(name string, n uint64, below string, ink fyne.ThemeColorName) fyne.CanvasObject {
	number := ui.Text(t.d.Text.Number(float64(n)), ui.SizeTitle, true, ink)
	return ui.Card("", ui.Pad(-4, -6, ui.Column(1, ui.Caption(name), number, ui.Tight(ui.Note(below, widget.LowImportance)))))
}

// rate is a part of a whole in percent.
func rate(d *ui.Desk, part, of uint64) string {
	if of == 0 {
		return ""
	}
	return percent(d, float64(part)/float64(of))
}

func percent(d *ui.Desk, v float64) string {
	return d.Text.Number(math.Round(v*10000)/100) + " %"
}

func seconds(d *ui.Desk, v float64) string {
	return d.Text.Number(math.Round(v*100)/100) + " s"
}

// perDay draws what left and what arrived, day by day.
func perDay(d *ui.Desk, days []*mostradorv1.DayCounts) *plgv1.PanelChart {
	c := &plgv1.PanelChart{Kind: plgv1.PanelChart_KIND_LINE, Series: []*plgv1.PanelSeries{{Name: d.T("delivery.sent")}, {Name: d.T("delivery.delivered")}}}
	for _, day := range days {
		label := day.Day
		if at, err := time.Parse(time.DateOnly, day.Day); err == nil {
			label = at.Format("02/01")
		}
		c.Labels = append(c.Labels, label)
		c.Series[0].Values = append(c.Series[0].Values, float64(day.Counts.GetSent()))
		c.Series[1].Values = append(c.Series[1].Values, float64(day.Counts.GetDelivered()))
	}
	return c
}

// drawn is how many reasons have room for their words.
const drawn = 6

func reasons(d *ui.Desk, bounces []*mostradorv1.ReasonCount) *plgv1.PanelChart {
	c := &plgv1.PanelChart{Kind: plgv1.PanelChart_KIND_BAR, Series: []*plgv1.PanelSeries{{}}}
	for _, b := range bounces[:min(len(bounces), drawn)] {
		c.Labels = append(c.Labels, Reason(d, b.Reason))
		c.Series[0].Values = append(c.Series[0].Values, float64(b.Count))
	}
	return c
}

func latencies(d *ui.Desk, buckets []*mostradorv1.LatencyCount) *plgv1.PanelChart {
	c := &plgv1.PanelChart{Kind: plgv1.PanelChart_KIND_BAR, Series: []*plgv1.PanelSeries{{}}}
	last := 0.0
	for _, b := range buckets {
		label := "≤ " + seconds(d, b.Seconds)
		if b.Seconds == 0 {
			label = "> " + seconds(d, last)
		}
		last = b.Seconds
		c.Labels = append(c.Labels, label)
		c.Series[0].Values = append(c.Series[0].Values, float64(b.Count))
	}
	return c
}

// table sets the counts of providers or templates out.
func table(d *ui.Desk, name string, rows int, row func(int) (string, *mostradorv1.MessageCounts)) fyne.CanvasObject {
	t := &plgv1.PanelTable{Columns: []*plgv1.PanelColumn{{Label: name}}}
	for _, label := range []string{d.T("delivery.sent"), d.T("delivery.delivered"), d.T("delivery.bounced"), d.T("delivery.blocked"), d.T("delivery.complained"), d.T("delivery.opened"), d.T("delivery.clicked")} {
		t.Columns = append(t.Columns, &plgv1.PanelColumn{Label: label, Number: true})
	}
	for i := range rows {
		name, c := row(i)
		t.Rows = append(t.Rows, &plgv1.PanelCells{Cells: []string{name, d.Text.Number(float64(c.GetSent())), rate(d, c.GetDelivered(), c.GetSent()), rate(d, c.GetHard()+c.GetSoft(), c.GetSent()),
			rate(d, c.GetBlocked(), c.GetSent()), rate(d, c.GetComplained(), c.GetDelivered()), rate(d, c.GetOpened(), c.GetDelivered()), rate(d, c.GetClicked(), c.GetDelivered())}})
	}
	if rows == 0 {
		return ui.Caption(d.T("panel.empty"))
	}
	return ui.NewTable(t)
}
