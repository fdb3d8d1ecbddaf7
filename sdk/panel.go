package sdk

import (
	"errors"
	"fmt"
	"math"

	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// Panel is a read-only block of the quick sheet or of the screen of reports. It holds what the manifest's kind
// of that panel says: Rows, a Table or a Chart. The zero Panel is an empty one of any kind.
type Panel struct {
	Rows  []Row
	Table *Table
	Chart *Chart
}

// Row is one line of a Panel of kind rows.
type Row struct{ Label, Value string }

// Table is a small grid. Every row has one cell for each column.
type Table struct {
	Columns []Column
	Rows    [][]string
}

// Column is the head of one column of a Table.
type Column struct {
	Label string
	// Number says that it holds numbers, which stand to the right.
	Number bool
}

// Chart holds one value of each series for every label.
type Chart struct {
	// Kind is Bar when left out.
	Kind   ChartKind
	Labels []string
	Series []Series
	// Unit is what the values count, for the axis: "puntos", "EUR".
	Unit string
}

// ChartKind is how a Chart is drawn.
type ChartKind int

// The kinds of chart.
const (
	Bar ChartKind = iota + 1
	Line
)

// Series is one line of a Chart, or one colour of its bars.
type Series struct {
	Name   string
	Values []float64
}

// write makes the wire form of a panel that the manifest declares as of that kind. What a screen could not draw
// is an error.
func (p Panel) write(kind manifest.Kind) (*plgv1.Panel, error) {
	for other, filled := range map[manifest.Kind]bool{
		manifest.KindRows: len(p.Rows) > 0, manifest.KindTable: p.Table != nil, manifest.KindChart: p.Chart != nil,
	} {
		if filled && other != kind {
			return nil, fmt.Errorf("sdk: the panel holds %s and its manifest says %s", other, kind)
		}
	}
	w := &plgv1.Panel{}
	for _, r := range p.Rows {
		w.Rows = append(w.Rows, &plgv1.PanelRow{Label: r.Label, Value: r.Value})
	}
	var err error
	if p.Table != nil {
		w.Table, err = p.Table.write()
	}
	if p.Chart != nil {
		w.Chart, err = p.Chart.write()
	}
	return w, err
}

func (t *Table) write() (*plgv1.PanelTable, error) {
	w := &plgv1.PanelTable{}
	for _, c := range t.Columns {
		w.Columns = append(w.Columns, &plgv1.PanelColumn{Label: c.Label, Number: c.Number})
	}
	for i, row := range t.Rows {
		if len(row) != len(t.Columns) {
			return nil, fmt.Errorf("sdk: row %d of the table has %d cells for %d columns", i+1, len(row), len(t.Columns))
		}
		w.Rows = append(w.Rows, &plgv1.PanelCells{Cells: row})
	}
	return w, nil
}

var errNoNumber = errors.New("sdk: a chart holds a value that is no number")

func (c *Chart) write() (*plgv1.PanelChart, error) {
	w := &plgv1.PanelChart{Kind: plgv1.PanelChart_KIND_BAR, Labels: c.Labels, Unit: c.Unit}
	if c.Kind == Line {
		w.Kind = plgv1.PanelChart_KIND_LINE
	}
	for _, s := range c.Series {
		if len(s.Values) != len(c.Labels) {
			return nil, fmt.Errorf("sdk: series %q of the chart has %d values for %d labels", s.Name, len(s.Values), len(c.Labels))
		}
		for _, v := range s.Values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return nil, errNoNumber
			}
		}
		w.Series = append(w.Series, &plgv1.PanelSeries{Name: s.Name, Values: s.Values})
	}
	return w, nil
}
