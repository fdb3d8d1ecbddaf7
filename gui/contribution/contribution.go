// Package contribution draws what plug-ins contribute to the screens, from what their manifests and the host say
// alone: fields, buttons with their forms and questions, and panels of rows, tables and charts. A plug-in that
// nobody has seen before looks as if it had always been there.
package contribution

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"mostrador/gui/ui"
	"mostrador/gui/ui/chart"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// The kinds of panels, as manifests name them.
const (
	kindTable = "table"
	kindChart = "chart"
)

// Panel draws a panel as a card.
func Panel(d *ui.Desk, p *mostradorv1.PanelState) *fyne.Container {
	return ui.Card(p.Title, body(d, p))
}

// Wide tells whether a panel asks for more room than a line of label and value.
func Wide(p *mostradorv1.PanelState) bool { return p.Kind == kindTable || p.Kind == kindChart }

func body(d *ui.Desk, p *mostradorv1.PanelState) fyne.CanvasObject {
	switch content := p.GetPanel(); {
	case p.Error != "":
		return ui.Tight(ui.Note(p.Error, widget.DangerImportance))
	case p.Kind == kindTable && len(content.GetTable().GetRows()) > 0:
		return table(d, content.GetTable())
	case p.Kind == kindChart && drawable(content.GetChart()):
		return chart.New(content.GetChart(), d.Text.Number)
	case !Wide(p) && len(content.GetRows()) > 0:
		return rows(content.GetRows())
	}
	return ui.Text(d.T("panel.empty"), ui.SizeText, false, ui.ColorMuted)
}

func drawable(c *plgv1.PanelChart) bool {
	for _, s := range c.GetSeries() {
		if len(s.GetValues()) > 0 && len(c.GetLabels()) > 0 {
			return true
		}
	}
	return false
}

func table(d *ui.Desk, t *plgv1.PanelTable) fyne.CanvasObject {
	grid := ui.NewTable(t)
	if hidden := len(t.GetRows()) - ui.TableRows; hidden > 0 {
		return ui.Column(6, grid, ui.Caption(d.T("panel.more", "n", hidden)))
	}
	return grid
}

// rows are label and value, line by line; a first value that is short stands out.
func rows(list []*plgv1.PanelRow) fyne.CanvasObject {
	column := ui.Column(6)
	for i, row := range list {
		value := ui.Cell(true)
		value.Alignment = fyne.TextAlignTrailing
		value.SetText(row.Value)
		if i == 0 && len([]rune(row.Value)) <= 12 {
			column.Add(ui.Row(8, ui.Text(row.Label, ui.SizeText, false, ui.ColorMuted), ui.Spring(),
				ui.Text(row.Value, ui.SizeNumber, true, theme.ColorNamePrimary)))
			continue
		}
		column.Add(ui.Frame(8, nil, ui.Text(row.Label, ui.SizeText, false, ui.ColorMuted), ui.Tight(value), nil, nil))
	}
	return column
}
